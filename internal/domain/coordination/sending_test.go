package coordination_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// acts lets the job act as who asked for the sending, as somebody who proved nothing of late.
func (h *house) acts(people ...access.Actor) {
	h.s.Who = func(_ context.Context, _ db.Handle, account int64) (access.Actor, error) {
		for _, p := range append(people, h.ana) {
			if p.Account == account {
				p.ProvedAt = time.Time{}
				return p, nil
			}
		}
		return access.Actor{}, errs.ErrNotFound
	}
}

// country is three organisations with what they answer for.
func (h *house) three(ctx context.Context) (water, clinic, town constituency.Organisation) {
	h.Helper()
	water = h.organisation(ctx, "Águas do Vale", "pt", "soc@aguasdovale.example", "192.0.2.0/24", "aguasdovale.example")
	clinic = h.organisation(ctx, "Clinique du Lac", "fr", "it@cliniquedulac.example", "198.51.100.0/25", "cliniquedulac.example")
	town = h.organisation(ctx, "Town of Ford", "en", "desk@ford.example", "203.0.113.0/24")
	return
}

const seenList = `address;time;note;port
192.0.2.7;2026-03-02T10:00:00Z;beacon to 233.252.0.9;443
192.0.2.7;2026-03-02T10:00:00Z;beacon to 233.252.0.9;443
www[.]aguasdovale[.]example;2026-03-02 11:00:00Z;=HYPERLINK("http://x");
198.51.100.9;2026-03-02T12:00:00+01:00;;
10.9.8.7;2026-03-02T12:00:00Z;nobody has it;
what is this;;;
203.0.113.5;2026-03-02 09:00:00;no zone;
`

func (h *house) sent(ctx context.Context, x coordination.Sending) coordination.Sending {
	h.Helper()
	h.Clock.Advance(21 * time.Second)
	h.must(h.s.WorkSending(ctx, x.ID))
	x, _, err := h.s.SendingOf(ctx, h.ana, x.UID)
	h.must(err)
	return x
}

