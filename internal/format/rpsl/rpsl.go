// Package rpsl reads objects of an internet registry as its database gives them (RFC 2622 section 2; the split files of the RIPE database): attributes, one
// a line, objects parted by empty lines. It judges nothing and knows no object class.
package rpsl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The limits of what is read.
const (
	MostLine       = 16 << 10 // bytes of a line
	MostAttributes = 2000     // of one object
)

// Attribute is one line with those that go on from it.
type Attribute struct{ Name, Value string }

// Object is what stands between empty lines. Its class is the name of its first attribute, its key the value of that.
type Object struct {
	Line       int // of its beginning, from 1
	Attributes []Attribute
}

// Class gives what kind of object it is: "inetnum", "aut-num", "organisation".
func (o Object) Class() string { return o.Attributes[0].Name }

// Key gives what it is about: "192.0.2.0 - 192.0.2.255".
func (o Object) Key() string { return o.Attributes[0].Value }

// First gives the first value of an attribute, "" for none.
func (o Object) First(name string) string {
	for _, a := range o.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// All gives every value of an attribute.
func (o Object) All(name string) (out []string) {
	for _, a := range o.Attributes {
		if a.Name == name {
			out = append(out, a.Value)
		}
	}
	return out
}

// ErrForm says that something is no list of objects.
var ErrForm = errors.New("this is no list of objects of a registry")

// Read gives each object to take, until it says otherwise. Lines that begin with % or # outside an object are remarks of the server. Text that is not UTF-8 is
// read as Latin-1, as the RIPE database writes it. Refused: ErrForm with the line.
func Read(r io.Reader, take func(Object) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), MostLine)
	var o Object
	n := 0
	give := func() error {
		if len(o.Attributes) == 0 {
			return nil
		}
		whole := o
		o = Object{}
		return take(whole)
	}
	for lines.Scan() {
		n++
		line := strings.TrimRight(text(lines.Bytes()), " \t\r")
		if line == "" {
			if err := give(); err != nil {
				return err
			}
			continue
		}
		if len(o.Attributes) == 0 && (line[0] == '%' || line[0] == '#') {
			continue
		}
		if err := o.add(line, n); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return fmt.Errorf("line %d is too long: %w", n+1, ErrForm)
		}
		return err
	}
	return give()
}

// add takes a line into the object.
func (o *Object) add(line string, n int) error {
	if c := line[0]; c == ' ' || c == '\t' || c == '+' {
		if len(o.Attributes) == 0 {
			return fmt.Errorf("line %d goes on from nothing: %w", n, ErrForm)
		}
		last := &o.Attributes[len(o.Attributes)-1]
		last.Value = strings.TrimSpace(last.Value + " " + clean(line[1:]))
		return nil
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) {
		return fmt.Errorf("line %d has no attribute: %w", n, ErrForm)
	}
	if len(o.Attributes) == MostAttributes {
		return fmt.Errorf("line %d: too many attributes: %w", n, ErrForm)
	}
	if len(o.Attributes) == 0 {
		o.Line = n
	}
	o.Attributes = append(o.Attributes, Attribute{strings.ToLower(name), clean(value)})
	return nil
}

// clean takes the remark at the end of a value away.
func clean(s string) string {
	s, _, _ = strings.Cut(s, " #")
	return strings.TrimSpace(s)
}

// text reads bytes that are UTF-8 or Latin-1.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	r := make([]rune, len(b))
	for i, x := range b {
		r[i] = rune(x)
	}
	return string(r)
}
