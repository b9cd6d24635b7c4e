package mailroom

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// together is how many mails are filed in one transaction: few enough that it is short.
const together = 16

// by is who files mail.
func by() access.Actor { return access.System("intake") }

// Sort files the arrivals of a job. It may run twice: what is filed already is left. A mail that breaks the reader becomes a report that says
// so; one that cannot even become that is set aside. Only what may pass by itself (a key process that is away) lets the job be tried again.
func (m *Room) Sort(ctx context.Context, args correspondence.SortJob) error {
	waiting, err := m.Correspondence.Waiting(ctx, m.DB, args.Arrivals)
	if err != nil || len(waiting) == 0 {
		return err
	}
	var again []error
	var ready []*letter
	sieve, err := m.Intake.Sieve(ctx, m.DB)
	if err != nil { // without it all mail comes to the queue
		m.Log.Error("rules for mail could not be read", "kind", errs.Of(err).String())
		sieve = nil
	}
	flush := func() {
		if err := m.fileAll(ctx, ready); err != nil {
			again = append(again, err)
		}
		ready = nil
	}
	own, along := m.hands.take(waiting, m.along(ctx, waiting))
	all, failed := slices.Concat(own, along), true
	defer func() { m.leave(ctx, all, failed) }()
	for some := range slices.Chunk(all, together) {
		opened, err := m.openSmall(ctx, some)
		if err != nil {
			again = append(again, err)
			break
		}
		for _, w := range some {
			if w.Size > large {
				flush()
				if err := m.sortLarge(ctx, w.ID, sieve); err != nil {
					again = append(again, err)
				}
				continue
			}
			l, err := m.prepare(ctx, w.ID, opened[w.ID], sieve)
			if err != nil {
				again = append(again, err)
			}
			if l != nil {
				ready = append(ready, l)
			}
		}
		flush()
	}
	if failed = len(again) > 0; !failed && len(own) < len(waiting) {
		left, err := m.Correspondence.Waiting(ctx, m.DB, args.Arrivals)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			return job.Later(time.Second) // another job has them in hand
		}
	}
	return errors.Join(again...)
}

// small is up to where mails are read several at once.
const small = 64 << 10

func (m *Room) openSmall(ctx context.Context, some []correspondence.Waits) (map[int64]*correspondence.Opened, error) {
	out := map[int64]*correspondence.Opened{}
	list := slices.DeleteFunc(slices.Clone(some), func(w correspondence.Waits) bool { return w.Size > small })
	if len(list) < 2 {
		return out, nil
	}
	all, err := m.Correspondence.OpenArrivals(ctx, m.DB, ids(list))
	for i := range all {
		out[all[i].ID] = &all[i]
	}
	return out, err
}

// large is from where a mail is read and filed while no other such mail is: memory is that of one, however many come.
const large = 4 << 20

func (m *Room) sortLarge(ctx context.Context, id int64, sieve *intake.Sieve) error {
	m.large.Lock()
	defer m.large.Unlock()
	debug.FreeOSMemory() // what the last one left, and what this one leaves
	defer debug.FreeOSMemory()
	l, err := m.prepare(ctx, id, nil, sieve)
	if l == nil {
		return err
	}
	return errors.Join(err, m.fileAll(ctx, []*letter{l}))
}

// prepare reads an arrival, unless it was opened before, and stores its attachments; nil when it is filed already or was set aside.
func (m *Room) prepare(ctx context.Context, id int64, opened *correspondence.Opened, sieve *intake.Sieve) (l *letter, err error) {
	if opened == nil {
		opened = new(correspondence.Opened)
		opened.Arrival, opened.Err = m.Correspondence.OpenArrival(ctx, m.DB, id)
	}
	a, err := opened.Arrival, opened.Err
	if err != nil {
		if errs.Is(err, errs.NotFound) {
			return nil, nil // its content was destroyed
		}
		return nil, m.later(ctx, id, err)
	}
	if a.State == correspondence.ArrivalSorted {
		return nil, nil
	}
	if len(a.Raw) > large {
		debug.FreeOSMemory() // what opening it left, as much again
	}
	l, err = m.attempt(ctx, a)
	if err == nil {
		if err = m.made(l); err == nil {
			m.sift(ctx, sieve, l)
		}
	}
	if err == nil || transient(err) {
		return l, err
	}
	m.Log.Error("a mail could not be read", "arrival", id, "kind", errs.Of(err).String())
	return unread(a), nil
}

