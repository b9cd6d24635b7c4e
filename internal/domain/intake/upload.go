package intake

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Limits of files that come in parts.
const (
	MaxUploadBytes = 200 << 20 // all of one form or addition together
	MaxPartBytes   = 4 << 20
	mostUploads    = 4 << 30 // bytes of all that were not sent yet
)

// Upload is a file on its way in, or here whole and not sent yet.
type Upload struct {
	UID    string
	Name   string
	Type   string
	Size   int64  // as it was declared
	Got    int64  // from the beginning, on disk
	SHA256 string // hexadecimal, when it is whole
}

// Whole tells whether all of it is here.
func (u Upload) Whole() bool { return u.Got == u.Size }

// uploadRow is an upload as it is stored.
type uploadRow struct {
	Upload
	parts  int64
	secret uploadSecret
}

// uploadSecret is what only the code opens.
type uploadSecret struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Key   []byte `json:"key"`
	State []byte `json:"state"` // of the SHA-256 so far
	// Coming marks a file that comes in one piece and is not here whole: nobody goes on with it.
	Coming bool `json:"coming,omitempty"`
}

// ErrOffset says that a part does not begin where the upload ends: ask how far it is.
var ErrOffset = &errs.Error{Kind: errs.Conflict, Key: "error.upload_offset", Text: "the part does not begin where the file ends"}

// BeginUpload begins a file of the form or report whose code this is; nothing of it is here yet. Refused: Invalid, also when the files of the code would be
// larger than MaxUploadBytes or more than MaxFiles.
func BeginUpload(ctx context.Context, d *db.DB, now time.Time, code id.Secret, name, kind string, size int64) (Upload, error) {
	var p errs.Problems
	if !id.Valid(code.Reveal()) {
		return Upload{}, errs.ErrNotFound
	}
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		p.Add("name", "error.required")
	case len(name) > 1000 || !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		p.Add("name", "error.characters")
	}
	if size <= 0 {
		p.Add("size", "error.required")
	}
	if err := p.Err(); err != nil {
		return Upload{}, err
	}
	if size > MaxUploadBytes {
		return Upload{}, ErrTooLarge
	}
	x, err := newUpload(name, kind)
	if err != nil {
		return Upload{}, err
	}
	x.Size = size
	sealed, err := sealUpload(code, x.UID, x.secret)
	if err != nil {
		return Upload{}, err
	}
	key := codeMAC(code, "uploads")
	return x.Upload, d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		all, err := standing(ctx, tx, now, code)
		if err != nil {
			return err
		}
		mine := int64(0)
		for _, u := range all {
			mine += u.Size
		}
		if mine+size > MaxUploadBytes || len(all) >= MaxFiles {
			return ErrTooLarge
		}
		_, err = tx.Exec(ctx, `INSERT INTO intake_upload (uid, key, sealed, size, touched_at) VALUES ($1, $2, $3, $4, $5)`, x.UID, key, sealed, size, now)
		return err
	})
}

// newUpload draws a name and a key for a file.
func newUpload(name, kind string) (uploadRow, error) {
	if len(kind) > 200 || !utf8.ValidString(kind) || strings.ContainsRune(kind, 0) {
		kind = ""
	}
	x := uploadRow{Upload: Upload{UID: id.New(), Name: name, Type: kind}}
	x.secret = uploadSecret{Name: name, Type: kind, Key: make([]byte, 32)}
	if _, err := rand.Read(x.secret.Key); err != nil {
		return x, err
	}
	var err error
	x.secret.State, err = sha256.New().(encoding.BinaryMarshaler).MarshalBinary()
	return x, err
}

// ErrTooLarge refuses files of more than MaxUploadBytes together, or more than MaxFiles.
var ErrTooLarge = &errs.Error{Kind: errs.Invalid, Key: "error.upload_large", Text: "the files are larger than 200 MiB together, or more than 50"}

// PutPart adds the next part of an upload; it is on disk when PutPart returns. Sum is the part's SHA-256 as its sender reckoned it. Refused: NotFound for
// another code's, ErrOffset, Invalid for a part that is not what was sent or goes beyond the file, Unavailable while too much is kept.
func PutPart(ctx context.Context, d *db.DB, now time.Time, code id.Secret, upload string, offset int64, sum []byte, part []byte) (Upload, error) {
	return putPart(ctx, d, now, code, upload, offset, sum, part, false)
}

// PutOwnPart is PutPart by who has signed in: what strangers fill leaves room for it.
func PutOwnPart(ctx context.Context, d *db.DB, now time.Time, code id.Secret, upload string, offset int64, sum []byte, part []byte) (Upload, error) {
	return putPart(ctx, d, now, code, upload, offset, sum, part, true)
}

func putPart(ctx context.Context, d *db.DB, now time.Time, code id.Secret, upload string, offset int64, sum []byte, part []byte, known bool) (Upload, error) {
	var out Upload
	if got := sha256.Sum256(part); len(part) == 0 || len(part) > MaxPartBytes || string(got[:]) != string(sum) {
		return out, &errs.Error{Kind: errs.Invalid, Key: "error.upload_part", Text: "the part is empty, larger than 4 MiB, or not what was sent"}
	}
	err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		x, err := openUpload(ctx, tx, code, upload, tx.ForUpdate())
		if err != nil {
			return err
		}
		out = x.Upload
		if offset != x.Got {
			return ErrOffset
		}
		if x.Got+int64(len(part)) > x.Size {
			return &errs.Error{Kind: errs.Invalid, Key: "error.upload_part", Text: "the part goes beyond the file"}
		}
		if x.secret.Coming {
			return errs.ErrNotFound
		}
		if err := uploadRoom(ctx, tx, x.Size-int64(len(part)), int64(len(part)), known); err != nil {
			return err
		}
		h := sha256.New()
		if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(x.secret.State); err != nil {
			return err
		}
		h.Write(part)
		if x.secret.State, err = h.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
			return err
		}
		if err := putPiece(ctx, tx, &x, part); err != nil {
			return err
		}
		sealed, err := sealUpload(code, upload, x.secret)
		if err != nil {
			return err
		}
		x.Got += int64(len(part))
		if x.Whole() {
			x.SHA256 = hex.EncodeToString(h.Sum(nil))
		}
		out = x.Upload
		_, err = tx.Exec(ctx, `UPDATE intake_upload SET got = $2, parts = parts + 1, sealed = $3, touched_at = $4 WHERE uid = $1`, upload, x.Got, sealed, now)
		return err
	})
	return out, err
}

