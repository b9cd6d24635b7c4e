package page

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// sheets says of which files each style sheet is made.
func sheets() map[string][]string {
	return map[string][]string{
		"public.css": {"layers", "fonts", "tokens", "base", "marks", "form", "panel", "table", "public", "portal", "print"},
		"desk.css":   {"layers", "fonts", "tokens", "base", "marks", "form", "panel", "table", "desk", "queue", "incident", "room", "admin", "print"},
	}
}

var (
	assetURL = regexp.MustCompile(`url\("([^"]+)"\)`)
	comment  = regexp.MustCompile(`(?s)/\*.*?\*/`)
	spaces   = regexp.MustCompile(`\s*\n\s*`)
)

// sheet joins files, drops comments and indentation, and puts the real names of fonts in place.
func (s *shelf) sheet(parts []string) ([]byte, error) {
	var b strings.Builder
	for _, part := range parts {
		raw, err := fs.ReadFile(static, "static/css/"+part+".css")
		if err != nil {
			return nil, fmt.Errorf("read style sheet: %w", err)
		}
		b.Write(raw)
	}
	css := spaces.ReplaceAllString(comment.ReplaceAllString(b.String(), ""), "\n")
	var unknown error
	css = assetURL.ReplaceAllStringFunc(css, func(m string) string {
		name := assetURL.FindStringSubmatch(m)[1]
		a, ok := s.byLogical[name]
		if !ok {
			unknown = fmt.Errorf("style sheet wants the unknown file %s", name)
			return m
		}
		return `url("` + Prefix + a.name + `")`
	})
	return []byte(css), unknown
}

var (
	iconBody  = regexp.MustCompile(`(?s)<svg[^>]*>(.*)</svg>`)
	iconNames = regexp.MustCompile(`<!--.*?-->`)
)

// sprite makes one SVG file with a symbol for each icon.
func sprite() ([]byte, error) {
	files, err := fs.Glob(static, "static/icons/*.svg")
	if err != nil {
		return nil, fmt.Errorf("list icons: %w", err)
	}
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg">`)
	for _, file := range files {
		raw, err := fs.ReadFile(static, file)
		if err != nil {
			return nil, fmt.Errorf("read icon: %w", err)
		}
		m := iconBody.FindStringSubmatch(iconNames.ReplaceAllString(string(raw), ""))
		if m == nil {
			return nil, fmt.Errorf("%s is no icon", path.Base(file))
		}
		fmt.Fprintf(&b, `<symbol id="%s" viewBox="0 0 24 24">%s</symbol>`,
			strings.TrimSuffix(path.Base(file), ".svg"), spaces.ReplaceAllString(m[1], ""))
	}
	b.WriteString(`</svg>`)
	return []byte(b.String()), nil
}
