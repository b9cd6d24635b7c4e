package correspondence

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// byLink is who opens the status page of a thread.
func byLink(t Thread) access.Actor {
	return access.Actor{Origin: access.ByLink, Strength: access.Link, Compartments: []int64{t.Compartment}}
}

// The team reads everything; the correspondent what was filed or sent; another party, an administrator and a stranger nothing (rule A6).
func TestWhoReadsWhat(t *testing.T) {
	engines(t, func(o *office) {
		th := o.party(tlp.Green, "Hospital", "soc@hospital.example", nil)
		o.receive(th, Incoming{Channel: ByMail, State: Filed, Proof: Aligned, Body: Body{Text: "ours", Oddities: []string{"x"}, Reasons: []string{"y"}}})
		o.receive(th, Incoming{Channel: ByMail, State: Unverified, Proof: Claimed, Body: Body{Text: "a stranger who has the tag"}})
		held := o.sent(th, letter)
		sent := o.sent(th, letter)
		o.must(o.SendNow(o.ctx, o.analyst, sent.UID))
		o.must(o.run(sent))
		hospital := o.h.Constituent(9, "Eva", th.Compartment)
		for name, c := range map[string]struct {
			by   access.Actor
			want []State
		}{
			"analyst":       {o.analyst, []State{Filed, Unverified, Held, Sent}},
			"auditor":       {o.h.Person(2, "Aud", access.Auditor), []State{Filed, Unverified, Held, Sent}},
			"the hospital":  {hospital, []State{Filed, Sent}},
			"its link":      {byLink(th), []State{Filed, Sent}},
			"another party": {o.h.Constituent(8, "Rui", 4711), nil},
			"administrator": {o.h.Person(3, "Adm", access.Admin), nil},
			"peer":          {o.h.Person(4, "Peer", access.Peer), nil},
			"stranger":      {access.Stranger(access.ByPage, "en"), nil},
		} {
			ms, err := o.Messages(o.ctx, o.DB, c.by, th.Ref.ID)
			o.must(err)
			var got []State
			for _, m := range ms {
				got = append(got, m.State)
				if !c.by.Team() && (m.Author != 0 || m.Direction == Out && m.AuthorName != "" || m.Body.Oddities != nil || m.Body.Reasons != nil) {
					o.Errorf("%s learns who works on it, or what we think of its mail", name)
				}
			}
			if len(got) != len(c.want) {
				o.Errorf("%s sees %v, want %v", name, got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					o.Errorf("%s sees %v, want %v", name, got, c.want)
				}
			}
			letters, err := o.Letters(o.ctx, o.DB, c.by, 1, th.Ref.ID)
			o.must(err)
			newest := sent.UID
			if !slices.Contains(c.want, Sent) {
				newest = ""
			}
			if len(letters) > 1 || len(letters) == 0 != (newest == "") || len(letters) == 1 && (letters[0].UID != newest || letters[0].Body.Text == "") {
				o.Errorf("%s has the newest letter %+v, want %q", name, letters, newest)
			}
			_, err = o.Get(o.ctx, c.by, th.UID, held.UID)
			if (err == nil) != c.by.Team() {
				o.Errorf("%s gets what is held: %v", name, err)
			}
		}
	})
}

