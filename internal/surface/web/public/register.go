package public

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// An entity registers itself here without an account. What is typed is a draft sealed to the code of the form, as with reports; what is sent goes sealed
// into the box, and this process never reads it again: the page of the registration shows what the house sealed to the code.

const (
	registerAt    = "/register"
	registerScope = "/register/scope"
	registerCheck = "/register/check"
	registerSaved = "/register/saved"
	registeredAt  = "/r/registration"
)

func registerPart(n int) string { return "/register/part/" + strconv.Itoa(n) }

// enrolCookie carries the code of a registration that is being filled in; it ends with the browser's session.
const enrolCookie = "registration"

func (x *Public) registerRoutes() []page.Route {
	return []page.Route{
		{Pattern: "GET /register", Need: page.Open, Serve: x.registerStart},
		{Pattern: "POST /register", Need: page.Open, Serve: x.beginRegister},
		{Pattern: "GET /register/part/{part}", Need: page.Open, Serve: x.registerPart},
		{Pattern: "POST /register/part/{part}", Need: page.Open, MaxBody: page.MaxForm, Serve: x.answerRegister},
		{Pattern: "GET /register/scope", Need: page.Open, Serve: x.registerScope},
		{Pattern: "GET /register/check", Need: page.Open, Serve: x.registerCheck},
		{Pattern: "POST /register/check", Need: page.Open, Serve: x.submitRegister},
		{Pattern: "GET /register/saved", Need: page.Open, Serve: x.registerSaved},
		{Pattern: "GET /r/registration", Need: page.Open, Serve: x.registered},
		{Pattern: "POST /r/registration", Need: page.Open, Serve: x.answerRegistered},
	}
}

func setEnrol(v *page.Visit, code id.Secret) {
	http.SetCookie(v.W, &http.Cookie{Name: enrolCookie, Value: code.Reveal(), Path: registerAt, HttpOnly: true, Secure: secure(v.R), SameSite: http.SameSiteLaxMode})
}

func dropEnrol(v *page.Visit) {
	http.SetCookie(v.W, &http.Cookie{Name: enrolCookie, Path: registerAt, MaxAge: -1, HttpOnly: true, Secure: secure(v.R), SameSite: http.SameSiteLaxMode})
}

// enrolling is a registration that somebody fills in.
type enrolling struct {
	code  id.Secret
	draft intake.Draft
	form  *form
}

func (w *enrolling) typed() registration.Boxes { return registration.Boxes(w.draft.Boxes) }

// parts are the numbers of those that ask something.
func (x *Public) enrolParts(w *enrolling) []int {
	var out []int
	for n := 1; n <= registration.Parts; n++ {
		if len(registration.Ask(x.Annexes, w.typed(), n)) > 0 {
			out = append(out, n)
		}
	}
	return out
}

// enrolOrder lists the pages of a registration; what it came to stands between its first and its second half.
func (x *Public) enrolOrder(w *enrolling) []string {
	var out []string
	for _, n := range x.enrolParts(w) {
		if out = append(out, registerPart(n)); n == registration.PartSize {
			out = append(out, registerScope)
		}
	}
	return append(out, registerCheck)
}

func beside(all []string, path string, by int) string {
	if i := slices.Index(all, path) + by; i >= 0 && i < len(all) && slices.Contains(all, path) {
		return all[i]
	}
	return registerAt
}

// enrolResume is the first page that was not answered.
func (x *Public) enrolResume(w *enrolling) string {
	for _, n := range x.enrolParts(w) {
		if !slices.Contains(w.draft.Done, n) {
			return registerPart(n)
		}
	}
	return registerCheck
}

// enrolled gives the registration whose code came with the visit; false when the visitor was sent elsewhere.
func (x *Public) enrolled(v *page.Visit, f *form) (*enrolling, bool, error) {
	w := &enrolling{form: f}
	if f != nil && id.Valid(f.get("code")) {
		w.code = id.SecretOf(f.get("code"))
	} else if c, err := v.R.Cookie(enrolCookie); err == nil && id.Valid(c.Value) {
		w.code = id.SecretOf(c.Value)
	} else {
		return w, false, v.See(registerAt)
	}
	var err error
	w.draft, err = intake.OpenDraft(v.Ctx(), x.DB, v.Now, w.code)
	if err == nil && w.draft.Kind == intake.RegistrationDraft {
		return w, true, nil
	}
	if err != nil && !errs.Is(err, errs.NotFound) {
		return w, false, err
	}
	if _, _, _, err := intake.Taken(v.Ctx(), x.DB, w.code); err == nil { // sent a moment ago
		setCode(v, w.code)
		return w, false, v.See(registeredAt)
	}
	if v.R.URL.Path == registerPart(registration.PartSector) { // begun, and nothing typed yet
		w.draft = intake.Draft{Kind: intake.RegistrationDraft, Boxes: map[string]string{}}
		return w, true, nil
	}
	return w, false, v.See(registerAt + "?gone=1")
}

