package desk

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// adminRoutes is the map of the administration. What each act needs beyond the right, a fresh proof or a second person, its verb asks.
func (d *Desk) adminRoutes() []page.Route {
	manage, rules, stop := page.Needs(access.ManageAccounts), page.Needs(access.ChangeRules), page.Needs(access.StopMail)
	approve, read := page.Needs(access.Approve), page.Needs(access.ReadAudit)
	return []page.Route{
		{Pattern: "GET /desk/admin", Need: page.SignedIn, Serve: d.admin},
		{Pattern: "GET /desk/admin/{$}", Need: page.SignedIn, Serve: d.admin},

		{Pattern: "GET /desk/admin/people", Need: manage, Serve: d.people},
		{Pattern: "GET /desk/admin/people/new", Need: manage, Serve: d.newPerson},
		{Pattern: "POST /desk/admin/people", Need: manage, Serve: d.addPerson},
		{Pattern: "GET /desk/admin/people/{person}", Need: manage, Serve: d.person},
		{Pattern: "POST /desk/admin/people/{person}/grant", Need: manage, Serve: d.grant},
		{Pattern: "POST /desk/admin/people/{person}/revoke", Need: manage, Serve: d.revoke},
		{Pattern: "POST /desk/admin/people/{person}/enable", Need: manage, Serve: d.enable},
		{Pattern: "GET /desk/admin/people/{person}/lost", Need: manage, Serve: d.lost},
		{Pattern: "POST /desk/admin/people/{person}/password", Need: manage, Serve: d.resetPassword},
		{Pattern: "POST /desk/admin/people/{person}/factor", Need: manage, Serve: d.resetFactors},
		{Pattern: "GET /desk/admin/people/{person}/disable", Need: manage, Serve: d.leaving},
		{Pattern: "POST /desk/admin/people/{person}/disable", Need: manage, Serve: d.disable},

		{Pattern: "GET /desk/admin/waiting", Need: page.SignedIn, Serve: d.waiting},
		{Pattern: "POST /desk/admin/waiting/confirm", Need: approve, Serve: d.confirm},
		{Pattern: "POST /desk/admin/waiting/refuse", Need: approve, Serve: d.refuse},

		{Pattern: "GET /desk/admin/tokens", Need: page.SignedIn, Serve: d.tokens},
		{Pattern: "GET /desk/admin/tokens/new", Need: page.SignedIn, Serve: d.newToken},
		{Pattern: "POST /desk/admin/tokens", Need: page.SignedIn, Serve: d.addToken},
		{Pattern: "POST /desk/admin/tokens/{token}/revoke", Need: page.SignedIn, Serve: d.revokeToken},

		{Pattern: "GET /desk/admin/sign-in", Need: manage, Serve: d.signInWith},
		{Pattern: "GET /desk/admin/sign-in/new", Need: manage, Serve: d.newProviderElsewhere},
		{Pattern: "POST /desk/admin/sign-in/new", Need: manage, Serve: d.addElsewhere},
		{Pattern: "GET /desk/admin/sign-in/{issuer}", Need: manage, Serve: d.oneElsewhere},
		{Pattern: "POST /desk/admin/sign-in/{issuer}", Need: manage, Serve: d.saveElsewhere},
		{Pattern: "POST /desk/admin/sign-in/{issuer}/look", Need: manage, Serve: d.lookElsewhere},
		{Pattern: "POST /desk/admin/sign-in/{issuer}/end", Need: manage, Serve: d.endElsewhere},

		{Pattern: "GET /desk/admin/keys", Need: page.SignedIn, Serve: d.keys},
		{Pattern: "GET /desk/admin/keys/{fingerprint}", Need: page.SignedIn, Serve: d.downloadKey},

		{Pattern: "GET /desk/admin/mail", Need: rules, Serve: d.roads},
		{Pattern: "GET /desk/admin/mail/change", Need: rules, Serve: d.changeRoads},
		{Pattern: "POST /desk/admin/mail/compare", Need: rules, Serve: d.compareRoads},
		{Pattern: "POST /desk/admin/mail", Need: rules, Serve: d.saveRoads},
		{Pattern: "GET /desk/admin/second", Need: rules, Serve: d.secondRule},
		{Pattern: "POST /desk/admin/second", Need: rules, Serve: d.saveSecond},
		{Pattern: "GET /desk/admin/registrations", Need: rules, Serve: d.registrationRule},
		{Pattern: "POST /desk/admin/registrations", Need: rules, Serve: d.saveRegistrationRule},
		{Pattern: "GET /desk/admin/confirmations", Need: rules, Serve: d.askRule},
		{Pattern: "POST /desk/admin/confirmations", Need: rules, Serve: d.saveAskRule},
		{Pattern: "GET /desk/admin/stop-mail", Need: stop, Serve: d.stopMail},
		{Pattern: "POST /desk/admin/stop-mail", Need: stop, Serve: d.setStopMail},

		{Pattern: "GET /desk/admin/entitlements", Need: rules, Serve: d.entitlements},
		{Pattern: "GET /desk/admin/entitlements/{community}", Need: rules, Serve: d.community},
		{Pattern: "POST /desk/admin/entitlements/{community}", Need: rules, Serve: d.saveCommunity},

		{Pattern: "GET /desk/audit", Need: read, Serve: d.record},
	}
}

