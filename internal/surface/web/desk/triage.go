package desk

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func filterOf(q url.Values) intake.QueueFilter {
	f := intake.QueueFilter{Mine: q.Get("mine") != "", Text: strings.TrimSpace(q.Get("q")), After: q.Get("after"), Limit: 50, Fold: q.Get("flat") == "", Like: q.Get("like")}
	switch s := intake.State(q.Get("state")); s {
	case intake.Linked, intake.Answered, intake.Rejected, intake.PassedOn, intake.Spam:
		f.State = s
	}
	return f
}

// triage shows the queue with one report beside it.
func (d *Desk) triage(v *page.Visit) error {
	q := v.R.URL.Query()
	f := filterOf(q)
	list, err := d.Intake.Queue(v.Ctx(), v.By, f)
	if err != nil {
		return err
	}
	waves, err := d.wavesOf(v, list.Items)
	if err != nil {
		return err
	}
	view := d.triageView(v, f, list, waves)
	if view.Reasons, err = d.reasonOptions(v, ""); err != nil {
		return err
	}
	if n, err := d.Intake.LaneFresh(v.Ctx(), v.By, time.Time{}); err != nil {
		v.Without(err)
	} else if n > 0 {
		view.Lane = page.NavItem{Text: v.P.N("desk.lane.fresh", n), Href: "/desk/triage/spam"}
	}
	chosen := q.Get("report")
	if chosen == "" && len(list.Items) > 0 {
		chosen = list.Items[0].UID
	}
	if chosen != "" {
		r, err := d.chosen(v, list.Items, chosen)
		if err != nil {
			return err
		}
		if q.Get("report") != "" { // the first of the list is shown unasked
			d.noteSeen(v, r.Ref)
		}
		if err := d.preview(v, &view, r); err != nil {
			return err
		}
	}
	return v.Show(Triage(view))
}

// chosen gives the report of the pane: as the list has it, or from elsewhere.
func (d *Desk) chosen(v *page.Visit, lines []intake.Line, uid string) (intake.Report, error) {
	for _, l := range lines {
		if l.UID == uid {
			return l.Report, nil
		}
	}
	return d.Intake.Get(v.Ctx(), d.DB, v.By, uid)
}

