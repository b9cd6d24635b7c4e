package desk_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

func TestEachSeesTheRoomsOfItsRights(t *testing.T) {
	t.Parallel()
	h := openOffice(t)
	root, ana, lea := h.as("Root"), h.as("Ana"), h.as("Lea")
	root.goes(root.get("/desk"), "/desk/admin")
	ana.goes(ana.get("/desk"), "/desk/triage")
	root.sees(root.get("/desk/admin"), 200, "/desk/admin/people", "/desk/audit", "/desk/admin/stop-mail", "Needs you", "less than 10 % of the disk", "!/desk/triage\" data-go", "!/desk/live")
	ana.sees(ana.get("/desk/admin"), 200, "/desk/admin/stop-mail", "/desk/admin/tokens", "!/desk/admin/people", "!/desk/audit", "!Needs you", "/desk/live")
	lea.sees(lea.get("/desk/admin"), 200, "/desk/admin/waiting", "/desk/admin/mail", "!/desk/admin/people")
	for _, path := range []string{"/desk/admin/people", "/desk/admin/people/new", "/desk/admin/mail", "/desk/admin/entitlements", "/desk/audit", "/desk/admin/people/" + h.uid("Root"), "/desk/admin/waiting"} {
		if a := ana.get(path); a.status != http.StatusForbidden {
			t.Errorf("the analyst at %s: %d", path, a.status)
		}
	}
	iris := h.as("Iris")
	iris.sees(iris.get("/desk/audit"), 200, "account.create")
	if a := iris.get("/desk/admin/stop-mail"); a.status != http.StatusForbidden {
		t.Errorf("the auditor may stop mail: %d", a.status)
	}
	if a := (person{h, "nobody"}).get("/desk/admin"); a.location != "/login" {
		t.Errorf("a stranger: %d to %s", a.status, a.location)
	}
}

var welcome = regexp.MustCompile(`https://cert\.example/welcome/(set_[A-Za-z0-9_-]+)`)

// An administrator adds an analyst; the link is shown once; a lead confirms; nobody confirms what they gave.
func TestAPersonIsAddedAndConfirmed(t *testing.T) {
	t.Parallel()
	h := openOffice(t)
	root, lea := h.as("Root"), h.as("Lea")
	root.sees(root.get("/desk/admin/people/new"), 200, "role-analyst", "!role-machine")
	wrong := root.do("POST", "/desk/admin/people", "name", "Nia", "email", "no address", "lang", "pt", "role", "analyst")
	root.sees(wrong, 422, `href="#email"`, `value="no address"`, `value="Nia"`, "Error:")
	root.sees(root.do("POST", "/desk/admin/people", "name", "Nia", "email", "nia@cert.example", "lang", "pt"), 422, `href="#roles"`)
	root.sees(root.do("POST", "/desk/admin/people", "name", "Nia", "email", "nia@cert.example", "lang", "pt", "role", "analyst", "organisation", "nowhere"), 422, `href="#organisation"`)
	root.sees(root.do("POST", "/desk/admin/people", "name", "Ana", "email", "ana@cert.example", "lang", "pt", "role", "analyst"), 422, `href="#email"`)
	added := root.do("POST", "/desk/admin/people", "name", "Nia", "email", "nia@cert.example", "lang", "pt", "role", "analyst", "role", "admin")
	root.sees(added, 200, "works once")
	link := welcome.FindStringSubmatch(added.body)
	if link == nil {
		t.Fatalf("no link in\n%s", added.body)
	}
	root.sees(root.get("/desk/admin/people"), 200, "Nia", "Analyst: waits for a lead", "!set_")
	h.must(h.accounts.SetByLink(t.Context(), link[1], password))
	nia := h.uid("Nia")
	root.sees(root.get("/desk/admin/people/"+nia), 200, "Waits for a lead", "!set_")
	lea.sees(lea.get("/desk/admin/waiting"), 200, "Nia", "Role: Analyst", "Confirm")
	root.sees(root.get("/desk/admin/waiting"), 200, "Nia", "A lead confirms it", "!/waiting/confirm")
	if a := root.do("POST", "/desk/admin/waiting/confirm", "person", nia, "role", "analyst"); a.status != http.StatusForbidden {
		t.Errorf("the administrator confirms: %d", a.status)
	}
	newbie := h.as("Nia")
	if a := newbie.get("/desk/deadlines"); a.status != http.StatusForbidden {
		t.Errorf("a pending analyst reads: %d", a.status)
	}
	lea.goes(lea.do("POST", "/desk/admin/waiting/confirm", "person", nia, "role", "analyst"), "/desk/admin/waiting?done=confirmed")
	lea.sees(lea.get("/desk/admin/waiting?done=confirmed"), 200, "Nothing is waiting")
	if a := newbie.get("/desk/deadlines"); a.status != http.StatusOK {
		t.Errorf("the confirmed analyst: %d", a.status)
	}
	if a := lea.do("POST", "/desk/admin/waiting/confirm", "person", nia, "role", "analyst"); a.status != http.StatusNotFound {
		t.Errorf("twice: %d", a.status)
	}
}

