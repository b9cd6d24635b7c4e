package play

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// onDuty are those who take turns, in their order; the first has the week of now.
var onDuty = []string{"marta", "ana", "joao", "lena"}

const (
	changeHour = 8
	planner    = "helena"
)

// turns gives the moment of the last weekly change before now, n weeks on.
func (p *player) turns(n int) time.Time {
	t := p.now.In(p.Duty.Zone)
	last := time.Date(t.Year(), t.Month(), t.Day()-(int(t.Weekday())+6)%7, changeHour, 0, 0, 0, p.Duty.Zone)
	if last.After(p.now.Add(-time.Hour)) { // what belongs to a change has happened
		n--
	}
	return time.Date(last.Year(), last.Month(), last.Day()+7*n, changeHour, 0, 0, 0, p.Duty.Zone)
}

// plan makes the rotation: weekly, from Monday to Monday.
func (p *player) plan(ctx context.Context) error {
	var people []int64
	for _, key := range onDuty {
		people = append(people, p.people[key].Account)
	}
	_, err := p.Duty.SetRotation(ctx, p.by(planner), duty.NewRotation{
		Every: duty.Weekly, FirstDay: p.turns(-3 * len(onDuty)).Format(time.DateOnly), Minute: changeHour * 60, People: people,
	})
	return err
}

// writeDuty puts into the script what those on duty leave to each other, who is away, and what paged them.
func (p *player) writeDuty() {
	ago := func(t time.Time) country.Ago { return p.now.Sub(t) }
	p.then(ago(p.turns(-1).Add(20*time.Minute)), "hand-over", func(ctx context.Context) error {
		return p.handOver(ctx, "joao", "lena", "Two calls were noted, both are finished. The early warnings of the week are sent.", true)
	})
	p.then(ago(p.turns(0).Add(20*time.Minute)), "hand-over", func(ctx context.Context) error {
		return p.handOver(ctx, "lena", "marta", "The queue is read to the end. The NetPort owners answer slowly: call those who have not by Wednesday.", false)
	})
	p.then(ago(p.turns(0).Add(40*time.Minute)), "absence", func(ctx context.Context) error {
		_, err := p.Duty.NoteAway(ctx, p.by("joao"), p.people["joao"].Account, p.turns(2).Add(48*time.Hour), p.turns(2).Add(96*time.Hour))
		return err
	})
	urgent := slices.IndexFunc(p.country.Incidents, func(in country.Incident) bool { return in.Severity == "critical" })
	if urgent < 0 {
		return
	}
	in := p.country.Incidents[urgent]
	var page duty.Page
	p.then(in.Opened-4*time.Minute, "page", func(ctx context.Context) (err error) {
		page, err = p.page(ctx, p.incidents[in.Key].uid)
		return err
	})
	p.then(in.Opened-7*time.Minute, "page", func(ctx context.Context) error {
		_, err := p.Duty.Acknowledge(ctx, p.by("marta"), page.UID)
		return err
	})
}

// handOver lets who leaves write a hand-over and sign it; who comes signs when it has read it.
func (p *player) handOver(ctx context.Context, from, to, words string, read bool) error {
	h, err := p.Duty.Write(ctx, p.by(from))
	if err != nil {
		return err
	}
	if h, err = p.Duty.Correct(ctx, p.by(from), h.UID, words, h.Version); err != nil {
		return err
	}
	if h, err = p.Duty.Sign(ctx, p.by(from), h.UID, h.Version); err != nil || !read {
		return err
	}
	_, err = p.Duty.Sign(ctx, p.by(to), h.UID, h.Version)
	return err
}

// page pages for an incident, as the house does of itself.
func (p *player) page(ctx context.Context, uid string) (duty.Page, error) {
	in, err := p.Incidents.Get(ctx, p.DB, p.by(planner), uid)
	if err != nil {
		return duty.Page{}, err
	}
	err = p.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := p.Duty.PageTx(ctx, tx, duty.NewPage{Key: fmt.Sprintf("critical:%d", in.Ref.ID), Reason: duty.Critical, Object: in.Ref.ID, Number: in.Number})
		return err
	})
	if err != nil {
		return duty.Page{}, err
	}
	pages, err := p.Duty.Pages(ctx, p.DB, p.by(planner), 1)
	if err != nil || len(pages) == 0 {
		return duty.Page{}, fmt.Errorf("no page: %w", err)
	}
	return pages[0], nil
}
