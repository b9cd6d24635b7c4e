package coordination_test

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
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

func (h *house) row(ctx context.Context, in access.Object, i int) coordination.Row {
	h.Helper()
	rows, err := h.s.Matrix(ctx, h.ana, in.UID)
	h.must(err)
	return rows[i]
}

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
		saved := make(chan error, 2) // two at once: one of them is told
		for range 2 {
			go func() {
				_, err := h.s.SaveQuestions(ctx, h.ana, x, 1)
				saved <- err
			}()
		}
		if a, b := <-saved, <-saved; (a == nil) == (b == nil) || !errs.Is(cmp.Or(a, b), errs.Conflict) {
			t.Fatalf("two at once: %v, %v", a, b)
		}
		x, err = h.s.QuestionSetOf(ctx, h.ana, "blackgull", 0)
		h.must(err)
		if x.Version != 2 {
			t.Fatalf("an edit is version %d", x.Version)
		}
		in, org := h.incident(ctx, tlp.Green), h.organisation(ctx, "Águas do Vale", "pt", "soc@aguas.example")
		p := h.add(ctx, in, org)
		sent, err := h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: uids(p...), Questions: "blackgull", DueAt: h.due()})
		h.must(err)
		h.leave(ctx, sent...)
		y := x
		y.Questions = append(slices.Clone(x.Questions), coordination.Question{Code: "count", Kind: coordination.Number, Text: words("How many?")})
		y, err = h.s.SaveQuestions(ctx, h.ana, y, 2)
		h.must(err)
		if y.Version != 3 {
			t.Fatalf("what was asked changed: version %d", y.Version)
		}
		r, err := h.s.RequestOf(ctx, h.person(org), h.requests(ctx, h.person(org))[0].UID)
		h.must(err)
		if r.QuestionVersion != 2 || len(r.Questions.Questions) != 1 || r.Questions.MadeBy != 0 || r.Text != "Blackgull 2 pt" {
			t.Errorf("the party was asked %+v", r)
		}
		_, err = h.s.SaveQuestions(ctx, h.ana, y, 2)
		h.refused(err, errs.Conflict, "two edits of one version")
		h.must(h.s.RetireQuestions(ctx, h.ana, "blackgull", true))
		h.refused(h.s.RetireQuestions(ctx, h.ana, "blackgull", true), errs.Conflict, "retired twice")
		_, err = h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: uids(p...), Questions: "blackgull", DueAt: h.due()})
		h.refused(err, errs.Invalid, "a retired set is asked")
		_, err = h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: uids(p...), Questions: "../../etc", DueAt: h.due()})
		h.refused(err, errs.Invalid, "a set that is none")
		_, err = h.s.AnswerQuestions(ctx, h.person(org), r.UID, coordination.ReplyInput{Answers: coordination.Answers{"runs": yes("no")}, Reach: correspondence.TeamOnly})
		h.must(err)
		threads, err := h.letters.Threads(ctx, h.DB, p[0].Thread)
		h.must(err)
		said, err := h.letters.WordsOf(ctx, h.DB, threads[p[0].Thread])
		h.must(err)
		reaches := slices.Collect(maps.Values(said[p[0].Thread].Messages))
		if len(reaches) != 1 || reaches[0].Reach != correspondence.TeamOnly {
			t.Errorf("how far the answer may go: %+v", said)
		}
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
