package fetch

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// whoisPort is where a host answers in lines (RFC 3912).
const whoisPort = "43"

// Line asks one line of a host that answers in text and ends, at port 43: a public address alone, or through the exit. It reads at most that many bytes and no
// longer than Within. Nothing protects question or answer on the way. An error is no answer.
func (c *Client) Line(ctx context.Context, host, question string, most int) ([]byte, error) {
	if host == "" || strings.ContainsAny(host, ":/@[] ") || strings.ContainsAny(question, "\r\n\x00") {
		return nil, ErrAddress
	}
	ctx, stop := context.WithTimeout(ctx, Within)
	defer stop()
	conn, err := c.lineTo(ctx, net.JoinHostPort(host, c.config.linePort()))
	if err != nil {
		return nil, why(err)
	}
	defer conn.Close()
	until, _ := ctx.Deadline()
	if err := conn.SetDeadline(until); err != nil {
		return nil, why(err)
	}
	end := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer end()
	if _, err := io.WriteString(conn, question+"\r\n"); err != nil {
		return nil, why(err)
	}
	answer, err := io.ReadAll(io.LimitReader(conn, int64(most)))
	if err != nil {
		return nil, why(err)
	}
	return answer, nil
}

func (c *Client) lineTo(ctx context.Context, address string) (net.Conn, error) {
	if c.config.Exit != nil {
		return (&Looker{LookConfig{Exit: c.config.Exit, Roots: c.config.Roots}}).dial(ctx, address)
	}
	d := &net.Dialer{Timeout: 5 * time.Second, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		return c.config.allowsLine(address)
	}}
	return d.DialContext(ctx, "tcp", address)
}

// allowsLine is allows for port 43, and without what is inside: whom to ask is said by strangers, in clear.
func (c Config) allowsLine(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return ErrAddress
	}
	ip := at.Addr().Unmap()
	if at.Port() == 43 && isPublic(ip) || c.port != "" && c.inside(ip) { // a referral leads nowhere inside
		return nil
	}
	return ErrAddress
}

func (c Config) linePort() string {
	if c.port != "" {
		return c.port
	}
	return whoisPort
}
