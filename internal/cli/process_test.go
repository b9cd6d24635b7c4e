package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// envProgram makes the test binary the program itself, so that stories are told with real processes, signals and exit states.
const envProgram = "TOCSIN_TEST_PROGRAM"

// patience is how long a test waits for what should take seconds: the machine may be busy.
const patience = 90 * time.Second

const teamAddress = "report@cert.valmora.example"

// installation is a house on disk, set up, which processes of the real program serve.
type installation struct {
	t   *testing.T
	c   conf.Config
	tmp string
	env []string
}

// install sets a house up on an engine, on free ports.
func install(t *testing.T, engine string) *installation {
	t.Helper()
	return installIn(t, engine, t.TempDir())
}

func installIn(t *testing.T, engine, folder string) *installation {
	t.Helper()
	i := &installation{t: t, tmp: shortTemp(t)}
	i.place(engine)
	i.c.Data = filepath.Join(folder, "data")
	secret, err := keyd.Generate("CERT.VM", []string{teamAddress}, time.Now().Add(-time.Hour))
	i.must(err)
	ring, err := keyd.NewRing(secret)
	i.must(err)
	i.inside(func(h *app.House) {
		i.must(h.Setup(t.Context(), app.Profile{Name: "CERT.VM", Kind: "National CSIRT", Phone: "+999 1", Address: teamAddress, Country: "XV", Lang: "en"}, ring))
	})
	return i
}

// place chooses folder, database and ports.
func (i *installation) place(engine string) {
	i.t.Helper()
	i.c = conf.Config{Data: filepath.Join(i.t.TempDir(), "data"), HTTP: freePort(i.t), SMTP: freePort(i.t), Zone: "UTC"}
	i.c.RootKey = i.c.Data + ".root"
	if engine == "postgres" {
		i.c.Database = conf.EndpointOf(pgtest.DSN(i.t, func(context.Context, string) error { return nil }, "cli empty 1"))
	}
}

// shortTemp is a temporary folder whose path leaves room for a socket.
func shortTemp(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cli")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (i *installation) must(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
}

// inside opens the house in this process for a while; it serves nothing.
func (i *installation) inside(do func(h *app.House)) {
	i.t.Helper()
	h, err := app.Open(i.t.Context(), i.c, slog.New(slog.DiscardHandler))
	i.must(err)
	defer h.Close()
	h.Accounts.Hash = account.NewHasher(8<<10, 1)
	do(h)
}

const passphrase = "correct horse battery 7"

func (i *installation) person(role access.Role, email, organisation string) account.Account {
	i.t.Helper()
	var a account.Account
	i.inside(func(h *app.House) {
		var err error
		a, _, err = h.Accounts.Create(i.t.Context(), access.System("sample"), account.NewAccount{
			Email: email, Name: "Person " + string(role), Organisation: organisation, Roles: []access.Role{role}, Password: passphrase,
		})
		i.must(err)
	})
	return a
}

// program is a running process of the real program.
type program struct {
	i     *installation
	cmd   *exec.Cmd
	said  *journal
	ended chan error
}

// journal keeps what a process says, and tells when it says something.
type journal struct {
	mu   sync.Mutex
	b    bytes.Buffer
	more chan struct{}
}

func newJournal() *journal { return &journal{more: make(chan struct{})} }

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	close(j.more)
	j.more = make(chan struct{})
	return j.b.Write(p)
}

func (j *journal) read() (string, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String(), j.more
}

func (j *journal) String() string {
	s, _ := j.read()
	return s
}

