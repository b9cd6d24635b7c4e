package page

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func printer(t *testing.T, lang text.Lang) *text.Printer {
	t.Helper()
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c.For(lang)
}

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(templ.WithNonce(context.Background(), "N1"), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusSeeOther) })
	mux.HandleFunc("GET /nonce", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, templ.GetNonce(r.Context())) })
	seen := map[string]bool{}
	for _, path := range []string{"/nonce", "/nonce", "/moved", "/absent"} {
		w := httptest.NewRecorder()
		Secure(mux).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		h := w.Header()
		for _, name := range []string{"Content-Security-Policy", "Strict-Transport-Security", "Permissions-Policy"} {
			if h.Get(name) == "" {
				t.Errorf("%s lacks %s", path, name)
			}
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if path == "/nonce" {
			nonce := w.Body.String()
			if len(nonce) < 16 || seen[nonce] || !strings.Contains(h.Get("Content-Security-Policy"), "'nonce-"+nonce+"'") {
				t.Errorf("nonce %q is short, old, or not in the policy", nonce)
			}
			seen[nonce] = true
		}
	}
	if p := Policy("x"); strings.Contains(p, "unsafe") || strings.Contains(p, "http:") {
		t.Errorf("policy is open: %s", p)
	}
}

func TestAssetsAreNamedByContentAndKeptForEver(t *testing.T) {
	t.Parallel()
	assets, err := Assets()
	if err != nil {
		t.Fatal(err)
	}
	get := func(path, accept, match string) *http.Response {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept-Encoding", accept)
		r.Header.Set("If-None-Match", match)
		w := httptest.NewRecorder()
		assets.ServeHTTP(w, r)
		return w.Result()
	}
	css := Asset("desk.css")
	for accept, want := range map[string]string{"": "", "gzip, br": "gzip", "gzip, zstd": "gzip", "gzip;q=0": "", "*": ""} {
		res := get(css, accept, "")
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Encoding") != want {
			t.Errorf("%q: status %d, encoding %q, want %q", accept, res.StatusCode, res.Header.Get("Content-Encoding"), want)
		}
		if !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("not kept: %v", res.Header)
		}
	}
	if res := get(css, "", get(css, "", "").Header.Get("ETag")); res.StatusCode != http.StatusNotModified {
		t.Errorf("known asset sent again: %d", res.StatusCode)
	}
	for _, path := range []string{Prefix + "desk.css", Prefix + "../asset.go", Prefix, Asset("nothing.css")} {
		if res := get(path, "", ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, res.StatusCode)
		}
	}
	body, err := io.ReadAll(get(css, "", "").Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(body), `url("inter`) || strings.Contains(string(body), `url("http`) {
		t.Error("the sheet names files that are not ours, or not by content")
	}
}

func TestVendoredFilesAreUnchanged(t *testing.T) {
	t.Parallel()
	raw, err := fs.ReadFile(static, "static/VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(line, "|")
		if len(cells) == 7 {
			listed[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[5])
		}
	}
	for _, glob := range []string{"fonts/*.woff2", "htmx/*.js", "icons/*.svg"} {
		files, err := fs.Glob(static, "static/"+glob)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", glob, err)
		}
		for _, f := range files {
			b, err := fs.ReadFile(static, f)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(b)
			if listed[strings.TrimPrefix(f, "static/")] != hex.EncodeToString(sum[:]) {
				t.Errorf("%s is not as VENDOR.md says", f)
			}
		}
	}
}

func TestModulesAreSmall(t *testing.T) {
	t.Parallel()
	s, err := shelved()
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range s.byLogical {
		if strings.HasSuffix(name, ".js") && !strings.HasSuffix(name, ".min.js") && len(a.gzip) > 3<<10 {
			t.Errorf("%s is %d bytes compressed", name, len(a.gzip))
		}
	}
}

// An icon that is not in the sprite shows nothing, and no browser complains.
func TestIconsExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	files, err := fs.Glob(static, "static/icons/*.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		known[strings.TrimSuffix(filepath.Base(f), ".svg")] = true
	}
	literal := func(e ast.Expr) string {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil {
				return s
			}
		}
		return ""
	}
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			var name string
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				if id, ok := n.Key.(*ast.Ident); ok && id.Name == "Icon" {
					name = literal(n.Value)
				}
			case *ast.CallExpr:
				var f string
				switch x := n.Fun.(type) {
				case *ast.Ident:
					f = x.Name
				case *ast.SelectorExpr:
					f = x.Sel.Name
				}
				if len(n.Args) == 1 && (f == "Icon" || f == "IconLarge") {
					name = literal(n.Args[0])
				}
				if len(n.Args) == 2 && f == "Callout" {
					name = literal(n.Args[1])
				}
			}
			if name != "" && !known[name] {
				t.Errorf("%s: no icon %q", path, name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		entryIcon("report"), entryIcon("mail_in"), entryIcon("mail_out"), entryIcon("note"), entryIcon("attack"), entryIcon("found"), entryIcon("measure"), entryIcon("request"), entryIcon("file"), entryIcon("change"),
		observableIcon("address"), observableIcon("hash"), observableIcon("mail"), observableIcon("host"), observableIcon("file"), observableIcon("x"), stepIcon("yes"), stepIcon("late"), stepIcon("declined"),
	} {
		if !known[name] {
			t.Errorf("no icon %q", name)
		}
	}
}

