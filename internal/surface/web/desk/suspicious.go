package desk

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func (d *Desk) suspiciousRoutes() []page.Route {
	read, triage := page.Needs(access.ReadCases), page.Needs(access.Triage)
	return []page.Route{
		{Pattern: "GET /desk/suspicious", Need: read, Serve: d.suspicious},
		{Pattern: "GET /desk/suspicious/{campaign}", Need: read, Serve: d.campaign},
		{Pattern: "GET /desk/suspicious/{campaign}/links.csv", Need: page.Needs(access.Export), Serve: d.campaignLinks},
		{Pattern: "POST /desk/suspicious/{campaign}/judge", Need: triage, Serve: d.judgeCampaign},
		{Pattern: "POST /desk/suspicious/{campaign}/file", Need: triage, Serve: d.fileCampaign},
		{Pattern: "GET " + singlesAt, Need: read, Serve: d.singles},
		{Pattern: "GET " + singlesAt + "/{single}", Need: read, Serve: d.single},
		{Pattern: "POST " + singlesAt + "/{single}/begin", Need: triage, Serve: d.beginCampaign},
		{Pattern: "GET " + handedAt + "/{single}/files/{handed}", Need: read, Serve: d.handedFile},
		{Pattern: "GET " + handedAt + "/{single}/pictures/{handed}", Need: read, Serve: d.handedPicture},
		{Pattern: "POST /desk/suspicious/address", Need: page.Needs(access.ChangeRules), Serve: d.setLaneAddress},
		{Pattern: "POST /desk/suspicious/rules", Need: page.Needs(access.ChangeRules), Serve: d.setSuspicious},
	}
}

func campaignState(p *text.Printer, c suspicion.Campaign) page.ChipView {
	switch c.State {
	case suspicion.Harmless:
		return page.ChipView{Text: p.T("desk.suspicious.state.harmless"), Kind: "ok", Icon: "check"}
	case suspicion.Known:
		return page.ChipView{Text: p.T("desk.suspicious.state.known"), Kind: "outline"}
	}
	if c.Report != 0 {
		return page.ChipView{Text: p.T("desk.suspicious.state.line"), Kind: "warn", Icon: "inbox"}
	}
	return page.ChipView{Text: p.T("desk.suspicious.state.open"), Kind: "outline"}
}

func campaignTitle(p *text.Printer, c suspicion.Campaign) string {
	if c.Title == "" {
		return p.T("desk.suspicious.untitled")
	}
	return clip(c.Title, 100)
}

// suspicious lists the campaigns, under the curve of all that came in.
func (d *Desk) suspicious(v *page.Visit) error { return d.showSuspicious(v, nil) }

