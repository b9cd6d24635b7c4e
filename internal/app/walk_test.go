package app

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// TestEveryRouteAsEverybody walks every route of every page surface as every role, as nobody and as a stranger party, with own, other and
// absent objects (rules A4, A5, I9, W1, W3, W7). What each should answer is computed from the route's Need and the table of rights alone.
func TestEveryRouteAsEverybody(t *testing.T) { onEach(t, walk) }

// walker is one who walks.
type walker struct {
	name    string
	role    access.Role // "" for nobody
	surface string      // whose cookie is held: desk, portal, "" for none
	browser *browser
	own     map[string]string // wildcard to an object that it may see
}

// surfaceOf tells which table a route came from, and so which cookie counts there.
type line struct {
	surface string
	page.Route
}

func (h *house) routes() (http.Handler, []line) {
	h.t.Helper()
	var lines []line
	handler, err := h.handler(h.t.Context(), true, true, true, func(surface string, routes []page.Route) {
		for _, r := range routes {
			lines = append(lines, line{surface, r})
		}
	})
	h.must(err)
	return handler, lines
}

// open serves the pages alone: no job runs, so that what changes is changed by who walks.
func (h *house) open(handler http.Handler) {
	h.t.Helper()
	l, err := net.Listen("tcp", h.Config.HTTP)
	h.must(err)
	s := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { _ = s.Serve(l); close(done) }()
	h.t.Cleanup(func() { _ = s.Close(); <-done })
}

var wildcard = regexp.MustCompile(`\{([a-z]+)(?:\.\.\.)?\}`)

// path fills the wildcards of a pattern from names; absent draws every one anew. ok is false when the pattern has none of them.
func fillIn(t *testing.T, pattern string, names map[string]string, absent bool) (path string, ok bool) {
	t.Helper()
	_, path, _ = strings.Cut(pattern, " ")
	path = strings.TrimSuffix(path, "{$}")
	return wildcard.ReplaceAllStringFunc(path, func(s string) string {
		name := wildcard.FindStringSubmatch(s)[1]
		if name == "part" { // a page of the form
			return "1"
		}
		ok = true
		switch {
		case name == "kind" || name == "field":
			return names[name]
		case absent && name == "incident":
			return "INC-2026-999999"
		case absent:
			return id.New()
		case names[name] == "":
			t.Fatalf("the walk knows no object for {%s} of %s: give it one", name, pattern)
		}
		return names[name]
	}), ok
}

