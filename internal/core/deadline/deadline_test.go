package deadline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func service(h *coretest.House) *deadline.Service {
	return &deadline.Service{DB: h.DB, Clock: h.Clock, Audit: h.Audit}
}

func object(t *testing.T, h *coretest.House, kind ref.Kind, compartment int64, label tlp.Level) access.Object {
	t.Helper()
	o := access.Object{Ref: ref.Ref{Kind: kind}, Realm: access.Team, TLP: label, Compartment: compartment}
	write(t, h, func(ctx context.Context, tx *db.Tx) error {
		if err := access.Protect(ctx, tx, &o, h.Clock.Now()); err != nil {
			return err
		}
		_, err := h.Ring.Create(ctx, tx, o.Ref.ID, h.Clock.Now())
		return err
	})
	return o
}

func write(t *testing.T, h *coretest.House, do func(ctx context.Context, tx *db.Tx) error) {
	t.Helper()
	if err := h.DB.Write(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, h *coretest.House, s *deadline.Service, c deadline.Clock) deadline.Clock {
	t.Helper()
	write(t, h, func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = s.StartTx(ctx, tx, access.System("intake"), c)
		return err
	})
	return c
}

// A clock runs on the strip of a report, moves to the incident's, is met, and runs again when that was undone.
func TestAClockRunsMovesAndIsMet(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx, s, ana := t.Context(), service(h), h.Person(1, "Ana", access.Analyst)
		report, incident := object(t, h, ref.Report, 0, tlp.Amber), object(t, h, ref.Incident, 0, tlp.Amber)
		c := start(t, h, s, deadline.Clock{About: report.Ref, Kind: "first_answer", OwedBy: deadline.Us, DueAt: h.Clock.Now().Add(24 * time.Hour), Law: "NIS2 Art. 23(5)"})
		if c.Under != report.Ref || !c.StartedAt.Equal(h.Clock.Now()) || !c.Open() {
			t.Fatalf("started as %+v", c)
		}
		write(t, h, func(ctx context.Context, tx *db.Tx) error { return s.MoveTx(ctx, tx, report.Ref, incident.Ref) })
		under, err := s.Under(ctx, h.DB, incident.Ref.ID, report.Ref.ID)
		if err != nil || len(under[incident.Ref.ID]) != 1 || len(under[report.Ref.ID]) != 0 || under[incident.Ref.ID][0].Law != c.Law {
			t.Fatalf("under the incident: %+v, %v", under, err)
		}
		running := func(kind string) map[int64]deadline.Clock {
			t.Helper()
			out, err := s.Running(ctx, h.DB, kind, report.Ref.ID, incident.Ref.ID)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if got := running("first_answer"); len(got) != 1 || !got[report.Ref.ID].DueAt.Equal(c.DueAt) || !got[report.Ref.ID].StartedAt.Equal(c.StartedAt) || len(running("request")) != 0 {
			t.Fatalf("running: %+v", got)
		}
		h.Clock.Advance(25 * time.Hour)
		write(t, h, func(ctx context.Context, tx *db.Tx) error {
			return s.MeetTx(ctx, tx, ana, report.Ref, "first_answer", h.Clock.Now())
		})
		if got := running("first_answer"); len(got) != 0 {
			t.Fatalf("a met clock runs: %+v", got)
		}
		open, _, err := s.List(ctx, ana, deadline.Filter{})
		if err != nil || len(open) != 0 {
			t.Fatalf("a met clock is listed: %+v, %v", open, err)
		}
		rows, err := h.Audit.About(ctx, h.DB, incident.Ref.ID, 0, 10)
		if err != nil || len(rows) != 1 || rows[0].Verb != "deadline.meet" || len(rows[0].Changes) != 2 || rows[0].Changes[1].Field != "late" {
			t.Fatalf("recorded %+v, %v", rows, err)
		}
		write(t, h, func(ctx context.Context, tx *db.Tx) error {
			_, err := s.ReopenTx(ctx, tx, ana, report.Ref, "first_answer")
			return err
		})
		about, err := s.About(ctx, h.DB, report.Ref.ID)
		if err != nil || !about[report.Ref.ID][0].Open() {
			t.Fatalf("undone, it runs again: %+v, %v", about, err)
		}
		write(t, h, func(ctx context.Context, tx *db.Tx) error {
			return s.StopTx(ctx, tx, ana, report.Ref, "first_answer", "no longer wanted")
		})
		if n, err := s.Tick(ctx, nil); n != 0 || err != nil {
			t.Fatalf("a stopped clock ticks: %d, %v", n, err)
		}
	})
}

