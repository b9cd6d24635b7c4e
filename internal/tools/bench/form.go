package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// crowd is how many reporters fill the form in at once, each with a connection of its own.
const crowd = 1000

// The form as a reporter sends it, page by page.
var formPages = []struct {
	path   string
	values url.Values
}{
	{"/report/what", url.Values{"what": {"duty"}}},
	{"/report/stage", url.Values{"stage-eu-nis2": {"early_warning"}, "class-eu-nis2": {"essential"}}},
	{"/report/part/1", url.Values{"q-entity": {"Works of the bench"}, "q-contact_email": {"bench@away.example"}, "q-contact_name": {"Bench"}}},
	{"/report/part/2", url.Values{"q-summary": {"Several servers were encrypted over night, and the night shift works on paper."}, "ongoing": {"yes"}}},
	{"/report/part/4", url.Values{"q-malicious": {"yes"}, "q-cross_border": {"unknown"}}},
	{"/report/part/5", url.Values{"personal": {"unknown"}, "tlp": {"AMBER"}}},
	{"/report/check", url.Values{}},
}

// reporter is one person with a browser.
type reporter struct {
	base    string
	client  *http.Client
	cookies map[string]string
}

func (w *world) reporter() *reporter {
	return &reporter{w.site.URL, &http.Client{
		Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, map[string]string{}}
}

// ask sends a page, or reads it without values, and tells how long the answer took.
func (r *reporter) ask(ctx context.Context, path string, values url.Values, want int) (time.Duration, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if values != nil {
		method, body = http.MethodPost, strings.NewReader(values.Encode())
	}
	q, err := http.NewRequestWithContext(ctx, method, r.base+path, body)
	if err != nil {
		return 0, err
	}
	q.Host = "localhost:0"
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, value := range r.cookies {
		q.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	began := time.Now()
	a, err := r.client.Do(q)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		return 0, err
	}
	for _, c := range a.Cookies() {
		r.cookies[c.Name] = c.Value
	}
	if a.StatusCode != want {
		return 0, fmt.Errorf("%s answers %s", path, a.Status)
	}
	return time.Since(began), nil
}

// formPage measures the page with the questions that an early warning asks first.
func (w *world) formPage(ctx context.Context) (func(context.Context) (result, error), func(), error) {
	if err := w.open(ctx); err != nil {
		return nil, nil, err
	}
	r := w.reporter()
	for _, p := range formPages[:3] {
		if _, err := r.ask(ctx, p.path, p.values, http.StatusSeeOther); err != nil {
			return nil, nil, err
		}
	}
	count := 100
	if w.tiny {
		count = 2
	}
	return func(ctx context.Context) (result, error) {
		return atOnce(1, count, func(int) (time.Duration, error) { return r.ask(ctx, "/report/part/1", nil, http.StatusOK) })
	}, r.client.CloseIdleConnections, nil
}

// crowded lets many fill in and send the form at once, while the house opens what they sent, and counts what went wrong.
func (w *world) crowded(ctx context.Context) (string, bool, error) {
	if err := w.open(ctx); err != nil {
		return "", false, err
	}
	if _, err := w.house.Intake.DropKey(ctx); err != nil {
		return "", false, err
	}
	people := crowd
	if w.tiny {
		people = 5
	}
	work, stop := context.WithCancel(db.On(ctx, db.Worker))
	var opener sync.WaitGroup
	opener.Go(func() { w.house.Intake.WatchDrops(work, nil, slog.New(slog.DiscardHandler)) })
	defer opener.Wait()
	defer stop()
	before, err := w.sent(ctx)
	if err != nil {
		return "", false, err
	}
	var mu sync.Mutex
	var took []time.Duration
	wrong := map[string]int{}
	note := func(d time.Duration, err error) bool {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			wrong[err.Error()]++
			return false
		}
		took = append(took, d)
		return true
	}
	var most uint64
	watching, seen := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse+m.StackInuse)
			select {
			case <-watching.Done():
				return
			case <-tick.C:
			}
		}
	})
	began := time.Now()
	var all sync.WaitGroup
	for range people {
		all.Go(func() {
			r := w.reporter()
			defer r.client.CloseIdleConnections()
			for _, p := range formPages {
				if !note(r.ask(ctx, p.path, p.values, http.StatusSeeOther)) {
					return
				}
			}
			note(r.ask(ctx, "/r/received", nil, http.StatusOK))
		})
	}
	all.Wait()
	whole := time.Since(began)
	seen()
	watch.Wait()
	for until := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) { // what was acknowledged is a report
		now, err := w.sent(ctx)
		if err != nil {
			return "", false, err
		}
		if now-before >= people-count(wrong) || time.Now().After(until) {
			if now-before < people-count(wrong) {
				wrong["taken and not a report"] = people - count(wrong) - (now - before)
			}
			break
		}
	}
	slices.Sort(took)
	value := fmt.Sprintf("%d errors, %d pages in %s, p99 %s, %d MB with the clients", count(wrong), len(took), whole.Round(100*time.Millisecond), percentile(took, 0.99).Round(time.Millisecond), most>>20)
	for said, n := range wrong {
		value += fmt.Sprintf("; %d: %s", n, said)
	}
	return value, len(wrong) == 0, nil
}

func count(wrong map[string]int) (sum int) {
	for _, n := range wrong {
		sum += n
	}
	return sum
}

func (w *world) sent(ctx context.Context) (n int, err error) {
	return n, w.house.DB.QueryRow(ctx, `SELECT COUNT(*) FROM intake_submission`).Scan(&n)
}