func (d *Desk) showSuspicious(v *page.Visit, wrong error) error {
	p, q := v.P, v.R.URL.Query()
	f := suspicion.Filter{State: suspicion.State(q.Get("state")), Largest: q.Get("order") == "largest", After: q.Get("after"), Limit: 50}
	if f.State == "" {
		f.State = suspicion.Open
	} else if f.State == "all" {
		f.State = ""
	}
	list, err := d.Suspicion.List(v.Ctx(), v.By, f)
	if err != nil {
		return err
	}
	hours, err := d.Suspicion.Curve(v.Ctx(), v.By, suspicion.Campaign{}, v.Now.Add(-48*time.Hour))
	if err != nil {
		return err
	}
	problems, by := problems(p, wrong, nil)
	var filters []page.ChipView
	for _, x := range []struct{ state, words string }{
		{"", p.T("desk.suspicious.state.open")}, {"known", p.T("desk.suspicious.state.known")}, {"harmless", p.T("desk.suspicious.state.harmless")}, {"all", p.T("desk.suspicious.all")},
	} {
		c := page.ChipView{Text: x.words, Kind: "outline", Href: "/desk/suspicious?state=" + x.state}
		if x.state == q.Get("state") {
			c.Kind = "on"
		}
		filters = append(filters, c)
	}
	largest := page.ChipView{Text: p.T("desk.suspicious.largest"), Kind: "outline", Href: "/desk/suspicious?order=largest&state=" + string(f.State)}
	if f.Largest {
		largest.Kind, largest.Href = "on", "/desk/suspicious?state="+string(f.State)
	}
	filters = append(filters, largest)
	t := page.TableView{Caption: p.T("desk.suspicious.campaigns"), Columns: []page.Column{
		{Text: p.T("desk.suspicious.campaign")}, {Text: p.T("desk.suspicious.messages"), Number: true}, {Text: p.T("desk.suspicious.people"), Number: true}, {Text: p.T("desk.suspicious.first")}, {Text: p.T("desk.suspicious.last")}, {Text: p.T("desk.col.state")},
	}}
	for _, c := range list.Items {
		t.Rows = append(t.Rows, []templ.Component{
			link("/desk/suspicious/"+c.UID, campaignTitle(p, c), c.Named), page.Text(p.Number(int64(c.Messages))), page.Text(p.Number(int64(c.Senders))),
			page.At(p, c.FirstAt, v.Now), page.At(p, c.LastAt, v.Now), page.Chip(campaignState(p, c)),
		})
	}
	body := []templ.Component{}
	if curve := d.curve(p, hours, v.Now.Add(-48*time.Hour), v.Now); curve != nil {
		body = append(body, curve)
	}
	body = append(body, chips(filters))
	if len(t.Rows) > 0 {
		body = append(body, page.Table(t))
	} else {
		body = append(body, page.Empty(page.EmptyView{Icon: "mail", Title: p.T("desk.suspicious.none"), Note: p.T("desk.suspicious.none.note")}))
	}
	if pages := next(v, list.Next, len(list.Items)); pages != nil {
		body = append(body, page.Pages(p, *pages))
	}
	if body, err = d.suspiciousRules(v, body, by); err != nil {
		return err
	}
	view := d.suspiciousView(v, p.T("desk.nav.suspicious"), p.T("desk.suspicious.lead"), body...)
	view.Up = page.NavItem{}
	view.Acts = []page.ButtonView{{Text: p.T("desk.suspicious.single"), Kind: "ghost", Icon: "mail", Href: singlesAt}}
	if len(problems) > 0 {
		return wrongAdmin(v, view, errs.Invalid.HTTP(), problems...)
	}
	return v.Show(Admin(view))
}

func (d *Desk) suspiciousView(v *page.Visit, heading, lead string, body ...templ.Component) AdminView {
	view := d.adminView(v, heading, lead, body...)
	view.DeskView = d.frame(v, "suspicious", heading)
	view.Up = page.NavItem{Text: v.P.T("desk.nav.suspicious"), Href: "/desk/suspicious"}
	return view
}

// suspiciousRules says when a campaign becomes a line, and lets who may change it.
func (d *Desk) suspiciousRules(v *page.Visit, body []templ.Component, by map[string]string) ([]templ.Component, error) {
	p := v.P
	rules, err := d.Suspicion.RulesNow(v.Ctx(), d.DB)
	if err != nil {
		return nil, err
	}
	said := p.T("desk.suspicious.rules.never")
	if rules.Grows > 0 {
		said = p.N("desk.suspicious.rules.grows", rules.Grows)
	}
	parts := []templ.Component{paragraph(said)}
	if v.By.Can(access.ChangeRules) {
		value := strconv.Itoa(rules.Grows)
		if x := v.R.PostFormValue("grows"); x != "" {
			value = x
		}
		parts = append(parts, adminForm("/desk/suspicious/rules", nil, []templ.Component{
			page.Field(p, page.FieldView{ID: "grows", Name: "grows", Width: "short", InputMode: "numeric", Label: p.T("desk.suspicious.grows"), Hint: p.T("desk.suspicious.grows.hint"), Value: value, Error: by["grows"]}),
		}, page.ButtonView{Text: p.T("desk.suspicious.grows.do")}))
	}
	where, err := d.laneAddress(v, by)
	if err != nil {
		return nil, err
	}
	return append(body, section("rules", p.T("desk.suspicious.rules"), parts...), section("where", p.T("desk.suspicious.where"), where...)), nil
}

