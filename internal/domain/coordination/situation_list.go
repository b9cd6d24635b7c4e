package coordination

import (
	"context"
	"strconv"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

func situationPlace(uid string) string { return "coordination_situation.body:" + uid }

// Situations lists the shared situations of an incident, newest first. They are the team's: the actor needs access.ReadCases. Refused: NotFound.
func (s *Service) Situations(ctx context.Context, by access.Actor, subject string) ([]Situation, error) {
	o, err := s.teamsIncident(ctx, by, subject)
	if err != nil {
		return nil, err
	}
	return s.situationsOf(ctx, s.DB, by, o.Ref)
}

// SituationOf gives one. The actor needs access.ReadCases. Refused: NotFound.
func (s *Service) SituationOf(ctx context.Context, by access.Actor, situation string) (Situation, error) {
	x, _, err := s.situationOf(ctx, s.DB, by, situation)
	return x, err
}

func (s *Service) situationOf(ctx context.Context, h db.Handle, by access.Actor, uid string) (Situation, access.Object, error) {
	o, err := s.subjectOf(ctx, h, by, "coordination_situation", uid)
	if err != nil {
		return Situation{}, o, err
	}
	all, err := s.readSituations(ctx, h, by, o.Ref, `uid = $1`, uid)
	if err != nil {
		return Situation{}, o, err
	}
	return all[0], o, nil
}

func (s *Service) situationsOf(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref) ([]Situation, error) {
	return s.readSituations(ctx, h, by, subject, `subject = $1 ORDER BY id DESC LIMIT `+strconv.Itoa(mostSituations), subject.ID)
}

func decisionPlace(uid string) string { return "coordination_decision.body:" + uid }

func (s *Service) readSituations(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref, which string, arg any) ([]Situation, error) {
	k, err := s.keyOf(ctx, h, subject.ID)
	if err != nil {
		return nil, err
	}
	all, err := db.All(ctx, h, func(r *db.Rows) (Situation, error) {
		x := Situation{Subject: subject}
		var body []byte
		if err := r.Scan(&x.ID, &x.UID, &x.OpenedAt, &x.OpenedBy, &x.EndedAt, &x.Version, &body); err != nil {
			return x, err
		}
		return x, unseal(k, situationPlace(x.UID), body, &x.situationBody)
	}, `SELECT id, uid, opened_at, opened_by, ended_at, version, body FROM coordination_situation WHERE `+which, arg)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	parties, err := s.partiesByID(ctx, h, by, subject)
	if err != nil {
		return nil, err
	}
	ids, at := make([]int64, len(all)), map[int64]int{}
	for i, x := range all {
		ids[i], at[x.ID] = x.ID, i
	}
	var asked []ask
	if err := s.readMembers(ctx, h, all, ids, at, parties, &asked); err != nil {
		return nil, err
	}
	of, err := s.readDecisions(ctx, h, k, all, ids, at, parties, &asked)
	if err != nil {
		return nil, err
	}
	heard, err := s.saidOf(ctx, h, by, subject, asked)
	if err != nil {
		return nil, err
	}
	for i := range all {
		for j := range all[i].Members {
			m := &all[i].Members[j]
			m.Letter = heard[m.message].message.State
		}
	}
	for _, d := range of {
		d.settle(heard)
	}
	return all, nil
}

func (s *Service) readMembers(ctx context.Context, h db.Handle, all []Situation, ids []int64, at map[int64]int, parties map[int64]Party, asked *[]ask) error {
	q := db.In(new(db.Query).Add(`SELECT situation, party, kind, joined_at, told_at, message FROM coordination_member WHERE situation IN `), ids)
	rows, err := q.Add(` ORDER BY situation, joined_at, party`).Query(ctx, h)
	return db.Each(rows, err, func(r *db.Rows) error {
		var m Member
		var situation, party int64
		var kind string
		if err := r.Scan(&situation, &party, &kind, &m.JoinedAt, &m.ToldAt, &m.message); err != nil {
			return err
		}
		p, ok := parties[party]
		if !ok { // not for this reader
			return nil
		}
		m.Party, m.Kind = p, constituency.LiaisonKind(kind)
		*asked = append(*asked, ask{party: p, message: m.message})
		all[at[situation]].Members = append(all[at[situation]].Members, m)
		return nil
	})
}

func (s *Service) readDecisions(ctx context.Context, h db.Handle, k *keyring.Key, all []Situation, ids []int64, at map[int64]int, parties map[int64]Party, asked *[]ask) (map[int64]*Decision, error) {
	q := db.In(new(db.Query).Add(`SELECT id, uid, situation, number, joint, follows, at, account, body FROM coordination_decision WHERE situation IN `), ids)
	rows, err := q.Add(` ORDER BY situation, number`).Query(ctx, h)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var d Decision
		var situation int64
		var body []byte
		if err := r.Scan(&d.id, &d.UID, &situation, &d.Number, &d.Joint, &d.Follows, &d.At, &d.Account, &body); err != nil {
			return err
		}
		x := &all[at[situation]]
		x.Decisions = append(x.Decisions, d)
		return unseal(k, decisionPlace(d.UID), body, &x.Decisions[len(x.Decisions)-1].decisionBody)
	})
	if err != nil {
		return nil, err
	}
	of := map[int64]*Decision{}
	for i := range all {
		list := all[i].Decisions
		for j := range list {
			of[list[j].id] = &list[j]
			if f := list[j].Follows; f > 0 && f <= len(list) {
				list[f-1].FollowedBy = list[j].Number
			}
		}
	}
	q = db.In(new(db.Query).Add(`SELECT a.decision, a.party, a.request, a.message FROM coordination_agreement a JOIN coordination_decision d ON d.id = a.decision WHERE d.situation IN `), ids)
	rows, err = q.Add(` ORDER BY a.decision, a.party`).Query(ctx, h)
	return of, db.Each(rows, err, func(r *db.Rows) error {
		var a Agreement
		var decision, party int64
		if err := r.Scan(&decision, &party, &a.request, &a.message); err != nil {
			return err
		}
		p, ok := parties[party]
		if !ok {
			return nil
		}
		a.Party = p
		*asked = append(*asked, ask{p, a.request, a.message})
		of[decision].Asked = append(of[decision].Asked, a)
		return nil
	})
}

// settle fills what each said, and since when the decision is joint: since the last of them agreed.
func (d *Decision) settle(heard map[int64]heardOf) {
	last := time.Time{}
	for i := range d.Asked {
		a := &d.Asked[i]
		x := heard[a.message]
		a.Letter, a.Request, a.open = x.message.State, x.request, x.state == Asked || x.state == Replied
		if !x.said {
			continue
		}
		if a.Agrees = x.value("agrees"); a.Agrees == "no" && !x.reply.Concerns {
			a.Agrees = "" // who says that it does not concern it agrees to nothing and refuses nothing
		}
		a.Who, a.Note, a.SaidAt, a.SaidBy, a.Noted = x.reply.Whole["who"].Value, x.reply.Note, x.reply.At, x.reply.By, x.reply.Ours
		if a.Agrees == "yes" && a.SaidAt.After(last) {
			last = a.SaidAt
		}
	}
	if d.Joint && len(d.Asked) > 0 && d.Agreed() == len(d.Asked) {
		d.JointSince = last
	}
}
