package mail

import (
	"io"
	"mime"
	"net/mail"
	"strings"
	"time"
)

// Address is one mail address. Name is safe to show and never an identity.
type Address struct{ Name, Addr string }

// Domain gives the part behind the last @ in lower case, or "".
func (a Address) Domain() string {
	i := strings.LastIndexByte(a.Addr, '@')
	return strings.ToLower(a.Addr[i+1:])
}

const (
	maxAddressField  = 64 << 10
	maxAddressFields = 512 << 10 // all fields of one name together
	maxQuotedWords   = 500       // names of one field that are looked up in it
)

// Addresses gives the addresses of all fields of the name. It is false when a field cannot be read strictly; the list then holds what
// looks like addresses, for showing only.
func (h Header) Addresses(name string) (list []Address, strict bool) {
	strict = true
	words := &mime.WordDecoder{CharsetReader: func(cs string, r io.Reader) (io.Reader, error) {
		b, err := io.ReadAll(r)
		s, _ := decodeCharset(cs, b)
		return strings.NewReader(s), err
	}}
	parser := mail.AddressParser{WordDecoder: words}
	left := maxAddressFields
	for _, f := range h.All(name) {
		if left -= len(f.Raw); strings.TrimSpace(f.Raw) == "" || len(f.Raw) > maxAddressField || left < 0 {
			strict = false
			continue
		}
		found, err := parser.ParseList(f.Raw)
		if err != nil || strings.ContainsAny(f.Raw, "\x00\r\n") {
			strict = false
			if found, err = parser.ParseList(dropComments(f.Raw)); err != nil {
				list = append(list, looseAddresses(f.Raw)...)
				continue
			}
		}
		quoted := maxQuotedWords
		for _, a := range found {
			if Visible(a.Address) != a.Address {
				strict = false
			}
			if quoted > 0 && strings.Contains(a.Name, "=?") && strings.Contains(f.Raw, `"`+a.Name+`"`) {
				quoted--
				a.Name, _ = decodeWords(a.Name) // encoded words in quotes: wrong, and usual
			}
			list = append(list, Address{Visible(a.Name), Visible(a.Address)})
		}
	}
	return list, strict
}

// looseAddresses finds what looks like addresses in a broken field.
func looseAddresses(raw string) []Address {
	var list []Address
	text, _ := decodeWords(raw)
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t,;<>\"'()[]", r) }) {
		w = strings.TrimRight(w, ".")
		if i := strings.IndexByte(w, '@'); i > 0 && i < len(w)-1 && len(list) < 100 {
			list = append(list, Address{"", Visible(strings.ToValidUTF8(w, "\ufffd"))})
		}
	}
	return list
}

// From gives all addresses of all From fields, for showing.
func (m *Message) From() []Address {
	list, _ := m.Header().Addresses("From")
	return list
}

// Sender gives the one address that the message claims to be from. More than one, none, or a field that cannot be read strictly is
// nobody (M4). That the claim is true is for kit/mail/auth and kit/pgp to say.
func (m *Message) Sender() (Address, bool) {
	list, strict := m.Header().Addresses("From")
	if !strict || len(list) != 1 || len(m.Header().All("From")) != 1 || list[0].Domain() == "" {
		return Address{}, false
	}
	return list[0], true
}

// Subject gives the safe text of the subject.
func (m *Message) Subject() string { return m.Header().Get("Subject") }

// MessageID gives the id without its brackets, or "".
func (m *Message) MessageID() string { return first(m.Header().ids("Message-ID")) }

// InReplyTo gives the first id of In-Reply-To, or "".
func (m *Message) InReplyTo() string { return first(m.Header().ids("In-Reply-To")) }

// References gives the ids of References, at most 100.
func (m *Message) References() []string { return m.Header().ids("References") }

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

func (h Header) ids(name string) []string {
	var ids []string
	s := h.raw(name)
	for len(ids) < 100 {
		_, rest, ok := strings.Cut(s, "<")
		if !ok {
			break
		}
		id, rest, ok := strings.Cut(rest, ">")
		if !ok {
			break
		}
		if id = Visible(strings.ToValidUTF8(strings.TrimSpace(id), "\ufffd")); id != "" && len(id) < 1000 {
			ids = append(ids, id)
		}
		s = rest
	}
	// Some machines write an id without brackets.
	if bare := strings.TrimSpace(s); len(ids) == 0 && bare != "" && len(bare) < 1000 && !strings.ContainsAny(bare, " \t<>") {
		ids = append(ids, Visible(strings.ToValidUTF8(bare, "\ufffd")))
	}
	return ids
}

// Date gives the time the sender wrote, false when there is none that can be read.
func (m *Message) Date() (time.Time, bool) {
	raw := m.Header().raw("Date")
	if raw == "" || len(raw) > 200 {
		return time.Time{}, false
	}
	t, err := mail.ParseDate(raw)
	if err != nil {
		t, err = mail.ParseDate(strings.TrimSpace(dropComments(raw)))
	}
	return Zoned(t).UTC(), err == nil
}

// zones are those that RFC 5322 (section 4.3) names, in hours from UTC.
var zones = map[string]int{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}

// Zoned corrects a time that was read with the name of a zone: package time takes a name that it does not know for UTC.
func Zoned(t time.Time) time.Time {
	if name, offset := t.Zone(); offset == 0 {
		return t.Add(-time.Duration(zones[name]) * time.Hour)
	}
	return t
}
