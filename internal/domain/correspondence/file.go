package correspondence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/blob"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// FileIn is an attachment to store.
type FileIn struct {
	Name, Type string
	Content    io.ReadSeeker
}

// StoreFiles stores attachments under the data key of a thread (or of an arrival, or of another object that owns them) and gives them names
// of their own. Owner 0 makes an owner for them, for what comes before its thread exists. What a rolled back transaction leaves is swept
// after a day.
func (s *Service) StoreFiles(ctx context.Context, owner int64, files []FileIn) ([]File, error) {
	if len(files) == 0 {
		return nil, nil
	}
	key, err := s.ownerKey(ctx, owner)
	if err != nil {
		return nil, fmt.Errorf("store files: %w", err)
	}
	out := make([]File, len(files))
	for i, f := range files {
		b, err := s.Blobs.Put(ctx, blob.Key{Owner: key.owner, Bytes: key.bytes}, f.Content)
		if err != nil {
			return nil, fmt.Errorf("store files: %w", err)
		}
		out[i] = File{UID: id.New(), Name: mail.Visible(f.Name), Type: mail.Visible(f.Type), Size: b.Size, SHA256: id.Hex(b.SHA256), Blob: b.Name}
	}
	now := s.Clock.Now()
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		q := new(db.Query).Add(`INSERT INTO correspondence_file (uid, owner, blob, stored_at) VALUES `)
		for i, f := range out {
			if i > 0 {
				q.Add(`, `)
			}
			q.Add(`(?, ?, ?, ?)`, f.UID, key.owner, f.Blob, now)
		}
		_, err := q.Exec(ctx, tx)
		return err
	})
	return out, err
}

type ownKey struct {
	owner int64
	bytes []byte
}

func (s *Service) ownerKey(ctx context.Context, owner int64) (ownKey, error) {
	if owner != 0 {
		k, err := s.Ring.Get(ctx, s.DB, owner)
		if err != nil {
			return ownKey{}, err
		}
		return ownKey{owner, k.Bytes()}, nil
	}
	var own ownKey
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, keys, err := s.owners(ctx, tx, 1, s.Clock.Now())
		if err == nil {
			own = ownKey{keys[0].Owner(), keys[0].Bytes()}
		}
		return err
	})
	return own, err
}

// bindFiles makes stored files part of a message. Only files that are loose, or of the same thread, may be named: a foreign one is not found
// (rule A3). A loose one must have been stored for this thread, its About object, its arrival, or for nobody yet.
func (s *Service) bindFiles(ctx context.Context, tx *db.Tx, t Thread, message, arrival int64, files []File) error {
	for _, f := range files {
		var owner, thread, bound int64
		var name string
		err := tx.QueryRow(ctx, `SELECT owner, blob, thread, message FROM correspondence_file WHERE uid = $1`, f.UID).Scan(&owner, &name, &thread, &bound)
		if err != nil {
			return fmt.Errorf("attach file: %w", err)
		}
		mine := thread == t.Ref.ID
		if thread == 0 {
			mine = owner == t.Ref.ID || owner == t.About.ID || (arrival != 0 && owner == arrival) || s.holder(ctx, tx, owner)
		}
		if !mine || name != f.Blob {
			return fmt.Errorf("attach file: %w", errs.ErrNotFound)
		}
		if bound != 0 {
			continue // sent on within its thread: it stays where it came first
		}
		if _, err := tx.Exec(ctx, `UPDATE correspondence_file SET thread = $1, message = $2 WHERE uid = $3 AND message = 0`, t.Ref.ID, message, f.UID); err != nil {
			return fmt.Errorf("attach file: %w", err)
		}
	}
	return nil
}

// holder tells whether the owner was made by StoreFiles for files without a thread: an object of kind arrival that is no mail.
func (s *Service) holder(ctx context.Context, tx *db.Tx, owner int64) bool {
	var n int64
	err := tx.QueryRow(ctx, `SELECT o.id FROM object o LEFT JOIN correspondence_arrival a ON a.object = o.id
		WHERE o.id = $1 AND o.kind = 9 AND a.object IS NULL`, owner).Scan(&n)
	return err == nil
}

// OpenFile reads an attachment of a message that the reader may see: what is withheld from it is not found.
func (s *Service) OpenFile(ctx context.Context, by access.Actor, thread, message, file string) (File, io.ReadCloser, error) {
	m, err := s.find(ctx, by, thread, message)
	if err != nil {
		return File{}, nil, fmt.Errorf("open file: %w", err)
	}
	for _, f := range m.Body.Files {
		if f.UID == file {
			r, err := s.openFile(ctx, s.DB, f)
			if err != nil {
				return f, nil, err
			}
			if err := s.custody(ctx, by, m, f.UID, f.SHA256); err != nil {
				_ = r.Close()
				return f, nil, err
			}
			return f, r, nil
		}
	}
	return File{}, nil, fmt.Errorf("open file: %w", errs.ErrNotFound)
}

