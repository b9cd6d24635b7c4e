package intake

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// OwnCase is what a law asks of the actor's own organisation in one report, made by itself or by somebody else for it. Of a report that somebody else
// made it has who that is, and what was said of this organisation: nothing of any other.
type OwnCase struct {
	Obligation
	Foreign     bool   // somebody else made the report
	Report      string // uid of its own report; "" for a foreign one
	Reference   string // of the report
	Who, As     string // foreign: who made it, and as what (one of Behalves)
	ReceivedAt  time.Time
	State       string // StatusReceived and so on
	Submissions []Submission
	Known       law.Answers // what the organisation may read of them
}

// Owes gives what the organisation owes first, false when nothing runs.
func (o Obligation) Owes() (out law.Owed, owes bool) {
	for _, x := range o.Owed {
		if !x.Team && x.Strict && x.State == law.Running && (!owes || x.Due.Before(out.Due)) {
			out, owes = x, true
		}
	}
	return out, owes
}

// CasesOfUs lists what laws ask of the actor's own organisation in reports that somebody else made, newest first, without what was handed in.
func (s *Service) CasesOfUs(ctx context.Context, by access.Actor, after string, limit int) (constituency.Page[OwnCase], error) {
	var page constituency.Page[OwnCase]
	if err := by.Need(access.OwnCases); err != nil || by.Organisation == 0 || s.Laws == nil {
		return page, err
	}
	if limit <= 0 || limit > 100 {
		limit = 50
	}
	last := int64(1<<62 - 1)
	if after != "" {
		n, err := strconv.ParseInt(after, 36, 64)
		if err != nil {
			return page, errs.ErrNotFound
		}
		last = n
	}
	q := new(db.Query).Add(`SELECT ` + obligationColumns + ` FROM `)
	access.Sees(by).From(q, ref.Obligation).Add(` JOIN intake_obligation b ON b.id = o.id JOIN intake_report w ON w.id = b.report
		WHERE b.organisation = ? AND w.organisation <> b.organisation AND o.id < ? ORDER BY o.id DESC LIMIT ?`, by.Organisation, last, limit+1)
	all, err := db.List(ctx, s.DB, q, s.scanObligation)
	if err != nil {
		return page, err
	}
	if len(all) > limit {
		all = all[:limit]
		page.Next = strconv.FormatInt(all[limit-1].Ref.ID, 36)
	}
	if err := s.fill(ctx, s.DB, all); err != nil {
		return page, err
	}
	page.Items, err = s.ownCases(ctx, s.DB, by, all, nil)
	return page, err
}

// CaseOfUs gives one of them, or of a report of its own, by the uid of the obligation, with what was handed in. Refused: NotFound.
func (s *Service) CaseOfUs(ctx context.Context, h db.Handle, by access.Actor, obligation string) (OwnCase, error) {
	o, err := s.ofUs(ctx, h, by, obligation)
	if err != nil {
		return OwnCase{}, err
	}
	all := []Obligation{o}
	if err := s.fill(ctx, h, all); err != nil {
		return OwnCase{}, err
	}
	handed, err := s.submissionsOf(ctx, h, o.Report)
	if err != nil {
		return OwnCase{}, err
	}
	cases, err := s.ownCases(ctx, h, by, all, handed)
	if err != nil {
		return OwnCase{}, err
	}
	return cases[0], nil
}

// ofUs gives an obligation of the actor's own organisation.
func (s *Service) ofUs(ctx context.Context, h db.Handle, by access.Actor, obligation string) (Obligation, error) {
	if err := by.Need(access.OwnCases); err != nil {
		return Obligation{}, err
	}
	if s.Laws == nil || by.Organisation == 0 {
		return Obligation{}, errs.ErrNotFound
	}
	found, err := access.Find(ctx, h, by, ref.Obligation, obligation)
	if err != nil {
		return Obligation{}, err
	}
	q := new(db.Query).Add(`SELECT ` + obligationColumns + ` FROM `)
	access.Sees(by).From(q, ref.Obligation).Add(` JOIN intake_obligation b ON b.id = o.id WHERE o.id = ? AND o.compartment = ?`, found.Ref.ID, by.Organisation)
	return db.One(ctx, h, s.scanObligation, q.Text(), q.Args()...)
}

