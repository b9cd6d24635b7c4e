package mailroom

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// spammy is a mail that everything speaks against: its domain disowns it, it is for everybody, and it only wants to be clicked.
const spammy = "Precedence: bulk\nReply-To: other@elsewhere.example\n"

func (h *house) lane() []intake.Report {
	h.Helper()
	p, err := h.room.Intake.Queue(h.ctx, h.ana, intake.QueueFilter{State: intake.Spam})
	must(h.T, err)
	var out []intake.Report
	for _, l := range p.Items {
		out = append(out, l.Report)
	}
	return out
}

// TestProbablySpamLiesApart sends a mail that everything speaks against: it is kept, found and counted, and no one is written to; brought back, it waits
// since it came, its receipt waits too, and the next one of that sender comes to the queue.
func TestProbablySpamLiesApart(t *testing.T) {
	engines(t, func(h *house) {
		came := h.Clock.Now()
		h.mail("a@strict.example", "report@cert.example", "Reply-To: other@elsewhere.example\n"+h.letterOf("A <a@strict.example>", "Win blorptrap now", "http://win.example/x"))
		h.sort()
		lane := h.lane()
		if len(h.reports()) != 0 || len(lane) != 1 {
			t.Fatalf("%d wait, %d lie in the lane", len(h.reports()), len(lane))
		}
		var why []string
		for _, s := range lane[0].Body.Mail.Signs {
			why = append(why, s.Why)
		}
		if want := []string{"forged", "unknown", "only_links", "reply_elsewhere"}; !slices.Equal(why, want) {
			t.Errorf("the signs are %q, want %q", why, want)
		}
		if n := len(h.messages(lane[0].Thread, h.ana)); n != 1 {
			t.Errorf("%d messages on its thread", n)
		}
		found, err := h.room.Intake.List(h.ctx, h.ana, intake.QueueFilter{Text: "blorptrap"})
		if err != nil || len(found.Items) != 1 {
			t.Errorf("searched: %d, %v", len(found.Items), err)
		}
		h.Clock.Advance(26 * time.Hour)
		reader := h.Person(9, "Aud", access.Auditor)
		if _, err := h.room.Intake.NotSpam(h.ctx, reader, lane[0].UID, "sender"); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an auditor brings it back: %v", err)
		}
		if _, err := h.room.Intake.NotSpam(h.ctx, h.ana, lane[0].UID, "everybody"); !errs.Is(err, errs.Invalid) {
			t.Errorf("taught something else: %v", err)
		}
		if _, err := h.room.Intake.NotSpam(h.ctx, h.ana, lane[0].UID, "sender"); err != nil {
			t.Fatal(err)
		}
		back := h.reports()
		if len(back) != 1 || !back[0].ReceivedAt.Equal(came.Truncate(time.Microsecond)) || back[0].Receipt != intake.ReceiptHeld {
			t.Errorf("brought back: %d, received %v, receipt %v", len(back), back[0].ReceivedAt, back[0].Receipt)
		}
		if _, err := h.room.Intake.NotSpam(h.ctx, h.ana, lane[0].UID, ""); !errs.Is(err, errs.Conflict) {
			t.Errorf("brought back twice: %v", err)
		}
		h.mail("a@strict.example", "report@cert.example", spammy+h.letterOf("A <a@strict.example>", "Win something else", "http://win.example/y"))
		h.mail("b@strict.example", "report@cert.example", spammy+h.letterOf("B <b@strict.example>", "Win more", "http://win.example/z"))
		h.sort()
		if len(h.reports()) != 2 || len(h.lane()) != 1 {
			t.Errorf("after it was taught: %d wait, %d lie in the lane", len(h.reports()), len(h.lane()))
		}
	})
}

// TestNeverProbablySpam sends what must never come to the lane, with everything that speaks against a mail on top, also when a rule says so.
func TestNeverProbablySpam(t *testing.T) {
	engines(t, func(h *house) {
		h.approve()
		_, err := h.room.Constituency.AddAsset(h.ctx, h.ana, h.hospital.UID, constituency.NewAsset{Kind: "domain", Value: "other.example"})
		must(h.T, err)
		lead := h.Person(2, "Lia", access.Lead)
		for _, place := range []string{"", intake.PlaceSpam, intake.PlaceReject} {
			if place != "" {
				_, err := h.room.Intake.SaveRule(h.ctx, lead, intake.Rule{Name: place, On: true, When: intake.Conditions{Senders: []string{"hospital.example", "other.example", "strict.example"}}, Do: intake.Acts{Place: place, Reason: "spam"}})
				must(h.T, err)
			}
			stranger := newPerson(h.T, h.House, "Eve", "eve@strict.example")
			for what, raw := range map[string]string{
				"encrypted to us":                h.sealed(nil, "Eve <eve@strict.example>", "Hello "+place, "http://win.example/x"),
				"encrypted to us and signed":     h.sealed(&stranger, "Eve <eve@strict.example>", "Hello you "+place, "http://win.example/x"),
				"signed by a known key":          h.signed(h.ruiKey, "Rui Tavares <rui@hospital.example>", "Signed "+place, "http://win.example/x"),
				"from a contact":                 h.letterOf("Rui Tavares <rui@hospital.example>", "From a contact "+place, "http://win.example/x"),
				"from a domain of ours, aligned": h.letterOf("New <new@other.example>", "From our domain "+place, "http://win.example/x"),
			} {
				from := raw[strings.Index(raw, "<")+1 : strings.Index(raw, ">")]
				before := len(h.reports())
				h.mail(from, "report@cert.example", "X-Spam-Flag: YES\n"+spammy+raw)
				h.sort()
				if len(h.lane()) != 0 || len(h.reports()) != before+1 {
					h.Errorf("%s, rule %q: %d in the lane, %d wait after %d", what, place, len(h.lane()), len(h.reports()), before)
				}
			}
		}
		jobs, err := db.All(h.ctx, h.DB, func(r *db.Rows) (n int, err error) { return n, r.Scan(&n) }, `SELECT hits FROM intake_rule`)
		if err != nil || slices.Max(jobs) != 0 {
			h.Errorf("rules acted: %v, %v", jobs, err)
		}
	})
}

