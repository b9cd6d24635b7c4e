package app

import (
	"io"
	"net/http"
	"time"
)

// patient lets a large body take its time as long as it comes: each time it has brought what pace.least asks of pace.body, it has pace.body for as much again.
func (p pace) patient(next http.Handler) http.Handler {
	if p.least == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 0 || r.ContentLength > patientFrom {
			r.Body = &slowBody{ReadCloser: r.Body, line: http.NewResponseController(w), pace: p, now: time.Now}
		}
		next.ServeHTTP(w, r)
	})
}

// patientFrom is from how many bytes on a body may take longer.
const patientFrom = 1 << 20

type slowBody struct {
	io.ReadCloser
	line interface {
		SetReadDeadline(until time.Time) error
		SetWriteDeadline(until time.Time) error
	}
	pace pace
	now  func() time.Time
	got  int64 // since the line was given time
}

func (b *slowBody) Read(to []byte) (int, error) {
	n, err := b.ReadCloser.Read(to)
	if b.got += int64(n); n > 0 && b.got >= b.pace.least*int64(b.pace.body/time.Second) {
		b.got = 0
		until := b.now().Add(b.pace.body)
		_ = b.line.SetReadDeadline(until) // a recorder of tests has none
		_ = b.line.SetWriteDeadline(until.Add(b.pace.answer))
	}
	return n, err
}
