package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/spool"
)

const (
	maxCommand = 2048
	maxErrors  = 10
	maxUnknown = 20 // unknown recipients in one session: nobody guesses our addresses here
)

// timedConn gives each read and write its deadline, and lets Shutdown end a read.
type timedConn struct {
	net.Conn
	idle  time.Duration
	mu    sync.Mutex
	until time.Time // for the message that is coming in; zero outside
	woken bool
}

func (c *timedConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	d := time.Now().Add(c.idle)
	if !c.until.IsZero() && c.until.Before(d) {
		d = c.until
	}
	if c.woken {
		d = time.Unix(1, 0)
	}
	_ = c.Conn.SetReadDeadline(d)
	c.mu.Unlock()
	return c.Conn.Read(p)
}

func (c *timedConn) Write(p []byte) (int, error) {
	_ = c.Conn.SetWriteDeadline(time.Now().Add(c.idle))
	return c.Conn.Write(p)
}

type session struct {
	s    *Server
	conn *timedConn
	tls  *tls.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	peer netip.Addr

	mu       sync.Mutex
	busy     bool // a message is coming in or being kept
	quitting bool

	helo    string
	mail    bool // MAIL was taken
	bdat    bool // a first BDAT was taken
	env     Envelope
	body    spool.Body
	longest int
	tooBig  bool
	errors  int
	unknown int
	done    bool
}

func newSession(s *Server, conn net.Conn) *session {
	t := &timedConn{Conn: conn, idle: s.cfg.Idle}
	c := &session{s: s, conn: t, r: bufio.NewReaderSize(t, 32<<10), w: bufio.NewWriterSize(t, 2<<10), body: spool.Body{Dir: s.cfg.Spool}}
	c.tls, _ = conn.(*tls.Conn) // a listener may speak TLS from the first byte
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		c.peer = a.AddrPort().Addr().Unmap().WithZone("")
	}
	return c
}

func (c *session) turnAway(line string) {
	_, _ = c.conn.Write([]byte(line + "\r\n"))
	_ = c.conn.Close()
}

// wake ends the wait of an idle session; with hard, also that of a message coming in.
func (c *session) wake(hard bool) {
	c.mu.Lock()
	c.quitting = true
	stop := hard || !c.busy
	c.mu.Unlock()
	if stop {
		c.stopReading()
	}
}

func (c *session) stopReading() {
	c.conn.mu.Lock()
	c.conn.woken = true
	_ = c.conn.SetReadDeadline(time.Unix(1, 0))
	c.conn.mu.Unlock()
}

// work marks the time in which Shutdown waits for the session. It is false when the session shall end instead.
func (c *session) work(on bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if on && c.quitting {
		return false
	}
	c.busy = on
	return !c.quitting
}

func (c *session) run() {
	defer func() {
		if p := recover(); p != nil {
			c.s.cfg.Log.Error("smtp session failed", "kind", "panic")
			c.reply("421 4.3.0 Internal error, nothing was accepted")
		}
		_ = c.w.Flush()
		c.body.Reset()
		_ = c.conn.Close()
	}()
	proto := "ESMTP"
	if c.s.cfg.LMTP {
		proto = "LMTP"
	}
	c.reply("220 " + c.s.cfg.Domain + " " + proto + " ready")
	for !c.done {
		line, err := c.readLine()
		switch {
		case err == nil:
			c.command(line)
		case errors.Is(err, errLine):
			c.fault("500 5.5.2 A command is one line of at most 2048 octets that ends with CR LF")
		default:
			c.farewell(err)
			return
		}
	}
}

// farewell says why the session ends, when there is somebody to hear it.
func (c *session) farewell(err error) {
	c.mu.Lock()
	quitting := c.quitting
	c.mu.Unlock()
	switch {
	case quitting:
		c.reply("421 4.3.2 " + c.s.cfg.Domain + " is closing, please try again")
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.reply("421 4.4.2 " + c.s.cfg.Domain + " waited too long")
	case errors.Is(err, errFlood):
		c.reply("552 5.3.4 The message does not end within twice the size we take")
	}
	c.done = true
}

var errLine = errors.New("smtpd: bad command line")

// readLine reads a command. Answers go out before it waits, and not while more commands lie in the buffer (RFC 2920).
func (c *session) readLine() (string, error) {
	if b, _ := c.r.Peek(c.r.Buffered()); bytes.IndexByte(b, '\n') < 0 {
		if err := c.w.Flush(); err != nil {
			return "", err
		}
	}
	line, err := c.r.ReadSlice('\n')
	long := false
	for errors.Is(err, bufio.ErrBufferFull) {
		if long { // two buffers without a line end are no command
			c.errors = maxErrors
			return "", errLine
		}
		long = true
		line, err = c.r.ReadSlice('\n')
	}
	if err != nil {
		return "", err
	}
	if long || len(line) > maxCommand || !bytes.HasSuffix(line, []byte("\r\n")) || bytes.IndexByte(line[:len(line)-2], '\r') >= 0 ||
		bytes.IndexByte(line, 0) >= 0 {
		return "", errLine
	}
	return string(line[:len(line)-2]), nil
}

func (c *session) reply(lines ...string) {
	for _, l := range lines {
		_, _ = c.w.WriteString(l)
		_, _ = c.w.WriteString("\r\n")
	}
}

// fault answers a mistake of the client, and ends the session after too many.
func (c *session) fault(line string) {
	c.reply(line)
	if c.errors++; c.errors > maxErrors {
		c.reply("421 4.7.0 Too many errors")
		c.done = true
	}
}

