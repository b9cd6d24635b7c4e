package intake

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// mac is a keyed hash for finding what is the same without storing it; each purpose has a key of its own (rule K4).
func (s *Service) mac(purpose, value string) []byte {
	if value == "" {
		return nil
	}
	m := hmac.New(sha256.New, s.Ring.Derive("intake same "+purpose+"/v1"))
	m.Write([]byte(value))
	return m.Sum(nil)
}

// fewest is how many letters a text needs before being the same says anything.
const fewest = 20

// normal gives a text with everything dropped in which copies differ: case, blanks, punctuation, the marks of answering and forwarding.
func normal(summary, description string) string {
	var b strings.Builder
	for line := range strings.Lines(prefixless(summary) + "\n" + description) {
		if strings.HasPrefix(strings.TrimSpace(line), ">") {
			continue
		}
		for _, r := range line {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				b.WriteRune(unicode.ToLower(r))
			}
			if b.Len() > 20_000 {
				return b.String()
			}
		}
	}
	if b.Len() < fewest {
		return ""
	}
	return b.String()
}

func prefixless(s string) string {
	for {
		head, rest, ok := strings.Cut(s, ":")
		if !ok || !slices.Contains([]string{"re", "fw", "fwd", "aw", "wg", "tr", "enc", "res", "antw", "doorst"}, strings.ToLower(strings.TrimSpace(head))) {
			return s
		}
		s = rest
	}
}

// similarLimit caps what is looked at for each reason: a list of more is read by nobody.
const similarLimit = 8

// Similar gives reports and linked incidents that look alike, computed inside the reader's scope (rule A10), best first. The report is as the reader read it.
func (s *Service) Similar(ctx context.Context, by access.Actor, r Report) ([]Similar, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	same, err := s.same(ctx, by, r.Ref.ID)
	if err != nil {
		return nil, err
	}
	var out []Similar
	var alike []*Report // as the first of out
	seen := map[int64]bool{r.Ref.ID: true}
	for i := range same {
		x := &same[i]
		seen[x.Ref.ID] = true
		out = append(out, Similar{Object: x.Object, Title: x.Body.Title(), Why: x.why, Score: x.score})
		alike = append(alike, &x.Report)
	}
	more, err := s.alike(ctx, by, &r)
	if err != nil {
		return nil, err
	}
	for _, m := range more {
		if !seen[m.row.Ref.ID] {
			seen[m.row.Ref.ID] = true
			out = append(out, Similar{Object: m.row.Object, Title: m.row.Body.Title(), Why: m.why.Key(), Score: m.why.score()})
			alike = append(alike, &m.row.Report)
		}
	}
	incidents, err := s.incidentsOf(ctx, by, alike)
	if err != nil {
		return nil, err
	}
	for i, r := range alike {
		for _, x := range r.Incidents {
			if o, ok := incidents[x.ID]; ok && !seen[x.ID] {
				seen[x.ID] = true
				out = append(out, Similar{Object: o, Title: o.Number, Why: out[i].Why, Score: out[i].Score - 5})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Similar) int { return b.Score - a.Score })
	return out, nil
}

// sameAs are the marks by which two reports are the same in something, the best first.
var sameAs = []struct {
	column, key string
	score       int
}{{"message", "same_message", 100}, {"words", "same_text", 95}, {"sender", "same_sender", 40}}

type sameRow struct {
	row
	why   string
	score int
}

// same gives the newest reports in the reader's scope with a mark of a report, each once, by its best.
func (s *Service) same(ctx context.Context, by access.Actor, report int64) ([]sameRow, error) {
	q := new(db.Query)
	for i, m := range sameAs {
		if i > 0 {
			q.Add(` UNION ALL `)
		}
		q.Add(`SELECT * FROM (SELECT r.id, ` + strconv.Itoa(i) + ` AS mark FROM `)
		access.Sees(by).From(q, ref.Report).Add(` JOIN intake_report r ON r.id = o.id WHERE r.`+m.column+` = (SELECT x.`+m.column+` FROM intake_report x WHERE x.id = ?) AND r.id <> ?
			ORDER BY r.id DESC LIMIT ?) m`+strconv.Itoa(i), report, report, similarLimit)
	}
	best := map[int64]int{}
	order, err := db.List(ctx, s.DB, q, func(rows *db.Rows) (id int64, err error) {
		var mark int
		err = rows.Scan(&id, &mark)
		if had, ok := best[id]; !ok || mark < had {
			best[id] = mark
		}
		return id, err
	})
	if err != nil || len(order) == 0 {
		return nil, err
	}
	q = new(db.Query).Add(`SELECT ` + reportColumns + ` FROM `)
	access.Sees(by).From(q, ref.Report).Add(joins).Add(` WHERE r.id IN `)
	rows, err := db.List(ctx, s.DB, db.In(q, slices.Sorted(maps.Keys(best))), scanRow)
	if err != nil {
		return nil, err
	}
	out := make([]sameRow, len(rows))
	for i, r := range rows {
		m := sameAs[best[r.Ref.ID]]
		out[i] = sameRow{r, m.key, m.score}
		if err := s.open(&out[i].row); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b sameRow) int {
		return cmp.Or(best[a.Ref.ID]-best[b.Ref.ID], cmp.Compare(b.Ref.ID, a.Ref.ID))
	})
	return out, nil
}

// incidentsOf gives the incidents that reports are linked to and the reader may see, by object id.
func (s *Service) incidentsOf(ctx context.Context, by access.Actor, reports []*Report) (map[int64]access.Object, error) {
	if err := s.links(ctx, s.DB, reports); err != nil {
		return nil, err
	}
	var ids []int64
	for _, r := range reports {
		for _, x := range r.Incidents {
			ids = append(ids, x.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	q := new(db.Query).Add(`SELECT ` + access.Columns + ` FROM `)
	access.Sees(by).From(q, ref.Incident).Add(` WHERE o.id IN `)
	out := map[int64]access.Object{}
	_, err := db.List(ctx, s.DB, db.In(q, ids), func(rows *db.Rows) (o access.Object, err error) {
		if err = rows.Scan(o.Dst()...); err == nil {
			out[o.Ref.ID] = o
		}
		return o, err
	})
	return out, err
}

// Title is what a list shows: the summary, or the beginning of the description.
func (b Body) Title() string {
	if s := strings.TrimSpace(b.Summary); s != "" {
		return s
	}
	first, _, _ := strings.Cut(strings.TrimSpace(b.Description), "\n")
	runes := []rune(first)
	if len(runes) > 120 {
		return string(runes[:120]) + "…"
	}
	return first
}
