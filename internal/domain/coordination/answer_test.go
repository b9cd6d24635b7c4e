package coordination_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

var linked = regexp.MustCompile(`/a/([0-9a-z]{26})`)

// codeless is a letter as a preview shows it: with noughts for the code of its link.
func codeless(s string) string {
	return linked.ReplaceAllString(s, "/a/00000000000000000000000000")
}

func (h *house) codeIn(m correspondence.Message) id.Secret {
	h.Helper()
	found := linked.FindStringSubmatch(m.Body.Text)
	if found == nil {
		h.Fatalf("no link in\n%s", m.Body.Text)
	}
	return id.SecretOf(found[1])
}

// by answers a link as its page and the box do it.
func (h *house) by(ctx context.Context, code id.Secret, in coordination.LinkInput) {
	h.Helper()
	h.Clock.Advance(time.Minute)
	raw, err := json.Marshal(in)
	h.must(err)
	h.must(h.s.FromLink(ctx, code.Hash(), raw, h.Clock.Now(), nil))
}

func (h *house) look(ctx context.Context, code id.Secret) coordination.LinkView {
	h.Helper()
	v, err := coordination.LookLink(ctx, h.DB, code)
	h.must(err)
	return v
}

func (h *house) exposure(ctx context.Context, subject access.Object, parties ...coordination.Party) []correspondence.Message {
	h.Helper()
	sent, err := h.s.Send(ctx, h.ana, subject.UID, coordination.Give{Parties: uids(parties...), Questions: "exposure", DueAt: h.due()})
	h.must(err)
	h.leave(ctx, sent...)
	return sent
}

func yes(value string) coordination.Said { return coordination.Said{Value: value} }

// A set of questions is edited until it is asked; then an edit makes the next version, and who was asked the first answers the first.
func TestQuestionSetsAreVersioned(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		all, err := h.s.QuestionSets(ctx, h.ana, false)
		h.must(err)
		if len(all) != 1 || all[0].Code != "exposure" || all[0].Version != 1 || !all[0].BuiltIn || len(all[0].Questions) != 6 {
			t.Fatalf("what comes with the program: %+v", all)
		}
		words := func(s string) coordination.Wording {
			w := coordination.Wording{}
			for _, l := range text.Langs() {
				w[string(l)] = s + " " + string(l)
			}
			return w
		}
		x := coordination.QuestionSet{Code: "blackgull", Title: words("Blackgull"), Questions: []coordination.Question{{Code: "runs", Kind: coordination.YesNo, Text: words("Runs?")}}}
		for what, bad := range map[string]func(*coordination.QuestionSet){
			"a code of letters":     func(x *coordination.QuestionSet) { x.Code = "Black Gull" },
			"a language":            func(x *coordination.QuestionSet) { x.Title = coordination.Wording{"en": "only English"} },
			"a kind":                func(x *coordination.QuestionSet) { x.Questions[0].Kind = "script" },
			"options":               func(x *coordination.QuestionSet) { x.Questions[0].Kind = coordination.Choice },
			"questions":             func(x *coordination.QuestionSet) { x.Questions = nil },
			"each question once":    func(x *coordination.QuestionSet) { x.Questions = append(x.Questions, x.Questions[0]) },
			"lines without control": func(x *coordination.QuestionSet) { x.Title["de"] = "a\x00b" },
		} {
			y := x
			y.Title, y.Questions = words("Blackgull"), slices.Clone(x.Questions)
			bad(&y)
			_, err := h.s.SaveQuestions(ctx, h.ana, y, 0)
			h.refused(err, errs.Invalid, "without "+what)
		}
		_, err = h.s.SaveQuestions(ctx, h.Person(5, "Olga", access.Auditor), x, 0)
		h.refused(err, errs.Forbidden, "an auditor writes questions")
		x, err = h.s.SaveQuestions(ctx, h.ana, x, 0)
		h.must(err)
		_, err = h.s.SaveQuestions(ctx, h.ana, x, 0)
		h.refused(err, errs.Conflict, "the code is taken")
		x.Title = words("Blackgull 2")
		x, err = h.s.SaveQuestions(ctx, h.ana, x, 1)
		h.must(err)
		if x.Version != 1 {
			t.Fatalf("nobody was asked it, and it is version %d", x.Version)
		}
		in, org := h.incident(ctx, tlp.Green), h.organisation(ctx, "Águas do Vale", "pt", "soc@aguas.example")
		p := h.add(ctx, in, org)
		sent, err := h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: uids(p...), Questions: "blackgull", DueAt: h.due()})
		h.must(err)
		h.leave(ctx, sent...)
		y := x
		y.Questions = append(slices.Clone(x.Questions), coordination.Question{Code: "count", Kind: coordination.Number, Text: words("How many?")})
		y, err = h.s.SaveQuestions(ctx, h.ana, y, 1)
		h.must(err)
		if y.Version != 2 {
			t.Fatalf("what was asked changed: version %d", y.Version)
		}
		r, err := h.s.RequestOf(ctx, h.person(org), h.requests(ctx, h.person(org))[0].UID)
		h.must(err)
		if r.QuestionVersion != 1 || len(r.Questions.Questions) != 1 || r.Questions.MadeBy != 0 || r.Text != "Blackgull 2 pt" {
			t.Errorf("the party was asked %+v", r)
		}
		_, err = h.s.SaveQuestions(ctx, h.ana, y, 1)
		h.refused(err, errs.Conflict, "two edits of one version")
		h.must(h.s.RetireQuestions(ctx, h.ana, "blackgull", true))
		h.refused(h.s.RetireQuestions(ctx, h.ana, "blackgull", true), errs.Conflict, "retired twice")
		_, err = h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: uids(p...), Questions: "blackgull", DueAt: h.due()})
		h.refused(err, errs.Invalid, "a retired set is asked")
		_, err = h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: uids(p...), Questions: "../../etc", DueAt: h.due()})
		h.refused(err, errs.Invalid, "a set that is none")
		_, err = h.s.AnswerQuestions(ctx, h.person(org), r.UID, coordination.ReplyInput{Answers: coordination.Answers{"runs": yes("no")}})
		h.must(err)
		h.must(h.s.RetireQuestions(ctx, h.ana, "exposure", true)) // as it came with the program
		if all, err = h.s.QuestionSets(ctx, h.ana, false); err != nil || len(all) != 0 {
			t.Errorf("%+v, %v", all, err)
		}
		h.must(h.s.RetireQuestions(ctx, h.ana, "exposure", false))
	})
}

