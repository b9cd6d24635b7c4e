package pgp

import (
	"bytes"
	"encoding/hex"
	stderrors "errors"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Key is one public certificate in minimal form: no foreign signatures, no pictures. It does not change; use it from many goroutines.
type Key struct {
	raw  []byte
	fp   string
	made time.Time
	algo string
	uids []string
	ids  []partID
}

type partID struct {
	fp string
	id uint64
}

// Subkey is one part of a key that signs or encrypts; the primary is among them when it does so itself.
type Subkey struct {
	Fingerprint string
	Algorithm   string
	Created     time.Time
	Expires     time.Time // zero: never
	Sign        bool
	Encrypt     bool
	Revoked     bool
}

// IsZero tells whether k is no key.
func (k Key) IsZero() bool { return len(k.raw) == 0 }

// Fingerprint is upper-case hex: 40 digits, 64 for version 6.
func (k Key) Fingerprint() string { return k.fp }

// Created is when the owner says the key was made.
func (k Key) Created() time.Time { return k.made }

// Algorithm names the primary key's algorithm, for example "RSA 4096".
func (k Key) Algorithm() string { return k.algo }

// UserIDs are the names that the key signed for itself, revoked ones left out, as they stand in it: foreign text.
func (k Key) UserIDs() []string { return slices.Clone(k.uids) }

// Addresses are the mail addresses of the user ids, in lower case, each once.
func (k Key) Addresses() []string {
	var out []string
	for _, u := range k.uids {
		if a := address(u); a != "" && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// Has tells whether the key claims the address.
func (k Key) Has(addr string) bool { return slices.Contains(k.Addresses(), strings.ToLower(addr)) }

// Binary gives the key for WKD.
func (k Key) Binary() []byte { return bytes.Clone(k.raw) }

// Armored gives the key as text, without comment lines.
func (k Key) Armored() []byte { return armored("PGP PUBLIC KEY BLOCK", k.raw) }

// entity reads the key anew: the library keeps notes in it that depend on the time asked about, and is not safe for concurrent use.
func (k Key) entity() (*openpgp.Entity, error) {
	if k.IsZero() {
		return nil, &KeyError{Fault: NoKey}
	}
	return openpgp.ReadEntity(packet.NewReader(bytes.NewReader(k.raw)))
}

func (k Key) fault(f Fault) error { return &KeyError{Fault: f, Fingerprint: k.fp} }

// CanEncrypt refuses with a *KeyError unless one may encrypt to the key at t.
func (k Key) CanEncrypt(t time.Time) error { _, err := k.encryptionKey(t); return err }

func (k Key) encryptionKey(t time.Time) (*packet.PublicKey, error) {
	e, err := k.entity()
	if err != nil {
		return nil, k.fault(NoKey)
	}
	got, err := e.EncryptionKeyWithError(t, strict(t))
	if err == nil && !weakKey(got.PublicKey) {
		return got.PublicKey, nil
	}
	return nil, k.fault(k.why(t, func(s Subkey) bool { return s.Encrypt }))
}

// CanSign refuses with a *KeyError unless a signature made at t by some part of the key can be valid.
func (k Key) CanSign(t time.Time) error {
	e, err := k.entity()
	if err != nil {
		return k.fault(NoKey)
	}
	if got, ok := e.SigningKey(t, strict(t)); ok && !weakKey(got.PublicKey) {
		return nil
	}
	return k.fault(k.why(t, func(s Subkey) bool { return s.Sign }))
}

// Fit refuses a key for new trust: it must be able to sign or to encrypt now.
func (k Key) Fit(now time.Time) error {
	err := k.CanSign(now)
	if err == nil {
		return nil
	}
	if k.CanEncrypt(now) == nil {
		return nil
	}
	return err
}

// why classifies a refusal that is already certain.
func (k Key) why(t time.Time, use func(Subkey) bool) Fault {
	e, err := k.entity()
	if err != nil {
		return NoKey
	}
	if e.Revoked(t) {
		return Revoked
	}
	if e.PrimaryKey.CreationTime.After(t) {
		return NotYet
	}
	if weakKey(e.PrimaryKey) {
		return Weak
	}
	if _, err := e.VerifyPrimaryKey(t, strict(t)); err != nil {
		if stderrors.Is(err, errors.ErrKeyExpired) {
			return Expired
		}
		if e, _ = k.entity(); e != nil {
			if _, err = e.VerifyPrimaryKey(t, loose(t)); err == nil {
				return Weak
			}
		}
		return Unfit
	}
	worst := Unfit
	for _, s := range k.Subkeys() {
		switch {
		case !use(s):
		case s.Revoked && worst == Unfit:
			worst = Revoked
		case !s.Expires.IsZero() && t.After(s.Expires):
			worst = Expired
		case s.Created.After(t):
			worst = NotYet
		default:
			return Weak
		}
	}
	return worst
}

// Subkeys lists the parts that sign or encrypt by their own word; those without a valid binding are left out.
func (k Key) Subkeys() []Subkey {
	e, err := k.entity()
	if err != nil {
		return nil
	}
	var out []Subkey
	add := func(pk *packet.PublicKey, sig *packet.Signature, revoked bool) {
		s := Subkey{
			Fingerprint: fingerprint(pk), Algorithm: algorithmName(pk), Created: pk.CreationTime.UTC(),
			Sign:    sig.FlagsValid && sig.FlagSign && pk.PubKeyAlgo.CanSign(),
			Encrypt: sig.FlagsValid && (sig.FlagEncryptCommunications || sig.FlagEncryptStorage) && pk.PubKeyAlgo.CanEncrypt(),
			Expires: expiry(pk, sig), Revoked: revoked,
		}
		if s.Sign || s.Encrypt {
			out = append(out, s)
		}
	}
	var none time.Time
	if sig, err := e.PrimarySelfSignature(none, loose(none)); err == nil {
		add(e.PrimaryKey, sig, len(e.Revocations) > 0)
	}
	for i := range e.Subkeys {
		s := &e.Subkeys[i]
		if sig, err := s.LatestValidBindingSignature(none, loose(none)); err == nil {
			add(s.PublicKey, sig, s.Revoked(sig, none))
		}
	}
	return out
}

// Expires is when the certificate as a whole ends; zero: never.
func (k Key) Expires() time.Time {
	e, err := k.entity()
	if err != nil {
		return time.Time{}
	}
	sig, err := e.PrimarySelfSignature(time.Time{}, loose(time.Time{}))
	if err != nil {
		return time.Time{}
	}
	return expiry(e.PrimaryKey, sig)
}

// EncryptUntil is when one can no longer encrypt to the key, the later of its encryption parts within the life of the whole; zero: never ends.
func (k Key) EncryptUntil() time.Time {
	var last time.Time
	for _, s := range k.Subkeys() {
		if !s.Encrypt || s.Revoked {
			continue
		}
		if s.Expires.IsZero() {
			return k.Expires()
		}
		if s.Expires.After(last) {
			last = s.Expires
		}
	}
	if whole := k.Expires(); !whole.IsZero() && whole.Before(last) {
		return whole
	}
	return last
}

// Revoked tells whether the key as a whole is revoked, whatever the date of that.
func (k Key) Revoked() bool {
	e, err := k.entity()
	return err == nil && e.Revoked(time.Unix(1<<33, 0))
}

func expiry(pk *packet.PublicKey, sig *packet.Signature) time.Time {
	if sig.KeyLifetimeSecs == nil || *sig.KeyLifetimeSecs == 0 {
		return time.Time{}
	}
	return pk.CreationTime.Add(time.Duration(*sig.KeyLifetimeSecs) * time.Second).UTC()
}

func fingerprint(pk *packet.PublicKey) string {
	return strings.ToUpper(hex.EncodeToString(pk.Fingerprint))
}

// address takes the mail address out of a user id: "Name (comment) <a@b>" or "a@b".
func address(uid string) string {
	if i := strings.LastIndexByte(uid, '<'); i >= 0 {
		j := strings.IndexByte(uid[i:], '>')
		if j < 0 || strings.TrimSpace(uid[i+j+1:]) != "" {
			return ""
		}
		uid = uid[i+1 : i+j]
	}
	local, domain, ok := strings.Cut(uid, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(uid, " \t\r\n<>\x00") || strings.Contains(domain, "@") {
		return ""
	}
	return strings.ToLower(uid)
}
