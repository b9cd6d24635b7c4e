package correspondence

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/build"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/send"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// Postman signs, encrypts and hands over what leaves: the key process behind it, the relay or folder before it.
type Postman struct {
	agent     pgp.Agent
	smime     smime.Agent
	transport send.Transport
	archive   atomic.Pointer[pgp.Key]
}

// NewPostman makes a postman. Archive is our own key to which everything encrypted is encrypted too; the zero Key is none.
func NewPostman(agent pgp.Agent, transport send.Transport, archive pgp.Key) *Postman {
	p := &Postman{agent: agent, transport: transport}
	p.Archive(archive)
	return p
}

// SMIME lets it write to those of whom only a certificate is known.
func (p *Postman) SMIME(a smime.Agent) { p.smime = a }

// Archive takes another key of ours from now on.
func (p *Postman) Archive(k pgp.Key) { p.archive.Store(&k) }

// parcel is a letter ready to go: the bytes, and the hash of the rendition they were made of.
type parcel struct {
	from, to, name string
	tagged         string // the address of the same mailbox at which it is delivered; "" for to
	rendition      []byte
	raw            []byte
}

// repeats tells whether a second handing over of the same mail is harmless: a folder writes the same file again.
func (p *Postman) repeats() bool {
	_, folder := p.transport.(*send.Folder)
	return folder
}

// deliver is the only way out: without a pass of core/egress, opened for this reader and this rendition, nothing is handed over (rule O1).
func (p *Postman) deliver(ctx context.Context, pass egress.Pass, l parcel) (send.Result, error) {
	if err := pass.Allows(egress.Mail, l.to, l.rendition); err != nil {
		return send.Result{State: send.Refused, Class: send.Policy}, err
	}
	return p.transport.Send(ctx, send.Mail{From: l.from, To: cmp.Or(l.tagged, l.to), Raw: l.raw, Name: l.name}), nil
}

// sealed writes the whole mail: signed always, encrypted to the reader alone and our archive on that road (rule P10).
func (p *Postman) sealed(ctx context.Context, l build.Letter, road egress.Road, reader readerKey, at time.Time) ([]byte, error) {
	switch road {
	case egress.Encrypted:
		outer, err := build.NewLine(neutral)
		if err != nil {
			return nil, err
		}
		entity, err := l.Entity(build.Cipher, outer)
		if err != nil {
			return nil, err
		}
		body, err := p.encrypt(ctx, entity, reader, at)
		if err != nil {
			return nil, err
		}
		return l.Around(body, outer)
	case egress.Signed, egress.Locked, egress.Notice:
		entity, err := l.Entity(build.Clear, build.Line{})
		if err != nil {
			return nil, err
		}
		body, err := pgp.SignMIME(ctx, entity, p.agent, pgp.Mail)
		if err != nil {
			return nil, err
		}
		return l.Around(body, l.Subject)
	}
	return nil, fmt.Errorf("no mail goes by the road %q", road)
}

func (p *Postman) encrypt(ctx context.Context, entity []byte, reader readerKey, at time.Time) ([]byte, error) {
	if reader.pgp.IsZero() && !reader.smime.IsZero() && p.smime != nil {
		return smime.SignAndEncryptMIME(ctx, entity, p.smime, reader.smime, at)
	}
	return pgp.SignAndEncryptMIME(ctx, entity, p.agent, pgp.Mail, pgp.Readers{Reader: reader.pgp, Archive: *p.archive.Load(), At: at})
}
