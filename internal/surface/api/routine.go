package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

func (a *API) routine() {
	on(a, "GET /triage/reasons", a.reasons)
	on(a, "GET /triage/rules", a.rules)
	on(a, "POST /triage/rules", a.makeRule)
	on(a, "POST /triage/rules/trial", a.tryRule)
	on(a, "PATCH /triage/rules/{rule}", a.changeRule)
	on(a, "POST /triage/rules/{rule}/turn", a.turnRule)
}

// RejectReason is why a report is rejected.
type RejectReason struct {
	Code    string           `json:"code"`
	Name    string           `json:"name" doc:"In the language of the token's owner"`
	Spam    bool             `json:"spam" doc:"What is alike comes under suspicion"`
	InUse   bool             `json:"in_use"`
	Letters map[string]Words `json:"letters" doc:"By language"`
}

// Words is a letter in one language.
type Words struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

func (a *API) reasons(ctx context.Context, by access.Actor, _ *AnyInput) (reply[List[RejectReason]], error) {
	all, err := a.Intake.Reasons(ctx, a.Intake.DB)
	return reply[List[RejectReason]]{body: list(mapped(all, func(r intake.Reason) RejectReason {
		return RejectReason{Code: r.Code, Name: r.Name(by.Lang), Spam: r.Spam, InUse: !r.Off, Letters: wordsView(r.Letters)}
	}), "")}, err
}

func wordsView(all map[string]intake.Words) map[string]Words {
	out := map[string]Words{}
	for l, w := range all {
		out[l] = Words(w)
	}
	return out
}

// RuleIn is a rule for routine mail as it is written. Each condition that is given holds, by one of its values.
type RuleIn struct {
	Name string   `json:"name"`
	Off  bool     `json:"off,omitempty"`
	When RuleWhen `json:"when"`
	Do   RuleDo   `json:"do"`
	Days int      `json:"days,omitempty" doc:"Of a trial: 7 when left out, 90 at most"`
}

// RuleWhen says for which mail a rule is.
type RuleWhen struct {
	Senders   []string `json:"senders,omitempty" doc:"Addresses, and domains with those under them"`
	Proved    bool     `json:"proved,omitempty" doc:"Only when the sender is proved"`
	Subject   []string `json:"subject,omitempty" doc:"Words in any case"`
	Lists     []string `json:"lists,omitempty" doc:"Parts of List-Id"`
	Kinds     []string `json:"kinds,omitempty" doc:"person, list, bulk, automatic, bounce, abuse, routine"`
	Types     []string `json:"types,omitempty" doc:"Format, category or type of a report in fields"`
	Found     []string `json:"found,omitempty" doc:"Hosts, beginnings of links, SHA-256 of files"`
	Languages []string `json:"languages,omitempty"`
	Score     int      `json:"score,omitempty" doc:"Points of its signs of spam at least"`
}

// RuleDo says what a rule does.
type RuleDo struct {
	Place    string           `json:"place,omitempty" enum:"keep,spam,reject" doc:"Left out, mail lies where it comes"`
	Reason   string           `json:"reason,omitempty" doc:"reject"`
	Tell     bool             `json:"tell,omitempty" doc:"reject: with the letter of the reason"`
	Class    string           `json:"class,omitempty" doc:"Proposed classification, RSIT"`
	Handler  int64            `json:"handler,omitempty" doc:"Account that it is given to"`
	Incident string           `json:"incident,omitempty" doc:"Number of the incident that it is attached to"`
	Letters  map[string]Words `json:"letters,omitempty" doc:"An answer, by language"`
}

// Rule is a rule for routine mail as it stands.
type Rule struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	On        bool      `json:"on"`
	When      RuleWhen  `json:"when"`
	Do        RuleDo    `json:"do"`
	Hits      int       `json:"hits"`
	HitAt     time.Time `json:"hit_at,omitzero"`
	Problem   string    `json:"problem,omitempty" doc:"What it could not do last: a kind of refusal"`
	MadeAt    time.Time `json:"made_at"`
	ChangedAt time.Time `json:"changed_at"`
}

