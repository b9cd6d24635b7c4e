package desk

import (
	"cmp"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const differenceAt = "/desk/difference"

// differenceRoutes are how long it took until what we asked was delivered, seen, answered and done.
func (d *Desk) differenceRoutes() []page.Route {
	read, export := page.Needs(access.ReadCases), page.Needs(access.Export)
	return []page.Route{
		{Pattern: "GET /desk/difference", Need: read, Serve: d.difference},
		{Pattern: "GET /desk/difference.csv", Need: export, Serve: d.differenceFile},
		{Pattern: "GET /desk/incidents/{incident}/difference", Need: read, Serve: d.differenceOfOne},
		{Pattern: "GET /desk/incidents/{incident}/difference.csv", Need: export, Serve: d.differenceFile},
	}
}

// differenceDays is how far back the page looks at first.
const differenceDays = 90

// differenceFilter reads the days from the address: both count whole.
func (d *Desk) differenceFilter(v *page.Visit, all bool) (f coordination.DifferenceFilter, from, till string, wrong map[string]string) {
	q, p := v.R.URL.Query(), v.P
	wrong = map[string]string{}
	today := v.Now.In(d.Zone)
	day := func(name string, usual time.Time) time.Time {
		t := usual
		if s := q.Get(name); s != "" {
			x, err := time.ParseInLocation(time.DateOnly, s, d.Zone)
			if err != nil || x.Year() < 1990 || x.Year() > 2200 {
				wrong[name] = p.T("error.date")
				return t
			}
			t = x
		}
		return t
	}
	begin := today.AddDate(0, 0, -differenceDays)
	if !all {
		begin = today.AddDate(-20, 0, 0) // one incident is shown whole
	}
	a, b := day("from", begin), day("till", today)
	from, till = a.Format(time.DateOnly), b.Format(time.DateOnly)
	midnight := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, d.Zone) }
	f = coordination.DifferenceFilter{From: midnight(a), Till: midnight(b).AddDate(0, 0, 1), Zone: d.Zone}
	if !f.Till.After(f.From) {
		wrong["till"] = p.T("error.before_start")
		f.Till = f.From.AddDate(0, 0, 1)
	}
	if !all {
		from = cmp.Or(q.Get("from"), "")
		till = cmp.Or(q.Get("till"), "")
	}
	return f, from, till, wrong
}

func (d *Desk) difference(v *page.Visit) error {
	f, from, till, wrong := d.differenceFilter(v, true)
	x, err := d.Coordination.DifferenceOf(v.Ctx(), v.By, f)
	if err != nil {
		return err
	}
	p := v.P
	view := AdminView{DeskView: d.frame(v, "incidents", p.T("desk.difference.title")), Heading: p.T("desk.difference.title"), Lead: p.T("desk.difference.lead"), Up: page.NavItem{Text: p.T("desk.nav.incidents"), Href: "/desk/incidents"}}
	view.Body = append([]templ.Component{differenceDaysForm(p, from, till, wrong)}, d.differenceBody(p, x)...)
	for _, name := range []string{"from", "till"} {
		if wrong[name] != "" {
			view.Problems = append(view.Problems, page.Problem{Field: name, Text: wrong[name]})
		}
	}
	view.Wrong = len(wrong) > 0
	if v.By.Can(access.Export) && x.All.Asked > 0 {
		view.Acts = []page.ButtonView{{Text: p.T("desk.parties.csv"), Kind: "ghost", Icon: "download", Href: differenceAt + ".csv?" + url.Values{"from": {from}, "till": {till}}.Encode()}}
	}
	return v.Show(Admin(view))
}

func (d *Desk) differenceOfOne(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	frame, _, err := d.incidentFrame(v, in, "parties")
	if err != nil {
		return err
	}
	f, _, _, _ := d.differenceFilter(v, false)
	f.Subject = in.UID
	x, err := d.Coordination.DifferenceOf(v.Ctx(), v.By, f)
	if err != nil {
		return err
	}
	p := v.P
	acts := []page.ButtonView{{Text: p.T("desk.sums.back"), Kind: "ghost", Href: frame.Href + "/parties"}, {Text: p.T("desk.difference.all"), Kind: "ghost", Href: differenceAt}}
	if v.By.Can(access.Export) && x.All.Asked > 0 {
		acts = append(acts, page.ButtonView{Text: p.T("desk.parties.csv"), Kind: "ghost", Icon: "download", Href: frame.Href + "/difference.csv"})
	}
	return v.Show(IncidentDifference(DifferenceView{IncidentFrame: frame, Acts: acts, Body: append([]templ.Component{paragraph(p.T("desk.difference.lead"))}, d.differenceBody(p, x)...)}))
}

