// Package pack opens gzip and zip that came from outside, in memory and within limits. Archives within archives stay closed.
package pack

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
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
// some of it is broken or locked.
func Open(raw []byte, l Limits) (files []File, cut bool) {
	switch {
	case bytes.HasPrefix(raw, []byte("\x1f\x8b")):
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
	case bytes.HasPrefix(raw, []byte("PK\x03\x04")):
		return unzip(raw, l)
	}
	return nil, false
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
