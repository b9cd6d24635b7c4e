// Package netaddr says of network addresses what every duty asks of them in the same way.
package netaddr

import "net/netip"

// Global tells whether an address is one of the network of all: not private, not of one machine or one cable, and without a zone. Networks that are
// reserved for examples are; who connects to an address asks kit/fetch.
func Global(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsValid() && a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && a.Zone() == ""
}
