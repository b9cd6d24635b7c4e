package app

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// drawnHidden is what differs from look to look: the mark of a form, the moment at which a calendar file was made.
var drawnHidden = regexp.MustCompile(`(name="once"[^>]*value=")[^"]*|DTSTAMP:\d+T\d+Z`)

// everything is every page and file of a browser behind a door, as far as links lead, without what is drawn anew.
func (b *browser) everything(from ...string) map[string]string {
	out := map[string]string{}
	pages := b.crawl(50, from...)
	for at, body := range pages {
		_, links := formsOf(at, body)
		for _, l := range append(links, at) {
			l, _, _ = strings.Cut(l, "#")
			if out[l] == "" && strings.HasPrefix(l, "/portal") {
				a := b.get(l)
				a.Body = drawnHidden.ReplaceAllString(a.Body, "once")
				out[l] = same(a, "/x/")
			}
		}
	}
	return out
}

// TestActsOnOnePartyLeaveTheOtherAlone holds rule A6 for the portal: whatever is done with, by and about one party of an incident leaves every
// page, file and header that another party of it can reach as it was, to the byte.
func TestActsOnOnePartyLeaveTheOtherAlone(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		w, orgs := h.build()
		handler, _ := h.routes()
		h.open(handler)
		ours := h.person(access.ConstituentAdmin, "ours@isolation.example", orgs["ours"].UID)
		theirs := h.person(access.Constituent, "theirs@isolation.example", orgs["theirs"].UID)
		duty := h.person(access.Lead, "lead@isolation.example", "")
		from := []string{"/portal/", "/portal/requests", "/portal/measures", "/portal/reports", "/portal/messages", "/portal/organisation"}
		before := ours.everything(from...)
		if again := ours.everything(from...); !maps.Equal(before, again) {
			h.t.Fatalf("two looks differ before anything happened:\n%s", cmp.Diff(before, again))
		}
		if len(before) < 15 {
			h.t.Fatalf("only %d pages", len(before))
		}

		// Their own acts.
		act := func(b *browser, path string, fields url.Values) {
			if a := b.send(path, fields); a.Status != http.StatusSeeOther {
				h.t.Errorf("%s: %d %s", path, a.Status, plain(a.Body))
			}
		}
		act(theirs, "/portal/requests/"+w.theirs["request"], values("text", "Since Monday"))
		for _, to := range []string{"acknowledged", "planned", "done"} {
			act(theirs, "/portal/measures/"+w.theirs["measure"], values("to", to, "evidence", "Done it", "planned-day", "1", "planned-month", "12", "planned-year", time.Now().AddDate(1, 0, 0).Format("2006")))
		}
		act(theirs, "/portal/messages/"+w.theirs["party"], values("text", "A word more", "to", "none"))
		act(theirs, "/portal/reports/"+w.theirs["report"], values("text", "And this"))
		act(theirs, "/portal/reports/new", values("summary", "Another", "description", "x", "ongoing", "no", "tlp", "AMBER"))
		_, err := h.Coordination.Move(ctx, sample(), w.theirs["measure"], coordination.MoveInput{To: coordination.Verified, Note: "seen"})
		h.must(err)
		// Ours about them, and about the case.
		at := "/desk/incidents/" + w.ours["incident"]
		act(duty, "/desk/parties/"+w.theirs["party"]+"/write", values("text", "Thank you", "tlp", "TLP:GREEN"))
		act(duty, at+"/write", values("kind", "note", "text", "They are done"))
		act(duty, at+"/tasks", values("title", "Call them"))
		act(duty, "/desk/reports/"+w.theirs["report"]+"/accept", nil)
		third, _ := h.organisation("third", "en", "C", "c@third.example", nil)
		_, err = h.Coordination.Add(ctx, sample(), w.ours["name"], []string{third.UID}, coordination.Affected, "")
		h.must(err)
		_, err = h.Coordination.Send(ctx, sample(), w.ours["name"], coordination.Give{Parties: []string{w.theirs["party"]}, Request: "And until when?", TLP: tlp.Green, DueAt: time.Now().Add(time.Hour), Looked: true})
		h.must(err)
		in, err := h.Incidents.Get(ctx, h.DB, sample(), w.ours["name"])
		h.must(err)
		title := "Retitled"
		_, err = h.Incidents.Edit(ctx, sample(), in.UID, incident.Change{Version: in.Version, Title: &title})
		h.must(err)
		_, err = h.Constituency.AddAsset(ctx, sample(), orgs["theirs"].UID, constituency.NewAsset{Value: "theirs.example"})
		h.must(err)

		after := ours.everything(from...)
		if diff := cmp.Diff(before, after); diff != "" {
			h.t.Errorf("acts on another party show:\n%s", diff)
		}
		// The test sees what it looks for: an act on this party changes its pages.
		_, err = h.Coordination.Move(ctx, sample(), w.ours["measure"], coordination.MoveInput{To: coordination.Done, Note: "said by telephone"})
		h.must(err)
		if maps.Equal(after, ours.everything(from...)) {
			h.t.Error("an act on this party does not show either")
		}
	})
}

var inLetter = regexp.MustCompile(`https?://[^\s<>"=]+`)

