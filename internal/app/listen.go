package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// bind listens, or says in a sentence why that cannot be.
func bind(l conf.Listener) (net.Listener, error) {
	ln, err := net.Listen(l.Network, l.Addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errs.Newf(errs.Unavailable, "another program listens on %s: stop it, or give %s another address", l.Addr, l.Name)
	case errors.Is(err, syscall.EACCES):
		return nil, errs.Newf(errs.Unavailable, "this user may not listen on %s: give %s a port above 1023 and lead the traffic there", l.Addr, l.Name)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, errs.Newf(errs.Unavailable, "%s (%s) is no address of this machine", l.Addr, l.Name)
	}
	return ln, err
}

// pace is how slow a client may be before it is ended, and how many there may be at once.
type pace struct {
	header, body, answer, idle time.Duration
	least                      int64 // bytes a second that a body must bring to take longer than body
	connections                int
}

// usual takes a body in two minutes, and one that brings 16 KiB a second for as long as it does: 200 MiB over 2 Mbit/s are 14 minutes. Event streams extend their own answer. A quarter of what the process may have open is for each listener, so
// that a flood of connections leaves files to the database.
func usual() pace {
	p := pace{header: 5 * time.Second, body: 2 * time.Minute, answer: 2 * time.Minute, idle: 60 * time.Second, least: 16 << 10, connections: 256}
	var open syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &open); err == nil {
		p.connections = int(min(open.Cur/4, 10_000))
	}
	return p
}

// listenHTTP serves one listener until ctx ends: requests under way are finished, event streams are told to end.
func listenHTTP(ctx context.Context, l conf.Listener, handler http.Handler, c conf.Config, log *slog.Logger, ready func()) error {
	return listenAt(ctx, usual(), l, handler, c, log, ready)
}

func listenAt(ctx context.Context, p pace, l conf.Listener, handler http.Handler, c conf.Config, log *slog.Logger, ready func()) error {
	ln, err := bind(l)
	if err != nil {
		return err
	}
	ln = netutil.LimitListener(ln, p.connections)
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	s := &http.Server{
		Handler:           p.patient(forwarded(c.Proxies(), handler)),
		ReadHeaderTimeout: p.header,
		ReadTimeout:       p.body,
		WriteTimeout:      p.answer,
		IdleTimeout:       p.idle,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(quietTLS{log.Handler()}, slog.LevelWarn),
	}
	if c.TLSCert != "" {
		s.TLSConfig = tlsConfig(c)
		ln = tls.NewListener(ln, s.TLSConfig)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	ready()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	end() // streams end with their base
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
	defer cancel()
	err = s.Shutdown(stop)
	<-done
	return err
}

// quietTLS drops what strangers cause: handshakes that fail are not news.
type quietTLS struct{ slog.Handler }

func (quietTLS) Enabled(context.Context, slog.Level) bool { return false }

// tlsConfig reads the certificate again when its file has changed.
func tlsConfig(c conf.Config) *tls.Config {
	var mu sync.Mutex
	var read time.Time
	var cert *tls.Certificate
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			mu.Lock()
			defer mu.Unlock()
			st, err := os.Stat(c.TLSCert)
			if err != nil && cert != nil {
				return cert, nil // the file is being replaced: the old certificate still holds
			}
			if err != nil {
				return nil, err
			}
			if cert == nil || st.ModTime().After(read) {
				fresh, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
				if err != nil && cert != nil {
					return cert, nil
				}
				if err != nil {
					return nil, err
				}
				cert, read = &fresh, st.ModTime()
			}
			return cert, nil
		},
	}
}
