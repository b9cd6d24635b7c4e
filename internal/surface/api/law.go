package api

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
)

func (a *API) laws() {
	on(a, "GET /rule-sets", a.ruleSets)
	on(a, "GET /rule-sets/{code}", a.ruleSet)
	on(a, "GET /reports/{ref}/stages", a.stages)
	on(a, "POST /reports/{ref}/stages", a.fileStage)
	on(a, "POST /reports/{ref}/missing", a.askMissing)
	on(a, "GET /reports/{ref}/offered", a.offered)
	on(a, "POST /reports/{ref}/offered", a.takeOffered)
	on(a, "GET /reports/{ref}/obligations", a.obligations)
	on(a, "GET /obligations", a.ownCases)
	on(a, "GET /obligations/{id}", a.ownCase)
	on(a, "POST /obligations/{id}/stages", a.fileOwn)
	on(a, "POST /obligations/{id}/moments", a.noteMoment)
	on(a, "POST /obligations/{id}/requests", a.requestStage)
	on(a, "POST /obligations/{id}/waivers", a.waive)
	on(a, "POST /obligations/{id}/recipients", a.passedOn)
	on(a, "POST /obligations/{id}/states", a.nameStates)
}

// RuleSet is what a law asks, as data. Texts are in the language of the token's owner.
type RuleSet struct {
	Code       string      `json:"code"`
	Version    int         `json:"revision"`
	Nature     string      `json:"nature" enum:"mandatory,voluntary,pointer" doc:"A pointer is a duty towards somebody else"`
	Country    string      `json:"country" doc:"EU, or two letters"`
	Law        string      `json:"law"`
	Name       string      `json:"name"`
	About      string      `json:"about,omitempty"`
	InForce    string      `json:"in_force,omitempty" format:"date"`
	Confirmed  bool        `json:"confirmed" doc:"False when a part of it is only recalled; doubts say which"`
	Doubts     []string    `json:"doubts"`
	Classes    []Coded     `json:"classes"`
	Stages     []RuleStage `json:"stages"`
	Recipients []Coded     `json:"recipients" doc:"Who receives a submission by law beside the team"`
}

// Coded is a code with its words.
type Coded struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// RuleStage is one thing that an entity hands in. Periods are in one unit of ISO 8601; P30BD is thirty working days.
type RuleStage struct {
	Code      string     `json:"code"`
	Article   string     `json:"article,omitempty"`
	Name      string     `json:"name"`
	Need      string     `json:"need" enum:"always,when_needed,on_request,while_ongoing"`
	Starts    string     `json:"starts" doc:"A moment, or the code of a stage"`
	Within    string     `json:"within,omitempty"`
	Every     string     `json:"every,omitempty"`
	Confirmed bool       `json:"confirmed"`
	Asks      []Question `json:"asks"`
}

// Question is one question of a stage.
type Question struct {
	Code    string  `json:"code"`
	Kind    string  `json:"kind" enum:"line,lines,moment,number,yes_no,choice" doc:"\"unknown\" is an answer to each"`
	Label   string  `json:"label"`
	Hint    string  `json:"hint,omitempty"`
	Options []Coded `json:"options,omitempty"`
	Part    int     `json:"part" doc:"Page of the form, 1 to 5"`
	Moment  string  `json:"moment,omitempty" doc:"The moment that the answer tells"`
}

