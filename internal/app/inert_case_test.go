package app

import (
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
)

// sharedWith shares a note of ours, and says in front of it what else comes to mind, with an organisation.
func (h *house) sharedWith(number string, org constituency.Organisation, text func(int) string) {
	h.t.Helper()
	ctx := h.t.Context()
	e, err := h.Incidents.AddEntry(ctx, sample(), number, incident.Entry{Kind: "note", Text: text(3)})
	h.must(err)
	rows, err := h.Coordination.Matrix(ctx, sample(), number)
	h.must(err)
	for _, r := range rows {
		if r.Party.Organisation == org.Ref.ID {
			_, err := h.Coordination.Share(ctx, sample(), number, coordination.ShareInput{
				Item: coordination.Item{Kind: coordination.ItemEntry, ID: e.UID}, Readers: []string{r.Party.UID}, Text: text(5) + "\n" + text(6), Note: text(2), TLP: tlp.AmberStrict, Looked: true,
			})
			h.must(err)
		}
	}
}

// asked puts a question and a measure to an organisation that is a party of an incident.
func (h *house) asked(number string, org constituency.Organisation, question string) {
	h.t.Helper()
	ctx := h.t.Context()
	rows, err := h.Coordination.Matrix(ctx, sample(), number)
	h.must(err)
	for _, r := range rows {
		if r.Party.Organisation == org.Ref.ID {
			_, err := h.Coordination.Send(ctx, sample(), number, coordination.Give{
				Parties: []string{r.Party.UID}, Recommendations: []string{h.Playbook.Recommendations(playbook.Filter{Lang: "en"})[0].Code}, Request: question,
				DueAt: time.Now().Add(48 * time.Hour), Looked: true,
			})
			h.must(err)
			return
		}
	}
	h.t.Fatal("the organisation is no party")
}

// leftLocked lets the newest letter to a party have left as a locked file, and gives the page of its code.
func (h *house) leftLocked(number string, org constituency.Organisation) string {
	h.t.Helper()
	rows, err := h.Coordination.Matrix(h.t.Context(), sample(), number)
	h.must(err)
	for _, r := range rows {
		if r.Party.Organisation == org.Ref.ID {
			return "/desk/codes/" + h.lockedLetter(r.Party.Thread)
		}
	}
	h.t.Fatal("the organisation is no party")
	return ""
}

// askedByLink asks an organisation by a letter that may carry a link, and gives its code.
func (h *house) askedByLink(org constituency.Organisation, question string) string {
	h.t.Helper()
	ctx := h.t.Context()
	in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: "Green", TLP: tlp.Green})
	h.must(err)
	_, err = h.Coordination.Add(ctx, sample(), in.UID, []string{org.UID}, coordination.Affected, "")
	h.must(err)
	h.asked(in.Number, org, question)
	rows, err := h.Coordination.Matrix(ctx, sample(), in.UID)
	h.must(err)
	list, err := h.Correspondence.Messages(ctx, h.DB, sample(), rows[0].Party.Thread)
	h.must(err)
	_, link, ok := strings.Cut(list[0].Body.Text, "/a/")
	if !ok {
		h.t.Fatalf("the letter has no link:\n%s", list[0].Body.Text)
	}
	return link[:26]
}

// targetOf adds a target of which everything is a stranger's, and gives its page and that of who is told by a form.
func (h *house) targetOf(number, host string, text func(int) string) (target, proposal string) {
	ctx := h.t.Context()
	t, err := h.Takedown.Add(ctx, sample(), number, takedown.NewTarget{What: "http://bad.example/?u=http://" + host + "/x&a=<script>window.pwned=1</script>", Kind: takedown.Phishing, Words: text(3)})
	h.must(err)
	p, err := h.Takedown.SaveProvider(ctx, sample(), "", 0, takedown.NewProvider{Name: text(4), Role: coordination.BlockList, Form: takedown.ByPage, Page: "https://forms.example/abuse", Wants: text(5)})
	h.must(err)
	h.must(h.Takedown.Name(ctx, sample(), t.UID, p.UID))
	_, err = h.Takedown.SetState(ctx, sample(), t.UID, 0, takedown.Up, text(1))
	h.must(err)
	all, err := h.Takedown.Proposals(ctx, sample(), number)
	h.must(err)
	return "/desk/targets/" + t.UID, "/desk/proposals/" + all[t.ID][0].UID
}

