package account_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

const password = "a long walk by the river"

// team is a house whose administrator is Root; hashes are cheap.
type team struct {
	*coretest.House
	*testing.T
	s     *account.Service
	setup access.Actor
	root  access.Actor // an administrator, freshly proved
}

func engines(t *testing.T, story func(ctx context.Context, c *team)) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		c := &team{House: h, T: t, setup: access.System("setup"), s: &account.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Hash: account.NewHasher(64, 1), Issuer: "CERT.EX"}}
		root := c.create(ctx, c.setup, "root@cert.example", "", access.Admin)
		c.root = c.as(root)
		story(ctx, c)
	})
}

// as gives an actor of the account with its active roles, freshly proved.
func (c *team) as(a account.Account) access.Actor {
	by := c.Person(a.ID, a.Name)
	by.Organisation = a.Organisation
	if a.Organisation != 0 {
		by.Compartments = []int64{a.Organisation}
	}
	for _, g := range a.Roles {
		if g.State == account.Active {
			by.Roles = append(by.Roles, g.Role)
		}
	}
	return by
}

func (c *team) create(ctx context.Context, by access.Actor, email, organisation string, roles ...access.Role) account.Account {
	c.Helper()
	a, _, err := c.s.Create(ctx, by, account.NewAccount{Email: email, Name: "Somebody", Organisation: organisation, Roles: roles, Password: password})
	if err != nil {
		c.Fatalf("create %s: %v", email, err)
	}
	return a
}

// organisation is an object as constituency makes it.
func (c *team) organisation(ctx context.Context) access.Object {
	c.Helper()
	o := access.Object{Ref: ref.Ref{Kind: ref.Organisation}, Realm: access.Registry, TLP: tlp.Green}
	err := c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := access.Protect(ctx, tx, &o, c.Clock.Now()); err != nil {
			return err
		}
		o.Compartment = o.Ref.ID
		return access.Update(ctx, tx, &o, c.Clock.Now())
	})
	if err != nil {
		c.Fatal(err)
	}
	return o
}

func (c *team) refused(err error, k errs.Kind, what string) {
	c.Helper()
	if !errs.Is(err, k) {
		c.Errorf("%s: %v, want %s", what, err, k)
	}
}

func desk(addr string) account.From {
	return account.From{Door: account.Desk, Address: netip.MustParseAddr(addr), Device: "Firefox\r\n\u202e on Debian"}
}

func (c *team) signIn(ctx context.Context, from account.From, email string) account.SignedIn {
	c.Helper()
	in, err := c.s.SignIn(ctx, from, account.Credentials{Email: email, Password: password})
	if err != nil {
		c.Fatalf("sign in %s: %v", email, err)
	}
	return in
}

// The first lead is made by the administrator; from then on nobody reads cases without a lead's word (rule I11), and never one's own (T5).
func TestAnAdministratorMakesNoReaders(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		lea := c.create(ctx, c.root, "lea@cert.example", "", access.Lead)
		if !lea.Has(access.Lead) {
			c.Fatal("the beginning: the first lead is active")
		}
		lead := c.as(lea)
		for _, by := range []access.Actor{c.root, c.setup} { // page and command line alike
			for _, r := range []access.Role{access.Analyst, access.Duty, access.Auditor, access.Lead, access.Liaison, access.Peer} {
				a, _, err := c.s.Create(ctx, by, account.NewAccount{Email: fmt.Sprintf("%s-%d@cert.example", r, by.Account), Name: "New", Roles: []access.Role{r}, Password: password})
				if err != nil {
					c.Fatal(err)
				}
				if a.Has(r) || len(a.Roles) != 1 || a.Roles[0].State != account.Pending {
					c.Errorf("%s by %q is %+v", r, by.Name, a.Roles)
				}
			}
		}
		ana, err := c.s.GrantRole(ctx, c.root, c.create(ctx, c.root, "ana@cert.example", "").UID, access.Analyst)
		if err != nil {
			c.Fatal(err)
		}
		w, err := c.s.Waiting(ctx, lead)
		if err != nil || len(w) != 13 || w[12].Account.UID != ana.UID {
			c.Errorf("waiting: %d %v", len(w), err)
		}
		// She may sign in, and may do nothing.
		in := c.signIn(ctx, desk("192.0.2.1"), "ana@cert.example")
		by, _, err := c.s.BySession(ctx, account.Desk, in.Secret.Reveal())
		if err != nil || len(by.Roles) != 0 || by.Can(access.ReadCases) {
			c.Errorf("pending analyst: %+v %v", by.Roles, err)
		}
		_, err = c.s.ConfirmRole(ctx, c.root, ana.UID, access.Analyst)
		c.refused(err, errs.Forbidden, "the administrator confirms")
		tired := lead
		tired.ProvedAt = c.Clock.Now().Add(-time.Hour)
		_, err = c.s.ConfirmRole(ctx, tired, ana.UID, access.Analyst)
		c.refused(err, errs.Unauthenticated, "without a fresh proof (I5)")
		_, err = c.s.ConfirmRole(ctx, lead, ana.UID, access.Duty)
		c.refused(err, errs.NotFound, "a role that does not wait")
		if ana, err = c.s.ConfirmRole(ctx, lead, ana.UID, access.Analyst); err != nil || !ana.Has(access.Analyst) {
			c.Fatalf("%+v %v", ana, err)
		}
		if by, _, err = c.s.BySession(ctx, account.Desk, in.Secret.Reveal()); err != nil || !by.Can(access.ReadCases) {
			c.Errorf("confirmed: %+v %v", by, err)
		}
		// One person who is administrator and lead needs another lead.
		both := lead
		both.Roles = append(both.Roles, access.Admin)
		bob := c.create(ctx, both, "bob@cert.example", "", access.Analyst)
		_, err = c.s.ConfirmRole(ctx, both, bob.UID, access.Analyst)
		c.refused(err, errs.Forbidden, "giver confirms")
		// Her factors are touched: she waits again.
		if _, err = c.s.ResetPassword(ctx, c.root, ana.UID); err != nil {
			c.Fatal(err)
		}
		if a, _ := c.s.Get(ctx, c.DB, c.root, ana.UID); a.Has(access.Analyst) {
			c.Error("a reset by the administrator keeps the analyst")
		}
		// The last lead cannot be taken, so the beginning never comes back.
		_, err = c.s.Disable(ctx, c.root, lea.UID)
		c.refused(err, errs.Conflict, "the last lead disabled")
		_, err = c.s.RevokeRole(ctx, c.root, lea.UID, access.Lead)
		c.refused(err, errs.Conflict, "the last lead revoked")
		_, err = c.s.ResetPassword(ctx, c.root, lea.UID)
		c.refused(err, errs.Conflict, "the last lead reset")
		_, err = c.s.ResetFactors(ctx, c.setup, lea.UID)
		c.refused(err, errs.Conflict, "the last lead reset from the command line")
		// A lead refuses what waits.
		if _, err = c.s.RevokeRole(ctx, lead, bob.UID, access.Analyst); err != nil {
			c.Error(err)
		}
		_, err = c.s.RevokeRole(ctx, lead, lea.UID, access.Lead)
		c.refused(err, errs.Forbidden, "a lead revokes an active role")
	})
}

