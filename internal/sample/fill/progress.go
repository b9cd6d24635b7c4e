package fill

import (
	"fmt"
	"io"
	"time"
)

// progress writes a plain line every two seconds: what, how many, how fast, how long it still takes.
type progress struct {
	to     io.Writer
	what   string
	done   int
	of     int
	began  time.Time
	spoken time.Time
}

func newProgress(to io.Writer) *progress {
	if to == nil {
		to = io.Discard
	}
	return &progress{to: to}
}

func (p *progress) begin(what string, of int) {
	p.what, p.of, p.done, p.began, p.spoken = what, of, 0, time.Now(), time.Now()
}

func (p *progress) add(n int) {
	p.done += n
	if time.Since(p.spoken) < 2*time.Second {
		return
	}
	p.spoken = time.Now()
	rate := float64(p.done) / time.Since(p.began).Seconds()
	left := time.Duration(float64(p.of-p.done) / max(rate, 1) * float64(time.Second)).Round(time.Second)
	fmt.Fprintf(p.to, "%s: %d of %d, %.0f/s, %v left\n", p.what, p.done, p.of, rate, max(left, 0))
}

func (p *progress) end() {
	fmt.Fprintf(p.to, "%s: %d in %v\n", p.what, p.done, time.Since(p.began).Round(time.Millisecond))
}

func (p *progress) say(what string) {
	if time.Since(p.spoken) >= 2*time.Second {
		p.spoken = time.Now()
		fmt.Fprintln(p.to, what)
	}
}
