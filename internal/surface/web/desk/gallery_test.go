package desk

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// An afternoon at the desk: what the pages look like with a country's work in them.

var noon = time.Date(2026, 11, 21, 14, 12, 0, 0, time.UTC)

func printer(t *testing.T, lang text.Lang) *text.Printer {
	t.Helper()
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Lisbon")
	if err != nil {
		t.Fatal(err)
	}
	return c.For(lang).In(zone)
}

func shell(p *text.Printer, here, title string) page.DeskView {
	return page.DeskView{
		Frame: page.Frame{P: p, Site: page.Site{Name: "CERT.EX"}, Title: title, Now: noon, Path: "/desk/" + here},
		Nav:   Menu(p, here, Counts{Triage: 14, My: 6, Incidents: 37, Deadlines: 9, Outbox: 2, Late: true}), Settings: Settings(p, here),
		SearchAt: "/desk/search", Stream: "/live", Duty: "Marta Silva, until 20:00", DutyAt: "/desk/duty",
		Bell: page.NavItem{Text: "Notices", Href: "/desk/notices"}, Me: page.Person{Name: "Ana Duarte"}, MeAt: "/desk/me", SignOut: "/logout",
	}
}

func sev(level string) page.SeverityView { return page.SeverityView{Level: level} }

func due(left, whole time.Duration) *page.ClockView {
	return &page.ClockView{Start: noon.Add(left - whole), Due: noon.Add(left), Now: noon}
}

func row(ref, title, second, level, tlp string, chip page.ChipView) page.QueueRow {
	r := page.QueueRow{ID: ref, Href: "/desk/triage?sel=" + ref, Open: "/desk/reports/" + ref, Title: title, Ref: ref, Second: second, Severity: sev(level), TLP: tlp, Now: noon}
	if chip.Text != "" {
		r.Chips = []page.ChipView{chip}
	}
	return r
}

func groups() []page.QueueGroup {
	clocked := func(r page.QueueRow, left, whole time.Duration) page.QueueRow { r.Clock = due(left, whole); return r }
	aged := func(r page.QueueRow, age time.Duration) page.QueueRow { r.Since = noon.Add(-age); return r }
	by := func(r page.QueueRow, who string) page.QueueRow { r.Assignee = page.Person{Name: who}; return r }
	outline := func(s string) page.ChipView { return page.ChipView{Text: s, Kind: "outline"} }
	first := clocked(row("R-2026-7K2PQX", "Ransomware on billing and SCADA historian servers", "Águas do Vale · drinking water", "critical", "AMBER", outline("Early warning")), 23*time.Hour+12*time.Minute, 24*time.Hour)
	first.Here, first.Severity.National = true, true
	m := time.Minute
	return []page.QueueGroup{
		{ID: "clock", Title: "Clock running", Icon: "clock", Urgent: true, Count: 4, Rows: []page.QueueRow{
			first,
			by(clocked(row("R-2026-3VD8MN", "Mailbox of finance director taken over, invoices altered", "Hospital de São Braz · health", "high", "AMBER", outline("Notification")), 125*m, 24*time.Hour), "Marta Silva"),
			clocked(row("R-2026-9TX4WB", "DDoS on the tax portal, second wave, 180 Gbit/s", "Tax authority · public administration", "high", "GREEN", page.ChipView{Text: "2 similar"}), 340*m, 24*time.Hour),
			clocked(row("R-2026-5HC2ZR", "Exposed NetPort 7 admin page with webshell", "Metalúrgica Azeda · manufacturing", "medium", "AMBER+STRICT", page.ChipView{Text: "CVE-2026-41877", Kind: "crit"}), 1022*m, 24*time.Hour),
		}},
		{ID: "new", Title: "New", Icon: "inbox", Count: 7, Rows: []page.QueueRow{
			aged(row("R-2026-8PF6LK", "Credential phishing against students, cloned login page", "Universidade do Norte · education", "medium", "GREEN", page.ChipView{Text: "Signed, known contact", Kind: "ok", Icon: "shield-check"}), 11*m),
			aged(row("R-2026-2MB7QD", "Peer request: C2 server hosted in our country", "CERT-ZZ · peer CSIRT", "high", "RED", outline("Peer")), 24*m),
			aged(row("R-2026-6WN3JT", "Fwd: your parcel is waiting", "Citizen · forwarded mail", "low", "CLEAR", page.ChipView{Text: "41 the same"}), 38*m),
			aged(row("R-2026-4YK9SC", "Vulnerability in citizen-card middleware, proof of concept", "Researcher, name withheld", "medium", "RED", outline("Vulnerability")), 52*m),
			aged(row("R-2026-7RG5XH", "Could not be decrypted", "Unknown sender", "", "AMBER", page.ChipView{Text: "No key of ours", Kind: "warn", Icon: "lock"}), 64*m),
			aged(row("R-2026-3QZ8VF", "Defaced website of the municipality", "Câmara de Alvor · local government", "medium", "CLEAR", page.ChipView{}), 91*m),
			aged(row("R-2026-9LD4BM", "Question: must we report a lost laptop?", "Transportes Lima · transport", "low", "CLEAR", page.ChipView{Text: "Question"}), 130*m),
		}},
		{ID: "back", Title: "Answer came back", Icon: "reply", Count: 3, Rows: []page.QueueRow{
			by(aged(row("R-2026-5CT2NP", "Stolen VPN configuration offered for sale", "Portos do Sul · transport", "high", "AMBER", page.ChipView{Text: "Logs attached"}), 12*m), "João Freitas"),
			by(aged(row("R-2026-8JW6RK", "Suspicious PowerShell on two workstations", "Energia Central · energy", "medium", "AMBER", page.ChipView{}), 44*m), "Ana Duarte"),
			by(aged(row("R-2026-2XS7GD", "Fraudulent web shop, takedown asked", "Citizen · web form", "low", "CLEAR", page.ChipView{Text: "Taken down", Kind: "ok"}), 98*m), "Ana Duarte"),
		}},
	}
}

