package intake

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// PieceBytes is how much of a file that comes in one piece is in memory at a time, whatever its size; on disk it is one part.
const PieceBytes = 1 << 20

// comingFor is how long a file that comes in one piece may show no new piece before it counts as broken off: longer than the listeners wait.
const comingFor = 10 * time.Minute

// Taking says how files that come in one piece are kept: those of a browser that runs no script.
type Taking struct {
	Code  id.Secret    // of the form or report
	Most  int64        // bytes of all files of the code together
	Loose bool         // what is kept is read by this process, for a verb, and never listed: ForgetUploads ends it, or the day
	Known bool         // who sends has signed in: what strangers fill leaves room for it
	Each  func() error // asked before each piece is kept; may be nil
}

// Streamed is a file that came in one piece, kept in parts.
type Streamed struct {
	Upload
	key []byte
}

// Open reads it, one part at a time.
func (t Streamed) Open(ctx context.Context, h db.Handle) (io.ReadSeeker, error) {
	return readUpload(ctx, h, heldUpload{UID: t.UID, Name: t.Name, Type: t.Type, Size: t.Size, Key: t.key, SHA256: t.SHA256})
}

var pieces = sync.Pool{New: func() any {
	b := make([]byte, PieceBytes)
	return &b
}}

// TakeFile keeps a file while it comes, of a size that nobody has said: each MiB is sealed and on disk before the next is read. A reader that fails, or a
// refusal in the middle, leaves nothing; an error of r is given as it is. The same file twice under a code is one. What has neither a name nor a byte is no file:
// the zero Streamed. Refused: Invalid when the files of the code would be more than t.Most or MaxFiles, Conflict when it was removed meanwhile, Unavailable while
// too much is kept, and what t.Each says.
func TakeFile(ctx context.Context, d *db.DB, c clock.Clock, t Taking, name, kind string, r io.Reader) (out Streamed, err error) {
	if !id.Valid(t.Code.Reveal()) {
		return out, errs.ErrNotFound
	}
	x, err := newUpload(fileName(name), kind)
	if err != nil {
		return out, err
	}
	x.secret.Coming = true
	defer func() {
		if err != nil && x.parts > 0 {
			away, cancel := context.WithTimeout(db.On(context.WithoutCancel(ctx), db.House), 10*time.Second) // also on a full disk
			defer cancel()
			err = errors.Join(err, ForgetUpload(away, d, t.Code, x.UID))
		}
	}()
	sum := sha256.New()
	b := pieces.Get().(*[]byte)
	defer pieces.Put(b)
	for {
		n, last, err := fill(r, *b)
		if err != nil {
			return out, err
		}
		if last && n == 0 && x.parts == 0 && name == "" {
			return out, nil
		}
		if t.Each != nil && n > 0 {
			if err := t.Each(); err != nil {
				return out, err
			}
		}
		piece := (*b)[:n]
		sum.Write(piece)
		if last {
			if x.secret.State, err = sum.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
				return out, err
			}
			x.SHA256 = hex.EncodeToString(sum.Sum(nil))
		}
		var next uploadRow
		err = d.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			next, err = t.put(ctx, tx, c.Now(), x, piece, last)
			return err
		})
		if err != nil {
			return out, err
		}
		if x = next; last {
			return Streamed{x.Upload, x.secret.Key}, nil
		}
	}
}

