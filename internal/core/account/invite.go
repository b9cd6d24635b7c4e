package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// InvitedFor is how long the link of an invitation by letter lives.
const InvitedFor = 7 * 24 * time.Hour

// What an organisation may do in a day, so that nobody writes to the world by us: letters with links, all its people together; and how many people it has.
const (
	lettersADay = 40
	mostPeople  = 500
)

// Letter says which letter carries a link.
type Letter uint8

// The letters.
const (
	InvitationLetter Letter = iota + 1
	PasswordLetter          // choose another password
)

// Invitation is what somebody is asked to be.
type Invitation struct {
	Email string
	Name  string
	Lang  string // "en" when empty
	Role  access.Role
}

// OpenInvitation is how an invitation stands that its person has not taken up.
type OpenInvitation struct {
	By      int64
	At      time.Time // of the last letter
	Letters int
	Until   time.Time // the link is dead from then on; zero when it is
}

// Invite asks somebody into the actor's own organisation by a letter with a link, and gives the account that waits for its person. It needs OwnPeople
// and a fresh proof. An address that signs in elsewhere is answered like any other: only who holds the letter learns of it (rule A13). Somebody who left
// comes back to the same account.
func (s *Service) Invite(ctx context.Context, by access.Actor, in Invitation) (Account, error) {
	now := s.Clock.Now()
	if err := needKeeper(by, now); err != nil {
		return Account{}, err
	}
	folded, err := in.check()
	if err != nil {
		return Account{}, err
	}
	if lacks(by, in.Role) {
		return Account{}, &errs.Error{Kind: errs.Forbidden, Key: "error.forbidden", Text: "nobody gives a right that they lack"}
	}
	var a Account
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := s.room(ctx, tx, by.Organisation); err != nil {
			return err
		}
		if a, err = s.invitee(ctx, tx, by, in, folded); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO account_invitation (account, organisation, folded, made_by, made_at, sent_at, letters) VALUES ($1, $2, $3, $4, $5, $5, 0)
			ON CONFLICT (account) DO UPDATE SET made_by = excluded.made_by, made_at = excluded.made_at, ended_at = NULL`, a.ID, a.Organisation, folded, by.Account, now)
		if err != nil {
			return err
		}
		if err := s.record(ctx, tx, by, "account.invite", a, audit.Change{Field: "email", To: a.Email}, audit.Change{Field: "name", To: a.Name}); err != nil {
			return err
		}
		if err := s.give(ctx, tx, by, a, in.Role); err != nil {
			return err
		}
		if err := s.post(ctx, tx, a, InvitationLetter); err != nil {
			return err
		}
		a, err = byID(ctx, tx, a.ID)
		return err
	})
	if err != nil {
		return Account{}, err
	}
	return a, nil
}

// InviteFirstTx asks somebody by letter to be the first administrator of an organisation that has nobody, in the transaction that takes it into the
// register. It needs WriteRegistry. It tells false, and asks nobody, when the organisation has people or an open invitation: its own administrator asks
// others. Refused: Invalid.
func (s *Service) InviteFirstTx(ctx context.Context, tx *db.Tx, by access.Actor, organisation int64, in Invitation) (bool, error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return false, err
	}
	in.Role = access.ConstituentAdmin
	folded, err := in.check()
	if err != nil {
		return false, err
	}
	if err := s.room(ctx, tx, organisation); err != nil {
		return false, err
	}
	var n int64
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM account_person WHERE organisation = $1 AND active = TRUE AND machine = FALSE`, organisation).Scan(&n); err != nil || n > 0 {
		return false, err
	}
	of := by
	of.Organisation = organisation
	a, err := s.invitee(ctx, tx, of, in, folded)
	if err != nil {
		return false, err
	}
	now := s.Clock.Now()
	_, err = tx.Exec(ctx, `INSERT INTO account_invitation (account, organisation, folded, made_by, made_at, sent_at, letters) VALUES ($1, $2, $3, $4, $5, $5, 0)
		ON CONFLICT (account) DO UPDATE SET made_by = excluded.made_by, made_at = excluded.made_at, ended_at = NULL`, a.ID, organisation, folded, by.Account, now)
	if err == nil {
		err = s.record(ctx, tx, by, "account.invite", a, audit.Change{Field: "email", To: a.Email}, audit.Change{Field: "name", To: a.Name})
	}
	if err == nil {
		err = s.assign(ctx, tx, by, a, in.Role)
	}
	if err == nil {
		err = s.post(ctx, tx, a, InvitationLetter)
	}
	return err == nil, err
}

// needKeeper refuses who does not keep the people of an organisation, or has not proved itself freshly.
func needKeeper(by access.Actor, now time.Time) error {
	if err := by.Need(access.OwnPeople); err != nil {
		return err
	}
	if by.Organisation == 0 {
		return errs.ErrNotFound
	}
	return by.NeedFresh(now)
}

