package mailroom

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// sender is who wrote a mail, and how sure we are.
type sender struct {
	address   string // the single From; "" for nobody
	name      string // as the mail says: never an identity
	contact   constituency.Contact
	proof     correspondence.Proof
	reasons   []string                  // catalogue keys
	signers   []string                  // fingerprints of the signatures, whoever made them
	signature *correspondence.Signature // the one that proves; nil when none does
	chained   bool                      // an authority that the house trusts gave the certificate of a signature to this address
}

// claim is whom a mail claims to be from, and that contact's approved keys.
type claim struct {
	address mail.Address
	single  bool
	contact constituency.Contact
	keys    []pgp.Key
	certs   []smime.Certificate
}

// claimant looks up the single From. Nothing else in a mail names its sender (rule M4).
func (m *Room) claimant(ctx context.Context, msg *mail.Message) (claim, error) {
	var c claim
	if c.address, c.single = msg.Sender(); !c.single {
		return c, nil
	}
	contact, keys, err := m.Constituency.KeysForEmail(ctx, m.DB, c.address.Addr)
	if errs.Is(err, errs.NotFound) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	c.contact = contact
	for _, k := range keys {
		if k.SMIME() {
			if cert, err := smime.ParseCertificate(k.Certificate); err == nil {
				c.certs = append(c.certs, cert)
			}
			continue
		}
		parsed, _ := pgp.ParseKeys(k.Certificate)
		c.keys = append(c.keys, parsed...)
	}
	return c, nil
}

// judge says how sure we are: by a signature that proves, else by the domain of the sender.
func (m *Room) judge(ctx context.Context, l *letter, c claim) sender {
	s := sender{address: c.address.Addr, name: c.address.Name, contact: c.contact}
	if !c.single {
		s.address, s.name = "", ""
	}
	bad := s.signed(l, c)
	if s.signature != nil {
		s.proof = correspondence.SignedByKey
		return s
	}
	ambiguous := l.ambiguous()
	r := m.Checker.CheckMessage(ctx, l.outer, envelope(l.arrival))
	for _, why := range r.Reasons {
		if key := "desk.sender." + string(why); !slices.Contains(s.reasons, key) {
			s.reasons = append(s.reasons, key)
		}
	}
	switch r.Trust {
	case auth.Proven:
		s.proof = correspondence.Aligned
	case auth.Claimed:
		s.proof = correspondence.Claimed
	case auth.Failed:
		s.proof = correspondence.Forged
	default:
		s.proof = correspondence.Unknown
	}
	if s.chained {
		s.proof = max(s.proof, correspondence.Aligned)
	}
	if ambiguous {
		s.proof = min(s.proof, correspondence.Claimed)
	}
	if bad {
		s.proof = correspondence.Forged
	}
	return s
}

// signed looks at the signatures. One proves when an approved key of the contact with the From address made it over the whole body within a day of
// the mail's date (rule P3; package pgp was given no other keys), when two programs cannot read two messages (rule M3), and when the mail is not
// an old one, or one to somebody else, that is sent again (rule M5). Bad tells of one that does not hold.
func (s *sender) signed(l *letter, c claim) (bad bool) {
	for _, sig := range l.sealed.Signatures {
		if sig.Fingerprint != "" {
			s.signers = append(s.signers, sig.Fingerprint)
		}
		bad = bad || sig.Status == pgp.Bad
		if sig.Status != pgp.Good {
			s.reasons = append(s.reasons, "desk.signature."+string(sig.Status))
		}
	}
	whole := l.sealed.State == pgp.Signed || l.sealed.State == pgp.SignedEncrypted
	good, approved := l.sealed.Good(), true
	if good == nil {
		good, approved = l.chained(), false
	}
	if !c.single || !whole || approved && c.contact.ID == 0 || good == nil {
		return bad
	}
	var against []auth.Reason
	if l.ambiguous() {
		against = append(against, auth.Ambiguous)
	}
	if l.arrival.ReceivedAt.Sub(good.Time) > auth.StaleAfter {
		against = append(against, auth.OldDate)
	}
	protected := l.sealed.HeaderScheme != "" && len(l.sealed.Headers["To"]) > 0
	if protected && !envelope(l.arrival).Named(l.inner) {
		against = append(against, auth.OtherRecipient)
	}
	for _, why := range against {
		s.reasons = append(s.reasons, "desk.sender."+string(why))
	}
	switch {
	case len(against) > 0:
	case !approved:
		s.chained = true
	default:
		s.signature = &correspondence.Signature{Key: good.Key, At: good.Time, Name: c.contact.Name, Email: c.contact.Email, Subject: l.sealed.HeaderScheme != "" && len(l.sealed.Headers["Subject"]) > 0}
	}
	return bad
}

// chained gives the first signature with a certificate of an authority that the house trusts, or nil.
func (l *letter) chained() *pgp.Signature {
	for i := range l.sealed.Signatures {
		if l.sealed.Signatures[i].Status == smime.Chained {
			return &l.sealed.Signatures[i]
		}
	}
	return nil
}

// ambiguous tells whether two programs may read two messages.
func (l *letter) ambiguous() bool {
	return l.outer.Ambiguous() || (l.inner != l.outer && l.inner.Ambiguous())
}

func envelope(a correspondence.Arrival) auth.Envelope {
	peer, _ := netip.ParseAddr(a.PeerIP) // invalid for a socket
	return auth.Envelope{Peer: peer, Helo: a.Helo, From: a.From, To: a.To, Arrived: a.ReceivedAt}
}

// ours tells whether a mail says that it comes from ourselves: our own address, with a tag or without. It is filed and never answered.
func (m *Room) ours(l *letter) bool {
	b := Backend{Address: m.Correspondence.Team.Address, Public: m.Correspondence.Suspicious}
	for _, addr := range []string{l.arrival.From, l.sender.address} {
		if addr != "" && b.Recipient(context.Background(), addr) == nil {
			return true
		}
	}
	return false
}

// speaksFor tells whether a proved sender is the correspondent of a thread: its own address, its contact, or a colleague at its organisation.
func (s sender) speaksFor(t correspondence.Thread) bool {
	if !s.proof.Proved() || s.address == "" {
		return false
	}
	c := t.Correspondent
	return strings.EqualFold(s.address, c.Email) || (s.contact.ID != 0 && (s.contact.ID == c.Contact || (c.Organisation != 0 && s.contact.Organisation == c.Organisation)))
}

// throughTracker tells whether a person wrote a mail in Request Tracker, as many teams do. It marks all that it sends as bulk mail, so nothing answers it
// by itself; but its writer answers us. What it sends for itself about a mail of ours names us as the one who made it.
func (m *Room) throughTracker(l *letter) bool {
	if l.bounce || l.outer == nil || slices.ContainsFunc(l.automatic, func(why string) bool { return why != mail.BulkMail }) {
		return false
	}
	for _, field := range []string{"RT-Originator", "X-RT-Originator"} {
		who, _ := l.outer.Header().Addresses(field)
		if len(who) != 1 {
			continue
		}
		b := Backend{Address: m.Correspondence.Team.Address, Public: m.Correspondence.Suspicious}
		return b.Recipient(context.Background(), who[0].Addr) != nil
	}
	return false
}
