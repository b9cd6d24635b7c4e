package cli

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// reports counts the reports that are filed.
func (i *installation) reports() (n int) {
	i.t.Helper()
	i.inside(func(h *app.House) {
		list, err := h.Intake.List(i.t.Context(), access.System("sample"), intake.QueueFilter{Limit: 100})
		i.must(err)
		n = len(list.Items)
	})
	return n
}

// A stop, by a signal to the whole group as Ctrl-C in a terminal and a service manager send it, says nothing alarming and ends with 0; one by
// SIGKILL leaves nothing behind that the next start does not clean.
func TestAStopIsQuiet(t *testing.T) {
	pgtest.OnEach(t, func(t *testing.T, engine string) {
		i := install(t, engine)
		for round, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL, syscall.SIGINT} {
			p := i.serve("all")
			if code, text := i.mail("a@away.example", "mail "+string(rune('a'+round))); code != 250 {
				t.Fatalf("mail: %d %s", code, text)
			}
			i.eventually("the report of the mail", func() bool { return i.reports() == round+1 })
			p.signal(s, true)
			if s == syscall.SIGKILL {
				p.status()
				continue
			}
			if n := p.status(); n != 0 {
				t.Errorf("%v: exit status %d", s, n)
			}
			for line := range strings.Lines(p.said.String()) {
				if !strings.Contains(line, " serves CERT.VM ") {
					t.Errorf("%v: it says %s", s, line)
				}
			}
		}
		left, err := os.ReadDir(i.tmp)
		i.must(err)
		for _, f := range left {
			t.Errorf("%s is left in the temporary folder", f.Name())
		}
	})
}
