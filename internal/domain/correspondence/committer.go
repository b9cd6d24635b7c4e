package correspondence

import (
	"context"
	"sync"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Committer gathers the mails of many SMTP sessions into few transactions. While one batch commits, the next one gathers: the pace of the
// disk decides how many mails share a commit, and a lone mail waits for nobody.
type Committer struct {
	arrive func(ctx context.Context, mails []Arrival) error
	queue  chan *submission
	stop   chan struct{}
	once   sync.Once
	done   chan struct{}
}

type submission struct {
	mail Arrival
	err  chan error
}

// maxBatchBytes keeps a batch of large mails from holding the writer for long.
const maxBatchBytes = 4 << 20

// NewCommitter starts a committer; Close stops it.
func NewCommitter(s *Service) *Committer {
	c := &Committer{arrive: s.Arrive, queue: make(chan *submission, MaxBatch), stop: make(chan struct{}), done: make(chan struct{})}
	go c.run()
	return c
}

// Submit gives nil when the mail is on disk. When ctx ends first its error is given, and the mail may or may not be kept: the sender is not
// told "accepted" and sends again.
func (c *Committer) Submit(ctx context.Context, a Arrival) error {
	sub := &submission{a, make(chan error, 1)}
	select {
	case <-c.stop:
		return errClosing
	default:
	}
	select {
	case c.queue <- sub:
	case <-c.stop:
		return errClosing
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-sub.err:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-c.done:
		select {
		case err := <-sub.err:
			return err
		default:
			return errClosing
		}
	}
}

var errClosing = errs.New(errs.Unavailable, "the server is stopping; send again later")

// Close commits what was submitted and ends. A later Submit is Unavailable.
func (c *Committer) Close() {
	c.once.Do(func() { close(c.stop) })
	<-c.done
}

func (c *Committer) run() {
	defer close(c.done)
	for {
		select {
		case first := <-c.queue:
			c.commit(c.gather(first))
		case <-c.stop:
			for {
				select {
				case first := <-c.queue:
					c.commit(c.gather(first))
				default:
					return
				}
			}
		}
	}
}

// gather takes what waits now, without waiting for more.
func (c *Committer) gather(first *submission) []*submission {
	batch := []*submission{first}
	size := first.mail.bytes()
	for len(batch) < MaxBatch && size < maxBatchBytes {
		select {
		case sub := <-c.queue:
			batch = append(batch, sub)
			size += sub.mail.bytes()
		default:
			return batch
		}
	}
	return batch
}

// commit tells each session what became of its mail. A batch that fails is tried one by one, so that one bad mail does not refuse the others,
// unless nothing can be stored now.
func (c *Committer) commit(batch []*submission) {
	mails := make([]Arrival, len(batch))
	for i, sub := range batch {
		mails[i] = sub.mail
	}
	err := c.try(mails)
	if err == nil || len(batch) == 1 || errs.Is(err, errs.Unavailable) {
		for _, sub := range batch {
			sub.err <- err
		}
		return
	}
	for _, sub := range batch {
		sub.err <- c.try([]Arrival{sub.mail})
	}
}

// try recovers at the edge of the goroutine: a panic refuses this batch and the next one goes on (rule D4).
func (c *Committer) try(mails []Arrival) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errs.New(errs.Unavailable, "the mail could not be stored; send again later")
		}
	}()
	return c.arrive(db.On(context.Background(), db.Mail), mails)
}
