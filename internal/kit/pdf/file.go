package pdf

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// object is what stands between "obj" and "endobj". One with a stream is the inside of its dictionary, and the bytes.
type object struct {
	body   string
	stream []byte // nil for none
}

// file is the objects of a document. Numbers begin with 1.
type file struct {
	objects []object
}

func (f *file) reserve() int {
	f.objects = append(f.objects, object{body: "null"})
	return len(f.objects)
}

func (f *file) set(n int, body string) { f.objects[n-1].body = body }

func (f *file) add(body string) int {
	n := f.reserve()
	f.set(n, body)
	return n
}

// stream adds a compressed stream.
func (f *file) stream(more string, raw []byte) int {
	var b bytes.Buffer
	z, _ := zlib.NewWriterLevel(&b, zlib.BestCompression) // a known level
	_, _ = z.Write(raw)                                   // memory
	_ = z.Close()
	n := f.add(more + "/Filter /FlateDecode ")
	f.objects[n-1].stream = b.Bytes()
	return n
}

// text is a text string in UTF-16 (7.9.2.2).
func text(s string) string { return "<FEFF" + hex16(s) + ">" }

func hex16(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, "%04X", u)
	}
	return b.String()
}

func date(t time.Time) string { return "(D:" + t.UTC().Format("20060102150405") + "Z)" }

// font writes a font with the glyphs that are used (9.7).
func (f *file) font(x *font) int {
	raw := x.subset()
	data := f.stream(fmt.Sprintf("/Length1 %d ", len(raw)), raw)
	mark := sha256.Sum256(raw)
	name := "" // a subset is named by six capitals (9.6.4)
	for _, b := range mark[:6] {
		name += string(rune('A' + b%26))
	}
	name += "+" + x.name
	about := f.add(fmt.Sprintf("<</Type /FontDescriptor /FontName /%s /Flags 4 /FontBBox [%d %d %d %d] /ItalicAngle 0 /Ascent %d /Descent %d /CapHeight %d /StemV 80 /FontFile2 %d 0 R>>",
		name, x.box[0], x.box[1], x.box[2], x.box[3], x.ascent, x.descent, x.ascent*3/4, data))
	cid := f.add(fmt.Sprintf("<</Type /Font /Subtype /CIDFontType2 /BaseFont /%s /CIDSystemInfo <</Registry (Adobe) /Ordering (Identity) /Supplement 0>> /FontDescriptor %d 0 R /W %s /DW 600 /CIDToGIDMap /Identity>>",
		name, about, x.widths()))
	back := f.stream("", []byte(x.unicodes()))
	return f.add(fmt.Sprintf("<</Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R>>", name, cid, back))
}

// ErrLarge says that a document would have more pages than anybody reads.
var ErrLarge = errors.New("the document has more than 400 pages")

// Unsigned gives the document with room for a signature of at most room bytes. Undrawn tells that it holds characters that its fonts do not have: they show
// as empty boxes.
func (d *Document) Unsigned(signer string, room int) (out Unsigned, undrawn bool, err error) {
	w, err := d.drawn(true)
	if err != nil {
		return out, false, err
	}
	raw, signature := w.file(d.head, extras{signer: signer, room: room})
	return place(raw, signature), w.boxes, nil
}

// drawn lays the document out on its pages.
func (d *Document) drawn(signed bool) (w *writer, err error) {
	w = &writer{head: d.head, root: &node{tag: "Document"}}
	if w.regular, w.bold, w.mono, err = fonts(); err != nil {
		return nil, err
	}
	w.newPage()
	for _, b := range d.blocks {
		w.block(b)
		if len(w.pages) > maxPages {
			return nil, ErrLarge
		}
	}
	if signed {
		w.root.child("Form")
	}
	w.around()
	return w, nil
}

// extras is what a file has beside its pages.
type extras struct {
	signer string
	room   int // for a signature; 0 for none
	files  []Attached
	lock   *lock // nil for a file that anybody reads
}