// Rule I11 for organisations: an administrator alone does not become a party; rule I10: their own administrator keeps its own people only.
func TestAnOrganisationKeepsItsOwnPeople(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		lead := c.as(c.create(ctx, c.root, "lea@cert.example", "", access.Lead))
		hospital, bank := c.organisation(ctx), c.organisation(ctx)
		rui := c.create(ctx, c.root, "rui@hospital.example", hospital.UID, access.ConstituentAdmin)
		if rui.Has(access.ConstituentAdmin) {
			c.Error("an administrator alone made a party")
		}
		rui, err := c.s.ConfirmRole(ctx, lead, rui.UID, access.ConstituentAdmin)
		if err != nil {
			c.Fatal(err)
		}
		by := c.as(rui)
		eva := c.create(ctx, by, "eva@hospital.example", "", access.Constituent)
		if !eva.Has(access.Constituent) || eva.Organisation != hospital.Ref.ID {
			c.Errorf("%+v", eva)
		}
		if in, err := c.s.SignIn(ctx, account.From{Door: account.Portal}, account.Credentials{Email: "eva@hospital.example", Password: password}); err != nil {
			c.Error(err)
		} else if who, _, err := c.s.BySession(ctx, account.Portal, in.Secret.Reveal()); err != nil || who.Organisation != hospital.Ref.ID || len(who.Compartments) != 1 || who.Compartments[0] != hospital.Ref.ID {
			c.Errorf("%+v %v", who, err)
		}
		_, _, err = c.s.Create(ctx, by, account.NewAccount{Email: "x@bank.example", Name: "X", Organisation: bank.UID, Roles: []access.Role{access.Constituent}})
		c.refused(err, errs.NotFound, "another organisation")
		for _, r := range []access.Role{access.Analyst, access.Lead, access.Admin, access.Auditor, access.Liaison, access.Peer} {
			_, _, err = c.s.Create(ctx, by, account.NewAccount{Email: "y@hospital.example", Name: "Y", Roles: []access.Role{r}})
			if !errs.Is(err, errs.Forbidden) && !errs.Is(err, errs.Invalid) {
				c.Errorf("gives %s: %v", r, err)
			}
		}
		// People of others, and own people with wider rights, do not exist.
		other := c.create(ctx, c.root, "ines@bank.example", bank.UID, access.Constituent)
		wider := c.create(ctx, c.root, "liaison@hospital.example", hospital.UID, access.Liaison)
		for what, uid := range map[string]string{"another's": other.UID, "a wider": wider.UID, "the administrator": c.me(ctx, c.root), "nobody": "x"} {
			_, e1 := c.s.Get(ctx, c.DB, by, uid)
			_, e2 := c.s.GrantRole(ctx, by, uid, access.Constituent)
			_, e3 := c.s.ResetPassword(ctx, by, uid)
			_, e4 := c.s.Disable(ctx, by, uid)
			_, e5 := c.s.ResetFactors(ctx, by, uid)
			_, e6 := c.s.Sessions(ctx, by, uid)
			_, e7 := c.s.Edit(ctx, by, uid, account.Change{Name: "Z", Lang: "en"})
			_, e8 := c.s.Tokens(ctx, by, uid)
			_, e9 := c.s.RevokeRole(ctx, by, uid, access.Constituent)
			for i, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8, e9, c.s.RevokeAll(ctx, by, uid, "")} {
				if !errs.Is(err, errs.NotFound) {
					c.Errorf("%s, verb %d: %v", what, i+1, err)
				}
			}
		}
		list, _, err := c.s.List(ctx, by, account.Filter{Organisation: bank.Ref.ID})
		if err != nil || len(list) != 2 {
			c.Errorf("own people: %d %v", len(list), err)
		}
		// Resetting an own person by the own administrator needs no lead.
		if _, err := c.s.ResetPassword(ctx, by, eva.UID); err != nil {
			c.Fatal(err)
		}
		if a, _ := c.s.Get(ctx, c.DB, by, eva.UID); !a.Has(access.Constituent) {
			c.Error("waits for a lead")
		}
		// A plain constituent manages nobody; the team speaks for no organisation.
		_, _, err = c.s.List(ctx, c.as(eva), account.Filter{})
		c.refused(err, errs.Forbidden, "a constituent lists")
		_, err = c.s.GrantRole(ctx, c.root, eva.UID, access.Analyst)
		c.refused(err, errs.Invalid, "an analyst of an organisation")
		_, err = c.s.GrantRole(ctx, c.root, c.create(ctx, c.root, "z@cert.example", "").UID, access.Constituent)
		c.refused(err, errs.Invalid, "a constituent of nobody")
	})
}

