package pgp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// Status is what came of checking one signature.
type Status string

// The verdicts. Only Good says that this key made the signature over these bytes at a time when it could.
const (
	Good         Status = "good"
	Bad          Status = "bad"           // does not verify over the bytes
	UnknownKey   Status = "unknown_key"   // no candidate key has that id
	ExpiredKey   Status = "expired_key"   // the key, or the signature, was past its end
	RevokedKey   Status = "revoked_key"   // at signing time, or for compromise at any time
	WeakKey      Status = "weak"          // hash or key too weak
	TimeOff      Status = "time_off"      // more than a day from the mail's date, or in the future
	UnfitKey     Status = "unfit_key"     // the key is not for signing, or not bound to its owner
	OtherReader  Status = "other_reader"  // signed for another reader and encrypted again to us
	NotSupported Status = "not_supported" // version 3 and the like
)

// TimeSlack is how far a signature's time may be from the date of its mail (P3).
const TimeSlack = 24 * time.Hour

// Signature is one checked signature.
type Signature struct {
	Status      Status
	Time        time.Time // by the signer's word
	KeyID       string    // 16 hex digits of the part that signed, by the signature's word
	Fingerprint string    // of the part that signed: from the key when one matched, else by the signature's word, or empty
	Key         string    // fingerprint of the candidate certificate, empty when unknown
}

// check is one round of verification.
type check struct {
	keys    []Key
	date    time.Time // of the mail; zero: not compared
	now     time.Time
	ours    string // certificate the message was encrypted to; empty: came in clear
	data    []byte
	wasText bool // clear-signed: the data is already canonical
}

const maxCandidates = 4

func (c check) signature(raw []byte) Signature {
	got, err := packet.Read(bytes.NewReader(raw))
	if err != nil {
		if _, ok := err.(errors.UnsupportedError); ok {
			return Signature{Status: NotSupported}
		}
		return Signature{Status: Bad}
	}
	sig, ok := got.(*packet.Signature)
	if !ok {
		return Signature{Status: Bad}
	}
	out := Signature{Time: sig.CreationTime.UTC(), Status: UnknownKey}
	if sig.IssuerKeyId != nil {
		out.KeyID = fmt.Sprintf("%016X", *sig.IssuerKeyId)
	}
	out.Fingerprint = strings.ToUpper(fmt.Sprintf("%x", sig.IssuerFingerprint))
	if sig.SigType != packet.SigTypeBinary && sig.SigType != packet.SigTypeText {
		out.Status = Bad
		return out
	}
	tried := 0
	for _, k := range c.keys {
		if !slices.ContainsFunc(k.ids, func(p partID) bool { return issued(sig, p) }) {
			continue
		}
		if tried++; tried > maxCandidates {
			break
		}
		got := c.byKey(sig, k)
		if out.Key == "" || got.Status == Good || out.Status == Bad {
			out.Status, out.Key, out.Fingerprint = got.Status, k.fp, got.Fingerprint
		}
		if out.Status == Good {
			break
		}
	}
	return out
}

func issued(sig *packet.Signature, p partID) bool {
	if len(sig.IssuerFingerprint) >= 20 {
		return strings.EqualFold(fmt.Sprintf("%x", sig.IssuerFingerprint), p.fp)
	}
	return sig.IssuerKeyId != nil && *sig.IssuerKeyId == p.id
}

// byKey checks the signature against the parts of one key that it names.
func (c check) byKey(sig *packet.Signature, k Key) Signature {
	e, err := k.entity()
	if err != nil {
		return Signature{Status: UnfitKey}
	}
	out := Signature{Status: Bad}
	try := func(pk *packet.PublicKey, sub *openpgp.Subkey) bool {
		if !issued(sig, partID{fingerprint(pk), pk.KeyId}) {
			return false
		}
		out.Fingerprint = fingerprint(pk)
		if !c.verifies(sig, pk) {
			return false
		}
		out.Status = c.verdict(sig, k, e, pk, sub)
		return true
	}
	if try(e.PrimaryKey, nil) {
		return out
	}
	for i := range e.Subkeys {
		if try(e.Subkeys[i].PublicKey, &e.Subkeys[i]) {
			return out
		}
	}
	return out
}

