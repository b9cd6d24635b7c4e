package rate

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
)

func TestBuckets(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	l := New(Rate{3, time.Minute}, c)
	for n := range 3 {
		if _, ok := l.Take("a"); !ok {
			t.Fatalf("take %d refused", n)
		}
	}
	wait, ok := l.Take("a")
	if ok || wait != time.Minute {
		t.Errorf("the fourth: %v, wait %v", ok, wait)
	}
	if _, dry := l.Dry("a"); !dry {
		t.Error("an empty bucket is not dry")
	}
	if _, ok := l.Take("b"); !ok {
		t.Error("one key takes from another")
	}
	c.Advance(time.Minute)
	if _, ok := l.Take("a"); !ok {
		t.Error("the bucket does not fill")
	}
	for n := range mostBuckets + 10 {
		l.Take(fmt.Sprint("flood", n))
	}
	if len(l.full) > mostBuckets {
		t.Errorf("%d buckets are remembered", len(l.full))
	}
}

func TestNetworks(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.1": "192.0.2.0/24", "2001:db8:1:2::3": "2001:db8:1::/48", "fe80::1%eth0": "fe80::/48",
	} {
		if got := Network(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := Network(Peer(&http.Request{RemoteAddr: "@"})); got != "unknown" {
		t.Errorf("a socket: %s", got)
	}
	if Seconds(1500*time.Millisecond) != "2" {
		t.Error("a wait is rounded down")
	}
}
