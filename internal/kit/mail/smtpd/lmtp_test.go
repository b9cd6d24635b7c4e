package smtpd

import (
	"bufio"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
)

// TestLMTPAnswersEachRecipient is RFC 2033 in one session: LHLO alone greets, a transaction without a recipient has no data, and after the
// data there is one answer for each recipient that was taken, in a row of mails and by chunks.
func TestLMTPAnswersEachRecipient(t *testing.T) {
	k := &keeper{}
	_, addr := start(t, Config{LMTP: true, Trusted: loopback}, k)
	c := dial(t, addr)
	c.expect("220 cert.example LMTP")
	c.say("EHLO mx.example", "500")
	c.say("HELO mx.example", "500")
	c.say("MAIL FROM:<a@bank.example>", "503")
	c.say("LHLO mx.example", "250")
	c.say("MAIL FROM:<a@bank.example>", "250")
	c.say("RCPT TO:<nobody@cert.example>", "550 5.1.1")
	c.say("DATA", "503")
	c.say("RCPT TO:<one@cert.example>", "250")
	c.say("RCPT TO:<nobody@cert.example>", "550 5.1.1")
	c.say("RCPT TO:<two@cert.example>", "250")
	c.say("RCPT TO:<two@cert.example>", "250") // twice is two recipients to the other side, and one mail to us
	c.say("DATA", "354")
	c.say("first\r\n.", "250 2.0.0")
	c.expect("250 2.0.0")
	c.expect("250 2.0.0")
	c.send("MAIL FROM:<>\r\nRCPT TO:<one@cert.example>\r\nRCPT TO:<two@cert.example>\r\nBDAT 3\r\nabcBDAT 4 LAST\r\nd\r\nxNOOP\r\n")
	for _, want := range []string{"250 2.1.0", "250 2.1.5", "250 2.1.5", "250 2.0.0 3 octets", "250 2.0.0 Accepted", "250 2.0.0 Accepted", "250 2.0.0 Ok"} {
		c.expect(want)
	}
	c.say("QUIT", "221")
	if len(k.raw) != 2 || k.raw[0] != "first\r\n" || k.raw[1] != "abcd\r\nx" || len(k.got[0].To) != 3 || !k.got[1].LMTP {
		t.Errorf("kept %q of %+v", k.raw, k.got)
	}
}

// TestLMTPIsForOurServers is rule M12: by a socket, or from a network that was named; a stranger is turned away before he says anything.
func TestLMTPIsForOurServers(t *testing.T) {
	k := &keeper{}
	_, addr := start(t, Config{LMTP: true, OnlyTrusted: true, Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, k)
	dial(t, addr).expect("554 5.7.1")
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{LMTP: true, OnlyTrusted: true}, k)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, c: conn, r: bufio.NewReader(conn)}
	c.hello("LHLO").envelope()
	c.say("DATA", "354")
	c.say("x\r\n.", "250")
	c.say("QUIT", "221")
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	<-ended
	if len(k.got) != 1 || k.got[0].Peer.IsValid() {
		t.Errorf("kept %+v", k.got)
	}
}
