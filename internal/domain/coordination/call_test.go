package coordination_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// lettersOf gives what we wrote to a party, oldest first.
func (h *house) lettersOf(ctx context.Context, p coordination.Party) []correspondence.Message {
	h.Helper()
	all, err := h.letters.Messages(ctx, h.DB, h.ana, p.Thread)
	h.must(err)
	return slices.DeleteFunc(all, func(m correspondence.Message) bool { return m.Direction != correspondence.Out })
}

func (h *house) content(ctx context.Context, by access.Actor, p coordination.Party, m correspondence.Message) string {
	h.Helper()
	thread, err := access.Load(ctx, h.DB, by, ref.Ref{Kind: ref.Thread, ID: p.Thread})
	h.must(err)
	_, r, err := h.letters.OpenFile(ctx, by, thread.UID, m.UID, m.Body.Files[0].UID)
	h.must(err)
	defer r.Close()
	raw, err := io.ReadAll(r)
	h.must(err)
	return string(raw)
}

func (h *house) planned() coordination.NewCall {
	return coordination.NewCall{Title: "State of the clean-up", How: "https://meet.example/room and +351 210 000 001", StartsAt: h.Clock.Now().Add(24 * time.Hour), Minutes: 45}
}

// Two parties are brought together in a call: the first alone, then the second by a confirmation that says who learns of whom. Each letter names nobody; both
// answer; one is kept apart; the call is moved, held, written down, and what was agreed becomes a task and a measure.
func TestACoordinationCall(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		v := h.shareable(ctx, tlp.Amber)
		one, two, town := v.parties[0], v.parties[1], v.town
		var tasks []string
		h.s.NewTask = func(_ context.Context, _ *db.Tx, _ access.Actor, _ ref.Ref, title string, _ time.Time) (string, error) {
			tasks = append(tasks, title)
			return "task", nil
		}
		_, err := h.s.PlanCall(ctx, h.ana, v.in.UID, coordination.NewCall{Minutes: 2, StartsAt: h.Clock.Now(), TLP: 9})
		if len(errs.Fields(err)) != 5 {
			h.Errorf("not all problems at once: %v", err)
		}
		_, err = h.s.PlanCall(ctx, v.rui, v.in.UID, h.planned())
		h.refused(err, errs.Forbidden, "a party plans a call")
		c, err := h.s.PlanCall(ctx, h.ana, v.in.UID, h.planned())
		h.must(err)
		again, err := h.s.PlanCall(ctx, h.ana, v.in.UID, h.planned())
		if err != nil || again.UID != c.UID || again.ID != c.ID {
			h.Errorf("planned twice: %+v, %v", again, err)
		}
		_, err = h.s.CallOf(ctx, v.rui, c.UID)
		h.refused(err, errs.Forbidden, "a party reads a call")

		c, err = h.s.Invite(ctx, h.ana, c.UID, coordination.InviteInput{Parties: uids(one)})
		h.must(err)
		sent := h.lettersOf(ctx, one)
		letter := sent[len(sent)-1]
		if !strings.Contains(letter.Body.Text, "hxxps://meet.example/room") || strings.Contains(letter.Body.Text, "https://meet") || strings.Contains(letter.Body.Text, "Outros participam") {
			h.Errorf("the letter to the first says\n%s", letter.Body.Text)
		}
		file := h.content(ctx, h.ana, one, letter)
		if !strings.Contains(file, "METHOD:PUBLISH") || !strings.Contains(file, "SEQUENCE:0") || !strings.Contains(file, "hxxps://meet.example") {
			h.Errorf("the calendar file says\n%s", file)
		}
		h.leave(ctx, sent...)

		// The second: who learns of whom is confirmed exactly.
		seen, err := h.s.PreviewInvite(ctx, h.ana, c.UID, uids(two))
		h.must(err)
		if len(seen.Learns) != 1 || len(seen.Letters) != 2 || !slices.Equal(seen.Together, slices.Sorted(slices.Values(uids(one, two)))) {
			h.Fatalf("the preview: %+v", seen)
		}
		if !strings.Contains(seen.Letters[0].Letter, "foi alterado") || strings.Contains(seen.Letters[1].Letter, "geändert") {
			t.Errorf("who was asked before reads\n%s", seen.Letters[0].Letter)
		}
		for _, l := range seen.Letters {
			other := map[string]string{one.UID: "Klinikum", two.UID: "Águas"}[l.Party.UID]
			if strings.Contains(l.Letter, other) || len(l.Hits) > 0 {
				h.Errorf("the letter to %s names %s", l.Party.Name, other)
			}
		}
		for _, together := range [][]string{nil, uids(two), uids(one, two, town)} {
			_, err = h.s.Invite(ctx, h.ana, c.UID, coordination.InviteInput{Parties: uids(two), Together: together})
			h.refused(err, errs.Conflict, "without the confirmation")
		}
		// Kept apart, by us, by its word, by its label.
		h.must(h.s.SetAlone(ctx, h.ana, two.UID, true, "it suspects the other"))
		_, err = h.s.Invite(ctx, h.ana, c.UID, coordination.InviteInput{Parties: uids(two), Together: seen.Together})
		h.refused(err, errs.Conflict, "who takes part alone")
		if f := errs.Fields(err); len(f) != 1 || f[0].Args["name"] != two.Name || f[0].Args["other"] != one.Name {
			h.Errorf("the refusal names %+v", f)
		}
		h.must(h.s.SetAlone(ctx, h.ana, two.UID, false, "settled"))
		h.must(h.s.SayReach(ctx, v.uwe, correspondence.Saying{Reach: correspondence.Anonymous, Thread: h.threadUID(ctx, two)}))
		_, err = h.s.Invite(ctx, h.ana, c.UID, coordination.InviteInput{Parties: uids(two), Together: seen.Together})
		h.refused(err, errs.Conflict, "who must stay unnamed")
		h.must(h.s.SayReach(ctx, v.uwe, correspondence.Saying{Reach: correspondence.WithName, Thread: h.threadUID(ctx, two)}))
		h.Clock.Advance(time.Second)
		c, err = h.s.Invite(ctx, h.ana, c.UID, coordination.InviteInput{Parties: uids(two), Together: seen.Together})
		h.must(err)
		h.refused(h.s.SetAlone(ctx, h.ana, two.UID, true, "too late"), errs.Conflict, "kept apart while it is asked with others")
		for _, p := range []coordination.Party{one, two} {
			sent = h.lettersOf(ctx, p)
			h.leave(ctx, sent...)
			last := sent[len(sent)-1].Body.Text
			if !strings.Contains(last, "Outros participam") && !strings.Contains(last, "nehmen auch andere teil") {
				h.Errorf("%s is not told that others take part:\n%s", p.Name, last)
			}
		}
		// It answers itself, the other by telephone.
		of := func(p coordination.Party) coordination.Invited {
			i := slices.IndexFunc(c.Invited, func(x coordination.Invited) bool { return x.Party.UID == p.UID })
			return c.Invited[i]
		}
		_, err = h.s.AnswerQuestions(ctx, v.rui, of(one).Request, coordination.ReplyInput{Answers: coordination.Answers{"coming": {Value: "yes"}, "who": {Value: "Rui, CISO"}}})
		h.must(err)
		c, err = h.s.NoteComing(ctx, h.ana, c.UID, two.UID, false, "", "on leave")
		h.must(err)
		if x := of(one); x.Coming != "yes" || x.Who != "Rui, CISO" || x.Noted {
			h.Errorf("the first said %+v", x)
		}
		if x := of(two); x.Coming != "no" || !x.Noted || x.Note != "on leave" {
			h.Errorf("the second said %+v", x)
		}
		old := of(one).Request
		// Moved: asked again, the same event in its calendar, an older answer no longer counts.
		in := h.planned()
		in.StartsAt = c.StartsAt.Add(48 * time.Hour)
		_, err = h.s.MoveCall(ctx, h.ana, c.UID, in, "", false)
		h.refused(err, errs.Invalid, "moved without a reason")
		c, err = h.s.MoveCall(ctx, h.ana, c.UID, in, "the room is taken", false)
		h.must(err)
		_, err = h.s.MoveCall(ctx, h.ana, c.UID, in, "the room is taken", false)
		h.refused(err, errs.Conflict, "moved to where it is")
		if x := of(one); x.Coming != "" || x.Request == old {
			h.Errorf("after it was moved the first still says %+v", x)
		}
		_, err = h.s.AnswerQuestions(ctx, v.rui, old, coordination.ReplyInput{Answers: coordination.Answers{"coming": {Value: "no"}}})
		h.refused(err, errs.Conflict, "an answer to what was moved")
		sent = h.lettersOf(ctx, one)
		event := func(s string) string {
			_, s, _ = strings.Cut(s, "UID:")
			s, _, _ = strings.Cut(s, "\r")
			return s
		}
		moved := h.content(ctx, h.ana, one, sent[len(sent)-1])
		if event(moved) != event(file) || !strings.Contains(moved, "SEQUENCE:2") || strings.Contains(sent[len(sent)-1].Body.Text, "the room is taken") {
			h.Errorf("moved:\n%s", moved)
		}
		theirs := h.lettersOf(ctx, two)
		if e := event(h.content(ctx, h.ana, two, theirs[len(theirs)-1])); e == "" || e == event(file) {
			h.Error("the two have the same event: they could see that it is one call")
		}
		h.leave(ctx, append(sent, theirs...)...)
		open := 0
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { open, err = h.s.OpenTx(ctx, tx, v.in.Ref); return err }))
		if open != 3 { // two who are asked, and the call
			h.Errorf("%d open at closing", open)
		}

		// Held and written down.
		_, err = h.s.CallTask(ctx, h.ana, c.UID, "Ask the provider", h.due())
		h.refused(err, errs.Conflict, "agreed before it was held")
		c, err = h.s.WriteMinutes(ctx, h.ana, c.UID, coordination.MinutesInput{People: []coordination.Present{{Party: one.UID, Name: "Rui", Function: "CISO"}, {Name: "Ana"}, {}}, Text: "They found the file.", Version: c.Version})
		h.must(err)
		if c.State != coordination.CallHeld || len(c.People) != 2 || c.HeldAt.IsZero() {
			h.Errorf("held: %+v", c)
		}
		_, err = h.s.WriteMinutes(ctx, h.ana, c.UID, coordination.MinutesInput{Text: "mine", Version: c.Version - 1})
		h.refused(err, errs.Conflict, "over somebody else's minutes")
		_, err = h.s.AddToMinutes(ctx, h.ana, c.UID, "more")
		h.refused(err, errs.Conflict, "added before they are finished")
		c, err = h.s.WriteMinutes(ctx, h.ana, c.UID, coordination.MinutesInput{People: c.People, Text: "They found the file.", Finish: true})
		h.must(err)
		_, err = h.s.WriteMinutes(ctx, h.ana, c.UID, coordination.MinutesInput{Text: "other words"})
		h.refused(err, errs.Conflict, "over finished minutes")
		c, err = h.s.AddToMinutes(ctx, h.ana, c.UID, "It was a copy.")
		h.must(err)
		c, err = h.s.AddToMinutes(ctx, h.ana, c.UID, "It was a copy.")
		h.must(err)
		if c.Said != "They found the file." || len(c.Added) != 1 || c.Added[0].By != h.ana.Name {
			h.Errorf("minutes: %+v", c)
		}
		c, err = h.s.CallTask(ctx, h.ana, c.UID, "Ask the provider", h.due())
		h.must(err)
		_, err = h.s.CallMeasure(ctx, h.ana, c.UID, coordination.CallMeasure{Party: one.UID, Title: "Do as Klinikum Nord did", DueAt: h.due()})
		h.refused(err, errs.Conflict, "a measure that names another")
		c, err = h.s.CallMeasure(ctx, h.ana, c.UID, coordination.CallMeasure{Party: one.UID, Title: "Delete the copy", Text: "On all hosts.", DueAt: h.due()})
		h.must(err)
		_, err = h.s.CallTask(ctx, h.ana, c.UID, "Ask the provider", h.due())
		h.refused(err, errs.Conflict, "a task twice")
		_, err = h.s.CallMeasure(ctx, h.ana, c.UID, coordination.CallMeasure{Party: one.UID, Title: "Delete the copy", Text: "On all hosts.", DueAt: h.due()})
		h.refused(err, errs.Conflict, "a measure twice")
		if of, err := h.s.CallsOfTasks(ctx, h.ana, v.in.UID); err != nil || of["task"] != c.UID || len(of) != 1 {
			h.Errorf("the calls of tasks: %v, %v", of, err)
		}
		_, err = h.s.CallsOfTasks(ctx, v.rui, v.in.UID)
		h.refused(err, errs.Forbidden, "a party reads which call a task is of")
		if len(tasks) != 1 || len(c.Actions) != 2 || c.Actions[0].Task != "task" || c.Actions[1].State != coordination.Proposed || c.Actions[1].Party.UID != one.UID {
			h.Errorf("agreed: %+v", c.Actions)
		}
		m, err := h.s.MeasureOf(ctx, h.ana, c.Actions[1].Measure)
		if err != nil || m.Title != "Delete the copy" || m.Recommendation != "" || !m.State.Owed() {
			h.Errorf("the measure: %+v, %v", m, err)
		}
		// Called off: who was asked hears it, and may not answer any more.
		off, err := h.s.PlanCall(ctx, h.ana, v.in.UID, h.planned())
		h.must(err)
		off, err = h.s.Invite(ctx, h.ana, off.UID, coordination.InviteInput{Parties: uids(one, two), Together: uids(two, one)})
		h.must(err)
		off, err = h.s.CallOff(ctx, h.ana, off.UID, uids(two), "it asked to speak alone")
		h.must(err)
		if off.State != coordination.CallPlanned || len(off.Live()) != 1 {
			h.Errorf("one was taken out: %+v", off)
		}
		off, err = h.s.CallOff(ctx, h.ana, off.UID, nil, "nothing new")
		h.must(err)
		sent = h.lettersOf(ctx, one)
		if last := sent[len(sent)-1]; !strings.Contains(h.content(ctx, h.ana, one, last), "METHOD:CANCEL") || strings.Contains(last.Body.Text, "nothing new") || off.State != coordination.CallOff {
			h.Errorf("called off: %s", last.Body.Text)
		}
		_, err = h.s.Invite(ctx, h.ana, off.UID, coordination.InviteInput{Parties: uids(town)})
		h.refused(err, errs.Conflict, "to a call that was called off")
		all, err := h.s.Calls(ctx, h.ana, v.in.UID)
		if err != nil || len(all) != 2 {
			h.Errorf("%d calls, %v", len(all), err)
		}
		// Who is withdrawn and comes back is asked anew.
		third, err := h.s.PlanCall(ctx, h.ana, v.in.UID, h.planned())
		h.must(err)
		_, err = h.s.Invite(ctx, h.ana, third.UID, coordination.InviteInput{Parties: uids(town)})
		h.must(err)
		h.must(h.s.Withdraw(ctx, h.ana, town.UID, "not concerned"))
		_, err = h.s.Add(ctx, h.ana, v.in.UID, []string{h.orgUID(ctx, town)}, coordination.Affected, "after all")
		h.must(err)
		if third, err = h.s.Invite(ctx, h.ana, third.UID, coordination.InviteInput{Parties: uids(town)}); err != nil || len(third.Live()) != 1 {
			h.Errorf("asked anew: %+v, %v", third.Invited, err)
		}
		// Two at once: one of them is told to look again, or each finds who the other asked.
		fourth, err := h.s.PlanCall(ctx, h.ana, v.in.UID, h.planned())
		h.must(err)
		var wait sync.WaitGroup
		results := make([]error, 2)
		for i, p := range []coordination.Party{one, two} {
			wait.Go(func() {
				_, results[i] = h.s.Invite(ctx, h.ana, fourth.UID, coordination.InviteInput{Parties: uids(p)})
			})
		}
		wait.Wait()
		if fourth, err = h.s.CallOf(ctx, h.ana, fourth.UID); err != nil || len(fourth.Live()) != 1 || (results[0] == nil) == (results[1] == nil) {
			h.Errorf("two at once brought %d together: %v", len(fourth.Live()), results)
		}
		// A stopped letter: its reader never heard of the call.
		third, err = h.s.PlanCall(ctx, h.ana, v.in.UID, h.planned())
		h.must(err)
		_, err = h.s.Invite(ctx, h.ana, third.UID, coordination.InviteInput{Parties: uids(one)})
		h.must(err)
		sent = h.lettersOf(ctx, one)
		h.must(h.letters.Stop(ctx, h.ana, sent[len(sent)-1].UID))
		if third, err = h.s.CallOf(ctx, h.ana, third.UID); err != nil || len(third.Live()) != 0 {
			h.Errorf("after its letter was stopped: %+v, %v", third.Invited, err)
		}
	})
}

func (h *house) orgUID(ctx context.Context, p coordination.Party) string {
	h.Helper()
	orgs, err := h.country.ByID(ctx, h.DB, p.Organisation)
	h.must(err)
	return orgs[p.Organisation].UID
}

func (h *house) threadUID(ctx context.Context, p coordination.Party) string {
	h.Helper()
	o, err := access.Load(ctx, h.DB, h.ana, ref.Ref{Kind: ref.Thread, ID: p.Thread})
	h.must(err)
	return o.UID
}