func TestAClockWithoutAnEndIsRefused(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		s, o := service(h), object(t, h, ref.Report, 0, tlp.Amber)
		for _, c := range []deadline.Clock{
			{Kind: "x", OwedBy: "us", DueAt: h.Clock.Now()},
			{About: o.Ref, OwedBy: "us", DueAt: h.Clock.Now()},
			{About: o.Ref, Kind: "x", OwedBy: "somebody", DueAt: h.Clock.Now()},
			{About: o.Ref, Kind: "x", OwedBy: "us"},
			{About: o.Ref, Kind: "x", OwedBy: "us", DueAt: h.Clock.Now().Add(-time.Second)},
		} {
			err := h.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := s.StartTx(ctx, tx, access.System("intake"), c)
				return err
			})
			if err == nil {
				t.Errorf("%+v was taken", c)
			}
		}
	})
}

// Two processes tick at once: each clock is reminded once and escalated once; a handler that fails leaves its clock due and hinders none.
func TestEachClockIsHandedOverOnce(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx, s := t.Context(), service(h)
		for i := range 30 {
			o := object(t, h, ref.Request, 0, tlp.Amber)
			start(t, h, s, deadline.Clock{About: o.Ref, Kind: "request", OwedBy: deadline.Them, RemindAt: h.Clock.Now().Add(time.Hour), DueAt: h.Clock.Now().Add(time.Duration(2+i%2) * time.Hour)})
		}
		bad := object(t, h, ref.Measure, 0, tlp.Amber)
		start(t, h, s, deadline.Clock{About: bad.Ref, Kind: "measure", OwedBy: deadline.Them, RemindAt: h.Clock.Now().Add(time.Minute), DueAt: h.Clock.Now().Add(time.Hour)})
		broken := true
		var mu sync.Mutex
		seen := map[string]int{}
		handlers := map[string]deadline.Due{
			"request": func(_ context.Context, tx *db.Tx, c deadline.Clock, escalate bool) error {
				tx.AfterCommit(func() {
					mu.Lock()
					defer mu.Unlock()
					seen[fmt.Sprint(c.ID, escalate)]++
				})
				return nil
			},
			"measure": func(_ context.Context, _ *db.Tx, _ deadline.Clock, escalate bool) error {
				if broken && escalate {
					panic("a handler with a fault")
				}
				if broken {
					return errors.New("not now")
				}
				return nil
			},
		}
		tick := func() int {
			var wg sync.WaitGroup
			var n [2]int
			for p := range 2 {
				wg.Go(func() {
					n[p], _ = (&deadline.Service{DB: h.DB, Clock: h.Clock, Audit: h.Audit}).Tick(ctx, handlers)
				})
			}
			wg.Wait()
			return n[0] + n[1]
		}
		if n := tick(); n != 0 {
			t.Fatalf("%d before any is due", n)
		}
		h.Clock.Advance(time.Hour)
		if n := tick(); n != 30 {
			t.Errorf("%d reminded, want 30", n)
		}
		h.Clock.Advance(3 * time.Hour)
		if n := tick(); n != 30 {
			t.Errorf("%d escalated, want 30", n)
		}
		if n := tick(); n != 0 {
			t.Errorf("%d handed over again", n)
		}
		if len(seen) != 60 {
			t.Errorf("%d hand-overs, want 60", len(seen))
		}
		for k, n := range seen {
			if n != 1 {
				t.Errorf("%s was handed over %d times", k, n)
			}
		}
		broken = false
		if n := tick(); n != 2 {
			t.Errorf("the mended handler got %d, want its reminder and its escalation", n)
		}
	})
}

