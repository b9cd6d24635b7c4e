package law_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC) // a Monday

func after(h float64) time.Time { return noon.Add(time.Duration(h * float64(time.Hour))) }

// plainly counts a month as thirty days and a working day as one; how days are counted is the calendar's own test. The limit is an hour later.
func plainly(p law.Period, _ law.Counting, from time.Time, stood ...law.Span) (time.Time, time.Time) {
	due := from.Add(p.Elapsed).AddDate(0, 0, p.Days+30*p.Months+p.WorkingDays)
	due = due.Add(law.Stood(from, due.Add(time.Hour), stood))
	return due, due.Add(time.Hour)
}

// tell writes what is owed as "code state hours-from-noon", for what is neither not yet begun nor not owed.
func tell(s law.Set, c law.Case) string {
	var out []string
	for _, o := range s.Owed(c, plainly) {
		if o.State == law.NotYet || o.State == law.NotOwed && o.Why == "after" {
			continue
		}
		line := o.Key() + " " + string(o.State)
		switch {
		case o.State == law.Met:
			line += fmt.Sprintf(" %g", o.MetAt.Sub(noon).Hours())
			if o.Late(time.Time{}) {
				line += " late"
			}
		case o.Why != "":
			line += " " + o.Why
		case !o.Due.IsZero():
			line += fmt.Sprintf(" %g", o.Due.Sub(noon).Hours())
			if o.Assumed {
				line += " assumed"
			}
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

func at(m law.Moment, h float64) law.Fact { return law.Fact{Moment: m, At: after(h)} }

func handed(pairs ...any) (out []law.Handed) {
	for i := 0; i+1 < len(pairs); i += 2 {
		h, ok := pairs[i+1].(float64)
		if !ok {
			h = float64(pairs[i+1].(int))
		}
		out = append(out, law.Handed{Stage: pairs[i].(string), At: after(h)})
	}
	return out
}

// What is owed under each law, from what happened and what was handed in.
func TestWhatIsOwed(t *testing.T) {
	l := library(t)
	for _, c := range []struct {
		why, set string
		c        law.Case
		want     string
	}{
		{"nothing is known", "eu-nis2", law.Case{}, ""},
		{"aware, and silent", "eu-nis2", law.Case{Facts: []law.Fact{at(law.Aware, 0)}}, "early_warning running 24; notification running 72"},
		{"told without saying since when: at the latest then", "eu-nis2", law.Case{Handed: handed("early_warning", 5)}, "early_warning met 5; notification running 77 assumed"},
		{"late is late, by the limit", "eu-nis2", law.Case{Facts: []law.Fact{at(law.Aware, 0)}, Handed: handed("early_warning", 25.5)}, "early_warning met 25.5 late; notification running 72"},
		{"after the strict time, within the limit", "eu-nis2", law.Case{Facts: []law.Fact{at(law.Aware, 0)}, Handed: handed("early_warning", 24.5)}, "early_warning met 24.5; notification running 72"},
		{"a notification is an early warning too", "eu-nis2", law.Case{Facts: []law.Fact{at(law.Aware, 0)}, Handed: handed("notification", 20)}, "early_warning met 20; notification met 20; final_report running 740; progress_report offered 740"},
		{"a trust service has a day for the notification", "eu-nis2", law.Case{Class: "trust_service", Facts: []law.Fact{at(law.Aware, 0)}}, "early_warning running 24; notification running 24"},
		{
			"it goes on when the final report is due: a progress report, then a month from handling", "eu-nis2",
			law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Handled, 1000)}, Handed: handed("early_warning", 1, "notification", 2, "progress_report", 700)},
			"early_warning met 1; notification met 2; final_report met 700; progress_report met 700; final_after running 1720",
		},
		{
			"handled: no progress report is offered", "eu-nis2",
			law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Handled, 10)}, Handed: handed("notification", 2)},
			"early_warning met 2; notification met 2; final_report running 722",
		},
		{
			"we ask, by a time of ours, twice", "eu-nis2",
			law.Case{
				Facts:  []law.Fact{at(law.Aware, 0), {Moment: law.Requested, Stage: "intermediate", At: after(30), Due: after(40)}, {Moment: law.Requested, Stage: "intermediate", At: after(60), Due: after(70)}},
				Handed: handed("notification", 2, "intermediate", 35),
			},
			"early_warning met 2; notification met 2; intermediate met 35; intermediate.2 running 70; final_report running 722; progress_report offered 722",
		},
		{"it was none after all", "eu-nis2", law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.NotSignificant, 30)}, Handed: handed("early_warning", 1)}, "early_warning met 1; notification stopped not_significant; intermediate stopped not_significant; final_report stopped not_significant; progress_report stopped not_significant"},
		{"waived", "eu-nis2", law.Case{Facts: []law.Fact{at(law.Aware, 0)}, Waived: map[string]bool{"early_warning": true}}, "early_warning waived 24; notification running 72"},
		{"other countries: they are told", "eu-nis2", law.Case{Handed: handed("early_warning", 1), Known: law.Answers{"cross_border": "yes"}}, "early_warning met 1; notification running 73 assumed; other_states running 25"},

		{"Portugal counts from the determination", "pt-dl-125-2025", law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Determined, 10)}}, "initial running 34; update offered 82"},
		{
			"the end of impact, then thirty working days", "pt-dl-125-2025",
			law.Case{Facts: []law.Fact{at(law.Determined, 0), at(law.ImpactEnded, 50)}, Handed: handed("initial", 3, "end_of_impact", 60)},
			"initial met 3; update offered 72; end_of_impact met 60; final running 780",
		},
		{
			"over within two hours of detection: the end alone", "pt-dl-125-2025",
			law.Case{Facts: []law.Fact{at(law.Detected, 0), at(law.Determined, 1), at(law.ImpactEnded, 2)}},
			"initial not_owed shortcut; update not_owed shortcut; end_of_impact running 26; interim not_owed shortcut; final not_owed shortcut",
		},
		{"two hours and a half: all of it", "pt-dl-125-2025", law.Case{Facts: []law.Fact{at(law.Detected, 0), at(law.Determined, 1), at(law.ImpactEnded, 2.5)}}, "initial running 25; update offered 73; end_of_impact running 26.5"},
		{
			"each week since we asked", "pt-dl-125-2025",
			law.Case{
				Facts:  []law.Fact{at(law.Determined, 0), {Moment: law.Requested, Stage: "interim", At: after(24)}},
				Handed: handed("initial", 3, "interim", 100, "interim", 300),
			},
			"initial met 3; update offered 72; interim met 100; interim.2 met 300; interim.3 running 528",
		},
		{
			"until it is handled", "pt-dl-125-2025",
			law.Case{
				Facts:  []law.Fact{at(law.Determined, 0), {Moment: law.Requested, Stage: "interim", At: after(24)}, at(law.Handled, 200)},
				Handed: handed("initial", 3, "interim", 100),
			},
			"initial met 3; update offered 72; interim met 100",
		},

		{"Belgium passes on at once; of essential entities to the crisis centre", "be-nis2", law.Case{Class: "essential", Handed: handed("early_warning", 1), Passed: map[string]time.Time{"sector_authority": after(1.5)}}, "early_warning met 1; notification running 73 assumed; sector_authority met 1.5; crisis_centre running 2"},
		{"of important ones not", "be-nis2", law.Case{Class: "important", Handed: handed("early_warning", 1)}, "early_warning met 1; notification running 73 assumed; sector_authority running 2"},
		{"nothing is owed by who reports voluntarily", "eu-nis2-voluntary", law.Case{Handed: handed("near_miss", 1)}, "incident offered; threat offered; near_miss met 1"},
	} {
		s, err := l.Set(c.set)
		if err != nil {
			t.Fatal(err)
		}
		if got := tell(s, c.c); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.why, got, c.want)
		}
	}
}

