package intake

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// heldUpload is a file of a drop whose parts lie in the database: what opens them goes with the drop.
type heldUpload struct {
	UID    string `json:"uid"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	Key    []byte `json:"key"`
	SHA256 string `json:"sha256"`
}

// parted reads such a file, one part at a time.
type parted struct {
	ctx   context.Context
	h     db.Handle
	of    heldUpload
	ends  []int64 // where each part ends
	at    int64
	seq   int // of the part that is open; -1 for none
	plain []byte
}

func readUpload(ctx context.Context, h db.Handle, u heldUpload) (*parted, error) {
	sizes, err := db.All(ctx, h, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT size FROM intake_upload_part WHERE upload = $1 ORDER BY seq`, u.UID)
	if err != nil {
		return nil, err
	}
	p := &parted{ctx: ctx, h: h, of: u, seq: -1}
	sum := int64(0)
	for _, n := range sizes {
		sum += n
		p.ends = append(p.ends, sum)
	}
	if sum != u.Size {
		return nil, errs.New(errs.Internal, "parts of a file are missing")
	}
	return p, nil
}

// Read implements io.Reader.
func (p *parted) Read(b []byte) (int, error) {
	if p.at >= p.of.Size {
		return 0, io.EOF
	}
	seq, _ := slices.BinarySearch(p.ends, p.at+1)
	if err := p.open(seq); err != nil {
		return 0, err
	}
	n := copy(b, p.plain[p.at-(p.ends[seq]-int64(len(p.plain))):])
	p.at += int64(n)
	return n, nil
}

func (p *parted) open(seq int) error {
	if p.seq == seq {
		return nil
	}
	var sealed []byte
	if err := p.h.QueryRow(p.ctx, `SELECT sealed FROM intake_upload_part WHERE upload = $1 AND seq = $2`, p.of.UID, int64(seq)).Scan(&sealed); err != nil {
		return err
	}
	aead, err := uploadCipher(p.of.Key)
	if err != nil {
		return err
	}
	n := aead.NonceSize()
	if len(sealed) < n {
		return errs.New(errs.Internal, "a part of a file is cut off")
	}
	p.plain, err = aead.Open(nil, sealed[:n], sealed[n:], partPlace(p.of.UID, int64(seq)))
	p.seq = seq
	return err
}

// Seek implements io.Seeker.
func (p *parted) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.of.Size
	}
	if offset < 0 {
		return p.at, errs.New(errs.Invalid, "before the beginning")
	}
	p.at = offset
	return offset, nil
}

// wholeUploads are the files of a code that are here whole, as a drop takes them along. The same file is in it once, however often it came.
func wholeUploads(ctx context.Context, h db.Handle, now time.Time, code id.Secret) ([]heldUpload, error) {
	all, err := uploadsOf(ctx, h, now, code)
	var out []heldUpload
	for _, x := range all {
		same := func(u heldUpload) bool { return u.Name == x.Name && u.Size == x.Size && u.SHA256 == x.SHA256 }
		if x.Whole() && !x.secret.Coming && !slices.ContainsFunc(out, same) {
			out = append(out, heldUpload{x.UID, x.Name, x.Type, x.Size, x.secret.Key, x.SHA256})
		}
	}
	return out, err
}

// handOver gives uploads to the drop that is written in this transaction: the code opens them no longer, and no other drop takes them.
func handOver(ctx context.Context, tx *db.Tx, now time.Time, code id.Secret, all []heldUpload) error {
	for _, u := range all {
		n, err := tx.Exec(ctx, `UPDATE intake_upload SET dropped_at = $3, key = $4 WHERE uid = $1 AND key = $2 AND got = size`, u.UID, codeMAC(code, "uploads"), now, []byte{})
		if err == nil && n == 0 {
			err = &errs.Error{Kind: errs.Conflict, Key: "error.upload_offset", Text: "a file was sent or removed meanwhile"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
