package intake_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
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
		code := id.NewCode()
		in := form("Servers encrypted", "")
		in.Proof, in.Organisation = correspondence.SignedByKey, d.hospital.Ref.ID
		in.Files = []correspondence.FileIn{{Name: "note.txt", Type: "text/plain", Content: strings.NewReader("a secret note")}}
		reference, err := d.drop(ctx, intake.Drop{Input: in, Code: code})
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
		if _, err := d.drop(ctx, intake.Drop{Add: true, Code: code, Text: "It goes on."}); err != nil {
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

// The button pressed twice, the page loaded anew, the way back: one form is one report. Other words are a correction and are filed on it;
// the same correction twice is one too. What an addition says twice in one form is said once.
func TestAFormSentTwiceIsOneReport(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		if _, err := d.s.DropKey(ctx); err != nil {
			t.Fatal(err)
		}
		code := id.NewCode()
		with := func(in intake.ReceiveInput) intake.Drop {
			in.Files = []correspondence.FileIn{{Name: "a.log", Type: "text/plain", Content: strings.NewReader("log")}}
			return intake.Drop{Code: code, Input: in, Text: "Sent again: " + in.Body.Description}
		}
		in := form("Ransomware", "")
		var references [4]string
		var wg sync.WaitGroup
		for i := range references {
			wg.Go(func() {
				var err error
				if references[i], err = d.drop(ctx, with(in)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		german := in
		german.Lang = "de"
		if again, err := d.drop(ctx, with(german)); err != nil || again != references[0] {
			t.Errorf("in another language: %s, %v", again, err)
		}
		for _, r := range references {
			if r != references[0] || r == "" {
				t.Errorf("references %q", references)
			}
		}
		if n, err := d.s.OpenDrops(ctx); n != 1 || err != nil {
			t.Fatalf("opened %d, %v", n, err)
		}
		if got, files, at, err := intake.Taken(ctx, d.DB, code); err != nil || got != references[0] || files != 1 || at.IsZero() {
			t.Errorf("taken as %s with %d files, %v", got, files, err)
		}
		if _, _, _, err := intake.Taken(ctx, d.DB, id.NewCode()); !errs.Is(err, errs.NotFound) {
			t.Errorf("another code: %v", err)
		}
		corrected := in
		corrected.Body.Description = "Three servers, not two."
		for range 2 {
			if again, err := d.drop(ctx, with(corrected)); err != nil || again != references[0] {
				t.Errorf("corrected: %s, %v", again, err)
			}
		}
		for range 2 {
			if _, err := d.drop(ctx, intake.Drop{Code: code, Add: true, Once: "page 1", Text: "It spreads."}); err != nil {
				t.Error(err)
			}
		}
		if _, err := d.drop(ctx, intake.Drop{Code: code, Add: true, Once: "page 2", Text: "It spreads."}); err != nil {
			t.Error(err)
		}
		if n, err := d.s.OpenDrops(ctx); n != 3 || err != nil {
			t.Errorf("then opened %d, %v; want the correction and two additions", n, err)
		}
		all := d.queue(ctx, intake.QueueFilter{})
		if len(all) != 1 || all[0].Body.Description != in.Body.Description {
			t.Fatalf("%d reports", len(all))
		}
		var said []string
		for _, m := range d.messages(ctx, all[0].Report) {
			if m.Direction == correspondence.In {
				said = append(said, m.Body.Text)
			}
		}
		if len(said) != 4 || said[1] != "Sent again: Three servers, not two." || said[2] != "It spreads." {
			t.Errorf("on the thread: %q", said)
		}
		var notes int
		if err := d.DB.QueryRow(ctx, `SELECT COUNT(*) FROM intake_reference`).Scan(&notes); err != nil || notes != 1 {
			t.Errorf("%d references are taken for one report, %v", notes, err)
		}
	})
}

// Files of a form that is shown again are kept for who holds its code, unreadable here, within limits, for a day.
func TestFilesOfAnUnsentFormAreKept(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		if _, err := d.s.DropKey(ctx); err != nil {
			t.Fatal(err)
		}
		code := id.NewCode()
		keep := func(name, content string) error {
			return intake.KeepFiles(ctx, d.DB, d.Clock.Now(), code, []correspondence.FileIn{{Name: name, Type: "text/plain", Content: strings.NewReader(content)}})
		}
		kept := func(code id.Secret) int {
			t.Helper()
			files, err := intake.KeptFiles(ctx, d.DB, d.Clock.Now(), code)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if b, _ := io.ReadAll(f.Content); len(b) < 100 && !strings.HasPrefix(string(b), "a secret") {
					t.Errorf("%s holds %q", f.Name, b)
				}
			}
			return len(files)
		}
		if err := keep("one.txt", "a secret note"); err != nil {
			t.Fatal(err)
		}
		if err := keep("two.txt", "a secret log"); err != nil {
			t.Fatal(err)
		}
		if kept(code) != 2 || kept(id.NewCode()) != 0 {
			t.Error("the form does not have its files, or another has")
		}
		all, err := db.All(ctx, d.DB, func(r *db.Rows) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT sealed FROM intake_kept`)
		if err != nil || len(all) != 2 || bytes.Contains(bytes.Join(all, nil), []byte("secret")) || bytes.Contains(bytes.Join(all, nil), []byte("one.txt")) {
			t.Errorf("%d kept, readable", len(all))
		}
		d.refused("too large together", keep("big", strings.Repeat("x", intake.MaxFileBytes)), errs.Limit)
		d.refused("larger than a form may be", keep("huge", strings.Repeat("x", intake.MaxFileBytes+1)), errs.Invalid)
		if kept(code) != 2 {
			t.Error("a refusal changed what is kept")
		}
		d.Clock.Advance(7*24*time.Hour + time.Minute)
		if kept(code) != 0 {
			t.Error("kept for longer than a week")
		}
		if err := keep("three.txt", "a secret again"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.drop(ctx, intake.Drop{Code: code, Input: form("sent", "")}); err != nil {
			t.Fatal(err)
		}
		if kept(code) != 0 {
			t.Error("kept after the form was sent")
		}
	})
}

// What a page refuses is not sealed; what was altered in the box is set aside after three tries and hinders nobody.
func TestABrokenDropIsSetAside(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		if _, err := d.s.DropKey(ctx); err != nil {
			t.Fatal(err)
		}
		code := id.NewCode()
		_, err := d.drop(ctx, intake.Drop{Code: code, Input: intake.ReceiveInput{Channel: correspondence.ByForm}})
		d.refused("an empty report", err, errs.Invalid)
		_, err = d.drop(ctx, intake.Drop{Add: true, Code: code})
		d.refused("an empty addition", err, errs.Invalid)
		_, err = d.drop(ctx, intake.Drop{Input: form("none", "")})
		d.refused("a report without a code", err, errs.Invalid)
		if _, err := d.drop(ctx, intake.Drop{Code: code, Input: form("one", "")}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.DB.Exec(ctx, `UPDATE intake_drop SET sealed = $1`, []byte(strings.Repeat("x", 100))); err != nil {
			t.Fatal(err)
		}
		if _, err := d.drop(ctx, intake.Drop{Code: id.NewCode(), Input: form("two", "")}); err != nil {
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
		if v, _ := intake.Look(ctx, d.DB, d.Clock, got.Code); v.State != intake.StatusHandling || len(v.Messages) != 1 || len(v.Clocks) != 1 {
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
		// What is written in time and leaves late is late: the clock runs until then.
		if m, err = d.s.Reply(ctx, d.ana, got.Reference, correspondence.Outgoing{Subject: "Your report", Text: "We look into it."}); err != nil {
			t.Fatal(err)
		}
		answer := func() deadline.Clock {
			t.Helper()
			clocks, err := d.s.Deadlines.About(ctx, d.DB, r.Ref.ID)
			i := slices.IndexFunc(clocks[r.Ref.ID], func(c deadline.Clock) bool { return c.Kind == intake.FirstAnswer })
			if err != nil || i < 0 {
				t.Fatalf("%+v, %v", clocks, err)
			}
			return clocks[r.Ref.ID][i]
		}
		follow()
		if c := answer(); !c.Open() {
			t.Errorf("a letter that is held meets the clock: %+v", c)
		}
		d.Clock.Advance(50 * time.Hour)
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE correspondence_message SET state = 'sent', sent_at = $1 WHERE uid = $2`, d.Clock.Now(), m.UID)
			return err
		})
		if _, err := d.s.Assign(ctx, d.ana, got.Reference, 2); err != nil { // something of the report is in the record
			t.Fatal(err)
		}
		follow()
		if c := answer(); !c.MetAt.Equal(d.Clock.Now()) || !c.MetAt.After(c.DueAt) {
			t.Errorf("a letter that left late: %+v", c)
		}
	})
}

