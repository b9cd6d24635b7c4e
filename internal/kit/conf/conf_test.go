package conf

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// load parses a command line as cli does.
func load(t *testing.T, args ...string) (Config, *Sources, error) {
	t.Helper()
	var commands struct {
		Serve struct {
			Config
		} `cmd:""`
		Version struct{} `cmd:""`
	}
	src := NewSources()
	parser, err := kong.New(&commands, kong.Resolvers(src), kong.Exit(func(int) { t.Fatal("kong left") }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(append([]string{"serve"}, args...)); err != nil {
		t.Fatal(err)
	}
	return commands.Serve.Config, src, commands.Serve.Check(src)
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tocsin.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFlagsThenEnvironmentThenFileThenDefaults(t *testing.T) {
	file := write(t, "# the team's\nTOCSIN_HTTP=127.0.0.1:1\nTOCSIN_SMTP = 127.0.0.1:2\nTOCSIN_ZONE=\"Europe/Lisbon\"\n")
	t.Setenv("TOCSIN_HTTP", "127.0.0.1:3")
	t.Setenv("TOCSIN_SMTP", "127.0.0.1:4")
	t.Setenv("TOCSIN_METRICS", "")
	c, src, err := load(t, "--http", "127.0.0.1:5", "--config", file)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range src.InForce() {
		got[s.Name] = s.Value + " from " + s.Where
	}
	for name, want := range map[string]string{
		"TOCSIN_HTTP":    "127.0.0.1:5 from flag",
		"TOCSIN_SMTP":    "127.0.0.1:4 from environment",
		"TOCSIN_ZONE":    "Europe/Lisbon from " + file + ":4",
		"TOCSIN_DATA":    "./tocsin-data from default",
		"TOCSIN_LMTP":    "off from default",
		"TOCSIN_METRICS": "off from default",
		"TOCSIN_CONFIG":  file + " from flag",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if len(got) != 35 {
		t.Errorf("%d settings: %v", len(got), got)
	}
	if c.PublicURL() != "http://127.0.0.1:5" || c.LocalMail().On() || c.Mail().Addr != "127.0.0.1:4" || c.Location().String() != "Europe/Lisbon" {
		t.Errorf("%+v", c)
	}
	if c.RootKeyFile() != "tocsin-data.rootkey" {
		t.Errorf("root key in %s", c.RootKeyFile())
	}
}

func TestFileNamedByTheEnvironment(t *testing.T) {
	t.Setenv("TOCSIN_CONFIG", write(t, "TOCSIN_DESK_HTTP=10.0.0.1:8081,https://desk.example\nTOCSIN_TRUSTED_PROXIES=10.0.0.7, fd00::/8\n"))
	c, _, err := load(t)
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Desk(); !d.On() || d.Addr != "10.0.0.1:8081" || d.URL.Host != "desk.example" {
		t.Errorf("desk %+v", d)
	}
	if p := fmt.Sprint(c.Proxies()); p != "[10.0.0.7/32 fd00::/8]" {
		t.Error(p)
	}
}

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	file := write(t, "TOCSIN_HTPP=127.0.0.1:1\njust words\nTOCSIN_DATA=/a\nTOCSIN_DATA=/b\nTOCSIN_CONFIG=/c\n")
	t.Setenv("TOCSIN_SMPT", "off")
	t.Setenv("TOCSIN_RELAY", "http://relay.example")
	_, _, err := load(t, "--config", file, "--http", "8080", "--smtp", "127.0.0.1:99999", "--url", "http://csirt.example/path",
		"--database", "postgres://tocsin:swordfish@db/tocsin", "--trusted-proxies", "ten", "--zone", "Mars/Olympus",
		"--tls-cert", "/nowhere/cert", "--root-key", "/a/key", "--lmtp", "unix:", "--metrics", "127.0.0.1:1,http://x",
		"--imap", "imaps://user:swordfish@mail.example/INBOX", "--blobs", "s3:///bucket",
		"--mail-relays", "mx", "--authserv-id", "a b", "--key-users", "no such user", "--desk-http", "off,https://desk.example/path")
	if !errs.Is(err, errs.Invalid) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		file + ":1: nobody reads \"TOCSIN_HTPP\"", file + ":2: is no line", file + ":4: TOCSIN_DATA was given before", file + ":5: a file cannot",
		"TOCSIN_SMPT (environment): nobody", "TOCSIN_RELAY (environment): must begin with smtp:// or smtps://",
		"TOCSIN_HTTP (flag): \"8080\" is no address", "TOCSIN_SMTP (flag): \"99999\"", "TOCSIN_URL (flag): must be scheme and host",
		"TOCSIN_DATABASE (flag): holds a password", "TOCSIN_TRUSTED_PROXIES (flag): \"ten\"", "TOCSIN_ZONE (flag): \"Mars/Olympus\"",
		"TOCSIN_TLS_CERT, TOCSIN_TLS_KEY: give both", "TOCSIN_TLS_CERT (flag): \"/nowhere/cert\"", "TOCSIN_ROOT_KEY (flag): lies in",
		"TOCSIN_LMTP (flag): cannot be", "TOCSIN_METRICS (flag): \"127.0.0.1:1,http://x\" is not one", "TOCSIN_IMAP (flag): a password does not belong into the address", "TOCSIN_IMAP_PASSWORD_FILE (default): names no file",
		"TOCSIN_BLOBS (flag): object stores are not built yet", "TOCSIN_MAIL_RELAYS (flag): \"mx\"", "TOCSIN_AUTHSERV_ID (flag): \"a b\" is no name",
		"TOCSIN_KEY_USERS (flag): \"no such user\": no user", "TOCSIN_DESK_HTTP (flag): must be scheme and host",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said", want)
		}
	}
	if strings.Contains(err.Error(), "swordfish") {
		t.Error("the password is in the text")
	}
	if t.Failed() {
		t.Log(err)
	}
}

// What is wrong with the way by which targets are looked at is said at the start, with what to do.
func TestTheWayToLookIsChecked(t *testing.T) {
	for _, c := range []struct{ exit, resolver, want string }{
		{"socks4://proxy.example", "", "TOCSIN_LOOK_EXIT (flag): must begin with http:// or https:// or socks5://"},
		{"socks5://:1080", "", "TOCSIN_LOOK_EXIT (flag): names no host: write socks5://HOST"},
		{"socks5://us:swordfish@proxy.example", "", "TOCSIN_LOOK_EXIT (flag): holds a password"},
		{"", "https://dns.example/dns-query", "TOCSIN_LOOK_RESOLVER (flag): is reached through TOCSIN_LOOK_EXIT: give that too"},
		{"socks5://proxy.example", "udp://dns.example", "TOCSIN_LOOK_RESOLVER (flag): must begin with https://"},
	} {
		_, _, err := load(t, "--look-exit", c.exit, "--look-resolver", c.resolver)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("%s, %s: %v", c.exit, c.resolver, err)
		}
	}
	if _, _, err := load(t, "--look-exit", "socks5://proxy.example", "--look-resolver", "https://dns.example/dns-query"); err != nil {
		t.Error(err)
	}
}

