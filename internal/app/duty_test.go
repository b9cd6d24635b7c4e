package app

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// TestADutyInAWholeHouse plans a duty by the pages; a report that cannot wait, a deadline and a silent channel page who is on duty, by mail that leaves;
// unanswered the next is paged, and who takes it ends it. The hand-over is written and signed; the bundle holds of RED and sealed cases the number
// alone; calls noted while we were down are taken in once, with their true time.
func TestADutyInAWholeHouse(t *testing.T) {
	pgtest.OnEach(t, func(t *testing.T, engine string) {
		// The clock stays behind the true one: what is to happen at a time has its time.
		now := clock.NewFake(time.Now().Add(-55 * time.Minute).Truncate(time.Second))
		h := &watch{aged: &aged{newHouseAt(t, engine, now), now}}
		h.plan()
		h.pages()
		h.silence()
		h.handover()
		h.bundle()
		h.notes()
	})
}

// watch is a house with Lea who leads, and Ana and Bea on duty in turn.
type watch struct {
	*aged
	lea, ana, bea *browser
	first, second *browser // in the order in which they are on duty
	mail          map[*browser]string
	actor         access.Actor
}

func (h *watch) plan() {
	lea, ana, bea := h.colleague(access.Lead, "Lea", "en"), h.colleague(access.Duty, "Ana", "en"), h.colleague(access.Duty, "Bea", "de")
	h.actor = lea
	h.serve()
	h.lea, h.ana, h.bea = h.browser(), h.browser(), h.browser()
	h.mail = map[*browser]string{h.lea: "lea@cert.valmora.example", h.ana: "ana@cert.valmora.example", h.bea: "bea@cert.valmora.example"}
	for b, address := range h.mail {
		b.signIn(address)
	}
	day := h.now.Now().AddDate(0, 0, -1)
	h.lea.post("/desk/duty/rotation", "every", "weekly", "first_day", day.Format(time.DateOnly), "at", day.Format("15:04"), "person", fmt.Sprint(ana.Account), "person", fmt.Sprint(bea.Account))
	h.lea.post("/desk/duty/rules", "clocks", "1", "lead", "60", "critical", "1", "silent", "1", "wait", "5")
	if a := h.ana.send("/desk/duty/rules", values("lead", "60", "wait", "5")); a.Status != http.StatusForbidden && a.Status != http.StatusNotFound {
		h.t.Errorf("the duty officer sets the rules: %d", a.Status)
	}
	local := func(d time.Duration) string { return h.now.Now().Add(d).Format("2006-01-02T15:04") }
	if a := h.bea.send("/desk/duty/changes", values("kind", "take", "from", local(time.Hour), "till", local(0))); a.Status != http.StatusUnprocessableEntity {
		h.t.Errorf("the end before the beginning: %d", a.Status)
	}
	h.bea.post("/desk/duty/changes", "kind", "take", "from", local(-time.Minute), "till", local(20*time.Hour))
	if said := plainAll(h.ana.page("/desk/duty")); !strings.Contains(said, "Bea takes over") && !strings.Contains(said, "instead of Ana") {
		h.t.Errorf("the duty page says %q", said)
	}
	h.bea.post(h.one(`action="(/desk/duty/changes/[^"]+/remove)"`, h.bea.page("/desk/duty")))
	h.first, h.second = h.ana, h.bea
	if a := h.ana.send("/desk/duty/ways", values("kind", "webhook", "address", "http://10.0.0.1/")); a.Status != http.StatusUnprocessableEntity {
		h.t.Errorf("a webhook without TLS: %d", a.Status)
	}
	test := h.ana.post("/desk/duty/test")
	h.waits(h.ana, 1)
	if a := h.bea.get(test); a.Status != http.StatusNotFound {
		h.t.Errorf("another sees the test: %d", a.Status)
	}
	h.ana.post(test + "/take")
}

// plainAll is a page as text, whole.
func plainAll(html string) string {
	return strings.Join(strings.Fields(markup.ReplaceAllString(html, " ")), " ")
}

