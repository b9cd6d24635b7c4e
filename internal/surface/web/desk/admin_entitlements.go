package desk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func serviceName(p *text.Printer, code string) string { return named(p, "desk.admin.service.", code) }

func levelName(p *text.Printer, code string) string { return p.T("desk.admin.level." + code) }

// rowsOf gives the rows of one community by service.
func rowsOf(all []constituency.Entitlement, community string) map[string]constituency.Entitlement {
	out := map[string]constituency.Entitlement{}
	for _, e := range all {
		if e.Community == community {
			out[e.Service] = e
		}
	}
	return out
}

func firstAnswer(p *text.Printer, d time.Duration) string {
	if d == 0 {
		return p.T("desk.admin.best_effort")
	}
	return p.Duration(d)
}

// entitlements shows the whole table: community by service.
func (d *Desk) entitlements(v *page.Visit) error {
	all, err := d.Constituency.Entitlements(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	list, err := d.Constituency.Communities(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	last, err := d.lastChange(v, constituency.VerbEntitlements)
	if err != nil {
		return err
	}
	p, usual := v.P, constituency.DefaultEntitlements()
	t := page.TableView{Caption: p.T("desk.admin.entitlements"), Columns: []page.Column{{Text: p.T("desk.admin.community")}, {Text: p.T("desk.admin.first_answer")}, {Text: p.T("desk.admin.priority"), Number: true}}}
	for _, s := range constituency.Services() {
		t.Columns = append(t.Columns, page.Column{Text: serviceName(p, s)})
	}
	for _, c := range list {
		rows, brought := rowsOf(all, c), rowsOf(usual, c)
		main := rows["incident_response"]
		row := []templ.Component{link("/desk/admin/entitlements/"+c, communityName(p, c), ""), page.Text(firstAnswer(p, main.FirstAnswer)), page.Text(strconv.Itoa(main.Priority))}
		for _, s := range constituency.Services() {
			e, ok := rows[s]
			if !ok {
				e.Level = "none"
			}
			chip := page.ChipView{Text: levelName(p, e.Level), Kind: "outline"}
			if e.Level == "full" {
				chip.Kind = "ok"
			}
			if e.Level != brought[s].Level && ok {
				chip.Icon = "pencil"
			}
			row = append(row, page.Chip(chip))
		}
		t.Rows = append(t.Rows, row)
	}
	return v.Show(Admin(d.adminView(v, p.T("desk.admin.entitlements"), "",
		aboutSetting(p, settingNote{p.T("desk.admin.entitlements.effect"), p.T("desk.admin.entitlements.usual"), last}), page.Table(t))))
}

// community is the form of one row of the table.
func (d *Desk) community(v *page.Visit) error {
	view, err := d.communityForm(v, nil, "", "", nil)
	if err != nil {
		return err
	}
	return v.Show(Admin(view))
}

// entitledCell says what somebody is entitled to: how much of it, how soon, before whom, and by what law. How soon and before whom is of use for what a report
// asks for.
func entitledCell(p *text.Printer, e constituency.Entitlement) templ.Component {
	words := []string{levelName(p, e.Level)}
	if e.Service == intake.ServiceOf("") || e.Service == intake.ServiceOf("vulnerability") {
		if e.FirstAnswer > 0 {
			words = append(words, p.T("desk.entitled.answer", "within", p.Duration(e.FirstAnswer)))
		}
		words = append(words, p.T("desk.entitled.priority", "n", e.Priority))
	}
	if e.Ground != "" {
		words = append(words, e.Ground)
	}
	if e.Refused() {
		return page.Chip(page.ChipView{Text: strings.Join(words, " · "), Kind: "warn"})
	}
	return page.Text(strings.Join(words, " · "))
}

func (d *Desk) communityForm(v *page.Visit, levels map[string]string, hours, priority string, wrong error) (AdminView, error) {
	code := v.R.PathValue("community")
	all, err := d.Constituency.Entitlements(v.Ctx(), d.DB)
	if err != nil {
		return AdminView{}, err
	}
	rows, usual := rowsOf(all, code), rowsOf(constituency.DefaultEntitlements(), code)
	if len(rows) == 0 {
		return AdminView{}, errs.ErrNotFound
	}
	p := v.P
	main := rows["incident_response"]
	if wrong == nil {
		hours, priority = strconv.FormatFloat(main.FirstAnswer.Hours(), 'f', -1, 64), strconv.Itoa(main.Priority)
	}
	list, by := problems(p, wrong, nil)
	was := func(level string) string {
		if level == "" {
			level = "none"
		}
		return levelName(p, level)
	}
	var fields []templ.Component
	for _, s := range constituency.Services() {
		chosen := rows[s].Level
		if levels != nil {
			chosen = levels[s]
		}
		var options []page.SelectOption
		for _, l := range constituency.Levels() {
			options = append(options, page.SelectOption{Value: l, Text: levelName(p, l), Chosen: l == chosen || chosen == "" && l == "none"})
		}
		fields = append(fields, page.Select(p, page.FieldView{ID: s, Name: s, Label: serviceName(p, s), Hint: p.T("desk.admin.now_usual", "now", was(rows[s].Level), "usual", was(usual[s].Level)), Error: by[s]}, options))
	}
	fields = append(fields,
		page.Field(p, page.FieldView{
			ID: "first_answer", Name: "first_answer", Label: p.T("desk.admin.first_answer.hours"), Value: hours, InputMode: "decimal", Width: "short", Error: by["first_answer"],
			Hint: p.T("desk.admin.now_usual", "now", firstAnswer(p, main.FirstAnswer), "usual", firstAnswer(p, usual["incident_response"].FirstAnswer)),
		}),
		page.Field(p, page.FieldView{ID: "priority", Name: "priority", Label: p.T("desk.admin.priority"), Value: priority, InputMode: "numeric", Width: "short", Error: by["priority"], Hint: p.T("desk.admin.priority.hint")}))
	ground, pointer := main.Ground, main.Pointers
	if wrong != nil {
		ground, pointer = v.R.PostFormValue("ground"), map[string]string{}
		for _, l := range constituency.Langs() {
			pointer[l] = v.R.PostFormValue("pointer_" + l)
		}
	}
	fields = append(fields, page.Field(p, page.FieldView{ID: "ground", Name: "ground", Label: p.T("desk.admin.ground"), Value: ground, Hint: p.T("desk.admin.ground.hint"), Autocomplete: "off", Error: by["ground"]}))
	for _, l := range constituency.Langs() {
		fields = append(fields, page.Field(p, page.FieldView{
			ID: "pointer_" + l, Name: "pointer_" + l, Label: p.T("desk.admin.pointer", "lang", strings.ToUpper(l)), Value: pointer[l], Rows: 3, Hint: p.T("desk.admin.pointer.hint"), Error: by["pointer_"+l],
		}))
	}
	acts := []page.ButtonView{{Text: p.T("desk.admin.entitlements.save"), Kind: "primary"}, {Text: p.T("desk.cancel"), Href: "/desk/admin/entitlements"}}
	view := d.adminView(v, communityName(p, code), p.T("desk.admin.entitlements.lead"), adminForm("/desk/admin/entitlements/"+code, nil, fields, acts...))
	if len(usual) > 0 {
		view.Body = append(view.Body, section("usual", p.T("desk.admin.usual"), adminForm("/desk/admin/entitlements/"+code, []page.Hid{{Name: "usual", Value: "1"}},
			[]templ.Component{paragraph(p.T("desk.admin.entitlements.give_back"))}, page.ButtonView{Text: p.T("desk.admin.entitlements.give_back.do")})))
	}
	view.Problems, view.Wrong = list, wrong != nil
	return view, nil
}

func (d *Desk) saveCommunity(v *page.Visit) error {
	code := v.R.PathValue("community")
	known, err := d.Constituency.Communities(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	if !slices.Contains(known, code) {
		return errs.ErrNotFound
	}
	if v.R.PostFormValue("usual") != "" {
		if err := d.Constituency.SetEntitlements(v.Ctx(), v.By, code, nil); err != nil {
			return err
		}
		return back(v, "/desk/admin/entitlements", "saved")
	}
	hours, priority := v.R.PostFormValue("first_answer"), v.R.PostFormValue("priority")
	var wrong errs.Problems
	h, err := strconv.ParseFloat(hours, 64)
	if err != nil || !(h >= 0 && h <= 720) {
		wrong.Add("first_answer", "error.range", "least", 0, "most", 720)
	}
	n, err := strconv.Atoi(priority)
	if err != nil || n < 1 || n > 9 {
		wrong.Add("priority", "error.range", "least", 1, "most", 9)
	}
	levels, pointers := map[string]string{}, map[string]string{}
	for _, l := range constituency.Langs() {
		pointers[l] = v.R.PostFormValue("pointer_" + l)
	}
	var rows []constituency.Entitlement
	for _, s := range constituency.Services() {
		levels[s] = v.R.PostFormValue(s)
		if !slices.Contains(constituency.Levels(), levels[s]) {
			wrong.Add(s, "error.choice")
		}
		rows = append(rows, constituency.Entitlement{Community: code, Service: s, Level: levels[s], Priority: n, FirstAnswer: time.Duration(h*3600) * time.Second, Ground: v.R.PostFormValue("ground"), Pointers: pointers})
	}
	refused := wrong.Err()
	if refused == nil {
		if refused = d.Constituency.SetEntitlements(v.Ctx(), v.By, code, rows); refused == nil {
			return back(v, "/desk/admin/entitlements", "saved")
		}
	}
	if len(errs.Fields(refused)) == 0 {
		return refused
	}
	view, err := d.communityForm(v, levels, hours, priority, refused)
	if err != nil {
		return err
	}
	return v.ShowStatus(errs.Of(refused).HTTP(), Admin(view))
}
