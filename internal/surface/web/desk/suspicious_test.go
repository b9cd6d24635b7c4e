package desk_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// An analyst looks at a campaign, sees its newest message as words that lead nowhere, takes its links as a file that is no formula, marks it, and puts it
// into the queue, where its line says how many there are now.
func TestACampaignOnTheDesk(t *testing.T) {
	h := openOffice(t)
	hand := func(n int) {
		t.Helper()
		var mails []correspondence.Arrival
		for i := range n {
			raw := fmt.Sprintf("From: p%d@x.example\r\nTo: suspicious@cert.example\r\nSubject: Fwd\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIs it real?\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"+
				"From: B <a@bank.example>\r\nSubject: =cmd|'x' <b>for ann@x.example\r\n\r\nPress HTTPS://bank-login.example/confirm?x=%d https://=1+1.example/@x <script>window.pwned=1</script>\r\n--b--\r\n", i, i)
			mails = append(mails, correspondence.Arrival{To: []string{"suspicious@cert.example"}, Raw: []byte(raw), Public: true, ReceivedAt: h.Clock.Now()})
		}
		h.must(h.letters.Arrive(t.Context(), mails))
		list := make([]suspicion.Message, n)
		for i, m := range mails {
			list[i] = suspicion.Message{Arrival: m.ID, At: m.ReceivedAt, Sender: fmt.Sprintf("p%d@x.example", i), Reading: suspicion.Read(mail.Parse(m.Raw))}
		}
		h.must(h.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return h.suspicion.TakeTx(ctx, tx, access.System("intake"), list)
		}))
	}
	ana, lea, root := h.as("Ana"), h.as("Lea"), h.as("Root")
	ana.sees(ana.get("/desk/suspicious"), http.StatusOK, "No campaigns", "from 50 senders on", "!Save number")
	hand(3)
	h.Clock.Advance(90 * time.Minute)
	hand(1)
	page, err := h.suspicion.List(t.Context(), h.Person(1, "Ana", access.Analyst), suspicion.Filter{})
	h.must(err)
	if len(page.Items) != 1 {
		t.Fatalf("%+v", page)
	}
	at := "/desk/suspicious/" + page.Items[0].UID
	ana.sees(ana.get("/desk/suspicious"), http.StatusOK, at, "4 messages, by the hour", "&lt;b&gt;for …@x.example", "!ann@x.example", "!<b>for")
	ana.sees(ana.get(at), http.StatusOK, "4 messages · 3 senders", "bank-login[.]example", "bank-login[.]example/confirm", "Is it real?", "hxxpS://bank-login.example", "!https://bank-login", "!HTTPS://bank-login", "!<script>window", "Put into the queue", "Mark as harmless", "links.csv", "bank[.]example")
	csv := ana.get(at + "/links.csv")
	if csv.status != http.StatusOK || !strings.Contains(csv.body, "host,bank-login.example,4,") || !strings.Contains(csv.body, "sender,bank.example,4,") {
		t.Errorf("the file: %d %q", csv.status, csv.body)
	}
	for line := range strings.Lines(csv.body) {
		if _, value, _ := strings.Cut(line, ","); strings.HasPrefix(strings.TrimPrefix(value, `"`), "=") {
			t.Errorf("a formula: %q", line)
		}
	}
	if !strings.Contains(csv.body, "host,'=1+1.example,4,") {
		t.Errorf("the strange host is missing: %q", csv.body)
	}
	for _, bad := range []string{"/desk/suspicious/nothing", "/desk/suspicious/nothing/links.csv"} {
		ana.sees(ana.get(bad), http.StatusNotFound)
	}
	for _, path := range []string{"/desk/suspicious", at, at + "/links.csv"} {
		root.sees(root.get(path), http.StatusForbidden)
	}
	// Marked by an old reading is refused; as it stands it is taken.
	if a := ana.do("POST", at+"/judge", "state", "known", "version", "99"); a.status != http.StatusConflict {
		t.Errorf("an old reading: %d", a.status)
	}
	ana.goes(ana.do("POST", at+"/judge", "state", "known", "version", "1"), at+"?done=judged")
	ana.sees(ana.get("/desk/suspicious"), http.StatusOK, "!"+at)
	ana.sees(ana.get("/desk/suspicious?state=known"), http.StatusOK, at)
	ana.sees(ana.get("/desk/suspicious?state=all&order=largest"), http.StatusOK)
	ana.sees(ana.get("/desk/suspicious?state=nonsense"), http.StatusUnprocessableEntity)
	a := ana.do("POST", at+"/file")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/desk/reports/") {
		t.Fatalf("filed: %d %s %s", a.status, a.location, a.body)
	}
	again := ana.do("POST", at+"/file")
	if again.location != a.location {
		t.Errorf("two lines: %s and %s", a.location, again.location)
	}
	hand(2)
	ana.sees(ana.get("/desk/triage"), http.StatusOK, "Suspicious messages: ", "6 messages", at)
	ana.sees(ana.get(at), http.StatusOK, "Its line in the queue", a.location, "!Put into the queue")
	ana.sees(ana.get(a.location), http.StatusOK, `href="`+at+`"`, "!page: /desk/suspicious")
	// From how many on is a lead's to say.
	lea.sees(lea.get("/desk/suspicious"), http.StatusOK, "Save number")
	lea.sees(lea.do("POST", "/desk/suspicious/rules", "grows", "1"), http.StatusUnprocessableEntity, "Give from 2 to 100,000 senders")
	lea.sees(lea.do("POST", "/desk/suspicious/rules", "grows", "many"), http.StatusUnprocessableEntity, "Give from 2 to 100,000 senders")
	lea.goes(lea.do("POST", "/desk/suspicious/rules", "grows", "0"), "/desk/suspicious?done=judged")
	lea.sees(lea.get("/desk/suspicious"), http.StatusOK, "never by growing")
	if a := ana.do("POST", "/desk/suspicious/rules", "grows", "5"); a.status != http.StatusForbidden {
		t.Errorf("an analyst changes rules: %d", a.status)
	}
}

