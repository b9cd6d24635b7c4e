package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
)

func (a *API) ladders() {
	on(a, "GET /ladders", a.listLadders)
	on(a, "GET /incidents/{ref}/ladder", a.climbs)
	on(a, "POST /incidents/{ref}/ladder", a.climb)
}

// Ladder says who is written to next when a party stays silent. It is changed on its page, by a person.
type Ladder struct {
	Code       string   `json:"code"`
	Version    int      `json:"version"`
	Name       string   `json:"name,omitempty" doc:"Left out for the one that comes with the program"`
	Severities []string `json:"severities,omitempty" doc:"At which it begins by itself with each letter that asks"`
	Rungs      []Rung   `json:"rungs"`
}

// Rung is one step of a ladder.
type Rung struct {
	To      string `json:"to" enum:"technical,security,duty,management,provider,authority"`
	Hours   int    `json:"hours" doc:"After the step before; of the first, after the answer was due"`
	Working bool   `json:"working,omitempty" doc:"Working hours"`
	Stop    string `json:"stop" enum:"seen,answered,planned,done" doc:"It is left out for a party that came as far"`
	Confirm bool   `json:"confirm,omitempty" doc:"It waits for a person, who confirms it on its page: no token does"`
}

// Climb is where a party stands on a ladder. It is the team's.
type Climb struct {
	Party   string    `json:"party"`
	Name    string    `json:"name"`
	Ladder  string    `json:"ladder"`
	Version int       `json:"version"`
	Rung    int       `json:"rung" doc:"The next one, from 0"`
	To      string    `json:"to,omitempty" doc:"To whom it goes"`
	State   string    `json:"state" enum:"climbing,asks,paused,ended"`
	Why     string    `json:"why,omitempty" doc:"Of one that ended: done, met, top, person, closed, gone"`
	NextAt  time.Time `json:"next_at,omitzero"`
	BeganAt time.Time `json:"began_at"`
}

// ClimbInput is one act on the ladders of parties.
type ClimbInput struct {
	Act     string   `json:"act" enum:"begin,pause,resume,skip,stop"`
	Parties []string `json:"parties"`
	Ladder  string   `json:"ladder,omitempty" doc:"Of begin: a code"`
	Reason  string   `json:"reason,omitempty" doc:"Of pause, skip and stop"`
}

// ClimbDone says for how many parties an act changed something.
type ClimbDone struct {
	Done int `json:"done"`
}

func (a *API) listLadders(ctx context.Context, by access.Actor, _ *IfNoneMatch) (reply[List[Ladder]], error) {
	all, err := a.Coordination.Ladders(ctx, by, false)
	return reply[List[Ladder]]{body: list(mapped(all, func(l coordination.Ladder) Ladder {
		return Ladder{l.Code, l.Version, l.Name, l.Severities, mapped(l.Rungs, func(r coordination.Rung) Rung {
			return Rung{string(r.To), r.Hours, r.Working, string(r.Stop), r.Asks()}
		})}
	}), "")}, err
}

func (a *API) climbs(ctx context.Context, by access.Actor, in *OneInput) (reply[List[Climb]], error) {
	if err := a.seen(ctx, by, in.Ref.Ref); err != nil {
		return reply[List[Climb]]{}, err
	}
	rows, err := a.Coordination.Matrix(ctx, by, in.Ref.Ref)
	if err != nil {
		return reply[List[Climb]]{}, err
	}
	all, err := a.Coordination.Climbs(ctx, by, in.Ref.Ref)
	out := []Climb{}
	for _, r := range rows {
		c, ok := all[r.Party.Ref.ID]
		if !ok {
			continue
		}
		v := Climb{Party: r.Party.UID, Name: r.Party.Name, Ladder: c.Ladder.Code, Version: c.Ladder.Version, Rung: c.Rung, State: string(c.State), Why: c.Why, NextAt: c.NextAt, BeganAt: c.BeganAt}
		if next, ok := c.Next(); ok {
			v.To = string(next.To)
		}
		out = append(out, v)
	}
	return reply[List[Climb]]{body: list(out, "")}, err
}

// ClimbActInput is an act in an incident.
type ClimbActInput struct {
	Ref
	With[ClimbInput]
}

func (a *API) climb(ctx context.Context, by access.Actor, in *ClimbActInput) (reply[ClimbDone], error) {
	b := in.Body.Value
	n, err := a.Coordination.Climb(ctx, by, in.Ref.Ref, coordination.ClimbInput{Act: coordination.ClimbAct(b.Act), Parties: b.Parties, Ladder: b.Ladder, Reason: b.Reason})
	return reply[ClimbDone]{body: ClimbDone{n}}, err
}
