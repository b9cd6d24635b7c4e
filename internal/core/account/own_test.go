package account_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// posted is a letter that was asked for.
type posted struct {
	to     account.Account
	letter account.Letter
}

// posting lets letters be written, and keeps them.
func (c *team) posting() *[]posted {
	var list []posted
	c.s.Post = func(_ context.Context, _ *db.Tx, a account.Account, l account.Letter) error {
		list = append(list, posted{a, l})
		return nil
	}
	return &list
}

// keeper is an organisation with its administrator.
func (c *team) keeper(ctx context.Context, email string) (access.Object, access.Actor, account.Account) {
	c.Helper()
	o := c.organisation(ctx)
	a := c.create(ctx, access.System("sample"), email, o.UID, access.ConstituentAdmin)
	return o, c.as(a), a
}

func portalDoor(address string) account.From {
	return account.From{Door: account.Portal, Address: netip.MustParseAddr(address)}
}

// A letter asks somebody in, its link works once, and it is sent again or withdrawn until its person has come.
func TestAnInvitationByLetter(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		letters := c.posting()
		o, rui, _ := c.keeper(ctx, "rui@hospital.example")
		eva, err := c.s.Invite(ctx, rui, account.Invitation{Email: "Eva@Hospital.example", Name: "Eva Reis", Lang: "pt", Role: access.Constituent})
		if err != nil || eva.Organisation != o.Ref.ID || !eva.Has(access.Constituent) || len(*letters) != 1 || (*letters)[0].letter != account.InvitationLetter {
			t.Fatalf("%+v %v %v", eva, *letters, err)
		}
		first := c.opening(ctx, eva.ID)
		_, err = c.s.Invite(ctx, rui, account.Invitation{Email: "eva@hospital.example", Name: "Eva", Role: access.Constituent})
		c.refused(err, errs.Invalid, "the same address twice")
		// Nobody signs in with the address before its person has come.
		_, err = c.s.SignIn(ctx, portalDoor("192.0.2.1"), account.Credentials{Email: "eva@hospital.example", Password: password})
		c.refused(err, errs.Unauthenticated, "sign-in before")
		c.Clock.Advance(time.Hour)
		rui.ProvedAt = c.Clock.Now()
		if _, err := c.s.InviteAgain(ctx, rui, eva.UID); err != nil {
			t.Fatal(err)
		}
		second := c.opening(ctx, eva.ID)
		c.refused(c.s.SetByLink(ctx, first, password), errs.NotFound, "the first link after the second")
		list, err := c.s.OwnPeople(ctx, c.DB, rui)
		if err != nil || len(list) != 2 || list[0].Invited == nil && list[1].Invited == nil {
			t.Fatalf("%+v %v", list, err)
		}
		// Eight days later the link is dead and says so in the list; a third letter lives.
		c.Clock.Advance(8 * 24 * time.Hour)
		rui.ProvedAt = c.Clock.Now()
		c.refused(c.s.SetByLink(ctx, second, password), errs.NotFound, "an old link")
		if p, err := c.s.OwnPerson(ctx, c.DB, rui, eva.UID); err != nil || p.Invited == nil || !p.Invited.Until.IsZero() {
			t.Errorf("%+v %v", p.Invited, err)
		}
		if _, err := c.s.InviteAgain(ctx, rui, eva.UID); err != nil {
			t.Fatal(err)
		}
		third := c.opening(ctx, eva.ID)
		if err := c.s.SetByLink(ctx, third, password); err != nil {
			t.Fatal(err)
		}
		c.refused(c.s.SetByLink(ctx, third, password), errs.NotFound, "twice")
		if in, err := c.s.SignIn(ctx, portalDoor("192.0.2.1"), account.Credentials{Email: "EVA@hospital.example", Password: password}); err != nil || in.Account.ID != eva.ID {
			t.Errorf("%+v %v", in, err)
		}
		c.refused(c.s.WithdrawInvitation(ctx, rui, eva.UID), errs.Conflict, "withdrawn after she came")
		_, err = c.s.InviteAgain(ctx, rui, eva.UID)
		c.refused(err, errs.Conflict, "again after she came")
		// A withdrawn one is dead at once; asked again later, it is the same account.
		zoe, err := c.s.Invite(ctx, rui, account.Invitation{Email: "zoe@hospital.example", Name: "Zoe", Role: access.ConstituentAdmin})
		if err != nil {
			t.Fatal(err)
		}
		link := c.opening(ctx, zoe.ID)
		if err := c.s.WithdrawInvitation(ctx, rui, zoe.UID); err != nil {
			t.Fatal(err)
		}
		c.refused(c.s.SetByLink(ctx, link, password), errs.NotFound, "withdrawn")
		if _, _, err := c.s.Opening(ctx, c.DB, zoe.ID); !errs.Is(err, errs.NotFound) {
			t.Errorf("a withdrawn invitation still has a link to send: %v", err)
		}
		again, err := c.s.Invite(ctx, rui, account.Invitation{Email: "zoe@hospital.example", Name: "Zoe Pais", Role: access.Constituent})
		if err != nil || again.ID != zoe.ID || !again.Has(access.Constituent) || again.Has(access.ConstituentAdmin) {
			t.Errorf("%+v %v", again, err)
		}
	})
}