// file puts the objects together: catalogue, pages, structure, fonts, the field of the signature, what is attached, and what the document is. It gives where
// the object of the signature begins, too.
func (w *writer) file(h Head, x extras) ([]byte, int) {
	f := &file{}
	catalogue, tree, parents, structure := f.reserve(), f.reserve(), f.reserve(), f.reserve()
	field, signature := 0, 0
	if x.room > 0 {
		field, signature = f.reserve(), f.reserve()
	}
	resources := fmt.Sprintf("<</Font <</%s %d 0 R /%s %d 0 R /%s %d 0 R>>>>", w.regular.name, f.font(w.regular), w.bold.name, f.font(w.bold), w.mono.name, f.font(w.mono))
	var pages []int
	var kids, owners []string
	for range w.pages {
		n := f.reserve()
		pages, kids = append(pages, n), append(kids, fmt.Sprintf("%d 0 R", n))
	}
	w.root.number(f)
	for i, p := range w.pages {
		annots := ""
		if i == 0 && field != 0 {
			annots = fmt.Sprintf("/Annots [%d 0 R] ", field)
		}
		content := f.stream("", []byte(p.content.String()))
		f.set(pages[i], fmt.Sprintf("<</Type /Page /Parent %d 0 R /MediaBox [0 0 %s %s] /Resources %s /Contents %d 0 R /StructParents %d /Tabs /S %s>>",
			tree, number(wide), number(high), resources, content, i, annots))
		var marks []string
		for _, n := range p.owners {
			marks = append(marks, fmt.Sprintf("%d 0 R", n.object))
		}
		owners = append(owners, fmt.Sprintf("%d [%s]", i, strings.Join(marks, " ")))
	}
	extra, last := "", len(w.pages)
	if field != 0 {
		form := w.root.children[len(w.root.children)-1]
		owners = append(owners, fmt.Sprintf("%d %d 0 R", last, form.object))
		extra = fmt.Sprintf("<</Type /OBJR /Obj %d 0 R /Pg %d 0 R>>", field, pages[0])
		f.set(field, fmt.Sprintf("<</Type /Annot /Subtype /Widget /FT /Sig /T (Signature) /TU %s /V %d 0 R /F 132 /Rect [0 0 0 0] /P %d 0 R /StructParent %d>>", text(x.signer), signature, pages[0], last))
		f.set(signature, signatureObject(x.signer, h.Made, x.room))
		last++
	}
	w.root.write(f, structure, pages, extra)
	f.set(structure, fmt.Sprintf("<</Type /StructTreeRoot /K [%d 0 R] /ParentTree %d 0 R /ParentTreeNextKey %d>>", w.root.object, parents, last))
	f.set(parents, fmt.Sprintf("<</Nums [%s]>>", strings.Join(owners, " ")))
	f.set(tree, fmt.Sprintf("<</Type /Pages /Kids [%s] /Count %d>>", strings.Join(kids, " "), len(pages)))
	more := f.attached(x.files)
	if x.lock != nil { // revision 6 belongs to 2.0: a reader of 1.7 knows it as an extension
		more += " /Extensions <</ADBE <</BaseVersion /1.7 /ExtensionLevel 8>>>>"
	}
	if field != 0 {
		more += fmt.Sprintf(" /AcroForm <</Fields [%d 0 R] /SigFlags 3>>", field)
	}
	f.set(catalogue, fmt.Sprintf("<</Type /Catalog /Pages %d 0 R /Lang (%s) /MarkInfo <</Marked true>> /StructTreeRoot %d 0 R /ViewerPreferences <</DisplayDocTitle true>>%s>>",
		tree, h.Lang, structure, more))
	info := f.add(fmt.Sprintf("<</Title %s /Author %s /Producer (Tocsin) /CreationDate %s>>", text(h.Title), text(h.Author), date(h.Made)))
	return f.write(catalogue, info, signature, x.lock)
}

// write gives the bytes, with the table of where each object is (7.5.4), and where one of them begins.
func (f *file) write(catalogue, info, wanted int, l *lock) ([]byte, int) {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	more := ""
	if l != nil {
		for i := range f.objects {
			f.objects[i] = l.closed(i+1, f.objects[i])
		}
		more = fmt.Sprintf(" /Encrypt %d 0 R", f.add(l.dictionary()))
	}
	at := make([]int, len(f.objects))
	for i, o := range f.objects {
		at[i] = b.Len()
		if o.stream == nil {
			fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o.body)
			continue
		}
		fmt.Fprintf(&b, "%d 0 obj\n<<%s/Length %d>>\nstream\n", i+1, o.body, len(o.stream))
		b.Write(o.stream)
		b.WriteString("\nendstream\nendobj\n")
	}
	start := b.Len()
	sum := sha256.Sum256(b.Bytes())
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(f.objects)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d /Root %d 0 R /Info %d 0 R /ID [<%x> <%x>]%s>>\nstartxref\n%d\n%%%%EOF\n", len(f.objects)+1, catalogue, info, sum[:16], sum[:16], more, start)
	if wanted == 0 {
		return b.Bytes(), 0
	}
	return b.Bytes(), at[wanted-1]
}
