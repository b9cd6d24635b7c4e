package desk

import (
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// The other rooms: lists, forms, asking, one organisation.

func listRoom(p *text.Printer) ListView {
	v := ListView{
		DeskView: shell(p, "incidents", p.T("desk.nav.incidents")), Heading: p.T("desk.nav.incidents"),
		Acts:   []page.ButtonView{{Text: p.T("desk.triage.new"), Kind: "primary", Icon: "plus", Href: "/desk/incidents/new", Key: "C"}},
		Search: &page.FieldView{ID: "q", Name: "q", Label: p.T("desk.list.find"), Type: "search", Width: "half"},
		Pages:  &page.PagesView{Next: "/desk/incidents?after=x", From: 1, To: 5, Total: 5, TotalAtLeast: true},
		Table:  page.TableView{Caption: p.T("desk.nav.incidents")},
	}
	for i, x := range []string{"open", "closed", "all"} {
		v.Filters = append(v.Filters, page.ChipView{Text: p.T("desk.incidents.show." + x), Kind: map[bool]string{true: "on", false: "outline"}[i == 0], Href: "/desk/incidents"})
	}
	for _, key := range []string{p.T("desk.col.severity"), p.T("desk.col.incident"), p.T("desk.col.type"), p.T("desk.col.marking"), p.T("desk.col.state"), p.T("desk.col.handler"), p.T("desk.col.changed")} {
		v.Table.Columns = append(v.Table.Columns, page.Column{Text: key})
	}
	add := func(level, title, ref, kind, label, state, who string, ago time.Duration) {
		v.Table.Rows = append(v.Table.Rows, []templ.Component{
			page.Severity(p, sev(level)), link("/desk/incidents/"+ref, title, ref), page.Text(kind), page.TLPShort(label),
			page.Chip(page.ChipView{Text: p.T("desk.state." + state), Kind: "info", Icon: "circle-dot"}), page.Avatar(p, page.Person{Name: who}), page.At(p, noon.Add(-ago), noon),
		})
	}
	add("critical", "Ransomware on billing and SCADA historian servers", "INC-2026-000131", "Availability · sabotage", "AMBER", "coordinating", "Ana Duarte", 12*time.Minute)
	add("high", "DDoS on the tax portal, second wave, 180 Gbit/s", "INC-2026-000130", "Availability · DDoS", "GREEN", "open", "", 41*time.Minute)
	add("medium", "Credential phishing against students, cloned login page", "INC-2026-000128", "Fraud · phishing", "CLEAR", "monitoring", "João Freitas", 5*time.Hour)
	add("low", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "INC-2026-000121", "", "RED", "analysing", "Marta Silva", 50*time.Hour)
	return v
}

func TestBrowserList(t *testing.T) {
	pagetest.Look(t, "list", pagetest.Desk, List(listRoom(printer(t, text.EN))))
	pagetest.Glance(t, "list-de", pagetest.Desk, List(listRoom(printer(t, text.DE))))
}

func TestBrowserOutbox(t *testing.T) {
	p := printer(t, text.EN)
	v := ListView{DeskView: shell(p, "outbox", p.T("desk.nav.outbox")), Heading: p.T("desk.nav.outbox"), Table: page.TableView{Caption: p.T("desk.nav.outbox")}}
	for _, key := range []string{p.T("desk.col.state"), p.T("desk.col.to"), p.T("desk.col.subject"), p.T("desk.col.marking"), p.T("desk.col.when"), p.T("desk.col.act")} {
		v.Table.Columns = append(v.Table.Columns, page.Column{Text: key})
	}
	stop := several([]templ.Component{
		post("/desk/outbox/1/stop", nil, page.ButtonView{Text: p.T("desk.outbox.stop"), Kind: "danger", Icon: "hand"}),
		post("/desk/outbox/1/send", nil, page.ButtonView{Text: p.T("desk.outbox.now")}),
	})
	v.Table.Rows = [][]templ.Component{
		{page.Chip(page.ChipView{Text: p.T("desk.message.held"), Kind: "info", Icon: "clock"}), link("/desk/threads/1", "Rui Tavares", "R-2026-7K2PQX"), page.Text("Our answer to your report"), page.TLPShort("AMBER"), page.Text(p.T("desk.outbox.leaves", "at", "14:12:18")), stop},
		{several([]templ.Component{page.Chip(page.ChipView{Text: p.T("desk.message.failed"), Kind: "crit"}), page.Text(p.T("mail.reason.mailbox"))}), link("/desk/threads/2", "permanence@gazlittoral.example", "P-2026-2MB7QD"), page.Text("A message about your case"), page.TLPShort("GREEN"), page.At(p, noon.Add(-time.Hour), noon), page.Text("")},
	}
	pagetest.Look(t, "outbox", pagetest.Desk, List(v))
	v.Table.Rows, v.Empty = nil, page.EmptyView{Icon: "send", Title: p.T("desk.outbox.none"), Note: p.T("desk.outbox.none.note")}
	pagetest.Glance(t, "outbox-none", pagetest.Desk, List(v))
}

func formRoom(p *text.Printer, wrong bool) FormView {
	v := FormView{DeskView: shell(p, "triage", p.T("desk.phone.title")), Heading: p.T("desk.phone.title"), Lead: p.T("desk.phone.lead"), Action: "/desk/phone"}
	said := ""
	if wrong {
		said = p.T("error.summary_or_description")
		v.Problems, v.Wrong = []page.Problem{{Field: "summary", Text: said}}, true
	}
	v.Fields = []templ.Component{
		page.Field(p, page.FieldView{ID: "name", Name: "name", Label: p.T("desk.phone.who")}),
		page.Field(p, page.FieldView{ID: "phone", Name: "phone", Label: p.T("desk.phone.number"), Type: "tel", Width: "half"}),
		page.Field(p, page.FieldView{ID: "summary", Name: "summary", Label: p.T("desk.phone.summary"), Error: said}),
		page.Field(p, page.FieldView{ID: "report", Name: "report", Label: p.T("desk.close.report"), Hint: p.T("desk.close.report.hint"), Rows: 6}),
		page.Select(p, page.FieldView{ID: "severity", Name: "severity", Label: p.T("desk.field.severity")}, severityOptions(p, "high")),
		page.Option(page.OptionView{ID: "tell", Name: "tell", Value: "1", Label: p.T("desk.close.tell"), Hint: p.T("desk.close.tell.hint"), Checked: true, Many: true}),
	}
	v.Submit = page.ButtonView{Text: p.T("desk.phone.do"), Kind: "primary", Key: "Ctrl ↵"}
	v.More = []page.ButtonView{{Text: p.T("desk.cancel"), Href: "/desk/triage"}}
	return v
}

func TestBrowserForm(t *testing.T) {
	pagetest.Look(t, "form", pagetest.Desk, Form(formRoom(printer(t, text.EN), false)))
	pagetest.Glance(t, "form-de-errors", pagetest.Desk, Form(formRoom(printer(t, text.DE), true)))
}

func askRoom(p *text.Printer, letters bool) TabView {
	v := askView{at: "/desk/incidents/INC-2026-000131/ask", due: "2026-11-23T12:00", tlp: []page.SelectOption{{Value: "TLP:AMBER", Text: "TLP:AMBER", Chosen: true}}}
	v.parties = []choice{{"party", "1", "Águas do Vale, E.M.", p.T("desk.role.affected"), true}, {"party", "2", "Gaz du Littoral S.A.", p.T("desk.role.provider"), true}, {"party", "3", "Hospital de São Braz", p.T("desk.role.affected"), false}}
	v.recommendations = []choice{
		{"recommendation", "isolate", "Isolate the affected machines, but keep them powered", "", true},
		{"recommendation", "reset", "Reset the accounts that the attacker may know", "", true},
		{"recommendation", "logs", "Keep VPN and firewall logs from 14 days before", "", false},
	}
	if letters {
		v.request, v.text = "Which account opened the VPN session at 02:13?", "Keep the affected servers powered but isolated."
		v.hits, v.refused = true, 1
		words := v.text + "\n\nWhat we ask\n\n" + v.request
		v.letters = []PreviewLetter{
			{Party: "Águas do Vale, E.M.", Reader: "Rui Tavares <rui.tavares@aguasdovale.example>", Lang: "EN", Road: page.ChipView{Text: p.T("desk.road.encrypted"), Kind: "ok", Icon: "lock"}, TLP: "AMBER", Subject: "[P-2026-7K2PQX] TLP:AMBER What we ask of you", Text: words, Warn: p.T("desk.ask.hits", "words", "Gaz du Littoral")},
			{Party: "Gaz du Littoral S.A.", Reader: "Mathilde Garnier <mathilde.garnier@gazlittoral.example>", Lang: "FR", Road: page.ChipView{Text: p.T("desk.road.refused"), Kind: "crit", Icon: "triangle-alert"}, TLP: "AMBER", Subject: "[P-2026-3VD8MN] TLP:AMBER Ce que nous vous demandons", Text: words},
		}
	}
	f := frame(p, 1)
	f.DeskView = shell(p, "incidents", "INC")
	f.Collapsed = true
	return TabView{IncidentFrame: f, Body: askPage(p, v)}
}

func TestBrowserAsk(t *testing.T) {
	pagetest.Look(t, "ask", pagetest.Desk, IncidentTab(askRoom(printer(t, text.EN), true)))
	pagetest.Glance(t, "ask-empty-de", pagetest.Desk, IncidentTab(askRoom(printer(t, text.DE), false)))
}

func TestBrowserAddParties(t *testing.T) {
	p := printer(t, text.EN)
	v := askRoom(p, false)
	v.Body = addParties(p, "/x", "", nil, []choice{{"organisation", "1", "Rede Elétrica de Valmora", sectorName(p, "electricity"), false}, {"organisation", "2", "Centre hospitalier Sainte-Claire", sectorName(p, "health"), false}},
		[]page.SelectOption{{Value: "affected", Text: p.T("desk.role.affected")}})
	pagetest.Glance(t, "parties-add", pagetest.Desk, IncidentTab(v))
}

func organisationRoom(p *text.Printer) OrganisationView {
	v := OrganisationView{DeskView: shell(p, "constituency", "Águas do Vale, E.M."), Name: "Águas do Vale, E.M.", Org: "1"}
	for _, x := range [][2]string{
		{p.T("desk.fact.sector"), sectorName(p, "drinking_water")},
		{p.T("desk.col.class"), p.T("desk.class.essential")},
		{p.T("desk.col.language"), "PT"},
		{p.T("desk.col.communities"), communityName(p, "critical_infrastructure")},
		{p.T("desk.fact.entitled"), p.T("desk.entitled.answer", "within", p.Duration(time.Hour))},
	} {
		v.Facts = append(v.Facts, page.Property{Label: x[0], Value: page.Text(x[1])})
	}
	v.Contacts = []ContactView{
		{Name: "Rui Tavares", Role: named(p, "desk.contact.role.", "security"), Email: "rui.tavares@aguasdovale.example", Lang: "EN", Verified: p.T("desk.contact.verified", "when", p.Date(noon)), Keys: []KeyView{
			{Fingerprint: "7C05 A7C9 E1D1 39F9 7BE9 8F0B 4EDB 1E2F 55A1 77C0", State: page.ChipView{Text: p.T("desk.key.approved"), Kind: "ok", Icon: "check"}},
			{Fingerprint: "4C1E 98A0 77B2 D0F1 3E5A 92C4 6B0D 81FE 5A27 C30B", State: page.ChipView{Text: p.T("desk.key.offered"), Kind: "warn"}, Approve: "/a", Reject: "/r"},
		}},
		{Name: "Sala de comando", Role: named(p, "desk.contact.role.", "duty"), Email: "comando@aguasdovale.example", Numbers: []NumberView{{UID: "a", Number: "+999 230 411 107", Outside: true, Checked: p.T("desk.number.verified", "when", p.Date(noon), "how", "Rui")}, {UID: "b", Number: "+999 230 411 108", Verify: "/desk/numbers/b/verify", Retire: "/desk/numbers/b/retire"}}, UID: "k", AddNumber: "/desk/contacts/k/numbers", Call: "/desk/phone?contact=k", Lang: "PT", OnCall: true},
	}
	v.Assets = []AssetView{
		{UID: "p", Kind: named(p, "desk.asset.kind.", "prefix"), Value: "192.0.2.0/28", Proved: p.T("desk.asset.proved", "when", p.Date(noon)), Prove: "/desk/assets/p/prove", End: "/desk/assets/p/end", Overlaps: []OverlapView{{Text: p.T("desk.asset.overlap.inside", "value", "192.0.2.0/24"), Name: "Valmora Net", Href: "/desk/constituency/x"}}},
		{UID: "d", Kind: named(p, "desk.asset.kind.", "domain"), Value: "aguasdovale.example", Term: p.T("desk.asset.since", "when", p.Date(noon)), Overlaps: []OverlapView{{Text: p.T("desk.asset.overlap.same"), Name: "Águas do Norte", Href: "/desk/constituency/y", Conflict: true}}},
	}
	v.Ended = []AssetView{{Kind: named(p, "desk.asset.kind.", "asn"), Value: "AS64500", Term: p.T("desk.asset.until", "when", p.Date(noon))}}
	v.AddAsset = "/desk/constituency/x/assets"
	return v
}

func TestBrowserOrganisation(t *testing.T) {
	pagetest.Look(t, "organisation", pagetest.Desk, Organisation(organisationRoom(printer(t, text.EN))))
	pagetest.Glance(t, "organisation-de", pagetest.Desk, Organisation(organisationRoom(printer(t, text.DE))))
}
