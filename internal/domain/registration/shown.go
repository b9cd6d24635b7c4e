package registration

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/codebox"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// What the holder of a code sees is made by the house whenever something changes, and sealed to the key that the code makes (decision 0007): a page
// without keys shows it to that holder and can read nothing else.

const shownInfo = "tocsin registration shown v1"

// ShownWord is something that was asked or answered, as the applicant reads it.
type ShownWord struct {
	Ours bool      `json:"ours,omitempty"`
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Shown is what the page of a registration shows. It says nothing of what the register knows.
type Shown struct {
	Reference  string      `json:"reference"`
	State      State       `json:"state"`
	Name       string      `json:"name"`
	ReceivedAt time.Time   `json:"received_at"`
	DecidedAt  time.Time   `json:"decided_at,omitzero"`
	Class      scope.Class `json:"class,omitempty"` // as decided, when it was approved
	Reason     string      `json:"reason,omitempty"`
	Pointer    string      `json:"pointer,omitempty"`
	Words      []ShownWord `json:"words,omitempty"`
	Files      int         `json:"files,omitempty"`
}

// Look gives what the page of a registration shows, with nothing but its code: for processes without keys. An unknown or mistyped code is
// errs.ErrNotFound.
func Look(ctx context.Context, h db.Handle, code id.Secret) (Shown, error) {
	var v Shown
	if !id.Valid(code.Reveal()) {
		return v, errs.ErrNotFound
	}
	var sealed []byte
	if err := h.QueryRow(ctx, `SELECT sealed FROM registration_shown WHERE hash = $1`, code.Hash()).Scan(&sealed); err != nil {
		return v, err
	}
	raw, err := codebox.Open(code, intake.RegistrationPurpose, shownInfo, sealed)
	if err != nil {
		return v, fmt.Errorf("open what a registration shows: %w", err)
	}
	return v, json.Unmarshal(raw, &v)
}

// outward is a registration as its applicant reads it.
func (r *Registration) outward(words []Word, files int) Shown {
	v := Shown{Reference: r.Reference, State: r.State, Name: r.Said.Name, ReceivedAt: r.ReceivedAt, Files: files}
	switch r.State {
	case Second: // how many of us look is ours
		v.State = New
	case Approved:
		v.Class, v.DecidedAt = r.Decision.Class, r.DecidedAt
	case Refused:
		v.Reason, v.Pointer, v.DecidedAt = r.Decision.Reason, r.Decision.Pointer, r.DecidedAt
	}
	for _, w := range words {
		v.Words = append(v.Words, ShownWord{w.Ours, w.At, w.Text})
	}
	return v
}

// showTx writes anew what the code of a registration shows.
func (s *Service) showTx(ctx context.Context, tx *db.Tx, r *Registration) error {
	words, err := s.words(ctx, tx, r.Ref.ID)
	if err != nil {
		return err
	}
	return s.show(ctx, tx, r, words)
}

func (s *Service) show(ctx context.Context, tx *db.Tx, r *Registration, words []Word) error {
	if len(r.code) == 0 {
		return nil
	}
	var files int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM registration_file WHERE registration = $1`, r.Ref.ID).Scan(&files); err != nil {
		return err
	}
	raw, err := json.Marshal(r.outward(words, files))
	if err != nil {
		return err
	}
	sealed, err := codebox.Seal(r.public, shownInfo, raw)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO registration_shown (hash, sealed, shown_at) VALUES ($1, $2, $3)
		ON CONFLICT (hash) DO UPDATE SET sealed = excluded.sealed, shown_at = excluded.shown_at`, r.code, sealed, s.Clock.Now())
	return err
}
