package portal

import (
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const reachPath = "/portal/reach"

func reachName(p *text.Printer, r correspondence.Reach) string {
	if r == correspondence.Unsaid {
		return p.T("common.reach.unsaid")
	}
	return p.T("common.reach." + r.String())
}

// reachChoice is the question, beside what is written, how far it may go; thread 0 is a report that has none yet.
func (d Deps) reachChoice(v *page.Visit, thread int64) ([]page.SelectOption, error) {
	var now correspondence.Word
	var err error
	if thread == 0 {
		now, err = d.Correspondence.StandingWord(v.Ctx(), d.DB, v.By.Organisation)
	} else {
		var w correspondence.Words
		w, err = d.wordsOf(v, thread)
		now = w.Of("")
	}
	out := []page.SelectOption{{Value: "", Text: v.P.T("portal.reach.as_before", "reach", reachName(v.P, now.Reach)), Chosen: true}}
	for _, r := range correspondence.Reaches() {
		out = append(out, page.SelectOption{Value: r.String(), Text: reachName(v.P, r)})
	}
	return out, err
}

func (d Deps) wordsOf(v *page.Visit, thread int64) (correspondence.Words, error) {
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, thread)
	if err != nil {
		return correspondence.Words{}, err
	}
	words, err := d.Correspondence.WordsOf(v.Ctx(), d.DB, threads[thread])
	return words[thread], err
}

// saidReach says one word and how it came to us.
func saidReach(v *page.Visit, about string, w correspondence.Word) SaidReach {
	how := v.P.T("portal.reach.by_us", "when", w.At)
	if w.Channel == correspondence.ByPhone {
		how = v.P.T("portal.reach.by_phone", "when", w.At)
	}
	return SaidReach{About: about, Reach: reachName(v.P, w.Reach), How: how}
}

func reachChoices(v *page.Visit, chosen correspondence.Reach, unsaid, hint string) []ReachChoice {
	out := []ReachChoice{{Value: "", Label: unsaid, Hint: hint, Chosen: chosen == correspondence.Unsaid}}
	for _, r := range correspondence.Reaches() {
		out = append(out, ReachChoice{Value: r.String(), Label: v.P.T("portal.reach.choice." + r.String()), Hint: v.P.T("portal.reach.hint." + r.String()), Chosen: r == chosen})
	}
	return out
}

// standing says how far all that the organisation tells us may go.
func (d Deps) standing(v *page.Visit) error {
	w, err := d.Correspondence.StandingWord(v.Ctx(), d.DB, v.By.Organisation)
	if err != nil {
		return err
	}
	view := ReachView{
		PortalView: d.frame(v, "documents", v.P.T("portal.reach.title")), Lead: v.P.T("portal.reach.lead"), Now: v.P.T("portal.reach.now", "reach", reachName(v.P, w.Reach)),
		Back: [2]string{"/portal/documents", v.P.T("portal.nav.documents")},
	}
	if w.Reach != correspondence.Unsaid {
		view.Said = []SaidReach{saidReach(v, v.P.T("portal.reach.about.all"), w)}
	}
	if v.By.Can(access.OwnPeople) {
		view.Action, view.Reaches = reachPath, reachChoices(v, w.Reach, v.P.T("portal.reach.unsaid"), v.P.T("portal.reach.unsaid.hint"))
	} else {
		view.Only = v.P.T("portal.reach.only")
	}
	return v.Show(Reach(view))
}

func (d Deps) sayStanding(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	return d.say(v, f, correspondence.Saying{}, reachPath)
}

func (d Deps) say(v *page.Visit, f *form, in correspondence.Saying, to string) error {
	r, ok := correspondence.ParseReach(f.get("reach"))
	if !ok {
		return page.ErrFormNotRead
	}
	in.Reach = r
	if err := d.Coordination.SayReach(v.Ctx(), v.By, in); err != nil {
		return err
	}
	return v.See(to)
}

// reach says how far one matter, or one message of it, may go.
func (d Deps) reach(v *page.Visit) error {
	uid, message := v.R.PathValue("thread"), v.R.URL.Query().Get("message")
	if !id.Valid(uid) || message != "" && !id.Valid(message) {
		return errs.ErrNotFound
	}
	o, err := access.Find(v.Ctx(), d.DB, v.By, ref.Thread, uid)
	if err != nil {
		return err
	}
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	t := threads[o.Ref.ID]
	words, err := d.Correspondence.WordsOf(v.Ctx(), d.DB, t)
	if err != nil {
		return err
	}
	w, p := words[t.Ref.ID], v.P
	view := ReachView{
		PortalView: d.frame(v, "messages", p.T("portal.reach.title.matter")), Lead: p.T("portal.reach.lead.matter"), Now: p.T("portal.reach.now", "reach", reachName(p, w.Of(message).Reach)), Reference: t.Reference,
		Action: reachPath + "/" + uid, Reaches: reachChoices(v, w.Thread.Reach, p.T("portal.reach.as_all"), ""),
	}
	if message != "" {
		all, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, t.Ref.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(m correspondence.Message) bool {
			return m.UID == message && m.Direction == correspondence.In && m.State == correspondence.Filed
		})
		if i < 0 {
			return errs.ErrNotFound
		}
		view.Title, view.Lead, view.Quote = p.T("portal.reach.title.message"), p.T("portal.reach.lead.message"), firstLine(all[i].Body.Text, 400)
		view.Reaches, view.Hidden = reachChoices(v, w.Messages[message].Reach, p.T("portal.reach.as_matter"), ""), []page.Hid{{Name: "message", Value: message}}
	}
	for _, x := range []struct {
		about string
		word  correspondence.Word
	}{{p.T("portal.reach.about.message"), w.Messages[message]}, {p.T("portal.reach.about.matter"), w.Thread}, {p.T("portal.reach.about.all"), w.All}} {
		if x.word.Reach != correspondence.Unsaid {
			view.Said = append(view.Said, saidReach(v, x.about, x.word))
		}
	}
	view.Back = d.matterOf(v, t)
	return v.Show(Reach(view))
}

// matterOf leads back to the page of a thread: that of its report, or of its correspondence.
func (d Deps) matterOf(v *page.Visit, t correspondence.Thread) [2]string {
	o, err := access.Load(v.Ctx(), d.DB, v.By, t.About)
	if err != nil {
		return [2]string{"/portal/messages", v.P.T("portal.nav.messages")}
	}
	switch t.About.Kind {
	case ref.Report:
		return [2]string{"/portal/reports/" + o.UID, v.P.T("portal.thread.all")}
	case ref.Party:
		return [2]string{"/portal/messages/" + o.UID, v.P.T("portal.thread.all")}
	}
	return [2]string{"/portal/messages", v.P.T("portal.nav.messages")}
}

func (d Deps) sayReach(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	uid, message := v.R.PathValue("thread"), f.get("message")
	if !id.Valid(uid) || message != "" && !id.Valid(message) {
		return errs.ErrNotFound
	}
	to := reachPath + "/" + uid + "?done=said"
	if message != "" {
		to += "&message=" + message
	}
	return d.say(v, f, correspondence.Saying{Thread: uid, Message: message}, to)
}
