package mail

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/tocsin-csirt/tocsin/internal/kit/confine"
)

// Limits of a TNEF part ("winmail.dat").
const (
	tnefSignature = 0x223e9f78
	tnefDepth     = 5    // messages within messages
	tnefItems     = 2000 // attributes and properties of one message
	tnefFiles     = 500  // attachments of one message
	tnefParts     = 20   // such parts of one mail: each is read in a process
	tnefNested    = 100  // messages of one part, all depths together
)

// tnefMessage is what a TNEF stream holds (MS-OXTNEF).
type tnefMessage struct {
	subject, from, address string
	sent                   time.Time
	plain, html, rtf       []byte
	plainCharset           string
	htmlCharset            string
	files                  []tnefFile
	codepage               int
	reader                 *tnefReader
	cut                    bool // it ends early, or holds more than is read
}

// tnefReader knows what may still be read of one part: a few bytes of RTF unpack to many, in each of the messages in it.
type tnefReader struct{ rtf, nested int }

type tnefFile struct {
	name, long, mime, id string
	data                 []byte
	inner                *tnefMessage
}

// isTNEF tells whether a part says that it is TNEF, or is called like it or nothing in particular and begins like it.
func isTNEF(p *Part) bool {
	switch p.Type {
	case "application/ms-tnef", "application/vnd.ms-tnef":
		return true
	}
	if (p.Type != "application/octet-stream" || p.inTNEF()) && !strings.EqualFold(p.Filename, "winmail.dat") && !strings.EqualFold(p.Filename, "win.dat") {
		return false
	}
	return len(p.Bytes) >= 6 && binary.LittleEndian.Uint32(p.Bytes) == tnefSignature
}

// inTNEF tells whether a part came out of TNEF: what stayed closed there was too deep.
func (p *Part) inTNEF() bool {
	for q := p.Parent; q != nil; q = q.Parent {
		if q.tnef() {
			return true
		}
	}
	return false
}

// tnef reads what is in a winmail.dat as if it had come as MIME: the part gets one child, a multipart/mixed of the body and the attachments.
func (b *builder) tnef(p *Part) {
	if !b.room(p) || p.Limited {
		return
	}
	if b.winmails++; b.winmails > tnefParts {
		p.Limited = true
		b.odd(p, TooLarge, "")
		return
	}
	out, err := tnefJob.Run(context.Background(), p.Bytes, int64(b.budget)+2)
	if err != nil || len(out) == 0 || out[0] != tnefWhole {
		b.odd(p, BrokenTNEF, "")
	}
	if err != nil || len(out) == 0 {
		return
	}
	made := out[1:]
	if b.budget -= len(made); b.budget < 0 {
		p.Limited = true
		b.odd(p, TooLarge, "")
		return
	}
	child := &Part{Parent: p, Depth: p.Depth + 1, source: made, End: len(made), Within: p}
	p.Parts = []*Part{child}
	b.entity(child, "text/plain")
}

// tnefJob is the work on a stranger's TNEF, in a process of its own. Out: whether all of it was read, in one byte, and a MIME entity.
var tnefJob = confine.Register("tnef", func(in []byte, out io.Writer) error {
	m, ok := (&tnefReader{rtf: maxRTF, nested: tnefNested}).message(in, tnefDepth)
	if !ok {
		return errNoTNEF
	}
	whole := byte(tnefWhole)
	if m.cut {
		whole = tnefCut
	}
	if _, err := out.Write([]byte{whole}); err != nil {
		return err
	}
	_, err := out.Write(tnefEntity(m))
	return err
})

var errNoTNEF = errors.New("no TNEF")

const (
	tnefCut   = 'c'
	tnefWhole = 'w'
)

// cursor reads little-endian numbers; what is not there reads as nothing.
type cursor struct {
	b  []byte
	ok bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.b, c.ok = nil, false
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) u8() int {
	if x := c.take(1); x != nil {
		return int(x[0])
	}
	return 0
}

func (c *cursor) u16() int {
	if x := c.take(2); x != nil {
		return int(binary.LittleEndian.Uint16(x))
	}
	return 0
}

func (c *cursor) u32() int {
	if x := c.take(4); x != nil {
		return int(binary.LittleEndian.Uint32(x))
	}
	return 0
}

