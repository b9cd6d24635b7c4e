package public

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

var noon = time.Date(2026, 11, 21, 12, 26, 0, 0, time.UTC)

func frame(t *testing.T, lang text.Lang, here, title string) page.PublicView {
	t.Helper()
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Lisbon")
	if err != nil {
		t.Fatal(err)
	}
	p := c.For(lang).In(zone)
	return page.PublicView{Frame: page.Frame{P: p, Title: title, Now: noon, Path: "/" + here, Footer: Footer(p), Site: page.Site{
		Name: "CERT.EX", Kind: "National CSIRT",
		Authority: "National Cybersecurity Centre · Ministry of Internal Affairs", Phone: "+999 210 497 400", Mail: "report@cert.ex", Fingerprint: "4C1E 98A0 77B2 D0F1 3E5A 92C4 6B0D 81FE 5A27 C30B",
	}}, Nav: Nav(p, here)}
}

func home(t *testing.T, lang text.Lang) HomeView {
	v := HomeView{PublicView: frame(t, lang, "", "CERT.EX"), All: "/advisories"}
	v.Doors = Doors(v.P)
	v.Alert = page.Alert{Lead: "Active exploitation.", Text: "Edge gateways “NetPort 7” are being attacked in the country.", Link: "Check and patch now", Href: "/advisories/1"}
	day := func(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }
	v.News = []NewsItem{
		{"NetPort 7 gateways: patch and look for signs of compromise", "Remote code execution without login. Exploited. CVE-2026-41877", "/1", day(21), page.ChipView{Text: "Act now", Kind: "crit", Icon: "triangle-alert"}},
		{"Fake parcel texts lead to remote-control apps", "Four campaigns aimed at people in the country since Monday.", "/2", day(19), page.ChipView{Text: "Be alert", Kind: "warn"}},
		{"Monthly updates: what to patch first", "Eleven vulnerabilities matter here; two are exploited.", "/3", day(17), page.ChipView{Text: "For information"}},
		{"Ransomware in municipal suppliers: five checks to make today", "For municipalities and the firms that run their systems.", "/4", day(12), page.ChipView{Text: "Be alert", Kind: "warn"}},
	}
	return v
}

func report(t *testing.T, lang text.Lang) ReportView {
	v := ReportView{PublicView: frame(t, lang, "report", "Report an incident"), Action: "/report/short", Hidden: []page.Hid{{Name: "once", Value: "7"}}}
	v.Readers = []string{"Water Authority"}
	v.Values = ReportValues{Summary: "Ransomware on billing servers", Description: "Billing and two SCADA historian servers encrypted overnight.", AwareDay: "21", AwareMonth: "11", AwareYear: "2026", AwareTime: "07:40", Ongoing: "yes", TLP: "AMBER"}
	return v
}

func stages() []page.Stage {
	return []page.Stage{
		{Title: "Report", Note: "Sent 21 November, 12:26", State: "done"},
		{Title: "We answer you", Note: "A handler contacts Rui Tavares by 22 November, 12:26 at the latest. Because it is happening now, expect a call within the hour.", State: "now", Icon: "phone"},
		{Title: "Notification", Note: "Severity, impact and, where you have them, indicators of compromise.", State: "next", Due: page.ChipView{Text: "Due 24 November, 07:40", Kind: "warn", Icon: "clock"}},
		{Title: "Final report", Note: "Root cause, measures taken, cross-border effects.", State: "next", Due: page.ChipView{Text: "Due one month after your notification"}},
	}
}

func receipt(t *testing.T, lang text.Lang) ReceiptView {
	v := ReceiptView{PublicView: frame(t, lang, "report", "Report received"), SentTo: "rui.tavares@aguasdovale.ex", Status: "https://cert.ex/r/7K2P-QX4M-19TD-8W3C", Stages: stages()}
	v.Receipt = page.ReceiptView{Title: "Report received", When: "Saturday 21 November 2026, 12:26 (Lisbon).", After: "4 h 46 min after you became aware.", Reference: "R-2026-7K2PQX"}
	v.MailWaits = true
	v.Acts = []page.ButtonView{{Text: "Follow your report", Kind: "primary", Icon: "key", Href: "/r/x"}}
	v.Advice = Meanwhile(v)
	v.Files = []page.FileView{{Name: "ransom-note.txt", Size: 2100, SHA256: "9f2c4e11b81d07aa9f2c4e11b81d07aa9f2c4e11b81d07aa9f2c4e11b81d07aa", State: "Kept"}}
	return v
}

