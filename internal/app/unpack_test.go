package app

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestABackupHoldsOnlyWhatABackupHolds(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"tocsin.db": true, "team.keys": true, "blobs/ab/abcd": true, "outbox/1.eml": true, "rows/00000001": true, "rows": false, "rows/1": false, "rows/0000000x": false, "rows/00000001/x": false,
		"": false, "blobs": false, "demo.json": false, "data.rootkey": false, "../tocsin.db": false, "/etc/passwd": false, "blobs/../tocsin.db": false,
		"blobs//x": false, "blobs/./x": false, "blobs/../../x": false, "outbox/..": false, "tocsin.db/x": false, "keys/sock": false,
	} {
		if allowed(name) != want {
			t.Errorf("%q: allowed %v, want %v", name, !want, want)
		}
	}
}

// pack writes parts and a manifest as a backup does; change may spoil the manifest.
func pack(t testing.TB, change func(*Manifest), names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	m := Manifest{Format: backupFormat}
	add := func(name string, content []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range names {
		content := []byte("content of " + n)
		add(n, content)
		sum := sha256.Sum256(content)
		m.Parts = append(m.Parts, Part{n, int64(len(content)), hex.EncodeToString(sum[:])})
	}
	if change != nil {
		change(&m)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	add(manifestName, raw)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpackIn unpacks in a folder inside another one, and tells what was written beside it.
func unpackIn(t testing.TB, b []byte) error {
	t.Helper()
	outer := t.TempDir()
	dir := filepath.Join(outer, "in")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	_, err = unpackParts(t.Context(), bytes.NewReader(b), root, nil)
	if left, _ := os.ReadDir(outer); len(left) != 1 {
		t.Errorf("something was written outside the folder")
	}
	return err
}

func TestEachPartIsHeldAgainstTheManifest(t *testing.T) {
	t.Parallel()
	if err := unpackIn(t, pack(t, nil, "tocsin.db", "team.keys", "blobs/ab/abcd")); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"another hash":    pack(t, func(m *Manifest) { m.Parts[0].SHA256 = m.Parts[1].SHA256 }, "tocsin.db", "team.keys"),
		"a part missing":  pack(t, func(m *Manifest) { m.Parts = append(m.Parts, Part{Name: "blobs/x"}) }, "tocsin.db"),
		"a part too many": pack(t, func(m *Manifest) { m.Parts = m.Parts[:1] }, "tocsin.db", "blobs/ab/abcd"),
		"no database":     pack(t, nil, "team.keys"),
		"another form":    pack(t, func(m *Manifest) { m.Format = "tocsin backup/9" }, "tocsin.db"),
		"a way out":       pack(t, nil, "tocsin.db", "../tocsin.db"),
		"twice":           pack(t, nil, "tocsin.db", "tocsin.db"),
		"nothing":         nil,
	} {
		if err := unpackIn(t, bad); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack(f, nil, "tocsin.db", "blobs/ab/abcd"))
	f.Add(pack(f, nil, "../x"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) { _ = unpackIn(t, b) })
}
