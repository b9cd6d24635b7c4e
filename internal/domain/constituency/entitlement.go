package constituency

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// The services that entitlements speak of.
var services = []string{"incident_response", "coordination", "alerts", "vulnerability", "advice", "audit", "training"}

var levels = []string{"full", "advice", "pointer", "none"}

// defaults is what a community is entitled to until the team writes a table of its own: what everybody shares is alerts; people come to
// whom the country depends on.
var defaults = []struct {
	community string
	full      int           // how many of the services, in their order, are given in full
	rest      string        // the level of those after
	first     time.Duration // first answer of a person in incident response
	priority  int
}{
	{"critical_infrastructure", 7, "full", time.Hour, 1},
	{"essential_services", 6, "advice", 2 * time.Hour, 2},
	{"public_administration", 7, "full", 4 * time.Hour, 3},
	{"essential_public_services", 6, "advice", 4 * time.Hour, 3},
	{"digital_service_providers", 4, "advice", 8 * time.Hour, 4},
	{"businesses", 0, "advice", 24 * time.Hour, 5},
	{"general_public", 0, "pointer", 0, 7},
	{"national_cyberspace", 0, "pointer", 0, 8},
}

// grounds are the laws on which services stand for whom NIS2 names (Directive (EU) 2022/2555).
var grounds = map[string]string{
	"incident_response": "NIS2 Art. 11(3)(d)", "coordination": "NIS2 Art. 11(3)(d)", "alerts": "NIS2 Art. 11(3)(b)", "vulnerability": "NIS2 Art. 12(1)",
}

// underLaw are the communities that NIS2 names.
var underLaw = []string{"critical_infrastructure", "essential_services", "public_administration", "essential_public_services", "digital_service_providers"}

// Services lists the services that entitlements speak of.
func Services() []string { return slices.Clone(services) }

// Levels lists how much of a service may be given, most first.
func Levels() []string { return slices.Clone(levels) }

// DefaultEntitlements is the table of the program, in force where the team wrote nothing else.
func DefaultEntitlements() []Entitlement { return defaultRows() }

// VerbEntitlements is the verb under which the record has a change of the table.
const VerbEntitlements = "constituency.set_entitlements"

func defaultRows() []Entitlement {
	var out []Entitlement
	for _, d := range defaults {
		for i, svc := range services {
			e := Entitlement{Community: d.community, Service: svc, Level: d.rest, Priority: d.priority, FirstAnswer: d.first}
			if i < d.full || svc == "alerts" {
				e.Level = "full"
			}
			if slices.Contains(underLaw, d.community) {
				e.Ground = grounds[svc]
			}
			out = append(out, e)
		}
	}
	return out
}

// Entitlements lists the whole table: what the program brings, where the team wrote nothing else, in the order of the communities.
func (s *Service) Entitlements(ctx context.Context, h db.Handle) ([]Entitlement, error) {
	own, err := db.All(ctx, h, func(r *db.Rows) (Entitlement, error) {
		var e Entitlement
		var seconds int64
		var pointers string
		err := r.Scan(&e.Community, &e.Service, &e.Level, &seconds, &e.Priority, &e.Ground, &pointers)
		e.FirstAnswer = time.Duration(seconds) * time.Second
		if err == nil && pointers != "" {
			err = json.Unmarshal([]byte(pointers), &e.Pointers)
		}
		return e, err
	}, `SELECT community, service, level, first_answer, priority, ground, pointers FROM constituency_entitlement ORDER BY community, service`)
	if err != nil {
		return nil, err
	}
	out := defaultRows()
	for _, e := range own {
		i := slices.IndexFunc(out, func(x Entitlement) bool { return x.Community == e.Community && x.Service == e.Service })
		if i < 0 {
			out = append(out, e)
		} else {
			out[i] = e
		}
	}
	return out, nil
}

// Communities lists the codes of the communities, those of the program first.
func (s *Service) Communities(ctx context.Context, h db.Handle) ([]string, error) {
	return s.communities(ctx, h)
}

func (s *Service) communities(ctx context.Context, h db.Handle) ([]string, error) {
	all, err := s.Entitlements(ctx, h)
	var out []string
	for _, e := range all {
		if !slices.Contains(out, e.Community) {
			out = append(out, e.Community)
		}
	}
	return out, err
}

// Entitlement gives what an organisation's communities are entitled to for a service, the best of them: the highest level, then the
// highest priority, then the earliest answer. Without a community it is that of the general public.
func (s *Service) Entitlement(ctx context.Context, h db.Handle, communities []string, service string) (Entitlement, error) {
	all, err := s.Entitlements(ctx, h)
	return bestOf(all, communities, service), err
}

