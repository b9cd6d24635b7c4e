package coordination_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// lockedTable sends what is AMBER or stricter as a locked file.
func (h *house) lockedTable(ctx context.Context) {
	h.Helper()
	table := map[tlp.Level]egress.Road{tlp.Clear: egress.Signed, tlp.Green: egress.Signed, tlp.Amber: egress.Locked, tlp.AmberStrict: egress.Locked, tlp.Red: egress.Locked}
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return h.letters.Egress.SetPolicyTx(ctx, tx, 1, h.Clock.Now(), table)
	}))
}

// telephoned gives an organisation's contact a number that somebody checked.
func (h *house) telephoned(ctx context.Context, o constituency.Organisation) {
	h.Helper()
	list, err := h.country.Contacts(ctx, h.DB, o.Ref.ID)
	h.must(err)
	n, err := h.country.AddNumber(ctx, h.ana, list[0].UID, constituency.NewNumber{Number: "+999 200 000 001"})
	h.must(err)
	_, err = h.country.VerifyNumber(ctx, h.ana, n.UID, "asked the switchboard")
	h.must(err)
}

// Of many, each goes by its road: the dry run counts them and says who has no number; a locked one carries its link inside. Until its code is told, the matrix
// says so and a clock of ours runs, which the last telling meets.
func TestLockedFilesOfManyAndTheirCodes(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.acts()
		h.lockedTable(ctx)
		water, clinic, _ := h.three(ctx)
		h.telephoned(ctx, water)
		in := h.incident(ctx, tlp.Amber)
		x, err := h.s.NewSending(ctx, h.ana, in.UID)
		h.must(err)
		x, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{Version: x.Version, List: seenList})
		h.must(err)
		x, err = h.s.SetLetter(ctx, h.ana, x.UID, x.Version, coordination.Give{Text: "To {name}: {lines} lines.", Request: "Is it clean?", DueAt: h.due(), TLP: tlp.Amber})
		h.must(err)
		_, lines, dry, err := h.s.Lines(ctx, h.ana, x.UID)
		h.must(err)
		want := []coordination.RoadCount{{Road: egress.Locked, Count: 1}, {Road: egress.Notice, Reason: egress.NoPhone, Count: 1}}
		if len(dry.Roads) != 2 || dry.Roads[0] != want[0] || dry.Roads[1] != want[1] || dry.Refused != 0 {
			h.Errorf("%+v", dry.Roads)
		}
		if f := (coordination.LineFilter{Road: "locked"}); !f.Takes(lines[0]) || f.Takes(lines[1]) || lines[1].Organisation.UID != clinic.UID {
			h.Errorf("%s %s", lines[0].Road.Road, lines[1].Road.Road)
		}
		letter, _, err := h.s.Letter(ctx, h.ana, x.UID, water.UID)
		h.must(err)
		cover, inside, ok := strings.Cut(letter.Text, "No ficheiro")
		if !ok || strings.Contains(cover, "192[.]0[.]2[.]7") || strings.Contains(cover, "Is it clean") || !strings.Contains(inside, "192[.]0[.]2[.]7") || !strings.Contains(cover, "por telefone") {
			h.Errorf("%s", letter.Text)
		}
		x, err = h.s.Submit(ctx, h.ana, x.UID, x.Version, false)
		h.must(err)
		x = h.sent(ctx, x)
		if x.Written != 2 || x.Left != 0 {
			h.Fatalf("%d written, %d left", x.Written, x.Left)
		}
		rows, err := h.s.Matrix(ctx, h.ana, in.UID)
		h.must(err)
		var at correspondence.Message
		var party coordination.Party
		for _, r := range rows {
			list, err := h.letters.Messages(ctx, h.DB, h.ana, r.Party.Thread)
			h.must(err)
			if r.Party.Organisation == water.Ref.ID {
				at, party = list[0], r.Party
			} else if list[0].Road != egress.Notice {
				h.Errorf("%s by %s", r.Party.Name, list[0].Road)
			}
		}
		if at.Road != egress.Locked || !strings.Contains(at.Body.Text, "/a/") {
			h.Fatalf("%s: %s", at.Road, at.Body.Text)
		}
		// As the sender leaves it: the code was made when the letter was taken.
		_, err = h.DB.Exec(ctx, `INSERT INTO correspondence_code (message, thread, made_at, body) VALUES ($1, $2, $3, $4)`, at.ID, at.Thread, h.Clock.Now(), []byte{})
		h.must(err)
		h.leave(ctx, at)
		row := func() coordination.Row {
			rows, err := h.s.Matrix(ctx, h.ana, in.UID)
			h.must(err)
			for _, r := range rows {
				if r.Party.UID == party.UID {
					return r
				}
				if !r.CodeSince.IsZero() {
					h.Errorf("%s waits for a code", r.Party.Name)
				}
			}
			return coordination.Row{}
		}
		if r := row(); !r.CodeSince.Equal(h.Clock.Now()) || r.SeenKnown {
			h.Errorf("since %s, seen %v", r.CodeSince, r.SeenKnown)
		}
		late := 0
		h.s.Late = func(_ context.Context, _ *db.Tx, c deadline.Clock) error {
			if c.Kind == coordination.CodeClock && c.Under == in.Ref && c.Compartment == 0 {
				late++
			}
			return nil
		}
		h.Clock.Advance(correspondence.CodeWithin + time.Minute)
		h.tick(ctx)
		h.tick(ctx)
		if late != 1 {
			h.Errorf("told to us %d times", late)
		}
		tell := func() {
			h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				left, err := h.letters.CodesLeft(ctx, tx, at.Thread)
				if err != nil {
					return err
				}
				threads, err := h.letters.Threads(ctx, tx, at.Thread)
				if err != nil {
					return err
				}
				return h.s.CodesLeftTx(ctx, tx, h.ana, threads[at.Thread], left)
			}))
		}
		open := func() (n int) {
			clocks, err := h.clocks.About(ctx, h.DB, party.Ref.ID)
			h.must(err)
			for _, c := range clocks[party.Ref.ID] {
				if c.Kind == coordination.CodeClock && c.Open() {
					n++
				}
			}
			return n
		}
		tell()
		if open() != 1 {
			h.Error("the clock ended before the code was told")
		}
		_, err = h.DB.Exec(ctx, `UPDATE correspondence_code SET told_at = $1 WHERE message = $2`, h.Clock.Now(), at.ID)
		h.must(err)
		tell()
		if open() != 0 || !row().CodeSince.IsZero() {
			h.Error("the code was told, and waits")
		}
	})
}
