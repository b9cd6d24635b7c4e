package portal

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const registrationAt = "/portal/registration"

// notAsked are the questions that an account answers by itself.
var notAsked = []string{"admin_name", "admin_email"}

// registration shows how the organisation stands in the register of entities, what it owes, and what we asked.
func (d Deps) registration(v *page.Visit) error {
	view, err := d.registrationView(v)
	if err != nil {
		return err
	}
	return v.Show(Registration(view))
}

func (d Deps) registrationView(v *page.Visit) (RegistrationView, error) {
	p := v.P
	view := RegistrationView{PortalView: d.frame(v, "organisation", p.T("portal.enrol.title"))}
	if _, err := d.mine(v); err != nil {
		return view, err
	}
	entity, newest, err := d.Registration.Own(v.Ctx(), d.DB, v.By)
	if err != nil {
		return view, err
	}
	if entity != nil {
		view.Registered = true
		view.Clock = &page.ClockView{Start: entity.ReviewedAt, Due: entity.ReviewDue, Now: v.Now}
		view.Facts = []page.Answer{
			{Question: p.T("portal.org.class"), Value: p.T("common.enrol.class." + string(entity.Class))},
			{Question: p.T("portal.enrol.since"), Value: p.Date(entity.RegisteredAt)},
			{Question: p.T("portal.enrol.reviewed"), Value: p.Date(entity.ReviewedAt)},
			{Question: p.T("portal.enrol.due"), Value: p.Date(entity.ReviewDue)},
		}
		view.Late = v.Now.After(entity.ReviewDue)
	}
	if newest != nil && !newest.Destroyed {
		if err := d.newestRegistration(v, *newest, &view); err != nil {
			return view, err
		}
	}
	view.CanBegin = newest == nil || !newest.State.Open()
	changes, err := d.Registration.Changes(v.Ctx(), d.DB, v.By.Organisation)
	for _, c := range changes {
		view.Changes = append(view.Changes, changeItem(v, c))
	}
	return view, err
}

// newestRegistration puts the last one that was sent from here on the page.
func (d Deps) newestRegistration(v *page.Visit, r registration.Registration, view *RegistrationView) error {
	p := v.P
	if r.State == registration.Second { // how many of us look is ours
		r.State = registration.New
	}
	view.Sent = &SentRegistration{Reference: r.Reference, When: p.DateTime(r.ReceivedAt), State: page.EnrolChip(p, r.State)}
	if r.State == registration.Refused {
		view.Sent.Reason, view.Sent.Pointer = r.Decision.Reason, r.Decision.Pointer
	}
	words, err := d.Registration.Words(v.Ctx(), d.DB, r)
	for _, w := range words {
		x := page.EnrolWord{Who: p.T("common.enrol.you"), When: p.DateTime(w.At), Text: w.Text, Us: w.Ours}
		if w.Ours {
			x.Who = view.Site.Name
		}
		view.Sent.Words = append(view.Sent.Words, x)
	}
	if r.State.Open() {
		view.Sent.UID = r.UID
	}
	return err
}

func changeItem(v *page.Visit, c registration.Change) Item {
	p := v.P
	i := Item{Icon: "pencil", Title: p.T("portal.change." + c.Kind), Second: p.T("portal.enrol.change.since", "when", p.Date(c.Since)), When: c.AnnouncedAt}
	switch {
	case c.ToldAt.IsZero():
		i.Href = "/portal/organisation/change?settles=" + c.UID
		i.Clock = &page.ClockView{Start: c.Since, Due: c.Due, Now: v.Now}
		i.Chips = append(i.Chips, page.ChipView{Text: p.T("portal.enrol.change.owed"), Kind: "warn", Icon: "hourglass"})
	case c.Late(v.Now):
		i.Chips = append(i.Chips, page.ChipView{Text: p.T("portal.enrol.change.late"), Kind: "high", Icon: "clock"})
	default:
		i.Chips = append(i.Chips, page.ChipView{Text: p.T("portal.enrol.change.told"), Kind: "ok", Icon: "check"})
	}
	return i
}

// registrationOwed are the items of the overview: a review that is due soon, changes that were announced.
func (d Deps) registrationOwed(v *page.Visit) ([]Item, error) {
	if !v.By.Can(access.OwnRegistry) || v.By.Organisation == 0 {
		return nil, nil
	}
	entity, newest, err := d.Registration.Own(v.Ctx(), d.DB, v.By)
	if err != nil {
		return nil, err
	}
	var out []Item
	switch {
	case newest != nil && newest.State == registration.Asked:
		out = append(out, Item{Icon: "building-2", Title: v.P.T("portal.enrol.asked"), Ref: newest.Reference, Href: registrationAt, When: newest.UpdatedAt, New: true})
	case entity != nil && !entity.ReviewDue.After(v.Now.Add(reviewSoon)) && (newest == nil || !newest.State.Open()):
		out = append(out, Item{Icon: "building-2", Title: v.P.T("portal.enrol.review"), Href: registrationAt, Clock: &page.ClockView{Start: entity.ReviewedAt, Due: entity.ReviewDue, Now: v.Now}})
	}
	changes, err := d.Registration.Changes(v.Ctx(), d.DB, v.By.Organisation)
	for _, c := range changes {
		if c.ToldAt.IsZero() {
			out = append(out, changeItem(v, c))
		}
	}
	return out, err
}

