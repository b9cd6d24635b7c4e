package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recorded is a folder that tells what was brought to the disk, in order.
func recorded(t *testing.T) (*Folder, *[]string, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	if err := root.Mkdir("a", 0o700); err != nil {
		t.Fatal(err)
	}
	f, order := New(root), &[]string{}
	f.flush = func(h *os.File) error {
		name, err := filepath.Rel(dir, h.Name())
		*order = append(*order, name)
		return errors.Join(err, h.Sync())
	}
	return f, order, dir
}

func words(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// A file is synced under its temporary name, and then the folders that know its name.
func TestAFileIsThereWhenWriteReturns(t *testing.T) {
	f, order, dir := recorded(t)
	if err := f.Write("x.part", "a/x", words("one")); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(*order, []string{"x.part", "a", "."}) {
		t.Errorf("synced %q", *order)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "a", "x")); err != nil || string(b) != "one" {
		t.Errorf("%q %v", b, err)
	}
	broken := errors.New("broken")
	if err := f.Write("x.part", "a/x", func(w io.Writer) error {
		_ = words("half")(w)
		return broken
	}); !errors.Is(err, broken) {
		t.Error(err)
	}
	f.flush = func(*os.File) error { return broken }
	if err := f.Write("x.part", "a/x", words("two")); !errors.Is(err, broken) {
		t.Error(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "a", "x")); string(b) != "one" {
		t.Errorf("what failed stands under its name: %q", b)
	}
	if _, err := os.Stat(filepath.Join(dir, "x.part")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a part is left: %v", err)
	}
}

// In haste nothing is synced until the end, and then everything once; afterwards each write waits again.
func TestInHasteAllIsThereAtTheEnd(t *testing.T) {
	f, order, dir := recorded(t)
	gone := errors.New("gone")
	err := f.Hastily(func() error {
		for _, name := range []string{"a/x", "a/y", "z", "a/removed"} {
			if err := f.Write("part", name, words(name)); err != nil {
				return err
			}
		}
		if len(*order) != 0 {
			t.Errorf("synced in haste: %q", *order)
		}
		return errors.Join(os.Remove(filepath.Join(dir, "a", "removed")), gone)
	})
	if !errors.Is(err, gone) {
		t.Errorf("the error of what was done in haste: %v", err)
	}
	slices.Sort(*order)
	if got := strings.Join(*order, " "); got != ". a a/x a/y z" {
		t.Errorf("synced at the end: %s", got)
	}
	*order = nil
	if err := f.Write("part", "a/w", words("w")); err != nil || len(*order) != 3 {
		t.Errorf("after the haste: %q %v", *order, err)
	}
}