// A list of what was seen becomes a letter to each who answers for it, in its language, with its own lines alone; what nobody answers for is told.
func TestAListBecomesALetterToEach(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.acts()
		water, clinic, town := h.three(ctx)
		in := h.incident(ctx, tlp.Green)
		x, err := h.s.NewSending(ctx, h.ana, in.UID)
		h.must(err)
		x, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{Version: x.Version, List: seenList, Organisations: []string{"Town of Ford"}})
		h.must(err)
		if x.Chosen != 3 || x.Unread != 3 || x.Repeated != 1 {
			h.Fatalf("%d chosen, %d aside, %d twice", x.Chosen, x.Unread, x.Repeated)
		}
		aside, err := h.s.AsideOf(ctx, h.ana, x.UID)
		h.must(err)
		why := map[string]string{}
		for _, a := range aside {
			why[a.What] = a.Why
		}
		if why["10.9.8.7"] != "desk.sending.aside.nobody" || why["what is this"] != "desk.sending.aside.read" || why["203.0.113.5"] != "desk.sending.aside.zone" {
			h.Errorf("aside: %v", why)
		}
		if _, _, err := h.s.Letter(ctx, h.ana, x.UID, water.UID); !errs.Is(err, errs.Conflict) {
			h.Errorf("a letter that nobody wrote: %v", err)
		}
		_, err = h.s.SetLetter(ctx, h.ana, x.UID, x.Version, coordination.Give{Text: "For {organisation}", Request: "?"})
		if f := errs.Fields(err); len(f) != 1 || f[0].Name != "due_at" {
			h.Errorf("without a due time: %v", f)
		}
		_, err = h.s.SetLetter(ctx, h.ana, x.UID, x.Version, coordination.Give{Text: "For {organisation}"})
		if f := errs.Fields(err); len(f) != 1 || f[0].Key != "error.sending.hole" {
			h.Errorf("with a hole: %v", f)
		}
		x, err = h.s.SetLetter(ctx, h.ana, x.UID, x.Version, coordination.Give{
			Text: "To {name}: {lines} lines.", Request: "Is it clean?", Recommendations: []string{"isolate"}, ValidDays: 30, CheckDays: 7, DueAt: h.due(), TLP: tlp.Green,
			Words: map[string]coordination.Words{"pt": {Text: "Para {name}: {lines} linhas.", Request: "Está limpo?"}},
		})
		h.must(err)
		letter, lines, err := h.s.Letter(ctx, h.ana, x.UID, water.UID)
		h.must(err)
		if len(lines) != 2 || letter.Lang != "pt" || letter.Road.Road != egress.Signed || len(letter.Hits) != 0 {
			h.Errorf("%d lines in %s by %s, hits %v", len(lines), letter.Lang, letter.Road.Road, letter.Hits)
		}
		for _, want := range []string{"Para Águas do Vale: 2 linhas.", "Está limpo?", "192[.]0[.]2[.]7", "2026-03-02 10:00:00", "port: 443", "www[.]aguasdovale[.]example", "evidence.csv", "P-2026-……"} {
			if !strings.Contains(letter.Text, want) {
				h.Errorf("the letter lacks %q:\n%s", want, letter.Text)
			}
		}
		if strings.Contains(letter.Text, "http://") || strings.Contains(letter.Text, "198") {
			h.Errorf("the letter has a link, or another's line:\n%s", letter.Text)
		}
		_, all, dry, err := h.s.Lines(ctx, h.ana, x.UID)
		h.must(err)
		if dry.Readers != 3 || dry.Lines != 3 || dry.Refused != 0 || dry.Langs["fr"] != 1 || dry.Widest != tlp.Green || dry.Second || all[0].Organisation.UID != water.UID {
			h.Errorf("dry run: %+v", dry)
		}
		x, n, err := h.s.Exclude(ctx, h.ana, x.UID, x.Version, coordination.LineFilter{Organisations: []string{town.UID}}, true)
		h.must(err)
		if n != 1 || x.Chosen != 2 || x.Excluded != 1 {
			h.Errorf("%d taken out, %d stay", n, x.Chosen)
		}
		x, err = h.s.Submit(ctx, h.ana, x.UID, x.Version, false)
		h.must(err)
		if x.State != coordination.SendingGoing || !x.Held(h.Clock.Now()) {
			h.Fatalf("it is %s", x.State)
		}
		// Within the moment it is held it is taken back whole: nobody became a party.
		if err := h.s.WorkSending(ctx, x.ID); err == nil {
			h.Error("the job did not wait")
		}
		x, err = h.s.TakeBack(ctx, h.ana, x.UID, x.Version)
		h.must(err)
		if rows, err := h.s.Matrix(ctx, h.ana, in.UID); err != nil || len(rows) != 0 || x.State != coordination.SendingDraft {
			h.Fatalf("%d parties of a %s sending, %v", len(rows), x.State, err)
		}
		x, err = h.s.Submit(ctx, h.ana, x.UID, x.Version, false)
		h.must(err)
		x = h.sent(ctx, x)
		if x.State != coordination.SendingSent || x.Written != 2 || x.Left != 0 {
			h.Fatalf("%s, %d written, %d left %v", x.State, x.Written, x.Left, x.Reasons)
		}
		h.must(h.s.WorkSending(ctx, x.ID)) // again, as after a kill
		rows, err := h.s.Matrix(ctx, h.ana, in.UID)
		h.must(err)
		if len(rows) != 2 {
			h.Fatalf("%d parties", len(rows))
		}
		for _, r := range rows {
			list, err := h.letters.Messages(ctx, h.DB, h.ana, r.Party.Thread)
			h.must(err)
			if len(list) != 1 || len(list[0].Body.Files) != 1 || list[0].State != correspondence.Held || list[0].SendAfter.After(h.Clock.Now()) || len(r.Requests) != 1 || len(r.Measures) != 1 || r.Measures[0].ValidDays != 30 || r.Measures[0].CheckDays != 7 {
				h.Fatalf("%s: %+v", r.Party.Name, list)
			}
			threads, err := h.letters.Threads(ctx, h.DB, r.Party.Thread)
			h.must(err)
			_, f, err := h.letters.OpenFile(ctx, h.ana, threads[r.Party.Thread].UID, list[0].UID, list[0].Body.Files[0].UID)
			h.must(err)
			b, err := io.ReadAll(f)
			h.must(err)
			_ = f.Close()
			switch r.Party.Organisation {
			case water.Ref.ID:
				if got := string(b); strings.Count(got, "\r\n") != 3 || !strings.Contains(got, `"'=HYPERLINK(""http://x"")"`) || strings.Contains(got, "198.51") || r.Requests[0].Text != "Está limpo?" {
					h.Errorf("evidence of the first: %s", got)
				}
			case clinic.Ref.ID:
				if got := string(b); !strings.Contains(got, `"198.51.100.9","2026-03-02T11:00:00Z",""`) || strings.Contains(got, "192.0.2") {
					h.Errorf("evidence of the second: %s", got)
				}
			}
		}
	})
}

