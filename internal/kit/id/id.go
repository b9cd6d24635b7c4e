// Package id makes names: random identifiers that tell nothing, outward references that can be dictated, and secret codes.
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// alphabet is Crockford's base 32: no I, L, O, U, so that a reference survives a telephone.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var crockford = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// New gives 128 random bits as 26 lower-case letters and digits.
func New() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return From(b)
}

// From gives 128 bits the form of New.
func From(b [16]byte) string { return strings.ToLower(crockford.EncodeToString(b[:])) }

// Valid tells whether s has the form of New.
func Valid(s string) bool {
	if len(s) != 26 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' {
			c -= 32
		} else if c >= 'A' && c <= 'Z' {
			return false
		}
		if strings.IndexByte(alphabet, c) < 0 {
			return false
		}
	}
	return true
}

// Reference gives an outward reference such as R-2026-7K2PQX: prefix, year, five random characters and a check character.
// It is drawn at random, so two readers who compare theirs learn nothing.
func Reference(prefix string, year int) string {
	var b [5]byte
	_, _ = rand.Read(b[:])
	s := make([]byte, 5, 6)
	for i, x := range b {
		s[i] = alphabet[x&31]
	}
	s = append(s, check(string(s)))
	return fmt.Sprintf("%s-%04d-%s", prefix, year, s)
}

// check weighs each character by its place modulo 31, so that one wrong or two swapped neighbours are noticed.
func check(s string) byte {
	sum := 0
	for i := range len(s) {
		sum += (i + 1) * strings.IndexByte(alphabet, s[i])
	}
	return alphabet[sum%31]
}

// ParseReference reads a reference as people write it (any case, O for 0, I and L for 1, spaces) and gives its standard form.
func ParseReference(s string) (string, bool) {
	s = strings.ToUpper(strings.Join(strings.Fields(s), ""))
	parts := strings.Split(s, "-")
	if len(parts) != 3 || len(parts[0]) < 1 || len(parts[0]) > 4 || len(parts[1]) != 4 || len(parts[2]) != 6 {
		return "", false
	}
	for _, c := range parts[1] {
		if c < '0' || c > '9' {
			return "", false
		}
	}
	for _, c := range parts[0] {
		if c < 'A' || c > 'Z' {
			return "", false
		}
	}
	tail := strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(parts[2])
	for i := range len(tail) {
		if strings.IndexByte(alphabet, tail[i]) < 0 {
			return "", false
		}
	}
	if check(tail[:5]) != tail[5] {
		return "", false
	}
	return parts[0] + "-" + parts[1] + "-" + tail, true
}

// Secret is a token that is shown once and stored as its hash. It prints as •••.
type Secret struct{ text string }

// NewSecret gives 256 random bits behind a prefix that tells the kind of token ("tcs", "ses", "lnk").
func NewSecret(kind string) Secret {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return Secret{kind + "_" + base64.RawURLEncoding.EncodeToString(b[:])}
}

// NewCode gives 128 random bits in 26 characters, for a link that a person may have to type.
func NewCode() Secret { return Secret{New()} }

// SecretOf takes a token as it came from outside.
func SecretOf(s string) Secret { return Secret{s} }

// Reveal gives the token itself, for the one moment in which it is shown or sent.
func (s Secret) Reveal() string { return s.text }

// Hash gives the SHA-256 under which the token is stored and found.
func (s Secret) Hash() []byte {
	h := sha256.Sum256([]byte(s.text))
	return h[:]
}

// Kind gives the prefix.
func (s Secret) Kind() string {
	k, _, ok := strings.Cut(s.text, "_")
	if !ok {
		return ""
	}
	return k
}

func (Secret) String() string               { return "•••" }
func (Secret) GoString() string             { return "•••" }
func (Secret) MarshalText() ([]byte, error) { return []byte("•••"), nil }

// Hex is the lower-case hexadecimal form of a hash.
func Hex(b []byte) string { return hex.EncodeToString(b) }
