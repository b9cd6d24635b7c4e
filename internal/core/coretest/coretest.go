// Package coretest gives tests a house of their own: a real migrated database on either engine, a clock that the test moves, keys, the audit
// record, a queue and blobs. Nothing in it is a mock of our own code.
package coretest

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/blob"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/schema/schematest"
)

// Now is when tests happen: a Saturday in November, as in the pictures.
var Now = time.Date(2026, 11, 21, 12, 26, 0, 0, time.UTC)

// House is what a duty stands on.
type House struct {
	DB       *db.DB
	Clock    *clock.Fake
	Ring     *keyring.Ring
	Audit    *audit.Log
	Registry *job.Registry // register workers before Work
	Jobs     *job.Queue    // inserts only, until Work
	Blobs    blob.Store
	Log      *slog.Logger
}

// Engines runs the story on each engine that this machine has.
func Engines(t *testing.T, story func(t *testing.T, h *House)) {
	t.Helper()
	for _, engine := range pgtest.Engines(t) {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			story(t, Open(t, engine))
		})
	}
}

// Open builds a house on "sqlite" or "postgres".
func Open(t testing.TB, engine string) *House {
	t.Helper()
	ctx := context.Background()
	c := db.Config{Conns: 6}
	if engine == "postgres" {
		c.URL = schematest.DSN(t)
	} else {
		c.Path = filepath.Join(t.TempDir(), "tocsin.db")
		schematest.Lay(t, c.Path)
	}
	d, err := db.Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	ring, err := keyring.New([]byte("a root key for tests, 32 bytes.."))
	if err != nil {
		t.Fatal(err)
	}
	h := &House{DB: d, Clock: clock.NewFake(Now), Ring: ring, Audit: &audit.Log{Ring: ring}, Registry: job.NewRegistry(), Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}
	blobs, err := blob.NewFolder(t.TempDir(), ring.Derive("blob names"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	h.Blobs = blobs
	h.Jobs, err = job.New(d, h.Registry, nil, h.Log)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Work starts workers for all that was registered, until the test ends.
func (h *House) Work(t testing.TB) {
	t.Helper()
	q, err := job.New(h.DB, h.Registry, map[job.Lane]int{job.Mail: 2, job.Send: 2, job.House: 2, job.Clocks: 1, job.Public: 1}, h.Log)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := q.Stop(ctx); err != nil {
			t.Errorf("stop workers: %v", err)
		}
	})
}

// Person makes an actor with a role, freshly proved by two factors, from a page.
func (h *House) Person(account int64, name string, roles ...access.Role) access.Actor {
	return access.Actor{Account: account, Name: name, Roles: roles, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: h.Clock.Now(), AskedAt: h.Clock.Now(), Lang: "en"}
}

// Constituent makes an actor of an organisation, given by its object id.
func (h *House) Constituent(account int64, name string, organisation int64) access.Actor {
	a := h.Person(account, name, access.Constituent)
	a.Organisation, a.Compartments = organisation, []int64{organisation}
	return a
}
