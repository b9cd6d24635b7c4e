package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// reading is a page that somebody waits for.
type reading struct {
	name string
	path func(w *world) string
	who  func(w *world, r *http.Request, n int)
	// large is a page of the largest incident there is, for which no target is set: it shows how the page grows.
	large bool
}

// rounds of reading: requests of one round, alone and by twenty.
const (
	readAlone  = 40
	readTwenty = 200
)

func readings() []reading {
	desk := func(w *world, r *http.Request, _ int) { r.AddCookie(w.analyst) }
	portal := func(w *world, r *http.Request, _ int) { r.AddCookie(w.constituent) }
	bearer := func(of func(*world) []string) func(*world, *http.Request, int) {
		return func(w *world, r *http.Request, n int) {
			r.Header.Set("Authorization", "Bearer "+of(w)[n%len(of(w))])
		}
	}
	peer, liaison := bearer(func(w *world) []string { return w.peers }), bearer(func(w *world) []string { return w.liaisons })
	fixed := func(path string) func(*world) string { return func(*world) string { return path } }
	return []reading{
		{"analyst, triage", fixed("/desk/triage"), desk, false},
		{"analyst, incident list", fixed("/desk/incidents"), desk, false},
		{"analyst, all incidents", fixed("/desk/incidents?state=all"), desk, false},
		{"analyst, incident page", func(w *world) string { return "/desk/incidents/" + w.newest.Number }, desk, false},
		{"analyst, incident page with 500 parties", func(w *world) string { return "/desk/incidents/" + w.large.Number }, desk, true},
		{"analyst, matrix of 500 parties", func(w *world) string { return "/desk/incidents/" + w.large.Number + "/parties" }, desk, true},
		{"analyst, search for a common word", func(w *world) string { return "/desk/search?q=" + url.QueryEscape(w.word) }, desk, false},
		{"analyst, search for several words", func(w *world) string { return "/desk/search?q=" + url.QueryEscape(w.large.Title) }, desk, false},
		{"analyst, deadlines", fixed("/desk/deadlines"), desk, false},
		{"analyst, outbox", fixed("/desk/outbox"), desk, false},
		{"constituent, overview", fixed("/portal/"), portal, false},
		{"constituent, reports", fixed("/portal/reports"), portal, false},
		{"constituent, requests", fixed("/portal/requests"), portal, false},
		{"peer with 1,000 grants, reports", fixed("/api/v1/reports"), peer, false},
		{"peer with 1,000 grants, requests", fixed("/api/v1/requests"), peer, false},
		{"grants only (40), reports", fixed("/api/v1/reports"), liaison, false},
		{"grants only (40), requests", fixed("/api/v1/requests"), liaison, false},
	}
}

// reading measures one page with so many readers at once, through the listener.
func (w *world) reading(r reading, once int) func(context.Context) (func(context.Context) (result, error), func(), error) {
	return func(ctx context.Context) (func(context.Context) (result, error), func(), error) {
		if err := w.open(ctx); err != nil {
			return nil, nil, err
		}
		client := &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: once, MaxConnsPerHost: once},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		count := readAlone
		if once > 1 {
			count = readTwenty
		}
		if r.large {
			count /= 5
		}
		if w.tiny {
			count = 2 * once
		}
		one := func(ctx context.Context, n int) (time.Duration, error) {
			q, err := http.NewRequestWithContext(ctx, http.MethodGet, w.site.URL+r.path(w), nil)
			if err != nil {
				return 0, err
			}
			q.Host = "localhost:0"
			r.who(w, q, n)
			began := time.Now()
			a, err := client.Do(q)
			if err != nil {
				return 0, err
			}
			defer a.Body.Close()
			if _, err := io.Copy(io.Discard, a.Body); err != nil {
				return 0, err
			}
			if a.StatusCode != http.StatusOK {
				return 0, fmt.Errorf("%s answers %s", r.path(w), a.Status)
			}
			return time.Since(began), nil
		}
		for n := range 3 { // caches are warm in a house that works
			if _, err := one(ctx, n); err != nil {
				return nil, nil, err
			}
		}
		round := func(ctx context.Context) (result, error) {
			return atOnce(once, count, func(n int) (time.Duration, error) { return one(ctx, n) })
		}
		return round, client.CloseIdleConnections, nil
	}
}

// atOnce does count things, so many at once, and keeps how long each took.
func atOnce(once, count int, do func(n int) (time.Duration, error)) (result, error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	var failed error
	out := result{}
	next := make(chan int, count)
	for n := range count {
		next <- n
	}
	close(next)
	for range once {
		group.Go(func() {
			for n := range next {
				took, err := do(n)
				mu.Lock()
				if err != nil {
					failed = err
					mu.Unlock()
					return
				}
				out.items++
				out.latencies = append(out.latencies, took)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return out, failed
}
