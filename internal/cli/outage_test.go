package cli

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// While the database is away nothing is acknowledged: mail is asked to come again, a form is told so, and /readyz says it. When the database is
// back the same process goes on by itself, and all that was acknowledged is there once.
func TestTheDatabaseIsGoneForAWhile(t *testing.T) {
	if engines := pgtest.Engines(t); engines[len(engines)-1] != "postgres" && engines[0] != "postgres" {
		return // one of PostgreSQL's: the run without it says so
	}
	i := install(t, "postgres")
	p := i.serve("all")
	b := i.browser(i.c.HTTP)
	if code, text := i.mail("a@away.example", "before"); code != 250 {
		t.Fatalf("mail: %d %s", code, text)
	}
	u, err := url.Parse(i.c.Database.Reveal())
	i.must(err)
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	admin, err := pgx.Connect(t.Context(), u.String())
	i.must(err)
	defer admin.Close(t.Context())
	ask := func(sql string) {
		t.Helper()
		_, err := admin.Exec(t.Context(), sql)
		i.must(err)
	}
	ask(`ALTER DATABASE ` + pgx.Identifier{name}.Sanitize() + ` WITH ALLOW_CONNECTIONS false`)
	ask(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '` + name + `'`)
	for n := range 3 {
		if code, text := i.mail("a@away.example", "meanwhile"); code < 400 || code >= 500 {
			t.Errorf("mail %d while the database is away: %d %s", n, code, text)
		}
	}
	if a := b.get("/readyz"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "database") {
		t.Errorf("/readyz while the database is away: %d %s", a.status, a.body)
	}
	if a := b.get("/healthz"); a.status != http.StatusOK {
		t.Errorf("/healthz: %d", a.status)
	}
	if a := b.do(http.MethodPost, "/report/short", "code", "0123456789abcdefghjkmnpqrs", "summary", "Lost", "description", "Text", "ongoing", "no", "tlp", "GREEN"); a.status < 400 {
		t.Errorf("a form while the database is away: %d to %q", a.status, a.to)
	}
	ask(`ALTER DATABASE ` + pgx.Identifier{name}.Sanitize() + ` WITH ALLOW_CONNECTIONS true`)
	i.eventually("mail again", func() bool {
		code, _ := i.mail("a@away.example", "after")
		return code == 250
	})
	i.eventually("both reports", func() bool { return i.reports() == 2 })
	i.eventually("ready again", func() bool { return b.get("/readyz").status == http.StatusOK })
	p.stop()
}

// On a full disk nothing is acknowledged that cannot be kept: small and large mail is asked to come again, a form is told so, and /readyz names
// the disk. With room again the same process goes on, and all that was acknowledged is there.
func TestTheDiskIsFull(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=48m"); err != nil {
		t.Skipf("NOT RUN: a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	i := installIn(t, "sqlite", disk)
	p := i.serve("all")
	b := i.browser(i.c.HTTP)
	if code, text := i.mail("a@away.example", "before"); code != 250 {
		t.Fatalf("mail: %d %s", code, text)
	}
	i.eventually("the first report", func() bool { return i.reports() == 1 })
	fill := filepath.Join(disk, "fill")
	f, err := os.Create(fill)
	i.must(err)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	i.must(f.Close())
	large := strings.Repeat(strings.Repeat("x", 70)+"\r\n", 4000)
	if code, text := i.mail("a@away.example", "small"); code < 400 || code >= 500 {
		t.Errorf("a small mail on a full disk: %d %s", code, text)
	}
	if code, text := sendMail(i.c.SMTP, "a@away.example", "From: a@away.example\r\nTo: "+teamAddress+"\r\nSubject: large\r\n\r\n"+large); code < 400 || code >= 500 {
		t.Errorf("a large mail on a full disk: %d %s", code, text)
	}
	if a := b.get("/readyz"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "of the disk is free") {
		t.Errorf("/readyz on a full disk: %d %s", a.status, a.body)
	}
	if a := b.do(http.MethodPost, "/report/short", "code", "0123456789abcdefghjkmnpqrs", "summary", "Lost", "description", "Text", "ongoing", "no", "tlp", "GREEN"); a.status < 400 {
		t.Errorf("a form on a full disk: %d to %q", a.status, a.to)
	}
	i.must(os.Remove(fill))
	i.eventually("mail again", func() bool {
		code, _ := i.mail("a@away.example", "after")
		return code == 250
	})
	i.eventually("both reports", func() bool { return i.reports() == 2 })
	i.eventually("ready again", func() bool { return b.get("/readyz").status == http.StatusOK })
	p.stop()
}