// "How many of ours run it?": typed questions go to many as they were approved, whatever becomes of the set, each letter with a link of its own, and the
// answers are summed.
func TestManyAreAskedTypedQuestions(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.acts()
		h.three(ctx)
		in := h.incident(ctx, tlp.Green)
		x, err := h.s.NewSending(ctx, h.ana, in.UID)
		h.must(err)
		x, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{Version: x.Version, List: seenList})
		h.must(err)
		words := coordination.Wording{}
		for _, l := range text.Langs() {
			words[string(l)] = "Runs it? " + string(l)
		}
		set, err := h.s.SaveQuestions(ctx, h.ana, coordination.QuestionSet{Code: "gull", Title: words, Questions: []coordination.Question{{Code: "runs", Kind: coordination.YesNo, Text: words}}}, 0)
		h.must(err)
		_, err = h.s.SetLetter(ctx, h.ana, x.UID, x.Version, coordination.Give{Questions: "none-such", DueAt: h.due(), TLP: tlp.Green})
		h.refused(err, errs.Invalid, "a set that is none")
		x, err = h.s.SetLetter(ctx, h.ana, x.UID, x.Version, coordination.Give{Questions: "gull", DueAt: h.due(), TLP: tlp.Green})
		h.must(err)
		x, err = h.s.Submit(ctx, h.ana, x.UID, x.Version, false)
		h.must(err)
		set.Questions = append(set.Questions, coordination.Question{Code: "count", Kind: coordination.Number, Text: words})
		if set, err = h.s.SaveQuestions(ctx, h.ana, set, 1); err != nil || set.Version != 2 {
			h.Fatalf("what was approved is version %d now, %v", set.Version, err)
		}
		h.must(h.s.RetireQuestions(ctx, h.ana, "gull", true))
		if x = h.sent(ctx, x); x.Written != 2 {
			h.Fatalf("%s, %d written, left %v", x.State, x.Written, x.Reasons)
		}
		rows, err := h.s.Matrix(ctx, h.ana, in.UID)
		h.must(err)
		links := map[string]bool{}
		for _, r := range rows {
			list, err := h.letters.Messages(ctx, h.DB, h.ana, r.Party.Thread)
			h.must(err)
			if len(r.Requests) != 1 || r.Requests[0].QuestionSet != "gull" || r.Requests[0].QuestionVersion != 1 || !strings.Contains(list[0].Body.Text, "1. Runs it? ") {
				h.Errorf("%s was asked %+v:\n%s", r.Party.Name, r.Requests, list[0].Body.Text)
			}
			_, link, _ := strings.Cut(list[0].Body.Text, "/a/")
			links[link[:26]] = true
			_, err = h.s.AnswerQuestions(ctx, h.ana, r.Requests[0].UID, coordination.ReplyInput{Answers: coordination.Answers{"runs": {Value: "yes"}}})
			h.must(err)
		}
		if len(links) != 2 {
			h.Errorf("%d links", len(links))
		}
	})
}

// Who answered for it then is asked, not who does now.
func TestEvidenceIsOfItsTime(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.acts()
		water, clinic, _ := h.three(ctx)
		assets, err := h.country.Assets(ctx, h.DB, water.Ref.ID)
		h.must(err)
		moved := h.Clock.Now()
		for _, a := range assets {
			if a.Kind == "prefix" {
				h.must(h.country.EndAsset(ctx, h.ana, a.UID, moved, "sold"))
			}
		}
		_, err = h.country.AddAsset(ctx, h.ana, clinic.UID, constituency.NewAsset{Value: "192.0.2.0/24", Since: moved})
		h.must(err)
		h.Clock.Advance(time.Hour)
		x, err := h.s.NewSending(ctx, h.ana, h.incident(ctx, tlp.Green).UID)
		h.must(err)
		list := fmt.Sprintf("192.0.2.1,%s\n192.0.2.2,%s\n192.0.2.0/25\n", moved.Add(-time.Minute).UTC().Format(time.RFC3339), moved.Add(time.Minute).UTC().Format(time.RFC3339))
		x, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{List: list})
		h.must(err)
		_, lines, _, err := h.s.Lines(ctx, h.ana, x.UID)
		h.must(err)
		got := map[int64]int{}
		for _, l := range lines {
			got[l.Organisation.Ref.ID] = l.Lines
		}
		if got[water.Ref.ID] != 1 || got[clinic.Ref.ID] != 2 {
			h.Errorf("lines: %v", got)
		}
	})
}