// The attributes that are read (MS-OXTNEF section 2.1.3.2).
const (
	attFrom        = 0x8000
	attSubject     = 0x8004
	attDateSent    = 0x8005
	attBody        = 0x800c
	attAttachData  = 0x800f
	attAttachTitle = 0x8010
	attAttachRend  = 0x9002
	attMAPIProps   = 0x9003
	attAttachment  = 0x9005
	attOemCodepage = 0x9007
)

func (r *tnefReader) message(raw []byte, depth int) (*tnefMessage, bool) {
	c := &cursor{b: raw, ok: true}
	if c.u32() != tnefSignature || !c.ok {
		return nil, false
	}
	c.u16() // the key of the attachments: nothing refers to it here
	m := &tnefMessage{codepage: 1252, reader: r}
	for n := 0; len(c.b) > 0; n++ {
		level, id := c.u8(), c.u32()&0xffff
		data := c.take(c.u32())
		c.u16() // a sum of the bytes
		if !c.ok && data == nil || n > tnefItems {
			m.cut = true
			break
		}
		m.attribute(level, id, data, depth)
		if !c.ok {
			m.cut = true
		}
	}
	return m, true
}

func (m *tnefMessage) attribute(level, id int, data []byte, depth int) {
	switch {
	case id == attOemCodepage && len(data) >= 4:
		m.codepage = int(binary.LittleEndian.Uint32(data))
	case level == 1 && id == attSubject && m.subject == "":
		m.subject = m.text(data)
	case level == 1 && id == attFrom && m.from == "":
		m.triple(data)
	case level == 1 && id == attDateSent && len(data) >= 12:
		at := func(i int) int { return int(binary.LittleEndian.Uint16(data[i:])) }
		m.sent = time.Date(at(0), time.Month(at(2)), at(4), at(6), at(8), at(10), 0, time.UTC)
	case level == 1 && id == attBody && m.plain == nil:
		m.plain, m.plainCharset = bytes.TrimRight(data, "\x00"), charsetOfPage(m.codepage)
	case level == 1 && id == attMAPIProps:
		m.properties(data, m.property, depth)
	case level == 2 && id == attAttachRend:
		if len(m.files) >= tnefFiles {
			m.cut = true
			return
		}
		m.files = append(m.files, tnefFile{})
	case level == 2 && len(m.files) > 0:
		f := &m.files[len(m.files)-1]
		switch id {
		case attAttachTitle:
			f.name = m.text(data)
		case attAttachData:
			f.data = data
		case attAttachment:
			m.properties(data, func(id int, v tnefValue, depth int) { m.fileProperty(f, id, v, depth) }, depth)
		}
	}
}

// triple reads the sender as old programs write it: sizes, then name and "SMTP:address".
func (m *tnefMessage) triple(data []byte) {
	c := &cursor{b: data, ok: true}
	c.u16()
	c.u16()
	name, address := c.u16(), c.u16()
	n, a := c.take(name), c.take(address)
	if !c.ok {
		return
	}
	m.from = m.text(n)
	if _, addr, ok := strings.Cut(m.text(a), ":"); ok {
		m.address = addr
	}
}

// tnefValue is one value of a property.
type tnefValue struct {
	kind int
	data []byte
}

func (m *tnefMessage) text(b []byte) string {
	s, _ := decodeCharset(charsetOfPage(m.codepage), bytes.TrimRight(b, "\x00"))
	return s
}

func (m *tnefMessage) string(v tnefValue) string {
	if v.kind == 0x1f {
		return utf16Text(v.data)
	}
	return m.text(v.data)
}

func utf16Text(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return strings.TrimRight(string(utf16.Decode(u)), "\x00")
}

// properties reads a list of MAPI properties and hands the first value of each on.
func (m *tnefMessage) properties(data []byte, each func(id int, v tnefValue, depth int), depth int) {
	c := &cursor{b: data, ok: true}
	count := c.u32()
	if count > tnefItems {
		m.cut = true
		count = tnefItems
	}
	for range count {
		kind, id := c.u16(), c.u16()
		if id >= 0x8000 { // a named property: its set and its name come first
			c.take(16)
			if c.u32() == 0 {
				c.u32()
			} else {
				c.padded(c.u32())
			}
		}
		values := 1
		variable := false
		size := 0
		switch kind &^ 0x1000 {
		case 0x1e, 0x1f, 0x0d, 0x102:
			variable = true
		case 2, 3, 4, 0xa, 0xb:
			size = 4
		case 5, 6, 7, 0x14, 0x40:
			size = 8
		case 0x48:
			size = 16
		default:
			c.ok = false
		}
		if variable || kind&0x1000 != 0 {
			values = c.u32()
		}
		for i := 0; i < values && c.ok; i++ {
			n := size
			if variable {
				n = c.u32()
			}
			v := c.padded(n)
			if i == 0 && c.ok {
				each(id, tnefValue{kind &^ 0x1000, v}, depth)
			}
		}
		if !c.ok {
			m.cut = true
			return
		}
	}
}

