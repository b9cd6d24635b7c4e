package correspondence

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// mostSame caps the mails that one is compared with because they have its name.
const mostSame = 20

func (s *Service) sameHash(name string) []byte {
	if name == "" {
		return nil
	}
	m := hmac.New(sha256.New, s.Ring.Derive("correspondence same mail/v1"))
	m.Write([]byte(name))
	return m.Sum(nil)
}

// HoldSameTx lets two transactions that file mails of the same names wait for each other, so that one of them sees what the other filed.
func (s *Service) HoldSameTx(ctx context.Context, tx *db.Tx, names ...string) error {
	var locks [][]byte
	for _, n := range names {
		if h := s.sameHash(n); h != nil {
			locks = append(locks, h)
		}
	}
	slices.SortFunc(locks, slices.Compare) // in one order: nobody waits in a circle
	for _, l := range slices.CompactFunc(locks, slices.Equal) {
		if err := tx.Hold(ctx, l); err != nil {
			return fmt.Errorf("hold mails of a name: %w", err)
		}
	}
	return nil
}

// SameNames tells which of these names have mails filed under them.
func (s *Service) SameNames(ctx context.Context, h db.Handle, names []string) (map[string]bool, error) {
	of := map[string]string{}
	var hashes [][]byte
	for _, n := range names {
		if h := s.sameHash(n); h != nil && of[string(h)] == "" {
			of[string(h)] = n
			hashes = append(hashes, h)
		}
	}
	out := map[string]bool{}
	if len(hashes) == 0 {
		return out, nil
	}
	q := db.In(new(db.Query).Add(`SELECT DISTINCT m.same FROM correspondence_message m WHERE m.same IN `), hashes)
	_, err := db.List(ctx, h, q, func(r *db.Rows) (hash []byte, err error) {
		err = r.Scan(&hash)
		out[of[string(hash)]] = true
		return hash, err
	})
	if err != nil {
		return nil, fmt.Errorf("find the same mails: %w", err)
	}
	return out, nil
}

// SameMail gives the first few mails that were filed under a name (Incoming.Same), oldest first. It is for the mailroom, which compares their bytes.
func (s *Service) SameMail(ctx context.Context, h db.Handle, name string) ([]Message, error) {
	hash := s.sameHash(name)
	if hash == nil {
		return nil, nil
	}
	list, err := db.All(ctx, h, s.scanMessage, `SELECT `+messageColumns+` FROM correspondence_message m LEFT JOIN keyring_key k ON k.owner = m.thread
		WHERE m.same = $1 ORDER BY m.id LIMIT $2`, hash, mostSame)
	if err != nil {
		return nil, fmt.Errorf("find the same mail: %w", err)
	}
	out := make([]Message, len(list))
	for i := range list {
		out[i] = list[i].Message
	}
	return out, nil
}
