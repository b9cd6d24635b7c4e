package app

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/schema"
)

// A backup is one file: age (recovery recipients) around zstd around tar, with the manifest as the last entry. It holds the database as it
// stood at one moment, the sealed private keys of the team, the blobs and the kept letters; never a root key (rule K9).
const (
	backupFormat = "tocsin backup/1"
	manifestName = "manifest.json"
	databaseName = "tocsin.db"
	teamKeysName = "team.keys"
)

// backupFolders are the folders of the data folder that a backup holds.
var backupFolders = []string{"blobs", "outbox"}

// Manifest says what is in a backup.
type Manifest struct {
	Format  string    `json:"format"`
	Program string    `json:"program"`
	Team    string    `json:"team"`
	MadeAt  time.Time `json:"made_at"`
	Schema  string    `json:"schema"`
	// Migration is the number of the schema, when the database is kept as rows.
	Migration int64         `json:"migration,omitempty"`
	Audit     ManifestAudit `json:"audit"`
	Parts     []Part        `json:"parts"`
}

// ManifestAudit says how far the record went.
type ManifestAudit struct {
	Size       int64  `json:"size"`
	Checkpoint string `json:"checkpoint"`
}

// Part is one file of a backup.
type Part struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Backup writes everything to w while others go on working. Progress is called after each file; it may be nil.
func (h *House) Backup(ctx context.Context, w io.Writer, progress func(files int, bytes int64)) (Manifest, error) {
	m := Manifest{Format: backupFormat, Program: Version, Team: h.Profile.Name, MadeAt: h.Clock.Now().UTC(), Schema: schema.Version()}
	list, err := h.Recovery(ctx)
	if err != nil {
		return m, err
	}
	recipients, err := ParseRecovery(list)
	if err != nil {
		return m, err
	}
	temp, err := os.MkdirTemp(h.Config.Data, "backup-")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(temp)
	// The record says that a backup was made before it is made, so that the backup itself tells.
	if err := h.recordBackup(ctx); err != nil {
		return m, err
	}
	if err := h.Settle(ctx); err != nil {
		return m, err
	}
	snapshot := filepath.Join(temp, databaseName)
	if h.DB.Engine() == db.SQLite {
		if err := h.DB.Snapshot(ctx, snapshot); err != nil {
			return m, fmt.Errorf("back up database: %w", err)
		}
		if m.Audit, err = auditOfFile(ctx, snapshot); err != nil {
			return m, fmt.Errorf("read the backed up database: %w", err)
		}
	}
	sealed, err := age.Encrypt(w, recipients...)
	if err != nil {
		return m, fmt.Errorf("encrypt backup: %w", err)
	}
	packed, err := zstd.NewWriter(sealed, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return m, err
	}
	a := &archive{tar: tar.NewWriter(packed), manifest: &m, progress: progress}
	if err := h.backUpDatabase(ctx, a, snapshot); err != nil {
		return m, err
	}
	if err := a.file(ctx, keysFile(h.Config), teamKeysName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	// Blobs come after the database: a blob is on disk before a row names it, so each that the snapshot names is still here, unless its
	// retention ended meanwhile.
	for _, dir := range backupFolders {
		if err := a.folder(ctx, h.Config.Data, dir); err != nil {
			return m, err
		}
	}
	return m, errors.Join(a.end(), packed.Close(), sealed.Close())
}

// backUpDatabase writes the snapshot of SQLite as it is, and PostgreSQL as rows of one moment.
func (h *House) backUpDatabase(ctx context.Context, a *archive, snapshot string) (err error) {
	if h.DB.Engine() == db.SQLite {
		return a.file(ctx, snapshot, databaseName)
	}
	if a.manifest.Migration, _, err = schema.At(ctx, h.DB); err != nil {
		return err
	}
	return dumpRows(ctx, h.DB, func(at db.Handle) (err error) {
		a.manifest.Audit, err = auditOf(ctx, at)
		return err
	}, func(name string, content []byte) error {
		return a.part(ctx, name, int64(len(content)), bytes.NewReader(content))
	})
}

const settingBackup = "backup.last"

func (h *House) recordBackup(ctx context.Context) error {
	now := h.Clock.Now()
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := setting.Put(ctx, tx, 0, now, settingBackup, now); err != nil {
			return err
		}
		err := h.Audit.Write(ctx, tx, audit.Entry{At: now, By: access.System("backup"), Verb: "house.backup"})
		return err
	})
}

// auditOfFile opens the snapshot, which proves that it can be read, and says how far its record goes.
func auditOfFile(ctx context.Context, file string) (ManifestAudit, error) {
	var out ManifestAudit
	d, err := db.Open(ctx, db.Config{Path: file, Conns: 1})
	if err != nil {
		return out, err
	}
	defer d.Close()
	return auditOf(ctx, d)
}

func auditOf(ctx context.Context, h db.Handle) (out ManifestAudit, err error) {
	err = h.QueryRow(ctx, `SELECT (SELECT COALESCE(MAX(seq), 0) FROM audit_number), COALESCE((SELECT note FROM audit_checkpoint ORDER BY size DESC LIMIT 1), '')`).
		Scan(&out.Size, &out.Checkpoint)
	return out, err
}

// archive writes files and keeps their hashes.
type archive struct {
	tar      *tar.Writer
	manifest *Manifest
	progress func(int, int64)
	bytes    int64
}

func (a *archive) file(ctx context.Context, from, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return a.part(ctx, name, st.Size(), f)
}

func (a *archive) part(ctx context.Context, name string, size int64, from io.Reader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := a.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(a.tar, sum), from, size); err != nil {
		return fmt.Errorf("back up %s: %w", name, err)
	}
	a.manifest.Parts = append(a.manifest.Parts, Part{name, size, hex.EncodeToString(sum.Sum(nil))})
	a.bytes += size
	if a.progress != nil {
		a.progress(len(a.manifest.Parts), a.bytes)
	}
	return nil
}

// folder writes what is in a folder; what vanishes meanwhile, and what is not finished yet, is left out.
func (a *archive) folder(ctx context.Context, data, dir string) error {
	return filepath.WalkDir(filepath.Join(data, dir), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.IsDir() && (e.Name() == "tmp" || strings.HasPrefix(e.Name(), ".")) {
			return fs.SkipDir
		}
		if !e.Type().IsRegular() {
			return nil
		}
		name, err := filepath.Rel(data, path)
		if err != nil {
			return err
		}
		if err := a.file(ctx, path, filepath.ToSlash(name)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

func (a *archive) end() error {
	b, err := json.MarshalIndent(a.manifest, "", "  ")
	if err != nil {
		return err
	}
	if err := a.tar.WriteHeader(&tar.Header{Name: manifestName, Mode: 0o600, Size: int64(len(b)), Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
		return err
	}
	if _, err := a.tar.Write(b); err != nil {
		return err
	}
	return a.tar.Close()
}