// waits for so many letters to somebody, and gives all as they are read.
func (h *watch) waits(who *browser, n int) (all string) {
	h.t.Helper()
	h.eventually(fmt.Sprintf("letter %d to %s", n, h.mail[who]), func() bool {
		got := h.sent(h.mail[who])
		all = ""
		for _, raw := range got {
			all += decoded(raw)
		}
		return len(got) >= n
	})
	return all
}

// newest gives the address of the newest page of somebody who is on duty.
func (h *watch) newest(reason duty.Reason) duty.Page {
	h.t.Helper()
	all, err := h.Duty.Pages(h.t.Context(), h.DB, h.actor, 50)
	h.must(err)
	for _, p := range all {
		if p.Reason == reason {
			return p
		}
	}
	h.t.Fatalf("nobody is paged for %s", reason)
	return duty.Page{}
}

func (h *watch) look() {
	h.t.Helper()
	h.must(h.lookForPages(h.t.Context()))
	h.must(h.Duty.Advance(h.t.Context()))
}

func (h *watch) pages() {
	t, ctx := h.t, h.t.Context()
	o, err := h.Constituency.Create(ctx, sample(), constituency.NewOrganisation{Name: "Grid", Sector: "energy", Lang: "en", Criticality: 3})
	h.must(err)
	by := h.staff(h.account(access.Constituent, "rui@grid.example", o.UID).ID, access.Constituent)
	by.Organisation, by.Compartments = o.Ref.ID, []int64{o.Ref.ID}
	got, err := h.Intake.Receive(ctx, by, intake.ReceiveInput{Channel: correspondence.ByPortal, Lang: "en", NoReceipt: true, Body: intake.Body{Summary: "canarysummary", Description: "canarywords"}})
	h.must(err)
	h.look()
	h.look() // once
	one := h.waits(h.first, 2)
	p := h.newest(duty.Critical)
	if !strings.Contains(one, got.Reference) || !strings.Contains(one, "/desk/duty") || strings.Contains(one, "canary") {
		t.Errorf("on duty reads %q", one)
	}
	if n := h.count(`SELECT COUNT(*) FROM duty_page WHERE reason = 'critical'`); n != 1 {
		t.Errorf("%d pages for one report", n)
	}
	if n := len(h.sent(h.mail[h.second])); n != 0 {
		t.Errorf("the next has %d letters before her time", n)
	}
	h.now.Advance(5*time.Minute + time.Second)
	h.look()
	h.waits(h.second, 1)
	at := "/desk/duty/pages/" + p.UID
	if said := plainAll(h.bea.page(at)); !strings.Contains(said, got.Reference) {
		t.Errorf("the page shows %q", said)
	}
	h.bea.post(at + "/take")
	if a := h.ana.send(at+"/take", nil); a.Status != http.StatusConflict {
		t.Errorf("taken twice: %d", a.Status)
	}
	h.now.Advance(6 * time.Minute)
	h.look()
	if n := len(h.sent(h.mail[h.lea])); n != 0 {
		t.Error("it goes on after it was taken")
	}

	// A deadline of ours that ends in less than an hour, and one that has time; of a sealed case without its number.
	in, err := h.Incidents.Open(ctx, h.actor, incident.NewIncident{Title: "canarycase"})
	h.must(err)
	_, err = h.Incidents.Seal(ctx, h.actor, in.UID, 0, nil, "sealed for the story")
	h.must(err)
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, in := range []struct {
			on  intake.Report
			due time.Duration
		}{{got.Report, 50 * time.Minute}, {got.Report, 70 * time.Minute}} {
			if _, err := h.Deadlines.StartTx(ctx, tx, access.System("clocks"), deadline.Clock{About: in.on.Ref, Under: in.on.Ref, Kind: intake.FirstAnswer, OwedBy: "us", StartedAt: h.now.Now(), DueAt: h.now.Now().Add(in.due)}); err != nil {
				return err
			}
		}
		_, err := h.Deadlines.StartTx(ctx, tx, access.System("clocks"), deadline.Clock{About: in.Ref, Under: in.Ref, Kind: intake.FirstAnswer, OwedBy: "us", StartedAt: h.now.Now(), DueAt: h.now.Now().Add(40 * time.Minute)})
		return err
	}))
	h.look()
	h.look()
	if n := h.count(`SELECT COUNT(*) FROM duty_page WHERE reason = 'clock'`); n != 2 {
		t.Errorf("%d pages for two deadlines", n)
	}
	if n := h.count(`SELECT COUNT(*) FROM duty_page WHERE reason = 'clock' AND number = ''`); n != 1 {
		t.Errorf("%d pages without a number: a sealed case is named", n)
	}
	if two := h.waits(h.first, 4); strings.Contains(two, in.Number) || strings.Contains(two, "canary") {
		t.Errorf("a sealed case is told in clear: %q", two)
	}
}

