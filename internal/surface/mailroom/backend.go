package mailroom

import (
	"bytes"
	"context"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/smtpd"
	"github.com/tocsin-csirt/tocsin/internal/kit/spool"
)

// Backend answers the SMTP and LMTP server.
type Backend struct {
	Address   string        // the team's: report@cert.example
	Public    func() string // gives the address for suspicious messages; "", or nil, for none
	Committer *correspondence.Committer
	Road      string // by which its mail comes
}

// Recipient takes the team's addresses with any tag or none, and postmaster. A tag that leads nowhere is taken like one that does: who asks
// learns nothing (rule A13).
func (b Backend) Recipient(_ context.Context, addr string) error {
	if correspondence.Takes(b.Address, addr) {
		return nil
	}
	if b.Public != nil {
		if lane := b.Public(); lane != "" && correspondence.Takes(lane, addr) {
			return nil
		}
	}
	_, domain, _ := strings.Cut(b.Address, "@")
	if correspondence.Takes("postmaster@"+domain, addr) && !strings.Contains(addr, "+") && domain != "" {
		return nil
	}
	return errs.New(errs.NotFound, "no mailbox of that name here")
}

// Accept keeps a mail: it is on disk when Accept gives nil.
func (b Backend) Accept(ctx context.Context, e smtpd.Envelope, body *spool.Body) error {
	a := correspondence.Arrival{From: e.From, To: e.To, Helo: e.Helo, TLS: e.TLS != "", ReceivedAt: e.Arrived, Road: b.Road}
	if a.Size = body.Size(); a.Size > spool.InMemory {
		a.Spool = body.Reader()
	} else {
		raw, err := body.Bytes()
		if err != nil {
			return err
		}
		a.Raw = bytes.Clone(raw)
	}
	if e.Peer.IsValid() {
		a.PeerIP = e.Peer.String()
	}
	return b.Committer.Submit(ctx, a)
}

var _ smtpd.Backend = Backend{}
