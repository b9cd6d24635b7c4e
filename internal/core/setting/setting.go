// Package setting keeps what may change while the program runs, with who and when in the audit record. Names are constants of the duty that
// reads them. Table: setting_value.
package setting

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Get reads a setting into out; it stays as it is when nothing was set.
func Get(ctx context.Context, h db.Handle, name string, out any) error {
	var text string
	err := h.QueryRow(ctx, `SELECT value FROM setting_value WHERE name = $1`, name).Scan(&text)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), out)
}

// Put writes a setting in the caller's transaction. The verb that calls it records the change.
func Put(ctx context.Context, tx *db.Tx, by int64, now time.Time, name string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO setting_value (name, value, changed_at, changed_by) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at, changed_by = excluded.changed_by`, name, string(b), now, by)
	return err
}
