package coordination_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// two is an incident with two parties that were asked.
type two struct {
	in            access.Object
	aguas, klinik constituency.Organisation
	parties       []coordination.Party
	rui, uwe      access.Actor
}

func (h *house) two(ctx context.Context) two {
	h.Helper()
	v := two{aguas: h.organisation(ctx, "Águas do Vale", "pt", "soc@aguasdovale.example"), klinik: h.organisation(ctx, "Klinikum Nord", "de", "cert@klinikum.example")}
	v.in = h.incident(ctx, tlp.Green)
	v.parties = h.add(ctx, v.in, v.aguas, v.klinik)
	v.rui, v.uwe = h.person(v.aguas), h.person(v.klinik)
	h.ask(ctx, v.in, v.parties...)
	return v
}

func TestAPartyAnswers(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		v := h.two(ctx)
		r := h.requests(ctx, v.rui)[0]
		for who, by := range map[string]access.Actor{"the other party": v.uwe, "another reporter's link": {Origin: access.ByLink, Strength: access.Link, Compartments: []int64{99999}}} {
			_, err := h.s.Answer(ctx, by, r.UID, "not mine", nil)
			h.refused(err, errs.NotFound, who)
		}
		_, err := h.s.Answer(ctx, h.Person(2, "Olga", access.Auditor), r.UID, "x", nil)
		h.refused(err, errs.Forbidden, "an auditor answers")
		_, err = h.s.Answer(ctx, v.rui, r.UID, " ", nil)
		h.refused(err, errs.Invalid, "an empty answer")

		h.Clock.Advance(time.Hour)
		got, err := h.s.Answer(ctx, v.rui, r.UID, "Since Tuesday.", []correspondence.FileIn{{Name: "log.txt", Type: "text/plain", Content: strings.NewReader("line")}})
		h.must(err)
		if got.State != coordination.Replied || !got.AnsweredAt.Equal(h.Clock.Now()) || len(got.Answers) != 1 || got.Answers[0].Body.Text != "Since Tuesday." || len(got.Answers[0].Body.Files) != 1 {
			h.Fatalf("%+v", got)
		}
		strip, err := h.clocks.Under(ctx, h.DB, v.in.Ref.ID)
		h.must(err)
		met := 0
		for _, c := range strip[v.in.Ref.ID] {
			if !c.MetAt.IsZero() {
				met++
			}
		}
		if met != 1 || h.open(ctx, v.in) != 5 {
			h.Fatalf("%d clocks met, %d open", met, h.open(ctx, v.in))
		}

		// It may answer again; one of us writes down a call; we take the answer.
		first := got.AnsweredAt
		h.Clock.Advance(time.Hour)
		got, err = h.s.Answer(ctx, h.ana, r.UID, "On the phone: Monday.", nil)
		h.must(err)
		if len(got.Answers) != 2 || got.Answers[1].Channel != correspondence.ByPhone || got.Answers[1].Proof != correspondence.ByHand || !got.AnsweredAt.Equal(first) {
			h.Fatalf("%+v", got)
		}
		_, err = h.s.Accept(ctx, v.rui, r.UID)
		h.refused(err, errs.Forbidden, "a party accepts its answer")
		got, err = h.s.Accept(ctx, h.ana, r.UID)
		h.must(err)
		if got.State != coordination.Accepted {
			h.Fatal(got.State)
		}
		other := h.requests(ctx, v.uwe)[0]
		_, err = h.s.Accept(ctx, h.ana, other.UID)
		h.refused(err, errs.Conflict, "accept without an answer")
		_, err = h.s.WithdrawRequest(ctx, h.ana, other.UID, "")
		h.refused(err, errs.Invalid, "withdraw without reason")
		_, err = h.s.WithdrawRequest(ctx, h.ana, other.UID, "known by now")
		h.must(err)
		_, err = h.s.Answer(ctx, v.uwe, other.UID, "late", nil)
		h.refused(err, errs.Conflict, "answer what was withdrawn")
	})
}

