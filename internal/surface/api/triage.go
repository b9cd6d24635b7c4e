package api

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Triage is one act of triage. Which other fields count depends on the action.
type Triage struct {
	Action   string   `json:"action" enum:"accept,take_over,attach,reject,reply,pass_on,restore,not_spam,crime,no_crime"`
	Title    string   `json:"title,omitempty" doc:"accept: of the new incident; that of the report when left out"`
	Type     string   `json:"type,omitempty" doc:"accept: RSIT"`
	Severity string   `json:"severity,omitempty" doc:"accept"`
	Reasons  []string `json:"reasons,omitempty" doc:"accept: why that severity"`
	TLP      string   `json:"tlp,omitempty" doc:"accept, reply"`
	Incident string   `json:"incident,omitempty" doc:"attach: id or number"`
	Reason   string   `json:"reason,omitempty" doc:"reject: the code of one of /triage/reasons"`
	Tell     bool     `json:"tell,omitempty" doc:"reject: the reporter gets the letter of the reason"`
	Teach    string   `json:"teach,omitempty" doc:"not_spam: sender or domain keeps its mail in the queue from now on"`
	To       string   `json:"to,omitempty" doc:"pass_on: to whom; the reporter reads it"`
	Note     string   `json:"note,omitempty" doc:"reject, pass_on: for the team"`
	Subject  string   `json:"subject,omitempty" doc:"reply"`
	Text     string   `json:"text,omitempty" doc:"reply"`

	Letter *PassLetter `json:"letter,omitempty" doc:"pass_on: the letter that passes it on; without one it is recorded alone"`
}

// PassLetter is the letter with which a report is passed on: to an organisation of the register, or to an address.
type PassLetter struct {
	Organisation string `json:"organisation,omitempty" doc:"its id"`
	Name         string `json:"name,omitempty" doc:"of who reads it, without an organisation"`
	Email        string `json:"email,omitempty" doc:"without an organisation"`
	Lang         string `json:"lang,omitempty" doc:"of the letter, without an organisation: en, pt, fr, nl or de"`
	Note         string `json:"note,omitempty" doc:"stands above what was reported"`
	Reporter     bool   `json:"reporter,omitempty" doc:"who reported is named"`
	Basis        string `json:"basis,omitempty" doc:"consent or law: why it goes beyond AMBER"`
}

// Triaged is what became of it.
type Triaged struct {
	Report   Report    `json:"report"`
	Incident *Incident `json:"incident,omitempty"`
	Message  *Message  `json:"message,omitempty"`
}

// TriageInput is the input of POST /reports/{ref}/triage.
type TriageInput struct {
	Ref
	IfMatch
	With[Triage]
}

func (a *API) triage(ctx context.Context, by access.Actor, in *TriageInput) (reply[Triaged], error) {
	var none reply[Triaged]
	version, err := in.version(by, nil) // triage is the team's: its ETags are versions
	if err != nil {
		return none, err
	}
	t, ref := in.Body.Value, in.Ref.Ref
	label, err := label(t.TLP)
	if err != nil {
		return none, err
	}
	// A version is checked by the verbs that take one; for the others it is compared here, which narrows the race and cannot close it.
	if version != 0 {
		r, err := a.Intake.Get(ctx, a.Intake.DB, by, ref)
		if err != nil {
			return none, err
		}
		if r.Version != version {
			return none, errMismatch
		}
	}
	var out Triaged
	switch t.Action {
	case "accept":
		i, err := a.Incident.Open(ctx, by, incident.NewIncident{
			Title: t.Title, Type: t.Type, Severity: t.Severity, Reasons: t.Reasons, TLP: label, Handler: by.Account, Reports: []string{ref},
		})
		if err != nil {
			return none, err
		}
		v := incidentView(by, i)
		out.Incident = &v
	case "take_over":
		i, err := a.Incident.TakeOver(ctx, by, ref)
		if err != nil {
			return none, err
		}
		v := incidentView(by, i)
		out.Incident = &v
	case "attach":
		if t.Incident == "" {
			return none, required("incident")
		}
		if !named(t.Incident) {
			return none, errs.ErrNotFound
		}
		i, err := a.Incident.Attach(ctx, by, t.Incident, []string{ref})
		if err != nil {
			return none, err
		}
		v := incidentView(by, i)
		out.Incident = &v
	case "reject":
		_, err = a.Intake.RejectWith(ctx, by, ref, intake.Rejection{Reason: t.Reason, Note: t.Note, Tell: t.Tell, Version: version})
	case "reply":
		var m correspondence.Message
		m, err = a.Intake.Reply(ctx, by, ref, correspondence.Outgoing{Subject: t.Subject, Text: t.Text, TLP: label})
		v := messageView(by, m)
		out.Message = &v
	case "pass_on":
		if l := t.Letter; l != nil {
			_, err = a.Intake.PassOnByLetter(ctx, by, ref, intake.PassOnInput{To: t.To, Note: t.Note, Version: version, Letter: intake.PassLetter(*l)})
		} else {
			_, err = a.Intake.PassOn(ctx, by, ref, t.To, t.Note, version)
		}
	case "restore":
		_, err = a.Intake.Restore(ctx, by, ref)
	case "not_spam":
		_, err = a.Intake.NotSpam(ctx, by, ref, t.Teach)
	case "crime", "no_crime":
		_, err = a.Intake.SuspectCrime(ctx, by, ref, t.Action == "crime")
	default:
		var p errs.Problems
		p.Add("action", "error.json_value")
		err = p.Err()
	}
	if err != nil {
		return none, err
	}
	r, err := a.Intake.Get(ctx, a.Intake.DB, by, ref)
	if err != nil {
		return none, err
	}
	rep, err := a.reportReply(ctx, by, r)
	out.Report = rep.body
	return reply[Triaged]{body: out, version: rep.version}, err
}