// EntitledTo is Entitlement for each service, in their order.
func (s *Service) EntitledTo(ctx context.Context, h db.Handle, communities []string) ([]Entitlement, error) {
	all, err := s.Entitlements(ctx, h)
	var out []Entitlement
	for _, svc := range services {
		out = append(out, bestOf(all, communities, svc))
	}
	return out, err
}

func bestOf(all []Entitlement, communities []string, service string) Entitlement {
	if len(communities) == 0 {
		communities = []string{"general_public"}
	}
	var mine []Entitlement
	for _, e := range all {
		if e.Service == service && slices.Contains(communities, e.Community) {
			mine = append(mine, e)
		}
	}
	if len(mine) == 0 {
		return Entitlement{Service: service, Level: "none", Priority: 9}
	}
	best := func(d time.Duration) time.Duration {
		if d == 0 {
			return 1 << 62
		}
		return d
	}
	return slices.MinFunc(mine, func(a, b Entitlement) int {
		return cmp.Or(cmp.Compare(slices.Index(levels, a.Level), slices.Index(levels, b.Level)), cmp.Compare(a.Priority, b.Priority),
			cmp.Compare(best(a.FirstAnswer), best(b.FirstAnswer)))
	})
}

// SetEntitlements replaces what the team wrote about a community; no rows give it back to the table of the program. A community that the
// program does not know comes into being with its first row. It needs ChangeRules.
func (s *Service) SetEntitlements(ctx context.Context, by access.Actor, community string, rows []Entitlement) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := by.Need(access.ChangeRules); err != nil {
			return err
		}
		var p errs.Problems
		community = code(&p, "community", community)
		if community == "" {
			p.Add("community", "error.required")
		}
		seen := map[string]bool{}
		var list []audit.Change
		for i, e := range rows {
			rows[i].Ground = text(&p, "ground", e.Ground, maxGround, false)
			rows[i].Pointers = pointers(&p, e.Pointers)
			switch {
			case !slices.Contains(services, e.Service) || seen[e.Service]:
				p.Add("service", "error.choice")
			case !slices.Contains(levels, e.Level):
				p.Add("level", "error.choice")
			case e.Priority < 1 || e.Priority > 9:
				p.Add("priority", "error.range", "least", 1, "most", 9)
			case e.FirstAnswer < 0 || e.FirstAnswer > 30*24*time.Hour || e.FirstAnswer%time.Second != 0:
				p.Add("first_answer", "error.range", "least", 0, "most", 30)
			}
			seen[e.Service] = true
			list = append(list, audit.Change{Field: e.Service, To: e.Level})
		}
		if err := p.Err(); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM constituency_entitlement WHERE community = $1`, community); err != nil {
			return err
		}
		for _, e := range rows {
			said := ""
			if len(e.Pointers) > 0 {
				raw, err := json.Marshal(e.Pointers)
				if err != nil {
					return err
				}
				said = string(raw)
			}
			if _, err := tx.Exec(ctx, `INSERT INTO constituency_entitlement (community, service, level, first_answer, priority, ground, pointers) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				community, e.Service, e.Level, int64(e.FirstAnswer/time.Second), int64(e.Priority), e.Ground, said); err != nil {
				return err
			}
		}
		err := s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: VerbEntitlements, On: ref.Ref{}, Changes: append([]audit.Change{{Field: "community", To: community}}, list...)})
		return err
	})
}

// Limits of what the team writes about a row.
const (
	maxGround  = 200
	maxPointer = 2000
)

// pointers keeps what was written, by language; a language without words falls back on English, so English is needed with any other.
func pointers(p *errs.Problems, in map[string]string) map[string]string {
	out := map[string]string{}
	for l, words := range in {
		words = strings.TrimSpace(strings.ReplaceAll(words, "\r\n", "\n"))
		switch {
		case !slices.Contains(langs, l):
			p.Add("pointer", "error.choice")
		case utf8.RuneCountInString(words) > maxPointer:
			p.Add("pointer_"+l, "error.too_long", "most", maxPointer)
		case !utf8.ValidString(words) || strings.ContainsRune(words, 0):
			p.Add("pointer_"+l, "error.characters")
		case words != "":
			out[l] = words
		}
	}
	if len(out) > 0 && out["en"] == "" {
		p.Add("pointer_en", "error.required")
	}
	return out
}
