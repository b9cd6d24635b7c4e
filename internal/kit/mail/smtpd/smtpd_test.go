package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/spool"
)

// keeper is a backend that remembers.
type keeper struct {
	mu   sync.Mutex
	got  []Envelope
	raw  []string
	fail error
	hold func(ctx context.Context) error
}

func (k *keeper) Recipient(_ context.Context, addr string) error {
	if strings.HasPrefix(addr, "nobody") {
		return errs.New(errs.NotFound, "no such address here")
	}
	return nil
}

func (k *keeper) Accept(ctx context.Context, e Envelope, b *spool.Body) error {
	if k.hold != nil {
		if err := k.hold(ctx); err != nil {
			return err
		}
	}
	if k.fail != nil {
		return k.fail
	}
	raw, err := b.Bytes()
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got, k.raw = append(k.got, e), append(k.raw, string(raw))
	return nil
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func start(t testing.TB, cfg Config, k *keeper) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Domain = "cert.example"
	s := New(cfg, k)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		_ = s.Shutdown(ctx)
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("serve ended with %v", err)
		}
	})
	return s, l.Addr().String()
}

// client speaks lines.
type client struct {
	t testing.TB
	c net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{t, c, bufio.NewReader(c)}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.c, s); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// expect reads one reply of any number of lines and checks how it begins.
func (c *client) expect(prefix string) string {
	c.t.Helper()
	var all strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		all.WriteString(line)
		if err != nil {
			c.t.Fatalf("expected %s, got %q and %v", prefix, all.String(), err)
		}
		if len(line) < 4 || line[3] != '-' {
			if !strings.HasPrefix(line, prefix) {
				c.t.Fatalf("expected %s, got %q", prefix, all.String())
			}
			return all.String()
		}
	}
}

func (c *client) say(line, prefix string) string {
	c.t.Helper()
	c.send(line + "\r\n")
	return c.expect(prefix)
}

func (c *client) hello(verb string) *client {
	c.t.Helper()
	c.expect("220")
	c.say(verb+" client.example", "250")
	return c
}

func (c *client) envelope() {
	c.t.Helper()
	c.say("MAIL FROM:<ana@bank.example> SIZE=10 BODY=8BITMIME", "250 2.1.0")
	c.say("RCPT TO:<cert@cert.example>", "250 2.1.5")
}

// vectors are the ends of data of security.md section 14 and of the smuggling literature: what is sent after 354, and what the one
// message must be. The end itself is always CR LF . CR LF.
var vectors = map[string][2]string{
	"plain":                        {"a\r\n.\r\n", "a\r\n"},
	"empty":                        {".\r\n", ""},
	"dot line":                     {"..\r\n.\r\n", ".\r\n"},
	"stuffed":                      {"..a\r\n...\r\n.\r\n", ".a\r\n..\r\n"},
	"end after CR CR LF":           {"a\r\r\n.\r\n", "a\r\r\n"},
	"end after many CR":            {"a\r\r\r\r\n.\r\n", "a\r\r\r\r\n"},
	"CR behind a dot stays":        {"a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n"},
	"bare LF dots":                 {"a\n.\nb\n.\r\nc\r\n.\r\n", "a\n.\nb\n.\r\nc\r\n"},
	"bare CR dots":                 {"a\r.\rb\r.\r\nc\r\n.\r\n", "a\r.\rb\r.\r\nc\r\n"},
	"CR LF dot LF":                 {"a\r\n.\nMAIL FROM:<x@y>\r\n.\r\n", "a\r\n\nMAIL FROM:<x@y>\r\n"},
	"CR LF dot CR":                 {"a\r\n.\r.\r\nb\r\n.\r\n", "a\r\n\r.\r\nb\r\n"},
	"LF dot CR LF":                 {"a\n.\r\nRSET\r\n.\r\n", "a\n.\r\nRSET\r\n"},
	"CR dot CR LF":                 {"a\r.\r\nRSET\r\n.\r\n", "a\r.\r\nRSET\r\n"},
	"LF CR LF dot":                 {"a\n\r\n.\r\n", "a\n\r\n"},
	"NUL between":                  {"a\r\n\x00.\r\n.\x00\r\n.\r\n", "a\r\n\x00.\r\n\x00\r\n"},
	"dot CR CR LF":                 {"a\r\n.\r\r\nb\r\n.\r\n", "a\r\n\r\r\nb\r\n"},
	"2000 octets":                  {strings.Repeat("x", 2000) + "\r\n.\r\n", strings.Repeat("x", 2000) + "\r\n"},
	"100000 octets":                {strings.Repeat("x", 100_000) + "\r\n.\r\n", strings.Repeat("x", 100_000) + "\r\n"},
	"CR at the edge of a buffer":   {strings.Repeat("x", 32767) + "\r\n.\r\n", strings.Repeat("x", 32767) + "\r\n"},
	"LF at the edge of a buffer":   {strings.Repeat("x", 32766) + "\r\n.\r\n", strings.Repeat("x", 32766) + "\r\n"},
	"dot behind a full buffer":     {strings.Repeat("x", 32768) + ".\r\n\r\n.\r\n", strings.Repeat("x", 32768) + ".\r\n\r\n"},
	"bytes above 127":              {"\xff\xfe\r\n.\r\n", "\xff\xfe\r\n"},
	"64 KiB and more, into a file": {strings.Repeat("0123456789abcde\r\n", 9000) + ".\r\n", strings.Repeat("0123456789abcde\r\n", 9000)},
}

