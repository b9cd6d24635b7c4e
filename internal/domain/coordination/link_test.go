package coordination_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// A letter in clear mail is answered by its link: what is said counts, is marked, and shows nothing that was said before. The link ends with what it asks.
func TestALetterIsAnsweredByItsLink(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		closed := false
		h.s.Rests = func(context.Context, *db.Tx, ref.Ref) (bool, error) { return closed, nil }
		var tasks []string
		h.s.Task = func(_ context.Context, _ *db.Tx, p coordination.Party, act coordination.LinkAct) error {
			tasks = append(tasks, string(act)+" "+p.Name)
			return nil
		}
		in := h.incident(ctx, tlp.Green)
		org, other := h.organisation(ctx, "Águas do Vale", "pt", "soc@aguas.example"), h.organisation(ctx, "Klinikum", "de", "it@klinikum.example")
		parties := h.add(ctx, in, org, other)
		sent := h.ask(ctx, in, parties...)
		code := h.codeIn(sent[0])
		v := h.look(ctx, code)
		if v.Entire || len(v.Measures) != 2 || v.Text != "Since when do you see this?" || v.TLP != "GREEN" || v.Answered || len(v.Acts()) != 6 {
			t.Fatalf("%+v", v)
		}
		if _, err := coordination.LookLink(ctx, h.DB, id.NewCode()); !errs.Is(err, errs.NotFound) {
			t.Errorf("another code: %v", err)
		}
		if _, err := coordination.LookLink(ctx, h.DB, id.SecretOf("../x")); !errs.Is(err, errs.NotFound) {
			t.Errorf("no code: %v", err)
		}
		first, second := v.Measures[0].UID, v.Measures[1].UID
		day := h.Clock.Now().Add(5 * 24 * time.Hour)
		h.by(ctx, code, coordination.LinkInput{Act: coordination.ActWorking, Measures: []string{first}, PlannedFor: day})
		h.by(ctx, code, coordination.LinkInput{Act: coordination.ActFixed, Measures: []string{second}, Note: "New firmware"})
		row := h.row(ctx, in, 0)
		if row.Measures[0].State != coordination.Planned || !row.Measures[0].PlannedFor.Equal(day) || row.Measures[1].State != coordination.Done || !strings.Contains(row.Measures[1].Evidence, "New firmware") {
			t.Fatalf("%+v", row.Measures)
		}
		if m := row.Measures[1].Moves[0]; !m.Link || m.Ours || m.By != "" {
			t.Errorf("it is not marked as said by a link: %+v", m)
		}
		if row.Requests[0].State != coordination.Replied || row.DoneAt.IsZero() {
			t.Errorf("%+v", row.Requests)
		}
		later := day.Add(24 * time.Hour)
		h.by(ctx, code, coordination.LinkInput{Act: coordination.ActWorking, Measures: []string{first}, PlannedFor: later})
		if row = h.row(ctx, in, 0); !row.Measures[0].PlannedFor.Equal(later) {
			t.Errorf("another day: %v", row.Measures[0].PlannedFor)
		}
		h.by(ctx, code, coordination.LinkInput{Act: coordination.ActFalseAlarm, Note: "Our own scanner"})
		h.by(ctx, code, coordination.LinkInput{Act: coordination.ActFixed, Measures: []string{first}})
		if row = h.row(ctx, in, 0); row.Measures[0].State != coordination.Done || row.Measures[1].State != coordination.Done {
			t.Errorf("a refusal was taken back: %+v", row.Measures)
		}
		h.by(ctx, code, coordination.LinkInput{Act: coordination.ActHelp, Note: "Call us"})
		h.by(ctx, code, coordination.LinkInput{Act: coordination.ActNotOurs})
		h.by(ctx, code, coordination.LinkInput{Act: coordination.ActNotOurs})
		if len(tasks) != 1 || tasks[0] != "help Águas do Vale" {
			t.Errorf("tasks: %v", tasks)
		}
		doubts, err := h.country.Doubts(ctx, h.DB, h.ana, org.UID)
		h.must(err)
		if len(doubts) != 1 || doubts[0].About != parties[0].Ref.ID || doubts[0].Road != "link" {
			t.Errorf("doubts: %+v", doubts)
		}
		if v = h.look(ctx, code); !v.Answered || len(v.Replies) != 0 || v.Measures[0].State != coordination.Done {
			t.Errorf("the link shows %+v", v)
		}
		// The messages stand in the thread as the party's words, by link and unproved; nothing came to the other.
		said, err := h.letters.Messages(ctx, h.DB, h.person(org), parties[0].Thread)
		h.must(err)
		var words []string
		for _, m := range said {
			if m.Direction == correspondence.In {
				if m.Channel != correspondence.ByLink || m.Proof.Proved() || m.Body.From == "" {
					t.Errorf("%+v", m)
				}
				words = append(words, m.Body.Text)
			}
		}
		if len(words) != 8 || words[1] != "Está resolvido.\n- "+v.Measures[1].Title+"\n\nNew firmware" || !strings.Contains(words[0], "contamos terminar até") {
			t.Errorf("%q", words)
		}
		if rows := h.row(ctx, in, 1); rows.AnsweredAt != (time.Time{}) || rows.Requests[0].State != coordination.Asked {
			t.Errorf("the other party: %+v", rows)
		}
		// What is not true of the letter any more is kept for a person, and changes nothing.
		theirs := h.look(ctx, h.codeIn(sent[1]))
		before := h.unverified(ctx, parties[0])
		for what, x := range map[string]coordination.LinkInput{
			"another party's measure": {Act: coordination.ActFixed, Measures: []string{theirs.Measures[0].UID}},
			"no act":                  {Note: "x"},
			"a verb of ours":          {Act: "verified", Measures: []string{first}},
			"a day that is over":      {Act: coordination.ActWorking, Measures: []string{first}, PlannedFor: h.Clock.Now().Add(-time.Hour)},
		} {
			h.by(ctx, code, x)
			if before++; h.unverified(ctx, parties[0]) != before {
				t.Errorf("%s was not kept", what)
			}
		}
		if row = h.row(ctx, in, 1); row.Measures[0].State != coordination.Proposed {
			t.Error("a link moved another party's measure")
		}
		if err := h.s.FromLink(ctx, code.Hash(), []byte(`{"act":"fixed","admin":true}`), h.Clock.Now(), nil); err == nil {
			t.Error("fields that are none")
		}
		h.must(h.s.FromLink(ctx, id.NewCode().Hash(), []byte(`{"act":"fixed"}`), h.Clock.Now(), nil)) // names no link: nothing

		// Closed: it opens nothing, and what was on its way waits for a person. Reopened: it opens again. Withdrawn: it ends.
		closed = true
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return h.s.SubjectMovedTx(ctx, tx, in.Ref, true) }))
		if _, err := coordination.LookLink(ctx, h.DB, code); !errs.Is(err, errs.NotFound) {
			t.Errorf("closed: %v", err)
		}
		h.by(ctx, code, coordination.LinkInput{Act: coordination.ActHelp, Note: "It is back"})
		if h.unverified(ctx, parties[0]) != before+1 || len(tasks) != 1 {
			t.Error("a word to a closed incident is lost")
		}
		if waits, err := h.s.Waits(ctx, h.ana, parties[0]); err != nil || !waits {
			t.Errorf("nobody is told of it: %v, %v", waits, err)
		}
		closed = false
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return h.s.SubjectMovedTx(ctx, tx, in.Ref, false) }))
		h.look(ctx, code)
		h.must(h.s.Withdraw(ctx, h.ana, parties[0].UID, "merged"))
		if _, err := coordination.LookLink(ctx, h.DB, code); !errs.Is(err, errs.NotFound) {
			t.Errorf("withdrawn: %v", err)
		}
		h.Clock.Advance(91 * 24 * time.Hour)
		if n, err := h.s.End(ctx); err != nil || n != 1 {
			t.Errorf("%d links ended, %v", n, err)
		}
	})
}

