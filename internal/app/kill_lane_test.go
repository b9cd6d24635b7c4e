package app

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
)

const laneAddress = "suspicious@cert.valmora.example"

// TestTheLaneLosesNothing kills the process with SIGKILL while suspicious messages pour in by SMTP, LMTP, a mailbox and the page. In the end each that was
// acknowledged is counted once, none is counted twice, the counts are those of the messages, and the queue has one line at most. TOCSIN_LONG=1 kills a
// hundred times.
func TestTheLaneLosesNothing(t *testing.T) {
	rounds := 6
	if os.Getenv("TOCSIN_LONG") == "1" {
		rounds = 100
	}
	h := newHouse(t, pgtest.Engine(t))
	h.must(h.Suspicion.SetAddress(t.Context(), sample(), laneAddress))
	tmp := shortFolder(t)
	dovecot := mailtest.NewDovecot(t)
	h.Config.LMTP = freePort(t)
	h.mailbox(dovecot)
	p := &lanePourer{pourer{http: "http://" + h.Config.HTTP, smtp: h.Config.SMTP, lmtp: h.Config.LMTP, mailbox: dovecot, state: map[string]bool{}}}
	for range rounds {
		child := h.startVictim(tmp)
		stop := make(chan struct{})
		var pours sync.WaitGroup
		for _, pour := range []func(string) bool{p.mail, p.mail, p.hand, p.drop, p.form, p.form} {
			pours.Go(func() { p.pour(pour, stop) })
		}
		after := time.NewTimer(time.Duration(50+rand.IntN(400)) * time.Millisecond)
		<-after.C // the moment of death is the point of the test, not a wait for something
		h.must(child.Process.Signal(syscall.SIGKILL))
		_ = child.Wait() // killed
		close(stop)
		pours.Wait()
	}
	child := h.startVictim(tmp)
	p.again()
	counted := h.counted()
	missing := func() (n int) {
		counts := counted()
		for name, acknowledged := range p.state {
			if acknowledged && counts[name] == 0 {
				n++
			}
		}
		return n
	}
	left := -1
	for moved := time.Now(); left != 0 && time.Since(moved) < patience; {
		if now := missing(); now != left {
			left, moved = now, time.Now()
		}
		<-time.After(100 * time.Millisecond)
	}
	if left > 0 {
		t.Errorf("%d acknowledged and not counted; jobs: %v", left, h.jobStates())
	}
	h.eventually("all that arrived", func() bool { return h.number(`SELECT COUNT(*) FROM correspondence_arrival WHERE state = 'new'`) == 0 })
	acknowledged, counts := 0, counted()
	for name, ok := range p.state {
		if ok {
			acknowledged++
		}
		if counts[name] > 1 {
			t.Errorf("%s is counted %d times", name, counts[name])
		}
	}
	h.eventually("a mailbox that is tidy", func() bool { n, _ := dovecot.Count("", ""); return n == 0 })
	h.must(child.Process.Signal(syscall.SIGTERM))
	_ = child.Wait()
	all, alone := h.number(`SELECT COUNT(*) FROM suspicion_message`), h.number(`SELECT COUNT(*) FROM suspicion_message WHERE alone`)
	inside := h.number(`SELECT COALESCE(SUM(messages), 0) FROM suspicion_campaign`)
	if hours := h.number(`SELECT COALESCE(SUM(messages), 0) FROM suspicion_hour WHERE campaign = 0`); hours != all || inside+alone != all {
		t.Errorf("%d messages: %d by the hour, %d in campaigns, %d alone", all, hours, inside, alone)
	}
	if n := h.number(`SELECT COUNT(*) FROM intake_report`); n > 1 {
		t.Errorf("%d lines of one campaign", n)
	}
	t.Logf("%d rounds: %d sent, %d acknowledged, %d counted, by road %v", rounds, len(p.state), acknowledged, all, p.roads)
	for _, road := range []string{"smtp", "lmtp", "imap", "form"} {
		if p.roads[road] == 0 {
			t.Errorf("nothing was acknowledged by %s", road)
		}
	}
}

func (h *house) number(query string) (n int) {
	h.t.Helper()
	h.must(h.DB.QueryRow(h.t.Context(), query).Scan(&n))
	return n
}

var pouredName = regexp.MustCompile(`pour-\d{6}`)

// counted gives how often each name stands in the messages of the lane; each message is opened once.
func (h *house) counted() func() map[string]int {
	counts, last := map[string]int{}, int64(0)
	seen := map[int64]bool{}
	return func() map[string]int {
		h.t.Helper()
		// What began earlier may end later: a number may come below the last.
		ids, err := db.All(h.t.Context(), h.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT id FROM suspicion_message WHERE id > $1 ORDER BY id`, last-2000)
		h.must(err)
		for _, one := range ids {
			if last = max(last, one); seen[one] {
				continue
			}
			seen[one] = true
			a, err := h.Correspondence.OpenArrival(h.t.Context(), h.DB, one)
			h.must(err)
			counts[pouredName.FindString(mail.Parse(a.Raw).Body().Text)]++
		}
		return counts
	}
}

// lanePourer hands on what was suspicious.
type lanePourer struct{ pourer }

func handedOn(name string) string {
	return head("a@away.example", laneAddress, "Fwd") + "\r\nSomebody sent me this as " + name + ". Is it real? https://bank-login.example/confirm?id=" + name + "\r\n"
}

func (p *lanePourer) mail(name string) bool {
	ok := deliver(p.smtp, "a@away.example", laneAddress, handedOn(name)) == nil
	if ok {
		p.by("smtp", name)
	}
	return ok
}

func (p *lanePourer) hand(name string) bool {
	if !spoken(p.lmtp, []spokenLine{{"", 220}, {"LHLO mx.example", 250}, {"MAIL FROM:<a@away.example>", 250}, {"RCPT TO:<" + laneAddress + ">", 250}, {"DATA", 354}, {handedOn(name) + ".", 250}}) {
		return false
	}
	p.by("lmtp", name)
	return true
}

func (p *lanePourer) drop(name string) bool {
	ok := p.mailbox.Deliver("Return-Path: <a@away.example>\r\nDelivered-To: "+laneAddress+"\r\n"+handedOn(name)) == nil
	if ok {
		p.by("imap", name)
	}
	<-time.After(10 * time.Millisecond) // a file is written faster than any mail server delivers
	return ok
}

// form is acknowledged by the redirect to the receipt.
func (p *lanePourer) form(name string) bool {
	fields := url.Values{"code": {id.New()}, "description": {"I got this as " + name + ": https://bank-login.example/confirm?id=" + name}}
	return p.twice(name, func() bool {
		ok := p.send("/suspicious", "application/x-www-form-urlencoded", fields.Encode(), http.StatusSeeOther)
		if ok {
			p.by("form", name)
		}
		return ok
	})
}
