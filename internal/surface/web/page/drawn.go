package page

import (
	"context"
	"io"
	"strings"
	"sync"

	"github.com/a-h/templ"
)

// drawn keeps the marks that lists repeat in every line, by what they depend on. Keys are of closed sets, so it stays small.
var drawn sync.Map // key -> string

// drawnOnce is c, written once for each key.
func drawnOnce(key any, c templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if s, ok := drawn.Load(key); ok {
			_, err := io.WriteString(w, s.(string))
			return err
		}
		var b strings.Builder
		if err := c.Render(ctx, &b); err != nil {
			return err
		}
		drawn.Store(key, b.String())
		_, err := io.WriteString(w, b.String())
		return err
	})
}
