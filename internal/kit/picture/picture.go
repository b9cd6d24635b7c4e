// Package picture draws foreign pictures anew: what comes out are pixels that this program wrote, whatever else stood in the file.
package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"github.com/tocsin-csirt/tocsin/internal/kit/confine"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Limits of what is drawn.
const (
	MaxPixels = 16 << 20 // of one picture: a photograph of a telephone has 12 million
	MaxBytes  = 25 << 20
	maxSide   = 1 << 15 // pixels
)

// ErrNone says that it is no picture of a kind that is drawn, that it is broken, or that it is larger than MaxPixels or MaxBytes.
var ErrNone = errs.New(errs.NotFound, "no picture that can be drawn")

// one is drawn at a time: a picture takes up to 16 bytes of memory for each of its pixels.
var one = make(chan struct{}, 1)

// drawing is the work on a stranger's bytes. In: the longest side in pixels or 0 (4 bytes, big endian), and the file. Out: width and height (4 bytes each), and
// the pixels as image.RGBA has them.
var drawing = confine.Register("picture", func(in []byte, out io.Writer) error {
	if len(in) < 4 {
		return ErrNone
	}
	m, err := pixels(in[4:], int(binary.BigEndian.Uint32(in)))
	if err != nil {
		return err
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(m.Rect.Dx())), uint32(m.Rect.Dy()))
	if _, err := out.Write(head); err != nil {
		return err
	}
	_, err = out.Write(m.Pix)
	return err
})

type kind struct {
	starts string
	config func(b []byte) (image.Config, error)
	decode func(b []byte) (image.Image, error)
}

// kinds are those that are drawn, by how they start (https://www.iana.org/assignments/media-types). Their names and declared types count for nothing.
var kinds = []kind{
	{"\x89PNG\r\n\x1a\n", func(b []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(b)) }, func(b []byte) (image.Image, error) { return png.Decode(bytes.NewReader(b)) }},
	{"\xff\xd8\xff", func(b []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(b)) }, func(b []byte) (image.Image, error) { return jpeg.Decode(bytes.NewReader(b)) }},
	{"GIF87a", gifConfig, gifFirst},
	{"GIF89a", gifConfig, gifFirst},
	{"RIFF????WEBP", func(b []byte) (image.Config, error) { return webp.DecodeConfig(bytes.NewReader(b)) }, func(b []byte) (image.Image, error) { return webp.Decode(bytes.NewReader(b)) }},
}

func gifConfig(b []byte) (image.Config, error) { return gif.DecodeConfig(bytes.NewReader(b)) }

func gifFirst(b []byte) (image.Image, error) { return gif.Decode(bytes.NewReader(b)) }

func kindOf(b []byte) (kind, bool) {
	for _, k := range kinds {
		if len(b) < len(k.starts) {
			continue
		}
		same := true
		for i := range len(k.starts) {
			same = same && (k.starts[i] == '?' || k.starts[i] == b[i])
		}
		if same {
			return k, true
		}
	}
	return kind{}, false
}

// Drawable tells from its head whether it is a picture that Draw takes.
func Drawable(b []byte) bool {
	k, ok := fits(b)
	return ok && k.decode != nil
}

func fits(b []byte) (k kind, ok bool) {
	defer func() {
		if recover() != nil { // a decoder that a stranger's bytes broke
			ok = false
		}
	}()
	if k, ok = kindOf(b); !ok || len(b) > MaxBytes {
		return k, false
	}
	c, err := k.config(b)
	return k, err == nil && c.Width > 0 && c.Height > 0 && c.Width <= maxSide && c.Height <= maxSide && c.Width*c.Height <= MaxPixels
}

// Draw gives the picture as a PNG without anything but its pixels, made smaller so that neither side is longer than most pixels; 0 keeps its size. Of a moving
// picture it is the first. It is read in a process of its own (kit/confine), and waits for its turn. Refused: ErrNone.
func Draw(ctx context.Context, b []byte, most int) ([]byte, error) {
	if _, ok := fits(b); !ok {
		return nil, ErrNone
	}
	select {
	case one <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-one }()
	drawn, err := drawing.Run(ctx, append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), uint32(most)), b...), 8+4*MaxPixels)
	if errors.Is(err, confine.ErrRefused) || errors.Is(err, confine.ErrBroken) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	return encode(drawn, most)
}

// encode writes a PNG of pixels that were drawn apart, after a look at whether they can be what was asked for.
func encode(drawn []byte, most int) ([]byte, error) {
	if len(drawn) < 8 {
		return nil, ErrNone
	}
	w, h := int64(binary.BigEndian.Uint32(drawn)), int64(binary.BigEndian.Uint32(drawn[4:]))
	longest := int64(maxSide)
	if most > 0 {
		longest = int64(most)
	}
	if w < 1 || h < 1 || max(w, h) > longest || w*h > MaxPixels || int64(len(drawn)) != 8+4*w*h {
		return nil, ErrNone
	}
	m := &image.RGBA{Pix: drawn[8:], Stride: 4 * int(w), Rect: image.Rect(0, 0, int(w), int(h))}
	var out bytes.Buffer
	c := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := c.Encode(&out, m); err != nil {
		return nil, ErrNone
	}
	return out.Bytes(), nil
}

// pixels reads a stranger's picture.
func pixels(b []byte, most int) (*image.RGBA, error) {
	k, ok := fits(b)
	if !ok {
		return nil, ErrNone
	}
	m, err := k.decode(b)
	if err != nil {
		return nil, ErrNone
	}
	size := m.Bounds().Size()
	if size.X < 1 || size.Y < 1 || size.X*size.Y > MaxPixels { // a frame may be another size than its head said
		return nil, ErrNone
	}
	longest := max(size.X, size.Y)
	if most <= 0 || longest <= most {
		whole := image.NewRGBA(image.Rect(0, 0, size.X, size.Y))
		draw.Draw(whole, whole.Rect, m, m.Bounds().Min, draw.Src)
		return whole, nil
	}
	part := float64(most) / float64(longest)
	small := image.NewRGBA(image.Rect(0, 0, max(1, int(math.Round(float64(size.X)*part))), max(1, int(math.Round(float64(size.Y)*part)))))
	draw.ApproxBiLinear.Scale(small, small.Rect, m, m.Bounds(), draw.Src, nil)
	return small, nil
}
