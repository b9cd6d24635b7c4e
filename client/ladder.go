package client

import (
	"context"
	"time"
)

// Ladder says who is written to next when a party stays silent.
type Ladder struct {
	Code       string   `json:"code"`
	Version    int      `json:"version"`
	Name       string   `json:"name"`
	Severities []string `json:"severities"`
	Rungs      []Rung   `json:"rungs"`
}

// Rung is one step of a ladder: to technical, security, duty, management, provider or authority. Hours count after the step before; of the first, after
// the answer was due. A party that came as far as Stop (seen, answered, planned, done) is left out of it.
type Rung struct {
	To      string `json:"to"`
	Hours   int    `json:"hours"`
	Working bool   `json:"working"`
	Stop    string `json:"stop"`
	Confirm bool   `json:"confirm"`
}

// Climb is where a party stands on a ladder: climbing, asks (a person has to confirm the next rung), paused, ended.
type Climb struct {
	Party   string    `json:"party"`
	Name    string    `json:"name"`
	Ladder  string    `json:"ladder"`
	Version int       `json:"version"`
	Rung    int       `json:"rung"`
	To      string    `json:"to"`
	State   string    `json:"state"`
	Why     string    `json:"why"`
	NextAt  time.Time `json:"next_at"`
	BeganAt time.Time `json:"began_at"`
}

// NewClimb is one act (begin, pause, resume, skip, stop) on the ladders of parties.
type NewClimb struct {
	Act     string   `json:"act"`
	Parties []string `json:"parties"`
	Ladder  string   `json:"ladder,omitempty"` // of begin
	Reason  string   `json:"reason,omitempty"` // of pause, skip and stop
}

// Ladders lists the ladders.
func (c *Client) Ladders(ctx context.Context) (List[Ladder], error) {
	return get[List[Ladder]](ctx, c, "/ladders")
}

// Climbs lists where the parties of an incident stand on their ladders.
func (c *Client) Climbs(ctx context.Context, incident string) (List[Climb], error) {
	return get[List[Climb]](ctx, c, "/incidents/"+seg(incident)+"/ladder")
}

// Climb does something with the ladders of parties, and says for how many it changed something.
func (c *Client) Climb(ctx context.Context, incident string, in NewClimb, opts ...Option) (int, error) {
	out, err := post[struct {
		Done int `json:"done"`
	}](ctx, c, "/incidents/"+seg(incident)+"/ladder", in, opts...)
	return out.Done, err
}
