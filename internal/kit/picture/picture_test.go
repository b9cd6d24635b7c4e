package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"
)

func painted(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.Set(i%w, i/w, color.NRGBA{uint8(i), uint8(i / w), 90, 255})
	}
	return m
}

func asPNG(m image.Image) []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return b.Bytes()
}

// What is drawn are the pixels and nothing else, at its size or smaller.
func TestPicturesAreDrawnAnew(t *testing.T) {
	var jpg, moving bytes.Buffer
	if err := errors.Join(jpeg.Encode(&jpg, painted(300, 600), nil), gif.Encode(&moving, painted(90, 60), nil)); err != nil {
		t.Fatal(err)
	}
	polyglot := append(asPNG(painted(40, 20)), "<html><script>pwned()</script>"...)
	for name, x := range map[string]struct {
		raw        []byte
		most, w, h int
	}{
		"png": {asPNG(painted(300, 200)), 0, 300, 200}, "small": {asPNG(painted(300, 200)), 100, 100, 67}, "jpeg": {jpg.Bytes(), 100, 50, 100},
		"gif": {moving.Bytes(), 0, 90, 60}, "a line": {asPNG(painted(4000, 1)), 100, 100, 1}, "polyglot": {polyglot, 0, 40, 20},
	} {
		if !Drawable(x.raw) {
			t.Errorf("%s is no picture", name)
		}
		out, err := Draw(t.Context(), x.raw, x.most)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, err := png.Decode(bytes.NewReader(out))
		if err != nil || m.Bounds().Dx() != x.w || m.Bounds().Dy() != x.h || bytes.Contains(out, []byte("script")) {
			t.Errorf("%s: %v %v", name, m, err)
		}
	}
}

// bomb is a PNG of a few bytes that says it has this size.
func bomb(w, h uint32) []byte {
	b := asPNG(painted(1, 1))
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestWhatIsNoPictureIsNotDrawn(t *testing.T) {
	var half bytes.Buffer
	if err := jpeg.Encode(&half, painted(200, 200), nil); err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{
		"svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="pwned()"/>`), "html": []byte("<!DOCTYPE html><script>pwned()</script>"), "nothing": nil,
		"hundred megapixels": bomb(10_000, 10_000), "one long line": bomb(1<<31-1, 1), "no height": bomb(10, 0), "bmp": []byte("BM\x00\x00\x00\x00"), "webp of nothing": []byte("RIFF\x00\x00\x00\x00WEBPVP8 "),
		"half a gif": []byte("GIF89a\xff\xff\xff\xff"),
	} {
		if Drawable(raw) {
			t.Errorf("%s is drawn", name)
		}
		if _, err := Draw(t.Context(), raw, 100); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Draw(t.Context(), bomb(3000, 3000), 0); !errors.Is(err, ErrNone) { // its head is well, its pixels are not there
		t.Error(err)
	}
	if _, err := Draw(t.Context(), half.Bytes()[:half.Len()/2], 0); err != nil && !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

// Who took over the process that draws says what it likes: nothing but pixels of the size that was asked for becomes a picture.
func TestWhatWasDrawnIsLookedAt(t *testing.T) {
	answer := func(w, h uint32, pixels int) []byte {
		return append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h), make([]byte, pixels)...)
	}
	if _, err := encode(answer(10, 20, 800), 20); err != nil {
		t.Error(err)
	}
	for name, drawn := range map[string][]byte{
		"nothing": nil, "no pixels": answer(10, 20, 0), "too few": answer(10, 20, 799), "too many": answer(10, 20, 801), "too large": answer(21, 1, 84), "no height": answer(10, 0, 0),
		"overflow": answer(1<<31, 1<<31, 0), "a page": []byte("<!DOCTYPE html><script>pwned()</script>"),
	} {
		if out, err := encode(drawn, 20); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %d bytes, %v", name, len(out), err)
		}
	}
}

func FuzzDraw(f *testing.F) {
	f.Add(asPNG(painted(3, 3)))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8L"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m, err := pixels(raw, 50); err != nil && !errors.Is(err, ErrNone) || err == nil && max(m.Rect.Dx(), m.Rect.Dy()) > 50 {
			t.Error(err)
		}
	})
}
