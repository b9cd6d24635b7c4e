package client

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// Texts are a text in five languages.
type Texts struct {
	EN string `json:"en"`
	PT string `json:"pt"`
	FR string `json:"fr"`
	NL string `json:"nl"`
	DE string `json:"de"`
}

// QuestionOption is one answer of a choice.
type QuestionOption struct {
	Code string `json:"code"`
	Text Texts  `json:"text"`
}

// TypedQuestion is one typed question: of kind yes_no, choice, number, text, date or moment.
type TypedQuestion struct {
	Code     string           `json:"code"`
	Kind     string           `json:"kind"`
	Text     Texts            `json:"text"`
	Required bool             `json:"required,omitempty"`
	Options  []QuestionOption `json:"options,omitempty"`
}

// QuestionSet is a version of typed questions.
type QuestionSet struct {
	Code      string          `json:"code"`
	Version   int             `json:"version"`
	Title     *Texts          `json:"title"`
	Questions []TypedQuestion `json:"questions"`
	UsedAt    time.Time       `json:"used_at"`
	RetiredAt time.Time       `json:"retired_at"`
}

// NewQuestions writes a set; From is the version that was read, 0 for a new set.
type NewQuestions struct {
	Code      string          `json:"code"`
	From      int             `json:"from,omitempty"`
	Title     Texts           `json:"title"`
	Questions []TypedQuestion `json:"questions"`
}

// Said is the answer to one typed question: a value, or that they have not looked yet.
type Said struct {
	Question  string `json:"question"`
	Value     string `json:"value,omitempty"`
	NotLooked bool   `json:"not_looked,omitempty"`
}

// NewReply answers typed questions, or says that the whole set does not concern the party.
type NewReply struct {
	NotConcerned bool   `json:"not_concerned,omitempty"`
	Answers      []Said `json:"answers,omitempty"`
	Note         string `json:"note,omitempty"`
	Reach        string `json:"reach,omitempty"` // how far it may go: team, anonymous, named, label
}

// Reply is one time that typed questions were answered. Whole is what holds after it.
type Reply struct {
	At       time.Time `json:"at"`
	Road     string    `json:"road"`
	By       string    `json:"by"`
	Ours     bool      `json:"ours"`
	Concerns bool      `json:"concerns"`
	Given    []Said    `json:"given"`
	Whole    []Said    `json:"whole"`
	Note     string    `json:"note"`
}

// Chase writes to parties that still owe something.
type Chase struct {
	Parties []string `json:"parties"`
	Text    string   `json:"text"`
	TLP     string   `json:"tlp,omitempty"`
	Looked  bool     `json:"looked,omitempty"`
}

// Sums is the matrix of an incident summed by sector, without names.
type Sums struct {
	Hidden    bool          `json:"hidden"`
	Parties   int           `json:"parties"`
	Sectors   []SectorSize  `json:"sectors"`
	Questions []QuestionSum `json:"questions"`
}

// SectorSize is a group of parties.
type SectorSize struct {
	Sector  string `json:"sector"`
	Parties int    `json:"parties"`
}

// QuestionSum counts the answers to one question.
type QuestionSum struct {
	Set      string      `json:"set"`
	Question string      `json:"question"`
	Total    int         `json:"total"`
	Whole    []Count     `json:"whole"`
	Sectors  []SectorSum `json:"sectors"`
}

// SectorSum counts the answers of one group.
type SectorSum struct {
	Sector string  `json:"sector"`
	Counts []Count `json:"counts"`
}

// Count is how many parties gave an answer.
type Count struct {
	Answer  string `json:"answer"`
	Parties int    `json:"parties"`
}

// Doubt is an organisation's word that what we wrote about is not its own.
type Doubt struct {
	ID        string    `json:"id"`
	RaisedAt  time.Time `json:"raised_at"`
	Road      string    `json:"road"`
	SettledAt time.Time `json:"settled_at"`
	Outcome   string    `json:"outcome"`
	Note      string    `json:"note"`
}

// QuestionSets lists the sets of typed questions in their newest versions; all with those that were retired.
func (c *Client) QuestionSets(ctx context.Context, all bool) (List[QuestionSet], error) {
	return get[List[QuestionSet]](ctx, c, "/question-sets?all="+strconv.FormatBool(all))
}

// QuestionSet reads a set; version 0 is the newest.
func (c *Client) QuestionSet(ctx context.Context, code string, version int) (QuestionSet, error) {
	return get[QuestionSet](ctx, c, "/question-sets/"+seg(code)+"?version="+url.QueryEscape(strconv.Itoa(version)))
}

// SaveQuestions makes a set, or its next version.
func (c *Client) SaveQuestions(ctx context.Context, in NewQuestions, opts ...Option) (QuestionSet, error) {
	return post[QuestionSet](ctx, c, "/question-sets", in, opts...)
}

// RetireQuestions takes a set out of what can be asked, or back into it.
func (c *Client) RetireQuestions(ctx context.Context, code string, retire bool, opts ...Option) (QuestionSet, error) {
	return post[QuestionSet](ctx, c, "/question-sets/"+seg(code)+"/retire", map[string]bool{"retire": retire}, opts...)
}

// Reply answers the typed questions of a request.
func (c *Client) Reply(ctx context.Context, request string, in NewReply, opts ...Option) (Request, error) {
	return post[Request](ctx, c, "/requests/"+seg(request)+"/replies", in, opts...)
}

// Chase writes to parties of an incident that still owe something.
func (c *Client) Chase(ctx context.Context, incident string, in Chase, opts ...Option) (List[Message], error) {
	return post[List[Message]](ctx, c, "/incidents/"+seg(incident)+"/chase", in, opts...)
}

// Sums reads the matrix of an incident summed by sector.
func (c *Client) Sums(ctx context.Context, incident string) (Sums, error) {
	return get[Sums](ctx, c, "/incidents/"+seg(incident)+"/sectors")
}

// Doubts lists what an organisation said is not its own.
func (c *Client) Doubts(ctx context.Context, organisation string) (List[Doubt], error) {
	return get[List[Doubt]](ctx, c, "/organisations/"+seg(organisation)+"/doubts")
}

// SettleDoubt says what came of a doubt: kept or corrected.
func (c *Client) SettleDoubt(ctx context.Context, doubt, outcome, note string, opts ...Option) (Doubt, error) {
	return post[Doubt](ctx, c, "/doubts/"+seg(doubt)+"/settle", map[string]string{"outcome": outcome, "note": note}, opts...)
}
