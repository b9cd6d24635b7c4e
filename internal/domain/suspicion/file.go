package suspicion

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/picture"
)

// Preview is the longest side of a small picture, in pixels.
const Preview = 480

// OpenFile gives a file of a message of the lane, by the message's uid and the file's SHA-256 in hexadecimal digits, as it came. What is over its period, what
// became a report, and what came encrypted is errs.ErrNotFound, as what never was. The actor needs access.ReadCases.
func (s *Service) OpenFile(ctx context.Context, by access.Actor, message, sum string) (f correspondence.File, r io.ReadCloser, err error) {
	f, raw, err := s.file(ctx, by, message, sum)
	if err != nil {
		return f, nil, err
	}
	return f, io.NopCloser(bytes.NewReader(raw)), nil
}

// Picture gives a file of a message of the lane as a PNG that is drawn anew, small or at its size; errs.ErrNotFound when it is none that can be drawn. The
// actor needs access.ReadCases.
func (s *Service) Picture(ctx context.Context, by access.Actor, message, sum string, small bool) ([]byte, error) {
	_, raw, err := s.file(ctx, by, message, sum)
	if err != nil {
		return nil, err
	}
	most := 0
	if small {
		most = Preview
	}
	return picture.Draw(ctx, raw, most)
}

func (s *Service) file(ctx context.Context, by access.Actor, message, sum string) (correspondence.File, []byte, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return correspondence.File{}, nil, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Arrival, message)
	if err != nil {
		return correspondence.File{}, nil, err
	}
	var n int
	if err := s.DB.QueryRow(ctx, `SELECT COUNT(*) FROM suspicion_message WHERE id = $1 AND (alone OR campaign <> 0)`, o.Ref.ID).Scan(&n); err != nil {
		return correspondence.File{}, nil, err
	}
	if n == 0 {
		return correspondence.File{}, nil, errs.ErrNotFound
	}
	r, _, err := s.reading(ctx, o.Ref.ID)
	if err != nil {
		return correspondence.File{}, nil, err
	}
	for i, f := range r.Files {
		if f.SHA256 == sum {
			return f, r.content[i], nil
		}
	}
	return correspondence.File{}, nil, errs.ErrNotFound
}

// files notes the attachments of a mail by what is in them, without the mails among them.
func (r *Reading) files(m *mail.Message) {
	for _, p := range m.Attachments() {
		if len(r.Files) >= maxFiles {
			return
		}
		if p.Is("message/") || isMail(p.Filename) || len(p.Bytes) == 0 {
			continue
		}
		sum := sha256.Sum256(p.Bytes)
		f := correspondence.File{Name: mail.Visible(cutText(p.Filename, maxTitle)), Type: p.Type, Size: int64(len(p.Bytes)), SHA256: hex.EncodeToString(sum[:])}
		if r.has(f.SHA256) {
			continue
		}
		r.Files = append(r.Files, f)
		if r.whole {
			r.content = append(r.content, p.Bytes)
			r.Pictures = append(r.Pictures, picture.Drawable(p.Bytes))
		}
	}
}
