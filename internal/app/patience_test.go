package app

import (
	"io"
	"testing"
	"time"
)

// slowLine is a client that sends so many bytes a second, on a line that ends at its deadline.
type slowLine struct {
	now, until time.Time
	answer     time.Time
	rate       func(second int) int64
	second     int
}

func (l *slowLine) Read(b []byte) (int, error) {
	l.now = l.now.Add(time.Second)
	l.second++
	if l.now.After(l.until) {
		return 0, io.ErrUnexpectedEOF
	}
	return int(min(l.rate(l.second), int64(len(b)))), nil
}

func (l *slowLine) Close() error                       { return nil }
func (l *slowLine) SetReadDeadline(t time.Time) error  { l.until = t; return nil }
func (l *slowLine) SetWriteDeadline(t time.Time) error { l.answer = t; return nil }

// Who sends 200 MiB over a slow line is heard to the end, minutes and hours; who sends a little now and then, or stops, is not waited for (rule D2).
func TestALargeBodyMayTakeItsTime(t *testing.T) {
	steady := func(n int64) func(int) int64 { return func(int) int64 { return n } }
	for _, c := range []struct {
		why   string
		rate  func(second int) int64
		ended time.Duration // 0 for never
	}{
		{"2 Mbit/s", steady(250_000), 0},
		{"a line of 200 kbit/s", steady(25_000), 0},
		{"a byte a second", steady(1), 2 * time.Minute},
		{"10 KiB a second", steady(10 << 10), 2 * time.Minute},
		{"a good line that goes silent", func(s int) int64 {
			if s > 300 {
				return 0
			}
			return 250_000
		}, 7 * time.Minute},
		{"a good line, then a byte a second", func(s int) int64 {
			if s > 300 {
				return 1
			}
			return 250_000
		}, 7 * time.Minute},
	} {
		began := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
		p := usual()
		l := &slowLine{now: began, until: began.Add(p.body), answer: began.Add(p.answer), rate: c.rate}
		b := &slowBody{ReadCloser: l, line: l, pace: p, now: func() time.Time { return l.now }}
		var err error
		piece := make([]byte, 1<<20)
		got := 0
		for got < 200<<20 && err == nil {
			var n int
			n, err = b.Read(piece)
			got += n
		}
		took := l.now.Sub(began)
		if (err != nil) != (c.ended > 0) || err != nil && took > c.ended+time.Second {
			t.Errorf("%s: %d of %d bytes after %v, %v", c.why, got, 200<<20, took, err)
		}
		if err == nil && l.answer.Before(l.now.Add(p.answer/2)) {
			t.Errorf("%s: the answer has until %v after the last byte", c.why, l.answer.Sub(l.now))
		}
	}
}
