package desk

import (
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/abuse"
	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/tongue"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// shownEvents and askedOwners bound what the preview shows of a report of many events.
const (
	shownEvents = 5
	askedOwners = 5
)

// said shows what the machine-readable parts of a report say, with who answers for what they name as far as we know.
func (d *Desk) said(v *page.Visit, p *page.PreviewView, r intake.Report) error {
	said := r.Body.Reported
	if said == nil {
		return nil
	}
	p.SaidNote = v.P.T("desk.said.note")
	if said.Count > shownEvents {
		p.SaidNote += " " + v.P.T("desk.said.many", "shown", shownEvents, "all", said.Count)
	}
	if said.Cut {
		p.SaidNote += " " + v.P.T("desk.said.cut")
	}
	if said.Broken > 0 {
		p.SaidNote += " " + v.P.T("desk.said.broken", "count", said.Broken)
	}
	owners := map[string][]page.Property{}
	for _, what := range said.Asked(askedOwners) {
		list, err := d.Constituency.Owners(v.Ctx(), d.DB, v.By, what, time.Time{})
		if err != nil {
			return err
		}
		if len(list) == 0 {
			owners[what] = []page.Property{{Label: v.P.T("desk.said.owner"), Value: page.Text(v.P.T("desk.said.owner.none", "what", what))}}
			continue
		}
		m := list[0]
		owners[what] = []page.Property{{
			Label: v.P.T("desk.said.owner"),
			Value: several([]templ.Component{page.To(m.Organisation.Name, "/desk/constituency/"+m.Organisation.UID), second(v.P.T("desk.said.owner.why", "what", what, "asset", m.Asset.Value))}),
		}}
	}
	for _, e := range said.Events[:min(len(said.Events), shownEvents)] {
		p.Said = append(p.Said, d.saidEvent(v, e, owners))
	}
	for _, t := range said.Tables {
		p.Said = append(p.Said, saidTable(v, t))
	}
	if s := said.Routine; s != nil {
		x := page.SaidView{Title: v.P.T("desk.said.routine." + s.Kind)}
		add := adder(&x)
		add(v.P.T("desk.said.reporter"), page.Text(strings.Trim(s.Org+" · "+s.Email, " ·")))
		add(v.P.T("desk.said.domain"), page.Mono(s.Domain))
		if !s.From.IsZero() {
			add(v.P.T("desk.said.at"), page.At(v.P, s.From, v.Now))
		}
		add(v.P.T("desk.said.sums"), page.Text(v.P.T("desk.said.sums."+s.Kind, "all", v.P.Number(s.Messages), "failed", v.P.Number(s.Failed))))
		if s.More > 0 {
			add(v.P.T("desk.said.beyond"), page.Text(v.P.T("desk.said.beyond.count", "count", v.P.Number(int64(s.More)))))
		}
		for _, from := range s.Sources[:min(len(s.Sources), 3)] {
			add(v.P.T("desk.said.source"), page.Mono(from.Addr.String()+" · "+v.P.Number(from.Count)))
		}
		p.Said = append(p.Said, x)
	}
	return nil
}

func adder(x *page.SaidView) func(label string, value templ.Component) {
	return func(label string, value templ.Component) {
		x.Facts = append(x.Facts, page.Property{Label: label, Value: value})
	}
}

func (d *Desk) saidEvent(v *page.Visit, e intake.Event, owners map[string][]page.Property) page.SaidView {
	x := page.SaidView{Title: v.P.T("desk.said.format."+e.Format, "version", e.Version)}
	add := adder(&x)
	if what := strings.Trim(e.Category+" · "+e.Type, " ·"); what != "" {
		add(v.P.T("desk.said.type"), page.Text(what))
	}
	if e.Class != "" {
		add(v.P.T("desk.said.class"), page.Text(d.Taxonomy.FullName(taxonomy.Code(e.Class), string(v.P.Lang()))))
	}
	for _, s := range e.Sources {
		add(v.P.T("desk.said.source"), page.Mono(whereOf(s)))
		for _, key := range []string{s.Addr.String(), s.Domain} {
			if own := owners[key]; own != nil {
				x.Facts = append(x.Facts, own...)
				break
			}
		}
	}
	for _, s := range e.Targets {
		add(v.P.T("desk.said.target"), page.Mono(whereOf(s)))
	}
	if !e.At.IsZero() {
		add(v.P.T("desk.said.at"), page.At(v.P, e.At, v.Now))
	}
	if !e.Until.IsZero() && !e.Until.Equal(e.At) {
		add(v.P.T("desk.said.until"), page.At(v.P, e.Until, v.Now))
	}
	if e.Count > 1 {
		add(v.P.T("desk.said.count"), page.Text(v.P.Number(int64(e.Count))))
	}
	if who := partyWords(e.Reporter); who != "" {
		add(v.P.T("desk.said.reporter"), page.Text(who))
	}
	if who := partyWords(e.Sender); who != "" && e.Sender != e.Reporter {
		add(v.P.T("desk.said.sender"), page.Text(who))
	}
	if e.ID != "" {
		add(v.P.T("desk.said.id"), page.Mono(e.ID))
	}
	for _, k := range e.Details {
		add(k.Name, page.Text(k.Value))
	}
	for _, piece := range e.Evidence {
		add(v.P.T("desk.said.evidence"), page.Text(strings.Trim(piece.Type+" · "+piece.Description, " ·")))
	}
	for _, k := range e.Problems {
		x.Problems = append(x.Problems, v.P.T("desk.said.problem."+k))
	}
	return x
}

func saidTable(v *page.Visit, t intake.Table) page.SaidView {
	x := page.SaidView{Title: v.P.T("desk.said.table", "name", t.Name)}
	add := adder(&x)
	add(v.P.T("desk.said.rows"), page.Text(v.P.Number(int64(t.Rows))))
	if t.Sources > 0 {
		add(v.P.T("desk.said.addresses"), page.Text(v.P.Number(int64(t.Sources))))
	}
	if !t.From.IsZero() {
		add(v.P.T("desk.said.at"), page.At(v.P, t.From, v.Now))
		add(v.P.T("desk.said.until"), page.At(v.P, t.To, v.Now))
	}
	add(v.P.T("desk.said.columns"), page.Text(strings.Join(t.Columns, ", ")))
	if t.Cut {
		x.Problems = append(x.Problems, v.P.T("desk.said.problem.too_much"))
	}
	return x
}

func whereOf(s abuse.Source) string {
	if s.Port != 0 && s.URL == "" && !strings.HasSuffix(s.Text, ":"+strconv.Itoa(s.Port)) {
		return s.Text + " · " + strconv.Itoa(s.Port)
	}
	return s.Text
}

func partyWords(p abuse.Party) string {
	words := p.Org
	for _, more := range []string{p.Name, p.Email} {
		if more != "" {
			words += " · " + more
		}
	}
	if words == "" {
		words = p.Domain
	}
	return strings.Trim(words, " ·")
}

// withinViews are the mails that lie in a message.
func withinViews(v *page.Visit, m correspondence.Message) []page.WithinView {
	var out []page.WithinView
	if m.Body.Unprotected != "" {
		out = append(out, page.WithinView{Loose: true, Subject: v.P.T("desk.unprotected.title"), Text: m.Body.Unprotected})
	}
	for _, w := range m.Body.Within {
		x := page.WithinView{Subject: w.Subject, From: w.From, To: w.To, Text: w.Text, Files: w.Files, Deep: w.Depth > 1}
		if !w.Date.IsZero() {
			x.At = v.P.DateTime(w.Date)
		}
		out = append(out, x)
	}
	return out
}

// meanings are the translations of a message, and the form for one more: where it is in a language that the program does not speak, or has one.
func meanings(v *page.Visit, m correspondence.Message, back string) ([]page.MeaningView, page.TranslateView) {
	var out []page.MeaningView
	for _, t := range m.Body.Meanings {
		own := ""
		if t.By == v.By.Account && v.By.Can(access.WorkCases) {
			own = strconv.FormatInt(t.At.UnixMicro(), 10)
		}
		out = append(out, page.MeaningView{
			TakeBack: "/desk/messages/" + m.UID + "/take-back", Own: own, Back: back,
			Title: v.P.T("desk.translate.by", "language", tongue.Name(t.Lang, string(v.P.Lang())), "who", t.Name), At: v.P.Brief(t.At, v.Now), Lang: t.Lang, Text: t.Text,
		})
	}
	t := page.TranslateView{ID: "tr-" + m.UID, Back: back}
	if m.Body.Language != "" {
		t.Name = tongue.Name(m.Body.Language, string(v.P.Lang()))
	}
	if m.Direction != correspondence.In || m.Body.Language == string(v.P.Lang()) && len(out) == 0 {
		return out, page.TranslateView{}
	}
	if m.Body.Language == "" && len(out) == 0 || m.Body.Unreadable != "" || !v.By.Can(access.WorkCases) {
		t.Action = ""
		if len(out) == 0 && m.Body.Language == "" {
			return nil, page.TranslateView{}
		}
		return out, t
	}
	t.Action = "/desk/messages/" + m.UID + "/translate"
	for _, l := range text.Langs() {
		if string(l) != m.Body.Language {
			t.Langs = append(t.Langs, page.SelectOption{Value: string(l), Text: tongue.Name(string(l), string(v.P.Lang())), Chosen: l == v.P.Lang()})
		}
	}
	return out, t
}

// translate puts a translation beside a message.
func (d *Desk) translate(v *page.Visit) error {
	if _, err := d.Correspondence.Translate(v.Ctx(), v.By, v.R.PathValue("message"), v.R.PostFormValue("lang"), v.R.PostFormValue("text")); err != nil {
		return err
	}
	to := v.R.PostFormValue("back")
	if !ofTheDesk(to) {
		to = "/desk/triage"
	}
	return back(v, to, "translated")
}

// takeBack removes a translation that the reader wrote.
func (d *Desk) takeBack(v *page.Visit) error {
	at, err := strconv.ParseInt(v.R.PostFormValue("at"), 10, 64)
	if err != nil {
		return errs.ErrNotFound
	}
	if err := d.Correspondence.TakeBack(v.Ctx(), v.By, v.R.PathValue("message"), time.UnixMicro(at)); err != nil {
		return err
	}
	to := v.R.PostFormValue("back")
	if !ofTheDesk(to) {
		to = "/desk/triage"
	}
	return back(v, to, "untranslated")
}
