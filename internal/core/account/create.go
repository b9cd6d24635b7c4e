package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// NewAccount is what is known of a person when the account is entered.
type NewAccount struct {
	Email        string
	Name         string
	Lang         string // "en" when empty
	Organisation string // uid, required for people of constituents and refused for the team; an organisation's administrator may leave it out
	Roles        []access.Role
	Password     string // for the command line and the demo; "" gives an invitation
}

// Invited is how long the link of a new account lives.
const Invited = 48 * time.Hour

// Create enters a person. It needs ManageAccounts, or OwnPeople for the own organisation and for roles without wider rights, and a fresh
// proof. Roles that read cases stay pending until a lead confirms them. Without a password the answer is the secret of a link (SetByLink).
func (s *Service) Create(ctx context.Context, by access.Actor, in NewAccount) (Account, id.Secret, error) {
	if err := needManager(by); err != nil {
		return Account{}, id.Secret{}, err
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return Account{}, id.Secret{}, err
	}
	var p errs.Problems
	folded, ok := foldEmail(in.Email)
	if in.Email == "" {
		p.Add("email", "error.required")
	} else if !ok {
		p.Add("email", "error.email")
	}
	in.Name = line(&p, "name", in.Name, 120, true)
	if in.Lang == "" {
		in.Lang = langs[0]
	}
	if !slices.Contains(langs, in.Lang) {
		p.Add("lang", "error.choice")
	}
	if in.Password != "" {
		CheckPassword(&p, "password", in.Password, in.Email, in.Name)
	}
	if err := p.Err(); err != nil {
		return Account{}, id.Secret{}, err
	}
	hash := ""
	if in.Password != "" {
		var err error
		if hash, err = s.Hash.Make(ctx, in.Password); err != nil {
			return Account{}, id.Secret{}, err
		}
	}
	var a Account
	var link id.Secret
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		organisation, err := s.organisation(ctx, tx, by, in.Organisation)
		if err != nil {
			return err
		}
		a, err = s.insert(ctx, tx, Account{Email: strings.TrimSpace(in.Email), Name: in.Name, Lang: in.Lang, Organisation: organisation, Active: true}, folded, hash)
		if err != nil {
			return err
		}
		if err := s.record(ctx, tx, by, "account.create", a, audit.Change{Field: "email", To: a.Email}, audit.Change{Field: "name", To: a.Name}); err != nil {
			return err
		}
		for _, r := range in.Roles {
			if err := s.give(ctx, tx, by, a, r); err != nil {
				return err
			}
		}
		if hash == "" {
			if link, err = s.link(ctx, tx, a.ID, Invited); err != nil {
				return err
			}
		}
		a, err = byID(ctx, tx, a.ID)
		return err
	})
	if err != nil {
		return Account{}, id.Secret{}, err
	}
	return a, link, nil
}

func (s *Service) insert(ctx context.Context, tx *db.Tx, a Account, folded, hash string) (Account, error) {
	now := s.Clock.Now()
	o := access.Object{Ref: ref.Ref{Kind: ref.Account}, Realm: access.Registry, Compartment: a.Organisation, TLP: tlp.AmberStrict}
	if err := access.Protect(ctx, tx, &o, now); err != nil {
		return a, err
	}
	if _, err := s.Ring.Create(ctx, tx, o.Ref.ID, now); err != nil {
		return a, err
	}
	a.ID, a.UID = o.Ref.ID, o.UID
	var at time.Time
	if hash != "" {
		at = now
	}
	n, err := tx.Exec(ctx, `INSERT INTO account_person (id, email, folded, name, lang, organisation, machine, active, password, password_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		a.ID, a.Email, folded, a.Name, a.Lang, a.Organisation, a.Machine, a.Active, hash, at)
	if err == nil && n == 0 {
		err = taken(errs.New(errs.Conflict, ""), "email")
	}
	return a, err
}

// organisation finds the organisation that an input names. Administrators name any, without the right to read its record; an
// organisation's administrator has its own.
func (s *Service) organisation(ctx context.Context, h db.Handle, by access.Actor, uid string) (int64, error) {
	if !by.Can(access.ManageAccounts) {
		if uid == "" {
			return by.Organisation, nil
		}
		o, err := access.Find(ctx, h, by, ref.Organisation, uid)
		if err == nil && o.Ref.ID != by.Organisation {
			err = errs.ErrNotFound
		}
		return o.Ref.ID, err
	}
	if uid == "" {
		return 0, nil
	}
	var found int64
	err := h.QueryRow(ctx, `SELECT o.id FROM object o WHERE o.uid = $1 AND o.kind = $2`, uid, int64(ref.Organisation)).Scan(&found)
	return found, err
}

// Change is what may be changed of an account; who it is to us (address, organisation) stays: another address is another account.
type Change struct {
	Name string
	Lang string
}

// Edit changes name and language of an account, or of oneself.
func (s *Service) Edit(ctx context.Context, by access.Actor, uid string, in Change) (Account, error) {
	var a Account
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if a, err = s.ownOrManaged(ctx, tx, by, uid); err != nil {
			return err
		}
		var p errs.Problems
		in.Name = line(&p, "name", in.Name, 120, true)
		if !slices.Contains(langs, in.Lang) {
			p.Add("lang", "error.choice")
		}
		if err := p.Err(); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE account_person SET name = $1, lang = $2 WHERE id = $3`, in.Name, in.Lang, a.ID); err != nil {
			return err
		}
		if err := s.record(ctx, tx, by, "account.edit", a, audit.Change{Field: "name", From: a.Name, To: in.Name}, audit.Change{Field: "lang", From: a.Lang, To: in.Lang}); err != nil {
			return err
		}
		a, err = byID(ctx, tx, a.ID)
		return err
	})
	return a, err
}

