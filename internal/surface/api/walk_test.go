package api_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/api"
)

// path fills the wildcards of an operation with names of a case.
func path(op api.Operation, report, incident, party, request, measure, organisation, obligation string, sending ...string) string {
	p := op.Path
	name := map[string]string{"reports": report, "incidents": incident, "parties": party, "requests": request, "measures": measure, "organisations": organisation, "obligations": obligation, "duty": id.New(), "suspicious": id.New(), "assets": id.New(), "doubts": id.New(), "proofs": id.New(), "registrations": id.New(), "shares": id.New(), "sendings": strings.Join(sending, ""), "targets": id.New(), "proposals": id.New(), "providers": id.New(), "coordination-calls": id.New(), "situations": id.New()}
	p = strings.NewReplacer("{ref}", name[strings.Split(p, "/")[1]], "{id}", name[strings.Split(p, "/")[1]], "{message}", id.New(), "{file}", id.New(), "{task}", id.New(), "{code}", "eu-nis2", "{rule}", id.New(), "{name}", id.New(), "{number}", "0", "{organisation}", organisation, "{questions}", "exposure", "{handed}", id.New()).Replace(p)
	if p == "/search" {
		p += "?q=encrypted"
	}
	if (p == "/contacts" || p == "/assets" || p == "/proofs") && organisation != "" {
		p += "?organisation=" + organisation
	}
	return "/api/v1" + p
}

// named tells whether an operation names something of a case.
func named(op api.Operation) bool {
	return strings.Contains(op.Path, "{") && !strings.HasPrefix(op.Path, "/rule-sets") && !strings.HasPrefix(op.Path, "/question-sets")
}

const walkedWords = `{"en":"w","pt":"w","fr":"w","nl":"w","de":"w"}`

