package coordination

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Roles lists the roles of a party.
func Roles() []Role {
	return []Role{Affected, Source, Provider, Vendor, Authority, Peer, Reporter, Host, Network, Registrar, Registry, ContentNetwork, BlockList}
}

// RoleOf gives the part that an organisation of a kind has when nobody says another.
func RoleOf(kind constituency.LiaisonKind) Role {
	switch kind {
	case "":
		return Affected
	case constituency.CSIRT:
		return Peer
	case constituency.Vendor:
		return Vendor
	case constituency.Provider:
		return Provider
	}
	return Authority
}

func (r Role) valid() bool {
	for _, x := range Roles() {
		if r == x {
			return true
		}
	}
	return false
}

// NewParty is the input of AddTx.
type NewParty struct {
	Organisation int64
	Thread       int64 // a reporter's thread that goes on; 0 opens one
	Compartment  int64 // of a lone reporter; else the organisation's
	Name         string
	Contact      int64
	Role         Role
	Why          string
}

// AddTx adds a party to a subject that the caller has checked for change. The same organisation twice is the party that is there; one that
// was withdrawn comes back. A thread that belongs to a party already stays with it, and the new party gets one of its own. The actor needs
// access.WorkCases. Refused: Invalid for a role that is none or a lone reporter without thread and compartment.
func (s *Service) AddTx(ctx context.Context, tx *db.Tx, by access.Actor, subject access.Object, in NewParty) (Party, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Party{}, err
	}
	if !in.Role.valid() {
		var p errs.Problems
		p.Add("role", "error.choose")
		return Party{}, p.Err()
	}
	var thread correspondence.Thread
	if in.Thread != 0 {
		threads, err := s.Correspondence.Threads(ctx, tx, in.Thread)
		if err != nil {
			return Party{}, err
		}
		found := false
		if thread, found = threads[in.Thread]; !found {
			return Party{}, errs.ErrNotFound
		}
	}
	compartment := cmp.Or(in.Organisation, in.Compartment, thread.Compartment, thread.About.ID)
	if compartment == 0 {
		return Party{}, required("organisation")
	}
	now := s.Clock.Now()
	p, err := db.One(ctx, tx, s.scanParty, `SELECT `+partyColumns+` FROM object o`+partyTables+` WHERE p.subject = $1 AND p.compartment = $2`, subject.Ref.ID, compartment)
	switch {
	case err == nil && p.WithdrawnAt.IsZero():
		return p, nil
	case err == nil:
		p.WithdrawnAt, p.Gone, p.Role, p.Why = time.Time{}, "", in.Role, in.Why
		if err := s.saveParty(ctx, tx, &p, now); err != nil {
			return Party{}, err
		}
		return p, s.record(ctx, tx, by, "coordination.add", p, in.Why)
	case !errs.Is(err, errs.NotFound):
		return Party{}, err
	}
	return s.addNew(ctx, tx, by, subject, in, compartment, thread, now)
}

