package correspondence

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A letter with the link of an account holds the link when it leaves and not before; one whose link is dead by then does not leave; and it carries nobody's
// words (rule M8).
func TestALinkIsPutInWhenTheLetterLeaves(t *testing.T) {
	engines(t, func(o *office) {
		links, asked := map[int64]string{}, 0
		o.Opening = func(_ context.Context, account int64) (string, error) {
			asked++
			if links[account] == "" {
				return "", errs.ErrNotFound
			}
			return links[account], nil
		}
		write := func(to Colleague, l AutoLetter) Message {
			o.Helper()
			o.must(o.tx(func(ctx context.Context, tx *db.Tx) error { return o.OpeningTx(ctx, tx, to, l, 0) }))
			threads, err := o.ThreadsAbout(o.ctx, o.DB, to.Account)
			o.must(err)
			list, err := o.Messages(o.ctx, o.DB, access.System("sample"), threads[0].Ref.ID)
			o.must(err)
			m := list[len(list)-1]
			if strings.Contains(m.Body.Text, "/welcome/") || !strings.Contains(m.Body.Text, "[") {
				o.Errorf("the letter that is kept: %s", m.Body.Text)
			}
			return m
		}
		for i, lang := range append(text.Langs(), "xx") {
			for _, l := range []AutoLetter{AutoInvitation, AutoPassword} {
				to := Colleague{Account: o.person(), Name: "Canary <b>", Email: fmt.Sprintf("p%d@x%d.example", i, l), Lang: string(lang)}
				links[to.Account] = fmt.Sprintf("https://cert.example/welcome/set_%043d", to.Account)
				m := write(to, l)
				if asked != 0 {
					o.Error("the link was made before the letter left")
				}
				o.must(o.run(m))
				body := o.text(o.mail(m))
				if !strings.Contains(body, "\n"+links[to.Account]+"\n") && !strings.Contains(body, "\n"+links[to.Account]+"\r\n") || strings.Contains(body, "⟦") || strings.Contains(strings.ToLower(body), "canary") || strings.Contains(body, "/desk") {
					o.Errorf("%s %d:\n%s", lang, l, body)
				}
				asked = 0
				o.wantState(m, Sent, "")
			}
		}
		// Withdrawn while it waited: it does not leave.
		to := Colleague{Account: o.person(), Name: "Zoe", Email: "zoe@y.example", Lang: "en"}
		m := write(to, AutoInvitation)
		o.must(o.run(m))
		if _, left := o.mails()[m.UID]; left {
			o.Error("a letter with a dead link left")
		}
		o.wantState(m, Failed, reasonLetter)
		// Too many to one address wait for a person, and the act that asked for them stands.
		o.h.Clock.Advance(time.Hour)
		links[to.Account] = "https://cert.example/welcome/x"
		for n := range 4 {
			if m = write(to, AutoInvitation); n == 3 {
				o.wantState(m, Waiting, reasonLimit)
			}
		}
		for _, l := range []AutoLetter{AutoReceipt, AutoAlarm, 0, 99} {
			if err := o.tx(func(ctx context.Context, tx *db.Tx) error { return o.OpeningTx(ctx, tx, to, l, 0) }); err == nil {
				o.Errorf("letter %d carries a link", l)
			}
		}
		if err := o.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := o.NoticeTx(ctx, tx, []Colleague{to}, NoticeFor{Letter: AutoInvitation})
			return err
		}); err == nil {
			o.Error("a link goes as a notice to a colleague")
		}
	})
}

// News say that something is new, and where; over the limits of automatic mail they are not written, and nothing waits for a person.
func TestNewsCarryNothing(t *testing.T) {
	engines(t, func(o *office) {
		for i, lang := range text.Langs() {
			to := Colleague{Account: o.person(), Name: "Canary <b>", Email: fmt.Sprintf("p%d@news.example", i), Lang: string(lang)}
			for n := range hourlyToAddress + 2 {
				var told bool
				o.must(o.tx(func(ctx context.Context, tx *db.Tx) (err error) {
					told, err = o.NewsTx(ctx, tx, to, 7)
					return err
				}))
				if told != (n < hourlyToAddress) {
					o.Errorf("%s letter %d: %v", lang, n+1, told)
				}
			}
			threads, err := o.ThreadsAbout(o.ctx, o.DB, to.Account)
			o.must(err)
			list, err := o.Messages(o.ctx, o.DB, access.System("sample"), threads[0].Ref.ID)
			o.must(err)
			if len(list) != hourlyToAddress {
				o.Fatalf("%d letters", len(list))
			}
			o.must(o.run(list[0]))
			body := o.text(o.mail(list[0]))
			if !strings.Contains(body, "https://cert.example/portal/") || strings.Contains(body, "⟦") || strings.Contains(strings.ToLower(body), "canary") || strings.Contains(body, "/desk") {
				o.Errorf("%s:\n%s", lang, body)
			}
		}
	})
}
