package main

import (
	"context"
	"fmt"
	"net/smtp"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/sample/wave"
)

// dayOfWave is how many suspicious messages come on a bad day.
const dayOfWave = 100_000

// publicLane takes a whole day's suspicious messages at once, by SMTP, and says how fast they were counted, thanks to their senders written, what came of
// them in the queue, and how large the program grew.
func (w *world) publicLane(ctx context.Context) (string, bool, error) {
	if err := w.open(ctx); err != nil {
		return "", false, err
	}
	h, n := w.house, dayOfWave
	if w.tiny {
		n = 10 * w.mails
	} else if w.wave > 0 {
		n = w.wave
	}
	address, err := freePort()
	if err != nil {
		return "", false, err
	}
	if h.Config.HTTP, err = freePort(); err != nil {
		return "", false, err
	}
	h.Config.SMTP, h.DNS, h.Trusted = address, everybody{}, app.Loopback
	if h.Profile.Public == "" {
		h.Profile.Public = "suspicious@" + h.Profile.Address[strings.IndexByte(h.Profile.Address, '@')+1:]
	}
	if err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return setting.Put(ctx, tx, 0, time.Now(), suspicion.SettingAddress, suspicion.Address{Address: h.Profile.Public})
	}); err != nil {
		return "", false, err
	}
	h.Registry = job.NewRegistry() // another row may have served from this house
	serving, stop := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- h.Serve(serving, app.All, func(*app.House) { close(ready) }) }()
	defer func() {
		stop()
		<-ended
	}()
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		return "", false, fmt.Errorf("the house ended: %w", err)
	}
	count := func(query string) (n int, err error) { return n, h.DB.QueryRow(ctx, query).Scan(&n) }
	const waiting = `SELECT COUNT(*) FROM intake_report WHERE queue <> 0`
	queue, err := count(waiting)
	if err != nil {
		return "", false, err
	}
	had, err := count(`SELECT COUNT(*) FROM suspicion_message`)
	if err != nil {
		return "", false, err
	}
	var peak atomic.Int64
	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	go func() {
		for watching.Err() == nil {
			own, _ := resident(os.Getpid())
			peak.Store(max(peak.Load(), int64(own)))
			time.Sleep(100 * time.Millisecond)
		}
	}()
	began, cpu := time.Now(), processor()
	if err := w.postWave(ctx, address, n); err != nil {
		return "", false, err
	}
	taken := time.Since(began)
	for deadline := time.Now().Add(30 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		left, err := count(`SELECT COUNT(*) FROM correspondence_arrival WHERE state = 'new' AND public = TRUE`)
		if err != nil {
			return "", false, err
		}
		if left == 0 {
			break
		}
		if time.Now().After(deadline) {
			return "", false, fmt.Errorf("%d messages are not counted after half an hour", left)
		}
	}
	took := time.Since(began)
	each := (processor() - cpu) / time.Duration(n)
	for range 100 { // the lines are made a moment later
		open, err := count(`SELECT COUNT(*) FROM suspicion_campaign WHERE asked IS NOT NULL AND report = 0`)
		if err != nil {
			return "", false, err
		}
		if open == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	kept, err := count(`SELECT COUNT(*) FROM suspicion_message`)
	if err != nil {
		return "", false, err
	}
	campaigns, err := count(`SELECT COUNT(*) FROM suspicion_campaign`)
	if err != nil {
		return "", false, err
	}
	lines, err := count(`SELECT COUNT(*) FROM suspicion_campaign WHERE report <> 0`)
	if err != nil {
		return "", false, err
	}
	after, err := count(waiting)
	if err != nil {
		return "", false, err
	}
	if kept-had != n || after-queue > lines || lines > 40 {
		return "", false, fmt.Errorf("of %d messages %d are kept; %d lines, %d more in the queue", n, kept-had, lines, after-queue)
	}
	rate := float64(n) / took.Seconds()
	return fmt.Sprintf("%d messages: taken at %.0f/s, counted at %.0f/s, %s each; %d campaigns, %d lines in the queue; %d MB at most", n, float64(n)/taken.Seconds(), rate, short(each), campaigns, lines, peak.Load()>>20), w.tiny || rate >= laneRate, nil
}

// postWave sends a day's messages from many connections.
func (w *world) postWave(ctx context.Context, address string, n int) error {
	mails := wave.Wave{Seed: uint64(mailSeries.Add(1)), To: w.house.Profile.Public, At: time.Now().Add(-12 * time.Hour)} //nolint:gosec // positive
	clients := make(chan *smtp.Client, connections)
	for range connections {
		c, err := smtp.Dial(address)
		if err != nil {
			return err
		}
		if err := c.Hello("bench.example"); err != nil {
			return err
		}
		clients <- c
	}
	defer func() {
		for range connections {
			c := <-clients
			_ = c.Quit()
		}
	}()
	_, err := atOnce(connections, n, func(i int) (time.Duration, error) {
		c := <-clients
		defer func() { clients <- c }()
		from, raw := mails.Mail(i)
		if err := c.Mail(from); err != nil {
			return 0, err
		}
		if err := c.Rcpt(w.house.Profile.Public); err != nil {
			return 0, err
		}
		d, err := c.Data()
		if err != nil {
			return 0, err
		}
		if _, err := d.Write(raw); err != nil {
			return 0, err
		}
		return 0, d.Close()
	})
	return err
}
