package portal

import (
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// frame fills what is around a page; here is the room of the menu that it belongs to.
func (d Deps) frame(v *page.Visit, here, title string) page.PortalView {
	around := d.Around(v)
	around.Frame.P, around.Title, around.Now, around.Path = v.P, title, v.Now, v.R.URL.Path
	// Who is signed in is not asked to sign in.
	around.Nav = slices.DeleteFunc(around.Nav, func(n page.NavItem) bool { return n.Href == "/login" })
	p := page.PortalView{Frame: around.Frame, Nav: around.Nav, Me: page.Person{Name: v.By.Name}, SignOut: "/logout?door=portal", Toast: toast(v)}
	p.Menu = Menu(v, here)
	if v.By.Organisation != 0 {
		o, err := d.Constituency.ByID(v.Ctx(), d.DB, v.By.Organisation)
		if err != nil {
			v.Without(err)
		}
		p.Organisation = o[v.By.Organisation].Name
	}
	return p
}

// FormFrame is what stands around the question pages in the portal.
func (d Deps) FormFrame(v *page.Visit, title string) page.PortalView {
	return d.frame(v, "reports", title)
}

// Menu gives the rooms of the portal that the visitor may enter.
func Menu(v *page.Visit, here string) []page.NavItem {
	item := func(key, words, href, icon string) page.NavItem {
		return page.NavItem{Text: words, Href: href, Icon: icon, Here: key == here}
	}
	menu := []page.NavItem{
		item("overview", v.P.T("portal.nav.overview"), "/portal/", "house"),
		item("requests", v.P.T("portal.nav.requests"), "/portal/requests", "message-square"),
		item("measures", v.P.T("portal.nav.measures"), "/portal/measures", "list-checks"),
		item("reports", v.P.T("portal.nav.reports"), "/portal/reports", "siren"),
		item("messages", v.P.T("portal.nav.messages"), "/portal/messages", "mail"),
		item("documents", v.P.T("portal.nav.documents"), "/portal/documents", "file-text"),
	}
	if v.By.Can(access.OwnRegistry) {
		menu = append(menu, item("assets", v.P.T("portal.nav.assets"), "/portal/assets", "network"))
		menu = append(menu, item("organisation", v.P.T("portal.nav.organisation"), "/portal/organisation", "building-2"))
	}
	if v.By.Can(access.OwnPeople) {
		menu = append(menu, item("people", v.P.T("portal.people.title"), peoplePath, "users"))
	}
	return append(menu, item("account", v.P.T("portal.nav.account"), "/portal/account", "user"))
}

// toast tells what the act before the redirect did. Only these words can be asked for by the address.
func toast(v *page.Visit) *page.ToastView {
	words := map[string]string{
		"answered": v.P.T("portal.done.answered"),
		"moved":    v.P.T("portal.done.moved"),
		"added":    v.P.T("portal.done.added"),
		"offered":  v.P.T("portal.done.offered"),
		"proposed": v.P.T("portal.done.proposed"),
		"reported": v.P.T("portal.done.reported"),
		"sheet":    v.P.T("portal.done.sheet"),
		"received": v.P.T("portal.done.received"),
		"said":     v.P.T("portal.done.said"),

		"invited":       v.P.T("portal.done.invited"),
		"invited_again": v.P.T("portal.done.invited"),
		"withdrawn":     v.P.T("portal.done.withdrawn"),
		"role":          v.P.T("portal.done.role"),
		"reset":         v.P.T("portal.done.reset"),
		"factor_reset":  v.P.T("portal.done.factor_reset"),
		"sessions":      v.P.T("portal.done.sessions"),
		"removed":       v.P.T("portal.done.removed"),
		"rule":          v.P.T("portal.done.rule"),
		"key_ended":     v.P.T("portal.done.key_ended"),
		"claimed":       v.P.T("portal.done.claimed"),
		"looks":         v.P.T("portal.done.looks"),
		"proved":        v.P.T("portal.done.proved"),
		"confirmed":     v.P.T("portal.done.confirmed"),
		"registration":  v.P.T("portal.done.registration"),
		"ended_proof":   v.P.T("portal.done.ended_proof"),
	}
	if s, ok := words[v.R.URL.Query().Get("done")]; ok {
		return &page.ToastView{Text: s}
	}
	return nil
}

// Fail shows a refusal in the frame of the public pages: what one may not see and what does not exist look alike (rule A5).
func (d Deps) Fail(v *page.Visit, kind errs.Kind, said, reference string) error {
	around := d.Around(v)
	around.Frame.P, around.Now, around.Path = v.P, v.Now, "/portal/"
	x := page.NewError(around, kind, said, reference)
	x.Refused = v.Refused
	if v.By.Account != 0 {
		x.Home = "/portal"
	}
	return v.ShowStatus(kind.HTTP(), page.Error(x))
}
