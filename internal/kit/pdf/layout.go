package pdf

import (
	"fmt"
	"strings"
)

// Lengths are points, 1/72 inch. A4, with 20 mm around.
const (
	wide, high   = 595.28, 841.89
	margin       = 56.7
	column       = wide - 2*margin
	bodySize     = 11.0
	lead         = 1.36 // of the size, from line to line
	top          = high - margin - 26
	bottom       = margin + 24
	headAt       = high - margin + 2
	footAt       = margin - 8
	footSize     = 9.0
	labelSize    = 12.0
	maxPages     = 400
	faintGrey    = "0.35 g"
	black        = "0 g"
	questionSize = 9.5
)

// run is some lines of one block that stand on one page: one marked content sequence.
type run struct {
	page int
	id   int // within its page
}

// page is what is drawn on one sheet.
type page struct {
	content strings.Builder
	marks   int
	owners  []*node // by the number of a mark
}

type writer struct {
	head                Head
	regular, bold, mono *font
	pages               []*page
	y                   float64
	root                *node
	list                *node
	boxes               bool // something could not be drawn
}

func (w *writer) now() *page { return w.pages[len(w.pages)-1] }

func (w *writer) newPage() {
	w.pages = append(w.pages, &page{})
	w.y = top
}

// style is how a kind of text looks.
type style struct {
	font          *font
	size          float64
	before, after float64
	grey          string
	tag           string
	indent        float64
}

func (w *writer) style(k kind) style {
	switch k {
	case title:
		return style{w.bold, 18, 0, 10, black, "H1", 0}
	case heading:
		return style{w.bold, 12.5, 14, 4, black, "H2", 0}
	case small:
		return style{w.regular, 9.5, 2, 4, faintGrey, "P", 0}
	case mono:
		return style{w.mono, 10.5, 2, 4, black, "P", 0}
	}
	return style{w.regular, bodySize, 0, 6, black, "P", 0}
}

func (w *writer) block(b block) {
	if b.kind != pair {
		w.list = nil
		s := w.style(b.kind)
		w.y -= s.before
		if b.kind == heading && w.y < bottom+4*bodySize*lead { // a heading does not end a page
			w.newPage()
		}
		w.text(w.root.child(s.tag), b.text, s)
		return
	}
	if w.list == nil {
		w.list = w.root.child("L")
	}
	item := w.list.child("LI")
	answer := style{font: w.regular, size: bodySize, after: 7, grey: black}
	if b.faint {
		answer.grey = faintGrey
	}
	if w.y < bottom+3*bodySize*lead { // a question stays with the first line of its answer
		w.newPage()
	}
	w.text(item.child("Lbl"), b.text, style{font: w.bold, size: questionSize, after: 1, grey: faintGrey})
	w.text(item.child("LBody"), b.more, answer)
}

// text draws a text and breaks it into lines and pages.
func (w *writer) text(n *node, s string, st style) {
	step := st.size * lead
	open := false
	end := func() {
		if open {
			w.now().content.WriteString("ET EMC\n")
		}
		open = false
	}
	for _, l := range w.lines(s, st) {
		if w.y-step < bottom {
			end()
			w.newPage()
		}
		w.y -= step
		if !open {
			p := w.now()
			fmt.Fprintf(&p.content, "/%s <</MCID %d>> BDC BT %s /%s %s Tf\n", n.tag, p.marks, st.grey, st.font.name, number(st.size))
			n.runs = append(n.runs, run{len(w.pages) - 1, p.marks})
			p.owners = append(p.owners, n)
			p.marks++
			open = true
		}
		w.show(margin+st.indent, w.y, l, st.font)
	}
	end()
	w.y -= st.after
}

// show writes one line at a place.
func (w *writer) show(x, y float64, s string, f *font) {
	c := &w.now().content
	drawn := f.has(s)
	if !drawn { // what shows as boxes is still read aloud and copied as it is (14.9.4)
		w.boxes = true
		fmt.Fprintf(c, "/Span <</ActualText %s>> BDC ", text(s))
	}
	fmt.Fprintf(c, "1 0 0 1 %s %s Tm <", number(x), number(y))
	for _, r := range s {
		fmt.Fprintf(c, "%04X", f.glyph(r))
	}
	c.WriteString("> Tj\n")
	if !drawn {
		c.WriteString("EMC\n")
	}
}

// lines breaks a text at spaces, and a word that is wider than the column wherever it must.
func (w *writer) lines(s string, st style) []string {
	most := column - st.indent
	var out []string
	for _, whole := range strings.Split(s, "\n") {
		line := ""
		for _, word := range strings.Split(whole, " ") {
			with := word
			if line != "" {
				with = line + " " + word
			}
			if st.font.width(with, st.size) <= most {
				line = with
				continue
			}
			if line != "" {
				out = append(out, line)
			}
			for line = word; st.font.width(line, st.size) > most; {
				n, sum := 0, 0.0
				for i, r := range line {
					if sum += st.font.width(string(r), st.size); sum > most && i > 0 {
						n = i
						break
					}
				}
				if n == 0 {
					break
				}
				out, line = append(out, line[:n]), line[n:]
			}
		}
		out = append(out, line)
	}
	return out
}

// around draws head and foot of each page: artifacts, which a screen reader passes over (14.8.2.2).
func (w *writer) around() {
	for i, p := range w.pages {
		write := func(x, y, size float64, f *font, s string) {
			fmt.Fprintf(&p.content, "/Artifact BMC BT %s /%s %s Tf 1 0 0 1 %s %s Tm <", black, f.name, number(size), number(x), number(y))
			for _, r := range s {
				fmt.Fprintf(&p.content, "%04X", f.glyph(r))
			}
			p.content.WriteString("> Tj ET EMC\n")
		}
		where := strings.NewReplacer("{page}", fmt.Sprint(i+1), "{pages}", fmt.Sprint(len(w.pages))).Replace(w.head.Page)
		write(margin, footAt, footSize, w.regular, clean(w.head.Foot))
		middle := wide/2 - w.regular.width(where, footSize)/2
		if w.regular.width(clean(w.head.Foot), footSize) > middle-margin-8 { // under a long foot
			write(margin, footAt-12, footSize, w.regular, where)
		} else {
			write(middle, footAt, footSize, w.regular, where)
		}
		if l := clean(w.head.Label); l != "" {
			x := wide - margin - w.bold.width(l, labelSize)
			write(x, headAt, labelSize, w.bold, l)
			write(x, footAt, labelSize, w.bold, l)
		}
	}
}

func number(f float64) string {
	s := strings.TrimRight(fmt.Sprintf("%.2f", f), "0")
	return strings.TrimSuffix(s, ".")
}
