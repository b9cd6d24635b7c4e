package intake

import (
	"cmp"
	"context"
	"maps"
	"math/bits"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Reports that are alike are folded in the queue under one of them, the founder: each has a trait in common with the founder itself, never only
// with another of the group. So a group says nothing of a report that its reader may not see: without its founder there is none (rule A10).

// folding is what the reports of a transaction are compared by: looked up for all of them at once, before the commit.
type folding struct{ s *Service }

type compared struct {
	report int64
	month  int64
	traits []trait
}

// foldTx lets a report that is being filed be folded under what it is like, or be a founder itself.
func (s *Service) foldTx(tx *db.Tx, r *row, traits []trait) {
	if len(traits) == 0 {
		return
	}
	all := db.Gather(tx, folding{s}, func(ctx context.Context, all *[]compared) error { return fold(ctx, tx, *all) })
	*all = append(*all, compared{r.Ref.ID, periodOf(r.ReceivedAt), traits})
}

type holder struct {
	report int64
	founds bool
}

// foldsAt is how many reports are looked up at once.
const foldsAt = 16

// fold takes for each report the traits that nobody has, and only then looks who has the rest, so that of two transactions at once the second waits
// for the first.
func fold(ctx context.Context, tx *db.Tx, all []compared) error {
	for some := range slices.Chunk(all, foldsAt) {
		if err := foldSome(ctx, tx, some); err != nil {
			return err
		}
	}
	return nil
}

func foldSome(ctx context.Context, tx *db.Tx, all []compared) error {
	has, err := held(ctx, tx, all)
	if err != nil {
		return err
	}
	type place struct {
		fold int64
		why  Why
	}
	under, changed := map[place][]int64{}, map[int64]bool{}
	for _, c := range all {
		var to place
		var own, others []int64 // tokens that it took, and that one has who is folded elsewhere
		for _, t := range c.traits {
			for _, month := range []int64{c.month - 1, c.month} {
				token := month<<periodBits | t.token
				switch h, ok := has[token]; {
				case !ok:
				case h.report == c.report:
					own = append(own, token)
				case !h.founds:
					others = append(others, token)
				case to.why == 0 || t.why < to.why || (t.why == to.why && h.report < to.fold):
					to = place{h.report, t.why}
				}
			}
		}
		if to.why == 0 {
			for _, token := range others {
				has[token], changed[token] = holder{c.report, true}, true
			}
			continue
		}
		under[to] = append(under[to], c.report)
		for _, token := range own { // what it has of its own founds no group: who shares that alone shares nothing with the founder
			has[token], changed[token] = holder{c.report, false}, true
		}
	}
	for to, reports := range under {
		q := db.In(new(db.Query).Add(`UPDATE intake_report SET fold = ?, fold_why = ? WHERE id IN `, to.fold, int64(to.why)), reports)
		if _, err := q.Exec(ctx, tx); err != nil {
			return err
		}
	}
	as := map[holder][]int64{}
	for token := range changed {
		as[has[token]] = append(as[has[token]], token)
	}
	for h, tokens := range as {
		q := db.In(new(db.Query).Add(`UPDATE intake_trait SET report = ?, founds = ? WHERE token IN `, h.report, h.founds), tokens)
		if _, err := q.Exec(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// held inserts the traits that nobody has this month, and gives who has each, this month and the one before.
func held(ctx context.Context, tx *db.Tx, all []compared) (map[int64]holder, error) {
	type fresh struct{ token, report int64 }
	var rows []fresh
	var tokens []int64
	for _, c := range all {
		for _, t := range c.traits {
			rows = append(rows, fresh{c.month<<periodBits | t.token, c.report})
			tokens = append(tokens, c.month<<periodBits|t.token, (c.month-1)<<periodBits|t.token)
		}
	}
	slices.SortFunc(rows, func(a, b fresh) int { return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(a.report, b.report)) }) // one order of locks for all
	rows = slices.CompactFunc(rows, func(a, b fresh) bool { return a.token == b.token })
	slices.Sort(tokens)
	tokens = slices.Compact(tokens)
	for some := range slices.Chunk(rows, 64) {
		q := new(db.Query).Add(`INSERT INTO intake_trait (token, report, founds) VALUES `)
		for i := range 1 << bits.Len(uint(len(some)-1)) { // few texts of the statement
			if i > 0 {
				q.Add(`, `)
			}
			r := some[min(i, len(some)-1)]
			q.Add(`(?, ?, TRUE)`, r.token, r.report)
		}
		if _, err := q.Add(` ON CONFLICT (token) DO NOTHING`).Exec(ctx, tx); err != nil {
			return nil, err
		}
	}
	out := make(map[int64]holder, len(tokens))
	for some := range slices.Chunk(tokens, 64) {
		rows, err := db.In(new(db.Query).Add(`SELECT token, report, founds FROM intake_trait WHERE token IN `), some).Query(ctx, tx)
		err = db.Each(rows, err, func(x *db.Rows) error {
			var token int64
			var h holder
			err := x.Scan(&token, &h.report, &h.founds)
			out[token] = h
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// foldedAway is the condition that a report of the queue stands under another one: the reader sees its founder, and the founder, or one of the group
// that comes before it, waits in the same part of the queue and on the same list.
func foldedAway(q *db.Query, scope access.Scope, by access.Actor, mine bool) *db.Query {
	listed := func() {
		q.Add(` AND EXISTS (SELECT 1 FROM `)
		scope.From(q, ref.Report).Add(` WHERE o.id = d.id`)
		if mine {
			q.Add(` AND o.handler IN (0, ?)`, by.Account)
		}
		q.Add(`)`)
	}
	q.Add(`(r.fold <> 0 AND r.queue IN (?, ?) AND EXISTS (SELECT 1 FROM `, clockRuns, isNew)
	scope.From(q, ref.Report).Add(` WHERE o.id = r.fold) AND (EXISTS (SELECT 1 FROM intake_report d WHERE d.id = r.fold AND d.queue = r.queue`)
	listed()
	q.Add(`) OR EXISTS (SELECT 1 FROM intake_report d WHERE d.fold <> 0 AND d.fold = r.fold AND d.queue = r.queue AND (d.queue_at, d.id) < (r.queue_at, r.id)`)
	listed()
	return q.Add(`)))`)
}

// foldCap is how many of a group are counted: then a page says "more".
const foldCap = 1000

// foldCount is the column that says how many others stand under a line, and by what they are alike: count, first and last reason in one number.
func foldCount(q *db.Query, scope access.Scope, by access.Actor, mine bool) *db.Query {
	q.Add(`, CASE WHEN r.queue NOT IN (?, ?) THEN 0 ELSE (SELECT COUNT(*) * 100 + COALESCE(MIN(w) * 10 + MAX(w), 0) FROM (SELECT d.fold_why AS w FROM intake_report d
		WHERE d.fold <> 0 AND d.fold = CASE WHEN r.fold = 0 THEN r.id ELSE r.fold END AND d.id <> r.id AND d.queue = r.queue AND EXISTS (SELECT 1 FROM `, clockRuns, isNew)
	scope.From(q, ref.Report).Add(` WHERE o.id = d.id`)
	if mine {
		q.Add(` AND o.handler IN (0, ?)`, by.Account)
	}
	q.Add(`) AND (r.fold = 0 OR EXISTS (SELECT 1 FROM `)
	return scope.From(q, ref.Report).Add(` WHERE o.id = r.fold)) LIMIT ?) counted) END`, foldCap)
}

// folded reads what foldCount wrote.
func folded(l *line) (count int, why []Why) {
	count = l.same / 100
	for _, w := range []Why{Why(l.same / 10 % 10), Why(l.same % 10)} {
		if w != 0 && !slices.Contains(why, w) {
			why = append(why, w)
		}
	}
	return count, why
}

// groupOf gives the founder of the group of a report: the report itself when it founds one, or when the reader does not see who does.
func (s *Service) groupOf(ctx context.Context, by access.Actor, report string) (int64, error) {
	r, err := s.load(ctx, s.DB, by, report)
	if err != nil || r.fold == 0 {
		return r.Ref.ID, err
	}
	q := new(db.Query).Add(`SELECT o.id FROM `)
	ids, err := db.List(ctx, s.DB, access.Sees(by).From(q, ref.Report).Add(` WHERE o.id = ?`, r.fold), func(x *db.Rows) (n int64, err error) { return n, x.Scan(&n) })
	if err != nil || len(ids) == 0 {
		return r.Ref.ID, err
	}
	return ids[0], nil
}

// endTraits takes away the months in which nothing is looked for any more.
func (s *Service) endTraits(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `DELETE FROM intake_trait WHERE token < $1`, (periodOf(s.Clock.Now())-1)<<periodBits)
	return err
}

// score says how likely a reason makes it that two reports tell of the same, in percent.
func (w Why) score() int { return [...]int{0, 95, 90, 80, 70}[w] }

type match struct {
	row *row
	why Why
}

// alike gives reports that the reader sees and that share a trait with r: by its text and links, and by the files for which it was folded.
func (s *Service) alike(ctx context.Context, by access.Actor, r *Report) ([]match, error) {
	if r.Destroyed || r.Withheld {
		return nil, nil
	}
	own, err := s.load(ctx, s.DB, by, r.UID)
	if err != nil {
		return nil, err
	}
	why := map[int64]Why{}
	note := func(report int64, w Why) {
		if had, ok := why[report]; report != r.Ref.ID && (!ok || w < had) {
			why[report] = w
		}
	}
	if err := s.holders(ctx, r, own.words, note); err != nil {
		return nil, err
	}
	if own.fold != 0 {
		note(own.fold, own.foldWhy)
	} else if err := s.under(ctx, by, own.Ref.ID, note); err != nil {
		return nil, err
	}
	if len(why) == 0 {
		return nil, nil
	}
	q := new(db.Query).Add(`SELECT ` + reportColumns + ` FROM `)
	access.Sees(by).From(q, ref.Report).Add(joins).Add(` WHERE o.id IN `)
	rows, err := db.List(ctx, s.DB, db.In(q, slices.Sorted(maps.Keys(why))), scanRow)
	if err != nil {
		return nil, err
	}
	out := make([]match, len(rows))
	for i := range rows {
		if err := s.open(&rows[i]); err != nil {
			return nil, err
		}
		out[i] = match{&rows[i], why[rows[i].Ref.ID]}
	}
	return out, nil
}

// holders notes who had the traits of a report first, in its month and those beside it.
func (s *Service) holders(ctx context.Context, r *Report, words []byte, note func(report int64, w Why)) error {
	names, at := map[int64]Why{}, periodOf(r.ReceivedAt)
	var tokens []int64
	for _, t := range s.traitsOf(r.Body, words, nil) {
		names[t.token] = t.why
		tokens = t.around(tokens, at)
	}
	if len(tokens) == 0 {
		return nil
	}
	rows, err := db.In(new(db.Query).Add(`SELECT token, report FROM intake_trait WHERE token IN `), tokens).Query(ctx, s.DB)
	return db.Each(rows, err, func(x *db.Rows) error {
		var token, report int64
		err := x.Scan(&token, &report)
		note(report, names[token&(1<<periodBits-1)])
		return err
	})
}

// under notes some of those that are folded under a founder and that the reader sees.
func (s *Service) under(ctx context.Context, by access.Actor, founder int64, note func(report int64, w Why)) error {
	q := new(db.Query).Add(`SELECT d.id, d.fold_why FROM intake_report d WHERE d.fold = ? AND d.fold <> 0 AND EXISTS (SELECT 1 FROM `, founder)
	access.Sees(by).From(q, ref.Report).Add(` WHERE o.id = d.id) ORDER BY d.queue DESC, d.queue_at DESC, d.id DESC LIMIT ?`, similarLimit)
	rows, err := q.Query(ctx, s.DB)
	return db.Each(rows, err, func(x *db.Rows) error {
		var report int64
		var w Why
		err := x.Scan(&report, &w)
		note(report, w)
		return err
	})
}
