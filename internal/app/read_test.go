package app

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/api"
)

// ofACase are the wildcards of routes and operations that name a case or a part of one.
var ofACase = regexp.MustCompile(`\{(incident|report|party|thread|message|file|request|measure|ref|id|campaign|single|sending|meeting|situation)\}`)

// script gives a token that an account of a role made for itself.
func (h *house) script(a account.Account, role access.Role, organisation string) string {
	h.t.Helper()
	_, token, err := h.Accounts.CreateToken(h.t.Context(), sample(), account.NewToken{Name: "script", Role: role, Owner: a.UID, Organisation: organisation})
	h.must(err)
	return token.Reveal()
}

// ask asks the API by a token.
func (b *browser) ask(token, path string) answer {
	b.h.t.Helper()
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodGet, b.base+"/api/v1"+path, nil)
	b.h.must(err)
	r.Header.Set("Authorization", "Bearer "+token)
	return b.do(r)
}

// apiPath fills the wildcards of an operation.
func apiPath(o api.Operation, names map[string]string) string {
	noun, _, _ := strings.Cut(strings.TrimPrefix(o.Path, "/"), "/")
	if noun == "parties" {
		names = maps.Clone(names)
		names["partie"] = names["party"]
	}
	return strings.NewReplacer("{ref}", names[map[string]string{"reports": "report", "incidents": "name", "suspicious": "campaign"}[noun]],
		"{id}", names[strings.TrimSuffix(noun, "s")], "{message}", names["message"], "{file}", names["file"], "{number}", names["number"], "{organisation}", names["organisation"]).Replace(o.Path)
}

// handedGIF is a picture of one pixel that somebody handed on, and handedSum its SHA-256.
const handedGIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

var handedSum = func() string {
	raw, _ := base64.StdEncoding.DecodeString(handedGIF)
	sum := sha256.Sum256(raw)
	return id.Hex(sum[:])
}()

// campaign gives a campaign of two suspicious messages, and one that stands alone.
func (h *house) campaign() (uid, single string) {
	h.t.Helper()
	ctx := h.t.Context()
	handed := []correspondence.Arrival{{Raw: []byte("Subject: a\r\n\r\na"), Public: true}, {Raw: []byte("Subject: b\r\n\r\nb"), Public: true}, {Raw: []byte("Subject: c\r\nMIME-Version: 1.0\r\nContent-Type: image/gif\r\nContent-Transfer-Encoding: base64\r\n\r\n" + handedGIF), Public: true}}
	h.must(h.Correspondence.Arrive(ctx, handed))
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		list := make([]suspicion.Message, len(handed))
		for i, a := range handed[:2] {
			list[i] = suspicion.Message{Arrival: a.ID, At: h.Clock.Now(), Reading: suspicion.Reading{Subject: "Locked", Links: []string{"lure.example/a"}}}
		}
		list[2] = suspicion.Message{Arrival: handed[2].ID, At: h.Clock.Now(), Same: []byte("c"), Reading: suspicion.Reading{Subject: "Won"}}
		return h.Suspicion.TakeTx(ctx, tx, access.System("intake"), list)
	}))
	page, err := h.Suspicion.List(ctx, sample(), suspicion.Filter{})
	h.must(err)
	return page.Items[0].UID, handed[2].UID
}

// TestEachReadingOfARedCaseIsRecorded opens every page and operation that shows a case or a part of one, each as somebody who read nothing yet: when
// the case is TLP:RED, the record has who read it (rule T4).
func TestEachReadingOfARedCaseIsRecorded(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		w, _ := h.build()
		w.ours["campaign"], w.ours["single"] = h.campaign()
		w.ours["handed"] = handedSum
		handler, lines := h.routes()
		h.open(handler)
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE object SET tlp = $1 WHERE realm = $2`, int64(tlp.Red), int64(access.Team))
			return err
		}))
		n := 0
		check := func(what string, open func(a account.Account) answer) {
			n++
			a := h.account(access.Lead, fmt.Sprintf("reader%d@watch.example", n), "")
			got := open(a)
			if got.Status == http.StatusSeeOther {
				return // to the page of the case
			}
			if got.Status != http.StatusOK {
				h.t.Errorf("%s: %d\n%s", what, got.Status, plain(got.Body))
				return
			}
			var rows int
			h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM audit_entry WHERE actor = $1 AND verb IN ($2, $3)`, a.ID, alarm.VerbRead, correspondence.VerbFetch).Scan(&rows))
			if rows == 0 {
				h.t.Errorf("%s shows a part of a RED case, and nobody knows who read it", what)
			}
		}
		for _, l := range lines {
			if method, _, _ := strings.Cut(l.Pattern, " "); method != http.MethodGet || l.surface != "desk" || !ofACase.MatchString(l.Pattern) {
				continue
			}
			path, _ := fillIn(h.t, l.Pattern, w.ours, false)
			check(l.Pattern, func(a account.Account) answer {
				b := h.browser()
				b.signIn(a.Email)
				return b.get(path)
			})
		}
		for _, o := range api.Operations() {
			if o.Method != http.MethodGet || !ofACase.MatchString(o.Path) || strings.HasPrefix(o.Path, "/organisations") || strings.HasPrefix(o.Path, "/proofs") || strings.HasPrefix(o.Path, "/registrations") || strings.HasPrefix(o.Path, "/duty") {
				continue
			}
			if !o.Admits(access.Actor{Account: 1, Roles: []access.Role{access.Lead}}) {
				continue // an organisation reads its own
			}
			check(o.Method+" "+o.Path, func(a account.Account) answer {
				return h.browser().ask(h.script(a, access.Lead, ""), apiPath(o, w.ours))
			})
		}
		if n < 25 {
			h.t.Errorf("only %d readings: this test does not look where it should", n)
		}
	})
}

