package public

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// The pages of the form that are no part: choosing what it is, choosing the stage, checking.
const (
	pageWhat  = "/report/what"
	pageStage = "/report/stage"
	pageCheck = "/report/check"
	pageSaved = "/report/saved"
)

func pagePart(n int) string { return "/report/part/" + strconv.Itoa(n) }

const lastPart = 5

// draftCookie carries the code of a form that is being filled in; it ends with the browser's session (rule L4).
const draftCookie = "draft"

func (x *Public) setDraft(v *page.Visit, code id.Secret) {
	if x.In != nil {
		return
	}
	http.SetCookie(v.W, &http.Cookie{
		Name: draftCookie, Value: code.Reveal(), Path: "/report", HttpOnly: true, Secure: secure(v.R), SameSite: http.SameSiteLaxMode,
	})
}

func (x *Public) dropDraft(v *page.Visit) {
	if x.In != nil {
		return
	}
	http.SetCookie(v.W, &http.Cookie{Name: draftCookie, Path: "/report", MaxAge: -1, HttpOnly: true, Secure: secure(v.R), SameSite: http.SameSiteLaxMode})
}

// writing is a form that somebody fills in: its draft, the code that opens it, and what was told before.
type writing struct {
	code  id.Secret
	draft intake.Draft
	look  intake.StatusView // of the report, for a later stage
	form  *form             // what was posted; nil when it is read
	asked []asked
	own   *Own // who fills it in, signed in; nil on the site that everybody sees
}

// asked is a stage that the form hands in.
type asked struct {
	set   law.Set
	stage law.Stage
	class string
}

// begun gives the form whose code came with the visit; false when there is none.
func (x *Public) begun(v *page.Visit, f *form) (*writing, bool, error) {
	w := &writing{form: f}
	if x.In != nil {
		if err := x.own(v, w); err != nil {
			return w, false, err
		}
	} else if f != nil && id.Valid(f.get("code")) {
		w.code = id.SecretOf(f.get("code"))
	} else if c, err := v.R.Cookie(draftCookie); err == nil && id.Valid(c.Value) {
		w.code = id.SecretOf(c.Value)
	} else {
		return w, false, nil
	}
	var err error
	if w.draft, err = intake.OpenDraft(v.Ctx(), x.DB, v.Now, w.code); err != nil {
		if errs.Is(err, errs.NotFound) {
			err = nil
		}
		return w, false, err
	}
	return w, true, x.settle(v, w)
}

// settle finds what the draft hands in, and what its report knows already.
func (x *Public) settle(v *page.Visit, w *writing) error {
	w.asked = nil
	for _, f := range w.draft.Filings {
		set, err := x.Laws.Set(f.Set)
		if err != nil {
			continue
		}
		if stage, ok := set.Stage(f.Stage); ok {
			w.asked = append(w.asked, asked{set, stage, f.Class})
		}
	}
	if !w.draft.Next {
		return nil
	}
	var err error
	if w.look, err = intake.Look(v.Ctx(), x.DB, x.Clock, w.code); errs.Is(err, errs.NotFound) {
		err = nil // concluded meanwhile: sending says so
	}
	return err
}

// before is what the corrected submission said, and whether one is corrected.
func (w *writing) before() (law.Answers, bool) {
	for _, h := range w.look.Handed {
		if h.Number == w.draft.Corrects && w.draft.Corrects != 0 {
			return h.Answers, true
		}
	}
	return nil, false
}

// questions are those of one part, each once however many laws ask it, without what is known; a correction asks all of its stage.
func (x *Public) questions(w *writing, part int) []law.Field {
	known := law.Answers{}
	if w.draft.Next && w.draft.Corrects == 0 {
		known = w.look.Known()
	}
	var out []law.Field
	if w.draft.Completes != 0 {
		gap, _ := gapOf(w.look, w.draft.Completes)
		for _, code := range gap.Missing {
			if f, ok := x.Laws.Field(code); ok && f.Part == part {
				out = append(out, f)
			}
		}
		return out
	}
	for _, a := range w.asked {
		for _, f := range x.Laws.Rest(a.stage, known) {
			if f.Part == part && !slices.ContainsFunc(out, func(y law.Field) bool { return y.Code == f.Code }) {
				out = append(out, f)
			}
		}
	}
	if w.draft.Kind == vulnerability {
		out = append(out, vulnerabilityFields(part)...)
	}
	return slices.DeleteFunc(out, func(f law.Field) bool { return w.known(f.Code) })
}

// gapOf is what a submission left open.
func gapOf(look intake.StatusView, number int) (intake.GapView, bool) {
	i := slices.IndexFunc(look.Gaps, func(g intake.GapView) bool { return g.Number == number })
	if i < 0 {
		return intake.GapView{}, false
	}
	return look.Gaps[i], true
}

// parts are the numbers of those that ask something, in their order.
func (x *Public) parts(w *writing) []int {
	var out []int
	for n := 1; n <= lastPart; n++ {
		if n == lastPart || len(x.questions(w, n)) > 0 || len(extras(w, n)) > 0 {
			out = append(out, n)
		}
	}
	return out
}

// The questions that no law asks, and we do.
const (
	askBehalf   = "behalf"
	askAffected = "affected"
	askOngoing  = "ongoing"
	askPersonal = "personal"
	askFiles    = "files"
	askLabel    = "tlp"
)

// extras are those of a part: what was told with the first stage is not asked again.
func extras(w *writing, part int) []string {
	first := !w.draft.Next && w.draft.Kind == ""
	switch {
	case part == 1 && first && w.own != nil:
		return []string{askAffected}
	case part == 1 && first:
		return []string{askBehalf, askAffected}
	case part == 2 && first && !w.voluntary("threat", "near_miss"):
		return []string{askOngoing}
	case part == lastPart && first && !w.voluntary("threat", "near_miss"):
		return []string{askPersonal, askLabel, askFiles}
	case part == lastPart && !w.draft.Next:
		return []string{askLabel, askFiles}
	case part == lastPart:
		return []string{askFiles}
	}
	return nil
}