// TestOnlyOneEndOfData is rule M1 on DATA: two mails in one write stay two, with the bytes they had, by SMTP and LMTP.
func TestOnlyOneEndOfData(t *testing.T) {
	for _, verb := range []string{"EHLO", "LHLO"} {
		k := &keeper{}
		_, addr := start(t, Config{LMTP: verb == "LHLO", Trusted: loopback, Spool: t.TempDir()}, k)
		for name, v := range vectors {
			t.Run(verb+" "+name, func(t *testing.T) {
				k.got, k.raw = nil, nil
				c := dial(t, addr).hello(verb)
				c.envelope()
				c.say("DATA", "354")
				go c.send(v[0] + "MAIL FROM:<second@bank.example>\r\nRCPT TO:<cert@cert.example>\r\n")
				c.expect("250 2.0.0")
				c.expect("250 2.1.0")
				c.expect("250 2.1.5")
				c.say("DATA", "354")
				c.send("second\r\n.\r\nQUIT\r\n")
				c.expect("250 2.0.0")
				c.expect("221")
				if len(k.raw) != 2 || k.raw[0] != v[1] || k.raw[1] != "second\r\n" || k.got[1].From != "second@bank.example" {
					t.Fatalf("kept %d: %.80q", len(k.raw), k.raw)
				}
			})
		}
	}
}

// TestChunksAreTakenAsTheyAre is rule M1 on BDAT: no dot has a meaning, and what follows the last octet is the next command.
func TestChunksAreTakenAsTheyAre(t *testing.T) {
	for _, verb := range []string{"EHLO", "LHLO"} {
		k := &keeper{}
		_, addr := start(t, Config{LMTP: verb == "LHLO", Trusted: loopback, Spool: t.TempDir()}, k)
		for _, v := range vectors {
			k.got, k.raw = nil, nil
			c := dial(t, addr).hello(verb)
			c.envelope()
			half := len(v[0]) / 2
			go c.send(fmt.Sprintf("BDAT %d\r\n%sBDAT %d LAST\r\n%sMAIL FROM:<>\r\n", half, v[0][:half], len(v[0])-half, v[0][half:]))
			c.expect("250 2.0.0")
			c.expect("250 2.0.0")
			c.expect("250 2.1.0")
			if len(k.raw) != 1 || k.raw[0] != v[0] {
				t.Fatalf("kept %.80q, not %.80q", k.raw, v[0])
			}
		}
	}
	k := &keeper{}
	_, addr := start(t, Config{Trusted: loopback, MaxSize: 100}, k)
	c := dial(t, addr).hello("EHLO")
	c.send("BDAT 6 LAST\r\nQUIT\r\n") // six octets are content, though nobody is named
	c.expect("503")
	c.envelope()
	c.say("BDAT 60\r\n"+strings.Repeat("x", 60), "250")
	c.say("DATA", "500") // the CR LF after the chunk is a command line of its own
	c.say("RSET", "503")
	c.expect("250")
	c.envelope()
	c.send("BDAT 150\r\n" + strings.Repeat("x", 150))
	c.expect("552 5.3.4")
	c.send("BDAT 0 LAST\r\n")
	c.expect("552 5.3.4")
	c.say("BDAT 99999999999", "501")
	if _, err := c.r.ReadByte(); err == nil || len(k.raw) != 0 {
		t.Fatal("a chunk of unknown length did not end the session")
	}
}

