package desk

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// takedownRoutes are the pages on which what stands on the network is ended.
func (d *Desk) takedownRoutes() []page.Route {
	read, work, send := page.Needs(access.ReadCases), page.Needs(access.WorkCases), page.Needs(access.SendOutside)
	registry, write := page.Needs(access.ReadRegistry), page.Needs(access.WriteRegistry)
	return []page.Route{
		{Pattern: "GET /desk/incidents/{incident}/targets", Need: read, Serve: d.targets},
		{Pattern: "POST /desk/incidents/{incident}/targets", Need: work, Serve: d.addTarget},
		{Pattern: "POST /desk/incidents/{incident}/targets/write", Need: send, Serve: d.writeToProviders},
		{Pattern: "GET /desk/targets", Need: read, Serve: d.allTargets},
		{Pattern: "GET /desk/targets/times", Need: read, Serve: d.times},
		{Pattern: "GET /desk/targets/times.csv", Need: read, Serve: d.timesFile},
		{Pattern: "GET /desk/targets/{target}", Need: read, Serve: d.target},
		{Pattern: "POST /desk/targets/{target}/propose", Need: work, Serve: d.proposeFor},
		{Pattern: "POST /desk/targets/{target}/name", Need: work, Serve: d.nameFor},
		{Pattern: "POST /desk/targets/{target}/look", Need: work, Serve: d.lookAt},
		{Pattern: "POST /desk/targets/{target}/state", Need: work, Serve: d.setTarget},
		{Pattern: "POST /desk/targets/{target}/amend", Need: work, Serve: d.amendTarget},
		{Pattern: "POST /desk/targets/{target}/end", Need: work, Serve: d.endTarget},
		{Pattern: "POST /desk/proposals/{proposal}/decide", Need: work, Serve: d.decideProposal},
		{Pattern: "GET /desk/proposals/{proposal}", Need: work, Serve: d.proposalPage},
		{Pattern: "GET /desk/proposals/{proposal}/evidence.csv", Need: work, Serve: d.proposalFile},
		{Pattern: "POST /desk/proposals/{proposal}/told", Need: work, Serve: d.toldProposal},
		{Pattern: "GET /desk/providers", Need: registry, Serve: d.providers},
		{Pattern: "GET /desk/providers/new", Need: write, Serve: d.newProvider},
		{Pattern: "POST /desk/providers", Need: write, Serve: d.saveProvider},
		{Pattern: "GET /desk/providers/{provider}", Need: registry, Serve: d.provider},
		{Pattern: "POST /desk/providers/{provider}", Need: write, Serve: d.saveProvider},
		{Pattern: "POST /desk/providers/{provider}/retire", Need: write, Serve: d.retireProvider},
	}
}

// targetChip says how a target stands.
func targetChip(p *text.Printer, t takedown.Target) page.ChipView {
	if !t.EndedAt.IsZero() {
		return page.ChipView{Text: p.T("desk.target.state.ended"), Kind: "outline"}
	}
	return targetStateChip(p, t.State)
}

func targetStateChip(p *text.Printer, s takedown.State) page.ChipView {
	switch s {
	case takedown.Up:
		return page.ChipView{Text: p.T("desk.target.state.up"), Kind: "warn"}
	case takedown.Down:
		return page.ChipView{Text: p.T("desk.target.state.down"), Kind: "ok", Icon: "check"}
	case takedown.Back:
		return page.ChipView{Text: p.T("desk.target.state.back"), Kind: "crit", Icon: "triangle-alert"}
	case takedown.Moved:
		return page.ChipView{Text: p.T("desk.target.state.moved"), Kind: "warn"}
	}
	return page.ChipView{Text: p.T("desk.target.state.unknown"), Kind: "outline"}
}

func kindName(p *text.Printer, k takedown.Kind) string {
	return p.T("mail.takedown.kind." + string(k))
}

func kindOptions(p *text.Printer, chosen takedown.Kind, none string) []page.SelectOption {
	var out []page.SelectOption
	if none != "" {
		out = append(out, page.SelectOption{Text: none})
	}
	for _, k := range takedown.Kinds() {
		out = append(out, page.SelectOption{Value: string(k), Text: kindName(p, k), Chosen: k == chosen})
	}
	return out
}

// targets lists the targets of an incident, and takes a new one.
func (d *Desk) targets(v *page.Visit) error { return d.showTargets(v, nil, http.StatusOK) }

