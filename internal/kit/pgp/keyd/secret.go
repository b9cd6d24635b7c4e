package keyd

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

const maxImport = 4 << 20

// Secret is one private OpenPGP key, of which some parts may be missing (a primary key kept offline). It prints as dots.
type Secret struct {
	entity   *openpgp.Entity
	public   pgp.Key
	purposes map[string]pgp.Purpose // signing subkey fingerprint to purpose; a signing part without one serves any
	document *document              // nil: it signs none
}

const hidden = "•••"

// String hides the key.
func (*Secret) String() string { return hidden }

// GoString hides the key.
func (*Secret) GoString() string { return hidden }

// MarshalText hides the key, in JSON too.
func (*Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the key.
func (*Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// Public is the certificate.
func (s *Secret) Public() pgp.Key { return s.public }

// HasPrimary tells whether the primary key is here, so that subkeys can be added.
func (s *Secret) HasPrimary() bool { return usable(s.entity.PrivateKey) }

func usable(k *packet.PrivateKey) bool {
	return k != nil && !k.Dummy() && !k.Encrypted && k.PrivateKey != nil
}

// ImportSecret reads private keys as GnuPG exports them, armoured or binary, one or several; the first is meant to be the current one. Refused
// (Invalid): a wrong passphrase, version 6 keys, a key without any usable private part.
func ImportSecret(data, passphrase []byte) ([]*Secret, error) {
	if len(data) > maxImport {
		return nil, errs.New(errs.Invalid, "the key file is too large")
	}
	if block, err := armor.Decode(bytes.NewReader(data)); err == nil {
		if block.Type != openpgp.PrivateKeyType {
			return nil, errs.New(errs.Invalid, "the file holds no private key")
		}
		if data, err = io.ReadAll(block.Body); err != nil {
			return nil, errs.New(errs.Invalid, "the armour of the private key is damaged")
		}
	}
	list, err := openpgp.ReadKeyRing(bytes.NewReader(data))
	if err != nil || len(list) == 0 {
		return nil, errs.New(errs.Invalid, "the file holds no private key that can be read")
	}
	var out []*Secret
	for _, e := range list {
		s, err := importOne(e, passphrase)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func importOne(e *openpgp.Entity, passphrase []byte) (*Secret, error) {
	if e.PrimaryKey.Version != 4 {
		return nil, errs.New(errs.Invalid, "only version 4 keys can be the team's: others could not read the rest")
	}
	if err := e.DecryptPrivateKeys(passphrase); err != nil {
		return nil, errs.New(errs.Invalid, "the passphrase does not open the private key")
	}
	held := map[string]*packet.PrivateKey{}
	if usable(e.PrivateKey) {
		held[string(e.PrimaryKey.Fingerprint)] = e.PrivateKey
	}
	for _, sub := range e.Subkeys {
		if usable(sub.PrivateKey) {
			held[string(sub.PublicKey.Fingerprint)] = sub.PrivateKey
		}
	}
	if len(held) == 0 {
		return nil, errs.New(errs.Invalid, "the file holds no private key, only public ones or stubs")
	}
	var pub bytes.Buffer
	if err := e.Serialize(&pub); err != nil {
		return nil, errs.New(errs.Invalid, "the certificate of the private key cannot be read")
	}
	keys, _ := pgp.ParseKeys(pub.Bytes())
	if len(keys) != 1 {
		return nil, errs.New(errs.Invalid, "the certificate of the private key is not usable")
	}
	return assemble(keys[0], held, nil)
}

// assemble joins a certificate with the private parts at hand.
func assemble(pub pgp.Key, held map[string]*packet.PrivateKey, purposes map[string]pgp.Purpose) (*Secret, error) {
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(pub.Binary())))
	if err != nil {
		return nil, errs.New(errs.Invalid, "the certificate of the private key cannot be read")
	}
	e.PrivateKey = held[string(e.PrimaryKey.Fingerprint)]
	for i := range e.Subkeys {
		e.Subkeys[i].PrivateKey = held[string(e.Subkeys[i].PublicKey.Fingerprint)]
	}
	if purposes == nil {
		purposes = map[string]pgp.Purpose{}
	}
	return &Secret{entity: e, public: pub, purposes: purposes}, nil
}

// refresh reads the certificate anew after it was changed.
func (s *Secret) refresh() error {
	var pub bytes.Buffer
	if err := s.entity.Serialize(&pub); err != nil {
		return err
	}
	keys, _ := pgp.ParseKeys(pub.Bytes())
	if len(keys) != 1 {
		return errs.New(errs.Internal, "the changed certificate cannot be read")
	}
	next, err := assemble(keys[0], s.held(), s.purposes)
	if err == nil {
		next.document = s.document
		*s = *next
	}
	return err
}

func (s *Secret) held() map[string]*packet.PrivateKey {
	held := map[string]*packet.PrivateKey{}
	if s.HasPrimary() {
		held[string(s.entity.PrimaryKey.Fingerprint)] = s.entity.PrivateKey
	}
	for _, sub := range s.entity.Subkeys {
		if usable(sub.PrivateKey) {
			held[string(sub.PublicKey.Fingerprint)] = sub.PrivateKey
		}
	}
	return held
}

// WithoutPrimary gives the key without its primary part, for the running process: the exported copy stays offline (K3).
func (s *Secret) WithoutPrimary() *Secret {
	held := s.held()
	delete(held, string(s.entity.PrimaryKey.Fingerprint))
	out, err := assemble(s.public, held, s.purposes)
	if err != nil {
		panic("a certificate that was read cannot be read again: " + err.Error())
	}
	out.document = s.document
	return out
}

// Export gives the whole private key, armoured and locked with the passphrase, for the ceremony of K3. It needs the primary key (Conflict).
func (s *Secret) Export(passphrase []byte) ([]byte, error) {
	if !s.HasPrimary() {
		return nil, errPrimary()
	}
	if len(passphrase) < 12 {
		return nil, errs.New(errs.Invalid, "the passphrase needs 12 characters or more")
	}
	var plain bytes.Buffer
	for i := range s.entity.Subkeys {
		if !usable(s.entity.Subkeys[i].PrivateKey) {
			return nil, errs.New(errs.Conflict, "a subkey's private part is not here")
		}
	}
	if err := s.entity.SerializePrivateWithoutSigning(&plain, nil); err != nil {
		return nil, err
	}
	copied, err := openpgp.ReadEntity(packet.NewReader(&plain))
	if err != nil {
		return nil, err
	}
	cfg := config(time.Now())
	if err := copied.EncryptPrivateKeys(passphrase, cfg); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PrivateKeyType, nil)
	if err != nil {
		return nil, err
	}
	if err := copied.SerializePrivateWithoutSigning(w, cfg); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return append(out.Bytes(), '\n'), nil
}

// Revocation gives the certificate, revoked, to be printed and locked away. The key itself stays as it is.
func (s *Secret) Revocation(now time.Time) ([]byte, error) {
	if !s.HasPrimary() {
		return nil, errPrimary()
	}
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(s.public.Binary())))
	if err != nil {
		return nil, err
	}
	e.PrivateKey = s.entity.PrivateKey
	if err := e.Revoke(packet.NoReason, "", config(now)); err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	if err := e.Serialize(&raw); err != nil {
		return nil, err
	}
	keys, _ := pgp.ParseKeys(raw.Bytes())
	if len(keys) != 1 {
		return nil, errs.New(errs.Internal, "the revoked certificate cannot be read")
	}
	return keys[0].Armored(), nil
}

func errPrimary() error {
	return errs.New(errs.Conflict, "the primary key is not here; bring it from where it is kept")
}

func fingerprint(pk *packet.PublicKey) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range pk.Fingerprint {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}
