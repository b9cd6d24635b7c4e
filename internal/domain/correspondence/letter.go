package correspondence

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// columns is the width of a letter.
const columns = 72

// neutral is the subject that an encrypted mail shows on its way (RFC 9788 section 2.4.2 calls it "[...]").
const neutral = "[...]"

var whatKeys = map[Kind]string{
	Letter: "mail.what.letter", Receipt: "mail.what.receipt", Ask: "mail.what.ask", Reminder: "mail.what.reminder", Closing: "mail.what.closing",
	Told: "mail.what.letter", Notice: "mail.what.notice", Share: "mail.what.share", Recall: "mail.what.recall",
}

// Preview is exactly what a reader would get, and by which road.
type Preview struct {
	Subject string
	Text    string
	Road    egress.Decision
}

// Preview writes a letter without sending it: what the composer shows. It changes nothing.
func (s *Service) Preview(ctx context.Context, h db.Handle, t Thread, out Outgoing) (Preview, error) {
	now := s.Clock.Now()
	m := stored{Message: Message{Kind: out.Kind, TLP: out.TLP, Channel: ByMail, Automatic: out.Auto != nil, Body: Body{Subject: out.Subject, Text: out.Text, To: t.Correspondent.Email}}}
	if m.TLP == 0 {
		m.TLP = t.TLP
	}
	if m.Kind == "" {
		m.Kind = Letter
	}
	if m.Body.To == "" {
		m.Channel = ByPortal
	}
	if out.Auto != nil {
		if err := out.Auto.check(); err != nil {
			return Preview{}, err
		}
		m.Body.Subject, m.Body.Text = out.Auto.write(s.printer(t.Correspondent.Lang), t, s.link(t, out.Auto))
	}
	if !out.DueAt.IsZero() {
		m.content.DueAt = &out.DueAt
	}
	m.content.Body, m.content.Lang = m.Body, t.Correspondent.Lang
	ask, _, err := s.ask(ctx, h, m, &t, now)
	if err != nil {
		return Preview{}, err
	}
	ask.Lowered = out.Lowered
	policy, err := s.Egress.Policy(ctx, h)
	if err != nil {
		return Preview{}, err
	}
	d := egress.Decide(policy, ask)
	p := Preview{Road: d}
	p.Subject, p.Text = s.letter(&m, t, d.Road)
	if d.Road == egress.Locked {
		subject, body := s.letter(&m, t, egress.Encrypted)
		p.Text += "\n" + s.printer(m.content.Lang).T("mail.locked.within", "file", lockedName(t)) + "\n\n" + subject + "\n\n" + body
	}
	return p, nil
}

// letter gives subject and text of a message as its reader gets them by this road.
func (s *Service) letter(m *stored, t Thread, road egress.Road) (subject, body string) {
	p := s.printer(m.content.Lang)
	label := m.TLP
	subject, words := m.content.Subject, m.content.Text
	what, asked := p.T(whatKeys[m.Kind], "team", s.Team.Name, "reference", t.Reference), s.asked(p, m)
	if m.Kind == Notice && (t.About.Kind != ref.Account || t.Correspondent.Organisation != 0) { // to somebody who is none of ours
		what = p.T("mail.what.auto", "team", s.Team.Name)
	}
	if road == egress.Notice && (!m.Automatic || m.Kind == Letter) {
		// The catalogue's words alone: whoever reads this on its way learns that there is a message, and not what it is about.
		label = tlp.Clear
		subject, words, asked = p.T("mail.notice.subject"), s.noticeText(p, t), ""
	}
	if road == egress.Locked { // the mail around the file: these words alone, and what it is about is in the file
		label = tlp.Clear
		what = p.T("mail.what.letter", "team", s.Team.Name, "reference", t.Reference)
		subject, words, asked = p.T("mail.locked.subject"), p.T("mail.locked.text", "reference", t.Reference, "file", lockedName(t)), ""
	}
	var b strings.Builder
	for _, l := range []string{label.String(), what, asked} {
		if l != "" {
			b.WriteString(wrap(l) + "\n")
		}
	}
	b.WriteString("\n" + wrap(strings.TrimSpace(words)) + "\n\n")
	b.WriteString(s.foot(p, m, t, label))
	return "[" + t.Reference + "] " + label.String() + " " + subject, b.String()
}

func (s *Service) asked(p *text.Printer, m *stored) string {
	switch {
	case m.content.DueAt != nil && !m.content.DueAt.IsZero():
		return p.T("mail.asked.due", "due", *m.content.DueAt)
	case m.Kind == Notice:
		return "" // its text says it
	case m.Kind == Ask, m.Kind == Reminder:
		return p.T("mail.asked.answer")
	case m.Kind == Recall:
		return p.T("mail.asked.recall")
	case m.Automatic, m.Kind == Closing:
		return p.T("mail.asked.nothing")
	}
	return p.T("mail.asked.reply")
}

func (s *Service) noticeText(p *text.Printer, t Thread) string {
	if link := s.link(t, nil); link != "" {
		return p.T("mail.notice.portal", "reference", t.Reference) + "\n\n" + link
	}
	return p.T("mail.notice.link", "reference", t.Reference)
}

// foot ends a letter: who we are, how to check that, why the reader gets it.
func (s *Service) foot(p *text.Printer, m *stored, t Thread, label tlp.Level) string {
	lines := []string{"-- ", s.Team.Name}
	if s.Team.Phone != "" {
		lines = append(lines, p.T("mail.foot.phone", "phone", s.Team.Phone))
	}
	fingerprint := s.Team.Fingerprint
	if now := s.published.Load(); now != nil {
		fingerprint = *now
	}
	if fingerprint != "" {
		lines = append(lines, p.T("mail.foot.key")+"\n  "+grouped(fingerprint))
	}
	why := p.T("mail.foot.why", "reference", t.Reference)
	switch {
	case m.content.Opens:
		why = p.T("mail.foot.why_account")
	case t.About.Kind == ref.Account && t.Correspondent.Organisation != 0:
		why = p.T("mail.foot.why_news")
	case t.About.Kind == ref.Account:
		why = p.T("mail.foot.why_colleague")
	}
	lines = append(lines, wrap(why), label.String())
	return strings.Join(lines, "\n") + "\n"
}

// grouped writes a fingerprint in fours, as people compare it.
func grouped(fingerprint string) string {
	var b strings.Builder
	for i, r := range strings.ReplaceAll(fingerprint, " ", "") {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// wrap breaks lines at 72 columns. A list item goes on under its first word; a word that is longer (an address) stays whole; what is quoted
// or indented is the writer's own layout and stays.
func wrap(s string) string {
	var out []string
	for line := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		line = strings.TrimRight(line, " \t\r")
		if utf8.RuneCountInString(line) <= columns || strings.HasPrefix(line, ">") || strings.HasPrefix(line, "    ") {
			out = append(out, line)
			continue
		}
		out = append(out, wrapLine(line)...)
	}
	return strings.Join(out, "\n")
}

func wrapLine(line string) []string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	hang := indent
	if strings.HasPrefix(strings.TrimLeft(line, " "), "- ") {
		hang += "  "
	}
	var out []string
	current := indent
	fresh := true
	for _, w := range strings.Fields(line) {
		if !fresh && utf8.RuneCountInString(current)+1+utf8.RuneCountInString(w) > columns {
			out = append(out, current)
			current, fresh = hang, true
		}
		if !fresh {
			current += " "
		}
		current += w
		fresh = false
	}
	return append(out, current)
}
