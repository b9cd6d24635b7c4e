package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/once"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/api"
)

// library is a small library as data.
type library map[string]coordination.Advice

func (l library) Advice(_ context.Context, _ db.Handle, code, _ string) (coordination.Advice, error) {
	a, ok := l[code]
	if !ok {
		return a, errs.ErrNotFound
	}
	return a, nil
}

// house is a team with two hospitals, reached over HTTP.
type house struct {
	*coretest.House
	testing.TB
	deps     api.Deps
	api      *api.API
	server   *httptest.Server
	accounts *account.Service
	tokens   map[string]string // by role; "other" is the second hospital's
	log      *bytes.Buffer
	one, two constituency.Organisation
}

func open(t testing.TB, h *coretest.House, change ...func(*api.Deps)) *house {
	t.Helper()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	types, err := taxonomy.New()
	if err != nil {
		t.Fatal(err)
	}
	log := new(bytes.Buffer)
	country := &constituency.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit}
	clocks := &deadline.Service{DB: h.DB, Clock: h.Clock, Audit: h.Audit}
	letters := &correspondence.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Blobs: h.Blobs, Egress: &egress.Gate{DB: h.DB, Clock: h.Clock, Ring: h.Ring},
		Constituency: country, Text: texts, Hold: 20 * time.Second,
		Team: correspondence.Team{Name: "CERT.EX", Address: "report@cert.example", URL: "https://cert.example"},
	}
	words := search.New(h.Ring)
	laws, err := law.New()
	if err != nil {
		t.Fatal(err)
	}
	reports := &intake.Service{Laws: laws, DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Words: search.NewTexts(h.Ring), Constituency: country, Correspondence: letters, Deadlines: clocks}
	parties := &coordination.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Search: words, Constituency: country, Correspondence: letters, Deadlines: clocks, Texts: texts,
		Library: library{"isolate": {Code: "isolate", Revision: 3, Title: "Take the machine off the network", Text: "Pull the cable.\nLeave it running."}},
	}
	cases := &incident.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Constituency: country, Correspondence: letters, Intake: reports,
		Coordination: parties, Deadlines: clocks, Search: words, TypeKnown: types.Known, Zone: time.UTC, Lang: "en",
	}
	x := &house{
		House: h, TB: t, log: log, tokens: map[string]string{},
		accounts: &account.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Hash: account.NewHasher(64, 1), Issuer: "CERT.EX"},
	}
	x.deps = api.Deps{
		Tokens: x.accounts, Once: &once.Keeper{DB: h.DB, Ring: h.Ring, Clock: h.Clock}, Text: texts, Clock: h.Clock, Log: slog.New(slog.NewTextHandler(log, nil)),
		URL: "https://cert.example", Constituency: country, Correspondence: letters, Intake: reports, Coordination: parties, Incident: cases,
		Deadlines: clocks, Search: words, Audit: h.Audit, Retain: &retain.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit},
		Takedown:  &takedown.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Texts: texts, Constituency: country, Coordination: parties},
		Suspicion: &suspicion.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Text: texts, Lang: "en", Constituency: country, Correspondence: letters, Intake: reports},
	}
	annexes, err := scope.Load()
	if err != nil {
		t.Fatal(err)
	}
	x.deps.Registration = &registration.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Annexes: annexes, Constituency: country, Correspondence: letters, Intake: reports, Deadlines: clocks, Accounts: x.accounts,
	}
	x.deps.Staff = func(ctx context.Context, _ access.Actor) ([]api.Person, error) { // the owners of tokens here are machines
		return db.All(ctx, h.DB, func(r *db.Rows) (p api.Person, err error) { return p, r.Scan(&p.Account, &p.ID, &p.Name) },
			`SELECT p.id, o.uid, p.name FROM account_person p JOIN object o ON o.id = p.id ORDER BY p.id`)
	}
	x.deps.Duty = &duty.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Zone: time.UTC, Channels: []string{"smtp", "web"},
		Staff: func(ctx context.Context, _ db.Handle) (out []int64, err error) {
			all, err := x.deps.Staff(ctx, access.Actor{})
			for _, p := range all {
				out = append(out, p.Account)
			}
			return out, err
		},
		Came: func(context.Context, db.Handle, string, time.Time) ([]time.Time, time.Time, error) {
			return nil, h.Clock.Now().Add(-30 * time.Hour), nil
		},
	}
	for _, f := range change {
		f(&x.deps)
	}
	if x.api, err = api.New(x.deps); err != nil {
		t.Fatal(err)
	}
	x.server = httptest.NewServer(x.api)
	t.Cleanup(x.server.Close)
	x.one, x.two = x.organisation("Hospital One", "sec@one.example"), x.organisation("Hospital Two", "sec@two.example")
	for _, r := range access.AllRoles {
		organisation := ""
		if r == access.Constituent || r == access.ConstituentAdmin {
			organisation = x.one.UID
		}
		x.token(string(r), r, organisation)
	}
	x.token("other", access.Constituent, x.two.UID)
	return x
}

func (h *house) organisation(name, email string) constituency.Organisation {
	h.Helper()
	o, err := h.deps.Constituency.Create(context.Background(), h.ana(), constituency.NewOrganisation{Name: name, Lang: "en"})
	h.must(err)
	_, err = h.deps.Constituency.AddContact(context.Background(), h.ana(), o.UID, constituency.NewContact{Name: "Desk of " + name, Role: "security", Email: email})
	h.must(err)
	return o
}

