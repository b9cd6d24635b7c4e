package desk

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func matrixRow(v *page.Visit, r coordination.Row) page.PartyRow {
	p := v.P
	step := func(at time.Time, otherwise string) page.Step {
		if at.IsZero() {
			return page.Step{State: otherwise}
		}
		return page.Step{State: "yes", Text: p.Brief(at, v.Now)}
	}
	x := page.PartyRow{
		Name: r.Party.Name, Href: "/desk/parties/" + r.Party.UID, Role: roleName(p, r.Party.Role),
		Told: step(r.ToldAt, "no"), Seen: step(r.SeenAt, "no"), Answered: step(r.AnsweredAt, "no"), Done: step(r.DoneAt, "no"), Verified: step(r.VerifiedAt, "no"),
	}
	if r.SeenAt.IsZero() && !r.SeenKnown && !r.ToldAt.IsZero() {
		x.Seen = page.Step{State: "unknown", Text: p.T("desk.seen.unknown")}
	}
	if !r.CodeSince.IsZero() {
		x.Mark = page.ChipView{Text: p.T("desk.codes.untold"), Kind: "warn", Icon: "phone"}
		if v.By.Can(access.SendOutside) {
			x.Mark.Href = "/desk/codes"
			if in := v.R.PathValue("incident"); in != "" {
				x.Mark.Href += "?incident=" + url.QueryEscape(in)
			}
		}
	}
	if !r.SilentSince.IsZero() {
		x.Silent = page.Step{State: "no", Text: p.Duration(v.Now.Sub(r.SilentSince))}
		if !r.DueAt.IsZero() && v.Now.After(r.DueAt) {
			x.Silent.State = "late"
		}
	}
	return x
}

func roleName(p *text.Printer, r coordination.Role) string {
	switch r {
	case coordination.Affected:
		return p.T("desk.role.affected")
	case coordination.Source:
		return p.T("desk.role.source")
	case coordination.Provider:
		return p.T("desk.role.provider")
	case coordination.Vendor:
		return p.T("desk.role.vendor")
	case coordination.Authority:
		return p.T("desk.role.authority")
	case coordination.Peer:
		return p.T("desk.role.peer")
	case coordination.Host:
		return p.T("desk.role.host")
	case coordination.Network:
		return p.T("desk.role.network")
	case coordination.Registrar:
		return p.T("desk.role.registrar")
	case coordination.Registry:
		return p.T("desk.role.registry")
	case coordination.ContentNetwork:
		return p.T("desk.role.content_network")
	case coordination.BlockList:
		return p.T("desk.role.block_list")
	}
	return p.T("desk.role.reporter")
}

var roles = []coordination.Role{
	coordination.Affected, coordination.Source, coordination.Provider, coordination.Vendor, coordination.Authority, coordination.Peer,
	coordination.Host, coordination.Network, coordination.Registrar, coordination.Registry, coordination.ContentNetwork, coordination.BlockList,
}

