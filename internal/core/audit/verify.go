package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Proof is what Verify found.
type Proof struct {
	Size        int64    `json:"size"`        // numbered entries
	Waiting     int64    `json:"waiting"`     // entries not yet in the tree
	Erased      int64    `json:"erased"`      // entries whose details were destroyed; their leaves still verify
	Checkpoints int      `json:"checkpoints"` // signed checkpoints that match the tree
	Root        string   `json:"root"`
	Problems    []string `json:"problems,omitempty"` // empty: the whole record is as it was written
}

// Verify reads the whole record, recomputes every leaf from its columns and details, every node and every root, and holds the signed
// checkpoints against them. Older are checkpoints kept elsewhere; each must be a prefix of the tree.
func Verify(ctx context.Context, h db.Handle, ring *keyring.Ring, verifier note.Verifier, older ...string) (Proof, error) {
	var p Proof
	problem := func(f string, a ...any) {
		if len(p.Problems) < 50 {
			p.Problems = append(p.Problems, fmt.Sprintf(f, a...))
		}
	}
	roots, err := checkpoints(ctx, h, verifier, problem)
	if err != nil {
		return p, err
	}
	for i, text := range older {
		size, root, err := readCheckpoint(text, verifier)
		if err != nil {
			problem("kept checkpoint %d: %v", i+1, err)
			continue
		}
		roots[size] = append(roots[size], claim{"kept checkpoint " + strconv.Itoa(i+1), root})
	}
	keys := map[int64]keyring.Key{}
	made := map[int64]tlog.Hash{}
	reader := tlog.HashReaderFunc(func(idx []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(idx))
		for i, x := range idx {
			hash, ok := made[x]
			if !ok {
				return nil, fmt.Errorf("node %d is missing", x)
			}
			out[i] = hash
		}
		return out, nil
	})
	for {
		rows, err := verifyRows(ctx, h, p.Size)
		if err != nil {
			return p, err
		}
		for _, r := range rows {
			if r.Seq != p.Size+1 {
				problem("number %d follows %d: entries are missing", r.Seq, p.Size)
			}
			switch ok, erased, err := r.holds(ctx, h, ring, keys); {
			case err != nil:
				return p, err
			case erased:
				p.Erased++
				if !r.destroyed {
					problem("entry %d (number %d) has lost its details, and nothing of what it is about was destroyed", r.ID, r.Seq)
				}
			case !ok:
				problem("entry %d (number %d) is not what was written", r.ID, r.Seq)
			}
			hashes, err := tlog.StoredHashesForRecordHash(p.Size, tlog.RecordHash(r.Leaf), reader)
			if err != nil {
				return p, err
			}
			at := tlog.StoredHashCount(p.Size)
			for j, x := range hashes {
				made[at+int64(j)] = x
			}
			p.Size++
			for _, c := range roots[p.Size] {
				root, err := tlog.TreeHash(p.Size, reader)
				if err != nil {
					return p, err
				}
				if root != c.root {
					problem("%s at %d entries does not match the record", c.name, p.Size)
				} else {
					p.Checkpoints++
				}
			}
			delete(roots, p.Size)
		}
		if len(rows) < verifyPage {
			break
		}
	}
	for size, claims := range roots {
		for _, c := range claims {
			problem("%s names %d entries, the record has %d: the end was cut off or an older state was restored", c.name, size, p.Size)
		}
	}
	if err := compareNodes(ctx, h, made, problem); err != nil {
		return p, err
	}
	if p.Size > 0 {
		root, err := tlog.TreeHash(p.Size, reader)
		if err != nil {
			return p, err
		}
		p.Root = base64.StdEncoding.EncodeToString(root[:])
	}
	return p, h.QueryRow(ctx, `SELECT COUNT(*) FROM audit_waiting`).Scan(&p.Waiting)
}

type claim struct {
	name string
	root tlog.Hash
}

func checkpoints(ctx context.Context, h db.Handle, v note.Verifier, problem func(string, ...any)) (map[int64][]claim, error) {
	texts, err := db.All(ctx, h, func(r *db.Rows) (string, error) {
		var s string
		return s, r.Scan(&s)
	}, `SELECT note FROM audit_checkpoint ORDER BY size`)
	roots := map[int64][]claim{}
	for i, t := range texts {
		size, root, err := readCheckpoint(t, v)
		if err != nil {
			problem("stored checkpoint %d: %v", i+1, err)
			continue
		}
		roots[size] = append(roots[size], claim{"stored checkpoint " + strconv.Itoa(i+1), root})
	}
	return roots, err
}

