package coordination

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// asking is what a letter to one party is made of.
type asking struct {
	party  Party
	reader correspondence.Correspondent
	advice []Advice
	set    *QuestionSet
	owes   owes
	code   id.Secret // of its link; none for a letter without

	liaison constituency.Liaison // what the reader is to us
}

// ask writes what a party is asked, in its language: the words of the team in front, the question, the recommendations, and how to answer.
// Label, reference, deadline and foot are around every letter (package correspondence).
func (s *Service) ask(p *text.Printer, g Give, x asking) correspondence.Outgoing {
	party, reader, advice, set, code := x.party, x.reader, x.advice, x.set, x.code
	out := correspondence.Outgoing{Kind: correspondence.Ask, TLP: g.TLP, Subject: p.T("mail.ask.subject"), DueAt: g.DueAt, Under: party.Subject}
	asks := g.asks() || len(advice) > 0
	if !asks {
		out.Kind, out.Subject = correspondence.Letter, p.T("mail.ask.subject_free")
	}
	name := cmp.Or(party.Name, reader.Name)
	parts := []string{fillIn(g.Text, name, len(g.lines))}
	if g.Text == "" {
		parts[0] = p.T("mail.ask.intro", "name", name)
		if s.Opening != nil && x.liaison.Kind != "" {
			if subject, words, ok := s.Opening(x.liaison.Kind, string(p.Lang()), name); ok {
				out.Subject, parts[0] = subject, words
			}
		}
	}
	if x.liaison.Basis != "" {
		parts = append(parts, heading(p.T("mail.ask.basis"))+"\n\n"+x.liaison.Basis)
	}
	if len(g.lines) > 0 {
		parts = append(parts, evidenceText(p, g.lines))
	}
	if g.Request != "" {
		parts = append(parts, heading(p.T("mail.ask.request"))+"\n\n"+fillIn(g.Request, cmp.Or(party.Name, reader.Name), len(g.lines)))
	}
	if set != nil {
		parts = append(parts, questionWords(p, *set))
	}
	if len(advice) > 0 {
		var b strings.Builder
		b.WriteString(heading(p.T("mail.ask.measures")))
		for _, a := range advice {
			b.WriteString("\n\n- " + a.Title)
			for line := range strings.Lines(strings.TrimSpace(a.Text)) {
				b.WriteString("\n  " + strings.TrimRight(line, " \r\n"))
			}
		}
		parts = append(parts, b.String())
	}
	if subject := g.subjects[string(p.Lang())]; subject != "" {
		out.Subject = subject
	}
	if g.Chase {
		out.Subject = p.T("mail.ask.subject_chase")
		parts = append(parts, heading(p.T("mail.ask.open"))+"\n\n- "+strings.Join(x.owes.what, "\n- "))
	}
	if asks || g.Chase {
		parts = append(parts, s.howToAnswer(p, reader, len(advice) > 0 || x.owes.measures, code))
	}
	out.Text = strings.Join(parts, "\n\n")
	return out
}

// questionWords are the typed questions as a letter asks them.
func questionWords(p *text.Printer, set QuestionSet) string {
	lang := string(p.Lang())
	b := heading(set.Title.In(lang)) + "\n"
	for i, q := range set.Questions {
		b += "\n" + strconv.Itoa(i+1) + ". " + q.Text.In(lang)
		switch q.Kind {
		case YesNo:
			b += " (" + p.T("mail.ask.yes_no") + ")"
		case Choice:
			for _, o := range q.Options {
				b += "\n   - " + o.Text.In(lang)
			}
		}
	}
	if ownSet(set.Code) {
		return b
	}
	return b + "\n\n" + p.T("mail.ask.not_looked")
}

func heading(s string) string { return s + "\n" + strings.Repeat("-", len([]rune(s))) }

func (s *Service) howToAnswer(p *text.Printer, reader correspondence.Correspondent, measures bool, code id.Secret) string {
	b := heading(p.T("mail.ask.answer")) + "\n"
	if link := code.Reveal(); link != "" {
		b += "\n- " + p.T("mail.ask.by_link") + "\n  " + s.Correspondence.Team.URL + "/a/" + link
	}
	if measures {
		b += "\n- " + p.T("mail.ask.states")
	}
	if reader.Email != "" {
		b += "\n- " + p.T("mail.ask.by_mail")
	}
	if reader.Organisation != 0 {
		b += "\n- " + p.T("mail.ask.by_portal", "link", s.Correspondence.Team.URL+"/portal")
	}
	return b
}

func (s *Service) printer(lang string) *text.Printer { return s.Texts.For(text.Lang(lang)) }

// Concluding says what a reporter or party is told at the end.
type Concluding struct {
	Thread  int64
	TLP     tlp.Level
	Outcome string // resolved, not_resolved, handed_over, no_incident
}

// ConcludeTx writes the closing letter to a thread in the correspondent's language, held like every letter. Its words are the catalogue's alone.
// The actor needs access.SendOutside. A road that is refused is an error that says why.
func (s *Service) ConcludeTx(ctx context.Context, tx *db.Tx, by access.Actor, c Concluding) error {
	if err := by.Need(access.SendOutside); err != nil {
		return err
	}
	threads, err := s.Correspondence.Threads(ctx, tx, c.Thread)
	if err != nil {
		return err
	}
	t, ok := threads[c.Thread]
	if !ok {
		return errs.ErrNotFound
	}
	p := s.printer(t.Correspondent.Lang)
	words := []string{p.T("mail.concluded.text", "reference", t.Reference)}
	switch c.Outcome {
	case "resolved":
		words = append(words, p.T("mail.concluded.resolved"))
	case "not_resolved":
		words = append(words, p.T("mail.concluded.not_resolved"))
	case "handed_over":
		words = append(words, p.T("mail.concluded.handed_over"))
	case "no_incident":
		words = append(words, p.T("mail.concluded.no_incident"))
	}
	words = append(words, p.T("mail.concluded.after"))
	_, err = s.Correspondence.SendTx(ctx, tx, by, c.Thread, correspondence.Outgoing{
		Kind: correspondence.Closing, TLP: tlp.Max(c.TLP, t.TLP), Subject: p.T("mail.concluded.subject"), Text: strings.Join(words, "\n\n"),
	})
	return err
}
