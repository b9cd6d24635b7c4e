package play

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// scene is something that happens at one moment.
type scene struct {
	at   time.Time
	name string
	do   func(context.Context) error
}

// lookEvery is how often the play looks at deadlines; a running house does so every few seconds.
const lookEvery = 4 * time.Hour

// then puts a scene into the script.
func (p *player) then(ago country.Ago, name string, do func(context.Context) error) {
	p.script = append(p.script, scene{p.now.Add(-ago), name, do})
}

// perform plays the scenes in the order of time; those of one moment in the order in which they were written. Between them letters leave:
// what a person sends is held first, so time passes.
func (p *player) perform(ctx context.Context) error {
	slices.SortStableFunc(p.script, func(a, b scene) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	looked := time.Time{}
	for i, s := range p.script {
		for next := looked.Add(lookEvery); !looked.IsZero() && next.Before(s.at); next = next.Add(lookEvery) {
			p.forward(next)
			if err := p.look(ctx); err != nil {
				return err
			}
			looked = next
		}
		if looked.IsZero() {
			looked = s.at
		}
		p.forward(s.at)
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("play %s: %w", s.name, err)
		}
		if i+1 < len(p.script) && p.script[i+1].at.Equal(s.at) {
			continue
		}
		if err := p.letThemLeave(ctx); err != nil {
			return fmt.Errorf("play letters after %s: %w", s.name, err)
		}
	}
	p.forward(p.now)
	return p.look(ctx)
}

// look is what the clocks of the house do by themselves.
func (p *player) look(ctx context.Context) error {
	if err := p.Tick(ctx); err != nil {
		return fmt.Errorf("play deadlines: %w", err)
	}
	return p.letThemLeave(ctx)
}

// letThemLeave files the mail that came, waits as long as letters are held, and lets them leave.
func (p *player) letThemLeave(ctx context.Context) error {
	waiting, err := p.Work(ctx)
	if err != nil || waiting == 0 {
		return err
	}
	p.forward(p.Clock.Now().Add(p.Correspondence.Hold + time.Second))
	_, err = p.Work(ctx)
	return err
}

// forward moves the clock, never back and never beyond now.
func (p *player) forward(to time.Time) {
	if to.After(p.now) {
		to = p.now
	}
	if to.After(p.Clock.Now()) {
		p.Clock.Set(to)
	}
}

// by is a person as if it had just proved who it is.
func (p *player) by(key string) access.Actor {
	a := p.people[key]
	a.ProvedAt = p.Clock.Now()
	return a
}

// sample is who makes what nobody in particular made.
func sample() access.Actor { return access.System("sample") }

// ago gives the time that long before now, zero for not known.
func (p *player) ago(a country.Ago) time.Time {
	if a == 0 {
		return time.Time{}
	}
	return p.now.Add(-a)
}
