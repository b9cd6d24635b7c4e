package intake_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Belgium's entity is hit and so are others abroad: each state that is named is to be told, with a clock of its own that the duty officer is paged for.
// One is told by letter, one is let go by a lead, one was named by mistake; who reported learns of no state.
func TestEachAffectedStateIsTold(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.s.Correspondence.Follow = followed{d.s}
		d.s.Country = "BE"
		r := d.under(ctx, "be-nis2", "early_warning", d.Clock.Now().Add(-time.Hour))
		o := d.obligations(ctx, d.ana, r)[0]
		began := d.Clock.Now()
		if strings.Contains(d.standing(ctx, o, began), "other_states") {
			t.Fatal("nothing is known of other states, and one is owed")
		}
		for name, bad := range map[string][]string{"three letters": {"FRA"}, "our own": {"be"}, "no letters": {"1x"}, "markup": {"<b"}} {
			if _, err := d.s.NameStates(ctx, d.ana, o.UID, bad, ""); len(errs.Fields(err)) != 1 {
				t.Errorf("%s: %v", name, err)
			}
		}
		rui := d.Constituent(2, "Rui", d.hospital.Ref.ID)
		_, err := d.s.NameStates(ctx, rui, o.UID, []string{"FR"}, "")
		d.refused("who reported names states", err, errs.Forbidden)
		d.Clock.Advance(time.Hour)
		if o, err = d.s.NameStates(ctx, d.ana, o.UID, []string{"fr", " DE", "FR", ""}, "Addresses in both"); err != nil {
			t.Fatal(err)
		}
		if got := d.standing(ctx, o, began); !strings.Contains(got, "other_states.DE runs 25; other_states.FR runs 25") || !slices.Equal(o.States(), []string{"DE", "FR"}) {
			t.Fatalf("after naming two: %s", got)
		}
		d.Clock.Advance(time.Hour)
		if o, err = d.s.NameStates(ctx, d.ana, o.UID, []string{"DE", "FR", "LU", "EU"}, ""); err != nil { // those named before keep their time
			t.Fatal(err)
		}
		if got := d.standing(ctx, o, began); !strings.Contains(got, "other_states.DE runs 25") || !strings.Contains(got, "other_states.LU runs 26") {
			t.Fatalf("after naming four: %s", got)
		}
		ending, err := d.s.Deadlines.Ending(ctx, deadline.Us, d.Clock.Now(), d.Clock.Now().Add(48*time.Hour))
		if err != nil || !slices.ContainsFunc(ending, func(c deadline.Clock) bool { return c.Kind == "other_states.FR" }) {
			t.Errorf("nobody would be paged: %v %v", ending, err)
		}

		paris, _ := d.authority(ctx, "CERT-EX France", "cert@fr.example")
		pass := intake.ForwardInput{Recipient: "other_states.FR", Organisation: paris.UID}
		seen, err := d.s.PreviewForward(ctx, d.ana, o.UID, pass)
		if err != nil || !strings.Contains(seen.Text+seen.Inside, "NIS2 Art. 23(6)") || strings.Contains(seen.Text+seen.Inside, "LU") {
			t.Fatalf("%v\n%s", err, seen.Text)
		}
		f, err := d.s.Forward(ctx, d.ana, o.UID, pass)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.s.Forward(ctx, d.ana, o.UID, intake.ForwardInput{Recipient: "other_states.IT", Organisation: paris.UID})
		d.refused("a state that nobody named", err, errs.Invalid)
		_, err = d.s.Waive(ctx, d.ana, o.UID, "other_states.LU", "Only a supplier there")
		d.refused("an analyst lets a duty go", err, errs.Forbidden)
		if _, err = d.s.Waive(ctx, d.Person(9, "Lea", access.Lead), o.UID, "other_states.LU", "Only a supplier there"); err != nil {
			t.Fatal(err)
		}
		if _, err = d.s.PassedOnTo(ctx, d.ana, o.UID, "other_states.EU", time.Time{}, "by the network's chat"); err != nil {
			t.Fatal(err)
		}
		if o, err = d.s.NameStates(ctx, d.ana, o.UID, []string{"FR", "LU", "EU"}, "Not Germany after all"); err != nil {
			t.Fatal(err)
		}
		if got := d.standing(ctx, o, began); !strings.Contains(got, "other_states.DE stopped") || !strings.Contains(got, "other_states.FR met") || !strings.Contains(got, "other_states.LU stopped") || !strings.Contains(got, "other_states.EU met") {
			t.Errorf("at the end: %s", got)
		}
		// Stopped in the outbox, France was not told.
		if err := d.s.Correspondence.Stop(ctx, d.ana, f.Message); err != nil {
			t.Fatal(err)
		}
		if got := d.standing(ctx, o, began); !strings.Contains(got, "other_states.FR runs 25") {
			t.Errorf("after the stop: %s", got)
		}

		theirs := d.obligations(ctx, rui, r)[0]
		for _, x := range theirs.Owed {
			if x.Of != "" || strings.Contains(x.Key(), ".") {
				t.Errorf("who reported reads %s", x.Key())
			}
		}
		for _, x := range theirs.Facts {
			if x.Kind == intake.OfState || strings.Contains(x.Code, ".") {
				t.Errorf("who reported reads %s %s", x.Kind, x.Code)
			}
		}
		clocks, _, err := d.s.Deadlines.List(ctx, rui, deadline.Filter{})
		if err != nil || len(clocks) == 0 {
			t.Fatal(clocks, err)
		}
		for _, c := range clocks {
			if strings.Contains(c.Kind, "other_states") {
				t.Errorf("who reported sees the clock %s", c.Kind)
			}
		}
	})
}
