package search

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Texts is the index of texts that come by the hundred a second and are never edited: reports. What is new is one row for each text; Fold
// gathers rows into blocks and blocks into larger ones, so that nothing is ever written into the middle of a table. Hunt reads both.
//
// A word is found as it stands, or by its stem in the language of the text. What is joined by . - _ @ : / + is found whole and by each of its
// parts; so are an address by its domain, a name of a host by its endings from the second label on, and a URL by its host. Brackets that
// defang (evil[.]example) are read as what they stand for. Of a text at most 2,000 tokens are kept. The beginning of a word finds nothing.
//
// Tables: search_recent, search_block, search_page, search_backlog.
type Texts struct {
	mac cipher.Block

	batch, fan, levels int    // texts of the smallest block, how many blocks make a larger one, how often
	stepped            func() // after each transaction of a fold, for tests

	mu    sync.Mutex
	chain [aes.BlockSize]byte
	stems [1 << 14]stemOf
}

// stemOf keeps the token of a stem by the token of its word, since stemming costs more than all else.
type stemOf struct {
	word, stem uint64
	lang       string
}

// NewTexts makes the index, whose tokens are keyed by the ring.
func NewTexts(r *keyring.Ring) *Texts {
	mac, err := aes.NewCipher(r.Derive("search texts/v1"))
	if err != nil {
		panic(err) // a derived key has 32 bytes
	}
	return &Texts{mac: mac, batch: 128, fan: 16, levels: 2}
}

// Text is what is known of one object: Lang is the language, "" unknown.
type Text struct {
	Object int64
	Lang   string
	Parts  []string
}

// token is a keyed hash of a word: CBC-MAC with AES over the word behind its length and whether it is a stem, cut to 64 bits. A word has at
// most 64 bytes.
func (x *Texts) token(word string, stem bool) uint64 {
	b := x.chain[:] // the lock is held
	clear(b)
	b[0] = byte(len(word))
	if stem {
		b[1] = 1
	}
	for at := 2; ; at = 0 {
		n := min(len(word), len(b)-at)
		for i := range n {
			b[at+i] ^= word[i]
		}
		x.mac.Encrypt(b, b)
		if word = word[n:]; word == "" {
			return binary.BigEndian.Uint64(b)
		}
	}
}

// stemmed gives the token of the stem of a word; the lock is held.
func (x *Texts) stemmed(word string, exact uint64, lang string) uint64 {
	slot := &x.stems[exact%uint64(len(x.stems))]
	if slot.word != exact || slot.lang != lang {
		*slot = stemOf{exact, x.token(stem(word, lang), true), lang}
	}
	return slot.stem
}

// plain tells whether a word has letters alone: others have no stem.
func plain(w string) bool {
	for _, r := range w {
		if !unicode.IsLetter(r) {
			return false
		}
	}
	return true
}

var refang = strings.NewReplacer("[.]", ".", "(.)", ".", "[:]", ":", "[@]", "@", "[://]", "://")

func joins(r rune) bool {
	switch r {
	case '.', '-', '_', '@', ':', '/', '+':
		return true
	}
	return false
}

func outside(r rune) bool {
	if r < utf8.RuneSelf {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && !joins(r)
	}
	return !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// pieces gives the words of a text with what is joined in one piece, in their order.
func pieces(text string, each func(w string) bool) {
	if strings.ContainsAny(text, "[(") {
		text = refang.Replace(text)
	}
	for w := range strings.FieldsFuncSeq(fold(text), outside) {
		if w = strings.TrimFunc(w, joins); w != "" && !each(w) {
			return
		}
	}
}

// cut gives a word as it is indexed; "" for what is too short to be one.
func cut(w string) string {
	if len(w) > 64 {
		w = strings.ToValidUTF8(w[:64], "")
	}
	if len(w) < 2 || utf8.RuneCountInString(w) < 2 {
		return ""
	}
	return w
}

// forms gives all words by which a piece is found.
func forms(piece string, add func(w string)) {
	one := func(w string) {
		if w = cut(w); w != "" {
			add(w)
		}
	}
	if strings.IndexFunc(piece, joins) < 0 {
		one(piece)
		return
	}
	one(piece)
	for part := range strings.FieldsFuncSeq(piece, joins) {
		one(part)
	}
	for seg := range strings.FieldsFuncSeq(piece, func(r rune) bool { return r == ':' || r == '/' || r == '+' }) {
		if seg = strings.TrimFunc(seg, joins); len(seg) < len(piece) {
			one(seg)
		}
		if at := strings.LastIndexByte(seg, '@'); at >= 0 {
			seg = seg[at+1:]
			one(seg)
		}
		if strings.IndexFunc(seg, unicode.IsLetter) < 0 {
			continue // an address of a machine has no endings
		}
		for {
			_, rest, ok := strings.Cut(seg, ".")
			if !ok || !strings.Contains(rest, ".") {
				break
			}
			seg = rest
			one(seg)
		}
	}
}

// tokens gives the tokens of a text, sorted, each once.
func (x *Texts) tokens(t Text) []uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]uint64, 0, 512)
	room := 2 * maxTokens
	add := func(w string) {
		exact := x.token(w, false)
		out = append(out, exact)
		if t.Lang != "" && plain(w) {
			out = append(out, x.stemmed(w, exact, t.Lang))
		}
	}
	for _, part := range t.Parts {
		pieces(part, func(w string) bool {
			forms(w, add)
			if len(out) < room {
				return true
			}
			slices.Sort(out)
			out = slices.Compact(out)
			room = len(out) + maxTokens
			return len(out) < maxTokens
		})
		if len(out) >= room {
			break
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out
}

// Packed are the words of a text as they are kept.
type Packed []byte

// Pack reads the words of a text.
func (x *Texts) Pack(lang string, parts ...string) Packed {
	all := x.tokens(Text{Lang: lang, Parts: parts})
	packed := make(Packed, 0, 8*len(all))
	for _, t := range all {
		packed = binary.BigEndian.AppendUint64(packed, t)
	}
	return packed
}

// AppendTx takes in the words of a new object, in the transaction of the verb that made it.
func (x *Texts) AppendTx(ctx context.Context, tx *db.Tx, on ref.Ref, words Packed) error {
	return tx.Later(ctx, `INSERT INTO search_recent (object, tokens) VALUES ($1, $2)`, on.ID, []byte(words))
}

// AmendTx takes in all words of a text that has more to it now: who is folded already is folded again, and found by either.
func (x *Texts) AmendTx(ctx context.Context, tx *db.Tx, on ref.Ref, lang string, parts ...string) error {
	_, err := tx.Exec(ctx, `INSERT INTO search_recent (object, tokens) VALUES ($1, $2) ON CONFLICT (object) DO UPDATE SET tokens = excluded.tokens`, on.ID, []byte(x.Pack(lang, parts...)))
	return err
}

// holds tells whether packed tokens hold one.
func holds(packed []byte, token uint64) bool {
	low, high := 0, len(packed)/8
	for low < high {
		mid := (low + high) / 2
		switch t := binary.BigEndian.Uint64(packed[8*mid:]); {
		case t == token:
			return true
		case t < token:
			low = mid + 1
		default:
			high = mid
		}
	}
	return false
}

// posting says that an object has a token.
type posting struct {
	token  uint64
	object int64
}

func comparePostings(a, b posting) int {
	return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(a.object, b.object))
}