// Many, or a strict label, wait for a second person, who had no hand in it; what changed since is asked again.
func TestASecondPersonApprovesWhatItSaw(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		bo, lea := h.Person(2, "Bo", access.Lead), h.Person(3, "Lea", access.Lead)
		h.acts(bo, lea)
		in := h.incident(ctx, tlp.Green)
		for i := range 4 {
			h.organisation(ctx, fmt.Sprintf("House %d", i), "en", fmt.Sprintf("desk@house%d.example", i))
		}
		h.must(h.s.SetSecond(ctx, lea, coordination.UsualSecond(), coordination.SecondRule{Parties: 3, From: tlp.AmberStrict}))
		h.refused(h.s.SetSecond(ctx, lea, coordination.UsualSecond(), coordination.SecondRule{Parties: 4, From: tlp.Red}), errs.Conflict, "a rule that was another")
		h.refused(h.s.SetSecond(ctx, lea, coordination.SecondRule{Parties: 3, From: tlp.AmberStrict}, coordination.SecondRule{Parties: 500, From: tlp.Red}), errs.Invalid, "looser than the brake")
		h.refused(h.s.SetSecond(ctx, h.ana, coordination.SecondRule{Parties: 3, From: tlp.AmberStrict}, coordination.SecondRule{Parties: 1, From: tlp.Red}), errs.Forbidden, "an analyst")
		x, err := h.s.NewSending(ctx, h.ana, in.UID)
		h.must(err)
		x, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{Organisations: []string{"House 0", "House 1", "House 2", "House 3"}})
		h.must(err)
		x, err = h.s.SetLetter(ctx, bo, x.UID, x.Version, coordination.Give{Text: "Look at your mail servers.", TLP: tlp.Green})
		h.must(err)
		stale := h.ana
		stale.ProvedAt = h.Clock.Now().Add(-time.Hour)
		_, err = h.s.Submit(ctx, stale, x.UID, x.Version, false)
		if err == nil {
			h.Error("asked for by somebody who proved nothing afresh")
		}
		x, err = h.s.Submit(ctx, h.ana, x.UID, x.Version, false)
		h.must(err)
		if x.State != coordination.SendingWaiting {
			h.Fatalf("it is %s", x.State)
		}
		if list, err := h.s.WaitingSendings(ctx, lea); err != nil || len(list) != 1 {
			h.Errorf("%d wait, %v", len(list), err)
		}
		for who, by := range map[string]access.Actor{"an analyst": h.ana, "a lead with a hand in it": bo} {
			_, err = h.s.Approve(ctx, by, x.UID, x.Hash)
			h.refused(err, errs.Forbidden, who)
		}
		_, err = h.s.Approve(ctx, lea, x.UID, strings.Repeat("0", 64))
		h.refused(err, errs.Conflict, "what nobody saw")
		_, err = h.s.SetLetter(ctx, h.ana, x.UID, x.Version, coordination.Give{Text: "Another letter."})
		h.refused(err, errs.Conflict, "a change while it waits")
		seen := x.Hash
		x, err = h.s.TakeBack(ctx, h.ana, x.UID, x.Version)
		h.must(err)
		x, err = h.s.SetLetter(ctx, h.ana, x.UID, x.Version, coordination.Give{Text: "Another letter.", TLP: tlp.Green})
		h.must(err)
		x, err = h.s.Submit(ctx, h.ana, x.UID, x.Version, false)
		h.must(err)
		_, err = h.s.Approve(ctx, lea, x.UID, seen)
		h.refused(err, errs.Conflict, "approved as it was before")
		x, err = h.s.Approve(ctx, lea, x.UID, x.Hash)
		h.must(err)
		_, err = h.s.Approve(ctx, lea, x.UID, x.Hash)
		h.refused(err, errs.Conflict, "approved twice")
		// One changes its address meanwhile: it is left, the others have their letters.
		_, lines, _, err := h.s.Lines(ctx, h.ana, x.UID)
		h.must(err)
		contacts, err := h.country.Contacts(ctx, h.DB, lines[0].Organisation.Ref.ID)
		h.must(err)
		_, err = h.country.EditContact(ctx, h.ana, contacts[0].UID, constituency.NewContact{Name: "Thief", Role: "security", Email: "thief@elsewhere.example"})
		h.must(err)
		x = h.sent(ctx, x)
		if x.State != coordination.SendingSent || x.Written != 3 || x.Left != 1 || x.Reasons["desk.sending.left.address"] != 1 {
			h.Errorf("%s: %d written, %v", x.State, x.Written, x.Reasons)
		}
	})
}

