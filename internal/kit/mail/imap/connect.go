package imap

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// timed gives each read and write its time.
type timed struct {
	net.Conn
	wait time.Duration
}

func (t *timed) Read(p []byte) (int, error) {
	if err := t.SetReadDeadline(time.Now().Add(t.wait)); err != nil {
		return 0, err
	}
	return t.Conn.Read(p)
}

func (t *timed) Write(p []byte) (int, error) {
	if err := t.SetWriteDeadline(time.Now().Add(t.wait)); err != nil {
		return 0, err
	}
	return t.Conn.Write(p)
}

// trouble is an error with a word for an operator; what a server says goes nowhere.
type trouble struct {
	word string
	err  error
}

func (t *trouble) Error() string { return "imap: " + t.word }
func (t *trouble) Unwrap() error { return t.err }

func problem(word string, err error) error { return &trouble{word, err} }

// open connects, signs in and opens the mailbox. The connection ends with ctx.
func open(ctx context.Context, cfg *Config) (opened *session, err error) {
	d := net.Dialer{Timeout: cfg.Timeout}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(cfg.Host, cfg.Port))
	if err != nil {
		return nil, problem("unreachable", err)
	}
	s := &session{cfg: cfg, conn: conn, caps: map[string]bool{}}
	s.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	secure := &tls.Config{ServerName: cfg.Host, RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12}
	if cfg.TLS {
		if err := s.secure(ctx, secure); err != nil {
			return nil, err
		}
	} else {
		s.wrap(conn)
	}
	a, err := s.r.next()
	if err != nil || a.tag != "*" || a.word != "OK" {
		return nil, problem("refused", errors.Join(err, errAnswer)) // PREAUTH too: nobody has asked who we are
	}
	if err := s.capability(); err != nil {
		return nil, err
	}
	if !cfg.TLS {
		switch {
		case s.caps["STARTTLS"]:
			if _, err := s.do("STARTTLS", nil); err != nil {
				return nil, problem("no_tls", err)
			}
			if s.r.r.Buffered() > 0 {
				return nil, problem("no_tls", errAnswer) // what came in clear must not count as sent under TLS
			}
			if err := s.secure(ctx, secure); err != nil {
				return nil, err
			}
			if err := s.capability(); err != nil {
				return nil, err
			}
		case !loopback(conn):
			return nil, problem("no_tls", nil)
		}
	}
	if err := s.login(); err != nil {
		return nil, err
	}
	if err := s.capability(); err != nil {
		return nil, err
	}
	return s, s.choose()
}

func loopback(c net.Conn) bool {
	a, err := netip.ParseAddrPort(c.RemoteAddr().String())
	return err == nil && a.Addr().Unmap().IsLoopback()
}

func (s *session) wrap(c net.Conn) {
	s.conn, s.time = c, &timed{c, s.cfg.Timeout}
	s.r = &reader{r: bufio.NewReaderSize(s.time, 32<<10)}
	s.out = bufio.NewWriter(s.time)
}

func (s *session) secure(ctx context.Context, c *tls.Config) error {
	t := tls.Client(s.conn, c)
	shake, stop := context.WithTimeout(ctx, s.cfg.Timeout)
	defer stop()
	if err := t.HandshakeContext(shake); err != nil {
		return problem("no_tls", err)
	}
	s.wrap(t)
	return nil
}

func (s *session) close() {
	s.stop()
	_ = s.conn.Close()
}

func (s *session) capability() error {
	clear(s.caps)
	_, err := s.do("CAPABILITY", func(a answer) error {
		if a.word == "CAPABILITY" {
			for _, w := range a.words[:min(len(a.words), 200)] {
				s.caps[strings.ToUpper(w.text)] = true
			}
		}
		return nil
	})
	if err != nil {
		return problem("refused", err)
	}
	return nil
}

func (s *session) login() error {
	password, err := s.cfg.Password()
	if err != nil {
		return problem("no_password", err)
	}
	if strings.ContainsAny(s.cfg.User+password.Reveal(), "\r\n\x00") {
		return problem("no_password", nil)
	}
	if !s.caps["AUTH=PLAIN"] {
		if s.caps["LOGINDISABLED"] {
			return problem("no_login", nil)
		}
		if _, err := s.do("LOGIN "+quote(s.cfg.User)+" "+quote(password.Reveal()), nil); err != nil {
			return problem("login", err)
		}
		return nil
	}
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + s.cfg.User + "\x00" + password.Reveal()))
	tag := ""
	if s.caps["SASL-IR"] {
		tag = s.send("AUTHENTICATE PLAIN " + plain)
	} else {
		tag = s.send("AUTHENTICATE PLAIN")
		if err := s.goOn(); err != nil {
			return problem("login", err)
		}
		_, _ = s.out.WriteString(plain + "\r\n")
	}
	if _, err := s.until(tag, nil); err != nil {
		return problem("login", err)
	}
	return nil
}

// choose opens the mailbox.
func (s *session) choose() error {
	_, err := s.do("SELECT "+quote(encode(s.cfg.Mailbox)), func(a answer) error {
		code, list, _ := strings.Cut(a.code, " ")
		switch strings.ToUpper(code) {
		case "UIDVALIDITY":
			n, err := strconv.ParseUint(strings.TrimSpace(list), 10, 32)
			if err != nil {
				return errAnswer
			}
			s.validity = uint32(n)
		case "PERMANENTFLAGS":
			list = strings.ToLower(list)
			s.keyword = strings.Contains(list, `\*`) || slices.Contains(strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune("() ", r) }), strings.ToLower(keyword))
		}
		return nil
	})
	if err != nil {
		return problem("no_mailbox", err)
	}
	if s.validity == 0 {
		return problem("no_mailbox", errAnswer)
	}
	return nil
}
