package intake_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func (d *desk) lead() access.Actor { return d.Person(2, "Lia", access.Lead) }

// placed files a mail as the mailroom does: judged first.
func (d *desk) placed(ctx context.Context, in intake.ReceiveInput) intake.Report {
	d.Helper()
	sieve, err := d.s.Sieve(ctx, d.DB)
	if err != nil {
		d.Fatal(err)
	}
	if in.Body.Mail == nil {
		in.Body.Mail = &intake.Mail{}
	}
	if in.Placed, err = sieve.Place(ctx, d.DB, &in); err != nil {
		d.Fatal(err)
	}
	return d.receive(ctx, access.System("intake"), in).Report
}

func (d *desk) rule(ctx context.Context, when intake.Conditions, do intake.Acts) intake.Rule {
	d.Helper()
	x, err := d.s.SaveRule(ctx, d.lead(), intake.Rule{Name: "A rule", On: true, When: when, Do: do})
	if err != nil {
		d.Fatal(err)
	}
	return x
}

// work does the jobs that rules left, each twice.
func (d *desk) work(ctx context.Context) {
	d.Helper()
	d.s.Who = func(_ context.Context, _ db.Handle, account int64) (access.Actor, error) {
		if account == 2 {
			return d.lead(), nil
		}
		return access.Actor{}, errs.New(errs.Forbidden, "the account is closed")
	}
	args := "json(args)"
	if d.DB.Engine() == db.Postgres {
		args = "args::text"
	}
	jobs, err := db.All(ctx, d.DB, func(r *db.Rows) (j intake.RuleJob, err error) {
		var args string
		if err := r.Scan(&args); err != nil {
			return j, err
		}
		return j, json.Unmarshal([]byte(args), &j)
	}, `SELECT `+args+` FROM river_job WHERE kind = 'intake.rule' ORDER BY id`)
	if err != nil {
		d.Fatal(err)
	}
	for _, j := range append(jobs, jobs...) {
		if err := d.s.WorkRule(ctx, j); err != nil {
			d.Fatal(err)
		}
	}
}

func (d *desk) now(ctx context.Context, r intake.Report) intake.Report {
	d.Helper()
	got, err := d.s.Get(ctx, d.DB, d.ana, r.UID)
	if err != nil {
		d.Fatal(err)
	}
	return got
}

