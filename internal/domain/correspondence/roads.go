package correspondence

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// The verbs under which the record has what may change of sending while the program runs.
const (
	VerbRoads = "correspondence.roads"
	VerbPause = "correspondence.pause"
)

// Roads gives what may leave for each label when we hold no key of the reader.
func (s *Service) Roads(ctx context.Context, h db.Handle) (map[tlp.Level]egress.Road, error) {
	return s.Egress.Policy(ctx, h)
}

// SetRoads changes that table from what the person read to what it wants. It needs access.ChangeRules and a fresh proof. A table that somebody else changed
// meanwhile is a Conflict; a road that a stricter label has not earned is refused beside its label. Letters that wait take the new road: it
// is looked at again when they leave.
func (s *Service) SetRoads(ctx context.Context, by access.Actor, was, want map[tlp.Level]egress.Road) error {
	if err := by.Need(access.ChangeRules); err != nil {
		return err
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := s.Egress.Policy(ctx, tx)
		if err != nil {
			return err
		}
		if !maps.Equal(was, now) {
			return access.ErrChanged
		}
		at := s.Clock.Now()
		if err := s.Egress.SetPolicyTx(ctx, tx, by.Account, at, want); err != nil {
			return err
		}
		var list []audit.Change
		for _, l := range tlp.Levels() {
			if now[l] != want[l] {
				list = append(list, audit.Change{Field: l.String(), From: now[l].String(), To: want[l].String()})
			}
		}
		if len(list) == 0 {
			return nil
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: at, By: by, Verb: VerbRoads, Changes: list})
		return err
	})
}

// RoadOf says before sending which road a message with this label would take to the correspondent of a thread.
func (s *Service) RoadOf(ctx context.Context, h db.Handle, t *Thread, label tlp.Level) (egress.Decision, error) {
	m := stored{Message: Message{TLP: label, Channel: ByMail, Body: Body{To: t.Correspondent.Email}}}
	if label == 0 {
		m.TLP = t.TLP
	}
	if m.Body.To == "" {
		m.Channel = ByPortal
	}
	ask, _, err := s.ask(ctx, h, m, t, s.Clock.Now())
	if err != nil {
		return egress.Decision{}, err
	}
	policy, err := s.Egress.Policy(ctx, h)
	return egress.Decide(policy, ask), err
}

// readerKey is what a letter is encrypted to: an OpenPGP key, or a certificate.
type readerKey struct {
	pgp   pgp.Key
	smime smime.Certificate
}

func (k readerKey) isZero() bool { return k.pgp.IsZero() && k.smime.IsZero() }

// readings are certificates as they were read before: one letter asks for its reader's key several times, and reading proves each of its self-signatures.
type readings struct {
	mu sync.Mutex
	of map[[sha256.Size]byte][]pgp.Key
}

// mostReadings is how many are kept, some kilobytes each.
const mostReadings = 500

func (r *readings) keys(certificate []byte) []pgp.Key {
	sum := sha256.Sum256(certificate)
	r.mu.Lock()
	keys, ok := r.of[sum]
	r.mu.Unlock()
	if ok {
		return keys
	}
	keys, _ = pgp.ParseKeys(certificate)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil || len(r.of) >= mostReadings {
		r.of = map[[sha256.Size]byte][]pgp.Key{}
	}
	r.of[sum] = keys
	return keys
}

// keyOf gives the newest approved key to which one may encrypt for the correspondent, if the address is the one of its contact: an OpenPGP key before a
// certificate, which is of use only when we have one ourselves to sign with.
func (s *Service) keyOf(ctx context.Context, h db.Handle, t Thread, address string, now time.Time) (out readerKey, err error) {
	if t.Correspondent.Contact == 0 || address == "" || !strings.EqualFold(address, t.Correspondent.Email) {
		return out, nil
	}
	keys, err := s.Constituency.Keys(ctx, h, t.Correspondent.Contact, now)
	if err != nil {
		return out, fmt.Errorf("read the correspondent's keys: %w", err)
	}
	for _, k := range keys {
		if k.SMIME() {
			if c, err := smime.ParseCertificate(k.Certificate); err == nil && out.smime.IsZero() && s.certified(now) && c.CanEncrypt(now) {
				out.smime = c
			}
			continue
		}
		parsed := s.read.keys(k.Certificate)
		for _, p := range parsed {
			if p.CanEncrypt(now) == nil {
				return readerKey{pgp: p}, nil
			}
		}
	}
	return out, nil
}
