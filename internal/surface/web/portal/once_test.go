package portal_test

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

var (
	onceField = regexp.MustCompile(`name="once" value="([^"]+)"`)
	choice    = regexp.MustCompile(`name="to" value="([^"]+)"`)
)

// mark gives the mark of a form that was just opened.
func (b *browser) mark(path string) string {
	b.Helper()
	a := b.get(path)
	m := onceField.FindStringSubmatch(a.body)
	if m == nil {
		b.Fatalf("%s: %d, no mark", path, a.status)
	}
	return m[1]
}

func (h *house) reportsOf() []intake.Line {
	h.Helper()
	p, err := h.reports.Queue(h.Context(), h.ana, intake.QueueFilter{})
	h.must(err)
	return p.Items
}

func (h *house) said(thread int64) []correspondence.Message {
	h.Helper()
	all, err := h.letters.Messages(h.Context(), h.DB, h.ana, thread)
	h.must(err)
	return all
}

// A form of the portal that is sent twice takes effect once: in turn, or at the same moment. A report sent again with other words is corrected.
func TestAFormSentTwiceActsOnce(t *testing.T) {
	h := open(t)
	h.asked(h.aguas)
	b := h.browser()
	b.signIn("rui.tavares@aguasdovale.example")
	report := []string{"once", b.mark("/portal/reports/new"), "summary", "Ransomware", "description", "Two servers.", "ongoing", "yes", "tlp", "AMBER", "name", "Rui", "email", "rui.tavares@aguasdovale.example"}
	sent := b.upload("/portal/reports/new", "files", "a.log", "log", report...)
	if sent.status != http.StatusSeeOther {
		t.Fatalf("%d %s", sent.status, sent.body)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if a := b.upload("/portal/reports/new", "files", "a.log", "log", report...); a.status != http.StatusSeeOther || a.location != sent.location {
				t.Errorf("again: %d to %q", a.status, a.location)
			}
		})
	}
	wg.Wait()
	if n := len(h.reportsOf()); n != 1 {
		t.Fatalf("%d reports", n)
	}
	report[5] = "Three servers."
	for range 2 {
		a := b.upload("/portal/reports/new", "files", "a.log", "log", report...)
		if path, _, _ := strings.Cut(sent.location, "?"); a.location != path+"?done=added" {
			t.Errorf("corrected: %d to %q", a.status, a.location)
		}
	}
	r := h.reportsOf()[0]
	var in []string
	for _, m := range h.said(r.Thread) {
		if m.Direction == correspondence.In {
			in = append(in, m.Body.Text)
		}
	}
	if len(h.reportsOf()) != 1 || len(in) != 2 || !strings.Contains(in[1], "Three servers.") {
		t.Errorf("the correction: %q", in)
	}

	// An answer, pressed four times at once.
	at := first(t, b.get("/portal/requests").body, "/portal/requests/")
	answer := []string{"once", b.mark(at), "text", "It was svc-backup."}
	for range 4 {
		wg.Go(func() {
			if a := b.post(at, answer...); a.status != http.StatusSeeOther {
				t.Errorf("answered: %d %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	if n := strings.Count(b.get(at).body, "It was svc-backup."); n != 1 {
		t.Errorf("one answer stands there %d times", n)
	}
	// A refusal is not remembered: mended, the same form goes through.
	answer = []string{"once", b.mark(at), "text", " "}
	if a := b.post(at, answer...); a.status != http.StatusUnprocessableEntity {
		t.Errorf("nothing: %d", a.status)
	}
	answer[3] = "And more."
	if a := b.post(at, answer...); a.status != http.StatusSeeOther {
		t.Errorf("mended: %d", a.status)
	}
	// The mark is the person's own: another one with it acts for himself.
	ines := h.browser()
	ines.signIn("ines.faria@porto.example")
	if a := ines.post("/portal/reports/new", report...); a.status != http.StatusSeeOther || a.location == sent.location {
		t.Errorf("another person with the mark: %d to %q", a.status, a.location)
	}
}

// While a question is open, a text says whether it answers: nothing is chosen before, and something else leaves the question open.
func TestATextSaysWhetherItAnswers(t *testing.T) {
	h := open(t)
	h.asked(h.aguas)
	b := h.browser()
	b.signIn("rui.tavares@aguasdovale.example")
	thread := first(t, b.get("/portal/messages").body, "/portal/messages/")
	page := b.get(thread)
	options := choice.FindAllStringSubmatch(page.body, -1)
	if len(options) != 2 || options[1][1] != "none" || strings.Contains(page.body, "checked") {
		t.Fatalf("offered %q", options)
	}
	state := func() coordination.RequestState {
		list, err := h.parties.Requests(h.Context(), h.Constituent(900, "Rui", h.aguas.Ref.ID), coordination.RequestFilter{})
		h.must(err)
		return list.Items[0].State
	}
	before := state()
	a := b.post(thread, "once", b.mark(thread), "text", "Who is your duty officer tonight?")
	if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "Who is your duty officer tonight?") || !strings.Contains(a.body, `href="#to-none"`) {
		t.Errorf("without a choice: %d", a.status)
	}
	if a := b.post(thread, "once", b.mark(thread), "to", "none", "text", "Who is your duty officer tonight?"); a.location != thread+"?done=added" {
		t.Errorf("something else: %d to %q", a.status, a.location)
	}
	if state() != before {
		t.Errorf("a message answered the question: %s", state())
	}
	if a := b.post(thread, "once", b.mark(thread), "to", options[0][1], "text", "It was svc-backup."); a.location != thread+"?done=answered" {
		t.Errorf("the answer: %d to %q", a.status, a.location)
	}
	if state() == before {
		t.Error("the answer left the question open")
	}
	ines := h.browser()
	ines.signIn("ines.faria@porto.example")
	if a := ines.post(thread, "to", options[0][1], "text", "x"); a.status != http.StatusNotFound {
		t.Errorf("another's thread: %d", a.status)
	}
	// With nothing open nobody is asked.
	if strings.Contains(b.get(thread).body, `name="to"`) {
		t.Error("asked although nothing is open")
	}
}

// A change of contacts or assets is a proposal: it waits for a person of the team, and until then nothing that we rely on is another.
func TestAChangeIsProposed(t *testing.T) {
	h := open(t)
	b := h.browser()
	b.signIn("rui.tavares@aguasdovale.example")
	h.has(b.get("/portal/organisation"), `href="/portal/organisation/change"`)
	before, err := h.country.Contacts(h.Context(), h.DB, h.aguas.Ref.ID)
	h.must(err)
	if a := b.post("/portal/organisation/change", "once", b.mark("/portal/organisation/change"), "text", " "); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `href="#kind-other"`) || !strings.Contains(a.body, `href="#since-day"`) || !strings.Contains(a.body, `href="#text"`) {
		t.Errorf("nothing: %d", a.status)
	}
	form := []string{"once", b.mark("/portal/organisation/change"), "kind", "contact_changed", "since-day", "1", "since-month", "2", "since-year", "2026", "text", "Mail for us goes to rui@elsewhere.example from now on."}
	for range 2 {
		if a := b.post("/portal/organisation/change", form...); !strings.HasSuffix(a.location, "?done=proposed") {
			t.Errorf("proposed: %d to %q", a.status, a.location)
		}
	}
	all := h.reportsOf()
	if len(all) != 1 || all[0].Body.Kind != "registry" || all[0].Organisation != h.aguas.Ref.ID || !strings.Contains(all[0].Body.Description, "elsewhere.example") {
		t.Fatalf("waits as %+v", all)
	}
	after, err := h.country.Contacts(h.Context(), h.DB, h.aguas.Ref.ID)
	h.must(err)
	if len(after) != len(before) || after[0].Email != before[0].Email || after[0].VerifiedAt != before[0].VerifiedAt {
		t.Errorf("a proposal changed %+v", after)
	}
	if to, err := h.country.WriteTo(h.Context(), h.DB, h.aguas.Ref.ID); err != nil || to.Email != before[0].Email {
		t.Errorf("mail goes to %q, %v", to.Email, err)
	}
	ines := h.browser()
	ines.signIn("ines.faria@porto.example")
	if got := ines.get("/portal/reports"); strings.Contains(got.body, all[0].Reference) {
		t.Error("another organisation sees the proposal")
	}
}