func TestBrowserHome(t *testing.T) { pagetest.Look(t, "home", pagetest.Public, Home(home(t, text.EN))) }

func TestBrowserHomeWithoutNews(t *testing.T) {
	v := home(t, text.DE)
	v.News, v.Alert, v.Doors = nil, page.Alert{}, v.Doors[:1]
	pagetest.Glance(t, "home-none-de", pagetest.Public, Home(v))
}

func TestBrowserReport(t *testing.T) {
	pagetest.Look(t, "report", pagetest.Public, Report(report(t, text.EN)))
	pagetest.Glance(t, "report-pt", pagetest.Public, Report(report(t, text.PT)))
}

func TestBrowserReportWithProblems(t *testing.T) {
	v := report(t, text.EN)
	v.Values.AwareTime, v.Values.Ongoing, v.Values.Summary = "", "", ""
	v.Problems = []page.Problem{{Field: "summary", Text: "Say in one line what happened"}, {Field: "aware-time", Text: "Enter the time, for example 09:30"}, {Field: "ongoing-yes", Text: "Say whether the incident is still going on"}}
	v.Kept = []page.FileView{{Name: "ransom-note.txt", Size: 2100}}
	pagetest.Look(t, "report-errors", pagetest.Public, Report(v))
}

func TestBrowserReportRefused(t *testing.T) {
	v := report(t, text.DE)
	v.Refused = v.P.T("public.limit.form", "minutes", 3, "phone", v.Site.Phone)
	pagetest.Glance(t, "report-refused-de", pagetest.Public, Report(v))
	v = report(t, text.PT)
	v.Problems = []page.Problem{{Field: "files", Text: v.P.T("public.wrong.files_large", "most", 25)}}
	v.Kept = []page.FileView{{Name: strings.Repeat("long-name-", 20) + ".txt", Size: 2100}}
	pagetest.Glance(t, "report-files-pt", pagetest.Public, Report(v))
}

func TestBrowserReceipt(t *testing.T) {
	pagetest.Look(t, "receipt", pagetest.Public, Receipt(receipt(t, text.EN)))
}

func TestBrowserStatus(t *testing.T) {
	v := StatusView{
		PublicView: frame(t, text.EN, "track", "Your report"), Reference: "R-2026-7K2PQX", State: page.ChipView{Text: "Being handled", Kind: "info"}, Received: noon, Stages: stages(), Action: "/r/x",
		Questions: []Question{{ID: "1", Text: "Which account opened the VPN session at 02:13?", Asked: noon, Due: &page.ClockView{Start: noon, Due: noon.Add(3 * time.Hour), Now: noon.Add(time.Hour)}}, {ID: "2", Text: "Is the backup intact?", Asked: noon, Answered: true}},
	}
	pagetest.Look(t, "status", pagetest.Public, Status(v))
	v.Action, v.Questions, v.Done = "", nil, "We received your message."
	pagetest.Glance(t, "status-concluded", pagetest.Public, Status(v))
	v.Done, v.Late, v.Text = "", true, "One more thing:\nit spreads."
	pagetest.Glance(t, "status-late", pagetest.Public, Status(v))
}

func TestBrowserTrack(t *testing.T) {
	pagetest.Glance(t, "track", pagetest.Public, Track(TrackView{PublicView: frame(t, text.NL, "track", "Track"), Action: "/r", Problems: []page.Problem{{Field: "code", Text: "Enter the code"}}}))
}

func TestBrowserError(t *testing.T) {
	pagetest.Glance(t, "error", pagetest.Public, page.Error(page.NewError(frame(t, text.FR, "", ""), errs.Internal, "", "7K2PQX")))
}
