package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func (a *API) questions() {
	on(a, "POST /requests/{id}/replies", a.answerQuestions)
	on(a, "GET /question-sets", a.questionSets)
	on(a, "POST /question-sets", a.saveQuestions)
	on(a, "GET /question-sets/{questions}", a.questionSet)
	on(a, "POST /question-sets/{questions}/retire", a.retireQuestions)
	on(a, "GET /incidents/{ref}/sectors", a.sectorSums)
	on(a, "POST /incidents/{ref}/chase", a.chase)
	on(a, "GET /organisations/{id}/doubts", a.doubts)
	on(a, "GET /codes", a.codes)
	on(a, "POST /doubts/{id}/settle", a.settleDoubt)
}

// Texts are a text in five languages.
type Texts struct {
	EN string `json:"en"`
	PT string `json:"pt"`
	FR string `json:"fr"`
	NL string `json:"nl"`
	DE string `json:"de"`
}

func textsView(w coordination.Wording) Texts {
	return Texts{w["en"], w["pt"], w["fr"], w["nl"], w["de"]}
}

func (w Texts) words() coordination.Wording {
	out := coordination.Wording{}
	for lang, s := range map[string]string{"en": w.EN, "pt": w.PT, "fr": w.FR, "nl": w.NL, "de": w.DE} {
		if s = strings.TrimSpace(s); s != "" {
			out[lang] = s
		}
	}
	return out
}

// QuestionOption is one answer of a choice.
type QuestionOption struct {
	Code string `json:"code"`
	Text Texts  `json:"text"`
}

// TypedQuestion is one typed question.
type TypedQuestion struct {
	Code     string           `json:"code"`
	Kind     string           `json:"kind" enum:"yes_no,choice,number,text,date,moment"`
	Text     Texts            `json:"text"`
	Required bool             `json:"required,omitempty" doc:"Not looked yet counts as an answer"`
	Options  []QuestionOption `json:"options,omitempty" doc:"Of a choice"`
}

// QuestionSet is a version of typed questions that are asked together.
type QuestionSet struct {
	Code      string          `json:"code"`
	Version   int             `json:"version"`
	Title     *Texts          `json:"title,omitempty"`
	Questions []TypedQuestion `json:"questions,omitempty"`

	UsedAt    time.Time `json:"used_at,omitzero" doc:"For the team: since then this version does not change"`
	RetiredAt time.Time `json:"retired_at,omitzero" doc:"For the team"`
}

func questionSetView(by access.Actor, x coordination.QuestionSet) QuestionSet {
	title := textsView(x.Title)
	v := QuestionSet{Code: x.Code, Version: x.Version, Title: &title, Questions: mapped(x.Questions, func(q coordination.Question) TypedQuestion {
		return TypedQuestion{q.Code, string(q.Kind), textsView(q.Text), q.Required, mapped(q.Options, func(o coordination.QuestionOption) QuestionOption { return QuestionOption{o.Code, textsView(o.Text)} })}
	})}
	if by.Team() {
		v.UsedAt, v.RetiredAt = x.UsedAt, x.RetiredAt
	}
	return v
}

// Said is the answer to one typed question.
type Said struct {
	Question  string `json:"question" doc:"Its code"`
	Value     string `json:"value,omitempty" doc:"yes, no or unknown; the code of an option; a whole number; words; 2026-11-23; RFC 3339"`
	NotLooked bool   `json:"not_looked,omitempty" doc:"They have not looked yet"`
}

// Reply is one time that typed questions were answered.
type Reply struct {
	At       time.Time `json:"at"`
	Road     string    `json:"road" enum:"portal,link,api,phone"`
	By       string    `json:"by,omitempty"`
	Ours     bool      `json:"ours" doc:"Taken down by the team"`
	Concerns bool      `json:"concerns" doc:"false: they say that it does not concern them"`
	Given    []Said    `json:"given" doc:"What was said this time"`
	Whole    []Said    `json:"whole" doc:"What holds after it: the newest word on each question"`
	Note     string    `json:"note,omitempty"`
}

func saidView(list coordination.Answers) []Said {
	out := []Said{}
	for code, x := range list {
		out = append(out, Said{code, x.Value, x.NotLooked})
	}
	slices.SortFunc(out, func(a, b Said) int { return strings.Compare(a.Question, b.Question) })
	return out
}

func replyView(x coordination.Reply) Reply {
	return Reply{x.At, x.Road, x.By, x.Ours, x.Concerns, saidView(x.Given), saidView(x.Whole), x.Note}
}

// NewReply answers typed questions.
type NewReply struct {
	NotConcerned bool   `json:"not_concerned,omitempty" doc:"Of the whole set; answers then count for nothing"`
	Answers      []Said `json:"answers,omitempty"`
	Note         string `json:"note,omitempty"`
	Reach        string `json:"reach,omitempty" enum:"team,anonymous,named,label" doc:"How far it may go; as was said before when left out"`
}