func TestHXCarriesTheNonce(t *testing.T) {
	t.Parallel()
	ctx := templ.WithNonce(context.Background(), "N1")
	got := map[string]any{}
	for _, a := range Region(ctx, "/desk/list", "triage") {
		got[a.Key] = a.Value
	}
	if got["hx-nonce"] != "N1" || got["hx-get"] != "/desk/list" || got["hx-trigger"] != "triage from:#live" || got["hx-swap"] != "innerMorph" {
		t.Errorf("attributes are %v", got)
	}
}

func TestValuesInTextsAreNeverMarkup(t *testing.T) {
	t.Parallel()
	p := printer(t, text.EN)
	for name, html := range map[string]string{
		"rich value":  render(t, Rich(p, "error.reference", "reference", "<b>x</b>")),
		"mono":        render(t, Rich(p, "error.reference", "reference", Mono("<b>x</b>"))),
		"chip":        render(t, Chip(ChipView{Text: "<b>x</b>", Href: "javascript:alert(1)"})),
		"prose":       render(t, Prose("<b>x</b>\n\n<script>1</script>")),
		"button":      render(t, Button(ButtonView{Text: "<b>x</b>", Href: "javascript:alert(1)"})),
		"file":        render(t, Files(p, []FileView{{Name: "<b>x</b>.zip", Href: "javascript:alert(1)"}})),
		"observables": render(t, Observables([]ObservableView{{Kind: "url", Value: "<b>x</b>", Href: "data:text/html,x"}})),
	} {
		if strings.Contains(html, "<b>") || strings.Contains(html, "<script") || strings.Contains(html, `"javascript:`) || strings.Contains(html, `"data:`) {
			t.Errorf("%s: %s", name, html)
		}
	}
}

func TestAClockTellsItsStateInWordsAndColour(t *testing.T) {
	t.Parallel()
	p := printer(t, text.EN)
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	due := start.Add(10 * time.Hour)
	for _, tt := range []struct {
		after       time.Duration
		state, says string
	}{
		{0, "calm", "10\u00a0h\u00a000\u00a0min"},
		{7 * time.Hour, "calm", "3\u00a0h\u00a000\u00a0min"},
		{7*time.Hour + 30*time.Minute, "warn", "2\u00a0h\u00a030\u00a0min"},
		{9*time.Hour + 1*time.Minute, "crit", "59\u00a0min"},
		{10*time.Hour + 40*time.Minute, "crit", "40\u00a0min late"},
	} {
		c := ClockView{Start: start, Due: due, Now: start.Add(tt.after)}
		if c.state() != tt.state || c.words(p) != tt.says {
			t.Errorf("after %v: %s, %q", tt.after, c.state(), c.words(p))
		}
		if html := render(t, Clock(p, c)); !strings.Contains(html, "Due 21 November 2026, 22:00 (UTC)") {
			t.Errorf("no full stamp in %s", html)
		}
	}
	if (ClockView{Start: due, Due: start, Now: start}).gone() != 1 {
		t.Error("a clock without length has not run out")
	}
}

func TestMarksCarryTheirFullName(t *testing.T) {
	t.Parallel()
	p := printer(t, text.PT)
	for want, html := range map[string]string{
		"TLP:AMBER+STRICT":  render(t, TLPShort("AMBER+STRICT")),
		"tlp-red":           render(t, TLP("whatever")),
		"Nacional, Crítica": render(t, Severity(p, SeverityView{Level: "critical", National: true})),
		"Sem classificação": render(t, Severity(p, SeverityView{})),
		">ÁD<":              render(t, Avatar(p, Person{Name: "ágata de Duarte"})),
		"Ninguém":           render(t, Avatar(p, Person{})),
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %q in %s", want, html)
		}
	}
	for level, n := range map[string]int{"low": 1, "medium": 2, "high": 3, "critical": 4, "": 0} {
		if got := strings.Count(render(t, Severity(p, SeverityView{Level: level})), "bar-on"); got != n {
			t.Errorf("%q shows %d bars", level, got)
		}
	}
}

func TestAFieldTellsHintThenError(t *testing.T) {
	t.Parallel()
	p := printer(t, text.EN)
	html := render(t, Field(p, FieldView{ID: "x", Name: "x", Label: "When", Hint: "Local time", Error: "Enter the time", Value: `"><script>`}))
	for _, want := range []string{`aria-describedby="x-hint x-error"`, `aria-invalid`, "Enter the time", "Error:", `for="x"`} {
		if !strings.Contains(html, want) {
			t.Errorf("no %q in %s", want, html)
		}
	}
	if strings.Contains(html, "<script>") || strings.Index(html, "x-hint\"") > strings.Index(html, "x-error\"") {
		t.Errorf("order or escaping is wrong: %s", html)
	}
	if html := render(t, ErrorSummary(p, nil)); html != "" {
		t.Errorf("a summary of no problems: %s", html)
	}
}

