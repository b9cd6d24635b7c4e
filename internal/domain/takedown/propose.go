package takedown

import (
	"cmp"
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/netaddr"
)

// mostProposals is how many stand at one target.
const mostProposals = 60

type proposalBody struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Why   Why    `json:"why"`
}

const proposalColumns = `p.id, p.uid, p.target, p.role, p.organisation, p.provider, p.state, p.at, p.account, p.sending, p.told_at, p.body`

func scanProposal(k keyring.Key) func(r *db.Rows) (Proposal, error) {
	return func(r *db.Rows) (Proposal, error) {
		var p Proposal
		var body []byte
		err := r.Scan(&p.ID, &p.UID, &p.Target, (*string)(&p.Role), &p.Organisation, &p.Provider, (*string)(&p.State), &p.At, &p.Account, &p.Sending, &p.ToldAt, &body)
		if err != nil {
			return p, err
		}
		var b proposalBody
		err = opened(k, proposalPlace(p.UID), body, &b)
		p.Name, p.Email, p.Why = b.Name, b.Email, b.Why
		return p, err
	}
}

// Proposals gives who was proposed for targets of one incident, by target, in the order of the parts. The actor needs access.ReadCases.
func (s *Service) Proposals(ctx context.Context, by access.Actor, incident string) (map[int64][]Proposal, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, incident)
	if err != nil {
		return nil, err
	}
	return s.proposalsOf(ctx, s.DB, by, o)
}

func (s *Service) proposalsOf(ctx context.Context, h db.Handle, by access.Actor, o access.Object) (map[int64][]Proposal, error) {
	out := map[int64][]Proposal{}
	k, err := s.Ring.Get(ctx, h, o.Ref.ID)
	if err != nil {
		return nil, err
	}
	list, err := db.All(ctx, h, scanProposal(k), `SELECT `+proposalColumns+` FROM takedown_proposal p JOIN takedown_target t ON t.id = p.target WHERE t.subject = $1 ORDER BY p.id LIMIT $2`,
		o.Ref.ID, MostTargets*mostProposals)
	if err != nil {
		return nil, err
	}
	sendings, err := s.Coordination.SendingsIn(ctx, h, o.Ref)
	if err != nil {
		return nil, err
	}
	for i := range list { // whose letter was withdrawn waits for one again
		if slices.ContainsFunc(sendings, func(x coordination.Sending) bool {
			return x.ID == list[i].Sending && x.State == coordination.SendingWithdrawn
		}) {
			list[i].Sending = 0
		}
	}
	return out, s.fill(ctx, h, by, list, out)
}

// fill adds who they are and how they want to be told.
func (s *Service) fill(ctx context.Context, h db.Handle, by access.Actor, list []Proposal, out map[int64][]Proposal) error {
	var orgs []int64
	for _, p := range list {
		if p.Organisation != 0 && !slices.Contains(orgs, p.Organisation) {
			orgs = append(orgs, p.Organisation)
		}
	}
	seen, err := s.Constituency.Visible(ctx, h, by, orgs...)
	if err != nil {
		return err
	}
	contacts, err := s.Constituency.WriteToMany(ctx, h, orgs...)
	if err != nil {
		return err
	}
	directory, err := s.providers(ctx, h, by)
	if err != nil {
		return err
	}
	for _, p := range list {
		if o, ok := seen[p.Organisation]; ok {
			c := contacts[p.Organisation]
			p.Name, p.Email, p.Lang = o.Name, c.Email, cmp.Or(c.Lang, o.Lang)
		}
		p.Form = ByLetter
		for _, d := range directory {
			if d.Organisation == p.Organisation && d.Role == p.Role {
				p.Provider, p.Form, p.Page, p.Wants = d.ID, d.Form, d.Page, d.Wants
			}
		}
		out[p.Target] = append(out[p.Target], p)
	}
	for _, all := range out {
		slices.SortStableFunc(all, func(a, b Proposal) int {
			return cmp.Compare(slices.Index(Parts(), a.Role), slices.Index(Parts(), b.Role))
		})
	}
	return nil
}

