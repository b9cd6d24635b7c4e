package search

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// errGone says that another run has taken the texts or the blocks, or that one of them was forgotten meanwhile: it is begun anew.
var errGone = errs.New(errs.Conflict, "what was folded has changed meanwhile")

// write writes a block page by page in short transactions; what failed on the way is swept later. Last runs in the transaction that lets it
// be read.
func (x *Texts) write(ctx context.Context, d *db.DB, b block, pages iter.Seq2[[]byte, error], last func(ctx context.Context, tx *db.Tx) error) error {
	err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return tx.QueryRow(ctx, `INSERT INTO search_block (state, level, bits, low, high, objects) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
			writing, b.level, b.bits, b.low, b.high, b.objects).Scan(&b.id)
	})
	if err != nil {
		return err
	}
	x.step()
	var rows [][]any
	bytes := 0
	step := func(ctx context.Context, tx *db.Tx) error {
		var state int64
		err := tx.QueryRow(ctx, `SELECT state FROM search_block WHERE id = $1`+tx.ForUpdate(), b.id).Scan(&state)
		if err == nil && state != writing {
			err = errGone
		}
		if err != nil {
			return err
		}
		return db.Copy(ctx, tx, "search_page", []string{"id", "words"}, rows)
	}
	at := b.id << pageBits
	for page, err := range pages {
		if err != nil {
			return err
		}
		if len(page) > 0 {
			rows = append(rows, []any{at, page})
			bytes += len(page)
			b.size += int64(len(page))
		}
		at++
		if bytes >= stepBytes {
			if err := d.Write(ctx, step); err != nil {
				return err
			}
			x.step()
			rows, bytes = nil, 0
		}
	}
	x.step()
	return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := step(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE search_block SET state = $2, size = $3 WHERE id = $1`, b.id, live, b.size); err != nil {
			return err
		}
		return last(ctx, tx)
	})
}

func (x *Texts) step() {
	if x.stepped != nil {
		x.stepped()
	}
}

// level says of which size a block of so many texts is.
func (x *Texts) level(n int) (level int64) {
	for n /= x.fan; n >= x.batch/2 && level < int64(x.levels); n /= x.fan {
		level++
	}
	return level
}

// writePostings writes a block of postings, which it sorts.
func (x *Texts) writePostings(ctx context.Context, d *db.DB, all []posting, objects int, low, high int64, last func(ctx context.Context, tx *db.Tx) error) error {
	slices.SortFunc(all, comparePostings)
	size := int64(len(all)) * 5 / 4
	for i := range all {
		if i == 0 || all[i].token != all[i-1].token {
			size += 10
		}
	}
	b := block{level: x.level(objects), bits: bitsFor(size), low: low, high: high, objects: int64(objects)}
	pages := func(yield func([]byte, error) bool) {
		rest := all
		var ids []int64
		for p := range uint64(1) << b.bits {
			var page []byte
			for len(rest) > 0 && rest[0].token>>(64-b.bits) == p {
				token := rest[0].token
				for ids = ids[:0]; len(rest) > 0 && rest[0].token == token; rest = rest[1:] {
					if o := rest[0].object; len(ids) == 0 || ids[len(ids)-1] != o {
						ids = append(ids, o)
					}
				}
				page = appendWord(page, token, low, ids)
			}
			if !yield(page, nil) {
				return
			}
		}
	}
	return x.write(ctx, d, b, pages, last)
}

// Take writes a block of many texts at once, which are in no other, and calls last in the transaction that lets it be read: for texts that
// were there before the index.
func (x *Texts) Take(ctx context.Context, d *db.DB, texts []Text, last func(ctx context.Context, tx *db.Tx) error) error {
	if len(texts) == 0 {
		return d.Write(ctx, last)
	}
	var all []posting
	low, high := texts[0].Object, texts[0].Object
	for _, t := range texts {
		low, high = min(low, t.Object), max(high, t.Object)
		for _, token := range x.tokens(t) {
			all = append(all, posting{token, t.Object})
		}
	}
	return x.writePostings(ctx, d, all, len(texts), low, high, last)
}

// Fold gathers what is new into blocks and small blocks into larger ones, until there is too little for another, and sweeps what was replaced.
// It may be stopped anywhere and is then begun anew by the next call. Only one should run; two do no harm.
func (x *Texts) Fold(ctx context.Context, d *db.DB, now time.Time) error {
	if err := x.giveUp(ctx, d, now); err != nil {
		return err
	}
	for {
		done, err := x.foldRecent(ctx, d)
		if err == nil && !done {
			done, err = x.merge(ctx, d, now)
		}
		if err != nil {
			if errors.Is(err, errGone) {
				return nil // the next call sees how it is now
			}
			return err
		}
		if !done {
			return x.sweep(ctx, d, now)
		}
	}
}

// giveUp ends what an interrupted run left: its pages are swept.
func (x *Texts) giveUp(ctx context.Context, d *db.DB, now time.Time) error {
	left, err := blocks(ctx, d, `state = $1 LIMIT 1`, writing)
	if err != nil || len(left) == 0 {
		return err
	}
	_, err = d.Exec(ctx, `UPDATE search_block SET state = $1, ended_at = $2 WHERE state = $3`, ended, now, writing)
	return err
}

