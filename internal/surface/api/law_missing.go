package api

import (
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func codesOf(fields []law.Field) []string {
	return mapped(fields, func(f law.Field) string { return f.Code })
}

// AskMissing says for which stage what is missing is asked, and how.
type AskMissing struct {
	Number int    `json:"number" doc:"Of the stage"`
	By     string `json:"by" enum:"letter,code" doc:"A letter with a link to the reporter, or a code to read out to a caller"`
}

// AskMissingInput is the input of POST /reports/{ref}/missing.
type AskMissingInput struct {
	Ref
	With[AskMissing]
}

// AskedMissing is what became of it.
type AskedMissing struct {
	Missing []string `json:"missing" doc:"Codes of the questions that are open"`
	Message string   `json:"message,omitempty" doc:"Id of the letter"`
	State   string   `json:"state,omitempty" doc:"Of the letter: waiting when the limits of automatic mail hold it for a person"`
	Code    string   `json:"code,omitempty" doc:"To read out; it is shown once"`
	URL     string   `json:"url,omitempty" doc:"Of the page that the code opens"`
}

func (a *API) askMissing(ctx context.Context, by access.Actor, in *AskMissingInput) (reply[AskedMissing], error) {
	b := in.Body.Value
	var out AskedMissing
	var p errs.Problems
	if b.By != "letter" && b.By != "code" {
		p.Add("by", "error.choice")
	}
	gaps, err := a.Intake.Gaps(ctx, a.Intake.DB, by, in.Ref.Ref)
	if err == nil {
		err = p.Err()
	}
	if err != nil {
		return reply[AskedMissing]{}, err
	}
	out.Missing = some(codesOf(gaps[b.Number].Fields))
	if b.By == "letter" {
		m, err := a.Intake.AskMissing(ctx, by, in.Ref.Ref, b.Number)
		out.Message, out.State = m.UID, string(m.State)
		return reply[AskedMissing]{body: out}, err
	}
	code, err := a.Intake.MissingCode(ctx, by, in.Ref.Ref, b.Number)
	out.Code, out.URL = code.Reveal(), a.URL+"/r/"+code.Reveal()
	return reply[AskedMissing]{body: out}, err
}

// Offered are answers that came by a link which travelled in plain mail.
type Offered struct {
	Message string            `json:"message" doc:"Id of the message in which they stand"`
	Number  int               `json:"number" doc:"Of the stage that they complete"`
	At      time.Time         `json:"at"`
	Answers map[string]string `json:"answers" doc:"By the codes of their questions"`
}

func (a *API) offered(ctx context.Context, by access.Actor, in *OneInput) (reply[List[Offered]], error) {
	if _, err := a.obliged(ctx, by, in.Ref.Ref); err != nil {
		return reply[List[Offered]]{}, err
	}
	all, err := a.Intake.OfferedAnswers(ctx, a.Intake.DB, by, in.Ref.Ref)
	return reply[List[Offered]]{body: list(mapped(all, func(x intake.Offered) Offered { return Offered{x.Message, x.Number, x.At, x.Answers} }), "")}, err
}

// TakeOffered files offered answers, or sets them aside.
type TakeOffered struct {
	Message string `json:"message"`
	Take    bool   `json:"take" doc:"False sets them aside: the message stays as it is"`
}

// TakeOfferedInput is the input of POST /reports/{ref}/offered.
type TakeOfferedInput struct {
	Ref
	With[TakeOffered]
}

func (a *API) takeOffered(ctx context.Context, by access.Actor, in *TakeOfferedInput) (reply[List[Offered]], error) {
	if err := a.Intake.TakeOffered(ctx, by, in.Ref.Ref, in.Body.Value.Message, in.Body.Value.Take); err != nil {
		return reply[List[Offered]]{}, err
	}
	return a.offered(ctx, by, &OneInput{Ref: in.Ref})
}

// OwnCase is what a law asks of the reader's own organisation in one report, with what was said of it.
type OwnCase struct {
	Obligation
	Reference  string    `json:"reference" doc:"Of the report"`
	Foreign    bool      `json:"foreign" doc:"Somebody else made the report"`
	Who        string    `json:"who,omitempty" doc:"Who that is"`
	ReceivedAt time.Time `json:"received_at"`
	State      string    `json:"state" enum:"received,looking,handling,passed_on,concluded"`
	Stages     []Stage   `json:"stages" doc:"What was handed in for it. What was written in words is left out of what somebody else handed in, until the team shares it"`
}

func (a *API) ownCaseView(ctx context.Context, by access.Actor, all []intake.OwnCase) ([]OwnCase, error) {
	views, err := a.obligationViews(ctx, by, mapped(all, func(c intake.OwnCase) intake.Obligation { return c.Obligation }))
	if err != nil {
		return nil, err
	}
	out := make([]OwnCase, len(all))
	for i, c := range all {
		own := map[int]int{} // numbers in the report would count what others handed in
		for n, x := range c.Submissions {
			own[x.Number] = n + 1
		}
		out[i] = OwnCase{Obligation: views[i], Reference: c.Reference, Foreign: c.Foreign, Who: c.Who, ReceivedAt: c.ReceivedAt, State: c.State, Stages: mapped(c.Submissions, func(x intake.Submission) Stage {
			v := stageView(x, map[int64]string{c.Ref.ID: c.UID})
			v.Number, v.Corrects = own[x.Number], own[x.Corrects]
			return v
		})}
	}
	return out, nil
}

// OwnCasesInput is the input of GET /obligations.
type OwnCasesInput struct {
	IfNoneMatch
	Page
}

func (a *API) ownCases(ctx context.Context, by access.Actor, in *OwnCasesInput) (reply[List[OwnCase]], error) {
	page, err := a.Intake.CasesOfUs(ctx, by, in.Cursor, in.Limit)
	if err != nil {
		return reply[List[OwnCase]]{}, err
	}
	views, err := a.ownCaseView(ctx, by, page.Items)
	return reply[List[OwnCase]]{body: list(views, page.Next)}, err
}

// OwnCaseInput is the input of GET /obligations/{id}.
type OwnCaseInput struct {
	IfNoneMatch
	ID
}

func (a *API) ownCase(ctx context.Context, by access.Actor, in *OwnCaseInput) (reply[OwnCase], error) {
	c, err := a.Intake.CaseOfUs(ctx, a.Intake.DB, by, in.ID.ID)
	if err != nil {
		return reply[OwnCase]{}, err
	}
	views, err := a.ownCaseView(ctx, by, []intake.OwnCase{c})
	if err != nil {
		return reply[OwnCase]{}, err
	}
	return reply[OwnCase]{body: views[0]}, nil
}

// NewOwnStage is a stage that an organisation files for itself.
type NewOwnStage struct {
	Stage    string            `json:"stage"`
	Answers  map[string]string `json:"answers,omitempty" doc:"By the codes of their questions; moments as RFC 3339; \"unknown\" where it is not known yet"`
	Corrects string            `json:"corrects,omitempty" doc:"Id of a stage of its own that it corrects"`
	Class    string            `json:"class,omitempty" doc:"Of entity, as the rule set tells them apart"`
}

// OwnStageInput is the input of POST /obligations/{id}/stages.
type OwnStageInput struct {
	ID
	With[NewOwnStage]
}

func (a *API) fileOwn(ctx context.Context, by access.Actor, in *OwnStageInput) (reply[OwnCase], error) {
	b, corrects := in.Body.Value, 0
	if b.Corrects != "" {
		c, err := a.Intake.CaseOfUs(ctx, a.Intake.DB, by, in.ID.ID)
		if err != nil {
			return reply[OwnCase]{}, err
		}
		at := slices.IndexFunc(c.Submissions, func(x intake.Submission) bool { return x.UID == b.Corrects })
		if at < 0 {
			return reply[OwnCase]{}, errs.ErrNotFound
		}
		corrects = c.Submissions[at].Number
	}
	if _, err := a.Intake.SubmitOwn(ctx, by, in.ID.ID, intake.SubmitInput{Stage: b.Stage, Answers: b.Answers, Corrects: corrects, Class: b.Class}); err != nil {
		return reply[OwnCase]{}, err
	}
	return a.ownCase(ctx, by, &OwnCaseInput{ID: in.ID})
}