func TestEnvelopeIsWhatTheClientSaid(t *testing.T) {
	k := &keeper{}
	now := clock.NewFake(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	_, addr := start(t, Config{Trusted: loopback, Clock: now}, k)
	c := dial(t, addr).hello("EHLO")
	c.say("MAIL FROM:<\"a>b\"@bank.example> SMTPUTF8", "250")
	c.say("RCPT TO:<@relay.example:cert@cert.example>", "250")
	c.say("RCPT TO:<postmaster>", "250")
	c.say("RCPT TO:<jürgen@cert.example>", "250")
	c.say("DATA", "354")
	c.say("x\r\n.", "250")
	c.say("MAIL FROM:<>", "250")
	e := k.got[0]
	if e.From != `"a>b"@bank.example` || fmt.Sprint(e.To) != "[cert@cert.example postmaster@cert.example jürgen@cert.example]" ||
		e.Helo != "client.example" || e.Peer.String() != "127.0.0.1" || !e.Arrived.Equal(now.Now()) || !e.UTF8 || e.TLS != "" {
		t.Fatalf("envelope %+v", e)
	}
}

// TestRefusalsBeforeAcceptance is rule M2: each refusal has a code and a sentence, and nothing is kept.
func TestRefusalsBeforeAcceptance(t *testing.T) {
	k := &keeper{}
	_, addr := start(t, Config{Trusted: loopback, MaxSize: 1000, MaxRecipients: 2, MaxLine: 500}, k)
	c := dial(t, addr)
	c.expect("220 cert.example ESMTP")
	c.say("MAIL FROM:<a@b.example>", "503")
	c.say("LHLO x", "500 5.5.1")
	c.say("EHLO", "501")
	c.say("EHLO x", "250")
	c = dial(t, addr).hello("EHLO")
	c.say("RCPT TO:<a@b.example>", "503")
	c.say("DATA", "503")
	c.say("MAIL FROM:<a@b.example> SIZE=1001", "552 5.3.4")
	c.say("MAIL FROM:<a@b.example> X=1", "555")
	c.say("MAIL FROM:a@b.example", "501")
	c.say("MAIL FROM:<a@b.example", "501")
	c.say("MAIL FROM:<a b@c.example>", "501")
	c.say("MAIL FROM:<jürgen@b.example>", "501")
	c = dial(t, addr).hello("EHLO")
	c.say("STARTTLS", "502")
	c.say("AUTH PLAIN", "500")
	c.say("NOOP", "250")
	c.say("VRFY cert", "252")
	c.send("NOOP\n")
	c.expect("500 5.5.2")
	c.say("NOOP "+strings.Repeat("x", 5000), "500 5.5.2")
	c.say("MAIL FROM:<a@b.example>", "250")
	c.say("MAIL FROM:<a@b.example>", "503")
	c.say("RCPT TO:<nobody@cert.example>", "550 5.1.1 no such address here")
	c.say("DATA", "503")
	c.say("RCPT TO:<one@cert.example>", "250")
	c.say("RCPT TO:<two@cert.example>", "250")
	c.say("RCPT TO:<three@cert.example>", "452 4.5.3")
	c.say("DATA", "354")
	c.say(strings.Repeat("x\r\n", 400)+".", "552 5.3.4")
	c.envelope()
	c.say("DATA", "354")
	c.say(strings.Repeat("x", 600)+"\r\n.", "554 5.6.0")
	c.envelope()
	c.say("DATA", "354")
	go func() { _, _ = io.WriteString(c.c, strings.Repeat("endless\r\n", 400_000)) }()
	c.expect("552 5.3.4")
	c = dial(t, addr).hello("EHLO")
	for range maxErrors {
		c.say("WHAT", "500")
	}
	c.send("WHAT\r\n")
	c.expect("500")
	c.expect("421 4.7.0")
	c = dial(t, addr).hello("EHLO")
	c.say("MAIL FROM:<>", "250")
	for i := range maxUnknown {
		c.say(fmt.Sprintf("RCPT TO:<nobody%d@cert.example>", i), "550")
	}
	c.send("RCPT TO:<nobody@cert.example>\r\n")
	c.expect("550")
	c.expect("421 4.7.0")
	if len(k.raw) != 0 {
		t.Fatalf("kept %q", k.raw)
	}
}

// TestNoAnswerBeforeItIsKept is rule M1: 250 comes after the backend, and its errors become the code of their kind.
func TestNoAnswerBeforeItIsKept(t *testing.T) {
	for want, err := range map[string]error{
		"250 2.0.0":                       nil,
		"451 4.3.0 Something failed here": errors.New("secret path /var/x"),
		"554 5.6.0 we cannot read that":   errs.New(errs.Invalid, "we cannot read that"),
		"452 4.3.1 disk is full":          errs.Wrap(errs.Limit, "disk is full", os.ErrPermission),
		"451 4.3.0 closing  for a while":  errs.New(errs.Unavailable, "closing\r\nfor a while"),
		"452 4.3.1 no room left":          errs.Wrap(errs.Unavailable, "no room left", syscall.ENOSPC),
		"550 5.7.1 not you":               errs.New(errs.Forbidden, "not you"),
	} {
		k := &keeper{fail: err}
		_, addr := start(t, Config{Trusted: loopback}, k)
		c := dial(t, addr).hello("EHLO")
		c.envelope()
		c.say("DATA", "354")
		if got := c.say("x\r\n.", want); strings.Contains(got, "secret") || strings.Contains(got, "permission") {
			t.Errorf("an inner error went out: %q", got)
		}
	}
	k := &keeper{fail: errs.New(errs.Limit, "full")}
	_, addr := start(t, Config{LMTP: true, Trusted: loopback}, k)
	c := dial(t, addr).hello("LHLO")
	c.envelope()
	c.say("RCPT TO:<second@cert.example>", "250")
	c.say("DATA", "354")
	c.say("x\r\n.", "452")
	c.expect("452") // one answer for each recipient (RFC 2033)
}

// FuzzReadDots compares with a plain reading: the message is what stands before the first CR LF . CR LF.
func FuzzReadDots(f *testing.F) {
	for _, v := range vectors {
		if len(v[0]) < 5000 {
			f.Add([]byte(v[0]))
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		if len(wire) > 4000 {
			return
		}
		for _, size := range []int{16, 64 << 10} {
			r := bufio.NewReaderSize(bytes.NewReader(wire), size)
			var got []byte
			_, err := readDots(r, 1<<20, func(p []byte) { got = append(got, p...) })
			whole := append([]byte("\r\n"), wire...)
			end := bytes.Index(whole, []byte("\r\n.\r\n"))
			if (end >= 0) != (err == nil) {
				t.Fatalf("end at %d, error %v", end, err)
			}
			if end < 0 {
				continue
			}
			want := bytes.ReplaceAll(whole[:end+2], []byte("\r\n."), []byte("\r\n"))[2:]
			rest, _ := io.ReadAll(r)
			if !bytes.Equal(got, want) || !bytes.Equal(rest, whole[end+5:]) {
				t.Fatalf("got %q, want %q, rest %q", got, want, rest)
			}
		}
	})
}

func BenchmarkIntake(b *testing.B) {
	k := &keeper{hold: func(context.Context) error { return nil }}
	s, addr := start(b, Config{Trusted: loopback}, k)
	_ = s
	body := strings.Repeat("0123456789012345678901234567890123456789012345678901234567890\r\n", 64) + ".\r\n"
	b.SetParallelism(16)
	b.RunParallel(func(p *testing.PB) {
		c := dial(b, addr).hello("EHLO")
		_ = c.c.SetDeadline(time.Time{})
		for p.Next() {
			c.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<cert@cert.example>\r\nDATA\r\n")
			c.expect("250")
			c.expect("250")
			c.expect("354")
			c.send(body)
			c.expect("250")
		}
	})
}
