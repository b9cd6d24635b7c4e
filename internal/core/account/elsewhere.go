package account

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid"
)

// Signing in by a provider outside. What one sign-in holds on to (state, nonce, proof key, what it is for) stands sealed in a cookie of the browser in which it
// began; an answer is taken once. Who somebody is, is what its provider calls its subject, and nothing else: a name or a mail address links nobody.

// Purpose says what somebody goes to a provider for.
type Purpose string

// The purposes.
const (
	ToSignIn Purpose = "sign_in"
	ToAccept Purpose = "accept" // an invitation
	ToLink   Purpose = "link"
	ToProve  Purpose = "prove"
)

// goneFor is how long somebody may be with a provider.
const goneFor = 10 * time.Minute

// The refusals. Each says what to do.
var (
	errGone        = &errs.Error{Kind: errs.Unauthenticated, Key: "error.elsewhere.gone", Text: "this sign-in did not begin in this browser, or too long ago: begin again"}
	errElsewhere   = &errs.Error{Kind: errs.Unauthenticated, Key: "error.elsewhere.answer", Text: "the provider's answer could not be used: begin again, or sign in otherwise"}
	errReach       = &errs.Error{Kind: errs.Unavailable, Key: "error.elsewhere.reach", Text: "the provider does not answer: sign in otherwise, or try later"}
	errUnlinked    = &errs.Error{Kind: errs.Unauthenticated, Key: "error.elsewhere.unlinked", Text: "nobody is linked with this sign-in: sign in otherwise and link it in your account"}
	errWeak        = &errs.Error{Kind: errs.Unauthenticated, Key: "error.elsewhere.weak", Text: "the provider did not say that two factors were proved: sign in there with a second factor, or here otherwise"}
	errLinked      = &errs.Error{Kind: errs.Conflict, Key: "error.elsewhere.linked", Text: "this sign-in, or another one of this provider, is linked already: remove that link first"}
	errNoElsewhere = errs.New(errs.Unavailable, "this house signs nobody in by a provider")
	errLastWay     = &errs.Error{Kind: errs.Conflict, Key: "error.last_way", Text: "this is the only way in which you can sign in: choose a password or make a passkey first"}
)

// trip is what one sign-in holds on to.
type trip struct {
	Provider string  `json:"p"`
	For      Purpose `json:"f"`
	Doors    []Door  `json:"d"`
	Session  string  `json:"s,omitempty"` // in which it began
	Link     []byte  `json:"l,omitempty"` // hash of the link of an invitation
	State    string  `json:"t"`
	Nonce    string  `json:"n"`
	Verifier string  `json:"v"`
	Next     string  `json:"x,omitempty"`
	At       int64   `json:"a"` // microseconds
}

func (s *Service) going(t trip, p Provider) openid.Going {
	g := openid.Going{Redirect: s.answerAt(t.Doors[0], p.UID), State: t.State, Nonce: t.Nonce, Verifier: t.Verifier}
	if t.For == ToProve {
		g.Again = time.UnixMicro(t.At)
	}
	return g
}

var tripPlace = []byte("sign-in elsewhere")

func (s *Service) tripBox() (cipher.AEAD, error) {
	b, err := aes.NewCipher(s.Ring.Derive("sign-in elsewhere/v1"))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(b)
}

func (s *Service) sealTrip(t trip) (id.Secret, error) {
	raw, err := json.Marshal(t)
	if err != nil {
		return id.Secret{}, err
	}
	box, err := s.tripBox()
	if err != nil {
		return id.Secret{}, err
	}
	return id.SecretOf(base64.RawURLEncoding.EncodeToString(box.Seal(nil, nil, raw, tripPlace))), nil
}

func (s *Service) openTrip(cookie string) (t trip, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || len(raw) > 4<<10 {
		return t, false
	}
	box, err := s.tripBox()
	if err != nil {
		return t, false
	}
	if raw, err = box.Open(nil, nil, raw, tripPlace); err != nil || json.Unmarshal(raw, &t) != nil {
		return t, false
	}
	age := s.Clock.Now().Sub(time.UnixMicro(t.At))
	return t, age >= 0 && age <= goneFor && len(t.Doors) > 0
}