func TestRolesAreGivenEndedAndRefused(t *testing.T) {
	t.Parallel()
	h := openOffice(t)
	root, lea := h.as("Root"), h.as("Lea")
	ana, leo := "/desk/admin/people/"+h.uid("Ana"), "/desk/admin/people/"+h.uid("Leo")
	root.goes(root.do("POST", ana+"/grant", "role", "lead"), ana+"?done=granted")
	root.sees(root.get(ana+"?done=granted"), 200, "Role given", "Waits for a lead")
	root.sees(root.do("POST", ana+"/grant", "role", "constituent"), 422, `href="#role"`)
	root.sees(root.do("POST", ana+"/grant", "role", ""), 422, `href="#role"`)
	lea.goes(lea.do("POST", "/desk/admin/waiting/refuse", "person", h.uid("Ana"), "role", "lead"), "/desk/admin/waiting?done=refused")
	root.goes(root.do("POST", leo+"/revoke", "role", "lead"), leo+"?done=revoked")
	last := "/desk/admin/people/" + h.uid("Lea")
	root.sees(root.do("POST", last+"/revoke", "role", "lead"), 409, "Error:", `href="#roles"`)
	root.sees(root.do("POST", last+"/disable"), 409, `href="#danger"`)
	root.sees(root.get(ana+"/disable"), 200, "Disable Ana", "Analyst")
	root.goes(root.do("POST", ana+"/disable"), ana+"?done=disabled")
	root.sees(root.get(ana), 200, "Take back", "Disabled")
	root.goes(root.do("POST", ana+"/enable"), ana+"?done=enabled")
	me := "/desk/admin/people/" + h.uid("Root")
	root.sees(root.do("POST", me+"/disable"), 409, `href="#danger"`)
	if a := root.do("POST", "/desk/admin/people/"+id.New()+"/grant", "role", "lead"); a.status != http.StatusNotFound {
		t.Errorf("nobody gets a role: %d", a.status)
	}
}

func TestALostPasswordGivesALinkOnce(t *testing.T) {
	t.Parallel()
	h := openOffice(t)
	root, ana := h.as("Root"), h.as("Ana")
	at := "/desk/admin/people/" + h.uid("Ana")
	root.sees(root.get(at+"/lost"), 200, "End password and make a link")
	got := root.do("POST", at+"/password")
	root.sees(got, 200, "The password of Ana is void")
	if welcome.FindString(got.body) == "" {
		t.Error("no link")
	}
	if a := ana.get("/desk/admin"); a.location != "/login" {
		t.Errorf("her session lives on: %d", a.status)
	}
	root.sees(root.get(at), 200, "Waits for a lead") // she had no second factor
	root.goes(root.do("POST", at+"/factor"), at+"?done=factors_reset")
}

// After ten minutes each act asks again who one is, and leads back to where it was.
func TestActsAskForAFreshProof(t *testing.T) {
	t.Parallel()
	h := openOffice(t)
	root, lea := h.as("Root"), h.as("Lea")
	ana := h.uid("Ana")
	h.Clock.Advance(access.FreshFor + time.Second)
	at := "/desk/admin/people/" + ana
	for path, name := range map[string]string{
		"GET /desk/admin/people/new": "people_new", "POST /desk/admin/people": "people_new", "GET /desk/admin/tokens/new": "tokens_new", "POST /desk/admin/tokens": "tokens_new",
		"POST " + at + "/grant": "person." + ana, "POST " + at + "/revoke": "person." + ana, "POST " + at + "/disable": "person." + ana, "GET " + at + "/disable": "person." + ana,
		"POST " + at + "/password": "person." + ana, "POST " + at + "/factor": "person." + ana, "GET " + at + "/lost": "person." + ana, "POST " + at + "/enable": "person." + ana,
	} {
		method, path, _ := strings.Cut(path, " ")
		root.goes(root.do(method, path), "/desk/account/prove?next="+name)
	}
	for _, act := range []string{"confirm", "refuse"} {
		lea.goes(lea.do("POST", "/desk/admin/waiting/"+act), "/desk/account/prove?next=waiting")
	}
	root.sees(root.get("/desk/admin/people"), 200, "Ana") // looking needs none
}

