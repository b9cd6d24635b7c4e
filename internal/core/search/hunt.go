package search

import (
	"context"
	"maps"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// mostAsked is how many words of a query count.
const mostAsked = 16

// Hunt is a search under way: it gives the objects whose text holds all words of a query, newest first. It knows nothing of readers: who asks
// loads what it gives through a scope, and shows no number that this has counted. It is for one goroutine, for a minute at most.
type Hunt struct {
	h      db.Handle
	words  [][]uint64     // of each word the tokens of which one must be there
	recent map[int64]bool // new texts, and whether they are hits
	blocks []*hunted      // by their newest object, newest first
	next   int            // of blocks
	some   int            // how many blocks are read at once
	found  []int64        // hits that were not given yet, newest first
	before int64
}

// hunted is a block with its hits, oldest first, once it was read.
type hunted struct {
	block
	read bool
	hits []int64
}

// Hunt begins a search for the words of a query in the language of the reader, among objects below before (0: all).
func (x *Texts) Hunt(ctx context.Context, h db.Handle, lang, query string, before int64) (*Hunt, error) {
	if before == 0 {
		before = 1 << 62
	}
	u := &Hunt{h: h, words: x.asked(lang, query), recent: map[int64]bool{}, some: 4, before: before}
	if len(u.words) == 0 {
		return u, nil
	}
	// First what is new, then the blocks: what is folded between is read twice and not missed.
	rows, err := h.Query(ctx, `SELECT object, tokens FROM search_recent`)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var o int64
		var packed []byte
		if err := r.Scan(&o, &packed); err != nil {
			return err
		}
		hit := !slices.ContainsFunc(u.words, func(either []uint64) bool {
			return !slices.ContainsFunc(either, func(t uint64) bool { return holds(packed, t) })
		})
		if u.recent[o] = hit; hit && o < before {
			u.found = append(u.found, o)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all, err := blocks(ctx, h, `state = $1 ORDER BY high DESC`, live)
	for _, b := range all {
		u.blocks = append(u.blocks, &hunted{block: b})
	}
	u.order()
	return u, err
}

// asked gives the words of a query, each in one piece, the longest first: as a rule it is the rarest.
func (x *Texts) asked(lang, query string) (out [][]uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all []string
	pieces(query, func(w string) bool {
		if w = cut(w); w != "" {
			all = append(all, w)
		}
		return len(all) < mostAsked
	})
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	for _, w := range all {
		exact := x.token(w, false)
		either := []uint64{exact}
		if plain(w) {
			either = append(either, x.stemmed(w, exact, lang))
		}
		out = append(out, either)
	}
	return out
}

// Empty tells whether the query has no word that could be found.
func (u *Hunt) Empty() bool { return len(u.words) == 0 }

// order sorts what is found, newest first, each once.
func (u *Hunt) order() {
	slices.SortFunc(u.found, func(a, b int64) int { return int(b - a) })
	u.found = slices.Compact(u.found)
}

// Next gives the next hits, newest first, as many as limit; fewer are the last.
func (u *Hunt) Next(ctx context.Context, limit int) ([]int64, error) {
	var out []int64
	for len(u.words) > 0 && len(out) < limit {
		sure := int64(0) // above it nothing is to come
		if u.next < len(u.blocks) {
			sure = u.blocks[u.next].high
		}
		n := 0
		for n < len(u.found) && u.found[n] > sure && len(out) < limit {
			out = append(out, u.found[n])
			n++
		}
		u.found = u.found[n:]
		if len(out) == limit || u.next == len(u.blocks) {
			break
		}
		var some []*hunted
		for ; u.next < len(u.blocks) && len(some) < u.some; u.next++ {
			if b := u.blocks[u.next]; b.low < u.before {
				some = append(some, b)
			}
		}
		u.some = min(2*u.some, 32)
		if err := u.read(ctx, some); err != nil {
			return nil, err
		}
		for _, b := range some {
			for _, o := range b.hits {
				if o < u.before {
					u.found = append(u.found, o)
				}
			}
		}
		u.order()
	}
	return out, nil
}

// Hold gives those of the objects that are hits, in the order in which they came.
func (u *Hunt) Hold(ctx context.Context, objects []int64) ([]int64, error) {
	if len(u.words) == 0 {
		return nil, nil
	}
	var some []*hunted
	for _, b := range u.blocks {
		within := func(o int64) bool { _, known := u.recent[o]; return !known && b.low <= o && o <= b.high }
		if slices.ContainsFunc(objects, within) {
			some = append(some, b)
		}
	}
	if err := u.read(ctx, some); err != nil {
		return nil, err
	}
	var out []int64
	for _, o := range objects {
		hit := u.recent[o]
		for _, b := range some {
			if hit {
				break
			}
			_, hit = slices.BinarySearch(b.hits, o)
		}
		if hit {
			out = append(out, o)
		}
	}
	return out, nil
}

// together is how many pages one statement reads.
const together = 128

// telling is how many words, the longest of the query, are looked for first: the others only in blocks where these are found together.
const telling = 2

// read finds the hits of blocks.
func (u *Hunt) read(ctx context.Context, some []*hunted) error {
	some = slices.DeleteFunc(slices.Clone(some), func(b *hunted) bool { return b.read })
	whole := some
	for words := range slices.Chunk(u.words, telling) {
		pages, err := u.pages(ctx, some, words)
		if err != nil {
			return err
		}
		for _, b := range some {
			b.hits = b.holding(words, pages, b.hits)
		}
		some = slices.DeleteFunc(slices.Clone(some), func(b *hunted) bool { return len(b.hits) == 0 })
	}
	for _, b := range whole {
		b.read = true
	}
	return nil
}

// pages reads what blocks know of words.
func (u *Hunt) pages(ctx context.Context, some []*hunted, words [][]uint64) (map[int64][]byte, error) {
	var wanted []int64
	for _, b := range some {
		for _, either := range words {
			for _, t := range either {
				wanted = append(wanted, b.page(t))
			}
		}
	}
	slices.Sort(wanted)
	pages := make(map[int64][]byte, len(wanted))
	for part := range slices.Chunk(slices.Compact(wanted), together) {
		got, err := readPages(ctx, u.h, part)
		if err != nil {
			return nil, err
		}
		maps.Copy(pages, got)
	}
	return pages, nil
}

// holding gives those of the objects, nil for all, that hold all words.
func (b *hunted) holding(all [][]uint64, pages map[int64][]byte, objects []int64) []int64 {
	for _, either := range all {
		var have []int64
		for _, t := range either {
			for token, list := range words(pages[b.page(t)]) {
				if token == t {
					have = unpack(have, b.low, list)
					break
				}
			}
		}
		slices.Sort(have)
		have = slices.Compact(have)
		if objects == nil {
			objects = have
		} else {
			objects = slices.DeleteFunc(objects, func(o int64) bool { _, ok := slices.BinarySearch(have, o); return !ok })
		}
		if len(objects) == 0 {
			return nil
		}
	}
	return objects
}