// bodies are bodies that pass the reader of each operation that has one, so that a refusal comes from behind it.
func bodyOf(op api.Operation) string {
	last := op.Path[strings.LastIndexByte(op.Path, '/')+1:]
	switch {
	case op.Method == "GET":
		return ""
	case strings.HasPrefix(op.Path, "/registrations"):
		return map[string]string{"checks": `{"checks":["identity"]}`, "ask": `{"text":"walked?"}`, "approve": `{"class":"important"}`, "confirm": `{}`, "refuse": `{"reason":"walked"}`, "export": `{}`}[last]
	case op.Path == "/obligations/{id}/stages":
		return `{"stage":"notification"}`
	case op.Path == "/reports/{ref}/missing":
		return `{"number":1,"by":"letter"}`
	case op.Path == "/reports/{ref}/offered":
		return `{"message":"` + id.New() + `","take":true}`
	case strings.HasPrefix(op.Path, "/incidents/{ref}/shares"):
		return `{"kind":"message","message":"` + id.New() + `","parties":["` + id.New() + `"],"text":"walked"}`
	case strings.HasPrefix(op.Path, "/shares/"):
		return `{"reason":"walked by a test"}`
	case op.Path == "/reach":
		return `{"reach":"anonymous","request":"` + id.New() + `"}`
	case last == "coordination-calls":
		return `{"subject":"walked","how":"walked","starts_at":"2030-01-01T00:00:00Z","expected_minutes":30}`
	case last == "alone":
		return `{"alone":true,"reason":"walked"}`
	case strings.HasPrefix(op.Path, "/coordination-calls/"):
		return map[string]string{
			"invitations": `{"parties":["` + id.New() + `"]}`, "move": `{"how":"walked","starts_at":"2030-01-01T00:00:00Z","expected_minutes":30,"reason":"walked"}`, "call-off": `{"reason":"walked"}`,
			"coming": `{"party_id":"` + id.New() + `","coming":true}`, "minutes": `{"minutes":"walked"}`, "additions": `{"text":"walked"}`, "actions": `{"title":"walked"}`,
		}[last]
	case last == "situations":
		return `{"ground":"need","reasons":"walked","members":["` + id.New() + `"]}`
	case strings.HasPrefix(op.Path, "/situations/"):
		return map[string]string{
			"members": `{"members":["` + id.New() + `"],"together":[]}`, "lead": `{"why":"walked"}`, "tellings": `{"circle":"walked"}`, "decisions": `{"text":"walked"}`,
			"agreements": `{"number":1,"party_id":"` + id.New() + `","agrees":true,"who":"walked"}`, "tell": `{}`, "end": `{"reason":"walked"}`,
		}[last]
	case strings.HasSuffix(op.Path, "/{handed}/settle"):
		return `{"outcome":"declined","note":"walked"}`
	case last == "states":
		return `{"states":["FR"]}`
	case last == "sendings", last == "letters", last == "propose":
		return `{}`
	case last == "targets":
		return `{"what":"walked.example","kind":"other","words":"walked"}`
	case strings.HasPrefix(op.Path, "/targets/"), strings.HasPrefix(op.Path, "/proposals/"):
		return map[string]string{"providers": `{"provider":"` + id.New() + `"}`, "look": `{}`, "state": `{"state":"down","reason":"walked by a test"}`, "amend": `{"kind":"other","words":"walked"}`, "end": `{"reason":"walked by a test"}`, "decide": `{"state":"dismissed"}`, "told": `{}`}[last]
	case op.Path == "/providers/{id}/retire":
		return `{"version":1}`
	case strings.HasPrefix(op.Path, "/providers"):
		return `{"name":"Walked","email":"walked@walked.example","role":"host","form":"letter"}`
	case strings.HasPrefix(op.Path, "/sendings/"):
		return map[string]string{
			"parties": `{"parties":true}`, "exclude": `{"road":"refused"}`, "letter": `{"text":"walked"}`, "submit": `{}`, "back": `{}`, "recall": `{"reason":"walked by a test"}`,
		}[last]
	case op.Path == "/obligations/{id}/requests":
		return `{"stage":"status_report","due_at":"2030-01-01T00:00:00Z"}`
	case last == "turn":
		return `{"action":"off"}`
	case strings.HasPrefix(op.Path, "/triage/rules"):
		return `{"name":"walked","when":{"senders":["walked.example"]},"do":{"place":"spam"}}`
	case op.Path == "/calls":
		return `{"summary":"walked"}`
	case op.Path == "/duty/pages", last == "take-back", last == "look", last == "withdraw", last == "confirm":
		return `{}`
	case op.Path == "/reports":
		return `{"summary":"walked"}`
	case op.Method == "PATCH" && last == "{task}":
		return `{"done":true}`
	}
	return map[string]string{
		"triage": `{"action":"restore"}`, "submissions": `{"text":"walked"}`, "messages": `{"text":"walked"}`,
		"files":     `{"attachments":[{"name":"a.txt","base64":"YQ=="}]}`,
		"incidents": `{"title":"walked"}`, "{ref}": `{"summary":"walked"}`, "close": `{"outcome":"resolved","root_cause":"unknown","impact":"none","cross_border":"no","report":"x"}`,
		"reopen": `{"reason":"walked"}`, "hold": `{"reason":"walked by a test"}`, "seal": `{"reason":"walked by a test","only_me":true}`, "severity": `{"severity":"low","reasons":["walked"]}`, "tasks": `{"title":"walked"}`,
		"timeline": `{"kind":"note","text":"walked"}`, "parties": `{"organisations":["` + id.New() + `"],"role":"affected"}`,
		"requests": `{"text":"walked?","due_at":"2030-01-01T00:00:00Z"}`, "measures": `{"recommendations":["isolate"],"due_at":"2030-01-01T00:00:00Z"}`,
		"answer": `{"text":"walked"}`, "acknowledge": `{}`, "plan": `{"planned_for":"2030-01-01T00:00:00Z"}`, "done": `{"note":"walked"}`,
		"decline": `{"note":"walked"}`, "verify": `{"note":"walked"}`,
		"stages": `{"rule_set":"eu-nis2","stage":"early_warning"}`, "moments": `{"moment":"detection","at":"2026-01-01T00:00:00Z"}`,
		"changes": `{"from":"2030-01-01T00:00:00Z","till":"2030-01-02T00:00:00Z"}`, "watch": `{"how":"learnt"}`, "call-backs": `{"number":"` + id.New() + `","outcome":"theirs"}`,
		"receipts": `{"lang":"fr"}`,
		"assets":   `{"value":"walked.example"}`, "prove": `{"how":"walked"}`, "end": `{"why":"walked"}`,
		"liaison": `{"kind":"police"}`, "look-ups": `{"what":"walked.example"}`, "hand-overs": `{"title":"walked","summary":"walked","due_at":"2030-01-01T00:00:00Z"}`, "proofs": `{"value":"walked.example","way":"dns"}`, "code": `{"code":"00000-00000"}`, "judge": `{"holds":true,"why":"walked"}`,
		"replies": `{"not_concerned":true}`, "retire": `{"retire":true}`, "chase": `{"parties":["` + id.New() + `"],"text":"walked"}`, "settle": `{"outcome":"kept","note":"walked"}`, "ladder": `{"act":"begin","parties":["` + id.New() + `"],"ladder":"standard"}`,
		"question-sets": `{"code":"walked","title":` + walkedWords + `,"questions":[{"code":"walked","kind":"yes_no","text":` + walkedWords + `}]}`,
		"waivers":       `{"key":"final_report","reason":"walked"}`, "recipients": `{"recipient":"none"}`,
	}[last]
}

