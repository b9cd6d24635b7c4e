package coordination

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Table is the matrix with its measures and typed answers as columns.
type Table struct {
	Measures []TableMeasure
	Sets     []QuestionSet // that were asked, each in its newest version asked
	Rows     []TableRow
	All      []TableRow // before they were narrowed
	Sectors  []string   // of the parties, sorted
}

// TableMeasure is a column: one recommendation, or one title.
type TableMeasure struct{ Key, Title string }

// TableRow is one party with what stands in its columns.
type TableRow struct {
	Row
	Sector      string
	Criticality int
	States      map[string]MeasureState // by the key of the measure; none where it was not given
	Until       map[string]time.Time    // when it runs out; none where it does not
	Asked       map[string]Request      // by the code of the set, the newest; none where it was not asked
	NextAt      time.Time               // when it is reminded, or late, next; zero when it owes nothing or is late already
}

// Answer gives what a party says to a typed question. The states that are no value have names of their own: AnswerNone while it said nothing,
// AnswerLater when it has not looked yet, AnswerNotOurs when the set does not concern it, "" when it was not asked.
func (r TableRow) Answer(set, question string) Said {
	q, asked := r.Asked[set]
	a, replied := q.Reply()
	said, told := a.Whole[question]
	switch {
	case !asked:
		return Said{}
	case replied && !a.Concerns:
		return Said{Value: AnswerNotOurs}
	case !replied || !told:
		return Said{Value: AnswerNone}
	}
	return said
}

// The answers that are no value of a question, as filters, sums and exports name them.
const (
	AnswerNone    = "-none"
	AnswerLater   = "-not_looked"
	AnswerNotOurs = "-not_concerned"
)

// Key is the answer as filters, sums and exports name it.
func (s Said) Key() string {
	if s.NotLooked {
		return AnswerLater
	}
	return s.Value
}

// TableState is how far a party came, as the filter of the matrix names it.
type TableState string

// The states of a party in the matrix: each party is in one.
const (
	TableUntold   TableState = "untold" // nothing has left for it
	TableSilent   TableState = "silent" // owes a word
	TableAnswered TableState = "answered"
	TableWorking  TableState = "working" // owes a measure that it acknowledged or planned
	TableDeclined TableState = "declined"
	TableDone     TableState = "done" // every measure is done or verified
)

// TableStates lists them.
func TableStates() []TableState {
	return []TableState{TableUntold, TableSilent, TableAnswered, TableWorking, TableDeclined, TableDone}
}

// State tells in which state a party is.
func (r Row) State() TableState {
	done, declined, owed := 0, 0, false
	for _, m := range r.Measures {
		switch {
		case m.State == Done || m.State == Verified:
			done++
		case m.State == Declined:
			declined++
		case m.State.Owed():
			owed = true
		}
	}
	switch {
	case r.ToldAt.IsZero() && r.AnsweredAt.IsZero():
		return TableUntold
	case !r.SilentSince.IsZero():
		return TableSilent
	case owed:
		return TableWorking
	case done > 0 && declined == 0:
		return TableDone
	case declined > 0 && done == 0:
		return TableDeclined
	}
	return TableAnswered
}

// TableFilter narrows the matrix and orders it; its zero value shows all in the order in which they came.
type TableFilter struct {
	State       TableState
	SilentFor   time.Duration // silent at least as long
	Sector      string
	Criticality int // at least; 0 for all
	Set         string
	Question    string // of the set
	Answer      string // to the question: a value, AnswerNone, AnswerLater, AnswerNotOurs; "" for any
	Sort        string // name, sector, silent, answered, done, next; "" as they came
	Down        bool
}

func (f TableFilter) check() error {
	var p errs.Problems
	if f.State != "" && !slices.Contains(TableStates(), f.State) {
		p.Add("state", "error.choose")
	}
	if !slices.Contains([]string{"", "name", "sector", "silent", "answered", "done", "next"}, f.Sort) {
		p.Add("sort", "error.choose")
	}
	return p.Err()
}

