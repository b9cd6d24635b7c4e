package playbook

import (
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func library(t *testing.T) *Library {
	t.Helper()
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestTwentyRecommendations reads each as a party would: short, whole, in its language, in the subset that letters can show.
func TestTwentyRecommendations(t *testing.T) {
	t.Parallel()
	l := library(t)
	seen := map[string]string{}
	for _, lang := range l.Langs() {
		all := l.Recommendations(Filter{Lang: lang})
		if len(all) != 20 {
			t.Fatalf("%d recommendations in %s", len(all), lang)
		}
		for _, r := range all {
			where := r.Code + " in " + lang
			if r.Lang != lang || r.Version < 1 || len(r.Types) == 0 || !strings.HasPrefix(r.Code, "rec-") {
				t.Errorf("%s: language %q, version %d, types %v", where, r.Lang, r.Version, r.Types)
			}
			if n := len(strings.Fields(strings.ReplaceAll(r.Text, "\n- ", "\n"))); n < 60 || n > 140 {
				t.Errorf("%s has %d words", where, n)
			}
			if n := len([]rune(r.Title)); n < 10 || n > 90 || strings.HasSuffix(r.Title, ".") {
				t.Errorf("%s: title %q", where, r.Title)
			}
			if n := len(strings.Fields(r.Evidence)); n < 4 || n > 45 {
				t.Errorf("%s asks for evidence in %d words", where, n)
			}
			for _, line := range strings.Split(r.Text, "\n") {
				if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "- ") {
					t.Errorf("%s: line %q is neither paragraph nor list", where, line)
				}
			}
			if strings.ContainsAny(r.Title+r.Text+r.Evidence, "!{}") {
				t.Errorf("%s raises its voice or has a hole", where)
			}
			for _, s := range []string{r.Title, r.Text, r.Evidence} {
				if other, ok := seen[s]; ok {
					t.Errorf("%s says the same as %s", where, other)
				}
				seen[s] = where
			}
		}
	}
}

func TestEveryTypeHasAdvice(t *testing.T) {
	t.Parallel()
	l := library(t)
	types, err := taxonomy.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range types.List() {
		for _, y := range c.Types {
			if len(l.Recommendations(Filter{Type: string(y.Code)})) == 0 {
				t.Errorf("nothing is advised for %s", y.Code)
			}
		}
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	l := library(t)
	codes := func(f Filter) (out []string) {
		for _, r := range l.Recommendations(f) {
			out = append(out, r.Code)
		}
		return out
	}
	want := []string{"rec-contact-police", "rec-filter-ddos-upstream", "rec-preserve-logs", "rec-report-outcome", "rec-static-page"}
	if got := codes(Filter{Type: "availability:ddos"}); !slices.Equal(got, want) {
		t.Errorf("for a DDoS: %v", got)
	}
	if got := codes(Filter{Type: "fraud:phishing"}); !slices.Contains(got[:8], "rec-take-down-phishing") {
		t.Errorf("for phishing, what is made for it is not in front: %v", got)
	}
	if got := codes(Filter{Type: "availability"}); !slices.Contains(got, "rec-filter-ddos-upstream") {
		t.Errorf("for the class: %v", got)
	}
	if got := codes(Filter{Type: "nonsense"}); got != nil {
		t.Errorf("for nonsense: %v", got)
	}
}

func TestOne(t *testing.T) {
	t.Parallel()
	l := library(t)
	r, err := l.Recommendation("rec-isolate-hosts", "pt")
	if err != nil || r.Lang != "pt" || !strings.HasPrefix(r.Title, "Isolar") {
		t.Errorf("%q %v", r.Title, err)
	}
	r, err = l.Recommendation("rec-isolate-hosts", "it")
	if err != nil || r.Lang != "en" || !strings.HasPrefix(r.Title, "Isolate") {
		t.Errorf("an unknown language is answered with %q %v", r.Title, err)
	}
	r.Types[0] = "changed"
	if again, _ := l.Recommendation("rec-isolate-hosts", "en"); again.Types[0] == "changed" {
		t.Error("a reader can change the library")
	}
	if _, err := l.Recommendation("rec-none", "en"); !errs.Is(err, errs.NotFound) {
		t.Error(err)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	l := library(t)
	values := map[string]string{
		"name": "Rui Tavares", "handler": "Ana Duarte", "phone": "+999 210 497 400", "due": "24 November, 12:00", "from": "7 November", "asked": "21 November", "outcome": "resolved", "police": "Tell the police.",
	}
	codes := []string{FirstAnswer, Give, AskLogs, Chase, CloseReporter, CloseParty}
	for _, kind := range []string{"crisis_centre", "police", "regulator", "data_protection", "intelligence", "csirt", "vendor", "provider"} {
		codes = append(codes, To(kind))
	}
	for _, code := range codes {
		for _, lang := range l.Langs() {
			tpl, err := l.Template(code, lang)
			if err != nil || tpl.Lang != lang {
				t.Fatalf("%s in %s: %v", code, lang, err)
			}
			mine := map[string]string{}
			for _, h := range tpl.Holes {
				if values[h] == "" {
					t.Fatalf("%s has a hole %s that no caller knows", code, h)
				}
				mine[h] = values[h]
			}
			subject, text, err := tpl.Fill(mine)
			if err != nil || strings.ContainsAny(subject+text, "{}!") || subject == "" || len(text) < 200 {
				t.Errorf("%s in %s: %q %v", code, lang, text, err)
			}
			for h, v := range mine {
				if !strings.Contains(text, v) {
					t.Errorf("%s in %s does not say its %s", code, lang, h)
				}
				without := map[string]string{}
				for k, v := range mine {
					if k != h {
						without[k] = v
					}
				}
				if _, _, err := tpl.Fill(without); !errs.Is(err, errs.Invalid) {
					t.Errorf("%s goes out without its %s", code, h)
				}
			}
		}
	}
	if len(l.Templates("en")) != 15 {
		t.Errorf("%d templates", len(l.Templates("en")))
	}
	if _, err := l.Template("tpl-none", "en"); !errs.Is(err, errs.NotFound) {
		t.Error(err)
	}
}

// TestAutomaticTextTakesNothingFromOutside: what nobody reads before it leaves has no slot for a stranger's words (architecture.md, built in from the start, 7).
func TestAutomaticTextTakesNothingFromOutside(t *testing.T) {
	t.Parallel()
	tpl, err := library(t).Template(Chase, "en")
	if err != nil || !slices.Equal(tpl.Holes, []string{"asked", "due", "phone"}) {
		t.Errorf("%v %v", tpl.Holes, err)
	}
}

func TestFillIsNoLanguage(t *testing.T) {
	t.Parallel()
	tpl, err := library(t).Template(CloseReporter, "en")
	if err != nil {
		t.Fatal(err)
	}
	fill := func(name string, more ...string) (string, error) {
		v := map[string]string{"name": name, "outcome": "resolved", "phone": "+999 1"}
		for _, m := range more {
			v[m] = "x"
		}
		_, text, err := tpl.Fill(v)
		return text, err
	}
	if text, err := fill("{phone} {{.}} $1"); err != nil || !strings.Contains(text, "Dear {phone} {{.}} $1,") {
		t.Errorf("a value is read as a template: %q %v", text, err)
	}
	for _, bad := range []string{"two\nlines", "a\rb", "nul\x00", " "} {
		if _, err := fill(bad); !errs.Is(err, errs.Invalid) {
			t.Errorf("%q is filled in", bad)
		}
	}
	if _, err := fill("Rui", "colour"); !errs.Is(err, errs.Invalid) {
		t.Error("a value without a hole passes")
	}
}

func TestIncompleteFilesAreRefused(t *testing.T) {
	t.Parallel()
	types, err := taxonomy.New()
	if err != nil {
		t.Fatal(err)
	}
	body := func(langs ...string) string {
		var b strings.Builder
		for _, l := range langs {
			b.WriteString("[" + l + "]\n# Title\nText {due}.\n\n> Evidence.\n\n")
		}
		return b.String()
	}
	const head = "version 1\ntypes fraud\nholes due\n\n"
	whole := head + body(langs...)
	if _, err := parse(whole, types); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]string{
		"empty":                  "",
		"no language":            head,
		"a language missing":     head + body(langs[:4]...),
		"a language twice":       whole + body("en"),
		"an unknown language":    whole + body("it"),
		"no version":             strings.Replace(whole, "version 1", "", 1),
		"a version of no number": strings.Replace(whole, "version 1", "version one", 1),
		"an unknown type":        strings.Replace(whole, "types fraud", "types fraud:none", 1),
		"an unknown line":        "colour red\n" + whole,
		"no title":               strings.Replace(whole, "# Title\n", "", 1),
		"no text":                strings.Replace(whole, "Text {due}.", "", 1),
		"no evidence":            strings.Replace(whole, "> Evidence.", "", 1),
		"a hole missing":         strings.Replace(whole, "Text {due}.", "Text.", 1),
		"a hole too many":        strings.Replace(whole, "Text {due}.", "Text {due} {name}.", 1),
		"HTML":                   strings.Replace(whole, "Text", "<b>Text</b>", 1),
		"a link":                 strings.Replace(whole, "Text", "[Text](x)", 1),
		"a brace":                strings.Replace(whole, "Text", "{Text", 1),
	} {
		if _, err := parse(in, types); err == nil {
			t.Errorf("taken although %s", name)
		}
	}
}
