package retain_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Every table of the schema belongs to a class, so that no new store is without purpose, reader and end (rule L2).
func TestEveryTableHasAClass(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		query := `SELECT name FROM sqlite_master WHERE type = 'table'`
		if h.DB.Engine() == db.Postgres {
			query = `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`
		}
		tables, err := db.All(context.Background(), h.DB, func(r *db.Rows) (s string, err error) { return s, r.Scan(&s) }, query)
		if err != nil || len(tables) < 40 {
			t.Fatal(len(tables), err)
		}
		var named []string
		seen := map[retain.Class]bool{}
		for _, r := range retain.Table() {
			named = append(named, r.Tables...)
			if seen[r.Class] || len(r.Tables) == 0 {
				t.Errorf("class %s is there twice or has no table", r.Class)
			}
			seen[r.Class] = true
			if ends := r.End == retain.Removed || r.End == retain.Destroyed; ends != (r.Period > 0) {
				t.Errorf("class %s: %s after %s", r.Class, r.End, r.Period)
			}
		}
		for _, name := range tables {
			own := strings.HasPrefix(name, "river_") && name != "river_job" || strings.HasPrefix(name, "sqlite_") // of the queue and the engine
			if !own && !slices.Contains(named, name) {
				t.Errorf("table %s is in no class", name)
			}
		}
		for _, name := range named {
			if !slices.Contains(tables, name) {
				t.Errorf("there is no table %s", name)
			}
		}
	})
}

// A legal hold is set by a lead alone, says why, and stands until it is taken away with a fresh proof.
func TestALeadHolds(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		s := &retain.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit}
		object := func(kind ref.Kind, number string, red bool) access.Object {
			o := access.Object{Ref: ref.Ref{Kind: kind}, Number: number, Realm: access.Team, TLP: tlp.Amber}
			if red {
				o.Sealed = true
			}
			err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				if err := access.Protect(ctx, tx, &o, h.Clock.Now()); err != nil {
					return err
				}
				_, err := h.Ring.Create(ctx, tx, o.Ref.ID, h.Clock.Now())
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		report, incident, sealed, thread := object(ref.Report, "R-2026-AAAAAA", false), object(ref.Incident, "INC-2026-000001", false), object(ref.Incident, "INC-2026-000002", true), object(ref.Thread, "", false)
		lea, ana := h.Person(1, "Lea", access.Lead), h.Person(2, "Ana", access.Analyst)
		const why = "the court of Valmora asked"

		for _, c := range []struct {
			what   string
			by     access.Actor
			kind   ref.Kind
			name   string
			reason string
			want   errs.Kind
		}{
			{"an analyst", ana, ref.Report, report.UID, why, errs.Forbidden},
			{"an administrator", h.Person(3, "Ada", access.Admin), ref.Report, report.UID, why, errs.Forbidden},
			{"an auditor", h.Person(4, "Otto", access.Auditor), ref.Report, report.UID, why, errs.Forbidden},
			{"nobody", access.Actor{}, ref.Report, report.UID, why, errs.Unauthenticated},
			{"without a reason", lea, ref.Report, report.UID, " ", errs.Invalid},
			{"with a word for a reason", lea, ref.Report, report.UID, "court", errs.Invalid},
			{"with a book for a reason", lea, ref.Report, report.UID, strings.Repeat("court ", 400), errs.Invalid},
			{"a sealed case that does not name the lead", lea, ref.Incident, sealed.UID, why, errs.NotFound},
			{"a thread", lea, ref.Thread, thread.UID, why, errs.NotFound},
			{"a report named as an incident", lea, ref.Incident, report.UID, why, errs.NotFound},
		} {
			if _, err := s.Set(ctx, c.by, c.kind, c.name, c.reason); !errs.Is(err, c.want) {
				t.Errorf("%s: %v", c.what, err)
			}
		}
		if got, err := s.Set(ctx, lea, ref.Report, report.Number, "  "+why+" "); err != nil || got.On != report.Ref || got.Reason != why {
			t.Fatalf("%+v %v", got, err)
		}
		if _, err := s.Set(ctx, lea, ref.Incident, incident.Number, why); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Set(ctx, lea, ref.Report, report.UID, why); !errs.Is(err, errs.Conflict) {
			t.Errorf("twice: %v", err)
		}
		got, held, err := s.Held(ctx, h.DB, report.Ref.ID)
		if err != nil || !held || got.By != 1 || got.Reason != why || !got.At.Equal(h.Clock.Now()) {
			t.Errorf("%+v %t %v", got, held, err)
		}
		if list, err := s.List(ctx, ana); err != nil || len(list) != 2 || list[0].Reason != "" {
			t.Errorf("%+v %v", list, err)
		}
		if list, err := s.List(ctx, h.Person(9, "Peer", access.Peer)); err != nil || len(list) != 0 {
			t.Errorf("a peer reads of holds: %+v %v", list, err)
		}

		stale := lea
		stale.ProvedAt = h.Clock.Now().Add(-time.Hour)
		for what, c := range map[string]struct {
			by     access.Actor
			reason string
			want   errs.Kind
		}{
			"an analyst": {ana, why, errs.Forbidden}, "an old proof": {stale, why, errs.Unauthenticated}, "no reason": {lea, "", errs.Invalid},
		} {
			if err := s.Release(ctx, c.by, ref.Report, report.UID, c.reason); !errs.Is(err, c.want) {
				t.Errorf("release by %s: %v", what, err)
			}
		}
		if err := s.Release(ctx, lea, ref.Report, report.UID, "the court is done with it"); err != nil {
			t.Fatal(err)
		}
		if err := s.Release(ctx, lea, ref.Report, report.UID, "the court is done with it"); !errs.Is(err, errs.Conflict) {
			t.Errorf("released twice: %v", err)
		}
		if _, held, err := s.Held(ctx, h.DB, report.Ref.ID); held || err != nil {
			t.Errorf("held still: %v", err)
		}
		rows, err := h.Audit.About(ctx, h.DB, report.Ref.ID, 0, 10)
		if err != nil || len(rows) != 2 || rows[0].Verb != "retain.hold" || rows[0].Note != why || rows[1].Verb != "retain.release" {
			t.Errorf("the record: %+v %v", rows, err)
		}

		// What is gone can be held no more.
		if err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return h.Ring.Destroy(ctx, tx, report.Ref.ID, h.Clock.Now(), "rejected")
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Set(ctx, lea, ref.Report, report.UID, why); err != keyring.ErrDestroyed { //nolint:errorlint // this very value
			t.Errorf("held after its end: %v", err)
		}
	})
}