// The list shows each reader what its scope shows, in order of due time, page by page (A2, A6).
func TestTheListIsTheReadersOwn(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx, s := t.Context(), service(h)
		hospital, port := object(t, h, ref.Organisation, 0, tlp.Green), object(t, h, ref.Organisation, 0, tlp.Green)
		mk := func(kind ref.Kind, compartment int64, label tlp.Level, side string, due time.Duration) {
			o := object(t, h, kind, compartment, label)
			start(t, h, s, deadline.Clock{About: o.Ref, Compartment: compartment, Kind: "k", OwedBy: side, DueAt: h.Clock.Now().Add(due)})
		}
		mk(ref.Request, hospital.Ref.ID, tlp.Amber, deadline.Them, 3*time.Hour)
		mk(ref.Request, port.Ref.ID, tlp.Amber, deadline.Them, 1*time.Hour)
		mk(ref.Measure, hospital.Ref.ID, tlp.Amber, deadline.Them, 2*time.Hour)
		mk(ref.Report, 0, tlp.Red, deadline.Us, 4*time.Hour)
		mk(ref.Incident, 0, tlp.Amber, deadline.Us, 5*time.Hour)
		count := func(by access.Actor, f deadline.Filter) (n int) {
			t.Helper()
			var last time.Time
			for {
				page, next, err := s.List(ctx, by, f)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range page {
					if c.DueAt.Before(last) {
						t.Errorf("out of order: %s after %s", c.DueAt, last)
					}
					last = c.DueAt
				}
				n += len(page)
				if next == "" {
					return n
				}
				f.After = next
			}
		}
		ana, rui := h.Person(1, "Ana", access.Analyst), h.Constituent(2, "Rui", hospital.Ref.ID)
		for _, c := range []struct {
			who  string
			by   access.Actor
			f    deadline.Filter
			want int
		}{
			{"analyst", ana, deadline.Filter{Limit: 2}, 5},
			{"analyst, ours", ana, deadline.Filter{OwedBy: deadline.Us}, 2},
			{"hospital", rui, deadline.Filter{Limit: 1}, 2},
			{"administrator", h.Person(3, "Root", access.Admin), deadline.Filter{}, 0},
			{"stranger", access.Stranger(access.ByPage, "en"), deadline.Filter{}, 0},
			{"late", ana, deadline.Filter{Late: true}, 0},
		} {
			if n := count(c.by, c.f); n != c.want {
				t.Errorf("%s sees %d clocks, want %d", c.who, n, c.want)
			}
		}
		h.Clock.Advance(90 * time.Minute)
		if n := count(ana, deadline.Filter{Late: true}); n != 1 {
			t.Errorf("%d late, want 1", n)
		}
		if _, _, err := s.List(ctx, ana, deadline.Filter{After: "nonsense"}); !errs.Is(err, errs.Invalid) {
			t.Errorf("a cursor that is none: %v", err)
		}
	})
}

// No statement of the list or the tick reads the whole table.
func TestPlansUseIndexes(t *testing.T) {
	h := coretest.Open(t, "sqlite")
	ctx := t.Context()
	q := new(db.Query).Add(`EXPLAIN QUERY PLAN SELECT c.id FROM `)
	access.Sees(h.Person(1, "Ana", access.Analyst)).From(q, ref.Request).Add(` JOIN deadline_clock c ON c.about = o.id WHERE c.about_kind = ?
		AND c.met_at IS NULL AND c.stopped_at IS NULL ORDER BY c.due_at, c.id LIMIT 50`, int64(ref.Request))
	for name, query := range map[string]*db.Query{
		"list": q,
		"remind": new(db.Query).Add(`EXPLAIN QUERY PLAN SELECT c.id FROM deadline_clock c WHERE c.remind_at IS NOT NULL AND c.reminded_at IS NULL
			AND c.met_at IS NULL AND c.stopped_at IS NULL AND c.remind_at <= ? ORDER BY c.remind_at, c.id LIMIT 200`, 1),
		"escalate": new(db.Query).Add(`EXPLAIN QUERY PLAN SELECT c.id FROM deadline_clock c WHERE c.escalated_at IS NULL
			AND c.met_at IS NULL AND c.stopped_at IS NULL AND c.due_at <= ? ORDER BY c.due_at, c.id LIMIT 200`, 1),
	} {
		lines, err := db.List(ctx, h.DB, query, func(r *db.Rows) (string, error) {
			var a, b, c int64
			var line string
			return line, r.Scan(&a, &b, &c, &line)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			if strings.HasPrefix(l, "SCAN") || strings.Contains(l, "TEMP B-TREE") {
				t.Errorf("%s: %s\nin %s", name, l, strings.Join(lines, "\n"))
			}
		}
	}
}
