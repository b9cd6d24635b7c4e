package desk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func callAt(report string) string { return "/desk/reports/" + report + "/call" }

// call is a call note with the time to finish it, and what calling back showed.
func (d *Desk) call(v *page.Visit) error {
	r, err := d.Intake.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("report"))
	if err != nil {
		return err
	}
	if r.Channel != correspondence.ByPhone {
		return v.See("/desk/reports/" + r.UID)
	}
	return d.showCall(v, r, intake.FinishInput{Body: r.Body, OccurredAt: r.OccurredAt, AwareAt: r.AwareAt}, nil, nil)
}

// showCall shows the note, also after a form that was wrong: that is a reading too.
func (d *Desk) showCall(v *page.Visit, r intake.Report, in intake.FinishInput, wrong, wrongBack error) error {
	if err := d.seen(v, r.Object); err != nil {
		return err
	}
	p := v.P
	calls, err := d.Intake.Calls(v.Ctx(), d.DB, r.Ref.ID)
	if err != nil {
		return err
	}
	c, ok := calls[r.Ref.ID]
	if !ok {
		return errs.ErrNotFound
	}
	list, by := problems(p, wrong, map[string]string{"organisation": "org", "occurred_at": "occurred", "aware_at": "aware"})
	view := FormView{
		DeskView: d.frame(v, "triage", reportTitle(p, r)), Heading: p.T("desk.call.title", "ref", r.Reference), Action: callAt(r.UID), Problems: list,
		Lead:   d.callLead(v, c),
		Hidden: []page.Hid{{Name: "version", Value: strconv.FormatInt(r.Version, 10)}}, Submit: page.ButtonView{Text: p.T("desk.call.finish"), Kind: "primary", Key: "Ctrl ↵"},
		More: []page.ButtonView{{Text: p.T("desk.cancel"), Href: "/desk/triage?report=" + r.UID}},
	}
	view.Wrong = wrong != nil || wrongBack != nil
	local := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(d.Zone).Format(localMinute)
	}
	view.Fields = []templ.Component{
		page.Field(p, page.FieldView{ID: "summary", Name: "summary", Label: p.T("desk.phone.summary"), Value: in.Body.Summary, Error: by["summary"]}),
		page.Field(p, page.FieldView{ID: "description", Name: "description", Label: p.T("desk.phone.said"), Value: in.Body.Description, Rows: 10, Error: by["description"]}),
		page.Field(p, page.FieldView{ID: "name", Name: "name", Label: p.T("desk.phone.who"), Value: in.Body.Name, Autocomplete: "off", Error: by["name"]}),
		page.Field(p, page.FieldView{ID: "phone", Name: "phone", Label: p.T("desk.phone.number"), Value: in.Body.Phone, Type: "tel", Width: "half", Autocomplete: "off", Error: by["phone"]}),
		page.Field(p, page.FieldView{ID: "email", Name: "email", Label: p.T("desk.phone.email"), Value: in.Body.Email, Type: "email", Width: "half", Autocomplete: "off", Error: by["email"]}),
		page.Field(p, page.FieldView{ID: "org", Name: "org", Label: p.T("desk.phone.org"), Value: in.Body.OrgText, Autocomplete: "off", Error: by["organisation"]}),
		page.Select(p, page.FieldView{ID: "ongoing", Name: "ongoing", Label: p.T("desk.fact.ongoing")}, ongoingOptions(p, in.Body.Ongoing)),
		page.Field(p, page.FieldView{ID: "aware", Name: "aware", Label: p.T("desk.call.aware"), Value: local(in.AwareAt), Type: "datetime-local", Width: "half", Error: by["aware_at"]}),
		page.Field(p, page.FieldView{ID: "occurred", Name: "occurred", Label: p.T("desk.call.occurred"), Value: local(in.OccurredAt), Type: "datetime-local", Width: "half", Error: by["occurred_at"]}),
	}
	if view.After, err = d.callBacks(v, r, wrongBack); err != nil {
		return err
	}
	if wrong != nil || wrongBack != nil {
		return v.ShowStatus(errs.Invalid.HTTP(), Form(view))
	}
	return v.Show(Form(view))
}

// callLead says when the call was, and when and by whom it was noted.
func (d *Desk) callLead(v *page.Visit, c intake.Call) string {
	p := v.P
	said := p.T("desk.call.when", "called", p.DateTime(c.CalledAt), "noted", p.DateTime(c.NotedAt), "who", d.name(v.Ctx(), c.NotedBy))
	if c.Offline {
		said += " " + p.T("desk.call.offline")
	}
	if c.FinishedAt.IsZero() {
		return said + " " + p.T("desk.call.unfinished")
	}
	return said + " " + p.T("desk.call.finished", "when", p.DateTime(c.FinishedAt), "who", d.name(v.Ctx(), c.FinishedBy))
}

