package public

import (
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// form is the report on one page. The code of its status link is drawn now and travels with the form, so that a form sent twice is one report.
func (x *Public) form(v *page.Visit) error {
	code := id.NewCode()
	view := x.reportView(v, ReportValues{TLP: "AMBER"}, code.Reveal(), reportKind(v.R.URL.Query().Get("kind")))
	return v.Show(Report(view))
}

func (x *Public) reportView(v *page.Visit, values ReportValues, code, kind string) ReportView {
	view := ReportView{PublicView: x.frame(v, "report", reportTitle(v.P, kind)), Kind: kind, Action: "/report", Values: values}
	view.Hidden = []page.Hid{{Name: "code", Value: code}}
	if kind != "" {
		view.Hidden = append(view.Hidden, page.Hid{Name: "kind", Value: kind})
	}
	return view
}

func valuesOf(r *http.Request) ReportValues {
	f := func(name string) string { return strings.TrimSpace(r.FormValue(name)) }
	return ReportValues{
		Summary: f("summary"), Description: f("description"), AwareDay: f("aware-day"), AwareMonth: f("aware-month"), AwareYear: f("aware-year"), AwareTime: f("aware-time"),
		Ongoing: f("ongoing"), Name: f("name"), Email: f("email"), Phone: f("phone"), Organisation: f("organisation"), TLP: f("tlp"),
	}
}

// aware reads the four boxes; all empty is "not known", and says so with ok true.
func (x *Public) aware(p *text.Printer, v ReportValues, now time.Time) (time.Time, []page.Problem) {
	if v.AwareDay == "" && v.AwareMonth == "" && v.AwareYear == "" && v.AwareTime == "" {
		return time.Time{}, nil
	}
	var wrong []page.Problem
	number := func(box, s string, least, most int) int {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			wrong = append(wrong, page.Problem{Field: "aware-" + box, Text: p.T("public.wrong." + box)})
		}
		return n
	}
	day, month, year := number("day", v.AwareDay, 1, 31), number("month", v.AwareMonth, 1, 12), number("year", v.AwareYear, 2000, 2100)
	clock, err := time.Parse("15:04", strings.ReplaceAll(v.AwareTime, ".", ":"))
	if err != nil {
		wrong = append(wrong, page.Problem{Field: "aware-time", Text: p.T("public.wrong.time")})
	}
	if len(wrong) > 0 {
		return time.Time{}, wrong
	}
	t := time.Date(year, time.Month(month), day, clock.Hour(), clock.Minute(), 0, 0, x.Zone)
	if t.Day() != day {
		return t, []page.Problem{{Field: "aware-day", Text: p.T("public.wrong.day")}}
	}
	if t.After(now.Add(5 * time.Minute)) {
		return t, []page.Problem{{Field: "aware-day", Text: p.T("public.wrong.future")}}
	}
	return t.UTC(), nil
}