// A form that is wrong shows the call note again: of a RED one the record has who read it so (rule T4).
func TestAWrongFormIsAReading(t *testing.T) {
	h := newHouse(t, "sqlite")
	handler, _ := h.routes()
	h.open(handler)
	ana, lea := h.person(access.Analyst, "ana@team.example", ""), h.person(access.Lead, "lea@team.example", "")
	kept, err := url.Parse(ana.post("/desk/phone", "name", "Rui", "phone", "+999 234 559 111", "summary", "Two servers encrypted", "called", time.Now().UTC().Add(-time.Hour).Format("2006-01-02T15:04"), "tlp", "TLP:RED"))
	h.must(err)
	report := kept.Query().Get("report")
	if report == "" {
		t.Fatalf("kept, and then to %s", kept)
	}
	before := h.number(`SELECT COUNT(*) FROM audit_entry WHERE verb = '` + alarm.VerbRead + `'`)
	a := lea.send("/desk/reports/"+report+"/call-back", values("number", "none", "outcome", "perhaps"))
	if a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "Two servers encrypted") {
		t.Fatalf("the wrong form: %d", a.Status)
	}
	if n := h.number(`SELECT COUNT(*) FROM audit_entry WHERE verb = '` + alarm.VerbRead + `'`); n != before+1 {
		t.Errorf("a RED note is shown, and nobody knows to whom: %d", n-before)
	}
}

// TestWhatIsOursShowsToNobodyElse puts a word of its own into each field that is the team's alone and looks for it in the source of every page and
// in every answer of the API that each other role can reach (rules W9, I11): organisations, reporters, guests, administrators.
func TestWhatIsOursShowsToNobodyElse(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		w, orgs := h.build()
		var words []string
		word := func(field string) string {
			words = append(words, "canary"+field+strings.ToLower(unique())[:6])
			return words[len(words)-1]
		}
		ana, _, err := h.Accounts.Create(ctx, sample(), account.NewAccount{Email: word("handler") + "@fields.example", Name: word("handlername"), Roles: []access.Role{access.Lead}, Password: password})
		h.must(err)
		lead := access.Actor{Account: ana.ID, Name: ana.Name, Roles: []access.Role{access.Lead}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: time.Now(), AskedAt: time.Now(), Lang: "en"}
		in, err := h.Incidents.Get(ctx, h.DB, lead, w.ours["name"])
		h.must(err)
		title, summary, severity, reasons := word("title"), word("summary"), "high", []string{word("reason")}
		_, err = h.Incidents.Edit(ctx, lead, in.UID, incident.Change{Version: in.Version, Title: &title, Summary: &summary, Severity: &severity, Reasons: &reasons, Handler: &ana.ID})
		h.must(err)
		_, err = h.Incidents.AddTask(ctx, lead, in.UID, incident.Task{Title: word("task"), Assignee: ana.ID})
		h.must(err)
		for _, kind := range []incident.EntryKind{incident.Note} {
			_, err = h.Incidents.AddEntry(ctx, lead, in.UID, incident.Entry{Kind: kind, Text: word("entry"), HappenedAt: time.Now()})
			h.must(err)
		}
		third, _ := h.organisation("third", "en", word("othercontact"), "c@third.example", nil)
		added, err := h.Coordination.Add(ctx, lead, in.UID, []string{third.UID}, coordination.Affected, word("why"))
		h.must(err)
		h.must(h.Coordination.Withdraw(ctx, lead, added[0].UID, word("withdrawn")))
		_, err = h.Intake.Reject(ctx, lead, w.theirs["report"], "spam", word("decision"), 0)
		h.must(err)
		_, err = h.Intake.Receive(ctx, sample(), intake.ReceiveInput{Channel: correspondence.ByPhone, Lang: "en", TLP: "GREEN", Body: intake.Body{Summary: word("stranger"), Description: word("strangertext"), Name: word("strangername"), Email: word("strangermail") + "@away.example"}})
		h.must(err)
		_, err = h.Drafts.Save(ctx, lead, in.Ref, "note", word("draft"))
		h.must(err)
		handler, _ := h.routes()
		h.open(handler)

		looked, found := 0, map[string]bool{}
		look := func(role access.Role, where, text string) {
			looked++
			text = strings.ToLower(text)
			for _, x := range words {
				if !strings.Contains(text, x) {
					continue
				}
				found[x] = true
				if role != access.Lead && !(role == access.Admin && strings.HasPrefix(x, "canaryhandler")) {
					h.t.Errorf("%s reads %s at %s", role, x, where)
				}
			}
		}
		for _, role := range access.AllRoles {
			org := ""
			if role == access.Constituent || role == access.ConstituentAdmin {
				org = orgs["ours"].UID
			}
			if role == access.Duty || role == access.Analyst || role == access.Auditor || role == access.Machine {
				continue // they read cases, or have no page
			}
			a := h.account(role, string(role)+"@fields.example", org)
			b := h.browser()
			b.signIn(a.Email)
			from := append(slices.Clone(doorsOf), "/portal/requests", "/portal/measures", "/portal/reports", "/portal/messages", "/desk/audit")
			if role == access.Lead {
				at := "/desk/incidents/" + in.Number
				from = []string{at, at + "/parties", "/desk/triage", "/desk/reports/" + w.theirs["report"], "/desk/constituency/" + third.UID}
			}
			for at, body := range b.crawl(3, from...) {
				look(role, at, body)
			}
			token := h.script(a, role, "")
			for _, o := range api.Operations() {
				if o.Method == http.MethodGet {
					got := b.ask(token, apiPath(o, w.ours))
					if got.Status >= 500 {
						h.t.Errorf("%s %s: %d", role, o.Path, got.Status)
					}
					look(role, "the operation "+o.Path, got.Body)
				}
			}
		}
		look("anybody", "openapi", h.browser().page("/api/openapi.json"))
		for _, x := range words {
			if !found[x] && !strings.HasPrefix(x, "canarydraft") {
				h.t.Errorf("%s shows nowhere, not even to the lead: this test does not look where it should", x)
			}
		}
		h.t.Logf("%d answers, %d words", looked, len(words))
	})
}

