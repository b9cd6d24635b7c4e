package correspondence

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/send"
)

// relay is an SMTP relay that answers as the story says.
type relay struct {
	mu      sync.Mutex
	answers []send.Result
	got     []send.Mail
	before  func()
}

func (r *relay) Send(_ context.Context, m send.Mail) send.Result {
	if r.before != nil {
		r.before()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, m)
	a := send.Result{State: send.Delivered, Class: send.Accepted}
	if len(r.answers) > 0 {
		a, r.answers = r.answers[0], r.answers[1:]
	}
	return a
}

func (r *relay) Close() error { return nil }

// The relay is away, refuses, or breaks off after the last byte: tried again under the same Message-ID, failed with a reason, left to a person.
func TestWhatTheRelaySays(t *testing.T) {
	engines(t, func(o *office) {
		r := &relay{}
		o.Postman.transport = r
		th := o.open(tlp.Green, lone("a@x.example"))
		fresh := func(answers ...send.Result) Message {
			r.answers, r.got = answers, nil
			m := o.sent(th, letter)
			o.h.Clock.Advance(time.Minute)
			return m
		}
		deferred := send.Result{State: send.Deferred, Class: send.Busy, Code: 450}

		m := fresh(deferred, deferred)
		for range 2 {
			if err := o.run(m); err == nil {
				o.Error("the queue does not hear that it must come again")
			}
			o.wantState(m, Sending, "")
		}
		o.must(o.run(m))
		got := o.wantState(m, Sent, "")
		for _, x := range r.got {
			if !strings.Contains(string(x.Raw), "<"+got.MessageID+">") || x.To != "a@x.example" || !strings.HasPrefix(x.From, "report+") || x.From != r.got[0].From {
				o.Error("a try had another Message-ID, or another envelope")
			}
		}
		if len(r.got) != 3 {
			o.Errorf("handed over %d times", len(r.got))
		}

		m = fresh(send.Result{State: send.Refused, Class: send.Mailbox, Code: 550})
		o.must(o.run(m))
		o.wantState(m, Failed, "mail.reason.mailbox")
		o.must(o.run(m))
		if len(r.got) != 1 {
			o.Error("a refused letter was tried again")
		}
		o.must(o.SendNow(o.ctx, o.analyst, m.UID))
		o.must(o.run(m))
		o.wantState(m, Sent, "")

		m = fresh(send.Result{State: send.Deferred, Class: send.Network, Uncertain: true})
		o.must(o.run(m))
		o.wantState(m, Failed, "mail.reason.unsure")
		o.must(o.run(m))
		if len(r.got) != 1 {
			o.Error("what may have left was sent again by itself")
		}

		all := make([]send.Result, maxTries)
		for i := range all {
			all[i] = deferred
		}
		m = fresh(all...)
		for range maxTries {
			_ = o.run(m)
		}
		o.wantState(m, Failed, "mail.reason.tries")
	})
}

// The process dies with letters on their way. What had not been handed over goes later; what may have left is not sent again by itself
// through a relay, and is written to the same file again in a folder.
func TestAKilledRunSendsNothingTwice(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Green, lone("a@x.example"))
		before, after := o.sent(th, letter), o.sent(th, letter)
		o.h.Clock.Advance(time.Minute)
		// Killed after taking it; and killed after handing it over.
		_, _, err := o.take(o.ctx, []int64{before.ID})
		o.must(err)
		letters, _, err := o.take(o.ctx, []int64{after.ID})
		o.must(err)
		for _, l := range letters {
			o.write(o.ctx, l)
		}
		o.must(o.handOver(o.ctx, letters))
		_, err = o.Postman.deliver(o.ctx, letters[0].pass, letters[0].parcel)
		o.must(err)
		mid := o.state(after).MessageID
		if mid == "" {
			o.Fatal("the Message-ID was not fixed before it left")
		}
		// Another worker leaves them alone while the first may still live.
		if err := o.run(before, after); err == nil {
			o.Error("the queue is told that all is done")
		}
		if len(o.mails()) != 1 {
			o.Fatal("two runs at once")
		}
		o.h.Clock.Advance(2 * lease)
		jobs := o.jobs("correspondence.send")
		o.must(o.sweep(o.ctx, SweepJob{}))
		if o.jobs("correspondence.send") != jobs+1 {
			o.Error("the sweep does not ask again")
		}
		folder := o.Postman.transport
		r := &relay{}
		o.Postman.transport = r
		o.must(o.run(before, after))
		o.wantState(before, Sent, "")
		o.wantState(after, Failed, "mail.reason.unsure")
		if len(r.got) != 1 {
			o.Errorf("the relay got %d mails", len(r.got))
		}
		// The same death with a folder: the file is written again under its name.
		o.Postman.transport = folder
		third := o.sent(th, letter)
		o.h.Clock.Advance(time.Minute)
		letters, _, err = o.take(o.ctx, []int64{third.ID})
		o.must(err)
		o.write(o.ctx, letters[0])
		o.must(o.handOver(o.ctx, letters))
		o.h.Clock.Advance(2 * lease)
		o.must(o.run(third))
		o.wantState(third, Sent, "")
		if len(o.mails()) != 2 {
			o.Errorf("%d files", len(o.mails()))
		}
	})
}

// A letter that makes the program panic is set aside; the others of its batch leave (rule D4).
func TestAPoisonedLetterStopsNoOther(t *testing.T) {
	engines(t, func(o *office) {
		r := &relay{}
		r.before = func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			if len(r.got) == 1 {
				r.before = nil
				panic("poison")
			}
		}
		o.Postman.transport = r
		th := o.open(tlp.Green, lone("a@x.example"))
		list := []Message{o.sent(th, letter), o.sent(th, letter), o.sent(th, letter)}
		o.h.Clock.Advance(time.Minute)
		for _, m := range list {
			o.must(o.run(m))
		}
		states := map[State]int{}
		for _, m := range list {
			states[o.state(m).State]++
		}
		if states[Sent] != 2 || states[Failed] != 1 {
			o.Errorf("%v", states)
		}
	})
}

// The queue's own workers take a letter from the transaction to the relay.
func TestTheQueueCarriesALetter(t *testing.T) {
	engines(t, func(o *office) {
		left := make(chan struct{}, 1)
		o.Postman.transport = &relay{before: func() { left <- struct{}{} }}
		o.Hold = 0
		o.Work(o.h.Registry)
		o.h.Work(o.T)
		m := o.sent(o.open(tlp.Green, lone("a@x.example")), letter)
		select {
		case <-left:
		case <-time.After(20 * time.Second):
			o.Fatalf("it did not leave: %+v", o.state(m))
		}
	})
}