// No answer, not looked yet and does not concern us are three things; each answer is kept, the newest word on each question counts, and who took it down
// is said.
func TestTypedAnswersByPortalAndTelephone(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		in := h.incident(ctx, tlp.Green)
		a, b := h.organisation(ctx, "Águas do Vale", "pt", "soc@aguas.example"), h.organisation(ctx, "Klinikum", "de", "it@klinikum.example")
		parties := h.add(ctx, in, a, b)
		sent := h.exposure(ctx, in, parties...)
		if !strings.Contains(sent[1].Body.Text, "1. Setzen Sie das Produkt ein? (ja, nein, nicht bekannt)") || !strings.Contains(sent[1].Body.Text, "   - Verdacht") {
			t.Errorf("the letter asks:\n%s", sent[1].Body.Text)
		}
		rui := h.person(a)
		uid := h.requests(ctx, rui)[0].UID
		answer := func(by access.Actor, in coordination.ReplyInput) coordination.Request {
			t.Helper()
			h.Clock.Advance(time.Minute)
			r, err := h.s.AnswerQuestions(ctx, by, uid, in)
			h.must(err)
			return r
		}
		wrong := func(what, field string, in coordination.ReplyInput) {
			t.Helper()
			_, err := h.s.AnswerQuestions(ctx, rui, uid, in)
			h.refused(err, errs.Invalid, what)
			if f := errs.Fields(err); len(f) == 0 || f[0].Name != field {
				t.Errorf("%s: %+v", what, f)
			}
		}
		wrong("nothing", "answers", coordination.ReplyInput{})
		wrong("a question that is none", "answers", coordination.ReplyInput{Answers: coordination.Answers{"runs": yes("yes"), "evil": yes("x")}})
		wrong("no such answer", "answers.runs", coordination.ReplyInput{Answers: coordination.Answers{"runs": yes("maybe")}})
		wrong("what is required", "answers.runs", coordination.ReplyInput{Answers: coordination.Answers{"count": yes("3")}})
		for field, values := range map[string][]string{"count": {"-1", "3.5", "007", "99999999999999999999", "=1+1"}, "patched": {"31.12.2026", "2026-02-30", "9999-01-01"}, "compromised": {"perhaps"}, "version": {strings.Repeat("x", 2001), "a\x00"}} {
			for _, v := range values {
				wrong(field+" "+v, "answers."+field, coordination.ReplyInput{Answers: coordination.Answers{"runs": yes("yes"), field: yes(v)}})
			}
		}

		r := answer(rui, coordination.ReplyInput{Answers: coordination.Answers{"runs": {NotLooked: true}, "count": {NotLooked: true}}})
		if r.State != coordination.Asked || len(r.Replies) != 1 {
			t.Fatalf("not looked yet is no answer to us: %s", r.State)
		}
		row := h.row(ctx, in, 0)
		if !row.Requests[0].Owed() || len(row.Requests[0].Replies) != 1 || row.SilentSince.Before(r.Replies[0].At) {
			t.Errorf("it is a word of theirs: %+v", row)
		}
		r = answer(rui, coordination.ReplyInput{Answers: coordination.Answers{"runs": yes("yes"), "version": yes("7.2")}, Note: "More on Monday"})
		if last, _ := r.Reply(); r.State != coordination.Replied || last.Whole["version"].Value != "7.2" || !last.Whole["count"].NotLooked || last.Given["count"].NotLooked || last.Road != "portal" {
			t.Fatalf("%+v", r.Replies)
		}
		r = answer(h.ana, coordination.ReplyInput{Answers: coordination.Answers{"count": yes("12")}})
		if last, _ := r.Reply(); !last.Ours || last.By != "Ana Silva" || last.Road != "phone" || last.Whole["count"].Value != "12" || last.Whole["runs"].Value != "yes" || len(r.Replies) != 3 {
			t.Fatalf("taken down: %+v", r.Replies)
		}
		if r, err := h.s.RequestOf(ctx, rui, uid); err != nil || r.Replies[0].By != "" || !r.Replies[0].Ours {
			t.Errorf("the party reads who of us took it down: %+v, %v", r.Replies, err)
		}
		r = answer(rui, coordination.ReplyInput{NotConcerned: true, Note: "That was our subsidiary"})
		if last, _ := r.Reply(); last.Concerns || len(last.Whole) != 0 || len(r.Replies) != 4 || len(r.Answers) != 4 {
			t.Fatalf("%+v", r)
		}
		if !strings.Contains(r.Answers[3].Body.Text, "Não nos diz respeito") || !strings.Contains(r.Answers[1].Body.Text, "Que versão? 7.2") {
			t.Errorf("in the thread: %q %q", r.Answers[3].Body.Text, r.Answers[1].Body.Text)
		}
		if other := h.row(ctx, in, 1); len(other.Requests[0].Replies) != 0 {
			t.Error("no answer is no answer")
		}
		_, err := h.s.AnswerQuestions(ctx, h.person(b), uid, coordination.ReplyInput{NotConcerned: true})
		h.refused(err, errs.NotFound, "another party answers")
		_, err = h.s.WithdrawRequest(ctx, h.ana, uid, "by mistake")
		h.must(err)
		_, err = h.s.AnswerQuestions(ctx, rui, uid, coordination.ReplyInput{NotConcerned: true})
		h.refused(err, errs.Conflict, "withdrawn")
		plain := h.ask(ctx, in, parties[0])
		_ = plain
		for _, q := range h.requests(ctx, rui) {
			if q.QuestionSet == "" {
				_, err = h.s.AnswerQuestions(ctx, rui, q.UID, coordination.ReplyInput{NotConcerned: true})
				h.refused(err, errs.Conflict, "no typed questions")
			}
		}
	})
}

