package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
)

// Find gives the path of the browser: the shell before the whole, whose windows and menus nobody sees here and which take a third of the time.
func Find() (string, error) {
	for _, name := range []string{"chromium-headless-shell", "headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", errors.New("no Chromium in PATH (Debian: apt-get install chromium-headless-shell)")
}

// shared is the browser of this process. It lives until the process ends: its pipe closes then, and the kernel tells it.
var shared = sync.OnceValues(launch)

func browser(t testing.TB) context.Context {
	t.Helper()
	if _, err := Find(); err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatalf("Chromium is needed: %v", err)
		}
		t.Skipf("NOT TESTED IN A BROWSER: %v", err)
	}
	ctx, err := shared()
	if err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// sweep removes the profile when this process, which holds the other end of its standard input, has gone. Chromium's own helpers may
// write for a moment longer.
const sweep = `
cat >/dev/null
for pause in 0.3 1 3; do
	sleep "$pause"
	rm -rf "$1" 2>/dev/null
done
`

func launch() (context.Context, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "tocsin-chromium-")
	if err != nil {
		return nil, err
	}
	broom := exec.Command("/bin/sh", "-c", sweep, "tocsin-chromium-sweep", profile)
	broom.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if _, err := broom.StdinPipe(); err != nil {
		return nil, err
	}
	if err := broom.Start(); err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.NoSandbox, // containers and root have none; the pages are our own
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("force-prefers-reduced-motion", true),
		chromedp.Flag("hide-scrollbars", true),
	)
	ctx, _ := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ = chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ctx, nil
}
