// Package errs gives every refusal a kind, and every kind its HTTP status, SMTP code and whether a retry helps, in one table.
//
// An error made here is safe to show: its text is a sentence for the person who asked, without personal data, keys or stored values.
// An error without a kind is Internal: its text goes to the process log only, and the person reads a reference.
package errs

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of refusal an error is.
type Kind uint8

// The kinds. What one may not see is NotFound, the same as what does not exist.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	Limit
	Unavailable
)

type row struct {
	name  string
	http  int
	smtp  int
	retry bool
}

var table = [...]row{
	Internal:        {"internal", 500, 451, true},
	Invalid:         {"invalid", 422, 554, false},
	Unauthenticated: {"unauthenticated", 401, 530, false},
	Forbidden:       {"forbidden", 403, 550, false},
	NotFound:        {"not_found", 404, 550, false},
	Conflict:        {"conflict", 409, 451, true},
	Limit:           {"limit", 429, 452, true},
	Unavailable:     {"unavailable", 503, 451, true},
}

func (k Kind) String() string { return table[k].name }

// HTTP gives the status code of the kind.
func (k Kind) HTTP() int { return table[k].http }

// SMTP gives the reply code of the kind (RFC 5321 section 4.2).
func (k Kind) SMTP() int { return table[k].smtp }

// Retry tells whether the same request may succeed later.
func (k Kind) Retry() bool { return table[k].retry }

// Field is one problem of one input field. Key names a text of the message catalogue; Args are its values.
type Field struct {
	Name string         // the input's name, as in the form and in JSON
	Key  string         // catalogue key, for example "error.required"
	Args map[string]any // numbers, dates and limits; never what was typed
}

// Error is a refusal with a kind. Key, when set, names the sentence in the message catalogue.
type Error struct {
	Kind   Kind
	Key    string
	Text   string // English sentence, used where no catalogue is at hand
	Fields []Field
	cause  error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Text)
	for i, f := range e.Fields {
		if i == 0 && e.Text != "" {
			b.WriteString(": ")
		} else if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.Name + " " + f.Key)
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.cause }

// New makes a refusal of the kind with a sentence.
func New(k Kind, text string) *Error { return &Error{Kind: k, Text: text} }

// Newf is New with formatting. The values must be fit to show.
func Newf(k Kind, format string, a ...any) *Error {
	return &Error{Kind: k, Text: fmt.Sprintf(format, a...)}
}

// Wrap gives err a kind and says what was tried; nil stays nil.
func Wrap(k Kind, text string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: k, Text: text, cause: err}
}

// ErrNotFound is the one answer to "not yours", "sealed" and "does not exist".
var ErrNotFound = New(NotFound, "not found")

// Of gives the kind of err; an error without one is Internal.
func Of(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is tells whether err is of the kind.
func Is(err error, k Kind) bool { return err != nil && Of(err) == k }

// Fields gives all field problems of err, or nil.
func Fields(err error) []Field {
	var e *Error
	if errors.As(err, &e) {
		return e.Fields
	}
	return nil
}

// Problems collects field problems, so that all are told at once.
type Problems []Field

// Add notes a problem of a field.
func (p *Problems) Add(name, key string, args ...any) {
	f := Field{Name: name, Key: key}
	for i := 0; i+1 < len(args); i += 2 {
		if f.Args == nil {
			f.Args = map[string]any{}
		}
		f.Args[fmt.Sprint(args[i])] = args[i+1]
	}
	*p = append(*p, f)
}

// Err gives nil when there is no problem, else one Invalid error with all of them.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Key: "error.fields", Text: "some answers need attention", Fields: p}
}