func (c *team) opening(ctx context.Context, of int64) string {
	c.Helper()
	_, secret, err := c.s.Opening(ctx, c.DB, of)
	if err != nil {
		c.Fatal(err)
	}
	return secret.Reveal()
}

// An address that signs in elsewhere is answered like any other (rule A13); only who holds the letter learns of it, and nothing is taken over (I10).
func TestAnInvitationTellsNothingOfOthers(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		c.posting()
		_, rui, _ := c.keeper(ctx, "rui@hospital.example")
		_, _, ines := c.keeper(ctx, "ines@bank.example")
		fresh, err := c.s.Invite(ctx, rui, account.Invitation{Email: "new@hospital.example", Name: "New", Role: access.Constituent})
		if err != nil {
			t.Fatal(err)
		}
		for _, email := range []string{"ines@bank.example", "root@cert.example"} {
			a, err := c.s.Invite(ctx, rui, account.Invitation{Email: email, Name: "New", Role: access.Constituent})
			if err != nil || len(a.Roles) != len(fresh.Roles) || a.TwoFactor || !a.SeenAt.IsZero() || a.ID == ines.ID {
				t.Fatalf("%s: %+v %v", email, a, err)
			}
			c.refused(c.s.SetByLink(ctx, c.opening(ctx, a.ID), password+" of another"), errs.Conflict, "the letter of "+email)
			if p, err := c.s.OwnPerson(ctx, c.DB, rui, a.UID); err != nil || p.Invited == nil || p.Invited.Until.IsZero() {
				t.Errorf("%s: the list tells that it was refused: %+v %v", email, p.Invited, err)
			}
			if _, err := c.s.SignIn(ctx, account.From{Doors: []account.Door{account.Desk, account.Portal}, Address: netip.MustParseAddr("192.0.2.9")}, account.Credentials{Email: email, Password: password}); err != nil {
				t.Errorf("%s no longer signs in: %v", email, err)
			}
		}
		// Two organisations ask the same stranger: whoever is answered first has the address.
		_, bea, _ := c.keeper(ctx, "bea@port.example")
		a, err := c.s.Invite(ctx, rui, account.Invitation{Email: "guest@x.example", Name: "G", Role: access.Constituent})
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.s.Invite(ctx, bea, account.Invitation{Email: "guest@x.example", Name: "G", Role: access.Constituent})
		if err != nil {
			t.Fatal(err)
		}
		results := make([]error, 2)
		var wg sync.WaitGroup
		for i, link := range []string{c.opening(ctx, a.ID), c.opening(ctx, b.ID)} {
			wg.Go(func() { results[i] = c.s.SetByLink(ctx, link, password) })
		}
		wg.Wait()
		if (results[0] == nil) == (results[1] == nil) || !errs.Is(results[0], errs.Conflict) && !errs.Is(results[1], errs.Conflict) {
			t.Errorf("two at once: %v, %v", results[0], results[1])
		}
	})
}

