package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	"strings"
	"time"
)

// tnefEntity writes a message as MIME: a multipart/mixed of the best text and the attachments.
func tnefEntity(m *tnefMessage) []byte {
	var parts [][]byte
	part := func(kind, charset string, content []byte) {
		parts = append(parts, append(fmt.Appendf(nil, "Content-Type: %s; charset=%q\r\nContent-Transfer-Encoding: binary\r\n\r\n", kind, charset), content...))
	}
	blank := func(b []byte) bool { return len(bytes.TrimSpace(b)) == 0 }
	switch {
	case !blank(m.plain):
		part("text/plain", m.plainCharset, m.plain)
	case !blank(m.html):
	case !blank(m.rtf):
		if text, ok := textOfRTF(m.rtf); ok {
			part("text/plain", "utf-8", []byte(text))
		}
	}
	if !blank(m.html) {
		if m.htmlCharset == "" {
			parts = append(parts, append([]byte("Content-Type: text/html\r\nContent-Transfer-Encoding: binary\r\n\r\n"), m.html...))
		} else {
			part("text/html", m.htmlCharset, m.html)
		}
		if len(parts) == 2 {
			parts = [][]byte{tnefJoin("alternative", parts)}
		}
	}
	for _, f := range m.files {
		parts = append(parts, tnefPart(f))
	}
	return tnefJoin("mixed", parts)
}

func tnefPart(f tnefFile) []byte {
	name := f.long
	if name == "" {
		name = f.name
	}
	if f.inner != nil {
		head := fmt.Appendf(nil, "Content-Type: message/rfc822\r\nContent-Disposition: attachment; %s\r\n\r\n", filename(name))
		head = append(head, headOf(f.inner)...)
		return append(head, tnefEntity(f.inner)...)
	}
	kind, _, err := mime.ParseMediaType(f.mime)
	if err != nil || strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") {
		kind = "application/octet-stream"
	}
	head := fmt.Appendf(nil, "Content-Type: %s\r\nContent-Disposition: attachment; %s\r\nContent-Transfer-Encoding: binary\r\n", kind, filename(name))
	if id := strings.Trim(f.id, "<>"); id != "" && strings.IndexFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) < 0 {
		head = fmt.Appendf(head, "Content-ID: <%s>\r\n", id)
	}
	return append(append(head, "\r\n"...), f.data...)
}

// filename writes a name as a parameter of RFC 2231.
func filename(name string) string {
	var b strings.Builder
	b.WriteString("filename*=utf-8''")
	for i := range len(name) {
		if i == 1000 {
			break
		}
		if c := name[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// headOf writes the head of an inner message as far as TNEF says it.
func headOf(m *tnefMessage) []byte {
	word := func(s string) string { return "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }
	var b []byte
	if m.subject != "" {
		b = fmt.Appendf(b, "Subject: %s\r\n", word(m.subject))
	}
	address := m.address
	if strings.ContainsAny(address, "<>\r\n \t\"") {
		address = ""
	}
	if m.from != "" || address != "" {
		b = fmt.Appendf(b, "From: %s <%s>\r\n", word(m.from), address)
	}
	if !m.sent.IsZero() {
		b = fmt.Appendf(b, "Date: %s\r\n", m.sent.Format(time.RFC1123Z))
	}
	return b
}

// tnefJoin puts parts together. The boundary is made of a hash of them, so that whoever wrote them cannot have it in them.
func tnefJoin(kind string, parts [][]byte) []byte {
	h := sha256.New()
	size := 200
	for _, p := range parts {
		_, _ = h.Write(p)
		size += len(p) + 64
	}
	mark := "=_tnef_" + hex.EncodeToString(h.Sum(nil)[:16])
	out := make([]byte, 0, size)
	out = fmt.Appendf(out, "Content-Type: multipart/%s; boundary=%q\r\n\r\n", kind, mark)
	for _, p := range parts {
		out = fmt.Appendf(out, "--%s\r\n", mark)
		out = append(append(out, p...), "\r\n"...)
	}
	return fmt.Appendf(out, "--%s--\r\n", mark)
}
