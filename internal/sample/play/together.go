package play

import (
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// writeTogether puts into the script what is agreed with several: calls, shared situations, what one party lets others read; and files that open
// with a code told by telephone.
func (p *player) writeTogether() {
	for _, c := range p.country.Calls {
		p.writeCall(c)
	}
	for _, s := range p.country.Situations {
		p.writeSituation(s)
	}
	for _, s := range p.country.Shares {
		p.then(s.At, "share", func(ctx context.Context) error { return p.share(ctx, s) })
	}
	p.then(p.country.Locked, "roads", func(ctx context.Context) error {
		was, err := p.Correspondence.Roads(ctx, p.DB)
		if err != nil {
			return err
		}
		want := map[tlp.Level]egress.Road{}
		for label, road := range was {
			want[label] = road
		}
		want[tlp.Amber], want[tlp.AmberStrict] = egress.Locked, egress.Locked
		return p.Correspondence.SetRoads(ctx, p.by("tiago"), was, want)
	})
	for _, t := range p.country.Telephones {
		p.then(t.At, "telephone", func(ctx context.Context) error { return p.checkNumber(ctx, t) })
	}
	for _, t := range p.country.CodesTold {
		p.then(t.At, "code", func(ctx context.Context) error { return p.tellCodes(ctx, t) })
	}
}

// partyUIDs gives the parties of an incident.
func (p *player) partyUIDs(in string, keys ...string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		if k != "" {
			out[i] = p.parts[in+"/"+k].party.UID
		}
	}
	return out
}

