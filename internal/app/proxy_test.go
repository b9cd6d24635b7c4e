package app

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestWhoConnectsBehindAProxy(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("127.0.0.1/32")}
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"10.0.0.7:443", []string{"192.0.2.9"}, "192.0.2.9:0"},
		{"[::ffff:10.0.0.7]:443", []string{"192.0.2.9"}, "192.0.2.9:0"},
		{"10.0.0.7:443", []string{"203.0.113.1, 192.0.2.9"}, "192.0.2.9:0"}, // the first is the client's own claim
		{"10.0.0.7:443", []string{"203.0.113.1", "192.0.2.9, fd00::1"}, "192.0.2.9:0"},
		{"10.0.0.7:443", []string{"2001:db8::5"}, "[2001:db8::5]:0"},
		{"10.0.0.7:443", nil, "10.0.0.7:0"},
		{"10.0.0.7:443", []string{"rubbish"}, "10.0.0.7:0"},
		{"10.0.0.7:443", []string{"192.0.2.9, rubbish"}, "10.0.0.7:0"},
		{"198.51.100.1:9", []string{"192.0.2.9"}, "198.51.100.1:9"}, // nobody we trust
		{"@", []string{"192.0.2.9"}, "@"},
	} {
		got := ""
		h := behind(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want {
			t.Errorf("%s, %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}
