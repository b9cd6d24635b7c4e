package presence_test

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/presence"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Who opened what is known to the team, written once a minute; who is still there counts for five minutes, and coming back is news again.
func TestWhoLooksAtWhat(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := t.Context()
		s := &presence.Service{DB: h.DB, Clock: h.Clock}
		ana, rui, out := h.Person(1, "Ana", access.Analyst), h.Person(2, "Rui", access.Analyst), h.Constituent(3, "Eve", 7)
		o := access.Object{Ref: ref.Ref{Kind: ref.Report}, Realm: access.Team, TLP: tlp.Green}
		if err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return access.Protect(ctx, tx, &o, h.Clock.Now()) }); err != nil {
			t.Fatal(err)
		}
		note := func(by access.Actor) {
			t.Helper()
			if err := s.Note(ctx, by, o.Ref); err != nil {
				t.Fatal(err)
			}
		}
		began := h.Clock.Now()
		note(ana)
		note(out)
		h.Clock.Advance(30 * time.Second)
		note(ana)
		seen, err := s.Of(ctx, h.DB, rui, o.Ref.ID)
		if err != nil || len(seen[o.Ref.ID]) != 1 || !seen[o.Ref.ID][0].Last.Equal(began) || !seen[o.Ref.ID][0].Here(h.Clock.Now()) {
			t.Errorf("Rui reads %+v, %v", seen, err)
		}
		if own, _ := s.Of(ctx, h.DB, ana, o.Ref.ID); len(own) != 0 {
			t.Errorf("Ana is told of herself: %+v", own)
		}
		if theirs, _ := s.Of(ctx, h.DB, out, o.Ref.ID); len(theirs) != 0 {
			t.Errorf("an organisation is told: %+v", theirs)
		}
		came, at, err := s.Came(ctx, rui, time.Unix(0, 0))
		if err != nil || len(came) != 1 || came[0] != o.Ref {
			t.Errorf("came %+v, %v", came, err)
		}
		if again, _, _ := s.Came(ctx, rui, at); len(again) != 0 {
			t.Errorf("told twice: %+v", again)
		}
		h.Clock.Advance(2 * time.Minute)
		note(ana) // still there: no news
		if again, _, _ := s.Came(ctx, rui, at); len(again) != 0 {
			t.Errorf("who stays is news: %+v", again)
		}
		h.Clock.Advance(6 * time.Minute)
		if around, _ := s.Around(ctx, h.DB, rui, o.Ref.ID); len(around) != 0 {
			t.Errorf("after six minutes: %+v", around)
		}
		note(ana)
		if again, _, _ := s.Came(ctx, rui, at); len(again) != 1 {
			t.Errorf("coming back is no news: %+v", again)
		}
		if own, _, _ := s.Came(ctx, ana, at); len(own) != 0 {
			t.Errorf("Ana hears of herself: %+v", own)
		}
	})
}
