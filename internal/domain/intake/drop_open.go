package intake

import (
	"bytes"
	"context"
	"crypto/hpke"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// dropTries is how often a drop is tried before it is set aside for a person.
const dropTries = 3

// errTaken says that another process opened the drop.
var errTaken = errors.New("the drop was opened by another process")

// OpenDrops turns waiting drops into reports and additions, each exactly once, and gives how many. A drop that cannot be taken is tried
// again, then set aside and recorded; it hinders no other.
func (s *Service) OpenDrops(ctx context.Context) (int, error) {
	type box struct {
		id     int64
		sealed []byte
		at     time.Time
	}
	var key hpke.PrivateKey
	done, last := 0, int64(0)
	var failed []error
	for {
		some, err := db.All(ctx, s.DB, func(r *db.Rows) (box, error) {
			var b box
			return b, r.Scan(&b.id, &b.sealed, &b.at)
		}, `SELECT id, sealed, dropped_at FROM intake_drop WHERE aside_at IS NULL AND id > $1 ORDER BY id LIMIT 8`, last)
		if err != nil {
			return done, err
		}
		if len(some) == 0 {
			return done, errors.Join(failed...)
		}
		if key == nil {
			if key, err = s.privateDropKey(ctx); err != nil {
				return done, err
			}
		}
		for _, b := range some {
			last = b.id
			err := s.openDrop(ctx, key, b.id, b.sealed, b.at)
			switch {
			case err == nil:
				done++
			case errors.Is(err, errTaken):
			case ctx.Err() != nil:
				return done, ctx.Err()
			default:
				failed = append(failed, fmt.Errorf("open drop %d: %w", b.id, err), s.tried(ctx, b.id))
			}
		}
	}
}

func (s *Service) openDrop(ctx context.Context, key hpke.PrivateKey, drop int64, box []byte, at time.Time) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("open a drop: %w", errs.Panic(p))
		}
	}()
	kdf, aead := statusSuite()
	raw, err := hpke.Open(key, kdf, aead, []byte(dropInfo), box)
	if err != nil {
		return err
	}
	var in dropped
	if err := json.Unmarshal(raw, &in); err != nil {
		return errors.New("a drop that cannot be read")
	}
	remove := func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM intake_drop WHERE id = $1 AND aside_at IS NULL`, drop)
		if err == nil && n == 0 {
			return errTaken
		}
		for _, u := range in.Uploads {
			if err == nil {
				err = dropUploads(ctx, tx, u.UID)
			}
		}
		return err
	}
	var files []correspondence.FileIn
	for _, f := range in.Files {
		files = append(files, correspondence.FileIn{Name: f.Name, Type: f.Type, Content: bytes.NewReader(f.Content)})
	}
	for _, u := range in.Uploads {
		content, err := readUpload(ctx, s.DB, u)
		if err != nil {
			return err
		}
		files = append(files, correspondence.FileIn{Name: u.Name, Type: u.Type, Content: content})
	}
	if in.Suspicious && s.Suspicion != nil {
		text := in.Body.Description
		if in.Body.Summary != "" && text == "" {
			text = in.Body.Summary
		}
		return s.Suspicion(ctx, Suspicious{At: at, Text: text, Email: in.Body.Email, Lang: in.Lang, Files: files}, remove)
	}
	if in.Reply != nil {
		if s.Linked == nil {
			return errs.New(errs.Unavailable, "nobody takes answers by link")
		}
		return s.Linked(ctx, in.CodeHash, in.Reply, at, remove)
	}
	if in.Registration != nil {
		if s.Registered == nil {
			return errs.New(errs.Unavailable, "nobody takes registrations")
		}
		return s.Registered(ctx, Registered{At: at, Reference: in.Reference, CodeHash: in.CodeHash, CodeKey: in.CodeKey, Lang: in.Lang, Said: in.Registration, Files: files}, remove)
	}
	if in.Add && in.Prove != "" {
		return s.prove(ctx, in.CodeHash, in.Prove, remove)
	}
	if in.Add {
		_, err := s.addByHash(ctx, in.CodeHash, in.Text, files, in.Later.told(at), remove)
		return err
	}
	by := access.Stranger(access.ByPage, in.Lang)
	input := asWho(by, ReceiveInput{
		Channel: correspondence.Channel(in.Channel), Lang: in.Lang, TLP: in.TLP, Body: in.Body, OccurredAt: in.OccurredAt, DetectedAt: in.DetectedAt,
		AwareAt: in.AwareAt, Proof: correspondence.Claimed, Original: in.Original, Reference: in.Reference, CodeHash: in.CodeHash, CodeKey: in.CodeKey,
		Filings: in.Filings, Answers: in.Answers, ToldAt: at,
	})
	if err := Validate(input, s.Clock.Now()); err != nil {
		return err
	}
	kept, err := s.keepUpTo(ctx, MaxFileBytes+MaxUploadBytes, files)
	if err != nil {
		return err
	}
	input = s.Ready(by, input, kept)
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := remove(ctx, tx); err != nil {
			return err
		}
		_, err := s.receive(ctx, tx, by, input, kept)
		return err
	})
}

// tried counts a failed try; the last one sets the drop aside and says so in the record, which prompts a person.
func (s *Service) tried(ctx context.Context, drop int64) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := s.Clock.Now()
		n, err := tx.Exec(ctx, `UPDATE intake_drop SET tries = tries + 1 WHERE id = $1 AND tries < $2`, drop, dropTries-1)
		if err != nil || n == 1 {
			return err
		}
		if n, err = tx.Exec(ctx, `UPDATE intake_drop SET aside_at = $2, tries = tries + 1 WHERE id = $1 AND aside_at IS NULL`, drop, now); err != nil || n == 0 {
			return err
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: access.System("intake"), Verb: "intake.drop_aside", Data: map[string]any{"drop": drop}})
		return err
	})
}

// dropRhythm is how often the box is looked into when nobody rings.
const dropRhythm = 200 * time.Millisecond

// WatchDrops opens drops until ctx ends: at each wake, and every 200 ms. App runs it in one goroutine of a process with keys.
func (s *Service) WatchDrops(ctx context.Context, wake <-chan struct{}, log *slog.Logger) {
	t := time.NewTicker(dropRhythm)
	defer t.Stop()
	for {
		if _, err := s.OpenDrops(ctx); err != nil && ctx.Err() == nil {
			log.Warn("drops", "error", errs.Of(err).String(), "detail", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-t.C:
		}
	}
}
