package coordination

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/format/ics"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// The typed questions of the program's own letters. They are asked as they came with it, whatever a team makes of sets.
const (
	callSet     = "call_answer"
	decisionSet = "decision_answer"
)

// ownSet tells whether a set is asked by the program's own letters alone.
func ownSet(code string) bool { return code == callSet || code == decisionSet }

// callLetter is what a letter says about a call.
type callLetter string

const (
	callInvite callLetter = "invite"
	callMoved  callLetter = "moved"
	callOff    callLetter = "off"
)

// callGive is a letter about a call in every language. It names nobody: only that others take part, where they do.
func (s *Service) callGive(x calling) Give {
	c := x.call
	g := Give{outside: true, least: c.TLP, subjects: map[string]string{}, Words: map[string]Words{}}
	for _, p := range x.to {
		g.Parties = append(g.Parties, p.UID)
	}
	if x.kind != callOff {
		g.Questions, g.QuestionVersion, g.frozen, g.DueAt = callSet, 1, true, c.StartsAt
	}
	for _, lang := range text.Langs() {
		p := s.localPrinter(string(lang))
		var w Words
		switch x.kind {
		case callInvite:
			g.subjects[string(lang)], w.Text = p.T("mail.call.subject"), p.T("mail.call.invite")
		case callMoved:
			g.subjects[string(lang)], w.Text = p.T("mail.call.subject_moved"), p.T("mail.call.moved")
		case callOff:
			g.subjects[string(lang)], w.Text = p.T("mail.call.subject_off"), p.T("mail.call.off")+"\n\n"+p.T("mail.call.about", "subject", mail.NoLinks(c.Title))+"\n"+p.T("mail.call.starts", "when", c.StartsAt)
		}
		if x.kind != callOff {
			if len(x.all) > 1 {
				w.Text += "\n\n" + p.T("mail.call.others")
			}
			w.Text += "\n\n" + p.T("mail.call.file", "file", "call.ics")
			w.Request = callFacts(p, c)
		}
		g.Words[string(lang)] = w
	}
	g.Text, g.Request = g.Words["en"].Text, g.Words["en"].Request
	return g
}

// callFacts says what the call is about, when, and how one takes part.
func callFacts(p *text.Printer, c Call) string {
	lines := []string{
		p.T("mail.call.about", "subject", mail.NoLinks(c.Title)), p.T("mail.call.starts", "when", c.StartsAt), p.T("mail.call.length", "length", p.Duration(time.Duration(c.Minutes)*time.Minute)),
		p.T("mail.call.how", "how", mail.NoLinks(c.How)),
	}
	return strings.Join(lines, "\n")
}

// callParcels writes the letters of an act. Who was asked to the call before reads that its invitation has changed.
func (s *Service) callParcels(ctx context.Context, h db.Handle, by access.Actor, o access.Object, x calling, draw func() id.Secret) ([]parcel, Give, error) {
	var out []parcel
	first, again := x, x
	first.to, again.to, again.kind = nil, nil, callMoved
	for _, p := range x.to {
		if x.kind == callInvite && slices.ContainsFunc(x.call.Live(), func(i Invited) bool { return i.Party.Ref.ID == p.Ref.ID }) {
			again.to = append(again.to, p)
		} else {
			first.to = append(first.to, p)
		}
	}
	for _, part := range []calling{again, first} {
		if len(part.to) == 0 {
			continue
		}
		parcels, err := s.parcels(ctx, h, by, o, s.callGive(part), draw)
		if err != nil {
			return nil, Give{}, err
		}
		out = append(out, parcels...)
	}
	return out, s.callGive(x), nil
}

// calendar is the calendar file for one reader, in its language.
func (s *Service) calendar(lang string, c Call, kind callLetter, name string, sequence int) []byte {
	p := s.localPrinter(lang)
	e := ics.Event{UID: name, Sequence: sequence, Start: c.StartsAt, End: c.Ends(), Title: p.T("mail.call.event", "team", s.Correspondence.Team.Name, "subject", mail.NoLinks(c.Title)), Busy: true}
	f := ics.File{Product: "Calls", Cancel: kind == callOff, Events: []ics.Event{e}}
	if kind != callOff {
		f.Events[0].Place, f.Events[0].Alarms = mail.NoLinks(c.How), []string{"-PT15M"}
	}
	return ics.Write(f, s.Clock.Now())
}