// A letter that names another of those who are written to stops, until a person looked; so does a note of the evidence.
func TestNoLetterOfASendingNamesAnother(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.acts()
		water, _, _ := h.three(ctx)
		x, err := h.s.NewSending(ctx, h.ana, h.incident(ctx, tlp.Green).UID)
		h.must(err)
		x, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{List: "192.0.2.7,,talks to cliniquedulac.example\n198.51.100.9"})
		h.must(err)
		x, err = h.s.SetLetter(ctx, h.ana, x.UID, x.Version, coordination.Give{Text: "Look at {name}.", TLP: tlp.Green})
		h.must(err)
		_, err = h.s.Submit(ctx, h.ana, x.UID, x.Version, false)
		f := errs.Fields(err)
		if !errs.Is(err, errs.Conflict) || len(f) != 1 || f[0].Args["party"] != water.UID || !strings.Contains(fmt.Sprint(f[0].Args["words"]), "cliniquedulac.example") {
			h.Fatalf("%v %+v", err, f)
		}
		x, err = h.s.SetLetter(ctx, h.ana, x.UID, x.Version, coordination.Give{Text: "As at Águas do Vale, look.", TLP: tlp.Green})
		h.must(err)
		_, err = h.s.Submit(ctx, h.ana, x.UID, x.Version, false)
		if f := errs.Fields(err); len(f) != 2 {
			h.Fatalf("%v %+v", err, f)
		}
		x, err = h.s.Submit(ctx, h.ana, x.UID, x.Version, true)
		h.must(err)
		if x = h.sent(ctx, x); x.Written != 2 {
			h.Errorf("%d written, %v", x.Written, x.Reasons)
		}
	})
}

// Who may not, does not; what is not there is not found; two at once are told.
func TestASendingIsForWhoMay(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.acts()
		water, _, _ := h.three(ctx)
		in := h.incident(ctx, tlp.Green)
		x, err := h.s.NewSending(ctx, h.ana, in.UID)
		h.must(err)
		theirs, auditor := h.person(water), h.Person(9, "Audit", access.Auditor)
		for who, by := range map[string]access.Actor{"a constituent": theirs, "an auditor": auditor} {
			_, err := h.s.NewSending(ctx, by, in.UID)
			h.refused(err, errs.Forbidden, who)
			_, err = h.s.Choose(ctx, by, x.UID, coordination.Choose{Parties: true})
			h.refused(err, errs.Forbidden, who)
			_, err = h.s.SetLetter(ctx, by, x.UID, 0, coordination.Give{Text: "x"})
			h.refused(err, errs.Forbidden, who)
			_, err = h.s.Submit(ctx, by, x.UID, 0, false)
			h.refused(err, errs.Forbidden, who)
			_, err = h.s.Recall(ctx, by, x.UID, 0, "because it is so")
			h.refused(err, errs.Forbidden, who)
			_, _, err = h.s.Exclude(ctx, by, x.UID, 0, coordination.LineFilter{State: "in"}, true)
			h.refused(err, errs.Forbidden, who)
		}
		_, _, err = h.s.SendingOf(ctx, theirs, x.UID)
		h.refused(err, errs.Forbidden, "a constituent reads")
		if _, _, err = h.s.SendingOf(ctx, auditor, x.UID); err != nil {
			h.Errorf("an auditor reads: %v", err)
		}
		_, err = h.s.NewSending(ctx, h.ana, "none")
		h.refused(err, errs.NotFound, "of no incident")
		_, err = h.s.Choose(ctx, h.ana, "none", coordination.Choose{Parties: true})
		h.refused(err, errs.NotFound, "no sending")
		_, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{})
		h.refused(err, errs.Invalid, "nobody chosen")
		_, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{Organisations: []string{"Nobody at all"}})
		h.refused(err, errs.Invalid, "an organisation that is none")
		_, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{List: strings.Repeat("192.0.2.1\n", coordination.MostLines+1)})
		h.refused(err, errs.Invalid, "too many lines")
		_, err = h.s.Submit(ctx, h.ana, x.UID, 0, false)
		h.refused(err, errs.Invalid, "an empty one")
		old := x.Version
		x, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{Version: old, Organisations: []string{water.UID}})
		h.must(err)
		_, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{Version: old, Organisations: []string{water.UID}})
		h.refused(err, errs.Conflict, "two at once")
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return access.SealTx(ctx, tx, in.Ref, h.Clock.Now(), in.Ref.ID)
		}))
		_, _, err = h.s.SendingOf(ctx, h.Person(7, "Other", access.Analyst), x.UID)
		h.refused(err, errs.NotFound, "of a sealed incident")
	})
}
