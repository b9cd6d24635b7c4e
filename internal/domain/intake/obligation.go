package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/calendar"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Obligation is what one law asks of one affected organisation in one report. It has no stored state: Owed follows from facts and submissions.
type Obligation struct {
	access.Object
	Report       int64
	Set          law.Set // the version with which it began, the newest where that one is not kept
	Began        int     // the version with which it began
	Organisation int64   // the one affected; 0 is whoever reported
	Class        string  // of entity, as the set tells them apart
	concludedAt  time.Time
	Facts        []Fact // in the order in which they were said
	Handed       []law.Handed
	Owed         []law.Owed
}

// Why a fact is kept.
type FactKind string

// The kinds of facts.
const (
	OfMoment  FactKind = "moment"  // Code is a law.Moment
	OfRequest FactKind = "request" // Code is a stage
	OfWaiver  FactKind = "waiver"  // Code is the key of something owed
	OfPassing FactKind = "passed"  // Code is the key of what we owe a recipient
	OfState   FactKind = "state"   // Code is an affected state, or EU; for the team alone
)

// Fact is one thing that happened, as somebody said it.
type Fact struct {
	id         int64
	UID        string
	obligation int64
	Kind       FactKind
	Code       string
	At         time.Time
	DueAt      time.Time // a request: by when; zero for the period of the set
	SaidAt     time.Time
	SaidBy     int64 // account; 0 is the reporter
	Submission int   // number of the submission that told it; 0 for none
	EndedAt    time.Time
	Note       string
}

// Submission is a stage as it was handed in. It never changes.
type Submission struct {
	id           int64
	UID          string
	Report       int64
	Number       int // within its report, from 1
	Set          string
	Version      int
	Stage        string
	ToldAt       time.Time // when we were first told
	FiledAt      time.Time
	FiledBy      int64 // account; 0 is whoever sent the report
	Channel      correspondence.Channel
	Message      string // uid of the message it was in; "" for none
	Corrects     int    // number of the submission that it corrects, 0 for none
	Sum          []byte // SHA-256 of what was sealed
	Answers      law.Answers
	For          []int64 // obligations
	Organisation int64   // that handed it in itself, on a report that somebody else made; 0 for the reporter, or the team for it
	Shared       bool    // the organisations affected read the reporter's words
	sealed       []byte
	corrects     int64
}

// Late tells how many of what reporters owe under an obligation is late.
func (o Obligation) Late(now time.Time) bool {
	return slices.ContainsFunc(o.Owed, func(x law.Owed) bool { return x.State == law.Running && x.Late(now) })
}

// Find gives something owed by its key.
func (o Obligation) Find(key string) (law.Owed, bool) {
	i := slices.IndexFunc(o.Owed, func(x law.Owed) bool { return x.Key() == key })
	if i < 0 {
		return law.Owed{}, false
	}
	return o.Owed[i], true
}

func (s *Service) count(country string) law.Count { return Counting(s.Calendar)(country) }

// Counting counts by the calendar of a set's country, by the team's own where there is none or the set is the Union's. Nil counts hours alone.
func Counting(team *calendar.Calendar) func(country string) law.Count {
	return func(country string) law.Count {
		var c calendar.Calendar
		zone := time.UTC
		if team != nil {
			c, zone = *team, team.Zone()
		}
		if own, err := calendar.For(country, zone); country != "EU" && err == nil {
			c = own
		} else if team == nil {
			c, _ = calendar.For("", zone)
		}
		return c.End
	}
}

// reckon fills what is owed.
func (s *Service) reckon(o *Obligation, known law.Answers, count law.Count) {
	c := law.Case{Class: o.Class, Handed: o.Handed, Waived: map[string]bool{}, Passed: map[string]time.Time{}, States: map[string]time.Time{}, Known: known}
	for _, f := range o.Facts {
		if !f.EndedAt.IsZero() {
			continue
		}
		switch f.Kind {
		case OfMoment:
			c.Facts = append(c.Facts, law.Fact{Moment: law.Moment(f.Code), At: f.At})
		case OfRequest:
			c.Facts = append(c.Facts, law.Fact{Moment: law.Requested, Stage: f.Code, At: f.At, Due: f.DueAt})
		case OfWaiver:
			c.Waived[f.Code] = true
		case OfPassing:
			c.Passed[f.Code] = f.At
		case OfState:
			c.States[f.Code] = f.At
		}
	}
	o.Owed = o.Set.Owed(c, count)
	if o.concludedAt.IsZero() {
		return
	}
	for i := range o.Owed { // what is still owed ends with the incidents of the report
		if x := &o.Owed[i]; x.State == law.Running || x.State == law.Paused {
			x.State, x.Why = law.Stopped, Concluded
		}
	}
}