func (d *Desk) showTargets(v *page.Visit, wrong error, status int) error {
	in, f, _, err := d.tab(v, "targets")
	if err != nil {
		return err
	}
	list, err := d.Takedown.Targets(v.Ctx(), v.By, takedown.Filter{Incident: in.UID, All: true, Limit: takedown.MostTargets})
	if err != nil {
		return err
	}
	asked, err := d.Takedown.Proposals(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	p := v.P
	problems, bad := refusal(v, wrong, nil)
	body := []templ.Component{page.ErrorSummary(p, problems)}
	waits := 0
	t := page.TableView{Caption: p.T("desk.tab.targets"), Columns: []page.Column{{Text: p.T("desk.target.what")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.target.since")}, {Text: p.T("desk.target.told")}, {Text: p.T("desk.target.looked")}}}
	for _, x := range list {
		confirmed, told := 0, 0
		for _, q := range asked[x.ID] {
			if q.State == takedown.Confirmed {
				confirmed++
				if !q.ToldAt.IsZero() {
					told++
				} else if x.EndedAt.IsZero() && x.State != takedown.Down && q.Form != takedown.ByPage && q.Sending == 0 {
					waits++
				}
			}
		}
		t.Rows = append(t.Rows, []templ.Component{
			link("/desk/targets/"+x.UID, x.Thing.Shown(), kindName(p, x.Kind)), page.Chip(targetChip(p, x)), page.At(p, x.StateAt, v.Now), page.Text(p.T("desk.target.told.of", "told", told, "all", confirmed)), atOr(p, x.LookedAt, v.Now),
		})
	}
	if len(list) > 0 {
		body = append(body, heading(p.N("desk.targets.count", len(list))), page.Table(t))
	} else {
		body = append(body, page.Empty(page.EmptyView{Icon: "search", Title: p.T("desk.targets.none"), Note: p.T("desk.targets.none.note")}))
	}
	if b := d.Takedown.BarredLook(in.Object, takedown.Thing{Host: "-"}); b != "" {
		body = append(body, words("info", "info", p.T(string(b))))
	}
	open := in.State != incident.Closed && v.By.Can(access.WorkCases)
	if open && waits > 0 && v.By.Can(access.SendOutside) {
		body = append(body, heading(p.T("desk.target.write")), paragraph(p.T("desk.target.write.note")),
			post(f.Href+"/targets/write", nil, page.ButtonView{Text: p.T("desk.target.write.do"), Kind: "primary", Icon: "send"}))
	}
	if open {
		body = append(body, heading(p.T("desk.target.add")), adminForm(f.Href+"/targets", nil, d.targetFields(v, in, bad), page.ButtonView{Text: p.T("desk.target.add.do"), Kind: map[bool]string{true: "", false: "primary"}[waits > 0], Icon: "plus"}))
	}
	body = append(body, d.takedownLinks(v))
	f.Wrong = wrong != nil
	return v.ShowStatus(status, IncidentTab(TabView{IncidentFrame: f, Body: inTab(body)}))
}

// takedownLinks lead to what is about all targets.
func (d *Desk) takedownLinks(v *page.Visit) templ.Component {
	p := v.P
	list := []templ.Component{page.To(p.T("desk.targets.all"), "/desk/targets"), page.To(p.T("desk.times"), "/desk/targets/times")}
	if v.By.Can(access.ReadRegistry) {
		list = append(list, page.To(p.T("desk.providers"), "/desk/providers"))
	}
	return page.Lines(list)
}

func atOr(p *text.Printer, t, now time.Time) templ.Component {
	if t.IsZero() {
		return page.Text(p.T("desk.target.never"))
	}
	return page.At(p, t, now)
}

// kindOf is what a target of an incident of a type probably is.
func kindOf(rsit string) takedown.Kind {
	for _, k := range takedown.Kinds() {
		if k.Type() != "" && k.Type() == rsit {
			return k
		}
	}
	return takedown.Phishing
}

func (d *Desk) targetFields(v *page.Visit, in incident.Incident, bad map[string]string) []templ.Component {
	p, get := v.P, v.R.PostFormValue
	kind := takedown.Kind(get("kind"))
	if kind == "" {
		kind = kindOf(in.Type)
	}
	return append([]templ.Component{
		page.Field(p, page.FieldView{ID: "what", Name: "what", Label: p.T("desk.target.what"), Hint: p.T("desk.target.what.hint"), Value: get("what"), Error: bad["what"], Required: true}),
		page.Select(p, page.FieldView{ID: "kind", Name: "kind", Label: p.T("desk.target.kind"), Error: bad["kind"]}, kindOptions(p, kind, "")),
	}, evidenceFields(p, get("words"), get("seen"), get("addresses"), bad)...)
}

func evidenceFields(p *text.Printer, words, seen, addresses string, bad map[string]string) []templ.Component {
	return []templ.Component{
		page.Field(p, page.FieldView{ID: "words", Name: "words", Label: p.T("desk.target.words"), Hint: p.T("desk.target.words.hint"), Rows: 4, Value: words, Error: bad["words"], Required: true}),
		page.Field(p, page.FieldView{ID: "seen", Name: "seen", Type: "datetime-local", Label: p.T("desk.target.seen_at"), Width: "half", Value: seen, Error: bad["seen_at"]}),
		page.Field(p, page.FieldView{ID: "addresses", Name: "addresses", Label: p.T("desk.target.addresses"), Hint: p.T("desk.target.addresses.hint"), Value: addresses, Error: bad["addresses"]}),
	}
}

// newTarget reads what a form says of a target.
func (d *Desk) newTarget(v *page.Visit) (takedown.NewTarget, error) {
	get := v.R.PostFormValue
	in := takedown.NewTarget{What: get("what"), Kind: takedown.Kind(get("kind")), Words: get("words"), Addresses: get("addresses")}
	if get("seen") == "" {
		return in, nil
	}
	var err error
	in.SeenAt, err = d.localTime(get("seen"))
	return in, err
}

func (d *Desk) addTarget(v *page.Visit) error {
	in, err := d.newTarget(v)
	if err != nil {
		return err
	}
	t, err := d.Takedown.Add(v.Ctx(), v.By, v.R.PathValue("incident"), in)
	if errs.Is(err, errs.Invalid) {
		return d.showTargets(v, err, errs.Of(err).HTTP())
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/targets/"+t.UID, "saved")
}

func (d *Desk) writeToProviders(v *page.Visit) error {
	x, err := d.Takedown.Prepare(v.Ctx(), v.By, v.R.PathValue("incident"), v.R.PostForm["target"])
	if err != nil {
		return err
	}
	return v.See("/desk/sendings/" + x.UID)
}

// targetsShown is how many targets stand on a page of all.
const targetsShown = 100

// allTargets lists the targets of all incidents that one sees.
func (d *Desk) allTargets(v *page.Visit) error {
	p, q := v.P, v.R.URL.Query()
	f := takedown.Filter{State: takedown.State(q.Get("state")), Kind: takedown.Kind(q.Get("kind")), All: q.Get("all") != "", Limit: targetsShown + 1}
	if !slices.Contains(takedown.States(), f.State) {
		f.State = ""
	}
	if !slices.Contains(takedown.Kinds(), f.Kind) {
		f.Kind = ""
	}
	f.Before, _ = strconv.ParseInt(q.Get("before"), 10, 64)
	list, err := d.Takedown.Targets(v.Ctx(), v.By, f)
	if err != nil {
		return err
	}
	states := []page.SelectOption{{Text: p.T("desk.sending.filter.all")}}
	for _, s := range takedown.States() {
		states = append(states, page.SelectOption{Value: string(s), Text: targetStateChip(p, s).Text, Chosen: s == f.State})
	}
	view := AdminView{DeskView: d.frame(v, "targets", p.T("desk.targets.title")), Heading: p.T("desk.targets.title"), Lead: p.T("desk.targets.lead"), Acts: []page.ButtonView{{Text: p.T("desk.times"), Icon: "hourglass", Href: "/desk/targets/times"}}}
	if v.By.Can(access.ReadRegistry) {
		view.Acts = append(view.Acts, page.ButtonView{Text: p.T("desk.providers"), Icon: "building-2", Href: "/desk/providers"})
	}
	view.Body = append(view.Body, targetFilter(p, "/desk/targets", []selectView{
		{name: "state", label: p.T("desk.col.state"), options: states}, {name: "kind", label: p.T("desk.target.kind"), options: kindOptions(p, f.Kind, p.T("desk.sending.filter.all"))},
	}, page.OptionView{ID: "all", Name: "all", Value: "1", Many: true, Checked: f.All, Label: p.T("desk.targets.ended_too")}))
	next := ""
	if len(list) > targetsShown {
		list = list[:targetsShown]
		q.Set("before", strconv.FormatInt(list[targetsShown-1].ID, 10))
		next = "/desk/targets?" + q.Encode()
	}
	t := page.TableView{Caption: p.T("desk.targets.title"), Columns: []page.Column{{Text: p.T("desk.target.what")}, {Text: p.T("desk.col.incident")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.target.since")}, {Text: p.T("desk.target.looked")}}}
	for _, x := range list {
		t.Rows = append(t.Rows, []templ.Component{
			link("/desk/targets/"+x.UID, x.Thing.Shown(), kindName(p, x.Kind)), page.To(x.Incident.Number, "/desk/incidents/"+x.Incident.Number+"/targets"), page.Chip(targetChip(p, x)), page.At(p, x.StateAt, v.Now), atOr(p, x.LookedAt, v.Now),
		})
	}
	if len(list) == 0 {
		view.Body = append(view.Body, page.Empty(page.EmptyView{Icon: "search", Title: p.T("desk.targets.nothing"), Note: p.T("desk.targets.nothing.note")}))
	} else {
		view.Body = append(view.Body, page.Table(t))
	}
	if next != "" {
		view.Body = append(view.Body, page.To(p.T("desk.targets.older"), next))
	}
	return v.Show(Admin(view))
}

// timesFor is how far back the times to down look.
const timesFor = 365 * 24 * time.Hour

// times shows how fast each provider ended what it was told of.
func (d *Desk) times(v *page.Visit) error {
	list, err := d.Takedown.Times(v.Ctx(), v.By, v.Now.Add(-timesFor))
	if err != nil {
		return err
	}
	p := v.P
	view := AdminView{DeskView: d.frame(v, "targets", p.T("desk.times")), Heading: p.T("desk.times"), Lead: p.T("desk.times.lead"), Up: page.NavItem{Text: p.T("desk.targets.title"), Href: "/desk/targets"}}
	if len(list) == 0 {
		view.Body = []templ.Component{page.Empty(page.EmptyView{Icon: "hourglass", Title: p.T("desk.times.none"), Note: p.T("desk.times.none.note")})}
		return v.Show(Admin(view))
	}
	view.Acts = []page.ButtonView{{Text: p.T("desk.times.file"), Icon: "download", Href: "/desk/targets/times.csv"}}
	t := page.TableView{Caption: p.T("desk.times"), Columns: []page.Column{{Text: p.T("desk.provider")}, {Text: p.T("desk.target.told"), Number: true}, {Text: p.T("desk.times.down"), Number: true}, {Text: p.T("desk.times.median"), Number: true}, {Text: p.T("desk.times.waiting"), Number: true}, {Text: p.T("desk.times.back"), Number: true}}}
	for _, x := range list {
		name := page.Text(x.Name)
		if v.By.Can(access.ReadRegistry) {
			name = link("/desk/constituency/"+x.Organisation, x.Name, roleName(p, x.Role))
		}
		t.Rows = append(t.Rows, []templ.Component{
			name, page.Text(p.Number(int64(x.Told))), page.Text(p.Number(int64(x.Down))), page.Text(medianWords(p, x)), page.Text(p.Number(int64(x.Waiting))), page.Text(p.Number(int64(x.Back))),
		})
	}
	view.Body = []templ.Component{page.Table(t)}
	return v.Show(Admin(view))
}

func medianWords(p *text.Printer, x takedown.ProviderTime) string {
	if x.Down == 0 {
		return "–"
	}
	return p.Duration(x.Median)
}

func (d *Desk) timesFile(v *page.Visit) error {
	list, err := d.Takedown.Times(v.Ctx(), v.By, v.Now.Add(-timesFor))
	if err != nil {
		return err
	}
	rows := [][]string{{"provider", "role", "told", "down", "median_seconds", "waiting", "back"}}
	for _, x := range list {
		median := ""
		if x.Down > 0 {
			median = strconv.FormatInt(int64(x.Median/time.Second), 10)
		}
		rows = append(rows, []string{x.Name, string(x.Role), strconv.Itoa(x.Told), strconv.Itoa(x.Down), median, strconv.Itoa(x.Waiting), strconv.Itoa(x.Back)})
	}
	return page.CSV(v, "time-to-down.csv", rows)
}
