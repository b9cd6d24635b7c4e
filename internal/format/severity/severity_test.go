package severity

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func load(t *testing.T) *Scheme {
	t.Helper()
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLevels(t *testing.T) {
	t.Parallel()
	all := Levels()
	for i, l := range all {
		back, err := Parse(l.String())
		if err != nil || back != l || !l.Valid() {
			t.Errorf("%v reads back as %v (%v)", l, back, err)
		}
		if i > 0 && Max(l, all[i-1]) != l {
			t.Errorf("%v is not worse than %v", l, all[i-1])
		}
		text, _ := json.Marshal(l)
		var j Level
		if err := json.Unmarshal(text, &j); err != nil || j != l {
			t.Errorf("%s reads back as %v (%v)", text, j, err)
		}
	}
	if l, err := Parse(""); l != 0 || err != nil || l.Valid() {
		t.Errorf("not rated is %v %v", l, err)
	}
	for _, in := range []string{"High", "severe", "high ", "national", "3"} {
		if l, err := Parse(in); l != 0 || !errs.Is(err, errs.Invalid) {
			t.Errorf("%q is read as %v (%v)", in, l, err)
		}
	}
	if Level(5).Valid() || Level(5).String() != "" {
		t.Error("a number outside the table is a level")
	}
}

func TestSchemeIsWhole(t *testing.T) {
	t.Parallel()
	s := load(t)
	total := 0
	for _, q := range s.Questions() {
		if len(q.Text) != 5 || len(q.Options) < 2 || q.Options[0].Weight != 0 {
			t.Errorf("%s lacks a language, options, or an answer that weighs nothing", q.Code)
		}
		top := 0
		for _, o := range q.Options {
			if o.Weight < top {
				t.Errorf("%s: %s weighs less than the option before", q.Code, o.Code)
			}
			top = max(top, o.Weight)
			for _, lang := range []string{"en", "pt", "fr", "nl", "de"} {
				if strings.TrimSpace(o.Text[lang]) == "" {
					t.Errorf("%s.%s is not said in %s", q.Code, o.Code, lang)
				}
			}
		}
		total += top
	}
	if total != 100 {
		t.Errorf("the worst answers come to %d of 100", total)
	}
	for _, f := range s.floors {
		if !f.Level.Valid() || len(f.Text) != 5 {
			t.Errorf("floor %s lacks a level or a language", f.Code)
		}
		for q, o := range f.When {
			if _, ok := s.texts[optionKey(q, o)]; !ok {
				t.Errorf("floor %s asks for %s.%s, which does not exist", f.Code, q, o)
			}
		}
	}
	if s.bands[Medium] >= s.bands[High] || s.bands[High] >= s.bands[Critical] {
		t.Error("the bands overlap")
	}
}

func TestPropose(t *testing.T) {
	t.Parallel()
	type answers = map[string]string
	for name, c := range map[string]struct {
		in    answers
		level Level
		score int
		first string
	}{
		"one phished mailbox": {answers{"service": "none", "data": "read", "spread": "one", "people": "none", "sector": "other", "control": "contained", "recovery": "hours", "border": "no", "life": "no"}, Low, 12, "severity.data.read"},
		"a shop encrypted":    {answers{"service": "partly", "data": "altered", "spread": "several", "people": "thousand", "sector": "other", "control": "contained", "recovery": "days"}, Medium, 40, "severity.service.partly"},
		"billing and historian servers of a water company": {
			answers{"service": "degraded", "data": "altered", "spread": "several", "people": "none", "sector": "essential", "control": "unknown", "recovery": "weeks", "border": "unknown", "life": "no"}, High, 49, "severity.data.altered",
		},
		"no water for a city":           {answers{"service": "down", "sector": "essential", "people": "more"}, Critical, 46, "severity.floor.essential_down_many"},
		"an essential service is down":  {answers{"service": "down", "sector": "essential"}, High, 34, "severity.floor.essential_down"},
		"a hospital diverts ambulances": {answers{"service": "partly", "sector": "essential", "life": "yes", "control": "contained"}, High, 25, "severity.floor.life"},
		"and the attacker is inside":    {answers{"service": "partly", "sector": "essential", "life": "yes", "control": "active"}, Critical, 35, "severity.floor.life_active"},
		"domain administrator stolen":   {answers{"data": "credentials"}, Medium, 16, "severity.floor.credentials"},
		"everything at its worst": {
			answers{"service": "down", "data": "credentials", "spread": "organisations", "people": "more", "sector": "essential", "control": "active", "recovery": "weeks", "border": "yes", "life": "yes"}, Critical, 100, "severity.floor.life_active",
		},
		"the sum alone is higher than the floor": {answers{"data": "credentials", "service": "partly", "spread": "organisations"}, High, 45, "severity.data.credentials"},
		"nothing of weight":                      {answers{"service": "none"}, Low, 0, ""},
		"nothing answered":                       {nil, 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := load(t)
			p, err := s.Propose(c.in)
			if err != nil {
				t.Fatal(err)
			}
			first := ""
			if len(p.Reasons) > 0 {
				first = p.Reasons[0]
			}
			if p.Level != c.level || p.Score != c.score || first != c.first {
				t.Errorf("%v with %d because of %v", p.Level, p.Score, p.Reasons)
			}
			if len(p.Reasons) > most || len(p.Missing)+len(c.in) != len(s.questions) {
				t.Errorf("%d reasons, missing %v", len(p.Reasons), p.Missing)
			}
			for _, r := range p.Reasons {
				if s.Text(r, "de") == r {
					t.Errorf("%s has no words", r)
				}
			}
			for range 20 {
				if again, _ := s.Propose(c.in); !cmp.Equal(again, p) {
					t.Fatalf("the same answers give another proposal: %s", cmp.Diff(p, again))
				}
			}
		})
	}
}

func TestProposeRefuses(t *testing.T) {
	t.Parallel()
	_, err := load(t).Propose(map[string]string{"service": "broken", "colour": "red", "weather": "rain", "data": "none"})
	if !errs.Is(err, errs.Invalid) {
		t.Fatal(err)
	}
	var fields []string
	for _, f := range errs.Fields(err) {
		fields = append(fields, f.Name)
	}
	if !slices.Equal(fields, []string{"service", "colour", "weather"}) {
		t.Errorf("problems are told of %v", fields)
	}
}

func TestAReasonInWordsStaysAsItIs(t *testing.T) {
	t.Parallel()
	s := load(t)
	if got := s.Text("Only the third site in a month", "pt"); got != "Only the third site in a month" {
		t.Error(got)
	}
	if got := s.Text("severity.service.down", "it"); got != "Service down" {
		t.Error(got)
	}
}