func ruleSetView(by access.Actor, l *law.Library, s law.Set) RuleSet {
	v := RuleSet{
		Code: s.Code, Version: s.Version, Nature: string(s.Nature), Country: s.Country, Law: s.Law, Name: s.Name.In(by.Lang), About: s.About.In(by.Lang),
		Confirmed: s.Sure(), Doubts: mapped(s.Doubts, func(x law.Text) string { return x.In(by.Lang) }),
		Classes:    mapped(s.Classes, func(c law.Class) Coded { return Coded{c.Code, c.Name.In(by.Lang)} }),
		Recipients: mapped(s.Recipients, func(r law.Recipient) Coded { return Coded{r.Code, r.Name.In(by.Lang)} }),
	}
	if !s.InForce.IsZero() {
		v.InForce = s.InForce.Format(time.DateOnly)
	}
	v.Stages = mapped(s.Stages, func(x law.Stage) RuleStage {
		starts := string(x.Starts.Moment)
		if x.Starts.Stage != "" {
			starts = x.Starts.Stage
		}
		return RuleStage{
			Code: x.Code, Article: x.Article, Name: x.Name.In(by.Lang), Need: string(x.Need), Starts: starts, Within: x.Within.String(), Every: x.Every.String(),
			Confirmed: x.Confirmed, Asks: mapped(l.Asked(x), func(f law.Field) Question {
				q := Question{Code: f.Code, Kind: string(f.Kind), Label: f.Label.In(by.Lang), Hint: f.Hint.In(by.Lang), Part: f.Part, Moment: string(f.Moment)}
				for _, o := range f.Options {
					q.Options = append(q.Options, Coded{o.Code, o.Name.In(by.Lang)})
				}
				return q
			}),
		}
	})
	return v
}

// AnyInput is the input of a list that nothing narrows.
type AnyInput struct {
	IfNoneMatch
}

func (a *API) ruleSets(_ context.Context, by access.Actor, _ *AnyInput) (reply[List[RuleSet]], error) {
	l := a.Intake.Laws
	return reply[List[RuleSet]]{body: list(mapped(l.Sets(), func(s law.Set) RuleSet { return ruleSetView(by, l, s) }), "")}, nil
}

// RuleSetInput names a rule set.
type RuleSetInput struct {
	IfNoneMatch
	Code string `path:"code"`
}

func (a *API) ruleSet(_ context.Context, by access.Actor, in *RuleSetInput) (reply[RuleSet], error) {
	s, err := a.Intake.Laws.Set(in.Code)
	if err != nil {
		return reply[RuleSet]{}, err
	}
	return reply[RuleSet]{body: ruleSetView(by, a.Intake.Laws, s)}, nil
}

// Stage is a stage as it was handed in. It never changes; a correction is another one.
type Stage struct {
	ID          string            `json:"id"`
	Number      int               `json:"number" doc:"Within its report, from 1"`
	RuleSet     string            `json:"rule_set"`
	Version     int               `json:"revision" doc:"Of the rule set"`
	Stage       string            `json:"stage"`
	ToldAt      time.Time         `json:"told_at" doc:"When the team was first told: this moment counts"`
	FiledAt     time.Time         `json:"filed_at"`
	Channel     string            `json:"channel"`
	Corrects    int               `json:"corrects,omitempty" doc:"Number of the stage that it corrects"`
	SHA256      string            `json:"sha256" doc:"Of what is kept; also in the record"`
	Answers     map[string]string `json:"answers" doc:"By the codes of their questions; moments in UTC"`
	Obligations []string          `json:"obligations" doc:"Those that it is for, as far as the reader may see them"`
	Own         bool              `json:"own,omitempty" doc:"An affected organisation handed it in itself, on a report that somebody else made"`
	Missing     []string          `json:"missing,omitempty" doc:"Codes of the questions that it left open and nothing answered since"`
	AskedAt     time.Time         `json:"asked_at,omitzero" doc:"When what is missing was last asked for"`
}

func stageView(x intake.Submission, seen map[int64]string) Stage {
	v := Stage{
		ID: x.UID, Number: x.Number, RuleSet: x.Set, Version: x.Version, Stage: x.Stage, ToldAt: x.ToldAt, FiledAt: x.FiledAt, Channel: string(x.Channel), Corrects: x.Corrects,
		SHA256: hex.EncodeToString(x.Sum), Answers: x.Answers, Obligations: []string{}, Own: x.Organisation != 0,
	}
	if v.Answers == nil {
		v.Answers = map[string]string{}
	}
	for _, o := range x.For {
		if uid := seen[o]; uid != "" {
			v.Obligations = append(v.Obligations, uid)
		}
	}
	return v
}

