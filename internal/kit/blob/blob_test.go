package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func key(t *testing.T, owner int64) Key {
	t.Helper()
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return Key{owner, b}
}

func folder(t *testing.T) (*Folder, string) {
	t.Helper()
	dir := t.TempDir()
	f, err := NewFolder(dir, []byte("names"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, dir
}

func TestWhatIsPutComesBackAndIsNotOnDiskInClear(t *testing.T) {
	f, dir := folder(t)
	ctx, k := context.Background(), key(t, 1)
	plain := bytes.Repeat([]byte("ransom note "), 20_000)
	b, err := f.Put(ctx, k, bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Bytes(ctx, f, k, b.Name, 1<<20)
	if err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("read back %d of %d bytes: %v", len(got), len(plain), err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, b.Name[:2], b.Name))
	if err != nil || bytes.Contains(raw, []byte("ransom note")) {
		t.Fatalf("stored in clear, or not at all: %v", err)
	}
	if again, err := f.Put(ctx, k, bytes.NewReader(plain)); err != nil || again.Name != b.Name {
		t.Fatalf("the same content got another name: %v", err)
	}
	other, err := f.Put(ctx, key(t, 2), bytes.NewReader(plain))
	if err != nil || other.Name == b.Name {
		t.Fatalf("two owners share a blob: %v", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "tmp"))
	if err != nil || len(left) != 0 {
		t.Fatalf("%d temporary files left: %v", len(left), err)
	}
}

// Rule K5: swap, cut, reorder.
func TestSwappedCutOrAlteredBlobsDoNotOpen(t *testing.T) {
	f, dir := folder(t)
	ctx, k := context.Background(), key(t, 1)
	one, err := f.Put(ctx, k, bytes.NewReader(bytes.Repeat([]byte("1"), 200_000)))
	if err != nil {
		t.Fatal(err)
	}
	two, err := f.Put(ctx, k, bytes.NewReader(bytes.Repeat([]byte("2"), 200_000)))
	if err != nil {
		t.Fatal(err)
	}
	p1, p2 := filepath.Join(dir, one.Name[:2], one.Name), filepath.Join(dir, two.Name[:2], two.Name)
	raw, err := os.ReadFile(p2)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, content []byte) {
		if err := os.WriteFile(p1, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Bytes(ctx, f, k, one.Name, 1<<20); err == nil {
			t.Errorf("%s opened", what)
		}
	}
	try("a swapped blob", raw)
	good, err := os.ReadFile(p2)
	if err != nil {
		t.Fatal(err)
	}
	try("a cut blob", good[:len(good)-100_000])
	flipped := bytes.Clone(good)
	flipped[len(flipped)-5] ^= 1
	try("a flipped bit", flipped)
	if _, err := f.Open(ctx, key(t, 1), two.Name); err == nil {
		t.Error("another key opened it")
	}
	if _, err := f.Open(ctx, k, "../../etc/passwd"); !errs.Is(err, errs.NotFound) {
		t.Errorf("a path as a name: %v", err)
	}
}

func TestRemovedIsNotFound(t *testing.T) {
	f, _ := folder(t)
	ctx, k := context.Background(), key(t, 1)
	b, err := f.Put(ctx, k, bytes.NewReader([]byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Remove(ctx, b.Name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Open(ctx, k, b.Name); !errs.Is(err, errs.NotFound) {
		t.Fatalf("after removal: %v", err)
	}
	if _, err := Bytes(ctx, f, k, b.Name, 1); !errs.Is(err, errs.NotFound) {
		t.Fatal("found")
	}
}
