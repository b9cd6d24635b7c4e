package correspondence

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A code goes to a role of the domain in each language, with the code and the portal's address and nothing that anybody wrote. The organisation that asked sees
// no thread of it; the fourth letter to an address within an hour is refused, and what is no code never leaves.
func TestACodeIsReadByWhoKeepsTheDomain(t *testing.T) {
	engines(t, func(o *office) {
		bank, err := o.Constituency.Create(o.ctx, o.analyst, constituency.NewOrganisation{Name: "Bank", Lang: "en"})
		o.must(err)
		o.Team.Portal = "https://portal.example"
		send := func(lang, code string) (uid string, err error) {
			err = o.DB.Write(o.ctx, func(ctx context.Context, tx *db.Tx) error {
				uid, err = o.CodeTx(ctx, tx, bank.Ref, "postmaster@canary.example", lang, code)
				return err
			})
			return uid, err
		}
		for _, lang := range text.Langs() {
			o.h.Clock.Advance(2 * time.Hour)
			uid, err := send(string(lang), "K7QP2-9XMTF")
			o.must(err)
			state, err := o.LetterState(o.ctx, o.DB, uid, "x")
			o.must(err)
			if len(state) != 1 || state[uid] != Held {
				t.Errorf("%v", state)
			}
			threads, err := o.ThreadsAbout(o.ctx, o.DB, bank.Ref.ID)
			o.must(err)
			th := threads[len(threads)-1]
			list, err := o.Messages(o.ctx, o.DB, access.System("sample"), th.Ref.ID)
			o.must(err)
			o.must(o.run(list[0]))
			body := o.text(o.mail(list[0]))
			if !strings.Contains(body, "\n    K7QP2-9XMTF\n") || !strings.Contains(body, "https://portal.example/portal/assets\n") || strings.Contains(strings.ToLower(body), "canary") || strings.Contains(body, "⟦") {
				t.Errorf("%s:\n%s", lang, body)
			}
			if _, err := access.Load(o.ctx, o.DB, o.h.Constituent(77, "Eva", bank.Ref.ID), th.Ref); !errs.Is(err, errs.NotFound) {
				t.Errorf("who asked for the code sees its thread: %v", err)
			}
		}
		for range 2 {
			_, err := send("en", "K7QP2-9XMTF")
			o.must(err)
		}
		if _, err := send("en", "K7QP2-9XMTF"); !errs.Is(err, errs.Limit) {
			t.Errorf("a fourth: %v", err)
		}
		for _, code := range []string{"", "click here", "K7QP2-9XMTF\nhttps://evil.example"} {
			if _, err := send("en", code); !errs.Is(err, errs.Invalid) {
				t.Errorf("%q: %v", code, err)
			}
		}
	})
}