func walk(h *house) {
	t := h.t
	w, orgs := h.build()
	handler, lines := h.routes()
	h.open(handler)
	someone := h.account(access.Reporter, "someone@walk.example", "")
	for name, x := range map[string]map[string]string{"ours": w.ours, "theirs": w.theirs, "hidden": w.sealed} {
		member := h.account(access.Constituent, "member@"+name+".example", orgs[name].UID)
		key, _, err := h.Accounts.CreateKey(t.Context(), access.Actor{Account: member.ID, Organisation: orgs[name].Ref.ID, Roles: []access.Role{access.ConstituentAdmin}, Strength: access.Password, ProvedAt: h.Clock.Now()}, account.NewKey{Name: "Key of " + name, Scopes: []access.Right{access.OwnCases}})
		h.must(err)
		x["member"], x["apikey"] = member.UID, key.UID
	}
	handover, page := h.shift()
	elsewhere, err := h.Accounts.AddProvider(t.Context(), access.Actor{Account: 1, Roles: []access.Role{access.Admin}, Strength: access.TwoFactor, ProvedAt: h.Clock.Now()}, account.NewProvider{
		Name: "Ministry", Issuer: "https://127.0.0.1:1", ClientID: "walk", NoSecret: true, Desk: true, Portal: true, Active: true, AMR: []string{"mfa"},
	})
	h.must(err)
	for _, x := range []map[string]string{w.ours, w.theirs, w.sealed} {
		x["passkey"], x["identity"], x["issuer"] = id.New(), id.New(), elsewhere.UID
		x["session"], x["code"], x["secret"], x["rest"], x["token"], x["upload"] = id.New(), id.New(), id.New(), "policy", id.New(), id.New()
		x["rotation"], x["change"], x["way"], x["handover"], x["page"] = id.New(), id.New(), id.New(), id.New(), id.New() // of the team, not of a party
		x["campaign"], x["single"], x["handed"], x["guide"] = id.New(), id.New(), id.New(), "eu-2024-2690"
		x["reason"], x["rule"] = intake.SpamReason, w.ours["rule"]
		x["person"], x["fingerprint"], x["community"], x["set"], x["threshold"] = someone.UID, h.team.Fingerprint(), "businesses", "be-nis2", "eu-2024-2690"
	}
	w.ours["handover"], w.ours["page"] = handover, page
	w.ours["campaign"], w.ours["single"] = h.campaign()
	w.ours["handed"] = handedSum
	walkers := []walker{{name: "nobody", browser: h.browser(), own: w.ours}}
	for _, role := range access.AllRoles {
		if role == access.Machine {
			continue // it has no page: a token alone
		}
		org := ""
		if role == access.Constituent || role == access.ConstituentAdmin {
			org = orgs["ours"].UID
		}
		b := h.person(role, string(role)+"@walk.example", org)
		x := walker{name: string(role), role: role, browser: b, own: w.ours}
		for surface, cookie := range map[string]string{"desk": "__Host-desk", "portal": "__Host-portal"} {
			if b.cookies[cookie] != "" {
				x.surface = surface
			}
		}
		if x.surface == "" {
			t.Fatalf("%s has no cookie of a surface", role)
		}
		walkers = append(walkers, x)
	}
	stranger := h.person(access.Constituent, "stranger@walk.example", orgs["theirs"].UID)
	walkers = append(walkers, walker{name: "stranger party", role: access.Constituent, surface: "portal", browser: stranger, own: w.theirs})

	for _, who := range walkers {
		before := h.tables()
		for _, l := range lines {
			who.visit(t, l, w)
		}
		for table, sum := range h.tables() {
			if before[table] != sum {
				t.Errorf("%s: the walk changed %s", who.name, table)
			}
		}
	}
	h.strangeRequests(walkers, lines)
}

// may computes from the table alone whether a walker comes through the door of a route.
func (x walker) may(l line) (in bool, refusal int) {
	switch {
	case l.Need.IsOpen():
		return true, 0
	case x.surface != l.surface:
		return false, http.StatusSeeOther // nobody of this surface: to the sign-in, whatever cookie of another is shown (W7)
	}
	if right, ok := l.Need.Right(); ok && !(access.Actor{Account: 1, Roles: []access.Role{x.role}}).Can(right) {
		return false, http.StatusForbidden
	}
	return true, 0
}

// unwalked are routes whose success is not for a walk: they act on who walks (sign out, end of sessions, passwords) or stream.
var unwalked = []string{"POST /logout", "POST /desk/account/sessions/end-others", "POST /portal/account/sessions/end-others", "GET /desk/live", "POST /desk/duty/test", "POST /desk/duty/handovers", "POST /desk/duty/pages/{page}/take"}

