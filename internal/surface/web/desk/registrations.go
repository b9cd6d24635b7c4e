package desk

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const registrationsAt = "/desk/registrations"

// registrationRoutes are the registrations of entities, the queue beside what is to be done in the register.
func (d *Desk) registrationRoutes() []page.Route {
	read, write := page.Needs(access.ReadRegistry), page.Needs(access.WriteRegistry)
	return []page.Route{
		{Pattern: "GET /desk/registrations", Need: read, Serve: d.registrations},
		{Pattern: "GET /desk/registrations/owed", Need: read, Serve: d.registrationsOwed},
		{Pattern: "POST /desk/registrations/export", Need: page.Needs(access.Export), Serve: d.exportRegistrations},
		{Pattern: "GET /desk/registrations/{registration}", Need: read, Serve: d.registration},
		{Pattern: "GET /desk/registrations/{registration}/files/{enclosure}", Need: read, Serve: d.registrationFile},
		{Pattern: "POST /desk/registrations/{registration}/checks", Need: write, Serve: d.tickRegistration},
		{Pattern: "POST /desk/registrations/{registration}/ask", Need: write, Serve: d.askRegistration},
		{Pattern: "POST /desk/registrations/{registration}/approve", Need: write, Serve: d.approveRegistration},
		{Pattern: "POST /desk/registrations/{registration}/confirm", Need: write, Serve: d.confirmRegistration},
		{Pattern: "POST /desk/registrations/{registration}/refuse", Need: write, Serve: d.refuseRegistration},
	}
}

// registrationFilters are the rooms of the queue.
func (d *Desk) registrationFilters(v *page.Visit, here string) ([]page.ChipView, error) {
	n, err := d.Registration.Counts(v.Ctx(), d.DB, v.By)
	if err != nil {
		return nil, err
	}
	p := v.P
	out := []page.ChipView{}
	add := func(key, words, href string) {
		c := page.ChipView{Text: words, Kind: "outline", Href: href}
		if key == here {
			c.Kind, c.Href = "on", registrationsAt
		}
		out = append(out, c)
	}
	for _, s := range registration.States {
		words := registrationChip(p, s).Text
		if n[s] > 0 {
			words = p.T("desk.registration.count", "what", words, "count", n[s])
		}
		add(string(s), words, registrationsAt+"?state="+string(s))
	}
	add("owed", p.T("desk.registration.owed"), registrationsAt+"/owed")
	return out, nil
}

func (d *Desk) registrations(v *page.Visit) error {
	p, q := v.P, v.R.URL.Query()
	list, err := d.Registration.List(v.Ctx(), d.DB, v.By, registration.Filter{State: registration.State(q.Get("state")), After: q.Get("after")})
	if err != nil {
		return err
	}
	view := ListView{
		DeskView: d.frame(v, "constituency", p.T("desk.registration.title")), Heading: p.T("desk.registration.title"), Note: p.T("desk.registration.note"),
		Acts:  []page.ButtonView{{Text: p.T("desk.todo.title"), Icon: "list-checks", Kind: "ghost", Href: "/desk/constituency/todo"}},
		Empty: page.EmptyView{Icon: "check", Title: p.T("desk.registration.none"), Note: p.T("desk.registration.none.note")},
		Table: page.TableView{Caption: p.T("desk.registration.title"), Columns: []page.Column{
			{Text: p.T("desk.registration.who")}, {Text: p.T("desk.registration.state")}, {Text: p.T("desk.registration.said_class")}, {Text: p.T("desk.registration.came")}, {Text: p.T("desk.registration.since")},
		}},
	}
	if view.Filters, err = d.registrationFilters(v, q.Get("state")); err != nil {
		return err
	}
	if q.Get("state") == string(registration.Approved) && v.By.Can(access.Export) {
		view.Banner = exportBar(p)
	}
	for _, r := range list.Items {
		view.Table.Rows = append(view.Table.Rows, []templ.Component{
			link(registrationsAt+"/"+r.UID, registrationName(p, r), r.Reference), page.Chip(registrationChip(p, r.State)), page.Text(p.T("common.enrol.class." + string(r.Class))),
			page.Text(cameHow(p, r)), page.At(p, r.ReceivedAt, v.Now),
		})
	}
	if list.Next != "" {
		values := url.Values{"after": {list.Next}}
		if q.Get("state") != "" {
			values.Set("state", q.Get("state"))
		}
		view.Pages = &page.PagesView{Next: registrationsAt + "?" + values.Encode()}
	}
	return v.Show(List(view))
}

