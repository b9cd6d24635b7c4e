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
	if in.Files, err = hold(kept, MaxRegistrationFiles); err != nil {
		return "", err
	}
	in.CodeHash, in.CodeKey = codebox.Halves(code, RegistrationPurpose)
	err = d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, fresh, _, err := markDrawn(ctx, tx, RegistrationPrefix, in.CodeHash, in.sum(code, nil), len(in.Files), now)
		if err != nil {
			return err
		}
		reference = r
		if err := ForgetFiles(ctx, tx, code); err != nil {
			return err
		}
		if err := ForgetDraft(ctx, tx, code); err != nil {
			return err
		}
		if !fresh {
			return nil
		}
		in.Reference = r
		return putDrop(ctx, tx, publicKey, in, now)
	})
	return reference, err
}

// DrawRegistration draws a reference of a registration that nobody has.
func DrawRegistration(ctx context.Context, tx *db.Tx, year int) (string, error) {
	return drawName(ctx, tx, RegistrationPrefix, year)
}
