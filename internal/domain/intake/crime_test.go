package intake_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// wayToPolice is how the act of Belgium begins to say it.
var wayToPolice = map[string]string{
	"en": "A crime is suspected. File a complaint with the local police", "pt": "Há suspeita de um crime. Apresente queixa à polícia local",
	"fr": "Une infraction est soupçonnée. Déposez plainte auprès de la police locale", "nl": "Er is een vermoeden van een misdrijf. Doe aangifte bij de lokale politie",
	"de": "Es besteht der Verdacht auf eine Straftat. Erstatten Sie Anzeige bei der örtlichen Polizei",
}

// letters to the reporter of a report that say how to go to the police, of all that were written and not taken back.
func (d *desk) toPolice(ctx context.Context, r intake.Report, lang string) (said, all int) {
	d.Helper()
	for _, m := range d.messages(ctx, r) {
		if m.Direction != correspondence.Out || m.Automatic || m.State == correspondence.Stopped {
			continue
		}
		if all++; strings.Contains(m.Body.Text, wayToPolice[lang]) {
			said++
		}
		if strings.Contains(m.Body.Text, correspondence.HoleAdded) || strings.Contains(m.Body.Text, "\n\n\n") {
			d.Errorf("a hole is left in %q", m.Body.Text)
		}
	}
	return said, all
}

// However a report came, a person marks that a crime is suspected, and the first letter says how to go to the police: as the team's country has it, in the
// reader's language, once. A letter that was stopped said nothing.
func TestTheFirstAnswerSaysHowToGoToThePolice(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.s.Country = "BE"
		api := form("By program", "eva@port.example")
		api.Channel = correspondence.ByAPI
		call := form("By telephone", "eva@port.example")
		call.Channel, call.Crime = correspondence.ByPhone, true // marked while it was taken down
		portal := form("In the portal", "")
		portal.Channel = correspondence.ByPortal
		told := form("By form, and it says so", "eva@port.example")
		told.Body.Fields = map[string]string{"suspected_malicious": "yes"}
		page := access.Stranger(access.ByPage, "pt")
		for _, x := range []struct {
			lang   string
			by     access.Actor
			in     intake.ReceiveInput
			marked bool
		}{
			{"en", access.System("intake"), mailed("By mail", "eva@port.example", correspondence.Aligned), false},
			{"fr", page, api, false},
			{"nl", d.ana, call, true},
			{"de", d.Constituent(9, "Rui", d.hospital.Ref.ID), portal, false},
			{"pt", page, told, true},
		} {
			x.in.Lang, x.in.TLP = x.lang, "GREEN"
			r := d.receive(ctx, x.by, x.in).Report
			if r.Crime != x.marked {
				t.Fatalf("%s: marked %t as it came", x.in.Body.Summary, r.Crime)
			}
			_, err := d.s.SuspectCrime(ctx, d.Constituent(9, "Rui", d.hospital.Ref.ID), r.UID, true)
			d.refused("its reporter marks it", err, errs.Forbidden)
			if r, err = d.s.SuspectCrime(ctx, d.ana, r.UID, true); err != nil || !r.Crime {
				t.Fatal(r.Crime, err)
			}
			reply := func(text string) correspondence.Message {
				m, err := d.s.Reply(ctx, d.ana, r.UID, correspondence.Outgoing{Subject: "Your report", Text: text})
				if err != nil {
					t.Fatalf("%s: %v", x.in.Body.Summary, err)
				}
				return m
			}
			first := reply("We have read it.\n\n{police}\n\nCall us.")
			if said, all := d.toPolice(ctx, r, x.lang); said != 1 || all != 1 || !strings.HasSuffix(first.Body.Text, "Call us.") {
				t.Errorf("%s in %s: %q", x.in.Body.Summary, x.lang, first.Body.Text)
			}
			reply("And one thing more.\n\n{police}\n\nThat is all.")
			if said, all := d.toPolice(ctx, r, x.lang); said != 1 || all != 2 {
				t.Errorf("%s: %d of %d letters say it", x.in.Body.Summary, said, all)
			}
			if err := d.s.Correspondence.Stop(ctx, d.ana, first.UID); err != nil {
				t.Fatal(err)
			}
			if last := reply("Instead of the first."); !strings.HasPrefix(last.Body.Text, "Instead of the first.\n\n"+wayToPolice[x.lang]) {
				t.Errorf("%s: %q", x.in.Body.Summary, last.Body.Text)
			}
			again := d.receive(ctx, x.by, x.in)
			if again.Code.Reveal() == "" { // of a mail, its receipt alone has one
				continue
			}
			view, err := d.s.Status(ctx, again.Code)
			if err != nil || (view.Crime != "") != x.marked {
				t.Errorf("%s: the status page says %q, %v", x.in.Body.Summary, view.Crime, err)
			}
		}
		_, err := d.s.SuspectCrime(ctx, d.Person(4, "Aud", access.Auditor), "R-2026-000000", true)
		d.refused("an auditor", err, errs.Forbidden)
		_, err = d.s.SuspectCrime(ctx, d.ana, "R-2026-000000", true)
		d.refused("of nothing", err, errs.NotFound)
	})
}

// A group is answered by one template with a hole for it: each reader of whom a crime is suspected has it in its language, the others no gap. After all none is
// suspected: no letter says it.
func TestAGroupIsToldHowToGoToThePolice(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.s.Country = "BE"
		uids := d.wave(ctx, 6)
		for _, uid := range uids[:5] {
			if _, err := d.s.SuspectCrime(ctx, d.ana, uid, true); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := d.s.SuspectCrime(ctx, d.ana, uids[0], false); err != nil || r.Crime {
			t.Fatal(err)
		}
		all := letters()
		all["nl"] = all["en"]
		for l, w := range all {
			w.Text += "\n\n{police}\n\nYour team"
			all[l] = w
		}
		run, err := d.s.StartRun(ctx, d.ana, intake.RunInput{Action: intake.RunAnswer, Reports: uids, Letters: all})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.s.WorkRun(ctx, run.ID); err != nil {
			t.Fatal(err)
		}
		for i, uid := range uids {
			r, err := d.s.Get(ctx, d.DB, d.ana, uid)
			if err != nil {
				t.Fatal(err)
			}
			want := 1
			if i == 0 || i == 5 {
				want = 0
			}
			if said, all := d.toPolice(ctx, r, []string{"en", "pt", "fr", "nl", "de"}[i%5]); all != 1 || said != want {
				t.Errorf("reader %d: %d of %d letters say it", i, said, all)
			}
		}
	})
}
