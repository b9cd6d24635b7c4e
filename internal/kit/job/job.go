// Package job keeps durable work: a job is inserted in the transaction that makes it necessary and runs after the commit, at least once.
// A worker may see the same job twice and must not mind. It is a thin cover over River, so that duties depend on four words: Args,
// Insert, Handle, Every.
//
// A job that fails is tried again with growing pauses; after MaxTries it is set aside (state "discarded") for a person and stops nothing else.
package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Args are what a job needs to know: ids only, never content. Kind names the job and must not change once used.
type Args interface{ Kind() string }

// Lane keeps kinds of work from starving each other.
type Lane string

// The lanes.
const (
	Mail   Lane = "mail"   // what came in
	Send   Lane = "send"   // what goes out
	House  Lane = "house"  // everything else
	Clocks Lane = "clocks" // deadlines
	Public Lane = "public" // suspicious messages, which wait behind nothing and before nobody
)

// Options say when and where a job runs.
type Options struct {
	Lane   Lane      // House when empty
	At     time.Time // now when zero or past
	Unique bool      // at most one waiting job with the same arguments
}

// MaxTries is how often a failing job is tried.
const MaxTries = 12

// KeepFailed is how long a job that was given up stays for a person to look at.
const KeepFailed = 90 * 24 * time.Hour

// Registry holds what can be worked. Fill it before New.
type Registry struct {
	handlers map[string]handler
	every    []periodic
}

type handler struct {
	lane Lane
	run  func(ctx context.Context, raw []byte) error
}

type periodic struct {
	name  string
	every time.Duration
	args  Args
	lane  Lane
}

// NewRegistry makes an empty registry.
func NewRegistry() *Registry { return &Registry{handlers: map[string]handler{}} }

// Handle registers the worker of a kind of job. A kind without a worker in this process stays in the queue for another process.
func Handle[T Args](r *Registry, lane Lane, run func(ctx context.Context, args T) error) {
	var zero T
	k := zero.Kind()
	if _, ok := r.handlers[k]; ok {
		panic("job: two workers for " + k)
	}
	r.handlers[k] = handler{lane, func(ctx context.Context, raw []byte) error {
		var args T
		if err := json.Unmarshal(raw, &args); err != nil {
			return river.JobCancel(fmt.Errorf("read job %s: %w", k, err))
		}
		return run(ctx, args)
	}}
}

// Every inserts the job again and again, once for all processes.
func (r *Registry) Every(name string, every time.Duration, lane Lane, args Args) {
	r.every = append(r.every, periodic{name, every, args, lane})
}

// Later is returned by a worker to be run again after d, without counting as a failure.
func Later(d time.Duration) error { return river.JobSnooze(d) }

// GiveUp is returned by a worker when no retry can help; the job is set aside.
func GiveUp(err error) error { return river.JobCancel(err) }

// Queue inserts jobs and, once started, works them.
type Queue struct {
	pg   *river.Client[pgx.Tx]
	lite *river.Client[*sql.Tx]
	hand *hand

	db       *db.DB
	name     string // by which jobs say who works them
	log      *slog.Logger
	release  func() // lets go of what adopt holds
	stopping *atomic.Bool
}

// carrier is the one shape in which River sees all jobs: its kind and its arguments.
type carrier struct {
	kind string
	raw  json.RawMessage
}

func (c carrier) Kind() string                 { return c.kind }
func (c carrier) MarshalJSON() ([]byte, error) { return c.raw, nil }

// New makes a queue on d. Lanes says how many workers each lane has here; nil makes a queue that only inserts.
func New(d *db.DB, r *Registry, lanes map[Lane]int, log *slog.Logger) (*Queue, error) {
	stopping := new(atomic.Bool)
	name := id.New()
	c := &river.Config{
		ID:                          name,
		Logger:                      slog.New(quiet{log.Handler(), stopping}),
		FetchPollInterval:           200 * time.Millisecond,
		FetchCooldown:               20 * time.Millisecond,
		JobTimeout:                  10 * time.Minute,
		RescueStuckJobsAfter:        15 * time.Minute,
		MaxAttempts:                 MaxTries,
		CompletedJobRetentionPeriod: 10 * time.Minute,
		DiscardedJobRetentionPeriod: KeepFailed,
		CancelledJobRetentionPeriod: KeepFailed,
		RetryPolicy:                 retry{},
		SkipUnknownJobCheck:         true,
		SoftStopTimeout:             8 * time.Second,
	}
	if lanes != nil {
		c.Queues = map[string]river.QueueConfig{}
		for l, n := range lanes {
			c.Queues[string(l)] = river.QueueConfig{MaxWorkers: n}
		}
		c.Workers = river.NewWorkers()
		for k, h := range r.handlers {
			river.AddWorkerArgs(c.Workers, carrier{kind: k}, &worker{run: h.run})
		}
		for _, p := range r.every {
			raw, err := json.Marshal(p.args)
			if err != nil {
				return nil, err
			}
			c.PeriodicJobs = append(c.PeriodicJobs, river.NewPeriodicJob(river.PeriodicInterval(p.every), func() (river.JobArgs, *river.InsertOpts) {
				return carrier{p.args.Kind(), raw}, insertOpts(Options{Lane: p.lane, Unique: true})
			}, &river.PeriodicJobOpts{ID: p.name, RunOnStart: true}))
		}
	}
	q := &Queue{db: d, name: name, log: log, stopping: stopping}
	var err error
	if d.Engine() == db.Postgres {
		q.pg, err = river.NewClient(riverpgxv5.New(d.Pool()), c)
	} else {
		q.lite, err = river.NewClient(riversqlite.New(d.Writer()), c)
	}
	if err != nil {
		return nil, fmt.Errorf("job queue: %w", err)
	}
	return q, nil
}

