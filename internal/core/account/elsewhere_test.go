package account_test

import (
	"context"
	"encoding/base64"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid/openidtest"
)

// elsewhere gives the house a provider on this machine.
func (c *team) elsewhere(ctx context.Context) (*openidtest.Issuer, account.Provider) {
	c.Helper()
	c.sites()
	i := openidtest.New(c.T, c.Clock.Now)
	c.s.Elsewhere = openid.New(openidtest.Reach(), c.Clock.Now)
	p, err := c.s.AddProvider(ctx, c.root, account.NewProvider{
		Name: "Ministry", Issuer: i.URL, ClientID: openidtest.Client, Secret: openidtest.Secret, Desk: true, Portal: true, Active: true, ACR: []string{"urn:two"}, AMR: []string{"mfa", "hwk"},
	})
	if err != nil {
		c.Fatal(err)
	}
	return i, p
}

// tab is a browser on its way.
type tab struct {
	*team
	i       *openidtest.Issuer
	p       account.Provider
	session account.SignedIn
	cookie  string
	answer  url.Values
}

func both() account.From {
	return account.From{Doors: []account.Door{account.Desk, account.Portal}, Address: netip.MustParseAddr("192.0.2.9"), Device: "Firefox"}
}

// goes leaves for the provider and brings its answer.
func (t *tab) goes(ctx context.Context, in account.Departure) error {
	t.Helper()
	from := both()
	if in.For == account.ToLink || in.For == account.ToProve {
		from.Door, in.Session = t.session.Door, t.session.Secret.Reveal()
	}
	in.Provider = t.p.UID
	to, err := t.s.Depart(ctx, from, in)
	if err != nil {
		return err
	}
	if raw, err := base64.RawURLEncoding.DecodeString(to.Cookie.Reveal()); err != nil || strings.Contains(string(raw), t.p.UID) || to.Host != "127.0.0.1" {
		t.Errorf("the cookie is readable, or %s", to.Host)
	}
	t.cookie, t.answer = to.Cookie.Reveal(), t.i.Visit(to.URL)
	return nil
}

func (t *tab) comes(ctx context.Context) (account.Returned, error) {
	return t.s.TakeReturn(ctx, both(), account.Return{
		Provider: t.p.UID, Cookie: t.cookie, State: t.answer.Get("state"), Code: t.answer.Get("code"), Issuer: t.answer["iss"], Session: func(account.Door) string { return t.session.Secret.Reveal() },
	})
}

func (t *tab) does(ctx context.Context, in account.Departure) (account.Returned, error) {
	t.Helper()
	if err := t.goes(ctx, in); err != nil {
		return account.Returned{}, err
	}
	return t.comes(ctx)
}