func (h *watch) silence() {
	t, ctx := h.t, h.t.Context()
	var mails []correspondence.Arrival
	for at := h.now.Now().Add(-12 * 24 * time.Hour); at.Before(h.now.Now().Add(-48 * time.Hour)); at = at.Add(4 * time.Hour) {
		mails = append(mails, correspondence.Arrival{From: "daily@feed.example", To: []string{teamAddress}, ReceivedAt: at, Road: correspondence.RoadSMTP, Raw: []byte(head("daily@feed.example", teamAddress, "Daily") + "\r\nNothing.\r\n")})
	}
	h.must(h.Correspondence.Arrive(ctx, mails))
	h.now.Advance(silentEvery)
	h.look()
	h.now.Advance(silentEvery)
	h.look()
	if n := h.count(`SELECT COUNT(*) FROM duty_page WHERE reason = 'silent'`); n != 1 {
		t.Errorf("%d pages for one silence", n)
	}
	if said := plainAll(h.ana.page("/desk/duty/channels")); !strings.Contains(said, "Mail by SMTP Silent since") || !strings.Contains(said, "4 hours in four weeks") {
		t.Errorf("the page of channels says %q", said)
	}
	if a := h.ana.send("/desk/duty/channels", values("channel", "smtp", "how", "off")); a.Status != http.StatusForbidden && a.Status != http.StatusNotFound {
		t.Errorf("the duty officer sets it: %d", a.Status)
	}
	if a := h.lea.send("/desk/duty/channels", values("channel", "smtp", "how", "hand", "hours", "none")); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "Enter hours from 1 to 720.") {
		t.Errorf("no number of hours: %d", a.Status)
	}
	h.lea.post("/desk/duty/channels", "channel", "smtp", "how", "off")
	if said := plainAll(h.ana.page("/desk/duty/channels")); !strings.Contains(said, "Mail by SMTP Not watched") {
		t.Errorf("the page of channels says %q", said)
	}
	h.aged.house.mail("x@hospital.example", teamAddress, head("x@hospital.example", teamAddress, "Hello")+"\r\nText.\r\n")
	all, err := h.Duty.ChannelsNow(ctx, h.DB, h.actor)
	h.must(err)
	if all[0].Name != "smtp" || h.now.Now().Sub(all[0].Last) > time.Minute {
		t.Errorf("a mail by SMTP came, and %+v", all[0])
	}
}

