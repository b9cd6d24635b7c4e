package mailroom

import (
	"bytes"
	"context"
	"regexp"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// cameBack is what a delivery report (RFC 3464), or the notice of an older program, says of one letter of ours.
type cameBack struct {
	messageID string // of the letter; "" when the report does not hold it
	failed    bool   // it was given up for at least one recipient, not only delayed or delivered
}

func (l *letter) cameBack() (cameBack, bool) {
	if l.outer == nil {
		return cameBack{}, false
	}
	r, ok := l.outer.Report()
	if !ok {
		return l.cameBackInWords()
	}
	if r.Kind != mail.Delivery {
		return cameBack{}, false
	}
	var c cameBack
	for _, g := range r.Groups {
		c.failed = c.failed || strings.EqualFold(strings.TrimSpace(g.Get("Action")), "failed")
	}
	if r.Original != nil {
		c.messageID = mail.Parse(r.Original.Bytes).MessageID()
		if c.messageID == "" {
			c.messageID = mail.Parse(r.Original.RawBody()).MessageID()
		}
	}
	return c, true
}

// quotedID is the line of a letter's head as old mail programs copy it into their words.
var quotedID = regexp.MustCompile(`(?im)^[> \t]*Message-ID:[ \t]*<([^<>\s]{3,998})>`)

// onlyLate are words of programs that go on trying.
var onlyLate = regexp.MustCompile(`(?i)warning:|delayed|still trying|will be retried|will keep trying|do not need to resend`)

// cameBackInWords reads the notice of a mail program that writes no RFC 3464: sent by nobody, written by the program, with the head of the letter
// in its words. Without that head, or when the program goes on trying, it marks nothing.
func (l *letter) cameBackInWords() (cameBack, bool) {
	if l.arrival.From != "" || !fromProgram(l.outer) || onlyLate.MatchString(l.outer.Subject()) {
		return cameBack{}, false
	}
	for _, p := range l.outer.Parts {
		switch p.Type {
		case "message/rfc822", "text/rfc822-headers", "text/plain":
		default:
			continue
		}
		words := p.Bytes[:min(len(p.Bytes), 64<<10)]
		if found := quotedID.FindSubmatch(words); found != nil {
			before, _, _ := bytes.Cut(words, found[0])
			return cameBack{messageID: string(found[1]), failed: !onlyLate.Match(before)}, true
		}
	}
	return cameBack{}, false
}

func fromProgram(m *mail.Message) bool {
	for _, a := range m.From() {
		switch name, _, _ := strings.Cut(strings.ToLower(a.Addr), "@"); name {
		case "mailer-daemon", "postmaster", "mail-daemon":
			return true
		}
	}
	return false
}

// threadOf says to which thread a mail belongs: by the tag of a recipient, a delivery report also by the letter that came back.
func (m *Room) threadOf(ctx context.Context, h db.Handle, l *letter) (correspondence.Thread, error) {
	t, err := m.Correspondence.Match(ctx, h, l.arrival.To)
	if !errs.Is(err, errs.NotFound) {
		return t, err
	}
	if c, ok := l.cameBack(); ok {
		return m.Correspondence.ByMessageID(ctx, h, c.messageID)
	}
	return t, err
}

// automaticIn files what a program sent: it ties to its thread and answers nothing. The team sees it, the correspondent did not write it.
func (m *Room) automaticIn(ctx context.Context, tx *db.Tx, l *letter, t correspondence.Thread, in correspondence.Incoming) (ref.Ref, error) {
	in.Kind = correspondence.Receipt
	in.Body.Reasons = append(in.Body.Reasons, "desk.sender.automatic")
	c, report := l.cameBack()
	if report && c.failed {
		back, err := m.Correspondence.BounceTx(ctx, tx, by(), t.Ref.ID, c.messageID)
		if err != nil {
			return ref.Ref{}, err
		}
		if back {
			in.Body.Reasons = append(in.Body.Reasons, "desk.sender.bounced")
		}
	}
	_, err := m.Correspondence.ReceiveTx(ctx, tx, by(), t.Ref.ID, in)
	return t.Ref, err
}
