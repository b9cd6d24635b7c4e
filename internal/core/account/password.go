package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Cost of a password in the house (rule I2): argon2id, RFC 9106, second recommended option with more passes.
const (
	Memory = 64 << 10 // KiB
	Passes = 3
)

const (
	slots  = 2  // hashes at once: 128 MiB at most
	queued = 50 // who waits beyond that is told to come back
)

// Hasher makes and checks password hashes, two at a time.
type Hasher struct {
	memory, passes uint32
	slot           chan struct{}
	waiting        atomic.Int64
	nobody         string // a hash that no password has, so that an unknown account costs the same
}

// NewHasher makes a hasher with a cost in KiB and passes; the house uses Memory and Passes, tests less.
func NewHasher(memory, passes uint32) *Hasher {
	h := &Hasher{memory: memory, passes: passes, slot: make(chan struct{}, slots)}
	var salt, sum [32]byte
	_, _ = rand.Read(salt[:16])
	_, _ = rand.Read(sum[:])
	h.nobody = h.encode(salt[:16], sum[:])
	return h
}

func (h *Hasher) encode(salt, sum []byte) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, h.memory, h.passes, b.EncodeToString(salt), b.EncodeToString(sum))
}

// turn waits for one of the slots; beyond the waiting line it is Unavailable at once.
func (h *Hasher) turn(ctx context.Context) (func(), error) {
	select {
	case h.slot <- struct{}{}:
		return func() { <-h.slot }, nil
	default:
	}
	if h.waiting.Add(1) > queued {
		h.waiting.Add(-1)
		return nil, &errs.Error{Kind: errs.Unavailable, Key: "error.busy", Text: "too many people sign in at this moment: try again shortly"}
	}
	defer h.waiting.Add(-1)
	select {
	case h.slot <- struct{}{}:
		return func() { <-h.slot }, nil
	case <-ctx.Done():
		return nil, errs.Wrap(errs.Unavailable, "this took too long", ctx.Err())
	}
}

// Make hashes a password with a new salt.
func (h *Hasher) Make(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	return h.encode(salt, argon2.IDKey([]byte(norm.NFC.String(password)), salt, h.passes, h.memory, 1, 32)), nil
}

// Check tells whether the password has the hash. An empty hash costs the same and is never right.
func (h *Hasher) Check(ctx context.Context, password, hash string) (bool, error) {
	real := hash != ""
	if !real {
		hash = h.nobody
	}
	var version int
	var memory, passes, lanes uint32
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, fmt.Errorf("a stored password hash cannot be read")
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false, fmt.Errorf("a stored password hash has an unknown version")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil || memory > 1<<20 || passes > 16 || lanes != 1 || passes == 0 {
		return false, fmt.Errorf("a stored password hash has an unknown cost")
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("a stored password hash cannot be read")
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) != 32 {
		return false, fmt.Errorf("a stored password hash cannot be read")
	}
	done, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	got := argon2.IDKey([]byte(norm.NFC.String(password)), salt, passes, memory, 1, 32)
	return subtle.ConstantTimeCompare(got, want) == 1 && real, nil
}

// The bounds of a password (rule I2).
const (
	shortest  = 12
	longest   = 128
	mostBytes = 512
)

//go:embed common.txt
var common string

// tooLong refuses what no hash should be made of.
func tooLong(password string) bool {
	return len(password) > mostBytes || !utf8.ValidString(password) || utf8.RuneCountInString(password) > longest
}

// CheckPassword notes what is wrong with a new password: length, one of those that everybody tries, or little more than the owner's name.
func CheckPassword(p *errs.Problems, field, password string, about ...string) {
	switch n := utf8.RuneCountInString(password); {
	case password == "":
		p.Add(field, "error.required")
		return
	case tooLong(password):
		p.Add(field, "error.too_long", "most", longest)
		return
	case n < shortest:
		p.Add(field, "error.too_short", "least", shortest)
		return
	}
	low := strings.ToLower(norm.NFKC.String(password))
	distinct := map[rune]bool{}
	for _, r := range low {
		distinct[r] = true
	}
	weak := len(distinct) < 5 || commonly(low) || commonly(strings.TrimRight(low, "0123456789!?.-_#$*+"))
	for _, a := range about {
		a, _, _ = strings.Cut(strings.ToLower(a), "@")
		for _, word := range strings.Fields(a) {
			weak = weak || len(word) > 3 && utf8.RuneCountInString(strings.ReplaceAll(low, word, "")) < 6
		}
	}
	if weak {
		p.Add(field, "error.common_password")
	}
}

// commonly tells whether a text is one of the common ones or one of them repeated.
func commonly(low string) bool {
	for w := range strings.Lines(common) {
		w = strings.TrimSpace(w)
		if w != "" && w[0] != '#' && strings.ReplaceAll(low, w, "") == "" {
			return true
		}
	}
	return false
}