// adminView is the frame of a room.
func (d *Desk) adminView(v *page.Visit, heading, lead string, body ...templ.Component) AdminView {
	view := AdminView{DeskView: d.frame(v, "admin", heading), Heading: heading, Lead: lead, Body: body}
	if administers(v.By) {
		view.Up = page.NavItem{Text: v.P.T("desk.admin.title"), Href: "/desk/admin"}
	}
	return view
}

// wrongAdmin shows a room again with what was refused on top.
func wrongAdmin(v *page.Visit, view AdminView, status int, list ...page.Problem) error {
	for i := range list {
		list[i].Bare = list[i].Text == v.P.T("error.required")
	}
	view.Problems, view.Wrong = list, true
	return v.ShowStatus(status, Admin(view))
}

// fresh leads to the proof, and from there to the named route (package entry), when the last one is too old; the verb asks again (rule I5).
func fresh(v *page.Visit, name string) (asked bool, err error) {
	if v.By.NeedFresh(v.Now) == nil {
		return false, nil
	}
	return true, v.See("/desk/account/prove?next=" + url.QueryEscape(name))
}

// plainRefusal gives the sentence of a refusal that belongs on the page itself: it changed nothing and the person can do something about it.
func plainRefusal(v *page.Visit, err error) (string, bool) {
	var e *errs.Error
	if !errors.As(err, &e) {
		return "", false
	}
	if len(e.Fields) > 0 {
		var said []string
		for _, f := range e.Fields {
			said = append(said, page.SayField(v.P, f))
		}
		return strings.Join(said, " "), true
	}
	switch e.Kind {
	case errs.Conflict, errs.Forbidden, errs.Invalid:
		return page.Say(v.P, e), true
	}
	return "", false
}

// administers tells whether the actor has any room of the administration beyond its own tokens.
func administers(by access.Actor) bool {
	for _, r := range []access.Right{access.ManageAccounts, access.ReadAudit, access.ChangeRules, access.StopMail, access.Approve, access.BreakGlass} {
		if by.Can(r) {
			return true
		}
	}
	return false
}