// Looked says what a Propose could not find out.
type Looked struct {
	New    int
	Barred Barred // why registries were not asked, "" when they were
	Silent int    // questions that nobody answered
}

// Propose looks for who can end a target: in our register, in the directory, and at registries where PAP allows. What it finds are proposals that a person confirms.
// The actor needs access.WorkCases. Refused: NotFound, Conflict for one that is ended.
func (s *Service) Propose(ctx context.Context, by access.Actor, uid string) (Looked, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Looked{}, err
	}
	var t Target
	var out Looked
	// Recorded before anybody is asked, whatever they say.
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if t, err = s.forChange(ctx, tx, by, uid); err != nil {
			return err
		}
		if !t.EndedAt.IsZero() {
			return errEnded
		}
		if out.Barred = s.BarredAsk(t.Incident); out.Barred != "" {
			return nil
		}
		return s.record(ctx, tx, by, "takedown.ask", t, "")
	})
	if err != nil {
		return Looked{}, err
	}
	addresses := t.At()
	var f found
	if out.Barred == "" {
		f = s.askRegistries(ctx, t, addresses)
		out.Silent = f.silent
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		t, err := s.forChange(ctx, tx, by, uid)
		if err != nil {
			return err
		}
		if !t.EndedAt.IsZero() {
			return errEnded
		}
		list, err := s.candidates(ctx, tx, by, t, addresses, f)
		if err != nil {
			return err
		}
		if out.New, err = s.addProposals(ctx, tx, by, t, list); err != nil || out.New == 0 {
			return err
		}
		return s.record(ctx, tx, by, "takedown.propose", t, "", audit.Change{Field: "parties", To: out.New})
	})
	return out, err
}