// ownCases leaves of obligations, and of what was handed in for them, what their organisation may read.
func (s *Service) ownCases(ctx context.Context, h db.Handle, by access.Actor, all []Obligation, handed []Submission) ([]OwnCase, error) {
	if len(all) == 0 {
		return nil, nil
	}
	var ids, orgs []int64
	for _, o := range all {
		ids = append(ids, o.Report)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	reports := map[int64]row{}
	rows, err := s.inside(ctx, h, `o.id IN (`+numbers(ids)+`)`)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		reports[r.Ref.ID] = r
		orgs = append(orgs, r.Organisation)
	}
	named, err := s.Constituency.ByID(ctx, h, orgs...)
	if err != nil {
		return nil, err
	}
	var out []OwnCase
	for _, o := range all {
		r := reports[o.Report]
		c := OwnCase{Obligation: o, Foreign: r.Compartment != by.Organisation, Reference: r.Reference, ReceivedAt: r.ReceivedAt, State: r.status()}
		for i := range c.Facts {
			c.Facts[i].Note, c.Facts[i].SaidBy, c.Facts[i].Submission = "", 0, 0
		}
		if !c.Foreign {
			c.Report = r.UID
		} else if !r.Destroyed && !r.withheld() {
			c.Who, c.As = first(named[r.Organisation].Name, r.Body.OrgText, r.Body.Name), r.Body.Behalf
		}
		c.Submissions = s.ownOf(r, o, c.Foreign, handed)
		c.Known = Known(c.Submissions, 0)
		out = append(out, c)
	}
	return out, nil
}

// ownOf gives the submissions for an obligation as its organisation reads them. What somebody else wrote for several may speak of the others: of that it
// reads what is chosen, counted or timed, and the words once the team shares them. Their numbers would count what others handed in.
func (s *Service) ownOf(r row, o Obligation, foreign bool, handed []Submission) []Submission {
	var out []Submission
	for _, x := range handed {
		if !slices.Contains(x.For, o.Ref.ID) || !foreign && x.Organisation != 0 {
			continue
		}
		x.FiledBy, x.For, x.Message = 0, []int64{o.Ref.ID}, ""
		if foreign && x.Organisation != o.Organisation {
			if r.withheld() {
				x.Answers = nil
			}
			if !x.Shared {
				x.Answers = s.wordless(x.Answers)
			}
		}
		out = append(out, x)
	}
	return out
}

// wordless leaves out of answers what was written in words.
func (s *Service) wordless(a law.Answers) law.Answers {
	out := law.Answers{}
	for code, v := range a {
		if f, ok := s.Laws.Field(code); ok && f.Kind != law.Line && f.Kind != law.Lines {
			out[code] = v
		}
	}
	return out
}

// SubmitOwn files a stage, or the correction of one that it filed, for the actor's own organisation under one of its obligations: of its own report, or
// of one that somebody else made for it, who does not read it then. It counts from now. The actor needs access.FileReport. Refused: Invalid with all
// problems, NotFound, Conflict for a concluded report under which the organisation owes nothing more.
func (s *Service) SubmitOwn(ctx context.Context, by access.Actor, obligation string, in SubmitInput) (Submission, error) {
	if err := by.Need(access.FileReport); err != nil {
		return Submission{}, err
	}
	o, err := s.ofUs(ctx, s.DB, by, obligation)
	if err != nil {
		return Submission{}, err
	}
	in.Set, in.ToldAt, in.Message, in.Affected, in.own = o.Set.Code, time.Time{}, "", nil, nil
	in.Channel = correspondence.ByPortal
	if by.Origin == access.ByAPI {
		in.Channel = correspondence.ByAPI
	}
	set, err := s.validSubmission(in)
	if err != nil {
		return Submission{}, err
	}
	var out Submission
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := s.ofUs(ctx, tx, by, obligation)
		if err != nil {
			return err
		}
		_, r, err := s.obliged(ctx, tx, o.Ref.ID)
		if err != nil {
			return err
		}
		if r.Destroyed {
			return errs.ErrNotFound
		}
		if r.status() == StatusConcluded { // for us: a law may still ask something of them
			owed := []Obligation{o}
			if err := s.fill(ctx, tx, owed); err != nil {
				return err
			}
			if _, owes := owed[0].Owes(); !owes {
				return ErrConcluded
			}
		}
		if r.Compartment != by.Organisation {
			in.own = &o
		}
		if out, _, err = s.submitTx(ctx, tx, by, &r, set, in, []int64{o.Organisation}); err != nil {
			return err
		}
		return s.afterStage(ctx, tx, by, &r, false)
	})
	return out, err
}

// ShareWords lets the organisations affected by a submission read the reporter's words in it, or takes that back. The actor needs access.Triage. Refused:
// NotFound.
func (s *Service) ShareWords(ctx context.Context, by access.Actor, report string, number int, shared bool) error {
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE intake_submission SET shared = $3 WHERE report = $1 AND number = $2 AND organisation = 0`, r.Ref.ID, int64(number), shared)
		if err != nil {
			return err
		}
		if n == 0 {
			return errs.ErrNotFound
		}
		return s.change(ctx, tx, by, &r, audit.Entry{Verb: "intake.share_words", Changes: []audit.Change{{Field: "number", To: number}, {Field: "shared", From: !shared, To: shared}}})
	})
}