// People of others, and wider ones, do not exist for any verb; nobody gives what they lack; everything asks for a fresh proof but ending (rules I5, I10).
func TestKeepingOwnPeopleStaysInside(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		c.posting()
		hospital, rui, _ := c.keeper(ctx, "rui@hospital.example")
		_, bea, ines := c.keeper(ctx, "ines@bank.example")
		own := c.create(ctx, rui, "eva@hospital.example", "", access.Constituent)
		wider := c.create(ctx, access.System("sample"), "lia@hospital.example", hospital.UID, access.Liaison)
		key, _, err := c.s.CreateKey(ctx, bea, account.NewKey{Name: "Their key", Scopes: []access.Right{access.OwnCases}})
		if err != nil {
			t.Fatal(err)
		}
		for what, uid := range map[string]string{"another's": ines.UID, "a wider": wider.UID, "the administrator": c.me(ctx, c.root), "nobody": "x"} {
			_, e1 := c.s.OwnPerson(ctx, c.DB, rui, uid)
			_, e2 := c.s.InviteAgain(ctx, rui, uid)
			_, e3 := c.s.SetRole(ctx, rui, uid, access.Constituent)
			_, e4 := c.s.SendReset(ctx, rui, uid)
			for i, err := range []error{e1, e2, e3, e4, c.s.WithdrawInvitation(ctx, rui, uid)} {
				if !errs.Is(err, errs.NotFound) {
					t.Errorf("%s, verb %d: %v", what, i+1, err)
				}
			}
		}
		c.refused(c.s.EndKey(ctx, rui, key.UID), errs.NotFound, "another's key")
		if list, err := c.s.OwnKeys(ctx, c.DB, rui); err != nil || len(list) != 0 {
			t.Errorf("keys of others: %v %v", list, err)
		}
		list, err := c.s.OwnPeople(ctx, c.DB, rui)
		if err != nil || len(list) != 2 || slices.ContainsFunc(list, func(x account.Own) bool { return x.ID == wider.ID || x.ID == ines.ID }) {
			t.Errorf("%v %v", list, err)
		}
		for _, r := range []access.Role{access.Analyst, access.Lead, access.Admin, access.Liaison, access.Peer, access.Reporter, access.Machine, "king"} {
			if _, err := c.s.Invite(ctx, rui, account.Invitation{Email: "y@hospital.example", Name: "Y", Role: r}); !errs.Is(err, errs.Invalid) {
				t.Errorf("invites a %s: %v", r, err)
			}
			if _, err := c.s.SetRole(ctx, rui, own.UID, r); !errs.Is(err, errs.Invalid) {
				t.Errorf("makes a %s: %v", r, err)
			}
		}
		plain, tired := c.as(own), rui
		tired.ProvedAt = c.Clock.Now().Add(-time.Hour)
		for name, verb := range map[string]func(access.Actor) error{
			"invite": func(by access.Actor) error {
				_, err := c.s.Invite(ctx, by, account.Invitation{Email: "z@hospital.example", Name: "Z", Role: access.Constituent})
				return err
			},
			"again": func(by access.Actor) error { _, err := c.s.InviteAgain(ctx, by, own.UID); return err },
			"role": func(by access.Actor) error {
				_, err := c.s.SetRole(ctx, by, own.UID, access.ConstituentAdmin)
				return err
			},
			"reset": func(by access.Actor) error { _, err := c.s.SendReset(ctx, by, own.UID); return err },
			"rule":  func(by access.Actor) error { return c.s.RequireFactor(ctx, by, true) },
			"key": func(by access.Actor) error {
				_, _, err := c.s.CreateKey(ctx, by, account.NewKey{Name: "K", Scopes: []access.Right{access.OwnCases}})
				return err
			},
		} {
			c.refused(verb(tired), errs.Unauthenticated, name+" without a fresh proof")
			c.refused(verb(plain), errs.Forbidden, name+" by a constituent")
			c.refused(verb(c.root), errs.Forbidden, name+" by the team's administrator")
		}
		for name, list := range map[string]func(access.Actor) error{
			"people": func(by access.Actor) error { _, err := c.s.OwnPeople(ctx, c.DB, by); return err },
			"keys":   func(by access.Actor) error { _, err := c.s.OwnKeys(ctx, c.DB, by); return err },
			"rule":   func(by access.Actor) error { _, err := c.s.OwnRule(ctx, c.DB, by); return err },
		} {
			c.refused(list(plain), errs.Forbidden, name+" read by a constituent")
		}
	})
}

