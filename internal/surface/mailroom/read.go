package mailroom

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/format/abuse"
	"github.com/tocsin-csirt/tocsin/internal/format/dmarc"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// letter is a mail as it was read.
type letter struct {
	arrival correspondence.Arrival
	outer   *mail.Message // as it came
	inner   *mail.Message // inside the layers; outer when there are none
	sealed  pgp.Result
	smime   smime.Form

	certificates []smime.Certificate // that came with it in the sender's name
	unprotected  string              // for a person who asks for it
	name         string              // by which a copy of it is found
	sender       sender
	subject      string
	text         string
	files        []correspondence.File
	automatic    []string  // why no automatic answer may go out; none for a person
	bounce       bool      // a report of another mail program
	reading      string    // why it could not be read, as a catalogue key
	wish         tlp.Level // the label that its writer put on it
	oddities     []string
	said         abuse.Found    // what its machine-readable parts say
	routine      *dmarc.Summary // it is a DMARC or TLS report
	within       []correspondence.Within
	language     string       // of its text
	facts        *intake.Mail // what it is judged by
	placed       intake.Placed
	named        bool                 // another mail may have its name
	ready        *intake.ReceiveInput // what it is as a report, when it will be one
	outside      string               // the subject outside the seal, where it says something else
	attack       suspicion.Reading    // of the public lane: what was handed on
}

// open reads one arrival, outside of any transaction. An error is one that may pass (the key process or a disk is not there): what is wrong
// with the mail itself is in the letter.
func (m *Room) open(ctx context.Context, a correspondence.Arrival) (*letter, error) {
	l, who, err := m.unwrap(ctx, a)
	if err != nil {
		return nil, err
	}
	l.sender = m.judge(ctx, l, who)
	l.automatic = l.outer.Automatic()
	if a.From == "" && !slices.Contains(l.automatic, mail.NullSender) {
		l.automatic = append(l.automatic, mail.NullSender)
	}
	if m.ours(l) {
		l.automatic = append(l.automatic, "own")
	}
	_, l.bounce = l.outer.Report()
	if m.public(l) {
		if l.reading == "" {
			l.attack = suspicion.Read(l.inner)
		}
		return l, nil
	}
	l.wish = tlp.Wish(l.subject, l.text)
	l.understand()
	l.odd(l.outer)
	if l.inner != l.outer {
		inside := *l.inner
		inside.Oddities = slices.DeleteFunc(slices.Clone(l.inner.Oddities), func(o mail.Oddity) bool {
			return o.Kind == mail.MissingField // what was sealed is a part: its envelope has From and Date
		})
		l.odd(&inside)
	}
	return l, nil
}

// unwrap takes the layers off, and says whom the mail claims to be from.
func (m *Room) unwrap(ctx context.Context, a correspondence.Arrival) (*letter, claim, error) {
	read := m.read
	if read == nil {
		read = mail.Parse
	}
	l := &letter{arrival: a, outer: read(a.Raw)}
	l.name = nameOfMail(l.outer)
	l.inner = l.outer
	who, err := m.claimant(ctx, l.outer)
	if err != nil {
		return nil, who, err
	}
	date, ok := l.outer.Date()
	if !ok {
		date = a.ReceivedAt // a mail that does not say when it was written was written now
	}
	l.sealed, err = pgp.Open(ctx, pgp.Input{Entity: a.Raw, Keys: who.keys, Agent: m.Agent, Date: date, Now: m.Clock.Now()})
	if err == nil && l.sealed.State == pgp.None && !l.sealed.CameEncrypted {
		err = m.openSMIME(ctx, l, who, date)
	}
	if err != nil {
		return nil, who, err
	}
	l.unseal(read)
	return l, who, nil
}

// openSMIME takes the layers of S/MIME off, when the mail has such.
func (m *Room) openSMIME(ctx context.Context, l *letter, who claim, date time.Time) error {
	got, err := smime.Open(ctx, smime.Input{Message: l.outer, Approved: who.certs, Trust: m.Authorities.Now(), From: who.address.Addr, Agent: m.SMIME, Date: date, Now: m.Clock.Now()})
	if err != nil || got.Form == smime.None {
		return err
	}
	l.smime, l.sealed, l.certificates = got.Form, got.Result, got.Certificates
	return nil
}

// unseal takes text and subject from inside the layers. Nothing of a message whose integrity was not checked is used (rule P5).
func (l *letter) unseal(read func([]byte) *mail.Message) {
	l.subject = l.outer.Subject()
	closed := (l.sealed.State == pgp.Encrypted || l.sealed.State == pgp.SignedEncrypted || l.sealed.CameEncrypted) && l.sealed.Plain == nil
	switch {
	case closed || l.sealed.Unprotected != nil || (l.sealed.Reason == pgp.OverLimit && l.sealed.Plain == nil):
		why := l.sealed.Reason
		if why == pgp.Fine {
			why = pgp.NotForUs
		}
		l.reading = "desk.unreadable." + string(why)
		if l.smime != smime.None && why == pgp.NotForUs {
			l.reading = "desk.unreadable.smime"
		}
		l.text, l.unprotected = "", l.readUnprotected()
	case l.smime == smime.Opaque && l.sealed.Plain == nil:
		l.reading, l.text = "desk.unreadable.smime_damaged", ""
	case l.sealed.Plain == nil:
		l.text = l.outer.Body().Text
	case l.sealed.Form == pgp.Text:
		l.text = mail.VisibleText(strings.ToValidUTF8(string(l.sealed.Plain), "\uFFFD"))
		if after := strings.TrimSpace(string(l.sealed.After)); after != "" {
			l.text += "\n\n" + mail.VisibleText(strings.ToValidUTF8(after, "\uFFFD"))
		}
	default:
		l.inner = read(l.sealed.Plain)
		l.text = l.inner.Body().Text
		// The inner subject is the one that was protected (RFC 9788); the outer one of an encrypted mail says nothing.
		if s := l.sealed.Headers["Subject"]; l.sealed.HeaderScheme != "" && len(s) == 1 && strings.TrimSpace(s[0]) != "" {
			inner := l.inner.Subject()
			if inner == "" {
				inner = mail.Visible(s[0])
			}
			if inner != l.subject && (l.sealed.State == pgp.Signed || !placeholder(l.subject)) {
				l.oddities = append(l.oddities, "desk.odd.header_differs")
				l.outside = l.subject
			}
			l.subject = inner
		}
	}
	if l.smime != smime.None && l.sealed.Reason == pgp.Malformed && l.reading == "" {
		l.oddities = append(l.oddities, "desk.odd.smime_damaged")
	}
	if l.smime == smime.None && l.sealed.State == pgp.None && l.sealed.Reason != pgp.Fine && l.sealed.Reason != pgp.NoAgent {
		l.oddities = append(l.oddities, "desk.odd.pgp_partial")
	}
}

