package api

import (
	"cmp"
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
)

func (a *API) sendings() {
	on(a, "POST /incidents/{ref}/sendings", a.newSending)
	on(a, "GET /incidents/{ref}/sendings", a.listSendings)
	on(a, "GET /sendings/{id}", a.getSending)
	on(a, "GET /sendings/{id}/leads", a.sendingLeads)
	on(a, "GET /sendings/{id}/parties", a.sendingLines)
	on(a, "POST /sendings/{id}/parties", a.chooseSending)
	on(a, "POST /sendings/{id}/exclude", a.excludeSending)
	on(a, "GET /sendings/{id}/aside", a.sendingAside)
	on(a, "POST /sendings/{id}/letter", a.setSendingLetter)
	on(a, "GET /sendings/{id}/letters/{organisation}", a.sendingLetter)
	on(a, "POST /sendings/{id}/submit", a.submitSending)
	on(a, "POST /sendings/{id}/back", a.backSending)
	on(a, "POST /sendings/{id}/recall", a.recallSending)
}

// Sending is one question to many parties of an incident, as one act. It is the team's.
type Sending struct {
	ID         string         `json:"id"`
	State      string         `json:"state" enum:"draft,waiting,sending,sent,withdrawn"`
	Version    int64          `json:"version"`
	TLP        string         `json:"tlp" doc:"The strictest of its letters"`
	CreatedAt  time.Time      `json:"created_at"`
	AskedAt    time.Time      `json:"asked_at,omitzero" doc:"When it was asked to be sent"`
	DecidedAt  time.Time      `json:"decided_at,omitzero" doc:"When a second person let it leave"`
	LeavesAt   time.Time      `json:"leaves_at,omitzero" doc:"Until then it can be taken back whole"`
	EndedAt    time.Time      `json:"ended_at,omitzero"`
	Hash       string         `json:"hash,omitempty" doc:"Of what would leave. A person lets it leave on its page: no token does"`
	Chosen     int            `json:"chosen"`
	Excluded   int            `json:"excluded"`
	Written    int            `json:"written" doc:"Have their letter"`
	Left       int            `json:"left" doc:"For a reason of their own"`
	Reasons    map[string]int `json:"reasons,omitempty" doc:"How many were left, by reason"`
	Aside      int            `json:"aside" doc:"Lines of lists that reach nobody"`
	Repeated   int            `json:"repeated" doc:"Lines that stood there before"`
	Why        string         `json:"why,omitempty" doc:"Why it was withdrawn, or went back"`
	DryRun     *DryRun        `json:"dry_run,omitempty"`
	Letter     *SendingText   `json:"letter,omitempty"`
	IncidentID string         `json:"incident_id"`
}

// DryRun is what a sending would do.
type DryRun struct {
	Readers   int            `json:"readers"`
	Lines     int            `json:"lines" doc:"Of evidence"`
	Roads     []RoadCount    `json:"roads"`
	Languages map[string]int `json:"languages"`
	Widest    string         `json:"widest_tlp,omitempty" doc:"The label whose reader may pass it on furthest"`
	Second    string         `json:"second_person,omitempty" doc:"Why a second person is asked; left out when nobody is"`
}

// RoadCount is how many letters take a road.
type RoadCount struct {
	Road   string `json:"road" enum:"encrypted,signed,locked,notice,direct,refused"`
	Reason string `json:"reason,omitempty"`
	Count  int    `json:"count"`
}

// SendingText is what the parties of a sending are told, asked and recommended.
type SendingText struct {
	Version         int64                   `json:"version,omitempty" doc:"As it was read"`
	Text            string                  `json:"text,omitempty" doc:"In front; the letter in each party's language when left out. {name} and {lines} stand for its name and the number of its lines"`
	Request         string                  `json:"request,omitempty" doc:"The question"`
	Words           map[string]SendingWords `json:"words,omitempty" doc:"By language, in place of both"`
	ByRole          map[string]RoleWords    `json:"by_role,omitempty" doc:"By part and language, before all of these; what is left out stays"`
	Questions       string                  `json:"questions,omitempty" doc:"Code of a set of typed questions, as it stands now"`
	Recommendations []string                `json:"recommendations,omitempty" doc:"Codes of the library"`
	ValidDays       int                     `json:"valid_days,omitempty" minimum:"0" doc:"For how long they hold once they are done: then they expire, and the party is asked again. For ever when left out"`
	CheckDays       int                     `json:"check_days,omitempty" minimum:"0" doc:"After how long we check them again once they are verified. Never when left out"`
	DueAt           time.Time               `json:"due_at,omitzero"`
	TLP             string                  `json:"tlp,omitempty"`
}

// RoleWords are what parties in one part read, by language.
type RoleWords map[string]SendingWords