// The last administrator stays one, whoever acts at the same moment; the team can end it, for it can make another.
func TestTheLastKeeperStays(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		letters := c.posting()
		o, rui, ruis := c.keeper(ctx, "rui@hospital.example")
		_, err := c.s.SetRole(ctx, rui, ruis.UID, access.Constituent)
		c.refused(err, errs.Conflict, "the only one steps down")
		_, err = c.s.RevokeRole(ctx, rui, ruis.UID, access.ConstituentAdmin)
		c.refused(err, errs.Conflict, "the only one by the older verb")
		// One who is only invited is none yet.
		zoe, err := c.s.Invite(ctx, rui, account.Invitation{Email: "zoe@hospital.example", Name: "Zoe", Role: access.ConstituentAdmin})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.s.SetRole(ctx, rui, ruis.UID, access.Constituent)
		c.refused(err, errs.Conflict, "with somebody who has not come")
		if err := c.s.SetByLink(ctx, c.opening(ctx, zoe.ID), password); err != nil {
			t.Fatal(err)
		}
		zoe, err = c.s.Get(ctx, c.DB, c.root, zoe.UID)
		if err != nil {
			t.Fatal(err)
		}
		// Two who end each other at the same moment: one stays.
		zoes := c.as(zoe)
		results := make([]error, 2)
		var wg sync.WaitGroup
		wg.Go(func() { _, results[0] = c.s.Disable(ctx, rui, zoe.UID) })
		wg.Go(func() { _, results[1] = c.s.Disable(ctx, zoes, ruis.UID) })
		wg.Wait()
		if (results[0] == nil) == (results[1] == nil) {
			t.Errorf("two at once: %v, %v", results[0], results[1])
		}
		stays, left := rui, zoe
		if results[1] == nil {
			stays, left = zoes, ruis
		}
		// Who left comes back only by an invitation, to the same account.
		back, err := c.s.Invite(ctx, stays, account.Invitation{Email: left.Email, Name: left.Name, Role: access.ConstituentAdmin})
		if err != nil || back.ID != left.ID {
			t.Fatalf("%+v %v", back, err)
		}
		if (*letters)[len(*letters)-1].to.ID != left.ID {
			t.Error("no letter")
		}
		if _, err := c.s.Disable(ctx, c.root, c.me(ctx, stays)); err != nil {
			t.Errorf("the team ends the last: %v", err)
		}
		// What a leaver has asked others to is over with him.
		if _, _, err := c.s.Opening(ctx, c.DB, back.ID); !errs.Is(err, errs.NotFound) {
			t.Errorf("a leaver's invitation lives: %v", err)
		}
		if a, err := c.s.Get(ctx, c.DB, c.root, back.UID); err != nil || a.Active {
			t.Errorf("%+v %v", a, err)
		}
		_ = o
	})
}

// An organisation asks a second factor of all: who has none sees nothing and does nothing until it is set up, by page and by token, at once.
func TestAnOrganisationAsksForASecondFactor(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		c.posting()
		_, rui, ruis := c.keeper(ctx, "rui@hospital.example")
		eva := c.create(ctx, rui, "eva@hospital.example", "", access.Constituent)
		evas := c.as(eva)
		_, token, err := c.s.CreateToken(ctx, evas, account.NewToken{Name: "script", Role: access.Constituent, Owner: eva.UID})
		if err != nil {
			t.Fatal(err)
		}
		in, err := c.s.SignIn(ctx, portalDoor("192.0.2.1"), account.Credentials{Email: eva.Email, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		c.refused(c.s.RequireFactor(ctx, rui, true), errs.Conflict, "asked by one who has none")
		c.enrol(ctx, rui)
		if err := c.s.RequireFactor(ctx, rui, true); err != nil {
			t.Fatal(err)
		}
		by, _, err := c.s.BySession(ctx, account.Portal, in.Secret.Reveal())
		if err != nil || !by.Owes || len(by.Roles) != 0 || len(by.Compartments) != 0 || by.Can(access.OwnCases) {
			t.Errorf("%+v %v", by, err)
		}
		_, err = c.s.ByToken(ctx, token.Reveal(), netip.MustParseAddr("192.0.2.1"))
		c.refused(err, errs.Unauthenticated, "a token of who owes a factor")
		c.enrol(ctx, by)
		if by, _, err = c.s.BySession(ctx, account.Portal, in.Secret.Reveal()); err != nil || by.Owes || !by.Can(access.OwnCases) {
			t.Errorf("%+v %v", by, err)
		}
		if _, err := c.s.ByToken(ctx, token.Reveal(), netip.MustParseAddr("192.0.2.1")); err != nil {
			t.Error(err)
		}
		// Nobody else's people are asked.
		_, _, ines := c.keeper(ctx, "ines@bank.example")
		if in, err = c.s.SignIn(ctx, portalDoor("192.0.2.2"), account.Credentials{Email: ines.Email, Password: password}); err != nil {
			t.Fatal(err)
		}
		if by, _, err = c.s.BySession(ctx, account.Portal, in.Secret.Reveal()); err != nil || by.Owes || !by.Can(access.OwnPeople) {
			t.Errorf("%+v %v", by, err)
		}
		if err := c.s.RequireFactor(ctx, rui, false); err != nil {
			t.Fatal(err)
		}
		if r, err := c.s.OwnRule(ctx, c.DB, rui); err != nil || r.Factor || r.By != ruis.ID {
			t.Errorf("%+v %v", r, err)
		}
	})
}

