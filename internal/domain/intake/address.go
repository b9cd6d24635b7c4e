package intake

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A mail address in a form is whatever somebody typed. Who holds the code of the report that was shown on screen may ask for a second one to be sent to
// that address, and by typing it proves that both are the same person's: then receipts and letters go there without one of us pressing a key.

// ProveAsk before the address, typed once more, asks by Drop.Prove for a code; anything else is a code that somebody typed. Without typing a program that presses
// every button of a page would have letters sent.
const ProveAsk = "ask "

// How a reporter's address stands, as the status page shows it.
const (
	AddressUnproved = "unproved" // nothing was asked yet
	AddressAsked    = "asked"    // a code is on its way
	AddressWrong    = "wrong"    // what was typed was not it
	AddressSpent    = "spent"    // too often: one of us looks
	AddressProved   = "proved"
)

const (
	proveFor   = time.Hour   // how long a code is good
	proveTries = 5           // of one code
	proveAsks  = 3           // codes of one report
	provePause = time.Minute // between two of them
)

var typedCode = regexp.MustCompile(`^[0-9]{8}$`)

// ProofTyped gives what somebody typed as a code, without blanks and marks; false for what is none.
func ProofTyped(s string) (string, bool) {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t-.\u00a0\u202f", r) {
			return -1
		}
		return r
	}, s)
	return s, typedCode.MatchString(s)
}

// addressProof is how the proof of a report's address stands.
type addressProof struct {
	code         []byte
	askedAt      time.Time
	asked, tries int
}

func (s *Service) addressProof(ctx context.Context, h db.Handle, report int64) (p addressProof, err error) {
	err = h.QueryRow(ctx, `SELECT code, asked_at, asked, tries FROM intake_address WHERE report = $1`, report).Scan(&p.code, &p.askedAt, &p.asked, &p.tries)
	if errs.Is(err, errs.NotFound) {
		err = nil
	}
	return p, err
}

// provable tells whether the address of a report is one that its writer may prove: a stranger typed it into the form.
func (r *Report) provable(t correspondence.Thread) bool {
	return r.Channel == correspondence.ByForm && r.Proof == correspondence.Claimed && t.Correspondent.Email != "" && t.Correspondent.Contact == 0
}

// address gives how the proof stands, for who holds the code that was shown on screen; "" where there is nothing to prove.
func (s *Service) address(ctx context.Context, h db.Handle, r *row, t correspondence.Thread) (v AddressStatus, err error) {
	if !r.provable(t) {
		return v, nil
	}
	p, err := s.addressProof(ctx, h, r.Ref.ID)
	v = AddressStatus{To: t.Correspondent.Email, Asked: p.asked, Tries: p.tries}
	switch {
	case !r.AddressProvedAt.IsZero():
		v.State = AddressProved
	case p.code == nil && p.asked >= proveAsks:
		v.State = AddressSpent
	case p.code == nil:
		v.State = AddressUnproved
	case p.tries > 0:
		v.State = AddressWrong
	default:
		v.State = AddressAsked
	}
	return v, err
}

// MaskedAddress is an address as it may stand on a page that somebody else may look at.
func MaskedAddress(email string) string {
	name, domain, ok := strings.Cut(email, "@")
	if !ok || name == "" {
		return ""
	}
	first := []rune(name)[:1]
	return string(first) + "…@" + domain
}

// prove takes what came by the link of a report about its address: the wish for a code, or a code. What is not so, or too often, changes nothing: the
// page shows how it stands.
func (s *Service) prove(ctx context.Context, hash []byte, what string, also func(context.Context, *db.Tx) error) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := also(ctx, tx); err != nil {
			return err
		}
		c, err := s.codeOf(ctx, tx, hash)
		if err == nil {
			_, err = access.Locked(ctx, tx, c.report)
		}
		var r row
		if err == nil {
			_, _, r, err = s.byHash(ctx, tx, hash) // as it is now that we hold it
		}
		if errs.Is(err, errs.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		threads, err := s.Correspondence.Threads(ctx, tx, r.Thread)
		if err != nil {
			return err
		}
		t := threads[r.Thread]
		if !c.entire || !r.provable(t) || !r.AddressProvedAt.IsZero() || r.status() == StatusConcluded || r.State == Spam {
			return nil
		}
		p, err := s.addressProof(ctx, tx, r.Ref.ID)
		if err != nil {
			return err
		}
		switch typed, asks := strings.CutPrefix(what, ProveAsk); {
		case !asks:
			err = s.tryProof(ctx, tx, &r, p, what)
		case strings.EqualFold(typed, t.Correspondent.Email):
			err = s.sendProof(ctx, tx, &r, p)
		}
		if err != nil {
			return err
		}
		return s.showTx(ctx, tx, r.Ref.ID)
	})
}

