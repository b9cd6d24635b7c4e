package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func (a *API) suspicious() {
	on(a, "GET /suspicious", a.listSuspicious)
	on(a, "GET /suspicious/{ref}", a.getSuspicious)
}

// SuspiciousCampaign is suspicious messages of the public that are alike.
type SuspiciousCampaign struct {
	ID           string              `json:"id"`
	State        string              `json:"state" enum:"open,harmless,known"`
	Title        string              `json:"title,omitempty" doc:"Subject of what was handed on; addresses of people are masked"`
	FirstAt      time.Time           `json:"first_at"`
	LastAt       time.Time           `json:"last_at"`
	Messages     int                 `json:"messages"`
	Senders      int                 `json:"senders" doc:"Different people who handed it on"`
	Organisation string              `json:"organisation,omitempty" doc:"Whose domain or address it touches"`
	Report       string              `json:"report,omitempty" doc:"Its line of the queue: id of the report"`
	Features     []SuspiciousFeature `json:"features,omitempty" doc:"Only when one campaign is read; the most frequent first, 400 at most"`
	Hours        []SuspiciousHour    `json:"hours,omitempty" doc:"Only when one campaign is read; hours of the last 30 days in which something came"`
	UpdatedAt    time.Time           `json:"updated_at" doc:"When a person or the house last decided about it; counting does not move it"`
	Version      int64               `json:"version"`
}

// SuspiciousFeature is what a campaign is known by.
type SuspiciousFeature struct {
	Kind    string    `json:"kind" enum:"link,sender,file,host"`
	Value   string    `json:"value" doc:"A link as host and path, a host, the domain of the sender, or the SHA-256 of a file"`
	Name    string    `json:"name,omitempty" doc:"Of a file"`
	Seen    int       `json:"seen" doc:"In how many messages"`
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
}

// SuspiciousHour is how many messages came in an hour.
type SuspiciousHour struct {
	At       time.Time `json:"at"`
	Messages int       `json:"messages"`
}

// campaignViews shows campaigns; their reports are asked for at once.
func (a *API) campaignViews(ctx context.Context, by access.Actor, all []suspicion.Campaign) ([]SuspiciousCampaign, error) {
	var ids []int64
	for _, c := range all {
		if c.Report != 0 {
			ids = append(ids, c.Report)
		}
	}
	lines, err := a.Intake.ByID(ctx, a.Intake.DB, by, ids...)
	if err != nil {
		return nil, err
	}
	return mapped(all, func(c suspicion.Campaign) SuspiciousCampaign {
		return SuspiciousCampaign{
			ID: c.UID, State: string(c.State), Title: c.Title, FirstAt: c.FirstAt, LastAt: c.LastAt, Messages: c.Messages, Senders: c.Senders, Organisation: c.Named,
			Report: lines[c.Report].UID, UpdatedAt: c.UpdatedAt, Version: c.Version,
		}
	}), nil
}

// SuspiciousInput narrows the list of campaigns.
type SuspiciousInput struct {
	Page
	Updated
	IfNoneMatch
	State   string `query:"state" enum:"open,harmless,known" doc:"All when left out"`
	Largest bool   `query:"largest" doc:"Those with the most messages first, open ones when state is left out; else those that had one last"`
}

func (a *API) listSuspicious(ctx context.Context, by access.Actor, in *SuspiciousInput) (reply[List[SuspiciousCampaign]], error) {
	type answer = reply[List[SuspiciousCampaign]]
	var found []suspicion.Campaign
	var out List[SuspiciousCampaign]
	after, follow, err := in.asked()
	if err != nil {
		return answer{}, err
	}
	var mark int64
	next := ""
	if follow {
		if in.State != "" || in.Largest || in.Cursor != "" {
			return answer{}, errAlone("updated_after")
		}
		ids, m, err := a.followed(ctx, by, ref.Suspicion, after, in.Limit)
		if err != nil {
			return answer{}, err
		}
		mark = m
		seen, err := a.visible(ctx, by, ref.Suspicion, ids)
		if err != nil {
			return answer{}, err
		}
		for _, o := range seen {
			c, err := a.Suspicion.Get(ctx, by, o.UID)
			if errs.Is(err, errs.NotFound) {
				continue
			}
			if err != nil {
				return answer{}, err
			}
			found = append(found, c)
		}
	} else {
		page, err := a.Suspicion.List(ctx, by, suspicion.Filter{State: suspicion.State(in.State), Largest: in.Largest, After: in.Cursor, Limit: in.Limit})
		if err != nil {
			return answer{}, err
		}
		found, next = page.Items, page.Next
	}
	items, err := a.campaignViews(ctx, by, found)
	if err != nil {
		return answer{}, err
	}
	if out = list(items, next); follow {
		out.UpdatedAfter = &mark
	}
	return answer{body: out}, nil
}

func (a *API) getSuspicious(ctx context.Context, by access.Actor, in *OneInput) (reply[SuspiciousCampaign], error) {
	type answer = reply[SuspiciousCampaign]
	c, err := a.Suspicion.Get(ctx, by, in.Ref.Ref)
	if err == nil {
		err = a.Watch.Read(ctx, by, c.Object)
	}
	if err != nil {
		return answer{}, err
	}
	views, err := a.campaignViews(ctx, by, []suspicion.Campaign{c})
	if err != nil {
		return answer{}, err
	}
	v := views[0]
	features, err := a.Suspicion.Features(ctx, c)
	if err != nil {
		return answer{}, err
	}
	for _, f := range features {
		v.Features = append(v.Features, SuspiciousFeature{f.Kind.Key(), f.Value, f.Name, f.Seen, f.FirstAt, f.LastAt})
	}
	hours, err := a.Suspicion.Curve(ctx, by, c, a.Clock.Now().Add(-30*24*time.Hour))
	if err != nil {
		return answer{}, err
	}
	for _, h := range hours {
		v.Hours = append(v.Hours, SuspiciousHour{h.At, h.Messages})
	}
	return answer{body: v, version: c.Version}, nil
}
