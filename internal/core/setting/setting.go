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
	tx, writing := h.(*db.Tx)
	if writing {
		if text, ok := inTx(tx)[name]; ok {
			return decode(text, out)
		}
	}
	var text string
	err := h.QueryRow(ctx, `SELECT value FROM setting_value WHERE name = $1`, name).Scan(&text)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	if writing {
		inTx(tx)[name] = text
	}
	return decode(text, out)
}

func decode(text string, out any) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), out)
}

type known map[string]string

type keyOfKnown struct{}

// inTx are the settings that a transaction has read: one that takes fifty mails asks for the same few each time.
func inTx(tx *db.Tx) known {
	m := db.Gather[known](tx, keyOfKnown{}, nil)
	if *m == nil {
		*m = known{}
	}
	return *m
}

// Put writes a setting in the caller's transaction. The verb that calls it records the change.
func Put(ctx context.Context, tx *db.Tx, by int64, now time.Time, name string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	inTx(tx)[name] = string(b)
	_, err = tx.Exec(ctx, `INSERT INTO setting_value (name, value, changed_at, changed_by) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at, changed_by = excluded.changed_by`, name, string(b), now, by)
	return err
}