func (c check) verifies(sig *packet.Signature, pk *packet.PublicKey) bool {
	h, err := sig.PrepareVerify()
	if err != nil {
		return false
	}
	if sig.SigType == packet.SigTypeText && !c.wasText {
		_, err = openpgp.NewCanonicalTextHash(h).Write(c.data)
	} else {
		_, err = h.Write(c.data)
	}
	return err == nil && pk.VerifySignature(h, sig) == nil
}

// verdict judges a signature that verifies: the key and the times (P3).
func (c check) verdict(sig *packet.Signature, k Key, e *openpgp.Entity, pk *packet.PublicKey, sub *openpgp.Subkey) Status {
	at := sig.CreationTime
	if weakHash(sig.Hash) || weakKey(pk) || weakKey(e.PrimaryKey) {
		return WeakKey
	}
	if e.Revoked(at) {
		return RevokedKey
	}
	self, err := selfSignature(e, at)
	if err != nil {
		return weakOr(k, fingerprint(pk), UnfitKey)
	}
	if e.PrimaryKey.KeyExpired(self, at) {
		return ExpiredKey
	}
	part := self
	if sub != nil {
		if part, err = bindingSignature(sub, at); err != nil {
			return weakOr(k, fingerprint(pk), UnfitKey)
		}
		if sub.Revoked(part, at) {
			return RevokedKey
		}
		if pk.KeyExpired(part, at) {
			return ExpiredKey
		}
	}
	if !part.FlagsValid || !part.FlagSign {
		return UnfitKey
	}
	for _, n := range sig.Notations {
		if n.IsCritical {
			return UnfitKey
		}
	}
	if sig.SigLifetimeSecs != nil && *sig.SigLifetimeSecs != 0 && c.now.After(at.Add(time.Duration(*sig.SigLifetimeSecs)*time.Second)) {
		return ExpiredKey
	}
	if !c.forUs(sig) {
		return OtherReader
	}
	if at.After(c.now.Add(TimeSlack)) || !c.date.IsZero() && (at.Sub(c.date) > TimeSlack || c.date.Sub(at) > TimeSlack) {
		return TimeOff
	}
	return Good
}

// forUs refuses a signature that names its readers when we are none of them: somebody passed on what was written to him.
func (c check) forUs(sig *packet.Signature) bool {
	if len(sig.IntendedRecipients) == 0 || c.ours == "" {
		return true
	}
	for _, r := range sig.IntendedRecipients {
		if strings.EqualFold(fmt.Sprintf("%x", r.Fingerprint), c.ours) {
			return true
		}
	}
	return false
}

// selfSignature is the one in force at the time; when there is only a later one (the owner prolonged the key, and the newer copy dropped the old
// signature), that one.
func selfSignature(e *openpgp.Entity, at time.Time) (*packet.Signature, error) {
	sig, err := e.PrimarySelfSignature(at, strict(at))
	if err != nil {
		sig, err = e.PrimarySelfSignature(time.Time{}, strict(at))
	}
	return sig, err
}

func bindingSignature(s *openpgp.Subkey, at time.Time) (*packet.Signature, error) {
	sig, err := s.LatestValidBindingSignature(at, strict(at))
	if err != nil {
		sig, err = s.LatestValidBindingSignature(time.Time{}, strict(at))
	}
	return sig, err
}

// weakOr tells a key whose own signatures are SHA-1 from one that is not bound at all.
func weakOr(k Key, part string, other Status) Status {
	e, err := k.entity()
	if err != nil {
		return other
	}
	var none time.Time
	if _, err := e.PrimarySelfSignature(none, loose(none)); err != nil {
		return other
	}
	for i := range e.Subkeys {
		if s := &e.Subkeys[i]; fingerprint(s.PublicKey) == part {
			if _, err := s.LatestValidBindingSignature(none, loose(none)); err != nil {
				return other
			}
		}
	}
	return WeakKey
}