// At gives the addresses at which a target is known to stand.
func (t Target) At() []netip.Addr {
	var out []netip.Addr
	if a, ok := t.Thing.Addr(); ok {
		out = append(out, a)
	}
	for _, a := range append(slices.Clone(t.Seen), t.Addresses...) {
		if netaddr.Global(a) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// candidates gathers who may end a target, each with the reason.
func (s *Service) candidates(ctx context.Context, tx *db.Tx, by access.Actor, t Target, addresses []netip.Addr, f found) ([]Proposal, error) {
	var out []Proposal
	owners, err := s.Constituency.Owners(ctx, tx, by, t.Thing.Host, time.Time{})
	if err != nil {
		return nil, err
	}
	for _, m := range owners[:min(len(owners), 2)] {
		role := coordination.Host
		if m.Asset.Kind == "prefix" {
			role = coordination.Network
		}
		out = append(out, Proposal{Role: role, Organisation: m.Organisation.Ref.ID, Why: Why{"desk.takedown.why.register", m.Asset.Value}})
	}
	directory, err := s.providers(ctx, tx, by)
	if err != nil {
		return nil, err
	}
	registrar, _ := f.domain.Registrar()
	for _, p := range directory {
		if w, ok := p.matches(t, addresses, registrar.Handle); ok {
			out = append(out, Proposal{Role: p.Role, Organisation: p.Organisation, Provider: p.ID, Why: w})
		}
	}
	if name := nameOf(registrar); name != "" {
		out = append(out, s.known(ctx, tx, directory, Proposal{Role: coordination.Registrar, Name: name, Email: complaints(f.domain, true), Why: Why{"desk.takedown.why.rdap_domain", f.domain.Name}}))
	}
	for _, n := range f.networks {
		name := n.Name
		if who := n.With("registrant"); len(who) > 0 {
			name = cmp.Or(nameOf(who[0]), name)
		}
		where := n.First.String() + " – " + n.Last.String()
		out = append(out, s.known(ctx, tx, directory, Proposal{Role: coordination.Network, Name: name, Email: complaints(n, false), Why: Why{"desk.takedown.why.rdap_network", where}}))
	}
	return out, nil
}

// known names the organisation of a proposal when its address or its name in the directory says which it is.
func (s *Service) known(ctx context.Context, h db.Handle, directory []Provider, p Proposal) Proposal {
	for _, d := range directory {
		if d.Role == p.Role && (strings.EqualFold(d.Name, p.Name) || p.Email != "" && strings.EqualFold(d.Email, p.Email)) {
			p.Organisation, p.Provider = d.Organisation, d.ID
			return p
		}
	}
	if p.Email != "" {
		if c, err := s.Constituency.ContactByEmail(ctx, h, p.Email); err == nil {
			p.Organisation = c.Organisation
		}
	}
	return p
}

// matches tells whether a provider answers for a target, and by what.
func (p Provider) matches(t Target, addresses []netip.Addr, registrar string) (Why, bool) {
	if p.Role == coordination.BlockList && len(p.Matches) == 0 {
		return Why{"desk.takedown.why.list", ""}, true
	}
	_, address := t.Thing.Addr()
	for _, m := range p.Matches {
		if n, err := netip.ParsePrefix(m); err == nil {
			if slices.ContainsFunc(addresses, n.Contains) {
				return Why{"desk.takedown.why.prefix", m}, true
			}
			continue
		}
		if number, ok := strings.CutPrefix(m, "iana:"); ok && registrar != "" && number == registrar {
			return Why{"desk.takedown.why.registrar", number}, true
		}
		if !address && strings.HasPrefix(m, ".") && strings.HasSuffix("."+t.Thing.Host, m) {
			return Why{"desk.takedown.why.suffix", m}, true
		}
	}
	return Why{}, false
}

// have gives the proposals of a target as they are kept, and the key that opens them.
func (s *Service) have(ctx context.Context, tx *db.Tx, t Target) (keyring.Key, []Proposal, error) {
	k, err := s.Ring.Get(ctx, tx, t.Incident.Ref.ID)
	if err != nil {
		return k, nil, err
	}
	list, err := db.All(ctx, tx, scanProposal(k), `SELECT `+proposalColumns+` FROM takedown_proposal p WHERE p.target = $1 ORDER BY p.id LIMIT $2`, t.ID, mostProposals)
	return k, list, err
}

// addProposals keeps those that do not stand there yet, whatever became of them. The caller holds the incident.
func (s *Service) addProposals(ctx context.Context, tx *db.Tx, by access.Actor, t Target, list []Proposal) (added int, err error) {
	k, have, err := s.have(ctx, tx, t)
	if err != nil {
		return 0, err
	}
	for _, p := range list {
		same := slices.ContainsFunc(have, func(x Proposal) bool {
			return x.Role == p.Role && (p.Organisation != 0 && x.Organisation == p.Organisation || strings.EqualFold(x.Name, p.Name) && p.Name != "")
		})
		if same || len(have) >= mostProposals {
			continue
		}
		p.UID, p.Target, p.At, p.State, p.Account = id.New(), t.ID, s.Clock.Now(), cmp.Or(p.State, Proposed), by.Account
		body, err := json.Marshal(proposalBody{p.Name, p.Email, p.Why})
		if err != nil {
			return added, err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO takedown_proposal (uid, target, role, organisation, provider, state, at, account, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			p.UID, t.ID, string(p.Role), p.Organisation, p.Provider, string(p.State), p.At, p.Account, k.Seal(proposalPlace(p.UID), body)); err != nil {
			return added, err
		}
		have = append(have, p)
		added++
	}
	return added, nil
}

// Name adds a provider of the directory to a target by hand: it is confirmed by that, also when it was proposed or dismissed before. The actor needs access.WorkCases.
// Refused: Invalid, NotFound, Conflict for a target that is ended or a provider that was told.
func (s *Service) Name(ctx context.Context, by access.Actor, target, provider string) error {
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		t, err := s.forChange(ctx, tx, by, target)
		if err != nil {
			return err
		}
		if !t.EndedAt.IsZero() {
			return errEnded
		}
		p, err := s.provider(ctx, tx, by, provider)
		if errs.Is(err, errs.NotFound) || err == nil && !p.RetiredAt.IsZero() {
			var w errs.Problems
			w.Add("provider", "error.choose")
			return w.Err()
		}
		if err != nil {
			return err
		}
		_, have, err := s.have(ctx, tx, t)
		if err != nil {
			return err
		}
		for _, x := range have {
			if x.Role == p.Role && x.Organisation == p.Organisation && (x.State != Confirmed || !x.ToldAt.IsZero()) {
				x.Name, x.Provider = p.Name, p.ID
				return s.decideTx(ctx, tx, by, t, x, Confirmed)
			}
		}
		n, err := s.addProposals(ctx, tx, by, t, []Proposal{{Role: p.Role, Organisation: p.Organisation, Provider: p.ID, State: Confirmed, Why: Why{"desk.takedown.why.hand", ""}}})
		if err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, by, "takedown.decide", t, "", audit.Change{Field: "party", To: p.Name}, audit.Change{Field: "state", To: string(Confirmed)})
	})
}

