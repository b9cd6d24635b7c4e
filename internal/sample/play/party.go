package play

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// part is a party of the story once it is in the incident.
type part struct {
	country.Party
	key   string // of its organisation
	name  string
	in    *worked
	party coordination.Party
}

// letter is what was asked at one moment with one due time.
type letter struct {
	at, due  country.Ago
	request  *question
	measures []*advised
}

// question is a request once it was asked.
type question struct {
	country.Request
	uid string
}

// advised is a measure once it was given.
type advised struct {
	country.Measure
	uid string
}

// writeParty puts a party into the script: how it came in, what it was told and asked, what it did.
func (p *player) writeParty(w *worked, c country.Party) {
	x := &part{Party: c, key: c.Organisation, in: w, name: "party " + c.Organisation + c.Peer + " of " + w.Key}
	if x.key == "" {
		x.key = c.Peer
	}
	p.parts[w.Key+"/"+x.key] = x
	joined := min(c.Added, w.Opened-10*time.Second)
	p.then(joined, x.name, func(ctx context.Context) error { return p.join(ctx, x) })
	after := joined - 30*time.Second // nothing is said to who is no party yet
	for _, l := range letters(c) {
		p.then(min(l.at, after), x.name, func(ctx context.Context) error { return p.send(ctx, x, l) })
		if l.request != nil {
			p.writeRequest(x, l.request)
		}
		for _, m := range l.measures {
			for _, step := range m.Steps {
				p.then(step.At, x.name, func(ctx context.Context) error { return p.move(ctx, x, m, step) })
			}
		}
	}
	for _, m := range c.Messages {
		p.then(min(m.At, after), x.name, func(ctx context.Context) error { return p.say(ctx, x, m) })
		if m.Seen != 0 {
			p.then(m.Seen, x.name, func(ctx context.Context) error { return p.visit(ctx, x) })
		}
	}
	for _, r := range c.Requests {
		if r.State == "draft" {
			p.then(joined-10*time.Minute, x.name, func(ctx context.Context) error { return p.draft(ctx, x, r.Text) })
		}
	}
}

// letters groups what was asked of a party.
func letters(c country.Party) []*letter {
	var out []*letter
	group := func(at, due country.Ago, room func(*letter) bool) *letter {
		for _, l := range out {
			if l.at == at && l.due == due && room(l) {
				return l
			}
		}
		out = append(out, &letter{at: at, due: due})
		return out[len(out)-1]
	}
	for _, r := range c.Requests {
		if r.State != "draft" {
			group(r.Asked, r.Due, func(l *letter) bool { return l.request == nil }).request = &question{Request: r}
		}
	}
	for _, m := range c.Measures {
		l := group(m.Given, m.Due, func(*letter) bool { return true })
		l.measures = append(l.measures, &advised{Measure: m})
	}
	return out
}

// join makes the organisation a party. Who reported is one already.
func (p *player) join(ctx context.Context, x *part) error {
	o, ok := p.orgs[x.key]
	if !ok {
		return fmt.Errorf("no such organisation")
	}
	got, err := p.Coordination.Add(ctx, p.by(x.in.Handler), x.in.uid, []string{o.UID}, coordination.Role(x.Role), x.Why)
	if err == nil {
		x.party = got[0]
	}
	return err
}

// send gives and asks what one letter holds, and finds what was made of it.
func (p *player) send(ctx context.Context, x *part, l *letter) error {
	by := p.by(x.in.Handler)
	g := coordination.Give{Parties: []string{x.party.UID}, DueAt: p.ago(l.due), Looked: true}
	if l.request != nil {
		g.Request = l.request.Text
	}
	for _, m := range l.measures {
		g.Recommendations = append(g.Recommendations, m.Recommendation)
	}
	if _, err := p.Coordination.Send(ctx, by, x.in.uid, g); err != nil {
		return err
	}
	requests, err := p.Coordination.Requests(ctx, by, coordination.RequestFilter{Party: x.party.Ref.ID, Limit: 100})
	if err != nil {
		return err
	}
	for _, r := range requests.Items {
		if l.request != nil && r.Text == l.request.Text {
			l.request.uid = r.UID
		}
	}
	measures, err := p.Coordination.Measures(ctx, by, coordination.RequestFilter{Party: x.party.Ref.ID, Limit: 100})
	if err != nil {
		return err
	}
	for _, m := range l.measures {
		for _, made := range measures.Items {
			if made.Recommendation == m.Recommendation && made.State == coordination.Proposed {
				m.uid = made.UID
			}
		}
	}
	return nil
}

