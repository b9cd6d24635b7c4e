package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/api"
)

// TestOneReadingOnEveryOperation holds rule W5 on every operation that takes a body.
func TestOneReadingOnEveryOperation(t *testing.T) {
	t.Parallel()
	h := open(t, coretest.Open(t, pgtest.Engine(t)))
	s := h.asked()
	for _, op := range api.Operations() {
		if op.Method == "GET" {
			continue
		}
		role := "duty"
		if !op.Admits(access.Actor{Account: 1, Roles: []access.Role{access.Duty}}) {
			role = "lead"
		}
		if !op.Admits(access.Actor{Account: 1, Roles: []access.Role{access.Lead}}) {
			role = "constituent"
		}
		p := path(op, s.report.ID, s.incident.ID, s.one.ID, s.request, s.measure, h.one.UID, s.obligation, s.sending)
		for _, c := range []struct{ body, code string }{
			{`{"tlp":"RED","TLP":"CLEAR"}`, "json_repeated"},
			{`{"Version":1}`, "json_unknown"},
			{`{"id":"x"}`, "json_unknown"},
			{`{"compartment":0}`, "json_unknown"},
			{`{}{}`, "json"},
			{"{\"x\":\"\xff\"}", "json"},
			{``, "json"},
			{`[]`, "json_object"},
			{strings.Repeat("[", 70) + strings.Repeat("]", 70), "json_depth"},
		} {
			before := h.state()
			a := h.raw(role, op.Method, p, c.body, "If-Match", "*")
			got := h.problem(a)
			code := got.Code
			if len(got.Errors) > 0 {
				code = got.Errors[0].Code
			}
			if a.status != 422 && a.status != 400 || code != c.code {
				t.Errorf("%s %s with %s: %d %s", op.Method, op.Path, c.body, a.status, a.body)
			}
			if after := h.state(); after != before {
				t.Errorf("%s %s with %s changed something", op.Method, op.Path, c.body)
			}
		}
	}
}

func TestAllProblemsAtOnceInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	h := open(t, coretest.Open(t, pgtest.Engine(t)))
	a := h.raw("analyst", "POST", "/api/v1/reports", `{"ongoing":"perhaps","aware_at":"2026-11-21T10:00:00","kind":7,"surprise":true}`, "Accept-Language", "pt-PT,en;q=0.5")
	p := h.problem(a)
	if a.status != 422 || len(p.Errors) != 4 || p.Errors[3].Detail != "Não há nenhum campo com este nome" || p.Title != "Este pedido precisa de atenção" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if strings.Contains(a.body, "perhaps") {
		t.Error("the answer quotes what was typed")
	}
	a = h.raw("analyst", "POST", "/api/v1/reports", `{}`)
	if p := h.problem(a); a.status != 422 || len(p.Errors) == 0 {
		t.Errorf("an empty report: %d %s", a.status, a.body)
	}
	for answer, want := range map[string]string{`true`: "yes", `false`: "no", `"unknown"`: "unknown"} {
		a := h.raw("analyst", "POST", "/api/v1/reports", `{"summary":"x","ongoing":`+answer+`}`)
		if a.status != 201 {
			t.Fatalf("%s: %s", answer, a.body)
		}
		list, err := h.as("analyst").Reports(context.Background(), client.Page{Limit: 1})
		h.must(err)
		if list.Items[0].Ongoing != want {
			t.Errorf("%s reads as %s", answer, list.Items[0].Ongoing)
		}
		h.Clock.Advance(time.Second)
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	h := open(t, coretest.Open(t, pgtest.Engine(t)))
	for _, c := range []struct{ path, field, code string }{
		{"/reports?limt=3", "limt", "unknown_parameter"},
		{"/reports?limit=0", "limit", "parameter"},
		{"/reports?limit=501", "limit", "parameter"},
		{"/reports?limit=x", "limit", "parameter"},
		{"/reports?limit=1&limit=2", "limit", "parameter"},
		{"/reports?state=burnt", "state", "parameter"},
		{"/reports?q=%00", "q", "parameter"},
		{"/reports?q=%ff", "q", "parameter"},
		{"/reports?q=%zz", "query", "parameter"},
		{"/reports?token=x", "token", "unknown_parameter"},
		{"/search", "q", "parameter"},
		{"/reports?updated_after=-1", "updated_after", "parameter"},
		{"/reports?updated_after=0&state=new", "updated_after", "alone"},
		{"/contacts", "organisation", "required"},
		{"/audit?after=!", "after", "parameter"},
	} {
		role := "analyst"
		if strings.HasPrefix(c.path, "/audit") {
			role = "auditor"
		}
		a := h.raw(role, "GET", "/api/v1"+c.path, "")
		p := h.problem(a)
		if a.status != 422 || len(p.Errors) == 0 || p.Errors[0].Field != c.field || p.Errors[0].Code != c.code {
			t.Errorf("%s: %d %s", c.path, a.status, a.body)
		}
	}
	for _, p := range []string{"/reports", "/incidents", "/requests", "/measures", "/organisations", "/deadlines"} {
		if a := h.raw("analyst", "GET", "/api/v1"+p+"?after=bm90aGluZw", ""); a.status != 422 {
			t.Errorf("%s with a page mark that is none: %d %s", p, a.status, a.body)
		}
	}
}

