package constituency_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Rule P9: keys are offered, a person approves with the way it was checked, nothing is replaced silently.
func TestKeysAreOfferedAndApproved(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		o := c.organisation(ctx, "Bank")
		k := c.contact(ctx, o, "security", "cert@bank.example")
		stranger := c.organisation(ctx, "Shop")
		now := c.Clock.Now()
		finger := strings.Repeat("AB12", 10)
		offer := func(by access.Actor, cert, finger string) error {
			return c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				return c.s.OfferKeyTx(ctx, tx, by, k.ID, []byte(cert), finger, now.AddDate(1, 0, 0), "attached")
			})
		}
		keys := func(at time.Time) int {
			list, err := c.s.Keys(ctx, c.DB, k.ID, at)
			if err != nil {
				c.Fatal(err)
			}
			return len(list)
		}
		if err := offer(access.System("intake"), "first", strings.ToLower(finger)); err != nil {
			c.Fatal(err)
		}
		if keys(now) != 0 {
			c.Error("an offered key counts")
		}
		all, err := c.s.AllKeys(ctx, c.DB, k.ID)
		if err != nil || len(all) != 1 || all[0].Fingerprint != finger || all[0].State != constituency.Offered {
			c.Fatalf("%+v %v", all, err)
		}
		tired := c.analyst
		tired.ProvedAt = now.Add(-11 * time.Minute)
		_, err = c.s.ApproveKey(ctx, tired, all[0].UID, "read on the phone")
		c.refused(err, errs.Unauthenticated, "approval without fresh proof (I5)")
		_, err = c.s.ApproveKey(ctx, c.Person(5, "Adm", access.Admin), all[0].UID, "read on the phone")
		c.refused(err, errs.Forbidden, "approval by an administrator")
		_, err = c.s.ApproveKey(ctx, c.analyst, all[0].UID, "")
		c.refused(err, errs.Invalid, "approval without how")
		if _, err = c.s.ApproveKey(ctx, c.analyst, all[0].UID, "read on the phone"); err != nil {
			c.Fatal(err)
		}
		_, err = c.s.ApproveKey(ctx, c.analyst, all[0].UID, "again")
		c.refused(err, errs.Conflict, "approved twice")
		if keys(now) != 1 || keys(now.AddDate(2, 0, 0)) != 0 {
			c.Error("approved now, expired in two years")
		}
		_, past, err := c.s.KeysForEmail(ctx, c.DB, "CERT@bank.example")
		if err != nil || len(past) != 1 || !bytes.Equal(past[0].Certificate, []byte("first")) {
			c.Errorf("%v %v", past, err)
		}
		// The same certificate again, and a renewed one under the same fingerprint.
		if err := offer(access.System("intake"), "first", finger); err != nil {
			c.Fatal(err)
		}
		if err := offer(c.Constituent(8, "Rui", o.Ref.ID), "renewed", finger); err != nil {
			c.Fatal(err)
		}
		if all, _ = c.s.AllKeys(ctx, c.DB, k.ID); len(all) != 2 || keys(now) != 1 {
			c.Fatalf("%d keys", len(all))
		}
		for _, x := range all {
			if x.State == constituency.Offered {
				if _, err := c.s.ApproveKey(ctx, c.analyst, x.UID, "signed by the old one"); err != nil {
					c.Fatal(err)
				}
			}
		}
		list, err := c.s.Keys(ctx, c.DB, k.ID, now)
		if err != nil || len(list) != 1 || string(list[0].Certificate) != "renewed" {
			c.Errorf("renewed: %+v %v", list, err)
		}
		// Rule A3: another organisation's people cannot even name this contact.
		c.refused(offer(c.Constituent(9, "Eve", stranger.Ref.ID), "evil", strings.Repeat("E", 40)), errs.NotFound, "foreign contact")
		c.refused(offer(c.Person(3, "Olga", access.Auditor), "x", finger), errs.Forbidden, "auditor offers")
		c.refused(offer(c.analyst, "", "xyz"), errs.Invalid, "no certificate")
		// A flood stays eight lines.
		for i := range 20 {
			if err := offer(access.System("intake"), fmt.Sprint("flood", i), strings.Repeat("F", 40)); err != nil {
				c.Fatal(err)
			}
		}
		if all, _ = c.s.AllKeys(ctx, c.DB, k.ID); len(all) != 10 {
			c.Errorf("%d keys after the flood", len(all))
		}
		// A new address: keys wait again.
		if _, err := c.s.EditContact(ctx, c.analyst, k.UID, constituency.NewContact{Role: "security", Email: "new@bank.example"}); err != nil {
			c.Fatal(err)
		}
		if keys(now) != 0 {
			c.Error("the key follows to a new address unasked")
		}
		rejected, err := c.s.RejectKey(ctx, c.analyst, list[0].UID, "owner says it is not theirs")
		if err != nil || rejected.State != constituency.Rejected {
			c.Errorf("%+v %v", rejected, err)
		}
	})
}
