package correspondence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/build"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/send"
)

// batch is how many letters share the three short transactions of their sending.
const batch = 16

// maxTries is how often a letter is tried before a person must look.
const maxTries = 10

// lease is how long a run may have a letter before another one takes it up.
const lease = 10 * time.Minute

// errAgain asks the queue to run the job again: at least one letter could not be handed over yet.
var errAgain = errors.New("some letters could not be handed over; they are tried again")

// send is the job. It may run twice for the same letters and sends each once: what is neither held nor on its way is left alone, the
// Message-ID is fixed before anything leaves, and the pass is used before it does.
func (s *Service) send(ctx context.Context, j SendJob) error {
	again := false
	var wait time.Duration
	for ids := j.Messages; len(ids) > 0; {
		n := min(batch, len(ids))
		more, later, err := s.sendBatch(ctx, ids[:n])
		if err != nil {
			return err
		}
		again, wait = again || more, max(wait, later)
		ids = ids[n:]
	}
	if again {
		return errAgain
	}
	if wait > 0 {
		return job.Later(wait)
	}
	return nil
}

// outbound is one letter on its way through a run.
type outbound struct {
	stored
	thread Thread
	ask    egress.Ask
	key    readerKey
	parcel parcel
	pass   egress.Pass
	result send.Result
	code   lockCode // of a locked file
	locked bool     // it was to leave as one
	failed string   // reason for which it goes no further
	waits  string   // reason for which a person must decide
	again  bool     // nothing left; try later
}

// goes tells whether the letter is still on its way.
func (l *outbound) goes() bool { return l.failed == "" && l.waits == "" && !l.again }

// sendBatch takes a few letters through the run; later says when to look again at those that are not due, or are in another run.
func (s *Service) sendBatch(ctx context.Context, ids []int64) (again bool, later time.Duration, err error) {
	letters, later, err := s.take(ctx, ids)
	if err != nil || len(letters) == 0 {
		return false, later, err
	}
	atOnce(letters, func(l *outbound) { s.write(ctx, l) })
	if err := s.handOver(ctx, letters); err != nil {
		return false, 0, err
	}
	atOnce(letters, func(l *outbound) { s.deliver(ctx, l) })
	// What was handed over is written down even when the run is being stopped.
	settle, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	again, err = s.settle(settle, letters)
	return again, later, err
}

func (s *Service) deliver(ctx context.Context, l *outbound) {
	if !l.goes() || l.Channel != ByMail {
		return
	}
	var err error
	if l.result, err = s.Postman.deliver(ctx, l.pass, l.parcel); err != nil {
		l.waits = reasonChanged
	}
}

// atOnce does something to each letter, a few at the same time, and waits for all. One that panics is set aside and stops no other (rule D4).
func atOnce(letters []*outbound, do func(*outbound)) {
	var wg sync.WaitGroup
	free := make(chan struct{}, 4)
	for _, l := range letters {
		free <- struct{}{}
		wg.Go(func() {
			defer func() {
				if recover() != nil {
					l.failed = reasonLetter
					if l.pass.ID() != 0 {
						l.failed = reasonUnsure
					}
				}
				<-free
			}()
			do(l)
		})
	}
	wg.Wait()
}

// take moves what is due to Sending and fixes its Message-ID. A letter that was on its way when a run was cut off goes on when nothing can
// have left, or when handing it over again is harmless; else a person decides.
func (s *Service) take(ctx context.Context, ids []int64) (letters []*outbound, later time.Duration, err error) {
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		letters, later = nil, 0
		if paused, err := s.Paused(ctx, tx); err != nil || paused {
			later = time.Minute
			return err
		}
		list, err := s.lockLetters(ctx, tx, ids)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		var due []stored
		for _, m := range list {
			switch {
			case m.State == Held && m.SendAfter.After(now):
				later = max(later, m.SendAfter.Sub(now))
				continue
			case m.State == Sending && now.Sub(m.takenAt) < lease:
				later = max(later, 30*time.Second)
				continue
			}
			due = append(due, m)
		}
		letters, err = s.begin(ctx, tx, due, now)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("take letters: %w", err)
	}
	return letters, later, nil
}

