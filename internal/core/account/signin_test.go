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
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

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