// differenceBody is the finding in a sentence, the share over time, and the tables.
func (d *Desk) differenceBody(p *text.Printer, x coordination.Difference) []templ.Component {
	if x.All.Asked == 0 {
		return []templ.Component{page.Empty(page.EmptyView{Icon: "chart-line", Title: p.T("desk.difference.none"), Note: p.T("desk.difference.none.note")})}
	}
	var out []templ.Component
	if x.Cut {
		out = append(out, warning(p.T("desk.difference.cut")))
	}
	if n := len(x.Share); n > 0 {
		last := x.Share[n-1]
		chart := page.ChartView{
			Unit:  " %",
			Title: p.T("desk.difference.share", "done", p.Number(int64(last.Done)), "given", p.Number(int64(last.Given)), "percent", p.Number(int64(last.Percent()))), Show: p.T("desk.progress.table"), Most: 100,
			Series: []page.Series{{Name: p.T("desk.difference.percent")}},
		}
		for _, y := range x.Share {
			chart.Points = append(chart.Points, p.BriefDate(y.Day))
			chart.Series[0].Values = append(chart.Series[0].Values, y.Percent())
		}
		out = append(out, page.Chart(p, chart))
	}
	out = append(out, paragraph(p.T("desk.difference.how")))
	for _, t := range []struct {
		title string
		list  []coordination.Paces
		name  func(string) string
	}{
		{p.T("desk.difference.by.sector"), x.Sectors, func(key string) string {
			return cmp.Or(sectorName(p, key), p.T("desk.difference.no_sector"))
		}},
		{p.T("desk.difference.by.template"), x.Templates, func(key string) string { return d.templateName(p, key) }},
		{p.T("desk.difference.by.road"), x.Roads, func(key string) string {
			if key == "" {
				return p.T("desk.difference.no_road")
			}
			return p.T("desk.difference.road." + key)
		}},
	} {
		out = append(out, heading(t.title), page.Table(paceTable(p, t.title, x.All, t.list, t.name)))
	}
	return out
}

func (d *Desk) templateName(p *text.Printer, code string) string {
	if code == "" {
		return p.T("desk.difference.words")
	}
	if r, err := d.Playbook.Recommendation(code, string(p.Lang())); err == nil {
		return r.Title
	}
	return code
}

func paceTable(p *text.Printer, title string, all coordination.Paces, list []coordination.Paces, name func(string) string) page.TableView {
	t := page.TableView{Caption: title, Sideways: true, Columns: []page.Column{
		{Text: p.T("desk.difference.group")},
		{Text: p.T("desk.difference.asked"), Number: true},
		{Text: p.T("desk.difference.delivered")},
		{Text: p.T("desk.difference.seen")},
		{Text: p.T("desk.difference.answered")},
		{Text: p.T("desk.difference.done")},
		{Text: p.T("desk.difference.remedied"), Number: true},
	}}
	row := func(first templ.Component, x coordination.Paces) {
		t.Rows = append(t.Rows, []templ.Component{
			first, page.Text(p.Number(int64(x.Asked))), paceCell(p, x.Delivered), paceCell(p, x.Seen), paceCell(p, x.Answered), paceCell(p, x.Done),
			page.Text(p.T("desk.difference.of", "done", p.Number(int64(x.Remedied)), "given", p.Number(int64(x.Measures)))),
		})
	}
	row(page.Strong(p.T("desk.sums.all")), all)
	for _, x := range list {
		row(page.Text(name(x.Key)), x)
	}
	return t
}

// paceCell is a median with the quartiles around it and of how many it is; unknown is not zero.
func paceCell(p *text.Printer, x coordination.Pace) templ.Component {
	if x.Count == 0 {
		return page.Text(p.T("desk.difference.unknown"))
	}
	return twoLines(p.Duration(x.Median), p.T("desk.difference.quartiles", "low", p.Duration(x.Q1), "high", p.Duration(x.Q3), "count", p.Number(int64(x.Count))))
}

// differenceFile is the same as numbers: seconds, codes.
func (d *Desk) differenceFile(v *page.Visit) error {
	f, _, _, _ := d.differenceFilter(v, v.R.PathValue("incident") == "")
	name := "difference.csv"
	if v.R.PathValue("incident") != "" {
		in, err := d.opened(v)
		if err != nil {
			return err
		}
		f.Subject, name = in.UID, in.Number+"-difference.csv"
	}
	x, err := d.Coordination.DifferenceOf(v.Ctx(), v.By, f)
	if err != nil {
		return err
	}
	rows := [][]string{{
		"by", "group", "asked", "measures", "remedied", "delivered_count", "delivered_q1_s", "delivered_median_s", "delivered_q3_s", "seen_count", "seen_q1_s", "seen_median_s", "seen_q3_s",
		"answered_count", "answered_q1_s", "answered_median_s", "answered_q3_s", "done_count", "done_q1_s", "done_median_s", "done_q3_s",
	}}
	put := func(by string, list ...coordination.Paces) {
		for _, g := range list {
			row := []string{by, g.Key, strconv.Itoa(g.Asked), strconv.Itoa(g.Measures), strconv.Itoa(g.Remedied)}
			for _, s := range []coordination.Pace{g.Delivered, g.Seen, g.Answered, g.Done} {
				row = append(row, strconv.Itoa(s.Count))
				for _, t := range []time.Duration{s.Q1, s.Median, s.Q3} {
					if s.Count == 0 {
						row = append(row, "")
						continue
					}
					row = append(row, strconv.Itoa(int(t.Seconds())))
				}
			}
			rows = append(rows, row)
		}
	}
	put("all", x.All)
	put("sector", x.Sectors...)
	put("template", x.Templates...)
	put("road", x.Roads...)
	for _, y := range x.Share {
		rows = append(rows, []string{"share", y.Day.Format(time.DateOnly), "", strconv.Itoa(y.Given), strconv.Itoa(y.Done)})
	}
	for i := range rows {
		for len(rows[i]) < len(rows[0]) {
			rows[i] = append(rows[i], "")
		}
	}
	return page.CSV(v, name, rows)
}
