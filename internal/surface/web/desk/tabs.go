package desk

import (
	"net/http"
	"strconv"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// opened gives the incident of the address, noted as seen.
func (d *Desk) opened(v *page.Visit) (incident.Incident, error) {
	in, err := d.Incidents.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("incident"))
	if err != nil {
		return in, err
	}
	return in, d.seen(v, in.Object)
}

// openedCase is opened for what is part of an incident: a party, a sending.
func (d *Desk) openedCase(v *page.Visit, subject ref.Ref) (incident.Incident, error) {
	found, err := d.Incidents.ByID(v.Ctx(), d.DB, v.By, subject.ID)
	if err != nil {
		return incident.Incident{}, err
	}
	in, ok := found[subject.ID]
	if !ok {
		return in, errs.ErrNotFound
	}
	return in, d.seen(v, in.Object)
}

// openedReport is opened for a report.
func (d *Desk) openedReport(v *page.Visit) (intake.Report, error) {
	r, err := d.Intake.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("report"))
	if err != nil {
		return r, err
	}
	return r, d.seen(v, r.Object)
}

// tab gives the incident of the address, noted as seen, what stands above it, and its parties.
func (d *Desk) tab(v *page.Visit, tab string) (incident.Incident, IncidentFrame, []coordination.Row, error) {
	in, err := d.opened(v)
	if err != nil {
		return in, IncidentFrame{}, nil, err
	}
	f, rows, err := d.incidentFrame(v, in, tab)
	return in, f, rows, err
}

// files lists what came and went as a file: by whom, when, with its hash. A file is handed out as bytes to keep, never shown (rule F3).
func (d *Desk) files(v *page.Visit) error {
	in, f, rows, err := d.tab(v, "files")
	if err != nil {
		return err
	}
	reports, err := d.Intake.ReportsIn(v.Ctx(), d.DB, v.By, in.Ref.ID)
	if err != nil {
		return err
	}
	names := map[int64]string{}
	var ids []int64
	for _, r := range rows {
		if x := r.Party; x.Thread != 0 && names[x.Thread] == "" {
			names[x.Thread] = x.Name
			ids = append(ids, x.Thread)
		}
	}
	for _, r := range reports {
		if r.Thread != 0 && names[r.Thread] == "" {
			names[r.Thread] = reporterName(v.P, r)
			ids = append(ids, r.Thread)
		}
	}
	uids, err := d.threadUIDs(v, ids...)
	if err != nil {
		return err
	}
	messages, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, ids...)
	if err != nil {
		return err
	}
	p := v.P
	table := page.TableView{Caption: p.T("desk.tab.files"), Columns: []page.Column{
		{Text: p.T("desk.col.file")}, {Text: p.T("desk.col.size"), Number: true}, {Text: p.T("desk.col.from_to")}, {Text: p.T("desk.col.when")}, {Text: "SHA-256"},
	}}
	shares := in.State != incident.Closed && v.By.Can(access.SendOutside)
	if shares {
		table.Columns = append(table.Columns, page.Column{Text: p.T("desk.tab.sharing")})
	}
	for _, m := range messages {
		whose := p.T("desk.files.from", "who", names[m.Thread])
		if m.Direction == correspondence.Out {
			whose = p.T("desk.files.to", "who", names[m.Thread])
		}
		for i, x := range fileViews(uids[m.Thread], m) {
			row := []templ.Component{fileLink(x), page.Text(p.Bytes(x.Size)), page.Text(whose), page.At(p, m.At, v.Now), hash(x.SHA256)}
			switch {
			case shares && d.shareOf(v, in, m, uids[m.Thread]) != "":
				item := coordination.Item{Kind: coordination.ItemFile, Thread: uids[m.Thread], ID: m.UID, File: m.Body.Files[i].UID}
				row = append(row, page.To(p.T("desk.sharing.file.do"), shareAt(in.Number, item)))
			case shares:
				row = append(row, page.Text(""))
			}
			table.Rows = append(table.Rows, row)
		}
	}
	body := page.Empty(page.EmptyView{Icon: "paperclip", Title: p.T("desk.files.none"), Note: p.T("desk.files.none.note")})
	if len(table.Rows) > 0 {
		body = several([]templ.Component{heading(p.N("desk.files.count", len(table.Rows))), paragraph(p.T("desk.files.danger")), page.Table(table)})
	}
	return v.Show(IncidentTab(TabView{IncidentFrame: f, Body: body}))
}

