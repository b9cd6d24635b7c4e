package account_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
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
