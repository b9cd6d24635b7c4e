package mailroom

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/send"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/smtpd"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/spool"
)

// A label in the subject or the first line is the sender's wish: it becomes the report's. Who is not proved may only close a report further,
// and a later letter never opens a thread.
func TestTheLabelOfALetter(t *testing.T) {
	engines(t, func(h *house) {
		const rui, stranger = "rui@hospital.example", "m@nowhere.example"
		for i, c := range []struct {
			from, subject, text string
			want                tlp.Level
			wish                string
		}{
			{rui, "[TLP:AMBER] a1", "x", tlp.Amber, "AMBER"},
			{rui, "a2 TLP:RED", "x", tlp.Red, "RED"},
			{rui, "a3", "TLP:GREEN\n\nx", tlp.Green, "GREEN"},
			{rui, "Re: [TLP:GREEN] a4", "TLP:RED\nx", tlp.Red, "RED"},
			{rui, "a5", "x", tlp.Unlabelled, ""},
			{rui, "a6 about TLP:RED in a sentence", "x", tlp.Unlabelled, ""},
			{stranger, "TLP:CLEAR a7", "x", tlp.Unlabelled, "CLEAR"},
			{stranger, "TLP:RED a8", "x", tlp.Red, "RED"},
		} {
			h.Clock.Advance(time.Minute)
			h.mail(c.from, "report@cert.example", h.letterOf(c.from, c.subject, c.text))
			h.sort()
			r := h.last()
			m := h.messages(r.Thread, h.ana)[0]
			if r.TLP != c.want || m.Body.Wish != c.wish {
				t.Errorf("letter %d: %v (wish %q), want %v (%q)", i+1, r.TLP, m.Body.Wish, c.want, c.wish)
			}
		}
		h.mail(rui, "report@cert.example", h.letterOf(rui, "TLP:RED first", "x"))
		h.sort()
		r := h.last()
		tag := h.room.Correspondence.Team.ReplyTo(h.thread(r.Thread).Tag)
		h.mail(rui, tag, h.letterOf(rui, "Re: first [TLP:CLEAR]", "more"))
		h.sort()
		all := h.messages(r.Thread, h.ana)
		if got := h.thread(r.Thread).TLP; got != tlp.Red || all[len(all)-1].TLP != tlp.Red || all[len(all)-1].Body.Wish != "CLEAR" {
			t.Errorf("a later letter makes it %v", got)
		}
		h.mail(rui, "report@cert.example", h.letterOf(rui, "TLP:GREEN second", "x"))
		h.sort()
		r = h.last()
		tag = h.room.Correspondence.Team.ReplyTo(h.thread(r.Thread).Tag)
		h.mail(stranger, tag, h.letterOf(stranger, "TLP:RED", "from a stranger"))
		h.sort()
		if got := h.thread(r.Thread).TLP; got != tlp.Green {
			t.Errorf("a stranger with the tag closes the thread: %v", got)
		}
		h.mail(rui, tag, h.letterOf(rui, "Re: second", "TLP:RED\nmore"))
		h.sort()
		if got := h.thread(r.Thread).TLP; got != tlp.Red {
			t.Errorf("the reporter's stricter word is not heard: %v", got)
		}
	})
}

// last gives the newest report.
func (h *house) last() intake.Report {
	h.Helper()
	p, err := h.room.Intake.List(h.ctx, h.ana, intake.QueueFilter{Limit: 100})
	must(h.T, err)
	if len(p.Items) == 0 {
		h.Fatal("no report")
	}
	newest := p.Items[0]
	for _, l := range p.Items {
		if l.Ref.ID > newest.Ref.ID {
			newest = l
		}
	}
	return newest
}

// dsn is a delivery report as a mail program writes it. original is what it sends back, "" for nothing.
func (h *house) dsn(action, kind, original string) string {
	out := "From: MAILER-DAEMON@hospital.example\nTo: report@cert.example\nSubject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n" +
		fmt.Sprintf("Message-ID: <%d.dsn@hospital.example>\n", h.Clock.Now().UnixNano()) +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nI could not deliver it.\n--b\nContent-Type: message/delivery-status\n\n" +
		"Reporting-MTA: dns; mx.hospital.example\n\nFinal-Recipient: rfc822; rui@hospital.example\nAction: " + action + "\nStatus: 5.1.1\n"
	if original != "" {
		out += "--b\nContent-Type: " + kind + "\n\n" + original + "\n"
	}
	return out + "--b--\n"
}

