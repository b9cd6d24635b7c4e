package errs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Rules K8, L1: what is said of a panic helps who mends it and holds no word that was passed to it.
func TestAPanicTellsNoWords(t *testing.T) {
	t.Parallel()
	raise := func(f func()) (err error) {
		defer func() { err = errs.Panic(recover()) }()
		f()
		return nil
	}
	var none []int
	absent := func() map[string]int { return nil }
	for what, f := range map[string]func(){
		"string":              func() { panic("canary") },
		"*errors.errorString": func() { panic(errors.New("canary")) },
		"index out of range":  func() { _ = none[len(none)+3] },
		"nil map":             func() { absent()["canary"] = 1 },
		"interface conversion": func() {
			var x any = "canary"
			_ = x.(int)
		},
	} {
		err := raise(f)
		if s := err.Error(); strings.Contains(s, "canary") || !strings.Contains(s, what) || !strings.Contains(s, "TestAPanicTellsNoWords") || !strings.Contains(s, "panic_test.go:") {
			t.Errorf("%s: %s", what, s)
		}
		if errs.Of(err) != errs.Internal {
			t.Errorf("%s is %s", what, errs.Of(err))
		}
	}
}
