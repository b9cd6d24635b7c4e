package desk

import (
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func next(v *page.Visit, mark string, shown int) *page.PagesView {
	if mark == "" {
		return nil
	}
	q := v.R.URL.Query()
	q.Set("after", mark)
	return &page.PagesView{Next: v.R.URL.Path + "?" + q.Encode(), From: 1, To: shown, Total: shown, TotalAtLeast: true}
}

// deadlines lists every clock that runs, ours and theirs, by due time.
func (d *Desk) deadlines(v *page.Visit) error {
	q := v.R.URL.Query()
	f := deadline.Filter{OwedBy: q.Get("owes"), Late: q.Get("late") != "", Limit: 50, After: q.Get("after")}
	clocks, mark, err := d.Deadlines.List(v.Ctx(), v.By, f)
	if err != nil {
		return err
	}
	p := v.P
	view := ListView{
		DeskView: d.frame(v, "deadlines", p.T("desk.nav.deadlines")), Heading: p.T("desk.nav.deadlines"),
		Empty: page.EmptyView{Icon: "circle-check", Title: p.T("desk.deadlines.none"), Note: p.T("desk.deadlines.none.note")}, Pages: next(v, mark, len(clocks)),
		Table: page.TableView{Caption: p.T("desk.nav.deadlines"), Columns: []page.Column{
			{Text: p.T("desk.col.remaining")}, {Text: p.T("desk.col.due")}, {Text: p.T("desk.col.what")}, {Text: p.T("desk.col.owed_by")}, {Text: p.T("desk.col.under")},
		}},
	}
	for _, x := range []struct{ value, words string }{{"", p.T("desk.owes.all")}, {"us", p.T("desk.owes.us")}, {"them", p.T("desk.owes.them")}} {
		c := page.ChipView{Text: x.words, Kind: "outline", Href: "/desk/deadlines?owes=" + x.value}
		if x.value == f.OwedBy {
			c.Kind = "on"
		}
		view.Filters = append(view.Filters, c)
	}
	titles, err := d.titles(v, clocks)
	if err != nil {
		return err
	}
	about := make([]int64, len(clocks))
	for i, c := range clocks {
		about[i] = c.About.ID
	}
	owing, err := d.Coordination.Owing(v.Ctx(), d.DB, v.By, about...)
	if err != nil {
		return err
	}
	for _, c := range clocks {
		t := titles[c.Under.ID]
		owes := p.T("desk.owes.reporter")
		if c.OwedBy == "us" {
			owes = p.T("desk.owes.us")
		} else if party, ok := owing[c.About.ID]; ok {
			owes = party.Name
		}
		view.Table.Rows = append(view.Table.Rows, []templ.Component{
			page.Clock(p, clockView(c, v.Now)), page.At(p, c.DueAt, v.Now), page.Text(strings.Trim(d.clockName(p, c)+" · "+clockLaw(p, c.Law), " ·")), page.Text(owes), link(t.href, t.title, t.ref),
		})
	}
	return v.Show(List(view))
}

type titled struct{ title, ref, href string }

// titles names what clocks stand under, in two queries.
func (d *Desk) titles(v *page.Visit, clocks []deadline.Clock) (map[int64]titled, error) {
	out := map[int64]titled{}
	var incidents, reports []int64
	for _, c := range clocks {
		if c.Under.Kind.String() == "incident" {
			incidents = append(incidents, c.Under.ID)
		} else {
			reports = append(reports, c.Under.ID)
		}
	}
	found, err := d.Incidents.ByID(v.Ctx(), d.DB, v.By, incidents...)
	if err != nil {
		return nil, err
	}
	for id, in := range found {
		out[id] = titled{in.Title, in.Number, "/desk/incidents/" + in.Number}
	}
	rs, err := d.Intake.ByID(v.Ctx(), d.DB, v.By, reports...)
	for id, r := range rs {
		out[id] = titled{reportTitle(v.P, r), r.Reference, "/desk/reports/" + r.UID}
	}
	return out, err
}

// outbox shows what leaves: held with "Stop", waiting for a person, failed, sent.
func (d *Desk) outbox(v *page.Visit) error {
	q := v.R.URL.Query()
	list, err := d.Correspondence.Outbox(v.Ctx(), v.By, correspondence.OutboxFilter{State: correspondence.State(q.Get("state")), Limit: 50, After: q.Get("after")})
	if err != nil {
		return err
	}
	p := v.P
	banner, err := d.pausedBanner(v)
	if err != nil {
		return err
	}
	view := ListView{
		DeskView: d.frame(v, "outbox", p.T("desk.nav.outbox")), Heading: p.T("desk.nav.outbox"), Banner: banner,
		Empty: page.EmptyView{Icon: "send", Title: p.T("desk.outbox.none"), Note: p.T("desk.outbox.none.note")}, Pages: next(v, list.Next, len(list.Items)),
		Table: page.TableView{Caption: p.T("desk.nav.outbox"), Columns: []page.Column{
			{Text: p.T("desk.col.to")}, {Text: p.T("desk.col.subject")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.col.marking")}, {Text: p.T("desk.col.when")}, {Text: p.T("desk.col.act")},
		}},
	}
	if banner == nil && v.By.Can(access.StopMail) {
		view.Acts = []page.ButtonView{{Text: p.T("desk.admin.stop"), Kind: "ghost", Icon: "hand", Href: "/desk/admin/stop-mail"}}
	}
	masses, err := d.massBanner(v)
	if err != nil {
		return err
	}
	sendings, err := d.sendingBanner(v)
	if err != nil {
		return err
	}
	codes, err := d.codesBanner(v)
	if err != nil {
		return err
	}
	view.Acts = slices.Concat(codes, masses, sendings, view.Acts)
	for _, m := range list.Items {
		when := page.At(p, m.At, v.Now)
		var act templ.Component = page.Text("")
		switch m.State {
		case correspondence.Held:
			act = several([]templ.Component{
				post("/desk/outbox/"+m.UID+"/stop", nil, page.ButtonView{Text: p.T("desk.outbox.stop"), Kind: "danger", Icon: "hand"}),
				post("/desk/outbox/"+m.UID+"/send", nil, page.ButtonView{Text: p.T("desk.outbox.now")}),
			})
			when = page.Text(p.T("desk.outbox.leaves", "at", m.SendAfter.In(d.Zone).Format("15:04:05")))
		case correspondence.Waiting:
			act = post("/desk/outbox/"+m.UID+"/send", nil, page.ButtonView{Text: p.T("desk.outbox.now")})
		case correspondence.Failed:
			act = post("/desk/outbox/"+m.UID+"/send", nil, page.ButtonView{Text: p.T("desk.outbox.again")})
		}
		view.Table.Rows = append(view.Table.Rows, []templ.Component{
			link(threadHref(m.Thread)+"#m-"+m.UID, m.Name, m.Thread.Reference), twoLines(clip(m.Body.Subject, 80), reasonText(v, m.Message)), page.Chip(messageState(p, m.Message)),
			page.TLPShort(m.TLP.Name()), when, act,
		})
	}
	return v.Show(List(view))
}

func reasonText(v *page.Visit, m correspondence.Message) string {
	if m.Reason == "" {
		return ""
	}
	return v.P.T(m.Reason)
}

func threadHref(t correspondence.Thread) string {
	return "/desk/threads/" + t.UID
}

// thread leads from a thread to what it is about.
func (d *Desk) thread(v *page.Visit) error {
	o, err := access.Find(v.Ctx(), d.DB, v.By, ref.Thread, v.R.PathValue("thread"))
	if err != nil {
		return err
	}
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	if threads[o.Ref.ID].About.Kind == ref.Account { // notices to one of us
		return v.See("/desk/outbox")
	}
	if about := threads[o.Ref.ID].About; about.Kind == ref.Report {
		r, err := d.Intake.ByID(v.Ctx(), d.DB, v.By, about.ID)
		if err != nil {
			return err
		}
		return v.See("/desk/reports/" + r[about.ID].UID)
	}
	p, err := d.Coordination.PartyOfThread(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	return v.See("/desk/parties/" + p.UID)
}

func (d *Desk) stop(v *page.Visit) error {
	if err := d.Correspondence.Stop(v.Ctx(), v.By, v.R.PathValue("message")); err != nil {
		return err
	}
	return back(v, "/desk/outbox", "stopped")
}

func (d *Desk) sendNow(v *page.Visit) error {
	if err := d.Correspondence.SendNow(v.Ctx(), v.By, v.R.PathValue("message")); err != nil {
		return err
	}
	return back(v, "/desk/outbox", "sent")
}

// search finds incidents, reports and organisations by their words, newest first.
func (d *Desk) search(v *page.Visit) error {
	q := strings.TrimSpace(v.R.URL.Query().Get("q"))
	p := v.P
	view := ListView{
		DeskView: d.frame(v, "", p.T("desk.search.title")), Heading: p.T("desk.search.title"), Note: q,
		Empty: page.EmptyView{Icon: "search", Title: p.T("desk.search.none"), Note: p.T("desk.search.none.note")},
		Table: page.TableView{Caption: p.T("desk.search.title"), Columns: []page.Column{{Text: p.T("desk.col.kind")}, {Text: p.T("desk.col.what")}, {Text: p.T("desk.col.marking")}, {Text: p.T("desk.col.changed")}}},
	}
	view.DeskView.Search = q
	if q != "" {
		ins, err := d.Incidents.List(v.Ctx(), v.By, incident.Filter{Text: q, Limit: 25})
		if err != nil {
			return err
		}
		for _, in := range ins.Items {
			view.Table.Rows = append(view.Table.Rows, []templ.Component{page.Text(p.T("desk.kind.incident")), link("/desk/incidents/"+in.Number, in.Title, in.Number), page.TLPShort(in.TLP.Name()), page.At(p, in.UpdatedAt, v.Now)})
		}
		reports, err := d.Intake.List(v.Ctx(), v.By, intake.QueueFilter{Text: q, Limit: 25})
		if err != nil {
			return err
		}
		for _, r := range reports.Items {
			view.Table.Rows = append(view.Table.Rows, []templ.Component{page.Text(p.T("desk.kind.report")), link("/desk/reports/"+r.UID, reportTitle(p, r), r.Reference), page.TLPShort(r.TLP.Name()), page.At(p, r.UpdatedAt, v.Now)})
		}
		orgs, err := d.Constituency.Find(v.Ctx(), v.By, constituency.Filter{Text: q, Limit: 25})
		if err != nil {
			return err
		}
		for _, o := range orgs.Items {
			view.Table.Rows = append(view.Table.Rows, []templ.Component{page.Text(p.T("desk.kind.organisation")), link("/desk/constituency/"+o.UID, o.Name, sectorName(p, o.Sector)), page.Text(""), page.At(p, o.UpdatedAt, v.Now)})
		}
	}
	return v.Show(List(view))
}

// constituency lists organisations; the search understands names, domains, addresses and AS numbers.
func (d *Desk) constituency(v *page.Visit) error {
	q := v.R.URL.Query()
	f := constituency.Filter{Text: strings.TrimSpace(q.Get("q")), Community: q.Get("community"), Limit: 100, After: q.Get("after")}
	list, err := d.Constituency.Find(v.Ctx(), v.By, f)
	if err != nil {
		return err
	}
	p := v.P
	view := ListView{
		DeskView: d.frame(v, "constituency", p.T("desk.nav.constituency")), Heading: p.T("desk.nav.constituency"),
		Search: &page.FieldView{ID: "q", Name: "q", Type: "search", Label: p.T("desk.parties.find"), Value: f.Text},
		Acts: []page.ButtonView{
			{Text: p.T("desk.registration.title"), Icon: "building-2", Kind: "ghost", Href: registrationsAt},
			{Text: p.T("desk.todo.title"), Icon: "list-checks", Kind: "ghost", Href: "/desk/constituency/todo"},
			{Text: p.T("desk.owners.title"), Icon: "search", Kind: "ghost", Href: "/desk/constituency/owners"},
			{Text: p.T("desk.liaison.title"), Icon: "building-2", Kind: "ghost", Href: "/desk/constituency/liaisons"},
		},
		Empty: page.EmptyView{Icon: "building-2", Title: p.T("desk.parties.nobody"), Note: p.T("desk.parties.nobody.note")}, Pages: next(v, list.Next, len(list.Items)),
		Table: page.TableView{Caption: p.T("desk.nav.constituency"), Columns: []page.Column{{Text: p.T("desk.col.organisation")}, {Text: p.T("desk.col.communities")}, {Text: p.T("desk.col.class")}, {Text: p.T("desk.col.language")}}},
	}
	for _, c := range communities {
		x := page.ChipView{Text: communityName(p, c), Kind: "outline", Href: "/desk/constituency?" + url.Values{"community": {c}}.Encode()}
		if c == f.Community {
			x.Kind, x.Href = "on", "/desk/constituency"
		}
		view.Filters = append(view.Filters, x)
	}
	for _, o := range list.Items {
		var names []string
		for _, c := range o.Communities {
			names = append(names, communityName(p, c))
		}
		view.Table.Rows = append(view.Table.Rows, []templ.Component{
			link("/desk/constituency/"+o.UID, o.Name, sectorName(p, o.Sector)), page.Text(strings.Join(names, ", ")), page.Text(className(v, o.Class)), page.Text(strings.ToUpper(o.Lang)),
		})
	}
	return v.Show(List(view))
}

var communities = []string{
	"public_administration", "critical_infrastructure", "essential_services", "essential_public_services", "digital_service_providers",
	"businesses", "general_public", "national_cyberspace",
}

func sectorName(p *text.Printer, code string) string { return named(p, "desk.sector.", code) }

func communityName(p *text.Printer, code string) string { return named(p, "desk.community.", code) }

// named gives the catalogue's word for a code. A team may bring codes of its own (an import names sectors freely): those are shown as they are.
func named(p *text.Printer, prefix, code string) string {
	if code == "" {
		return ""
	}
	if !p.Has(prefix + code) {
		return strings.ReplaceAll(code, "_", " ")
	}
	return p.T(prefix + code)
}

func className(v *page.Visit, class string) string {
	switch class {
	case "essential":
		return v.P.T("desk.class.essential")
	case "important":
		return v.P.T("desk.class.important")
	}
	return ""
}

// organisation shows one organisation: what it is entitled to, contacts with their keys, assets.
func (d *Desk) organisation(v *page.Visit) error {
	o, err := d.Constituency.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("organisation"))
	if err != nil {
		return err
	}
	p := v.P
	contacts, err := d.Constituency.Contacts(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	assets, err := d.Constituency.Assets(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	view := OrganisationView{DeskView: d.frame(v, "constituency", o.Name), Name: o.Name}
	if view.Doubts, err = d.doubts(v, o); err != nil {
		return err
	}
	fact := func(label, value string) {
		if value != "" {
			view.Facts = append(view.Facts, page.Property{Label: label, Value: page.Text(value)})
		}
	}
	fact(p.T("desk.fact.sector"), sectorName(p, o.Sector))
	fact(p.T("desk.col.class"), className(v, o.Class))
	fact(p.T("desk.col.language"), strings.ToUpper(o.Lang))
	for _, c := range o.Communities {
		fact(p.T("desk.col.communities"), communityName(p, c))
	}
	if err := d.liaisonOf(v, o, &view); err != nil {
		return err
	}
	if err := d.registered(v, o.UID, o.Ref.ID, fact); err != nil {
		return err
	}
	entitled, err := d.Constituency.EntitledTo(v.Ctx(), d.DB, o.Communities)
	if err != nil {
		return err
	}
	for _, e := range entitled {
		view.Entitled = append(view.Entitled, page.Property{Label: serviceName(p, e.Service), Value: entitledCell(p, e)})
	}
	providers, err := d.Constituency.ProvidersOf(v.Ctx(), d.DB, v.By, o.Ref.ID)
	if err != nil {
		return err
	}
	provider := ""
	for _, x := range providers {
		if x.Network == "" {
			provider = x.Organisation.Name
			view.Facts = append(view.Facts, page.Property{Label: p.T("desk.ladder.to.provider"), Value: page.To(provider, "/desk/constituency/"+x.Organisation.UID)})
		}
	}
	if v.By.Can(access.WriteRegistry) {
		view.Provider, view.SetProvider = provider, "/desk/constituency/"+o.UID+"/provider"
	}
	confirmed, _, err := d.Constituency.Confirmed(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	if !confirmed.IsZero() {
		fact(p.T("desk.fact.confirmed"), p.Date(confirmed))
	}
	asked, err := d.Constituency.AskedOf(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	if words := askedWords(p, asked); words != "" {
		fact(p.T("desk.confirm.asked"), words)
	}
	var ids []int64
	for _, c := range contacts {
		ids = append(ids, c.ID)
	}
	numbers, err := d.Constituency.Numbers(v.Ctx(), d.DB, ids...)
	if err != nil {
		return err
	}
	health, err := d.Constituency.HealthOf(v.Ctx(), d.DB, contacts...)
	if err != nil {
		return err
	}
	for _, c := range contacts {
		keys, err := d.Constituency.AllKeys(v.Ctx(), d.DB, c.ID)
		if err != nil {
			return err
		}
		x := ContactView{UID: c.UID, Name: c.Name, Role: named(p, "desk.contact.role.", c.Role), Email: c.Email, OnCall: c.OnCall, Lang: strings.ToUpper(c.Lang)}
		may := v.By.Can(access.WriteRegistry)
		if may {
			x.AddNumber, x.Mend = "/desk/contacts/"+c.UID+"/numbers", "/desk/contacts/"+c.UID+"/mend"
		}
		if v.By.Can(access.Triage) {
			x.Call = "/desk/phone?contact=" + c.UID
		}
		if now := health[c.ID]; now.State != constituency.Good {
			x.Health, x.Why = healthChip(p, now.State), healthWhy(p, now)
		}
		for _, n := range numbers[c.ID] {
			y := NumberView{UID: n.UID, Number: n.Number, Note: n.Note, Outside: n.Outside}
			if !n.VerifiedAt.IsZero() {
				y.Checked = p.T("desk.number.verified", "when", p.Date(n.VerifiedAt), "how", n.VerifiedHow)
			}
			if may {
				y.Verify, y.Retire = "/desk/numbers/"+n.UID+"/verify", "/desk/numbers/"+n.UID+"/retire"
			}
			x.Numbers = append(x.Numbers, y)
		}
		if !c.VerifiedAt.IsZero() {
			x.Verified = p.T("desk.contact.verified", "when", p.Date(c.VerifiedAt))
		}
		for _, k := range keys {
			y := KeyView{Fingerprint: k.Fingerprint, Note: keyNote(p, k)}
			switch k.State {
			case constituency.Approved:
				y.State = page.ChipView{Text: p.T("desk.key.approved"), Kind: "ok", Icon: "check"}
			case constituency.Offered:
				y.State = page.ChipView{Text: p.T("desk.key.offered"), Kind: "warn"}
				if v.By.Can(access.ApproveKey) {
					y.Approve, y.Reject = "/desk/keys/"+k.UID+"/approve", "/desk/keys/"+k.UID+"/reject"
				}
			default:
				y.State = page.ChipView{Text: p.T("desk.key.rejected")}
			}
			x.Keys = append(x.Keys, y)
		}
		view.Contacts = append(view.Contacts, x)
	}
	if err := d.assets(v, o, assets, &view); err != nil {
		return err
	}
	view.Org = o.UID
	return v.Show(Organisation(view))
}

// keyNote says whose certificate it is by its own word, and how a key came.
func keyNote(p *text.Printer, k constituency.Key) string {
	var words []string
	if k.SMIME() {
		if c, err := smime.ParseCertificate(k.Certificate); err == nil {
			words = append(words, p.T("desk.key.smime", "name", c.Subject(), "issuer", c.Issuer(), "end", p.Date(c.Ends())))
		}
	}
	switch k.Source {
	case "attached":
		words = append(words, p.T("desk.key.source.attached"))
	case "wkd":
		words = append(words, p.T("desk.key.source.wkd"))
	case "portal":
		words = append(words, p.T("desk.key.source.portal"))
	case "hand":
		words = append(words, p.T("desk.key.source.hand"))
	}
	return strings.Join(words, " · ")
}

func (d *Desk) approveKey(v *page.Visit) error {
	if _, err := d.Constituency.ApproveKey(v.Ctx(), v.By, v.R.PathValue("key"), v.R.PostFormValue("how")); err != nil {
		return err
	}
	return back(v, itsOrganisation(v), "saved")
}

func (d *Desk) rejectKey(v *page.Visit) error {
	if _, err := d.Constituency.RejectKey(v.Ctx(), v.By, v.R.PathValue("key"), v.R.PostFormValue("how")); err != nil {
		return err
	}
	return back(v, itsOrganisation(v), "saved")
}
