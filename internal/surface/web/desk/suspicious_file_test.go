package desk_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

func screenshot(w, h int) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.Set(i%w, i/w, color.NRGBA{uint8(i), 80, uint8(i / w), 255})
	}
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return b.Bytes()
}

var handedLink = regexp.MustCompile(`/desk/suspicious-message/[a-z0-9]+/(files|pictures)/[0-9a-f]{64}`)

// An analyst looks at the pictures of a message that came by mail, and of one that came by the page, and fetches any of their files; what is no picture is
// never shown as one, and when the message is over its period nothing of it is there any more.
func TestPicturesOfTheLane(t *testing.T) {
	h := openOffice(t)
	bomb := screenshot(1, 1)
	binary.BigEndian.PutUint32(bomb[16:], 10_000)
	binary.BigEndian.PutUint32(bomb[20:], 10_000)
	binary.BigEndian.PutUint32(bomb[29:], crc32.ChecksumIEEE(bomb[12:29]))
	files := []struct{ name, kind, body string }{
		{"screen.png", "image/png", string(screenshot(900, 600))},
		{"evil.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" onload="pwned()"/>`},
		{"page.png", "image/png", "<!DOCTYPE html><script>pwned()</script>"},
		{"both.png", "image/png", string(screenshot(30, 30)) + "<script>pwned()</script>"},
		{"bomb.png", "image/png", string(bomb)},
	}
	in := intake.Suspicious{At: h.Clock.Now(), Text: "I got this."}
	raw := "From: p@x.example\r\nTo: suspicious@cert.example\r\nSubject: look\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nA parcel.\r\n"
	for _, f := range files {
		in.Files = append(in.Files, correspondence.FileIn{Name: f.name, Type: f.kind, Content: strings.NewReader(f.body)})
		raw += "--b\r\nContent-Type: " + f.kind + "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=" + f.name + "\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(f.body)) + "\r\n"
	}
	h.must(h.suspicion.FromForm(t.Context(), in, func(context.Context, *db.Tx) error { return nil }))
	byForm, err := db.One(t.Context(), h.DB, func(r *db.Rows) (a correspondence.Arrival, err error) { return a, r.Scan(&a.ID, &a.UID) }, `SELECT a.object, o.uid FROM correspondence_arrival a JOIN object o ON o.id = a.object ORDER BY a.object DESC LIMIT 1`)
	h.must(err)
	mails := []correspondence.Arrival{{To: []string{"suspicious@cert.example"}, Raw: []byte(raw + "--b--\r\n"), Public: true, ReceivedAt: h.Clock.Now()}}
	h.must(h.letters.Arrive(t.Context(), mails))
	ana, root := h.as("Ana"), h.as("Root")
	for i, a := range []correspondence.Arrival{byForm, mails[0]} {
		whole, err := h.letters.OpenArrival(t.Context(), h.DB, a.ID)
		h.must(err)
		h.must(h.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			m := suspicion.Message{Arrival: a.ID, At: h.Clock.Now(), Same: []byte{byte(i)}, Reading: suspicion.Read(mail.Parse(whole.Raw))}
			m.Files = nil // alike by nothing: each stands alone
			return h.suspicion.TakeTx(ctx, tx, access.System("intake"), []suspicion.Message{m})
		}))
		at := "/desk/suspicious-single/" + a.UID
		shown := ana.get(at)
		ana.sees(shown, http.StatusOK, "screen.png", "evil.svg", "bomb.png", "Show the picture", `loading="lazy"`)
		seen := map[string]bool{}
		pictures := 0
		for _, link := range handedLink.FindAllString(shown.body, -1) {
			if seen[link] {
				continue
			}
			seen[link] = true
			got := ana.get(link)
			policy := got.header.Get("Content-Security-Policy")
			if got.status != http.StatusOK || !strings.HasPrefix(policy, "sandbox; default-src 'none'") {
				t.Errorf("%s: %d %q", link, got.status, policy)
			}
			if strings.Contains(link, "/files/") {
				if got.header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") {
					t.Errorf("%s: %v", link, got.header)
				}
				if drawn := ana.get(strings.Replace(link, "/files/", "/pictures/", 1)); drawn.status != http.StatusOK && drawn.status != http.StatusNotFound {
					t.Errorf("%s as a picture: %d", link, drawn.status)
				}
				continue
			}
			pictures++
			small := ana.get(link + "?small=1")
			m, err := png.Decode(strings.NewReader(small.body))
			if err != nil || max(m.Bounds().Dx(), m.Bounds().Dy()) > suspicion.Preview || got.header.Get("Content-Type") != "image/png" || strings.Contains(got.body, "pwned") {
				t.Errorf("%s: %v %v", link, err, got.header)
			}
			root.sees(root.get(link), http.StatusForbidden)
			ana.sees(ana.get(strings.Replace(link, a.UID, id.New(), 1)), http.StatusNotFound)
			ana.sees(ana.get(link[:len(link)-64]+strings.Repeat("0", 64)), http.StatusNotFound)
		}
		if pictures != 2 || len(seen) != len(files)+2 {
			t.Errorf("%d pictures of %v", pictures, seen)
		}
		if i == 1 { // over its period: as if it never was
			h.Clock.Advance(retain.PublicFor + time.Hour)
			_, err := h.suspicion.End(t.Context())
			h.must(err)
			ana = h.as("Ana")
			for link := range seen {
				ana.sees(ana.get(link), http.StatusNotFound)
			}
		}
	}
}
