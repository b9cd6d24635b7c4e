package coordination_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

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
