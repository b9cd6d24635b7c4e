package app

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/sys/unix"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// TestCanariesStayInside puts a word of its own into every input and looks for it where it must not be (rules L1, K7, K8, L4): the process log at its
// most talkative, the metrics, what doctor and /readyz say, temporary files, the arguments and errors of jobs, every table of the database, and the
// bytes of the database file and its log. So it does with what the house issues: tokens, links, codes, tags, cookies, factors; and with its root key.
func TestCanariesStayInside(t *testing.T) {
	temp := shortFolder(t)
	for _, engine := range pgtest.Engines(t) {
		t.Run(engine, func(t *testing.T) {
			h := newHouse(t, engine)
			t.Setenv("TMPDIR", temp)
			canaries(h, temp)
		})
	}
}

// made tells which files were made in a folder since, also those that are gone.
func made(t *testing.T, dir string) func() []string {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MOVED_TO); err != nil {
		t.Fatal(err)
	}
	return func() (names []string) {
		buf := make([]byte, 64<<10)
		for {
			n, err := unix.Read(fd, buf)
			if err != nil || n <= 0 {
				return names
			}
			for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
				size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
				names = append(names, strings.TrimRight(string(b[unix.SizeofInotifyEvent:size]), "\x00"))
				b = b[size:]
			}
		}
	}
}

