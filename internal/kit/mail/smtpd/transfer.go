package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// begin notes that a message is coming in. It is false when the house is closing.
func (c *session) begin() bool {
	if !c.work(true) {
		c.farewell(nil)
		return false
	}
	c.conn.mu.Lock()
	if c.conn.until.IsZero() {
		c.conn.until = time.Now().Add(c.s.cfg.MaxData)
	}
	c.conn.mu.Unlock()
	return true
}

func (c *session) data(arg string) {
	switch {
	case arg != "":
		c.fault("501 5.5.4 DATA stands alone")
		return
	case !c.mail || len(c.env.To) == 0 || c.bdat:
		c.fault("503 5.5.1 MAIL and RCPT first")
		return
	}
	if !c.begin() {
		return
	}
	c.reply("354 Send the message, then a line with one dot")
	if c.w.Flush() != nil {
		c.done = true
		return
	}
	longest, err := readDots(c.r, 2*c.s.cfg.MaxSize+1<<20, c.put)
	if err != nil {
		c.farewell(err)
		return
	}
	c.longest = longest
	c.keep()
}

// put adds to the body, unless it is too big already.
func (c *session) put(p []byte) {
	if c.tooBig = c.tooBig || c.body.Size()+int64(len(p)) > c.s.cfg.MaxSize; !c.tooBig {
		_, _ = c.body.Write(p) // Finish tells
	}
}

// chunk takes a BDAT chunk (RFC 3030). The octets that follow the command are read whatever the answer will be.
func (c *session) chunk(arg string) {
	f := strings.Fields(arg)
	last := len(f) == 2 && strings.EqualFold(f[1], "LAST")
	var n int64
	var err error
	if len(f) > 0 {
		n, err = strconv.ParseInt(f[0], 10, 64)
	}
	if len(f) == 0 || len(f) > 2 || len(f) == 2 && !last || err != nil || n < 0 || n > 2*c.s.cfg.MaxSize {
		// Without a count we do not know where the next command begins.
		c.reply("501 5.5.4 BDAT count [LAST], and not above the size we take")
		c.done = true
		return
	}
	if !c.begin() {
		return
	}
	ready := c.mail && len(c.env.To) > 0
	buf := make([]byte, min(n, 32<<10))
	for left := n; left > 0; {
		k, err := io.ReadFull(c.r, buf[:min(left, int64(len(buf)))])
		if err != nil {
			c.farewell(err)
			return
		}
		if ready {
			c.put(buf[:k])
		}
		left -= int64(k)
	}
	switch {
	case !ready:
		c.forget()
		c.fault("503 5.5.1 MAIL and RCPT first")
	case c.tooBig && !last:
		c.bdat = true
		c.reply(c.tooLarge())
	case !last:
		c.bdat = true
		c.reply(fmt.Sprintf("250 2.0.0 %d octets taken", n))
	default:
		c.keep()
	}
}

// keep gives the message to the backend and answers: once by SMTP, for each recipient by LMTP.
func (c *session) keep() {
	line := c.verdict()
	if c.s.cfg.LMTP {
		for range c.env.To {
			c.reply(line)
		}
	} else {
		c.reply(line)
	}
	c.forget()
}

func (c *session) verdict() string {
	switch {
	case c.tooBig:
		return c.tooLarge()
	case c.longest > c.s.cfg.MaxLine:
		return fmt.Sprintf("554 5.6.0 We take lines of up to %d octets", c.s.cfg.MaxLine)
	case c.body.Finish() != nil:
		c.s.cfg.Log.Error("smtp spool failed", "kind", "spool")
		return "452 4.3.1 No room for the message now, nothing was accepted"
	}
	c.env.Peer, c.env.Helo, c.env.LMTP, c.env.Arrived = c.peer, c.helo, c.s.cfg.LMTP, c.s.cfg.Clock.Now()
	if c.tls != nil {
		state := c.tls.ConnectionState()
		c.env.TLS, c.env.Cipher = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	}
	ctx, stop := context.WithTimeout(c.s.base, c.s.cfg.MaxAccept)
	defer stop()
	if err := c.s.backend.Accept(ctx, c.env, &c.body); err != nil {
		return answer(err, "")
	}
	return "250 2.0.0 Accepted and kept"
}

// answer writes a refusal: the code of its kind and its sentence. An error without a kind tells nothing of itself.
func answer(err error, unknown string) string {
	kind := errs.Of(err)
	text := "Something failed here, nothing was accepted, please try again"
	var e *errs.Error
	if kind != errs.Internal && errors.As(err, &e) && e.Text != "" {
		text = oneLine(e.Text)
	}
	code := kind.SMTP()
	status := map[errs.Kind]string{errs.Invalid: "5.6.0", errs.Forbidden: "5.7.1", errs.NotFound: "5.1.1", errs.Limit: "4.3.1", errs.Unauthenticated: "5.7.0"}[kind]
	if errors.Is(err, syscall.ENOSPC) {
		code, status = 452, "4.3.1"
	}
	if kind == errs.NotFound && unknown != "" {
		status = unknown
	}
	if status == "" {
		status = "4.3.0"
	}
	return fmt.Sprintf("%d %s %s", code, status, text)
}

func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
	return s[:min(len(s), 400)]
}