// Each condition is met by what it is for and by nothing beside it.
func TestARuleFitsWhatItIsFor(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		sum := strings.Repeat("ab", 32)
		mail := mailed("Your weekly DIGEST is here", "News@Mail.Example.org", correspondence.Aligned)
		mail.Body.Description = "All of it at https://host.example.net/a/b?c"
		mail.Body.Mail = &intake.Mail{List: "<weekly.list.example.org>", Kinds: []string{"list", "bulk"}, Language: "pt", Sums: []string{sum}, Signs: []intake.Sign{{Why: "bulk", Points: 3}}}
		mail.Body.Reported = &intake.Reported{Events: []intake.Event{{Format: "xarf4", Category: "abuse", Type: "phishing"}}}
		for what, c := range map[string]struct {
			when intake.Conditions
			want bool
		}{
			"its address":        {intake.Conditions{Senders: []string{"news@mail.example.org"}}, true},
			"its domain":         {intake.Conditions{Senders: []string{"@example.org"}}, true},
			"half of its domain": {intake.Conditions{Senders: []string{"ample.org"}}, false},
			"another address":    {intake.Conditions{Senders: []string{"x@mail.example.org"}}, false},
			"words":              {intake.Conditions{Subject: []string{"Weekly digest"}}, true},
			"other words":        {intake.Conditions{Subject: []string{"daily"}}, false},
			"its list":           {intake.Conditions{Lists: []string{"weekly.list"}}, true},
			"another list":       {intake.Conditions{Lists: []string{"monthly"}}, false},
			"its kind":           {intake.Conditions{Kinds: []string{"bulk"}}, true},
			"a person's":         {intake.Conditions{Kinds: []string{"person"}}, false},
			"its type":           {intake.Conditions{Types: []string{"phishing"}}, true},
			"its format":         {intake.Conditions{Types: []string{"xarf4"}}, true},
			"another type":       {intake.Conditions{Types: []string{"spam"}}, false},
			"a host":             {intake.Conditions{Found: []string{"example.net"}}, true},
			"a link":             {intake.Conditions{Found: []string{"https://host.example.net/a"}}, true},
			"another link":       {intake.Conditions{Found: []string{"host.example.net/z"}}, false},
			"a file":             {intake.Conditions{Found: []string{sum}}, true},
			"its language":       {intake.Conditions{Languages: []string{"pt"}}, true},
			"another language":   {intake.Conditions{Languages: []string{"fr"}}, false},
			"its points":         {intake.Conditions{Score: 3}, true},
			"more points":        {intake.Conditions{Score: 4}, false},
			"proved":             {intake.Conditions{Senders: []string{"example.org"}, Proved: true}, true},
			"one of several":     {intake.Conditions{Senders: []string{"x.example", "example.org"}, Kinds: []string{"list"}}, true},
			"only one of two":    {intake.Conditions{Senders: []string{"example.org"}, Kinds: []string{"bounce"}}, false},
		} {
			x := d.rule(ctx, c.when, intake.Acts{Place: intake.PlaceKeep})
			in := mail
			facts := *mail.Body.Mail
			in.Body.Mail = &facts
			sieve, err := d.s.Sieve(ctx, d.DB)
			if err != nil {
				t.Fatal(err)
			}
			got, err := sieve.Place(ctx, d.DB, &in)
			if err != nil || (got.Rule == x.ID) != c.want {
				t.Errorf("%s: fits %v, %v", what, got.Rule == x.ID, err)
			}
			if err := d.s.TurnRule(ctx, d.lead(), x.UID, "drop"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The first rule that fits acts, and no other, in the order that a person gave them; one that is off does nothing. Its hits are counted.
func TestTheFirstRuleActs(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		keep := d.rule(ctx, intake.Conditions{Subject: []string{"news"}}, intake.Acts{Place: intake.PlaceKeep, Class: "other"})
		spam := d.rule(ctx, intake.Conditions{Kinds: []string{"person"}}, intake.Acts{Place: intake.PlaceSpam})
		first := d.placed(ctx, mailed("News 1", "a@x.example", correspondence.Aligned))
		second := d.placed(ctx, mailed("Other", "a@x.example", correspondence.Aligned))
		if first.State != intake.New || first.Body.Class != "other" || second.State != intake.Spam {
			t.Errorf("placed %s %q, %s", first.State, first.Body.Class, second.State)
		}
		for _, turn := range []string{"down", "off"} {
			uid := keep.UID
			if turn == "off" {
				uid = spam.UID
			}
			if err := d.s.TurnRule(ctx, d.lead(), uid, turn); err != nil {
				t.Fatal(err)
			}
			r := d.placed(ctx, mailed("News "+turn, "a@x.example", correspondence.Aligned))
			if want := map[string]intake.State{"down": intake.Spam, "off": intake.New}[turn]; r.State != want {
				t.Errorf("after %s: %s, want %s", turn, r.State, want)
			}
		}
		rules, err := d.s.Rules(ctx, d.ana)
		if err != nil || len(rules) != 2 || rules[0].Hits != 2 || rules[1].Hits != 2 || !rules[0].HitAt.Equal(d.Clock.Now()) || rules[1].MadeBy != 2 {
			t.Errorf("rules %+v, %v", rules, err)
		}
	})
}

// What a rule does beyond placing is done in the name of who saved it, once; a person who was first is not overruled; what cannot be stands on the rule.
func TestARuleActsInAName(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		words := map[string]intake.Words{"en": {Subject: "Your mail {reference}", Text: "We read it, {name}."}, "pt": {Subject: "O seu correio", Text: "Lemos {reference}."}}
		d.rule(ctx, intake.Conditions{Subject: []string{"reject me"}}, intake.Acts{Place: intake.PlaceReject, Reason: "out_of_scope", Tell: true})
		d.rule(ctx, intake.Conditions{Subject: []string{"answer me"}}, intake.Acts{Letters: words})
		d.rule(ctx, intake.Conditions{Subject: []string{"take me"}}, intake.Acts{Handler: 1})
		attach := d.rule(ctx, intake.Conditions{Subject: []string{"attach me"}}, intake.Acts{Incident: "INC-2026-000001"})
		d.s.AttachTo = func(context.Context, access.Actor, string, []string) error { return errs.ErrNotFound }
		in := func(subject string, proof correspondence.Proof) intake.ReceiveInput {
			in := mailed(subject, strings.Fields(subject)[0]+fmt.Sprint(proof)+"@x.example", proof)
			in.TLP = "GREEN"
			return in
		}
		rejected, answered := d.placed(ctx, in("reject me", correspondence.Aligned)), d.placed(ctx, in("answer me", correspondence.Aligned))
		claimed, taken := d.placed(ctx, in("answer me too", correspondence.Claimed)), d.placed(ctx, in("take me", correspondence.Aligned))
		attached, first := d.placed(ctx, in("attach me", correspondence.Aligned)), d.placed(ctx, in("reject me later", correspondence.Aligned))
		amber := mailed("answer me strictly", "strictly@x.example", correspondence.Aligned)
		amber.TLP = "AMBER"
		strictly := d.placed(ctx, amber)
		if _, err := d.s.Reply(ctx, d.ana, first.UID, correspondence.Outgoing{Subject: "x", Text: "A person was first."}); err != nil {
			t.Fatal(err)
		}
		d.work(ctx)
		for what, c := range map[string]struct {
			r     intake.Report
			state intake.State
			sent  int
		}{
			"rejected": {rejected, intake.Rejected, 1}, "answered": {answered, intake.Answered, 1}, "a sender who is not proved": {claimed, intake.New, 0}, "taken": {taken, intake.New, 0},
			"attached to nothing": {attached, intake.New, 0}, "a person was first": {first, intake.Answered, 1},
		} {
			letters := 0
			for _, m := range d.messages(ctx, c.r) {
				if m.Direction == correspondence.Out && m.Kind == correspondence.Letter {
					letters++
				}
			}
			if got := d.now(ctx, c.r); got.State != c.state || letters != c.sent {
				t.Errorf("%s: %s, %d letters", what, got.State, letters)
			}
		}
		// Its words say what the mail was about: without a key its label takes the usual road, as if a person had written it.
		for _, c := range []struct {
			r    intake.Report
			road egress.Road
		}{{answered, egress.Signed}, {strictly, egress.Notice}} {
			letters := 0
			for _, m := range d.messages(ctx, c.r) {
				if m.Direction != correspondence.Out || m.Kind != correspondence.Letter {
					continue
				}
				if letters++; !m.Automatic || m.Body.Text != "Lemos "+c.r.Reference+"." || m.Road != c.road {
					t.Errorf("the letter of a rule to %s: automatic %v, by %s, %q", m.TLP, m.Automatic, m.Road, m.Body.Text)
				}
			}
			if letters != 1 {
				t.Errorf("%d letters to %s", letters, c.r.Body.Summary)
			}
		}
		if r := d.now(ctx, taken); r.Handler != 1 {
			t.Errorf("it was given to %d", r.Handler)
		}
		if x, err := d.s.RuleByUID(ctx, d.ana, attach.UID); err != nil || x.Problem != "not_found" || x.ProblemAt.IsZero() {
			t.Errorf("the rule says %q, %v", x.Problem, err)
		}
	})
}