// TestWalk holds rules A4 and W1: every operation as every role and as nobody. Who may not come is told so in one way; nobody gets an error
// of ours; every answer has the headers.
func TestWalk(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		s := h.asked()
		roles := append([]string{""}, slices.Sorted(maps.Keys(h.tokens))...)
		for _, op := range api.Operations() {
			for _, role := range roles {
				by := access.Actor{}
				if role != "" {
					r := access.Role(role)
					if role == "other" {
						r = access.Constituent
					}
					by = access.Actor{Account: 1, Roles: []access.Role{r}}
				}
				a := h.raw(role, op.Method, path(op, s.report.ID, s.incident.ID, s.one.ID, s.request, s.measure, h.one.UID, s.obligation, s.sending), bodyOf(op))
				what := op.Method + " " + op.Path + " as " + role
				switch {
				case role == "" && !op.Open:
					if a.status != 401 {
						t.Errorf("%s: %d %s", what, a.status, a.body)
					}
				case !op.Admits(by):
					if a.status != 403 {
						t.Errorf("%s: %d %s", what, a.status, a.body)
					}
				case a.status >= 500 || a.status == 401:
					t.Errorf("%s: %d %s", what, a.status, a.body)
				case role == "other" && named(op) && op.Path != "/organisations/{id}" && a.status < 400:
					t.Errorf("%s: another hospital reads %s", what, a.body)
				case (role == "liaison" || role == "peer" || role == "machine" || role == "reporter") && named(op) && a.status != 404:
					t.Errorf("%s: %d %s", what, a.status, a.body)
				}
				h.headers(what, a)
			}
		}
		if h.log.Len() > 0 {
			t.Errorf("the log says %s", h.log)
		}
		for _, c := range []struct {
			method, path string
			status       int
		}{{"GET", "/api/v1/nothing", 404}, {"DELETE", "/api/v1/incidents/x", 405}, {"GET", "/api/v1/", 404}, {"PUT", "/api/v1/reports", 405}, {"GET", "/api/docs", 404}, {"GET", "/api/v1/reports/..%2f..%2fx", 404}, {"GET", "/api/v1/reports/a%00b", 404}} {
			a := h.raw("analyst", c.method, c.path, "")
			if h.problem(a); a.status != c.status {
				t.Errorf("%s %s: %d", c.method, c.path, a.status)
			}
			h.headers(c.path, a)
		}
	})
}

