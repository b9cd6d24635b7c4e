package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// browser keeps cookies as a browser does that treats this machine as a secure place.
type browser struct {
	i       *installation
	base    string
	cookies map[string]string
	head    http.Header
}

func (i *installation) browser(addr string) *browser {
	return &browser{i: i, base: "http://" + addr, cookies: map[string]string{}, head: http.Header{}}
}

// at is the same browser at another listener of the same site.
func (b *browser) at(addr string) *browser {
	return &browser{i: b.i, base: "http://" + addr, cookies: b.cookies, head: b.head}
}

type answer struct {
	status int
	to     string
	body   string
}

var plainClient = &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (b *browser) open(ctx context.Context, method, path string, fields url.Values) *http.Response {
	b.i.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, b.base+path, strings.NewReader(fields.Encode()))
	b.i.must(err)
	for name, values := range b.head {
		r.Header[name] = values
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res, err := plainClient.Do(r)
	b.i.must(err)
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return res
}

func (b *browser) do(method, path string, pairs ...string) answer {
	b.i.t.Helper()
	v := url.Values{}
	for n := 0; n+1 < len(pairs); n += 2 {
		v.Add(pairs[n], pairs[n+1])
	}
	res := b.open(b.i.t.Context(), method, path, v)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	b.i.must(err)
	return answer{res.StatusCode, res.Header.Get("Location"), string(body)}
}

func (b *browser) get(path string) answer {
	b.i.t.Helper()
	return b.do(http.MethodGet, path)
}

func (b *browser) is(status int, path string) answer {
	b.i.t.Helper()
	a := b.get(path)
	if a.status != status {
		b.i.t.Errorf("GET %s%s: %d to %q, want %d", b.base, path, a.status, a.to, status)
	}
	return a
}

func (b *browser) signIn(email string) {
	b.i.t.Helper()
	if a := b.do(http.MethodPost, "/login", "email", email, "password", passphrase); a.status != http.StatusSeeOther || strings.HasPrefix(a.to, "/login") {
		b.i.t.Fatalf("sign in of %s at %s: %d to %q", email, b.base, a.status, a.to)
	}
}

// stream is an open stream of live signals; lines ends with it.
type stream struct {
	i     *installation
	lines chan string
}

func (b *browser) stream() *stream {
	b.i.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	b.i.t.Cleanup(stop)
	res := b.open(ctx, http.MethodGet, "/desk/live", nil)
	if res.StatusCode != http.StatusOK {
		b.i.t.Fatalf("live signals: %d", res.StatusCode)
	}
	s := &stream{b.i, make(chan string, 100)}
	go func() {
		defer res.Body.Close()
		defer close(s.lines)
		for in := bufio.NewScanner(res.Body); in.Scan(); {
			s.lines <- in.Text()
		}
	}()
	return s
}

func (s *stream) hears(line string) {
	s.i.t.Helper()
	end := time.After(patience)
	for {
		select {
		case got, on := <-s.lines:
			if !on {
				s.i.t.Fatalf("the stream ended before %q", line)
			}
			if got == line {
				return
			}
		case <-end:
			s.i.t.Fatalf("never heard %q", line)
		}
	}
}

// ends waits for the end of the stream and gives how long that took.
func (s *stream) ends() time.Duration {
	s.i.t.Helper()
	began := time.Now()
	end := time.After(patience)
	for {
		select {
		case _, on := <-s.lines:
			if !on {
				return time.Since(began)
			}
		case <-end:
			s.i.t.Fatal("the stream goes on")
		}
	}
}

// publicRole makes the database user of the public process as the handbook says, and gives its address.
func (i *installation) publicRole() string {
	i.t.Helper()
	sql, err := os.ReadFile("../../docs/handbook/public-role.sql")
	i.must(err)
	c, err := pgx.Connect(i.t.Context(), i.c.Database.Reveal())
	i.must(err)
	defer c.Close(i.t.Context())
	_, err = c.Exec(i.t.Context(), string(sql))
	i.must(err)
	u, err := url.Parse(i.c.Database.Reveal())
	i.must(err)
	u.User = url.User("tocsin_public")
	return u.String()
}

