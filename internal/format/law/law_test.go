package law_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/format/law"
)

func library(t *testing.T) *law.Library {
	t.Helper()
	l, err := law.New()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What is built in is read without a problem, and each set is there.
func TestTheSetsAreComplete(t *testing.T) {
	l := library(t)
	want := map[string]bool{"eu-nis2": true, "be-nis2": true, "pt-dl-125-2025": true, "eu-nis2-voluntary": true, "eu-gdpr-33": true}
	for _, s := range l.Sets() {
		delete(want, s.Code)
	}
	for code := range want {
		t.Errorf("%s is missing", code)
	}
	pt, err := l.Set("pt-dl-125-2025")
	if err != nil {
		t.Fatal(err)
	}
	if pt.Sure() || !pt.Confirmed {
		t.Error("the final report of Portugal is taken from the bill: the set is confirmed and that stage is not")
	}
	if final, _ := pt.Stage("final"); final.Confirmed || final.Within.WorkingDays != 30 {
		t.Errorf("the final report of Portugal: %+v", final)
	}
	if nis2, _ := l.Set("eu-nis2"); !nis2.Sure() {
		t.Error("the directive was read")
	}
	if len(l.Thresholds()) != 2 {
		t.Errorf("%d thresholds", len(l.Thresholds()))
	}
}

const field = `who:
  part: 1
  kind: line
  label: {en: a, pt: b, fr: c, nl: d, de: e}
`

const set = `code: x
version: 1
nature: mandatory
country: EU
law: Law
short: L
in_force: 2026-01-01
confirmed: true
sources: [s]
checked: 2026-11-22
counting: plain
correct: team
waive: lead
name: {en: a, pt: b, fr: c, nl: d, de: e}
about: {en: a, pt: b, fr: c, nl: d, de: e}
authority: {en: a, pt: b, fr: c, nl: d, de: e}
stages:
  - code: one
    article: Art. 1
    need: always
    starts: awareness
    within: PT24H
    name: {en: a, pt: b, fr: c, nl: d, de: e}
    hint: {en: a, pt: b, fr: c, nl: d, de: e}
    asks: [who]
`

const threshold = `code: t
law: Law
law_in: {en: a, pt: b, fr: c, nl: d, de: e}
country: EU
confirmed: true
sources: [s]
checked: 2026-11-22
name: {en: a, pt: b, fr: c, nl: d, de: e}
about: {en: a, pt: b, fr: c, nl: d, de: e}
questions:
  planned: {kind: yes_no, text: {en: a, pt: b, fr: c, nl: d, de: e}}
  n: {kind: number, text: {en: a, pt: b, fr: c, nl: d, de: e}}
exclusion: planned
tests:
  - code: a
    article: Art. 1
    text: {en: a, pt: b, fr: c, nl: d, de: e}
    all:
      - {ask: n, over: 5}
`

func read(changes ...string) law.Problems {
	files := map[string]string{"set/field.yaml": field, "set/x.yaml": set, "threshold/t.yaml": threshold}
	for i := 0; i+2 < len(changes); i += 3 {
		files[changes[i]] = strings.Replace(files[changes[i]], changes[i+1], changes[i+2], 1)
	}
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	_, p := law.Read(fs)
	return p
}

// Each mistake is told with its file and line, and the file without it is right.
func TestAFileWithAMistakeIsRefused(t *testing.T) {
	if p := read(); len(p) != 0 {
		t.Fatalf("the plain file: %v", p)
	}
	const f, x, h = "set/field.yaml", "set/x.yaml", "threshold/t.yaml"
	for _, c := range []struct{ name, file, old, new, want string }{
		{"an alias", x, "sources: [s]", "sources: &a [s]\ndoubts: *a", "9: anchors and aliases are refused"},
		{"a tag", x, "version: 1", "version: !!str 1", "2: tags are refused"},
		{"a name twice", x, "version: 1", "version: 1\nversion: 2", "3: version is there twice"},
		{"two documents", x, "    asks: [who]\n", "    asks: [who]\n---\ncode: y\n", "a file holds one document"},
		{"no YAML", x, "code: x", "code: [x", "this is no YAML"},
		{"a list for a file", x, set, "- a\n", "1: a file is a list of names with values"},
		{"an unknown name", x, "version: 1", "version: 1\nversoin: 2", "3: versoin is not known here"},
		{"a missing name", x, "law: Law\n", "", "law is missing"},
		{"another file", x, "code: x", "code: y", "1: the code is y and the file is x.yaml"},
		{"a code with capitals", x, "- code: one", "- code: One", "18: \"One\" is no code"},
		{"a version", x, "version: 1", "version: 0", "2: a version is a number from 1"},
		{"a nature", x, "nature: mandatory", "nature: odd", "3: \"odd\" is not one of mandatory, voluntary, pointer"},
		{"a country", x, "country: EU", "country: Europe", "4: a country has two capitals"},
		{"a day", x, "2026-01-01", "1 January", "7: this is a day"},
		{"a flag", x, "confirmed: true", "confirmed: perhaps", "8: this is true or false"},
		{"a doubt in one language", x, "confirmed: true", "confirmed: true\ndoubts: [{en: a}]", "pt is missing"},
		{"unconfirmed without a doubt", x, "confirmed: true", "confirmed: false", "says in doubts what is not"},
		{"confirmed before it was in force", x, "checked: 2026-11-22", "checked: 2025-11-22", "checked before it was in force"},
		{"a missing language", x, "name: {en: a, pt: b, fr: c, nl: d, de: e}", "name: {en: a, pt: b, fr: c, nl: d}", "14: de is missing"},
		{"an empty text", x, "name: {en: a,", "name: {en: \"\",", "14: this is a text"},
		{"a text that turns the line around", x, "name: {en: a,", "name: {en: \"a\u202eb\",", "14: this text is one line without control characters"},
		{"a period", x, "PT24H", "24 hours", "22: this is no period"},
		{"a period of two units", x, "PT24H", "P1DT2H", "22: this is no period"},
		{"a moment", x, "starts: awareness", "starts: knowing", "21: a clock starts with a moment"},
		{"a stage that is not there", x, "starts: awareness", "starts: submission two", "21: there is no two in this set"},
		{"a clock that waits for itself", x, "starts: awareness", "starts: submission one", "waits for itself"},
		{"a stage without a clock", x, "    starts: awareness\n    within: PT24H\n", "", "says what starts its clock"},
		{"on request without one", x, "need: always", "need: on_request", "18: a stage on request starts with it"},
		{"in place of nothing", x, "need: always\n    starts: awareness\n    within: PT24H", "need: while_ongoing", "no stage is met by one"},
		{"half a clock", x, "need: always\n    starts: awareness\n", "need: when_needed\n", "a start and a period, or neither"},
		{"repeated, not asked for", x, "within: PT24H", "within: PT24H\n    every: P7D", "only what is asked for is repeated"},
		{"a field that is not there", x, "asks: [who]", "asks: [who, what]", "25: there is no field what"},
		{"again, not asked", x, "asks: [who]", "asks: [who]\n    again: [what]", "26: what is asked again and not asked"},
		{"nothing asked", x, "    asks: [who]\n", "", "a stage asks something"},
		{"a class that is not there", x, "within: PT24H", "within: PT24H\n    within_class: {big: PT1H}", "there is no big in this set"},
		{"a duty by the name of a stage", x, "stages:", "duties:\n  - {code: one, article: a, within: PT1H, firm: true, name: {en: a, pt: b, fr: c, nl: d, de: e}}\nstages:", "one is there twice"},
		{"a recipient that hangs on no question", x, "stages:", "recipients:\n  - {code: r, article: a, own: PT1H, if_yes: who, name: {en: a, pt: b, fr: c, nl: d, de: e}}\nstages:", "18: who is no question of yes or no"},
		{"a shortcut that leads nowhere", x, "stages:", "shortcut: {from: detection, to: detection, within: PT2H, only: [one], text: {en: a, pt: b, fr: c, nl: d, de: e}}\nstages:", "a shortcut lies between two moments"},
		{"voluntary and owed", x, "nature: mandatory", "nature: voluntary", "who reports voluntarily owes nothing"},
		{"a part", f, "part: 1", "part: 6", "a part is a number from 1 to 5"},
		{"a choice without options", f, "kind: line", "kind: choice", "options belong to a choice"},
		{"a line that tells a moment", f, "kind: line", "kind: line\n  moment: awareness", "only a field of kind moment tells one"},
		{"a field that suspends its own clock", f, "kind: line", "kind: moment\n  moment: suspended", "does not suspend its own clock"},
		{"an earlier version without a newer one", "set/earlier/x.1.yaml", "", set, "an earlier version has a newer one beside it"},
		{"an earlier version by another name", "set/earlier/x.7.yaml", "", strings.Replace(set, "version: 1", "version: 3", 1), "the version is 3 and the file is x.7.yaml"},
		{"a field that nobody asks", f, field, field + "what:\n  part: 1\n  kind: line\n  label: {en: a, pt: b, fr: c, nl: d, de: e}\n", "5: what is asked by no stage"},
		{"a test without a question", h, "ask: n", "ask: m", "there is no question m"},
		{"a number that is yes", h, "over: 5", "is: yes", "n asks for number"},
		{"a share of nothing", h, "over: 5", "over: 5, share: 0.1", "a share, up to 1"},
		{"a question that nobody asks", h, "exclusion: planned", "  spare: {kind: yes_no, text: {en: a, pt: b, fr: c, nl: d, de: e}}\nexclusion: planned", "no test asks spare"},
		{"an exclusion by a number", h, "exclusion: planned", "exclusion: n", "the exclusion is a question of yes or no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := read(c.file, c.old, c.new)
			if len(p) == 0 {
				t.Fatal("it was taken")
			}
			if text := p.Error(); !strings.Contains(text, c.want) || !strings.Contains(text, c.file+":") {
				t.Errorf("want %q, got\n%s", c.want, text)
			}
		})
	}
	if p := read(x, "version: 1", "version: 0", x, "country: EU", "country: Europe", f, "part: 1", "part: 9"); len(p) != 3 {
		t.Errorf("three mistakes are told as %d: %v", len(p), p)
	}
	if p := read(x, "sources: [s]", "sources: "+strings.Repeat("[", 20)+strings.Repeat("]", 20)); len(p) == 0 || !strings.Contains(p.Error(), "nested more than") {
		t.Errorf("deep nesting: %v", p)
	}
	if p := read(x, "sources: [s]", "sources: [s]\n#"+strings.Repeat("x", 1<<19)); len(p) == 0 || !strings.Contains(p.Error(), "larger than") {
		t.Errorf("a large file: %v", p)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(set)
	f.Add("code: x\nstages: [{code: a}]\nshortcut: {only: [b]}\nduties: [1]\nrecipients: {a: b}")
	f.Fuzz(func(t *testing.T, text string) {
		law.Read(fstest.MapFS{"set/field.yaml": {Data: []byte(field)}, "set/x.yaml": {Data: []byte(text)}, "threshold/x.yaml": {Data: []byte(text)}})
	})
}

func TestAPeriodIsReadAndWritten(t *testing.T) {
	for s, want := range map[string]law.Period{
		"PT24H": {Elapsed: 24 * time.Hour}, "PT20M": {Elapsed: 20 * time.Minute}, "P7D": {Days: 7}, "P1M": {Months: 1}, "P30BD": {WorkingDays: 30},
	} {
		got, ok := law.ParsePeriod(s)
		if !ok || got != want || got.String() != s {
			t.Errorf("%s: %+v %s", s, got, got)
		}
	}
	if p, ok := law.ParsePeriod("P2W"); !ok || p.Days != 14 {
		t.Errorf("two weeks: %+v", p)
	}
	for _, s := range []string{"", "P", "PT", "24H", "P0D", "PT0H", "P-1D", "P1.5D", "P1Y", "P1DT1H", "p1d", "P99999D", " P1D"} {
		if p, ok := law.ParsePeriod(s); ok {
			t.Errorf("%q is %+v", s, p)
		}
	}
}
