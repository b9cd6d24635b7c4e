package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/smtp"
	"sync/atomic"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
)

const (
	manyLarge   = 10
	sizeOfLarge = 50<<20 - 64<<10
	mostLarge   = 450 << 20 // of a mail of 50 MiB: its bytes, what is in its files, and what the collector leaves
)

// largeMails is the most that server and key process hold while ten mails of 50 MiB come at the same time, and until they are filed.
func (w *world) largeMails(ctx context.Context) (string, bool, error) {
	if err := w.open(ctx); err != nil {
		return "", false, err
	}
	address, err := freePort()
	if err != nil {
		return "", false, err
	}
	server, end, err := w.apart(ctx, "TOCSIN_SMTP="+address)
	if err != nil {
		return "", false, err
	}
	defer end()
	var most atomic.Int64
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for watching.Err() == nil {
			most.Store(max(most.Load(), int64(held(server))))
			time.Sleep(50 * time.Millisecond)
		}
	}()
	defer func() {
		stop()
		<-watched
	}()
	mails, size := manyLarge, sizeOfLarge
	if w.tiny {
		mails, size = 2, 5<<20
	}
	sent := make(chan error, mails)
	for i := range mails {
		go func() { sent <- w.sendLarge(address, i, size) }()
	}
	for range mails {
		if err := <-sent; err != nil {
			return "", false, fmt.Errorf("send a large mail: %w", err)
		}
	}
	taken := most.Load()
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		var waits int64
		if err := w.house.DB.QueryRow(ctx, `SELECT COUNT(*) FROM correspondence_arrival WHERE state = 'new'`).Scan(&waits); err != nil {
			return "", false, err
		}
		if waits == 0 {
			break
		}
		if time.Now().After(deadline) {
			return "", false, fmt.Errorf("%d mails are not filed after three minutes", waits)
		}
	}
	return fmt.Sprintf("%.0f MB, %.0f MB until all were taken", float64(most.Load())/1e6, float64(taken)/1e6), most.Load() < mostLarge, nil
}

// sendLarge writes a mail with a file in it, without holding it.
func (w *world) sendLarge(address string, n, size int) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	c, err := smtp.Dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Hello(host); err != nil {
		return err
	}
	if err := c.Mail(fmt.Sprintf("large%d@sender.example", n)); err != nil {
		return err
	}
	if err := c.Rcpt(app.CountryProfile().Address); err != nil {
		return err
	}
	out, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "From: large%d@sender.example\r\nTo: %s\r\nSubject: Large %d\r\nDate: %s\r\nMessage-ID: <large.%d.%d@sender.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=zz\r\n\r\n"+
		"--zz\r\nContent-Type: text/plain\r\n\r\nThe image of the disk.\r\n--zz\r\nContent-Type: application/octet-stream; name=disk.img\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		n, app.CountryProfile().Address, n, time.Now().Format(time.RFC1123Z), time.Now().UnixNano(), n)
	noise := rand.NewChaCha8([32]byte{byte(n)})
	raw := make([]byte, 57)
	for written := 0; written < size; written += 78 {
		_, _ = noise.Read(raw)
		if _, err := io.WriteString(out, base64.StdEncoding.EncodeToString(raw)+"\r\n"); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(out, "--zz--\r\n"); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return c.Quit()
}
