package intake

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// A form carries a code, so a form that is sent twice is known again: by the button pressed twice, a page loaded anew, or the way back. The
// same words are taken once; other words are a correction, and become an addition to the report.

// codeMAC makes a keyed hash that only who holds the code can make or recognise.
func codeMAC(code id.Secret, purpose string, parts ...[]byte) []byte {
	key, err := hkdf.Key(sha256.New, []byte(code.Reveal()), nil, "tocsin intake "+purpose+" v1", 32)
	if err != nil {
		panic(err) // 32 bytes of HKDF
	}
	m := hmac.New(sha256.New, key)
	for _, p := range parts {
		one := sha256.Sum256(p)
		m.Write(one[:])
	}
	return m.Sum(nil)
}

// sum is what makes a form the same one again: what was said and the files, in whatever language the page was.
func (d dropped) sum(code id.Secret, brought []Upload) []byte {
	d.Lang, d.Original, d.Reference, d.CodeHash, d.CodeKey, d.Uploads = "", nil, "", nil, nil, nil
	raw, err := json.Marshal(d)
	if err != nil {
		panic(err) // texts, times and bytes
	}
	var names []string
	for _, u := range brought {
		names = append(names, u.SHA256+u.Name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		raw = append(append(raw, 0), name...)
	}
	return codeMAC(code, "sum", raw)
}

// Taken gives the reference under which the form with this code was taken, how many files came with it, and when. A code whose form was not
// sent, or not within the last days, is errs.ErrNotFound.
func Taken(ctx context.Context, h db.Handle, code id.Secret) (reference string, files int, at time.Time, err error) {
	if !id.Valid(code.Reveal()) {
		return "", 0, at, errs.ErrNotFound
	}
	err = h.QueryRow(ctx, `SELECT reference, files, taken_at FROM intake_taken WHERE key = $1 AND reference <> ''`, code.Hash()).Scan(&reference, &files, &at)
	return reference, files, at, err
}

// mark notes that a form was taken. It tells false, with what was noted then, when it had been.
func mark(ctx context.Context, tx *db.Tx, key, sum []byte, reference string, files int, now time.Time) (fresh bool, earlier string, same bool, err error) {
	n, err := tx.Exec(ctx, `INSERT INTO intake_taken (key, sum, reference, files, taken_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO NOTHING`,
		key, sum, reference, int64(files), now)
	if err != nil || n == 1 {
		return n == 1, "", false, err
	}
	var before []byte
	err = tx.QueryRow(ctx, `SELECT sum, reference FROM intake_taken WHERE key = $1`, key).Scan(&before, &earlier)
	return false, earlier, hmac.Equal(before, sum), err
}

// markDrawn is mark with a reference that nobody has, drawn for the form. A form that was taken before keeps its reference and draws none: the public process
// could not give it back.
func markDrawn(ctx context.Context, tx *db.Tx, prefix string, key, sum []byte, files int, now time.Time) (reference string, fresh, same bool, err error) {
	for range 20 {
		r := id.Reference(prefix, now.Year())
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM intake_reference WHERE reference = $1`, r).Scan(&n); err != nil {
			return "", false, false, err
		}
		if n > 0 {
			continue
		}
		fresh, earlier, same, err := mark(ctx, tx, key, sum, r, files, now)
		if err != nil || !fresh {
			return earlier, false, same, err
		}
		ok, err := takeReference(ctx, tx, r)
		if err == nil && !ok { // drawn by another in the same moment
			break
		}
		return r, true, false, err
	}
	return "", false, false, errs.New(errs.Unavailable, "no reference is free; try again in a moment")
}
