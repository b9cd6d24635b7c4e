package portal

import (
	"context"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// firstLine gives the beginning of a text, for a list.
func firstLine(s string, most int) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	r := []rune(strings.TrimSpace(line))
	if len(r) <= most {
		return string(r)
	}
	cut := string(r[:most])
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return cut + "…"
}

func requestState(v *page.Visit, s coordination.RequestState) page.ChipView {
	switch s {
	case coordination.Replied:
		return page.ChipView{Text: v.P.T("portal.request.state.answered"), Kind: "ok", Icon: "check"}
	case coordination.Accepted:
		return page.ChipView{Text: v.P.T("portal.request.state.accepted"), Kind: "ok", Icon: "check-check"}
	case coordination.Withdrawn:
		return page.ChipView{Text: v.P.T("portal.request.state.withdrawn")}
	}
	return page.ChipView{Text: v.P.T("portal.request.state.asked"), Kind: "info"}
}

func requestItem(v *page.Visit, r coordination.Request) Item {
	item := Item{Icon: "message-square", Title: firstLine(r.Text, 140), Href: "/portal/requests/" + r.UID, Second: v.P.T("portal.request.asked", "when", r.AskedAt), When: r.AskedAt}
	if r.Owed() {
		item.Clock = clockView(v.Now, r.AskedAt, r.DueAt)
	} else {
		item.Chips = []page.ChipView{requestState(v, r.State)}
	}
	return item
}

func (d Deps) requests(v *page.Visit) error {
	all := v.R.URL.Query().Get("all") != ""
	list, err := d.Coordination.Requests(v.Ctx(), v.By, coordination.RequestFilter{Open: !all, After: v.R.URL.Query().Get("after")})
	if err != nil {
		return err
	}
	view := ListView{PortalView: d.frame(v, "requests", v.P.T("portal.nav.requests")), Lead: v.P.T("portal.requests.lead"), Next: nextPage(v, list.Next)}
	view.Tabs = openOrAll(v, all)
	for _, r := range list.Items {
		view.Items = append(view.Items, requestItem(v, r))
	}
	view.Empty = page.EmptyView{Icon: "circle-check", Title: v.P.T("portal.requests.none"), Note: v.P.T("portal.requests.none.note")}
	return v.Show(List(view))
}

// openOrAll is the two views of a list; each has its address.
func openOrAll(v *page.Visit, all bool) []page.Tab {
	return []page.Tab{
		{Text: v.P.T("portal.tab.open"), Href: v.R.URL.Path, Count: -1, Here: !all},
		{Text: v.P.T("portal.tab.all"), Href: v.R.URL.Path + "?all=1", Count: -1, Here: all},
	}
}

func nextPage(v *page.Visit, after string) string {
	if after == "" {
		return ""
	}
	q := v.R.URL.Query()
	q.Set("after", after)
	q.Del("done")
	return v.R.URL.Path + "?" + q.Encode()
}

func (d Deps) request(v *page.Visit) error {
	r, err := d.Coordination.RequestOf(v.Ctx(), v.By, v.R.PathValue("request"))
	if err != nil {
		return err
	}
	if err := d.saw(v, r.Party); err != nil {
		return err
	}
	view, err := d.requestView(v, r)
	if err != nil {
		return err
	}
	return v.Show(Request(view))
}

// saw notes that the party looked: the one thing that a GET writes (rule W2).
func (d Deps) saw(v *page.Visit, party int64) error {
	return d.DB.Write(v.Ctx(), func(ctx context.Context, tx *db.Tx) error {
		return d.Coordination.SeenTx(ctx, tx, v.By, party)
	})
}