func TestBodiesHaveLimits(t *testing.T) {
	t.Parallel()
	h := open(t, coretest.Open(t, pgtest.Engine(t)))
	big := `{"summary":"` + strings.Repeat("x", api.MostBody) + `"}`
	if a := h.raw("analyst", "POST", "/api/v1/reports", big); a.status != 413 || h.problem(a).Code != "body_large" {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, ct := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/merge-patch+json", "nonsense/"} {
		if a := h.raw("analyst", "POST", "/api/v1/reports", `{"summary":"x"}`, "Content-Type", ct); a.status != 415 {
			t.Errorf("%s: %d", ct, a.status)
		}
	}
	if a := h.raw("analyst", "POST", "/api/v1/reports", `{"summary":"x"}`, "Content-Type", "application/json; charset=UTF-8"); a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := h.raw("analyst", "POST", "/api/v1/reports", `{"summary":"x"}`, "Content-Encoding", "gzip"); a.status != 415 {
		t.Errorf("gzip: %d", a.status)
	}
	if a := h.raw("analyst", "POST", "/api/v1/reports", `{"summary":"x","attachments":[{"name":"a","base64":"?"}]}`); a.status != 422 || h.problem(a).Errors[0].Field != "attachments[0].base64" {
		t.Errorf("base64: %d %s", a.status, a.body)
	}
}