// publicMay are the tables that the public process may read.
var publicMay = map[string]bool{"setting_value": true, "intake_shown": true, "intake_reference": true, "intake_taken": true, "intake_kept": true, "intake_draft": true, "intake_sheet_shown": true, "coordination_shown": true, "registration_shown": true, "intake_upload": true, "intake_upload_part": true}

// publicForgets are the tables of which it clears what has aged: what is in them lies under the code of a form, which nobody stores.
var publicForgets = map[string]bool{"intake_taken": true, "intake_kept": true, "intake_draft": true, "intake_upload": true, "intake_upload_part": true}

func (i *installation) publicReadsNothingElse(dsn string) {
	i.t.Helper()
	ctx := i.t.Context()
	c, err := pgx.Connect(ctx, dsn)
	i.must(err)
	defer c.Close(ctx)
	rows, err := c.Query(ctx, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relkind IN ('r', 'v', 'm', 'p') ORDER BY 1`)
	i.must(err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	i.must(err)
	if len(tables) < 40 {
		i.t.Fatalf("only %d tables are there", len(tables))
	}
	refused := func(sql string) bool {
		_, err := c.Exec(ctx, sql)
		var pg *pgconn.PgError
		return errors.As(err, &pg) && pg.Code == "42501"
	}
	for _, table := range tables {
		if refused(`SELECT * FROM `+table+` LIMIT 1`) == publicMay[table] {
			i.t.Errorf("reading %s: allowed is %v", table, !publicMay[table])
		}
		for _, sql := range []string{`DELETE FROM ` + table, `TRUNCATE ` + table} {
			if refused(sql) == (publicForgets[table] && strings.HasPrefix(sql, "DELETE")) {
				i.t.Errorf("%s is not refused", sql)
			}
		}
	}
	for _, sql := range []string{`UPDATE setting_value SET value = ''`, `UPDATE intake_drop SET tries = 0`, `UPDATE intake_shown SET ends_at = NULL`} {
		if !refused(sql) {
			i.t.Errorf("%s is not refused", sql)
		}
	}
	var names []string
	rows, err = c.Query(ctx, `SELECT name FROM setting_value`)
	i.must(err)
	names, err = pgx.CollectRows(rows, pgx.RowTo[string])
	i.must(err)
	for _, n := range names {
		if !strings.HasPrefix(n, "team.") && n != "intake.drop_key" {
			i.t.Errorf("the setting %s can be read", n)
		}
	}
}

// nobody is a user other than ours, to whom root may give a process.
const nobody = 65534

// TestWalls is the house with every role in a process of its own: what a stranger writes at the public process is read at the desk, and nothing
// goes the other way but what the reporter's code opens.
func TestWalls(t *testing.T) {
	engines := pgtest.Engines(t)
	if len(engines) < 2 && engines[0] != "postgres" {
		return // one of PostgreSQL's: the run without it says so
	}
	i := install(t, "postgres")
	ctx := t.Context()
	desk1, desk2, portal := freePort(t), freePort(t), freePort(t)
	portalAway := "TOCSIN_PORTAL_HTTP=off,http://" + portal
	var organisation constituency.Organisation
	i.inside(func(h *app.House) {
		var err error
		organisation, err = h.Constituency.Create(ctx, access.System("sample"), constituency.NewOrganisation{Name: "Hospital", Sector: "health", Lang: "en"})
		i.must(err)
		_, err = h.Intake.DropKey(ctx)
		i.must(err)
	})
	i.person(access.Lead, "lea@cert.valmora.example", "")
	i.person(access.Analyst, "ana@cert.valmora.example", "")
	bob := i.person(access.Analyst, "bob@cert.valmora.example", "")
	i.person(access.Constituent, "rui@hospital.example", organisation.UID)
	dsn := i.publicRole()

	// The private keys belong to another user, in a folder of its own.
	vault := filepath.Join(i.tmp, "vault")
	i.must(os.Mkdir(vault, 0o750))
	move := func(from, to string) {
		b, err := os.ReadFile(from)
		i.must(err)
		i.must(os.WriteFile(to, b, 0o600))
		i.must(os.Remove(from))
	}
	move(filepath.Join(i.c.Data, "team.keys"), filepath.Join(vault, "team.keys"))
	move(i.c.RootKey+".team", filepath.Join(vault, "root.team"))
	socket := "TOCSIN_KEY_SOCKET=" + filepath.Join(vault, "sock")
	self, err := os.Executable()
	i.must(err)
	binary := filepath.Join(i.tmp, "tocsin")
	itself, err := os.ReadFile(self) // not a link: the folder may be on another disk
	i.must(err)
	i.must(os.WriteFile(binary, itself, 0o755))
	i.must(os.Chmod(i.tmp, 0o755))
	k := i.prepare([]string{"serve", "--role", "keys"}, "TOCSIN_DATA="+filepath.Join(vault, "data"), "TOCSIN_ROOT_KEY="+filepath.Join(vault, "root"), "TOCSIN_TEAM_KEYS="+filepath.Join(vault, "team.keys"), "TOCSIN_DATABASE=",
		socket, "TOCSIN_KEY_USERS="+strconv.Itoa(os.Getuid()))
	if os.Getuid() == 0 {
		for _, f := range []string{vault, filepath.Join(vault, "team.keys"), filepath.Join(vault, "root.team")} {
			i.must(os.Chown(f, nobody, 0))
		}
		k.cmd.Path = binary
		k.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: 0}
	}
	k.begin()
	k.hears("keys ready")

	worker := i.serve("worker", socket)
	mail := i.serve("mail", socket)
	public := i.serve("public", "TOCSIN_DATABASE="+dsn, "TOCSIN_DATA="+filepath.Join(i.tmp, "public"), "TOCSIN_ROOT_KEY=/nowhere/root.key")
	first := i.serve("desk", "TOCSIN_DESK_HTTP="+desk1, portalAway)
	second := i.serve("desk", "TOCSIN_DESK_HTTP="+desk2, portalAway)
	third := i.serve("desk", "TOCSIN_DESK_HTTP=off,http://"+desk1, "TOCSIN_PORTAL_HTTP="+portal)

	// Each listener serves its own.
	stranger := i.browser(i.c.HTTP)
	for _, path := range []string{"/desk/triage", "/desk/live", "/portal", "/login", "/api/v1/reports", "/api/openapi.json"} {
		stranger.is(http.StatusNotFound, path)
	}
	for _, path := range []string{"/report", "/portal"} {
		i.browser(desk1).is(http.StatusNotFound, path)
	}
	for _, path := range []string{"/report", "/desk/triage", "/api/v1/reports"} {
		i.browser(portal).is(http.StatusNotFound, path)
	}
	stranger.is(http.StatusOK, "/readyz")
	i.publicReadsNothingElse(dsn)

	// A report by the form is read at the desk, and its link shows its state at the public process again.
	ana := i.browser(desk1)
	ana.signIn("ana@cert.valmora.example")
	other := ana.at(desk2)
	other.is(http.StatusOK, "/desk/triage")
	live := other.stream()
	code := id.New()
	for range 2 { // sent twice, as an impatient person does
		a := stranger.do(http.MethodPost, "/report/short", "code", code, "summary", "Servers encrypted", "description", "Since this morning.", "ongoing", "yes", "tlp", "AMBER")
		if a.status != http.StatusSeeOther {
			t.Fatalf("the form: %d\n%s", a.status, a.body)
		}
	}
	live.hears("event: triage")
	i.eventually("the report at both desks", func() bool {
		return strings.Contains(ana.get("/desk/triage").body, "Servers encrypted") && strings.Contains(other.get("/desk/triage").body, "Servers encrypted")
	})
	var report intake.Report
	i.inside(func(h *app.House) {
		list, err := h.Intake.List(ctx, access.System("sample"), intake.QueueFilter{Limit: 10})
		i.must(err)
		report = list.Items[0]
	})
	stranger.is(http.StatusSeeOther, "/r/"+code)
	i.eventually("the status at the public process", func() bool {
		s := stranger.get("/r/report")
		return s.status == http.StatusOK && strings.Contains(s.body, report.Reference)
	})

	// A mail comes in by one process, is filed by another, and the letter is signed by a third, as another user.
	if code, text := i.mail("a@away.example", "By mail"); code != 250 {
		t.Fatalf("mail: %d %s", code, text)
	}
	live.hears("event: triage")
	i.inside(func(h *app.House) {
		h.Correspondence.Hold = 0
		by := access.Actor{Account: bob.ID, Name: bob.Name, Roles: []access.Role{access.Analyst}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: time.Now(), Lang: "en"}
		list, err := h.Intake.List(ctx, access.System("sample"), intake.QueueFilter{Limit: 10})
		i.must(err)
		for _, r := range list.Items {
			if r.UID != report.UID {
				_, err = h.Intake.Reply(ctx, by, r.UID, correspondence.Outgoing{Subject: "Your report", Text: "We look at it."})
				i.must(err)
			}
		}
	})
	i.eventually("a signed letter", func() bool {
		found, _ := filepath.Glob(filepath.Join(i.c.Data, "outbox", "*.eml"))
		for _, f := range found {
			if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), "BEGIN PGP SIGNATURE") {
				return true
			}
		}
		return false
	})

	// A session of the portal is nothing at the desk, by its own name or the desk's, and the other way round.
	rui := i.browser(portal)
	rui.signIn("rui@hospital.example")
	rui.is(http.StatusOK, "/portal/")
	thief := i.browser(desk1)
	thief.cookies["__Host-desk"], thief.cookies["__Host-portal"] = rui.cookies["__Host-portal"], rui.cookies["__Host-portal"]
	if a := thief.get("/desk/triage"); a.status != http.StatusSeeOther || !strings.HasPrefix(a.to, "/login") {
		t.Errorf("the portal's session at the desk: %d to %q", a.status, a.to)
	}
	thief = i.browser(portal)
	thief.cookies["__Host-portal"] = ana.cookies["__Host-desk"]
	if a := thief.get("/portal/"); a.status != http.StatusSeeOther {
		t.Errorf("the desk's session at the portal: %d", a.status)
	}

	// What ends at one desk ends at the other: a right, then a session.
	robert := i.browser(desk1)
	robert.signIn("bob@cert.valmora.example")
	watched := robert.at(desk2).stream()
	i.inside(func(h *app.House) {
		_, err := h.Accounts.RevokeRole(ctx, access.System("setup"), bob.UID, access.Analyst)
		i.must(err)
	})
	if took := watched.ends(); took > 6*time.Second {
		t.Errorf("a stream lived on for %v after its right was taken", took)
	}
	kept := map[string]string{}
	for name, value := range ana.cookies {
		kept[name] = value
	}
	if a := ana.do(http.MethodPost, "/logout"); a.status != http.StatusSeeOther {
		t.Fatalf("sign out: %d", a.status)
	}
	if took := live.ends(); took > 6*time.Second {
		t.Errorf("a stream lived on for %v after its session was ended", took)
	}
	other.cookies = kept
	if a := other.get("/desk/triage"); a.status != http.StatusSeeOther {
		t.Errorf("the ended session at the other desk: %d", a.status)
	}
	for _, p := range []*program{third, second, first, public, mail, worker, k} {
		p.stop()
	}
}
