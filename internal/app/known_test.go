package app

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// upload sends a form with files, as a browser does.
func (b *browser) upload(path, file, content string, pairs ...string) answer {
	b.h.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i+1 < len(pairs); i += 2 {
		b.h.must(w.WriteField(pairs[i], pairs[i+1]))
	}
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="files"; filename="` + file + `"`}, "Content-Type": {"text/plain"}})
	b.h.must(err)
	_, err = part.Write([]byte(content))
	b.h.must(err)
	b.h.must(w.Close())
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodPost, b.base+path, &body)
	b.h.must(err)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

// drawnOnce are what is drawn anew for each report: references, codes, names of objects.
var drawnOnce = regexp.MustCompile(`[RP]-\d{4}-[0-9A-Z]+|\b[0-9a-hjkmnp-tv-z]{26}\b|\b[0-9a-f]{32,}\b|\b[0-9A-Za-z_-]{22,}\b|\d{4}-\d\d-\d\dT[0-9:.]+Z`)

// alike is what a stranger can tell of an answer.
func alike(a answer) string {
	cookies := a.Header.Values("Set-Cookie")
	a.Header = a.Header.Clone()
	for i, c := range cookies {
		name, rest, _ := strings.Cut(c, "=")
		_, rest, _ = strings.Cut(rest, ";")
		cookies[i] = name + ";" + rest
	}
	return drawnOnce.ReplaceAllString(same(a, "/")+fmt.Sprint(cookies), "NEW")
}

// TestNothingSaysAlreadyKnown sends what the house knows and what it does not: the same text, file, address, account, reference, by every way that
// is open to strangers and to organisations. The answers are the same, byte by byte, but for what is drawn anew (rule A13); ./bench compares how
// long they take.
func TestNothingSaysAlreadyKnown(t *testing.T) {
	h := newHouse(t, pgtest.Engine(t))
	hospital, _ := h.organisation("Hospital", "en", "Rui Tavares", "rui@hospital.example", nil)
	water, _ := h.organisation("Water", "en", "Carla Reis", "carla@water.example", nil)
	h.serve()
	rui := h.person(access.Constituent, "rui@hospital.example", hospital.UID)
	carla := h.person(access.Constituent, "carla@water.example", water.UID)
	const known, file = "Ransomware on two servers.", "the sample, as it was found"

	// What the house knows: a report by each way.
	form := func(b *browser, text, content, email string) []answer {
		code := id.New()
		first := b.upload("/report/short", "a.bin", content, "code", code, "summary", text, "description", text, "ongoing", "yes", "email", email, "tlp", "AMBER")
		out := []answer{first, b.get(first.to()), b.get("/r/" + code)}
		var status answer
		h.eventually("the status of a form", func() bool {
			status = b.get("/r/report")
			return status.Status == http.StatusOK && strings.Contains(status.Body, "R-20")
		})
		return append(out, status)
	}
	portal := func(b *browser, text, content string) []answer {
		sent := b.upload("/portal/reports/new", "a.bin", content, "code", id.New(), "key", id.New(), "summary", text, "description", text, "ongoing", "yes", "tlp", "AMBER")
		return []answer{sent, b.get(sent.to())}
	}
	api := func(text, email string) []answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.Config.HTTP+"/api/v1/reports", strings.NewReader(fmt.Sprintf(`{"summary":%q,"description":%q,"tlp":"AMBER","reporter":{"email":%q}}`, text, text, email)))
		h.must(err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", id.New())
		return []answer{h.browser().do(r)}
	}
	mail := func(text, email, to string) []answer {
		err := deliver(h.Config.SMTP, email, to, head(email, to, text)+text+"\r\n")
		return []answer{{Body: fmt.Sprint(err)}}
	}
	login := func(email, password string) []answer {
		return []answer{h.browser().send("/login", values("email", email, "password", password))}
	}
	form(h.browser(), known, file, "rui@hospital.example")
	portal(rui, known, file)
	api(known, "rui@hospital.example")
	mail(known, "rui@hospital.example", teamAddress)
	h.eventually("what the house knows", func() bool { return len(h.summaries()) >= 1 && h.summaries()[known] >= 4 })

	for _, c := range []struct {
		what           string
		known, unknown []answer
	}{
		{"a form with a known text, file and address", form(h.browser(), known, file, "rui@hospital.example"), form(h.browser(), "Another thing altogether.", "never seen before, anywhere", "nobody@elsewhere.example")},
		{"a form with the address of an account", form(h.browser(), "Words of its own.", "a", "carla@water.example"), form(h.browser(), "Words of her own.", "b", "carlo@water.example")},
		{"a report in the portal that another organisation made", portal(carla, known, file), portal(carla, "Something new in here.", "never seen before, anywhere")},
		{"a report of the API", api(known, "rui@hospital.example"), api("Something new in here.", "nobody@elsewhere.example")},
		{"a mail with a known text from a known address", mail(known, "rui@hospital.example", teamAddress), mail("Something new", "nobody@elsewhere.example", teamAddress)},
		{"a mail to a tag", mail("x", "nobody@elsewhere.example", strings.Replace(teamAddress, "@", "+0123456789abcdefghjkmnpqrs@", 1)), mail("x", "nobody@elsewhere.example", teamAddress)},
		{"a wrong password", login("rui@hospital.example", "wrong horse battery 7"), login("nobody@elsewhere.example", "wrong horse battery 7")},
		{"a code", []answer{h.browser().get("/r/" + id.New())}, []answer{h.browser().get("/r/" + id.New())}},
		{"a link to choose a password", []answer{h.browser().get("/welcome/" + id.New())}, []answer{h.browser().get("/welcome/" + "pwl_" + id.New())}},
	} {
		for i := range c.known {
			a, b := alike(c.known[i]), alike(c.unknown[i])
			a, b = strings.NewReplacer(known, "TEXT", "rui@hospital.example", "ADDRESS", "r…@hospital.example", "MASKED", "Words of its own.", "TEXT", "carla@water.example", "ADDRESS").Replace(a),
				strings.NewReplacer("Another thing altogether.", "TEXT", "Something new in here.", "TEXT", "nobody@elsewhere.example", "ADDRESS", "n…@elsewhere.example", "MASKED", "Words of her own.", "TEXT", "carlo@water.example", "ADDRESS").Replace(b)
			if c.known[i].Status >= 400 && c.known[i].Status != http.StatusNotFound && c.what != "a wrong password" {
				t.Errorf("%s, %d: refused with %d\n%s", c.what, i, c.known[i].Status, plain(c.known[i].Body))
			}
			if a != b {
				t.Errorf("%s, answer %d, tells that it is known:\n%s", c.what, i, firstDifference(a, b))
			}
		}
	}
}

func firstDifference(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	from := max(0, i-80)
	return fmt.Sprintf("%q\n%q", a[from:min(len(a), i+120)], b[from:min(len(b), i+120)])
}
