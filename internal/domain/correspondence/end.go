package correspondence

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// ArrivalGone is the state of a mail whose content was destroyed.
const ArrivalGone = "gone"

// UnlinkJob removes blobs that no row names any more. Names of blobs are keyed hashes.
type UnlinkJob struct {
	Blobs []string `json:"blobs"`
}

// Kind names the job.
func (UnlinkJob) Kind() string { return "correspondence.unlink" }

// Ended says what went with a thread.
type Ended struct {
	Messages, Mails, Files int64
}

// EndTx destroys the content of a thread, of the mails that were filed in it or under what it is about, and of their files; rows stay as tombstones.
// The caller has checked that nothing holds it and that nothing of it is on its way, destroys what the thread is about in the same transaction, and
// records it. A thread whose content is gone is keyring.ErrDestroyed.
func (s *Service) EndTx(ctx context.Context, tx *db.Tx, thread int64, class retain.Class) (Ended, error) {
	var out Ended
	t, err := s.lockThread(ctx, tx, thread)
	if err != nil {
		return out, fmt.Errorf("end thread: %w", err)
	}
	now := s.Clock.Now()
	// What is said of 0 lets the engines use the indexes, which leave it out.
	number := func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }
	mails, err := db.All(ctx, tx, number, `SELECT object FROM correspondence_arrival WHERE filed_under IN ($1, $2) AND filed_under <> 0 ORDER BY object`, thread, t.About.ID)
	if err != nil {
		return out, err
	}
	more, err := db.All(ctx, tx, number, `SELECT DISTINCT arrival FROM correspondence_message WHERE thread = $1 AND arrival <> 0`, thread)
	if err != nil {
		return out, err
	}
	mails = append(mails, more...)
	slices.Sort(mails)
	mails = slices.Compact(mails)
	// Files that came before their thread lie under an owner made for them alone.
	holders, err := db.All(ctx, tx, number, `SELECT DISTINCT f.owner FROM correspondence_file f JOIN object o ON o.id = f.owner WHERE f.thread = $1 AND f.thread <> 0 AND o.kind = $2
		AND NOT EXISTS (SELECT 1 FROM correspondence_file x WHERE x.owner = f.owner AND x.thread <> $1)`, thread, int64(ref.Arrival))
	if err != nil {
		return out, err
	}
	text := func(r *db.Rows) (b string, err error) { return b, r.Scan(&b) }
	blobs, err := db.All(ctx, tx, text, `SELECT DISTINCT blob FROM correspondence_file WHERE thread = $1 AND thread <> 0`, thread)
	if err != nil {
		return out, err
	}
	if out.Files, err = tx.Exec(ctx, `DELETE FROM correspondence_file WHERE thread = $1 AND thread <> 0`, thread); err != nil {
		return out, err
	}
	for _, mail := range mails {
		name, err := s.endArrival(ctx, tx, mail, now, class)
		if err != nil {
			return out, err
		}
		if name != "" {
			blobs = append(blobs, name)
		}
	}
	out.Mails = int64(len(mails))
	for _, owner := range append(holders, thread) {
		if slices.Contains(mails, owner) {
			continue
		}
		if err := s.endKey(ctx, tx, owner, now, class); err != nil && (owner == thread || !errors.Is(err, keyring.ErrDestroyed)) {
			return out, err
		}
	}
	if out.Messages, err = tx.Exec(ctx, `UPDATE correspondence_message SET body = $2, original = NULL, message_id = '', same = NULL, author = 0 WHERE thread = $1`, thread, []byte{}); err != nil {
		return out, err
	}
	_, err = tx.Exec(ctx, `UPDATE correspondence_message SET state = $2, reason = $3, line = $4 WHERE thread = $1 AND state IN ('waiting', 'failed')`,
		thread, string(Stopped), reasonErased, line(Stopped, now))
	if err != nil {
		return out, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM correspondence_code WHERE thread = $1`, thread); err != nil {
		return out, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM egress_pass WHERE object = $1`, thread); err != nil {
		return out, err
	}
	if _, err := tx.Exec(ctx, `UPDATE correspondence_thread SET body = $2 WHERE object = $1`, thread, []byte{}); err != nil {
		return out, err
	}
	if err := access.Touch(ctx, tx, thread, now); err != nil {
		return out, err
	}
	return out, s.unlinkLater(ctx, tx, blobs)
}