func (d *Desk) triageView(v *page.Visit, f intake.QueueFilter, list constituency.Page[intake.Line], waves map[int64]suspicion.Campaign) TriageView {
	q := v.R.URL.Query()
	view := TriageView{
		DeskView: d.frame(v, "triage", v.P.T("desk.nav.triage")), Sorted: v.P.T("desk.triage.sorted"),
		Bulk: "/desk/triage/bulk", New: "/desk/incidents/new", PhoneLog: "/desk/phone", NoFilters: !f.Mine && f.State == "" && f.Text == "" && f.Like == "",
	}
	if n, ok := d.numbered(v); ok {
		view.News = "/desk/triage/news?since=" + strconv.FormatInt(n, 10)
	}
	without := func(name string) url.Values {
		c := url.Values{}
		for k, x := range q {
			if k != name && k != "report" && k != "done" && k != "after" {
				c[k] = x
			}
		}
		return c
	}
	if f.Mine {
		view.Filters = append(view.Filters, page.ChipView{Text: v.P.T("desk.filter.mine"), Kind: "on", Remove: queueAt(without("mine")), RemoveName: v.P.T("desk.filter.remove")})
	} else {
		view.Add = append(view.Add, page.NavItem{Text: v.P.T("desk.filter.mine"), Href: queueAt(without("mine"), "mine", "1")})
	}
	if f.Like != "" {
		view.Filters = append(view.Filters, page.ChipView{Text: v.P.T("desk.filter.like"), Kind: "on", Remove: queueAt(without("like")), RemoveName: v.P.T("desk.filter.remove")})
		if v.By.Can(access.Triage) {
			view.Many = "/desk/triage/group?like=" + url.QueryEscape(f.Like)
		}
	}
	if !f.Fold {
		view.Filters = append(view.Filters, page.ChipView{Text: v.P.T("desk.filter.flat"), Kind: "on", Remove: queueAt(without("flat")), RemoveName: v.P.T("desk.filter.remove")})
	} else if f.Like == "" && f.State == "" {
		view.Add = append(view.Add, page.NavItem{Text: v.P.T("desk.filter.flat"), Href: queueAt(without("flat"), "flat", "1")})
	}
	if f.State != "" {
		view.Filters = append(view.Filters, page.ChipView{Text: reportState(v.P, f.State), Kind: "on", Remove: queueAt(without("state")), RemoveName: v.P.T("desk.filter.remove")})
	} else {
		for _, s := range []intake.State{intake.Linked, intake.Answered, intake.Rejected, intake.PassedOn, intake.Spam} {
			view.Add = append(view.Add, page.NavItem{Text: reportState(v.P, s), Href: queueAt(without("state"), "state", string(s))})
		}
	}
	if !view.NoFilters {
		view.ClearFilters = "/desk/triage"
	}
	groups := []page.QueueGroup{
		{ID: "clock", Title: v.P.T("desk.group.clock"), Icon: "clock", Urgent: true},
		{ID: "new", Title: v.P.T("desk.group.new"), Icon: "inbox"},
		{ID: "answer", Title: v.P.T("desk.group.answer"), Icon: "reply"},
		{ID: "other", Title: v.P.T("desk.group.other"), Icon: "archive"},
	}
	chosen := q.Get("report")
	var handlers []int64
	for _, l := range list.Items {
		if l.Handler != 0 {
			handlers = append(handlers, l.Handler)
		}
	}
	names, err := d.Names(v.Ctx(), handlers...)
	if err != nil {
		v.Without(err)
	}
	shown := make([]int64, len(list.Items))
	for i, l := range list.Items {
		shown[i] = l.Ref.ID
	}
	around := d.around(v, shown)
	writing, err := d.writers(v, shown...)
	if err != nil {
		v.Without(err)
	}
	for i, l := range list.Items {
		l.HandlerName = names[l.Handler]
		g := 3
		for j := range groups {
			if groups[j].ID == l.Group {
				g = j
			}
		}
		row := d.row(v, l)
		if c, ok := waves[l.Ref.ID]; ok {
			row.Chips = append([]page.ChipView{waveChip(v.P, c)}, row.Chips...)
		}
		for _, w := range writing[l.Ref.ID] {
			if w.now && len(row.Writing) < 2 {
				row.Writing = append(row.Writing, w.Person)
			}
		}
		for _, who := range around[l.Ref.ID] {
			if !slices.Contains(row.Writing, who) {
				row.Present = append(row.Present, who)
			}
		}
		row.Here = l.UID == chosen || (chosen == "" && i == 0)
		groups[g].Rows = append(groups[g].Rows, row)
		groups[g].Count++
		if f.State == "" {
			view.Waiting++
			if len(l.Why) > 0 { // those folded under it
				view.Folded = true
				view.Waiting += l.SameCount
			}
		}
		view.Oldest = max(view.Oldest, v.Now.Sub(l.ReceivedAt))
	}
	for _, g := range groups {
		if g.Count > 0 {
			view.Groups = append(view.Groups, g)
		}
	}
	if list.Next != "" {
		view.Pages = &page.PagesView{Next: queueAt(without("after"), "after", list.Next), From: 1, To: len(list.Items), Total: len(list.Items), TotalAtLeast: true}
	}
	return view
}

func queueAt(q url.Values, more ...string) string {
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	if len(q) == 0 {
		return "/desk/triage"
	}
	return "/desk/triage?" + q.Encode()
}

