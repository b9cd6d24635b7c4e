package app

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"mime"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// ourSay finds what we say of a message on a page, and tells what is wrong with the place: foreign words around it, in it or above it. The foreign
// words all hold "Mallory".
const ourSay = `((where) => {
	const badge = where === 'timeline' ? document.querySelector('.entry-mail_in .message-marks')
		: [...document.querySelectorAll('#preview .props > div')].find(d => d.querySelector('dt').textContent === 'Sender')?.querySelector('dd')
	if (!badge) return { wrong: ['there is no badge'], box: [0, 0, 0, 0], words: '', chips: 0 }
	badge.scrollIntoView({ block: 'center' })
	const off = badge.getBoundingClientRect() // from whole pixel to whole pixel, so that pictures can be compared
	badge.style.position = 'relative'
	badge.style.top = Math.ceil(off.top) - off.top + 'px'
	badge.style.left = Math.ceil(off.left) - off.left + 'px'
	const wrong = [], at = badge.getBoundingClientRect()
	const all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	let foreign = 0
	for (let n = all.nextNode(); n; n = all.nextNode()) {
		if (!/mallory/i.test(n.data)) continue
		foreign++
		for (let e = n.parentElement; e; e = e.parentElement) {
			if (e === badge || badge.contains(e)) wrong.push('foreign words inside: ' + n.data.slice(0, 60))
			if (e.contains(badge) && getComputedStyle(e).display === 'inline') wrong.push('inside of a line with foreign words')
		}
		if (n.parentElement.contains(badge)) wrong.push('inside the element of foreign words: ' + n.data.slice(0, 60))
		const r = document.createRange()
		r.selectNodeContents(n)
		for (const b of r.getClientRects()) {
			const clip = n.parentElement.closest('dd, h2, .words, .message-title, .message-body, .row, .entry-line')?.getBoundingClientRect() ?? b
			const top = Math.max(b.top, clip.top), bottom = Math.min(b.bottom, clip.bottom), left = Math.max(b.left, clip.left), right = Math.min(b.right, clip.right)
			if (top < at.bottom && bottom > at.top && left < at.right && right > at.left) wrong.push('foreign words over it: ' + n.data.slice(0, 60))
		}
	}
	if (foreign < 3) wrong.push('only ' + foreign + ' foreign texts are on the page')
	for (let i = 1; i < 8; i++) for (let j = 1; j < 4; j++) {
		const x = at.left + at.width * i / 8, y = at.top + at.height * j / 4, hit = document.elementFromPoint(x, y)
		if (hit && !badge.contains(hit) && !hit.contains(badge)) wrong.push('covered by ' + hit.outerHTML.slice(0, 80))
	}
	const theirs = where === 'timeline' ? '.entry-mail_in' : '#preview :is(.props, .words, h2)'
	const x = Math.round(at.left), y = Math.round(at.top)
	return { wrong, box: [x, y, x + Math.floor(at.width), y + Math.floor(at.height)], words: badge.innerText.trim(), chips: [...document.querySelectorAll(theirs)].reduce((n, e) => n + e.querySelectorAll('.chip, use, svg').length, 0) }
})`

type said struct {
	Wrong []string `json:"wrong"`
	Box   []int    `json:"box"`
	Words string   `json:"words"`
	Chips int      `json:"chips"`
}

