// Package imap fetches mail from a mailbox (RFC 3501, 9051) for a [Store] that keeps it, and leaves the mailbox tidy.
//
//	imap.go     Config, Store, Poller: look, fetch, keep, tidy, wait; connect again when the line is lost
//	config.go   the mailbox as an address, and what happens to mails that were taken
//	connect.go  TLS, sign-in, opening the mailbox
//	session.go  the few commands that are needed
//	wire.go     what the server answers, within limits
//
// A mail is taken in steps: its number is looked up at the Store, its bytes are fetched without a mark, the Store keeps them durably, and only
// then is it moved or marked there. Whatever is cut off between two steps, the next look goes on from there: what was not kept is fetched
// again, what was kept is only tidied. Mails are known by UIDVALIDITY and UID; the Store also knows them by their bytes, for a mailbox that
// was made anew. Nothing is removed there unless the operator says so. Why this is not a library: docs/decisions/0018-imap-reader.md.
package imap

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/spool"
)

// Then says what becomes of a mail that was taken.
type Then int

// The choices.
const (
	Move   Then = iota // into a folder
	Flag               // marked as read, and with a keyword of ours where the server keeps such
	Delete             // removed
)

// Config says which mailbox, and how it is left. Zero times and sizes mean the default in brackets.
type Config struct {
	Host, Port string
	TLS        bool // from the first byte; otherwise STARTTLS, which only a server of this machine may lack
	User       string
	Password   func() (id.Secret, error) // asked at each connection
	Mailbox    string
	Then       Then
	Folder     string         // for Move
	Roots      *x509.CertPool // nil: those of the system

	Spool   string        // folder for mails above 64 KiB [the system's]
	MaxSize int64         // bytes of a mail; larger ones stay there [50 MiB]
	Poll    time.Duration // between two looks at a server without IDLE [1 min]
	Renew   time.Duration // of IDLE [9 min]
	Timeout time.Duration // for each step [1 min]
	Least   time.Duration // before connecting again; doubles up to Most [1 s]
	Most    time.Duration // [5 min]
	Clock   clock.Clock   // [system]
	Log     *slog.Logger  // kinds only [none]
}

// Mail is one mail as it lies in the mailbox.
type Mail struct {
	UID  uint32
	At   time.Time   // when the mailbox got it; zero when it does not say
	Body *spool.Body // its bytes; only until Keep returns
}

// Store keeps mail. All its methods are called by one goroutine.
type Store interface {
	// Taken tells which of these mails were kept before.
	Taken(ctx context.Context, validity uint32, uids []uint32) (map[uint32]bool, error)
	// Keep stores mails durably before it returns nil. What another process kept meanwhile, or what has the bytes of a mail kept before, it only
	// remembers.
	Keep(ctx context.Context, validity uint32, mails []Mail) error
	// Report hears how it goes, at each look and each trouble.
	Report(ctx context.Context, s State) error
}

// State is how it stands with the mailbox.
type State struct {
	Problem  string // "" when all is well; a word such as unreachable, login, no_tls, no_mailbox, no_folder, storing
	Waiting  int    // mails that are there and were not taken yet
	TooLarge int    // mails that stay there because of their size
	Taken    int    // since the last report
	Idle     bool   // the server tells of new mail by itself
	At       time.Time
}

const (
	batchMails = 64
	batchBytes = 4 << 20
	lookUp     = 500 // mails in one question to the Store or the server
)

// Poller fetches from one mailbox.
type Poller struct {
	cfg   Config
	store Store
	// step is called between any two steps of a mail; a test stops there as a killed process does.
	step func(name string) error
}

