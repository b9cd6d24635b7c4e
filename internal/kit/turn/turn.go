// Package turn has a few readings worked on at a time, in the order in which they came: twenty that share the processors in slices all end
// last, twenty in a row end one after the other.
package turn

import (
	"context"
	"net/http"
	"runtime"
	"time"
)

// patience is the longest wait: a turn brings order and refuses nobody, so that a few slow readings do not keep all others out.
const patience = 250 * time.Millisecond

// Line is a waiting line.
type Line struct{ taken chan struct{} }

// New gives a line that lets two readings for each processor be worked on: one computes while the other waits for the database.
func New() *Line { return &Line{make(chan struct{}, 2*runtime.GOMAXPROCS(0))} }

// Serve runs next in its turn. The turn ends when the answer begins to go out, so a slow client holds none. What changes something is not made
// to wait: its body may be long in coming, and the database has its own lines.
func (l *Line) Serve(w http.ResponseWriter, r *http.Request, next func(http.ResponseWriter, *http.Request)) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !l.take(r.Context()) {
		next(w, r)
		return
	}
	out := &writer{ResponseWriter: w, line: l}
	defer out.end()
	next(out, r)
}

func (l *Line) take(ctx context.Context) bool {
	select {
	case l.taken <- struct{}{}:
		return true
	default:
	}
	enough := time.NewTimer(patience)
	defer enough.Stop()
	select {
	case l.taken <- struct{}{}:
		return true
	case <-enough.C:
		return false
	case <-ctx.Done():
		return false
	}
}

type writer struct {
	http.ResponseWriter
	line *Line // nil when the turn has ended
}

func (w *writer) end() {
	if w.line != nil {
		<-w.line.taken
		w.line = nil
	}
}

func (w *writer) WriteHeader(status int) {
	w.end()
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	w.end()
	return w.ResponseWriter.Write(b)
}

// FlushError sends what is written, and the header before it.
func (w *writer) FlushError() error {
	w.end()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
