package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Passkeys (WebAuthn level 3): a key pair in a person's device, which checks by finger, face or code who uses it: two factors in one act (rule I1). What a
// challenge is for, for whom and until when stands in the challenge itself, under a keyed hash, so that showing a page writes nothing; one that was answered
// is remembered until it is old.

// Passkey is one as its owner sees it.
type Passkey struct {
	UID       string
	Name      string
	CreatedAt time.Time
	UsedAt    time.Time
	BackedUp  bool // the device keeps a copy elsewhere
}

const (
	challengeFor = 5 * time.Minute
	mostPasskeys = 10
	maxAnswer    = 8 << 10 // bytes of a browser's answer
	passkeyWords = 60
)

// errPasskey is the one answer to whatever does not fit.
var errPasskey = &errs.Error{Kind: errs.Unauthenticated, Key: "error.passkey", Text: "this passkey does not fit"}

// relying gives the party that passkeys of a door are made for: host and origin of its configured address. nil when that is no host of a name over TLS (or
// this machine): browsers make no passkeys there.
func (s *Service) relying(door Door) *webauthn.WebAuthn {
	u, err := url.Parse(s.Sites[door])
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Hostname() != "localhost" {
		return nil
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: issuer(s.Issuer), RPOrigins: []string{u.Scheme + "://" + u.Host}, AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired},
	})
	if err != nil {
		return nil
	}
	return w
}

// holder is an account as the library asks for it.
type holder struct {
	account     Account
	credentials []webauthn.Credential
}

func (h holder) WebAuthnID() []byte                         { return []byte(h.account.UID) }
func (h holder) WebAuthnName() string                       { return h.account.Email }
func (h holder) WebAuthnDisplayName() string                { return h.account.Name }
func (h holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }

// challenge makes one for a purpose: 16 random bytes, the time, and a keyed hash of both with the purpose.
func (s *Service) challenge(purpose string) []byte {
	b := make([]byte, 24, 40)
	_, _ = rand.Read(b[:16])
	binary.BigEndian.PutUint64(b[16:], uint64(s.Clock.Now().UnixMicro()))
	return append(b, s.challengeSum(purpose, b)...)
}

func (s *Service) challengeSum(purpose string, b []byte) []byte {
	m := hmac.New(sha256.New, s.Ring.Derive("passkey challenge/v1"))
	m.Write([]byte(purpose + "\x00"))
	m.Write(b)
	return m.Sum(nil)[:16]
}

// asked tells whether we made this challenge for the purpose, lately.
func (s *Service) asked(purpose, challenge string) bool {
	b, err := base64.RawURLEncoding.DecodeString(challenge)
	if err != nil || len(b) != 40 || !hmac.Equal(b[24:], s.challengeSum(purpose, b[:24])) {
		return false
	}
	age := s.Clock.Now().Sub(time.UnixMicro(int64(binary.BigEndian.Uint64(b[16:24]))))
	return age >= 0 && age <= challengeFor
}

