package intake_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// fillIn sends the form of a link with what is missing in a submission, and lets the house open it.
func (d *desk) fillIn(ctx context.Context, code id.Secret, number int, answers law.Answers) {
	d.Helper()
	d.Clock.Advance(time.Minute)
	if _, err := d.drop(ctx, intake.Drop{Add: true, Code: code, Once: id.New(), Text: "What was missing", Later: &intake.Later{Completes: number, Answers: answers}}); err != nil {
		d.Fatal(err)
	}
	if n, err := d.s.OpenDrops(ctx); n != 1 || err != nil {
		d.Fatal(n, err)
	}
}

func (d *desk) handed(ctx context.Context, r intake.Report) []intake.Submission {
	d.Helper()
	all, err := d.s.Submissions(ctx, d.DB, d.ana, r.UID)
	if err != nil {
		d.Fatal(err)
	}
	return all
}

// A call was filed as a stage with gaps. Its caller is given a code, answers the rest in two goes, and the moment of the call still counts.
func TestACallersStageIsCompletedByACode(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.Clock.Set(time.Date(2026, 7, 1, 7, 0, 0, 0, time.UTC))
		d.box(ctx)
		in := form("Our servers are encrypted", "")
		in.Channel, in.Body.Phone = correspondence.ByPhone, "+351 000"
		r := d.receive(ctx, d.ana, in).Report
		told := d.Clock.Now()
		d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "be-nis2", Stage: "early_warning", Answers: law.Answers{"summary": "Encrypted", "malicious": "unknown"}})
		gaps, err := d.s.Gaps(ctx, d.DB, d.ana, r.UID)
		if err != nil || len(gaps[1].Fields) != 9 || !gaps[1].AskedAt.IsZero() {
			t.Fatalf("gaps: %+v, %v", gaps, err)
		}
		if _, err := d.s.AskMissing(ctx, d.ana, r.UID, 1); !errs.Is(err, errs.Invalid) {
			t.Errorf("a letter to nobody: %v", err)
		}
		d.refused("a submission that is none", second(d.s.MissingCode(ctx, d.ana, r.UID, 7)), errs.NotFound)
		d.refused("by somebody without the right", second(d.s.MissingCode(ctx, d.Constituent(2, "Rui", d.hospital.Ref.ID), r.UID, 1)), errs.Forbidden)
		code, err := d.s.MissingCode(ctx, d.ana, r.UID, 1)
		if err != nil {
			t.Fatal(err)
		}
		look, err := intake.Look(ctx, d.DB, d.Clock, code)
		if err != nil || !look.Full || len(look.Gaps) != 1 || len(look.Gaps[0].Missing) != 9 || look.Gaps[0].AskedAt.IsZero() {
			t.Fatalf("the code shows %+v, %v", look.Gaps, err)
		}
		d.Clock.Advance(30 * time.Hour)
		d.fillIn(ctx, code, 1, law.Answers{"malicious": "yes", "cross_border": "unknown", "aware_at": told.Add(-time.Hour).Format(time.RFC3339)})
		all := d.handed(ctx, r)
		if len(all) != 2 || all[1].Corrects != 1 || all[1].Answers["summary"] != "Encrypted" || all[1].Answers["malicious"] != "yes" {
			t.Fatalf("completed: %+v", all)
		}
		if s := d.standing(ctx, d.obligations(ctx, d.ana, r)[0], told.Add(-time.Hour)); s != "sector_authority runs 2; early_warning met 24; notification runs 72" {
			t.Errorf("the clocks: %s", s)
		}
		d.fillIn(ctx, code, 1, law.Answers{"malicious": "unknown", "cross_border": "no"}) // the same code works again
		d.fillIn(ctx, code, 1, law.Answers{"malicious": "unknown", "cross_border": "no"}) // nothing new: it stands in the message
		d.fillIn(ctx, code, 9, law.Answers{"malicious": "no"})
		if all = d.handed(ctx, r); len(all) != 3 || all[2].Corrects != 1 || all[2].Answers["malicious"] != "yes" || all[2].Answers["cross_border"] != "no" || all[2].Answers["aware_at"] == "" {
			t.Fatalf("completed again: %+v", all)
		}
		if gaps, err = d.s.Gaps(ctx, d.DB, d.ana, r.UID); err != nil || len(gaps[1].Fields) != 6 {
			t.Errorf("gaps after: %+v, %v", gaps, err)
		}
		// It dies with the report.
		if _, err := d.s.Reject(ctx, d.ana, r.UID, "out_of_scope", "", 0); err != nil {
			if _, err = d.s.Reject(ctx, d.ana, r.UID, "other", "Not ours", 0); err != nil {
				t.Fatal(err)
			}
		}
		d.fillIn(ctx, code, 1, law.Answers{"sector": "Health"})
		if all = d.handed(ctx, r); len(all) != 3 {
			t.Errorf("a concluded report was completed: %d", len(all))
		}
		d.refused("a code for a concluded report", second(d.s.MissingCode(ctx, d.ana, r.UID, 1)), errs.Conflict)
		d.Clock.Advance(91 * 24 * time.Hour)
		if _, err := intake.Look(ctx, d.DB, d.Clock, code); !errs.Is(err, errs.NotFound) {
			t.Errorf("ninety days later: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// A mail was filed as a stage. The letter that asks for the rest quotes nothing; its link came in clear, so it shows nothing that was told, and what
// comes by it waits for a person.
func TestAMailsStageIsCompletedByALetter(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.Clock.Set(time.Date(2026, 7, 1, 7, 0, 0, 0, time.UTC))
		d.box(ctx)
		in := mailed("Secret summary", "rui@away.example", correspondence.Aligned)
		in.Lang = "pt"
		r := d.receive(ctx, access.System("intake"), in).Report
		d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "eu-nis2", Stage: "early_warning", Message: d.messages(ctx, r)[0].UID, Answers: law.Answers{"summary": "Secret summary"}})
		seen, err := d.s.PreviewMissing(ctx, d.ana, r.UID, 1)
		if err != nil || seen.Answers || seen.Road.Road != egress.Signed || seen.To != "rui@away.example" {
			t.Fatalf("preview: %+v, %v", seen, err)
		}
		d.contains("the letter", seen.Text, "perguntas em aberto", "/r/", r.Reference)
		d.lacks("the letter", seen.Text+seen.Subject, "Secret")
		m, err := d.s.AskMissing(ctx, d.ana, r.UID, 1)
		if err != nil || !m.Automatic || m.State != correspondence.Held {
			t.Fatalf("%+v, %v", m, err)
		}
		code := codeIn(t, m.Body.Text)
		look, err := intake.Look(ctx, d.DB, d.Clock, code)
		if err != nil || look.Full || len(look.Gaps) != 1 || len(look.Messages) != 0 || look.Handed[0].Answers != nil {
			t.Fatalf("the link shows %+v, %v", look, err)
		}
		d.fillIn(ctx, code, 1, law.Answers{"malicious": "yes", "summary": "Another story", "no_such": "x"})
		if all := d.handed(ctx, r); len(all) != 1 {
			t.Fatalf("filed by itself: %+v", all)
		}
		offered, err := d.s.OfferedAnswers(ctx, d.DB, d.ana, r.UID)
		if err != nil || len(offered) != 1 || offered[0].Answers["malicious"] != "yes" || offered[0].Answers["no_such"] != "" {
			t.Fatalf("offered: %+v, %v", offered, err)
		}
		if _, err := d.s.OfferedAnswers(ctx, d.DB, d.Constituent(2, "Rui", d.hospital.Ref.ID), r.UID); !errs.Is(err, errs.NotFound) {
			t.Errorf("outside the team: %v", err)
		}
		d.refused("of no message", d.s.TakeOffered(ctx, d.ana, r.UID, "", true), errs.NotFound)
		d.refused("of what no table holds", d.s.TakeOffered(ctx, d.ana, r.UID, "a\x00b", true), errs.NotFound)
		if err := d.s.TakeOffered(ctx, d.ana, r.UID, offered[0].Message, true); err != nil {
			t.Fatal(err)
		}
		d.refused("taken twice", d.s.TakeOffered(ctx, d.ana, r.UID, offered[0].Message, true), errs.NotFound)
		all := d.handed(ctx, r)
		if len(all) != 2 || all[1].Corrects != 1 || all[1].Answers["malicious"] != "yes" || !all[1].ToldAt.Equal(offered[0].At) {
			t.Fatalf("after: %+v", all)
		}
		d.fillIn(ctx, code, 1, law.Answers{"sector": "Health"})
		if offered, err = d.s.OfferedAnswers(ctx, d.DB, d.ana, r.UID); err != nil || len(offered) != 1 {
			t.Fatalf("offered again: %+v, %v", offered, err)
		}
		if err := d.s.TakeOffered(ctx, d.ana, r.UID, offered[0].Message, false); err != nil {
			t.Fatal(err)
		}
		if all := d.handed(ctx, r); len(all) != 2 {
			t.Errorf("set aside and filed")
		}
		// Our own answer in 24 hours is owed since the stage was filed, and not met by this letter: a person writes that.
		clocks, err := d.s.Deadlines.About(ctx, d.DB, r.Ref.ID)
		if err != nil || len(clocks[r.Ref.ID]) != 1 || !clocks[r.Ref.ID][0].DueAt.Equal(r.ReceivedAt.Add(24*time.Hour)) {
			t.Fatalf("our answer: %+v, %v", clocks, err)
		}
		for _, c := range clocks[r.Ref.ID] {
			if c.Kind == intake.FirstAnswer && !c.Open() {
				t.Error("an automatic letter met our answer")
			}
		}
	})
}