// A dry run tells what would have been, changes nothing, and tells nobody of what he may not see.
func TestADryRunTellsWhatWouldHaveBeen(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		old := d.placed(ctx, mailed("Newsletter zero", "a@news.example", correspondence.Aligned))
		d.Clock.Advance(8 * 24 * time.Hour)
		one := d.placed(ctx, mailed("Newsletter one", "a@news.example", correspondence.Aligned))
		two := d.placed(ctx, mailed("Newsletter two", "a@news.example", correspondence.Aligned))
		sealed := mailed("Newsletter three", "a@news.example", correspondence.Aligned)
		sealed.Seal = correspondence.Encrypted
		d.placed(ctx, sealed)
		red := mailed("Newsletter four", "a@news.example", correspondence.Aligned)
		red.TLP = "RED"
		d.placed(ctx, red)
		d.placed(ctx, mailed("Something else", "b@other.example", correspondence.Aligned))
		if _, err := d.s.Reply(ctx, d.ana, two.UID, correspondence.Outgoing{Subject: "x", Text: "It was no routine."}); err != nil {
			t.Fatal(err)
		}
		x := intake.Rule{Name: "News", On: true, When: intake.Conditions{Senders: []string{"news.example"}}, Do: intake.Acts{Place: intake.PlaceReject, Reason: "spam"}}
		got, err := d.s.TryRule(ctx, d.lead(), x, 7)
		if err != nil || got.Looked != 5 || got.Fits != 3 || got.Differs != 1 || got.Kept != 1 || got.States[intake.Answered] != 1 || len(got.Lines) != 3 || got.Lines[0].Report.UID != two.UID || !got.Lines[0].Differs {
			t.Errorf("the trial says %+v, %v", got, err)
		}
		blind := d.lead()
		blind.Roles = nil
		if _, err := d.s.TryRule(ctx, blind, x, 7); !errs.Is(err, errs.Forbidden) {
			t.Errorf("without rights: %v", err)
		}
		if _, err := d.s.TryRule(ctx, d.ana, x, 7); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an analyst makes no rules: %v", err)
		}
		d.rule(ctx, intake.Conditions{Subject: []string{"newsletter one"}}, intake.Acts{Place: intake.PlaceKeep})
		got, err = d.s.TryRule(ctx, d.lead(), x, 90)
		if err != nil || got.Looked != 6 || got.Fits != 3 || got.Kept != 1 {
			t.Errorf("of ninety days it says %+v, %v", got, err)
		}
		for _, l := range got.Lines {
			if (l.Before == "A rule") != (l.Report.UID == one.UID) {
				t.Errorf("%s: before it acts %q", l.Report.Body.Summary, l.Before)
			}
		}
		if r := d.now(ctx, old); r.State != intake.New {
			t.Errorf("the trial made it %s", r.State)
		}
		if rules, _ := d.s.Rules(ctx, d.ana); len(rules) != 1 || rules[0].Hits != 0 {
			t.Errorf("the trial left %+v", rules)
		}
	})
}