func ongoingOptions(p *text.Printer, chosen string) []page.SelectOption {
	out := []page.SelectOption{{Text: p.T("desk.call.not_said"), Chosen: chosen == ""}}
	for _, x := range []string{"yes", "contained", "no", "unknown"} {
		out = append(out, page.SelectOption{Value: x, Text: p.T("desk.ongoing." + x), Chosen: x == chosen})
	}
	return out
}

// finishCall completes a note.
func (d *Desk) finishCall(v *page.Visit) error {
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	r, err := d.Intake.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("report"))
	if err != nil {
		return err
	}
	in := intake.FinishInput{Body: r.Body, Version: version(v)}
	in.Body.Summary, in.Body.Description, in.Body.Name, in.Body.Phone = get("summary"), get("description"), get("name"), get("phone")
	in.Body.Email, in.Body.OrgText, in.Body.Ongoing = get("email"), get("org"), get("ongoing")
	var p errs.Problems
	for _, x := range []struct {
		name string
		at   *time.Time
	}{{"aware", &in.AwareAt}, {"occurred", &in.OccurredAt}} {
		if s := get(x.name); s != "" {
			if *x.at, err = localMoment(d.Zone, s, v.Now); err != nil {
				p.Add(x.name+"_at", "error.date")
			}
		}
	}
	if err = p.Err(); err == nil {
		_, err = d.Intake.Finish(v.Ctx(), v.By, r.UID, in)
	}
	if errs.Is(err, errs.Invalid) {
		return d.showCall(v, r, in, err, nil)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/triage", "call_finished", "report", r.UID)
}

// whomToCall gives the contacts that a caller may belong to, with their numbers: of the report's organisation, of the number that was typed, and of the
// organisations that go by the name that was said.
func (d *Desk) whomToCall(v *page.Visit, r intake.Report) ([]constituency.Contact, map[int64]string, error) {
	var all []constituency.Contact
	add := func(organisation int64) error {
		list, err := d.Constituency.Contacts(v.Ctx(), d.DB, organisation)
		all = append(all, list...)
		return err
	}
	if r.Organisation != 0 {
		if err := add(r.Organisation); err != nil {
			return nil, nil, err
		}
	}
	callers, err := d.Constituency.Callers(v.Ctx(), d.DB, v.By, r.Body.Phone)
	if err != nil {
		return nil, nil, err
	}
	all = append(all, callers...)
	if said := strings.TrimSpace(r.Body.OrgText); said != "" && r.Organisation == 0 {
		found, err := d.Constituency.Find(v.Ctx(), v.By, constituency.Filter{Text: said, Limit: 3})
		if err != nil {
			return nil, nil, err
		}
		for _, o := range found.Items {
			if err := add(o.Ref.ID); err != nil {
				return nil, nil, err
			}
		}
	}
	there := map[int64]bool{}
	all = slices.DeleteFunc(all, func(c constituency.Contact) bool {
		had := there[c.ID]
		there[c.ID] = true
		return had
	})
	var organisations []int64
	for _, c := range all {
		organisations = append(organisations, c.Organisation)
	}
	names, err := d.organisationNames(v, organisations...)
	return all, names, err
}

// callBacks shows what calling back showed, and the form that records one more.
func (d *Desk) callBacks(v *page.Visit, r intake.Report, wrong error) (templ.Component, error) {
	p := v.P
	said, err := d.calledBack(v, r)
	if err != nil {
		return nil, err
	}
	body := []templ.Component{heading(p.T("desk.callback.title")), paragraph(p.T("desk.callback.lead"))}
	for _, s := range said {
		body = append(body, paragraph(s))
	}
	contacts, organisations, err := d.whomToCall(v, r)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, c := range contacts {
		ids = append(ids, c.ID)
	}
	numbers, err := d.Constituency.Numbers(v.Ctx(), d.DB, ids...)
	if err != nil {
		return nil, err
	}
	var options []page.SelectOption
	for _, verified := range []bool{true, false} {
		for _, c := range contacts {
			for _, n := range numbers[c.ID] {
				if n.VerifiedAt.IsZero() == verified {
					continue
				}
				options = append(options, page.SelectOption{Value: n.UID, Text: numberWords(p, n) + " · " + c.Name + " · " + organisations[c.Organisation]})
			}
		}
	}
	if len(options) == 0 {
		body = append(body, paragraph(p.T("desk.callback.no_number")))
		return several(body), nil
	}
	_, by := problems(p, wrong, nil)
	var outcomes []page.SelectOption
	for _, o := range intake.Outcomes {
		outcomes = append(outcomes, page.SelectOption{Value: string(o), Text: p.T("desk.callback." + string(o))})
	}
	body = append(body, postForm(callAt(r.UID)+"-back", []templ.Component{
		page.Select(p, page.FieldView{ID: "number", Name: "number", Label: p.T("desk.callback.number"), Hint: p.T("desk.callback.number.hint"), Error: by["number"]}, options),
		page.Select(p, page.FieldView{ID: "outcome", Name: "outcome", Label: p.T("desk.callback.outcome"), Error: by["outcome"]}, outcomes),
		page.Field(p, page.FieldView{ID: "note", Name: "note", Label: p.T("desk.callback.note"), Value: v.R.PostFormValue("note"), Rows: 2, Error: by["note"]}),
	}, page.ButtonView{Text: p.T("desk.callback.do"), Icon: "phone"}))
	return several(body), nil
}