// admin is the index: the rooms that the reader may enter, and how the house is.
func (d *Desk) admin(v *page.Visit) error {
	p, by := v.P, v.By
	if !administers(by) {
		return by.Need(access.ManageAccounts)
	}
	var list []room
	add := func(may bool, r room) {
		if may {
			list = append(list, r)
		}
	}
	waits := 0
	if mayWait(by) {
		all, err := d.Accounts.Waiting(v.Ctx(), by)
		if err != nil {
			return err
		}
		waits = len(all)
	}
	alarms, err := d.Alarms.Open(v.Ctx(), by)
	if err != nil {
		return err
	}
	add(alarm.Told(by), room{"siren", "/desk/alarms", p.T("desk.alarms"), p.T("desk.alarms.note"), alarms})
	add(by.Can(access.BreakGlass), room{"lock-open", "/desk/break-glass", p.T("desk.glass.title"), p.T("desk.glass.note"), 0})
	add(by.Can(access.ManageAccounts), room{"users", "/desk/admin/people", p.T("desk.admin.people"), p.T("desk.admin.people.note"), 0})
	add(by.Can(access.ManageAccounts), room{"link", elsewhereAt, p.T("desk.elsewhere.title"), p.T("desk.elsewhere.room"), 0})
	add(mayWait(by), room{"hourglass", "/desk/admin/waiting", p.T("desk.admin.waiting"), p.T("desk.admin.waiting.note"), waits})
	add(true, room{"key", "/desk/admin/tokens", p.T("desk.admin.tokens"), p.T("desk.admin.tokens.note"), 0})
	add(true, room{"file-lock-2", "/desk/admin/keys", p.T("desk.admin.keys"), p.T("desk.admin.keys.note"), 0})
	add(by.Can(access.ChangeRules), room{"mail", "/desk/admin/mail", p.T("desk.admin.mail"), p.T("desk.admin.mail.note"), 0})
	add(by.Can(access.ChangeRules), room{"users", "/desk/admin/second", p.T("desk.second.title"), p.T("desk.second.note"), 0})
	add(by.Can(access.ChangeRules), room{"building-2", "/desk/admin/registrations", p.T("desk.registration.rule"), p.T("desk.registration.rule.note"), 0})
	add(by.Can(access.ChangeRules), room{"check-check", "/desk/admin/confirmations", p.T("desk.confirm.title"), p.T("desk.confirm.note"), 0})
	add(by.Can(access.ChangeRules), room{"bell-ring", laddersAt, p.T("desk.ladders.title"), p.T("desk.ladders.note"), 0})
	add(by.Can(access.ChangeRules), room{"list-checks", "/desk/admin/entitlements", p.T("desk.admin.entitlements"), p.T("desk.admin.entitlements.note"), 0})
	add(by.Can(access.ChangeRules), room{"shield-check", "/desk/admin/rules", p.T("desk.rules.title"), p.T("desk.rules.note"), 0})
	add(by.Can(access.ChangeRules) && by.Can(access.ReadCases), room{"list-filter", "/desk/admin/routine", p.T("desk.routine.title"), p.T("desk.routine.note"), 0})
	add(by.Can(access.ChangeRules), room{"x", "/desk/admin/reasons", p.T("desk.reasons.title"), p.T("desk.reasons.note"), 0})
	add(by.Can(access.ChangeRules), room{"archive", "/desk/admin/retention", p.T("desk.keep.title"), p.T("desk.keep.note"), 0})
	add(by.Can(access.ReadAudit), room{"history", "/desk/audit", p.T("desk.audit.title"), p.T("desk.audit.note"), 0})
	view := d.adminView(v, p.T("desk.admin.title"), "", rooms(p, list))
	view.Up = page.NavItem{} // the index has nothing above it
	if by.Can(access.StopMail) {
		paused, err := d.Correspondence.Paused(v.Ctx(), d.DB)
		if err != nil {
			return err
		}
		note := p.T("desk.admin.stop.running")
		if paused {
			note = p.T("desk.admin.stop.stopped")
		}
		view.Body = append(view.Body, section("stop", p.T("desk.admin.danger"), rooms(p, []room{{"hand", "/desk/admin/stop-mail", p.T("desk.admin.stop"), note, 0}})))
	}
	if d.Health != nil && (by.Can(access.ManageAccounts) || by.Can(access.ReadAudit)) {
		view.Body = append(view.Body, section("health", p.T("desk.admin.health"), healthLines(p, d.Health(v.Ctx()))))
	}
	return v.Show(Admin(view))
}

// lastChange says when a setting was changed last, and by whom.
func (d *Desk) lastChange(v *page.Visit, verb string) (string, error) {
	r, err := d.Audit.Last(v.Ctx(), d.DB, verb)
	if err != nil || r.ID == 0 {
		return v.P.T("desk.admin.never"), err
	}
	return v.P.T("desk.admin.changed", "when", v.P.DateTime(r.At), "who", r.ActorName), nil
}

func accountRole(p *text.Printer, r access.Role) string {
	return named(p, "desk.admin.role.", string(r))
}

func moment(p *text.Printer, t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return p.DateTime(t)
}