const reviewSoon = registration.ReviewEvery / 24 // a month

func (d Deps) registrationForm(v *page.Visit) error {
	o, err := d.mine(v)
	if err != nil {
		return err
	}
	typed, review, err := d.registrationTyped(v, o)
	if err != nil {
		return err
	}
	return v.Show(RegistrationPage(d.registrationFormView(v, typed, review, nil)))
}

// registrationTyped is what the form begins with: what was said last, else what the register knows.
func (d Deps) registrationTyped(v *page.Visit, o constituency.Organisation) (registration.Boxes, bool, error) {
	entity, newest, err := d.Registration.Own(v.Ctx(), d.DB, v.By)
	switch {
	case err != nil:
		return nil, false, err
	case entity != nil:
		return entity.Entry.Said.Boxes(), true, nil
	case newest != nil && !newest.Destroyed:
		return newest.Said.Boxes(), false, nil
	}
	typed := registration.Boxes{"name": o.Name, "identifier": o.External}
	contacts, err := d.Constituency.Contacts(v.Ctx(), d.DB, o.Ref.ID)
	for _, c := range contacts {
		if slices.Contains([]string{"security", "management"}, c.Role) && typed[c.Role+"_email"] == "" {
			typed[c.Role+"_name"], typed[c.Role+"_email"], typed[c.Role+"_phone"] = c.Name, c.Email, c.Phone
		}
	}
	return typed, false, err
}

func (d Deps) registrationFormView(v *page.Visit, typed registration.Boxes, review bool, wrong error) RegistrationFormView {
	title := v.P.T("portal.enrol.form")
	if review {
		title = v.P.T("portal.enrol.review")
	}
	a := d.Registration.Annexes
	view := RegistrationFormView{PortalView: d.frame(v, "organisation", title), Review: review}
	for part := 1; part <= registration.Parts; part++ {
		questions := slices.DeleteFunc(page.NewEnrol(v.P, a, typed, part, wrong), func(q page.EnrolQuestion) bool { return slices.Contains(notAsked, q.Code) })
		if part == registration.PartKind && len(questions) == 0 { // the sector says which kinds there are
			continue
		}
		view.Parts = append(view.Parts, RegistrationPart{Title: v.P.T("common.enrol.part." + strconv.Itoa(part)), Questions: questions})
	}
	if wrong != nil {
		view.Problems, view.Wrong = page.EnrolProblems(v.P, a, typed, wrong, nil), true
		if said, ok := plain(v, wrong); ok && len(view.Problems) == 0 {
			view.Problems = []page.Problem{{Field: "sector-" + a.Sectors[0].Code, Text: said}}
		}
	}
	return view
}

// sendRegistration sends a registration, or a review. Who chose another sector is asked for its kind first.
func (d Deps) sendRegistration(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	if _, err := d.mine(v); err != nil {
		return err
	}
	me, err := d.me(v)
	if err != nil {
		return err
	}
	typed := registration.Boxes{}
	for part := 1; part <= registration.Parts; part++ {
		for _, q := range registration.Ask(d.Registration.Annexes, typed, part) {
			typed[q.Code] = strings.ReplaceAll(strings.Join(v.R.PostForm[q.Code], "\n"), "\r\n", "\n")
		}
	}
	typed["admin_name"], typed["admin_email"] = v.By.Name, me.Email
	entity, _, err := d.Registration.Own(v.Ctx(), d.DB, v.By)
	if err != nil {
		return err
	}
	said, wrong := registration.Read(d.Registration.Annexes, typed, 0)
	if wrong == nil {
		var files []correspondence.FileIn
		if files, wrong = f.inMemory(intake.MaxRegistrationFiles); wrong == nil {
			_, wrong = d.Registration.Submit(v.Ctx(), v.By, said, files)
		}
	}
	if wrong == nil {
		return v.See(registrationAt + "?done=registration")
	}
	if _, ok := plain(v, wrong); !ok && !typedWrong(wrong) {
		return wrong
	}
	return v.ShowStatus(errs.Of(wrong).HTTP(), RegistrationPage(d.registrationFormView(v, typed, entity != nil, wrong)))
}

// answerRegistration answers what we asked about the organisation's registration.
func (d Deps) answerRegistration(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	err = d.Registration.AnswerOwn(v.Ctx(), v.By, f.get("registration"), f.get("text"))
	if err == nil {
		return v.See(registrationAt + "?done=answered")
	}
	if !typedWrong(err) {
		return err
	}
	view, again := d.registrationView(v)
	if again != nil {
		return again
	}
	view.Text = f.get("text")
	view.Problems, view.Wrong = problems(v, err, nil), true
	return v.ShowStatus(errs.Invalid.HTTP(), Registration(view))
}
