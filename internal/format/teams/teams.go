// Package teams is a list of national and governmental CSIRTs by country, as data: a hint whom to ask for, never an address to send to. Each row says how sure
// it is, what of it was seen in a source, and when. It was compiled from public pages, law and press (as facts, CC0 1.0); the official lists of CERT/CC,
// Trusted Introducer and FIRST are not licensed for copying and no part of it.
package teams

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

//go:embed national.json
var data []byte

// Confidence says how a row is known.
type Confidence string

// The confidences, the surest first.
const (
	Confirmed Confidence = "confirmed"
	OneSource Confidence = "one_source"
	Recalled  Confidence = "recalled"
)

// Team is one CSIRT.
type Team struct {
	Country     string // ISO 3166-1 alpha-2, or "EU"
	CountryName string // in English
	Name        string
	Host        string // of whom it is a part
	Website     string
	Email       string
	Scope       string // "national", "governmental", …
	Confidence  Confidence
	Seen        []string // fields that were seen in a source; every other is recalled
	Sources     []string
	Checked     string // day, "" for never
	Note        string
}

// SeenIn tells whether a field was seen in a source.
func (t Team) SeenIn(field string) bool { return slices.Contains(t.Seen, field) }

// List is all teams. It does not change and is safe for concurrent use.
type List struct {
	AsOf string // day
	by   map[string][]Team
}

// New reads the list that is built into the program.
func New() (*List, error) {
	var in struct {
		AsOf  string `json:"as_of"`
		Teams []struct {
			Country    string   `json:"country"`
			Name       string   `json:"country_name"`
			Team       string   `json:"team"`
			Host       string   `json:"host"`
			Website    string   `json:"website"`
			Email      string   `json:"email"`
			Scope      string   `json:"scope"`
			Confidence string   `json:"confidence"`
			Seen       []string `json:"fields_confirmed"`
			Source     []string `json:"source"`
			Checked    string   `json:"checked"`
			EmailNote  string   `json:"email_note"`
			Note       string   `json:"note"`
		} `json:"teams"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("read the list of national teams: %w", err)
	}
	l := &List{AsOf: in.AsOf, by: map[string][]Team{}}
	for _, x := range in.Teams {
		t := Team{
			Country: x.Country, CountryName: x.Name, Name: x.Team, Host: x.Host, Website: x.Website, Email: x.Email, Scope: x.Scope, Confidence: Recalled,
			Seen: x.Seen, Sources: x.Source, Checked: x.Checked, Note: strings.Trim(x.EmailNote+"; "+x.Note, "; "),
		}
		switch {
		case strings.HasPrefix(x.Confidence, "confirmed"):
			t.Confidence = Confirmed
		case strings.HasPrefix(x.Confidence, "one"):
			t.Confidence = OneSource
		}
		if len(t.Country) != 2 || t.Name == "" {
			return nil, fmt.Errorf("read the list of national teams: %q of %q", t.Name, t.Country)
		}
		l.by[t.Country] = append(l.by[t.Country], t)
	}
	return l, nil
}

// Of gives the teams of a country, national ones first.
func (l *List) Of(country string) []Team {
	out := slices.Clone(l.by[strings.ToUpper(country)])
	slices.SortStableFunc(out, func(a, b Team) int {
		rank := func(t Team) int {
			if strings.HasPrefix(t.Scope, "national") {
				return 0
			}
			return 1
		}
		return rank(a) - rank(b)
	})
	return out
}

// CountryOf gives the country of a domain by its last label; "" for one of no country. It says under whose rules a name was registered, not where a machine
// stands.
func CountryOf(domain string) string {
	last := strings.ToUpper(domain[strings.LastIndexByte(domain, '.')+1:])
	switch {
	case last == "UK":
		return "GB"
	case len(last) != 2 || strings.Trim(last, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || generic[last]:
		return ""
	}
	return last
}

// generic are labels of two letters that anybody registers under, wherever he is.
var generic = map[string]bool{"AI": true, "CC": true, "CO": true, "FM": true, "GG": true, "IO": true, "LY": true, "ME": true, "SH": true, "TK": true, "TO": true, "TV": true, "WS": true, "SU": true}
