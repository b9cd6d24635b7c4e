package desk

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// sharingRoutes are the pages on which one item of an incident is shared with other parties of it, and taken back.
func (d *Desk) sharingRoutes() []page.Route {
	read, work, send := page.Needs(access.ReadCases), page.Needs(access.WorkCases), page.Needs(access.SendOutside)
	return []page.Route{
		{Pattern: "GET /desk/incidents/{incident}/sharing", Need: read, Serve: d.sharing},
		{Pattern: "GET /desk/incidents/{incident}/share", Need: send, Serve: d.shareForm},
		{Pattern: "POST /desk/incidents/{incident}/share", Need: send, Serve: d.share},
		{Pattern: "POST /desk/shares/{share}/take-back", Need: send, Serve: d.unshare},
		{Pattern: "POST /desk/parties/{party}/reach", Need: work, Serve: d.takeReach},
	}
}

// shareAt is the address of the page that shares an item.
func shareAt(incident string, x coordination.Item) string {
	q := url.Values{"kind": {string(x.Kind)}, "id": {x.ID}}
	if x.Thread != "" {
		q.Set("thread", x.Thread)
	}
	if x.File != "" {
		q.Set("file", x.File)
	}
	return "/desk/incidents/" + incident + "/share?" + q.Encode()
}

// shareOf gives the address at which a message is shared, "" for what is not: only what came in and is known to be theirs.
func (d *Desk) shareOf(v *page.Visit, in incident.Incident, m correspondence.Message, thread string) string {
	if in.State == incident.Closed || !v.By.Can(access.SendOutside) || m.Direction != correspondence.In || m.State != correspondence.Filed || m.Erased {
		return ""
	}
	return shareAt(in.Number, coordination.Item{Kind: coordination.ItemMessage, Thread: thread, ID: m.UID})
}

func itemOf(get func(string) string) coordination.Item {
	return coordination.Item{Kind: coordination.ItemKind(get("kind")), Thread: get("thread"), ID: get("id"), File: get("file")}
}

func itemHidden(x coordination.Item) []page.Hid {
	out := []page.Hid{{Name: "kind", Value: string(x.Kind)}, {Name: "id", Value: x.ID}}
	if x.Thread != "" {
		out = append(out, page.Hid{Name: "thread", Value: x.Thread})
	}
	if x.File != "" {
		out = append(out, page.Hid{Name: "file", Value: x.File})
	}
	return out
}

// reachName says how far somebody lets its information go.
func reachName(p *text.Printer, r correspondence.Reach) string {
	switch r {
	case correspondence.TeamOnly:
		return p.T("common.reach.team")
	case correspondence.Anonymous:
		return p.T("common.reach.anonymous")
	case correspondence.WithName:
		return p.T("common.reach.named")
	case correspondence.AsLabelled:
		return p.T("common.reach.label")
	}
	return p.T("common.reach.unsaid")
}

// wordLine says the word of a source and how it was said.
func wordLine(p *text.Printer, w correspondence.Word) string {
	if w.Reach == correspondence.Unsaid {
		return p.T("desk.reach.word", "reach", reachName(p, w.Reach))
	}
	how := p.T("desk.reach.own")
	if w.Channel == correspondence.ByPhone {
		how = p.T("desk.reach.phone")
	}
	about := p.T("desk.reach.width.all")
	switch w.Width {
	case correspondence.OfThread:
		about = p.T("desk.reach.width.thread")
	case correspondence.OfMessage:
		about = p.T("desk.reach.width.message")
	}
	return p.T("desk.reach.said", "reach", reachName(p, w.Reach), "when", w.At, "how", how, "about", about)
}

func reachOptions(p *text.Printer, chosen correspondence.Reach) []page.SelectOption {
	out := []page.SelectOption{{Value: "", Text: p.T("desk.reach.none"), Chosen: chosen == correspondence.Unsaid}}
	for _, r := range correspondence.Reaches() {
		out = append(out, page.SelectOption{Value: r.String(), Text: reachName(p, r), Chosen: r == chosen})
	}
	return out
}

// shareForm shows an item with our text of it.
func (d *Desk) shareForm(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	item := itemOf(v.R.URL.Query().Get)
	if item.ID == "" { // nothing was chosen yet
		return v.See("/desk/incidents/" + in.Number + "/sharing")
	}
	return d.showShare(v, in, coordination.ShareInput{Item: item}, nil, nil, http.StatusOK)
}

