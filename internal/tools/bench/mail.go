package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/smtp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// everybody is a zone in which every domain signs with one key, or else lets this machine send for it. Where it signs it says no more of who sends: without a
// signature that holds nobody has a receipt.
type everybody struct{ signs bool }

// signs is the key of all senders (RFC 8463): who measures signs too, and Ed25519 costs it little.
var signs = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func (z everybody) TXT(_ context.Context, name string) ([]string, error) {
	switch {
	case strings.HasPrefix(name, "_dmarc."):
		return []string{"v=DMARC1; p=none"}, nil
	case strings.HasPrefix(name, "bench._domainkey."):
		return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(signs.Public().(ed25519.PublicKey))}, nil
	}
	if z.signs {
		return nil, errs.ErrNotFound
	}
	return []string{"v=spf1 ip4:127.0.0.0/8 ip6:::1 -all"}, nil
}
func (everybody) IP(context.Context, string) ([]netip.Addr, error) { return nil, errs.ErrNotFound }
func (everybody) MX(context.Context, string) ([]string, error)     { return nil, errs.ErrNotFound }

const connections = 32

// mailSeries makes senders differ from round to round, and from run to run on a kept database: automatic mail to one address is rationed.
var mailSeries atomic.Int64

func init() { mailSeries.Store(time.Now().Unix()) }

// mail measures how many mails a second are taken, filed and answered: a round ends when the last receipt is signed and out. The latency is
// from the end of the data to "250".
func (w *world) mail(ctx context.Context) (func(context.Context) (result, error), func(), error) {
	address, end, err := w.serve(ctx)
	if err != nil {
		return nil, nil, err
	}
	round := func(ctx context.Context) (result, error) {
		out, _, err := w.comes(ctx, address)
		return out, err
	}
	return round, end, nil
}

const burstRounds = 3

// burst measures a wave that comes faster than it is filed: how many mails a second are durably taken while it comes, and how many a second of those that
// wait are filed and answered when it is over.
func (w *world) burst(ctx context.Context) (string, bool, error) {
	address, end, err := w.serve(ctx)
	if err != nil {
		return "", false, err
	}
	defer end()
	var taken, drained []float64
	for range burstRounds {
		began := time.Now()
		out, came, err := w.comes(ctx, address)
		if err != nil {
			return "", false, err
		}
		over := time.Now()
		taken = append(taken, float64(out.items)/came.at.Sub(began).Seconds())
		drained = append(drained, float64(int64(out.items)-came.done)/over.Sub(came.at).Seconds())
	}
	slices.Sort(taken)
	slices.Sort(drained)
	in, out := taken[burstRounds/2], drained[burstRounds/2]
	return fmt.Sprintf("%.0f/s taken, then %.0f/s filed", in, out), in >= burstRate && out >= mailRate, nil
}

// came is where a wave stood when its last mail was taken.
type came struct {
	at   time.Time
	done int64 // receipts that were out by then
}

// comes posts the mails of a round and waits for the last receipt.
func (w *world) comes(ctx context.Context, address string) (out result, all came, err error) {
	var newest int64
	if err := w.house.DB.QueryRow(ctx, `SELECT COALESCE(MAX(id), 0) FROM correspondence_message`).Scan(&newest); err != nil {
		return out, all, err
	}
	began := time.Now()
	if out, err = w.post(ctx, address); err != nil {
		return out, all, err
	}
	all.at = time.Now()
	if all.done, err = w.receipts(ctx, newest, int64(out.items)); err != nil {
		return out, all, err
	}
	wait := max(100*time.Millisecond, time.Since(began)/40) // counting takes time from what is measured
	for deadline := time.Now().Add(5 * time.Minute); ; {
		n, err := w.receipts(ctx, newest, int64(out.items))
		if err != nil || n >= int64(out.items) {
			return out, all, err
		}
		if time.Now().After(deadline) {
			return out, all, fmt.Errorf("%d of %d receipts are out after five minutes", n, out.items)
		}
		time.Sleep(wait)
	}
}

// serve opens the house and lets it take mail.
func (w *world) serve(ctx context.Context) (address string, end func(), err error) {
	if err := w.open(ctx); err != nil {
		return "", nil, err
	}
	h := w.house
	if address, err = freePort(); err != nil {
		return "", nil, err
	}
	pages, err := freePort()
	if err != nil {
		return "", nil, err
	}
	h.Config.SMTP, h.Config.HTTP = address, pages
	h.DNS, h.Trusted = everybody{signs: true}, app.Loopback
	h.Registry = job.NewRegistry() // another row may have served from this house
	serving, stop := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- h.Serve(serving, app.All, func(*app.House) { close(ready) }) }()
	end = func() {
		stop()
		<-ended
	}
	select {
	case <-ready:
		return address, end, nil
	case err := <-ended:
		stop()
		return "", nil, fmt.Errorf("the house ended: %w", err)
	}
}

// receipts counts those that are out, reading the newest messages alone: of each mail there are two.
func (w *world) receipts(ctx context.Context, after, mails int64) (n int64, err error) {
	return n, w.house.DB.QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT state, kind FROM correspondence_message WHERE id > $1 ORDER BY id LIMIT $2) m
		WHERE state = 'sent' AND kind = 'receipt'`, after, 4*mails).Scan(&n)
}

// post sends the mails of a round, each from somebody else.
func (w *world) post(ctx context.Context, address string) (result, error) {
	series := mailSeries.Add(1)
	clients := make(chan *smtp.Client, connections)
	for range connections {
		c, err := smtp.Dial(address)
		if err != nil {
			return result{}, err
		}
		if err := c.Hello("bench.example"); err != nil {
			return result{}, err
		}
		clients <- c
	}
	defer func() {
		for range connections {
			c := <-clients
			_ = c.Quit()
		}
	}()
	filler := strings.Repeat("Our servers connect to 203.0.113.77 every sixty-one seconds since this morning.\r\n", 46)
	return atOnce(connections, w.mails, func(n int) (time.Duration, error) {
		c := <-clients
		defer func() { clients <- c }()
		from := fmt.Sprintf("s%d@d%d-%d.example", n, series, n/20)
		if err := c.Mail(from); err != nil {
			return 0, err
		}
		if err := c.Rcpt(w.house.Profile.Address); err != nil {
			return 0, err
		}
		d, err := c.Data()
		if err != nil {
			return 0, err
		}
		var mail bytes.Buffer
		fmt.Fprintf(&mail, "From: <%s>\r\nTo: <%s>\r\nSubject: Beacons, case %d-%d\r\nDate: %s\r\nMessage-ID: <%d.%d@bench.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nCase %d of %d.\r\n%s",
			from, w.house.Profile.Address, series, n, time.Now().Format(time.RFC1123Z), series, n, n, series, filler)
		_, domain, _ := strings.Cut(from, "@")
		if err := dkim.Sign(d, &mail, &dkim.SignOptions{Domain: domain, Selector: "bench", Signer: signs, HeaderKeys: []string{"From", "To", "Subject", "Date", "Message-ID"}}); err != nil {
			return 0, err
		}
		began := time.Now()
		err = d.Close()
		return time.Since(began), err
	})
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
