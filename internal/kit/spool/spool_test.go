package spool

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Rule L1 for temporary files: what is written comes out again, as often as it is read; what is large lies in no file that has a name, and not as it is.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, InMemory, InMemory + 1, 3 * InMemory} {
		b := Body{Dir: t.TempDir()}
		want := bytes.Repeat([]byte("Tocsin. "), size/8+1)[:size]
		for i := 0; i < size; i += 1000 {
			if n, err := b.Write(want[i:min(size, i+1000)]); err != nil || n == 0 {
				t.Fatal(n, err)
			}
		}
		if err := b.Finish(); err != nil || b.Size() != int64(size) {
			t.Fatalf("%d bytes, %v", b.Size(), err)
		}
		if b.file != nil {
			raw := make([]byte, 100)
			if _, err := b.file.ReadAt(raw, 0); err != nil || bytes.Contains(raw, []byte("Tocsin")) {
				t.Errorf("the file has it as it is: %v", err)
			}
		}
		if names, _ := filepath.Glob(filepath.Join(b.Dir, "*")); len(names) > 0 {
			t.Errorf("files with names: %v", names)
		}
		r := b.Reader()
		for range 2 {
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes of %d come back, %v", len(got), size, err)
			}
			if _, err := r.Seek(0, io.SeekStart); err != nil {
				t.Error(err)
			}
		}
		if _, err := r.Seek(1, io.SeekStart); err == nil {
			t.Error("it goes to the middle")
		}
		if all, err := b.Bytes(); err != nil || !bytes.Equal(all, want) {
			t.Errorf("whole: %d bytes, %v", len(all), err)
		}
		b.Reset()
		if all, err := b.Bytes(); err != nil || len(all) != 0 || b.Size() != 0 {
			t.Errorf("after reset: %d bytes, %v", len(all), err)
		}
	}
}

// A place that takes nothing is told when it is written and when it is finished.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	b := Body{Dir: filepath.Join(t.TempDir(), "absent")}
	if _, err := b.Write(make([]byte, InMemory+1)); !os.IsNotExist(err) || b.Finish() == nil {
		t.Error(err)
	}
	if _, err := b.Write([]byte("x")); err == nil {
		t.Error("it goes on")
	}
}
