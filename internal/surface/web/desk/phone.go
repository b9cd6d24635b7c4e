package desk

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// phone is the call note: a few fields that the keyboard fills in ten seconds. Whoever opens it from an organisation or a contact has chosen whose
// call it is; a number alone chooses nobody.
func (d *Desk) phone(v *page.Visit) error {
	q := v.R.URL.Query()
	in := note{ReceiveInput: intake.ReceiveInput{TLP: tlp.Amber.String()}, called: v.Now.In(d.Zone).Format(localMinute)}
	if uid := q.Get("contact"); uid != "" {
		c, err := d.Constituency.ContactByUID(v.Ctx(), d.DB, v.By, uid)
		if err != nil {
			return err
		}
		orgs, err := d.Constituency.ByID(v.Ctx(), d.DB, c.Organisation)
		if err != nil {
			return err
		}
		in.contact, in.Body.Name, in.Body.OrgText, in.Body.Phone, in.Body.Email = c.UID, c.Name, orgs[c.Organisation].Name, c.Phone, c.Email
	}
	return v.Show(Form(d.phoneForm(v, in, nil)))
}

// note is a call note as it was typed.
type note struct {
	intake.ReceiveInput
	called  string // local, to the minute
	contact string // uid of whom the page was opened for
}

func (d *Desk) phoneForm(v *page.Visit, in note, wrong error) FormView {
	p := v.P
	list, by := problems(p, wrong, map[string]string{"organisation": "org", "called_at": "called"})
	view := FormView{
		DeskView: d.frame(v, "triage", p.T("desk.phone.title")), Heading: p.T("desk.phone.title"), Lead: p.T("desk.phone.lead"), Action: "/desk/phone",
		Problems: list, Submit: page.ButtonView{Text: p.T("desk.phone.do"), Kind: "primary", Key: "Ctrl ↵"},
		More: []page.ButtonView{{Text: p.T("desk.phone.do_finish"), Name: "then", Value: "finish"}, {Text: p.T("desk.cancel"), Href: "/desk/triage"}},
	}
	view.Wrong = wrong != nil
	level, _ := tlp.Parse(in.TLP)
	first := templ.OrderedAttributes{}
	if wrong == nil {
		first = append(first, templ.KV[string, any]("autofocus", ""))
	}
	if in.contact != "" {
		view.Hidden = append(view.Hidden, page.Hid{Name: "contact", Value: in.contact})
	}
	view.Fields = []templ.Component{
		page.Field(p, page.FieldView{ID: "name", Name: "name", Label: p.T("desk.phone.who"), Value: in.Body.Name, Autocomplete: "off", Error: by["name"], Attrs: first}),
		page.Field(p, page.FieldView{ID: "phone", Name: "phone", Label: p.T("desk.phone.number"), Hint: p.T("desk.phone.number.hint"), Value: in.Body.Phone, Type: "tel", Width: "half", Autocomplete: "off", Error: by["phone"]}),
		page.Field(p, page.FieldView{ID: "summary", Name: "summary", Label: p.T("desk.phone.summary"), Value: in.Body.Summary, Autocomplete: "off", Error: by["summary"]}),
		page.Field(p, page.FieldView{ID: "description", Name: "description", Label: p.T("desk.phone.said"), Value: in.Body.Description, Rows: 4, Error: by["description"]}),
		page.Field(p, page.FieldView{ID: "org", Name: "org", Label: p.T("desk.phone.org"), Value: in.Body.OrgText, Autocomplete: "off", Error: by["organisation"]}),
		page.Field(p, page.FieldView{ID: "email", Name: "email", Label: p.T("desk.phone.email"), Value: in.Body.Email, Type: "email", Width: "half", Autocomplete: "off", Error: by["email"]}),
		page.Option(page.OptionView{ID: "crime", Name: "crime", Value: "1", Label: p.T("desk.phone.crime"), Hint: p.T("desk.phone.crime.hint"), Checked: in.Crime, Many: true}),
		page.Field(p, page.FieldView{ID: "called", Name: "called", Label: p.T("desk.phone.called"), Hint: p.T("desk.phone.called.hint", "zone", d.Zone.String()), Value: in.called, Type: "datetime-local", Width: "half", Error: by["called_at"]}),
		page.Select(p, page.FieldView{ID: "tlp", Name: "tlp", Label: p.T("desk.field.tlp")}, tlpOptions(level)),
	}
	return view
}