// obliged loads a report, notes that it was read, and gives the obligations in it that the reader may see.
func (a *API) obliged(ctx context.Context, by access.Actor, report string) ([]intake.Obligation, error) {
	r, err := a.Intake.Get(ctx, a.Intake.DB, by, report)
	if err == nil {
		err = a.Watch.Read(ctx, by, r.Object)
	}
	if err != nil {
		return nil, err
	}
	all, err := a.Intake.Obligations(ctx, a.Intake.DB, by, r.Ref.ID)
	return all[r.Ref.ID], err
}

func uidsOf(all []intake.Obligation) map[int64]string {
	out := map[int64]string{}
	for _, o := range all {
		out[o.Ref.ID] = o.UID
	}
	return out
}

func (a *API) stages(ctx context.Context, by access.Actor, in *OneInput) (reply[List[Stage]], error) {
	obliged, err := a.obliged(ctx, by, in.Ref.Ref)
	if err != nil {
		return reply[List[Stage]]{}, err
	}
	all, err := a.Intake.Submissions(ctx, a.Intake.DB, by, in.Ref.Ref)
	if err != nil {
		return reply[List[Stage]]{}, err
	}
	gaps, err := a.Intake.Gaps(ctx, a.Intake.DB, by, in.Ref.Ref)
	seen := uidsOf(obliged)
	return reply[List[Stage]]{body: list(mapped(all, func(x intake.Submission) Stage {
		v := stageView(x, seen)
		if m, ok := gaps[x.Number]; ok {
			v.Missing, v.AskedAt = codesOf(m.Fields), m.AskedAt
		}
		return v
	}), "")}, err
}

// NewStage is a stage to be filed. What comes late or incomplete is filed all the same.
type NewStage struct {
	RuleSet   string            `json:"rule_set"`
	Stage     string            `json:"stage"`
	Answers   map[string]string `json:"answers,omitempty" doc:"By the codes of their questions; moments as RFC 3339; \"unknown\" where it is not known yet"`
	Class     string            `json:"class,omitempty" doc:"Of entity, as the rule set tells them apart"`
	Corrects  int               `json:"corrects,omitempty" doc:"Number of the stage that it corrects"`
	Completes int               `json:"completes,omitempty" doc:"Number of the stage whose gaps the answers fill: what it said stays"`
	ToldAt    time.Time         `json:"told_at,omitzero" doc:"For the team: when it was first told"`
	Message   string            `json:"message,omitempty" doc:"For the team: id of the message that it was in"`
	Affected  []string          `json:"affected,omitempty" doc:"For the team: ids of the organisations affected, 500 at most; the reporter's own when left out"`
}

// StageInput is the input of POST /reports/{ref}/stages.
type StageInput struct {
	Ref
	With[NewStage]
}

func (a *API) fileStage(ctx context.Context, by access.Actor, in *StageInput) (reply[Stage], error) {
	b := in.Body.Value
	x, err := a.Intake.Submit(ctx, by, in.Ref.Ref, intake.SubmitInput{
		Set: b.RuleSet, Stage: b.Stage, Answers: b.Answers, Class: b.Class, Corrects: b.Corrects, Completes: b.Completes, ToldAt: b.ToldAt, Message: b.Message, Affected: b.Affected, Channel: correspondence.ByAPI,
	})
	if err != nil {
		return reply[Stage]{}, err
	}
	obliged, err := a.obliged(ctx, by, in.Ref.Ref)
	return reply[Stage]{body: stageView(x, uidsOf(obliged))}, err
}