// A letter of ours that comes back is marked at the letter, in the outbox and on its thread, with the tag of the envelope or without; no report
// is opened. What is only late, or names no letter of ours, marks nothing.
func TestALetterComesBack(t *testing.T) {
	engines(t, func(h *house) {
		h.room.Work(h.Registry)
		h.room.Correspondence.Work(h.Registry)
		h.Work(h.T)
		h.mail("rui@hospital.example", "report@cert.example", h.letterOf("rui@hospital.example", "First", "x"))
		h.until("the receipt", func() bool { return len(h.reports()) == 1 && len(h.left()) == 1 })
		r := h.one()
		tag := h.room.Correspondence.Team.ReplyTo(h.thread(r.Thread).Tag)
		letter := func() correspondence.Message {
			for _, m := range h.messages(r.Thread, h.ana) {
				if m.Direction == correspondence.Out {
					return m
				}
			}
			h.Fatal("no letter")
			return correspondence.Message{}
		}
		h.until("sent", func() bool { return letter().State == correspondence.Sent })
		sent := mail.Parse([]byte(h.left()[0]))
		headers := "Message-ID: <" + sent.MessageID() + ">\nSubject: " + sent.Subject() + "\n"
		on := func(n int) func() bool {
			return func() bool { return len(h.messages(r.Thread, h.ana)) == n }
		}
		h.mail("", tag, h.dsn("delayed", "text/rfc822-headers", headers))
		h.until("the delay", on(3))
		if m := letter(); m.State != correspondence.Sent {
			t.Errorf("a delay makes it %s", m.State)
		}
		h.Clock.Advance(time.Second)
		h.mail("", tag, h.dsn("failed", "text/rfc822-headers", "Message-ID: <another@cert.example>\n"))
		h.until("another letter's", on(4))
		if m := letter(); m.State != correspondence.Sent {
			t.Errorf("another letter's return makes it %s", m.State)
		}
		h.Clock.Advance(time.Second)
		h.mail("", "report@cert.example", h.dsn("failed", "message/rfc822", headers+"Content-Type: text/plain\n\nthe letter"))
		h.until("the return without a tag", on(5))
		m := letter()
		if m.State != correspondence.Failed || m.Reason != correspondence.ReasonBounced {
			t.Errorf("it came back and is %s, %s", m.State, m.Reason)
		}
		box, err := h.room.Correspondence.Outbox(h.ctx, h.ana, correspondence.OutboxFilter{State: correspondence.Failed})
		if err != nil || len(box.Items) != 1 {
			t.Errorf("the outbox shows %d, %v", len(box.Items), err)
		}
		rui := h.Constituent(20, "Rui", h.hospital.Ref.ID)
		for _, shown := range h.messages(r.Thread, rui) {
			if shown.Direction == correspondence.In && strings.Contains(shown.Body.Text, "deliver") {
				t.Error("the correspondent is shown what a machine wrote")
			}
		}
		// Sent again; then the return comes by the tag alone.
		must(t, h.room.Correspondence.SendNow(h.ctx, h.ana, m.UID))
		h.until("sent again", func() bool { return letter().State == correspondence.Sent })
		h.Clock.Advance(time.Second)
		h.mail("", tag, h.dsn("failed", "", ""))
		h.until("the return by the tag", func() bool { return letter().State == correspondence.Failed })
		if n := len(h.reports()); n != 1 || h.reports()[0].AnswerCame {
			t.Errorf("%d reports, %+v", n, h.reports()[0].Report)
		}
		// Programs older than RFC 3464 say it in words, with the letter below.
		must(t, h.room.Correspondence.SendNow(h.ctx, h.ana, m.UID))
		h.until("sent a third time", func() bool { return letter().State == correspondence.Sent })
		id := mail.Parse([]byte(h.left()[len(h.left())-1])).MessageID()
		words := func(subject, said string) string {
			h.Clock.Advance(time.Second)
			return fmt.Sprintf("From: MAILER-DAEMON@old.example\nTo: report@cert.example\nSubject: %s\nMessage-ID: <%d@old.example>\n\nHi. This is the mail program at old.example.\n%s\n\n--- Below this line is a copy of the message.\n\nMessage-ID: <%s>\nSubject: x\n\nthe letter\n",
				subject, h.Clock.Now().UnixNano(), said, id)
		}
		before := len(h.messages(r.Thread, h.ana))
		h.mail("", tag, words("failure notice", "Warning: still trying."))
		h.until("late in words", on(before+1))
		if s := letter().State; s != correspondence.Sent {
			t.Errorf("a delay told in words makes it %s", s)
		}
		h.mail("", "report@cert.example", words("failure notice", "I could not deliver your message to <rui@hospital.example>: no such user."))
		h.until("the return in words", func() bool { return letter().State == correspondence.Failed })
		// A report of a letter that is not ours is kept as what it is.
		h.mail("", "report@cert.example", h.dsn("failed", "text/rfc822-headers", "Message-ID: <spam@elsewhere.example>\n"))
		h.until("backscatter", func() bool { return len(h.reports()) == 2 })
		if last := h.last(); last.Receipt != intake.NoReceipt {
			t.Errorf("backscatter is answered: %s", last.Receipt)
		}
	})
}

