package account_test

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// thread is an object in the compartment of an organisation.
func (c *team) thread(ctx context.Context, organisation int64, exercise bool) int64 {
	c.Helper()
	o := access.Object{Ref: ref.Ref{Kind: ref.Thread}, Realm: access.Team, TLP: tlp.Amber, Compartment: organisation, Exercise: exercise}
	if err := c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return access.Protect(ctx, tx, &o, c.Clock.Now()) }); err != nil {
		c.Fatal(err)
	}
	return o.Ref.ID
}

func (c *team) news(ctx context.Context, thread int64, kind account.News) (names []string) {
	c.Helper()
	err := c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		list, err := c.s.NewsTx(ctx, tx, thread, kind)
		names = nil
		for _, a := range list {
			names = append(names, a.Email)
			if err == nil {
				err = c.s.ToldTx(ctx, tx, a.ID)
			}
		}
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	return names
}

func (c *team) day(ctx context.Context) (names []string) {
	c.Helper()
	err := c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		list, err := c.s.NewsOfTheDay(ctx, tx, time.UTC)
		names = nil
		for _, a := range list {
			names = append(names, a.Email)
			if err == nil {
				err = c.s.ToldTx(ctx, tx, a.ID)
			}
		}
		return err
	})
	if err != nil {
		c.Fatal(err)
	}
	return names
}

// Each person is told as it chose, of its own organisation alone, once a day in its own morning, and not of what it has looked at since.
func TestPeopleAreToldAsTheyChose(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		hospital, rui, ruis := c.keeper(ctx, "rui@hospital.example")
		_, ines, _ := c.keeper(ctx, "ines@bank.example")
		eva := c.create(ctx, rui, "eva@hospital.example", "", access.Constituent)
		for _, bad := range []account.Settings{
			{Lang: "xx"},
			{Lang: "en", Zone: "Mars/Olympus"},
			{Lang: "en", Zone: "../../etc/passwd"},
			{Lang: "en", News: map[account.News]account.Often{"everything": account.Daily}},
			{Lang: "en", News: map[account.News]account.Often{account.Asked: 7}},
			{Lang: "en", News: map[account.News]account.Often{account.Asked: -1}},
		} {
			c.refused(c.s.SaveSettings(ctx, rui, bad), errs.Invalid, "settings")
		}
		save := func(by access.Actor, in account.Settings) {
			c.Helper()
			if err := c.s.SaveSettings(ctx, by, in); err != nil {
				t.Fatal(err)
			}
		}
		save(rui, account.Settings{Lang: "pt", Zone: "Europe/Helsinki", News: map[account.News]account.Often{account.Asked: account.AtOnce, account.Stands: account.Daily}})
		save(c.as(eva), account.Settings{Lang: "en", News: map[account.News]account.Often{account.Asked: account.Daily}})
		save(ines, account.Settings{Lang: "en", News: map[account.News]account.Often{account.Asked: account.AtOnce}})
		save(c.root, account.Settings{Lang: "en", News: map[account.News]account.Often{account.Asked: account.AtOnce}}) // the team has its own notices
		got, err := c.s.OwnSettings(ctx, c.DB, rui)
		if err != nil || got.Lang != "pt" || got.Zone != "Europe/Helsinki" || got.News[account.Asked] != account.AtOnce || got.News[account.Written] != account.Never {
			t.Errorf("%+v %v", got, err)
		}
		in, err := c.s.SignIn(ctx, portalDoor("192.0.2.1"), account.Credentials{Email: "rui@hospital.example", Password: password})
		if err != nil {
			t.Fatal(err)
		}
		if by, _, err := c.s.BySession(ctx, account.Portal, in.Secret.Reveal()); err != nil || by.Lang != "pt" || by.Zone == nil || by.Zone.String() != "Europe/Helsinki" {
			t.Errorf("%+v %v", by, err)
		}
		th := c.thread(ctx, hospital.Ref.ID, false)
		if got := c.news(ctx, th, account.Asked); len(got) != 1 || got[0] != "rui@hospital.example" {
			t.Errorf("at once: %v", got)
		}
		for _, kind := range []account.News{account.Written, "nothing"} {
			if got := c.news(ctx, th, kind); len(got) != 0 {
				t.Errorf("%s: %v", kind, got)
			}
		}
		if got := c.news(ctx, c.thread(ctx, hospital.Ref.ID, true), account.Asked); len(got) != 0 {
			t.Errorf("an exercise: %v", got)
		}
		if got := c.news(ctx, c.thread(ctx, 0, false), account.Asked); len(got) != 0 {
			t.Errorf("a thread of nobody: %v", got)
		}
		// The clock stands at midday: Eva's letter of the day leaves, once.
		if got := c.day(ctx); len(got) != 1 || got[0] != "eva@hospital.example" {
			t.Errorf("the day: %v", got)
		}
		c.news(ctx, th, account.Asked)
		if got := c.day(ctx); len(got) != 0 {
			t.Errorf("twice a day: %v", got)
		}
		// Rui was told at once today; what comes now waits for his morning, which is earlier than Eva's.
		c.news(ctx, th, account.Stands)
		at := c.Clock.Now().UTC().Truncate(24 * time.Hour).Add(24*time.Hour + 5*time.Hour + 30*time.Minute)
		c.Clock.Advance(at.Sub(c.Clock.Now()))
		if got := c.day(ctx); len(got) != 1 || got[0] != "rui@hospital.example" {
			t.Errorf("half past five at UTC: %v", got)
		}
		c.Clock.Advance(2 * time.Hour)
		if got := c.day(ctx); len(got) != 1 || got[0] != "eva@hospital.example" {
			t.Errorf("half past seven at UTC: %v", got)
		}
		// Who has looked since need not be told; who left is not.
		c.Clock.Advance(time.Hour)
		c.news(ctx, th, account.Stands)
		c.news(ctx, th, account.Asked)
		c.Clock.Advance(24 * time.Hour)
		if _, err = c.s.SignIn(ctx, portalDoor("192.0.2.1"), account.Credentials{Email: "rui@hospital.example", Password: password}); err != nil {
			t.Fatal(err)
		}
		rui.ProvedAt = c.Clock.Now()
		if _, err := c.s.Disable(ctx, rui, eva.UID); err != nil {
			t.Fatal(err)
		}
		if got := c.day(ctx); len(got) != 0 {
			t.Errorf("after a look, and after leaving: %v", got)
		}
		_ = ruis
	})
}
