package api

import (
	"bytes"
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

func (a *API) reports() {
	on(a, "POST /reports", a.createReport)
	on(a, "GET /reports", a.listReports)
	on(a, "GET /reports/{ref}", a.getReport)
	on(a, "POST /reports/{ref}/triage", a.triage)
	on(a, "POST /reports/{ref}/hold", a.holdReport)
	on(a, "GET /reports/{ref}/submissions", a.submissions)
	on(a, "POST /reports/{ref}/submissions", a.submit)
	on(a, "GET /reports/{ref}/messages", a.messages)
	on(a, "POST /reports/{ref}/messages", a.message)
	on(a, "POST /reports/{ref}/files", a.addFiles)
	onBytes(a, "GET /reports/{ref}/messages/{message}/files/{file}", a.file)
	onBytes(a, "GET /reports/{ref}/original", a.original)
	on(a, "GET /reports/{ref}/receipts", a.receipts)
	on(a, "POST /reports/{ref}/receipts", a.askReceipt)
	onBytes(a, "GET /reports/{ref}/receipts/{number}", a.receipt)
	on(a, "GET /reports/{ref}/parts", a.parts)
}

// Reporter is who reports.
type Reporter struct {
	Name         string `json:"name,omitempty"`
	Email        string `json:"email,omitempty"`
	Phone        string `json:"phone,omitempty"`
	Organisation string `json:"organisation,omitempty"`
}

// Affected is an organisation that the reporter names.
type Affected struct {
	Organisation string `json:"organisation"`
}

// Observable is a typed value.
type Observable struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// NewReport is what POST /reports takes. Summary or description is required.
type NewReport struct {
	Summary            string            `json:"summary,omitempty"`
	Description        string            `json:"description,omitempty"`
	Reporter           Reporter          `json:"reporter,omitzero"`
	TLP                string            `json:"tlp,omitempty" doc:"TLP:AMBER+STRICT when left out"`
	OccurredAt         time.Time         `json:"occurred_at,omitzero"`
	DetectedAt         time.Time         `json:"detected_at,omitzero"`
	AwareAt            time.Time         `json:"aware_at,omitzero"`
	DeterminedAt       time.Time         `json:"determined_at,omitzero"`
	ImpactStartedAt    time.Time         `json:"impact_started_at,omitzero"`
	ImpactEndedAt      time.Time         `json:"impact_ended_at,omitzero"`
	Kind               string            `json:"kind,omitempty" enum:"mandatory,voluntary,near_miss,threat,question"`
	Affected           []Affected        `json:"affected,omitempty"`
	RootCause          string            `json:"root_cause,omitempty"`
	Ongoing            Answer            `json:"ongoing,omitempty"`
	CrossBorder        Answer            `json:"cross_border,omitempty"`
	SuspectedMalicious Answer            `json:"suspected_malicious,omitempty"`
	Type               string            `json:"type,omitempty" doc:"RSIT"`
	Law                string            `json:"law,omitempty"`
	Stage              string            `json:"stage,omitempty"`
	Impact             map[string]string `json:"impact,omitempty"`
	Observables        []Observable      `json:"observables,omitempty"`
	Attachments        []Attachment      `json:"attachments,omitempty"`
}

// Clock is a deadline.
type Clock struct {
	Kind  string    `json:"kind"`
	Owes  string    `json:"owes" enum:"us,reporter"`
	DueAt time.Time `json:"due_at"`
}

// Received is what the reporter is told. The status URL is shown once.
type Received struct {
	ID        string  `json:"id"`
	Reference string  `json:"reference"`
	StatusURL string  `json:"status_url"`
	Clocks    []Clock `json:"clocks"`
}

func (a *API) createReport(ctx context.Context, by access.Actor, in *With[NewReport]) (reply[Received], error) {
	b := in.Body.Value
	brought, err := files(b.Attachments)
	if err != nil {
		return reply[Received]{}, err
	}
	got, err := a.Intake.Receive(ctx, by, intake.ReceiveInput{
		Channel: correspondence.ByAPI, Lang: by.Lang, TLP: b.TLP, OccurredAt: b.OccurredAt, DetectedAt: b.DetectedAt, AwareAt: b.AwareAt,
		Original: in.Body.raw, Files: brought, Body: b.content(),
	})
	if err != nil {
		return reply[Received]{}, err
	}
	out := Received{ID: got.Report.UID, Reference: got.Reference, StatusURL: a.URL + "/r/" + got.Code.Reveal(), Clocks: clocks(got.Clocks)}
	return reply[Received]{body: out, location: "/reports/" + got.Report.UID}, nil
}

func clocks(list []intake.Clock) []Clock {
	return mapped(list, func(c intake.Clock) Clock { return Clock{c.Kind, c.Owes, c.DueAt} })
}

// content is the report as the queue shows it. What has no field of its own is kept under its name in the API.
func (b NewReport) content() intake.Body {
	fields := map[string]string{}
	set := func(name, value string) {
		if value != "" {
			fields[name] = value
		}
	}
	at := func(name string, t time.Time) {
		if !t.IsZero() {
			fields[name] = t.Format(time.RFC3339)
		}
	}
	at("determined_at", b.DeterminedAt)
	at("impact_started_at", b.ImpactStartedAt)
	at("impact_ended_at", b.ImpactEndedAt)
	set("root_cause", b.RootCause)
	set("cross_border", string(b.CrossBorder))
	set("suspected_malicious", string(b.SuspectedMalicious))
	set("law", b.Law)
	set("stage", b.Stage)
	for k, v := range b.Impact {
		set("impact."+k, v)
	}
	organisation := b.Reporter.Organisation
	for i, x := range b.Affected {
		if i == 0 && organisation == "" {
			organisation = x.Organisation
		}
		if old := fields["affected"]; old != "" {
			fields["affected"] = old + "\n" + x.Organisation
			continue
		}
		set("affected", x.Organisation)
	}
	if len(fields) == 0 {
		fields = nil
	}
	return intake.Body{
		Summary: b.Summary, Description: b.Description, Name: b.Reporter.Name, Email: b.Reporter.Email, Phone: b.Reporter.Phone, OrgText: organisation,
		Ongoing: string(b.Ongoing), Kind: b.Kind, Type: b.Type, Fields: fields,
		Observables: mapped(b.Observables, func(o Observable) intake.Observable { return intake.Observable{Type: o.Type, Value: o.Value} }),
	}
}

// Ref is the report, incident or other thing that a path names.
type Ref struct {
	Ref string `path:"ref" doc:"Its id, reference or number"`
}

// ReportsInput narrows the list of reports.
type ReportsInput struct {
	Page
	Updated
	IfNoneMatch
	State string `query:"state" enum:"new,linked,answered,rejected,passed_on,spam" doc:"For the team"`
	Text  string `query:"q" doc:"Words, or a reference"`
	Mine  bool   `query:"mine" doc:"For the team: nobody's or mine"`
}

func (a *API) listReports(ctx context.Context, by access.Actor, in *ReportsInput) (reply[List[Report]], error) {
	if after, ok, err := in.asked(); ok {
		if err == nil && (in.State != "" || in.Text != "" || in.Mine || in.Cursor != "") {
			err = errAlone("updated_after")
		}
		if err != nil {
			return reply[List[Report]]{}, err
		}
		return a.followReports(ctx, by, after, in.Limit)
	}
	f := intake.QueueFilter{Text: in.Text, Limit: in.Limit, After: in.Cursor}
	if by.Team() { // to others these would tell what we do with a report
		f.State, f.Mine = intake.State(in.State), in.Mine
	}
	page, err := a.Intake.List(ctx, by, f)
	if err != nil {
		return reply[List[Report]]{}, err
	}
	items, err := a.reportViews(ctx, by, page.Items)
	return reply[List[Report]]{body: list(items, page.Next)}, err
}

func (a *API) followReports(ctx context.Context, by access.Actor, after int64, limit int) (reply[List[Report]], error) {
	ids, mark, err := a.followed(ctx, by, ref.Report, after, limit)
	if err != nil {
		return reply[List[Report]]{}, err
	}
	found, err := a.Intake.ByID(ctx, a.Intake.DB, by, ids...)
	if err != nil {
		return reply[List[Report]]{}, err
	}
	all := make([]intake.Report, 0, len(found))
	for _, id := range ids {
		if r, ok := found[id]; ok {
			all = append(all, r)
		}
	}
	items, err := a.reportViews(ctx, by, all)
	out := list(items, "")
	out.UpdatedAfter = &mark
	return reply[List[Report]]{body: out}, err
}

// OneInput names one thing, and what of it is known already.
type OneInput struct {
	Ref
	IfNoneMatch
}

func (a *API) getReport(ctx context.Context, by access.Actor, in *OneInput) (reply[Report], error) {
	r, err := a.Intake.Get(ctx, a.Intake.DB, by, in.Ref.Ref)
	if err == nil {
		err = a.Watch.Read(ctx, by, r.Object)
	}
	if err != nil {
		return reply[Report]{}, err
	}
	return a.reportReply(ctx, by, r)
}

func (a *API) reportReply(ctx context.Context, by access.Actor, r intake.Report) (reply[Report], error) {
	views, err := a.reportViews(ctx, by, []intake.Report{r})
	if err != nil {
		return reply[Report]{}, err
	}
	return reply[Report]{body: views[0], version: r.Version}, nil
}

// NewSubmission is something more from the reporter: text, files, or both.
type NewSubmission struct {
	Text        string       `json:"text,omitempty"`
	Stage       string       `json:"stage,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
}

// SubmissionInput is the input of the operations that add.
type SubmissionInput struct {
	Ref
	With[NewSubmission]
}

func (a *API) submit(ctx context.Context, by access.Actor, in *SubmissionInput) (reply[Message], error) {
	b := in.Body.Value
	return a.add(ctx, by, in.Ref.Ref, b.Text, b.Stage, b.Attachments, in.Body.raw)
}

// NewFiles are files for a report.
type NewFiles struct {
	Attachments []Attachment `json:"attachments"`
}

// FilesInput is the input of POST /reports/{ref}/files.
type FilesInput struct {
	Ref
	With[NewFiles]
}

func (a *API) addFiles(ctx context.Context, by access.Actor, in *FilesInput) (reply[Message], error) {
	return a.add(ctx, by, in.Ref.Ref, "", "", in.Body.Value.Attachments, in.Body.raw)
}

func (a *API) add(ctx context.Context, by access.Actor, report, said, stage string, list []Attachment, raw []byte) (reply[Message], error) {
	brought, err := files(list)
	if err != nil {
		return reply[Message]{}, err
	}
	m, err := a.Intake.Add(ctx, by, report, intake.Addition{
		Channel: correspondence.ByAPI, Text: said, Stage: stage, Files: brought, Original: bytes.Clone(raw),
	})
	if err != nil {
		return reply[Message]{}, err
	}
	return reply[Message]{body: messageView(by, m)}, nil
}
