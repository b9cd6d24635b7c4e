package intake_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// search gives the summaries of all reports that a reader finds, page by page.
func (d *desk) search(ctx context.Context, by access.Actor, f intake.QueueFilter, queue bool) (out []string) {
	d.Helper()
	for {
		var next string
		if queue {
			p, err := d.s.Queue(ctx, by, f)
			if err != nil {
				d.Fatal(err)
			}
			for _, l := range p.Items {
				out = append(out, l.Body.Summary)
			}
			next = p.Next
		} else {
			p, err := d.s.List(ctx, by, f)
			if err != nil {
				d.Fatal(err)
			}
			for _, r := range p.Items {
				out = append(out, r.Body.Summary)
			}
			next = p.Next
		}
		if next == "" {
			return out
		}
		f.After = next
	}
}

func (d *desk) finds(ctx context.Context, what string, by access.Actor, f intake.QueueFilter, queue bool, want ...string) {
	d.Helper()
	if got := d.search(ctx, by, f, queue); !slices.Equal(got, want) {
		d.Errorf("%s: found %q, want %q", what, got, want)
	}
}

// Reports are found by their words from the moment they are taken and after they were folded: in the order of the list that is asked, page
// by page, with its filters, and by nobody who does not see them.
func TestReportsAreFoundByTheirWords(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		by := access.System("intake")
		var all []intake.Received
		for i := range 5 {
			d.Clock.Advance(time.Minute)
			all = append(all, d.receive(ctx, by, mailed(fmt.Sprintf("Phishing wave %d0", i), fmt.Sprintf("p%d@bank.example", i), correspondence.Claimed)))
		}
		d.Clock.Advance(time.Minute)
		own := d.receive(ctx, by, mailed("Phishing at the hospital", "rui@hospital.example", correspondence.Aligned))
		secret := mailed("Phishing, a secret of Rui", "rui@hospital.example", correspondence.Aligned)
		secret.Seal = correspondence.Encrypted
		d.receive(ctx, by, secret)
		d.receive(ctx, stranger, form("A printer burns", "eve@else.example"))
		sealed := all[3].Report
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return access.SealTx(ctx, tx, sealed.Ref, d.Clock.Now(), sealed.Ref.ID)
		})
		if _, err := d.s.Reject(ctx, d.ana, all[1].Report.UID, "spam", "", 0); err != nil {
			t.Fatal(err)
		}
		rui := d.Constituent(5, "Rui", d.hospital.Ref.ID)
		asks := func(when string) {
			t.Helper()
			d.finds(ctx, when+", newest first", d.ana, intake.QueueFilter{Text: "phishing", Limit: 2}, false,
				"Phishing, a secret of Rui", "Phishing at the hospital", "Phishing wave 40", "Phishing wave 20", "Phishing wave 10", "Phishing wave 00")
			d.finds(ctx, when+", all words", d.ana, intake.QueueFilter{Text: "WAVE 20 encrypted"}, false, "Phishing wave 20")
			d.finds(ctx, when+", a part of an address", d.ana, intake.QueueFilter{Text: "bank.example 40"}, false, "Phishing wave 40")
			d.finds(ctx, when+", an address", d.ana, intake.QueueFilter{Text: "p2@bank.example"}, false, "Phishing wave 20")
			d.finds(ctx, when+", in a state", d.ana, intake.QueueFilter{Text: "phishing", State: intake.Rejected}, false, "Phishing wave 10")
			d.finds(ctx, when+", nothing", d.ana, intake.QueueFilter{Text: "phishing printer"}, false)
			d.finds(ctx, when+", no word", d.ana, intake.QueueFilter{Text: "?"}, false)
			d.finds(ctx, when+", in the queue", d.ana, intake.QueueFilter{Text: "wave", Limit: 2}, true, "Phishing wave 00", "Phishing wave 20", "Phishing wave 40")
			d.finds(ctx, when+", by an organisation, without what is withheld", rui, intake.QueueFilter{Text: "phishing"}, false, "Phishing at the hospital")
			d.finds(ctx, when+", of another", rui, intake.QueueFilter{Text: "printer"}, false)
			d.finds(ctx, when+", the sealed one", d.ana, intake.QueueFilter{Text: "30"}, false)
		}
		asks("new")
		for i := range 140 {
			d.receive(ctx, stranger, intake.ReceiveInput{Channel: correspondence.ByForm, Lang: "en", Body: intake.Body{Summary: fmt.Sprintf("other %d", 1000+i)}})
		}
		if err := d.s.Index(ctx); err != nil {
			t.Fatal(err)
		}
		asks("folded")
		d.finds(ctx, "across", d.ana, intake.QueueFilter{Text: "other 1007"}, false, "other 1007")
		if got := d.search(ctx, d.ana, intake.QueueFilter{Text: "other", Limit: 60}, true); len(got) != 140 || got[0] != "other 1000" || got[139] != "other 1139" {
			t.Errorf("%d others in the queue", len(got))
		}
		if got := d.search(ctx, d.ana, intake.QueueFilter{Text: "other", Limit: 60}, false); len(got) != 140 || got[0] != "other 1139" {
			t.Errorf("%d others", len(got))
		}

		// Its content is destroyed: its words are, too.
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if err := d.s.ForgetTx(ctx, tx, own.Report.Ref.ID); err != nil {
				return err
			}
			return d.Ring.Destroy(ctx, tx, own.Report.Ref.ID, d.Clock.Now(), "retention")
		})
		d.finds(ctx, "destroyed", d.ana, intake.QueueFilter{Text: "hospital phishing"}, false, "Phishing, a secret of Rui")
		hunt, err := d.s.Words.Hunt(ctx, d.DB, "en", "hospital phishing", 0)
		if err != nil {
			t.Fatal(err)
		}
		if hits, err := hunt.Next(ctx, 10); err != nil || slices.Contains(hits, own.Report.Ref.ID) {
			t.Errorf("the index still names it: %v, %v", hits, err)
		}
	})
}

// A database of before the index: its reports are taken in by the job, newest first, also when it is stopped in between, and none twice.
func TestReportsOfBeforeTheIndexAreTakenIn(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		var last int64
		for i := range 5 {
			last = d.receive(ctx, stranger, form(fmt.Sprintf("Old %d0", i), "a@old.example")).Report.Ref.ID
		}
		for _, q := range []string{`DELETE FROM search_recent`, fmt.Sprintf(`INSERT INTO search_backlog (kind, below) VALUES (1, %d)`, last+1)} {
			if _, err := d.DB.Exec(ctx, q); err != nil {
				t.Fatal(err)
			}
		}
		d.receive(ctx, stranger, form("New 90", "a@new.example"))
		d.finds(ctx, "before", d.ana, intake.QueueFilter{Text: "encrypted"}, false, "New 90")
		ended, stop := context.WithCancel(ctx)
		stop()
		if err := d.s.Index(ended); err == nil {
			t.Error("a stopped run says it is done")
		}
		for range 2 {
			if err := d.s.Index(ctx); err != nil {
				t.Fatal(err)
			}
			d.finds(ctx, "taken in", d.ana, intake.QueueFilter{Text: "encrypted", Limit: 2}, false, "New 90", "Old 40", "Old 30", "Old 20", "Old 10", "Old 00")
		}
		var left int
		if err := d.DB.QueryRow(ctx, `SELECT COUNT(*) FROM search_backlog`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d are left over: %v", left, err)
		}
	})
}
