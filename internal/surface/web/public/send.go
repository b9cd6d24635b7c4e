package public

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
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

// reportPath is the address of a form; the kind "" is an incident.
func reportPath(kind string) string {
	if kind == "" {
		return "/report/short"
	}
	return "/" + kind
}

// form shows a report on one page. The code of its status link is drawn now and travels with the form, so that a form sent twice is one report.
func (x *Public) form(kind string) func(*page.Visit) error {
	return func(v *page.Visit) error {
		if other := reportKind(v.R.URL.Query().Get("kind")); kind == "" && other != "" {
			return v.See(reportPath(other))
		}
		return v.Show(Report(x.reportView(v, ReportValues{TLP: "AMBER"}, id.NewCode(), kind)))
	}
}

func (x *Public) reportView(v *page.Visit, values ReportValues, code id.Secret, kind string) ReportView {
	view := ReportView{PublicView: x.frame(v, "report", reportTitle(v.P, kind)), Kind: kind, Action: reportPath(kind), Values: values}
	view.Hidden = []page.Hid{{Name: "code", Value: code.Reveal()}}
	if kind == suspicious {
		if x.Suspicious != nil {
			view.Forward = x.Suspicious()
		}
	}
	return view
}

func valuesOf(f *form) ReportValues {
	return ReportValues{
		Summary: f.get("summary"), Description: f.get("description"), AwareDay: f.get("aware-day"), AwareMonth: f.get("aware-month"), AwareYear: f.get("aware-year"),
		AwareTime: f.get("aware-time"), Ongoing: f.get("ongoing"), Name: f.get("name"), Email: f.get("email"), Phone: f.get("phone"), Organisation: f.get("organisation"), TLP: f.get("tlp"),
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

// sent is one form on its way through send.
type sent struct {
	*form
	kind   string
	code   id.Secret
	values ReportValues
	kept   []page.FileView // with this try and earlier ones
}

// send takes a form. A change of language posts it too, and shows it again with everything that was typed.
func (x *Public) send(kind string) func(*page.Visit) error {
	return func(v *page.Visit) error {
		wait, ok := x.may(v.R)
		var files taker
		if ok {
			files = x.keepFiles(mostFiles(kind), byCode)
		}
		f, err := x.read(v, files)
		if err != nil {
			return err
		}
		defer f.close()
		s := sent{form: f, kind: kind, code: id.SecretOf(f.get("code")), values: valuesOf(f)}
		if kind == suspicious {
			s.values.TLP = "GREEN" // as the form says
		}
		if !id.Valid(s.code.Reveal()) {
			s.code = id.NewCode()
		}
		if !ok {
			view := x.reportView(v, s.values, s.code, kind)
			view.Refused = x.tooMany(v, "public.limit.form", wait).Text
			return v.ShowStatus(http.StatusTooManyRequests, Report(view))
		}
		if f.get("forget") != "" {
			if err := x.forgetFiles(v, s.code); err != nil {
				return err
			}
		}
		if s.kept, err = x.heldFiles(v, s.code); err != nil {
			return err
		}
		if l := text.Lang(f.get("lang")); x.Text.Has(l) {
			return x.inLanguage(v, l, s)
		}
		if f.get("website") != "" { // a program's answer; the answers stay, as a browser may have filled it in for a person
			return x.again(v, s, []page.Problem{{Field: "website", Text: v.P.T("public.wrong.trap")}}, http.StatusUnprocessableEntity)
		}
		drop, wrong, err := x.drop(v, s)
		if err != nil {
			return err
		}
		if len(wrong) > 0 {
			return x.again(v, s, wrong, http.StatusUnprocessableEntity)
		}
		return x.store(v, s, drop)
	}
}

func (x *Public) store(v *page.Visit, s sent, drop intake.Drop) error {
	key, err := intake.PublicDropKey(v.Ctx(), x.DB)
	if err != nil {
		return err
	}
	if _, err := intake.Store(v.Ctx(), x.DB, x.Clock, key, drop); err != nil {
		said := notNow(v, err)
		if said == "" {
			return err
		}
		view := x.reportView(v, s.values, s.code, s.kind)
		view.Refused, view.Kept = said, s.kept
		return v.ShowStatus(errs.Unavailable.HTTP(), Report(view))
	}
	if x.Wake != nil {
		x.Wake()
	}
	if s.kind == suspicious {
		return v.See("/suspicious/received")
	}
	setCode(v, s.code)
	to := url.Values{}
	if s.values.Email != "" {
		to.Set("mail", "1")
	}
	if len(to) == 0 {
		return v.See("/r/received")
	}
	return v.See("/r/received?" + to.Encode())
}

// suspiciousReceived is the receipt of what goes to the public lane. It looks nothing up.
func (x *Public) suspiciousReceived(v *page.Visit) error {
	unlisted(v)
	return v.Show(Suspicious(SuspiciousView{PublicView: x.frame(v, "report", v.P.T("public.suspicious.received"))}))
}

// notNow gives the sentence of a refusal that will pass, "" of any other.
func notNow(v *page.Visit, err error) string {
	if e := new(errs.Error); errors.As(err, &e) && e.Kind == errs.Unavailable && e.Key != "" {
		return page.Say(v.P, e)
	}
	return ""
}

// drop is what the house gets, and what is wrong with it in the order of the form.
func (x *Public) drop(v *page.Visit, s sent) (intake.Drop, []page.Problem, error) {
	values, kind := s.values, s.kind
	drop := intake.Drop{Code: s.code, Brought: s.came, Suspicious: kind == suspicious}
	var err error
	if drop.Files, err = intake.KeptFiles(v.Ctx(), x.DB, v.Now, s.code); err != nil {
		return drop, nil, err
	}
	summary := values.Summary
	if kind == suspicious && values.Description == "" && len(s.kept) > 0 {
		summary = v.P.T("public.suspicious.attached")
	}
	aware, wrong := x.aware(v.P, values, v.Now)
	drop.Input = intake.ReceiveInput{
		Channel: correspondence.ByForm, Lang: string(v.P.Lang()), TLP: values.TLP, AwareAt: aware,
		Body: intake.Body{
			Summary: summary, Description: values.Description, Name: values.Name, Email: values.Email, Phone: values.Phone,
			OrgText: values.Organisation, Ongoing: values.Ongoing, Kind: kindOf(kind),
		},
	}
	drop.Text = asAddition(v.P, values)
	switch values.Ongoing {
	case "yes", "contained", "no", "unknown":
	default:
		if kind == "" { // only an incident goes on
			wrong = append(wrong, page.Problem{Field: "ongoing-yes", Text: v.P.T("public.wrong.ongoing")})
		}
	}
	if said := x.wrongFiles(v, s.form, kind); said != "" {
		wrong = append(wrong, page.Problem{Field: "files", Text: said})
	}
	check := drop.Input
	check.Files = drop.Files
	err = intake.Validate(check, v.Now)
	for _, f := range errs.Fields(err) {
		said := page.ProblemOf(v.P, control(f.Name), f)
		if f.Key == "error.summary_or_description" && kind == suspicious { // whose form has no line for a summary
			said = page.Problem{Field: control("description"), Text: v.P.T("public.wrong.suspicious")}
		}
		wrong = append(wrong, said)
	}
	if err != nil && len(errs.Fields(err)) == 0 {
		return drop, nil, err
	}
	slices.SortStableFunc(wrong, func(a, b page.Problem) int { return place(a.Field) - place(b.Field) })
	return drop, wrong, nil
}

// mostFiles is how many bytes of files a form takes. What is suspicious is read as one mail, and is no larger than one.
func mostFiles(kind string) int64 {
	if kind == suspicious {
		return intake.MaxFileBytes
	}
	return intake.MaxUploadBytes
}

// asAddition is a whole form as text: what is filed when the same form comes again with other words.
func asAddition(p *text.Printer, v ReportValues) string {
	var b strings.Builder
	b.WriteString(p.T("public.again"))
	line := func(name, value string) {
		if value != "" {
			b.WriteString("\n\n" + p.T(name) + "\n" + value)
		}
	}
	line("public.report.summary", v.Summary)
	line("public.report.description", v.Description)
	line("public.report.aware", strings.TrimSpace(strings.Join([]string{v.AwareDay, v.AwareMonth, v.AwareYear, v.AwareTime}, " ")))
	switch v.Ongoing {
	case "yes", "contained", "no", "unknown":
		line("public.report.ongoing", p.T("public.report.ongoing."+v.Ongoing))
	}
	line("public.report.organisation", v.Organisation)
	line("public.report.name", v.Name)
	line("public.report.email", v.Email)
	line("public.report.phone", v.Phone)
	line("public.report.tlp", v.TLP)
	return b.String()
}

// again shows a form with what was typed. Browsers forget files; those that came are kept here, sealed with the form's code.
func (x *Public) again(v *page.Visit, s sent, wrong []page.Problem, status int) error {
	view := x.reportView(v, s.values, s.code, s.kind)
	view.Kept, view.Problems = s.kept, wrong
	return v.ShowStatus(status, Report(view))
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

// place orders problems as the form asks.
func place(field string) int {
	return slices.IndexFunc([]string{"summary", "description", "aware", "ongoing", "organisation", "name", "email", "phone", "tlp", "files"}, func(name string) bool {
		return strings.HasPrefix(field, name)
	})
}

// inLanguage shows the form in another language with the answers already given, and with its files.
func (x *Public) inLanguage(v *page.Visit, l text.Lang, s sent) error {
	x.speak(v, l)
	var wrong []page.Problem
	if said := x.wrongFiles(v, s.form, s.kind); said != "" {
		wrong = append(wrong, page.Problem{Field: "files", Text: said})
	}
	return x.again(v, s, wrong, http.StatusOK)
}

func (x *Public) speak(v *page.Visit, l text.Lang) {
	http.SetCookie(v.W, &http.Cookie{Name: "lang", Value: string(l), Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	v.P = x.Text.For(l).In(x.Zone)
}