// measureView is a measure with the moves that this person may make.
func (d *Desk) measureView(v *page.Visit, party string, m coordination.Measure, files []page.FileView) page.MeasureView {
	p, by := v.P, v.By
	x := page.MeasureView{Title: d.measureTitle(p, m), Party: party, State: string(m.State), Reason: m.Reason, Fields: []page.Hid{{Name: "version", Value: strconv.FormatInt(m.Version, 10)}}}
	if n := len(m.Moves); n > 0 {
		x.When = p.Brief(m.Moves[n-1].At, v.Now)
	}
	if m.State == coordination.Done || m.State == coordination.Verified {
		for _, move := range m.Moves { // the last word on what was done stays in sight, also when our check came after it
			if move.To == coordination.Done {
				who := move.By
				if move.Link {
					who = p.T("desk.reply.link")
				}
				x.Said, x.SaidBy, x.Files = move.Note, p.T("desk.measure.said", "who", who, "when", p.Brief(move.At, v.Now)), files
			}
		}
	}
	if !m.ValidUntil.IsZero() {
		x.When = p.T("desk.matrix.until", "state", x.When, "until", p.BriefDate(m.ValidUntil))
	}
	do := func(to coordination.MeasureState, words string) page.ButtonView {
		return page.ButtonView{Text: words, Name: "to", Value: string(to), FormAction: "/desk/measures/" + m.UID + "/move"}
	}
	ask := func(to coordination.MeasureState, what, title, label, hint string) {
		x.Asks = append(x.Asks, page.MeasureAsk{
			ID: string(to) + "-" + m.UID, Title: title, Label: label, Hint: hint, Do: do(to, what),
			Open: page.ButtonView{Text: what, Dialog: string(to) + "-" + m.UID},
		})
	}
	for _, to := range m.Ways() {
		switch {
		case to == coordination.Verified && by.Can(access.Verify):
			x.Actions = append(x.Actions, do(to, p.T("desk.measure.verify")))
		case to == coordination.Planned && (m.State == coordination.Done || m.State == coordination.Verified) && by.Can(access.Verify):
			ask(to, p.T("desk.measure.failed"), p.T("desk.measure.failed.title"), p.T("desk.measure.failed.note"), p.T("desk.measure.failed.hint"))
		case to == coordination.Done && by.Can(access.WorkCases):
			ask(to, p.T("desk.measure.done"), p.T("desk.measure.done.title"), p.T("desk.measure.done.note"), p.T("desk.measure.done.hint"))
		case to == coordination.Recalled && by.Can(access.WorkCases):
			ask(to, p.T("desk.measure.withdraw"), p.T("desk.measure.withdraw.title"), p.T("desk.measure.withdraw.note"), p.T("desk.measure.withdraw.hint"))
		}
	}
	return x
}

// measureTitle is the title in the reader's language while the library still says what was given, else as it was given.
func (d *Desk) measureTitle(p *text.Printer, m coordination.Measure) string {
	if m.Recommendation != "" {
		if r, err := d.Playbook.Recommendation(m.Recommendation, string(p.Lang())); err == nil && r.Version == m.Revision {
			return r.Title
		}
	}
	return m.Title
}

// evidence gives the files that came with the moves of measures, by measure. Only threads in which something was done are read.
func (d *Desk) evidence(v *page.Visit, rows ...coordination.Row) (map[int64][]page.FileView, error) {
	var ids []int64
	for _, r := range rows {
		if r.Party.Thread != 0 && slices.ContainsFunc(r.Measures, func(m coordination.Measure) bool { return !m.DoneAt.IsZero() }) {
			ids = append(ids, r.Party.Thread)
		}
	}
	out := map[int64][]page.FileView{}
	if len(ids) == 0 {
		return out, nil
	}
	uids, err := d.threadUIDs(v, ids...)
	if err != nil {
		return nil, err
	}
	messages, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, ids...)
	for _, m := range messages {
		if m.Refers != 0 && m.Direction == correspondence.In {
			out[m.Refers] = append(out[m.Refers], fileViews(uids[m.Thread], m)...)
		}
	}
	return out, err
}

func (d *Desk) moveMeasure(v *page.Visit) error {
	m, err := d.Coordination.Move(v.Ctx(), v.By, v.R.PathValue("measure"), coordination.MoveInput{
		To: coordination.MeasureState(v.R.PostFormValue("to")), Note: orDefault(v.R.PostFormValue("note"), v.P.T("desk.measure.recorded", "who", v.By.Name)), Version: version(v),
	})
	if err != nil {
		return err
	}
	in, err := d.Incidents.ByID(v.Ctx(), d.DB, v.By, m.Subject.ID)
	if err != nil {
		return err
	}
	return back(v, "/desk/incidents/"+in[m.Subject.ID].Number+"/measures", "saved")
}

func orDefault(s, otherwise string) string {
	if strings.TrimSpace(s) == "" {
		return otherwise
	}
	return s
}

