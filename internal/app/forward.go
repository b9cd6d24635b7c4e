package app

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwarded lets the proxies in front of us say who calls: behind it RemoteAddr is the caller as the nearest proxy that is not ours saw it, so
// that limits, session lists and the record name people and not the proxy. From everybody else such headers are claims, and are taken off.
func forwarded(proxies []netip.Prefix, next http.Handler) http.Handler {
	ours := func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !ours(peer.Addr().Unmap()) {
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"} {
				r.Header.Del(name)
			}
			next.ServeHTTP(w, r)
			return
		}
		chain := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, hop := range slices.Backward(chain) {
			a, ok := hopAddress(hop)
			if !ok {
				break
			}
			r.RemoteAddr = netip.AddrPortFrom(a, 0).String()
			if !ours(a) {
				break
			}
		}
		next.ServeHTTP(w, r)
	})
}

// hopAddress reads an address of X-Forwarded-For, which some proxies write with a port.
func hopAddress(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		with, werr := netip.ParseAddrPort(s)
		a, err = with.Addr(), werr
	}
	return a.Unmap().WithZone(""), err == nil
}
