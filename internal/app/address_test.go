package app

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

var eightDigits = regexp.MustCompile(`\b(\d{4}) (\d{4})\b`)

// Who reports by the form proves that the address is his by a code that comes to it: then the receipt that waited leaves, with nobody pressing a key. Before,
// nothing goes there that somebody else could want; guessing, asking again and again, and a link that travelled by mail prove nothing.
func TestAnAddressIsProvedByACode(t *testing.T) {
	pgtest.OnEach(t, func(t *testing.T, engine string) {
		now := clock.NewFake(time.Now().UTC().Truncate(time.Hour))
		h := newHouseAt(t, engine, now)
		h.serve()
		const walker = "walker@away.example"
		report := func(email string) *browser {
			b := h.browser()
			code := id.New()
			b.post("/report/short", "code", code, "summary", "Pumps stopped", "description", "The words of Walker", "ongoing", "no", "name", "A. Walker", "email", email, "tlp", "AMBER")
			h.eventually("the status page", func() bool {
				return b.get("/r/"+code).Status == http.StatusSeeOther && b.get("/r/report").Status == http.StatusOK
			})
			return b
		}
		letters := func(to string) (out []*mail.Message) {
			for _, raw := range h.sent(to) {
				out = append(out, mail.Parse([]byte(raw)))
			}
			return out
		}
		codeIn := func(m *mail.Message) string {
			x := eightDigits.FindStringSubmatch(m.Body().Text)
			if x == nil {
				t.Fatalf("no code in %q", m.Body().Text)
			}
			return x[1] + x[2]
		}
		b := report(walker)
		page := b.page("/r/report")
		if !strings.Contains(page, "w…@away.example") || strings.Contains(page, walker) || len(letters(walker)) != 0 {
			t.Fatalf("%d letters, and the page says:\n%s", len(letters(walker)), plain(page))
		}

		b.post("/r/report/address", "address", walker)
		h.eventually("the letter with the code", func() bool { return len(letters(walker)) == 1 })
		letter := letters(walker)[0]
		for _, x := range []string{"", "ruth@away.example", "w…@away.example"} {
			if a := b.send("/r/report/address", values("address", x)); a.Status != http.StatusUnprocessableEntity || strings.Contains(a.Body, walker) {
				t.Errorf("a code for %q: %d", x, a.Status)
			}
		}
		if text := letter.Subject() + letter.Body().Text; strings.Contains(text, "Walker") || strings.Contains(text, "Pumps") || strings.Contains(text, "://") {
			t.Errorf("the letter says %q", text)
		}
		if page := b.page("/r/report"); !strings.Contains(page, "is on its way to w…@away.example") {
			t.Errorf("the page says:\n%s", plain(page))
		}
		b.post("/r/report/address", "address", walker) // at once again
		for _, x := range []string{"", "12", "abcdefgh", "123456789"} {
			if a := b.send("/r/report/address", values("proof", x)); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "eight digits") {
				t.Errorf("%q: %d", x, a.Status)
			}
		}
		good := codeIn(letter)
		wrong := func(code string) string { // another of the same form
			return code[:7] + string('0'+(code[7]-'0'+1)%10)
		}
		b.post("/r/report/address", "proof", wrong(good))
		h.eventually("that it was wrong", func() bool { return strings.Contains(b.page("/r/report"), "That was not the code") })
		if len(letters(walker)) != 1 {
			t.Errorf("%d letters after asking twice and guessing", len(letters(walker)))
		}
		b.post("/r/report/address", "proof", " "+good[:4]+" "+good[4:])
		h.eventually("the proof", func() bool { return strings.Contains(b.page("/r/report"), "w…@away.example is yours: our") })
		h.eventually("the receipt", func() bool { return len(letters(walker)) == 2 })
		var inMail string
		for _, m := range letters(walker) {
			if x := regexp.MustCompile(`/r/([0-9a-z]{26})`).FindStringSubmatch(m.Body().Text); x != nil {
				inMail = x[1]
			}
		}
		link := h.browser()
		if link.get("/r/" + inMail); strings.Contains(link.page("/r/report"), "away.example") {
			t.Error("the link of the mail shows the address")
		}
		lead := h.person("lead", "lead@cert.valmora.example", "")
		at := all(`href="(/desk/reports/[0-9a-z]{26})`, lead.page("/desk/triage"))
		if len(at) != 1 || !strings.Contains(lead.page(at[0]), "Proved by a code") {
			t.Errorf("the desk does not say so at %v", at)
		}

		// Guessing ends with the code, and codes end too.
		const other = "other@away.example"
		o := report(other)
		o.post("/r/report/address", "address", other)
		h.eventually("a code", func() bool { return len(letters(other)) == 1 })
		right := codeIn(letters(other)[0])
		for range 5 {
			o.post("/r/report/address", "proof", wrong(right))
		}
		h.eventually("the end of the code", func() bool { return strings.Contains(o.page("/r/report"), "Send me a code") })
		o.post("/r/report/address", "proof", right)
		for round := range 2 {
			now.Advance(2 * time.Minute)
			o.post("/r/report/address", "address", other)
			h.eventually("another code", func() bool { return len(letters(other)) == round+2 })
		}
		for range 5 {
			o.post("/r/report/address", "proof", wrong(right))
		}
		h.eventually("the end", func() bool { return strings.Contains(o.page("/r/report"), "We sent three codes") })
		now.Advance(2 * time.Minute)
		o.post("/r/report/address", "address", other)
		page = o.page("/r/report")
		if !strings.Contains(page, "We sent three codes") || strings.Contains(page, "is yours: our letters") || len(letters(other)) != 3 {
			t.Errorf("%d letters; the page says:\n%s", len(letters(other)), plain(page))
		}

		// A code is good for an hour.
		const late = "late@away.example"
		l := report(late)
		l.post("/r/report/address", "address", " Late@AWAY.example ")
		h.eventually("a code", func() bool { return len(letters(late)) == 1 })
		now.Advance(time.Hour)
		l.post("/r/report/address", "proof", codeIn(letters(late)[0]))
		if strings.Contains(l.page("/r/report"), "is yours: our letters") {
			t.Error("an old code proves")
		}
	})
}
