package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/schema"
)

// RestoreInput is what a restore is given.
type RestoreInput struct {
	From        io.Reader
	Identities  []age.Identity
	Checkpoints []string // that others kept: the restored state must not be older
	Older       bool     // it may be
	Progress    func(files int, bytes int64)
}

// Restored says what a restore did.
type Restored struct {
	Manifest Manifest    `json:"manifest"`
	Proof    audit.Proof `json:"proof"`
	Held     int         `json:"held_messages"`
	Older    bool        `json:"older_than_checkpoint"`
	TeamKeys bool        `json:"team_keys_open"` // the key process will start: its root key is here
}

// Restore makes the data folder of c from a backup (rule K9). It works beside the folder and puts it in its place at the very end, so that a
// restore that is refused or interrupted leaves nothing behind. Refused: a folder that holds anything (Conflict), a missing root key, a part
// that is not what the manifest says, a record that does not verify, a state older than a kept checkpoint. Then all logins and links are
// ended, and nothing leaves by itself.
func Restore(ctx context.Context, c conf.Config, in RestoreInput, log *slog.Logger) (Restored, error) {
	var out Restored
	if err := empty(c.Data); err != nil {
		return out, err
	}
	if _, err := keyring.ReadRoot(c.RootKeyFile()); err != nil {
		return out, errs.Wrap(errs.Unavailable, "put the root key from your recovery sheet at "+c.RootKeyFile()+", with mode 0600, then restore", err)
	}
	_, err := keyring.ReadRoot(keysRootFile(c))
	out.TeamKeys = err == nil
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return out, err
	}
	if err := os.MkdirAll(filepath.Dir(data), 0o700); err != nil {
		return out, err
	}
	beside, err := os.MkdirTemp(filepath.Dir(data), ".restoring-")
	if err != nil {
		return out, err
	}
	defer os.RemoveAll(beside)
	if out.Manifest, err = unpack(ctx, in, beside); err != nil {
		return out, err
	}
	there := c
	there.Data, there.RootKey = beside, c.RootKeyFile()
	jobs, undo, err := bringBack(ctx, there, out.Manifest)
	if err != nil {
		return out, err
	}
	h, err := Open(ctx, there, log)
	if err == nil {
		if err = h.restoreJobs(ctx, jobs); err == nil {
			err = h.restored(ctx, in, &out)
		}
		h.Close()
	}
	if err != nil {
		undo()
		return out, err
	}
	if err := os.Remove(data); err != nil && !errors.Is(err, os.ErrNotExist) {
		return out, errs.Newf(errs.Conflict, "%s is not empty: a restore overwrites nothing", c.Data)
	}
	return out, os.Rename(beside, data)
}

// empty refuses a folder that holds anything.
func empty(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(list) > 0 {
		return errs.Newf(errs.Conflict, "%s is not empty: a restore overwrites nothing; name another folder with --data", dir)
	}
	return nil
}

var errNewer = errs.New(errs.Conflict, "the backup was made by a newer program: restore it with that one")

// bringBack makes the database of an unpacked backup, at the version it was made at. A backup of either engine is restored on either. Undo takes
// back what was done to a PostgreSQL database, which must be empty (Conflict).
func bringBack(ctx context.Context, c conf.Config, m Manifest) (jobs []job.Saved, undo func(), err error) {
	file, rows := databaseFile(c), filepath.Join(c.Data, rowsFolder)
	undo = func() {}
	_, err = os.Stat(rows)
	asRows := err == nil
	if !asRows && !c.Database.Set() {
		return nil, undo, notNewer(ctx, file)
	}
	if !asRows { // a file of SQLite, to be brought to PostgreSQL
		if err := notNewer(ctx, file); err != nil {
			return nil, undo, err
		}
		if m.Migration, err = fileToRows(ctx, file, rows); err != nil {
			return nil, undo, err
		}
	}
	defer os.RemoveAll(rows)
	d, err := db.Open(ctx, db.Config{URL: c.Database.Reveal(), Path: file, Conns: 2})
	if err != nil {
		return nil, undo, err
	}
	defer d.Close()
	if empty, err := d.Empty(ctx); err != nil || !empty {
		return nil, undo, errors.Join(err, errs.New(errs.Conflict, "the database is not empty: a restore overwrites nothing; name a new one with TOCSIN_DATABASE"))
	}
	undo = func() {
		if d, err := db.Open(context.WithoutCancel(ctx), db.Config{URL: c.Database.Reveal(), Path: file, Conns: 2}); err == nil {
			_ = d.Clear(context.WithoutCancel(ctx))
			d.Close()
		}
	}
	jobs, err = loadAt(ctx, d, m.Migration, rows)
	if err != nil {
		undo()
	}
	return jobs, undo, err
}