// Suspended, a clock stands; resumed, it ends as much later.
func TestASuspendedClockEndsLater(t *testing.T) {
	s, err := library(t).Set("eu-nis2")
	if err != nil {
		t.Fatal(err)
	}
	s.Suspends = true
	for _, c := range []struct {
		why   string
		facts []law.Fact
		want  string
	}{
		{"stands", []law.Fact{at(law.Aware, 0), at(law.Suspended, 5)}, "early_warning paused 24; notification paused 72"},
		{"goes on", []law.Fact{at(law.Aware, 0), at(law.Suspended, 5), at(law.Resumed, 15)}, "early_warning running 34; notification running 82"},
		{"twice", []law.Fact{at(law.Aware, 0), at(law.Suspended, 5), at(law.Resumed, 15), at(law.Suspended, 20), at(law.Resumed, 21)}, "early_warning running 35; notification running 83"},
		{"before it began", []law.Fact{at(law.Suspended, -5), at(law.Aware, 0), at(law.Resumed, 2)}, "early_warning running 26; notification running 74"},
		{"after it ended", []law.Fact{at(law.Aware, 0), at(law.Suspended, 30)}, "early_warning running 24; notification paused 72"},
		{"resumed, never suspended", []law.Fact{at(law.Aware, 0), at(law.Resumed, 2)}, "early_warning running 24; notification running 72"},
	} {
		if got := tell(s, law.Case{Facts: c.facts}); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.why, got, c.want)
		}
	}
	for _, c := range []struct {
		why  string
		c    law.Case
		want string
	}{
		{"handed in after it stood: not late", law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Suspended, 5), at(law.Resumed, 15)}, Handed: handed("early_warning", 30)}, "early_warning met 30; notification running 82"},
		{"handed in after the later end: late", law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Suspended, 5), at(law.Resumed, 15)}, Handed: handed("early_warning", 36)}, "early_warning met 36 late; notification running 82"},
		{"handed in while it stands: not late", law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Suspended, 5)}, Handed: handed("early_warning", 90)}, "early_warning met 90; notification paused 72"},
		{"suspended after it was handed in late", law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Suspended, 31), at(law.Resumed, 60)}, Handed: handed("early_warning", 30)}, "early_warning met 30 late; notification running 101"},
		{
			"waived, it keeps its later end",
			law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Suspended, 5), at(law.Resumed, 15)}, Waived: map[string]bool{"notification": true}},
			"early_warning running 34; notification waived 82",
		},
		{
			"a time that we named moves too",
			law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Suspended, 5), at(law.Resumed, 15), {Moment: law.Requested, Stage: "intermediate", At: after(1), Due: after(20)}}},
			"early_warning running 34; notification running 82; intermediate running 30",
		},
		{"resumed twice: the first counts", law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Suspended, 5), at(law.Resumed, 15), at(law.Resumed, 20)}}, "early_warning running 34; notification running 82"},
		{"said out of order", law.Case{Facts: []law.Fact{at(law.Resumed, 15), at(law.Suspended, 5), at(law.Aware, 0)}}, "early_warning running 34; notification running 82"},
	} {
		if got := tell(s, c.c); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.why, got, c.want)
		}
	}
	stopped := law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Suspended, 5), at(law.Resumed, 15), at(law.Withdrawn, 20)}}
	for _, o := range s.Owed(stopped, plainly) {
		if o.Code == "notification" && (o.State != law.Stopped || !o.Due.Equal(after(82))) {
			t.Errorf("withdrawn, it is %s and due %g", o.State, o.Due.Sub(noon).Hours())
		}
	}
	s.Suspends = false
	if got := tell(s, law.Case{Facts: []law.Fact{at(law.Aware, 0), at(law.Suspended, 5)}}); got != "early_warning running 24; notification running 72" {
		t.Errorf("a set that knows no suspension: %s", got)
	}
}

