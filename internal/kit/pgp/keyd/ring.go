package keyd

import (
	"bytes"
	"crypto"
	"encoding"
	"hash"
	"slices"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

const maxKeys = 32

// Ring is the team's private keys: the current one signs and decrypts, old ones only decrypt. It does not change; rotate and load a new one.
type Ring struct {
	secrets []*Secret // the first is the current one
	openers []opener

	identities []*Identity // for S/MIME, the newest first

	mu sync.Mutex // the library keeps notes in the entities
}

// opener is one private part that decrypts.
type opener struct {
	key   *packet.PrivateKey
	owner string
	made  time.Time
}

// NewRing puts keys together. Several keys with one fingerprint, and more than 32, are refused (Invalid).
func NewRing(current *Secret, old ...*Secret) (*Ring, error) {
	r := &Ring{secrets: append([]*Secret{current}, old...)}
	if len(r.secrets) > maxKeys {
		return nil, errs.New(errs.Invalid, "there are too many keys")
	}
	seen := map[string]bool{}
	for _, s := range r.secrets {
		if fp := s.public.Fingerprint(); seen[fp] {
			return nil, errs.New(errs.Invalid, "the same key is given twice")
		} else {
			seen[fp] = true
		}
		r.openers = append(r.openers, openers(s)...)
	}
	return r, nil
}

// openers lists every private part that may decrypt, the newest first. Neither expiry nor revocation matters for reading old mail.
func openers(s *Secret) []opener {
	var out []opener
	uses := map[string]bool{}
	for _, k := range s.public.Subkeys() {
		uses[k.Fingerprint] = k.Encrypt
	}
	add := func(k *packet.PrivateKey) {
		if usable(k) && k.PubKeyAlgo.CanEncrypt() && uses[fingerprint(&k.PublicKey)] {
			out = append(out, opener{k, s.public.Fingerprint(), k.CreationTime})
		}
	}
	add(s.entity.PrivateKey)
	for _, sub := range s.entity.Subkeys {
		add(sub.PrivateKey)
	}
	slices.SortStableFunc(out, func(a, b opener) int { return b.made.Compare(a.made) })
	return out
}

// Current is the key that signs.
func (r *Ring) Current() *Secret { return r.secrets[0] }

// All gives every key, the current one first.
func (r *Ring) All() []*Secret { return slices.Clone(r.secrets) }

// Public gives the certificates, the current one first.
func (r *Ring) Public() []pgp.Key {
	var out []pgp.Key
	for _, s := range r.secrets {
		out = append(out, s.public)
	}
	return out
}

func checkSign(q pgp.SignRequest) (hash.Hash, error) {
	if q.Purpose != pgp.Mail && q.Purpose != pgp.Publication {
		return nil, errs.New(errs.Invalid, "the key process does not sign for this purpose")
	}
	switch q.Hash {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
	default:
		return nil, errs.New(errs.Invalid, "the key process does not sign with this hash")
	}
	h := q.Hash.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(q.State); err != nil {
		return nil, errs.New(errs.Invalid, "the hash state is damaged")
	}
	return h, nil
}

// sign finishes a document signature. The type octet is written here and is one of the two for documents, so the result can never
// certify a key, a name or a subkey, whatever was hashed before.
func (r *Ring) sign(q pgp.SignRequest, now time.Time) ([]byte, error) {
	h, err := checkSign(q)
	if err != nil {
		return nil, err
	}
	key, err := r.signer(q.Purpose, now)
	if err != nil {
		return nil, err
	}
	sig := &packet.Signature{
		Version: key.Version, SigType: packet.SigTypeBinary, PubKeyAlgo: key.PubKeyAlgo, Hash: q.Hash,
		CreationTime: now.Truncate(time.Second), IssuerKeyId: &key.KeyId,
	}
	if q.Text {
		sig.SigType = packet.SigTypeText
	}
	if err := sig.Sign(h, key, config(now)); err != nil {
		return nil, errs.Wrap(errs.Internal, "sign", err)
	}
	var out bytes.Buffer
	if err := sig.Serialize(&out); err != nil {
		return nil, errs.Wrap(errs.Internal, "sign", err)
	}
	return out.Bytes(), nil
}

type candidate struct {
	key  *packet.PrivateKey
	made time.Time
	ends time.Time
	own  bool // made for this purpose, not for any
}

// signer chooses the private part for a purpose: one made for it before one for all; among these the oldest that still has a month, because
// readers may not have the newer certificate yet; else the one that lasts longest.
func (r *Ring) signer(p pgp.Purpose, now time.Time) (*packet.PrivateKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.secrets[0]
	cfg := config(now)
	var all []candidate
	add := func(k *packet.PrivateKey, sig *packet.Signature) {
		q, bound := s.purposes[fingerprint(&k.PublicKey)]
		if !usable(k) || !sig.FlagsValid || !sig.FlagSign || bound && q != p {
			return
		}
		c := candidate{key: k, made: k.CreationTime, own: bound}
		if sig.KeyLifetimeSecs != nil && *sig.KeyLifetimeSecs != 0 {
			c.ends = k.CreationTime.Add(time.Duration(*sig.KeyLifetimeSecs) * time.Second)
		}
		all = append(all, c)
	}
	self, err := s.entity.VerifyPrimaryKey(now, cfg)
	if err != nil {
		return nil, errs.New(errs.Unavailable, "the team's key is expired or revoked")
	}
	if k := s.entity.PrivateKey; usable(k) {
		add(k, self)
	}
	for i := range s.entity.Subkeys {
		sub := &s.entity.Subkeys[i]
		if !usable(sub.PrivateKey) {
			continue
		}
		if sig, err := sub.Verify(now, cfg); err == nil {
			add(sub.PrivateKey, sig)
		}
	}
	if len(all) == 0 {
		return nil, errs.New(errs.Unavailable, "the team's key has no signing subkey that is valid now")
	}
	settled := func(c candidate) bool { return c.ends.IsZero() || c.ends.After(now.Add(settle)) }
	slices.SortStableFunc(all, func(a, b candidate) int {
		switch {
		case a.own != b.own:
			return before(a.own)
		case settled(a) != settled(b):
			return before(settled(a))
		case settled(a):
			return a.made.Compare(b.made)
		}
		return b.ends.Compare(a.ends)
	})
	return all[0].key, nil
}

func before(first bool) int {
	if first {
		return -1
	}
	return 1
}

// unwrap tries the recipient packets. It gives ErrNotUnwrapped for every cause, and the number of private-key operations it did.
func (r *Ring) unwrap(q pgp.UnwrapRequest) (pgp.SessionKey, int, error) {
	ops := 0
	if len(q.Packets) == 0 || len(q.Packets) > pgp.MaxRecipients {
		return pgp.SessionKey{}, ops, pgp.ErrNotUnwrapped
	}
	var wild [][]byte
	for _, raw := range q.Packets {
		ek := readRecipient(raw)
		if ek == nil {
			continue
		}
		if ek.KeyId == 0 {
			wild = append(wild, raw)
			continue
		}
		for _, o := range r.openers {
			if !addressed(ek, o.key) {
				continue
			}
			if ops++; ops > pgp.MaxRecipients {
				return pgp.SessionKey{}, ops, pgp.ErrNotUnwrapped
			}
			if key, ok := try(raw, o); ok {
				return key, ops, nil
			}
		}
	}
	trials := 0
	for _, o := range r.openers {
		for _, raw := range wild {
			if ek := readRecipient(raw); ek.Algo != o.key.PubKeyAlgo {
				continue
			}
			if trials++; trials > pgp.MaxHiddenTrials {
				return pgp.SessionKey{}, ops, pgp.ErrNotUnwrapped
			}
			ops++
			if key, ok := try(raw, o); ok {
				return key, ops, nil
			}
		}
	}
	return pgp.SessionKey{}, ops, pgp.ErrNotUnwrapped
}

func readRecipient(raw []byte) *packet.EncryptedKey {
	if len(raw) > pgp.MaxRecipientBytes {
		return nil
	}
	p, err := packet.Read(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	ek, _ := p.(*packet.EncryptedKey)
	return ek
}

func addressed(ek *packet.EncryptedKey, k *packet.PrivateKey) bool {
	if ek.Algo != k.PubKeyAlgo {
		return false
	}
	if len(ek.KeyFingerprint) > 0 {
		return bytes.Equal(ek.KeyFingerprint, k.Fingerprint)
	}
	return ek.KeyId == k.KeyId
}

// try does one private-key operation, on a packet read for it alone: the library writes into what it decrypts.
func try(raw []byte, o opener) (pgp.SessionKey, bool) {
	ek := readRecipient(raw)
	if ek == nil || ek.Decrypt(o.key, nil) != nil || len(ek.Key) == 0 {
		return pgp.SessionKey{}, false
	}
	if ek.Version < 6 && len(ek.Key) != ek.CipherFunc.KeySize() {
		return pgp.SessionKey{}, false
	}
	return pgp.SessionKey{Cipher: uint8(ek.CipherFunc), Key: ek.Key, Fingerprint: o.owner}, true
}