// New makes a poller.
func New(cfg Config, s Store) *Poller {
	or(&cfg.MaxSize, 50<<20)
	or(&cfg.Poll, time.Minute)
	or(&cfg.Renew, 9*time.Minute)
	or(&cfg.Timeout, time.Minute)
	or(&cfg.Least, time.Second)
	or(&cfg.Most, 5*time.Minute)
	or(&cfg.Mailbox, "INBOX")
	if cfg.Clock == nil {
		cfg.Clock = clock.System()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Poller{cfg: cfg, store: s, step: func(string) error { return nil }}
}

func or[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Run fetches until ctx ends, and gives its error. A lost line, a refused sign-in and a disk without room are tried again, later each time.
func (p *Poller) Run(ctx context.Context) error {
	pause := p.cfg.Least
	for ctx.Err() == nil {
		looked, err := p.connected(ctx)
		if ctx.Err() != nil {
			break
		}
		if looked {
			pause = p.cfg.Least
		}
		name := problemOf(err)
		p.cfg.Log.Warn("the mailbox is not to be had", "kind", name)
		if err := p.store.Report(ctx, State{Problem: name, At: p.cfg.Clock.Now()}); err != nil {
			p.cfg.Log.Warn("the state of the mailbox could not be kept", "kind", errs.Of(err).String())
		}
		select {
		case <-time.After(pause + rand.N(pause/4+1)):
		case <-ctx.Done():
		}
		pause = min(2*pause, p.cfg.Most)
	}
	return ctx.Err()
}

// problemOf gives the word for an operator.
func problemOf(err error) string {
	var t *trouble
	if errors.As(err, &t) {
		return t.word
	}
	return "lost"
}

// connected looks and waits on one connection until it fails. Looked is true when at least one look went through.
func (p *Poller) connected(ctx context.Context) (looked bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errs.Panic(r)
		}
	}()
	s, err := open(ctx, &p.cfg)
	if err != nil {
		return false, err
	}
	defer s.close()
	l := look{p: p, s: s, tidied: map[uint32]bool{}, large: map[uint32]bool{}}
	for {
		if err := l.all(ctx); err != nil {
			return looked, err
		}
		looked = true
		if err := s.wait(ctx); err != nil {
			return looked, err
		}
	}
}

// look is what one connection knows of the mails there.
type look struct {
	p      *Poller
	s      *session
	tidied map[uint32]bool // what this connection has put away, where that leaves it in the mailbox
	large  map[uint32]bool
}

// all takes what is there.
func (l *look) all(ctx context.Context) error {
	l.s.news = false
	uids, err := l.s.uids()
	if err != nil {
		return err
	}
	state := State{Idle: l.s.caps["IDLE"]}
	for len(uids) > 0 {
		some := uids[:min(lookUp, len(uids))]
		uids = uids[len(some):]
		n, err := l.some(ctx, some)
		state.Taken += n
		if err != nil {
			state.Waiting = len(some) + len(uids) - n
			return errors.Join(err, l.p.store.Report(ctx, l.said(state)))
		}
	}
	state.TooLarge = len(l.large)
	return l.p.store.Report(ctx, l.said(state))
}

func (l *look) said(s State) State {
	s.At = l.p.cfg.Clock.Now()
	return s
}

// some takes some of the mails, and gives how many were new.
func (l *look) some(ctx context.Context, uids []uint32) (taken int, err error) {
	known, err := l.p.store.Taken(ctx, l.s.validity, uids)
	if err != nil {
		return 0, problem("storing", err)
	}
	var old, fresh []uint32
	for _, u := range uids {
		switch {
		case l.large[u] || l.tidied[u]:
		case known[u]:
			old = append(old, u)
		default:
			fresh = append(fresh, u)
		}
	}
	if len(old) > 0 {
		if err := l.tidy(old); err != nil {
			return 0, err
		}
	}
	if len(fresh) == 0 {
		return 0, nil
	}
	sizes, err := l.s.sizes(fresh)
	if err != nil {
		return 0, err
	}
	var batch []Mail
	var bytes int64
	defer func() { release(batch) }()
	keep := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := l.keep(ctx, batch); err != nil {
			return err
		}
		taken += len(batch)
		release(batch)
		batch, bytes = batch[:0], 0
		return nil
	}
	for _, u := range fresh {
		about, there := sizes[u]
		if !there {
			continue // gone meanwhile
		}
		if about.size > l.p.cfg.MaxSize {
			l.large[u] = true
			continue
		}
		if bytes+about.size > batchBytes || len(batch) == batchMails {
			if err := keep(); err != nil {
				return taken, err
			}
		}
		if err := l.p.step("before fetch"); err != nil {
			return taken, err
		}
		body, err := l.s.fetch(u)
		if err != nil {
			return taken, err
		}
		if body == nil {
			continue
		}
		batch = append(batch, Mail{UID: u, At: about.at, Body: body})
		bytes += body.Size()
	}
	return taken, keep()
}

// release gives back what mails hold.
func release(mails []Mail) {
	for _, m := range mails {
		m.Body.Reset()
	}
}

// keep stores a batch, and only then tidies it there.
func (l *look) keep(ctx context.Context, batch []Mail) error {
	if err := l.p.step("before keep"); err != nil {
		return err
	}
	if err := l.p.store.Keep(ctx, l.s.validity, batch); err != nil {
		return problem("storing", err)
	}
	if err := l.p.step("before tidy"); err != nil {
		return err
	}
	uids := make([]uint32, len(batch))
	for i, m := range batch {
		uids[i] = m.UID
	}
	return l.tidy(uids)
}

func (l *look) tidy(uids []uint32) error {
	if err := l.s.tidy(uids); err != nil {
		return err
	}
	for _, u := range uids {
		l.tidied[u] = true
	}
	return l.p.step("after tidy")
}
