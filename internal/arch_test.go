package internal

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tocsin-csirt/tocsin/"

// floors says for each floor which floors it may import besides itself. What is not named here may not exist.
var floors = map[string][]string{
	"kit":     {},
	"format":  {"kit"},
	"core":    {"format", "kit"},
	"domain":  {"core", "format", "kit"},
	"surface": {"domain", "core", "format", "kit"},
	"schema":  {"kit"},
	"sample":  {"domain", "core", "format", "kit", "schema"},
	"app":     {"surface", "domain", "core", "format", "kit", "schema", "sample"},
	"cli":     {"app", "surface", "domain", "core", "format", "kit", "schema", "sample", "client"},
	"tools":   {"app", "surface", "domain", "core", "format", "kit", "schema", "sample", "client"},
	"cmd":     {"cli"},
	"client":  {},
}

// forTests are the floors that every test may import on top: a story is told on real parts.
var forTests = []string{"schema", "sample", "app", "client"}

// shelf says on which duties a duty stands.
var shelf = map[string]string{
	"constituency": "", "artefact": "", "duty": "", "playbook": "", "maturity": "",
	"correspondence": "constituency artefact",
	"intake":         "constituency artefact correspondence",
	"suspicion":      "constituency correspondence intake",
	"peers":          "constituency",
	"coordination":   "constituency correspondence playbook peers",
	"registration":   "constituency correspondence intake",
	"monitor":        "constituency artefact correspondence intake",
	"vulnerability":  "constituency artefact correspondence intake coordination",
	"takedown":       "constituency correspondence coordination",
	"incident":       "constituency artefact correspondence intake monitor coordination playbook takedown",
	"publication":    "constituency correspondence coordination vulnerability",
	"watch":          "constituency publication",
	"service":        "constituency correspondence coordination",
	"training":       "constituency correspondence coordination",
	"crisis":         "peers coordination",
	"exercise":       "crisis peers intake correspondence",
	"exchange":       "constituency artefact intake correspondence coordination monitor incident vulnerability publication peers",
	"insight": "constituency artefact duty playbook maturity correspondence intake suspicion peers coordination takedown monitor vulnerability incident " +
		"publication watch service training crisis exercise exchange",
}

// keepers says which packages alone may import a library or package (a prefix), tests apart.
var keepers = map[string]string{
	"github.com/ProtonMail/gopenpgp":     "internal/kit/pgp",
	"github.com/ProtonMail/go-crypto":    "internal/kit/pgp",
	"github.com/emersion/go-smtp":        "internal/kit/mail",
	"github.com/wneessen/go-mail":        "internal/kit/mail",
	"net/smtp":                           "internal/kit/mail internal/tools/bench", // the bench is a sender from outside
	"github.com/minio/minio-go":          "internal/kit/blob",
	"github.com/riverqueue/river":        "internal/kit/job",
	"modernc.org/sqlite":                 "internal/kit/db",
	"github.com/jackc/pgx":               "internal/kit/db internal/kit/job internal/kit/pubsub internal/core/search internal/domain/monitor internal/schema",
	"github.com/chromedp":                "internal/kit/browsertest",
	"go.yaml.in/yaml":                    "internal/format/law",
	"github.com/abadojack/whatlanggo":    "internal/kit/tongue",
	"github.com/elastic/go-seccomp-bpf":  "internal/kit/confine",
	"golang.org/x/image":                 "internal/kit/pdf internal/kit/picture",
	"software.sslmate.com/src/go-pkcs12": "internal/kit/pgp/keyd",
	"github.com/go-webauthn/webauthn":    "internal/core/account",
	"github.com/coreos/go-oidc":          "internal/kit/openid",
	"golang.org/x/oauth2":                "internal/kit/openid",
	"plugin":                             "",
	module + "internal/kit/mail/send":    "internal/domain/correspondence internal/app internal/cli",                                                                             // a way out: only behind a pass
	module + "internal/kit/pgp/keyd":     "internal/app internal/cli internal/sample internal/tools",                                                                             // the private keys: no page, no API, no duty
	module + "internal/kit/db":           "internal/kit internal/core internal/domain internal/surface internal/schema internal/sample internal/app internal/cli internal/tools", // on a surface handles only: see statements
	"database/sql":                       "internal/kit internal/core internal/domain internal/schema internal/app",
}