func triage(t *testing.T, lang text.Lang) TriageView {
	p := printer(t, lang)
	return TriageView{
		DeskView: shell(p, "triage", "Triage"), Waiting: 14, Oldest: 192 * time.Minute, Sorted: "Sorted by deadline", Groups: groups(),
		Filters: []page.ChipView{{Text: "Unassigned or mine", Kind: "on", Remove: "?a", RemoveName: "Remove"}, {Text: "Channel: form, mail, feed", Kind: "on", Remove: "?b", RemoveName: "Remove"}},
		Add:     []page.NavItem{{Text: "Sector", Href: "?c"}}, Bulk: "/desk/triage/bulk", News: "/desk/triage/news", New: "/desk/incidents/new", PhoneLog: "/desk/phone",
		Preview: preview(p), Acts: TriageActs{
			Accept: "/a", Attach: "/b", Reply: "/c", Reject: "/d", PassOn: "/e", ReplyTo: "Rui Tavares", ReplyTLP: "AMBER",
			ReplyRoad:   page.ChipView{Text: "PGP: will be encrypted to 1 of 1", Kind: "ok", Icon: "lock"},
			Reasons:     []page.SelectOption{{Value: "spam", Text: "Unwanted mail"}, {Value: "scope", Text: "Not in our constituency"}, {Value: "double", Text: "Already reported"}},
			Targets:     []page.SelectOption{{Value: "1", Text: "INC-2026-000655 · Blackgull: municipal suppliers", Chosen: true}},
			Authorities: []page.SelectOption{{Value: "1", Text: "Crisis centre"}},
		},
	}
}

func preview(p *text.Printer) *page.PreviewView {
	return &page.PreviewView{
		Ref: "R-2026-7K2PQX", Kind: page.ChipView{Text: "Early warning", Kind: "outline"}, Title: "Ransomware on billing and SCADA historian servers", Open: "/desk/reports/R-2026-7K2PQX",
		Facts: []page.Property{
			{Label: "Reporter", Value: templ.Join(page.Text("Rui Tavares · Águas do Vale "), page.Chip(page.ChipView{Text: "Known contact, signed", Kind: "ok", Icon: "shield-check"}))},
			{Label: "Organisation", Value: page.Text("Essential · drinking water · 310\u00a0000 served")},
			{Label: "Became aware", Value: page.Text("Today 07:40, 4 h 46 min before reporting")},
			{Label: "Our answer due", Value: page.Clock(p, *due(23*time.Hour+12*time.Minute, 24*time.Hour))},
			{Label: "Still going on", Value: page.Text("Yes, it is happening now")},
			{Label: "Cross-border"},
			{Label: "Marking", Value: page.TLP("AMBER")},
		},
		Words: "Billing and two SCADA historian servers encrypted overnight. Water supply is not affected. VPN account of a supplier was used. Ransom note attached.",
		Found: []page.ObservableView{
			{Kind: "host", Value: "hist-02.aguasdovale.ex", Verdict: page.ChipView{Text: "asset"}},
			{Kind: "address", Value: "203.0.113.77", Verdict: page.ChipView{Text: "seen in 2 incidents", Kind: "warn"}},
			{Kind: "hash", Value: "9f2c4e…b81d07aa", Verdict: page.ChipView{Text: "Blackgull locker", Kind: "crit"}},
			{Kind: "mail", Value: "gull-support@onion.example", Verdict: page.ChipView{Text: "new"}},
		},
		Similar: []page.MatchView{
			{Title: "Blackgull: municipal suppliers", Ref: "INC-2026-000655", Href: "/x", Severity: page.SeverityView{Level: "critical", National: true}, Why: page.ChipView{Text: "82 % · address, hash", Kind: "warn"}},
			{Title: "NetPort 7 exploitation", Ref: "INC-2026-000688", Href: "/y", Severity: sev("medium"), Why: page.ChipView{Text: "41 % · supplier VPN"}},
		},
	}
}

