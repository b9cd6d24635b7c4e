package intake

import (
	"crypto/ecdh"
	"crypto/hpke"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// ready is what the filing of a report takes of the processor. It is worked out before the transaction, while somebody else writes.
type ready struct {
	sender, message, words []byte
	traits                 []trait
	tokens                 search.Packed
	codes                  []drawn // used from the end
	own                    *box    // of the code that the input brings
}

// drawn is a code and what is sealed to it first.
type drawn struct {
	code         id.Secret
	hash, public []byte
	box          *box
}

// Ready works out what ReceiveTx needs of a report that is all there, with its files; ReceiveTx does it itself otherwise.
func (s *Service) Ready(by access.Actor, in ReceiveInput, files []correspondence.File) ReceiveInput {
	if in.ready != nil {
		return in
	}
	in = asWho(by, in)
	in.Body = in.Body.visible()
	if said := in.Body.Reported; said != nil {
		in.Body.Observables = append(in.Body.Observables, said.Observables()...)
		if in.OccurredAt.IsZero() {
			in.OccurredAt = said.earliest(s.Clock.Now())
		}
	}
	if h := in.Body.Handed; h != nil && h.Refused == "" {
		in.Body.Observables = append(in.Body.Observables, h.observables(200)...)
		if in.OccurredAt.IsZero() {
			in.OccurredAt = Believed(h.Document.StartedAt, s.Clock.Now())
		}
	}
	r := &ready{
		sender: s.mac("sender", strings.ToLower(in.Body.Email)), message: s.mac("message", in.MessageID),
		words: s.mac("words", normal(in.Body.Summary, in.Body.Description)), tokens: s.Words.Pack(in.Lang, in.Body.texts()...),
	}
	if in.Aside == "" {
		r.traits = s.traitsOf(in.Body, r.words, append(slices.Clone(in.Message.Files), files...))
	}
	n := 0
	if !in.NoReceipt && in.Body.Email != "" {
		n++
	}
	switch {
	case len(in.CodeHash) != 0:
		r.own = boxFor(in.CodeKey, shownInfo)
	case in.Channel != correspondence.ByMail:
		n++
	}
	for range n {
		r.codes = append(r.codes, draw())
	}
	in.ready = r
	return in
}

func draw() drawn {
	code, hash, public := NewCode()
	return drawn{code, hash, public, boxFor(public, shownInfo)}
}

// next gives a code that nothing was sealed to; a transaction that is run again finds them used up.
func (r *ready) next() drawn {
	if r == nil || len(r.codes) == 0 {
		return draw()
	}
	last := len(r.codes) - 1
	d := r.codes[last]
	r.codes = r.codes[:last]
	return d
}

// ownBox gives the box for the code of the input, once.
func (r *ready) ownBox() *box {
	b := r.own
	r.own = nil
	return b
}

// box is half of what it takes to seal to a public key, for one text: the half that costs.
type box struct {
	enc    []byte
	sender *hpke.Sender
	err    error
}

var errUsed = errs.New(errs.Internal, "a box is sealed once")

func boxFor(public []byte, info string) *box {
	k, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return &box{err: errs.Wrap(errs.Invalid, "this is no key", err)}
	}
	p, err := hpke.NewDHKEMPublicKey(k)
	if err != nil {
		return &box{err: errs.Wrap(errs.Invalid, "this is no key", err)}
	}
	kdf, aead := statusSuite()
	b := new(box)
	b.enc, b.sender, b.err = hpke.NewSender(p, kdf, aead, []byte(info))
	return b
}

// seal gives what hpke.Open opens. A box is sealed once.
func (b *box) seal(plain []byte) ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	sealed, err := b.sender.Seal(nil, plain)
	b.err = errUsed
	return append(slices.Clip(b.enc), sealed...), err
}
