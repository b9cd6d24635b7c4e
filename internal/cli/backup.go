package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// progress says on standard error how far a long act came, at most every two seconds.
func (e *env) progress(what string) func(files int, bytes int64) {
	began := time.Now()
	last := began
	return func(files int, bytes int64) {
		if now := time.Now(); now.Sub(last) >= 2*time.Second {
			last = now
			mib := float64(bytes) / (1 << 20)
			fmt.Fprintf(e.Err, "%s: %d files, %.0f MiB, %.1f MiB/s\n", what, files, mib, mib/now.Sub(began).Seconds())
		}
	}
}

type backupCommand struct {
	conf.Config
	To   string `arg:"" name:"file" help:"File to write; it must not exist."`
	JSON bool   `help:"Answer in JSON."`
}

// Run writes a backup. The file has its name only once it is whole and on disk.
func (c *backupCommand) Run(e *env) error {
	if _, err := os.Lstat(c.To); !errors.Is(err, fs.ErrNotExist) {
		return errs.Newf(errs.Conflict, "%s is there already: a backup overwrites nothing", c.To)
	}
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	part := c.To + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return errs.Wrap(errs.Unavailable, part+" cannot be written: is another backup running, or was one interrupted?", err)
	}
	defer os.Remove(part)
	defer f.Close()
	m, err := h.Backup(e.ctx, f, e.progress("backup"))
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return err
	}
	// Link, unlike rename, overwrites nothing.
	if err := os.Link(part, c.To); err != nil {
		return errs.Wrap(errs.Unavailable, c.To+" cannot be written", err)
	}
	if d, err := os.Open(filepath.Dir(c.To)); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
	out := map[string]any{"file": c.To, "bytes": st.Size(), "files": len(m.Parts), "made_at": m.MadeAt, "audit": m.Audit}
	house, team := app.RootKeyFiles(c.Config)
	return e.answer(c.JSON, out, fmt.Sprintf("%s holds %d files and the record up to entry %d; %d bytes, readable with the recovery key alone.\nThe root keys are not in it: keep %s and %s elsewhere.\n",
		c.To, len(m.Parts), m.Audit.Size, st.Size(), house, team))
}

type restoreCommand struct {
	conf.Config
	From                string   `arg:"" name:"file" type:"existingfile" help:"Backup."`
	Identity            string   `required:"" type:"existingfile" placeholder:"FILE" help:"File with the recovery key (AGE-SECRET-KEY-…)."`
	Checkpoint          []string `type:"existingfile" placeholder:"FILE" help:"Checkpoint that somebody else kept; an older state is refused. May be given again."`
	OlderThanCheckpoint bool     `help:"Take a state that is older than a kept checkpoint: what was done since is lost."`
	JSON                bool     `help:"Answer in JSON."`
}

// Run restores a backup.
func (c *restoreCommand) Run(e *env) error {
	if err := e.check(c.Config); err != nil {
		return err
	}
	kept, err := files(c.Checkpoint)
	if err != nil {
		return err
	}
	key, err := os.Open(c.Identity)
	if err != nil {
		return usage{errs.Newf(errs.Invalid, "%s cannot be read", c.Identity)}
	}
	defer key.Close()
	identities, err := age.ParseIdentities(key)
	if err != nil {
		return usage{errs.Newf(errs.Invalid, "%s holds no recovery key (AGE-SECRET-KEY-…)", c.Identity)}
	}
	f, err := os.Open(c.From)
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := app.Restore(e.ctx, c.Config, app.RestoreInput{From: f, Identities: identities, Checkpoints: kept, Older: c.OlderThanCheckpoint, Progress: e.progress("restore")}, e.log)
	if err != nil {
		return err
	}
	words := fmt.Sprintf("%s is restored to %s, as it was on %s: %d files, %d entries in the record, and the record verifies.\n", got.Manifest.Team, c.Data,
		got.Manifest.MadeAt.Format(time.RFC3339), len(got.Manifest.Parts), got.Proof.Size)
	words += "All logins, links and API tokens are ended: everybody signs in again, and machines get new tokens. Status codes of reporters go on. Roles are as they were then: end those that were taken away since.\n"
	words += fmt.Sprintf("What was erased after %s is back: erase it again before anybody reads it.\n", got.Manifest.MadeAt.Format(time.RFC3339))
	words += fmt.Sprintf("Outgoing mail is stopped. %d messages were about to leave; each waits for a person in the outbox.\n", got.Held)
	if got.Older {
		words += "This state is older than a kept checkpoint: say so to those who keep them.\n"
	}
	if !got.TeamKeys {
		_, team := app.RootKeyFiles(c.Config)
		words += "The root key of the key process is missing: put it at " + team + " before you serve.\n"
	}
	return e.answer(c.JSON, got, words)
}
