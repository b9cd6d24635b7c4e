// Package handover is the form in which one CSIRT hands an incident to another: a JSON document that goes with a letter which says the same to people
// (docs/interop/handover.md). A reader takes what it knows, leaves what it does not, and believes none of it more than its sender.
package handover

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
)

// The name and version of the form, and the file that holds it.
const (
	Format  = "tocsin-handover"
	Version = 1
	File    = "handover.json"
)

// The limits of a document.
const (
	MostBytes       = 256 << 10
	MostObservables = 1000
	MostText        = 20000
	mostLine        = 500
)

// Observable is a typed value: ip, domain, url, email, hash, asn, other.
type Observable struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Types are the types of observables.
var Types = []string{"ip", "domain", "url", "email", "hash", "asn", "other"}

// From says who hands it over.
type From struct {
	Team    string `json:"team"`
	Country string `json:"country,omitempty"` // ISO 3166-1 alpha-2
	Email   string `json:"email,omitempty"`
	Phone   string `json:"phone,omitempty"`
}

// Document is one hand-over. Reference is the sender's, and the one to quote.
type Document struct {
	Format      string       `json:"format"`
	Version     int          `json:"version"`
	ID          string       `json:"id"` // of this hand-over: the same document twice is one
	From        From         `json:"from"`
	Reference   string       `json:"reference,omitempty"`
	AnswerTo    string       `json:"answer_to,omitempty"` // the mail address at which an answer finds the case: the sender's own, with a tag
	MadeAt      time.Time    `json:"made_at"`
	TLP         string       `json:"tlp"`
	Title       string       `json:"title"`
	Summary     string       `json:"summary"`
	Type        string       `json:"type,omitempty"` // RSIT
	Severity    string       `json:"severity,omitempty"`
	StartedAt   time.Time    `json:"started_at,omitzero"`
	Observables []Observable `json:"observables"`
	Asked       string       `json:"asked,omitempty"`
	AnswerBy    time.Time    `json:"answer_by,omitzero"`
	Language    string       `json:"language,omitempty"` // of title, summary and what is asked
}

// ErrNone says that bytes are no hand-over of a version that is known here.
var ErrNone = errors.New("this is no hand-over that is known here")

// Write gives the bytes of a document.
func (d Document) Write() ([]byte, error) {
	d.Format, d.Version = Format, Version
	if d.Observables == nil {
		d.Observables = []Observable{}
	}
	return json.MarshalIndent(d, "", "  ")
}

// Read reads a document from a stranger. Texts come without control and direction characters and cut to the limits; an observable of a type that is not
// known is "other"; a label that is none is the strictest.
func Read(b []byte) (Document, error) {
	var d Document
	if len(b) > MostBytes || !utf8.Valid(b) {
		return d, ErrNone
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if json.Unmarshal(b, &head) != nil || head.Format != Format || head.Version != Version || json.Unmarshal(b, &d) != nil {
		return Document{}, ErrNone
	}
	for _, s := range []*string{&d.ID, &d.From.Team, &d.From.Country, &d.From.Email, &d.From.Phone, &d.Reference, &d.AnswerTo, &d.Title, &d.Type, &d.Severity, &d.Language} {
		*s = Line(*s)
	}
	d.Summary, d.Asked = Text(d.Summary), Text(d.Asked)
	if d.Title == "" && d.Summary == "" {
		return Document{}, ErrNone
	}
	d.TLP = d.Label().String()
	var kept []Observable
	for _, o := range d.Observables[:min(len(d.Observables), MostObservables)] {
		if o.Value = Line(o.Value); o.Value == "" {
			continue
		}
		if !slices.Contains(Types, o.Type) {
			o.Type = "other"
		}
		kept = append(kept, o)
	}
	d.Observables = kept
	return d, nil
}

// Label is the label of a document: the strictest for one that is none.
func (d Document) Label() tlp.Level {
	label, err := tlp.Parse(d.TLP)
	if err != nil || label == 0 {
		return tlp.Red
	}
	return label
}

// Line is a stranger's text on one line, without what is not seen.
func Line(s string) string {
	s = strings.Join(strings.Fields(Text(s)), " ")
	if r := []rune(s); len(r) > mostLine {
		s = string(r[:mostLine])
	}
	return s
}

// Text is a stranger's text without what is not seen.
func Text(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ReplaceAll(s, "\r\n", "\n"))
	if r := []rune(s); len(r) > MostText {
		s = string(r[:MostText])
	}
	return strings.TrimSpace(s)
}
