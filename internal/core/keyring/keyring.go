// Package keyring holds the keys under which the house keeps its contents. Each owner (an object, or the house itself) has a random data
// key, wrapped by the root key; destroying the wrapped key destroys everything sealed under it, in tables and blobs, while tombstones and
// the audit tree stay. Other keys have one purpose each and are derived from the root with a label.
//
// What is sealed is bound to its place (table, column, row): moved elsewhere it does not open. Tables: keyring_key, keyring_destroyed.
package keyring

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// House is the owner of what belongs to no object: settings, logins, the audit of both.
const House int64 = 0

// ErrDestroyed is given for content whose key was destroyed. It is a kind of NotFound.
var ErrDestroyed = errs.New(errs.NotFound, "the content was destroyed when its retention ended")

// Ring opens and closes data keys with the root key.
type Ring struct {
	root []byte
	wrap cipher.AEAD
}

// New makes a ring from 32 bytes of root key.
func New(root []byte) (*Ring, error) {
	if len(root) != 32 {
		return nil, errs.New(errs.Invalid, "the root key must have 32 bytes")
	}
	r := &Ring{root: root}
	var err error
	r.wrap, err = aead(r.Derive("wrap/v1"))
	return r, err
}

// CheckRoot looks whether a root key file is there and whether others may read it. It does not read it: for who must not know the key.
func CheckRoot(file string) error {
	st, err := os.Stat(file)
	if err != nil {
		return errs.Wrap(errs.Unavailable, "the root key cannot be read", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return errs.New(errs.Invalid, "the root key file may be read by others: set its mode to 0600")
	}
	return nil
}

// ReadRoot reads a root key file: 64 hexadecimal characters. It refuses a file that others may read.
func ReadRoot(file string) ([]byte, error) {
	if err := CheckRoot(file); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, "the root key cannot be read", err)
	}
	root, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(root) != 32 {
		return nil, errs.New(errs.Invalid, "the root key file does not hold 64 hexadecimal characters")
	}
	return root, nil
}

// MakeRoot writes a new root key file, or reads the one that is there.
func MakeRoot(file string) ([]byte, error) {
	root, err := ReadRoot(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, errs.Wrap(errs.Unavailable, "the folder of the root key cannot be made", err)
	}
	root = make([]byte, 32)
	_, _ = rand.Read(root)
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, "the root key cannot be written", err)
	}
	defer f.Close()
	if _, err := f.WriteString(hex.EncodeToString(root) + "\n"); err != nil {
		return nil, errs.Wrap(errs.Unavailable, "the root key cannot be written", err)
	}
	return root, f.Sync()
}

// Derive gives 32 bytes for one purpose (HKDF-SHA-256, RFC 5869). A value of one purpose is worthless for another.
func (r *Ring) Derive(purpose string) []byte {
	k, err := hkdf.Key(sha256.New, r.root, nil, "tocsin "+purpose, 32)
	if err != nil {
		panic(err) // 32 bytes are within the limit of HKDF
	}
	return k
}

func aead(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(b)
}

// Key is the data key of one owner.
type Key struct {
	owner int64
	raw   []byte
	aead  cipher.AEAD
}

// Owner names whose key this is.
func (k Key) Owner() int64 { return k.owner }

// Bytes gives the 32 bytes for a store of its own kind (blobs). They go nowhere else.
func (k Key) Bytes() []byte { return k.raw }

func (k Key) String() string   { return "•••" }
func (k Key) GoString() string { return "•••" }

// Seal encrypts plain for one place, named as "table.column:row" (AES-256-GCM, random nonce in front).
func (k Key) Seal(place string, plain []byte) []byte {
	return k.aead.Seal(nil, nil, plain, []byte(place))
}

// Open decrypts what Seal gave for the same place; anything else is an error without a hint.
func (k Key) Open(place string, sealed []byte) ([]byte, error) {
	out, err := k.aead.Open(nil, nil, sealed, []byte(place))
	if err != nil {
		return nil, errors.New("sealed content does not open in " + place)
	}
	return out, nil
}

func place(owner int64) []byte {
	return binary.BigEndian.AppendUint64([]byte("keyring_key.wrapped:"), uint64(owner))
}

// Create makes the data key of a new owner in the caller's transaction.
func (r *Ring) Create(ctx context.Context, tx *db.Tx, owner int64, now time.Time) (Key, error) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	err := tx.Later(ctx, `INSERT INTO keyring_key (owner, wrapped, created_at) VALUES ($1, $2, $3)`, owner, r.wrap.Seal(nil, nil, raw, place(owner)), now)
	if err != nil {
		return Key{}, fmt.Errorf("store data key: %w", err)
	}
	k, err := r.key(owner, raw)
	if err == nil {
		r.inTx(tx)[owner] = k
	}
	return k, err
}

