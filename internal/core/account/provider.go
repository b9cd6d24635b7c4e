package account

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid"
)

// Provider is one outside by which people may sign in, as an administrator entered it (rule I6).
type Provider struct {
	ID        int64
	UID       string
	Name      string // on the button
	Issuer    string // never changed: another issuer is another provider
	ClientID  string
	HasSecret bool
	Desk      bool
	Portal    bool
	ACR, AMR  []string // one of them stands for a second factor
	Active    bool
	MadeBy    int64
	MadeAt    time.Time
	People    int64 // that are linked
}

// NewProvider is what is typed of one.
type NewProvider struct {
	Name, Issuer, ClientID string
	Secret                 string // "" keeps the one there is
	NoSecret               bool   // it has none: proof key alone (RFC 7636)
	Desk, Portal, Active   bool
	ACR, AMR               []string
}

const (
	mostProviders = 20
	mostWords     = 10 // classes and methods each
)

// VerbProvider is the audit verb of a change of a provider.
const VerbProvider = "account.change_provider"

// serves tells whether people may come through this door by the provider.
func (p Provider) serves(d Door) bool {
	return p.Active && (d == Desk && p.Desk || d == Portal && p.Portal)
}

// strong tells whether the provider says that two factors were proved, in a word that its entry names.
func (p Provider) strong(i openid.Identity) bool {
	return i.ACR != "" && slices.Contains(p.ACR, i.ACR) || slices.ContainsFunc(i.AMR, func(m string) bool { return slices.Contains(p.AMR, m) })
}

func providerPlace(uid string) string { return "account_provider.secret:" + uid }

const providerColumns = `p.id, p.uid, p.name, p.issuer, p.client, CASE WHEN p.secret IS NULL THEN 0 ELSE 1 END, p.desk, p.portal, p.acr, p.amr, p.active, p.made_by, p.made_at,
	(SELECT COUNT(*) FROM account_identity i WHERE i.provider = p.id)`

func scanProvider(r *db.Rows) (p Provider, err error) {
	var acr, amr string
	var secret int64
	err = r.Scan(&p.ID, &p.UID, &p.Name, &p.Issuer, &p.ClientID, &secret, &p.Desk, &p.Portal, &acr, &amr, &p.Active, &p.MadeBy, &p.MadeAt, &p.People)
	p.HasSecret, p.ACR, p.AMR = secret == 1, strings.Fields(acr), strings.Fields(amr)
	return p, err
}

// Providers lists all, by name. It needs ManageAccounts.
func (s *Service) Providers(ctx context.Context, h db.Handle, by access.Actor) ([]Provider, error) {
	if err := by.Need(access.ManageAccounts); err != nil {
		return nil, err
	}
	return s.providers(ctx, h)
}

func (s *Service) providers(ctx context.Context, h db.Handle) ([]Provider, error) {
	return db.All(ctx, h, scanProvider, `SELECT `+providerColumns+` FROM account_provider p ORDER BY p.name, p.id LIMIT 100`)
}

// Provider gives one of Providers.
func (s *Service) Provider(ctx context.Context, h db.Handle, by access.Actor, uid string) (Provider, error) {
	if err := by.Need(access.ManageAccounts); err != nil {
		return Provider{}, err
	}
	return s.provider(ctx, h, uid)
}

func (s *Service) provider(ctx context.Context, h db.Handle, uid string) (Provider, error) {
	return db.One(ctx, h, scanProvider, `SELECT `+providerColumns+` FROM account_provider p WHERE p.uid = $1`, uid)
}

// lockedProvider reads a provider once nobody else can change it: who switches it off waits for those who come by it, and the other way round.
func (s *Service) lockedProvider(ctx context.Context, tx *db.Tx, uid string) (Provider, error) {
	var n int64
	if err := tx.QueryRow(ctx, `SELECT id FROM account_provider WHERE uid = $1`+tx.ForUpdate(), uid).Scan(&n); err != nil {
		return Provider{}, err
	}
	return s.provider(ctx, tx, uid)
}

// Offered gives the providers that open one of the doors, for the page that signs in.
func (s *Service) Offered(ctx context.Context, h db.Handle, doors ...Door) ([]Provider, error) {
	if s.Elsewhere == nil {
		return nil, nil
	}
	all, err := s.providers(ctx, h)
	return slices.DeleteFunc(all, func(p Provider) bool { return !slices.ContainsFunc(doors, p.serves) }), err
}

// AddProvider enters a provider. It needs ManageAccounts and a fresh proof.
func (s *Service) AddProvider(ctx context.Context, by access.Actor, in NewProvider) (Provider, error) {
	return s.saveProvider(ctx, by, "", in)
}