// A reset by letter ends the password and the sessions, and its link is seen by nobody but the reader.
func TestAResetByLetter(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		letters := c.posting()
		_, rui, _ := c.keeper(ctx, "rui@hospital.example")
		eva := c.create(ctx, rui, "eva@hospital.example", "", access.Constituent)
		in, err := c.s.SignIn(ctx, portalDoor("192.0.2.1"), account.Credentials{Email: eva.Email, Password: password})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.s.SendReset(ctx, rui, eva.UID); err != nil || (*letters)[0].letter != account.PasswordLetter {
			t.Fatal(err, *letters)
		}
		_, _, err = c.s.BySession(ctx, account.Portal, in.Secret.Reveal())
		c.refused(err, errs.Unauthenticated, "a session after the reset")
		link := c.opening(ctx, eva.ID)
		c.Clock.Advance(account.ResetFor + time.Second)
		c.refused(c.s.SetByLink(ctx, link, password), errs.NotFound, "after its time")
		// A link that was shown by the desk replaces the letter's: there is one.
		rui.ProvedAt = c.Clock.Now()
		if _, err := c.s.SendReset(ctx, rui, eva.UID); err != nil {
			t.Fatal(err)
		}
		link = c.opening(ctx, eva.ID)
		c.root.ProvedAt = c.Clock.Now()
		if _, err := c.s.ResetPassword(ctx, c.root, eva.UID); err != nil {
			t.Fatal(err)
		}
		c.refused(c.s.SetByLink(ctx, link, password), errs.NotFound, "the letter's after the one that was shown")
		if _, _, err := c.s.Opening(ctx, c.DB, eva.ID); !errs.Is(err, errs.NotFound) {
			t.Errorf("a link that was shown leaves by letter: %v", err)
		}
	})
}

// Nobody writes to the world by us: an organisation has so many letters a day.
func TestLettersOfADay(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		c.posting()
		_, rui, _ := c.keeper(ctx, "rui@hospital.example")
		var err error
		n := 0
		for ; n < 60 && err == nil; n++ {
			_, err = c.s.Invite(ctx, rui, account.Invitation{Email: fmt.Sprintf("p%d@elsewhere.example", n), Name: "P", Role: access.Constituent})
		}
		if !errs.Is(err, errs.Limit) || n != 41 {
			t.Errorf("%d letters: %v", n, err)
		}
		list, err := c.s.OwnPeople(ctx, c.DB, rui)
		if err != nil || len(list) != 41 {
			t.Errorf("%d %v", len(list), err)
		}
		for _, x := range list {
			if x.Invited != nil {
				if err := c.s.WithdrawInvitation(ctx, rui, x.UID); err != nil {
					t.Fatal(err)
				}
			}
		}
		_, err = c.s.Invite(ctx, rui, account.Invitation{Email: "one@elsewhere.example", Name: "P", Role: access.Constituent})
		c.refused(err, errs.Limit, "after withdrawing all")
		c.Clock.Advance(25 * time.Hour)
		rui.ProvedAt = c.Clock.Now()
		if _, err = c.s.Invite(ctx, rui, account.Invitation{Email: "one@elsewhere.example", Name: "P", Role: access.Constituent}); err != nil {
			t.Error(err)
		}
	})
}

