package app

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// ask puts a question and measures to a member.
func (s *steps) ask(m *stepper, i int) {
	due := s.now.Now().Add(48 * time.Hour)
	_, err := s.Coordination.Send(s.t.Context(), sample(), s.cases[i].UID, coordination.Give{
		Parties: []string{m.parties[i].UID}, Recommendations: []string{s.one(s.advice)}, Request: "How is " + s.word(m) + "?", Text: "Dear " + s.word(m), TLP: tlp.Green, DueAt: due, Looked: true,
	})
	s.settled(err)
}

// settled lets pass what is refused because of how things stand.
func (s *steps) settled(err error) {
	s.t.Helper()
	if k := errs.Of(err); err != nil && k != errs.Conflict && k != errs.NotFound && k != errs.Forbidden && k != errs.Invalid {
		s.t.Fatal(err)
	}
}

// weAct does something about a member, or about the case for all that are not quiet.
func (s *steps) weAct(m *stepper, i int) {
	ctx, p, in := s.t.Context(), m.parties[i], s.cases[i]
	switch s.pick(17) {
	case 0, 1:
		s.note("we ask", m)
		s.ask(m, i)
	case 2: // all at once, in the same words
		s.note("we ask all", m)
		var all []string
		for _, x := range s.members {
			if !x.quiet {
				all = append(all, x.parties[i].UID)
			}
		}
		_, err := s.Coordination.Send(ctx, sample(), in.UID, coordination.Give{Parties: all, Recommendations: []string{s.one(s.advice)}, Request: "Do you run it?", TLP: tlp.Green, DueAt: s.now.Now().Add(72 * time.Hour), Looked: true})
		s.settled(err)
	case 3, 4:
		s.note("we write", m)
		_, err := s.Coordination.Write(ctx, sample(), p.UID, correspondence.Outgoing{Subject: "About " + s.word(m), Text: s.word(m), TLP: tlp.Green}, true)
		s.settled(err)
	case 5:
		s.note("we note", m)
		_, err := s.Incidents.AddEntry(ctx, sample(), in.UID, incident.Entry{Kind: "note", Text: s.ours() + " of " + s.word(m)})
		s.settled(err)
	case 6, 7:
		s.note("we move", m)
		list, err := s.Coordination.Measures(ctx, sample(), coordination.RequestFilter{Party: p.Ref.ID, Limit: 50})
		s.must(err)
		if len(list.Items) > 0 {
			to := []coordination.MeasureState{coordination.Verified, coordination.Done, coordination.Planned, coordination.Declined, coordination.Recalled, coordination.Acknowledged}[s.pick(6)]
			_, err = s.Coordination.Move(ctx, sample(), list.Items[s.pick(len(list.Items))].UID, coordination.MoveInput{To: to, Note: s.word(m), PlannedFor: s.now.Now().Add(50 * time.Hour)})
			s.settled(err)
		}
	case 8:
		s.note("we take back", m)
		list, err := s.Coordination.Requests(ctx, sample(), coordination.RequestFilter{Party: p.Ref.ID, Limit: 50})
		s.must(err)
		if len(list.Items) > 0 {
			r := list.Items[s.pick(len(list.Items))].UID
			if s.pick(2) == 0 {
				_, err = s.Coordination.Accept(ctx, sample(), r)
			} else {
				_, err = s.Coordination.WithdrawRequest(ctx, sample(), r, s.word(m))
			}
			s.settled(err)
		}
	case 9:
		s.note("we withdraw", m)
		s.settled(s.Coordination.Withdraw(ctx, sample(), p.UID, s.ours()))
		_, err := s.Coordination.Add(ctx, sample(), in.UID, []string{m.org.UID}, coordination.Source, s.ours())
		s.settled(err)
	case 10:
		s.note("we triage", m)
		list, err := s.Intake.Queue(ctx, sample(), intake.QueueFilter{Limit: 20})
		s.must(err)
		for _, r := range list.Items {
			if kanari.MatchString(r.Body.Summary) && s.of(r.Body.Summary) == m {
				if s.pick(2) == 0 {
					_, err = s.Incidents.Attach(ctx, sample(), in.UID, []string{r.UID})
				} else {
					_, err = s.Intake.Reply(ctx, sample(), r.UID, correspondence.Outgoing{Subject: s.word(m), Text: s.word(m), TLP: tlp.Green})
				}
				s.settled(err)
				break
			}
		}
	case 11:
		s.note("we edit", m)
		now, err := s.Incidents.Get(ctx, s.DB, sample(), in.UID)
		s.must(err)
		title := s.ours()
		_, err = s.Incidents.Edit(ctx, sample(), in.UID, incident.Change{Version: now.Version, Title: &title})
		s.settled(err)
	case 12:
		s.note("we ask many", m)
		s.askMany(in)
	case 13, 14:
		s.share(m, i)
	case 15:
		s.unshare()
	case 16:
		s.note("we meet", m)
		s.meet(m, i)
	}
}

// meet brings a member and another one together in a call, by the act that lets them: neither letter, nor file, nor page names the other, and the minutes are
// ours. Without that act nothing leaves.
func (s *steps) meet(m *stepper, i int) {
	ctx, p := s.t.Context(), m.parties[i]
	c, err := s.Coordination.PlanCall(ctx, sample(), s.cases[i].UID, coordination.NewCall{Title: "How it stands", How: "by telephone", StartsAt: s.now.Now().Add(24 * time.Hour), Minutes: 30})
	if err != nil {
		s.settled(err)
		return
	}
	all := []string{p.UID}
	if o := s.another(m); !o.quiet {
		all = append(all, o.parties[i].UID)
		if _, err := s.Coordination.Invite(ctx, sample(), c.UID, coordination.InviteInput{Parties: all, Looked: true}); err == nil {
			s.t.Fatal("two were brought together without a confirmation")
		}
	}
	if _, err = s.Coordination.Invite(ctx, sample(), c.UID, coordination.InviteInput{Parties: all, Together: all}); err == nil && s.pick(2) == 0 {
		_, err = s.Coordination.WriteMinutes(ctx, sample(), c.UID, coordination.MinutesInput{People: []coordination.Present{{Party: p.UID, Name: s.word(m)}}, Text: s.ours() + s.word(m), Finish: true})
	}
	s.settled(err)
}

