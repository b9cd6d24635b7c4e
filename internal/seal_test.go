package internal

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
)

// program reads every Go file of the program, tests apart.
func program(t *testing.T, each func(path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err == nil {
			each(filepath.ToSlash(path), file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// literals are the strings below a node, in order, with what a format puts in taken out.
func literals(n ast.Node) (out []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil {
				out = append(out, s)
			}
		}
		return true
	})
	return out
}

var (
	placeName = regexp.MustCompile(`^(\w+P|p)lace$`)
	placeForm = regexp.MustCompile(`^([a-z]+_[a-z_%s]+)\.([a-z%s]*)(:|$)`)
)

// TestEverySealedColumnIsBoundToItsRow holds rule K6: whatever is sealed under a data key is sealed for a place that names table, column and row. The
// first argument of every Seal is such a place; each place has a prefix of its own, names a table that exists, and takes the name of the row.
// That a value does not open at another place is keyring.TestAValueOfOnePurposeIsRefusedForAnother.
func TestEverySealedColumnIsBoundToItsRow(t *testing.T) {
	var tables strings.Builder
	files, err := filepath.Glob("schema/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tables.Write(b)
	}
	prefixes, places, seals := map[string]string{}, map[string]bool{}, map[string]string{}
	program(t, func(path string, file *ast.File) {
		dir := filepath.Dir(path)
		at := func(name string) string { return dir + " " + name }
		for _, d := range file.Decls {
			var n ast.Node
			name, rows := "", 0
			switch d := d.(type) {
			case *ast.FuncDecl:
				name, n = d.Name.Name, d
				for _, p := range d.Type.Params.List {
					rows += len(p.Names)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok {
						name, n, rows = v.Names[0].Name, v, 1 // one row, named in the text
					}
				}
			}
			if n == nil {
				continue
			}
			if placeName.MatchString(name) {
				for _, s := range literals(n) {
					m := placeForm.FindStringSubmatch(s)
					if m == nil {
						continue
					}
					if other := prefixes[s]; other != "" {
						t.Errorf("%s: %q is the place of %s", at(name), s, other)
					}
					if !strings.Contains(m[1], "%s") && !strings.Contains(tables.String(), "CREATE TABLE "+m[1]+" ") {
						t.Errorf("%s: there is no table %s", at(name), m[1])
					}
					prefixes[s], places[at(name)] = at(name), rows > 0
				}
			}
			ast.Inspect(n, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 2 {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || sel.Sel.Name != "Seal" {
					return true
				}
				if x, ok := sel.X.(*ast.SelectorExpr); ok && x.Sel.Name == "sender" && dir == "domain/intake" {
					return true // sealed to the key of one code, which is stored beside it: what is in another row does not open
				}
				by := ""
				switch a := call.Args[0].(type) {
				case *ast.CallExpr:
					if f, ok := a.Fun.(*ast.Ident); ok && len(a.Args) > 0 {
						by = f.Name
					}
				case *ast.Ident:
					by = a.Name
				}
				seals[path+" "+name] = at(by)
				return true
			})
		}
	})
	for where, place := range seals {
		if row, ok := places[place]; !ok || !row {
			t.Errorf("%s seals for %q, which is no place of table, column and row", where, place)
		}
	}
	if len(seals) < 15 || len(prefixes) < 14 {
		t.Errorf("%d seals, %d places: this test does not look where it should", len(seals), len(prefixes))
	}
}

// TestDerivedKeysHaveOnePurposeEach holds rule K4: no two places derive a key with the same label, and each label has a version.
func TestDerivedKeysHaveOnePurposeEach(t *testing.T) {
	of := map[string]string{}
	program(t, func(path string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Derive" || strings.HasPrefix(path, "core/coretest") {
				return true
			}
			label := strings.Join(literals(call.Args[0]), "*")
			if name, ok := call.Args[0].(*ast.Ident); ok {
				label = name.Name // a constant: app.CheckpointPurpose
			}
			if other := of[label]; other != "" && other != filepath.Dir(path) {
				t.Errorf("%s and %s derive for %q", other, path, label)
			}
			of[label] = filepath.Dir(path)
			if !strings.HasSuffix(label, "/v1") && label != "CheckpointPurpose" {
				t.Errorf("%s: %q has no version", path, label)
			}
			return true
		})
	})
	if len(of) < 8 {
		t.Errorf("only %d labels", len(of))
	}
}

// actsAs says which package may act as which system actor (rule A1): a job carries who asked for it, or one of these, whose rights are a closed list.
var actsAs = map[string][]string{
	"backup": {"app"},
	"clocks": {"app", "core/deadline", "domain/constituency", "domain/coordination", "domain/duty", "domain/registration", "domain/takedown"},
	"intake": {"app", "domain/intake", "domain/suspicion", "domain/correspondence", "surface/mailroom", "sample/fill"},
	"retain": {"domain/correspondence", "domain/intake", "domain/suspicion"},
	"sample": {"sample/fill", "sample/play", "tools/bench"},
	"sender": {"domain/correspondence", "domain/intake"},
	"setup":  {"app", "cli"},
}

// TestWhoActsForTheHouse finds every system actor that the program makes, and every actor that is made of nothing.
func TestWhoActsForTheHouse(t *testing.T) {
	found := map[string]bool{}
	program(t, func(path string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "System" || len(call.Args) != 1 {
				return true
			}
			name := strings.Join(literals(call.Args[0]), "")
			found[name] = true
			if !slices.Contains(actsAs[name], filepath.Dir(path)) {
				t.Errorf("%s acts as %q: say in this table that it may", path, name)
			}
			return true
		})
	})
	for name := range actsAs {
		if !found[name] {
			t.Errorf("nobody acts as %q", name)
		}
	}
}
