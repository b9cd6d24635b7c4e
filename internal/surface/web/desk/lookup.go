package desk

import (
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/format/teams"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/rdap"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// askRegistry asks the registry of what was looked up. It answers the POST itself: nothing changes, and what was found is kept nowhere.
func (d *Desk) askRegistry(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil || !v.R.PostForm.Has("what") {
		return errFormNotRead
	}
	in := constituency.LookUp{What: v.R.PostForm.Get("what"), Incident: strings.TrimSpace(v.R.PostForm.Get("incident")), Ask: true}
	var err error
	in.PAP, err = tlp.ParsePAP(v.R.PostForm.Get("pap"))
	if err != nil {
		in.PAP = 0
	}
	return d.showOwners(v, in, "")
}

// elsewhere shows whom to tell who is not of our register: the team of its country, and what the registry says, or the form to ask it.
func (d *Desk) elsewhere(v *page.Visit, in constituency.LookUp, x constituency.LookedUp, wrong map[string]string) []templ.Component {
	p := v.P
	var out []templ.Component
	switch {
	case x.Registry != nil:
		out = append(out, heading(p.T("desk.lookup.registry", "name", x.Registry.Registry)), page.Properties(p, registryFacts(p, *x.Registry)))
	case x.RegistryErr != "":
		out = append(out, heading(p.T("desk.lookup.ask")), words("warn", "triangle-alert", p.T("desk.lookup.error."+x.RegistryErr)))
	}
	if x.Country != "" {
		out = append(out, heading(p.T("desk.lookup.teams", "country", x.Country)), paragraph(p.T("desk.lookup.country."+x.CountryBy)))
		for _, k := range x.Known {
			out = append(out, paragraphWith(several([]templ.Component{link("/desk/constituency/"+k.UID, k.Name, p.T("desk.lookup.in_register"))})))
		}
		for _, t := range x.Teams {
			out = append(out, teamCard(p, teamOf(p, t)))
		}
		if len(x.Teams) > 0 {
			out = append(out, second(p.T("desk.lookup.credit", "when", x.AsOf)))
		} else if len(x.Known) == 0 {
			out = append(out, paragraph(p.T("desk.lookup.no_team")))
		}
	}
	if x.Registry == nil && v.By.Can(access.Triage) {
		out = append(out, d.askForm(p, in, x, wrong)...)
	}
	return out
}

func (d *Desk) askForm(p *text.Printer, in constituency.LookUp, x constituency.LookedUp, wrong map[string]string) []templ.Component {
	if !x.CanAsk {
		return []templ.Component{heading(p.T("desk.lookup.ask")), paragraph(p.T("desk.lookup.off"))}
	}
	paps := []page.SelectOption{{Value: "", Text: p.T("desk.lookup.pap.choose")}}
	for _, l := range tlp.PAPs() {
		paps = append(paps, page.SelectOption{Value: l.String(), Text: l.String(), Chosen: l == in.PAP})
	}
	return []templ.Component{
		heading(p.T("desk.lookup.ask")), paragraph(p.T("desk.lookup.ask.note")),
		adminForm("/desk/constituency/owners", []page.Hid{{Name: "what", Value: in.What}}, []templ.Component{
			page.Select(p, page.FieldView{ID: "pap", Name: "pap", Label: p.T("desk.field.pap"), Hint: p.T("desk.lookup.pap.hint"), Error: wrong["pap"]}, paps),
			page.Field(p, page.FieldView{ID: "incident", Name: "incident", Label: p.T("desk.lookup.incident"), Hint: p.T("desk.lookup.incident.hint"), Value: in.Incident, Width: "half", Autocomplete: "off", Error: wrong["incident"]}),
		}, page.ButtonView{Text: p.T("desk.lookup.ask.do"), Icon: "search"}),
	}
}

// registryFacts is what a registry says, as text: a stranger wrote it.
func registryFacts(p *text.Printer, a rdap.Answer) []page.Property {
	var out []page.Property
	fact := func(key, value string) {
		if value != "" {
			out = append(out, page.Property{Label: p.T("desk.lookup." + key), Value: page.Text(value)})
		}
	}
	if a.Whois {
		out = append(out, page.Property{Label: p.T("desk.lookup.sure"), Value: page.Chip(page.ChipView{Text: p.T("desk.lookup.whois"), Kind: "warn", Icon: "triangle-alert"})})
	}
	for _, e := range a.Abuse() {
		fact("abuse", strings.TrimSpace(strings.Join(e.Mails, ", ")+" · "+strings.Join(append([]string{e.Name}, e.Phones...), " · ")))
	}
	if len(a.Abuse()) == 0 {
		fact("abuse", p.T("desk.lookup.abuse.none"))
	}
	fact("name", strings.TrimSpace(a.Name+" "+a.Handle))
	switch a.Kind {
	case rdap.Address:
		fact("range", a.First.String()+" – "+a.Last.String())
	case rdap.Domain:
		if r, ok := a.Registrar(); ok {
			fact("registrar", r.Name)
		}
		fact("servers", strings.Join(a.Servers, ", "))
	}
	for _, e := range a.With("registrant") {
		fact("holder", strings.Trim(e.Name+" · "+e.Organisation, " ·"))
	}
	fact("states", strings.Join(a.States, ", "))
	if !a.Registered.IsZero() {
		fact("registered", p.Date(a.Registered))
	}
	return out
}

func teamOf(p *text.Printer, t teams.Team) teamView {
	x := teamView{
		name: t.Name, host: t.Host, scope: t.Scope, website: t.Website, email: t.Email, note: t.Note, sources: strings.Join(t.Sources, "; "),
		sure: page.ChipView{Text: p.T("desk.lookup.sure." + string(t.Confidence)), Kind: "warn", Icon: "triangle-alert"},
	}
	if t.Confidence == teams.Confirmed {
		x.sure = page.ChipView{Text: p.T("desk.lookup.sure.confirmed"), Kind: "ok", Icon: "check"}
	}
	if t.Checked != "" {
		x.checked = p.T("desk.lookup.checked", "when", t.Checked)
	}
	if t.Email != "" && !t.SeenIn("email") {
		x.unseen = p.T("desk.lookup.email_unseen")
	}
	return x
}

// looked gives what was looked up with what is wrong with the question, and the status of the answer.
func (d *Desk) looked(v *page.Visit, in constituency.LookUp) (constituency.LookedUp, map[string]string, int, error) {
	x, err := d.Constituency.WhomToTell(v.Ctx(), v.By, in)
	if err == nil {
		return x, nil, http.StatusOK, nil
	}
	by := map[string]string{}
	switch {
	case in.Ask && errs.Is(err, errs.NotFound):
		by["incident"] = v.P.T("error.lookup_incident")
	case errs.Is(err, errs.Forbidden) && v.By.Can(access.Triage) && in.Ask:
		said, _ := plainRefusal(v, err)
		if in.PAP <= tlp.PAPAmber { // the case does not let itself be asked about
			by["incident"] = said
		} else {
			by["pap"] = said
		}
	case errs.Is(err, errs.Invalid):
		_, by = problems(v.P, err, nil)
	default:
		return x, nil, 0, err
	}
	in.Ask = false
	if by["what"] == "" {
		if x, err = d.Constituency.WhomToTell(v.Ctx(), v.By, in); err != nil {
			return x, nil, 0, err
		}
	} else {
		return x, by, errs.Invalid.HTTP(), nil
	}
	return x, by, errs.Invalid.HTTP(), nil
}
