// Package schematest gives tests migrated databases without migrating each of them.
package schematest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/schema"
)

// DSN gives the address of a migrated database on PostgreSQL, which ends with the test.
func DSN(t testing.TB) string {
	t.Helper()
	return pgtest.DSN(t, func(ctx context.Context, dsn string) error { return migrate(ctx, db.Config{URL: dsn}) }, "tocsin "+schema.Version())
}

// migrated is an empty database of SQLite, made once a process.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "tocsin-schema-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "tocsin.db")
	if err := migrate(context.Background(), db.Config{Path: file}); err != nil {
		return nil, err
	}
	return os.ReadFile(file) // closing wrote the whole log into it
})

// Lay puts a migrated SQLite database into a new file, with the folders above it.
func Lay(t testing.TB, file string) {
	t.Helper()
	b, err := migrated()
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		t.Fatalf("lay a migrated database: %v", err)
	}
}

func migrate(ctx context.Context, c db.Config) error {
	d, err := db.Open(ctx, c)
	if err != nil {
		return err
	}
	defer d.Close()
	return schema.Migrate(ctx, d)
}
