package desk

import (
	"strconv"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Counts are the numbers beside the rooms. Late says that something in triage is overdue or nearly so.
type Counts struct {
	Triage, My, Incidents, Deadlines, Outbox int
	Late                                     bool
}

// Menu gives the side navigation; here is the key of the open room: triage, my, incidents, deadlines, outbox, constituency.
func Menu(p *text.Printer, here string, n Counts) []page.NavGroup {
	item := func(key, words, href, icon, letter string, count int, urgent bool) page.NavItem {
		return page.NavItem{Text: words, Href: href, Icon: icon, Key: letter, Here: key == here, Count: count, Urgent: urgent}
	}
	return []page.NavGroup{
		{Items: []page.NavItem{
			item("triage", p.T("desk.nav.triage"), "/desk/triage", "inbox", "T", n.Triage, n.Late),
			item("my", p.T("desk.nav.my"), "/desk/my", "user", "M", n.My, false),
			item("incidents", p.T("desk.nav.incidents"), "/desk/incidents", "shield-alert", "I", n.Incidents, false),
			item("deadlines", p.T("desk.nav.deadlines"), "/desk/deadlines", "calendar-clock", "D", n.Deadlines, false),
			item("outbox", p.T("desk.nav.outbox"), "/desk/outbox", "send", "O", n.Outbox, false),
			item("suspicious", p.T("desk.nav.suspicious"), "/desk/suspicious", "mail", "L", 0, false),
			item("targets", p.T("desk.nav.targets"), "/desk/targets", "unlink", "", 0, false),
			item("duty", p.T("desk.nav.duty"), "/desk/duty", "radio-tower", "B", 0, false),
		}},
		{Title: p.T("desk.nav.community"), Items: []page.NavItem{
			item("constituency", p.T("desk.nav.constituency"), "/desk/constituency", "building-2", "C", 0, false),
		}},
	}
}

// Settings is the item at the foot of the navigation, for those who may administer.
func Settings(p *text.Printer, here string) page.NavItem {
	return page.NavItem{Text: p.T("desk.nav.settings"), Href: "/desk/admin", Icon: "settings", Here: here == "admin"}
}

func optionID(name string, i int) string { return name + "-" + strconv.Itoa(i) }