// shareIn reads the form. What was ticked to be struck out is struck out of the text that is shown again.
func (d *Desk) shareIn(v *page.Visit) (coordination.ShareInput, error) {
	if err := v.R.ParseForm(); err != nil {
		return coordination.ShareInput{}, errFormNotRead
	}
	get := v.R.PostForm.Get
	in := coordination.ShareInput{
		Item: itemOf(get), Readers: v.R.PostForm["reader"], Text: strings.ReplaceAll(get("text"), "\r\n", "\n"), FileName: get("file_name"), Note: get("note"),
		Named: get("named") != "", Looked: get("looked") != "", Strike: v.R.PostForm["out"],
	}
	for line := range strings.Lines(get("strike")) {
		if line = strings.TrimSpace(line); line != "" {
			in.Strike = append(in.Strike, line)
		}
	}
	if l, err := tlp.Parse(get("tlp")); err == nil {
		in.TLP = l
	}
	return in, nil
}

// share shows exactly what each reader will get, or shares what was previewed.
func (d *Desk) share(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	x, err := d.shareIn(v)
	if err != nil {
		return err
	}
	if v.R.PostForm.Get("act") != "share" {
		seen, err := d.Coordination.PreviewShare(v.Ctx(), v.By, in.UID, x)
		if err != nil && !errs.Is(err, errs.Invalid) && !errs.Is(err, errs.Forbidden) {
			return err
		}
		status := http.StatusOK
		if err != nil {
			status = errs.Of(err).HTTP()
		}
		return d.showShare(v, in, x, seen, err, status)
	}
	if _, err = d.Coordination.Share(v.Ctx(), v.By, in.UID, x); err != nil {
		if _, plain := plainRefusal(v, err); !plain {
			return err
		}
		seen, _ := d.Coordination.PreviewShare(v.Ctx(), v.By, in.UID, x)
		return d.showShare(v, in, x, seen, err, errs.Of(err).HTTP())
	}
	return back(v, "/desk/incidents/"+in.Number+"/sharing", "held")
}

func (d *Desk) showShare(v *page.Visit, in incident.Incident, x coordination.ShareInput, seen []coordination.SharePreview, wrong error, status int) error {
	p := v.P
	item, err := d.Coordination.Shareable(v.Ctx(), v.By, in.UID, x.Item)
	if err != nil {
		return err
	}
	f, rows, err := d.incidentFrame(v, in, "sharing")
	if err != nil {
		return err
	}
	view := shareView{
		at: f.Href + "/share", item: itemHidden(x.Item), tlp: item.TLP.Name(), party: item.Source.Name, lead: p.T("desk.sharing.ours", "when", item.At), mayName: item.MayName && !item.Ours(), named: x.Named,
		original: item.Text, text: item.Text, name: x.FileName, note: x.Note, wrong: map[string]string{},
	}
	if !item.Ours() {
		view.lead, view.word = p.T("desk.sharing.from", "party", item.Source.Name, "when", item.At), wordLine(p, item.Word)
		view.taken = &takenDown{
			at: "/desk/parties/" + item.Source.UID + "/reach", hidden: itemHidden(x.Item), id: "reach", reaches: reachOptions(p, correspondence.Unsaid),
			label: p.T("desk.reach.take_down.message"), open: item.Refused != "",
		}
		if item.Word.Width == correspondence.OfMessage {
			view.taken.reaches = reachOptions(p, item.Word.Reach)
		}
	}
	if x.Kind == coordination.ItemFile {
		view.file = &page.FileView{Name: item.File.Name, Size: item.File.Size, SHA256: item.File.SHA256, Danger: true, Href: "/desk/messages/" + x.Thread + "/" + x.ID + "/files/" + x.File}
		if view.name == "" {
			view.name = item.File.Name
		}
	}
	if item.Refused != "" {
		view.why = p.T(item.Refused)
		view.ask = f.Href + "/ask?" + url.Values{"party": {item.Source.UID}, "consent": {"1"}}.Encode()
		return v.ShowStatus(status, IncidentTab(TabView{IncidentFrame: f, Body: sharePage(p, view)}))
	}
	for _, r := range rows {
		if !r.Party.WithdrawnAt.IsZero() || r.Party.Ref.ID == item.Source.Ref.ID || !item.Ours() && r.Party.Compartment == item.Source.Compartment {
			continue
		}
		view.readers = append(view.readers, choice{name: "reader", value: r.Party.UID, label: r.Party.Name, second: roleName(p, r.Party.Role), checked: slices.Contains(x.Readers, r.Party.UID)})
	}
	label := max(x.TLP, item.TLP)
	for _, o := range tlpOptions(label) {
		if l, err := tlp.Parse(o.Value); err == nil && l >= item.TLP {
			view.labels = append(view.labels, o)
		}
	}
	if v.R.Method == http.MethodPost {
		view.text = coordination.Strike(x.Text, x.Strike)
	}
	if wrong != nil {
		view.problems, view.wrong = problems(p, wrong, map[string]string{"looked": "text"})
		if len(view.problems) == 0 {
			said, _ := plainRefusal(v, wrong)
			view.problems = []page.Problem{{Text: said}}
		}
	}
	d.sharePreviews(v, &view, x, seen, label)
	return v.ShowStatus(status, IncidentTab(TabView{IncidentFrame: f, Body: sharePage(p, view)}))
}

