package portal_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/once"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/portal"
)

const password = "orchard-lantern-42-quay"

type library struct{ *playbook.Library }

func (l library) Advice(_ context.Context, _ db.Handle, code, lang string) (coordination.Advice, error) {
	r, err := l.Recommendation(code, lang)
	return coordination.Advice{Code: r.Code, Revision: r.Version, Title: r.Title, Text: r.Text}, err
}

// house is the portal on real services, with two organisations.
type house struct {
	*coretest.House
	testing.TB
	country  *constituency.Service
	letters  *correspondence.Service
	reports  *intake.Service
	parties  *coordination.Service
	accounts *account.Service
	ana      access.Actor
	aguas    constituency.Organisation
	porto    constituency.Organisation
	url      string
	code     string // that was mailed last
}

func open(t testing.TB) *house {
	t.Helper()
	core := coretest.Open(t, pgtest.Engine(t))
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	books, err := playbook.New()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{House: core, TB: t, ana: core.Person(1, "Ana Silva", access.Analyst)}
	clocks := &deadline.Service{DB: h.DB, Clock: h.Clock, Audit: h.Audit}
	h.country = &constituency.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit}
	h.accounts = &account.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Hash: account.NewHasher(64, 1), Issuer: "CERT.EX"}
	h.letters = &correspondence.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Blobs: h.Blobs, Egress: &egress.Gate{DB: h.DB, Clock: h.Clock, Ring: h.Ring},
		Constituency: h.country, Text: texts, Hold: 20 * time.Second,
		Team: correspondence.Team{Name: "CERT.EX", Address: "report@cert.example", Phone: "+999 210 497 400", URL: "https://cert.example"},
	}
	h.country.SendCode = func(ctx context.Context, tx *db.Tx, l constituency.Letter) (string, error) {
		h.code = l.Code
		return h.letters.CodeTx(ctx, tx, l.Organisation, l.To, l.Lang, l.Code)
	}
	laws, err := law.New()
	if err != nil {
		t.Fatal(err)
	}
	h.reports = &intake.Service{Laws: laws, DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Words: search.NewTexts(h.Ring), Constituency: h.country, Correspondence: h.letters, Deadlines: clocks}
	h.parties = &coordination.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Search: search.New(h.Ring), Constituency: h.country, Correspondence: h.letters, Deadlines: clocks,
		Library: library{books}, Texts: texts,
	}
	h.aguas = h.organisation("Águas do Vale", "Rui Tavares", "rui.tavares@aguasdovale.example", "192.0.2.0/24", "aguasdovale.example")
	h.porto = h.organisation("Porto de Santa Clara", "Inês Faria", "ines.faria@porto.example")
	h.account("Rui Tavares", "rui.tavares@aguasdovale.example", h.aguas, access.Constituent)
	h.account("Inês Faria", "ines.faria@porto.example", h.porto, access.Constituent)
	h.account("Marta Silva", "marta@cert.example", constituency.Organisation{}, access.Analyst)
	h.serve(texts, clocks)
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) organisation(name, person, email string, assets ...string) constituency.Organisation {
	h.Helper()
	ctx := h.Context()
	o, err := h.country.Create(ctx, h.ana, constituency.NewOrganisation{Name: name, Lang: "en", Class: "essential", Communities: []string{"essential_services"}})
	h.must(err)
	c, err := h.country.AddContact(ctx, h.ana, o.UID, constituency.NewContact{Name: person, Role: "security", Email: email, Phone: "+999 912 000 111", OnCall: true})
	h.must(err)
	_, err = h.country.VerifyContact(ctx, h.ana, c.UID, "called back")
	h.must(err)
	for i, a := range assets {
		x, err := h.country.AddAsset(ctx, h.ana, o.UID, constituency.NewAsset{Value: a})
		h.must(err)
		if i == 0 {
			_, err = h.country.ProveAsset(ctx, h.ana, x.UID, "register of the region")
			h.must(err)
		}
	}
	return o
}

func (h *house) account(name, email string, o constituency.Organisation, roles ...access.Role) {
	h.Helper()
	_, _, err := h.accounts.Create(h.Context(), access.System("setup"), account.NewAccount{Email: email, Name: name, Organisation: o.UID, Roles: roles, Password: password})
	h.must(err)
}

// around is what the deployment puts around every page.
func around(v *page.Visit) page.PublicView {
	var out page.PublicView
	out.Site = page.Site{Name: "CERT.EX", Kind: "National CSIRT", Authority: "National Cybersecurity Centre · Ministry of Internal Affairs", Phone: "+999 210 497 400", Mail: "report@cert.example"}
	out.Nav = []page.NavItem{{Text: v.P.T("public.nav.report"), Href: "/report"}, {Text: v.P.T("public.nav.about"), Href: "/about"}}
	out.Footer = []page.NavItem{{Text: "RFC 2350", Href: "/rfc2350"}, {Text: v.P.T("public.foot.privacy"), Href: "/privacy"}}
	return out
}

