package desk

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func (d *Desk) chooseSending(v *page.Visit) error { return d.showChoose(v, nil, http.StatusOK) }

func (d *Desk) showChoose(v *page.Visit, wrong error, status int) error {
	x, _, err := d.Coordination.SendingOf(v.Ctx(), v.By, v.R.PathValue("sending"))
	if err != nil {
		return err
	}
	view, in, err := d.sendingFrame(v, x, "choose")
	if err != nil {
		return err
	}
	if x.State != coordination.SendingDraft {
		return v.See("/desk/sendings/" + x.UID)
	}
	p, posted := v.P, v.R.PostForm
	c := chooseView{
		at: "/desk/sendings/" + x.UID + "/choose", list: posted.Get("list"), names: posted.Get("organisations"), utc: posted.Get("utc") != "", parties: posted.Get("parties") != "",
		hidden: versionOf(x),
	}
	if len(c.list) > 1<<20 { // what came as a file is not shown in a field
		c.list = ""
	}
	communities, err := d.Constituency.Communities(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	for _, code := range communities {
		c.communities = append(c.communities, choice{name: "community", value: code, label: communityName(p, code), checked: slices.Contains(posted["community"], code)})
	}
	sectors, err := d.Constituency.Sectors(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	for _, code := range sectors {
		c.sectors = append(c.sectors, choice{name: "sector", value: code, label: sectorName(p, code), checked: slices.Contains(posted["sector"], code)})
	}
	for _, r := range roles {
		c.roles = append(c.roles, page.SelectOption{Value: string(r), Text: roleName(p, r), Chosen: posted.Get("role") == string(r)})
	}
	lead, err := d.Coordination.Correlate(v.Ctx(), v.By, x.UID)
	if err != nil {
		return err
	}
	c.named, c.alike, c.more = leadsTo(p, lead, posted)
	if c.now, err = d.Coordination.CountParties(v.Ctx(), v.By, in.UID); err != nil {
		return err
	}
	view.Problems, c.wrong = refusal(v, wrong, nil)
	view.Wrong = wrong != nil
	view.Body = append(view.Body, paragraph(p.T("desk.sending.choose.lead")), sendingChoose(p, c))
	return v.ShowStatus(status, Admin(view))
}

// addToSending chooses parties by all that was given at once.
func (d *Desk) addToSending(v *page.Visit) error {
	var large *http.MaxBytesError
	if err := v.R.ParseMultipartForm(1 << 20); err != nil {
		if !errors.As(err, &large) && !errors.Is(err, http.ErrNotMultipart) {
			return errFormNotRead
		}
		if errors.As(err, &large) {
			var p errs.Problems
			p.Add("list", "error.sending.list", "most", coordination.MostLines)
			return d.showChoose(v, p.Err(), errs.Invalid.HTTP())
		}
	}
	in := coordination.Choose{
		Version: version(v), List: v.R.PostFormValue("list"), UTC: v.R.PostFormValue("utc") != "", Communities: v.R.PostForm["community"], Sectors: v.R.PostForm["sector"],
		Parties: v.R.PostFormValue("parties") != "", Named: v.R.PostFormValue("named") != "", Alike: v.R.PostFormValue("alike") != "", Role: coordination.Role(v.R.PostFormValue("role")),
	}
	for name := range strings.Lines(v.R.PostFormValue("organisations")) {
		if name = strings.TrimSpace(name); name != "" {
			in.Organisations = append(in.Organisations, name)
		}
	}
	if v.R.MultipartForm != nil {
		for _, f := range v.R.MultipartForm.File["file"] {
			file, err := f.Open()
			if err != nil {
				return err
			}
			raw, err := io.ReadAll(io.LimitReader(file, coordination.MostList+1))
			_ = file.Close()
			if err != nil {
				return errFormNotRead
			}
			more := strings.ToValidUTF8(string(raw), "\ufffd")
			if strings.TrimSpace(in.List) == "" {
				in.List = more
				continue
			}
			// A file has headings of its own: each list is read by itself.
			x, err := d.Coordination.Choose(v.Ctx(), v.By, v.R.PathValue("sending"), coordination.Choose{Version: in.Version, List: more, UTC: in.UTC, Role: in.Role})
			if err != nil {
				return d.choseWrong(v, err)
			}
			in.Version = x.Version
		}
	}
	x, err := d.Coordination.Choose(v.Ctx(), v.By, v.R.PathValue("sending"), in)
	if err != nil {
		return d.choseWrong(v, err)
	}
	return back(v, "/desk/sendings/"+x.UID+"/parties", "saved")
}

// refusal is problems, with a refusal that names no field as one line.
func refusal(v *page.Visit, wrong error, ids map[string]string) ([]page.Problem, map[string]string) {
	list, by := problems(v.P, wrong, ids)
	if wrong != nil && len(list) == 0 {
		said, _ := plainRefusal(v, wrong)
		list = []page.Problem{{Text: said}}
	}
	return list, by
}

func (d *Desk) choseWrong(v *page.Visit, err error) error {
	if _, ok := plainRefusal(v, err); !ok {
		return err
	}
	return d.showChoose(v, err, errs.Of(err).HTTP())
}

// sendingPage is how many lines stand on a page.
const sendingPage = 100

// lineFilter reads a filter of an address or a form.
func lineFilter(q url.Values) coordination.LineFilter {
	return coordination.LineFilter{Text: strings.TrimSpace(q.Get("q")), Sector: q.Get("sector"), Community: q.Get("community"), Road: q.Get("road"), Lang: q.Get("reads"), State: q.Get("state"), By: q.Get("by")}
}

func filterPairs(f coordination.LineFilter) [][2]string {
	return slices.DeleteFunc([][2]string{{"q", f.Text}, {"sector", f.Sector}, {"community", f.Community}, {"road", f.Road}, {"reads", f.Lang}, {"state", f.State}, {"by", f.By}}, func(x [2]string) bool { return x[1] == "" })
}

// sendingParties lists who was chosen, why each is there, and who would be written to.
func (d *Desk) sendingParties(v *page.Visit) error {
	x, all, dry, err := d.Coordination.Lines(v.Ctx(), v.By, v.R.PathValue("sending"))
	if err != nil {
		return err
	}
	view, _, err := d.sendingFrame(v, x, "parties")
	if err != nil {
		return err
	}
	p, at := v.P, "/desk/sendings/"+x.UID+"/parties"
	f := lineFilter(v.R.URL.Query())
	edits := x.State == coordination.SendingDraft && prepares(v.By)
	var taken []coordination.SendingLine
	in := 0
	for _, l := range all {
		if f.Takes(l) {
			taken = append(taken, l)
			if !l.Out {
				in++
			}
		}
	}
	from, _ := strconv.Atoi(v.R.URL.Query().Get("from"))
	from = max(0, min(from, max(len(taken)-1, 0)/sendingPage*sendingPage))
	to := min(from+sendingPage, len(taken))
	lv := linesView{at: at, text: f.Text, selects: lineSelects(p, f, all, dry), groups: lineGroups(p, at, f, dry), hidden: versionOf(x), pages: page.PagesView{From: from + 1, To: to, Total: len(taken)}}
	address := func(from int) string {
		q := url.Values{}
		for _, kv := range filterPairs(f) {
			q.Set(kv[0], kv[1])
		}
		q.Set("from", strconv.Itoa(from))
		return at + "?" + q.Encode()
	}
	if from > 0 {
		lv.pages.Prev = address(from - sendingPage)
	}
	if to < len(taken) {
		lv.pages.Next = address(to)
	}
	lv.table = page.TableView{Caption: p.T("desk.sending.tab.parties"), Columns: []page.Column{{Text: p.T("desk.sending.col.party")}, {Text: p.T("desk.sending.col.why")}, {Text: p.T("desk.sending.col.to")}, {Text: p.T("desk.sending.col.road")}, {Text: p.T("desk.sending.col.lines"), Number: true}}}
	for _, l := range taken[from:to] {
		lv.table.Rows = append(lv.table.Rows, d.lineRow(p, x, l, edits))
	}
	lv.empty = page.EmptyView{Icon: "building-2", Title: p.T("desk.sending.parties.none"), Note: p.T("desk.sending.parties.none.note")}
	for _, kv := range filterPairs(f) {
		lv.filter = append(lv.filter, page.Hid{Name: kv[0], Value: kv[1]})
		lv.empty = page.EmptyView{Icon: "search", Title: p.T("desk.sending.filter.none"), Note: p.T("desk.sending.filter.none.note"), Act: page.ButtonView{Text: p.T("desk.sending.filter.clear"), Href: at}}
	}
	if edits {
		lv.acts = []page.ButtonView{{Text: p.T("desk.sending.out.do"), Name: "do", Value: "out"}, {Text: p.T("desk.sending.in.do"), Name: "do", Value: "in"}}
		if len(lv.filter) > 0 && in > 0 {
			lv.all = append(lv.all, page.ButtonView{Text: p.N("desk.sending.out.all", in), Name: "do", Value: "out"})
		}
		if out := len(taken) - in; len(lv.filter) > 0 && out > 0 {
			lv.all = append(lv.all, page.ButtonView{Text: p.N("desk.sending.in.all", out), Name: "do", Value: "in"})
		}
	}
	view.Body = append(view.Body, sendingLines(p, lv))
	return v.Show(Admin(view))
}

func (d *Desk) lineRow(p *text.Printer, x coordination.Sending, l coordination.SendingLine, edits bool) []templ.Component {
	under := []string{}
	if s := sectorName(p, l.Organisation.Sector); s != "" {
		under = append(under, s)
	}
	for _, c := range l.Organisation.Communities {
		under = append(under, communityName(p, c))
	}
	var why []string
	for _, w := range l.Why {
		why = append(why, whyWords(p, w))
	}
	to := strings.Trim(l.Contact+" <"+l.Email+">", " ")
	if l.Email == "" {
		to = p.T("desk.sending.to.portal")
	}
	lang := text.Name(text.Lang(l.Lang))
	if l.Health.State == constituency.Broken || l.Health.State == constituency.Doubtful {
		lang += " · " + healthChip(p, l.Health.State).Text + ": " + healthWhy(p, l.Health)
	}
	var road templ.Component = roadCell(roadChip(p, l.Road), roadWhy(p, l.Road))
	switch {
	case l.Out:
		road = page.Chip(page.ChipView{Text: p.T("desk.sending.line.out"), Kind: "outline"})
	case l.Reason != "":
		road = roadCell(page.ChipView{Text: p.T("desk.sending.line.left"), Kind: "warn", Icon: "triangle-alert"}, p.T(l.Reason))
	}
	return []templ.Component{
		tick("o-"+l.Organisation.UID, l.Organisation.UID, l.Organisation.Name, "/desk/sendings/"+x.UID+"/letters/"+l.Organisation.UID, strings.Join(under, " · "), edits),
		stacked(why), twoLines(to, lang), road, page.Text(p.Number(int64(l.Lines))),
	}
}

func roadWhy(p *text.Printer, r egress.Decision) string {
	if r.Reason == "" || r.Road == egress.Direct {
		return ""
	}
	return p.T(r.Reason)
}

func whyWords(p *text.Printer, w coordination.Why) string {
	switch w.By {
	case "list":
		return p.N("desk.sending.why.list", w.Count, "asset", w.Value)
	case "community":
		return communityName(p, w.Value)
	case "sector":
		return sectorName(p, w.Value)
	case "party":
		return p.T("desk.sending.why.party")
	case "takedown":
		return p.T("desk.sending.why.takedown")
	case "named", "alike_named":
		return doubted(p, w, p.N("desk.sending.why."+w.By, w.Count, "asset", w.Value, "where", whereWords(p, w.From)))
	case "alike":
		return doubted(p, w, p.T("desk.sending.why.alike", "why", p.T("desk.fold."+w.Value), "where", w.From))
	}
	return p.T("desk.sending.why.organisation")
}

// doubted says with a reason how sure it is, and what may be done with it.
func doubted(p *text.Printer, w coordination.Why, words string) string {
	if w.Claimed {
		words += " · " + p.T("desk.sending.why.claimed")
	}
	if w.Stays {
		words += " · " + p.T("desk.sending.why.stays")
	}
	return words
}

// whereWords names where something is named.
func whereWords(p *text.Printer, from string) string {
	switch from {
	case coordination.WhereEntry:
		return p.T("desk.sending.where.entry")
	case coordination.WhereMeasure:
		return p.T("desk.sending.where.measure")
	}
	return from
}

// mostLeads is how many of those a case leads to are shown before they are added.
const mostLeads = 100

// leadsTo shows whom the case leads to: who, why, with what.
func leadsTo(p *text.Printer, c coordination.Correlated, posted url.Values) (named, alike leadView, more string) {
	for i, l := range []*leadView{&named, &alike} {
		list := [][]coordination.Correlation{c.Named, c.Alike}[i]
		l.name, l.count = [...]string{"named", "alike"}[i], len(list)
		l.checked = posted.Get(l.name) != ""
		if l.count == 0 {
			l.hint = [...]string{p.T("desk.sending.lead.named.none"), p.T("desk.sending.lead.alike.none")}[i]
			continue
		}
		l.label = [...]string{p.N("desk.sending.lead.named", l.count), p.N("desk.sending.lead.alike", l.count)}[i]
		l.hint = [...]string{p.N("desk.sending.lead.named.hint", c.Things[i]), p.N("desk.sending.lead.alike.hint", c.Things[i])}[i]
		l.show = p.N("desk.sending.lead.show", l.count)
		l.table = page.TableView{Caption: l.label, Columns: []page.Column{{Text: p.T("desk.sending.col.party")}, {Text: p.T("desk.sending.col.why")}, {Text: p.T("desk.sending.evidence")}}}
		for _, x := range list[:min(len(list), mostLeads)] {
			var why, lines []string
			for _, w := range x.Why {
				why = append(why, whyWords(p, w))
			}
			for _, line := range x.Lines[:min(len(x.Lines), 5)] {
				lines = append(lines, coordination.Harmless(line.What))
			}
			if n := len(x.Lines) - len(lines); n > 0 {
				lines = append(lines, p.N("desk.sending.lead.lines", n))
			}
			second := ""
			if x.There {
				second = p.T("desk.sending.lead.there")
			}
			l.table.Rows = append(l.table.Rows, []templ.Component{twoLines(x.Organisation.Name, second), stacked(why), stacked(lines)})
		}
		if n := len(list) - mostLeads; n > 0 {
			l.rest = p.N("desk.sending.lead.rest", n)
		}
	}
	if c.More {
		more = p.T("desk.sending.lead.more", "most", p.Number(coordination.MostNamed))
	}
	return named, alike, more
}

// lineSelects are the menus of the filter, of what there is.
func lineSelects(p *text.Printer, f coordination.LineFilter, all []coordination.SendingLine, dry coordination.DryRun) []selectView {
	menu := func(name, label, now string, counts map[string]int, say func(string) string) selectView {
		s := selectView{name: name, label: label, options: []page.SelectOption{{Value: "", Text: p.T("desk.sending.filter.all")}}}
		for _, c := range coordination.Groups(counts) {
			if c != "" {
				s.options = append(s.options, page.SelectOption{Value: c, Text: say(c) + " (" + p.Number(int64(counts[c])) + ")", Chosen: c == now})
			}
		}
		return s
	}
	roads, states := map[string]int{}, map[string]int{}
	for _, l := range all {
		if !l.Out {
			roads[l.Road.Road.String()]++
		}
		states[lineState(l)]++
	}
	return []selectView{
		menu("sector", p.T("desk.sending.filter.sector"), f.Sector, dry.Sectors, func(c string) string { return sectorName(p, c) }),
		menu("community", p.T("desk.sending.filter.community"), f.Community, dry.Communities, func(c string) string { return communityName(p, c) }),
		menu("road", p.T("desk.sending.filter.road"), f.Road, roads, func(c string) string {
			var r egress.Road
			_ = r.UnmarshalText([]byte(c))
			return roadChip(p, egress.Decision{Road: r}).Text
		}),
		menu("reads", p.T("desk.sending.langs"), f.Lang, dry.Langs, func(c string) string { return text.Name(text.Lang(c)) }),
		menu("state", p.T("desk.col.state"), f.State, states, func(c string) string { return p.T("desk.sending.line." + c) }),
	}
}

func lineState(l coordination.SendingLine) string {
	return [...]string{"in", "out", "written", "left"}[l.State]
}

// lineGroups are the sectors and communities of those who are written to, each leading to its own.
func lineGroups(p *text.Printer, at string, f coordination.LineFilter, dry coordination.DryRun) (out []page.ChipView) {
	for _, c := range coordination.Groups(dry.Sectors) {
		if c != "" && len(out) < 8 {
			out = append(out, page.ChipView{Text: sectorName(p, c) + " " + p.Number(int64(dry.Sectors[c])), Kind: on(f.Sector == c), Href: at + "?" + url.Values{"sector": {c}}.Encode()})
		}
	}
	for _, c := range coordination.Groups(dry.Communities) {
		if len(out) < 16 {
			out = append(out, page.ChipView{Text: communityName(p, c) + " " + p.Number(int64(dry.Communities[c])), Kind: on(f.Community == c), Href: at + "?" + url.Values{"community": {c}}.Encode()})
		}
	}
	return out
}

func on(yes bool) string {
	if yes {
		return "on"
	}
	return "outline"
}

func (d *Desk) excludeFromSending(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	f := lineFilter(v.R.PostForm)
	f.Organisations = v.R.PostForm["organisation"]
	at := "/desk/sendings/" + v.R.PathValue("sending")
	_, _, err := d.Coordination.Exclude(v.Ctx(), v.By, v.R.PathValue("sending"), version(v), f, v.R.PostFormValue("do") != "in")
	if errs.Is(err, errs.Invalid) { // nothing was ticked
		return errChooseOrganisation
	}
	if err != nil {
		return err
	}
	q := url.Values{"done": {"saved"}}
	if len(f.Organisations) > 0 {
		return v.See(at + "/parties?" + q.Encode())
	}
	return v.See(at + "?" + q.Encode())
}
