package intake

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// maxFilings bounds the laws under which one form hands something in.
const maxFilings = 8

func validFilings(p *errs.Problems, all []Filing, answers law.Answers) {
	if len(all) > maxFilings {
		p.Add("filings", "error.too_many", "most", maxFilings)
	}
	for _, f := range all {
		if f.Set == "" || f.Stage == "" || len(f.Set)+len(f.Stage)+len(f.Class) > 200 {
			p.Add("filings", "error.choice")
			break
		}
	}
	if len(answers) > MaxFields {
		p.Add("answers", "error.too_many", "most", MaxFields)
	}
	for code, v := range answers {
		if len(code) > 100 || !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			p.Add("answers."+code, "error.characters")
		} else if utf8.RuneCountInString(v) > law.MaxAnswer {
			p.Add("answers."+code, "error.too_long", "most", law.MaxAnswer)
		}
	}
}

func validAffected(p *errs.Problems, names []string) {
	if len(names) > MaxAffected {
		p.Add("affected", "error.too_many", "most", MaxAffected)
	}
	for _, name := range names {
		if strings.TrimSpace(name) == "" || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			p.Add("affected", "error.characters")
			return
		}
		if utf8.RuneCountInString(name) > MaxShort {
			p.Add("affected", "error.too_long", "most", MaxShort)
			return
		}
	}
}

// filingsOf gives the stages that a report hands in: those that its form names, or the one that its fields tell.
func (s *Service) filingsOf(in ReceiveInput) ([]Filing, law.Answers) {
	if s.Laws == nil {
		return nil, nil
	}
	if len(in.Filings) > 0 {
		return in.Filings, s.taken(in.Answers)
	}
	set, stage, ok := s.lawOf(in.Body)
	if !ok {
		return nil, nil
	}
	return []Filing{{Set: set.Code, Stage: stage}}, s.answersOf(in)
}

// taken leaves of answers what their questions take: the rest stays in the original.
func (s *Service) taken(answers law.Answers) law.Answers {
	out := law.Answers{}
	for code, v := range answers {
		var p errs.Problems
		if s.Laws.Check(&p, law.Answers{code: v}, s.Clock.Now()); v != "" && len(p) == 0 {
			out[code] = v
		}
	}
	return out
}

// submitFirst files the stages with which a report comes, under each law that it names. A law that is not here any more is left out: what was said
// stands in the message, and a person files it.
func (s *Service) submitFirst(ctx context.Context, tx *db.Tx, by access.Actor, r *row, in ReceiveInput, message string) ([]Clock, error) {
	if s.Laws == nil {
		return nil, nil
	}
	filings, answers := s.filingsOf(in)
	told := in.ToldAt
	if told.IsZero() {
		told = r.ReceivedAt
	}
	return s.file(ctx, tx, by, r, filings, answers, SubmitInput{ToldAt: told, Message: message, Channel: in.Channel})
}

// file files stages with the answers that each of them asks.
func (s *Service) file(ctx context.Context, tx *db.Tx, by access.Actor, r *row, filings []Filing, answers law.Answers, like SubmitInput) ([]Clock, error) {
	var out []Clock
	for _, f := range filings {
		set, err := s.Laws.Set(f.Set)
		if err != nil || set.Nature == law.Pointer {
			continue
		}
		stage, ok := set.Stage(f.Stage)
		if !ok {
			continue
		}
		in := like
		in.Set, in.Stage, in.Answers = set.Code, stage.Code, answers
		if slices.ContainsFunc(set.Classes, func(c law.Class) bool { return c.Code == f.Class }) {
			in.Class = f.Class
		}
		if len(filings) > 1 { // each law gets what it asks, and what nobody else asks
			in.Answers = law.Answers{}
			for code, v := range answers {
				if slices.Contains(stage.Asks, code) {
					in.Answers[code] = v
				}
			}
		}
		_, clocks, err := s.submitTx(ctx, tx, by, r, set, in, []int64{r.Organisation})
		if err != nil {
			return out, err
		}
		for _, c := range clocks {
			if c.Open() && c.OwedBy == deadline.Them {
				out = append(out, Clock{Kind: c.Kind, Owes: "reporter", DueAt: c.DueAt, RuleSet: c.RuleSet})
			}
		}
	}
	return out, nil
}

// Later is a later stage of a report, or a correction of an earlier one, as it comes by a status link.
type Later struct {
	Filings   []Filing    `json:"filings"`
	Corrects  int         `json:"corrects,omitempty"`  // number of the submission; 0 for none
	Completes int         `json:"completes,omitempty"` // number of the submission whose gaps the answers fill; 0 for none
	Answers   law.Answers `json:"answers"`
	toldAt    time.Time
}

// told notes when it came.
func (l *Later) told(at time.Time) *Later {
	if l != nil {
		l.toldAt = at
	}
	return l
}

