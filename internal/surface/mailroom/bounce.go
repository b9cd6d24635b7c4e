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
	if ok && (r.Kind == mail.Disposition || r.Kind == mail.Feedback) {
		return cameBack{}, false
	}
	c, named := cameBack{}, false
	for _, g := range r.Groups {
		if g.Has("Action") || g.Has("Status") || g.Has("Final-Recipient") || g.Has("Original-Recipient") {
			named = true
			c.failed = c.failed || gaveUp(g)
		}
	}
	if !ok || r.Kind != mail.Delivery || !named { // it says nothing of a recipient in fields: perhaps it does in words
		words, found := l.cameBackInWords()
		if found || !ok || r.Kind != mail.Delivery {
			return words, found
		}
	}
	if r.Original != nil {
		c.messageID = mail.Parse(r.Original.Bytes).MessageID()
		if c.messageID == "" {
			c.messageID = mail.Parse(r.Original.RawBody()).MessageID()
		}
	}
	if c.messageID == "" { // a short original stands in the words of some, or only its name in the head
		c.messageID = l.quoted()
	}
	if c.messageID == "" {
		c.messageID = l.refers()
	}
	return c, true
}

// gaveUp tells whether the fields of one recipient say that the letter will not arrive. Some programs write an action of their own, or none; then the
// status counts.
func gaveUp(recipient mail.Header) bool {
	action, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(recipient.Get("Action"))), " ")
	switch strings.Trim(action, ";") {
	case "failed", "expired":
		return true
	case "delayed", "delivered", "relayed", "expanded":
		return false
	}
	return strings.HasPrefix(strings.TrimSpace(recipient.Get("Status")), "5.")
}

// readable is what is read of one part for the words of a program.
const readable = 64 << 10

// wordsOf gives what a part of a notice says, as far as it is read.
func wordsOf(p *mail.Part) ([]byte, bool) {
	switch {
	case p.Type == "text/plain" || p.Type == "text/html" || strings.HasPrefix(p.Type, "multipart/") && len(p.Parts) == 0:
		text, _ := p.Text()
		if p.Type == "text/html" {
			text = mail.TextOf(text)
		}
		return []byte(text[:min(len(text), readable)]), true
	case p.Type == "message/rfc822" || p.Type == "message/partial" || p.Type == "text/rfc822-headers" || p.Type == "message/rfc822-headers":
		return p.Bytes[:min(len(p.Bytes), readable)], true
	}
	return nil, false
}

// quoted gives the Message-ID of the letter whose head stands somewhere in a notice.
func (l *letter) quoted() string {
	for _, p := range l.outer.Parts {
		words, ok := wordsOf(p)
		if !ok {
			continue
		}
		if found := quotedID.FindSubmatch(words); found != nil {
			return string(found[1])
		}
	}
	return ""
}

// refers gives the Message-ID of what a mail answers, by its head.
func (l *letter) refers() string {
	for _, field := range []string{"In-Reply-To", "References"} {
		ids := strings.Fields(l.outer.Header().Get(field))
		if len(ids) > 0 {
			return strings.Trim(ids[len(ids)-1], "<>")
		}
	}
	return ""
}

// quotedID is the line of a letter's head as old mail programs copy it into their words.
var quotedID = regexp.MustCompile(`(?im)^[> \t]*Message-ID:[ \t]*(?:\r?\n[> \t]+)?<([^<>\s]{3,998})>`)

// onlyLate are words of programs that go on trying.
var onlyLate = regexp.MustCompile(`(?i)warning:|delayed|still trying|will be retried|will keep trying|do not need to resend`)

// givenUp are words and codes with which programs say that a letter will not arrive, in the languages of their owners.
var givenUp = regexp.MustCompile(`(?i)undeliver|not (?:be )?deliver|delivery (?:has |to .{1,80} )?fail|failed (?:permanently|to deliver)|permanent (?:fatal )?error|returned (?:mail|message|to sender)|user unknown|` +
	`no such (?:user|mailbox|recipient)|no (?:valid recipients|mailbox here)|unable to deliver|failure (?:notice|delivery)|delivery errors?\b|unknown (?:user|recipient|address)|mailbox (?:unavailable|not found|full|is full)|does not exist|address rejected|i'm afraid i wasn't able|i've given up|` +
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
		words, ok := wordsOf(p)
		if !ok {
			continue
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

// programNames is how programs that carry mail call themselves.
var programNames = regexp.MustCompile(`(?i)\bmail(?:er)?[ -](?:delivery|daemon|administrator)|\bpostmaster\b|\bNDR\b`)

func fromProgram(m *mail.Message) bool {
	from := m.From()
	for _, a := range from {
		name, _, _ := strings.Cut(strings.ToLower(a.Addr), "@")
		switch strings.NewReplacer("-", "", "_", "", ".", "").Replace(name) {
		case "mailerdaemon", "postmaster", "maildaemon", "mdaemon", "maildeliverysystem", "maildeliverysubsystem", "daemon":
			return true
		}
		if strings.HasPrefix(name, "microsoftexchange") || programNames.MatchString(a.Name) {
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
	return l.refers()
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
