package coordination

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Naming is one place that names things of a case, or where the same is told elsewhere. All in it comes from what the actor may read; who answers for what
// is named is said by the register alone.
type Naming struct {
	From    string  // the reference of a report, the number of another incident; "" for what we wrote ourselves
	Where   string  // WhereReport, WhereEntry, WhereMeasure
	Same    string  // elsewhere: by what it tells of the same, after "desk.fold."; "" in the case itself
	Told    []int64 // elsewhere: the organisations that told it, or that are hit in it
	Claimed bool    // nobody has proved who wrote it
	Thread  int64   // of a report
	Label   tlp.Level
	Names   []Named
	More    bool // it names more than is taken of one
}

// Named is a thing as a source names it.
type Named struct {
	What   string
	At     time.Time // when it was seen, as the source says of this very thing; zero for not said
	Around time.Time // when it is asked who answered for it
}

// The places.
const (
	WhereReport  = "report"
	WhereEntry   = "entry"
	WhereMeasure = "measure"
)

// The limits of what is taken from strangers' texts.
const (
	MostNamed    = 100  // things of one source
	mostTellings = 500  // namings of a case
	mostThings   = 5000 // things of all of them

	mostMeasures = 2000 // that are read of a case
)

// Correlated is whom a case itself leads to: what would be added to a sending, and why, before it is.
type Correlated struct {
	Named, Alike []Correlation
	Things       [2]int // how many things are named, in the case and elsewhere
	More         bool   // more is named than is taken
}

// Correlation is one organisation that a case leads to.
type Correlation struct {
	Organisation constituency.Organisation
	Why          []Why
	Lines        []Line // its evidence
	There        bool   // it is in the sending already
}

// Correlate says whom the case of a sending leads to: the owners of what it names, and who else told of the same with the owners of what they name. The actor needs
// access.WorkCases and access.SendOutside. Refused: NotFound.
func (s *Service) Correlate(ctx context.Context, by access.Actor, sending string) (Correlated, error) {
	var out Correlated
	if err := needPrepare(by); err != nil {
		return out, err
	}
	x, o, err := s.sending(ctx, s.DB, by, sending, "")
	if err != nil {
		return out, err
	}
	k, err := s.sendingKey(x)
	if err != nil {
		return out, err
	}
	was, err := s.chosenOf(ctx, s.DB, k, x)
	if err != nil {
		return out, err
	}
	there := map[int64]bool{}
	for _, c := range was {
		there[c.organisation] = true
	}
	for i, elsewhere := range []bool{false, true} {
		f := newFinding()
		things, more, err := s.correlate(ctx, by, o, elsewhere, &f)
		if err != nil {
			return out, err
		}
		out.Things[i], out.More = things, out.More || more
		known, err := s.Constituency.Visible(ctx, s.DB, by, slices.Collect(maps.Keys(f.why))...)
		if err != nil {
			return out, err
		}
		list := make([]Correlation, 0, len(f.why))
		for org, why := range f.why {
			lines, _ := merged(nil, f.lines[org])
			list = append(list, Correlation{known[org], why, lines, there[org]})
		}
		slices.SortFunc(list, func(a, b Correlation) int {
			return cmp.Or(cmp.Compare(plain(a.Organisation.Name), plain(b.Organisation.Name)), cmp.Compare(a.Organisation.Ref.ID, b.Organisation.Ref.ID))
		})
		if elsewhere {
			out.Alike = list
		} else {
			out.Named = list
		}
	}
	return out, nil
}

