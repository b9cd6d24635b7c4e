package smtpd

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

const inMemory = 64 << 10

// Body is the bytes of a message as they came, dots of transparency taken out. It may be read any number of times.
type Body struct {
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
		return 0, errors.New("smtpd: a body goes back to its start alone")
	}
	x.r = x.body.Open()
	return 0, nil
}

// Bytes gives the whole body. Up to 64 KiB it is no copy, and valid only until Accept returns.
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

func (b *Body) write(p []byte, dir string) {
	b.size += int64(len(p))
	if b.err != nil {
		return
	}
	if b.out == nil {
		if len(b.mem)+len(p) <= inMemory {
			b.mem = append(b.mem, p...)
			return
		}
		if b.err = b.spill(dir); b.err != nil {
			return
		}
	}
	_, b.err = b.out.Write(p)
}

// spill moves the body to a file that has no name any more, under a key that is never stored.
func (b *Body) spill(dir string) error {
	f, err := os.CreateTemp(dir, "smtp-*")
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
	b.out = bufio.NewWriterSize(cipher.StreamWriter{S: b.stream(), W: f}, 64<<10)
	_, err = b.out.Write(b.mem)
	b.mem = b.mem[:0]
	return err
}

func (b *Body) finish() error {
	if b.out != nil && b.err == nil {
		b.err = b.out.Flush()
	}
	return b.err
}

// reset empties the body; small buffers are kept for the next message of the session.
func (b *Body) reset() {
	if b.file != nil {
		_ = b.file.Close()
	}
	mem := b.mem[:0]
	*b = Body{mem: mem}
}