func (c *carrier) UnmarshalJSON(b []byte) error {
	c.raw = append(c.raw[:0], b...)
	return nil
}

type worker struct {
	river.WorkerDefaults[carrier]
	run func(ctx context.Context, raw []byte) error
}

func (w *worker) Work(ctx context.Context, j *river.Job[carrier]) (err error) {
	defer func() {
		if p := recover(); p != nil { // the queue would keep the words of the panic
			err = errs.Panic(p)
		}
	}()
	return w.run(db.On(ctx, db.Worker), j.EncodedArgs)
}

type retry struct{}

// NextRetry waits 1, 2, 4 … seconds, an hour at most.
func (retry) NextRetry(j *rivertype.JobRow) time.Time {
	return time.Now().Add(min(time.Second<<min(len(j.Errors), 12), time.Hour))
}

func insertOpts(o Options) *river.InsertOpts {
	if o.Lane == "" {
		o.Lane = House
	}
	out := &river.InsertOpts{Queue: string(o.Lane), MaxAttempts: MaxTries}
	if o.At.After(time.Now()) { // a job that is scheduled waits for the next look of the one process that leads, seconds later
		out.ScheduledAt = o.At
	}
	if o.Unique {
		out.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
		}}
	}
	return out
}

// Insert adds a job in the caller's transaction.
func (q *Queue) Insert(ctx context.Context, tx *db.Tx, args Args, o Options) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return err
	}
	if q.hand != nil {
		q.hand.insert(tx, args.Kind(), raw)
		return nil
	}
	c := carrier{args.Kind(), raw}
	if q.pg != nil {
		pg, e := tx.PG(ctx)
		if e != nil {
			return e
		}
		_, err = q.pg.InsertTx(ctx, pg, c, insertOpts(o))
	} else {
		_, err = q.lite.InsertTx(ctx, tx.SQL(), c, insertOpts(o))
	}
	if err != nil {
		return fmt.Errorf("insert job %s: %w", args.Kind(), err)
	}
	return nil
}

// Start begins to work the lanes.
func (q *Queue) Start(ctx context.Context) (err error) {
	if q.release, err = adopt(context.WithoutCancel(ctx), q.db, q.name, q.log); err != nil {
		return err
	}
	if q.pg != nil {
		return q.pg.Start(ctx)
	}
	return q.lite.Start(ctx)
}

// Stop lets running jobs end and waits for them; when ctx ends first they are cancelled and run again later.
func (q *Queue) Stop(ctx context.Context) error {
	q.stopping.Store(true)
	if q.release != nil {
		defer q.release()
	}
	var err error
	if q.pg != nil {
		err = q.pg.Stop(ctx)
	} else {
		err = q.lite.Stop(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		hard, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		if q.pg != nil {
			return q.pg.StopAndCancel(hard)
		}
		return q.lite.StopAndCancel(hard)
	}
	return err
}

// Migrate makes the tables of the queue.
func Migrate(ctx context.Context, d *db.DB) error {
	quietly := &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)}
	if d.Engine() == db.Postgres {
		m, err := rivermigrate.New(riverpgxv5.New(d.Pool()), quietly)
		if err != nil {
			return err
		}
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	}
	m, err := rivermigrate.New(riversqlite.New(d.Writer()), quietly)
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// quiet drops the queue's own chatter below warnings, and its complaints that what we stopped has stopped. Warnings carry kinds and ids only.
type quiet struct {
	slog.Handler
	stopping *atomic.Bool
}

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	if q.stopping.Load() {
		canceled := false
		r.Attrs(func(a slog.Attr) bool {
			canceled = strings.Contains(a.Value.String(), context.Canceled.Error())
			return !canceled
		})
		if canceled {
			return nil
		}
	}
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attrs), q.stopping}
}

func (q quiet) WithGroup(name string) slog.Handler {
	return quiet{q.Handler.WithGroup(name), q.stopping}
}