// fill reads until b is full or r ends.
func fill(r io.Reader, b []byte) (n int, last bool, err error) {
	for n < len(b) {
		m, err := r.Read(b[n:])
		n += m
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// put keeps one piece, and with the last one makes the file count. Until then its size is said to be a byte more than what is here: it is not whole.
func (t Taking) put(ctx context.Context, tx *db.Tx, now time.Time, x uploadRow, piece []byte, last bool) (uploadRow, error) {
	all, err := standing(ctx, tx, now, t.Code)
	if err != nil {
		return x, err
	}
	var mine int64
	here, others := x.parts == 0, 0
	for _, u := range all {
		if u.UID == x.UID {
			here = true
			continue
		}
		if others++; u.secret.Coming {
			mine += u.Got
		} else {
			mine += u.Size
		}
	}
	n := int64(len(piece))
	switch {
	case !here:
		return x, ErrOffset
	case mine+x.Got+n > t.Most || others >= MaxFiles:
		return x, ErrTooLarge
	}
	if err := uploadRoom(ctx, tx, mine+x.Got, n, t.Known); err != nil {
		return x, err
	}
	first := x.parts == 0
	x.Got += n
	if x.Size = x.Got + 1; last {
		x.Size = x.Got
		for _, u := range all {
			if u.UID != x.UID && !t.Loose && u.Whole() && u.Name == x.Name && u.Size == x.Size && u.SHA256 == x.SHA256 {
				return u, dropUploads(ctx, tx, x.UID)
			}
		}
		x.secret.Coming = t.Loose
	}
	size := x.Size
	if t.Loose {
		size = x.Got + 1 // the day ends what a process leaves that dies
	}
	sealed, err := sealUpload(t.Code, x.UID, x.secret)
	if err != nil {
		return x, err
	}
	if first {
		_, err = tx.Exec(ctx, `INSERT INTO intake_upload (uid, key, sealed, size, touched_at) VALUES ($1, $2, $3, $4, $5)`, x.UID, codeMAC(t.Code, "uploads"), sealed, size, now)
	}
	if err == nil && n > 0 {
		err = putPiece(ctx, tx, &x, piece)
	}
	if err == nil {
		_, err = tx.Exec(ctx, `UPDATE intake_upload SET size = $2, got = $3, parts = $4, sealed = $5, touched_at = $6 WHERE uid = $1`, x.UID, size, x.Got, x.parts, sealed, now)
	}
	return x, err
}

// putPiece seals a part at its place.
func putPiece(ctx context.Context, tx *db.Tx, x *uploadRow, piece []byte) error {
	aead, err := uploadCipher(x.secret.Key)
	if err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(piece)+aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO intake_upload_part (upload, seq, size, sealed) VALUES ($1, $2, $3, $4)`,
		x.UID, x.parts, int64(len(piece)), aead.Seal(nonce, nonce, piece, partPlace(x.UID, x.parts)))
	x.parts++
	return err
}

// standing reads and locks all uploads of a code, and lets no other begin meanwhile. What broke off while it came in one piece goes.
func standing(ctx context.Context, tx *db.Tx, now time.Time, code id.Secret) ([]uploadRow, error) {
	type one struct {
		uploadRow
		sealed  []byte
		touched time.Time
	}
	key := codeMAC(code, "uploads")
	if err := tx.Hold(ctx, key); err != nil {
		return nil, err
	}
	all, err := db.All(ctx, tx, func(r *db.Rows) (x one, err error) {
		return x, r.Scan(&x.UID, &x.Size, &x.Got, &x.parts, &x.sealed, &x.touched)
	}, `SELECT uid, size, got, parts, sealed, touched_at FROM intake_upload WHERE key = $1 ORDER BY id`+tx.ForUpdate(), key)
	if err != nil {
		return nil, err
	}
	var out []uploadRow
	for _, x := range all {
		if err := x.open(code, x.sealed); err != nil {
			return nil, err
		}
		if x.secret.Coming && !x.Whole() && x.touched.Before(now.Add(-comingFor)) {
			if err := dropUploads(ctx, tx, x.UID); err != nil {
				return nil, err
			}
			continue
		}
		out = append(out, x.uploadRow)
	}
	return out, nil
}

// mostUploadRows is how many files of forms that were not sent are kept of strangers.
const mostUploadRows = 100_000

// uploadRoom tells whether more may be kept of what was not sent. A form's first 25 MiB have a room of their own beside the large files, and who has signed in
// has another: a flood of large files closes the door neither to small ones nor to those we know.
func uploadRoom(ctx context.Context, h db.Handle, mine, more int64, known bool) error {
	var all, rows int64
	if err := h.QueryRow(ctx, `SELECT COALESCE(SUM(got), 0), COUNT(*) FROM intake_upload WHERE dropped_at IS NULL`).Scan(&all, &rows); err != nil {
		return err
	}
	most, files := int64(mostUploads), int64(mostUploadRows)
	if mine+more <= MaxFileBytes {
		most += mostKept
	}
	if known {
		most, files = most+mostKept, 2*files
	}
	if all+more > most || rows >= files {
		return &errs.Error{Kind: errs.Unavailable, Key: "error.uploads_full", Text: "no more large files can be kept now"}
	}
	return nil
}

// ForgetUploads removes all uploads of a code.
func ForgetUploads(ctx context.Context, d *db.DB, code id.Secret) error {
	if !id.Valid(code.Reveal()) {
		return nil
	}
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return forgetUploads(ctx, tx, code) })
}

func forgetUploads(ctx context.Context, tx *db.Tx, code id.Secret) error {
	all, err := db.All(ctx, tx, func(r *db.Rows) (uid string, err error) { return uid, r.Scan(&uid) },
		`SELECT uid FROM intake_upload WHERE key = $1 ORDER BY id`+tx.ForUpdate(), codeMAC(code, "uploads"))
	if err != nil {
		return err
	}
	return dropUploads(ctx, tx, all...)
}

// fileName is the name of a file as a browser says it, as far as it can be kept: what it is is no reason to refuse the file.
func fileName(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD"))
	if runes := []rune(s); len(runes) > 250 {
		s = string(runes[:250])
	}
	if s == "" {
		return "file"
	}
	return s
}
