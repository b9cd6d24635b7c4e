package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/textproto"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
)

const (
	bySMTP = "smtp"
	byLMTP = "lmtp"
	byIMAP = "imap"

	manyLarge   = 10
	sizeOfLarge = 50<<20 - 64<<10
	mostLarge   = 450 << 20 // of a mail of 50 MiB: its bytes, what is in its files, and what the collector leaves
)

// largeMails is the most that server and key process hold while ten mails of 50 MiB come by a road, and until they are filed: by SMTP and LMTP at the
// same time, out of a mailbox as they are fetched.
func (w *world) largeMails(road string) func(ctx context.Context) (string, bool, error) {
	return func(ctx context.Context) (string, bool, error) { return w.mostHeld(ctx, road) }
}

func (w *world) mostHeld(ctx context.Context, road string) (string, bool, error) {
	if err := w.open(ctx); err != nil {
		return "", false, err
	}
	mails, size := manyLarge, sizeOfLarge
	if w.tiny {
		mails, size = 2, 5<<20
	}
	var settings []string
	var send func(n int) error
	var taken func() bool
	if road == byIMAP {
		box, err := newMailbox(mails, func(out io.Writer, n int) error { return writeLarge(out, n, size) })
		if err != nil {
			return "", false, err
		}
		defer box.close()
		settings, send, taken = box.settings(), func(int) error { return nil }, box.empty
	} else {
		address, err := freePort()
		if err != nil {
			return "", false, err
		}
		settings, taken = []string{"TOCSIN_" + strings.ToUpper(road) + "=" + address}, func() bool { return true }
		send = func(n int) error { return sendLarge(address, road, n, size) }
	}
	server, end, err := w.apart(ctx, settings...)
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
	sent := make(chan error, mails)
	for i := range mails {
		go func() { sent <- send(i) }()
	}
	for range mails {
		if err := <-sent; err != nil {
			return "", false, fmt.Errorf("send a large mail: %w", err)
		}
	}
	var until int64
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if !taken() {
			if time.Now().After(deadline) {
				return "", false, errors.New("not all mails were fetched in three minutes")
			}
			continue
		}
		if until == 0 {
			until = most.Load()
		}
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
	return fmt.Sprintf("%.0f MB, %.0f MB until all were taken", float64(most.Load())/1e6, float64(until)/1e6), most.Load() < mostLarge, nil
}

// sendLarge hands over a mail by SMTP or LMTP, without holding it.
func sendLarge(address, road string, n, size int) error {
	c, err := textproto.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	hello := "EHLO"
	if road == byLMTP {
		hello = "LHLO"
	}
	for _, step := range []struct {
		say  string
		code int
	}{{"", 220}, {hello + " localhost", 250}, {fmt.Sprintf("MAIL FROM:<large%d@sender.example>", n), 250}, {"RCPT TO:<" + app.CountryProfile().Address + ">", 250}, {"DATA", 354}} {
		if step.say != "" {
			if err := c.PrintfLine("%s", step.say); err != nil {
				return err
			}
		}
		if _, _, err := c.ReadResponse(step.code); err != nil {
			return err
		}
	}
	out := c.DotWriter()
	if err := writeLarge(out, n, size); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	_, _, err = c.ReadResponse(250)
	return err
}

// writeLarge writes a mail with a file in it.
func writeLarge(out io.Writer, n, size int) error {
	_, err := fmt.Fprintf(out, "From: large%d@sender.example\r\nTo: %s\r\nSubject: Large %d\r\nDate: %s\r\nMessage-ID: <large.%d.%d@sender.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=zz\r\n\r\n"+
		"--zz\r\nContent-Type: text/plain\r\n\r\nThe image of the disk.\r\n--zz\r\nContent-Type: application/octet-stream; name=disk.img\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		n, app.CountryProfile().Address, n, time.Now().Format(time.RFC1123Z), time.Now().UnixNano(), n)
	noise := rand.NewChaCha8([32]byte{byte(n)})
	raw := make([]byte, 57)
	for written := 0; written < size && err == nil; written += 78 {
		_, _ = noise.Read(raw)
		_, err = io.WriteString(out, base64.StdEncoding.EncodeToString(raw)+"\r\n")
	}
	if err == nil {
		_, err = io.WriteString(out, "--zz--\r\n")
	}
	return err
}