func (c *session) command(line string) {
	verb, arg, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); verb {
	case "HELO", "EHLO", "LHLO":
		c.hello(verb, strings.TrimSpace(arg))
	case "MAIL":
		c.from(arg)
	case "RCPT":
		c.to(arg)
	case "DATA":
		c.data(arg)
	case "BDAT":
		c.chunk(arg)
	case "RSET":
		c.forget()
		c.reply("250 2.0.0 Forgotten")
	case "NOOP":
		c.reply("250 2.0.0 Ok")
	case "QUIT":
		c.reply("221 2.0.0 Goodbye")
		c.done = true
	case "VRFY":
		c.reply("252 2.5.0 Send a message and see")
	case "STARTTLS":
		c.startTLS(arg)
	default:
		c.fault("500 5.5.1 Command not known here")
	}
}

// forget drops the transaction.
func (c *session) forget() {
	c.mail, c.bdat, c.tooBig, c.longest = false, false, false, 0
	c.env = Envelope{}
	c.body.Reset()
	c.conn.mu.Lock()
	c.conn.until = time.Time{}
	c.conn.mu.Unlock()
	if !c.work(false) {
		c.stopReading()
	}
}

func (c *session) hello(verb, name string) {
	if c.s.cfg.LMTP != (verb == "LHLO") {
		c.fault("500 5.5.1 Not on this port")
		return
	}
	if name == "" || len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		c.fault("501 5.5.4 Say who you are")
		return
	}
	c.forget()
	c.helo = name
	if verb == "HELO" {
		c.reply("250 " + c.s.cfg.Domain)
		return
	}
	lines := []string{c.s.cfg.Domain, "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "SIZE " + strconv.FormatInt(c.s.cfg.MaxSize, 10)}
	if c.s.cfg.TLS != nil && c.tls == nil {
		lines = append(lines, "STARTTLS")
	}
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		c.reply("250" + sep + l)
	}
}

func (c *session) startTLS(arg string) {
	switch {
	case c.s.cfg.TLS == nil || c.tls != nil:
		c.fault("502 5.5.1 TLS is not to be had now")
		return
	case arg != "":
		c.fault("501 5.5.4 STARTTLS stands alone")
		return
	case c.r.Buffered() > 0:
		// What was sent in clear must never count as sent under TLS.
		c.reply("501 5.5.1 Nothing may follow STARTTLS before its answer")
		c.done = true
		return
	}
	c.reply("220 2.0.0 Go on")
	if c.w.Flush() != nil {
		c.done = true
		return
	}
	t := tls.Server(c.conn, c.s.cfg.TLS())
	ctx, stop := context.WithTimeout(c.s.base, c.s.cfg.Idle)
	defer stop()
	if t.HandshakeContext(ctx) != nil {
		c.w.Reset(c.conn)
		c.done = true
		return
	}
	c.tls = t
	c.r.Reset(t)
	c.w.Reset(t)
	c.helo = ""
	c.forget()
}

func (c *session) from(arg string) {
	if len(arg) < 5 || !strings.EqualFold(arg[:5], "FROM:") {
		c.fault("501 5.5.4 MAIL FROM:<address>")
		return
	}
	if c.helo == "" || c.mail {
		c.fault("503 5.5.1 Not now")
		return
	}
	addr, params, ok := parsePath(arg[5:])
	_, utf := params["SMTPUTF8"]
	if !ok || addr != "" && !goodAddress(addr, utf) {
		c.fault("501 5.1.7 That is no address")
		return
	}
	for k, v := range params {
		switch k {
		case "SIZE":
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil || n < 0 {
				c.fault("501 5.5.4 SIZE is a number")
				return
			}
			if n > c.s.cfg.MaxSize {
				c.reply(c.tooLarge())
				return
			}
		case "BODY":
			if !strings.EqualFold(v, "7BIT") && !strings.EqualFold(v, "8BITMIME") {
				c.fault("501 5.5.4 BODY is 7BIT or 8BITMIME")
				return
			}
		case "SMTPUTF8":
		default:
			c.fault("555 5.5.4 Parameter not known here")
			return
		}
	}
	if !c.s.nets.message(c.peer) {
		c.reply("451 4.7.1 Too many messages from your network, please try again in a minute")
		return
	}
	c.mail = true
	c.env = Envelope{From: addr, UTF8: utf}
	c.reply("250 2.1.0 Ok")
}

func (c *session) tooLarge() string {
	return fmt.Sprintf("552 5.3.4 We take messages of up to %d octets", c.s.cfg.MaxSize)
}

func (c *session) to(arg string) {
	if len(arg) < 3 || !strings.EqualFold(arg[:3], "TO:") {
		c.fault("501 5.5.4 RCPT TO:<address>")
		return
	}
	if !c.mail || c.bdat {
		c.fault("503 5.5.1 MAIL first")
		return
	}
	addr, params, ok := parsePath(arg[3:])
	if strings.EqualFold(addr, "postmaster") {
		addr += "@" + c.s.cfg.Domain // RFC 5321 section 4.5.1
	}
	if !ok || !goodAddress(addr, c.env.UTF8) || len(params) > 0 {
		c.fault("501 5.1.3 That is no address, or has parameters not known here")
		return
	}
	if len(c.env.To) >= c.s.cfg.MaxRecipients {
		c.reply("452 4.5.3 Too many recipients")
		return
	}
	ctx, stop := context.WithTimeout(c.s.base, c.s.cfg.MaxAccept)
	defer stop()
	if err := c.s.backend.Recipient(ctx, addr); err != nil {
		c.reply(answer(err, "5.1.1"))
		if c.unknown++; c.unknown > maxUnknown {
			c.reply("421 4.7.0 Too many unknown recipients")
			c.done = true
		}
		return
	}
	c.env.To = append(c.env.To, addr)
	c.reply("250 2.1.5 Ok")
}
