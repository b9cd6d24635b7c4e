package access

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// SealTx puts objects, those that bear no seal yet, under the seal of one: from then on they do not exist for who is not named there (Grant).
// The caller has checked that the actor may.
func SealTx(ctx context.Context, tx *db.Tx, under ref.Ref, now time.Time, ids ...int64) error {
	for start := 0; start < len(ids); start += 500 {
		q := new(db.Query).Add(`UPDATE object SET sealed = TRUE, sealed_under = ?, updated_at = ?, version = version + 1 WHERE sealed = FALSE AND id IN `, under.ID, now)
		if _, err := db.In(q, ids[start:min(start+500, len(ids))]).Exec(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// UnsealTx takes the seal from an object and all that lies under it, and ends who was named in it.
func UnsealTx(ctx context.Context, tx *db.Tx, on ref.Ref, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE object SET sealed = FALSE, sealed_under = 0, updated_at = $1, version = version + 1 WHERE id = $2 OR sealed_under = $2`, now, on.ID)
	if err != nil {
		return err
	}
	return EndNamed(ctx, tx, on)
}

// Unseen loads an object of the team's realm past any scope, by number or uid, for who breaks the glass.
func Unseen(ctx context.Context, tx *db.Tx, kind ref.Kind, name string) (Object, error) {
	var o Object
	err := tx.QueryRow(ctx, `SELECT `+Columns+` FROM object o WHERE o.kind = $1 AND o.realm = $2 AND (o.uid = $3 OR (o.ref = $3 AND o.ref <> ''))`,
		int64(kind), int64(Team), name).Scan(o.Dst()...)
	return o, err
}

// EndNamed ends who is named in the seal of an object, for who names others.
func EndNamed(ctx context.Context, tx *db.Tx, on ref.Ref) error {
	_, err := tx.Exec(ctx, `DELETE FROM access_grant WHERE object = $1`, on.ID)
	return err
}

// Named tells which accounts are named in the seal of an object at a time, and until when; zero is for good.
func Named(ctx context.Context, h db.Handle, on ref.Ref, now time.Time) (map[int64]time.Time, error) {
	out := map[int64]time.Time{}
	rows, err := h.Query(ctx, `SELECT account, until FROM access_grant WHERE object = $1 AND (until IS NULL OR until > $2)`, on.ID, now)
	return out, db.Each(rows, err, func(r *db.Rows) error {
		var account int64
		var until time.Time
		err := r.Scan(&account, &until)
		out[account] = until
		return err
	})
}