// SendingWords are text and question in one language.
type SendingWords struct {
	Text    string `json:"text,omitempty"`
	Request string `json:"request,omitempty"`
}

func (a *API) sendingView(ctx context.Context, by access.Actor, x coordination.Sending, d *coordination.DryRun) (Sending, error) {
	v := Sending{
		ID: x.UID, State: string(x.State), Version: x.Version, TLP: x.TLP.String(), CreatedAt: x.CreatedAt, AskedAt: x.AskedAt, DecidedAt: x.DecidedAt, LeavesAt: x.LeavesAt, EndedAt: x.EndedAt,
		Chosen: x.Chosen, Excluded: x.Excluded, Written: x.Written, Left: x.Left, Reasons: x.Reasons, Aside: x.Unread, Repeated: x.Repeated, Why: x.Why,
	}
	if x.State == coordination.SendingWaiting {
		v.Hash = x.Hash
	}
	o, err := access.Load(ctx, a.Intake.DB, by, x.Subject)
	if err != nil {
		return v, err
	}
	v.IncidentID = o.UID
	if g := x.Give; g.Written() {
		v.Letter = &SendingText{Text: g.Text, Request: g.Request, Questions: g.Questions, Recommendations: g.Recommendations, ValidDays: g.ValidDays, CheckDays: g.CheckDays, DueAt: g.DueAt, TLP: x.TLP.String()}
		for lang, w := range g.Words {
			if v.Letter.Words == nil {
				v.Letter.Words = map[string]SendingWords{}
			}
			v.Letter.Words[lang] = SendingWords{w.Text, w.Request}
		}
		for role, words := range g.ByRole {
			if v.Letter.ByRole == nil {
				v.Letter.ByRole = map[string]RoleWords{}
			}
			of := RoleWords{}
			for lang, w := range words {
				of[lang] = SendingWords{w.Text, w.Request}
			}
			v.Letter.ByRole[string(role)] = of
		}
	}
	if d != nil {
		v.DryRun = &DryRun{Readers: d.Readers, Lines: d.Lines, Languages: d.Langs, Second: d.SecondWhy, Roads: mapped(d.Roads, func(r coordination.RoadCount) RoadCount {
			return RoadCount{r.Road.String(), r.Reason, r.Count}
		})}
		if d.Widest != 0 {
			v.DryRun.Widest = d.Widest.String()
		}
	}
	return v, nil
}

// sending gives the answer of a verb.
func (a *API) sending(ctx context.Context, by access.Actor, x coordination.Sending, err error) (reply[Sending], error) {
	if err != nil {
		return reply[Sending]{}, err
	}
	v, err := a.sendingView(ctx, by, x, nil)
	return reply[Sending]{body: v}, err
}

// SendingBegin is the body of POST /incidents/{ref}/sendings: it says nothing.
type SendingBegin struct{}

// BeginInput is the input of POST /incidents/{ref}/sendings.
type BeginInput struct {
	Ref
	With[SendingBegin]
}

func (a *API) newSending(ctx context.Context, by access.Actor, in *BeginInput) (reply[Sending], error) {
	x, err := a.Coordination.NewSending(ctx, by, in.Ref.Ref)
	return a.sending(ctx, by, x, err)
}

func (a *API) listSendings(ctx context.Context, by access.Actor, in *OneInput) (reply[List[Sending]], error) {
	if err := a.seen(ctx, by, in.Ref.Ref); err != nil {
		return reply[List[Sending]]{}, err
	}
	all, err := a.Coordination.Sendings(ctx, by, in.Ref.Ref)
	out := make([]Sending, 0, len(all))
	for _, x := range all {
		v, e := a.sendingView(ctx, by, x, nil)
		err = cmp.Or(err, e)
		out = append(out, v)
	}
	return reply[List[Sending]]{body: list(out, "")}, err
}

func (a *API) getSending(ctx context.Context, by access.Actor, in *ID) (reply[Sending], error) {
	x, _, d, err := a.Coordination.Lines(ctx, by, in.ID)
	if err == nil {
		err = a.seenUnder(ctx, by, x.Subject)
	}
	if err != nil {
		return reply[Sending]{}, err
	}
	v, err := a.sendingView(ctx, by, x, &d)
	return reply[Sending]{body: v}, err
}

// SendingTextInput is the input of POST /sendings/{id}/letter.
type SendingTextInput struct {
	ID
	With[SendingText]
}

