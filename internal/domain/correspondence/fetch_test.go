package correspondence

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const box = "report@cert.example at mail.example, INBOX"

func fetched(validity uint32, uids ...uint32) []Arrival {
	var out []Arrival
	for _, u := range uids {
		out = append(out, Arrival{From: "a@x.example", To: []string{"report@cert.example"}, Raw: []byte(fmt.Sprintf("Subject: %d\r\n\r\n", u)), Fetched: &Place{box, validity, u}})
	}
	return out
}

func (o *office) arrivals() (n int) {
	o.Helper()
	o.must(o.DB.QueryRow(o.ctx, `SELECT count(*) FROM correspondence_arrival`).Scan(&n))
	return n
}

// A mail of a mailbox is taken once: by its number, by its bytes when the mailbox was numbered anew, and by two processes at the same time. It is
// remembered with the mail in one transaction, and forgotten ninety days after it was seen there last.
func TestAFetchedMailIsTakenOnce(t *testing.T) {
	engines(t, func(o *office) {
		take := func(want int, mails []Arrival) {
			o.Helper()
			fresh, err := o.ArriveFrom(o.ctx, mails)
			o.must(err)
			if fresh != want {
				o.Errorf("%d new, not %d", fresh, want)
			}
		}
		take(3, fetched(7, 1, 2, 3))
		take(1, fetched(7, 2, 3, 4)) // killed before they were moved
		take(1, fetched(8, 3, 4, 5)) // numbered anew
		same := fetched(8, 20)
		twin := fetched(8, 21)
		twin[0].Raw = same[0].Raw
		take(1, append(same, twin...)) // the same bytes twice in one look
		spooled := fetched(8, 29)
		spooled[0].Spool, spooled[0].Size, spooled[0].Raw = bytes.NewReader(same[0].Raw), int64(len(same[0].Raw)), nil
		take(0, spooled) // and once more, from a file
		known, err := o.TakenFrom(o.ctx, box, 8, []uint32{3, 4, 5, 6, 20, 21})
		o.must(err)
		if len(known) != 5 || known[6] || !known[21] {
			o.Errorf("known are %v", known)
		}
		if other, err := o.TakenFrom(o.ctx, "another", 8, []uint32{3}); err != nil || len(other) != 0 {
			o.Errorf("in another mailbox: %v, %v", other, err)
		}
		var wg sync.WaitGroup
		total := make([]int, 4)
		for i := range total {
			wg.Go(func() {
				n, err := o.ArriveFrom(o.ctx, fetched(8, 30, 31, 32, 33, 34))
				for errs.Is(err, errs.Conflict) || errs.Is(err, errs.Unavailable) {
					n, err = o.ArriveFrom(o.ctx, fetched(8, 30, 31, 32, 33, 34))
				}
				if err != nil {
					o.Error(err)
				}
				total[i] = n
			})
		}
		wg.Wait()
		if n := o.arrivals(); n != 11 {
			o.Errorf("%d arrivals, %v of the last five", n, total)
		}
		o.h.Clock.Advance(retain.FetchedFor / 2)
		_, err = o.TakenFrom(o.ctx, box, 8, []uint32{30}) // still there
		o.must(err)
		o.h.Clock.Advance(retain.FetchedFor/2 + time.Hour)
		o.must(o.End(o.ctx))
		known, err = o.TakenFrom(o.ctx, box, 8, []uint32{30, 31})
		o.must(err)
		if !known[30] || known[31] {
			o.Errorf("after ninety days: %v", known)
		}
	})
}

// What a look found is written down when it changes and once a minute, and shown to who may change rules.
func TestTheStateOfAMailbox(t *testing.T) {
	engines(t, func(o *office) {
		_, err := o.Mailbox(o.ctx, box)
		o.refused(err, errs.NotFound)
		began := o.Clock.Now()
		o.must(o.MailboxReport(o.ctx, MailboxState{Mailbox: box, Idle: true}, 3))
		o.h.Clock.Advance(time.Second)
		o.must(o.MailboxReport(o.ctx, MailboxState{Mailbox: box, Idle: true}, 0))
		state := func() MailboxState { o.Helper(); m, err := o.Mailbox(o.ctx, box); o.must(err); return m }
		if m := state(); !m.LookedAt.Equal(began) || !m.TakenAt.Equal(began) || m.Problem != "" || !m.Idle {
			o.Errorf("%+v", m)
		}
		o.h.Clock.Advance(time.Hour)
		o.must(o.MailboxReport(o.ctx, MailboxState{Mailbox: box, Problem: "login"}, 0))
		if m := state(); m.Problem != "login" || !m.Since.Equal(o.Clock.Now()) || !m.LookedAt.Equal(began) {
			o.Errorf("%+v", m)
		}
		_, err = o.Mailboxes(o.ctx, o.h.Person(5, "Ana", access.Analyst))
		o.refused(err, errs.Forbidden)
		list, err := o.Mailboxes(o.ctx, o.h.Person(6, "Root", access.Admin))
		if err != nil || len(list) != 1 || list[0].Problem != "login" {
			o.Errorf("%+v, %v", list, err)
		}
	})
}
