package constituency

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Langs are the languages in which we write.
var langs = []string{"en", "pt", "fr", "nl", "de"}

// Langs gives the languages in which we write.
func Langs() []string { return slices.Clone(langs) }

// NewOrganisation is what is known of an organisation when it is entered.
type NewOrganisation struct {
	Name        string
	External    string // the key under which a register outside knows it, "" for none
	Sector      string
	Class       string
	Criticality int
	Size        int
	Lang        string // "en" when empty
	Parent      string // uid of the organisation above it, "" for none
	Communities []string
}

// Create enters an organisation. It needs WriteRegistry. A parent that the actor may not see is NotFound.
func (s *Service) Create(ctx context.Context, by access.Actor, in NewOrganisation) (Organisation, error) {
	var o Organisation
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		o, err = s.CreateTx(ctx, tx, by, in)
		return err
	})
	return o, err
}

// CreateTx is Create inside a transaction.
func (s *Service) CreateTx(ctx context.Context, tx *db.Tx, by access.Actor, in NewOrganisation) (Organisation, error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return Organisation{}, err
	}
	in, err := s.check(ctx, tx, in)
	if err != nil {
		return Organisation{}, err
	}
	o := Organisation{Name: in.Name, External: in.External, Sector: in.Sector, Class: in.Class, Criticality: in.Criticality, Size: in.Size, Lang: in.Lang, Communities: in.Communities}
	if o.Parent, err = s.parent(ctx, tx, by, in.Parent); err != nil {
		return Organisation{}, err
	}
	now := s.Clock.Now()
	o.Object = access.Object{Ref: ref.Ref{Kind: ref.Organisation}, Realm: access.Registry, TLP: tlp.Green}
	if err := access.Protect(ctx, tx, &o.Object, now); err != nil {
		return Organisation{}, err
	}
	o.Compartment = o.Ref.ID // only now is its id known
	if err := access.Update(ctx, tx, &o.Object, now); err != nil {
		return Organisation{}, err
	}
	if _, err := s.Ring.Create(ctx, tx, o.Ref.ID, now); err != nil {
		return Organisation{}, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO constituency_organisation (id, name, folded, external, sector, class, criticality, size, lang, parent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		o.Ref.ID, o.Name, fold(o.Name), o.External, o.Sector, o.Class, int64(o.Criticality), int64(o.Size), o.Lang, o.Parent)
	if err != nil {
		return Organisation{}, taken(err, "external")
	}
	if err := storeWords(ctx, tx, o.Ref.ID, o.Name); err != nil {
		return Organisation{}, err
	}
	if err := storeCommunities(ctx, tx, o.Ref.ID, o.Communities); err != nil {
		return Organisation{}, err
	}
	err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "constituency.create", On: o.Ref, Compartment: o.Ref.ID, Changes: changes(Organisation{}, o)})
	return o, err
}

// Edit changes an organisation that was read at a version; another version is access.ErrChanged. It needs WriteRegistry.
func (s *Service) Edit(ctx context.Context, by access.Actor, uid string, version int64, in NewOrganisation) (Organisation, error) {
	var o Organisation
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		o, err = s.EditTx(ctx, tx, by, uid, version, in)
		return err
	})
	return o, err
}

// EditTx is Edit inside a transaction.
func (s *Service) EditTx(ctx context.Context, tx *db.Tx, by access.Actor, uid string, version int64, in NewOrganisation) (Organisation, error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return Organisation{}, err
	}
	in, err := s.check(ctx, tx, in)
	if err != nil {
		return Organisation{}, err
	}
	obj, err := access.LoadForChange(ctx, tx, by, ref.Organisation, uid)
	if err != nil {
		return Organisation{}, err
	}
	was, err := s.one(ctx, tx, obj)
	if err != nil {
		return Organisation{}, err
	}
	if obj.Version != version {
		return Organisation{}, access.ErrChanged
	}
	o := Organisation{Object: obj, Name: in.Name, External: in.External, Sector: in.Sector, Class: in.Class, Criticality: in.Criticality, Size: in.Size, Lang: in.Lang, Communities: in.Communities}
	if o.Parent, err = s.parent(ctx, tx, by, in.Parent); err != nil {
		return Organisation{}, err
	}
	if err := s.noCircle(ctx, tx, o.Ref.ID, o.Parent); err != nil {
		return Organisation{}, err
	}
	list := changes(was, o)
	if len(list) == 0 {
		return was, nil
	}
	now := s.Clock.Now()
	if err := access.Update(ctx, tx, &o.Object, now); err != nil {
		return Organisation{}, err
	}
	_, err = tx.Exec(ctx, `UPDATE constituency_organisation SET name = $1, folded = $2, external = $3, sector = $4, class = $5, criticality = $6, size = $7, lang = $8, parent = $9
		WHERE id = $10`, o.Name, fold(o.Name), o.External, o.Sector, o.Class, int64(o.Criticality), int64(o.Size), o.Lang, o.Parent, o.Ref.ID)
	if err != nil {
		return Organisation{}, taken(err, "external")
	}
	if o.Name != was.Name {
		if err := storeWords(ctx, tx, o.Ref.ID, o.Name); err != nil {
			return Organisation{}, err
		}
	}
	if !slices.Equal(o.Communities, was.Communities) {
		if err := storeCommunities(ctx, tx, o.Ref.ID, o.Communities); err != nil {
			return Organisation{}, err
		}
	}
	err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "constituency.edit", On: o.Ref, Compartment: o.Ref.ID, Changes: list})
	return o, err
}