// enrolPosted is enrolled for a page that was sent.
func (x *Public) enrolPosted(v *page.Visit, withFiles bool) (*enrolling, bool, error) {
	var files taker
	if withFiles {
		files = holdFiles(intake.MaxRegistrationFiles)
	}
	f, err := x.read(v, files)
	if err != nil {
		return nil, false, err
	}
	w, ok, err := x.enrolled(v, f)
	if err != nil || !ok {
		f.close()
		return nil, false, err
	}
	if wait, ok := x.known(v.R, w.code); !ok {
		f.close()
		return nil, false, x.tooMany(v, "public.limit.form", wait)
	}
	return w, true, nil
}

// keepEnrol saves what was typed on a page, whether it can be taken or not.
func (x *Public) keepEnrol(v *page.Visit, w *enrolling, part int) error {
	typed, words := map[string]string{}, ""
	for _, q := range registration.Ask(x.Annexes, w.typed(), part) {
		typed[q.Code] = strings.ReplaceAll(strings.Join(w.form.values[q.Code], "\n"), "\r\n", "\n")
		words += typed[q.Code]
	}
	if w.draft.SavedAt.IsZero() && strings.TrimSpace(words) == "" { // a program that presses buttons begins nothing
		w.draft.Kind, w.draft.Boxes = intake.RegistrationDraft, typed
		return nil
	}
	draft, err := intake.SaveDraft(v.Ctx(), x.DB, v.Now, w.code, func(d *intake.Draft) error {
		d.Kind = intake.RegistrationDraft
		if part == registration.PartSector && d.Boxes["sector"] != typed["sector"] {
			delete(d.Boxes, "kind") // of another sector
			d.Done = slices.DeleteFunc(d.Done, func(n int) bool { return n == registration.PartKind })
		}
		maps.Copy(d.Boxes, typed)
		return nil
	})
	w.draft = draft
	return err
}

func (x *Public) enrolPage(v *page.Visit, w *enrolling, title, back, action string) FormPage {
	view := FormPage{PublicView: x.frame(v, "register", title), Action: action, Title: title, Later: true}
	view.Back, view.Until = back, v.P.Date(v.Now.Add(unsentFor))
	view.Hidden = []page.Hid{{Name: "code", Value: w.code.Reveal()}}
	if !w.draft.SavedAt.IsZero() {
		view.Code = w.code.Reveal()
	}
	return view
}

func (x *Public) registerStart(v *page.Visit) error {
	return x.showRegister(v, nil, "", http.StatusOK)
}

func (x *Public) showRegister(v *page.Visit, wrong []page.Problem, refused string, status int) error {
	w := &enrolling{code: id.NewCode()}
	view := RegisterStartView{
		FormPage: x.enrolPage(v, w, v.P.T("public.enrol.title"), "", registerAt), Days: int(unsentFor.Hours() / 24), Gone: v.R.URL.Query().Get("gone") == "1",
	}
	view.Later, view.Problems, view.Refused = false, wrong, refused
	if c, err := v.R.Cookie(enrolCookie); err == nil && id.Valid(c.Value) {
		w.code = id.SecretOf(c.Value)
		if w.draft, err = intake.OpenDraft(v.Ctx(), x.DB, v.Now, w.code); err == nil && w.draft.Kind == intake.RegistrationDraft {
			view.Resume = x.enrolResume(w)
		}
	}
	return v.ShowStatus(status, RegisterStart(view))
}

// beginRegister begins a registration. What was begun under the code of the page goes on.
func (x *Public) beginRegister(v *page.Visit) error {
	f, err := x.read(v, nil)
	if err != nil {
		return err
	}
	defer f.close()
	switch {
	case x.language(v, f):
		return x.showRegister(v, nil, "", http.StatusOK)
	case f.get("website") != "":
		return x.showRegister(v, []page.Problem{{Field: "website", Text: v.P.T("public.wrong.trap")}}, "", http.StatusUnprocessableEntity)
	}
	if wait, ok := x.may(v.R); !ok {
		return x.showRegister(v, nil, x.tooMany(v, "public.limit.form", wait).Text, http.StatusTooManyRequests)
	}
	w := &enrolling{code: id.SecretOf(f.get("code")), form: f}
	if !id.Valid(w.code.Reveal()) {
		w.code = id.NewCode()
	}
	err = x.keepEnrol(v, w, 0)
	if said := notNow(v, err); said != "" {
		return x.showRegister(v, nil, said, errs.Unavailable.HTTP())
	}
	if err != nil {
		return err
	}
	setEnrol(v, w.code)
	return v.See(x.enrolResume(w))
}

