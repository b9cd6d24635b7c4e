package db

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Snapshot writes the whole SQLite database, as it stands at one moment, into a new file; others go on reading and writing meanwhile. It
// refuses PostgreSQL: Dump reads both engines.
func (d *DB) Snapshot(ctx context.Context, file string) error {
	if d.engine != SQLite {
		return errs.New(errs.Invalid, "only SQLite is one file")
	}
	_, err := d.write.ExecContext(ctx, `VACUUM INTO ?1`, file)
	return kind(err)
}