func (d *Desk) row(v *page.Visit, l intake.Line) page.QueueRow {
	second := l.OrgName
	if second == "" {
		second = l.Body.OrgText
	}
	if second == "" {
		second = channelName(v.P, l.Channel)
	}
	row := page.QueueRow{
		ID: l.UID, Href: "/desk/triage?report=" + l.UID, Open: "/desk/reports/" + l.UID, Title: reportTitle(v.P, l.Report), Ref: l.Reference,
		Second: second, TLP: l.TLP.Name(), Since: l.ReceivedAt, Now: v.Now, Assignee: page.Person{Name: l.HandlerName},
	}
	if !l.DueAt.IsZero() {
		row.Clock = &page.ClockView{Start: l.StartedAt, Due: l.DueAt, Now: v.Now}
	}
	switch {
	case len(l.Why) > 0:
		row.Chips = append(row.Chips, page.ChipView{Text: foldText(v.P, l), Href: "/desk/triage?like=" + l.UID})
	case l.SameCount > 0:
		row.Chips = append(row.Chips, page.ChipView{Text: v.P.N("desk.chip.similar", l.SameCount)})
	}
	if l.Receipt == intake.ReceiptHeld {
		row.Chips = append(row.Chips, page.ChipView{Text: v.P.T("desk.chip.receipt_held"), Kind: "warn"})
	}
	if l.Behalf == intake.Unconfirmed {
		row.Chips = append(row.Chips, page.ChipView{Text: v.P.T("desk.chip.behalf"), Kind: "warn"})
	}
	if l.Unfinished {
		row.Chips = append(row.Chips, page.ChipView{Text: v.P.T("desk.chip.unfinished"), Kind: "warn", Icon: "phone"})
	}
	if l.Proof == correspondence.Forged {
		row.Chips = append(row.Chips, page.ChipView{Text: v.P.T("desk.proof.forged"), Kind: "crit"})
	}
	if l.Unreadable {
		row.Chips = append(row.Chips, page.ChipView{Text: v.P.T("desk.chip.unreadable"), Kind: "warn"})
	}
	row.Chips = append(row.Chips, cameChips(v.P, l.Seal, l.Proof)...)
	return row
}

// foldText says how many stand under a line, and what they have in common.
func foldText(p *text.Printer, l intake.Line) string {
	var why []string
	for _, w := range l.Why {
		why = append(why, p.T("desk.fold."+w.Key()))
	}
	return p.N("desk.chip.folded", l.SameCount, "why", strings.Join(why, ", "))
}

func reportState(p *text.Printer, s intake.State) string {
	switch s {
	case intake.Linked:
		return p.T("desk.report.linked")
	case intake.Answered:
		return p.T("desk.report.answered")
	case intake.Rejected:
		return p.T("desk.report.rejected")
	case intake.PassedOn:
		return p.T("desk.report.passed_on")
	case intake.Spam:
		return p.T("desk.report.spam")
	}
	return p.T("desk.report.new")
}

func channelName(p *text.Printer, c correspondence.Channel) string {
	switch c {
	case correspondence.ByForm, correspondence.ByLink:
		return p.T("desk.channel.form")
	case correspondence.ByPhone:
		return p.T("desk.channel.phone")
	case correspondence.ByAPI:
		return p.T("desk.channel.api")
	case correspondence.ByPortal:
		return p.T("desk.channel.portal")
	}
	return p.T("desk.channel.mail")
}

// acts offers what the moves of the report's state and the person's rights allow.
func (d *Desk) acts(v *page.Visit, view *TriageView, r intake.Report, of besideReport, threads map[int64]correspondence.Thread) error {
	at := "/desk/reports/" + r.UID
	a := &view.Acts
	a.Fields = []page.Hid{{Name: "version", Value: strconv.FormatInt(r.Version, 10)}}
	can := func(to intake.State) bool {
		for _, s := range intake.Moves[r.State] {
			if s == to {
				return true
			}
		}
		return false
	}
	if can(intake.Linked) {
		a.Accept, a.Attach = at+"/accept", at+"/attach"
		open, err := d.Incidents.List(v.Ctx(), v.By, incident.Filter{Limit: 8})
		if err != nil {
			return err
		}
		for _, in := range open.Items {
			if len(a.Targets) < 8 && !has(a.Targets, in.Number) {
				a.Targets = append(a.Targets, page.SelectOption{Value: in.Number, Text: in.Number + " · " + in.Title})
			}
		}
	}
	if t, ok := threads[r.Thread]; ok && t.Correspondent.Email != "" && (can(intake.Answered) || r.State == intake.Linked || r.State == intake.Answered) {
		road, err := d.Correspondence.RoadOf(v.Ctx(), d.DB, &t, r.TLP)
		if err != nil {
			return err
		}
		a.Reply, a.ReplyTo, a.ReplyTLP = at+"/reply", reader(t), r.TLP.Name()
		a.ReplyRoad = roadChip(v.P, road)
		text, saved, err := d.Drafts.Load(v.Ctx(), v.By, r.Ref, replyDraft)
		if err != nil {
			return err
		}
		a.ReplyDraft, a.ReplyText = "/desk/drafts/report/"+r.UID+"/"+replyDraft, text
		if text != "" {
			a.ReplyState = v.P.T("desk.draft.saved", "at", v.P.Clock(saved))
		}
		if a.ReplyAdds, err = d.Intake.PoliceOwed(v.Ctx(), d.DB, r); err != nil {
			return err
		}
		a.ReplyLang = t.Correspondent.Lang
		a.ReplyOthers = writeNow(v.P, of.writers)
	}
	if can(intake.Rejected) {
		a.Reject = at + "/reject"
		chosen := ""
		if r.Organisation != 0 && of.entitled.Refused() { // of nobody in the register we do not know what they are entitled to
			chosen, a.NotEntitled = intake.NotEntitled, v.P.T("desk.triage.not_entitled")
		}
		if a.Reasons = slices.Clone(view.Reasons); a.Reasons == nil { // the report's own page
			var err error
			if a.Reasons, err = d.reasonOptions(v, ""); err != nil {
				return err
			}
		}
		for i, x := range a.Reasons {
			a.Reasons[i].Chosen = x.Value == chosen
		}
		a.Tell = v.By.Can(access.SendOutside) && threads[r.Thread].Correspondent.Email != "" && r.Proof != correspondence.Forged && r.State != intake.Spam
	}
	if can(intake.PassedOn) {
		a.PassOn = at + "/pass-on"
		a.Authorities, a.PassLetter = authorities(v.P, ""), v.By.Can(access.SendOutside)
	}
	if r.Receipt == intake.ReceiptHeld {
		a.Receipt = at + "/receipt"
	}
	if r.State == intake.Spam && v.By.Can(access.Triage) {
		a.NotSpam = at + "/not-spam"
		a.Teach = d.teachOptions(v, r)
	} else if can(intake.New) && r.State != intake.Linked && v.By.Can(access.Triage) {
		a.Restore = at + "/restore"
	}
	if r.Channel == correspondence.ByPhone && v.By.Can(access.Triage) {
		a.Call = callAt(r.UID)
	}
	if r.AnswerCame {
		a.Settle = at + "/settle"
	}
	return nil
}