// laterTx files what came by a link. It is for the obligations that the report's own reporter began; what does not fit any more stands in the message.
func (s *Service) laterTx(ctx context.Context, tx *db.Tx, by access.Actor, report int64, in Later, message correspondence.Message) error {
	if s.Laws == nil {
		return nil
	}
	r, err := s.byID(ctx, tx, report)
	if err != nil {
		return err
	}
	if r.status() == StatusConcluded { // it was when the form was sent, or since: what was written stands in the message
		return nil
	}
	like := SubmitInput{ToldAt: in.toldAt, Message: message.UID, Channel: correspondence.ByForm, Corrects: in.Corrects, Completes: in.Completes}
	filings, answers := in.Filings, s.taken(in.Answers)
	if number := max(in.Corrects, in.Completes); number != 0 {
		before, err := s.submissions(ctx, tx, `s.report = $1`, report)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(before, func(x Submission) bool { return x.Number == number && x.Organisation == 0 })
		if i < 0 {
			return nil
		}
		filings = []Filing{{Set: before[i].Set, Stage: before[i].Stage}}
	}
	if _, err := s.file(ctx, tx, by, &r, filings, answers, like); errors.Is(err, ErrNothingNew) {
		return nil // nothing new: another form told it, or nothing was filled in
	} else if err != nil {
		return err
	}
	if err := access.Touch(ctx, tx, report, s.Clock.Now()); err != nil {
		return err
	}
	return s.showTx(ctx, tx, report)
}

// stagesFor fills into a view what laws ask, as far as the holder of a code may see it.
func (s *Service) stagesFor(ctx context.Context, h db.Handle, r *row, v *StatusView, entire bool) error {
	if s.Laws == nil {
		return nil
	}
	all, err := s.within(ctx, h, `b.report = $1`, r.Ref.ID)
	if err != nil || len(all) == 0 {
		return err
	}
	if err := s.fill(ctx, h, all); err != nil {
		return err
	}
	handed, err := s.submissions(ctx, h, `s.report = $1`, r.Ref.ID)
	if err != nil {
		return err
	}
	for _, o := range all {
		for _, x := range o.Owed {
			if x.Team {
				v.Recipients = addRecipient(v.Recipients, RecipientView{Set: o.Set.Code, Code: x.Code, At: x.MetAt})
				continue
			}
			v.Stages = addStage(v.Stages, StageView{
				Set: o.Set.Code, Key: x.Key(), State: x.State, Due: x.Due, Limit: x.Limit, MetAt: x.MetAt, Late: x.State == law.Met && x.Late(time.Time{}), For: 1,
			})
		}
	}
	handed = common(handed)
	if v.Crime != "" || Known(handed, 0)["malicious"] == "yes" {
		v.Crime = all[0].Set.Code
	}
	gaps, err := s.gaps(ctx, h, r.Ref.ID, handed)
	if err != nil {
		return err
	}
	v.Gaps = gapViews(gaps)
	for _, x := range handed {
		y := HandedView{Number: x.Number, Set: x.Set, Stage: x.Stage, ToldAt: x.ToldAt, Corrects: x.Corrects, Sum: x.Sum}
		if i := slices.IndexFunc(all, func(o Obligation) bool { return slices.Contains(x.For, o.Ref.ID) }); i >= 0 {
			y.Class = all[i].Class
		}
		if entire {
			y.Answers = x.Answers
		}
		v.Handed = append(v.Handed, y)
	}
	return nil
}

// addStage keeps of one stage of several organisations the one that asks for something first.
func addStage(all []StageView, x StageView) []StageView {
	i := slices.IndexFunc(all, func(y StageView) bool { return y.Set == x.Set && y.Key == x.Key })
	if i < 0 {
		return append(all, x)
	}
	x.For = all[i].For + 1
	if x.State == law.Running && (all[i].State != law.Running || x.Due.Before(all[i].Due)) {
		all[i] = x
	}
	all[i].For = x.For
	return all
}

func addRecipient(all []RecipientView, x RecipientView) []RecipientView {
	i := slices.IndexFunc(all, func(y RecipientView) bool { return y.Set == x.Set && y.Code == x.Code })
	if i < 0 {
		return append(all, x)
	}
	if x.At.IsZero() {
		all[i].At = x.At // not for each organisation yet
	}
	return all
}

// Known gives what the reporter told so far.
func (v StatusView) Known() law.Answers {
	var all []Submission
	for _, x := range v.Handed {
		all = append(all, Submission{Number: x.Number, Corrects: x.Corrects, Answers: x.Answers})
	}
	return Known(all, 0)
}

// AnswerWords gives an answer as a reader reads it in the printer's language and zone; "" is not known yet.
func AnswerWords(p *text.Printer, f law.Field, a string) string {
	switch {
	case a == "" || a == law.Unknown:
		return ""
	case f.Kind == law.YesNo && (a == "yes" || a == "no"):
		return p.T("common.answer." + a)
	case f.Kind == law.Instant:
		if t, err := time.Parse(time.RFC3339, a); err == nil {
			return p.DateTime(t)
		}
	case f.Kind == law.Choice:
		for _, o := range f.Options {
			if o.Code == a {
				return o.Name.In(string(p.Lang()))
			}
		}
	}
	return a
}