func (s *Service) sendProof(ctx context.Context, tx *db.Tx, r *row, p addressProof) error {
	now := s.Clock.Now()
	if p.asked >= proveAsks || now.Sub(p.askedAt) < provePause {
		return nil
	}
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		return err
	}
	digits := fmt.Sprintf("%08d", n)
	typed, _ := correspondence.TypedOf(digits[:4] + " " + digits[4:])
	_, err = tx.Exec(ctx, `INSERT INTO intake_address (report, code, asked_at, asked) VALUES ($1, $2, $3, 1)
		ON CONFLICT (report) DO UPDATE SET code = excluded.code, asked_at = excluded.asked_at, asked = intake_address.asked + 1, tries = 0`,
		r.Ref.ID, s.proofMAC(r.Ref.ID, digits), now)
	if err != nil {
		return err
	}
	_, err = s.Correspondence.SendTx(ctx, tx, access.System("intake"), r.Thread, correspondence.Outgoing{
		Kind: correspondence.Receipt, TLP: receiptLabel, Auto: &correspondence.Auto{Letter: correspondence.AutoAddress, At: r.ReceivedAt, Typed: typed},
	})
	if err != nil {
		return err
	}
	return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: access.System("intake"), Verb: "intake.address_asked", On: r.Ref})
}

func (s *Service) proofMAC(report int64, digits string) []byte {
	return s.mac("address proof", fmt.Sprint(report, " ", digits))
}

func (s *Service) tryProof(ctx context.Context, tx *db.Tx, r *row, p addressProof, digits string) error {
	now := s.Clock.Now()
	if p.code == nil {
		return nil
	}
	if now.Sub(p.askedAt) >= proveFor || !hmac.Equal(p.code, s.proofMAC(r.Ref.ID, digits)) {
		_, err := tx.Exec(ctx, `UPDATE intake_address SET tries = tries + 1, code = CASE WHEN tries + 1 >= $2 OR asked_at <= $3 THEN NULL ELSE code END WHERE report = $1`,
			r.Ref.ID, int64(proveTries), now.Add(-proveFor))
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE intake_address SET code = NULL WHERE report = $1`, r.Ref.ID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE intake_report SET address_proved_at = $2 WHERE id = $1`, r.Ref.ID, now); err != nil {
		return err
	}
	r.AddressProvedAt = now
	by := access.System("intake")
	if r.Receipt == ReceiptHeld {
		err := s.Correspondence.SendNowTx(ctx, tx, access.System("sender"), r.receiptMessage)
		if err != nil && !errs.Is(err, errs.Conflict) && !errs.Is(err, errs.Forbidden) { // somebody sent or stopped it; what may not leave stays
			return err
		}
		if err == nil {
			r.Receipt = ReceiptSent
			return s.change(ctx, tx, by, r, audit.Entry{Verb: "intake.address_proved", Changes: []audit.Change{{Field: "receipt", From: string(ReceiptHeld), To: string(ReceiptSent)}}})
		}
	}
	return s.change(ctx, tx, by, r, audit.Entry{Verb: "intake.address_proved"})
}

// ValidateProof tells what is wrong with Drop.Prove.
func ValidateProof(what string) error {
	var p errs.Problems
	if typed, asks := strings.CutPrefix(what, ProveAsk); asks {
		if typed == "" || len(typed) > MaxShort {
			p.Add("address", "error.required")
		}
	} else if _, ok := ProofTyped(what); !ok {
		p.Add("proof", "error.address_code")
	}
	return p.Err()
}