// readUnprotected is the text of what was encrypted without protection against change, for a person who asks for it; nothing else is made of it.
func (l *letter) readUnprotected() string {
	if l.sealed.Unprotected == nil {
		return ""
	}
	if l.smime != smime.None {
		return smime.ReadUnprotected(l.sealed.Unprotected)
	}
	text, err := pgp.ReadUnprotected(l.sealed.Unprotected)
	if err != nil {
		return ""
	}
	return mail.Parse(text).Body().Text
}

// seal is the one seal of the whole message. A part that came encrypted makes the whole withheld from outside (rule P6).
func (l *letter) seal() correspondence.Seal {
	switch l.sealed.State {
	case pgp.Signed:
		return correspondence.Signed
	case pgp.Encrypted:
		return correspondence.Encrypted
	case pgp.SignedEncrypted:
		return correspondence.SignedEncrypted
	}
	if l.sealed.CameEncrypted {
		return correspondence.Encrypted
	}
	return correspondence.Plain
}

func (l *letter) odd(msg *mail.Message) {
	for _, o := range msg.Oddities {
		key := "desk.odd." + string(o.Kind)
		if !slices.Contains(l.oddities, key) {
			l.oddities = append(l.oddities, key)
		}
	}
}

// attachments are the files of the message, those inside its layers when it has any. A mail that stays closed has only itself.
func (l *letter) attachments() []correspondence.FileIn {
	if l.reading != "" || l.sealed.Form == pgp.Text && l.sealed.Plain != nil {
		return nil
	}
	var out []correspondence.FileIn
	for _, p := range l.inner.Attachments() {
		name := p.Filename
		if name == "" {
			name = strings.ReplaceAll(p.Type, "/", "-")
		}
		out = append(out, correspondence.FileIn{Name: name, Type: p.Type, Content: bytes.NewReader(p.Bytes)})
	}
	return append(out, l.evidence()...)
}

// body is the message as it is kept beside its original.
func (l *letter) body() correspondence.Body {
	return correspondence.Body{
		Subject: cut(l.subject, maxSubject), Text: cut(l.text, maxText), From: l.sender.address, Files: l.files, Oddities: l.oddities,
		Reasons: l.sender.reasons, Signers: l.sender.signers, Signature: l.sender.signature, Unreadable: l.reading, KeyIDs: l.keyIDs(), Wish: l.wish.Name(),
		Outer: cut(l.outside, maxSubject), Language: l.language, Within: l.within, Unprotected: cut(l.unprotected, maxText),
	}
}

// keyIDs are the keys that a closed mail names.
func (l *letter) keyIDs() []string {
	if l.reading == "" {
		return nil
	}
	return l.sealed.EncryptedTo
}

// label is what the writer's wish makes of a mail: who is proved may open or close it, anybody else may only close it further than a mail
// without a label is.
func (l *letter) label() tlp.Level {
	if l.wish == 0 || l.sender.proof.Proved() {
		return l.wish
	}
	return tlp.Max(l.wish, tlp.Unlabelled)
}

// What is longer is in the original.
const (
	maxSubject = 1000
	maxText    = 1_000_000
)

func cut(s string, runes int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\u2400")
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes])
}

// report is the mail as a report.
func (l *letter) report(lang string) intake.ReceiveInput {
	handed, label := l.handed()
	in := intake.ReceiveInput{
		Channel: correspondence.ByMail, Lang: lang, TLP: label.Name(), Proof: l.sender.proof, Seal: l.seal(), Arrival: l.arrival.ID, Same: l.name, Message: l.body(),
		NoReceipt: len(l.automatic) > 0 || l.bounce,
		Body:      intake.Body{Summary: cut(l.subject, intake.MaxSummary), Description: cut(l.text, intake.MaxDescription), Email: cut(l.sender.address, intake.MaxShort), Name: cut(l.sender.name, intake.MaxShort)},
	}
	if l.outer != nil {
		in.MessageID = cut(l.outer.MessageID(), 998)
	}
	in.Body.Handed = handed
	in.Body.Reported = intake.ReportedOf(l.said, l.routine)
	if l.routine != nil && l.sender.contact.ID == 0 && l.onlyRoutine() {
		in.Aside, in.NoReceipt = intake.Routine, true
	}
	if l.sender.proof.Proved() {
		in.Contact = l.sender.contact.ID
	}
	in.Unlisted = l.sender.contact.ID == 0
	in.Body.Mail, in.Placed = l.facts, l.placed
	if l.facts != nil {
		l.facts.Silent = in.NoReceipt
	}
	return in
}
