package desk

import (
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const laddersAt = "/desk/admin/ladders"

// ladders lists the ladders, the shipped one among them.
func (d *Desk) ladders(v *page.Visit) error {
	list, err := d.Coordination.Ladders(v.Ctx(), v.By, true)
	if err != nil {
		return err
	}
	last, err := d.lastChange(v, coordination.VerbLadder)
	if err != nil {
		return err
	}
	p := v.P
	t := page.TableView{Caption: p.T("desk.ladders.title"), Columns: []page.Column{
		{Text: p.T("desk.ladder.ladder")}, {Text: p.T("desk.questions.version"), Number: true}, {Text: p.T("desk.ladders.rungs")}, {Text: p.T("desk.ladders.begins")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.col.act")},
	}}
	for _, l := range list {
		state, act := page.ChipView{Text: p.T("desk.questions.own"), Kind: "outline"}, page.ButtonView{Text: p.T("desk.questions.retire"), Kind: "ghost"}
		switch {
		case !l.RetiredAt.IsZero():
			state, act.Text = page.ChipView{Text: p.T("desk.questions.retired")}, p.T("desk.questions.bring_back")
		case l.BuiltIn:
			state = page.ChipView{Text: p.T("desk.questions.built_in"), Kind: "outline"}
		}
		var rungs, begins []string
		for _, r := range l.Rungs {
			rungs = append(rungs, rungName(p, r.To))
		}
		for _, s := range l.Severities {
			begins = append(begins, p.T("common.severity."+s))
		}
		t.Rows = append(t.Rows, []templ.Component{
			link(laddersAt+"/"+l.Code, ladderName(p, l), l.Code), page.Text(strconv.Itoa(l.Version)), page.Text(strings.Join(rungs, " → ")), page.Text(strings.Join(begins, ", ")), page.Chip(state),
			post(laddersAt+"/"+l.Code+"/retire", []page.Hid{{Name: "retire", Value: strconv.FormatBool(l.RetiredAt.IsZero())}}, act),
		})
	}
	view := d.adminView(v, p.T("desk.ladders.title"), "", aboutSetting(p, settingNote{p.T("desk.ladders.effect"), p.T("desk.ladders.usual"), last}), page.Table(t))
	view.Acts = []page.ButtonView{{Text: p.T("desk.ladders.new"), Icon: "plus", Href: laddersAt + "/new"}}
	return v.Show(Admin(view))
}

func (d *Desk) ladder(v *page.Visit) error {
	if asked, err := fresh(v, "ladders"); asked {
		return err
	}
	l := coordination.Ladder{}
	if code := v.R.PathValue("ladder"); code != "new" {
		var err error
		if l, err = d.Coordination.LadderOf(v.Ctx(), v.By, code); err != nil {
			return err
		}
	}
	view, err := d.ladderForm(v, l, l.Version, nil)
	if err != nil {
		return err
	}
	return v.Show(Admin(view))
}

// ladderForm is the form of a ladder: each rung, and room for one more.
func (d *Desk) ladderForm(v *page.Visit, l coordination.Ladder, from int, wrong error) (AdminView, error) {
	p := v.P
	list, bad := problems(p, wrong, nil)
	for i := range list {
		list[i].Field = strings.ReplaceAll(list[i].Field, ".", "-")
	}
	var fields []templ.Component
	if from == 0 {
		fields = append(fields, page.Field(p, page.FieldView{ID: "code", Name: "code", Label: p.T("desk.questions.code"), Hint: p.T("desk.questions.code.hint"), Value: l.Code, Width: "half", Error: bad["code"], Autocomplete: "off"}))
	}
	fields = append(fields, page.Field(p, page.FieldView{ID: "name", Name: "name", Label: p.T("desk.ladders.name"), Value: l.Name, Width: "half", Error: bad["name"], Autocomplete: "off"}))
	var severities []page.OptionView
	for _, s := range coordination.Severities() {
		severities = append(severities, page.OptionView{ID: "severity-" + s, Name: "severity", Value: s, Label: p.T("common.severity." + s), Checked: slices.Contains(l.Severities, s), Many: true})
	}
	fields = append(fields, optionCards(p, page.GroupView{ID: "severities", Legend: p.T("desk.ladders.severities"), Hint: p.T("desk.ladders.severities.hint"), Error: bad["severities"]}, severities))
	shown := append(slices.Clone(l.Rungs), coordination.Rung{Hours: 24, Working: true, Stop: coordination.StopAnswered})
	for i, r := range shown {
		box, err := d.rungFields(v, i, r, i == len(shown)-1, bad)
		if err != nil {
			return AdminView{}, err
		}
		fields = append(fields, box)
	}
	heading, at := p.T("desk.ladders.new"), laddersAt+"/new"
	if from != 0 {
		heading, at = ladderName(p, l), laddersAt+"/"+l.Code
	}
	view := d.adminView(v, heading, p.T("desk.ladders.lead"), adminForm(at, []page.Hid{{Name: "from", Value: strconv.Itoa(from)}, {Name: "rungs", Value: strconv.Itoa(len(shown))}}, fields,
		page.ButtonView{Text: p.T("desk.ladders.save"), Kind: "primary"}, page.ButtonView{Text: p.T("desk.ladders.more"), Name: "more", Value: "1"}, page.ButtonView{Text: p.T("desk.cancel"), Href: laddersAt}))
	view.Up, view.Problems, view.Wrong = page.NavItem{Text: p.T("desk.ladders.title"), Href: laddersAt}, list, wrong != nil
	return view, nil
}

// rungFields are the fields of one rung; the last one is blank and counts when somebody chooses to whom it goes.
func (d *Desk) rungFields(v *page.Visit, i int, r coordination.Rung, blank bool, bad map[string]string) (templ.Component, error) {
	p := v.P
	at := "rungs." + strconv.Itoa(i) + "."
	id := strings.ReplaceAll(at, ".", "-")
	to := []page.SelectOption{{Value: "", Text: p.T("desk.ladders.leave_out"), Chosen: r.To == ""}}
	for _, x := range coordination.RungTos() {
		to = append(to, page.SelectOption{Value: string(x), Text: rungName(p, x), Chosen: x == r.To})
	}
	var stops []page.SelectOption
	for _, x := range coordination.StopAts() {
		stops = append(stops, page.SelectOption{Value: string(x), Text: p.T("desk.ladder.stop." + string(x)), Chosen: x == r.Stop})
	}
	fields := []templ.Component{
		page.Select(p, page.FieldView{ID: id + "to", Name: at + "to", Label: p.T("desk.ladders.to"), Error: bad[at+"to"]}, to),
		page.Field(p, page.FieldView{ID: id + "hours", Name: at + "hours", Label: p.T("desk.ladders.hours"), Hint: p.T("desk.ladders.hours.hint"), Value: strconv.Itoa(r.Hours), InputMode: "numeric", Width: "short", Error: bad[at+"hours"]}),
		page.Option(page.OptionView{ID: id + "working", Name: at + "working", Value: "1", Label: p.T("desk.ladders.working"), Checked: r.Working, Many: true}),
		page.Select(p, page.FieldView{ID: id + "stop", Name: at + "stop", Label: p.T("desk.ladders.stop"), Error: bad[at+"stop"]}, stops),
		page.Option(page.OptionView{ID: id + "confirm", Name: at + "confirm", Value: "1", Label: p.T("desk.ladders.confirm"), Hint: p.T("desk.ladders.confirm.hint"), Checked: r.Asks() && r.To != "", Many: true}),
	}
	if v.By.Can(access.ReadRegistry) {
		name := ""
		if r.Organisation != "" {
			name = r.Organisation
			if o, err := d.Constituency.Get(v.Ctx(), d.DB, v.By, r.Organisation); err == nil {
				name = o.Name
			} else if !errs.Is(err, errs.NotFound) {
				return nil, err
			}
		}
		fields = append(fields, page.Field(p, page.FieldView{ID: id + "organisation", Name: at + "organisation", Label: p.T("desk.ladders.organisation"), Hint: p.T("desk.ladders.organisation.hint"), Value: name, Error: bad[at+"organisation"], Autocomplete: "off"}))
	} else {
		fields = append(fields, page.Hiddens([]page.Hid{{Name: at + "kept", Value: r.Organisation}}))
	}
	for _, l := range text.Langs() {
		fields = append(fields, page.Field(p, page.FieldView{ID: id + "words-" + string(l), Name: at + "words." + string(l), Label: p.T("desk.ladders.words", "lang", strings.ToUpper(string(l))), Hint: p.T("desk.ladders.words.hint"), Value: r.Words[string(l)], Rows: 3, Error: bad[at+"words."+string(l)]}))
	}
	title := p.T("desk.ladders.rung.new")
	if !blank {
		title = p.T("desk.ladders.rung", "n", i+1, "to", rungName(p, r.To), "after", rungAfter(p, r), "stop", p.T("desk.ladder.stop."+string(r.Stop)))
	}
	open := slices.ContainsFunc(text.Langs(), func(l text.Lang) bool { return bad[at+"words."+string(l)] != "" }) || bad[at+"to"]+bad[at+"hours"]+bad[at+"stop"]+bad[at+"organisation"] != ""
	return questionBox(title, open, fields), nil
}

// rungAfter says how long after the step before a rung is taken.
func rungAfter(p *text.Printer, r coordination.Rung) string {
	if r.Working {
		return p.N("desk.ladders.after.working", r.Hours)
	}
	return p.N("desk.ladders.after", r.Hours)
}

// typedLadder reads the form. An organisation is named by its name; one that is not found stays as it was typed and is refused.
func (d *Desk) typedLadder(v *page.Visit) (coordination.Ladder, int, error) {
	l := coordination.Ladder{}
	if err := v.R.ParseForm(); err != nil {
		return l, 0, errFormNotRead
	}
	form := v.R.PostForm
	l.Code, l.Name, l.Severities = strings.TrimSpace(form.Get("code")), form.Get("name"), form["severity"]
	if code := v.R.PathValue("ladder"); code != "new" {
		l.Code = code
	}
	from, _ := strconv.Atoi(form.Get("from"))
	n, _ := strconv.Atoi(form.Get("rungs"))
	for i := range min(max(n, 0), 50) {
		at := "rungs." + strconv.Itoa(i) + "."
		r := coordination.Rung{To: coordination.RungTo(form.Get(at + "to")), Working: form.Get(at+"working") != "", Stop: coordination.StopAt(form.Get(at + "stop")), Confirm: form.Get(at+"confirm") != "", Organisation: form.Get(at + "kept"), Words: coordination.Wording{}}
		if r.To == "" {
			continue
		}
		var err error
		if r.Hours, err = strconv.Atoi(strings.TrimSpace(form.Get(at + "hours"))); err != nil {
			r.Hours = -1
		}
		for _, lang := range text.Langs() {
			if w := form.Get(at + "words." + string(lang)); w != "" {
				r.Words[string(lang)] = w
			}
		}
		if name := strings.TrimSpace(form.Get(at + "organisation")); name != "" && v.By.Can(access.ReadRegistry) {
			r.Organisation = name
			found, err := d.Constituency.NamedMany(v.Ctx(), v.By, name)
			if err != nil {
				return l, from, err
			}
			if o, ok := found[name]; ok {
				r.Organisation = o.UID
			}
		}
		l.Rungs = append(l.Rungs, r)
	}
	return l, from, nil
}

func (d *Desk) saveLadder(v *page.Visit) error {
	if asked, err := fresh(v, "ladders"); asked {
		return err
	}
	l, from, err := d.typedLadder(v)
	if err != nil {
		return err
	}
	if v.R.PostForm.Get("more") == "" {
		_, err = d.Coordination.SaveLadder(v.Ctx(), v.By, l, from)
		if err == nil {
			return back(v, laddersAt, "saved")
		}
		if len(errs.Fields(err)) == 0 {
			return err
		}
	}
	view, e := d.ladderForm(v, l, from, err)
	if e != nil {
		return e
	}
	if err != nil {
		return v.ShowStatus(errs.Of(err).HTTP(), Admin(view))
	}
	return v.Show(Admin(view))
}

func (d *Desk) retireLadder(v *page.Visit) error {
	if asked, err := fresh(v, "ladders"); asked {
		return err
	}
	if err := d.Coordination.RetireLadder(v.Ctx(), v.By, v.R.PathValue("ladder"), v.R.PostFormValue("retire") == "true"); err != nil {
		return err
	}
	return back(v, laddersAt, "saved")
}
