package netaddr

import (
	"net/netip"
	"testing"
)

// What everybody has at home, and what is no address of one machine, is not of the network of all.
func TestGlobal(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"8.8.8.8": true, "192.0.2.1": true, "::ffff:8.8.8.8": true, "2001:db8::1": true,
		"10.0.0.1": false, "::ffff:10.0.0.1": false, "127.0.0.1": false, "169.254.1.1": false, "0.0.0.0": false, "255.255.255.255": false, "224.0.0.1": false,
		"::1": false, "fe80::1": false, "2001:db8::1%eth0": false, "fd00::1": false, "ff02::1": false,
	} {
		if got := Global(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s: %v", s, got)
		}
	}
	if Global(netip.Addr{}) {
		t.Error("no address is one")
	}
}