// roads are the ways to reach a host. Only the packages of mayReach take them, tests apart (keyd dials its own Unix socket).
var roads = map[string][]string{
	"net": {
		"Dial", "DialTimeout", "Dialer", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Resolver", "DefaultResolver", "LookupAddr",
		"LookupCNAME", "LookupHost", "LookupIP", "LookupMX", "LookupNS", "LookupPort", "LookupSRV", "LookupTXT",
	},
	"net/http":                   {"Get", "Head", "Post", "PostForm", "Client", "DefaultClient", "Transport", "DefaultTransport"},
	"net/http/httputil":          {"ReverseProxy", "NewSingleHostReverseProxy"},
	"crypto/tls":                 {"Dial", "DialWithDialer", "Dialer"},
	"golang.org/x/net/websocket": {"Dial"},
}

var mayReach = []string{"internal/kit/fetch", "internal/kit/mail", "internal/kit/blob", "internal/kit/db", "internal/kit/pgp/keyd", "internal/tools", "client"}

// vague names say nothing of what a package is for.
var vague = []string{"util", "utils", "common", "helper", "helpers", "models", "types", "misc", "base", "shared"}

// source is one Go file as the rules see it.
type source struct {
	dir      string // folder from the root, as in internal/kit/db
	file     string
	pkg      string // package clause
	test     bool
	comment  bool     // holds the package comment
	imports  []string // whole paths
	selected []string // path.Name for each name used of an imported package
	asked    []string // names of the methods of a database handle that are called with a statement
}

// statements are the methods of a database handle that take SQL. url.URL.Query takes nothing and is no offence.
var statements = []string{"Exec", "Query", "QueryRow"}

// askers are what kit/db offers for a statement beside the handle's own methods.
var askers = []string{"Query", "List", "All", "One"}

// check gives one sentence for each rule that a file or package breaks.
func check(sources []source) []string {
	var wrong []string
	commented := map[string]bool{}
	for _, s := range sources {
		commented[s.dir] = commented[s.dir] || s.comment && !s.test
	}
	for _, s := range sources {
		say := func(words string) { wrong = append(wrong, s.file+": "+words) }
		if slices.Contains(vague, s.pkg) {
			say("package " + s.pkg + " says nothing")
		}
		if !s.test && !commented[s.dir] {
			commented[s.dir] = true // once
			say("package " + s.pkg + " has no comment")
		}
		for _, imp := range s.imports {
			wrong = append(wrong, importRules(s, imp)...)
		}
		if floor, _ := place(s.dir); floor == "surface" && !s.test && !harness(s.dir) {
			for _, name := range s.asked {
				say(name + " with a statement: a surface contains no SQL, ask the duty")
			}
			for _, name := range askers {
				if slices.Contains(s.selected, module+"internal/kit/db."+name) {
					say("db." + name + " takes a statement: a surface contains no SQL, ask the duty")
				}
			}
		}
		if s.test || harness(s.dir) || within(s.dir, mayReach) {
			continue
		}
		for _, name := range s.selected {
			lib, last := name[:strings.LastIndexByte(name, '.')], name[strings.LastIndexByte(name, '.')+1:]
			if slices.Contains(roads[lib], last) {
				say(name + " reaches a host: go through kit/fetch or kit/mail")
			}
		}
	}
	return wrong
}

func importRules(s source, imp string) (wrong []string) {
	say := func(words string) { wrong = append(wrong, s.file+": "+words) }
	test := s.test || harness(s.dir)
	if !test {
		for prefix, who := range keepers {
			if (imp == prefix || strings.HasPrefix(imp, prefix+"/")) && !within(s.dir, strings.Fields(who)) {
				// a longer rule decides about what lies inside a shorter one
				if longer(imp, prefix) {
					continue
				}
				say(imp + " belongs to " + cmp.Or(who, "tests"))
			}
		}
	}
	to, ours := strings.CutPrefix(imp, module)
	if !ours {
		return wrong
	}
	fromFloor, fromPart := place(s.dir)
	toFloor, toPart := place(to)
	allowed, known := floors[fromFloor]
	switch {
	case !known:
		say("there is no floor " + fromFloor)
	case harness(to) && !test && fromFloor != "tools":
		say(imp + " belongs to tests")
	case fromFloor != toFloor && !slices.Contains(allowed, toFloor) && !(test && slices.Contains(forTests, toFloor)):
		say(fromFloor + " may not import " + toFloor + ": " + imp)
	case fromFloor == "domain" && toFloor == "domain" && fromPart != toPart && !slices.Contains(strings.Fields(shelf[fromPart]), toPart):
		say(fromPart + " does not stand on " + toPart)
	case fromFloor == "surface" && toFloor == "surface" && fromPart != toPart && toPart != "web/page" && !test:
		say("surface " + fromPart + " may not import surface " + toPart)
	}
	if _, ok := shelf[fromPart]; fromFloor == "domain" && !ok {
		say("the duty " + fromPart + " has no place on the shelf")
	}
	return wrong
}

