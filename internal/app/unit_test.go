package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/confine"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// envCalls are the system calls that the victim may make, and nothing else: the kernel ends it at any other, as it does under systemd.
const envCalls = "TOCSIN_TEST_CALLS"

// fenced takes from this process what the unit takes from it, and looks whether foreign files can still be parsed apart.
func fenced(names []string) error {
	info, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	if os.Geteuid() == 0 { // whom the unit would not let be: SQLite gives its files to their owner then
		names = append(names, "fchown")
	}
	names = slices.DeleteFunc(names, func(name string) bool { _, known := info.SyscallNames[name]; return !known })
	if err := unix.Prctl(unix.PR_SET_MDWE, unix.PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) { // a kernel before 6.3
		return err
	}
	if err := seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionKillProcess, Syscalls: []seccomp.SyscallGroup{{Action: seccomp.ActionAllow, Names: names}},
	}}); err != nil {
		return err
	}
	open, err := confine.Check(context.Background())
	if err == nil && len(open) > 0 {
		err = fmt.Errorf("under the unit a parser could %q", open)
	}
	return err
}

// systemd runs systemd-analyze, which needs no running systemd.
func systemd(t *testing.T, words ...string) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatal("systemd-analyze is needed (Debian: apt-get install systemd)")
		}
		t.Skip("NOT TESTED UNDER THE UNIT'S FILTER: no systemd-analyze")
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", words...).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze %q: %v\n%s", words, err, out)
	}
	return string(out)
}

// callsOf gives the system calls that the filters of a unit leave (systemd.exec(5), SystemCallFilter).
func callsOf(t *testing.T, unit string) []string {
	t.Helper()
	groups := map[string][]string{}
	var group string
	for line := range strings.Lines(systemd(t, "syscall-filter")) {
		switch word := strings.TrimSpace(line); {
		case strings.HasPrefix(line, "@"):
			group = word
		case word != "" && !strings.HasPrefix(word, "#"):
			groups[group] = append(groups[group], word)
		}
	}
	var expand func(name string) []string
	expand = func(name string) (all []string) {
		if !strings.HasPrefix(name, "@") {
			return []string{name}
		}
		if len(groups[name]) == 0 {
			t.Fatalf("systemd knows no %s", name)
		}
		for _, x := range groups[name] {
			all = append(all, expand(x)...)
		}
		return all
	}
	left := map[string]bool{}
	for line := range strings.Lines(unit) {
		filter, ok := strings.CutPrefix(strings.TrimSpace(line), "SystemCallFilter=")
		if !ok {
			continue
		}
		filter, without := strings.CutPrefix(filter, "~")
		for _, name := range strings.Fields(filter) {
			for _, call := range expand(name) {
				left[call] = !without
			}
		}
	}
	for _, call := range expand("@default") { // always left
		left[call] = true
	}
	var out []string
	for call, ok := range left {
		if ok {
			out = append(out, call)
		}
	}
	if len(out) < 100 || left["mount"] || left["setpriority"] {
		t.Fatalf("%d calls are left", len(out))
	}
	slices.Sort(out)
	return out
}

var exposure = regexp.MustCompile(`exposure level for \S+: ([0-9.]+)`)

// The units in the handbook fence as far as they say, and Tocsin does its work inside: the kernel ends a process at the first call that they do not leave. The key
// process and the parsers of foreign files are its children and are fenced with it.
func TestTocsinWorksUnderItsUnit(t *testing.T) {
	handbook := filepath.Join("..", "..", "docs", "handbook")
	for unit, most := range map[string]float64{"tocsin.service": 1.5, "tocsin-keys.service": 1} {
		said := systemd(t, "security", "--offline=true", filepath.Join(handbook, unit))
		level, err := strconv.ParseFloat(exposure.FindStringSubmatch(said + "exposure level for none: 10")[1], 64)
		if err != nil || level > most {
			t.Errorf("%s is exposed by %v, want at most %v: %v", unit, level, most, err)
		}
	}
	h := newHouse(t, pgtest.Engine(t))
	raw, err := os.ReadFile(filepath.Join(handbook, "tocsin.service"))
	h.must(err)
	analyst := h.account(access.Analyst, "ana@cert.valmora.example", "")
	_, token, err := h.Accounts.CreateToken(t.Context(), sample(), account.NewToken{Name: "unit", Role: access.Analyst, Owner: analyst.UID})
	h.must(err)
	tmp := shortFolder(t)
	t.Setenv(envCalls, strings.Join(callsOf(t, string(raw)), ","))
	child := h.startVictim(tmp)
	p := &pourer{http: "http://" + h.Config.HTTP, smtp: h.Config.SMTP, token: token.Reveal(), state: map[string]bool{}}
	if !p.mail("by mail") || !p.form("by form") || !p.post("by API") {
		t.Error("not all was taken")
	}
	for _, path := range []string{"/healthz", "/readyz", "/", "/report", "/login"} { // ready is who reaches the database and the key process
		r, err := http.Get(p.http + path)
		h.must(err)
		_ = r.Body.Close()
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s answers %s", path, r.Status)
		}
	}
	var status unix.WaitStatus
	if pid, err := unix.Wait4(child.Process.Pid, &status, unix.WNOHANG, nil); err != nil || pid != 0 {
		t.Errorf("it has ended: %v %v", status, err)
	}
}
