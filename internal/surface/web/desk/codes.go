package desk

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// codeRoutes are the codes of letters that left as locked files: which are to be told, each as it is read aloud, and that it was told.
func (d *Desk) codeRoutes() []page.Route {
	send := page.Needs(access.SendOutside)
	return []page.Route{
		{Pattern: "GET /desk/codes", Need: send, Serve: d.codes},
		{Pattern: "GET /desk/codes/{locked}", Need: send, Serve: d.code},
		{Pattern: "POST /desk/codes/{locked}/told", Need: send, Serve: d.codeTold},
	}
}

func codeAt(message string, q url.Values) string { return "/desk/codes/" + message + ofCase(q) }

// ofCase keeps the incident to which a list of codes is narrowed.
func ofCase(q url.Values) string {
	if in := q.Get("incident"); in != "" {
		return "?" + url.Values{"incident": {in}}.Encode()
	}
	return ""
}

// waitingCodes lists what is still to be told, of one incident when the address names it, with the names of the organisations.
func (d *Desk) waitingCodes(v *page.Visit) ([]correspondence.CodeState, map[int64]string, error) {
	var threads []int64
	if number := v.R.URL.Query().Get("incident"); number != "" {
		in, err := d.Incidents.Get(v.Ctx(), d.DB, v.By, number)
		if err != nil {
			return nil, nil, err
		}
		parties, err := d.Coordination.PartiesOf(v.Ctx(), d.DB, v.By, in.Ref)
		if err != nil || len(parties) == 0 {
			return nil, nil, err
		}
		for _, p := range parties {
			threads = append(threads, p.Thread)
		}
	}
	list, err := d.Correspondence.Codes(v.Ctx(), v.By, false, threads...)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]int64, len(list))
	for i, c := range list {
		ids[i] = c.Thread.Correspondent.Organisation
	}
	names, err := d.organisationNames(v, ids...)
	return list, names, err
}

func (d *Desk) organisationNames(v *page.Visit, ids ...int64) (map[int64]string, error) {
	labels, err := d.Constituency.Labels(v.Ctx(), d.DB, ids...)
	out := map[int64]string{}
	for id, o := range labels {
		out[id] = o.Name
	}
	return out, err
}

// whom names who waits for a code: the organisation, and the contact that was written to.
func whom(t correspondence.Thread, names map[int64]string) (string, string) {
	c := t.Correspondent
	if name := names[c.Organisation]; name != "" && name != c.Name {
		return name, c.Name
	}
	return orDefault(c.Name, c.Email), ""
}

// codes lists whose codes are still to be told. It shows no code.
func (d *Desk) codes(v *page.Visit) error {
	list, names, err := d.waitingCodes(v)
	if err != nil {
		return err
	}
	p, q := v.P, v.R.URL.Query()
	view := ListView{
		DeskView: d.frame(v, "outbox", p.T("desk.codes.title")), Heading: p.T("desk.codes.title"), Note: q.Get("incident"),
		Empty: page.EmptyView{Icon: "circle-check", Title: p.T("desk.codes.none"), Note: p.T("desk.codes.none.note")},
		Table: codesTable(v, list, names),
	}
	if len(list) > 0 {
		view.Acts = []page.ButtonView{{Text: p.T("desk.codes.begin"), Kind: "primary", Icon: "phone", Href: codeAt(list[0].Message.UID, q)}}
	}
	return v.Show(List(view))
}

func codesTable(v *page.Visit, list []correspondence.CodeState, names map[int64]string) page.TableView {
	p := v.P
	t := page.TableView{Caption: p.T("desk.codes.title"), Columns: []page.Column{{Text: p.T("desk.col.to")}, {Text: p.T("desk.col.marking")}, {Text: p.T("desk.codes.left")}}}
	for _, c := range list {
		name, contact := whom(c.Thread, names)
		if contact != "" {
			contact += " · "
		}
		t.Rows = append(t.Rows, []templ.Component{
			link(codeAt(c.Message.UID, v.R.URL.Query()), name, contact+c.Thread.Reference), page.TLPShort(c.Message.TLP.Name()), page.At(p, c.Message.SentAt, v.Now),
		})
	}
	return t
}

// code shows one code, as it is read to somebody, and who comes next.
func (d *Desk) code(v *page.Visit) error { return d.showCode(v, nil) }