// A later stage shows what is known and asks the rest; a correction takes the place of what it corrects.
func TestWhatIsKnownIsNotAskedAgain(t *testing.T) {
	l := library(t)
	s, _ := l.Set("eu-nis2")
	notification, _ := s.Stage("notification")
	first := law.Answers{"entity": "Hospital", "malicious": "unknown", "summary": "Encrypted", "status": "Bad", "contact_email": "a@example.org"}
	all := []law.Handover{{first, -1}}
	known := law.Known(all)
	rest := map[string]bool{}
	for _, f := range l.Rest(notification, known) {
		rest[f.Code] = true
	}
	if rest["entity"] || rest["summary"] || !rest["malicious"] || !rest["status"] || !rest["indicators"] {
		t.Errorf("asked: %v", rest)
	}
	all = append(all, law.Handover{law.Answers{"malicious": "yes", "entity": "unknown"}, -1})
	if known = law.Known(all); known["malicious"] != "yes" || known["entity"] != "Hospital" {
		t.Errorf("known: %v", known)
	}
	corrected := law.Answers{"entity": "Hospital of Nordheim", "malicious": "no", "summary": "Encrypted"}
	all = append(all, law.Handover{corrected, 0})
	if known = law.Known(all); known["entity"] != "Hospital of Nordheim" || known["malicious"] != "yes" || known["contact_email"] != "" {
		t.Errorf("a correction stands where the corrected stood: %v", known)
	}
	again := law.Answers{"entity": "Hospital", "contact_phone": "1"}
	if known = law.Known(append(all, law.Handover{again, 2})); known["entity"] != "Hospital" || known["summary"] != "" || known["malicious"] != "yes" {
		t.Errorf("a correction of a correction: %v", known)
	}
	diff := l.Differ(first, corrected)
	var got []string
	for _, d := range diff {
		got = append(got, d.Field+":"+d.From+">"+d.To)
	}
	if want := "entity:Hospital>Hospital of Nordheim contact_email:a@example.org> status:Bad> malicious:unknown>no"; strings.Join(got, " ") != want {
		t.Errorf("differs: %s, want %s", strings.Join(got, " "), want)
	}
}