// registrationChip is where a registration stands, in our words.
func registrationChip(p *text.Printer, s registration.State) page.ChipView {
	c := page.EnrolChip(p, s)
	switch s {
	case registration.New:
		c.Text = p.T("desk.registration.to_check")
	case registration.Asked:
		c.Text = p.T("desk.registration.asked")
	}
	return c
}

func registrationName(p *text.Printer, r registration.Registration) string {
	if r.Destroyed {
		return p.T("desk.registration.destroyed")
	}
	return r.Said.Name
}

func cameHow(p *text.Printer, r registration.Registration) string {
	switch {
	case r.Review:
		return p.T("desk.registration.review")
	case r.Channel == "portal":
		return p.T("desk.registration.portal")
	}
	return p.T("desk.registration.form")
}

// registrationsOwed lists entities whose review, or whose announced change, is overdue.
func (d *Desk) registrationsOwed(v *page.Visit) error {
	p := v.P
	list, err := d.Registration.Overdue(v.Ctx(), d.DB, v.By)
	if err != nil {
		return err
	}
	view := ListView{
		DeskView: d.frame(v, "constituency", p.T("desk.registration.owed")), Heading: p.T("desk.registration.owed"), Note: p.T("desk.registration.owed.note"),
		Empty: page.EmptyView{Icon: "check", Title: p.T("desk.registration.owed.none"), Note: p.T("desk.registration.owed.none.note")},
		Table: page.TableView{Caption: p.T("desk.registration.owed"), Columns: []page.Column{{Text: p.T("desk.col.organisation")}, {Text: p.T("desk.col.what")}, {Text: p.T("desk.registration.due")}}},
	}
	if view.Filters, err = d.registrationFilters(v, "owed"); err != nil {
		return err
	}
	if v.By.Can(access.Export) {
		view.Banner = exportBar(p)
	}
	for _, x := range list {
		what := p.T("desk.registration.review")
		if x.What == registration.ChangeClock {
			what = p.T("desk.registration.change")
		}
		view.Table.Rows = append(view.Table.Rows, []templ.Component{link("/desk/constituency/"+x.Organisation.UID, x.Organisation.Name, sectorName(p, x.Organisation.Sector)), page.Text(what), page.Text(p.Date(x.DueAt))})
	}
	return v.Show(List(view))
}

