package constituency

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Limits of what is offered (rule P9): a stranger's mails must not fill the table.
const (
	maxCertificate = 64 << 10
	maxOffered     = 8
)

var keySources = map[string]bool{"attached": true, "autocrypt": true, "wkd": true, "portal": true, "hand": true}

const keyColumns = `y.id, y.uid, y.contact, y.fingerprint, y.certificate, y.state, y.source, y.expires_at, y.offered_at, y.approved_at, y.approved_by, y.approved_how`

func scanKey(r *db.Rows) (Key, error) {
	var k Key
	return k, r.Scan(&k.ID, &k.UID, &k.Contact, &k.Fingerprint, &k.Certificate, &k.State, &k.Source, &k.ExpiresAt, &k.OfferedAt, &k.ApprovedAt, &k.ApprovedBy, &k.ApprovedHow)
}

// OfferKey is OfferKeyTx in a transaction of its own, for a contact given by uid.
func (s *Service) OfferKey(ctx context.Context, by access.Actor, contact string, certificate []byte, fingerprint string, expires time.Time, source string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := s.ContactByUID(ctx, tx, by, contact)
		if err != nil {
			return err
		}
		return s.OfferKeyTx(ctx, tx, by, c.ID, certificate, fingerprint, expires, source)
	})
}

// OfferKeyTx stores a key that came with a mail or through the portal for a person to approve. It never replaces one. A certificate that
// is already there, rejected ones too, changes nothing, nor does one more than eight that wait. It needs WriteRegistry, or OwnRegistry for
// the own organisation, or the system's name.
func (s *Service) OfferKeyTx(ctx context.Context, tx *db.Tx, by access.Actor, contact int64, certificate []byte, fingerprint string, expires time.Time, source string) error {
	if by.System == "" && !by.Can(access.OwnRegistry) {
		if err := by.Need(access.WriteRegistry); err != nil {
			return err
		}
	}
	var p errs.Problems
	fingerprint = strings.ToUpper(strings.Join(strings.Fields(fingerprint), ""))
	if !hexadecimal(fingerprint) || len(fingerprint) != 40 && len(fingerprint) != 64 {
		p.Add("fingerprint", "error.key")
	}
	switch {
	case len(certificate) == 0:
		p.Add("certificate", "error.required")
	case len(certificate) > maxCertificate:
		p.Add("certificate", "error.too_large", "most", maxCertificate)
	}
	if !keySources[source] {
		p.Add("source", "error.choice")
	}
	if err := p.Err(); err != nil {
		return err
	}
	c, err := s.ContactByID(ctx, tx, contact)
	if err != nil {
		return err
	}
	o, err := access.Load(ctx, tx, by, ref.Ref{Kind: ref.Organisation, ID: c.Organisation})
	if err != nil {
		return err
	}
	if _, err := access.Locked(ctx, tx, o.Ref.ID); err != nil {
		return err
	}
	digest := sha256.Sum256(certificate)
	var there, waiting int64
	err = tx.QueryRow(ctx, `SELECT COALESCE(SUM(CASE WHEN digest = $1 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN state = $2 THEN 1 ELSE 0 END), 0)
		FROM constituency_key WHERE contact = $3`, digest[:], int64(Offered), contact).Scan(&there, &waiting)
	if err != nil || there > 0 || waiting >= maxOffered {
		return err
	}
	uid := id.New()
	_, err = tx.Exec(ctx, `INSERT INTO constituency_key (uid, contact, fingerprint, digest, certificate, state, source, expires_at, offered_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, uid, contact, fingerprint, digest[:], certificate, int64(Offered), source, expires, s.Clock.Now())
	if err != nil {
		return err
	}
	return s.changed(ctx, tx, by, "constituency.offer_key", o.Ref, []audit.Change{{Field: "fingerprint", To: fingerprint}, {Field: "source", To: source}}, uid)
}

// SMIME tells whether it is a certificate of X.509 rather than an OpenPGP key: the one begins with a SEQUENCE, the other with a packet.
func (k Key) SMIME() bool { return len(k.Certificate) > 0 && k.Certificate[0] == 0x30 }

func hexadecimal(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'F') }) < 0
}

// LookAgain is how long a key directory that gave nothing is left in peace.
const LookAgain = 7 * 24 * time.Hour

// LookTx tells whether the key directory of a contact's domain is to be asked now, and notes that it is: when no key of the contact is in use or waits, and it
// was not asked within a week. It is for the system.
func (s *Service) LookTx(ctx context.Context, tx *db.Tx, contact int64) (bool, error) {
	now := s.Clock.Now()
	_, err := db.One(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `UPDATE constituency_contact SET looked_at = $1
		WHERE id = $2 AND retired_at IS NULL AND (looked_at IS NULL OR looked_at < $3)
		AND NOT EXISTS (SELECT 1 FROM constituency_key y WHERE y.contact = constituency_contact.id AND y.state IN ($4, $5)) RETURNING id`,
		now, contact, now.Add(-LookAgain), int64(Offered), int64(Approved))
	if errs.Is(err, errs.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// ApproveKey trusts an offered key for its contact; how says the way it was checked ("fingerprint read on the phone"). An older
// certificate of the same fingerprint is replaced, and signed mail that is kept is checked again (ApprovedJob). It needs the right ApproveKey and
// a fresh proof (rule I5).
func (s *Service) ApproveKey(ctx context.Context, by access.Actor, key, how string) (Key, error) {
	return s.judge(ctx, by, key, "constituency.approve_key", how, func(ctx context.Context, tx *db.Tx, k *Key, now time.Time) error {
		if k.State != Offered {
			return errs.New(errs.Conflict, "this key does not wait for approval any more")
		}
		if !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(now) {
			return &errs.Error{Kind: errs.Invalid, Key: "error.key_expired", Text: "this key has expired"}
		}
		if _, err := tx.Exec(ctx, `UPDATE constituency_key SET state = $1 WHERE contact = $2 AND fingerprint = $3 AND state = $4`,
			int64(Replaced), k.Contact, k.Fingerprint, int64(Approved)); err != nil {
			return err
		}
		k.State, k.ApprovedAt, k.ApprovedBy, k.ApprovedHow = Approved, now, by.Account, how
		if s.Jobs == nil {
			return nil
		}
		return s.Jobs.Insert(ctx, tx, ApprovedJob{Key: k.UID}, job.Options{})
	})
}

// RejectKey refuses an offered key, or ends the trust in an approved one, with a reason. It needs the right ApproveKey and a fresh proof.
func (s *Service) RejectKey(ctx context.Context, by access.Actor, key, why string) (Key, error) {
	return s.judge(ctx, by, key, "constituency.reject_key", why, func(_ context.Context, _ *db.Tx, k *Key, _ time.Time) error {
		if k.State != Offered && k.State != Approved {
			return errs.New(errs.Conflict, "this key is not in use")
		}
		k.State = Rejected
		return nil
	})
}

func (s *Service) judge(ctx context.Context, by access.Actor, key, verb, words string, decide func(context.Context, *db.Tx, *Key, time.Time) error) (Key, error) {
	var k Key
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		now := s.Clock.Now()
		if err := by.Need(access.ApproveKey); err != nil {
			return err
		}
		if err := by.NeedFresh(now); err != nil {
			return err
		}
		var p errs.Problems
		text(&p, "how", words, 500, true)
		if err := p.Err(); err != nil {
			return err
		}
		find := `SELECT ` + keyColumns + ` FROM constituency_key y WHERE y.uid = $1`
		if k, err = db.One(ctx, tx, scanKey, find, key); err != nil {
			return err
		}
		c, err := s.ContactByID(ctx, tx, k.Contact)
		if err != nil {
			return err
		}
		o, err := access.Load(ctx, tx, by, ref.Ref{Kind: ref.Organisation, ID: c.Organisation})
		if err != nil {
			return err
		}
		if _, err := access.Locked(ctx, tx, o.Ref.ID); err != nil {
			return err
		}
		if k, err = db.One(ctx, tx, scanKey, find, key); err != nil {
			return err
		}
		was := k.State
		if err := decide(ctx, tx, &k, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE constituency_key SET state = $1, approved_at = $2, approved_by = $3, approved_how = $4 WHERE id = $5`,
			int64(k.State), k.ApprovedAt, k.ApprovedBy, k.ApprovedHow, k.ID)
		if err != nil {
			return err
		}
		return s.changed(ctx, tx, by, verb, o.Ref, []audit.Change{{Field: "fingerprint", To: k.Fingerprint}, {Field: "state", From: was.String(), To: k.State.String()}, {Field: "how", To: words}}, k.UID)
	})
	return k, err
}