func (d *Desk) setSuspicious(v *page.Visit) error {
	n, err := strconv.Atoi(strings.TrimSpace(v.R.PostFormValue("grows")))
	if err != nil {
		n = -1
	}
	err = d.Suspicion.SetRules(v.Ctx(), v.By, suspicion.Rules{Grows: n})
	if errs.Is(err, errs.Invalid) {
		return d.showSuspicious(v, err)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/suspicious", "judged")
}

// curve draws hours, or days when there are many hours; nil when nothing came.
func (d *Desk) curve(p *text.Printer, hours []suspicion.Hour, from, to time.Time) templ.Component {
	if len(hours) == 0 {
		return nil
	}
	byDay := to.Sub(from) > 72*time.Hour
	of := func(t time.Time) time.Time {
		t = t.In(d.Zone)
		if byDay {
			return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, d.Zone)
		}
		return t.Truncate(time.Hour)
	}
	at, total, most := map[time.Time]int{}, 0, 0
	for _, h := range hours {
		k := of(h.At)
		at[k] += h.Messages
		total += h.Messages
		most = max(most, at[k])
	}
	var list []bar
	words := func(t time.Time) string {
		if byDay {
			return p.Date(t)
		}
		return p.DateTime(t)
	}
	for t := of(from); !t.After(to) && len(list) < 120; {
		b := bar{At: words(t), N: at[t]}
		if b.N > 0 {
			b.Tall = max(2, b.N*100/most)
		}
		list = append(list, b)
		if byDay {
			t = t.AddDate(0, 0, 1)
		} else {
			t = t.Add(time.Hour)
		}
	}
	title, each := p.N("desk.suspicious.curve.hours", total), p.T("desk.suspicious.hour")
	if byDay {
		title, each = p.N("desk.suspicious.curve.days", total), p.T("desk.suspicious.day")
	}
	return bars(p, title, list[0].At, list[len(list)-1].At, each, p.T("desk.suspicious.messages"), list)
}

func barTable(of, count string, p *text.Printer, list []bar) page.TableView {
	t := page.TableView{Caption: count, Columns: []page.Column{{Text: of}, {Text: count, Number: true}}}
	for _, b := range list {
		if b.N > 0 {
			t.Rows = append(t.Rows, []templ.Component{page.Text(b.At), page.Text(p.Number(int64(b.N)))})
		}
	}
	return t
}

// SampleView is one message of a campaign, inert.
type SampleView struct {
	Facts       []page.Property
	Words, Text string
	Files       []HandedFile
}

// HandedFile is a file that somebody handed on: fetched as it came, or looked at as we drew it.
type HandedFile struct {
	Name, About string
	Fetch       string
	Picture     string // address of the picture; "" for what is none
}

