package casefile

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
)

// Target is something that is to be ended on the network. What it is stands so that no program makes a link of it.
type Target struct {
	ID        string        `json:"id"`
	What      string        `json:"what"`
	Kind      string        `json:"kind"`
	State     string        `json:"state"`
	Seen      string        `json:"seen"`
	SeenAt    time.Time     `json:"seen_at"`
	Addresses []string      `json:"addresses"`
	ToldAt    *time.Time    `json:"told_at,omitempty"`
	DownAt    *time.Time    `json:"down_at,omitempty"`
	EndedAt   *time.Time    `json:"ended_at,omitempty"`
	Reason    string        `json:"reason,omitempty"`
	States    []TargetState `json:"states"`
	Asked     []TargetAsked `json:"asked"`
}

// TargetState is one state that a target was in, newest first.
type TargetState struct {
	State  string    `json:"state"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
	Saw    string    `json:"saw,omitempty"`
}

// TargetAsked is somebody who was proposed for ending it, or told.
type TargetAsked struct {
	Name   string     `json:"name"`
	Role   string     `json:"role"`
	State  string     `json:"state"`
	ToldAt *time.Time `json:"told_at,omitempty"`
}

func targetOf(t incident.Target) Target {
	out := Target{
		ID: t.UID, What: t.Thing.Shown(), Kind: string(t.Kind), State: string(t.State), Seen: t.Words, SeenAt: t.SeenAt.UTC(), Addresses: []string{}, ToldAt: when(t.ToldAt), DownAt: when(t.DownAt),
		EndedAt: when(t.EndedAt), Reason: t.Ended, States: []TargetState{}, Asked: []TargetAsked{},
	}
	for _, a := range t.At() {
		out.Addresses = append(out.Addresses, a.String())
	}
	for _, c := range t.History {
		out.States = append(out.States, TargetState{string(c.State), c.At.UTC(), c.Why, string(c.Saw)})
	}
	for _, p := range t.Asked {
		out.Asked = append(out.Asked, TargetAsked{p.Name, string(p.Role), string(p.State), when(p.ToldAt)})
	}
	return out
}
