package mailroom

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Whatever a program answers is tied to the letter that it answers, by the tag or by the letter's name alone; it calls nobody, is answered by
// nothing, and says what it says: came back, was opened, is away. What names no letter of ours is a report of its own.
func TestWhatProgramsAnswer(t *testing.T) {
	engines(t, func(h *house) {
		h.room.Work(h.Registry)
		h.room.Correspondence.Work(h.Registry)
		h.Work(h.T)
		h.mail("rui@hospital.example", "report@cert.example", h.letterOf("rui@hospital.example", "First", "x"))
		h.until("the receipt", func() bool { return len(h.reports()) == 1 && len(h.left()) == 1 })
		r := h.one()
		tag := h.room.Correspondence.Team.ReplyTo(h.thread(r.Thread).Tag)
		var letter correspondence.Message
		h.until("sent", func() bool {
			for _, m := range h.messages(r.Thread, h.ana) {
				if m.Direction == correspondence.Out {
					letter = m
				}
			}
			return letter.State == correspondence.Sent
		})
		id := mail.Parse([]byte(h.left()[0])).MessageID()
		n := len(h.messages(r.Thread, h.ana))
		head := func(from, subject, fields string) string {
			h.Clock.Advance(time.Second)
			return fmt.Sprintf("From: %s\nTo: report@cert.example\nSubject: %s\nMessage-ID: <%d@hospital.example>\nDate: %s\nMIME-Version: 1.0\n%s", from, subject, h.Clock.Now().UnixNano(), h.Clock.Now().Format(time.RFC1123Z), fields)
		}
		mdn := func(disposition string) string {
			return "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nYour mail was handled.\n--b\nContent-Type: message/disposition-notification\n\nReporting-UA: x\nOriginal-Message-ID: <" + id + ">\nDisposition: manual-action/MDN-sent-manually; " + disposition + "\n\n--b--\n"
		}
		const away = "\nI am not here.\n"
		for _, c := range []struct {
			name, envelope, to, raw, reason string
			answers, failed                 bool
		}{
			{"read", "rui@hospital.example", "report@cert.example", head("rui@hospital.example", "Read: receipt", mdn("displayed")), "desk.sender.read", true, false},
			{"deleted", "", tag, head("rui@hospital.example", "Not read", mdn("deleted/error")), "desk.sender.deleted", true, false},
			{"away, by the letter", "rui@hospital.example", "report@cert.example", head("rui@hospital.example", "Gone", "Auto-Submitted: auto-replied\nIn-Reply-To: <"+id+">\n"+away), "desk.sender.automatic", true, false},
			{"away, by its subject", "rui@hospital.example", tag, head("rui@hospital.example", "Resposta automática: x", "References: <a@b> <"+id+">\n"+away), "desk.sender.automatic", true, false},
			{"away, by the tag alone", "rui@hospital.example", tag, head("rui@hospital.example", "Abwesenheitsnotiz", "X-Autoreply: yes\n"+away), "desk.sender.automatic", false, false},
			{"late in words", "", tag, head("MAILER-DAEMON@old.example", "Warning: could not send", "\nUser unknown to us so far, still trying.\n"), "desk.sender.automatic", false, false},
			{"a machine's other word", "", tag, head("MAILER-DAEMON@old.example", "Notice", "\nThe queue was emptied.\n"), "desk.sender.automatic", false, false},
			{"back in words, by the tag", "", tag, head("Mail_Daemon@old.example", "Unzustellbar: Eingang", "\nDie Nachricht konnte nicht zugestellt werden.\n"), "desk.sender.bounced", false, true},
			{"back with a code", "", tag, head("postmaster@old.example", "Mail", "\n<rui@hospital.example>: host mx said: 550 5.1.1 no mailbox here\n"), "desk.sender.bounced", false, true},
			{"back in HTML", "", tag, head("MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@old.example", "x", "Content-Type: text/html\n\n<p>Your message <b>couldn't be</b> sent: user unknown</p>\n"), "desk.sender.bounced", false, true},
			{"back in a mixed", "", "report@cert.example", head("MAILER-DAEMON@old.example", "x", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: failed\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <"+id+">\nSubject: x\n\nx\n--b--\n"), "desk.sender.bounced", true, true},
			{"back without fields", "", "report@cert.example", head("Mail.Delivery.System@old.example", "Delivery status notification", "Content-Type: multipart/report; boundary=b\n\n--b\n\nDelivery to the following recipients failed permanently.\n--b\nContent-Type: message/rfc822\n\nSubject: x\nMessage-ID:\n <"+id+">\n\nx\n--b--\n"), "desk.sender.bounced", true, true},
			{"back, its fields empty", "", tag, head("mailer-daemon@old.example", "Delivery Status Notification (Failure)", "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nMessage not delivered\n--b\nContent-Type: message/delivery-status\n\n--b--\n"), "desk.sender.bounced", false, true},
			{"back, without parts", "", tag, head("MAILER-DAEMON@old.example", "Returned mail", "Content-Type: multipart/report; boundary=gone\n\nThe following address had permanent fatal errors.\n\nAction: failed\n"), "desk.sender.bounced", false, true},
			{"back, its value broken off", "", tag, head("MAILER-DAEMON@old.example", "Mail", "Content-Type: multipart/report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nDiagnostic-Code: smtp; 550-Turn on authentication.\n550 relay not permitted\nAction: failed\n--b--\n"), "desk.sender.bounced", false, true},
			{"back, an action of its own", "", tag, head("MAILER-DAEMON@old.example", "Mail", "Content-Type: multipart/report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; rui@hospital.example\nction: failed\nStatus: 5.3.0\n--b--\n"), "desk.sender.bounced", false, true},
			{"late in fields", "", tag, head("MAILER-DAEMON@old.example", "Mail", "Content-Type: multipart/report; boundary=b\n\n--b\n\nUser unknown to us so far.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: delayed\nStatus: 4.4.7\n--b--\n"), "desk.sender.automatic", false, false},
			{"what a tracker sends for itself", "rui@hospital.example", tag, head("rui@hospital.example", "[hospital #7] Your letter", "Precedence: bulk\nRT-Originator: report@cert.example\n\nIt is ticket 7.\n"), "desk.sender.automatic", false, false},
		} {
			h.mail(c.envelope, c.to, c.raw)
			n++
			h.until(c.name, func() bool { return len(h.messages(r.Thread, h.ana)) == n })
			all := h.messages(r.Thread, h.ana)
			m := all[len(all)-1]
			for _, x := range all {
				if x.UID == letter.UID {
					letter = x
				}
			}
			if m.Kind != correspondence.Receipt || m.State != correspondence.Unverified || !slices.Contains(m.Body.Reasons, c.reason) || (m.Body.Answers == letter.UID) != c.answers {
				t.Errorf("%s: %s, %s, %q, answers %q", c.name, m.Kind, m.State, m.Body.Reasons, m.Body.Answers)
			}
			if (letter.State == correspondence.Failed) != c.failed {
				t.Errorf("%s: the letter is %s", c.name, letter.State)
			}
			if letter.State == correspondence.Failed {
				must(t, h.room.Correspondence.SendNow(h.ctx, h.ana, letter.UID))
				h.until("sent again", func() bool {
					for _, x := range h.messages(r.Thread, h.ana) {
						if x.UID == letter.UID {
							letter = x
						}
					}
					return letter.State == correspondence.Sent
				})
				id = mail.Parse([]byte(h.left()[len(h.left())-1])).MessageID()
			}
		}
		if waiting := h.reports(); len(waiting) != 1 || waiting[0].AnswerCame {
			t.Errorf("%d wait", len(waiting))
		}
		// A person answers through a tracker, which calls all its mail bulk.
		h.mail("rui@hospital.example", tag, head("rui@hospital.example", "[hospital #7] Receipt", "Precedence: bulk\nX-RT-Originator: rui.costa@hospital.example\n\nWe cleaned it.\n"))
		n++
		h.until("an answer through a tracker", func() bool { return len(h.messages(r.Thread, h.ana)) == n })
		if all := h.messages(r.Thread, h.ana); all[n-1].Kind != correspondence.Told {
			t.Errorf("an answer through a tracker is %s", all[n-1].Kind)
		}
		// A person who answers that very letter without its tag is heard as a report: references say nothing of people (rule M6).
		h.mail("m@other.example", "report@cert.example", head("m@other.example", "Re: receipt", "In-Reply-To: <"+id+">\n\nI am a person.\n"))
		h.until("a person", func() bool { return len(h.reports()) == 2 })
		// An automatic mail that names no letter of ours is kept, and not answered.
		h.mail("m@other.example", "report@cert.example", head("m@other.example", "Automatic reply", "In-Reply-To: <nobody@elsewhere.example>\n"+away))
		h.until("a stranger's machine", func() bool { return len(h.reports()) == 3 })
		if last := h.last(); last.Receipt != intake.NoReceipt {
			t.Errorf("it is answered: %s", last.Receipt)
		}
		toStranger := 0
		for _, raw := range h.left() {
			if to := mail.Parse([]byte(raw)).Header().Get("To"); strings.Contains(to, "m@other.example") {
				toStranger++
			}
		}
		if toStranger > 1 { // the person's receipt
			t.Errorf("%d letters left to the stranger", toStranger)
		}
	})
}