// What nothing is like stands in a list of its own, inert; a person makes a campaign of one, which can then be put into the queue. Asked twice it is one.
func TestSingleMessagesOnTheDesk(t *testing.T) {
	h := openOffice(t)
	raw := "From: ann@x.example\r\nTo: suspicious@cert.example\r\nSubject: Fwd\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nI have paid already.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" +
		"From: B <a@lonely.example>\r\nSubject: <i>Prize</i> for ann@x.example\r\n\r\nPress https://lonely.example/win <script>window.pwned=1</script>\r\n--b--\r\n"
	mails := []correspondence.Arrival{{To: []string{"suspicious@cert.example"}, Raw: []byte(raw), Public: true, ReceivedAt: h.Clock.Now()}}
	h.must(h.letters.Arrive(t.Context(), mails))
	take := func() error {
		return h.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return h.suspicion.TakeTx(ctx, tx, access.System("intake"), []suspicion.Message{{Arrival: mails[0].ID, At: mails[0].ReceivedAt, Same: []byte("one"), Sender: "ann@x.example", Reading: suspicion.Read(mail.Parse([]byte(raw)))}})
		})
	}
	ana, lea, root := h.as("Ana"), h.as("Lea"), h.as("Root")
	ana.sees(ana.get("/desk/suspicious-single"), http.StatusOK, "No single messages")
	h.must(take())
	at := "/desk/suspicious-single/" + mails[0].UID
	ana.sees(ana.get("/desk/suspicious"), http.StatusOK, "/desk/suspicious-single")
	ana.sees(ana.get("/desk/suspicious-single"), http.StatusOK, at, "&lt;i&gt;Prize&lt;/i&gt; for …@x.example", "lonely[.]example/win", "!https://lonely", "!ann@x.example")
	ana.sees(ana.get(at), http.StatusOK, "I have paid already.", "hxxps://lonely.example/win", "!https://lonely", "!<script>window", "!<i>Prize", "Make it a campaign")
	for _, path := range []string{"/desk/suspicious-single", at} {
		root.sees(root.get(path), http.StatusForbidden)
	}
	ana.sees(ana.get("/desk/suspicious-single/nothing"), http.StatusNotFound)
	ana.sees(ana.get("/desk/suspicious-single?after=nonsense"), http.StatusUnprocessableEntity)
	if a := ana.do("POST", "/desk/suspicious-single/nothing/begin"); a.status != http.StatusNotFound {
		t.Errorf("of nothing: %d", a.status)
	}
	if a := root.do("POST", at+"/begin"); a.status != http.StatusForbidden {
		t.Errorf("an administrator begins one: %d", a.status)
	}
	a := ana.do("POST", at+"/begin")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/desk/suspicious/") {
		t.Fatalf("begun: %d %s %s", a.status, a.location, a.body)
	}
	if again := lea.do("POST", at+"/begin"); again.location != a.location {
		t.Errorf("two campaigns: %s and %s", a.location, again.location)
	}
	ana.sees(ana.get(a.location), http.StatusOK, "1 message", "1 sender", "Put into the queue", "lonely[.]example")
	ana.sees(ana.get("/desk/suspicious-single"), http.StatusOK, "!"+at)
	ana.sees(ana.get(at), http.StatusNotFound)
	ana.sees(ana.get("/desk/suspicious"), http.StatusOK, "1 message, by the hour")
	// The address is a lead's to change; the record says from what to what.
	ana.sees(ana.get("/desk/suspicious"), http.StatusOK, "!Save address")
	lea.sees(lea.get("/desk/suspicious"), http.StatusOK, "Save address")
	for _, bad := range []string{"suspicious", "a+b@cert.example", "report@cert.example", "Postmaster@cert.example", "a@b@c.example", "a b@cert.example", "<x@cert.example>", "a@cert.example\r\nX: y"} {
		lea.sees(lea.do("POST", "/desk/suspicious/address", "address", bad), http.StatusUnprocessableEntity)
	}
	lea.goes(lea.do("POST", "/desk/suspicious/address", "address", " phishing@cert.example "), "/desk/suspicious?done=saved")
	lea.sees(lea.get("/desk/suspicious"), http.StatusOK, "Address: phishing@cert.example", "Lea")
	if now := h.letters.Suspicious(); now != "phishing@cert.example" {
		t.Errorf("it is %q", now)
	}
	lea.goes(lea.do("POST", "/desk/suspicious/address", "address", ""), "/desk/suspicious?done=saved")
	lea.sees(lea.get("/desk/suspicious"), http.StatusOK, "only the page takes messages")
	if a := ana.do("POST", "/desk/suspicious/address", "address", "x@cert.example"); a.status != http.StatusForbidden {
		t.Errorf("an analyst changes it: %d", a.status)
	}
}
