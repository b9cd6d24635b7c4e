package intake

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// OwnDraft gives the code under which the form that somebody fills in signed in is kept: one for each account in its organisation, the same on every device.
// Nobody is shown it, and only the house can derive it (decision 0046). Nobody signed in has errs.ErrNotFound.
func (s *Service) OwnDraft(by access.Actor) (id.Secret, error) {
	if by.Account == 0 {
		return id.Secret{}, errs.ErrNotFound
	}
	m := hmac.New(sha256.New, s.Ring.Derive("intake own draft/v1"))
	fmt.Fprintf(m, "%d/%d", by.Account, by.Organisation)
	return id.SecretOf(id.From([16]byte(m.Sum(nil)))), nil
}

// ErrDraftSent refuses to send a form of one's own that is not there any more: it was sent from elsewhere a moment ago, or its time is over.
var ErrDraftSent = &errs.Error{Kind: errs.Conflict, Key: "error.draft_sent", Text: "this form was sent already, or its time is over: look among your reports before you begin a new one"}

// SendOwn sends the form of OwnDraft as a report, with the files that were kept for it; those of in are not read. The form is gone with it: sent twice it is one
// report, and the other is ErrDraftSent.
func (s *Service) SendOwn(ctx context.Context, by access.Actor, in ReceiveInput) (Received, error) {
	code, err := s.OwnDraft(by)
	if err != nil {
		return Received{}, err
	}
	in = asWho(by, in)
	now := s.Clock.Now()
	if err := Validate(in, now); err != nil {
		return Received{}, err
	}
	if _, err := OpenDraft(ctx, s.DB, now, code); err != nil {
		if errs.Is(err, errs.NotFound) {
			err = ErrDraftSent
		}
		return Received{}, err
	}
	kept, uploads, err := s.ownFiles(ctx, code)
	if err != nil {
		if _, gone := OpenDraft(ctx, s.DB, now, code); errs.Is(gone, errs.NotFound) { // they went with it while they were read
			err = ErrDraftSent
		}
		return Received{}, err
	}
	var out Received
	in = s.Ready(by, in, kept)
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if n, err := tx.Exec(ctx, `DELETE FROM intake_draft WHERE key = $1`, codeMAC(code, "draft")); err != nil || n == 0 {
			if err == nil {
				err = ErrDraftSent
			}
			return err
		}
		if err := s.forgetSent(ctx, tx, code, uploads); err != nil {
			return err
		}
		out, err = s.receive(ctx, tx, by, in, kept)
		return err
	})
	return out, err
}

// ownFiles stores the files that were kept for a form.
func (s *Service) ownFiles(ctx context.Context, code id.Secret) ([]correspondence.File, []heldUpload, error) {
	now := s.Clock.Now()
	files, err := KeptFiles(ctx, s.DB, now, code)
	if err != nil {
		return nil, nil, err
	}
	uploads, err := wholeUploads(ctx, s.DB, now, code)
	if err != nil {
		return nil, nil, err
	}
	for _, u := range uploads {
		content, err := readUpload(ctx, s.DB, u)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, correspondence.FileIn{Name: u.Name, Type: u.Type, Content: content})
	}
	kept, err := s.keepUpTo(ctx, MaxFileBytes+MaxUploadBytes, files)
	return kept, uploads, err
}

// forgetSent removes the files of a form that went with it, and what was never whole.
func (s *Service) forgetSent(ctx context.Context, tx *db.Tx, code id.Secret, sent []heldUpload) error {
	if err := handOver(ctx, tx, s.Clock.Now(), code, sent); err != nil { // one that was removed meanwhile is not sent
		return err
	}
	for _, u := range sent {
		if err := dropUploads(ctx, tx, u.UID); err != nil {
			return err
		}
	}
	rest, err := uploadsOf(ctx, tx, s.Clock.Now(), code)
	if err != nil {
		return err
	}
	for _, u := range rest {
		if err := dropUploads(ctx, tx, u.UID); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `DELETE FROM intake_kept WHERE key = $1`, codeMAC(code, "kept files"))
	return err
}