func (h *house) serve(texts *text.Catalogue, clocks *deadline.Service) {
	h.Helper()
	zone, err := time.LoadLocation("Europe/Lisbon")
	h.must(err)
	annexes, err := scope.Load()
	h.must(err)
	entities := &registration.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Annexes: annexes, Constituency: h.country, Correspondence: h.letters, Intake: h.reports, Deadlines: clocks, Accounts: h.accounts,
	}
	rooms := portal.Deps{Registration: entities, DB: h.DB, Constituency: h.country, Correspondence: h.letters, Intake: h.reports, Coordination: h.parties, Deadlines: clocks, Accounts: h.accounts, Once: &once.Keeper{DB: h.DB, Ring: h.Ring, Clock: h.Clock}, Around: around}
	s := &page.Surface{Name: "portal", Routes: portal.Routes(rooms), Who: h.who, Login: "/login", Owing: "/portal/account/factor", Fail: rooms.Fail, Clock: h.Clock, Text: texts, Zone: zone, Log: h.House.Log}
	pages, err := s.Mux()
	h.must(err)
	mux := http.NewServeMux()
	mux.Handle("/portal", pages)
	mux.Handle("/portal/", pages)
	mux.HandleFunc("GET /door", h.door)
	guarded, err := page.Guard(mux, nil, nil)
	h.must(err)
	server := httptest.NewServer(guarded)
	h.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	h.url = server.URL
}

const cookieName = "__Host-portal"

// door signs somebody in without a page: those are told in package entry.
func (h *house) door(w http.ResponseWriter, r *http.Request) {
	got, err := h.accounts.SignIn(r.Context(), account.From{Door: account.Portal}, account.Credentials{Email: r.URL.Query().Get("email"), Password: password})
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: got.Secret.Reveal(), Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/portal/", http.StatusSeeOther)
}

func (h *house) who(r *http.Request) (access.Actor, string, error) {
	secret := ""
	if c, err := r.Cookie(cookieName); err == nil {
		secret = c.Value
	}
	by, session, err := h.accounts.BySession(r.Context(), account.Portal, secret)
	return by, session.UID, err
}

// asked sends a question and measures to organisations and lets the letters leave.
func (h *house) asked(orgs ...constituency.Organisation) {
	h.Helper()
	ctx := h.Context()
	in := access.Object{Ref: ref.Ref{Kind: ref.Incident}, Realm: access.Team, TLP: tlp.Amber}
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		in.Ref.ID, in.UID = 0, ""
		if err := access.Protect(ctx, tx, &in, h.Clock.Now()); err != nil {
			return err
		}
		_, err := h.Ring.Create(ctx, tx, in.Ref.ID, h.Clock.Now())
		return err
	}))
	var uids, parties []string
	for _, o := range orgs {
		uids = append(uids, o.UID)
	}
	added, err := h.parties.Add(ctx, h.ana, in.UID, uids, coordination.Affected, "seen in the logs")
	h.must(err)
	for _, p := range added {
		parties = append(parties, p.UID)
	}
	sent, err := h.parties.Send(ctx, h.ana, in.UID, coordination.Give{
		Parties: parties, Recommendations: codes(h.TB), DueAt: h.Clock.Now().Add(72 * time.Hour),
		Request: "Which account opened the VPN session at 02:13 on 21 November, and is it still active?\nPlease attach the log of the gateway for that night.",
	})
	h.must(err)
	h.Clock.Advance(21 * time.Second)
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, m := range sent {
			if _, err := tx.Exec(ctx, `UPDATE correspondence_message SET state = 'sent', sent_at = $1 WHERE id = $2 AND state = 'held'`, h.Clock.Now(), m.ID); err != nil {
				return err
			}
			if err := h.parties.MessageSentTx(ctx, tx, m, h.Clock.Now()); err != nil {
				return err
			}
		}
		return nil
	}))
}

func codes(t testing.TB) []string {
	t.Helper()
	books, err := playbook.New()
	if err != nil {
		t.Fatal(err)
	}
	all := books.Recommendations(playbook.Filter{Lang: "en"})
	return []string{all[0].Code, all[1].Code}
}

// browser keeps cookies as a browser does that trusts the loopback.
type browser struct {
	*house
	cookies map[string]string
}

func (h *house) browser() *browser { return &browser{house: h, cookies: map[string]string{}} }

type answer struct {
	status   int
	location string
	body     string
	header   http.Header
}

func (b *browser) do(method, path, contentType string, body io.Reader) answer {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, b.url+path, body)
	b.must(err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
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
			b.Errorf("cookie %s is set without its rules: %s", c.Name, c.Raw)
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return answer{res.StatusCode, res.Header.Get("Location"), string(got), res.Header}
}

func (b *browser) get(path string) answer { b.Helper(); return b.do("GET", path, "", nil) }

func (b *browser) post(path string, pairs ...string) answer {
	b.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return b.do("POST", path, "application/x-www-form-urlencoded", strings.NewReader(v.Encode()))
}

// upload posts a form with one file.
func (b *browser) upload(path, field, name, content string, pairs ...string) answer {
	b.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i+1 < len(pairs); i += 2 {
		b.must(w.WriteField(pairs[i], pairs[i+1]))
	}
	f, err := w.CreateFormFile(field, name)
	b.must(err)
	_, err = io.WriteString(f, content)
	b.must(err)
	b.must(w.Close())
	return b.do("POST", path, w.FormDataContentType(), &body)
}

func (b *browser) signIn(email string) {
	b.Helper()
	a := b.get("/door?email=" + url.QueryEscape(email))
	if a.status != http.StatusSeeOther {
		b.Fatalf("sign in as %s: %d", email, a.status)
	}
}

// first gives the first address in a page that begins with prefix.
func first(t testing.TB, body, prefix string) string {
	t.Helper()
	i := strings.Index(body, `href="`+prefix)
	if i < 0 {
		t.Fatalf("no link to %s", prefix)
	}
	rest := body[i+6:]
	return rest[:strings.IndexByte(rest, '"')]
}

func (h *house) has(a answer, words ...string) {
	h.Helper()
	if a.status != http.StatusOK {
		h.Fatalf("status %d, to %q: %s", a.status, a.location, a.body)
	}
	for _, w := range words {
		if !strings.Contains(a.body, w) {
			h.Errorf("the page does not say %q", w)
		}
	}
}