// sharePreviews puts what each reader gets on the page, with what of others still stands in it, and the form that shares exactly this.
func (d *Desk) sharePreviews(v *page.Visit, view *shareView, x coordination.ShareInput, seen []coordination.SharePreview, label tlp.Level) {
	p := v.P
	var naming, hits []string
	for _, pv := range seen {
		l := shareLetter{PreviewLetter: PreviewLetter{
			Party: pv.Party.Name, Reader: strings.Trim(pv.Reader.Name+" <"+pv.Reader.Email+">", " "), Lang: pv.Lang, Road: roadChip(p, pv.Road), TLP: pv.TLP.Name(), Subject: pv.Subject, Text: pv.Text,
		}}
		if pv.Reader.Email == "" {
			l.Reader = pv.Reader.Name
		}
		if pv.Road.Road == egress.Notice {
			l.Page = pv.Letter
		}
		if len(pv.Hits) > 0 {
			l.Warn = p.T("desk.ask.hits", "words", strings.Join(pv.Hits, ", "))
		}
		naming, hits, view.unknown = append(naming, pv.Naming...), append(hits, pv.Hits...), view.unknown || pv.Unknown
		if pv.Road.Road == egress.Refused {
			view.stop = p.T("error.no_road", "name", pv.Party.Name, "why", p.T(pv.Road.Reason))
		}
		view.letters = append(view.letters, l)
	}
	slices.Sort(naming)
	slices.Sort(hits)
	naming, hits = slices.Compact(naming), slices.Compact(hits)
	for _, w := range naming {
		view.found = append(view.found, choice{name: "out", value: w, label: w, second: p.T("desk.sharing.found.source"), checked: true})
	}
	for _, w := range hits {
		bare := strings.TrimSuffix(strings.TrimSuffix(w, "/32"), "/128")
		view.found = append(view.found, choice{name: "out", value: bare, label: bare, second: p.T("desk.sharing.found.other"), checked: true})
	}
	if len(naming) > 0 {
		view.stop = p.T("error.share.names_source", "words", strings.Join(naming, ", "))
	}
	view.look = len(hits) > 0 || view.unknown
	view.send = append(itemHidden(x.Item), page.Hid{Name: "text", Value: view.text}, page.Hid{Name: "note", Value: x.Note}, page.Hid{Name: "tlp", Value: label.Name()})
	if x.Kind == coordination.ItemFile {
		view.send = append(view.send, page.Hid{Name: "file_name", Value: coordination.Strike(view.name, x.Strike)})
	}
	for _, r := range x.Readers {
		view.send = append(view.send, page.Hid{Name: "reader", Value: r})
	}
	if x.Named {
		view.send = append(view.send, page.Hid{Name: "named", Value: "1"})
	}
}