// exportRegistrations hands out what the single point of contact gives on. It is an act: it is recorded who took it.
func (d *Desk) exportRegistrations(v *page.Visit) error {
	what := v.R.PostFormValue("what")
	name := map[string]string{"numbers": "entities-by-sector.csv", "entities": "entities-art-27.csv", "json": "entities.json"}[what]
	if name == "" {
		return errFormNotRead
	}
	x, err := d.Registration.Export(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	switch what {
	case "numbers":
		return page.CSV(v, name, x.NumberRows())
	case "entities":
		return page.CSV(v, name, x.EntityRows())
	}
	h := v.W.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", page.Attachment(name))
	_ = x.WriteJSON(v.W)
	return nil // an error here is a reader who went away
}

func (d *Desk) registration(v *page.Visit) error {
	view, err := d.registrationView(v, nil)
	if err != nil {
		return err
	}
	return v.Show(RegistrationPage(view))
}

// registrationView puts what was said beside what the register knows.
func (d *Desk) registrationView(v *page.Visit, wrong error) (RegistrationView, error) {
	p := v.P
	r, err := d.Registration.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("registration"))
	if err != nil {
		return RegistrationView{}, err
	}
	view := RegistrationView{DeskView: d.frame(v, "constituency", r.Reference), Name: registrationName(p, r), At: registrationsAt + "/" + r.UID, State: registrationChip(p, r.State), Version: strconv.FormatInt(r.Version, 10), Posted: v.R.PostForm}
	view.Problems, view.By = problems(p, wrong, map[string]string{"checks": "check-" + registration.CheckIdentity})
	view.Wrong = wrong != nil
	who, err := d.Names(v.Ctx(), r.FirstBy, r.DecidedBy, r.Account)
	if err != nil {
		return view, err
	}
	fact := func(label, value string) {
		if value != "" {
			view.Facts = append(view.Facts, page.Property{Label: label, Value: page.Text(value)})
		}
	}
	fact(p.T("desk.registration.reference"), r.Reference)
	fact(p.T("desk.registration.came"), strings.TrimSuffix(cameHow(p, r)+" · "+p.DateTime(r.ReceivedAt)+" · "+who[r.Account], " · "))
	fact(p.T("desk.registration.first"), who[r.FirstBy])
	if !r.DecidedAt.IsZero() {
		fact(p.T("desk.registration.decided"), p.DateTime(r.DecidedAt)+" · "+who[r.DecidedBy])
	}
	fact(p.T("desk.registration.refusal"), r.Decision.Reason)
	fact(p.T("desk.registration.pointer"), r.Decision.Pointer)
	fact(p.T("desk.registration.ours"), r.Decision.Note)
	fact(p.T("desk.registration.left"), strings.Join(r.Decision.Left, "\n"))
	if r.Destroyed {
		return view, nil
	}
	view.Verdict = &page.EnrolVerdict{Class: r.Class, Reasons: page.EnrolReasons(p, r.Reasons)}
	if r.State == registration.Approved { // the class is what was decided, the reasons are of what was said
		view.Verdict.Class, _ = d.Registration.Annexes.Assess(r.Said.Scope())
	}
	typed := r.Said.Boxes()
	for n := 1; n <= registration.Parts; n++ {
		card := page.EnrolSummary(p, d.Registration.Annexes, typed, n, "")
		card.Rows = slices.DeleteFunc(card.Rows, func(a page.Answer) bool { return a.Value == "" })
		if len(card.Rows) > 0 {
			view.Cards = append(view.Cards, card)
		}
	}
	files, err := d.Registration.Files(v.Ctx(), d.DB, r)
	if err != nil {
		return view, err
	}
	for _, f := range files {
		view.Files = append(view.Files, page.FileView{Name: f.Name, Size: f.Size, Href: view.At + "/files/" + f.UID})
	}
	words, err := d.Registration.Words(v.Ctx(), d.DB, r)
	if err != nil {
		return view, err
	}
	var ids []int64
	for _, w := range words {
		ids = append(ids, w.By)
	}
	names, err := d.Names(v.Ctx(), ids...)
	if err != nil {
		return view, err
	}
	for _, w := range words {
		x := page.EnrolWord{Who: p.T("desk.registration.applicant"), When: p.DateTime(w.At), Text: w.Text, Us: w.Ours}
		if w.Ours {
			x.Who = d.Site.Name
		}
		if names[w.By] != "" {
			x.Who = names[w.By]
		}
		view.Words = append(view.Words, x)
	}
	matches, err := d.Registration.Matches(v.Ctx(), v.By, r)
	if err != nil {
		return view, err
	}
	for _, m := range matches {
		view.Matches = append(view.Matches, matchView(p, m))
	}
	if r.State.Open() && v.By.Can(access.WriteRegistry) {
		return view, d.registrationActs(v, r, matches, &view)
	}
	return view, nil
}

func matchView(p *text.Printer, m registration.Match) MatchView {
	x := MatchView{Name: m.Organisation.Name, Href: "/desk/constituency/" + m.Organisation.UID, Proved: strings.Join(m.Proved, ", "), People: m.People}
	for _, by := range m.By {
		x.By = append(x.By, p.T("desk.registration.by."+by))
	}
	return x
}