func (x walker) visit(t *testing.T, l line, w world) {
	t.Helper()
	method, _, _ := strings.Cut(l.Pattern, " ")
	in, refusal := x.may(l)
	if in && slices.Contains(unwalked, l.Pattern) {
		return
	}
	ask := func(names map[string]string, absent bool) (answer, string, bool) {
		path, named := fillIn(t, l.Pattern, names, absent)
		var a answer
		if method == http.MethodGet {
			a = x.browser.get(path)
		} else {
			a = x.browser.send(path, nil)
		}
		for name, want := range w1 {
			if got := a.Header.Get(name); !strings.HasPrefix(got, want) || got == "" {
				t.Errorf("%s %s %s: header %s is %q (W1)", x.name, method, path, name, got)
			}
		}
		if a.Status >= 500 {
			t.Errorf("%s %s %s: %d", x.name, method, path, a.Status)
		}
		return a, path, named
	}
	if !in {
		for _, names := range []map[string]string{w.ours, w.theirs, w.sealed} {
			a, path, named := ask(names, false)
			if a.Status != refusal || (refusal == http.StatusSeeOther && !strings.HasPrefix(a.to(), "/login")) {
				t.Errorf("%s %s %s: %d to %q, want %d", x.name, method, path, a.Status, a.to(), refusal)
			}
			if !named {
				return
			}
		}
		return
	}
	path, named := fillIn(t, l.Pattern, w.ours, false)
	if !named {
		if method == http.MethodGet {
			if a, _, _ := ask(w.ours, false); a.Status >= 400 && !x.closed(l, a.Status) {
				t.Errorf("%s %s %s: %d", x.name, method, path, a.Status)
			}
		}
		return
	}
	if l.surface == "public" || strings.Contains(l.Pattern, "{session}") || strings.Contains(l.Pattern, "{secret}") || strings.Contains(l.Pattern, "{upload}") {
		return // a code is its own right: story of the private link; sessions: story of the account
	}
	// The own object is shown; the other's and the sealed one answer as what is not there, to the byte.
	if method == http.MethodGet {
		if a, path, _ := ask(x.own, false); a.Status >= 400 {
			t.Errorf("%s GET %s, own: %d", x.name, path, a.Status)
		}
	}
	gone, nowhere, _ := ask(x.own, true)
	if gone.Status < 400 || gone.Status >= 500 {
		t.Errorf("%s %s %s, absent: %d", x.name, method, nowhere, gone.Status)
	}
	others := []map[string]string{w.sealed}
	if x.surface == "portal" {
		others = append(others, w.theirs)
		if x.own["party"] == w.theirs["party"] {
			others[1] = w.ours
		}
	}
	for _, names := range others {
		if l.ofTheHouse() {
			continue // registry and administration are not sealed with a case
		}
		a, path, _ := ask(names, false)
		if a.Status != gone.Status || same(a, path) != same(gone, nowhere) {
			t.Errorf("%s %s %s: another's object answers %d, an absent one %d, or in other bytes (A5)\n%s", x.name, method, path, a.Status, gone.Status, cmp.Diff(same(gone, nowhere), same(a, path)))
		}
	}
}

var houseNames = []string{"alarm", "organisation", "contact", "number", "key", "person", "token", "fingerprint", "community", "set", "threshold", "guide", "reason", "rule", "doubt", "questions", "registration", "enclosure", "provider", "ladder", "issuer", "identity"}

// ofTheHouse tells whether a route names nothing of a case.
func (l line) ofTheHouse() bool {
	for _, m := range wildcard.FindAllStringSubmatch(l.Pattern, -1) {
		if !slices.Contains(houseNames, m[1]) && (l.surface != "desk" || m[1] != "proof") {
			return false
		}
	}
	return true
}

// closed tells of routes that a signed-in person is let to by the door and refused by the verb.
func (x walker) closed(l line, status int) bool {
	if _, named := l.Need.Right(); !named && !l.Need.IsOpen() && status == http.StatusForbidden {
		return true
	}
	return strings.HasPrefix(l.Pattern, "GET /r/") || l.Pattern == "GET /a/letter" || strings.Contains(l.Pattern, "/report/uploads") || l.Pattern == "GET /.well-known/security.txt" || l.Pattern == "GET /document-keys.txt" || l.Pattern == "GET /smime-certificate.pem" // without a code; not signed before the key process runs; a house without a certificate
}

var drawn = regexp.MustCompile(`nonce="[A-Z0-9]+"|nonce-[A-Z0-9]+|data-now="[0-9]+"`)

// same is what a reader can tell of an answer beside the address that was asked for: nonces differ always, the clock of the page may.
func same(a answer, path string) string {
	var b strings.Builder
	fmt.Fprintln(&b, a.Status)
	var names []string
	for name := range a.Header {
		if name != "Date" && name != "Content-Security-Policy" && name != "Content-Length" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintln(&b, name, a.Header[name])
	}
	body := drawn.ReplaceAllString(a.Body, "nonce")
	for _, part := range strings.Split(path, "/")[2:] {
		if len(part) > 12 {
			body = strings.ReplaceAll(body, part, "ID")
		}
	}
	b.WriteString(clockOnPage.ReplaceAllString(ring.ReplaceAllString(body, "RING"), "TIME"))
	return b.String()
}

