package intake_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/calendar"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const anyWords = "{en: a, pt: b, fr: c, nl: d, de: e}"

// suspending is a law of Portugal that lets clocks be suspended, has a lead correct and the team waive.
var suspending = strings.ReplaceAll(`code: xt
version: 1
nature: mandatory
country: PT
law: Law
short: X
in_force: 2026-01-01
confirmed: true
sources: [s]
checked: 2026-11-22
counting: plain
correct: lead
waive: team
suspends: true
stopped_by: [withdrawn]
name: WORDS
about: WORDS
authority: WORDS
stages:
  - {code: notice, article: Art. 1, need: when_needed, name: WORDS, hint: WORDS, asks: [aware_at, summary]}
  - {code: first, article: Art. 2, need: always, starts: awareness, within: PT24H, name: WORDS, hint: WORDS, asks: [summary]}
  - {code: second, article: Art. 3, need: always, starts: awareness, within: P7D, name: WORDS, hint: WORDS, asks: [summary]}
  - {code: third, article: Art. 4, need: always, starts: awareness, within: P30BD, name: WORDS, hint: WORDS, asks: [summary]}
  - {code: asked, article: Art. 5, need: on_request, starts: request, name: WORDS, hint: WORDS, asks: [summary]}
recipients:
  - {code: ministry, article: Art. 6, own: PT4H, name: WORDS}
`, "WORDS", anyWords)

var suspendingFields = strings.ReplaceAll(`aware_at: {part: 2, kind: moment, moment: awareness, label: WORDS}
summary: {part: 2, kind: lines, label: WORDS}
`, "WORDS", anyWords)