func (h *house) headers(what string, a answer) {
	h.Helper()
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
	} {
		if got := a.header.Values(name); len(got) != 1 || got[0] != want {
			h.Errorf("%s: %s is %q", what, name, got)
		}
	}
	if a.header.Get("Set-Cookie") != "" || a.header.Get("Strict-Transport-Security") == "" {
		h.Errorf("%s: headers %v", what, a.header)
	}
	if a.status >= 400 {
		h.problem(a)
	}
	if a.status == 401 && a.header.Get("WWW-Authenticate") == "" {
		h.Errorf("%s: 401 without a challenge", what)
	}
}

// TestNotYoursSealedAbsent holds rule A5: on every operation that names something, what belongs to another, what is sealed and what does not
// exist are the same bytes.
func TestNotYoursSealedAbsent(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		s := h.asked()
		// A second case, sealed with all that hangs on it.
		sealed := h.asked2()
		absent := func(op api.Operation) string {
			return path(op, id.New(), id.New(), id.New(), id.New(), id.New(), id.New(), id.New(), id.New())
		}
		header := []string{"If-Match", "*"}
		for _, op := range api.Operations() {
			if !named(op) && op.Path != "/contacts" && op.Path != "/assets" && op.Path != "/proofs" {
				continue
			}
			for _, role := range []string{"constituent", "analyst", "lead", "liaison", "machine"} {
				want := h.raw(role, op.Method, absent(op), bodyOf(op), header...)
				if !op.Admits(access.Actor{Account: 1, Roles: []access.Role{access.Role(role)}}) {
					continue
				}
				if want.status != 404 {
					t.Errorf("%s %s as %s: what is absent gives %d %s", op.Method, op.Path, role, want.status, want.body)
					continue
				}
				others := map[string]string{"sealed": path(op, sealed.report.ID, sealed.incident.ID, sealed.one.ID, sealed.request, sealed.measure, id.New(), sealed.obligation, sealed.sending)}
				if role != "analyst" && role != "lead" {
					others["not yours"] = path(op, s.report.ID, s.incident.ID, s.two.ID, s.request2, s.measure2, h.two.UID, s.obligation2, s.sending)
					if role == "constituent" && strings.HasPrefix(op.Path, "/reports") {
						delete(others, "not yours") // that report is its own
					}
				}
				if role == "machine" && strings.HasPrefix(op.Path, "/reports") && op.Method == "POST" {
					others["not yours"] = path(op, s.report.ID, "", "", "", "", "", "")
				}
				for name, p := range others {
					got := h.raw(role, op.Method, p, bodyOf(op), header...)
					if got.status != want.status || got.body != want.body || !sameHeader(got.header, want.header) {
						t.Errorf("%s %s as %s: %s differs from absent:\n%d %v %s\n%d %v %s", op.Method, op.Path, role, name, got.status, got.header, got.body, want.status, want.header, want.body)
					}
				}
			}
		}
	})
}

func sameHeader(a, b http.Header) bool { return maps.EqualFunc(a, b, slices.Equal[[]string]) }

// asked2 makes another case like asked and seals it, with its report, parties, requests and measures.
func (h *house) asked2() asked {
	h.Helper()
	ctx := context.Background()
	three, four := h.organisation("Water Works", "sec@three.example"), h.organisation("Grid", "sec@four.example")
	was := map[string]string{"constituent": h.tokens["constituent"], "other": h.tokens["other"]}
	one, two := h.one, h.two
	h.one, h.two = three, four
	h.token("constituent", access.Constituent, three.UID)
	h.token("other", access.Constituent, four.UID)
	s := h.asked()
	maps.Copy(h.tokens, was)
	h.one, h.two = one, two
	_, err := h.DB.Exec(ctx, `UPDATE object SET sealed = TRUE WHERE compartment IN ($1, $2) AND kind <> 7 OR uid = $3`, three.Ref.ID, four.Ref.ID, s.incident.ID)
	h.must(err)
	return s
}

