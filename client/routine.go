package client

import (
	"context"
	"net/http"
	"time"
)

// Reason is why a report is rejected.
type Reason struct {
	Code    string           `json:"code"`
	Name    string           `json:"name"`
	Spam    bool             `json:"spam"`
	InUse   bool             `json:"in_use"`
	Letters map[string]Words `json:"letters"`
}

// Words is a letter in one language.
type Words struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// RuleWhen says for which mail a rule is: each condition that is given holds, by one of its values.
type RuleWhen struct {
	Senders   []string `json:"senders,omitempty"`
	Proved    bool     `json:"proved,omitempty"`
	Subject   []string `json:"subject,omitempty"`
	Lists     []string `json:"lists,omitempty"`
	Kinds     []string `json:"kinds,omitempty"`
	Types     []string `json:"types,omitempty"`
	Found     []string `json:"found,omitempty"`
	Languages []string `json:"languages,omitempty"`
	Score     int      `json:"score,omitempty"`
}

// RuleDo says what a rule does. Place is keep, spam, reject or "".
type RuleDo struct {
	Place    string           `json:"place,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	Tell     bool             `json:"tell,omitempty"`
	Class    string           `json:"class,omitempty"`
	Handler  int64            `json:"handler,omitempty"`
	Incident string           `json:"incident,omitempty"`
	Letters  map[string]Words `json:"letters,omitempty"`
}

// NewRule is a rule for routine mail as it is written; Days is of a trial.
type NewRule struct {
	Name string   `json:"name"`
	Off  bool     `json:"off,omitempty"`
	When RuleWhen `json:"when"`
	Do   RuleDo   `json:"do"`
	Days int      `json:"days,omitempty"`
}

// Rule is a rule for routine mail as it stands.
type Rule struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	On        bool      `json:"on"`
	When      RuleWhen  `json:"when"`
	Do        RuleDo    `json:"do"`
	Hits      int       `json:"hits"`
	HitAt     time.Time `json:"hit_at"`
	Problem   string    `json:"problem"`
	MadeAt    time.Time `json:"made_at"`
	ChangedAt time.Time `json:"changed_at"`
}

// Trial is what a rule would have done.
type Trial struct {
	From    time.Time      `json:"from"`
	Looked  int            `json:"looked"`
	More    bool           `json:"more"`
	Fits    int            `json:"fits"`
	Differs int            `json:"differs"`
	Kept    int            `json:"kept"`
	States  map[string]int `json:"states"`
	Lines   []struct {
		Report  string `json:"report"`
		State   string `json:"state"`
		Differs bool   `json:"differs"`
		Before  string `json:"before"`
	} `json:"lines"`
}

// Reasons lists why reports are rejected.
func (c *Client) Reasons(ctx context.Context) (List[Reason], error) {
	return get[List[Reason]](ctx, c, "/triage/reasons")
}

// Rules lists the rules for routine mail, in their order.
func (c *Client) Rules(ctx context.Context) (List[Rule], error) {
	return get[List[Rule]](ctx, c, "/triage/rules")
}

// MakeRule makes a rule for routine mail.
func (c *Client) MakeRule(ctx context.Context, in NewRule, opts ...Option) (Rule, error) {
	return post[Rule](ctx, c, "/triage/rules", in, opts...)
}

// TryRule says what a rule would have done with the mail of the last days.
func (c *Client) TryRule(ctx context.Context, in NewRule, opts ...Option) (Trial, error) {
	return post[Trial](ctx, c, "/triage/rules/trial", in, opts...)
}

// WriteRule writes a rule anew.
func (c *Client) WriteRule(ctx context.Context, rule string, in NewRule, opts ...Option) (Rule, error) {
	var out Rule
	_, err := c.Do(ctx, http.MethodPatch, "/triage/rules/"+seg(rule), in, &out, opts...)
	return out, err
}

// TurnRule turns a rule on or off, moves it up or down, or drops it; it gives those that are left.
func (c *Client) TurnRule(ctx context.Context, rule, action string, opts ...Option) (List[Rule], error) {
	in := struct {
		Action string `json:"action"`
	}{action}
	return post[List[Rule]](ctx, c, "/triage/rules/"+seg(rule)+"/turn", in, opts...)
}
