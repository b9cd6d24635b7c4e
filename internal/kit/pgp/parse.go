package pgp

import (
	"bytes"
	stderrors "errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Limits of a certificate (P9). More may come in, because flooded certificates are large; only so much is kept.
const (
	MaxKeyInput = 4 << 20
	MaxKeyBytes = 64 << 10
	MaxUserIDs  = 32
	MaxSubkeys  = 32

	maxKeyBlocks = 32
	maxPartSigs  = 16 // own signatures kept for one user id or subkey
	maxSigChecks = 1024
	maxUserID    = 512
)

// Flaw is why something offered as a key was not taken.
type Flaw string

// The flaws.
const (
	NotAKey     Flaw = "not_a_key"
	SecretKey   Flaw = "secret_key" // a private key: nothing of it is kept
	TooLarge    Flaw = "too_large"
	TooMany     Flaw = "too_many" // user ids, subkeys or keys
	Unsupported Flaw = "unsupported"
	NoIdentity  Flaw = "no_identity" // no user id signed by the key itself
)

// Problem tells of one key that was not taken.
type Problem struct {
	Flaw        Flaw
	Fingerprint string // when it is known
}

// ParseKeys reads public keys, armoured or binary, one or several, and keeps the minimal form of each. What cannot be taken is a Problem;
// it never fails as a whole.
func ParseKeys(b []byte) ([]Key, []Problem) {
	if len(b) > MaxKeyInput {
		return nil, []Problem{{Flaw: TooLarge}}
	}
	blocks, probs := keyBlocks(b)
	var keys []Key
	for _, block := range blocks {
		for len(block) > 0 {
			if len(keys)+len(probs) >= maxKeyBlocks {
				return keys, append(probs, Problem{Flaw: TooMany})
			}
			var one []rawPacket
			var err error
			if one, block, err = cutCertificate(block); err != nil {
				probs = append(probs, Problem{Flaw: NotAKey})
				break
			}
			k, p := minimal(one)
			if p != nil {
				probs = append(probs, *p)
			} else if !slices.ContainsFunc(keys, func(o Key) bool { return o.fp == k.fp }) {
				keys = append(keys, k)
			}
		}
	}
	if len(keys) == 0 && len(probs) == 0 {
		probs = []Problem{{Flaw: NotAKey}}
	}
	return keys, probs
}

func keyBlocks(b []byte) (blocks [][]byte, probs []Problem) {
	if len(b) > 0 && b[0]&0x80 != 0 && !bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) {
		return [][]byte{b}, nil
	}
	for len(blocks)+len(probs) < maxKeyBlocks {
		i := bytes.Index(b, []byte("-----BEGIN PGP "))
		if i < 0 {
			break
		}
		kind, block, rest, ok := cutBlock(b[i:])
		if !ok {
			b = b[i+10:]
			continue
		}
		b = rest
		switch kind {
		case "PGP PUBLIC KEY BLOCK":
			if raw, err := dearmor(block); err == nil {
				blocks = append(blocks, raw)
			} else {
				probs = append(probs, Problem{Flaw: NotAKey})
			}
		case "PGP PRIVATE KEY BLOCK":
			probs = append(probs, Problem{Flaw: SecretKey})
		}
	}
	return blocks, probs
}

// cutBlock takes the armoured block that b begins with: its type, the block, and what follows its last line.
func cutBlock(b []byte) (kind string, block, rest []byte, ok bool) {
	first, after := cutLine(b)
	line := string(bytes.TrimRight(first, " \t\r\n"))
	kind, ok = strings.CutPrefix(line, "-----BEGIN ")
	if !ok {
		return "", nil, b, false
	}
	if kind, ok = strings.CutSuffix(kind, "-----"); !ok {
		return "", nil, b, false
	}
	end := []byte("-----END " + kind + "-----")
	for len(after) > 0 {
		first, after = cutLine(after)
		if bytes.Equal(bytes.TrimRight(first, " \t\r\n"), end) {
			return kind, b[:len(b)-len(after)], after, true
		}
	}
	return kind, nil, b, false
}

// cutLine splits after the first line feed.
func cutLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i+1], b[i+1:]
	}
	return b, nil
}

func dearmor(block []byte) ([]byte, error) {
	a, err := armor.Decode(bytes.NewReader(block))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(a.Body)
}

func armored(kind string, raw []byte) []byte {
	var b bytes.Buffer
	w, err := armor.Encode(&b, kind, nil)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic("armour into memory: " + err.Error())
	}
	return append(b.Bytes(), '\n')
}

func cutCertificate(b []byte) (one []rawPacket, rest []byte, err error) {
	for len(b) > 0 {
		p, after, err := nextPacket(b)
		if err != nil {
			return nil, nil, err
		}
		if primary := p.tag == tagPublicKey || p.tag == tagSecretKey; primary && len(one) > 0 {
			return one, b, nil
		} else if !primary && len(one) == 0 {
			return nil, nil, errPacket
		}
		one, b = append(one, p), after
	}
	return one, nil, nil
}

var errUnsupported = stderrors.New("unsupported")

func readPublic(p rawPacket) (*packet.PublicKey, error) {
	got, err := packet.Read(bytes.NewReader(p.all))
	if err != nil {
		return nil, errUnsupported
	}
	pk, ok := got.(*packet.PublicKey)
	if !ok || pk.Version != 4 && pk.Version != 6 || absurd(pk) {
		return nil, errUnsupported
	}
	return pk, nil
}

