package fetch

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// internet is a network of its own behind an exit: names, hosts, and what was asked of it.
type internet struct {
	exit, resolver *url.URL
	roots          *tls.Config

	mu    sync.Mutex
	names map[string][]string // name → addresses; a name that is not there does not exist
	hosts map[string]string   // address:port → where it really listens; "" waits for ever
	asked []string            // connections, as the exit was asked for them
}

func newInternet(t *testing.T) *internet {
	w := &internet{names: map[string][]string{}, hosts: map[string]string{}}
	doh := httptest.NewTLSServer(http.HandlerFunc(w.resolve))
	t.Cleanup(doh.Close)
	exit := httptest.NewServer(http.HandlerFunc(w.tunnel))
	t.Cleanup(exit.Close)
	w.roots = doh.Client().Transport.(*http.Transport).TLSClientConfig
	w.exit, _ = url.Parse(exit.URL)
	w.resolver, _ = url.Parse("https://example.com/dns-query") // the name in the certificate of httptest
	w.hosts["example.com:443"] = doh.Listener.Addr().String()
	return w
}

func (w *internet) looker() *Looker {
	return NewLooker(LookConfig{Exit: w.exit, Resolver: w.resolver, Roots: w.roots})
}

func (w *internet) tunnel(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.asked = append(w.asked, r.Method+" "+r.Host)
	at, ok := w.hosts[r.Host]
	w.mu.Unlock()
	if !ok {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	if at == "" {
		<-r.Context().Done()
		return
	}
	to, err := net.Dial("tcp", at)
	if err != nil {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	defer to.Close()
	c, _, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(to, c) }()
	_, _ = io.Copy(c, to)
}

func (w *internet) resolve(rw http.ResponseWriter, r *http.Request) {
	wire, _ := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
	var m dnsmessage.Message
	if m.Unpack(wire) != nil || len(m.Questions) != 1 {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	q := m.Questions[0]
	m.Response = true
	w.mu.Lock()
	list, ok := w.names[strings.TrimSuffix(q.Name.String(), ".")]
	w.mu.Unlock()
	if !ok {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range list {
		ip := netip.MustParseAddr(a)
		head := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}
		switch {
		case ip.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: ip.As4()}})
		case ip.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	wire, _ = m.Pack()
	_, _ = rw.Write(wire)
}

// What stands on a network that is not ours is seen through the exit alone, by addresses that were checked, and nothing of it leads anywhere else.
func TestALookGoesThroughTheExit(t *testing.T) {
	t.Parallel()
	w := newInternet(t)
	site := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			_, _ = io.WriteString(rw, "<html><head><TITLE> Your <b>bank\n</title><script>x</script>")
		case "/twice":
			http.Redirect(rw, r, "/login", http.StatusFound)
		case "/circle":
			http.Redirect(rw, r, "/circle", http.StatusFound)
		case "/away":
			http.Redirect(rw, r, "http://other.example.net/x", http.StatusFound)
		case "/inside":
			http.Redirect(rw, r, "http://127.0.0.1:22/", http.StatusFound)
		case "/metadata":
			rw.Header().Set("Location", "//169.254.169.254/latest")
			rw.WriteHeader(http.StatusMovedPermanently)
		case "/script":
			rw.Header().Set("Location", "javascript:alert(1)")
			rw.WriteHeader(http.StatusFound)
		case "/guarded":
			rw.WriteHeader(http.StatusForbidden)
		case "/broken":
			rw.WriteHeader(http.StatusInternalServerError)
		case "/endless":
			for range 1 << 12 {
				if _, err := rw.Write(make([]byte, 4<<10)); err != nil {
					return
				}
			}
		default:
			rw.WriteHeader(http.StatusNotFound)
		}
	}))
	defer site.Close()
	at := site.Listener.Addr().String()
	w.names["bad.example.org"] = []string{"10.0.0.9", "93.184.216.34", "2606:4700::1111"}
	w.names["www.bad.example.org"] = []string{"93.184.216.34"}
	w.names["rebound.example.org"] = []string{"127.0.0.1", "::1", "169.254.169.254", "::ffff:10.0.0.1"}
	w.names["empty.example.org"] = nil
	w.names["quiet.example.org"] = []string{"93.184.216.99"}
	w.hosts["93.184.216.34:80"], w.hosts["93.184.216.34:8080"] = at, at
	l := w.looker()
	for _, c := range []struct {
		address string
		want    Outcome
		title   string
		to      string
	}{
		{"http://bad.example.org/login", Answers, "Your <b>bank", ""},
		{"http://bad.example.org:8080/login", Answers, "Your <b>bank", ""},
		{"http://93.184.216.34/login", Answers, "Your <b>bank", ""},
		{"http://bad.example.org/twice", Answers, "Your <b>bank", ""},
		{"http://bad.example.org/circle", Failing, "", ""},
		{"http://bad.example.org/away", Away, "", "http://other.example.net/x"},
		{"http://bad.example.org/inside", Away, "", "http://127.0.0.1:22/"},
		{"http://bad.example.org/metadata", Away, "", "http://169.254.169.254/latest"},
		{"http://bad.example.org/script", Away, "", "javascript:alert(1)"},
		{"http://bad.example.org/guarded", Guarded, "", ""},
		{"http://bad.example.org/broken", Failing, "", ""},
		{"http://bad.example.org/nothing", Gone, "", ""},
		{"http://bad.example.org/endless", Answers, "", ""},
		{"http://rebound.example.org/", Inside, "", ""},
		{"http://127.0.0.1/", Inside, "", ""},
		{"http://[::1]:8080/", Inside, "", ""},
		{"http://2130706433/", Unclear, "", ""},
		{"http://0x7f.0.0.0x1/", Unclear, "", ""},
		{"http://absent.example.org/", NoName, "", ""},
		{"http://empty.example.org/", NoAddress, "", ""},
		{"http://quiet.example.org/", Silent, "", ""},
		{"file:///etc/passwd", Unclear, "", ""},
		{"gopher://bad.example.org/", Unclear, "", ""},
	} {
		if s := l.Page(t.Context(), c.address); s.Outcome != c.want || s.Title != c.title || s.Elsewhere != c.to {
			t.Errorf("%s: %+v, want %s", c.address, s, c.want)
		}
	}
	if s := l.Page(t.Context(), "http://bad.example.org/endless"); len(s.Hash) != 64 || s.Status != 200 {
		t.Errorf("a page without end: %+v", s)
	}
	if s := l.Port(t.Context(), netip.MustParseAddrPort("93.184.216.34:8080")); s.Outcome != Answers {
		t.Errorf("a port: %+v", s)
	}
	if s := l.Port(t.Context(), netip.MustParseAddrPort("[::1]:8080")); s.Outcome != Inside {
		t.Errorf("a port inside: %+v", s)
	}
	for _, a := range w.asked {
		if a != "CONNECT example.com:443" && !strings.HasPrefix(a, "CONNECT 93.184.216.") {
			t.Errorf("the exit was asked: %s", a)
		}
	}
	if NewLooker(LookConfig{}) != nil || NewLooker(LookConfig{}).Names() {
		t.Error("there is a look without an exit")
	}
	if s := NewLooker(LookConfig{Exit: w.exit}).Page(t.Context(), "http://bad.example.org/login"); s.Outcome != Unclear {
		t.Errorf("a name without a resolver: %+v", s)
	}
}

