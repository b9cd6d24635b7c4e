// Package draft keeps a person's unsent text by object and field, sealed under the object's key and bound to that person; it is never
// searched or audited. Table: draft_text.
package draft

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Service keeps drafts.
type Service struct {
	DB    *db.DB
	Clock clock.Clock
	Ring  *keyring.Ring
}

// MaxBytes is the longest draft.
const MaxBytes = 256 << 10

func place(account int64, on ref.Ref, field string) string {
	return fmt.Sprintf("draft_text.sealed:%d:%s:%s", account, on, field)
}

// Save stores a draft and gives the moment at which it was stored; empty text removes it. The actor must be able to see the object.
func (s *Service) Save(ctx context.Context, by access.Actor, on ref.Ref, field, text string) (time.Time, error) {
	if by.Account == 0 {
		return time.Time{}, errs.New(errs.Unauthenticated, "sign in first")
	}
	if len(text) > MaxBytes || len(field) > 64 {
		return time.Time{}, errs.New(errs.Limit, "the draft is too long to be kept here")
	}
	now := s.Clock.Now()
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := access.Load(ctx, tx, by, on); err != nil {
			return err
		}
		if text == "" {
			return s.DropTx(ctx, tx, by, on, field)
		}
		k, err := s.Ring.Get(ctx, tx, on.ID)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO draft_text (account, kind, object, field, sealed, saved_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (account, kind, object, field) DO UPDATE SET sealed = excluded.sealed, saved_at = excluded.saved_at`,
			by.Account, int64(on.Kind), on.ID, field, k.Seal(place(by.Account, on, field), []byte(text)), now)
		return err
	})
	return now, err
}

// Load gives a draft, "" for none.
func (s *Service) Load(ctx context.Context, by access.Actor, on ref.Ref, field string) (string, time.Time, error) {
	var sealed []byte
	var at time.Time
	err := s.DB.QueryRow(ctx, `SELECT sealed, saved_at FROM draft_text WHERE account = $1 AND kind = $2 AND object = $3 AND field = $4`,
		by.Account, int64(on.Kind), on.ID, field).Scan(&sealed, &at)
	if errs.Is(err, errs.NotFound) {
		return "", time.Time{}, nil
	}
	if err != nil {
		return "", time.Time{}, err
	}
	k, err := s.Ring.Get(ctx, s.DB, on.ID)
	if err != nil {
		return "", time.Time{}, err
	}
	text, err := k.Open(place(by.Account, on, field), sealed)
	return string(text), at, err
}

// Writer is one of the team who has an unsent text.
type Writer struct {
	Account int64
	At      time.Time // saved last
}

// Writers gives who but the reader has an unsent text on objects, who wrote last first; never what. The caller has read the objects under the reader's
// scope; nobody outside the team is told.
func (s *Service) Writers(ctx context.Context, h db.Handle, by access.Actor, objects ...int64) (map[int64][]Writer, error) {
	out := map[int64][]Writer{}
	if len(objects) == 0 || !by.Team() {
		return out, nil
	}
	q := db.In(new(db.Query).Add(`SELECT object, account, MAX(saved_at) FROM draft_text WHERE object IN `), objects).
		Add(` AND account <> ? GROUP BY object, account ORDER BY MAX(saved_at) DESC, account LIMIT 500`, by.Account)
	rows, err := q.Query(ctx, h)
	return out, db.Each(rows, err, func(r *db.Rows) error {
		var object int64
		var w Writer
		if err := r.Scan(&object, &w.Account, &w.At); err != nil {
			return err
		}
		out[object] = append(out[object], w)
		return nil
	})
}

// Sweep forgets drafts that were saved too long ago, but not those of what is held. A job calls it.
func (s *Service) Sweep(ctx context.Context) error {
	_, err := s.DB.Exec(ctx, `DELETE FROM draft_text WHERE saved_at < $1 AND `+retain.Free("draft_text.object"), s.Clock.Now().Add(-retain.DraftsFor))
	return err
}

// DropTx removes a draft when its text was sent.
func (s *Service) DropTx(ctx context.Context, tx *db.Tx, by access.Actor, on ref.Ref, field string) error {
	_, err := tx.Exec(ctx, `DELETE FROM draft_text WHERE account = $1 AND kind = $2 AND object = $3 AND field = $4`, by.Account, int64(on.Kind), on.ID, field)
	return err
}
