package coordination

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Calls lists the calls of an incident, the newest start first. They are the team's: the actor needs access.ReadCases. Refused: NotFound.
func (s *Service) Calls(ctx context.Context, by access.Actor, subject string) ([]Call, error) {
	o, err := s.teamsIncident(ctx, by, subject)
	if err != nil {
		return nil, err
	}
	return s.callsOf(ctx, s.DB, by, o.Ref)
}

// CallsOfTasks gives the calls (uids) in which tasks (uids) of an incident were agreed. The actor needs access.ReadCases. Refused: NotFound.
func (s *Service) CallsOfTasks(ctx context.Context, by access.Actor, subject string) (map[string]string, error) {
	o, err := s.teamsIncident(ctx, by, subject)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	rows, err := s.DB.Query(ctx, `SELECT a.task, c.uid FROM coordination_call_action a JOIN coordination_call c ON c.id = a.call WHERE c.subject = $1 AND a.task <> '' ORDER BY a.id DESC LIMIT 1000`, o.Ref.ID)
	return out, db.Each(rows, err, func(r *db.Rows) error {
		var task, call string
		err := r.Scan(&task, &call)
		out[task] = call
		return err
	})
}

// CallOf gives one call. The actor needs access.ReadCases. Refused: NotFound.
func (s *Service) CallOf(ctx context.Context, by access.Actor, call string) (Call, error) {
	c, _, err := s.callOf(ctx, s.DB, by, call)
	return c, err
}

// callOf reads a call under the actor's scope, with the object it is about.
func (s *Service) callOf(ctx context.Context, h db.Handle, by access.Actor, uid string) (Call, access.Object, error) {
	o, err := s.subjectOf(ctx, h, by, "coordination_call", uid)
	if err != nil {
		return Call{}, o, err
	}
	k, err := s.keyOf(ctx, h, o.Ref.ID)
	if err != nil {
		return Call{}, o, err
	}
	all, err := readCalls(ctx, h, k, `uid = $1`, uid)
	if err != nil {
		return Call{}, o, err
	}
	if err := s.fillCalls(ctx, h, by, o.Ref, k, all); err != nil {
		return Call{}, o, err
	}
	return all[0], o, nil
}

// subjectOf gives the subject of a row of the team, as far as the actor may see it.
func (s *Service) subjectOf(ctx context.Context, h db.Handle, by access.Actor, table, uid string) (access.Object, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return access.Object{}, err
	}
	if !team(by) {
		return access.Object{}, errs.ErrNotFound
	}
	var on ref.Ref
	if err := h.QueryRow(ctx, `SELECT subject, subject_kind FROM `+table+` WHERE uid = $1`, uid).Scan(&on.ID, &on.Kind); err != nil {
		return access.Object{}, err
	}
	return access.Load(ctx, h, by, on)
}

// keyOf gives the key of a subject, nil when it was destroyed.
func (s *Service) keyOf(ctx context.Context, h db.Handle, subject int64) (*keyring.Key, error) {
	k, err := s.Ring.Get(ctx, h, subject)
	if errors.Is(err, keyring.ErrDestroyed) {
		return nil, nil
	}
	return &k, err
}

func (s *Service) callsOf(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref) ([]Call, error) {
	k, err := s.keyOf(ctx, h, subject.ID)
	if err != nil {
		return nil, err
	}
	all, err := readCalls(ctx, h, k, `subject = $1 ORDER BY starts_at DESC, id DESC LIMIT `+strconv.Itoa(mostCalls), subject.ID)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all, s.fillCalls(ctx, h, by, subject, k, all)
}

// fillCalls reads who is asked to calls of one subject, what each said, and what was agreed.
func (s *Service) fillCalls(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref, k *keyring.Key, all []Call) error {
	ids, at := make([]int64, len(all)), map[int64]int{}
	for i, c := range all {
		ids[i], at[c.ID] = c.ID, i
	}
	parties, err := s.partiesByID(ctx, h, by, subject)
	if err != nil {
		return err
	}
	type line struct {
		Invited
		call int64
	}
	q := db.In(new(db.Query).Add(`SELECT call, party, calendar, letters, invited_at, request, message, gone_at FROM coordination_called WHERE call IN `), ids)
	lines, err := db.List(ctx, h, q.Add(` ORDER BY call, invited_at, party`), func(r *db.Rows) (x line, err error) {
		return x, r.Scan(&x.call, &x.Party.Ref.ID, &x.calendar, &x.letters, &x.InvitedAt, &x.request, &x.message, &x.GoneAt)
	})
	if err != nil {
		return err
	}
	asked := make([]ask, 0, len(lines))
	for _, x := range lines {
		asked = append(asked, ask{parties[x.Party.Ref.ID], x.request, x.message})
	}
	words, err := s.saidOf(ctx, h, by, subject, asked)
	if err != nil {
		return err
	}
	for _, x := range lines {
		p, ok := parties[x.Party.Ref.ID]
		if !ok { // not for this reader
			continue
		}
		w := words[x.message]
		x.Party, x.Letter, x.SentAt, x.Request = p, w.message.State, w.message.SentAt, w.request
		if w.said {
			x.Coming, x.Who, x.Note, x.SaidAt, x.SaidBy, x.Noted = w.value("coming"), w.reply.Whole["who"].Value, w.reply.Note, w.reply.At, w.reply.By, w.reply.Ours
		}
		all[at[x.call]].Invited = append(all[at[x.call]].Invited, x.Invited)
	}
	return s.fillActions(ctx, h, by, k, all, ids, at, parties)
}