// A host that waits for ever, and an exit that is not there, end with the time that is given.
func TestALookEnds(t *testing.T) {
	t.Parallel()
	w := newInternet(t)
	w.names["slow.example.org"] = []string{"93.184.216.34"}
	w.hosts["93.184.216.34:80"] = ""
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if s := w.looker().Page(ctx, "http://slow.example.org/"); s.Outcome != Silent {
		t.Errorf("slow: %+v", s)
	}
	gone, _ := url.Parse("http://127.0.0.1:1")
	if s := NewLooker(LookConfig{Exit: gone}).Page(t.Context(), "http://93.184.216.34/"); s.Outcome != Unclear {
		t.Errorf("no exit: %+v", s)
	}
}

// A SOCKS exit is taken as well; what it says of the host is told apart from what it says of itself.
func TestALookThroughSOCKS(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "<title>hello</title>") }))
	defer site.Close()
	exit, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer exit.Close()
	var answer atomic.Uint32
	go func() {
		for {
			c, err := exit.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			head := make([]byte, 3)
			_, _ = io.ReadFull(r, head)
			_, _ = c.Write([]byte{5, 0})
			_, _ = io.ReadFull(r, make([]byte, 10))
			code := byte(answer.Load())
			_, _ = c.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0})
			if code != 0 {
				_ = c.Close()
				continue
			}
			to, err := net.Dial("tcp", site.Listener.Addr().String())
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(to, r) }()
			_, _ = io.Copy(c, to)
			_ = c.Close()
		}
	}()
	u, _ := url.Parse("socks5://" + exit.Addr().String())
	l := NewLooker(LookConfig{Exit: u})
	if s := l.Page(t.Context(), "http://93.184.216.34/"); s.Outcome != Answers || s.Title != "hello" {
		t.Errorf("%+v", s)
	}
	answer.Store(5)
	if s := l.Page(t.Context(), "http://93.184.216.34/"); s.Outcome != Silent {
		t.Errorf("refused: %+v", s)
	}
	answer.Store(2)
	if s := l.Page(t.Context(), "http://93.184.216.34/"); s.Outcome != Unclear {
		t.Errorf("not let out: %+v", s)
	}
}