// lockLetters reads the letters of a batch in the order of the job, which is a shuffled one (rule A7), under the locks of their threads.
func (s *Service) lockLetters(ctx context.Context, tx *db.Tx, ids []int64) ([]stored, error) {
	lock := new(db.Query).Add(`SELECT o.id FROM object o WHERE o.id IN (SELECT m.thread FROM correspondence_message m WHERE m.id IN `)
	_, err := db.List(ctx, tx, db.In(lock, ids).Add(`) ORDER BY o.id`+tx.ForUpdate()), func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) })
	if err != nil {
		return nil, err
	}
	q := new(db.Query).Add(`SELECT ` + messageColumns + ` FROM correspondence_message m LEFT JOIN keyring_key k ON k.owner = m.thread WHERE m.id IN `)
	db.In(q, ids).Add(` AND m.direction = ? AND m.state IN ('held', 'sending')`, int64(Out))
	list, err := db.List(ctx, tx, q, s.scanMessage)
	slices.SortFunc(list, func(a, b stored) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return list, err
}

// begin makes letters of messages that are due, each with its thread.
func (s *Service) begin(ctx context.Context, tx *db.Tx, due []stored, now time.Time) ([]*outbound, error) {
	if len(due) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(due))
	for i, m := range due {
		ids[i] = m.Thread
	}
	read, err := s.Threads(ctx, tx, ids...)
	if err != nil {
		return nil, err
	}
	letters := make([]*outbound, len(due))
	threads := make([]*Thread, len(due))
	for i, m := range due {
		letters[i] = &outbound{stored: m, thread: read[m.Thread]}
		threads[i] = &letters[i].thread
	}
	if err := s.lookAbove(ctx, tx, threads); err != nil {
		return nil, err
	}
	var taken []*stored
	for _, l := range letters {
		if err := s.beginOne(ctx, tx, l, now); err != nil {
			return nil, err
		}
		if l.goes() {
			taken = append(taken, &l.stored)
		}
	}
	if err := s.codesFor(ctx, tx, letters, now); err != nil {
		return nil, err
	}
	return letters, s.moved(ctx, tx, taken...)
}

// beginOne takes a letter, or says why it goes no further.
func (s *Service) beginOne(ctx context.Context, tx *db.Tx, l *outbound, now time.Time) (err error) {
	switch {
	case l.Erased:
		l.failed = reasonErased
		return nil
	case !l.WithdrawnAt.IsZero():
		l.failed = reasonWithdrawn
		return nil
	case !l.handedAt.IsZero() && l.Channel == ByMail && !s.Postman.repeats():
		l.failed = reasonUnsure
		return nil
	}
	if l.MessageID == "" {
		mid, err := build.NewID(s.Team.domain())
		if err != nil {
			return err
		}
		l.MessageID = mid.String()
	}
	if l.ask, l.key, err = s.ask(ctx, tx, l.stored, &l.thread, now); err != nil {
		return err
	}
	l.tries++
	l.locked = l.Road == egress.Locked
	l.takenAt, l.State, l.Reason = now, Sending, ""
	return nil
}

// handOver uses the passes, in the transaction before the letters leave. What may not leave any more waits for a person.
func (s *Service) handOver(ctx context.Context, letters []*outbound) error {
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.usePasses(ctx, tx, letters) })
	if err != nil {
		return fmt.Errorf("hand over letters: %w", err)
	}
	return nil
}

func (s *Service) usePasses(ctx context.Context, tx *db.Tx, letters []*outbound) error {
	var going []*outbound
	var uses []egress.Use
	for _, l := range letters {
		if !l.goes() {
			continue
		}
		if !l.handedAt.IsZero() { // a run was cut off after handing over, and repeating that is harmless
			if err := s.Egress.Unused(ctx, tx, l.stored.pass); err != nil {
				return err
			}
		}
		going = append(going, l)
		uses = append(uses, egress.Use{Pass: l.stored.pass, Ask: l.ask, Rendition: l.parcel.rendition})
	}
	if len(going) == 0 {
		return nil
	}
	answers, err := s.Egress.UseMany(ctx, tx, uses)
	if err != nil {
		return err
	}
	var handed []int64
	for i, l := range going {
		pass, err := answers[i].Pass, answers[i].Err
		switch {
		case err != nil:
			if l.waits = keyOf(err); l.waits == "" {
				l.waits = reasonChanged
			}
		case l.Channel == ByMail && pass.Road() != l.Road: // a key came or went between writing and now
			l.again = true
			if err := s.Egress.Unused(ctx, tx, l.stored.pass); err != nil {
				return err
			}
		default:
			l.pass = pass
			handed = append(handed, l.ID)
		}
	}
	if len(handed) == 0 {
		return nil
	}
	return db.In(new(db.Query).Add(`UPDATE correspondence_message SET handed_at = ? WHERE id IN `, s.Clock.Now()), handed).Later(ctx, tx)
}