func (s *Service) partiesByID(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref) (map[int64]Party, error) {
	list, err := s.PartiesOf(ctx, h, by, subject)
	out := make(map[int64]Party, len(list))
	for _, p := range list {
		out[p.Ref.ID] = p
	}
	return out, err
}

// ask is a letter of ours that a party answers by typed questions.
type ask struct {
	party            Party
	request, message int64
}

// heardOf is what became of such a letter.
type heardOf struct {
	message correspondence.Message
	request string // uid
	state   RequestState
	reply   Reply
	said    bool
}

// value gives the answer to one question. What does not concern a party is a no.
func (x heardOf) value(code string) string {
	if x.said && !x.reply.Concerns {
		return "no"
	}
	return x.reply.Whole[code].Value
}

// saidOf reads what became of letters, by message.
func (s *Service) saidOf(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref, asked []ask) (map[int64]heardOf, error) {
	out := map[int64]heardOf{}
	var threads, requests []int64
	for _, a := range asked {
		if a.party.Thread != 0 && !slices.Contains(threads, a.party.Thread) {
			threads = append(threads, a.party.Thread)
		}
		if a.request != 0 {
			requests = append(requests, a.request)
		}
	}
	if len(asked) == 0 {
		return out, nil
	}
	messages, err := s.Correspondence.Passed(ctx, h, by, threads...)
	if err != nil {
		return nil, err
	}
	byID := make(map[int64]correspondence.Message, len(messages))
	for _, m := range messages {
		byID[m.ID] = m
	}
	rows, err := s.statesOf(ctx, h, by, ref.Request, requestTable, requests)
	if err != nil {
		return nil, err
	}
	replies, err := s.latestOf(ctx, h, subject.ID)
	if err != nil {
		return nil, err
	}
	for _, a := range asked {
		x := heardOf{message: byID[a.message], request: rows[a.request].uid, state: RequestState(rows[a.request].state)}
		x.reply, x.said = replies[a.request]
		out[a.message] = x
	}
	return out, nil
}

// fillActions reads what was agreed in calls.
func (s *Service) fillActions(ctx context.Context, h db.Handle, by access.Actor, k *keyring.Key, all []Call, ids []int64, at map[int64]int, parties map[int64]Party) error {
	type line struct {
		CallAction
		call int64
	}
	q := db.In(new(db.Query).Add(`SELECT call, uid, at, task, measure, party, body FROM coordination_call_action WHERE call IN `), ids)
	lines, err := db.List(ctx, h, q.Add(` ORDER BY id`), func(r *db.Rows) (line, error) {
		var x line
		var body []byte
		if err := r.Scan(&x.call, &x.UID, &x.At, &x.Task, &x.measure, &x.party, &body); err != nil {
			return x, err
		}
		return x, unseal(k, actionPlace(x.UID), body, &x.Title)
	})
	if err != nil {
		return err
	}
	var measures []int64
	for _, x := range lines {
		if x.measure != 0 {
			measures = append(measures, x.measure)
		}
	}
	known, err := s.statesOf(ctx, h, by, ref.Measure, measureTable, measures)
	if err != nil {
		return err
	}
	for _, x := range lines {
		if x.party != 0 {
			p, ok := parties[x.party]
			if !ok {
				continue
			}
			x.Party, x.Measure, x.State = p, known[x.measure].uid, MeasureState(known[x.measure].state)
		}
		all[at[x.call]].Actions = append(all[at[x.call]].Actions, x.CallAction)
	}
	return nil
}

// stateOf is where an object stands.
type stateOf struct{ uid, state string }

// statesOf reads where requests or measures stand, by id, as far as the actor may see them.
func (s *Service) statesOf(ctx context.Context, h db.Handle, by access.Actor, kind ref.Kind, table string, ids []int64) (map[int64]stateOf, error) {
	out := map[int64]stateOf{}
	if len(ids) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT r.id, o.uid, r.state FROM `)
	s.from(q, by, kind, table, "r").Add(` AND r.id IN `)
	rows, err := db.In(q, ids).Query(ctx, h)
	return out, db.Each(rows, err, func(r *db.Rows) error {
		var n int64
		var x stateOf
		err := r.Scan(&n, &x.uid, &x.state)
		out[n] = x
		return err
	})
}

func actionPlace(uid string) string { return "coordination_call_action.body:" + uid }