func (d *Desk) showCode(v *page.Visit, wrong error) error {
	c, err := d.Correspondence.CodeOf(v.Ctx(), v.By, v.R.PathValue("locked"))
	if err != nil {
		return err
	}
	if err := d.seen(v, c.Thread.Object); err != nil {
		return err
	}
	waiting, names, err := d.waitingCodes(v)
	if err != nil {
		return err
	}
	if org := c.Thread.Correspondent.Organisation; org != 0 && names[org] == "" {
		if names, err = d.organisationNames(v, org); err != nil {
			return err
		}
	}
	p, q := v.P, v.R.URL.Query()
	list, by := problems(p, wrong, nil)
	card := codeView(v, c, names, by)
	card.action = "/desk/codes/" + c.Message.UID + "/told" + ofCase(q)
	view := d.adminView(v, p.T("desk.codes.title"), "", codeCard(p, card))
	view.DeskView, view.Up = d.frame(v, "outbox", p.T("desk.codes.title")), page.NavItem{Text: p.T("desk.nav.outbox"), Href: "/desk/outbox"}
	rest := codesTable(v, nil, nil)
	for i, w := range waiting {
		if w.Message.ID != c.Message.ID {
			continue
		}
		after := append(waiting[i+1:len(waiting):len(waiting)], waiting[:i]...)
		if len(after) > 0 {
			view.Acts = append(view.Acts, page.ButtonView{Text: p.T("desk.codes.skip"), Icon: "chevron-right", Key: "N", Href: codeAt(after[0].Message.UID, q)})
		}
		rest = codesTable(v, after, names)
	}
	if len(rest.Rows) > 0 {
		view.Body = append(view.Body, section("next", p.N("desk.codes.next", len(rest.Rows)), page.Table(rest)))
	}
	if len(list) > 0 {
		return wrongAdmin(v, view, errs.Invalid.HTTP(), list...)
	}
	return v.Show(Admin(view))
}

// codeView is a code on its page.
func codeView(v *page.Visit, c correspondence.ToTell, names map[int64]string, by map[string]string) codeCardView {
	p := v.P
	name, contact := whom(c.Thread, names)
	x := codeCardView{
		name: name, contact: contact, reference: c.Thread.Reference, href: threadHref(c.Thread), tlp: c.Message.TLP.Name(), lang: text.Name(text.Lang(c.Thread.Correspondent.Lang)),
		groups: strings.Fields(correspondence.SpacedCode(c.Code)), left: p.Brief(c.Message.SentAt, v.Now), times: strconv.Itoa(c.Times), problems: by,
		to: orDefault(v.R.PostFormValue("to"), c.Thread.Correspondent.Name), focus: len(by) == 0,
	}
	for _, n := range c.Numbers {
		x.numbers = append(x.numbers, page.SelectOption{Value: n.UID, Text: shortNumber(p, n), Chosen: v.R.PostFormValue("number") == n.UID})
	}
	for _, t := range c.Told {
		x.told = append(x.told, p.T("desk.codes.was_told", "who", t.Name, "when", p.DateTime(t.At), "to", t.To, "number", t.Number))
	}
	return x
}

// shortNumber names a checked number with its note, so that it can be read in a list.
func shortNumber(p *text.Printer, n constituency.Number) string {
	if n.Note != "" {
		return n.Number + " (" + n.Note + ")"
	}
	if n.Outside {
		return n.Number + " · " + p.T("desk.number.outside")
	}
	return n.Number
}

// codeTold records that a code was told, and goes on to the next one.
func (d *Desk) codeTold(v *page.Visit) error {
	times, err := strconv.Atoi(v.R.PostFormValue("times"))
	if err != nil {
		times = -1
	}
	_, err = d.Correspondence.CodeTold(v.Ctx(), v.By, v.R.PathValue("locked"), correspondence.TellInput{Number: v.R.PostFormValue("number"), To: v.R.PostFormValue("to"), Times: times})
	if errs.Is(err, errs.Invalid) {
		return d.showCode(v, err)
	}
	if err != nil {
		return err
	}
	waiting, _, err := d.waitingCodes(v)
	if err != nil {
		return err
	}
	to, more := "/desk/codes", []string{}
	if len(waiting) > 0 {
		to = "/desk/codes/" + waiting[0].Message.UID
	}
	if in := v.R.URL.Query().Get("incident"); in != "" {
		more = append(more, "incident", in)
	}
	return back(v, to, "code_told", more...)
}

// codesBanner leads to the codes that are to be told, from the outbox.
func (d *Desk) codesBanner(v *page.Visit) ([]page.ButtonView, error) {
	n, err := d.Correspondence.CountCodes(v.Ctx(), d.DB, v.By)
	if err != nil || n == 0 {
		return nil, err
	}
	return []page.ButtonView{{Text: v.P.N("desk.codes.waiting", n), Icon: "phone", Href: "/desk/codes"}}, nil
}