// Somebody links the account while signed in, signs in by it, proves itself by it, and cannot remove the last way in. Nobody is linked by a mail address.
func TestSigningInByAProvider(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		i, p := c.elsewhere(ctx)
		c.create(ctx, c.setup, "lea@cert.example", "", access.Lead)
		i.More = map[string]any{"email": "root@cert.example", "email_verified": true, "preferred_username": "root", "amr": []string{"pwd", "mfa"}}
		x := &tab{team: c, i: i, p: p}
		_, err := x.does(ctx, account.Departure{For: account.ToSignIn})
		c.refused(err, errs.Unauthenticated, "an address of an administrator, linked by nobody")
		if why := c.why(ctx); why != "unlinked" {
			c.Errorf("recorded as %q", why)
		}

		x.session = c.signIn(ctx, desk("192.0.2.1"), "root@cert.example")
		got, err := x.does(ctx, account.Departure{For: account.ToLink})
		if err != nil || got.For != account.ToLink || got.Door != account.Desk {
			c.Fatalf("link: %+v %v", got, err)
		}
		c.refused(func() error { _, err := x.does(ctx, account.Departure{For: account.ToLink}); return err }(), errs.Conflict, "linked twice")
		in, err := x.does(ctx, account.Departure{For: account.ToSignIn, Next: "people"})
		if err != nil || in.Step != account.Done || in.Door != account.Desk || in.Next != "people" || in.Account.Email != "root@cert.example" {
			c.Fatalf("sign in: %+v %v", in, err)
		}
		by, ses, err := c.s.BySession(ctx, account.Desk, in.Secret.Reveal())
		if err != nil || by.Strength != access.TwoFactor || ses.Identity == 0 || !by.Can(access.ManageAccounts) {
			c.Errorf("the session: %+v %v", by, err)
		}
		_, err = x.comes(ctx)
		c.refused(err, errs.Unauthenticated, "the same answer again")

		// Without the word for two factors the team's door stays shut, whatever else is said.
		i.More = map[string]any{"amr": []string{"pwd", "MFA"}, "acr": "urn:tw"}
		_, err = x.does(ctx, account.Departure{For: account.ToSignIn})
		c.refused(err, errs.Unauthenticated, "one factor at the desk")
		i.More = map[string]any{"acr": "urn:two"}
		if _, err = x.does(ctx, account.Departure{For: account.ToSignIn}); err != nil {
			c.Errorf("by its class: %v", err)
		}

		// A fresh proof asks the person again.
		c.Clock.Advance(11 * time.Minute)
		x.session = in.SignedIn
		c.refused(x.goes(ctx, account.Departure{For: account.ToLink}), errs.Unauthenticated, "to link without a fresh proof")
		i.Lie = func(m map[string]any) { m["auth_time"] = c.Clock.Now().Add(-10 * time.Minute).Unix() }
		_, err = x.does(ctx, account.Departure{For: account.ToProve})
		c.refused(err, errs.Unauthenticated, "proved by an old sign-in there")
		i.Lie = nil
		got, err = x.does(ctx, account.Departure{For: account.ToProve, Next: "tokens"})
		if err != nil || got.Next != "tokens" || got.Secret.Reveal() == x.session.Secret.Reveal() {
			c.Fatalf("prove: %+v %v", got, err)
		}
		_, _, err = c.s.BySession(ctx, account.Desk, x.session.Secret.Reveal())
		c.refused(err, errs.Unauthenticated, "the secret before the proof")
		if by, _, err = c.s.BySession(ctx, account.Desk, got.Secret.Reveal()); err != nil || by.NeedFresh(c.Clock.Now()) != nil {
			c.Errorf("not proved: %v", err)
		}

		// The links are one's own, and the last way in stays.
		list, more, err := c.s.Identities(ctx, c.DB, by, account.Desk)
		if err != nil || len(list) != 1 || list[0].Provider != "Ministry" || list[0].UsedAt.IsZero() || len(more) != 0 {
			c.Fatalf("%+v %+v %v", list, more, err)
		}
		other := c.as(c.create(ctx, c.setup, "nia@cert.example", "", access.Admin))
		c.refused(c.s.EndIdentity(ctx, other, list[0].UID, ""), errs.NotFound, "somebody else's link")
		c.exec(ctx, `UPDATE account_person SET password = '' WHERE email = 'root@cert.example'`)
		c.refused(c.s.EndIdentity(ctx, by, list[0].UID, ""), errs.Conflict, "the last way")
		c.exec(ctx, `UPDATE account_person SET password = 'x' WHERE email = 'root@cert.example'`)
		if err := c.s.EndIdentity(ctx, by, list[0].UID, ""); err != nil {
			c.Fatal(err)
		}
		_, _, err = c.s.BySession(ctx, account.Desk, got.Secret.Reveal())
		c.refused(err, errs.Unauthenticated, "a sign-in by a link that is removed")
		_, err = x.does(ctx, account.Departure{For: account.ToSignIn})
		c.refused(err, errs.Unauthenticated, "by a link that is removed")
	})
}