func canaries(h *house, temp string) {
	t := h.t
	outside := newGnuPG(t)
	outside.run(string(h.team.Armored()), "--import")
	files := made(t, temp)
	const rui = "canaryknown@hospital.example" // a contact: in the registry in clear, in no log
	hospital, _ := h.organisation("Hospital", "en", "Rui", rui, outside.key(rui))
	ana := h.account(access.Analyst, "canarystaff@cert.valmora.example", "")
	_, token, err := h.Accounts.CreateToken(t.Context(), sample(), account.NewToken{Name: "script", Role: access.Analyst, Owner: ana.UID})
	h.must(err)
	// What is issued at the desk: an invitation, a new password, a second factor with its codes.
	secrets := []string{token.Reveal(), password} // never anywhere
	for _, secret := range h.issued() {
		secrets = append(secrets, secret.Reveal())
	}
	root, err := keyring.ReadRoot(h.Config.RootKeyFile())
	h.must(err)
	secrets = append(secrets, string(root), hex.EncodeToString(root), base64.StdEncoding.EncodeToString(root))
	h.serve()
	content := []string{}                                                                     // never in clear in the database either
	nowhere := []string{"198.51.100.77"}                                                      // from where somebody reports who says no name
	quiet := []string{rui, "canarystaff@cert.valmora.example", "canarystranger", "canarykey"} // in no log, metric or job
	word := func(name string) string {
		w := "canary" + name + strings.ToLower(unique())[:8]
		content = append(content, w)
		return w
	}

	// Mail: plain with a file, sealed, unreadable, to a wrong tag.
	h.mail("canarystranger@away.example", teamAddress, crlf("From: "+word("name")+" <canarystranger@away.example>\nTo: "+teamAddress+"\nSubject: "+word("subject")+"\nMessage-ID: <"+unique()+"@x.example>\nMIME-Version: 1.0\n"+
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n"+word("body")+"\n--b\nContent-Type: text/plain; name=\""+word("file")+".txt\"\nContent-Disposition: attachment; filename=\""+word("filename")+".txt\"\n\n"+word("attached")+"\n--b--\n"))
	h.mail("canarystranger@away.example", teamAddress, head("canarystranger@away.example", teamAddress, word("large"))+"\r\n"+strings.Repeat(word("largebody")+" and so on, to the end of the line\r\n", 40_000))
	h.mail(rui, teamAddress, outside.sealed(rui, teamAddress, word("sealedsubject"), word("sealedbody")))
	h.mail("canarystranger@away.example", strings.Replace(teamAddress, "@", "+0123456789abcdefghjkmnpqrs@", 1), head("canarystranger@away.example", teamAddress, word("tagged"))+"\r\n"+word("taggedbody")+"\r\n")
	h.mail("canarystranger@away.example", teamAddress, "\x00"+word("broken")+"\r\nContent-Type: multipart/mixed\r\n\r\n\xff\xfe"+word("brokenbody")+"\r\n")
	// Form, right and wrong; the private link, right and wrong.
	b := h.browser()
	code := id.New()
	secrets = append(secrets, code)
	b.post("/report/short", "code", code, "summary", word("form"), "description", word("formtext"), "ongoing", "no", "name", word("formname"), "email", word("formmail")+"@away.example", "phone", word("phone"), "organisation", word("formorg"), "tlp", "AMBER")
	anonymous := id.New()
	secrets = append(secrets, anonymous)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+"/report/short", strings.NewReader(values("code", anonymous, "summary", word("anonymous"), "description", word("anonymoustext"), "ongoing", "no", "tlp", "AMBER").Encode()))
	h.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-Forwarded-For", nowhere[0]) // our own proxy says where it comes from
	if a := h.browser().do(r); a.Status != http.StatusSeeOther {
		t.Fatalf("an anonymous report: %d", a.Status)
	}
	b.send("/report/short", values("summary", word("wrongform"), "email", word("wrongmail"), "tlp", word("wrongtlp")))
	b.get("/r/" + code)
	b.send("/r", values("code", word("wrongcode")))
	b.send("/r/report", values("text", word("added")))
	// Sign-in with a wrong password, then the right one; the desk; the portal.
	h.browser().send("/login", values("email", "canarystaff@cert.valmora.example", "password", word("password")))
	h.browser().send("/login", values("email", word("nobody")+"@away.example", "password", word("password")))
	desk := h.browser()
	desk.signIn("canarystaff@cert.valmora.example")
	for name, cookie := range desk.cookies {
		if strings.HasPrefix(name, "__Host-") {
			secrets = append(secrets, cookie)
		}
	}
	desk.post("/desk/phone", "name", word("caller"), "org", word("callorg"), "summary", word("call"), "description", word("said"), "email", word("callmail")+"@away.example", "tlp", "TLP:AMBER")
	at := desk.post("/desk/incidents", "title", word("title"), "summary", word("summary"), "tlp", "TLP:AMBER", "pap", "")
	desk.post(at+"/write", "kind", "note", "text", word("note"))
	desk.post(at+"/tasks", "title", word("task"))
	desk.get("/desk/search?q=" + word("search"))
	desk.get("/desk/incidents/" + word("path"))
	portal := h.person(access.Constituent, "canaryportal@hospital.example", hospital.UID)
	if a := portal.upload("/portal/reports/new", "canary.bin", strings.Repeat(word("upload")+" ", 500_000), "summary", word("uploaded"), "description", "x", "ongoing", "no", "tlp", "AMBER"); a.Status != http.StatusSeeOther {
		t.Fatalf("an upload: %d %s", a.Status, plain(a.Body))
	}
	portal.send("/portal/reports/new", values("summary", word("portal"), "description", word("portaltext"), "ongoing", "no", "tlp", "AMBER"))
	// API, right and wrong.
	for _, x := range []struct{ token, body string }{
		{token.Reveal(), `{"summary":"` + word("api") + `","description":"` + word("apitext") + `","reporter":{"name":"` + word("apiname") + `","email":"` + word("apimail") + `@away.example"}}`},
		{token.Reveal(), `{"summary":"` + word("apiwrong") + `","` + word("field") + `":1}`},
		{word("token"), `{"summary":"x"}`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+"/api/v1/reports", strings.NewReader(x.body))
		h.must(err)
		r.Header.Set("Authorization", "Bearer "+x.token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "canarykey"+unique()) // kept as it is: a name that the caller draws, no secret
		b.do(r)
	}
	h.eventually("all that was sent", func() bool {
		list, err := h.Intake.List(t.Context(), sample(), intake.QueueFilter{Limit: 50})
		h.must(err)
		return len(list.Items) >= 10
	})
	for _, receipt := range []string{h.letter(rui)} {
		tag := h.one(`report\+([0-9a-z]{26})@`, receipt)
		secrets = append(secrets, tag)
	}

	look := func(where, text string, lists ...[]string) {
		t.Helper()
		text = strings.ToLower(text)
		for _, list := range lists {
			for _, w := range list {
				if strings.Contains(text, strings.ToLower(w)) {
					t.Errorf("%s holds %q", where, w)
				}
			}
		}
	}
	for _, code := range secrets[2:] { // the bits of a code, as they are
		if raw, err := base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(code)); err == nil && len(raw) == 16 {
			secrets = append(secrets, string(raw))
		}
	}
	look("the process log", h.log.String(), secrets, content, quiet, nowhere)
	res, err := http.Get("http://" + h.Config.Metrics + "/metrics") //nolint:noctx // a test
	h.must(err)
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	h.must(err)
	if !bytes.Contains(metrics, []byte("tocsin_audit_entries")) {
		t.Errorf("these are no metrics: %.200s", metrics)
	}
	look("the metrics", string(metrics), secrets, content, quiet, nowhere)
	look("the queue", strings.Join(h.dump(context.Background(), "river_job"), "\n"), secrets, content, quiet, nowhere)
	said, err := json.Marshal([]any{h.Doctor(t.Context()), h.Ready(t.Context()), fmt.Sprintf("%v %+v %#v", h.Config, h.Config, h.Profile)})
	h.must(err)
	look("what doctor says", string(said), secrets, content, quiet, nowhere)
	spooled := false
	for _, name := range files() {
		if spooled = spooled || strings.HasPrefix(name, "spool-"); !strings.HasPrefix(name, "spool-") && !strings.HasPrefix(name, "tocsin-") {
			t.Errorf("a temporary file %q", name)
		}
	}
	if !spooled {
		t.Error("the large mail was not spooled: this test does not look where it should")
	}

	// In the database nothing stands in clear: neither what was told, nor a secret. The registry's own addresses do.
	tables := h.tableNames()
	clear := 0
	for _, n := range tables {
		rows := strings.Join(h.dump(context.Background(), n), "\n")
		look("the table "+n, rows, secrets, content, nowhere)
		clear += strings.Count(rows, rui)
	}
	if len(tables) < 40 || clear == 0 {
		t.Errorf("%d tables, the address of a contact in %d places: this test does not look where it should", len(tables), clear)
	}
	var unnamed int
	h.must(h.DB.QueryRow(t.Context(), `SELECT COUNT(*) FROM audit_entry WHERE actor = 0 AND origin = $1 AND actor_name = ''`, int64(access.ByJob)).Scan(&unnamed))
	if unnamed > 0 {
		t.Errorf("%d entries of jobs have no actor (A1)", unnamed)
	}
	if h.DB.Engine() == db.SQLite {
		found := false
		for _, f := range []string{"tocsin.db", "tocsin.db-wal"} {
			bytes, err := os.ReadFile(filepath.Join(h.Config.Data, f))
			h.must(err)
			found = found || strings.Contains(string(bytes), rui)
			look(f, string(bytes), secrets, content, nowhere)
		}
		if !found {
			t.Error("the address of a contact, which stands in clear, was not found: this test does not look where it should")
		}
	}
}

// issued are the secrets that accounts are given: an invitation, a link to a new password, a second factor and its recovery codes.
func (h *house) issued() (out []id.Secret) {
	h.t.Helper()
	ctx := h.t.Context()
	_, link, err := h.Accounts.Create(ctx, sample(), account.NewAccount{Email: "invited@cert.valmora.example", Name: "Invited", Roles: []access.Role{access.Analyst}})
	h.must(err)
	reset := h.account(access.Analyst, "reset@cert.valmora.example", "")
	again, err := h.Accounts.ResetPassword(ctx, sample(), reset.UID)
	h.must(err)
	two := h.account(access.Analyst, "two@cert.valmora.example", "")
	by := access.Actor{Account: two.ID, Name: two.Name, Roles: []access.Role{access.Analyst}, Origin: access.ByPage, Strength: access.Password, ProvedAt: time.Now(), AskedAt: time.Now(), Lang: "en"}
	drawn, err := h.Accounts.EnrolTOTP(ctx, by)
	h.must(err)
	code, err := totp.GenerateCode(drawn.Secret.Reveal(), time.Now())
	h.must(err)
	codes, err := h.Accounts.ConfirmTOTP(ctx, by, code)
	h.must(err)
	return append(codes, link, again, drawn.Secret)
}