func ruleView(x intake.Rule) Rule {
	v := Rule{ID: x.UID, Name: x.Name, On: x.On, When: RuleWhen(x.When), Hits: x.Hits, HitAt: x.HitAt, Problem: x.Problem, MadeAt: x.MadeAt, ChangedAt: x.ChangedAt}
	v.Do = RuleDo{Place: x.Do.Place, Reason: x.Do.Reason, Tell: x.Do.Tell, Class: x.Do.Class, Handler: x.Do.Handler, Incident: x.Do.Incident}
	if len(x.Do.Letters) > 0 {
		v.Do.Letters = wordsView(x.Do.Letters)
	}
	return v
}

func (x RuleIn) rule(uid string) intake.Rule {
	out := intake.Rule{UID: uid, Name: x.Name, On: !x.Off, When: intake.Conditions(x.When), Do: intake.Acts{
		Place: x.Do.Place, Reason: x.Do.Reason, Tell: x.Do.Tell, Class: x.Do.Class, Handler: x.Do.Handler, Incident: x.Do.Incident, Letters: map[string]intake.Words{},
	}}
	for l, w := range x.Do.Letters {
		out.Do.Letters[l] = intake.Words(w)
	}
	return out
}

func (a *API) rules(ctx context.Context, by access.Actor, _ *AnyInput) (reply[List[Rule]], error) {
	all, err := a.Intake.Rules(ctx, by)
	return reply[List[Rule]]{body: list(mapped(all, ruleView), "")}, err
}

// NewRuleInput is the input of POST /triage/rules and of its trial.
type NewRuleInput struct {
	With[RuleIn]
}

func (a *API) makeRule(ctx context.Context, by access.Actor, in *NewRuleInput) (reply[Rule], error) {
	x, err := a.Intake.SaveRule(ctx, by, in.Body.Value.rule(""))
	return reply[Rule]{body: ruleView(x)}, err
}

// RuleInput is the input of PATCH /triage/rules/{rule}.
type RuleInput struct {
	Rule string `path:"rule"`
	With[RuleIn]
}

func (a *API) changeRule(ctx context.Context, by access.Actor, in *RuleInput) (reply[Rule], error) {
	x, err := a.Intake.SaveRule(ctx, by, in.Body.Value.rule(in.Rule))
	return reply[Rule]{body: ruleView(x)}, err
}

// RuleTurn is one thing that is done to a rule.
type RuleTurn struct {
	Action string `json:"action" enum:"on,off,up,down,drop"`
}

// RuleTurnInput is the input of POST /triage/rules/{rule}/turn.
type RuleTurnInput struct {
	Rule string `path:"rule"`
	With[RuleTurn]
}

func (a *API) turnRule(ctx context.Context, by access.Actor, in *RuleTurnInput) (reply[List[Rule]], error) {
	if err := a.Intake.TurnRule(ctx, by, in.Rule, in.Body.Value.Action); err != nil {
		return reply[List[Rule]]{}, err
	}
	return a.rules(ctx, by, nil)
}

// Trial is what a rule would have done.
type Trial struct {
	From    time.Time      `json:"from"`
	Looked  int            `json:"looked" doc:"Mails that were looked at: those that you may see"`
	More    bool           `json:"more" doc:"There were more"`
	Fits    int            `json:"fits" doc:"It would have acted on so many"`
	Differs int            `json:"differs" doc:"Of these, something else became of so many"`
	Kept    int            `json:"kept" doc:"Would fit, but are never set aside"`
	States  map[string]int `json:"states" doc:"What became of those that fit"`
	Lines   []TrialLine    `json:"lines"`
}

// TrialLine is one of the mails.
type TrialLine struct {
	Report  string `json:"report"`
	State   string `json:"state"`
	Differs bool   `json:"differs"`
	Before  string `json:"before,omitempty" doc:"A rule that would have acted first"`
}

func (a *API) tryRule(ctx context.Context, by access.Actor, in *NewRuleInput) (reply[Trial], error) {
	days := in.Body.Value.Days
	if days == 0 {
		days = 7
	}
	x, err := a.Intake.TryRule(ctx, by, in.Body.Value.rule(""), days)
	out := Trial{From: x.From, Looked: x.Looked, More: x.More, Fits: x.Fits, Differs: x.Differs, Kept: x.Kept, States: map[string]int{}, Lines: []TrialLine{}}
	for s, n := range x.States {
		out.States[string(s)] = n
	}
	for _, l := range x.Lines {
		out.Lines = append(out.Lines, TrialLine{Report: l.Report.Reference, State: string(l.Report.State), Differs: l.Differs, Before: l.Before})
	}
	return reply[Trial]{body: out}, err
}