// envelopes is a mail server of somebody else: it takes everything and remembers from whom.
type envelopes chan smtpd.Envelope

func (envelopes) Recipient(context.Context, string) error { return nil }

func (e envelopes) Accept(_ context.Context, env smtpd.Envelope, _ *spool.Body) error {
	e <- env
	return nil
}

// The envelope of our letters bears the tag, so that a machine's answer finds the thread.
func TestTheEnvelopeBearsTheTag(t *testing.T) {
	engines(t, func(h *house) {
		taken := make(envelopes, 4)
		server := smtpd.New(smtpd.Config{Domain: "mx.hospital.example", Clock: h.Clock, Log: h.Log, Spool: h.TempDir()}, taken)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = server.Serve(l)
		}()
		h.Cleanup(func() {
			_ = server.Shutdown(context.Background())
			<-done
		})
		relay, err := send.ParseRelay("smtp://" + l.Addr().String())
		must(t, err)
		h.room.Correspondence.Postman = correspondence.NewPostman(h.team.agent, send.NewRelay(relay), pgp.Key{})
		h.room.Work(h.Registry)
		h.room.Correspondence.Work(h.Registry)
		h.Work(h.T)
		h.mail("rui@hospital.example", "report@cert.example", h.letterOf("rui@hospital.example", "First", "x"))
		select {
		case env := <-taken:
			if want := h.room.Correspondence.Team.ReplyTo(h.thread(h.one().Thread).Tag); env.From != want || env.To[0] != "rui@hospital.example" {
				t.Errorf("from %s to %v, want from %s", env.From, env.To, want)
			}
		case <-time.After(20 * time.Second):
			t.Error("no letter came")
		}
	})
}

// The same mail by two ways is one report; the same name for other bytes is two; a copy that proves more is filed as what it is.
func TestTheSameMailTwice(t *testing.T) {
	engines(t, func(h *house) {
		raw := h.letterOf("rui@hospital.example", "Once", "x")
		h.mail("rui@hospital.example", "report@cert.example", raw)
		h.mail("rui@hospital.example", "report@cert.example", "Received: from backup by mx2\n\tfor <report@cert.example>\nDelivered-To: report@cert.example\n"+raw)
		h.sort()
		h.mail("rui@hospital.example", "report@cert.example", raw)
		h.sort()
		if n := len(h.reports()); n != 1 {
			t.Fatalf("one mail is %d reports", n)
		}
		r := h.one()
		if n := len(h.messages(r.Thread, h.ana)); n != 2 { // it and its receipt
			t.Errorf("%d messages on the thread", n)
		}
		h.mail("rui@hospital.example", "report@cert.example", strings.Replace(raw, "\n\nx", "\n\ny", 1))
		h.sort()
		if n := len(h.reports()); n != 2 {
			t.Errorf("other bytes under the same name: %d reports", n)
		}
		tag := h.room.Correspondence.Team.ReplyTo(h.thread(r.Thread).Tag)
		answer := h.letterOf("rui@hospital.example", "Re Once", "more")
		h.mail("rui@hospital.example", tag, answer)
		h.mail("rui@hospital.example", tag, answer)
		h.sort()
		if n := len(h.messages(r.Thread, h.ana)); n != 3 {
			t.Errorf("an answer sent twice: %d messages", n)
		}
		// Somebody sends a copy of Rui's mail before it arrives: his own is not taken for the copy.
		early := h.letterOf("rui@hospital.example", "Overtaken", "x")
		h.mail("m@strict.example", "report@cert.example", early)
		h.mail("rui@hospital.example", "report@cert.example", early)
		h.sort()
		if got := h.last(); len(h.reports()) != 4 && got.Proof != correspondence.Aligned {
			t.Errorf("%d reports, the last %v", len(h.reports()), got.Proof)
		}
	})
}

