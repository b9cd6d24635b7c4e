package client_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/client"
)

// TestACallIsSentAgainWithItsKey: the server is away, then there; both tries carry one key and one body, so that the act happens once.
func TestACallIsSentAgainWithItsKey(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex // a broken connection's handler may still run
	var keys, bodies []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		keys, bodies = append(keys, r.Header.Get("Idempotency-Key")), append(bodies, string(b))
		switch len(keys) {
		case 1:
			panic(http.ErrAbortHandler) // the connection breaks
		case 2:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"id":"x","reference":"R-2026-7K2PQX"}`))
	}))
	defer srv.Close()
	c := client.New(srv.URL+"/", "tcs_x")
	var waits []time.Duration
	c.Wait = func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}
	got, err := c.CreateReport(t.Context(), client.NewReport{Summary: "x"})
	if err != nil || got.Reference != "R-2026-7K2PQX" {
		t.Fatalf("%+v %v", got, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(keys) != 3 || keys[0] == "" || keys[0] != keys[1] || keys[1] != keys[2] || bodies[0] != bodies[2] || waits[1] != 7*time.Second {
		t.Errorf("keys %q, bodies %q, waits %v", keys, bodies, waits)
	}
}

func TestARefusalIsAProblem(t *testing.T) {
	t.Parallel()
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte(`{"title":"This request needs attention","status":422,"kind":"invalid","errors":[{"field":"title","code":"required","detail":"Fill this in"}]}`))
	}))
	defer srv.Close()
	_, err := client.New(srv.URL, "").CreateIncident(t.Context(), client.NewIncident{})
	if !client.Is(err, 422) || err.Error() != "This request needs attention; title: Fill this in (422)" || n != 1 {
		t.Errorf("%v after %d calls", err, n)
	}
}
