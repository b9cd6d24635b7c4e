package app

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
)

// listenHTTP serves one listener until ctx ends: requests under way are finished, event streams are told to end.
func listenHTTP(ctx context.Context, l conf.Listener, handler http.Handler, c conf.Config, log *slog.Logger, ready func()) error {
	ln, err := net.Listen(l.Network, l.Addr)
	if err != nil {
		return err
	}
	base, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	s := &http.Server{
		Handler:           behind(c.Proxies(), handler),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       2 * time.Minute, // 25 MiB at 200 KiB/s; event streams extend their own
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       60 * time.Second,
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
