package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/schema/schematest"
)

// TestMain lets the key process, and the whole program that is killed, be children of the tests: both start this executable again.
func TestMain(m *testing.M) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var err error
	switch {
	case os.Getenv("TOCSIN_KEYS_CHILD") != "":
		err = KeysMain(context.Background(), conf.Config{Data: os.Getenv("TOCSIN_DATA"), RootKey: os.Getenv("TOCSIN_ROOT_KEY")}, log)
	case os.Getenv(envVictim) != "":
		err = victim(log)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const teamAddress = "report@cert.valmora.example"

// patience is how long a test waits for what should take seconds: the machine may be busy.
const patience = 60 * time.Second

// shortFolder is a folder for the test whose name leaves room for that of a socket: the key process has its own in it.
func shortFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// house is a whole program: real database, real key process, real listeners.
type house struct {
	*House
	t    *testing.T
	log  *journal
	team pgp.Key
}

// journal keeps the process log.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// onEach tells the story in a house on each engine that this machine has.
func onEach(t *testing.T, story func(h *house)) {
	pgtest.OnEach(t, func(t *testing.T, engine string) { story(newHouse(t, engine)) })
}

// newHouse sets a house up for the team, on free ports. It does not serve yet.
func newHouse(t *testing.T, engine string) *house { return newHouseAt(t, engine, clock.System()) }

// newHouseAt is newHouse by a clock of the test's own.
func newHouseAt(t *testing.T, engine string, at clock.Clock) *house {
	t.Helper()
	dir := t.TempDir()
	c := conf.Config{Data: filepath.Join(dir, "data"), HTTP: freePort(t), SMTP: freePort(t), Metrics: freePort(t), Zone: "UTC"}
	if engine == "postgres" {
		c.Database = conf.EndpointOf(schematest.DSN(t))
	} else {
		schematest.Lay(t, databaseFile(c))
	}
	h := &house{t: t, log: &journal{}}
	h.House = &House{Config: c, Clock: at, Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Registry: job.NewRegistry(), drops: make(chan struct{}, 1), diskFree: diskFree}
	t.Cleanup(h.Close)
	if err := h.House.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	var err error
	secret, err := keyd.Generate("CERT.VM", []string{teamAddress}, time.Now().Add(-time.Hour))
	h.must(err)
	ring, err := keyd.NewRing(secret)
	h.must(err)
	h.team = secret.Public()
	h.must(h.Setup(t.Context(), Profile{Name: "CERT.VM", Kind: "National CSIRT", Phone: "+999 1", Address: teamAddress, Country: "XV", Lang: "en"}, ring))
	h.Accounts.Hash = account.NewHasher(8<<10, 1)
	h.Trusted = Loopback
	zone := auth.Zone{Texts: map[string][]string{}}
	for _, d := range []string{"hospital.example", "water.example", "hoster.example"} {
		zone.Texts[d] = []string{"v=spf1 ip4:127.0.0.0/8 -all"}
		zone.Texts["_dmarc."+d] = []string{"v=DMARC1; p=none"}
	}
	h.DNS = zone
	return h
}

// serve runs the whole program until the test ends.
func (h *house) serve() {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	up, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- h.Serve(ctx, All, func(*House) { close(up) }) }()
	h.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			h.t.Errorf("the house did not stop in order: %v", err)
		}
		if strings.Contains(h.log.String(), "a part of a page is left out") {
			h.t.Error("a page was shown without a part that could not be had")
		}
		if h.t.Failed() {
			h.t.Logf("process log:\n%s", h.log)
		}
	})
	select {
	case <-up:
	case err := <-ended:
		ended <- err
		h.t.Fatalf("the house does not stand: %v\n%s", err, h.log)
	case <-time.After(patience):
		h.t.Fatal("the house does not stand")
	}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// eventually waits until look finds what a job or a follower does, and fails with what was waited for.
func (h *house) eventually(what string, look func() bool) {
	h.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !look() {
		select {
		case <-tick.C:
		case <-end:
			h.t.Fatalf("never came: %s", what)
		}
	}
}

func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		// Below those that outgoing connections take: a port of theirs may be gone before the house listens.
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(12000+rand.IntN(20000)))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

func sample() access.Actor { return access.System("sample") }

// organisation enters one with a contact; certificate may be nil.
func (h *house) organisation(name, lang, contact, email string, certificate []byte) (constituency.Organisation, constituency.Contact) {
	h.t.Helper()
	ctx := h.t.Context()
	o, err := h.Constituency.Create(ctx, sample(), constituency.NewOrganisation{Name: name, Sector: "health", Lang: lang})
	h.must(err)
	c, err := h.Constituency.AddContact(ctx, sample(), o.UID, constituency.NewContact{Name: contact, Email: email, Lang: lang})
	h.must(err)
	if certificate != nil {
		keys, _ := pgp.ParseKeys(certificate)
		if len(keys) != 1 {
			h.t.Fatalf("%d keys in a certificate", len(keys))
		}
		h.must(h.Constituency.OfferKey(ctx, sample(), c.UID, keys[0].Binary(), keys[0].Fingerprint(), keys[0].Expires(), "portal"))
		offered, err := h.Constituency.AllKeys(ctx, h.DB, c.ID)
		h.must(err)
		_, err = h.Constituency.ApproveKey(ctx, sample(), offered[0].UID, "fingerprint read on the telephone")
		h.must(err)
	}
	return o, c
}

