package fetch

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/html"
	"golang.org/x/net/idna"
	"golang.org/x/net/proxy"
)

// The limits of a look.
const (
	LookWithin = 20 * time.Second
	mostPage   = 256 << 10
	mostHops   = 3
	mostTitle  = 200 // characters
)

// LookConfig is what an operator decides about looking at what somebody else put on the network.
type LookConfig struct {
	Exit     *url.URL    // http, https or socks5: the proxy through which each connection goes
	Resolver *url.URL    // DNS over HTTPS (RFC 8484), reached through the exit
	Roots    *tls.Config // of tests; nil trusts what the system trusts
}

// Looker looks at hosts that may be hostile: always through the exit, never directly. Names are asked of the resolver, each connection goes to an address that
// was checked, so that no answer leads inside. It runs nothing, keeps no cookie, follows no road to another host and reads no more than a beginning.
type Looker struct{ config LookConfig }

// NewLooker makes one; nil without an exit, for then nothing is looked at.
func NewLooker(c LookConfig) *Looker {
	if c.Exit == nil {
		return nil
	}
	return &Looker{c}
}

// Names tells whether names can be asked for.
func (l *Looker) Names() bool { return l != nil && l.config.Resolver != nil }

// Outcome is what became of a look.
type Outcome string

// The outcomes.
const (
	Answers   Outcome = "answers"   // a page, or a port that takes connections
	Gone      Outcome = "gone"      // 404, 410, 451
	NoName    Outcome = "no_name"   // the name does not exist
	NoAddress Outcome = "no_record" // the name has no address
	Inside    Outcome = "inside"    // its addresses are none that can be reached from outside
	Silent    Outcome = "silent"    // no connection, or no answer in time
	Guarded   Outcome = "guarded"   // 401, 403, 429: it may show itself to others
	Failing   Outcome = "failing"   // a server that says it cannot, or something else than HTTP
	Away      Outcome = "away"      // it leads to another host
	Unclear   Outcome = "unclear"   // the exit or the resolver did not do its part: nothing was seen
)

// Sight is what was seen.
type Sight struct {
	Outcome   Outcome
	Addresses []netip.Addr // of the name, or the address itself
	Status    int
	Elsewhere string // where it leads
	Title     string // of the page, as it says
	Hash      string // SHA-256 of the beginning of the page, hexadecimal; "" when it did not arrive whole
}

var (
	errExit   = errors.New("the exit did not connect")
	errSilent = errors.New("the host did not take the connection")
	errNoName = errors.New("no such name")
)

// Page looks at a URL.
func (l *Looker) Page(ctx context.Context, address string) Sight {
	ctx, stop := context.WithTimeout(ctx, LookWithin)
	defer stop()
	u, err := url.Parse(address)
	if err != nil {
		return Sight{Outcome: Unclear}
	}
	first := u.Hostname()
	for range mostHops + 1 {
		if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			return Sight{Outcome: Unclear}
		}
		s, next := l.page(ctx, u)
		if next == nil {
			return s
		}
		if !sameHost(first, next.Hostname()) || next.Scheme != "http" && next.Scheme != "https" {
			s.Outcome, s.Elsewhere = Away, clip(next.String(), 2000)
			return s
		}
		u = next
	}
	return Sight{Outcome: Failing} // it leads in a circle
}

// sameHost takes www in front as the host itself.
func sameHost(a, b string) bool {
	plain := func(s string) string { return strings.TrimPrefix(strings.TrimSuffix(strings.ToLower(s), "."), "www.") }
	return plain(a) == plain(b)
}

// page makes one step; next is where it leads.
func (l *Looker) page(ctx context.Context, u *url.URL) (s Sight, next *url.URL) {
	if s = l.Name(ctx, u.Hostname()); s.Outcome != Answers {
		return s, nil
	}
	ip := public(s.Addresses)
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return l.dial(ctx, net.JoinHostPort(ip.String(), port))
		},
		TLSClientConfig: l.config.Roots, DisableKeepAlives: true, DisableCompression: true, TLSHandshakeTimeout: LookWithin, MaxResponseHeaderBytes: 32 << 10,
	}
	defer t.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return Sight{Outcome: Unclear}, nil
	}
	// A look tells nobody who looks.
	r.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36")
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	got, err := t.RoundTrip(r)
	if err != nil {
		s.Outcome = failed(err)
		return s, nil
	}
	defer got.Body.Close()
	s.Status = got.StatusCode
	if to, err := got.Location(); err == nil && got.StatusCode >= 300 && got.StatusCode < 400 {
		return s, to
	}
	s.Outcome = outcomeOf(got.StatusCode)
	body, err := io.ReadAll(io.LimitReader(got.Body, mostPage))
	if err == nil {
		h := sha256.Sum256(body)
		s.Hash = hex.EncodeToString(h[:])
	}
	s.Title = title(body)
	return s, nil
}

