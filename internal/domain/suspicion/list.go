package suspicion

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

const columns = access.Columns + `, c.state, c.first_at, c.last_at, c.messages, c.senders, c.names, c.asked, c.report, c.body, k.wrapped`

// joins follow a scoped object table named o.
const joins = `JOIN suspicion_campaign c ON c.id = o.id LEFT JOIN keyring_key k ON k.owner = o.id`

func (s *Service) scan(r *db.Rows) (Campaign, error) {
	var c Campaign
	var state string
	var body, wrapped []byte
	if err := r.Scan(append(c.Dst(), &state, &c.FirstAt, &c.LastAt, &c.Messages, &c.Senders, &c.Names, &c.Asked, &c.Report, &body, &wrapped)...); err != nil {
		return c, err
	}
	c.State = State(state)
	if wrapped == nil {
		return c, nil
	}
	key, err := s.Ring.Unwrap(c.Ref.ID, wrapped)
	if err != nil {
		return c, err
	}
	raw, err := key.Open(campaignPlace(c.Ref.ID), body)
	if err != nil {
		return c, err
	}
	var own content
	err = json.Unmarshal(raw, &own)
	c.Title = own.Title
	return c, err
}

// Filter picks campaigns.
type Filter struct {
	State   State // "" any
	Largest bool  // those with the most messages first; else those that had one last
	After   string
	Limit   int // 50; 500 at most
}

// List lists campaigns. The actor needs access.ReadCases.
func (s *Service) List(ctx context.Context, by access.Actor, f Filter) (constituency.Page[Campaign], error) {
	var page constituency.Page[Campaign]
	if err := by.Need(access.ReadCases); err != nil {
		return page, err
	}
	if f.State != "" && !slices.Contains(States, f.State) {
		var p errs.Problems
		p.Add("state", "error.choice")
		return page, p.Err()
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 500)
	order, of := "c.last_at", func(c Campaign) int64 { return c.LastAt.UnixMicro() }
	if f.Largest {
		order, of = "c.messages", func(c Campaign) int64 { return int64(c.Messages) }
		if f.State == "" {
			f.State = Open
		}
	}
	q := new(db.Query).Add(`SELECT ` + columns + ` FROM `)
	access.Sees(by).From(q, ref.Suspicion).Add(` ` + joins + ` WHERE 1 = 1`)
	if f.State != "" {
		q.Add(` AND c.state = ?`, string(f.State))
	}
	if f.After != "" {
		at, id, err := placeOf(f.After)
		if err != nil {
			return page, err
		}
		q.Add(` AND (`+order+`, c.id) < (?, ?)`, at, id)
	}
	all, err := db.List(ctx, s.DB, q.Add(` ORDER BY `+order+` DESC, c.id DESC LIMIT ?`, f.Limit+1), s.scan)
	if err != nil {
		return page, fmt.Errorf("list campaigns: %w", err)
	}
	if len(all) > f.Limit {
		all = all[:f.Limit]
		last := all[f.Limit-1]
		page.Next = cursorAt(of(last), last.Ref.ID)
	}
	page.Items = all
	return page, s.name(ctx, by, all)
}

// cursorAt names the place in a list behind which the next page begins, and placeOf reads it.
func cursorAt(at, id int64) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", at, id))
}

func placeOf(after string) (at, id int64, err error) {
	b, err := base64.RawURLEncoding.DecodeString(after)
	if err == nil {
		_, err = fmt.Sscanf(string(b), "%d.%d", &at, &id)
	}
	if err != nil {
		return 0, 0, &errs.Error{Kind: errs.Invalid, Key: "error.cursor", Text: "this page does not exist any more; start again"}
	}
	return at, id, nil
}

// name fills in the organisations that campaigns touch, as far as the reader sees the register.
func (s *Service) name(ctx context.Context, by access.Actor, all []Campaign) error {
	var orgs []int64
	for _, c := range all {
		if c.Names != 0 {
			orgs = append(orgs, c.Names)
		}
	}
	if len(orgs) == 0 || !by.Can(access.ReadRegistry) {
		return nil
	}
	labels, err := s.Constituency.Labels(ctx, s.DB, orgs...)
	for i := range all {
		all[i].Named = labels[all[i].Names].Name
	}
	return err
}

