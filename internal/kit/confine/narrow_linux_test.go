package confine

import (
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
)

// What is left to a child must have a name wherever Tocsin is given out: the list is read when the child begins.
func TestTheListHoldsOnBothProcessors(t *testing.T) {
	for _, processor := range []string{"amd64", "arm64"} {
		a, err := arch.GetInfo(processor)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append([]string{"clone", "clone3", "tgkill"}, allowed...) {
			if _, ok := a.SyscallNames[name]; !ok {
				t.Errorf("%s has no %s", processor, name)
			}
		}
	}
}