// Rule M6: the tag says where, the sender says how far.
func TestAMailAnswerCountsAsFarAsItIsProved(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.letters.Follow = h.s
		v := h.two(ctx)
		mail := func(text string, proof correspondence.Proof, state correspondence.State) correspondence.Message {
			var m correspondence.Message
			h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				p, err := h.s.PartyOfThread(ctx, tx, v.parties[0].Thread)
				if err != nil {
					return err
				}
				m, err = h.s.AnswerTx(ctx, tx, access.System("intake"), p, correspondence.Incoming{
					Channel: correspondence.ByMail, State: state, At: h.Clock.Now(), TLP: tlp.Green, Proof: proof, Body: correspondence.Body{Text: text},
				})
				return err
			}))
			return m
		}
		forged := mail("all is well", correspondence.Forged, correspondence.Filed)
		r := h.requests(ctx, v.rui)[0]
		seen, err := h.letters.Messages(ctx, h.DB, v.rui, v.parties[0].Thread)
		h.must(err)
		if forged.State != correspondence.Unverified || r.State != coordination.Asked || slices.ContainsFunc(seen, func(m correspondence.Message) bool { return m.Direction == correspondence.In }) {
			h.Fatalf("a forged mail: %s, request %s", forged.State, r.State)
		}
		proved := mail("since Tuesday", correspondence.Aligned, correspondence.Filed)
		if r = h.requests(ctx, v.rui)[0]; r.State != coordination.Replied || proved.Refers != r.Ref.ID {
			h.Fatalf("request %s, message refers to %d", r.State, proved.Refers)
		}
		if more := mail("and one thing more", correspondence.SignedByKey, correspondence.Filed); more.Refers != 0 {
			h.Fatal("a second mail answered something closed")
		}

		// What a person releases counts from then on.
		h.ask(ctx, v.in, v.parties[0])
		late := mail("from my own address", correspondence.Claimed, correspondence.Filed)
		h.must(h.letters.Release(ctx, h.ana, late.UID))
		for _, r := range h.requests(ctx, v.rui) {
			if r.State != coordination.Replied {
				h.Fatalf("after release %+v", r)
			}
		}
	})
}

