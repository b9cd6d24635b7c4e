package portal

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// team names us.
func (d Deps) team(v *page.Visit) string { return d.Around(v).Site.Name }

func kindOf(v *page.Visit, k correspondence.Kind) string {
	switch k {
	case correspondence.Receipt:
		return v.P.T("portal.message.receipt")
	case correspondence.Ask:
		return v.P.T("portal.message.ask")
	case correspondence.Reminder:
		return v.P.T("portal.message.reminder")
	case correspondence.Closing:
		return v.P.T("portal.message.closing")
	case correspondence.Share:
		return v.P.T("portal.message.share")
	case correspondence.Recall:
		return v.P.T("portal.message.recall")
	}
	return ""
}

func subjectOf(v *page.Visit, m correspondence.Message) string {
	if !m.WithdrawnAt.IsZero() {
		return v.P.T("portal.message.withdrawn.title")
	}
	for _, s := range []string{m.Body.Subject, firstLine(m.Body.Text, 100)} {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return v.P.T("portal.message.untitled")
}

// saidOf shows messages that the reader may see, with links to their files.
func (d Deps) saidOf(v *page.Visit, list []correspondence.Message) ([]Said, error) {
	var ids []int64
	for _, m := range list {
		if !slices.Contains(ids, m.Thread) {
			ids = append(ids, m.Thread)
		}
	}
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, ids...)
	if err != nil {
		return nil, err
	}
	words, err := d.Correspondence.WordsOf(v.Ctx(), d.DB, slices.Collect(maps.Values(threads))...)
	if err != nil {
		return nil, err
	}
	out := make([]Said, 0, len(list))
	for _, m := range list {
		s := Said{ID: "m-" + m.UID, At: m.At, Mine: m.Direction == correspondence.In, Text: m.Body.Text, Kind: kindOf(v, m.Kind), TLP: m.TLP.Name(), Quotes: m.Kind == correspondence.Share}
		switch {
		case !s.Mine:
			s.Who = d.team(v)
		case m.AuthorName != "":
			s.Who = m.AuthorName
		case m.Channel == correspondence.ByLink && m.Body.From != "":
			s.Who = v.P.T("portal.message.by_link", "to", m.Body.From)
		case m.Body.From != "":
			s.Who = m.Body.From
		default:
			s.Who = v.P.T("portal.message.you")
		}
		if m.Withheld {
			s.Note = v.P.T("portal.message.withheld")
		} else if m.Erased {
			s.Note = v.P.T("portal.message.erased")
		} else if !m.WithdrawnAt.IsZero() {
			s.Note = v.P.T("portal.message.withdrawn", "when", m.WithdrawnAt)
		}
		if s.Mine && m.State == correspondence.Filed && !m.Erased {
			s.Reach, s.ReachAt = reachName(v.P, words[m.Thread].Of(m.UID).Reach), reachPath+"/"+threads[m.Thread].UID+"?message="+m.UID
		}
		for _, f := range m.Body.Files {
			s.Files = append(s.Files, page.FileView{Name: f.Name, Size: f.Size, Href: "/portal/files/" + threads[m.Thread].UID + "/" + m.UID + "/" + f.UID})
		}
		out = append(out, s)
	}
	return out, nil
}

// partyByID gives the party of a request or measure that the reader has seen.
func (d Deps) partyByID(v *page.Visit, party int64) (access.Object, error) {
	return access.Load(v.Ctx(), d.DB, v.By, ref.Ref{Kind: ref.Party, ID: party})
}

func (d Deps) messages(v *page.Visit) error {
	list, err := d.Coordination.Parties(v.Ctx(), v.By, coordination.RequestFilter{Limit: 50, After: v.R.URL.Query().Get("after")})
	if err != nil {
		return err
	}
	ids := make([]int64, len(list.Items))
	for i, p := range list.Items {
		ids[i] = p.Thread
	}
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, ids...)
	if err != nil {
		return err
	}
	all, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, ids...)
	if err != nil {
		return err
	}
	of := map[int64][]correspondence.Message{}
	for _, m := range all {
		of[m.Thread] = append(of[m.Thread], m)
	}
	view := ListView{PortalView: d.frame(v, "messages", v.P.T("portal.nav.messages")), Lead: v.P.T("portal.messages.lead"), Next: nextPage(v, list.Next)}
	for _, p := range list.Items {
		said := of[p.Thread]
		if len(said) == 0 {
			continue // nothing has left for it yet
		}
		first, last := said[0], said[len(said)-1]
		item := Item{Icon: "mail", Title: subjectOf(v, first), Ref: threads[p.Thread].Reference, Href: "/portal/messages/" + p.UID, When: last.At, Second: v.P.N("portal.messages.count", len(said))}
		item.New = slices.ContainsFunc(said, func(m correspondence.Message) bool {
			return m.Direction == correspondence.Out && m.SeenAt.IsZero()
		})
		if item.New {
			item.Chips = []page.ChipView{{Text: v.P.T("portal.message.new"), Kind: "info"}}
		}
		view.Items = append(view.Items, item)
	}
	slices.SortStableFunc(view.Items, func(a, b Item) int { return b.When.Compare(a.When) })
	view.Empty = page.EmptyView{Icon: "mail", Title: v.P.T("portal.messages.none"), Note: v.P.T("portal.messages.none.note")}
	return v.Show(List(view))
}

