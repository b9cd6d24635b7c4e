package rpsl_test

import (
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/format/rpsl"
)

func read(s string) (out []rpsl.Object, err error) {
	err = rpsl.Read(strings.NewReader(s), func(o rpsl.Object) error {
		out = append(out, o)
		return nil
	})
	return out, err
}

func TestObjects(t *testing.T) {
	t.Parallel()
	got, err := read("% remark\n\ninetnum:  192.0.2.0 - 192.0.2.255 # ours\nDESCR: one\n\ttwo\n+three\nmnt-by:A\nmnt-by: B\n\n\nrole:\tJos\xe9\n")
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	o := got[0]
	if o.Class() != "inetnum" || o.Key() != "192.0.2.0 - 192.0.2.255" || o.First("descr") != "one two three" || strings.Join(o.All("mnt-by"), " ") != "A B" || o.Line != 3 || got[1].Key() != "José" {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{" goes on\n", "no attribute\n", ": x\n", "a b: c\n", "a: " + strings.Repeat("x", rpsl.MostLine), strings.Repeat("a: b\n", rpsl.MostAttributes+1)} {
		if _, err := read(bad); !errors.Is(err, rpsl.ErrForm) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	stop := errors.New("enough")
	if err := rpsl.Read(strings.NewReader("a: b\n\nc: d\n"), func(rpsl.Object) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// The files that others test with are read to their end.
func TestSamplesOfTheRIPEDatabase(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("../../../../shared/data/samples/ripe-db/*.gz")
	n := 0
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := rpsl.Read(z, func(o rpsl.Object) error {
			if n++; o.Class() != "role" || o.First("nic-hdl") == "" {
				t.Errorf("%s: %+v", name, o)
			}
			return nil
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(files) > 0 && n == 0 {
		t.Error("nothing was read")
	}
}

// Whatever is read is refused or gives whole objects.
func FuzzRead(f *testing.F) {
	f.Add("inetnum: 192.0.2.0 - 192.0.2.255\nmnt-by: A\n\nrole: x\n y\n")
	f.Fuzz(func(t *testing.T, s string) {
		_ = rpsl.Read(strings.NewReader(s), func(o rpsl.Object) error {
			if len(o.Attributes) == 0 || o.Class() == "" || o.Line == 0 {
				t.Errorf("%+v", o)
			}
			return nil
		})
	})
}