// library reads rule sets as the program does.
func (d *desk) library(files map[string]string) *law.Library {
	d.Helper()
	all := fstest.MapFS{"set/field.yaml": {Data: []byte(suspendingFields)}}
	for name, text := range files {
		all["set/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	l, problems := law.Read(all)
	if len(problems) > 0 {
		d.Fatal(problems)
	}
	return l
}

// rows writes the clocks of an obligation as the table has them: kind, what became of it, when it is due in Lisbon.
func (d *desk) rows(ctx context.Context, o intake.Obligation) string {
	d.Helper()
	all, err := db.All(ctx, d.DB, func(r *db.Rows) (line string, err error) {
		var kind string
		var due, met, stopped time.Time
		if err := r.Scan(&kind, &due, &met, &stopped); err != nil {
			return "", err
		}
		state := "runs"
		if !met.IsZero() {
			state = "met"
		} else if !stopped.IsZero() {
			state = "stands"
		}
		return fmt.Sprintf("%s %s %s", kind, state, due.In(d.s.Calendar.Zone()).Format("01-02 15:04")), nil
	}, `SELECT kind, due_at, met_at, stopped_at FROM deadline_clock WHERE about = $1 ORDER BY kind`, o.Ref.ID)
	if err != nil {
		d.Fatal(err)
	}
	return strings.Join(all, "; ")
}

// lisbon sets the team's calendar, and gives an instant of October or November 2026 in UTC.
func (d *desk) lisbon() {
	d.Helper()
	zone, err := time.LoadLocation("Europe/Lisbon")
	if err != nil {
		d.Fatal(err)
	}
	c, err := calendar.For("PT", zone)
	if err != nil {
		d.Fatal(err)
	}
	d.s.Calendar = &c
}

func october(day, hour, minute int) time.Time {
	return time.Date(2026, 10, day, hour, minute, 0, 0, time.UTC)
}

// From the file of a rule set to the rows of its clocks: suspended they stand, resumed they end as much later, hours by what passed, days by the days that
// ended meanwhile, working days by those. What is said of a suspension before a later word corrects it: by a lead, with a reason. Stopped, they keep the
// time that they had.
func TestSuspendedClocksOfALaw(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.lisbon()
		d.s.Laws = d.library(map[string]string{"xt.yaml": suspending})
		lead := d.Person(5, "Lea", access.Lead)
		d.Clock.Set(october(20, 10, 0)) // a Tuesday, summer time
		r := d.under(ctx, "xt", "notice", october(20, 9, 0))
		o := d.obligations(ctx, d.ana, r)[0]
		is := func(why, want string) {
			t.Helper()
			if got := d.rows(ctx, o); got != want {
				t.Errorf("%s:\n got %s\nwant %s", why, got, want)
			}
		}
		note := func(m law.Moment, at time.Time) {
			t.Helper()
			if _, err := d.s.NoteMoment(ctx, d.ana, o.UID, m, at, ""); err != nil {
				t.Fatalf("%s: %v", m, err)
			}
		}
		refuses := func(why string, kind errs.Kind, by access.Actor, m law.Moment, at time.Time, reason string) {
			t.Helper()
			_, err := d.s.NoteMoment(ctx, by, o.UID, m, at, reason)
			d.refused(why, err, kind)
		}
		// 24 hours; seven days, the clocks go back between; thirty working days, 1 December is a holiday
		is("begun", "first runs 10-21 10:00; ministry runs 10-20 15:00; second runs 10-27 23:59; third runs 12-02 23:59")
		refuses("resumed, never suspended", errs.Invalid, d.ana, law.Resumed, october(20, 9, 30), "")
		refuses("suspended in the future", errs.Invalid, d.ana, law.Suspended, october(20, 12, 0), "")

		d.Clock.Set(october(21, 8, 30))
		note(law.Suspended, october(21, 8, 0)) // an hour was left of the first
		is("suspended, our own clock is not", "first stands 10-21 10:00; ministry runs 10-20 15:00; second stands 10-27 23:59; third stands 12-02 23:59")
		refuses("suspended twice over", errs.Invalid, d.ana, law.Suspended, october(21, 8, 15), "")
		d.Clock.Set(october(26, 12, 0))
		for _, x := range d.obligations(ctx, d.ana, r)[0].Owed {
			if !x.Team && x.Late(d.Clock.Now()) {
				t.Errorf("%s stands, and is late", x.Code)
			}
		}
		note(law.Resumed, october(26, 10, 0)) // told two hours later
		is("resumed", "first runs 10-26 11:00; ministry runs 10-20 15:00; second runs 11-01 23:59; third runs 12-07 23:59")
		refuses("resumed twice", errs.Invalid, d.ana, law.Resumed, october(26, 11, 0), "")

		d.Clock.Set(october(28, 9, 0))
		note(law.Suspended, october(27, 9, 0)) // after the first was due
		is("suspended again", "first runs 10-26 11:00; ministry runs 10-20 15:00; second stands 11-01 23:59; third stands 12-07 23:59")
		note(law.Resumed, october(28, 9, 0))
		is("resumed again; 8 December is a holiday", "first runs 10-26 11:00; ministry runs 10-20 15:00; second runs 11-02 23:59; third runs 12-09 23:59")

		// it went on half an hour earlier, the first time
		refuses("an analyst corrects", errs.Forbidden, d.ana, law.Resumed, october(26, 9, 30), "They wrote at 9:30")
		refuses("a lead corrects without a reason", errs.Invalid, lead, law.Resumed, october(26, 9, 30), " ")
		is("refused, nothing moved", "first runs 10-26 11:00; ministry runs 10-20 15:00; second runs 11-02 23:59; third runs 12-09 23:59")
		if _, err := d.s.NoteMoment(ctx, lead, o.UID, law.Resumed, october(26, 9, 30), "They wrote at 9:30"); err != nil {
			t.Fatal(err)
		}
		is("corrected", "first runs 10-26 10:30; ministry runs 10-20 15:00; second runs 11-02 23:59; third runs 12-09 23:59")
		refuses("an analyst corrects awareness", errs.Forbidden, d.ana, law.Aware, october(20, 8, 0), "Their logs")
		if _, err := d.s.NoteMoment(ctx, lead, o.UID, law.Aware, october(20, 8, 0), "Their logs"); err != nil {
			t.Fatal(err)
		}
		is("aware an hour earlier: it was due when it was suspended", "first runs 10-26 09:30; ministry runs 10-20 15:00; second runs 11-02 23:59; third runs 12-09 23:59")

		// the team waives, with a reason
		_, err := d.s.Waive(ctx, d.Constituent(2, "Rui", d.hospital.Ref.ID), o.UID, "third", "Ours")
		d.refused("a constituent waives", err, errs.Forbidden)
		_, err = d.s.Waive(ctx, d.ana, o.UID, "third", "")
		d.refused("waived without a reason", err, errs.Invalid)
		if _, err = d.s.Waive(ctx, d.ana, o.UID, "third", "Told to the ministry"); err != nil {
			t.Fatal(err)
		}
		is("waived, it keeps its time", "first runs 10-26 09:30; ministry runs 10-20 15:00; second runs 11-02 23:59; third stands 12-09 23:59")
		if _, err = d.s.TakeBack(ctx, d.ana, o.UID, "third", "It was not"); err != nil {
			t.Fatal(err)
		}
		d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "xt", Stage: "first", ToldAt: october(26, 9, 30)})
		if first, _ := d.obligations(ctx, d.ana, r)[0].Find("first"); first.Late(d.Clock.Now()) {
			t.Error("handed in before it was due, and it is late: the suspension was forgotten")
		}
		is("met, it keeps its time", "first met 10-26 09:30; ministry runs 10-20 15:00; second runs 11-02 23:59; third runs 12-09 23:59")
		d.Clock.Set(october(28, 10, 0))
		note(law.Suspended, october(28, 9, 30))
		note(law.Withdrawn, october(28, 10, 0))
		is("withdrawn while it stood", "first met 10-26 09:30; ministry runs 10-20 15:00; second stands 11-02 23:59; third stands 12-09 23:59")

		rows, err := d.Audit.About(ctx, d.DB, r.Ref.ID, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]int{}
		for _, e := range rows {
			said[e.Verb]++
		}
		for verb, n := range map[string]int{"intake.moment": 6, "intake.correct_moment": 2, "intake.waive": 1, "intake.waive_back": 1} {
			if said[verb] != n {
				t.Errorf("%s is recorded %d times, want %d", verb, said[verb], n)
			}
		}
		if all := d.obligations(ctx, d.ana, r)[0].Facts; !slices.ContainsFunc(all, func(f intake.Fact) bool {
			return f.Code == "resumed" && f.Note == "They wrote at 9:30" && f.SaidBy == lead.Account
		}) {
			t.Errorf("the reason is not kept: %+v", all)
		}
	})
}

