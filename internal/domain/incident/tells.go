package incident

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/abuse"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

const (
	mostReports = 200 // whose names are taken, of a case
	mostOthers  = 10  // incidents elsewhere whose parties are named
)

// Tells gives where an incident names things: its reports and its timeline, but for what is a note. Elsewhere it gives the reports that tell of the same and the
// incidents that they belong to. All of it is what the actor may read: what else there is changes neither what is given nor its order (rule A10).
func (s *Service) Tells(ctx context.Context, by access.Actor, subject access.Object, elsewhere bool) ([]coordination.Naming, error) {
	reports, err := s.Intake.ReportsIn(ctx, s.DB, by, subject.Ref.ID)
	if err != nil {
		return nil, err
	}
	if elsewhere {
		return s.tellsElsewhere(ctx, by, subject, reports)
	}
	var out []coordination.Naming
	for _, r := range reports[:min(len(reports), mostReports)] {
		if x, ok := s.tellingOf(r); ok {
			out = append(out, x)
		}
	}
	entries, err := s.Entries(ctx, s.DB, by, subject.UID)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Withdrawn || e.Kind == Note { // a note never leaves the team
			continue
		}
		names, more := mail.Named(e.Text, coordination.MostNamed)
		x := coordination.Naming{Where: coordination.WhereEntry, More: more}
		for _, n := range names {
			named := coordination.Named{What: n, Around: e.HappenedAt}
			if e.Kind == AttackEvent {
				named.At = e.HappenedAt
			}
			x.Names = append(x.Names, named)
		}
		if len(x.Names) > 0 {
			out = append(out, x)
		}
	}
	return out, nil
}

// tellsElsewhere gives the reports that tell of the same as those of an incident, with what they name and who told it, and who is hit in their incidents.
func (s *Service) tellsElsewhere(ctx context.Context, by access.Actor, subject access.Object, reports []intake.Report) ([]coordination.Naming, error) {
	alike, err := s.Intake.AlikeTo(ctx, by, reports)
	if err != nil {
		return nil, err
	}
	var out []coordination.Naming
	same, ids := map[int64]string{}, []int64{} // by what an incident is alike
	for _, a := range alike {
		x, names := s.tellingOf(a.Report)
		x.Same = a.Why.Key()
		if a.Report.Organisation != 0 {
			x.Told = []int64{a.Report.Organisation}
		}
		if names || len(x.Told) > 0 {
			out = append(out, x)
		}
		for _, in := range a.Report.Incidents {
			if in.ID != subject.Ref.ID && same[in.ID] == "" {
				same[in.ID] = x.Same
				ids = append(ids, in.ID)
			}
		}
	}
	seen, err := s.ByID(ctx, s.DB, by, ids...)
	if err != nil {
		return nil, err
	}
	var others []ref.Ref
	for _, n := range ids {
		if _, ok := seen[n]; ok && len(others) < mostOthers {
			others = append(others, ref.Ref{Kind: ref.Incident, ID: n})
		}
	}
	parties, err := s.Coordination.PartiesOf(ctx, s.DB, by, others...)
	if err != nil {
		return nil, err
	}
	hit := map[int64][]int64{} // organisations, by incident
	for _, p := range parties {
		if p.Organisation != 0 && p.WithdrawnAt.IsZero() && (p.Role == coordination.Affected || p.Role == coordination.Reporter) {
			hit[p.Subject.ID] = append(hit[p.Subject.ID], p.Organisation)
		}
	}
	for _, o := range others {
		if len(hit[o.ID]) > 0 {
			out = append(out, coordination.Naming{From: seen[o.ID].Number, Where: coordination.WhereReport, Same: same[o.ID], Told: hit[o.ID]})
		}
	}
	return out, nil
}

// tellingOf reads what a report names: what stands in fields first, then its text, but for the house of who wrote it and ours, which stand under every mail.
func (s *Service) tellingOf(r intake.Report) (coordination.Naming, bool) {
	x := coordination.Naming{From: r.Reference, Where: coordination.WhereReport, Claimed: !r.Proof.Proved(), Thread: r.Thread, Label: r.TLP}
	if r.Destroyed || r.Withheld {
		return x, false
	}
	around := r.OccurredAt
	if around.IsZero() {
		around = r.ReceivedAt
	}
	there := map[string]bool{}
	add := func(text string, at time.Time, own []string) {
		names, more := mail.Named(text, coordination.MostNamed)
		x.More = x.More || more
		for _, n := range names {
			switch {
			case there[n] || standsUnder(n, own):
			case len(x.Names) == coordination.MostNamed:
				x.More = true
				return
			default:
				there[n] = true
				named := coordination.Named{What: n, At: at, Around: around}
				if !at.IsZero() {
					named.Around = at
				}
				x.Names = append(x.Names, named)
			}
		}
	}
	if said := r.Body.Reported; said != nil {
		for _, e := range said.Events {
			at := intake.Believed(e.At, s.Clock.Now())
			for _, list := range [][]abuse.Source{e.Sources, e.Targets} {
				for _, src := range list {
					if src.Addr.IsValid() {
						add(src.Addr.String(), at, nil)
					}
					add(src.Domain, at, nil)
					add(src.URL, at, nil)
				}
			}
		}
	}
	for _, o := range r.Body.Observables {
		add(o.Value, time.Time{}, nil)
	}
	add(r.Body.Summary+"\n"+r.Body.Description, time.Time{}, s.houses(r.Body.Email))
	return x, len(x.Names) > 0
}

// houses are the domains of who wrote a report, and of the team.
func (s *Service) houses(sender string) []string {
	var out []string
	for _, address := range []string{sender, s.Correspondence.Team.Address} {
		if _, host, ok := strings.Cut(strings.ToLower(address), "@"); ok && host != "" {
			out = append(out, host)
		}
	}
	if u, err := url.Parse(s.Correspondence.Team.URL); err == nil && u.Hostname() != "" {
		out = append(out, strings.ToLower(u.Hostname()))
	}
	return out
}

// standsUnder tells whether a thing is within one of some domains.
func standsUnder(what string, domains []string) bool {
	host := what
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host, _, _ = strings.Cut(rest, "/")
	}
	if _, rest, ok := strings.Cut(host, "@"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, ":")
	return mail.Under(host, domains...)
}
