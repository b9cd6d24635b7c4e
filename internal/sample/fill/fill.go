// Package fill fills an empty house for load tests: invented organisations, incidents and reports, as many as one likes, written in bulk with the
// rows that the verbs would have written: objects, sealed bodies under data keys, words, clocks, and the entries of the record that open each
// incident and report. What happened later to them stands in their rows and not in the record.
//
//	fill.go           House, Size, Fill: the order, transactions
//	organisation.go   organisations and handlers, by the verbs themselves
//	incident.go       incidents with parties, requests, measures
//	report.go         reports
//	progress.go       a line now and then for who waits
//
// The same seed gives the same content; uids, keys and references are random as everywhere.
package fill

import (
	"context"
	"io"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// House is what Fill needs of a house that nobody serves.
type House struct {
	DB             *db.DB
	Ring           *keyring.Ring
	Audit          *audit.Log
	Sequencer      *audit.Sequencer
	Search         *search.Index
	Accounts       *account.Service
	Constituency   *constituency.Service
	Correspondence *correspondence.Service
	Intake         *intake.Service
	Coordination   *coordination.Service
	Incidents      *incident.Service
}

// Size says how much.
type Size struct {
	Incidents, Reports, Organisations int
	Seed                              uint64
}

// together is how many incidents or reports one transaction writes, wordsAtOnce how many tokens are sorted at once, and textsAtOnce how many
// reports make one block of words.
const (
	together    = 500
	wordsAtOnce = 4_000_000
	textsAtOnce = 16_384
)

// filler is a filling under way.
type filler struct {
	House
	size      Size
	now       time.Time
	words     *search.Fill
	texts     []search.Text // of reports
	orgs      []organisation
	handlers  map[string]access.Actor
	advice    map[[2]string]coordination.Advice
	incidents []int64         // objects by index, 0 the newest
	numbers   map[int]int64   // incidents of a year
	given     map[string]bool // references
	told      *progress
}

// Fill fills the house so that it is now there, and tells how far it is on progress (nil: nobody). A house that has incidents, reports or
// organisations is a Conflict.
func Fill(ctx context.Context, h House, now time.Time, size Size, told io.Writer) error {
	var n int64
	err := h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM object WHERE kind IN ($1, $2, $3)`, int64(ref.Incident), int64(ref.Report), int64(ref.Organisation)).Scan(&n)
	if err != nil {
		return err
	}
	if n > 0 {
		return errs.New(errs.Conflict, "there are incidents, reports or organisations here already: only an empty database is filled")
	}
	f := &filler{
		House: h, size: size, now: now.UTC().Truncate(time.Second), words: h.Search.FillLater(), handlers: map[string]access.Actor{},
		advice: map[[2]string]coordination.Advice{}, incidents: make([]int64, size.Incidents), numbers: map[int]int64{}, given: map[string]bool{}, told: newProgress(told),
	}
	wake := h.Audit.Wake
	h.Audit.Wake = nil
	defer func() { h.Audit.Wake = wake }()
	if err := f.enter(ctx); err != nil {
		return err
	}
	err = h.DB.WithoutIndexes(ctx, func() error {
		if err := f.fillIncidents(ctx); err != nil {
			return err
		}
		if err := f.fillReports(ctx); err != nil {
			return err
		}
		return f.flushWords(ctx, 0, 0)
	}, func(name string) { f.told.say("index " + name) })
	if err != nil {
		return err
	}
	return f.number(ctx)
}

// flushWords writes the collected words when they are more than most, and those of reports.
func (f *filler) flushWords(ctx context.Context, most, texts int) error {
	if f.words.Len() > most {
		f.told.say("sorting words")
		if err := f.DB.Write(ctx, f.words.FlushTx); err != nil {
			return err
		}
	}
	if len(f.texts) <= texts {
		return nil
	}
	f.told.say("sorting words of reports")
	some := f.texts
	f.texts = nil
	return f.Intake.Words.Take(ctx, f.DB, some, func(context.Context, *db.Tx) error { return nil })
}

// number gives the entries of the record their numbers, and signs the tree.
func (f *filler) number(ctx context.Context) error {
	f.told.begin("entries of the record", f.size.Incidents+f.size.Reports)
	for {
		n, err := f.Sequencer.Number(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			f.told.end()
			return f.Sequencer.Checkpoint(ctx)
		}
		f.told.add(n)
	}
}

// batches calls do for n things in parts, the oldest (the last index) first, each part in one transaction.
func (f *filler) batches(ctx context.Context, what string, n int, do func(ctx context.Context, tx *db.Tx, indexes []int) error) error {
	f.told.begin(what, n)
	for last := n; last > 0; {
		var part []int
		for i := last - 1; i >= max(0, last-together); i-- {
			part = append(part, i)
		}
		if err := f.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return do(ctx, tx, part) }); err != nil {
			return err
		}
		f.told.add(len(part))
		last -= len(part)
		if err := f.flushWords(ctx, wordsAtOnce, textsAtOnce); err != nil {
			return err
		}
	}
	f.told.end()
	return nil
}

// reference draws one that is not given out yet: among hundreds of thousands some are drawn twice.
func (f *filler) reference(prefix string, at time.Time) string {
	for {
		if r := id.Reference(prefix, at.Year()); !f.given[r] {
			f.given[r] = true
			return r
		}
	}
}

// ago gives the time that long before now; zero stays not known.
func (f *filler) ago(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return f.now.Add(-d)
}
