package api_test

import (
	"context"
	"testing"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// hand gives the public lane some messages that are alike.
func (h *house) hand(subject, link string, n int) {
	h.Helper()
	mails := make([]correspondence.Arrival, n)
	for i := range mails {
		mails[i] = correspondence.Arrival{To: []string{"suspicious@cert.example"}, Raw: []byte("Subject: x\r\n\r\nx"), Public: true}
	}
	h.must(h.deps.Correspondence.Arrive(context.Background(), mails))
	list := make([]suspicion.Message, n)
	for i, m := range mails {
		list[i] = suspicion.Message{Arrival: m.ID, At: h.Clock.Now(), Reading: suspicion.Reading{Subject: subject, Text: "Press " + link, Domain: "bank.example", Links: []string{link}, Inner: true}}
	}
	h.must(h.DB.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		return h.deps.Suspicion.TakeTx(ctx, tx, access.System("intake"), list)
	}))
}

// A program of the team's reads campaigns, follows what is decided of them, and nobody else learns of any.
func TestSuspiciousCampaigns(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h, ctx := open(t, core), context.Background()
		h.hand("Locked", "bank-login.example/confirm", 3)
		h.hand("Parcel", "parcel.example/pay", 2)
		c := h.as("analyst")
		all, err := c.SuspiciousCampaigns(ctx, client.Page{Limit: 1})
		h.must(err)
		if len(all.Items) != 1 || all.Next == "" || all.Items[0].Features != nil {
			t.Fatalf("%+v", all)
		}
		rest, err := c.SuspiciousCampaigns(ctx, client.Page{Limit: 5, After: all.Next, Filter: map[string]string{"state": "open"}})
		h.must(err)
		if len(rest.Items) != 1 || rest.Items[0].ID == all.Items[0].ID {
			t.Fatalf("%+v", rest)
		}
		if a := h.raw("analyst", "GET", "/api/v1/suspicious?largest=true&limit=1", ""); a.status != 200 {
			t.Errorf("largest: %d %s", a.status, a.body)
		}
		one, err := c.SuspiciousCampaign(ctx, rest.Items[0].ID)
		h.must(err)
		if one.Messages != 3 || one.Title != "Locked" || len(one.Features) != 3 || one.Features[0].Value != "bank-login.example" || len(one.Hours) != 1 || one.Hours[0].Messages != 3 || one.Report != "" {
			t.Errorf("%+v", one)
		}
		report, err := h.deps.Suspicion.File(ctx, h.ana(), one.ID)
		h.must(err)
		if one, err = c.SuspiciousCampaign(ctx, one.ID); err != nil || one.Report != report {
			t.Errorf("%+v %v", one, err)
		}
		h.must(h.deps.Suspicion.Judge(ctx, h.ana(), one.ID, one.Version, suspicion.Known))
		h.number()
		zero := int64(0)
		followed, err := c.SuspiciousCampaigns(ctx, client.Page{UpdatedAfter: &zero})
		h.must(err)
		if len(followed.Items) != 2 || followed.UpdatedAfter == nil || followed.Items[0].State != "known" {
			t.Errorf("%+v", followed)
		}
		for _, role := range []string{"constituent", "peer", "machine", "admin", "reporter", ""} {
			for _, path := range []string{"/suspicious", "/suspicious/" + one.ID} {
				if a := h.raw(role, "GET", "/api/v1"+path, ""); a.status != 403 && a.status != 401 {
					t.Errorf("%s %s: %d", role, path, a.status)
				}
			}
		}
		if a := h.raw("analyst", "GET", "/api/v1/suspicious?state=nonsense", ""); a.status != 422 && a.status != 400 {
			t.Errorf("a state of nobody: %d", a.status)
		}
		if a := h.raw("analyst", "GET", "/api/v1/suspicious?after=xx", ""); a.status != 422 && a.status != 400 {
			t.Errorf("a mark of nobody: %d", a.status)
		}
	})
}