// TestTokens holds rule I12: a bearer token and nothing else opens anything, and every token that opens nothing gets the same answer.
func TestTokens(t *testing.T) {
	t.Parallel()
	h := open(t, coretest.Open(t, pgtest.Engine(t)))
	good := h.tokens["analyst"]
	want := h.raw("", "GET", "/api/v1/incidents", "")
	for name, header := range map[string][]string{
		"no token": {}, "unknown": {"Authorization", "Bearer " + id.NewSecret("tcs").Reveal()}, "another scheme": {"Authorization", "Basic " + good}, "bare": {"Authorization", good},
		"of a session": {"Authorization", "Bearer " + id.NewSecret("ses").Reveal()}, "a cookie": {"Cookie", "__Host-desk=" + good + "; token=" + good},
		"two": {"Authorization", "Bearer " + good, "Authorization", "Bearer " + good}, "long": {"Authorization", "Bearer " + strings.Repeat("x", 5000)}, "empty": {"Authorization", "Bearer "},
	} {
		got := h.raw("", "GET", "/api/v1/incidents", "", header...)
		if got.status != 401 || got.body != want.body || !sameHeader(got.header, want.header) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if a := h.raw("", "GET", "/api/v1/incidents", "", "Authorization", "bearer "+good); a.status != 200 {
		t.Errorf("the scheme in small letters: %d", a.status)
	}
	// A bad token on an open operation is refused too, never taken for nobody.
	if a := h.raw("", "POST", "/api/v1/reports", `{"summary":"x"}`, "Authorization", "Bearer tcs_x"); a.status != 401 {
		t.Errorf("a bad token on an open operation: %d", a.status)
	}
	if strings.Contains(h.log.String(), good) {
		t.Error("the token is in the log")
	}
}

// TestRates holds rule W8 and the tight limits of reports without a token.
func TestRates(t *testing.T) {
	t.Parallel()
	from := "192.0.2.1"
	var mu sync.Mutex
	h := open(t, coretest.Open(t, pgtest.Engine(t)), func(d *api.Deps) {
		d.Limits = api.Limits{Account: api.Rate{Burst: 5, Every: time.Second}, Report: api.Rate{Burst: 2, Every: time.Minute}, Refused: api.Rate{Burst: 3, Every: time.Minute}}
		d.Network = func(*http.Request) netip.Addr {
			mu.Lock()
			defer mu.Unlock()
			return netip.MustParseAddr(from)
		}
	})
	report := func() answer { return h.raw("", "POST", "/api/v1/reports", `{"summary":"x"}`) }
	for i := range 2 {
		if a := report(); a.status != 201 {
			t.Fatalf("report %d: %d %s", i, a.status, a.body)
		}
	}
	a := report()
	if wait, err := strconv.Atoi(a.header.Get("Retry-After")); a.status != 429 || err != nil || wait < 1 || wait > 60 || h.problem(a).Kind != "limit" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	from = "192.0.2.77" // the same network
	if a := report(); a.status != 429 {
		t.Errorf("a neighbour: %d", a.status)
	}
	from = "198.51.100.1"
	if a := report(); a.status != 201 {
		t.Errorf("another network: %d", a.status)
	}
	h.Clock.Advance(2 * time.Minute)
	from = "192.0.2.1"
	if a := report(); a.status != 201 {
		t.Errorf("later: %d", a.status)
	}
	for range 3 {
		h.raw("", "GET", "/api/v1/reports", "", "Authorization", "Bearer tcs_guess")
	}
	if a := h.raw("", "GET", "/api/v1/reports", "", "Authorization", "Bearer tcs_guess"); a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("a network that guesses tokens: %d", a.status)
	}
	if a := h.raw("lead", "GET", "/api/v1/reports", ""); a.status != 200 {
		t.Errorf("who holds a token is kept out by a neighbour who guesses: %d", a.status)
	}
	from = "203.0.113.9"
	for i := range 6 {
		if a := h.raw("analyst", "GET", "/api/v1/reports", ""); (i < 5) != (a.status == 200) {
			t.Errorf("request %d of an account: %d", i, a.status)
		}
	}
	if a := h.raw("lead", "GET", "/api/v1/reports", ""); a.status != 200 {
		t.Errorf("another account: %d", a.status)
	}
}

// TestOnce holds rule W2 for idempotency keys, over HTTP.
func TestOnce(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		count := func() (n int64) {
			h.must(h.DB.QueryRow(context.Background(), `SELECT COUNT(*) FROM intake_report`).Scan(&n))
			return n
		}
		body := `{"summary":"Only once","attachments":[{"name":"a.txt","base64":"YQ=="}]}`
		first := h.raw("constituent", "POST", "/api/v1/reports", body, "Idempotency-Key", "k1")
		second := h.raw("constituent", "POST", "/api/v1/reports", body, "Idempotency-Key", "k1")
		if first.status != 201 || second.status != 201 || first.body != second.body || second.header.Get("Idempotency-Replayed") != "true" || count() != 1 ||
			second.header.Get("Location") == "" || second.header.Get("Location") != first.header.Get("Location") || len(second.header.Values("Cache-Control")) != 1 {
			t.Errorf("%d reports\n%+v\n%+v", count(), first, second)
		}
		if a := h.raw("constituent", "POST", "/api/v1/reports", `{"summary":"Another"}`, "Idempotency-Key", "k1"); a.status != 422 || h.problem(a).Code != "once_other" {
			t.Errorf("another body: %d %s", a.status, a.body)
		}
		if a := h.raw("other", "POST", "/api/v1/reports", body, "Idempotency-Key", "k1"); a.status != 201 || a.body == first.body {
			t.Errorf("another actor with the same key: %d %s", a.status, a.body)
		}
		// A refusal is no effect: the same key may be sent again once it fits.
		for range 2 {
			if a := h.raw("constituent", "POST", "/api/v1/reports", `{}`, "Idempotency-Key", "k2"); a.status != 422 || a.header.Get("Idempotency-Replayed") != "" {
				t.Errorf("refused: %d", a.status)
			}
		}
		if a := h.raw("constituent", "POST", "/api/v1/reports", `{"summary":"Now it fits"}`, "Idempotency-Key", "k2"); a.status != 201 {
			t.Errorf("after a refusal: %d %s", a.status, a.body)
		}
		for _, bad := range []string{"", "a b", strings.Repeat("x", 129)} {
			if a := h.raw("constituent", "POST", "/api/v1/reports", body, "Idempotency-Key", bad); a.status != 422 {
				t.Errorf("key %q: %d", bad, a.status)
			}
		}
		// Without a token: a key that nobody guesses, and two strangers never meet.
		if a := h.raw("", "POST", "/api/v1/reports", body, "Idempotency-Key", "1"); a.status != 422 {
			t.Errorf("a short key of a stranger: %d", a.status)
		}
		long := "0d6f3a52-1b1c-4d1e-9b58-6a4d5a1c2b3d"
		was := count()
		x := h.raw("", "POST", "/api/v1/reports", body, "Idempotency-Key", long)
		y := h.raw("", "POST", "/api/v1/reports", body, "Idempotency-Key", long)
		z := h.raw("", "POST", "/api/v1/reports", `{"summary":"A stranger with the same key"}`, "Idempotency-Key", long)
		if x.status != 201 || x.body != y.body || z.status != 201 || z.body == x.body || count() != was+2 {
			t.Errorf("%+v\n%+v\n%+v", x, y, z)
		}
		// Many at the same moment.
		was = count()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if a := h.raw("constituent", "POST", "/api/v1/reports", `{"summary":"Eight times"}`, "Idempotency-Key", "k3"); a.status != 201 && a.status != 409 {
					t.Errorf("at once: %d %s", a.status, a.body)
				}
			})
		}
		wg.Wait()
		if n := count() - was; n != 1 {
			t.Errorf("%d effects", n)
		}
		var sealed []byte
		h.must(h.DB.QueryRow(context.Background(), `SELECT answer FROM once_answer WHERE key = 'k1' AND actor LIKE 'account:%' LIMIT 1`).Scan(&sealed))
		if strings.Contains(string(sealed), "status_url") {
			t.Error("the kept answer lies open")
		}
	})
}