// Mail to the tag of what was set aside comes back to the queue, from its reporter and from a stranger; a machine's does not.
func TestAnOldTagCallsAgain(t *testing.T) {
	engines(t, func(h *house) {
		const rui = "rui@hospital.example"
		h.mail(rui, "report@cert.example", h.letterOf(rui, "First", "x"))
		h.sort()
		r := h.one()
		tag := h.room.Correspondence.Team.ReplyTo(h.thread(r.Thread).Tag)
		for i, from := range []string{rui, "m@nowhere.example"} {
			got, err := h.room.Intake.Get(h.ctx, h.DB, h.ana, r.UID)
			must(t, err)
			if got.State != intake.New {
				_, err = h.room.Intake.Restore(h.ctx, h.ana, r.UID)
				must(t, err)
			}
			_, err = h.room.Intake.Reject(h.ctx, h.ana, r.UID, "no_incident", "", 0)
			must(t, err)
			h.mail("", tag, h.letterOf("MAILER-DAEMON@hospital.example", fmt.Sprint("machine ", i), "x", "Auto-Submitted: auto-replied"))
			h.sort()
			if n := len(h.reports()); n != 0 {
				t.Errorf("a machine calls %d back", n)
			}
			h.mail(from, tag, h.letterOf(from, fmt.Sprint("again ", i), "It happened again."))
			h.sort()
			if all := h.reports(); len(all) != 1 || !all[0].AnswerCame || all[0].Group != "answer" {
				t.Errorf("%s: %d wait", from, len(all))
			}
		}
	})
}

// Encrypted to a key that is not ours: kept, and the key is named.
func TestTheKeyOfAClosedMailIsNamed(t *testing.T) {
	engines(t, func(h *house) {
		other := newPerson(h.T, h.House, "Other team", "x@elsewhere.example")
		team := h.team
		h.team.key = other.key
		h.mail("m@other.example", "report@cert.example", h.sealed(nil, "m@other.example", "x", "secret"))
		h.team = team
		h.sort()
		m := h.messages(h.one().Thread, h.ana)[0]
		if m.Body.Unreadable != "desk.unreadable.not_for_us" || len(m.Body.KeyIDs) != 1 || len(m.Body.KeyIDs[0]) != 16 {
			t.Errorf("%s, keys %q", m.Body.Unreadable, m.Body.KeyIDs)
		}
		h.mail("m@other.example", "report@cert.example", h.sealed(nil, "m@other.example", "y", "readable"))
		h.sort()
		if m := h.messages(h.last().Thread, h.ana)[0]; len(m.Body.KeyIDs) != 0 || m.Body.Unreadable != "" {
			t.Errorf("an open mail names keys: %q", m.Body.KeyIDs)
		} else if len(m.Body.Oddities) != 0 { // what GnuPG seals is a part without From and Date: its envelope has them
			t.Errorf("an ordinary sealed mail is odd: %q", m.Body.Oddities)
		}
	})
}

// A reply address of ours that belongs to no case: the mail waits as a report, and the desk is told.
func TestAWrongTagIsSaid(t *testing.T) {
	engines(t, func(h *house) {
		const rui = "rui@hospital.example"
		for to, want := range map[string]bool{"report+06sw16qe2mk35j8ske9179tnh0@cert.example": true, "report@cert.example": false} {
			h.Clock.Advance(time.Minute)
			h.mail(rui, to, h.letterOf(rui, "To "+to, "x"))
			h.sort()
			m := h.messages(h.last().Thread, h.ana)[0]
			if got := slices.Contains(m.Body.Oddities, "desk.odd.unknown_tag"); got != want {
				t.Errorf("%s: said %v, want %v", to, got, want)
			}
		}
	})
}

