package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

func etag(version int64) string { return fmt.Sprintf(`"v%d"`, version) }

// CreateReport sends a report. It works without a token too, within tight limits.
func (c *Client) CreateReport(ctx context.Context, in NewReport, opts ...Option) (Received, error) {
	return post[Received](ctx, c, "/reports", in, opts...)
}

// Reports lists reports, newest first.
func (c *Client) Reports(ctx context.Context, p Page) (List[Report], error) {
	return get[List[Report]](ctx, c, "/reports"+p.query())
}

// Report reads a report by id; the team by reference too.
func (c *Client) Report(ctx context.Context, ref string) (Report, error) {
	return get[Report](ctx, c, "/reports/"+seg(ref))
}

// Triage does one act of triage.
func (c *Client) Triage(ctx context.Context, report string, in Triage, opts ...Option) (Triaged, error) {
	return post[Triaged](ctx, c, "/reports/"+seg(report)+"/triage", in, opts...)
}

// AddToReport adds a further submission: text, files or both.
func (c *Client) AddToReport(ctx context.Context, report, text string, files []Attachment, opts ...Option) (Message, error) {
	in := struct {
		Text        string       `json:"text,omitempty"`
		Attachments []Attachment `json:"attachments,omitempty"`
	}{text, files}
	return post[Message](ctx, c, "/reports/"+seg(report)+"/submissions", in, opts...)
}

// WriteToReporter writes on the thread of a report: the team to its reporter, the reporter to the team.
func (c *Client) WriteToReporter(ctx context.Context, report string, in Letter, opts ...Option) (Message, error) {
	return post[Message](ctx, c, "/reports/"+seg(report)+"/messages", in, opts...)
}

// Messages lists the messages on the thread of a report.
func (c *Client) Messages(ctx context.Context, report string) (List[Message], error) {
	return get[List[Message]](ctx, c, "/reports/"+seg(report)+"/messages")
}

// Submissions lists what the reporter sent.
func (c *Client) Submissions(ctx context.Context, report string) (List[Message], error) {
	return get[List[Message]](ctx, c, "/reports/"+seg(report)+"/submissions")
}

// Original fetches the bytes of a report as they arrived. Their SHA-256 stands in the header X-Content-SHA256.
func (c *Client) Original(ctx context.Context, report string) (*Answer, error) {
	return c.Do(ctx, http.MethodGet, "/reports/"+seg(report)+"/original", nil, nil)
}

// Receipts lists the signed receipts of a report.
func (c *Client) Receipts(ctx context.Context, report string) (List[Receipt], error) {
	return get[List[Receipt]](ctx, c, "/reports/"+seg(report)+"/receipts")
}

// AskReceipt asks for a signed receipt in another language: en, pt, fr, nl or de. It is made in a moment.
func (c *Client) AskReceipt(ctx context.Context, report string, in Receipt, opts ...Option) (Receipt, error) {
	return post[Receipt](ctx, c, "/reports/"+seg(report)+"/receipts", in, opts...)
}

// Receipt fetches a signed receipt, a PDF; an empty language gives the one that was made first.
func (c *Client) Receipt(ctx context.Context, report string, number int, lang string) (*Answer, error) {
	return c.Do(ctx, http.MethodGet, "/reports/"+seg(report)+"/receipts/"+strconv.Itoa(number)+"?lang="+url.QueryEscape(lang), nil, nil)
}

// File fetches an attachment of a message.
func (c *Client) File(ctx context.Context, report, message, file string) (*Answer, error) {
	return c.Do(ctx, http.MethodGet, "/reports/"+seg(report)+"/messages/"+seg(message)+"/files/"+seg(file), nil, nil)
}

// CreateIncident opens an incident.
func (c *Client) CreateIncident(ctx context.Context, in NewIncident, opts ...Option) (Incident, error) {
	return post[Incident](ctx, c, "/incidents", in, opts...)
}

// Incidents lists incidents, newest change first.
func (c *Client) Incidents(ctx context.Context, p Page) (List[Incident], error) {
	return get[List[Incident]](ctx, c, "/incidents"+p.query())
}

// Incident reads an incident by id or number.
func (c *Client) Incident(ctx context.Context, ref string) (Incident, error) {
	return get[Incident](ctx, c, "/incidents/"+seg(ref))
}

// EditIncident changes properties of the incident as it was read; what somebody else changed meanwhile is a Problem with status 412.
func (c *Client) EditIncident(ctx context.Context, read Incident, in IncidentChange) (Incident, error) {
	var out Incident
	_, err := c.Do(ctx, http.MethodPatch, "/incidents/"+seg(read.ID), in, &out, IfMatch(read.ETag()))
	return out, err
}