// VerbFetch is the verb under which the record has who took which bytes from outside out of the house.
const VerbFetch = "custody.fetch"

// custody records before they are handed out who fetches bytes that came from outside, when, and their hash (rule F4). It is the team's alone.
func (s *Service) custody(ctx context.Context, by access.Actor, m stored, file, sha256 string) error {
	if by.System != "" {
		return nil
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		err := s.Audit.Write(ctx, tx, audit.Entry{
			At: s.Clock.Now(), By: by, Verb: VerbFetch, On: ref.Ref{Kind: ref.Thread, ID: m.Thread},
			Changes: []audit.Change{{Field: "message", To: m.UID}, {Field: "file", To: file}, {Field: "sha256", To: sha256}},
		})
		return err
	})
}

func (s *Service) openFile(ctx context.Context, h db.Handle, f File) (io.ReadCloser, error) {
	var owner int64
	if err := h.QueryRow(ctx, `SELECT owner FROM correspondence_file WHERE uid = $1`, f.UID).Scan(&owner); err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	key, err := s.Ring.Get(ctx, h, owner)
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	return s.Blobs.Open(ctx, blob.Key{Owner: owner, Bytes: key.Bytes()}, f.Blob)
}

// fileBytes reads a whole attachment for sending.
func (s *Service) fileBytes(ctx context.Context, f File) ([]byte, error) {
	r, err := s.openFile(ctx, s.DB, f)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(r, MaxMail)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// CopyFile stores an attachment anew for another thread, under its key and a name of its own. The caller has checked that it may go there.
func (s *Service) CopyFile(ctx context.Context, thread int64, f File, name string) (File, error) {
	raw, err := s.fileBytes(ctx, f)
	if err != nil {
		return File{}, err
	}
	list, err := s.StoreFiles(ctx, thread, []FileIn{{Name: name, Type: f.Type, Content: bytes.NewReader(raw)}})
	if err != nil {
		return File{}, err
	}
	return list[0], nil
}

// compared is how much of an attachment is read for what it names.
const compared = 1 << 20

// FileText gives the first MiB of an attachment for a letter on a thread, as text; "" for what is none. A file of another thread is not found.
func (s *Service) FileText(ctx context.Context, h db.Handle, thread int64, f File) (string, error) {
	var of int64
	if err := h.QueryRow(ctx, `SELECT thread FROM correspondence_file WHERE uid = $1 AND blob = $2`, f.UID, f.Blob).Scan(&of); err != nil {
		return "", fmt.Errorf("read file: %w", err)
	}
	if of != 0 && of != thread {
		return "", fmt.Errorf("read file: %w", errs.ErrNotFound)
	}
	r, err := s.openFile(ctx, h, f)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, compared))
	if err != nil {
		return "", fmt.Errorf("read file: %w", err)
	}
	if bytes.ContainsRune(b, 0) {
		return "", nil
	}
	return strings.ToValidUTF8(string(b), "\ufffd"), nil
}

// SweepJob repeats what was lost and removes what nobody needs.
type SweepJob struct{}

// Kind names the job.
func (SweepJob) Kind() string { return "correspondence.sweep" }

func (s *Service) sweep(ctx context.Context, _ SweepJob) error {
	if _, err := s.Sweep(ctx); err != nil {
		return err
	}
	if err := s.sweepLetters(ctx); err != nil {
		return err
	}
	return s.End(ctx)
}

// End removes files that became part of nothing, mail that nobody filed and counters, when their period is over.
func (s *Service) End(ctx context.Context) error {
	return errors.Join(s.sweepFiles(ctx), s.endAside(ctx), s.sweepLimits(ctx), s.sweepFetched(ctx))
}

// sweepFiles removes files that became part of nothing within a day. Content that another file shares stays.
func (s *Service) sweepFiles(ctx context.Context) error {
	type loose struct{ uid, blob string }
	list, err := db.All(ctx, s.DB, func(r *db.Rows) (l loose, err error) { return l, r.Scan(&l.uid, &l.blob) },
		`SELECT uid, blob FROM correspondence_file WHERE message = 0 AND stored_at < $1 ORDER BY stored_at LIMIT 100`, s.Clock.Now().Add(-retain.FilesFor))
	if err != nil {
		return err
	}
	for _, l := range list {
		last := false
		err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			n, err := tx.Exec(ctx, `DELETE FROM correspondence_file WHERE uid = $1 AND message = 0`, l.uid)
			if err != nil || n == 0 {
				return err
			}
			var others int64
			err = tx.QueryRow(ctx, `SELECT count(*) FROM correspondence_file WHERE blob = $1`, l.blob).Scan(&others)
			last = others == 0
			return err
		})
		if err != nil {
			return err
		}
		if last {
			if err := s.Blobs.Remove(ctx, l.blob); err != nil {
				return err
			}
		}
	}
	return nil
}