func (k KeyState) String() string {
	return [...]string{"", "offered", "approved", "rejected", "replaced"}[k]
}

// Keys gives the approved keys of a contact that are neither expired nor revoked at the time, newest first. The caller checks fitness for
// encryption with package pgp.
func (s *Service) Keys(ctx context.Context, h db.Handle, contact int64, at time.Time) ([]Key, error) {
	return db.All(ctx, h, scanKey, `SELECT `+keyColumns+` FROM constituency_key y JOIN constituency_contact k ON k.id = y.contact
		WHERE y.contact = $1 AND y.state = $2 AND (y.expires_at IS NULL OR y.expires_at > $3) AND k.retired_at IS NULL ORDER BY y.approved_at DESC, y.id DESC`,
		contact, int64(Approved), at)
}

// ApprovedKey gives a key that is approved now, by uid, and its contact; it is for the system.
func (s *Service) ApprovedKey(ctx context.Context, h db.Handle, uid string) (Key, Contact, error) {
	k, err := db.One(ctx, h, scanKey, `SELECT `+keyColumns+` FROM constituency_key y WHERE y.uid = $1 AND y.state = $2`, uid, int64(Approved))
	if err != nil {
		return k, Contact{}, err
	}
	c, err := s.ContactByID(ctx, h, k.Contact)
	return k, c, err
}

// AllKeys gives every key of a contact in every state, newest offer first, for the page of the contact.
func (s *Service) AllKeys(ctx context.Context, h db.Handle, contact int64) ([]Key, error) {
	return db.All(ctx, h, scanKey, `SELECT `+keyColumns+` FROM constituency_key y WHERE y.contact = $1 ORDER BY y.offered_at DESC, y.id DESC`, contact)
}

// KeysForEmail gives the approved keys of the contact with that address, expired ones too: signatures of the past stay checkable.
func (s *Service) KeysForEmail(ctx context.Context, h db.Handle, email string) (Contact, []Key, error) {
	c, err := s.ContactByEmail(ctx, h, email)
	if err != nil {
		return c, nil, err
	}
	keys, err := db.All(ctx, h, scanKey, `SELECT `+keyColumns+` FROM constituency_key y
		WHERE y.contact = $1 AND y.state = $2 ORDER BY y.approved_at DESC, y.id DESC`, c.ID, int64(Approved))
	return c, keys, err
}
