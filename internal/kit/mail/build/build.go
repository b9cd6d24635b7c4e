// Package build writes electronic mail: typed values in, canonical bytes with CRLF out.
//
//   - [Line], [Address], [ID] are values that cannot carry a line end or a control character: their constructors refuse (M11).
//   - [Letter] is one message to one recipient. [Letter.Bytes] gives it plain.
//   - [Letter.Entity] gives only Content-* fields and body, for kit/pgp to sign or encrypt, with the header protection of RFC 9788;
//     [Letter.Around] puts the outer header around what kit/pgp made of it.
//
// Nothing random in a letter tells the clock, the host's count or the sender's case (A7). Bodies are 7-bit, so that no relay recodes
// what is signed. It does not send: that is kit/mail/send.
package build

import (
	"mime"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	read "github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Line is text for one header field. The zero value is empty.
type Line struct{ s string }

// NewLine takes text without line ends, control and bidirectional characters, at most 64 KiB.
func NewLine(s string) (Line, error) {
	if len(s) > 64<<10 || !utf8.ValidString(s) || read.Visible(s) != s {
		return Line{}, errs.New(errs.Invalid, "text of a mail header holds a line end, a control character or too much")
	}
	return Line{strings.Trim(s, " ")}, nil
}

func (l Line) String() string { return l.s }

// Address is a mailbox with an optional name.
type Address struct {
	name Line
	addr string
}

// NewAddress takes a name and an address. The domain may be international and is written in its ASCII form; the part before must be ASCII.
func NewAddress(name, addr string) (Address, error) {
	n, err := NewLine(name)
	if err != nil {
		return Address{}, err
	}
	bad := errs.New(errs.Invalid, "not a mail address")
	at := strings.LastIndexByte(addr, '@')
	if at <= 0 || at > 64 || len(addr) > 254 {
		return Address{}, bad
	}
	domain, err := idna.Lookup.ToASCII(addr[at+1:])
	if err != nil || domain == "" || strings.HasPrefix(domain, "[") {
		return Address{}, bad
	}
	full := addr[:at] + "@" + domain
	for i := range len(full) {
		if full[i] <= ' ' || full[i] > '~' {
			return Address{}, bad
		}
	}
	p, err := mail.ParseAddress("<" + full + ">")
	if err != nil || p.Address != full {
		return Address{}, bad
	}
	return Address{n, full}, nil
}

// Addr gives the bare address.
func (a Address) Addr() string { return a.addr }

// Name gives the name.
func (a Address) Name() string { return a.name.s }

// IsZero tells whether there is no address.
func (a Address) IsZero() bool { return a.addr == "" }

// ID is a Message-ID without its brackets.
type ID struct{ s string }

// NewID draws a Message-ID of 128 random bits at the host.
func NewID(host string) (ID, error) { return ParseID(id.New() + "@" + host) }

// ParseID takes an id as it was read from a message, with or without brackets.
func ParseID(s string) (ID, error) {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
	if len(s) == 0 || len(s) > 900 || strings.ContainsAny(s, "<>\"\\") {
		return ID{}, errs.New(errs.Invalid, "not a message id")
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return ID{}, errs.New(errs.Invalid, "not a message id")
		}
	}
	return ID{s}, nil
}

func (i ID) String() string { return i.s }

// Attachment is a file that goes along.
type Attachment struct {
	Name  Line
	Type  string // media type without parameters; application/octet-stream when empty
	Bytes []byte
}

// Calendar is an invitation (RFC 6047), shown by calendars beside the text.
type Calendar struct {
	Method string // REQUEST, CANCEL, PUBLISH
	Bytes  []byte // text/calendar in UTF-8
}

// Letter is one message to one recipient. From, To, Date and ID are required.
type Letter struct {
	From, To      Address
	ReplyTo       Address
	Subject       Line
	Date          time.Time
	ID            ID
	InReplyTo     ID
	References    []ID
	AutoSubmitted bool   // "auto-generated": no person wrote it, no machine may answer
	Language      string // Content-Language, or ""
	Text          string // UTF-8; line ends become CRLF
	Calendar      *Calendar
	Attachments   []Attachment
}

func (l Letter) check() error {
	var p errs.Problems
	for _, c := range []struct {
		name string
		bad  bool
	}{
		{"from", l.From.IsZero()},
		{"to", l.To.IsZero()},
		{"date", l.Date.IsZero()},
		{"id", l.ID.s == ""},
		{"text", !utf8.ValidString(l.Text) || strings.ContainsRune(l.Text, 0)},
		{"language", strings.Trim(l.Language, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != ""},
		{"calendar", l.Calendar != nil && strings.Trim(l.Calendar.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != ""},
	} {
		if c.bad {
			p.Add(c.name, "error.mail_value")
		}
	}
	for _, a := range l.Attachments {
		t, params, err := mime.ParseMediaType(a.Type)
		if a.Type != "" && (err != nil || len(params) > 0 || !strings.Contains(t, "/") || strings.HasPrefix(t, "multipart/")) {
			p.Add("attachments", "error.mail_value")
		}
	}
	return p.Err()
}
