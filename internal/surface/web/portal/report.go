package portal

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func tlpSentence(p *text.Printer, level string) string {
	return p.T("common.tlp." + strings.ToLower(strings.ReplaceAll(level, "+", "_")))
}

func tlpID(level string) string { return "tlp-" + strings.ReplaceAll(level, "+", "-") }

// standing is what the reporter reads of a report. It is never concluded while the reporter still owes a stage.
func standing(r intake.Report, clocks []deadline.Clock) string {
	if state := r.Outward(); state != intake.StatusConcluded || owed(clocks) == nil {
		return state
	}
	return intake.StatusHandling
}

func standingChip(v *page.Visit, state string) page.ChipView {
	c := page.ChipView{Text: v.P.T("portal.report.state." + state), Kind: "info"}
	switch state {
	case intake.StatusConcluded:
		c.Kind, c.Icon = "ok", "check"
	case intake.StatusPassedOn, intake.StatusReceived:
		c.Kind = ""
	}
	return c
}

func reportTitle(v *page.Visit, r intake.Report) string {
	for _, s := range []string{r.Body.Summary, firstLine(r.Body.Description, 100)} {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return v.P.T("portal.report.untitled")
}

func (d Deps) reportItem(v *page.Visit, r intake.Report, clocks []deadline.Clock) Item {
	item := Item{Icon: "siren", Title: reportTitle(v, r), Ref: r.Reference, Href: "/portal/reports/" + r.UID, When: r.ReceivedAt}
	item.Chips = []page.ChipView{standingChip(v, standing(r, clocks))}
	if c := owed(clocks); c != nil {
		item.Clock, item.Second = clockView(v.Now, c.StartedAt, c.DueAt), d.stageName(v, *c)
	}
	return item
}

// stageName says what a clock asks: in the words of its rule set where it has one.
func (d Deps) stageName(v *page.Visit, c deadline.Clock) string {
	if name, ok := d.Intake.StageName(c.RuleSet, c.Kind, string(v.P.Lang())); ok {
		if c.Open() && c.OwedBy == deadline.Them {
			return v.P.T("portal.stage.owes", "stage", name)
		}
		return name
	}
	if c.Kind == intake.FirstAnswer {
		return v.P.T("portal.stage.first_answer")
	}
	return v.P.T("portal.stage.other")
}

func (d Deps) reports(v *page.Visit) error {
	list, err := d.Intake.List(v.Ctx(), v.By, intake.QueueFilter{Limit: 50, After: v.R.URL.Query().Get("after")})
	if err != nil {
		return err
	}
	clocks, err := d.clocks(v, list.Items)
	if err != nil {
		return err
	}
	view := ListView{PortalView: d.frame(v, "reports", v.P.T("portal.nav.reports")), Lead: v.P.T("portal.reports.lead"), Next: nextPage(v, list.Next)}
	for _, r := range list.Items {
		view.Items = append(view.Items, d.reportItem(v, r, clocks[r.Ref.ID]))
	}
	if view.Tabs, err = d.reportTabs(v); err != nil {
		return err
	}
	view.Act = page.ButtonView{Text: v.P.T("portal.report.new"), Href: "/portal/reports/new", Icon: "siren", Kind: "primary"}
	view.Empty = page.EmptyView{Icon: "siren", Title: v.P.T("portal.reports.none"), Note: v.P.T("portal.reports.none.note")}
	return v.Show(List(view))
}

func (d Deps) report(v *page.Visit) error {
	r, err := d.Intake.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("report"))
	if err != nil {
		return err
	}
	err = d.DB.Write(v.Ctx(), func(ctx context.Context, tx *db.Tx) error {
		return d.Correspondence.SeenTx(ctx, tx, r.Thread, v.Now)
	})
	if err != nil {
		return err
	}
	view, err := d.reportView(v, r)
	if err != nil {
		return err
	}
	return v.Show(Report(view))
}

