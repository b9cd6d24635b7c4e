package coordination_test

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// contact enters one more contact of an organisation.
func (h *house) contact(ctx context.Context, o constituency.Organisation, role, email string) constituency.Contact {
	h.Helper()
	c, err := h.country.AddContact(ctx, h.ana, o.UID, constituency.NewContact{Name: "The " + role, Role: role, Email: email})
	h.must(err)
	return c
}

func (h *house) tick(ctx context.Context) {
	h.Helper()
	_, err := h.clocks.Tick(ctx, h.s.Handlers())
	h.must(err)
}

// chases are the letters that the ladder wrote to a party, oldest first, and to whom.
func (h *house) chases(ctx context.Context, p coordination.Party) (to []string, all []correspondence.Message) {
	h.Helper()
	list, err := h.letters.Messages(ctx, h.DB, h.ana, p.Thread)
	h.must(err)
	for _, m := range list {
		if m.Kind == correspondence.Letter && m.Direction == correspondence.Out {
			to, all = append(to, m.Body.To), append(all, m)
		}
	}
	return to, all
}

func (h *house) stands(ctx context.Context, p coordination.Party, state coordination.ClimbState, why string, rung int) coordination.Climb {
	h.Helper()
	c, _, err := h.s.ClimbOf(ctx, h.ana, p.UID)
	h.must(err)
	if c.State != state || c.Why != why || c.Rung != rung {
		h.Errorf("%s stands at rung %d, %s %s; want %d, %s %s", p.Name, c.Rung, c.State, c.Why, rung, state, why)
	}
	return c
}

func (h *house) steps(ctx context.Context, p coordination.Party) string {
	h.Helper()
	_, list, err := h.s.ClimbOf(ctx, h.ana, p.UID)
	h.must(err)
	var out []string
	for _, x := range slices.Backward(list) {
		out = append(out, string(x.What)+" "+string(x.To))
	}
	return strings.Join(out, ", ")
}

