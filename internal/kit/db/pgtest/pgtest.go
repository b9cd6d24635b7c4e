// Package pgtest gives tests a real PostgreSQL, and each test a database of its own. Only tests and the test runner import it.
//
//	dsn := pgtest.DSN(t, migrate, "schema-"+hash)
//
// The server is private: its data is in a fresh folder, it listens on a socket there and nowhere else, and it gives up durability for
// speed. A run of the whole suite starts one and names it in TOCSIN_TEST_POSTGRES; a package tested alone starts its own at the first
// use. Either ends with the process that started it, however that ends (server.go).
//
// A template database is filled once a server, by whichever process comes first, and copied for each test (database.go).
//
// It knows nothing of the schema: the caller brings the function that migrates and a name that changes with the migrations.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
)

// The environment that steers tests.
const (
	EnvServer     = "TOCSIN_TEST_POSTGRES" // administrator's address of a running server
	EnvEngine     = "TOCSIN_TEST_ENGINE"   // sqlite, postgres or both
	EnvRequireAll = "TOCSIN_REQUIRE_ALL"   // 1: a missing tool fails instead of skipping
)

// The engines, as EnvEngine and Engines name them.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Engines gives the engines on which a test of a store must run. Without PostgreSQL it is SQLite alone, said loudly, unless
// TOCSIN_REQUIRE_ALL=1 or TOCSIN_TEST_ENGINE asks for it: then the test fails.
func Engines(t testing.TB) []string {
	t.Helper()
	switch asked := os.Getenv(EnvEngine); asked {
	case SQLite:
		return []string{SQLite}
	case Postgres:
		return []string{Postgres}
	case "", "both":
		if os.Getenv(EnvServer) != "" {
			return []string{SQLite, Postgres}
		}
		_, err := findBinaries()
		if err == nil {
			return []string{SQLite, Postgres}
		}
		if asked == "both" || os.Getenv(EnvRequireAll) == "1" {
			t.Fatalf("PostgreSQL is needed: %v", err)
		}
		notice(err)
		return []string{SQLite}
	default:
		t.Fatalf("%s is %q: want sqlite, postgres or both", EnvEngine, asked)
		return nil
	}
}

// Engine gives the one engine of a test that needs no second: the first of Engines, so that a run on PostgreSQL is on PostgreSQL throughout.
func Engine(t testing.TB) string {
	t.Helper()
	return Engines(t)[0]
}

// OnEach runs the test once an engine, as a subtest of the engine's name.
func OnEach(t *testing.T, test func(t *testing.T, engine string)) {
	t.Helper()
	for _, engine := range Engines(t) {
		t.Run(engine, func(t *testing.T) { test(t, engine) })
	}
}

// DSN gives the address of a fresh database, copied from a template and dropped when the test ends. fill makes the template: it is
// called once a server for each name, with the address of an empty database, and must close its connections. The name holds a hash of
// what fill does, so that an old template is never taken for a new one. Without PostgreSQL the test is skipped, or fails when all is
// required.
func DSN(t testing.TB, fill func(ctx context.Context, dsn string) error, name string) string {
	t.Helper()
	admin := address(t)
	ctx := t.Context()
	template, err := prepare(ctx, admin, name, fill)
	if err != nil {
		t.Fatalf("prepare the template %s: %v", name, err)
	}
	dsn, drop, err := copyOf(ctx, admin, template)
	if err != nil {
		t.Fatalf("make a database from %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return dsn
}

// private is the server of this process, when no other was named. It ends with the process.
var private = sync.OnceValues(func() (*Server, error) { return Start(context.Background()) })

func address(t testing.TB) string {
	t.Helper()
	if dsn := os.Getenv(EnvServer); dsn != "" {
		return dsn
	}
	if _, err := findBinaries(); err != nil {
		if os.Getenv(EnvRequireAll) == "1" {
			t.Fatalf("PostgreSQL is needed: %v", err)
		}
		t.Skipf("NOT TESTED ON POSTGRESQL: %v", err)
	}
	s, err := private()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	return s.DSN
}

var said sync.Once

func notice(err error) {
	said.Do(func() { fmt.Fprintf(os.Stderr, "\nNOT TESTED ON POSTGRESQL: %v\n\n", err) })
}
