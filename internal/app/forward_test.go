package app

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// The caller's address is what the nearest proxy of ours saw. Whoever is no proxy of ours may write what it likes.
func TestOnlyOurProxiesSayWhoCalls(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		peer  string
		for_  []string
		want  string
		proto bool
	}{
		"a stranger who lies":             {"203.0.113.9:4711", []string{"192.0.2.1"}, "203.0.113.9:4711", false},
		"through our proxy":               {"10.0.0.7:4711", []string{"203.0.113.9"}, "203.0.113.9:0", true},
		"a lie through our proxy":         {"10.0.0.7:4711", []string{"192.0.2.1, 203.0.113.9"}, "203.0.113.9:0", true},
		"a lie in a line of its own":      {"10.0.0.7:4711", []string{"192.0.2.1", "203.0.113.9"}, "203.0.113.9:0", true},
		"a lie that names our proxy":      {"10.0.0.7:4711", []string{"10.0.0.9, 203.0.113.9"}, "203.0.113.9:0", true},
		"two proxies of ours":             {"[fd00::1]:4711", []string{"192.0.2.1, 203.0.113.9, 10.0.0.7"}, "203.0.113.9:0", true},
		"with a port":                     {"10.0.0.7:4711", []string{"203.0.113.9:5555"}, "203.0.113.9:0", true},
		"IPv6":                            {"10.0.0.7:4711", []string{"2001:db8::9"}, "[2001:db8::9]:0", true},
		"IPv6 with a port":                {"10.0.0.7:4711", []string{"[2001:db8::9]:5555"}, "[2001:db8::9]:0", true},
		"IPv4 in IPv6":                    {"[::ffff:10.0.0.7]:4711", []string{"::ffff:203.0.113.9"}, "203.0.113.9:0", true},
		"our proxy says nothing":          {"10.0.0.7:4711", nil, "10.0.0.7:4711", true},
		"our proxy says nonsense":         {"10.0.0.7:4711", []string{"unknown"}, "10.0.0.7:4711", true},
		"nonsense before a proxy of ours": {"10.0.0.7:4711", []string{"unknown, 10.0.0.8"}, "10.0.0.8:0", true},
	} {
		var got string
		proto := false
		h := forwarded(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got, proto = r.RemoteAddr, r.Header.Get("X-Forwarded-Proto") != ""
		}))
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = c.peer, c.for_
		r.Header.Set("X-Forwarded-Proto", "https")
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != c.want || proto != c.proto {
			t.Errorf("%s: %s, TLS said %v; want %s, %v", name, got, proto, c.want, c.proto)
		}
	}
}
