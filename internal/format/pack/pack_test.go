package pack

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io/fs"
	"testing"
)

// A zip and a gzip give their files within what is allowed; what is more is said to be cut.
func TestOpensWithinLimits(t *testing.T) {
	t.Parallel()
	zipped := func(files int, content []byte) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for i := range files {
			w, _ := z.Create(fmt.Sprintf("../%d.csv", i))
			_, _ = w.Write(content)
		}
		_ = z.Close()
		return b.Bytes()
	}
	var gz bytes.Buffer
	g := gzip.NewWriter(&gz)
	_, _ = g.Write(make([]byte, 1<<20))
	_ = g.Close()
	for name, c := range map[string]struct {
		raw   []byte
		files int
		cut   bool
	}{
		"two files":                  {zipped(2, []byte("a,b")), 2, false},
		"more files than are read":   {zipped(9, []byte("a,b")), 5, true},
		"more bytes than are read":   {zipped(3, make([]byte, 900)), 2, true},
		"a million names":            {zipped(20_000, nil), 0, true},
		"a gzip that grows":          {gz.Bytes(), 1, true},
		"a gzip that ends early":     {gz.Bytes()[:20], 0, true},
		"a zip without its table":    {zipped(2, []byte("a,b"))[:40], 0, true},
		"neither":                    {[]byte("a,b"), 0, false},
		"a zip that only says it is": {[]byte("PK\x03\x04"), 0, true},
	} {
		files, cut := Open(c.raw, Limits{Files: 5, Bytes: 1000})
		if len(files) != c.files || cut != c.cut || sizeOf(files) > 1000 {
			t.Errorf("%s: %d files, %d bytes, cut %v", name, len(files), sizeOf(files), cut)
		}
	}
}

// What names and tables of a zip say is data: no name is a path, a link is the text that it holds, and entries that share their bytes count as often as they are there.
func TestHostileArchives(t *testing.T) {
	t.Parallel()
	named := func(names ...string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range names {
			h := &zip.FileHeader{Name: name}
			if name == "link.csv" {
				h.SetMode(fs.ModeSymlink | 0o777)
			}
			w, err := z.CreateHeader(h)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write([]byte("/etc/passwd"))
		}
		_ = z.Close()
		return b.Bytes()
	}
	names := []string{"../../etc/cron.d/x", "/etc/passwd", "C:\\con", "aux", "a\x00b", "link.csv"}
	files, cut := Open(named(names...), Limits{Files: 20, Bytes: 1000})
	if len(files) != len(names) || cut {
		t.Fatalf("%d files, cut %v", len(files), cut)
	}
	for i, f := range files {
		if f.Name != names[i] || string(f.Content) != "/etc/passwd" {
			t.Errorf("%q holds %q", f.Name, f.Content)
		}
	}
	// Two entries of the table point at the same bytes.
	one := named("one.csv", "two.csv")
	second := bytes.LastIndex(one, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(one[second+42:], 0)
	if files, _ := Open(one, Limits{Files: 20, Bytes: 15}); len(files) == 0 || len(files) > 2 || sizeOf(files) > 15 {
		t.Errorf("%d files of %d bytes", len(files), sizeOf(files))
	}
}

func sizeOf(files []File) (n int) {
	for _, f := range files {
		n += len(f.Content)
	}
	return n
}

// Who took over the process that opens archives says what it likes: it gives no more than was asked for.
func TestWhatWasFoundIsLookedAt(t *testing.T) {
	t.Parallel()
	file := func(name, content uint32, bytes string) []byte {
		return append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, name), content), bytes...)
	}
	say := func(parts ...[]byte) []byte { return append([]byte{0}, bytes.Join(parts, nil)...) }
	one := file(1, 2, "abc")
	if files, cut := told(say(one, one), Limits{Files: 2, Bytes: 4}); len(files) != 2 || cut || files[1].Name != "a" || string(files[1].Content) != "bc" {
		t.Errorf("%v, %v", files, cut)
	}
	for name, out := range map[string][]byte{
		"nothing": nil, "three files": say(one, one, one), "too much": say(file(0, 5, "12345")), "too much in sum": say(file(0, 3, "123"), file(0, 3, "123")),
		"a length that is not there": say(file(1<<31, 1<<31, "")), "half a head": say([]byte("1234")),
	} {
		if files, cut := told(out, Limits{Files: 2, Bytes: 4}); len(files) > 0 || !cut {
			t.Errorf("%s: %v, %v", name, files, cut)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		files, _ := open(raw, Limits{Files: 3, Bytes: 1 << 16})
		if len(files) > 3 || sizeOf(files) > 1<<16 {
			t.Errorf("%d files, %d bytes", len(files), sizeOf(files))
		}
	})
}