// endKey destroys the key of an owner and the details that the record keeps under it.
func (s *Service) endKey(ctx context.Context, tx *db.Tx, owner int64, now time.Time, class retain.Class) error {
	if err := s.Ring.Destroy(ctx, tx, owner, now, string(class)); err != nil {
		return err
	}
	return s.Audit.Erase(ctx, tx, owner)
}

// endArrival destroys a mail as it came. Its tombstone keeps the hash of what was sealed. It gives the blob that held the bytes.
func (s *Service) endArrival(ctx context.Context, tx *db.Tx, mail int64, now time.Time, class retain.Class) (string, error) {
	var envelope []byte
	var name, state string
	err := tx.QueryRow(ctx, `SELECT envelope, blob, state FROM correspondence_arrival WHERE object = $1`, mail).Scan(&envelope, &name, &state)
	if errs.Is(err, errs.NotFound) || err == nil && state == ArrivalGone {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if err := s.endKey(ctx, tx, mail, now, class); err != nil && !errors.Is(err, keyring.ErrDestroyed) {
		return "", err
	}
	sum := sha256.Sum256(envelope)
	_, err = tx.Exec(ctx, `UPDATE correspondence_arrival SET state = $2, envelope = $3, raw = NULL, blob = '' WHERE object = $1`, mail, ArrivalGone, sum[:])
	return name, err
}

func (s *Service) unlinkLater(ctx context.Context, tx *db.Tx, blobs []string) error {
	if len(blobs) == 0 {
		return nil
	}
	return s.Jobs.Insert(ctx, tx, UnlinkJob{Blobs: blobs}, job.Options{Lane: job.House})
}

// unlink removes what is named by no row. Nobody can name it anew: a blob belongs to one owner, whose key is gone.
func (s *Service) unlink(ctx context.Context, j UnlinkJob) error {
	for _, name := range j.Blobs {
		var n int64
		err := s.DB.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM correspondence_file WHERE blob = $1) + (SELECT COUNT(*) FROM correspondence_arrival WHERE blob = $1)`, name).Scan(&n)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if err := s.Blobs.Remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// endAside destroys mail that was set aside and that nobody filed within its period.
func (s *Service) endAside(ctx context.Context) error {
	now := s.Clock.Now()
	list, err := db.All(ctx, s.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT object FROM correspondence_arrival WHERE state = 'aside' AND received_at < $1 AND `+retain.Free("correspondence_arrival.object")+` ORDER BY received_at, object LIMIT 100`, now.Add(-retain.AsideFor))
	if err != nil {
		return err
	}
	for _, mail := range list {
		err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if _, err := access.Locked(ctx, tx, mail); err != nil {
				return err
			}
			var state string
			if err := tx.QueryRow(ctx, `SELECT state FROM correspondence_arrival WHERE object = $1`, mail).Scan(&state); err != nil || state != ArrivalAside {
				return err
			}
			name, err := s.endArrival(ctx, tx, mail, now, retain.Aside)
			if err != nil {
				return err
			}
			if name != "" {
				if err := s.unlinkLater(ctx, tx, []string{name}); err != nil {
					return err
				}
			}
			return s.Audit.Write(ctx, tx, audit.Entry{
				At: now, By: access.System("retain"), Verb: "correspondence.destroy", On: ref.Ref{Kind: ref.Arrival, ID: mail},
				Changes: []audit.Change{{Field: "class", To: string(retain.Aside)}, {Field: "state", From: ArrivalAside, To: ArrivalGone}},
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
