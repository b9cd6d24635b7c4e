package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func (a *API) incidents() {
	on(a, "POST /incidents", a.openIncident)
	on(a, "GET /incidents", a.listIncidents)
	on(a, "GET /incidents/{ref}", a.getIncident)
	on(a, "PATCH /incidents/{ref}", a.editIncident)
	on(a, "POST /incidents/{ref}/close", a.closeIncident)
	on(a, "POST /incidents/{ref}/reopen", a.reopenIncident)
	on(a, "POST /incidents/{ref}/severity", a.rateIncident)
	on(a, "POST /incidents/{ref}/seal", a.sealIncident)
	on(a, "POST /incidents/{ref}/hold", a.holdIncident)
	on(a, "GET /incidents/{ref}/tasks", a.tasks)
	on(a, "POST /incidents/{ref}/tasks", a.addTask)
	on(a, "PATCH /incidents/{ref}/tasks/{task}", a.setTask)
	on(a, "GET /incidents/{ref}/timeline", a.timeline)
	on(a, "POST /incidents/{ref}/timeline", a.addEntry)
	on(a, "GET /incidents/{ref}/parties", a.matrix)
	on(a, "POST /incidents/{ref}/parties", a.addParties)
}

// Incident is a case. No party sees one.
type Incident struct {
	ID        string    `json:"id"`
	Number    string    `json:"number"`
	State     string    `json:"state" enum:"open,analysing,coordinating,monitoring,closed"`
	Title     string    `json:"title"`
	Summary   string    `json:"summary,omitempty"`
	Type      string    `json:"type,omitempty" doc:"RSIT"`
	Severity  string    `json:"severity,omitempty" enum:"low,medium,high,critical"`
	Reasons   []string  `json:"reasons"`
	National  bool      `json:"national"`
	TLP       string    `json:"tlp"`
	PAP       string    `json:"pap,omitempty"`
	Mine      bool      `json:"mine" doc:"Its handler is the owner of this token"`
	Handled   bool      `json:"handled" doc:"It has a handler"`
	Sealed    bool      `json:"sealed"`
	Exercise  bool      `json:"exercise"`
	OpenedAt  time.Time `json:"opened_at"`
	StartedAt time.Time `json:"started_at,omitzero"`
	ClosedAt  time.Time `json:"closed_at,omitzero"`
	Closing   *Closing  `json:"closing,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Version   int64     `json:"version"`
}

func incidentView(by access.Actor, i incident.Incident) Incident {
	v := Incident{
		ID: i.UID, Number: i.Number, State: string(i.State), Title: i.Title, Summary: i.Summary, Type: i.Type, Severity: i.Severity, Reasons: some(i.Reasons),
		National: i.National, TLP: i.TLP.String(), PAP: i.PAP.String(), Mine: i.Handler != 0 && i.Handler == by.Account, Handled: i.Handler != 0,
		Sealed: i.Sealed, Exercise: i.Exercise, OpenedAt: i.OpenedAt, StartedAt: i.StartedAt, ClosedAt: i.ClosedAt,
		CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt, Version: i.Version,
	}
	if c := i.Closing; c.Outcome != "" {
		v.Closing = &Closing{c.Outcome, c.RootCause, c.Impact, c.Affected, c.CrossBorder, c.Report, c.TellReporter, c.Note}
	}
	return v
}

func incidentReply(by access.Actor, i incident.Incident, err error) (reply[Incident], error) {
	if err != nil {
		return reply[Incident]{}, err
	}
	return reply[Incident]{body: incidentView(by, i), version: i.Version}, nil
}

// NewIncident is what POST /incidents takes.
type NewIncident struct {
	Title    string   `json:"title,omitempty" doc:"Required without reports"`
	Summary  string   `json:"summary,omitempty"`
	Type     string   `json:"type,omitempty"`
	Severity string   `json:"severity,omitempty"`
	Reasons  []string `json:"reasons,omitempty"`
	TLP      string   `json:"tlp,omitempty"`
	PAP      string   `json:"pap,omitempty"`
	Mine     bool     `json:"mine,omitempty" doc:"Handled by the owner of this token"`
	Exercise bool     `json:"exercise,omitempty"`
	Reports  []string `json:"reports,omitempty" doc:"To accept, by id or reference"`
}

func (a *API) openIncident(ctx context.Context, by access.Actor, in *With[NewIncident]) (reply[Incident], error) {
	b := in.Body.Value
	var p errs.Problems
	l, err := tlpOf(&p, b.TLP)
	pap := papOf(&p, b.PAP)
	if err != nil || p.Err() != nil {
		return reply[Incident]{}, p.Err()
	}
	for _, r := range b.Reports {
		if !named(r) {
			return reply[Incident]{}, errs.ErrNotFound
		}
	}
	new := incident.NewIncident{
		Title: b.Title, Summary: b.Summary, Type: b.Type, Severity: b.Severity, Reasons: b.Reasons, TLP: l, PAP: pap, Exercise: b.Exercise, Reports: b.Reports,
	}
	if b.Mine {
		new.Handler = by.Account
	}
	i, err := a.Incident.Open(ctx, by, new)
	rep, err := incidentReply(by, i, err)
	rep.location = "/incidents/" + i.UID
	return rep, err
}

func tlpOf(p *errs.Problems, s string) (tlp.Level, error) {
	if s == "" {
		return 0, nil
	}
	l, err := tlp.Parse(s)
	if err != nil {
		p.Add("tlp", "error.json_value")
	}
	return l, err
}

func papOf(p *errs.Problems, s string) tlp.PAP {
	l, err := tlp.ParsePAP(s)
	if err != nil {
		p.Add("pap", "error.json_value")
	}
	return l
}

// IncidentsInput narrows the list of incidents.
type IncidentsInput struct {
	Page
	Updated
	IfNoneMatch
	State    string `query:"state" enum:"open,analysing,coordinating,monitoring,closed,all" doc:"All that are not closed when left out"`
	Severity string `query:"severity" enum:"low,medium,high,critical"`
	Type     string `query:"type"`
	Text     string `query:"q"`
	Mine     bool   `query:"mine"`
}

func (a *API) listIncidents(ctx context.Context, by access.Actor, in *IncidentsInput) (reply[List[Incident]], error) {
	view := func(i incident.Incident) Incident { return incidentView(by, i) }
	if after, ok, err := in.asked(); ok {
		if err == nil && (in.State != "" || in.Severity != "" || in.Type != "" || in.Text != "" || in.Mine || in.Cursor != "") {
			err = errAlone("updated_after")
		}
		if err != nil {
			return reply[List[Incident]]{}, err
		}
		ids, mark, err := a.followed(ctx, by, ref.Incident, after, in.Limit)
		if err != nil {
			return reply[List[Incident]]{}, err
		}
		found, err := a.Incident.ByID(ctx, a.Intake.DB, by, ids...)
		items := []Incident{}
		for _, id := range ids {
			if i, ok := found[id]; ok {
				items = append(items, view(i))
				if err := a.listed(ctx, by, []incident.Incident{i}); err != nil {
					return reply[List[Incident]]{}, err
				}
			}
		}
		out := list(items, "")
		out.UpdatedAfter = &mark
		return reply[List[Incident]]{body: out}, err
	}
	page, err := a.Incident.List(ctx, by, incident.Filter{
		Text: in.Text, State: incident.State(in.State), Severity: in.Severity, Type: in.Type, Mine: in.Mine, Limit: in.Limit, After: in.Cursor,
	})
	if err == nil {
		err = a.listed(ctx, by, page.Items)
	}
	return reply[List[Incident]]{body: list(mapped(page.Items, view), page.Next)}, err
}

func (a *API) getIncident(ctx context.Context, by access.Actor, in *OneInput) (reply[Incident], error) {
	i, err := a.Incident.Get(ctx, a.Intake.DB, by, in.Ref.Ref)
	if err == nil {
		err = a.Watch.Read(ctx, by, i.Object)
	}
	return incidentReply(by, i, err)
}

// seen notes that an incident is opened before any of it is shown (rule T4).
func (a *API) seen(ctx context.Context, by access.Actor, name string) error {
	o, err := access.Find(ctx, a.Intake.DB, by, ref.Incident, name)
	if err != nil {
		return err
	}
	return a.Watch.Read(ctx, by, o)
}

// seenUnder is seen for a part of a case. A party reads its own and is told of no case.
func (a *API) seenUnder(ctx context.Context, by access.Actor, subject ref.Ref) error {
	if subject.ID == 0 {
		return nil
	}
	o, err := access.Load(ctx, a.Intake.DB, by, subject)
	if err != nil {
		return err
	}
	return a.Watch.Read(ctx, by, o)
}

// listed notes which incidents of a list that shows them whole are sealed or RED.
func (a *API) listed(ctx context.Context, by access.Actor, list []incident.Incident) error {
	for _, i := range list {
		if i.Sealed || i.TLP == tlp.Red {
			if err := a.Watch.Read(ctx, by, i.Object); err != nil {
				return err
			}
		}
	}
	return nil
}

// Sealing is what sealing takes.
type Sealing struct {
	Reason string `json:"reason"`
	OnlyMe bool   `json:"only_me" doc:"true: nobody but the owner of this token is named; who else is named is chosen at the desk"`
}

// SealInput is the input of POST /incidents/{ref}/seal. To open a seal asks for a fresh proof, which no token has.
type SealInput struct {
	Ref
	IfMatch
	With[Sealing]
}

func (a *API) sealIncident(ctx context.Context, by access.Actor, in *SealInput) (reply[Incident], error) {
	version, err := in.version(by, nil)
	if err != nil {
		return reply[Incident]{}, err
	}
	if !in.Body.Value.OnlyMe {
		return reply[Incident]{}, required("only_me")
	}
	i, err := a.Incident.Seal(ctx, by, in.Ref.Ref, version, nil, in.Body.Value.Reason)
	return incidentReply(by, i, err)
}

// IncidentChange is a set of edits; fields that are left out stay.
type IncidentChange struct {
	Title    *string   `json:"title,omitempty"`
	Summary  *string   `json:"summary,omitempty"`
	Type     *string   `json:"type,omitempty"`
	State    *string   `json:"state,omitempty" enum:"open,analysing,coordinating,monitoring" doc:"Closing is a verb of its own"`
	Severity *string   `json:"severity,omitempty"`
	Reasons  *[]string `json:"reasons,omitempty"`
	TLP      *string   `json:"tlp,omitempty"`
	PAP      *string   `json:"pap,omitempty"`
	Consent  string    `json:"consent,omitempty" doc:"To relax a marking: who of its source agreed, and how"`
	Mine     *bool     `json:"mine,omitempty" doc:"true: handled by the owner of this token; false: by nobody"`
}

// EditInput is the input of PATCH /incidents/{ref}.
type EditInput struct {
	Ref
	IfMatch
	With[IncidentChange]
}

func (a *API) editIncident(ctx context.Context, by access.Actor, in *EditInput) (reply[Incident], error) {
	if in.IfMatch.IfMatch == "" {
		return reply[Incident]{}, errNoMatch
	}
	version, err := in.version(by, nil)
	if err != nil {
		return reply[Incident]{}, err
	}
	b := in.Body.Value
	var p errs.Problems
	c := incident.Change{Version: version, Title: b.Title, Summary: b.Summary, Type: b.Type, Severity: b.Severity, Reasons: b.Reasons, Consent: b.Consent}
	if b.State != nil {
		s := incident.State(*b.State)
		c.State = &s
	}
	if b.TLP != nil {
		l, err := tlp.Parse(*b.TLP)
		if err != nil {
			p.Add("tlp", "error.json_value")
		}
		c.TLP = &l
	}
	if b.PAP != nil {
		l := papOf(&p, *b.PAP)
		c.PAP = &l
	}
	if b.Mine != nil {
		var handler int64
		if *b.Mine {
			handler = by.Account
		}
		c.Handler = &handler
	}
	if err := p.Err(); err != nil {
		return reply[Incident]{}, err
	}
	i, err := a.Incident.Edit(ctx, by, in.Ref.Ref, c)
	return incidentReply(by, i, err)
}

// Closing is what closing asks for.
type Closing struct {
	Outcome      string `json:"outcome" enum:"resolved,not_resolved,handed_over,no_incident"`
	RootCause    string `json:"root_cause" enum:"malicious_action,human_error,system_failure,natural,third_party,unknown"`
	Impact       string `json:"impact" enum:"none,minor,significant,severe,unknown"`
	Affected     int    `json:"affected,omitempty" doc:"Organisations"`
	CrossBorder  string `json:"cross_border" enum:"no,yes,unknown"`
	Report       string `json:"report"`
	TellReporter bool   `json:"tell_reporter,omitempty"`
	Note         string `json:"note,omitempty" doc:"Why requests or measures stay open"`
}

// CloseInput is the input of POST /incidents/{ref}/close.
type CloseInput struct {
	Ref
	IfMatch
	With[Closing]
}

func (a *API) closeIncident(ctx context.Context, by access.Actor, in *CloseInput) (reply[Incident], error) {
	version, err := in.version(by, nil)
	if err != nil {
		return reply[Incident]{}, err
	}
	c := in.Body.Value
	i, err := a.Incident.Close(ctx, by, in.Ref.Ref, version, incident.Closing{
		Outcome: c.Outcome, RootCause: c.RootCause, Impact: c.Impact, Affected: c.Affected, CrossBorder: c.CrossBorder, Report: c.Report,
		TellReporter: c.TellReporter, Note: c.Note,
	})
	return incidentReply(by, i, err)
}

// Reason says why.
type Reason struct {
	Reason string `json:"reason"`
}

// ReopenInput is the input of POST /incidents/{ref}/reopen.
type ReopenInput struct {
	Ref
	With[Reason]
}

func (a *API) reopenIncident(ctx context.Context, by access.Actor, in *ReopenInput) (reply[Incident], error) {
	i, err := a.Incident.Reopen(ctx, by, in.Ref.Ref, in.Body.Value.Reason)
	return incidentReply(by, i, err)
}

// Rating is a severity with its reasons.
type Rating struct {
	Severity string   `json:"severity" enum:"low,medium,high,critical"`
	Reasons  []string `json:"reasons"`
}

// RateInput is the input of POST /incidents/{ref}/severity.
type RateInput struct {
	Ref
	IfMatch
	With[Rating]
}

func (a *API) rateIncident(ctx context.Context, by access.Actor, in *RateInput) (reply[Incident], error) {
	version, err := in.version(by, nil)
	if err != nil {
		return reply[Incident]{}, err
	}
	b := in.Body.Value
	if b.Severity == "" {
		return reply[Incident]{}, required("severity")
	}
	i, err := a.Incident.Edit(ctx, by, in.Ref.Ref, incident.Change{Version: version, Severity: &b.Severity, Reasons: &b.Reasons})
	return incidentReply(by, i, err)
}
