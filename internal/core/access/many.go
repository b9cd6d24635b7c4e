package access

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// ProtectMany is Protect for many new objects in one statement, at most 1,000.
func ProtectMany(ctx context.Context, tx *db.Tx, objects []Object, now time.Time) error {
	if len(objects) == 0 {
		return nil
	}
	q := new(db.Query).Add(`INSERT INTO object (kind, uid, ref, realm, compartment, tlp, pap, handler, sealed, sealed_under, exercise, created_at, updated_at, version) VALUES `)
	at := make(map[string]int, len(objects))
	for i := range objects {
		o := &objects[i]
		if o.Ref.Kind == ref.None || o.Realm == 0 || o.TLP == 0 {
			return fmt.Errorf("protect %s: kind, realm and TLP are required", o.Ref.Kind)
		}
		if o.UID == "" {
			o.UID = id.New()
		}
		o.CreatedAt, o.UpdatedAt, o.Version = now, now, 1
		at[o.UID] = i
		if i > 0 {
			q.Add(`, `)
		}
		q.Add(`(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`, int64(o.Ref.Kind), o.UID, o.Number, int64(o.Realm), o.Compartment, int64(o.TLP),
			int64(o.PAP), o.Handler, o.Sealed, o.SealedUnder, o.Exercise, now, now)
	}
	rows, err := q.Add(` RETURNING id, uid`).Query(ctx, tx)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var n int64
		var uid string
		if err := r.Scan(&n, &uid); err != nil {
			return err
		}
		objects[at[uid]].Ref.ID = n
		return nil
	})
	if err != nil {
		return fmt.Errorf("protect %d objects: %w", len(objects), err)
	}
	return nil
}

// Remove takes away the rows of objects of a kind that leave nothing behind. Who owns the kind has removed what refers to them.
func Remove(ctx context.Context, tx *db.Tx, kind ref.Kind, ids []int64) error {
	_, err := db.In(new(db.Query).Add(`DELETE FROM object WHERE kind = ? AND id IN `, int64(kind)), ids).Exec(ctx, tx)
	if err != nil {
		return fmt.Errorf("remove %d objects: %w", len(ids), err)
	}
	return nil
}