// correlate adds to a finding whom the case leads to by itself, or by what is told elsewhere. It gives how many things are named, and whether that are
// more than are taken.
func (s *Service) correlate(ctx context.Context, by access.Actor, o access.Object, elsewhere bool, f *finding) (things int, more bool, err error) {
	if s.Tells == nil {
		return 0, false, nil
	}
	namings, err := s.Tells(ctx, by, o, elsewhere)
	if err != nil {
		return 0, false, err
	}
	if !elsewhere {
		measures, err := s.namedInMeasures(ctx, by, o)
		if err != nil {
			return 0, false, err
		}
		namings = append(namings, measures...)
	}
	if len(namings) > mostTellings {
		namings, more = namings[:mostTellings], true
	}
	stays, err := s.staying(ctx, namings)
	if err != nil {
		return 0, false, err
	}
	var asked []constituency.Asked
	var of []int // the source of each
	var told []int64
	for i, x := range namings {
		more = more || x.More
		told = append(told, x.Told...)
		for _, n := range x.Names {
			if len(asked) == mostThings {
				more = true
				break
			}
			asked, of = append(asked, constituency.Asked{What: n.What, At: n.Around}), append(of, i)
		}
	}
	answers, visible, err := s.owners(ctx, by, asked, told)
	if err != nil {
		return 0, false, err
	}
	for _, x := range namings {
		for _, org := range x.Told {
			if _, ok := visible[org]; ok {
				f.because(org, Why{By: "alike", Value: x.Same, From: x.From, Claimed: x.Claimed})
			}
		}
	}
	at := map[int]int{}
	for i, a := range answers {
		x := namings[of[i]]
		n := x.Names[at[of[i]]]
		at[of[i]]++
		if _, ok := visible[a.Organisation]; !ok {
			continue
		}
		f.because(a.Organisation, Why{By: map[bool]string{true: "alike_named", false: "named"}[elsewhere], Value: a.By, From: cmp.Or(x.From, x.Where), Count: 1, Claimed: x.Claimed, Stays: stays[of[i]]})
		if !stays[of[i]] {
			f.lines[a.Organisation] = append(f.lines[a.Organisation], Line{What: n.What, At: n.At})
		}
	}
	return len(asked), more, nil
}

// staying tells which namings let nothing of theirs go into a letter: the word of who told it, or its label (the rule of what is shared). Whom they lead to is
// chosen all the same, for that stays with us; what is written to them is said by a person.
func (s *Service) staying(ctx context.Context, namings []Naming) ([]bool, error) {
	out := make([]bool, len(namings))
	var ids []int64
	for _, x := range namings {
		if x.Thread != 0 {
			ids = append(ids, x.Thread)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	threads, err := s.Correspondence.Threads(ctx, s.DB, ids...)
	if err != nil {
		return nil, err
	}
	list := make([]correspondence.Thread, 0, len(threads))
	for _, t := range threads {
		list = append(list, t)
	}
	words, err := s.Correspondence.WordsOf(ctx, s.DB, list...)
	if err != nil {
		return nil, err
	}
	for i, x := range namings {
		if x.Thread != 0 {
			_, why := mayShare(x.Label, words[x.Thread].Of(""))
			out[i] = why != ""
		}
	}
	return out, nil
}

// namedInMeasures reads what the measures of a case name.
func (s *Service) namedInMeasures(ctx context.Context, by access.Actor, o access.Object) ([]Naming, error) {
	q := new(db.Query).Add(`SELECT ` + measureColumns + ` FROM `)
	s.from(q, by, ref.Measure, measureTables, "r").Add(` AND r.subject = ? ORDER BY o.id LIMIT ?`, o.Ref.ID, mostMeasures)
	measures, err := db.List(ctx, s.DB, q, s.scanMeasure)
	if err != nil {
		return nil, err
	}
	var out []Naming
	same := map[string]bool{} // many parties were given the same words
	for _, m := range measures {
		if same[m.Title+m.Text] {
			continue
		}
		same[m.Title+m.Text] = true
		if names, more := mail.Named(m.Title+"\n"+m.Text, MostNamed); len(names) > 0 {
			x := Naming{Where: WhereMeasure, More: more}
			for _, n := range names {
				x.Names = append(x.Names, Named{What: n, Around: m.GivenAt})
			}
			out = append(out, x)
		}
	}
	return out, nil
}