func (s *Service) addNew(ctx context.Context, tx *db.Tx, by access.Actor, subject access.Object, in NewParty, compartment int64, thread correspondence.Thread, now time.Time) (Party, error) {
	reader, err := s.reader(ctx, tx, in, thread)
	if err != nil {
		return Party{}, err
	}
	p := Party{
		Object: access.Object{
			Ref: ref.Ref{Kind: ref.Party}, Realm: access.Team, Compartment: compartment, TLP: subject.TLP, Exercise: subject.Exercise, Sealed: subject.Sealed, SealedUnder: under(subject),
		},
		Subject: subject.Ref, Organisation: in.Organisation, Name: reader.Name, Contact: reader.Contact, Role: in.Role, AddedAt: now, Why: in.Why,
	}
	if in.Organisation != 0 {
		orgs, err := s.Constituency.ByID(ctx, tx, in.Organisation)
		if err != nil {
			return Party{}, err
		}
		p.Name = orgs[in.Organisation].Name
	}
	if err := access.Protect(ctx, tx, &p.Object, now); err != nil {
		return Party{}, err
	}
	k, err := s.Ring.Create(ctx, tx, p.Ref.ID, now)
	if err != nil {
		return Party{}, err
	}
	if thread.Ref.ID != 0 && thread.About.Kind != ref.Party {
		p.Thread = thread.Ref.ID
		if err := s.Correspondence.MoveTx(ctx, tx, by, p.Thread, p.Ref, compartment); err != nil {
			return Party{}, err
		}
	} else {
		t, err := s.Correspondence.OpenThreadTx(ctx, tx, by, correspondence.NewThread{
			About: p.Ref, Compartment: compartment, TLP: subject.TLP, Exercise: subject.Exercise, Prefix: "P", Correspondent: reader,
		})
		if err != nil {
			return Party{}, err
		}
		p.Thread = t.Ref.ID
	}
	if subject.Sealed {
		if err := access.SealTx(ctx, tx, subject.Ref, now, p.Thread); err != nil {
			return Party{}, err
		}
	}
	sealed, err := seal(k, "party", p.Ref.ID, partyBody{Name: p.Name, Why: p.Why})
	if err != nil {
		return Party{}, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO coordination_party (id, subject, subject_kind, compartment, organisation, contact, role, thread, added_at, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		p.Ref.ID, subject.Ref.ID, int64(subject.Ref.Kind), compartment, p.Organisation, p.Contact, string(p.Role), p.Thread, now, sealed)
	if err != nil {
		return Party{}, err
	}
	return p, s.record(ctx, tx, by, "coordination.add", p, in.Why)
}

// under gives the object whose seal what is added to a subject lies under.
func under(subject access.Object) int64 {
	if !subject.Sealed {
		return 0
	}
	return subject.Ref.ID
}

// ObjectsOf gives the ids of all objects of a subject: parties, their threads, requests and measures. For who seals it.
func (s *Service) ObjectsOf(ctx context.Context, h db.Handle, subject ref.Ref) ([]int64, error) {
	return db.All(ctx, h, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT id FROM coordination_party WHERE subject = $1
		UNION ALL SELECT thread FROM coordination_party WHERE subject = $1 UNION ALL SELECT id FROM coordination_request WHERE subject = $1
		UNION ALL SELECT id FROM coordination_measure WHERE subject = $1`, subject.ID)
}

// reader says to whom the party's letters go.
func (s *Service) reader(ctx context.Context, h db.Handle, in NewParty, thread correspondence.Thread) (correspondence.Correspondent, error) {
	out := thread.Correspondent
	if out.Name == "" {
		out.Name = in.Name
	}
	if in.Organisation == 0 || thread.Ref.ID != 0 {
		return out, nil
	}
	orgs, err := s.Constituency.ByID(ctx, h, in.Organisation)
	if err != nil {
		return out, err
	}
	org, ok := orgs[in.Organisation]
	if !ok {
		return out, errs.ErrNotFound
	}
	var c constituency.Contact
	if in.Contact != 0 {
		c, err = s.Constituency.ContactByID(ctx, h, in.Contact)
		if err == nil && c.Organisation != org.Ref.ID { // rule A3: a contact of somebody else
			return out, errs.ErrNotFound
		}
	} else {
		c, err = s.Constituency.WriteTo(ctx, h, in.Organisation)
		if errs.Is(err, errs.NotFound) { // nobody to write to yet: the preview says so
			err = nil
		}
	}
	return correspondent(org, c), err
}

// correspondent is whom a letter to an organisation goes to.
func correspondent(org constituency.Organisation, c constituency.Contact) correspondence.Correspondent {
	return correspondence.Correspondent{
		Name: cmp.Or(c.Name, org.Name), Email: c.Email, Phone: c.Phone, Lang: cmp.Or(c.Lang, org.Lang), Organisation: org.Ref.ID, Contact: c.ID,
	}
}

// record writes what was done with a party for the team alone: its reasons are not the party's business.
func (s *Service) record(ctx context.Context, tx *db.Tx, by access.Actor, verb string, p Party, note string) error {
	err := s.Audit.Write(ctx, tx, audit.Entry{
		At: s.Clock.Now(), By: by, Verb: verb, On: p.Ref, About: p.Subject, Note: note,
		Changes: []audit.Change{{Field: "party", To: p.Name}, {Field: "role", To: string(p.Role)}},
	})
	return err
}

// Add adds organisations, by uid, as parties of an incident, by uid or number. Without a role each gets that of what it is to us. The actor needs
// access.WorkCases. What it may not see of them is NotFound, and nothing is added.
func (s *Service) Add(ctx context.Context, by access.Actor, subject string, organisations []string, role Role, why string) ([]Party, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return nil, err
	}
	var problems errs.Problems
	if len(organisations) == 0 {
		problems.Add("organisations", "error.required")
	}
	if role != "" && !role.valid() {
		problems.Add("role", "error.choose")
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	var out []Party
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		out = nil
		o, err := access.LoadForChange(ctx, tx, by, ref.Incident, subject)
		if err != nil {
			return err
		}
		var orgs []int64
		for _, uid := range organisations {
			org, err := s.Constituency.Get(ctx, tx, by, uid)
			if err != nil {
				return err
			}
			orgs = append(orgs, org.Ref.ID)
		}
		known, err := s.Constituency.Liaisons(ctx, tx, orgs...)
		if err != nil {
			return err
		}
		for _, org := range orgs {
			p, err := s.AddTx(ctx, tx, by, o, NewParty{Organisation: org, Role: cmp.Or(role, RoleOf(known[org].Kind)), Why: why})
			if err != nil {
				return err
			}
			out = append(out, p)
		}
		return nil
	})
	return out, err
}

// Withdraw takes a party out of a subject, with a reason; its thread and record stay. What it still owed is withdrawn with it. The actor
// needs access.WorkCases. Refused: Invalid without a reason, NotFound, Conflict for one that is withdrawn.
func (s *Service) Withdraw(ctx context.Context, by access.Actor, party, reason string) error {
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return required("reason")
	}
	if err := checkReason(reason); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := s.partyForChange(ctx, tx, by, party)
		if err != nil {
			return err
		}
		if !p.WithdrawnAt.IsZero() {
			return errs.New(errs.Conflict, "the party is withdrawn already")
		}
		now := s.Clock.Now()
		p.WithdrawnAt, p.Gone = now, reason
		if err := s.saveParty(ctx, tx, &p, now); err != nil {
			return err
		}
		if err := s.recall(ctx, tx, by, `r.party = $1`, p.Ref.ID, reason, false); err != nil {
			return err
		}
		if err := s.hide(ctx, tx, `party = $1`, p.Ref.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE coordination_called SET gone_at = $1 WHERE party = $2 AND gone_at IS NULL`, now, p.Ref.ID); err != nil {
			return err
		}
		if err := s.leaveLadder(ctx, tx, by, p, EndedGone); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "coordination.withdraw", p, reason)
	})
}

// partyForChange reads and locks a party under the actor's scope.
func (s *Service) partyForChange(ctx context.Context, tx *db.Tx, by access.Actor, uid string) (Party, error) {
	p, err := s.PartyOf(ctx, tx, by, uid)
	if err != nil {
		return p, err
	}
	if _, err := access.Locked(ctx, tx, p.Ref.ID); err != nil {
		return p, err
	}
	return s.loadParty(ctx, tx, p.Ref.ID)
}
