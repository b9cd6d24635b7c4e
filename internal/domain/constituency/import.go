package constituency

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Difference says what an import changed, or would change in a dry run.
type Difference struct {
	Organisations, Contacts, Assets Count
	Lines                           []Line // what is added, changed or kept, in the order of the file
}

// Count sums up one kind of thing.
type Count struct{ Added, Changed, Kept, Same int }

// Line is one thing that the file and the register say differently.
type Line struct {
	Row    int
	What   string // "organisation", "contact", "asset"
	Name   string
	Act    Act
	Fields []string // of a change: which; of what is kept: which the file would have changed
}

// Act is what happens to a thing.
type Act string

// The acts. What was proved or verified is kept as it is, whatever the file says: a person changes it.
const (
	Add        Act = "add"
	Change     Act = "change"
	Keep       Act = "keep"
	atOnce         = 20 // organisations in one transaction, so that it stays short
	lookAtOnce     = 200
)

func (d *Difference) line(c *Count, l Line) {
	switch l.Act {
	case Add:
		c.Added++
	case Change:
		c.Changed++
	case Keep:
		c.Kept++
	}
	d.Lines = append(d.Lines, l)
}

// Import reads organisations, contacts and assets from CSV or JSON (docs/handbook/import.md) and adds what is new and changes what differs;
// it removes nothing, an empty cell changes nothing, and a verified contact stays as it is. All problems of all rows are told at once, and
// with any of them nothing is written. It needs WriteRegistry.
//
// What is written goes in short transactions of some organisations each: an import that was interrupted is simply run again.
func (s *Service) Import(ctx context.Context, by access.Actor, format string, r io.Reader, dryRun bool) (Difference, error) {
	var d Difference
	if err := by.Need(access.WriteRegistry); err != nil {
		return d, err
	}
	var p errs.Problems
	list, err := parse(format, r, &p)
	if err != nil {
		return d, err
	}
	return s.importing(ctx, by, list, false, p, dryRun)
}

// importing compares entries with the register and, unless it is a dry run, writes what they add and change. What comes from a register outside (foreign)
// changes no contact and stops at none.
func (s *Service) importing(ctx context.Context, by access.Actor, list []entry, foreign bool, p errs.Problems, dryRun bool) (Difference, error) {
	var d Difference
	plans, err := s.plan(ctx, list, foreign, &p, &d)
	if err != nil {
		return Difference{}, err
	}
	if err := p.Err(); err != nil {
		return Difference{}, err
	}
	if dryRun {
		return d, nil
	}
	ids := map[string]string{} // identity in the file: uid
	for part := range slices.Chunk(plans, atOnce) {
		var done map[string]string
		err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			done = map[string]string{}
			for _, x := range part {
				if x.skip {
					continue
				}
				uid, err := s.carryOut(ctx, tx, by, x)
				if err != nil {
					return fmt.Errorf("import row %d: %w", x.row, err)
				}
				done[identity(x.NewOrganisation)] = uid
			}
			return nil
		})
		if err != nil {
			return d, err
		}
		for k, v := range done {
			ids[k] = v
		}
	}
	return d, s.carryParents(ctx, by, plans, ids)
}

// planned is an entry together with what the register holds.
type planned struct {
	entry
	skip     bool          // more than one in the register may be meant
	was      *Organisation // nil: new
	wants    NewOrganisation
	change   bool
	contacts []plannedContact
	assets   []NewAsset
	parent   string // "key …" of the parent in the file, or uid in the register
}

type plannedContact struct {
	NewContact
	uid string // "" for a new one
}

// carryOut writes one organisation without its parent.
func (s *Service) carryOut(ctx context.Context, tx *db.Tx, by access.Actor, x planned) (string, error) {
	uid := ""
	if x.was == nil {
		in := x.wants
		in.Parent = ""
		o, err := s.CreateTx(ctx, tx, by, in)
		if err != nil {
			return "", err
		}
		uid = o.UID
	} else {
		uid = x.was.UID
		if x.change {
			o, err := s.Get(ctx, tx, by, uid)
			if err != nil {
				return "", err
			}
			if _, err := s.EditTx(ctx, tx, by, uid, o.Version, x.wants); err != nil {
				return "", err
			}
		}
	}
	for _, k := range x.contacts {
		var err error
		if k.uid == "" {
			_, err = s.AddContactTx(ctx, tx, by, uid, k.NewContact)
		} else {
			_, err = s.EditContactTx(ctx, tx, by, k.uid, k.NewContact)
		}
		if err != nil {
			return "", err
		}
	}
	for _, a := range x.assets {
		if _, err := s.AddAssetTx(ctx, tx, by, uid, a); err != nil {
			return "", err
		}
	}
	return uid, nil
}

// carryParents sets the parents once all organisations exist.
func (s *Service) carryParents(ctx context.Context, by access.Actor, plans []planned, ids map[string]string) error {
	for _, x := range plans {
		if x.parent == "" {
			continue
		}
		parent := x.parent
		if strings.HasPrefix(parent, "key ") {
			parent = ids[parent]
		}
		uid := ids[identity(x.NewOrganisation)]
		err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			o, err := s.Get(ctx, tx, by, uid)
			if err != nil {
				return err
			}
			in := o.input()
			in.Parent = parent
			_, err = s.EditTx(ctx, tx, by, uid, o.Version, in)
			return err
		})
		if err != nil {
			return fmt.Errorf("import row %d: %w", x.row, err)
		}
	}
	return nil
}

// input gives an organisation as it would be entered, without its parent.
func (o Organisation) input() NewOrganisation {
	return NewOrganisation{Name: o.Name, External: o.External, Sector: o.Sector, Class: o.Class, Criticality: o.Criticality, Size: o.Size, Lang: o.Lang, Communities: o.Communities}
}
