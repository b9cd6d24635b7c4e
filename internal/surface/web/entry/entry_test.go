package entry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/entry"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const password = "orchard-lantern-42-quay"

type house struct {
	*coretest.House
	*testing.T
	accounts *account.Service
	url      string
}

// open gives a house with Marta of the team and Rui of a constituent, and the doors that it serves.
func open(t *testing.T, doors ...account.Door) *house {
	t.Helper()
	core := coretest.Open(t, pgtest.Engine(t))
	h := &house{House: core, T: t, accounts: &account.Service{DB: core.DB, Clock: core.Clock, Ring: core.Ring, Audit: core.Audit, Hash: account.NewHasher(64, 1), Issuer: "CERT.EX"}}
	country := &constituency.Service{DB: core.DB, Clock: core.Clock, Ring: core.Ring, Audit: core.Audit}
	o, err := country.Create(t.Context(), core.Person(1, "Ana", access.Analyst), constituency.NewOrganisation{Name: "Águas do Vale", Lang: "pt"})
	h.must(err)
	for _, in := range []account.NewAccount{
		{Email: "marta@cert.example", Name: "Marta Silva", Roles: []access.Role{access.Analyst}},
		{Email: "rui@aguas.example", Name: "Rui Tavares", Organisation: o.UID, Roles: []access.Role{access.Constituent}},
	} {
		in.Password = password
		_, _, err := h.accounts.Create(t.Context(), access.System("setup"), in)
		h.must(err)
	}
	texts, err := text.Load()
	h.must(err)
	deps := entry.Deps{DB: core.DB, Accounts: h.accounts, Doors: doors, Around: func(*page.Visit) page.PublicView {
		return page.PublicView{Frame: page.Frame{Site: page.Site{Name: "CERT.EX", Phone: "+999 1"}}}
	}}
	mux := http.NewServeMux()
	add := func(prefix string, s page.Surface) {
		s.Clock, s.Text, s.Zone, s.Log, s.Login, s.Fail = core.Clock, texts, time.UTC, core.Log, "/login", deps.Fail
		m, err := s.Mux()
		h.must(err)
		mux.Handle(prefix, m)
	}
	add("/", page.Surface{Name: "entry", Routes: entry.Routes(deps)})
	for _, door := range doors {
		add("/"+string(door)+"/", page.Surface{Name: string(door), Routes: entry.AccountRoutes(deps, door), Who: entry.Who(door, h.accounts)})
	}
	guarded, err := page.Guard(mux, nil, nil)
	h.must(err)
	server := httptest.NewServer(guarded)
	t.Cleanup(server.Close)
	h.url = server.URL
	here := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	h.accounts.Sites = map[account.Door]string{account.Desk: here, account.Portal: here}
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

type browser struct {
	*house
	cookies map[string]string
}

func (h *house) browser() *browser { return &browser{h, map[string]string{}} }

type answer struct {
	status         int
	location, body string
	header         http.Header
}

func (b *browser) do(method, path string, pairs ...string) answer {
	b.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(v.Encode())
	}
	r, err := http.NewRequestWithContext(b.Context(), method, b.url+path, body)
	b.must(err)
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range b.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	b.must(err)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	b.must(err)
	for _, c := range res.Cookies() {
		if strings.HasPrefix(c.Name, "__Host-") && (!c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode || c.Domain != "") {
			b.Errorf("cookie %s is set without its rules (I4)", c.Name)
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return answer{res.StatusCode, res.Header.Get("Location"), string(got), res.Header}
}

func (b *browser) get(path string) answer { b.Helper(); return b.do("GET", path) }
func (b *browser) post(path string, pairs ...string) answer {
	b.Helper()
	return b.do("POST", path, pairs...)
}

func (b *browser) signIn(email string, pairs ...string) answer {
	b.Helper()
	return b.post("/login", append([]string{"email", email, "password", password}, pairs...)...)
}

var both = []account.Door{account.Desk, account.Portal}

func TestRolesChooseTheDoor(t *testing.T) {
	t.Parallel()
	h := open(t, both...)
	marta, rui := h.browser(), h.browser()
	if a := marta.signIn("Marta@CERT.example"); a.status != http.StatusSeeOther || a.location != "/desk" || marta.cookies["__Host-desk"] == "" || marta.cookies["__Host-portal"] != "" {
		t.Fatalf("the analyst: %d to %s with %v", a.status, a.location, marta.cookies)
	}
	if a := rui.signIn("rui@aguas.example"); a.location != "/portal/" || rui.cookies["__Host-portal"] == "" || rui.cookies["__Host-desk"] != "" {
		t.Fatalf("the constituent: %d to %s", a.status, a.location)
	}
	// What one door gave is worth nothing at the other, under either name (W7).
	thief := h.browser()
	thief.cookies = map[string]string{"__Host-desk": rui.cookies["__Host-portal"], "__Host-portal": marta.cookies["__Host-desk"]}
	for _, path := range []string{"/desk/account", "/portal/account"} {
		if a := thief.get(path); a.status != http.StatusSeeOther || a.location != "/login" {
			t.Errorf("%s with the other door's secret: %d", path, a.status)
		}
	}
	if a := marta.get("/portal/account"); a.location != "/login" {
		t.Errorf("the analyst in the portal: %d", a.status)
	}
	if a := marta.get("/desk/account"); a.status != http.StatusOK || !strings.Contains(a.body, "Where you are signed in") {
		t.Errorf("the analyst's own account: %d", a.status)
	}
	// A cookie that comes twice is nobody's.
	r, err := http.NewRequestWithContext(t.Context(), "GET", h.url+"/desk/account", nil)
	h.must(err)
	r.Header.Set("Cookie", "__Host-desk="+marta.cookies["__Host-desk"]+"; __Host-desk="+marta.cookies["__Host-desk"])
	res, err := http.DefaultTransport.RoundTrip(r)
	h.must(err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		t.Errorf("two cookies of one name: %d", res.StatusCode)
	}
}

var nonce = regexp.MustCompile(`nonce="[^"]*"|challenge&#34;:&#34;[^&]*`)

// Unknown account, wrong password, wrong door: one answer (I2, A13).
func TestARefusalTellsNothing(t *testing.T) {
	t.Parallel()
	h := open(t, account.Portal)
	ask := func(email, pass string) string {
		a := h.browser().post("/login", "email", email, "password", pass)
		if a.status != http.StatusUnauthorized || len(a.header["Set-Cookie"]) != 0 {
			t.Errorf("%s: %d, cookies %v", email, a.status, a.header["Set-Cookie"])
		}
		return nonce.ReplaceAllString(strings.ReplaceAll(a.body, email, ""), "")
	}
	want := ask("nobody@aguas.example", password)
	for email, pass := range map[string]string{"rui@aguas.example": "wrong-but-long-enough", "marta@cert.example": password, "no address": password} {
		if got := ask(email, pass); got != want {
			t.Errorf("%s is answered otherwise than an unknown account", email)
		}
	}
	empty := h.browser().post("/login", "email", "", "password", "")
	if empty.status != http.StatusUnprocessableEntity || !strings.Contains(empty.body, `href="#email"`) || !strings.Contains(empty.body, `href="#password"`) {
		t.Errorf("an empty form: %d", empty.status)
	}
	if a := h.browser().post("/login", "email", "rui@aguas.example", "password", strings.Repeat("x", 10<<20)); a.status != http.StatusUnprocessableEntity && a.status != http.StatusTooManyRequests {
		t.Errorf("a password of ten megabytes: %d", a.status)
	}
}

// Too many tries are told with a time; a browser that is known may go on (I3).
func TestTooManyTriesAreTold(t *testing.T) {
	t.Parallel()
	h := open(t, both...)
	known := h.browser()
	known.signIn("rui@aguas.example")
	var a answer
	for range 12 {
		a = h.browser().post("/login", "email", "rui@aguas.example", "password", "wrong-but-long-enough")
	}
	if a.status != http.StatusTooManyRequests || !strings.Contains(a.body, "Wait until 12:42") {
		t.Errorf("after twelve tries: %d\n%s", a.status, a.body)
	}
	if a := known.signIn("rui@aguas.example"); a.status != http.StatusSeeOther {
		t.Errorf("the owner's own browser is locked out: %d", a.status)
	}
}

// next= takes names of routes alone (W3).
func TestNextTakesNamesOnly(t *testing.T) {
	t.Parallel()
	h := open(t, both...)
	for name, want := range map[string]string{
		"requests": "/portal/requests", "triage": "/portal/", "": "/portal/", "//evil.example": "/portal/", `/\evil.example`: "/portal/", "https://evil.example": "/portal/",
		"/portal/requests": "/portal/", "requests\t": "/portal/", "%2f%2fevil.example": "/portal/", "javascript:alert(1)": "/portal/",
	} {
		if a := h.browser().signIn("rui@aguas.example", "next", name); a.location != want {
			t.Errorf("next=%q leads to %q, want %q", name, a.location, want)
		}
	}
	one := "5x8m2q7k0c3v9b1n4d6f8g2h5j"
	for name, want := range map[string]string{
		"people": "/desk/admin/people", "person." + one: "/desk/admin/people/" + one, "person": "/desk", "person.../..": "/desk", "people." + one: "/desk", "person." + one + "/disable": "/desk",
	} {
		b := h.browser()
		b.signIn("marta@cert.example")
		if a := b.post("/desk/account/prove", "password", password, "next", name); a.location != want {
			t.Errorf("a proof for %q leads to %q, want %q", name, a.location, want)
		}
	}
	if got := entry.Prove(account.Portal, "//evil"); got != "/portal/account/prove?next=%2F%2Fevil" {
		t.Error(got)
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	t.Parallel()
	h := open(t, both...)
	b := h.browser()
	b.signIn("rui@aguas.example")
	secret := b.cookies["__Host-portal"]
	if a := b.get("/logout"); a.status == http.StatusSeeOther || b.get("/portal/account").status != http.StatusOK {
		t.Error("a GET signs out (W2)")
	}
	a := b.post("/logout?door=portal")
	if a.location != "/login?done=out" || a.header.Get("Clear-Site-Data") == "" || b.cookies["__Host-portal"] != "" {
		t.Errorf("sign out: %d, %v", a.status, a.header)
	}
	b.cookies["__Host-portal"] = secret
	if a := b.get("/portal/account"); a.location != "/login" {
		t.Errorf("the ended session still opens: %d", a.status)
	}
}

// The list shows where one is signed in; what one ends is ended, and nobody ends another's (A3).
func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	h := open(t, both...)
	here, there, marta := h.browser(), h.browser(), h.browser()
	here.signIn("rui@aguas.example")
	there.signIn("rui@aguas.example")
	marta.signIn("marta@cert.example")
	list := here.get("/portal/account").body
	if strings.Count(list, "This browser") != 1 {
		t.Error("one's own browser is not told")
	}
	end := regexp.MustCompile(`/portal/account/sessions/([a-z0-9]+)/end`).FindStringSubmatch(list)
	if end == nil {
		t.Fatal("no session to end")
	}
	if a := marta.post("/desk/account/sessions/" + end[1] + "/end"); a.status != http.StatusNotFound {
		t.Errorf("another's session: %d", a.status)
	}
	if a := there.get("/portal/account"); a.status != http.StatusOK {
		t.Fatalf("the other browser: %d", a.status)
	}
	if a := here.post(end[0]); a.location != "/portal/account?done=ended" {
		t.Errorf("end: %d", a.status)
	}
	if a := there.get("/portal/account"); a.location != "/login" {
		t.Errorf("the ended session opens: %d", a.status)
	}
}

// A factor is enrolled after a fresh proof, asked for at the next sign-in, and a recovery code serves once (I1, I5).
func TestTheSecondFactor(t *testing.T) {
	t.Parallel()
	h := open(t, both...)
	b := h.browser()
	b.signIn("rui@aguas.example")
	h.Clock.Advance(11 * time.Minute)
	if a := b.post("/portal/account/factor"); a.location != "/portal/account/prove?next=factor" {
		t.Fatalf("without a fresh proof: %d to %s", a.status, a.location)
	}
	if a := b.post("/portal/account/password", "password", "another-long-pass-77"); a.location != "/portal/account/prove?next=password" {
		t.Errorf("a password without a fresh proof: %d to %s", a.status, a.location)
	}
	old := b.cookies["__Host-portal"]
	if a := b.post("/portal/account/prove", "password", "wrong-but-long-enough", "next", "factor"); a.status != http.StatusUnauthorized {
		t.Errorf("a wrong proof: %d", a.status)
	}
	if a := b.post("/portal/account/prove", "password", password, "next", "factor"); a.location != "/portal/account/factor" || b.cookies["__Host-portal"] == old {
		t.Fatalf("proof: %d to %s", a.status, a.location)
	}
	drawn := b.post("/portal/account/factor").body
	m := regexp.MustCompile(`<code class="secret">([A-Z2-7 ]+)</code>`).FindStringSubmatch(drawn)
	if m == nil || !strings.Contains(drawn, `<svg class="qr" role="img"`) {
		t.Fatal("no secret, or no picture of it")
	}
	if a := b.post("/portal/account/factor/confirm", "code", "000000"); !strings.Contains(a.body, "did not fit") {
		t.Errorf("a wrong code: %d", a.status)
	}
	drawn = b.post("/portal/account/factor").body
	secret := strings.ReplaceAll(regexp.MustCompile(`<code class="secret">([A-Z2-7 ]+)</code>`).FindStringSubmatch(drawn)[1], " ", "")
	code := func() string {
		c, err := totp.GenerateCode(secret, h.Clock.Now())
		h.must(err)
		return c
	}
	codes := b.post("/portal/account/factor/confirm", "code", code())
	spare := regexp.MustCompile(`<li><code>([^<]+)</code>`).FindStringSubmatch(codes.body)
	if spare == nil || strings.Count(codes.body, "<li><code>") != 10 || codes.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("recovery codes: %d\n%s", codes.status, codes.body)
	}

	h.Clock.Advance(time.Minute)
	fresh := h.browser()
	if a := fresh.signIn("rui@aguas.example", "next", "requests"); a.location != "/login/code?next=requests" || fresh.cookies["__Host-portal"] != "" {
		t.Fatalf("password alone: %d to %s", a.status, a.location)
	}
	if a := fresh.get("/portal/account"); a.location != "/login" {
		t.Error("half a sign-in opens the portal")
	}
	if a := fresh.post("/login/code", "code", ""); a.status != http.StatusUnprocessableEntity {
		t.Errorf("no code: %d", a.status)
	}
	if a := fresh.post("/login/code", "code", "000000"); a.status != http.StatusUnauthorized || !strings.Contains(a.body, "does not fit") {
		t.Errorf("a wrong code: %d", a.status)
	}
	if a := fresh.post("/login/code", "code", code(), "next", "requests"); a.location != "/portal/requests" || fresh.cookies["__Host-portal"] == "" || fresh.cookies["__Host-half"] != "" {
		t.Fatalf("code: %d to %s", a.status, a.location)
	}
	for i, want := range []int{http.StatusSeeOther, http.StatusUnauthorized} {
		lost := h.browser()
		lost.signIn("rui@aguas.example")
		if a := lost.post("/login/code", "code", spare[1]); a.status != want {
			t.Errorf("recovery code, use %d: %d, want %d", i+1, a.status, want)
		}
	}
	if a := h.browser().get("/login/code"); a.location != "/login" {
		t.Errorf("the code page without a password: %d", a.status)
	}
}

func TestANewPassword(t *testing.T) {
	t.Parallel()
	h := open(t, both...)
	b, other := h.browser(), h.browser()
	b.signIn("rui@aguas.example")
	other.signIn("rui@aguas.example")
	if a := b.post("/portal/account/password", "password", "short"); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `href="#password"`) {
		t.Errorf("a short password: %d", a.status)
	}
	if a := b.post("/portal/account/password", "password", "a-quite-different-one-91"); a.location != "/portal/account?done=password" {
		t.Fatalf("change: %d to %s\n%s", a.status, a.location, a.body)
	}
	if b.get("/portal/account").status != http.StatusOK || other.get("/portal/account").location != "/login" {
		t.Error("the other session goes on, or this one ended")
	}
	if a := h.browser().signIn("rui@aguas.example"); a.status != http.StatusUnauthorized {
		t.Errorf("the old password: %d", a.status)
	}
}
