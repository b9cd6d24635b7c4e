package desk

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// matrixRoutes are the matrix of an incident as files, and summed by sector.
func (d *Desk) matrixRoutes() []page.Route {
	read, export := page.Needs(access.ReadCases), page.Needs(access.Export)
	return []page.Route{
		{Pattern: "GET /desk/incidents/{incident}/parties.csv", Need: export, Serve: d.partiesFile},
		{Pattern: "GET /desk/incidents/{incident}/sectors", Need: read, Serve: d.sectors},
		{Pattern: "GET /desk/incidents/{incident}/sectors.csv", Need: export, Serve: d.sectorsFile},
	}
}

// tableFilter reads what narrows and sorts the matrix from the address.
func tableFilter(q url.Values) coordination.TableFilter {
	f := coordination.TableFilter{State: coordination.TableState(q.Get("state")), Sector: q.Get("sector"), Sort: q.Get("sort"), Down: q.Get("down") != ""}
	if n, err := strconv.Atoi(q.Get("silent")); err == nil && n > 0 && n < 1000 {
		f.SilentFor = time.Duration(n) * day
	}
	if n, err := strconv.Atoi(q.Get("criticality")); err == nil && n > 0 && n < 10 {
		f.Criticality = n
	}
	if parts := strings.SplitN(q.Get("answer"), ".", 3); len(parts) == 3 {
		f.Set, f.Question, f.Answer = parts[0], parts[1], parts[2]
	}
	return f
}

// filterFields are those of the address that narrow, not sort.
var filterFields = []string{"state", "silent", "sector", "criticality", "answer"}

