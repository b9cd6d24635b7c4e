package intake

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/tocsin-csirt/tocsin/internal/format/handover"
)

// Handed is a case that another team hands to us, as the document beside its letter says it: its sender's words.
type Handed struct {
	Document handover.Document `json:"document,omitzero"`
	Sum      string            `json:"sum,omitempty"`     // SHA-256 of the document
	Refused  string            `json:"refused,omitempty"` // why it is not acted on: a reason of handover.Take, HandedMany, HandedUnproved
}

// Why a document is not even read.
const (
	HandedMany     = "many"     // there is more than one
	HandedUnproved = "unproved" // nobody has proved who sent it
)

// HandedOver reads what lies beside a letter under the name of a hand-over: nil for nothing. What is refused leaves the letter a report like any other.
func HandedOver(documents [][]byte, proved bool) *Handed {
	switch {
	case len(documents) == 0:
		return nil
	case len(documents) > 1:
		return &Handed{Refused: HandedMany}
	case !proved:
		return &Handed{Refused: HandedUnproved}
	}
	d, refused := handover.Take(documents[0])
	sum := sha256.Sum256(documents[0])
	return &Handed{Document: d, Sum: hex.EncodeToString(sum[:]), Refused: refused}
}

// observableTypes are the types of a hand-over in the words of a report.
var observableTypes = map[string]string{"ip": "address", "domain": "domain", "url": "url", "email": "email", "hash": "hash", "asn": "asn"}

// observables gives what the document names as typed values, at most some.
func (h *Handed) observables(most int) []Observable {
	var out []Observable
	for _, o := range h.Document.Observables[:min(len(h.Document.Observables), most)] {
		if kind := observableTypes[o.Type]; kind != "" {
			out = append(out, Observable{kind, o.Value})
		}
	}
	return out
}