// Departure is what somebody wants of a provider.
type Departure struct {
	Provider string // uid
	For      Purpose
	Next     string // name of the page after it
	Link     string // secret of an invitation
	Session  string // secret of the session, to link and to prove
}

// Away is where somebody goes.
type Away struct {
	Name, Host, URL string
	Cookie          id.Secret
}

// Depart begins a sign-in by a provider: where to go, and what the browser keeps until it comes back. To link needs a fresh proof. A provider that is unknown, off
// or of another door is errs.ErrNotFound; one that does not answer is unavailable.
func (s *Service) Depart(ctx context.Context, from From, in Departure) (Away, error) {
	p, err := s.provider(ctx, s.DB, in.Provider)
	if err != nil {
		return Away{}, err
	}
	doors := from.Doors
	if from.Door != "" {
		doors = []Door{from.Door}
	}
	doors = slices.DeleteFunc(slices.Clone(doors), func(d Door) bool { return !p.serves(d) })
	if len(doors) == 0 || s.Elsewhere == nil {
		return Away{}, errs.ErrNotFound
	}
	t := trip{Provider: p.UID, For: in.For, Doors: doors, State: id.NewSecret("st").Reveal(), Nonce: id.NewSecret("no").Reveal(), Verifier: openid.NewVerifier(), Next: clip(in.Next, 100), At: s.Clock.Now().UnixMicro()}
	if err := s.mayDepart(ctx, &t, p, in); err != nil {
		return Away{}, err
	}
	speak, err := s.spoken(ctx, s.DB, p)
	if err != nil {
		return Away{}, err
	}
	to, err := s.Elsewhere.Address(ctx, speak, s.going(t, p), p.ACR...)
	if err != nil {
		return Away{}, errReach
	}
	u, err := url.Parse(to)
	if err != nil {
		return Away{}, err
	}
	cookie, err := s.sealTrip(t)
	return Away{Name: p.Name, Host: u.Hostname(), URL: to, Cookie: cookie}, err
}

// mayDepart looks whether what somebody goes for can be had at all.
func (s *Service) mayDepart(ctx context.Context, t *trip, p Provider, in Departure) error {
	switch in.For {
	case ToSignIn:
		return nil
	case ToAccept:
		t.Link = id.SecretOf(in.Link).Hash()
		a, err := s.linkOf(ctx, s.DB, t.Link)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(t.Doors, func(d Door) bool { return opens(a, d) }); i < 0 {
			return errs.ErrNotFound
		}
		return s.newcomer(ctx, s.DB, a)
	case ToLink, ToProve:
		by, ses, err := s.BySession(ctx, t.Doors[0], in.Session)
		if err != nil {
			return err
		}
		t.Session = ses.UID
		if in.For == ToLink {
			_, err = s.self(ctx, by)
			return err
		}
		var n int64
		if err := s.DB.QueryRow(ctx, `SELECT COUNT(*) FROM account_identity WHERE account = $1 AND provider = $2`, by.Account, p.ID).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			return errs.ErrNotFound
		}
		return nil
	}
	return errs.ErrNotFound
}

