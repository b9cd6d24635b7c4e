package search

import (
	"context"
	"encoding/binary"
	"iter"
	"math/bits"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// The states of a block, stored.
const (
	writing = 1
	live    = 2
	ended   = 3
)

const (
	pageBytes = 2000     // how large a page is meant to be
	pageBits  = 20       // of an id; the rest is the block
	stepBytes = 96 << 10 // what one transaction of a block writes
	grace     = time.Minute
)

// block is a row of search_block.
type block struct {
	id, level, bits, low, high, objects, size, version int64
}

const blockColumns = `id, level, bits, low, high, objects, size, version`

func (b *block) dst() []any {
	return []any{&b.id, &b.level, &b.bits, &b.low, &b.high, &b.objects, &b.size, &b.version}
}

func blocks(ctx context.Context, h db.Handle, where string, args ...any) ([]block, error) {
	return db.All(ctx, h, func(r *db.Rows) (b block, err error) { return b, r.Scan(b.dst()...) }, `SELECT `+blockColumns+` FROM search_block WHERE `+where, args...)
}

func (b *block) page(token uint64) int64 { return b.id<<pageBits | int64(token>>(64-b.bits)) } //nolint:gosec // at most 20 bits

// A page is a row of words: the token, the length of its list and the list, whose numbers are distances, the first from the low of the block.

func appendWord(page []byte, token uint64, low int64, objects []int64) []byte {
	list := make([]byte, 0, 2*len(objects)+4)
	for _, o := range objects {
		list = binary.AppendUvarint(list, uint64(o-low)) //nolint:gosec // sorted, from low on
		low = o
	}
	page = binary.BigEndian.AppendUint64(page, token)
	page = binary.AppendUvarint(page, uint64(len(list)))
	return append(page, list...)
}

// words walks a page.
func words(page []byte) iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for len(page) > 8 {
			token := binary.BigEndian.Uint64(page)
			n, k := binary.Uvarint(page[8:])
			if k <= 0 || n > uint64(len(page)-8-k) { //nolint:gosec // never negative
				return
			}
			list := page[8+k:][:n]
			page = page[8+k+len(list):]
			if !yield(token, list) {
				return
			}
		}
	}
}

// unpack appends the objects of a list.
func unpack(out []int64, low int64, list []byte) []int64 {
	for len(list) > 0 {
		n, k := binary.Uvarint(list)
		if k <= 0 {
			return out
		}
		low += int64(n) //nolint:gosec // as written
		out = append(out, low)
		list = list[k:]
	}
	return out
}

// bitsFor says how many bits name the pages of so many bytes.
func bitsFor(size int64) int64 {
	return int64(min(pageBits, bits.Len64(uint64(max(0, size-1)/pageBytes)))) //nolint:gosec // never negative
}

func readPages(ctx context.Context, h db.Handle, pages []int64) (map[int64][]byte, error) {
	out := make(map[int64][]byte, len(pages))
	rows, err := db.In(new(db.Query).Add(`SELECT id, words FROM search_page WHERE id IN `), pages).Query(ctx, h)
	return out, db.Each(rows, err, func(r *db.Rows) error {
		var id int64
		var page []byte
		err := r.Scan(&id, &page)
		out[id] = page
		return err
	})
}
