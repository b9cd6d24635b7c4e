package play

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/build"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// post is a mail that somebody outside writes.
type post struct {
	from, name, to string
	subject, text  string
	id             string // "" draws one
	seal           string // none, signed, encrypted, signed_encrypted
	proven         bool   // it comes by the exchange
	files          []country.File
	extra          country.Mail
}

// arrive lets a mail come in, as the SMTP server would hand it over.
func (p *player) arrive(ctx context.Context, m post) error {
	raw, err := p.compose(ctx, m)
	if err != nil {
		return err
	}
	from := exchange
	if !m.proven {
		from = elsewhere
	}
	return p.Correspondence.Arrive(ctx, []correspondence.Arrival{{
		From: m.from, To: []string{m.to}, PeerIP: from, Helo: "mx." + domainOf(m.from), TLS: true, ReceivedAt: p.Clock.Now(), Raw: raw,
	}})
}

// compose writes the bytes of a mail.
func (p *player) compose(ctx context.Context, m post) ([]byte, error) {
	l := build.Letter{Date: p.Clock.Now(), Text: m.text}
	var err error
	set := func(e error) {
		if err == nil {
			err = e
		}
	}
	var e error
	l.From, e = build.NewAddress(m.name, m.from)
	set(e)
	l.To, e = build.NewAddress("", m.to)
	set(e)
	l.Subject, e = build.NewLine(m.subject)
	set(e)
	if m.id != "" {
		l.ID, e = build.ParseID(m.id)
	} else {
		l.ID, e = build.NewID(domainOf(m.from))
	}
	set(e)
	for _, f := range m.files {
		name, e := build.NewLine(f.Name)
		set(e)
		l.Attachments = append(l.Attachments, build.Attachment{Name: name, Type: f.Type, Bytes: []byte(f.Text)})
	}
	if err != nil {
		return nil, err
	}
	entity, outer, err := p.seal(ctx, m, l)
	if err != nil {
		return nil, err
	}
	raw, err := l.Around(entity, outer)
	if err != nil {
		return nil, err
	}
	var head bytes.Buffer
	for _, h := range m.extra.Headers {
		fmt.Fprintf(&head, "%s: %s\r\n", h[0], h[1])
	}
	return append(head.Bytes(), raw...), nil
}

// seal makes the body of a mail, and the subject that stands outside.
func (p *player) seal(ctx context.Context, m post, l build.Letter) ([]byte, build.Line, error) {
	switch {
	case m.extra.Sealed != "":
		return locked(m.extra.Sealed), l.Subject, nil
	case m.extra.Forwarded != "":
		return forwarded(m.text, m.extra.Forwarded), l.Subject, nil
	}
	hidden, err := build.NewLine("...")
	if err != nil {
		return nil, hidden, err
	}
	readers := pgp.Readers{Reader: p.TeamKey, At: p.Clock.Now()}
	switch m.seal {
	case "signed", "signed_encrypted":
		agent, err := p.hand(m)
		if err != nil {
			return nil, hidden, err
		}
		if m.seal == "signed" {
			entity, err := l.Entity(build.Clear, build.Line{})
			if err != nil {
				return nil, hidden, err
			}
			entity, err = pgp.SignMIME(ctx, entity, agent, pgp.Mail)
			return entity, l.Subject, err
		}
		entity, err := l.Entity(build.Cipher, hidden)
		if err != nil {
			return nil, hidden, err
		}
		entity, err = pgp.SignAndEncryptMIME(ctx, entity, agent, pgp.Mail, readers)
		return entity, hidden, err
	case "encrypted":
		entity, err := l.Entity(build.Cipher, hidden)
		if err != nil {
			return nil, hidden, err
		}
		entity, err = pgp.EncryptMIME(entity, readers)
		return entity, hidden, err
	}
	entity, err := l.Entity(build.Unprotected, build.Line{})
	return entity, l.Subject, err
}

// hand signs as the sender: with the key that we know, or one of his own that nobody approved.
func (p *player) hand(m post) (pgp.Agent, error) {
	secret, ok := p.secrets[m.from]
	if !ok {
		var err error
		if secret, err = keyd.Generate(m.name, []string{m.from}, p.now.Add(-Began)); err != nil {
			return nil, err
		}
	}
	ring, err := keyd.NewRing(secret)
	if err != nil {
		return nil, err
	}
	return keyd.NewInProcess(ring, keyd.Options{Clock: p.Clock}), nil
}

// locked wraps an armoured message into PGP/MIME (RFC 3156 section 4).
func locked(armoured string) []byte {
	const mark = "=_locked"
	return crlf("Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"" + mark + "\"\n\n--" + mark +
		"\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--" + mark + "\nContent-Type: application/octet-stream; name=\"encrypted.asc\"\n\n" + armoured +
		"\n--" + mark + "--\n")
}

// forwarded attaches a whole message, as mail programs do when asked to forward the original.
func forwarded(text, message string) []byte {
	const mark = "=_forwarded"
	return crlf("Content-Type: multipart/mixed; boundary=\"" + mark + "\"\n\n--" + mark + "\nContent-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\n\n" +
		text + "\n--" + mark + "\nContent-Type: message/rfc822\nContent-Disposition: attachment; filename=\"original.eml\"\n\n" + message + "\n--" + mark + "--\n")
}

func crlf(s string) []byte {
	return []byte(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n"))
}