// ownOrManaged loads the actor's own account, or one that it manages.
func (s *Service) ownOrManaged(ctx context.Context, tx *db.Tx, by access.Actor, uid string) (Account, error) {
	if by.Account == 0 {
		if err := needManager(by); err != nil {
			return Account{}, err
		}
	}
	a, err := locked(ctx, tx, uid)
	if err != nil || a.ID == by.Account {
		return a, err
	}
	if needManager(by) != nil {
		return Account{}, errs.ErrNotFound
	}
	return a, manages(by, a)
}

// Get gives one account: one's own, or one that the actor manages.
func (s *Service) Get(ctx context.Context, h db.Handle, by access.Actor, uid string) (Account, error) {
	a, err := load(ctx, h, `SELECT `+columns+` FROM account_person p JOIN object o ON o.id = p.id WHERE o.uid = $1 AND o.kind = $2`, uid, int64(ref.Account))
	if err != nil || a.ID == by.Account {
		return a, err
	}
	if by.Can(access.Approve) {
		return a, nil
	}
	if err := needManager(by); err != nil {
		return Account{}, errs.ErrNotFound
	}
	if err := manages(by, a); err != nil {
		return Account{}, err
	}
	return a, nil
}

// Me gives the actor's own account.
func (s *Service) Me(ctx context.Context, h db.Handle, by access.Actor) (Account, error) {
	if by.Account == 0 {
		return Account{}, errNobody
	}
	return byID(ctx, h, by.Account)
}

// Filter narrows a list of accounts.
type Filter struct {
	Organisation int64 // object id; an organisation's administrator sees its own whatever is asked
	Limit        int   // 50 when 0, 500 at most
	After        string
}

// List gives accounts by name, with their roles, and the cursor of the next page, "" on the last one.
func (s *Service) List(ctx context.Context, by access.Actor, f Filter) ([]Account, string, error) {
	if err := needManager(by); err != nil {
		return nil, "", err
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 500)
	q := new(db.Query).Add(`SELECT ` + columns + ` FROM account_person p JOIN object o ON o.id = p.id WHERE 1 = 1`)
	if !by.Can(access.ManageAccounts) {
		if by.Organisation == 0 {
			return nil, "", nil
		}
		f.Organisation = by.Organisation
	}
	if f.Organisation != 0 {
		q.Add(` AND p.organisation = ?`, f.Organisation)
	}
	if f.After != "" {
		var c cursor
		b, err := base64.RawURLEncoding.DecodeString(f.After)
		if err == nil {
			err = json.Unmarshal(b, &c)
		}
		if err != nil {
			var p errs.Problems
			p.Add("after", "error.cursor")
			return nil, "", p.Err()
		}
		q.Add(` AND (p.name, p.id) > (?, ?)`, c.Name, c.ID)
	}
	list, err := db.List(ctx, s.DB, q.Add(` ORDER BY p.name, p.id LIMIT ?`, int64(f.Limit+1)), scan)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(list) > f.Limit {
		list = list[:f.Limit]
		last := list[f.Limit-1]
		b, err := json.Marshal(cursor{last.Name, last.ID})
		if err != nil {
			return nil, "", err
		}
		next = base64.RawURLEncoding.EncodeToString(b)
	}
	if err := fillRoles(ctx, s.DB, list); err != nil {
		return nil, "", err
	}
	if !by.Can(access.ManageAccounts) {
		list = slices.DeleteFunc(list, func(a Account) bool { return manages(by, a) != nil })
	}
	return list, next, nil
}

type cursor struct {
	Name string `json:"n"`
	ID   int64  `json:"i"`
}

// Names gives the names of accounts for lists and records; the caller has checked the objects that name them.
func (s *Service) Names(ctx context.Context, h db.Handle, ids ...int64) (map[int64]string, error) {
	out := make(map[int64]string, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	rows, err := db.In(new(db.Query).Add(`SELECT p.id, p.name FROM account_person p WHERE p.id IN `), ids).Query(ctx, h)
	return out, db.Each(rows, err, func(r *db.Rows) error {
		var id int64
		var name string
		err := r.Scan(&id, &name)
		out[id] = name
		return err
	})
}

// Staff gives the people who may be handlers of cases, by name. It needs ReadCases.
func (s *Service) Staff(ctx context.Context, h db.Handle, by access.Actor) ([]Account, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	list, err := db.List(ctx, h, staff(columns).Add(` ORDER BY p.name, p.id`), scan)
	if err != nil {
		return nil, err
	}
	return list, fillRoles(ctx, h, list)
}

// staff asks for the people who may work on cases.
func staff(columns string) *db.Query {
	var roles []string
	for _, r := range access.AllRoles {
		if one(r).Can(access.WorkCases) {
			roles = append(roles, string(r))
		}
	}
	// Each object is asked for by itself: joined, PostgreSQL may merge the few people with all objects.
	named := strings.NewReplacer("o.uid", "(SELECT o.uid FROM object o WHERE o.id = p.id)", "o.version", "(SELECT o.version FROM object o WHERE o.id = p.id)").Replace(columns)
	q := new(db.Query).Add(`SELECT ` + named + ` FROM account_person p
		WHERE p.active = TRUE AND p.machine = FALSE AND p.id IN (SELECT r.account FROM account_role r WHERE r.role IN `)
	return db.In(q, roles).Add(` AND r.state = ?)`, int64(Active))
}

// StaffIDs is Staff for a duty that checks whom a person named.
func (s *Service) StaffIDs(ctx context.Context, h db.Handle) ([]int64, error) {
	return db.List(ctx, h, staff("p.id"), func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) })
}
