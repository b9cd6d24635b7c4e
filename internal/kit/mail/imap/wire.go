package imap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// What a server may send. It is ours and yet not trusted: a mailbox lies with a provider, or its server was taken over (rule M12).
const (
	maxLine    = 256 << 10 // of an answer, without literals
	maxLiteral = 4 << 10   // that is no body of a mail
	maxAnswers = 200_000   // to one command
	maxWords   = 50_000    // of one answer
	maxDepth   = 8
)

var errAnswer = errors.New("imap: the server does not speak IMAP")

// errTooLarge says that a mail is larger than its server told.
var errTooLarge = errors.New("imap: a mail is larger than the server said")

// value is an atom, a string, a list or nil.
type value struct {
	text string
	list []value
	body bool // the literal went to the sink
	kind byte // 'a' atom, 's' string, 'l' list
}

// answer is one line of the server, its literals taken in.
type answer struct {
	tag   string // "*" untagged, "+" go on
	word  string // upper case: OK, NO, BAD, BYE, PREAUTH, or the number or the name of data
	text  string // of a status, behind its code
	code  string // what stood in brackets
	words []value
}

// reader reads answers.
type reader struct {
	r    *bufio.Reader
	left int                                 // of the line
	many int                                 // words of this answer
	sink func(size int64, r io.Reader) error // takes the literal behind BODY[]; nil: no body is expected
}

func (d *reader) byte() (byte, error) {
	if d.left--; d.left < 0 {
		return 0, errAnswer
	}
	return d.r.ReadByte()
}

func (d *reader) peek() (byte, error) {
	b, err := d.r.Peek(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// next reads one answer.
func (d *reader) next() (answer, error) {
	d.left, d.many = maxLine, 0
	var a answer
	var err error
	if a.tag, err = d.atom(); err != nil {
		return a, err
	}
	if a.tag == "+" {
		a.text, err = d.rest()
		return a, err
	}
	if err = d.space(); err != nil {
		return a, err
	}
	word, err := d.atom()
	if err != nil {
		return a, err
	}
	switch a.word = strings.ToUpper(word); a.word {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		text, err := d.rest()
		if code, after, ok := strings.Cut(text, "]"); ok && strings.HasPrefix(code, "[") {
			a.code, text = code[1:], after
		}
		a.text = strings.TrimSpace(text)
		return a, err
	}
	if a.tag != "*" {
		return a, errAnswer
	}
	a.words, err = d.values(0)
	return a, err
}

func (d *reader) rest() (string, error) {
	var b strings.Builder
	for {
		c, err := d.byte()
		if err != nil {
			return "", err
		}
		if c == '\n' {
			return strings.TrimPrefix(strings.TrimSuffix(b.String(), "\r"), " "), nil
		}
		b.WriteByte(c)
	}
}

func (d *reader) space() error {
	if c, err := d.byte(); err != nil || c != ' ' {
		return errors.Join(err, errAnswer)
	}
	return nil
}

// atom reads up to a space, a bracket of a list or the end of the line; square brackets with spaces in them belong to it, as in BODY[HEADER.FIELDS (A B)].
func (d *reader) atom() (string, error) {
	var b strings.Builder
	square := 0
	for {
		c, err := d.peek()
		if err != nil {
			return "", err
		}
		if c == '\r' || c == '\n' || square == 0 && (c == ' ' || c == '(' || c == ')') {
			if b.Len() == 0 {
				return "", errAnswer
			}
			return b.String(), nil
		}
		switch c {
		case '[':
			square++
		case ']':
			square = max(square-1, 0)
		}
		if c, err = d.byte(); err != nil {
			return "", err
		}
		b.WriteByte(c)
	}
}

// values reads values up to the end of the line, or of the list when it is inside one.
func (d *reader) values(depth int) (out []value, err error) {
	if depth > maxDepth {
		return nil, errAnswer
	}
	name := ""
	for {
		c, err := d.peek()
		if err != nil {
			return nil, err
		}
		switch c {
		case ' ', '\r':
			if _, err := d.byte(); err != nil {
				return nil, err
			}
			continue
		case '\n':
			if depth > 0 {
				return nil, errAnswer
			}
			_, err := d.byte()
			return out, err
		case ')':
			if depth == 0 {
				return nil, errAnswer
			}
			_, err := d.byte()
			return out, err
		}
		if d.many++; d.many > maxWords {
			return nil, errAnswer
		}
		v, err := d.value(c, name, depth)
		if err != nil {
			return nil, err
		}
		name = ""
		if v.kind == 'a' {
			name = strings.ToUpper(v.text)
		}
		out = append(out, v)
	}
}

func (d *reader) value(c byte, name string, depth int) (value, error) {
	switch c {
	case '(':
		if _, err := d.byte(); err != nil {
			return value{}, err
		}
		list, err := d.values(depth + 1)
		return value{kind: 'l', list: list}, err
	case '"':
		s, err := d.quoted()
		if err == nil && d.sink != nil && name == "BODY[]" {
			return value{kind: 's', body: true}, d.sink(int64(len(s)), strings.NewReader(s))
		}
		return value{kind: 's', text: s}, err
	case '{', '~':
		return d.literal(name)
	}
	s, err := d.atom()
	return value{kind: 'a', text: s}, err
}

func (d *reader) quoted() (string, error) {
	if _, err := d.byte(); err != nil {
		return "", err
	}
	var b strings.Builder
	for {
		c, err := d.byte()
		if err == nil && c == '\\' {
			c, err = d.byte()
		} else if err == nil && c == '"' {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		if c == '\r' || c == '\n' {
			return "", errAnswer
		}
		b.WriteByte(c)
	}
}

// literal reads {n} and n octets. The body of a mail goes to the sink as it comes.
func (d *reader) literal(name string) (value, error) {
	head, err := d.r.ReadSlice('\n')
	if err != nil || len(head) > 32 {
		return value{}, errors.Join(err, errAnswer)
	}
	d.left -= len(head)
	head = bytes.TrimPrefix(bytes.TrimRight(head, "\r\n"), []byte("~"))
	if len(head) < 3 || head[0] != '{' || head[len(head)-1] != '}' {
		return value{}, errAnswer
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(string(head[1:len(head)-1]), "+"), 10, 64)
	if err != nil || n < 0 {
		return value{}, errAnswer
	}
	if d.sink != nil && name == "BODY[]" {
		body := &io.LimitedReader{R: d.r, N: n}
		if err := d.sink(n, body); err != nil {
			return value{}, err
		}
		if body.N > 0 {
			return value{}, io.ErrUnexpectedEOF
		}
		return value{kind: 's', body: true}, nil
	}
	if d.left -= int(min(n, maxLine)); n > maxLiteral || d.left < 0 {
		return value{}, fmt.Errorf("%w: a literal of %d octets", errAnswer, n)
	}
	text := make([]byte, n)
	_, err = io.ReadFull(d.r, text)
	return value{kind: 's', text: string(text)}, err
}
