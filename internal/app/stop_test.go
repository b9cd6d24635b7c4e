package app

import (
	"context"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// TestNothingRunsOn works every server of a house (pages, API, live signals, mail, metrics, key process, jobs), with a client that stays on the line and one that
// leaves in the middle, stops it and closes it: no goroutine that began since is left (rule D4). The engines go one after the other, for the count.
func TestNothingRunsOn(t *testing.T) {
	for _, engine := range pgtest.Engines(t) {
		t.Run(engine, func(t *testing.T) {
			http.DefaultClient.CloseIdleConnections()
			before := goroutines()
			h := newHouse(t, engine)
			ctx, stop := context.WithCancel(context.Background())
			up, ended := make(chan struct{}), make(chan error, 1)
			go func() { ended <- h.Serve(ctx, All, func(*House) { close(up) }) }()
			select {
			case <-up:
			case err := <-ended:
				t.Fatalf("the house does not stand: %v", err)
			}
			desk := h.person(access.Analyst, "ana@cert.valmora.example", "")
			h.mail("a@away.example", teamAddress, head("a@away.example", teamAddress, "Lost")+"\r\nText\r\n")
			h.browser().post("/report/short", "code", unique()[:25], "summary", "Lost", "description", "Text", "ongoing", "no", "tlp", "GREEN")
			desk.get("/api/v1/reports")
			h.eventually("both reports", func() bool { return len(h.dump(t.Context(), "intake_report")) == 2 })
			live := func() *http.Response {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, desk.base+"/desk/live", nil)
				h.must(err)
				for name, value := range desk.cookies {
					r.AddCookie(&http.Cookie{Name: name, Value: value})
				}
				res, err := http.DefaultClient.Do(r)
				h.must(err)
				if res.StatusCode != http.StatusOK {
					t.Fatalf("live signals: %d", res.StatusCode)
				}
				return res
			}
			h.must(live().Body.Close()) // leaves
			stays := live()
			stop()
			h.must(<-ended)
			h.Close()
			_ = stays.Body.Close()
			var left map[string]string
			for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
				http.DefaultClient.CloseIdleConnections()
				left = goroutines()
				for n := range before {
					delete(left, n)
				}
				if len(left) == 0 || time.Now().After(end) {
					break
				}
			}
			for _, stack := range left {
				t.Errorf("still runs:\n%s", stack)
			}
		})
	}
}

var numbered = regexp.MustCompile(`^goroutine (\d+) `)

// goroutines gives the stack of each by its number, the caller's apart.
func goroutines() map[string]string {
	buf := make([]byte, 16<<20)
	all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	out := map[string]string{}
	for _, s := range all[1:] {
		if m := numbered.FindStringSubmatch(s); m != nil {
			out[m[1]] = s
		}
	}
	return out
}
