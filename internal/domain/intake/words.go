package intake

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// IndexJob asks intake to keep the words of reports in order.
type IndexJob struct{}

// Kind names the job.
func (IndexJob) Kind() string { return "intake.index" }

// indexRhythm is how often words are looked after. A report is found from the moment it is taken; this only keeps finding cheap.
const indexRhythm = 2 * time.Second

// texts are the words by which a report is found, the most telling first.
func (b Body) texts() []string {
	out := []string{b.Summary, b.Email, b.Name, b.OrgText}
	for _, o := range b.Observables {
		out = append(out, o.Value)
	}
	return append(out, b.Description)
}

// TextOf gives a report as the index of words takes it.
func TextOf(r Report) search.Text {
	return search.Text{Object: r.Ref.ID, Lang: r.Lang, Parts: r.Body.texts()}
}

// indexed is how many reports of before the index are taken in at once.
const indexed = 512

// Index takes in the reports that were there before the index of words, the newest first, and folds what is new. It goes on where an
// interrupted run ended.
func (s *Service) Index(ctx context.Context) error {
	for {
		below, err := s.Words.Backlog(ctx, s.DB, ref.Report)
		if err != nil {
			return err
		}
		if below == 0 {
			return s.Words.Fold(ctx, s.DB, s.Clock.Now())
		}
		if err := s.indexBelow(ctx, below); err != nil && !errs.Is(err, errs.Conflict) {
			return err
		} else if err != nil {
			return nil //nolint:nilerr // another run is at it, or a report was destroyed meanwhile: the next run goes on
		}
	}
}

func (s *Service) indexBelow(ctx context.Context, below int64) error {
	rows, err := db.All(ctx, s.DB, scanRow, `SELECT `+reportColumns+` FROM intake_report r CROSS JOIN object o LEFT JOIN keyring_key k ON k.owner = r.id
		WHERE o.id = r.id AND r.id < $1 ORDER BY r.id DESC LIMIT $2`, below, indexed)
	if err != nil {
		return err
	}
	var texts []search.Text
	var ids []int64
	next := int64(0)
	if len(rows) == indexed {
		next = rows[len(rows)-1].Ref.ID
	}
	for i := range rows {
		r := &rows[i]
		if err := s.open(r); err != nil || r.Destroyed {
			continue // what does not open can be found by nobody
		}
		ids = append(ids, r.Ref.ID)
		texts = append(texts, TextOf(r.Report))
	}
	return s.Words.Take(ctx, s.DB, texts, func(ctx context.Context, tx *db.Tx) error {
		if len(ids) > 0 {
			left, err := db.List(ctx, tx, db.In(new(db.Query).Add(`SELECT owner FROM keyring_key WHERE owner IN `), ids).Add(tx.ForUpdate()),
				func(r *db.Rows) (o int64, err error) { return o, r.Scan(&o) })
			if err != nil {
				return err
			}
			if len(left) != len(ids) {
				return errs.New(errs.Conflict, "a report was destroyed meanwhile")
			}
		}
		return s.Words.BacklogTx(ctx, tx, ref.Report, below, next)
	})
}

// ForgetTx takes the words of a report out of the index: who destroys its key calls it before, in the same transaction.
func (s *Service) ForgetTx(ctx context.Context, tx *db.Tx, report int64) error {
	r, err := s.byID(ctx, tx, report)
	if err != nil || r.Destroyed {
		return err
	}
	return s.Words.ForgetTx(ctx, tx, r.Ref, r.Lang, r.Body.texts()...)
}

const (
	fewHits  = 1000   // hits that are looked up one by one when a list has an order or a filter of its own
	hitStep  = 64     // hits that are looked up at once when it has none
	walked   = 500    // lines of a list that are compared with the hits at once
	farthest = 20_000 // lines that one page is looked for in
)

// found gives the lines of a list whose report holds all words of f.Text, with the cursor behind them. No report is opened that is not shown.
func (s *Service) found(ctx context.Context, by access.Actor, f QueueFilter, waiting, same bool, at cursor) ([]line, string, error) {
	before := at.id
	if waiting {
		before = 0 // the queue has an order of its own
	}
	hunt, err := s.Words.Hunt(ctx, s.DB, by.Lang, f.Text, before)
	if err != nil || hunt.Empty() {
		return nil, "", err
	}
	wide := access.Sees(by).Wide()
	var hits []cursor
	next := ""
	switch {
	case wide && !waiting && f.State == "" && !f.Mine:
		hits, err = s.newest(ctx, by, f, hunt)
	case wide:
		// What is seldom is looked up, and what is frequent is met on the way.
		var few []int64
		if few, err = hunt.Next(ctx, fewHits); err == nil && len(few) < fewHits {
			hits, err = s.among(ctx, by, f, waiting, at, few)
		} else if err == nil {
			hits, next, err = s.met(ctx, by, f, waiting, at, hunt)
		}
	default: // who sees little starts from that: what it does not see costs it nothing (rule A10)
		hits, next, err = s.met(ctx, by, f, waiting, at, hunt)
	}
	if err != nil {
		return nil, "", err
	}
	if want := f.limit(); len(hits) > want {
		hits = hits[:want]
		next = hits[want-1].text()
	}
	out, err := s.these(ctx, by, same, hits)
	return out, next, err
}