// Table gives the matrix of a subject, narrowed and sorted, for who may see it. The number of statements does not grow with the parties. Refused: as
// Matrix, and Invalid for a filter that is none.
func (s *Service) Table(ctx context.Context, by access.Actor, subject string, f TableFilter) (Table, error) {
	if err := f.check(); err != nil {
		return Table{}, err
	}
	rows, err := s.Matrix(ctx, by, subject)
	if err != nil {
		return Table{}, err
	}
	return s.TableOf(ctx, rows, f)
}

// TableOf is Table of rows that were read.
func (s *Service) TableOf(ctx context.Context, rows []Row, f TableFilter) (Table, error) {
	var t Table
	if err := f.check(); err != nil {
		return t, err
	}
	var ids []int64
	for _, r := range rows {
		if r.Party.Organisation != 0 {
			ids = append(ids, r.Party.Organisation)
		}
	}
	orgs := map[int64]constituency.Organisation{}
	for some := range slices.Chunk(ids, 500) {
		found, err := s.Constituency.Labels(ctx, s.DB, some...)
		if err != nil {
			return t, err
		}
		for id, o := range found {
			orgs[id] = o
		}
	}
	now := s.Clock.Now()
	versions := map[string]int{}
	for _, r := range rows {
		o := orgs[r.Party.Organisation]
		t.All = append(t.All, t.row(r, o, versions, now))
		if o.Sector != "" && !slices.Contains(t.Sectors, o.Sector) {
			t.Sectors = append(t.Sectors, o.Sector)
		}
	}
	slices.Sort(t.Sectors)
	for code, version := range versions {
		set, err := s.questionSet(ctx, s.DB, code, version)
		if err != nil {
			return t, err
		}
		t.Sets = append(t.Sets, set)
	}
	slices.SortFunc(t.Sets, func(a, b QuestionSet) int { return strings.Compare(a.Code, b.Code) })
	for _, r := range t.All {
		if f.takes(r, now) {
			t.Rows = append(t.Rows, r)
		}
	}
	f.order(t.Rows)
	return t, nil
}

// row fills the columns of a party, and adds those that are new.
func (t *Table) row(r Row, o constituency.Organisation, versions map[string]int, now time.Time) TableRow {
	x := TableRow{Row: r, Sector: o.Sector, Criticality: o.Criticality, States: map[string]MeasureState{}, Until: map[string]time.Time{}, Asked: map[string]Request{}}
	if !r.Party.WithdrawnAt.IsZero() {
		return x
	}
	for _, m := range r.Measures {
		if m.State == Recalled {
			continue
		}
		key := cmp.Or(m.Recommendation, m.Title)
		if !slices.ContainsFunc(t.Measures, func(c TableMeasure) bool { return c.Key == key }) {
			t.Measures = append(t.Measures, TableMeasure{key, m.Title})
		}
		x.States[key] = m.State
		if (m.State == Done || m.State == Verified) && !m.ValidUntil.IsZero() {
			x.Until[key] = m.ValidUntil
		}
		if m.State.Owed() {
			x.next(m.GivenAt, later(m.DueAt, m.PlannedFor), now)
		}
	}
	for _, q := range r.Requests {
		if q.State == Withdrawn {
			continue
		}
		if q.QuestionSet != "" && !ownSet(q.QuestionSet) { // of a call or a decision: their pages show it
			x.Asked[q.QuestionSet] = q
			versions[q.QuestionSet] = max(versions[q.QuestionSet], q.QuestionVersion)
		}
		if q.Owed() {
			x.next(q.AskedAt, q.DueAt, now)
		}
	}
	return x
}

// next notes when the party hears from us again about something it owes: the reminder, or the moment from which it is late.
func (r *TableRow) next(from, due, now time.Time) {
	for _, at := range []time.Time{remindAt(from, due), due} {
		if at.After(now) {
			r.NextAt = earlier(r.NextAt, at)
			return
		}
	}
}

func (f TableFilter) takes(r TableRow, now time.Time) bool {
	switch {
	case f.State != "" && r.State() != f.State,
		f.SilentFor > 0 && (r.SilentSince.IsZero() || now.Sub(r.SilentSince) < f.SilentFor),
		f.Sector != "" && r.Sector != f.Sector,
		r.Criticality < f.Criticality:
		return false
	case f.Set != "" && f.Question != "" && f.Answer != "":
		return r.Answer(f.Set, f.Question).Key() == f.Answer
	}
	return true
}

