package intake

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// receiptLabel marks receipts: they say that something came and when, nothing of it.
const receiptLabel = tlp.Green

// receipt queues the receipt: at once for a proved sender, held for one key of a person otherwise, none where an automatic answer does harm
// (rule M9); the report is yet to be stored. The address is proved by an aligned or signed mail, or belongs to the contact of who signed in or called.
func (s *Service) receipt(ctx context.Context, tx *db.Tx, r *row, t *correspondence.Thread, who reporter, in ReceiveInput, answerBy time.Time) error {
	if in.NoReceipt || t.Correspondent.Email == "" {
		return nil
	}
	proved := in.Proof == correspondence.Aligned || in.Proof == correspondence.SignedByKey || (in.Proof.Proved() && who.known)
	road, err := s.Correspondence.RoadOf(ctx, tx, t, receiptLabel)
	if err != nil {
		return err
	}
	// A link of its own for the mail: if it travels in clear it opens less than the one shown at filing (rule I9).
	code, err := s.newCode(ctx, tx, r, in.ready, road.Road == egress.Encrypted && proved)
	if err != nil {
		return err
	}
	out := correspondence.Outgoing{
		Kind: correspondence.Receipt, TLP: receiptLabel, Auto: &correspondence.Auto{Letter: correspondence.AutoReceipt, At: r.ReceivedAt, DueAt: answerBy, Code: code, Crime: r.Crime},
	}
	if !proved {
		out.HoldBack, out.Reason = true, "mail.reason.receipt_held"
	}
	m, err := s.Correspondence.SendFirstTx(ctx, tx, access.System("intake"), t, out)
	if err != nil {
		return err
	}
	r.Receipt, r.receiptMessage = ReceiptSent, m.UID
	if m.State == correspondence.Waiting {
		r.Receipt = ReceiptHeld
	}
	return nil
}

// SendReceipt sends a held receipt. Who may triage may send it; the reporter's address stays unproved.
func (s *Service) SendReceipt(ctx context.Context, by access.Actor, report string) error {
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		if r.Receipt != ReceiptHeld {
			return errs.New(errs.Conflict, "there is no receipt that waits")
		}
		if err := s.Correspondence.SendNowTx(ctx, tx, by, r.receiptMessage); err != nil && !errs.Is(err, errs.Conflict) {
			return err // a Conflict: somebody sent it from the outbox
		}
		r.Receipt = ReceiptSent
		return s.change(ctx, tx, by, &r, audit.Entry{Verb: "intake.receipt", Changes: []audit.Change{{Field: "receipt", From: string(ReceiptHeld), To: string(ReceiptSent)}}})
	})
}
