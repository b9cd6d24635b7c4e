// Package smtpd receives mail by SMTP (RFC 5321) and LMTP (RFC 2033) and answers 250 only when its [Backend] has kept the bytes.
//
//   - [New] takes a [Config] and a [Backend]; [Server.Serve] takes a listener; [Server.Shutdown] ends in order.
//   - [Envelope] is what the connection tells about a message, [Body] its bytes exactly as they came.
//
// Only CR LF . CR LF ends a message (M1); every other CR and LF is content. Bodies above 64 KiB lie in an unlinked file, encrypted
// with a key that only this process has had. The house's limits for strangers are counted by network (D2); trusted networks
// have none. Why this is not a library: docs/decisions/0002-smtp-reader.md. It neither parses nor delivers mail.
package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/spool"
)

// Config says who we are and what we bear. Zero limits mean the default in brackets.
type Config struct {
	Domain            string
	LMTP              bool
	MaxSize           int64          // bytes of a message [50 MiB]
	MaxRecipients     int            // of a message [100]
	MaxLine           int            // octets of a line of a message [128 KiB]
	MaxConnections    int            // of all networks together [500]
	Connections       int            // at once from one network, /24 or /48 [10]
	MessagesPerMinute int            // from one network [100]
	Trusted           []netip.Prefix // networks without the last two limits: our own relay, constituents' relays
	OnlyTrusted       bool           // turns everybody else away: LMTP is for our own servers, who vouch for what they hand on
	Idle              time.Duration  // without a byte from the client [60 s]
	MaxData           time.Duration  // for one message to come in [10 min]
	MaxAccept         time.Duration  // for the backend to keep it [2 min]
	Spool             string         // folder for bodies above 64 KiB [the system's]
	// TLS gives the settings for STARTTLS at each use, so that a renewed certificate counts at once; nil means no STARTTLS.
	TLS   func() *tls.Config
	Clock clock.Clock  // [system]
	Log   *slog.Logger // ids, kinds and durations only [none]
}

// Backend decides and keeps. Errors go out as their kind's SMTP code and their sentence (kit/errs); others as 451.
type Backend interface {
	// Recipient tells whether mail for the address is taken. NotFound becomes 550 5.1.1.
	Recipient(ctx context.Context, addr string) error
	// Accept keeps the message durably before it returns nil. The body is valid until it returns. It may be called from many connections.
	Accept(ctx context.Context, e Envelope, b *spool.Body) error
}

// Envelope is what is known of a message besides its bytes.
type Envelope struct {
	From    string // reverse path, "" when null
	To      []string
	Peer    netip.Addr // invalid for a Unix socket
	Helo    string     // as the client called itself
	TLS     string     // "TLS 1.3" and the like, "" without
	Cipher  string
	LMTP    bool
	UTF8    bool      // SMTPUTF8 was asked for
	Arrived time.Time // when the last byte had come
}

// Server receives mail on any number of listeners.
type Server struct {
	cfg     Config
	backend Backend
	nets    networks

	base   context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex
	closing   bool
	listeners map[net.Listener]struct{}
	sessions  map[*session]struct{}
}

// ErrClosed is what Serve gives after Shutdown.
var ErrClosed = errors.New("smtpd: server closed")

// New makes a server.
func New(cfg Config, b Backend) *Server {
	or(&cfg.Domain, "localhost")
	or(&cfg.MaxSize, 50<<20)
	or(&cfg.MaxRecipients, 100)
	or(&cfg.MaxLine, 128<<10)
	or(&cfg.MaxConnections, 500)
	or(&cfg.Connections, 10)
	or(&cfg.MessagesPerMinute, 100)
	or(&cfg.Idle, time.Minute)
	or(&cfg.MaxData, 10*time.Minute)
	or(&cfg.MaxAccept, 2*time.Minute)
	if cfg.Clock == nil {
		cfg.Clock = clock.System()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, backend: b, listeners: map[net.Listener]struct{}{}, sessions: map[*session]struct{}{}}
	s.nets = networks{cfg: &s.cfg, seen: map[netip.Prefix]*network{}}
	s.base, s.cancel = context.WithCancel(context.Background())
	return s
}

func or[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Serve takes connections until Shutdown, and closes the listener.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		_ = l.Close()
		return ErrClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() { _ = l.Close() }()
	pause := 5 * time.Millisecond
	for {
		conn, err := l.Accept()
		if err == nil {
			pause = 5 * time.Millisecond
			s.take(conn)
			continue
		}
		if s.isClosing() {
			return ErrClosed
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		// Out of file descriptors, mostly: the open connections will give some back.
		s.cfg.Log.Warn("smtp accept failed", "kind", "listener")
		select {
		case <-time.After(pause):
		case <-s.base.Done():
		}
		pause = min(2*pause, time.Second)
	}
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) take(conn net.Conn) {
	c := newSession(s, conn)
	s.mu.Lock()
	full := len(s.sessions) >= s.cfg.MaxConnections
	closing := s.closing
	if !full && !closing {
		s.sessions[c] = struct{}{}
		s.wg.Add(1)
	}
	s.mu.Unlock()
	if full || closing {
		c.turnAway("421 4.3.2 Too many connections, please try again later")
		return
	}
	go func() {
		defer s.wg.Done()
		defer func() {
			s.mu.Lock()
			delete(s.sessions, c)
			s.mu.Unlock()
		}()
		if s.cfg.OnlyTrusted && !s.nets.trusted(c.peer) {
			c.turnAway("554 5.7.1 This port is for our own mail servers")
			return
		}
		if !s.nets.enter(c.peer) {
			c.turnAway("421 4.7.0 Too many connections from your network, please try again later")
			return
		}
		defer s.nets.leave(c.peer)
		c.run()
	}()
}

// Shutdown stops listening, tells idle sessions 421, lets messages that are coming in get their answer, and waits. When ctx ends first,
// backends are cancelled and messages still coming in are answered 421; it waits for that too and gives the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.sessions {
		c.wake(false)
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		s.cancel()
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	s.mu.Lock()
	for c := range s.sessions {
		c.wake(true)
	}
	s.mu.Unlock()
	<-done
	return ctx.Err()
}
