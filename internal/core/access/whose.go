package access

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Whose says who answers for an object, past any scope: for the house, which tells them that something waits.
type Whose struct {
	Number  string
	Handler int64
	Sealed  bool
	Under   int64 // the object in whose seal people are named
}

// WhoseTx reads it.
func WhoseTx(ctx context.Context, tx *db.Tx, object int64) (w Whose, err error) {
	err = tx.QueryRow(ctx, `SELECT o.ref, o.handler, o.sealed, CASE WHEN o.sealed_under <> 0 THEN o.sealed_under ELSE o.id END FROM object o WHERE o.id = $1`, object).
		Scan(&w.Number, &w.Handler, &w.Sealed, &w.Under)
	return w, err
}
