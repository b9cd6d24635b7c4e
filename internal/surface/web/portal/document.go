package portal

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const (
	documentsPath = "/portal/documents"
	documentsPage = 40
	// slack is how many lines of one moment a page may still take in: what was sent at once is not torn apart.
	slack = 20
)

// documents lists what was handed to the organisation, newest first: what was shared with it, files of our letters, signed receipts, reports passed on to it.
func (d Deps) documents(v *page.Visit) error {
	before, err := momentOf(v.R.URL.Query().Get("after"))
	if err != nil {
		return err
	}
	all, err := d.handedOver(v, before)
	if err != nil {
		return err
	}
	p := v.P
	view := ListView{
		PortalView: d.frame(v, "documents", p.T("portal.nav.documents")), Lead: p.T("portal.documents.lead"),
		Act:   page.ButtonView{Text: p.T("portal.reach.title"), Icon: "forward", Href: reachPath},
		Empty: page.EmptyView{Icon: "file-text", Title: p.T("portal.documents.none"), Note: p.T("portal.documents.none.note")},
	}
	n := min(len(all), documentsPage)
	for n > 0 && n < len(all) && all[n].When.Equal(all[n-1].When) {
		n++
	}
	if n < len(all) {
		view.Next = nextPage(v, strconv.FormatInt(all[n-1].When.UnixMicro(), 36))
	}
	view.Items = all[:n]
	return v.Show(List(view))
}

func momentOf(mark string) (time.Time, error) {
	if mark == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(mark, 36, 64)
	if err != nil || n <= 0 {
		return time.Time{}, errs.ErrNotFound
	}
	return time.UnixMicro(n), nil
}

// handedOver gathers them, each with its moment, its label and its matter.
func (d Deps) handedOver(v *page.Visit, before time.Time) ([]Item, error) {
	const most = documentsPage + slack
	p := v.P
	var out []Item
	passed, err := d.Intake.PassedBefore(v.Ctx(), v.By, before, most)
	if err != nil {
		return nil, err
	}
	letters := map[string]bool{}
	for _, f := range passed {
		letters[f.Message] = true
		item := Item{Icon: "send", Title: passedTitle(v, f), Href: "/portal/passed/" + f.UID, When: f.SentAt, Second: p.T("portal.document.passed")}
		for _, m := range f.Messages() {
			if m.UID == f.Message {
				item.TLP = m.TLP.Name()
			}
		}
		out = append(out, item)
	}
	sheets, err := d.Intake.SheetsBefore(v.Ctx(), v.By, before, most)
	if err != nil {
		return nil, err
	}
	for _, x := range sheets {
		out = append(out, Item{
			Icon: "file-text", Title: reportTitle(v, x.Report), Ref: x.Report.Reference, When: x.Made, TLP: x.Report.TLP.Name(), Second: p.T("portal.document.receipt", "lang", text.Name(text.Lang(x.Lang))),
			Href: "/portal/reports/" + x.Report.UID + "/receipts/" + strconv.Itoa(x.Number) + "?in=" + x.Lang,
		})
	}
	messages, err := d.Correspondence.HandedOver(v.Ctx(), v.By, before, most)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, m := range messages {
		ids = append(ids, m.Thread)
	}
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, ids...)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		out = append(out, documentItems(v, m, threads[m.Thread], letters[m.UID])...)
	}
	slices.SortStableFunc(out, func(a, b Item) int { return cmp.Compare(b.When.UnixMicro(), a.When.UnixMicro()) })
	return out, nil
}

// documentItems are the lines of one letter: what was shared, and its files.
func documentItems(v *page.Visit, m correspondence.Message, t correspondence.Thread, passed bool) []Item {
	p := v.P
	line := Item{Ref: t.Reference, When: m.SentAt, TLP: m.TLP.Name(), New: m.SeenAt.IsZero()}
	if line.New {
		line.Chips = []page.ChipView{{Text: p.T("portal.message.new"), Kind: "info"}}
	}
	var out []Item
	if m.Kind == correspondence.Share {
		x := line
		x.Icon, x.Title, x.Href, x.Second = "forward", sharedTitle(v, m), documentAt(t, m), p.T("portal.document.shared")
		if !m.WithdrawnAt.IsZero() {
			x.Icon, x.Chips = "undo-2", []page.ChipView{{Text: p.T("portal.document.withdrawn"), Kind: "warn"}}
		}
		out = append(out, x)
	}
	if m.Withheld {
		return out
	}
	for _, f := range m.Body.Files {
		x := line
		x.Icon, x.Title, x.Href, x.Second = "paperclip", f.Name, "/portal/files/"+t.UID+"/"+m.UID+"/"+f.UID, p.T("portal.document.file", "size", p.Bytes(f.Size))
		if passed {
			x.Second = p.T("portal.document.passed")
		}
		out = append(out, x)
	}
	return out
}