func (d Deps) thread(v *page.Visit) error {
	p, err := d.Coordination.PartyOf(v.Ctx(), d.DB, v.By, v.R.PathValue("party"))
	if err != nil {
		return err
	}
	if err := d.saw(v, p.Ref.ID); err != nil {
		return err
	}
	view, err := d.threadView(v, p)
	if err != nil {
		return err
	}
	return v.Show(Thread(view))
}

func (d Deps) threadView(v *page.Visit, p coordination.Party) (ThreadView, error) {
	var view ThreadView
	all, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, p.Thread)
	if err != nil {
		return view, err
	}
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, p.Thread)
	if err != nil {
		return view, err
	}
	title := v.P.T("portal.message.untitled")
	if len(all) > 0 {
		title = subjectOf(v, all[0])
	}
	view = ThreadView{PortalView: d.frame(v, "messages", title), Reference: threads[p.Thread].Reference}
	if view.Messages, err = d.saidOf(v, all); err != nil {
		return view, err
	}
	requests, err := d.Coordination.Requests(v.Ctx(), v.By, coordination.RequestFilter{Open: true, Party: p.Ref.ID})
	if err != nil {
		return view, err
	}
	for _, r := range requests.Items {
		view.Requests = append(view.Requests, requestItem(v, r))
	}
	measures, err := d.Coordination.Measures(v.Ctx(), v.By, coordination.RequestFilter{Open: true, Party: p.Ref.ID})
	if err != nil {
		return view, err
	}
	for _, m := range measures.Items {
		view.Requests = append(view.Requests, measureItem(v, m))
	}
	view.Write = d.writing(v, "/portal/messages/"+p.UID)
	if view.Write.Reach, err = d.reachChoice(v, p.Thread); err != nil {
		return view, err
	}
	view.Write.Open = questions(requests.Items)
	return view, nil
}

func (d Deps) writing(v *page.Visit, action string) WriteView {
	return WriteView{Action: action, Label: v.P.T("public.status.text"), Send: v.P.T("public.status.send"), Readers: v.P.T("portal.readers"), Rows: 6}
}

func (d Deps) writeMessage(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	p, err := d.Coordination.PartyOf(v.Ctx(), d.DB, v.By, v.R.PathValue("party"))
	if err != nil {
		return err
	}
	request, err := d.meant(v, f, p.Ref.ID)
	if err == nil && request != "" {
		if _, err = d.Coordination.AnswerSaying(v.Ctx(), v.By, request, f.get("text"), f.files, f.reach()); err == nil {
			return v.See("/portal/messages/" + p.UID + "?done=answered")
		}
	} else if err == nil {
		err = d.keep(v, f, p.Thread, func(ctx context.Context, tx *db.Tx, in correspondence.Incoming) error {
			in.Apart = true
			_, err := d.Coordination.AnswerTx(ctx, tx, v.By, p, in)
			return err
		})
		if err == nil {
			return v.See("/portal/messages/" + p.UID + "?done=added")
		}
	}
	if !typedWrong(err) {
		return err
	}
	view, again := d.threadView(v, p)
	if again != nil {
		return again
	}
	view.Write.typed(f)
	view.Problems, view.Wrong = problems(v, err, wrongChoice), true
	return v.ShowStatus(errs.Invalid.HTTP(), Thread(view))
}

// keep stores the files, then files text and files in one transaction.
func (d Deps) keep(v *page.Visit, f *form, thread int64, file func(context.Context, *db.Tx, correspondence.Incoming) error) error {
	stored, err := d.Correspondence.StoreFiles(v.Ctx(), thread, f.files)
	if err != nil {
		return err
	}
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, thread)
	if err != nil {
		return err
	}
	return d.DB.Write(v.Ctx(), func(ctx context.Context, tx *db.Tx) error {
		return file(ctx, tx, correspondence.Incoming{
			Channel: correspondence.ByPortal, Kind: correspondence.Told, State: correspondence.Filed, At: v.Now, TLP: threads[thread].TLP,
			Proof: correspondence.SignedIn, Seal: correspondence.Plain, Author: v.By.Account, Reach: f.reach(),
			Body: correspondence.Body{Text: f.get("text"), From: v.By.Name, Files: stored},
		})
	})
}

// file hands out an attachment as bytes to keep, never to show (rule F3).
func (d Deps) file(v *page.Visit) error {
	thread, message, file := v.R.PathValue("thread"), v.R.PathValue("message"), v.R.PathValue("file")
	if !id.Valid(thread) || !id.Valid(message) || !id.Valid(file) {
		return errs.ErrNotFound
	}
	f, r, err := d.Correspondence.OpenFile(v.Ctx(), v.By, thread, message, file)
	if err != nil {
		return err
	}
	defer r.Close()
	keepBytes(v, f.Name, f.Size, r)
	return nil
}

// keepBytes hands out bytes to keep.
func keepBytes(v *page.Visit, name string, size int64, r io.Reader) {
	h := v.W.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", page.Attachment(name))
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	v.W.WriteHeader(http.StatusOK)
	if _, err := io.Copy(v.W, r); err != nil {
		panic(http.ErrAbortHandler) // the answer has begun: cut it, so that nobody takes half a file for a whole one
	}
}
