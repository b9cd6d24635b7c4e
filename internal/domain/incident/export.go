package incident

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Case is a whole incident as it is taken out of the house.
type Case struct {
	Incident Incident
	TLP      tlp.Level // the strictest of the incident and of all that is in the case
	Entries  []Entry
	Tasks    []Task
	Clocks   []deadline.Clock
	Reports  []intake.Report
	Parties  []coordination.Row
	Messages map[int64][]correspondence.Message // by thread, of reports and parties
	Targets  []Target

	Calls      []coordination.Call
	Situations []coordination.Situation

	Log []audit.Row
}

// Target is something that is to be ended, with what became of it and who was asked.
type Target struct {
	takedown.Target
	History []takedown.Change
	Asked   []takedown.Proposal
}

// exported is how many entries of the record a case holds at most.
const exported = 10_000

// Export gives everything that the actor may read of an incident and records that it was taken out. It needs access.Export; what one may not
// see is not found. It asks for a fresh proof.
func (s *Service) Export(ctx context.Context, by access.Actor, incident, format string) (Case, error) {
	var c Case
	if err := by.Need(access.Export); err != nil {
		return c, err
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return c, err
	}
	in, err := s.Get(ctx, s.DB, by, incident)
	if err != nil {
		return c, err
	}
	c.Incident, c.TLP = in, in.TLP
	if c.Entries, err = s.Entries(ctx, s.DB, by, in.UID); err != nil {
		return c, err
	}
	if c.Tasks, err = s.Tasks(ctx, s.DB, by, in.UID); err != nil {
		return c, err
	}
	clocks, err := s.Deadlines.Under(ctx, s.DB, in.Ref.ID)
	if err != nil {
		return c, err
	}
	c.Clocks = clocks[in.Ref.ID]
	if c.Reports, err = s.Intake.ReportsIn(ctx, s.DB, by, in.Ref.ID); err != nil {
		return c, err
	}
	var threads []int64
	for _, r := range c.Reports {
		threads = append(threads, r.Thread)
		c.TLP = tlp.Max(c.TLP, r.TLP)
	}
	if c.Parties, err = s.Coordination.Matrix(ctx, by, in.UID); err != nil {
		return c, err
	}
	for _, p := range c.Parties {
		threads = append(threads, p.Party.Thread)
		c.TLP = tlp.Max(c.TLP, p.Party.TLP)
	}
	messages, err := s.Correspondence.Messages(ctx, s.DB, by, threads...)
	if err != nil {
		return c, err
	}
	c.Messages = map[int64][]correspondence.Message{}
	for _, m := range messages {
		c.Messages[m.Thread] = append(c.Messages[m.Thread], m)
		c.TLP = tlp.Max(c.TLP, m.TLP)
	}
	if c.Targets, err = s.targets(ctx, by, in.UID); err != nil {
		return c, err
	}
	if c.Calls, err = s.Coordination.Calls(ctx, by, in.UID); err != nil {
		return c, err
	}
	for _, x := range c.Calls {
		c.TLP = tlp.Max(c.TLP, x.TLP)
	}
	if c.Situations, err = s.Coordination.Situations(ctx, by, in.UID); err != nil {
		return c, err
	}
	if c.Log, err = s.Audit.About(ctx, s.DB, in.Ref.ID, 0, exported); err != nil {
		return c, err
	}
	now := s.Clock.Now()
	return c, s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		err := s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "incident.export", On: in.Ref, Changes: []audit.Change{{Field: "format", To: format}, {Field: "tlp", To: c.TLP.String()}}})
		return err
	})
}

func (s *Service) targets(ctx context.Context, by access.Actor, incident string) ([]Target, error) {
	if s.Takedown == nil {
		return nil, nil
	}
	list, err := s.Takedown.Targets(ctx, by, takedown.Filter{Incident: incident, All: true, Limit: takedown.MostTargets})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	asked, err := s.Takedown.Proposals(ctx, by, incident)
	if err != nil {
		return nil, err
	}
	history, err := s.Takedown.Histories(ctx, by, incident)
	if err != nil {
		return nil, err
	}
	out := make([]Target, len(list))
	for i, t := range list {
		out[len(list)-1-i] = Target{t, history[t.ID], asked[t.ID]}
	}
	return out, nil
}
