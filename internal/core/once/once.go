// Package once lets a request that carries an idempotency key take effect once, however often it is sent.
//
// There is no reservation that a crash could leave behind. The note that a request was taken is written by the act's own transaction, the
// one that records it (audit.Joining), so it is committed with what the act changed or not at all:
//
//	nothing noted           the act has changed nothing: it runs
//	noted, with its answer  the act is done: the same answer again, nothing runs
//	noted, without answer   the act took effect and the process ended, or still works, before the answer was kept: nothing runs, ErrTaken
//
// Two requests at the same moment meet at the primary key: one commits, the other is rolled back whole and then reads the first one's
// answer. A refusal changes nothing, is not noted, and may be sent again. A key stands for one actor and one body: the same key with
// another body is ErrOther. Answers are sealed under the key of the house, bound to their row, and swept after KeepFor.
//
// An act must make its changes in one transaction and record them in it, as every verb does. What it prepares before without a record
// (stored files) may be done again after a crash; what is left over of it is swept by its owner.
// Table: once_answer.
package once

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"

	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// KeepFor is how long an answer is kept, and so how long a key stands for its request.
const KeepFor = retain.AnswersFor

// MostKey is the length of a key in bytes.
const MostKey = 128

// The refusals.
var (
	// ErrOther: the key was used for another request.
	ErrOther = &errs.Error{Kind: errs.Invalid, Key: "error.once_other", Text: "this Idempotency-Key was used for another request: use a new one"}
	// ErrTaken: the request took effect or is being worked on, and there is no answer to repeat.
	ErrTaken = &errs.Error{Kind: errs.Conflict, Key: "error.once_taken", Text: "a request with this Idempotency-Key was taken; its answer is not there: look whether it took effect before you send it with another key"}
)

// Keeper keeps answers.
type Keeper struct {
	DB    *db.DB
	Ring  *keyring.Ring
	Clock clock.Clock
}

// Request names a request.
type Request struct {
	Actor string // who sends it, in a form that two actors never share: "account:7"
	Key   string
	Hash  [32]byte // of method, path, query and body: see Hash
}

// Hash gives the hash of what makes a request this one. The parts cannot run into each other.
func Hash(parts ...[]byte) [32]byte {
	h := sha256.New()
	for _, p := range parts {
		one := sha256.Sum256(p)
		h.Write(one[:])
	}
	return [32]byte(h.Sum(nil))
}

// ValidKey tells whether a key is 1 to MostKey visible ASCII characters.
func ValidKey(key string) bool {
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return false
		}
	}
	return key != "" && len(key) <= MostKey
}

// Answer is what is repeated.
type Answer struct {
	Status int               `json:"s"`
	Header map[string]string `json:"h,omitempty"`
	Body   []byte            `json:"b,omitempty"`
}

// Do runs act once for the request and gives its answer, or the answer of the first time with again set. The act must work under the
// context it is given. Refused: ErrOther, ErrTaken.
func (k *Keeper) Do(ctx context.Context, r Request, act func(ctx context.Context) Answer) (a Answer, again bool, err error) {
	if a, err = k.find(ctx, r); err == nil {
		return a, true, nil
	} else if !errs.Is(err, errs.NotFound) {
		return a, false, err
	}
	noted, beaten := false, false
	var in *db.Tx // in which the note stands, not committed yet
	now := k.Clock.Now()
	a = act(audit.Joining(ctx, func(ctx context.Context, tx *db.Tx) error {
		if noted || in == tx {
			return nil
		}
		// Without DO NOTHING the unique conflict would end the transaction in a way that the act could not tell from one of its own.
		n, err := tx.Exec(ctx, `INSERT INTO once_answer (actor, key, request, owner, status, answer, at) VALUES ($1, $2, $3, $4, 0, $5, $6)
			ON CONFLICT (actor, key) DO NOTHING`, r.Actor, r.Key, r.Hash[:], keyring.House, []byte{}, now)
		if err != nil {
			return err
		}
		beaten = n == 0 // of this try: a transaction that was lost is run again, and may win then
		if beaten {
			return ErrTaken
		}
		in = tx
		tx.AfterCommit(func() { noted = true })
		return nil
	}))
	if beaten {
		a, err = k.find(ctx, r)
		return a, err == nil, err
	}
	if noted {
		// The request's own context may be over: its client left. The answer is kept all the same.
		return a, false, k.keep(context.WithoutCancel(ctx), r, a)
	}
	return a, false, nil
}

// place binds an answer to its row. Actor and key are hashed: neither may reach into the other.
func place(r Request) string {
	h := Hash([]byte(r.Actor), []byte(r.Key))
	return "once_answer.answer:" + id.Hex(h[:])
}

func (k *Keeper) find(ctx context.Context, r Request) (a Answer, err error) {
	var hash, sealed []byte
	var status int64
	err = k.DB.QueryRow(ctx, `SELECT request, status, answer FROM once_answer WHERE actor = $1 AND key = $2`, r.Actor, r.Key).Scan(&hash, &status, &sealed)
	switch {
	case err != nil:
		return a, err
	case !bytes.Equal(hash, r.Hash[:]):
		return a, ErrOther
	case status == 0:
		return a, ErrTaken
	}
	key, err := k.Ring.Get(ctx, k.DB, keyring.House)
	if err != nil {
		return a, err
	}
	plain, err := key.Open(place(r), sealed)
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(plain, &a)
}

func (k *Keeper) keep(ctx context.Context, r Request, a Answer) error {
	plain, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return k.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		key, err := k.Ring.House(ctx, tx, k.Clock.Now())
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE once_answer SET status = $1, answer = $2, owner = $3 WHERE actor = $4 AND key = $5 AND status = 0`,
			int64(a.Status), key.Seal(place(r), plain), key.Owner(), r.Actor, r.Key)
		return err
	})
}

// Sweep forgets what is older than KeepFor, at most 1,000 at a time, and tells how many. A periodic job calls it until it gives 0.
func (k *Keeper) Sweep(ctx context.Context) (int64, error) {
	return k.DB.Exec(ctx, `DELETE FROM once_answer WHERE (actor, key) IN (SELECT actor, key FROM once_answer WHERE at < $1 ORDER BY at LIMIT 1000)`,
		k.Clock.Now().Add(-KeepFor))
}
