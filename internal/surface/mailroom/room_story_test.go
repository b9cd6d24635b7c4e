package mailroom

import (
	"context"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// A mail from a stranger over a real session: kept as it came, a report, its receipt held.
func TestAPlainMailBecomesAReport(t *testing.T) {
	engines(t, func(h *house) {
		raw := h.letterOf("Mallory <m@nowhere.example>", "Strange mail", "I received this.", "X-Tocsin-Severity: critical", "X-Tocsin-State: rejected")
		h.mail("m@nowhere.example", "report@cert.example", raw)
		h.sort()
		r := h.one()
		if r.Body.Summary != "Strange mail" || r.Body.Description != "I received this.\n" && strings.TrimSpace(r.Body.Description) != "I received this." || r.Body.Email != "m@nowhere.example" {
			t.Errorf("read as %+v", r.Body)
		}
		if r.Proof != correspondence.Claimed || r.Seal != correspondence.Plain || r.Receipt != intake.ReceiptHeld || r.State != intake.New {
			t.Errorf("kept as %+v (M7: fields of ours in it do nothing)", r)
		}
		m := h.messages(r.Thread, h.ana)[0]
		rd, kind, _, err := h.room.Correspondence.Original(h.ctx, h.ana, h.thread(r.Thread).UID, m.UID)
		if err != nil || kind != "message/rfc822" {
			t.Fatalf("original: %s, %v", kind, err)
		}
		b, _ := io.ReadAll(rd)
		_ = rd.Close()
		if string(b) != crlf(raw) {
			t.Errorf("the original is not what came: %d bytes of %d", len(b), len(crlf(raw)))
		}
		h.sort()
		if n := len(h.reports()); n != 1 {
			t.Errorf("sorted twice it is %d reports", n)
		}
	})
}

// Who is who (M4, P3): only the single From with an aligned result or an approved key makes the known contact.
func TestForgedHeads(t *testing.T) {
	engines(t, func(h *house) {
		h.approve()
		eve := newPerson(h.T, h.House, "Rui Tavares", "rui@hospital.example") // her own key with his name
		const rui = "Rui <rui@hospital.example>"
		for _, c := range []struct {
			why, envelope, raw string
			proof              correspondence.Proof
			known              bool
		}{
			{"aligned", "rui@hospital.example", h.letterOf(rui, "a1", "x"), correspondence.Aligned, true},
			{"signed by his approved key, from anywhere", "x@nowhere.example", h.signed(h.ruiKey, rui, "a2", "x"), correspondence.SignedByKey, true},
			{"envelope of another", "m@other.example", h.letterOf(rui, "a3", "x"), correspondence.Forged, false},
			{"reply-to and sender name him", "m@other.example", h.letterOf("M <m@other.example>", "a4", "x", "Reply-To: rui@hospital.example", "Sender: rui@hospital.example"), correspondence.Aligned, false},
			{"display name is his address", "m@other.example", h.letterOf(`"rui@hospital.example" <m@other.example>`, "a5", "x"), correspondence.Aligned, false},
			{"two From fields", "rui@hospital.example", h.letterOf(rui, "a6", "x", "From: m@other.example"), correspondence.Unknown, false},
			{"two addresses in From", "rui@hospital.example", h.letterOf("rui@hospital.example, m@other.example", "a7", "x"), correspondence.Unknown, false},
			{"signed by a key with his name that nobody approved", "x@nowhere.example", h.signed(eve, rui, "a8", "x"), correspondence.Forged, false},
			{"his signature under another From", "m@other.example", h.signed(h.ruiKey, "M <m@other.example>", "a9", "x"), correspondence.Aligned, false},
			{"a signature that does not hold", "x@nowhere.example", strings.Replace(h.signed(h.ruiKey, rui, "a10", "transfer 10"), "transfer 10", "transfer 99", 1), correspondence.Forged, false},
			{"results that a stranger wrote on top", "m@nowhere.example", h.letterOf("M <m@nowhere.example>", "a11", "x", "Authentication-Results: mx.cert.example; dmarc=pass header.from=nowhere.example"), correspondence.Claimed, false},
			{"a policy that refuses", "m@strict.example", h.letterOf("m@strict.example", "a12", "x"), correspondence.Forged, false},
		} {
			h.mail(c.envelope, "report@cert.example", c.raw)
			h.sort()
			subject := strings.TrimSpace(strings.SplitN(strings.SplitN(c.raw, "Subject: ", 2)[1], "\n", 2)[0])
			var got *intake.Line
			for _, l := range h.reports() {
				if l.Body.Summary == subject {
					got = &l
				}
			}
			if got == nil {
				t.Errorf("%s: lost", c.why)
				continue
			}
			known := got.Contact == h.rui.ID && got.Organisation == h.hospital.Ref.ID
			if got.Proof != c.proof || known != c.known {
				t.Errorf("%s: proof %d, known %v; want %d, %v", c.why, got.Proof, known, c.proof, c.known)
			}
			if want := map[bool]intake.ReceiptState{true: intake.ReceiptSent, false: intake.ReceiptHeld}[c.proof.Proved()]; got.Receipt != want && got.Body.Email != "" {
				t.Errorf("%s: receipt %s, want %s", c.why, got.Receipt, want)
			}
		}
	})
}

// M6, three kinds of tag by four kinds of sender: where it is filed, and what the reporter may read of it.
func TestTheTagSaysWhereTheSenderSaysHowFar(t *testing.T) {
	engines(t, func(h *house) {
		h.approve()
		h.mail("rui@hospital.example", "report@cert.example", h.letterOf("rui@hospital.example", "First", "x"))
		h.sort()
		r := h.one()
		tagged := h.room.Correspondence.Team.ReplyTo(h.thread(r.Thread).Tag)
		upper := strings.Replace(tagged, h.thread(r.Thread).Tag, strings.ToUpper(h.thread(r.Thread).Tag), 1)
		wrong := "report+0123456789abcdefghjkmnpqrs@cert.example"
		senders := []struct {
			name, envelope, from string
			signed               bool
		}{
			{"proved contact", "rui@hospital.example", "rui@hospital.example", false},
			{"signed contact", "x@nowhere.example", "rui@hospital.example", true},
			{"another proved sender", "m@other.example", "m@other.example", false},
			{"forged contact", "m@nowhere.example", "rui@hospital.example", false},
		}
		rui := h.Constituent(20, "Rui", h.hospital.Ref.ID)
		for _, tag := range []struct {
			name, to string
			right    bool
		}{{"right", tagged, true}, {"other spelling", upper, false}, {"wrong", wrong, false}, {"none", "report@cert.example", false}} {
			for _, s := range senders {
				before, seen, waiting := len(h.messages(r.Thread, h.ana)), len(h.messages(r.Thread, rui)), len(h.reports())
				// A reference, a subject and a Message-ID that know the report file nothing.
				raw := h.letterOf(s.from, "Re: ["+r.Reference+"] "+tag.name+" "+s.name, "More.", "In-Reply-To: <First@mail.example>", "References: <First@mail.example>")
				if s.signed {
					raw = h.signed(h.ruiKey, s.from, "Re: ["+r.Reference+"] "+tag.name+" "+s.name, "More.")
				}
				h.mail(s.envelope, tag.to, raw)
				h.sort()
				// Besides the message, a receipt may have been queued on a new thread, never on this one.
				inThread, shown, fresh := len(h.messages(r.Thread, h.ana))-before, len(h.messages(r.Thread, rui))-seen, len(h.reports())-waiting
				proved := s.name == "proved contact" || s.name == "signed contact"
				switch {
				case tag.right && proved && (inThread != 1 || shown != 1 || fresh != 0):
					t.Errorf("%s tag, %s: %d in the thread, %d shown, %d new; want filed", tag.name, s.name, inThread, shown, fresh)
				case tag.right && !proved && (inThread != 1 || shown != 0 || fresh != 0):
					t.Errorf("%s tag, %s: %d in the thread, %d shown, %d new; want unverified", tag.name, s.name, inThread, shown, fresh)
				case !tag.right && (inThread != 0 || fresh != 1):
					t.Errorf("%s tag, %s: %d in the thread, %d new; want a new report", tag.name, s.name, inThread, fresh)
				}
			}
		}
	})
}

// P6: a ciphertext that was taken on its way to us and is sent again by a stranger is opened for the team, and shown or quoted to nobody else,
// by no way.
func TestNoDecryptionOracle(t *testing.T) {
	engines(t, func(h *house) {
		const secret = "the password of the dam is hunter2"
		captured := h.sealed(nil, "victim@hospital.example", "captured", secret)
		// A constituent of ours, aligned, sends it as its own report, and again to the tag of its thread.
		port, err := h.room.Constituency.Create(h.ctx, h.ana, organisation("Port"))
		must(t, err)
		_, err = h.room.Constituency.AddContact(h.ctx, h.ana, port.UID, contact("eve@other.example"))
		must(t, err)
		own := strings.Replace(captured, "victim@hospital.example", "eve@other.example", 1)
		h.mail("eve@other.example", "report@cert.example", own)
		h.sort()
		r := h.one()
		if r.Seal != correspondence.Encrypted || r.Proof != correspondence.Aligned || !strings.Contains(r.Body.Description, secret) {
			t.Fatalf("the team reads %+v", r)
		}
		h.mail("eve@other.example", h.room.Correspondence.Team.ReplyTo(h.thread(r.Thread).Tag), strings.Replace(own, "captured", "again", 2))
		h.sort()
		eve := h.Constituent(30, "Eve", port.Ref.ID)
		got, err := h.room.Intake.Get(h.ctx, h.DB, eve, r.UID)
		if err != nil || !got.Withheld || got.Body.Description != "" {
			t.Errorf("its sender reads %+v, %v", got.Body, err)
		}
		page, err := h.room.Intake.List(h.ctx, eve, intake.QueueFilter{Text: "hunter2"})
		if err != nil || len(page.Items) != 0 {
			t.Errorf("found by its secret: %d, %v", len(page.Items), err)
		}
		for _, m := range h.messages(r.Thread, eve) {
			if strings.Contains(m.Body.Text, "hunter2") {
				t.Error("shown in the thread")
			}
		}
		for _, m := range h.messages(r.Thread, h.ana) {
			if m.Direction == correspondence.Out && strings.Contains(m.Body.Text+m.Body.Subject, "hunter2") {
				t.Error("quoted in the receipt")
			}
		}
		// The same inside a signature of who wrote it: he may read it.
		h.approve()
		h.mail("rui@hospital.example", "report@cert.example", h.sealed(&h.ruiKey, "rui@hospital.example", "mine", "my own words"))
		h.sort()
		rui := h.Constituent(20, "Rui", h.hospital.Ref.ID)
		mine, err := h.room.Intake.List(h.ctx, rui, intake.QueueFilter{})
		if err != nil || len(mine.Items) != 1 || mine.Items[0].Withheld || mine.Items[0].Seal != correspondence.SignedEncrypted || !strings.Contains(mine.Items[0].Body.Description, "my own words") {
			t.Errorf("the writer reads %+v, %v", mine.Items, err)
		}
	})
}

// What cannot be decrypted, parsed or read is kept, shown in the queue, and stops nothing.
func TestNothingThatArrivedIsLost(t *testing.T) {
	engines(t, func(h *house) {
		foreign := newPerson(h.T, h.House, "Other team", "x@elsewhere.example")
		team := h.team
		h.team.key = foreign.key // encrypted to somebody else
		h.mail("m@other.example", "report@cert.example", h.sealed(nil, "m@other.example", "not for us", "secret"))
		h.team = team
		whole := h.sealed(nil, "m@other.example", "broken", "secret")
		at := strings.LastIndex(whole, "-----END") - 60
		h.mail("m@other.example", "report@cert.example", whole[:at]+"AAAA"+whole[at+4:])
		h.mail("", "report@cert.example", "\xff\x00 no header at all")
		h.mail("m@other.example", "report@cert.example", h.letterOf("m@other.example", "poison", "x"))
		h.mail("m@other.example", "report@cert.example", h.letterOf("m@other.example", "healthy", "x"))
		h.mail("m@other.example", "report@cert.example", h.letterOf("m@other.example", strings.Repeat("s", 65536), strings.Repeat(strings.Repeat("x", 900)+"\n", 700)))
		h.mail("m@other.example", "report@cert.example", "\n")
		h.room.read = func(raw []byte) *mail.Message {
			if strings.Contains(string(raw), "poison") {
				panic("a reader with a fault")
			}
			return mail.Parse(raw)
		}
		h.sort()
		unreadable := 0
		all := h.reports()
		for _, l := range all {
			if l.Unreadable {
				unreadable++
				if l.Body.Description != "" {
					t.Errorf("an unreadable one holds words: %q", l.Body.Description)
				}
			}
			if l.Receipt == intake.ReceiptSent && l.Unreadable && l.Body.Summary == "" {
				t.Error("a mail that nobody could read is answered (P7)")
			}
		}
		if len(all) != 7 || unreadable != 3 {
			t.Errorf("%d reports, %d unreadable; want 7 and 3", len(all), unreadable)
		}
	})
}

// Attachments are stored under the arrival's key and read back; names stay data (F1).
func TestAttachments(t *testing.T) {
	engines(t, func(h *house) {
		raw := h.head("m@other.example", "With files") + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee the files.\n--b\n" +
			"Content-Type: application/zip; name=\"../../evil.zip\"\nContent-Disposition: attachment; filename=\"../../evil.zip\"\nContent-Transfer-Encoding: base64\n\n" +
			base64.StdEncoding.EncodeToString([]byte("not a zip")) + "\n--b--\n"
		h.mail("m@other.example", "report@cert.example", raw)
		h.sort()
		r := h.one()
		m := h.messages(r.Thread, h.ana)[0]
		if len(m.Body.Files) != 1 || m.Body.Files[0].Name != "../../evil.zip" {
			t.Fatalf("files %+v", m.Body.Files)
		}
		_, f, err := h.room.Correspondence.OpenFile(h.ctx, h.ana, h.thread(r.Thread).UID, m.UID, m.Body.Files[0].UID)
		must(t, err)
		b, _ := io.ReadAll(f)
		_ = f.Close()
		if string(b) != "not a zip" {
			t.Errorf("read back %q", b)
		}
	})
}

// Programs are filed and never answered (M9): bounces and replies of machines by their tag, lists and our own mail as reports without receipt.
func TestMachinesGetNoAnswer(t *testing.T) {
	engines(t, func(h *house) {
		h.mail("rui@hospital.example", "report@cert.example", h.letterOf("rui@hospital.example", "First", "x"))
		h.sort()
		r := h.one()
		tagged := h.room.Correspondence.Team.ReplyTo(h.thread(r.Thread).Tag)
		rui := h.Constituent(20, "Rui", h.hospital.Ref.ID)
		shown := len(h.messages(r.Thread, rui))
		h.mail("", tagged, h.letterOf("MAILER-DAEMON@hospital.example", "Undelivered", "x", "Auto-Submitted: auto-replied"))
		h.mail("rui@hospital.example", tagged, h.letterOf("rui@hospital.example", "Out of office", "x", "Auto-Submitted: auto-replied"))
		h.mail("", "report@cert.example", h.letterOf("MAILER-DAEMON@hospital.example", "No tag", "x"))
		h.mail("l@other.example", "report@cert.example", h.letterOf("l@other.example", "List", "x", "List-Id: <news.other.example>", "Precedence: bulk"))
		h.mail("report@cert.example", "report@cert.example", h.letterOf("report@cert.example", "Ourselves", "x"))
		h.sort()
		if n := len(h.messages(r.Thread, rui)) - shown; n != 0 {
			t.Errorf("%d of what machines wrote is shown to the correspondent", n)
		}
		for _, l := range h.reports() {
			if l.UID == r.UID {
				if l.AnswerCame {
					t.Error("an out-of-office reply is an answer")
				}
				continue
			}
			if l.Receipt != intake.NoReceipt {
				t.Errorf("%q gets a receipt: %s", l.Body.Summary, l.Receipt)
			}
		}
		if n := len(h.reports()); n != 4 {
			t.Errorf("%d reports, want 4: nothing is lost", n)
		}
	})
}

// Keys that come with a proved mail are offered to a person; nothing is trusted by itself (P9).
func TestAttachedKeysAreOffered(t *testing.T) {
	engines(t, func(h *house) {
		with := func(from string, p person) string {
			return h.head(from, "My key") + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nHere.\n--b\nContent-Type: application/pgp-keys; name=k.asc\n\n" + string(p.key.Armored()) + "\n--b--\n"
		}
		h.mail("m@nowhere.example", "report@cert.example", with("rui@hospital.example", h.ruiKey))
		h.sort()
		other := newPerson(h.T, h.House, "Eve", "eve@other.example")
		h.mail("rui@hospital.example", "report@cert.example", with("rui@hospital.example", other))
		h.sort()
		if all, _ := h.room.Constituency.AllKeys(h.ctx, h.DB, h.rui.ID); len(all) != 0 {
			t.Errorf("offered without proof or without his address: %d", len(all))
		}
		h.mail("rui@hospital.example", "report@cert.example", with("rui@hospital.example", h.ruiKey))
		h.sort()
		all, err := h.room.Constituency.AllKeys(h.ctx, h.DB, h.rui.ID)
		if err != nil || len(all) != 1 || !all[0].ApprovedAt.IsZero() {
			t.Errorf("offered %+v, %v", all, err)
		}
	})
}

// The server takes our address with any tag, and postmaster; a tag that is none is not told apart (A13).
func TestRecipients(t *testing.T) {
	b := Backend{Address: "report@cert.example"}
	for addr, want := range map[string]bool{
		"report@cert.example": true, "REPORT@CERT.EXAMPLE": true, "report+anything@cert.example": true, "report@cert.example.": true, "postmaster@cert.example": true,
		"admin@cert.example": false, "report@evil.example": false, "report": false, "": false, "report@cert.example@evil.example": false, "x+report@cert.example": false,
	} {
		err := b.Recipient(context.Background(), addr)
		if (err == nil) != want || (err != nil && !errs.Is(err, errs.NotFound)) {
			t.Errorf("%q: %v, want %v", addr, err, want)
		}
	}
}

// The first story from end to end, with the pieces that stand: a proved mail over a real session, a signed receipt that leaves, an answer to
// its tag, a reply by an analyst that leaves in the same thread, and a rejection that ends it. Nothing that leaves names anything but the
// reporter's own reference (A7).
func TestOneReport(t *testing.T) {
	engines(t, func(h *house) {
		h.approve()
		h.room.Work(h.Registry)
		h.room.Correspondence.Work(h.Registry)
		h.Work(h.T)
		h.mail("rui@hospital.example", "report@cert.example", h.sealed(&h.ruiKey, "rui@hospital.example", "Ransomware", "Two servers are encrypted."))
		h.until("a report and its receipt", func() bool { return len(h.reports()) == 1 && len(h.left()) == 1 })
		r := h.one()
		if r.Proof != correspondence.SignedByKey || r.Organisation != h.hospital.Ref.ID || h.reports()[0].Group != "clock" {
			t.Errorf("received as %+v", r)
		}
		receipt := h.left()[0]
		if !strings.Contains(receipt, "multipart/encrypted") || strings.Contains(receipt, "Ransomware") || strings.Contains(receipt, "://") {
			t.Errorf("the receipt is not encrypted to a known key:\n%.400s", receipt)
		}
		plain := h.opened(h.ruiKey, receipt)
		if !strings.Contains(plain, r.Reference) || !strings.Contains(plain, "://cert.example/r/") || strings.Contains(plain, "Two servers") {
			t.Errorf("the receipt says:\n%s", plain)
		}
		replyTo := mail.Parse([]byte(receipt)).Header().Get("Reply-To")
		if replyTo == "" {
			replyTo = mail.Parse([]byte(receipt)).Header().Get("From")
		}
		to := replyTo[strings.LastIndexByte(replyTo, '<')+1:]
		h.mail("rui@hospital.example", strings.TrimSuffix(to, ">"), h.sealed(&h.ruiKey, "rui@hospital.example", "Re", "It spreads."))
		h.until("the answer on its thread", func() bool { return len(h.messages(r.Thread, h.ana)) == 3 })
		if _, err := h.room.Intake.Reply(h.ctx, h.ana, r.UID, correspondence.Outgoing{Subject: "Isolate them", Text: "Please take them off the network."}); err != nil {
			t.Fatal(err)
		}
		h.until("the reply", func() bool { return len(h.left()) == 2 })
		got, err := h.room.Intake.Get(h.ctx, h.DB, h.ana, r.UID)
		if err != nil || got.State != intake.Answered {
			t.Errorf("then it is %s, %v", got.State, err)
		}
		if _, err := h.room.Intake.Reject(h.ctx, h.ana, r.UID, "no_incident", "", 0); err != nil {
			t.Fatal(err)
		}
		if n := len(h.reports()); n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

// until waits for work that other goroutines do, and fails after a time that says something is wrong.
func (h *house) until(what string, done func() bool) {
	h.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			h.Fatalf("%s: not within 20 s", what)
		}
	}
}
