package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/handover"
)

// Report is a report as its reader may see it. What stands in triage is the team's.
type Report struct {
	ID          string            `json:"id"`
	Reference   string            `json:"reference"`
	State       string            `json:"state" enum:"received,looking,handling,passed_on,concluded,new,linked,answered,rejected,spam" doc:"For its reporter: received, looking, handling, passed_on or concluded; for the team: new, linked, answered, rejected, passed_on or spam (probably)"`
	PassedOnTo  string            `json:"passed_on_to,omitempty"`
	Channel     string            `json:"channel"`
	TLP         string            `json:"tlp"`
	ReceivedAt  time.Time         `json:"received_at"`
	OccurredAt  time.Time         `json:"occurred_at,omitzero"`
	DetectedAt  time.Time         `json:"detected_at,omitzero"`
	AwareAt     time.Time         `json:"aware_at,omitzero"`
	ConcludedAt time.Time         `json:"concluded_at,omitzero"`
	Withheld    bool              `json:"withheld,omitempty" doc:"It came encrypted, and this reader has not proved to have written it"`
	Destroyed   bool              `json:"destroyed,omitempty"`
	Summary     string            `json:"summary,omitempty"`
	Description string            `json:"description,omitempty"`
	Reporter    Reporter          `json:"reporter,omitzero"`
	Ongoing     string            `json:"ongoing,omitempty"`
	Kind        string            `json:"kind,omitempty"`
	Type        string            `json:"type,omitempty"`
	Fields      map[string]string `json:"fields,omitempty" doc:"Other answers, by the names they were sent under"`
	Observables []Observable      `json:"observables,omitempty"`

	Triage *ReportTriage `json:"triage,omitempty" doc:"For the team"`
}

// ReportTriage is what the team knows of a report beside its content.
type ReportTriage struct {
	Reason       string           `json:"reason,omitempty"`
	Note         string           `json:"note,omitempty"`
	Proof        string           `json:"proof" enum:"unknown,claimed,forged,aligned,signed_by_key,signed_in,by_hand,called_back"`
	Protection   string           `json:"protection" enum:"none,signed,encrypted,signed_encrypted"`
	Receipt      string           `json:"receipt" enum:"none,held,sent"`
	AnswerCame   bool             `json:"answer_came"`
	Unreadable   bool             `json:"unreadable"`
	Crime        bool             `json:"crime" doc:"A crime is suspected: its reporter said so, or one of the team"`
	Lang         string           `json:"lang,omitempty"`
	Organisation *OrganisationRef `json:"organisation,omitempty"`
	Incidents    []string         `json:"incidents"`
	Mine         bool             `json:"mine"`
	CreatedAt    time.Time        `json:"created_at"`
	UpdatedAt    time.Time        `json:"updated_at"`
	Version      int64            `json:"version"`
	Handed       *HandedCase      `json:"handed,omitempty" doc:"A case that another team hands over with it: its sender's words"`
}

// HandedCase is a case that another team hands to us.
type HandedCase struct {
	ID          string               `json:"id,omitempty"`
	Title       string               `json:"title,omitempty"`
	Team        string               `json:"team,omitempty"`
	Country     string               `json:"country,omitempty"`
	Reference   string               `json:"reference,omitempty" doc:"The other team's own"`
	TLP         string               `json:"tlp,omitempty"`
	Summary     string               `json:"summary,omitempty"`
	Type        string               `json:"type,omitempty"`
	Severity    string               `json:"severity,omitempty"`
	StartedAt   time.Time            `json:"started_at,omitzero"`
	Observables []HandoverObservable `json:"observables,omitempty"`
	Asked       string               `json:"asked,omitempty"`
	AnswerBy    time.Time            `json:"answer_by,omitzero"`
	Refused     string               `json:"refused,omitempty" enum:"size,form,version,empty,id,many,unproved" doc:"Why it is not acted on; then all else is left out"`
}

func handedCase(h *intake.Handed) *HandedCase {
	if h == nil {
		return nil
	}
	d := h.Document
	return &HandedCase{
		ID: d.ID, Title: d.Title, Team: d.From.Team, Country: d.From.Country, Reference: d.Reference, TLP: d.TLP, Summary: d.Summary, Type: d.Type, Severity: d.Severity, StartedAt: d.StartedAt,
		Observables: mapped(d.Observables, func(o handover.Observable) HandoverObservable { return HandoverObservable{o.Type, o.Value} }), Asked: d.Asked, AnswerBy: d.AnswerBy, Refused: h.Refused,
	}
}

// OrganisationRef names an organisation.
type OrganisationRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

var proofs = [...]string{"unknown", "claimed", "forged", "aligned", "signed_by_key", "signed_in", "by_hand", "called_back"}

func proofName(p correspondence.Proof) string {
	if int(p) < len(proofs) {
		return proofs[p]
	}
	return proofs[0]
}

// sealedFrom tells whether a report came encrypted and was not signed inside by an approved key: then only the team reads it (rule P6).
func sealedFrom(by access.Actor, seal correspondence.Seal, proof correspondence.Proof) bool {
	encrypted := seal == correspondence.Encrypted || seal == correspondence.SignedEncrypted
	own := seal == correspondence.SignedEncrypted && proof == correspondence.SignedByKey
	return !by.Team() && encrypted && !own
}