// why gives the reason of the newest refusal in the record.
func (c *team) why(ctx context.Context) string {
	c.Helper()
	list, err := c.Audit.Find(ctx, c.DB, c.Person(1, "Iris", access.Auditor), audit.Filter{Verb: "account.sign_in_refused", Limit: 1})
	if err != nil || len(list) == 0 {
		c.Fatalf("%v, %d entries", err, len(list))
	}
	for _, x := range list[0].Changes {
		if x.Field == "reason" {
			return x.To.(string)
		}
	}
	return ""
}

func (c *team) exec(ctx context.Context, q string, args ...any) {
	c.Helper()
	if _, err := c.DB.Exec(ctx, q, args...); err != nil {
		c.Fatal(err)
	}
}

// A provider, or who stands in between, lies in every way that the standards name: each is refused and recorded with its reason (rule I6).
func TestAProviderThatLies(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		i, p := c.elsewhere(ctx)
		other, q := c.elsewhere(ctx)
		i.More = map[string]any{"amr": []string{"mfa"}}
		x := &tab{team: c, i: i, p: p, session: c.signIn(ctx, desk("192.0.2.1"), "root@cert.example")}
		if _, err := x.does(ctx, account.Departure{For: account.ToLink}); err != nil {
			c.Fatal(err)
		}
		claim := func(name string, v any) func(map[string]any) {
			return func(m map[string]any) {
				if m[name] = v; v == nil {
					delete(m, name)
				}
			}
		}
		tampered := func(token string) string {
			parts := strings.Split(token, ".")
			return parts[0] + "." + b64([]byte(`{"iss":"`+i.URL+`","sub":"248289761001","aud":"tocsin","exp":99999999999,"amr":["mfa"]}`)) + "." + parts[2]
		}
		for name, lie := range map[string]func(){
			"token issuer":       func() { i.Lie = claim("iss", other.URL) },
			"token audience":     func() { i.Lie = claim("aud", "another client") },
			"other_client":       func() { i.Lie = claim("azp", "another client") },
			"other_client many":  func() { i.Lie = claim("aud", []string{openidtest.Client, "another client"}) },
			"nonce":              func() { i.Lie = claim("nonce", nil) },
			"nonce other":        func() { i.Lie = claim("nonce", "no_other") },
			"expired":            func() { i.Lie = claim("exp", c.Clock.Now().Add(-time.Minute).Unix()) },
			"token of tomorrow":  func() { i.Lie = claim("iat", c.Clock.Now().Add(24*time.Hour).Unix()) },
			"no_subject":         func() { i.Lie = claim("sub", "") },
			"no_subject endless": func() { i.Lie = claim("sub", strings.Repeat("s", 300)) },
			"token none":         func() { i.Forge = openidtest.Unsigned },
			"token tampered":     func() { i.Forge = tampered },
			"token twice":        func() { i.Forge = func(s string) string { return s + "." + s } },
			"token gone":         func() { i.Forge = func(string) string { return "" } },
			"issuer":             func() { i.Back = func(v url.Values) { v.Set("iss", other.URL) } },
			"issuer gone":        func() { i.Back = func(v url.Values) { v.Del("iss") } },
			"issuer twice":       func() { i.Back = func(v url.Values) { v.Add("iss", other.URL) } },
			"code":               func() { i.Back = func(v url.Values) { v.Set("code", "AAAA") } },
			"unlinked":           func() { i.Lie = claim("sub", "somebody else") },
		} {
			i.Lie, i.Forge, i.Back = nil, nil, nil
			lie()
			c.Clock.Advance(16 * time.Minute)
			_, err := x.does(ctx, account.Departure{For: account.ToSignIn})
			if reason, _, _ := strings.Cut(name, " "); !errs.Is(err, errs.Unauthenticated) || c.why(ctx) != reason {
				c.Errorf("%s: %v, recorded as %q", name, err, c.why(ctx))
			}
		}
		i.Lie, i.Forge, i.Back = nil, nil, nil
		for name, change := range map[string]func(*tab){
			"no cookie":                 func(x *tab) { x.cookie = "" },
			"a cookie that was changed": func(x *tab) { x.cookie = x.cookie[:len(x.cookie)-4] + "AAAA" },
			"another state":             func(x *tab) { x.answer.Set("state", "st_x") },
			"no code":                   func(x *tab) { x.answer.Del("code") },
			"at another provider":       func(x *tab) { x.p = q },
			"too late":                  func(*tab) { c.Clock.Advance(11 * time.Minute) },
		} {
			y := *x
			if err := y.goes(ctx, account.Departure{For: account.ToSignIn}); err != nil {
				c.Fatal(err)
			}
			asked := len(i.Asked)
			change(&y)
			_, err := y.comes(ctx)
			if c.refused(err, errs.Unauthenticated, name); len(i.Asked) != asked {
				c.Errorf("%s: the provider was asked", name)
			}
		}
		// Another provider's subject of the same name is somebody else; and what began in one session does not end in another.
		other.More = i.More
		_, err := (&tab{team: c, i: other, p: q}).does(ctx, account.Departure{For: account.ToSignIn})
		c.refused(err, errs.Unauthenticated, "the same subject of another issuer")
		x.session = c.signIn(ctx, desk("192.0.2.1"), "root@cert.example")
		if err := x.goes(ctx, account.Departure{For: account.ToProve}); err != nil {
			c.Fatal(err)
		}
		x.session = c.signIn(ctx, desk("192.0.2.1"), "root@cert.example")
		_, err = x.comes(ctx)
		c.refused(err, errs.Unauthenticated, "in another session")

		// Keys that change are followed; an issuer that names another one is not spoken to.
		i.Rotate("k2")
		if _, err := x.does(ctx, account.Departure{For: account.ToSignIn}); err != nil {
			c.Errorf("with another key: %v", err)
		}
		for name, says := range map[string]func(map[string]any){
			"another issuer": func(m map[string]any) { m["issuer"] = other.URL },
			"a page inside":  func(m map[string]any) { m["authorization_endpoint"] = "http://10.0.0.1/" },
			"keys elsewhere": func(m map[string]any) { m["jwks_uri"] = "file:///etc/passwd" },
			"a script":       func(m map[string]any) { m["authorization_endpoint"] = "javascript:alert(1)" },
		} {
			i.Says = says
			if why, err := c.s.LookAtProvider(ctx, c.root, p.UID); err != nil || why != openid.Metadata {
				c.Errorf("%s: %q %v", name, why, err)
			}
			c.refused(x.goes(ctx, account.Departure{For: account.ToSignIn}), errs.Unavailable, name)
		}
		i.Says = nil
		// Too many refusals of one address are a limit, and what is right afterwards waits too.
		c.Clock.Advance(16 * time.Minute)
		i.Lie = claim("sub", "somebody else")
		for n := range 31 {
			_, err := x.does(ctx, account.Departure{For: account.ToSignIn})
			if want := map[bool]errs.Kind{true: errs.Unauthenticated, false: errs.Limit}[n < 30]; !errs.Is(err, want) {
				c.Fatalf("try %d: %v", n, err)
			}
		}
		i.Lie = nil
		if why, err := c.s.LookAtProvider(ctx, c.root, p.UID); err != nil || why != "" {
			c.Errorf("as it was: %q %v", why, err)
		}
		i.Close()
		c.Clock.Advance(2 * time.Hour)
		c.refused(x.goes(ctx, account.Departure{For: account.ToSignIn}), errs.Unavailable, "a provider that is gone")
	})
}

