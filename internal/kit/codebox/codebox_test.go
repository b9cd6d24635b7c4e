package codebox_test

import (
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/codebox"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Only the code opens what was sealed to it, under the same purpose and info, and unchanged.
func TestOnlyTheCodeOpens(t *testing.T) {
	t.Parallel()
	code := id.NewCode()
	hash, public := codebox.Halves(code, "door")
	if string(hash) != string(code.Hash()) {
		t.Error("the hash is not the code's")
	}
	sealed, err := codebox.Seal(public, "letter", []byte("ask"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := codebox.Open(code, "door", "letter", sealed); err != nil || string(plain) != "ask" {
		t.Fatalf("%q, %v", plain, err)
	}
	bent := append([]byte(nil), sealed...)
	bent[len(bent)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another code":    func() ([]byte, error) { return codebox.Open(id.NewCode(), "door", "letter", sealed) },
		"another purpose": func() ([]byte, error) { return codebox.Open(code, "window", "letter", sealed) },
		"another info":    func() ([]byte, error) { return codebox.Open(code, "door", "note", sealed) },
		"a changed bit":   func() ([]byte, error) { return codebox.Open(code, "door", "letter", bent) },
		"nothing":         func() ([]byte, error) { return codebox.Open(code, "door", "letter", nil) },
	} {
		if plain, err := open(); err == nil {
			t.Errorf("%s opened %q", name, plain)
		}
	}
	if _, err := codebox.Seal([]byte("short"), "letter", nil); err == nil {
		t.Error("sealed to what is no key")
	}
}