var tokenSecret = regexp.MustCompile(`tcs_[A-Za-z0-9_-]+`)

func TestTokensAreShownOnceConfirmedAndEnded(t *testing.T) {
	t.Parallel()
	h := openOffice(t)
	root, lea, ana := h.as("Root"), h.as("Lea"), h.as("Ana")
	root.sees(root.get("/desk/admin/tokens"), 200, "No tokens yet")
	root.sees(root.do("POST", "/desk/admin/tokens", "name", "", "owner", "machine", "role", "machine", "scopes", "read_minds", "networks", "192.0.2.1", "days", "90"), 422, `href="#scopes"`, `value="192.0.2.1"`)
	root.sees(root.do("POST", "/desk/admin/tokens", "name", "", "owner", "machine", "role", "machine", "networks", "192.0.2.1", "days", "900"), 422, `href="#name"`, `href="#networks"`, `href="#expires"`)
	made := root.do("POST", "/desk/admin/tokens", "name", "Port sensors", "owner", "machine", "role", "machine", "networks", "192.0.2.0/24", "days", "30")
	root.sees(made, 200, "shown only now", "!once a lead")
	if tokenSecret.FindString(made.body) == "" {
		t.Error("no secret")
	}
	root.sees(root.get("/desk/admin/tokens"), 200, "Port sensors", "192.0.2.0/24", "In force", "!tcs_")
	ana.sees(ana.get("/desk/admin/tokens"), 200, "!Port sensors")
	root.sees(ana.do("POST", "/desk/admin/tokens", "name", "Mine", "owner", "machine", "role", "lead", "days", "30"), 422, `href="#role"`)
	reads := ana.do("POST", "/desk/admin/tokens", "name", "My script", "owner", "machine", "role", "analyst", "scopes", "read_cases", "days", "30")
	ana.sees(reads, 200, "once a lead has confirmed")
	ana.sees(ana.get("/desk/admin/tokens"), 200, "My script", "only read_cases", "Waits for a lead")
	lea.sees(lea.get("/desk/admin/waiting"), 200, "My script")
	uid := regexp.MustCompile(`name="token" value="([a-z0-9]{26})"`).FindStringSubmatch(lea.get("/desk/admin/waiting").body)
	if uid == nil {
		t.Fatal("no token waits")
	}
	lea.goes(lea.do("POST", "/desk/admin/waiting/confirm", "token", uid[1]), "/desk/admin/waiting?done=confirmed")
	if a := ana.do("POST", "/desk/admin/tokens/"+id.New()+"/revoke"); a.status != http.StatusNotFound {
		t.Errorf("no such token: %d", a.status)
	}
	ana.goes(ana.do("POST", "/desk/admin/tokens/"+uid[1]+"/revoke"), "/desk/admin/tokens?done=ended")
	ana.sees(ana.get("/desk/admin/tokens"), 200, "!My script")
}

func TestTheTeamsKeysTellTheirEnd(t *testing.T) {
	t.Parallel()
	h := openOffice(t)
	iris := h.as("Iris")
	iris.sees(iris.get("/desk/admin/keys"), 200, "The team has no key")
	h.keys = teamKeys(t, h.Clock.Now())
	shown := iris.get("/desk/admin/keys")
	iris.sees(shown, 200, "Others can encrypt to us until", "Signs", "Encrypts", "Kept for reading", "Kept so that mail")
	got := iris.get("/desk/admin/keys/" + h.keys[0].Fingerprint())
	if got.status != 200 || !strings.HasPrefix(got.body, "-----BEGIN PGP PUBLIC KEY BLOCK") || !strings.Contains(got.header.Get("Content-Disposition"), h.keys[0].Fingerprint()+".asc") {
		t.Errorf("download: %d %v", got.status, got.header)
	}
	if a := iris.get("/desk/admin/keys/0000"); a.status != http.StatusNotFound {
		t.Errorf("a key of nobody: %d", a.status)
	}
	h.Clock.Set(h.keys[0].EncryptUntil().Add(-30 * 24 * time.Hour))
	iris = h.as("Iris")
	iris.sees(iris.get("/desk/admin/keys"), 200, "tocsin key renew", "Ends soon")
	h.Clock.Set(h.keys[0].EncryptUntil().Add(time.Hour))
	iris = h.as("Iris")
	iris.sees(iris.get("/desk/admin/keys"), 200, "nobody can encrypt to us")
}

