package fetch

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// Only public addresses by HTTPS are reached, looked at where the connection is made (rule O3).
func TestOnlyPublicAddresses(t *testing.T) {
	t.Parallel()
	var c Config
	for _, bad := range []string{
		"127.0.0.1:443", "10.1.2.3:443", "172.16.0.1:443", "192.168.1.1:443", "169.254.169.254:443", "100.64.1.1:443", "0.0.0.0:443", "224.0.0.1:443", "255.255.255.255:443",
		"[::1]:443", "[::]:443", "[fe80::1%eth0]:443", "[fc00::1]:443", "[::ffff:127.0.0.1]:443", "[::ffff:10.0.0.1]:443", "[64:ff9b::7f00:1]:443", "[2002:7f00:1::]:443",
		"192.0.2.1:443", "[::7f00:1]:443", "[::10.0.0.1]:443", "[3fff::1]:443", "93.184.216.34:80", "93.184.216.34:22", "nonsense",
	} {
		if c.allows(bad) == nil {
			t.Errorf("%s is reached", bad)
		}
	}
	for _, good := range []string{"93.184.216.34:443", "[2606:4700::1111]:443"} {
		if err := c.allows(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"http://example.org/", "ftp://example.org", "https://", "//example.org", "https://a:b@example.org/", "file:///etc/passwd", "http://127.0.0.1/", ""} {
		if c.Check(bad) == nil {
			t.Errorf("%q may be sent to", bad)
		}
	}
	hits := 0
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer s.Close()
	for _, at := range []string{s.URL, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), strings.Replace(s.URL, "127.0.0.1", "2130706433", 1)} {
		if _, _, err := New(Config{}).Post(t.Context(), at, nil, nil); err == nil {
			t.Errorf("%s is reached", at)
		}
	}
	if hits > 0 {
		t.Error("this machine was asked")
	}
}

// What an operator names inside is reached; an answer that leads elsewhere is an answer, and a long one is cut.
func TestInsideAndAnswers(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(strings.Repeat("a", 2*MostAnswer)))
	}))
	defer s.Close()
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig
	c := New(Config{Inside: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: roots})
	if status, _, err := c.Post(t.Context(), s.URL+"/away", nil, nil); err != nil || status != http.StatusFound {
		t.Errorf("led away: %d, %v", status, err)
	}
	if status, answer, err := c.Post(t.Context(), s.URL, http.Header{"X-A": {"b"}}, []byte("hello")); err != nil || status != 200 || len(answer) != MostAnswer {
		t.Errorf("%d, %d bytes, %v", status, len(answer), err)
	}
	strict := New(Config{Inside: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: &tls.Config{}})
	if _, _, err := strict.Post(t.Context(), s.URL+"/secret-path", nil, nil); err == nil || strings.Contains(err.Error(), "secret-path") {
		t.Errorf("a certificate that nobody signed: %v", err)
	}
}

// With an exit all goes through it, and nothing is asked directly.
func TestAllGoesThroughTheExit(t *testing.T) {
	t.Parallel()
	asked := ""
	exit := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.Host
		w.WriteHeader(http.StatusForbidden)
	}))
	defer exit.Close()
	u, err := url.Parse(exit.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = New(Config{Exit: u}).Post(t.Context(), "https://pager.example/x", nil, nil)
	if err == nil || asked != "CONNECT pager.example:443" || errors.Is(err, ErrAddress) {
		t.Errorf("asked %q, %v", asked, err)
	}
}
