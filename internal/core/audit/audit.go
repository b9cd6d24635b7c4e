// Package audit is the one append-only record of who did what: also the timeline, and the source for prompts, webhooks and live pages.
//
// A verb writes an entry in its own transaction, unnumbered. One sequencer gives numbers without gaps, extends the Merkle tree
// (golang.org/x/mod/sumdb/tlog, RFC 6962 hashing) and signs checkpoints (note format) for others to keep. Followers use that number only.
//
// The leaf is a salted commitment: the entry's plain columns and the hash of salt and details. The details are sealed beside it under the
// key of the object they concern, so that they can be erased while the tree still verifies.
// Tables: audit_entry, audit_detail, audit_waiting, audit_number, audit_node, audit_checkpoint.
package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Log writes and reads the record.
type Log struct {
	Ring *keyring.Ring
	Wake func() // tells the sequencer, after the commit, that an entry waits; may be nil
}

// Change is one field that changed. Values are shown in the timeline as they are, so they are plain words, codes or times.
type Change struct {
	Field string `json:"f"`
	From  any    `json:"a,omitempty"`
	To    any    `json:"b,omitempty"`
}

// Entry is what a verb records.
type Entry struct {
	At          time.Time
	By          access.Actor
	Verb        string  // "intake.triage", "incident.close", …
	On          ref.Ref // what was changed or read
	About       ref.Ref // the incident or report under which it is shown; zero: On itself
	Compartment int64   // whose compartment it belongs to; 0 for the team alone
	Changes     []Change
	Note        string // a reason, as a person gave it
	Data        any    // further details for the timeline, small
	// Owner is whose data key seals the details: the object whose retention ends them. Zero: About, else On, else the house.
	Owner int64
}

type detail struct {
	Changes []Change        `json:"c,omitempty"`
	Note    string          `json:"n,omitempty"`
	Data    json.RawMessage `json:"d,omitempty"`
}

type joining struct{}

// Joining gives a context under which join runs in every transaction that records an entry, before the entry: what it writes is committed
// together with the act or not at all, and its error ends the act. Package once notes by it that a request was taken.
func Joining(ctx context.Context, join func(ctx context.Context, tx *db.Tx) error) context.Context {
	return context.WithValue(ctx, joining{}, join)
}

// written is an entry that its transaction has yet to store.
type written struct {
	row    Row
	key    keyring.Key
	salted []byte
}

// Write records an entry in the caller's transaction. It is stored with the others of the transaction before the commit, in their order.
func (l *Log) Write(ctx context.Context, tx *db.Tx, e Entry) error {
	if join, ok := ctx.Value(joining{}).(func(context.Context, *db.Tx) error); ok {
		if err := join(ctx, tx); err != nil {
			return err
		}
	}
	owner := e.Owner
	if owner == 0 {
		owner = e.About.ID
	}
	if owner == 0 {
		owner = e.On.ID
	}
	d := detail{Changes: e.Changes, Note: e.Note}
	if e.Data != nil {
		raw, err := json.Marshal(e.Data)
		if err != nil {
			return err
		}
		d.Data = raw
	}
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	key, err := l.key(ctx, tx, owner, e.At)
	if err != nil {
		return fmt.Errorf("record %s: %w", e.Verb, err)
	}
	w := written{key: key, salted: make([]byte, 16, 16+len(body))}
	_, _ = rand.Read(w.salted)
	w.salted = append(w.salted, body...)
	w.row = Row{At: e.At, Actor: e.By.Account, ActorName: e.By.Name, Origin: e.By.Origin, Verb: e.Verb, On: e.On, About: e.About.ID, Compartment: e.Compartment}
	w.row.Leaf = w.row.leaf(sha256.Sum256(w.salted))
	all := l.inTx(tx)
	if len(*all) == 0 && l.Wake != nil {
		tx.AfterCommit(l.Wake)
	}
	*all = append(*all, w)
	return nil
}

// inTx are the entries that a transaction has yet to store.
func (l *Log) inTx(tx *db.Tx) *[]written {
	return db.Gather(tx, l, func(ctx context.Context, all *[]written) error { return l.store(ctx, tx, all) })
}