// SizeOf gives how many entries a signed checkpoint names; one that was not signed by this record's key is Invalid.
func SizeOf(checkpoint string, v note.Verifier) (int64, error) {
	size, _, err := readCheckpoint(checkpoint, v)
	if err != nil {
		return 0, errs.Wrap(errs.Invalid, "the checkpoint is not one of this record", err)
	}
	return size, nil
}

// readCheckpoint opens a signed checkpoint: origin, size, root in base64, one line each (C2SP tlog-checkpoint).
func readCheckpoint(text string, v note.Verifier) (int64, tlog.Hash, error) {
	var root tlog.Hash
	n, err := note.Open([]byte(text), note.VerifierList(v))
	if err != nil {
		return 0, root, fmt.Errorf("its signature does not verify")
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != Origin {
		return 0, root, fmt.Errorf("it is not a checkpoint of this record")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return 0, root, fmt.Errorf("it names no size")
	}
	b, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(b) != len(root) {
		return 0, root, fmt.Errorf("it names no root")
	}
	copy(root[:], b)
	return size, root, nil
}

const verifyPage = 1000

type verifyRow struct {
	Row
	owner     int64
	sealed    []byte
	destroyed bool // the content of what it is about: then its details may be gone
}

func verifyRows(ctx context.Context, h db.Handle, after int64) ([]verifyRow, error) {
	return db.All(ctx, h, func(r *db.Rows) (verifyRow, error) {
		var x verifyRow
		return x, r.Scan(append(x.dst(), &x.owner, &x.sealed, &x.destroyed)...)
	}, `SELECT `+rowColumns+`, COALESCE(d.owner, 0), d.sealed,
			EXISTS (SELECT 1 FROM keyring_destroyed k WHERE k.owner = COALESCE(d.owner, 0) OR d.owner IS NULL AND (k.owner = e.object OR k.owner = e.about))
		FROM audit_number n JOIN audit_entry e ON e.id = n.entry
		LEFT JOIN audit_detail d ON d.entry = e.id WHERE n.seq > $1 ORDER BY n.seq LIMIT $2`, after, verifyPage)
}

// holds recomputes the leaf of a row from its details.
func (r *verifyRow) holds(ctx context.Context, h db.Handle, ring *keyring.Ring, keys map[int64]keyring.Key) (ok, erased bool, err error) {
	if r.sealed == nil {
		return true, true, nil
	}
	k, known := keys[r.owner]
	if !known {
		k, err = ring.Get(ctx, h, r.owner)
		if err == keyring.ErrDestroyed { //nolint:errorlint // the ring gives this very value
			return true, true, nil
		}
		if err != nil {
			return false, false, err
		}
		if len(keys) > 10_000 {
			clear(keys)
		}
		keys[r.owner] = k
	}
	salted, err := k.Open(place(r.ID), r.sealed)
	if err != nil {
		return false, false, nil //nolint:nilerr // a detail that does not open is a finding, not a fault
	}
	return bytes.Equal(r.leaf(sha256.Sum256(salted)), r.Leaf), false, nil
}

func compareNodes(ctx context.Context, h db.Handle, made map[int64]tlog.Hash, problem func(string, ...any)) error {
	var count, more int64
	rows, err := h.Query(ctx, `SELECT idx, hash FROM audit_node ORDER BY idx`)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var idx int64
		var b []byte
		if err := r.Scan(&idx, &b); err != nil {
			return err
		}
		if idx >= int64(len(made)) {
			more++ // of entries that were numbered since the leaves were read, or of none
			return nil
		}
		count++
		if x, ok := made[idx]; !ok || !bytes.Equal(x[:], b) {
			problem("node %d of the tree is not what its leaves give", idx)
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The team works while its record is verified: a node beyond the leaves is one too many unless its entry came meanwhile.
	var newest int64
	if more > 0 {
		if err := h.QueryRow(ctx, `SELECT COALESCE(MAX(seq), 0) FROM audit_number`).Scan(&newest); err != nil {
			return err
		}
	}
	if count != int64(len(made)) || more > max(0, tlog.StoredHashCount(newest)-int64(len(made))) {
		problem("the tree has %d nodes, its leaves give %d", count+more, len(made))
	}
	return nil
}

// Erase destroys the details of all entries under an owner; leaves and tree stay.
func (l *Log) Erase(ctx context.Context, tx *db.Tx, owner int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM audit_detail WHERE owner = $1`, owner)
	return err
}