// TestAContactThatSomebodyPlaysIsSeen: a forged mail in the name of a contact tells of an attack, and waits.
func TestAContactThatSomebodyPlaysIsSeen(t *testing.T) {
	engines(t, func(h *house) {
		h.zone.Texts["hospital.example"] = []string{"v=spf1 -all"}
		h.mail("rui@hospital.example", "report@cert.example", spammy+h.letterOf("Rui <rui@hospital.example>", "Invoice", "http://win.example/x"))
		h.sort()
		if r := h.one(); r.Proof != correspondence.Forged || r.Body.Mail.Never != intake.NeverKnown {
			t.Errorf("proof %v, never %q", r.Proof, r.Body.Mail.Never)
		}
	})
}

// TestOnlyOurOwnRelayIsBelieved: what a mail says of itself, or of a server before ours, is no sign.
func TestOnlyOurOwnRelayIsBelieved(t *testing.T) {
	engines(t, func(h *house) {
		send := func(relayed bool, head string) bool {
			h.Helper()
			h.room.Checker.Relays = nil
			if relayed {
				h.room.Checker.Relays = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
			}
			before := len(h.lane())
			h.mail("x@nowhere.example", "report@cert.example", head+h.letterOf("X <x@nowhere.example>", fmt.Sprint("Offer ", h.Clock.Now().UnixNano()), "See what we have for you this month and tell us which of it you like best of all."))
			h.Clock.Advance(time.Second)
			h.sort()
			return len(h.lane()) > before
		}
		ours := "X-Spam-Flag: YES\nReceived: from a by mx.cert.example; x\n"
		for what, c := range map[string]struct {
			relayed, want bool
			head          string
		}{
			"our relay":             {true, true, ours},
			"its status":            {true, true, "Received: from a by mx.cert.example; x\nX-Spam-Status: Yes, score=9\nReceived: from b by a; y\n"},
			"a stranger":            {false, false, ours},
			"a server before ours":  {true, false, "Received: from a by mx.cert.example; x\nReceived: from b by a; y\nX-Spam-Flag: YES\n"},
			"our relay says it not": {true, false, "X-Spam-Flag: NO\nX-Spam-Status: No, score=1\nReceived: from a by mx.cert.example; x\n"},
		} {
			if got := send(c.relayed, c.head); got != c.want {
				t.Errorf("%s: in the lane %v, want %v", what, got, c.want)
			}
		}
	})
}

// TestWhatWasRejectedTeaches: what is like mail that people rejected as spam lies apart; what they rejected for another reason teaches nothing.
func TestWhatWasRejectedTeaches(t *testing.T) {
	engines(t, func(h *house) {
		const offer = "We have looked at the pages of your house and can bring them to the first place of each search engine within three weeks for a price that nobody else can make, write to us today and we call you back tomorrow morning with an offer."
		send := func(n int, words string) {
			h.Helper()
			h.mail("x@nowhere.example", "report@cert.example", h.letterOf(fmt.Sprintf("X <x%d@nowhere.example>", n), "Offer", words))
			h.sort()
		}
		for i := range 4 {
			send(i, offer)
			if len(h.lane()) != 0 {
				t.Fatalf("mail %d lies in the lane", i)
			}
			reason := "out_of_scope"
			if i > 0 {
				reason = "spam"
			}
			_, err := h.room.Intake.Reject(h.ctx, h.ana, h.one().UID, reason, "", 0)
			must(h.T, err)
		}
		send(9, offer)
		send(10, strings.Replace(offer, "tomorrow morning", "on Monday", 1))
		lane := h.lane()
		if len(lane) != 2 || len(h.reports()) != 0 {
			t.Fatalf("%d lie in the lane, %d wait", len(lane), len(h.reports()))
		}
		for _, r := range lane {
			if s := r.Body.Mail.Signs[len(r.Body.Mail.Signs)-1]; s.Why != "alike_many" || s.Count != 3 {
				t.Errorf("the sign is %+v", s)
			}
		}
	})
}

// TestABrokenRuleStopsNoMail: rules that cannot be read leave all mail in the queue.
func TestABrokenRuleStopsNoMail(t *testing.T) {
	engines(t, func(h *house) {
		lead := h.Person(2, "Lia", access.Lead)
		_, err := h.room.Intake.SaveRule(h.ctx, lead, intake.Rule{Name: "x", On: true, When: intake.Conditions{Kinds: []string{"person"}}, Do: intake.Acts{Place: intake.PlaceSpam}})
		must(h.T, err)
		must(h.T, h.DB.Write(h.ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE intake_rule SET body = $1`, []byte("not what was sealed"))
			return err
		}))
		h.mail("a@strict.example", "report@cert.example", spammy+h.letterOf("A <a@strict.example>", "Win", "http://win.example/x"))
		h.sort()
		h.one()
	})
}