func TestAnAnswerThatItsQuestionDoesNotTakeIsRefused(t *testing.T) {
	l := library(t)
	check := func(a law.Answers) string {
		var p errs.Problems
		l.Check(&p, a, noon)
		var out []string
		for _, f := range p {
			out = append(out, f.Name+" "+f.Key)
		}
		return strings.Join(out, ", ")
	}
	for _, c := range []struct {
		a    law.Answers
		want string
	}{
		{law.Answers{"malicious": "yes", "users_affected": "1200", "aware_at": "2026-11-02T11:00:00Z", "cause": "human_error", "summary": "unknown", "status": ""}, ""},
		{law.Answers{"malicious": "perhaps"}, "answers.malicious error.choice"},
		{law.Answers{"cause": "fate"}, "answers.cause error.choice"},
		{law.Answers{"users_affected": "many"}, "answers.users_affected error.number"},
		{law.Answers{"users_affected": "NaN"}, "answers.users_affected error.number"},
		{law.Answers{"users_affected": "-1"}, "answers.users_affected error.number"},
		{law.Answers{"aware_at": "2026-11-02T11:00"}, "answers.aware_at error.date"},
		{law.Answers{"aware_at": "2026-11-03T11:00:00Z"}, "answers.aware_at error.past"},
		{law.Answers{"shoe_size": "44"}, "answers error.choice"},
		{law.Answers{"summary": "a\x00b"}, "answers.summary error.characters"},
		{law.Answers{"summary": strings.Repeat("x", law.MaxAnswer+1)}, "answers.summary error.too_long"},
		{law.Answers{"malicious": "m", "cross_border": "m"}, "answers.cross_border error.choice, answers.malicious error.choice"},
	} {
		if got := check(c.a); got != c.want {
			t.Errorf("%v: %q, want %q", c.a, got, c.want)
		}
	}
	facts := l.Facts(law.Answers{"aware_at": "2026-11-02T11:00:00+01:00", "ended_at": "unknown", "summary": "x"})
	if len(facts) != 1 || facts[0].Moment != law.Aware || !facts[0].At.Equal(noon.Add(-2*time.Hour)) {
		t.Errorf("facts: %+v", facts)
	}
}