var (
	clockOnPage = regexp.MustCompile(`\d\d:\d\d(:\d\d)?`)
	ring        = regexp.MustCompile(`stroke-dasharray="[0-9. ]+"|\d+\x{a0}(min|h|d)\b`) // of a clock that runs while the test does
)

// w1 are the headers of every answer with how they begin.
var w1 = map[string]string{
	"Content-Security-Policy": "", "Strict-Transport-Security": "max-age=63072000", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
	"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "", "Cache-Control": "no-store",
}

// strangeRequests are those that are refused whoever makes them: to an unknown host (W3), and from another site (W2).
func (h *house) strangeRequests(walkers []walker, lines []line) {
	t := h.t
	who := walkers[1].browser
	before := h.tables()
	for _, l := range lines {
		method, _, _ := strings.Cut(l.Pattern, " ")
		path, _ := fillIn(t, l.Pattern, map[string]string{"kind": "incident", "field": "note"}, true)
		r, err := http.NewRequestWithContext(t.Context(), method, who.base+path, nil)
		h.must(err)
		r.Host = "evil.example"
		if a := who.do(r); a.Status != http.StatusMisdirectedRequest {
			t.Errorf("%s %s for an unknown host: %d", method, path, a.Status)
		}
		if method == http.MethodGet {
			continue
		}
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "null"} {
			r, err := http.NewRequestWithContext(t.Context(), method, who.base+path, strings.NewReader("text=x"))
			h.must(err)
			r.Header.Set(name, value)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Accept-Language", "nl")
			if a := who.do(r); a.Status != http.StatusForbidden {
				t.Errorf("%s %s with %s: %s answers %d", method, path, name, value, a.Status)
			} else if !strings.Contains(a.Body, "Dit formulier kwam niet van een pagina van ons") {
				t.Errorf("%s %s with %s: %s says %s", method, path, name, value, plain(a.Body))
			}
		}
	}
	for table, sum := range h.tables() {
		if before[table] != sum {
			t.Errorf("a refused request changed %s", table)
		}
	}
}

// TestTheRoutesAreThoseOfTheTable: testdata/routes.txt says who may come to each route. A new route without a line there fails, and so does one
// whose line no longer holds; TOCSIN_UPDATE=1 writes it anew, for a person to read.
func TestTheRoutesAreThoseOfTheTable(t *testing.T) {
	h := newHouse(t, pgtest.Engine(t))
	_, lines := h.routes()
	var out []string
	for _, l := range lines {
		need := "signed in"
		if right, ok := l.Need.Right(); ok {
			need = right.String()
		} else if l.Need.IsOpen() {
			need = "everybody"
		}
		out = append(out, l.surface+" "+l.Pattern+": "+need)
	}
	slices.Sort(out)
	got := strings.Join(out, "\n") + "\n"
	const file = "testdata/routes.txt"
	if os.Getenv("TOCSIN_UPDATE") == "1" {
		h.must(os.MkdirAll("testdata", 0o755))
		h.must(os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	h.must(err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the routes are not those of %s: read what changed, then run this test with TOCSIN_UPDATE=1\n%s", file, diff)
	}
}

// TestARouteWithoutALineDoesNotStart: the mux of a surface refuses a route that says nobody may come, and one that stands twice.
func TestARouteWithoutALineDoesNotStart(t *testing.T) {
	serve := func(*page.Visit) error { return nil }
	for _, c := range []struct {
		name   string
		routes []page.Route
		starts bool
	}{
		{"with a line", []page.Route{{Pattern: "GET /desk/new", Need: page.SignedIn, Serve: serve}}, true},
		{"without", []page.Route{{Pattern: "GET /desk/new", Serve: serve}}, false},
		{"twice", []page.Route{{Pattern: "GET /desk/new", Need: page.Open, Serve: serve}, {Pattern: "GET /desk/new", Need: page.SignedIn, Serve: serve}}, false},
	} {
		if _, err := (&page.Surface{Name: "desk", Routes: c.routes}).Mux(); (err == nil) != c.starts {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