// newcomer refuses whose link is not that of an invitation: a link for another password must not bring another second factor (rule I7). Who left and was
// invited anew has nothing either.
func (s *Service) newcomer(ctx context.Context, h db.Handle, a Account) error {
	open, err := s.open(ctx, h, a)
	if err != nil {
		return err
	}
	var n int64
	if err := h.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM account_identity WHERE account = $1) + (SELECT COUNT(*) FROM account_person WHERE id = $1 AND password <> '')`, a.ID).Scan(&n); err != nil {
		return err
	}
	if a.TwoFactor || n > 0 || !open && !a.SeenAt.IsZero() {
		return errs.ErrNotFound
	}
	return nil
}

// AcceptedBy gives the providers by which the invitation behind a link can be accepted; none for a link that only chooses a password.
func (s *Service) AcceptedBy(ctx context.Context, secret string, doors ...Door) ([]Provider, error) {
	a, err := s.linkOf(ctx, s.DB, id.SecretOf(secret).Hash())
	if err == nil {
		err = s.newcomer(ctx, s.DB, a)
	}
	if errs.Is(err, errs.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.Offered(ctx, s.DB, slices.DeleteFunc(slices.Clone(doors), func(d Door) bool { return !opens(a, d) })...)
}

// Return is what the browser brought back from a provider.
type Return struct {
	Provider    string // uid, of the address
	Cookie      string
	State, Code string
	Issuer      []string
	Session     func(Door) string // secret of the session at a door, to link and to prove
}

// Returned is what came of it.
type Returned struct {
	SignedIn
	For   Purpose
	Next  string
	Began Door // where it began
}

// TakeReturn takes an answer of a provider, once, and does what it was asked for: opens a session, accepts an invitation, links, or proves. Every refusal says
// what to do; why a provider was not believed stands in the record. Too many are a Limit. What is asked for by a session is refused without it.
func (s *Service) TakeReturn(ctx context.Context, from From, in Return) (Returned, error) {
	t, ok := s.openTrip(in.Cookie)
	if !ok || t.Provider != in.Provider || subtle.ConstantTimeCompare([]byte(t.State), []byte(in.State)) != 1 || in.Code == "" || len(in.Code) > 4<<10 || !slices.ContainsFunc(t.Doors, func(d Door) bool { return slices.Contains(from.Doors, d) }) {
		return Returned{}, errGone
	}
	out, back := Returned{For: t.For, Next: t.Next, Began: t.Doors[0]}, came{trip: t, from: from}
	if t.Session != "" {
		back.secret = in.Session(t.Doors[0])
		var err error
		if back.by, back.ses, err = s.BySession(ctx, t.Doors[0], back.secret); err != nil || back.ses.UID != t.Session {
			return out, errGone
		}
	}
	address, network := addressOf(from.Address)
	tries := []bucket{s.bucket("address", address, perAddress), s.bucket("network", network, perNetwork)}
	if err := s.count(ctx, tries...); err != nil {
		return out, err
	}
	if err := s.burn(ctx, s.DB, "sign-in elsewhere\x00"+t.State, errGone); err != nil {
		return out, err
	}
	p, err := s.provider(ctx, s.DB, t.Provider)
	if err != nil || !slices.ContainsFunc(t.Doors, p.serves) {
		return out, errGone
	}
	if back.who, err = s.redeem(ctx, t, p, in); err != nil {
		return out, err
	}
	back.provider = p
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		out.SignedIn = SignedIn{}
		if err := s.act(ctx, tx, back, &out.SignedIn); err != nil {
			return err
		}
		return forgive(ctx, tx, tries)
	})
	var no *refusal
	if errors.As(err, &no) {
		return out, s.noteRefusal(ctx, t, p, no)
	}
	return out, err
}

// redeem asks the provider who it was. Why it is not believed goes into the record, never its words.
func (s *Service) redeem(ctx context.Context, t trip, p Provider, in Return) (openid.Identity, error) {
	speak, err := s.spoken(ctx, s.DB, p)
	if err != nil {
		return openid.Identity{}, err
	}
	who, err := s.Elsewhere.Redeem(ctx, speak, s.going(t, p), openid.Answer{Code: in.Code, Issuer: in.Issuer})
	reason := openid.ReasonOf(err)
	if err == nil || reason == "" {
		return who, err
	}
	no := &refusal{errElsewhere, string(reason), Account{}}
	if reason == openid.Unreachable {
		no.say = errReach
	}
	return who, s.noteRefusal(ctx, t, p, no)
}

// refusal is one that is recorded in a transaction of its own, after that of the act was given up.
type refusal struct {
	say    *errs.Error
	reason string
	of     Account
}

func (r *refusal) Error() string { return r.reason }

func (s *Service) noteRefusal(ctx context.Context, t trip, p Provider, no *refusal) error {
	verb := "account.sign_in_refused"
	if t.For == ToLink || t.For == ToProve {
		verb = "account.proof_refused"
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return s.note(ctx, tx, access.Stranger(access.ByPage, ""), verb, no.of, audit.Change{Field: "door", To: string(t.Doors[0])}, audit.Change{Field: "provider", To: p.Name}, audit.Change{Field: "reason", To: no.reason})
	})
	if err != nil {
		return err
	}
	return no.say
}