func (h *watch) handover() {
	t := h.t
	h.ana.post("/desk/phone", "name", "Rui", "summary", "Grid is off", "tlp", "TLP:AMBER")
	h.now.Advance(time.Second)
	at := h.ana.post("/desk/duty/handovers")
	var call, paged string
	h.must(h.DB.QueryRow(t.Context(), `SELECT reference FROM intake_report WHERE channel = 'phone'`).Scan(&call))
	h.must(h.DB.QueryRow(t.Context(), `SELECT number FROM duty_page WHERE reason = 'critical'`).Scan(&paged))
	calls, pages := regexp.MustCompile(`Calls taken Number When What `+call+` `), regexp.MustCompile(`Paged Number When What .*`+paged+` .{10,50}Cannot wait`)
	if said := plainAll(h.ana.page(at)); !strings.Contains(said, "Ana") || !calls.MatchString(said) || !pages.MatchString(said) {
		t.Errorf("the hand-over says %q", said)
	}
	o, err := h.Duty.HandoverByUID(t.Context(), h.DB, h.actor, at[strings.LastIndex(at, "/")+1:])
	h.must(err)
	if len(o.Events.Calls) != 1 || o.Events.Calls[0].Number != call {
		t.Errorf("the calls of the shift are %+v", o.Events.Calls)
	}
	kinds := map[string]int{}
	for _, e := range o.Events.Paged {
		kinds[e.Kind]++
		if e.Kind == string(duty.Critical) && e.Number != paged {
			t.Errorf("who was paged for %s reads %+v", paged, e)
		}
	}
	if kinds["critical"] != 1 || kinds["clock"] != 2 || kinds["silent"] != 1 || len(kinds) != 3 {
		t.Errorf("the pages of the shift are %v", kinds)
	}
	version := h.one(`name="version" value="([^"]*)"`, h.ana.page(at))
	h.ana.post(at+"/words", "version", version, "words", "The grid calls again at nine.")
	for _, b := range []*browser{h.ana, h.bea} {
		h.sign(b, at)
	}
	if said := plainAll(h.lea.page(at)); !strings.Contains(said, "The grid calls again at nine.") || !calls.MatchString(said) {
		t.Errorf("signed, it says %q", said)
	}
	if a := h.ana.send(at+"/words", values("words", "No.")); a.Status != http.StatusConflict {
		t.Errorf("a word after the signature: %d", a.Status)
	}
}

func (h *watch) sign(b *browser, at string) {
	h.t.Helper()
	var version string
	if found := all(`name="version" value="([^"]*)"`, b.page(at)); len(found) > 0 {
		version = found[0]
	}
	b.post(at+"/sign", "version", version)
}

const bundlePassphrase = "orchard lantern forty-two quay"

// unsealed opens a bundle as its page does.
func (h *watch) unsealed(file string) (raw string) {
	h.t.Helper()
	page, err := os.ReadFile(file)
	h.must(err)
	part := func(pattern string) []byte {
		b, err := base64.StdEncoding.DecodeString(h.one(pattern, string(page)))
		h.must(err)
		return b
	}
	key, err := pbkdf2.Key(sha256.New, bundlePassphrase, part(`data-salt="([^"]+)"`), duty.Iterations, 32)
	h.must(err)
	block, err := aes.NewCipher(key)
	h.must(err)
	gcm, err := cipher.NewGCM(block)
	h.must(err)
	open, err := gcm.Open(nil, part(`data-nonce="([^"]+)"`), part(`data-rounds="\d+">([^<]+)<`), nil)
	h.must(err)
	return string(open)
}

