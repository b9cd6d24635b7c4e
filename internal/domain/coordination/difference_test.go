package coordination_test

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// How long it took until what we asked was delivered, answered and done, by sector and template; what is sealed is in no number, and no party reads any.
func TestTheDifferenceItMade(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		in := h.incident(ctx, tlp.Green)
		var parties []coordination.Party
		var people []access.Actor
		for i, name := range []string{"A Hof", "B Hof", "C Hof", "D Hof"} {
			o, err := h.country.Create(ctx, h.ana, constituency.NewOrganisation{Name: name, Sector: []string{"energy", "health"}[i%2]})
			h.must(err)
			_, err = h.country.AddContact(ctx, h.ana, o.UID, constituency.NewContact{Name: name, Role: "security", Email: name[:1] + "@hof.example"})
			h.must(err)
			parties, people = append(parties, h.add(ctx, in, o)...), append(people, h.person(o))
		}
		began := h.Clock.Now()
		h.ask(ctx, in, parties...)
		for i, by := range people[:3] {
			h.Clock.Advance(24 * time.Hour)
			_, err := h.s.Answer(ctx, by, h.requests(ctx, by)[0].UID, "here", nil)
			h.must(err)
			for _, m := range h.measures(ctx, by)[:i+1-i/2] { // 1, 2, 2
				_, err := h.s.Move(ctx, by, m.UID, coordination.MoveInput{To: coordination.Done, Note: "done"})
				h.must(err)
			}
		}
		f := coordination.DifferenceFilter{From: began.Add(-time.Hour), Till: h.Clock.Now().Add(time.Hour)}
		read := func(f coordination.DifferenceFilter) coordination.Difference {
			t.Helper()
			d, err := h.s.DifferenceOf(ctx, h.ana, f)
			h.must(err)
			return d
		}
		d := read(f)
		if a := d.All; a.Asked != 12 || a.Measures != 8 || a.Remedied != 5 || a.Delivered.Count != 12 || a.Delivered.Median != 21*time.Second || a.Answered.Count != 3 || a.Answered.Median.Round(time.Hour) != 48*time.Hour ||
			a.Answered.Q1.Round(time.Hour) != 24*time.Hour || a.Answered.Q3.Round(time.Hour) != 72*time.Hour || a.Done.Count != 5 || a.Seen.Count != 0 {
			t.Fatalf("%+v", a)
		}
		if len(d.Sectors) != 2 || d.Sectors[0].Asked != 6 || len(d.Templates) != 3 || len(d.Roads) != 1 || d.Roads[0].Key != "signed" {
			t.Errorf("%+v %+v %+v", d.Sectors, d.Templates, d.Roads)
		}
		last := d.Share[len(d.Share)-1]
		if len(d.Share) != 4 || last.Given != 8 || last.Done != 5 || last.Percent() != 62 || d.Share[0].Done != 0 {
			t.Errorf("%+v", d.Share)
		}
		if one := read(coordination.DifferenceFilter{Subject: in.UID, From: f.From, Till: f.Till}); one.All.Asked != 12 {
			t.Errorf("%+v", one.All)
		}
		if none := read(coordination.DifferenceFilter{From: f.From.AddDate(-1, 0, 0), Till: f.From}); none.All.Asked != 0 || none.Share != nil {
			t.Errorf("%+v", none)
		}
		_, err := h.s.DifferenceOf(ctx, h.ana, coordination.DifferenceFilter{From: f.Till, Till: f.From})
		h.refused(err, errs.Invalid, "it ends before it begins")
		_, err = h.s.DifferenceOf(ctx, people[0], f)
		h.refused(err, errs.Forbidden, "a party reads the numbers of all")
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { // the same incident, sealed
			ids, err := h.s.ObjectsOf(ctx, tx, in.Ref)
			if err != nil {
				return err
			}
			return access.SealTx(ctx, tx, in.Ref, h.Clock.Now(), append(ids, in.Ref.ID)...)
		}))
		if sealed := read(f); sealed.All.Asked != 0 {
			t.Errorf("a sealed case is counted: %+v", sealed.All)
		}
	})
}
