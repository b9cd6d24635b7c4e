package handover

import (
	"encoding/json"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/kit/strictjson"
)

// Why a document is not taken.
const (
	TooLarge  = "size"    // in bytes, in observables or in the length of a text
	OtherForm = "form"    // no JSON with one reading, a field that is not known, or a value of another type
	OtherKind = "version" // another form, or a version that is not known
	SaysNo    = "empty"   // neither title nor summary
	Nameless  = "id"      // no id by which the same document is one
	mostName  = 200       // characters of an id, a reference, a name
)

// Take reads a document that is to be acted on, from a team that proved who it is: what Read leaves or cuts is refused here, with the reason. A label that is
// none is the strictest all the same, and what the document says of itself (reference, team, mail address) stays its sender's word.
func Take(b []byte) (d Document, refused string) {
	if len(b) > MostBytes {
		return d, TooLarge
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if strictjson.Check(b) != nil {
		return d, OtherForm
	}
	if json.Unmarshal(b, &head) != nil || head.Format != Format || head.Version != Version {
		return d, OtherKind
	}
	if strictjson.Decode(b, &d) != nil {
		return Document{}, OtherForm
	}
	if len(d.Observables) > MostObservables || utf8.RuneCountInString(d.Summary) > MostText || utf8.RuneCountInString(d.Asked) > MostText ||
		slices.ContainsFunc([]string{d.ID, d.Reference, d.Title, d.From.Team, d.From.Email, d.From.Phone, d.AnswerTo}, func(s string) bool { return utf8.RuneCountInString(s) > mostName }) ||
		slices.ContainsFunc(d.Observables, func(o Observable) bool { return utf8.RuneCountInString(o.Value) > mostLine }) {
		return Document{}, TooLarge
	}
	if d, err := Read(b); err == nil && d.ID != "" {
		return d, ""
	} else if err == nil {
		return Document{}, Nameless
	}
	return Document{}, SaysNo
}

// The answer to a hand-over: the file beside the letter that says it to people.
const (
	AckFormat = "tocsin-handover-ack"
	AckFile   = "handover-ack.json"
	MostAck   = 16 << 10 // bytes
)

// What is answered.
const (
	Acknowledged = "acknowledged"
	Declined     = "declined"
)

// Ack is what became of a hand-over at the team that it went to.
type Ack struct {
	Format    string    `json:"format"`
	Version   int       `json:"version"`
	ID        string    `json:"id"` // of the document that is answered
	From      From      `json:"from"`
	MadeAt    time.Time `json:"made_at"`
	Outcome   string    `json:"outcome"`             // Acknowledged, Declined
	Reference string    `json:"reference,omitempty"` // of the team that takes it
	Note      string    `json:"note,omitempty"`      // why it is declined
}

// Write gives the bytes of an answer.
func (a Ack) Write() ([]byte, error) {
	a.Format, a.Version = AckFormat, Version
	return json.MarshalIndent(a, "", "  ")
}

// TakeAck reads an answer from a team that proved who it is; ErrNone for what is none, or says nothing that can be acted on.
func TakeAck(b []byte) (Ack, error) {
	var a Ack
	if len(b) > MostAck || strictjson.Decode(b, &a) != nil || a.Format != AckFormat || a.Version != Version || a.ID == "" {
		return Ack{}, ErrNone
	}
	for _, s := range []*string{&a.ID, &a.Outcome, &a.Reference, &a.From.Team, &a.From.Country, &a.From.Email, &a.From.Phone} {
		if utf8.RuneCountInString(*s) > mostName {
			return Ack{}, ErrNone
		}
		*s = Line(*s)
	}
	if a.Note = Text(a.Note); utf8.RuneCountInString(a.Note) > 2000 {
		return Ack{}, ErrNone
	}
	switch {
	case a.Outcome == Acknowledged && a.Reference != "", a.Outcome == Declined && a.Note != "":
		return a, nil
	}
	return Ack{}, ErrNone
}
