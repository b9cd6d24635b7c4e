package entry

import (
	"context"
	"html"
	"io"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/boombuler/barcode/qr"
)

// qrCode draws a text as a QR code: one path, dark on light in every theme, with a quiet zone of four modules.
func qrCode(content, label string) (templ.Component, error) {
	code, err := qr.Encode(content, qr.M, qr.Unicode)
	if err != nil {
		return nil, err
	}
	size := code.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := 0; x < size; x++ {
			run := 0
			for x+run < size {
				if r, _, _, _ := code.At(x+run, y).RGBA(); r != 0 {
					break
				}
				run++
			}
			if run > 0 {
				path.WriteString("M" + strconv.Itoa(x+4) + " " + strconv.Itoa(y+4) + "h" + strconv.Itoa(run) + "v1h-" + strconv.Itoa(run) + "z")
				x += run - 1
			}
		}
	}
	side := strconv.Itoa(size + 8)
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, `<svg class="qr" role="img" aria-label="`+html.EscapeString(label)+`" width="232" height="232" viewBox="0 0 `+side+` `+side+
			`" shape-rendering="crispEdges"><rect width="`+side+`" height="`+side+`" fill="#fff"></rect><path fill="#000" d="`+path.String()+`"></path></svg>`)
		return err
	}), nil
}
