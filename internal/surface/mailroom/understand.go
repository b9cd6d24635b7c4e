package mailroom

import (
	"bytes"
	"fmt"
	"mime"
	"regexp"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/abuse"
	"github.com/tocsin-csirt/tocsin/internal/format/dmarc"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/tongue"
)

// Limits of what is taken out of one mail for its reader; the mail itself is kept whole.
const (
	maxWithin     = 10
	maxWithinText = 50_000
	maxWithinDeep = 3
	maxPieces     = 30 // of evidence, as files
	maxRoutine    = 3  // files that are unpacked and looked at as a report of a mail server, which has one
)

// understand looks what an open mail is about: reports of machines in it, mails in it, its language. All of it is the writer's word.
func (l *letter) understand() {
	if l.reading != "" || l.inner == nil {
		return
	}
	l.language = writtenIn(l.subject + "\n" + l.text)
	l.said = abuse.In(l.inner)
	l.mailsWithin(l.inner, 1)
	tried := 0
	for _, p := range l.inner.Parts {
		if mayBeRoutine(p) {
			if tried++; tried > maxRoutine {
				return
			}
			if s, err := dmarc.Read(p.Bytes); err == nil {
				l.routine = &s
				return
			}
		}
	}
}

// writtenIn names the language of a text. Small words tell most of ours at once; Portuguese shares its own with Spanish, so that is looked at closer.
func writtenIn(text string) string {
	var own strings.Builder
	for line := range strings.Lines(text[:min(len(text), 4*guessing)]) {
		if !strings.HasPrefix(strings.TrimSpace(line), ">") { // quoted: perhaps ours
			own.WriteString(line)
		}
	}
	if lang := guess(own.String()); lang != "" && lang != "pt" {
		return lang
	}
	return tongue.Of(own.String())
}

func mayBeRoutine(p *mail.Part) bool {
	if len(p.Parts) > 0 || p.Limited {
		return false
	}
	name := strings.ToLower(p.Filename)
	for _, end := range []string{".xml", ".xml.gz", ".gz", ".zip", ".json", ".json.gz"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	switch p.Type {
	case "application/gzip", "application/x-gzip", "application/zip", "application/x-zip-compressed", "text/xml", "application/xml", "application/tlsrpt+gzip", "application/tlsrpt+json":
		return true
	}
	return false
}

// routineSubject is how RFC 7489 section 7.2.1.1 and RFC 8460 section 5.3 have a report's mail begin.
var routineSubject = regexp.MustCompile(`(?i)^\s*(\[preview\]\s*)?report[ -]domain:.*submitter:.*report-id:`)

// onlyRoutine tells whether a mail with such a report holds nothing else that somebody should read: a person who passes one on writes another
// subject, a second file, or more than the few lines that programs write.
func (l *letter) onlyRoutine() bool {
	files := 0
	for _, p := range l.inner.Attachments() {
		if !mayBeRoutine(p) {
			return false
		}
		files++
	}
	words := len([]rune(strings.TrimSpace(l.text)))
	return files <= 1 && len(l.within) == 0 && len(l.said.Reports) == 0 && len(l.inner.Inner()) == 0 &&
		(routineSubject.MatchString(l.subject) && words <= 1500 || words == 0 && l.inner.Root.Type != "text/plain" && len(l.automatic) > 0)
}

// mailsWithin takes down the mails that lie in a mail, and those in them.
func (l *letter) mailsWithin(m *mail.Message, depth int) {
	for _, in := range m.Inner() {
		if len(l.within) >= maxWithin {
			return
		}
		w := correspondence.Within{Subject: cut(in.Subject(), maxSubject), Text: cut(in.Body().Text, maxWithinText), Depth: depth, To: cut(in.Header().Get("To"), 1000)}
		for _, a := range in.From() {
			who := a.Addr
			if a.Name != "" {
				who = a.Name + " <" + a.Addr + ">"
			}
			w.From = cut(strings.TrimPrefix(w.From+", "+who, ", "), 1000)
		}
		w.Date, _ = in.Date()
		for _, p := range in.Attachments() {
			if len(w.Files) < 50 {
				w.Files = append(w.Files, cut(nameOf(p), 300))
			}
		}
		l.within = append(l.within, w)
		if depth < maxWithinDeep {
			l.mailsWithin(in, depth+1)
		}
	}
}

func nameOf(p *mail.Part) string {
	if p.Filename != "" {
		return p.Filename
	}
	return strings.ReplaceAll(p.Type, "/", "-")
}

// evidence gives what lies inside a report of JSON as files, so that it can be opened.
func (l *letter) evidence() []correspondence.FileIn {
	var out []correspondence.FileIn
	for i, r := range l.said.Reports {
		if r.Format != abuse.XARF3 && r.Format != abuse.XARF4 {
			continue // there they are parts of the mail
		}
		for j, e := range r.Evidence {
			if len(out) >= maxPieces || len(e.Content) == 0 {
				continue
			}
			name := e.Name
			if name == "" {
				name = fmt.Sprintf("evidence-%d-%d%s", i+1, j+1, ending(e.Type))
			}
			out = append(out, correspondence.FileIn{Name: name, Type: e.Type, Content: bytes.NewReader(e.Content)})
		}
	}
	return out
}

func ending(kind string) string {
	kind, _, err := mime.ParseMediaType(kind)
	if err != nil {
		return ".bin"
	}
	for known, end := range map[string]string{
		"text/plain": ".txt", "message/rfc822": ".eml", "text/email": ".eml", "text/csv": ".csv", "application/json": ".json", "image/png": ".png", "image/jpeg": ".jpg",
		"image/gif": ".gif", "text/html": ".html.txt", "application/pdf": ".pdf",
	} {
		if kind == known {
			return end
		}
	}
	return ".bin"
}

// placeholder tells whether the subject outside of a seal says nothing, as programs write it there.
func placeholder(subject string) bool {
	switch strings.ToLower(strings.Trim(subject, " .[]\u2026")) {
	case "", "encrypted message", "encrypted email", "encrypted", "(no subject)":
		return true
	}
	return false
}
