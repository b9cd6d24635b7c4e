package pdf

import (
	"fmt"
	"strings"
	"time"
)

// Attached is a file that lies in a document.
type Attached struct {
	Name    string // as the reader saves it
	Type    string // MIME
	Made    time.Time
	Content []byte
}

// Attach lays a file into the document.
func (d *Document) Attach(a Attached) {
	a.Name = strings.TrimSpace(strings.ReplaceAll(clean(a.Name), "\n", " "))
	d.files = append(d.files, a)
}

// attached writes the files (7.11.4) and gives what the catalogue says of them. A viewer lists them in the order of the document: their keys in the tree of
// names are numbers.
func (f *file) attached(files []Attached) string {
	if len(files) == 0 {
		return ""
	}
	var names, all []string
	for i, a := range files {
		data := f.stream(fmt.Sprintf("/Type /EmbeddedFile /Subtype /%s /Params <</Size %d /ModDate %s>> ", name(a.Type), len(a.Content), date(a.Made)), a.Content)
		spec := f.add(fmt.Sprintf("<</Type /Filespec /F %s /UF %s /AFRelationship /Supplement /EF <</F %d 0 R /UF %d 0 R>>>>", text(a.Name), text(a.Name), data, data))
		names, all = append(names, fmt.Sprintf("(%05d) %d 0 R", i, spec)), append(all, fmt.Sprintf("%d 0 R", spec))
	}
	tree := f.add(fmt.Sprintf("<</Names [%s]>>", strings.Join(names, " ")))
	return fmt.Sprintf(" /Names <</EmbeddedFiles %d 0 R>> /AF [%s] /PageMode /UseAttachments", tree, strings.Join(all, " "))
}

// name writes a name (7.3.5): what is no letter and no digit is written as its number. A name is not encrypted: what is no type of the usual form is left out.
func name(s string) string {
	const usual = "abcdefghijklmnopqrstuvwxyz0123456789/.+-"
	if s = strings.ToLower(s); s == "" || len(s) > 80 || strings.Trim(s, usual) != "" {
		s = "application/octet-stream"
	}
	var b strings.Builder
	for _, c := range []byte(s) {
		if c == '/' || c == '+' || c == '.' {
			fmt.Fprintf(&b, "#%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