// sendingOf prepares one question to the parties of an incident, whose list, evidence and words are a stranger's, and gives its page.
func (h *house) sendingOf(number string, org constituency.Organisation, text func(int) string) string {
	h.t.Helper()
	ctx := h.t.Context()
	_, err := h.Constituency.AddAsset(ctx, sample(), org.UID, constituency.NewAsset{Value: "198.51.100.0/24"})
	h.must(err)
	x, err := h.Coordination.NewSending(ctx, sample(), number)
	h.must(err)
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	_, err = h.Coordination.Choose(ctx, sample(), x.UID, coordination.Choose{Parties: true, List: "address,time,note\n198.51.100.7,2026-01-01T00:00:00Z," + quoted(text(5)) + "\n" + quoted(text(6)) + ",," + quoted(text(7)) + "\n"})
	h.must(err)
	_, err = h.Coordination.SetLetter(ctx, sample(), x.UID, 0, coordination.Give{Text: text(2), Request: text(4), DueAt: time.Now().Add(48 * time.Hour)})
	h.must(err)
	return "/desk/sendings/" + x.UID
}

// waiting opens a case in which a step of the ladder waits for a person and to which a team belongs, and gives the pages of both.
func (h *house) waiting(org, team constituency.Organisation, text func(int) string) (step, handOver string) {
	h.t.Helper()
	ctx := h.t.Context()
	in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: text(1), TLP: tlp.Green})
	h.must(err)
	asked, err := h.Coordination.Add(ctx, sample(), in.UID, []string{org.UID}, coordination.Affected, "")
	h.must(err)
	h.asked(in.Number, org, text(5))
	ladder, err := h.Coordination.LadderOf(ctx, sample(), coordination.StandardLadder)
	h.must(err)
	if !ladder.RetiredAt.IsZero() { // the lead presses every button
		h.must(h.Coordination.RetireLadder(ctx, sample(), coordination.StandardLadder, false))
	}
	_, err = h.Coordination.Climb(ctx, sample(), in.UID, coordination.ClimbInput{Act: coordination.ClimbBegin, Parties: []string{asked[0].UID}, Ladder: coordination.StandardLadder})
	h.must(err)
	_, err = h.DB.Exec(ctx, `UPDATE coordination_climb SET state = 'asks' WHERE party = $1`, asked[0].Ref.ID) // no time passes for the others
	h.must(err)
	peer, err := h.Coordination.Add(ctx, sample(), in.UID, []string{team.UID}, coordination.Peer, text(4))
	h.must(err)
	return "/desk/parties/" + asked[0].UID + "/step", "/desk/parties/" + peer[0].UID + "/hand-over"
}

// met plans a call with a team whose every word is a stranger's, holds another, and opens a shared situation; it gives the pages of all three.
func (h *house) met(team constituency.Organisation, text func(int) string) []string {
	h.t.Helper()
	ctx := h.t.Context()
	h.must(h.Constituency.SetLiaison(ctx, sample(), team.UID, constituency.Liaison{Kind: constituency.CSIRT}))
	in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: text(1), TLP: tlp.Green})
	h.must(err)
	p, err := h.Coordination.Add(ctx, sample(), in.UID, []string{team.UID}, "", "")
	h.must(err)
	one := []string{p[0].UID}
	var calls [2]coordination.Call
	for i := range calls {
		calls[i], err = h.Coordination.PlanCall(ctx, sample(), in.UID, coordination.NewCall{Title: text(4), How: text(3), StartsAt: time.Now().Add(48 * time.Hour), Minutes: 30})
		h.must(err)
		_, err = h.Coordination.Invite(ctx, sample(), calls[i].UID, coordination.InviteInput{Parties: one, Looked: true})
		h.must(err)
		_, err = h.Coordination.NoteComing(ctx, sample(), calls[i].UID, p[0].UID, true, "", text(5))
		h.must(err)
	}
	_, err = h.Coordination.WriteMinutes(ctx, sample(), calls[1].UID, coordination.MinutesInput{People: []coordination.Present{{Party: p[0].UID, Name: text(4), Function: text(1)}}, Text: text(5), Finish: true})
	h.must(err)
	_, err = h.Coordination.AddToMinutes(ctx, sample(), calls[1].UID, text(6))
	h.must(err)
	_, err = h.Coordination.CallTask(ctx, sample(), calls[1].UID, text(1), time.Time{})
	h.must(err)
	x, err := h.Coordination.OpenSituation(ctx, sample(), in.UID, coordination.NewSituation{Ground: coordination.Need, Reasons: text(5), Members: one})
	h.must(err)
	_, err = h.Coordination.SetTelling(ctx, sample(), x.UID, coordination.TellingInput{Who: p[0].UID, Circle: text(4), What: text(6)})
	h.must(err)
	x, err = h.Coordination.Decide(ctx, sample(), x.UID, coordination.NewDecision{Text: text(3), Joint: true, DueAt: time.Now().Add(48 * time.Hour), Looked: true})
	h.must(err)
	_, err = h.Coordination.NoteAgreement(ctx, sample(), x.UID, 1, p[0].UID, true, "Canary", text(2))
	h.must(err)
	at := "/desk/incidents/" + in.Number
	return []string{at + "/calls", at + "/situation", "/desk/meetings/" + calls[0].UID, "/desk/meetings/" + calls[1].UID, "/desk/situations/" + x.UID}
}
