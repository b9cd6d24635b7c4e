package account

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// ResetFor is how long a reset link lives (rule I7).
const ResetFor = 20 * time.Minute

// link makes the one live link of an account.
func (s *Service) link(ctx context.Context, tx *db.Tx, account int64, life time.Duration) (id.Secret, error) {
	secret := id.NewSecret("set")
	_, err := tx.Exec(ctx, `INSERT INTO account_link (account, hash, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at, nonce = NULL`, account, secret.Hash(), s.Clock.Now().Add(life))
	return secret, err
}

// ResetPassword ends all logins of an account, makes its password void and gives the secret of a link with which its owner chooses another
// one. The second factor stays. Where there is none, roles that read cases wait for a lead again (rule I11). For managers, with fresh proof.
func (s *Service) ResetPassword(ctx context.Context, by access.Actor, uid string) (id.Secret, error) {
	var link id.Secret
	_, err := s.change(ctx, by, uid, func(ctx context.Context, tx *db.Tx, a Account) error {
		return s.resetPassword(ctx, tx, by, a, func() (err error) {
			link, err = s.link(ctx, tx, a.ID, ResetFor)
			return err
		})
	})
	return link, err
}

// resetPassword ends logins and password, and has the link made by which another one is chosen.
func (s *Service) resetPassword(ctx context.Context, tx *db.Tx, by access.Actor, a Account, link func() error) error {
	if a.Machine || !a.Active {
		return errs.New(errs.Conflict, "this account does not sign in")
	}
	var list []audit.Change
	if !a.TwoFactor {
		var err error
		if list, err = s.suspend(ctx, tx, by, a); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE account_person SET password = '', password_at = NULL WHERE id = $1`, a.ID); err != nil {
		return err
	}
	if err := s.endLogins(ctx, tx, a.ID, ""); err != nil {
		return err
	}
	if err := link(); err != nil {
		return err
	}
	return s.record(ctx, tx, by, "account.reset_password", a, list...)
}

// SetByLink sets the password of the account whose link it is, burns the link and ends all logins. A link that is unknown, used or old is
// errs.ErrNotFound. An invited person has come by this; when the address signs in for another account already, that is a conflict.
func (s *Service) SetByLink(ctx context.Context, secret, password string) error {
	hash := id.SecretOf(secret).Hash()
	now := s.Clock.Now()
	a, err := s.linkOf(ctx, s.DB, hash)
	if err != nil {
		return err
	}
	made, err := s.newPassword(ctx, a, password)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, `DELETE FROM account_link WHERE hash = $1 AND expires_at > $2`, hash, now)
		if err != nil {
			return err
		}
		if n == 0 {
			return errs.ErrNotFound // somebody was faster
		}
		a, err := lockedID(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if !a.Active {
			return errs.ErrNotFound
		}
		if err := s.arrive(ctx, tx, a); err != nil {
			return err
		}
		return s.storePassword(ctx, tx, access.Actor{Account: a.ID, Name: a.Name, Origin: access.ByLink, Strength: access.Link}, a, made, "")
	})
}

// linkOf gives whose living link it is.
func (s *Service) linkOf(ctx context.Context, h db.Handle, hash []byte) (Account, error) {
	var account int64
	err := h.QueryRow(ctx, `SELECT l.account FROM account_link l JOIN account_person p ON p.id = l.account WHERE l.hash = $1 AND l.expires_at > $2 AND p.active = TRUE`, hash, s.Clock.Now()).Scan(&account)
	if err != nil {
		return Account{}, err
	}
	return byID(ctx, h, account)
}

// LinkWorks tells whether a link still lives, for the page behind it. It changes nothing.
func (s *Service) LinkWorks(ctx context.Context, secret string) (bool, error) {
	var n int64
	err := s.DB.QueryRow(ctx, `SELECT COUNT(*) FROM account_link WHERE hash = $1 AND expires_at > $2`, id.SecretOf(secret).Hash(), s.Clock.Now()).Scan(&n)
	return n > 0, err
}

// SetPassword changes the actor's own password, who proved itself freshly. All its other sessions end; keep names the one that stays.
func (s *Service) SetPassword(ctx context.Context, by access.Actor, password, keep string) error {
	a, err := s.self(ctx, by)
	if err != nil {
		return err
	}
	made, err := s.newPassword(ctx, a, password)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		a, err := lockedID(ctx, tx, by.Account)
		if err != nil {
			return err
		}
		return s.storePassword(ctx, tx, by, a, made, keep)
	})
}

var errNobody = errs.New(errs.Unauthenticated, "sign in first")

// self gives the actor's own account for an act on its factors: signed in by a page, freshly (rule I5).
func (s *Service) self(ctx context.Context, by access.Actor) (Account, error) {
	if by.Account == 0 {
		return Account{}, errNobody
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return Account{}, err
	}
	a, err := byID(ctx, s.DB, by.Account)
	if err == nil && (a.Machine || !a.Active) {
		err = errNobody
	}
	return a, err
}

func (s *Service) newPassword(ctx context.Context, a Account, password string) (string, error) {
	var p errs.Problems
	CheckPassword(&p, "password", password, a.Email, a.Name)
	if err := p.Err(); err != nil {
		return "", err
	}
	return s.Hash.Make(ctx, password)
}

func (s *Service) storePassword(ctx context.Context, tx *db.Tx, by access.Actor, a Account, made, keep string) error {
	if _, err := tx.Exec(ctx, `UPDATE account_person SET password = $1, password_at = $2 WHERE id = $3`, made, s.Clock.Now(), a.ID); err != nil {
		return err
	}
	if err := s.endLogins(ctx, tx, a.ID, keep); err != nil {
		return err
	}
	return s.record(ctx, tx, by, "account.set_password", a)
}

// endLogins ends the sessions of an account but one, forgets its browsers and burns its link.
func (s *Service) endLogins(ctx context.Context, tx *db.Tx, account int64, keep string) error {
	if _, err := tx.Exec(ctx, `UPDATE account_session SET ended_at = $1 WHERE account = $2 AND ended_at IS NULL AND uid <> $3`, s.Clock.Now(), account, keep); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM account_device WHERE account = $1`, account); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM account_link WHERE account = $1`, account)
	return err
}