// foldRecent makes a block of the oldest new texts: a larger one at once when many wait.
func (x *Texts) foldRecent(ctx context.Context, d *db.DB) (bool, error) {
	most := x.batch * x.fan
	waiting, err := db.All(ctx, d, func(r *db.Rows) (o int64, err error) { return o, r.Scan(&o) }, `SELECT object FROM search_recent ORDER BY object LIMIT $1`, most)
	if err != nil || len(waiting) < x.batch {
		return false, err
	}
	if len(waiting) < most {
		waiting = waiting[:x.batch]
	}
	low, high := waiting[0], waiting[len(waiting)-1]
	var all []posting
	n := 0
	rows, err := d.Query(ctx, `SELECT object, tokens FROM search_recent WHERE object >= $1 AND object <= $2`, low, high)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var o int64
		var packed []byte
		if err := r.Scan(&o, &packed); err != nil {
			return err
		}
		n++
		for ; len(packed) >= 8; packed = packed[8:] {
			all = append(all, posting{binary.BigEndian.Uint64(packed), o})
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	return true, x.writePostings(ctx, d, all, n, low, high, func(ctx context.Context, tx *db.Tx) error {
		gone, err := tx.Exec(ctx, `DELETE FROM search_recent WHERE object >= $1 AND object <= $2`, low, high)
		if err == nil && gone != int64(n) {
			err = errGone
		}
		return err
	})
}

// merge makes one block of several of one level that follow each other.
func (x *Texts) merge(ctx context.Context, d *db.DB, now time.Time) (bool, error) {
	all, err := blocks(ctx, d, `state = $1 ORDER BY low`, live)
	if err != nil {
		return false, err
	}
	for from := 0; from+x.fan <= len(all); from++ {
		some := all[from : from+x.fan]
		if some[0].level >= int64(x.levels) || slices.ContainsFunc(some, func(b block) bool { return b.level != some[0].level }) {
			continue
		}
		return true, x.mergeThese(ctx, d, now, some)
	}
	return false, nil
}

// steps is how many parts of the tokens a merge holds in memory one after the other, as bits.
const steps = 7

func (x *Texts) mergeThese(ctx context.Context, d *db.DB, now time.Time, some []block) error {
	b := block{level: some[0].level + 1, low: some[0].low}
	var size int64
	coarse := int64(pageBits)
	for _, s := range some {
		size += s.size
		b.low, b.high = min(b.low, s.low), max(b.high, s.high)
		b.objects += s.objects
		coarse = min(coarse, s.bits)
	}
	b.bits = bitsFor(size * 3 / 4)
	coarse = min(coarse, b.bits, max(0, b.bits-steps))
	pages := func(yield func([]byte, error) bool) {
		for v := range uint64(1) << coarse {
			found, err := gather(ctx, d, some, v, coarse)
			if err != nil {
				yield(nil, err)
				return
			}
			at := uint64(0)
			var ids []int64
			for p := v << (b.bits - coarse); p < (v+1)<<(b.bits-coarse); p++ {
				var page []byte
				for at < uint64(len(found)) && found[at].token>>(64-b.bits) == p {
					token := found[at].token
					for ids = ids[:0]; at < uint64(len(found)) && found[at].token == token; at++ {
						ids = unpack(ids, found[at].low, found[at].list)
					}
					if !slices.IsSorted(ids) {
						slices.Sort(ids)
					}
					page = appendWord(page, token, b.low, slices.Compact(ids))
				}
				if !yield(page, nil) {
					return
				}
			}
		}
	}
	return x.write(ctx, d, b, pages, func(ctx context.Context, tx *db.Tx) error {
		for _, s := range some {
			n, err := tx.Exec(ctx, `UPDATE search_block SET state = $1, ended_at = $2 WHERE id = $3 AND state = $4 AND version = $5`, ended, now, s.id, live, s.version)
			if err == nil && n != 1 {
				err = errGone
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// listed is the list of a token in one block.
type listed struct {
	token uint64
	low   int64
	list  []byte
}

// gather reads the words of blocks whose first bits are v.
func gather(ctx context.Context, d *db.DB, some []block, v uint64, coarse int64) ([]listed, error) {
	var out []listed
	for _, s := range some {
		from := s.id<<pageBits | int64(v<<(s.bits-coarse))         //nolint:gosec // at most 20 bits
		till := s.id<<pageBits | int64((v+1)<<(s.bits-coarse)) - 1 //nolint:gosec // at most 20 bits
		rows, err := d.Query(ctx, `SELECT words FROM search_page WHERE id >= $1 AND id <= $2`, from, till)
		err = db.Each(rows, err, func(r *db.Rows) error {
			var page []byte
			if err := r.Scan(&page); err != nil {
				return err
			}
			for token, list := range words(page) {
				out = append(out, listed{token, s.low, list})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b listed) int { return cmp.Compare(a.token, b.token) })
	return out, nil
}

// swept is how many pages one transaction of the sweep deletes.
const swept = 64

// sweep deletes the pages of blocks that ended a while ago: a search that began before may still read them.
func (x *Texts) sweep(ctx context.Context, d *db.DB, now time.Time) error {
	old, err := blocks(ctx, d, `state = $1 AND ended_at <= $2 ORDER BY id`, ended, now.Add(-grace))
	if err != nil {
		return err
	}
	for _, b := range old {
		for at := b.id << pageBits; at < (b.id+1)<<pageBits; {
			till, err := db.All(ctx, d, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
				`SELECT id FROM search_page WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3`, at, (b.id+1)<<pageBits, swept)
			if err != nil {
				return err
			}
			if len(till) == 0 {
				break
			}
			last := till[len(till)-1]
			if _, err := d.Exec(ctx, `DELETE FROM search_page WHERE id >= $1 AND id <= $2`, at, last); err != nil {
				return err
			}
			at = last + 1
		}
		if _, err := d.Exec(ctx, `DELETE FROM search_block WHERE id = $1`, b.id); err != nil {
			return err
		}
	}
	return nil
}
