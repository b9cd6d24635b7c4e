// Package search finds objects by the words of their text, newest first.
//
// Text is split, folded (case, diacritics) and stemmed here, so both engines hold the same tokens and one suite of tests holds for both.
// A token is stored as 64 bits of a keyed hash: the index tells no words. The object row is joined under the reader's scope, so a stale
// token can hide but never show; what a reader may not see changes neither order nor count. Tables: search_token, search_document.
package search

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Index writes and reads tokens.
type Index struct{ key []byte }

// New makes an index whose tokens are hashed with a key of the ring.
func New(r *keyring.Ring) *Index { return &Index{r.Derive("search tokens/v1")} }

// Limits of one document and one query.
const (
	maxTokens = 2000
	maxWords  = 8
	common    = 256 // a word found more often than this is not counted further
)

func (x *Index) token(word string) int64 {
	m := hmac.New(sha256.New, x.key)
	m.Write([]byte(word))
	return int64(binary.BigEndian.Uint64(m.Sum(nil))) //nolint:gosec // all 64 bits are meant
}

// PutTx writes the words of an object in the verb's transaction, in place of those it had. Lang is the language of the text, "" unknown.
func (x *Index) PutTx(ctx context.Context, tx *db.Tx, on ref.Ref, lang string, texts ...string) error {
	fresh := map[int64]bool{}
	for _, t := range texts {
		for _, w := range Words(t) {
			if len(fresh) >= maxTokens {
				break
			}
			fresh[x.token(w)] = true
			if lang != "" {
				fresh[x.token(stemmed+stem(w, lang))] = true
			}
		}
	}
	var packed []byte
	err := tx.QueryRow(ctx, `SELECT tokens FROM search_document WHERE object = $1`, on.ID).Scan(&packed)
	known := err == nil
	old := map[int64]bool{}
	for ; len(packed) >= 8; packed = packed[8:] {
		old[int64(binary.BigEndian.Uint64(packed))] = true //nolint:gosec // as written
	}
	now := make([]int64, 0, len(fresh))
	for t := range fresh {
		now = append(now, t)
	}
	slices.Sort(now)
	out := make([]byte, 0, 8*len(now))
	var added, gone []int64
	for _, t := range now {
		out = binary.BigEndian.AppendUint64(out, uint64(t)) //nolint:gosec // as read
		if !old[t] {
			added = append(added, t)
		}
	}
	for t := range old {
		if !fresh[t] {
			gone = append(gone, t)
		}
	}
	for part := range slices.Chunk(added, 500) {
		q := new(db.Query).Add(`INSERT INTO search_token (token, object) VALUES `)
		for i, t := range part {
			if i > 0 {
				q.Add(`, `)
			}
			q.Add(`(?, ?)`, t, on.ID)
		}
		if _, err := q.Add(` ON CONFLICT DO NOTHING`).Exec(ctx, tx); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(gone, 500) {
		q := new(db.Query).Add(`DELETE FROM search_token WHERE object = ? AND token IN `, on.ID)
		if _, err := db.In(q, part).Exec(ctx, tx); err != nil {
			return err
		}
	}
	if known {
		_, err = tx.Exec(ctx, `UPDATE search_document SET tokens = $1 WHERE object = $2`, out, on.ID)
	} else {
		_, err = tx.Exec(ctx, `INSERT INTO search_document (object, tokens) VALUES ($1, $2)`, on.ID, out)
	}
	return err
}

// DropTx removes an object from the index when its content is destroyed.
func (x *Index) DropTx(ctx context.Context, tx *db.Tx, on ref.Ref) error {
	if err := x.PutTx(ctx, tx, on, ""); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM search_document WHERE object = $1`, on.ID)
	return err
}

type word struct {
	exact, stem int64
	count       int64
}

// counted fills in how often each word is found.
func counted(ctx context.Context, h db.Handle, words []word) error {
	q := new(db.Query)
	counts := make([]any, len(words))
	for i := range words {
		q.Add([]string{`SELECT `, `, `}[min(i, 1)]+`(SELECT COUNT(*) FROM (SELECT 1 FROM search_token WHERE token IN (?, ?) LIMIT ?) t)`, words[i].exact, words[i].stem, common)
		counts[i] = &words[i].count
	}
	return h.QueryRow(ctx, q.Text(), q.Args()...).Scan(counts...)
}

// Find gives objects of a kind that hold all words of the query, newest made first, below an object id (0 for the newest).
func (x *Index) Find(ctx context.Context, h db.Handle, by access.Actor, kind ref.Kind, query string, before int64, limit int) ([]access.Object, error) {
	var words []word
	for _, w := range Words(query) {
		if len(words) == maxWords {
			break
		}
		words = append(words, word{exact: x.token(w), stem: x.token(stemmed + stem(w, by.Lang))})
	}
	if len(words) == 0 {
		return nil, nil
	}
	if err := counted(ctx, h, words); err != nil {
		return nil, err
	}
	if before == 0 {
		before = 1 << 62
	}
	// The rarest word leads: the walk is never longer than its hits.
	slices.SortFunc(words, func(a, b word) int { return cmp.Compare(a.count, b.count) })
	if words[0].count == 0 {
		return nil, nil
	}
	arm := func(q *db.Query, token int64) {
		q.Add(`SELECT * FROM (SELECT ` + access.Columns + ` FROM search_token t JOIN `)
		access.Sees(by).From(q, kind)
		q.Add(` ON o.id = t.object WHERE t.token = ? AND t.object < ?`, token, before)
		for _, w := range words[1:] {
			// Not EXISTS: PostgreSQL would weigh every order of joining the words, for longer than the search itself takes.
			q.Add(` AND (SELECT 1 FROM search_token w WHERE w.object = t.object AND w.token IN (?, ?) LIMIT 1) = 1`, w.exact, w.stem)
		}
		q.Add(` ORDER BY t.object DESC LIMIT ?) a`, limit)
	}
	q := new(db.Query)
	arm(q, words[0].exact)
	if words[0].stem != words[0].exact {
		q.Add(` UNION `)
		arm(q, words[0].stem)
	}
	q.Add(` ORDER BY 1 DESC LIMIT ?`, limit)
	return db.List(ctx, h, q, func(r *db.Rows) (access.Object, error) {
		var o access.Object
		return o, r.Scan(o.Dst()...)
	})
}