func (a *API) setSendingLetter(ctx context.Context, by access.Actor, in *SendingTextInput) (reply[Sending], error) {
	b := in.Body.Value
	g := coordination.Give{Text: b.Text, Request: b.Request, Questions: b.Questions, Recommendations: b.Recommendations, ValidDays: b.ValidDays, CheckDays: b.CheckDays, DueAt: b.DueAt, Words: map[string]coordination.Words{}}
	var err error
	if g.TLP, err = label(b.TLP); err != nil {
		return reply[Sending]{}, err
	}
	for lang, w := range b.Words {
		g.Words[lang] = coordination.Words{Text: w.Text, Request: w.Request}
	}
	for role, words := range b.ByRole {
		if g.ByRole == nil {
			g.ByRole = map[coordination.Role]map[string]coordination.Words{}
		}
		of := map[string]coordination.Words{}
		for lang, w := range words {
			of[lang] = coordination.Words{Text: w.Text, Request: w.Request}
		}
		g.ByRole[coordination.Role(role)] = of
	}
	x, err := a.Coordination.SetLetter(ctx, by, in.ID.ID, b.Version, g)
	return a.sending(ctx, by, x, err)
}

// SendingLetter is exactly what one party will receive.
type SendingLetter struct {
	Organisation OrganisationRef `json:"organisation"`
	Reader       string          `json:"reader"`
	Email        string          `json:"email,omitempty"`
	Lang         string          `json:"lang"`
	Road         string          `json:"road" enum:"encrypted,signed,locked,notice,direct,refused"`
	RoadReason   string          `json:"road_reason,omitempty"`
	Subject      string          `json:"subject"`
	Text         string          `json:"text" doc:"As it leaves by this road"`
	Letter       string          `json:"letter" doc:"The letter itself: what waits in the portal when the road is a notice"`
	Hits         []string        `json:"hits" doc:"Words of other parties in it"`
	Evidence     string          `json:"evidence,omitempty" doc:"The file beside it, CSV"`
	Files        []SendingFile   `json:"files,omitempty" doc:"Of its own, such as XARF"`
}

// SendingFile is a file of text that one reader receives.
type SendingFile struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Text string `json:"text"`
}

// SendingLetterInput names a sending and an organisation.
type SendingLetterInput struct {
	ID
	Organisation string `path:"organisation"`
}

func (a *API) sendingLetter(ctx context.Context, by access.Actor, in *SendingLetterInput) (reply[SendingLetter], error) {
	l, lines, err := a.Coordination.Letter(ctx, by, in.ID.ID, in.Organisation)
	if err == nil {
		err = a.seenUnder(ctx, by, l.Party.Subject)
	}
	if err != nil {
		return reply[SendingLetter]{}, err
	}
	v := SendingLetter{
		Organisation: OrganisationRef{in.Organisation, l.Party.Name}, Reader: l.Reader.Name, Email: l.Reader.Email, Lang: l.Lang, Road: l.Road.Road.String(), RoadReason: l.Road.Reason,
		Subject: l.Subject, Text: l.Text, Letter: l.Letter, Hits: some(l.Hits),
	}
	for _, f := range l.Files {
		v.Files = append(v.Files, SendingFile{f.Name, f.Type, string(f.Content)})
	}
	if len(lines) > 0 {
		v.Evidence = string(coordination.EvidenceCSV(lines))
	}
	return reply[SendingLetter]{body: v}, nil
}

// SendingSubmit asks for a sending to be sent.
type SendingSubmit struct {
	Version int64 `json:"version,omitempty" doc:"As it was read"`
	Looked  bool  `json:"looked,omitempty" doc:"A person looked at words of other parties in the letters, and lets them leave"`
}

// SubmitSendingInput is the input of POST /sendings/{id}/submit.
type SubmitSendingInput struct {
	ID
	With[SendingSubmit]
}

func (a *API) submitSending(ctx context.Context, by access.Actor, in *SubmitSendingInput) (reply[Sending], error) {
	x, err := a.Coordination.Submit(ctx, by, in.ID.ID, in.Body.Value.Version, in.Body.Value.Looked)
	return a.sending(ctx, by, x, err)
}

// SendingVersion names a sending as it was read.
type SendingVersion struct {
	Version int64 `json:"version,omitempty"`
}

// BackInput is the input of POST /sendings/{id}/back.
type BackInput struct {
	ID
	With[SendingVersion]
}

func (a *API) backSending(ctx context.Context, by access.Actor, in *BackInput) (reply[Sending], error) {
	x, err := a.Coordination.TakeBack(ctx, by, in.ID.ID, in.Body.Value.Version)
	return a.sending(ctx, by, x, err)
}

// SendingRecall ends a sending.
type SendingRecall struct {
	Version int64  `json:"version,omitempty"`
	Reason  string `json:"reason"`
}

// RecallInput is the input of POST /sendings/{id}/recall.
type RecallInput struct {
	ID
	With[SendingRecall]
}

func (a *API) recallSending(ctx context.Context, by access.Actor, in *RecallInput) (reply[Sending], error) {
	x, err := a.Coordination.Recall(ctx, by, in.ID.ID, in.Body.Value.Version, in.Body.Value.Reason)
	return a.sending(ctx, by, x, err)
}