func (c *team) me(ctx context.Context, by access.Actor) string {
	c.Helper()
	a, err := c.s.Me(ctx, c.DB, by)
	if err != nil {
		c.Fatal(err)
	}
	return a.UID
}

// Rules I2, I3, A5: all refusals are the same answer; failures are counted however the name is written, and a known browser passes.
func TestSigningIn(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		ana := c.create(ctx, c.root, "Ana@CERT.example", "", access.Analyst)
		from := desk("192.0.2.1")
		in := c.signIn(ctx, from, " ana@cert.EXAMPLE ")
		if in.Step != account.Done {
			c.Fatalf("%+v", in)
		}
		by, ses, err := c.s.BySession(ctx, account.Desk, in.Secret.Reveal())
		if err != nil || by.Account != ana.ID || by.Strength != access.Password || !by.Is(access.Analyst) || by.Origin != access.ByPage {
			c.Fatalf("%+v %v", by, err)
		}
		if ses.Network != "192.0.2.0/24" || ses.Device != "Firefox on Debian" {
			c.Errorf("%+v", ses)
		}
		_, _, err = c.s.BySession(ctx, account.Portal, in.Secret.Reveal())
		c.refused(err, errs.Unauthenticated, "the desk's cookie at the portal (W7)")
		_, err = c.s.ByToken(ctx, in.Secret.Reveal(), netip.Addr{})
		c.refused(err, errs.Unauthenticated, "a cookie as a token (I12)")
		off := c.create(ctx, c.root, "off@cert.example", "", access.Analyst)
		if _, err := c.s.Disable(ctx, c.root, off.UID); err != nil {
			c.Fatal(err)
		}
		portal := from
		portal.Door = account.Portal
		var words string
		for what, try := range map[string]struct {
			from account.From
			in   account.Credentials
		}{
			"wrong password": {from, account.Credentials{Email: "ana@cert.example", Password: "something else"}},
			"no account":     {from, account.Credentials{Email: "nobody@cert.example", Password: password}},
			"no address":     {from, account.Credentials{Email: "'; DROP TABLE", Password: password}},
			"nothing":        {from, account.Credentials{}},
			"disabled":       {from, account.Credentials{Email: "off@cert.example", Password: password}},
			"wrong door":     {portal, account.Credentials{Email: "ana@cert.example", Password: password}},
			"no door":        {account.From{}, account.Credentials{Email: "ana@cert.example", Password: password}},
			"10 MB":          {from, account.Credentials{Email: "ana@cert.example", Password: strings.Repeat("a", 10<<20)}},
			"long name":      {from, account.Credentials{Email: strings.Repeat("a", 10<<20), Password: password}},
		} {
			_, err := c.s.SignIn(ctx, try.from, try.in)
			c.refused(err, errs.Unauthenticated, what)
			if words == "" {
				words = err.Error()
			}
			if err.Error() != words {
				c.Errorf("%s: %q", what, err)
			}
		}
		// A stranger tries from many places, writing the name in many ways; the account is closed to strangers, not to her browser.
		names := []string{"ana@cert.example", "ANA@cert.example", "ana@CERT.example.", " Ana@cert.example", "ａｎａ@cert.example"}
		var last error
		for i := range 12 {
			_, last = c.s.SignIn(ctx, desk(fmt.Sprintf("198.51.%d.1", i)), account.Credentials{Email: names[i%len(names)], Password: "something else"})
		}
		c.refused(last, errs.Limit, "the twelfth try")
		_, err = c.s.SignIn(ctx, desk("203.0.113.9"), account.Credentials{Email: "ana@cert.example", Password: password})
		c.refused(err, errs.Limit, "right password, unknown browser")
		known := desk("198.51.0.1")
		known.Known = in.Known.Reveal()
		in2 := c.signIn(ctx, known, "ana@cert.example")
		if in2.Secret.Reveal() == in.Secret.Reveal() {
			c.Error("the same session twice")
		}
		known.Known = "dev_forged"
		_, err = c.s.SignIn(ctx, known, account.Credentials{Email: "ana@cert.example", Password: password})
		c.refused(err, errs.Limit, "a forged browser")
		c.Clock.Advance(16 * time.Minute)
		c.signIn(ctx, desk("203.0.113.9"), "ana@cert.example")
		// One address tries many names; IPv6 counts by /64.
		for i := range 31 {
			_, last = c.s.SignIn(ctx, desk(fmt.Sprintf("2001:db8::%x", i+1)), account.Credentials{Email: fmt.Sprintf("n%d@cert.example", i), Password: "x"})
		}
		c.refused(last, errs.Limit, "one network, many names")
		if err := c.s.Sweep(ctx); err != nil {
			c.Error(err)
		}
	})
}