// password is what everybody in the tests signs in with.
const password = "correct horse battery 7"

// person makes an account and signs it in by the pages.
func (h *house) person(role access.Role, email, organisation string) *browser {
	h.t.Helper()
	h.account(role, email, organisation)
	b := h.browser()
	b.signIn(email)
	return b
}

func (h *house) account(role access.Role, email, organisation string) account.Account {
	h.t.Helper()
	a, _, err := h.Accounts.Create(h.t.Context(), sample(), account.NewAccount{
		Email: email, Name: "Person " + string(role), Organisation: organisation, Roles: []access.Role{role}, Password: password,
	})
	h.must(err)
	return a
}

// browser keeps cookies as a browser does that treats this machine as a secure place.
type browser struct {
	h       *house
	base    string
	cookies map[string]string
	client  *http.Client
}

func (h *house) browser() *browser {
	return &browser{h: h, base: "http://" + h.Config.HTTP, cookies: map[string]string{}, client: &http.Client{
		Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what came back, redirects not followed.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

func (a answer) to() string { return a.Header.Get("Location") }

func (b *browser) do(r *http.Request) answer {
	b.h.t.Helper()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res, err := b.client.Do(r)
	b.h.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	b.h.must(err)
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func (b *browser) get(path string) answer {
	b.h.t.Helper()
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodGet, b.base+path, nil)
	b.h.must(err)
	return b.do(r)
}

// page is get of what must be there.
func (b *browser) page(path string) string {
	b.h.t.Helper()
	a := b.get(path)
	if a.Status != http.StatusOK {
		b.h.t.Fatalf("GET %s: %d, to %q\n%s", path, a.Status, a.to(), plain(a.Body))
	}
	return a.Body
}

func (b *browser) send(path string, fields url.Values) answer {
	b.h.t.Helper()
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodPost, b.base+path, strings.NewReader(fields.Encode()))
	b.h.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

// post is send of what must be taken; it gives where the page leads on.
func (b *browser) post(path string, pairs ...string) string {
	b.h.t.Helper()
	a := b.send(path, values(pairs...))
	if a.Status != http.StatusSeeOther {
		b.h.t.Fatalf("POST %s: %d\n%s", path, a.Status, plain(a.Body))
	}
	return a.to()
}

func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func (b *browser) signIn(email string) {
	b.h.t.Helper()
	if to := b.post("/login", "email", email, "password", password); strings.HasPrefix(to, "/login") {
		b.h.t.Fatalf("signed in, led to %s", to)
	}
}

var markup = regexp.MustCompile(`(?s)<(?:script|style|svg).*?</(?:script|style|svg)>|<[^>]*>`)

// plain is a page as text, for messages of tests.
func plain(html string) string {
	s := strings.Join(strings.Fields(markup.ReplaceAllString(html, " ")), " ")
	return s[:min(len(s), 1500)]
}

// all gives what a pattern's group finds, each once.
func all(pattern, text string) []string {
	var out []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		if !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}

// one gives what a pattern's group finds, which must be there.
func (h *house) one(pattern, text string) string {
	h.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		h.t.Fatalf("no %s in %s", pattern, plain(text))
	}
	return m[1]
}

// mail hands a message over by SMTP; nil is "250" after the end of data.
func (h *house) mail(from, to, raw string) {
	h.t.Helper()
	h.must(deliver(h.Config.SMTP, from, to, raw))
}

func deliver(addr, from, to, raw string) error {
	c, err := smtp.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Hello("mx.example"); err != nil {
		return err
	}
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, raw); err != nil {
		return err
	}
	return w.Close()
}

// sent are the letters of the outbox folder to an address, or all.
func (h *house) sent(to string) []string {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(OutboxFolder(h.Config), "*.eml"))
	h.must(err)
	var out []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		h.must(err)
		if to == "" || regexp.MustCompile(`(?m)^To: .*`+regexp.QuoteMeta(to)).Match(b) {
			out = append(out, string(b))
		}
	}
	return out
}

// letter waits for the one letter in the outbox folder to an address.
func (h *house) letter(to string) string {
	h.t.Helper()
	var got []string
	h.eventually("a letter to "+to, func() bool { got = h.sent(to); return len(got) > 0 })
	return got[len(got)-1]
}

// newCertificate makes a certificate that nobody approved.
func newCertificate(h *house, email string) pgp.Key {
	h.t.Helper()
	s, err := keyd.Generate("Somebody", []string{email}, time.Now().Add(-time.Hour))
	h.must(err)
	return s.Public()
}