// The language of a text is told by its small words, or not at all.
func TestGuess(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Bonjour, notre serveur envoie des pourriels depuis ce matin. Pouvez-vous nous aider ?": "fr",
		"Guten Morgen, seit heute ist unsere Seite nicht erreichbar und wir brauchen Hilfe.":    "de",
		"Bom dia, recebi esta mensagem e não sei se está certa. Os nossos dados foram pedidos.": "pt",
		"Wij zien sinds vannacht een aanval op onze VPN, het zijn geen eigen accounts.":         "nl",
		"Since nine the logins have failed and there were strange mails from our own address.":  "en",
		"log4j 203.0.113.77 GET /index.html":                                                    "",
		"":                                                                                      "",
		"the and from und nicht wir":                                                            "", // two at once
		"Help, nicht gut":                                                                       "",
	} {
		if got := guess(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// A stranger is answered in the language of his mail, a contact in the contact's, everybody else in ours.
func TestTheLanguageOfAnAnswer(t *testing.T) {
	engines(t, func(h *house) {
		h.room.Lang = "pt"
		for i, c := range []struct{ from, fields, want string }{
			{"m@other.example", "Content-Language: de-AT", "de"},
			{"m@other.example", "Accept-Language: fr-BE, en", "fr"},
			{"m@other.example", "Content-Language: zz", "pt"},
			{"m@other.example", "X-Nothing: x", "pt"},
			{"m@other.example", "X-Nothing: bonjour, notre site est en panne depuis hier, aidez-nous", "pt"}, // of the text, not of its head
			{"rui@hospital.example", "Content-Language: de", "en"},                                           // as his organisation reads
		} {
			h.Clock.Advance(time.Minute)
			h.mail(c.from, "report@cert.example", h.letterOf(c.from, fmt.Sprint("letter ", i), "x", c.fields))
			h.sort()
			if got := h.last().Lang; c.from == "rui@hospital.example" {
				if l := h.thread(h.last().Thread).Correspondent.Lang; l != c.want && h.rui.Lang != "" {
					t.Errorf("the contact is answered in %s", l)
				}
			} else if got != c.want {
				t.Errorf("%s: answered in %s, want %s", c.fields, got, c.want)
			}
		}
	})
}

// A forwarded letter is a part: its text is a file of its own, and nothing of it speaks for who forwards it.
func TestAForwardedLetter(t *testing.T) {
	engines(t, func(h *house) {
		inner := "From: ceo@bank.example\nSubject: TLP:RED wire the money\nMessage-ID: <inner@bank.example>\nX-Canary: in\nContent-Type: text/plain\n\nPay at once.\n"
		h.mail("m@other.example", "report@cert.example", h.head("m@other.example", "Fwd: strange")+"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nWe received this.\n--b\nContent-Type: message/rfc822\n\n"+inner+"--b--\n")
		h.sort()
		r := h.one()
		m := h.messages(r.Thread, h.ana)[0]
		if r.Body.Email != "m@other.example" || m.Body.Wish != "" || !strings.Contains(r.Body.Description, "We received this.") {
			t.Errorf("read as %+v", r.Body)
		}
		if len(m.Body.Files) != 1 || m.Body.Files[0].Type != "message/rfc822" {
			t.Fatalf("files %+v", m.Body.Files)
		}
		_, f, err := h.room.Correspondence.OpenFile(h.ctx, h.ana, h.thread(r.Thread).UID, m.UID, m.Body.Files[0].UID)
		must(t, err)
		b, _ := io.ReadAll(f)
		_ = f.Close()
		if p := mail.Parse(b); p.Header().Get("X-Canary") != "in" || !strings.Contains(p.Body().Text, "Pay at once.") {
			t.Errorf("the part holds %q", b)
		}
	})
}

// Hostile heads: 8-bit bytes, NUL, controls of writing direction and 64 KB of subject are kept and made visible, and stop nothing.
func TestHostileHeads(t *testing.T) {
	engines(t, func(h *house) {
		for i, subject := range []string{"r\xe9sum\xe9", "a\x00b", "pay \u202etxt.exe", strings.Repeat("s", 65536), "=?utf-8?b?" + "//79" + "?=", "=?x-unknown?q?a?="} {
			h.Clock.Advance(time.Minute)
			h.mail("m@other.example", "report@cert.example", h.letterOf("m@other.example", subject, fmt.Sprintf("text %d \x00 \u202e end", i)))
			h.sort()
			r := h.last()
			if r.Unreadable || strings.ContainsAny(r.Body.Summary+r.Body.Description, "\x00\u202e") || len(r.Body.Summary) > 4*intake.MaxSummary {
				t.Errorf("subject %d: %+v", i, r.Body)
			}
			if r.Body.Description == "" {
				t.Errorf("subject %d: the text is lost", i)
			}
		}
		if n := len(h.reports()); n != 6 {
			t.Errorf("%d reports", n)
		}
	})
}