func frame(p *text.Printer, tab int) IncidentFrame {
	v := IncidentFrame{
		DeskView: shell(p, "incidents", "INC-2026-000712"), Ref: "INC-2026-000712", Name: "Ransomware on billing and SCADA historian servers", Href: "/desk/incidents/INC-2026-000712",
		Campaign: page.NavItem{Text: "Blackgull: municipal suppliers", Href: "/c"}, Severity: page.SeverityView{Level: "critical", National: true}, TLP: "AMBER",
		State: page.ChipView{Text: "Coordinating", Kind: "info", Icon: "circle-dot"},
		Acts:  []page.ButtonView{{Text: "Watching", Kind: "ghost", Icon: "eye", Href: "/w"}, {Text: "Close incident", Icon: "archive", Href: "/x"}, {Text: "Send recommendation", Kind: "primary", Icon: "send", Key: "E", Href: "/s"}},
		Deadlines: []page.DeadlineView{
			{Title: "Early warning", Note: "received in 4 h 46 min of 24 h", State: "met", Clock: page.ClockView{Start: noon, Due: noon.Add(100 * time.Minute), Now: noon.Add(20 * time.Minute)}},
			{Title: "First answer", Note: "Late: after 5 h 00 min instead of 1 h 00 min", State: "late", Clock: page.ClockView{Start: noon, Due: noon.Add(time.Hour), Now: noon.Add(5 * time.Hour)}},
			{Title: "Our first answer", Note: "our target 16:26 · law: 22 Nov 12:26", State: "running", Clock: *due(134*time.Minute, 10*time.Hour)},
			{Title: "Notification", Note: "due 24 Nov 07:40", State: "theirs", Clock: *due(45*time.Hour, 72*time.Hour)},
			{Title: "Final report", Note: "one month after notification", State: "waiting"},
		},
		Tabs: []page.Tab{{Text: "Timeline", Href: "?", Count: -1}, {Text: "Parties", Href: "?p", Count: 9}, {Text: "Files", Href: "?f", Count: 6}, {Text: "Measures", Href: "?m", Count: 4}, {Text: "Report", Href: "?r", Count: -1}},
	}
	v.Collapsed = true
	v.Tabs[tab].Here = true
	return v
}