// burn lets a challenge be answered once; again is the refusal of a second answer.
func (s *Service) burn(ctx context.Context, h db.Handle, challenge string, again error) error {
	sum := sha256.Sum256([]byte(challenge))
	n, err := h.Exec(ctx, `INSERT INTO account_challenge (hash, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, sum[:], s.Clock.Now())
	if err == nil && n == 0 {
		err = again
	}
	return err
}

func registering(a Account) string             { return "register:" + a.UID }
func proving(a Account, session string) string { return "prove:" + a.UID + ":" + session }

const signingIn = "sign in"

// Passkeys lists the actor's own, oldest first.
func (s *Service) Passkeys(ctx context.Context, h db.Handle, by access.Actor) ([]Passkey, error) {
	if by.Account == 0 {
		return nil, errNobody
	}
	return db.All(ctx, h, func(r *db.Rows) (k Passkey, err error) {
		return k, r.Scan(&k.UID, &k.Name, &k.CreatedAt, &k.UsedAt, &k.BackedUp)
	}, `SELECT uid, name, created_at, used_at, backed_up FROM account_passkey WHERE account = $1 ORDER BY id LIMIT 100`, by.Account)
}

// PasskeyOptions gives what a browser needs to make a passkey for the actor, as JSON; "" where passkeys cannot be made.
func (s *Service) PasskeyOptions(ctx context.Context, by access.Actor, door Door) (string, error) {
	a, err := s.self(ctx, by)
	w := s.relying(door)
	if err != nil || w == nil {
		return "", err
	}
	h, err := s.holder(ctx, s.DB, a)
	if err != nil {
		return "", err
	}
	creation, _, err := w.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.credentials).CredentialDescriptors()), func(o *protocol.PublicKeyCredentialCreationOptions) error {
		o.Challenge = s.challenge(registering(a))
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("ask for a passkey: %w", err)
	}
	b, err := json.Marshal(creation.Response)
	return string(b), err
}

// AddPasskey keeps the passkey that a browser made for the actor, who proved itself freshly, under a name. Somebody without recovery codes gets them, shown
// once. What does not fit is invalid; more than ten are a limit.
func (s *Service) AddPasskey(ctx context.Context, by access.Actor, door Door, name, answer string) ([]id.Secret, error) {
	a, err := s.self(ctx, by)
	if err != nil {
		return nil, err
	}
	var p errs.Problems
	name = line(&p, "name", name, passkeyWords, true)
	if err := p.Err(); err != nil {
		return nil, err
	}
	made, challenge := s.made(a, door, answer)
	if made == nil {
		p.Add("passkey", "error.passkey")
		return nil, p.Err()
	}
	var codes []id.Secret
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		codes = nil
		if _, err := lockedID(ctx, tx, a.ID); err != nil {
			return err
		}
		if err := s.burn(ctx, tx, challenge, errPasskey); err != nil {
			return err
		}
		var have, recovery int64
		if err := tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM account_passkey WHERE account = $1), (SELECT COUNT(*) FROM account_recovery WHERE account = $1)`, a.ID).Scan(&have, &recovery); err != nil {
			return err
		}
		if have >= mostPasskeys {
			return &errs.Error{Kind: errs.Limit, Key: "error.passkeys.full", Text: "ten passkeys are the most"}
		}
		var transports []string
		for _, t := range made.Transport {
			transports = append(transports, string(t))
		}
		n, err := tx.Exec(ctx, `INSERT INTO account_passkey (uid, account, rp, credential, public_key, count, eligible, backed_up, transports, name, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`, id.New(), a.ID, s.relying(door).Config.RPID, made.ID, made.PublicKey, int64(made.Authenticator.SignCount),
			made.Flags.BackupEligible, made.Flags.BackupState, clip(strings.Join(transports, " "), 100), name, s.Clock.Now())
		if err != nil {
			return err
		}
		if n == 0 {
			return errPasskey // somebody has it already
		}
		if recovery == 0 {
			if codes, err = s.drawRecovery(ctx, tx, a.ID); err != nil {
				return err
			}
		}
		return s.record(ctx, tx, by, "account.add_passkey", a, audit.Change{Field: "passkey", To: name})
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

func clip(s string, most int) string { return s[:min(len(s), most)] }

// made checks what a browser answered to PasskeyOptions; nil when it does not fit.
func (s *Service) made(a Account, door Door, answer string) (*webauthn.Credential, string) {
	w := s.relying(door)
	if w == nil || len(answer) > maxAnswer {
		return nil, ""
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil || !s.asked(registering(a), parsed.Response.CollectedClientData.Challenge) {
		return nil, ""
	}
	challenge := parsed.Response.CollectedClientData.Challenge
	c, err := w.CreateCredential(holder{account: a}, webauthn.SessionData{
		Challenge: challenge, RelyingPartyID: w.Config.RPID, UserID: []byte(a.UID), UserVerification: protocol.VerificationRequired, CredParams: webauthn.CredentialParametersDefault(),
	}, parsed)
	if err != nil || len(c.ID) == 0 || len(c.ID) > 1023 {
		return nil, ""
	}
	return c, challenge
}

// EndPasskey removes one of the actor's own, who proved itself freshly; not the last way to sign in.
func (s *Service) EndPasskey(ctx context.Context, by access.Actor, uid string) error {
	a, err := s.self(ctx, by)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := lockedID(ctx, tx, a.ID); err != nil {
			return err
		}
		var name string
		if err := tx.QueryRow(ctx, `SELECT name FROM account_passkey WHERE uid = $1 AND account = $2`, uid, a.ID).Scan(&name); err != nil {
			return err
		}
		if err := s.notLastWay(ctx, tx, a, uid); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM account_passkey WHERE uid = $1 AND account = $2`, uid, a.ID); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "account.end_passkey", a, audit.Change{Field: "passkey", From: name})
	})
}

func (s *Service) holder(ctx context.Context, h db.Handle, a Account) (holder, error) {
	list, err := db.All(ctx, h, func(r *db.Rows) (c webauthn.Credential, err error) {
		var count int64
		var transports string
		err = r.Scan(&c.ID, &c.PublicKey, &count, &c.Flags.BackupEligible, &c.Flags.BackupState, &transports)
		c.Authenticator.SignCount, c.Flags.UserVerified = uint32(count), true
		for _, t := range strings.Fields(transports) {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
		}
		return c, err
	}, `SELECT credential, public_key, count, eligible, backed_up, transports FROM account_passkey WHERE account = $1 ORDER BY id LIMIT 100`, a.ID)
	return holder{a, list}, err
}

// PasskeyRequest gives what a browser needs to sign in with a passkey, as JSON; "" where there are none. It names nobody.
func (s *Service) PasskeyRequest(door Door) (string, error) { return s.request(door, signingIn) }

// PasskeyProof is PasskeyRequest for a fresh proof inside a session of the actor.
func (s *Service) PasskeyProof(ctx context.Context, by access.Actor, door Door, session string) (string, error) {
	a, err := byID(ctx, s.DB, by.Account)
	if err != nil {
		return "", err
	}
	return s.request(door, proving(a, session))
}

func (s *Service) request(door Door, purpose string) (string, error) {
	w := s.relying(door)
	if w == nil {
		return "", nil
	}
	assertion, _, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return "", fmt.Errorf("ask for a passkey: %w", err)
	}
	assertion.Response.Challenge = s.challenge(purpose)
	b, err := json.Marshal(assertion.Response)
	return string(b), err
}

// answered is a browser's answer to a request, read but not believed.
type answered struct {
	party     *webauthn.WebAuthn
	parsed    *protocol.ParsedCredentialAssertionData
	challenge string
	owner     int64
}

// read finds whose passkey an answer names. Nothing of it is proved yet.
func (s *Service) read(ctx context.Context, door Door, answer string) (answered, error) {
	w := s.relying(door)
	if w == nil || len(answer) > maxAnswer {
		return answered{}, errPasskey
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return answered{}, errPasskey
	}
	out := answered{w, parsed, parsed.Response.CollectedClientData.Challenge, 0}
	err = s.DB.QueryRow(ctx, `SELECT account FROM account_passkey WHERE credential = $1 AND rp = $2`, []byte(parsed.RawID), w.Config.RPID).Scan(&out.owner)
	if errs.Is(err, errs.NotFound) {
		err = errPasskey
	}
	return out, err
}

// believe checks an answer against the owner's keys in the caller's transaction, burns its challenge and notes the use. A counter that went back is a copy of
// the key: refused and recorded.
func (s *Service) believe(ctx context.Context, tx *db.Tx, a Account, x answered, purpose string) error {
	h, err := s.holder(ctx, tx, a)
	if err != nil {
		return err
	}
	if !a.Active || !s.asked(purpose, x.challenge) {
		return errPasskey
	}
	_, c, err := x.party.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		if string(handle) != a.UID {
			return nil, errPasskey
		}
		return h, nil
	}, webauthn.SessionData{Challenge: x.challenge, RelyingPartyID: x.party.Config.RPID, UserVerification: protocol.VerificationRequired}, x.parsed)
	if err != nil || c.Authenticator.CloneWarning {
		return errPasskey
	}
	if err := s.burn(ctx, tx, x.challenge, errPasskey); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE account_passkey SET count = $1, backed_up = $2, used_at = $3 WHERE credential = $4 AND account = $5`, int64(c.Authenticator.SignCount), c.Flags.BackupState, s.Clock.Now(), c.ID, a.ID)
	return err
}

// SignInByPasskey opens a session with a browser's answer to PasskeyRequest: possession and the owner's check in one act, so no code is asked for. Refusals
// are one answer; too many are a Limit.
func (s *Service) SignInByPasskey(ctx context.Context, from From, answer string) (SignedIn, error) {
	if from.Door != "" {
		from.Doors = []Door{from.Door}
	}
	if len(from.Doors) == 0 {
		return SignedIn{}, errPasskey
	}
	at := from.Doors[0]
	address, network := addressOf(from.Address)
	tries := []bucket{s.bucket("address", address, perAddress), s.bucket("network", network, perNetwork)}
	if err := s.count(ctx, tries...); err != nil {
		return SignedIn{}, err
	}
	x, err := s.read(ctx, at, answer)
	if err != nil {
		return SignedIn{}, err
	}
	var out SignedIn
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		out = SignedIn{}
		a, err := lockedID(ctx, tx, x.owner)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(from.Doors, func(d Door) bool { return opens(a, d) })
		if err = s.believe(ctx, tx, a, x, signingIn); err == nil && i < 0 {
			err = errPasskey
		}
		if errs.Is(err, errs.Unauthenticated) {
			return s.note(ctx, tx, access.Stranger(access.ByPage, ""), "account.passkey_refused", a, audit.Change{Field: "door", To: string(at)})
		}
		if err != nil {
			return err
		}
		from.Door = from.Doors[i]
		if err := forgive(ctx, tx, tries); err != nil {
			return err
		}
		out, err = s.enter(ctx, tx, a, from, false, access.Passkey, 0)
		return err
	})
	if err == nil && out.Step == 0 {
		err = errPasskey
	}
	return out, err
}

