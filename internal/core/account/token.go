package account

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Token is an API token as it is listed; its secret is shown once and not kept.
type Token struct {
	UID       string
	Account   int64 // its owner: a person, or the machine made for it
	Name      string
	Role      access.Role
	Scopes    []access.Right // nil: all rights of the role
	Networks  []netip.Prefix // nil: from anywhere
	State     State
	CreatedBy int64
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // to the minute
}

// NewToken is what a token is asked to be.
type NewToken struct {
	Name         string
	Role         access.Role
	Owner        string         // uid of a person; "" makes a machine with the token's name
	Organisation string         // uid, for a machine of a constituent
	Scopes       []access.Right // nil: all rights of the role
	Networks     []string
	Life         time.Duration // 90 days when 0, a year at most
}

// The life of tokens (rule I12).
const (
	TokenLife    = 90 * 24 * time.Hour
	longestToken = 366 * 24 * time.Hour
)

// CreateToken mints a token for oneself, or, with ManageAccounts, for a machine. It asks for a fresh proof. A token that reads cases is
// pending until a lead confirms it, unless a lead mints it for itself (rule I11). A person's token never does more than the person may.
func (s *Service) CreateToken(ctx context.Context, by access.Actor, in NewToken) (Token, id.Secret, error) {
	now := s.Clock.Now()
	if by.Account == 0 || in.Owner == "" {
		if err := by.Need(access.ManageAccounts); err != nil {
			return Token{}, id.Secret{}, err
		}
	}
	if err := by.NeedFresh(now); err != nil {
		return Token{}, id.Secret{}, err
	}
	t, networks, err := in.check(now)
	if err != nil {
		return Token{}, id.Secret{}, err
	}
	secret := id.NewSecret("tcs")
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		owner, err := s.tokenOwner(ctx, tx, by, in, t)
		if err != nil {
			return err
		}
		t.UID, t.Account, t.CreatedBy = id.New(), owner.ID, by.Account
		t.State, err = s.stateOf(ctx, tx, by, access.Actor{Roles: []access.Role{t.Role}, Scopes: t.Scopes})
		if err != nil {
			return err
		}
		if owner.ID == by.Account && by.Can(access.Approve) {
			t.State = Active // the lead's word is given
		}
		return s.insertToken(ctx, tx, by, owner, t, networks, secret)
	})
	if err != nil {
		return Token{}, id.Secret{}, err
	}
	return t, secret, nil
}