// registrationActs are what may be done with one that is open.
func (d *Desk) registrationActs(v *page.Visit, r registration.Registration, matches []registration.Match, view *RegistrationView) error {
	p, typed := v.P, v.R.PostForm
	ticked := r.Checks
	for _, c := range registration.Checks {
		view.Checks = append(view.Checks, page.OptionView{ID: "check-" + c, Name: "checks", Value: c, Label: p.T("desk.registration.check." + c), Hint: p.T("desk.registration.check_hint." + c), Many: true, Checked: slices.Contains(ticked, c)})
	}
	view.Open = true
	if view.Second = r.State == registration.Second; view.Second {
		view.Mine = r.FirstBy == v.By.Account
		return nil
	}
	chosen := func(name, usual string) string {
		if len(typed) > 0 && typed.Has(name) {
			return typed.Get(name)
		}
		return usual
	}
	organisation := ""
	if len(matches) > 0 && (r.Organisation != 0 || slices.Contains(matches[0].By, "identifier")) {
		organisation = matches[0].Organisation.UID
	}
	organisation = chosen("organisation", organisation)
	if r.Organisation == 0 {
		view.Organisations = []page.SelectOption{{Value: "", Text: p.T("desk.registration.new"), Chosen: organisation == ""}}
	}
	for _, m := range matches {
		if r.Organisation == 0 || m.Organisation.Ref.ID == r.Organisation {
			view.Organisations = append(view.Organisations, page.SelectOption{Value: m.Organisation.UID, Text: p.T("desk.registration.known", "name", m.Organisation.Name), Chosen: organisation == m.Organisation.UID})
		}
	}
	class := chosen("class", string(r.Class))
	for _, c := range []scope.Class{scope.Essential, scope.Important, scope.Listed} {
		view.Classes = append(view.Classes, page.OptionView{ID: "class-" + string(c), Name: "class", Value: string(c), Label: p.T("common.enrol.class." + string(c)), Checked: class == string(c)})
	}
	kind := chosen("kind", r.Said.Kind)
	view.Kinds = []page.SelectOption{{Value: "", Text: p.T("common.enrol.none.kind"), Chosen: kind == ""}}
	for _, k := range d.Registration.Annexes.Kinds {
		s, _ := d.Registration.Annexes.Sector(k.Sector)
		lang := string(p.Lang())
		view.Kinds = append(view.Kinds, page.SelectOption{Value: k.Code, Text: s.Name.In(lang) + " · " + k.Name.In(lang), Chosen: k.Code == kind})
	}
	known, err := d.Constituency.Communities(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	for _, c := range known {
		view.Communities = append(view.Communities, page.OptionView{ID: "community-" + c, Name: "communities", Value: c, Label: communityName(p, c), Many: true, Checked: slices.Contains(typed["communities"], c)})
	}
	second, err := d.Registration.SecondFor(v.Ctx(), d.DB)
	view.WillWait = second
	return err
}

// registrationFile gives a proof of authority as it was sent, to be kept and not shown.
func (d *Desk) registrationFile(v *page.Visit) error {
	f, content, err := d.Registration.Content(v.Ctx(), d.DB, v.By, v.R.PathValue("registration"), v.R.PathValue("enclosure"))
	if err != nil {
		return err
	}
	h := v.W.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Disposition", page.Attachment(f.Name))
	_, _ = v.W.Write(content)
	return nil
}

// registrationDone sends the visitor back to the registration, or shows it again with what is wrong.
func (d *Desk) registrationDone(v *page.Visit, done string, err error) error {
	if err == nil {
		return back(v, registrationsAt+"/"+url.PathEscape(v.R.PathValue("registration")), done)
	}
	if len(errs.Fields(err)) == 0 {
		return err
	}
	view, again := d.registrationView(v, err)
	if again != nil {
		return again
	}
	return v.ShowStatus(errs.Of(err).HTTP(), RegistrationPage(view))
}

// formVersion reads the version with which the form was shown. A form without one is not ours.
func formVersion(v *page.Visit) (int64, error) {
	n, err := strconv.ParseInt(v.R.PostFormValue("version"), 10, 64)
	if err != nil || n <= 0 {
		return 0, errFormNotRead
	}
	return n, nil
}

func (d *Desk) tickRegistration(v *page.Visit) error {
	if _, err := formVersion(v); err != nil {
		return err
	}
	_, err := d.Registration.Tick(v.Ctx(), v.By, v.R.PathValue("registration"), v.R.PostForm["checks"])
	return d.registrationDone(v, "saved", err)
}

func (d *Desk) askRegistration(v *page.Visit) error {
	n, err := formVersion(v)
	if err != nil {
		return err
	}
	_, err = d.Registration.Ask(v.Ctx(), v.By, v.R.PathValue("registration"), n, v.R.PostFormValue("text"))
	return d.registrationDone(v, "sent", err)
}

func (d *Desk) approveRegistration(v *page.Visit) error {
	n, err := formVersion(v)
	if err != nil {
		return err
	}
	r, err := d.Registration.Approve(v.Ctx(), v.By, v.R.PathValue("registration"), registration.Approval{
		Organisation: v.R.PostFormValue("organisation"), Class: scope.Class(v.R.PostFormValue("class")), Kind: v.R.PostFormValue("kind"), Communities: v.R.PostForm["communities"],
		Note: v.R.PostFormValue("note"), Version: n,
	})
	done := "registered"
	if r.State == registration.Second {
		done = "second"
	}
	return d.registrationDone(v, done, err)
}

func (d *Desk) confirmRegistration(v *page.Visit) error {
	n, err := formVersion(v)
	if err != nil {
		return err
	}
	_, err = d.Registration.Confirm(v.Ctx(), v.By, v.R.PathValue("registration"), n)
	return d.registrationDone(v, "registered", err)
}

func (d *Desk) refuseRegistration(v *page.Visit) error {
	n, err := formVersion(v)
	if err != nil {
		return err
	}
	_, err = d.Registration.Refuse(v.Ctx(), v.By, v.R.PathValue("registration"), registration.Refusal{Reason: v.R.PostFormValue("reason"), Pointer: v.R.PostFormValue("pointer"), Version: n})
	return d.registrationDone(v, "unregistered", err)
}

// registrationRule shows whether the approval of an essential entity waits for a second person.
func (d *Desk) registrationRule(v *page.Visit) error {
	on, err := d.Registration.SecondFor(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	last, err := d.lastChange(v, registration.VerbSecond)
	if err != nil {
		return err
	}
	p := v.P
	option := func(value, words string, checked bool) page.SelectOption {
		return page.SelectOption{Value: value, Text: words, Chosen: checked}
	}
	view := d.adminView(v, p.T("desk.registration.rule"), "",
		aboutSetting(p, settingNote{p.T("desk.registration.rule.effect"), p.T("desk.registration.rule.usual"), last}),
		adminForm("/desk/admin/registrations", []page.Hid{{Name: "was", Value: strconv.FormatBool(on)}}, []templ.Component{
			page.Select(p, page.FieldView{ID: "second", Name: "second", Label: p.T("desk.registration.rule.label")}, []page.SelectOption{
				option("true", p.T("desk.registration.rule.on"), on), option("false", p.T("desk.registration.rule.off"), !on),
			}),
		}, page.ButtonView{Text: p.T("desk.second.do"), Kind: "primary"}))
	return v.Show(Admin(view))
}

func (d *Desk) saveRegistrationRule(v *page.Visit) error {
	was, err1 := strconv.ParseBool(v.R.PostFormValue("was"))
	on, err2 := strconv.ParseBool(v.R.PostFormValue("second"))
	if err1 != nil || err2 != nil {
		return errFormNotRead
	}
	if err := d.Registration.SetSecond(v.Ctx(), v.By, was, on); err != nil {
		return err
	}
	return back(v, "/desk/admin/registrations", "saved")
}

// registered puts where an organisation stands as a registered entity on its page: class, review, changes that it owes.
func (d *Desk) registered(v *page.Visit, uid string, organisation int64, fact func(label, value string)) error {
	e, err := d.Registration.Entity(v.Ctx(), d.DB, v.By, uid)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	p := v.P
	fact(p.T("desk.registration.entity"), p.T("desk.registration.entity.said", "class", p.T("common.enrol.class."+string(e.Class)), "since", p.Date(e.RegisteredAt), "due", p.Date(e.ReviewDue)))
	list, err := d.Registration.Changes(v.Ctx(), d.DB, organisation)
	if err != nil {
		return err
	}
	for i, c := range list {
		if i == 5 {
			break
		}
		key := "desk.registration.change.told"
		switch {
		case c.ToldAt.IsZero():
			key = "desk.registration.change.owed"
		case c.Late(v.Now):
			key = "desk.registration.change.late"
		}
		fact(p.T("desk.registration.change"), p.T(key, "since", p.Date(c.Since), "due", p.Date(c.Due)))
	}
	return nil
}
