package desk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// sendingRoutes are the pages on which one question is put to many parties.
func (d *Desk) sendingRoutes() []page.Route {
	read, send, glass := page.Needs(access.ReadCases), page.Needs(access.SendOutside), page.Needs(access.BreakGlass)
	return []page.Route{
		{Pattern: "GET /desk/incidents/{incident}/sendings", Need: read, Serve: d.sendings},
		{Pattern: "POST /desk/incidents/{incident}/sendings", Need: send, Serve: d.newSending},
		{Pattern: "GET /desk/sendings/{sending}", Need: read, Serve: d.sending},
		{Pattern: "GET /desk/sendings/{sending}/progress", Need: read, Serve: d.sendingProgress},
		{Pattern: "GET /desk/sendings/{sending}/choose", Need: send, Serve: d.chooseSending},
		{Pattern: "POST /desk/sendings/{sending}/choose", Need: send, MaxBody: coordination.MostList + 1<<20, Serve: d.addToSending},
		{Pattern: "GET /desk/sendings/{sending}/parties", Need: read, Serve: d.sendingParties},
		{Pattern: "POST /desk/sendings/{sending}/exclude", Need: send, Serve: d.excludeFromSending},
		{Pattern: "GET /desk/sendings/{sending}/letter", Need: send, Serve: d.sendingLetter},
		{Pattern: "POST /desk/sendings/{sending}/letter", Need: send, Serve: d.writeSendingLetter},
		{Pattern: "GET /desk/sendings/{sending}/letters/{organisation}", Need: read, Serve: d.sendingLetterOf},
		{Pattern: "GET /desk/sendings/{sending}/aside.csv", Need: read, Serve: d.sendingAside},
		{Pattern: "POST /desk/sendings/{sending}/submit", Need: send, Serve: d.submitSending},
		{Pattern: "POST /desk/sendings/{sending}/approve", Need: page.Needs(access.Approve), Serve: d.approveSending},
		{Pattern: "POST /desk/sendings/{sending}/alone", Need: glass, Serve: d.sendAlone},
		{Pattern: "POST /desk/sendings/{sending}/back", Need: send, Serve: d.takeBackSending},
		{Pattern: "POST /desk/sendings/{sending}/recall", Need: page.Needs(access.StopMail), Serve: d.recallSending},
	}
}