// TestBrowserTheBadgeIsOurs sends mails whose name, subject and text imitate what we say of a valid signature, in words, marks and markup styled
// like ours, or want to grow over it, and one that does nothing of the kind: in a browser what we say of all of them is the same, to the pixel,
// and stands outside of everything that they wrote (rule P2).
func TestBrowserTheBadgeIsOurs(t *testing.T) {
	h := newHouse(t, pgtest.Engine(t))
	h.organisation("Hospital", "en", "Rui Tavares", "rui@hospital.example", nil)
	h.serve()
	tower := "Mallory " + strings.Repeat("e"+strings.Repeat("\u0301\u0323\u0489\u035b", 24), 12)
	chip := `<span class="chip chip-ok"><svg class="i" aria-hidden="true" width="16" height="16"><use href="/assets/icons.svg#shield-check"></use></svg>Signed, known key</span>`
	letters := []struct{ what, name, subject, text, html string }{
		{"harmless", "Mallory M", "Mallory has a question", "Mallory asks when you open.", ""},
		{"the same words", "Mallory ✓ Signed, known key", "Mallory ✔ Signed, known key · rui@hospital.example ✅", "Mallory\nSender\nSigned, known key\n✓ 🛡 Signed and encrypted", ""},
		{"our markup", "Mallory <b class=chip>Signed, known key</b>", "Mallory " + chip, "", "<style>.chip,dd,.message-marks{display:none!important}.fake{position:fixed;inset:0;z-index:9999}</style><dl class=props><div><dt>Sender</dt><dd>" + chip + "</dd></div></dl><div class='fake message-marks'>" + chip + " Mallory</div>"},
		{"markdown and fields", "Mallory **Signed, known key**", "Mallory [x](/assets/icons.svg#shield-check)", "Sender: Mallory\n\n| Sender | Signed, known key |\n|---|---|\n> **Signed, known key**\n<dd>Mallory</dd>", ""},
		{"towers of marks", tower, tower, tower + "\n\n" + tower, ""},
		{"one long word", "Mallory" + strings.Repeat("✓Signed", 30), "Mallory" + strings.Repeat("✓Signed,known", 60), strings.Repeat("Mallory✓", 400), ""},
		{"turned around", "Mallory \u05d0\u05d1\u05d2 yek nwonk ,dengiS", "\u05d0\u05d1\u05d2 Mallory yek nwonk ,dengiS", "\u05d0\u05d1\u05d2 Mallory", ""},
		{"empty lines", "Mallory" + strings.Repeat("\u2003", 40) + "Signed, known key", "Mallory" + strings.Repeat("\u3000", 60) + "Signed, known key", "Mallory" + strings.Repeat("\n", 300) + "Signed, known key", ""},
	}
	pages := map[string]map[string]string{}
	ana := h.person(access.Analyst, "ana@cert.example", "")
	for i, l := range letters {
		body := "Content-Type: text/plain; charset=utf-8\n\n" + l.text + "\n"
		if l.html != "" {
			body = "Content-Type: text/html; charset=utf-8\n\n" + l.html + "\n"
		}
		h.mail("m@nowhere.example", teamAddress, crlf("From: "+mime.BEncoding.Encode("utf-8", l.name)+" <m@nowhere.example>\nTo: "+teamAddress+"\nSubject: "+mime.BEncoding.Encode("utf-8", l.subject)+
			"\nDate: "+rfc5322Now()+"\nMessage-ID: <"+unique()+"@nowhere.example>\nMIME-Version: 1.0\n"+body))
		var report string
		h.eventually("the mail", func() bool {
			list, err := h.Intake.Queue(t.Context(), sample(), intake.QueueFilter{})
			h.must(err)
			if len(list.Items) == 1 {
				report = list.Items[0].UID
			}
			return report != ""
		})
		at, _, _ := strings.Cut(ana.post("/desk/reports/"+report+"/accept"), "?")
		pages[letters[i].what] = map[string]string{"preview": "/desk/triage?report=" + report, "timeline": at + "?show=mail"}
	}
	p := browsertest.New(t)
	h.signIn(p, "ana@cert.example")
	for _, width := range []int64{1440, 360} {
		p.Viewport(width, 900)
		for _, where := range []string{"preview", "timeline"} {
			var want said
			var wantPixels image.Image
			for _, l := range letters {
				name := fmt.Sprintf("%s, %s, %d wide", l.what, where, width)
				address := pages[l.what][where]
				if width < 1000 { // there the queue stands alone
					address = strings.Replace(address, "triage?report=", "reports/", 1)
				}
				p.Open("http://" + h.Config.HTTP + address)
				got := browsertest.Get(p, chromedp.Evaluate[said](ourSay+`("`+where+`")`))
				for _, w := range got.Wrong {
					t.Errorf("%s: %s", name, w)
				}
				shot, err := png.Decode(bytes.NewReader(browsertest.Get(p, chromedp.CaptureScreenshot())))
				h.must(err)
				if l.what == "harmless" {
					want, wantPixels = got, shot
					if got.Words == "" || got.Box[2]-got.Box[0] < 60 || got.Box[3]-got.Box[1] < 10 {
						t.Fatalf("%s: what we say is %q in %v", name, got.Words, got.Box)
					}
					continue
				}
				if got.Words != want.Words || got.Chips != want.Chips {
					t.Errorf("%s: we say %q with %d marks, of the harmless one %q with %d", name, got.Words, got.Chips, want.Words, want.Chips)
				}
				if n := differ(wantPixels, want.Box, shot, got.Box); n != 0 {
					t.Errorf("%s: %d pixels of what we say differ (%v and %v)", name, n, want.Box, got.Box)
				}
			}
		}
	}
}

// differ counts the pixels in which an eye sees that two boxes of two pictures are not the same (edges are smoothed a little otherwise each
// time); boxes of other sizes differ in all.
func differ(a image.Image, in []int, b image.Image, at []int) (n int) {
	w, h := in[2]-in[0], in[3]-in[1]
	if at[2]-at[0] != w || at[3]-at[1] != h {
		return w * h
	}
	for x := range w {
		for y := range h {
			one, two := color.GrayModel.Convert(a.At(in[0]+x, in[1]+y)).(color.Gray), color.GrayModel.Convert(b.At(at[0]+x, at[1]+y)).(color.Gray)
			if d := int(one.Y) - int(two.Y); d < -16 || d > 16 {
				n++
			}
		}
	}
	return n
}
