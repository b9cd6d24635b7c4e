package access

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Object is what access knows of anything it protects.
type Object struct {
	Ref         ref.Ref
	UID         string // random outward name
	Number      string // inner number, "" for none
	Realm       Realm
	Compartment int64
	TLP         tlp.Level
	PAP         tlp.PAP
	Handler     int64
	Sealed      bool
	SealedUnder int64 // the object whose seal it is: who is named there sees it; 0 for a seal of its own
	Exercise    bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Version     int64
}

// Hushed says why nobody outside may learn that we look at what a case is about (rule O2), whatever else would allow it: a code, "" when it may be asked. Who asks
// judges the rest of PAP by whom the question reaches.
func (o Object) Hushed() string {
	switch {
	case o.Exercise:
		return "exercise"
	case o.Sealed:
		return "sealed"
	case o.TLP == tlp.Red:
		return "tlp"
	case o.PAP == tlp.PAPRed:
		return "pap_red"
	}
	return ""
}

// Columns are the columns of an object row under alias o, in the order of Scan.
const Columns = `o.id, o.kind, o.uid, o.ref, o.realm, o.compartment, o.tlp, o.pap, o.handler, o.sealed, o.sealed_under, o.exercise, o.created_at, o.updated_at, o.version`

// Dst gives the scan targets for Columns.
func (o *Object) Dst() []any {
	return []any{&o.Ref.ID, &o.Ref.Kind, &o.UID, &o.Number, &o.Realm, &o.Compartment, &o.TLP, &o.PAP, &o.Handler, &o.Sealed, &o.SealedUnder, &o.Exercise, &o.CreatedAt, &o.UpdatedAt, &o.Version}
}

// Apart as the compartment of a new object makes it a compartment of its own.
const Apart int64 = -1

// Protect writes the row of a new object in the verb's transaction and gives it an id and a uid. Kind, Realm and TLP are required.
func Protect(ctx context.Context, tx *db.Tx, o *Object, now time.Time) error {
	if o.Ref.Kind == ref.None || o.Realm == 0 || o.TLP == 0 {
		return fmt.Errorf("protect %s: kind, realm and TLP are required", o.Ref.Kind)
	}
	if o.UID == "" {
		o.UID = id.New()
	}
	o.CreatedAt, o.UpdatedAt, o.Version = now, now, 1
	args := []any{
		int64(o.Ref.Kind), o.UID, o.Number, int64(o.Realm), o.Compartment, int64(o.TLP), int64(o.PAP), o.Handler, o.Sealed, o.SealedUnder, o.Exercise, now, now,
	}
	var err error
	if o.Ref.ID = tx.Reserved("object"); o.Ref.ID != 0 {
		if o.Compartment == Apart {
			o.Compartment = o.Ref.ID
			args[4] = o.Compartment
		}
		err = tx.Later(ctx, `INSERT INTO object (kind, uid, ref, realm, compartment, tlp, pap, handler, sealed, sealed_under, exercise, created_at, updated_at, version, id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14)`, append(args, o.Ref.ID)...)
	} else {
		err = tx.QueryRow(ctx, `INSERT INTO object (kind, uid, ref, realm, compartment, tlp, pap, handler, sealed, sealed_under, exercise, created_at, updated_at, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1) RETURNING id`, args...).Scan(&o.Ref.ID)
	}
	if err == nil && o.Compartment == Apart {
		o.Compartment = o.Ref.ID
		err = tx.Later(ctx, `UPDATE object SET compartment = id WHERE id = $1`, o.Ref.ID)
	}
	if err != nil {
		return fmt.Errorf("protect %s: %w", o.Ref.Kind, err)
	}
	return nil
}

// Update writes the marking, handler, compartment and seal of o back and raises its version. A version that is not the stored one is a
// Conflict: somebody else changed it meanwhile. Verbs call it for every change of the object, so that updated_at and ETag follow.
func Update(ctx context.Context, tx *db.Tx, o *Object, now time.Time) error {
	n, err := tx.Exec(ctx, `UPDATE object SET compartment = $1, tlp = $2, pap = $3, handler = $4, sealed = $5, updated_at = $6, version = version + 1
		WHERE id = $7 AND version = $8`, o.Compartment, int64(o.TLP), int64(o.PAP), o.Handler, o.Sealed, now, o.Ref.ID, o.Version)
	if err != nil {
		return fmt.Errorf("update %s: %w", o.Ref.Kind, err)
	}
	if n == 0 {
		return ErrChanged
	}
	o.Version++
	o.UpdatedAt = now
	return nil
}

// Touch raises the version of an object that is not edited against a read version: something was added to it.
func Touch(ctx context.Context, tx *db.Tx, objectID int64, now time.Time) error {
	return tx.Later(ctx, `UPDATE object SET updated_at = $1, version = version + 1 WHERE id = $2`, now, objectID)
}

// TouchMany is Touch for many objects.
func TouchMany(ctx context.Context, tx *db.Tx, ids []int64, now time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	return db.In(new(db.Query).Add(`UPDATE object SET updated_at = ?, version = version + 1 WHERE id IN `, now), ids).Later(ctx, tx)
}

// ErrChanged is the Conflict of two people editing the same thing.
var ErrChanged = &errs.Error{Kind: errs.Conflict, Key: "error.changed", Text: "somebody else changed this meanwhile; nothing of yours was lost"}

// Locked reads an object inside a verb, past any scope, and locks its row. Verbs use it for objects that follow from one already checked.
func Locked(ctx context.Context, tx *db.Tx, objectID int64) (Object, error) {
	var o Object
	err := tx.QueryRow(ctx, `SELECT `+Columns+` FROM object o WHERE o.id = $1`+tx.ForUpdate(), objectID).Scan(o.Dst()...)
	return o, err
}

// EndGrants takes from an account all that it was given beyond its roles. It gives how much that was.
func EndGrants(ctx context.Context, tx *db.Tx, account int64) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM access_grant WHERE account = $1`, account)
}
