package law

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Span is a time in which a clock stood still: from From until To.
type Span struct{ From, To time.Time }

// Count gives when a period that begins with an instant ends: due by the strict calendar, and the limit where the rules of counting let it end
// later, else the same. What stood, in order, is not counted.
type Count func(p Period, by Counting, from time.Time, stood ...Span) (due, limit time.Time)

// Stood tells how much later what began with from and would end with until ends for having stood still. What came after the end changes nothing.
func Stood(from, until time.Time, stood []Span) (later time.Duration) {
	for _, x := range stood {
		if x.From.Before(from) {
			x.From = from
		}
		if x.From.After(until.Add(later)) {
			break
		}
		later += max(x.To.Sub(x.From), 0)
	}
	return later
}

// Fact is something that happened. A request names its stage and, where the set gives no period, by when.
type Fact struct {
	Moment Moment
	At     time.Time
	Stage  string
	Due    time.Time
}

// Handed is a submission of a stage; At is when the team was first told. Corrections are none.
type Handed struct {
	Stage string
	At    time.Time
}

// Case is what is known of one affected organisation under one set. Of a moment that was corrected only the last word is in it.
type Case struct {
	Class  string
	Facts  []Fact
	Handed []Handed
	Waived map[string]bool      // keys of Owed
	Passed map[string]time.Time // recipients: when it was passed on
	States map[string]time.Time // affected states by code, "EU" for the Union's bodies: when each was named
	Known  Answers
}

// Standing is how something owed stands. Whether it is late is for who knows the time.
type Standing string

// The standings.
const (
	NotYet  Standing = "not_yet" // what starts it has not happened
	Offered Standing = "offered" // may be handed in, never late
	Running Standing = "running"
	Paused  Standing = "paused"
	Met     Standing = "met"
	Stopped Standing = "stopped"
	Waived  Standing = "waived"
	NotOwed Standing = "not_owed"
)

// Owed is one thing that somebody owes under a set. Round counts what is asked again and again, from 1; else it is 0.
type Owed struct {
	Code    string
	Article string
	Round   int
	Of      string // the state that a recipient is in, where each has one
	Team    bool   // we owe it
	State   Standing
	Start   time.Time
	Assumed bool // the moment was not told: counted from when we were first told of anything
	Due     time.Time
	Limit   time.Time
	MetAt   time.Time
	Why     string // Stopped, NotOwed: the moment, or "shortcut"
	Strict  bool   // it is owed once it runs; false for what is offered
	stands  bool   // it was suspended before its limit, and not resumed
}

// Key names it within its case: the code, with the round or the state where there are several.
func (o Owed) Key() string {
	if o.Of != "" {
		return o.Code + "." + o.Of
	}
	if o.Round > 1 {
		return o.Code + "." + strconv.Itoa(o.Round)
	}
	return o.Code
}

// Clocked tells whether it has a clock that runs or ran.
func (o Owed) Clocked() bool { return o.Strict && !o.Due.IsZero() && !o.Start.IsZero() }

// Late tells whether it was met after the limit, or is not and the limit has passed.
func (o Owed) Late(now time.Time) bool {
	if o.State == Met {
		now = o.MetAt
	}
	return o.Clocked() && (o.State == Met || o.State == Running) && now.After(o.Limit)
}

