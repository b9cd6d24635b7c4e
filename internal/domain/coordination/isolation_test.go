package coordination_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const stepsOfARun = 50

// TestMain sets how many runs rapid makes: six of fifty steps, sixty with TOCSIN_LONG=1, one with -short (of which rapid makes a fifth).
func TestMain(m *testing.M) {
	flag.Parse()
	runs := "6"
	switch {
	case os.Getenv("TOCSIN_LONG") == "1":
		runs = "60"
	case testing.Short():
		runs = "5"
	}
	if err := flag.Set("rapid.checks", runs); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// member is one organisation with its person, and a word that is its own.
type member struct {
	org     constituency.Organisation
	by      access.Actor
	canary  string
	parties []coordination.Party
}

// world is a few incidents that share members. Words that begin with "secret" are for the team alone.
type world struct {
	h         *house
	ctx       context.Context
	incidents []access.Object
	members   []*member
	serial    int
}

func (h *house) world(ctx context.Context, run int) *world {
	w := &world{h: h, ctx: ctx}
	for i := range 4 {
		canary := fmt.Sprintf("canary%dx%d", run, i)
		o := h.organisation(ctx, "House of "+canary, []string{"en", "pt", "fr", "nl"}[i], fmt.Sprintf("soc@%s.example", canary), canary+".example")
		w.members = append(w.members, &member{org: o, by: h.person(o), canary: canary})
	}
	for range 2 {
		in := h.incident(ctx, tlp.Green)
		w.incidents = append(w.incidents, in)
		for _, m := range w.members {
			p, err := h.s.Add(ctx, h.ana, in.UID, []string{m.org.UID}, coordination.Affected, "secret reason for "+m.canary)
			h.must(err)
			m.parties = append(m.parties, p[0])
		}
	}
	return w
}

// answers is everything that a member can read, by every reader, as one text.
func (w *world) answers(m *member) string {
	h, ctx := w.h, w.ctx
	out := map[string]any{}
	for _, open := range []bool{false, true} {
		f := coordination.RequestFilter{Open: open, Limit: 3}
		r, err := h.s.Requests(ctx, m.by, f)
		h.must(err)
		g, err := h.s.Measures(ctx, m.by, f)
		h.must(err)
		p, err := h.s.Parties(ctx, m.by, f)
		h.must(err)
		out[fmt.Sprint("lists ", open)] = []any{r, g, p}
		for _, x := range r.Items {
			if out["request "+x.UID] != nil {
				continue
			}
			one, err := h.s.RequestOf(ctx, m.by, x.UID)
			h.must(err)
			out["request "+x.UID] = one
		}
		for _, x := range g.Items {
			one, err := h.s.MeasureOf(ctx, m.by, x.UID)
			h.must(err)
			out["measure "+x.UID] = one
		}
	}
	for _, p := range m.parties {
		one, err := h.s.PartyOf(ctx, h.DB, m.by, p.UID)
		h.must(err)
		thread, err := access.Load(ctx, h.DB, m.by, ref.Ref{Kind: ref.Thread, ID: p.Thread})
		h.must(err)
		out["party "+p.UID] = []any{one, thread}
	}
	var threads []int64
	for _, other := range w.members {
		for _, p := range other.parties {
			threads = append(threads, p.Thread)
		}
		for _, kind := range []ref.Kind{ref.Request, ref.Measure} {
			found, err := h.words.Find(ctx, h.DB, m.by, kind, other.canary, 0, 50)
			h.must(err)
			out[fmt.Sprint("find ", kind, other.canary)] = found
		}
	}
	for _, kind := range []ref.Kind{ref.Party, ref.Measure, ref.Incident} {
		found, err := h.words.Find(ctx, h.DB, m.by, kind, "passwords", 0, 50)
		h.must(err)
		out[fmt.Sprint("find ", kind)] = found
	}
	all, err := h.letters.Messages(ctx, h.DB, m.by, threads...)
	h.must(err)
	out["all messages"] = all
	for _, in := range w.incidents {
		rows, err := h.s.Matrix(ctx, m.by, in.UID)
		out["matrix "+in.UID] = []any{rows, fmt.Sprint(err)}
	}
	b, err := json.Marshal(out)
	h.must(err)
	return string(b)
}

// act does one thing that concerns one member, and says what it was.
func (w *world) act(t *rapid.T, m *member) string {
	h, ctx := w.h, w.ctx
	w.serial++
	i := rapid.IntRange(0, len(w.incidents)-1).Draw(t, "incident")
	in, p := w.incidents[i], m.parties[i]
	note := fmt.Sprintf("%s says %d", m.canary, w.serial)
	who := m.by
	if rapid.Bool().Draw(t, "we record it") {
		who = h.ana
	}
	pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "which") }
	// What is refused because of where things stand changes nothing, and that too must not be seen.
	done := func(what string, err error) string {
		if err != nil && !errs.Is(err, errs.Conflict) && !errs.Is(err, errs.NotFound) && !errs.Is(err, errs.Forbidden) && !errs.Is(err, errs.Invalid) {
			t.Fatalf("%s: %v", what, err)
		}
		return what
	}
	staffList := func() ([]coordination.Request, []coordination.Measure) {
		r, err := h.s.Requests(ctx, h.ana, coordination.RequestFilter{Party: p.Ref.ID, Limit: 100})
		h.must(err)
		g, err := h.s.Measures(ctx, h.ana, coordination.RequestFilter{Party: p.Ref.ID, Limit: 100})
		h.must(err)
		return r.Items, g.Items
	}
	requests, measures := staffList()
	switch rapid.IntRange(0, 10).Draw(t, "act") {
	case 0, 1:
		sent, err := h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: []string{p.UID}, Request: "question to " + note, Recommendations: []string{"reset"}, DueAt: h.due()})
		if err == nil && rapid.IntRange(0, 3).Draw(t, "stopped") == 0 {
			h.must(h.letters.Stop(ctx, h.ana, sent[0].UID))
		}
		h.leave(ctx, sent...)
		return done("send", err)
	case 2:
		if len(requests) > 0 {
			_, err := h.s.Answer(ctx, who, requests[pick(len(requests))].UID, note, nil)
			return done("answer", err)
		}
	case 3, 4:
		if len(measures) > 0 {
			to := []coordination.MeasureState{coordination.Acknowledged, coordination.Planned, coordination.Done, coordination.Verified, coordination.Declined, coordination.Recalled}
			_, err := h.s.Move(ctx, who, measures[pick(len(measures))].UID, coordination.MoveInput{To: to[pick(len(to))], Note: note, PlannedFor: h.due()})
			return done("move", err)
		}
	case 5:
		proof := []correspondence.Proof{correspondence.Claimed, correspondence.Aligned}[pick(2)]
		return done("mail", h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := h.s.AnswerTx(ctx, tx, access.System("intake"), p, correspondence.Incoming{
				Channel: correspondence.ByMail, State: correspondence.Filed, At: h.Clock.Now(), TLP: tlp.Green, Proof: proof, Body: correspondence.Body{Text: note},
			})
			return err
		}))
	case 6:
		if err := h.s.Withdraw(ctx, h.ana, p.UID, "secret reason "+note); err != nil {
			return done("withdraw", err)
		}
		if rapid.Bool().Draw(t, "back") {
			_, err := h.s.Add(ctx, h.ana, in.UID, []string{m.org.UID}, coordination.Source, "secret return of "+note)
			return done("add again", err)
		}
		return "withdraw"
	case 7:
		if len(requests) > 0 {
			_, err := h.s.WithdrawRequest(ctx, h.ana, requests[pick(len(requests))].UID, note)
			return done("withdraw request", err)
		}
	case 8:
		out := correspondence.Outgoing{Subject: "about " + note, Text: note}
		message, err := h.s.Write(ctx, h.ana, p.UID, out, false)
		h.leave(ctx, message)
		return done("write", err)
	case 10:
		return done("call", w.call(t, in, p, note))
	case 9:
		return done("look", h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return h.s.SeenTx(ctx, tx, m.by, p.Ref.ID) }))
	}
	return "nothing"
}

