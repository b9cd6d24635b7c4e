package constituency

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Way is how somebody proves that something is theirs.
type Way string

// The ways.
const (
	ByDNS      Way = "dns"      // a text record under the name, or in the zone of the network
	ByFile     Way = "file"     // a file on the host
	ByMail     Way = "mail"     // a code that we mail to a role of the domain
	ByRegistry Way = "registry" // an object of a registry, that a person of ours judges
	ByHand     Way = "hand"     // noted by a person of ours
)

// ProofState is where a proof stands.
type ProofState string

// The states. Waiting: we look, or a code is awaited. Asked: a person of ours judges it. Proved ends as Lapsed or Withdrawn; what never was proved ends as
// Failed, Refused or Withdrawn.
const (
	ProofWaiting   ProofState = "waiting"
	ProofAsked     ProofState = "asked"
	ProofProved    ProofState = "proved"
	ProofRefused   ProofState = "refused"
	ProofFailed    ProofState = "failed"
	ProofLapsed    ProofState = "lapsed"
	ProofWithdrawn ProofState = "withdrawn"
)

// What a look found.
const (
	SaidFound  = "found"
	SaidAbsent = "absent" // there is no such record, no such file
	SaidOther  = "other"  // there is one, without our line
	SaidSilent = "silent" // nobody answered; nothing more is said, for what is inside is nobody's to know (rule O3)
	SaidStatus = "status" // the host answered something else than the file
)

// Periods of proofs.
const (
	ProofHolds   = 365 * 24 * time.Hour // then it is proved anew
	proofAgain   = 30 * 24 * time.Hour  // so long before its end we look again
	proofWaits   = 14 * 24 * time.Hour  // for a record or a file
	codeWaits    = 7 * 24 * time.Hour   // for a code
	lookAtMost   = 12 * time.Hour       // between two looks
	lookAtLeast  = time.Minute          // between two looks that somebody asks for
	maxCodeTries = 10
)

// Limits of what one organisation may have open: a stranger's account must not fill the table, nor mail the country.
const (
	maxOpenProofs = 60
	maxDailyCodes = 10
	maxEvidence   = 64 << 10
)

// challenge is the label under which a record stands, and the name of the file in /.well-known/.
const (
	challengeLabel = "_tocsin-challenge"
	challengeFile  = "tocsin-challenge"
	challengeLine  = "tocsin-challenge="
)

// ProofRoles are the addresses of a domain to which a code may go: who reads one of them keeps the domain (RFC 2142 section 5 and 7).
var ProofRoles = []string{"postmaster", "hostmaster", "security", "abuse"}

// Proof is one way in which an organisation proves, or proved, that something is its own.
type Proof struct {
	ID           int64
	UID          string
	Organisation int64
	Asset        int64 // 0 while it is only claimed
	Kind, Value  string
	Way          Way
	State        ProofState
	Place        string // name of the record, address of the file, mail address
	Token        string // what the record and the file hold; "" for the other ways
	Message      string // uid of the letter with the code
	Tries        int    // looks without success, or wrong codes
	MadeAt       time.Time
	MadeBy       int64
	Until        time.Time // of a proof: until when it holds; else until when we wait, zero for no end
	LookAt       time.Time // when we look next; zero: not by ourselves
	LookedAt     time.Time
	Said         string // what the last look found
	DecidedAt    time.Time
	DecidedBy    int64  // 0: by the look itself
	Why          string // of who decided
}

// Line is what the record or the file must hold.
func (p Proof) Line() string { return challengeLine + p.Token }

// Open tells whether it may still become a proof.
func (p Proof) Open() bool { return p.State == ProofWaiting || p.State == ProofAsked }

const proofColumns = `f.id, f.uid, f.organisation, f.asset, f.kind, f.value, f.way, f.state, f.place, f.token, f.message, f.tries, f.made_at, f.made_by, f.until, f.look_at, f.looked_at,
	f.said, f.decided_at, f.decided_by, f.why`

func (p *Proof) dst() []any {
	return []any{
		&p.ID, &p.UID, &p.Organisation, &p.Asset, &p.Kind, &p.Value, (*string)(&p.Way), (*string)(&p.State), &p.Place, &p.Token, &p.Message, &p.Tries, &p.MadeAt, &p.MadeBy,
		&p.Until, &p.LookAt, &p.LookedAt, &p.Said, &p.DecidedAt, &p.DecidedBy, &p.Why,
	}
}

func scanProof(r *db.Rows) (Proof, error) {
	var p Proof
	return p, r.Scan(p.dst()...)
}

