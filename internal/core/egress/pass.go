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
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
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
	args := []any{a.Object.Ref.ID, int64(p.channel), int64(p.road), p.reader, p.rendition, p.at}
	if p.id = tx.Reserved("egress_pass"); p.id != 0 {
		err = tx.Later(ctx, `INSERT INTO egress_pass (object, channel, road, reader, rendition, made_at, id) VALUES ($1, $2, $3, $4, $5, $6, $7)`, append(args, p.id)...)
	} else {
		err = tx.QueryRow(ctx, `INSERT INTO egress_pass (object, channel, road, reader, rendition, made_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`, args...).Scan(&p.id)
	}
	if err != nil {
		return Pass{}, fmt.Errorf("store pass: %w", err)
	}
	return p, nil
}

// Use checks a stored pass again at the moment of sending and marks it used: the object as it is now is neither sealed nor marked, the reader,
// channel and rendition are those of the pass, and the road is still open. A better road (a key arrived meanwhile) is taken, and what was written as a
// notice stays one when a locked file could go by now; any other change is a Conflict with its reason, and so is a second use.
func (g *Gate) Use(ctx context.Context, tx *db.Tx, pass int64, a Ask, rendition []byte) (Pass, error) {
	used, err := g.UseMany(ctx, tx, []Use{{pass, a, rendition}})
	if err != nil {
		return Pass{}, err
	}
	return used[0].Pass, used[0].Err
}

// Use is what UseMany is asked: may this rendition leave on that pass?
type Use struct {
	Pass      int64
	Ask       Ask
	Rendition []byte
}

// Used is its answer: a pass that Allows, or why not.
type Used struct {
	Pass Pass
	Err  error
}

// UseMany is Use for several passes in few statements. Its error is one that ends the transaction.
func (g *Gate) UseMany(ctx context.Context, tx *db.Tx, all []Use) ([]Used, error) {
	policy, err := g.Policy(ctx, tx)
	if err != nil {
		return nil, err
	}
	kept, err := g.kept(ctx, tx, all)
	if err != nil {
		return nil, fmt.Errorf("use passes: %w", err)
	}
	out := make([]Used, len(all))
	roads := map[Road][]int64{}
	for i, u := range all {
		p, ok := kept[u.Pass]
		if !ok {
			return nil, fmt.Errorf("use pass: %w", errs.ErrNotFound)
		}
		if out[i].Err = p.fits(u, policy); out[i].Err != nil {
			continue
		}
		p.marked = true // a second one in the same list is a second use
		out[i].Pass = p.Pass
		roads[p.road] = append(roads[p.road], u.Pass)
	}
	now := g.Clock.Now()
	for road, ids := range roads {
		q := new(db.Query).Add(`UPDATE egress_pass SET used_at = ?, road = ? WHERE id IN `, now, int64(road))
		if err := db.In(q, ids).Later(ctx, tx); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// stored is a pass as it is kept, with the object as it is now.
type stored struct {
	Pass
	object int64
	marked bool // as used
	now    access.Object
}

func (g *Gate) kept(ctx context.Context, tx *db.Tx, all []Use) (map[int64]*stored, error) {
	ids := make([]int64, len(all))
	for i, u := range all {
		ids[i] = u.Pass
	}
	q := new(db.Query).Add(`SELECT ` + access.Columns + `, p.id, p.object, p.channel, p.road, p.reader, p.rendition, p.made_at, p.used_at
		FROM egress_pass p JOIN object o ON o.id = p.object WHERE p.id IN `)
	rows, err := db.In(q, ids).Add(` ORDER BY p.id`+tx.ForUpdate()).Query(ctx, tx)
	out := map[int64]*stored{}
	return out, db.Each(rows, err, func(r *db.Rows) error {
		p := &stored{Pass: Pass{names: g.names()}}
		var used time.Time
		err := r.Scan(append(p.now.Dst(), &p.id, &p.object, &p.channel, &p.road, &p.reader, &p.rendition, &p.at, &used)...)
		p.marked = !used.IsZero()
		out[p.id] = p
		return err
	})
}

// fits checks a pass as it is kept, and takes the better road.
func (p *stored) fits(u Use, policy map[tlp.Level]Road) error {
	if p.marked {
		return &errs.Error{Kind: errs.Conflict, Key: "error.egress.used", Text: "this has left already"}
	}
	p.used = true
	if p.object != u.Ask.Object.Ref.ID || p.Allows(u.Ask.Channel, u.Ask.Reader, u.Rendition) != nil {
		return ErrPass
	}
	if u.Ask.Object.Ref.Kind != ref.None && p.now.Ref.Kind != u.Ask.Object.Ref.Kind {
		return ErrPass
	}
	// As it is now; marks that the caller found on what stands above it (a sealed case, an exercise) stay.
	p.now.Sealed = p.now.Sealed || u.Ask.Object.Sealed
	p.now.Exercise = p.now.Exercise || u.Ask.Object.Exercise
	u.Ask.Object = p.now
	d := Decide(policy, u.Ask)
	if d.Road == Locked && p.road == Notice {
		d.Road = Notice // no more leaves than was shown
	}
	if d.Road != p.road && d.Road != Encrypted {
		return &errs.Error{Kind: errs.Conflict, Key: reasonOr(d.Reason, "error.egress.changed"), Text: "what may leave has changed since this was written"}
	}
	p.road = d.Road
	return nil
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