func timeline(t *testing.T, lang text.Lang) TimelineView {
	p := printer(t, lang)
	at := func(h, m int) time.Time { return time.Date(2026, 11, 21, h, m, 0, 0, time.UTC) }
	line := func(c ...templ.Component) templ.Component { return templ.Join(c...) }
	b, w, mono := page.Strong, page.Text, page.Mono
	return TimelineView{
		IncidentFrame: frame(p, 0), PartiesAt: "?p", AddTask: "/t", TasksDone: 3,
		Views: []page.ChipView{{Text: "Everything", Kind: "on", Href: "?"}, {Text: "Mail", Kind: "outline", Href: "?1"}, {Text: "Notes", Kind: "outline", Href: "?2"}, {Text: "Changes", Kind: "outline", Href: "?3"}, {Text: "Attack events", Kind: "outline", Href: "?4"}},
		Days: []page.TimelineDay{{Title: p.Day(noon), Entries: []page.Entry{
			{ID: "e1", At: at(2, 13), Kind: "attack", Line: line(b("Attacker"), w(" logged in over VPN with account "), mono("svc-hidrotec"), w(" from "), mono("203.0.113.77")), Chips: []page.ChipView{{Text: "Attack event", Kind: "outline"}}},
			{ID: "e2", At: at(12, 26), Kind: "report", Line: line(b("Rui Tavares"), w(" sent the early warning through the form")), Message: &page.MessageView{
				Title: "Early warning", Sub: "Águas do Vale, E.M.", TLP: "AMBER",
				Body: "Billing and two SCADA historian servers encrypted overnight. Water supply is not affected. VPN account of a supplier was used.", Files: []page.FileView{{Name: "ransom-note.txt", Size: 2100, Href: "/f"}, {Name: "fw-export.zip", Size: 18_000_000, Href: "/g"}},
			}},
			{ID: "e3", At: at(12, 31), Kind: "change", Line: line(b("Marta Silva"), w(" accepted, severity set to "), b("critical"), w(", assigned to "), b("Ana Duarte")), Undo: "/undo"},
			{ID: "e4", At: at(12, 34), Kind: "found", Line: line(b("Tocsin"), w(" found 23 observables; 3 link to "), page.To("Blackgull: municipal suppliers", "/c"))},
			{ID: "e5", At: at(12, 40), Kind: "note", Line: line(b("Ana Duarte"), w(" wrote a note")), Message: &page.MessageView{Title: "Supplier", Internal: true, Body: "Hidrotec runs the VPN for four other municipalities. Ask before naming anybody."}},
			{ID: "e6", At: at(12, 52), Kind: "mail_out", Line: line(b("Ana Duarte"), w(" to Rui Tavares")), Chips: []page.ChipView{{Text: "Encrypted and signed", Kind: "ok", Icon: "lock"}}, Message: &page.MessageView{
				Title: "First recommendation", Sub: "“Ransomware, first hour”", Seen: "Seen 12:58",
				Body: "Keep the affected servers powered but isolated. Disable svc-hidrotec and every session it opened. Send the VPN log from 7 November onwards.",
			}},
		}}},
		Composer: &page.ComposerView{
			ID: "composer", Action: "/send", Label: "Mail to Rui Tavares", Placeholder: "Write to Rui Tavares", Kinds: []page.Segment{{Text: "Mail to Rui Tavares", Icon: "mail", Href: "?k=mail", Here: true, Key: "R"}, {Text: "Internal note", Icon: "lock", Href: "?k=note", Key: "N"}, {Text: "Attack event", Icon: "zap", Href: "?k=event"}},
			Road: page.ChipView{Text: "PGP: will be encrypted to 1 of 1", Kind: "ok", Icon: "lock"}, TLP: "AMBER", Attach: true, Draft: "/draft", DraftState: "Draft saved 14:11", Send: page.ButtonView{Text: "Send mail", Kind: "primary", Key: "Ctrl ↵"},
		},
		Properties: []page.Property{
			{Label: "Handler", Value: line(page.Avatar(p, page.Person{Name: "Ana Duarte"}), w("Ana Duarte"))},
			{Label: "State", Value: w("Coordinating"), Edit: page.Button(page.ButtonView{Text: "Save"})},
			{Label: "Type", Value: w("Availability · ransomware")},
			{Label: "Organisation", Value: page.To("Águas do Vale, E.M.", "/o")},
			{Label: "Sector", Value: w("Drinking water · essential")},
			{Label: "Affected", Value: w("310\u00a0000 people, 0 without service")},
			{Label: "Cross-border"},
		},
		Tasks: []page.TaskView{
			{Title: "Call the reporter", Done: true, Who: page.Person{Name: "Ana Duarte"}, Toggle: "/1"},
			{Title: "Send first recommendation", Done: true, Who: page.Person{Name: "Ana Duarte"}, Toggle: "/2"},
			{Title: "Tell the sector authority", Done: true, Who: page.Person{Name: "Marta Silva"}, Toggle: "/3"},
			{Title: "Get VPN logs", Due: page.ChipView{Text: "16:00", Kind: "warn"}, Toggle: "/4"},
			{Title: "Analyse locker sample", Who: page.Person{Name: "João Freitas"}, Toggle: "/5"},
			{Title: "Decide on sector alert", Toggle: "/6"},
		},
		Parties: []PartyLine{{Name: "Águas do Vale, E.M.", Href: "/p1", State: page.ChipView{Text: "Answered", Kind: "ok"}}, {Name: "Hidrotec", Href: "/p2", State: page.ChipView{Text: "Silent 19 h", Kind: "crit"}}, {Name: "Câmara de Alvor", Href: "/p3", State: page.ChipView{Text: "Told"}}},
		People:  []PersonLine{{Who: page.Person{Name: "Ana Duarte"}, Role: "Handler"}, {Who: page.Person{Name: "Rui Tavares"}, Role: "Reporter"}},
	}
}