// part is a piece of a text: a quotation, or what stands around it.
type part struct {
	quoted bool
	text   string
}

// quotations parts a text of ours into what it quotes, without the marks, and the rest.
func quotations(s string) []part {
	var out []part
	for line := range strings.SplitSeq(s, "\n") {
		rest, quoted := strings.CutPrefix(line, ">")
		if quoted {
			line = strings.TrimPrefix(rest, " ")
		}
		if n := len(out); n > 0 && out[n-1].quoted == quoted {
			out[n-1].text += "\n" + line
			continue
		}
		out = append(out, part{quoted, line})
	}
	for i := range out {
		out[i].text = strings.Trim(out[i].text, "\n")
	}
	return slices.DeleteFunc(out, func(x part) bool { return x.text == "" })
}

// sharedTitle is the beginning of what was shared; of a file, or what was taken back, the subject of the letter.
func sharedTitle(v *page.Visit, m correspondence.Message) string {
	for _, x := range quotations(m.Body.Text) {
		if line := firstLine(x.text, 90); x.quoted && line != "" {
			return line
		}
	}
	return subjectOf(v, m)
}

func documentAt(t correspondence.Thread, m correspondence.Message) string {
	return documentsPath + "/" + t.UID + "/" + m.UID
}

// shared gives something that was shared with the organisation, with its thread.
func (d Deps) shared(v *page.Visit) (correspondence.Message, correspondence.Thread, error) {
	uid, message := v.R.PathValue("matter"), v.R.PathValue("document")
	if !id.Valid(uid) || !id.Valid(message) {
		return correspondence.Message{}, correspondence.Thread{}, errs.ErrNotFound
	}
	m, err := d.Correspondence.Get(v.Ctx(), v.By, uid, message)
	if err == nil && (m.Kind != correspondence.Share || m.State != correspondence.Sent) {
		err = errs.ErrNotFound
	}
	if err != nil {
		return m, correspondence.Thread{}, err
	}
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, m.Thread)
	return m, threads[m.Thread], err
}

// document shows what was shared; to open it is to have read it (rule W2).
func (d Deps) document(v *page.Visit) error {
	m, t, err := d.shared(v)
	if err != nil {
		return err
	}
	if t.About.Kind == ref.Party {
		if o, err := access.Load(v.Ctx(), d.DB, v.By, t.About); err == nil {
			if err := d.saw(v, o.Ref.ID); err != nil {
				return err
			}
		}
	}
	view := DocumentView{
		PortalView: d.frame(v, "documents", sharedTitle(v, m)), Reference: t.Reference, TLP: m.TLP.Name(), At: m.SentAt, Text: m.Body.Text, Download: documentAt(t, m) + "/text", Matter: d.matterOf(v, t),
	}
	if !m.WithdrawnAt.IsZero() {
		view.Withdrawn = v.P.T("portal.message.withdrawn", "when", m.WithdrawnAt)
	}
	for _, f := range m.Body.Files {
		view.Files = append(view.Files, page.FileView{Name: f.Name, Size: f.Size, Href: "/portal/files/" + t.UID + "/" + m.UID + "/" + f.UID})
	}
	return v.Show(Document(view))
}

// documentText hands it out as a text to keep, its label above and below.
func (d Deps) documentText(v *page.Visit) error {
	m, t, err := d.shared(v)
	if err != nil {
		return err
	}
	if !m.WithdrawnAt.IsZero() || m.Withheld || m.Erased {
		return errs.ErrNotFound
	}
	words := strings.Join([]string{m.TLP.String(), d.team(v) + " · " + t.Reference + " · " + v.P.DateTime(m.SentAt), "", m.Body.Subject, "", m.Body.Text, "", m.TLP.String(), ""}, "\n")
	keepBytes(v, t.Reference+"-"+m.SentAt.UTC().Format("20060102-150405")+".txt", int64(len(words)), strings.NewReader(words))
	return nil
}
