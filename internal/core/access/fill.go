package access

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// FillTx is Protect for as many new objects as one likes, with the times that they bring (CreatedAt, UpdatedAt): for who fills an empty house. An
// object with Compartment -1 is its own compartment.
func FillTx(ctx context.Context, tx *db.Tx, objects []Object) error {
	first, err := db.Reserve(ctx, tx, "object", len(objects))
	if err != nil {
		return err
	}
	rows := make([][]any, len(objects))
	for i := range objects {
		o := &objects[i]
		if o.Ref.Kind == ref.None || o.Realm == 0 || o.TLP == 0 || o.CreatedAt.IsZero() {
			return fmt.Errorf("protect %s: kind, realm, TLP and time are required", o.Ref.Kind)
		}
		o.Ref.ID, o.UID, o.Version = first+int64(i), id.New(), 1
		if o.Compartment < 0 {
			o.Compartment = o.Ref.ID
		}
		if o.UpdatedAt.IsZero() {
			o.UpdatedAt = o.CreatedAt
		}
		rows[i] = []any{
			o.Ref.ID, int64(o.Ref.Kind), o.UID, o.Number, int64(o.Realm), o.Compartment, int64(o.TLP), int64(o.PAP), o.Handler, o.Sealed, o.SealedUnder, o.Exercise,
			o.CreatedAt, o.UpdatedAt, o.Version,
		}
	}
	return db.Copy(ctx, tx, "object", []string{
		"id", "kind", "uid", "ref", "realm", "compartment", "tlp", "pap", "handler", "sealed", "sealed_under", "exercise", "created_at", "updated_at", "version",
	}, rows)
}

// Grant lets an account see one object beyond what its roles give, until a time or, when that is zero, for good. The caller has checked that the
// actor may give it.
func Grant(ctx context.Context, tx *db.Tx, by Actor, account int64, on ref.Ref, now, until time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO access_grant (account, object, kind, granted_by, granted_at, until) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account, object) DO UPDATE SET until = excluded.until`, account, on.ID, int64(on.Kind), by.Account, now, until)
	return err
}