// attempt is open with a net: whatever a mail does to the reader, it is one mail (rule D4).
func (m *Room) attempt(ctx context.Context, a correspondence.Arrival) (l *letter, err error) {
	defer func() {
		if p := recover(); p != nil {
			l, err = nil, fmt.Errorf("read: %w", errs.Panic(p))
		}
	}()
	if l, err = m.open(ctx, a); err != nil {
		return nil, err
	}
	if files := l.attachments(); len(files) > 0 && !m.public(l) {
		if l.files, err = m.Correspondence.StoreFiles(ctx, a.ID, files); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// made works out what a letter is as a report, if it will be one, while somebody else writes.
func (m *Room) made(l *letter) (err error) {
	if slices.ContainsFunc(l.arrival.To, tagged) || m.public(l) {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read: %w", errs.Panic(p))
		}
	}()
	l.facts = m.judgedBy(l)
	in := m.Intake.Ready(by(), m.reportOf(l), nil)
	l.ready = &in
	return nil
}

// unread is a mail that nobody could read: its bytes are kept, a person decides.
func unread(a correspondence.Arrival) *letter {
	return &letter{arrival: a, reading: "desk.unreadable.reader", automatic: []string{"unread"}}
}

func transient(err error) bool {
	k := errs.Of(err)
	return k == errs.Unavailable || k == errs.Limit || k == errs.Conflict || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// later keeps an error that may pass for the next try, and sets the mail aside for one that will not.
func (m *Room) later(ctx context.Context, arrival int64, err error) error {
	if transient(err) {
		return err
	}
	m.Log.Error("a mail was set aside", "arrival", arrival, "kind", errs.Of(err).String())
	return m.Correspondence.Aside(ctx, by(), arrival, "desk.unreadable.aside")
}

// fileAll files several mails in one transaction; when one of them cannot be, each has its own.
func (m *Room) fileAll(ctx context.Context, letters []*letter) error {
	if len(letters) == 0 {
		return nil
	}
	if err := m.fileIn(ctx, letters); err == nil {
		return nil
	}
	var again []error
	for _, l := range letters {
		err := m.fileIn(ctx, []*letter{l})
		if err != nil && !transient(err) {
			m.Log.Error("a mail could not be filed as what it is", "arrival", l.arrival.ID, "kind", errs.Of(err).String())
			err = m.fileIn(ctx, []*letter{unread(l.arrival)})
		}
		if err != nil && !m.sorted(ctx, l.arrival.ID) {
			again = append(again, m.later(ctx, l.arrival.ID, err))
		}
	}
	return errors.Join(again...)
}

func (m *Room) fileIn(ctx context.Context, letters []*letter) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("file: %w", errs.Panic(p))
		}
	}()
	return m.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := m.foresee(ctx, tx, letters); err != nil {
			return err
		}
		var suspicious []*letter
		under := map[int64]ref.Ref{}
		for _, l := range letters {
			at, counted, err := m.fileOrCount(ctx, tx, l)
			if err != nil {
				return err
			}
			if counted {
				suspicious = append(suspicious, l)
			}
			under[l.arrival.ID] = at
		}
		if err := m.Correspondence.SortedTx(ctx, tx, under); err != nil {
			return err
		}
		return m.count(ctx, tx, suspicious)
	})
}

// foresee asks for all mails of a transaction at once what each would ask for: whether others have its name, and what its rows will need.
func (m *Room) foresee(ctx context.Context, tx *db.Tx, letters []*letter) error {
	names, seen, reports := make([]string, len(letters)), map[string]bool{}, 0
	var writers []string // who may get a receipt
	for i, l := range letters {
		if names[i] = l.name; l.ready == nil {
			continue
		}
		reports++
		if l.sender.address != "" && l.sender.proof.Proved() && !l.ready.NoReceipt {
			writers = append(writers, l.sender.address)
		}
	}
	if err := m.Correspondence.HoldSameTx(ctx, tx, names...); err != nil {
		return err
	}
	before, err := m.Correspondence.SameNames(ctx, tx, names)
	if err != nil {
		return err
	}
	for _, l := range letters {
		l.named = before[l.name] || seen[l.name]
		seen[l.name] = true
	}
	if reports == 0 {
		return nil
	}
	if err := m.Correspondence.ForeseeAutomaticTx(ctx, tx, writers); err != nil {
		return err
	}
	return m.Intake.ForeseeTx(ctx, tx, reports)
}

// sorted tells whether another run of the job has filed it meanwhile.
func (m *Room) sorted(ctx context.Context, arrival int64) bool {
	a, err := m.Correspondence.OpenArrival(ctx, m.DB, arrival)
	return err == nil && a.State == correspondence.ArrivalSorted
}