// place splits a folder into its floor and its part of it: a duty, a surface (web/desk counts as one, web/page is for all pages).
func place(dir string) (floor, part string) {
	words := strings.Split(strings.TrimPrefix(dir, "internal/"), "/")
	floor = words[0]
	if len(words) > 1 {
		part = words[1]
	}
	if floor == "surface" && part == "web" && len(words) > 2 {
		part += "/" + words[2]
	}
	return floor, part
}

// harness tells whether the folder holds parts of tests, such as pgtest: it may do what tests may, and only tests and tools import it.
func harness(dir string) bool { return strings.HasSuffix(path.Base(dir), "test") }

func within(dir string, parents []string) bool {
	return slices.ContainsFunc(parents, func(p string) bool { return dir == p || strings.HasPrefix(dir, p+"/") })
}

func longer(imp, than string) bool {
	for prefix := range keepers {
		if len(prefix) > len(than) && (imp == prefix || strings.HasPrefix(imp, prefix+"/")) {
			return true
		}
	}
	return false
}

// read parses every Go file below the root.
func read(t *testing.T, root string) []source {
	var sources []source
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); file != root && (n == "testdata" || n == "node_modules" || n == "tools" && filepath.Dir(file) == root || strings.HasPrefix(n, ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		sources = append(sources, parse(t, filepath.ToSlash(rel), text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func parse(t *testing.T, file string, text []byte) source {
	f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	s := source{dir: path.Dir(file), file: file, pkg: f.Name.Name, test: strings.HasSuffix(file, "_test.go"), comment: f.Doc != nil}
	names := map[string]string{}
	for _, i := range f.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		s.imports = append(s.imports, p)
		name := path.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = p
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 1 {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(statements, sel.Sel.Name) {
				s.asked = append(s.asked, sel.Sel.Name)
			}
		}
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && names[x.Name] != "" {
				s.selected = append(s.selected, names[x.Name]+"."+sel.Sel.Name)
			}
		}
		return true
	})
	return s
}

func TestFloorsAndShelf(t *testing.T) {
	sources := read(t, "..")
	if len(sources) < 10 {
		t.Fatalf("only %d files were found", len(sources))
	}
	for _, w := range check(sources) {
		t.Error(w)
	}
}

// TestTheRulesCanFail shows the checker one offence against each rule, and the same kind of thing that is allowed.
func TestTheRulesCanFail(t *testing.T) {
	const head = "// Package x is a test.\npackage "
	in := func(p string) string { return "import _ \"" + module + "internal/" + p + "\"\n" }
	for _, c := range []struct{ name, file, text, want string }{
		{"upward", "internal/kit/db/a.go", head + "db\n" + in("core/access"), "kit may not import core"},
		{"upward in a test", "internal/core/access/a_test.go", head + "access\n" + in("domain/intake"), "core may not import domain"},
		{"a test on real parts", "internal/domain/intake/a_test.go", head + "intake\n" + in("app"), ""},
		{"nobody imports app", "internal/surface/api/a.go", head + "api\n" + in("app"), "surface may not import app"},
		{"nobody imports cli", "internal/app/a.go", head + "app\n" + in("cli"), "app may not import cli"},
		{"cli imports app", "internal/cli/a.go", head + "cli\n" + in("app"), ""},
		{"shelf", "internal/domain/intake/a.go", head + "intake\n" + in("domain/incident"), "intake does not stand on incident"},
		{"shelf, right way", "internal/domain/incident/a.go", head + "incident\n" + in("domain/intake"), ""},
		{"own inner package", "internal/domain/monitor/a.go", head + "monitor\n" + in("domain/monitor/parser"), ""},
		{"unknown duty", "internal/domain/chat/a.go", head + "chat\n" + in("kit/id"), "no place on the shelf"},
		{"unknown floor", "internal/basement/a.go", head + "basement\n" + in("kit/id"), "there is no floor basement"},
		{"two surfaces", "internal/surface/api/a.go", head + "api\n" + in("surface/web/desk"), "may not import surface web/desk"},
		{"two rooms of the web", "internal/surface/web/portal/a.go", head + "portal\n" + in("surface/web/desk"), "may not import surface web/desk"},
		{"the shell of all pages", "internal/surface/web/desk/a.go", head + "desk\n" + in("surface/web/page/form"), ""},
		{"two surfaces in a test", "internal/surface/api/a_test.go", head + "api\n" + in("surface/web/desk"), ""},
		{"a handle on a surface", "internal/surface/api/a.go", head + "api\n" + in("kit/db"), ""},
		{"SQL on a surface", "internal/surface/api/a.go", head + "api\nfunc f(h handle) { h.Exec(nil, `DELETE FROM object`) }\n", "Exec with a statement"},
		{"a question on a surface", "internal/surface/web/desk/a.go", head + "desk\nvar _ = x.handle().QueryRow(ctx, `SELECT 1`, 2)\n", "QueryRow with a statement"},
		{"a built query on a surface", "internal/surface/api/a.go", head + "api\n" + strings.Replace(in("kit/db"), "_ ", "", 1) + "var _ db.Query\n", "db.Query takes a statement"},
		{"a list on a surface", "internal/surface/api/a.go", head + "api\n" + strings.Replace(in("kit/db"), "_ ", "", 1) + "var _, _ = db.All(ctx, h, scan, `SELECT 1`)\n", "db.All takes a statement"},
		{"the query of an address", "internal/surface/api/a.go", head + "api\nvar _ = r.URL.Query().Get(`a`)\n", ""},
		{"SQL in a test of a surface", "internal/surface/api/a_test.go", head + "api\nvar _ = h.Query(ctx, `SELECT 1`)\n", ""},
		{"SQL on a surface, plainly", "internal/surface/api/a.go", head + "api\nimport _ \"database/sql\"\n", "database/sql belongs to"},
		{"SQL in a duty", "internal/domain/intake/a.go", head + "intake\n" + in("kit/db"), ""},
		{"a harness in the program", "internal/domain/intake/a.go", head + "intake\n" + in("kit/db/pgtest"), "pgtest belongs to tests"},
		{"a harness on real parts", "internal/core/coretest/a.go", head + "coretest\n" + in("kit/db/pgtest") + in("schema"), ""},
		{"a harness that points upward", "internal/core/coretest/a.go", head + "coretest\n" + in("domain/intake"), "core may not import domain"},
		{"a harness in a tool", "internal/tools/check/a.go", head + "main\n" + in("kit/browsertest"), ""},
		{"a harness in a test", "internal/domain/intake/a_test.go", head + "intake\n" + in("kit/db/pgtest"), ""},
		{"OpenPGP outside its package", "internal/surface/mailroom/a.go", head + "mailroom\nimport _ \"github.com/ProtonMail/gopenpgp/v3/crypto\"\n", "belongs to internal/kit/pgp"},
		{"OpenPGP inside", "internal/kit/pgp/a.go", head + "pgp\nimport _ \"github.com/ProtonMail/gopenpgp/v3/crypto\"\n", ""},
		{"a page that calls the key process", "internal/surface/web/desk/a.go", head + "desk\n" + in("kit/pgp/keyd"), "belongs to internal/app"},
		{"an API that calls the key process", "internal/surface/api/a.go", head + "api\n" + in("kit/pgp/keyd"), "belongs to internal/app"},
		{"a call out", "internal/domain/watch/a.go", head + "watch\nimport web \"net/http\"\nvar _ = web.Get\n", "net/http.Get reaches a host"},
		{"a dial", "internal/core/notify/a.go", head + "notify\nimport \"net\"\nvar _ net.Dialer\n", "net.Dialer reaches a host"},
		{"a dial where it belongs", "internal/kit/fetch/a.go", head + "fetch\nimport \"net\"\nvar _ net.Dialer\n", ""},
		{"a listener", "internal/app/a.go", head + "app\nimport \"net\"\nvar _ = net.Listen\n", ""},
		{"vague", "internal/kit/util/a.go", head + "util\n", "says nothing"},
		{"no comment", "internal/kit/id/a.go", "package id\n", "has no comment"},
		{"the client stays alone", "client/a.go", head + "client\n" + in("format/tlp"), "client may not import format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(check([]source{parse(t, c.file, []byte(c.text))}), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("want %q, got %q", c.want, got)
			}
		})
	}
}

// TestTheShelfHasNoCircle follows the table of duties itself.
func TestTheShelfHasNoCircle(t *testing.T) {
	var stands func(duty string, above []string)
	stands = func(duty string, above []string) {
		if slices.Contains(above, duty) {
			t.Fatalf("circle: %v %s", above, duty)
		}
		below, ok := shelf[duty]
		if !ok {
			t.Fatalf("%s is not on the shelf", duty)
		}
		for _, d := range strings.Fields(below) {
			stands(d, append(slices.Clone(above), duty))
		}
	}
	for duty := range shelf {
		stands(duty, nil)
	}
}