func outcomeOf(status int) Outcome {
	switch {
	case status >= 200 && status < 300:
		return Answers
	case status == http.StatusNotFound || status == http.StatusGone || status == http.StatusUnavailableForLegalReasons:
		return Gone
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusTooManyRequests:
		return Guarded
	}
	return Failing
}

func failed(err error) Outcome {
	var cert *tls.CertificateVerificationError
	var timed net.Error
	switch {
	case errors.Is(err, errExit):
		return Unclear
	case errors.As(err, &cert): // it answers, by a certificate that nobody trusts: nothing is read of it
		return Answers
	case errors.Is(err, errSilent), errors.As(err, &timed) && timed.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return Silent
	}
	return Failing
}

// Port looks whether an address takes connections at a port.
func (l *Looker) Port(ctx context.Context, at netip.AddrPort) Sight {
	ctx, stop := context.WithTimeout(ctx, LookWithin)
	defer stop()
	s := Sight{Addresses: []netip.Addr{at.Addr()}, Outcome: Inside}
	if !isPublic(at.Addr()) {
		return s
	}
	c, err := l.dial(ctx, at.String())
	if err != nil {
		s.Outcome = failed(err)
		return s
	}
	_ = c.Close()
	s.Outcome = Answers
	return s
}

// Name asks for the addresses of a name; of an address it is that one. It answers when one of them can be reached from outside.
func (l *Looker) Name(ctx context.Context, name string) Sight {
	if ip, err := netip.ParseAddr(name); err == nil {
		s := Sight{Outcome: Inside, Addresses: []netip.Addr{ip.Unmap()}}
		if isPublic(ip.Unmap()) {
			s.Outcome = Answers
		}
		return s
	}
	if !l.Names() || numeric(name) {
		return Sight{Outcome: Unclear}
	}
	ctx, stop := context.WithTimeout(ctx, Within)
	defer stop()
	v4, err := l.ask(ctx, name, dnsmessage.TypeA)
	var v6 []netip.Addr
	if err == nil {
		v6, err = l.ask(ctx, name, dnsmessage.TypeAAAA)
	}
	s := Sight{Outcome: Answers, Addresses: append(v4, v6...)}
	switch {
	case errors.Is(err, errNoName):
		s.Outcome = NoName
	case err != nil:
		s.Outcome = Unclear
	case len(s.Addresses) == 0:
		s.Outcome = NoAddress
	case !public(s.Addresses).IsValid():
		s.Outcome = Inside
	}
	return s
}

// numeric tells names that some programs read as an address: 2130706433, 0x7f.1, 127.1.
func numeric(name string) bool {
	name = strings.TrimSuffix(name, ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || last == ""
}

func public(list []netip.Addr) netip.Addr {
	for _, ip := range list {
		if isPublic(ip) {
			return ip
		}
	}
	return netip.Addr{}
}

// ask puts a question to the resolver through the exit (RFC 8484, GET).
func (l *Looker) ask(ctx context.Context, name string, kind dnsmessage.Type) ([]netip.Addr, error) {
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
	if err != nil {
		return nil, errExit
	}
	q, err := dnsmessage.NewName(ascii + ".")
	if err != nil {
		return nil, errExit
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{RecursionDesired: true}, Questions: []dnsmessage.Question{{Name: q, Type: kind, Class: dnsmessage.ClassINET}}}
	wire, err := m.Pack()
	if err != nil {
		return nil, errExit
	}
	u := *l.config.Resolver
	values := u.Query()
	values.Set("dns", base64.RawURLEncoding.EncodeToString(wire))
	u.RawQuery = values.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errExit
	}
	r.Header.Set("Accept", "application/dns-message")
	t := &http.Transport{
		DialContext:     func(ctx context.Context, _, address string) (net.Conn, error) { return l.dial(ctx, address) },
		TLSClientConfig: l.config.Roots, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 32 << 10,
	}
	defer t.CloseIdleConnections()
	got, err := t.RoundTrip(r)
	if err != nil {
		return nil, errExit
	}
	defer got.Body.Close()
	wire, err = io.ReadAll(io.LimitReader(got.Body, MostAnswer))
	if err != nil || got.StatusCode != http.StatusOK {
		return nil, errExit
	}
	return addresses(wire, kind)
}

