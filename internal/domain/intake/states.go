package intake

import (
	"context"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const (
	verbStates = "intake.states"
	mostStates = 40
)

// NameStates says which other states are affected, by their two letters, "EU" for the Union's bodies: the whole list, in place of the one before. Where
// the law says that each is told, each is owed from when it was named, with a clock of its own (NIS2 Art. 23(6)). Only the team reads the list. The actor
// needs access.Triage. Refused: Invalid with all problems, NotFound.
func (s *Service) NameStates(ctx context.Context, by access.Actor, obligation string, states []string, why string) (Obligation, error) {
	var p errs.Problems
	var list []string
	for _, x := range states {
		x = strings.ToUpper(strings.TrimSpace(x))
		switch {
		case x == "":
		case len(x) != 2 || strings.Trim(x, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || x == strings.ToUpper(s.Country):
			p.Add("states", "error.states")
		case !slices.Contains(list, x):
			list = append(list, x)
		}
	}
	if len(list) > mostStates {
		p.Add("states", "error.too_many", "most", mostStates)
	}
	return s.fact(ctx, by, obligation, why, p, func(ctx context.Context, tx *db.Tx, r *row, o *Obligation) (audit.Entry, error) {
		now := s.Clock.Now()
		var was []string
		for _, f := range o.Facts {
			if f.Kind != OfState || !f.EndedAt.IsZero() {
				continue
			}
			was = append(was, f.Code)
			if slices.Contains(list, f.Code) {
				continue
			}
			if _, err := tx.Exec(ctx, `UPDATE intake_fact SET ended_at = $2 WHERE uid = $1`, f.UID, now); err != nil {
				return audit.Entry{}, err
			}
		}
		for _, x := range list {
			if slices.Contains(was, x) {
				continue
			}
			if err := s.say(ctx, tx, by, o, Fact{Kind: OfState, Code: x, At: now, Note: strings.TrimSpace(why)}, 0); err != nil {
				return audit.Entry{}, err
			}
		}
		slices.Sort(was)
		slices.Sort(list)
		return audit.Entry{Verb: verbStates, Changes: []audit.Change{{Field: "states", From: strings.Join(was, " "), To: strings.Join(list, " ")}}}, nil
	})
}

// States lists the affected states that are named, sorted.
func (o Obligation) States() []string {
	var out []string
	for _, f := range o.Facts {
		if f.Kind == OfState && f.EndedAt.IsZero() {
			out = append(out, f.Code)
		}
	}
	slices.Sort(out)
	return out
}

// EachState tells whether the law says that each affected state is told.
func (o Obligation) EachState() bool {
	return slices.ContainsFunc(o.Set.Recipients, func(x law.Recipient) bool { return x.Each })
}

// WeOwe tells whether we owe something of that key.
func (o Obligation) WeOwe(key string) bool {
	x, ok := o.Find(key)
	return ok && x.Team
}

// outwardKey is a key without its state: a round of digits stays.
func outwardKey(key string) string {
	if base, of, ok := strings.Cut(key, "."); ok && strings.Trim(of, "0123456789") != "" {
		return base
	}
	return key
}

// outward is what a reader outside the team is shown: neither reasons, nor who of us said what, nor which states are affected.
func (o Obligation) outward() Obligation {
	var facts []Fact
	for _, f := range o.Facts {
		if f.Kind == OfState {
			continue
		}
		f.Note, f.SaidBy, f.Code = "", 0, outwardKey(f.Code)
		facts = append(facts, f)
	}
	var owed []law.Owed
	for _, x := range o.Owed {
		if x.Of == "" {
			owed = append(owed, x)
			continue
		}
		x.Of = ""
		i := slices.IndexFunc(owed, func(y law.Owed) bool { return y.Team && y.Code == x.Code })
		switch {
		case i < 0:
			owed = append(owed, x)
		case x.State == law.Running: // not to each yet
			owed[i] = x
		}
	}
	o.Facts, o.Owed = facts, owed
	return o
}