func TestOtherMistakes(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--config", "/nowhere/tocsin.conf"}, "cannot be read"},
		{[]string{"--data", " "}, "TOCSIN_DATA (flag): is empty"},
		{[]string{"--http", "off"}, "TOCSIN_HTTP (flag): is empty"},
		{[]string{"--smtp", "127.0.0.1:8080"}, "TOCSIN_HTTP and TOCSIN_SMTP share 127.0.0.1:8080"},
		{[]string{"--url", "http://csirt.example"}, "must begin with https"},
		{[]string{"--url", "csirt.example"}, "is no address"},
		{[]string{"--authserv-id", "mx.csirt.example"}, "counts only for mail that comes by LMTP"},
		{[]string{"--tls-cert", "/", "--tls-key", "/"}, "is no file"},
		{[]string{"--http", "a b:80"}, "is no host"},
	} {
		_, _, err := load(t, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.args, err, c.want)
		}
	}
	if _, _, err := load(t, "--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0"); err != nil {
		t.Errorf("two free ports: %v", err)
	}
}

func TestPasswordsNeverPrint(t *testing.T) {
	t.Setenv("TOCSIN_DATABASE", "postgres://tocsin:swordfish@db/tocsin?sslpassword=swordfish")
	t.Setenv("TOCSIN_RELAY", "smtps://swordfish@relay.example")
	c, src, err := load(t)
	if err != nil {
		t.Fatal(err)
	}
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	odd := EndpointOf("swordfish without a scheme")
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s", c, c, c, c), string(j), fmt.Sprint(src.InForce()), fmt.Sprint(odd), fmt.Sprint(EndpointOf("%zz:swordfish"))} {
		if strings.Contains(shown, "swordfish") || strings.Contains(shown, "%66") || !strings.Contains(shown, hidden) {
			t.Errorf("shown: %s", shown)
		}
	}
	if c.Database.Reveal() != os.Getenv("TOCSIN_DATABASE") || c.Database.String() != "postgres://•••@db/tocsin?•••" {
		t.Errorf("%q", c.Database.String())
	}
}

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true, "localhost:1": true, "LOCALHOST:1": true, "unix:/run/x": true,
		":8080": false, "0.0.0.0:1": false, "[::]:1": false, "192.0.2.1:1": false, "example.org:1": false, "127.0.0.1": false, "localhost.example:1": false, "": false,
	} {
		if Loopback(addr) != want {
			t.Errorf("%q: want %v", addr, want)
		}
	}
	if err := (Config{HTTP: "127.0.0.1:1", SMTP: "off"}).OnlyLoopback(); err != nil {
		t.Error(err)
	}
	err := (Config{HTTP: ":8080", SMTP: "127.0.0.1:1", DeskHTTP: "192.0.2.1:1,https://desk.example"}).OnlyLoopback()
	if err == nil || !strings.Contains(err.Error(), "TOCSIN_HTTP") || !strings.Contains(err.Error(), "TOCSIN_DESK_HTTP") || strings.Contains(err.Error(), "SMTP") {
		t.Error(err)
	}
}

func TestTheRootKeyIsNotInTheDataEvenThroughALink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "data"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	_, _, err := load(t, "--data", filepath.Join(dir, "data"), "--root-key", filepath.Join(dir, "link", "sub", "root.key"))
	if err == nil || !strings.Contains(err.Error(), "lies in the data folder") {
		t.Errorf("got %v", err)
	}
	if _, _, err := load(t, "--data", filepath.Join(dir, "data"), "--root-key", filepath.Join(dir, "..data.key")); err != nil {
		t.Error(err)
	}
}