// TestForeignReferences holds rule A3: for each reference in an input, a name that the actor may not see is not found, and nothing changes.
func TestForeignReferences(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		s, sealed := h.asked(), h.asked2()
		before := h.state()
		for _, foreign := range []struct{ name, report, incident, organisation string }{
			{"absent", id.New(), id.New(), id.New()},
			{"sealed", sealed.report.ID, sealed.incident.ID, id.New()},
			{"by number", sealed.report.Reference, sealed.incident.Number, "INC-2026-000001"},
			{"no name at all", "../x", "a b", "\\u0000"},
			{"of another kind", s.incident.ID, s.report.ID, s.report.ID},
		} {
			for what, c := range map[string]struct{ path, body string }{
				"reports of a new incident": {"/incidents", `{"title":"x","reports":["` + foreign.report + `"]}`},
				"one good, one foreign":     {"/incidents", `{"title":"x","reports":["` + s.report.ID + `","` + foreign.report + `"]}`},
				"incident to attach to":     {"/reports/" + s.report.ID + "/triage", `{"action":"attach","incident":"` + foreign.incident + `"}`},
				"organisation of a party":   {"/incidents/" + s.incident.ID + "/parties", `{"role":"affected","organisations":["` + h.one.UID + `","` + foreign.organisation + `"]}`},
			} {
				if a := h.raw("analyst", "POST", "/api/v1"+c.path, c.body); a.status != 404 {
					t.Errorf("%s, %s: %d %s", what, foreign.name, a.status, a.body)
				}
			}
		}
		if a := h.raw("analyst", "POST", "/api/v1/parties/"+s.one.ID+"/measures", `{"recommendations":["unknown"],"due_at":"2030-01-01T00:00:00Z"}`); a.status != 404 && a.status != 422 {
			t.Errorf("unknown recommendation: %d %s", a.status, a.body)
		}
		for _, p := range []string{"/contacts", "/assets", "/proofs"} {
			if a := h.raw("constituent", "GET", "/api/v1"+p+"?organisation="+h.two.UID, ""); a.status != 404 {
				t.Errorf("%s of another: %d %s", p, a.status, a.body)
			}
		}
		if after := h.state(); after != before {
			t.Errorf("something changed: %s, then %s", before, after)
		}
	})
}

// state tells of all rows that a verb might have changed.
func (h *house) state() string {
	h.Helper()
	ctx := context.Background()
	var out []string
	for _, q := range []string{
		`SELECT COUNT(*) FROM object`, `SELECT SUM(version) FROM object`, `SELECT COUNT(*) FROM audit_entry WHERE verb NOT IN ('access.read', 'custody.fetch')`, `SELECT COUNT(*) FROM intake_report`, `SELECT COUNT(*) FROM intake_link`,
		`SELECT COUNT(*) FROM correspondence_message`, `SELECT COUNT(*) FROM coordination_party`, `SELECT COUNT(*) FROM deadline_clock`, `SELECT COUNT(*) FROM river_job`, `SELECT COUNT(*) FROM once_answer`,
		`SELECT COUNT(*) FROM incident_incident`, `SELECT COUNT(*) FROM keyring_key`,
	} {
		var n int64
		h.must(h.DB.QueryRow(ctx, q).Scan(&n))
		out = append(out, id.Hex([]byte{byte(n >> 16), byte(n >> 8), byte(n)}))
	}
	return strings.Join(out, " ")
}

// TestGetChangesNothing holds rule W2 for every GET as every role.
func TestGetChangesNothing(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		s := h.asked()
		before := h.state()
		for _, op := range api.Operations() {
			if op.Method == "GET" {
				for role := range h.tokens {
					h.raw(role, "GET", path(op, s.report.ID, s.incident.ID, s.one.ID, s.request, s.measure, h.one.UID, s.obligation, s.sending), "")
				}
			}
		}
		if after := h.state(); after != before {
			t.Errorf("something changed: %s, then %s", before, after)
		}
	})
}