// Uploads gives the files of a code that came in parts and were not sent, in the order in which they were begun. Those that nobody went on with for a day
// are left out.
func Uploads(ctx context.Context, h db.Handle, now time.Time, code id.Secret) ([]Upload, error) {
	all, err := uploadsOf(ctx, h, now, code)
	out := make([]Upload, 0, len(all))
	for _, x := range all {
		if !x.secret.Coming {
			out = append(out, x.Upload)
		}
	}
	return out, err
}

func uploadsOf(ctx context.Context, h db.Handle, now time.Time, code id.Secret) ([]uploadRow, error) {
	if !id.Valid(code.Reveal()) {
		return nil, nil
	}
	type one struct {
		uploadRow
		sealed []byte
	}
	all, err := db.All(ctx, h, func(r *db.Rows) (x one, err error) {
		return x, r.Scan(&x.UID, &x.Size, &x.Got, &x.parts, &x.sealed)
	}, `SELECT uid, size, got, parts, sealed FROM intake_upload WHERE key = $1 AND (touched_at >= $2 OR got = size AND touched_at >= $3) ORDER BY id`,
		codeMAC(code, "uploads"), now.Add(-retain.PartsFor), now.Add(-retain.UnsentFor))
	if err != nil {
		return nil, err
	}
	out := make([]uploadRow, len(all))
	for i, x := range all {
		if err := x.open(code, x.sealed); err != nil {
			return nil, err
		}
		out[i] = x.uploadRow
	}
	return out, nil
}

// openUpload reads one upload of a code.
func openUpload(ctx context.Context, h db.Handle, code id.Secret, upload, lock string) (uploadRow, error) {
	var x uploadRow
	if !id.Valid(code.Reveal()) {
		return x, errs.ErrNotFound
	}
	var sealed []byte
	err := h.QueryRow(ctx, `SELECT uid, size, got, parts, sealed FROM intake_upload WHERE uid = $1 AND key = $2`+lock, upload, codeMAC(code, "uploads")).Scan(&x.UID, &x.Size, &x.Got, &x.parts, &sealed)
	if err != nil {
		return x, err
	}
	return x, x.open(code, sealed)
}

func (x *uploadRow) open(code id.Secret, sealed []byte) error {
	aead, err := uploadCipher(codeMAC(code, "upload key"))
	if err != nil {
		return err
	}
	n := aead.NonceSize()
	if len(sealed) < n {
		return errs.New(errs.Internal, "an upload is cut off")
	}
	raw, err := aead.Open(nil, sealed[:n], sealed[n:], []byte(x.UID))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &x.secret); err != nil {
		return err
	}
	x.Name, x.Type = x.secret.Name, x.secret.Type
	if !x.Whole() {
		return nil
	}
	h := sha256.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(x.secret.State); err != nil {
		return err
	}
	x.SHA256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

func sealUpload(code id.Secret, uid string, s uploadSecret) ([]byte, error) {
	aead, err := uploadCipher(codeMAC(code, "upload key"))
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return aead.Seal(nonce, nonce, raw, []byte(uid)), nil
}

func uploadCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func partPlace(upload string, seq int64) []byte { return fmt.Appendf(nil, "%s:%d", upload, seq) }

// ForgetUpload removes one upload of a code; one that is not there is no error.
func ForgetUpload(ctx context.Context, d *db.DB, code id.Secret, upload string) error {
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		x, err := openUpload(ctx, tx, code, upload, tx.ForUpdate())
		if errs.Is(err, errs.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return dropUploads(ctx, tx, x.UID)
	})
}

func dropUploads(ctx context.Context, h db.Handle, uploads ...string) error {
	for _, uid := range uploads {
		if _, err := h.Exec(ctx, `DELETE FROM intake_upload_part WHERE upload = $1`, uid); err != nil {
			return err
		}
		if _, err := h.Exec(ctx, `DELETE FROM intake_upload WHERE uid = $1`, uid); err != nil {
			return err
		}
	}
	return nil
}

// endUploads removes what nobody went on with for a day, what is whole and was not sent, and what belonged to a drop that nobody could open.
func (s *Service) endUploads(ctx context.Context, now time.Time) error {
	all, err := db.All(ctx, s.DB, func(r *db.Rows) (uid string, err error) { return uid, r.Scan(&uid) },
		`SELECT uid FROM intake_upload WHERE touched_at < $1 AND (dropped_at IS NULL AND (got < size OR touched_at < $2) OR dropped_at < $3) ORDER BY id`,
		now.Add(-retain.PartsFor), now.Add(-retain.UnsentFor), now.Add(-retain.AsideFor))
	if err != nil {
		return err
	}
	for _, uid := range all { // each for itself: hundreds of megabytes are no one transaction
		if err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return dropUploads(ctx, tx, uid) }); err != nil {
			return err
		}
	}
	return nil
}
