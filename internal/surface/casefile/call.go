package casefile

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
)

// Call is a coordination call: who was asked, who came, what was said and agreed.
type Call struct {
	ID         string        `json:"id"`
	Subject    string        `json:"subject"`
	State      string        `json:"state"`
	StartsAt   time.Time     `json:"starts_at"`
	Minutes    int           `json:"expected_minutes"`
	How        string        `json:"how"`
	TLP        string        `json:"tlp"`
	PlannedAt  time.Time     `json:"planned_at"`
	PlannedBy  string        `json:"planned_by"`
	HeldAt     *time.Time    `json:"held_at,omitempty"`
	OffAt      *time.Time    `json:"called_off_at,omitempty"`
	FinishedAt *time.Time    `json:"finished_at,omitempty"`
	Invited    []CallInvited `json:"invited"`
	Present    []CallPresent `json:"present"`
	Said       string        `json:"minutes"`
	Added      []CallWords   `json:"additions"`
	Changes    []CallWords   `json:"changes"`
	Actions    []CallAction  `json:"actions"`
}

// CallInvited is a party that was asked.
type CallInvited struct {
	Party     string     `json:"party"`
	Name      string     `json:"name"`
	InvitedAt time.Time  `json:"invited_at"`
	Coming    string     `json:"coming,omitempty"` // yes, no
	Who       string     `json:"who,omitempty"`
	SaidAt    *time.Time `json:"said_at,omitempty"`
	GoneAt    *time.Time `json:"gone_at,omitempty"`
}

// CallPresent is somebody who came.
type CallPresent struct {
	Party    string `json:"party,omitempty"`
	Name     string `json:"name"`
	Function string `json:"function,omitempty"`
}

// CallWords is what somebody of the team added or changed, and why.
type CallWords struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

// CallAction is what was agreed: a task of ours, or a measure of a party.
type CallAction struct {
	Title   string `json:"title"`
	Task    string `json:"task,omitempty"`
	Measure string `json:"measure,omitempty"`
	Party   string `json:"party,omitempty"`
}

// Situation is one that is shared with other authorities.
type Situation struct {
	ID        string     `json:"id"`
	Ground    string     `json:"ground"`
	Reasons   string     `json:"reasons"`
	OpenedAt  time.Time  `json:"opened_at"`
	OpenedBy  string     `json:"opened_by"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	End       string     `json:"end,omitempty"`
	Leader    string     `json:"leader,omitempty"` // name of a member; left out for the team
	Members   []string   `json:"members"`
	Tellings  []Telling  `json:"tellings"`
	Decisions []Decision `json:"decisions"`
}

// Telling is who tells whom.
type Telling struct {
	Who    string     `json:"who,omitempty"` // name of a member; left out for the team
	Circle string     `json:"circle"`
	What   string     `json:"what,omitempty"`
	DueAt  *time.Time `json:"due_at,omitempty"`
	DoneAt *time.Time `json:"done_at,omitempty"`
}

// Decision is one that was taken.
type Decision struct {
	Number     int         `json:"number"`
	Joint      bool        `json:"joint"`
	Text       string      `json:"text"`
	At         time.Time   `json:"at"`
	By         string      `json:"by"`
	Follows    int         `json:"follows,omitempty"`
	FollowedBy int         `json:"followed_by,omitempty"`
	JointSince *time.Time  `json:"joint_since,omitempty"`
	Agreements []Agreement `json:"agreements"`
}

// Agreement is what one authority said of a joint decision.
type Agreement struct {
	Name   string     `json:"name"`
	Agrees string     `json:"agrees,omitempty"` // yes, no
	Who    string     `json:"who,omitempty"`
	SaidAt *time.Time `json:"said_at,omitempty"`
}

func callOf(c coordination.Call) Call {
	out := Call{
		ID: c.UID, Subject: c.Title, State: string(c.State), StartsAt: c.StartsAt.UTC(), Minutes: c.Minutes, How: c.How, TLP: c.TLP.String(), PlannedAt: c.MadeAt.UTC(), PlannedBy: c.ByName,
		HeldAt: when(c.HeldAt), OffAt: when(c.OffAt), FinishedAt: when(c.FrozenAt), Said: c.Said, Invited: []CallInvited{}, Present: []CallPresent{}, Added: []CallWords{}, Changes: []CallWords{}, Actions: []CallAction{},
	}
	names := map[string]string{}
	for _, x := range c.Invited {
		names[x.Party.UID] = x.Party.Name
		out.Invited = append(out.Invited, CallInvited{x.Party.UID, x.Party.Name, x.InvitedAt.UTC(), x.Coming, x.Who, when(x.SaidAt), when(x.GoneAt)})
	}
	for _, x := range c.People {
		out.Present = append(out.Present, CallPresent{names[x.Party], x.Name, x.Function})
	}
	for _, x := range c.Added {
		out.Added = append(out.Added, CallWords{x.At.UTC(), x.By, x.Text})
	}
	for _, x := range c.Changes {
		out.Changes = append(out.Changes, CallWords{x.At.UTC(), x.By, x.Why})
	}
	for _, x := range c.Actions {
		out.Actions = append(out.Actions, CallAction{x.Title, x.Task, x.Measure, x.Party.Name})
	}
	return out
}

func situationOf(x coordination.Situation) Situation {
	out := Situation{
		ID: x.UID, Ground: string(x.Ground), Reasons: x.Reasons, OpenedAt: x.OpenedAt.UTC(), OpenedBy: x.ByName, EndedAt: when(x.EndedAt), End: x.End, Leader: x.Name(x.Leader),
		Members: []string{}, Tellings: []Telling{}, Decisions: []Decision{},
	}
	for _, m := range x.Members {
		out.Members = append(out.Members, m.Party.Name)
	}
	for _, l := range x.Tellings {
		out.Tellings = append(out.Tellings, Telling{x.Name(l.Who), l.Circle, l.What, when(l.DueAt), when(l.DoneAt)})
	}
	for _, d := range x.Decisions {
		y := Decision{d.Number, d.Joint, d.Text, d.At.UTC(), d.ByName, d.Follows, d.FollowedBy, when(d.JointSince), []Agreement{}}
		for _, a := range d.Asked {
			y.Agreements = append(y.Agreements, Agreement{a.Party.Name, a.Agrees, a.Who, when(a.SaidAt)})
		}
		out.Decisions = append(out.Decisions, y)
	}
	return out
}
