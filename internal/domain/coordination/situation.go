package coordination

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// In need or force majeure our actions are agreed with the other national authorities in one shared situation (decision 0040): who leads, who tells whom, what
// was decided, and by whom it was agreed. Its members know of one another by the act that brings them together; nobody else of the incident stands in it.

// Ground is why a situation is shared.
type Ground string

// The grounds.
const (
	Need         Ground = "need"
	ForceMajeure Ground = "force_majeure"
)

// Grounds lists them.
func Grounds() []Ground { return []Ground{Need, ForceMajeure} }

// Authorities are the kinds that take part in a shared situation.
func Authorities() []constituency.LiaisonKind {
	return []constituency.LiaisonKind{
		constituency.CrisisCentre, constituency.Police, constituency.Regulator, constituency.DataProtection, constituency.Intelligence, constituency.CSIRT,
	}
}

// Situation is one that is shared.
type Situation struct {
	ID       int64
	UID      string
	Subject  ref.Ref
	OpenedAt time.Time
	OpenedBy int64
	EndedAt  time.Time
	Version  int64
	situationBody
	Members   []Member
	Decisions []Decision // by number
}

type situationBody struct {
	Ground   Ground            `json:"ground"`
	Reasons  string            `json:"reasons"`
	ByName   string            `json:"by"`
	Leader   string            `json:"leader,omitempty"` // uid of a member; "" for us
	Tellings []Telling         `json:"lines,omitempty"`
	Changes  []SituationChange `json:"changes,omitempty"`
	End      string            `json:"end,omitempty"` // why it ended
	EndedBy  string            `json:"ended_by,omitempty"`
}

// SituationChange is who led before.
type SituationChange struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Leader string    `json:"leader,omitempty"` // until then
	Why    string    `json:"why"`
}

// Member is an authority that takes part.
type Member struct {
	Party    Party
	Kind     constituency.LiaisonKind
	JoinedAt time.Time
	ToldAt   time.Time // when the newest state was written to it
	Letter   correspondence.State
	message  int64
}

// NewSituation is a situation as it is opened.
type NewSituation struct {
	Ground   Ground
	Reasons  string
	Leader   string   // uid of one of the members; "" for us
	Members  []string // uids of parties
	Together []string // uids: each of these learns that the others take part; confirmed by who opens it
}

const (
	mostMembers    = 50
	mostLines      = 100
	mostDecisions  = 300
	mostSituations = 50
)

// The verbs under which the record has what was done in a shared situation.
const (
	VerbSituationOpen  = "coordination.situation_open"
	VerbSituationJoin  = "coordination.situation_join"
	VerbSituationLead  = "coordination.situation_lead"
	VerbSituationLine  = "coordination.situation_line"
	VerbSituationTell  = "coordination.situation_tell"
	VerbSituationEnd   = "coordination.situation_end"
	VerbDecide         = "coordination.decide"
	VerbDecisionAgreed = "coordination.decision_noted"
)

// OpenSituation opens the shared situation of an incident. Nobody hears of it yet: TellSituation writes to them. The actor needs access.Approve. Refused:
// Invalid with all problems (a member is an authority and a party of the incident), NotFound, Conflict when one is open, when what is confirmed is not who
// would be together, or when two must not learn of one another.
func (s *Service) OpenSituation(ctx context.Context, by access.Actor, subject string, in NewSituation) (Situation, error) {
	if err := by.Need(access.Approve); err != nil {
		return Situation{}, err
	}
	in.Reasons = strings.TrimSpace(mail.FormText(in.Reasons))
	var p errs.Problems
	if !slices.Contains(Grounds(), in.Ground) {
		p.Add("ground", "error.choose")
	}
	words(&p, "reasons", in.Reasons, maxWords, true)
	if len(in.Members) == 0 {
		p.Add("members", "error.required")
	}
	if in.Leader != "" && !slices.Contains(in.Members, in.Leader) {
		p.Add("leader", "error.choose")
	}
	if err := p.Err(); err != nil {
		return Situation{}, err
	}
	fresh := Situation{UID: id.New(), OpenedBy: by.Account, Version: 1, situationBody: situationBody{Ground: in.Ground, Reasons: in.Reasons, ByName: by.Name, Leader: in.Leader}}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.LoadForChange(ctx, tx, by, ref.Incident, subject)
		if err != nil {
			return err
		}
		all, err := s.situationsOf(ctx, tx, by, o.Ref)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(x Situation) bool { return x.EndedAt.IsZero() }) {
			return &errs.Error{Kind: errs.Conflict, Key: "error.situation.open", Text: "this incident has a shared situation that has not ended"}
		}
		if len(all) >= mostSituations {
			return &errs.Error{Kind: errs.Limit, Key: "error.situation.many", Text: "an incident has fifty shared situations at most"}
		}
		x := fresh // the transaction may run twice
		x.Subject, x.OpenedAt = o.Ref, s.Clock.Now()
		if err := s.joining(ctx, tx, by, &x, in.Members, in.Together); err != nil {
			return err
		}
		k, err := s.Ring.Get(ctx, tx, o.Ref.ID)
		if err != nil {
			return err
		}
		body, err := sealIn(k, situationPlace(x.UID), x.situationBody)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `INSERT INTO coordination_situation (uid, subject, subject_kind, opened_at, opened_by, version, body) VALUES ($1, $2, $3, $4, $5, 1, $6) RETURNING id`,
			x.UID, o.Ref.ID, int64(o.Ref.Kind), x.OpenedAt, x.OpenedBy, body).Scan(&x.ID)
		if err != nil {
			return fmt.Errorf("open situation: %w", err)
		}
		if err := s.putMembers(ctx, tx, x, x.Members); err != nil {
			return err
		}
		return s.situated(ctx, tx, by, x, VerbSituationOpen, in.Reasons, audit.Change{Field: "ground", To: string(in.Ground)}, audit.Change{Field: "together", To: x.Names()}, audit.Change{Field: "leader", To: x.Name(x.Leader)})
	})
	if err != nil {
		return Situation{}, err
	}
	return s.SituationOf(ctx, by, fresh.UID)
}

