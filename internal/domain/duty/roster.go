package duty

import (
	"cmp"
	"slices"
	"time"
)

// Every says how long a shift is.
type Every string

// The patterns.
const (
	Daily  Every = "daily"
	Weekly Every = "weekly"
)

// Rotation is who follows whom. It counts from FirstDay until a later rotation begins.
type Rotation struct {
	ID       int64
	UID      string
	Every    Every
	FirstDay string  // local date of the first hand-over, "2026-11-23"; a weekly one begins on its day of the week
	Minute   int     // of the local day at which shifts change, 0 to 1439
	People   []int64 // accounts, in their order
}

// Change is a time that somebody takes over, or is away.
type Change struct {
	ID      int64
	UID     string
	Away    bool
	Account int64
	From    time.Time
	Till    time.Time
}

// Shift is a time with one person on duty, 0 when there is nobody.
type Shift struct {
	From, Till time.Time
	Account    int64
	Taken      bool  // taken over from whom the rotation names
	Named      int64 // whom the rotation names
}

// Roster says who is on duty when. It is pure: rotations and changes as they are stored, and the zone in which days begin.
type Roster struct {
	Rotations []Rotation // by first day, then by age
	Changes   []Change
	Zone      *time.Location
}

// begins gives the moment of the n-th hand-over of a rotation, counted in local days: a shift across the change of the clocks is an hour shorter or
// longer. An hour that does not exist moves on, one that is there twice is the first.
func (r Rotation) begins(zone *time.Location, n int) time.Time {
	day, err := time.Parse(time.DateOnly, r.FirstDay)
	if err != nil {
		return time.Time{}
	}
	if r.Every == Weekly {
		n *= 7
	}
	return time.Date(day.Year(), day.Month(), day.Day()+n, r.Minute/60, r.Minute%60, 0, 0, zone)
}

// at gives which shift of a rotation a moment is in: -1 before the first.
func (r Rotation) at(zone *time.Location, t time.Time) int {
	first := r.begins(zone, 0)
	if t.Before(first) || first.IsZero() {
		return -1
	}
	days := 1
	if r.Every == Weekly {
		days = 7
	}
	n := int(t.Sub(first).Hours()/24) / days
	for n > 0 && r.begins(zone, n).After(t) {
		n--
	}
	for !r.begins(zone, n+1).After(t) {
		n++
	}
	return n
}

// inForce gives the rotation that counts at a moment: the latest that has begun.
func (o Roster) inForce(t time.Time) (Rotation, int, bool) {
	for i := len(o.Rotations) - 1; i >= 0; i-- {
		if n := o.Rotations[i].at(o.Zone, t); n >= 0 && len(o.Rotations[i].People) > 0 {
			return o.Rotations[i], n, true
		}
	}
	return Rotation{}, 0, false
}

func (c Change) covers(t time.Time) bool { return !t.Before(c.From) && t.Before(c.Till) }

func (o Roster) away(account int64, t time.Time) bool {
	return slices.ContainsFunc(o.Changes, func(c Change) bool { return c.Away && c.Account == account && c.covers(t) })
}

// At gives who is on duty at a moment and whom the rotation names, 0 for nobody: who took the time over last, else whose turn it is, else the next of the
// rotation who is there.
func (o Roster) At(t time.Time) (account, named int64) {
	r, n, ok := o.inForce(t)
	if ok {
		named = r.People[n%len(r.People)]
	}
	for i := len(o.Changes) - 1; i >= 0; i-- {
		if c := o.Changes[i]; !c.Away && c.covers(t) && !o.away(c.Account, t) {
			return c.Account, named
		}
	}
	if !ok {
		return 0, 0
	}
	for i := range r.People {
		if who := r.People[(n+i)%len(r.People)]; !o.away(who, t) {
			return who, named
		}
	}
	return 0, named
}

// Shifts gives the shifts that touch a time, in their order; each ends where somebody else begins or the rotation changes hands.
func (o Roster) Shifts(from, till time.Time) []Shift {
	edges := []time.Time{from, till}
	add := func(t time.Time) {
		if t.After(from) && t.Before(till) {
			edges = append(edges, t)
		}
	}
	for _, r := range o.Rotations {
		first := r.begins(o.Zone, 0)
		if first.IsZero() || !first.Before(till) {
			continue
		}
		for n := max(0, r.at(o.Zone, from)); ; n++ {
			t := r.begins(o.Zone, n)
			if !t.Before(till) {
				break
			}
			add(t)
		}
	}
	for _, c := range o.Changes {
		add(c.From)
		add(c.Till)
	}
	slices.SortFunc(edges, time.Time.Compare)
	edges = slices.CompactFunc(edges, time.Time.Equal)
	var out []Shift
	for i := 0; i+1 < len(edges); i++ {
		who, named := o.At(edges[i])
		s := Shift{From: edges[i], Till: edges[i+1], Account: who, Named: named, Taken: who != 0 && who != named}
		if n := len(out); n > 0 && out[n-1].Account == who && out[n-1].Named == named && who != 0 && !o.changesHands(edges[i]) {
			out[n-1].Till = s.Till
			continue
		}
		out = append(out, s)
	}
	return out
}

// changesHands tells whether a shift of the rotation in force begins at a moment.
func (o Roster) changesHands(t time.Time) bool {
	r, n, ok := o.inForce(t)
	return ok && r.begins(o.Zone, n).Equal(t)
}

// span is how far a shift is looked for: longer than any.
const span = 15 * 24 * time.Hour

// Now gives the shift at a moment, whole, and the one after it with somebody else in it. Who is on duty for ever has a shift as long as we look.
func (o Roster) Now(t time.Time) (now, next Shift) {
	all := o.Shifts(t.Add(-span), t.Add(span))
	i := slices.IndexFunc(all, func(s Shift) bool { return !t.Before(s.From) && t.Before(s.Till) })
	if i < 0 {
		return Shift{}, Shift{}
	}
	now = all[i]
	for _, s := range all[i+1:] {
		if s.Account != 0 {
			return now, s
		}
	}
	return now, Shift{}
}

// Order gives whom to page at a moment, one after the other: who is on duty, then those who come next, each once.
func (o Roster) Order(t time.Time) []int64 {
	var out []int64
	add := func(who int64) {
		if who != 0 && !slices.Contains(out, who) && !o.away(who, t) {
			out = append(out, who)
		}
	}
	who, _ := o.At(t)
	add(who)
	if r, n, ok := o.inForce(t); ok {
		for i := range r.People {
			add(r.People[(n+i)%len(r.People)])
		}
	}
	return out
}

func byStart(a, b Rotation) int {
	return cmp.Or(cmp.Compare(a.FirstDay, b.FirstDay), cmp.Compare(a.ID, b.ID))
}