func roadPairs(name string, roads ...string) []string {
	var out []string
	for i, l := range tlp.Levels() {
		out = append(out, name+"-"+string(rune('0'+int(l))), roads[i])
	}
	return out
}

func TestRoadsChangeAfterOldAndNewWereSeen(t *testing.T) {
	t.Parallel()
	h := openOffice(t)
	lea, root := h.as("Lea"), h.as("Root")
	was := roadPairs("was", "signed", "signed", "notice", "notice", "refused")
	strict := roadPairs("want", "signed", "notice", "notice", "refused", "refused")
	lea.sees(lea.get("/desk/admin/mail"), 200, "Never changed", "Does not leave", "As delivered")
	lea.sees(lea.get("/desk/admin/mail/change"), 200, "Now: Signed, readable on the way")
	lea.sees(lea.do("POST", "/desk/admin/mail/compare", append(was, roadPairs("want", "signed", "notice", "signed", "notice", "signed")...)...), 422, `href="#want-`, "Error:")
	lea.sees(lea.do("POST", "/desk/admin/mail/compare", append(was, strict...)...), 200, "Save 2 changes", "A notice; the text waits", "Changes")
	lea.goes(lea.do("POST", "/desk/admin/mail/compare", append(was, roadPairs("want", "signed", "signed", "notice", "notice", "refused")...)...), "/desk/admin/mail")
	if a := lea.do("POST", "/desk/admin/mail/compare", append(was, roadPairs("want", "signed", "by pigeon", "notice", "notice", "refused")...)...); a.status != 422 {
		t.Errorf("by pigeon: %d", a.status)
	}
	lea.goes(lea.do("POST", "/desk/admin/mail", append(was, strict...)...), "/desk/admin/mail?done=saved")
	now, err := h.letters.Roads(t.Context(), h.DB)
	h.must(err)
	if now[tlp.Green] != egress.Notice || now[tlp.AmberStrict] != egress.Refused {
		t.Errorf("in force: %v", now)
	}
	root.sees(root.get("/desk/admin/mail"), 200, ", Lea")
	// Root read the old table: both stand side by side, nothing is overwritten.
	root.sees(root.do("POST", "/desk/admin/mail", append(was, roadPairs("want", "notice", "notice", "notice", "notice", "refused")...)...), 409, "Now: Does not leave", "Error:")
	root.sees(root.do("POST", "/desk/admin/mail", append(roadPairs("was", "signed", "notice", "notice", "refused", "refused"), roadPairs("want", "refused", "signed", "notice", "notice", "refused")...)...), 422, `href="#want-`)
	root.sees(root.get("/desk/audit?area=correspondence"), 200, "correspondence.roads", "TLP:GREEN: signed → notice")
	if a := h.as("Ana").do("POST", "/desk/admin/mail", append(was, strict...)...); a.status != http.StatusForbidden {
		t.Errorf("an analyst changes rules: %d", a.status)
	}
}

func TestOneControlStopsAllMail(t *testing.T) {
	t.Parallel()
	h := openOffice(t)
	ana, lea := h.as("Ana"), h.as("Lea")
	ana.sees(ana.get("/desk/outbox"), 200, "!All outgoing mail is stopped", "/desk/admin/stop-mail")
	ana.sees(ana.do("POST", "/desk/admin/stop-mail", "to", "stop", "why", " "), 422, `href="#why"`)
	if a := ana.do("POST", "/desk/admin/stop-mail", "to", "sideways", "why", "x"); a.status != http.StatusNotFound {
		t.Errorf("sideways: %d", a.status)
	}
	for range 2 { // a second press changes nothing
		ana.goes(ana.do("POST", "/desk/admin/stop-mail", "to", "stop", "why", "A wrong template went out"), "/desk/admin/stop-mail?done=mail_stopped")
	}
	if paused, err := h.letters.Paused(t.Context(), h.DB); err != nil || !paused {
		t.Fatalf("paused %v, %v", paused, err)
	}
	lea.sees(lea.get("/desk/outbox"), 200, "All outgoing mail is stopped", ", Ana", "See or end the stop")
	lea.sees(lea.get("/desk/admin/stop-mail"), 200, "Let mail leave again", ", Ana")
	lea.sees(lea.get("/desk/audit?area=correspondence"), 200, "A wrong template went out")
	rows, err := h.Audit.Find(t.Context(), h.DB, lea.actor(), audit.Filter{Verb: correspondence.VerbPause})
	if err != nil || len(rows) != 1 {
		t.Errorf("%d stops recorded, %v", len(rows), err)
	}
	lea.goes(lea.do("POST", "/desk/admin/stop-mail", "to", "go", "why", "It is mended"), "/desk/admin/stop-mail?done=mail_goes")
	lea.sees(lea.get("/desk/outbox"), 200, "!All outgoing mail is stopped")
}