// call plans a call that one member is asked to alone, or that nobody is; another member in it stays the team's until a person confirms who meets whom.
func (w *world) call(t *rapid.T, in access.Object, p coordination.Party, note string) error {
	h, ctx := w.h, w.ctx
	c, err := h.s.PlanCall(ctx, h.ana, in.UID, coordination.NewCall{Title: "about " + note, How: "by telephone", StartsAt: h.Clock.Now().Add(24 * time.Hour), Minutes: 30})
	if err != nil || rapid.Bool().Draw(t, "nobody is asked") {
		return err
	}
	for _, other := range w.members { // unconfirmed, nothing reaches anybody
		for _, q := range other.parties {
			if q.Subject.ID == in.Ref.ID && q.UID != p.UID {
				_, err := h.s.Invite(ctx, h.ana, c.UID, coordination.InviteInput{Parties: []string{p.UID, q.UID}, Looked: true})
				if err == nil {
					t.Fatal("two were brought together without a confirmation")
				}
			}
		}
	}
	if c, err = h.s.Invite(ctx, h.ana, c.UID, coordination.InviteInput{Parties: []string{p.UID}, Looked: true}); err != nil {
		return err
	}
	h.leave(ctx, h.lettersOf(ctx, p)...)
	if rapid.Bool().Draw(t, "held") {
		_, err = h.s.WriteMinutes(ctx, h.ana, c.UID, coordination.MinutesInput{Text: "secret minutes of " + note, People: []coordination.Present{{Party: p.UID, Name: "secret guest"}}, Finish: true})
	}
	return err
}