// Obligation is what one law asks of one affected organisation in one report. Nothing of its state is stored: it follows from what happened.
type Obligation struct {
	ID           string           `json:"id"`
	RuleSet      string           `json:"rule_set"`
	Version      int              `json:"revision" doc:"Of the rule set that holds now"`
	Began        int              `json:"began" doc:"Version with which it began"`
	Class        string           `json:"class,omitempty"`
	Organisation *OrganisationRef `json:"organisation,omitempty" doc:"The one affected; left out for whoever reported"`
	Owed         []Owed           `json:"owed"`
	Facts        []Fact           `json:"facts"`
}

// Owed is one thing that somebody owes under an obligation.
type Owed struct {
	Key     string    `json:"key" doc:"The code of the stage or recipient, with the round where there are several"`
	Name    string    `json:"name,omitempty"`
	Owes    string    `json:"owes" enum:"us,reporter"`
	State   string    `json:"state" enum:"not_yet,offered,running,paused,met,stopped,waived,not_owed"`
	Start   time.Time `json:"start,omitzero"`
	Assumed bool      `json:"assumed,omitempty" doc:"The moment was not told: counted from when the team was first told of anything"`
	DueAt   time.Time `json:"due_at,omitzero"`
	LimitAt time.Time `json:"limit_at,omitzero" doc:"Where the rules of counting let it end later than due_at"`
	MetAt   time.Time `json:"met_at,omitzero"`
	Late    bool      `json:"late,omitempty"`
	Why     string    `json:"why,omitempty" doc:"stopped, not_owed: what ended it"`
}

// Fact is one thing that happened, as somebody said it.
type Fact struct {
	Kind    string    `json:"kind" enum:"moment,request,waiver,passed"`
	Code    string    `json:"code"`
	At      time.Time `json:"at"`
	DueAt   time.Time `json:"due_at,omitzero"`
	SaidAt  time.Time `json:"said_at"`
	EndedAt time.Time `json:"ended_at,omitzero" doc:"A later word took its place"`
	Reason  string    `json:"reason,omitempty" doc:"For the team"`
}

func (a *API) obligationViews(ctx context.Context, by access.Actor, all []intake.Obligation) ([]Obligation, error) {
	now := a.Clock.Now()
	named, err := a.Constituency.ByID(ctx, a.Intake.DB, mapped(all, func(o intake.Obligation) int64 { return o.Organisation })...)
	return mapped(all, func(o intake.Obligation) Obligation {
		v := Obligation{ID: o.UID, RuleSet: o.Set.Code, Version: o.Set.Version, Began: o.Began, Class: o.Class}
		if n, ok := named[o.Organisation]; ok {
			v.Organisation = &OrganisationRef{n.UID, n.Name}
		}
		v.Owed = mapped(o.Owed, func(x law.Owed) Owed {
			name, _ := a.Intake.StageName(o.Set.Code, x.Key(), by.Lang)
			w := Owed{
				Key: x.Key(), Name: name, Owes: "reporter", State: string(x.State), Start: x.Start, Assumed: x.Assumed, DueAt: x.Due, LimitAt: x.Limit, MetAt: x.MetAt,
				Late: x.Late(now), Why: x.Why,
			}
			if x.Team {
				w.Owes = "us"
			}
			return w
		})
		v.Facts = mapped(o.Facts, func(f intake.Fact) Fact {
			return Fact{string(f.Kind), f.Code, f.At, f.DueAt, f.SaidAt, f.EndedAt, f.Note}
		})
		return v
	}), err
}

func (a *API) obligations(ctx context.Context, by access.Actor, in *OneInput) (reply[List[Obligation]], error) {
	all, err := a.obliged(ctx, by, in.Ref.Ref)
	if err != nil {
		return reply[List[Obligation]]{}, err
	}
	views, err := a.obligationViews(ctx, by, all)
	return reply[List[Obligation]]{body: list(views, "")}, err
}