// Close closes an incident.
func (c *Client) Close(ctx context.Context, incident string, in Closing, opts ...Option) (Incident, error) {
	return post[Incident](ctx, c, "/incidents/"+seg(incident)+"/close", in, opts...)
}

// Reopen opens a closed incident again.
func (c *Client) Reopen(ctx context.Context, incident, reason string, opts ...Option) (Incident, error) {
	return post[Incident](ctx, c, "/incidents/"+seg(incident)+"/reopen", map[string]string{"reason": reason}, opts...)
}

// HoldReport sets a legal hold on a report: nothing of it ends. The reason has at least ten characters.
func (c *Client) HoldReport(ctx context.Context, report, reason string, opts ...Option) (Hold, error) {
	return post[Hold](ctx, c, "/reports/"+seg(report)+"/hold", map[string]string{"reason": reason}, opts...)
}

// HoldIncident sets a legal hold on an incident.
func (c *Client) HoldIncident(ctx context.Context, incident, reason string, opts ...Option) (Hold, error) {
	return post[Hold](ctx, c, "/incidents/"+seg(incident)+"/hold", map[string]string{"reason": reason}, opts...)
}

// Rate rates the severity of an incident.
func (c *Client) Rate(ctx context.Context, incident, severity string, reasons []string, opts ...Option) (Incident, error) {
	return post[Incident](ctx, c, "/incidents/"+seg(incident)+"/severity", map[string]any{"severity": severity, "reasons": reasons}, opts...)
}

// AddTask adds a task to an incident.
func (c *Client) AddTask(ctx context.Context, incident string, in Task, opts ...Option) (Task, error) {
	return post[Task](ctx, c, "/incidents/"+seg(incident)+"/tasks", in, opts...)
}

// Tasks lists the tasks of an incident.
func (c *Client) Tasks(ctx context.Context, incident string) (List[Task], error) {
	return get[List[Task]](ctx, c, "/incidents/"+seg(incident)+"/tasks")
}

// SetTask marks a task done or open.
func (c *Client) SetTask(ctx context.Context, incident, task string, done bool) (Task, error) {
	var out Task
	_, err := c.Do(ctx, http.MethodPatch, "/incidents/"+seg(incident)+"/tasks/"+seg(task), map[string]bool{"done": done}, &out)
	return out, err
}

// AddEntry writes into the timeline of an incident.
func (c *Client) AddEntry(ctx context.Context, incident string, in Entry, opts ...Option) (Entry, error) {
	return post[Entry](ctx, c, "/incidents/"+seg(incident)+"/timeline", in, opts...)
}

// Timeline lists the written entries of an incident.
func (c *Client) Timeline(ctx context.Context, incident string) (List[Entry], error) {
	return get[List[Entry]](ctx, c, "/incidents/"+seg(incident)+"/timeline")
}

// AddParties adds organisations as parties of an incident.
func (c *Client) AddParties(ctx context.Context, incident string, organisations []string, role, why string, opts ...Option) (List[Party], error) {
	return post[List[Party]](ctx, c, "/incidents/"+seg(incident)+"/parties", map[string]any{"organisations": organisations, "role": role, "why": why}, opts...)
}

// Parties reads the matrix of an incident.
func (c *Client) Parties(ctx context.Context, incident string) (List[Party], error) {
	return get[List[Party]](ctx, c, "/incidents/"+seg(incident)+"/parties")
}

// Ask asks a party. The letter is held in the outbox for a moment, where it can be stopped.
func (c *Client) Ask(ctx context.Context, party string, in Ask, opts ...Option) (List[Message], error) {
	return post[List[Message]](ctx, c, "/parties/"+seg(party)+"/requests", in, opts...)
}

// Give gives measures to a party.
func (c *Client) Give(ctx context.Context, party string, in Give, opts ...Option) (List[Message], error) {
	return post[List[Message]](ctx, c, "/parties/"+seg(party)+"/measures", in, opts...)
}

// Write writes to a party.
func (c *Client) Write(ctx context.Context, party string, in Letter, opts ...Option) (Message, error) {
	return post[Message](ctx, c, "/parties/"+seg(party)+"/messages", in, opts...)
}

// Requests lists requests by due time.
func (c *Client) Requests(ctx context.Context, p Page) (List[Request], error) {
	return get[List[Request]](ctx, c, "/requests"+p.query())
}

