package keyd

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

const (
	maxIdle  = 8
	callFor  = 15 * time.Second
	freshFor = idleFor / 2 // the server closes a connection that is idle for longer
)

// Client is an Agent that asks the key process over its socket. It is safe for concurrent use and keeps a few connections open.
type Client struct {
	path string

	mu   sync.Mutex
	idle []conn
	shut bool
}

type conn struct {
	net.Conn
	used time.Time
}

var _ Agent = (*Client)(nil)

// Dial makes a client for the socket at path. It connects with the first call.
func Dial(path string) *Client { return &Client{path: path} }

// Close ends the idle connections; calls after it are refused.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.idle {
		k.Close()
	}
	c.idle, c.shut = nil, true
	return nil
}

// Sign implements pgp.Agent. Unavailable: the key process does not answer or has no valid key; Limit: it is asked too often.
func (c *Client) Sign(ctx context.Context, q pgp.SignRequest) ([]byte, error) {
	body, err := encodeSign(q)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the key process does not sign this")
	}
	answer, err := c.call(ctx, body)
	if err != nil {
		return nil, err
	}
	if answer[0] == answerSignature && len(answer) > 1 {
		return answer[1:], nil
	}
	return nil, refused(answer[0])
}

// Unwrap implements pgp.Agent, with the errors of Sign and pgp.ErrNotUnwrapped.
func (c *Client) Unwrap(ctx context.Context, q pgp.UnwrapRequest) (pgp.SessionKey, error) {
	body, err := encodeUnwrap(q)
	if err != nil {
		return pgp.SessionKey{}, pgp.ErrNotUnwrapped
	}
	answer, err := c.call(ctx, body)
	if err != nil {
		return pgp.SessionKey{}, err
	}
	if answer[0] == answerSession {
		if k, err := decodeSession(answer); err == nil {
			return k, nil
		}
		return pgp.SessionKey{}, refused(0)
	}
	return pgp.SessionKey{}, refused(answer[0])
}

// SignSMIME implements smime.Agent, with the errors of Sign.
func (c *Client) SignSMIME(ctx context.Context, q smime.SignRequest) (smime.SignedBy, error) {
	body, err := encodeSignSMIME(q)
	if err != nil {
		return smime.SignedBy{}, errs.New(errs.Invalid, "the key process does not sign this")
	}
	answer, err := c.call(ctx, body)
	if err != nil {
		return smime.SignedBy{}, err
	}
	if by, err := decodeSigned(answer); err == nil {
		return by, nil
	}
	return smime.SignedBy{}, refused(answer[0])
}

// UnwrapSMIME implements smime.Agent, with the errors of Unwrap.
func (c *Client) UnwrapSMIME(ctx context.Context, q smime.UnwrapRequest) (smime.ContentKey, error) {
	body, err := encodeUnwrapSMIME(q)
	if err != nil {
		return smime.ContentKey{}, pgp.ErrNotUnwrapped
	}
	answer, err := c.call(ctx, body)
	if err != nil {
		return smime.ContentKey{}, err
	}
	if answer[0] == answerSession {
		if k, err := decodeSession(answer); err == nil {
			return smime.ContentKey{Key: k.Key, Fingerprint: k.Fingerprint}, nil
		}
		return smime.ContentKey{}, refused(0)
	}
	return smime.ContentKey{}, refused(answer[0])
}

func refused(code byte) error {
	switch code {
	case answerNo:
		return pgp.ErrNotUnwrapped
	case answerLimit:
		return errLimit
	case answerRefused:
		return errs.New(errs.Invalid, "the key process refused the request")
	case answerNoKey:
		return errs.New(errs.Unavailable, "the team's key has no signing subkey that is valid now")
	}
	return errs.New(errs.Unavailable, "the key process gave an answer that makes no sense")
}

// call asks once. A kept connection may have died with an old key process, so a call that got no answer on one is asked again on a new one:
// both calls can be repeated without harm.
func (c *Client) call(ctx context.Context, body []byte) ([]byte, error) {
	for {
		k, kept, err := c.connect(ctx)
		if err != nil {
			return nil, errs.Wrap(errs.Unavailable, "the key process does not answer", err)
		}
		answer, err := exchange(ctx, k, body)
		if err == nil {
			c.keep(k)
			return answer, nil
		}
		k.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !kept {
			return nil, errs.Wrap(errs.Unavailable, "the key process does not answer", err)
		}
	}
}

func exchange(ctx context.Context, k net.Conn, body []byte) ([]byte, error) {
	unhook := context.AfterFunc(ctx, func() { k.Close() })
	defer unhook()
	if err := k.SetDeadline(time.Now().Add(callFor)); err != nil {
		return nil, err
	}
	if err := writeFrame(k, body); err != nil {
		return nil, err
	}
	return readFrame(k, maxAnswer)
}

func (c *Client) connect(ctx context.Context) (k net.Conn, kept bool, err error) {
	c.mu.Lock()
	if c.shut {
		c.mu.Unlock()
		return nil, false, net.ErrClosed
	}
	for len(c.idle) > 0 {
		last := c.idle[len(c.idle)-1]
		c.idle = c.idle[:len(c.idle)-1]
		if time.Since(last.used) < freshFor {
			c.mu.Unlock()
			return last.Conn, true, nil
		}
		last.Close()
	}
	c.mu.Unlock()
	k, err = connect(ctx, c.path)
	return k, false, err
}

// connect is the only way out of this package, and it leads to a socket of this machine.
func connect(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

func (c *Client) keep(k net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut || len(c.idle) >= maxIdle {
		k.Close()
		return
	}
	c.idle = append(c.idle, conn{k, time.Now()})
}
