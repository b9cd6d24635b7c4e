package search

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Fill collects the words of many new objects; FlushTx writes them in the order of the index, so that the tree grows at few places. For who fills
// an empty house.
type Fill struct {
	x         *Index
	known     map[string]int64
	tokens    []entry
	documents [][]any
}

type entry struct{ token, object int64 }

// FillLater begins to collect.
func (x *Index) FillLater() *Fill { return &Fill{x: x, known: map[string]int64{}} }

// Put is PutTx for an object that is not in the index.
func (f *Fill) Put(on ref.Ref, lang string, texts ...string) {
	var all []int64
	for _, t := range texts {
		for _, w := range Words(t) {
			all = append(all, f.token(w))
			if lang != "" {
				all = append(all, f.token(stemmed+stem(w, lang)))
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	all = all[:min(len(all), maxTokens)]
	packed := make([]byte, 0, 8*len(all))
	for _, t := range all {
		packed = binary.BigEndian.AppendUint64(packed, uint64(t)) //nolint:gosec // as read
		f.tokens = append(f.tokens, entry{t, on.ID})
	}
	f.documents = append(f.documents, []any{on.ID, packed})
}

func (f *Fill) token(word string) int64 {
	if t, ok := f.known[word]; ok {
		return t
	}
	t := f.x.token(word)
	if len(f.known) < 200_000 {
		f.known[word] = t
	}
	return t
}

// Len tells how many tokens wait.
func (f *Fill) Len() int { return len(f.tokens) }

// DocumentsTx writes the documents that wait.
func (f *Fill) DocumentsTx(ctx context.Context, tx *db.Tx) error {
	docs := f.documents
	f.documents = nil
	return db.Copy(ctx, tx, "search_document", []string{"object", "tokens"}, docs)
}

// FlushTx writes all that waits.
func (f *Fill) FlushTx(ctx context.Context, tx *db.Tx) error {
	if err := f.DocumentsTx(ctx, tx); err != nil {
		return err
	}
	slices.SortFunc(f.tokens, func(a, b entry) int { return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(a.object, b.object)) })
	rows := make([][]any, 0, 20_000)
	for part := range slices.Chunk(f.tokens, cap(rows)) {
		rows = rows[:0]
		for _, e := range part {
			rows = append(rows, []any{e.token, e.object})
		}
		if err := db.Copy(ctx, tx, "search_token", []string{"token", "object"}, rows); err != nil {
			return err
		}
	}
	f.tokens = f.tokens[:0]
	return nil
}