// The second factor: enrolled with fresh proof, asked for at sign-in, each code once (replay refused), recovery codes once, sealed at rest (K6).
func TestTheSecondFactor(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		ana := c.create(ctx, c.root, "ana@cert.example", "", access.Analyst)
		bob := c.create(ctx, c.root, "bob@cert.example", "", access.Analyst)
		by := c.as(ana)
		tired := by
		tired.ProvedAt = c.Clock.Now().Add(-time.Hour)
		_, err := c.s.EnrolTOTP(ctx, tired)
		c.refused(err, errs.Unauthenticated, "enrolling without fresh proof (I5)")
		_, err = c.s.EnrolTOTP(ctx, c.setup)
		c.refused(err, errs.Unauthenticated, "the command line enrols")
		e, err := c.s.EnrolTOTP(ctx, by)
		if err != nil || !strings.HasPrefix(e.URL.Reveal(), "otpauth://totp/CERT.EX:") {
			c.Fatal(err)
		}
		if png, err := e.QR(200); err != nil || len(png) < 100 {
			c.Errorf("%d bytes: %v", len(png), err)
		}
		if s := fmt.Sprintf("%v %+v %#v", e.Secret, e.Secret, e.URL); strings.Contains(s, e.Secret.Reveal()) {
			c.Error("the secret prints (K8)")
		}
		code := func() string {
			x, err := totp.GenerateCode(e.Secret.Reveal(), c.Clock.Now())
			if err != nil {
				c.Fatal(err)
			}
			return x
		}
		_, err = c.s.ConfirmTOTP(ctx, by, "000000")
		c.refused(err, errs.Invalid, "a wrong first code")
		if in := c.signIn(ctx, desk("192.0.2.1"), "ana@cert.example"); in.Step != account.Done {
			c.Error("an unconfirmed factor is asked for")
		}
		recovery, err := c.s.ConfirmTOTP(ctx, by, code())
		if err != nil || len(recovery) != 10 {
			c.Fatalf("%v %v", recovery, err)
		}
		half := c.signIn(ctx, desk("192.0.2.1"), "ana@cert.example")
		if half.Step != account.NeedCode || half.Known.Reveal() != "" {
			c.Fatalf("%+v", half)
		}
		_, _, err = c.s.BySession(ctx, account.Desk, half.Secret.Reveal())
		c.refused(err, errs.Unauthenticated, "a half session")
		_, err = c.s.GiveCode(ctx, desk("192.0.2.1"), half.Secret.Reveal(), code())
		c.refused(err, errs.Unauthenticated, "the code of the enrolment again")
		c.Clock.Advance(31 * time.Second)
		portal := desk("192.0.2.1")
		portal.Door = account.Portal
		_, err = c.s.GiveCode(ctx, portal, half.Secret.Reveal(), code())
		c.refused(err, errs.Unauthenticated, "the half session of another door")
		in, err := c.s.GiveCode(ctx, desk("192.0.2.1"), half.Secret.Reveal(), code())
		if err != nil || in.Step != account.Done || in.Secret.Reveal() == half.Secret.Reveal() {
			c.Fatalf("%+v %v", in, err)
		}
		who, ses, err := c.s.BySession(ctx, account.Desk, in.Secret.Reveal())
		if err != nil || who.Strength != access.TwoFactor {
			c.Errorf("%+v %v", who, err)
		}
		_, err = c.s.GiveCode(ctx, desk("192.0.2.1"), half.Secret.Reveal(), code())
		c.refused(err, errs.Unauthenticated, "a half session twice")
		// Two browsers, one code: the second is a replay.
		half = c.signIn(ctx, desk("192.0.2.1"), "ana@cert.example")
		_, err = c.s.GiveCode(ctx, desk("192.0.2.1"), half.Secret.Reveal(), code())
		c.refused(err, errs.Unauthenticated, "a replayed code")
		text := strings.ToLower(recovery[3].Reveal())
		if _, err = c.s.GiveCode(ctx, desk("192.0.2.1"), half.Secret.Reveal(), text); err != nil {
			c.Errorf("recovery code: %v", err)
		}
		half = c.signIn(ctx, desk("192.0.2.1"), "ana@cert.example")
		_, err = c.s.GiveCode(ctx, desk("192.0.2.1"), half.Secret.Reveal(), text)
		c.refused(err, errs.Unauthenticated, "a recovery code twice")
		c.Clock.Advance(6 * time.Minute)
		_, err = c.s.GiveCode(ctx, desk("192.0.2.1"), half.Secret.Reveal(), code())
		c.refused(err, errs.Unauthenticated, "a late code")
		// Fresh proof in the session: a new token each time (I4), password alone is not enough.
		_, err = c.s.Prove(ctx, desk("192.0.2.1"), in.Secret.Reveal(), password, "")
		c.refused(err, errs.Unauthenticated, "proof without code")
		_, err = c.s.Prove(ctx, desk("192.0.2.1"), in.Secret.Reveal(), "something else", code())
		c.refused(err, errs.Unauthenticated, "proof with a wrong password")
		proved, err := c.s.Prove(ctx, desk("192.0.2.1"), in.Secret.Reveal(), password, code())
		if err != nil || proved.Session != ses.UID {
			c.Fatalf("%+v %v", proved, err)
		}
		_, _, err = c.s.BySession(ctx, account.Desk, in.Secret.Reveal())
		c.refused(err, errs.Unauthenticated, "the token from before the proof")
		if who, _, err = c.s.BySession(ctx, account.Desk, proved.Secret.Reveal()); err != nil || who.NeedFresh(c.Clock.Now()) != nil {
			c.Errorf("%+v %v", who, err)
		}
		// The sealed secret of one row does not open in another.
		if _, err := c.DB.Exec(ctx, `UPDATE account_person SET totp = (SELECT totp FROM account_person WHERE id = $1), totp_at = $2 WHERE id = $3`, ana.ID, c.Clock.Now(), bob.ID); err != nil {
			c.Fatal(err)
		}
		half = c.signIn(ctx, desk("192.0.2.7"), "bob@cert.example")
		c.Clock.Advance(time.Minute)
		if _, err = c.s.GiveCode(ctx, desk("192.0.2.7"), half.Secret.Reveal(), code()); err == nil {
			c.Error("a factor was copied between rows")
		}
		// Guessing codes ends.
		half = c.signIn(ctx, desk("192.0.2.1"), "ana@cert.example")
		for range 11 {
			_, err = c.s.GiveCode(ctx, desk("192.0.2.1"), half.Secret.Reveal(), "123456")
		}
		c.refused(err, errs.Limit, "the eleventh code")
	})
}

