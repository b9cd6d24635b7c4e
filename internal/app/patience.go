package app

import (
	"io"
	"net/http"
	"time"
)

// patient lets a large body take its time as long as it comes: each of its bytes earns a moment (pace.least), and none waits longer than pace.body for the next.
// Who sends a little now and then is ended when the first pace.body is over.
func (p pace) patient(next http.Handler) http.Handler {
	if p.least == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 0 || r.ContentLength > patientFrom {
			r.Body = &slowBody{ReadCloser: r.Body, control: http.NewResponseController(w), pace: p, began: time.Now()}
		}
		next.ServeHTTP(w, r)
	})
}

// patientFrom is from how many bytes on a body may take longer.
const patientFrom = 1 << 20

type slowBody struct {
	io.ReadCloser
	control *http.ResponseController
	pace    pace
	began   time.Time
	got     int64
	until   time.Time // what the line was given last
}

func (b *slowBody) Read(to []byte) (int, error) {
	n, err := b.ReadCloser.Read(to)
	if b.got += int64(n); n > 0 && b.got > patientFrom {
		b.extend(time.Now())
	}
	return n, err
}

// extend gives the line more time, and the answer its own after that: from half of the usual time on, and then now and again, for each costs a call.
func (b *slowBody) extend(now time.Time) {
	until := b.due(now)
	if now.Sub(b.began) < b.pace.body/2 || until.Sub(b.until) < b.pace.body/16 {
		return
	}
	b.until = until
	_ = b.control.SetReadDeadline(until) // a recorder of tests has none
	_ = b.control.SetWriteDeadline(until.Add(b.pace.answer))
}

// due says until when the next byte must be here.
func (b *slowBody) due(now time.Time) time.Time {
	earned := b.began.Add(b.pace.body + time.Duration(b.got)*time.Second/time.Duration(b.pace.least))
	if most := now.Add(b.pace.body); most.Before(earned) {
		return most
	}
	return earned
}