// Get gives one campaign by uid.
func (s *Service) Get(ctx context.Context, by access.Actor, campaign string) (Campaign, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return Campaign{}, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Suspicion, campaign)
	if err != nil {
		return Campaign{}, err
	}
	q := new(db.Query).Add(`SELECT ` + columns + ` FROM `)
	access.Sees(by).From(q, ref.Suspicion).Add(` `+joins+` WHERE o.id = ?`, o.Ref.ID)
	all, err := db.List(ctx, s.DB, q, s.scan)
	if err != nil || len(all) == 0 {
		return Campaign{}, orNotFound(err)
	}
	return all[0], s.name(ctx, by, all)
}

// OfReports gives the campaigns whose lines reports are, by the object id of the report, as far as the reader sees them.
func (s *Service) OfReports(ctx context.Context, by access.Actor, reports ...int64) (map[int64]Campaign, error) {
	if len(reports) == 0 || !by.Can(access.ReadCases) {
		return nil, nil
	}
	q := new(db.Query).Add(`SELECT ` + columns + ` FROM `)
	access.Sees(by).From(q, ref.Suspicion).Add(` ` + joins + ` WHERE c.report <> 0 AND c.report IN `)
	all, err := db.List(ctx, s.DB, db.In(q, reports), s.scan)
	out := make(map[int64]Campaign, len(all))
	for _, c := range all {
		out[c.Report] = c
	}
	return out, err
}

// Features gives what a campaign that the caller has got is known by, the most frequent first.
func (s *Service) Features(ctx context.Context, c Campaign) ([]Feature, error) {
	return s.featuresOf(ctx, s.DB, c.Ref.ID, maxFeatures)
}

func (s *Service) featuresOf(ctx context.Context, h db.Handle, campaign int64, most int) ([]Feature, error) {
	key, err := s.Ring.Get(ctx, h, campaign)
	if err != nil {
		return nil, err
	}
	return db.All(ctx, h, func(r *db.Rows) (f Feature, err error) {
		var token int64
		var body []byte
		if err := r.Scan(&token, &f.Kind, &f.Seen, &f.FirstAt, &f.LastAt, &body); err != nil {
			return f, err
		}
		raw, err := key.Open(featurePlace(campaign, token), body)
		if err != nil {
			return f, err
		}
		var v featureValue
		err = json.Unmarshal(raw, &v)
		f.Value, f.Name = mail.Visible(v.Value), v.Name
		return f, err
	}, `SELECT token, kind, seen, first_at, last_at, body FROM suspicion_feature WHERE campaign = $1 ORDER BY seen DESC, kind DESC, token LIMIT $2`, campaign, most)
}

// Hour is how many messages came in an hour that begins then.
type Hour struct {
	At       time.Time
	Messages int
}

// Curve gives the hours since then in which a campaign that the caller has got had messages; the zero campaign is all of the lane. The actor needs
// access.ReadCases.
func (s *Service) Curve(ctx context.Context, by access.Actor, c Campaign, since time.Time) ([]Hour, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	return db.All(ctx, s.DB, func(r *db.Rows) (h Hour, err error) {
		var n int64
		err = r.Scan(&n, &h.Messages)
		h.At = time.Unix(n*3600, 0).UTC()
		return h, err
	}, `SELECT hour, messages FROM suspicion_hour WHERE campaign = $1 AND hour >= $2 ORDER BY hour LIMIT 2000`, c.Ref.ID, hourOf(since))
}

// Sample gives the newest message of a campaign that the caller has got, as it reads; errs.ErrNotFound when none is kept any more. What came encrypted
// is not opened for it.
func (s *Service) Sample(ctx context.Context, c Campaign) (r Reading, at time.Time, err error) {
	ids, err := db.All(ctx, s.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT id FROM suspicion_message WHERE campaign = $1 AND campaign <> 0 ORDER BY at DESC, id DESC LIMIT 1`, c.Ref.ID)
	if err != nil || len(ids) == 0 {
		return r, at, orNotFound(err)
	}
	return s.reading(ctx, ids[0])
}

// reading opens a message that is kept.
func (s *Service) reading(ctx context.Context, arrival int64) (r Reading, at time.Time, err error) {
	a, err := s.Correspondence.OpenArrival(ctx, s.DB, arrival)
	if err != nil {
		return r, at, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read a sample: %w", errs.Panic(p))
		}
	}()
	r = Reading{Message: a.UID, whole: true}
	r.read(mail.Parse(a.Raw))
	return r, a.ReceivedAt, nil
}
