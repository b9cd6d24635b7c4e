package client

import (
	"context"
	"time"
)

// RuleSet is what a law asks, as data. Texts are in the client's language.
type RuleSet struct {
	Code       string      `json:"code"`
	Version    int         `json:"revision"`
	Nature     string      `json:"nature"` // mandatory, voluntary, pointer
	Country    string      `json:"country"`
	Law        string      `json:"law"`
	Name       string      `json:"name"`
	About      string      `json:"about"`
	InForce    string      `json:"in_force"`
	Confirmed  bool        `json:"confirmed"`
	Doubts     []string    `json:"doubts"`
	Classes    []Coded     `json:"classes"`
	Stages     []RuleStage `json:"stages"`
	Recipients []Coded     `json:"recipients"`
}

// Coded is a code with its words.
type Coded struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// RuleStage is one thing that an entity hands in.
type RuleStage struct {
	Code      string     `json:"code"`
	Article   string     `json:"article"`
	Name      string     `json:"name"`
	Need      string     `json:"need"` // always, when_needed, on_request, while_ongoing
	Starts    string     `json:"starts"`
	Within    string     `json:"within"`
	Every     string     `json:"every"`
	Confirmed bool       `json:"confirmed"`
	Asks      []Question `json:"asks"`
}

// Question is one question of a stage; "unknown" is an answer to each.
type Question struct {
	Code    string  `json:"code"`
	Kind    string  `json:"kind"` // line, lines, moment, number, yes_no, choice
	Label   string  `json:"label"`
	Hint    string  `json:"hint"`
	Options []Coded `json:"options"`
	Part    int     `json:"part"`
	Moment  string  `json:"moment"`
}

// NewStage is a stage to be filed. ToldAt, Message and Affected are for the team.
type NewStage struct {
	RuleSet   string            `json:"rule_set"`
	Stage     string            `json:"stage"`
	Answers   map[string]string `json:"answers,omitempty"`
	Class     string            `json:"class,omitempty"`
	Corrects  int               `json:"corrects,omitempty"`
	Completes int               `json:"completes,omitempty"` // number of the stage whose gaps the answers fill
	ToldAt    time.Time         `json:"told_at,omitzero"`
	Message   string            `json:"message,omitempty"`
	Affected  []string          `json:"affected,omitempty"`
}

// Stage is a stage as it was handed in. It never changes.
type Stage struct {
	ID          string            `json:"id"`
	Number      int               `json:"number"`
	RuleSet     string            `json:"rule_set"`
	Version     int               `json:"revision"`
	Stage       string            `json:"stage"`
	ToldAt      time.Time         `json:"told_at"`
	FiledAt     time.Time         `json:"filed_at"`
	Channel     string            `json:"channel"`
	Corrects    int               `json:"corrects"`
	SHA256      string            `json:"sha256"`
	Answers     map[string]string `json:"answers"`
	Obligations []string          `json:"obligations"`
	Own         bool              `json:"own"`
	Missing     []string          `json:"missing"`
	AskedAt     time.Time         `json:"asked_at"`
}

// Obligation is what one law asks of one affected organisation in one report.
type Obligation struct {
	ID           string           `json:"id"`
	RuleSet      string           `json:"rule_set"`
	Version      int              `json:"revision"`
	Began        int              `json:"began"`
	Class        string           `json:"class"`
	Organisation *OrganisationRef `json:"organisation"`
	Owed         []Owed           `json:"owed"`
	Facts        []Fact           `json:"facts"`
}

// Owed is one thing that somebody owes under an obligation.
type Owed struct {
	Key     string    `json:"key"`
	Name    string    `json:"name"`
	Owes    string    `json:"owes"`  // us, reporter
	State   string    `json:"state"` // not_yet, offered, running, paused, met, stopped, waived, not_owed
	Start   time.Time `json:"start"`
	Assumed bool      `json:"assumed"`
	DueAt   time.Time `json:"due_at"`
	LimitAt time.Time `json:"limit_at"`
	MetAt   time.Time `json:"met_at"`
	Late    bool      `json:"late"`
	Why     string    `json:"why"`
}

// Fact is one thing that happened, as somebody said it. Reason is for the team.
type Fact struct {
	Kind    string    `json:"kind"` // moment, request, waiver, passed
	Code    string    `json:"code"`
	At      time.Time `json:"at"`
	DueAt   time.Time `json:"due_at"`
	SaidAt  time.Time `json:"said_at"`
	EndedAt time.Time `json:"ended_at"`
	Reason  string    `json:"reason"`
}

// RuleSets lists the laws as data: stages, clocks, questions.
func (c *Client) RuleSets(ctx context.Context) (List[RuleSet], error) {
	return get[List[RuleSet]](ctx, c, "/rule-sets")
}

// RuleSet reads one by code.
func (c *Client) RuleSet(ctx context.Context, code string) (RuleSet, error) {
	return get[RuleSet](ctx, c, "/rule-sets/"+seg(code))
}

// Stages lists the legal stages of a report as they were handed in.
func (c *Client) Stages(ctx context.Context, report string) (List[Stage], error) {
	return get[List[Stage]](ctx, c, "/reports/"+seg(report)+"/stages")
}

// FileStage files a legal stage, or the correction of one. What comes late or incomplete is filed all the same.
func (c *Client) FileStage(ctx context.Context, report string, in NewStage, opts ...Option) (Stage, error) {
	return post[Stage](ctx, c, "/reports/"+seg(report)+"/stages", in, opts...)
}

