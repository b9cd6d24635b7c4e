package egress

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Pass allows one rendition to leave once. Only this package makes one that Allows anything.
type Pass struct {
	id        int64
	rendition []byte
	reader    []byte
	channel   Channel
	road      Road
	at        time.Time
	used      bool
	names     []byte
}

// Road gives the road the pass is for.
func (p Pass) Road() Road { return p.road }

// ID names the stored pass.
func (p Pass) ID() int64 { return p.id }

// ErrPass refuses to let something out without a pass that fits it.
var ErrPass = &errs.Error{Kind: errs.Forbidden, Key: "error.egress.pass", Text: "this may not leave: there is no pass for it"}

// Allows is what a transport asks before anything leaves: the pass was opened by Use, for this channel, this reader and this rendition.
func (p Pass) Allows(channel Channel, reader string, rendition []byte) error {
	if p.id == 0 || !p.used || p.road == Refused || p.channel != channel || len(p.rendition) != sha256.Size ||
		subtle.ConstantTimeCompare(p.rendition, rendition) != 1 || !hmac.Equal(p.reader, keyed(p.names, reader)) {
		return ErrPass
	}
	return nil
}

func keyed(key []byte, reader string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(strings.ToLower(reader)))
	return m.Sum(nil)
}

func (g *Gate) names() []byte { return g.Ring.Derive("egress reader/v1") }

// refusal turns a decision into the error that says why.
func refusal(d Decision) error {
	return &errs.Error{Kind: errs.Forbidden, Key: d.Reason, Text: "this may not leave the house"}
}

// PassTx decides and stores a pass in the verb's transaction. Rendition is the SHA-256 of what leaves, before signing and encrypting.
// What may not leave is Forbidden with the reason as its key.
func (g *Gate) PassTx(ctx context.Context, tx *db.Tx, a Ask, rendition []byte) (Pass, error) {
	if len(rendition) != sha256.Size {
		return Pass{}, fmt.Errorf("pass for a rendition of %d bytes: not a SHA-256", len(rendition))
	}
	policy, err := g.Policy(ctx, tx)
	if err != nil {
		return Pass{}, err
	}
	d := Decide(policy, a)
	if d.Road == Refused {
		return Pass{}, refusal(d)
	}
	p := Pass{rendition: rendition, channel: a.Channel, road: d.Road, at: g.Clock.Now(), names: g.names()}
	p.reader = keyed(p.names, a.Reader)
	err = tx.QueryRow(ctx, `INSERT INTO egress_pass (object, channel, road, reader, rendition, made_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
		a.Object.Ref.ID, int64(p.channel), int64(p.road), p.reader, p.rendition, p.at).Scan(&p.id)
	if err != nil {
		return Pass{}, fmt.Errorf("store pass: %w", err)
	}
	return p, nil
}

// Use checks a stored pass again at the moment of sending and marks it used: the object as it is now is neither sealed nor marked, the reader,
// channel and rendition are those of the pass, and the road is still open. A better road (a key arrived meanwhile) is taken; any other change
// is a Conflict with its reason, and so is a second use.
func (g *Gate) Use(ctx context.Context, tx *db.Tx, pass int64, a Ask, rendition []byte) (Pass, error) {
	p := Pass{id: pass, names: g.names()}
	var object int64
	var used time.Time
	var now access.Object
	err := tx.QueryRow(ctx, `SELECT `+access.Columns+`, p.object, p.channel, p.road, p.reader, p.rendition, p.made_at, p.used_at
		FROM egress_pass p JOIN object o ON o.id = p.object WHERE p.id = $1`+tx.ForUpdate(), pass).
		Scan(append(now.Dst(), &object, &p.channel, &p.road, &p.reader, &p.rendition, &p.at, &used)...)
	if err != nil {
		return Pass{}, fmt.Errorf("use pass: %w", err)
	}
	if !used.IsZero() {
		return Pass{}, &errs.Error{Kind: errs.Conflict, Key: "error.egress.used", Text: "this has left already"}
	}
	p.used = true
	if object != a.Object.Ref.ID || p.Allows(a.Channel, a.Reader, rendition) != nil {
		return Pass{}, ErrPass
	}
	if a.Object.Ref.Kind != ref.None && now.Ref.Kind != a.Object.Ref.Kind {
		return Pass{}, ErrPass
	}
	// As it is now; marks that the caller found on what stands above it (a sealed case, an exercise) stay.
	now.Sealed = now.Sealed || a.Object.Sealed
	now.Exercise = now.Exercise || a.Object.Exercise
	a.Object = now
	policy, err := g.Policy(ctx, tx)
	if err != nil {
		return Pass{}, err
	}
	d := Decide(policy, a)
	if d.Road != p.road && d.Road != Encrypted {
		return Pass{}, &errs.Error{Kind: errs.Conflict, Key: reasonOr(d.Reason, "error.egress.changed"), Text: "what may leave has changed since this was written"}
	}
	p.road = d.Road
	err = tx.Later(ctx, `UPDATE egress_pass SET used_at = $1, road = $2 WHERE id = $3`, g.Clock.Now(), int64(p.road), pass)
	return p, err
}

func reasonOr(reason, otherwise string) string {
	if reason != "" {
		return reason
	}
	return otherwise
}

// Unused takes a use back: the transport said that nothing left. The pass may be used again.
func (g *Gate) Unused(ctx context.Context, tx *db.Tx, pass int64) error {
	return tx.Later(ctx, `UPDATE egress_pass SET used_at = NULL WHERE id = $1`, pass)
}