// send takes the form. A change of language posts it too, and shows it again with everything that was typed.
func (x *Public) send(v *page.Visit) error {
	if err := v.R.ParseMultipartForm(4 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return &errs.Error{Kind: errs.Limit, Key: "error.upload_limit", Text: "the files are larger than 25 MiB together"}
		}
		return errs.New(errs.Invalid, "the form could not be read: send it again")
	}
	if v.R.MultipartForm != nil {
		defer func() { _ = v.R.MultipartForm.RemoveAll() }()
	}
	values, code, kind := valuesOf(v.R), v.R.FormValue("code"), reportKind(v.R.FormValue("kind"))
	if kind == suspicious {
		values.TLP = "GREEN" // as the form says
	}
	if !id.Valid(code) {
		code = id.NewCode().Reveal()
	}
	if l := text.Lang(v.R.PostFormValue("lang")); l != "" {
		return x.inLanguage(v, l, values, code, kind)
	}
	files, done, err := filesOf(v.R)
	if err != nil {
		return err
	}
	defer done()
	summary := values.Summary
	if kind == suspicious && values.Description == "" && len(files) > 0 {
		summary = v.P.T("public.suspicious.attached")
	}
	aware, wrong := x.aware(v.P, values, v.Now)
	secret := id.SecretOf(code)
	hash, public := intake.CodeHalves(secret)
	drop := intake.Drop{CodeHash: hash, CodeKey: public, Input: intake.ReceiveInput{
		Channel: correspondence.ByForm, Lang: string(v.P.Lang()), TLP: values.TLP, AwareAt: aware,
		Body: intake.Body{
			Summary: summary, Description: values.Description, Name: values.Name, Email: values.Email, Phone: values.Phone,
			OrgText: values.Organisation, Ongoing: values.Ongoing, Kind: kindOf(kind),
		},
	}}
	if kind == "" && values.Ongoing == "" { // only an incident goes on
		wrong = append(wrong, page.Problem{Field: "ongoing-yes", Text: v.P.T("public.wrong.ongoing")})
	}
	drop.Files = files
	check := drop.Input
	check.CodeHash, check.CodeKey, check.Files = hash, public, files
	err = intake.Validate(check, v.Now)
	for _, f := range errs.Fields(err) {
		said := page.Problem{Field: control(f.Name), Text: page.SayField(v.P, f)}
		if kind == suspicious && f.Key == "error.summary_or_description" { // this form has one field for both
			if said.Text = v.P.T("public.wrong.suspicious"); said.Field == "summary" {
				continue
			}
		}
		wrong = append(wrong, said)
	}
	if err != nil && len(errs.Fields(err)) == 0 {
		return err
	}
	if len(wrong) > 0 {
		view := x.reportView(v, values, code, kind)
		view.Problems = wrong
		return v.ShowStatus(http.StatusUnprocessableEntity, Report(view))
	}
	key, err := intake.PublicDropKey(v.Ctx(), x.DB)
	if err != nil {
		return err
	}
	reference, err := intake.Store(v.Ctx(), x.DB, x.Clock, key, drop)
	if errs.Is(err, errs.Conflict) { // the same form came before: it is received once
		setCode(v, secret)
		return v.See("/r/report")
	}
	if err != nil {
		return err
	}
	if x.Wake != nil {
		x.Wake()
	}
	setCode(v, secret)
	return v.See("/r/received?ref=" + reference)
}

func kindOf(s string) string {
	switch s {
	case suspicious:
		return "threat"
	case vulnerability:
		return "vulnerability"
	}
	return ""
}

// control gives the id of the control of a field.
func control(field string) string {
	switch field {
	case "aware_at":
		return "aware-day"
	case "tlp":
		return "tlp-RED"
	case "attachments":
		return "files"
	case "reporter.email":
		return "email"
	}
	return strings.TrimPrefix(field, "reporter.")
}

func filesOf(r *http.Request) (files []correspondence.FileIn, done func(), err error) {
	var open []multipart.File
	done = func() {
		for _, f := range open {
			_ = f.Close()
		}
	}
	if r.MultipartForm == nil {
		return nil, done, nil
	}
	var total int64
	for _, h := range r.MultipartForm.File["files"] {
		if h.Size == 0 && h.Filename == "" {
			continue
		}
		if total += h.Size; total > maxFiles {
			return nil, done, &errs.Error{Kind: errs.Limit, Key: "error.upload_limit", Text: "the files are larger than 25 MiB together"}
		}
		f, err := h.Open()
		if err != nil {
			return nil, done, fmt.Errorf("open upload: %w", err)
		}
		open = append(open, f)
		files = append(files, correspondence.FileIn{Name: h.Filename, Type: h.Header.Get("Content-Type"), Content: f})
	}
	return files, done, nil
}

// inLanguage shows the form in another language with the answers already given. Chosen files cannot be kept: browsers forget them.
func (x *Public) inLanguage(v *page.Visit, l text.Lang, values ReportValues, code, kind string) error {
	http.SetCookie(v.W, &http.Cookie{Name: "lang", Value: string(l), Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	v.P = x.Text.For(l).In(x.Zone)
	return v.Show(Report(x.reportView(v, values, code, kind)))
}