func TestETags(t *testing.T) {
	t.Parallel()
	h := open(t, coretest.Open(t, pgtest.Engine(t)))
	s := h.asked()
	version := regexp.MustCompile(`^"v[0-9]+"$`)
	p := "/api/v1/incidents/" + s.incident.ID
	got := h.raw("analyst", "GET", p, "")
	tag := got.header.Get("ETag")
	if !version.MatchString(tag) {
		t.Errorf("ETag %s", tag)
	}
	if a := h.raw("analyst", "GET", p, "", "If-None-Match", `"x", `+tag); a.status != 304 || a.body != "" {
		t.Errorf("nothing new: %d %s", a.status, a.body)
	}
	for match, want := range map[string]int{"": 428, `"v999"`: 412, `"nonsense"`: 412, `v1`: 412, `W/` + tag: 412, tag: 200, tag + "x": 412} {
		var header []string
		if match != "" {
			header = []string{"If-Match", match}
		}
		if match == tag {
			continue // last, below: it changes the tag
		}
		if a := h.raw("analyst", "PATCH", p, `{"title":"x"}`, header...); a.status != want {
			t.Errorf("If-Match %s: %d %s", match, a.status, a.body)
		}
	}
	a := h.raw("analyst", "PATCH", p, `{"title":"y"}`, "If-Match", tag)
	if a.status != 200 || a.header.Get("ETag") == tag || a.header.Get("ETag") == "" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := h.raw("analyst", "PATCH", p, `{"title":"z"}`, "If-Match", "*"); a.status != 200 {
		t.Errorf("*: %d", a.status)
	}
	// A party's ETag is made of what it sees.
	one := h.raw("constituent", "GET", "/api/v1/measures/"+s.measure, "").header.Get("ETag")
	if version.MatchString(one) || one == "" {
		t.Errorf("ETag of a party %s", one)
	}
	if a := h.raw("constituent", "POST", "/api/v1/measures/"+s.measure+"/acknowledge", `{}`, "If-Match", `"v1"`); a.status != 412 {
		t.Errorf("a version from a party: %d", a.status)
	}
	if a := h.raw("constituent", "POST", "/api/v1/measures/"+s.measure+"/acknowledge", `{}`, "If-Match", one); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := h.raw("constituent", "GET", "/api/v1/measures", "", "If-None-Match", h.raw("constituent", "GET", "/api/v1/measures", "").header.Get("ETag")); a.status != 304 {
		t.Errorf("a list without news: %d", a.status)
	}
}