func TestEveryMoveOfAMeasure(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		v := h.two(ctx)
		states := []coordination.MeasureState{
			coordination.Proposed, coordination.Acknowledged, coordination.Planned, coordination.Done, coordination.Verified, coordination.Declined, coordination.Expired, coordination.Recalled,
		}
		whole := coordination.MoveInput{Note: "because", PlannedFor: h.Clock.Now().Add(24 * time.Hour)}
		// the ways by which staff brings a fresh measure to each state
		ways := map[coordination.MeasureState][]coordination.MeasureState{
			coordination.Proposed: {}, coordination.Acknowledged: {coordination.Acknowledged}, coordination.Planned: {coordination.Planned}, coordination.Done: {coordination.Done},
			coordination.Verified: {coordination.Done, coordination.Verified}, coordination.Declined: {coordination.Declined}, coordination.Expired: {coordination.Expired}, coordination.Recalled: {coordination.Recalled},
		}
		fresh := func(to coordination.MeasureState) coordination.Measure {
			before := map[string]bool{}
			for _, m := range h.measures(ctx, v.rui) {
				before[m.UID] = true
			}
			sent, err := h.s.Send(ctx, h.ana, v.in.UID, coordination.Give{Parties: uids(v.parties[0]), Recommendations: []string{"reset"}, DueAt: h.due()})
			h.must(err)
			h.leave(ctx, sent...)
			page, err := h.s.Measures(ctx, v.rui, coordination.RequestFilter{Limit: 500})
			h.must(err)
			i := slices.IndexFunc(page.Items, func(m coordination.Measure) bool {
				return !before[m.UID] && m.State == coordination.Proposed && m.Recommendation == "reset" && m.Message == 0
			})
			m := page.Items[i]
			before[m.UID] = true
			for _, step := range ways[to] {
				in := whole
				in.To = step
				m, err = h.s.Move(ctx, h.ana, m.UID, in)
				h.must(err)
			}
			return m
		}
		for _, from := range states {
			for _, to := range states {
				m := fresh(from)
				in := whole
				in.To = to
				got, err := h.s.Move(ctx, h.ana, m.UID, in)
				if !slices.Contains(coordination.MeasureMoves[from], to) {
					h.refused(err, errs.Conflict, string(from)+" to "+string(to))
					continue
				}
				h.must(err)
				last := got.Moves[len(got.Moves)-1]
				if got.State != to || last.From != from || last.To != to || last.By != "Ana Silva" || !last.Ours {
					h.Errorf("%s to %s: %+v", from, to, got)
				}
			}
		}

		// What needs a reason, evidence or a date; and who may not.
		link := access.Actor{Origin: access.ByLink, Strength: access.Link, Compartments: []int64{v.aguas.Ref.ID}}
		m := fresh(coordination.Proposed)
		for _, in := range []coordination.MoveInput{{To: coordination.Done}, {To: coordination.Declined}, {To: coordination.Planned}, {To: coordination.Planned, PlannedFor: h.Clock.Now()}} {
			_, err := h.s.Move(ctx, v.rui, m.UID, in)
			h.refused(err, errs.Invalid, string(in.To)+" without what it needs")
		}
		for _, to := range []coordination.MeasureState{coordination.Recalled, coordination.Expired} {
			_, err := h.s.Move(ctx, v.rui, m.UID, coordination.MoveInput{To: to, Note: "x"})
			h.refused(err, errs.Forbidden, "the party: "+string(to))
		}
		_, err := h.s.Move(ctx, v.uwe, m.UID, coordination.MoveInput{To: coordination.Acknowledged})
		h.refused(err, errs.NotFound, "the other party moves it")
		_, err = h.s.Move(ctx, h.Person(3, "Olga", access.Auditor), m.UID, coordination.MoveInput{To: coordination.Acknowledged})
		h.refused(err, errs.Forbidden, "an auditor moves it")
		m, err = h.s.Move(ctx, link, m.UID, coordination.MoveInput{To: coordination.Acknowledged})
		h.must(err)
		_, err = h.s.Move(ctx, v.rui, m.UID, coordination.MoveInput{To: coordination.Done, Note: "x", Version: m.Version - 1})
		h.refused(err, errs.Conflict, "an old version")
		m, err = h.s.Move(ctx, v.rui, m.UID, coordination.MoveInput{
			To: coordination.Done, Note: "changed on Monday", Version: m.Version,
			Files: []correspondence.FileIn{{Name: "proof.png", Type: "image/png", Content: strings.NewReader("png")}},
		})
		h.must(err)
		for who, by := range map[string]access.Actor{"party": v.rui, "link": link} {
			for _, to := range []coordination.MeasureState{coordination.Verified, coordination.Planned} {
				_, err = h.s.Move(ctx, by, m.UID, coordination.MoveInput{To: to, Note: "x", PlannedFor: h.due()})
				h.refused(err, errs.Forbidden, who+" moves done to "+string(to))
			}
		}
		_, err = h.s.Move(ctx, h.ana, m.UID, coordination.MoveInput{To: coordination.Planned})
		h.refused(err, errs.Invalid, "our check failed without a reason")
		m, err = h.s.Move(ctx, h.ana, m.UID, coordination.MoveInput{To: coordination.Planned, Note: "two accounts are left"})
		h.must(err)
		if mine, err := h.s.MeasureOf(ctx, v.rui, m.UID); err != nil || mine.Reason != "two accounts are left" || mine.Moves[2].By != "" || mine.Moves[1].By != v.rui.Name {
			h.Fatalf("the party reads %+v: %v", mine, err)
		}
	})
}

func TestStoppedLettersAskedNothing(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.letters.Follow = h.s
		aguas := h.organisation(ctx, "Águas do Vale", "pt", "soc@aguasdovale.example")
		in := h.incident(ctx, tlp.Green)
		p := h.add(ctx, in, aguas)
		sent, err := h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: uids(p...), Recommendations: []string{"reset"}, Request: "Stopped in time?", DueAt: h.due()})
		h.must(err)
		h.must(h.letters.Stop(ctx, h.ana, sent[0].UID))
		h.leave(ctx, sent...)
		rui := h.person(aguas)
		found, err := h.words.Find(ctx, h.DB, rui, ref.Request, "stopped", 0, 10)
		h.must(err)
		if len(h.requests(ctx, rui))+len(h.measures(ctx, rui))+len(found) != 0 || h.open(ctx, in) != 0 {
			h.Fatalf("the party reads what was stopped, %d are open", h.open(ctx, in))
		}
		if r, m := h.requests(ctx, h.ana)[0], h.measures(ctx, h.ana)[0]; r.State != coordination.Withdrawn || m.State != coordination.Recalled {
			h.Fatalf("request %s, measure %s", r.State, m.State)
		}
		strip, err := h.clocks.Under(ctx, h.DB, in.Ref.ID)
		h.must(err)
		for _, c := range strip[in.Ref.ID] {
			if c.Open() {
				h.Errorf("the clock %s runs on", c.Kind)
			}
		}
	})
}