// A silent party is written to rung by rung; who answers is left alone; what goes outside waits for a person and names nobody.
func TestASilentPartyIsChasedRungByRung(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		in := h.incident(ctx, tlp.Green)
		hospital, mill := h.organisation(ctx, "Hospital Nord", "de", "soc@hospital.example", "192.0.2.16/28"), h.organisation(ctx, "Old Mill", "en", "it@mill.example")
		h.contact(ctx, hospital, "technical", "noc@hospital.example")
		h.contact(ctx, hospital, "management", "ceo@hospital.example")
		carrier := h.organisation(ctx, "Carrier", "fr", "abuse@carrier.example", "192.0.2.0/24")
		parties := h.add(ctx, in, hospital, mill)
		tasks := map[coordination.PartyTask]int{}
		h.s.ForHandler = func(_ context.Context, _ *db.Tx, _ coordination.Party, what coordination.PartyTask) error {
			tasks[what]++
			return nil
		}
		if n, err := h.s.Climb(ctx, h.ana, in.UID, coordination.ClimbInput{Act: coordination.ClimbBegin, Parties: uids(parties...), Ladder: "standard"}); err != nil || n != 0 {
			t.Fatalf("%d began though they owe nothing: %v", n, err)
		}
		h.ask(ctx, in, parties...)
		for i, want := range []int{2, 0} { // pressed twice
			if n, err := h.s.Climb(ctx, h.ana, in.UID, coordination.ClimbInput{Act: coordination.ClimbBegin, Parties: uids(parties...), Ladder: "standard"}); err != nil || n != want {
				t.Fatalf("%d: %d began: %v", i, n, err)
			}
		}
		h.Clock.Advance(73 * time.Hour)
		h.tick(ctx)
		if to, _ := h.chases(ctx, parties[0]); len(to) != 0 {
			t.Fatalf("too early: %v", to)
		}
		h.Clock.Advance(4 * time.Hour)
		var both sync.WaitGroup // two processes look at the same clock
		for range 2 {
			both.Go(func() { _, _ = h.clocks.Tick(ctx, h.s.Handlers()) })
		}
		both.Wait()
		h.tick(ctx)
		to, all := h.chases(ctx, parties[0])
		if len(to) != 1 || to[0] != "noc@hospital.example" || !all[0].Automatic || !strings.Contains(all[0].Body.Text, "technischer Kontakt") || !strings.Contains(all[0].Body.Text, "Since when do you see this?") || !strings.Contains(all[0].Body.Text, "/a/") {
			t.Fatalf("%v %+v: %s", to, all, h.steps(ctx, parties[0]))
		}
		h.stands(ctx, parties[0], coordination.Climbing, "", 1)
		// The mill has no technical contact: its next one is written to at once.
		if to, _ := h.chases(ctx, parties[1]); len(to) != 1 || to[0] != "it@mill.example" || !strings.Contains(h.steps(ctx, parties[1]), "no_contact technical, sent security") {
			t.Fatalf("%v: %s", to, h.steps(ctx, parties[1]))
		}
		_, err := h.s.Answer(ctx, h.person(mill), h.requests(ctx, h.person(mill))[0].UID, "We look at it.", nil)
		h.must(err)
		h.Clock.Advance(24 * time.Hour)
		h.tick(ctx)
		h.Clock.Advance(17 * time.Hour)
		h.tick(ctx)
		if to, _ := h.chases(ctx, parties[0]); strings.Join(to, " ") != "noc@hospital.example soc@hospital.example ceo@hospital.example" {
			t.Fatalf("%v: %s", to, h.steps(ctx, parties[0]))
		}
		h.Clock.Advance(25 * time.Hour)
		h.tick(ctx)
		h.stands(ctx, parties[0], coordination.ClimbAsks, "", 3)
		if tasks[coordination.TaskConfirm] == 0 {
			t.Error("nobody was asked")
		}
		shown, err := h.s.ProposeStep(ctx, h.ana, parties[0].UID, coordination.StepInput{Organisations: []string{carrier.UID}})
		h.must(err)
		if len(shown.Candidates) != 1 || shown.Candidates[0].Networks[0] != "192.0.2.16/28" || len(shown.Letters) != 1 {
			t.Fatalf("%+v", shown)
		}
		letter := shown.Letters[0].Letter
		if !strings.Contains(letter, "192.0.2.16/28") || strings.Contains(letter, "Hospital") || strings.Contains(letter, "Since when") || !strings.Contains(letter, "Faites savoir") || len(shown.Letters[0].Hits) != 0 {
			t.Fatalf("hits %v in\n%s", shown.Letters[0].Hits, letter)
		}
		for what, x := range map[string]struct {
			in   coordination.StepInput
			kind errs.Kind
		}{
			"an old page":    {coordination.StepInput{Rung: 2, Organisations: []string{carrier.UID}}, errs.Conflict},
			"nobody chosen":  {coordination.StepInput{Rung: 3}, errs.Invalid},
			"another":        {coordination.StepInput{Rung: 3, Organisations: []string{mill.UID}}, errs.Invalid},
			"naming a party": {coordination.StepInput{Rung: 3, Organisations: []string{carrier.UID}, Text: "Old Mill has it too."}, errs.Conflict},
		} {
			h.refused(h.s.ConfirmStep(ctx, h.ana, parties[0].UID, x.in), x.kind, what)
		}
		h.refused(h.s.ConfirmStep(ctx, h.person(hospital), parties[0].UID, coordination.StepInput{Rung: 3, Organisations: []string{carrier.UID}}), errs.Forbidden, "a party")
		h.must(h.s.ConfirmStep(ctx, h.ana, parties[0].UID, coordination.StepInput{Rung: 3, Organisations: []string{carrier.UID}}))
		h.refused(h.s.ConfirmStep(ctx, h.ana, parties[0].UID, coordination.StepInput{Rung: 3, Organisations: []string{carrier.UID}}), errs.Conflict, "twice")
		h.Clock.Advance(21 * time.Second)
		if r := h.requests(ctx, h.person(carrier)); len(r) != 1 || strings.Contains(r[0].Text, "Hospital") {
			t.Errorf("the provider reads %+v", r)
		}
		if _, _, err := h.s.ClimbOf(ctx, h.person(carrier), parties[0].UID); !errs.Is(err, errs.Forbidden) {
			t.Errorf("a party reads a ladder: %v", err)
		}
		h.stands(ctx, parties[0], coordination.Climbing, "", 4)
		for _, m := range h.measures(ctx, h.person(hospital)) {
			_, err := h.s.Move(ctx, h.person(hospital), m.UID, coordination.MoveInput{To: coordination.Done, Note: "done"})
			h.must(err)
		}
		_, err = h.s.Answer(ctx, h.person(hospital), h.requests(ctx, h.person(hospital))[0].UID, "here", nil)
		h.must(err)
		h.Clock.Advance(41 * time.Hour)
		h.tick(ctx)
		h.stands(ctx, parties[0], coordination.ClimbEnded, coordination.EndedDone, 4)
		clocks, err := h.clocks.About(ctx, h.DB, parties[0].Ref.ID)
		h.must(err)
		if slices.ContainsFunc(clocks[parties[0].Ref.ID], deadline.Clock.Open) {
			t.Errorf("a clock still runs: %+v", clocks)
		}
		// What a party may read holds no word of it.
		var told int
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM deadline_clock WHERE kind LIKE 'ladder%' AND compartment <> 0`).Scan(&told))
		if told != 0 {
			t.Errorf("%d clocks of the ladder lie in a compartment", told)
		}
	})
}

// A letter that comes back moves to the next contact at once, and its address is written to last from then on.
func TestALetterThatCameBackGoesToTheNextContact(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.letters.Follow = h.s
		in := h.incident(ctx, tlp.Green)
		o := h.organisation(ctx, "Water", "en", "soc@water.example")
		tech := h.contact(ctx, o, "technical", "noc@water.example")
		h.contact(ctx, o, "management", "boss@water.example")
		p := h.add(ctx, in, o)[0]
		h.ask(ctx, in, p)
		_, err := h.s.Climb(ctx, h.ana, in.UID, coordination.ClimbInput{Act: coordination.ClimbBegin, Parties: uids(p), Ladder: "standard"})
		h.must(err)
		back := func() {
			t.Helper()
			h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := h.letters.BounceTx(ctx, tx, access.System("sender"), p.Thread, "")
				return err
			}))
			h.tick(ctx)
		}
		back() // the first letter, to soc@
		to, all := h.chases(ctx, p)
		if strings.Join(to, " ") != "noc@water.example" {
			t.Fatalf("%v: %s", to, h.steps(ctx, p))
		}
		h.leave(ctx, all...)
		back()
		if to, _ := h.chases(ctx, p); strings.Join(to, " ") != "noc@water.example boss@water.example" { // the contact for security failed before
			t.Fatalf("%v: %s", to, h.steps(ctx, p))
		}
		c, err := h.country.ContactByEmail(ctx, h.DB, "NOC@water.example")
		h.must(err)
		if c.FailedAt.IsZero() || c.FailedHow != "bounced" {
			t.Errorf("%+v", c)
		}
		if c, err = h.country.VerifyContact(ctx, h.ana, tech.UID, "called"); err != nil || !c.FailedAt.IsZero() {
			t.Errorf("%+v %v", c, err)
		}
	})
}

// Ladders are versioned rules with a fresh proof; a person pauses, moves on and ends them for many at once; a severity has one; a label bars who is outside.
func TestLaddersAreRulesAndPeopleDecide(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		lead := h.Person(7, "Lea", access.Lead)
		lead.ProvedAt = h.Clock.Now()
		l := coordination.Ladder{Code: "quick", Name: "Quick", Severities: []string{"high"}, Rungs: []coordination.Rung{
			{To: coordination.ToSecurity, Hours: 1, Stop: coordination.StopSeen, Words: coordination.Wording{"en": "Dear {name}, this is late."}},
			{To: coordination.ToProvider, Hours: 2, Stop: coordination.StopDone},
		}}
		for what, x := range map[string]func(*coordination.Ladder){
			"no rung": func(l *coordination.Ladder) { l.Rungs = nil },
			"a hole":  func(l *coordination.Ladder) { l.Rungs[0].Words["en"] = "{password}" },
			"no stop": func(l *coordination.Ladder) { l.Rungs[1].Stop = "" },
			"a code":  func(l *coordination.Ladder) { l.Code = "../x" },
			"a line":  func(l *coordination.Ladder) { l.Name = "a\nb" },
			"nobody": func(l *coordination.Ladder) {
				l.Rungs[1].To, l.Rungs[1].Organisation = coordination.ToAuthority, "absent"
			},
		} {
			bad := l
			bad.Rungs = slices.Clone(l.Rungs)
			bad.Rungs[0].Words = coordination.Wording{"en": "x"}
			x(&bad)
			_, err := h.s.SaveLadder(ctx, lead, bad, 0)
			h.refused(err, errs.Invalid, what)
		}
		_, err := h.s.SaveLadder(ctx, h.ana, l, 0)
		h.refused(err, errs.Forbidden, "an analyst changes rules")
		stale := lead
		stale.ProvedAt = time.Time{}
		if _, err = h.s.SaveLadder(ctx, stale, l, 0); err == nil {
			t.Error("changed without a fresh proof")
		}
		saved, err := h.s.SaveLadder(ctx, lead, l, 0)
		h.must(err)
		if !saved.Rungs[1].Confirm {
			t.Error("a rung outside needs no person")
		}
		_, err = h.s.SaveLadder(ctx, lead, l, 0)
		h.refused(err, errs.Conflict, "the code is taken")

		in := h.incident(ctx, tlp.AmberStrict)
		a, b := h.organisation(ctx, "A Hof", "en", "a@hof.example"), h.organisation(ctx, "B Hof", "en", "b@hof.example")
		parties := h.add(ctx, in, a, b)
		h.s.Severity = func(context.Context, db.Handle, ref.Ref) (string, error) { return "high", nil }
		h.ask(ctx, in, parties...) // it begins by itself
		h.stands(ctx, parties[0], coordination.Climbing, "", 0)
		l.Rungs = l.Rungs[:1] // who climbs goes on by the version with which it began
		var two sync.WaitGroup
		wrong := make([]error, 2)
		for i := range wrong {
			two.Go(func() { _, wrong[i] = h.s.SaveLadder(ctx, lead, l, 1) })
		}
		two.Wait()
		if (wrong[0] == nil) == (wrong[1] == nil) || !errs.Is(cmp.Or(wrong...), errs.Conflict) {
			t.Errorf("two saved the same version at once: %v", wrong)
		}
		act := func(act coordination.ClimbAct, reason string, want int, of ...coordination.Party) {
			t.Helper()
			if n, err := h.s.Climb(ctx, h.ana, in.UID, coordination.ClimbInput{Act: act, Parties: uids(of...), Reason: reason}); err != nil || n != want {
				t.Errorf("%s: %d, %v", act, n, err)
			}
		}
		_, err = h.s.Climb(ctx, h.ana, in.UID, coordination.ClimbInput{Act: coordination.ClimbPause, Parties: uids(parties...)})
		h.refused(err, errs.Invalid, "paused without a reason")
		_, err = h.s.Climb(ctx, h.ana, in.UID, coordination.ClimbInput{Act: coordination.ClimbPause, Parties: append(uids(parties...), "other"), Reason: "x"})
		h.refused(err, errs.NotFound, "a party of another incident")
		act(coordination.ClimbPause, "they called", 2, parties...)
		act(coordination.ClimbPause, "they called", 0, parties...)
		h.Clock.Advance(100 * time.Hour)
		h.tick(ctx)
		if to, _ := h.chases(ctx, parties[0]); len(to) != 0 {
			t.Errorf("paused, and written to: %v", to)
		}
		act(coordination.ClimbResume, "", 1, parties[0])
		act(coordination.ClimbStop, "no need", 1, parties[1])
		h.Clock.Advance(80 * time.Hour)
		h.tick(ctx)
		// It says something of the case: without a key its label takes the usual road, as if a person had written it.
		if _, all := h.chases(ctx, parties[0]); len(all) == 1 && all[0].Road == egress.Signed {
			t.Errorf("%s left in clear", all[0].TLP)
		}
		if to, all := h.chases(ctx, parties[0]); len(to) != 1 || !strings.Contains(all[0].Body.Text, "Dear A Hof, this is late.") {
			t.Errorf("%v: %s", to, h.steps(ctx, parties[0]))
		}
		h.Clock.Advance(3 * time.Hour)
		h.tick(ctx)
		h.stands(ctx, parties[0], coordination.ClimbAsks, "", 1)
		shown, err := h.s.ProposeStep(ctx, h.ana, parties[0].UID, coordination.StepInput{})
		if err != nil || !shown.Barred {
			t.Errorf("the label does not bar: %+v %v", shown, err)
		}
		h.refused(h.s.ConfirmStep(ctx, h.ana, parties[0].UID, coordination.StepInput{Rung: 1, Organisations: []string{b.UID}}), errs.Conflict, "past the label")
		act(coordination.ClimbSkip, "the label", 1, parties[0])
		h.stands(ctx, parties[0], coordination.ClimbEnded, coordination.EndedTop, 2)
		h.stands(ctx, parties[1], coordination.ClimbEnded, coordination.EndedPerson, 0)
		h.must(h.s.ChooseLadder(ctx, h.ana, in.UID, coordination.NoLadder))
		h.ask(ctx, in, parties[1])
		h.stands(ctx, parties[1], coordination.ClimbEnded, coordination.EndedPerson, 0)
		h.must(h.s.ChooseLadder(ctx, h.ana, in.UID, "quick"))
		h.ask(ctx, in, parties[1])
		h.stands(ctx, parties[1], coordination.Climbing, "", 0)
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return h.s.SubjectMovedTx(ctx, tx, in.Ref, true) }))
		h.stands(ctx, parties[1], coordination.ClimbEnded, coordination.EndedClosed, 0)
	})
}
