package registration

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Tally is how many entities there are of one sector, subsector and class (Art. 3(5)).
type Tally struct {
	Annex     int         `json:"annex"` // 0 for none
	Sector    string      `json:"sector"`
	Subsector string      `json:"subsector"`
	Class     scope.Class `json:"class"`
	Entities  int         `json:"entities"`
}

// Listing is one entity as Art. 27(2) names what goes to the registry of ENISA.
type Listing struct {
	Name           string    `json:"name"`
	Identifier     string    `json:"identifier"`
	Sector         string    `json:"sector"`
	Subsector      string    `json:"subsector"`
	Kind           string    `json:"kind"`
	Class          string    `json:"class"`
	Address        string    `json:"address"`
	Country        string    `json:"country"`
	Representative string    `json:"representative"`
	Email          string    `json:"email"`
	Phone          string    `json:"phone"`
	States         []string  `json:"states"`
	Networks       []string  `json:"networks"`
	RegisteredAt   time.Time `json:"registered_at"`
	ReviewedAt     time.Time `json:"reviewed_at"`
}

// Export is what the single point of contact hands on: the numbers of all entities, and the entries of those that Art. 27 names.
type Export struct {
	At       time.Time `json:"at"`
	Numbers  []Tally   `json:"numbers"`
	Entities []Listing `json:"entities"`
}

// mostListed is how many entities an export lists.
const mostListed = 50_000

// Export makes the export as the register stands now. It needs ReadRegistry and Export, and is recorded.
func (s *Service) Export(ctx context.Context, by access.Actor) (Export, error) {
	out := Export{At: s.Clock.Now(), Numbers: []Tally{}, Entities: []Listing{}}
	for _, r := range []access.Right{access.ReadRegistry, access.Export} {
		if err := by.Need(r); err != nil {
			return out, err
		}
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := s.numbers(ctx, tx, by, &out); err != nil {
			return err
		}
		if err := s.listings(ctx, tx, by, &out); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: out.At, By: by, Verb: "registration.export", Changes: []audit.Change{{Field: "entities", To: len(out.Entities)}}})
	})
	return out, err
}

func (s *Service) numbers(ctx context.Context, h db.Handle, by access.Actor, out *Export) error {
	q := new(db.Query).Add(`SELECT e.kind, e.class, COUNT(*) FROM registration_entity e JOIN `)
	access.Sees(by).From(q, ref.Organisation).Add(` ON o.id = e.organisation GROUP BY e.kind, e.class`)
	count := map[Tally]int{}
	_, err := db.List(ctx, h, q, func(r *db.Rows) (n int, err error) {
		var kind, class string
		if err = r.Scan(&kind, &class, &n); err != nil {
			return 0, err
		}
		k, _ := s.Annexes.Kind(kind)
		sector, _ := s.Annexes.Sector(k.Sector)
		count[Tally{Annex: sector.Annex, Sector: k.Sector, Subsector: k.Subsector, Class: scope.Class(class)}] += n
		return n, nil
	})
	for k, n := range count {
		k.Entities = n
		out.Numbers = append(out.Numbers, k)
	}
	place := func(n Tally) int {
		i := slices.IndexFunc(s.Annexes.Sectors, func(x scope.Sector) bool { return x.Code == n.Sector })
		if i < 0 {
			return len(s.Annexes.Sectors)
		}
		return i
	}
	slices.SortFunc(out.Numbers, func(a, b Tally) int {
		if d := place(a) - place(b); d != 0 {
			return d
		}
		return strings.Compare(a.Subsector+"\x00"+string(a.Class), b.Subsector+"\x00"+string(b.Class))
	})
	return err
}

func (s *Service) listings(ctx context.Context, h db.Handle, by access.Actor, out *Export) error {
	q := new(db.Query).Add(`SELECT ` + entityColumns + `, c.name FROM registration_entity e LEFT JOIN keyring_key k ON k.owner = e.organisation
		JOIN constituency_organisation c ON c.id = e.organisation JOIN `)
	var kinds []string
	for _, k := range s.Annexes.Kinds {
		if k.Listed {
			kinds = append(kinds, k.Code)
		}
	}
	access.Sees(by).From(q, ref.Organisation).Add(` ON o.id = e.organisation WHERE e.kind IN `)
	db.In(q, kinds).Add(` ORDER BY c.folded, c.id LIMIT ?`, int64(mostListed))
	_, err := db.List(ctx, h, q, func(r *db.Rows) (bool, error) {
		var name string
		e, err := s.scanEntity(r, &name)
		if err != nil {
			return false, err
		}
		k, _ := s.Annexes.Kind(e.Kind)
		said := e.Entry.Said
		x := Listing{
			Name: name, Identifier: said.Identifier, Sector: k.Sector, Subsector: k.Subsector, Kind: e.Kind, Class: string(e.Class), Address: said.Address, Country: said.Country,
			Representative: said.Representative, Email: said.Security.Email, Phone: said.Security.Phone, States: said.States, Networks: said.Networks,
			RegisteredAt: e.RegisteredAt, ReviewedAt: e.ReviewedAt,
		}
		for _, list := range []*[]string{&x.States, &x.Networks} {
			if *list == nil {
				*list = []string{}
			}
		}
		out.Entities = append(out.Entities, x)
		return true, nil
	})
	return err
}

// WriteJSON writes an export as JSON.
func (x Export) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(x)
}

// NumberRows are the numbers as a table with a header.
func (x Export) NumberRows() [][]string {
	out := [][]string{{"annex", "sector", "subsector", "class", "entities"}}
	for _, n := range x.Numbers {
		out = append(out, []string{strconv.Itoa(n.Annex), n.Sector, n.Subsector, string(n.Class), strconv.Itoa(n.Entities)})
	}
	return out
}

// EntityRows are the entries as a table with a header. Their words are of others: who writes them for a spreadsheet defuses them.
func (x Export) EntityRows() [][]string {
	out := [][]string{{
		"name", "identifier", "sector", "subsector", "kind", "class", "address", "country", "representative", "email", "phone", "states", "networks", "registered_at", "reviewed_at",
	}}
	for _, e := range x.Entities {
		out = append(out, []string{
			e.Name, e.Identifier, e.Sector, e.Subsector, e.Kind, e.Class, strings.ReplaceAll(e.Address, "\n", ", "), e.Country, e.Representative, e.Email, e.Phone,
			strings.Join(e.States, " "), strings.Join(e.Networks, " "), e.RegisteredAt.UTC().Format(time.RFC3339), e.ReviewedAt.UTC().Format(time.RFC3339),
		})
	}
	return out
}
