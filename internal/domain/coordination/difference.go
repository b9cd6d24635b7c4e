package coordination

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Pace is how long a step took: of how many it is known, and the quartiles.
type Pace struct {
	Count          int
	Q1, Median, Q3 time.Duration
}

// Paces are the steps of what was asked, each from when it was asked. Answered is known of requests, done of measures; seen of what was read in the portal or by a link.
type Paces struct {
	Key       string // of the group: a sector, a template, a road; "" for what has none
	Asked     int    // requests and measures
	Delivered Pace
	Seen      Pace
	Answered  Pace
	Done      Pace
	Measures  int // given and not taken back
	Remedied  int // of them, done or verified
}

// SharePoint is the share of measures that were done by the end of a day.
type SharePoint struct {
	Day         time.Time
	Given, Done int
}

// Percent is the share in hundredths.
func (s SharePoint) Percent() int {
	if s.Given == 0 {
		return 0
	}
	return s.Done * 100 / s.Given
}

// Difference is what came of what was asked in a time. It names nobody.
type Difference struct {
	From, Till time.Time
	All        Paces
	Sectors    []Paces
	Templates  []Paces // code of a question set or a recommendation; "" for what was asked in words
	Roads      []Paces // by which the letter left: encrypted, signed, notice, direct
	Share      []SharePoint
	Cut        bool // there was more: only the newest were counted
}

// DifferenceFilter says what is looked at: what was asked from From until Till, in one incident or in all.
type DifferenceFilter struct {
	Subject    string // uid or number; "" for all incidents
	From, Till time.Time
	Zone       *time.Location // of the days; UTC when nil
}

// mostCounted is how many requests, and how many measures, are counted: enough that quartiles stand still.
const mostCounted = 40_000

// fact is one thing that was asked.
type fact struct {
	measure                           bool
	state                             MeasureState
	asked, sent, seen, answered, done time.Time
	sector, template                  string
	road                              egress.Road
}

// DifferenceOf counts how long it took until what we asked was delivered, seen, answered and done, and how much was remedied over time. What is sealed or an exercise is left out,
// so that the numbers are the same for everybody. The actor needs access.ReadCases. Refused: NotFound, Invalid for a time that ends before it begins.
func (s *Service) DifferenceOf(ctx context.Context, by access.Actor, f DifferenceFilter) (Difference, error) {
	d := Difference{From: f.From, Till: f.Till}
	if err := by.Need(access.ReadCases); err != nil {
		return d, err
	}
	if !f.Till.After(f.From) {
		var p errs.Problems
		p.Add("till", "error.before_start")
		return d, p.Err()
	}
	subject := int64(0)
	if f.Subject != "" {
		o, err := access.Find(ctx, s.DB, by, ref.Incident, f.Subject)
		if err != nil {
			return d, err
		}
		subject = o.Ref.ID
	}
	facts, cut, err := s.facts(ctx, by, f, subject)
	if err != nil {
		return d, fmt.Errorf("count what was asked: %w", err)
	}
	d.Cut = cut
	d.All = paces("", facts)
	d.Sectors = grouped(facts, func(x fact) string { return x.sector })
	d.Templates = grouped(facts, func(x fact) string { return x.template })
	d.Roads = grouped(facts, func(x fact) string { return roadKey(x.road) })
	d.Share = shares(facts, f, s.Clock.Now())
	return d, nil
}

func roadKey(r egress.Road) string {
	if r == 0 {
		return ""
	}
	return r.String()
}