// ReplyInput is the input of POST /requests/{id}/replies.
type ReplyInput struct {
	ID
	With[NewReply]
}

func (a *API) answerQuestions(ctx context.Context, by access.Actor, in *ReplyInput) (reply[Request], error) {
	b := in.Body.Value
	x := coordination.ReplyInput{NotConcerned: b.NotConcerned, Note: b.Note, Answers: coordination.Answers{}}
	var err error
	if x.Reach, err = reachOf(b.Reach); err != nil {
		return reply[Request]{}, err
	}
	for _, s := range b.Answers {
		if _, twice := x.Answers[s.Question]; twice {
			var p errs.Problems
			p.Add("answers", "error.question.code")
			return reply[Request]{}, p.Err()
		}
		x.Answers[s.Question] = coordination.Said{Value: s.Value, NotLooked: s.NotLooked}
	}
	r, err := a.Coordination.AnswerQuestions(ctx, by, in.ID.ID, x)
	return a.requestReply(ctx, by, r, err)
}

// SetsInput narrows the list of question sets.
type SetsInput struct {
	IfNoneMatch
	All bool `query:"all" doc:"Retired ones too"`
}

func (a *API) questionSets(ctx context.Context, by access.Actor, in *SetsInput) (reply[List[QuestionSet]], error) {
	all, err := a.Coordination.QuestionSets(ctx, by, in.All)
	return reply[List[QuestionSet]]{body: list(mapped(all, func(x coordination.QuestionSet) QuestionSet { return questionSetView(by, x) }), "")}, err
}

// SetInput names a set and one of its versions.
type SetInput struct {
	IfNoneMatch
	Set     string `path:"questions" doc:"Its code"`
	Version int    `query:"version" minimum:"0" doc:"The newest when left out"`
}

func (a *API) questionSet(ctx context.Context, by access.Actor, in *SetInput) (reply[QuestionSet], error) {
	x, err := a.Coordination.QuestionSetOf(ctx, by, in.Set, in.Version)
	return reply[QuestionSet]{body: questionSetView(by, x)}, err
}

// NewQuestions is a set as it is written.
type NewQuestions struct {
	Code      string          `json:"code"`
	From      int             `json:"from,omitempty" doc:"The version that was read; left out for a new set"`
	Title     Texts           `json:"title"`
	Questions []TypedQuestion `json:"questions"`
}

// SaveInput is the input of POST /question-sets.
type SaveInput struct {
	With[NewQuestions]
}

func (a *API) saveQuestions(ctx context.Context, by access.Actor, in *SaveInput) (reply[QuestionSet], error) {
	b := in.Body.Value
	x := coordination.QuestionSet{Code: b.Code, Title: b.Title.words(), Questions: mapped(b.Questions, func(q TypedQuestion) coordination.Question {
		return coordination.Question{
			Code: q.Code, Kind: coordination.QuestionKind(q.Kind), Text: q.Text.words(), Required: q.Required,
			Options: mapped(q.Options, func(o QuestionOption) coordination.QuestionOption {
				return coordination.QuestionOption{Code: o.Code, Text: o.Text.words()}
			}),
		}
	})}
	x, err := a.Coordination.SaveQuestions(ctx, by, x, b.From)
	return reply[QuestionSet]{body: questionSetView(by, x)}, err
}

// Retire takes a set out of what can be asked.
type Retire struct {
	Retire bool `json:"retire" doc:"false brings it back"`
}

// RetireInput is the input of POST /question-sets/{questions}/retire.
type RetireInput struct {
	Set string `path:"questions"`
	With[Retire]
}

func (a *API) retireQuestions(ctx context.Context, by access.Actor, in *RetireInput) (reply[QuestionSet], error) {
	if err := a.Coordination.RetireQuestions(ctx, by, in.Set, in.Body.Value.Retire); err != nil {
		return reply[QuestionSet]{}, err
	}
	return a.questionSet(ctx, by, &SetInput{Set: in.Set})
}

// Sums is the matrix summed by sector: every number is zero or at least five, also the difference of two.
type Sums struct {
	Hidden    bool          `json:"hidden" doc:"There are too few parties: nothing is shown"`
	Parties   int           `json:"parties"`
	Sectors   []SectorSize  `json:"sectors"`
	Questions []QuestionSum `json:"questions" doc:"The first, without a set, says how far the parties are"`
}

// SectorSize is a group of parties.
type SectorSize struct {
	Sector  string `json:"sector" doc:"other: those too small to stand alone"`
	Parties int    `json:"parties"`
}

// QuestionSum counts the answers to one question.
type QuestionSum struct {
	Set      string      `json:"set,omitempty"`
	Question string      `json:"question,omitempty"`
	Total    int         `json:"total,omitempty" doc:"Of a number: the sum"`
	Whole    []Count     `json:"whole"`
	Sectors  []SectorSum `json:"sectors" doc:"A sector that would tell too much is missing"`
}

