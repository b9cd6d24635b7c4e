package coordination_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A lead shares the situation with the crisis centre and the police; a hospital that is a party too stands in none of it. Who tells whom, a decision that both
// agree to, one that follows it, the state written to both, and the end.
func TestASharedSituation(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.letters.Follow = h.s
		lead := h.Person(2, "Lea Lead", access.Lead)
		authority := func(name, lang string, kind constituency.LiaisonKind) constituency.Organisation {
			o := h.organisation(ctx, name, lang, "desk@"+strings.ReplaceAll(string(kind), "_", "-")+".example")
			h.must(h.country.SetLiaison(ctx, h.ana, o.UID, constituency.Liaison{Kind: kind, Country: "PT"}))
			return o
		}
		crisis, police := authority("Crisis Centre", "en", constituency.CrisisCentre), authority("Polícia Judiciária", "pt", constituency.Police)
		hospital := h.organisation(ctx, "Hospital do Mar", "pt", "soc@hospital.example", "hospital.example")
		in := h.incident(ctx, tlp.Green)
		all := h.add(ctx, in, crisis, police, hospital)
		cc, pj, sea := all[0], all[1], all[2]
		both := uids(cc, pj)
		fresh := coordination.NewSituation{Ground: coordination.ForceMajeure, Reasons: "Two regions without water.", Leader: cc.UID, Members: both, Together: both}
		_, err := h.s.OpenSituation(ctx, h.ana, in.UID, fresh)
		h.refused(err, errs.Forbidden, "opened by an analyst")
		_, err = h.s.OpenSituation(ctx, lead, in.UID, coordination.NewSituation{Ground: "war", Leader: "x"})
		if len(errs.Fields(err)) != 4 {
			h.Errorf("not all problems at once: %v", err)
		}
		bad := fresh
		bad.Members = uids(cc, sea)
		_, err = h.s.OpenSituation(ctx, lead, in.UID, bad)
		h.refused(err, errs.Invalid, "with a party that is no authority")
		bad = fresh
		bad.Together = uids(cc)
		_, err = h.s.OpenSituation(ctx, lead, in.UID, bad)
		h.refused(err, errs.Conflict, "without saying who learns of whom")
		x, err := h.s.OpenSituation(ctx, lead, in.UID, fresh)
		h.must(err)
		_, err = h.s.OpenSituation(ctx, lead, in.UID, fresh)
		h.refused(err, errs.Conflict, "a second one beside it")
		_, err = h.s.Situations(ctx, h.person(police), in.UID)
		h.refused(err, errs.Forbidden, "the police lists situations")
		h.refused(h.s.SetAlone(ctx, h.ana, pj.UID, true, "why"), errs.Conflict, "kept apart from who it is with")

		// Who tells whom.
		x, err = h.s.SetTelling(ctx, h.ana, x.UID, coordination.TellingInput{Who: cc.UID, Circle: "the public", What: "Boil the water.", DueAt: h.due(), Version: x.Version})
		h.must(err)
		_, err = h.s.SetTelling(ctx, h.ana, x.UID, coordination.TellingInput{Circle: "others", Version: x.Version - 1})
		h.refused(err, errs.Conflict, "over somebody else's change")
		_, err = h.s.SetTelling(ctx, h.ana, x.UID, coordination.TellingInput{Who: sea.UID, Circle: "its patients"})
		h.refused(err, errs.Invalid, "told by who takes no part")
		x, err = h.s.SetTelling(ctx, h.ana, x.UID, coordination.TellingInput{ID: x.Tellings[0].ID, Done: true})
		h.must(err)
		if l := x.Tellings[0]; l.DoneAt.IsZero() || l.Circle != "the public" || l.DoneBy != h.ana.Name {
			h.Errorf("told: %+v", l)
		}

		// Decisions: ours, a joint one, and one that follows it.
		x, err = h.s.Decide(ctx, lead, x.UID, coordination.NewDecision{Text: "We pause the scan."})
		h.must(err)
		_, err = h.s.Decide(ctx, lead, x.UID, coordination.NewDecision{Text: "We pause the scan."})
		h.refused(err, errs.Conflict, "the same decision twice")
		_, err = h.s.Decide(ctx, lead, x.UID, coordination.NewDecision{Text: "Close the plant of Hospital do Mar.", Joint: true, DueAt: h.due()})
		h.refused(err, errs.Conflict, "a decision that names another party")
		_, err = h.s.Decide(ctx, h.ana, x.UID, coordination.NewDecision{Text: "Mine."})
		h.refused(err, errs.Forbidden, "decided by an analyst")
		x, err = h.s.Decide(ctx, lead, x.UID, coordination.NewDecision{Text: "The Crisis Centre speaks, the police stays silent.", Joint: true, DueAt: h.due()})
		h.must(err)
		two := x.Decisions[1]
		if two.Number != 2 || len(two.Asked) != 2 || !two.JointSince.IsZero() || !x.Decisions[0].JointSince.IsZero() {
			h.Fatalf("the joint decision: %+v", two)
		}
		for _, p := range []coordination.Party{cc, pj} {
			sent := h.lettersOf(ctx, p)
			h.leave(ctx, sent...)
			if last := sent[len(sent)-1].Body; !strings.Contains(last.Text, "speaks, the police stays silent") || !strings.Contains(last.Text, "/a/") {
				h.Errorf("the letter to %s says\n%s", p.Name, last.Text)
			}
		}
		of := func(d coordination.Decision, p coordination.Party) coordination.Agreement {
			return d.Asked[slices.IndexFunc(d.Asked, func(a coordination.Agreement) bool { return a.Party.UID == p.UID })]
		}
		_, err = h.s.AnswerQuestions(ctx, h.person(crisis), of(two, cc).Request, coordination.ReplyInput{Answers: coordination.Answers{"agrees": {Value: "yes"}, "who": {Value: "The director"}}})
		h.must(err)
		_, err = h.s.NoteAgreement(ctx, h.ana, x.UID, 2, pj.UID, false, "", "")
		h.refused(err, errs.Invalid, "noted without who said it")
		_, err = h.s.NoteAgreement(ctx, h.ana, x.UID, 1, pj.UID, true, "The inspector", "")
		h.refused(err, errs.NotFound, "noted on a decision of ours")
		x, err = h.s.NoteAgreement(ctx, h.ana, x.UID, 2, pj.UID, false, "The inspector", "not yet")
		h.must(err)
		if d := x.Decisions[1]; !d.Refused() || d.Agreed() != 1 || !d.JointSince.IsZero() {
			h.Errorf("refused by one: %+v", d)
		}
		h.Clock.Advance(1e9)
		x, err = h.s.NoteAgreement(ctx, h.ana, x.UID, 2, pj.UID, true, "The inspector", "after all")
		h.must(err)
		if d := x.Decisions[1]; d.Refused() || d.JointSince.IsZero() || of(d, pj).Who != "The inspector" || !of(d, pj).Noted || of(d, cc).Noted {
			h.Errorf("agreed by both: %+v", d)
		}
		x, err = h.s.Decide(ctx, lead, x.UID, coordination.NewDecision{Text: "Both speak.", Joint: true, Follows: 2, DueAt: h.due()})
		h.must(err)
		_, err = h.s.Decide(ctx, lead, x.UID, coordination.NewDecision{Text: "Nobody speaks.", Follows: 2})
		h.refused(err, errs.Conflict, "follows what was followed")
		if x.Decisions[1].FollowedBy != 3 || x.Decisions[1].Text == x.Decisions[2].Text {
			h.Errorf("followed: %+v", x.Decisions)
		}
		_, err = h.s.AnswerQuestions(ctx, h.person(crisis), of(two, cc).Request, coordination.ReplyInput{Answers: coordination.Answers{"agrees": {Value: "no"}}})
		h.refused(err, errs.Conflict, "an answer to what was followed")

		// Everybody is told how it stands, each in its language; nothing of the hospital.
		x, err = h.s.LeadSituation(ctx, lead, x.UID, "", "the crisis centre asked for it")
		h.must(err)
		seen, err := h.s.PreviewSituation(ctx, h.ana, x.UID)
		h.must(err)
		for i, want := range []string{"force majeure", "força maior"} {
			l := seen[i].Letter
			for _, w := range []string{want, "Crisis Centre", "Polícia Judiciária", "the public", "Both speak.", "CERT.EX"} {
				if !strings.Contains(l, w) {
					h.Errorf("%q is missing in\n%s", w, l)
				}
			}
			if strings.Contains(l, "Hospital") || strings.Contains(l, "not yet") || strings.Contains(l, "asked for it") || len(seen[i].Hits) > 0 {
				h.Errorf("the state says too much (%v):\n%s", seen[i].Hits, l)
			}
		}
		// Who said since that it stays unnamed is named to nobody.
		h.must(h.s.SayReach(ctx, h.person(police), correspondence.Saying{Reach: correspondence.Anonymous, Thread: h.threadUID(ctx, pj)}))
		_, err = h.s.TellSituation(ctx, h.ana, x.UID, x.Version, false)
		h.refused(err, errs.Conflict, "a state that names who stays unnamed")
		h.Clock.Advance(1e9)
		h.must(h.s.SayReach(ctx, h.person(police), correspondence.Saying{Reach: correspondence.WithName, Thread: h.threadUID(ctx, pj)}))
		seenAt := x.Version
		x, err = h.s.TellSituation(ctx, h.ana, x.UID, seenAt, false)
		h.must(err)
		_, err = h.s.TellSituation(ctx, h.ana, x.UID, seenAt, false)
		h.refused(err, errs.Conflict, "the state as it was looked at, twice")
		if x.Members[0].ToldAt.IsZero() || len(h.lettersOf(ctx, sea)) != 0 {
			h.Error("who was told is not who takes part")
		}
		x, err = h.s.SetTelling(ctx, h.ana, x.UID, coordination.TellingInput{Circle: "the clients of hospital.example"})
		h.must(err)
		_, err = h.s.TellSituation(ctx, h.ana, x.UID, 0, false)
		h.refused(err, errs.Conflict, "a state that names another party")

		_, err = h.s.EndSituation(ctx, h.ana, x.UID, "over")
		h.refused(err, errs.Forbidden, "ended by an analyst")
		x, err = h.s.EndSituation(ctx, lead, x.UID, "the water is back")
		h.must(err)
		if x.EndedAt.IsZero() || x.End != "the water is back" || x.Decisions[2].Asked[0].Open() {
			h.Errorf("ended: %+v", x)
		}
		_, err = h.s.SetTelling(ctx, h.ana, x.UID, coordination.TellingInput{Circle: "more"})
		h.refused(err, errs.Conflict, "changed after its end")
		_, err = h.s.OpenSituation(ctx, lead, in.UID, fresh)
		h.must(err)
	})
}