func (h *house) ana() access.Actor { return h.Person(1, "Ana Silva", access.Analyst) }

func (h *house) token(name string, r access.Role, organisation string) {
	h.Helper()
	_, secret, err := h.accounts.CreateToken(context.Background(), access.System("setup"), account.NewToken{Name: name, Role: r, Organisation: organisation})
	h.must(err)
	h.tokens[name] = secret.Reveal()
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// as is a client with the token of a role; "" has none. It never waits: nothing is to be tried again here.
func (h *house) as(role string) *client.Client {
	c := client.New(h.server.URL, h.tokens[role])
	c.Tries, c.Lang = 1, "en"
	return c
}

// answer is a raw answer without what differs from one moment to the next.
type answer struct {
	status int
	header http.Header
	body   string
}

// raw sends bytes as they are.
func (h *house) raw(role, method, path, body string, header ...string) answer {
	h.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, h.server.URL+path, strings.NewReader(body))
	h.must(err)
	if t := h.tokens[role]; t != "" {
		req.Header.Set("Authorization", "Bearer "+t)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	h.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	h.must(err)
	res.Header.Del("Date")
	return answer{res.StatusCode, res.Header, string(b)}
}

func (h *house) problem(a answer) client.Problem {
	h.Helper()
	var p client.Problem
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		h.Errorf("%d is %s, not a problem: %s", a.status, ct, a.body)
	}
	h.must(json.Unmarshal([]byte(a.body), &p))
	if p.Status != a.status {
		h.Errorf("problem says %d, status is %d", p.Status, a.status)
	}
	return p
}

// number gives numbers to what was recorded.
func (h *house) number() {
	h.Helper()
	signer, _, err := audit.SignerOf(h.Ring.Derive("audit checkpoint/v1"))
	h.must(err)
	s := &audit.Sequencer{DB: h.DB, Clock: h.Clock, Signer: signer, Log: slog.New(slog.DiscardHandler)}
	for {
		n, err := s.Number(context.Background())
		h.must(err)
		if n == 0 {
			return
		}
	}
}

// asked is an incident with both hospitals as parties; the first has a request and a measure, the second too, and both letters have left.
type asked struct {
	report             client.Received
	incident           client.Incident
	one, two           client.Party
	request, measure   string // of the first
	request2, measure2 string
	obligation         string // of the first, under NIS2
	obligation2        string
	sending            string // of both
}

func (h *house) asked() asked {
	h.Helper()
	ctx := context.Background()
	ana := h.as("analyst")
	var s asked
	var err error
	s.report, err = h.as("constituent").CreateReport(ctx, client.NewReport{Summary: "Files are encrypted", Description: "Since six this morning", TLP: "TLP:GREEN"})
	h.must(err)
	t, err := ana.Triage(ctx, s.report.ID, client.Triage{Action: "accept", Type: "availability:outage", Severity: "high", Reasons: []string{"a hospital"}})
	h.must(err)
	s.incident = *t.Incident
	_, err = ana.AddParties(ctx, s.incident.Number, []string{h.two.UID}, "affected", "same supplier")
	h.must(err)
	matrix, err := ana.Parties(ctx, s.incident.Number)
	h.must(err)
	for _, p := range matrix.Items {
		switch {
		case p.Organisation != nil && p.Organisation.ID == h.one.UID:
			s.one = p
		case p.Organisation != nil && p.Organisation.ID == h.two.UID:
			s.two = p
		}
	}
	due := h.Clock.Now().Add(48 * time.Hour)
	for _, p := range []client.Party{s.one, s.two} {
		_, err = ana.Ask(ctx, p.ID, client.Ask{Text: "Which machines are hit?", DueAt: due, TLP: "TLP:GREEN"})
		h.must(err)
		_, err = ana.Give(ctx, p.ID, client.Give{Recommendations: []string{"isolate"}, DueAt: due, TLP: "TLP:GREEN"})
		h.must(err)
	}
	h.Clock.Advance(time.Minute) // the hold is over
	read := func(role string) (request, measure string) {
		q, err := h.as(role).Requests(ctx, client.Page{})
		h.must(err)
		m, err := h.as(role).Measures(ctx, client.Page{})
		h.must(err)
		if len(q.Items) != 1 || len(m.Items) != 1 {
			h.Fatalf("%s has %d requests and %d measures", role, len(q.Items), len(m.Items))
		}
		return q.Items[0].ID, m.Items[0].ID
	}
	s.request, s.measure = read("constituent")
	s.request2, s.measure2 = read("other")
	sending, err := ana.NewSending(ctx, s.incident.ID)
	h.must(err)
	s.sending = sending.ID
	_, err = ana.ChooseForSending(ctx, s.sending, client.SendingChoice{Parties: true})
	h.must(err)
	_, err = ana.SetSendingLetter(ctx, s.sending, client.SendingText{Text: "Look.", TLP: "TLP:GREEN"})
	h.must(err)
	_, err = ana.FileStage(ctx, s.report.ID, client.NewStage{RuleSet: "eu-nis2", Stage: "early_warning", Affected: []string{h.one.UID, h.two.UID}})
	h.must(err)
	owed, err := ana.Obligations(ctx, s.report.ID)
	h.must(err)
	for _, o := range owed.Items {
		switch o.Organisation.ID {
		case h.one.UID:
			s.obligation = o.ID
		case h.two.UID:
			s.obligation2 = o.ID
		}
	}
	return s
}

func asProblem(err error, into **client.Problem) bool { return errors.As(err, into) }