// SectorSum counts the answers of one group.
type SectorSum struct {
	Sector string  `json:"sector"`
	Counts []Count `json:"counts"`
}

// Count is how many parties gave an answer: a value, none, not_looked, not_concerned, or few for those that are too few each.
type Count struct {
	Answer  string `json:"answer"`
	Parties int    `json:"parties"`
}

func countsView(counts map[string]int) []Count {
	out := []Count{}
	for key, n := range counts {
		out = append(out, Count{strings.TrimPrefix(key, "-"), n})
	}
	slices.SortFunc(out, func(a, b Count) int { return strings.Compare(a.Answer, b.Answer) })
	return out
}

func (a *API) sectorSums(ctx context.Context, by access.Actor, in *OneInput) (reply[Sums], error) {
	if err := a.seen(ctx, by, in.Ref.Ref); err != nil {
		return reply[Sums]{}, err
	}
	x, _, err := a.Coordination.SumsOf(ctx, by, in.Ref.Ref)
	v := Sums{Hidden: x.Hidden, Parties: x.Parties, Sectors: []SectorSize{}, Questions: []QuestionSum{}}
	for _, g := range x.Sectors {
		v.Sectors = append(v.Sectors, SectorSize{strings.TrimPrefix(g, "-"), x.Of[g]})
	}
	for _, q := range x.Questions {
		y := QuestionSum{Set: q.Set, Question: q.Question, Total: q.Total, Whole: countsView(q.Whole), Sectors: []SectorSum{}}
		for _, g := range x.Sectors {
			if counts, ok := q.By[g]; ok {
				y.Sectors = append(y.Sectors, SectorSum{strings.TrimPrefix(g, "-"), countsView(counts)})
			}
		}
		v.Questions = append(v.Questions, y)
	}
	return reply[Sums]{body: v}, err
}

// Chase is a letter to parties that still owe something.
type Chase struct {
	Parties []string `json:"parties" doc:"Ids; who owes nothing any more gets no letter"`
	Text    string   `json:"text" doc:"In front of what is still open"`
	TLP     string   `json:"tlp,omitempty"`
	Looked  bool     `json:"looked,omitempty" doc:"A person looked at words of other parties in the text, and lets them leave"`
}

// ChaseInput is the input of POST /incidents/{ref}/chase.
type ChaseInput struct {
	Ref
	With[Chase]
}

func (a *API) chase(ctx context.Context, by access.Actor, in *ChaseInput) (reply[List[Message]], error) {
	b := in.Body.Value
	l, err := label(b.TLP)
	if err != nil {
		return reply[List[Message]]{}, err
	}
	for _, p := range b.Parties {
		if !named(p) {
			return reply[List[Message]]{}, errs.ErrNotFound
		}
	}
	sent, err := a.Coordination.Send(ctx, by, in.Ref.Ref, coordination.Give{Parties: b.Parties, Chase: true, Text: b.Text, TLP: l, Looked: b.Looked})
	return reply[List[Message]]{body: list(mapped(sent, func(m correspondence.Message) Message { return messageView(by, m) }), "")}, err
}

// Doubt is an organisation's word that what we wrote about is not its own.
type Doubt struct {
	ID        string    `json:"id"`
	RaisedAt  time.Time `json:"raised_at"`
	Road      string    `json:"road"`
	SettledAt time.Time `json:"settled_at,omitzero"`
	Outcome   string    `json:"outcome,omitempty" enum:"kept,corrected"`
	Note      string    `json:"note,omitempty"`
}

func doubtView(d constituency.Doubt) Doubt {
	return Doubt{d.UID, d.RaisedAt, d.Road, d.SettledAt, d.Outcome, d.Note}
}

func (a *API) doubts(ctx context.Context, by access.Actor, in *OneIDInput) (reply[List[Doubt]], error) {
	all, err := a.Constituency.Doubts(ctx, a.Intake.DB, by, in.ID.ID)
	return reply[List[Doubt]]{body: list(mapped(all, doubtView), "")}, err
}

// Settled is what came of a doubt.
type Settled struct {
	Outcome string `json:"outcome" enum:"kept,corrected"`
	Note    string `json:"note" doc:"How you know"`
}

// SettleInput is the input of POST /doubts/{id}/settle.
type SettleInput struct {
	ID
	With[Settled]
}

func (a *API) settleDoubt(ctx context.Context, by access.Actor, in *SettleInput) (reply[Doubt], error) {
	d, err := a.Constituency.SettleDoubt(ctx, by, in.ID.ID, in.Body.Value.Outcome, in.Body.Value.Note)
	return reply[Doubt]{body: doubtView(d)}, err
}