// reportViews writes reports out for their reader, with organisations and incidents in one query each.
func (a *API) reportViews(ctx context.Context, by access.Actor, list []intake.Report) ([]Report, error) {
	out := mapped(list, func(r intake.Report) Report { return reportView(by, r) })
	if !by.Team() {
		return out, nil
	}
	var organisations, incidents []int64
	for _, r := range list {
		if r.Organisation != 0 {
			organisations = append(organisations, r.Organisation)
		}
		for _, i := range r.Incidents {
			incidents = append(incidents, i.ID)
		}
	}
	names, err := a.Constituency.ByID(ctx, a.Intake.DB, organisations...)
	if err != nil {
		return nil, err
	}
	cases, err := a.Incident.ByID(ctx, a.Intake.DB, by, incidents...) // under the reader's scope: a sealed one is not named
	if err != nil {
		return nil, err
	}
	for i, r := range list {
		t := &ReportTriage{
			Reason: r.Reason, Note: r.Decision.Note, Proof: proofName(r.Proof), Protection: string(r.Seal), Receipt: string(r.Receipt),
			AnswerCame: r.AnswerCame, Unreadable: r.Unreadable, Crime: r.Crime, Lang: r.Lang, Incidents: []string{}, Mine: r.Handler != 0 && r.Handler == by.Account,
			CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version, Handed: handedCase(r.Body.Handed),
		}
		if o, ok := names[r.Organisation]; ok {
			t.Organisation = &OrganisationRef{o.UID, o.Name}
		}
		for _, x := range r.Incidents {
			if in, ok := cases[x.ID]; ok {
				t.Incidents = append(t.Incidents, in.Number)
			}
		}
		out[i].Triage = t
	}
	return out, nil
}

func reportView(by access.Actor, r intake.Report) Report {
	v := Report{
		ID: r.UID, Reference: r.Reference, State: r.Outward(), Channel: string(r.Channel), TLP: r.TLP.String(), ReceivedAt: r.ReceivedAt,
		OccurredAt: r.OccurredAt, DetectedAt: r.DetectedAt, AwareAt: r.AwareAt, ConcludedAt: r.ConcludedAt, Destroyed: r.Destroyed,
	}
	if by.Team() {
		v.State = string(r.State)
	}
	if r.State == intake.PassedOn {
		v.PassedOnTo = r.Decision.To
	}
	if v.Withheld = sealedFrom(by, r.Seal, r.Proof); v.Withheld {
		return v
	}
	b := r.Body
	v.Summary, v.Description, v.Ongoing, v.Kind, v.Type, v.Fields = b.Summary, b.Description, b.Ongoing, b.Kind, b.Type, b.Fields
	v.Reporter = Reporter{b.Name, b.Email, b.Phone, b.OrgText}
	v.Observables = mapped(b.Observables, func(o intake.Observable) Observable { return Observable{o.Type, o.Value} })
	return v
}

// Message is one item of a thread. What stands in "team" is the team's.
type Message struct {
	ID          string       `json:"id"`
	Direction   string       `json:"direction" enum:"in,out" doc:"As seen from the team"`
	Channel     string       `json:"channel"`
	Kind        string       `json:"kind"`
	At          time.Time    `json:"at"`
	TLP         string       `json:"tlp,omitempty"`
	Withheld    bool         `json:"withheld,omitempty"`
	Erased      bool         `json:"erased,omitempty"`
	WithdrawnAt time.Time    `json:"withdrawn_at,omitzero" doc:"We took it back: its reader sees nothing of it"`
	Subject     string       `json:"subject,omitempty"`
	Text        string       `json:"text,omitempty"`
	Files       []File       `json:"files"`
	Team        *MessageTeam `json:"team,omitempty"`
}

// MessageTeam is what the team knows of a message.
type MessageTeam struct {
	State      string    `json:"state"`
	Reason     string    `json:"reason,omitempty"`
	Author     string    `json:"author,omitempty"`
	From       string    `json:"from,omitempty"`
	To         string    `json:"to,omitempty"`
	Proof      string    `json:"proof"`
	Protection string    `json:"protection"`
	Road       string    `json:"road,omitempty"`
	Signers    []string  `json:"signers,omitempty"`
	SendAfter  time.Time `json:"send_after,omitzero"`
	SentAt     time.Time `json:"sent_at,omitzero"`
	SeenAt     time.Time `json:"seen_at,omitzero"`
	Automatic  bool      `json:"automatic"`
	Released   bool      `json:"released"`
	Unreadable string    `json:"unreadable,omitempty"`
}

// File is an attachment. Its name and type are the sender's words.
type File struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	ContentType string `json:"content_type,omitempty"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"`
}

func messageView(by access.Actor, m correspondence.Message) Message {
	v := Message{
		ID: m.UID, Direction: "in", Channel: string(m.Channel), Kind: string(m.Kind), At: m.At, TLP: m.TLP.String(), Withheld: m.Withheld, Erased: m.Erased, WithdrawnAt: m.WithdrawnAt,
		Files: []File{},
	}
	if m.Direction == correspondence.Out {
		v.Direction = "out"
		if !by.Team() { // when it left, not when it was written
			v.At = m.SentAt
		}
	}
	if !m.Withheld {
		v.Subject, v.Text = m.Body.Subject, m.Body.Text
		v.Files = mapped(m.Body.Files, func(f correspondence.File) File { return File{f.UID, f.Name, f.Type, f.Size, f.SHA256} })
	}
	if by.Team() {
		v.Text = correspondence.WithoutCodes(v.Text)
		v.Team = &MessageTeam{
			State: string(m.State), Reason: m.Reason, Author: m.AuthorName, From: m.Body.From, To: m.Body.To, Proof: proofName(m.Proof), Protection: string(m.Seal),
			Road: m.Road.String(), Signers: m.Body.Signers, SendAfter: m.SendAfter, SentAt: m.SentAt, SeenAt: m.SeenAt, Automatic: m.Automatic,
			Released: m.Released, Unreadable: m.Body.Unreadable,
		}
	}
	return v
}
