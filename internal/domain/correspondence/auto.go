package correspondence

import (
	"cmp"
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
	AutoReceipt      AutoLetter = iota + 1 // a report arrived
	AutoAdded                              // something more for a report or a request arrived
	AutoReminder                           // what we asked is due soon
	AutoOverdue                            // what we asked is overdue
	AutoState                              // the state of a report changed: look at its page
	AutoMissing                            // what was handed in has gaps: a person asks to fill them in
	AutoThanks                             // suspicious messages arrived: at most one in a day
	AutoProve                              // to a role of a domain: the code of somebody who says that it is theirs
	AutoAddress                            // to a reporter: the code by which he proves that the address is his
	AutoAlarm                              // to colleagues: an alarm was raised
	AutoTask                               // to colleagues: something is to be done, not urgent
	AutoLate                               // to colleagues: a deadline has passed
	AutoHealth                             // to colleagues: the system needs somebody
	AutoSpam                               // to colleagues: mail lies in the lane of probable spam
	AutoPage                               // to who is on duty: somebody is needed now
	AutoInvitation                         // to somebody whom an organisation asks to be of its people: its link
	AutoPassword                           // to a person whose password was made void: the link to choose another
	AutoNews                               // to a person of an organisation, who chose to be told: something is new in the portal
	AutoRegistration                       // to who registers an entity: there is something on the page of the registration
	AutoReview                             // to a contact of a registered entity: its entry is to be looked through
	AutoConfirm                            // to a contact of an organisation: once a year, whether its entry is still right
	AutoConfirmAgain                       // once more
)

// Auto is an automatic letter: which one, and typed values. It has no slot for text, so that nothing that a stranger wrote can come under the
// team's signature (rule M8). The reference is the thread's own, the link one of ours.
type Auto struct {
	Letter AutoLetter
	At     time.Time // when it arrived
	DueAt  time.Time // when we answer, or when the answer is due
	Count  int       // of what is open
	Code   id.Secret // of the status page: it opens what a code may open that travelled by this road
	Answer bool      // Code opens the page on which a letter is answered, and no status page
	Crime  bool      // a receipt: a crime is suspected, and the police are another door
	Number Number    // to colleagues: of what it is about
	Typed  Typed     // of AutoProve and AutoAddress: what is typed on a page
}

// autoKeys are the catalogue keys of each letter.
var autoKeys = [...]struct {
	subject, text, due string
	plural             bool
	room               string // of the desk, for letters to colleagues
	opens              bool   // it carries the link of the account that the thread is about
}{
	AutoReceipt:      {"mail.receipt.subject", "mail.receipt.text", "mail.receipt.due", false, "", false},
	AutoAdded:        {"mail.added.subject", "mail.added.text", "", false, "", false},
	AutoReminder:     {"mail.reminder.subject", "mail.reminder.text", "mail.reminder.due", true, "", false},
	AutoOverdue:      {"mail.overdue.subject", "mail.overdue.text", "mail.overdue.due", true, "", false},
	AutoState:        {"mail.state.subject", "mail.state.text", "", false, "", false},
	AutoAlarm:        {"mail.alarm.subject", "mail.alarm.text", "", false, "/desk/alarms", false},
	AutoTask:         {"mail.task.subject", "mail.task.text", "", false, "/desk/alarms", false},
	AutoLate:         {"mail.late.subject", "mail.late.text", "", false, "/desk/deadlines", false},
	AutoHealth:       {"mail.health.subject", "mail.health.text", "", false, "/desk/admin", false},
	AutoSpam:         {"mail.spam.subject", "mail.spam.text", "", true, "/desk/triage/spam", false},
	AutoPage:         {"mail.page.subject", "mail.page.text", "", false, "/desk/duty", false},
	AutoMissing:      {"mail.missing.subject", "mail.missing.text", "", true, "", false},
	AutoInvitation:   {"mail.invitation.subject", "mail.invitation.text", "", false, "", true},
	AutoPassword:     {"mail.password.subject", "mail.password.text", "", false, "", true},
	AutoNews:         {"mail.news.subject", "mail.news.text", "", false, "/portal/", false},
	AutoRegistration: {"mail.registration.subject", "mail.registration.text", "", false, "", false},
	AutoReview:       {"mail.review.subject", "mail.review.text", "mail.review.due", false, "", false},
	AutoConfirm:      {"mail.confirm.subject", "mail.confirm.text", "mail.review.due", false, "", false},
	AutoConfirmAgain: {"mail.confirm.subject", "mail.confirm.again", "mail.confirm.was_due", false, "", false},
	AutoThanks:       {"mail.thanks.subject", "mail.thanks.text", "", false, "", false},
	AutoProve:        {"mail.prove.subject", "mail.prove.text", "", false, "", false},
	AutoAddress:      {"mail.address.subject", "mail.address.text", "", false, "", false},
}