// logCall keeps a call as a report; its original is the note as it was typed.
func (d *Desk) logCall(v *page.Visit) error {
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	in := note{called: get("called"), contact: get("contact"), ReceiveInput: intake.ReceiveInput{
		Channel: correspondence.ByPhone, Lang: string(v.P.Lang()), TLP: get("tlp"), Proof: correspondence.ByHand, Seal: correspondence.Plain, Crime: get("crime") != "",
		Body: intake.Body{Summary: get("summary"), Description: get("description"), Name: get("name"), Email: get("email"), Phone: get("phone"), OrgText: get("org")},
	}}
	var p errs.Problems
	if in.called != "" {
		at, err := localMoment(d.Zone, in.called, v.Now)
		if err != nil {
			p.Add("called_at", "error.date")
		}
		if v.Now.Sub(at) >= time.Minute || at.After(v.Now) { // else it is now, to the second
			in.CalledAt = at
		}
	}
	if in.contact != "" {
		c, err := d.Constituency.ContactByUID(v.Ctx(), d.DB, v.By, in.contact)
		if err != nil {
			return err
		}
		in.Contact = c.ID
	}
	original, err := json.Marshal(map[string]any{"channel": "phone", "taken_by": v.By.Name, "called_at": orNow(in.CalledAt, v.Now), "at": v.Now, "note": in.Body})
	if err != nil {
		return err
	}
	in.Original = original
	var out intake.Received
	if err = p.Err(); err == nil {
		out, err = d.Intake.Receive(v.Ctx(), v.By, in.ReceiveInput)
	} else if more := intake.Validate(in.ReceiveInput, v.Now); more != nil { // all problems at once
		err = append(p, errs.Fields(more)...).Err()
	}
	if errs.Is(err, errs.Invalid) {
		return v.ShowStatus(errs.Invalid.HTTP(), Form(d.phoneForm(v, in, err)))
	}
	if err != nil {
		return err
	}
	if get("then") == "finish" {
		return v.See("/desk/reports/" + out.Report.UID + "/call")
	}
	return back(v, "/desk/triage", "logged", "report", out.Report.UID)
}

func orNow(t, now time.Time) time.Time {
	if t.IsZero() {
		return now
	}
	return t
}

// localMoment reads a local minute. One that the clocks skip in spring is refused; of one that they show twice in autumn the later is taken, unless it is
// still to come.
func localMoment(zone *time.Location, s string, now time.Time) (time.Time, error) {
	t, err := time.ParseInLocation(localMinute, s, zone)
	if err != nil || t.Format(localMinute) != s {
		return t, errTime
	}
	for _, x := range []time.Time{t.Add(time.Hour), t, t.Add(-time.Hour)} {
		if x.Format(localMinute) == s && !x.After(now) {
			return x, nil
		}
	}
	return t, nil
}

// recommendations gives the library, those that fit the type first.
func (d *Desk) recommendations(code, lang string) []choice {
	var out []choice
	there := map[string]bool{}
	filters := []playbook.Filter{{Lang: lang}}
	if code != "" {
		filters = []playbook.Filter{{Type: code, Lang: lang}, {Lang: lang}}
	}
	for _, f := range filters {
		fit := d.Playbook.Recommendations(f)
		if f.Type == "" { // what is not ranked stands by the alphabet of the reader
			slices.SortStableFunc(fit, func(a, b playbook.Recommendation) int { return strings.Compare(a.Title, b.Title) })
		}
		for _, r := range fit {
			if !there[r.Code] {
				there[r.Code] = true
				out = append(out, choice{name: "recommendation", value: r.Code, label: r.Title})
			}
		}
	}
	return out
}