func TestEntitlementsAreEditedByCommunity(t *testing.T) {
	t.Parallel()
	h := openOffice(t)
	lea := h.as("Lea")
	lea.sees(lea.get("/desk/admin/entitlements"), 200, "/desk/admin/entitlements/businesses", "Never changed", "Best effort")
	at := "/desk/admin/entitlements/businesses"
	lea.sees(lea.get(at), 200, "Now: Advice. As delivered: Advice.", `value="24"`)
	rows := []string{"coordination", "advice", "alerts", "full", "vulnerability", "none", "advice", "full", "audit", "none", "training", "pointer"}
	lea.sees(lea.do("POST", at, append(rows, "incident_response", "lavish", "first_answer", "-1", "priority", "12")...), 422, `href="#incident_response"`, `href="#first_answer"`, `href="#priority"`, `value="12"`)
	lea.goes(lea.do("POST", at, append(rows, "incident_response", "full", "first_answer", "1.5", "priority", "4")...), "/desk/admin/entitlements?done=saved")
	e, err := h.country.Entitlement(t.Context(), h.DB, []string{"businesses"}, "incident_response")
	if err != nil || e.Level != "full" || e.FirstAnswer != 90*time.Minute || e.Priority != 4 {
		t.Errorf("%+v, %v", e, err)
	}
	lea.sees(lea.get(at), 200, "Now: In full. As delivered: Advice.", `value="1.5"`)
	lea.sees(lea.get("/desk/admin/entitlements"), 200, ", Lea")
	lea.goes(lea.do("POST", at, "usual", "1"), "/desk/admin/entitlements?done=saved")
	lea.sees(lea.get(at), 200, "Now: Advice. As delivered: Advice.")
	for _, method := range []string{"GET", "POST"} {
		if a := lea.do(method, "/desk/admin/entitlements/martians"); a.status != http.StatusNotFound {
			t.Errorf("%s a community of nobody: %d", method, a.status)
		}
	}
}

// The record shows an administrator that a case was worked on, and not what it is; the lead reads both.
func TestTheRecordKeepsCasesFromAdministrators(t *testing.T) {
	t.Parallel()
	h := openOffice(t)
	o := access.Object{Ref: ref.Ref{Kind: ref.Incident}, Realm: access.Team, TLP: tlp.Amber}
	h.must(h.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if err := access.Protect(ctx, tx, &o, h.Clock.Now()); err != nil {
			return err
		}
		err := h.Audit.Write(ctx, tx, audit.Entry{
			At: h.Clock.Now(), By: h.Person(1, "Ana", access.Analyst), Verb: "incident.edit", On: o.Ref, Note: "the mill called",
			Changes: []audit.Change{{Field: "title", From: "Old", To: "Ransomware at the mill"}, {Field: "handler", From: 0, To: 99117}},
		})
		return err
	}))
	root, lea := h.as("Root"), h.as("Lea")
	root.sees(root.get("/desk/audit?area=incident"), 200, "incident.edit", "you may not see what it is about", "!mill")
	lea.sees(lea.get("/desk/audit?area=incident"), 200, "incident.edit", "Old → Ransomware at the mill", "the mill called", "!99117")
	root.sees(root.get("/desk/audit?who=1&area=incident&from=2026-11-21&to=2026-11-21"), 200, "incident.edit")
	root.sees(root.get("/desk/audit?from=2027-01-01"), 200, "Nothing matches these filters", "Clear filters")
	root.sees(root.get("/desk/audit?from=yesterday"), 200, `href="#from"`)
}