// writeRequest puts what became of a request into the script.
func (p *player) writeRequest(x *part, q *question) {
	switch q.State {
	case "answered", "accepted":
		p.then(q.At, x.name, func(ctx context.Context) error { return p.answerRequest(ctx, x, q) })
	case "withdrawn":
		p.then(q.Due+time.Hour, x.name, func(ctx context.Context) error {
			_, err := p.Coordination.WithdrawRequest(ctx, p.by(x.in.Handler), q.uid, "no longer needed")
			return err
		})
	}
	if q.State == "accepted" {
		p.then(q.At-q.At/8, x.name, func(ctx context.Context) error {
			if _, err := p.Coordination.Accept(ctx, p.by(x.in.Handler), q.uid); err != nil {
				return err
			}
			return p.settle(ctx, x.in, x.party.Thread)
		})
	}
}

// answerRequest answers in the portal where the organisation uses it, else by mail.
func (p *player) answerRequest(ctx context.Context, x *part, q *question) error {
	if p.voices[x.key].Account == 0 {
		return p.replyByMail(ctx, x.party.Thread, post{text: q.Answer})
	}
	if err := p.visit(ctx, x); err != nil {
		return err
	}
	_, err := p.Coordination.Answer(ctx, p.voice(x.key), q.uid, q.Answer, nil)
	return err
}

// settle takes reports whose answer was read off the queue: that of a thread, or all of an incident (0).
func (p *player) settle(ctx context.Context, w *worked, thread int64) error {
	for _, key := range w.Reports {
		t := p.reports[key]
		if t.uid == "" || (thread != 0 && t.thread != thread) {
			continue
		}
		r, err := p.Intake.Get(ctx, p.DB, p.by(w.Handler), t.uid)
		if err == nil && r.AnswerCame {
			_, err = p.Intake.Settle(ctx, p.by(w.Handler), t.uid)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// visit is the party looking at its thread in the portal.
func (p *player) visit(ctx context.Context, x *part) error {
	by := p.voice(x.key)
	if by.Account == 0 {
		return nil
	}
	return p.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return p.Coordination.SeenTx(ctx, tx, by, x.party.Ref.ID) })
}

// move moves a measure: the party in the portal, one of us, or one of us who was told on the telephone.
func (p *player) move(ctx context.Context, x *part, m *advised, step country.Step) error {
	in := coordination.MoveInput{To: coordination.MeasureState(step.To), Note: step.Note}
	if step.PlannedFor != 0 {
		in.PlannedFor = p.ago(step.PlannedFor)
	}
	by := p.by(x.in.Handler)
	switch {
	case step.By != "":
		by = p.by(step.By)
	case p.voices[x.key].Account != 0:
		if err := p.visit(ctx, x); err != nil {
			return err
		}
		by = p.voice(x.key)
	}
	_, err := p.Coordination.Move(ctx, by, m.uid, in)
	return err
}

// say plays a message of the thread of a party.
func (p *player) say(ctx context.Context, x *part, m country.Message) error {
	switch {
	case m.Out && m.Channel == "phone":
		_, err := p.Incidents.AddEntry(ctx, p.by(m.By), x.in.uid, incident.Entry{Kind: incident.Note, Text: p.orgs[x.key].Name + ". " + m.Text})
		return err
	case m.Out:
		first, _, _ := strings.Cut(m.Text, ". ")
		_, err := p.Coordination.Write(ctx, p.by(m.By), x.party.UID, correspondence.Outgoing{Subject: short(first), Text: m.Text}, true)
		return err
	}
	return p.replyByMail(ctx, x.party.Thread, post{text: m.Text})
}

// draft leaves what the handler has begun to write to a party in the composer of the incident.
func (p *player) draft(ctx context.Context, x *part, text string) error {
	in, err := p.Incidents.Get(ctx, p.DB, p.by(x.in.Handler), x.in.uid)
	if err != nil {
		return err
	}
	_, err = p.Drafts.Save(ctx, p.by(x.in.Handler), in.Ref, "mail-"+x.party.UID[:8], text)
	return err
}
