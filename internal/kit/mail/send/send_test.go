package send

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/smtpd"
	"github.com/tocsin-csirt/tocsin/internal/kit/spool"
)

// relay is our own receiving side, played as the relay of a team.
type relay struct {
	mu   sync.Mutex
	raw  []string
	tls  []string
	fail error
}

func (r *relay) Recipient(_ context.Context, a string) error {
	if strings.HasPrefix(a, "nobody") {
		return errs.New(errs.NotFound, "no such address")
	}
	return nil
}

func (r *relay) Accept(_ context.Context, e smtpd.Envelope, b *spool.Body) error {
	if r.fail != nil {
		return r.fail
	}
	raw, err := b.Bytes()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw, r.tls = append(r.raw, string(raw)), append(r.tls, e.TLS)
	return err
}

func certificate(t testing.TB, until time.Time, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: until.Add(-48 * time.Hour), NotAfter: until, IsCA: true,
		BasicConstraintsValid: true, IPAddresses: nil,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// start runs a relay; wrap may change its listener.
func start(t testing.TB, cfg smtpd.Config, r *relay, wrap func(net.Listener) net.Listener) (host, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ = net.SplitHostPort(l.Addr().String())
	if wrap != nil {
		l = wrap(l)
	}
	cfg.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	s := smtpd.New(cfg, r)
	ended := make(chan struct{})
	go func() { _ = s.Serve(l); close(ended) }()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
		defer stop()
		_ = s.Shutdown(ctx)
		<-ended
	})
	return host, port
}

const raw = "From: cert@cert.example\r\nSubject: x\r\n\r\nline\r\n.dot\r\n..\r\nFrom y\r\n\r\n"

func TestRelayTakesTheBytesAsTheyAre(t *testing.T) {
	r := &relay{}
	host, port := start(t, smtpd.Config{}, r, nil)
	out := NewRelay(RelayConfig{Host: host, Port: port, Timeout: 5 * time.Second})
	defer out.Close()
	for range 3 {
		got := out.Send(context.Background(), Mail{From: "cert@cert.example", To: "ana@bank.example", Raw: []byte(raw)})
		if got != (Result{State: Delivered, Class: Accepted, Code: 250}) {
			t.Fatalf("result %+v", got)
		}
	}
	if len(r.raw) != 3 || r.raw[2] != raw || len(out.idle) != 1 {
		t.Fatalf("the relay got %q over %d connections", r.raw, len(out.idle))
	}
	_ = out.idle[0].conn.Close() // as a relay does after a while
	if got := out.Send(context.Background(), Mail{To: "ana@bank.example", Raw: []byte(raw)}); got.State != Delivered {
		t.Fatalf("after a closed connection: %+v", got)
	}
}

func TestRefusalsHaveAClass(t *testing.T) {
	r := &relay{}
	host, port := start(t, smtpd.Config{MaxSize: 2000}, r, nil)
	out := NewRelay(RelayConfig{Host: host, Port: port, Timeout: 5 * time.Second})
	defer out.Close()
	mail := Mail{From: "cert@cert.example", To: "ana@bank.example", Raw: []byte(raw)}
	for name, c := range map[string]struct {
		change func(m *Mail)
		fail   error
		state  State
		class  Class
	}{
		"unknown mailbox": {func(m *Mail) { m.To = "nobody@bank.example" }, nil, Refused, Mailbox},
		"too large":       {func(m *Mail) { m.Raw = []byte(strings.Repeat("x\r\n", 1000)) }, nil, Refused, Size},
		"policy":          {nil, errs.New(errs.Forbidden, "no"), Refused, Policy},
		"busy":            {nil, errs.New(errs.Unavailable, "later"), Deferred, Busy},
		"their fault":     {nil, errors.New("x"), Deferred, Busy},
		"other":           {nil, errs.New(errs.Invalid, "bad"), Refused, Protocol},
		"a line end":      {func(m *Mail) { m.To = "a@b.example>\r\nRCPT TO:<x@y.example" }, nil, Refused, Value},
		"empty":           {func(m *Mail) { m.Raw = nil }, nil, Refused, Value},
	} {
		m := mail
		if c.change != nil {
			c.change(&m)
		}
		r.fail = c.fail
		if got := out.Send(context.Background(), m); got.State != c.state || got.Class != c.class || got.Uncertain {
			t.Errorf("%s: %+v", name, got)
		}
	}
	r.fail = nil
	if got := out.Send(context.Background(), mail); got.State != Delivered {
		t.Errorf("after all refusals: %+v", got)
	}
	away := NewRelay(RelayConfig{Host: "127.0.0.1", Port: "1", Timeout: time.Second})
	if got := away.Send(context.Background(), mail); got != (Result{State: Deferred, Class: Network}) {
		t.Errorf("nobody there: %+v", got)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if got := out.Send(ctx, mail); got.State != Deferred {
		t.Errorf("cancelled: %+v", got)
	}
	login := NewRelay(RelayConfig{Host: host, Port: port, User: "x", Password: id.SecretOf("y"), Timeout: time.Second})
	if got := login.Send(context.Background(), mail); got.State != Deferred || got.Class != Login {
		t.Errorf("login: %+v", got)
	}
}

// elsewhere makes a connection look as if the other side were not this machine.
type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 587} }