// told shows an obligation after an act on it.
func (a *API) told(ctx context.Context, by access.Actor, o intake.Obligation, err error) (reply[Obligation], error) {
	if err != nil {
		return reply[Obligation]{}, err
	}
	views, err := a.obligationViews(ctx, by, []intake.Obligation{o})
	if err != nil {
		return reply[Obligation]{}, err
	}
	return reply[Obligation]{body: views[0]}, nil
}

// NewMoment is a moment that clocks hang on.
type NewMoment struct {
	Moment string    `json:"moment" enum:"detection,awareness,determination,impact_started,impact_ended,handled,not_significant,withdrawn,suspended,resumed"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty" doc:"Needed to correct what was said before"`
}

// MomentInput is the input of POST /obligations/{id}/moments.
type MomentInput struct {
	ID
	With[NewMoment]
}

func (a *API) noteMoment(ctx context.Context, by access.Actor, in *MomentInput) (reply[Obligation], error) {
	b := in.Body.Value
	o, err := a.Intake.NoteMoment(ctx, by, in.ID.ID, law.Moment(b.Moment), b.At, b.Reason)
	return a.told(ctx, by, o, err)
}

// NewStageRequest asks for a stage that is owed on request.
type NewStageRequest struct {
	Stage  string    `json:"stage"`
	DueAt  time.Time `json:"due_at,omitzero" doc:"The period of the rule set when left out"`
	Reason string    `json:"reason,omitempty"`
}

// StageRequestInput is the input of POST /obligations/{id}/requests.
type StageRequestInput struct {
	ID
	With[NewStageRequest]
}

func (a *API) requestStage(ctx context.Context, by access.Actor, in *StageRequestInput) (reply[Obligation], error) {
	b := in.Body.Value
	o, err := a.Intake.RequestStage(ctx, by, in.ID.ID, b.Stage, b.DueAt, b.Reason)
	return a.told(ctx, by, o, err)
}

// NewWaiver lets go of something owed, or takes that back.
type NewWaiver struct {
	Key    string `json:"key"`
	Reason string `json:"reason"`
	Back   bool   `json:"back,omitempty" doc:"It is owed again, with its old time"`
}

// WaiverInput is the input of POST /obligations/{id}/waivers.
type WaiverInput struct {
	ID
	With[NewWaiver]
}

func (a *API) waive(ctx context.Context, by access.Actor, in *WaiverInput) (reply[Obligation], error) {
	b := in.Body.Value
	act := a.Intake.Waive
	if b.Back {
		act = a.Intake.TakeBack
	}
	o, err := act(ctx, by, in.ID.ID, b.Key, b.Reason)
	return a.told(ctx, by, o, err)
}

// PassedOn says that a recipient by law was given the submissions.
type PassedOn struct {
	Recipient string    `json:"recipient"`
	At        time.Time `json:"at,omitzero" doc:"Now when left out"`
	How       string    `json:"how,omitempty"`
}

// States are the other states that are affected.
type States struct {
	States []string `json:"states" doc:"Two letters each, EU for the Union's bodies: the whole list, in place of the one before"`
	Reason string   `json:"reason,omitempty"`
}

// StatesInput is the input of POST /obligations/{id}/states.
type StatesInput struct {
	ID
	With[States]
}

func (a *API) nameStates(ctx context.Context, by access.Actor, in *StatesInput) (reply[Obligation], error) {
	o, err := a.Intake.NameStates(ctx, by, in.ID.ID, in.Body.Value.States, in.Body.Value.Reason)
	return a.told(ctx, by, o, err)
}

// PassedOnInput is the input of POST /obligations/{id}/recipients.
type PassedOnInput struct {
	ID
	With[PassedOn]
}

func (a *API) passedOn(ctx context.Context, by access.Actor, in *PassedOnInput) (reply[Obligation], error) {
	b := in.Body.Value
	o, err := a.Intake.PassedOnTo(ctx, by, in.ID.ID, b.Recipient, b.At, b.How)
	return a.told(ctx, by, o, err)
}
