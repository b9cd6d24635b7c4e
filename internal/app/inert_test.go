package app

import (
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// TestBrowserForeignTextStaysInert puts texts that want to be scripts, styles, links and requests into every field that a stranger, a
// constituent or a colleague can write (rules M10, W6), and shows every page in a browser to everybody who may see it: nothing of them runs,
// nothing is fetched, nothing becomes a link, and the console says no word. Files and the API give bytes.
func TestBrowserForeignTextStaysInert(t *testing.T) {
	h := newHouse(t, pgtest.Engine(t))
	h.Correspondence.Hold = 0
	host := newCanaryHost(t)
	texts := host.corpus()
	ctx := t.Context()
	text := func(i int) string { return texts[i%len(texts)] }

	// A registry whose names, contacts and keys somebody else wrote.
	h.DNS = auth.Zone{Texts: map[string][]string{"canary.example": {"v=spf1 ip4:127.0.0.0/8 -all"}, "_dmarc.canary.example": {"v=DMARC1; p=none"}}}
	org, _ := h.organisation(text(1), "en", text(3), "rui@hospital.example", nil)
	other, contact := h.organisation(text(9), "de", text(0), "canary@canary.example", nil)
	secret, err := keyd.Generate("Canary02 '\" onload=window.pwned=1", []string{"canary@canary.example"}, time.Now().Add(-time.Hour))
	h.must(err)
	h.must(h.Constituency.OfferKey(ctx, sample(), contact.UID, secret.Public().Binary(), secret.Public().Fingerprint(), secret.Public().Expires(), "portal"))
	_, err = h.Constituency.AddAsset(ctx, sample(), org.UID, constituency.NewAsset{Value: "canary.example"})
	h.must(err)
	_, routes := h.routes()
	h.serve()
	people := map[access.Role]*browser{}
	for i, role := range access.AllRoles {
		if role == access.Machine {
			continue
		}
		of := ""
		if role == access.Constituent || role == access.ConstituentAdmin {
			of = org.UID
		}
		_, _, err := h.Accounts.Create(ctx, sample(), account.NewAccount{Email: string(role) + "@canary.example", Name: text(i % 8)[:min(len(text(i%8)), 80)], Organisation: of, Roles: []access.Role{role}, Password: password})
		h.must(err)
		people[role] = h.browser()
		people[role].signIn(string(role) + "@canary.example")
	}
	waiting := func() int {
		list, err := h.Intake.List(ctx, sample(), intake.QueueFilter{Limit: 100})
		h.must(err)
		return len(list.Items)
	}

	// Mail: every header that is shown, both kinds of body, file names by every notation.
	for i := range texts {
		name := mime.BEncoding.Encode("utf-8", text(i))
		h.mail("canary@canary.example", teamAddress, crlf("From: "+name+" <canary@canary.example>\nReply-To: "+name+" <other@"+strings.ReplaceAll(host.name, ":", ".")+">\nTo: "+name+" <"+teamAddress+">\nCc: "+name+" <c@canary.example>\nSubject: "+mime.BEncoding.Encode("utf-8", text(i))+
			"\nMessage-ID: <"+unique()+"@canary.example>\nDate: "+rfc5322Now()+"\nX-Mailer: "+text(i)+"\nOrganization: "+text(i)+"\nList-Unsubscribe: <http://"+host.name+"/unsubscribe>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"+
			"--b\nContent-Type: text/plain; charset=utf-8\n\n"+text(i)+"\n\n> "+text(i)+"\n\n--b\nContent-Type: text/html; charset=utf-8\n\n<html><head><link rel=stylesheet href=http://"+host.name+"/h.css></head><body background=http://"+host.name+"/bg>"+text(i)+"<img src=http://"+host.name+"/pixel.gif><a href=http://"+host.name+"/a>a</a></body></html>\n"+
			"--b\nContent-Type: text/html; name="+fmt.Sprintf("%q", "Canary50.html")+"\nContent-Disposition: attachment; filename*=utf-8''"+url.PathEscape(text(i))+"\n\n<script>window.pwned=1</script>\n--b\nContent-Type: image/svg+xml\nContent-Disposition: inline; filename=\""+name+"\"\n\n<svg xmlns='http://www.w3.org/2000/svg' onload='window.pwned=1'/>\n--b--\n"))
	}
	h.eventually("the mails", func() bool { return waiting() >= len(texts) })

	// Every form, by everybody, twice: the second time on the pages that the first time made.
	done := map[string]bool{}
	nobody := h.browser()
	order := []access.Role{access.Constituent, access.Reporter, access.Duty, access.Lead, access.ConstituentAdmin, access.Constituent, access.Admin, access.Duty}
	nobody.plant(nobody.crawl(2, "/", "/report", "/suspicious", "/vulnerability", "/r", "/r/report"), texts, done)
	nobody.plant(nobody.crawl(2, "/r/report", "/r/received"), texts, done)
	typed := slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return strings.ContainsRune(s, '\u202e') }) // colleagues may write from right to left
	for _, role := range order {
		b, words := people[role], texts
		if b.cookies["__Host-desk"] != "" {
			words = typed
		}
		b.plant(b.crawl(1, doorsOf...), words, done)
	}
	filed, err := h.Intake.Receive(ctx, access.Stranger(access.ByAPI, "en"), intake.ReceiveInput{
		Channel: correspondence.ByAPI, Body: intake.Body{Summary: text(2), Description: text(7), Name: text(5)},
		Filings: []intake.Filing{{Set: "eu-nis2", Stage: "early_warning"}}, Answers: law.Answers{"entity": text(5), "summary": text(2)},
	})
	h.must(err)
	called, err := h.Intake.Receive(ctx, sample(), intake.ReceiveInput{Channel: correspondence.ByPhone, Body: intake.Body{Summary: text(2), Description: text(7), Name: text(5), Phone: text(6), OrgText: "canary.example"}})
	h.must(err)
	claimed, err := h.Constituency.Claim(ctx, sample(), org.UID, constituency.Claim{Value: "AS64500", Way: constituency.ByRegistry, Evidence: "aut-num: AS64500\norg-name: " + strings.ReplaceAll(text(3), "\n", " ") + "\n\n" + strings.Join(texts, "\n")})
	h.must(err)
	number, err := h.Constituency.AddNumber(ctx, sample(), contact.UID, constituency.NewNumber{Number: "+999 123 456", Note: text(1)})
	h.must(err)
	_, err = h.Intake.CalledBack(ctx, sample(), called.Report.UID, intake.CallBackInput{Number: number.UID, Outcome: intake.Theirs, Note: text(1)})
	h.must(err)
	reports, err := h.Intake.List(ctx, sample(), intake.QueueFilter{Limit: 2})
	h.must(err)
	at, _, _ := strings.Cut(people[access.Duty].post("/desk/reports/"+reports.Items[0].UID+"/accept"), "?")
	stages := "/desk/reports/" + reports.Items[0].UID + "/stages"
	people[access.Duty].post(stages+"/file", "set", "be-nis2", "stage", "early_warning", "q-summary", text(5), "q-contact_name", text(6))
	said, err := h.Intake.Submit(ctx, sample(), reports.Items[0].UID, intake.SubmitInput{Set: "be-nis2", Stage: "early_warning", Channel: correspondence.ByPhone, Affected: []string{org.UID}, Answers: law.Answers{"summary": text(5), "entity": text(2)}})
	h.must(err)
	h.must(h.Intake.ShareWords(ctx, sample(), reports.Items[0].UID, said.Number, true))
	missing := stages + "/" + strconv.Itoa(said.Number) + "/missing"
	owed, err := h.Intake.Obligations(ctx, h.DB, sample(), reports.Items[0].Ref.ID)
	h.must(err)
	run, err := h.Intake.StartRun(ctx, sample(), intake.RunInput{Action: intake.RunReject, Reports: []string{reports.Items[0].UID}, Reason: "spam", Note: text(4)})
	h.must(err)
	_, err = h.Intake.Receive(ctx, access.System("intake"), intake.ReceiveInput{Channel: correspondence.ByMail, Placed: intake.Placed{Spam: true}, Body: intake.Body{
		Summary: text(2), Description: text(7), Name: text(5), Email: "x@canary.example", Mail: &intake.Mail{Odd: []string{"close"}, Signs: []intake.Sign{intake.SignOf("unknown")}},
	}})
	h.must(err)
	group := "/desk/triage/group?like=" + reports.Items[1].UID
	obligation := "/desk/reports/" + reports.Items[0].UID + "/obligations/" + owed[reports.Items[0].Ref.ID][0].UID
	people[access.Duty].send(obligation+"/forward", values("recipient", "sector_authority", "organisation", org.Name, "note", text(2)))
	lead := people[access.Lead]
	lead.send(at+"/parties/add", values("organisation", other.UID, "organisation", org.UID, "role", "affected", "why", text(4)))
	h.asked(path.Base(at), org, text(5))
	nobody.get("/a/" + h.askedByLink(org, text(5))) // and what a link in a letter shows
	h.sharedWith(path.Base(at), org, text)
	sending := h.sendingOf(path.Base(at), org, text)
	target, proposal := h.targetOf(path.Base(at), host.name, text)
	h.eventually("what the constituent is asked", func() bool {
		return strings.Contains(people[access.Constituent].get("/portal/requests").Body, `href="/portal/requests/`)
	})
	h.eventually("what was shared", func() bool {
		return strings.Contains(people[access.Constituent].get("/portal/documents").Body, `href="/portal/documents/`)
	})
	h.eventually("what was passed on", func() bool {
		return strings.Contains(people[access.Constituent].get("/portal/passed").Body, `href="/portal/passed/`)
	})
	lead.plant(lead.crawl(1, append(slices.Clone(doorsOf), at, at+"/ask", at+"/parties", at+"/close", at+"/seal", stages)...), typed, map[string]bool{})
	people[access.Constituent].plant(people[access.Constituent].crawl(1, "/portal/"), texts, map[string]bool{})

	// A form that was begun and not sent.
	unsent := h.browser()
	unsent.post("/report/what", "what", "duty")
	unsent.post("/report/stage", "stage-eu-nis2", "early_warning")
	unsent.post("/report/part/1", "q-entity", text(5), "q-contact_name", text(6), "affected", text(7), "behalf", "other")
	unsent.post("/report/part/2", "q-summary", text(2), "ongoing", "no")
	nobody.cookies["draft"] = unsent.cookies["draft"]
	member := people[access.Constituent]
	member.post("/portal/report/what", "what", "duty")
	member.post("/portal/report/stage", "stage-eu-nis2", "early_warning")
	member.post("/portal/report/part/1", "q-contact_name", text(6), "affected", text(7))
	member.post("/portal/report/part/2", "q-summary", text(2), "ongoing", "no")
	form := []string{"/report/stage", "/report/part/1", "/report/part/2", "/report/check", "/report/saved"}

	// An entity that registers itself, and one that has begun to.
	_, _, registered := h.registration(text(1))
	entity := h.browser()
	entity.post("/register", "website", "")
	for n, answers := range [][]string{{"sector", "energy"}, {"kind", "charging_points", "also", text(7)}, {"staff", "60"}, {"name", text(1), "identifier", text(3), "address", text(7), "country", text(5)}} {
		entity.post("/register/part/"+strconv.Itoa(n+1), answers...)
	}
	nobody.cookies["registration"] = entity.cookies["registration"]
	form = append(form, "/register/part/4", "/register/scope", "/register/check", "/register/saved", "/r/"+registered, "/r/registration")

	step, handOver := h.waiting(org, other, text)
	met := append(h.met(other, text), h.leftLocked(path.Base(at), org))
	h.shift()

	// Shown to everybody, in a browser.
	shown, opened, marked := map[string]int{}, []string(nil), 0
	for _, role := range []access.Role{"", access.Lead, access.Constituent, access.Admin, access.Duty, access.Auditor, access.ConstituentAdmin, access.Reporter} {
		p := browsertest.New(t)
		b := people[role]
		doors := slices.Clone(doorsOf)
		if role == "" {
			b, doors = nobody, append(doors, form...)
			p.Open("http://" + h.Config.HTTP + "/r")
			p.Type("input[name=code]", unsent.cookies["draft"])
			p.Click("main button[type=submit]")
			p.Wait("#report")
			p.Open("http://" + h.Config.HTTP + "/r")
			p.Type("input[name=code]", entity.cookies["registration"])
			p.Click("main button[type=submit]")
			p.Wait("#report")
		} else {
			p.Open("http://" + h.Config.HTTP + "/login")
			p.Type("input[name=email]", string(role)+"@canary.example")
			p.Type("input[name=password]", password)
			p.Click("main button[type=submit]")
			p.Wait("body:not(:has(input[name=password]))")
		}
		for _, at := range slices.Sorted(maps.Keys(b.crawl(2, append(append(doors, met...), at, at+"/chase", "/a/letter", stages, "/desk/reports/"+called.Report.UID+"/call", stages+"/file?as=eu-nis2:notification", obligation, missing, group, "/desk/triage?state=spam", "/desk/triage/runs/"+run.UID, sending, sending+"/parties", target, proposal, step, handOver, "/portal/passed", "/portal/proofs/"+claimed.UID, "/desk/proofs/"+claimed.UID, "/r/"+filed.Code.Reveal())...))) {
			most := 1 // for whoever sees the same page with less on it
			if role == access.Lead || role == access.Constituent {
				most = 2
			}
			if shown[shapeOf(at)] >= most || strings.Contains(at, "lang=") {
				continue
			}
			status := p.Open("http://" + h.Config.HTTP + at)
			shown[shapeOf(at)]++
			opened = append(opened, at)
			bad := browsertest.Get(p, chromedp.Evaluate[[]string](fmt.Sprintf(judge, host.name)))
			for _, b := range bad {
				t.Errorf("%s %s (%d): %s", role, at, status, b)
			}
			if n := browsertest.Get(p, chromedp.Evaluate[int](`(document.body.innerText.match(/[\u202a-\u202e\u2066-\u2069]/g) || []).length`)); n > 0 {
				t.Errorf("%s %s shows %d characters that turn a line around", role, at, n)
			}
			if browsertest.Get(p, chromedp.Evaluate[bool](`/Canary\d\d/.test(document.documentElement.outerHTML)`)) {
				marked++
			}
			for _, m := range p.Console() {
				if status == http.StatusOK && !strings.Contains(m.Text, "the server responded with a status of") {
					t.Errorf("%s %s: console: %v", role, at, m)
				}
			}
		}
	}
	t.Logf("%d shapes of pages, %d pages with a canary", len(shown), marked)
	if marked < 50 {
		t.Errorf("only %d pages show a stranger's text: this test does not look where it should", marked)
	}
	for _, l := range routes {
		method, path, _ := strings.Cut(l.Pattern, " ")
		like := regexp.MustCompile("^" + regexp.MustCompile(`\{[a-z]+(\.\.\.)?\}`).ReplaceAllString(strings.TrimSuffix(path, "{$}"), "[^/?]+") + `([?#].*)?$`)
		if method == http.MethodGet && !slices.ContainsFunc(opened, like.MatchString) {
			if notShown[l.Pattern] == "" {
				t.Errorf("%s shows no page in this test: lead it there, or say in notShown why not", l.Pattern)
			}
		}
	}
	if hits := host.seen(); len(hits) > 0 {
		t.Errorf("the stranger's host was asked: %q", hits)
	}
	h.bytesOnly(people[access.Duty], at)
	h.apiIsData()
}

