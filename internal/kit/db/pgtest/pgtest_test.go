package pgtest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	address(t) // without a server here, not run
	var filled atomic.Int32
	fill := func(ctx context.Context, dsn string) error {
		filled.Add(1)
		return execute(ctx, dsn, `CREATE TABLE bell (rung integer)`)
	}
	name := t.Name() + time.Now().String()
	var mu sync.Mutex
	var addresses []string
	t.Run("tests", func(t *testing.T) {
		for _, story := range []string{"one", "two", "three", "four"} {
			t.Run(story, func(t *testing.T) {
				t.Parallel()
				dsn := DSN(t, fill, name)
				if err := execute(t.Context(), dsn, `INSERT INTO bell (rung) VALUES (1)`); err != nil {
					t.Fatal(err)
				}
				if n := count(t, dsn); n != 1 {
					t.Errorf("%d rows: another test wrote here", n)
				}
				mu.Lock()
				addresses = append(addresses, dsn)
				mu.Unlock()
			})
		}
	})
	if filled.Load() != 1 {
		t.Errorf("the template was filled %d times", filled.Load())
	}
	for _, dsn := range addresses {
		if c, err := pgx.Connect(t.Context(), dsn); err == nil {
			_ = c.Close(t.Context())
			t.Errorf("the database outlived its test")
		}
	}
}

func TestAFailedTemplateIsMadeAgain(t *testing.T) {
	name := t.Name() + time.Now().String()
	admin := address(t)
	broken := errors.New("migration 7")
	_, err := prepare(t.Context(), admin, name, func(ctx context.Context, dsn string) error {
		_ = execute(ctx, dsn, `CREATE TABLE half (done integer)`)
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	dsn := DSN(t, func(ctx context.Context, dsn string) error {
		return execute(ctx, dsn, `CREATE TABLE bell (rung integer)`)
	}, name)
	if err := execute(t.Context(), dsn, `SELECT 1 FROM half`); err == nil {
		t.Error("the half-filled template was used")
	}
	if count(t, dsn) != 0 {
		t.Error("the template is not the new one")
	}
}

func TestTheServerHasNoNetwork(t *testing.T) {
	if os.Getenv(EnvServer) != "" {
		t.Log("on the shared server")
	}
	dsn := DSN(t, func(ctx context.Context, dsn string) error { return nil }, "empty")
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	var listen string
	if err := c.QueryRow(t.Context(), `SHOW listen_addresses`).Scan(&listen); err != nil || listen != "" {
		t.Errorf("listens on %q, %v", listen, err)
	}
}

// TestNothingIsLeftBehind kills a process that started a server, in the way that leaves it no time to clean up.
func TestNothingIsLeftBehind(t *testing.T) {
	if os.Getenv("TOCSIN_PGTEST_CHILD") == "1" {
		s, err := Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("DSN " + s.DSN + "\n")
		_, _ = io.Copy(io.Discard, os.Stdin) // until killed
		return
	}
	if _, err := findBinaries(); err != nil {
		address(t) // skips or fails
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingIsLeftBehind$")
	cmd.Env = append(os.Environ(), "TOCSIN_PGTEST_CHILD=1")
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var dsn string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "DSN "); ok {
			dsn = rest
			break
		}
	}
	conf, err := pgx.ParseConfig(dsn)
	if err != nil || dsn == "" {
		t.Fatalf("address %q: %v", dsn, err)
	}
	if err := execute(t.Context(), dsn, `SELECT 1`); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := os.Stat(conf.Host)
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(conf.Host, "log"))
			t.Fatalf("the server's folder is still there: %v\n%s", err, log)
		}
		time.Sleep(10 * time.Millisecond) // waits for another process, with an end
	}
	if err := execute(t.Context(), dsn, `SELECT 1`); err == nil {
		t.Error("the server still answers")
	}
}

// A folder that is kept is taken up again by the next server, as it was left.
func TestAFolderIsKept(t *testing.T) {
	if _, err := findBinaries(); err != nil {
		address(t) // skips, or fails when all is required
	}
	above, err := os.MkdirTemp(shortTemp(), "tocsin-pg-kept-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(above) })
	if err := os.Chmod(above, 0o711); err != nil { //nolint:gosec // the server runs as another user
		t.Fatal(err)
	}
	data := filepath.Join(above, "postgres")
	for i, statement := range []string{`CREATE TABLE bell (rung integer)`, `INSERT INTO bell (rung) VALUES (1)`} {
		s, err := StartIn(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		if err := execute(t.Context(), s.DSN, statement); err != nil {
			t.Error(err)
		}
		if n := count(t, s.DSN); n != i {
			t.Errorf("run %d: %d rows", i, n)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEnginesFollowTheEnvironment(t *testing.T) {
	for asked, want := range map[string]string{"sqlite": "sqlite", "postgres": "postgres", "both": "sqlite postgres"} {
		t.Setenv(EnvEngine, asked)
		t.Setenv(EnvServer, "postgres://postgres@/postgres?host=/nowhere")
		if got := strings.Join(Engines(t), " "); got != want {
			t.Errorf("%s gave %q", asked, got)
		}
	}
}

func TestMajorVersion(t *testing.T) {
	for dir, want := range map[string]int{"/usr/lib/postgresql/15/bin": 15, "/usr/pgsql-17/bin": 17, "/usr/local/bin": 0} {
		if got := major(dir); got != want {
			t.Errorf("%s: %d", dir, got)
		}
	}
}

func count(t *testing.T, dsn string) int {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	var n int
	if err := c.QueryRow(t.Context(), `SELECT count(*) FROM bell`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
