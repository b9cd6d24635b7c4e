package coordination

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// finding is what a Choose comes to before it is written.
type finding struct {
	why   map[int64][]Why
	lines map[int64][]Line
	aside []Aside
	roles map[int64]Role
	files map[int64][]OwnFile
}

func newFinding() finding {
	return finding{why: map[int64][]Why{}, lines: map[int64][]Line{}}
}

func (f *finding) because(org int64, w Why) {
	list := f.why[org]
	for i := range list {
		n := w
		if n.Count = list[i].Count; n == list[i] {
			list[i].Count += w.Count
			return
		}
	}
	if len(list) < mostWhy {
		list = append(list, w)
	}
	f.why[org] = list
}

// find looks up whom a Choose means, outside any transaction.
func (s *Service) find(ctx context.Context, by access.Actor, x Sending, o access.Object, in Choose) (finding, error) {
	f := newFinding()
	var p errs.Problems
	if in.Role != "" && !in.Role.valid() {
		p.Add("role", "error.choose")
	}
	if strings.TrimSpace(in.List) == "" && len(in.Communities)+len(in.Sectors)+len(in.Organisations) == 0 && !in.Parties && !in.Named && !in.Alike {
		p.Add("list", "error.required")
	}
	if len(in.Organisations) > mostReaders {
		p.Add("organisations", "error.too_many", "most", mostReaders)
	}
	var lines []Line
	fits := len(in.List) <= MostList && utf8.ValidString(in.List)
	if fits {
		lines, f.aside, fits = readList(in.List, in.UTC)
	}
	if !fits {
		p.Add("list", "error.sending.list", "most", MostLines)
	}
	if err := p.Err(); err != nil {
		return f, err
	}
	uids, err := s.namedOnes(ctx, by, in.Organisations)
	if err != nil {
		return f, err
	}
	picked, err := s.Constituency.Choose(ctx, s.DB, by, constituency.Choice{Communities: in.Communities, Sectors: in.Sectors, UIDs: uids})
	if err != nil {
		return f, err
	}
	for _, c := range picked {
		f.because(c.ID, Why{By: c.By, Value: c.Value})
	}
	if in.Parties {
		parties, err := s.PartiesOf(ctx, s.DB, by, o.Ref)
		if err != nil {
			return f, err
		}
		for _, party := range parties {
			if party.Organisation != 0 && party.WithdrawnAt.IsZero() {
				f.because(party.Organisation, Why{By: "party"})
			}
		}
	}
	if in.Named {
		if _, _, err := s.correlate(ctx, by, o, false, &f); err != nil {
			return f, err
		}
	}
	if in.Alike {
		if _, _, err := s.correlate(ctx, by, o, true, &f); err != nil {
			return f, err
		}
	}
	if err := s.answering(ctx, by, lines, &f); err != nil {
		return f, err
	}
	if len(f.why) > mostReaders {
		p.Add("list", "error.too_many", "most", mostReaders)
	}
	return f, p.Err()
}

// answering finds who answered for each line at its time.
func (s *Service) answering(ctx context.Context, by access.Actor, lines []Line, f *finding) error {
	asked := make([]constituency.Asked, len(lines))
	for i, l := range lines {
		asked[i] = constituency.Asked{What: l.What, At: l.At}
	}
	answers, visible, err := s.owners(ctx, by, asked, nil)
	if err != nil {
		return err
	}
	for i, a := range answers {
		_, ok := visible[a.Organisation]
		switch {
		case !a.Read:
			f.aside = append(f.aside, Aside{lines[i], asideRead})
		case !ok:
			f.aside = append(f.aside, Aside{lines[i], asideNobody})
		default:
			f.because(a.Organisation, Why{By: "list", Value: a.By, Count: 1})
			f.lines[a.Organisation] = append(f.lines[a.Organisation], lines[i])
		}
	}
	return nil
}

// owners says who answered for things, and which of them, and of some others, the actor may see.
func (s *Service) owners(ctx context.Context, by access.Actor, asked []constituency.Asked, others []int64) ([]constituency.Answer, map[int64]constituency.Organisation, error) {
	answers, err := s.Constituency.AnsweringAt(ctx, asked)
	if err != nil {
		return nil, nil, err
	}
	seen := map[int64]bool{}
	for _, org := range others {
		seen[org] = true
	}
	for _, a := range answers {
		seen[a.Organisation] = true
	}
	delete(seen, 0)
	visible, err := s.Constituency.Visible(ctx, s.DB, by, slices.Collect(maps.Keys(seen))...)
	return answers, visible, err
}

// namedOnes gives the uids of organisations that are named by uid, by the key of a register, or by their whole name. One that is none is a problem of its own.
func (s *Service) namedOnes(ctx context.Context, by access.Actor, list []string) ([]string, error) {
	var names []string
	for _, n := range list {
		if n = strings.TrimSpace(n); n != "" {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	here, err := s.Constituency.Choose(ctx, s.DB, by, constituency.Choice{UIDs: names})
	if err != nil {
		return nil, err
	}
	uid := map[string]string{}
	for _, c := range here {
		uid[c.UID] = c.UID
	}
	external, err := s.Constituency.Externals(ctx, s.DB, by, names...)
	if err != nil {
		return nil, err
	}
	var rest, out []string
	for _, n := range names {
		if uid[n] == "" && external[n] == "" {
			rest = append(rest, n)
		}
	}
	whole := map[string]constituency.Organisation{}
	for some := range slices.Chunk(rest, 500) {
		found, err := s.Constituency.NamedMany(ctx, by, some...)
		if err != nil {
			return nil, err
		}
		for n, o := range found {
			whole[n] = o
		}
	}
	var p errs.Problems
	missing := 0
	for _, n := range names {
		switch u := cmp.Or(uid[n], external[n], whole[n].UID); {
		case u != "":
			out = append(out, u)
		case missing < 10:
			missing++
			p.Add("organisations", "error.sending.nobody", "name", clip(n, 80))
		}
	}
	return out, p.Err()
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