func (d Deps) reportView(v *page.Visit, r intake.Report) (ReportView, error) {
	view := ReportView{PortalView: d.frame(v, "reports", reportTitle(v, r)), Reference: r.Reference, TLP: r.TLP.Name(), Received: r.ReceivedAt}
	clocks, err := d.Deadlines.Of(v.Ctx(), d.DB, r.Ref.ID)
	if err != nil {
		return view, err
	}
	state := standing(r, clocks[r.Ref.ID])
	view.State = standingChip(v, state)
	view.Stages = d.stages(v, r, state, clocks[r.Ref.ID])
	view.Answers = told(v, r)
	obliged, err := d.Intake.Obligations(v.Ctx(), d.DB, v.By, r.Ref.ID)
	if err != nil {
		return view, err
	}
	for _, o := range obliged[r.Ref.ID] {
		c := intake.OwnCase{Obligation: o}
		view.Laws = append(view.Laws, page.ButtonView{Text: v.P.T("portal.case.open", "law", caseTitle(v, c)), Icon: "list-checks", Href: stageAt(c)})
	}
	if len(d.deadlines(v, r, clocks[r.Ref.ID])) > 0 {
		view.Calendar = page.ButtonView{Text: v.P.T("public.calendar"), Icon: "calendar-clock", Href: "/portal/reports/" + r.UID + "/deadlines.ics"}
	}
	if err := d.sheets(v, r, &view); err != nil {
		return view, err
	}
	all, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, r.Thread)
	if err != nil {
		return view, err
	}
	if view.Messages, err = d.saidOf(v, all); err != nil {
		return view, err
	}
	// A linked report goes on as a party: what we asked stands on the same thread.
	var open []page.SelectOption
	p, err := d.Coordination.PartyOfThread(v.Ctx(), d.DB, r.Thread)
	if err == nil && p.Compartment == r.Compartment {
		asked, err := d.Coordination.Requests(v.Ctx(), v.By, coordination.RequestFilter{Open: true, Party: p.Ref.ID})
		if err != nil {
			return view, err
		}
		for _, x := range asked.Items {
			view.Requests = append(view.Requests, requestItem(v, x))
		}
		open = questions(asked.Items)
	} else if err != nil && !errs.Is(err, errs.NotFound) {
		return view, err
	}
	view.Write = d.writing(v, "/portal/reports/"+r.UID)
	view.Write.Hint, view.Write.Open = v.P.T("portal.report.add.hint"), open
	view.Write.Reach, err = d.reachChoice(v, r.Thread)
	return view, err
}

// stages tells what was, is and will be: received, our answer, what the reporter owes, the end.
func (d Deps) stages(v *page.Visit, r intake.Report, state string, clocks []deadline.Clock) []page.Stage {
	out := []page.Stage{{Title: v.P.T("portal.stage.received"), Note: v.P.DateTime(r.ReceivedAt), State: "done"}}
	now := true // the first stage that is not done is the present one
	add := func(s page.Stage, done bool) {
		switch {
		case done:
			s.State = "done"
		case now:
			s.State, now = "now", false
		default:
			s.State = "next"
		}
		out = append(out, s)
	}
	for _, c := range clocks {
		s := page.Stage{Title: d.stageName(v, c), Icon: "phone"}
		if c.OwedBy == deadline.Them {
			s.Icon = "pencil"
		}
		switch {
		case !c.StoppedAt.IsZero():
			continue
		case !c.MetAt.IsZero():
			s.Note = v.P.DateTime(c.MetAt)
		default:
			s.Note, s.Due = v.P.T("common.clock.due", "when", v.P.DateTime(c.DueAt)), dueChip(v, c.DueAt)
		}
		add(s, !c.Open())
	}
	handled := page.Stage{Title: v.P.T("portal.stage.handling"), Note: v.P.T("portal.stage.handling.note"), Icon: "users"}
	if state == intake.StatusPassedOn {
		handled.Title, handled.Note = v.P.T("portal.stage.passed_on"), page.PassedTo(v.P, r.Decision.To)
	}
	ended := state == intake.StatusConcluded
	add(handled, ended)
	last := page.Stage{Title: v.P.T("portal.stage.concluded"), Note: v.P.T("portal.stage.concluded.note")}
	if !r.ConcludedAt.IsZero() && ended {
		last.Note = v.P.DateTime(r.ConcludedAt)
	}
	add(last, ended)
	return out
}

func dueChip(v *page.Visit, due time.Time) page.ChipView {
	left := due.Sub(v.Now)
	switch {
	case left < 0:
		return page.ChipView{Text: v.P.T("common.clock.late", "time", v.P.Duration(-left)), Kind: "crit", Icon: "clock"}
	case left < 24*time.Hour:
		return page.ChipView{Text: v.P.Duration(left), Kind: "warn", Icon: "clock"}
	}
	return page.ChipView{Text: v.P.Duration(left), Icon: "clock"}
}

