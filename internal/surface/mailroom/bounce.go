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

// givenUp are words and codes with which programs say that a letter will not arrive, in the languages of their owners.
var givenUp = regexp.MustCompile(`(?i)undeliver|not (?:be )?deliver|delivery (?:has |to .{1,80} )?fail|failed (?:permanently|to deliver)|permanent (?:fatal )?error|returned (?:mail|message|to sender)|user unknown|` +
	`no such (?:user|mailbox|recipient)|unknown (?:user|recipient|address)|mailbox (?:unavailable|not found|full|is full)|does not exist|address rejected|i'm afraid i wasn't able|i've given up|` +
	`unzustellbar|nicht zu(?:gestellt|stellbar)|non (?:remis|distribu|délivr)|échec de la remise|n.a pas pu être|não (?:foi |pôde ser |pode ser )?entreg|falha na entrega|onbestelbaar|niet (?:worden )?(?:bezorgd|afgeleverd|bestelbaar)|` +
	`no se (?:ha podido|pudo|puede) entregar|impossibile (?:recapitare|consegnare)|(?:^|[^0-9.])5\.[0-9]\.[0-9]{1,3}(?:[^0-9.]|$)|(?:^|[\s:(])55[0-4][ -]`)

// cameBackInWords reads the notice of a mail program that writes no RFC 3464: sent by nobody, written by the program, with the head of the letter
// in its words or behind them. Without that head it speaks of the letter at whose tag it arrives, when its words give that up. A program that goes on
// trying marks nothing.
func (l *letter) cameBackInWords() (cameBack, bool) {
	if l.arrival.From != "" || !fromProgram(l.outer) || onlyLate.MatchString(l.outer.Subject()) {
		return cameBack{}, false
	}
	said := false
	for _, p := range l.outer.Parts {
		switch p.Type {
		case "message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "text/plain", "text/html":
		default:
			continue
		}
		words := p.Bytes[:min(len(p.Bytes), 64<<10)]
		if p.Is("text/") && p.Type != "text/rfc822-headers" {
			text, _ := p.Text()
			if p.Type == "text/html" {
				text = mail.TextOf(text)
			}
			words = []byte(text[:min(len(text), 64<<10)])
		}
		before := words
		found := quotedID.FindSubmatch(words)
		if found != nil {
			before, _, _ = bytes.Cut(words, found[0])
		}
		if onlyLate.Match(before) {
			return cameBack{}, found != nil
		}
		if found != nil {
			return cameBack{messageID: string(found[1]), failed: true}, true
		}
		said = said || givenUp.Match(before)
	}
	said = said || givenUp.MatchString(l.outer.Subject()) || l.outer.Header().Has("X-Failed-Recipients")
	return cameBack{failed: said}, said
}

func fromProgram(m *mail.Message) bool {
	from := m.From()
	for _, a := range from {
		name, _, _ := strings.Cut(strings.ToLower(a.Addr), "@")
		switch strings.NewReplacer("-", "", "_", "", ".", "").Replace(name) {
		case "mailerdaemon", "postmaster", "maildaemon", "mdaemon", "maildeliverysystem", "maildeliverysubsystem", "daemon":
			return true
		}
		if strings.HasPrefix(name, "microsoftexchange") {
			return true
		}
	}
	return len(from) == 0
}

// answered gives the Message-ID of the letter that a mail program answers: of a delivery or read report what it names, of another automatic mail what it
// is a reply to. Of a person's mail none: references say nothing (rule M6).
func (l *letter) answered() string {
	if c, ok := l.cameBack(); ok {
		return c.messageID
	}
	if l.outer == nil || len(l.automatic) == 0 && !l.bounce {
		return ""
	}
	if r, ok := l.outer.Report(); ok {
		for _, g := range r.Groups {
			if id := strings.Trim(strings.TrimSpace(g.Get("Original-Message-ID")), "<>"); id != "" {
				return id
			}
		}
		if r.Original != nil {
			if id := mail.Parse(r.Original.Bytes).MessageID(); id != "" {
				return id
			}
		}
	}
	for _, field := range []string{"In-Reply-To", "References"} {
		ids := strings.Fields(l.outer.Header().Get(field))
		if len(ids) > 0 {
			return strings.Trim(ids[len(ids)-1], "<>")
		}
	}
	return ""
}

// read says what a read report (RFC 8098) tells of the letter: that somebody had it opened, or deleted it unread. It is the program's word.
func (l *letter) read() string {
	if l.outer == nil {
		return ""
	}
	r, ok := l.outer.Report()
	if !ok || r.Kind != mail.Disposition {
		return ""
	}
	for _, g := range r.Groups {
		_, kind, _ := strings.Cut(strings.ToLower(g.Get("Disposition")), ";")
		kind, _, _ = strings.Cut(strings.TrimSpace(kind), "/")
		switch kind {
		case "displayed":
			return "desk.sender.read"
		case "deleted":
			return "desk.sender.deleted"
		}
	}
	return ""
}

// threadOf says to which thread a mail belongs: by the tag of a recipient, what a program answers also by the letter of ours that it names.
func (m *Room) threadOf(ctx context.Context, h db.Handle, l *letter) (correspondence.Thread, error) {
	t, err := m.Correspondence.Match(ctx, h, l.arrival.To)
	if !errs.Is(err, errs.NotFound) {
		return t, err
	}
	if id := l.answered(); id != "" {
		return m.Correspondence.ByMessageID(ctx, h, id)
	}
	return t, err
}

// automaticIn files what a program sent: it ties to its thread and answers nothing. The team sees it, the correspondent did not write it.
func (m *Room) automaticIn(ctx context.Context, tx *db.Tx, l *letter, t correspondence.Thread, in correspondence.Incoming) (ref.Ref, error) {
	in.Kind = correspondence.Receipt
	in.Body.Reasons = append(in.Body.Reasons, "desk.sender.automatic")
	if read := l.read(); read != "" {
		in.Body.Reasons = append(in.Body.Reasons, read)
	}
	var err error
	if in.Body.Answers, err = m.Correspondence.Letter(ctx, tx, t.Ref.ID, l.answered()); err != nil {
		return ref.Ref{}, err
	}
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
	_, err = m.Correspondence.ReceiveTx(ctx, tx, by(), t.Ref.ID, in)
	return t.Ref, err
}
