package mailroom

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/imap"
	"github.com/tocsin-csirt/tocsin/internal/kit/spool"
)

// Mailbox keeps what is fetched from a mailbox of the team's.
type Mailbox struct {
	Name           string // user@host/INBOX, by which it is known for good
	Backend        Backend
	Correspondence *correspondence.Service
}

// Taken is of imap.Store.
func (m Mailbox) Taken(ctx context.Context, validity uint32, uids []uint32) (map[uint32]bool, error) {
	return m.Correspondence.TakenFrom(db.On(ctx, db.Mail), m.Name, validity, uids)
}

// Keep is of imap.Store.
func (m Mailbox) Keep(ctx context.Context, validity uint32, mails []imap.Mail) error {
	list := make([]correspondence.Arrival, len(mails))
	for i, one := range mails {
		a := correspondence.Arrival{ReceivedAt: m.arrived(one.At), Road: correspondence.RoadIMAP, Fetched: &correspondence.Place{Mailbox: m.Name, Validity: validity, UID: one.UID}}
		head, err := io.ReadAll(io.LimitReader(one.Body.Open(), maxHead))
		if err != nil {
			return err
		}
		a.From, a.To = m.envelope(ctx, head)
		if a.Size = one.Body.Size(); a.Size > spool.InMemory {
			a.Spool = one.Body.Reader()
		} else if a.Raw, err = one.Body.Bytes(); err != nil {
			return err
		}
		list[i] = a
	}
	_, err := m.Correspondence.ArriveFrom(db.On(ctx, db.Mail), list)
	return err
}

// Report is of imap.Store.
func (m Mailbox) Report(ctx context.Context, s imap.State) error {
	return m.Correspondence.MailboxReport(db.On(ctx, db.Mail), correspondence.MailboxState{Mailbox: m.Name, Problem: s.Problem, Waiting: s.Waiting, TooLarge: s.TooLarge, Idle: s.Idle}, s.Taken)
}

// believed is how far back the time of a mailbox counts: whoever was told while we were away was told then.
const believed = 30 * 24 * time.Hour

func (m Mailbox) arrived(at time.Time) time.Time {
	now := m.Correspondence.Clock.Now()
	if at.After(now) || now.Sub(at) > believed {
		return now
	}
	return at
}

// maxHead is how much of a mail is looked at for its envelope.
const maxHead = 256 << 10

// envelope reads from the fields that the delivering server puts on top what SMTP would have told: the return path, "" when it is null, and
// which of our addresses the mail was for. A mail without a return path is taken as its From says; one that names no address of ours, as to the team.
func (m Mailbox) envelope(ctx context.Context, raw []byte) (from string, to []string) {
	defer func() {
		if recover() != nil {
			from, to = "", []string{m.Backend.Address} // nobody is answered by himself then
		}
	}()
	head := raw
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(head, []byte(end)); i >= 0 {
			head = head[:i+len(end)]
		}
	}
	msg := mail.Parse(head[:min(len(head), maxHead)])
	h := msg.Header()
	if paths := h.All("Return-Path"); len(paths) > 0 {
		from = strings.Trim(strings.TrimSpace(paths[0].Value), "<>")
	} else if s, ok := msg.Sender(); ok {
		from = s.Addr
	}
	add := func(addr string) {
		if len(to) < 100 && m.Backend.Recipient(ctx, addr) == nil && !slices.Contains(to, addr) {
			to = append(to, addr)
		}
	}
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To"} {
		for _, f := range h.All(name) {
			add(strings.Trim(strings.TrimSpace(f.Value), "<>"))
		}
	}
	for _, name := range []string{"To", "Cc"} {
		list, _ := h.Addresses(name)
		for _, a := range list {
			add(a.Addr)
		}
	}
	// An address with a tag says more than the mailbox that it was delivered to.
	slices.SortStableFunc(to, func(a, b string) int {
		switch {
		case tagged(a) == tagged(b):
			return 0
		case tagged(a):
			return -1
		}
		return 1
	})
	if len(to) == 0 {
		to = []string{m.Backend.Address}
	}
	return from, to
}

var _ imap.Store = Mailbox{}
