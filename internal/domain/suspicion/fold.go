package suspicion

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Folding is that of reports (domain/intake, decision 0020): who shares a trait with a founder is folded under it, for the strongest reason. A founder
// alone is no campaign yet, unless it touches an organisation.

const (
	periodBits = 48
	period     = 30 * 24 * time.Hour
)

func periodOf(at time.Time) int64 { return at.Unix() / int64(period/time.Second) }

type holder struct {
	founder int64
	founds  bool
}

// fold finds what each message is like, and counts it there.
func (s *Service) fold(ctx context.Context, tx *db.Tx, by access.Actor, all []*taken) error {
	if len(all) == 0 {
		return nil
	}
	for some := range slices.Chunk(all, foldsAt) { // whoever shares no trait with what came before may with one of the same batch
		has, err := held(ctx, tx, some)
		if err != nil {
			return err
		}
		if err := choose(ctx, tx, some, has); err != nil {
			return err
		}
	}
	return s.gather(ctx, tx, by, all)
}

const foldsAt = 16

// held inserts the traits that nobody has this month, and gives who has each, this month and the one before.
func held(ctx context.Context, tx *db.Tx, all []*taken) (map[int64]holder, error) {
	type fresh struct{ token, founder int64 }
	var rows []fresh
	var tokens []int64
	for _, t := range all {
		month := periodOf(t.At)
		for _, x := range t.traits {
			rows = append(rows, fresh{month<<periodBits | x.Token, t.Arrival})
			tokens = append(tokens, month<<periodBits|x.Token, (month-1)<<periodBits|x.Token)
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	slices.SortFunc(rows, func(a, b fresh) int { return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(a.founder, b.founder)) }) // one order of locks for all
	rows = slices.CompactFunc(rows, func(a, b fresh) bool { return a.token == b.token })
	slices.Sort(tokens)
	tokens = slices.Compact(tokens)
	for some := range slices.Chunk(rows, 64) {
		n := 1
		for n < len(some) {
			n *= 2 // few texts of the statement
		}
		q := new(db.Query).Add(`INSERT INTO suspicion_trait (token, founder, founds) VALUES `)
		for i := range n {
			if i > 0 {
				q.Add(`, `)
			}
			r := some[min(i, len(some)-1)]
			q.Add(`(?, ?, TRUE)`, r.token, r.founder)
		}
		if _, err := q.Add(` ON CONFLICT (token) DO NOTHING`).Exec(ctx, tx); err != nil {
			return nil, err
		}
	}
	out := make(map[int64]holder, len(tokens))
	for some := range slices.Chunk(tokens, 64) {
		rows, err := db.In(new(db.Query).Add(`SELECT token, founder, founds FROM suspicion_trait WHERE token IN `), some).Query(ctx, tx)
		err = db.Each(rows, err, func(x *db.Rows) error {
			var token int64
			var h holder
			err := x.Scan(&token, &h.founder, &h.founds)
			out[token] = h
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// choose gives each message its founder, 0 for one that founds itself.
func choose(ctx context.Context, tx *db.Tx, all []*taken, has map[int64]holder) error {
	changed := map[int64]bool{}
	for _, t := range all {
		var own, others []int64
		for _, x := range t.traits {
			for _, month := range []int64{periodOf(t.At) - 1, periodOf(t.At)} {
				token := month<<periodBits | x.Token
				switch h, ok := has[token]; {
				case !ok:
				case h.founder == t.Arrival:
					own = append(own, token)
				case !h.founds:
					others = append(others, token)
				case t.why == 0 || x.Why < t.why || x.Why == t.why && h.founder < t.founder:
					t.founder, t.why = h.founder, x.Why
				}
			}
		}
		if t.why == 0 {
			for _, token := range others {
				has[token], changed[token] = holder{t.Arrival, true}, true
			}
			continue
		}
		for _, token := range own { // who shares that alone shares nothing with the founder
			has[token], changed[token] = holder{t.Arrival, false}, true
		}
	}
	as := map[holder][]int64{}
	for token := range changed {
		as[has[token]] = append(as[has[token]], token)
	}
	for _, h := range slices.SortedFunc(maps.Keys(as), func(a, b holder) int { return cmp.Compare(a.founder, b.founder) }) {
		q := db.In(new(db.Query).Add(`UPDATE suspicion_trait SET founder = ?, founds = ? WHERE token IN `, h.founder, h.founds), as[h])
		if _, err := q.Exec(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// group is what a transaction brings to a campaign.
type group struct {
	id       int64 // 0: it is made now
	key      keyring.Key
	members  []*taken
	first    *member // the founder, when it stood alone until now
	founder  int64
	features int
}

// member is a message that was counted before.
type member struct {
	arrival int64
	at      time.Time
	sender  []byte
	own     kept
}

// gather counts the messages into their campaigns.
func (s *Service) gather(ctx context.Context, tx *db.Tx, by access.Actor, all []*taken) error {
	groups := map[int64]*group{}
	alone := map[int64]*taken{}
	for _, t := range all {
		if t.founder == 0 {
			alone[t.Arrival] = t
		}
	}
	for _, t := range all {
		switch {
		case t.founder != 0:
			g := groups[t.founder]
			if g == nil {
				g = &group{founder: t.founder}
				groups[t.founder] = g
				if f := alone[t.founder]; f != nil {
					g.members = append(g.members, f)
					delete(alone, t.founder)
				}
			}
			g.members = append(g.members, t)
		case t.own.Names != 0 && alone[t.Arrival] != nil:
			groups[t.Arrival] = &group{founder: t.Arrival, members: []*taken{t}}
			delete(alone, t.Arrival)
		}
	}
	hours := map[[2]int64]int{}
	for _, t := range all {
		hours[[2]int64{0, hourOf(t.At)}]++
	}
	if len(groups) > 0 {
		founders := slices.Sorted(maps.Keys(groups))
		if err := s.known(ctx, tx, groups, founders); err != nil {
			return err
		}
		for _, f := range founders {
			if err := s.join(ctx, tx, by, groups[f], hours); err != nil {
				return err
			}
		}
	}
	return bumpHours(ctx, tx, hours)
}

// known finds the campaigns that stand already, and locks them in one order; of the others it reads the founder as it was counted alone.
func (s *Service) known(ctx context.Context, tx *db.Tx, groups map[int64]*group, founders []int64) error {
	q := db.In(new(db.Query).Add(`SELECT id, founder, features FROM suspicion_campaign WHERE founder IN `), founders).Add(` ORDER BY id` + tx.ForUpdate())
	rows, err := q.Query(ctx, tx)
	var ids []int64
	err = db.Each(rows, err, func(r *db.Rows) error {
		var id, founder int64
		var features int
		err := r.Scan(&id, &founder, &features)
		groups[founder].id, groups[founder].features = id, features
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		keys, err := s.Ring.Many(ctx, tx, ids)
		if err != nil {
			return err
		}
		for _, g := range groups {
			if g.id != 0 {
				g.key = keys[g.id]
			}
		}
	}
	var missing []int64
	for _, f := range founders {
		if g := groups[f]; g.id == 0 && g.members[0].Arrival != f {
			missing = append(missing, f)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return s.alone(ctx, tx, groups, missing)
}

// alone reads founders that stood alone until now.
func (s *Service) alone(ctx context.Context, tx *db.Tx, groups map[int64]*group, missing []int64) error {
	keys, err := s.Ring.Many(ctx, tx, missing)
	if err != nil {
		return err
	}
	rows, err := db.In(new(db.Query).Add(`SELECT id, at, sender, body FROM suspicion_message WHERE campaign = 0 AND id IN `), missing).Query(ctx, tx)
	return db.Each(rows, err, func(r *db.Rows) error {
		var m member
		var body []byte
		if err := r.Scan(&m.arrival, &m.at, &m.sender, &body); err != nil {
			return err
		}
		key, ok := keys[m.arrival]
		if !ok {
			return nil
		}
		raw, err := key.Open(messagePlace(m.arrival), body)
		if err != nil {
			return err
		}
		groups[m.arrival].first = &m
		return json.Unmarshal(raw, &m.own)
	})
}

// content is the sealed part of a campaign.
type content struct {
	Title string `json:"title,omitempty"`
}

func campaignPlace(id int64) string { return fmt.Sprintf("suspicion_campaign.body:%d", id) }

// join counts members into a campaign, which is made by its second one.
func (s *Service) join(ctx context.Context, tx *db.Tx, by access.Actor, g *group, hours map[[2]int64]int) error {
	list := make([]member, 0, len(g.members)+1)
	if g.first != nil {
		list = append(list, *g.first)
	}
	for _, t := range g.members {
		list = append(list, member{t.Arrival, t.At, t.sender, t.own})
	}
	if g.id == 0 {
		if err := s.begin(ctx, tx, by, g, list); err != nil {
			return err
		}
	}
	senders, err := newSenders(ctx, tx, g.id, list)
	if err != nil {
		return err
	}
	first, last, names := list[0].at, list[0].at, int64(0)
	for _, m := range list {
		if m.at.Before(first) {
			first = m.at
		}
		if m.at.After(last) {
			last = m.at
		}
		if names == 0 {
			names = m.own.Names
		}
		hours[[2]int64{g.id, hourOf(m.at)}]++
	}
	if err := s.place(ctx, tx, g); err != nil {
		return err
	}
	fresh, err := s.features(ctx, tx, g, list)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE suspicion_campaign SET messages = messages + $2, senders = senders + $3, features = features + $4,
		names = CASE WHEN names = 0 THEN $5 ELSE names END, first_at = CASE WHEN first_at > $6 THEN $6 ELSE first_at END, last_at = CASE WHEN last_at < $7 THEN $7 ELSE last_at END WHERE id = $1`,
		g.id, len(list), senders, fresh, names, first, last)
	if err != nil {
		return fmt.Errorf("count into a campaign: %w", err)
	}
	return s.ripen(ctx, tx, g.id)
}

// begin makes the campaign of a founder.
func (s *Service) begin(ctx context.Context, tx *db.Tx, by access.Actor, g *group, list []member) error {
	now := s.Clock.Now()
	o := access.Object{Ref: ref.Ref{Kind: ref.Suspicion}, Realm: access.Team, TLP: tlp.Amber}
	if err := access.Protect(ctx, tx, &o, now); err != nil {
		return err
	}
	key, err := s.Ring.Create(ctx, tx, o.Ref.ID, now)
	if err != nil {
		return err
	}
	g.id, g.key = o.Ref.ID, key
	title := ""
	for _, m := range list {
		if title = m.own.Title; title != "" {
			break
		}
	}
	raw, err := json.Marshal(content{title})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO suspicion_campaign (id, founder, state, first_at, last_at, messages, senders, body) VALUES ($1, $2, $3, $4, $5, 0, 0, $6)`,
		g.id, g.founder, string(Open), list[0].at, list[0].at, key.Seal(campaignPlace(g.id), raw))
	if err != nil {
		return fmt.Errorf("make a campaign: %w", err)
	}
	return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "suspicion.begin", On: o.Ref})
}

// newSenders counts who has not handed on one of this campaign before. Who gives no address counts each time.
func newSenders(ctx context.Context, tx *db.Tx, campaign int64, list []member) (int, error) {
	n := 0
	seen := map[string]bool{}
	var ask [][]byte
	for _, m := range list {
		if m.sender == nil {
			n++
		} else if !seen[string(m.sender)] {
			seen[string(m.sender)] = true
			ask = append(ask, m.sender)
		}
	}
	if len(ask) == 0 {
		return n, nil
	}
	n += len(ask)
	for some := range slices.Chunk(ask, 50) {
		q := new(db.Query)
		for i, sender := range some { // one row of each is enough: somebody may have sent thousands
			if i > 0 {
				q.Add(` UNION ALL `)
			}
			q.Add(`SELECT * FROM (SELECT 1 FROM suspicion_message WHERE campaign = ? AND campaign <> 0 AND sender = ? LIMIT 1) AS one`, campaign, sender)
		}
		before, err := db.List(ctx, tx, q, func(r *db.Rows) (b int64, err error) { return b, r.Scan(&b) })
		if err != nil {
			return 0, err
		}
		n -= len(before)
	}
	return n, nil
}

// place notes of each member where it was counted, and why.
func (s *Service) place(ctx context.Context, tx *db.Tx, g *group) error {
	as := map[intake.Why][]int64{}
	for _, t := range g.members {
		as[t.why] = append(as[t.why], t.Arrival)
	}
	if g.first != nil {
		as[0] = append(as[0], g.first.arrival)
	}
	for _, why := range slices.Sorted(maps.Keys(as)) {
		ids := as[why]
		slices.Sort(ids)
		q := db.In(new(db.Query).Add(`UPDATE suspicion_message SET campaign = ?, why = ?, alone = FALSE WHERE id IN `, g.id, int64(why)), ids)
		if err := q.Later(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// bumpHours counts by the hour, in one order of locks.
func bumpHours(ctx context.Context, tx *db.Tx, hours map[[2]int64]int) error {
	keys := slices.SortedFunc(maps.Keys(hours), func(a, b [2]int64) int { return cmp.Or(cmp.Compare(b[0], a[0]), cmp.Compare(a[1], b[1])) }) // the hour of all comes last: who waits for it waits shortly
	for _, k := range keys {
		err := tx.Later(ctx, `INSERT INTO suspicion_hour (campaign, hour, messages) VALUES ($1, $2, $3)
			ON CONFLICT (campaign, hour) DO UPDATE SET messages = suspicion_hour.messages + excluded.messages`, k[0], k[1], hours[k])
		if err != nil {
			return err
		}
	}
	return nil
}