// Rule I4 on a moved clock: the desk's sessions end after 4 h idle and 16 h, the portal's after 30 min and 12 h.
func TestSessionsEnd(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		o := c.organisation(ctx)
		c.create(ctx, c.root, "ana@cert.example", "", access.Analyst)
		c.create(ctx, c.root, "rui@hospital.example", o.UID, access.Constituent)
		alive := func(d account.Door, in account.SignedIn) bool {
			_, _, err := c.s.BySession(ctx, d, in.Secret.Reveal())
			if err != nil && !errs.Is(err, errs.Unauthenticated) {
				c.Fatal(err)
			}
			return err == nil
		}
		for _, x := range []struct {
			door           account.Door
			email          string
			idle, absolute time.Duration
		}{{account.Desk, "ana@cert.example", 4 * time.Hour, 16 * time.Hour}, {account.Portal, "rui@hospital.example", 30 * time.Minute, 12 * time.Hour}} {
			from := account.From{Door: x.door}
			in := c.signIn(ctx, from, x.email)
			c.Clock.Advance(x.idle - time.Second)
			if !alive(x.door, in) {
				c.Errorf("%s ended early", x.door)
			}
			c.Clock.Advance(x.idle)
			if alive(x.door, in) {
				c.Errorf("%s lives idle", x.door)
			}
			in = c.signIn(ctx, from, x.email)
			for range x.absolute/(20*time.Minute) - 1 {
				c.Clock.Advance(20 * time.Minute)
				if !alive(x.door, in) {
					c.Fatalf("%s ended early", x.door)
				}
			}
			c.Clock.Advance(20 * time.Minute)
			if alive(x.door, in) {
				c.Errorf("%s lives for ever", x.door)
			}
		}
		// The list, one ended, all ended; another's are not found.
		a, b, d := c.signIn(ctx, desk("192.0.2.1"), "ana@cert.example"), c.signIn(ctx, desk("192.0.2.2"), "ana@cert.example"), c.signIn(ctx, desk("192.0.2.3"), "ana@cert.example")
		by, _, err := c.s.BySession(ctx, account.Desk, a.Secret.Reveal())
		if err != nil {
			c.Fatal(err)
		}
		list, err := c.s.Sessions(ctx, by, a.Account.UID)
		if err != nil || len(list) != 3 {
			c.Errorf("%d sessions: %v", len(list), err)
		}
		rui := c.signIn(ctx, account.From{Door: account.Portal}, "rui@hospital.example")
		c.refused(c.s.Revoke(ctx, by, rui.Session), errs.NotFound, "another's session")
		if err := c.s.Revoke(ctx, by, b.Session); err != nil || alive(account.Desk, b) {
			c.Errorf("revoked: %v", err)
		}
		if err := c.s.RevokeAll(ctx, by, a.Account.UID, a.Session); err != nil || alive(account.Desk, d) || !alive(account.Desk, a) {
			c.Errorf("revoke all others: %v", err)
		}
		if err := c.s.SignOut(ctx, by, a.Session); err != nil || alive(account.Desk, a) {
			c.Errorf("signed out: %v", err)
		}
		if err := c.s.EndEverything(ctx, c.setup); err != nil || alive(account.Portal, rui) {
			c.Errorf("after a restore: %v", err)
		}
		c.refused(c.s.EndEverything(ctx, by), errs.Forbidden, "an analyst ends everything")
	})
}

// Rule W2: seen is written at most once a minute.
func TestSeenIsWrittenOnceAMinute(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		in := c.signIn(ctx, desk("192.0.2.1"), "root@cert.example")
		seen := func() time.Time {
			if _, _, err := c.s.BySession(ctx, account.Desk, in.Secret.Reveal()); err != nil {
				c.Fatal(err)
			}
			var at time.Time
			if err := c.DB.QueryRow(ctx, `SELECT seen_at FROM account_session WHERE uid = $1`, in.Session).Scan(&at); err != nil {
				c.Fatal(err)
			}
			return at
		}
		first := seen()
		c.Clock.Advance(59 * time.Second)
		if !seen().Equal(first) {
			c.Error("written within the minute")
		}
		c.Clock.Advance(time.Second)
		if seen().Equal(first) {
			c.Error("not written after a minute")
		}
		// An open window renews itself for hours; nobody in front of it, the session ends.
		left := seen()
		for range 25 {
			c.Clock.Advance(10 * time.Minute)
			_, x, err := c.s.Unattended(ctx, account.Desk, in.Secret.Reveal())
			if alive := c.Clock.Now().Sub(left) < 4*time.Hour; alive != (err == nil) || alive && !x.SeenAt.Equal(left) {
				c.Errorf("%v after it was last used: %v, seen at %v", c.Clock.Now().Sub(left), err, x.SeenAt)
			}
		}
	})
}