// minimal keeps of a certificate what the key signed itself (P9), in the order it came.
func minimal(in []rawPacket) (Key, *Problem) {
	if in[0].tag == tagSecretKey {
		return Key{}, &Problem{Flaw: SecretKey}
	}
	primary, err := readPublic(in[0])
	if err != nil || !primary.PubKeyAlgo.CanSign() {
		return Key{}, &Problem{Flaw: Unsupported}
	}
	k := Key{fp: fingerprint(primary), made: primary.CreationTime.UTC(), algo: algorithmName(primary)}
	fail := func(f Flaw) (Key, *Problem) { return Key{}, &Problem{Flaw: f, Fingerprint: k.fp} }
	k.ids = []partID{{k.fp, primary.KeyId}}
	k.raw = append(k.raw, in[0].all...)

	part := &sorter{primary: primary}
	uids, subs := 0, 0
	seen := map[string]bool{}
	for _, p := range in[1:] {
		switch p.tag {
		case tagSignature:
			part.add(p)
			continue
		case tagSecretSub:
			return fail(SecretKey)
		}
		k.raw = append(k.raw, part.flush()...)
		switch p.tag {
		case tagUserID:
			if uids++; uids > MaxUserIDs {
				return fail(TooMany)
			}
			id := string(p.body)
			if len(id) > maxUserID || !utf8.ValidString(id) || seen[id] {
				part.skip()
				break
			}
			seen[id] = true
			part.user(p, id)
		case tagPublicSub:
			if subs++; subs > MaxSubkeys {
				return fail(TooMany)
			}
			sub, err := readPublic(p)
			if err != nil || sub.Version != primary.Version {
				part.skip()
				break
			}
			k.ids = append(k.ids, partID{fingerprint(sub), sub.KeyId})
			part.subkey(p, sub)
		default: // pictures, trust, marker: dropped with the signatures that follow
			part.skip()
		}
	}
	k.raw = append(k.raw, part.flush()...)
	if len(k.raw) > MaxKeyBytes {
		return fail(TooLarge)
	}
	e, err := k.entity()
	if err != nil {
		return fail(NoIdentity)
	}
	for _, id := range e.Identities {
		var none time.Time
		if sig, err := id.LatestValidSelfCertification(none, loose(none)); err == nil && !id.Revoked(sig, none, loose(none)) {
			k.uids = append(k.uids, id.Name)
		}
	}
	slices.Sort(k.uids)
	if _, first := e.PrimaryIdentity(time.Time{}, loose(time.Time{})); first != nil {
		if i := slices.Index(k.uids, first.Name); i > 0 {
			k.uids = slices.Insert(slices.Delete(k.uids, i, i+1), 0, first.Name)
		}
	}
	if len(e.Identities) == 0 && primary.Version < 6 {
		return fail(NoIdentity)
	}
	return k, nil
}

// sorter collects one part of a certificate and those signatures on it that the primary key really made.
type sorter struct {
	primary *packet.PublicKey
	head    []byte
	check   func(*packet.Signature) bool
	sigs    []signed
	checks  int
	started bool
}

type signed struct {
	raw  []byte
	made time.Time
	keep bool // revocations are never crowded out
}

func (s *sorter) user(p rawPacket, id string) {
	s.started, s.head = true, p.all
	s.check = func(sig *packet.Signature) bool {
		switch sig.SigType {
		case packet.SigTypeGenericCert, packet.SigTypePersonaCert, packet.SigTypeCasualCert, packet.SigTypePositiveCert,
			packet.SigTypeCertificationRevocation:
			return s.primary.VerifyUserIdSignature(id, s.primary, sig) == nil
		}
		return false
	}
}

func (s *sorter) subkey(p rawPacket, sub *packet.PublicKey) {
	s.started, s.head = true, p.all
	s.check = func(sig *packet.Signature) bool {
		switch sig.SigType {
		case packet.SigTypeSubkeyBinding:
			return s.primary.VerifyKeySignature(sub, sig) == nil
		case packet.SigTypeSubkeyRevocation:
			return s.primary.VerifySubkeyRevocationSignature(sig, sub) == nil
		}
		return false
	}
}

func (s *sorter) skip() {
	s.started, s.head = true, nil
	s.check = func(*packet.Signature) bool { return false }
}

func (s *sorter) add(p rawPacket) {
	got, err := packet.Read(bytes.NewReader(p.all))
	sig, ok := got.(*packet.Signature)
	if err != nil || !ok || !sig.CheckKeyIdOrFingerprint(s.primary) || s.checks >= maxSigChecks {
		return
	}
	s.checks++
	good := false
	if s.started {
		good = s.check(sig)
	} else {
		switch sig.SigType {
		case packet.SigTypeKeyRevocation:
			good = s.primary.VerifyRevocationSignature(sig) == nil
		case packet.SigTypeDirectSignature:
			good = s.primary.VerifyDirectKeySignature(sig) == nil
		}
	}
	if !good {
		return
	}
	revokes := sig.SigType == packet.SigTypeKeyRevocation || sig.SigType == packet.SigTypeSubkeyRevocation ||
		sig.SigType == packet.SigTypeCertificationRevocation
	s.sigs = append(s.sigs, signed{p.all, sig.CreationTime, revokes})
}

// flush gives the part collected so far. A user id or subkey that nothing vouches for is dropped.
func (s *sorter) flush() []byte {
	slices.SortStableFunc(s.sigs, func(a, b signed) int {
		if a.keep != b.keep {
			if a.keep {
				return -1
			}
			return 1
		}
		return b.made.Compare(a.made)
	})
	if len(s.sigs) > maxPartSigs {
		s.sigs = s.sigs[:maxPartSigs]
	}
	var out []byte
	if !s.started || len(s.sigs) > 0 {
		out = append(out, s.head...)
		for _, g := range s.sigs {
			out = append(out, g.raw...)
		}
	}
	s.head, s.sigs, s.check, s.started = nil, nil, nil, true
	return out
}
