package account

import (
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid"
)

// came is an answer that was believed.
type came struct {
	trip     trip
	provider Provider // as it was when it was asked; act reads it again
	who      openid.Identity
	strong   bool // the provider said so of two factors
	from     From
	by       access.Actor // of the session in which it began, to link and to prove
	ses      Session
	secret   string // of that session
}

func (c came) strength() access.Strength {
	if c.strong {
		return access.TwoFactor
	}
	return access.Password
}

// act does what an answer was asked for. A *refusal gives the transaction up and is recorded after it.
func (s *Service) act(ctx context.Context, tx *db.Tx, c came, out *SignedIn) (err error) {
	// It may have been switched off or changed while it was asked.
	c.provider, err = s.lockedProvider(ctx, tx, c.provider.UID)
	if errs.Is(err, errs.NotFound) || err == nil && !slices.ContainsFunc(c.trip.Doors, c.provider.serves) {
		return errGone
	}
	if err != nil {
		return err
	}
	c.strong = c.provider.strong(c.who)
	switch c.trip.For {
	case ToSignIn:
		*out, err = s.signInBy(ctx, tx, c)
	case ToAccept:
		*out, err = s.acceptBy(ctx, tx, c)
	case ToLink:
		*out, err = s.linkBy(ctx, tx, c)
	case ToProve:
		*out, err = s.proveBy(ctx, tx, c)
	default:
		err = errGone
	}
	return err
}

// linked gives whose identity it is at this provider, its account locked.
func (s *Service) linked(ctx context.Context, tx *db.Tx, c came) (identity int64, a Account, err error) {
	const find = `SELECT id, account FROM account_identity WHERE issuer = $1 AND subject = $2 AND provider = $3`
	var account int64
	err = tx.QueryRow(ctx, find, c.who.Issuer, c.who.Subject, c.provider.ID).Scan(&identity, &account)
	if err == nil {
		a, err = lockedID(ctx, tx, account)
	}
	if err == nil { // read again under the lock: it may have been removed
		err = tx.QueryRow(ctx, find, c.who.Issuer, c.who.Subject, c.provider.ID).Scan(&identity, &account)
	}
	if errs.Is(err, errs.NotFound) || err == nil && (!a.Active || a.ID != account) {
		err = &refusal{errUnlinked, "unlinked", Account{}}
	}
	return identity, a, err
}

// opensBy gives the door that opens for the account by the provider, of those where it began.
func (c came) opensBy(a Account) (Door, bool) {
	for _, d := range c.trip.Doors {
		if opens(a, d) && c.provider.serves(d) && slices.Contains(c.from.Doors, d) {
			return d, true
		}
	}
	return "", false
}

// signInBy opens a session. The team's people need a provider that names two factors; where a constituent's does not, its own second factor is asked for.
func (s *Service) signInBy(ctx context.Context, tx *db.Tx, c came) (SignedIn, error) {
	identity, a, err := s.linked(ctx, tx, c)
	if err != nil {
		return SignedIn{}, err
	}
	door, ok := c.opensBy(a)
	if !ok {
		return SignedIn{}, &refusal{errUnlinked, "door", a}
	}
	if door == Desk && !c.strong {
		return SignedIn{}, &refusal{errWeak, "factor", a}
	}
	return s.enterBy(ctx, tx, c, a, door, identity)
}

func (s *Service) enterBy(ctx context.Context, tx *db.Tx, c came, a Account, door Door, identity int64) (SignedIn, error) {
	c.from.Door = door
	out, err := s.enter(ctx, tx, a, c.from, a.TwoFactor && !c.strong, c.strength(), identity)
	if err != nil {
		return out, err
	}
	_, err = tx.Exec(ctx, `UPDATE account_identity SET used_at = $1 WHERE id = $2`, s.Clock.Now(), identity)
	return out, err
}

