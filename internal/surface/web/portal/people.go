package portal

import (
	"errors"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const peoplePath = "/portal/people"

// peopleTabs are the rooms of who keeps the people of an organisation.
func peopleTabs(v *page.Visit, here string) []page.Tab {
	tab := func(key, words, href string) page.Tab {
		return page.Tab{Text: words, Href: href, Count: -1, Here: key == here}
	}
	return []page.Tab{
		tab("people", v.P.T("portal.people.tab"), peoplePath),
		tab("keys", v.P.T("portal.keys.tab"), keysPath),
		tab("activity", v.P.T("portal.activity.tab"), activityPath),
	}
}

func ownRole(p *text.Printer, a account.Account) string {
	switch {
	case a.Has(access.ConstituentAdmin):
		return p.T("portal.people.role.admin")
	case a.Has(access.Constituent):
		return p.T("portal.people.role.member")
	}
	for _, g := range a.Roles {
		if g.State == account.Pending {
			return p.T("portal.people.role.waits")
		}
	}
	return p.T("portal.people.role.none")
}

// whom names accounts for an organisation: its own people by name, everybody else as the team.
func whom(v *page.Visit, list []account.Own) func(int64) string {
	names := map[int64]string{}
	for _, x := range list {
		names[x.ID] = x.Name
	}
	return func(of int64) string {
		if name, ok := names[of]; ok {
			return name
		}
		return v.P.T("portal.people.team")
	}
}

func (d Deps) people(v *page.Visit) error {
	view, err := d.peopleView(v)
	if err != nil {
		return err
	}
	return v.Show(People(view))
}

func (d Deps) peopleView(v *page.Visit) (PeopleView, error) {
	p := v.P
	view := PeopleView{PortalView: d.frame(v, "people", p.T("portal.people.title")), Tabs: peopleTabs(v, "people")}
	if v.By.Organisation == 0 {
		return view, errs.ErrNotFound
	}
	list, err := d.Accounts.OwnPeople(v.Ctx(), d.DB, v.By)
	if err != nil {
		return view, err
	}
	rule, err := d.Accounts.OwnRule(v.Ctx(), d.DB, v.By)
	if err != nil {
		return view, err
	}
	name := whom(v, list)
	without := 0
	for _, x := range list {
		i := Item{Icon: "user", Title: x.Name, Href: peoplePath + "/" + x.UID, Second: x.Email}
		switch {
		case !x.Active:
			view.Left = append(view.Left, i)
			continue
		case x.Invited != nil:
			i.Icon = "mail"
			i.Chips = append(i.Chips, invitedChip(p, *x.Invited))
			i.Second = p.T("portal.people.invited_by", "email", x.Email, "who", name(x.Invited.By))
			view.Invited = append(view.Invited, i)
			continue
		}
		i.Second = p.T("portal.people.line", "email", x.Email, "seen", seen(p, x.SeenAt, v.Now))
		if x.Has(access.ConstituentAdmin) {
			i.Chips = append(i.Chips, page.ChipView{Text: p.T("portal.people.role.admin"), Kind: "info", Icon: "key"})
		}
		if !x.TwoFactor {
			without++
		}
		i.Chips = append(i.Chips, factorChip(p, x.Account))
		view.People = append(view.People, i)
	}
	view.Rule = RuleView{On: rule.Factor, Without: without}
	if !rule.At.IsZero() {
		view.Rule.Said = p.T("portal.people.rule.since", "who", name(rule.By), "when", p.Date(rule.At))
	}
	return view, nil
}

func seen(p *text.Printer, t, now time.Time) string {
	if t.IsZero() {
		return p.T("portal.people.never")
	}
	return p.T("portal.people.seen", "when", p.Brief(t, now))
}

func factorChip(p *text.Printer, a account.Account) page.ChipView {
	if a.TwoFactor {
		return page.ChipView{Text: p.T("portal.people.factor"), Kind: "ok", Icon: "shield-check"}
	}
	return page.ChipView{Text: p.T("portal.people.no_factor"), Kind: "warn", Icon: "shield-alert"}
}

func invitedChip(p *text.Printer, x account.OpenInvitation) page.ChipView {
	if x.Until.IsZero() {
		return page.ChipView{Text: p.T("portal.people.invitation_over"), Kind: "warn", Icon: "clock"}
	}
	return page.ChipView{Text: p.T("portal.people.invited_until", "when", p.Date(x.Until)), Kind: "info", Icon: "hourglass"}
}

func (d Deps) inviteForm(v *page.Visit) error {
	return v.Show(Invite(d.inviteView(v, account.Invitation{Lang: string(v.P.Lang()), Role: access.Constituent}, nil)))
}

func (d Deps) inviteView(v *page.Visit, in account.Invitation, wrong error) InviteView {
	view := InviteView{PortalView: d.frame(v, "people", v.P.T("portal.people.invite")), Name: in.Name, Email: in.Email, Role: string(in.Role)}
	for _, l := range text.Langs() {
		view.Langs = append(view.Langs, page.SelectOption{Value: string(l), Text: text.Name(l), Chosen: string(l) == in.Lang})
	}
	if wrong != nil {
		view.Problems, view.Wrong = problems(v, wrong, nil), true
		if said, ok := plain(v, wrong); ok && len(view.Problems) == 0 {
			view.Problems = []page.Problem{{Field: "email", Text: said}}
		}
	}
	return view
}

// plain gives the sentence of a refusal that belongs on the page itself: it changed nothing, and the person can do something about it.
func plain(v *page.Visit, err error) (string, bool) {
	var e *errs.Error
	if !errors.As(err, &e) || e.Key == "" {
		return "", false
	}
	switch e.Kind {
	case errs.Conflict, errs.Limit:
		return page.Say(v.P, e), true
	}
	return "", false
}

func (d Deps) invite(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	in := account.Invitation{Name: f.get("name"), Email: f.get("email"), Lang: f.get("lang"), Role: access.Role(f.get("role"))}
	_, err = d.Accounts.Invite(v.Ctx(), v.By, in)
	if err == nil {
		return v.See(peoplePath + "?done=invited")
	}
	if _, ok := plain(v, err); !ok && !typedWrong(err) {
		return err
	}
	return v.ShowStatus(errs.Of(err).HTTP(), Invite(d.inviteView(v, in, err)))
}

// require asks a second factor of everybody, or no longer.
func (d Deps) require(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	err = d.Accounts.RequireFactor(v.Ctx(), v.By, f.get("factor") == "yes")
	if err == nil {
		return v.See(peoplePath + "?done=rule")
	}
	said, ok := plain(v, err)
	if !ok {
		return err
	}
	view, again := d.peopleView(v)
	if again != nil {
		return again
	}
	view.Problems, view.Wrong = []page.Problem{{Field: "rule", Text: said}}, true
	return v.ShowStatus(errs.Of(err).HTTP(), People(view))
}
