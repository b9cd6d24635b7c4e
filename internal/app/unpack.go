package app

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const maxManifest = 512 << 20 // a line for each blob

var errDamaged = errs.New(errs.Invalid, "the backup is damaged or not whole")

// unpack writes the files of a backup into a folder and holds each against the manifest.
func unpack(ctx context.Context, in RestoreInput, dir string) (Manifest, error) {
	var m Manifest
	plain, err := age.Decrypt(in.From, in.Identities...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return m, errs.New(errs.Invalid, "this recovery key does not open the backup")
	}
	if err != nil {
		return m, errs.Wrap(errs.Invalid, "this is no backup", err)
	}
	packed, err := zstd.NewReader(plain, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		return m, err
	}
	defer packed.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return m, err
	}
	defer root.Close()
	return unpackParts(ctx, packed, root, in.Progress)
}

// unpackParts reads the files and, last, the manifest that names each of them.
func unpackParts(ctx context.Context, packed io.Reader, root *os.Root, progress func(int, int64)) (Manifest, error) {
	var m Manifest
	var got []Part
	var total int64
	said := false
	r := tar.NewReader(packed)
	for {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || said || head.Typeflag != tar.TypeReg {
			return m, errDamaged
		}
		if head.Name == manifestName {
			if head.Size > maxManifest {
				return m, errDamaged
			}
			b, err := io.ReadAll(r)
			if err != nil || json.NewDecoder(bytes.NewReader(b)).Decode(&m) != nil {
				return m, errDamaged
			}
			said = true
			continue
		}
		p, err := unpackOne(root, r, head.Name)
		if err != nil {
			return m, err
		}
		got = append(got, p)
		total += p.Size
		if progress != nil {
			progress(len(got), total)
		}
	}
	// The end of the age stream is authenticated too: what was cut off shows here.
	if _, err := io.Copy(io.Discard, packed); err != nil {
		return m, errDamaged
	}
	switch {
	case !said || !slices.Equal(got, m.Parts) || !slices.ContainsFunc(got, func(p Part) bool { return p.Name == databaseName || rowsName(p.Name) }):
		return m, errDamaged
	case m.Format != backupFormat:
		return m, errs.New(errs.Invalid, "the backup has a form that this program does not know: restore it with the program that made it")
	}
	return m, nil
}

// allowed tells whether a name may be in a backup: a clean path to one of the parts that we write.
func allowed(name string) bool {
	if name == databaseName || name == teamKeysName || rowsName(name) {
		return true
	}
	first, _, deeper := strings.Cut(name, "/")
	return deeper && slices.Contains(backupFolders, first) && path.Clean(name) == name && filepath.IsLocal(filepath.FromSlash(name))
}

func unpackOne(root *os.Root, r io.Reader, name string) (Part, error) {
	p := Part{Name: name}
	if !allowed(name) {
		return p, errDamaged
	}
	at := filepath.FromSlash(name)
	if err := root.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return p, err
	}
	f, err := root.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return p, fmt.Errorf("restore %s: %w", name, err)
	}
	sum := sha256.New()
	p.Size, err = io.Copy(io.MultiWriter(f, sum), r)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return p, errs.Wrap(errs.Invalid, "the backup is damaged, or the disk is full", err)
	}
	p.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return p, nil
}
