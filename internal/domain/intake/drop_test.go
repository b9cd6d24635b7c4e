package intake_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// drop does what a public page without keys does.
func (d *desk) drop(ctx context.Context, drop intake.Drop) (string, error) {
	key, err := intake.PublicDropKey(ctx, d.DB)
	if err != nil {
		d.Fatal(err)
	}
	return intake.Store(ctx, d.DB, d.Clock, key, drop)
}

// A page that holds no key takes a report with a file; only the house opens it, once, although two processes try. The page then shows its
// reporter how it stands, with the code alone, and takes an addition.
func TestThePublicPageHasNoKeys(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		if _, err := intake.PublicDropKey(ctx, d.DB); !errs.Is(err, errs.Unavailable) {
			t.Errorf("before the house was there: %v", err)
		}
		if k, err := d.s.DropKey(ctx); err != nil || len(k) != 32 {
			t.Fatal(err)
		}
		again, err := d.s.DropKey(ctx)
		if k, _ := intake.PublicDropKey(ctx, d.DB); err != nil || !bytes.Equal(k, again) {
			t.Errorf("the key changed: %v", err)
		}
		code, hash, public := intake.NewCode()
		in := form("Servers encrypted", "")
		in.Proof, in.Organisation = correspondence.SignedByKey, d.hospital.Ref.ID
		in.Files = []correspondence.FileIn{{Name: "note.txt", Type: "text/plain", Content: strings.NewReader("a secret note")}}
		reference, err := d.drop(ctx, intake.Drop{Input: in, CodeHash: hash, CodeKey: public})
		if err != nil {
			t.Fatal(err)
		}
		for _, column := range []string{"sealed"} {
			all, err := db.All(ctx, d.DB, func(r *db.Rows) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT `+column+` FROM intake_drop`)
			if err != nil || len(all) != 1 || bytes.Contains(all[0], []byte("encrypted since")) || bytes.Contains(all[0], []byte("secret")) {
				t.Errorf("the box holds %d, readable (%v)", len(all), err)
			}
		}
		if _, err := intake.Look(ctx, d.DB, d.Clock, code); !errs.Is(err, errs.NotFound) {
			t.Errorf("shown before it was opened: %v", err)
		}
		var wg sync.WaitGroup
		var n [2]int
		for p := range 2 {
			wg.Go(func() {
				var err error
				if n[p], err = d.s.OpenDrops(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n[0]+n[1] != 1 {
			t.Errorf("opened %v times, want once", n)
		}
		r, err := d.s.Get(ctx, d.DB, d.ana, reference)
		if err != nil || r.Proof != correspondence.Claimed || r.Organisation != 0 || r.Body.Description != in.Body.Description {
			t.Fatalf("received %+v, %v", r, err)
		}
		all := d.messages(ctx, r)
		threads, _ := d.s.Correspondence.Threads(ctx, d.DB, r.Thread)
		_, file, err := d.s.Correspondence.OpenFile(ctx, d.ana, threads[r.Thread].UID, all[0].UID, all[0].Body.Files[0].UID)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(file); string(b) != "a secret note" {
			t.Errorf("the file holds %q", b)
		}
		_ = file.Close()
		view, err := intake.Look(ctx, d.DB, d.Clock, code)
		if err != nil || view.Reference != reference || view.State != intake.StatusReceived || !view.Full || len(view.Messages) != 1 || view.Files != 1 {
			t.Fatalf("shown %+v, %v", view, err)
		}
		if live, err := d.s.Status(ctx, code); err != nil || live.State != view.State || len(live.Messages) != 1 {
			t.Errorf("the house shows %+v, %v", live, err)
		}
		if _, err := d.drop(ctx, intake.Drop{Add: true, CodeHash: hash, Text: "It goes on."}); err != nil {
			t.Fatal(err)
		}
		if n, err := d.s.OpenDrops(ctx); n != 1 || err != nil {
			t.Errorf("the addition: %d, %v", n, err)
		}
		if view, _ = intake.Look(ctx, d.DB, d.Clock, code); len(view.Messages) != 2 || view.Messages[1].Body.Text != "It goes on." || view.Messages[1].Channel != correspondence.ByLink {
			t.Errorf("shown %+v", view.Messages)
		}
		if _, err := intake.Look(ctx, d.DB, d.Clock, id.NewCode()); !errs.Is(err, errs.NotFound) {
			t.Errorf("another code: %v", err)
		}
		for _, bad := range []string{"", "x", code.Reveal() + "0", strings.Repeat("z", 26)} {
			_, err := intake.Look(ctx, d.DB, d.Clock, id.SecretOf(bad))
			d.refused("the code "+bad, err, errs.NotFound)
			_, _, err = d.s.ByCode(ctx, id.SecretOf(bad))
			d.refused("by the code "+bad, err, errs.NotFound)
		}
	})
}

// What a page refuses is not sealed; what was altered in the box is set aside after three tries and hinders nobody.
func TestABrokenDropIsSetAside(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		if _, err := d.s.DropKey(ctx); err != nil {
			t.Fatal(err)
		}
		_, hash, public := intake.NewCode()
		_, err := d.drop(ctx, intake.Drop{CodeHash: hash, CodeKey: public, Input: intake.ReceiveInput{Channel: correspondence.ByForm}})
		d.refused("an empty report", err, errs.Invalid)
		_, err = d.drop(ctx, intake.Drop{Add: true, CodeHash: hash})
		d.refused("an empty addition", err, errs.Invalid)
		if _, err := d.drop(ctx, intake.Drop{CodeHash: hash, CodeKey: public, Input: form("one", "")}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.DB.Exec(ctx, `UPDATE intake_drop SET sealed = $1`, []byte(strings.Repeat("x", 100))); err != nil {
			t.Fatal(err)
		}
		_, hash, public = intake.NewCode()
		if _, err := d.drop(ctx, intake.Drop{CodeHash: hash, CodeKey: public, Input: form("two", "")}); err != nil {
			t.Fatal(err)
		}
		if n, err := d.s.OpenDrops(ctx); n != 1 || err == nil {
			t.Errorf("opened %d, %v", n, err)
		}
		for range 2 {
			_, _ = d.s.OpenDrops(ctx)
		}
		if n, err := d.s.OpenDrops(ctx); n != 0 || err != nil {
			t.Errorf("tried a fourth time: %d, %v", n, err)
		}
		kept, err := db.All(ctx, d.DB, func(r *db.Rows) (at time.Time, err error) { return at, r.Scan(&at) }, `SELECT aside_at FROM intake_drop`)
		if err != nil || len(kept) != 1 || kept[0].IsZero() {
			t.Errorf("kept aside: %v, %v", kept, err)
		}
	})
}

// A code that travelled in clear mail opens state and clocks, no words (I9), and what it adds waits for a person.
func TestACodeFromAClearMailOpensLess(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		r := d.receive(ctx, access.System("intake"), mailed("Ransomware", "rui@hospital.example", correspondence.Aligned)).Report
		var code id.Secret
		for _, m := range d.messages(ctx, r) {
			if m.Kind == correspondence.Receipt {
				_, after, _ := strings.Cut(m.Body.Text, "/r/")
				code = id.SecretOf(after[:26])
			}
		}
		for _, look := range []func() (intake.StatusView, error){
			func() (intake.StatusView, error) { return d.s.Status(ctx, code) },
			func() (intake.StatusView, error) { return intake.Look(ctx, d.DB, d.Clock, code) },
		} {
			v, err := look()
			if err != nil || v.Full || len(v.Messages) != 0 || len(v.Clocks) != 1 || v.Reference != r.Reference {
				t.Errorf("shown %+v, %v", v, err)
			}
		}
		by, _, err := d.s.ByCode(ctx, code)
		if err != nil || len(by.Compartments) != 0 {
			t.Errorf("a link opens the organisation's compartment: %+v, %v", by, err)
		}
		m, err := d.s.AddByLink(ctx, code, "More.", nil)
		if err != nil || m.State != correspondence.Unverified {
			t.Errorf("added as %s, %v", m.State, err)
		}
		_, err = d.s.AddByLink(ctx, code, " ", nil)
		d.refused("nothing", err, errs.Invalid)
	})
}

// The reporter reads state by state how it goes on; a letter that was sent meets the clock, one that was stopped does not.
func TestTheReportFollowsItsThread(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		in := form("Ransomware", "rui@hospital.example")
		in.Channel, in.TLP = correspondence.ByPortal, "GREEN"
		got := d.receive(ctx, d.Constituent(20, "Rui", d.hospital.Ref.ID), in)
		seq := &audit.Sequencer{DB: d.DB, Clock: d.Clock, Log: d.Log}
		signer, _, err := audit.SignerOf(d.Ring.Derive("audit checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		seq.Signer = signer
		follow := func() {
			t.Helper()
			if _, err := seq.Number(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := d.s.Follow(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.s.Assign(ctx, d.ana, got.Reference, 1); err != nil {
			t.Fatal(err)
		}
		if v, _ := intake.Look(ctx, d.DB, d.Clock, got.Code); v.State != intake.StatusLooking {
			t.Errorf("assigned: %s", v.State)
		}
		m, err := d.s.Reply(ctx, d.ana, got.Reference, correspondence.Outgoing{Subject: "Your report", Text: "We look into it."})
		if err != nil || m.State != correspondence.Held {
			t.Fatalf("reply: %+v, %v", m, err)
		}
		if v, _ := intake.Look(ctx, d.DB, d.Clock, got.Code); v.State != intake.StatusHandling || len(v.Messages) != 1 || len(v.Clocks) != 0 {
			t.Errorf("answered, and the letter is still held: %+v", v)
		}
		if err := d.s.Correspondence.Stop(ctx, d.ana, m.UID); err != nil {
			t.Fatal(err)
		}
		follow()
		r, _ := d.s.Get(ctx, d.DB, d.ana, got.Reference)
		if lines := d.queue(ctx, intake.QueueFilter{}); r.State != intake.New || len(lines) != 1 || lines[0].Group != "clock" {
			t.Errorf("the only answer was stopped: %s, %+v", r.State, lines)
		}
		follow()
	})
}