// chooseParties finds organisations by name, domain, address or AS number.
func (d *Desk) chooseParties(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	f, rows, err := d.incidentFrame(v, in, "parties")
	if err != nil {
		return err
	}
	q := strings.TrimSpace(v.R.URL.Query().Get("q"))
	kind := liaisonKind(v.R.URL.Query().Get("kind"))
	found, err := d.found(v, q, kind)
	if err != nil {
		return err
	}
	there := map[int64]bool{}
	for _, r := range rows {
		there[r.Party.Organisation] = true
	}
	var list []choice
	for _, o := range found {
		if !there[o.Ref.ID] {
			list = append(list, choice{name: "organisation", value: o.UID, label: o.Name, second: cmp.Or(liaisonName(v.P, o.Kind), sectorName(v.P, o.Sector))})
		}
	}
	options := []page.SelectOption{{Value: "", Text: v.P.T("desk.parties.role.own")}}
	for _, r := range roles {
		options = append(options, page.SelectOption{Value: string(r), Text: roleName(v.P, r)})
	}
	return v.Show(IncidentTab(TabView{IncidentFrame: f, Body: addParties(v.P, f.Href+"/parties/add", q, kindChips(v.P, f.Href+"/parties/add", kind), list, options)}))
}

func (d *Desk) addParties(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	chosen := v.R.PostForm["organisation"]
	if len(chosen) == 0 {
		return errChooseOrganisation
	}
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	if _, err := d.Coordination.Add(v.Ctx(), v.By, in.UID, chosen, coordination.Role(v.R.PostFormValue("role")), v.R.PostFormValue("why")); err != nil {
		return err
	}
	return back(v, "/desk/incidents/"+in.Number+"/parties", "saved")
}

// party shows one party: its thread, its requests, its measures.
func (d *Desk) party(v *page.Visit) error {
	return d.showParty(v, v.R.PathValue("party"), nil, http.StatusOK)
}

