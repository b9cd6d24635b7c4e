package app

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// behind puts who really connects into RemoteAddr where a trusted proxy says so: the last address of X-Forwarded-For that no trusted proxy has.
// From anybody else the field is only a claim and is not read.
func behind(proxies []netip.Prefix, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	trusted := func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		at := peer.Addr().Unmap()
		if err != nil || !trusted(at) {
			next.ServeHTTP(w, r)
			return
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, hop := range slices.Backward(hops) {
			a, err := netip.ParseAddr(strings.TrimSpace(hop))
			if err != nil {
				break // what stands before it was written by nobody whom we trust
			}
			if at = a.Unmap().WithZone(""); !trusted(at) {
				break
			}
		}
		inner := r.Clone(r.Context())
		inner.RemoteAddr = net.JoinHostPort(at.String(), "0")
		next.ServeHTTP(w, inner)
	})
}
