// Package fetch is the one way from the house to a host by HTTP. It sends to public addresses by HTTPS and nowhere else (rule O3): the address is looked at
// when the connection is made, for each one, so that a name that changes its mind leads nowhere. No redirect is followed, no proxy of the environment is
// asked, no cookie is kept, nothing of an answer is read beyond a limit. An operator names the exit, a proxy through which all goes, and the networks
// inside that may be reached all the same.
package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/netaddr"
)

// The limits.
const (
	Within     = 10 * time.Second
	MostAnswer = 64 << 10
)

// Config is what an operator decides.
type Config struct {
	Exit   *url.URL       // an HTTP proxy through which all goes; nil goes directly
	Inside []netip.Prefix // networks inside that may be reached, also by HTTP and on any port
	Roots  *tls.Config    // of tests; nil trusts what the system trusts

	port string // of tests, in place of that of Line
}

// Client sends.
type Client struct {
	config Config
	http   *http.Client
}

// The refusals. Their words name no address: who set an address must not learn from them what is inside.
var (
	ErrAddress = errors.New("this address is not reached from here")
	ErrScheme  = errors.New("the address must begin with https://")
)

// New makes a client.
func New(c Config) *Client {
	d := &net.Dialer{Timeout: 5 * time.Second, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error { return c.allows(address) }}
	t := &http.Transport{
		Proxy: nil, DialContext: d.DialContext, TLSClientConfig: c.Roots, ForceAttemptHTTP2: true, DisableCompression: true, TLSHandshakeTimeout: 5 * time.Second,
		ResponseHeaderTimeout: Within, MaxResponseHeaderBytes: 32 << 10, MaxIdleConns: 4, IdleConnTimeout: 30 * time.Second,
	}
	if c.Exit != nil { // the exit decides what it lets out; we reach it and nobody else
		exit := *c.Exit
		t.Proxy = http.ProxyURL(&exit)
		t.DialContext = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	}
	return &Client{config: c, http: &http.Client{
		Transport: t, Timeout: Within, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// special are networks that are public by no definition of net/netip and are nobody's to reach from here (IANA special-purpose registries).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

// allows tells whether a connection to an address, with its port, may be made.
func (c Config) allows(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return ErrAddress
	}
	ip := at.Addr().Unmap()
	if c.inside(ip) {
		return nil
	}
	if at.Port() != 443 || !isPublic(ip) {
		return ErrAddress
	}
	return nil
}

// isPublic tells whether an address is one that everybody reaches.
func isPublic(ip netip.Addr) bool {
	return netaddr.Global(ip) && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func (c Config) inside(ip netip.Addr) bool {
	return slices.ContainsFunc(c.Inside, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// Check tells whether an address could be sent to at all, without asking anybody: by its form. HTTP is for addresses inside alone.
func (c Config) Check(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || len(address) > 2000 {
		return ErrScheme
	}
	if u.Scheme == "https" {
		return nil
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && err == nil && c.inside(ip.Unmap()) {
		return nil
	}
	return ErrScheme
}

// Check is that of the configuration.
func (c *Client) Check(address string) error { return c.config.Check(address) }

// Post sends a body and gives the status of the answer and its beginning. An error is no answer.
func (c *Client) Post(ctx context.Context, address string, header http.Header, body []byte) (status int, answer []byte, err error) {
	if err := c.config.Check(address); err != nil {
		return 0, nil, err
	}
	ctx, stop := context.WithTimeout(ctx, Within)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, ErrScheme
	}
	for name, values := range header {
		r.Header[name] = values
	}
	status, answer, _, err = c.do(r, MostAnswer)
	return status, answer, err
}

// Get reads what stands at an address, at most that many bytes of it: what is longer comes cut, one byte longer than that. An error is no answer.
func (c *Client) Get(ctx context.Context, address string, most int) (status int, answer []byte, err error) {
	status, answer, _, err = c.Ask(ctx, address, "", most)
	return status, answer, err
}

// Ask is Get for who speaks more than HTML: it says which type of answer is wanted, and tells to where an answer leads, which is not followed.
func (c *Client) Ask(ctx context.Context, address, accept string, most int) (status int, answer []byte, next string, err error) {
	if err := c.config.Check(address); err != nil {
		return 0, nil, "", err
	}
	ctx, stop := context.WithTimeout(ctx, Within)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, "", ErrScheme
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	return c.do(r, most+1)
}

// do gives the beginning of an answer, and to where it leads when it leads elsewhere.
func (c *Client) do(r *http.Request, most int) (status int, answer []byte, next string, err error) {
	r.Header.Set("User-Agent", "Tocsin")
	got, err := c.http.Do(r)
	if err != nil {
		return 0, nil, "", why(err)
	}
	defer got.Body.Close()
	if to, err := got.Location(); err == nil && got.StatusCode >= 300 && got.StatusCode < 400 {
		next = to.String()
	}
	answer, err = io.ReadAll(io.LimitReader(got.Body, int64(most)))
	if err != nil {
		return got.StatusCode, nil, "", why(err)
	}
	return got.StatusCode, answer, next, nil
}

// why says what went wrong without the address, which may hold a secret.
func why(err error) error {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, ErrAddress):
		return ErrAddress
	case errors.As(err, &dns):
		return errors.New("the name of the host is not known")
	case errors.As(err, &cert):
		return errors.New("the host has no certificate that we trust")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("the host does not take connections")
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("the host did not answer in time")
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if n, ok := err.(net.Error); ok && n.Timeout() { //nolint:errorlint // as it comes
		return errors.New("the host did not answer in time")
	}
	return fmt.Errorf("the host could not be reached (%T)", err)
}