// ProveByPasskey is Prove with a browser's answer to PasskeyProof.
func (s *Service) ProveByPasskey(ctx context.Context, from From, session, answer string) (SignedIn, error) {
	_, ses, err := s.BySession(ctx, from.Door, session)
	if err != nil {
		return SignedIn{}, err
	}
	a, err := byID(ctx, s.DB, ses.Account)
	if err != nil {
		return SignedIn{}, err
	}
	tries := []bucket{s.bucket("proof", a.UID, perAccount)}
	if err := s.count(ctx, tries...); err != nil {
		return SignedIn{}, err
	}
	x, err := s.read(ctx, from.Door, answer)
	if err == nil && x.owner != ses.Account {
		err = errPasskey
	}
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
		who := access.Actor{Account: a.ID, Name: a.Name, Origin: access.ByPage}
		if err = s.believe(ctx, tx, a, x, proving(a, ses.UID)); errs.Is(err, errs.Unauthenticated) {
			return s.note(ctx, tx, who, "account.proof_refused", a)
		}
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE account_session SET hash = $1, proved_at = $2, strength = $3, identity = 0 WHERE uid = $4 AND hash = $5 AND ended_at IS NULL`,
			out.Secret.Hash(), s.Clock.Now(), int64(access.Passkey), ses.UID, id.SecretOf(session).Hash())
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
		err = errPasskey
	}
	if err != nil {
		return SignedIn{}, err
	}
	return out, nil
}