// Completing by the team keeps what was said; with nothing new it is refused.
func TestTheTeamCompletesWhatWasHandedIn(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		r := d.under(ctx, "eu-nis2", "early_warning", d.Clock.Now())
		before := d.handed(ctx, r)[0]
		x := d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "eu-nis2", Stage: "early_warning", Completes: 1, Answers: law.Answers{"sector": "Health"}})
		if x.Corrects != 1 || x.Answers["summary"] != before.Answers["summary"] || x.Answers["sector"] != "Health" {
			t.Errorf("%+v", x)
		}
		again := intake.SubmitInput{Set: "eu-nis2", Stage: "early_warning", Completes: 1, Channel: correspondence.ByPhone, Answers: law.Answers{"sector": "Health", "cross_border": "unknown"}}
		if _, err := d.s.Submit(ctx, d.ana, r.UID, again); !errors.Is(err, intake.ErrNothingNew) {
			t.Errorf("nothing new: %v", err)
		}
		again.Corrects = 1
		d.refused("corrects and completes", second(d.s.Submit(ctx, d.ana, r.UID, again)), errs.Invalid)
		again.Corrects, again.Stage = 0, "notification"
		d.refused("another stage", second(d.s.Submit(ctx, d.ana, r.UID, again)), errs.NotFound)
		// An organisation's own stage comes back to the queue.
		if _, err := d.s.Reply(ctx, d.ana, r.UID, correspondence.Outgoing{Subject: "We are on it", Text: "Call us."}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.s.Submit(ctx, d.Constituent(2, "Rui", d.hospital.Ref.ID), r.UID, intake.SubmitInput{Set: "eu-nis2", Stage: "notification", Answers: law.Answers{"status": "Contained"}}); err != nil {
			t.Fatal(err)
		}
		if q := d.queue(ctx, intake.QueueFilter{}); len(q) != 1 || !q[0].Report.AnswerCame {
			t.Errorf("the queue: %+v", q)
		}
	})
}

func (d *desk) contains(what, text string, words ...string) {
	d.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			d.Errorf("%s lacks %q:\n%s", what, w, text)
		}
	}
}

func (d *desk) lacks(what, text string, words ...string) {
	d.Helper()
	for _, w := range words {
		if strings.Contains(text, w) {
			d.Errorf("%s has %q:\n%s", what, w, text)
		}
	}
}

var link = regexp.MustCompile(`/r/([0-9a-z]{26})`)

func codeIn(t *testing.T, text string) id.Secret {
	t.Helper()
	m := link.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no link in %s", text)
	}
	return id.SecretOf(m[1])
}
