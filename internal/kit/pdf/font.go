package pdf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
)

// font is a TrueType font of which some characters are used. Its glyphs keep their numbers; the outlines of those that are not used are left out.
type font struct {
	name    string
	tables  map[string][]byte
	units   int
	glyphs  int
	loca    []int
	cmap    []segment
	used    map[rune]int
	advance []int // 1/1000 of the size
	box     [4]int
	ascent  int
	descent int
}

type segment struct {
	first, last, delta, offset int
	at                         int // of idRangeOffset in the table
}

var errFont = errors.New("the font cannot be read")

// fonts are made for each document: they note what it uses.
func fonts() (regular, bold, mono *font, err error) {
	if regular, err = readFont("Go-Regular", goregular.TTF); err != nil {
		return nil, nil, nil, err
	}
	if bold, err = readFont("Go-Bold", gobold.TTF); err != nil {
		return nil, nil, nil, err
	}
	mono, err = readFont("Go-Mono", gomono.TTF)
	return regular, bold, mono, err
}

func u16(b []byte, at int) int { return int(binary.BigEndian.Uint16(b[at:])) }
func i16(b []byte, at int) int { return int(int16(binary.BigEndian.Uint16(b[at:]))) }
func u32(b []byte, at int) int { return int(binary.BigEndian.Uint32(b[at:])) }

// readFont takes a font of ours apart (OpenType 1.9: head, hhea, hmtx, maxp, loca, glyf, cmap format 4). The bytes are part of the program: one that
// is damaged panics in a test and never here.
func readFont(name string, raw []byte) (*font, error) {
	f := &font{name: name, tables: map[string][]byte{}, used: map[rune]int{}}
	for i := range u16(raw, 4) {
		at := 12 + 16*i
		from, size := u32(raw, at+8), u32(raw, at+12)
		if from+size > len(raw) {
			return nil, errFont
		}
		f.tables[string(raw[at:at+4])] = raw[from : from+size]
	}
	head, hhea := f.tables["head"], f.tables["hhea"]
	if head == nil || hhea == nil || f.tables["glyf"] == nil {
		return nil, errFont
	}
	f.units, f.glyphs = u16(head, 18), u16(f.tables["maxp"], 4)
	for i := range f.box {
		f.box[i] = i16(head, 36+2*i) * 1000 / f.units
	}
	f.ascent, f.descent = i16(hhea, 4)*1000/f.units, i16(hhea, 6)*1000/f.units
	loca := f.tables["loca"]
	for g := range f.glyphs + 1 {
		if i16(head, 50) == 0 {
			f.loca = append(f.loca, 2*u16(loca, 2*g))
		} else {
			f.loca = append(f.loca, u32(loca, 4*g))
		}
	}
	metrics, wide := u16(hhea, 34), 0
	for g := range f.glyphs {
		if g < metrics {
			wide = u16(f.tables["hmtx"], 4*g)
		}
		f.advance = append(f.advance, wide*1000/f.units)
	}
	return f, f.readCmap()
}

func (f *font) readCmap() error {
	cmap := f.tables["cmap"]
	for i := range u16(cmap, 2) {
		at := u32(cmap, 4+8*i+4)
		if u16(cmap, 4+8*i) != 3 || u16(cmap, at) != 4 {
			continue
		}
		n := u16(cmap, at+6) / 2
		for s := range n {
			f.cmap = append(f.cmap, segment{
				last: u16(cmap, at+14+2*s), first: u16(cmap, at+16+2*n+2*s), delta: u16(cmap, at+16+4*n+2*s),
				offset: u16(cmap, at+16+6*n+2*s), at: at + 16 + 6*n + 2*s,
			})
		}
		return nil
	}
	return errFont
}

// glyph gives the number of a character's glyph and notes that it is used; 0 draws the empty box.
func (f *font) glyph(r rune) int {
	if g, ok := f.used[r]; ok {
		return g
	}
	g := 0
	for _, s := range f.cmap {
		if int(r) < s.first || int(r) > s.last {
			continue
		}
		if s.offset == 0 {
			g = (int(r) + s.delta) & 0xffff
		} else if g = u16(f.tables["cmap"], s.at+s.offset+2*(int(r)-s.first)); g != 0 {
			g = (g + s.delta) & 0xffff
		}
		break
	}
	if g >= f.glyphs {
		g = 0
	}
	f.used[r] = g
	return g
}

// width gives how wide a text is at a size.
func (f *font) width(s string, size float64) float64 {
	sum := 0
	for _, r := range s {
		sum += f.advance[f.glyph(r)]
	}
	return float64(sum) * size / 1000
}

