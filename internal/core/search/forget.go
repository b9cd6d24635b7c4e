package search

import (
	"context"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// ForgetTx takes a text out of the index when it is destroyed, before its words are: the text is the one that was taken in. What a run has
// folded meanwhile is begun anew.
func (x *Texts) ForgetTx(ctx context.Context, tx *db.Tx, on ref.Ref, lang string, parts ...string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM search_recent WHERE object = $1`, on.ID); err != nil {
		return err
	}
	where := `state <> $1 AND low <= $2 AND high >= $2`
	if _, err := tx.Exec(ctx, `UPDATE search_block SET version = version + 1 WHERE `+where, writing, on.ID); err != nil {
		return err
	}
	in, err := blocks(ctx, tx, where, writing, on.ID)
	if err != nil {
		return err
	}
	tokens := x.tokens(Text{on.ID, lang, parts})
	for _, b := range in {
		pages := make([]int64, 0, len(tokens))
		for _, t := range tokens {
			pages = append(pages, b.page(t))
		}
		for part := range slices.Chunk(slices.Compact(pages), 64) {
			if err := forgetIn(ctx, tx, &b, part, on.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetIn takes an object out of the pages of a block.
func forgetIn(ctx context.Context, tx *db.Tx, b *block, pages []int64, object int64) error {
	all, err := readPages(ctx, tx, pages)
	if err != nil {
		return err
	}
	for id, page := range all {
		var fresh []byte
		changed := false
		for token, list := range words(page) {
			objects := unpack(nil, b.low, list)
			if i, ok := slices.BinarySearch(objects, object); ok {
				objects, changed = slices.Delete(objects, i, i+1), true
			}
			if len(objects) > 0 {
				fresh = appendWord(fresh, token, b.low, objects)
			}
		}
		switch {
		case !changed:
			continue
		case len(fresh) == 0:
			_, err = tx.Exec(ctx, `DELETE FROM search_page WHERE id = $1`, id)
		default:
			_, err = tx.Exec(ctx, `UPDATE search_page SET words = $2 WHERE id = $1`, id, fresh)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Backlog gives the object below which those of a kind are still to be taken in, 0 for none.
func (x *Texts) Backlog(ctx context.Context, h db.Handle, kind ref.Kind) (below int64, err error) {
	return below, h.QueryRow(ctx, `SELECT COALESCE(MAX(below), 0) FROM search_backlog WHERE kind = $1`, int64(kind)).Scan(&below)
}

// BacklogTx notes how far it was taken in; 0 is to the end. Another run that was there first makes it fail.
func (x *Texts) BacklogTx(ctx context.Context, tx *db.Tx, kind ref.Kind, was, below int64) error {
	n, err := tx.Exec(ctx, `UPDATE search_backlog SET below = $3 WHERE kind = $1 AND below = $2`, int64(kind), was, below)
	if err == nil && n != 1 {
		err = errGone
	}
	if err == nil && below == 0 {
		_, err = tx.Exec(ctx, `DELETE FROM search_backlog WHERE kind = $1`, int64(kind))
	}
	return err
}