// Passwords (I2, I7): what they must be, the link that sets one, what ends when one changes.
func TestPasswords(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		a, link, err := c.s.Create(ctx, c.root, account.NewAccount{Email: "ana.martins@cert.example", Name: "Ana Martins", Roles: []access.Role{access.Analyst}})
		if err != nil {
			c.Fatal(err)
		}
		for what, p := range map[string]string{
			"short": "eleven char", "empty": "", "long": strings.Repeat("ab cd ", 22), "bytes": strings.Repeat("👩‍👩‍👧‍👦", 25), "not text": "abcdefgh\xff\xfeijkl",
			"one letter": strings.Repeat("a", 20), "common": "Password123456!", "repeated": "qwertyqwerty", "pattern": "1q2w3e4r5t6y", "own name": "ana.martins123",
		} {
			c.refused(c.s.SetByLink(ctx, link.Reveal(), p), errs.Invalid, what)
		}
		works, err := c.s.LinkWorks(ctx, link.Reveal())
		if err != nil || !works {
			c.Error("refused passwords or looking burnt the link (I8)")
		}
		if err := c.s.SetByLink(ctx, link.Reveal(), password); err != nil {
			c.Fatal(err)
		}
		c.refused(c.s.SetByLink(ctx, link.Reveal(), password), errs.NotFound, "a link twice")
		in := c.signIn(ctx, desk("192.0.2.1"), a.Email)
		stay := c.signIn(ctx, desk("192.0.2.2"), a.Email)
		by, _, err := c.s.BySession(ctx, account.Desk, stay.Secret.Reveal())
		if err != nil {
			c.Fatal(err)
		}
		if err := c.s.SetPassword(ctx, by, "another river, another walk", stay.Session); err != nil {
			c.Fatal(err)
		}
		_, _, err = c.s.BySession(ctx, account.Desk, in.Secret.Reveal())
		c.refused(err, errs.Unauthenticated, "an old session after a change")
		if _, _, err = c.s.BySession(ctx, account.Desk, stay.Secret.Reveal()); err != nil {
			c.Error(err)
		}
		_, err = c.s.SignIn(ctx, desk("192.0.2.1"), account.Credentials{Email: a.Email, Password: password})
		c.refused(err, errs.Unauthenticated, "the old password")
		by.ProvedAt = c.Clock.Now().Add(-time.Hour)
		c.refused(c.s.SetPassword(ctx, by, password, ""), errs.Unauthenticated, "a change without fresh proof")
		// A reset: the old password is void at once, the newest link counts, for 20 minutes.
		old, err := c.s.ResetPassword(ctx, c.root, a.UID)
		if err != nil {
			c.Fatal(err)
		}
		_, _, err = c.s.BySession(ctx, account.Desk, stay.Secret.Reveal())
		c.refused(err, errs.Unauthenticated, "a session after a reset")
		_, err = c.s.SignIn(ctx, desk("192.0.2.1"), account.Credentials{Email: a.Email, Password: ""})
		c.refused(err, errs.Unauthenticated, "no password")
		link, err = c.s.ResetPassword(ctx, c.root, a.UID)
		if err != nil {
			c.Fatal(err)
		}
		c.refused(c.s.SetByLink(ctx, old.Reveal(), password), errs.NotFound, "the link before")
		c.Clock.Advance(21 * time.Minute)
		c.refused(c.s.SetByLink(ctx, link.Reveal(), password), errs.NotFound, "a late link")
		// K7: nothing that was issued stands in the database.
		for _, table := range []string{"account_person", "account_session", "account_link", "account_device"} {
			for _, secret := range []id.Secret{in.Secret, in.Known, link, old} {
				var n int64
				column := map[string]string{"account_person": "password"}[table]
				if column == "" {
					column = "hash"
				}
				if err := c.DB.QueryRow(ctx, `SELECT COUNT(*) FROM `+table+` WHERE CAST(`+column+` AS TEXT) LIKE '%' || $1 || '%'`, secret.Reveal()).Scan(&n); err != nil || n > 0 {
					c.Errorf("%s: %d %v", table, n, err)
				}
			}
		}
	})
}

// Tokens (I12, I11): scoped, expiring, dying with their owner's right, pending when they read cases.
func TestTokens(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		here := netip.MustParseAddr("192.0.2.9")
		lea := c.create(ctx, c.root, "lea@cert.example", "", access.Lead)
		lead := c.as(lea)
		ana, err := c.s.ConfirmRole(ctx, lead, c.create(ctx, c.root, "ana@cert.example", "", access.Analyst).UID, access.Analyst)
		if err != nil {
			c.Fatal(err)
		}
		by := c.as(ana)
		tok, secret, err := c.s.CreateToken(ctx, by, account.NewToken{Name: "script", Role: access.Analyst, Owner: ana.UID, Scopes: []access.Right{access.ReadCases}, Networks: []string{"192.0.2.0/24"}})
		if err != nil || tok.State != account.Pending || !tok.ExpiresAt.Equal(c.Clock.Now().Add(account.TokenLife)) {
			c.Fatalf("%+v %v", tok, err)
		}
		_, err = c.s.ByToken(ctx, secret.Reveal(), here)
		c.refused(err, errs.Unauthenticated, "a pending token")
		c.refused(c.s.ConfirmToken(ctx, by, tok.UID), errs.Forbidden, "an analyst confirms")
		c.refused(c.s.ConfirmToken(ctx, c.root, tok.UID), errs.Forbidden, "an administrator confirms")
		if err := c.s.ConfirmToken(ctx, lead, tok.UID); err != nil {
			c.Fatal(err)
		}
		who, err := c.s.ByToken(ctx, secret.Reveal(), here)
		if err != nil || who.Account != ana.ID || !who.Can(access.ReadCases) || who.Can(access.Triage) || who.Origin != access.ByAPI {
			c.Errorf("%+v %v", who, err)
		}
		c.refused(who.NeedFresh(c.Clock.Now()), errs.Unauthenticated, "a token proves nothing freshly (I5)")
		_, _, err = c.s.BySession(ctx, account.Desk, secret.Reveal())
		c.refused(err, errs.Unauthenticated, "a token as a cookie")
		_, err = c.s.ByToken(ctx, secret.Reveal(), netip.MustParseAddr("198.51.100.1"))
		c.refused(err, errs.Unauthenticated, "from another network")
		list, err := c.s.Tokens(ctx, by, ana.UID)
		if err != nil || len(list) != 1 || list[0].UsedAt.IsZero() || len(list[0].Scopes) != 1 {
			c.Errorf("%+v %v", list, err)
		}
		// Not for what one is not, nor as somebody else, nor with no right at all.
		_, _, err = c.s.CreateToken(ctx, by, account.NewToken{Name: "x", Role: access.Lead, Owner: ana.UID})
		c.refused(err, errs.Invalid, "a role one has not")
		_, _, err = c.s.CreateToken(ctx, c.root, account.NewToken{Name: "x", Role: access.Analyst, Owner: ana.UID})
		c.refused(err, errs.NotFound, "an administrator as the analyst")
		_, _, err = c.s.CreateToken(ctx, by, account.NewToken{Name: "x", Role: access.Machine})
		c.refused(err, errs.Forbidden, "an analyst makes a machine")
		_, _, err = c.s.CreateToken(ctx, by, account.NewToken{Role: "king", Owner: ana.UID, Scopes: []access.Right{}, Life: -1, Networks: []string{"x"}})
		if len(errs.Fields(err)) != 5 {
			c.Errorf("%v", err)
		}
		tired := by
		tired.ProvedAt = time.Time{}
		_, _, err = c.s.CreateToken(ctx, tired, account.NewToken{Name: "x", Role: access.Analyst, Owner: ana.UID})
		c.refused(err, errs.Unauthenticated, "without fresh proof")
		// The command line mints for machines; one that files reports works at once, one that reads waits.
		o := c.organisation(ctx)
		_, files, err := c.s.CreateToken(ctx, c.setup, account.NewToken{Name: "sensor", Role: access.Machine})
		if err != nil {
			c.Fatal(err)
		}
		if who, err = c.s.ByToken(ctx, files.Reveal(), here); err != nil || !who.Can(access.FileReport) || who.Account == 0 {
			c.Errorf("%+v %v", who, err)
		}
		for _, r := range []access.Role{access.Analyst, access.Auditor, access.Lead} {
			if tok, _, err = c.s.CreateToken(ctx, c.setup, account.NewToken{Name: "reader", Role: r}); err != nil || tok.State != account.Pending {
				c.Errorf("%s: %+v %v", r, tok, err)
			}
		}
		tok, party, err := c.s.CreateToken(ctx, c.setup, account.NewToken{Name: "hospital", Role: access.Constituent, Organisation: o.UID})
		if err != nil || tok.State != account.Pending {
			c.Errorf("%+v %v", tok, err)
		}
		if err := c.s.ConfirmToken(ctx, lead, tok.UID); err != nil {
			c.Fatal(err)
		}
		if who, err = c.s.ByToken(ctx, party.Reveal(), here); err != nil || len(who.Compartments) != 1 || who.Compartments[0] != o.Ref.ID {
			c.Errorf("%+v %v", who, err)
		}
		_, _, err = c.s.CreateToken(ctx, c.setup, account.NewToken{Name: "nobody's", Role: access.Constituent})
		c.refused(err, errs.Invalid, "a constituent of nobody")
		// A lead's own word is enough for its own token.
		if tok, _, err = c.s.CreateToken(ctx, lead, account.NewToken{Name: "mine", Role: access.Lead, Owner: lea.UID, Life: time.Hour}); err != nil || tok.State != account.Active {
			c.Errorf("%+v %v", tok, err)
		}
		// Ends: revoked, expired, role gone.
		if err := c.s.RevokeToken(ctx, c.root, tok.UID); err != nil {
			c.Error(err)
		}
		c.refused(c.s.RevokeToken(ctx, by, tok.UID), errs.NotFound, "revoked twice, by a stranger")
		if _, err := c.s.RevokeRole(ctx, c.root, ana.UID, access.Analyst); err != nil {
			c.Fatal(err)
		}
		_, err = c.s.ByToken(ctx, secret.Reveal(), here)
		c.refused(err, errs.Unauthenticated, "the role is gone")
		c.Clock.Advance(91 * 24 * time.Hour)
		_, err = c.s.ByToken(ctx, files.Reveal(), here)
		c.refused(err, errs.Unauthenticated, "an expired token")
	})
}

