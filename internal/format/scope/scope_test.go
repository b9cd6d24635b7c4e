package scope_test

import (
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/format/scope"
)

// Vectors of Recommendation 2003/361/EC: people always count, of the two sums one below the limit is enough.
func TestSizeCountsPeopleAndOneOfTwoSums(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		staff, turnover, balance int64
		want                     scope.Size
	}{
		{0, 0, 0, scope.Micro}, {9, 2_000, 90_000, scope.Micro}, {9, 2_001, 2_001, scope.Small}, {10, 0, 0, scope.Small},
		{49, 10_000, 99_000, scope.Small}, {49, 99_000, 10_000, scope.Small}, {49, 10_001, 10_001, scope.Medium}, {50, 0, 0, scope.Medium},
		{249, 50_000, 99_000, scope.Medium}, {249, 99_000, 43_000, scope.Medium}, {249, 50_001, 43_001, scope.Large}, {250, 0, 0, scope.Large}, {3, 60_000, 50_000, scope.Large},
	} {
		if got := scope.SizeOf(c.staff, c.turnover, c.balance); got != c.want {
			t.Errorf("%+v is %s", c, got)
		}
	}
}

// Art. 2 and 3 of the directive, one line for each rule.
func TestScopeFollowsTheDirective(t *testing.T) {
	t.Parallel()
	a, err := scope.Load()
	if err != nil {
		t.Fatal(err)
	}
	large, medium, small := scope.Said{Staff: 300}, scope.Said{Staff: 60}, scope.Said{Staff: 12}
	with := func(s scope.Said, kind string, specials ...string) scope.Said {
		s.Kind, s.Specials = kind, specials
		return s
	}
	for _, c := range []struct {
		in   scope.Said
		want scope.Class
		why  string
	}{
		{with(large, "drinking_water"), scope.Essential, "3(1)(a)"},
		{with(medium, "drinking_water"), scope.Important, "3(2)"},
		{with(small, "drinking_water"), scope.Out, "2(1)"},
		{with(small, "drinking_water", scope.Sole), scope.Important, "2(2)(b)-(e)"},
		{with(small, "drinking_water", scope.Critical), scope.Essential, "3(1)(f)"},
		{with(medium, "healthcare", scope.Operator), scope.Essential, "3(1)(g)"},
		{with(large, "food"), scope.Important, "3(2)"},
		{with(small, "food"), scope.Out, "2(1)"},
		{with(small, "dns"), scope.Essential, "3(1)(b)"},
		{with(small, "trust_qualified"), scope.Essential, "3(1)(b)"},
		{with(small, "trust"), scope.Important, "2(1)"},
		{with(large, "trust"), scope.Essential, "3(1)(a)"},
		{with(medium, "communications"), scope.Essential, "2(1)"},
		{with(small, "communications"), scope.Important, "2(1)"},
		{with(small, "central_government"), scope.Essential, "3(1)(d)"},
		{with(large, "regional_government"), scope.Important, "2(2)(f)(ii)"},
		{with(large, "domain_registration"), scope.Listed, "2(4), 27, 28"},
		{with(large, ""), scope.Out, "2(1)"},
		{with(small, "", scope.Critical), scope.Essential, "3(1)(f)"},
	} {
		got, why := a.Assess(c.in)
		if got != c.want || len(why) == 0 || why[len(why)-1].Article != c.why {
			t.Errorf("%+v: %s %v", c.in, got, why)
		}
	}
}

// Each kind has a sector and five names, and no code is there twice.
func TestTheAnnexesAreWhole(t *testing.T) {
	t.Parallel()
	a, err := scope.Load()
	if err != nil || len(a.Sectors) != 18 {
		t.Fatal(len(a.Sectors), err)
	}
	seen := map[string]bool{}
	for _, k := range a.Kinds {
		if _, ok := a.Sector(k.Sector); !ok || seen[k.Code] || len(k.Name) != 5 {
			t.Errorf("%+v", k)
		}
		seen[k.Code] = true
	}
	for _, s := range a.Sectors {
		if len(a.Of(s.Code)) == 0 || len(s.Name) != 5 {
			t.Errorf("%+v", s)
		}
	}
}
