package correspondence

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// AutoLetter names one automatic letter of the catalogue.
type AutoLetter uint8

// The automatic letters.
const (
	AutoReceipt  AutoLetter = iota + 1 // a report arrived
	AutoAdded                          // something more for a report or a request arrived
	AutoReminder                       // what we asked is due soon
	AutoOverdue                        // what we asked is overdue
	AutoState                          // the state of a report changed: look at its page
)

// Auto is an automatic letter: which one, and typed values. It has no slot for text, so that nothing that a stranger wrote can come under the
// team's signature (rule M8). The reference is the thread's own, the link one of ours.
type Auto struct {
	Letter AutoLetter
	At     time.Time // when it arrived
	DueAt  time.Time // when we answer, or when the answer is due
	Count  int       // of what is open
	Code   id.Secret // of the status page: it opens what a code may open that travelled by this road
}

// autoKeys are the catalogue keys of each letter.
var autoKeys = [...]struct {
	subject, text, due string
	plural             bool
}{
	AutoReceipt:  {"mail.receipt.subject", "mail.receipt.text", "mail.receipt.due", false},
	AutoAdded:    {"mail.added.subject", "mail.added.text", "", false},
	AutoReminder: {"mail.reminder.subject", "mail.reminder.text", "mail.reminder.due", true},
	AutoOverdue:  {"mail.overdue.subject", "mail.overdue.text", "mail.overdue.due", true},
	AutoState:    {"mail.state.subject", "mail.state.text", "", false},
}

func (a Auto) check() error {
	code := a.Code.Reveal()
	if a.Letter == 0 || int(a.Letter) >= len(autoKeys) || a.Count < 0 || (code != "" && !id.Valid(code)) {
		return errs.New(errs.Invalid, "no such automatic letter, or a value that is none of ours")
	}
	return nil
}

// write gives subject and text in the reader's language.
func (a Auto) write(p *text.Printer, t Thread, link string) (subject, body string) {
	k := autoKeys[a.Letter]
	subject = p.T(k.subject)
	if k.plural {
		body = p.N(k.text, a.Count, "reference", t.Reference)
	} else {
		body = p.T(k.text, "reference", t.Reference, "at", a.At)
	}
	if k.due != "" && !a.DueAt.IsZero() {
		body += "\n\n" + p.T(k.due, "due", a.DueAt)
	}
	if link != "" {
		body += "\n\n" + p.T("mail.auto.link") + "\n" + link
	}
	return subject, body
}

// link gives the page of ours where the reader goes on: the status page for who has its code, the portal for an organisation.
func (s *Service) link(t Thread, code id.Secret) string {
	switch {
	case code.Reveal() != "":
		return s.Team.URL + "/r/" + code.Reveal()
	case t.Correspondent.Organisation != 0:
		return s.Team.URL + "/portal"
	}
	return ""
}
