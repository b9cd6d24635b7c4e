package constituency_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// What is to be done in the register comes as it arises, and goes when it is done; an organisation that says once a year that all is right is left alone.
func TestWhatIsToDoInTheRegister(t *testing.T) {
	proving(t, func(ctx context.Context, c *country, _ *outside) {
		a, b := c.organisation(ctx, "A"), c.organisation(ctx, "B")
		eva := c.Constituent(10, "Eva", a.Ref.ID)
		todo := func(kind constituency.TaskKind) (out []string) {
			t.Helper()
			list, more, err := c.s.Todo(ctx, c.DB, c.analyst, kind)
			if err != nil || more[kind] {
				t.Fatal(err, more)
			}
			for _, x := range list {
				out = append(out, string(x.Kind)+" "+x.Name+" "+x.What+x.OtherName)
			}
			return out
		}
		if got := todo(""); len(got) != 0 {
			t.Errorf("at the beginning: %q", got)
		}
		mine := c.asset(ctx, a, "both.example")
		c.asset(ctx, b, "both.example")
		p := c.claim(ctx, eva, a, constituency.Claim{Value: "AS64500", Way: constituency.ByRegistry, Evidence: "aut-num: AS64500"})
		if _, err := c.s.ProveAsset(ctx, c.analyst, mine.UID, "asked"); err != nil {
			t.Fatal(err)
		}
		if got, want := todo(""), []string{"judge A AS64500", "conflict A both.exampleB"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if _, err := c.s.JudgeProof(ctx, c.analyst, p.UID, false, "no"); err != nil {
			t.Fatal(err)
		}
		c.Clock.Advance(340 * day)
		if got, want := todo(constituency.TaskEnds), []string{"ends A both.example"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		c.Clock.Advance(30 * day)
		c.look(ctx)
		if got, want := todo(""), []string{"conflict A both.exampleB", "lapsed A both.example", "stale A ", "stale B "}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if err := c.s.EndAsset(ctx, c.analyst, mine.UID, time.Time{}, ""); err != nil {
			t.Fatal(err)
		}
		if err := c.s.Confirm(ctx, eva); err != nil {
			t.Fatal(err)
		}
		if got, want := todo(""), []string{"stale B "}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if at, by, err := c.s.Confirmed(ctx, c.DB, a.Ref.ID); err != nil || by != 10 || !at.Equal(c.Clock.Now().Truncate(time.Microsecond)) {
			t.Errorf("confirmed %v by %d, %v", at, by, err)
		}
		if err := c.s.Confirm(ctx, c.analyst); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an analyst confirms: %v", err)
		}
		if _, _, err := c.s.Todo(ctx, c.DB, eva, ""); !errs.Is(err, errs.Forbidden) {
			t.Errorf("a constituent reads what is to do: %v", err)
		}
		if _, _, err := c.s.Todo(ctx, c.DB, c.Person(5, "Adm", access.Admin), ""); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an administrator: %v", err)
		}
	})
}