// A code for an address is asked for while somebody proves it in another way: who waited for the report sees it as it is then, and nothing is sent.
func TestAnAddressThatIsProvedMeanwhileGetsNoCode(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		if _, err := d.s.DropKey(ctx); err != nil {
			t.Fatal(err)
		}
		code := id.NewCode()
		reference, err := d.drop(ctx, intake.Drop{Input: form("Servers encrypted", "walker@away.example"), Code: code})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.s.OpenDrops(ctx); err != nil {
			t.Fatal(err)
		}
		r, err := d.s.Get(ctx, d.DB, d.ana, reference)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.drop(ctx, intake.Drop{Add: true, Code: code, Prove: intake.ProveAsk + "walker@away.example"}); err != nil {
			t.Fatal(err)
		}
		opened := make(chan error, 1)
		var once sync.Once
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if _, err := access.Locked(ctx, tx, r.Ref.ID); err != nil {
				return err
			}
			once.Do(func() {
				go func() {
					_, err := d.s.OpenDrops(t.Context())
					opened <- err
				}()
				time.Sleep(300 * time.Millisecond) // it stands at the lock
			})
			_, err := tx.Exec(ctx, `UPDATE intake_report SET address_proved_at = $1 WHERE id = $2`, d.Clock.Now(), r.Ref.ID)
			return err
		})
		if err := <-opened; err != nil {
			t.Fatal(err)
		}
		var asked int
		if err := d.DB.QueryRow(ctx, `SELECT COUNT(*) FROM intake_address`).Scan(&asked); err != nil || asked != 0 {
			t.Errorf("%d codes were sent, %v", asked, err)
		}
	})
}
