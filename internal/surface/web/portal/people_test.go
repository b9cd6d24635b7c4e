package portal_test

import (
	"context"
	"encoding/csv"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

const eva = "eva.reis@aguasdovale.example"

// keeper adds an administrator to each of two organisations, and lets letters be written.
func (h *house) keeper() {
	h.Helper()
	h.accounts.Post = func(context.Context, *db.Tx, account.Account, account.Letter) error { return nil }
	sample := access.System("sample")
	for email, o := range map[string]constituency.Organisation{eva: h.aguas, "bea@porto.example": h.porto} {
		_, _, err := h.accounts.Create(h.Context(), sample, account.NewAccount{Email: email, Name: strings.ToUpper(email[:1]) + email[1:3] + " Keeper", Organisation: o.UID, Roles: []access.Role{access.ConstituentAdmin}, Password: password})
		h.must(err)
	}
}

// who gives the account of an address.
func (h *house) person(email string) account.Account {
	h.Helper()
	a, err := h.accounts.ByEmail(h.Context(), h.DB, access.System("sample"), email)
	h.must(err)
	return a
}

func (h *house) link(of int64) string {
	h.Helper()
	_, secret, err := h.accounts.Opening(h.Context(), h.DB, of)
	h.must(err)
	return secret.Reveal()
}

// Eva keeps the people of her organisation: she invites, changes roles, resets, removes; every act is in the activity, and its names stay inside.
func TestAnOrganisationKeepsItsPeople(t *testing.T) {
	h := open(t)
	h.keeper()
	b := h.browser()
	b.signIn(eva)
	h.has(b.get("/portal/people"), "Rui Tavares", "rui.tavares@aguasdovale.example", "No second factor", "Invite somebody", "Administrator")
	wrong := b.post("/portal/people/invite", "name", "", "email", "no address", "lang", "xx", "role", "lead")
	if wrong.status != http.StatusUnprocessableEntity && wrong.status != http.StatusBadRequest || strings.Count(wrong.body, `class="error"`) != 4 || !strings.Contains(wrong.body, `value="no address"`) {
		t.Errorf("%d: problems beside their fields, with what was typed kept:\n%s", wrong.status, wrong.body)
	}
	if a := b.post("/portal/people/invite", "name", "Ivo <b>Lima</b>", "email", "ivo@aguasdovale.example", "lang", "de", "role", "constituent"); a.location != "/portal/people?done=invited" {
		t.Fatalf("%d %s %s", a.status, a.location, a.body)
	}
	list := b.get("/portal/people?done=invited")
	h.has(list, "Ivo &lt;b&gt;Lima&lt;/b&gt;", "invited by Eva Keeper", "Link until", "The letter is on its way")
	ivo := ""
	for _, x := range h.own(eva) {
		if x.Invited != nil {
			ivo = x.UID
			h.must(h.accounts.SetByLink(t.Context(), h.link(x.ID), password))
		}
	}
	at := "/portal/people/" + ivo
	h.has(b.get(at), "ivo@aguasdovale.example", "by Eva Keeper", "Member", "Remove this person")
	for path, done := range map[string]string{"/role": "role", "/password": "reset", "/sessions": "sessions"} {
		if a := b.post(at+path, "role", "constituent_admin"); a.location != at+"?done="+done {
			t.Errorf("%s: %d %s", path, a.status, a.location)
		}
	}
	h.has(b.get("/portal/people"), "Ivo")
	if a := b.post(at+"/role", "role", "constituent"); a.location == "" {
		t.Errorf("%d", a.status)
	}
	// The last administrator stays.
	if a := b.post("/portal/people/"+h.person(eva).UID+"/role", "role", "constituent"); a.status != http.StatusConflict || !strings.Contains(a.body, "Nobody else is an administrator") {
		t.Errorf("%d %s", a.status, a.body)
	}
	h.has(b.get(at+"/remove"), "Remove Ivo")
	if a := b.post(at + "/remove"); a.location != "/portal/people?done=removed" {
		t.Errorf("%d %s", a.status, a.location)
	}
	h.has(b.get(at), "was removed")
	if _, err := h.accounts.SignIn(t.Context(), account.From{Door: account.Portal}, account.Credentials{Email: "ivo@aguasdovale.example", Password: password}); err == nil {
		t.Error("who was removed signs in")
	}
	h.has(b.get("/portal/people/activity"), "Eva Keeper", "invited", "ivo@aguasdovale.example", "Ivo &lt;b&gt;Lima", "removed", "gave a role", "The team")
	rows, err := csv.NewReader(strings.NewReader(b.get("/portal/people/activity/csv").body)).ReadAll()
	if err != nil || len(rows) < 8 || rows[0][0] != "time" {
		t.Errorf("%v %v", rows, err)
	}
}

// own lists the people of an administrator's organisation.
func (h *house) own(email string) []account.Own {
	h.Helper()
	list, err := h.accounts.OwnPeople(h.Context(), h.DB, h.as(email))
	h.must(err)
	return list
}

func (h *house) as(email string) access.Actor {
	h.Helper()
	a := h.person(email)
	by := h.Person(a.ID, a.Name)
	by.Organisation, by.Compartments = a.Organisation, []int64{a.Organisation}
	for _, g := range a.Roles {
		by.Roles = append(by.Roles, g.Role)
	}
	return by
}

// The rooms of who keeps people are closed to members; other organisations' people and keys do not exist; and an old proof is asked for anew.
func TestPeopleStayInTheirOrganisation(t *testing.T) {
	h := open(t)
	h.keeper()
	rui, bea := h.browser(), h.browser()
	rui.signIn("rui.tavares@aguasdovale.example")
	bea.signIn("bea@porto.example")
	member, other := h.person("rui.tavares@aguasdovale.example"), h.person("ines.faria@porto.example")
	key, _, err := h.accounts.CreateKey(t.Context(), h.as(eva), account.NewKey{Name: "SIEM of Águas", Scopes: []access.Right{access.OwnCases}})
	h.must(err)
	if a := rui.get("/portal/"); strings.Contains(a.body, "/portal/people") {
		t.Error("a member is shown the way")
	}
	for _, path := range []string{"/portal/people", "/portal/people/invite", "/portal/people/keys", "/portal/people/keys/new", "/portal/people/activity", "/portal/people/activity/csv", "/portal/people/" + member.UID} {
		if a := rui.get(path); a.status != http.StatusForbidden {
			t.Errorf("a member reads %s: %d", path, a.status)
		}
	}
	for _, path := range []string{"/invite", "/rule", "/keys", "/keys/" + key.UID + "/end", "/" + member.UID + "/role", "/" + member.UID + "/remove"} {
		if a := rui.post("/portal/people"+path, "name", "X", "email", "x@x.example", "role", "constituent_admin"); a.status != http.StatusForbidden {
			t.Errorf("a member acts on %s: %d", path, a.status)
		}
	}
	for _, path := range []string{"/" + member.UID, "/" + member.UID + "/remove", "/x", "/activity?person=" + member.UID, "/activity/csv?person=" + member.UID, "/activity?after=zzz"} {
		if a := bea.get("/portal/people" + path); a.status != http.StatusNotFound {
			t.Errorf("another organisation reads %s: %d", path, a.status)
		}
	}
	for _, act := range []string{"again", "withdraw", "role", "password", "factor", "sessions", "remove"} {
		if a := bea.post("/portal/people/"+member.UID+"/"+act, "role", "constituent"); a.status != http.StatusNotFound {
			t.Errorf("another organisation: %s: %d", act, a.status)
		}
	}
	if a := bea.post("/portal/people/keys/" + key.UID + "/end"); a.status != http.StatusNotFound {
		t.Errorf("another's key: %d", a.status)
	}
	for _, path := range []string{"/portal/people", "/portal/people/keys", "/portal/people/activity", "/portal/people/activity/csv"} {
		a := bea.get(path)
		for _, theirs := range []string{"Rui", "Eva", "aguas", "SIEM", "Águas", "Marta", "Ana Silva"} {
			if strings.Contains(a.body, theirs) {
				t.Errorf("%s shows %q of others", path, theirs)
			}
		}
	}
	h.has(bea.get("/portal/people"), other.Name)
	h.Clock.Advance(11 * time.Minute)
	if a := bea.post("/portal/people/invite", "name", "X", "email", "x@porto.example", "role", "constituent", "lang", "en"); a.status == http.StatusSeeOther && strings.Contains(a.location, "done") {
		t.Error("an old proof was enough")
	}
}

// A key is shown once, does what it may, and is ended; its name is anybody's words.
func TestKeysOnTheirPage(t *testing.T) {
	h := open(t)
	h.keeper()
	b := h.browser()
	b.signIn(eva)
	h.has(b.get("/portal/people/keys"), "No keys yet")
	bad := b.post("/portal/people/keys", "name", "", "days", "9000", "networks", "all", "may", "own_people")
	if bad.status == http.StatusOK || strings.Count(bad.body, `class="error"`) != 4 {
		t.Errorf("%d %s", bad.status, bad.body)
	}
	made := b.post("/portal/people/keys", "name", "=cmd|<i>SIEM</i>", "days", "30", "networks", "192.0.2.0/24 2001:db8::/32", "may", "own_cases", "may", "file_report", "may", "own_cases")
	h.has(made, "tcs_", "is shown once")
	i := strings.Index(made.body, "tcs_")
	secret := made.body[i : i+47]
	list := b.get("/portal/people/keys")
	h.has(list, "=cmd|&lt;i&gt;SIEM&lt;/i&gt;", "Read and answer", "Send reports", "192.0.2.0/24 2001:db8::/32", "never used", "made by Eva Keeper")
	if strings.Contains(list.body, secret) {
		t.Error("the key is shown twice")
	}
	if strings.Contains(b.get("/portal/people/activity/csv").body, ",=cmd") {
		t.Error("a cell begins as a formula does")
	}
	by, err := h.accounts.ByToken(t.Context(), secret, addr("192.0.2.9"))
	if err != nil || !by.Can(access.OwnCases) || by.Organisation != h.aguas.Ref.ID {
		t.Errorf("%+v %v", by, err)
	}
	end := list.body[strings.Index(list.body, `action="/portal/people/keys/`)+8:]
	end = end[:strings.IndexByte(end, '"')]
	if a := b.post(end); a.location != "/portal/people/keys?done=key_ended" {
		t.Errorf("%d %s", a.status, a.location)
	}
	if _, err := h.accounts.ByToken(t.Context(), secret, addr("192.0.2.9")); err == nil {
		t.Error("an ended key works")
	}
	h.has(b.get("/portal/people/keys"), "No longer valid", "Ended")
}

// Who has no second factor is led to set one up, wherever in the portal it comes, and acts on nothing.
func TestWhoOwesAFactorIsLedToIt(t *testing.T) {
	h := open(t)
	h.keeper()
	b, rui := h.browser(), h.browser()
	b.signIn(eva)
	rui.signIn("rui.tavares@aguasdovale.example")
	if a := b.post("/portal/people/rule", "factor", "yes"); a.status != http.StatusConflict || !strings.Contains(a.body, "second factor of your own first") {
		t.Errorf("%d", a.status)
	}
	by := h.as(eva)
	e, err := h.accounts.EnrolTOTP(t.Context(), by)
	h.must(err)
	code, err := totp.GenerateCode(e.Secret.Reveal(), h.Clock.Now())
	h.must(err)
	_, err = h.accounts.ConfirmTOTP(t.Context(), by, code)
	h.must(err)
	if a := b.post("/portal/people/rule", "factor", "yes"); a.location != "/portal/people?done=rule" {
		t.Errorf("%d %s", a.status, a.location)
	}
	h.has(b.get("/portal/people"), "Everybody needs a second factor", "Set by Eva Keeper")
	for _, path := range []string{"/portal/", "/portal/reports", "/portal/requests", "/portal/organisation"} {
		if a := rui.get(path); a.status != http.StatusSeeOther || a.location != "/portal/account/factor" {
			t.Errorf("%s: %d %s", path, a.status, a.location)
		}
	}
	if a := rui.post("/portal/reports/new", "summary", "x"); a.location != "/portal/account/factor" {
		t.Errorf("a report by one who owes: %d %s", a.status, a.location)
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