func (d *Desk) showParty(v *page.Visit, uid string, wrong *wrongTyped, status int) error {
	p, err := d.Coordination.PartyOf(v.Ctx(), d.DB, v.By, uid)
	if err != nil {
		return err
	}
	in, err := d.openedCase(v, p.Subject)
	if err != nil {
		return err
	}
	f, rows, err := d.incidentFrame(v, in, "parties")
	if err != nil {
		return err
	}
	body := []templ.Component{heading(p.Name + " · " + roleName(v.P, p.Role))}
	waits, err := d.Coordination.Waits(v.Ctx(), v.By, p)
	if err != nil {
		return err
	}
	if waits {
		body = append(body, warning(v.P.T("desk.party.late_word")))
		if v.By.Can(access.WorkCases) {
			body = append(body, adminForm("/desk/parties/"+p.UID+"/rest", nil, []templ.Component{
				page.Field(v.P, page.FieldView{ID: "reason", Name: "reason", Label: v.P.T("desk.party.rest.reason"), Required: true, Attrs: templ.OrderedAttributes{{Key: "required", Value: true}}}),
			}, page.ButtonView{Text: v.P.T("desk.party.rest"), Icon: "check"}))
		}
	}
	for _, r := range rows {
		if r.Party.UID != p.UID {
			continue
		}
		if !r.CodeSince.IsZero() {
			body = append(body, warning(v.P.T("desk.party.code_untold", "when", v.P.Brief(r.CodeSince, v.Now))))
			if v.By.Can(access.SendOutside) {
				body = append(body, paragraphWith(page.Button(page.ButtonView{Text: v.P.T("desk.codes.begin"), Icon: "phone", Href: "/desk/codes?incident=" + url.QueryEscape(in.Number)})))
			}
		}
		for _, q := range r.Requests {
			x, err := d.typedView(v, q, wrong)
			if err != nil {
				return err
			}
			if len(x.problems) > 0 {
				body = append([]templ.Component{page.ErrorSummary(v.P, x.problems)}, body...)
			}
			body = append(body, requestCard(v.P, x))
		}
		files, err := d.evidence(v, r)
		if err != nil {
			return err
		}
		var measures []page.MeasureView
		for _, m := range r.Measures {
			measures = append(measures, d.measureView(v, p.Name, m, files[m.Ref.ID]))
		}
		if len(measures) > 0 {
			body = append(body, heading(v.P.T("desk.measures")), page.Measures(v.P, measures))
		}
	}
	handed, err := d.handedTo(v, p)
	if err != nil {
		return err
	}
	climb, err := d.climbCard(v, in, p)
	if err != nil {
		return err
	}
	body = append(append(body, handed...), climb...)
	uids, err := d.threadUIDs(v, p.Thread)
	if err != nil {
		return err
	}
	messages, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, p.Thread)
	if err != nil {
		return err
	}
	body = append(body, heading(v.P.T("desk.party.thread")))
	for _, m := range messages {
		e := messageEntry(v, m, p.Name, uids[m.Thread], v.R.URL.Path).Entry
		e.Message.Share = d.shareOf(v, in, m, uids[m.Thread])
		body = append(body, page.Timeline(v.P, []page.TimelineDay{{Title: v.P.Day(m.At), Entries: []page.Entry{e}}}))
	}
	if in.State != incident.Closed && v.By.Can(access.SendOutside) {
		body = append(body, page.Button(page.ButtonView{Text: v.P.T("desk.compose.mail_to", "who", p.Name), Icon: "mail", Href: f.Href + "?write=mail&to=" + p.UID}),
			page.Button(page.ButtonView{Text: v.P.T("desk.incident.ask"), Icon: "send", Href: f.Href + "/ask?party=" + p.UID}))
		if p.Role == coordination.Peer || p.Role == coordination.Authority {
			body = append(body, page.Button(page.ButtonView{Text: v.P.T("desk.handover.open"), Icon: "send", Href: "/desk/parties/" + p.UID + "/hand-over"}))
		}
	}
	reach, err := d.reachSection(v, p)
	if err != nil {
		return err
	}
	body = append(body, reach)
	if v.By.Can(access.WorkCases) && p.WithdrawnAt.IsZero() {
		body = append(body, aloneForm(v.P, p))
	}
	if p.Organisation != 0 && !p.Sealed && v.By.Can(access.WorkCases) {
		body = append(body, post("/desk/parties/"+p.UID+"/doubt", nil, page.ButtonView{Text: v.P.T("desk.request.not_ours"), Kind: "ghost", Icon: "ban"}))
	}
	return v.ShowStatus(status, IncidentTab(TabView{IncidentFrame: f, Body: several(body)}))
}

// restParty says that the words a party sent to a closed incident need nothing more.
func (d *Desk) restParty(v *page.Visit) error {
	if err := d.Coordination.Rest(v.Ctx(), v.By, v.R.PathValue("party"), v.R.PostFormValue("reason")); err != nil {
		return err
	}
	return back(v, "/desk/parties/"+v.R.PathValue("party"), "saved")
}

func (d *Desk) writeParty(v *page.Visit) error {
	p, err := d.Coordination.PartyOf(v.Ctx(), d.DB, v.By, v.R.PathValue("party"))
	if err != nil {
		return err
	}
	_, err = d.Coordination.Write(v.Ctx(), v.By, p.UID, correspondence.Outgoing{Kind: correspondence.Letter, TLP: p.TLP, Subject: v.P.T("desk.compose.subject"), Text: v.R.PostFormValue("text")}, v.R.PostFormValue("looked") != "")
	if err != nil {
		return err
	}
	return back(v, "/desk/parties/"+p.UID, "held")
}

func (d *Desk) withdrawParty(v *page.Visit) error {
	if err := d.Coordination.Withdraw(v.Ctx(), v.By, v.R.PathValue("party"), v.R.PostFormValue("reason")); err != nil {
		return err
	}
	return back(v, "/desk/parties/"+v.R.PathValue("party"), "saved")
}