func (x *Public) enrolPart(v *page.Visit, w *enrolling) (int, error) {
	n, err := strconv.Atoi(v.R.PathValue("part"))
	if err != nil || !slices.Contains(x.enrolParts(w), n) {
		return 0, errs.ErrNotFound
	}
	return n, nil
}

func (x *Public) registerPart(v *page.Visit) error {
	w, ok, err := x.enrolled(v, nil)
	if err != nil || !ok {
		return err
	}
	n, err := x.enrolPart(v, w)
	if err != nil {
		return err
	}
	return x.showRegisterPart(v, w, n, nil, nil, http.StatusOK)
}

func (x *Public) showRegisterPart(v *page.Visit, w *enrolling, n int, wrong error, more []page.Problem, status int) error {
	parts := x.enrolParts(w)
	title := v.P.T("common.enrol.part." + strconv.Itoa(n))
	path := registerPart(n)
	view := RegisterPartView{
		FormPage: x.enrolPage(v, w, title, beside(x.enrolOrder(w), path, -1), path+toCheck(v)), PartOf: PartOf{v.P.T("public.enrol.title"), slices.Index(parts, n) + 1, len(parts)},
		Questions: page.NewEnrol(v.P, x.Annexes, w.typed(), n, wrong), Files: n == registration.PartAuthority,
	}
	view.Problems = append(page.EnrolProblems(v.P, x.Annexes, w.typed(), wrong, nil), more...)
	if view.Files {
		var err error
		if view.Kept, err = x.enrolFiles(v, w.code); err != nil {
			return err
		}
	}
	return v.ShowStatus(status, RegisterPart(view))
}

// toCheck keeps that a page was opened from the check: it leads back there.
func toCheck(v *page.Visit) string {
	if v.R.URL.Query().Get("to") == "check" {
		return "?to=check"
	}
	return ""
}

func (x *Public) enrolFiles(v *page.Visit, code id.Secret) ([]page.FileView, error) {
	kept, err := intake.KeptFiles(v.Ctx(), x.DB, v.Now, code)
	each, _ := sizes(kept)
	var out []page.FileView
	for i, f := range kept {
		out = append(out, page.FileView{Name: f.Name, Size: each[i]})
	}
	return out, err
}

// answerRegister takes a page of the form.
func (x *Public) answerRegister(v *page.Visit) error {
	w, ok, err := x.enrolPosted(v, v.R.PathValue("part") == strconv.Itoa(registration.PartAuthority))
	if err != nil || !ok {
		return err
	}
	defer w.form.close()
	n, err := x.enrolPart(v, w)
	if err != nil {
		return err
	}
	if err := x.keepEnrol(v, w, n); err != nil {
		return err
	}
	setEnrol(v, w.code)
	var more []page.Problem
	if n == registration.PartAuthority {
		if more, err = x.keepProofs(v, w); err != nil {
			return err
		}
	}
	_, wrong := registration.Read(x.Annexes, w.typed(), n)
	switch {
	case x.language(v, w.form):
		return x.showRegisterPart(v, w, n, nil, nil, http.StatusOK)
	case w.form.get("act") == "later":
		return v.See(registerSaved)
	case wrong != nil || len(more) > 0:
		return x.showRegisterPart(v, w, n, wrong, more, http.StatusUnprocessableEntity)
	}
	if w.draft, err = intake.SaveDraft(v.Ctx(), x.DB, v.Now, w.code, func(d *intake.Draft) error {
		if !slices.Contains(d.Done, n) {
			d.Done = append(d.Done, n)
		}
		return nil
	}); err != nil {
		return err
	}
	if toCheck(v) != "" && x.enrolResume(w) == registerCheck {
		return v.See(registerCheck)
	}
	return v.See(beside(x.enrolOrder(w), registerPart(n), 1))
}

// keepProofs keeps the files of a page, sealed to the code, and tells what is wrong with them.
func (x *Public) keepProofs(v *page.Visit, w *enrolling) ([]page.Problem, error) {
	if w.form.get("forget") != "" {
		if err := intake.ForgetFiles(v.Ctx(), x.DB, w.code); err != nil {
			return nil, err
		}
	}
	kept, err := intake.KeptFiles(v.Ctx(), x.DB, v.Now, w.code)
	if err != nil {
		return nil, err
	}
	_, total := sizes(append(kept, w.form.files...))
	switch {
	case w.form.left.busy:
		return []page.Problem{{Field: "files", Text: v.P.T("public.wrong.files_busy", "phone", orDash(x.Site.Phone))}}, nil
	case w.form.left.any() || total > intake.MaxRegistrationFiles:
		return []page.Problem{{Field: "files", Text: v.P.T("public.wrong.files_large", "most", intake.MaxRegistrationFiles>>20)}}, nil
	}
	err = intake.KeepFiles(v.Ctx(), x.DB, v.Now, w.code, w.form.files)
	if errs.Is(err, errs.Limit) || errs.Is(err, errs.Invalid) {
		return []page.Problem{{Field: "files", Text: v.P.T("public.wrong.files_again")}}, nil
	}
	if err == nil && w.typed()["statement"] == "" && len(kept)+len(w.form.files) == 0 {
		return []page.Problem{{Field: "statement", Text: v.P.T("error.registration.authority")}}, nil
	}
	return nil, err
}

