package send

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// RelayConfig says where mail goes.
type RelayConfig struct {
	Host     string
	Port     string
	TLS      bool // from the first byte (smtps); otherwise STARTTLS
	User     string
	Password id.Secret
	Name     string         // how we call ourselves
	Roots    *x509.CertPool // nil: those of the system
	Timeout  time.Duration  // for each step [1 min]
}

// ParseRelay reads smtp://[user:password@]host[:port] and smtps://...; default ports are 587 and 465. The text of an error holds no
// password.
func ParseRelay(s string) (RelayConfig, error) {
	bad := errs.New(errs.Invalid, "the relay is written smtp://host:port or smtps://host:port")
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return RelayConfig{}, bad
	}
	c := RelayConfig{Host: u.Hostname(), Port: u.Port()}
	switch u.Scheme {
	case "smtp":
		or(&c.Port, "587")
	case "smtps":
		c.TLS = true
		or(&c.Port, "465")
	default:
		return RelayConfig{}, bad
	}
	if u.User != nil {
		p, _ := u.User.Password()
		c.User, c.Password = u.User.Username(), id.SecretOf(p)
	}
	return c, nil
}

func or[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

const (
	maxIdle  = 8
	idleTime = 20 * time.Second
	maxUses  = 100
)

// Relay sends by SMTP and keeps a few connections open between mails.
type Relay struct {
	cfg    RelayConfig
	mu     sync.Mutex
	idle   []*line
	closed bool
}

// line is one connection to the relay.
type line struct {
	c     *smtp.Client
	conn  net.Conn
	uses  int
	since time.Time
}

// NewRelay makes a relay; it connects at the first mail.
func NewRelay(cfg RelayConfig) *Relay {
	or(&cfg.Timeout, time.Minute)
	or(&cfg.Name, "localhost")
	return &Relay{cfg: cfg}
}

var errTLS = errors.New("send: no verified TLS to the relay")

var errLogin = errors.New("send: the relay does not take our login")

// Send hands one mail to the relay.
func (r *Relay) Send(ctx context.Context, m Mail) Result {
	if m.To == "" || strings.ContainsAny(m.From+m.To, "\r\n<> ") || len(m.Raw) == 0 {
		return Result{State: Refused, Class: Value}
	}
	for {
		l, used, err := r.take(ctx)
		if err != nil {
			return ofDial(err)
		}
		result, started := r.try(ctx, l, m)
		// A kept connection may have been closed by the relay meanwhile: once more on a fresh one, if nothing was said on this.
		if used && !started && result.Class == Network && ctx.Err() == nil {
			continue
		}
		return result
	}
}

func (r *Relay) try(ctx context.Context, l *line, m Mail) (result Result, started bool) {
	stop := context.AfterFunc(ctx, func() { _ = l.conn.Close() })
	defer stop()
	give := func(err error) (Result, bool) {
		res := ofError(err)
		if res.Code != 0 && res.Class != Busy && l.c.Reset() == nil && stop() {
			r.put(l)
		} else {
			_ = l.c.Close()
		}
		return res, started
	}
	l.uses++
	var opts *smtp.MailOptions
	if bytes.ContainsFunc(m.Raw, func(c rune) bool { return c > 127 }) {
		if ok, _ := l.c.Extension("8BITMIME"); ok {
			opts = &smtp.MailOptions{Body: smtp.Body8BitMIME}
		}
	}
	if err := l.c.Mail(m.From, opts); err != nil {
		return give(err)
	}
	started = true
	if err := l.c.Rcpt(m.To, nil); err != nil {
		return give(err)
	}
	w, err := l.c.Data()
	if err != nil {
		return give(err)
	}
	_ = l.conn.SetDeadline(time.Now().Add(5 * r.cfg.Timeout))
	if _, err := w.Write(m.Raw); err != nil {
		_ = l.c.Close()
		return Result{State: Deferred, Class: Network}, started
	}
	if err := w.Close(); err != nil {
		res := ofError(err)
		res.Uncertain = res.Code == 0
		_ = l.c.Close()
		return res, started
	}
	if stop() {
		r.put(l)
	}
	return Result{State: Delivered, Class: Accepted, Code: 250}, started
}

// take gives a kept connection or a new one.
func (r *Relay) take(ctx context.Context) (l *line, used bool, err error) {
	r.mu.Lock()
	for n := len(r.idle); n > 0; n = len(r.idle) {
		l = r.idle[n-1]
		r.idle = r.idle[:n-1]
		if time.Since(l.since) < idleTime {
			r.mu.Unlock()
			return l, true, nil
		}
		_ = l.c.Close()
	}
	r.mu.Unlock()
	l, err = r.dial(ctx)
	return l, false, err
}

func (r *Relay) put(l *line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || l.uses >= maxUses || len(r.idle) >= maxIdle {
		_ = l.c.Close()
		return
	}
	l.since = time.Now()
	r.idle = append(r.idle, l)
}

func (r *Relay) dial(ctx context.Context) (*line, error) {
	d := net.Dialer{Timeout: r.cfg.Timeout}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(r.cfg.Host, r.cfg.Port))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c, err := r.greet(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &line{c: c, conn: conn}, nil
}

// greet says hello, under TLS wherever the relay is not this machine.
func (r *Relay) greet(ctx context.Context, conn net.Conn) (*smtp.Client, error) {
	cfg := &tls.Config{ServerName: r.cfg.Host, RootCAs: r.cfg.Roots, MinVersion: tls.VersionTLS12}
	_ = conn.SetDeadline(time.Now().Add(r.cfg.Timeout))
	var c *smtp.Client
	switch {
	case r.cfg.TLS:
		t := tls.Client(conn, cfg)
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(errTLS, err)
		}
		c = smtp.NewClient(t)
	case loopback(conn):
		c = smtp.NewClient(conn)
	default:
		var err error
		if c, err = smtp.NewClientStartTLS(conn, cfg); err != nil {
			return nil, errors.Join(errTLS, err)
		}
	}
	c.CommandTimeout, c.SubmissionTimeout = r.cfg.Timeout, 5*r.cfg.Timeout
	if err := c.Hello(r.cfg.Name); err != nil {
		var reply *smtp.SMTPError
		if _, encrypted := c.TLSConnectionState(); encrypted && !r.cfg.TLS && !errors.As(err, &reply) {
			err = errors.Join(errTLS, err) // the handshake of STARTTLS comes with the first command after it
		}
		return nil, err
	}
	if r.cfg.User != "" {
		if err := c.Auth(sasl.NewPlainClient("", r.cfg.User, r.cfg.Password.Reveal())); err != nil {
			return nil, errors.Join(errLogin, err)
		}
	}
	_ = conn.SetDeadline(time.Time{})
	return c, nil
}

// loopback looks at the address that was really reached, not at the name.
func loopback(conn net.Conn) bool {
	a, ok := conn.RemoteAddr().(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}

func ofDial(err error) Result {
	switch {
	case errors.Is(err, errTLS):
		return Result{State: Deferred, Class: TLS}
	case errors.Is(err, errLogin):
		return Result{State: Deferred, Class: Login}
	}
	r := ofError(err)
	r.State = Deferred // nothing was said about this mail
	return r
}

// Close closes the kept connections.
func (r *Relay) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, l := range r.idle {
		_ = l.c.Close()
	}
	r.idle = nil
	return nil
}