// inTx are the keys that a transaction has made or read: a verb asks for the same few again and again.
func (r *Ring) inTx(tx *db.Tx) map[int64]Key {
	m := db.Gather[map[int64]Key](tx, r, nil)
	if *m == nil {
		*m = map[int64]Key{}
	}
	return *m
}

// Get gives the data key of an owner.
func (r *Ring) Get(ctx context.Context, h db.Handle, owner int64) (Key, error) {
	tx, writing := h.(*db.Tx)
	if writing {
		if k, ok := r.inTx(tx)[owner]; ok {
			return k, nil
		}
	}
	k, err := r.read(ctx, h, owner)
	if err == nil && writing {
		r.inTx(tx)[owner] = k
	}
	return k, err
}

func (r *Ring) read(ctx context.Context, h db.Handle, owner int64) (Key, error) {
	var wrapped []byte
	err := h.QueryRow(ctx, `SELECT wrapped FROM keyring_key WHERE owner = $1`, owner).Scan(&wrapped)
	if errs.Is(err, errs.NotFound) {
		return Key{}, ErrDestroyed
	}
	if err != nil {
		return Key{}, err
	}
	return r.Unwrap(owner, wrapped)
}

// Many gives the data keys of several owners at once; an owner whose key was destroyed is missing in the map.
func (r *Ring) Many(ctx context.Context, h db.Handle, owners []int64) (map[int64]Key, error) {
	out := make(map[int64]Key, len(owners))
	if len(owners) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT owner, wrapped FROM keyring_key WHERE owner IN `)
	rows, err := db.In(q, owners).Query(ctx, h)
	return out, db.Each(rows, err, func(rows *db.Rows) error {
		var owner int64
		var wrapped []byte
		if err := rows.Scan(&owner, &wrapped); err != nil {
			return err
		}
		k, err := r.Unwrap(owner, wrapped)
		out[owner] = k
		return err
	})
}

// Unwrap opens a wrapped data key that a list query has joined from keyring_key.
func (r *Ring) Unwrap(owner int64, wrapped []byte) (Key, error) {
	raw, err := r.wrap.Open(nil, nil, wrapped, place(owner))
	if err != nil {
		return Key{}, errors.New("a data key does not open: wrong root key, or a row was moved")
	}
	return r.key(owner, raw)
}

func (r *Ring) key(owner int64, raw []byte) (Key, error) {
	a, err := aead(raw)
	return Key{owner, raw, a}, err
}

// Destroy destroys the data key of an owner, and so all its content, in the caller's transaction.
func (r *Ring) Destroy(ctx context.Context, tx *db.Tx, owner int64, now time.Time, reason string) error {
	delete(r.inTx(tx), owner)
	// Overwritten in its place before it is deleted: a database file keeps the bytes of a deleted row until it needs the room.
	if _, err := tx.Exec(ctx, `UPDATE keyring_key SET wrapped = $2 WHERE owner = $1`, owner, make([]byte, r.wrap.Overhead()+32)); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `DELETE FROM keyring_key WHERE owner = $1`, owner)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrDestroyed
	}
	_, err = tx.Exec(ctx, `INSERT INTO keyring_destroyed (owner, destroyed_at, reason) VALUES ($1, $2, $3)`, owner, now, reason)
	return err
}

// Remove is Destroy without a note, for what ends by its age alone: after a restore it ends by it again. Owners without a key are passed over.
func (r *Ring) Remove(ctx context.Context, tx *db.Tx, owners []int64) error {
	for _, o := range owners {
		delete(r.inTx(tx), o)
	}
	q := db.In(new(db.Query).Add(`UPDATE keyring_key SET wrapped = ? WHERE owner IN `, make([]byte, r.wrap.Overhead()+32)), owners)
	if _, err := q.Exec(ctx, tx); err != nil {
		return err
	}
	_, err := db.In(new(db.Query).Add(`DELETE FROM keyring_key WHERE owner IN `), owners).Exec(ctx, tx)
	return err
}

// House gives the key of the house, made at the first call.
func (r *Ring) House(ctx context.Context, tx *db.Tx, now time.Time) (Key, error) {
	k, err := r.Get(ctx, tx, House)
	if errs.Is(err, errs.NotFound) {
		return r.Create(ctx, tx, House, now)
	}
	return k, err
}
