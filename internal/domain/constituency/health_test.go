package constituency_test

import (
	"context"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// An address that failed is a task and a broken contact, written to last, until somebody checks it or gives another.
func TestAnAddressThatFailedIsATask(t *testing.T) {
	proving(t, func(ctx context.Context, c *country, _ *outside) {
		o := c.organisation(ctx, "Waterworks")
		bad, err := c.s.AddContact(ctx, c.analyst, o.UID, constituency.NewContact{Name: "SOC", Role: "security", Email: "soc@water.example"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c.s.AddContact(ctx, c.analyst, o.UID, constituency.NewContact{Name: "Boss", Role: "management", Email: "boss@water.example"}); err != nil {
			t.Fatal(err)
		}
		fail := func() {
			t.Helper()
			for range 2 { // told twice
				if err := c.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
					return c.s.AddressFailedTx(ctx, tx, "SOC@water.example", "bounced")
				}); err != nil {
					t.Fatal(err)
				}
			}
		}
		tasks := func() int {
			t.Helper()
			list, _, err := c.s.Todo(ctx, c.DB, c.analyst, constituency.TaskFailed)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		fail()
		if k, err := c.s.WriteTo(ctx, c.DB, o.Ref.ID); err != nil || k.Email != "boss@water.example" || tasks() != 1 {
			t.Errorf("written to %s, %d tasks, %v", k.Email, tasks(), err)
		}
		now, err := c.s.ContactByUID(ctx, c.DB, c.analyst, bad.UID)
		if err != nil {
			t.Fatal(err)
		}
		if h, err := c.s.HealthOf(ctx, c.DB, now); err != nil || h[now.ID].State != constituency.Broken || h[now.ID].Reasons[0] != constituency.WhyBounced {
			t.Errorf("%+v %v", h, err)
		}
		if _, err = c.s.VerifyContact(ctx, c.analyst, bad.UID, "called"); err != nil || tasks() != 0 {
			t.Errorf("checked, and %d tasks: %v", tasks(), err)
		}
		fail()
		now, err = c.s.EditContact(ctx, c.analyst, bad.UID, constituency.NewContact{Name: "SOC", Role: "security", Email: "new@water.example"})
		if err != nil || !now.FailedAt.IsZero() || tasks() != 0 {
			t.Errorf("%+v, %d tasks: %v", now, tasks(), err)
		}
		if h, err := c.s.HealthOf(ctx, c.DB, now); err != nil || h[now.ID].State != constituency.Doubtful {
			t.Errorf("%+v %v", h, err)
		}
	})
}
