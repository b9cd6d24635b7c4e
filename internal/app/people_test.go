package app

import (
	"io"
	"mime/quotedprintable"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
)

// opened gives the link that a letter carries.
func (h *house) opened(letter string) string {
	h.t.Helper()
	text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(letter)))
	h.must(err)
	link := h.one(`(https?://[^\s"<]+/welcome/[^\s"<]+)`, string(text))
	path, ours := strings.CutPrefix(link, h.publicURL())
	if !ours {
		h.t.Fatalf("the link leads to %s", link)
	}
	return path
}

// TestAnInvitationIsALetter: an organisation's administrator asks somebody in; the link stands in the letter that left and nowhere else, neither in the
// database nor where the team reads its outbox; its reader chooses a password, once, and sees what the organisation sees.
func TestAnInvitationIsALetter(t *testing.T) {
	onEach(t, func(h *house) {
		h.serve()
		hospital, _ := h.organisation("Hospital do Vale", "en", "Rui", "rui@hospital.example", nil)
		eva := h.person(access.ConstituentAdmin, "eva@hospital.example", hospital.UID)
		ana := h.person(access.Analyst, "ana@cert.valmora.example", "")
		invite := []string{"name", "Ivo Lima", "email", "ivo@hospital.example", "lang", "de", "role", "constituent"}
		if to := eva.post("/portal/people/invite", invite...); to != "/portal/people?done=invited" {
			t.Fatal(to)
		}
		var letters []string
		h.eventually("the invitation", func() bool { letters = h.sent("ivo@hospital.example"); return len(letters) == 1 })
		path := h.opened(letters[0])
		if !strings.Contains(letters[0], "Eine Einladung") || strings.Contains(letters[0], "Ivo") || strings.Contains(letters[0], "Eva") {
			t.Errorf("a letter in the reader's language, in the words of the catalogue alone:\n%s", letters[0])
		}
		secret := path[strings.LastIndexByte(path, '/')+1:]
		for _, table := range h.tableNames() {
			if slices.ContainsFunc(h.dump(t.Context(), table), func(row string) bool { return strings.Contains(row, secret) }) {
				t.Errorf("%s holds the link", table)
			}
		}
		if strings.Contains(h.log.String(), secret) {
			t.Error("the log holds the link")
		}
		outbox := ana.page("/desk/outbox?state=sent")
		for _, at := range all(`href="(/desk/outbox[^"]*)"`, outbox) {
			outbox += ana.page(strings.ReplaceAll(at, "&amp;", "&"))
		}
		if strings.Contains(outbox, secret) {
			t.Error("the team reads the link")
		}
		nobody := h.browser()
		nobody.page(path)
		nobody.page(path) // opening acts on nothing
		if a := nobody.send(path, values("password", "short")); a.Status != http.StatusUnprocessableEntity && a.Status != http.StatusBadRequest {
			t.Errorf("%d", a.Status)
		}
		if to := nobody.post(path, "password", password); to != "/login?done=password" {
			t.Error(to)
		}
		if a := nobody.get(path); a.Status != http.StatusNotFound {
			t.Errorf("a second time: %d", a.Status)
		}
		ivo := h.browser()
		ivo.signIn("ivo@hospital.example")
		ivo.page("/portal/reports")
	})
}

