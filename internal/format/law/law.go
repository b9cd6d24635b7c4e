// Package law reads rule sets: what a law asks of who reports an incident and of the team that takes the report, as data that people can review.
//
//	set/*.yaml            one rule set each: law, country, version, source; stages with their clocks, our duties, recipients by law
//	set/earlier/*.yaml    versions under which obligations still run, as CODE.VERSION.yaml
//	set/field.yaml        the questions that stages ask, shared by all sets
//	threshold/*.yaml      "is it significant?": questions and tests that give reasons
//	read.go check.go      strict reading: all problems at once, each with file and line
//	owed.go               what is owed when, from what happened: pure
//	known.go              what is known, what is left to ask, what a correction changed
//	significant.go        the answer to "is it significant?", with its reasons
//
// What a source only recalls is marked unconfirmed, set by set and stage by stage. Counting of days is that of core/calendar. The data restates
// Directive (EU) 2022/2555, Implementing Regulation (EU) 2024/2690 and national acts; it is no legal advice.
package law

import (
	"cmp"
	"embed"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

//go:embed set threshold
var files embed.FS

// Langs are the languages in which every text of a set is written.
var Langs = []string{"en", "pt", "fr", "nl", "de"}

// Text is one text in all languages.
type Text map[string]string

// In gives the text in a language, in English where the language is not ours.
func (t Text) In(lang string) string { return cmp.Or(t[lang], t["en"]) }

// Nature says what a set is good for.
type Nature string

// The natures.
const (
	Mandatory Nature = "mandatory"
	Voluntary Nature = "voluntary" // nothing is owed by who reports
	Pointer   Nature = "pointer"   // a duty towards somebody else: shown, never followed
)

// Moment is something that happened and that a clock may hang on.
type Moment string

// The moments. Those of Ended are told in a submission or noted by a person; a request is ours.
const (
	Detected       Moment = "detection"
	Aware          Moment = "awareness"
	Determined     Moment = "determination"
	ImpactStarted  Moment = "impact_started"
	ImpactEnded    Moment = "impact_ended"
	Handled        Moment = "handled"
	NotSignificant Moment = "not_significant"
	Withdrawn      Moment = "withdrawn"
	Suspended      Moment = "suspended"
	Resumed        Moment = "resumed"
	Requested      Moment = "request"
)

// Moments lists them in their order on a page; a request is none that a person notes.
var Moments = []Moment{Detected, Aware, Determined, ImpactStarted, ImpactEnded, Handled, NotSignificant, Withdrawn, Suspended, Resumed}

// Need says when a stage is owed.
type Need string

// The needs.
const (
	Always     Need = "always"
	WhenNeeded Need = "when_needed" // offered with its time, never late
	OnRequest  Need = "on_request"
	Ongoing    Need = "while_ongoing" // in place of another stage, while the incident goes on
)

// Start is what a clock hangs on: a moment, or the first submission of a stage.
type Start struct {
	Moment Moment
	Stage  string
}

// Counting says by which rules a period in days, weeks or months ends.
type Counting string

// The countings.
const (
	Plain  Counting = "plain"
	EU1182 Counting = "eu-1182-71" // Regulation (EEC, Euratom) 1182/71 Art. 3
)

// Who may act on a clock against the rule.
type Who string

// The holders of such a power.
const (
	ByTeam Who = "team"
	ByLead Who = "lead"
)

// Class is a kind of entity that the law tells apart.
type Class struct {
	Code string
	Name Text
}

// Stage is one thing that an entity hands in.
type Stage struct {
	Code        string
	Article     string
	Need        Need
	Starts      Start
	Within      Period            // zero: by the time that the request names
	WithinClass map[string]Period // another period for a class of entity
	Every       Period            // repeated, from the start
	MetBy       []string          // other stages that meet it too
	After       []string          // owed only once one of these was handed in
	Confirmed   bool
	Name        Text
	Hint        Text
	Asks        []string // codes of fields
	Again       []string // of those, asked anew even when known
	Line        int
}

// Duty is something that the team owes who reports, from the receipt of the first submission. Firm is false for "where possible".
type Duty struct {
	Code    string
	Article string
	Within  Period
	Firm    bool
	Name    Text
}

// Recipient receives a submission by law, beside the team. Own is the team's own time for passing it on, not the law's.
type Recipient struct {
	Code    string
	Article string
	Classes []string // only for these; none for all
	IfYes   string   // a field: only when its answer is yes
	Own     Period
	Name    Text
	Each    bool   // one for each state that is named; before any is, one for all
	Says    Text   // what the law says, in our words; nil for what its article says alone
	Source  string // where that was read, in English
	Sure    bool   // it was read there; false for what is only recalled
}

// Shortcut leaves only some stages owed when two moments lie close together.
type Shortcut struct {
	From, To Moment
	Within   Period
	Only     []string
	Text     Text
}

// Set is one rule set.
type Set struct {
	Code       string
	Version    int
	Nature     Nature
	Country    string // "EU" or two letters
	Law        string // in English; LawIn is for readers
	LawName    Text   // in each language; nil is Law in all
	Short      string // as in "NIS2"
	InForce    time.Time
	Confirmed  bool
	Doubts     []Text // what is unconfirmed, for who reviews and for who relies on it
	Sources    []string
	Checked    time.Time
	Counting   Counting
	Name       Text
	About      Text
	Authority  Text // to whom an entity reports
	Crime      Text // how to go to the police; nil where the law says nothing of it
	Classes    []Class
	Stages     []Stage
	Duties     []Duty
	Recipients []Recipient
	Shortcut   *Shortcut
	StoppedBy  []Moment
	Suspends   bool // Suspended and Resumed move what runs
	Correct    Who
	Waive      Who
	File       string
}

// Stage gives a stage by code.
func (s Set) Stage(code string) (Stage, bool) {
	i := slices.IndexFunc(s.Stages, func(x Stage) bool { return x.Code == code })
	if i < 0 {
		return Stage{}, false
	}
	return s.Stages[i], true
}

// Recipient gives a recipient by the key of what we owe it.
func (s Set) Recipient(key string) (Recipient, bool) {
	i := slices.IndexFunc(s.Recipients, func(x Recipient) bool { return x.Code == Base(key) })
	if i < 0 {
		return Recipient{}, false
	}
	return s.Recipients[i], true
}

// Base is a key without its round or state.
func Base(key string) string {
	code, _, _ := strings.Cut(key, ".")
	return code
}

// Sure tells whether the set and each of its stages is confirmed, without a doubt.
func (s Set) Sure() bool {
	return s.Confirmed && len(s.Doubts) == 0 && !slices.ContainsFunc(s.Stages, func(x Stage) bool { return !x.Confirmed })
}

// LawIn names the law in a language.
func (s Set) LawIn(lang string) string {
	if s.LawName == nil {
		return s.Law
	}
	return s.LawName.In(lang)
}

// Cites gives how a stage or duty is cited: "NIS2 Art. 23(4)(a)".
func (s Set) Cites(article string) string { return strings.TrimSpace(s.Short + " " + article) }

// Uses lists the moments that change what is owed under the set, in the order of Moments.
func (s Set) Uses() []Moment {
	used := map[Moment]bool{}
	for _, x := range s.Stages {
		used[x.Starts.Moment] = true
		if x.Need == Ongoing || !x.Every.Zero() {
			used[Handled] = true
		}
	}
	if s.Shortcut != nil {
		used[s.Shortcut.From], used[s.Shortcut.To] = true, true
	}
	for _, m := range s.StoppedBy {
		used[m] = true
	}
	used[Suspended], used[Resumed] = s.Suspends, s.Suspends
	var out []Moment
	for _, m := range Moments {
		if used[m] {
			out = append(out, m)
		}
	}
	return out
}

// Kind is the sort of answer that a field takes.
type Kind string

// The kinds of fields.
const (
	Line    Kind = "line"
	Lines   Kind = "lines"
	Instant Kind = "moment"
	Number  Kind = "number"
	YesNo   Kind = "yes_no" // yes, no; unknown is an answer to every field
	Choice  Kind = "choice"
)

// Option is one answer of a choice.
type Option struct {
	Code string
	Name Text
}

// Field is one question. Part is its page of the form, 1 to 5: you and your organisation; when and what; effect; cause and other countries;
// files and sharing. Moment is set when its answer is one.
type Field struct {
	Code    string
	Part    int
	Kind    Kind
	Moment  Moment
	Label   Text
	Hint    Text
	Options []Option
}

// Library is all sets, fields and thresholds. It does not change and is safe for concurrent use.
type Library struct {
	sets       map[string]Set
	earlier    map[string][]Set // older versions that are kept
	fields     map[string]Field
	order      map[string]int
	thresholds []Threshold
}

// New reads what is built into the program. It refuses a file with a problem.
func New() (*Library, error) {
	l, problems := Read(files)
	if len(problems) > 0 {
		return nil, problems
	}
	return l, nil
}

// Sets lists all sets: by country, those of the Union first, then by code.
func (l *Library) Sets() []Set {
	var out []Set
	for _, s := range l.sets {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Set) int {
		union := func(s Set) int { return len(strings.TrimPrefix(s.Country, "EU")) }
		return cmp.Or(cmp.Compare(union(a), union(b)), cmp.Compare(a.Country, b.Country), cmp.Compare(a.Code, b.Code))
	})
	return out
}