// Text that came encrypted is shown outward only to a reader who proved to have written it, or after a person released it (rule P6).
func TestNoDecryptionOracle(t *testing.T) {
	engines(t, func(o *office) {
		th := o.party(tlp.Green, "Hospital", "soc@hospital.example", nil)
		hospital, link := o.h.Constituent(9, "Eva", th.Compartment), byLink(th)
		for _, c := range []struct {
			name       string
			seal       Seal
			proof      Proof
			page, link bool
		}{
			{"encrypted by nobody", Encrypted, Claimed, false, false},
			{"stolen ciphertext, re-sent by an aligned mail", Encrypted, Aligned, false, false},
			{"signed outside by the contact", Encrypted, SignedByKey, false, false},
			{"signed inside by an unknown key", SignedEncrypted, Aligned, false, false},
			{"signed inside by the contact's key", SignedEncrypted, SignedByKey, true, false},
			{"signed", Signed, SignedByKey, true, true},
			{"plain", Plain, Aligned, true, true},
		} {
			files, err := o.StoreFiles(o.ctx, th.Ref.ID, []FileIn{{Name: "secret.txt", Content: strings.NewReader("secret")}})
			o.must(err)
			a := []Arrival{{Raw: []byte("ciphertext")}}
			o.must(o.Arrive(o.ctx, a))
			m := o.receive(th, Incoming{Channel: ByMail, State: Filed, Proof: c.proof, Seal: c.seal, Arrival: a[0].ID, Body: Body{Subject: "secret", Text: "secret", Files: files}})
			check := func(by access.Actor, want bool, when string) {
				o.Helper()
				got, err := o.Get(o.ctx, by, th.UID, m.UID)
				o.must(err)
				_, _, ferr := o.OpenFile(o.ctx, by, th.UID, m.UID, files[0].UID)
				_, _, _, oerr := o.Original(o.ctx, by, th.UID, m.UID)
				text := got.Body.Subject + got.Body.Text
				if (text == "secretsecret") != want || (text == "") != !want || got.Withheld == want || (ferr == nil) != want || (oerr == nil) != want {
					o.Errorf("%s, %s: text %q, file %v, original %v, want shown %v", c.name, when, text, ferr, oerr, want)
				}
			}
			check(o.analyst, true, "the team")
			check(hospital, c.page, "portal")
			check(link, c.link, "link")
			if !c.page {
				o.refused(o.Release(o.ctx, hospital, m.UID), errs.Forbidden)
				o.must(o.Release(o.ctx, o.analyst, m.UID))
				check(hospital, true, "portal, released")
				check(link, true, "link, released")
				o.refused(o.Release(o.ctx, o.analyst, m.UID), errs.Conflict)
			}
		}
	})
}

// A mail from a third address to the tag is the team's alone until a person releases it, and its coming changes nothing for the party
// (rules M6, A6).
func TestAnUnverifiedMessageWaitsForAPerson(t *testing.T) {
	engines(t, func(o *office) {
		th := o.party(tlp.Green, "Hospital", "soc@hospital.example", nil)
		hospital := o.h.Constituent(9, "Eva", th.Compartment)
		before, err := access.Load(o.ctx, o.DB, hospital, th.Ref)
		o.must(err)
		o.h.Clock.Advance(time.Hour)
		m := o.receive(th, Incoming{Channel: ByMail, State: Unverified, Proof: Claimed, TLP: tlp.Red, Body: Body{Text: "believe me"}})
		after, err := access.Load(o.ctx, o.DB, hospital, th.Ref)
		o.must(err)
		if before != after {
			o.Errorf("the party notices: %+v, %+v", before, after)
		}
		o.refused(o.Release(o.ctx, o.h.Person(5, "Aud", access.Auditor), m.UID), errs.Forbidden)
		o.must(o.Release(o.ctx, o.analyst, m.UID))
		got, err := o.Get(o.ctx, hospital, th.UID, m.UID)
		o.must(err)
		if got.Body.Text != "believe me" || got.State != Filed || !got.Released {
			o.Errorf("%+v", got)
		}
		o.refused(o.Release(o.ctx, o.analyst, "0000000000000000000000000a"), errs.NotFound)
	})
}

// A filed message with a stricter label makes the thread as strict (rule O1); one that came encrypted makes it an encrypted one (rule P10).
func TestWhatComesMarksTheThread(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Green, lone("a@x.example"))
		look := func() Thread {
			list, err := o.Threads(o.ctx, o.DB, th.Ref.ID)
			o.must(err)
			return list[th.Ref.ID]
		}
		m := o.receive(th, Incoming{Channel: ByMail, State: Filed, Body: Body{Text: "x"}})
		if got := look(); got.TLP != tlp.Green || got.Encrypted || m.TLP != tlp.Unlabelled {
			o.Errorf("without a label: thread %s, message %s", got.TLP, m.TLP)
		}
		o.receive(th, Incoming{Channel: ByMail, State: Filed, TLP: tlp.Red, Seal: Encrypted, Body: Body{Text: "x"}})
		if got := look(); got.TLP != tlp.Red || !got.Encrypted {
			o.Errorf("after TLP:RED, encrypted: %s, %v", got.TLP, got.Encrypted)
		}
		o.receive(th, Incoming{Channel: ByMail, State: Filed, TLP: tlp.Clear, Body: Body{Text: "x"}})
		if got := look(); got.TLP != tlp.Red {
			o.Errorf("a milder message lowered the thread to %s", got.TLP)
		}
		if _, err := o.Messages(o.ctx, o.DB, o.h.Person(7, "Mac", access.Machine), th.Ref.ID); err != nil {
			o.Error(err)
		}
	})
}

