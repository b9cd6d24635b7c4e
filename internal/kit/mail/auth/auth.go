// Package auth asks who really sent a mail: DKIM (RFC 6376), SPF (RFC 7208), DMARC alignment (RFC 7489), and the results that our own
// relay wrote on top (RFC 8601).
//
//   - [Checker.Check] gives a [Result]: how sure we are, by which method, and machine-readable [Reason]s.
//   - [Resolver] is the DNS it asks; [DNS], [Zone] and [Cached] are three of them.
//
// The identity is the domain of the single From address (M4), never Reply-To, Sender, a display name or the envelope. A result is about the
// domain; whether the person is known, or signed by OpenPGP, is for others. It decides nothing: mail is kept whatever comes out.
package auth

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Trust says how sure we are of the domain in From.
type Trust uint8

// The levels. Nobody: there is no single From. Failed: the domain says that mail like this is not its own. Claimed: it may be, or not.
// Proven: an aligned DKIM or SPF result, and nothing that lowers it.
const (
	Nobody Trust = iota
	Failed
	Claimed
	Proven
)

func (t Trust) String() string { return [...]string{"none", "failed", "claimed", "proven"}[t] }

// Reason says why. Upstairs it is a key of the message catalogue.
type Reason string

// The reasons.
const (
	NoSender       Reason = "no_sender"       // no From, several, or one that cannot be read strictly
	Ambiguous      Reason = "ambiguous"       // another program may read another message: lowers
	AlignedDKIM    Reason = "aligned_dkim"    // a signature of the From domain holds
	AlignedSPF     Reason = "aligned_spf"     // the sending host may send for the From domain
	AlignedRelay   Reason = "aligned_relay"   // our relay has found it aligned
	NotAligned     Reason = "not_aligned"     // nothing speaks for the From domain
	DKIMFailed     Reason = "dkim_failed"     // a signature of the From domain does not hold
	DKIMLength     Reason = "dkim_length"     // a signature with l=: failed
	DKIMWeak       Reason = "dkim_weak"       // a key of 1,024 bits or so
	DKIMUnsigned   Reason = "dkim_unsigned"   // From, Subject, Date or To not signed: lowers
	DKIMTooMany    Reason = "dkim_too_many"   // more than 5 signatures; the rest was not looked at
	SPFFailed      Reason = "spf_failed"      // the domain says that this host may not
	SPFSoft        Reason = "spf_soft"        // the domain is not sure of this host
	PolicyFailed   Reason = "policy_failed"   // not aligned, and the domain asks to quarantine or reject that
	NoPolicy       Reason = "no_policy"       // the domain has no DMARC record
	OtherRecipient Reason = "other_recipient" // signed, but none of our addresses is in To or Cc: a sign of replay
	OldDate        Reason = "old_date"        // signed, but longer ago than StaleAfter: a sign of replay
	ForeignResults Reason = "foreign_results" // Authentication-Results not from our relay: claims
	Temporary      Reason = "temporary"       // DNS did not answer; ask again
)

// Method says what spoke for the domain.
type Method string

// The methods.
const (
	ByDKIM  Method = "dkim"
	BySPF   Method = "spf"
	ByRelay Method = "relay"
)

// Envelope is what the connection told.
type Envelope struct {
	Peer    netip.Addr
	Helo    string
	From    string // reverse path, "" when null
	To      []string
	Arrived time.Time
}

// Result is what is known of the sender.
type Result struct {
	Address string // the From address, "" for nobody
	Trust   Trust
	Method  Method // what spoke for the domain, "" when nothing did
	Domain  string // the aligned domain that spoke
	Reasons []Reason
	DKIM    []Signature
	SPF     SPF
	Policy  Policy
}

// Has tells whether a reason was found.
func (r Result) Has(x Reason) bool { return slices.Contains(r.Reasons, x) }

func (r *Result) because(x Reason) {
	if !r.Has(x) {
		r.Reasons = append(r.Reasons, x)
	}
}

// Checker checks mails.
type Checker struct {
	Resolver Resolver
	// Relays are our own mail servers in front of us. SPF is never asked about their address, nor about a peer without one, which is a
	// socket of this machine.
	Relays []netip.Prefix
	// ServID is the authserv-id of these servers. When set, the topmost Authentication-Results of mail that they hand on counts.
	ServID string
}

// Relayed tells whether our own mail servers handed a mail on: what they wrote on top of it is ours.
func (c *Checker) Relayed(e Envelope) bool { return c.relayed(e) }

func (c *Checker) relayed(e Envelope) bool {
	return !e.Peer.IsValid() || slices.ContainsFunc(c.Relays, func(p netip.Prefix) bool { return p.Contains(e.Peer.Unmap()) })
}

