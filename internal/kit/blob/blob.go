// Package blob keeps large contents outside the database: encrypted, named by a keyed hash of what they hold, written once and synced.
//
// Each blob is an age file (STREAM, 64 KiB chunks) whose file key is wrapped by the owner's data key, bound to the blob's name: two blobs
// that were swapped, cut or reordered do not open, and destroying the data key destroys the blob. The name is an HMAC of owner and SHA-256,
// so the folder does not tell whether a known file is in it.
package blob

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/tocsin-csirt/tocsin/internal/kit/disk"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Blob says where a content is and what it was.
type Blob struct {
	Name   string // 64 hexadecimal characters
	Size   int64
	SHA256 []byte
}

// Key is the data key of the owner of a blob: a number that names the owner and 32 secret bytes.
type Key struct {
	Owner int64
	Bytes []byte
}

// Store keeps blobs.
type Store interface {
	// Put stores what r holds from its start and returns after it is synced. The same content of the same owner is stored once.
	Put(ctx context.Context, key Key, r io.ReadSeeker) (Blob, error)
	// Open reads a blob. An error in the middle means that it was altered; what was read before is genuine but not whole.
	Open(ctx context.Context, key Key, name string) (io.ReadCloser, error)
	// Remove deletes a blob; a missing one is no error.
	Remove(ctx context.Context, name string) error
}

// Folder is a Store in a folder of this machine.
type Folder struct {
	root  *os.Root
	files *disk.Folder
	names []byte
}

// NewFolder opens a folder, made when missing. Names is the secret of the keyed hash.
func NewFolder(dir string, names []byte) (*Folder, error) {
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o700); err != nil {
		return nil, errs.Wrap(errs.Unavailable, "the blob folder cannot be made", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, "the blob folder cannot be opened", err)
	}
	return &Folder{root, disk.New(root), names}, nil
}

// Close releases the folder.
func (f *Folder) Close() error { return f.root.Close() }

// Measure gives name, size and SHA-256 of a content without storing it.
func (f *Folder) measure(key Key, r io.ReadSeeker) (Blob, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Blob{}, err
	}
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return Blob{}, err
	}
	sum := h.Sum(nil)
	m := hmac.New(sha256.New, f.names)
	_ = binary.Write(m, binary.BigEndian, key.Owner)
	m.Write(sum)
	return Blob{hex.EncodeToString(m.Sum(nil)), n, sum}, nil
}

func path(name string) (string, error) {
	if len(name) != 64 {
		return "", errs.ErrNotFound
	}
	if _, err := hex.DecodeString(name); err != nil {
		return "", errs.ErrNotFound
	}
	return filepath.Join(name[:2], name), nil
}

// Put implements Store: temporary file, sync, rename, sync of the folder.
func (f *Folder) Put(_ context.Context, key Key, r io.ReadSeeker) (Blob, error) {
	b, err := f.measure(key, r)
	if err != nil {
		return b, fmt.Errorf("store blob: %w", err)
	}
	to, err := path(b.Name)
	if err != nil {
		return b, err
	}
	if _, err := f.root.Stat(to); err == nil {
		return b, nil
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return b, err
	}
	if err := f.write(key, b, to, r); err != nil {
		return b, errs.Wrap(errs.Unavailable, "the content could not be stored", err)
	}
	return b, nil
}

func (f *Folder) write(key Key, b Blob, to string, r io.Reader) error {
	if err := f.root.Mkdir(filepath.Dir(to), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	tmp := filepath.Join("tmp", b.Name+"."+fmt.Sprint(os.Getpid(), "-", nonce()))
	return f.files.Write(tmp, to, func(out io.Writer) error {
		w, err := age.Encrypt(out, &wrap{key, b.Name})
		if err != nil {
			return err
		}
		if n, err := io.Copy(w, r); err != nil {
			return err
		} else if n != b.Size {
			return errors.New("the content changed while it was stored")
		}
		return w.Close()
	})
}

// Hastily lets fill put blobs without waiting for the disk; when it returns, they are on it.
func (f *Folder) Hastily(fill func() error) error { return f.files.Hastily(fill) }

type opened struct {
	io.Reader
	io.Closer
}

// Open implements Store.
func (f *Folder) Open(_ context.Context, key Key, name string) (io.ReadCloser, error) {
	p, err := path(name)
	if err != nil {
		return nil, err
	}
	in, err := f.root.Open(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errs.ErrNotFound
	}
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, "the content cannot be read", err)
	}
	r, err := age.Decrypt(in, &wrap{key, name})
	if err != nil {
		_ = in.Close()
		return nil, errors.New("blob does not open: wrong key, or it was moved or altered")
	}
	return opened{r, in}, nil
}

// Remove implements Store.
func (f *Folder) Remove(_ context.Context, name string) error {
	p, err := path(name)
	if err != nil {
		return err
	}
	if err := f.root.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

const stanza = "tocsin-data-key"

// wrap is the age recipient and identity of one blob: AES-256-GCM under the owner's data key, with the blob's name as associated data.
type wrap struct {
	key  Key
	name string
}

func (w *wrap) aead() (cipher.AEAD, error) {
	b, err := aes.NewCipher(w.key.Bytes)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(b)
}

func (w *wrap) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	a, err := w.aead()
	if err != nil {
		return nil, err
	}
	return []*age.Stanza{{Type: stanza, Body: a.Seal(nil, nil, fileKey, []byte("blob:"+w.name))}}, nil
}

func (w *wrap) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	a, err := w.aead()
	if err != nil {
		return nil, err
	}
	for _, s := range stanzas {
		if s.Type == stanza {
			return a.Open(nil, nil, s.Body, []byte("blob:"+w.name))
		}
	}
	return nil, age.ErrIncorrectIdentity
}

// Bytes reads a whole blob, at most limit bytes.
func Bytes(ctx context.Context, s Store, key Key, name string, limit int64) ([]byte, error) {
	r, err := s.Open(ctx, key, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var b bytes.Buffer
	return into(&b, r, limit)
}

// Whole reads a blob of which the size is known, at most that many bytes, and holds it once.
func Whole(ctx context.Context, s Store, key Key, name string, size int64) ([]byte, error) {
	r, err := s.Open(ctx, key, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var b bytes.Buffer
	b.Grow(int(size) + bytes.MinRead)
	return into(&b, r, size)
}

func into(b *bytes.Buffer, r io.Reader, limit int64) ([]byte, error) {
	n, err := io.Copy(b, io.LimitReader(r, limit+1))
	if err != nil {
		return nil, errors.New("blob was altered")
	}
	if n > limit {
		return nil, errs.New(errs.Limit, "the content is larger than may be read here")
	}
	return b.Bytes(), nil
}