// Decide confirms a proposal or dismisses it. The actor needs access.WorkCases. Refused: NotFound, Conflict for one that was told, or that is in no register yet.
func (s *Service) Decide(ctx context.Context, by access.Actor, proposal string, to ProposalState) error {
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	if to != Confirmed && to != Dismissed {
		var p errs.Problems
		p.Add("state", "error.choose")
		return p.Err()
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		t, p, err := s.proposalForChange(ctx, tx, by, proposal)
		if err != nil {
			return err
		}
		return s.decideTx(ctx, tx, by, t, p, to)
	})
}

func (s *Service) decideTx(ctx context.Context, tx *db.Tx, by access.Actor, t Target, p Proposal, to ProposalState) error {
	switch {
	case !t.EndedAt.IsZero():
		return errEnded
	case !p.ToldAt.IsZero():
		return errTold
	case to == Confirmed && p.Organisation == 0:
		return &errs.Error{Kind: errs.Conflict, Key: "error.takedown.unknown", Text: "enter it in the directory first"}
	}
	_, err := tx.Exec(ctx, `UPDATE takedown_proposal SET organisation = $1, provider = $2, state = $3, at = $4, account = $5, sending = 0 WHERE id = $6`,
		p.Organisation, p.Provider, string(to), s.Clock.Now(), by.Account, p.ID)
	if err != nil {
		return err
	}
	return s.record(ctx, tx, by, "takedown.decide", t, "", audit.Change{Field: "party", To: p.Name}, audit.Change{Field: "state", From: string(p.State), To: string(to)})
}

// targetOf gives the uid of the target of a proposal. Whether the actor sees it is for who loads it.
func targetOf(ctx context.Context, h db.Handle, proposal string) (uid string, err error) {
	if !utf8.ValidString(proposal) || strings.ContainsRune(proposal, 0) {
		return "", errs.ErrNotFound
	}
	err = h.QueryRow(ctx, `SELECT t.uid FROM takedown_proposal p JOIN takedown_target t ON t.id = p.target WHERE p.uid = $1`, proposal).Scan(&uid)
	return uid, err
}

// proposalForChange loads a proposal and its target under the incident's lock.
func (s *Service) proposalForChange(ctx context.Context, tx *db.Tx, by access.Actor, uid string) (Target, Proposal, error) {
	target, err := targetOf(ctx, tx, uid)
	if err != nil {
		return Target{}, Proposal{}, err
	}
	t, err := s.forChange(ctx, tx, by, target)
	if err != nil {
		return t, Proposal{}, err
	}
	p, err := s.proposal(ctx, tx, by, t, uid)
	return t, p, err
}

func (s *Service) proposal(ctx context.Context, h db.Handle, by access.Actor, t Target, uid string) (Proposal, error) {
	k, err := s.Ring.Get(ctx, h, t.Incident.Ref.ID)
	if err != nil {
		return Proposal{}, err
	}
	p, err := db.One(ctx, h, scanProposal(k), `SELECT `+proposalColumns+` FROM takedown_proposal p WHERE p.uid = $1 AND p.target = $2`, uid, t.ID)
	if err != nil {
		return p, err
	}
	all := map[int64][]Proposal{}
	if err := s.fill(ctx, h, by, []Proposal{p}, all); err != nil {
		return p, err
	}
	return all[t.ID][0], nil
}