func (h *house) row(ctx context.Context, in access.Object, i int) coordination.Row {
	h.Helper()
	rows, err := h.s.Matrix(ctx, h.ana, in.UID)
	h.must(err)
	return rows[i]
}

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
				if m.Channel != correspondence.ByLink || m.Proof.Proved() {
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

// The matrix has the measures and typed answers as columns, narrowed and sorted; who is silent is chased with other words and a fresh link, and who
// answers meanwhile is not.
func TestTheMatrixIsNarrowedAndTheSilentAreChased(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		in := h.incident(ctx, tlp.Green)
		a, b, c := h.organisation(ctx, "Águas do Vale", "pt", "soc@aguas.example"), h.organisation(ctx, "Klinikum", "de", "it@klinikum.example"), h.organisation(ctx, "Zubin", "en", "noc@zubin.example")
		parties := h.add(ctx, in, a, b, c)
		sent, err := h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: uids(parties...), Questions: "exposure", Recommendations: []string{"isolate"}, DueAt: h.due()})
		h.must(err)
		h.leave(ctx, sent...)
		h.by(ctx, h.codeIn(sent[0]), coordination.LinkInput{Reply: &coordination.ReplyInput{Answers: coordination.Answers{"runs": yes("yes")}}})
		h.by(ctx, h.codeIn(sent[0]), coordination.LinkInput{Act: coordination.ActFixed, Measures: []string{h.look(ctx, h.codeIn(sent[0])).Measures[0].UID}})
		h.by(ctx, h.codeIn(sent[1]), coordination.LinkInput{Reply: &coordination.ReplyInput{Answers: coordination.Answers{"runs": {NotLooked: true}}}})
		names := func(f coordination.TableFilter) string {
			t.Helper()
			table, err := h.s.Table(ctx, h.ana, in.UID, f)
			h.must(err)
			if len(table.Measures) != 1 || len(table.Sets) != 1 || len(table.All) != 3 {
				t.Errorf("%d measures, %d sets, %d rows", len(table.Measures), len(table.Sets), len(table.All))
			}
			var out []string
			for _, r := range table.Rows {
				out = append(out, r.Party.Name)
			}
			return strings.Join(out, ", ")
		}
		for want, f := range map[string]coordination.TableFilter{
			"Águas do Vale, Klinikum, Zubin": {},
			"Zubin, Klinikum, Águas do Vale": {Sort: "name", Down: true, Set: "exposure", Question: "runs"},
			"Klinikum, Zubin":                {State: coordination.TableSilent},
			"Águas do Vale":                  {State: coordination.TableDone},
			"Klinikum":                       {Set: "exposure", Question: "runs", Answer: coordination.AnswerLater},
			"Zubin":                          {Set: "exposure", Question: "runs", Answer: coordination.AnswerNone},
			"":                               {SilentFor: 24 * time.Hour},
		} {
			if got := names(f); got != want {
				t.Errorf("%+v: %q, want %q", f, got, want)
			}
		}
		_, err = h.s.Table(ctx, h.ana, in.UID, coordination.TableFilter{State: "x", Sort: "password"})
		h.refused(err, errs.Invalid, "a filter that is none")
		_, err = h.s.Table(ctx, h.person(a), in.UID, coordination.TableFilter{})
		h.refused(err, errs.NotFound, "a party reads the matrix")

		g := coordination.Give{Parties: uids(parties...), Chase: true, Text: "We count on you."}
		for what, x := range map[string]coordination.Give{"without words": {Parties: g.Parties, Chase: true}, "with something new": {Parties: g.Parties, Chase: true, Text: "x", Questions: "exposure", DueAt: h.due()}} {
			_, err = h.s.Preview(ctx, h.ana, in.UID, x)
			h.refused(err, errs.Invalid, what)
		}
		seen, err := h.s.Preview(ctx, h.ana, in.UID, g)
		h.must(err)
		if len(seen) != 2 || seen[0].Party.Name != "Klinikum" || !strings.Contains(seen[0].Letter, "Was noch offen ist") || !strings.Contains(seen[0].Letter, "- Sind Sie betroffen?") || !strings.Contains(seen[0].Letter, "/a/0000") {
			t.Fatalf("%d letters: %+v", len(seen), seen)
		}
		again, err := h.s.Send(ctx, h.ana, in.UID, g)
		h.must(err)
		if codeless(again[0].Body.Text) != seen[0].Letter || h.codeIn(again[0]) == h.codeIn(sent[1]) {
			t.Errorf("sent:\n%s", again[0].Body.Text)
		}
		h.by(ctx, h.codeIn(again[0]), coordination.LinkInput{Reply: &coordination.ReplyInput{Answers: coordination.Answers{"runs": yes("no")}}, Act: coordination.ActWorking, PlannedFor: h.due(), Measures: []string{h.look(ctx, h.codeIn(again[0])).Measures[0].UID}})
		row := h.row(ctx, in, 1)
		if last, _ := row.Requests[0].Reply(); len(row.Requests) != 1 || last.Whole["runs"].Value != "no" || row.Measures[0].State != coordination.Planned {
			t.Errorf("%+v", row)
		}
		if v := h.look(ctx, h.codeIn(sent[1])); !v.Answered || v.Measures[0].State != coordination.Planned {
			t.Errorf("the first link shows %+v", v)
		}
		h.by(ctx, h.codeIn(sent[2]), coordination.LinkInput{Act: coordination.ActNotOurs})
		_, err = h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: uids(parties[0], parties[2]), Chase: true, Text: "Again"})
		h.refused(err, errs.Invalid, "nobody owes anything")
		table, err := h.s.Table(ctx, h.ana, in.UID, coordination.TableFilter{})
		h.must(err)
		progress := coordination.ProgressOf(table.All, time.UTC, h.Clock.Now().AddDate(0, 0, 60))
		if last := progress[len(progress)-1]; len(progress) > 31 || last.Told != 3 || last.Answered != 3 || last.Done != 1 {
			t.Errorf("%d points, %+v", len(progress), last)
		}
	})
}