func (h *watch) bundle() {
	t, ctx := h.t, h.t.Context()
	open := func(title string, level tlp.Level) incident.Incident {
		in, err := h.Incidents.Open(ctx, h.actor, incident.NewIncident{Title: title, TLP: level})
		h.must(err)
		return in
	}
	plain, red, sealed := open("plaincase", tlp.Amber), open("redcanary", tlp.Red), open("sealedcanary", tlp.Amber)
	_, err := h.Incidents.Seal(ctx, h.actor, sealed.UID, 0, nil, "sealed for the story")
	h.must(err)
	grid, err := h.Constituency.Create(ctx, h.actor, constituency.NewOrganisation{Name: "Water", Sector: "water", Lang: "en"})
	h.must(err)
	c, err := h.Constituency.AddContact(ctx, h.actor, grid.UID, constituency.NewContact{Name: "Eva Sand", Role: "duty", Email: "eva@water.example"})
	h.must(err)
	n, err := h.Constituency.AddNumber(ctx, h.actor, c.UID, constituency.NewNumber{Number: "+999 210 1", Note: "mobile", Outside: true})
	h.must(err)
	_, err = h.Constituency.VerifyNumber(ctx, h.actor, n.UID, "called")
	h.must(err)
	_, err = h.Constituency.AddNumber(ctx, h.actor, c.UID, constituency.NewNumber{Number: "+999 210 2"})
	h.must(err)
	due := h.now.Now().Add(5 * time.Hour)
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := h.Deadlines.StartTx(ctx, tx, access.System("clocks"), deadline.Clock{About: plain.Ref, Under: plain.Ref, Kind: "early_warning", RuleSet: "eu-nis2", OwedBy: deadline.Them, StartedAt: h.now.Now(), DueAt: due})
		return err
	}))
	folder := h.Duty.Folders[0]
	h.must(os.MkdirAll(folder, 0o700))
	h.lea.signIn(h.mail[h.lea]) // a fresh proof
	for what, form := range map[string][]string{
		"elsewhere": {"places", "/etc", "last", "3", "passphrase", bundlePassphrase}, "a short passphrase": {"places", folder, "last", "3", "passphrase", "short"},
	} {
		if a := h.lea.send("/desk/duty/down", values(form...)); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", what, a.Status)
		}
	}
	h.lea.post("/desk/duty/down", "places", folder, "last", "3", "passphrase", bundlePassphrase)
	h.lea.post("/desk/duty/down/write")
	files, err := filepath.Glob(filepath.Join(folder, "tocsin-*.html"))
	h.must(err)
	if len(files) == 0 {
		t.Fatal("no bundle is written")
	}
	raw := h.unsealed(files[len(files)-1])
	for _, word := range []string{"plaincase", plain.Number, red.Number, sealed.Number, `"who":"Ana"`, `"who":"Bea"`, "BEGIN PGP PUBLIC KEY BLOCK"} {
		if !strings.Contains(raw, word) {
			t.Errorf("the bundle has no %q", word)
		}
	}
	for _, word := range []string{"redcanary", "sealedcanary", "canary", bundlePassphrase} {
		if strings.Contains(raw, word) {
			t.Errorf("the bundle says %q", word)
		}
	}
	var b duty.Bundle
	h.must(json.Unmarshal([]byte(raw), &b))
	h.assertPaper(b, plain.Number, due)
	if len(b.More) != 0 {
		t.Errorf("there is more of %q", b.More)
	}
	for i := range bundleCases {
		open(fmt.Sprint("case ", i), tlp.Amber)
	}
	b, err = h.gatherBundle(ctx)
	h.must(err)
	if len(b.Cases) != bundleCases+2 || len(b.More) != 1 || b.More[0] != b.Words["cases"] || b.Words["more"] == "" {
		t.Errorf("%d cases, and it tells that there is more of %q", len(b.Cases), b.More)
	}
}