func TestEveryRefusalHasAPage(t *testing.T) {
	t.Parallel()
	for _, lang := range text.Langs() {
		p := printer(t, lang)
		for _, k := range []errs.Kind{errs.Internal, errs.Invalid, errs.Unauthenticated, errs.Forbidden, errs.NotFound, errs.Conflict, errs.Limit, errs.Unavailable} {
			html := render(t, Error(NewError(PublicView{Frame: Frame{P: p, Site: Site{Name: "CERT.EX"}, Path: "/x?q=1"}}, k, "", "7K2P")))
			if strings.Contains(html, "⟦") || !strings.Contains(html, "7K2P") || !strings.Contains(html, `lang="`+string(lang)+`"`) || !strings.Contains(html, "/x?lang=de&amp;q=1") {
				t.Errorf("%s in %s is not whole", k, lang)
			}
			if strings.Contains(html, "<script") || strings.Contains(html, "style=") {
				t.Errorf("%s in %s has a script or a style", k, lang)
			}
		}
	}
}

// Rule K8: a page that panics over somebody's words shows a reference, and neither the page nor the process log has the words.
func TestAPageThatPanicsTellsNoWords(t *testing.T) {
	t.Parallel()
	catalogue, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := &Surface{
		Name: "test", Clock: clock.System(), Text: catalogue, Zone: time.UTC, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Routes: []Route{{Pattern: "GET /breaks", Need: Open, Serve: func(v *Visit) error { panic("over " + v.R.URL.Query().Get("q")) }}},
		Fail: func(v *Visit, kind errs.Kind, said, reference string) error {
			return v.ShowStatus(kind.HTTP(), Error(NewError(PublicView{Frame: Frame{P: v.P, Site: Site{Name: "CERT.EX"}, Path: "/breaks"}}, kind, said, reference)))
		},
	}
	mux, err := s.Mux()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	Secure(mux).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/breaks?q=canary", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String()+log.String(), "canary") {
		t.Errorf("%d: %s\n%s", w.Code, w.Body, log.String())
	}
	reference := regexp.MustCompile(`reference=(\w+)`).FindStringSubmatch(log.String())
	if reference == nil || !strings.Contains(w.Body.String(), reference[1]) || !strings.Contains(log.String(), "page_test.go:") {
		t.Errorf("the page and the log have no reference in common, or the log no place: %s", log.String())
	}
}

func TestAPageThatCannotBeRenderedIsAnError(t *testing.T) {
	t.Parallel()
	broken := templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return io.ErrUnexpectedEOF
	})
	w := httptest.NewRecorder()
	if err := Write(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, broken); err == nil || w.Body.Len() > 0 {
		t.Errorf("half a page was sent: %v, %q", err, w.Body.String())
	}
}

// "Fill this in" on top of a page helps nobody: the summary names the field and leads to it. What a page says itself stays as it is.
func TestTheSummaryNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	p := printer(t, text.EN)
	required := ProblemOf(p, "why", errs.Field{Name: "why", Key: "error.required"})
	own := Problem{Field: "when", Text: "Enter the time, for example 09:30"}
	form := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		for _, c := range []templ.Component{
			ErrorSummary(p, []Problem{required, own}),
			Field(p, FieldView{ID: "why", Name: "why", Label: "Reason", Error: required.Text}),
			Field(p, FieldView{ID: "when", Name: "when", Label: "Time", Error: own.Text}),
		} {
			if err := c.Render(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
	w := httptest.NewRecorder()
	if err := Write(w, httptest.NewRequest(http.MethodPost, "/x", nil), http.StatusUnprocessableEntity, form); err != nil {
		t.Fatal(err)
	}
	html := w.Body.String()
	for _, want := range []string{`<a href="#why">Reason: Fill this in.</a>`, `<a href="#when">Enter the time, for example 09:30</a>`} {
		if !strings.Contains(html, want) {
			t.Errorf("no %q in %s", want, html)
		}
	}
	if strings.Count(html, `class="problems"`) != 1 {
		t.Errorf("the page is written twice: %s", html)
	}
}

// pagetest changes the light under an open page: it may, as long as the light is the style sheet's alone.
func TestNoScriptAsksForTheLight(t *testing.T) {
	scripts, err := fs.Glob(static, "static/*/*.js")
	if err != nil || len(scripts) < 5 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, f := range scripts {
		b, err := fs.ReadFile(static, f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("matchMedia")) || bytes.Contains(b, []byte("prefers-color-scheme")) {
			t.Errorf("%s asks for the light: pagetest.Look must open the page in each", f)
		}
	}
}
