package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
)

func (a *API) differences() {
	on(a, "GET /difference", a.difference)
	on(a, "GET /incidents/{ref}/difference", a.differenceOfOne)
}

// Pace is how long a step took, in seconds.
type Pace struct {
	Count  int   `json:"count" doc:"Of how many it is known"`
	Q1     int64 `json:"q1_s,omitempty"`
	Median int64 `json:"median_s,omitempty"`
	Q3     int64 `json:"q3_s,omitempty"`
}

// Paces are the steps of what was asked, each from when it was asked.
type Paces struct {
	Key       string `json:"key" doc:"The sector, the code of a question set or recommendation, or the road; empty for what has none"`
	Asked     int    `json:"asked" doc:"Requests and measures"`
	Delivered Pace   `json:"delivered"`
	Seen      Pace   `json:"seen" doc:"In the portal or by a link: by mail alone it is not known"`
	Answered  Pace   `json:"answered" doc:"Of requests"`
	Done      Pace   `json:"done" doc:"Of measures"`
	Measures  int    `json:"measures"`
	Remedied  int    `json:"remedied" doc:"Measures that are done or verified"`
}

// SharePoint is how many measures were given and done by the end of a day.
type SharePoint struct {
	Day   string `json:"day" doc:"YYYY-MM-DD, UTC"`
	Given int    `json:"given"`
	Done  int    `json:"done"`
}

// Difference is what came of what was asked in a time. What is sealed or an exercise is left out.
type Difference struct {
	From      time.Time    `json:"from"`
	Till      time.Time    `json:"till"`
	All       Paces        `json:"all"`
	Sectors   []Paces      `json:"sectors"`
	Templates []Paces      `json:"templates"`
	Roads     []Paces      `json:"roads"`
	Share     []SharePoint `json:"share"`
	Cut       bool         `json:"cut,omitempty" doc:"There was more: only the newest were counted"`
}

// DifferenceInput is a time.
type DifferenceInput struct {
	IfNoneMatch
	From time.Time `query:"from" doc:"90 days ago when left out"`
	Till time.Time `query:"till" doc:"Now when left out"`
}

func paceView(p coordination.Pace) Pace {
	return Pace{p.Count, int64(p.Q1.Seconds()), int64(p.Median.Seconds()), int64(p.Q3.Seconds())}
}

func pacesView(p coordination.Paces) Paces {
	return Paces{p.Key, p.Asked, paceView(p.Delivered), paceView(p.Seen), paceView(p.Answered), paceView(p.Done), p.Measures, p.Remedied}
}

func differenceView(d coordination.Difference) Difference {
	return Difference{
		From: d.From, Till: d.Till, All: pacesView(d.All), Sectors: mapped(d.Sectors, pacesView), Templates: mapped(d.Templates, pacesView), Roads: mapped(d.Roads, pacesView), Cut: d.Cut,
		Share: mapped(d.Share, func(s coordination.SharePoint) SharePoint {
			return SharePoint{s.Day.Format(time.DateOnly), s.Given, s.Done}
		}),
	}
}

func (a *API) difference(ctx context.Context, by access.Actor, in *DifferenceInput) (reply[Difference], error) {
	f := coordination.DifferenceFilter{From: in.From, Till: in.Till}
	now := a.Coordination.Clock.Now().Truncate(time.Minute)
	if f.Till.IsZero() {
		f.Till = now
	}
	if f.From.IsZero() {
		f.From = now.AddDate(0, 0, -90)
	}
	d, err := a.Coordination.DifferenceOf(ctx, by, f)
	return reply[Difference]{body: differenceView(d)}, err
}

func (a *API) differenceOfOne(ctx context.Context, by access.Actor, in *OneInput) (reply[Difference], error) {
	if err := a.seen(ctx, by, in.Ref.Ref); err != nil {
		return reply[Difference]{}, err
	}
	now := a.Coordination.Clock.Now().Truncate(time.Minute)
	d, err := a.Coordination.DifferenceOf(ctx, by, coordination.DifferenceFilter{Subject: in.Ref.Ref, From: now.AddDate(-20, 0, 0), Till: now.Add(time.Minute)})
	return reply[Difference]{body: differenceView(d)}, err
}
