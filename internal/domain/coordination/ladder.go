package coordination

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/format/severity"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A ladder says who is written to next when a party stays silent (decision 0036). Its first rungs are contacts of the party itself; the last ones are
// others, who are written to in a compartment of their own and only when a person confirms it.

// RungTo is to whom a rung goes.
type RungTo string

// To whom rungs go: contacts of the party by their role, then others.
const (
	ToTechnical  RungTo = "technical"
	ToSecurity   RungTo = "security"
	ToDuty       RungTo = "duty"
	ToManagement RungTo = "management"
	ToProvider   RungTo = "provider"  // who holds the network around its own, or is named as its provider
	ToAuthority  RungTo = "authority" // the authorities of the incident, or the organisation that the rung names
)

// RungTos lists them.
func RungTos() []RungTo {
	return []RungTo{ToTechnical, ToSecurity, ToDuty, ToManagement, ToProvider, ToAuthority}
}

// Outside tells whether the rung goes to another organisation than the party's.
func (t RungTo) Outside() bool { return t == ToProvider || t == ToAuthority }

// StopAt is how far a party must have come for a rung to be left out.
type StopAt string

// The conditions, each within the one before.
const (
	StopSeen     StopAt = "seen"
	StopAnswered StopAt = "answered"
	StopPlanned  StopAt = "planned" // every measure is planned for a day to come, and no request is open
	StopDone     StopAt = "done"    // it owes nothing more
)

// StopAts lists them.
func StopAts() []StopAt { return []StopAt{StopSeen, StopAnswered, StopPlanned, StopDone} }

func (s StopAt) level() int { return slices.Index(StopAts(), s) + 1 }

// Rung is one step of a ladder.
type Rung struct {
	To           RungTo  `json:"to"`
	Hours        int     `json:"hours"`                  // after the step before; of the first, after the answer was due
	Working      bool    `json:"working,omitempty"`      // they are working hours
	Stop         StopAt  `json:"stop"`                   // it is left out for who came as far
	Confirm      bool    `json:"confirm,omitempty"`      // a person confirms it; of rungs that go outside always
	Organisation string  `json:"organisation,omitempty"` // of ToAuthority: uid of whom to write to; "" for the authorities of the incident
	Words        Wording `json:"words,omitempty"`        // in front of the letter; {name} is the reader's organisation. The words of the program where they are missing
}

// Asks tells whether a person confirms the rung.
func (r Rung) Asks() bool { return r.Confirm || r.To.Outside() }

// Ladder is one version of a ladder.
type Ladder struct {
	ID         int64 // 0 for the built-in one while nobody used it
	Code       string
	Version    int
	Name       string // "" for the name that the program gives the built-in one
	Rungs      []Rung
	Severities []string // at which it begins by itself when a letter asks
	BuiltIn    bool
	MadeBy     int64
	MadeAt     time.Time
	RetiredAt  time.Time
}

// The limits of a ladder.
const (
	mostRungs     = 12
	mostRungHours = 24 * 90
	mostLadders   = 100
)

// StandardLadder is the code of the ladder that comes with the program.
const StandardLadder = "standard"

// NoLadder is chosen for an incident in which nobody is chased by itself.
const NoLadder = "-"

func builtInLadder() Ladder {
	return Ladder{Code: StandardLadder, Version: 1, BuiltIn: true, Rungs: []Rung{
		{To: ToTechnical, Hours: 4, Stop: StopAnswered},
		{To: ToSecurity, Hours: 8, Working: true, Stop: StopAnswered},
		{To: ToManagement, Hours: 16, Working: true, Stop: StopPlanned},
		{To: ToProvider, Hours: 24, Working: true, Stop: StopPlanned},
		{To: ToAuthority, Hours: 40, Working: true, Stop: StopDone},
	}}
}

var ladderCode = regexp.MustCompile(`^[a-z][a-z0-9_]{1,39}$`)

// check finds all problems of a ladder at once.
func (l Ladder) check() error {
	var p errs.Problems
	if !ladderCode.MatchString(l.Code) {
		p.Add("code", "error.question.code")
	}
	if n := utf8.RuneCountInString(l.Name); n > 100 {
		p.Add("name", "error.too_long", "most", 100)
	} else if n == 0 && l.Code != StandardLadder {
		p.Add("name", "error.required")
	} else if !plainLine(l.Name) {
		p.Add("name", "error.characters")
	}
	for _, s := range l.Severities {
		if !slices.Contains(Severities(), s) {
			p.Add("severities", "error.choose")
		}
	}
	switch {
	case len(l.Rungs) == 0:
		p.Add("rungs", "error.ladder.rungs")
	case len(l.Rungs) > mostRungs:
		p.Add("rungs", "error.too_many", "most", mostRungs)
	}
	for i, r := range l.Rungs {
		at := "rungs." + strconv.Itoa(i) + "."
		if !slices.Contains(RungTos(), r.To) {
			p.Add(at+"to", "error.choose")
		}
		if r.Stop.level() == 0 {
			p.Add(at+"stop", "error.choose")
		}
		if r.Hours < 0 || r.Hours > mostRungHours {
			p.Add(at+"hours", "error.range", "least", 0, "most", mostRungHours)
		}
		if r.Organisation != "" && r.To != ToAuthority {
			p.Add(at+"organisation", "error.ladder.organisation")
		}
		for _, lang := range slices.Sorted(maps.Keys(r.Words)) {
			w := r.Words[lang]
			switch {
			case !slices.Contains(text.Langs(), text.Lang(lang)):
				p.Add(at+"words", "error.choose")
			case utf8.RuneCountInString(w) > 2000:
				p.Add(at+"words."+lang, "error.too_long", "most", 2000)
			case !utf8.ValidString(w) || strings.ContainsRune(w, 0):
				p.Add(at+"words."+lang, "error.characters")
			}
			for _, hole := range letterHole.FindAllString(w, -1) {
				if hole != "{name}" {
					p.Add(at+"words."+lang, "error.ladder.hole", "hole", hole)
					break
				}
			}
		}
	}
	return p.Err()
}

// plainLine tells whether a text is one line without control characters.
func plainLine(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

// Severities are those at which a ladder may begin by itself.
func Severities() []string {
	var out []string
	for _, l := range severity.Levels() {
		out = append(out, l.String())
	}
	return out
}
