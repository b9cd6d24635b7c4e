package correspondence

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// receipt is what intake sends.
func (o *office) receipt() Outgoing {
	return Outgoing{Kind: Receipt, Auto: &Auto{Letter: AutoReceipt, At: o.Clock.Now(), DueAt: o.Clock.Now().Add(24 * time.Hour), Code: id.NewCode()}}
}

// person is an object of kind account, as a notice is about one.
func (o *office) person() int64 {
	o.Helper()
	a := access.Object{Ref: ref.Ref{Kind: ref.Account}, Realm: access.Registry, TLP: tlp.Green}
	o.must(o.DB.Write(o.ctx, func(ctx context.Context, tx *db.Tx) error { return access.Protect(ctx, tx, &a, o.Clock.Now()) }))
	return a.Ref.ID
}

// The team's signature never covers a stranger's words: an automatic letter has no slot for text (rule M8).
func TestAutoHasNoSlotForText(t *testing.T) {
	t.Parallel()
	for f := range reflect.TypeFor[Auto]().Fields() {
		switch f.Type {
		case reflect.TypeFor[AutoLetter](), reflect.TypeFor[time.Time](), reflect.TypeFor[int](), reflect.TypeFor[bool](), reflect.TypeFor[id.Secret](), reflect.TypeFor[Number](), reflect.TypeFor[Typed]():
		default:
			t.Errorf("%s is a %s", f.Name, f.Type)
		}
	}
	if err := (Auto{Letter: AutoReceipt, Code: id.SecretOf("click here: evil.example")}).check(); err == nil {
		t.Error("a code that is none of ours")
	}
	for _, s := range []string{"", "INC-2026-1", "click here: evil.example", "INC-2026-000001 evil", "INC-2026-000001\n", "r-2026-7k2pqx", "P-2026-7K2PQX"} {
		if n, ok := NumberOf(s); ok {
			t.Errorf("%q is the number %v", s, n)
		}
	}
	for _, l := range []AutoLetter{0, 99} {
		if err := (Auto{Letter: l}).check(); err == nil {
			t.Errorf("letter %d", l)
		}
	}
}

// A canary in everything that a stranger writes appears in no automatic mail, in any language (rule M8), and nobody need sign in to cause
// one: it goes by nobody's right, signed, marked Auto-Submitted, at once.
func TestNoCanaryInAutomaticMail(t *testing.T) {
	engines(t, func(o *office) {
		for i, lang := range append(text.Langs(), "xx-canary") {
			th := o.open(tlp.Amber, Correspondent{Name: "Canary <b>", Email: fmt.Sprintf("reporter%d@x.example", i), Phone: "canary", Lang: string(lang)})
			o.receive(th, Incoming{Channel: ByMail, State: Filed, MessageID: "canary@x.example", Body: Body{Subject: "canary", Text: "canary", From: "Canary <a@x.example>", Fields: map[string]string{"canary": "canary"}}, Original: []byte("canary")})
			for l := AutoReceipt; l < AutoAlarm; l++ {
				if l == AutoProve || l == AutoAddress { // of codes that are typed: see TestACodeIsReadByWhoKeepsTheDomain, and TestAnAddressIsProvedByACode
					continue
				}
				if l == AutoOverdue || l == AutoThanks {
					o.h.Clock.Advance(2 * time.Hour) // within the limits
				}
				out := o.receipt()
				out.Auto.Letter, out.Auto.Count, out.Auto.Crime = l, int(l), l == AutoReceipt
				m, err := o.putBy(access.Stranger(access.ByMail, "en"), th, out)
				o.must(err)
				if m.State != Held || !m.Automatic || m.Author != 0 {
					o.Fatalf("%s letter %d: %s %s", lang, l, m.State, m.Reason)
				}
				o.must(o.run(m))
				raw := o.mail(m)
				body := o.text(raw)
				if strings.Contains(strings.ToLower(raw+body), "canary") {
					o.Errorf("%s, letter %d carries a stranger's words", lang, l)
				}
				if strings.Contains(body, "⟦") || !strings.Contains(body, "https://cert.example/r/"+out.Auto.Code.Reveal()) || l != AutoThanks && !strings.Contains(body, th.Reference) {
					o.Errorf("%s, letter %d:\n%s", lang, l, body)
				}
				police := o.printer(string(lang)).T("mail.receipt.crime")
				if strings.Contains(strings.Join(strings.Fields(body), " "), strings.Join(strings.Fields(police), " ")) != (l == AutoReceipt) {
					o.Errorf("%s, letter %d and the way to the police:\n%s", lang, l, body)
				}
				if !strings.Contains(raw, "Auto-Submitted: auto-generated\r\n") || !strings.Contains(raw, "multipart/signed") {
					o.Errorf("%s, letter %d is not marked or not signed", lang, l)
				}
			}
		}
		for i, lang := range text.Langs() {
			for l := AutoAlarm; l <= AutoPage; l++ {
				to := []Colleague{{Account: o.person(), Name: "Canary", Email: fmt.Sprintf("colleague%d@cert.example", i), Lang: string(lang)}}
				number, _ := NumberOf("INC-2026-000001")
				o.h.Clock.Advance(time.Hour)
				o.must(o.DB.Write(o.ctx, func(ctx context.Context, tx *db.Tx) error {
					n, err := o.NoticeTx(ctx, tx, to, NoticeFor{Letter: l, Number: number})
					if n != 1 {
						o.Errorf("%s letter %d: %d told", lang, l, n)
					}
					return err
				}))
				threads, err := o.ThreadsAbout(o.ctx, o.DB, to[0].Account)
				o.must(err)
				list, err := o.Messages(o.ctx, o.DB, access.System("sample"), threads[0].Ref.ID)
				o.must(err)
				m := list[len(list)-1]
				o.must(o.run(m))
				body := o.text(o.mail(m))
				if strings.Contains(strings.ToLower(o.mail(m)+body), "canary") || strings.Contains(body, "⟦") || !strings.Contains(body, "INC-2026-000001") || !strings.Contains(body, "https://cert.example/desk/") || strings.Contains(body, "/r/") {
					o.Errorf("%s letter %d:\n%s", lang, l, body)
				}
				th := o.open(tlp.Amber, lone("y@x.example"))
				if _, err := o.put1(th, Outgoing{Kind: Notice, Auto: &Auto{Letter: l}}); err == nil {
					o.Errorf("letter %d goes to a reporter", l)
				}
				if _, err := o.put1(threads[0], o.receipt()); err == nil {
					o.Error("a receipt goes to a colleague")
				}
			}
		}
		th := o.open(tlp.Amber, lone("z@x.example"))
		for name, out := range map[string]Outgoing{
			"subject": {Subject: "x", Auto: &Auto{Letter: AutoReceipt}}, "text": {Text: "x", Auto: &Auto{Letter: AutoReceipt}},
			"file": {Files: []File{{}}, Auto: &Auto{Letter: AutoReceipt}}, "foreign id": {InReplyTo: "x@y", Auto: &Auto{Letter: AutoReceipt}},
		} {
			if _, err := o.put1(th, out); err == nil {
				o.Errorf("an automatic letter with a %s", name)
			}
		}
	})
}