// What was handed in stays as it was, byte by byte, whatever is done to the report; what runs under a version of a rule set that is kept goes on under it.
func TestWhatWasSentIsFrozen(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.lisbon()
		d.s.Laws = d.library(map[string]string{"xt.yaml": suspending})
		lead := d.Person(5, "Lea", access.Lead)
		d.Clock.Set(october(20, 10, 0))
		r := d.under(ctx, "xt", "notice", october(20, 9, 0))
		o := d.obligations(ctx, d.ana, r)[0]
		frozen := func() []byte {
			t.Helper()
			all, err := db.All(ctx, d.DB, func(r *db.Rows) (line []byte, err error) {
				var told, filed time.Time
				var text, message string
				var body, sum []byte
				if err := r.Scan(&text, &told, &filed, &message, &sum, &body); err != nil {
					return nil, err
				}
				return fmt.Appendf(nil, "%s %s %s %s %x %x", text, told, filed, message, sum, body), nil
			}, `SELECT uid || stage || rule_set || rule_version || number || filed_by || corrects || organisation, told_at, filed_at, message, sum, body FROM intake_submission WHERE number = 1`)
			if err != nil || len(all) != 1 {
				t.Fatal(len(all), err)
			}
			return all[0]
		}
		before := frozen()
		rui := d.Constituent(2, "Rui", d.hospital.Ref.ID)
		for _, x := range []struct {
			what string
			do   func() error
		}{
			{"a moment", func() error { return second(d.s.NoteMoment(ctx, lead, o.UID, law.Aware, october(20, 8, 0), "Logs")) }},
			{"what completes it, and undoes no correction of the team", func() error {
				return second(d.s.Submit(ctx, d.ana, r.UID, intake.SubmitInput{Set: "xt", Stage: "notice", Channel: correspondence.ByPhone, Completes: 1, Answers: law.Answers{"summary": "More"}}))
			}},
			{"a correction", func() error {
				return second(d.s.Submit(ctx, d.ana, r.UID, intake.SubmitInput{Set: "xt", Stage: "notice", Channel: correspondence.ByPhone, Corrects: 1, Answers: law.Answers{"summary": "Other"}}))
			}},
			{"one by who sent it", func() error {
				return second(d.s.Submit(ctx, rui, r.UID, intake.SubmitInput{Set: "xt", Stage: "notice", Corrects: 1, Answers: law.Answers{"summary": "Mine"}}))
			}},
			{"the stage once more", func() error {
				return second(d.s.Submit(ctx, d.ana, r.UID, intake.SubmitInput{Set: "xt", Stage: "notice", Channel: correspondence.ByPhone, ToldAt: october(1, 0, 0)}))
			}},
			{"a suspension", func() error { return second(d.s.NoteMoment(ctx, d.ana, o.UID, law.Suspended, october(20, 9, 30), "")) }},
			{"a request", func() error { return second(d.s.RequestStage(ctx, d.ana, o.UID, "asked", october(25, 0, 0), "")) }},
			{"a waiver", func() error { return second(d.s.Waive(ctx, d.ana, o.UID, "third", "No")) }},
			{"words that are shown", func() error { return d.s.ShareWords(ctx, d.ana, r.UID, 1, true) }},
			{"passing on", func() error { return second(d.s.PassedOnTo(ctx, d.ana, o.UID, "ministry", time.Time{}, "By hand")) }},
		} {
			if err := x.do(); err != nil {
				t.Errorf("%s: %v", x.what, err)
			}
			if !bytes.Equal(frozen(), before) {
				t.Fatalf("%s changed what was sent", x.what)
			}
		}
		_, err := d.s.Submit(ctx, d.ana, r.UID, intake.SubmitInput{Set: "xt", Stage: "first", Channel: correspondence.ByPhone, Corrects: 1})
		d.refused("corrected as another stage", err, errs.NotFound)
		if !bytes.Equal(frozen(), before) {
			t.Error("a refusal changed what was sent")
		}

		// a newer version of the law gives twelve hours
		newer := strings.NewReplacer("version: 1", "version: 2", "PT24H", "PT12H").Replace(suspending)
		d.s.Laws = d.library(map[string]string{"xt.yaml": newer, "earlier/xt.1.yaml": suspending})
		d.Clock.Set(october(20, 11, 0))
		other := d.under(ctx, "xt", "notice", october(20, 9, 0))
		if got := d.rows(ctx, d.obligations(ctx, d.ana, other)[0]); !strings.HasPrefix(got, "first runs 10-20 22:00; ") {
			t.Errorf("begun under the newer version: %s", got)
		}
		if _, err := d.s.NoteMoment(ctx, d.ana, o.UID, law.Resumed, october(20, 11, 0), ""); err != nil {
			t.Fatal(err)
		}
		again := d.obligations(ctx, d.ana, r)[0]
		if got := d.rows(ctx, o); again.Set.Version != 1 || again.Began != 1 || !strings.Contains(got, "first runs 10-21 10:30") {
			t.Errorf("begun under the older one, it stood for an hour and a half: version %d, %s", again.Set.Version, got)
		}
		// where the older one is not kept, it was mistaken: all goes on under the newest
		d.s.Laws = d.library(map[string]string{"xt.yaml": newer})
		if again = d.obligations(ctx, d.ana, r)[0]; again.Set.Version != 2 || again.Began != 1 {
			t.Errorf("under %d, begun under %d", again.Set.Version, again.Began)
		}
	})
}