// facts reads what was asked: two statements. Of one subject its index is used, else that of the time.
func (s *Service) facts(ctx context.Context, by access.Actor, f DifferenceFilter, subject int64) (out []fact, cut bool, err error) {
	for _, measure := range []bool{false, true} {
		kind, at, columns := ref.Request, "asked_at", `'', r.answered_at, NULL, r.question_set`
		table := ` JOIN coordination_request r ON r.id = o.id`
		if measure {
			kind, at, columns, table = ref.Measure, "given_at", `r.state, NULL, r.done_at, r.recommendation`, ` JOIN coordination_measure r ON r.id = o.id`
		}
		q := new(db.Query).Add(`SELECT r.` + at + `, m.sent_at, m.seen_at, m.road, ` + columns + `, COALESCE(c.sector, '') FROM `)
		access.Sees(by).From(q, kind).Add(table + ` JOIN coordination_party p ON p.id = r.party LEFT JOIN correspondence_message m ON m.id = r.message
			LEFT JOIN constituency_organisation c ON c.id = p.organisation WHERE o.sealed = FALSE AND o.exercise = FALSE AND r.state <> 'withdrawn'`)
		q.Add(` AND r.`+at+` >= ? AND r.`+at+` < ?`, f.From, f.Till)
		if subject != 0 {
			q.Add(` AND r.subject = ?`, subject)
		}
		list, err := db.List(ctx, s.DB, q.Add(` ORDER BY r.`+at+` DESC, r.id DESC LIMIT ?`, mostCounted+1), func(r *db.Rows) (x fact, err error) {
			var state string
			x.measure = measure
			err = r.Scan(&x.asked, &x.sent, &x.seen, &x.road, &state, &x.answered, &x.done, &x.template, &x.sector)
			x.state = MeasureState(state)
			return x, err
		})
		if err != nil {
			return nil, false, err
		}
		if len(list) > mostCounted {
			list, cut = list[:mostCounted], true
		}
		out = append(out, list...)
	}
	return out, cut, nil
}

func grouped(facts []fact, by func(fact) string) []Paces {
	of := map[string][]fact{}
	for _, x := range facts {
		of[by(x)] = append(of[by(x)], x)
	}
	out := make([]Paces, 0, len(of))
	for key, list := range of {
		out = append(out, paces(key, list))
	}
	slices.SortFunc(out, func(a, b Paces) int { return cmp.Or(cmp.Compare(b.Asked, a.Asked), strings.Compare(a.Key, b.Key)) })
	return out
}

func paces(key string, facts []fact) Paces {
	p := Paces{Key: key, Asked: len(facts)}
	var sent, seen, answered, done []time.Duration
	add := func(to *[]time.Duration, from, at time.Time) {
		if !at.IsZero() {
			*to = append(*to, max(at.Sub(from), 0))
		}
	}
	for _, x := range facts {
		add(&sent, x.asked, x.sent)
		add(&seen, x.asked, x.seen)
		add(&answered, x.asked, x.answered)
		add(&done, x.asked, x.done)
		if x.measure {
			p.Measures++
			if x.state == Done || x.state == Verified {
				p.Remedied++
			}
		}
	}
	p.Delivered, p.Seen, p.Answered, p.Done = pace(sent), pace(seen), pace(answered), pace(done)
	return p
}

// pace gives the quartiles: of each the value at that place when they are sorted (the nearest rank).
func pace(list []time.Duration) Pace {
	if len(list) == 0 {
		return Pace{}
	}
	slices.Sort(list)
	at := func(quarter int) time.Duration { return list[(len(list)*quarter+3)/4-1] }
	return Pace{len(list), at(1), at(2), at(3)}
}

// shares counts measures given and done by the end of some days, up to now.
func shares(facts []fact, f DifferenceFilter, now time.Time) []SharePoint {
	zone := f.Zone
	if zone == nil {
		zone = time.UTC
	}
	var given, done []time.Time
	for _, x := range facts {
		if !x.measure {
			continue
		}
		given = append(given, x.asked)
		if (x.state == Done || x.state == Verified) && !x.done.IsZero() {
			done = append(done, x.done)
		}
	}
	if len(given) == 0 {
		return nil
	}
	slices.SortFunc(given, time.Time.Compare)
	slices.SortFunc(done, time.Time.Compare)
	before := func(list []time.Time, end time.Time) int {
		n, _ := slices.BinarySearchFunc(list, end, time.Time.Compare)
		return n
	}
	var out []SharePoint
	for _, day := range pointsOf(given[0], earlier(now, f.Till.Add(-1)), zone) {
		end := day.AddDate(0, 0, 1)
		out = append(out, SharePoint{Day: day, Given: before(given, end), Done: before(done, end)})
	}
	return out
}