// What a rule may not be is said all at once; who may not change rules changes none.
func TestARuleThatIsNoneIsRefused(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		_, err := d.s.SaveRule(ctx, d.lead(), intake.Rule{When: intake.Conditions{Senders: []string{"x"}, Kinds: []string{"nothing"}, Found: []string{"zz"}}, Do: intake.Acts{Place: "reject", Reason: "because", Handler: 1}})
		if !errs.Is(err, errs.Invalid) {
			t.Fatal(err)
		}
		for _, field := range []string{"name", "senders", "kinds", "found", "reason", "place"} {
			if !strings.Contains(fmt.Sprintf("%+v", errs.Fields(err)), field) {
				t.Errorf("%s is not said to be wrong: %+v", field, errs.Fields(err))
			}
		}
		ok := intake.Rule{Name: "x", When: intake.Conditions{Score: 3}, Do: intake.Acts{Place: intake.PlaceSpam}}
		for who, by := range map[string]access.Actor{"an analyst": d.ana, "an administrator": d.Person(5, "Adm", access.Admin), "an organisation": d.Constituent(7, "Rui", d.hospital.Ref.ID)} {
			if _, err := d.s.SaveRule(ctx, by, ok); !errs.Is(err, errs.Forbidden) {
				t.Errorf("%s: %v", who, err)
			}
			if err := d.s.TurnRule(ctx, by, "x", "off"); !errs.Is(err, errs.Forbidden) {
				t.Errorf("%s turns one off: %v", who, err)
			}
		}
		if err := d.s.TurnRule(ctx, d.lead(), "x", "off"); !errs.Is(err, errs.NotFound) {
			t.Errorf("a rule that is none: %v", err)
		}
	})
}

// A team says why it rejects in its own words: the letter of the reason goes in the reporter's language, and what is out of use is not taken.
func TestReasonsAreTheTeams(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		all, err := d.s.Reasons(ctx, d.DB)
		if err != nil || len(all) != 7 || !all[0].Spam || all[1].Spam || all[1].Name("de") == "" || all[1].Letters["fr"].Text == "" || len(all[0].Letters) != 0 {
			t.Fatalf("shipped: %+v, %v", all, err)
		}
		own := append(all, intake.Reason{Code: "press", Names: map[string]string{"en": "From the press"}, Letters: map[string]intake.Words{"en": {Subject: "Press", Text: "Dear {name}, ask our press desk about {reference}."}}})
		own[2].Off = true
		if err := d.s.SetReasons(ctx, d.ana, own); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an analyst: %v", err)
		}
		for what, wrong := range map[string][]intake.Reason{
			"none": nil, "twice": {own[0], own[0]}, "no word": {own[0], {Code: "x"}}, "no spam": {{Code: "spam"}}, "no English": {own[0], {Code: "x", Names: map[string]string{"en": "X"}, Letters: map[string]intake.Words{"fr": {Subject: "a", Text: "b"}}}},
			"a code": {own[0], {Code: "A b", Names: map[string]string{"en": "X"}}}, "ours": {own[0], {Code: "routine", Names: map[string]string{"en": "X"}}},
		} {
			if err := d.s.SetReasons(ctx, d.lead(), wrong); !errs.Is(err, errs.Invalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := d.s.SetReasons(ctx, d.lead(), own); err != nil {
			t.Fatal(err)
		}
		in := mailed("A question", "rep@press.example", correspondence.Aligned)
		in.TLP, in.NoReceipt = "GREEN", true
		r := d.receive(ctx, access.System("intake"), in).Report
		if _, err := d.s.Reject(ctx, d.ana, r.UID, "duplicate", "", 0); !errs.Is(err, errs.Invalid) {
			t.Errorf("a reason out of use: %v", err)
		}
		aud := d.Person(8, "Aud", access.Auditor)
		if _, err := d.s.RejectWith(ctx, aud, r.UID, intake.Rejection{Reason: "press", Tell: true}); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an auditor: %v", err)
		}
		if _, err := d.s.RejectWith(ctx, d.ana, r.UID, intake.Rejection{Reason: "press", Tell: true}); err != nil {
			t.Fatal(err)
		}
		list := d.messages(ctx, r)
		if last := list[len(list)-1]; last.Body.Text != "Dear Rui, ask our press desk about "+r.Reference+"." || last.Automatic {
			t.Errorf("the letter says %q", last.Body.Text)
		}
	})
}