// The original of a mail is its bytes, of a form what was posted; ours have none.
func TestOriginals(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Green, lone("a@x.example"))
		a := []Arrival{{Raw: []byte("Subject: x\r\n\r\nbytes\r\n")}}
		o.must(o.Arrive(o.ctx, a))
		mail := o.receive(th, Incoming{Channel: ByMail, State: Filed, Arrival: a[0].ID, MessageID: "x@y", Body: Body{Text: "x"}})
		form := o.receive(th, Incoming{Channel: ByForm, State: Filed, Original: []byte(`{"summary":"x"}`)})
		bare := o.receive(th, Incoming{Channel: ByPhone, State: Filed, Proof: ByHand})
		out := o.sent(th, letter)
		for _, c := range []struct {
			m           Message
			want, media string
		}{{mail, "Subject: x\r\n\r\nbytes\r\n", "message/rfc822"}, {form, `{"summary":"x"}`, "application/json"}} {
			r, media, sum, err := o.Original(o.ctx, o.analyst, th.UID, c.m.UID)
			o.must(err)
			if got := read(o.T, r); got != c.want || media != c.media || len(sum) != 32 {
				o.Errorf("%q as %s", got, media)
			}
		}
		for _, m := range []Message{bare, out} {
			_, _, _, err := o.Original(o.ctx, o.analyst, th.UID, m.UID)
			o.refused(err, errs.NotFound)
		}
		_, _, _, err := o.Original(o.ctx, o.h.Constituent(9, "Eva", 4711), th.UID, mail.UID)
		o.refused(err, errs.NotFound)
		if got, _ := o.Get(o.ctx, o.analyst, th.UID, mail.UID); got.MessageID != "x@y" {
			o.Errorf("Message-ID %q", got.MessageID)
		}
		err = o.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := o.ReceiveTx(ctx, tx, o.analyst, th.Ref.ID, Incoming{State: Filed, Original: make([]byte, maxOriginal+1)})
			return err
		})
		o.refused(err, errs.Limit)
		err = o.tx(func(ctx context.Context, tx *db.Tx) error {
			_, err := o.ReceiveTx(ctx, tx, o.analyst, 4711, Incoming{State: Filed})
			return err
		})
		o.refused(err, errs.NotFound)
	})
}

// A sealed thread vanishes for who is not named in it: messages, outbox, stop, send (rule A12).
func TestASealedThreadVanishes(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Green, lone("a@x.example"))
		m := o.sent(th, letter)
		_, err := o.DB.Exec(o.ctx, `UPDATE object SET sealed = TRUE WHERE id = $1`, th.Ref.ID)
		o.must(err)
		named := o.h.Person(77, "Named", access.Analyst)
		_, err = o.DB.Exec(o.ctx, `INSERT INTO access_grant (account, object, kind, granted_by, granted_at) VALUES (77, $1, $2, 1, $3)`, th.Ref.ID, int64(ref.Thread), o.Clock.Now())
		o.must(err)
		for _, c := range []struct {
			by   access.Actor
			sees int
		}{{o.analyst, 0}, {o.h.Person(6, "Lead", access.Lead), 0}, {named, 1}} {
			ms, err := o.Messages(o.ctx, o.DB, c.by, th.Ref.ID)
			o.must(err)
			page, err := o.Outbox(o.ctx, c.by, OutboxFilter{})
			o.must(err)
			if len(ms) != c.sees || len(page.Items) != c.sees {
				o.Errorf("%s sees %d messages and %d lines, want %d", c.by.Name, len(ms), len(page.Items), c.sees)
			}
		}
		o.refused(o.Stop(o.ctx, o.analyst, m.UID), errs.NotFound)
		o.refused(o.SendNow(o.ctx, o.analyst, m.UID), errs.NotFound)
		_, err = o.put1(th, letter)
		o.refused(err, errs.NotFound)
		// And what was held when it was sealed does not leave (rule O1).
		o.h.Clock.Advance(time.Minute)
		o.must(o.run(m))
		if got := o.mails(); len(got) != 0 {
			o.Errorf("%d mails left from a sealed case", len(got))
		}
	})
}