// Owed tells what is owed in a case, in the order of the set: each stage, or each round of one, then passing on to each recipient.
func (s Set) Owed(c Case, count Count) []Owed {
	slices.SortStableFunc(c.Handed, func(a, b Handed) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(c.Facts, func(a, b Fact) int { return a.At.Compare(b.At) })
	r := reckoning{Set: s, Case: c, count: count}
	r.find()
	var out []Owed
	for _, x := range s.Stages {
		out = append(out, r.stage(x)...)
	}
	for _, x := range s.Recipients {
		if len(x.Classes) > 0 && !slices.Contains(x.Classes, c.Class) || x.IfYes != "" && c.Known[x.IfYes] != "yes" && len(c.States) == 0 || len(c.Handed) == 0 {
			continue
		}
		if !x.Each || len(c.States) == 0 {
			out = append(out, r.passing(x, "", c.Handed[0].At))
			continue
		}
		for _, state := range slices.Sorted(maps.Keys(c.States)) {
			out = append(out, r.passing(x, state, c.States[state]))
		}
	}
	return out
}

// passing is that a recipient is told: from when we know of it.
func (r *reckoning) passing(x Recipient, of string, since time.Time) Owed {
	o := Owed{Code: x.Code, Article: x.Article, Of: of, Team: true, State: Running, Strict: true, Start: since, Due: since.Add(x.Own.Elapsed)}
	o.Limit = o.Due
	if at := r.Passed[o.Key()]; !at.IsZero() {
		o.State, o.MetAt = Met, at
	}
	return r.end(o)
}

// reckoning is a case while it is reckoned.
type reckoning struct {
	Set
	Case
	count    Count
	at       map[Moment]time.Time
	stop     Moment
	shortcut bool
	paused   []Span // To is zero while it lasts
}

func (r *reckoning) find() {
	r.at = map[Moment]time.Time{}
	for _, f := range r.Facts {
		switch f.Moment {
		case Requested:
		case Suspended:
			if n := len(r.paused); r.Suspends && (n == 0 || !r.paused[n-1].To.IsZero()) {
				r.paused = append(r.paused, Span{From: f.At})
			}
		case Resumed:
			if n := len(r.paused); n > 0 && r.paused[n-1].To.IsZero() {
				r.paused[n-1].To = f.At
			}
		default:
			r.at[f.Moment] = f.At
		}
	}
	for _, m := range r.StoppedBy {
		if at := r.at[m]; !at.IsZero() && (r.stop == "" || at.Before(r.at[r.stop])) {
			r.stop = m
		}
	}
	if k := r.Shortcut; k != nil {
		from, to := r.at[k.From], r.at[k.To]
		r.shortcut = !from.IsZero() && !to.IsZero() && !to.Before(from) && to.Sub(from) <= k.Within.Elapsed
	}
}

// handed gives when one of the stages was first handed in, not before an instant.
func (r *reckoning) handed(since time.Time, stages ...string) time.Time {
	for _, h := range r.Handed {
		if slices.Contains(stages, h.Stage) && !h.At.Before(since) {
			return h.At
		}
	}
	return time.Time{}
}

// began gives when a start happened. Who told us of an incident knew of it: awareness and determination are at the latest when we were first told.
func (r *reckoning) began(s Start) (at time.Time, assumed bool) {
	if s.Stage != "" {
		return r.handed(time.Time{}, s.Stage), false
	}
	at = r.at[s.Moment]
	if at.IsZero() && (s.Moment == Aware || s.Moment == Determined) && len(r.Handed) > 0 {
		return r.Handed[0].At, true
	}
	return at, false
}

func (r *reckoning) stage(x Stage) []Owed {
	if x.Need == OnRequest {
		return r.requests(x)
	}
	o := Owed{Code: x.Code, Article: x.Article, State: NotYet, Strict: x.Need == Always}
	waits := len(x.After) > 0 && r.handed(time.Time{}, x.After...).IsZero()
	if !waits {
		o.MetAt = r.handed(time.Time{}, append([]string{x.Code}, x.MetBy...)...)
	}
	if x.Need == Ongoing {
		for _, of := range r.Stages { // its time is that of the stage in whose place it stands
			if slices.Contains(of.MetBy, x.Code) {
				if replaced := r.stage(of); len(replaced) == 1 {
					o.Start, o.Due, o.Limit = replaced[0].Start, replaced[0].Due, replaced[0].Limit
					if (replaced[0].State == Running || replaced[0].State == Paused) && r.at[Handled].IsZero() {
						o.State = Offered
					}
				}
			}
		}
	} else if o.Start, o.Assumed = r.began(x.Starts); !o.Start.IsZero() {
		o.State = Running
		p := x.Within
		if own, ok := x.WithinClass[r.Class]; ok {
			p = own
		}
		r.run(&o, p, time.Time{})
	}
	switch {
	case waits:
		o.State, o.Why = NotOwed, "after"
	case !o.MetAt.IsZero():
		o.State = Met
	case x.Need == WhenNeeded:
		o.State = Offered
	}
	return []Owed{r.end(o)}
}

// run gives a clock that began its times: by its period, or by a due time that was named. It stood while it was suspended, until it was met or stopped.
func (r *reckoning) run(o *Owed, p Period, named time.Time) {
	end := o.MetAt
	if end.IsZero() && r.stop != "" {
		end = r.at[r.stop]
	}
	var stood []Span
	var since time.Time // when it was suspended, if it was not resumed
	for _, x := range r.paused {
		if !end.IsZero() && !x.From.Before(end) {
			break
		}
		if !end.IsZero() && (x.To.IsZero() || x.To.After(end)) {
			x.To = end
		}
		if x.To.IsZero() {
			since = x.From
			break
		}
		stood = append(stood, x)
	}
	if named.IsZero() {
		o.Due, o.Limit = r.count(p, r.Counting, o.Start, stood...)
	} else {
		o.Due = named.Add(Stood(o.Start, named, stood))
		o.Limit = o.Due
	}
	o.stands = !since.IsZero() && !since.After(o.Limit)
}

// requests gives a round for each request, or, where the set repeats the stage, for each period since the last request until it is handled.
func (r *reckoning) requests(x Stage) []Owed {
	var out []Owed
	add := func(asked Fact, p Period, met time.Time) {
		o := Owed{Code: x.Code, Article: x.Article, Round: len(out) + 1, State: Running, Strict: true, Start: asked.At, MetAt: met}
		if !met.IsZero() {
			o.State = Met
		}
		if !x.Every.Zero() {
			asked.Due = time.Time{}
		}
		r.run(&o, p, asked.Due)
		out = append(out, r.end(o))
	}
	var used []Handed
	next := func(since time.Time) time.Time {
		for _, h := range r.Handed {
			if h.Stage == x.Code && !h.At.Before(since) && !slices.Contains(used, h) {
				used = append(used, h)
				return h.At
			}
		}
		return time.Time{}
	}
	var asked []Fact
	for _, f := range r.Facts {
		if f.Moment == Requested && f.Stage == x.Code {
			asked = append(asked, f)
		}
	}
	if len(asked) == 0 {
		return []Owed{r.end(Owed{Code: x.Code, Article: x.Article, State: NotYet, Strict: true})}
	}
	if x.Every.Zero() {
		for _, f := range asked {
			add(f, x.Within, next(f.At))
		}
		return out
	}
	last := asked[len(asked)-1]
	for n := 1; ; n++ {
		p := x.Every
		p.Elapsed, p.Days, p.Months, p.WorkingDays = p.Elapsed*time.Duration(n), p.Days*n, p.Months*n, p.WorkingDays*n
		met := next(last.At)
		if done := r.at[Handled]; met.IsZero() && n > 1 && !done.IsZero() {
			return out
		}
		add(last, p, met)
		if met.IsZero() {
			return out
		}
	}
}

// end applies what stops, waives, shortens or suspends.
func (r *reckoning) end(o Owed) Owed {
	if o.State == Met || o.State == NotOwed {
		return o
	}
	switch {
	case r.Waived[o.Key()]:
		o.State = Waived
	case r.stop != "" && !o.Team:
		o.State, o.Why = Stopped, string(r.stop)
	case r.shortcut && !o.Team && !slices.Contains(r.Shortcut.Only, o.Code):
		o.State, o.Why = NotOwed, "shortcut"
	case o.State == Running && o.stands:
		o.State = Paused
	}
	return o
}