func (d Deps) requestView(v *page.Visit, r coordination.Request) (RequestView, error) {
	view := RequestView{PortalView: d.frame(v, "requests", firstLine(r.Text, 60)), State: requestState(v, r.State), TLP: r.TLP.Name(), Text: r.Text, Asked: r.AskedAt, Due: r.DueAt, Reason: r.Reason}
	if r.Owed() {
		view.Clock = clockView(v.Now, r.AskedAt, r.DueAt)
	}
	var err error
	if r.Questions != nil { // an answer to typed questions is shown with them
		r.Answers = slices.DeleteFunc(slices.Clone(r.Answers), func(m correspondence.Message) bool {
			return slices.ContainsFunc(r.Replies, func(a coordination.Reply) bool { return a.Message == m.UID })
		})
		d.typed(v, r, &view)
	}
	if view.Answers, err = d.saidOf(v, r.Answers); err != nil {
		return view, err
	}
	if r.State != coordination.Withdrawn {
		view.Write = WriteView{Action: "/portal/requests/" + r.UID, Label: v.P.T("portal.request.answer"), Hint: v.P.T("portal.request.answer.hint"), Send: v.P.T("portal.request.send"), Readers: v.P.T("portal.readers")}
		if len(r.Answers) > 0 {
			view.Write.Label = v.P.T("portal.request.more")
		}
	}
	party, err := d.partyByID(v, r.Party)
	if err != nil {
		return view, err
	}
	view.Thread = "/portal/messages/" + party.UID
	p, err := d.Coordination.PartyOf(v.Ctx(), d.DB, v.By, party.UID)
	if err != nil {
		return view, err
	}
	view.Write.Reach, err = d.reachChoice(v, p.Thread)
	return view, err
}

// typed puts the typed questions of a request on its page, with what was answered.
func (d Deps) typed(v *page.Visit, r coordination.Request, view *RequestView) {
	last, _ := r.Reply()
	form := page.NewTyped(v.P, "q-", *r.Questions, last.Whole, len(r.Replies) > 0 && !last.Concerns)
	view.Typed = &form
	if r.State != coordination.Withdrawn {
		view.TypedAt = "/portal/requests/" + r.UID + "/questions"
	}
	for i, a := range r.Replies {
		who := a.By
		switch {
		case a.Ours:
			who = d.team(v)
		case who == "":
			who = v.P.T("portal.request.by_link")
		}
		x := ReplyView{Line: v.P.T("portal.request.replied", "who", who, "when", v.P.DateTime(a.At)), Said: page.TypedAnswers(v.P, *r.Questions, a.Given, a.Concerns), Note: a.Note}
		if i == 0 {
			x.Said = page.TypedAnswers(v.P, *r.Questions, a.Whole, a.Concerns)
		}
		view.Replies = append(view.Replies, x)
	}
}

// answerQuestions takes answers to the typed questions of a request.
func (d Deps) answerQuestions(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	uid := v.R.PathValue("request")
	r, err := d.Coordination.RequestOf(v.Ctx(), v.By, uid)
	if err != nil {
		return err
	}
	if r.Questions == nil {
		return errs.ErrNotFound
	}
	form := page.NewTyped(v.P, "q-", *r.Questions, nil, false)
	in := form.Read(f.get, v.P.Zone())
	in.Reach = f.reach()
	_, err = d.Coordination.AnswerQuestions(v.Ctx(), v.By, uid, in)
	if err == nil {
		return v.See("/portal/requests/" + uid + "?done=answered")
	}
	if !typedWrong(err) {
		return err
	}
	view, again := d.requestView(v, r)
	if again != nil {
		return again
	}
	view.Write.typed(f)
	view.Problems, view.Typed, view.Wrong = form.Wrong(v.P, err), &form, true
	return v.ShowStatus(errs.Invalid.HTTP(), Request(view))
}

func (d Deps) answer(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	uid := v.R.PathValue("request")
	_, err = d.Coordination.AnswerSaying(v.Ctx(), v.By, uid, f.get("text"), f.files, f.reach())
	if err == nil {
		return v.See("/portal/requests/" + uid + "?done=answered")
	}
	if !typedWrong(err) {
		return err
	}
	r, again := d.Coordination.RequestOf(v.Ctx(), v.By, uid)
	if again != nil {
		return again
	}
	view, again := d.requestView(v, r)
	if again != nil {
		return again
	}
	view.Write.typed(f)
	view.Problems, view.Wrong = problems(v, err, nil), true
	return v.ShowStatus(errs.Invalid.HTTP(), Request(view))
}
