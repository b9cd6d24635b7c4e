package playbook

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
)

// document is a text in all languages, as its file says it:
//
//	version 1
//	types intrusions fraud:phishing       a recommendation: where it applies
//	holes name due                        a template: what must be filled
//
//	[en]
//	# Title or subject
//	Text …
//
//	> Evidence that a recommendation asks for.
type document struct {
	version int
	types   []taxonomy.Code
	holes   []string
	words   map[string]words
}

type words struct{ title, text, evidence string }

func (d document) in(lang string) (string, words) {
	if w, ok := d.words[lang]; ok {
		return lang, w
	}
	return fallback, d.words[fallback]
}

var (
	codeForm = regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`)
	section  = regexp.MustCompile(`(?m)^\[([a-z]+)\]\n`)
)

// read reads the files of a folder; the file's name is the code.
func read(files fs.FS, dir string, types *taxonomy.Taxonomy) (map[string]document, error) {
	names, err := fs.Glob(files, dir+"/*.md")
	if err != nil {
		return nil, fmt.Errorf("read playbook: %w", err)
	}
	out := map[string]document{}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read playbook: %w", err)
		}
		code := strings.TrimSuffix(path.Base(name), ".md")
		if !codeForm.MatchString(code) {
			return nil, fmt.Errorf("read playbook: %s is no code", name)
		}
		d, err := parse(string(b), types)
		if err != nil {
			return nil, fmt.Errorf("read playbook: %s: %w", name, err)
		}
		if (dir == "template") != (len(d.types) == 0) {
			return nil, fmt.Errorf("read playbook: %s: types belong to recommendations, and each has some", name)
		}
		out[code] = d
	}
	return out, nil
}

// parse reads one file and checks that it is complete: a version, five languages, no heading without words, the same holes everywhere.
func parse(s string, types *taxonomy.Taxonomy) (document, error) {
	d := document{words: map[string]words{}}
	marks := section.FindAllStringSubmatchIndex(s, -1)
	if len(marks) == 0 {
		return d, fmt.Errorf("no language")
	}
	if err := d.head(s[:marks[0][0]], types); err != nil {
		return d, err
	}
	for i, m := range marks {
		end := len(s)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		lang := s[m[2]:m[3]]
		if _, twice := d.words[lang]; twice || !slices.Contains(langs, lang) {
			return d, fmt.Errorf("language %q is unknown or there twice", lang)
		}
		w, err := d.body(s[m[1]:end])
		if err != nil {
			return d, fmt.Errorf("in %s: %w", lang, err)
		}
		d.words[lang] = w
	}
	for _, lang := range langs {
		if _, ok := d.words[lang]; !ok {
			return d, fmt.Errorf("not written in %s", lang)
		}
	}
	return d, nil
}

func (d *document) head(s string, types *taxonomy.Taxonomy) error {
	for line := range strings.Lines(s) {
		word := strings.Fields(line)
		if len(word) == 0 {
			continue
		}
		switch word[0] {
		case "version":
			n, err := strconv.Atoi(strings.Join(word[1:], " "))
			if err != nil || n < 1 {
				return fmt.Errorf("the version is a number from 1")
			}
			d.version = n
		case "types":
			for _, w := range word[1:] {
				code, err := types.Parse(w)
				if err != nil {
					return fmt.Errorf("type %q: %w", w, err)
				}
				d.types = append(d.types, code)
			}
		case "holes":
			d.holes = append(d.holes, word[1:]...)
			slices.Sort(d.holes)
		default:
			return fmt.Errorf("line %q is not understood", word[0])
		}
	}
	if d.version == 0 {
		return fmt.Errorf("no version")
	}
	return nil
}

func (d *document) body(s string) (words, error) {
	var w words
	var text []string
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, " \n")
		switch {
		case strings.HasPrefix(line, "# ") && w.title == "":
			w.title = strings.TrimSpace(line[2:])
		case strings.HasPrefix(line, "> "):
			w.evidence = strings.TrimSpace(w.evidence + " " + line[2:])
		default:
			text = append(text, line)
		}
	}
	w.text = strings.TrimSpace(strings.Join(text, "\n"))
	if w.title == "" || w.text == "" {
		return w, fmt.Errorf("no title or no text")
	}
	if (w.evidence == "") != (len(d.types) == 0) {
		return w, fmt.Errorf("a recommendation asks for evidence, a template does not")
	}
	var holes []string
	for _, m := range hole.FindAllStringSubmatch(w.title+"\n"+w.text+"\n"+w.evidence, -1) {
		holes = append(holes, m[1])
	}
	slices.Sort(holes)
	if holes = slices.Compact(holes); !slices.Equal(holes, d.holes) {
		return w, fmt.Errorf("holes %v, the head says %v", holes, d.holes)
	}
	if strings.ContainsAny(hole.ReplaceAllString(w.title+w.text+w.evidence, ""), "{}<>[]`*\t\r") {
		return w, fmt.Errorf("more than paragraphs and hyphen lists")
	}
	return w, nil
}
