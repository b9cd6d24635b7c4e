package constituency

import (
	"cmp"
	"context"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// held is what the register holds of the things that a file names, read in sets.
type held struct {
	byKey    map[string]int64
	byName   map[string][]int64
	all      map[int64]Organisation
	uid      map[int64]string
	contacts map[int64][]Contact
	byEmail  map[string]Contact
	assets   map[int64][]Asset
	parents  map[int64]int64
	met      map[int64]int      // in which row of the file
	proved   map[NewAsset]int64 // who has proved it
	foreign  bool               // the file is of a register outside
}

// plan compares the file with the register. It writes nothing.
func (s *Service) plan(ctx context.Context, list []entry, foreign bool, p *errs.Problems, d *Difference) ([]planned, error) {
	emails := map[string]int{}
	known, err := s.communities(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	for i := range list {
		e := &list[i]
		if err := e.checkRow(known, p, emails); err != nil {
			return nil, err
		}
	}
	h, err := s.held(ctx, list)
	if err != nil {
		return nil, err
	}
	h.foreign = foreign
	inFile := map[string]int{}
	for i, e := range list {
		if e.External != "" {
			inFile[e.External] = i
		}
	}
	out := make([]planned, 0, len(list))
	node := make([]int64, len(list)) // id in the register, or minus the place in the file
	for i, e := range list {
		x := h.compare(e, p, d)
		node[i] = int64(-1 - i)
		if x.was != nil {
			node[i] = x.was.Ref.ID
		}
		out = append(out, x)
	}
	h.parentsOf(list, out, node, inFile, p)
	return out, nil
}

// checkRow brings one entry to its normal form and notes its problems.
func (e *entry) checkRow(known []string, p *errs.Problems, emails map[string]int) error {
	in, err := normalOrganisation(e.NewOrganisation, known)
	if err := moveAll(p, e.row, "", err); err != nil {
		return err
	}
	lang := e.Lang
	e.NewOrganisation = in
	e.Lang = lang // empty says nothing, where a new one would become English
	for i := range e.contacts {
		k := &e.contacts[i]
		k.folded, err = k.check()
		if err := moveAll(p, k.row, "contact_", err); err != nil {
			return err
		}
		if first, ok := emails[k.folded]; ok && k.folded != "" {
			problem(p, k.row, "contact_email", "error.twice", "first", first)
		}
		emails[k.folded] = k.row
	}
	seen := map[NewAsset]bool{}
	var kept []entryAsset
	for _, a := range e.assets {
		kind, value, _, _, ok := NewAsset{Value: a.value}.normal()
		if !ok {
			problem(p, a.row, "assets", "error.asset")
		} else if n := (NewAsset{Kind: kind, Value: value}); !seen[n] {
			seen[n] = true
			kept = append(kept, entryAsset{a.row, kind, value})
		}
	}
	e.assets = kept
	return nil
}

// compare notes what one entry adds or changes.
func (h *held) compare(e entry, p *errs.Problems, d *Difference) planned {
	x := planned{entry: e, wants: e.NewOrganisation}
	x.wants.Lang = cmp.Or(x.wants.Lang, langs[0])
	var was *Organisation
	if id, ok := h.byKey[e.External]; ok && e.External != "" {
		o := h.all[id]
		was = &o
	} else {
		same := h.byName[fold(e.Name)]
		if e.External != "" { // a key for one that had none yet
			same = slices.DeleteFunc(slices.Clone(same), func(id int64) bool { return h.all[id].External != "" })
		}
		switch {
		case len(same) == 1:
			o := h.all[same[0]]
			was = &o
		case len(same) > 1 && h.foreign:
			d.line(&d.Organisations, Line{Row: e.row, What: "organisation", Name: e.Name, Act: Keep})
			return planned{entry: e, skip: true}
		case len(same) > 1:
			problem(p, e.row, "name", "error.ambiguous")
		}
	}
	if was != nil && h.foreign {
		e.NewOrganisation = NewOrganisation{Name: was.Name}
		x.entry = e
	}
	if was != nil {
		if first, ok := h.met[was.Ref.ID]; ok {
			problem(p, e.row, "name", "error.twice", "first", first)
		}
		h.met[was.Ref.ID] = e.row
	}
	if was == nil {
		d.line(&d.Organisations, Line{Row: e.row, What: "organisation", Name: e.Name, Act: Add})
	} else {
		x.was = was
		x.wants = merge(was.input(), e.NewOrganisation)
		after := *was
		after.External = x.wants.External
		after.Name, after.Sector, after.Class, after.Criticality = x.wants.Name, x.wants.Sector, x.wants.Class, x.wants.Criticality
		after.Size, after.Lang, after.Communities = x.wants.Size, x.wants.Lang, x.wants.Communities
		var fields []string
		for _, c := range changes(*was, after) {
			fields = append(fields, c.Field)
		}
		if x.change = len(fields) > 0; x.change {
			// The parent is set at the end; until then it stays as it is.
			x.wants.Parent = h.uid[was.Parent]
			d.line(&d.Organisations, Line{Row: e.row, What: "organisation", Name: was.Name, Act: Change, Fields: fields})
		} else {
			d.Organisations.Same++
		}
	}
	for _, k := range e.contacts {
		h.compareContact(&x, k, p, d)
	}
	for _, a := range e.assets {
		n := NewAsset{Kind: a.kind, Value: a.value}
		if was != nil && slices.ContainsFunc(h.assets[was.Ref.ID], func(b Asset) bool { return b.Kind == n.Kind && b.Value == n.Value }) {
			d.Assets.Same++
			continue
		}
		if who, ok := h.proved[n]; ok && (was == nil || who != was.Ref.ID) { // what one has proved no file gives to another
			d.line(&d.Assets, Line{Row: a.row, What: "asset", Name: n.Value, Act: Keep})
			continue
		}
		d.line(&d.Assets, Line{Row: a.row, What: "asset", Name: n.Value, Act: Add})
		x.assets = append(x.assets, n)
	}
	return x
}

func (h *held) compareContact(x *planned, k entryContact, p *errs.Problems, d *Difference) {
	name := cmp.Or(k.Email, k.Name, k.Phone)
	var was *Contact
	if c, ok := h.byEmail[k.folded]; ok && k.folded != "" {
		if h.foreign {
			d.Contacts.Same++
			return
		}
		if x.was == nil || c.Organisation != x.was.Ref.ID {
			problem(p, k.row, "contact_email", "error.taken")
			return
		}
		was = &c
	} else if k.folded == "" && x.was != nil {
		for _, c := range h.contacts[x.was.Ref.ID] {
			if c.Email == "" && fold(c.Name) == fold(k.Name) {
				was = &c
			}
		}
	}
	if was == nil {
		d.line(&d.Contacts, Line{Row: k.row, What: "contact", Name: name, Act: Add})
		x.contacts = append(x.contacts, plannedContact{NewContact: k.NewContact})
		return
	}
	want := NewContact{
		Name: cmp.Or(k.Name, was.Name), Role: k.Role, Email: was.Email, Phone: cmp.Or(k.Phone, was.Phone), Lang: cmp.Or(k.Lang, was.Lang),
		OnCall: k.OnCall || was.OnCall,
	}
	after := *was
	after.Name, after.Role, after.Phone, after.Lang, after.OnCall = want.Name, want.Role, want.Phone, want.Lang, want.OnCall
	var fields []string
	for _, c := range contactChanges(*was, after) {
		fields = append(fields, c.Field)
	}
	switch {
	case len(fields) == 0:
		d.Contacts.Same++
	case !was.VerifiedAt.IsZero():
		d.line(&d.Contacts, Line{Row: k.row, What: "contact", Name: name, Act: Keep, Fields: fields})
	default:
		d.line(&d.Contacts, Line{Row: k.row, What: "contact", Name: name, Act: Change, Fields: fields})
		x.contacts = append(x.contacts, plannedContact{want, was.UID})
	}
}

// merge lays what the file says over what the register holds; what the file leaves empty stays.
func merge(was, file NewOrganisation) NewOrganisation {
	out := was
	out.Name = cmp.Or(file.Name, was.Name)
	out.External = cmp.Or(file.External, was.External)
	out.Sector = cmp.Or(file.Sector, was.Sector)
	out.Class = cmp.Or(file.Class, was.Class)
	out.Criticality = cmp.Or(file.Criticality, was.Criticality)
	out.Size = cmp.Or(file.Size, was.Size)
	out.Lang = cmp.Or(file.Lang, was.Lang)
	if len(file.Communities) > 0 {
		out.Communities = file.Communities
	}
	return out
}

// parentsOf finds the parents, in the file or in the register, and refuses circles.
func (h *held) parentsOf(list []entry, plans []planned, node []int64, inFile map[string]int, p *errs.Problems) {
	for i, e := range list {
		if e.Parent == "" {
			continue
		}
		if j, ok := inFile[e.Parent]; ok {
			plans[i].parent = "key " + e.Parent
			h.parents[node[i]] = node[j]
		} else if id, ok := h.byKey[e.Parent]; ok {
			plans[i].parent = h.uid[id]
			h.parents[node[i]] = id
		} else {
			problem(p, e.row, "parent", "error.choice")
			continue
		}
		if was := plans[i].was; was != nil && was.Parent == h.parents[node[i]] {
			plans[i].parent = "" // as it is
		}
	}
	for i, e := range list {
		at, steps := node[i], 0
		for at != 0 && steps <= 32 {
			at = h.parents[at]
			steps++
		}
		if steps > 32 {
			problem(p, e.row, "parent", "error.circle")
		}
	}
}

// held reads what the file names, in sets.
func (s *Service) held(ctx context.Context, list []entry) (*held, error) {
	h := &held{
		byKey: map[string]int64{}, byName: map[string][]int64{}, all: map[int64]Organisation{}, uid: map[int64]string{0: ""},
		contacts: map[int64][]Contact{}, byEmail: map[string]Contact{}, assets: map[int64][]Asset{}, proved: map[NewAsset]int64{}, parents: map[int64]int64{}, met: map[int64]int{},
	}
	var keys, names, emails, values []string
	for _, e := range list {
		for _, a := range e.assets {
			values = append(values, a.value)
		}
		if e.External != "" {
			keys = append(keys, e.External)
		}
		names = append(names, fold(e.Name))
		if e.Parent != "" {
			keys = append(keys, e.Parent)
		}
		for _, k := range e.contacts {
			if k.folded != "" {
				emails = append(emails, k.folded)
			}
		}
	}
	err := inSets(ctx, s.DB, `SELECT c.external, c.id FROM constituency_organisation c WHERE c.external <> '' AND c.external IN `, keys, func(r *db.Rows) error {
		var key string
		var id int64
		err := r.Scan(&key, &id)
		h.byKey[key] = id
		return err
	})
	if err != nil {
		return nil, err
	}
	err = inSets(ctx, s.DB, `SELECT c.folded, c.id FROM constituency_organisation c WHERE c.folded IN `, names, func(r *db.Rows) error {
		var name string
		var id int64
		err := r.Scan(&name, &id)
		h.byName[name] = append(h.byName[name], id)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = inSets(ctx, s.DB, `SELECT `+contactColumns+`, k.folded FROM constituency_contact k WHERE k.folded <> '' AND k.retired_at IS NULL AND k.folded IN `, emails, func(r *db.Rows) error {
		var c Contact
		var folded string
		err := r.Scan(append(c.dst(), &folded)...)
		h.byEmail[folded] = c
		return err
	})
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	err = inSets(ctx, s.DB, `SELECT `+assetColumns+` FROM constituency_asset a WHERE a.proved_at IS NOT NULL AND a.kind IN ('prefix', 'asn', 'domain', 'url') AND a.value IN `, values, func(r *db.Rows) error {
		a, err := scanAsset(r)
		if err == nil && a.ValidAt(now) {
			h.proved[NewAsset{Kind: a.Kind, Value: a.Value}] = a.Organisation
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return h, s.heldParts(ctx, h)
}

// heldParts reads the organisations found, their parents, contacts and assets.
func (s *Service) heldParts(ctx context.Context, h *held) error {
	var ids []int64
	for _, id := range h.byKey {
		ids = append(ids, id)
	}
	for _, list := range h.byName {
		ids = append(ids, list...)
	}
	var err error
	if h.all, err = s.ByID(ctx, s.DB, ids...); err != nil {
		return err
	}
	rows, err := s.DB.Query(ctx, `SELECT c.id, c.parent, o.uid FROM constituency_organisation c JOIN object o ON o.id = c.parent WHERE c.parent <> 0`)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var id, parent int64
		var uid string
		err := r.Scan(&id, &parent, &uid)
		h.parents[id] = parent
		h.uid[parent] = uid
		return err
	})
	if err != nil {
		return err
	}
	for id, o := range h.all {
		h.uid[id] = o.UID
	}
	err = inSets(ctx, s.DB, `SELECT `+contactColumns+` FROM constituency_contact k WHERE k.retired_at IS NULL AND k.organisation IN `, ids, func(r *db.Rows) error {
		c, err := scanContact(r)
		h.contacts[c.Organisation] = append(h.contacts[c.Organisation], c)
		return err
	})
	if err != nil {
		return err
	}
	return inSets(ctx, s.DB, `SELECT `+assetColumns+` FROM constituency_asset a WHERE a.until IS NULL AND a.organisation IN `, ids, func(r *db.Rows) error {
		a, err := scanAsset(r)
		h.assets[a.Organisation] = append(h.assets[a.Organisation], a)
		return err
	})
}

// inSets runs a query that ends in "IN " for all values, some hundred at a time.
func inSets[T any](ctx context.Context, h db.Handle, query string, values []T, scan func(*db.Rows) error) error {
	for part := range slices.Chunk(values, lookAtOnce) {
		rows, err := db.In(new(db.Query).Add(query), part).Query(ctx, h)
		if err := db.Each(rows, err, scan); err != nil {
			return err
		}
	}
	return nil
}
