package intake

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Draft is a form that was begun and not sent. Boxes are word for word what was typed, by the name of its control, whether it can be taken or not.
type Draft struct {
	Kind      string            `json:"kind,omitempty"` // "" an incident or what a law asks, vulnerability
	Filings   []Filing          `json:"filings,omitempty"`
	Next      bool              `json:"next,omitempty"`      // a later stage of the report that the code opens
	Corrects  int               `json:"corrects,omitempty"`  // of that report
	Completes int               `json:"completes,omitempty"` // likewise: the submission whose gaps it fills
	Boxes     map[string]string `json:"boxes,omitempty"`
	Done      []int             `json:"done,omitempty"` // pages that were answered
	Once      string            `json:"once,omitempty"`
	SavedAt   time.Time         `json:"saved_at,omitzero"`
}

const (
	maxDraft   = 1 << 20   // bytes of one draft: more than the answers of any form
	mostDrafts = 512 << 20 // bytes of all drafts together
)

// SaveDraft changes the draft of a code and keeps it, sealed so that only who holds the code can have it back. The first call begins one; that is
// Unavailable while too much is kept already, and never for a draft that is there. A draft that would grow beyond 1 MiB is Limit.
func SaveDraft(ctx context.Context, d *db.DB, now time.Time, code id.Secret, change func(*Draft) error) (Draft, error) {
	var out Draft
	if !id.Valid(code.Reveal()) {
		return out, errs.New(errs.Invalid, "a draft needs a code")
	}
	seal, err := draftCipher(code)
	if err != nil {
		return out, err
	}
	key := codeMAC(code, "draft")
	err = d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		there := true
		draft, err := openDraft(ctx, tx, now, code, tx.ForUpdate())
		if errs.Is(err, errs.NotFound) {
			there, err = false, nil
		}
		if err != nil {
			return err
		}
		if draft.Boxes == nil {
			draft.Boxes = map[string]string{}
		}
		if err := change(&draft); err != nil {
			return err
		}
		draft.SavedAt = now.UTC()
		raw, err := json.Marshal(draft)
		if err != nil {
			return err
		}
		if len(raw) > maxDraft {
			return &errs.Error{Kind: errs.Limit, Key: "error.draft_large", Text: "the answers are larger than 1 MiB"}
		}
		if !there {
			var all int64
			if err := tx.QueryRow(ctx, `SELECT COALESCE(SUM(size), 0) FROM intake_draft WHERE saved_at >= $1`, now.Add(-retain.UnsentFor)).Scan(&all); err != nil {
				return err
			}
			if all+int64(len(raw)) > mostDrafts {
				return &errs.Error{Kind: errs.Unavailable, Key: "error.drafts_full", Text: "no more answers can be kept now"}
			}
		}
		nonce := make([]byte, seal.NonceSize())
		if _, err := rand.Read(nonce); err != nil {
			return err
		}
		sealed := seal.Seal(nonce, nonce, raw, key)
		_, err = tx.Exec(ctx, `INSERT INTO intake_draft (key, sealed, size, saved_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed, size = excluded.size, saved_at = excluded.saved_at`, key, sealed, int64(len(sealed)), now)
		if err == nil { // its files stay as long
			_, err = tx.Exec(ctx, `UPDATE intake_kept SET kept_at = $2 WHERE key = $1`, codeMAC(code, "kept files"), now)
		}
		if err == nil {
			_, err = tx.Exec(ctx, `UPDATE intake_upload SET touched_at = $2 WHERE key = $1 AND got = size`, codeMAC(code, "uploads"), now)
		}
		out = draft
		return err
	})
	return out, err
}

// OpenDraft gives the draft of a code; NotFound where there is none, or its time is over (retain.UnsentFor after it was saved last).
func OpenDraft(ctx context.Context, h db.Handle, now time.Time, code id.Secret) (Draft, error) {
	return openDraft(ctx, h, now, code, "")
}

func openDraft(ctx context.Context, h db.Handle, now time.Time, code id.Secret, lock string) (Draft, error) {
	var out Draft
	if !id.Valid(code.Reveal()) {
		return out, errs.ErrNotFound
	}
	open, err := draftCipher(code)
	if err != nil {
		return out, err
	}
	key := codeMAC(code, "draft")
	var sealed []byte
	if err := h.QueryRow(ctx, `SELECT sealed FROM intake_draft WHERE key = $1 AND saved_at >= $2`+lock, key, now.Add(-retain.UnsentFor)).Scan(&sealed); err != nil {
		return out, err
	}
	n := open.NonceSize()
	if len(sealed) < n {
		return out, errs.New(errs.Internal, "a draft is cut off")
	}
	raw, err := open.Open(nil, sealed[:n], sealed[n:], key)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(raw, &out)
}

// ForgetDraft removes the draft of a code.
func ForgetDraft(ctx context.Context, h db.Handle, code id.Secret) error {
	_, err := h.Exec(ctx, `DELETE FROM intake_draft WHERE key = $1`, codeMAC(code, "draft"))
	return err
}

func draftCipher(code id.Secret) (cipher.AEAD, error) {
	block, err := aes.NewCipher(codeMAC(code, "draft key"))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
