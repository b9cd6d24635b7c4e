package desk

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// give reads what is to be asked and recommended, and whom.
func (d *Desk) give(v *page.Visit, in incident.Incident) (coordination.Give, error) {
	if err := v.R.ParseForm(); err != nil {
		return coordination.Give{}, errFormNotRead
	}
	g := coordination.Give{
		Parties: v.R.Form["party"], Recommendations: v.R.Form["recommendation"], Request: strings.TrimSpace(v.R.Form.Get("request")),
		Questions: v.R.Form.Get("questions"), Text: strings.TrimSpace(v.R.Form.Get("text")), TLP: in.TLP, Looked: v.R.Form.Get("looked") != "",
	}
	if l, err := tlp.Parse(v.R.Form.Get("tlp")); err == nil {
		g.TLP = l
	}
	if g.Chase = strings.HasSuffix(v.R.URL.Path, "/chase"); g.Chase { // it asks nothing new
		g.Recommendations, g.Request, g.Questions = nil, "", ""
		return g, nil
	}
	g.ValidDays, _ = strconv.Atoi(v.R.Form.Get("valid_days"))
	g.CheckDays, _ = strconv.Atoi(v.R.Form.Get("check_days"))
	due, err := d.localTime(v.R.Form.Get("due"))
	g.DueAt = due
	return g, err
}

// chase is the page on which those who are silent are written to, in other words: those that the filters of the matrix leave.
func (d *Desk) chase(v *page.Visit, in incident.Incident) error {
	t, err := d.Coordination.Table(v.Ctx(), v.By, in.UID, tableFilter(v.R.URL.Query()))
	if err != nil {
		return err
	}
	g := coordination.Give{TLP: in.TLP, Chase: true}
	for _, r := range t.Rows {
		if r.State() == coordination.TableSilent {
			g.Parties = append(g.Parties, r.Party.UID)
		}
	}
	return d.showAsk(v, in, g, nil, nil, http.StatusOK)
}

// ask is the page on which measures and a request are given to parties: first a form, then exactly what each will receive.
func (d *Desk) ask(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	g := coordination.Give{TLP: in.TLP, DueAt: v.Now.Add(2 * day).Truncate(time.Hour)}
	if strings.HasSuffix(v.R.URL.Path, "/chase") {
		return d.chase(v, in)
	}
	if p := v.R.URL.Query().Get("party"); p != "" {
		g.Parties = []string{p}
		if v.R.URL.Query().Get("consent") != "" {
			if g.Request, err = d.consent(v, in, p); err != nil {
				return err
			}
		}
	}
	return d.showAsk(v, in, g, nil, nil, http.StatusOK)
}

func (d *Desk) showAsk(v *page.Visit, in incident.Incident, g coordination.Give, previews []coordination.Preview, wrong error, status int) error {
	f, rows, err := d.incidentFrame(v, in, "parties")
	if err != nil {
		return err
	}
	at := f.Href + "/ask"
	if g.Chase {
		at = f.Href + "/chase"
	}
	x := askView{at: at, chase: g.Chase, text: g.Text, request: g.Request, tlp: tlpOptions(g.TLP), looked: g.Looked}
	x.problems, x.wrong = problems(v.P, wrong, map[string]string{"due_at": "due"})
	for i, f := range errs.Fields(wrong) { // two fields are not filled in but chosen from
		key := map[string]string{"parties": "desk.ask.to.none", "request": "desk.ask.request.none"}[f.Name]
		if key != "" && f.Key == "error.required" {
			x.wrong[f.Name] = v.P.T(key)
			x.problems[i] = page.Problem{Field: x.problems[i].Field, Text: x.wrong[f.Name]}
		}
	}
	x.valid, x.check = dayOptions(v.P, g.ValidDays, "desk.ask.valid.ever"), dayOptions(v.P, g.CheckDays, "desk.ask.check.never")
	if !g.DueAt.IsZero() {
		x.due = g.DueAt.In(d.Zone).Format("2006-01-02T15:04")
	}
	for _, r := range rows {
		if g.Chase && r.SilentSince.IsZero() && !slices.Contains(g.Parties, r.Party.UID) {
			continue
		}
		x.parties = append(x.parties, choice{
			name: "party", value: r.Party.UID, label: r.Party.Name, second: roleName(v.P, r.Party.Role), checked: slices.Contains(g.Parties, r.Party.UID) || len(rows) == 1,
		})
	}
	slices.SortStableFunc(x.parties, func(a, b choice) int { // who is chosen stands first
		switch {
		case a.checked == b.checked:
			return 0
		case a.checked:
			return -1
		}
		return 1
	})
	if len(x.parties) > shortList && !g.Chase {
		x.many = f.Href + "/sendings"
	}
	if x.sets, err = d.setOptions(v, g.Questions); err != nil {
		return err
	}
	for _, rec := range d.recommendations(in.Type, string(v.P.Lang())) {
		rec.checked = slices.Contains(g.Recommendations, rec.value)
		x.recommendations = append(x.recommendations, rec)
	}
	for _, pv := range previews {
		l := PreviewLetter{
			Party: pv.Party.Name, Reader: strings.Trim(pv.Reader.Name+" <"+pv.Reader.Email+">", " "), Lang: pv.Lang, Road: roadChip(v.P, pv.Road), TLP: g.TLP.Name(),
			Subject: pv.Subject, Text: pv.Text,
		}
		l.Ground, l.NoGround = ground(v.P, pv.Liaison)
		if len(pv.Hits) > 0 {
			l.Warn = v.P.T("desk.ask.hits", "words", strings.Join(pv.Hits, ", "))
			x.hits = true
		}
		if pv.Road.Road == egress.Refused {
			x.refused++
		}
		x.letters = append(x.letters, l)
	}
	return v.ShowStatus(status, IncidentTab(TabView{IncidentFrame: f, Body: askPage(v.P, x)}))
}

// dayOptions are the lengths of time for which a measure holds, or after which it is checked again.
func dayOptions(p *text.Printer, chosen int, none string) []page.SelectOption {
	out := []page.SelectOption{{Value: "", Text: p.T(none)}}
	for _, n := range []int{1, 7, 14, 30, 90, 180, 365} {
		out = append(out, page.SelectOption{Value: strconv.Itoa(n), Text: p.Duration(time.Duration(n) * day), Chosen: n == chosen})
	}
	return out
}

// sendAsk shows the preview, or sends what was previewed.
func (d *Desk) sendAsk(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	g, err := d.give(v, in)
	if err != nil {
		return err
	}
	if v.R.Form.Get("send") == "" {
		previews, err := d.Coordination.Preview(v.Ctx(), v.By, in.UID, g)
		if errs.Is(err, errs.Invalid) {
			return d.showAsk(v, in, g, nil, err, errs.Invalid.HTTP())
		}
		if err != nil {
			return err
		}
		return d.showAsk(v, in, g, previews, nil, http.StatusOK)
	}
	sent, err := d.Coordination.Send(v.Ctx(), v.By, in.UID, g)
	if len(errs.Fields(err)) > 0 { // what was typed stays, with what is wrong beside it
		previews, _ := d.Coordination.Preview(v.Ctx(), v.By, in.UID, g)
		return d.showAsk(v, in, g, previews, err, errs.Of(err).HTTP())
	}
	if err != nil {
		return err
	}
	if to := d.waitsForSecond(v, sent); to != "" {
		return v.See(to)
	}
	return back(v, "/desk/incidents/"+in.Number+"/parties", "held")
}