// store stores entries: the plain columns, the sealed details, and the note that they wait for their number.
func (l *Log) store(ctx context.Context, tx *db.Tx, all *[]written) error {
	if len(*all) == 0 {
		return nil
	}
	entries, of := make([][]any, len(*all)), make(map[string]written, len(*all))
	for i, w := range *all {
		r := w.row
		entries[i] = []any{r.At, r.Actor, r.ActorName, int64(r.Origin), r.Verb, r.On.ID, int64(r.On.Kind), r.About, r.Compartment, r.Leaf}
		of[string(r.Leaf)] = w // salted, so no two are alike
	}
	*all = nil
	columns := []string{"at", "actor", "actor_name", "origin", "verb", "object", "kind", "about", "compartment", "leaf"}
	var details, waiting [][]any
	_, err := db.InsertReturning(ctx, tx, "audit_entry", columns, entries, "id, leaf", func(rows *db.Rows) (id int64, err error) {
		var leaf []byte
		if err = rows.Scan(&id, &leaf); err == nil {
			w := of[string(leaf)]
			details = append(details, []any{id, w.key.Owner(), w.key.Seal(place(id), w.salted)})
			waiting = append(waiting, []any{id})
		}
		return id, err
	})
	if err != nil {
		return fmt.Errorf("record %d entries: %w", len(entries), err)
	}
	if err := db.InsertMany(ctx, tx, "audit_detail", []string{"entry", "owner", "sealed"}, details); err != nil {
		return err
	}
	return db.InsertMany(ctx, tx, "audit_waiting", []string{"entry"}, waiting)
}

// key gives the key of the owner, or of the house for an owner that has none (accounts, settings, objects whose content was destroyed).
func (l *Log) key(ctx context.Context, tx *db.Tx, owner int64, now time.Time) (keyring.Key, error) {
	if owner != keyring.House {
		k, err := l.Ring.Get(ctx, tx, owner)
		if err == nil || err != keyring.ErrDestroyed { //nolint:errorlint // the ring gives this very value
			return k, err
		}
	}
	return l.Ring.House(ctx, tx, now)
}

func place(entry int64) string { return fmt.Sprintf("audit_detail.sealed:%d", entry) }

// Row is a recorded entry.
type Row struct {
	ID          int64
	Seq         int64 // 0 while it waits for its number
	At          time.Time
	Actor       int64
	ActorName   string
	Origin      access.Origin
	Verb        string
	On          ref.Ref
	About       int64
	Compartment int64
	Leaf        []byte
	Changes     []Change
	Note        string
	Data        json.RawMessage
	Erased      bool // the details were destroyed
	Withheld    bool // the reader may not see what it is about: the details were not opened
}

// leaf gives the commitment: SHA-256 over the plain columns, length-prefixed, and the hash of the salted details.
func (r *Row) leaf(details [32]byte) []byte {
	var b bytes.Buffer
	text := func(s string) {
		_ = binary.Write(&b, binary.BigEndian, uint32(len(s)))
		b.WriteString(s)
	}
	text("tocsin audit v1")
	for _, n := range []int64{r.At.UnixMicro(), r.Actor, int64(r.Origin), r.On.ID, int64(r.On.Kind), r.About, r.Compartment} {
		_ = binary.Write(&b, binary.BigEndian, n)
	}
	text(r.ActorName)
	text(r.Verb)
	b.Write(details[:])
	h := sha256.Sum256(b.Bytes())
	return h[:]
}

const rowColumns = `e.id, COALESCE(n.seq, 0), e.at, e.actor, e.actor_name, e.origin, e.verb, e.object, e.kind, e.about, e.compartment, e.leaf`

func (r *Row) dst() []any {
	return []any{&r.ID, &r.Seq, &r.At, &r.Actor, &r.ActorName, &r.Origin, &r.Verb, &r.On.ID, &r.On.Kind, &r.About, &r.Compartment, &r.Leaf}
}

// About reads the record of one object and of all that is shown under it, oldest first, from a row id on. The caller has checked that the
// reader may see the object.
func (l *Log) About(ctx context.Context, h db.Handle, object int64, after int64, limit int) ([]Row, error) {
	// Two arms, each by its own index: with OR the engines walk the whole record in the order of its ids.
	return l.read(ctx, h, `SELECT `+rowColumns+` FROM (
		SELECT * FROM (SELECT a.id FROM audit_entry a WHERE a.about = $1 AND a.about <> 0 AND a.id > $2 ORDER BY a.id LIMIT $3) under
		UNION ALL
		SELECT * FROM (SELECT o.id FROM audit_entry o WHERE o.object = $1 AND o.about = 0 AND o.id > $2 ORDER BY o.id LIMIT $3) itself) x
		JOIN audit_entry e ON e.id = x.id LEFT JOIN audit_number n ON n.entry = e.id ORDER BY e.id LIMIT $3`, object, after, limit)
}

