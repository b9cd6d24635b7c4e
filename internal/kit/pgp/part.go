package pgp

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
)

// This file knows just enough MIME to find the outermost layer on the exact bytes; whoever shows a mail uses the real tree.

const (
	maxHeaderBytes = 1 << 20
	maxFields      = 2000
)

type field struct{ name, value string }

// part is an entity cut at its first empty line. Nothing is decoded.
type part struct {
	fields []field
	body   []byte
	sane   bool // header within limits, and each field that decides occurs once
	kind   string
	params map[string]string
}

func readPart(entity []byte) part {
	var p part
	rest := entity
	var folded []string // the lines of the last field: put together once, for one of very many would cost their square
	unfold := func() {
		if n := len(p.fields); n > 0 && len(folded) > 1 {
			p.fields[n-1].value = strings.Join(folded, " ")
		}
	}
	for len(rest) > 0 {
		var line []byte
		line, rest = cutLine(rest)
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if len(entity)-len(rest) > maxHeaderBytes || len(p.fields) >= maxFields {
			return part{}
		}
		text := strings.TrimRight(string(line), "\r\n")
		if line[0] == ' ' || line[0] == '\t' {
			if len(p.fields) > 0 {
				folded = append(folded, strings.TrimSpace(text))
			}
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			continue
		}
		unfold()
		p.fields = append(p.fields, field{textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)), strings.TrimSpace(value)})
		folded = append(folded[:0], strings.TrimSpace(value))
	}
	unfold()
	p.body = rest
	types := p.get("Content-Type")
	switch {
	case len(types) > 1 || len(p.get("Content-Transfer-Encoding")) > 1:
		return p // readers disagree on which one counts
	case len(types) == 0:
		p.kind, p.sane = "text/plain", true
	default:
		kind, params, err := mime.ParseMediaType(types[0])
		p.kind, p.params, p.sane = kind, params, err == nil
	}
	return p
}

func (p part) get(name string) (values []string) {
	for _, f := range p.fields {
		if f.name == name {
			values = append(values, f.value)
		}
	}
	return values
}

// decoded undoes the transfer encoding. Junk inside gives an error: what comes out must be the whole.
func (p part) decoded() ([]byte, error) {
	enc := ""
	if v := p.get("Content-Transfer-Encoding"); len(v) == 1 {
		enc = strings.ToLower(v[0])
	}
	switch enc {
	case "", "7bit", "8bit", "binary":
		return p.body, nil
	case "base64":
		return io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(p.body)))
	case "quoted-printable":
		return io.ReadAll(quotedprintable.NewReader(bytes.NewReader(p.body)))
	}
	return nil, errPacket
}

// split gives the exact bytes of the parts of a multipart body, at most max and one; whole is false when the closing line is missing.
func (p part) split(most int) (parts [][]byte, whole bool) {
	b := p.params["boundary"]
	if b == "" || len(b) > 200 {
		return nil, false
	}
	mark := []byte("--" + b)
	start := -1
	rest := p.body
	for len(rest) > 0 {
		at := len(p.body) - len(rest)
		var line []byte
		line, rest = cutLine(rest)
		tail, ok := bytes.CutPrefix(line, mark)
		if !ok {
			continue
		}
		tail = bytes.TrimRight(tail, " \t\r\n")
		last := string(tail) == "--"
		if !last && len(tail) > 0 {
			continue
		}
		if start >= 0 {
			parts = append(parts, cutEnd(p.body[start:max(at, start)]))
		}
		if last {
			return parts, start >= 0
		}
		if len(parts) > most {
			return parts, false
		}
		start = len(p.body) - len(rest)
	}
	return parts, false
}

// cutEnd drops the line end before a boundary: it belongs to the boundary.
func cutEnd(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte("\n"))
	return bytes.TrimSuffix(b, []byte("\r"))
}

// protected gives the header fields that a cryptographic payload carries inside (RFC 9788, and the drafts before it).
func (p part) protected() (scheme string, fields map[string][]string) {
	switch hp := strings.ToLower(p.params["hp"]); {
	case hp == "clear" || hp == "cipher":
		scheme = "hp-" + hp
	case strings.EqualFold(p.params["protected-headers"], "v1"):
		scheme = "v1"
	default:
		return "", nil
	}
	fields = map[string][]string{}
	for _, f := range p.fields {
		if f.name != "Mime-Version" && !strings.HasPrefix(f.name, "Content-") {
			fields[f.name] = append(fields[f.name], f.value)
		}
	}
	return scheme, fields
}

// Protected gives the header fields that a signed or sealed entity carries inside (RFC 9788, and the drafts before it), for layers of other kinds too.
func Protected(entity []byte) (scheme string, fields map[string][]string) {
	return readPart(entity).protected()
}