// TestFollowing reads the record from a number on: each change once, nothing for parties.
func TestFollowing(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := context.Background()
		ana := h.as("analyst")
		for i := range 5 {
			_, err := ana.CreateIncident(ctx, client.NewIncident{Title: fmt.Sprintf("Case %d", i), Severity: "low"})
			h.must(err)
			_, err = ana.CreateReport(ctx, client.NewReport{Summary: fmt.Sprintf("Report %d", i)})
			h.must(err)
		}
		h.number()
		follow := func(read func(client.Page) (titles []string, mark *int64, err error)) []string {
			var all []string
			after := int64(0)
			for {
				titles, mark, err := read(client.Page{Limit: 2, UpdatedAfter: &after})
				h.must(err)
				all = append(all, titles...)
				if mark == nil || *mark == after {
					return all
				}
				after = *mark
			}
		}
		cases := follow(func(p client.Page) ([]string, *int64, error) {
			l, err := ana.Incidents(ctx, p)
			var out []string
			for _, i := range l.Items {
				out = append(out, i.Title)
			}
			return out, l.UpdatedAfter, err
		})
		if got := strings.Join(cases, ","); got != "Case 0,Case 1,Case 2,Case 3,Case 4" {
			t.Errorf("incidents %s", got)
		}
		reports := follow(func(p client.Page) ([]string, *int64, error) {
			l, err := ana.Reports(ctx, p)
			var out []string
			for _, r := range l.Items {
				out = append(out, r.Summary)
			}
			return out, l.UpdatedAfter, err
		})
		if got := strings.Join(reports, ","); got != "Report 0,Report 1,Report 2,Report 3,Report 4" {
			t.Errorf("reports %s", got)
		}
		organisations := follow(func(p client.Page) ([]string, *int64, error) {
			l, err := ana.Organisations(ctx, p)
			var out []string
			for _, o := range l.Items {
				out = append(out, o.Name)
			}
			return out, l.UpdatedAfter, err
		})
		if len(organisations) < 2 {
			t.Errorf("organisations %v", organisations)
		}
		auditor := h.as("auditor")
		verbs := follow(func(p client.Page) ([]string, *int64, error) {
			l, err := auditor.Audit(ctx, p)
			var out []string
			for _, r := range l.Items {
				out = append(out, r.Verb)
			}
			return out, l.UpdatedAfter, err
		})
		var entries int
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM audit_entry`).Scan(&entries))
		if len(verbs) != entries {
			t.Errorf("%d of %d entries", len(verbs), entries)
		}
		for _, p := range []string{"/reports", "/organisations"} { // how busy the house is, is not a party's business
			if a := h.raw("constituent", "GET", "/api/v1"+p+"?updated_after=0", ""); a.status != 403 || h.problem(a).Code != "staff_only" {
				t.Errorf("%s: %d %s", p, a.status, a.body)
			}
		}
		// Pages of the record, newest first, hold each entry once.
		seen, after := map[string]bool{}, ""
		for {
			l, err := auditor.Audit(ctx, client.Page{Limit: 3, After: after})
			h.must(err)
			for _, r := range l.Items {
				seen[fmt.Sprint(r.Number)] = true
			}
			if after = l.Next; after == "" {
				break
			}
		}
		if len(seen) != entries {
			t.Errorf("%d of %d entries in pages", len(seen), entries)
		}
	})
}

// TestATableThatDoesNotHold: an operation without a right does not start. The table itself is what New reads, so its own rules are shown here.
func TestATableThatDoesNotHold(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, op := range api.Operations() {
		if op.Open == (len(op.Rights) > 0) || op.What == "" || seen[op.Method+op.Path] {
			t.Errorf("line %+v", op)
		}
		seen[op.Method+op.Path] = true
		if op.Open && (op.Method != "POST" || op.Path != "/reports") {
			t.Errorf("%s %s is open", op.Method, op.Path)
		}
		for _, role := range []access.Role{access.Constituent, access.Liaison, access.Peer, access.Reporter, access.Machine, access.Admin} {
			if strings.HasPrefix(op.Path, "/incidents") && op.Admits(access.Actor{Account: 1, Roles: []access.Role{role}}) {
				t.Errorf("%s %s lets %s in", op.Method, op.Path, role)
			}
		}
	}
}
