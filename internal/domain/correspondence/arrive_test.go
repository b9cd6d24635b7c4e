package correspondence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func (o *office) jobs(kind string) int {
	o.Helper()
	var n int
	o.must(o.DB.QueryRow(o.ctx, `SELECT count(*) FROM river_job WHERE kind = $1`, kind).Scan(&n))
	return n
}

// Mail is on disk, byte for byte, when Arrive returns, with one job for all of it; it is filed once (rule M1).
func TestMailIsKeptAsItCameAndFiledOnce(t *testing.T) {
	engines(t, func(o *office) {
		large := bytes.Repeat([]byte("0123456789abcdef\r\n"), 20_000)
		mails := []Arrival{
			{From: "a@x.example", To: []string{"report@cert.example"}, PeerIP: "192.0.2.7", Helo: "mx.x.example", TLS: true, Raw: []byte("Subject: one\r\n\r\none\r\n")},
			{From: "", To: []string{"report@cert.example"}, Raw: large},
			{From: "b@x.example", To: []string{"report@cert.example"}, Raw: []byte("\x00\xff no mail at all")},
		}
		want := [][]byte{mails[0].Raw, large, mails[2].Raw}
		o.must(o.Arrive(o.ctx, mails))
		if n := o.jobs("mailroom.sort"); n != 1 {
			o.Errorf("%d jobs for one batch", n)
		}
		for i, m := range mails {
			a, err := o.OpenArrival(o.ctx, o.DB, m.ID)
			o.must(err)
			sum := sha256.Sum256(want[i])
			if !bytes.Equal(a.Raw, want[i]) || !bytes.Equal(a.SHA256, sum[:]) || a.From != mails[i].From || a.State != ArrivalNew || a.UID != m.UID {
				o.Errorf("mail %d is not what came: %d bytes of %d, from %q, %s", i, len(a.Raw), len(want[i]), a.From, a.State)
			}
		}
		if a, _ := o.OpenArrival(o.ctx, o.DB, mails[0].ID); a.PeerIP != "192.0.2.7" || !a.TLS || a.Helo != "mx.x.example" || len(a.To) != 1 {
			o.Error("the envelope is not what came")
		}
		th := o.open(3, lone("a@x.example"))
		file := func() error {
			return o.tx(func(ctx context.Context, tx *db.Tx) error {
				return o.SortedTx(ctx, tx, map[int64]ref.Ref{mails[0].ID: th.Ref})
			})
		}
		o.must(file())
		o.refused(file(), errs.Conflict, "error.arrival.sorted")
	})
}

// A mail whose job was lost is asked for again after two minutes; one that was set aside stops nothing and can still be filed (rule D4).
func TestForgottenAndPoisonedMail(t *testing.T) {
	engines(t, func(o *office) {
		mails := []Arrival{{Raw: []byte("x")}, {Raw: []byte("poison")}}
		o.must(o.Arrive(o.ctx, mails))
		if n, err := o.Sweep(o.ctx); n != 0 || err != nil {
			o.Errorf("%d asked again at once, %v", n, err)
		}
		system := access.System("intake")
		o.must(o.Aside(o.ctx, system, mails[1].ID, "mail.reason.panic"))
		o.must(o.Aside(o.ctx, system, mails[1].ID, "mail.reason.panic"))
		o.refused(o.Aside(o.ctx, o.h.Constituent(9, "Eva", 1), mails[0].ID, "x"), errs.Forbidden)
		o.h.Clock.Advance(3 * time.Minute)
		if n, err := o.Sweep(o.ctx); n != 1 || err != nil {
			o.Errorf("%d asked again, want the one that is new; %v", n, err)
		}
		list, err := o.Asides(o.ctx, o.analyst, 10)
		o.must(err)
		if len(list) != 1 || list[0].ID != mails[1].ID || list[0].Reason != "mail.reason.panic" {
			o.Errorf("set aside: %v", list)
		}
		_, err = o.Asides(o.ctx, o.h.Constituent(9, "Eva", 1), 10)
		o.refused(err, errs.Forbidden)
		o.must(o.tx(func(ctx context.Context, tx *db.Tx) error {
			return o.SortedTx(ctx, tx, map[int64]ref.Ref{mails[1].ID: {Kind: ref.Report, ID: 1}})
		}))
	})
}

// Many sessions at once: each is told after its mail is on disk, few commits carry all, and nothing is there twice.
func TestTheCommitterGathersAndLosesNothing(t *testing.T) {
	engines(t, func(o *office) {
		c := NewCommitter(o.Service)
		const sessions, each = 16, 10
		var wg sync.WaitGroup
		for s := range sessions {
			wg.Go(func() {
				for i := range each {
					if err := c.Submit(o.ctx, Arrival{From: fmt.Sprintf("s%d@x.example", s), Raw: []byte(fmt.Sprintf("Subject: %d/%d\r\n\r\n", s, i))}); err != nil {
						o.Error(err)
					}
				}
			})
		}
		wg.Wait()
		c.Close()
		c.Close()
		if err := c.Submit(o.ctx, Arrival{Raw: []byte("late")}); !errs.Is(err, errs.Unavailable) {
			o.Errorf("after the end: %v", err)
		}
		ids, err := db.All(o.ctx, o.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT object FROM correspondence_arrival`)
		o.must(err)
		seen := map[string]bool{}
		for _, n := range ids {
			a, err := o.OpenArrival(o.ctx, o.DB, n)
			o.must(err)
			seen[string(a.Raw)] = true
		}
		if len(ids) != sessions*each || len(seen) != len(ids) {
			o.Errorf("%d mails kept, %d different, want %d", len(ids), len(seen), sessions*each)
		}
		if n := o.jobs("mailroom.sort"); n > len(ids) {
			o.Errorf("%d jobs", n)
		}
	})
}

// A mail that cannot be stored is refused alone; a panic in a commit refuses its batch and the committer goes on (rule D4).
func TestABadMailRefusesOnlyItself(t *testing.T) {
	t.Parallel()
	var tried sync.Map
	c := &Committer{queue: make(chan *submission, 8), stop: make(chan struct{}), done: make(chan struct{})}
	c.arrive = func(_ context.Context, mails []Arrival) error {
		for _, m := range mails {
			tried.Store(string(m.Raw), true)
			switch {
			case strings.HasPrefix(string(m.Raw), "panic"):
				panic("parser")
			case strings.HasPrefix(string(m.Raw), "bad"):
				return errs.New(errs.Limit, "too large")
			}
		}
		return nil
	}
	list := []string{"good 1", "panic", "bad", "good 2"}
	subs := make([]*submission, len(list))
	for i, raw := range list {
		subs[i] = &submission{Arrival{Raw: []byte(raw)}, make(chan error, 1)}
	}
	c.commit([]*submission{subs[0], subs[2], subs[3]})
	for i, wantBad := range map[int]bool{0: false, 2: true, 3: false} {
		if err := <-subs[i].err; (err != nil) != wantBad {
			t.Errorf("%s: %v", list[i], err)
		}
	}
	c.commit(subs[1:2])
	if err := <-subs[1].err; !errs.Is(err, errs.Unavailable) {
		t.Errorf("panic: %v", err)
	}
}
