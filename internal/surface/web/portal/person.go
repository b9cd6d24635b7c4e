package portal

import (
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func (d Deps) person(v *page.Visit) error {
	view, err := d.personView(v)
	if err != nil {
		return err
	}
	return v.Show(OnePerson(view))
}

func (d Deps) personView(v *page.Visit) (PersonView, error) {
	x, err := d.Accounts.OwnPerson(v.Ctx(), d.DB, v.By, v.R.PathValue("member"))
	if err != nil {
		return PersonView{}, err
	}
	list, err := d.Accounts.OwnPeople(v.Ctx(), d.DB, v.By)
	if err != nil {
		return PersonView{}, err
	}
	p, name := v.P, whom(v, list)
	view := PersonView{
		PortalView: d.frame(v, "people", x.Name), At: peoplePath + "/" + x.UID, Me: x.ID == v.By.Account, Active: x.Active, Invited: x.Invited != nil,
		Factor: x.TwoFactor, Role: string(access.Constituent),
	}
	if x.Has(access.ConstituentAdmin) {
		view.Role = string(access.ConstituentAdmin)
	}
	view.Facts = []page.Answer{
		{Question: p.T("portal.people.email"), Value: x.Email},
		{Question: p.T("portal.people.role"), Value: ownRole(p, x.Account)},
		{Question: p.T("portal.people.lang"), Value: text.Name(text.Lang(x.Lang))},
	}
	for _, g := range x.Roles {
		view.Facts = append(view.Facts, page.Answer{Question: p.T("portal.people.given"), Value: p.T("portal.people.given_by", "who", name(g.By), "when", p.Date(g.At))})
		break
	}
	switch {
	case !x.Active:
		view.Chip = page.ChipView{Text: p.T("portal.people.left"), Icon: "ban"}
	case x.Invited != nil:
		view.Chip = invitedChip(p, *x.Invited)
		view.Facts = append(view.Facts, page.Answer{Question: p.T("portal.people.letter"), Value: p.DateTime(x.Invited.At)})
	default:
		view.Chip = factorChip(p, x.Account)
		sessions, err := d.Accounts.Sessions(v.Ctx(), v.By, x.UID)
		if err != nil {
			return view, err
		}
		view.Sessions = len(sessions)
		view.Facts = append(view.Facts, page.Answer{Question: p.T("portal.people.last"), Value: seen(p, x.SeenAt, v.Now)})
	}
	return view, nil
}

// acted finishes an act on a person: back to the page with a line, or the page again with the refusal.
func (d Deps) acted(v *page.Visit, err error, to, done string) error {
	if err == nil {
		return v.See(to + "?done=" + done)
	}
	said, ok := plain(v, err)
	if !ok {
		return err
	}
	view, again := d.personView(v)
	if again != nil {
		return again
	}
	view.Problems, view.Wrong = []page.Problem{{Field: "acts", Text: said}}, true
	return v.ShowStatus(errs.Of(err).HTTP(), OnePerson(view))
}

func personPath(v *page.Visit) string { return peoplePath + "/" + v.R.PathValue("member") }

func (d Deps) inviteAgain(v *page.Visit) error {
	_, err := d.Accounts.InviteAgain(v.Ctx(), v.By, v.R.PathValue("member"))
	return d.acted(v, err, personPath(v), "invited_again")
}

func (d Deps) withdraw(v *page.Visit) error {
	return d.acted(v, d.Accounts.WithdrawInvitation(v.Ctx(), v.By, v.R.PathValue("member")), peoplePath, "withdrawn")
}

func (d Deps) setRole(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	a, err := d.Accounts.SetRole(v.Ctx(), v.By, v.R.PathValue("member"), access.Role(f.get("role")))
	if err == nil && a.ID == v.By.Account && !a.Has(access.ConstituentAdmin) {
		return v.See("/portal/") // these pages are not theirs any more
	}
	if typedWrong(err) {
		err = &errs.Error{Kind: errs.Conflict, Key: "portal.error.choose", Text: "no such role"}
	}
	return d.acted(v, err, personPath(v), "role")
}

func (d Deps) resetPassword(v *page.Visit) error {
	_, err := d.Accounts.SendReset(v.Ctx(), v.By, v.R.PathValue("member"))
	return d.acted(v, err, personPath(v), "reset")
}

func (d Deps) resetFactor(v *page.Visit) error {
	_, err := d.Accounts.ResetFactors(v.Ctx(), v.By, v.R.PathValue("member"))
	return d.acted(v, err, personPath(v), "factor_reset")
}

func (d Deps) endSessions(v *page.Visit) error {
	keep := ""
	x, err := d.Accounts.OwnPerson(v.Ctx(), d.DB, v.By, v.R.PathValue("member"))
	if err == nil {
		if x.ID == v.By.Account {
			keep = v.Session
		}
		err = d.Accounts.RevokeAll(v.Ctx(), v.By, x.UID, keep)
	}
	return d.acted(v, err, personPath(v), "sessions")
}

// leaving asks before everything of a leaver ends.
func (d Deps) leaving(v *page.Visit) error {
	x, err := d.Accounts.OwnPerson(v.Ctx(), d.DB, v.By, v.R.PathValue("member"))
	if err != nil {
		return err
	}
	if !x.Active || x.ID == v.By.Account || x.Invited != nil {
		return v.See(personPath(v))
	}
	return v.Show(Leaving(LeavingView{
		PortalView: d.frame(v, "people", v.P.T("portal.people.remove.title", "name", x.Name)), At: personPath(v), Email: x.Email, Keys: d.keysOf(v, x),
	}))
}

// keysOf counts the living keys that somebody made: their secrets were seen.
func (d Deps) keysOf(v *page.Visit, x account.Own) int {
	list, err := d.Accounts.OwnKeys(v.Ctx(), d.DB, v.By)
	if err != nil {
		v.Without(err)
	}
	n := 0
	for _, t := range list {
		if t.CreatedBy == x.ID && t.State != account.Ended && t.ExpiresAt.After(v.Now) {
			n++
		}
	}
	return n
}

func (d Deps) remove(v *page.Visit) error {
	_, err := d.Accounts.OwnPerson(v.Ctx(), d.DB, v.By, v.R.PathValue("member"))
	if err == nil {
		_, err = d.Accounts.Disable(v.Ctx(), v.By, v.R.PathValue("member"))
	}
	return d.acted(v, err, peoplePath, "removed")
}
