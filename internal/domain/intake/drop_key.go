package intake

import (
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"

	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// settingDropKey holds both halves of the drop key: the public one as it is, the private one sealed by the house.
const settingDropKey = "intake.drop_key"

type dropKey struct {
	Public []byte `json:"public"`
	Sealed []byte `json:"sealed"`
}

const dropPlace = "setting_value.value:intake.drop_key"

// DropKey gives the public key (HPKE, DHKEM X25519 with HKDF-SHA-256 and AES-256-GCM) under which public pages seal what they take. The house
// makes it at the first call.
func (s *Service) DropKey(ctx context.Context) ([]byte, error) {
	if k, err := PublicDropKey(ctx, s.DB); err == nil || !errs.Is(err, errs.Unavailable) {
		return k, err
	}
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var out []byte
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if k, err := PublicDropKey(ctx, tx); err == nil || !errs.Is(err, errs.Unavailable) {
			out = k
			return err
		}
		now := s.Clock.Now()
		house, err := s.Ring.House(ctx, tx, now)
		if err != nil {
			return err
		}
		out = private.PublicKey().Bytes()
		return setting.Put(ctx, tx, 0, now, settingDropKey, dropKey{out, house.Seal(dropPlace, private.Bytes())})
	})
	return out, err
}

// PublicDropKey reads the public half: all that a page without keys needs. Before the house made it, it is Unavailable.
func PublicDropKey(ctx context.Context, h db.Handle) ([]byte, error) {
	var k dropKey
	if err := setting.Get(ctx, h, settingDropKey, &k); err != nil {
		return nil, err
	}
	if len(k.Public) == 0 {
		return nil, errs.New(errs.Unavailable, "the house has not opened its box yet; try again in a moment")
	}
	return k.Public, nil
}

func (s *Service) privateDropKey(ctx context.Context) (hpke.PrivateKey, error) {
	var k dropKey
	if err := setting.Get(ctx, s.DB, settingDropKey, &k); err != nil {
		return nil, err
	}
	house, err := s.Ring.Get(ctx, s.DB, 0)
	if err != nil {
		return nil, err
	}
	raw, err := house.Open(dropPlace, k.Sealed)
	if err != nil {
		return nil, err
	}
	private, err := ecdh.X25519().NewPrivateKey(raw)
	if err != nil {
		return nil, err
	}
	return hpke.NewDHKEMPrivateKey(private)
}