// joining checks who is to take part, and adds them to the situation.
func (s *Service) joining(ctx context.Context, h *db.Tx, by access.Actor, x *Situation, uids, together []string) error {
	parties, err := s.PartiesOf(ctx, h, by, x.Subject)
	if err != nil {
		return err
	}
	var p errs.Problems
	var orgs []int64
	for _, q := range parties {
		if q.Organisation != 0 {
			orgs = append(orgs, q.Organisation)
		}
	}
	kinds, err := s.Constituency.Liaisons(ctx, h, orgs...)
	if err != nil {
		return err
	}
	for _, uid := range slices.Compact(slices.Sorted(slices.Values(uids))) {
		i := slices.IndexFunc(parties, func(q Party) bool { return q.UID == uid && q.WithdrawnAt.IsZero() })
		if i < 0 {
			return errs.ErrNotFound
		}
		kind := kinds[parties[i].Organisation].Kind
		switch {
		case !slices.Contains(Authorities(), kind):
			p.Add("members", "error.situation.authority", "name", parties[i].Name)
		case slices.ContainsFunc(x.Members, func(m Member) bool { return m.Party.UID == uid }):
			p.Add("members", "error.situation.member", "name", parties[i].Name)
		default:
			x.Members = append(x.Members, Member{Party: parties[i], Kind: kind, JoinedAt: s.Clock.Now()})
		}
	}
	if len(x.Members) > mostMembers {
		p.Add("members", "error.too_many", "most", mostMembers)
	}
	if err := p.Err(); err != nil {
		return err
	}
	all, names := make([]Party, len(x.Members)), make([]string, len(x.Members))
	for i, m := range x.Members {
		all[i], names[i] = m.Party, m.Party.UID
	}
	if err := s.mayBeTogether(ctx, h, all); err != nil {
		return err
	}
	slices.Sort(names)
	if len(all) > 1 && !slices.Equal(slices.Compact(slices.Sorted(slices.Values(together))), names) {
		return &errs.Error{
			Kind: errs.Conflict, Key: "error.call.confirm", Text: "nothing was done: confirm who learns of whom", Fields: []errs.Field{{Name: "together", Key: "error.call.confirm"}},
		}
	}
	return nil
}

// mayBeTogether holds the words of parties, and refuses those that must not learn of one another.
func (s *Service) mayBeTogether(ctx context.Context, tx *db.Tx, all []Party) error {
	if err := s.holdWords(ctx, tx, all); err != nil {
		return err
	}
	return s.mayMeet(ctx, tx, all)
}

func (s *Service) putMembers(ctx context.Context, tx *db.Tx, x Situation, list []Member) error {
	for _, m := range list {
		_, err := tx.Exec(ctx, `INSERT INTO coordination_member (situation, party, kind, joined_at) VALUES ($1, $2, $3, $4)`, x.ID, m.Party.Ref.ID, string(m.Kind), m.JoinedAt)
		if err != nil {
			return err
		}
	}
	return nil
}

// Names gives the names of who takes part.
func (x Situation) Names() []string {
	out := make([]string, len(x.Members))
	for i, m := range x.Members {
		out[i] = m.Party.Name
	}
	return out
}

// Name gives the name of a member by its uid; "" for us.
func (x Situation) Name(uid string) string {
	for _, m := range x.Members {
		if m.Party.UID == uid {
			return m.Party.Name
		}
	}
	return ""
}