func loadAt(ctx context.Context, d *db.DB, version int64, rows string) ([]job.Saved, error) {
	_, known, err := schema.At(ctx, d)
	if err != nil {
		return nil, err
	}
	if version > known {
		return nil, errNewer
	}
	if err := schema.MigrateTo(ctx, d, version); err != nil {
		return nil, err
	}
	return loadRows(ctx, d, rows)
}

// fileToRows writes the rows of a SQLite file that nobody uses, and takes the file away.
func fileToRows(ctx context.Context, file, rows string) (version int64, err error) {
	if err := os.Mkdir(rows, 0o700); err != nil {
		return 0, err
	}
	d, err := db.Open(ctx, db.Config{Path: file, Conns: 2})
	if err != nil {
		return 0, err
	}
	defer d.Close()
	if version, _, err = schema.At(ctx, d); err != nil {
		return 0, err
	}
	err = dumpRows(ctx, d, func(db.Handle) error { return nil }, func(name string, content []byte) error {
		return os.WriteFile(filepath.Join(filepath.Dir(rows), filepath.FromSlash(name)), content, 0o600)
	})
	for _, end := range []string{"", "-wal", "-shm"} {
		if e := os.Remove(file + end); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return version, err
}

func (h *House) restoreJobs(ctx context.Context, jobs []job.Saved) error {
	if len(jobs) == 0 {
		return nil
	}
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, j := range jobs {
			if err := h.Jobs.Restore(ctx, tx, j); err != nil {
				return err
			}
		}
		return nil
	})
}

func notNewer(ctx context.Context, file string) error {
	d, err := db.Open(ctx, db.Config{Path: file, Conns: 1})
	if err != nil {
		return err
	}
	defer d.Close()
	newer, err := schema.Newer(ctx, d)
	if err == nil && newer {
		err = errNewer
	}
	return err
}

// restored checks an unpacked house and makes it safe to start.
func (h *House) restored(ctx context.Context, in RestoreInput, out *Restored) error {
	kept := in.Checkpoints[:0:0]
	for _, text := range in.Checkpoints {
		size, err := audit.SizeOf(text, h.Verifier)
		if err != nil {
			return err
		}
		if size <= out.Manifest.Audit.Size {
			kept = append(kept, text)
			continue
		}
		if !in.Older {
			return errs.Newf(errs.Conflict, "the backup holds %d entries, a kept checkpoint names %d: what was done since would be lost. If that is meant, say --older-than-checkpoint",
				out.Manifest.Audit.Size, size)
		}
		out.Older = true
	}
	var err error
	if out.Proof, err = audit.Verify(ctx, h.DB, h.Ring, h.Verifier, kept...); err != nil {
		return errs.Wrap(errs.Invalid, "the backup does not open with this root key", err)
	}
	if len(out.Proof.Problems) > 0 {
		return errs.Newf(errs.Invalid, "the record of the backup does not verify: %s", out.Proof.Problems[0])
	}
	by := access.System("setup")
	by.Origin = access.ByCLI
	if err := h.Accounts.EndEverything(ctx, by); err != nil {
		return err
	}
	if out.Held, err = h.Correspondence.HoldRestored(ctx, by); err != nil {
		return err
	}
	err = h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: by, Verb: "house.restore", Changes: []audit.Change{
			{Field: "made_at", To: out.Manifest.MadeAt}, {Field: "entries", To: out.Manifest.Audit.Size}, {Field: "older_than_checkpoint", To: out.Older},
		}})
		return err
	})
	if err != nil {
		return fmt.Errorf("record restore: %w", err)
	}
	return h.Settle(ctx)
}
