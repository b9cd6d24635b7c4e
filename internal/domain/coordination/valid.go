package coordination

import (
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// The clocks of a measure that is done: until it runs out, and until we check it again.
const (
	ValidClock = "measure_valid"
	CheckClock = "measure_check"
)

// mostValidDays is for how long a measure may hold.
const mostValidDays = 5 * 365

// askedAgainDue is how long a party has to say whether a measure that ran out still holds.
const askedAgainDue = 7 * 24 * time.Hour

// Lapsed tells whether the measure was done and ran out: the party may say that it holds again.
func (m Measure) Lapsed() bool { return m.State == Expired && !m.DoneAt.IsZero() }

// Ways are the moves that the measure can make.
func (m Measure) Ways() []MeasureState {
	if m.Lapsed() {
		return []MeasureState{Done, Planned, Declined}
	}
	return MeasureMoves[m.State]
}

// PartyWays are those of them that the party may make itself.
func (m Measure) PartyWays() []MeasureState {
	if m.State == Done || m.State == Verified {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(m.Ways()), func(to MeasureState) bool { return to == Expired || to == Recalled || to == Verified })
}

// followValidity lets the clocks of a measure that is done follow its state.
func (s *Service) followValidity(ctx context.Context, tx *db.Tx, by access.Actor, m Measure) error {
	if m.ValidDays == 0 && m.CheckDays == 0 {
		return nil
	}
	for _, c := range []struct {
		kind, side string
		at         time.Time
	}{{ValidClock, deadline.Them, m.ValidUntil}, {CheckClock, deadline.Us, m.CheckAt}} {
		if err := s.Deadlines.StopTx(ctx, tx, by, m.Ref, c.kind, string(m.State)); err != nil {
			return err
		}
		if c.at.IsZero() {
			continue
		}
		// For the team alone: the party reads the day on its measure.
		if _, err := s.Deadlines.StartTx(ctx, tx, by, deadline.Clock{About: m.Ref, Under: m.Subject, Kind: c.kind, OwedBy: c.side, DueAt: later(c.at, s.Clock.Now())}); err != nil {
			return err
		}
	}
	return nil
}

// last sets until when a measure holds in its state, and when it is checked.
func (m *Measure) last(now time.Time) {
	days := func(n int) time.Time {
		if n == 0 {
			return time.Time{}
		}
		return now.AddDate(0, 0, n)
	}
	switch m.State {
	case Done:
		m.ValidUntil, m.CheckAt = days(m.ValidDays), time.Time{}
	case Verified:
		m.CheckAt = days(m.CheckDays) // what we saw lasts no longer by itself
	default:
		m.CheckAt = time.Time{}
		if m.State != Expired {
			m.ValidUntil = time.Time{}
		}
	}
}

// stillDone reads the measure that a clock is about, under its lock; false when it stands otherwise by now.
func (s *Service) stillDone(ctx context.Context, tx *db.Tx, c deadline.Clock) (m Measure, p Party, ok bool, err error) {
	if _, err = access.Locked(ctx, tx, c.About.ID); err != nil {
		return m, p, false, err
	}
	m, err = db.One(ctx, tx, s.scanMeasure, `SELECT `+measureColumns+` FROM object o`+measureTables+` WHERE o.id = $1`, c.About.ID)
	if err != nil || m.State != Done && m.State != Verified {
		return m, p, false, err
	}
	p, err = s.loadParty(ctx, tx, m.Party)
	return m, p, err == nil && p.WithdrawnAt.IsZero(), err
}

// ranOut expires a measure, asks the party whether it still holds, and leaves it to our people. Once: the clock is marked in the same transaction.
func (s *Service) ranOut(ctx context.Context, tx *db.Tx, c deadline.Clock, escalate bool) error {
	if !escalate {
		return nil
	}
	m, p, ok, err := s.stillDone(ctx, tx, c)
	if err != nil || !ok || m.ValidUntil.IsZero() || m.ValidUntil.After(s.Clock.Now()) {
		return err
	}
	by := access.System("clocks")
	if err := s.move(ctx, tx, by, p, &m, MoveInput{To: Expired}, nil); err != nil {
		return err
	}
	if rests, err := s.rests(ctx, tx, p.Subject); err != nil || rests {
		return err
	}
	if !p.Sealed { // no program writes of what is sealed
		if err := s.askAgain(ctx, tx, by, p, m); err != nil {
			return err
		}
	}
	return s.leaveTask(ctx, tx, p, TaskExpired)
}

// askAgain asks the party by a short letter whether a measure still holds. Where no road is open the task alone is left.
func (s *Service) askAgain(ctx context.Context, tx *db.Tx, by access.Actor, p Party, m Measure) error {
	o, err := access.Load(ctx, tx, by, p.Subject)
	if err != nil {
		return err
	}
	threads, err := s.Correspondence.Threads(ctx, tx, p.Thread)
	if err != nil {
		return err
	}
	t := threads[p.Thread]
	words := s.printer(t.Correspondent.Lang)
	g := Give{DueAt: s.Clock.Now().Add(askedAgainDue), Text: words.T("mail.again.text", "title", m.Title), Request: words.T("mail.again.request"), Looked: true, outside: true}
	w, err := s.writing(ctx, tx, o, g, id.NewCode)
	if err != nil {
		return err
	}
	one, err := w.parcel(ctx, g, p, t, newWatch(nil))
	if err != nil || one.Road.Road == egress.Refused {
		return err
	}
	one.out.ByRule, one.out.Worded = true, true
	_, err = s.put(ctx, tx, by, g, []parcel{one}, s.Correspondence.SendManyTx)
	return err
}

// checkDue leaves it to our people to check a verified measure again.
func (s *Service) checkDue(ctx context.Context, tx *db.Tx, c deadline.Clock, escalate bool) error {
	if !escalate {
		return nil
	}
	m, p, ok, err := s.stillDone(ctx, tx, c)
	if err != nil || !ok || m.State != Verified {
		return err
	}
	if rests, err := s.rests(ctx, tx, p.Subject); err != nil || rests {
		return err
	}
	return s.leaveTask(ctx, tx, p, TaskCheck)
}

// checkValidity finds what is wrong with the days of a Give.
func (g Give) checkValidity(p *errs.Problems) {
	for _, x := range []struct {
		field string
		days  int
	}{{"valid_days", g.ValidDays}, {"check_days", g.CheckDays}} {
		if x.days < 0 || x.days > mostValidDays {
			p.Add(x.field, "error.range", "least", 0, "most", mostValidDays)
		}
	}
}