// JoinSituation brings more authorities into a shared situation. Together names all who take part then. The actor needs access.Approve. Refused: as
// OpenSituation, Conflict for one that has ended.
func (s *Service) JoinSituation(ctx context.Context, by access.Actor, situation string, members, together []string) (Situation, error) {
	if err := by.Need(access.Approve); err != nil {
		return Situation{}, err
	}
	if len(members) == 0 {
		return Situation{}, required("members")
	}
	return s.changeSituation(ctx, by, situation, 0, func(ctx context.Context, tx *db.Tx, x *Situation, _ access.Object) error {
		n := len(x.Members)
		if err := s.joining(ctx, tx, by, x, members, together); err != nil {
			return err
		}
		if err := s.putMembers(ctx, tx, *x, x.Members[n:]); err != nil {
			return err
		}
		return s.situated(ctx, tx, by, *x, VerbSituationJoin, "", audit.Change{Field: "together", To: x.Names()})
	})
}

// LeadSituation says who leads from now on: a member, or we ("" ). The actor needs access.Approve. Refused: Invalid with all problems, NotFound, Conflict.
func (s *Service) LeadSituation(ctx context.Context, by access.Actor, situation, leader, why string) (Situation, error) {
	if err := by.Need(access.Approve); err != nil {
		return Situation{}, err
	}
	why = strings.TrimSpace(mail.FormText(why))
	var p errs.Problems
	words(&p, "why", why, maxWords, false)
	if why == "" {
		p.Add("why", "error.say_why")
	}
	if err := p.Err(); err != nil {
		return Situation{}, err
	}
	return s.changeSituation(ctx, by, situation, 0, func(ctx context.Context, tx *db.Tx, x *Situation, _ access.Object) error {
		if leader != "" && x.Name(leader) == "" {
			var p errs.Problems
			p.Add("leader", "error.choose")
			return p.Err()
		}
		if leader == x.Leader {
			return access.ErrChanged
		}
		x.Changes = append(x.Changes, SituationChange{s.Clock.Now(), by.Name, x.Leader, why})
		from := x.Name(x.Leader)
		x.Leader = leader
		return s.situated(ctx, tx, by, *x, VerbSituationLead, why, audit.Change{Field: "leader", From: from, To: x.Name(leader)})
	})
}

// EndSituation ends a shared situation with a reason; what still asks for agreement is taken back. The actor needs access.Approve. Refused: Invalid without a
// reason, NotFound, Conflict for one that has ended.
func (s *Service) EndSituation(ctx context.Context, by access.Actor, situation, reason string) (Situation, error) {
	if err := by.Need(access.Approve); err != nil {
		return Situation{}, err
	}
	reason = strings.TrimSpace(mail.FormText(reason))
	var p errs.Problems
	words(&p, "reason", reason, maxWords, true)
	if err := p.Err(); err != nil {
		return Situation{}, err
	}
	return s.changeSituation(ctx, by, situation, 0, func(ctx context.Context, tx *db.Tx, x *Situation, _ access.Object) error {
		x.EndedAt, x.End, x.EndedBy = s.Clock.Now(), reason, by.Name
		for _, d := range x.Decisions {
			if err := s.closeDecision(ctx, tx, by, d, "ended"); err != nil {
				return err
			}
		}
		return s.situated(ctx, tx, by, *x, VerbSituationEnd, reason)
	})
}

// changeSituation reads a situation that has not ended, with its subject locked, and stores what was changed.
func (s *Service) changeSituation(ctx context.Context, by access.Actor, uid string, version int64, change func(context.Context, *db.Tx, *Situation, access.Object) error) (Situation, error) {
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, o, err := s.situationOf(ctx, tx, by, uid)
		if err != nil {
			return err
		}
		if o, err = access.LoadForChange(ctx, tx, by, ref.Incident, o.UID); err != nil {
			return err
		}
		x, _, err := s.situationOf(ctx, tx, by, uid) // as it is now
		if err != nil {
			return err
		}
		if !x.EndedAt.IsZero() {
			return &errs.Error{Kind: errs.Conflict, Key: "error.situation.ended", Text: "this shared situation has ended"}
		}
		if version != 0 && version != x.Version {
			return access.ErrChanged
		}
		if err := change(ctx, tx, &x, o); err != nil {
			return err
		}
		k, err := s.Ring.Get(ctx, tx, x.Subject.ID)
		if err != nil {
			return err
		}
		body, err := sealIn(k, situationPlace(x.UID), x.situationBody)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE coordination_situation SET ended_at = $1, version = $2, body = $3 WHERE id = $4`, x.EndedAt, x.Version+1, body, x.ID)
		return err
	})
	if err != nil {
		return Situation{}, err
	}
	return s.SituationOf(ctx, by, uid)
}

// situated touches the subject and records what was done, for the team alone.
func (s *Service) situated(ctx context.Context, tx *db.Tx, by access.Actor, x Situation, verb, note string, changes ...audit.Change) error {
	now := s.Clock.Now()
	if err := access.Touch(ctx, tx, x.Subject.ID, now); err != nil {
		return err
	}
	return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: verb, On: x.Subject, Note: note, Changes: changes, Data: map[string]string{"situation": x.UID}})
}
