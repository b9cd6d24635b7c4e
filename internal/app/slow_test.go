package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
)

// TestSlowClientsOfPagesAreEnded opens connections to a listener of ours that never finish their head or their body, that do not read, that say
// nothing more, or whose head is endless: each is ended by us, and who comes meanwhile is answered (rules D2, W8).
func TestSlowClientsOfPagesAreEnded(t *testing.T) {
	broken := make(chan error, 2) // what the handler hears of a slow body, and of a slow reader
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") })
	mux.HandleFunc("POST /body", func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		broken <- err
	})
	mux.HandleFunc("GET /long", func(w http.ResponseWriter, _ *http.Request) {
		some := make([]byte, 1<<20)
		for range 1 << 10 {
			if _, err := w.Write(some); err != nil {
				broken <- err
				return
			}
		}
		broken <- nil
	})
	addr := freePort(t)
	listener := conf.Config{HTTP: addr}.Main()
	ctx, stop := context.WithCancel(t.Context())
	ended, up := make(chan error, 1), make(chan struct{})
	short := pace{header: 200 * time.Millisecond, body: 300 * time.Millisecond, answer: 400 * time.Millisecond, idle: 300 * time.Millisecond, connections: 8}
	go func() {
		ended <- listenAt(ctx, short, listener, mux, conf.Config{}, slog.New(slog.DiscardHandler), func() { close(up) })
	}()
	<-up
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	open := func(text string) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		return c
	}
	answered := func() {
		t.Helper()
		c := open("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if b, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(b), "here") {
			t.Errorf("meanwhile another is answered %q, %v", b, err)
		}
	}
	over := func(what string, c net.Conn) { // the other end hangs up, by itself
		t.Helper()
		if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", what, err)
		}
	}

	head := open("GET / HTTP/1.1\r\nHost: x\r\nX-One:")
	trickle := open("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
	go func() {
		for {
			if _, err := trickle.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	deaf := open("GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
	answered()
	over("a head without end", head)
	for range 2 {
		select {
		case err := <-broken:
			if err == nil {
				t.Error("a slow body or a deaf reader was served to the end")
			}
		case <-time.After(patience):
			t.Fatal("a slow body or a deaf reader is waited for")
		}
	}
	over("a slow body", trickle)
	over("a deaf reader", deaf)
	quiet := open("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	over("an idle connection", quiet)
	res, err := http.ReadResponse(bufio.NewReader(open("GET / HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")), nil)
	if err != nil || res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a large head: %v, %v", res, err)
	} else {
		_ = res.Body.Close()
	}

	// More than may be: those beyond wait until others are ended, and then are answered.
	for range short.connections + 4 {
		open("GET / HTTP/1.1\r\nHost: x\r\nX-One:")
	}
	answered()
	if p := usual(); p.header > 5*time.Second || p.body > 2*time.Minute || p.answer > 2*time.Minute || p.idle > time.Minute || p.connections < 64 {
		t.Errorf("the usual pace is %v", fmt.Sprint(p))
	}
}
