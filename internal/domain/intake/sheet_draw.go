package intake

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/pdf"
)

// drawing is a receipt in the making.
type drawing struct {
	*Service
	how        Sheets
	p          *text.Printer
	r          *row
	at         time.Time // as of when the stages stand
	submission *Submission
	before     []Submission // those that came earlier
}

func (x drawing) draw(ctx context.Context) (*pdf.Document, error) {
	p, r := x.p, x.r
	what, told := p.T("sheet.report"), r.ReceivedAt
	var stage law.Stage
	var set law.Set
	if y := x.submission; y != nil {
		told = y.ToldAt
		set, _ = x.Laws.Set(y.Set)
		stage, _ = set.Stage(y.Stage)
		what = cmp.Or(stage.Name.In(string(p.Lang())), y.Stage)
	}
	title := p.T("sheet.title", "what", what)
	d := pdf.New(pdf.Head{
		Title: title + " · " + r.Reference, Author: x.how.Team, Lang: string(p.Lang()), Made: x.at, Label: r.TLP.String(), Foot: x.how.Team + " · " + r.Reference,
		Page: p.T("sheet.page", "page", "{page}", "pages", "{pages}"),
	})
	d.Title(title)
	d.Mono(r.Reference)
	d.Paragraph(p.T("sheet.received", "team", x.how.Team, "when", p.DateTime(told)))
	if y := x.submission; y != nil {
		d.Small(p.T("sheet.number", "number", y.Number, "law", set.Law, "version", y.Version))
		if y.Corrects != 0 {
			d.Paragraph(p.T("sheet.corrects", "number", y.Corrects))
		}
		x.answers(d, stage)
	}
	if err := x.words(ctx, d); err != nil {
		return nil, err
	}
	if err := x.stages(ctx, d); err != nil {
		return nil, err
	}
	x.proof(d, told)
	return d, nil
}

// answers are those of the submission, part by part, and of a correction what it changed.
func (x drawing) answers(d *pdf.Document, stage law.Stage) {
	p, y := x.p, x.submission
	part := 0
	for _, f := range x.Laws.Asked(stage) {
		a, ok := y.Answers[f.Code]
		if !ok {
			continue // not asked again
		}
		if f.Part != part {
			part = f.Part
			d.Heading(p.T("public.part." + strconv.Itoa(part)))
		}
		d.Pair(f.Label.In(string(p.Lang())), AnswerWords(p, f, a), p.T("common.not_known_yet"))
	}
	i := slices.IndexFunc(x.before, func(b Submission) bool { return b.Number == y.Corrects && y.Corrects != 0 })
	if i < 0 {
		return
	}
	d.Heading(p.T("sheet.changed"))
	for _, c := range x.Laws.Differ(x.before[i].Answers, y.Answers) {
		f, ok := x.Laws.Field(c.Field)
		if !ok {
			continue
		}
		none := p.T("common.not_known_yet")
		d.Pair(f.Label.In(string(p.Lang())), p.T("sheet.change", "from", cmp.Or(AnswerWords(p, f, c.From), none), "to", cmp.Or(AnswerWords(p, f, c.To), none)), none)
	}
}

// words are what the first message of a report says beside the questions of a law: all of a report that handed in no stage, and the files of each.
func (x drawing) words(ctx context.Context, d *pdf.Document) error {
	p, r := x.p, x.r
	all, err := x.Correspondence.Messages(ctx, x.DB, access.System("intake"), r.Thread)
	if err != nil {
		return err
	}
	var m *correspondence.Message
	for i := range all {
		if all[i].Direction == correspondence.In && (x.submission == nil || all[i].UID == x.submission.Message) {
			m = &all[i]
			break
		}
	}
	if x.submission == nil {
		d.Heading(p.T("sheet.said"))
		d.Paragraph(cmp.Or(r.Body.Summary, "–"))
		if r.Body.Description != r.Body.Summary {
			d.Paragraph(r.Body.Description)
		}
		d.Pair(p.T("sheet.organisation"), r.Body.OrgText, p.T("common.not_known_yet"))
		d.Pair(p.T("sheet.name"), strings.TrimSpace(strings.Join([]string{r.Body.Name, r.Body.Email, r.Body.Phone}, "\n")), p.T("sheet.not_told"))
	}
	if x.submission != nil && x.submission.Number == 1 && len(r.Body.Affected) > 0 {
		d.Heading(p.T("sheet.affected"))
		d.Paragraph(strings.Join(r.Body.Affected, "\n"))
	}
	if m == nil || len(m.Body.Files) == 0 {
		return nil
	}
	d.Heading(p.T("sheet.files"))
	for _, f := range m.Body.Files {
		d.Pair(f.Name+" ("+p.Bytes(f.Size)+")", "SHA-256 "+f.SHA256, "")
	}
	return nil
}