func (p *player) writeCall(c country.Call) {
	var made coordination.Call
	p.then(c.Planned, "call", func(ctx context.Context) (err error) {
		starts := p.now.Add(-c.Starts)
		if c.Starts < 0 {
			starts = starts.Truncate(time.Hour)
		}
		made, err = p.Coordination.PlanCall(ctx, p.by(c.By), p.incidents[c.Incident].uid, coordination.NewCall{Title: c.Title, How: c.How, StartsAt: starts, Minutes: c.Minutes})
		if err != nil {
			return err
		}
		all := slices.Sorted(slices.Values(p.partyUIDs(c.Incident, c.Parties...)))
		made, err = p.Coordination.Invite(ctx, p.by(c.By), made.UID, coordination.InviteInput{Parties: all, Together: all, Looked: true})
		return err
	})
	for key, who := range c.Coming {
		p.then(c.Planned-7*time.Minute, "call", func(ctx context.Context) error {
			_, err := p.Coordination.NoteComing(ctx, p.by(c.By), made.UID, p.partyUIDs(c.Incident, key)[0], true, who, "")
			return err
		})
	}
	if c.Written == 0 {
		return
	}
	p.then(c.Written, "minutes", func(ctx context.Context) error {
		in := coordination.MinutesInput{Text: c.Said, Finish: true}
		for _, x := range c.People {
			in.People = append(in.People, coordination.Present{Party: p.partyUIDs(c.Incident, x.Organisation)[0], Name: x.Name, Function: x.Function})
		}
		if _, err := p.Coordination.WriteMinutes(ctx, p.by(c.By), made.UID, in); err != nil {
			return err
		}
		if _, err := p.Coordination.CallTask(ctx, p.by(c.By), made.UID, c.Task.Title, p.ago(c.Task.Due)); err != nil {
			return err
		}
		for _, g := range c.Measures {
			_, err := p.Coordination.CallMeasure(ctx, p.by(c.By), made.UID, coordination.CallMeasure{Party: p.partyUIDs(c.Incident, g.Organisation)[0], Title: g.Title, Text: g.Text, DueAt: p.ago(g.Due), Looked: true})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *player) writeSituation(s country.Situation) {
	var uid string
	told := make([]string, len(s.Tellings))
	p.then(s.Opened, "situation", func(ctx context.Context) error {
		all := p.partyUIDs(s.Incident, s.Members...)
		x, err := p.Coordination.OpenSituation(ctx, p.by(s.By), p.incidents[s.Incident].uid, coordination.NewSituation{
			Ground: coordination.Ground(s.Ground), Reasons: s.Reasons, Leader: p.partyUIDs(s.Incident, s.Leader)[0], Members: all, Together: all,
		})
		if err != nil {
			return err
		}
		uid = x.UID
		for i, t := range s.Tellings {
			in := coordination.TellingInput{Who: p.partyUIDs(s.Incident, t.Who)[0], Circle: t.Circle, What: t.What, DueAt: p.ago(t.Due)}
			if x, err = p.Coordination.SetTelling(ctx, p.by(s.By), uid, in); err != nil {
				return err
			}
			told[i] = x.Tellings[len(x.Tellings)-1].ID
		}
		return nil
	})
	for i, t := range s.Tellings {
		if t.Done != 0 {
			p.then(t.Done, "telling", func(ctx context.Context) error {
				_, err := p.Coordination.SetTelling(ctx, p.by(s.By), uid, coordination.TellingInput{ID: told[i], Done: true})
				return err
			})
		}
	}
	for i, d := range s.Decisions {
		p.then(d.At, "decision", func(ctx context.Context) error {
			_, err := p.Coordination.Decide(ctx, p.by(s.By), uid, coordination.NewDecision{Text: d.Text, Joint: d.Due != 0, DueAt: p.ago(d.Due), Looked: true})
			return err
		})
		for _, a := range d.Agreed {
			p.then(a.At, "agreement", func(ctx context.Context) error {
				_, err := p.Coordination.NoteAgreement(ctx, p.by(s.By), uid, i+1, p.partyUIDs(s.Incident, a.Organisation)[0], true, a.Who, a.Note)
				return err
			})
		}
	}
}

// share gives the newest that a party said to others.
func (p *player) share(ctx context.Context, s country.Share) error {
	from := p.parts[s.Incident+"/"+s.From].party
	threads, err := p.Correspondence.Threads(ctx, p.DB, from.Thread)
	if err != nil {
		return err
	}
	list, err := p.Correspondence.Messages(ctx, p.DB, p.by(s.By), from.Thread)
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(list) {
		if m.Direction != correspondence.In {
			continue
		}
		_, err := p.Coordination.Share(ctx, p.by(s.By), p.incidents[s.Incident].uid, coordination.ShareInput{
			Item: coordination.Item{Kind: coordination.ItemMessage, Thread: threads[from.Thread].UID, ID: m.UID}, Readers: p.partyUIDs(s.Incident, s.To...), Text: s.Text, Note: s.Note, Looked: true,
		})
		return err
	}
	return errs.Newf(errs.Internal, "%s said nothing", s.From)
}

func (p *player) checkNumber(ctx context.Context, t country.Telephone) error {
	o, _ := p.country.Organisation(t.Organisation)
	c := p.contacts[o.Contacts[0].Email]
	numbers, err := p.Constituency.Numbers(ctx, p.DB, c.ID)
	if err != nil || len(numbers[c.ID]) == 0 {
		return errs.Newf(errs.Internal, "%s has no number: %v", t.Organisation, err)
	}
	_, err = p.Constituency.VerifyNumber(ctx, p.by(t.By), numbers[c.ID][0].UID, t.How)
	return err
}

// tellCodes tells a party by telephone the codes that it waits for.
func (p *player) tellCodes(ctx context.Context, t country.CodeTold) error {
	list, err := p.Correspondence.Codes(ctx, p.by(t.By), false, p.parts[t.Incident+"/"+t.Organisation].party.Thread)
	if err != nil || len(list) == 0 {
		return errs.Newf(errs.Internal, "%s waits for no code: %v", t.Organisation, err)
	}
	for _, c := range list {
		code, err := p.Correspondence.CodeOf(ctx, p.by(t.By), c.Message.UID)
		if err != nil {
			return err
		}
		if _, err := p.Correspondence.CodeTold(ctx, p.by(t.By), c.Message.UID, correspondence.TellInput{Number: code.Numbers[0].UID}); err != nil {
			return err
		}
	}
	return nil
}
