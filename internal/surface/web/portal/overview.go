package portal

import (
	"cmp"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// How much the first page shows.
const (
	waitingShown  = 20
	messagesShown = 5
	reportsShown  = 5
	threadsLooked = 20
	casesLooked   = 100 // most owe nothing
)

func (d Deps) overview(v *page.Visit) error {
	view := OverviewView{PortalView: d.frame(v, "overview", v.P.T("portal.nav.overview"))}
	requests, err := d.Coordination.Requests(v.Ctx(), v.By, coordination.RequestFilter{Open: true, Limit: waitingShown})
	if err != nil {
		return err
	}
	measures, err := d.Coordination.Measures(v.Ctx(), v.By, coordination.RequestFilter{Open: true, Limit: waitingShown})
	if err != nil {
		return err
	}
	reports, err := d.Intake.List(v.Ctx(), v.By, intake.QueueFilter{Limit: threadsLooked})
	if err != nil {
		return err
	}
	clocks, err := d.clocks(v, reports.Items)
	if err != nil {
		return err
	}
	vouches, err := d.Intake.VouchesOfUs(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	for _, x := range vouches {
		view.Waiting = append(view.Waiting, vouchItem(v, x))
	}
	cases, err := d.Intake.CasesOfUs(v.Ctx(), v.By, "", casesLooked)
	if err != nil {
		return err
	}
	own, err := d.registrationOwed(v)
	if err != nil {
		return err
	}
	view.Waiting = append(view.Waiting, own...)
	for _, c := range cases.Items {
		if _, owes := c.Owes(); owes {
			view.Waiting = append(view.Waiting, d.caseItem(v, c))
		}
	}
	for _, r := range requests.Items {
		view.Waiting = append(view.Waiting, requestItem(v, r))
	}
	for _, m := range measures.Items {
		view.Waiting = append(view.Waiting, measureItem(v, m))
	}
	for _, r := range reports.Items {
		if c := owed(clocks[r.Ref.ID]); c != nil {
			item := d.reportItem(v, r, clocks[r.Ref.ID])
			item.Chips = nil
			item.Second = d.stageName(v, *c)
			view.Waiting = append(view.Waiting, item)
		}
	}
	slices.SortStableFunc(view.Waiting, func(a, b Item) int { return cmp.Compare(dueOf(a), dueOf(b)) })
	for i, r := range reports.Items {
		if i < reportsShown {
			item := d.reportItem(v, r, clocks[r.Ref.ID])
			item.Clock = nil
			view.Reports = append(view.Reports, item)
		}
	}
	if view.Messages, err = d.newest(v, reports.Items); err != nil {
		return err
	}
	return v.Show(Overview(view))
}

func dueOf(i Item) int64 {
	if i.Clock == nil {
		return 1<<63 - 1
	}
	return i.Clock.Due.Unix()
}

// newest gives the newest messages that we sent, over all threads of the organisation.
func (d Deps) newest(v *page.Visit, reports []intake.Report) ([]Item, error) {
	parties, err := d.Coordination.Parties(v.Ctx(), v.By, coordination.RequestFilter{Limit: threadsLooked})
	if err != nil {
		return nil, err
	}
	href := map[int64]string{}
	for _, r := range reports {
		href[r.Thread] = "/portal/reports/" + r.UID
	}
	for _, p := range parties.Items {
		href[p.Thread] = "/portal/messages/" + p.UID
	}
	list := make([]int64, 0, len(href))
	for id := range href {
		list = append(list, id)
	}
	letters, err := d.Correspondence.Letters(v.Ctx(), d.DB, v.By, messagesShown, list...)
	if err != nil {
		return nil, err
	}
	var out []Item
	for _, m := range letters {
		item := Item{Icon: "mail", Title: subjectOf(v, m), Href: href[m.Thread], When: m.At, New: m.SeenAt.IsZero(), Second: kindOf(v, m.Kind)}
		if item.New {
			item.Chips = []page.ChipView{{Text: v.P.T("portal.message.new"), Kind: "info"}}
		}
		out = append(out, item)
	}
	return out, nil
}

// clocks gives the running and met clocks of reports that the reader may see.
func (d Deps) clocks(v *page.Visit, reports []intake.Report) (map[int64][]deadline.Clock, error) {
	ids := make([]int64, len(reports))
	for i, r := range reports {
		ids[i] = r.Ref.ID
	}
	return d.Deadlines.Of(v.Ctx(), d.DB, ids...)
}

// owed gives the earliest open clock of what the reporter still owes, nil when nothing is.
func owed(list []deadline.Clock) *deadline.Clock {
	var out *deadline.Clock
	for i, c := range list {
		if c.OwedBy == deadline.Them && c.Open() && (out == nil || c.DueAt.Before(out.DueAt)) {
			out = &list[i]
		}
	}
	return out
}

func clockView(now, start, due time.Time) *page.ClockView {
	if due.IsZero() {
		return nil
	}
	return &page.ClockView{Start: start, Due: due, Now: now}
}
