package keyd

import (
	"crypto"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/ProtonMail/gopenpgp/v3/constants"
	"github.com/ProtonMail/gopenpgp/v3/profile"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// Lives of subkeys and their overlap (K3).
const (
	SigningLife    = 365 * 24 * time.Hour
	DecryptionLife = 2 * 365 * 24 * time.Hour
	Overlap        = 90 * 24 * time.Hour
)

// settle is how long a new signing subkey waits while the old one still signs, so that those who hold the old certificate can fetch the new one.
const settle = 30 * 24 * time.Hour

// config is the library's default profile: keys that GnuPG 2.2 reads.
func config(now time.Time) *packet.Config {
	cfg := profile.Default().KeyGenerationConfig(constants.StandardSecurity)
	cfg.Time = func() time.Time { return now }
	cfg.DefaultHash = crypto.SHA512
	return cfg
}

// Generate makes a team key: a primary that only certifies and does not expire, and a subkey each to sign mail, to sign publications and to
// decrypt. The first address is the primary user id.
func Generate(name string, addresses []string, now time.Time) (*Secret, error) {
	if len(addresses) == 0 {
		return nil, errs.New(errs.Invalid, "a team key needs an address")
	}
	for _, a := range addresses {
		if local, domain, ok := strings.Cut(a, "@"); !ok || local == "" || domain == "" || strings.ContainsAny(a, "()<> \t\r\n\x00") {
			return nil, errs.New(errs.Invalid, "an address of the team key is not a mail address")
		}
	}
	cfg := config(now)
	e, err := openpgp.NewEntity(name, "", addresses[0], cfg)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the name of the team key must not contain brackets")
	}
	e.Subkeys = nil
	for _, a := range addresses[1:] {
		if err := e.AddUserId(name, "", a, cfg); err != nil {
			return nil, errs.New(errs.Invalid, "the addresses of the team key must differ")
		}
	}
	for _, id := range e.Identities {
		sig := id.SelfCertifications[0].Packet
		sig.FlagSign = false
		if err := sig.SignUserId(id.Name, e.PrimaryKey, e.PrivateKey, cfg); err != nil {
			return nil, err
		}
	}
	s := &Secret{entity: e, purposes: map[string]pgp.Purpose{}}
	for _, p := range []pgp.Purpose{pgp.Mail, pgp.Publication} {
		if err := s.addSigning(p, now); err != nil {
			return nil, err
		}
	}
	if err := s.addDecryption(now); err != nil {
		return nil, err
	}
	if err := s.refresh(); err != nil {
		return nil, err
	}
	_, err = s.RenewDocument(now)
	return s, err
}

func (s *Secret) addSigning(p pgp.Purpose, now time.Time) error {
	cfg := config(now)
	cfg.KeyLifetimeSecs = uint32(SigningLife / time.Second)
	if err := s.entity.AddSigningSubkey(cfg); err != nil {
		return err
	}
	s.purposes[fingerprint(s.entity.Subkeys[len(s.entity.Subkeys)-1].PublicKey)] = p
	return nil
}

func (s *Secret) addDecryption(now time.Time) error {
	cfg := config(now)
	cfg.KeyLifetimeSecs = uint32(DecryptionLife / time.Second)
	return s.entity.AddEncryptionSubkey(cfg)
}

// Rotation tells what ExtendOrRotate did.
type Rotation struct {
	Signing    []pgp.Purpose // purposes that got a new subkey
	Decryption bool
	Document   bool // a new key signs documents
}

// Changed tells whether the certificate has to be published again: WKD, /pgp-key.asc, security.txt and CSAF metadata together.
func (r Rotation) Changed() bool { return len(r.Signing) > 0 || r.Decryption || r.Document }

// ExtendOrRotate adds a new subkey for each use whose newest one ends within the overlap of 90 days. Old subkeys stay: the old signing
// one signs on until it has a month left, old decryption ones open old mail for ever. It needs the primary key (Conflict). The key for documents is
// another at once: a signature carries its certificate.
func (s *Secret) ExtendOrRotate(now time.Time) (Rotation, error) {
	var r Rotation
	if !s.HasPrimary() {
		return r, errPrimary()
	}
	limit := now.Add(Overlap)
	if err := s.public.CanSign(now); err != nil {
		if k, ok := err.(*pgp.KeyError); ok && k.Fault == pgp.Revoked && s.public.Revoked() {
			return r, errs.New(errs.Conflict, "the key is revoked; make a new one")
		}
	}
	for _, p := range []pgp.Purpose{pgp.Mail, pgp.Publication} {
		if !s.lasts(limit, func(k pgp.Subkey) bool {
			own, bound := s.purposes[k.Fingerprint]
			return k.Sign && (!bound || own == p)
		}) {
			r.Signing = append(r.Signing, p)
		}
	}
	r.Decryption = !s.lasts(limit, func(k pgp.Subkey) bool { return k.Encrypt })
	for _, p := range r.Signing {
		if err := s.addSigning(p, now); err != nil {
			return Rotation{}, err
		}
	}
	if r.Decryption {
		if err := s.addDecryption(now); err != nil {
			return Rotation{}, err
		}
	}
	if err := s.refresh(); err != nil {
		return r, err
	}
	var err error
	r.Document, err = s.RenewDocument(now)
	return r, err
}

func (s *Secret) lasts(until time.Time, use func(pgp.Subkey) bool) bool {
	for _, k := range s.public.Subkeys() {
		if use(k) && !k.Revoked && (k.Expires.IsZero() || k.Expires.After(until)) {
			return true
		}
	}
	return false
}