// A receipt that is held back waits with its reason until a person sends it; it is rendered with its values all the same.
func TestAReceiptIsHeldBackAndSentByAPerson(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.AmberStrict, lone("a@x.example"))
		out := o.receipt()
		out.HoldBack, out.Reason = true, "mail.reason.receipt_held"
		m, err := o.putBy(access.System("intake"), th, out)
		o.must(err)
		if m.State != Waiting || m.Reason != "mail.reason.receipt_held" || m.Road != egress.Signed || o.jobs("correspondence.send") != 0 {
			o.Errorf("%s %q by %s", m.State, m.Reason, m.Road)
		}
		o.must(o.SendNow(o.ctx, o.analyst, m.UID))
		o.must(o.run(m))
		o.wantState(m, Sent, "")
		if body := o.text(o.mail(m)); !strings.Contains(body, th.Reference) {
			o.Error(body)
		}
	})
}

// Three an hour and ten a day to an address, thirty an hour to a domain of nobody we know; what is over it is a line for a person (rule M9).
func TestAutomaticMailIsLimited(t *testing.T) {
	engines(t, func(o *office) {
		count := func(ts ...Thread) (held int) {
			for _, th := range ts {
				m, err := o.putBy(access.System("intake"), th, o.receipt())
				o.must(err)
				switch {
				case m.State == Held:
					held++
				case m.State != Waiting || m.Reason != reasonLimit:
					o.Errorf("%s %q", m.State, m.Reason)
				}
			}
			return held
		}
		// A thousand forged forms for one victim, written in another case each time, are a thousand threads.
		var victims []Thread
		for i := range 12 {
			victims = append(victims, o.open(tlp.Amber, lone([]string{"victim@x.example", "Victim@X.example"}[i%2])))
		}
		if n := count(victims...); n != 3 {
			o.Errorf("%d in an hour", n)
		}
		day := 3
		for range 10 {
			o.h.Clock.Advance(61 * time.Minute)
			day += count(victims[:4]...)
		}
		if day != 10 {
			o.Errorf("%d in a day", day)
		}
		o.h.Clock.Advance(24 * time.Hour)
		var many []Thread
		for i := range 35 {
			many = append(many, o.open(tlp.Amber, lone(fmt.Sprintf("p%d@big.example", i))))
		}
		if n := count(many...); n != 30 {
			o.Errorf("%d an hour to one domain", n)
		}
		org, c := o.organisation("Hospital", "soc@hospital.example", nil)
		var ours []Thread
		for i := range 35 {
			ours = append(ours, o.open(tlp.Amber, Correspondent{Email: fmt.Sprintf("p%d@hospital.example", i), Organisation: org.Ref.ID, Contact: c.ID}))
		}
		if n := count(ours...); n != 35 {
			o.Errorf("%d an hour to a constituent's domain", n)
		}
		// What a person writes is not counted, and a person may send what waits.
		if m := o.sent(victims[0], Outgoing{Subject: "x", Text: "x", TLP: tlp.Amber}); m.State != Held {
			o.Errorf("%s", m.State)
		}
		o.h.Clock.Advance(26 * time.Hour)
		o.must(o.sweep(o.ctx, SweepJob{}))
		var left int
		o.must(o.DB.QueryRow(o.ctx, `SELECT count(*) FROM correspondence_automatic`).Scan(&left))
		if left != 0 {
			o.Errorf("%d counted for ever", left)
		}
	})
}

// An automatic letter that may not leave does not undo what caused it: it waits with the reason.
func TestARefusedAutomaticLetterWaits(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Amber, lone("a@x.example"))
		_, err := o.DB.Exec(o.ctx, `UPDATE object SET sealed = TRUE WHERE id = $1`, th.About.ID)
		o.must(err)
		m, err := o.putBy(access.System("intake"), th, o.receipt())
		o.must(err)
		o.wantState(m, Waiting, egress.Sealed)
		o.refused(o.SendNow(o.ctx, o.analyst, m.UID), errs.Forbidden, egress.Sealed)
	})
}