// campaign shows one campaign.
func (d *Desk) campaign(v *page.Visit) error {
	c, err := d.Suspicion.Get(v.Ctx(), v.By, v.R.PathValue("campaign"))
	if err == nil {
		err = d.Watch.Read(v.Ctx(), v.By, c.Object)
	}
	if err != nil {
		return err
	}
	p := v.P
	features, err := d.Suspicion.Features(v.Ctx(), c)
	if err != nil {
		return err
	}
	hours, err := d.Suspicion.Curve(v.Ctx(), v.By, c, c.FirstAt.Add(-time.Hour))
	if err != nil {
		return err
	}
	lead := p.N("desk.suspicious.messages.n", c.Messages) + " · " + p.N("desk.suspicious.people.n", c.Senders) + " · " + p.DateTime(c.FirstAt)
	if p.DateTime(c.LastAt) != p.DateTime(c.FirstAt) {
		lead += " – " + p.DateTime(c.LastAt)
	}
	state := campaignState(p, c)
	body := []templ.Component{}
	if c.Names != 0 {
		name := c.Named
		if name == "" {
			name = p.T("desk.suspicious.names.hidden")
		}
		body = append(body, paragraph(p.T("desk.suspicious.names", "name", name)))
	}
	may, err := d.campaignActs(v, c, &state)
	if err != nil {
		return err
	}
	body = append([]templ.Component{chips([]page.ChipView{state})}, append(body, acts(may))...)
	to := c.LastAt
	if to.Sub(c.FirstAt) < 24*time.Hour {
		to = c.FirstAt.Add(24 * time.Hour)
	}
	from := c.FirstAt
	if to.Sub(from) > 100*24*time.Hour {
		from = to.Add(-100 * 24 * time.Hour)
	}
	if curve := d.curve(p, hours, from, to); curve != nil {
		body = append(body, section("curve", p.T("desk.suspicious.curve"), curve))
	}
	t := page.TableView{Caption: p.T("desk.suspicious.features"), Columns: []page.Column{
		{Text: p.T("desk.suspicious.feature")}, {Text: p.T("desk.suspicious.kind")}, {Text: p.T("desk.suspicious.messages"), Number: true}, {Text: p.T("desk.suspicious.first")}, {Text: p.T("desk.suspicious.last")},
	}}
	for i, f := range features {
		if i == 50 {
			break
		}
		t.Rows = append(t.Rows, []templ.Component{twoLines(featureValue(f), f.Name), page.Text(p.T("desk.suspicious.kind." + f.Kind.Key())), page.Text(p.Number(int64(f.Seen))), page.At(p, f.FirstAt, v.Now), page.At(p, f.LastAt, v.Now)})
	}
	parts := []templ.Component{paragraph(p.T("desk.suspicious.features.none"))}
	if len(t.Rows) > 0 {
		parts = []templ.Component{page.Table(t)}
	}
	if len(features) > 50 {
		parts = append(parts, paragraph(p.T("desk.suspicious.features.more")))
	}
	body = append(body, section("features", p.T("desk.suspicious.features"), parts...))
	one, err := d.sampleOf(v, c)
	if err != nil {
		return err
	}
	view := d.suspiciousView(v, campaignTitle(p, c), lead, append(body, section("sample", p.T("desk.suspicious.sample"), one))...)
	if v.By.Can(access.Export) && len(features) > 0 {
		view.Acts = []page.ButtonView{{Text: p.T("desk.suspicious.csv"), Kind: "ghost", Icon: "download", Href: "/desk/suspicious/" + c.UID + "/links.csv"}}
	}
	return v.Show(Admin(view))
}

func featureValue(f suspicion.Feature) string {
	if f.Kind == suspicion.File {
		return f.Value
	}
	return suspicion.Defang(f.Value)
}

// campaignActs are what a person may do with it, or the way to its line.
func (d *Desk) campaignActs(v *page.Visit, c suspicion.Campaign, state *page.ChipView) ([]templ.Component, error) {
	p := v.P
	var out []templ.Component
	if c.Report != 0 {
		o, err := access.Load(v.Ctx(), d.DB, v.By, ref.Ref{Kind: ref.Report, ID: c.Report})
		switch {
		case err == nil:
			out = append(out, page.Button(page.ButtonView{Text: p.T("desk.suspicious.to_line"), Icon: "inbox", Href: "/desk/reports/" + o.UID}))
			state.Text += " · " + o.Number
		case !errs.Is(err, errs.NotFound):
			return nil, err
		}
	}
	if !v.By.Can(access.Triage) {
		return out, nil
	}
	if c.Report == 0 {
		out = append(out, post("/desk/suspicious/"+c.UID+"/file", nil, page.ButtonView{Text: p.T("desk.suspicious.file"), Kind: "primary", Icon: "inbox"}))
	}
	for _, s := range []struct {
		state suspicion.State
		words string
	}{{suspicion.Known, p.T("desk.suspicious.mark.known")}, {suspicion.Harmless, p.T("desk.suspicious.mark.harmless")}, {suspicion.Open, p.T("desk.suspicious.mark.open")}} {
		if s.state != c.State {
			out = append(out, post("/desk/suspicious/"+c.UID+"/judge", []page.Hid{{Name: "state", Value: string(s.state)}, {Name: "version", Value: strconv.FormatInt(c.Version, 10)}}, page.ButtonView{Text: s.words}))
		}
	}
	return out, nil
}

var scheme = regexp.MustCompile(`(?i)\b(ht)tp(s?://)`)