// numberWords name a number with what is known of it.
func numberWords(p *text.Printer, n constituency.Number) string {
	words := n.Number
	if n.Note != "" {
		words += " (" + n.Note + ")"
	}
	if n.Outside {
		words += " · " + p.T("desk.number.outside")
	}
	if n.VerifiedAt.IsZero() {
		return words + " · " + p.T("desk.number.unverified")
	}
	return words + " · " + p.T("desk.number.verified", "when", p.Date(n.VerifiedAt), "how", n.VerifiedHow)
}

// calledBack says in sentences what calling back showed, the newest first.
func (d *Desk) calledBack(v *page.Visit, r intake.Report) ([]string, error) {
	all, err := d.Intake.CallBacks(v.Ctx(), d.DB, r.Ref.ID)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var ids, people []int64
	for _, c := range all {
		ids, people = append(ids, c.Number), append(people, c.By)
	}
	numbers, err := d.Constituency.NumbersByID(v.Ctx(), d.DB, ids...)
	if err != nil {
		return nil, err
	}
	names, err := d.Names(v.Ctx(), people...)
	if err != nil {
		return nil, err
	}
	p := v.P
	var out []string
	for _, c := range all {
		n := numbers[c.Number]
		args := []any{"who", names[c.By], "when", p.DateTime(c.At), "number", n.Number, "how", n.VerifiedHow, "checked", p.Date(n.VerifiedAt)}
		var s string
		switch {
		case c.Outcome == intake.NotReached:
			s = p.T("desk.callback.said.not_reached", args...)
		case !c.Verified:
			s = p.T("desk.callback.said.unverified", args...)
		case c.Outcome == intake.Theirs:
			s = p.T("desk.callback.said.theirs", args...)
		default:
			s = p.T("desk.callback.said.not_theirs", args...)
		}
		if c.Note != "" {
			s += " " + p.T("desk.callback.said.note", "note", c.Note)
		}
		out = append(out, s)
	}
	return out, nil
}

// logCallBack records a call that we made.
func (d *Desk) logCallBack(v *page.Visit) error {
	r, err := d.Intake.CalledBack(v.Ctx(), v.By, v.R.PathValue("report"), intake.CallBackInput{
		Number: v.R.PostFormValue("number"), Outcome: intake.Outcome(v.R.PostFormValue("outcome")), Note: v.R.PostFormValue("note"),
	})
	if errs.Is(err, errs.Invalid) {
		r, e := d.Intake.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("report"))
		if e != nil {
			return e
		}
		return d.showCall(v, r, intake.FinishInput{Body: r.Body, OccurredAt: r.OccurredAt, AwareAt: r.AwareAt}, nil, err)
	}
	if err != nil {
		return err
	}
	return back(v, callAt(r.UID), "called_back")
}

// addNumber, verifyNumber and retireNumber change the numbers of a contact.
func (d *Desk) addNumber(v *page.Visit) error {
	_, err := d.Constituency.AddNumber(v.Ctx(), v.By, v.R.PathValue("contact"), constituency.NewNumber{
		Number: v.R.PostFormValue("number"), Note: v.R.PostFormValue("note"), Outside: v.R.PostFormValue("outside") != "",
	})
	return d.numberDone(v, err)
}

func (d *Desk) verifyNumber(v *page.Visit) error {
	_, err := d.Constituency.VerifyNumber(v.Ctx(), v.By, v.R.PathValue("number"), v.R.PostFormValue("how"))
	return d.numberDone(v, err)
}

func (d *Desk) retireNumber(v *page.Visit) error {
	if v.R.PostFormValue("organisation") == "" { // not our form
		return errFormNotRead
	}
	return d.numberDone(v, d.Constituency.RetireNumber(v.Ctx(), v.By, v.R.PathValue("number")))
}

func (d *Desk) numberDone(v *page.Visit, err error) error {
	if err != nil {
		return err
	}
	return back(v, itsOrganisation(v), "saved")
}

// itsOrganisation is the page of the organisation that a form was on.
func itsOrganisation(v *page.Visit) string {
	if uid := v.R.PostFormValue("organisation"); id.Valid(uid) {
		return "/desk/constituency/" + uid
	}
	return "/desk/constituency"
}
