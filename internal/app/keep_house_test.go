package app

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// aged is a house whose clock the test moves through years.
type aged struct {
	*house
	now *clock.Fake
}

func onEachAged(t *testing.T, story func(h *aged)) {
	pgtest.OnEach(t, func(t *testing.T, engine string) {
		now := clock.NewFake(time.Now().Truncate(time.Hour))
		story(&aged{newHouseAt(t, engine, now), now})
	})
}

// daily does what the jobs do every hour or minute.
func (h *aged) daily() {
	h.t.Helper()
	_, err := h.Intake.End(h.t.Context())
	h.must(err)
	h.must(h.Correspondence.End(h.t.Context()))
	h.must(h.sweep(h.t.Context()))
}

func (h *aged) count(query string, args ...any) (n int64) {
	h.t.Helper()
	h.must(h.DB.QueryRow(h.t.Context(), query, args...).Scan(&n))
	return n
}

// staff gives an actor who proved just now who it is.
func (h *aged) staff(account int64, role access.Role) access.Actor {
	return access.Actor{Account: account, Name: "Person " + string(role), Roles: []access.Role{role}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: h.now.Now(), AskedAt: h.now.Now(), Lang: "en"}
}

// mailed takes a report by mail, with the mail as it came and an attachment, as the mailroom does.
func (h *aged) mailed(word string, raw []byte) intake.Received {
	h.t.Helper()
	ctx := h.t.Context()
	a := []correspondence.Arrival{{From: word + "@away.example", To: []string{teamAddress}, PeerIP: "192.0.2.9", Raw: raw}}
	h.must(h.Correspondence.Arrive(ctx, a))
	files, err := h.Correspondence.StoreFiles(ctx, a[0].ID, []correspondence.FileIn{{Name: word + ".txt", Type: "text/plain", Content: strings.NewReader(word + strings.Repeat(" attached", 20))}})
	h.must(err)
	var got intake.Received
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		got, err = h.Intake.ReceiveTx(ctx, tx, access.System("intake"), intake.ReceiveInput{
			Channel: correspondence.ByMail, Lang: "en", Proof: correspondence.Claimed, Arrival: a[0].ID, MessageID: word + "@away.example", NoReceipt: true,
			Body: intake.Body{Summary: word, Description: "they wrote " + word, Email: word + "@away.example"}, Message: correspondence.Body{Subject: word, Text: word},
		}, files)
		if err != nil {
			return err
		}
		return h.Correspondence.SortedTx(ctx, tx, map[int64]ref.Ref{a[0].ID: got.Report.Ref})
	}))
	return got
}

// filed takes a report by the form, with a file that came before its thread.
func (h *aged) filed(word string) intake.Received {
	h.t.Helper()
	got, err := h.Intake.Receive(h.t.Context(), access.Stranger(access.ByPage, "en"), intake.ReceiveInput{
		Channel: correspondence.ByForm, Lang: "en", NoReceipt: true, Body: intake.Body{Summary: word, Description: "they wrote " + word},
		Files: []correspondence.FileIn{{Name: word + ".txt", Content: strings.NewReader(word)}},
	})
	h.must(err)
	return got
}

func (h *aged) set(r intake.Received, state intake.State) {
	h.t.Helper()
	ana, ctx := h.staff(1, access.Analyst), h.t.Context()
	var err error
	switch state {
	case intake.Rejected:
		_, err = h.Intake.Reject(ctx, ana, r.Reference, "spam", "the note about it", 0)
	case intake.PassedOn:
		_, err = h.Intake.PassOn(ctx, ana, r.Reference, "another team", "", 0)
	}
	h.must(err)
}

// verified holds the whole record against its tree.
func (h *aged) verified() {
	h.t.Helper()
	ctx := h.t.Context()
	for {
		n, err := h.Sequencer.Number(ctx)
		h.must(err)
		if n == 0 {
			break
		}
	}
	h.must(h.Sequencer.Checkpoint(ctx))
	p, err := audit.Verify(ctx, h.DB, h.Ring, h.Verifier)
	h.must(err)
	if len(p.Problems) > 0 || p.Erased == 0 || p.Checkpoints == 0 {
		h.t.Errorf("the record after destruction: %+v", p)
	}
}

func second[T any](_ T, err error) error { return err }

// tables lists the tables of the house, without those of the queue.
func (h *aged) tables() []string {
	h.t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if h.DB.Engine() == db.Postgres {
		query = `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`
	}
	all, err := db.All(h.t.Context(), h.DB, func(r *db.Rows) (s string, err error) { return s, r.Scan(&s) }, query)
	h.must(err)
	return slices.DeleteFunc(all, func(s string) bool { return strings.HasPrefix(s, "river_") || strings.HasPrefix(s, "sqlite_") })
}