// check brings the input to its normal form and names all problems at once.
func (s *Service) check(ctx context.Context, h db.Handle, in NewOrganisation) (NewOrganisation, error) {
	known, err := s.communities(ctx, h)
	if err != nil {
		return in, err
	}
	return normalOrganisation(in, known)
}

func normalOrganisation(in NewOrganisation, known []string) (NewOrganisation, error) {
	var p errs.Problems
	in.Name = text(&p, "name", in.Name, 200, true)
	in.External = text(&p, "external", in.External, 100, false)
	in.Sector = code(&p, "sector", in.Sector)
	if in.Class != "" && in.Class != "essential" && in.Class != "important" {
		p.Add("class", "error.choice")
	}
	if in.Criticality < 0 || in.Criticality > 3 {
		p.Add("criticality", "error.range", "least", 0, "most", 3)
	}
	if in.Size < 0 || in.Size > 1_000_000_000 {
		p.Add("size", "error.range", "least", 0, "most", 1_000_000_000)
	}
	in.Lang = lang(&p, in.Lang)
	if in.Lang == "" {
		in.Lang = langs[0]
	}
	in.Communities = slices.Compact(slices.Sorted(slices.Values(in.Communities)))
	for _, c := range in.Communities {
		if !slices.Contains(known, c) {
			p.Add("communities", "error.choice")
			break
		}
	}
	return in, p.Err()
}

// text trims a line of text and refuses control characters and what is too long.
func text(p *errs.Problems, field, v string, most int, required bool) string {
	v = strings.TrimSpace(v)
	switch {
	case v == "" && required:
		p.Add(field, "error.required")
	case !utf8.ValidString(v) || strings.ContainsFunc(v, hidden):
		p.Add(field, "error.characters")
	case utf8.RuneCountInString(v) > most:
		p.Add(field, "error.too_long", "most", most)
	}
	return v
}

// hidden tells control characters and those that turn the direction of writing.
func hidden(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029
}

func code(p *errs.Problems, field, v string) string {
	v = strings.TrimSpace(v)
	bad := len(v) > 64
	for i := range len(v) {
		c := v[i]
		bad = bad || (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.'
	}
	if bad {
		p.Add(field, "error.choice")
	}
	return v
}

func lang(p *errs.Problems, v string) string {
	if v != "" && !slices.Contains(langs, v) {
		p.Add("lang", "error.choice")
	}
	return v
}

// taken turns the conflict of a unique value into a problem of its field.
func taken(err error, field string) error {
	if errs.Is(err, errs.Conflict) {
		var p errs.Problems
		p.Add(field, "error.taken")
		return p.Err()
	}
	return err
}

func (s *Service) parent(ctx context.Context, h db.Handle, by access.Actor, uid string) (int64, error) {
	if uid == "" {
		return 0, nil
	}
	o, err := access.Find(ctx, h, by, ref.Organisation, uid)
	return o.Ref.ID, err
}

// noCircle refuses a parent that stands below the organisation itself.
func (s *Service) noCircle(ctx context.Context, h db.Handle, id, parent int64) error {
	for range 32 {
		if parent == 0 {
			return nil
		}
		if parent == id {
			break
		}
		if err := h.QueryRow(ctx, `SELECT parent FROM constituency_organisation WHERE id = $1`, parent).Scan(&parent); err != nil {
			return err
		}
	}
	var p errs.Problems
	p.Add("parent", "error.circle")
	return p.Err()
}

func storeWords(ctx context.Context, tx *db.Tx, id int64, name string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM constituency_word WHERE organisation = $1`, id); err != nil {
		return err
	}
	list := words(name)
	if len(list) == 0 {
		return nil
	}
	q := new(db.Query).Add(`INSERT INTO constituency_word (word, organisation) VALUES `)
	for i, w := range list {
		if i > 0 {
			q.Add(", ")
		}
		q.Add("(?, ?)", w, id)
	}
	_, err := q.Exec(ctx, tx)
	return err
}

func storeCommunities(ctx context.Context, tx *db.Tx, id int64, list []string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM constituency_membership WHERE organisation = $1`, id); err != nil {
		return err
	}
	for _, c := range list {
		if _, err := tx.Exec(ctx, `INSERT INTO constituency_membership (organisation, community) VALUES ($1, $2)`, id, c); err != nil {
			return err
		}
	}
	return nil
}

// changes lists the fields in which two states of an organisation differ.
func changes(was, is Organisation) []audit.Change {
	var out []audit.Change
	add := func(field string, a, b any) {
		if a != b {
			out = append(out, audit.Change{Field: field, From: a, To: b})
		}
	}
	add("name", was.Name, is.Name)
	add("external", was.External, is.External)
	add("sector", was.Sector, is.Sector)
	add("class", was.Class, is.Class)
	add("criticality", was.Criticality, is.Criticality)
	add("size", was.Size, is.Size)
	add("lang", was.Lang, is.Lang)
	add("parent", was.Parent, is.Parent)
	add("communities", strings.Join(was.Communities, " "), strings.Join(is.Communities, " "))
	return out
}
