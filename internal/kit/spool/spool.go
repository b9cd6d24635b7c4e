// Package spool holds bytes on their way to disk, however many: few in memory, more in a file that has no name, under a key that is stored nowhere.
package spool

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"io"
	"os"
)

// InMemory is up to how many bytes are held without a file.
const InMemory = 64 << 10

// Body is what was written to it, from the first byte on. It may be read any number of times after Finish. The zero value is empty and ready.
type Body struct {
	Dir string // for the file [the system's]

	mem  []byte
	file *os.File
	out  *bufio.Writer
	key  cipher.Block
	size int64
	err  error // of writing the file
}

// Size gives the number of bytes.
func (b *Body) Size() int64 { return b.size }

// Open gives a reader from the first byte on.
func (b *Body) Open() io.Reader {
	if b.file == nil {
		return bytes.NewReader(b.mem)
	}
	return cipher.StreamReader{S: b.stream(), R: io.NewSectionReader(b.file, 0, b.size)}
}

// Reader gives a reader that can go back to the first byte, and nowhere else: whoever keeps a body reads it more than once.
func (b *Body) Reader() io.ReadSeeker { return &rewound{body: b, r: b.Open()} }

type rewound struct {
	body *Body
	r    io.Reader
}

func (x *rewound) Read(p []byte) (int, error) { return x.r.Read(p) }

func (x *rewound) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekStart {
		return 0, errors.New("spool: a body goes back to its start alone")
	}
	x.r = x.body.Open()
	return 0, nil
}

// Bytes gives the whole body. Up to InMemory it is no copy, and valid only until Reset.
func (b *Body) Bytes() ([]byte, error) {
	if b.file == nil {
		return b.mem, nil
	}
	all := make([]byte, b.size)
	_, err := io.ReadFull(b.Open(), all)
	return all, err
}

// stream is the key stream from its start. The key serves one body only, so a fixed counter is safe.
func (b *Body) stream() cipher.Stream { return cipher.NewCTR(b.key, make([]byte, aes.BlockSize)) }

// Write adds bytes. After an error nothing more is kept, and Finish gives it again.
func (b *Body) Write(p []byte) (int, error) {
	b.size += int64(len(p))
	if b.err != nil {
		return 0, b.err
	}
	if b.out == nil {
		if len(b.mem)+len(p) <= InMemory {
			b.mem = append(b.mem, p...)
			return len(p), nil
		}
		if b.err = b.spill(); b.err != nil {
			return 0, b.err
		}
	}
	if _, b.err = b.out.Write(p); b.err != nil {
		return 0, b.err
	}
	return len(p), nil
}

// spill moves the body to a file that has no name any more, under a key that is never stored.
func (b *Body) spill() error {
	f, err := os.CreateTemp(b.Dir, "spool-*")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return err
	}
	var key [32]byte
	_, _ = rand.Read(key[:])
	if b.key, err = aes.NewCipher(key[:]); err != nil {
		_ = f.Close()
		return err
	}
	b.file = f
	b.out = bufio.NewWriterSize(&sealed{b.stream(), f, make([]byte, 32<<10)}, 64<<10)
	_, err = b.out.Write(b.mem)
	b.mem = b.mem[:0]
	return err
}

// sealed encrypts what is written, through one buffer: cipher.StreamWriter makes one for each write.
type sealed struct {
	stream cipher.Stream
	w      io.Writer
	buf    []byte
}

func (s *sealed) Write(p []byte) (done int, err error) {
	for len(p) > 0 && err == nil {
		n := min(len(p), len(s.buf))
		s.stream.XORKeyStream(s.buf[:n], p[:n])
		n, err = s.w.Write(s.buf[:n])
		done += n
		p = p[n:]
	}
	return done, err
}

// Finish ends the writing, and gives the first error of it.
func (b *Body) Finish() error {
	if b.out != nil && b.err == nil {
		b.err = b.out.Flush()
	}
	return b.err
}

// Reset empties the body and gives its file back; its buffer is kept for the next bytes.
func (b *Body) Reset() {
	if b.file != nil {
		_ = b.file.Close()
	}
	*b = Body{Dir: b.Dir, mem: b.mem[:0]}
}