func (in *Invitation) check() (folded string, err error) {
	var p errs.Problems
	in.Name = line(&p, "name", in.Name, 120, true)
	folded, ok := foldEmail(in.Email)
	in.Email = strings.TrimSpace(in.Email)
	if in.Email == "" {
		p.Add("email", "error.required")
	} else if !ok {
		p.Add("email", "error.email")
	}
	if in.Lang == "" {
		in.Lang = langs[0]
	}
	if !slices.Contains(langs, in.Lang) {
		p.Add("lang", "error.choice")
	}
	if !ofOrganisation(in.Role) {
		p.Add("role", "error.choice")
	}
	return folded, p.Err()
}

// room refuses one more when an organisation has as many people as it may.
func (s *Service) room(ctx context.Context, tx *db.Tx, organisation int64) error {
	if _, err := access.Locked(ctx, tx, organisation); err != nil { // two invitations at once wait for each other
		return err
	}
	var n int64
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM account_person WHERE organisation = $1 AND active = TRUE AND machine = FALSE`, organisation).Scan(&n); err != nil {
		return err
	}
	if n >= mostPeople {
		return &errs.Error{Kind: errs.Limit, Key: "error.people.full", Text: "the organisation has as many people as it may"}
	}
	return nil
}

// invitee gives the account of who is invited: that of somebody who left, or a new one, which signs in with nothing until its person has come.
func (s *Service) invitee(ctx context.Context, tx *db.Tx, by access.Actor, in Invitation, folded string) (Account, error) {
	known, err := db.All(ctx, tx, scan, `SELECT `+columns+` FROM account_person p JOIN object o ON o.id = p.id LEFT JOIN account_invitation i ON i.account = p.id
		WHERE p.organisation = $1 AND p.machine = FALSE AND (p.folded = $2 OR i.folded = $2) ORDER BY p.active DESC, p.id LIMIT 1`, by.Organisation, folded)
	if err != nil {
		return Account{}, err
	}
	if len(known) == 0 {
		return s.insert(ctx, tx, Account{Email: in.Email, Name: in.Name, Lang: in.Lang, Organisation: by.Organisation, Active: true}, "", "")
	}
	if known[0].Active {
		var p errs.Problems
		p.Add("email", "error.person_known")
		return Account{}, p.Err()
	}
	a, err := lockedID(ctx, tx, known[0].ID)
	if err != nil {
		return a, err
	}
	if _, err := tx.Exec(ctx, `UPDATE account_person SET active = TRUE, name = $1, lang = $2 WHERE id = $3`, in.Name, in.Lang, a.ID); err != nil {
		return a, err
	}
	return byID(ctx, tx, a.ID)
}

// InviteAgain sends the letter of an open invitation once more, with another link; the one before is dead. For its organisation's keepers, with fresh
// proof.
func (s *Service) InviteAgain(ctx context.Context, by access.Actor, uid string) (Account, error) {
	if err := needKeeper(by, s.Clock.Now()); err != nil {
		return Account{}, err
	}
	return s.change(ctx, by, uid, func(ctx context.Context, tx *db.Tx, a Account) error {
		open, err := s.open(ctx, tx, a)
		if err != nil {
			return err
		}
		if !open {
			return &errs.Error{Kind: errs.Conflict, Key: "error.invitation.over", Text: "there is no open invitation"}
		}
		if err := s.post(ctx, tx, a, InvitationLetter); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "account.invite_again", a)
	})
}

// WithdrawInvitation ends an invitation that nobody took up: its link is dead at once. For its organisation's keepers; it needs no fresh proof, for it
// must be quick. One that is over already is a conflict.
func (s *Service) WithdrawInvitation(ctx context.Context, by access.Actor, uid string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := by.Need(access.OwnPeople); err != nil {
			return err
		}
		a, err := forChange(ctx, tx, by, uid)
		if err != nil {
			return err
		}
		open, err := s.open(ctx, tx, a)
		if err != nil {
			return err
		}
		if !open {
			return &errs.Error{Kind: errs.Conflict, Key: "error.invitation.over", Text: "there is no open invitation"}
		}
		return s.withdraw(ctx, tx, by, a)
	})
}

func (s *Service) withdraw(ctx context.Context, tx *db.Tx, by access.Actor, a Account) error {
	for _, q := range []string{
		`DELETE FROM account_link WHERE account = $1`,
		`UPDATE account_role SET state = 3 WHERE account = $1 AND state <> 3`,
		`UPDATE account_person SET active = FALSE, password = '', password_at = NULL WHERE id = $1`,
	} {
		if _, err := tx.Exec(ctx, q, a.ID); err != nil {
			return err
		}
	}
	if err := s.overInvitation(ctx, tx, a.ID); err != nil {
		return err
	}
	return s.record(ctx, tx, by, "account.withdraw_invitation", a)
}

// withdrawOf ends what a leaver has asked others to, and nobody took up: he does not come back by a letter to himself.
func (s *Service) withdrawOf(ctx context.Context, tx *db.Tx, by access.Actor, leaver int64) error {
	ids, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT account FROM account_invitation WHERE made_by = $1 AND ended_at IS NULL ORDER BY account LIMIT 1000`, leaver)
	for _, one := range ids {
		a, e := lockedID(ctx, tx, one)
		if e != nil {
			return e
		}
		if e := s.withdraw(ctx, tx, by, a); e != nil {
			return e
		}
	}
	return err
}

