package desk

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Every code that can be stored has its word: a page never shows ⟦desk.odd.nul⟧.
func TestEveryCodeHasItsWord(t *testing.T) {
	t.Parallel()
	kit, domain := "../../../kit", "../../../domain"
	c := country.New()
	var sectors, roles, assets []string
	for _, o := range c.Organisations {
		sectors = append(sectors, o.Sector)
		for _, x := range o.Contacts {
			roles = append(roles, x.Role)
		}
		for _, x := range o.Assets {
			assets = append(assets, x.Kind)
		}
	}
	var measures []string
	for m := range coordination.MeasureMoves {
		measures = append(measures, string(m))
	}
	families := map[string][]string{
		"desk.odd.":             append(constants(t, kit+"/mail", "Kind"), "header_differs", "pgp_partial", "unknown_tag"),
		"desk.sender.":          append(constants(t, kit+"/mail/auth", "Reason"), "automatic"),
		"desk.signature.":       without(constants(t, kit+"/pgp", "Status"), "good"),
		"desk.unreadable.":      append(constants(t, kit+"/pgp", "Reason"), "reader", "aside"),
		"error.key.":            constants(t, kit+"/pgp", "Fault"),
		"mail.reason.":          append(without(constants(t, kit+"/mail/send", "Class"), "accepted"), "limit", "changed", "unsure", "tries", "letter", "erased"),
		"desk.similar.":         literals(t, domain+"/intake/similar.go", "same_"),
		"desk.outcome.":         incident.Outcomes,
		"desk.root_cause.":      incident.RootCauses,
		"desk.impact.":          incident.Impacts,
		"desk.cross_border.":    incident.Borders,
		"desk.reason.":          append(slices.Clone(intake.Shipped), intake.Routine),
		"desk.sign.":            intake.Signs,
		"desk.lane.odd.":        {"close", "proved", "names_ours"},
		"desk.routine.kind.":    intake.MailKinds,
		"desk.routine.place.":   {intake.PlaceKeep, intake.PlaceSpam, intake.PlaceReject},
		"desk.routine.problem.": {"internal", "invalid", "unauthenticated", "forbidden", "not_found", "conflict"},
		"common.pass_to.":       page.PassTo,
		"desk.community.":       slices.Concat(communities, c.Communities),
		"desk.sector.":          sectors,
		"desk.contact.role.":    roles,
		"desk.asset.kind.":      assets,
		"desk.ongoing.":         {"yes", "contained", "no", "unknown"},
		"desk.show.":            {"all", "mail", "note", "change", "attack"},
		"desk.incidents.show.":  {"open", "closed", "all"},
		"desk.entry.":           {"in", "out", "note", "change", "attack", "found"},
		"common.severity.":      {"low", "medium", "high", "critical"},
		"common.measure.":       measures,
	}
	for _, lang := range text.Langs() {
		p := printer(t, lang)
		for prefix, codes := range families {
			if len(codes) == 0 {
				t.Fatalf("no code of the family %s was found", prefix)
			}
			for _, code := range codes {
				if !p.Has(prefix + code) {
					t.Errorf("%s: %s%s has no text", lang, prefix, code)
				}
			}
		}
	}
}

func TestACodeOfTheTeamsOwnIsShownAsItIs(t *testing.T) {
	t.Parallel()
	p := printer(t, text.DE)
	for code, want := range map[string]string{"": "", "drinking_water": "Trinkwasser", "lighthouse_keeping": "lighthouse keeping"} {
		if got := sectorName(p, code); got != want {
			t.Errorf("%q is called %q, want %q", code, got, want)
		}
	}
}

// constants reads the values of the string constants of a type, so that one more kind without a text fails here.
func constants(t *testing.T, dir, typ string) []string {
	t.Helper()
	var out []string
	each(t, dir, func(n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return
		}
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != typ {
			return
		}
		for _, v := range spec.Values {
			if s := unquote(v); s != "" {
				out = append(out, s)
			}
		}
	})
	return out
}

// literals reads the strings of a file that begin so.
func literals(t *testing.T, file, prefix string) []string {
	t.Helper()
	var out []string
	each(t, file, func(n ast.Node) {
		if e, ok := n.(ast.Expr); ok && strings.HasPrefix(unquote(e), prefix) {
			out = append(out, unquote(e))
		}
	})
	return out
}

func unquote(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		s, _ := strconv.Unquote(lit.Value)
		return s
	}
	return ""
}

func each(t *testing.T, path string, see func(ast.Node)) {
	t.Helper()
	files := []string{path}
	if info, err := os.Stat(path); err != nil {
		t.Fatal(err)
	} else if info.IsDir() {
		files, _ = filepath.Glob(filepath.Join(path, "*.go"))
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if n != nil {
				see(n)
			}
			return true
		})
	}
}

func without(list []string, word string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == word })
}

// A refusal of a page is said in the reader's language, and says what to do.
func TestRefusalsAreSaidInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	texts, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, e := range []*errs.Error{errFormNotRead, errChooseOrganisation, errTime, errChooseHandler, errChooseIncident, errSelectReports, errSelectFewer, errChooseAct} {
		for _, l := range []text.Lang{"en", "pt", "fr", "nl", "de"} {
			s := page.Say(texts.For(l), e)
			if said[s] || strings.Contains(s, "⟦") || !strings.HasSuffix(s, ".") {
				t.Errorf("%s in %s: %q", e.Key, l, s)
			}
			said[s] = true
		}
	}
}