// TestBrowserAScannerChangesNothing is a mail scanner that opens every link of every letter that left, runs the scripts of the page, submits every
// form as it stands and presses every button (rule I8): it answers, verifies, closes, invites and reveals nothing, and burns no link.
func TestBrowserAScannerChangesNothing(t *testing.T) {
	h := newHouse(t, pgtest.Engine(t))
	ctx := t.Context()
	org, _ := h.organisation("Hospital", "en", "Rui", "rui@hospital.example", nil)
	h.serve()
	stranger := h.browser()
	code := h.one(`name="code" value="([^"]+)"`, stranger.page("/report/short"))
	stranger.post("/report/short", "code", code, "summary", "Letters", "description", "the words of the stranger", "ongoing", "yes", "name", "A. Walker", "email", "walker@hospital.example", "tlp", "AMBER")
	h.mail("rui@hospital.example", teamAddress, crlf("From: Rui <rui@hospital.example>\nTo: "+teamAddress+"\nSubject: Pumps stopped\nDate: "+rfc5322Now()+"\nMessage-ID: <"+unique()+"@hospital.example>\n\nthe words of Rui\n"))
	h.eventually("both reports", func() bool {
		list, err := h.Intake.Queue(ctx, sample(), intake.QueueFilter{Limit: 9})
		h.must(err)
		return len(list.Items) == 2
	})
	receipt := h.letter("rui@hospital.example")
	in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: "Open case", TLP: tlp.Green})
	h.must(err)
	_, err = h.Coordination.Add(ctx, sample(), in.UID, []string{org.UID}, coordination.Affected, "")
	h.must(err)
	rows, err := h.Coordination.Matrix(ctx, sample(), in.UID)
	h.must(err)
	_, err = h.Coordination.Send(ctx, sample(), in.UID, coordination.Give{Parties: []string{rows[0].Party.UID}, Request: "Since when?", TLP: tlp.Green, DueAt: time.Now().Add(48 * time.Hour), Looked: true})
	h.must(err)
	h.eventually("the letter of the request", func() bool { return len(h.sent("rui@hospital.example")) > 1 })
	person, welcome, err := h.Accounts.Create(ctx, sample(), account.NewAccount{Email: "new@hospital.example", Name: "New", Organisation: org.UID, Roles: []access.Role{access.Constituent}})
	h.must(err)

	links := []string{h.WelcomeURL(person, welcome), "http://" + h.Config.HTTP + "/r/" + code}
	for _, letter := range append(h.sent(""), receipt) {
		for _, l := range inLetter.FindAllString(strings.ReplaceAll(letter, "=\r\n", ""), -1) {
			u, err := url.Parse(strings.TrimRight(l, ".,)"))
			if err == nil && u.Path != "" {
				links = append(links, "http://"+h.Config.HTTP+u.RequestURI())
			}
		}
	}
	slices.Sort(links)
	links = slices.Compact(links)
	status := 0
	for _, l := range links {
		if strings.Contains(l, "/r/") {
			status++
		}
	}
	if len(links) < 3 || status < 2 {
		t.Fatalf("the letters hold %q", links)
	}
	// What the house itself goes on doing has ended before the scanner comes.
	h.eventually("the signed security.txt", func() bool {
		s, err := securityTxt(ctx, h.DB)
		return err == nil && s != ""
	})
	quiet := h.tables()
	h.eventually("a house at rest", func() bool {
		now := h.tables()
		still := maps.Equal(now, quiet)
		quiet = now
		return still
	})
	shown := ""
	for _, l := range links {
		p := browsertest.New(t)
		if code := p.Open(l); code >= 500 {
			t.Errorf("%s: %d", l, code)
		}
		shown += browsertest.Get(p, chromedp.Evaluate[string](`document.body.innerText`))
		here := browsertest.Get(p, chromedp.Evaluate[string](`location.href`))
		n := browsertest.Get(p, chromedp.Evaluate[int](`document.querySelectorAll('form').length`))
		for i := range n {
			p.Open(l)
			p.Do(chromedp.Evaluate[chromedp.Void](`(() => { const f = document.querySelectorAll('form')[` + string(rune('0'+i)) + `]; if (f) f.submit() })()`))
			p.Wait("body")
			shown += browsertest.Get(p, chromedp.Evaluate[string](`document.body.innerText`))
		}
		// And as programs do without a browser: each form with each of its buttons, from the cookies that the link gave.
		b := h.browser()
		u, err := url.Parse(l)
		h.must(err)
		for at, body := range b.crawl(3, u.RequestURI(), strings.TrimPrefix(here, b.base)) {
			forms, _ := formsOf(at, body)
			for _, s := range forms {
				if s.Action == "/report/short" || s.Action == "/suspicious" || s.Action == "/vulnerability" {
					continue // a new report is anybody's to send; as it stands it is refused (below)
				}
				for _, button := range append([]control{{}}, s.Buttons...) {
					a := b.submit(s, s.filled(&button, nil), "")
					if a.Status >= 500 {
						t.Errorf("%s %s: %d", at, s.Action, a.Status)
					}
					shown += a.Body
				}
			}
		}
	}
	b := h.browser()
	for _, path := range []string{"/report/short", "/report/what", "/suspicious"} {
		forms, _ := formsOf(path, b.page(path))
		for _, s := range forms {
			if s.Action == path {
				if a := b.submit(s, s.filled(nil, nil), ""); a.Status != http.StatusUnprocessableEntity {
					t.Errorf("%s as it stands: %d", path, a.Status)
				}
			}
		}
	}
	for table, sum := range h.tables() {
		if quiet[table] != sum && table != "setting_value" { // the house's own, which no page of a stranger writes
			t.Errorf("the scanner changed %s", table)
		}
	}
	for _, words := range []string{"the words of Rui", "the words of the stranger", "A. Walker"} {
		if strings.Contains(shown, words) {
			t.Errorf("the scanner read %q", words)
		}
	}
	if ok, err := h.Accounts.LinkWorks(ctx, welcome.Reveal()); err != nil || !ok {
		t.Errorf("the link of a new person is burnt: %v", err)
	}
	// The test sees what it looks for: a person at the same link who writes does change something.
	stranger.post("/r/report", "text", "one word more")
	if maps.Equal(quiet, h.tables()) {
		t.Error("what a person adds by link changes nothing either")
	}
}
