package constituency_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Once the team turns it on, an organisation is asked once and reminded once, whoever is killed in between or works beside; a confirmation ends it, and what nobody
// confirms becomes work.
func TestOnceAYearAnOrganisationIsAsked(t *testing.T) {
	proving(t, func(ctx context.Context, c *country, _ *outside) {
		water, power := c.organisation(ctx, "Water"), c.organisation(ctx, "Power")
		person := func(o constituency.Organisation, email, lang string, verified bool) constituency.Contact {
			t.Helper()
			k, err := c.s.AddContact(ctx, c.analyst, o.UID, constituency.NewContact{Name: "Somebody", Email: email, Lang: lang})
			if err == nil && verified {
				_, err = c.s.VerifyContact(ctx, c.analyst, k.UID, "telephone")
			}
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		person(water, "eva@water.example", "pt", true)
		person(water, "old@water.example", "", true)
		person(water, "new@water.example", "", false)
		person(power, "pat@power.example", "", false)
		var mu sync.Mutex
		var left []string
		full, killed := map[string]bool{}, false
		c.s.SendAsk = func(_ context.Context, _ *db.Tx, l constituency.AskLetter) (bool, error) {
			if killed {
				return false, errors.New("killed")
			}
			again := ""
			if l.Again {
				again = " again"
			}
			mu.Lock()
			defer mu.Unlock()
			if !full[l.To.Email] {
				left = append(left, l.To.Email+" "+l.Lang+again)
			}
			return !full[l.To.Email], nil
		}
		look := func(want ...string) {
			t.Helper()
			left = nil
			var wg sync.WaitGroup
			for range 2 { // a job may run twice at once
				wg.Go(func() {
					if err := c.s.AskAll(ctx); err != nil && !killed {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if slices.Sort(left); !slices.Equal(left, want) {
				t.Errorf("%s: %q, want %q", c.Clock.Now(), left, want)
			}
		}
		stale := func() (out []string) {
			t.Helper()
			list, _, err := c.s.Todo(ctx, c.DB, c.analyst, constituency.TaskStale)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range list {
				out = append(out, x.Name)
			}
			return out
		}
		c.Clock.Advance(340 * day)
		look() // off
		lead := c.Person(4, "Lea", access.Lead)
		off, on := constituency.AskRule{}, constituency.AskRule{Days: 30}
		c.refused(c.s.SetAskRule(ctx, c.analyst, off, on), errs.Forbidden, "an analyst")
		c.refused(c.s.SetAskRule(ctx, lead, off, constituency.AskRule{Days: 91}), errs.Invalid, "91 days")
		c.refused(c.s.SetAskRule(ctx, lead, on, constituency.AskRule{Days: 20}), errs.Conflict, "not as it was read")
		if err := c.s.SetAskRule(ctx, lead, off, on); err != nil {
			t.Fatal(err)
		}
		killed = true
		look()
		killed = false
		full["eva@water.example"], full["old@water.example"] = true, true
		look() // they had enough mail today
		full = map[string]bool{}
		look("eva@water.example pt", "old@water.example pt")
		look()
		if a, err := c.s.AskedOf(ctx, c.DB, power.Ref.ID); err != nil || a.At.IsZero() || a.Letters != 0 {
			t.Errorf("nobody to write to: %+v %v", a, err)
		}
		if err := c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return c.s.AddressFailedTx(ctx, tx, "old@water.example", constituency.WhyBounced)
		}); err != nil {
			t.Fatal(err)
		}
		c.Clock.Advance(26 * day)
		if got := stale(); !slices.Equal(got, []string{"Power"}) {
			t.Errorf("while a letter asks: %q", got)
		}
		look("eva@water.example pt again")
		look()
		if got := stale(); !slices.Equal(got, []string{"Power"}) {
			t.Errorf("just reminded: %q", got)
		}
		c.Clock.Advance(15 * day)
		if got := stale(); !slices.Equal(got, []string{"Water", "Power"}) {
			t.Errorf("nobody answered: %q", got)
		}
		look()
		if err := c.s.Confirm(ctx, c.Constituent(10, "Eva", water.Ref.ID)); err != nil {
			t.Fatal(err)
		}
		if a, err := c.s.AskedOf(ctx, c.DB, water.Ref.ID); err != nil || !a.At.IsZero() || !a.DueAt.Equal(c.Clock.Now().Add(constituency.ConfirmEvery)) {
			t.Errorf("a new year: %+v %v", a, err)
		}
		c.Clock.Advance(334 * day)
		look()
		c.Clock.Advance(2 * day)
		look("eva@water.example pt")
		if err := c.s.Confirm(ctx, c.Constituent(10, "Eva", water.Ref.ID)); err != nil {
			t.Fatal(err)
		}
		c.Clock.Advance(40 * day)
		look() // confirmed in time: no reminder
	})
}