func has(list []page.SelectOption, value string) bool {
	for _, x := range list {
		if x.Value == value {
			return true
		}
	}
	return false
}

func reader(t correspondence.Thread) string {
	if t.Correspondent.Name != "" {
		return t.Correspondent.Name
	}
	return t.Correspondent.Email
}

// report is the selected report as a page of its own.
func (d *Desk) report(v *page.Visit) error {
	r, err := d.Intake.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("report"))
	if err != nil {
		return err
	}
	view := TriageView{DeskView: d.frame(v, "triage", reportTitle(v.P, r)), One: true}
	d.noteSeen(v, r.Ref)
	if err := d.preview(v, &view, r); err != nil {
		return err
	}
	view.Preview.Up, view.Preview.UpName = "/desk/triage", v.P.T("desk.nav.triage")
	return v.Show(Triage(view))
}

// news answers how many reports came since an audit number.
func (d *Desk) news(v *page.Visit) error {
	since, err := strconv.ParseInt(v.R.URL.Query().Get("since"), 10, 64)
	if err != nil {
		since = 0
	}
	rows, err := d.Audit.Since(v.Ctx(), d.DB, since, 200)
	if err != nil {
		return err
	}
	var came []int64
	for _, r := range rows {
		if r.Verb == "intake.receive" || r.Verb == "intake.add" {
			came = append(came, r.On.ID)
		}
	}
	seen, err := d.Intake.ByID(v.Ctx(), d.DB, v.By, came...) // what is sealed is not counted either (rule A12)
	if err != nil {
		return err
	}
	n := 0
	for _, id := range came {
		if _, ok := seen[id]; ok {
			n++
		}
	}
	return v.Show(NewsBar(TriageView{DeskView: page.DeskView{Frame: page.Frame{P: v.P, Now: v.Now}}}, n, "/desk/triage"))
}

func (d *Desk) numbered(_ *page.Visit) (int64, bool) {
	n, _ := d.Newest.Get()
	return n, true
}

// threadUIDs gives the outward names of threads, for links to originals and files.
func (d *Desk) threadUIDs(v *page.Visit, ids ...int64) (map[int64]string, error) {
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, ids...)
	return outwardNames(threads), err
}

func outwardNames(threads map[int64]correspondence.Thread) map[int64]string {
	out := make(map[int64]string, len(threads))
	for id, t := range threads {
		out[id] = t.UID
	}
	return out
}

const day = 24 * time.Hour