// Request reads a request with its answers.
func (c *Client) Request(ctx context.Context, id string) (Request, error) {
	return get[Request](ctx, c, "/requests/"+seg(id))
}

// Answer answers a request.
func (c *Client) Answer(ctx context.Context, request, text string, files []Attachment, opts ...Option) (Request, error) {
	in := struct {
		Text        string       `json:"text,omitempty"`
		Attachments []Attachment `json:"attachments,omitempty"`
	}{text, files}
	return post[Request](ctx, c, "/requests/"+seg(request)+"/answer", in, opts...)
}

// Measures lists measures by due time.
func (c *Client) Measures(ctx context.Context, p Page) (List[Measure], error) {
	return get[List[Measure]](ctx, c, "/measures"+p.query())
}

// Measure reads a measure, with the ETag under which it was read.
func (c *Client) Measure(ctx context.Context, id string) (m Measure, etag string, err error) {
	a, err := c.Do(ctx, http.MethodGet, "/measures/"+seg(id), nil, &m)
	if err == nil {
		etag = a.ETag()
	}
	return m, etag, err
}

// Move moves a measure: acknowledge, plan, done, decline or verify.
func (c *Client) Move(ctx context.Context, measure, move string, in Moving, opts ...Option) (Measure, error) {
	return post[Measure](ctx, c, "/measures/"+seg(measure)+"/"+seg(move), in, opts...)
}

// Organisations lists organisations by name.
func (c *Client) Organisations(ctx context.Context, p Page) (List[Organisation], error) {
	return get[List[Organisation]](ctx, c, "/organisations"+p.query())
}

// Organisation reads an organisation.
func (c *Client) Organisation(ctx context.Context, id string) (Organisation, error) {
	return get[Organisation](ctx, c, "/organisations/"+seg(id))
}

// Contacts lists the contacts of an organisation; the token's own when organisation is "".
func (c *Client) Contacts(ctx context.Context, organisation string) (List[Contact], error) {
	return get[List[Contact]](ctx, c, "/contacts"+of(organisation))
}

// Assets lists the assets of an organisation; the token's own when organisation is "".
func (c *Client) Assets(ctx context.Context, organisation string) (List[Asset], error) {
	return get[List[Asset]](ctx, c, "/assets"+of(organisation))
}

// AddAsset enters what an organisation answers for.
func (c *Client) AddAsset(ctx context.Context, organisation string, in NewAsset, opts ...Option) (Asset, error) {
	return post[Asset](ctx, c, "/organisations/"+seg(organisation)+"/assets", in, opts...)
}

// ProveAsset notes how we know that an asset is theirs.
func (c *Client) ProveAsset(ctx context.Context, id, how string, opts ...Option) (Asset, error) {
	return post[Asset](ctx, c, "/assets/"+seg(id)+"/prove", map[string]string{"how": how}, opts...)
}

// EndAsset notes that an asset is no longer theirs from a moment on; the zero time is now.
func (c *Client) EndAsset(ctx context.Context, id string, at time.Time, why string, opts ...Option) error {
	in := map[string]any{"why": why}
	if !at.IsZero() {
		in["at"] = at
	}
	_, err := post[struct{}](ctx, c, "/assets/"+seg(id)+"/end", in, opts...)
	return err
}

// Owners tells who answers for an address, a domain, a URL or an AS number at a moment; the zero time is now.
func (c *Client) Owners(ctx context.Context, what string, at time.Time) (List[Owner], error) {
	q := url.Values{"what": {what}}
	if !at.IsZero() {
		q.Set("at", at.UTC().Format(time.RFC3339))
	}
	return get[List[Owner]](ctx, c, "/owners?"+q.Encode())
}

func of(organisation string) string {
	if organisation == "" {
		return ""
	}
	return Page{Filter: map[string]string{"organisation": organisation}}.query()
}

// Deadlines lists open deadlines by due time.
func (c *Client) Deadlines(ctx context.Context, p Page) (List[Deadline], error) {
	return get[List[Deadline]](ctx, c, "/deadlines"+p.query())
}

// Search finds incidents by the words of their text.
func (c *Client) Search(ctx context.Context, words string, p Page) (List[Incident], error) {
	filter := map[string]string{"q": words}
	for k, v := range p.Filter {
		filter[k] = v
	}
	p.Filter = filter
	return get[List[Incident]](ctx, c, "/search"+p.query())
}

// Audit reads the record, newest first, or what was added after a number.
func (c *Client) Audit(ctx context.Context, p Page) (List[Recorded], error) {
	return get[List[Recorded]](ctx, c, "/audit"+p.query())
}
