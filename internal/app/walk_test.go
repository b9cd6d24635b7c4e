package app

import (
	"context"
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
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
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

// world is what there is to see.
type world struct {
	ours, theirs, sealed map[string]string // by wildcard: of our walkers' organisation, of another, of a sealed case
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

// build makes two organisations in one incident, and a third in a sealed one.
func (h *house) build() (world, map[string]constituency.Organisation) {
	h.t.Helper()
	ctx := h.t.Context()
	orgs := map[string]constituency.Organisation{}
	fill := func(title string, names ...string) map[string]map[string]string {
		out := map[string]map[string]string{}
		var uids []string
		for _, n := range names {
			o, c := h.organisation(n, "en", "Contact of "+n, n+"@"+n+".example", nil)
			orgs[n] = o
			cert := newCertificate(h, n+"@"+n+".example")
			h.must(h.Constituency.OfferKey(ctx, sample(), c.UID, cert.Binary(), cert.Fingerprint(), cert.Expires(), "portal"))
			keys, err := h.Constituency.AllKeys(ctx, h.DB, c.ID)
			h.must(err)
			number, err := h.Constituency.AddNumber(ctx, sample(), c.UID, constituency.NewNumber{Number: "+999 234 559 111"})
			h.must(err)
			out[n] = map[string]string{"organisation": o.UID, "key": keys[0].UID, "contact": c.UID, "number": number.UID}
			uids = append(uids, o.UID)
		}
		in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: title, TLP: tlp.Green})
		h.must(err)
		task, err := h.Incidents.AddTask(ctx, sample(), in.UID, incident.Task{Title: "Look"})
		h.must(err)
		_, err = h.Coordination.Add(ctx, sample(), in.UID, uids, coordination.Affected, "")
		h.must(err)
		rows, err := h.Coordination.Matrix(ctx, sample(), in.UID)
		h.must(err)
		var parties []string
		for _, r := range rows {
			parties = append(parties, r.Party.UID)
		}
		_, err = h.Coordination.Send(ctx, sample(), in.UID, coordination.Give{
			Parties: parties, Recommendations: []string{h.Playbook.Recommendations(playbook.Filter{Lang: "en"})[0].Code}, Request: "Since when?", TLP: tlp.Green, DueAt: time.Now().Add(48 * time.Hour), Looked: true,
		})
		h.must(err)
		rows, err = h.Coordination.Matrix(ctx, sample(), in.UID)
		h.must(err)
		mass := id.New()
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO correspondence_mass (uid, subject, subject_kind, asked_by, asked_at, readers, tlp, hash, state) VALUES ($1, $2, $3, 1, $4, 60, 2, $5, 'waiting')`,
				mass, in.Ref.ID, int64(in.Ref.Kind), time.Now(), []byte{})
			if err != nil {
				return err
			}
			return h.Alarms.RaiseTx(ctx, tx, access.Actor{Account: 999, Name: "Somebody"}, alarm.Alarm{Kind: alarm.BrokenGlass, On: in.Ref, Named: in.Number})
		}))
		alarms, err := h.Alarms.List(ctx, sample())
		h.must(err)
		for _, r := range rows {
			for _, n := range names {
				if orgs[n].Ref.ID != r.Party.Organisation {
					continue
				}
				o := out[n]
				o["incident"], o["name"], o["kind"], o["field"], o["task"] = in.Number, in.UID, "incident", "note", task.UID
				o["mass"], o["alarm"] = mass, alarms[0].UID
				o["party"], o["request"], o["measure"] = r.Party.UID, r.Requests[0].UID, r.Measures[0].UID
				h.reportOf(orgs[n], o)
			}
		}
		return out
	}
	// What is held shows nothing yet to who will read it: the letters leave here as the worker would let them.
	sent := func() {
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, q := range []string{
				`UPDATE correspondence_message SET state = 'sent', sent_at = at WHERE state = 'held'`, `UPDATE coordination_request SET shown_at = 1`, `UPDATE coordination_measure SET shown_at = 1`,
			} {
				if _, err := tx.Exec(ctx, q); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	defer sent()
	open := fill("Open case", "ours", "theirs")
	var mark int64
	h.must(h.DB.QueryRow(ctx, `SELECT MAX(id) FROM object`).Scan(&mark))
	sealed := fill("Sealed case", "hidden")["hidden"]
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE object SET sealed = TRUE WHERE id > $1 AND realm = $2`, mark, int64(access.Team))
		return err
	}))
	return world{ours: open["ours"], theirs: open["theirs"], sealed: sealed}, orgs
}

