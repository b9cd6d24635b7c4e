package account

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const columns = `p.id, o.uid, o.version, p.email, p.name, p.lang, p.organisation, p.machine, p.active, CASE WHEN p.totp_at IS NULL THEN 0 ELSE 1 END, (SELECT COUNT(*) FROM account_passkey k WHERE k.account = p.id), p.seen_at, p.zone`

func scan(r *db.Rows) (Account, error) {
	var a Account
	var app, keys int64
	err := r.Scan(&a.ID, &a.UID, &a.Version, &a.Email, &a.Name, &a.Lang, &a.Organisation, &a.Machine, &a.Active, &app, &keys, &a.SeenAt, &a.Zone)
	a.App, a.TwoFactor = app == 1, app == 1 || keys > 0
	return a, err
}

// byID reads one account past any right.
func byID(ctx context.Context, h db.Handle, id int64) (Account, error) {
	return load(ctx, h, `SELECT `+columns+` FROM account_person p JOIN object o ON o.id = p.id WHERE p.id = $1`, id)
}

func load(ctx context.Context, h db.Handle, query string, args ...any) (Account, error) {
	a, err := db.One(ctx, h, scan, query, args...)
	if err != nil {
		return a, err
	}
	list := []Account{a}
	err = fillRoles(ctx, h, list)
	return list[0], err
}

func fillRoles(ctx context.Context, h db.Handle, list []Account) error {
	if len(list) == 0 {
		return nil
	}
	at := make(map[int64]*Account, len(list))
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ID
		at[ids[i]] = &list[i]
	}
	q := new(db.Query).Add(`SELECT account, role, state, given_by, given_at, confirmed_by, confirmed_at FROM account_role WHERE account IN `)
	rows, err := db.In(q, ids).Add(` AND state <> ? ORDER BY account, role`, int64(Ended)).Query(ctx, h)
	return db.Each(rows, err, func(r *db.Rows) error {
		var id int64
		var g Given
		var role string
		if err := r.Scan(&id, &role, &g.State, &g.By, &g.At, &g.ConfirmedBy, &g.ConfirmedAt); err != nil {
			return err
		}
		g.Role = access.Role(role)
		at[id].Roles = append(at[id].Roles, g)
		return nil
	})
}

// manages says whether the actor may manage this account: an administrator all, an organisation's administrator its own people who have no
// wider rights (rule I10). What it may not see is not found.
func manages(by access.Actor, a Account) error {
	if by.Can(access.ManageAccounts) {
		return nil
	}
	if err := by.Need(access.OwnPeople); err != nil {
		return err
	}
	if by.Organisation == 0 || a.Organisation != by.Organisation || a.Machine {
		return errs.ErrNotFound
	}
	for _, g := range a.Roles {
		if lacks(by, g.Role) {
			return errs.ErrNotFound
		}
	}
	return nil
}

// needManager refuses who manages nobody.
func needManager(by access.Actor) error {
	if by.Can(access.OwnPeople) {
		return nil
	}
	return by.Need(access.ManageAccounts)
}

// forChange loads an account by uid for a manager and locks its object.
func forChange(ctx context.Context, tx *db.Tx, by access.Actor, uid string) (Account, error) {
	a, err := locked(ctx, tx, uid)
	if err != nil {
		return a, err
	}
	return a, manages(by, a)
}

func locked(ctx context.Context, tx *db.Tx, uid string) (Account, error) {
	a, err := load(ctx, tx, `SELECT `+columns+` FROM account_person p JOIN object o ON o.id = p.id WHERE o.uid = $1 AND o.kind = $2`, uid, int64(ref.Account))
	if err != nil {
		return a, err
	}
	return lockedID(ctx, tx, a.ID)
}

// lockedID reads an account again once nobody else can change it.
func lockedID(ctx context.Context, tx *db.Tx, id int64) (Account, error) {
	if _, err := access.Locked(ctx, tx, id); err != nil {
		return Account{}, err
	}
	return byID(ctx, tx, id)
}

// record raises the version of the account and writes the audit entry.
func (s *Service) record(ctx context.Context, tx *db.Tx, by access.Actor, verb string, a Account, list ...audit.Change) error {
	now := s.Clock.Now()
	if err := access.Touch(ctx, tx, a.ID, now); err != nil {
		return err
	}
	return s.note(ctx, tx, by, verb, a, list...)
}

// note writes the audit entry alone: signing in is no change of the account.
func (s *Service) note(ctx context.Context, tx *db.Tx, by access.Actor, verb string, a Account, list ...audit.Change) error {
	e := audit.Entry{At: s.Clock.Now(), By: by, Verb: verb, Compartment: a.Organisation, Changes: list}
	if a.ID != 0 {
		e.On = ref.Ref{Kind: ref.Account, ID: a.ID}
	}
	err := s.Audit.Write(ctx, tx, e)
	return err
}

// foldEmail gives the one form of a name to sign in with: NFKC, lower case, domain in ASCII. It takes anything, so that what is no
// address is counted by the throttle too.
func foldEmail(s string) (string, bool) {
	if len(s) > 512 || !utf8.ValidString(s) {
		return "", false
	}
	s = strings.ToLower(norm.NFKC.String(strings.TrimSpace(s)))
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(local) > 64 || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`"(),:;<>[\]`, r)
	}) {
		return s, false
	}
	d, err := idna.Lookup.ToASCII(strings.TrimSuffix(domain, "."))
	if err != nil || !strings.Contains(d, ".") && d != "localhost" || len(d) > 253 {
		return s, false
	}
	return local + "@" + d, true
}

var langs = []string{"en", "pt", "fr", "nl", "de"}

func line(p *errs.Problems, field, v string, most int, required bool) string {
	v = strings.TrimSpace(v)
	switch {
	case v == "" && required:
		p.Add(field, "error.required")
	case !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }):
		p.Add(field, "error.characters")
	case utf8.RuneCountInString(v) > most:
		p.Add(field, "error.too_long", "most", most)
	}
	return v
}

func taken(err error, field string) error {
	if errs.Is(err, errs.Conflict) {
		var p errs.Problems
		p.Add(field, "error.taken")
		return p.Err()
	}
	return err
}

func known(r access.Role) bool { return slices.Contains(access.AllRoles, r) }
