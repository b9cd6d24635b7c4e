package portal

import (
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// newReport shows the form with what we know of the person.
func (d Deps) newReport(v *page.Visit) error {
	view := NewReportView{PortalView: d.frame(v, "reports", v.P.T("public.report.title"))}
	c, err := d.me(v)
	if err != nil {
		return err
	}
	view.Values = Values{Name: v.By.Name, Email: c.Email, Phone: c.Phone, TLP: "AMBER"}
	if view.Reach, err = d.reachChoice(v, 0); err != nil {
		return err
	}
	return v.Show(NewReport(view))
}

// me finds the contact that the visitor is, by the address of the account; a person who is no contact has none.
func (d Deps) me(v *page.Visit) (constituency.Contact, error) {
	a, err := d.Accounts.Me(v.Ctx(), d.DB, v.By)
	if err != nil {
		return constituency.Contact{}, err
	}
	c, err := d.Constituency.ContactByEmail(v.Ctx(), d.DB, a.Email)
	if errs.Is(err, errs.NotFound) || err == nil && c.Organisation != v.By.Organisation {
		return constituency.Contact{Email: a.Email, Name: a.Name}, nil
	}
	return c, err
}

// Me says who the visitor is, for the question pages: the organisation's name, and how the person is reached.
func (d Deps) Me(v *page.Visit) (organisation string, c constituency.Contact, err error) {
	if c, err = d.me(v); err != nil || v.By.Organisation == 0 {
		return "", c, err
	}
	o, err := d.Constituency.ByID(v.Ctx(), d.DB, v.By.Organisation)
	return o[v.By.Organisation].Name, c, err
}

func (d Deps) sendReport(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	in, err := d.reportInput(v, f)
	var got intake.Received
	if err == nil {
		got, err = d.Intake.Receive(v.Ctx(), v.By, in)
	}
	if err == nil {
		return v.See("/portal/reports/" + got.Report.UID + "?done=reported")
	}
	if !typedWrong(err) {
		return err
	}
	view := NewReportView{PortalView: d.frame(v, "reports", v.P.T("public.report.title"))}
	view.Values = Values{
		Summary: f.get("summary"), Description: f.get("description"), Ongoing: f.get("ongoing"), Name: f.get("name"), Email: f.get("email"), Phone: f.get("phone"), TLP: f.get("tlp"),
		AwareDay: f.get("aware-day"), AwareMonth: f.get("aware-month"), AwareYear: f.get("aware-year"), AwareTime: f.get("aware-time"),
	}
	var again error
	if view.Reach, again = d.reachChoice(v, 0); again != nil {
		return again
	}
	for i, o := range view.Reach {
		view.Reach[i].Chosen = o.Value == f.get("reach")
	}
	view.Problems, view.Wrong = problems(v, err, map[string]string{"aware_at": "aware-day", "ongoing": "ongoing-yes", "tlp": "tlp-RED", "description": "summary"}), true
	return v.ShowStatus(errs.Invalid.HTTP(), NewReport(view))
}

// reportInput reads the form. All problems that the page itself finds are told with those that the rules of intake find.
func (d Deps) reportInput(v *page.Visit, f *form) (intake.ReceiveInput, error) {
	var p errs.Problems
	in := intake.ReceiveInput{
		Channel: correspondence.ByPortal, Lang: string(v.P.Lang()), TLP: f.get("tlp"), Proof: correspondence.SignedIn, Seal: correspondence.Plain,
		Organisation: v.By.Organisation, AwareAt: f.moment("aware", true, &p), Files: f.files, Reach: f.reach(),
		Body: intake.Body{Summary: f.get("summary"), Description: f.get("description"), Name: f.get("name"), Email: f.get("email"), Phone: f.get("phone"), Ongoing: f.get("ongoing")},
	}
	switch in.Body.Ongoing {
	case "", "yes", "contained", "no", "unknown":
	default:
		p.Add("ongoing", "portal.error.choose")
	}
	if c, err := d.me(v); err != nil {
		return in, err
	} else if c.ID != 0 {
		in.Contact = c.ID
	}
	if o, err := d.Constituency.ByID(v.Ctx(), d.DB, v.By.Organisation); err != nil {
		return in, err
	} else if v.By.Organisation != 0 {
		in.Body.OrgText = o[v.By.Organisation].Name
	}
	if len(p) > 0 {
		p = append(p, errs.Fields(intake.Validate(in, v.Now))...)
	}
	in.Original = intake.Canonical(in)
	return in, p.Err()
}