// kept are the glyphs that are used, in order: with 0, and with what others are made of.
func (f *font) kept() []int {
	all := map[int]bool{0: true}
	var with func(g int)
	with = func(g int) {
		all[g] = true
		glyf := f.tables["glyf"][f.loca[g]:f.loca[g+1]]
		if len(glyf) < 10 || i16(glyf, 0) >= 0 {
			return
		}
		for at := 10; ; {
			flags, part := u16(glyf, at), u16(glyf, at+2)
			if !all[part] {
				with(part)
			}
			at += 6
			if flags&1 != 0 {
				at += 2
			}
			switch {
			case flags&0x8 != 0:
				at += 2
			case flags&0x40 != 0:
				at += 4
			case flags&0x80 != 0:
				at += 8
			}
			if flags&0x20 == 0 {
				return
			}
		}
	}
	for _, g := range f.used {
		with(g)
	}
	var out []int
	for g := range all {
		out = append(out, g)
	}
	slices.Sort(out)
	return out
}

// subset gives the font as a file with the outlines that are used.
func (f *font) subset() []byte {
	kept := f.kept()
	var glyf []byte
	loca := make([]byte, 0, 4*(f.glyphs+1))
	for g := range f.glyphs {
		loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
		if _, ok := slices.BinarySearch(kept, g); ok {
			glyf = append(glyf, f.tables["glyf"][f.loca[g]:f.loca[g+1]]...)
			for len(glyf)%4 != 0 {
				glyf = append(glyf, 0)
			}
		}
	}
	loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
	head := slices.Clone(f.tables["head"])
	binary.BigEndian.PutUint16(head[50:], 1) // loca in 32 bits
	binary.BigEndian.PutUint32(head[8:], 0)
	tables := map[string][]byte{"head": head, "loca": loca, "glyf": glyf}
	for _, name := range []string{"cvt ", "fpgm", "hhea", "hmtx", "maxp", "prep"} {
		if t := f.tables[name]; t != nil {
			tables[name] = t
		}
	}
	var names []string
	for name := range tables {
		names = append(names, name)
	}
	slices.Sort(names)
	n := len(names)
	power := 1
	for 2*power <= n {
		power *= 2
	}
	shift := 0
	for 1<<(shift+1) <= n {
		shift++
	}
	out := binary.BigEndian.AppendUint32(nil, 0x00010000)
	for _, v := range []int{n, 16 * power, shift, 16 * (n - power)} {
		out = binary.BigEndian.AppendUint16(out, uint16(v))
	}
	var body []byte
	for _, name := range names {
		t := tables[name]
		out = append(out, name...)
		for _, v := range []uint32{checksum(t), uint32(12 + 16*n + len(body)), uint32(len(t))} {
			out = binary.BigEndian.AppendUint32(out, v)
		}
		body = append(body, t...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	return append(out, body...)
}

func checksum(b []byte) (sum uint32) {
	for len(b) > 0 {
		var four [4]byte
		copy(four[:], b)
		sum += binary.BigEndian.Uint32(four[:])
		b = b[min(4, len(b)):]
	}
	return sum
}

// widths lists the advance of each glyph that is used (9.7.4.3).
func (f *font) widths() string {
	out := "["
	for _, g := range f.kept() {
		out += fmt.Sprintf("%d [%d] ", g, f.advance[g])
	}
	return out + "]"
}

// unicodes says which character a glyph stands for, so that text can be copied, searched and read aloud (9.10.3). What the font does not have shares one
// glyph and one meaning: the replacement character.
func (f *font) unicodes() string {
	back := map[int]rune{}
	for r, g := range f.used {
		if was, ok := back[g]; !ok || r < was {
			back[g] = r
		}
	}
	back[0] = '\ufffd'
	var glyphs []int
	for g := range back {
		glyphs = append(glyphs, g)
	}
	slices.Sort(glyphs)
	out := "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
	for part := range slices.Chunk(glyphs, 100) {
		out += fmt.Sprintf("%d beginbfchar\n", len(part))
		for _, g := range part {
			out += fmt.Sprintf("<%04X> <%s>\n", g, hex16(string(back[g])))
		}
		out += "endbfchar\n"
	}
	return out + "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"
}

// has tells whether the font can draw a text.
func (f *font) has(s string) bool {
	for _, r := range s {
		if r != '\n' && f.glyph(r) == 0 {
			return false
		}
	}
	return true
}