func (f TableFilter) order(rows []TableRow) {
	latest := func(of func(TableRow) time.Time) func(a, b TableRow) int {
		return func(a, b TableRow) int { // what never was stands last, whichever way
			x, y := of(a), of(b)
			switch {
			case x.IsZero() && y.IsZero():
				return 0
			case x.IsZero():
				return 1
			case y.IsZero():
				return -1
			case f.Down:
				return y.Compare(x)
			}
			return x.Compare(y)
		}
	}
	words := func(of func(TableRow) string) func(a, b TableRow) int {
		return func(a, b TableRow) int {
			n := strings.Compare(plain(of(a)), plain(of(b)))
			if f.Down {
				return -n
			}
			return n
		}
	}
	by := map[string]func(a, b TableRow) int{
		"name": words(func(r TableRow) string { return r.Party.Name }), "sector": words(func(r TableRow) string { return r.Sector }),
		"silent": latest(func(r TableRow) time.Time { return r.SilentSince }), "answered": latest(func(r TableRow) time.Time { return r.AnsweredAt }),
		"done": latest(func(r TableRow) time.Time { return r.DoneAt }), "next": latest(func(r TableRow) time.Time { return r.NextAt }),
	}[f.Sort]
	if by != nil {
		slices.SortStableFunc(rows, by)
	}
}

// Progress is how many parties were told, gave a word and were done by the end of a day.
type Progress struct {
	Day                  time.Time
	Told, Answered, Done int
}

// mostDays is how many points a progress has: over more days it counts every so many.
const mostDays = 30

// pointsOf gives the days from a moment until another, in a zone: over mostDays every so many, and the last.
func pointsOf(first, last time.Time, zone *time.Location) []time.Time {
	day := func(t time.Time) time.Time {
		t = t.In(zone)
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)
	}
	from, until := day(first), day(last)
	days := max(int(until.Sub(from).Hours()/24+0.5), 0) + 1
	step := (days + mostDays - 1) / mostDays
	var out []time.Time
	for n := 0; n < days+step-1; n += step {
		at := from.AddDate(0, 0, n)
		if at.After(until) {
			at = until
		}
		out = append(out, at)
	}
	return out
}

// ProgressOf counts parties by day, from the first that was asked until now, in a zone.
func ProgressOf(rows []TableRow, zone *time.Location, now time.Time) []Progress {
	type times struct{ told, answered, done time.Time }
	var all []times
	var first time.Time
	for _, r := range rows {
		var t times
		given, open := 0, 0
		for _, q := range r.Requests {
			if q.State != Withdrawn {
				t.told, t.answered = earlier(t.told, q.AskedAt), earlier(t.answered, q.AnsweredAt)
			}
		}
		for _, m := range r.Measures {
			if m.State == Recalled || m.State == Expired {
				continue
			}
			given++
			t.told = earlier(t.told, m.GivenAt)
			if m.State != Done && m.State != Verified {
				open++
			}
			t.done = later(t.done, m.DoneAt)
			for _, v := range m.Moves {
				if v.To == Acknowledged || v.To == Planned || v.To == Done || v.To == Declined {
					t.answered = earlier(t.answered, v.At)
				}
			}
		}
		if given == 0 || open > 0 {
			t.done = time.Time{}
		}
		if !t.told.IsZero() {
			all, first = append(all, t), earlier(first, t.told)
		}
	}
	if len(all) == 0 {
		return nil
	}
	var out []Progress
	for _, day := range pointsOf(first, now, zone) {
		p := Progress{Day: day}
		end := day.AddDate(0, 0, 1)
		for _, t := range all {
			if t.told.Before(end) {
				p.Told++
			}
			if !t.answered.IsZero() && t.answered.Before(end) {
				p.Answered++
			}
			if !t.done.IsZero() && t.done.Before(end) {
				p.Done++
			}
		}
		out = append(out, p)
	}
	return out
}
