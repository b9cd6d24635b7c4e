package intake

import (
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// SheetLine is a signed receipt that is there, or will be in a moment.
type SheetLine struct {
	Number int    // of the submission, 0 for the report itself
	Lang   string // in which it is written
	First  bool   // it is the one that was made first
}

// SheetLines lists the signed receipts of a report that the actor may see, the first of each submission before those in other languages.
func (s *Service) SheetLines(ctx context.Context, by access.Actor, report string) ([]SheetLine, error) {
	r, err := s.load(ctx, s.DB, by, report)
	if err != nil || r.Withheld || r.Destroyed {
		return nil, err
	}
	last := -1
	return db.All(ctx, s.DB, func(r *db.Rows) (x SheetLine, err error) {
		err = r.Scan(&x.Number, &x.Lang)
		x.First, last = x.Number != last, x.Number
		return x, err
	}, `SELECT number, lang FROM intake_sheet WHERE report = $1 AND tries < 8 ORDER BY number, id LIMIT 500`, r.Ref.ID)
}

// OwnSheet is a signed receipt of a report that the reader may see.
type OwnSheet struct {
	Number int
	Lang   string
	Made   time.Time
	Report Report
}

// SheetsBefore lists the signed receipts of the reports that the actor may see, newest first, made before a moment (zero: all). The actor needs access.OwnCases.
func (s *Service) SheetsBefore(ctx context.Context, by access.Actor, before time.Time, limit int) ([]OwnSheet, error) {
	if err := by.Need(access.OwnCases); err != nil {
		return nil, err
	}
	type line struct {
		OwnSheet
		report int64
	}
	q := new(db.Query).Add(`SELECT x.report, x.number, x.lang, x.made_at FROM `)
	access.Sees(by).From(q, ref.Report).Add(` JOIN intake_sheet x ON x.report = o.id WHERE x.made_at IS NOT NULL`)
	if !before.IsZero() {
		q.Add(` AND x.made_at < ?`, before)
	}
	lines, err := db.List(ctx, s.DB, q.Add(` ORDER BY x.made_at DESC, x.id DESC LIMIT ?`, limit), func(r *db.Rows) (l line, err error) {
		return l, r.Scan(&l.report, &l.Number, &l.Lang, &l.Made)
	})
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	var ids []int64
	for _, l := range lines {
		if !slices.Contains(ids, l.report) {
			ids = append(ids, l.report)
		}
	}
	reports, err := s.ByID(ctx, s.DB, by, ids...)
	if err != nil {
		return nil, err
	}
	var out []OwnSheet
	for _, l := range lines {
		if r, ok := reports[l.report]; ok && !r.Withheld && !r.Destroyed {
			l.Report = r
			out = append(out, l.OwnSheet)
		}
	}
	return out, nil
}

// AskSheet asks for the signed receipt of a submission in another language: the same content under a signature of its own, made in a moment. Asked twice it is
// one. The actor needs access.OwnCases, or access.Triage. Refused: NotFound, Invalid for a language that is none of ours.
func (s *Service) AskSheet(ctx context.Context, by access.Actor, report string, number int, lang string) error {
	if !by.Can(access.Triage) {
		if err := by.Need(access.OwnCases); err != nil {
			return err
		}
	}
	var p errs.Problems
	if !slices.Contains(text.Langs(), text.Lang(lang)) {
		p.Add("lang", "error.choose")
	}
	if err := p.Err(); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		if r.Withheld || r.Destroyed {
			return errs.ErrNotFound
		}
		numbers, err := s.sheets(ctx, tx, r.Ref.ID)
		if err != nil {
			return err
		}
		if !slices.Contains(numbers, number) {
			return errs.ErrNotFound
		}
		n, err := tx.Exec(ctx, `INSERT INTO intake_sheet (report, number, lang, asked_at) VALUES ($1, $2, $3, $4) ON CONFLICT (report, number, lang) DO NOTHING`, r.Ref.ID, int64(number), lang, s.Clock.Now())
		if err != nil || n == 0 {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: "intake.ask_sheet", On: r.Ref, Compartment: r.Compartment, Changes: []audit.Change{{Field: "number", To: number}, {Field: "lang", To: lang}}})
	})
}