// TestOthersDoNotShow holds rule A6: acts on another party leave every answer to a party byte-identical, ETags too.
func TestOthersDoNotShow(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := context.Background()
		s := h.asked()
		look := func() map[string]answer {
			out := map[string]answer{}
			for _, op := range api.Operations() {
				if op.Method == "GET" {
					p := path(op, s.report.ID, s.incident.ID, s.one.ID, s.request, s.measure, h.one.UID, s.obligation, s.sending)
					out[op.Path] = h.raw("constituent", "GET", p, "")
				}
			}
			return out
		}
		before := look()
		other, ana := h.as("other"), h.as("analyst")
		_, err := other.Answer(ctx, s.request2, "Nothing here", nil)
		h.must(err)
		_, err = other.Move(ctx, s.measure2, "done", client.Moving{Note: "Did it"})
		h.must(err)
		_, err = ana.Move(ctx, s.measure2, "verify", client.Moving{Note: "Seen"})
		h.must(err)
		_, err = ana.AddEntry(ctx, s.incident.ID, client.Entry{Kind: "note", Text: "The other one is fine"})
		h.must(err)
		_, err = ana.Rate(ctx, s.incident.ID, "low", []string{"one is fine"})
		h.must(err)
		_, err = other.CreateReport(ctx, client.NewReport{Summary: "Something else"})
		h.must(err)
		after := look()
		for p, was := range before {
			if is := after[p]; is.status != was.status || is.body != was.body || !sameHeader(is.header, was.header) {
				t.Errorf("%s changed:\n%s %v\n%s %v", p, was.body, was.header, is.body, is.header)
			}
		}
		// Rule W9: what is the team's is in no answer to a party.
		for p, a := range before {
			for _, word := range []string{s.incident.Number, s.incident.ID, s.two.ID, h.two.UID, "Hospital Two", "analyst", `"triage"`, `"team"`, `"version"`, "same supplier"} {
				if a.status == 200 && strings.Contains(a.body, word) {
					t.Errorf("%s tells a party %q: %s", p, word, a.body)
				}
			}
		}
	})
}

// TestTheMapIsWhole: the description has exactly the operations of the table, and none of huma's own.
func TestTheMapIsWhole(t *testing.T) {
	t.Parallel()
	h := open(t, coretest.Open(t, pgtest.Engine(t)))
	a := h.raw("", "GET", "/api/openapi.json", "")
	var doc struct {
		OpenAPI    string                                `json:"openapi"`
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	h.must(json.Unmarshal([]byte(a.body), &doc))
	if doc.OpenAPI != "3.1.0" || a.status != 200 {
		t.Errorf("%s, %d", doc.OpenAPI, a.status)
	}
	h.headers("openapi", a)
	n := 0
	for p, methods := range doc.Paths {
		for m := range methods {
			if m != "parameters" {
				n++
			}
			if !slices.ContainsFunc(api.Operations(), func(o api.Operation) bool {
				return "/api/v1"+o.Path == p && strings.EqualFold(o.Method, m)
			}) {
				t.Errorf("%s %s is in no line", m, p)
			}
		}
	}
	if n != len(api.Operations()) {
		t.Errorf("%d operations are described, %d exist", n, len(api.Operations()))
	}
	for _, name := range []string{"ErrorModel", "ErrorDetail"} {
		if doc.Components.Schemas[name] != nil {
			t.Errorf("%s is described", name)
		}
	}
	for _, name := range []string{"Problem", "NewReport", "Report", "Incident", "Measure"} {
		if doc.Components.Schemas[name] == nil {
			t.Errorf("%s is not described", name)
		}
	}
	if strings.Contains(a.body, `"Value"`) {
		t.Error("the frame of bodies is described")
	}
}