// padded takes n bytes and what fills them up to a multiple of four.
func (c *cursor) padded(n int) []byte {
	out := c.take(n)
	if pad := -n & 3; c.ok && pad <= len(c.b) {
		c.take(pad)
	}
	return out
}

func (m *tnefMessage) property(id int, v tnefValue, _ int) {
	switch id {
	case 0x0037: // PidTagSubject
		m.subject = m.string(v)
	case 0x0c1a: // PidTagSenderName
		m.from = m.string(v)
	case 0x5d01, 0x0c1f: // PidTagSenderSmtpAddress, PidTagSenderEmailAddress
		if s := m.string(v); strings.Contains(s, "@") {
			m.address = s
		}
	case 0x0039: // PidTagClientSubmitTime: hundreds of nanoseconds since 1601
		if len(v.data) == 8 {
			if ticks := int64(binary.LittleEndian.Uint64(v.data)); ticks > 116444736000000000 && ticks < 1<<62 {
				m.sent = time.UnixMicro((ticks - 116444736000000000) / 10).UTC()
			}
		}
	case 0x1000: // PidTagBody
		m.plain, m.plainCharset = []byte(m.string(v)), "utf-8"
	case 0x1013: // PidTagHtml, PidTagBodyHtml
		if v.kind == 0x102 {
			m.html, m.htmlCharset = v.data, ""
		} else {
			m.html, m.htmlCharset = []byte(m.string(v)), "utf-8"
		}
	case 0x1009: // PidTagRtfCompressed
		if rtf, ok := unpackRTF(v.data, m.reader.rtf); ok {
			m.rtf = rtf
			m.reader.rtf = max(0, m.reader.rtf-len(rtf))
		} else {
			m.cut = true
		}
	case 0x3fde: // PidTagInternetCodepage
		if len(v.data) >= 4 && m.html != nil && m.htmlCharset == "" {
			m.htmlCharset = charsetOfPage(int(binary.LittleEndian.Uint32(v.data)))
		}
	}
}

func (m *tnefMessage) fileProperty(f *tnefFile, id int, v tnefValue, depth int) {
	switch id {
	case 0x3707, 0x3704: // PidTagAttachLongFilename, PidTagAttachFilename
		if id == 0x3707 || f.long == "" {
			f.long = m.string(v)
		}
	case 0x3001: // PidTagDisplayName
		if f.name == "" {
			f.name = m.string(v)
		}
	case 0x370e: // PidTagAttachMimeTag
		f.mime = m.string(v)
	case 0x3712: // PidTagAttachContentId
		f.id = m.string(v)
	case 0x3701: // PidTagAttachData: bytes, or an object behind the name of its interface
		f.data = v.data
		if v.kind == 0x0d && len(v.data) > 16 {
			f.data = v.data[16:]
			if m.reader.nested--; m.reader.nested < 0 {
				m.cut = true
			} else if depth > 0 {
				if inner, ok := m.reader.message(f.data, depth-1); ok {
					f.inner = inner
					m.cut = m.cut || inner.cut
				}
			}
		}
	}
}

// charsetOfPage names the charset of a Windows code page.
func charsetOfPage(n int) string {
	switch n {
	case 65001:
		return "utf-8"
	case 932:
		return "shift_jis"
	case 936:
		return "gbk"
	case 949:
		return "euc-kr"
	case 950:
		return "big5"
	case 20866:
		return "koi8-r"
	case 21866:
		return "koi8-u"
	case 20127:
		return "us-ascii"
	case 28591, 28592, 28595, 28597, 28599, 28605:
		return fmt.Sprintf("iso-8859-%d", n-28590)
	case 437, 850, 852, 855, 866:
		return fmt.Sprintf("ibm%d", n)
	}
	return fmt.Sprintf("windows-%d", n)
}
