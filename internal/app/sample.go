package app

import (
	"context"
	"io"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
	"github.com/tocsin-csirt/tocsin/internal/sample/fill"
	"github.com/tocsin-csirt/tocsin/internal/sample/play"
	"github.com/tocsin-csirt/tocsin/internal/schema"
)

// DemoKeys is where the secret keys of constituents lie that a person may play with.
func DemoKeys(data string) string { return filepath.Join(data, "demo-keys") }

// CountryProfile is the team of the sample country.
func CountryProfile() Profile {
	t := country.New().Team
	return Profile{Name: t.Name, Kind: t.FullNames[t.Lang], Authority: t.Authority[t.Lang], Phone: t.Phone, Address: t.Intake, Public: t.Suspicious, Country: country.New().Code, Lang: t.Lang}
}

// PlayCountry sets an empty house up as that of the sample country and plays it, before anything of the house serves. The team's key is made as
// old as the country. Afterwards the house has the machine's clock and a queue of its own again.
func (h *House) PlayCountry(ctx context.Context) (play.Cast, error) {
	now := h.Clock.Now()
	secret, err := keyd.Generate(CountryProfile().Name, []string{CountryProfile().Address}, now.Add(-play.Began))
	if err != nil {
		return play.Cast{}, err
	}
	ring, err := keyd.NewRing(secret)
	if err != nil {
		return play.Cast{}, err
	}
	real, registry, resolver := h.Clock, h.Registry, h.DNS
	moved := clock.NewFake(now.Add(-play.Began))
	h.Clock, h.Registry, h.DNS = moved, job.NewRegistry(), play.Zone()
	cast, err := h.playCountry(ctx, moved, ring, now)
	h.Clock, h.Registry, h.DNS = real, registry, resolver
	if err != nil {
		return cast, err
	}
	return cast, h.duties()
}

func (h *House) playCountry(ctx context.Context, moved *clock.Fake, ring *keyd.Ring, now time.Time) (cast play.Cast, err error) {
	if err := h.Setup(ctx, CountryProfile(), ring); err != nil {
		return cast, err
	}
	queue := job.ByHand(h.Registry)
	h.Jobs = queue
	h.Correspondence.Jobs, h.Intake.Jobs, h.Coordination.Jobs, h.Incidents.Jobs, h.Duty.Jobs, h.Suspicion.Jobs = queue, queue, queue, queue, queue, queue
	agent := keyd.NewInProcess(ring, keyd.Options{Clock: moved})
	if h.Correspondence.Postman, err = h.postman(ctx, agent); err != nil {
		return cast, err
	}
	if err := h.registerDuties(ctx, agent); err != nil {
		return cast, err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // much is made and dropped, little kept
	wake := h.Audit.Wake
	h.Audit.Wake = nil
	defer func() { h.Audit.Wake = wake }()
	err = h.hastily(ctx, func() error {
		cast, err = play.Play(ctx, play.House{
			DB: h.DB, Clock: moved, Accounts: h.Accounts, Constituency: h.Constituency, Correspondence: h.Correspondence, Intake: h.Intake,
			Coordination: h.Coordination, Incidents: h.Incidents, Deadlines: h.Deadlines, Drafts: h.Drafts, Duty: h.Duty, Suspicion: h.Suspicion, Takedown: h.Takedown, Registration: h.Registration, TeamKey: ring.Public()[0], Work: queue.Run,
			Tick: func(ctx context.Context) error {
				_, err := h.Deadlines.Tick(ctx, h.clocks())
				return err
			},
			Keys: DemoKeys(h.Config.Data),
		}, now)
		return err
	})
	return cast, err
}

// Fill fills an empty house for load tests and lets PostgreSQL count what it now has.
func (h *House) Fill(ctx context.Context, size fill.Size, told io.Writer) error {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // much is made and dropped, little kept
	err := h.hastily(ctx, func() error {
		return fill.Fill(ctx, fill.House{
			DB: h.DB, Ring: h.Ring, Audit: h.Audit, Sequencer: h.Sequencer, Search: h.Search, Accounts: h.Accounts, Constituency: h.Constituency,
			Correspondence: h.Correspondence, Intake: h.Intake, Coordination: h.Coordination, Incidents: h.Incidents,
		}, h.Clock.Now(), size, told)
	})
	if err != nil {
		return err
	}
	if err := schema.Migrate(ctx, h.DB); err != nil { // SQLite forgets what it was told of indexes that were away
		return err
	}
	return h.DB.Analyze(ctx)
}

// hasty is what can wait for the disk until the end.
type hasty interface{ Hastily(fill func() error) error }

// files fills folders without waiting for the disk at each file.
func (h *House) files(fill func() error) error {
	for _, folder := range []any{h.Blobs, h.outbox} {
		if f, ok := folder.(hasty); ok {
			inner := fill
			fill = func() error { return f.Hastily(inner) }
		}
	}
	return fill()
}

// hastily fills an empty house without waiting for the disk at each commit and file; what stands at the end is on it.
func (h *House) hastily(ctx context.Context, fill func() error) error {
	if h.DB.Engine() != db.SQLite {
		return fill()
	}
	for _, quick := range []string{`PRAGMA synchronous = OFF`, `PRAGMA cache_size = -200000`} {
		if _, err := h.DB.Writer().ExecContext(ctx, quick); err != nil {
			return err
		}
	}
	err := h.files(fill)
	for _, back := range []string{`PRAGMA synchronous = FULL`, `PRAGMA cache_size = -16000`, `PRAGMA wal_checkpoint(TRUNCATE)`} {
		if _, e := h.DB.Writer().ExecContext(context.WithoutCancel(ctx), back); err == nil {
			err = e
		}
	}
	return err
}