// sharing lists what was shared of an incident, with whom, and how far each party lets its information go.
func (d *Desk) sharing(v *page.Visit) error {
	in, f, rows, err := d.tab(v, "sharing")
	if err != nil {
		return err
	}
	p := v.P
	all, err := d.Coordination.Shares(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	names := map[int64]string{}
	parties := make([]coordination.Party, len(rows))
	for i, r := range rows {
		names[r.Party.Ref.ID], parties[i] = r.Party.Name, r.Party
	}
	cards := make([]shareCard, len(all))
	for i, x := range all {
		cards[i] = d.shareCard(v, in, x, names)
	}
	words, err := d.Coordination.Reach(v.Ctx(), d.DB, parties...)
	if err != nil {
		return err
	}
	table := page.TableView{Caption: p.T("desk.reach.title"), Columns: []page.Column{{Text: p.T("desk.col.party")}, {Text: p.T("desk.reach.col")}}}
	silent := 0
	for _, x := range parties {
		w := words[x.Ref.ID].Of("")
		if w.Reach == correspondence.Unsaid && len(parties) > shortList {
			silent++ // one line for all of them
			continue
		}
		table.Rows = append(table.Rows, []templ.Component{page.To(x.Name, "/desk/parties/"+x.UID+"#reach"), page.Text(wordLine(p, w))})
	}
	if silent > 0 {
		table.Rows = append(table.Rows, []templ.Component{page.To(p.N("desk.reach.silent", silent), f.Href+"/parties"), page.Text(wordLine(p, correspondence.Word{}))})
	}
	body := []templ.Component{heading(p.T("desk.sharing.list")), page.Empty(page.EmptyView{Icon: "forward", Title: p.T("desk.sharing.none"), Note: p.T("desk.sharing.none.note")})}
	if len(cards) > 0 {
		body[1] = shareCards(p, cards)
	}
	if len(table.Rows) > 0 {
		body = append(body, heading(p.T("desk.reach.title")), paragraph(p.T("desk.reach.lead")), page.Table(table))
	}
	return v.Show(IncidentTab(TabView{IncidentFrame: f, Body: several(body)}))
}

func (d *Desk) shareCard(v *page.Visit, in incident.Incident, x coordination.Share, names map[int64]string) shareCard {
	p := v.P
	c := shareCard{
		id: x.UID, title: p.T("desk.sharing.card.ours"), by: p.T("desk.sharing.card.by", "who", x.ByName, "when", x.At), tlp: x.Label.Name(), text: x.Text, file: x.FileName,
		named: page.ChipView{Text: p.T("desk.sharing.card.unnamed"), Kind: "outline", Icon: "eye-off"},
		readers: page.TableView{Caption: p.T("desk.sharing.card.readers"), Columns: []page.Column{
			{Text: p.T("desk.col.party")}, {Text: "TLP"}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.col.seen")},
		}},
		from: []page.SelectOption{{Value: "", Text: p.T("desk.sharing.take_back.all"), Chosen: true}},
	}
	switch {
	case x.Source == 0:
		c.named = page.ChipView{Text: p.T("desk.sharing.card.own"), Kind: "outline"}
	case x.Named:
		c.title, c.named = names[x.Source], page.ChipView{Text: p.T("desk.sharing.card.named"), Kind: "warn", Icon: "eye"}
	default:
		c.title = names[x.Source]
	}
	if x.Item.Kind != coordination.ItemEntry && x.Item.Thread != "" && in.State != incident.Closed && v.By.Can(access.SendOutside) {
		c.item = shareAt(in.Number, x.Item)
	}
	if x.Beyond {
		c.beyond = p.T("desk.sharing.beyond")
	}
	out := false
	for _, r := range x.Readers {
		state, seen := shareState(v, r), p.T("desk.seen.unknown")
		if !r.SeenAt.IsZero() {
			seen = p.Brief(r.SeenAt, v.Now)
		}
		c.readers.Rows = append(c.readers.Rows, []templ.Component{page.To(r.Party.Name, "/desk/parties/"+r.Party.UID), page.TLP(r.TLP.Name()), page.Chip(state), page.Text(seen)})
		if r.Out() {
			out = true
			c.from = append(c.from, page.SelectOption{Value: r.Party.UID, Text: r.Party.Name})
		}
	}
	if out && v.By.Can(access.SendOutside) && v.By.Can(access.WorkCases) {
		c.takeBack = "/desk/shares/" + x.UID + "/take-back"
	}
	return c
}

func shareState(v *page.Visit, r coordination.Shared) page.ChipView {
	switch {
	case r.State == correspondence.Stopped:
		return page.ChipView{Text: v.P.T("desk.message.stopped")}
	case !r.WithdrawnAt.IsZero():
		return page.ChipView{Text: v.P.T("desk.sharing.state.withdrawn", "when", v.P.Brief(r.WithdrawnAt, v.Now)), Kind: "warn", Icon: "undo-2"}
	}
	return messageState(v.P, correspondence.Message{State: r.State, Seal: sealOfRoad(r.Road), Road: r.Road})
}

func sealOfRoad(r egress.Road) correspondence.Seal {
	switch r {
	case egress.Encrypted:
		return correspondence.SignedEncrypted
	case egress.Signed, egress.Locked:
		return correspondence.Signed
	}
	return correspondence.Plain
}

// unshare takes back what was shared, from one reader or from all.
func (d *Desk) unshare(v *page.Visit) error {
	share := v.R.PathValue("share")
	on, err := d.Coordination.SubjectOfShare(v.Ctx(), d.DB, v.By, share)
	if err != nil {
		return err
	}
	found, err := d.Incidents.ByID(v.Ctx(), d.DB, v.By, on.ID)
	if err != nil {
		return err
	}
	in, ok := found[on.ID]
	if !ok {
		return errs.ErrNotFound
	}
	untold, err := d.Coordination.WithdrawShare(v.Ctx(), v.By, share, v.R.PostFormValue("party"), v.R.PostFormValue("reason"))
	if err != nil {
		return err
	}
	done := "taken_back"
	if untold > 0 {
		done = "untold"
	}
	return back(v, "/desk/incidents/"+in.Number+"/sharing", done)
}

// takeReach takes down how far a party lets its information go, as it said on the telephone.
func (d *Desk) takeReach(v *page.Visit) error {
	x, err := d.Coordination.PartyOf(v.Ctx(), d.DB, v.By, v.R.PathValue("party"))
	if err != nil {
		return err
	}
	reach, ok := correspondence.ParseReach(v.R.PostFormValue("reach"))
	if !ok {
		return &errs.Error{Kind: errs.Invalid, Key: "error.choose", Text: "how far it may go is none of the choices"}
	}
	uids, err := d.threadUIDs(v, x.Thread)
	if err != nil {
		return err
	}
	say, item := correspondence.Saying{Thread: uids[x.Thread], Reach: reach}, itemOf(v.R.PostFormValue)
	to := "/desk/parties/" + x.UID
	switch {
	case item.ID != "" && item.Thread != "":
		found, err := d.Incidents.ByID(v.Ctx(), d.DB, v.By, x.Subject.ID)
		if err != nil {
			return err
		}
		in := found[x.Subject.ID]
		if _, err := d.Coordination.Shareable(v.Ctx(), v.By, in.UID, item); err != nil { // its thread may be that of a report
			return err
		}
		say.Thread, say.Message, to = item.Thread, item.ID, shareAt(in.Number, item)
	case v.R.PostFormValue("width") == "all":
		orgs, err := d.Constituency.ByID(v.Ctx(), d.DB, x.Organisation)
		if err != nil {
			return err
		}
		o, there := orgs[x.Organisation]
		if !there {
			return errs.ErrNotFound
		}
		say = correspondence.Saying{Organisation: o.UID, Reach: reach}
	}
	if err := d.Coordination.SayReach(v.Ctx(), v.By, say); err != nil {
		return err
	}
	if strings.Contains(to, "?") {
		return v.See(to + "&done=saved")
	}
	return back(v, to, "saved")
}

// reachSection says on the page of a party how far its information may go, and takes down its word.
func (d *Desk) reachSection(v *page.Visit, x coordination.Party) (templ.Component, error) {
	p := v.P
	words, err := d.Coordination.Reach(v.Ctx(), d.DB, x)
	if err != nil {
		return nil, err
	}
	w := words[x.Ref.ID]
	body := []templ.Component{paragraph(wordLine(p, w.Of("")))}
	if v.By.Can(access.WorkCases) {
		t := takenDown{at: "/desk/parties/" + x.UID + "/reach", id: "reach", reaches: reachOptions(p, w.Thread.Reach), label: p.T("desk.reach.take_down")}
		if x.Organisation != 0 {
			t.widths = []page.SelectOption{{Value: "thread", Text: p.T("desk.reach.width.thread"), Chosen: true}, {Value: "all", Text: p.T("desk.reach.width.all")}}
		}
		body = append(body, takeDownWord(p, t))
	}
	return anchored("reach", p.T("desk.reach.of"), body), nil
}

// consent is the question by which a party is asked whether what it told us may be shared, in its language.
func (d *Desk) consent(v *page.Visit, in incident.Incident, party string) (string, error) {
	x, err := d.Coordination.PartyOf(v.Ctx(), d.DB, v.By, party)
	if err != nil || x.Subject != in.Ref {
		return "", err
	}
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, x.Thread)
	if err != nil {
		return "", err
	}
	p := d.Coordination.Texts.For(text.Lang(threads[x.Thread].Correspondent.Lang))
	return p.T("mail.share.consent"), nil
}
