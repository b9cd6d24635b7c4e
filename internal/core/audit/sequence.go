package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Origin is the first line of a checkpoint.
const Origin = "tocsin audit"

// batch is how many entries one transaction numbers: short enough not to hold the one writer of SQLite for long.
const batch = 500

// Sequencer numbers entries. One runs in each process; an advisory lock lets one of them work at a time.
type Sequencer struct {
	DB     *db.DB
	Clock  clock.Clock
	Signer note.Signer
	Log    *slog.Logger
	Notify func(seq int64) // called with the newest number after each batch; may be nil
	// Every is the pause between batches when nobody wakes it; zero means 100 ms.
	Every time.Duration

	wake chan struct{}
	once sync.Once
}

// Wake tells the sequencer that an entry waits.
func (s *Sequencer) Wake() {
	s.once.Do(func() { s.wake = make(chan struct{}, 1) })
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// SignerOf makes the checkpoint key from 32 bytes of seed (Ed25519), and the verifier text that others keep.
func SignerOf(seed []byte) (note.Signer, string, error) {
	private := ed25519.NewKeyFromSeed(seed)
	public := private.Public().(ed25519.PublicKey)
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", keyName, keyID(public), base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, "", err
	}
	vkey, err := note.NewEd25519VerifierKey(keyName, public)
	return signer, vkey, err
}

const keyName = "tocsin-audit"

func keyID(public ed25519.PublicKey) uint32 {
	h := sha256.New()
	h.Write([]byte(keyName))
	h.Write([]byte("\n"))
	h.Write([]byte{1})
	h.Write(public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// crowd is how many entries at once show that many write.
const crowd = 8

// Run numbers entries until ctx ends, and signs a checkpoint at least every minute in which something happened.
func (s *Sequencer) Run(ctx context.Context) error {
	s.once.Do(func() { s.wake = make(chan struct{}, 1) })
	every := s.Every
	if every == 0 {
		every = 100 * time.Millisecond
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	signed := time.Time{}
	for {
		n, err := s.Number(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("audit entries could not be numbered", "error", err)
		}
		if err == nil && time.Since(signed) > 30*time.Second {
			if err := s.Checkpoint(ctx); err == nil {
				signed = time.Now()
			} else if ctx.Err() == nil {
				s.Log.Warn("audit checkpoint could not be signed", "error", err)
			}
		}
		if n == batch {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
			// Others are about to commit too: a short pause makes one batch of them, a longer one when there was a crowd just now.
			pause := 20 * time.Millisecond
			if n >= crowd {
				pause = 100 * time.Millisecond
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return nil
			}
		case <-tick.C:
		}
	}
}

// WaitingQuery reads the oldest entries that wait for their number. CROSS JOIN holds SQLite to the few that wait: it would read the whole record.
const WaitingQuery = `SELECT e.id, e.leaf FROM audit_waiting w CROSS JOIN audit_entry e WHERE e.id = w.entry ORDER BY w.entry LIMIT $1`

// Number gives numbers to what waits, at most one batch, and tells how many.
func (s *Sequencer) Number(ctx context.Context) (int, error) {
	// Most ticks find nothing: look outside a transaction first, by the index, which forgets sooner than the table what was taken out.
	var waits int64
	if err := s.DB.QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT entry FROM audit_waiting ORDER BY entry LIMIT 1) w`).Scan(&waits); err != nil || waits == 0 {
		return 0, err
	}
	var n int
	var newest int64
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n = 0
		if tx.Engine() == db.Postgres {
			var got bool
			if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(7420061)`).Scan(&got); err != nil || !got {
				return err
			}
		}
		type waiting struct {
			entry int64
			leaf  []byte
		}
		rows, err := db.All(ctx, tx, func(r *db.Rows) (waiting, error) {
			var w waiting
			return w, r.Scan(&w.entry, &w.leaf)
		}, WaitingQuery, batch)
		if err != nil || len(rows) == 0 {
			return err
		}
		var size int64
		if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(seq), 0) FROM audit_number`).Scan(&size); err != nil {
			return err
		}
		var numbers, stored [][]any
		made := map[int64]tlog.Hash{}
		read := nodes(ctx, tx, made)
		entries := make([]int64, 0, len(rows))
		for _, w := range rows {
			hashes, err := tlog.StoredHashesForRecordHash(size, tlog.RecordHash(w.leaf), read)
			if err != nil {
				return fmt.Errorf("extend audit tree: %w", err)
			}
			at := tlog.StoredHashCount(size)
			for j, h := range hashes {
				stored = append(stored, []any{at + int64(j), append([]byte(nil), h[:]...)})
				made[at+int64(j)] = h
			}
			size++
			numbers = append(numbers, []any{size, w.entry})
			entries = append(entries, w.entry)
		}
		if err := db.InsertMany(ctx, tx, "audit_number", []string{"seq", "entry"}, numbers); err != nil {
			return err
		}
		if err := db.InsertMany(ctx, tx, "audit_node", []string{"idx", "hash"}, stored); err != nil {
			return err
		}
		for part := range slices.Chunk(entries, 64) { // texts that stay compiled
			if _, err := db.In(new(db.Query).Add(`DELETE FROM audit_waiting WHERE entry IN `), part).Exec(ctx, tx); err != nil {
				return err
			}
		}
		n, newest = len(rows), size
		return nil
	})
	if err == nil && n > 0 && s.Notify != nil {
		s.Notify(newest)
	}
	return n, err
}

// nodes reads stored hashes of the tree, made in this transaction or before it.
func nodes(ctx context.Context, h db.Handle, made map[int64]tlog.Hash) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, idx := range indexes {
			if x, ok := made[idx]; ok {
				out[i] = x
				continue
			}
			var b []byte
			if err := h.QueryRow(ctx, `SELECT hash FROM audit_node WHERE idx = $1`, idx).Scan(&b); err != nil {
				return nil, err
			}
			copy(out[i][:], b)
		}
		return out, nil
	})
}

// Checkpoint signs the tree as it stands, unless it was signed at this size already.
func (s *Sequencer) Checkpoint(ctx context.Context) error {
	var size, last int64
	if err := s.DB.QueryRow(ctx, `SELECT (SELECT COALESCE(MAX(seq), 0) FROM audit_number), (SELECT COALESCE(MAX(size), 0) FROM audit_checkpoint)`).Scan(&size, &last); err != nil {
		return err
	}
	if size == last {
		return nil
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		root, err := tlog.TreeHash(size, nodes(ctx, tx, nil))
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%s\n%d\n%s\n", Origin, size, base64.StdEncoding.EncodeToString(root[:]))
		signed, err := note.Sign(&note.Note{Text: text}, s.Signer)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO audit_checkpoint (size, at, note) VALUES ($1, $2, $3) ON CONFLICT (size) DO NOTHING`, size, s.Clock.Now(), string(signed))
		return err
	})
}
