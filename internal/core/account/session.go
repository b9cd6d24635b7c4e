package account

import (
	"context"
	"strconv"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Session is a sign-in as its owner sees it in the list.
type Session struct {
	UID       string
	Account   int64
	Door      Door
	Device    string
	Network   string // prefix of the address
	Strength  access.Strength
	CreatedAt time.Time
	ProvedAt  time.Time
	SeenAt    time.Time // to the minute
	Identity  int64     // by which it was proved last; 0 for none
}

const sessionColumns = `s.uid, s.account, s.door, s.device, s.network, s.strength, s.created_at, s.proved_at, s.seen_at, s.identity`

func (x *Session) dst() []any {
	return []any{&x.UID, &x.Account, (*string)(&x.Door), &x.Device, &x.Network, &x.Strength, &x.CreatedAt, &x.ProvedAt, &x.SeenAt, &x.Identity}
}

// alive tells whether a session is within its limits (rule I4).
func (x Session) alive(now time.Time) bool {
	l, ok := limits[x.Door]
	return ok && now.Sub(x.SeenAt) < l.idle && now.Sub(x.CreatedAt) < l.absolute
}

// Until gives the moment when the session ends by itself if nothing more is done in it.
func (x Session) Until() time.Time {
	l := limits[x.Door]
	idle, absolute := x.SeenAt.Add(l.idle), x.CreatedAt.Add(l.absolute)
	if idle.Before(absolute) {
		return idle
	}
	return absolute
}

// byTwo tells whether a provider said that two factors were proved.
func (x Session) byTwo() bool { return x.Identity != 0 && x.Strength >= access.TwoFactor }

// BySession turns the secret of a session into an actor, at its own door only. What is unknown, ended, too old or of another door is
// Unauthenticated. Roles are read anew each time, so that what is taken ends at once. It notes once a minute that the session was seen.
func (s *Service) BySession(ctx context.Context, door Door, secret string) (access.Actor, Session, error) {
	return s.bySession(ctx, door, secret, true)
}

// Unattended is BySession for what a page asks by itself while nobody need be in front of it: it does not keep the session alive (rule I4).
func (s *Service) Unattended(ctx context.Context, door Door, secret string) (access.Actor, Session, error) {
	return s.bySession(ctx, door, secret, false)
}

func (s *Service) bySession(ctx context.Context, door Door, secret string, seen bool) (access.Actor, Session, error) {
	if id.SecretOf(secret).Kind() != "ses" {
		return access.Actor{}, Session{}, errNobody
	}
	now := s.Clock.Now()
	var x Session
	err := s.DB.QueryRow(ctx, `SELECT `+sessionColumns+` FROM account_session s WHERE s.hash = $1 AND s.half = FALSE AND s.ended_at IS NULL AND s.door = $2`,
		id.SecretOf(secret).Hash(), string(door)).Scan(x.dst()...)
	if errs.Is(err, errs.NotFound) || err == nil && !x.alive(now) {
		return access.Actor{}, Session{}, errNobody
	}
	if err != nil {
		return access.Actor{}, Session{}, err
	}
	a, err := byID(ctx, s.DB, x.Account)
	if err != nil {
		return access.Actor{}, Session{}, err
	}
	if !a.Active || !opens(a, door) {
		return access.Actor{}, Session{}, errNobody
	}
	if seen && now.Sub(x.SeenAt) >= time.Minute {
		if _, err := s.DB.Exec(ctx, `UPDATE account_session SET seen_at = $1 WHERE uid = $2 AND ended_at IS NULL`, now, x.UID); err != nil {
			return access.Actor{}, Session{}, err
		}
		x.SeenAt = now
	}
	by := actor(a)
	by.Origin, by.Strength, by.ProvedAt, by.AskedAt = access.ByPage, x.Strength, x.ProvedAt, now
	by.Roles = nil
	if by.Owes, err = s.owes(ctx, s.DB, a); err != nil || by.Owes && !x.byTwo() {
		by.Compartments = nil
		return by, x, err
	}
	by.Owes = false
	for _, g := range a.Roles {
		if g.State == Active && doors[g.Role] == door { // the portal's cookie never carries a role of the desk
			by.Roles = append(by.Roles, g.Role)
		}
	}
	return by, x, nil
}

// actor gives what all ways in have in common.
func actor(a Account) access.Actor {
	by := access.Actor{Account: a.ID, Name: a.Name, Organisation: a.Organisation, Lang: a.Lang, Zone: located()[a.Zone]}
	if a.Organisation != 0 {
		by.Compartments = []int64{a.Organisation}
	}
	return by
}

// SignOut ends the session. An unknown one is ended already.
func (s *Service) SignOut(ctx context.Context, by access.Actor, session string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE account_session SET ended_at = $1 WHERE uid = $2 AND account = $3 AND ended_at IS NULL`, s.Clock.Now(), session, by.Account)
		if err != nil || n == 0 {
			return err
		}
		return s.note(ctx, tx, by, "account.sign_out", Account{ID: by.Account, Organisation: by.Organisation})
	})
}

// Sessions lists the living sessions of an account, newest first: one's own, or for managers.
func (s *Service) Sessions(ctx context.Context, by access.Actor, uid string) ([]Session, error) {
	a, err := s.Get(ctx, s.DB, by, uid)
	if err != nil {
		return nil, err
	}
	if a.ID != by.Account {
		if err := manages(by, a); err != nil {
			return nil, err
		}
	}
	now := s.Clock.Now()
	all, err := db.All(ctx, s.DB, func(r *db.Rows) (Session, error) {
		var x Session
		return x, r.Scan(x.dst()...)
	}, `SELECT `+sessionColumns+` FROM account_session s WHERE s.account = $1 AND s.half = FALSE AND s.ended_at IS NULL AND s.seen_at > $2
		ORDER BY s.seen_at DESC, s.id DESC LIMIT 200`, a.ID, now.Add(-limits[Desk].absolute))
	var out []Session
	for _, x := range all {
		if x.alive(now) {
			out = append(out, x)
		}
	}
	return out, err
}

// Revoke ends one session of one's own or of somebody whom the actor manages. Ending needs no fresh proof: it must be quick.
func (s *Service) Revoke(ctx context.Context, by access.Actor, session string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var account int64
		if err := tx.QueryRow(ctx, `SELECT account FROM account_session WHERE uid = $1 AND ended_at IS NULL`, session).Scan(&account); err != nil {
			return err
		}
		a, err := lockedID(ctx, tx, account)
		if err != nil {
			return err
		}
		if err := ownOr(by, a); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE account_session SET ended_at = $1 WHERE uid = $2`, s.Clock.Now(), session); err != nil {
			return err
		}
		return s.note(ctx, tx, by, "account.revoke_session", a)
	})
}