// newest gives hits that the reader sees, newest first, until there are more than a page.
func (s *Service) newest(ctx context.Context, by access.Actor, f QueueFilter, hunt *search.Hunt) (out []cursor, err error) {
	for step := min(f.limit()+1, hitStep); len(out) <= f.limit(); step = hitStep {
		ids, err := hunt.Next(ctx, step)
		if err != nil || len(ids) == 0 {
			return out, err
		}
		some, err := s.keys(ctx, s.keyQuery(by, f, false, cursor{}, ids, 0))
		if err != nil {
			return nil, err
		}
		slices.SortFunc(some, func(a, b cursor) int { return cmp.Compare(b.id, a.id) })
		out = append(out, some...)
	}
	return out, nil
}

// among gives those of few hits that the list shows, in its order.
func (s *Service) among(ctx context.Context, by access.Actor, f QueueFilter, waiting bool, at cursor, few []int64) (out []cursor, err error) {
	for ids := range slices.Chunk(few, hitStep) {
		some, err := s.keys(ctx, s.keyQuery(by, f, waiting, at, ids, 0))
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	slices.SortFunc(out, func(a, b cursor) int {
		if waiting {
			return cmp.Or(cmp.Compare(a.queue, b.queue), a.at.Compare(b.at), cmp.Compare(a.id, b.id))
		}
		return cmp.Compare(b.id, a.id)
	})
	return out, nil
}

// met walks the list and keeps what is a hit. When it has walked far without filling the page it gives what it has, and where to go on.
func (s *Service) met(ctx context.Context, by access.Actor, f QueueFilter, waiting bool, at cursor, hunt *search.Hunt) (out []cursor, next string, err error) {
	for far := 0; len(out) <= f.limit(); {
		some, err := s.keys(ctx, s.keyQuery(by, f, waiting, at, nil, walked))
		if err != nil || len(some) == 0 {
			return out, "", err
		}
		ids := make([]int64, len(some))
		for i, k := range some {
			ids[i] = k.id
		}
		held, err := hunt.Hold(ctx, ids)
		if err != nil {
			return nil, "", err
		}
		for _, k := range some {
			if len(held) > 0 && held[0] == k.id {
				out, held = append(out, k), held[1:]
			}
		}
		if len(some) < walked {
			return out, "", nil
		}
		at = some[len(some)-1]
		if far += len(some); far >= farthest {
			return out, at.text(), nil
		}
	}
	return out, "", nil
}

// keyQuery lists where reports stand: those of ids, or a part of the list in its order when limit is not 0.
func (s *Service) keyQuery(by access.Actor, f QueueFilter, waiting bool, at cursor, ids []int64, limit int) *db.Query {
	scope := access.Sees(by)
	q := new(db.Query).Add(`SELECT r.id, r.queue, r.queue_at`)
	made := driven(q, scope)
	q.Add(` AND k.owner IS NOT NULL`)
	if !by.Team() { // what is withheld is not found by its words
		q.Add(` AND (r.seal NOT IN (?, ?) OR (r.seal = ? AND r.proof = ?))`, string(correspondence.Encrypted), string(correspondence.SignedEncrypted),
			string(correspondence.SignedEncrypted), int64(correspondence.SignedByKey))
	}
	if limit == 0 {
		db.In(q.Add(` AND r.id IN `), ids)
	}
	return s.narrowed(q, by, f, waiting, at, limit, made)
}

func (s *Service) keys(ctx context.Context, q *db.Query) ([]cursor, error) {
	return db.List(ctx, s.DB, q, func(r *db.Rows) (c cursor, err error) { return c, r.Scan(&c.id, &c.queue, &c.at) })
}

// these reads the lines of a page, in the order of the page.
func (s *Service) these(ctx context.Context, by access.Actor, same bool, page []cursor) ([]line, error) {
	if len(page) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(page))
	for i, c := range page {
		ids[i] = c.id
	}
	q, _ := s.lineQuery(access.Sees(by), same)
	lines, err := db.List(ctx, s.DB, db.In(q.Add(` AND r.id IN `), ids), func(rows *db.Rows) (line, error) { return scanLine(rows, same) })
	if err != nil {
		return nil, err
	}
	for i := range lines {
		if err := s.open(&lines[i].row); err != nil {
			return nil, err
		}
		withhold(by, &lines[i].Report)
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(slices.Index(ids, a.Ref.ID), slices.Index(ids, b.Ref.ID)) })
	return lines, s.linksOf(ctx, lines)
}
