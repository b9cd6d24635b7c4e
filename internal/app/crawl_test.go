package app

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// control is one field of a form as a browser would send it.
type control struct {
	Name, Type, Value string
	Options           []string // of a select, radio group or check boxes
	Set               bool     // sent when nobody touches it
}

// sheet is a form of a page.
type sheet struct {
	Page, Action string
	Post, Files  bool
	Controls     []control
	Buttons      []control
}

// key names a form without the names of what it is about, so that one of each is enough.
func (s sheet) key() string {
	var names []string
	for _, c := range s.Controls {
		names = append(names, c.Name)
	}
	for _, c := range s.Buttons {
		names = append(names, "!"+c.Name+"="+c.Value)
	}
	return shapeOf(s.Action) + " " + strings.Join(names, ",")
}

var (
	inPath = regexp.MustCompile(`^([0-9a-z]{26}|[0-9A-F]{40}|INC-\d{4}-\d+|[0-9]+)$`)
	ofPage = regexp.MustCompile(`^(after|at|done|lang|undo)$`)
)

// shapeOf is an address with its ids taken out.
func shapeOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	parts := strings.Split(u.Path, "/")
	for i, p := range parts {
		if inPath.MatchString(p) {
			parts[i] = "*"
		}
	}
	var names []string
	for name, values := range u.Query() {
		if !ofPage.MatchString(name) && !inPath.MatchString(values[0]) {
			name += "=" + values[0]
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(parts, "/") + "?" + strings.Join(names, "&")
}

// formsOf reads the forms of a page.
func formsOf(page, text string) (out []sheet, links []string) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return nil, nil
	}
	attr := func(n *html.Node, name string) (string, bool) {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val, true
			}
		}
		return "", false
	}
	get := func(n *html.Node, name string) string { s, _ := attr(n, name); return s }
	has := func(n *html.Node, name string) bool { _, ok := attr(n, name); return ok }
	var inner func(n *html.Node) string
	inner = func(n *html.Node) string {
		if n.Type == html.TextNode {
			return n.Data
		}
		var b strings.Builder
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			b.WriteString(inner(c))
		}
		return b.String()
	}
	forms := map[string]int{} // by id
	owner := func(n *html.Node, now int) int {
		if i, ok := forms[get(n, "form")]; ok && has(n, "form") {
			return i
		}
		return now
	}
	var first func(n *html.Node) // forms by id, before their controls elsewhere
	var walk func(n *html.Node, now int)
	index := map[*html.Node]int{}
	first = func(n *html.Node) {
		if n.Type == html.ElementNode && n.Data == "form" {
			action := get(n, "action")
			if action == "" {
				action = page
			}
			index[n] = len(out)
			if id := get(n, "id"); id != "" {
				forms[id] = len(out)
			}
			out = append(out, sheet{Page: page, Action: action, Post: strings.EqualFold(get(n, "method"), "post"), Files: strings.Contains(get(n, "enctype"), "multipart")})
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			first(c)
		}
	}
	walk = func(n *html.Node, now int) {
		if n.Type == html.ElementNode {
			if i, ok := index[n]; ok {
				now = i
			}
			if n.Data == "a" {
				if href := get(n, "href"); strings.HasPrefix(href, "/") {
					links = append(links, href)
				}
			}
			if i := owner(n, now); i >= 0 && has(n, "name") && !has(n, "disabled") {
				c := control{Name: get(n, "name"), Type: n.Data, Value: get(n, "value"), Set: true}
				s := &out[i]
				switch n.Data {
				case "input":
					if c.Type = strings.ToLower(get(n, "type")); c.Type == "" {
						c.Type = "text"
					}
					switch c.Type {
					case "submit", "image", "button":
						s.Buttons = append(s.Buttons, c)
					case "radio", "checkbox":
						c.Set, c.Options = has(n, "checked"), []string{c.Value}
						s.Controls = append(s.Controls, c)
					default:
						s.Controls = append(s.Controls, c)
					}
				case "button":
					s.Buttons = append(s.Buttons, c)
				case "textarea":
					c.Value = inner(n)
					s.Controls = append(s.Controls, c)
				case "select":
					var options func(*html.Node)
					options = func(o *html.Node) {
						if o.Type == html.ElementNode && o.Data == "option" {
							v, ok := attr(o, "value")
							if !ok {
								v = inner(o)
							}
							if has(o, "selected") || len(c.Options) == 0 {
								c.Value = v
							}
							c.Options = append(c.Options, v)
						}
						for x := o.FirstChild; x != nil; x = x.NextSibling {
							options(x)
						}
					}
					options(n)
					s.Controls = append(s.Controls, c)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, now)
		}
	}
	first(root)
	walk(root, -1)
	return out, links
}

// filled gives what a browser sends when nobody touches the form, changed by touch.
func (s sheet) filled(button *control, touch func(control) (string, bool)) url.Values {
	v := url.Values{}
	for _, c := range s.Controls {
		if c.Type == "file" || c.Name == "website" { // a trap that people do not see
			continue
		}
		value, set := c.Value, c.Set
		if touch != nil {
			if x, ok := touch(c); ok {
				value, set = x, true
			}
		}
		if set {
			v.Add(c.Name, value)
		}
	}
	if button != nil {
		v.Add(button.Name, button.Value)
	}
	return v
}

// submit sends a form as a browser does; file is the name of one to attach where the form takes any.
func (b *browser) submit(s sheet, fields url.Values, file string) answer {
	b.h.t.Helper()
	if !s.Post {
		path, _, _ := strings.Cut(s.Action, "?")
		return b.get(path + "?" + fields.Encode())
	}
	if !s.Files {
		return b.send(s.Action, fields)
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, values := range fields {
		for _, v := range values {
			b.h.must(w.WriteField(name, v))
		}
	}
	for _, c := range s.Controls {
		if c.Type == "file" && file != "" {
			part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + c.Name + `"; filename="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "").Replace(file) + `"`}, "Content-Type": {"text/html"}})
			b.h.must(err)
			_, err = part.Write([]byte("<script>window.pwned=1</script>"))
			b.h.must(err)
		}
	}
	b.h.must(w.Close())
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodPost, b.base+s.Action, &body)
	b.h.must(err)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

// crawl visits what the links of the pages lead to, from the addresses given, with at most a few of each shape. It gives the pages by address.
func (b *browser) crawl(each int, from ...string) map[string]string {
	b.h.t.Helper()
	pages, shapes := map[string]string{}, map[string]int{}
	seen := map[string]bool{}
	for queue := from; len(queue) > 0; {
		at, _, _ := strings.Cut(queue[0], "#")
		queue = queue[1:]
		if seen[at] || shapes[shapeOf(at)] >= each || strings.HasPrefix(at, "/static/") || strings.Contains(at, "lang=") {
			continue
		}
		seen[at] = true
		a := b.get(at)
		if a.Status >= 500 && !strings.Contains(at, "/receipts/") { // a receipt waits for the key process, which these houses have not
			b.h.t.Errorf("GET %s: %d", at, a.Status)
		}
		if to := a.to(); a.Status == http.StatusSeeOther && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "/login") {
			queue = append(queue, to)
		}
		if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			continue
		}
		shapes[shapeOf(at)]++
		pages[at] = a.Body
		_, links := formsOf(at, a.Body)
		queue = append(queue, links...)
	}
	return pages
}
