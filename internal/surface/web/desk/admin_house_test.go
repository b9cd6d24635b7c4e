package desk_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/draft"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/presence"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/kit/pubsub"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/desk"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const password = "orchard-lantern-42-quay"

// office is the desk on real services: Root administers, Lea and Leo lead, Ana analyses, Iris audits.
type office struct {
	*coretest.House
	testing.TB
	accounts  *account.Service
	letters   *correspondence.Service
	suspicion *suspicion.Service
	country   *constituency.Service
	cases     *incident.Service
	duty      *duty.Service
	keys      []pgp.Key
	mux       http.Handler
}

func openOffice(t testing.TB) *office {
	t.Helper()
	core := coretest.Open(t, pgtest.Engine(t))
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	h := &office{House: core, TB: t}
	clocks := &deadline.Service{DB: h.DB, Clock: h.Clock, Audit: h.Audit}
	h.country = &constituency.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit}
	h.accounts = &account.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Hash: account.NewHasher(64, 1), Issuer: "CERT.EX"}
	h.letters = &correspondence.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Blobs: h.Blobs, Egress: &egress.Gate{DB: h.DB, Clock: h.Clock, Ring: h.Ring},
		Constituency: h.country, Text: texts, Hold: 20 * time.Second, Team: correspondence.Team{Name: "CERT.EX", Address: "report@cert.example", URL: "https://cert.example"},
	}
	laws, err := law.New()
	if err != nil {
		t.Fatal(err)
	}
	reports := &intake.Service{Laws: laws, DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Words: search.NewTexts(h.Ring), Constituency: h.country, Correspondence: h.letters, Deadlines: clocks}
	h.suspicion = &suspicion.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Text: texts, Lang: "en", Constituency: h.country, Correspondence: h.letters, Intake: reports}
	cases := &incident.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Search: search.New(h.Ring), Correspondence: h.letters, Intake: reports, Deadlines: clocks, Zone: time.UTC, Lang: "en"}
	watch := &alarm.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit}
	h.letters.Alarms, cases.Alarms, h.cases = watch, watch, cases
	cases.Constituency, cases.Staff = h.country, func(ctx context.Context) ([]int64, error) { return h.accounts.StaffIDs(ctx, h.DB) }
	cases.TypeKnown = func(string) bool { return true }
	cases.Coordination = &coordination.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Search: search.New(h.Ring), Constituency: h.country, Correspondence: h.letters, Deadlines: clocks, Texts: texts, Who: h.accounts.Acting, Rests: cases.Rests, Tells: cases.Tells}
	h.duty = &duty.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Zone: time.UTC, Channels: []string{"smtp", "web"},
		Staff: func(ctx context.Context, _ db.Handle) ([]int64, error) { return h.accounts.StaffIDs(ctx, h.DB) },
		Came: func(context.Context, db.Handle, string, time.Time) ([]time.Time, time.Time, error) {
			return nil, time.Time{}, nil
		},
		Events: func(context.Context, access.Actor, time.Time, time.Time, time.Time) (duty.Events, error) {
			return duty.Events{New: []duty.Event{{Number: "INC-2026-000001", At: h.Clock.Now()}}}, nil
		},
	}
	d := &desk.Desk{
		Duty:     h.duty,
		Presence: &presence.Service{DB: h.DB, Clock: h.Clock}, Playbook: h.playbook(),
		Coordination: cases.Coordination, Drafts: &draft.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring}, DB: h.DB, Clock: h.Clock, Audit: h.Audit, Intake: reports, Correspondence: h.letters, Incidents: cases, Constituency: h.country, Deadlines: clocks, Suspicion: h.suspicion,
		Takedown: &takedown.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Texts: texts, Constituency: h.country, Coordination: cases.Coordination},
		Newest:   pubsub.NewNewest(0), Zone: time.UTC, Site: page.Site{Name: "CERT.EX"}, Accounts: h.accounts,
		Alarms: watch, Retain: &retain.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit},
		Staff: func(ctx context.Context, by access.Actor) (out []desk.Colleague, err error) {
			all, err := h.accounts.Staff(ctx, h.DB, by)
			for _, a := range all {
				out = append(out, desk.Colleague{Account: a.ID, Name: a.Name})
			}
			return out, err
		},
		TeamKeys: func(context.Context) ([]pgp.Key, error) { return h.keys, nil },
		Health: func(context.Context) []desk.HealthLine {
			return []desk.HealthLine{{Name: "database", OK: true}, {Name: "disk", Note: "less than 10 % of the disk is free"}}
		},
		Welcome: func(_ account.Account, link id.Secret) string { return "https://cert.example/welcome/" + link.Reveal() },
		Names: func(ctx context.Context, ids ...int64) (map[int64]string, error) {
			return h.accounts.Names(ctx, h.DB, ids...)
		},
	}
	s := &page.Surface{
		Name: "desk", Routes: d.Routes(), Clock: h.Clock, Text: texts, Zone: time.UTC, Log: h.House.Log, Login: "/login", Who: h.who,
		Fail: func(v *page.Visit, kind errs.Kind, said, _ string) error {
			v.W.WriteHeader(kind.HTTP())
			_, err := io.WriteString(v.W, said)
			return err
		},
	}
	h.mux, err = s.Mux()
	h.must(err)
	setup := access.System("sample")
	for _, p := range []struct {
		name  string
		roles []access.Role
	}{{"Lea", []access.Role{access.Lead}}, {"Leo", []access.Role{access.Lead}}, {"Root", []access.Role{access.Admin}}, {"Ana", []access.Role{access.Analyst}}, {"Iris", []access.Role{access.Auditor}}} {
		_, _, err := h.accounts.Create(t.Context(), setup, account.NewAccount{Name: p.name, Email: strings.ToLower(p.name) + "@cert.example", Roles: p.roles, Password: password})
		h.must(err)
	}
	return h
}

