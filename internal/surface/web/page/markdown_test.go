package page

import (
	"strings"
	"testing"
)

func marks(t testing.TB, src string) string {
	t.Helper()
	var b strings.Builder
	if err := Markdown(src, 3).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), `<div class="marked">`), `</div>`)
}

// Only the elements of the subset come through (W6).
func TestMarkdownWritesItsOwnElementsOnly(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"Do *this* **now**":               "<p>Do <em>this</em> <strong>now</strong></p>",
		"# First\n\n- one\n- `two`":       "<h3>First</h3><ul><li>one</li><li><code>two</code></li></ul>",
		"1. a\n2. b":                      "<ol><li>a</li><li>b</li></ol>",
		"[ours](https://cert.example/x)":  `<p><a rel="noreferrer noopener" href="https://cert.example/x">ours</a></p>`,
		"[x](javascript:alert(1))":        "<p>x</p>",
		"[x](data:text/html,1)":           "<p>x</p>",
		"![x](https://evil.example/1)":    "<p>x</p>",
		"a <script>alert(1)</script> b":   "<p>a &lt;script&gt;alert(1)&lt;/script&gt; b</p>",
		"<https://evil.example>":          "<p>https://evil.example</p>",
		"```\n<b>\n```":                   "<pre tabindex=\"0\"><code>&lt;b&gt;\n</code></pre>",
		"<div onclick=1>\n":               "<pre tabindex=\"0\"><code>&lt;div onclick=1&gt;\n</code></pre>",
		"[x](https://e.example/\"onx=1 )": `<p><a rel="noreferrer noopener" href="https://e.example/%22onx=1">x</a></p>`,
	} {
		if got := marks(t, src); got != want {
			t.Errorf("%q:\n got %s\nwant %s", src, got, want)
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{"# a\n* b\n\n> c", "[a](http://b)", "<b>", "```\nx", "![a][b]\n\n[b]: javascript:x"} {
		f.Add(s)
	}
	allowed := strings.NewReplacer("<p>", "", "</p>", "", "<em>", "", "</em>", "", "<strong>", "", "</strong>", "", "<ul>", "", "</ul>", "", "<ol>", "", "</ol>", "", "<li>", "", "</li>", "",
		"<blockquote>", "", "</blockquote>", "", "<code>", "", "</code>", "", `<pre tabindex="0">`, "", "</pre>", "", "<br>", "", "</a>", "",
		"<h3>", "", "</h3>", "", "<h4>", "", "</h4>", "", "<h5>", "", "</h5>", "", "<h6>", "", "</h6>", "",
		`<a rel="noreferrer noopener" href="http`, "", `<a rel="noreferrer noopener" href="mailto:`, "")
	f.Fuzz(func(t *testing.T, src string) {
		if rest := allowed.Replace(marks(t, src)); strings.Contains(rest, "<") {
			t.Errorf("%q gives another element: %q", src, rest)
		}
	})
}