// Offered lists the mandatory sets under which an entity of a country (two letters) reports: those of its national acts, or else that of the
// directive, which only a national act puts in force.
func (l *Library) Offered(country string) []Set {
	var national, union []Set
	for _, s := range l.Sets() {
		switch {
		case s.Nature != Mandatory:
		case s.Country == "EU":
			union = append(union, s)
		case strings.EqualFold(s.Country, country):
			national = append(national, s)
		}
	}
	if len(national) > 0 {
		return national
	}
	return union
}

// Set gives one by code; NotFound for none.
func (l *Library) Set(code string) (Set, error) {
	s, ok := l.sets[code]
	if !ok {
		return s, errs.ErrNotFound
	}
	return s, nil
}

// Version gives a set in a version, in its newest where that one is not kept; NotFound for no such set.
func (l *Library) Version(code string, version int) (Set, error) {
	for _, s := range l.earlier[code] {
		if s.Version == version {
			return s, nil
		}
	}
	return l.Set(code)
}

// Has tells whether a version of a set that is kept has a stage.
func (l *Library) Has(set, stage string) bool {
	return slices.ContainsFunc(append(slices.Clone(l.earlier[set]), l.sets[set]), func(s Set) bool {
		_, ok := s.Stage(stage)
		return ok
	})
}