// addresses reads what a resolver answered: at most 50.
func addresses(wire []byte, kind dnsmessage.Type) (out []netip.Addr, err error) {
	var p dnsmessage.Parser
	h, err := p.Start(wire)
	if err != nil {
		return nil, errExit
	}
	switch h.RCode {
	case dnsmessage.RCodeSuccess:
	case dnsmessage.RCodeNameError:
		return nil, errNoName
	default:
		return nil, errExit
	}
	if err := p.SkipAllQuestions(); err != nil {
		return nil, errExit
	}
	for len(out) < 50 {
		head, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		switch {
		case err != nil:
			return nil, errExit
		case head.Type == dnsmessage.TypeA && kind == head.Type:
			a, err := p.AResource()
			if err != nil {
				return nil, errExit
			}
			out = append(out, netip.AddrFrom4(a.A))
		case head.Type == dnsmessage.TypeAAAA && kind == head.Type:
			a, err := p.AAAAResource()
			if err != nil {
				return nil, errExit
			}
			out = append(out, netip.AddrFrom16(a.AAAA).Unmap())
		default:
			if err := p.SkipAnswer(); err != nil {
				return nil, errExit
			}
		}
	}
	return out, nil
}

// dial connects through the exit.
func (l *Looker) dial(ctx context.Context, address string) (net.Conn, error) {
	exit, d := l.config.Exit, &net.Dialer{Timeout: 5 * time.Second}
	if exit.Scheme == "socks5" {
		return l.socks(ctx, d, address)
	}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(exit.Hostname(), cmp.Or(exit.Port(), map[string]string{"https": "443"}[exit.Scheme], "3128")))
	if err != nil {
		return nil, errExit
	}
	if exit.Scheme == "https" {
		conf := &tls.Config{MinVersion: tls.VersionTLS12}
		if l.config.Roots != nil {
			conf = l.config.Roots.Clone()
		}
		conf.ServerName = exit.Hostname()
		c = tls.Client(c, conf)
	}
	if err := l.connect(ctx, c, address); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// connect asks an HTTP proxy for a tunnel.
func (l *Looker) connect(ctx context.Context, c net.Conn, address string) error {
	if until, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(until)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if u := l.config.Exit.User; u != nil {
		password, _ := u.Password()
		r.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	if err := r.Write(c); err != nil {
		return errExit
	}
	// Byte by byte, so that nothing of what comes behind the head is swallowed.
	head, err := readHead(c)
	if err != nil {
		var timed net.Error
		if errors.As(err, &timed) && timed.Timeout() { // the proxy waits for the host
			return errSilent
		}
		return errExit
	}
	got, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), r)
	if err != nil {
		return errExit
	}
	_ = got.Body.Close()
	switch got.StatusCode {
	case http.StatusOK:
		return c.SetDeadline(time.Time{})
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return errSilent
	}
	return errExit
}

func readHead(r io.Reader) ([]byte, error) {
	var head []byte
	one := make([]byte, 1)
	for len(head) < 8<<10 {
		if _, err := io.ReadFull(r, one); err != nil {
			return nil, err
		}
		if head = append(head, one[0]); bytes.HasSuffix(head, []byte("\r\n\r\n")) {
			return head, nil
		}
	}
	return nil, errExit
}

func (l *Looker) socks(ctx context.Context, d *net.Dialer, address string) (net.Conn, error) {
	var auth *proxy.Auth
	if u := l.config.Exit.User; u != nil {
		password, _ := u.Password()
		auth = &proxy.Auth{User: u.Username(), Password: password}
	}
	p, err := proxy.SOCKS5("tcp", net.JoinHostPort(l.config.Exit.Hostname(), cmp.Or(l.config.Exit.Port(), "1080")), auth, d)
	if err != nil {
		return nil, errExit
	}
	c, err := p.(proxy.ContextDialer).DialContext(ctx, "tcp", address)
	if err == nil {
		return c, nil
	}
	for _, words := range []string{"connection refused", "host unreachable", "network unreachable", "TTL expired"} { // the proxy's code as the library words it (RFC 1928)
		if strings.HasSuffix(err.Error(), "unknown error "+words) {
			return nil, errSilent
		}
	}
	return nil, errExit
}

// title gives what a page calls itself.
func title(body []byte) string {
	z := html.NewTokenizer(bytes.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken:
			if name, _ := z.TagName(); string(name) != "title" {
				continue
			}
			if z.Next() == html.TextToken {
				return clip(strings.Join(strings.Fields(strings.ToValidUTF8(string(z.Text()), "\ufffd")), " "), mostTitle)
			}
			return ""
		}
	}
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}
