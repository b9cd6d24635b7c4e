package incident

import (
	"bytes"
	"context"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/handover"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

var errNotHanded = &errs.Error{Kind: errs.Conflict, Key: "error.handover_none", Text: "no case that a known team hands over lies in this report"}

// Handed tells whether a report hands a case to us that can be taken over by TakeOver: a document that was taken, from a proved contact of a team of the register.
func (s *Service) Handed(ctx context.Context, h db.Handle, r intake.Report) (bool, error) {
	if r.Body.Handed == nil || r.Body.Handed.Refused != "" || !r.Proof.Proved() {
		return false, nil
	}
	return s.Coordination.IsPeer(ctx, h, r.Organisation)
}

// TakeOver accepts a case that another team hands to us: a new incident with what its document says filled in, the team as its peer, the reference that the team
// gives it, and a letter that says so, with the file that stops the team's clock. The label is the strictest of letter, document and report; a type or a severity
// that we do not know is left out. The actor needs access.WorkCases, access.Triage and access.SendOutside. Refused: NotFound, Conflict for a report that hands over
// nothing, was taken over before or is not new, and what a letter is refused for.
func (s *Service) TakeOver(ctx context.Context, by access.Actor, report string) (Incident, error) {
	var out Incident
	for _, right := range []access.Right{access.WorkCases, access.Triage, access.SendOutside} {
		if err := by.Need(right); err != nil {
			return out, err
		}
	}
	r, err := s.Intake.Get(ctx, s.DB, by, report)
	if err != nil {
		return out, err
	}
	if ok, err := s.Handed(ctx, s.DB, r); err != nil || !ok {
		return out, orNotHanded(err)
	}
	raw, err := s.Coordination.WriteAck(r.Body.Handed.Document, r.Reference)
	if err != nil {
		return out, err
	}
	files, err := s.Correspondence.StoreFiles(ctx, r.Thread, []correspondence.FileIn{{Name: handover.AckFile, Type: "application/json", Content: bytes.NewReader(raw)}})
	if err != nil {
		return out, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := access.LoadForChange(ctx, tx, by, ref.Report, r.UID); err != nil {
			return err
		}
		r, err := s.Intake.Get(ctx, tx, by, r.UID) // as it is now
		if err != nil {
			return err
		}
		if ok, err := s.Handed(ctx, tx, r); err != nil || !ok {
			return orNotHanded(err)
		}
		if r.State != intake.New {
			return &errs.Error{Kind: errs.Conflict, Key: "error.handover_taken", Text: "this report is not new any more"}
		}
		in := s.handedCase(r)
		in.Handler = by.Account
		if out, err = s.openTx(ctx, tx, by, in); err != nil {
			return err
		}
		p, err := s.Coordination.PartyOfThread(ctx, tx, r.Thread)
		if err != nil {
			return err
		}
		return s.Coordination.TakeOverTx(ctx, tx, by, p, coordination.Taking{Organisation: r.Organisation, Document: r.Body.Handed.Document, Sum: r.Body.Handed.Sum, Reference: r.Reference, Ack: files})
	})
	return out, err
}

func orNotHanded(err error) error {
	if err == nil {
		err = errNotHanded
	}
	return err
}

// handedCase is what a document fills in.
func (s *Service) handedCase(r intake.Report) NewIncident {
	d := r.Body.Handed.Document
	in := NewIncident{Title: short(d.Title, maxTitle), Summary: d.Summary, TLP: tlp.Max(d.Label(), r.TLP), Reports: []string{r.UID}, StartedAt: intake.Believed(d.StartedAt, s.Clock.Now())}
	if strings.TrimSpace(in.Title) == "" {
		in.Title = short(r.Body.Title(), maxTitle)
	}
	if d.Asked != "" {
		in.Summary = strings.TrimSpace(in.Summary + "\n\n" + d.Asked)
	}
	if s.TypeKnown(d.Type) {
		in.Type = d.Type
	}
	if _, ok := severityNumber(d.Severity); ok {
		in.Severity = d.Severity
	}
	return in
}