// Ways gives how something of a kind can be proved by who has it, the surest first. A file says who has a host, and not who has all hosts of a domain, so it
// proves no domain (as certificate authorities hold it: CA/Browser Forum Baseline Requirements 3.2.2.4.18). A network is proved in its own reverse zone where
// it has one, which begins at a whole byte (IPv4) or half of one (IPv6).
func Ways(kind, value string) []Way {
	switch kind {
	case "domain":
		return []Way{ByDNS, ByMail, ByRegistry}
	case "host", "url":
		return []Way{ByDNS, ByFile}
	case "prefix":
		if recordName(kind, value) != "" {
			return []Way{ByDNS, ByRegistry}
		}
		return []Way{ByRegistry}
	case "asn":
		return []Way{ByRegistry}
	}
	return nil
}

// recordName gives under which name the record of an asset stands; "" when it has none.
func recordName(kind, value string) string {
	name := ""
	switch kind {
	case "domain", "host":
		name = value
	case "url":
		name, _, _ = strings.Cut(value, "/")
	case "prefix":
		name = reverse(value)
	}
	if name == "" || len(challengeLabel)+1+len(name) > 253 {
		return ""
	}
	return challengeLabel + "." + name
}

// reverse gives the zone in which the names of a network's addresses stand (RFC 1035 section 3.5, RFC 3596 section 2.5); "" when it is no zone of its own.
func reverse(prefix string) string {
	p, err := netip.ParsePrefix(prefix)
	if err != nil {
		return ""
	}
	const digits = "0123456789abcdef"
	var labels []string
	if p.Addr().Is4() {
		if p.Bits()%8 != 0 {
			return ""
		}
		b := p.Addr().As4()
		for _, x := range b[:p.Bits()/8] {
			labels = append(labels, netip.AddrFrom4([4]byte{0, 0, 0, x}).String()[len("0.0.0."):])
		}
		slices.Reverse(labels)
		return strings.Join(append(labels, "in-addr", "arpa"), ".")
	}
	if p.Bits()%4 != 0 {
		return ""
	}
	b := p.Addr().As16()
	for i := range p.Bits() / 4 {
		labels = append(labels, string(digits[b[i/2]>>(4*(1-i%2))&15]))
	}
	slices.Reverse(labels)
	return strings.Join(append(labels, "ip6", "arpa"), ".")
}

// fileAddress gives where the file of a host or a URL stands.
func fileAddress(value string) string {
	host, _, _ := strings.Cut(value, "/")
	return "https://" + host + "/.well-known/" + challengeFile
}

// Proofs gives what an organisation proves and proved, the newest first, at most 500. The caller has checked that the reader may see it.
func (s *Service) Proofs(ctx context.Context, h db.Handle, organisation int64) ([]Proof, error) {
	return db.All(ctx, h, scanProof, `SELECT `+proofColumns+` FROM constituency_proof f WHERE f.organisation = $1 ORDER BY f.id DESC LIMIT 500`, organisation)
}

// ProofsAsked gives what waits for a person of ours to judge it, the oldest first, at most 200. It needs WriteRegistry.
func (s *Service) ProofsAsked(ctx context.Context, h db.Handle, by access.Actor) ([]Proof, error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return nil, err
	}
	return db.All(ctx, h, scanProof, `SELECT `+proofColumns+` FROM constituency_proof f WHERE f.state = 'asked' ORDER BY f.made_at, f.id LIMIT 200`)
}

// Proof gives one proof, by uid, to who may see its organisation.
func (s *Service) Proof(ctx context.Context, h db.Handle, by access.Actor, uid string) (Proof, error) {
	if err := needRead(by); err != nil {
		return Proof{}, err
	}
	return s.proof(ctx, h, by, uid)
}

// Evidence gives the object of a registry that was handed in for a proof. Who may see the proof may see it.
func (s *Service) Evidence(ctx context.Context, h db.Handle, by access.Actor, uid string) (string, error) {
	p, err := s.Proof(ctx, h, by, uid)
	if err != nil {
		return "", err
	}
	var sealed []byte
	if err := h.QueryRow(ctx, `SELECT evidence FROM constituency_proof WHERE id = $1`, p.ID).Scan(&sealed); err != nil || len(sealed) == 0 {
		return "", err
	}
	key, err := s.Ring.Get(ctx, h, p.Organisation)
	if err != nil {
		return "", err
	}
	plain, err := key.Open(evidencePlace(p.UID), sealed)
	return string(plain), err
}

func evidencePlace(uid string) string { return "constituency_proof.evidence:" + uid }

// Asset gives one asset, by uid, to who may see its organisation, ended ones too.
func (s *Service) Asset(ctx context.Context, h db.Handle, by access.Actor, uid string) (Asset, error) {
	if err := needRead(by); err != nil {
		return Asset{}, err
	}
	a, err := db.One(ctx, h, scanAsset, `SELECT `+assetColumns+` FROM constituency_asset a WHERE a.uid = $1`, uid)
	if err != nil {
		return a, err
	}
	_, err = access.Load(ctx, h, by, ref.Ref{Kind: ref.Organisation, ID: a.Organisation})
	return a, err
}