// acceptBy takes an invitation up: its link is burnt, the identity linked, and the person is in.
func (s *Service) acceptBy(ctx context.Context, tx *db.Tx, c came) (SignedIn, error) {
	a, err := s.linkOf(ctx, tx, c.trip.Link)
	if err != nil {
		return SignedIn{}, err
	}
	if a, err = lockedID(ctx, tx, a.ID); err != nil {
		return SignedIn{}, err
	}
	n, err := tx.Exec(ctx, `DELETE FROM account_link WHERE hash = $1 AND expires_at > $2`, c.trip.Link, s.Clock.Now())
	if err == nil && (n == 0 || !a.Active) {
		err = errs.ErrNotFound
	}
	if err == nil {
		err = s.newcomer(ctx, tx, a)
	}
	if err != nil {
		return SignedIn{}, err
	}
	door, ok := c.opensBy(a)
	if !ok {
		return SignedIn{}, errs.ErrNotFound
	}
	if door == Desk && !c.strong {
		return SignedIn{}, &refusal{errWeak, "factor", a}
	}
	if err := s.arrive(ctx, tx, a); err != nil {
		return SignedIn{}, err
	}
	by := access.Actor{Account: a.ID, Name: a.Name, Origin: access.ByLink, Strength: access.Link, Organisation: a.Organisation}
	identity, err := s.bind(ctx, tx, by, a, c)
	if err != nil {
		return SignedIn{}, err
	}
	return s.enterBy(ctx, tx, c, a, door, identity)
}

// bind writes the link of an account with an identity.
func (s *Service) bind(ctx context.Context, tx *db.Tx, by access.Actor, a Account, c came) (int64, error) {
	var identity int64
	err := tx.QueryRow(ctx, `INSERT INTO account_identity (uid, account, provider, issuer, subject, linked_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id`,
		id.New(), a.ID, c.provider.ID, c.who.Issuer, c.who.Subject, s.Clock.Now()).Scan(&identity)
	if errs.Is(err, errs.NotFound) {
		return 0, errLinked
	}
	if err != nil {
		return 0, err
	}
	return identity, s.record(ctx, tx, by, "account.link_identity", a, audit.Change{Field: "provider", To: c.provider.Name})
}

