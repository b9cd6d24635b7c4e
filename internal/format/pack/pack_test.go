package pack

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
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
		size := 0
		for _, f := range files {
			size += len(f.Content)
		}
		if len(files) != c.files || cut != c.cut || size > 1000 {
			t.Errorf("%s: %d files, %d bytes, cut %v", name, len(files), size, cut)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		files, _ := Open(raw, Limits{Files: 3, Bytes: 1 << 16})
		size := 0
		for _, x := range files {
			size += len(x.Content)
		}
		if len(files) > 3 || size > 1<<16 {
			t.Errorf("%d files, %d bytes", len(files), size)
		}
	})
}
