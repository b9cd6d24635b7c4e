package play

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/build"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// writeSuspicious puts into the script what the public hands on, more and more often up to its last, and what was decided of it.
func (p *player) writeSuspicious() {
	for n, a := range p.country.Suspicious {
		for i := range a.Messages {
			ago := a.Last
			if a.Messages > 1 {
				back := 1 - float64(i)/float64(a.Messages-1)
				ago += time.Duration(back * back * float64(a.First-a.Last))
			}
			p.then(ago, "suspicious message", func(ctx context.Context) error { return p.handOn(ctx, n, i) })
		}
		if a.Judged != "" {
			p.then(a.Last-time.Hour, "judgement", func(ctx context.Context) error { return p.judge(ctx, a) })
		}
	}
}

// handOn mails message i of an attack to the team's address for it, from somebody's computer: nobody is thanked who is not proved.
func (p *player) handOn(ctx context.Context, n, i int) error {
	a := p.country.Suspicious[n]
	who := fmt.Sprintf("pessoa%d.%d@correio.example", n+1, i%a.Senders)
	inside := fmt.Sprintf("From: %s\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: <%d.%d@attack.example>\nMIME-Version: 1.0\n", a.From, who, encoded(a.Subject), p.Clock.Now().Format(time.RFC1123Z), n, i)
	text := strings.ReplaceAll(a.Text, "%d", strconv.Itoa(40_961+7919*(i+1)%90_000))
	const plain = "Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\n\n"
	if a.File == nil {
		inside += plain + text
	} else {
		inside += "Content-Type: multipart/mixed; boundary=\"=_inside\"\n\n--=_inside\n" + plain + text + "\n--=_inside\nContent-Type: " + a.File.Type +
			"\nContent-Disposition: attachment; filename=\"" + a.File.Name + "\"\n\n" + a.File.Text + "\n--=_inside--\n"
	}
	l := build.Letter{Date: p.Clock.Now()}
	var err error
	if l.From, err = build.NewAddress("", who); err != nil {
		return err
	}
	if l.To, err = build.NewAddress("", p.country.Team.Suspicious); err != nil {
		return err
	}
	subject, err := build.NewLine("Fwd: " + a.Subject)
	if err != nil {
		return err
	}
	if l.ID, err = build.NewID(domainOf(who)); err != nil {
		return err
	}
	raw, err := l.Around(forwarded(a.Words[i%len(a.Words)], inside), subject)
	if err != nil {
		return err
	}
	return p.Correspondence.Arrive(ctx, []correspondence.Arrival{{
		From: who, To: []string{p.country.Team.Suspicious}, PeerIP: elsewhere, Helo: "mx." + domainOf(who), TLS: true, ReceivedAt: p.Clock.Now(), Raw: raw, Road: correspondence.RoadSMTP,
	}})
}

func encoded(s string) string { return "=?utf-8?q?" + strings.ReplaceAll(quoted(s), " ", "_") + "?=" }

func quoted(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c == ' ' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// judge says of the campaign of an attack what it is.
func (p *player) judge(ctx context.Context, a country.Suspicious) error {
	by := p.by(a.By)
	list, err := p.Suspicion.List(ctx, by, suspicion.Filter{Limit: 100})
	if err != nil {
		return err
	}
	for _, c := range list.Items {
		if c.Title == a.Subject {
			return p.Suspicion.Judge(ctx, by, c.UID, c.Version, suspicion.State(a.Judged))
		}
	}
	return fmt.Errorf("there is no campaign %q", a.Subject)
}
