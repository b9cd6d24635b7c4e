// Package pack opens gzip and zip that came from outside, in memory, within limits and apart from the program. Archives within archives stay closed.
package pack

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/tocsin-csirt/tocsin/internal/kit/confine"
)

// Limits of one archive: files that are read, and bytes of all of them together.
type Limits struct {
	Files int
	Bytes int64
}

// File is one file of an archive. Name is as the archive says, never a path to open; gzip may have none.
type File struct {
	Name    string
	Content []byte
}

// maxEntries bounds the list of a zip.
const maxEntries = 10_000

// Open gives the files of gzip or zip, told by their first bytes. It gives none for anything else, and true when there was more than is read, or
// some of it is broken or locked. It is opened in a process of its own (kit/confine).
func Open(raw []byte, l Limits) (files []File, cut bool) {
	if !packed(raw) || l.Files <= 0 || l.Bytes <= 0 {
		return nil, packed(raw)
	}
	in := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 16+len(raw)), uint64(l.Files)), uint64(l.Bytes))
	out, err := opening.Run(context.Background(), append(in, raw...), 1+l.Bytes+int64(l.Files)*(8+maxName))
	if err != nil {
		return nil, true
	}
	return told(out, l)
}

func packed(raw []byte) bool {
	return bytes.HasPrefix(raw, []byte("\x1f\x8b")) || bytes.HasPrefix(raw, []byte("PK\x03\x04"))
}

// maxName is the longest name that the format of a zip can hold, in bytes.
const maxName = 1<<16 - 1

// opening is the work on a stranger's archive. In: the limits (8 bytes each, big endian), and the archive. Out: whether there was more, in one byte, and of
// each file the lengths of its name and its content (4 bytes each), and both.
var opening = confine.Register("archive", func(in []byte, out io.Writer) error {
	if len(in) < 16 {
		return errNone
	}
	files, cut := open(in[16:], Limits{int(binary.BigEndian.Uint64(in)), int64(binary.BigEndian.Uint64(in[8:]))})
	said := []byte{0}
	if cut {
		said[0] = 1
	}
	for _, f := range files {
		name := f.Name[:min(len(f.Name), maxName)]
		said = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(said, uint32(len(name))), uint32(len(f.Content)))
		said = append(said, name...)
		if _, err := out.Write(said); err != nil {
			return err
		}
		if _, err := out.Write(f.Content); err != nil {
			return err
		}
		said = said[:0]
	}
	_, err := out.Write(said)
	return err
})

var errNone = errors.New("no archive")

// told reads what was found in an archive, and holds it to what was asked for.
func told(out []byte, l Limits) (files []File, cut bool) {
	if len(out) == 0 {
		return nil, true
	}
	cut, out = out[0] != 0, out[1:]
	for len(out) > 0 {
		if len(out) < 8 || len(files) >= l.Files {
			return nil, true
		}
		name, content := int64(binary.BigEndian.Uint32(out)), int64(binary.BigEndian.Uint32(out[4:]))
		if out = out[8:]; name+content > int64(len(out)) || content > l.Bytes {
			return nil, true
		}
		files = append(files, File{string(out[:name]), out[name : name+content : name+content]})
		l.Bytes -= content
		out = out[name+content:]
	}
	return files, cut
}

// open opens an archive here.
func open(raw []byte, l Limits) (files []File, cut bool) {
	if bytes.HasPrefix(raw, []byte("PK\x03\x04")) {
		return unzip(raw, l)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, true
	}
	z.Multistream(false) // what some put behind is not ours to read
	content, more := read(z, l.Bytes)
	if len(content) == 0 {
		return nil, more
	}
	return []File{{z.Name, content}}, more
}

func unzip(raw []byte, l Limits) (files []File, cut bool) {
	if bytes.Count(raw, []byte("PK\x01\x02")) > maxEntries { // of each entry a reader would make a struct many times its size
		return nil, true
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil || len(z.File) > maxEntries {
		return nil, true
	}
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if len(files) >= l.Files || l.Bytes <= 0 {
			return files, true
		}
		if f.Flags&1 != 0 { // locked with a password
			cut = true
			continue
		}
		r, err := f.Open()
		if err != nil {
			cut = true
			continue
		}
		content, more := read(r, l.Bytes)
		_ = r.Close()
		l.Bytes -= int64(len(content))
		cut = cut || more
		files = append(files, File{f.Name, content})
	}
	return files, cut
}

func read(r io.Reader, most int64) (content []byte, cut bool) {
	content, err := io.ReadAll(io.LimitReader(r, most+1))
	if int64(len(content)) > most {
		return content[:most], true
	}
	return content, err != nil
}
