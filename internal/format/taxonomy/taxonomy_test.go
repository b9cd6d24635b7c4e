package taxonomy

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

var langs = []string{"en", "pt", "fr", "nl", "de"}

func load(t *testing.T) *Taxonomy {
	t.Helper()
	x, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestTaxonomyIsWhole(t *testing.T) {
	t.Parallel()
	x := load(t)
	classes, types := x.All(), 0
	form := regexp.MustCompile(`^[a-z][a-z0-9-]*(:[a-z][a-z0-9-]*)?$`)
	check := func(code Code, names map[string]string) {
		if !form.MatchString(string(code)) {
			t.Errorf("%q has not the form of a code", code)
		}
		if len(names) != len(langs) {
			t.Errorf("%s has %d names", code, len(names))
		}
		for _, l := range langs {
			if n := names[l]; n == "" || n != strings.TrimSpace(n) || strings.ContainsAny(n, "<>{}\n") {
				t.Errorf("%s in %s is called %q", code, l, n)
			}
		}
	}
	shown := map[string]Code{}
	for _, c := range classes {
		check(c.Code, c.Names)
		for _, y := range c.Types {
			types++
			check(y.Code, y.Names)
			if y.Description == "" || y.Code.Class() != string(c.Code) {
				t.Errorf("%s has no description or another class", y.Code)
			}
			for _, l := range langs {
				full := l + x.FullName(y.Code, l)
				if other, ok := shown[full]; ok {
					t.Errorf("%s and %s are both called %q", y.Code, other, full)
				}
				shown[full] = y.Code
			}
		}
	}
	if len(classes) != 11 || types != 39 || x.Version() != 1003 {
		t.Errorf("%d classes, %d types, version %d", len(classes), types, x.Version())
	}
	for _, c := range x.List() {
		if c.Code == "test" {
			t.Error("a menu offers the class test")
		}
	}
	if len(x.List()) != 10 {
		t.Errorf("menus offer %d classes", len(x.List()))
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	x := load(t)
	for _, in := range []string{"availability:ddos", "availability", "test:test", "intrusions:system-compromise", "information-content-security:data-leak"} {
		if c, err := x.Parse(in); string(c) != in || err != nil {
			t.Errorf("%q: %q %v", in, c, err)
		}
	}
	for _, in := range []string{"", ":", "ddos", "availability:", "availability:DDoS", "Availability:ddos", " availability:ddos", "availability:phishing", "availability:ddos:x", "availability: ddos"} {
		if c, err := x.Parse(in); c != "" || !errs.Is(err, errs.Invalid) || x.Known(in) {
			t.Errorf("%q is read as %q (%v)", in, c, err)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	x := load(t)
	if got := x.FullName("availability:ddos", "pt"); got != "Disponibilidade · Negação de serviço distribuída" {
		t.Error(got)
	}
	if got := x.FullName("fraud", "de"); got != "Betrug" {
		t.Error(got)
	}
	if got := x.Name("fraud:phishing", "it"); got != "Phishing" {
		t.Errorf("an unknown language does not fall back to English: %q", got)
	}
	if got := x.Name("old:code", "en"); got != "old:code" {
		t.Errorf("a code of the past is shown as %q", got)
	}
	if got := Code("availability:ddos").Tag(); got != `rsit:availability="ddos"` {
		t.Error(got)
	}
	if x.Description("availability:ddos") == "" || x.Description("availability") != "" {
		t.Error("descriptions belong to types")
	}
}