// EditProvider changes a provider, all but its issuer. One that is switched off, or leaves a door, ends the sign-ins that came by it there.
func (s *Service) EditProvider(ctx context.Context, by access.Actor, uid string, in NewProvider) (Provider, error) {
	return s.saveProvider(ctx, by, uid, in)
}

func (s *Service) saveProvider(ctx context.Context, by access.Actor, uid string, in NewProvider) (Provider, error) {
	if err := by.Need(access.ManageAccounts); err != nil {
		return Provider{}, err
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return Provider{}, err
	}
	if s.Elsewhere == nil {
		return Provider{}, errNoElsewhere
	}
	if err := s.checkProvider(&in, uid == ""); err != nil {
		return Provider{}, err
	}
	var out Provider
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		was := Provider{UID: id.New()}
		now := s.Clock.Now()
		if uid != "" {
			var err error
			if was, err = s.lockedProvider(ctx, tx, uid); err != nil {
				return err
			}
			in.Issuer = was.Issuer
		} else {
			var n int64
			if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM account_provider`).Scan(&n); err != nil {
				return err
			}
			if n >= mostProviders {
				return &errs.Error{Kind: errs.Limit, Key: "error.providers.full", Text: "there are as many providers as there may be"}
			}
			_, err := tx.Exec(ctx, `INSERT INTO account_provider (uid, name, issuer, client, desk, portal, active, made_by, made_at) VALUES ($1, '', $2, '', $3, $3, $3, $4, $5)`, was.UID, in.Issuer, false, by.Account, now)
			if err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `UPDATE account_provider SET name = $1, client = $2, desk = $3, portal = $4, acr = $5, amr = $6, active = $7 WHERE uid = $8`,
			in.Name, in.ClientID, in.Desk, in.Portal, strings.Join(in.ACR, " "), strings.Join(in.AMR, " "), in.Active, was.UID)
		if err != nil {
			return err
		}
		if err := s.sealProvider(ctx, tx, was.UID, in, now); err != nil {
			return err
		}
		if out, err = s.provider(ctx, tx, was.UID); err != nil {
			return err
		}
		if err := s.leaveDoors(ctx, tx, was, out, now); err != nil {
			return err
		}
		return s.note(ctx, tx, by, VerbProvider, Account{}, providerChanges(was, out, in.Secret != "")...)
	})
	return out, err
}

// sealProvider keeps the secret that was typed, or takes it away (rule K6).
func (s *Service) sealProvider(ctx context.Context, tx *db.Tx, uid string, in NewProvider, now time.Time) error {
	if in.Secret == "" && !in.NoSecret {
		return nil
	}
	var sealed []byte
	if !in.NoSecret {
		k, err := s.Ring.House(ctx, tx, now)
		if err != nil {
			return err
		}
		sealed = k.Seal(providerPlace(uid), []byte(in.Secret))
	}
	_, err := tx.Exec(ctx, `UPDATE account_provider SET secret = $1 WHERE uid = $2`, sealed, uid)
	return err
}

// leaveDoors ends the sign-ins that came by a provider through a door that it opens no more.
func (s *Service) leaveDoors(ctx context.Context, tx *db.Tx, was, now Provider, at time.Time) error {
	for _, d := range []Door{Desk, Portal} {
		if !was.serves(d) || now.serves(d) {
			continue
		}
		_, err := tx.Exec(ctx, `UPDATE account_session SET ended_at = $1 WHERE ended_at IS NULL AND door = $2 AND identity IN (SELECT id FROM account_identity WHERE provider = $3)`, at, string(d), was.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

func providerChanges(was, now Provider, secret bool) []audit.Change {
	out := []audit.Change{{Field: "provider", From: was.Name, To: now.Name}}
	if was.Issuer != now.Issuer {
		out = append(out, audit.Change{Field: "issuer", From: was.Issuer, To: now.Issuer})
	}
	if was.ClientID != now.ClientID {
		out = append(out, audit.Change{Field: "client", From: was.ClientID, To: now.ClientID})
	}
	if a, b := strings.Join(was.ACR, " "), strings.Join(now.ACR, " "); a != b {
		out = append(out, audit.Change{Field: "acr", From: a, To: b})
	}
	if a, b := strings.Join(was.AMR, " "), strings.Join(now.AMR, " "); a != b {
		out = append(out, audit.Change{Field: "amr", From: a, To: b})
	}
	for _, x := range []struct {
		field    string
		from, to bool
	}{{"desk", was.Desk, now.Desk}, {"portal", was.Portal, now.Portal}, {"active", was.Active, now.Active}, {"secret", was.HasSecret && !secret, now.HasSecret}} {
		if x.from != x.to {
			out = append(out, audit.Change{Field: x.field, From: x.from, To: x.to})
		}
	}
	return out
}

func (s *Service) checkProvider(in *NewProvider, fresh bool) error {
	var p errs.Problems
	in.Name = line(&p, "name", in.Name, 60, true)
	in.Issuer = strings.TrimSpace(in.Issuer)
	switch {
	case !fresh:
	case in.Issuer == "":
		p.Add("issuer", "error.required")
	case len(in.Issuer) > 300 || !printable(in.Issuer) || s.Elsewhere.Check(in.Issuer) != nil:
		p.Add("issuer", "error.issuer")
	}
	in.ClientID = strings.TrimSpace(in.ClientID)
	switch {
	case in.ClientID == "":
		p.Add("client", "error.required")
	case len(in.ClientID) > 255 || !printable(in.ClientID):
		p.Add("client", "error.characters")
	}
	in.Secret = strings.TrimSpace(in.Secret)
	switch {
	case len(in.Secret) > 1000:
		p.Add("secret", "error.too_long", "most", 1000)
	case !printable(in.Secret):
		p.Add("secret", "error.characters")
	case in.Secret != "" && in.NoSecret:
		p.Add("secret", "error.provider.secret_or_none")
	case fresh && in.Secret == "" && !in.NoSecret:
		p.Add("secret", "error.required")
	}
	if !in.Desk && !in.Portal {
		p.Add("doors", "error.required")
	}
	words(&p, "acr", in.ACR)
	words(&p, "amr", in.AMR)
	if in.Desk && len(in.ACR)+len(in.AMR) == 0 {
		p.Add("acr", "error.provider.factor") // the team's people prove two factors (rule I6)
	}
	return p.Err()
}

func words(p *errs.Problems, field string, list []string) {
	if len(list) > mostWords {
		p.Add(field, "error.too_many", "most", mostWords)
	}
	if slices.ContainsFunc(list, func(w string) bool { return w == "" || len(w) > 200 || !printable(w) || strings.Contains(w, " ") }) {
		p.Add(field, "error.characters")
	}
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// EndProvider removes a provider with the links of its people, and ends the sign-ins that came by it. It needs ManageAccounts and a fresh proof. Who signed in
// by it alone needs a link for a password.
func (s *Service) EndProvider(ctx context.Context, by access.Actor, uid string) error {
	if err := by.Need(access.ManageAccounts); err != nil {
		return err
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := s.lockedProvider(ctx, tx, uid)
		if err != nil {
			return err
		}
		if err := s.leaveDoors(ctx, tx, p, Provider{}, s.Clock.Now()); err != nil {
			return err
		}
		for _, q := range []string{`DELETE FROM account_identity WHERE provider = $1`, `DELETE FROM account_provider WHERE id = $1`} {
			if _, err := tx.Exec(ctx, q, p.ID); err != nil {
				return err
			}
		}
		return s.note(ctx, tx, by, "account.end_provider", Account{}, audit.Change{Field: "provider", From: p.Name}, audit.Change{Field: "issuer", From: p.Issuer}, audit.Change{Field: "people", From: p.People, To: 0})
	})
}

// LookAtProvider asks a provider what it publishes of itself; the reason says why it does not serve, "" when it does. It needs ManageAccounts.
func (s *Service) LookAtProvider(ctx context.Context, by access.Actor, uid string) (openid.Reason, error) {
	p, err := s.Provider(ctx, s.DB, by, uid)
	if err != nil {
		return "", err
	}
	if s.Elsewhere == nil {
		return "", errNoElsewhere
	}
	return openid.ReasonOf(s.Elsewhere.Meet(ctx, p.Issuer)), nil
}

// Answers gives the addresses to which a provider sends people back, one for each host of ours, for its own configuration.
func (s *Service) Answers(p Provider) (out []string) {
	for _, d := range []Door{Desk, Portal} {
		if d == Desk && !p.Desk || d == Portal && !p.Portal {
			continue
		}
		if at := s.answerAt(d, p.UID); !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	return out
}

func (s *Service) answerAt(d Door, provider string) string {
	return s.Sites[d] + "/login/with/" + provider + "/answer"
}

// spoken gives a provider as the protocol needs it, with its secret open.
func (s *Service) spoken(ctx context.Context, h db.Handle, p Provider) (openid.Provider, error) {
	out := openid.Provider{Issuer: p.Issuer, ClientID: p.ClientID}
	if !p.HasSecret {
		return out, nil
	}
	var sealed []byte
	if err := h.QueryRow(ctx, `SELECT secret FROM account_provider WHERE id = $1`, p.ID).Scan(&sealed); err != nil {
		return out, err
	}
	k, err := s.Ring.Get(ctx, h, keyring.House)
	if err != nil {
		return out, err
	}
	plain, err := k.Open(providerPlace(p.UID), sealed)
	out.Secret = string(plain)
	return out, err
}