// notShown are routes that no page of this test has, with why.
var notShown = map[string]string{
	"GET /portal/documents/{matter}/{document}/text":           "gives bytes to keep",
	"GET /desk/reports/{report}/seen":                          "a piece of the report's own page: names of colleagues and times",
	"GET /desk/incidents/{incident}/seen":                      "a piece of the incident's own page, likewise",
	"GET /r/{code}":                                            "leads on at once",
	"GET /report/significance":                                 "leads on at once where one law has a guide; it names guides alone",
	"GET /portal/report/significance":                          "leads on, likewise",
	"GET /r/uploads":                                           "gives JSON to the script of the page that shows it",
	"GET /r/uploads/{upload}":                                  "gives JSON, likewise",
	"GET /portal/report/uploads":                               "gives JSON, likewise",
	"GET /portal/report/uploads/{upload}":                      "gives JSON, likewise",
	"GET /portal/reports/{report}/deadlines.ics":               "gives bytes to keep, of nothing that a stranger wrote",
	"GET /desk/suspicious-message/{single}/files/{handed}":     "gives bytes to keep: desk.TestPicturesOfTheLane",
	"GET /desk/suspicious-message/{single}/pictures/{handed}":  "gives pixels that we drew: desk.TestPicturesOfTheLane",
	"GET /report/uploads":                                      "gives JSON, likewise",
	"GET /report/uploads/{upload}":                             "gives JSON, likewise",
	"GET /r/receipt.pdf":                                       "gives bytes to keep, made by the key process",
	"GET /portal/reports/{report}/receipts/{number}":           "gives bytes to keep, likewise",
	"GET /document-keys.txt":                                   "plain text of ours",
	"GET /portal/vouches/{vouch}":                              "not walked yet: one of us asks first, and its known contact opens it",
	"GET /desk/proposals/{proposal}/evidence.csv":              "gives bytes to keep, of which no cell is a formula",
	"GET /desk/difference.csv":                                 "gives bytes to keep, of which no cell is a formula",
	"GET /desk/incidents/{incident}/difference.csv":            "gives bytes to keep, likewise",
	"GET /desk/targets/times.csv":                              "gives bytes to keep, likewise",
	"GET /desk/sendings/{sending}/aside.csv":                   "gives bytes to keep, of which no cell is a formula",
	"GET /desk/sendings/{sending}/progress":                    "is part of another page",
	"GET /a/{code}":                                            "leads on at once",
	"GET /desk/registrations/{registration}/files/{enclosure}": "gives bytes to keep, of no type that a browser shows",
	"GET /desk/incidents/{incident}/parties.csv":               "gives bytes to keep, of which no cell is a formula",
	"GET /desk/incidents/{incident}/sectors.csv":               "gives bytes to keep, likewise",
	"GET /desk/suspicious/{campaign}/links.csv":                "gives bytes to keep, of which no cell is a formula",
	"GET /r/deadlines.ics":                                     "gives bytes to keep, of nothing that a stranger wrote",
	"GET /desk":                                                "leads on at once",
	"GET /desk/{$}":                                            "leads on at once",
	"GET /portal":                                              "leads on at once",
	"GET /desk/threads/{thread}":                               "leads on at once",
	"GET /desk/live":                                           "is part of another page",
	"GET /desk/triage/news":                                    "is part of another page",
	"GET /desk/incidents/{incident}/entries":                   "is part of another page",
	"GET /desk/messages/{thread}/{message}/original":           "gives bytes to keep: bytesOnly asks for them",
	"GET /desk/messages/{thread}/{message}/files/{file}":       "gives bytes to keep: bytesOnly asks for them",
	"GET /portal/files/{thread}/{message}/{file}":              "gives bytes to keep: bytesOnly asks for them",
	"GET /desk/outbox/masses/{mass}":                           "no mass is sent here",
	"GET /desk/admin/sign-in/{issuer}":                         "shows what the team alone writes",
	"GET /login/with/{issuer}/answer":                          "shows no word of a provider: entry.TestSigningInElsewhereWithoutAScript",
	"GET /desk/admin/{$}":                                      "shows what the team alone writes",
	"GET /desk/admin/keys/{fingerprint}":                       "shows what the team alone writes",
	"GET /desk/admin/entitlements/{community}":                 "shows what the team alone writes",
	"GET /desk/account/factor/confirm":                         "shows only what the person has just been given",
	"GET /desk/account/prove":                                  "shows only what the person has just been given",
	"GET /portal/people/activity/csv":                          "gives bytes to keep, each cell defused",
	"GET /portal/account/factor/confirm":                       "shows only what the person has just been given",
	"GET /portal/account/codes":                                "shows only what the person has just been given",
	"GET /portal/account/prove":                                "shows only what the person has just been given",
	"GET /login/code":                                          "shows only what the person has just been given",
	"GET /welcome/{secret}":                                    "shows only what the person has just been given",
	"GET /r/received":                                          "is for the browser that sent the form: no stranger's",
	"GET /rfc2350.txt":                                         "is plain text of ours",
	"GET /robots.txt":                                          "is plain text of ours",
	"GET /pgp-key.asc":                                         "is plain text of ours",
	"GET /smime-certificate.pem":                               "is a certificate",
	"GET /.well-known/openpgpkey/{rest...}":                    "is plain text of ours",
	"GET /.well-known/security.txt":                            "is plain text of ours",
}