// Field gives a question by code.
func (l *Library) Field(code string) (Field, bool) {
	f, ok := l.fields[code]
	return f, ok
}

// Asked lists what a stage asks, part by part, each in the order of field.yaml.
func (l *Library) Asked(stage Stage) []Field {
	var out []Field
	for _, code := range stage.Asks {
		out = append(out, l.fields[code])
	}
	slices.SortFunc(out, func(a, b Field) int {
		return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(l.order[a.Code], l.order[b.Code]))
	})
	return out
}

// Police says how to go to the police: as the act of a set has it, or else one of a country (two letters), or else any; "" when none says it.
func (l *Library) Police(set, country, lang string) string {
	if s, err := l.Set(set); err == nil && s.Crime != nil {
		return s.Crime.In(lang)
	}
	for _, s := range append(l.Offered(country), l.Sets()...) {
		if s.Crime != nil {
			return s.Crime.In(lang)
		}
	}
	return ""
}

// Names gives the words for something owed by its key, with its round where there are several; false for what no set has.
func (l *Library) Names(set, key, lang string) (string, bool) {
	code, round, _ := strings.Cut(key, ".") // a round, or a state
	name := ""
	for _, s := range append(slices.Clone(l.earlier[set]), l.sets[set]) { // the newest words, where it has some
		if x, ok := s.Stage(code); ok {
			name = x.Name.In(lang)
		}
		for _, x := range s.Recipients {
			if x.Code == code {
				name = x.Name.In(lang)
			}
		}
	}
	if name != "" && round != "" {
		name += " (" + round + ")"
	}
	return name, name != ""
}

// Thresholds lists the guided tests of significance.
func (l *Library) Thresholds() []Threshold { return slices.Clone(l.thresholds) }