// share shares something that a member told us, or a note about it, with one or two others: all words of it are struck out, and one of ours stands there.
func (s *steps) share(m *stepper, i int) {
	ctx, in := s.t.Context(), s.cases[i]
	x := coordination.ShareInput{Text: s.word(m), Looked: true}
	word := x.Text
	if s.pick(4) == 0 {
		e, err := s.Incidents.AddEntry(ctx, sample(), in.UID, incident.Entry{Kind: "note", Text: s.ours() + " of " + s.word(m)})
		s.must(err)
		x.Item = coordination.Item{Kind: coordination.ItemEntry, ID: e.UID}
	} else {
		all, err := s.Correspondence.Messages(ctx, s.DB, sample(), m.parties[i].Thread)
		s.must(err)
		all = slices.DeleteFunc(all, func(t correspondence.Message) bool { return t.Direction != correspondence.In })
		if len(all) == 0 {
			return
		}
		x.Item = coordination.Item{Kind: coordination.ItemMessage, ID: all[len(all)-1-s.pick(min(5, len(all)))].UID}
	}
	item, err := s.Coordination.Shareable(ctx, sample(), in.UID, x.Item)
	if s.settled(err); err != nil {
		return
	}
	x.Strike = append(all(`(?i)(kanari\S*)`, item.Text), all(`(?i)(teamword\d+)`, item.Text)...)
	x.Text = coordination.Strike(item.Text, x.Strike) + " " + word
	readers := map[string]int{}
	for range 1 + s.pick(2) {
		if o := s.another(m); !o.quiet {
			readers[o.parties[i].UID] = o.n
			x.Readers = append(x.Readers, o.parties[i].UID)
		}
	}
	got, err := s.Coordination.Share(ctx, sample(), in.UID, x)
	if s.settled(err); err != nil {
		return
	}
	s.note("we share", m, word)
	s.crossed[word], s.lettered[word] = map[int]bool{}, map[int]bool{}
	for _, n := range readers {
		s.crossed[word][n], s.lettered[word][n] = true, true
	}
	s.shared = append(s.shared, sharedWord{got.UID, word, in.UID, readers})
}

// unshare takes something back, from one reader or from all: from then on no page shows it.
func (s *steps) unshare() {
	if len(s.shared) == 0 {
		return
	}
	x := s.shared[s.pick(len(s.shared))]
	from := ""
	if s.pick(2) == 0 {
		from = slices.Sorted(maps.Keys(x.readers))[0]
	}
	_, err := s.Coordination.WithdrawShare(s.t.Context(), sample(), x.uid, from, s.ours())
	if s.settled(err); err != nil {
		return
	}
	s.did["we take back what was shared"]++
	for party, n := range x.readers {
		if from == "" || party == from {
			delete(s.crossed[x.word], n)
		}
	}
}

// askMany puts one question to all who are not quiet, each with its own evidence, as one act that a second person approves.
func (s *steps) askMany(in incident.Incident) {
	ctx := s.t.Context()
	by := [2]access.Actor{}
	for i := range by {
		s.strangers++
		a := s.account(access.Lead, fmt.Sprintf("lead%d@steps.example", s.strangers), "")
		by[i] = access.Actor{Account: a.ID, Name: a.Name, Roles: []access.Role{access.Lead}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: s.now.Now(), Lang: "en"}
	}
	var list strings.Builder
	for _, x := range s.members {
		if x.quiet {
			continue
		}
		host := fmt.Sprintf("host%d.many.example", x.n)
		_, err := s.Constituency.AddAsset(ctx, sample(), x.org.UID, constituency.NewAsset{Kind: "host", Value: host})
		s.settled(err) // the second time it is there
		fmt.Fprintf(&list, "%s,%s,%s\n", host, s.now.Now().Add(time.Second).UTC().Format(time.RFC3339), s.word(x))
	}
	sending, err := s.Coordination.NewSending(ctx, by[0], in.UID)
	s.must(err)
	_, err = s.Coordination.Choose(ctx, by[0], sending.UID, coordination.Choose{List: list.String()})
	s.must(err)
	_, err = s.Coordination.SetLetter(ctx, by[0], sending.UID, 0, coordination.Give{Text: "Look at {name}: {lines}.", Request: "Is it clean?", TLP: tlp.Green, DueAt: s.now.Now().Add(72 * time.Hour)})
	s.must(err)
	sending, err = s.Coordination.Submit(ctx, by[0], sending.UID, 0, true)
	if s.settled(err); err != nil {
		return
	}
	if sending.State == coordination.SendingWaiting {
		sending, err = s.Coordination.Approve(ctx, by[1], sending.UID, sending.Hash)
		s.must(err)
	}
	_, err = s.DB.Exec(ctx, `UPDATE coordination_sending SET leaves_at = $1 WHERE id = $2`, s.now.Now(), sending.ID) // no time passes for the others
	s.must(err)
	s.must(s.Coordination.WorkSending(ctx, sending.ID))
}

// of tells whose word a text holds.
func (s *steps) of(text string) *stepper {
	x := kanari.FindStringSubmatch(text)
	n, _ := strconv.Atoi(x[1])
	return s.members[n]
}