// TestTLSIsNeverOptional is rule O4: a relay elsewhere gets nothing without TLS that verifies: not for a wrong name, an expired or an
// unknown certificate, and not when it offers none.
func TestTLSIsNeverOptional(t *testing.T) {
	good, roots := certificate(t, time.Now().Add(time.Hour), "relay.example")
	expired, expiredRoots := certificate(t, time.Now().Add(-time.Hour), "relay.example")
	for name, c := range map[string]struct {
		offer *tls.Certificate
		roots *x509.CertPool
		host  string
		ok    bool
	}{
		"good": {&good, roots, "relay.example", true}, "wrong name": {&good, roots, "other.example", false}, "expired": {&expired, expiredRoots, "relay.example", false},
		"unknown": {&good, expiredRoots, "relay.example", false}, "none": {nil, roots, "relay.example", false},
	} {
		for _, direct := range []bool{false, true} {
			if direct && c.offer == nil {
				continue
			}
			r := &relay{}
			cfg := smtpd.Config{}
			var wrap func(net.Listener) net.Listener
			if c.offer != nil {
				tc := &tls.Config{Certificates: []tls.Certificate{*c.offer}}
				cfg.TLS = func() *tls.Config { return tc }
				if direct {
					wrap = func(l net.Listener) net.Listener { return tls.NewListener(l, tc) }
				}
			}
			host, port := start(t, cfg, r, wrap)
			conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
			if err != nil {
				t.Fatal(err)
			}
			out := NewRelay(RelayConfig{Host: c.host, TLS: direct, Roots: c.roots, Timeout: 5 * time.Second})
			client, err := out.greet(context.Background(), elsewhere{conn})
			if (err == nil) != c.ok || !c.ok && ofDial(err) != (Result{State: Deferred, Class: TLS}) {
				t.Errorf("%s, direct %v: %v", name, direct, err)
			}
			if err == nil {
				got, _ := out.try(context.Background(), &line{c: client, conn: conn}, Mail{To: "a@b.example", Raw: []byte(raw)})
				if got.State != Delivered || r.tls[0] == "" {
					t.Errorf("%s: %+v over %q", name, got, r.tls)
				}
			}
			_ = out.Close()
			_ = conn.Close()
		}
	}
}

func TestParseRelay(t *testing.T) {
	for s, want := range map[string]string{
		"smtp://relay.example": "relay.example:587", "smtps://relay.example": "relay.example:465", "smtp://u:p%40@[::1]:25": "::1:25",
		"http://relay.example": "", "relay.example": "", "smtp://": "", "smtp://x/path": "", "smtp://x?skip-verify=1": "", "smtp://u:secret@x:port": "",
	} {
		c, err := ParseRelay(s)
		if got := c.Host + ":" + c.Port; (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q gave %q, %v", s, got, err)
		}
		if err != nil && (!errs.Is(err, errs.Invalid) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if c, _ := ParseRelay("smtp://u:p%40@x"); c.User != "u" || c.Password.Reveal() != "p@" {
		t.Errorf("login %+v", c)
	}
}

func TestFolderHoldsWholeFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	f, err := NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	var tr Transport = f
	for range 2 { // a repeated try leaves one file
		if got := tr.Send(context.Background(), Mail{Name: "a-1", Raw: []byte(raw)}); got.State != Delivered {
			t.Fatalf("%+v", got)
		}
	}
	tr.Send(context.Background(), Mail{Raw: []byte(raw)})
	for _, name := range []string{"../x", "a/b", ".x", "A", strings.Repeat("x", 200), "a\x00"} {
		if got := tr.Send(context.Background(), Mail{Name: name, Raw: []byte(raw)}); got.State != Refused || got.Class != Value {
			t.Errorf("name %q: %+v", name, got)
		}
	}
	files, _ := os.ReadDir(dir)
	if len(files) != 2 {
		t.Fatalf("files %v", files)
	}
	b, err := os.ReadFile(filepath.Join(dir, "a-1.eml"))
	info, _ := os.Stat(filepath.Join(dir, "a-1.eml"))
	if err != nil || string(b) != raw || info.Mode().Perm() != 0o600 {
		t.Fatalf("%q, %v, %v", b, info.Mode(), err)
	}
	_ = os.RemoveAll(dir)
	if got := tr.Send(context.Background(), Mail{Raw: []byte(raw)}); got != (Result{State: Deferred, Class: Disk}) {
		t.Fatalf("without its folder: %+v", got)
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
}