// TestAPartyReadsItselfOnly holds A6 and the isolation of parties: whatever happens to others, by whatever verb, leaves everything that a party
// can read byte-identical, and it never holds another's words nor the team's.
func TestAPartyReadsItselfOnly(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, house *coretest.House) {
		h := open(t, house)
		h.letters.Follow = h.s
		run, steps := 0, 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			w := h.world(context.Background(), run)
			before := map[string]string{}
			for _, m := range w.members {
				before[m.canary] = w.answers(m)
			}
			acts := map[string]int{}
			for range stepsOfARun {
				actor := w.members[rapid.IntRange(0, len(w.members)-1).Draw(rt, "member")]
				what := w.act(rt, actor)
				acts[what]++
				for _, m := range w.members {
					now := w.answers(m)
					if m != actor && now != before[m.canary] {
						rt.Fatalf("%s at %s changed what %s reads:\n%s\n%s", what, actor.canary, m.canary, before[m.canary], now)
					}
					before[m.canary] = now
					read := now
					for _, key := range []string{"find request", "find measure"} {
						for _, other := range w.members { // our own questions
							read = strings.ReplaceAll(read, `"`+key+other.canary+`":[`, "")
							read = strings.ReplaceAll(read, `"`+key+other.canary+`":null`, "")
						}
					}
					if strings.Contains(read, "secret") || strings.Contains(read, h.ana.Name) {
						rt.Fatalf("after %s %s reads what is the team's:\n%s", what, m.canary, now)
					}
					if i := slices.IndexFunc(w.members, func(other *member) bool { return other != m && strings.Contains(read, other.canary) }); i >= 0 {
						rt.Fatalf("after %s %s reads of %s:\n%s", what, m.canary, w.members[i].canary, now)
					}
				}
			}
			for _, m := range w.members {
				for _, other := range w.members {
					for _, p := range other.parties {
						if _, err := h.s.PartyOf(w.ctx, h.DB, m.by, p.UID); other != m && !errs.Is(err, errs.NotFound) {
							rt.Fatalf("%s finds the party of %s: %v", m.canary, other.canary, err)
						}
					}
				}
			}
			steps += stepsOfARun
			if acts["send"] == 0 || acts["answer"]+acts["move"]+acts["mail"] == 0 {
				rt.Logf("a poor run: %v", acts)
			}
		})
		if steps == 0 {
			t.Fatal("not one step was made")
		}
	})
}
