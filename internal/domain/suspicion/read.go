package suspicion

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Reading is what a mail of the lane tells of the attack. All of it is a stranger's word.
type Reading struct {
	Subject string                // of the message inside
	Domain  string                // from which the message inside says to come; "" when nothing says
	Text    string                // of the message inside
	Words   string                // of who handed it on
	Links   []string              // host and path
	Files   []correspondence.File // names, types, sizes, sums; no content
	Inner   bool                  // there was a message inside

	Message  string // its uid, and for each file whether it is a picture that can be looked at: where a message that is kept is opened
	Pictures []bool

	whole   bool
	content [][]byte // of the files
}

const (
	maxInner    = 5
	maxFiles    = 20
	maxReadText = 64 << 10 // bytes of a text that are looked at
	maxHead     = 16 << 10 // and in which a forwarded message begins
)

// Read takes the attack out of a mail: the message that is attached, else the one that is forwarded in line, else the whole.
func Read(m *mail.Message) Reading {
	var r Reading
	r.read(m)
	return r
}

func (r *Reading) read(m *mail.Message) {
	own := m.Body().Text
	own = cutText(own, maxReadText)
	inner := m.Inner()
	if len(inner) == 0 {
		r.inline(m, own)
		r.Links = linksOf(m, r.Text)
		r.files(m)
		return
	}
	r.Inner, r.Words = true, own
	for i, in := range inner[:min(len(inner), maxInner)] {
		if i == 0 {
			r.Subject, r.Text, r.Domain = in.Subject(), cutText(in.Body().Text, maxReadText), domainOf(in)
			for range 2 { // forwarded as an attachment by one who got it so
				next := in.Inner()
				if len(next) == 0 {
					break
				}
				in = next[0]
				r.Subject, r.Text, r.Domain = in.Subject(), cutText(in.Body().Text, maxReadText), domainOf(in)
			}
		}
		r.Links = append(r.Links, linksOf(in, in.Body().Text)...)
		r.files(in)
	}
	r.files(m)
}

func domainOf(m *mail.Message) string {
	from := m.From()
	if len(from) == 0 {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(from[0].Domain(), "."))
}

// begins is where a mail program begins what it forwards in line.
var begins = regexp.MustCompile(`(?im)^[> \t]*(-{2,}\s*(forwarded message|original message|mensagem (encaminhada|original|reencaminhada)|message (transféré|d'origine)|doorgestuurd bericht|oorspronkelijk bericht|` +
	`weitergeleitete nachricht|ursprüngliche nachricht|originalnachricht|original-nachricht)\s*-{2,}|begin forwarded message:|anfang der weitergeleiteten nachricht:|début du message (réexpédié|transféré)\s*:|` +
	`início da mensagem reencaminhada:|begin doorgestuurd bericht:|_{10,}\s*$)`)

// headed is a line of the head that a mail program copies into the words.
var headed = regexp.MustCompile(`(?i)^[>* \t]*(from|de|von|van|subject|assunto|objet|onderwerp|betreff|date|sent|data|enviado|envoyé|date d'envoi|verzonden|datum|gesendet|to|para|à|aan|an|cc|reply-to)[* ]*\s?:[* \t]*(.*)$`)

var addressIn = regexp.MustCompile(`[A-Za-z0-9._%+'-]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)`)

// inline reads a message that is forwarded in the words of a mail.
func (r *Reading) inline(m *mail.Message, text string) {
	r.Subject, r.Text = plainSubject(m.Subject()), text
	head := cutText(text, maxHead)
	at := begins.FindStringIndex(head)
	start := 0
	if at != nil {
		start = at[1]
	} else if start = headAt(head); start < 0 {
		return
	}
	rest := text[start:]
	fields := 0
	for line := range strings.Lines(rest) {
		f := headed.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if f == nil {
			if strings.Trim(line, "> \t\r\n") == "" && fields == 0 {
				rest = rest[len(line):]
				continue
			}
			break
		}
		fields++
		switch value := strings.TrimSpace(f[2]); strings.ToLower(f[1]) {
		case "from", "de", "von", "van":
			if a := addressIn.FindStringSubmatch(value); a != nil {
				r.Domain = strings.ToLower(a[1])
			}
		case "subject", "assunto", "objet", "onderwerp", "betreff":
			if value != "" {
				r.Subject = plainSubject(value)
			}
		}
		rest = rest[len(line):]
	}
	if fields < 2 { // a ruler is no head
		return
	}
	r.Inner, r.Text = true, unquoted(rest)
	if at != nil {
		r.Words = strings.TrimSpace(text[:at[0]])
	} else {
		r.Words = strings.TrimSpace(text[:start])
	}
}

// headAt finds a head without a ruler above it: three of its lines under each other, the first of them the sender.
func headAt(text string) int {
	at, run, first := 0, 0, -1
	for line := range strings.Lines(text) {
		f := headed.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		switch {
		case f == nil:
			run, first = 0, -1
		case run == 0 && slices.Contains([]string{"from", "de", "von", "van"}, strings.ToLower(f[1])):
			run, first = 1, at
		case run > 0:
			if run++; run == 3 {
				return first
			}
		}
		at += len(line)
	}
	return -1
}

// unquoted takes the marks of quoting off when every line has one.
func unquoted(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		bare := strings.TrimLeft(line, " \t")
		if strings.TrimSpace(bare) == "" {
			b.WriteString(line)
			continue
		}
		bare, ok := strings.CutPrefix(bare, ">")
		if !ok {
			return text
		}
		b.WriteString(strings.TrimPrefix(bare, " "))
	}
	return b.String()
}

func plainSubject(s string) string {
	for {
		head, rest, ok := strings.Cut(s, ":")
		switch strings.ToLower(strings.TrimSpace(head)) {
		case "re", "fw", "fwd", "aw", "wg", "tr", "enc", "res", "antw", "doorst", "rv":
		default:
			return strings.TrimSpace(s)
		}
		if !ok {
			return strings.TrimSpace(s)
		}
		s = rest
	}
}

// linksOf gives the links of a message: of what it says in plain text, and of what its HTML really leads to.
func linksOf(m *mail.Message, text string) []string {
	out := intake.LinksIn(cutText(text, maxReadText))
	for _, p := range m.Parts {
		if p.Type != "text/html" || len(out) > 4*maxOfOne {
			continue
		}
		if t, _ := p.Text(); t != "" {
			out = append(out, intake.LinksIn(mail.TextOf(cutText(t, 4*maxReadText)))...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func isMail(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".eml") }

func (r *Reading) has(sum string) bool {
	return slices.ContainsFunc(r.Files, func(x correspondence.File) bool { return x.SHA256 == sum })
}

// cutText cuts at bytes, on a letter's edge.
func cutText(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

// mask hides addresses of people in a title: the attack may name whom it is for.
func mask(s string) string { return addressIn.ReplaceAllString(s, "…@$1") }
