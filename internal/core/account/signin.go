package account

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// From is where a person signs in: shown in the list of sessions, counted by the throttle.
type From struct {
	Door    Door
	Doors   []Door // without a Door, SignIn takes the first of these that the account's roles open
	Address netip.Addr
	Device  string // what the browser calls itself
	Known   string // the secret of a browser that signed in before, "" for none
}

// Credentials is what a person typed.
type Credentials struct {
	Email    string
	Password string
}

// Step says how far a sign-in came.
type Step uint8

// The steps.
const (
	Done     Step = iota + 1 // Secret is the session
	NeedCode                 // Secret is a half session, worth nothing but to give a code with
)

// SignedIn is the answer to a sign-in. Secrets go into cookies and nowhere else.
type SignedIn struct {
	Step    Step
	Secret  id.Secret
	Door    Door
	Session string    // uid of the session
	Known   id.Secret // marks this browser as known; empty until the step is Done
	Account Account
}

// halfLife is how long a password waits for its code.
const halfLife = 5 * time.Minute

// errSignIn is the one answer to an unknown account, a wrong password, a disabled account and the wrong door.
var errSignIn = &errs.Error{Kind: errs.Unauthenticated, Key: "error.sign_in", Text: "address and password do not fit"}

// errCode is the one answer to a wrong, used or late code.
var errCode = &errs.Error{Kind: errs.Unauthenticated, Key: "error.code", Text: "this code does not fit; take the next one"}

// SignIn checks address and password at a door. Refusals are one answer with one cost; too many of them are a Limit, but not for a browser
// that is known. When a second factor is enrolled the answer is NeedCode.
func (s *Service) SignIn(ctx context.Context, from From, in Credentials) (SignedIn, error) {
	if from.Door != "" {
		from.Doors = []Door{from.Door}
	}
	if len(from.Doors) == 0 || slices.ContainsFunc(from.Doors, func(d Door) bool { _, ok := limits[d]; return !ok }) {
		return SignedIn{}, errSignIn
	}
	from.Door = from.Doors[0] // of a refusal
	folded, ok := foldEmail(in.Email)
	if len(in.Email) > 512 || tooLong(in.Password) {
		return SignedIn{}, errSignIn
	}
	var account int64
	var hash string
	if ok {
		err := s.DB.QueryRow(ctx, `SELECT id, password FROM account_person WHERE folded = $1 AND folded <> '' AND active = TRUE AND machine = FALSE`, folded).Scan(&account, &hash)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return SignedIn{}, err
		}
	}
	tries, err := s.tries(ctx, account, folded, from)
	if err != nil {
		return SignedIn{}, err
	}
	if err := s.count(ctx, tries...); err != nil {
		return SignedIn{}, err
	}
	right, err := s.Hash.Check(ctx, in.Password, hash)
	if err != nil {
		return SignedIn{}, err
	}
	var out SignedIn
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		out = SignedIn{}
		var a Account
		if right {
			var err error
			if a, err = lockedID(ctx, tx, account); err != nil {
				return err
			}
			var now string
			if err := tx.QueryRow(ctx, `SELECT password FROM account_person WHERE id = $1`, account).Scan(&now); err != nil {
				return err
			}
			i := slices.IndexFunc(from.Doors, func(d Door) bool { return opens(a, d) })
			if a.Active && now == hash && i >= 0 {
				from.Door = from.Doors[i]
				if err := forgive(ctx, tx, tries); err != nil {
					return err
				}
				out, err = s.enter(ctx, tx, a, from, a.TwoFactor, access.Password, 0)
				return err
			}
		}
		who := access.Stranger(access.ByPage, "")
		return s.note(ctx, tx, who, "account.sign_in_refused", Account{ID: account}, audit.Change{Field: "door", To: string(from.Door)})
	})
	if err == nil && out.Step == 0 {
		err = errSignIn
	}
	return out, err
}

// tries gives the counters of a try. A known browser has one of its own.
func (s *Service) tries(ctx context.Context, account int64, folded string, from From) ([]bucket, error) {
	if from.Known != "" {
		var n int64
		h := id.SecretOf(from.Known).Hash()
		if err := s.DB.QueryRow(ctx, `SELECT COUNT(*) FROM account_device WHERE hash = $1 AND account = $2`, h, account).Scan(&n); err != nil {
			return nil, err
		}
		if n == 1 && account != 0 {
			return []bucket{s.bucket("device", string(h), perDevice)}, nil
		}
	}
	address, network := addressOf(from.Address)
	return []bucket{s.bucket("account", folded, perAccount), s.bucket("address", address, perAddress), s.bucket("network", network, perNetwork)}, nil
}

// opens tells whether the account has a role for the door. A pending one opens too: there is nothing to see yet.
func opens(a Account, d Door) bool {
	for _, g := range a.Roles {
		if doors[g.Role] == d {
			return true
		}
	}
	return false
}