func (h *house) unverified(ctx context.Context, p coordination.Party) (n int) {
	h.Helper()
	h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE thread = $1 AND state = 'unverified'`, p.Thread).Scan(&n))
	return n
}

// Typed questions by link: in clear mail the link never shows what was answered; the code is nowhere but in the letter; a letter that is stopped takes its
// link along.
func TestTypedAnswersByLink(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		in, org := h.incident(ctx, tlp.Green), h.organisation(ctx, "Klinikum", "de", "it@klinikum.example")
		parties := h.add(ctx, in, org)
		sent := h.exposure(ctx, in, parties...)
		code := h.codeIn(sent[0])
		v := h.look(ctx, code)
		if v.Set == nil || len(v.Set.Questions) != 6 || len(v.Measures) != 0 || fmt.Sprint(v.Acts()) != "[not_ours help words]" {
			t.Fatalf("%+v", v)
		}
		h.by(ctx, code, coordination.LinkInput{Reply: &coordination.ReplyInput{Answers: coordination.Answers{"runs": yes("yes"), "count": yes("31337")}}})
		h.by(ctx, code, coordination.LinkInput{Reply: &coordination.ReplyInput{Answers: coordination.Answers{"patched": yes("2026-11-20")}}}) // what was required stands
		r := h.row(ctx, in, 0).Requests[0]
		if last, _ := r.Reply(); r.State != coordination.Replied || last.Whole["count"].Value != "31337" || last.Whole["patched"].Value != "2026-11-20" || last.Road != "link" {
			t.Fatalf("%+v", r)
		}
		if v = h.look(ctx, code); len(v.Replies) != 2 || v.Replies[0].Reply != nil {
			t.Errorf("the link shows %+v", v.Replies)
		}
		if raw, _ := json.Marshal(v); strings.Contains(string(raw), "31337") {
			t.Error("whoever reads the mail reads what was answered")
		}
		h.by(ctx, code, coordination.LinkInput{Act: coordination.ActNotOurs, Note: "Our neighbour's"})
		if last, _ := h.row(ctx, in, 0).Requests[0].Reply(); last.Concerns {
			t.Errorf("%+v", last)
		}
		// Two at once: both are kept, one counts.
		var wait sync.WaitGroup
		for i := range 4 {
			wait.Go(func() {
				raw, _ := json.Marshal(coordination.LinkInput{Reply: &coordination.ReplyInput{Answers: coordination.Answers{"runs": yes("no"), "count": yes(fmt.Sprint(i))}}})
				if err := h.s.FromLink(ctx, code.Hash(), raw, h.Clock.Now(), nil); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		var all, latest int
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*), SUM(CASE WHEN latest = TRUE THEN 1 ELSE 0 END) FROM coordination_reply`).Scan(&all, &latest))
		if all != 7 || latest != 1 {
			t.Errorf("%d kept, %d count", all, latest)
		}
		for table, column := range map[string]string{"coordination_link": "public_key", "coordination_shown": "sealed", "coordination_reply": "body", "audit_detail": "sealed"} {
			blobs, err := db.All(ctx, h.DB, func(r *db.Rows) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT `+column+` FROM `+table)
			if err != nil {
				continue // the column has another name: what is sealed is sealed
			}
			for _, b := range blobs {
				if strings.Contains(string(b), code.Reveal()) || strings.Contains(string(b), "31337") {
					t.Errorf("%s holds a code or an answer in clear", table)
				}
			}
		}
		// The box takes it in one transaction: what fails there changes nothing.
		raw, _ := json.Marshal(coordination.LinkInput{Act: coordination.ActWords, Note: "twice"})
		stop := errors.New("the power went")
		if err := h.s.FromLink(ctx, code.Hash(), raw, h.Clock.Now(), func(context.Context, *db.Tx) error { return stop }); !errors.Is(err, stop) {
			t.Error(err)
		}
		_, err := h.s.Accept(ctx, h.ana, r.UID)
		h.must(err)
		if _, err := coordination.LookLink(ctx, h.DB, code); !errs.Is(err, errs.NotFound) {
			t.Errorf("taken: %v", err)
		}
		again, err := h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: uids(parties...), Questions: "exposure", DueAt: h.due()})
		h.must(err)
		h.look(ctx, h.codeIn(again[0]))
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return h.s.MessageStoppedTx(ctx, tx, h.ana, again[0]) }))
		if _, err := coordination.LookLink(ctx, h.DB, h.codeIn(again[0])); !errs.Is(err, errs.NotFound) {
			t.Errorf("stopped: %v", err)
		}
	})
}

// A letter whose words wait in the portal carries no link, and neither does its reminder; the reminder of one that carried one brings another.
func TestWhichLettersCarryALink(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		in, org := h.incident(ctx, tlp.Amber), h.organisation(ctx, "Klinikum", "de", "it@klinikum.example")
		parties := h.add(ctx, in, org)
		sent := h.exposure(ctx, in, parties...)
		if linked.MatchString(sent[0].Body.Text) {
			t.Errorf("by road %d a link goes with it", sent[0].Road)
		}
		count := func() (n int) {
			h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM coordination_link`).Scan(&n))
			return n
		}
		remind := func() string {
			h.Clock.Advance(60 * time.Hour)
			_, err := h.clocks.Tick(ctx, h.s.Handlers())
			h.must(err)
			list, err := h.letters.Messages(ctx, h.DB, h.ana, parties[0].Thread)
			h.must(err)
			return list[len(list)-1].Body.Text
		}
		if words := remind(); count() != 0 || linked.MatchString(words) {
			t.Errorf("%d links\n%s", count(), words)
		}
		green := h.incident(ctx, tlp.Green)
		parties = h.add(ctx, green, org)
		sent = h.exposure(ctx, green, parties...)
		words := remind()
		found := linked.FindStringSubmatch(words)
		if found == nil || count() != 2 || found[1] == h.codeIn(sent[0]).Reveal() {
			t.Fatalf("%d links\n%s", count(), words)
		}
		h.by(ctx, id.SecretOf(found[1]), coordination.LinkInput{Reply: &coordination.ReplyInput{NotConcerned: true}})
		if v := h.look(ctx, h.codeIn(sent[0])); !v.Answered {
			t.Error("the first link does not know")
		}
	})
}