// sampleOf shows the newest message that is kept. Its links are no links: not pressed, not made by a program that reads the page aloud or prints it.
func (d *Desk) sampleOf(v *page.Visit, c suspicion.Campaign) (templ.Component, error) {
	p := v.P
	r, at, err := d.Suspicion.Sample(v.Ctx(), c)
	if errs.Is(err, errs.NotFound) {
		return paragraph(p.T("desk.suspicious.sample.none")), nil
	}
	if err != nil {
		return nil, err
	}
	return sample(p, sampleView(p, r, at)), nil
}

// sampleView is how a message reads, without anything that leads somewhere.
func sampleView(p *text.Printer, r suspicion.Reading, at time.Time) SampleView {
	inert := func(s string) string { return scheme.ReplaceAllString(mail.VisibleText(clip(s, 6000)), "hxxp$2") }
	one := SampleView{Words: inert(r.Words), Text: inert(strings.TrimSpace(r.Text))}
	one.Facts = []page.Property{{Label: p.T("desk.suspicious.sample.at"), Value: page.Text(p.DateTime(at))}, {Label: p.T("desk.suspicious.sample.subject"), Value: page.Text(inert(r.Subject))}}
	if r.Domain != "" {
		one.Facts = append(one.Facts, page.Property{Label: p.T("desk.suspicious.kind.sender"), Value: page.Mono(suspicion.Defang(mail.Visible(r.Domain)))})
	}
	if one.Text == "" {
		one.Text = p.T("desk.suspicious.sample.empty")
	}
	for i, f := range r.Files {
		x := HandedFile{Name: f.Name, About: f.Type + " · " + p.Bytes(f.Size) + " · " + f.SHA256, Fetch: handedAt + "/" + r.Message + "/files/" + f.SHA256}
		if x.Name == "" {
			x.Name = p.T("desk.suspicious.file.unnamed")
		}
		if i < len(r.Pictures) && r.Pictures[i] {
			x.Picture = handedAt + "/" + r.Message + "/pictures/" + f.SHA256
		}
		one.Files = append(one.Files, x)
	}
	return one
}

func (d *Desk) judgeCampaign(v *page.Visit) error {
	version, err := strconv.ParseInt(v.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return access.ErrChanged
	}
	name := v.R.PathValue("campaign")
	if err := d.Suspicion.Judge(v.Ctx(), v.By, name, version, suspicion.State(v.R.PostFormValue("state"))); err != nil {
		return err
	}
	return back(v, "/desk/suspicious/"+name, "judged")
}

func (d *Desk) fileCampaign(v *page.Visit) error {
	report, err := d.Suspicion.File(v.Ctx(), v.By, v.R.PathValue("campaign"))
	if err != nil {
		return err
	}
	return v.See("/desk/reports/" + report)
}

// campaignLinks writes links and domains as CSV for a block list.
func (d *Desk) campaignLinks(v *page.Visit) error {
	c, err := d.Suspicion.Get(v.Ctx(), v.By, v.R.PathValue("campaign"))
	if err == nil {
		err = d.Watch.Read(v.Ctx(), v.By, c.Object)
	}
	if err != nil {
		return err
	}
	features, err := d.Suspicion.Features(v.Ctx(), c)
	if err != nil {
		return err
	}
	rows := [][]string{{"kind", "value", "messages", "first_seen", "last_seen"}}
	for _, f := range features {
		rows = append(rows, []string{f.Kind.Key(), f.Value, strconv.Itoa(f.Seen), stamp(f.FirstAt), stamp(f.LastAt)})
	}
	return page.CSV(v, "links.csv", rows)
}

// wavesOf gives the campaigns whose lines are among those of the queue.
func (d *Desk) wavesOf(v *page.Visit, lines []intake.Line) (map[int64]suspicion.Campaign, error) {
	if d.Suspicion == nil {
		return nil, nil
	}
	ids := make([]int64, len(lines))
	for i, l := range lines {
		ids[i] = l.Ref.ID
	}
	return d.Suspicion.OfReports(v.Ctx(), v.By, ids...)
}

func waveChip(p *text.Printer, c suspicion.Campaign) page.ChipView {
	return page.ChipView{Text: p.N("desk.suspicious.messages.n", c.Messages), Href: "/desk/suspicious/" + c.UID, Icon: "mail"}
}