// GiveCode turns a half session into a whole one with a TOTP or recovery code. After ten wrong codes of an account
// in a quarter of an hour no more is taken.
func (s *Service) GiveCode(ctx context.Context, from From, half, code string) (SignedIn, error) {
	find := `SELECT account, identity FROM account_session WHERE hash = $1 AND door = $2 AND half = TRUE AND ended_at IS NULL AND created_at > $3`
	args := []any{id.SecretOf(half).Hash(), string(from.Door), s.Clock.Now().Add(-halfLife)}
	var account, identity int64
	if err := s.DB.QueryRow(ctx, find, args...).Scan(&account, &identity); err != nil {
		if errs.Is(err, errs.NotFound) {
			err = errSignIn
		}
		return SignedIn{}, err
	}
	a, err := byID(ctx, s.DB, account)
	if err != nil {
		return SignedIn{}, err
	}
	tries := []bucket{s.bucket("code", a.UID, perCode)}
	if err := s.count(ctx, tries...); err != nil {
		return SignedIn{}, err
	}
	var out SignedIn
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		out = SignedIn{}
		a, err := lockedID(ctx, tx, account)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, find, args...).Scan(&account, &identity); err != nil || !a.Active || !opens(a, from.Door) {
			if err == nil || errs.Is(err, errs.NotFound) {
				return nil
			}
			return err
		}
		ok, err := s.second(ctx, tx, a, code)
		if err != nil {
			return err
		}
		if !ok {
			return s.note(ctx, tx, access.Stranger(access.ByPage, ""), "account.code_refused", a, audit.Change{Field: "door", To: string(from.Door)})
		}
		if err := forgive(ctx, tx, tries); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE account_session SET ended_at = $1 WHERE hash = $2`, s.Clock.Now(), id.SecretOf(half).Hash()); err != nil {
			return err
		}
		out, err = s.enter(ctx, tx, a, from, false, access.TwoFactor, identity)
		return err
	})
	if err == nil && out.Step == 0 {
		err = errCode
	}
	return out, err
}

// enter writes a session, half or whole. identity is the link with a provider by which it came, 0 for none.
func (s *Service) enter(ctx context.Context, tx *db.Tx, a Account, from From, half bool, strength access.Strength, identity int64) (SignedIn, error) {
	now := s.Clock.Now()
	out := SignedIn{Step: Done, Secret: id.NewSecret("ses"), Door: from.Door, Session: id.New(), Account: a}
	if half {
		out.Step, out.Secret, strength = NeedCode, id.NewSecret("half"), access.Unproved
	}
	_, network := addressOf(from.Address)
	_, err := tx.Exec(ctx, `INSERT INTO account_session (uid, account, door, hash, half, strength, created_at, proved_at, seen_at, device, network, identity)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, out.Session, a.ID, string(from.Door), out.Secret.Hash(), half, int64(strength), now, now, now, device(from.Device), network, identity)
	if err != nil || half {
		return out, err
	}
	if _, err := tx.Exec(ctx, `UPDATE account_person SET seen_at = $1 WHERE id = $2`, now, a.ID); err != nil {
		return out, err
	}
	out.Known = id.NewSecret("dev")
	if _, err := tx.Exec(ctx, `DELETE FROM account_device WHERE hash = $1 OR (account = $2 AND seen_at < $3)`, id.SecretOf(from.Known).Hash(), a.ID, now.Add(-retain.DevicesFor)); err != nil {
		return out, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO account_device (hash, account, seen_at) VALUES ($1, $2, $3)`, out.Known.Hash(), a.ID, now); err != nil {
		return out, err
	}
	who := access.Actor{Account: a.ID, Name: a.Name, Origin: access.ByPage, Strength: strength, Organisation: a.Organisation}
	return out, s.note(ctx, tx, who, "account.sign_in", a, audit.Change{Field: "door", To: string(from.Door)})
}

// device makes what a browser calls itself fit to show.
func device(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200])
	}
	return s
}

// Prove is a fresh proof inside a session (rule I5): the password, and a code where a second factor is enrolled. The session gets a new
// token; the old one is worth nothing any more (rule I4).
func (s *Service) Prove(ctx context.Context, from From, session, password, code string) (SignedIn, error) {
	_, ses, err := s.BySession(ctx, from.Door, session)
	if err != nil {
		return SignedIn{}, err
	}
	if tooLong(password) {
		return SignedIn{}, errSignIn
	}
	a, err := byID(ctx, s.DB, ses.Account)
	if err != nil {
		return SignedIn{}, err
	}
	tries := []bucket{s.bucket("proof", a.UID, perAccount)}
	if err := s.count(ctx, tries...); err != nil {
		return SignedIn{}, err
	}
	var hash string
	if err := s.DB.QueryRow(ctx, `SELECT password FROM account_person WHERE id = $1`, a.ID).Scan(&hash); err != nil {
		return SignedIn{}, err
	}
	right, err := s.Hash.Check(ctx, password, hash)
	if err != nil {
		return SignedIn{}, err
	}
	out := SignedIn{Step: Done, Secret: id.NewSecret("ses"), Session: ses.UID}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		out.Step = 0
		a, err := lockedID(ctx, tx, ses.Account)
		if err != nil {
			return err
		}
		strength := access.Password
		if right && a.TwoFactor {
			strength = access.TwoFactor
			if right, err = s.second(ctx, tx, a, code); err != nil {
				return err
			}
		}
		who := access.Actor{Account: a.ID, Name: a.Name, Origin: access.ByPage}
		if !right || !a.Active {
			return s.note(ctx, tx, who, "account.proof_refused", a)
		}
		n, err := tx.Exec(ctx, `UPDATE account_session SET hash = $1, proved_at = $2, strength = $3, identity = 0 WHERE uid = $4 AND hash = $5 AND ended_at IS NULL`,
			out.Secret.Hash(), s.Clock.Now(), int64(strength), ses.UID, id.SecretOf(session).Hash())
		if err != nil || n == 0 {
			return err
		}
		if err := forgive(ctx, tx, tries); err != nil {
			return err
		}
		out.Step, out.Account = Done, a
		return s.note(ctx, tx, who, "account.prove", a)
	})
	if err == nil && out.Step == 0 {
		err = errSignIn
	}
	if err != nil {
		return SignedIn{}, err
	}
	return out, nil
}