// Concluded is why what was owed is stopped when the incidents of its report are closed.
const Concluded = "concluded"

const obligationColumns = access.Columns + `, b.report, b.rule_set, b.rule_version, b.organisation, b.class,
	(SELECT q.concluded_at FROM intake_report q WHERE q.id = b.report)`

func (s *Service) scanObligation(rows *db.Rows) (Obligation, error) {
	var o Obligation
	var set string
	if err := rows.Scan(append(o.Object.Dst(), &o.Report, &set, &o.Began, &o.Organisation, &o.Class, &o.concludedAt)...); err != nil {
		return o, err
	}
	var err error
	if o.Set, err = s.Laws.Version(set, o.Began); err != nil {
		o.Set = law.Set{Code: set} // a rule set that was taken away: what was filed stays readable
	}
	return o, nil
}

// Obligations gives the obligations of reports that the actor may see, by report, in the order in which they began. Readers outside the team read
// neither reasons nor who of us said what.
func (s *Service) Obligations(ctx context.Context, h db.Handle, by access.Actor, reports ...int64) (map[int64][]Obligation, error) {
	out := map[int64][]Obligation{}
	if len(reports) == 0 || s.Laws == nil {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT ` + obligationColumns + ` FROM `)
	access.Sees(by).From(q, ref.Obligation).Add(` JOIN intake_obligation b ON b.id = o.id WHERE b.report IN `)
	all, err := db.List(ctx, h, db.In(q, reports).Add(` ORDER BY o.id`), s.scanObligation)
	if err != nil {
		return nil, err
	}
	if err := s.fill(ctx, h, all); err != nil {
		return nil, err
	}
	for _, o := range all {
		if !by.Team() {
			o = o.outward()
		}
		out[o.Report] = append(out[o.Report], o)
	}
	return out, nil
}

// Submissions gives what was handed in on a report that the actor may see, by uid or reference, in order.
func (s *Service) Submissions(ctx context.Context, h db.Handle, by access.Actor, report string) ([]Submission, error) {
	r, err := s.load(ctx, h, by, report)
	if err != nil {
		return nil, err
	}
	all, err := s.submissions(ctx, h, `s.report = $1`, r.Ref.ID)
	if !by.Team() {
		all = common(all)
		for i := range all {
			all[i].FiledBy = 0
		}
	}
	if r.Withheld {
		for i := range all {
			all[i].Answers = nil
		}
	}
	return all, err
}

// submissionsOf reads those of several reports.
func (s *Service) submissionsOf(ctx context.Context, h db.Handle, reports ...int64) ([]Submission, error) {
	var out []Submission
	for part := range slices.Chunk(reports, 500) {
		some, err := s.submissions(ctx, h, `s.report IN (`+numbers(part)+`)`)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

// numbers writes ids for a list of a statement.
func numbers(ids []int64) string {
	list := make([]string, len(ids))
	for i, n := range ids {
		list[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(list, ", ")
}

// submissions reads submissions, past any scope.
func (s *Service) submissions(ctx context.Context, h db.Handle, where string, args ...any) ([]Submission, error) {
	all, err := db.All(ctx, h, func(r *db.Rows) (x Submission, err error) {
		return x, r.Scan(&x.id, &x.UID, &x.Report, &x.Number, &x.Set, &x.Version, &x.Stage, &x.ToldAt, &x.FiledAt, &x.FiledBy, &x.Channel, &x.Message, &x.corrects, &x.Sum, &x.sealed, &x.Organisation, &x.Shared)
	}, `SELECT s.id, s.uid, s.report, s.number, s.rule_set, s.rule_version, s.stage, s.told_at, s.filed_at, s.filed_by, s.channel, s.message, s.corrects, s.sum, s.body, s.organisation, s.shared
		FROM intake_submission s WHERE `+where+` ORDER BY s.report, s.number`, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	number, at := map[int64]int{}, map[int64]int{}
	var reports, ids []int64
	for i, x := range all {
		number[x.id], at[x.id] = x.Number, i
		ids = append(ids, x.id)
		if !slices.Contains(reports, x.Report) {
			reports = append(reports, x.Report)
		}
	}
	keys, err := s.Ring.Many(ctx, h, reports)
	if err != nil {
		return nil, err
	}
	for i := range all {
		x := &all[i]
		x.Corrects = number[x.corrects]
		key, ok := keys[x.Report]
		if !ok {
			continue // destroyed: the hash stays
		}
		raw, err := key.Open(submissionPlace(x.UID), x.sealed)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &x.Answers); err != nil {
			return nil, fmt.Errorf("read submission: %w", err)
		}
	}
	q := new(db.Query).Add(`SELECT submission, obligation FROM intake_submitted WHERE submission IN `)
	rows, err := db.In(q, ids).Add(` ORDER BY obligation`).Query(ctx, h)
	return all, db.Each(rows, err, func(r *db.Rows) error {
		var submission, obligation int64
		if err := r.Scan(&submission, &obligation); err != nil {
			return err
		}
		x := &all[at[submission]]
		x.For = append(x.For, obligation)
		return nil
	})
}

// fill reads the facts and submissions of obligations and reckons what is owed.
func (s *Service) fill(ctx context.Context, h db.Handle, all []Obligation) error {
	if len(all) == 0 {
		return nil
	}
	at := map[int64]int{}
	var ids, reports []int64
	for i, o := range all {
		at[o.Ref.ID] = i
		ids = append(ids, o.Ref.ID)
		if !slices.Contains(reports, o.Report) {
			reports = append(reports, o.Report)
		}
	}
	keys, err := s.Ring.Many(ctx, h, reports)
	if err != nil {
		return err
	}
	handed, err := s.submissionsOf(ctx, h, reports...)
	if err != nil {
		return err
	}
	number := map[int64]int{}
	for _, x := range handed {
		number[x.id] = x.Number
	}
	q := new(db.Query).Add(`SELECT id, uid, obligation, kind, code, at, due_at, said_at, said_by, submission, ended_at, note FROM intake_fact WHERE obligation IN `)
	rows, err := db.In(q, ids).Add(` ORDER BY id`).Query(ctx, h)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var f Fact
		var submission int64
		var note []byte
		if err := r.Scan(&f.id, &f.UID, &f.obligation, &f.Kind, &f.Code, &f.At, &f.DueAt, &f.SaidAt, &f.SaidBy, &submission, &f.EndedAt, &note); err != nil {
			return err
		}
		f.Submission = number[submission]
		o := &all[at[f.obligation]]
		if key, ok := keys[o.Report]; ok && note != nil {
			raw, err := key.Open(factPlace(f.UID), note)
			if err != nil {
				return err
			}
			f.Note = string(raw)
		}
		o.Facts = append(o.Facts, f)
		return nil
	})
	if err != nil {
		return err
	}
	counts := map[string]law.Count{} // a calendar is read once for all
	for i := range all {
		o := &all[i]
		if counts[o.Set.Country] == nil {
			counts[o.Set.Country] = s.count(o.Set.Country)
		}
		for _, x := range handed {
			if x.Corrects == 0 && slices.Contains(x.For, o.Ref.ID) {
				o.Handed = append(o.Handed, law.Handed{Stage: x.Stage, At: x.ToldAt})
			}
		}
		s.reckon(o, Known(handed, o.Ref.ID), counts[o.Set.Country])
	}
	return nil
}

// common leaves out what affected organisations handed in themselves: who reported for them does not read it.
func common(all []Submission) []Submission {
	return slices.DeleteFunc(slices.Clone(all), func(x Submission) bool { return x.Organisation != 0 })
}

// Told gives what who made the report told, of all together.
func Told(all []Submission) law.Answers { return Known(common(all), 0) }

// Known gives what is known of an obligation from the submissions of its report; 0 takes those for all.
func Known(all []Submission, obligation int64) law.Answers {
	var hs []law.Handover
	place := map[int]int{}
	for _, x := range all {
		if obligation != 0 && !slices.Contains(x.For, obligation) {
			continue
		}
		h := law.Handover{Answers: x.Answers, Corrects: -1}
		if i, ok := place[x.Corrects]; ok && x.Corrects != 0 {
			h.Corrects = i
		}
		place[x.Number] = len(hs)
		hs = append(hs, h)
	}
	return law.Known(hs)
}

func submissionPlace(uid string) string { return "intake_submission.body:" + uid }
func factPlace(uid string) string       { return "intake_fact.note:" + uid }

// obligation reads one under the actor's scope inside a verb, with its report locked.
func (s *Service) obligation(ctx context.Context, tx *db.Tx, by access.Actor, uid string) (Obligation, row, error) {
	if s.Laws == nil {
		return Obligation{}, row{}, errs.ErrNotFound
	}
	q := new(db.Query).Add(`SELECT ` + obligationColumns + ` FROM `)
	access.Sees(by).From(q, ref.Obligation).Add(` JOIN intake_obligation b ON b.id = o.id WHERE o.uid = ?`, uid)
	o, err := db.One(ctx, tx, s.scanObligation, q.Text(), q.Args()...)
	if err != nil {
		return o, row{}, err
	}
	if _, err := access.Locked(ctx, tx, o.Report); err != nil {
		return o, row{}, err
	}
	r, err := s.byID(ctx, tx, o.Report)
	if err == nil && r.Destroyed {
		err = keyring.ErrDestroyed
	}
	if err != nil {
		return o, r, err
	}
	all := []Obligation{o}
	err = s.fill(ctx, tx, all)
	return all[0], r, err
}

// within reads obligations of a report that the caller has checked, past any scope, without what is owed.
func (s *Service) within(ctx context.Context, h db.Handle, where string, args ...any) ([]Obligation, error) {
	return db.All(ctx, h, s.scanObligation, `SELECT `+obligationColumns+` FROM object o JOIN intake_obligation b ON b.id = o.id WHERE `+where+` ORDER BY o.id`, args...)
}

// keepClocks brings the clocks of obligations of a report to what is owed, and gives them.
func (s *Service) keepClocks(ctx context.Context, tx *db.Tx, by access.Actor, r *row, all ...Obligation) ([]deadline.Clock, error) {
	var clocks []deadline.Clock
	kept := make([]deadline.Kept, len(all))
	for i, o := range all {
		kept[i] = deadline.Kept{About: o.Ref, Want: s.clocksOf(r, o)}
		clocks = append(clocks, kept[i].Want...)
	}
	return clocks, s.Deadlines.KeepTx(ctx, tx, by, r.Ref.ID, kept...)
}

// clocksOf are the clocks that an obligation is to have.
func (s *Service) clocksOf(r *row, o Obligation) []deadline.Clock {
	now := s.Clock.Now()
	strip := r.Ref
	if len(r.Incidents) > 0 {
		strip = r.Incidents[0]
	}
	var want []deadline.Clock
	for _, x := range o.Owed {
		if !x.Clocked() || x.State == law.NotOwed {
			continue
		}
		c := deadline.Clock{
			About: o.Ref, Under: strip, Whole: r.Ref.ID, Compartment: o.Compartment, Kind: x.Key(), OwedBy: deadline.Them, Law: o.Set.Cites(x.Article), RuleSet: o.Set.Code,
			StartedAt: x.Start, DueAt: x.Due, MetAt: x.MetAt,
		}
		if x.Team {
			c.OwedBy = deadline.Us
		}
		if x.Of != "" { // which states are affected is for the team alone
			c.Compartment = 0
		}
		if x.Limit.After(x.Due) {
			c.LimitAt = x.Limit
		}
		if x.State != law.Running && x.State != law.Met {
			c.StoppedAt = now
		}
		if at := x.Due.Add(-x.Due.Sub(x.Start) / 4); at.After(now) {
			c.RemindAt = at
		}
		want = append(want, c)
	}
	return want
}

// keepAll does so for every obligation of a report.
func (s *Service) keepAll(ctx context.Context, tx *db.Tx, by access.Actor, r *row) error {
	if s.Laws == nil {
		return nil
	}
	all, err := s.within(ctx, tx, `b.report = $1`, r.Ref.ID)
	if err != nil {
		return err
	}
	for i := range all {
		all[i].concludedAt = r.ConcludedAt // what the verb is about to write
	}
	if err := s.fill(ctx, tx, all); err != nil {
		return err
	}
	_, err = s.keepClocks(ctx, tx, by, r, all...)
	return err
}

// obligationChanged writes that an obligation changed, with the entry. Its report is touched by the verb.
func (s *Service) obligationChanged(ctx context.Context, tx *db.Tx, by access.Actor, r *row, o Obligation, e audit.Entry) error {
	now := s.Clock.Now()
	if err := access.Touch(ctx, tx, o.Ref.ID, now); err != nil {
		return err
	}
	e.At, e.By, e.On, e.About, e.Owner, e.Compartment = now, by, o.Ref, r.Ref, r.Ref.ID, o.Compartment
	if len(r.Incidents) > 0 {
		e.About = r.Incidents[0]
	}
	if e.Verb == verbStates { // which states are affected is not for who reported one of them
		e.Compartment = 0
	}
	return s.Audit.Write(ctx, tx, e)
}
