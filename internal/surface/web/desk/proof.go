package desk

import (
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// proofRoutes are how organisations prove what is theirs, and what is to be done in the register.
func (d *Desk) proofRoutes() []page.Route {
	return []page.Route{
		{Pattern: "GET /desk/constituency/todo", Need: page.Needs(access.ReadRegistry), Serve: d.registerTodo},
		{Pattern: "GET /desk/proofs/{proof}", Need: page.Needs(access.ReadRegistry), Serve: d.proof},
		{Pattern: "POST /desk/proofs/{proof}", Need: page.Needs(access.WriteRegistry), Serve: d.judgeProof},
	}
}

// registerTodo lists what is to be done in the register.
func (d *Desk) registerTodo(v *page.Visit) error {
	p, kind := v.P, constituency.TaskKind(v.R.URL.Query().Get("kind"))
	if kind != "" && !slices.Contains(constituency.TaskKinds, kind) {
		return errs.ErrNotFound
	}
	list, more, err := d.Constituency.Todo(v.Ctx(), d.DB, v.By, kind)
	if err != nil {
		return err
	}
	view := ListView{
		DeskView: d.frame(v, "constituency", p.T("desk.todo.title")), Heading: p.T("desk.todo.title"), Note: p.T("desk.todo.note"),
		Empty: page.EmptyView{Icon: "check", Title: p.T("desk.todo.none"), Note: p.T("desk.todo.none.note")},
		Table: page.TableView{Caption: p.T("desk.todo.title"), Columns: []page.Column{{Text: p.T("desk.col.what")}, {Text: p.T("desk.col.organisation")}, {Text: p.T("desk.todo.about")}, {Text: p.T("desk.todo.since")}}},
	}
	for _, k := range constituency.TaskKinds {
		x := page.ChipView{Text: taskName(p, k), Kind: "outline", Href: "/desk/constituency/todo?" + url.Values{"kind": {string(k)}}.Encode()}
		if k == kind {
			x.Kind, x.Href = "on", "/desk/constituency/todo"
		}
		view.Filters = append(view.Filters, x)
		if more[k] {
			view.Note = p.T("desk.todo.more")
		}
	}
	for _, t := range list {
		var about templ.Component = page.Text(t.What)
		if t.Proof != "" {
			about = page.To(t.What, "/desk/proofs/"+t.Proof)
		}
		if t.Other != "" {
			about = link("/desk/constituency/"+t.Other, t.OtherName, t.What)
		}
		since := page.Text("")
		if !t.Since.IsZero() {
			since = page.Text(p.Date(t.Since))
		}
		view.Table.Rows = append(view.Table.Rows, []templ.Component{page.Text(taskName(p, t.Kind)), link("/desk/constituency/"+t.Organisation, t.Name, ""), about, since})
	}
	return v.Show(List(view))
}

func taskName(p *text.Printer, k constituency.TaskKind) string {
	switch k {
	case constituency.TaskJudge:
		return p.T("desk.todo.judge")
	case constituency.TaskConflict:
		return p.T("desk.todo.conflict")
	case constituency.TaskEnds:
		return p.T("desk.todo.ends")
	case constituency.TaskFailed:
		return p.T("desk.todo.failed")
	case constituency.TaskLapsed:
		return p.T("desk.todo.lapsed")
	}
	return p.T("desk.todo.stale")
}

func wayName(p *text.Printer, w constituency.Way) string {
	switch w {
	case constituency.ByDNS:
		return p.T("desk.way.dns")
	case constituency.ByFile:
		return p.T("desk.way.file")
	case constituency.ByMail:
		return p.T("desk.way.mail")
	case constituency.ByRegistry:
		return p.T("desk.way.registry")
	}
	return p.T("desk.way.hand")
}

func ownProofChip(p *text.Printer, x constituency.Proof) page.ChipView {
	switch x.State {
	case constituency.ProofWaiting:
		if x.Way == constituency.ByMail {
			return page.ChipView{Text: p.T("desk.proof.waiting_code"), Kind: "info", Icon: "hourglass"}
		}
		return page.ChipView{Text: p.T("desk.proof.waiting"), Kind: "info", Icon: "hourglass"}
	case constituency.ProofAsked:
		return page.ChipView{Text: p.T("desk.proof.asked"), Kind: "warn"}
	case constituency.ProofProved:
		return page.ChipView{Text: p.T("desk.asset.proved", "when", p.Date(x.DecidedAt)), Kind: "ok", Icon: "check"}
	case constituency.ProofRefused:
		return page.ChipView{Text: p.T("desk.proof.refused"), Kind: "high"}
	case constituency.ProofLapsed:
		return page.ChipView{Text: p.T("desk.proof.lapsed"), Kind: "warn"}
	case constituency.ProofWithdrawn:
		return page.ChipView{Text: p.T("desk.proof.withdrawn")}
	}
	return page.ChipView{Text: p.T("desk.proof.failed")}
}

// proofsOf puts how an organisation proves what is its own on its page, what is under way and what ended lately.
func (d *Desk) proofsOf(v *page.Visit, o constituency.Organisation, view *OrganisationView) error {
	list, err := d.Constituency.Proofs(v.Ctx(), d.DB, o.Ref.ID)
	for _, x := range list {
		view.Proofs = append(view.Proofs, ProofLine{Value: x.Value, Way: wayName(v.P, x.Way), Href: "/desk/proofs/" + x.UID, When: v.P.Date(x.MadeAt), State: ownProofChip(v.P, x)})
	}
	return err
}

func (d *Desk) proof(v *page.Visit) error {
	view, err := d.proofView(v, nil)
	if err != nil {
		return err
	}
	return v.Show(Proof(view))
}

func (d *Desk) proofView(v *page.Visit, wrong error) (ProofView, error) {
	p := v.P
	x, err := d.Constituency.Proof(v.Ctx(), d.DB, v.By, v.R.PathValue("proof"))
	if err != nil {
		return ProofView{}, err
	}
	all, err := d.Constituency.ByID(v.Ctx(), d.DB, x.Organisation)
	if err != nil {
		return ProofView{}, err
	}
	o := all[x.Organisation]
	who, err := d.Names(v.Ctx(), x.MadeBy, x.DecidedBy)
	if err != nil {
		return ProofView{}, err
	}
	view := ProofView{DeskView: d.frame(v, "constituency", x.Value), Value: x.Value, State: ownProofChip(p, x), Why: v.R.PostFormValue("why")}
	view.Problems, view.By = problems(p, wrong, nil)
	view.Wrong = wrong != nil
	fact := func(label string, value templ.Component) {
		view.Facts = append(view.Facts, page.Property{Label: label, Value: value})
	}
	fact(p.T("desk.col.organisation"), page.To(o.Name, "/desk/constituency/"+o.UID))
	fact(p.T("desk.asset.kind"), page.Text(named(p, "desk.asset.kind.", x.Kind)))
	fact(p.T("desk.proof.way"), page.Text(wayName(p, x.Way)))
	if x.Place != "" {
		fact(p.T("desk.proof.place"), page.Mono(x.Place))
	}
	if x.Token != "" {
		fact(p.T("desk.proof.line"), page.Mono(x.Line()))
	}
	fact(p.T("desk.proof.begun"), page.Text(strings.TrimSuffix(p.DateTime(x.MadeAt)+" · "+who[x.MadeBy], " · ")))
	if !x.LookedAt.IsZero() {
		fact(p.T("desk.proof.looked"), page.Text(p.DateTime(x.LookedAt)+" · "+p.T("desk.proof.said."+x.Said)))
	}
	if !x.LookAt.IsZero() {
		fact(p.T("desk.proof.look"), page.Text(p.DateTime(x.LookAt)))
	}
	if !x.DecidedAt.IsZero() {
		fact(p.T("desk.proof.decided"), page.Text(strings.TrimSuffix(p.DateTime(x.DecidedAt)+" · "+who[x.DecidedBy], " · ")))
	}
	if !x.Until.IsZero() {
		fact(p.T("desk.proof.until"), page.Text(p.DateTime(x.Until)))
	}
	if x.Why != "" {
		fact(p.T("desk.proof.why"), page.Text(x.Why))
	}
	if x.Way == constituency.ByRegistry {
		evidence, err := d.Constituency.Evidence(v.Ctx(), d.DB, v.By, x.UID)
		if err != nil {
			return view, err
		}
		view.Evidence, view.Compared = mail.FormText(evidence), comparedFacts(p, constituency.Compare(x, evidence, o.Name))
	}
	if x.State == constituency.ProofAsked && v.By.Can(access.WriteRegistry) {
		view.Judge = "/desk/proofs/" + x.UID
	}
	return view, nil
}

// comparedFacts say what a machine sees in the object of a registry.
func comparedFacts(p *text.Printer, c constituency.Compared) (out []page.Property) {
	say := func(label, value string) {
		if value != "" {
			out = append(out, page.Property{Label: label, Value: page.Text(mail.Visible(value))})
		}
	}
	if !c.Read {
		say(p.T("desk.proof.compared"), p.T("desk.proof.unread"))
		return out
	}
	yes := map[bool]string{true: p.T("desk.proof.yes"), false: p.T("desk.proof.no")}
	say(p.T("desk.proof.covers"), yes[c.Covers])
	say(p.T("desk.proof.same"), yes[c.Same])
	say(p.T("desk.proof.object"), strings.Join(c.About, ", "))
	say(p.T("desk.proof.names"), strings.Join(c.Names, ", "))
	say(p.T("desk.proof.maintainers"), strings.Join(c.Maintainers, ", "))
	return out
}

func (d *Desk) judgeProof(v *page.Visit) error {
	holds := v.R.PostFormValue("holds")
	if holds != "yes" && holds != "no" {
		return errFormNotRead
	}
	x, err := d.Constituency.JudgeProof(v.Ctx(), v.By, v.R.PathValue("proof"), holds == "yes", v.R.PostFormValue("why"))
	if err == nil {
		return back(v, "/desk/proofs/"+x.UID, "saved")
	}
	if len(errs.Fields(err)) == 0 {
		return err
	}
	view, again := d.proofView(v, err)
	if again != nil {
		return again
	}
	return v.ShowStatus(errs.Of(err).HTTP(), Proof(view))
}