// command is the program with arguments, not started, in a process group of its own.
func (i *installation) command(args ...string) *exec.Cmd {
	i.t.Helper()
	self, err := os.Executable()
	i.must(err)
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), envProgram+"=1", "TMPDIR="+i.tmp, "TOCSIN_DATA="+i.c.Data, "TOCSIN_ROOT_KEY="+i.c.RootKey,
		"TOCSIN_DATABASE="+i.c.Database.Reveal(), "TOCSIN_HTTP="+i.c.HTTP, "TOCSIN_SMTP="+i.c.SMTP, "TOCSIN_ZONE=UTC")
	cmd.Env = append(cmd.Env, i.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// run runs a command to its end and gives what it says and its exit status.
func (i *installation) run(args ...string) (said string, status int) {
	i.t.Helper()
	cmd := i.command(args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		i.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// prepare makes a process that is not started; more are lines NAME=value of its environment.
func (i *installation) prepare(args []string, more ...string) *program {
	i.t.Helper()
	p := &program{i: i, cmd: i.command(args...), said: newJournal(), ended: make(chan error, 1)}
	p.cmd.Env = append(p.cmd.Env, more...)
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	return p
}

// begin starts it.
func (p *program) begin() {
	p.i.t.Helper()
	p.i.must(p.cmd.Start())
	go func() { p.ended <- p.cmd.Wait() }()
	p.i.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		err := <-p.ended
		p.ended <- err
		if p.i.t.Failed() {
			p.i.t.Logf("%v said:\n%s", p.cmd.Args[1:], p.said)
		}
	})
}

// launch prepares and starts.
func (i *installation) launch(args []string, more ...string) *program {
	i.t.Helper()
	p := i.prepare(args, more...)
	p.begin()
	return p
}

// serve starts a role and waits until it answers.
func (i *installation) serve(role string, more ...string) *program {
	i.t.Helper()
	p := i.launch([]string{"serve", "--role", role}, more...)
	if role == "keys" {
		p.hears("keys ready")
	} else {
		p.hears(" serves ")
	}
	return p
}

// hears waits until the process says a thing.
func (p *program) hears(words string) {
	p.i.t.Helper()
	end := time.After(patience)
	for {
		said, more := p.said.read()
		if strings.Contains(said, words) {
			return
		}
		select {
		case <-more:
		case err := <-p.ended:
			p.ended <- err
			p.i.t.Fatalf("ended before it said %q: %v\n%s", words, err, p.said)
		case <-end:
			p.i.t.Fatalf("never said %q:\n%s", words, p.said)
		}
	}
}

// signal tells the process, or with a group its whole group as a terminal does.
func (p *program) signal(s syscall.Signal, group bool) {
	p.i.t.Helper()
	pid := p.cmd.Process.Pid
	if group {
		pid = -pid
	}
	p.i.must(syscall.Kill(pid, s))
}

// status waits for the end and gives the exit status; a signal is -1.
func (p *program) status() int {
	p.i.t.Helper()
	select {
	case err := <-p.ended:
		p.ended <- err
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.i.t.Fatalf("does not end:\n%s", p.said)
	}
	return 0
}

// stop ends the process in order.
func (p *program) stop() {
	p.i.t.Helper()
	p.signal(syscall.SIGTERM, false)
	if n := p.status(); n != 0 {
		p.i.t.Fatalf("exit status %d at an orderly stop:\n%s", n, p.said)
	}
}

// eventually waits until look finds what another process does.
func (i *installation) eventually(what string, look func() bool) {
	i.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !look() {
		select {
		case <-tick.C:
		case <-end:
			i.t.Fatalf("never came: %s", what)
		}
	}
}

// mail sends one mail by SMTP and gives the last answer: its code and text.
func (i *installation) mail(from, subject string) (code int, text string) {
	i.t.Helper()
	return sendMail(i.c.SMTP, from, "From: "+from+"\r\nTo: "+teamAddress+"\r\nSubject: "+subject+"\r\nDate: "+time.Now().Format(time.RFC1123Z)+
		"\r\nMessage-ID: <"+strings.ReplaceAll(subject, " ", "-")+"@away.example>\r\n\r\nText of "+subject+"\r\n")
}

// sendMail speaks SMTP; what cannot be reached is code 0.
func sendMail(addr, from, raw string) (code int, text string) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return 0, err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	var read [4096]byte
	answer := func() (int, string) {
		text := ""
		for {
			n, err := c.Read(read[:])
			text += string(read[:n])
			if err != nil {
				return 0, err.Error()
			}
			lines := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
			if last := lines[len(lines)-1]; strings.HasSuffix(text, "\r\n") && len(last) > 3 && last[3] == ' ' {
				code := 0
				_, _ = fmt.Sscanf(last, "%d", &code)
				return code, text
			}
		}
	}
	if code, text = answer(); code != 220 {
		return code, text
	}
	for _, line := range []string{"EHLO away.example", "MAIL FROM:<" + from + ">", "RCPT TO:<" + teamAddress + ">", "DATA", raw + "."} {
		if _, err := io.WriteString(c, line+"\r\n"); err != nil {
			return 0, err.Error()
		}
		if code, text = answer(); code >= 400 || code == 0 {
			return code, text
		}
	}
	return code, text
}