func parties(t *testing.T) PartiesView {
	p := printer(t, text.EN)
	yes := func(s string) page.Step { return page.Step{State: "yes", Text: s} }
	return PartiesView{IncidentFrame: frame(p, 1), Add: "/add", Ask: "/ask", Count: 3, Matrix: page.MatrixView{Caption: p.T("desk.parties.caption"), Rows: []page.PartyRow{
		{Name: "Águas do Vale, E.M.", Href: "/1", Role: "Affected, reporter", Told: yes("12:52"), Seen: yes("12:58"), Answered: yes("13:20"), Done: yes("2 of 3"), Verified: yes("1 of 3"), Silent: page.Step{State: "no"}},
		{Name: "Hidrotec", Href: "/2", Role: "Provider", Told: yes("20 Nov 19:02"), Seen: page.Step{State: "unknown"}, Answered: page.Step{State: "no"}, Silent: page.Step{State: "late", Text: "19 h 10 min"}},
		{Name: "Câmara de Alvor", Href: "/3", Role: "Affected", Told: yes("13:40"), Seen: yes("13:44"), Answered: yes("13:58"), Done: page.Step{State: "declined", Text: "Not in use"}},
	}}}
}

func measures() []page.MeasureView {
	return []page.MeasureView{
		{Title: "Disable supplier accounts", Party: "Águas do Vale, E.M.", State: "verified", When: "14:02", Href: "/m"},
		{Title: "Rotate VPN secrets", Party: "Águas do Vale, E.M.", State: "done", When: "13:51", Actions: []page.ButtonView{{Text: "Verify", FormAction: "/v"}}},
		{Title: "Block 203.0.113.77", Party: "Câmara de Alvor", State: "declined", When: "13:58", Reason: "The address is not reachable from there"},
		{Title: "Send VPN logs", Party: "Hidrotec", State: "proposed", When: "20 Nov 19:02"},
	}
}

const long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"

func TestBrowserTriage(t *testing.T) {
	pagetest.Look(t, "triage", pagetest.Desk, Triage(triage(t, text.EN)))
}

func TestBrowserIncident(t *testing.T) {
	pagetest.Look(t, "incident", pagetest.Desk, IncidentTimeline(timeline(t, text.EN)))
}

func TestBrowserParties(t *testing.T) {
	pagetest.Look(t, "parties", pagetest.Desk, IncidentParties(parties(t)))
}

func TestBrowserMeasures(t *testing.T) {
	p := printer(t, text.EN)
	pagetest.Look(t, "measures", pagetest.Desk, IncidentTab(TabView{IncidentFrame: frame(p, 3), Body: measuresBody(p, measures(), page.EmptyView{})}))
}

func TestBrowserEmptyDesk(t *testing.T) {
	p := printer(t, text.EN)
	v := TriageView{DeskView: shell(p, "triage", "Triage"), New: "/n", Bulk: "/b", OldestOpen: "2 days"}
	v.Toast = &page.ToastView{Text: "Report R-2026-7K2PQX rejected", Undo: "/undo"}
	pagetest.Glance(t, "triage-empty", pagetest.Desk, Triage(v))
	i := TimelineView{IncidentFrame: IncidentFrame{DeskView: shell(p, "incidents", "x"), Ref: "INC-2026-000001", Name: "One", TLP: "CLEAR", State: page.ChipView{Text: "Open"}}}
	i.Closed = "Closed 3 November by Ana Duarte."
	pagetest.Glance(t, "incident-empty", pagetest.Desk, IncidentTimeline(i))
	pagetest.Glance(t, "parties-none", pagetest.Desk, IncidentParties(PartiesView{IncidentFrame: i.IncidentFrame}))
}

func TestBrowserLongWords(t *testing.T) {
	v := triage(t, text.DE)
	v.Groups = v.Groups[:1]
	v.Groups[0].Rows[1].Title, v.Groups[0].Rows[1].Second = long+" "+long, long
	v.Preview.Title, v.Preview.Words = long, long+long
	v.Preview.Warnings = []string{"Two parts of this mail could not be read; they are kept in the original."}
	v.Duty = long
	pagetest.Glance(t, "triage-long", pagetest.Desk, Triage(v))
	i := timeline(t, text.PT)
	i.Name = long
	i.Days[0].Entries[1].Message.Body = strings.Repeat(long, 3)
	i.Parties[0].Name = long
	i.Composer.Internal, i.Composer.Error = true, "Write the note first"
	pagetest.Glance(t, "incident-long", pagetest.Desk, IncidentTimeline(i))
}