func TestSilenceIsRemindedOnceAndEscalated(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		v := h.two(ctx)
		r := h.requests(ctx, v.uwe)[0]
		_, err := h.s.Answer(ctx, v.uwe, r.UID, "here", nil)
		h.must(err)
		for _, m := range h.measures(ctx, v.uwe) {
			_, err := h.s.Move(ctx, v.uwe, m.UID, coordination.MoveInput{To: coordination.Done, Note: "done"})
			h.must(err)
		}
		late := 0
		h.s.Late = func(_ context.Context, _ *db.Tx, c deadline.Clock) error {
			if c.Under != v.in.Ref {
				h.Errorf("late under %s", c.Under)
			}
			late++
			return nil
		}
		tick := func() []correspondence.Message {
			_, err := h.clocks.Tick(ctx, h.s.Handlers())
			h.must(err)
			all, err := h.letters.Messages(ctx, h.DB, h.ana, v.parties[0].Thread, v.parties[1].Thread)
			h.must(err)
			return slices.DeleteFunc(all, func(m correspondence.Message) bool { return m.Kind != correspondence.Reminder })
		}
		if n := len(tick()); n != 0 {
			h.Fatalf("%d reminders too early", n)
		}
		h.Clock.Advance(55 * time.Hour)
		got := tick()
		if len(got) != 1 || got[0].Thread != v.parties[0].Thread || !got[0].Automatic {
			h.Fatalf("reminders %+v", got)
		}
		h.Clock.Advance(20 * time.Hour)
		tick()
		if n := len(tick()); n != 1 {
			h.Fatalf("%d reminders", n)
		}
		var n int
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM audit_entry WHERE verb = 'coordination.escalate' AND about = $1 AND compartment = 0`, v.in.Ref.ID).Scan(&n))
		if n != 3 || late != 3 {
			h.Fatalf("%d prompts for our people and %d told, want one for each of three", n, late)
		}
		rows, err := h.s.Matrix(ctx, h.ana, v.in.UID)
		h.must(err)
		if rows[0].SilentSince.IsZero() || !rows[1].SilentSince.IsZero() || rows[1].DoneAt.IsZero() || rows[1].AnsweredAt.IsZero() {
			h.Fatalf("matrix %+v", rows)
		}
	})
}

func TestTheReporterIsToldTheEnd(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		v := h.two(ctx)
		end := func(by access.Actor) error {
			return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				return h.s.ConcludeTx(ctx, tx, by, coordination.Concluding{Thread: v.parties[0].Thread, TLP: tlp.Green, Outcome: "resolved"})
			})
		}
		h.refused(end(v.rui), errs.Forbidden, "a party concludes")
		h.must(end(h.ana))
		all, err := h.letters.Messages(ctx, h.DB, h.ana, v.parties[0].Thread)
		h.must(err)
		last := all[len(all)-1]
		if last.Kind != correspondence.Closing || last.State != correspondence.Held || !strings.Contains(last.Body.Text, "o incidente está resolvido") {
			h.Fatalf("%+v", last)
		}
	})
}

// Rule A12: what is sealed takes its parties along.
func TestASealedSubjectHidesItsParties(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		v := h.two(ctx)
		_, err := h.DB.Exec(ctx, `UPDATE object SET sealed = TRUE WHERE id = $1`, v.in.Ref.ID)
		h.must(err)
		if len(h.requests(ctx, h.ana))+len(h.measures(ctx, h.ana)) != 0 {
			h.Error("the lists show parties of a sealed incident")
		}
		_, err = h.s.PartyOf(ctx, h.DB, h.ana, v.parties[0].UID)
		h.refused(err, errs.NotFound, "a party of a sealed incident")
		_, err = h.s.Matrix(ctx, h.ana, v.in.UID)
		h.refused(err, errs.NotFound, "the matrix of a sealed incident")
		if len(h.requests(ctx, v.rui)) != 1 {
			h.Error("the party lost its own request")
		}
	})
}
