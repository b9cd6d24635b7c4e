package app

import (
	"bytes"
	"net/http"
	"strings"
	"sync"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// formInThePortal begins a legal stage signed in, leaves it, goes on from another browser and sends it: it is one report of the organisation, however often and
// from how many places it is sent, and neither another organisation nor a code in somebody's hand ever comes to it.
func (h *house) formInThePortal(mine, theirs *browser, north constituency.Organisation) {
	h.t.Helper()
	ctx := h.t.Context()
	before, err := h.Intake.List(ctx, sample(), intake.QueueFilter{})
	h.must(err)
	elsewhere := h.browser() // the same person, from another device
	elsewhere.signIn("it@north.example")
	stranger := h.browser()
	stranger.post("/report/what", "what", "duty")
	foreign := h.one(`name="code" value="([^"]+)"`, stranger.page("/report/stage"))

	begin := mine.page("/portal/report")
	for _, want := range []string{`href="/portal/report/what"`, `href="/portal/reports/new"`, "/portal/report/significance"} {
		if !strings.Contains(begin, want) {
			h.t.Errorf("%s is not on the first page", want)
		}
	}
	// The form begins with who is signed in, and no code that is sent along is read.
	mine.post("/portal/report/what", "what", "duty", "code", foreign)
	if a := mine.send("/portal/report/stage", values("stage-eu-nis2", "early_warning", "class-eu-nis2", "essential", "act", "guide")); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/portal/report/significance" {
		h.t.Errorf("to the guide: %d %s", a.Status, a.Header.Get("Location"))
	}
	stage := mine.page("/portal/report/stage")
	if !strings.Contains(stage, `value="early_warning" checked`) || strings.Contains(stage, `name="code"`) {
		h.t.Error("what was chosen is not kept, or a code is shown")
	}
	mine.post("/portal/report/stage", "stage-eu-nis2", "early_warning", "class-eu-nis2", "essential")
	first := mine.page("/portal/report/part/1")
	if strings.Contains(first, `name="q-entity"`) || strings.Contains(first, `name="behalf"`) || !strings.Contains(first, `value="it@north.example"`) {
		h.t.Errorf("the first part asks what is known: %s", first)
	}
	mine.post("/portal/report/part/1", "q-contact_name", "Léa", "q-contact_email", "lea@away.example", "act", "later")
	if saved := mine.page("/portal/report/saved"); strings.Contains(saved, `class="private"`) || !strings.Contains(saved, "/portal/report/part/1") {
		h.t.Errorf("saved: %s", saved)
	}
	if kept := stranger.page("/report/stage"); strings.Contains(kept, `value="essential" checked`) {
		h.t.Error("a stranger's form is ours")
	}
	theirs.post("/portal/report/what", "what", "duty", "code", foreign)
	if a := theirs.get("/portal/report/part/1"); strings.Contains(a.Body, "Léa") {
		h.t.Error("another organisation reads the form")
	}
	// Gone on with from elsewhere: a file in parts, one that is empty, and one that is too large.
	elsewhere.post("/portal/report/part/1", "q-contact_name", "Léa", "q-contact_email", "lea@away.example", "affected", "")
	elsewhere.post("/portal/report/part/2", "q-summary", "Pumps encrypted overnight", "ongoing", "yes")
	elsewhere.post("/portal/report/part/4", "q-malicious", "yes", "q-cross_border", "no")
	for size, want := range map[int64]int{0: http.StatusUnprocessableEntity, 201 << 20: http.StatusUnprocessableEntity} {
		if status, _ := elsewhere.beginFile("/portal/report", "big.bin", size); status != want {
			h.t.Errorf("a file of %d bytes: %d", size, status)
		}
	}
	status, file := elsewhere.beginFile("/portal/report", "disk.bin", 9)
	if status != http.StatusCreated {
		h.t.Fatalf("a file: %d", status)
	}
	if status, _ := theirs.part("/portal/report", file.ID, 0, []byte("not yours"), ""); status != http.StatusNotFound {
		h.t.Errorf("another organisation's part: %d", status)
	}
	if status, got := mine.part("/portal/report", file.ID, 0, []byte("nine byte"), ""); status != http.StatusOK || got.SHA256 == "" {
		h.t.Errorf("a part: %d %+v", status, got)
	}
	elsewhere.post("/portal/report/part/5", "personal", "no", "tlp", "AMBER")
	check := mine.page("/portal/report/check")
	for _, want := range []string{north.Name, "Pumps encrypted overnight", "disk.bin", "lea@away.example"} {
		if !strings.Contains(check, want) {
			h.t.Errorf("%q is not among the answers", want)
		}
	}
	var wg sync.WaitGroup
	places := make([]string, 4)
	for i := range places {
		b := []*browser{mine, elsewhere}[i%2]
		wg.Go(func() { places[i] = b.send("/portal/report/check", values()).Header.Get("Location") })
	}
	wg.Wait()
	after, err := h.Intake.List(ctx, sample(), intake.QueueFilter{})
	h.must(err)
	if len(after.Items) != len(before.Items)+1 {
		h.t.Fatalf("%d reports more: %v", len(after.Items)-len(before.Items), places)
	}
	r := after.Items[0]
	at := "/portal/reports/" + r.UID
	sent := 0
	for _, p := range places {
		switch p {
		case at + "?done=reported":
			sent++
		case "/portal/report?gone=1":
		default:
			h.t.Errorf("sent to %q", p)
		}
	}
	if sent != 1 || r.Organisation != north.Ref.ID || r.Proof != correspondence.SignedIn || r.Channel != correspondence.ByPortal || r.Body.OrgText != north.Name || r.Body.Email != "lea@away.example" {
		h.t.Errorf("sent %d times: %+v", sent, r)
	}
	shown := mine.page(at + "?done=reported")
	for _, want := range []string{"/deadlines.ics", "/portal/stages/", "disk.bin", "Pumps encrypted overnight"} {
		if !strings.Contains(shown, want) {
			h.t.Errorf("%q is not on the page of the report", want)
		}
	}
	colleague := h.person(access.Constituent, "two@north.example", north.UID)
	ics := colleague.get(at + "/deadlines.ics")
	if ics.Status != http.StatusOK || !strings.HasPrefix(ics.Header.Get("Content-Type"), "text/calendar") || !strings.Contains(ics.Body, "BEGIN:VEVENT") || !strings.Contains(ics.Body, r.Reference) {
		h.t.Errorf("the calendar: %d %s", ics.Status, ics.Body)
	}
	for _, path := range []string{at, at + "/deadlines.ics"} {
		if a := theirs.get(path); a.Status != http.StatusNotFound {
			h.t.Errorf("another organisation at %s: %d", path, a.Status)
		}
		if a := stranger.get(path); a.Status == http.StatusOK {
			h.t.Errorf("nobody at %s: %d", path, a.Status)
		}
	}
	if a := stranger.get("/portal/report/what"); a.Header.Get("Location") != "/login" {
		h.t.Errorf("nobody fills in: %d", a.Status)
	}
	code, err := h.Intake.OwnDraft(access.Actor{Account: 1, Organisation: north.Ref.ID})
	h.must(err)
	other, err := h.Intake.OwnDraft(access.Actor{Account: 1, Organisation: north.Ref.ID + 1})
	h.must(err)
	if !id.Valid(code.Reveal()) || bytes.Equal(code.Hash(), other.Hash()) {
		h.t.Error("two organisations of one account have one form")
	}
}