// registerScope shows what the self-assessment came to.
func (x *Public) registerScope(v *page.Visit) error {
	w, ok, err := x.enrolled(v, nil)
	if err != nil || !ok {
		return err
	}
	if !slices.Contains(w.draft.Done, registration.PartSize) {
		return v.See(x.enrolResume(w))
	}
	said, _ := registration.Read(x.Annexes, w.typed(), 0)
	order := x.enrolOrder(w)
	view := RegisterScopeView{FormPage: x.enrolPage(v, w, v.P.T("public.enrol.scope"), beside(order, registerScope, -1), registerScope), Verdict: page.NewVerdict(v.P, x.Annexes, said), Next: beside(order, registerScope, 1)}
	return v.Show(RegisterScope(view))
}

func (x *Public) registerCheck(v *page.Visit) error {
	w, ok, err := x.enrolled(v, nil)
	if err != nil || !ok {
		return err
	}
	return x.showRegisterCheck(v, w, nil, "", http.StatusOK)
}

func (x *Public) showRegisterCheck(v *page.Visit, w *enrolling, wrong []page.Problem, refused string, status int) error {
	said, _ := registration.Read(x.Annexes, w.typed(), 0)
	view := RegisterCheckView{
		FormPage: x.enrolPage(v, w, v.P.T("public.check.title", "what", v.P.T("public.enrol.what")), beside(x.enrolOrder(w), registerCheck, -1), registerCheck), Verdict: page.NewVerdict(v.P, x.Annexes, said),
	}
	view.Problems, view.Refused = wrong, refused
	for _, n := range x.enrolParts(w) {
		view.Cards = append(view.Cards, page.EnrolSummary(v.P, x.Annexes, w.typed(), n, registerPart(n)+"?to=check"))
	}
	files, err := x.enrolFiles(v, w.code)
	if err != nil {
		return err
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name+" ("+v.P.Bytes(f.Size)+")")
	}
	last := &view.Cards[len(view.Cards)-1]
	last.Rows = append(last.Rows, page.Answer{Question: v.P.T("common.enrol.files"), Value: strings.Join(names, "\n"), Change: registerPart(registration.PartAuthority) + "?to=check"})
	return v.ShowStatus(status, RegisterCheck(view))
}

// submitRegister sends the registration: from then on it is ours to check.
func (x *Public) submitRegister(v *page.Visit) error {
	w, ok, err := x.enrolPosted(v, false)
	if err != nil || !ok {
		return err
	}
	defer w.form.close()
	switch {
	case x.language(v, w.form):
		return x.showRegisterCheck(v, w, nil, "", http.StatusOK)
	case w.form.get("act") == "later":
		return v.See(registerSaved)
	}
	kept, err := intake.KeptFiles(v.Ctx(), x.DB, v.Now, w.code)
	if err != nil {
		return err
	}
	said, wrong := registration.Read(x.Annexes, w.typed(), 0)
	problems := page.EnrolProblems(v.P, x.Annexes, w.typed(), wrong, func(n int) string { return registerPart(n) + "?to=check" })
	if wrong == nil && said.Statement == "" && len(kept) == 0 {
		problems = append(problems, page.Problem{At: registerPart(registration.PartAuthority) + "?to=check#statement", Text: v.P.T("error.registration.authority")})
	}
	if len(problems) > 0 {
		return x.showRegisterCheck(v, w, problems, "", http.StatusUnprocessableEntity)
	}
	key, err := intake.PublicDropKey(v.Ctx(), x.DB)
	if err != nil {
		return err
	}
	_, err = intake.StoreRegistration(v.Ctx(), x.DB, x.Clock, key, w.code, string(v.P.Lang()), said)
	if said := notNow(v, err); said != "" {
		return x.showRegisterCheck(v, w, nil, said, errs.Unavailable.HTTP())
	}
	if err != nil {
		return err
	}
	if x.Wake != nil {
		x.Wake()
	}
	dropEnrol(v)
	setCode(v, w.code)
	return v.See(registeredAt + "?done=sent")
}

func (x *Public) registerSaved(v *page.Visit) error {
	w, ok, err := x.enrolled(v, nil)
	if err != nil || !ok {
		return err
	}
	unlisted(v)
	return v.Show(RegisterSaved(x.enrolPage(v, w, v.P.T("public.saved.title"), "", x.enrolResume(w))))
}
