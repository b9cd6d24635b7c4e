package intake

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/codebox"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// RegistrationDraft is the kind of a draft in which an entity registers itself.
const RegistrationDraft = "registration"

// RegistrationPrefix begins the reference of a registration.
const RegistrationPrefix = "REG"

// RegistrationPurpose binds the keys of codes to the pages of registrations.
const RegistrationPurpose = "tocsin registration link v1"

// MaxRegistrationFiles is how many bytes of files come with a registration.
const MaxRegistrationFiles = 8 << 20

// Registered is a registration as the box held it, for the duty that takes entities into the register.
type Registered struct {
	At                time.Time // when it was sent
	Reference         string
	CodeHash, CodeKey []byte
	Lang              string
	Said              json.RawMessage
	Files             []correspondence.FileIn
}

// StoreRegistration seals what an entity says of itself, with the files that were kept under the code, and puts it where only the house can read it, as
// Store does with reports. It gives the reference; the same form sent twice is one. The page has checked what was said. Refused: Invalid.
func StoreRegistration(ctx context.Context, d *db.DB, c clock.Clock, publicKey []byte, code id.Secret, lang string, said any) (reference string, err error) {
	now := c.Now()
	if !id.Valid(code.Reveal()) {
		return "", errs.New(errs.Invalid, "a registration needs a code")
	}
	kept, err := KeptFiles(ctx, d, now, code)
	if err != nil {
		return "", err
	}
	in := dropped{Lang: lang}
	if in.Registration, err = json.Marshal(said); err != nil {
		return "", err
	}
	if len(in.Registration) > maxReply {
		return "", errs.New(errs.Invalid, "a registration is larger than a form takes")
	}
	if in.Files, err = hold(kept); err != nil {
		return "", err
	}
	in.CodeHash, in.CodeKey = codebox.Halves(code, RegistrationPurpose)
	err = d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, _, _, err := Taken(ctx, tx, code)
		if err == nil {
			reference = r
			return nil
		}
		if !errs.Is(err, errs.NotFound) {
			return err
		}
		if r, err = drawRegistration(ctx, tx, now.Year()); err != nil {
			return err
		}
		fresh, earlier, _, err := mark(ctx, tx, in.CodeHash, in.sum(code), r, len(in.Files), now)
		if err != nil {
			return err
		}
		if err := ForgetFiles(ctx, tx, code); err != nil {
			return err
		}
		if err := ForgetDraft(ctx, tx, code); err != nil {
			return err
		}
		if reference = r; !fresh {
			reference = earlier // another process took it a moment ago; the reference that was drawn belongs to nobody
			return nil
		}
		in.Reference = r
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		box, err := sealTo(publicKey, dropInfo, raw)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO intake_drop (uid, sealed, dropped_at) VALUES ($1, $2, $3)`, id.New(), box, now)
		return err
	})
	return reference, err
}

func drawRegistration(ctx context.Context, tx *db.Tx, year int) (string, error) {
	for range 20 {
		r := id.Reference(RegistrationPrefix, year)
		ok, err := takeReference(ctx, tx, r)
		if err != nil || ok {
			return r, err
		}
	}
	return "", errs.New(errs.Unavailable, "no reference is free")
}