func (a Auto) check() error {
	code := a.Code.Reveal()
	if a.Letter == 0 || int(a.Letter) >= len(autoKeys) || a.Count < 0 || (code != "" && !id.Valid(code)) {
		return errs.New(errs.Invalid, "no such automatic letter, or a value that is none of ours")
	}
	if (a.Letter == AutoProve || a.Letter == AutoAddress) != (a.Typed != Typed{}) {
		return errs.New(errs.Invalid, "a code to type belongs to two letters")
	}
	if a.Number != (Number{}) && autoKeys[a.Letter].room == "" {
		return errs.New(errs.Invalid, "only a notice to a colleague names a number")
	}
	return nil
}

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

// typed is a code that is typed: ten letters and digits, or eight digits.
var typed = regexp.MustCompile(`^([0-9A-Z]{5}-[0-9A-Z]{5}|[0-9]{4} [0-9]{4})$`)

// Typed is a code that a reader types on a page of ours, and nothing else.
type Typed struct{ text string }

// TypedOf reads it strictly.
func TypedOf(s string) (Typed, bool) {
	if !typed.MatchString(s) {
		return Typed{}, false
	}
	return Typed{s}, true
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
	if a.Letter == AutoAddress {
		return subject, body + "\n\n    " + a.Typed.text
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
	if k.opens {
		return subject, body + "\n\n" + p.T("mail.opening.here") // put in when it leaves: see opened
	}
	if a.Letter == AutoProve {
		return subject, body + "\n\n    " + a.Typed.text + "\n\n" + p.T("mail.prove.where") + "\n" + link
	}
	if a.Letter == AutoConfirm || a.Letter == AutoConfirmAgain {
		return subject, body + "\n\n" + p.T("mail.confirm.where") + "\n" + link
	}
	if link != "" {
		body += "\n\n" + p.T("mail.auto.link") + "\n" + link
	}
	return subject, body
}

// ofAccount tells whether the letter is about an account: to a colleague, or with the link of somebody's own.
func (l AutoLetter) ofAccount() bool { return autoKeys[l].room != "" || autoKeys[l].opens }

// link gives the page of ours where the reader goes on: the status page for who has its code, the portal for an organisation.
func (s *Service) link(t Thread, a *Auto) string {
	code := id.Secret{}
	if a != nil {
		code = a.Code
	}
	switch {
	case t.About.Kind == ref.Account && t.Correspondent.Organisation != 0:
		return s.Team.URL
	case t.About.Kind == ref.Account:
		return cmp.Or(s.Team.Desk, s.Team.URL)
	case code.Reveal() != "" && a.Answer:
		return s.Team.URL + "/a/" + code.Reveal()
	case t.About.Kind == ref.Registration: // the reader has its code: it is in no letter
		return s.Team.URL + "/r"
	case t.About.Kind == ref.Organisation && a != nil && a.Letter == AutoReview:
		return cmp.Or(s.Team.Portal, s.Team.URL) + "/portal/registration"
	case t.About.Kind == ref.Organisation && a != nil && (a.Letter == AutoConfirm || a.Letter == AutoConfirmAgain):
		return cmp.Or(s.Team.Portal, s.Team.URL) + "/portal/organisation"
	case t.About.Kind == ref.Organisation:
		return cmp.Or(s.Team.Portal, s.Team.URL) + "/portal/assets"
	case code.Reveal() != "":
		return s.Team.URL + "/r/" + code.Reveal()
	case t.Correspondent.Organisation != 0:
		return s.Team.URL + "/portal"
	}
	return ""
}