// An invitation is accepted by a provider; a link for another password is not. Only a class that the entry names is a second factor where an organisation asks
// for one. Switched off, the provider lets nobody in and whoever came by it is out.
func TestAnInvitationAcceptedByAProvider(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		i, p := c.elsewhere(ctx)
		c.posting()
		org, keeper, _ := c.keeper(ctx, "kim@water.example")
		a, err := c.s.Invite(ctx, keeper, account.Invitation{Email: "rui@water.example", Name: "Rui", Role: access.ConstituentAdmin})
		if err != nil {
			c.Fatal(err)
		}
		x := &tab{team: c, i: i, p: p}
		link := c.opening(ctx, a.ID)
		if list, err := c.s.AcceptedBy(ctx, link, account.Desk, account.Portal); err != nil || len(list) != 1 {
			c.Errorf("offered: %+v %v", list, err)
		}
		c.refused(x.goes(ctx, account.Departure{For: account.ToAccept, Link: "set_nothing"}), errs.NotFound, "a link that is none")
		in, err := x.does(ctx, account.Departure{For: account.ToAccept, Link: link})
		if err != nil || in.Door != account.Portal || in.Account.ID != a.ID {
			c.Fatalf("%+v %v", in, err)
		}
		c.refused(x.goes(ctx, account.Departure{For: account.ToAccept, Link: link}), errs.NotFound, "the link again")
		by, _, err := c.s.BySession(ctx, account.Portal, in.Secret.Reveal())
		if err != nil || by.Organisation != org.Ref.ID || by.Strength != access.Password {
			c.Errorf("%+v %v", by, err)
		}
		_, _, err = c.s.BySession(ctx, account.Desk, in.Secret.Reveal())
		c.refused(err, errs.Unauthenticated, "the portal's session at the desk")

		// The organisation asks for a second factor: one at the provider counts when the entry names it, and only then.
		c.enrol(ctx, keeper)
		if err := c.s.RequireFactor(ctx, keeper, true); err != nil {
			c.Fatal(err)
		}
		owes := func(amr string) bool {
			c.Helper()
			i.More = map[string]any{"amr": []string{amr}}
			in, err := x.does(ctx, account.Departure{For: account.ToSignIn})
			if err != nil || in.Step != account.Done {
				c.Fatalf("%+v %v", in, err)
			}
			by, _, err := c.s.BySession(ctx, account.Portal, in.Secret.Reveal())
			if err != nil || by.Owes == by.Can(access.OwnPeople) {
				c.Errorf("%s: %+v %v", amr, by, err)
			}
			x.session = in.SignedIn
			return by.Owes
		}
		if !owes("sms") || owes("hwk") {
			c.Error("what counts as a second factor is not what the entry names")
		}
		// Who has a factor here is asked for it when the provider names none.
		i.More = nil
		rui := c.as(a)
		rui.Strength = access.TwoFactor
		recovery := c.enrol(ctx, rui)
		if in, err = x.does(ctx, account.Departure{For: account.ToSignIn}); err != nil || in.Step != account.NeedCode {
			c.Errorf("%+v %v", in.Step, err)
		}
		coded, err := c.s.GiveCode(ctx, account.From{Door: account.Portal}, in.Secret.Reveal(), recovery[0].Reveal())
		if err != nil {
			c.Fatal(err)
		}
		_, err = x.does(ctx, account.Departure{For: account.ToProve})
		c.refused(err, errs.Unauthenticated, "a proof that is worth less than the own factor")

		// A link for another password brings no other second factor (rule I7).
		if _, err := c.s.SendReset(ctx, keeper, a.UID); err != nil {
			c.Fatal(err)
		}
		link = c.opening(ctx, a.ID)
		if list, err := c.s.AcceptedBy(ctx, link, account.Portal); err != nil || len(list) != 0 {
			c.Errorf("offered for a reset: %+v %v", list, err)
		}
		i.Subject = "the thief's own"
		c.refused(x.goes(ctx, account.Departure{For: account.ToAccept, Link: link}), errs.NotFound, "a reset by a provider")
		i.Subject = "248289761001"

		i.More = map[string]any{"amr": []string{"mfa"}}
		if in, err = x.does(ctx, account.Departure{For: account.ToSignIn}); err != nil {
			c.Fatal(err)
		}
		edit := account.NewProvider{Name: "Ministry", ClientID: openidtest.Client, Desk: true, Portal: true, Active: true, AMR: []string{"hwk"}}
		during := func(change func(*account.NewProvider)) {
			i.Lie = func(map[string]any) { // while the provider is asked
				i.Lie = nil
				change(&edit)
				if _, err := c.s.EditProvider(ctx, c.root, p.UID, edit); err != nil {
					c.Error(err)
				}
			}
		}
		during(func(*account.NewProvider) {})
		if got, err := x.does(ctx, account.Departure{For: account.ToSignIn}); err != nil || got.Step != account.NeedCode {
			c.Errorf("a word that counts no more: %+v %v", got, err)
		}
		during(func(n *account.NewProvider) { n.Active = false })
		_, err = x.does(ctx, account.Departure{For: account.ToSignIn})
		c.refused(err, errs.Unauthenticated, "by a provider that was switched off meanwhile")
		for _, s := range []account.SignedIn{in.SignedIn, coded} {
			_, _, err = c.s.BySession(ctx, account.Portal, s.Secret.Reveal())
			c.refused(err, errs.Unauthenticated, "a sign-in by a provider that is off")
		}
		c.refused(x.goes(ctx, account.Departure{For: account.ToSignIn}), errs.NotFound, "a provider that is off")
		if err := c.s.EndProvider(ctx, c.root, p.UID); err != nil {
			c.Fatal(err)
		}
	})
}

