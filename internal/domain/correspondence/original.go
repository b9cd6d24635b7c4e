package correspondence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Original gives the bytes of a message as they arrived; the reader must be allowed to see its thread. Type is message/rfc822 for mail and
// application/json for a form or an API post. What is withheld from the reader is not found; a message of ours has no original.
func (s *Service) Original(ctx context.Context, by access.Actor, thread, message string) (r io.ReadCloser, mediaType string, sum []byte, err error) {
	m, err := s.find(ctx, by, thread, message)
	if err != nil {
		return nil, "", nil, fmt.Errorf("open original: %w", err)
	}
	if m.Withheld || m.Direction == Out {
		return nil, "", nil, fmt.Errorf("open original: %w", errs.ErrNotFound)
	}
	var raw []byte
	switch {
	case m.Arrival != 0:
		a, err := s.OpenArrival(ctx, s.DB, m.Arrival)
		if err != nil {
			return nil, "", nil, err
		}
		raw, mediaType = a.Raw, "message/rfc822"
	default:
		if raw, err = s.submission(ctx, m); err != nil {
			return nil, "", nil, fmt.Errorf("open original: %w", err)
		}
		mediaType = "application/json"
	}
	h := sha256.Sum256(raw)
	if err := s.custody(ctx, by, m, "original", hex.EncodeToString(h[:])); err != nil {
		return nil, "", nil, err
	}
	return io.NopCloser(bytes.NewReader(raw)), mediaType, h[:], nil
}

// submission opens what was posted, as canonical JSON.
func (s *Service) submission(ctx context.Context, m stored) ([]byte, error) {
	var sealed []byte
	if err := s.DB.QueryRow(ctx, `SELECT original FROM correspondence_message WHERE id = $1`, m.ID).Scan(&sealed); err != nil {
		return nil, err
	}
	if sealed == nil {
		return nil, errs.ErrNotFound
	}
	key, err := s.Ring.Get(ctx, s.DB, m.Thread)
	if err != nil {
		return nil, err
	}
	return key.Open(messagePlace("original", m.UID), sealed)
}
