package public

import (
	"context"
	"net/http"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Inside lets the question pages stand in the portal (decision 0046): the same pages under another address, for who has signed in. A form belongs to the account and
// not to a code in somebody's hand, no code that comes with a request is read, and what is sent is a report of the account's organisation.
type Inside struct {
	Frame func(v *page.Visit, title string) page.PortalView
	Short string // address of the report on one page
	// Draft gives the code of the visitor's own form.
	Draft func(by access.Actor) (id.Secret, error)
	// Me gives what is known of the visitor.
	Me func(v *page.Visit) (Own, error)
	// Send files the form as a report, and gives the address of its page.
	Send func(ctx context.Context, by access.Actor, in intake.ReceiveInput) (string, error)
}

// insideAt is what stands before the addresses of the form in the portal.
const insideAt = "/portal"

// Own is who fills in a form, signed in.
type Own struct {
	Known law.Answers       // what is proved and not asked
	Boxes map[string]string // what a form begins with, by control: it can be changed
}

func (i *Inside) frame(v *page.Visit, title string) *page.PortalView {
	f := i.Frame(v, title)
	return &f
}

// InsideRoutes is the map of the form in the portal.
func (x *Public) InsideRoutes() []page.Route {
	own := page.Needs(access.FileReport)
	get := func(path string, serve func(*page.Visit) error) page.Route {
		return page.Route{Pattern: "GET " + insideAt + path, Need: own, Serve: serve}
	}
	post := func(path string, most int64, serve func(*page.Visit) error) page.Route {
		return page.Route{Pattern: "POST " + insideAt + path, Need: own, MaxBody: most, Serve: serve}
	}
	return []page.Route{
		get("/report", x.start), get("/report/what", x.what), post("/report/what", 0, x.chooseWhat),
		get("/report/stage", x.stage), post("/report/stage", 0, x.chooseStage),
		get("/report/part/{part}", x.part), post("/report/part/{part}", page.MaxForm, x.answerPart),
		get("/report/check", x.check), post("/report/check", 0, x.submit), get("/report/saved", x.saved),
		get("/report/significance", x.guides), get("/report/significance/{guide}", x.guide), post("/report/significance/{guide}", 0, x.judge),
		get("/report/uploads", x.uploads(x.ofDraft)), post("/report/uploads", 0, x.beginUpload(x.ofDraft)),
		get("/report/uploads/{upload}", x.upload(x.ofDraft)), post("/report/uploads/{upload}", intake.MaxPartBytes+1<<10, x.putPart(x.ofDraft)),
		post("/report/uploads/{upload}/remove", 0, x.removeUpload(x.ofDraft)),
	}
}

// at is the address of a page of the form where it stands.
func (x *Public) at(path string) string {
	if x.In == nil || path == "" {
		return path
	}
	return insideAt + path
}

func (x *Public) to(v *page.Visit, path string) error { return v.See(x.at(path)) }

// own says whose form it is.
func (x *Public) own(v *page.Visit, w *writing) error {
	code, err := x.In.Draft(v.By)
	if err != nil {
		return err
	}
	me, err := x.In.Me(v)
	w.code, w.own = code, &me
	return err
}

// ownDraft is the code of a form that the visitor began.
func (x *Public) ownDraft(v *page.Visit) (id.Secret, error) {
	code, err := x.In.Draft(v.By)
	if err == nil {
		_, err = intake.OpenDraft(v.Ctx(), x.DB, v.Now, code)
	}
	return code, err
}

// known tells whether a question is not asked because its answer is proved.
func (w *writing) known(field string) bool {
	if w.own == nil {
		return false
	}
	_, ok := w.own.Known[field]
	return ok
}

// ownFields are the questions that are not asked for that.
func (x *Public) ownFields(w *writing) []law.Field {
	var out []law.Field
	for _, a := range w.asked {
		for _, f := range x.Laws.Asked(a.stage) {
			if w.known(f.Code) && !slices.ContainsFunc(out, func(o law.Field) bool { return o.Code == f.Code }) {
				out = append(out, f)
			}
		}
	}
	return out
}

// begin fills a form that begins with what is known of who fills it in.
func (o *Own) begin(d *intake.Draft) {
	if o == nil || !d.SavedAt.IsZero() {
		return
	}
	for name, s := range o.Boxes {
		d.Boxes[name] = s
	}
}

// sendOwn files a form as a report of the organisation. Pressed twice it is one: the second finds no form any more.
func (x *Public) sendOwn(v *page.Visit, w *writing, drop intake.Drop) error {
	in := drop.Input
	in.Files = nil // the house takes those that are kept
	if org, ok := w.own.Known["entity"]; ok {
		in.Body.OrgText = org
	}
	in.Original = intake.Canonical(in)
	to, err := x.In.Send(v.Ctx(), v.By, in)
	if fields := errs.Fields(err); len(fields) > 0 {
		var all []page.Problem
		for _, f := range fields {
			all = append(all, page.ProblemOf(v.P, "check", f))
		}
		return x.showCheck(v, w, all, "", http.StatusUnprocessableEntity)
	}
	if errs.Is(err, errs.Conflict) {
		return x.lost(v, w.code)
	}
	if err != nil {
		return err
	}
	return v.See(to)
}
