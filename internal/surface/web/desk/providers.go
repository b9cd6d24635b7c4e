package desk

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// providers lists who can end something, how each wants to be told, and how fast it was.
func (d *Desk) providers(v *page.Visit) error {
	list, err := d.Takedown.Providers(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	times := map[string]takedown.ProviderTime{}
	if v.By.Can(access.ReadCases) {
		all, err := d.Takedown.Times(v.Ctx(), v.By, v.Now.Add(-timesFor))
		if err != nil {
			return err
		}
		for _, x := range all {
			times[x.Organisation+string(x.Role)] = x
		}
	}
	p := v.P
	view := AdminView{DeskView: d.frame(v, "targets", p.T("desk.providers")), Heading: p.T("desk.providers"), Lead: p.T("desk.providers.lead"), Up: page.NavItem{Text: p.T("desk.targets.title"), Href: "/desk/targets"}}
	if v.By.Can(access.WriteRegistry) {
		view.Acts = []page.ButtonView{{Text: p.T("desk.provider.new"), Icon: "plus", Href: "/desk/providers/new"}}
	}
	t := page.TableView{Caption: p.T("desk.providers"), Columns: []page.Column{{Text: p.T("desk.provider")}, {Text: p.T("desk.provider.address")}, {Text: p.T("desk.provider.form")}, {Text: p.T("desk.target.told"), Number: true}, {Text: p.T("desk.times.median"), Number: true}}}
	for _, x := range list {
		address, m := x.Email, times[x.OrgUID+string(x.Role)]
		if x.Form == takedown.ByPage {
			address = x.Page
		}
		t.Rows = append(t.Rows, []templ.Component{
			link("/desk/providers/"+x.UID, x.Name, roleName(p, x.Role)), page.Text(address), page.Text(p.T("desk.provider.form." + string(x.Form))), page.Text(p.Number(int64(m.Told))), page.Text(medianWords(p, m)),
		})
	}
	if len(list) == 0 {
		view.Body = []templ.Component{page.Empty(page.EmptyView{Icon: "building-2", Title: p.T("desk.providers.none"), Note: p.T("desk.providers.none.note")})}
	} else {
		view.Body = []templ.Component{page.Table(t)}
	}
	return v.Show(Admin(view))
}

// providerTyped is what a form of a provider holds.
type providerTyped struct {
	takedown.NewProvider
	uid     string
	version int64
}

func (d *Desk) newProvider(v *page.Visit) error {
	x := providerTyped{NewProvider: takedown.NewProvider{Form: takedown.ByLetter}}
	q := v.R.URL.Query()
	if uid := q.Get("proposal"); id.Valid(uid) && v.By.Can(access.WorkCases) {
		of, err := d.Takedown.PageOf(v.Ctx(), v.By, uid)
		if err != nil {
			return err
		}
		x.Proposal, x.Name, x.Email, x.Role = uid, of.Proposal.Name, of.Proposal.Email, of.Proposal.Role
	}
	if uid := q.Get("organisation"); id.Valid(uid) {
		o, err := d.Constituency.Get(v.Ctx(), d.DB, v.By, uid)
		if err != nil {
			return err
		}
		x.Organisation, x.Name = o.UID, o.Name
	}
	return d.showProvider(v, x, nil, http.StatusOK)
}

func (d *Desk) provider(v *page.Visit) error {
	x, err := d.Takedown.Provider(v.Ctx(), v.By, v.R.PathValue("provider"))
	if err != nil {
		return err
	}
	return d.showProvider(v, providerTyped{takedown.NewProvider{
		Organisation: x.OrgUID, Name: x.Name, Email: x.Email, Role: x.Role, Form: x.Form, Page: x.Page, Wants: x.Wants, Matches: strings.Join(x.Matches, "\n"),
	}, x.UID, x.Version}, nil, http.StatusOK)
}

func (d *Desk) showProvider(v *page.Visit, x providerTyped, wrong error, status int) error {
	p, at := v.P, "/desk/providers"
	view := AdminView{DeskView: d.frame(v, "targets", p.T("desk.provider.new")), Heading: p.T("desk.provider.new"), Lead: p.T("desk.provider.lead"), Up: page.NavItem{Text: p.T("desk.providers"), Href: at}}
	var bad map[string]string
	view.Problems, bad = refusal(v, wrong, nil)
	view.Wrong = wrong != nil
	hidden := []page.Hid{{Name: "organisation", Value: x.Organisation}, {Name: "proposal", Value: x.Proposal}}
	if x.uid != "" {
		at += "/" + x.uid
		view.Heading, view.Title = x.Name, x.Name
		hidden = []page.Hid{{Name: "version", Value: strconv.FormatInt(x.version, 10)}}
	}
	var fields []templ.Component
	if x.Organisation == "" {
		fields = append(fields, page.Field(p, page.FieldView{ID: "name", Name: "name", Label: p.T("desk.provider.name"), Value: x.Name, Error: bad["name"], Required: true}),
			page.Field(p, page.FieldView{ID: "email", Name: "email", Type: "email", Label: p.T("desk.provider.email"), Hint: p.T("desk.provider.email.hint"), Value: x.Email, Error: bad["email"]}),
			page.Select(p, page.FieldView{ID: "lang", Name: "lang", Label: p.T("desk.provider.lang"), Error: bad["lang"]}, langOptions(x.Lang)))
	} else {
		view.Body = append(view.Body, page.Properties(p, []page.Property{{Label: p.T("desk.col.organisation"), Value: page.To(x.Name, "/desk/constituency/"+x.Organisation)}, {Label: p.T("desk.provider.email"), Value: page.Text(x.Email)}}))
	}
	fields = append(fields,
		page.Select(p, page.FieldView{ID: "role", Name: "role", Label: p.T("desk.provider.role"), Error: bad["role"]}, partOptions(p, x.Role)),
		page.Select(p, page.FieldView{ID: "form", Name: "form", Label: p.T("desk.provider.form"), Hint: p.T("desk.provider.form.hint"), Error: bad["form"]}, formOptions(p, x.Form)),
		page.Field(p, page.FieldView{ID: "page", Name: "page", Type: "url", Label: p.T("desk.provider.page"), Hint: p.T("desk.provider.page.hint"), Value: x.Page, Error: bad["page"]}),
		page.Field(p, page.FieldView{ID: "wants", Name: "wants", Label: p.T("desk.provider.wants"), Hint: p.T("desk.provider.wants.hint"), Rows: 3, Value: x.Wants, Error: bad["wants"]}),
		page.Field(p, page.FieldView{ID: "matches", Name: "matches", Label: p.T("desk.provider.matches"), Hint: p.T("desk.provider.matches.hint"), Rows: 5, Value: x.Matches, Error: bad["matches"]}))
	if v.By.Can(access.WriteRegistry) {
		view.Body = append(view.Body, adminForm(at, hidden, fields, page.ButtonView{Text: p.T("desk.provider.save"), Kind: "primary"}, page.ButtonView{Text: p.T("desk.cancel"), Href: "/desk/providers"}))
	} else {
		view.Body = append(view.Body, page.Properties(p, []page.Property{
			{Label: p.T("desk.provider.role"), Value: page.Text(roleName(p, x.Role))},
			{Label: p.T("desk.provider.form"), Value: page.Text(p.T("desk.provider.form." + string(x.Form)))},
			{Label: p.T("desk.provider.page"), Value: page.Text(x.Page)},
			{Label: p.T("desk.provider.wants"), Value: page.Words(x.Wants)},
			{Label: p.T("desk.provider.matches"), Value: page.Words(x.Matches)},
		}))
	}
	if x.uid != "" && v.By.Can(access.WriteRegistry) {
		view.Body = append(view.Body, folded(p.T("desk.provider.retire"), false, one(paragraph(p.T("desk.provider.retire.note")), post(at+"/retire", hidden, page.ButtonView{Text: p.T("desk.provider.retire.do")}))))
	}
	return v.ShowStatus(status, Admin(view))
}

func langOptions(chosen string) []page.SelectOption {
	var out []page.SelectOption
	for _, l := range text.Langs() {
		out = append(out, page.SelectOption{Value: string(l), Text: text.Name(l), Chosen: string(l) == chosen})
	}
	return out
}

func partOptions(p *text.Printer, chosen coordination.Role) []page.SelectOption {
	var out []page.SelectOption
	for _, r := range takedown.Parts() {
		out = append(out, page.SelectOption{Value: string(r), Text: roleName(p, r), Chosen: r == chosen})
	}
	return out
}

func formOptions(p *text.Printer, chosen takedown.Form) []page.SelectOption {
	var out []page.SelectOption
	for _, f := range takedown.Forms() {
		out = append(out, page.SelectOption{Value: string(f), Text: p.T("desk.provider.form." + string(f)), Chosen: f == chosen})
	}
	return out
}

func (d *Desk) saveProvider(v *page.Visit) error {
	get := v.R.PostFormValue
	x := providerTyped{takedown.NewProvider{
		Organisation: get("organisation"), Name: get("name"), Email: get("email"), Lang: get("lang"), Role: coordination.Role(get("role")), Form: takedown.Form(get("form")), Page: get("page"), Wants: get("wants"),
		Matches: get("matches"), Proposal: get("proposal"),
	}, v.R.PathValue("provider"), version(v)}
	if x.uid != "" {
		was, err := d.Takedown.Provider(v.Ctx(), v.By, x.uid)
		if err != nil {
			return err
		}
		x.Organisation, x.Name, x.Email, x.Proposal = was.OrgUID, was.Name, was.Email, ""
	}
	_, err := d.Takedown.SaveProvider(v.Ctx(), v.By, x.uid, x.version, x.NewProvider)
	if err == nil && x.Proposal != "" {
		of, err := d.Takedown.PageOf(v.Ctx(), v.By, x.Proposal)
		if err != nil {
			return err
		}
		return back(v, "/desk/targets/"+of.Target.UID, "saved")
	}
	if err == nil {
		return back(v, "/desk/providers", "saved")
	}
	if _, ok := plainRefusal(v, err); !ok {
		return err
	}
	return d.showProvider(v, x, err, errs.Of(err).HTTP())
}

func (d *Desk) retireProvider(v *page.Visit) error {
	if err := d.Takedown.RetireProvider(v.Ctx(), v.By, v.R.PathValue("provider"), version(v)); err != nil {
		return err
	}
	return back(v, "/desk/providers", "saved")
}