// A key of an organisation does what its scopes say, as the organisation and nobody of it, until it is ended or old.
func TestKeysOfAnOrganisation(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		o, rui, ruis := c.keeper(ctx, "rui@hospital.example")
		for _, bad := range []account.NewKey{
			{Name: "", Scopes: []access.Right{access.OwnCases}},
			{Name: "none"},
			{Name: "people", Scopes: []access.Right{access.OwnPeople}},
			{Name: "team", Scopes: []access.Right{access.ReadCases}},
			{Name: "long", Scopes: []access.Right{access.OwnCases}, Life: 400 * 24 * time.Hour},
			{Name: "net", Scopes: []access.Right{access.OwnCases}, Networks: []string{"anywhere"}},
		} {
			_, _, err := c.s.CreateKey(ctx, rui, bad)
			c.refused(err, errs.Invalid, "key "+bad.Name)
		}
		k, secret, err := c.s.CreateKey(ctx, rui, account.NewKey{Name: "SIEM", Scopes: []access.Right{access.OwnCases}, Networks: []string{"192.0.2.0/24"}, Life: 30 * 24 * time.Hour})
		if err != nil || k.State != account.Active || k.CreatedBy != ruis.ID {
			t.Fatalf("%+v %v", k, err)
		}
		by, err := c.s.ByToken(ctx, secret.Reveal(), netip.MustParseAddr("192.0.2.7"))
		if err != nil || by.Organisation != o.Ref.ID || !by.Can(access.OwnCases) || by.Can(access.FileReport) || by.Can(access.OwnPeople) || by.NeedFresh(c.Clock.Now()) == nil {
			t.Errorf("%+v %v", by, err)
		}
		_, err = c.s.ByToken(ctx, secret.Reveal(), netip.MustParseAddr("198.51.100.7"))
		c.refused(err, errs.Unauthenticated, "from elsewhere")
		// A key makes no keys and asks nobody in.
		_, _, err = c.s.CreateKey(ctx, by, account.NewKey{Name: "child", Scopes: []access.Right{access.OwnCases}})
		c.refused(err, errs.Forbidden, "a key makes a key")
		list, err := c.s.OwnKeys(ctx, c.DB, rui)
		if err != nil || len(list) != 1 || list[0].UsedAt.IsZero() {
			t.Errorf("%+v %v", list, err)
		}
		if people, err := c.s.OwnPeople(ctx, c.DB, rui); err != nil || len(people) != 1 {
			t.Errorf("a key is nobody's colleague: %v %v", people, err)
		}
		if err := c.s.EndKey(ctx, rui, k.UID); err != nil {
			t.Fatal(err)
		}
		_, err = c.s.ByToken(ctx, secret.Reveal(), netip.MustParseAddr("192.0.2.7"))
		c.refused(err, errs.Unauthenticated, "an ended key")
		c.refused(c.s.EndKey(ctx, rui, k.UID), errs.NotFound, "twice")
		for n := 0; ; n++ {
			if _, _, err = c.s.CreateKey(ctx, rui, account.NewKey{Name: fmt.Sprint("k", n), Scopes: []access.Right{access.OwnCases}}); err != nil {
				c.refused(err, errs.Limit, "too many keys")
				if n != 20 {
					t.Errorf("%d keys", n)
				}
				break
			}
		}
	})
}

// enrol sets up a second factor for somebody.
func (c *team) enrol(ctx context.Context, by access.Actor) (recovery []id.Secret) {
	c.Helper()
	e, err := c.s.EnrolTOTP(ctx, by)
	if err != nil {
		c.Fatal(err)
	}
	code, err := totp.GenerateCode(e.Secret.Reveal(), c.Clock.Now())
	if err == nil {
		recovery, err = c.s.ConfirmTOTP(ctx, by, code)
	}
	if err != nil {
		c.Fatal(err)
	}
	return recovery
}