// Who enters a provider is an administrator with a fresh proof; the secret is sealed for its row and never read again; the team's door asks for a second factor.
func TestEnteringAProvider(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		i, p := c.elsewhere(ctx)
		good := account.NewProvider{Name: "B", Issuer: i.URL, ClientID: "b", Secret: "sesame", Portal: true, Active: true}
		nia := c.as(c.create(ctx, c.setup, "nia@cert.example", "", access.Lead))
		_, err := c.s.AddProvider(ctx, nia, good)
		c.refused(err, errs.Forbidden, "a lead")
		stale := c.root
		stale.ProvedAt = c.Clock.Now().Add(-time.Hour)
		_, err = c.s.AddProvider(ctx, stale, good)
		c.refused(err, errs.Unauthenticated, "without a fresh proof")
		for field, change := range map[string]func(*account.NewProvider){
			"name":   func(n *account.NewProvider) { n.Name = "a\u202eb" },
			"issuer": func(n *account.NewProvider) { n.Issuer = "http://login.example" },
			"client": func(n *account.NewProvider) { n.ClientID = "" },
			"secret": func(n *account.NewProvider) { n.NoSecret = true },
			"doors":  func(n *account.NewProvider) { n.Portal = false },
			"acr":    func(n *account.NewProvider) { n.Desk = true },
			"amr":    func(n *account.NewProvider) { n.AMR = strings.Split(strings.Repeat("x ", 11), " ") },
		} {
			n := good
			change(&n)
			_, err := c.s.AddProvider(ctx, c.root, n)
			if f := errs.Fields(err); len(f) == 0 || f[0].Name != field {
				c.Errorf("%s: %v", field, err)
			}
		}
		second, err := c.s.AddProvider(ctx, c.root, good)
		if err != nil || !second.HasSecret {
			c.Fatal(err)
		}
		var sealed []byte
		if err := c.DB.QueryRow(ctx, `SELECT secret FROM account_provider WHERE uid = $1`, p.UID).Scan(&sealed); err != nil || strings.Contains(string(sealed), openidtest.Secret) {
			c.Errorf("not sealed: %v", err)
		}
		c.exec(ctx, `UPDATE account_provider SET secret = $1 WHERE uid = $2`, sealed, second.UID)
		x := &tab{team: c, i: i, p: second}
		if err := x.goes(ctx, account.Departure{For: account.ToSignIn}); err == nil || errs.Of(err) != errs.Internal {
			c.Errorf("a secret moved to another row opens: %v", err)
		}
		list, err := c.s.Providers(ctx, c.DB, c.root)
		if err != nil || len(list) != 2 {
			c.Errorf("%d %v", len(list), err)
		}
		_, err = c.s.Providers(ctx, c.DB, nia)
		c.refused(err, errs.Forbidden, "the list for a lead")
	})
}