func (s *Service) open(ctx context.Context, h db.Handle, a Account) (bool, error) {
	var n int64
	err := h.QueryRow(ctx, `SELECT COUNT(*) FROM account_invitation WHERE account = $1 AND ended_at IS NULL`, a.ID).Scan(&n)
	return n > 0 && a.Active, err
}

func (s *Service) overInvitation(ctx context.Context, tx *db.Tx, account int64) error {
	_, err := tx.Exec(ctx, `UPDATE account_invitation SET ended_at = $1 WHERE account = $2 AND ended_at IS NULL`, s.Clock.Now(), account)
	return err
}

// errInUse tells who holds a letter that its address signs in already: one address, one account (rule I10).
var errInUse = &errs.Error{Kind: errs.Conflict, Key: "error.address_in_use", Text: "this address signs in here already, for somebody else"}

// arrive makes an invited person's address one to sign in with. Who is not invited has one already.
func (s *Service) arrive(ctx context.Context, tx *db.Tx, a Account) error {
	var folded string
	err := tx.QueryRow(ctx, `SELECT folded FROM account_invitation WHERE account = $1 AND ended_at IS NULL`, a.ID).Scan(&folded)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE account_person SET folded = $1 WHERE id = $2 AND NOT EXISTS (SELECT 1 FROM account_person WHERE folded = $1 AND id <> $2)`, folded, a.ID)
	if errs.Is(err, errs.Conflict) || err == nil && n == 0 {
		return errInUse
	}
	if err != nil {
		return err
	}
	if err := s.overInvitation(ctx, tx, a.ID); err != nil {
		return err
	}
	return s.note(ctx, tx, access.Actor{Account: a.ID, Name: a.Name, Origin: access.ByLink, Strength: access.Link, Organisation: a.Organisation}, "account.accept_invitation", a)
}

// post makes the link that a letter is to carry and asks for the letter. The link itself is made when the letter leaves (Opening): nobody reads it before.
func (s *Service) post(ctx context.Context, tx *db.Tx, a Account, letter Letter) error {
	if s.Post == nil {
		return errs.New(errs.Unavailable, "no letters leave this house")
	}
	now, life := s.Clock.Now(), ResetFor
	if letter == InvitationLetter {
		life = InvitedFor
	}
	if err := s.countLetter(ctx, tx, a, now); err != nil {
		return err
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce)
	_, err := tx.Exec(ctx, `INSERT INTO account_link (account, hash, expires_at, nonce) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at, nonce = excluded.nonce`,
		a.ID, s.letterSecret(a.ID, nonce).Hash(), now.Add(life), nonce)
	if err != nil {
		return err
	}
	return s.Post(ctx, tx, a, letter)
}

// countLetter refuses when an organisation had as many letters written as it may in a day.
func (s *Service) countLetter(ctx context.Context, tx *db.Tx, a Account, now time.Time) error {
	day := now.Add(-24 * time.Hour)
	if _, err := access.Locked(ctx, tx, a.Organisation); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE account_invitation SET letters = CASE WHEN sent_at > $1 THEN letters + 1 ELSE 1 END, sent_at = $2 WHERE account = $3`, day, now, a.ID)
	if err != nil {
		return err
	}
	var n int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(SUM(letters), 0) FROM account_invitation WHERE organisation = $1 AND sent_at > $2`, a.Organisation, day).Scan(&n); err != nil {
		return err
	}
	if n > lettersADay {
		return &errs.Error{Kind: errs.Limit, Key: "error.letters.day", Text: "as many letters were sent as an organisation may in a day"}
	}
	return nil
}

func (s *Service) letterSecret(account int64, nonce []byte) id.Secret {
	m := hmac.New(sha256.New, s.Ring.Derive("account letter link/v1"))
	fmt.Fprintf(m, "%d:", account)
	m.Write(nonce)
	return id.SecretOf("set_" + base64.RawURLEncoding.EncodeToString(m.Sum(nil)))
}

// Opening gives the secret of the living link that a letter to an account carries, for the letter that leaves now; errs.ErrNotFound when it was withdrawn,
// used, replaced by one that was shown, or is over.
func (s *Service) Opening(ctx context.Context, h db.Handle, account int64) (Account, id.Secret, error) {
	var nonce []byte
	err := h.QueryRow(ctx, `SELECT l.nonce FROM account_link l JOIN account_person p ON p.id = l.account WHERE l.account = $1 AND l.expires_at > $2 AND l.nonce IS NOT NULL AND p.active = TRUE`,
		account, s.Clock.Now()).Scan(&nonce)
	if err != nil {
		return Account{}, id.Secret{}, err
	}
	a, err := byID(ctx, h, account)
	return a, s.letterSecret(account, nonce), err
}
