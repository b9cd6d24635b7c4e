package mailroom

import (
	"context"
	"fmt"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

const lane = "suspicious@cert.example"

// forward is a phishing mail as somebody hands it on: attached, or in line.
func (h *house) forward(from, attack, text string, inline bool) string {
	h.laneMails++
	head := fmt.Sprintf("From: %s\nTo: %s\nSubject: Fwd: %s\nDate: %s\nMessage-ID: <lane.%d@mail.example>\nMIME-Version: 1.0\n", from, lane, attack, h.Clock.Now().Format(time.RFC1123Z), h.laneMails)
	if inline {
		return head + "Content-Type: text/plain; charset=utf-8\n\nIs this real?\n\n---------- Forwarded message ---------\nFrom: Your Bank <security@bank-login.example>\nDate: Sat, 21 Nov 2026 at 11:00\n" +
			"Subject: " + attack + "\nTo: <" + from + ">\n\n" + text + "\n"
	}
	return head + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nLook at this.\n--b\nContent-Type: message/rfc822\n\nFrom: Your Bank <security@bank-login.example>\nTo: " + from +
		"\nSubject: " + attack + "\nDate: Sat, 21 Nov 2026 11:00:00 +0000\nMessage-ID: <a@b.example>\n\n" + text + "\n--b--\n"
}

func (h *house) campaigns(f suspicion.Filter) []suspicion.Campaign {
	h.Helper()
	p, err := h.room.Suspicion.List(h.ctx, h.ana, f)
	must(h.T, err)
	return p.Items
}

// lines makes the lines that were asked for.
func (h *house) lines() {
	h.Helper()
	r := job.NewRegistry()
	h.room.Suspicion.Work(r)
	jobs, err := db.All(h.ctx, h.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT id FROM suspicion_campaign WHERE asked IS NOT NULL AND report = 0 ORDER BY id`)
	must(h.T, err)
	for _, c := range jobs {
		for range 2 { // a job may run twice
			must(h.T, h.room.Suspicion.Line(h.ctx, c))
		}
	}
}

func (h *house) count(query string, args ...any) (n int) {
	h.Helper()
	must(h.T, h.DB.QueryRow(h.ctx, query, args...).Scan(&n))
	return n
}

const lure = "Dear customer, your account was locked after three wrong tries from an unknown place. Confirm who you are within twelve hours or it is closed for good, and a fee of ninety is taken. Press here: https://bank-login.example/confirm?id=%d and enter your card."

// What the public hands on is counted into its campaign, thanked once a day, and stands in no queue until it grows.
func TestSuspiciousMessagesAreCounted(t *testing.T) {
	engines(t, func(h *house) {
		must(h.T, h.room.Suspicion.SetRules(h.ctx, h.Person(7, "Lea", access.Lead), suspicion.Rules{Grows: 4}))
		h.room.Correspondence.Work(h.Registry)
		h.Work(h.T)
		send := func(who string, n int, inline bool) {
			h.mail(who, lane, h.forward(who, "Your account is locked", fmt.Sprintf(lure, n), inline))
			h.sort()
		}
		send("ann@other.example", 1, false)
		if n := len(h.campaigns(suspicion.Filter{})); n != 0 {
			h.Fatalf("one message alone is %d campaigns", n)
		}
		send("ann@other.example", 2, true)
		send("bob@strict.example", 3, true) // his domain says that it is not him
		if n := len(h.reports()); n != 0 {
			h.Fatalf("%d reports wait", n)
		}
		all := h.campaigns(suspicion.Filter{})
		if len(all) != 1 || all[0].Messages != 3 || all[0].Senders != 2 || all[0].Title != "Your account is locked" || all[0].State != suspicion.Open {
			h.Fatalf("%+v", all)
		}
		features, err := h.room.Suspicion.Features(h.ctx, all[0])
		must(h.T, err)
		said := fmt.Sprint(features)
		if len(features) != 3 || !strings.Contains(said, "bank-login.example/confirm") || features[0].Kind != suspicion.Host || features[0].Value != "bank-login.example" || features[0].Seen != 3 {
			h.Errorf("features: %s", said)
		}
		sample, at, err := h.room.Suspicion.Sample(h.ctx, all[0])
		if err != nil || !at.Equal(h.Clock.Now()) || sample.Words != "Is this real?" || !strings.HasPrefix(sample.Text, "\nDear customer") && !strings.HasPrefix(sample.Text, "Dear customer") {
			h.Errorf("sample: %q %q %v", sample.Words, sample.Text, err)
		}
		// Ann was thanked once, Bob not: nobody knows that it was he.
		h.until("the thanks", func() bool { return len(h.left()) == 1 })
		thanks := h.left()[0]
		if !strings.Contains(thanks, "ann@other.example") || strings.Contains(thanks, "locked") || !strings.Contains(thanks, "Auto-Submitted: auto-") {
			h.Errorf("thanks:\n%s", thanks)
		}
		// The same mail again is one.
		again := h.forward("cid@hospital.example", "Your account is locked", fmt.Sprintf(lure, 4), false)
		h.mail("cid@hospital.example", lane, again)
		h.mail("cid@hospital.example", lane, "Received: from another (another [192.0.2.1])\n\tby mx; Sat, 21 Nov 2026 12:00:00 +0000\n"+again)
		h.sort()
		if c := h.campaigns(suspicion.Filter{})[0]; c.Messages != 4 || c.Senders != 3 {
			h.Errorf("the same mail twice: %+v", c)
		}
		if h.lines(); len(h.reports()) != 0 {
			h.Error("a line before it grew")
		}
		send("dan@other.example", 5, false)
		h.lines()
		r := h.one()
		if r.Receipt != intake.NoReceipt || !strings.Contains(r.Body.Summary, "Your account is locked") || !strings.Contains(r.Body.Description, "bank-login[.]example/confirm") || strings.Contains(r.Body.Description, "@other.example") {
			h.Errorf("the line: %+v", r.Body)
		}
		// It goes on growing under one line, whose count is that of now.
		for i := range 6 {
			send(fmt.Sprintf("eve%d@other.example", i), 10+i, i%2 == 0)
		}
		h.lines()
		h.one()
		of, err := h.room.Suspicion.OfReports(h.ctx, h.ana, r.Ref.ID)
		if err != nil || of[r.Ref.ID].Messages != 11 || of[r.Ref.ID].Senders != 10 {
			h.Errorf("the count of the line: %+v %v", of, err)
		}
		hours, err := h.room.Suspicion.Curve(h.ctx, h.ana, suspicion.Campaign{}, h.Clock.Now().Add(-time.Hour))
		if err != nil || len(hours) != 1 || hours[0].Messages != 11 {
			h.Errorf("the curve: %+v %v", hours, err)
		}
		// A day later Ann is thanked again.
		before := len(h.left())
		h.Clock.Advance(25 * time.Hour)
		h.ana.AskedAt = h.Clock.Now()
		send("ann@other.example", 30, false)
		h.until("the thanks of the next day", func() bool { return len(h.left()) > before })
		// What she answers to them is news, and a report.
		to := h.count(`SELECT COUNT(*) FROM correspondence_thread WHERE about_kind = 9`)
		if to < 2 {
			h.Errorf("%d threads of thanks", to)
		}
		tag := between(thanks, "Reply-To:", "@cert.example") + "@cert.example"
		tag = tag[strings.LastIndexAny(tag, "< ")+1:]
		h.mail("ann@other.example", tag, h.letterOf("ann@other.example", "I paid", "I pressed the link and paid."))
		h.sort()
		if n := len(h.reports()); n != 2 {
			h.Errorf("an answer to thanks: %d reports", n)
		}
		// An automatic answer to the thanks belongs to them, and nothing comes of it.
		n := h.count(`SELECT messages FROM suspicion_hour WHERE campaign = 0 ORDER BY hour LIMIT 1`)
		h.mail("", tag, h.letterOf("ann@other.example", "Out of office", "I am away.", "Auto-Submitted: auto-replied"))
		h.sort()
		if len(h.reports()) != 2 || h.count(`SELECT messages FROM suspicion_hour WHERE campaign = 0 ORDER BY hour LIMIT 1`) != n {
			h.Error("an automatic answer became something")
		}
		// After its time what people sent is gone; the campaign and what it is known by stay.
		h.until("all letters", func() bool {
			return h.count(`SELECT COUNT(*) FROM correspondence_message WHERE state IN ('held', 'sending')`) == 0
		})
		campaign := h.campaigns(suspicion.Filter{})[0]
		h.Clock.Advance(retain.PublicFor + time.Hour)
		h.ana.AskedAt = h.Clock.Now()
		done, err := h.room.Suspicion.End(h.ctx)
		if err != nil || done != 13 {
			h.Errorf("ended %d: %v", done, err)
		}
		for what, query := range map[string]string{
			"messages": `SELECT COUNT(*) FROM suspicion_message`, "mails": `SELECT COUNT(*) FROM correspondence_arrival WHERE public = TRUE`, "thanks": `SELECT COUNT(*) FROM suspicion_thanks`,
			"keys":    `SELECT COUNT(*) FROM keyring_key k JOIN object o ON o.id = k.owner WHERE o.kind = 9 AND NOT EXISTS (SELECT 1 FROM correspondence_arrival a WHERE a.object = o.id)`,
			"letters": `SELECT COUNT(*) FROM correspondence_thread WHERE about_kind = 9 AND LENGTH(body) > 0`,
		} {
			if n := h.count(query); n != 0 {
				h.Errorf("%d %s stay", n, what)
			}
		}
		got, err := h.room.Suspicion.Get(h.ctx, h.ana, campaign.UID)
		if err != nil || got.Messages != 12 || got.Title != "Your account is locked" {
			h.Errorf("the campaign after the end: %+v %v", got, err)
		}
		if features, err = h.room.Suspicion.Features(h.ctx, got); err != nil || len(features) != 3 {
			h.Errorf("features after the end: %+v %v", features, err)
		}
		if _, _, err := h.room.Suspicion.Sample(h.ctx, got); !errs.Is(err, errs.NotFound) {
			h.Errorf("a sample after the end: %v", err)
		}
	})
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// One message that touches an organisation of ours is a line at once; a person's decision makes a campaign silent.
func TestWhatTouchesAConstituentIsALine(t *testing.T) {
	engines(t, func(h *house) {
		_, err := h.room.Constituency.AddAsset(h.ctx, h.ana, h.hospital.UID, constituency.NewAsset{Kind: "domain", Value: "hospital.example"})
		must(h.T, err)
		// Her own house does not count, nor does a link in her signature.
		h.mail("rui@hospital.example", lane, h.forward("rui@hospital.example", "Win a telephone", "Congratulations, press https://prize.example/win now. See also https://www.hospital.example/about", true))
		h.sort()
		if n := len(h.campaigns(suspicion.Filter{})); n != 0 {
			h.Fatalf("the sender's own house made %d campaigns", n)
		}
		h.mail("ann@other.example", lane, h.forward("ann@other.example", "Your results for ann@other.example", "Your results are ready, see https://login.hospital.example/results/77 soon.", true))
		h.sort()
		h.lines()
		r := h.one()
		if !strings.Contains(r.Body.Description, "Hospital") || strings.Contains(r.Body.Summary+r.Body.Description, "ann@other.example") {
			h.Errorf("%+v", r.Body)
		}
		c := h.campaigns(suspicion.Filter{})[0]
		if c.Named != "Hospital" || c.Messages != 1 || c.Report != r.Ref.ID {
			h.Errorf("%+v", c)
		}
		s := h.room.Suspicion
		uid, err := s.File(h.ctx, h.ana, c.UID)
		if err != nil || uid != r.UID {
			h.Errorf("filed again: %s %v", uid, err)
		}
		// Another one is marked before it is a line: it is counted and silent.
		must(h.T, s.SetRules(h.ctx, h.Person(7, "Lea", access.Lead), suspicion.Rules{Grows: 3}))
		news := "The newsletter of the gardeners for November: plant tulips now, cut the roses, and come to the market on Sunday where seeds are given away. https://garden.example/november"
		for i := range 6 {
			h.mail("x@other.example", lane, h.forward(fmt.Sprintf("reader%d@other.example", i), "Gardeners", news, i%2 == 0))
			h.sort()
			if i == 1 {
				c := h.campaigns(suspicion.Filter{})[0]
				if err := s.Judge(h.ctx, h.ana, c.UID, c.Version+1, suspicion.Harmless); !errs.Is(err, errs.Conflict) {
					h.Errorf("judged by an old reading: %v", err)
				}
				must(h.T, s.Judge(h.ctx, h.ana, c.UID, c.Version, suspicion.Harmless))
			}
		}
		h.lines()
		if all := h.campaigns(suspicion.Filter{State: suspicion.Harmless}); len(h.reports()) != 1 || len(all) != 1 || all[0].Messages != 6 {
			h.Errorf("%d reports, %+v", len(h.reports()), all)
		}
		garden := h.campaigns(suspicion.Filter{State: suspicion.Harmless})[0]
		for _, who := range []access.Actor{{}, h.Constituent(5, "Rui", h.hospital.Ref.ID), h.Person(6, "Ada", access.Admin), h.Person(8, "Peer", access.Peer), h.Person(9, "Box", access.Machine)} {
			_, err1 := s.Get(h.ctx, who, garden.UID)
			_, err2 := s.List(h.ctx, who, suspicion.Filter{})
			_, err3 := s.File(h.ctx, who, garden.UID)
			err4 := s.Judge(h.ctx, who, garden.UID, garden.Version, suspicion.Known)
			_, err5 := s.Curve(h.ctx, who, garden, time.Time{})
			for i, err := range []error{err1, err2, err3, err4, err5} {
				if !errs.Is(err, errs.Forbidden) && !errs.Is(err, errs.Unauthenticated) {
					h.Errorf("%s, act %d: %v", who.Name, i, err)
				}
			}
		}
		otto := h.Person(10, "Otto", access.Auditor)
		if _, err := s.Get(h.ctx, otto, garden.UID); err != nil {
			h.Errorf("an auditor reads: %v", err)
		}
		if err := s.Judge(h.ctx, otto, garden.UID, garden.Version, suspicion.Known); !errs.Is(err, errs.Forbidden) {
			h.Errorf("an auditor judges: %v", err)
		}
		if err := s.Judge(h.ctx, h.ana, garden.UID, garden.Version, "nonsense"); !errs.Is(err, errs.Invalid) {
			h.Errorf("a state of nobody: %v", err)
		}
		if err := s.SetRules(h.ctx, h.ana, suspicion.Rules{Grows: 5}); !errs.Is(err, errs.Forbidden) {
			h.Errorf("an analyst changes rules: %v", err)
		}
		if err := s.SetRules(h.ctx, h.Person(7, "Lea", access.Lead), suspicion.Rules{Grows: 1}); !errs.Is(err, errs.Invalid) {
			h.Errorf("from one sender on: %v", err)
		}
		// A person puts it into the queue all the same, once.
		first, err := s.File(h.ctx, h.ana, garden.UID)
		must(h.T, err)
		second, err := s.File(h.ctx, h.ana, garden.UID)
		if err != nil || second != first || len(h.reports()) != 2 {
			h.Errorf("%s %s %d %v", first, second, len(h.reports()), err)
		}
	})
}

// A mail to both addresses is one report, however it is delivered, and nothing of the lane.
func TestAMailToBothAddressesIsOneReport(t *testing.T) {
	engines(t, func(h *house) {
		both := func(n int) string {
			raw := h.letterOf("ann@other.example", fmt.Sprintf("Locked %d", n), fmt.Sprintf("I got this %d: https://bank-login.example/confirm", n))
			return strings.Replace(raw, "To: report@cert.example", "To: report@cert.example, "+lane, 1)
		}
		counted := func() int {
			return h.count(`SELECT COALESCE(SUM(messages), 0) FROM suspicion_hour WHERE campaign = 0`)
		}
		raw := both(1)
		must(h.T, smtp.SendMail(h.smtp, nil, "ann@other.example", []string{lane, "report@cert.example"}, []byte(crlf(raw))))
		h.sort()
		if len(h.reports()) != 1 || counted() != 0 {
			h.Fatalf("one delivery: %d reports, %d counted", len(h.reports()), counted())
		}
		for i, order := range [][]string{{"report@cert.example", lane}, {lane, "report@cert.example"}} {
			raw := both(2 + i)
			for _, to := range order {
				h.mail("ann@other.example", to, raw)
				h.sort()
			}
			if len(h.reports()) != 2+i || counted() != 0 {
				h.Errorf("%v: %d reports, %d counted", order, len(h.reports()), counted())
			}
		}
		// The lane's address with a tag is the lane; a stranger's mailbox there is none.
		h.mail("ann@other.example", "suspicious+x@cert.example", h.forward("ann@other.example", "Odd", "Something odd", false))
		h.sort()
		if len(h.reports()) != 3 || counted() != 1 {
			h.Errorf("a tag: %d reports, %d counted", len(h.reports()), counted())
		}
		if err := smtp.SendMail(h.smtp, nil, "ann@other.example", []string{"suspiciously@cert.example"}, []byte(crlf(raw))); err == nil {
			h.Error("any name is taken")
		}
	})
}

// Automatic mail and what nobody can read is counted, and answered by nobody.
func TestTheLaneAnswersNoProgram(t *testing.T) {
	engines(t, func(h *house) {
		h.room.Correspondence.Work(h.Registry)
		h.Work(h.T)
		for i, raw := range []string{
			"Auto-Submitted: auto-generated\n" + h.forward("ann@other.example", "One", "The first of the tests", false),
			"List-Id: <x.other.example>\n" + h.forward("bea@other.example", "Two", "The second of the tests", false),
			h.forward("report@cert.example", "Three", "From ourselves", false),
			h.forward(lane, "Four", "From the lane itself", false),
		} {
			from := fmt.Sprintf("a%d@other.example", i)
			if i == 0 {
				from = ""
			}
			h.mail(from, lane, raw)
		}
		h.mail("x@other.example", lane, "not a mail at all")
		h.mail("dan@other.example", lane, h.sealed(nil, "dan@other.example", "...", "Something sealed to the team"))
		h.sort()
		h.until("the mails", func() bool { return h.count(`SELECT COUNT(*) FROM suspicion_message`) == 6 })
		if n := h.count(`SELECT COUNT(*) FROM correspondence_message WHERE direction = 2`); n > 1 { // Dan is a person
			h.Errorf("%d letters were written", n)
		}
		if n := len(h.reports()); n != 0 {
			h.Errorf("%d reports", n)
		}
	})
}

// What the page took is filed once, as a mail of the lane, and nobody is written to.
func TestTheFormIsAMailOfTheLane(t *testing.T) {
	engines(t, func(h *house) {
		in := intake.Suspicious{At: h.Clock.Now(), Email: "ann@other.example", Text: "From: Your Bank <x@bank-login.example>\nSubject: Your account is locked\nTo: me\n\n" + fmt.Sprintf(lure, 1)}
		must(h.T, h.room.Suspicion.FromForm(h.ctx, in, func(context.Context, *db.Tx) error { return nil }))
		in.Email = "a\r\nBcc: x"
		must(h.T, h.room.Suspicion.FromForm(h.ctx, in, nil))
		boom := fmt.Errorf("the box is gone")
		if err := h.room.Suspicion.FromForm(h.ctx, in, func(context.Context, *db.Tx) error { return boom }); err == nil {
			h.Error("kept although the box was taken")
		}
		h.sort()
		all := h.campaigns(suspicion.Filter{})
		if len(all) != 1 || all[0].Messages != 2 || all[0].Senders != 2 || all[0].Title != "Your account is locked" || len(h.reports()) != 0 {
			h.Fatalf("%+v, %d reports", all, len(h.reports()))
		}
		if n := h.count(`SELECT COUNT(*) FROM correspondence_thread`); n != 0 {
			h.Errorf("%d threads", n)
		}
	})
}
