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
	if c.Database.Set() || c.Blobs.Set() {
		return out, errs.New(errs.Invalid, "a restore makes a house on SQLite with a folder of blobs; bring PostgreSQL back with pg_restore")
	}
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
	if err := notNewer(ctx, there); err != nil {
		return out, err
	}
	h, err := Open(ctx, there, log)
	if err != nil {
		return out, err
	}
	err = h.restored(ctx, in, &out)
	h.Close()
	if err != nil {
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

func notNewer(ctx context.Context, c conf.Config) error {
	d, err := db.Open(ctx, db.Config{Path: databaseFile(c), Conns: 1})
	if err != nil {
		return err
	}
	defer d.Close()
	newer, err := schema.Newer(ctx, d)
	if err == nil && newer {
		err = errs.New(errs.Conflict, "the backup was made by a newer program: restore it with that one")
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
		_, err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: by, Verb: "house.restore", Changes: []audit.Change{
			{Field: "made_at", To: out.Manifest.MadeAt}, {Field: "entries", To: out.Manifest.Audit.Size}, {Field: "older_than_checkpoint", To: out.Older},
		}})
		return err
	})
	if err != nil {
		return fmt.Errorf("record restore: %w", err)
	}
	return h.Settle(ctx)
}
