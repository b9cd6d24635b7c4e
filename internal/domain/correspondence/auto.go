package correspondence

import (
	"cmp"
	"fmt"
	"regexp"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
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
	AutoMissing                        // what was handed in has gaps: a person asks to fill them in
	AutoThanks                         // suspicious messages arrived: at most one in a day
	AutoAddress                        // a code by which a reporter proves that the address is his
	AutoAlarm                          // to colleagues: an alarm was raised
	AutoTask                           // to colleagues: something is to be done, not urgent
	AutoLate                           // to colleagues: a deadline has passed
	AutoHealth                         // to colleagues: the system needs somebody
	AutoSpam                           // to colleagues: mail lies in the lane of probable spam
	AutoPage                           // to who is on duty: somebody is needed now
)

// Auto is an automatic letter: which one, and typed values. It has no slot for text, so that nothing that a stranger wrote can come under the
// team's signature (rule M8). The reference is the thread's own, the link one of ours.
type Auto struct {
	Letter AutoLetter
	At     time.Time // when it arrived
	DueAt  time.Time // when we answer, or when the answer is due
	Count  int       // of what is open
	Code   id.Secret // of the status page: it opens what a code may open that travelled by this road
	Crime  bool      // a receipt: a crime is suspected, and the police are another door
	Digits Digits    // the code of AutoAddress
	Number Number    // to colleagues: of what it is about
}

// autoKeys are the catalogue keys of each letter.
var autoKeys = [...]struct {
	subject, text, due string
	plural             bool
	room               string // of the desk, for letters to colleagues
}{
	AutoReceipt:  {"mail.receipt.subject", "mail.receipt.text", "mail.receipt.due", false, ""},
	AutoAdded:    {"mail.added.subject", "mail.added.text", "", false, ""},
	AutoReminder: {"mail.reminder.subject", "mail.reminder.text", "mail.reminder.due", true, ""},
	AutoOverdue:  {"mail.overdue.subject", "mail.overdue.text", "mail.overdue.due", true, ""},
	AutoState:    {"mail.state.subject", "mail.state.text", "", false, ""},
	AutoAlarm:    {"mail.alarm.subject", "mail.alarm.text", "", false, "/desk/alarms"},
	AutoTask:     {"mail.task.subject", "mail.task.text", "", false, "/desk/alarms"},
	AutoLate:     {"mail.late.subject", "mail.late.text", "", false, "/desk/deadlines"},
	AutoHealth:   {"mail.health.subject", "mail.health.text", "", false, "/desk/admin"},
	AutoSpam:     {"mail.spam.subject", "mail.spam.text", "", true, "/desk/triage/spam"},
	AutoPage:     {"mail.page.subject", "mail.page.text", "", false, "/desk/duty"},
	AutoMissing:  {"mail.missing.subject", "mail.missing.text", "", true, ""},
	AutoThanks:   {"mail.thanks.subject", "mail.thanks.text", "", false, ""},
	AutoAddress:  {"mail.address.subject", "mail.address.text", "", false, ""},
}

func (a Auto) check() error {
	code := a.Code.Reveal()
	if a.Letter == 0 || int(a.Letter) >= len(autoKeys) || a.Count < 0 || (code != "" && !id.Valid(code)) {
		return errs.New(errs.Invalid, "no such automatic letter, or a value that is none of ours")
	}
	if (a.Digits != Digits{}) != (a.Letter == AutoAddress) {
		return errs.New(errs.Invalid, "a code of eight digits goes with its letter")
	}
	if a.Number != (Number{}) && autoKeys[a.Letter].room == "" {
		return errs.New(errs.Invalid, "only a notice to a colleague names a number")
	}
	return nil
}

// Digits is a code of eight digits that is read in a letter and typed on a page, and nothing else.
type Digits struct{ text string }

// DigitsOf gives the code of a number below 100,000,000.
func DigitsOf(n uint32) Digits { return Digits{fmt.Sprintf("%08d", n%100_000_000)} }

// Text is the code as it is typed.
func (d Digits) Text() string { return d.text }

// numbered is what a notice may name: the number of an incident or the reference of a report.
var numbered = regexp.MustCompile(`^(INC-\d{4}-\d{6}|R-\d{4}-[0-9A-Z]{6})$`)

// Number is the number of an incident or the reference of a report, and nothing else.
type Number struct{ text string }

// NumberOf reads it strictly.
func NumberOf(s string) (Number, bool) {
	if !numbered.MatchString(s) {
		return Number{}, false
	}
	return Number{s}, true
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
	if d := a.Digits.text; d != "" {
		body += "\n\n" + d[:4] + " " + d[4:]
	}
	if k.due != "" && !a.DueAt.IsZero() {
		body += "\n\n" + p.T(k.due, "due", a.DueAt)
	}
	if a.Crime {
		body += "\n\n" + p.T("mail.receipt.crime")
	}
	if k.room != "" {
		if a.Number.text != "" {
			body += "\n\n" + a.Number.text
		}
		return subject, body + "\n\n" + link + k.room
	}
	if link != "" {
		body += "\n\n" + p.T("mail.auto.link") + "\n" + link
	}
	return subject, body
}

// link gives the page of ours where the reader goes on: the status page for who has its code, the portal for an organisation.
func (s *Service) link(t Thread, code id.Secret) string {
	switch {
	case t.About.Kind == ref.Account:
		return cmp.Or(s.Team.Desk, s.Team.URL)
	case code.Reveal() != "":
		return s.Team.URL + "/r/" + code.Reveal()
	case t.Correspondent.Organisation != 0:
		return s.Team.URL + "/portal"
	}
	return ""
}
