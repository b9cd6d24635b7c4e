package text

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/i18n"
)

func catalogue(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryTextIsInFiveLanguages(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	for _, key := range c.Keys() {
		e, _ := c.Entry(key)
		for _, lang := range Langs() {
			f, ok := e[lang]
			if !ok {
				t.Errorf("%s is missing in %s", key, lang)
				continue
			}
			if f.Plural() != e[EN].Plural() {
				t.Errorf("%s: plural in one of en and %s, not in the other", key, lang)
			}
			if f.Plural() && f.One == "" {
				t.Errorf("%s in %s lacks the form \"one\"", key, lang)
			}
			if f.Plural() && f.Many == "" && (lang == PT || lang == FR) {
				t.Errorf("%s in %s lacks the form \"many\"", key, lang)
			}
		}
	}
}

// Pages never blame, beg or mumble (ui.md 7.7), and letters say plainly what is asked (ui.md 12).
func TestPagesSayNothingThatHelpsNobody(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	never := regexp.MustCompile(`(?i)\b(invalid|please|oops|sorry)\b`)
	for _, key := range c.Keys() {
		e, _ := c.Entry(key)
		for _, s := range []string{e[EN].One, e[EN].Other} {
			if word := never.FindString(s); word != "" {
				t.Errorf("%s says %q: say what is right instead", key, word)
			}
		}
	}
}

// Many a name ends with a full stop of its own ("S.A."), so no sentence ends with one.
func TestNoSentenceEndsWithAName(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	ends := regexp.MustCompile(`\{(name|organisation|party|reader|who|team|handler|reporter)\}\.`)
	for _, key := range c.Keys() {
		e, _ := c.Entry(key)
		for _, l := range Langs() {
			for _, s := range []string{e[l].One, e[l].Other} {
				if found := ends.FindString(s); found != "" {
					t.Errorf("%s in %s has %q: a name with a full stop gives two", key, l, found)
				}
			}
		}
	}
}

func TestLanguagesHaveTheSameHoles(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	for _, key := range c.Keys() {
		e, _ := c.Entry(key)
		want := i18n.Holes(e[EN].Other)
		for lang, f := range e {
			for form, s := range map[string]string{"one": f.One, "many": f.Many, "other": f.Other} {
				got := i18n.Holes(s)
				if form == "one" { // "one file" may say the number in a word
					got = merge(got, "count", want)
				}
				if s != "" && !slices.Equal(got, want) {
					t.Errorf("%s in %s (%s) has holes %v, English has %v", key, lang, form, got, want)
				}
			}
		}
	}
}

func merge(got []string, name string, want []string) []string {
	if slices.Contains(want, name) && !slices.Contains(got, name) {
		got = append(got, name)
		slices.Sort(got)
	}
	return got
}

type use struct {
	where   string
	key     string
	holes   []string
	whole   bool // the call's argument list could be read completely
	counted bool // a plural: the hole "count" is filled, whether a language uses it or not
}

func TestCallsAndCatalogueAgree(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	uses, literals := readCalls(t, "../../..")
	for _, u := range uses {
		e, ok := c.Entry(u.key)
		if !ok {
			t.Errorf("%s: unknown key %s", u.where, u.key)
			continue
		}
		want := i18n.Holes(e[EN].Other)
		if u.counted {
			want = slices.DeleteFunc(want, func(h string) bool { return h == "count" })
		}
		if u.whole && !slices.Equal(u.holes, want) {
			t.Errorf("%s: %s has holes %v, the call fills %v", u.where, u.key, want, u.holes)
		}
	}
	for _, key := range c.Keys() {
		if !used(literals, key) {
			t.Errorf("%s is used nowhere", key)
		}
	}
}

// used finds the key itself, or a literal "desk.state." to which a call adds the last word.
func used(literals map[string]bool, key string) bool {
	if literals[key] {
		return true
	}
	i := strings.LastIndexByte(key, '.')
	return literals[key[:i+1]]
}

var (
	keyLike = regexp.MustCompile(`^(public|portal|desk|mail|error|common|export|sheet)(\.[a-z0-9_]+)*\.?$`)
	methods = map[string]int{"T": 1, "N": 2, "Parts": 1, "PartsN": 2, "Rich": 2, "RichN": 3, "Add": 2} // where the holes begin
)

// readCalls reads every Go file of the module; templ files are read as the Go code that templ makes of them.
func readCalls(t *testing.T, root string) ([]use, map[string]bool) {
	t.Helper()
	var uses []use
	literals := map[string]bool{}
	fset := token.NewFileSet()
	walk := func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && keyLike.MatchString(s) {
					literals[s] = true
				}
			case *ast.KeyValueExpr:
				if id, ok := n.Key.(*ast.Ident); ok && id.Name == "Key" {
					if key, ok := literal(n.Value); ok && keyLike.MatchString(key) {
						uses = append(uses, use{where: fset.Position(n.Pos()).String(), key: key})
					}
				}
			case *ast.CallExpr:
				if u, ok := readCall(n); ok {
					u.where = fset.Position(n.Pos()).String()
					uses = append(uses, u)
				}
			}
			return true
		})
		return nil
	}
	for _, dir := range []string{"internal", "cmd"} {
		if err := filepath.WalkDir(filepath.Join(root, dir), walk); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	return uses, literals
}

func readCall(n *ast.CallExpr) (use, bool) {
	var name string
	switch f := n.Fun.(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
	case *ast.Ident:
		name = f.Name
	}
	first, ok := methods[name]
	if !ok || len(n.Args) == 0 {
		return use{}, false
	}
	at := 0
	if strings.HasPrefix(name, "Rich") || name == "Add" { // Rich(p, key, …), RichN(p, key, count, …), errs.Problems.Add(field, key, …)
		at = 1
	}
	if len(n.Args) <= at {
		return use{}, false
	}
	key, ok := literal(n.Args[at])
	if !ok || !keyLike.MatchString(key) || strings.HasSuffix(key, ".") {
		return use{}, false
	}
	u := use{key: key, whole: !n.Ellipsis.IsValid()}
	u.counted = strings.HasSuffix(name, "N")
	for i := first; i < len(n.Args); i += 2 {
		hole, ok := literal(n.Args[i])
		u.whole = u.whole && ok
		u.holes = append(u.holes, hole)
	}
	slices.Sort(u.holes)
	return u, true
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

func TestLanguagesAreNamedInThemselves(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, l := range Langs() {
		seen[Name(l)] = true
	}
	if len(seen) != len(Langs()) {
		t.Errorf("two languages share a name: %v", seen)
	}
}
