package intake

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// receiptLabel marks receipts: they say that something came and when, nothing of it.
const receiptLabel = tlp.Green

// receiptLetter is all that a receipt may say: typed values and words of ours. It has no place for a word from outside (rule M8).
type receiptLetter struct {
	reference string
	at        time.Time
	team      string
	phone     string
	link      id.Secret
	base      string
}

func (l receiptLetter) write(p *text.Printer) (subject, body string) {
	subject = p.T("mail.receipt.subject", "ref", l.reference)
	body = p.T("mail.receipt.text", "ref", l.reference, "time", p.DateTime(l.at), "team", l.team)
	if l.link.Reveal() != "" && l.base != "" {
		body += "\n\n" + p.T("mail.receipt.link", "link", l.base+"/r/"+l.link.Reveal())
	}
	if l.phone != "" {
		body += "\n\n" + p.T("mail.receipt.phone", "phone", l.phone)
	}
	return subject, body + "\n\n" + l.team + "\n"
}

// receipt queues the receipt: at once for a proved sender, held for one key of a person otherwise, none where an automatic answer does harm
// (rule M9). The address is proved by an aligned or signed mail, or belongs to the contact of who signed in or called.
func (s *Service) receipt(ctx context.Context, tx *db.Tx, r *row, who reporter, in ReceiveInput) error {
	threads, err := s.Correspondence.Threads(ctx, tx, r.Thread)
	if err != nil {
		return err
	}
	t := threads[r.Thread]
	if in.NoReceipt || t.Correspondent.Email == "" {
		return nil
	}
	proved := in.Proof == correspondence.Aligned || in.Proof == correspondence.SignedByKey || (in.Proof.Proved() && who.known)
	return s.queueReceipt(ctx, tx, r, t, !proved)
}

func (s *Service) queueReceipt(ctx context.Context, tx *db.Tx, r *row, t correspondence.Thread, hold bool) error {
	road, err := s.Correspondence.RoadOf(ctx, tx, t, receiptLabel)
	if err != nil {
		return err
	}
	if road.Road == egress.Refused {
		return nil // the report is kept all the same, without a receipt
	}
	code, err := s.newCode(ctx, tx, r, road.Road == egress.Encrypted && !hold)
	if err != nil {
		return err
	}
	team := s.Correspondence.Team
	p := s.Texts.For(text.Lang(t.Correspondent.Lang))
	if s.Calendar != nil {
		p = p.In(s.Calendar.Zone())
	}
	subject, body := receiptLetter{reference: r.Reference, at: r.ReceivedAt, team: team.Name, phone: team.Phone, link: code, base: team.URL}.write(p)
	out := correspondence.Outgoing{Kind: correspondence.Receipt, TLP: receiptLabel, Subject: subject, Text: body, Automatic: true, HoldBack: hold}
	if hold {
		out.Reason = "receipt_held"
	}
	m, err := s.Correspondence.SendTx(ctx, tx, access.System("intake"), r.Thread, out)
	if errs.Is(err, errs.Limit) {
		return nil // too many to this address (rule M9): the report waits for a person anyway
	}
	if err != nil {
		return err
	}
	r.Receipt, r.receiptMessage = ReceiptSent, m.UID
	if m.State == correspondence.Waiting {
		r.Receipt = ReceiptHeld
	}
	return s.update(ctx, tx, r)
}

// SendReceipt sends a held receipt. Who may triage may send it; the reporter's address stays unproved.
func (s *Service) SendReceipt(ctx context.Context, by access.Actor, report string) error {
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	r, err := s.load(ctx, s.DB, by, report)
	if err != nil {
		return err
	}
	if r.Receipt != ReceiptHeld {
		return errs.New(errs.Conflict, "there is no receipt that waits")
	}
	if err := s.Correspondence.SendNow(ctx, by, r.receiptMessage); err != nil && !errs.Is(err, errs.Conflict) {
		return err // a Conflict: it was sent already, by the outbox or by a try that ended between the two steps
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil || r.Receipt != ReceiptHeld {
			return err
		}
		r.Receipt = ReceiptSent
		return s.change(ctx, tx, by, &r, audit.Entry{Verb: "intake.receipt", Changes: []audit.Change{{Field: "receipt", From: string(ReceiptHeld), To: string(ReceiptSent)}}})
	})
}
