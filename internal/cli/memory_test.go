package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/pgptest"
)

// TestNoWebProcessKnowsAPrivateKey reads the memory of a process that serves pages, API and mail, after letters were signed and the health of the
// house was looked at: neither a private key of the team is in it nor the root that opens them. The key process has both, so the search finds
// what is there (rules K1, H2). On PostgreSQL the desk is a process of its own; the public pages have no root key at all.
func TestNoWebProcessKnowsAPrivateKey(t *testing.T) {
	pgtest.OnEach(t, func(t *testing.T, engine string) {
		i := install(t, engine)
		secrets := i.teamSecrets()
		i.person(access.Admin, "adm@cert.valmora.example", "")
		if engine == "postgres" {
			house, err := keyring.ReadRoot(i.c.RootKey)
			i.must(err)
			desk := freePort(t)
			d := i.serve("desk", "TOCSIN_DESK_HTTP="+desk, "TOCSIN_PORTAL_HTTP=off,http://"+freePort(t))
			i.look(desk)
			i.holds(d.cmd.Process.Pid, map[string][]byte{"the root key": house}, true)
			i.holds(d.cmd.Process.Pid, secrets, false)
			p := i.serve("public", "TOCSIN_ROOT_KEY=/nowhere/root.key")
			i.browser(i.c.HTTP).is(http.StatusOK, "/report")
			i.holds(p.cmd.Process.Pid, secrets, false)
			i.holds(p.cmd.Process.Pid, map[string][]byte{"the root key": house}, false)
			return
		}
		p := i.serve("all")
		if code, text := i.mail("a@away.example", "hello"); code != 250 {
			t.Fatalf("mail: %d %s", code, text)
		}
		i.eventually("the report", func() bool { return i.reports() == 1 })
		i.eventually("a signature", func() bool {
			return strings.Contains(i.browser(i.c.HTTP).get("/.well-known/security.txt").body, "BEGIN PGP SIGNATURE")
		})
		i.look(i.c.HTTP)
		i.holds(p.cmd.Process.Pid, secrets, false)
		if os.Getuid() != 0 {
			t.Log("the key process lets nobody but root look into it")
			return
		}
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p.cmd.Process.Pid, p.cmd.Process.Pid))
		i.must(err)
		all := strings.Fields(string(children))
		for tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid)); len(all) == 0 && len(tasks) > 0; tasks = tasks[1:] {
			children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", p.cmd.Process.Pid, tasks[0].Name()))
			i.must(err)
			all = strings.Fields(string(children))
		}
		if len(all) != 1 {
			t.Fatalf("the program has children %v", all)
		}
		child, err := strconv.Atoi(all[0])
		i.must(err)
		i.holds(child, secrets, true)
	})
}

// look visits the page that shows how the keys are.
func (i *installation) look(addr string) {
	i.t.Helper()
	b := i.browser(addr)
	b.signIn("adm@cert.valmora.example")
	b.is(http.StatusOK, "/desk/admin")
}

// teamSecrets are the private numbers of the team's key and the root that seals its file.
func (i *installation) teamSecrets() map[string][]byte {
	i.t.Helper()
	root, err := keyring.ReadRoot(i.c.RootKey + ".team")
	i.must(err)
	out := map[string][]byte{"the second root key": root}
	ring, err := app.LoadTeamSecrets(i.c)
	i.must(err)
	text, err := ring.Current().Export([]byte(passphrase))
	i.must(err)
	numbers, err := pgptest.PrivateNumbers(text, []byte(passphrase))
	i.must(err)
	for n, number := range numbers {
		out[fmt.Sprintf("private key %d", n)] = number
	}
	return out
}

// holds looks for every secret in what a process may write to; one way round or the other, as numbers are kept.
func (i *installation) holds(pid int, secrets map[string][]byte, want bool) {
	i.t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	i.must(err)
	defer maps.Close()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	i.must(err)
	defer mem.Close()
	found, read := map[string]bool{}, 0
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil || !strings.HasPrefix(mode, "rw") || strings.Contains(lines.Text(), "[v") {
			continue
		}
		const step, over = 8 << 20, 64
		buf := make([]byte, step+over)
		for at := from; at < to; at += step {
			n, _ := mem.ReadAt(buf[:min(step+over, to-at)], at)
			read += n
			for name, s := range secrets {
				turned := slices.Clone(s)
				slices.Reverse(turned)
				found[name] = found[name] || bytes.Contains(buf[:n], s) || bytes.Contains(buf[:n], turned)
			}
		}
	}
	if read < 4<<20 {
		i.t.Fatalf("only %d bytes of process %d could be read", read, pid)
	}
	for name := range secrets {
		if found[name] != want {
			i.t.Errorf("%s in the memory of process %d: %v, want %v", name, pid, found[name], want)
		}
	}
}