// Rule T6: one verb ends all that a leaver has.
func TestALeaverHasNothing(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		root2 := c.create(ctx, c.setup, "root2@cert.example", "", access.Admin)
		ana := c.create(ctx, c.root, "ana@cert.example", "", access.Analyst)
		_, secret, err := c.s.CreateToken(ctx, c.as(ana), account.NewToken{Name: "script", Role: access.Analyst, Owner: ana.UID})
		if err != nil {
			c.Fatal(err)
		}
		in := c.signIn(ctx, desk("192.0.2.1"), "ana@cert.example")
		o := c.organisation(ctx)
		if _, err := c.DB.Exec(ctx, `INSERT INTO access_grant (account, object, kind, granted_by, granted_at) VALUES ($1, $2, $3, 1, $4)`, ana.ID, o.Ref.ID, int64(ref.Organisation), c.Clock.Now()); err != nil {
			c.Fatal(err)
		}
		_, err = c.s.Disable(ctx, c.root, c.me(ctx, c.root))
		c.refused(err, errs.Conflict, "oneself")
		gone, err := c.s.Disable(ctx, c.root, ana.UID)
		if err != nil || gone.Active || len(gone.Roles) != 0 {
			c.Fatalf("%+v %v", gone, err)
		}
		_, _, err = c.s.BySession(ctx, account.Desk, in.Secret.Reveal())
		c.refused(err, errs.Unauthenticated, "session")
		_, err = c.s.ByToken(ctx, secret.Reveal(), netip.Addr{})
		c.refused(err, errs.Unauthenticated, "token")
		from := desk("192.0.2.1")
		from.Known = in.Known.Reveal()
		_, err = c.s.SignIn(ctx, from, account.Credentials{Email: "ana@cert.example", Password: password})
		c.refused(err, errs.Unauthenticated, "password")
		var n int64
		if err := c.DB.QueryRow(ctx, `SELECT COUNT(*) FROM access_grant WHERE account = $1`, ana.ID).Scan(&n); err != nil || n != 0 {
			c.Errorf("%d grants left: %v", n, err)
		}
		back, err := c.s.Enable(ctx, c.root, ana.UID)
		if err != nil || !back.Active || len(back.Roles) != 0 {
			c.Errorf("%+v %v", back, err)
		}
		// What a leaving administrator gave and nobody confirmed ends too.
		c.create(ctx, c.root, "lea@cert.example", "", access.Lead)
		bob := c.create(ctx, c.as(root2), "bob@cert.example", "", access.Analyst)
		if _, err := c.s.Disable(ctx, c.root, root2.UID); err != nil {
			c.Fatal(err)
		}
		if bob, err = c.s.Get(ctx, c.DB, c.root, bob.UID); err != nil || len(bob.Roles) != 0 {
			c.Errorf("%+v %v", bob, err)
		}
		rows, err := c.Audit.About(ctx, c.DB, ana.ID, 0, 50)
		if err != nil || len(rows) < 4 {
			c.Errorf("%d records: %v", len(rows), err)
		}
	})
}