func (h *office) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *office) who(r *http.Request) (access.Actor, string, error) {
	c, err := r.Cookie("desk")
	if err != nil {
		return access.Actor{}, "", errs.New(errs.Unauthenticated, "sign in first")
	}
	by, session, err := h.accounts.BySession(r.Context(), account.Desk, c.Value)
	return by, session.UID, err
}

// person is somebody of the team with a browser.
type person struct {
	*office
	secret string
}

func (h *office) as(name string) person {
	h.Helper()
	got, err := h.accounts.SignIn(h.Context(), account.From{Door: account.Desk}, account.Credentials{Email: strings.ToLower(name) + "@cert.example", Password: password})
	h.must(err)
	return person{h, got.Secret.Reveal()}
}

type answer struct {
	status   int
	location string
	body     string
	header   http.Header
}

func (p person) do(method, path string, pairs ...string) answer {
	p.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequestWithContext(p.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "desk", Value: p.secret})
	w := httptest.NewRecorder()
	p.mux.ServeHTTP(w, r)
	return answer{w.Code, w.Header().Get("Location"), w.Body.String(), w.Header()}
}

func (p person) get(path string) answer { p.Helper(); return p.do("GET", path) }

// sees wants a page with all of the words; a word after "!" must not be there.
func (p person) sees(a answer, status int, words ...string) {
	p.Helper()
	if a.status != status {
		p.Fatalf("status %d, want %d, to %q\n%s", a.status, status, a.location, a.body)
	}
	for _, w := range words {
		not := strings.HasPrefix(w, "!")
		if strings.Contains(a.body, strings.TrimPrefix(w, "!")) == not {
			p.Errorf("about %q in the page:\n%s", w, a.body)
		}
	}
	if strings.Contains(a.body, "⟦") {
		p.Errorf("a text is missing: %s", a.body[strings.Index(a.body, "⟦"):][:60])
	}
}

func (p person) goes(a answer, to string) {
	p.Helper()
	if a.status != http.StatusSeeOther || a.location != to {
		p.Fatalf("%d to %q, want %q\n%s", a.status, a.location, to, a.body)
	}
}

func (h *office) uid(name string) string {
	h.Helper()
	list, _, err := h.accounts.List(h.Context(), access.System("setup"), account.Filter{Limit: 100})
	h.must(err)
	for _, a := range list {
		if a.Name == name {
			return a.UID
		}
	}
	h.Fatalf("nobody is called %s", name)
	return ""
}

// teamKeys is the team's key and one before it.
func teamKeys(t testing.TB, now time.Time) []pgp.Key {
	t.Helper()
	var out []pgp.Key
	for _, at := range []time.Time{now.Add(-24 * time.Hour), now.AddDate(-1, 0, 0)} {
		s, err := keyd.Generate("CERT.EX", []string{"report@cert.example"}, at)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s.Public())
	}
	return out
}

func (p person) actor() access.Actor {
	p.Helper()
	by, _, err := p.accounts.BySession(p.Context(), account.Desk, p.secret)
	p.must(err)
	return by
}

func (h *office) playbook() *playbook.Library {
	l, err := playbook.New()
	h.must(err)
	return l
}