// measures lists what was recommended to each party, and what became of it.
func (d *Desk) measures(v *page.Visit) error {
	in, f, rows, err := d.tab(v, "measures")
	if err != nil {
		return err
	}
	files, err := d.evidence(v, rows...)
	if err != nil {
		return err
	}
	var list []page.MeasureView
	for _, r := range rows {
		for _, m := range r.Measures {
			list = append(list, d.measureView(v, r.Party.Name, m, files[m.Ref.ID]))
		}
	}
	none := page.EmptyView{Icon: "list-checks", Title: v.P.T("desk.measures.none"), Note: v.P.T("desk.measures.none.note")}
	if len(rows) > 0 && in.State != incident.Closed && v.By.Can(access.SendOutside) {
		none.Act = page.ButtonView{Text: v.P.T("desk.incident.ask"), Icon: "send", Href: f.Href + "/ask"}
	}
	return v.Show(IncidentTab(TabView{IncidentFrame: f, Body: measuresBody(v.P, list, none)}))
}

func measuresBody(p *text.Printer, list []page.MeasureView, none page.EmptyView) templ.Component {
	if len(list) == 0 {
		return page.Empty(none)
	}
	return several([]templ.Component{heading(p.N("desk.measures.count", len(list))), page.Measures(p, list)})
}

// reportTab shows what closing recorded, and hands out the whole case as a sheet to print.
func (d *Desk) reportTab(v *page.Visit) error {
	in, f, _, err := d.tab(v, "report")
	if err != nil {
		return err
	}
	p, c := v.P, in.Closing
	var body []templ.Component
	if in.State == incident.Closed {
		said := func(key, code string) string {
			if code == "" {
				return ""
			}
			return p.T(key + code)
		}
		affected := ""
		if c.Affected > 0 {
			affected = strconv.Itoa(c.Affected)
		}
		rows := []page.Answer{
			{Question: p.T("desk.report_tab.closed_at"), Value: p.DateTime(in.ClosedAt)},
			{Question: p.T("desk.close.outcome"), Value: said("desk.outcome.", c.Outcome)},
			{Question: p.T("desk.close.root_cause"), Value: said("desk.root_cause.", c.RootCause)},
			{Question: p.T("desk.close.impact"), Value: said("desk.impact.", c.Impact)},
			{Question: p.T("desk.close.cross_border"), Value: said("desk.cross_border.", c.CrossBorder)},
			{Question: p.T("desk.close.affected"), Value: affected},
			{Question: p.T("desk.close.report"), Value: c.Report},
		}
		if c.Note != "" {
			rows = append(rows, page.Answer{Question: p.T("desk.close.note"), Value: c.Note})
		}
		body = append(body, page.Summary(p, page.SummaryView{Title: p.T("desk.report_tab.closing"), Rows: rows}))
	} else {
		none := page.EmptyView{Icon: "file-text", Title: p.T("desk.report_tab.none"), Note: p.T("desk.report_tab.none.note")}
		if v.By.Can(access.Close) {
			none.Act = page.ButtonView{Text: p.T("desk.incident.close"), Href: f.Href + "/close"}
		}
		body = append(body, page.Empty(none))
	}
	if v.By.Can(access.Export) {
		body = append(body, heading(p.T("desk.report_tab.sheet")), paragraph(p.T("desk.report_tab.sheet.note")),
			post(f.Href+"/report", nil, page.ButtonView{Text: p.T("desk.report_tab.download"), Icon: "download"}))
	}
	return v.Show(IncidentTab(TabView{IncidentFrame: f, Body: several(body)}))
}

// takeReport hands out the case as a file to print. It asks for a fresh proof, and the record says who took it.
func (d *Desk) takeReport(v *page.Visit) error {
	c, err := d.Incidents.Export(v.Ctx(), v.By, v.R.PathValue("incident"), "html")
	if err != nil {
		return err
	}
	h := v.W.Header()
	h.Set("Content-Disposition", page.Attachment(c.Incident.Number+".html"))
	h.Set("Cache-Control", "no-store")
	return v.ShowStatus(http.StatusOK, d.Sheet(v.P, c, v.By))
}
