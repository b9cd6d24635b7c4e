package intake_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const parcel = `Dear customer, your parcel could not be delivered this morning because the customs fee of 2.99 was not paid in time.
To receive it tomorrow between eight and noon you must confirm the address and pay the fee on the page below before midnight,
otherwise the parcel goes back to its sender and a further charge is due. We regret the trouble and thank you for your trust.`

// phish is a suspicious mail as somebody hands it on, with files by what is in them.
func phish(from, subject, words string, files ...string) intake.ReceiveInput {
	in := mailed(subject, from, correspondence.Claimed)
	in.MessageID, in.Body.Description, in.NoReceipt = from+subject, words, true
	for _, content := range files {
		in.Files = append(in.Files, correspondence.FileIn{Name: "a.zip", Type: "application/zip", Content: strings.NewReader(content)})
	}
	return in
}

func (d *desk) folded(ctx context.Context, by access.Actor, f intake.QueueFilter) (out []string) {
	d.Helper()
	f.Fold = true
	page, err := d.s.Queue(ctx, by, f)
	if err != nil {
		d.Fatal(err)
	}
	for _, l := range page.Items {
		s := l.Body.Summary
		if l.SameCount > 0 {
			s += fmt.Sprintf(" +%d", l.SameCount)
			for _, w := range l.Why {
				s += " " + w.Key()
			}
		}
		out = append(out, s)
	}
	return out
}

func (d *desk) same(what string, got []string, want ...string) {
	d.Helper()
	if !slices.Equal(got, want) {
		d.Errorf("%s: %q, want %q", what, got, want)
	}
}

// What is alike stands under one line of the queue, with the reason; opened, it lists all of them; what only looks alike at first sight stands alone.
func TestWhatIsAlikeIsFolded(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		by := access.System("intake")
		first := d.receive(ctx, by, phish("a@one.example", "Parcel", parcel+"\nhttps://parcel-fee.example/pay?id=81\n")).Report
		d.receive(ctx, by, phish("b@two.example", "FW: Parcel", "> "+strings.ReplaceAll(parcel, "\n", "\n> ")+"\n\nIs this real? Maria"))
		d.receive(ctx, by, phish("c@three.example", "Parcel", strings.ToUpper(parcel)+"\nhttps://parcel-fee.example/pay?id=81\n"))
		d.receive(ctx, by, phish("d@four.example", "What is this", "hxxps://parcel-fee[.]example/pay?id=99 came by text message on my telephone"))
		d.receive(ctx, by, phish("e@five.example", "Strange", "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2FPARCEL-FEE.example%2Fpay%3Fx%3D1&data=05 in the mail of a colleague"))
		d.receive(ctx, by, phish("f@six.example", "Question", "Must we report a lost laptop that was encrypted? See https://www.six.example/laptop"))
		d.receive(ctx, by, phish("g@six.example", "Other question", "Whom do we tell of a stolen badge of a visitor? See https://www.six.example/laptop"))
		file := strings.Repeat("ab", 32)
		d.receive(ctx, by, phish("h@seven.example", "Invoice", "An invoice that nobody ordered came with the post", file))
		d.receive(ctx, by, phish("i@eight.example", "Look", "Our gateway held this one back yesterday evening", file))
		d.same("folded", d.folded(ctx, d.ana, intake.QueueFilter{}),
			"Parcel +4 same_text same_link", "Question", "Other question", "Invoice +1 same_file")
		if all, err := d.s.Queue(ctx, d.ana, intake.QueueFilter{Like: first.UID}); err != nil || len(all.Items) != 5 {
			t.Errorf("opened: %d, %v", len(all.Items), err)
		}
		if all, err := d.s.Queue(ctx, d.ana, intake.QueueFilter{}); err != nil || len(all.Items) != 9 {
			t.Errorf("unfolded: %d, %v", len(all.Items), err)
		}
		why := map[string]bool{}
		similar, err := d.s.Similar(ctx, d.ana, first)
		for _, s := range similar {
			why[s.Why] = true
		}
		if err != nil || len(similar) != 4 || !why["near_text"] || !why["same_link"] {
			t.Errorf("similar: %+v, %v", similar, err)
		}
		// The line that stands for the others is settled: the next one does.
		if _, err := d.s.Reject(ctx, d.ana, first.UID, "spam", "", 0); err != nil {
			t.Fatal(err)
		}
		if got := d.folded(ctx, d.ana, intake.QueueFilter{}); got[0] != "FW: Parcel +3 same_text same_link" {
			t.Errorf("after the first was rejected: %q", got)
		}
		// Somebody else's is not on the list of mine, and hides nothing that is.
		second, err := d.s.Queue(ctx, d.ana, intake.QueueFilter{Fold: true, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.s.Assign(ctx, d.ana, second.Items[0].UID, 77); err != nil {
			t.Fatal(err)
		}
		if got := d.folded(ctx, d.ana, intake.QueueFilter{Mine: true}); got[0] != "Parcel +2 same_link" {
			t.Errorf("mine: %q", got)
		}
		// Two months later nobody remembers.
		d.Clock.Advance(70 * 24 * time.Hour)
		if _, err := d.s.End(ctx); err != nil {
			t.Fatal(err)
		}
		d.receive(ctx, by, phish("z@nine.example", "Parcel again", parcel))
		if got := d.folded(ctx, d.ana, intake.QueueFilter{}); got[len(got)-1] != "Parcel again" {
			t.Errorf("later: %q", got)
		}
		var n int
		if err := d.DB.QueryRow(ctx, `SELECT COUNT(*) FROM intake_trait t JOIN intake_report r ON r.id = t.report WHERE r.received_at < $1`, d.Clock.Now().Add(-60*24*time.Hour)).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d old traits, %v", n, err)
		}
	})
}

