package audit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Who administers the house reads that something was done to a case, never what. The details are not even opened.
func TestAnAdministratorReadsNoCaseInTheRecord(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		ana := h.Person(11, "Ana", access.Lead)
		open, red, sealed := object(ctx, t, h), object(ctx, t, h), object(ctx, t, h)
		person := access.Object{Ref: ref.Ref{Kind: ref.Account}, Realm: access.Registry, TLP: tlp.Amber}
		party := access.Object{Ref: ref.Ref{Kind: ref.Party}, Realm: access.Team, TLP: tlp.Amber}
		err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, o := range []*access.Object{&person, &party} {
				if err := access.Protect(ctx, tx, o, h.Clock.Now()); err != nil {
					return err
				}
				if _, err := h.Ring.Create(ctx, tx, o.Ref.ID, h.Clock.Now()); err != nil {
					return err
				}
			}
			red.TLP, sealed.Sealed = tlp.Red, true
			for _, o := range []*access.Object{&red, &sealed} {
				if err := access.Update(ctx, tx, o, h.Clock.Now()); err != nil {
					return err
				}
			}
			for _, e := range []audit.Entry{
				{Verb: "incident.edit", On: open.Ref},
				{Verb: "incident.edit", On: red.Ref},
				{Verb: "incident.edit", On: sealed.Ref},
				{Verb: "coordination.send", On: party.Ref, About: open.Ref},
				{Verb: "account.grant_role", On: person.Ref},
				{Verb: "correspondence.aside", On: ref.Ref{Kind: ref.Arrival, ID: 4}},
				{Verb: "correspondence.pause"},
			} {
				e.At, e.By, e.Note, e.Changes = h.Clock.Now(), ana, "why", []audit.Change{{Field: "title", To: "Ransomware at the mill"}}
				if err := h.Audit.Write(ctx, tx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			by   access.Actor
			want string // newest first; a withheld entry in brackets
		}{
			{h.Person(12, "Root", access.Admin), "correspondence.pause [correspondence.aside] account.grant_role [coordination.send] [incident.edit] [incident.edit]"},
			{ana, "correspondence.pause correspondence.aside account.grant_role coordination.send incident.edit incident.edit"},
			{h.Person(13, "Iris", access.Auditor), "correspondence.pause correspondence.aside account.grant_role coordination.send incident.edit incident.edit"},
		} {
			rows, err := h.Audit.List(ctx, h.DB, c.by, 0, 50)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rows {
				word := r.Verb
				if r.Withheld {
					word = "[" + word + "]"
				}
				if r.Withheld != (r.Note == "") || r.Withheld != (len(r.Changes) == 0) || r.Erased {
					t.Errorf("%s reads of %s: %q %v, erased %v", c.by.Name, word, r.Note, r.Changes, r.Erased)
				}
				got = append(got, word)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s reads %s\nwant %s", c.by.Name, strings.Join(got, " "), c.want)
			}
		}
		if _, err := h.Audit.List(ctx, h.DB, h.Person(14, "Rui", access.Analyst), 0, 50); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an analyst reads the record: %v", err)
		}
		rows, err := h.Audit.Find(ctx, h.DB, ana, audit.Filter{Verb: "incident.", Actor: 11, From: h.Clock.Now(), Limit: 1})
		if err != nil || len(rows) != 1 || rows[0].On != red.Ref {
			t.Fatalf("filtered: %+v, %v", rows, err)
		}
		if rows, err = h.Audit.Find(ctx, h.DB, ana, audit.Filter{Verb: "incident.", Before: rows[0].ID}); err != nil || len(rows) != 1 || rows[0].On != open.Ref {
			t.Errorf("the page after: %+v, %v", rows, err)
		}
		for _, f := range []audit.Filter{{Actor: 99}, {To: h.Clock.Now()}, {Verb: "incident.e_"}} {
			if rows, err := h.Audit.Find(ctx, h.DB, ana, f); err != nil || len(rows) != 0 {
				t.Errorf("%+v finds %d: %v", f, len(rows), err)
			}
		}
		if last, err := h.Audit.Last(ctx, h.DB, "correspondence.pause"); err != nil || last.ActorName != "Ana" {
			t.Errorf("last stop: %+v, %v", last, err)
		}
		if last, err := h.Audit.Last(ctx, h.DB, "incident.edit"); err != nil || last.ID != 0 {
			t.Errorf("an incident is no setting: %+v, %v", last, err)
		}
	})
}
