package coordination

import (
	"context"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// owes is what one party still owes, as a letter that chases says it.
type owes struct {
	what     []string // requests and measures by their first line
	label    tlp.Level
	measures bool
	message  int64 // the newest letter of those that asked it
	linked   bool  // that letter carried a link
	entire   bool  // and it travelled unread
}

// owed gives what the parties of a subject still owe and know of, for a Give that chases: three statements, however many parties.
func (s *Service) owed(ctx context.Context, h db.Handle, subject ref.Ref, g Give) (map[int64]owes, error) {
	if !g.Chase {
		return nil, nil
	}
	return s.owedBy(ctx, h, `r.subject = $1`, subject.ID, `subject = $1`)
}

// owedBy is owed for one condition on requests and measures, and the same on links.
func (s *Service) owedBy(ctx context.Context, h db.Handle, which string, arg int64, whichLinks string) (map[int64]owes, error) {
	now := s.Clock.Now()
	requests, err := db.All(ctx, h, s.scanRequest, `SELECT `+requestColumns+` FROM object o`+requestTables+` WHERE `+which+` AND r.open = TRUE AND r.shown_at <= $2 ORDER BY r.id`, arg, now)
	if err != nil {
		return nil, err
	}
	measures, err := db.All(ctx, h, s.scanMeasure, `SELECT `+measureColumns+` FROM object o`+measureTables+` WHERE `+which+` AND r.open = TRUE AND r.shown_at <= $2 ORDER BY r.id`, arg, now)
	if err != nil {
		return nil, err
	}
	links, err := s.links(ctx, h, `ended_at IS NULL AND `+whichLinks, arg)
	if err != nil {
		return nil, err
	}
	out := map[int64]owes{}
	add := func(party, message int64, label tlp.Level, words string, measure bool) {
		x := out[party]
		words, _, _ = strings.Cut(strings.TrimSpace(words), "\n")
		x.what, x.label, x.message, x.measures = append(x.what, words), tlp.Max(x.label, label), max(x.message, message), x.measures || measure
		out[party] = x
	}
	for _, r := range requests {
		add(r.Party, r.Message, r.TLP, r.Text, false)
	}
	for _, m := range measures {
		add(m.Party, m.Message, m.TLP, m.Title, true)
	}
	for _, l := range links {
		if x := out[l.party]; x.message == l.message {
			x.linked, x.entire = true, x.entire || l.entire
			out[l.party] = x
		}
	}
	return out, nil
}
