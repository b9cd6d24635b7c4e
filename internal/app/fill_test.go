package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/sample/fill"
)

// A filled house is one in which people can work: it lists, finds, opens and moves what it was filled with, and its record holds.
func TestAFilledHouseWorks(t *testing.T) {
	for _, engine := range pgtest.Engines(t) {
		t.Run(engine, func(t *testing.T) {
			ctx := context.Background()
			c := conf.Config{Data: filepath.Join(t.TempDir(), "data")}
			if engine == "postgres" {
				c.Database = conf.EndpointOf(pgtest.DSN(t, func(context.Context, string) error { return nil }, "empty"))
			}
			h, err := app.Open(ctx, c, slog.New(slog.NewTextHandler(t.Output(), nil)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(h.Close)
			var said bytes.Buffer
			size := fill.Size{Incidents: 620, Reports: 700, Organisations: 510, Seed: 7}
			began := time.Now()
			if err := h.Fill(ctx, size, &said); err != nil {
				t.Fatal(err)
			}
			t.Log(time.Since(began), said.String())
			if !strings.Contains(said.String(), "incidents: 620 in") {
				t.Error("nobody was told")
			}
			if err := h.Fill(ctx, size, nil); !errs.Is(err, errs.Conflict) {
				t.Errorf("a full house was filled again: %v", err)
			}
			counted, known := `SELECT COUNT(*) FROM sqlite_stat1 WHERE tbl = 'intake_report'`, 0
			if engine == "postgres" {
				counted = `SELECT COUNT(*) FROM pg_stats WHERE tablename = 'intake_report'`
			}
			if err := h.DB.QueryRow(ctx, counted).Scan(&known); err != nil || known == 0 {
				t.Errorf("the planner knows nothing of the reports: %v", err)
			}
			by := access.Actor{Account: 1, Name: "Marta", Roles: []access.Role{access.Lead}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: h.Clock.Now(), Lang: "en"}
			page, err := h.Incidents.List(ctx, by, incident.Filter{State: "all", Limit: 500})
			if err != nil || len(page.Items) != 500 || page.Next == "" {
				t.Fatalf("%d incidents, %v", len(page.Items), err)
			}
			found, err := h.Incidents.List(ctx, by, incident.Filter{Text: page.Items[3].Title, Limit: 50})
			if err != nil || len(found.Items) == 0 {
				t.Errorf("the title of an incident does not find it: %v", err)
			}
			var large incident.Incident
			parties := 0
			for _, in := range page.Items {
				rows, err := h.Coordination.Matrix(ctx, by, in.UID)
				if err != nil {
					t.Fatal(err)
				}
				if len(rows) > parties {
					large, parties = in, len(rows)
				}
			}
			if parties != 500 {
				t.Errorf("the largest incident has %d parties", parties)
			}
			rows, err := h.Coordination.Matrix(ctx, by, large.UID)
			if err != nil {
				t.Fatal(err)
			}
			open := 0
			for _, r := range rows {
				if r.ToldAt.IsZero() {
					t.Fatalf("%s was not told", r.Party.Name)
				}
				if !r.SilentSince.IsZero() {
					open++
					moved, err := h.Coordination.Move(ctx, by, r.Measures[0].UID, coordination.MoveInput{To: coordination.Acknowledged})
					if err != nil || moved.State != coordination.Acknowledged {
						t.Fatal(err)
					}
					break
				}
			}
			if open == 0 {
				t.Error("nobody is silent")
			}
			note := incident.Entry{Kind: incident.Note, Text: "Still going on."}
			if _, err := h.Incidents.AddEntry(ctx, by, large.Number, note); err != nil {
				t.Error(err)
			}
			fresh, err := h.Incidents.Open(ctx, by, incident.NewIncident{Title: "One more"})
			if err != nil || fresh.Number <= page.Items[0].Number {
				t.Errorf("the next number is %s: %v", fresh.Number, err)
			}
			queue, err := h.Intake.Queue(ctx, by, intake.QueueFilter{Limit: 200})
			if err != nil || len(queue.Items) == 0 {
				t.Fatalf("%d wait, %v", len(queue.Items), err)
			}
			for _, l := range queue.Items {
				if l.Body.Summary == "" {
					t.Fatal("a report without words")
				}
			}
			if _, err := h.Intake.Reply(ctx, by, queue.Items[0].UID, correspondence.Outgoing{Subject: "Re: yours", Text: "We look at it."}); err != nil && !errs.Is(err, errs.Forbidden) {
				t.Error(err)
			}
			for n := 1; n > 0; {
				if n, err = h.Sequencer.Number(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if err := h.Sequencer.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := audit.Verify(ctx, h.DB, h.Ring, h.Verifier); err != nil {
				t.Errorf("the record does not hold: %v", err)
			}
		})
	}
}

// stopping ends a fill when it has written its incidents.
type stopping struct{ stop context.CancelFunc }

func (s stopping) Write(b []byte) (int, error) {
	if strings.HasPrefix(string(b), "incidents: 30 in") {
		s.stop()
	}
	return len(b), nil
}

// A fill that is stopped leaves a database with all its indexes, which is not filled again.
func TestAStoppedFillLeavesTheIndexes(t *testing.T) {
	for _, engine := range pgtest.Engines(t) {
		t.Run(engine, func(t *testing.T) {
			c := conf.Config{Data: filepath.Join(t.TempDir(), "data")}
			indexes := `SELECT COUNT(*) FROM sqlite_master WHERE type = 'index'`
			if engine == "postgres" {
				c.Database = conf.EndpointOf(pgtest.DSN(t, func(context.Context, string) error { return nil }, "empty"))
				indexes = `SELECT COUNT(*) FROM pg_indexes WHERE schemaname = current_schema()`
			}
			h, err := app.Open(t.Context(), c, slog.New(slog.NewTextHandler(t.Output(), nil)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(h.Close)
			count := func(query string) (n int) {
				if err := h.DB.QueryRow(t.Context(), query).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			before := count(indexes)
			ctx, stop := context.WithCancel(t.Context())
			size := fill.Size{Incidents: 30, Reports: 30, Organisations: 5, Seed: 2}
			if err := h.Fill(ctx, size, stopping{stop}); !errors.Is(err, context.Canceled) {
				t.Fatalf("the fill ended with %v", err)
			}
			if after := count(indexes); after != before || before == 0 {
				t.Errorf("%d indexes of %d", after, before)
			}
			if n := count(`SELECT COUNT(*) FROM incident_incident`); n != 30 {
				t.Errorf("%d incidents are kept", n)
			}
			if err := h.Fill(t.Context(), size, nil); !errs.Is(err, errs.Conflict) {
				t.Errorf("filled again: %v", err)
			}
		})
	}
}