// stages are the track of the report as it stood when this was handed in, and who receives it by law.
func (x drawing) stages(ctx context.Context, d *pdf.Document) error {
	p := x.p
	clocks, err := x.Deadlines.Of(ctx, x.DB, x.r.Ref.ID)
	if err != nil {
		return err
	}
	d.Heading(p.T("sheet.next"))
	if x.submission == nil || x.submission.Number == 1 {
		for _, c := range clocks[x.r.Ref.ID] {
			if c.Kind == FirstAnswer {
				d.Pair(p.T("sheet.our_answer"), p.T("sheet.due", "when", p.DateTime(c.DueAt)), "")
			}
		}
	}
	d.Small(p.T("sheet.as_of", "when", p.DateTime(x.at)))
	if x.Laws == nil || x.submission == nil {
		return nil
	}
	all, err := x.within(ctx, x.DB, `b.report = $1`, x.r.Ref.ID)
	if err != nil {
		return err
	}
	if err := x.fill(ctx, x.DB, all); err != nil {
		return err
	}
	var seen []string
	var recipients []string
	for _, o := range all {
		for _, y := range o.Owed {
			name, ok := x.Laws.Names(o.Set.Code, y.Key(), string(p.Lang()))
			if y.Team {
				if said := cmp.Or(recipientName(p, o.Set, y.Code), name) + " (" + o.Set.Cites(y.Article) + ")"; !slices.Contains(recipients, said) {
					recipients = append(recipients, said)
				}
				continue
			}
			said := x.standing(o.Set, y)
			if !ok || said == "" {
				continue
			}
			name += " (" + o.Set.Cites(y.Article) + ")"
			if slices.Contains(seen, name+said) {
				continue // the same for another organisation
			}
			seen = append(seen, name+said)
			d.Pair(name, said, "")
		}
	}
	if len(all) > 1 {
		d.Small(p.N("sheet.for", len(all)))
	}
	if len(recipients) > 0 {
		d.Heading(p.T("sheet.recipients"))
		d.Paragraph(strings.Join(recipients, "\n"))
	}
	return nil
}

func recipientName(p *text.Printer, set law.Set, code string) string {
	for _, r := range set.Recipients {
		if r.Code == code {
			return r.Name.In(string(p.Lang()))
		}
	}
	return ""
}

// standing says how something owed stood; "" of what nobody asks for.
func (x drawing) standing(set law.Set, y law.Owed) string {
	p := x.p
	stage, _ := set.Stage(y.Code)
	switch {
	case y.State == law.Met && y.Late(time.Time{}):
		return p.T("sheet.met_late", "when", p.DateTime(y.MetAt), "due", p.DateTime(y.Limit))
	case y.State == law.Met:
		return p.T("sheet.met", "when", p.DateTime(y.MetAt))
	case y.State == law.Running && !y.Due.IsZero():
		return p.T("sheet.due", "when", p.DateTime(y.Due))
	case y.State == law.NotYet && stage.Need != law.OnRequest:
		return p.T("sheet.not_yet")
	}
	return ""
}

// proof says what the paper is worth, and how that is checked.
func (x drawing) proof(d *pdf.Document, told time.Time) {
	p := x.p
	d.Heading(p.T("sheet.proof"))
	if y := x.submission; y != nil {
		d.Pair(p.T("sheet.told_at"), told.UTC().Format(time.RFC3339), "")
		d.Pair(p.T("sheet.filed_at"), y.FiledAt.UTC().Format(time.RFC3339), "")
		d.Pair(p.T("sheet.sum"), "SHA-256 "+hex.EncodeToString(y.Sum), "")
	}
	d.Paragraph(p.T("sheet.signed", "team", x.how.Team, "url", x.how.URL+"/document-keys.txt"))
}
