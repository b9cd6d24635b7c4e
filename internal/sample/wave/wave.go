// Package wave writes the mails of a day on which a country forwards what looked suspicious: some two hundred attacks, each in many shapes, and much that is
// none. It is for load tests, and says the same for the same seed.
package wave

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Wave writes mails. It holds no state of what it wrote: mail n is the same whenever it is asked for.
type Wave struct {
	Seed    uint64
	To      string    // the address of the public lane
	At      time.Time // the day
	Attacks int       // how many there are; 200 when zero
}

type attack struct {
	subject, host, path string
	words               []string
	own                 int // 0 the same link for all, 1 an id behind "?", 2 a path for each
	html                bool
	file                []byte
}

var vocabulary = strings.Fields(`account bank parcel customs fee payment card confirm locked device refund tax office invoice urgent delivery depot driver street number
	customer service password expired mailbox storage full upgrade security team message voice missed subscription renew cancel offer winner prize telephone voucher supermarket survey
	energy bill rebate pension document signature request contract shared folder meeting salary update details holiday rental deposit investment profit account crypto wallet recovery
	police summons court fine traffic vehicle insurance health card vaccine appointment school museum ticket concert friend family money transfer help stuck abroad lost phone new number`)

var begins = []struct{ ruler, from, date, subject, to string }{
	{"---------- Forwarded message ---------", "From", "Date", "Subject", "To"},
	{"-----Original Message-----", "From", "Sent", "Subject", "To"},
	{"-----Ursprüngliche Nachricht-----", "Von", "Gesendet", "Betreff", "An"},
	{"---------- Message transféré ---------", "De", "Date", "Objet", "À"},
	{"---------- Doorgestuurd bericht ---------", "Van", "Datum", "Onderwerp", "Aan"},
	{"---------- Mensagem encaminhada ---------", "De", "Data", "Assunto", "Para"},
}

func text(r *rand.Rand, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = vocabulary[r.IntN(len(vocabulary))]
	}
	return out
}

func (w Wave) attack(n int) attack {
	r := rand.New(rand.NewPCG(w.Seed, uint64(n)|1<<40))
	a := attack{words: text(r, 40+r.IntN(80)), own: r.IntN(3), html: r.IntN(3) == 0, host: fmt.Sprintf("%s-%s%d.example", vocabulary[r.IntN(len(vocabulary))], vocabulary[r.IntN(len(vocabulary))], n), path: vocabulary[r.IntN(len(vocabulary))]}
	a.subject = strings.Join(text(r, 3+r.IntN(4)), " ")
	if r.IntN(8) == 0 {
		a.file = make([]byte, 2<<10+r.IntN(30<<10))
		for i := range a.file {
			a.file[i] = byte(r.UintN(256))
		}
	}
	return a
}

// Mail gives mail n and the address that forwards it. Of a hundred, thirty are like nothing else, and one is the same mail as one before.
func (w Wave) Mail(n int) (from string, raw []byte) {
	r := rand.New(rand.NewPCG(w.Seed, uint64(n)))
	if n > 10 && r.IntN(100) == 0 {
		return w.Mail(n - 1 - r.IntN(10))
	}
	attacks := w.Attacks
	if attacks == 0 {
		attacks = 200
	}
	from = fmt.Sprintf("p%d@mail%d.example", r.IntN(40_000), r.IntN(400))
	var a attack
	if r.IntN(10) < 3 {
		a = attack{subject: strings.Join(text(r, 4), " "), words: text(r, 30+r.IntN(60)), host: fmt.Sprintf("site%d.example", r.Uint64N(1<<40)), path: "a", html: r.IntN(4) == 0}
		if r.IntN(2) == 0 {
			a.host = ""
		}
	} else {
		at := int(float64(attacks) * r.Float64() * r.Float64() * r.Float64()) // few are large
		a = w.attack(at)
	}
	words := append([]string(nil), a.words...)
	for range r.IntN(3) { // programs and people change a word
		words[r.IntN(len(words))] = fmt.Sprint(r.IntN(10_000))
	}
	said := strings.Join(words, " ")
	if a.host != "" {
		link := "https://" + a.host + "/" + a.path
		switch a.own {
		case 1:
			link += fmt.Sprintf("?id=%x", r.Uint64())
		case 2:
			link += fmt.Sprintf("/%x", r.Uint64())
		}
		said += "\r\n\r\n" + link + "\r\n"
	}
	var b bytes.Buffer
	at := w.At.Add(time.Duration(n) * time.Second / 2)
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\nSubject: Fwd: %s\r\nDate: %s\r\nMessage-ID: <%d.%d@wave.example>\r\nMIME-Version: 1.0\r\n", from, w.To, a.subject, at.Format(time.RFC1123Z), n, w.Seed)
	kind, body := "text/plain; charset=utf-8", said
	if a.html {
		kind, body = "text/html; charset=utf-8", "<html><body><p>"+strings.ReplaceAll(said, "\r\n", "<br>")+"</p></body></html>"
	}
	screenshot := r.IntN(20) == 0
	switch shape := r.IntN(4); {
	case shape == 0 || a.file != nil || screenshot:
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\nContent-Type: text/plain\r\n\r\nIs this real?\r\n--w\r\nContent-Type: message/rfc822\r\n\r\nFrom: Service <info@%s>\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMIME-Version: 1.0\r\nContent-Type: %s\r\n\r\n%s\r\n",
			a.host, from, a.subject, at.Format(time.RFC1123Z), kind, body)
		attach(&b, "application/pdf", "invoice.pdf", a.file)
		if screenshot {
			picture := make([]byte, 20<<10+r.IntN(40<<10))
			for i := range picture {
				picture[i] = byte(r.UintN(256))
			}
			attach(&b, "image/png", "screen.png", picture)
		}
		b.WriteString("--w--\r\n")
	case shape == 1: // passed on as it came
		fmt.Fprintf(&b, "Content-Type: %s\r\n\r\n%s\r\n", kind, body)
	default:
		m := begins[r.IntN(len(begins))]
		fmt.Fprintf(&b, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nI got this.\r\n\r\n%s\r\n%s: Service <info@%s>\r\n%s: today\r\n%s: %s\r\n%s: <%s>\r\n\r\n%s\r\n", m.ruler, m.from, a.host, m.date, m.subject, a.subject, m.to, from, said)
	}
	return from, b.Bytes()
}

func attach(b *bytes.Buffer, kind, name string, content []byte) {
	if content == nil {
		return
	}
	fmt.Fprintf(b, "--w\r\nContent-Type: %s\r\nContent-Disposition: attachment; filename=%s\r\nContent-Transfer-Encoding: base64\r\n\r\n", kind, name)
	coded := base64.StdEncoding.EncodeToString(content)
	for len(coded) > 76 {
		b.WriteString(coded[:76] + "\r\n")
		coded = coded[76:]
	}
	b.WriteString(coded + "\r\n")
}