// voluntary tells whether it hands in one of these stages of a voluntary report.
func (w *writing) voluntary(stages ...string) bool {
	return slices.ContainsFunc(w.asked, func(a asked) bool { return a.set.Nature == law.Voluntary && slices.Contains(stages, a.stage.Code) })
}

func (w *writing) mandatory() bool {
	return slices.ContainsFunc(w.asked, func(a asked) bool { return a.set.Nature == law.Mandatory })
}

// after gives the page that follows one; before, the one in front of it.
func (x *Public) after(w *writing, path string) string {
	all := x.order(w)
	if i := slices.Index(all, path); i >= 0 && i+1 < len(all) {
		return all[i+1]
	}
	return all[0]
}

func (x *Public) ahead(w *writing, path string) string {
	all := x.order(w)
	switch i := slices.Index(all, path); {
	case i > 0:
		return all[i-1]
	case w.draft.Next:
		return "/r/report"
	}
	return "/report"
}

// order lists the pages of a form.
func (x *Public) order(w *writing) []string {
	var out []string
	if !w.draft.Next && w.draft.Kind == "" {
		out = append(out, pageWhat)
		if w.draft.Boxes["what"] == whatDuty {
			out = append(out, pageStage)
		}
	}
	for _, n := range x.parts(w) {
		out = append(out, pagePart(n))
	}
	return append(out, pageCheck)
}

// heading names what is being handed in: one stage by its name, several as one.
func (w *writing) heading(p *text.Printer) string {
	switch {
	case w.draft.Kind == vulnerability:
		return p.T("public.vulnerability.title")
	case len(w.asked) == 0:
		return p.T("public.report.title")
	}
	var names []string
	for _, a := range w.asked {
		if name := a.stage.Name.In(string(p.Lang())); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " · ")
}

// formPage is what stands around each page of the form.
func (x *Public) formPage(v *page.Visit, w *writing, title, back, action string) FormPage {
	view := FormPage{PublicView: x.frame(v, "report", title), Action: x.at(action), Title: title}
	view.Back = x.at(back)
	view.Until = v.P.Date(v.Now.Add(unsentFor))
	view.Later = true
	view.Sent = w.draft.Next
	if x.In != nil {
		view.In = x.In.frame(v, title)
		return view
	}
	view.Hidden = []page.Hid{{Name: "code", Value: w.code.Reveal()}}
	if !w.draft.SavedAt.IsZero() {
		view.Code = w.code.Reveal()
	}
	return view
}

// unsaved are the names of a form that are no answers.
var unsaved = []string{"code", "act", "lang", "website", "forget"}

// keep saves everything that was typed on a page, whether it can be taken or not, and notes in done that the page was answered.
func (x *Public) keep(v *page.Visit, w *writing, controls []string, change func(*intake.Draft)) error {
	typed := map[string]string{}
	for _, name := range controls {
		if !slices.Contains(unsaved, name) && (!w.form.cut || w.form.values.Has(name)) {
			typed[name] = strings.Join(w.form.values[name], "\n")
		}
	}
	draft, err := intake.SaveDraft(v.Ctx(), x.DB, v.Now, w.code, func(d *intake.Draft) error {
		maps.Copy(d.Boxes, typed)
		for name, s := range d.Boxes {
			if s == "" {
				delete(d.Boxes, name)
			}
		}
		if change != nil {
			change(d)
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.draft = draft
	x.setDraft(v, w.code)
	return x.settle(v, w)
}

// posted reads a page of the form that was sent, with the draft that it belongs to. False says that the answer was given: there is no such draft, or
// too many forms came.
func (x *Public) posted(v *page.Visit, withFiles bool) (*writing, bool, error) {
	var files taker
	asked, may, wait := false, true, time.Duration(0)
	if withFiles {
		files = x.keepFiles(intake.MaxUploadBytes, func(f *form) (id.Secret, bool, error) {
			w, ok, err := x.begun(v, f)
			if err != nil || !ok {
				return w.code, false, err
			}
			wait, may = x.known(v.R, w.code)
			asked = true
			return w.code, may, nil
		})
	}
	f, err := x.read(v, files)
	if err != nil {
		return nil, false, err
	}
	w, ok, err := x.begun(v, f)
	if err != nil || !ok {
		f.close()
		if err == nil {
			err = x.lost(v, w.code)
		}
		return nil, false, err
	}
	if !asked {
		wait, may = x.known(v.R, w.code)
	}
	if !may {
		f.close()
		return nil, false, x.tooMany(v, "public.limit.form", wait)
	}
	return w, true, nil
}

// lost leads a visitor whose form is not here any more to what became of it: sent a moment ago, or over its time.
func (x *Public) lost(v *page.Visit, code id.Secret) error {
	if x.In != nil {
		return x.to(v, "/report?gone=1")
	}
	if _, _, _, err := intake.Taken(v.Ctx(), x.DB, code); err == nil {
		setCode(v, code)
		return v.See("/r/received")
	}
	if look, err := intake.Look(v.Ctx(), x.DB, x.Clock, code); err == nil && look.Reference != "" {
		setCode(v, code)
		return v.See("/r/report")
	}
	return v.See("/report?gone=1")
}

// language shows a page again in another language; what was typed on it was kept before.
func (x *Public) language(v *page.Visit, f *form) bool {
	l := text.Lang(f.get("lang"))
	if !x.Text.Has(l) {
		return false
	}
	x.speak(v, l)
	return true
}
