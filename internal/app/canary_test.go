package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// TestCanariesStayInside puts a word of its own into every input and looks for it where it must not be (rules L1, K8): the process log at its
// most talkative, the metrics, the arguments and errors of jobs, and the bytes of the database file and its log.
func TestCanariesStayInside(t *testing.T) { onEach(t, canaries) }

func canaries(h *house) {
	t := h.t
	outside := newGnuPG(t)
	outside.run(string(h.team.Armored()), "--import")
	const rui = "canaryknown@hospital.example" // a contact: in the registry in clear, in no log
	hospital, _ := h.organisation("Hospital", "en", "Rui", rui, outside.key(rui))
	ana := h.account(access.Analyst, "canarystaff@cert.valmora.example", "")
	_, token, err := h.Accounts.CreateToken(t.Context(), sample(), account.NewToken{Name: "script", Role: access.Analyst, Owner: ana.UID})
	h.must(err)
	h.serve()
	secrets := []string{token.Reveal(), password}                                             // never anywhere
	content := []string{}                                                                     // never in clear in the database either
	quiet := []string{rui, "canarystaff@cert.valmora.example", "canarystranger", "canarykey"} // in no log, metric or job
	word := func(name string) string {
		w := "canary" + name + strings.ToLower(unique())[:8]
		content = append(content, w)
		return w
	}

	// Mail: plain with a file, sealed, unreadable, to a wrong tag.
	h.mail("canarystranger@away.example", teamAddress, crlf("From: "+word("name")+" <canarystranger@away.example>\nTo: "+teamAddress+"\nSubject: "+word("subject")+"\nMessage-ID: <"+unique()+"@x.example>\nMIME-Version: 1.0\n"+
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n"+word("body")+"\n--b\nContent-Type: text/plain; name=\""+word("file")+".txt\"\nContent-Disposition: attachment; filename=\""+word("filename")+".txt\"\n\n"+word("attached")+"\n--b--\n"))
	h.mail(rui, teamAddress, outside.sealed(rui, teamAddress, word("sealedsubject"), word("sealedbody")))
	h.mail("canarystranger@away.example", strings.Replace(teamAddress, "@", "+0123456789abcdefghjkmnpqrs@", 1), head("canarystranger@away.example", teamAddress, word("tagged"))+"\r\n"+word("taggedbody")+"\r\n")
	h.mail("canarystranger@away.example", teamAddress, "\x00"+word("broken")+"\r\nContent-Type: multipart/mixed\r\n\r\n\xff\xfe"+word("brokenbody")+"\r\n")
	// Form, right and wrong; the private link, right and wrong.
	b := h.browser()
	code := id.New()
	secrets = append(secrets, code)
	b.post("/report", "code", code, "summary", word("form"), "description", word("formtext"), "ongoing", "no", "name", word("formname"), "email", word("formmail")+"@away.example", "phone", word("phone"), "organisation", word("formorg"), "tlp", "AMBER")
	b.send("/report", values("summary", word("wrongform"), "email", word("wrongmail"), "tlp", word("wrongtlp")))
	b.get("/r/" + code)
	b.send("/r", values("code", word("wrongcode")))
	b.send("/r/report", values("text", word("added")))
	// Sign-in with a wrong password, then the right one; the desk; the portal.
	h.browser().send("/login", values("email", "canarystaff@cert.valmora.example", "password", word("password")))
	h.browser().send("/login", values("email", word("nobody")+"@away.example", "password", word("password")))
	desk := h.browser()
	desk.signIn("canarystaff@cert.valmora.example")
	for name, cookie := range desk.cookies {
		if strings.HasPrefix(name, "__Host-") {
			secrets = append(secrets, cookie)
		}
	}
	desk.post("/desk/phone", "name", word("caller"), "org", word("callorg"), "summary", word("call"), "description", word("said"), "email", word("callmail")+"@away.example", "tlp", "TLP:AMBER")
	at := desk.post("/desk/incidents", "title", word("title"), "summary", word("summary"), "tlp", "TLP:AMBER", "pap", "")
	desk.post(at+"/write", "kind", "note", "text", word("note"))
	desk.post(at+"/tasks", "title", word("task"))
	desk.get("/desk/search?q=" + word("search"))
	desk.get("/desk/incidents/" + word("path"))
	portal := h.person(access.Constituent, "canaryportal@hospital.example", hospital.UID)
	portal.send("/portal/reports/new", values("summary", word("portal"), "description", word("portaltext"), "ongoing", "no", "tlp", "AMBER"))
	// API, right and wrong.
	for _, x := range []struct{ token, body string }{
		{token.Reveal(), `{"summary":"` + word("api") + `","description":"` + word("apitext") + `","reporter":{"name":"` + word("apiname") + `","email":"` + word("apimail") + `@away.example"}}`},
		{token.Reveal(), `{"summary":"` + word("apiwrong") + `","` + word("field") + `":1}`},
		{word("token"), `{"summary":"x"}`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+"/api/v1/reports", strings.NewReader(x.body))
		h.must(err)
		r.Header.Set("Authorization", "Bearer "+x.token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "canarykey"+unique()) // kept as it is: a name that the caller draws, no secret
		b.do(r)
	}
	h.eventually("all that was sent", func() bool {
		list, err := h.Intake.List(t.Context(), sample(), intake.QueueFilter{Limit: 50})
		h.must(err)
		return len(list.Items) >= 7
	})

	look := func(where, text string, lists ...[]string) {
		t.Helper()
		text = strings.ToLower(text)
		for _, list := range lists {
			for _, w := range list {
				if strings.Contains(text, strings.ToLower(w)) {
					t.Errorf("%s holds %q", where, w)
				}
			}
		}
	}
	look("the process log", h.log.String(), secrets, content, quiet)
	res, err := http.Get("http://" + h.Config.Metrics + "/metrics") //nolint:noctx // a test
	h.must(err)
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	h.must(err)
	if !bytes.Contains(metrics, []byte("tocsin_audit_entries")) {
		t.Errorf("these are no metrics: %.200s", metrics)
	}
	look("the metrics", string(metrics), secrets, content, quiet)
	look("the queue", strings.Join(h.dump(context.Background(), "river_job"), "\n"), secrets, content, quiet)

	// In the database nothing stands in clear: neither what was told, nor a secret. The registry's own addresses do.
	names := strings.Fields(`audit_detail once_answer correspondence_message intake_report incident_incident draft_text search_token search_recent search_page intake_drop intake_code account_session account_token account_try correspondence_arrival correspondence_limit correspondence_automatic`)
	for _, n := range names {
		look("the table "+n, strings.Join(h.dump(context.Background(), n), "\n"), secrets, content)
	}
	if h.DB.Engine() == db.SQLite {
		found := false
		for _, f := range []string{"tocsin.db", "tocsin.db-wal"} {
			bytes, err := os.ReadFile(filepath.Join(h.Config.Data, f))
			h.must(err)
			found = found || strings.Contains(string(bytes), rui)
			look(f, string(bytes), secrets, content)
		}
		if !found {
			t.Error("the address of a contact, which stands in clear, was not found: this test does not look where it should")
		}
	}
}