// told is what the report said when it came.
func told(v *page.Visit, r intake.Report) []page.Answer {
	out := []page.Answer{
		{Question: v.P.T("public.report.summary"), Value: r.Body.Summary},
		{Question: v.P.T("public.report.description"), Value: r.Body.Description},
	}
	aware := page.Answer{Question: v.P.T("public.report.aware")}
	if !r.AwareAt.IsZero() {
		aware.Value = v.P.DateTime(r.AwareAt)
	}
	ongoing := page.Answer{Question: v.P.T("public.report.ongoing")}
	switch r.Body.Ongoing {
	case "yes", "contained", "no", "unknown":
		ongoing.Value = v.P.T("public.report.ongoing." + r.Body.Ongoing)
	}
	return append(out, aware, ongoing,
		page.Answer{Question: v.P.T("public.report.name"), Value: r.Body.Name},
		page.Answer{Question: v.P.T("public.report.email"), Value: r.Body.Email},
		page.Answer{Question: v.P.T("public.report.phone"), Value: r.Body.Phone},
		page.Answer{Question: v.P.T("public.report.tlp"), TLP: r.TLP.Name()})
}

// sheets offers the signed receipts, and asks for one in another language.
func (d Deps) sheets(v *page.Visit, r intake.Report, view *ReportView) error {
	lines, err := d.Intake.SheetLines(v.Ctx(), v.By, r.UID)
	if err != nil || len(lines) == 0 {
		return err
	}
	at, first := "/portal/reports/"+r.UID+"/receipts", map[int]bool{}
	for _, x := range lines {
		first[x.Number] = first[x.Number] || x.First
	}
	for _, x := range lines {
		number := strconv.Itoa(x.Number)
		b := page.ButtonView{Text: v.P.T("public.sheet"), Icon: "file-text", Href: at + "/" + number}
		if len(first) > 1 {
			b.Text = v.P.T("portal.sheet", "number", x.Number)
		}
		if x.First {
			view.SheetOf = append(view.SheetOf, page.SelectOption{Value: number, Text: b.Text})
		} else {
			b.Text, b.Href = v.P.T("portal.sheet.in", "what", b.Text, "lang", text.Name(text.Lang(x.Lang))), b.Href+"?in="+x.Lang
		}
		view.Sheets = append(view.Sheets, b)
	}
	if len(lines) == len(first)*len(text.Langs()) {
		return nil
	}
	view.SheetAsk = at
	for _, l := range text.Langs() {
		view.SheetIn = append(view.SheetIn, page.SelectOption{Value: string(l), Text: text.Name(l), Chosen: l == v.P.Lang()})
	}
	return nil
}

// askSheet asks for a signed receipt in another language: it is made in a moment.
func (d Deps) askSheet(v *page.Visit) error {
	number, err := strconv.Atoi(v.R.PostFormValue("number"))
	if err != nil {
		return errs.ErrNotFound
	}
	if err := d.Intake.AskSheet(v.Ctx(), v.By, v.R.PathValue("report"), number, v.R.PostFormValue("lang")); err != nil {
		return err
	}
	return v.See("/portal/reports/" + v.R.PathValue("report") + "?done=sheet")
}

// sheet gives the signed receipt of a submission, in the language that the address names.
func (d Deps) sheet(v *page.Visit) error {
	number, err := strconv.Atoi(v.R.PathValue("number"))
	if err != nil {
		return errs.ErrNotFound
	}
	s, err := d.Intake.SheetIn(v.Ctx(), v.By, v.R.PathValue("report"), number, v.R.URL.Query().Get("in"))
	if err != nil {
		return err
	}
	return page.PDF(v, s.Name, s.PDF)
}

func (d Deps) addToReport(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	r, err := d.Intake.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("report"))
	if err != nil {
		return err
	}
	request := ""
	if p, err := d.Coordination.PartyOfThread(v.Ctx(), d.DB, r.Thread); err == nil && p.Compartment == r.Compartment {
		if request, err = d.meant(v, f, p.Ref.ID); err != nil {
			return d.addAgain(v, f, r, err)
		}
	} else if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	done := "?done=added"
	if request != "" {
		done = "?done=answered"
		_, err = d.Coordination.AnswerSaying(v.Ctx(), v.By, request, f.get("text"), f.files, f.reach())
	} else {
		_, err = d.Intake.Add(v.Ctx(), v.By, r.UID, intake.Addition{Channel: correspondence.ByPortal, Text: f.get("text"), Files: f.files, Apart: true, Reach: f.reach()})
	}
	if err == nil {
		return v.See("/portal/reports/" + r.UID + done)
	}
	return d.addAgain(v, f, r, err)
}

// addAgain shows a report with what was typed and what is wrong with it.
func (d Deps) addAgain(v *page.Visit, f *form, r intake.Report, err error) error {
	if !typedWrong(err) {
		return err
	}
	view, again := d.reportView(v, r)
	if again != nil {
		return again
	}
	view.Write.typed(f)
	view.Problems, view.Wrong = problems(v, err, wrongChoice), true
	return v.ShowStatus(errs.Invalid.HTTP(), Report(view))
}
