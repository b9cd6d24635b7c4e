package intake

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// mostKept is how many bytes of forms that were not sent yet are kept for all of them together.
const mostKept = 1 << 30

// KeepFiles keeps the files of a form that has to be shown again, sealed with its code: only the browser that holds the form can have them
// back, and nobody here can read them. It is Limit when the files of the form would be larger than MaxFileBytes or more than MaxFiles, or
// when too much is kept already.
func KeepFiles(ctx context.Context, d *db.DB, now time.Time, code id.Secret, files []correspondence.FileIn) error {
	held, err := hold(files, MaxFileBytes)
	if err != nil || len(held) == 0 {
		return err
	}
	seal, err := keptCipher(code)
	if err != nil {
		return err
	}
	key := codeMAC(code, "kept files")
	type one struct {
		uid    string
		sealed []byte
		size   int64
	}
	var all []one
	var size int64
	for _, f := range held {
		raw, err := json.Marshal(f)
		if err != nil {
			return err
		}
		nonce := make([]byte, seal.NonceSize())
		if _, err := rand.Read(nonce); err != nil {
			return err
		}
		uid := id.New()
		all = append(all, one{uid, seal.Seal(nonce, nonce, raw, []byte(uid)), int64(len(f.Content))})
		size += int64(len(f.Content))
	}
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var mine, count, others int64
		if err := tx.QueryRow(ctx, `SELECT COALESCE(SUM(size), 0), COUNT(*) FROM intake_kept WHERE key = $1`, key).Scan(&mine, &count); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT COALESCE(SUM(size), 0) FROM intake_kept WHERE kept_at >= $1`, now.Add(-retain.UnsentFor)).Scan(&others); err != nil {
			return err
		}
		if mine+size > MaxFileBytes || count+int64(len(all)) > MaxFiles || others+size > mostKept {
			return errs.New(errs.Limit, "these files cannot be kept")
		}
		for i, f := range all {
			if _, err := tx.Exec(ctx, `INSERT INTO intake_kept (uid, key, place, sealed, size, kept_at) VALUES ($1, $2, $3, $4, $5, $6)`,
				f.uid, key, count+int64(i), f.sealed, f.size, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// KeptFiles gives the files that were kept for a form, in the order they came.
func KeptFiles(ctx context.Context, h db.Handle, now time.Time, code id.Secret) ([]correspondence.FileIn, error) {
	open, err := keptCipher(code)
	if err != nil {
		return nil, err
	}
	type one struct {
		uid    string
		sealed []byte
	}
	all, err := db.All(ctx, h, func(r *db.Rows) (f one, err error) { return f, r.Scan(&f.uid, &f.sealed) },
		`SELECT uid, sealed FROM intake_kept WHERE key = $1 AND kept_at >= $2 ORDER BY place, uid`, codeMAC(code, "kept files"), now.Add(-retain.UnsentFor))
	if err != nil {
		return nil, err
	}
	var out []correspondence.FileIn
	for _, f := range all {
		n := open.NonceSize()
		if len(f.sealed) < n {
			return nil, errs.New(errs.Internal, "a kept file is cut off")
		}
		raw, err := open.Open(nil, f.sealed[:n], f.sealed[n:], []byte(f.uid))
		if err != nil {
			return nil, err
		}
		var held heldFile
		if err := json.Unmarshal(raw, &held); err != nil {
			return nil, err
		}
		out = append(out, correspondence.FileIn{Name: held.Name, Type: held.Type, Content: bytes.NewReader(held.Content)})
	}
	return out, nil
}

// ForgetFiles removes what was kept for a form.
func ForgetFiles(ctx context.Context, h db.Handle, code id.Secret) error {
	_, err := h.Exec(ctx, `DELETE FROM intake_kept WHERE key = $1`, codeMAC(code, "kept files"))
	return err
}

func keptCipher(code id.Secret) (cipher.AEAD, error) {
	block, err := aes.NewCipher(codeMAC(code, "kept key"))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