// Check looks at one message as it was received. It gives a result for every input.
func (c *Checker) Check(ctx context.Context, raw []byte, e Envelope) Result {
	m := mail.Parse(raw)
	return c.CheckMessage(ctx, m, e)
}

// CheckMessage is Check for a message that is parsed already.
func (c *Checker) CheckMessage(ctx context.Context, m *mail.Message, e Envelope) Result {
	var r Result
	sender, ok := m.Sender()
	if !ok {
		r.because(NoSender)
	}
	r.Address = sender.Addr
	from := sender.Domain()
	if len(m.Raw) > 0 && bytes.Contains(m.Root.RawHeader(), []byte(":")) {
		r.DKIM = c.dkim(ctx, m, &r)
	}
	if ok {
		r.Policy = c.policy(ctx, from, &r)
	}
	if !c.relayed(e) {
		r.SPF = c.spf(ctx, e)
	}
	if !ok {
		return r
	}
	judged := c.align(m, e, from, &r)
	c.replay(m, e, &r)
	lowered := m.Ambiguous()
	if lowered {
		r.because(Ambiguous)
	}
	if r.Method == ByDKIM && (r.Has(DKIMUnsigned) || (r.Has(OtherRecipient) || r.Has(OldDate)) && !r.Has(AlignedSPF)) {
		lowered = true
	}
	switch {
	case r.Method != "" && !lowered:
		r.Trust = Proven
	case r.Method != "" || r.Has(Temporary):
		r.Trust = Claimed
	case r.Policy.Enforced && judged:
		r.Trust = Failed
		r.because(PolicyFailed)
	default:
		r.Trust = Claimed
	}
	return r
}

// align tells whether the sending host could be judged, and looks for a result that speaks for the domain of From. A signature with all it should cover comes before all others.
func (c *Checker) align(m *mail.Message, e Envelope, from string, r *Result) (judged bool) {
	relay, relayDomain, said := c.relay(m, e, from, r)
	partial := ""
	for _, s := range r.DKIM {
		if !aligned(from, s.Domain, r.Policy.StrictDKIM) {
			continue
		}
		switch {
		case s.OK && s.Covers && r.Method == "":
			r.Method, r.Domain = ByDKIM, s.Domain
			r.because(AlignedDKIM)
			if s.Weak {
				r.because(DKIMWeak)
			}
		case s.OK:
			partial = s.Domain
		case s.Temporary:
			r.because(Temporary)
		default:
			r.because(DKIMFailed)
			if s.Length {
				r.because(DKIMLength)
			}
		}
	}
	spf := aligned(from, r.SPF.Domain, r.Policy.StrictSPF)
	if spf {
		switch r.SPF.Outcome {
		case Pass:
			r.because(AlignedSPF)
		case Fail:
			r.because(SPFFailed)
		case SoftFail:
			r.because(SPFSoft)
		case TempError:
			r.because(Temporary)
		}
	}
	switch {
	case r.Method != "":
	case spf && r.SPF.Outcome == Pass:
		r.Method, r.Domain = BySPF, r.SPF.Domain
	case relay:
		r.Method, r.Domain = ByRelay, relayDomain
		r.because(AlignedRelay)
	case partial != "":
		r.Method, r.Domain = ByDKIM, partial
		r.because(AlignedDKIM)
		r.because(DKIMUnsigned)
	default:
		r.because(NotAligned)
	}
	return said || !c.relayed(e)
}

// StaleAfter is how long after it was signed a mail may come: longer than mail programs try.
const StaleAfter = 7 * 24 * time.Hour

// replay notes what looks like a signed mail sent on to us by somebody else. Whoever has a copy can do that, so such a signature says who wrote
// the mail, not that he writes to us now: it proves nothing unless the domain's own host hands the mail over.
func (c *Checker) replay(m *mail.Message, e Envelope, r *Result) {
	if r.Method != ByDKIM {
		return
	}
	if !e.Named(m) {
		r.because(OtherRecipient)
	}
	if d, ok := m.Date(); ok && !e.Arrived.IsZero() && e.Arrived.Sub(d) > StaleAfter {
		r.because(OldDate)
	}
}

// Named tells whether To or Cc of a message name a recipient of the envelope or, without a tag, somebody else in its domain: mail to another
// mailbox of ours may have been sent on by ourselves, an answer to one tag was not written to another. An envelope without recipients names all.
func (e Envelope) Named(m *mail.Message) bool {
	to, _ := m.Header().Addresses("To")
	cc, _ := m.Header().Addresses("Cc")
	return len(e.To) == 0 || slices.ContainsFunc(slices.Concat(to, cc), func(a mail.Address) bool {
		return slices.ContainsFunc(e.To, func(x string) bool {
			return strings.EqualFold(x, a.Addr) || mail.Address{Addr: x}.Domain() == a.Domain() && !strings.Contains(a.Addr, "+")
		})
	})
}
