package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running private PostgreSQL.
type Server struct {
	DSN string // administrator's address, database postgres

	lifeline io.Closer
	guard    *exec.Cmd
}

// guard runs the server as a child, waits until its standard input ends and then ends the server and removes its folder. The other end
// of that pipe is held by this process alone and closes with it, even by SIGKILL: nothing is left behind. It has a session of its own, so
// that tests that clean up after Ctrl-C still have their database.
const guard = `
"$1/postgres" -D "$3" -k "$2" >"$2/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -"$4" "$server" 2>/dev/null
wait "$server"
rm -rf "$2"
`

// settings give up what a crash would need, and refuse the network.
const settings = `
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 300
shared_buffers = 64MB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 4GB
checkpoint_timeout = 1h
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
`

// Start makes and starts a server; more are lines of its postgresql.conf, after its own. It stops at Stop, or when this process ends.
func Start(ctx context.Context, more ...string) (*Server, error) {
	return StartIn(ctx, "", more...)
}

// StartIn is Start with the data in a folder that is kept, and taken up again by the next call; "" for a fresh one that goes with the server.
func StartIn(ctx context.Context, data string, more ...string) (*Server, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	cred, err := owner()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(shortTemp(), "tocsin-pg-")
	if err != nil {
		return nil, err
	}
	place := place{bin: bin, dir: dir, data: data, cred: cred}
	if data == "" {
		place.data = filepath.Join(dir, "data")
	}
	s, err := place.start(ctx, data != "", more)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// place is where a server runs: its programs, the folder of its socket and log, its data, and as whom.
type place struct {
	bin, dir, data string
	cred           *syscall.Credential
}

func (p place) start(ctx context.Context, keep bool, more []string) (*Server, error) {
	if p.cred != nil {
		if err := os.Chown(p.dir, int(p.cred.Uid), int(p.cred.Gid)); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(filepath.Join(p.data, "postgresql.conf")); err != nil {
		if err := p.initialise(ctx, more); err != nil {
			return nil, err
		}
	}
	signal := "QUIT"
	if keep {
		signal = "INT" // in order: nothing is to be recovered the next time
	}
	run := exec.Command("/bin/sh", "-c", guard, "tocsin-pg-guard", p.bin, p.dir, p.data, signal)
	run.SysProcAttr = &syscall.SysProcAttr{Credential: p.cred, Setsid: true}
	run.Dir, run.Env = "/", environment(p.dir)
	pipe, err := run.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := run.Start(); err != nil {
		return nil, err
	}
	s := &Server{
		DSN:      "postgres://postgres@/postgres?" + url.Values{"host": {p.dir}, "sslmode": {"disable"}}.Encode(),
		lifeline: pipe, guard: run,
	}
	if err := s.await(ctx, p.dir); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (p place) initialise(ctx context.Context, more []string) error {
	if err := os.MkdirAll(p.data, 0o700); err != nil {
		return err
	}
	if p.cred != nil {
		if err := os.Chown(p.data, int(p.cred.Uid), int(p.cred.Gid)); err != nil {
			return err
		}
	}
	// C sorts by bytes, as SQLite does: a query that needs another order must say so on both engines.
	initdb := exec.CommandContext(ctx, filepath.Join(p.bin, "initdb"), "-D", p.data, "-U", "postgres",
		"-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: p.cred}
	initdb.Dir, initdb.Env = p.dir, environment(p.dir)
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return appendTo(filepath.Join(p.data, "postgresql.conf"), settings+strings.Join(more, "\n")+"\n")
}

// await tries until the server answers. It is polling of another program's start, with an end.
func (s *Server) await(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := pgx.Connect(ctx, s.DSN)
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			return fmt.Errorf("PostgreSQL did not answer: %w\n%s", err, log)
		case <-tick.C:
		}
	}
}

// Stop ends the server, waits for it and removes its folder, but for data that is kept.
func (s *Server) Stop() error {
	_ = s.lifeline.Close()
	if err := s.guard.Wait(); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

// Available gives nil where a server can be started, else what is missing.
func Available() error {
	_, err := findBinaries()
	return err
}

// findBinaries gives the folder of postgres and initdb: the newest of the usual places, else what PATH leads to.
func findBinaries() (string, error) {
	places, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	more, _ := filepath.Glob("/usr/pgsql-*/bin")
	places = append(places, more...)
	slices.SortFunc(places, func(a, b string) int { return major(b) - major(a) })
	if p, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			places = append(places, filepath.Dir(real))
		}
		places = append(places, filepath.Dir(p))
	}
	for _, dir := range places {
		if executable(filepath.Join(dir, "postgres")) && executable(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	return "", errors.New("no postgres and initdb in PATH or /usr/lib/postgresql (Debian: apt-get install postgresql)")
}

// major reads the number in /usr/lib/postgresql/15/bin and /usr/pgsql-15/bin.
func major(bin string) int {
	name := filepath.Base(filepath.Dir(bin))
	n, _ := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	return n
}

func executable(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// owner is as whom the server runs: PostgreSQL refuses root, so root lends it another name.
func owner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres or nobody")
}

// shortTemp is a folder whose sockets stay below the 107 bytes that the kernel allows, and that another user can pass through; in memory
// where that can be, because each test copies a database.
func shortTemp() string {
	if dir := Memory(); dir != "" {
		return dir
	}
	if dir := os.TempDir(); os.Geteuid() != 0 && len(dir) < 60 {
		return dir
	}
	return "/tmp"
}

// environment is bare: PGDATA, PGHOST and locale of the caller are not the server's.
func environment(dir string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + dir, "TZ=UTC"}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
