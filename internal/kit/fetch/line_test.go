package fetch

import (
	"bufio"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// A line goes to port 43 of a public address and nowhere else; an answer without end is cut.
func TestLine(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	asked := make(chan string, 4)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			q, _ := bufio.NewReader(c).ReadString('\n')
			asked <- q
			_, _ = c.Write([]byte(strings.Repeat("refer: x\n", 1000)))
			_ = c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	inside := New(Config{Inside: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, port: port})
	got, err := inside.Line(t.Context(), "127.0.0.1", "example.zz", 100)
	if err != nil || len(got) != 100 || <-asked != "example.zz\r\n" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := New(Config{port: port}).Line(t.Context(), "127.0.0.1", "x", 100); err == nil {
		t.Error("a line goes inside")
	}
	for _, bad := range [][2]string{{"127.0.0.1:25", "x"}, {"", "x"}, {"127.0.0.1", "a\r\nb"}, {"a b", "x"}} {
		if _, err := inside.Line(t.Context(), bad[0], bad[1], 100); err == nil {
			t.Errorf("%q is asked %q", bad[0], bad[1])
		}
	}
	for address, want := range map[string]bool{"8.8.8.8:43": true, "8.8.8.8:25": false, "10.0.0.1:43": false, "[2001:db8::1]:43": false, "169.254.169.254:43": false} {
		if err := (Config{}).allowsLine(address); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	if (Config{Inside: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}).allowsLine("10.0.0.1:43") == nil {
		t.Error("a referral leads inside")
	}
	if len(asked) != 0 {
		t.Error("somebody was asked all the same")
	}
}
