package page_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// What a constituent sees: the shell of the portal with the pieces that its pages are made of.
func TestBrowserPortal(t *testing.T) {
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	p, now := c.For(text.FR), time.Date(2026, 11, 21, 14, 12, 0, 0, time.UTC)
	v := page.PortalView{
		Frame:        page.Frame{P: p, Site: page.Site{Name: "CERT.EX", Kind: "National CSIRT", Authority: "National Cybersecurity Centre · Ministry of Internal Affairs"}, Title: "Overview", Now: now, Path: "/portal"},
		Organisation: "Águas do Vale, E.M.", Switch: []page.NavItem{{Text: "Hidrotec", Href: "?o"}}, Me: page.Person{Name: "Rui Tavares"}, SignOut: "/logout",
		Menu:  []page.NavItem{{Text: "Overview", Href: "/portal", Icon: "house", Here: true}, {Text: "Reports", Href: "/portal/reports", Icon: "file-text", Count: 2}, {Text: "Requests to us", Href: "/portal/requests", Icon: "message-square", Count: 1, Urgent: true}},
		Toast: &page.ToastView{Text: "Answer sent"},
	}
	body := templ.Join(
		page.Tile(page.TileView{Number: "2", Text: "deadlines within 3 h", Href: "/d", Kind: "crit"}),
		page.Measures(p, []page.MeasureView{{Title: "Rotate VPN secrets", Href: "/m", State: "acknowledged", When: "13:51", Actions: []page.ButtonView{{Text: "Plan", FormAction: "/p"}, {Text: "Done", Kind: "primary", FormAction: "/d"}}}, {Title: "Send logs", State: "declined", Reason: "None kept"}}),
		page.Table(page.TableView{Caption: "Reports", Columns: []page.Column{{Text: "Report", Sort: "?s", Sorted: "ascending"}, {Text: "Files", Number: true}}, Rows: [][]templ.Component{{page.To("R-2026-7K2PQX", "/r"), page.Text("2")}}}),
		page.Pages(p, page.PagesView{From: 1, To: 50, Total: 1000, TotalAtLeast: true, Next: "?2"}),
		page.Summary(p, page.SummaryView{Title: "Sharing", Rows: []page.Answer{{Question: "Marking", TLP: "AMBER+STRICT", Value: "Only your organisation and ours", Change: "/c"}, {Question: "Other countries", Change: "/c"}}}),
		page.Select(p, page.FieldView{ID: "s", Name: "s", Label: "Sector", Error: "Choose one"}, []page.SelectOption{{Value: "1", Text: "Water"}}),
		page.PAP("GREEN"), page.At(p, now, now),
	)
	pagetest.Look(t, "portal", pagetest.Public, withChildren(page.Portal(v), templ.Join(templ.Raw("<h1>Overview</h1>"), body)))
}

func withChildren(shell, body templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return shell.Render(templ.WithChildren(ctx, body), w)
	})
}