// own gives the account of the session in which a trip began, locked. The session was looked at before; it must live still.
func (s *Service) own(ctx context.Context, tx *db.Tx, c came) (Account, error) {
	a, err := lockedID(ctx, tx, c.by.Account)
	if err != nil {
		return a, err
	}
	var n int64
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM account_session WHERE uid = $1 AND hash = $2 AND ended_at IS NULL`, c.ses.UID, id.SecretOf(c.secret).Hash()).Scan(&n)
	if err == nil && (n == 0 || !a.Active) {
		err = errGone
	}
	return a, err
}

// linkBy links an identity with the account of who is signed in, and proved itself freshly.
func (s *Service) linkBy(ctx context.Context, tx *db.Tx, c came) (SignedIn, error) {
	a, err := s.own(ctx, tx, c)
	if err != nil {
		return SignedIn{}, err
	}
	if err := c.by.NeedFresh(s.Clock.Now()); err != nil {
		return SignedIn{}, err
	}
	if _, err := s.bind(ctx, tx, c.by, a, c); err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Step: Done, Door: c.ses.Door, Session: c.ses.UID, Account: a}, nil
}

// proveBy is a fresh proof by a provider that asked the person anew. The session gets a new secret (rule I4). It must be worth as much as the account's own
// second factor.
func (s *Service) proveBy(ctx context.Context, tx *db.Tx, c came) (SignedIn, error) {
	identity, whose, err := s.linked(ctx, tx, c)
	if err != nil {
		return SignedIn{}, err
	}
	if whose.ID != c.by.Account { // nobody locks two accounts
		return SignedIn{}, &refusal{errUnlinked, "other", Account{ID: c.by.Account, Organisation: c.by.Organisation}}
	}
	a, err := s.own(ctx, tx, c)
	if err != nil {
		return SignedIn{}, err
	}
	if (a.TwoFactor || c.ses.Door == Desk) && !c.strong {
		return SignedIn{}, &refusal{errWeak, "factor", a}
	}
	out := SignedIn{Step: Done, Secret: id.NewSecret("ses"), Door: c.ses.Door, Session: c.ses.UID, Account: a}
	now := s.Clock.Now()
	n, err := tx.Exec(ctx, `UPDATE account_session SET hash = $1, proved_at = $2, strength = $3, identity = $4 WHERE uid = $5 AND hash = $6 AND ended_at IS NULL`,
		out.Secret.Hash(), now, int64(c.strength()), identity, c.ses.UID, id.SecretOf(c.secret).Hash())
	if err == nil && n == 0 {
		err = errGone
	}
	if err != nil {
		return SignedIn{}, err
	}
	if _, err := tx.Exec(ctx, `UPDATE account_identity SET used_at = $1 WHERE id = $2`, now, identity); err != nil {
		return SignedIn{}, err
	}
	return out, s.note(ctx, tx, c.by, "account.prove", a)
}

// Identity is a link of one's own with a provider.
type Identity struct {
	UID      string
	Provider string // its name
	Off      bool   // the provider is switched off
	LinkedAt time.Time
	UsedAt   time.Time

	provider int64
}

// Identities lists the actor's own, and the providers of the door that it could be linked with.
func (s *Service) Identities(ctx context.Context, h db.Handle, by access.Actor, door Door) ([]Identity, []Provider, error) {
	if by.Account == 0 {
		return nil, nil, errNobody
	}
	list, err := identities(ctx, h, by.Account)
	if err != nil {
		return nil, nil, err
	}
	offered, err := s.Offered(ctx, h, door)
	return list, slices.DeleteFunc(offered, func(p Provider) bool {
		return slices.ContainsFunc(list, func(i Identity) bool { return i.provider == p.ID })
	}), err
}

// IdentitiesOf lists the links of an account that the actor manages.
func (s *Service) IdentitiesOf(ctx context.Context, h db.Handle, by access.Actor, a Account) ([]Identity, error) {
	if err := manages(by, a); err != nil {
		return nil, err
	}
	return identities(ctx, h, a.ID)
}

func identities(ctx context.Context, h db.Handle, account int64) ([]Identity, error) {
	return db.All(ctx, h, func(r *db.Rows) (i Identity, err error) {
		var active bool
		err = r.Scan(&i.UID, &i.Provider, &active, &i.LinkedAt, &i.UsedAt, &i.provider)
		i.Off = !active
		return i, err
	}, `SELECT i.uid, p.name, p.active, i.linked_at, i.used_at, i.provider FROM account_identity i JOIN account_provider p ON p.id = i.provider WHERE i.account = $1 ORDER BY i.id LIMIT 100`, account)
}

// Proving gives the providers by which the actor may prove itself at a door.
func (s *Service) Proving(ctx context.Context, h db.Handle, by access.Actor, door Door) ([]Provider, error) {
	offered, err := s.Offered(ctx, h, door)
	if err != nil || len(offered) == 0 {
		return nil, err
	}
	mine, err := identities(ctx, h, by.Account)
	return slices.DeleteFunc(offered, func(p Provider) bool {
		return !slices.ContainsFunc(mine, func(i Identity) bool { return i.provider == p.ID })
	}), err
}

// linkedAtAll tells whether an account is linked with a provider that is on.
func (s *Service) linkedAtAll(ctx context.Context, h db.Handle, account int64) (bool, error) {
	var n int64
	err := h.QueryRow(ctx, `SELECT COUNT(*) FROM account_identity i JOIN account_provider p ON p.id = i.provider WHERE i.account = $1 AND p.active = TRUE`, account).Scan(&n)
	return n > 0, err
}

// EndIdentity removes a link of the actor's own, who proved itself freshly, and ends the sign-ins that came by it but the one to keep. The last way to sign in
// stays.
func (s *Service) EndIdentity(ctx context.Context, by access.Actor, uid, keep string) error {
	a, err := s.self(ctx, by)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := lockedID(ctx, tx, a.ID); err != nil {
			return err
		}
		var identity int64
		var name string
		err := tx.QueryRow(ctx, `SELECT i.id, p.name FROM account_identity i JOIN account_provider p ON p.id = i.provider WHERE i.uid = $1 AND i.account = $2`, uid, a.ID).Scan(&identity, &name)
		if err != nil {
			return err
		}
		if err := s.notLastWay(ctx, tx, a, uid); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM account_identity WHERE id = $1`, identity); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE account_session SET ended_at = $1 WHERE account = $2 AND identity = $3 AND uid <> $4 AND ended_at IS NULL`, s.Clock.Now(), a.ID, identity, keep); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "account.end_identity", a, audit.Change{Field: "provider", From: name})
	})
}

// notLastWay refuses to take the last way to sign in from its owner: a password, a passkey, or a link with a provider that is on. uid is of what goes.
func (s *Service) notLastWay(ctx context.Context, tx *db.Tx, a Account, uid string) error {
	var n int64
	err := tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM account_person WHERE id = $1 AND password <> '') + (SELECT COUNT(*) FROM account_passkey WHERE account = $1 AND uid <> $2)
		+ (SELECT COUNT(*) FROM account_identity i JOIN account_provider p ON p.id = i.provider WHERE i.account = $1 AND i.uid <> $2 AND p.active = TRUE)`, a.ID, uid).Scan(&n)
	if err == nil && n == 0 {
		err = errLastWay
	}
	return err
}