func required(field string) error {
	var p errs.Problems
	p.Add(field, "error.required")
	return p.Err()
}

func label(s string) (tlp.Level, error) {
	if s == "" {
		return 0, nil
	}
	l, err := tlp.Parse(s)
	if err != nil {
		var p errs.Problems
		p.Add("tlp", "error.json_value")
		return 0, p.Err()
	}
	return l, nil
}

func (a *API) thread(ctx context.Context, by access.Actor, report string) (intake.Report, correspondence.Thread, []correspondence.Message, error) {
	r, err := a.Intake.Get(ctx, a.Intake.DB, by, report)
	if err == nil {
		err = a.Watch.Read(ctx, by, r.Object)
	}
	if err != nil {
		return r, correspondence.Thread{}, nil, err
	}
	threads, err := a.Correspondence.Threads(ctx, a.Intake.DB, r.Thread)
	if err != nil {
		return r, correspondence.Thread{}, nil, err
	}
	t, ok := threads[r.Thread]
	if !ok {
		return r, t, nil, errs.ErrNotFound
	}
	messages, err := a.Correspondence.Messages(ctx, a.Intake.DB, by, r.Thread)
	return r, t, messages, err
}

// MessagesInput is the input of the lists of a report's thread.
type MessagesInput struct {
	Ref
	IfNoneMatch
}

func (a *API) messages(ctx context.Context, by access.Actor, in *MessagesInput) (reply[List[Message]], error) {
	_, _, all, err := a.thread(ctx, by, in.Ref.Ref)
	items := mapped(all, func(m correspondence.Message) Message { return messageView(by, m) })
	return reply[List[Message]]{body: list(items, "")}, err
}

func (a *API) submissions(ctx context.Context, by access.Actor, in *MessagesInput) (reply[List[Message]], error) {
	_, _, all, err := a.thread(ctx, by, in.Ref.Ref)
	items := []Message{}
	for _, m := range all {
		if m.Direction == correspondence.In {
			items = append(items, messageView(by, m))
		}
	}
	return reply[List[Message]]{body: list(items, "")}, err
}

// NewMessage is a message to the reporter from the team, or to the team from the reporter.
type NewMessage struct {
	Subject     string       `json:"subject,omitempty" doc:"For the team"`
	Text        string       `json:"text"`
	TLP         string       `json:"tlp,omitempty" doc:"For the team"`
	Attachments []Attachment `json:"attachments,omitempty" doc:"For the reporter"`
}

// MessageInput is the input of POST /reports/{ref}/messages.
type MessageInput struct {
	Ref
	With[NewMessage]
}

func (a *API) message(ctx context.Context, by access.Actor, in *MessageInput) (reply[Message], error) {
	b := in.Body.Value
	if !by.Team() {
		return a.add(ctx, by, in.Ref.Ref, b.Text, "", b.Attachments, in.Body.raw)
	}
	l, err := label(b.TLP)
	if err != nil {
		return reply[Message]{}, err
	}
	if len(b.Attachments) > 0 {
		var p errs.Problems
		p.Add("attachments", "error.json_value")
		return reply[Message]{}, p.Err()
	}
	m, err := a.Intake.Reply(ctx, by, in.Ref.Ref, correspondence.Outgoing{Subject: b.Subject, Text: b.Text, TLP: l})
	return reply[Message]{body: messageView(by, m)}, err
}

// FileInput names a file.
type FileInput struct {
	Ref
	Message string `path:"message"`
	File    string `path:"file"`
}

func (a *API) file(ctx context.Context, by access.Actor, in *FileInput) (content, error) {
	_, t, _, err := a.thread(ctx, by, in.Ref.Ref)
	if err != nil {
		return content{}, err
	}
	f, r, err := a.Correspondence.OpenFile(ctx, by, t.UID, in.Message, in.File)
	if err != nil {
		return content{}, err
	}
	return content{open: r, media: "application/octet-stream", name: f.Name, sha256: hash(f.SHA256)}, nil
}

func (a *API) original(ctx context.Context, by access.Actor, in *Ref) (content, error) {
	r, t, all, err := a.thread(ctx, by, in.Ref)
	if err != nil {
		return content{}, err
	}
	for _, m := range all { // oldest first: the one that made the report
		if m.Direction != correspondence.In {
			continue
		}
		f, media, sum, err := a.Correspondence.Original(ctx, by, t.UID, m.UID)
		if err != nil {
			return content{}, err
		}
		ending := map[string]string{"message/rfc822": ".eml", "application/json": ".json"}[media]
		return content{open: f, media: media, name: r.Reference + ending, sha256: sum}, nil
	}
	return content{}, errs.ErrNotFound
}
