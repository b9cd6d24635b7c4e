package api

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func (a *API) looks() {
	on(a, "GET /deadlines", a.deadlines)
	on(a, "GET /search", a.search)
	on(a, "GET /audit", a.record)
}

// Deadline is an open clock.
type Deadline struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Owes      string    `json:"owes" enum:"us,them" doc:"us is the team, also for a party"`
	About     string    `json:"about" enum:"report,incident,request,measure"`
	AboutID   string    `json:"about_id"`
	StartedAt time.Time `json:"started_at"`
	DueAt     time.Time `json:"due_at"`
	Late      bool      `json:"late"`
	Law       string    `json:"law,omitempty"`

	TargetAt    time.Time `json:"target_at,omitzero" doc:"For the team"`
	RemindedAt  time.Time `json:"reminded_at,omitzero" doc:"For the team"`
	EscalatedAt time.Time `json:"escalated_at,omitzero" doc:"For the team"`
	Incident    string    `json:"incident,omitempty" doc:"For the team"`
}

// DeadlinesInput narrows the list of deadlines.
type DeadlinesInput struct {
	Page
	IfNoneMatch
	Owes string `query:"owes" enum:"us,them"`
	Late bool   `query:"late"`
}

func (a *API) deadlines(ctx context.Context, by access.Actor, in *DeadlinesInput) (reply[List[Deadline]], error) {
	clocks, next, err := a.Deadlines.List(ctx, by, deadline.Filter{OwedBy: in.Owes, Late: in.Late, Limit: in.Limit, After: in.Cursor})
	if err != nil {
		return reply[List[Deadline]]{}, err
	}
	numbers, err := a.numbers(ctx, by, mapped(clocks, func(c deadline.Clock) int64 { return c.Under.ID }))
	if err != nil {
		return reply[List[Deadline]]{}, err
	}
	now := a.Clock.Now()
	items := []Deadline{}
	for _, c := range clocks {
		o, err := access.Load(ctx, a.Intake.DB, by, c.About)
		if errs.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return reply[List[Deadline]]{}, err
		}
		v := Deadline{
			ID: c.UID, Kind: c.Kind, Owes: c.OwedBy, About: c.About.Kind.String(), AboutID: o.UID, StartedAt: c.StartedAt, DueAt: c.DueAt, Late: c.DueAt.Before(now), Law: c.Law,
		}
		if by.Team() {
			v.TargetAt, v.RemindedAt, v.EscalatedAt, v.Incident = c.TargetAt, c.RemindedAt, c.EscalatedAt, numbers[c.Under.ID]
		}
		items = append(items, v)
	}
	return reply[List[Deadline]]{body: list(items, next)}, nil
}

// SearchInput is the input of GET /search.
type SearchInput struct {
	Page
	Text string `query:"q" required:"true" doc:"Words that all must be there"`
}

func (a *API) search(ctx context.Context, by access.Actor, in *SearchInput) (reply[List[Incident]], error) {
	page, err := a.Incident.List(ctx, by, incident.Filter{Text: in.Text, State: "all", Limit: in.Limit, After: in.Cursor})
	return reply[List[Incident]]{body: list(mapped(page.Items, func(i incident.Incident) Incident { return incidentView(by, i) }), page.Next)}, err
}

// Recorded is an entry of the record.
type Recorded struct {
	Number  int64     `json:"number,omitempty" doc:"0 while it waits for its number"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Origin  string    `json:"origin" enum:"page,api,mail,link,cli,job,unknown"`
	Verb    string    `json:"verb"`
	Kind    string    `json:"kind" doc:"Of what it was done to"`
	Erased  bool      `json:"erased" doc:"The details were destroyed; the entry still proves itself"`
	Changes []Changed `json:"changes" doc:"Empty for entries of cases when the reader reads no cases"`
	Note    string    `json:"note,omitempty"`
}

// Changed is one field that changed.
type Changed struct {
	Field string `json:"field"`
	From  any    `json:"from,omitempty"`
	To    any    `json:"to,omitempty"`
}

var origins = [...]string{"unknown", "page", "api", "mail", "link", "cli", "job"}

// RecordInput is the input of GET /audit.
type RecordInput struct {
	Page
	Updated
}

func (a *API) record(ctx context.Context, by access.Actor, in *RecordInput) (reply[List[Recorded]], error) {
	var none reply[List[Recorded]]
	limit := in.Limit
	if limit == 0 {
		limit = 50
	}
	after, follow, err := in.asked()
	if err == nil && follow && in.Cursor != "" {
		err = errAlone("updated_after")
	}
	if err != nil {
		return none, err
	}
	before, err := readMark(in.Cursor)
	if err != nil {
		return none, err
	}
	if follow {
		return a.recordAfter(ctx, by, after, limit)
	}
	rows, err := a.Audit.List(ctx, a.Intake.DB, by, before, limit)
	if err != nil {
		return none, err
	}
	out := list(mapped(rows, func(r audit.Row) Recorded { return recordedView(by, r) }), "")
	if len(rows) == limit {
		out.Next = base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, rows[limit-1].ID, 36))
	}
	return reply[List[Recorded]]{body: out}, nil
}

// recordAfter follows the record. The newest entries are read through the reader's own list, so that sealed ones stay out (rule A12).
func (a *API) recordAfter(ctx context.Context, by access.Actor, after int64, limit int) (reply[List[Recorded]], error) {
	numbered, err := a.Audit.Since(ctx, a.Intake.DB, after, limit)
	if err != nil || len(numbered) == 0 {
		out := list([]Recorded{}, "")
		out.UpdatedAfter = &after
		return reply[List[Recorded]]{body: out}, err
	}
	last := numbered[len(numbered)-1]
	want := map[int64]bool{}
	highest := int64(0)
	for _, r := range numbered {
		want[r.ID] = true
		highest = max(highest, r.ID)
	}
	// Row ids and numbers differ by at most what waited together; a few rows more than asked for cover it.
	rows, err := a.Audit.List(ctx, a.Intake.DB, by, highest+1, 2*limit+500)
	items := []Recorded{}
	for i := len(rows) - 1; i >= 0; i-- {
		if want[rows[i].ID] {
			items = append(items, recordedView(by, rows[i]))
		}
	}
	out := list(items, "")
	out.UpdatedAfter = &last.Seq
	return reply[List[Recorded]]{body: out}, err
}

// open are the kinds whose details anybody with the right to the record may read; those of cases are for who reads cases (rule I11).
var open = []ref.Kind{ref.None, ref.Organisation, ref.Account, ref.Key}

func recordedView(by access.Actor, r audit.Row) Recorded {
	v := Recorded{Number: r.Seq, At: r.At, Actor: r.ActorName, Origin: origins[0], Verb: r.Verb, Kind: r.On.Kind.String(), Erased: r.Erased}
	if by.Can(access.ReadCases) || slices.Contains(open, r.On.Kind) && r.About == 0 {
		v.Note = r.Note
		for _, c := range r.Changes {
			if c.Field == "handler" || c.Field == "assignee" { // inner ids stay inside
				c.From, c.To = nil, nil
			}
			v.Changes = append(v.Changes, Changed{c.Field, c.From, c.To})
		}
	}
	if int(r.Origin) < len(origins) {
		v.Origin = origins[r.Origin]
	}
	if v.Changes == nil {
		v.Changes = []Changed{}
	}
	return v
}

func readMark(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	var n int64
	if err == nil {
		n, err = strconv.ParseInt(string(raw), 36, 64)
	}
	if err != nil || n <= 0 {
		var p errs.Problems
		p.Add("after", "error.parameter")
		return 0, p.Err()
	}
	return n, nil
}