// TestLiveSignalsNameRegionsOnly reads the stream of somebody who may see everything, while reports come and cases change: nothing stands in it but
// the names of regions and a count of its own (rule A11). The number of the record would tell how much is done that its reader may not see.
func TestLiveSignalsNameRegionsOnly(t *testing.T) {
	h := newHouse(t, pgtest.Engine(t))
	h.serve()
	b := h.person(access.Lead, "lead@live.example", "")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.base+"/desk/live", nil)
	h.must(err)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res, err := http.DefaultClient.Do(r)
	h.must(err)
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	in, err := h.Incidents.Open(t.Context(), sample(), incident.NewIncident{Title: "canary", TLP: tlp.Green})
	h.must(err)
	_, err = h.Incidents.AddEntry(t.Context(), sample(), in.UID, incident.Entry{Kind: incident.Note, Text: "canary", HappenedAt: time.Now()})
	h.must(err)
	h.mail("a@away.example", teamAddress, head("a@away.example", teamAddress, "canary")+"\r\ncanary\r\n")
	allowed := regexp.MustCompile(`^(|retry: 3000|: still here|data: 1|event: (incident|triage|alarm|resync))$`)
	seen, ids := map[string]bool{}, 0
	for !(seen["event: incident"] && seen["event: triage"]) && lines.Scan() {
		seen[lines.Text()] = true
		if strings.HasPrefix(lines.Text(), "id: ") {
			if ids++; lines.Text() != fmt.Sprint("id: ", ids) {
				t.Errorf("signal %d of this stream has %q", ids, lines.Text())
			}
		} else if !allowed.MatchString(lines.Text()) {
			t.Errorf("a signal says %q", lines.Text())
		}
	}
	h.must(lines.Err())
}

// TestClocksThatDifferAreToldOf holds rule H3: two seconds between this machine and its database are an alarm, one is not.
func TestClocksThatDifferAreToldOf(t *testing.T) {
	for _, engine := range pgtest.Engines(t) {
		if engine != "postgres" {
			continue // SQLite is in this process and has no clock
		}
		now := clock.NewFake(time.Now())
		h := newHouseAt(t, engine, now)
		for _, c := range []struct {
			off time.Duration
			ok  bool
		}{{0, true}, {time.Second, true}, {4 * time.Second, false}, {-4 * time.Second, false}, {time.Hour, false}} {
			now.Set(time.Now().Add(c.off))
			list := h.Ready(t.Context())
			i := slices.IndexFunc(list, func(x Check) bool { return x.Name == "clock" })
			if i < 0 || list[i].OK != c.ok || (list[i].Note == "") != c.ok {
				t.Errorf("%s apart: %+v", c.off, list)
			}
		}
	}
}