// AskMissing asks for what is missing in a stage, by "letter" with a link to the reporter or by "code" to read out.
func (c *Client) AskMissing(ctx context.Context, report string, number int, by string, opts ...Option) (AskedMissing, error) {
	in := struct {
		Number int    `json:"number"`
		By     string `json:"by"`
	}{number, by}
	return post[AskedMissing](ctx, c, "/reports/"+seg(report)+"/missing", in, opts...)
}

// Offered lists answers that came by a link of plain mail and wait for a person.
func (c *Client) Offered(ctx context.Context, report string) (List[Offered], error) {
	return get[List[Offered]](ctx, c, "/reports/"+seg(report)+"/offered")
}

// TakeOffered files such answers, or sets them aside. It gives those that still wait.
func (c *Client) TakeOffered(ctx context.Context, report, message string, take bool, opts ...Option) (List[Offered], error) {
	in := struct {
		Message string `json:"message"`
		Take    bool   `json:"take"`
	}{message, take}
	return post[List[Offered]](ctx, c, "/reports/"+seg(report)+"/offered", in, opts...)
}

// OwnCases lists what laws ask of the organisation of the token in reports that others made, without what was handed in.
func (c *Client) OwnCases(ctx context.Context) (List[OwnCase], error) {
	return get[List[OwnCase]](ctx, c, "/obligations")
}

// OwnCase reads one, with what was handed in for the organisation.
func (c *Client) OwnCase(ctx context.Context, obligation string) (OwnCase, error) {
	return get[OwnCase](ctx, c, "/obligations/"+seg(obligation))
}

// FileOwn files a stage of the organisation of the token, or the correction of one that it filed (its id, or "").
func (c *Client) FileOwn(ctx context.Context, obligation, stage string, answers map[string]string, corrects string, opts ...Option) (OwnCase, error) {
	in := struct {
		Stage    string            `json:"stage"`
		Answers  map[string]string `json:"answers,omitempty"`
		Corrects string            `json:"corrects,omitempty"`
	}{stage, answers, corrects}
	return post[OwnCase](ctx, c, "/obligations/"+seg(obligation)+"/stages", in, opts...)
}

// AskedMissing is what became of asking for what is missing. Code is shown once.
type AskedMissing struct {
	Missing []string `json:"missing"`
	Message string   `json:"message"`
	State   string   `json:"state"`
	Code    string   `json:"code"`
	URL     string   `json:"url"`
}

// Offered are answers that came by a link which travelled in plain mail.
type Offered struct {
	Message string            `json:"message"`
	Number  int               `json:"number"`
	At      time.Time         `json:"at"`
	Answers map[string]string `json:"answers"`
}

// OwnCase is what a law asks of one's own organisation in one report, with what was said of it.
type OwnCase struct {
	Obligation
	Reference  string    `json:"reference"`
	Foreign    bool      `json:"foreign"`
	Who        string    `json:"who"`
	ReceivedAt time.Time `json:"received_at"`
	State      string    `json:"state"`
	Stages     []Stage   `json:"stages"`
}

// Obligations reads what laws ask in a report, of whom and by when.
func (c *Client) Obligations(ctx context.Context, report string) (List[Obligation], error) {
	return get[List[Obligation]](ctx, c, "/reports/"+seg(report)+"/obligations")
}

// NoteMoment notes when something happened that clocks hang on, or corrects it; then with a reason.
func (c *Client) NoteMoment(ctx context.Context, obligation, moment string, at time.Time, reason string, opts ...Option) (Obligation, error) {
	in := struct {
		Moment string    `json:"moment"`
		At     time.Time `json:"at"`
		Reason string    `json:"reason,omitempty"`
	}{moment, at, reason}
	return post[Obligation](ctx, c, "/obligations/"+seg(obligation)+"/moments", in, opts...)
}

// RequestStage notes that a stage was asked for; a zero due takes the period of the rule set.
func (c *Client) RequestStage(ctx context.Context, obligation, stage string, due time.Time, reason string, opts ...Option) (Obligation, error) {
	in := struct {
		Stage  string    `json:"stage"`
		DueAt  time.Time `json:"due_at,omitzero"`
		Reason string    `json:"reason,omitempty"`
	}{stage, due, reason}
	return post[Obligation](ctx, c, "/obligations/"+seg(obligation)+"/requests", in, opts...)
}

// Waive lets go of something owed, or with back lets it be owed again.
func (c *Client) Waive(ctx context.Context, obligation, key, reason string, back bool, opts ...Option) (Obligation, error) {
	in := struct {
		Key    string `json:"key"`
		Reason string `json:"reason"`
		Back   bool   `json:"back,omitempty"`
	}{key, reason, back}
	return post[Obligation](ctx, c, "/obligations/"+seg(obligation)+"/waivers", in, opts...)
}

// PassedOn notes that a recipient by law was given what was handed in.
func (c *Client) PassedOn(ctx context.Context, obligation, recipient, how string, opts ...Option) (Obligation, error) {
	in := struct {
		Recipient string `json:"recipient"`
		How       string `json:"how,omitempty"`
	}{recipient, how}
	return post[Obligation](ctx, c, "/obligations/"+seg(obligation)+"/recipients", in, opts...)
}

// NameStates says which other states are affected by what an obligation is about: the whole list. Each is then to be told, with a clock of its own.
func (c *Client) NameStates(ctx context.Context, obligation string, states []string, reason string, opts ...Option) (Obligation, error) {
	return post[Obligation](ctx, c, "/obligations/"+seg(obligation)+"/states", map[string]any{"states": states, "reason": reason}, opts...)
}