// sendings lists the sendings of an incident.
func (d *Desk) sendings(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	list, err := d.Coordination.Sendings(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	p := v.P
	var ids []int64
	for _, x := range list {
		ids = append(ids, x.Account)
	}
	names, err := d.Names(v.Ctx(), ids...)
	if err != nil {
		return err
	}
	at := "/desk/incidents/" + in.Number
	view := AdminView{DeskView: d.frame(v, "incidents", p.T("desk.sending.many")), Heading: p.T("desk.sending.many"), Lead: p.T("desk.sending.many.lead"), Up: page.NavItem{Text: in.Number, Href: at + "/parties"}}
	t := page.TableView{Caption: p.T("desk.sending.many"), Columns: []page.Column{
		{Text: p.T("desk.sending.begun")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.sending.col.parties"), Number: true}, {Text: p.T("desk.sending.col.written"), Number: true}, {Text: p.T("desk.col.marking")}, {Text: p.T("desk.sending.by")},
	}}
	for _, x := range list {
		t.Rows = append(t.Rows, []templ.Component{
			link("/desk/sendings/"+x.UID, p.DateTime(x.CreatedAt), ""), page.Chip(sendingChip(p, x, v.Now)), page.Text(p.Number(int64(x.Chosen))), page.Text(p.Number(int64(x.Written))), page.TLP(x.TLP.Name()), page.Text(names[x.Account]),
		})
	}
	if len(list) > 0 {
		view.Body = append(view.Body, page.Table(t))
	}
	if in.State != incident.Closed && prepares(v.By) {
		view.Body = append(view.Body, adminForm(at+"/sendings", nil, nil, page.ButtonView{Text: p.T("desk.sending.begin"), Kind: "primary", Icon: "plus"}))
	} else if len(list) == 0 {
		view.Body = append(view.Body, page.Empty(page.EmptyView{Icon: "send", Title: p.T("desk.sending.none"), Note: p.T("desk.sending.none.note")}))
	}
	return v.Show(Admin(view))
}

func (d *Desk) newSending(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	x, err := d.Coordination.NewSending(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	return v.See("/desk/sendings/" + x.UID + "/choose")
}

// prepares tells who may choose, write and ask for a sending.
func prepares(by access.Actor) bool {
	return by.Can(access.SendOutside) && by.Can(access.WorkCases)
}

// versionOf says which version of a sending a form was made from.
func versionOf(x coordination.Sending) []page.Hid {
	return []page.Hid{{Name: "version", Value: strconv.FormatInt(x.Version, 10)}}
}

// sendingChip says where a sending stands.
func sendingChip(p *text.Printer, x coordination.Sending, now time.Time) page.ChipView {
	switch {
	case x.State == coordination.SendingWaiting:
		return page.ChipView{Text: p.T("desk.sending.state.waiting"), Kind: "warn", Icon: "hourglass"}
	case x.Held(now):
		return page.ChipView{Text: p.T("desk.sending.state.held"), Kind: "info", Icon: "clock"}
	case x.State == coordination.SendingGoing:
		return page.ChipView{Text: p.T("desk.sending.state.sending"), Kind: "info", Icon: "send"}
	case x.State == coordination.SendingSent && x.Left > 0:
		return page.ChipView{Text: p.T("desk.sending.state.sent"), Kind: "warn", Icon: "check"}
	case x.State == coordination.SendingSent:
		return page.ChipView{Text: p.T("desk.sending.state.sent"), Kind: "ok", Icon: "check"}
	case x.State == coordination.SendingWithdrawn:
		return page.ChipView{Text: p.T("desk.sending.state.withdrawn"), Kind: "outline"}
	}
	return page.ChipView{Text: p.T("desk.sending.state.draft"), Kind: "outline", Icon: "pencil"}
}

// sendingFrame is what stands above every page of a sending.
func (d *Desk) sendingFrame(v *page.Visit, x coordination.Sending, tab string) (AdminView, incident.Incident, error) {
	p := v.P
	in, err := d.openedCase(v, x.Subject)
	if err != nil {
		return AdminView{}, in, err
	}
	at := "/desk/sendings/" + x.UID
	view := AdminView{DeskView: d.frame(v, "incidents", p.T("desk.sending.title", "ref", in.Number)), Heading: p.T("desk.sending.title", "ref", in.Number), Up: page.NavItem{Text: in.Number, Href: "/desk/incidents/" + in.Number + "/sendings"}}
	tabs := []page.Tab{{Text: p.T("desk.sending.tab.overview"), Href: at, Count: -1, Here: tab == ""}}
	edits := x.State == coordination.SendingDraft && prepares(v.By)
	if edits {
		tabs = append(tabs, page.Tab{Text: p.T("desk.sending.tab.choose"), Href: at + "/choose", Count: -1, Here: tab == "choose"})
	}
	tabs = append(tabs, page.Tab{Text: p.T("desk.sending.tab.parties"), Href: at + "/parties", Count: x.Chosen, Here: tab == "parties"})
	if edits {
		tabs = append(tabs, page.Tab{Text: p.T("desk.sending.tab.letter"), Href: at + "/letter", Count: -1, Here: tab == "letter"})
	}
	view.Body = append(view.Body, page.Tabs(p, p.T("desk.sending.tabs"), tabs))
	return view, in, nil
}

// sending shows what a sending would do, and lets it leave; then how far it is.
func (d *Desk) sending(v *page.Visit) error {
	view, err := d.sendingView(v, nil)
	if err != nil {
		return err
	}
	return v.Show(Admin(view))
}

func (d *Desk) sendingView(v *page.Visit, wrong error) (AdminView, error) {
	x, lines, dry, err := d.Coordination.Lines(v.Ctx(), v.By, v.R.PathValue("sending"))
	if err != nil {
		return AdminView{}, err
	}
	view, _, err := d.sendingFrame(v, x, "")
	if err != nil {
		return view, err
	}
	p, at := v.P, "/desk/sendings/"+x.UID
	if x.State == coordination.SendingGoing || x.State == coordination.SendingSent || x.State == coordination.SendingWithdrawn {
		body, err := d.progressBody(v)
		if err != nil {
			return view, err
		}
		view.Body = append(view.Body, sendingProgress(at+"/progress", body))
	}
	if x.State == coordination.SendingDraft && x.Why != "" {
		view.Body = append(view.Body, words("warn", "triangle-alert", p.T(x.Why)))
	}
	facts, err := d.sendingFacts(v, x, dry, lines)
	if err != nil {
		return view, err
	}
	view.Body = append(view.Body, page.Properties(p, facts))
	acts, err := d.sendingActs(v, x, dry, wrong)
	view.Body = append(view.Body, acts...)
	return view, err
}

// sendingFacts is the dry run.
func (d *Desk) sendingFacts(v *page.Visit, x coordination.Sending, dry coordination.DryRun, lines []coordination.SendingLine) ([]page.Property, error) {
	p, at := v.P, "/desk/sendings/"+x.UID
	names, err := d.Names(v.Ctx(), slices.DeleteFunc(append(slices.Clone(x.Editors), x.Account, x.DecidedBy), func(n int64) bool { return n == 0 })...)
	if err != nil {
		return nil, err
	}
	var editors []string
	for _, e := range x.Editors {
		editors = append(editors, names[e])
	}
	facts := []page.Property{
		{Label: p.T("desk.col.state"), Value: page.Chip(sendingChip(p, x, v.Now))},
		{Label: p.T("desk.sending.col.parties"), Value: page.To(p.Number(int64(dry.Readers)), at+"/parties")},
	}
	var roads []templ.Component
	for _, r := range dry.Roads {
		chip := roadChip(p, egress.Decision{Road: r.Road})
		chip.Href = at + "/parties?road=" + r.Road.String()
		why := ""
		if r.Reason != "" && r.Road != egress.Direct {
			why = p.T(r.Reason)
		}
		roads = append(roads, countedRoad(p.Number(int64(r.Count)), chip, why))
	}
	if len(roads) > 0 {
		facts = append(facts, page.Property{Label: p.T("desk.sending.roads"), Value: page.Lines(roads)})
	}
	if len(dry.Langs) > 0 {
		var langs []string
		for _, l := range coordination.Groups(dry.Langs) {
			langs = append(langs, text.Name(text.Lang(l))+" "+p.Number(int64(dry.Langs[l])))
		}
		facts = append(facts, page.Property{Label: p.T("desk.sending.langs"), Value: page.Text(strings.Join(langs, " · "))})
	}
	if dry.Broken+dry.Doubtful > 0 {
		facts = append(facts, page.Property{Label: p.T("desk.health.contacts"), Value: page.To(p.T("desk.health.count", "broken", p.Number(int64(dry.Broken)), "doubtful", p.Number(int64(dry.Doubtful))), at+"/parties")})
	}
	if dry.Lines > 0 {
		facts = append(facts, page.Property{Label: p.T("desk.sending.evidence"), Value: page.Text(p.N("desk.sending.lines", dry.Lines))})
	}
	if x.Unread > 0 {
		facts = append(facts, page.Property{Label: p.T("desk.sending.aside"), Value: page.To(p.N("desk.sending.lines", x.Unread), at+"/aside.csv")})
	}
	if x.Repeated > 0 {
		facts = append(facts, page.Property{Label: p.T("desk.sending.repeated"), Value: page.Text(p.N("desk.sending.lines", x.Repeated))})
	}
	if dry.Widest != 0 {
		facts = append(facts, page.Property{Label: p.T("desk.sending.outermost"), Value: labelled(dry.Widest.Name(), p.T("desk.sending.reader."+strings.ToLower(strings.ReplaceAll(dry.Widest.Name(), "+", "_"))))})
	}
	if !x.Give.DueAt.IsZero() {
		facts = append(facts, page.Property{Label: p.T("desk.ask.due"), Value: page.At(p, x.Give.DueAt, v.Now)})
	}
	if links := sampleLetters(p, at, x, lines); len(links) > 0 {
		facts = append(facts, page.Property{Label: p.T("desk.sending.samples"), Value: page.Lines(links)})
	}
	facts = append(facts, page.Property{Label: p.T("desk.sending.editors"), Value: page.Text(strings.Join(editors, ", "))})
	if x.DecidedBy != 0 {
		key := "desk.sending.approved.by"
		if x.Alone {
			key = "desk.sending.alone.by"
		}
		facts = append(facts, page.Property{Label: p.T(key), Value: twoLines(names[x.DecidedBy], p.DateTime(x.DecidedAt))})
	}
	return facts, nil
}

// sampleLetters leads to one letter in each language, as its reader will see it.
func sampleLetters(p *text.Printer, at string, x coordination.Sending, lines []coordination.SendingLine) (out []templ.Component) {
	if !x.Give.Written() {
		return nil
	}
	seen := map[string]bool{}
	for _, l := range lines {
		if !l.Out && !seen[l.Lang] {
			seen[l.Lang] = true
			out = append(out, sampleLink(text.Name(text.Lang(l.Lang)), l.Organisation.Name, at+"/letters/"+l.Organisation.UID))
		}
	}
	return out
}

// sendingActs is what this person may do now.
func (d *Desk) sendingActs(v *page.Visit, x coordination.Sending, dry coordination.DryRun, wrong error) (body []templ.Component, err error) {
	p, at := v.P, "/desk/sendings/"+x.UID
	version := versionOf(x)
	_, by := problems(p, wrong, nil)
	reason := func(id, words string) templ.Component {
		return page.Field(p, page.FieldView{ID: id, Name: "reason", Label: words, Rows: 2, Required: true, Value: v.R.PostFormValue("reason"), Error: by["reason"]})
	}
	prepares := prepares(v.By)
	switch {
	case x.State == coordination.SendingDraft && prepares:
		body = append(body, d.sendSection(v, x, dry, wrong)...)
	case x.State == coordination.SendingWaiting:
		hash := []page.Hid{{Name: "hash", Value: x.Hash}}
		second2 := v.By.Can(access.Approve) && !x.Edited(v.By.Account)
		if second2 {
			body = append(body, section("approve", p.T("desk.sending.approve"), paragraph(p.T("desk.sending.approve.lead", "tlp", x.TLP.String())),
				adminForm(at+"/approve", hash, nil, page.ButtonView{Text: p.N("desk.sending.approve.do", x.Readers), Kind: "primary", Icon: "send"})))
		} else {
			body = append(body, words("warn", "hourglass", p.T("desk.sending.waits.other")))
		}
		if late := x.AskedAt.Add(correspondence.AloneAfter); v.By.Can(access.BreakGlass) && !second2 {
			if v.Now.Before(late) {
				body = append(body, second(p.T("desk.mass.alone.from", "when", p.Clock(late))))
			} else {
				body = append(body, section("alone", p.T("desk.mass.alone"), adminForm(at+"/alone", hash, []templ.Component{reason("reason-alone", p.T("desk.mass.alone.why"))},
					page.ButtonView{Text: p.N("desk.mass.alone.do", x.Readers), Kind: "danger", Icon: "send"})))
			}
		}
		if prepares {
			body = append(body, section("back", p.T("desk.sending.back"), paragraph(p.T("desk.sending.back.lead")), adminForm(at+"/back", version, nil, page.ButtonView{Text: p.T("desk.sending.back.do"), Icon: "undo-2"})))
		}
	case x.Held(v.Now) && prepares:
		body = append(body, section("back", p.T("desk.sending.undo"), paragraph(p.T("desk.sending.undo.lead", "when", p.Clock(x.LeavesAt))), adminForm(at+"/back", version, nil, page.ButtonView{Text: p.T("desk.sending.undo.do"), Icon: "undo-2"})))
	}
	open := x.State == coordination.SendingDraft || x.State == coordination.SendingWaiting || x.State == coordination.SendingGoing
	if open && v.By.Can(access.StopMail) && (prepares || v.By.Can(access.Approve)) {
		do, lead := p.T("desk.sending.recall.do"), p.T("desk.sending.recall.before")
		if x.State == coordination.SendingGoing && !x.Held(v.Now) {
			do, lead = p.T("desk.sending.recall.stop"), p.T("desk.sending.recall.lead")
		}
		body = append(body, section("recall", p.T("desk.sending.recall"), paragraph(lead), adminForm(at+"/recall", version, []templ.Component{reason("reason-recall", p.T("desk.sending.recall.why"))}, page.ButtonView{Text: do, Icon: "hand"})))
	}
	return body, nil
}

// sendSection leads through what is missing, then sends.
func (d *Desk) sendSection(v *page.Visit, x coordination.Sending, dry coordination.DryRun, wrong error) []templ.Component {
	p, at := v.P, "/desk/sendings/"+x.UID
	version := versionOf(x)
	switch {
	case dry.Readers == 0:
		return []templ.Component{section("send", p.T("desk.sending.send"), paragraph(p.T("desk.sending.missing.parties")), page.Button(page.ButtonView{Text: p.T("desk.sending.tab.choose"), Kind: "primary", Href: at + "/choose"}))}
	case !x.Give.Written():
		return []templ.Component{section("send", p.T("desk.sending.send"), paragraph(p.T("desk.sending.missing.letter")), page.Button(page.ButtonView{Text: p.T("desk.sending.tab.letter"), Kind: "primary", Href: at + "/letter"}))}
	case dry.Refused > 0:
		return []templ.Component{
			words("crit", "triangle-alert", p.N("desk.sending.refused", dry.Refused)),
			adminForm(at+"/exclude", append(version, page.Hid{Name: "road", Value: egress.Refused.String()}), nil,
				page.ButtonView{Text: p.N("desk.sending.refused.out", dry.Refused), Kind: "primary", Name: "do", Value: "out"}, page.ButtonView{Text: p.T("desk.sending.refused.see"), Href: at + "/parties?road=refused"}),
		}
	}
	do, lead := p.N("desk.sending.send.do", dry.Readers), p.N("desk.sending.send.question", dry.Readers, "tlp", dry.Strictest.String())
	if dry.Second {
		do, lead = p.T("desk.sending.ask.do"), p.N("desk.sending.ask.question", dry.Readers, "why", p.T(dry.SecondWhy))
	}
	var fields []templ.Component
	if namesLooked(wrong) || v.R.PostFormValue("looked") != "" {
		fields = append(fields, page.Option(page.OptionView{ID: "looked", Name: "looked", Value: "1", Many: true, Label: p.T("desk.ask.looked"), Checked: v.R.PostFormValue("looked") != ""}))
	}
	return []templ.Component{section("send", p.T("desk.sending.send"), paragraph(lead), adminForm(at+"/submit", version, fields, page.ButtonView{Text: do, Kind: "primary", Icon: "send"}))}
}

// sendingProgress is how far a sending is, alone, for the live region.
func (d *Desk) sendingProgress(v *page.Visit) error {
	body, err := d.progressBody(v)
	if err != nil {
		return err
	}
	return v.Show(body)
}

func (d *Desk) progressBody(v *page.Visit) (templ.Component, error) {
	x, states, err := d.Coordination.Progress(v.Ctx(), v.By, v.R.PathValue("sending"))
	if err != nil {
		return nil, err
	}
	o, err := access.Load(v.Ctx(), d.DB, v.By, x.Subject)
	if err == nil {
		err = d.seen(v, o)
	}
	if err != nil {
		return nil, err
	}
	p, at := v.P, "/desk/sendings/"+x.UID
	sent := states[correspondence.Sent]
	var list []templ.Component
	switch {
	case x.Held(v.Now):
		list = append(list, words("info", "clock", p.T("desk.sending.held", "when", p.Clock(x.LeavesAt))))
	case x.State == coordination.SendingGoing:
		list = append(list, progressBar(p.T("desk.sending.progress.written", "done", x.Written+x.Left, "all", x.Chosen), x.Written+x.Left, x.Chosen))
	case x.State == coordination.SendingWithdrawn:
		list = append(list, words("warn", "hand", p.T("desk.sending.withdrawn", "why", x.Why)))
	}
	if x.Written > 0 {
		list = append(list, progressBar(p.T("desk.sending.progress.sent", "done", sent, "all", x.Written), sent, x.Written))
	}
	if n := states[correspondence.Failed] + states[correspondence.Waiting]; n > 0 {
		list = append(list, words("crit", "triangle-alert", p.N("desk.sending.stuck", n)))
	}
	if x.Left > 0 {
		var why []string
		for _, r := range coordination.Groups(x.Reasons) {
			why = append(why, p.T(r)+": "+p.Number(int64(x.Reasons[r])))
		}
		list = append(list, words("warn", "triangle-alert", p.N("desk.sending.left", x.Left)+" "+strings.Join(why, "; ")+"."), page.Button(page.ButtonView{Text: p.T("desk.sending.left.see"), Href: at + "/parties?state=left"}))
	}
	return several(list), nil
}

// namesLooked tells whether somebody must first say that the words of other parties were looked at.
func namesLooked(err error) bool {
	return slices.ContainsFunc(errs.Fields(err), func(f errs.Field) bool { return f.Name == "looked" })
}

// decideSending shows what came of a decision.
func (d *Desk) decideSending(v *page.Visit, err error, done string) error {
	at := "/desk/sendings/" + v.R.PathValue("sending")
	if err == nil {
		return back(v, at, done)
	}
	said, ok := plainRefusal(v, err)
	if !ok {
		return err
	}
	view, e := d.sendingView(v, err)
	if e != nil {
		return e
	}
	field := "reason-recall"
	if namesLooked(err) {
		field = "looked"
	}
	return wrongAdmin(v, view, errs.Of(err).HTTP(), page.Problem{Field: field, Text: said})
}

func (d *Desk) submitSending(v *page.Visit) error {
	x, err := d.Coordination.Submit(v.Ctx(), v.By, v.R.PathValue("sending"), version(v), v.R.PostFormValue("looked") != "")
	done := "sending_held"
	if x.State == coordination.SendingWaiting {
		done = "second"
	}
	return d.decideSending(v, err, done)
}

func (d *Desk) approveSending(v *page.Visit) error {
	_, err := d.Coordination.Approve(v.Ctx(), v.By, v.R.PathValue("sending"), v.R.PostFormValue("hash"))
	return d.decideSending(v, err, "sending_held")
}

func (d *Desk) sendAlone(v *page.Visit) error {
	_, err := d.Coordination.SendAlone(v.Ctx(), v.By, v.R.PathValue("sending"), v.R.PostFormValue("hash"), v.R.PostFormValue("reason"))
	return d.decideSending(v, err, "sending_held")
}

func (d *Desk) takeBackSending(v *page.Visit) error {
	_, err := d.Coordination.TakeBack(v.Ctx(), v.By, v.R.PathValue("sending"), version(v))
	return d.decideSending(v, err, "sending_back")
}

func (d *Desk) recallSending(v *page.Visit) error {
	_, err := d.Coordination.Recall(v.Ctx(), v.By, v.R.PathValue("sending"), version(v), v.R.PostFormValue("reason"))
	return d.decideSending(v, err, "stopped")
}

// sendingBanner gives the sendings that wait for a second person, for the head of the outbox.
func (d *Desk) sendingBanner(v *page.Visit) ([]page.ButtonView, error) {
	list, err := d.Coordination.WaitingSendings(v.Ctx(), v.By)
	var out []page.ButtonView
	for _, x := range list {
		out = append(out, page.ButtonView{Text: v.P.N("desk.sending.waits", x.Readers), Icon: "hourglass", Href: "/desk/sendings/" + x.UID})
	}
	return out, err
}

// sendingAside gives the lines that reach nobody as a file.
func (d *Desk) sendingAside(v *page.Visit) error {
	x, o, err := d.Coordination.SendingOf(v.Ctx(), v.By, v.R.PathValue("sending"))
	if err == nil {
		err = d.seen(v, o)
	}
	if err != nil {
		return err
	}
	list, err := d.Coordination.AsideOf(v.Ctx(), v.By, x.UID)
	if err != nil {
		return err
	}
	lines := make([]coordination.Line, len(list))
	for i, a := range list {
		lines[i] = a.Line
		lines[i].Note = strings.Trim(v.P.T(a.Why)+"; "+a.Note, "; ")
	}
	return page.CSVOf(v, "reach-nobody.csv", coordination.EvidenceCSV(lines))
}
