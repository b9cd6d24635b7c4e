// Package browsertest drives a headless Chromium for tests of pages. Only tests import it.
//
//	p := browsertest.New(t)
//	p.Open(server.URL + "/report")
//	p.Type("#what", "The bell rang twice")
//	p.Press(kb.Enter)
//	p.Accessible()
//	p.Quiet()
//
// A process has one browser; each test has a context of its own in it (cookies, cache, storage), closed when the test ends. What only
// looks at a page borrows one tab instead (Lend). Every call fails the test on an error and waits for what it needs, ten seconds at most.
// Without Chromium the test is skipped loudly, or fails with TOCSIN_REQUIRE_ALL=1. Names of such tests begin with TestBrowser, so that the
// runner can run them apart.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// patience is how long a call waits for the page.
const patience = 10 * time.Second

// Page is one tab.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	messages []Message
}

// Message is what the page or the browser wrote to the console.
type Message struct {
	Level string // log, info, warning, error, exception
	Text  string
	URL   string
}

func (m Message) String() string { return m.Level + ": " + m.Text + " (" + m.URL + ")" }

// New opens an empty tab of 1440 by 900 in light mode.
func New(t testing.TB) *Page {
	t.Helper()
	parent := browser(t)
	p := &Page{t: t}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	t.Cleanup(cancel)
	p.ctx = ctx
	p.begin()
	return p
}

// lent is the tab that is handed on.
var lent struct {
	sync.Mutex
	page *Page
}

// Lend gives the one tab that is handed from look to look, empty, of 1440 by 900 in light mode, and the function that gives it back. It
// starts no process and keeps compiled scripts, so that a look takes half the time; cookies and storage are those of earlier looks. Who
// has it makes others wait, so a test gives it back before it asks again.
func Lend(t testing.TB) (p *Page, back func()) {
	t.Helper()
	parent := browser(t)
	lent.Lock()
	if lent.page == nil {
		p := &Page{}
		p.ctx, _ = chromedp.NewContext(parent, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen)) // ends with the process
		lent.page = p
	}
	p = lent.page
	p.t = t
	whole := false
	defer func() {
		if !whole {
			lent.page = nil
			lent.Unlock()
		}
	}()
	p.begin()
	p.Open("about:blank") // the page before has gone, and what it still had to say came before this answer
	p.mu.Lock()
	p.messages = nil
	p.mu.Unlock()
	whole = true
	return p, lent.Unlock
}

// begin binds the tab's life to its context, not to a call's deadline, and sets what a page begins with.
func (p *Page) begin() {
	p.t.Helper()
	if err := chromedp.Do(p.ctx); err != nil {
		p.t.Fatalf("open a tab: %v", err)
	}
	p.Viewport(1440, 900)
	p.Scheme("light")
}

// Context is for what the helpers do not do: chromedp.Run(p.Context(), …).
func (p *Page) Context() context.Context { return p.ctx }

// Do runs actions in the tab.
func (p *Page) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := p.try(steps...); err != nil {
		p.t.Fatalf("in the browser: %v\n%s", err, p.report())
	}
}

func (p *Page) try(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// Open loads the address and gives the status of the answer.
func (p *Page) Open(url string) int {
	p.t.Helper()
	r := Get(p, chromedp.NavigateResponse(url))
	if r == nil {
		return 0
	}
	return int(r.Status)
}

// Get runs an action that has a result.
func Get[T any](p *Page, a chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		p.t.Fatalf("in the browser: %v\n%s", err, p.report())
	}
	return v
}

// Text gives the visible text of the first element that the CSS selector finds.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return Get(p, chromedp.Text(chromedp.CSS(selector)))
}

// Wait waits until the element is visible.
func (p *Page) Wait(selector string) {
	p.t.Helper()
	p.Do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

// Click clicks the element.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.Do(chromedp.Click(chromedp.CSS(selector)))
}

// Type writes text into the element, key by key.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	p.Do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Press gives keys to whatever has the focus; kb.Enter, kb.Tab and kb.Escape are such keys.
func (p *Page) Press(keys string, modifiers ...chromedp.Modifier) {
	p.t.Helper()
	p.Do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
}

// Viewport sets the size of the page in CSS pixels.
func (p *Page) Viewport(width, height int64) {
	p.t.Helper()
	p.Do(chromedp.EmulateViewport(width, height))
}

// Scheme sets what prefers-color-scheme says: light or dark.
func (p *Page) Scheme(scheme string) {
	p.t.Helper()
	p.Do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	})
}

// WithoutScript switches the page's scripts off, from the next load on.
func (p *Page) WithoutScript() {
	p.t.Helper()
	p.Do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
}

// Passkeys gives the browser a device of its own that keeps passkeys; its owner is always there, and known to it.
func (p *Page) Passkeys() {
	p.t.Helper()
	p.Do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		// A browser asks for a passkey only in a page that has the focus, which of several tabs of tests one has.
		if _, err := cdp.Call(ctx, t, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
			return chromedp.Void{}, err
		}
		if _, err := cdp.Call(ctx, t, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return chromedp.Void{}, err
		}
		_, err := cdp.Call(ctx, t, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
		return chromedp.Void{}, err
	})
}

// Screenshot writes the whole page, also what is below the fold, as PNG. Folders are made.
func (p *Page) Screenshot(file string) {
	p.t.Helper()
	p.write(file, Get(p, chromedp.FullScreenshot(100)))
}

// Screen writes what is in sight as PNG. Folders are made.
func (p *Page) Screen(file string) {
	p.t.Helper()
	p.write(file, Get(p, chromedp.CaptureScreenshot()))
}

func (p *Page) write(file string, png []byte) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// Console gives what was written so far.
func (p *Page) Console() []Message {
	// A round trip through the page, so that what it caused before has arrived.
	_ = p.try(chromedp.Evaluate[chromedp.Void](`0`))
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Message(nil), p.messages...)
}

// Violations gives the messages about the content security policy.
func (p *Page) Violations() []Message {
	var v []Message
	for _, m := range p.Console() {
		if strings.Contains(m.Text, "Content Security Policy") || strings.Contains(m.Text, "TrustedHTML") ||
			strings.Contains(m.Text, "TrustedScript") {
			v = append(v, m)
		}
	}
	return v
}

// Quiet fails the test when anything at all was written to the console.
func (p *Page) Quiet() {
	p.t.Helper()
	for _, m := range p.Console() {
		p.t.Errorf("console: %v", m)
	}
}

func (p *Page) report() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, m := range p.messages {
		fmt.Fprintln(&b, "console:", m)
	}
	return b.String()
}

// listen runs inside the reader of the browser's messages: it must be quick and must not call the browser.
func (p *Page) listen(ev any) {
	var m Message
	switch e := ev.(type) {
	case *log.EventEntryAdded:
		m = Message{Level: string(e.Entry.Level), Text: e.Entry.Text, URL: e.Entry.URL}
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, a := range e.Args {
			if a.Description != "" {
				words = append(words, a.Description)
			} else {
				words = append(words, strings.Trim(string(a.Value), `"`))
			}
		}
		m = Message{Level: string(e.Type), Text: strings.Join(words, " ")}
	case *runtime.EventExceptionThrown:
		m = Message{Level: "exception", Text: e.ExceptionDetails.Text, URL: e.ExceptionDetails.URL}
		if x := e.ExceptionDetails.Exception; x != nil {
			m.Text += " " + x.Description
		}
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, m)
}