func (s *Service) insertToken(ctx context.Context, tx *db.Tx, by access.Actor, owner Account, t Token, networks string, secret id.Secret) error {
	scopes := make([]string, len(t.Scopes))
	for i, r := range t.Scopes {
		scopes[i] = r.String()
	}
	_, err := tx.Exec(ctx, `INSERT INTO account_token (uid, account, name, hash, role, scopes, networks, state, created_by, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, t.UID, t.Account, t.Name, secret.Hash(), string(t.Role), strings.Join(scopes, " "), networks,
		int64(t.State), t.CreatedBy, t.CreatedAt, t.ExpiresAt)
	if err != nil {
		return err
	}
	return s.record(ctx, tx, by, "account.create_token", owner, audit.Change{Field: "token", To: t.Name}, audit.Change{Field: "role", To: string(t.Role)},
		audit.Change{Field: "state", To: t.State.String()}, audit.Change{Field: "expires_at", To: t.ExpiresAt})
}

// check reads the input; a token with no scopes at all would be mistaken for one with all.
func (in NewToken) check(now time.Time) (Token, string, error) {
	var p errs.Problems
	t := Token{Name: line(&p, "name", in.Name, 100, true), Role: in.Role, Scopes: in.Scopes, CreatedAt: now}
	if !known(in.Role) {
		p.Add("role", "error.choice")
	}
	if in.Scopes != nil && len(in.Scopes) == 0 {
		p.Add("scopes", "error.required")
	}
	for _, r := range in.Scopes {
		if !one(in.Role).Can(r) {
			p.Add("scopes", "error.choice")
			break
		}
	}
	if in.Life == 0 {
		in.Life = TokenLife
	}
	if in.Life < time.Minute || in.Life > longestToken {
		p.Add("expires", "error.range", "least", 1, "most", 366)
	}
	t.ExpiresAt = now.Add(in.Life)
	var networks []string
	for _, n := range in.Networks {
		x, err := netip.ParsePrefix(n)
		if err != nil {
			p.Add("networks", "error.network")
			break
		}
		t.Networks = append(t.Networks, x.Masked())
		networks = append(networks, x.Masked().String())
	}
	if len(networks) > 32 {
		p.Add("networks", "error.too_many", "most", 32)
	}
	return t, strings.Join(networks, " "), p.Err()
}

func (s *Service) tokenOwner(ctx context.Context, tx *db.Tx, by access.Actor, in NewToken, t Token) (Account, error) {
	if in.Owner != "" {
		a, err := locked(ctx, tx, in.Owner)
		if err != nil {
			return a, err
		}
		if a.ID != by.Account && (by.System == "" || !by.Can(access.ManageAccounts)) {
			return a, errs.ErrNotFound // nobody speaks as somebody else
		}
		if !a.Active || !a.Has(t.Role) {
			var p errs.Problems
			p.Add("role", "error.choice")
			return a, p.Err()
		}
		return a, nil
	}
	organisation, err := s.organisation(ctx, tx, by, in.Organisation)
	if err != nil {
		return Account{}, err
	}
	var p errs.Problems
	if ofOrganisation(t.Role) && organisation == 0 {
		p.Add("organisation", "error.required")
	}
	if organisation != 0 && doors[t.Role] == Desk {
		p.Add("role", "error.role_of_team")
	}
	if err := p.Err(); err != nil {
		return Account{}, err
	}
	a, err := s.insert(ctx, tx, Account{Name: t.Name, Lang: langs[0], Organisation: organisation, Machine: true, Active: true}, "", "")
	if err != nil {
		return a, err
	}
	return a, s.record(ctx, tx, by, "account.create_machine", a, audit.Change{Field: "name", To: a.Name})
}

// ByToken turns the secret of a token into an actor, from an allowed network. A token of a person loses what its person loses. It has no
// fresh proof: acts that ask for one are not done by token.
func (s *Service) ByToken(ctx context.Context, secret string, from netip.Addr) (access.Actor, error) {
	if id.SecretOf(secret).Kind() != "tcs" {
		return access.Actor{}, errNobody
	}
	now := s.Clock.Now()
	t, err := db.One(ctx, s.DB, scanToken, `SELECT `+tokenColumns+` FROM account_token t WHERE t.hash = $1 AND t.state = $2 AND t.expires_at > $3`,
		id.SecretOf(secret).Hash(), int64(Active), now)
	if errs.Is(err, errs.NotFound) {
		err = errNobody
	}
	if err != nil {
		return access.Actor{}, err
	}
	from = from.Unmap()
	if len(t.Networks) > 0 && !slices.ContainsFunc(t.Networks, func(p netip.Prefix) bool { return p.Contains(from) }) {
		return access.Actor{}, errNobody
	}
	a, err := byID(ctx, s.DB, t.Account)
	if err != nil {
		return access.Actor{}, err
	}
	if !a.Active || !a.Machine && !a.Has(t.Role) {
		return access.Actor{}, errNobody
	}
	if owes, err := s.owes(ctx, s.DB, a); err != nil || owes {
		return access.Actor{}, cmp.Or(err, error(errNobody))
	}
	if now.Sub(t.UsedAt) >= time.Minute {
		if _, err := s.DB.Exec(ctx, `UPDATE account_token SET used_at = $1 WHERE uid = $2`, now, t.UID); err != nil {
			return access.Actor{}, err
		}
	}
	by := actor(a)
	by.AskedAt = now
	by.Origin, by.Strength, by.Scopes, by.Roles = access.ByAPI, access.Password, t.Scopes, []access.Role{t.Role}
	if a.TwoFactor {
		by.Strength = access.TwoFactor
	}
	return by, nil
}

const tokenColumns = `t.uid, t.account, t.name, t.role, t.scopes, t.networks, t.state, t.created_by, t.created_at, t.expires_at, t.used_at`

func scanToken(r *db.Rows) (Token, error) {
	var t Token
	var role, scopes, networks string
	err := r.Scan(&t.UID, &t.Account, &t.Name, &role, &scopes, &networks, &t.State, &t.CreatedBy, &t.CreatedAt, &t.ExpiresAt, &t.UsedAt)
	t.Role = access.Role(role)
	for _, name := range strings.Fields(scopes) {
		// A right that this program does not know gives nothing, yet the list stays a list.
		t.Scopes = slices.Grow(t.Scopes, 1)
		if r, ok := access.ParseRight(name); ok {
			t.Scopes = append(t.Scopes, r)
		}
	}
	for _, n := range strings.Fields(networks) {
		p, perr := netip.ParsePrefix(n)
		if perr != nil {
			return t, perr
		}
		t.Networks = append(t.Networks, p)
	}
	return t, err
}

// Tokens lists the tokens of an account, newest first: one's own, or for managers.
func (s *Service) Tokens(ctx context.Context, by access.Actor, uid string) ([]Token, error) {
	a, err := s.Get(ctx, s.DB, by, uid)
	if err != nil {
		return nil, err
	}
	if err := ownOr(by, a); err != nil {
		return nil, err
	}
	return db.All(ctx, s.DB, scanToken, `SELECT `+tokenColumns+` FROM account_token t WHERE t.account = $1 ORDER BY t.id DESC LIMIT 500`, a.ID)
}

// Owned is a token with whose it is.
type Owned struct {
	Token
	Owner   string
	Machine bool
}

// AllTokens lists the tokens of everybody that have not ended, newest first, for who manages all accounts.
func (s *Service) AllTokens(ctx context.Context, by access.Actor) ([]Owned, error) {
	if err := by.Need(access.ManageAccounts); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, scanToken, `SELECT `+tokenColumns+` FROM account_token t WHERE t.state <> $1 ORDER BY t.id DESC LIMIT 500`, int64(Ended))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	ids := make([]int64, len(list))
	for i, t := range list {
		ids[i] = t.Account
	}
	type owner struct {
		name    string
		machine bool
	}
	owners := map[int64]owner{}
	rows, err := db.In(new(db.Query).Add(`SELECT p.id, p.name, p.machine FROM account_person p WHERE p.id IN `), ids).Query(ctx, s.DB)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var id int64
		var o owner
		err := r.Scan(&id, &o.name, &o.machine)
		owners[id] = o
		return err
	})
	out := make([]Owned, len(list))
	for i, t := range list {
		out[i] = Owned{t, owners[t.Account].name, owners[t.Account].machine}
	}
	return out, err
}

// ConfirmToken makes a pending token active. It needs Approve and a fresh proof; neither who made it nor who owns it may confirm it.
func (s *Service) ConfirmToken(ctx context.Context, by access.Actor, token string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := by.Need(access.Approve); err != nil {
			return err
		}
		if err := by.NeedFresh(s.Clock.Now()); err != nil {
			return err
		}
		t, a, err := s.tokenForChange(ctx, tx, token)
		if err != nil {
			return err
		}
		if t.State != Pending || !a.Active {
			return errs.ErrNotFound
		}
		if err := otherPerson(by, t.CreatedBy, t.Account); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE account_token SET state = $1 WHERE uid = $2`, int64(Active), t.UID); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "account.confirm_token", a, audit.Change{Field: "token", To: t.Name})
	})
}

// RevokeToken ends a token: its owner, a manager, or a lead for one that waits. It needs no fresh proof: it must be quick.
func (s *Service) RevokeToken(ctx context.Context, by access.Actor, token string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		t, a, err := s.tokenForChange(ctx, tx, token)
		if err != nil {
			return err
		}
		if !(by.Can(access.Approve) && t.State == Pending) {
			if err := ownOr(by, a); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE account_token SET state = $1 WHERE uid = $2`, int64(Ended), t.UID); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "account.revoke_token", a, audit.Change{Field: "token", From: t.Name})
	})
}

func (s *Service) tokenForChange(ctx context.Context, tx *db.Tx, uid string) (Token, Account, error) {
	find := `SELECT ` + tokenColumns + ` FROM account_token t WHERE t.uid = $1 AND t.state <> $2`
	t, err := db.One(ctx, tx, scanToken, find, uid, int64(Ended))
	if err != nil {
		return t, Account{}, err
	}
	a, err := lockedID(ctx, tx, t.Account)
	if err != nil {
		return t, a, err
	}
	t, err = db.One(ctx, tx, scanToken, find, uid, int64(Ended))
	return t, a, err
}