// The cost is what rule I2 says.
func TestTheCostOfAPassword(t *testing.T) {
	h := account.NewHasher(account.Memory, account.Passes)
	ctx := context.Background()
	hash, err := h.Make(ctx, password)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=1$") {
		t.Fatalf("%q %v", hash, err)
	}
	if ok, err := h.Check(ctx, password, hash); !ok || err != nil {
		t.Error(ok, err)
	}
	for _, bad := range []string{"", "x", "$argon2id$v=19$m=99999999,t=3,p=1$AA$AA"} {
		if ok, _ := h.Check(ctx, password, bad); ok {
			t.Errorf("%q is right", bad)
		}
	}
}

// Rule I3: a whole network is a counter too. Whoever tries from many addresses of one, each below the limit of its own, is slowed with everybody
// there who is not known; elsewhere, and from a known browser, one signs in.
func TestAWholeNetworkIsACounter(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		c.create(ctx, c.root, "ana@cert.example", "", access.Analyst)
		known := c.signIn(ctx, desk("203.0.113.250"), "ana@cert.example").Known.Reveal()
		try := func(addr, name string) error {
			_, err := c.s.SignIn(ctx, desk(addr), account.Credentials{Email: name, Password: "something else"})
			return err
		}
		for _, network := range []string{"203.0.113.%d", "2001:db8:7:%x::1"} { // a /24, a /48
			for i := range 120 {
				c.refused(try(fmt.Sprintf(network, i%8+1), fmt.Sprintf("n%d@%d.example", i, len(network))), errs.Unauthenticated, "within the limit")
			}
			c.refused(try(fmt.Sprintf(network, 99), "fresh@cert.example"), errs.Limit, "the 121st of "+network)
		}
		_, err := c.s.SignIn(ctx, desk("203.0.113.99"), account.Credentials{Email: "ana@cert.example", Password: password})
		c.refused(err, errs.Limit, "the right password, from there, by an unknown browser")
		from := desk("203.0.113.99")
		from.Known = known
		if _, err := c.s.SignIn(ctx, from, account.Credentials{Email: "ana@cert.example", Password: password}); err != nil {
			c.Errorf("a known browser: %v", err)
		}
		c.signIn(ctx, desk("198.51.100.7"), "ana@cert.example")
		c.Clock.Advance(16 * time.Minute)
		c.refused(try("203.0.113.99", "fresh@cert.example"), errs.Unauthenticated, "a quarter of an hour later")
	})
}

// Rule I10, generated from the table of rights: for each role that acts, each role of whom it acts on, in the own organisation, in another and in
// the team. Only who manages accounts manages others at all; an organisation's administrator manages its own people who have no right that it
// lacks; and nobody makes somebody who may at once more than they, nor reads cases because an administrator alone said so.
func TestTheLatticeOfManaging(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		sample := access.System("sample")
		can := func(r access.Role, right access.Right) bool {
			return access.Actor{Account: 1, Roles: []access.Role{r}}.Can(right)
		}
		within := func(r, of access.Role) bool {
			for _, right := range access.AllRights() {
				if can(r, right) && !can(of, right) {
					return false
				}
			}
			return true
		}
		orgs := map[string]string{"own": c.organisation(ctx).UID, "other": c.organisation(ctx).UID, "team": ""}
		n := 0
		make1 := func(by access.Actor, org string, r access.Role) (account.Account, error) {
			n++
			a, _, err := c.s.Create(ctx, by, account.NewAccount{Email: fmt.Sprintf("p%d@lattice.example", n), Name: "Somebody", Organisation: org, Roles: []access.Role{r}, Password: password})
			return a, err
		}
		type target struct {
			where string
			role  access.Role
			account.Account
		}
		var targets []target
		for where, org := range orgs {
			for _, r := range access.AllRoles {
				if a, err := make1(sample, org, r); err == nil { // a role of the team has no organisation, and the other way round
					targets = append(targets, target{where, r, a})
				}
			}
		}
		if len(targets) < 14 {
			c.Fatalf("only %d people", len(targets))
		}
		for _, giver := range access.AllRoles {
			where := "own"
			a, err := make1(sample, orgs["own"], giver)
			if err != nil {
				where = "team"
				a, err = make1(sample, "", giver)
			}
			if giver == access.Machine {
				continue
			}
			if err != nil {
				c.Fatal(err)
			}
			by := c.as(a)
			for _, x := range targets {
				manages := can(giver, access.ManageAccounts) || can(giver, access.OwnPeople) && where == "own" && x.where == "own" && within(x.role, giver)
				what := fmt.Sprintf("%s of the %s on %s of the %s", giver, where, x.role, x.where)
				_, e1 := c.s.Edit(ctx, by, x.UID, account.Change{Name: "Somebody", Lang: "en"})
				e2 := c.s.RevokeAll(ctx, by, x.UID, "")
				_, e3 := c.s.GrantRole(ctx, by, x.UID, x.role) // what it has: nothing changes
				for i, err := range []error{e1, e2, e3} {
					switch {
					case manages && err != nil:
						c.Errorf("%s, verb %d: %v", what, i, err)
					case !manages && !errs.Is(err, errs.NotFound) && !errs.Is(err, errs.Forbidden):
						c.Errorf("%s, verb %d: %v", what, i, err)
					}
				}
				made, err := make1(by, orgs[x.where], x.role)
				if x.where == "team" && can(giver, access.OwnPeople) { // who names no organisation means its own
					manages = within(x.role, giver)
				}
				if manages != (err == nil) {
					c.Errorf("%s: makes one like it: %v", what, err)
				}
				if err != nil {
					continue
				}
				if !can(giver, access.ManageAccounts) && made.Organisation != a.Organisation {
					c.Errorf("%s: makes somebody of another organisation", what)
				}
				for _, right := range []access.Right{access.ReadCases, access.WorkCases, access.Approve, access.OwnCases, access.ReadGranted} {
					if can(giver, access.ManageAccounts) && can(x.role, right) && made.Has(x.role) {
						c.Errorf("%s: its new %s reads cases at once", what, x.role)
					}
				}
			}
		}
	})
}