// reportOf lets somebody of an organisation report with a file in the portal.
func (h *house) reportOf(o constituency.Organisation, names map[string]string) {
	h.t.Helper()
	ctx := h.t.Context()
	by := access.Actor{Name: "R", Roles: []access.Role{access.Constituent}, Organisation: o.Ref.ID, Compartments: []int64{o.Ref.ID}, Origin: access.ByPage, Strength: access.Password, ProvedAt: time.Now(), Lang: "en"}
	by.Account = h.account(access.Constituent, "reporter@"+o.Name+".example", o.UID).ID
	got, err := h.Intake.Receive(ctx, by, intake.ReceiveInput{
		Channel: correspondence.ByPortal, Lang: "en", TLP: tlp.Green.String(), Body: intake.Body{
			Summary: "Report of " + o.Name, Description: "It happened.", Fields: map[string]string{"law": "be-nis2", "stage": "early_warning"},
		}, Original: []byte(`{"a":1}`),
		Files: []correspondence.FileIn{{Name: "log.txt", Type: "text/plain", Content: strings.NewReader("a line")}},
	})
	h.must(err)
	names["report"] = got.Report.UID
	owed, err := h.Intake.Obligations(ctx, h.DB, sample(), got.Report.Ref.ID)
	h.must(err)
	names["obligation"] = owed[got.Report.Ref.ID][0].UID
	passed, err := h.Intake.Forward(ctx, sample(), names["obligation"], intake.ForwardInput{Recipient: "sector_authority", Organisation: o.UID})
	h.must(err)
	names["forward"] = passed.UID
	run, err := h.Intake.StartRun(ctx, sample(), intake.RunInput{Action: intake.RunReject, Reports: []string{names["report"]}, Reason: "spam"})
	h.must(err)
	names["run"] = run.UID
	threads, err := h.Correspondence.Threads(ctx, h.DB, got.Report.Thread)
	h.must(err)
	names["thread"] = threads[got.Report.Thread].UID
	list, err := h.Correspondence.Messages(ctx, h.DB, sample(), got.Report.Thread)
	h.must(err)
	for _, m := range list {
		if len(m.Body.Files) > 0 {
			names["message"], names["file"] = m.UID, m.Body.Files[0].UID
		}
	}
	if names["file"] == "" {
		h.t.Fatal("the report has no file")
	}
}

var wildcard = regexp.MustCompile(`\{([a-z]+)(?:\.\.\.)?\}`)

// path fills the wildcards of a pattern from names; absent draws every one anew. ok is false when the pattern has none of them.
func fillIn(t *testing.T, pattern string, names map[string]string, absent bool) (path string, ok bool) {
	t.Helper()
	_, path, _ = strings.Cut(pattern, " ")
	path = strings.TrimSuffix(path, "{$}")
	return wildcard.ReplaceAllStringFunc(path, func(s string) string {
		name := wildcard.FindStringSubmatch(s)[1]
		ok = true
		switch {
		case name == "part": // a page of the form
			return "1"
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

// shift puts two people on duty, writes what one leaves to the other, and pages.
func (h *house) shift() (handover, page string) {
	ctx := h.t.Context()
	one, two := h.account(access.Duty, "one@shift.example", ""), h.account(access.Duty, "two@shift.example", "")
	_, err := h.Duty.SetRotation(ctx, sample(), duty.NewRotation{Every: duty.Daily, FirstDay: h.Clock.Now().AddDate(0, 0, -3).Format(time.DateOnly), People: []int64{one.ID, two.ID}})
	h.must(err)
	o, err := h.Duty.Write(ctx, sample())
	h.must(err)
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := h.Duty.PageTx(ctx, tx, duty.NewPage{Key: "walk", Reason: duty.Critical, Number: "R-2026-7K2PQX"})
		return err
	}))
	all, err := h.Duty.Pages(ctx, h.DB, sample(), 1)
	h.must(err)
	return o.UID, all[0].UID
}

func walk(h *house) {
	t := h.t
	w, orgs := h.build()
	handler, lines := h.routes()
	h.open(handler)
	someone := h.account(access.Reporter, "someone@walk.example", "")
	handover, page := h.shift()
	for _, x := range []map[string]string{w.ours, w.theirs, w.sealed} {
		x["session"], x["code"], x["secret"], x["rest"], x["token"] = id.New(), id.New(), id.New(), "policy", id.New()
		x["rotation"], x["change"], x["way"], x["handover"], x["page"] = id.New(), id.New(), id.New(), id.New(), id.New() // of the team, not of a party
		x["person"], x["fingerprint"], x["community"], x["set"], x["threshold"] = someone.UID, h.team.Fingerprint(), "businesses", "be-nis2", "eu-2024-2690"
	}
	w.ours["handover"], w.ours["page"] = handover, page
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
	if l.surface == "public" || strings.Contains(l.Pattern, "{session}") || strings.Contains(l.Pattern, "{secret}") {
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
		if ofTheHouse.MatchString(l.Pattern) {
			continue // registry and administration are not sealed with a case
		}
		a, path, _ := ask(names, false)
		if a.Status != gone.Status || same(a, path) != same(gone, nowhere) {
			t.Errorf("%s %s %s: another's object answers %d, an absent one %d, or in other bytes (A5)\n%s", x.name, method, path, a.Status, gone.Status, cmp.Diff(same(gone, nowhere), same(a, path)))
		}
	}
}

var ofTheHouse = regexp.MustCompile(`\{(alarm|organisation|contact|number|key|person|token|fingerprint|community|set|threshold)\}`)

// closed tells of routes that a signed-in person is let to by the door and refused by the verb.
func (x walker) closed(l line, status int) bool {
	if _, named := l.Need.Right(); !named && !l.Need.IsOpen() && status == http.StatusForbidden {
		return true
	}
	return strings.HasPrefix(l.Pattern, "GET /r/") || l.Pattern == "GET /.well-known/security.txt" // without a code; not signed before the key process runs
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
