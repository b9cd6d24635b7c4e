package account_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

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