// kept gives the filters of an address as a query, with what is changed in it.
func kept(q url.Values, change ...string) string {
	out := url.Values{}
	for _, name := range append(slices.Clone(filterFields), "sort", "down") {
		if s := q.Get(name); s != "" {
			out.Set(name, s)
		}
	}
	for i := 0; i+1 < len(change); i += 2 {
		out.Del(change[i])
		if change[i+1] != "" {
			out.Set(change[i], change[i+1])
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "?" + out.Encode()
}

// parties shows the matrix: told, seen, answered, done, verified, silent for how long; each measure and each typed answer in a column.
func (d *Desk) parties(v *page.Visit) error {
	in, f, rows, err := d.tab(v, "parties")
	if err != nil {
		return err
	}
	q := v.R.URL.Query()
	t, err := d.Coordination.TableOf(v.Ctx(), rows, tableFilter(q))
	if errs.Is(err, errs.Invalid) {
		return v.See(f.Href + "/parties")
	}
	if err != nil {
		return err
	}
	p := v.P
	view := PartiesView{IncidentFrame: f, Many: f.Href + "/sendings", Count: len(t.All), Shown: len(t.Rows), Sets: questionsAt}
	if in.State != incident.Closed && v.By.Can(access.WorkCases) {
		view.Add, view.Ask = f.Href+"/parties/add", f.Href+"/ask"
	}
	if len(t.All) > 0 {
		view.Difference = f.Href + "/difference"
		view.Calls, view.Situation = f.Href+"/calls", f.Href+"/situation"
		view.Sectors, view.Ladder = f.Href+"/sectors", f.Href+"/ladder"+kept(q, "sort", "", "down", "")
		if v.By.Can(access.Export) {
			view.File = f.Href + "/parties.csv" + kept(q)
		}
	}
	for _, name := range filterFields {
		view.Narrowed = view.Narrowed || q.Get(name) != ""
	}
	view.Clear = f.Href + "/parties"
	if len(t.All) > 1 {
		view.Filters = d.tableSelects(p, t, q)
	}
	view.Matrix = page.MatrixView{Caption: p.T("desk.parties.caption"), Sorts: map[string]page.Column{}, Empty: page.EmptyView{Icon: "building-2", Title: p.T("desk.parties.none"), Note: p.T("desk.parties.none.note")}}
	if view.Narrowed {
		view.Matrix.Empty = page.EmptyView{Icon: "list-filter", Title: p.T("desk.parties.no_match"), Note: p.T("desk.parties.no_match.note")}
	}
	for _, name := range []string{"name", "answered", "done", "silent", "sector", "next"} {
		view.Matrix.Sorts[name] = sortColumn(f.Href+"/parties", q, name)
	}
	d.tableColumns(p, t, &view.Matrix)
	climbs, err := d.Coordination.Climbs(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	for _, r := range t.Rows {
		view.Matrix.Rows = append(view.Matrix.Rows, tableRow(v, t, r, climbs[r.Party.Ref.ID]))
	}
	if view.CodesAt = "/desk/codes?incident=" + url.QueryEscape(in.Number); v.By.Can(access.SendOutside) {
		for _, r := range t.All {
			if !r.CodeSince.IsZero() {
				view.Codes++
			}
		}
	}
	silent := 0
	for _, r := range t.Rows {
		if r.State() == coordination.TableSilent {
			silent++
		}
	}
	if silent > 0 && view.Ask != "" && v.By.Can(access.SendOutside) {
		view.Chase, view.Silent = f.Href+"/chase"+kept(q, "sort", "", "down", ""), silent
	}
	if progress := coordination.ProgressOf(t.All, d.Zone, v.Now); len(progress) > 1 {
		chart := progressChart(p, progress)
		view.Chart = &chart
	}
	return v.Show(IncidentParties(view))
}

func sortColumn(at string, q url.Values, name string) page.Column {
	c := page.Column{}
	down := ""
	if q.Get("sort") == name {
		if c.Sorted = "ascending"; q.Get("down") != "" {
			c.Sorted = "descending"
		} else {
			down = "1"
		}
	}
	c.Sort = at + kept(q, "sort", name, "down", down)
	return c
}

func progressChart(p *text.Printer, list []coordination.Progress) page.ChartView {
	v := page.ChartView{Title: p.T("desk.progress"), Show: p.T("desk.progress.table"), Series: []page.Series{{Name: p.T("desk.progress.told")}, {Name: p.T("desk.progress.answered")}, {Name: p.T("desk.progress.done")}}}
	for _, x := range list {
		v.Points = append(v.Points, p.BriefDate(x.Day))
		v.Series[0].Values = append(v.Series[0].Values, x.Told)
		v.Series[1].Values = append(v.Series[1].Values, x.Answered)
		v.Series[2].Values = append(v.Series[2].Values, x.Done)
		v.Most = max(v.Most, x.Told)
	}
	return v
}

func stateName(p *text.Printer, s coordination.TableState) string {
	return p.T("desk.party_state." + string(s))
}

// answerName is an answer of the matrix in words.
func answerName(p *text.Printer, q coordination.Question, key string) string {
	switch key {
	case coordination.AnswerNone:
		return p.T("common.answer.none")
	case coordination.AnswerLater:
		return p.T("common.answer.not_looked")
	case coordination.AnswerNotOurs:
		return p.T("common.answer.not_concerned")
	case coordination.AnswerFew:
		return p.T("desk.sums.few")
	case "told":
		return p.T("desk.sums.told")
	case "1+":
		return p.T("desk.sums.some")
	}
	return q.SaidIn(p, coordination.Said{Value: key})
}

// tableSelects are the filters: what a closed list can be narrowed by.
func (d *Desk) tableSelects(p *text.Printer, t coordination.Table, q url.Values) []filterView {
	options := func(name, all string, values [][2]string) filterView {
		x := filterView{name: name, options: []page.SelectOption{{Value: "", Text: all}}}
		for _, y := range values {
			x.options = append(x.options, page.SelectOption{Value: y[0], Text: y[1], Chosen: q.Get(name) == y[0]})
		}
		return x
	}
	var states, silent, sectors, criticality, answers [][2]string
	for _, s := range coordination.TableStates() {
		states = append(states, [2]string{string(s), stateName(p, s)})
	}
	for _, n := range []int{1, 2, 3, 7, 14} {
		silent = append(silent, [2]string{strconv.Itoa(n), p.T("desk.filter.silent_for", "time", p.Duration(time.Duration(n)*day))})
	}
	for _, s := range t.Sectors {
		sectors = append(sectors, [2]string{s, sectorName(p, s)})
	}
	for n := 1; n <= 3; n++ {
		criticality = append(criticality, [2]string{strconv.Itoa(n), p.T("desk.filter.criticality_from", "level", n)})
	}
	for _, set := range t.Sets {
		for _, x := range set.Questions {
			for _, key := range answerKeys(x) {
				answers = append(answers, [2]string{set.Code + "." + x.Code + "." + key, x.Text.In(string(p.Lang())) + " " + answerName(p, x, key)})
			}
		}
	}
	out := []filterView{options("state", p.T("desk.filter.state"), states), options("silent", p.T("desk.filter.silence"), silent)}
	if len(sectors) > 0 {
		out = append(out, options("sector", p.T("desk.filter.sector"), sectors))
	}
	out = append(out, options("criticality", p.T("desk.filter.criticality"), criticality))
	if len(answers) > 0 {
		out = append(out, options("answer", p.T("desk.filter.answer"), answers))
	}
	return out
}

// answerKeys are the answers to a question that a filter offers.
func answerKeys(q coordination.Question) []string {
	var out []string
	switch q.Kind {
	case coordination.YesNo:
		out = append(out, "yes", "no", "unknown")
	case coordination.Choice:
		for _, o := range q.Options {
			out = append(out, o.Code)
		}
	}
	return append(out, coordination.AnswerLater, coordination.AnswerNotOurs, coordination.AnswerNone)
}

func (d *Desk) tableColumns(p *text.Printer, t coordination.Table, m *page.MatrixView) {
	sector, next := m.Sorts["sector"], m.Sorts["next"]
	sector.Text, next.Text = p.T("desk.fact.sector"), p.T("desk.matrix.next")
	m.More = append(m.More, sector, next)
	for _, c := range t.Measures {
		title := c.Title
		if r, err := d.Playbook.Recommendation(c.Key, string(p.Lang())); err == nil {
			title = r.Title
		}
		m.More = append(m.More, page.Column{Text: clip(title, 28), Title: title})
	}
	for _, set := range t.Sets {
		for _, q := range set.Questions {
			words := q.Text.In(string(p.Lang()))
			m.More = append(m.More, page.Column{Text: clip(words, 28), Title: words})
		}
	}
}

func tableRow(v *page.Visit, t coordination.Table, r coordination.TableRow, c coordination.Climb) page.PartyRow {
	p := v.P
	x := matrixRow(v, r.Row)
	next := page.Step{}
	if !r.NextAt.IsZero() {
		next = page.Step{State: "said", Text: p.Brief(r.NextAt, v.Now)}
	}
	if said, kind := climbWords(v, c); said != "" && (c.State != coordination.ClimbEnded || c.Why == coordination.EndedTop) {
		if c.State != coordination.Climbing || next.State == "" || c.NextAt.Before(r.NextAt) {
			next = page.Step{State: "said", Text: said}
		}
		if kind == "asks" {
			next.State = "no"
		}
	}
	sector := page.Step{}
	if r.Sector != "" {
		sector = page.Step{State: "said", Text: sectorName(p, r.Sector)}
	}
	x.More = append(x.More, sector, next)
	for _, c := range t.Measures {
		s, given := r.States[c.Key]
		step := page.Step{}
		if given {
			step = page.Step{State: "said", Text: p.T("common.measure." + string(s))}
			switch s {
			case coordination.Done, coordination.Verified:
				step.State = "yes"
			case coordination.Declined:
				step.State = "declined"
			case coordination.Expired:
				step.State = "no"
			}
			if until, ok := r.Until[c.Key]; ok {
				step.Text = p.T("desk.matrix.until", "state", step.Text, "until", p.BriefDate(until))
			}
		}
		x.More = append(x.More, step)
	}
	for _, set := range t.Sets {
		for _, q := range set.Questions {
			a := r.Answer(set.Code, q.Code)
			step := page.Step{}
			switch a.Key() {
			case "":
			case coordination.AnswerNone, coordination.AnswerLater, coordination.AnswerNotOurs:
				step = page.Step{State: "said", Text: answerName(p, q, a.Key())}
			default:
				step = page.Step{State: "said", Text: clip(q.SaidIn(p, a), 40)}
			}
			x.More = append(x.More, step)
		}
	}
	return x
}

// stamp is a moment in a file, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// partiesFile is the matrix as it is narrowed and sorted: the codes and moments, not the words.
func (d *Desk) partiesFile(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	t, err := d.Coordination.Table(v.Ctx(), v.By, in.UID, tableFilter(v.R.URL.Query()))
	if err != nil {
		return err
	}
	head := []string{"party", "role", "sector", "criticality", "state", "told_at", "seen_at", "answered_at", "done_at", "verified_at", "silent_since", "due_at", "next_at", "code_untold_since"}
	for _, c := range t.Measures {
		head = append(head, "measure "+c.Title)
	}
	for _, set := range t.Sets {
		for _, q := range set.Questions {
			head = append(head, set.Code+" "+q.Code)
		}
	}
	rows := [][]string{head}
	for _, r := range t.Rows {
		row := []string{
			r.Party.Name, string(r.Party.Role), r.Sector, strconv.Itoa(r.Criticality), string(r.State()), stamp(r.ToldAt), stamp(r.SeenAt), stamp(r.AnsweredAt), stamp(r.DoneAt),
			stamp(r.VerifiedAt), stamp(r.SilentSince), stamp(r.DueAt), stamp(r.NextAt), stamp(r.CodeSince),
		}
		for _, c := range t.Measures {
			row = append(row, string(r.States[c.Key]))
		}
		for _, set := range t.Sets {
			for _, q := range set.Questions {
				row = append(row, strings.TrimPrefix(r.Answer(set.Code, q.Code).Key(), "-"))
			}
		}
		rows = append(rows, row)
	}
	return page.CSV(v, in.Number+"-parties.csv", rows)
}