// "Is it significant?" answers with its reasons, or with what it still needs to know.
func TestIsItSignificant(t *testing.T) {
	by := map[string]law.Threshold{}
	for _, x := range library(t).Thresholds() {
		by[x.Code] = x
	}
	type n = map[string]float64
	type b = map[string]bool
	all := b{"planned": false, "secrets": false, "death": false, "health": false, "access": false, "recurring": false, "compromised": false, "malicious": false, "physical": false, "misconfigured": false}
	but := func(changes b) b {
		out := b{}
		for k, v := range all {
			out[k] = v
		}
		for k, v := range changes {
			out[k] = v
		}
		return out
	}
	quiet := func(changes n) n {
		out := n{"loss_eur": 0, "unavailable_minutes": 0, "limited_minutes": 0, "slow_minutes": 0, "week_minutes": 0, "users_hit": 0}
		for k, v := range changes {
			out[k] = v
		}
		return out
	}
	for _, c := range []struct {
		why, table, kind string
		numbers          n
		yes              b
		want             law.Verdict
		reasons          string
		missing          string
	}{
		{"nothing of it", "eu-2024-2690", "cloud", quiet(nil), all, law.Insignificant, "", ""},
		{"planned maintenance", "eu-2024-2690", "cloud", quiet(n{"unavailable_minutes": 600}), but(b{"planned": true}), law.PlannedOutside, "", ""},
		{"a loss of half a million is not over it", "eu-2024-2690", "", quiet(n{"loss_eur": 500000, "turnover_eur": 1e9}), all, law.Insignificant, "", ""},
		{"a euro more is", "eu-2024-2690", "", quiet(n{"loss_eur": 500001}), all, law.Significant, "loss", ""},
		{"5 % of a small turnover is lower", "eu-2024-2690", "", quiet(n{"loss_eur": 50001, "turnover_eur": 1e6}), all, law.Significant, "loss", ""},
		{"without the turnover it is open", "eu-2024-2690", "", quiet(n{"loss_eur": 50001}), all, law.NotDetermined, "", "turnover_eur"},
		{"30 minutes are not over them", "eu-2024-2690", "cloud", quiet(n{"unavailable_minutes": 30}), all, law.Insignificant, "", ""},
		{"31 are", "eu-2024-2690", "cloud", quiet(n{"unavailable_minutes": 31}), all, law.Significant, "cloud_unavailable", ""},
		{"20 for a trust service", "eu-2024-2690", "trust_service", quiet(n{"unavailable_minutes": 21}), all, law.Significant, "trust_unavailable", ""},
		{"any for a data centre", "eu-2024-2690", "data_centre", quiet(n{"unavailable_minutes": 1}), all, law.Significant, "data_centre_unavailable", ""},
		{"limited for an hour and five percent", "eu-2024-2690", "cdn", quiet(n{"limited_minutes": 61, "users_hit": 51, "users_all": 1000}), all, law.Significant, "cdn_limited", ""},
		{"limited for an hour and exactly five percent", "eu-2024-2690", "cdn", quiet(n{"limited_minutes": 61, "users_hit": 50, "users_all": 1000}), all, law.Insignificant, "", ""},
		{"a million users are enough of any number", "eu-2024-2690", "cdn", quiet(n{"limited_minutes": 61, "users_hit": 1000001}), all, law.Significant, "cdn_limited", ""},
		{"few names by a wrong configuration", "eu-2024-2690", "dns", quiet(nil), but(b{"compromised": true, "misconfigured": true}), law.Insignificant, "", ""},
		{"compromised otherwise", "eu-2024-2690", "dns", quiet(nil), but(b{"compromised": true}), law.Significant, "dns_compromised", ""},
		{"two reasons", "eu-2024-2690", "managed", quiet(n{"unavailable_minutes": 40}), but(b{"compromised": true, "malicious": true}), law.Significant, "managed_unavailable managed_malicious", ""},
		{"of another type it does not count", "eu-2024-2690", "cloud", quiet(n{"slow_minutes": 600}), all, law.Insignificant, "", ""},
		{"one reason is enough, whatever else is open", "eu-2024-2690", "cloud", nil, b{"death": true}, law.Significant, "death", ""},
		{"recurring, together over it", "eu-2024-2690", "", quiet(n{"loss_together_eur": 600000}), but(b{"recurring": true}), law.Significant, "recurring", ""},

		{"Belgium: an hour for a fifth of the users", "be-ccb-guide", "", n{"loss_eur": 0, "outage_minutes": 60, "users_hit": 20, "users_all": 100}, b{"users_countable": true}, law.Significant, "users", ""},
		{"Belgium: users that cannot be counted", "be-ccb-guide", "", n{"loss_eur": 0, "outage_minutes": 60}, b{"users_countable": false}, law.Significant, "uncounted", ""},
		{"Belgium: 59 minutes", "be-ccb-guide", "", n{"loss_eur": 0, "outage_minutes": 59}, b{"planned": false, "malicious": false, "contract_missed": false, "secrets": false, "harm": false, "recurring": false}, law.Insignificant, "", ""},
	} {
		got := by[c.table].Judge(c.kind, law.Replies{Numbers: c.numbers, YesNo: c.yes})
		var reasons, missing []string
		for _, x := range got.Met {
			reasons = append(reasons, x.Code)
		}
		for _, x := range got.Missing {
			missing = append(missing, x.Code)
		}
		if got.Verdict != c.want || strings.Join(reasons, " ") != c.reasons || strings.Join(missing, " ") != c.missing {
			t.Errorf("%s: %s by %v, missing %v; want %s by %s, missing %s", c.why, got.Verdict, reasons, missing, c.want, c.reasons, c.missing)
		}
	}
	asked := map[string]bool{}
	for _, q := range by["eu-2024-2690"].Asked("dns") {
		asked[q.Code] = true
	}
	if !asked["slow_minutes"] || !asked["planned"] || asked["physical"] || asked["week_minutes"] {
		t.Errorf("asked of a DNS service: %v", asked)
	}
}