// settle writes down what became of each letter.
func (s *Service) settle(ctx context.Context, letters []*outbound) (again bool, err error) {
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		again = false
		now := s.Clock.Now()
		moved := make([]*stored, len(letters))
		var sent []int64
		for i, l := range letters {
			m, err := s.settleOne(ctx, tx, l, now)
			if err != nil {
				return err
			}
			if moved[i], again = m, again || m.State == Sending; m.State == Sent {
				sent = append(sent, m.Thread)
			}
		}
		if err := s.moved(ctx, tx, moved...); err != nil {
			return err
		}
		return access.TouchMany(ctx, tx, sent, now)
	})
	if err != nil {
		return false, fmt.Errorf("settle letters: %w", err)
	}
	return again, nil
}

// settleOne gives where a letter stands now, and does what follows from that.
func (s *Service) settleOne(ctx context.Context, tx *db.Tx, l *outbound, now time.Time) (*stored, error) {
	m := l.stored
	var left bool
	m.State, m.Reason, left = s.outcome(l)
	m.takenAt, m.handedAt = time.Time{}, time.Time{}
	if left {
		m.handedAt = now
	} else if l.pass.ID() != 0 {
		if err := s.Egress.Unused(ctx, tx, l.pass.ID()); err != nil {
			return nil, err
		}
	}
	switch m.State {
	case Sending:
		return &m, nil
	case Sent:
		m.SentAt, m.Seal = now, sealOf(m)
		if err := s.afterSent(ctx, tx, l, m.Message, now); err != nil {
			return nil, err
		}
	}
	if m.State == Failed && m.Reason == reasonRefused+string(send.Mailbox) && s.Follow != nil {
		if err := s.Follow.ReturnedTx(ctx, tx, m.Message); err != nil {
			return nil, err
		}
	}
	return &m, s.record(ctx, tx, access.System("sender"), "correspondence."+string(m.State), l.thread, m.Message, ref.Ref{}, reasonChange(m.State, m.Reason))
}

// outcome says where a letter stands after a run, why, and whether it left the house, as far as we know.
func (s *Service) outcome(l *outbound) (to State, reason string, left bool) {
	switch {
	case l.failed != "":
		return Failed, l.failed, l.failed == reasonUnsure
	case l.waits != "":
		return Waiting, l.waits, false
	case l.Channel != ByMail && !l.again:
		return Sent, "", true
	case l.result.State == send.Delivered && !l.again:
		return Sent, "", true
	case l.result.Uncertain:
		if s.Postman.repeats() {
			break
		}
		return Failed, reasonUnsure, true
	case l.result.State == send.Refused:
		return Failed, reasonRefused + string(l.result.Class), false
	}
	if l.tries >= maxTries {
		return Failed, reasonTries, false
	}
	return Sending, "", false
}

// afterSent lets the thread follow: an encrypted letter makes it an encrypted one, and the correspondent has something new.
func (s *Service) afterSent(ctx context.Context, tx *db.Tx, l *outbound, m Message, now time.Time) error {
	if l.Channel == ByMail && l.Road == egress.Encrypted && !l.thread.Encrypted {
		if err := tx.Later(ctx, `UPDATE correspondence_thread SET encrypted = TRUE WHERE object = $1`, l.Thread); err != nil {
			return err
		}
	}
	if err := s.codeUnused(ctx, tx, l); err != nil {
		return err
	}
	if s.Follow == nil {
		return nil
	}
	return s.Follow.MessageSentTx(ctx, tx, m, now)
}

func sealOf(m stored) Seal {
	switch {
	case m.Channel != ByMail:
		return Plain
	case m.Road == egress.Encrypted:
		return SignedEncrypted
	}
	return Signed
}

func reasonChange(to State, reason string) []audit.Change {
	c := []audit.Change{{Field: "state", From: Sending, To: to}}
	if reason != "" {
		c = append(c, audit.Change{Field: "reason", To: reason})
	}
	return c
}