// assertPaper asserts contacts, keys and clocks of a bundle, and that clocks are named in the language of the team.
func (h *watch) assertPaper(b duty.Bundle, number string, due time.Time) {
	t := h.t
	eva := slices.IndexFunc(b.Contacts, func(c duty.BundleContact) bool { return c.Organisation == "Water" })
	if eva < 0 || b.Contacts[eva].Name != "Eva Sand" || b.Contacts[eva].Role != "Duty desk" || b.Contacts[eva].Email != "eva@water.example" ||
		strings.Join(b.Contacts[eva].Numbers, "; ") != "+999 210 1 (mobile) · Outside their systems; +999 210 2 · Not checked" {
		t.Errorf("the contacts are %+v", b.Contacts)
	}
	keys, err := TeamKeys(t.Context(), h.DB)
	h.must(err)
	if len(keys) == 0 || len(b.Keys) != len(keys) || strings.ReplaceAll(b.Keys[0].Fingerprint, " ", "") != keys[0].Fingerprint() || b.Keys[0].Armored != string(keys[0].Armored()) || b.Keys[0].Owner != "CERT.VM" {
		t.Errorf("the keys are %+v", b.Keys)
	}
	clocks := func(b duty.Bundle, what, owes string) (others []string) {
		found := false
		for _, c := range b.Clocks {
			if c.Number == number {
				found = c == duty.BundleClock{Number: number, What: what, OwedBy: owes, Due: due.In(h.Config.Location()).Format("2006-01-02 15:04 MST")}
			} else {
				others = append(others, c.What+" · "+c.OwedBy)
			}
		}
		if !found {
			t.Errorf("%s (%s) is not a clock of %+v", what, owes, b.Clocks)
		}
		return slices.Compact(slices.Sorted(slices.Values(others)))
	}
	if others := clocks(b, "Early warning", "Theirs"); !slices.Equal(others, []string{"First answer · Ours"}) {
		t.Errorf("other clocks are %q", others)
	}
	h.Profile.Lang = "de"
	german, err := h.gatherBundle(t.Context())
	h.Profile.Lang = "en"
	h.must(err)
	if others := clocks(german, "Frühwarnung", h.Text.For("de").T("desk.owes.them")); len(others) != 1 || strings.Contains(others[0], "first_answer") || others[0] == "First answer · Ours" {
		t.Errorf("in German, other clocks are %q", others)
	}
	for _, c := range german.Cases {
		if c.Title != "" && c.State != h.Text.For("de").T("desk.state.open") {
			t.Errorf("the state of %s is %q", c.Number, c.State)
		}
	}
}

func (h *watch) notes() {
	t, ctx := h.t, h.t.Context()
	before := h.count(`SELECT COUNT(*) FROM intake_report WHERE channel = 'phone'`)
	bring := func(content string) answer {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		part, err := w.CreateFormFile("notes", "notes.json")
		h.must(err)
		_, err = part.Write([]byte(content))
		h.must(err)
		h.must(w.Close())
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.ana.base+"/desk/duty/down/notes", &body)
		h.must(err)
		r.Header.Set("Content-Type", w.FormDataContentType())
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		return h.ana.do(r)
	}
	called := h.now.Now().Add(-7 * time.Hour).UTC().Truncate(time.Second)
	note := func(id, at string) string {
		return fmt.Sprintf(`{"id":%q,"called_at":%q,"name":"Rui","phone":"+999 1","organisation":"Grid","summary":"Call %s","description":"They said."}`, id, at, id)
	}
	file := func(notes ...string) string {
		return `{"tocsin":"call-notes/1","notes":[` + strings.Join(notes, ",") + `]}`
	}
	for what, content := range map[string]string{
		"no JSON": "no", "another file": `{"tocsin":"x","notes":[]}`, "no notes": file(), "no time": file(note("a", called.Format(time.RFC3339)), note("b", "yesterday")),
		"in the future": file(note("c", h.now.Now().Add(24*time.Hour).UTC().Format(time.RFC3339))), "what it does not know": `{"tocsin":"call-notes/1","notes":[{"id":"x","role":"admin"}]}`,
	} {
		if a := bring(content); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", what, a.Status)
		}
	}
	if n := h.count(`SELECT COUNT(*) FROM intake_report WHERE channel = 'phone'`) - before; n != 0 {
		t.Errorf("%d notes of refused files were taken", n)
	}
	both := file(note("a", called.Format(time.RFC3339)), note("b", called.Add(time.Hour).Format(time.RFC3339)))
	for i, want := range []string{"2", "0"} {
		a := bring(both)
		if said := plainAll(a.Body); a.Status != http.StatusOK || !strings.Contains(said, want) {
			t.Errorf("time %d: %d %q", i+1, a.Status, said)
		}
	}
	if n := h.count(`SELECT COUNT(*) FROM intake_report WHERE channel = 'phone'`) - before; n != 2 {
		t.Errorf("%d reports of two calls that were brought twice", n)
	}
	if n := h.count(`SELECT COUNT(*) FROM intake_report WHERE channel = 'phone' AND received_at = $1`, called); n != 1 {
		t.Errorf("%d reports have the true time of the first call", n)
	}
}