// TestAnOrganisationsKeyAtTheAPI: what a key may do, and no more: own reports and obligations, nothing of others, nothing of its own people, until it is
// ended.
func TestAnOrganisationsKeyAtTheAPI(t *testing.T) {
	onEach(t, func(h *house) {
		h.serve()
		hospital, _ := h.organisation("Hospital do Vale", "en", "Rui", "rui@hospital.example", nil)
		bank, _ := h.organisation("Banco do Norte", "en", "Bea", "bea@bank.example", nil)
		eva := h.person(access.ConstituentAdmin, "eva@hospital.example", hospital.UID)
		bea := h.person(access.Constituent, "bea@bank.example", bank.UID)
		bea.post("/portal/reports/new", "summary", "Bank alone", "description", "Nobody else's", "ongoing", "yes", "tlp", "AMBER", "name", "Bea", "email", "bea@bank.example", "aware-day", "1", "aware-month", "1", "aware-year", "2026", "aware-time", "08:00")
		made := eva.send("/portal/people/keys", values("name", "SIEM", "days", "30", "may", "own_cases", "may", "file_report"))
		key := h.one(`(tcs_[A-Za-z0-9_-]{43})`, made.Body)
		c := client.New("http://"+h.Config.HTTP, key)
		got, err := c.CreateReport(t.Context(), client.NewReport{Summary: "Ransomware", Description: "Since the night"})
		h.must(err)
		reports, err := c.Reports(t.Context(), client.Page{})
		h.must(err)
		if len(reports.Items) != 1 || reports.Items[0].Reference != got.Reference {
			t.Errorf("%+v", reports.Items)
		}
		var list client.List[any]
		if _, err := c.Do(t.Context(), http.MethodGet, "/obligations", nil, &list); err != nil {
			t.Error(err)
		}
		if _, err := c.Requests(t.Context(), client.Page{}); err != nil {
			t.Error(err)
		}
		if _, err := c.Organisations(t.Context(), client.Page{}); err == nil {
			t.Error("reads the registry without that right")
		}
		if _, err := c.Audit(t.Context(), client.Page{}); err == nil {
			t.Error("reads the record")
		}
		if a := eva.page("/portal/people/activity"); !strings.Contains(a, "SIEM") || !strings.Contains(a, "by API") || strings.Contains(a, "Bank") {
			t.Errorf("the activity: %s", plain(a))
		}
		at := h.one(`action="(/portal/people/keys/[^"]+/end)"`, eva.page("/portal/people/keys"))
		eva.post(at)
		if _, err := c.Reports(t.Context(), client.Page{}); err == nil {
			t.Error("an ended key reads")
		}
	})
}

// TestPeopleOfAnOrganisationAreTold: what is asked of an organisation is told to those of its people who chose so, with nothing in it, and to nobody else's.
func TestPeopleOfAnOrganisationAreTold(t *testing.T) {
	onEach(t, func(h *house) {
		h.Correspondence.Hold = 0
		w, orgs := h.build()
		_ = w
		h.serve()
		for name, org := range map[string]string{"ours": orgs["ours"].UID, "hidden": orgs["hidden"].UID} {
			b := h.person(access.Constituent, "one@"+name+".example", org)
			h.account(access.Constituent, "quiet@"+name+".example", org)
			b.post("/portal/account/settings", "lang", "en", "zone", "", "asked", "2", "written", "2", "stands", "2")
		}
		rows, err := h.Coordination.Matrix(t.Context(), sample(), w.ours["name"])
		h.must(err)
		for _, r := range rows {
			if r.Party.Organisation == orgs["ours"].Ref.ID {
				_, err := h.Coordination.Send(t.Context(), sample(), w.ours["name"], coordination.Give{Parties: []string{r.Party.UID}, Request: "Secret question?", TLP: tlp.Green, DueAt: time.Now().Add(48 * time.Hour), Looked: true})
				h.must(err)
			}
		}
		h.eventually("a notice", func() bool { return len(h.sent("one@ours.example")) > 0 })
		letter := h.sent("one@ours.example")[0]
		if strings.Contains(letter, "Secret") || strings.Contains(letter, "INC-") || !strings.Contains(letter, "/portal/") {
			t.Errorf("%s", letter)
		}
		for _, quiet := range []string{"quiet@ours.example", "one@hidden.example", "quiet@hidden.example"} {
			if got := h.sent(quiet); len(got) != 0 {
				t.Errorf("%s is told: %s", quiet, got[0])
			}
		}
	})
}
