package mail

import (
	"bytes"
	"strings"
)

// mark is a boundary line: from where the line end before it begins to behind its own line end.
type mark struct {
	before, after int
	closing       bool
}

// multipart splits the body of p at its boundary lines.
func (b *builder) multipart(p *Part) {
	boundary := strings.TrimRight(p.Params["boundary"], " \t")
	var marks []mark
	if boundary != "" {
		marks = findMarks(p.source, p.BodyStart, p.End, boundary)
	}
	if len(marks) == 0 {
		b.odd(p, NoBoundary, "")
		if boundary = likelyBoundary(p.RawBody()); boundary == "" {
			return
		}
		marks = findMarks(p.source, p.BodyStart, p.End, boundary)
	}
	byDefault := "text/plain"
	if p.Type == "multipart/digest" {
		byDefault = "message/rfc822"
	}
	p.Preamble = p.source[p.BodyStart:marks[0].before]
	closed := false
	for i, m := range marks {
		end := p.End
		if i+1 < len(marks) {
			end = max(marks[i+1].before, m.after)
		}
		if m.closing {
			closed = true
			if i == len(marks)-1 || len(bytes.TrimSpace(p.source[m.after:end])) == 0 {
				p.Epilogue = p.source[min(m.after, p.End):end]
				continue
			}
		}
		if closed {
			b.odd(p, AfterClose, "")
		}
		if !b.room(p) {
			p.Epilogue = p.source[m.before:p.End]
			return
		}
		child := &Part{Parent: p, Depth: p.Depth + 1, source: p.source, Start: m.after, End: end, Within: p.Within, Undeclared: closed}
		p.Parts = append(p.Parts, child)
		b.entity(child, byDefault)
	}
	if !closed {
		b.odd(p, NoClose, "")
	}
	// A sentence for old mail programs is usual in front; anything behind is not.
	if len(bytes.TrimSpace(p.Epilogue)) > 0 || len(p.Preamble) > 200 || strings.Contains(string(p.Preamble), "Content-") {
		b.odd(p, TextAround, "")
	}
}

func findMarks(buf []byte, start, end int, boundary string) []mark {
	delimiter := []byte("--" + boundary)
	var marks []mark
	for at := start; at < end; {
		i := bytes.Index(buf[at:end], delimiter)
		if i < 0 {
			break
		}
		i += at
		at = i + len(delimiter)
		if i > start && buf[i-1] != '\n' {
			continue
		}
		stop := lineEnd(buf, at, end)
		rest := trimEOL(buf[at:stop])
		closing := bytes.HasPrefix(rest, []byte("--"))
		if closing {
			rest = rest[2:]
		}
		if len(bytes.Trim(rest, " \t\r")) != 0 {
			continue
		}
		before := i
		if before > start {
			before--
			if before > start && buf[before-1] == '\r' {
				before--
			}
		}
		marks = append(marks, mark{before, stop, closing})
		at = stop
		if len(marks) > 2*MaxParts {
			break
		}
	}
	return marks
}

// likelyBoundary finds what the parts of a multipart were cut with when its head does not say, or says something else: the first line of two dashes
// behind which a header begins.
func likelyBoundary(body []byte) string {
	for at, n := 0, 0; at < len(body) && n < 200; n++ {
		end := lineEnd(body, at, len(body))
		line := bytes.TrimRight(body[at:end], " \t\r\n")
		at = end
		if len(line) < 4 || len(line) > 150 || !bytes.HasPrefix(line, []byte("--")) || bytes.HasSuffix(line, []byte("--")) {
			continue
		}
		next := body[at:lineEnd(body, at, len(body))]
		if name, _ := fieldName(trimEOL(next)); len(name) > 8 && strings.EqualFold(name[:8], "Content-") {
			return string(line[2:])
		}
	}
	return ""
}
