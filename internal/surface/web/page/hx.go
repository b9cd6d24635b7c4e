package page

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/a-h/templ"
)

// HX writes hx- attributes together with the nonce without which the page ignores them:
//
//	<section { page.HX(ctx, "get", "/desk/triage/list", "trigger", "triage from:#live", "swap", "innerMorph")... }>
//
// Values are addresses, selectors and words of htmx; never an expression.
func HX(ctx context.Context, pairs ...string) templ.OrderedAttributes {
	attrs := templ.OrderedAttributes{templ.KV[string, any]("hx-nonce", templ.GetNonce(ctx))}
	for i := 0; i+1 < len(pairs); i += 2 {
		attrs = append(attrs, templ.KV[string, any]("hx-"+pairs[i], pairs[i+1]))
	}
	return attrs
}

// Region makes an element renew itself when the live stream names one of the signals; focus and half-typed text stay.
func Region(ctx context.Context, address, signal string) templ.OrderedAttributes {
	return HX(ctx, "get", address, "trigger", signal+" from:#live", "swap", "innerMorph", "headers", byItself)
}

// byItself marks what a page fetches without a person.
const byItself = `{"Tocsin-Unattended":"1"}`

// Unattended tells whether a page asks by itself: the live stream, and what its signals renew. An open window is not a person in front of it.
func Unattended(r *http.Request) bool {
	return r.Header.Get("Tocsin-Unattended") != "" || r.Header.Get("Accept") == "text/event-stream"
}

// Fragment tells whether the request wants only a piece of the page.
func Fragment(r *http.Request) bool {
	return r.Header.Get("HX-Request") == "true" && r.Header.Get("HX-History-Restore-Request") != "true"
}

// Write renders the whole page first, then sends it: a page that cannot be rendered is an error, never half a page.
func Write(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	b := buffers.Get().(*bytes.Buffer)
	defer func() {
		if b.Cap() <= keptBuffer {
			b.Reset()
			buffers.Put(b)
		}
	}()
	ctx, fields := withLabels(r.Context())
	if err := c.Render(ctx, b); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	if fields.missing && len(fields.of) > 0 {
		b.Reset()
		if err := c.Render(ctx, b); err != nil {
			return fmt.Errorf("render page: %w", err)
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader went away: nothing to do
	return nil
}

// buffers are what pages are written into before they go out; growing one anew for each page costs more than most of its parts.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keptBuffer = 1 << 20 // bytes