// A report under a seal is not counted, does not hide others, and leads nobody to what it shares with them (rule A10).
func TestFoldingTellsNothingOfWhatIsSealed(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		by := access.System("intake")
		first := d.receive(ctx, by, phish("a@one.example", "First", parcel+"\nhttps://parcel-fee.example/pay")).Report
		d.receive(ctx, by, phish("b@two.example", "By text", parcel))
		third := d.receive(ctx, by, phish("c@three.example", "By link", "https://parcel-fee.example/pay is what I was sent this morning")).Report
		d.same("seen", d.folded(ctx, d.ana, intake.QueueFilter{}), "First +2 near_text same_link")
		seal := func(id int64, on bool) {
			if _, err := d.DB.Exec(ctx, `UPDATE object SET sealed = $1 WHERE id = $2`, on, id); err != nil {
				t.Fatal(err)
			}
		}
		seal(first.Ref.ID, true)
		d.same("the founder is sealed", d.folded(ctx, d.ana, intake.QueueFilter{}), "By text", "By link")
		if similar, err := d.s.Similar(ctx, d.ana, third); err != nil || len(similar) != 0 {
			t.Errorf("similar to what is sealed: %+v, %v", similar, err)
		}
		if all, err := d.s.Queue(ctx, d.ana, intake.QueueFilter{Like: third.UID}); err != nil || len(all.Items) != 1 {
			t.Errorf("its group: %d, %v", len(all.Items), err)
		}
		if _, err := d.s.Queue(ctx, d.ana, intake.QueueFilter{Like: first.UID}); err == nil {
			t.Error("the group of what is sealed")
		}
		seal(first.Ref.ID, false)
		seal(third.Ref.ID, true)
		d.same("one of them is sealed", d.folded(ctx, d.ana, intake.QueueFilter{}), "First +1 near_text")
		_, err := d.s.Queue(ctx, d.Constituent(9, "Rui", d.hospital.Ref.ID), intake.QueueFilter{Fold: true})
		d.refused("the queue of somebody who reads no cases", err, errs.Forbidden)
	})
}

// A wave whose first mail was folded elsewhere, for what it shared with an older one, is one group all the same.
func TestAWaveOfItsOwnIsAGroup(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		by := access.System("intake")
		d.receive(ctx, by, phish("a@one.example", "Old", parcel))
		d.receive(ctx, by, phish("b@two.example", "Old with link", parcel+" https://new-wave.example/x"))
		for i := range 4 {
			d.receive(ctx, by, phish(fmt.Sprintf("c%d@three.example", i), "New wave", fmt.Sprintf("Number %d wrote of https://new-wave.example/x and nothing else", i)))
		}
		d.same("queue", d.folded(ctx, d.ana, intake.QueueFilter{}), "Old +1 near_text", "New wave +3 same_link")
	})
}

// Hostile texts neither stop filing nor fold strangers together.
func TestHostileTextsAreFiled(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		by := access.System("intake")
		for i, words := range []string{
			strings.Repeat("://", 20_000), strings.Repeat("https://", 20_000), strings.Repeat("http://a.b/", 10_000), strings.Repeat("[.]", 20_000),
			"https://urldefense.com/v3/__https://urldefense.com/v3/__" + strings.Repeat("https://urldefense.com/v3/__", 3000) + "__;",
			strings.Repeat("\u202e\u0301é ", 9000), strings.Repeat("a ", 30_000), "https://[::1]/ http://user@:80/ http://.../ https://x", strings.Repeat("7 ", 30_000),
		} {
			in := phish(fmt.Sprintf("h%d@evil.example", i), fmt.Sprintf("Hostile %c", 'a'+i), words)
			in.Body.Description = in.Body.Description[:min(len(words), 60_000)]
			d.receive(ctx, by, in)
		}
		if got := d.folded(ctx, d.ana, intake.QueueFilter{}); len(got) != 9 {
			t.Errorf("%q", got)
		}
	})
}

// What is the same is named by its best reason, newest first; the same sender comes last, and nothing is named twice.
func TestSimilarByItsBestReason(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		by := access.System("intake")
		in := phish("a@one.example", "Parcel", parcel)
		in.MessageID = "<one@one.example>"
		first := d.receive(ctx, by, in).Report
		d.receive(ctx, by, phish("a@one.example", "Question", "Must we report a lost laptop that was encrypted?"))
		in = phish("a@one.example", "Parcel", parcel)
		in.MessageID = "<two@one.example>"
		d.receive(ctx, by, in)
		in.MessageID = "<one@one.example>"
		d.receive(ctx, by, in)
		d.receive(ctx, by, phish("b@two.example", "Other", "Whom do we tell of a stolen badge of a visitor?"))
		similar, err := d.s.Similar(ctx, d.ana, first)
		var got []string
		for _, s := range similar {
			got = append(got, s.Why)
		}
		d.same("reasons", got, "same_message", "same_text", "same_sender")
		if err != nil {
			t.Error(err)
		}
	})
}
