package smtpd

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
)

// TestNetworkLimits is rule D2.
func TestNetworkLimits(t *testing.T) {
	k := &keeper{}
	now := clock.NewFake(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	_, addr := start(t, Config{Connections: 2, MessagesPerMinute: 3, Clock: now}, k)
	a, b := dial(t, addr).hello("EHLO"), dial(t, addr).hello("EHLO")
	dial(t, addr).expect("421 4.7.0")
	for range 3 {
		a.envelope()
		a.say("RSET", "250")
	}
	b.say("MAIL FROM:<>", "451 4.7.1")
	now.Advance(time.Minute)
	b.say("MAIL FROM:<>", "250")
	a.say("QUIT", "221")
	if _, err := a.r.ReadByte(); err == nil {
		t.Fatal("not closed")
	}
	c := dial(t, addr)
	if line, _ := c.r.ReadString('\n'); !strings.HasPrefix(line, "220") && !strings.HasPrefix(line, "421") {
		t.Fatalf("greeted with %q", line)
	}
	_, addr = start(t, Config{MaxConnections: 1, Trusted: loopback}, k)
	dial(t, addr).hello("EHLO")
	dial(t, addr).expect("421 4.3.2")
}

func TestSlowClientsAreEnded(t *testing.T) {
	k := &keeper{}
	_, addr := start(t, Config{Trusted: loopback, Idle: 50 * time.Millisecond, MaxData: 100 * time.Millisecond}, k)
	dial(t, addr).hello("EHLO").expect("421 4.4.2")
	c := dial(t, addr).hello("EHLO")
	c.envelope()
	c.say("DATA", "354")
	go func() { // a byte now and then keeps the idle clock happy, not the other
		for {
			if _, err := io.WriteString(c.c, "x"); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	c.expect("421 4.4.2")
	if len(k.raw) != 0 {
		t.Fatal("half a message was kept")
	}
}

func certificate(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestTLSForgetsWhatCameBefore: commands behind STARTTLS in clear never count, the session starts anew, a renewed certificate counts at once.
func TestTLSForgetsWhatCameBefore(t *testing.T) {
	k := &keeper{}
	var current atomic.Pointer[tls.Config]
	current.Store(&tls.Config{Certificates: []tls.Certificate{certificate(t, "old.example")}})
	_, addr := start(t, Config{Trusted: loopback, TLS: current.Load}, k)
	c := dial(t, addr).hello("EHLO")
	c.envelope()
	c.send("STARTTLS\r\nRSET\r\n")
	c.expect("501")
	if _, err := c.r.ReadByte(); err == nil {
		t.Fatal("the session went on")
	}
	current.Store(&tls.Config{Certificates: []tls.Certificate{certificate(t, "new.example")}})
	c = dial(t, addr).hello("EHLO")
	c.envelope()
	c.say("STARTTLS", "220")
	tc := tls.Client(c.c, &tls.Config{InsecureSkipVerify: true})
	if err := tc.Handshake(); err != nil {
		t.Fatal(err)
	}
	if n := tc.ConnectionState().PeerCertificates[0].DNSNames[0]; n != "new.example" {
		t.Fatalf("certificate of %s", n)
	}
	c.c, c.r = tc, bufio.NewReader(tc)
	c.say("MAIL FROM:<>", "503")
	if got := c.say("EHLO x", "250"); strings.Contains(got, "STARTTLS") {
		t.Fatal("TLS offered twice")
	}
	c.say("DATA", "503")
	c.envelope()
	c.say("DATA", "354")
	c.say("a\r\r\n.", "250")
	if e := k.got[0]; e.TLS != "TLS 1.3" || e.Cipher == "" || k.raw[0] != "a\r\r\n" {
		t.Fatalf("envelope %+v", e)
	}
}

// TestShutdownLetsNobodyWithoutAnAnswer: an idle session hears 421, one in DATA hears its answer, one that hangs hears 421 at the end.
func TestShutdownLetsNobodyWithoutAnAnswer(t *testing.T) {
	k := &keeper{}
	s, addr := start(t, Config{Trusted: loopback}, k)
	idle, sending := dial(t, addr).hello("EHLO"), dial(t, addr).hello("EHLO")
	sending.envelope()
	sending.say("DATA", "354")
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(context.Background()) }()
	idle.expect("421 4.3.2")
	sending.send("late\r\n.\r\n")
	sending.expect("250")
	sending.expect("421")
	if err := <-ended; err != nil || len(k.raw) != 1 {
		t.Fatalf("%v, kept %q", err, k.raw)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Fatal("still listening")
	}

	k = &keeper{hold: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	s, addr = start(t, Config{Trusted: loopback}, k)
	keeping, hanging := dial(t, addr).hello("EHLO"), dial(t, addr).hello("EHLO")
	keeping.envelope()
	keeping.say("DATA", "354")
	keeping.send("x\r\n.\r\n")
	hanging.envelope()
	hanging.say("DATA", "354")
	hanging.send("half a")
	ctx, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer stop()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	keeping.expect("451")
	hanging.expect("421")
	if len(k.raw) != 0 {
		t.Fatal("something was kept")
	}
}
