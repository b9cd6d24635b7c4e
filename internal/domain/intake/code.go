package intake

import (
	"context"
	"crypto/hpke"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/codebox"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// codePurpose binds the keys of codes to status links.
const codePurpose = "tocsin status link v1"

// NewCode draws the code of a status link, with what the house stores of it: its hash, and the public half of the key that the code makes.
func NewCode() (code id.Secret, hash, publicKey []byte) {
	code = id.NewCode()
	hash, publicKey = CodeHalves(code)
	return code, hash, publicKey
}

// CodeHalves gives what the house stores of a code.
func CodeHalves(code id.Secret) (hash, publicKey []byte) {
	return codebox.Halves(code, codePurpose)
}

// codeKey makes the key pair of a code: only who holds the code can open what the house seals to it.
func codeKey(code id.Secret) (hpke.PrivateKey, error) { return codebox.Key(code, codePurpose) }

// firstCode makes the code that the filing itself shows: on the screen after a form, in the answer of the API, to the person who took a
// call. A mail shows none: its code goes with the receipt.
func (s *Service) firstCode(ctx context.Context, tx *db.Tx, r *row, in ReceiveInput) (id.Secret, error) {
	if len(in.CodeHash) != 0 {
		return id.Secret{}, s.storeCode(ctx, tx, r, drawn{hash: in.CodeHash, public: in.CodeKey, box: in.ready.ownBox()}, true)
	}
	if in.Channel == correspondence.ByMail {
		return id.Secret{}, nil
	}
	return s.newCode(ctx, tx, r, in.ready, true)
}

// newCode makes one more code for a report. Entire says that it never travels in clear mail: it was shown on a screen or goes encrypted.
func (s *Service) newCode(ctx context.Context, tx *db.Tx, r *row, from *ready, entire bool) (id.Secret, error) {
	d := from.next()
	return d.code, s.storeCode(ctx, tx, r, d, entire)
}

func (s *Service) storeCode(ctx context.Context, tx *db.Tx, r *row, d drawn, entire bool) error {
	r.codes = append(r.codes, linkCode{hash: d.hash, public: d.public, report: r.Ref.ID, entire: entire, box: d.box})
	return tx.Later(ctx, `INSERT INTO intake_code (hash, report, entire, public_key, made_at) VALUES ($1, $2, $3, $4, $5)`,
		d.hash, r.Ref.ID, entire, d.public, s.Clock.Now())
}

// endCodes lets the links of a report end 90 days from now; the zero time lets them live on.
func (s *Service) endCodes(ctx context.Context, tx *db.Tx, report int64, from time.Time) error {
	var ends time.Time
	if !from.IsZero() {
		ends = from.Add(retain.LinksFor)
	}
	_, err := tx.Exec(ctx, `UPDATE intake_code SET ends_at = $2 WHERE report = $1`, report, ends)
	return err
}

type linkCode struct {
	hash, public []byte
	report       int64
	entire       bool
	endsAt       time.Time
	box          *box // for the first that is sealed to it; nil otherwise
}

func scanCode(r *db.Rows) (linkCode, error) {
	var c linkCode
	return c, r.Scan(&c.hash, &c.public, &c.report, &c.entire, &c.endsAt)
}

func (s *Service) codeOf(ctx context.Context, h db.Handle, hash []byte) (linkCode, error) {
	c, err := db.One(ctx, h, scanCode, `SELECT hash, public_key, report, entire, ends_at FROM intake_code WHERE hash = $1`, hash)
	if err == nil && !c.endsAt.IsZero() && !s.Clock.Now().Before(c.endsAt) {
		return c, errs.ErrNotFound
	}
	return c, err
}
