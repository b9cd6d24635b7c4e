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