// RevokeAll ends all sessions of an account but the one to keep ("" for none).
func (s *Service) RevokeAll(ctx context.Context, by access.Actor, uid, keep string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		a, err := s.ownOrManaged(ctx, tx, by, uid)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE account_session SET ended_at = $1 WHERE account = $2 AND ended_at IS NULL AND uid <> $3`, s.Clock.Now(), a.ID, keep); err != nil {
			return err
		}
		return s.note(ctx, tx, by, "account.revoke_sessions", a)
	})
}

// ownOr lets the owner and its managers pass; for all others it is not found.
func ownOr(by access.Actor, a Account) error {
	if by.Account != 0 && by.Account == a.ID {
		return nil
	}
	if needManager(by) != nil || manages(by, a) != nil {
		return errs.ErrNotFound
	}
	return nil
}

// EndEverything ends all sessions and links of everybody, after a restore (rule K9). It needs ManageAccounts.
func (s *Service) EndEverything(ctx context.Context, by access.Actor) error {
	if err := by.Need(access.ManageAccounts); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, q := range []string{`DELETE FROM account_session`, `DELETE FROM account_device`, `DELETE FROM account_link`, `DELETE FROM account_try`, `UPDATE account_token SET state = ` + strconv.Itoa(int(Ended))} {
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
		err := s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: "account.end_everything"})
		return err
	})
}

// Sweep forgets sessions, browsers and counters that are over their period, and dead links. A job calls it.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.Clock.Now()
	for _, q := range []struct {
		text string
		at   time.Time
	}{
		{`DELETE FROM account_session WHERE seen_at < $1`, now.Add(-retain.SessionsFor)},
		{`DELETE FROM account_try WHERE since < $1`, now.Add(-retain.TriesFor)},
		{`DELETE FROM account_device WHERE seen_at < $1`, now.Add(-retain.DevicesFor)},
		{`DELETE FROM account_link WHERE expires_at < $1`, now},
		{`DELETE FROM account_challenge WHERE at < $1`, now.Add(-2 * challengeFor)},
	} {
		if _, err := s.DB.Exec(ctx, q.text, q.at); err != nil {
			return err
		}
	}
	return nil
}
