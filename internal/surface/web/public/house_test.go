package public

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// house is the site before a real house: what it takes is opened by intake.
type house struct {
	*coretest.House
	testing.TB
	x         *Public
	letters   *correspondence.Service
	reports   *intake.Service
	suspicion *suspicion.Service
	ana       access.Actor
	url       string
	peer      netip.Addr // who connects, as the listener says
}

func engines(t *testing.T, story func(h *house)) {
	coretest.Engines(t, func(t *testing.T, c *coretest.House) { story(settle(t, c)) })
}

func settle(t testing.TB, c *coretest.House) *house {
	t.Helper()
	words, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Lisbon")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{House: c, TB: t, ana: c.Person(1, "Ana", access.Analyst), peer: netip.MustParseAddr("127.0.0.1")}
	country := &constituency.Service{DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit}
	h.letters = &correspondence.Service{
		DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Jobs: c.Jobs, Blobs: c.Blobs, Constituency: country, Text: words, Hold: 20 * time.Second,
		Egress: &egress.Gate{DB: c.DB, Clock: c.Clock, Ring: c.Ring}, Team: correspondence.Team{Name: "CERT.EX", Address: "report@cert.example", URL: "https://cert.example"},
	}
	h.reports = &intake.Service{
		DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Jobs: c.Jobs, Words: search.NewTexts(c.Ring), Constituency: country, Correspondence: h.letters,
		Deadlines: &deadline.Service{DB: c.DB, Clock: c.Clock, Audit: c.Audit},
	}
	h.suspicion = &suspicion.Service{DB: c.DB, Clock: c.Clock, Ring: c.Ring, Audit: c.Audit, Jobs: c.Jobs, Text: words, Constituency: country, Correspondence: h.letters, Intake: h.reports}
	h.reports.Suspicion = h.suspicion.FromForm
	laws, err := law.New()
	h.must(err)
	h.reports.Laws, h.reports.Country = laws, "BE"
	if _, err := h.reports.DropKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.x = &Public{DB: c.DB, Clock: c.Clock, Zone: zone, Text: words, URL: "https://cert.example", Laws: laws, Country: "BE", Count: intake.Counting(nil), Suspicious: func() string { return "suspicious@cert.example" }, Site: page.Site{Name: "CERT.EX", Phone: "+999 210 497 400", Mail: "report@cert.example"}}
	s := &page.Surface{Name: "public", Routes: h.x.Routes(), Clock: c.Clock, Text: words, Zone: zone, Log: c.Log, Fail: h.x.Fail}
	mux, err := s.Mux()
	if err != nil {
		t.Fatal(err)
	}
	guarded, err := page.Guard(mux, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = net.JoinHostPort(h.peer.String(), "40000")
		guarded.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// opened lets the house take what the site holds for it.
func (h *house) opened() []intake.Report {
	h.Helper()
	_, err := h.reports.OpenDrops(h.Context())
	h.must(err)
	p, err := h.reports.Queue(h.Context(), h.ana, intake.QueueFilter{})
	h.must(err)
	var out []intake.Report
	for _, l := range p.Items {
		out = append(out, l.Report)
	}
	return out
}

func (h *house) messages(r intake.Report) []correspondence.Message {
	h.Helper()
	all, err := h.letters.Messages(h.Context(), h.DB, h.ana, r.Thread)
	h.must(err)
	return all
}

// visitor is a browser without a script.
type visitor struct {
	*house
	http.Client
}

func (h *house) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	h.must(err)
	return &visitor{h, http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is what came back.
type answer struct {
	status int
	to     string
	body   string
	head   http.Header
}

func (v *visitor) do(r *http.Request) answer {
	v.Helper()
	res, err := v.Do(r)
	v.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	v.must(err)
	return answer{res.StatusCode, res.Header.Get("Location"), string(b), res.Header}
}

func (v *visitor) get(path string) answer {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), http.MethodGet, v.url+path, nil)
	v.must(err)
	return v.do(r)
}

type upload struct{ name, content string }

// post sends a form as a browser does; values are pairs.
func (v *visitor) post(path string, files []upload, values ...string) answer {
	v.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := 0; i < len(values); i += 2 {
		v.must(m.WriteField(values[i], values[i+1]))
	}
	if len(files) == 0 {
		_, err := m.CreatePart(map[string][]string{"Content-Disposition": {`form-data; name="files"; filename=""`}, "Content-Type": {"application/octet-stream"}})
		v.must(err)
	}
	for _, f := range files {
		w, err := m.CreateFormFile("files", f.name)
		v.must(err)
		_, err = io.WriteString(w, f.content)
		v.must(err)
	}
	v.must(m.Close())
	r, err := http.NewRequestWithContext(v.Context(), http.MethodPost, v.url+path, &b)
	v.must(err)
	r.Header.Set("Content-Type", m.FormDataContentType())
	return v.do(r)
}

// plain sends a form as a program may.
func (v *visitor) plain(path string, values ...string) answer {
	v.Helper()
	form := url.Values{}
	for i := 0; i < len(values); i += 2 {
		form.Add(values[i], values[i+1])
	}
	r, err := http.NewRequestWithContext(v.Context(), http.MethodPost, v.url+path, strings.NewReader(form.Encode()))
	v.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(r)
}

var (
	codeField = regexp.MustCompile(`name="code" value="([^"]+)"`)
	nonce     = regexp.MustCompile(`(nonce|data-now)="[^"]*"`)
)

// begin opens a form and gives its code.
func (v *visitor) begin(path string) string {
	v.Helper()
	a := v.get(path)
	m := codeField.FindStringSubmatch(a.body)
	if a.status != http.StatusOK || m == nil || !id.Valid(m[1]) {
		v.Fatalf("%s: status %d, no code", path, a.status)
	}
	return m[1]
}

// says tells whether a page says something, as a reader reads it.
func (a answer) says(s string) bool {
	return strings.Contains(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(a.body, "")), s) || strings.Contains(html.UnescapeString(a.body), s)
}

func (h *house) p() *text.Printer {
	p := h.x.Text.For(text.EN).In(h.x.Zone)
	return p
}

func (h *house) count(table string) (n int) {
	h.Helper()
	h.must(h.DB.QueryRow(h.Context(), fmt.Sprintf(`SELECT COUNT(*) FROM %s`, table)).Scan(&n))
	return n
}
