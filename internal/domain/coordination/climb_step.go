package coordination

import (
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// standing is how far a party came with what it was asked and knows of.
type standing struct {
	owed  int       // requests and measures that are open
	due   time.Time // the earliest of them
	level int       // of the stop conditions: 0 for nothing
}

// standing counts what was shown to the party until a moment.
func (s *Service) standing(ctx context.Context, tx *db.Tx, p Party, shown time.Time) (standing, error) {
	now := s.Clock.Now()
	var o standing
	type open struct {
		measure           bool
		state             string
		asked, due, plans time.Time
	}
	list, err := db.All(ctx, tx, func(r *db.Rows) (x open, err error) {
		return x, r.Scan(&x.measure, &x.state, &x.asked, &x.due, &x.plans)
	}, `SELECT FALSE, state, asked_at, due_at, asked_at FROM coordination_request WHERE party = $1 AND open = TRUE AND shown_at <= $2
		UNION ALL SELECT TRUE, state, given_at, due_at, planned_for FROM coordination_measure WHERE party = $1 AND open = TRUE AND shown_at <= $2`, p.Ref.ID, shown)
	if err != nil {
		return o, err
	}
	if o.owed = len(list); o.owed == 0 {
		o.level = StopDone.level()
		return o, nil
	}
	var asked time.Time
	planned := true
	for _, x := range list {
		due := x.due
		if x.measure {
			due = later(due, x.plans)
		}
		o.due, asked = earlier(o.due, due), earlier(asked, x.asked)
		planned = planned && x.measure && MeasureState(x.state) == Planned && x.plans.After(now)
	}
	switch {
	case planned:
		o.level = StopPlanned.level()
		return o, nil
	case p.WordAt.After(asked):
		o.level = StopAnswered.level()
		return o, nil
	}
	seen, err := s.Correspondence.SeenSince(ctx, tx, p.Thread, asked)
	if seen {
		o.level = StopSeen.level()
	}
	return o, err
}

// ladderDue takes the next rung of a party, in the transaction that marks its clock: killed in the middle, it is taken once.
func (s *Service) ladderDue(ctx context.Context, tx *db.Tx, clock deadline.Clock, escalate bool) error {
	if !escalate {
		return nil
	}
	by := access.System("clocks")
	if _, err := access.Locked(ctx, tx, clock.About.ID); err != nil {
		return err
	}
	p, err := s.loadParty(ctx, tx, clock.About.ID)
	if err != nil {
		return err
	}
	c, err := s.climb(ctx, tx, p.Ref.ID)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil || c.State != Climbing || c.NextAt.After(s.Clock.Now()) {
		return err
	}
	return s.takeRung(ctx, tx, by, p, &c)
}

// takeRung writes to the next contact, or asks a person, or leaves rungs out until one can be taken.
func (s *Service) takeRung(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb) error {
	o, err := s.standing(ctx, tx, p, s.Clock.Now())
	if err != nil {
		return err
	}
	if o.owed == 0 {
		return s.endClimb(ctx, tx, by, p, c, EndedDone, "")
	}
	for {
		r, ok := c.Next()
		if !ok {
			return s.top(ctx, tx, by, p, c)
		}
		if o.level >= r.Stop.level() {
			return s.leaveOut(ctx, tx, by, p, c, o.level)
		}
		if r.Asks() || p.Sealed { // no program writes of what is sealed
			return s.askPerson(ctx, tx, by, p, c)
		}
		what, err := s.writeRung(ctx, tx, by, p, *c, r)
		if err != nil {
			return err
		}
		c.Rung++
		if what == StepSent {
			if c.Rung >= len(c.Ladder.Rungs) {
				return s.top(ctx, tx, by, p, c)
			}
			return s.onward(ctx, tx, by, p, c)
		}
	}
}

// leaveOut passes over a rung whose condition is met. When that of all others is met too, the climb is over.
func (s *Service) leaveOut(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb, level int) error {
	if !slices.ContainsFunc(c.Ladder.Rungs[c.Rung:], func(r Rung) bool { return level < r.Stop.level() }) {
		return s.endClimb(ctx, tx, by, p, c, EndedMet, "")
	}
	if err := s.step(ctx, tx, by, p, *c, Step{What: StepMet}); err != nil {
		return err
	}
	c.Rung++
	return s.onward(ctx, tx, by, p, c)
}

// top ends a climb whose last rung was taken, and leaves it to the handler.
func (s *Service) top(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb) error {
	if err := s.endClimb(ctx, tx, by, p, c, EndedTop, ""); err != nil {
		return err
	}
	return s.leaveTask(ctx, tx, p, TaskTop)
}

func (s *Service) leaveTask(ctx context.Context, tx *db.Tx, p Party, what PartyTask) error {
	if s.ForHandler == nil {
		return nil
	}
	return s.ForHandler(ctx, tx, p, what)
}

// askPerson waits until somebody confirms the rung, with a clock of ours.
func (s *Service) askPerson(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb) error {
	if err := s.step(ctx, tx, by, p, *c, Step{What: StepAsks}); err != nil {
		return err
	}
	c.State, c.NextAt = ClimbAsks, time.Time{}
	if err := s.rest(ctx, tx, by, p, c, "asks"); err != nil {
		return err
	}
	now := s.Clock.Now()
	if _, err := s.Deadlines.StartTx(ctx, tx, by, deadline.Clock{About: p.Ref, Under: p.Subject, Kind: ConfirmClock, OwedBy: deadline.Us, StartedAt: now, DueAt: now.Add(confirmWithin)}); err != nil {
		return err
	}
	return s.leaveTask(ctx, tx, p, TaskConfirm)
}

// rungContact chooses the contact of a role to write to: one whose address works, of those the usual first.
func (s *Service) rungContact(ctx context.Context, h db.Handle, p Party, to RungTo) (constituency.Contact, error) {
	if p.Organisation == 0 {
		return constituency.Contact{}, errs.ErrNotFound
	}
	return s.Constituency.WriteToRole(ctx, h, p.Organisation, string(to))
}

// writeRung puts the letter of a rung into the outbox: what is open, with the words of the rung in front. The thread goes on with the contact that it
// reaches. It says what became of it.
func (s *Service) writeRung(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c Climb, r Rung) (StepKind, error) {
	contact, err := s.rungContact(ctx, tx, p, r.To)
	if errs.Is(err, errs.NotFound) {
		return StepNobody, s.step(ctx, tx, by, p, c, Step{What: StepNobody})
	}
	if err != nil {
		return "", err
	}
	threads, err := s.Correspondence.Threads(ctx, tx, p.Thread)
	if err != nil {
		return "", err
	}
	t := threads[p.Thread]
	orgs, err := s.Constituency.ByID(ctx, tx, p.Organisation)
	if err != nil {
		return "", err
	}
	was := t.Correspondent
	t.Correspondent = correspondent(orgs[p.Organisation], contact)
	one, g, err := s.rungLetter(ctx, tx, by, p, t, r, id.NewCode)
	if err != nil {
		return "", err
	}
	if one.Road.Road == egress.Refused {
		return StepNoRoad, s.step(ctx, tx, by, p, c, Step{What: StepNoRoad, Contact: contact.ID})
	}
	if was != t.Correspondent {
		if err := s.Correspondence.AmendTx(ctx, tx, by, p.Thread, t.Correspondent); err != nil {
			return "", err
		}
	}
	one.out.ByRule, one.out.Worded = by.System != "", true
	sent, err := s.put(ctx, tx, by, g, []parcel{one}, s.Correspondence.SendManyTx)
	if err != nil {
		return "", err
	}
	return StepSent, s.step(ctx, tx, by, p, c, Step{What: StepSent, Contact: contact.ID, Message: sent[0].ID})
}

// rungLetter writes the letter of a rung to a party's own contact. It says nothing but what is open, which the party was told before, and the words of the rung.
func (s *Service) rungLetter(ctx context.Context, h db.Handle, by access.Actor, p Party, t correspondence.Thread, r Rung, draw func() id.Secret) (parcel, Give, error) {
	subject, err := access.Load(ctx, h, by, p.Subject)
	if err != nil {
		return parcel{}, Give{}, err
	}
	owed, err := s.owedBy(ctx, h, `r.party = $1`, p.Ref.ID, `party = $1`)
	if err != nil {
		return parcel{}, Give{}, err
	}
	pr := s.printer(t.Correspondent.Lang)
	words := r.Words[string(pr.Lang())]
	if words == "" {
		words = pr.T(rungWords[r.To], "name", "{name}")
	}
	g := Give{Chase: true, Text: words, Looked: true}
	w := &writing{s: s, h: h, subject: subject, advice: map[string][]Advice{}, owed: owed, draw: draw}
	one, err := w.parcel(ctx, g, p, t, newWatch(nil))
	return one, g, err
}

var rungWords = map[RungTo]string{
	ToTechnical: "mail.ladder.technical", ToSecurity: "mail.ladder.security", ToDuty: "mail.ladder.duty", ToManagement: "mail.ladder.management",
	ToProvider: "mail.ladder.provider", ToAuthority: "mail.ladder.authority",
}

// ReturnedTx hears of a letter that came back or was refused for good: the address of its contact is in doubt, and who climbs a ladder has the next rung now.
func (s *Service) ReturnedTx(ctx context.Context, tx *db.Tx, m correspondence.Message) error {
	how := "refused"
	if m.Reason == correspondence.ReasonBounced {
		how = "bounced"
	}
	if err := s.Constituency.AddressFailedTx(ctx, tx, m.Body.To, how); err != nil {
		return err
	}
	p, err := s.PartyOfThread(ctx, tx, m.Thread)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := access.Locked(ctx, tx, p.Ref.ID); err != nil {
		return err
	}
	c, err := s.climb(ctx, tx, p.Ref.ID)
	if errs.Is(err, errs.NotFound) || err == nil && (c.State != Climbing || m.At.Before(c.BeganAt) && c.Rung > 0) {
		return nil
	}
	if err != nil {
		return err
	}
	by := access.System("clocks")
	if err := s.step(ctx, tx, by, p, c, Step{What: StepReturned, Message: m.ID}); err != nil {
		return err
	}
	return s.runUntil(ctx, tx, by, p, &c, s.Clock.Now())
}