// Newest reads the newest of those rows of About that have one of the verbs, oldest first. The caller has checked that the reader may see the object.
func (l *Log) Newest(ctx context.Context, h db.Handle, object int64, limit int, verbs ...string) ([]Row, error) {
	args := []any{object, limit}
	var in []string
	for _, v := range verbs {
		args = append(args, v)
		in = append(in, "$"+strconv.Itoa(len(args)))
	}
	of := " IN (" + strings.Join(in, ", ") + ")"
	return l.read(ctx, h, `SELECT `+rowColumns+` FROM (SELECT y.id FROM (
		SELECT * FROM (SELECT a.id FROM audit_entry a WHERE a.about = $1 AND a.about <> 0 AND a.verb`+of+` ORDER BY a.id DESC LIMIT $2) under
		UNION ALL
		SELECT * FROM (SELECT o.id FROM audit_entry o WHERE o.object = $1 AND o.about = 0 AND o.verb`+of+` ORDER BY o.id DESC LIMIT $2) itself) y ORDER BY y.id DESC LIMIT $2) x
		JOIN audit_entry e ON e.id = x.id LEFT JOIN audit_number n ON n.entry = e.id ORDER BY e.id`, args...)
}

// Since reads numbered entries above seq, in order, for followers inside the house.
func (l *Log) Since(ctx context.Context, h db.Handle, seq int64, limit int) ([]Row, error) {
	return db.All(ctx, h, func(r *db.Rows) (Row, error) {
		var x Row
		return x, r.Scan(x.dst()...)
	}, `SELECT `+rowColumns+` FROM audit_number n JOIN audit_entry e ON e.id = n.entry WHERE n.seq > $1 ORDER BY n.seq LIMIT $2`, seq, limit)
}

func (l *Log) read(ctx context.Context, h db.Handle, query string, args ...any) ([]Row, error) {
	if tx, ok := h.(*db.Tx); ok { // what this transaction did is part of what it reads
		if err := l.store(ctx, tx, l.inTx(tx)); err != nil {
			return nil, err
		}
	}
	rows, err := db.All(ctx, h, func(r *db.Rows) (Row, error) {
		var x Row
		return x, r.Scan(x.dst()...)
	}, query, args...)
	if err != nil {
		return nil, err
	}
	all := make([]*Row, len(rows))
	for i := range rows {
		all[i] = &rows[i]
	}
	return rows, l.fill(ctx, h, all)
}

// fill opens the details of the rows.
func (l *Log) fill(ctx context.Context, h db.Handle, rows []*Row) error {
	if len(rows) == 0 {
		return nil
	}
	ids := make([]int64, len(rows))
	at := make(map[int64]*Row, len(rows))
	for i, r := range rows {
		ids[i], at[r.ID] = r.ID, r
		r.Erased = true
	}
	type sealed struct {
		entry, owner int64
		body         []byte
	}
	q := new(db.Query).Add(`SELECT entry, owner, sealed FROM audit_detail WHERE entry IN `)
	all, err := db.List(ctx, h, db.In(q, ids), func(r *db.Rows) (sealed, error) {
		var s sealed
		return s, r.Scan(&s.entry, &s.owner, &s.body)
	})
	if err != nil {
		return err
	}
	owners := map[int64]bool{}
	var list []int64
	for _, s := range all {
		if !owners[s.owner] {
			owners[s.owner] = true
			list = append(list, s.owner)
		}
	}
	keys, err := l.Ring.Many(ctx, h, list)
	if err != nil {
		return err
	}
	for _, s := range all {
		k, ok := keys[s.owner]
		if !ok {
			continue
		}
		salted, err := k.Open(place(s.entry), s.body)
		if err != nil {
			return err
		}
		r := at[s.entry]
		if want := r.leaf(sha256.Sum256(salted)); !bytes.Equal(want, r.Leaf) {
			return fmt.Errorf("audit entry %d does not match its leaf", s.entry)
		}
		var d detail
		if err := json.Unmarshal(salted[16:], &d); err != nil {
			return err
		}
		r.Changes, r.Note, r.Data, r.Erased = d.Changes, d.Note, d.Data, false
	}
	return nil
}
