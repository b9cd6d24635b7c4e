package incident_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const why = "an insider at the ministry is suspected"

// A lead seals a case: its report, party and thread vanish with it for everybody who is not named, leads and administrators too, and so does what
// joins it afterwards (rule A12).
func TestASealCoversTheWholeCase(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		first, second := d.report(ctx, t, "mailbox of the minister"), d.report(ctx, t, "the same mailbox again")
		in, err := d.Open(ctx, d.ana, incident.NewIncident{Reports: []string{first.UID}, Handler: 1})
		if err != nil {
			t.Fatal(err)
		}
		// What a law asks belongs to the case, and so does the letter that passed it on.
		if _, err := d.Intake.Submit(ctx, d.ana, first.UID, intake.SubmitInput{Set: "be-nis2", Stage: "early_warning", Channel: correspondence.ByPhone}); err != nil {
			t.Fatal(err)
		}
		authority, err := d.Constituency.Create(ctx, d.ana, constituency.NewOrganisation{Name: "Health authority", Lang: "en"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Constituency.AddContact(ctx, d.ana, authority.UID, constituency.NewContact{Name: "Desk", Role: "security", Email: "desk@authority.example"}); err != nil {
			t.Fatal(err)
		}
		owed, err := d.Intake.Obligations(ctx, d.House.DB, d.ana, first.Ref.ID)
		if err != nil || len(owed[first.Ref.ID]) != 1 {
			t.Fatalf("%v %v", owed, err)
		}
		obligation := owed[first.Ref.ID][0]
		if _, err := d.Intake.Forward(ctx, d.ana, obligation.UID, intake.ForwardInput{Recipient: "sector_authority", Organisation: authority.UID}); err != nil {
			t.Fatal(err)
		}
		other := d.Person(6, "Bruno", access.Lead)
		everything := func(by access.Actor) (seen []string) {
			t.Helper()
			if _, err := d.Get(ctx, d.House.DB, by, in.UID); err == nil {
				seen = append(seen, "incident")
			}
			for _, r := range []string{first.UID, second.UID} {
				got, err := d.Intake.Get(ctx, d.House.DB, by, r)
				if err != nil {
					continue
				}
				seen = append(seen, "report")
				if m, err := d.Correspondence.Messages(ctx, d.House.DB, by, got.Thread); err == nil && len(m) > 0 {
					seen = append(seen, "messages")
				}
			}
			if rows, err := d.Coordination.Matrix(ctx, by, in.UID); err == nil && len(rows) > 0 {
				seen = append(seen, "parties")
			}
			if p, err := d.Correspondence.Outbox(ctx, by, correspondence.OutboxFilter{}); err == nil && len(p.Items) > 0 {
				seen = append(seen, "outbox")
			}
			if l, err := d.List(ctx, by, incident.Filter{State: "all"}); err == nil && len(l.Items) > 0 {
				seen = append(seen, "list")
			}
			if all, err := d.Intake.Obligations(ctx, d.House.DB, by, first.Ref.ID); err == nil && len(all) > 0 {
				seen = append(seen, "what a law asks")
			}
			if all, err := d.Intake.Forwards(ctx, d.House.DB, by, obligation.UID); err == nil && len(all) > 0 {
				seen = append(seen, "what was passed on")
			}
			if all, _, err := d.Deadlines.List(ctx, by, deadline.Filter{}); err == nil && len(all) > 0 {
				seen = append(seen, "deadlines")
			}
			return seen
		}
		for _, x := range []struct {
			by    access.Actor
			named []int64
			why   string
			kind  errs.Kind
		}{
			{d.ana, nil, why, errs.Forbidden},
			{d.Person(3, "Root", access.Admin), nil, why, errs.NotFound},
			{d.lead, nil, "", errs.Invalid},
			{d.lead, nil, "short", errs.Invalid},
			{d.lead, []int64{99}, why, errs.Invalid}, // nobody of the team
		} {
			_, err := d.Seal(ctx, x.by, in.UID, 0, x.named, x.why)
			if got := errs.Of(err); got != x.kind && !(x.kind == errs.NotFound && got == errs.Forbidden) {
				t.Errorf("%v sealed: %v", x.by.Roles, err)
			}
		}
		if _, err := d.Seal(ctx, d.lead, in.UID, in.Version+7, nil, why); !errs.Is(err, errs.Conflict) {
			t.Errorf("a stale version sealed: %v", err)
		}
		got, err := d.Seal(ctx, d.lead, in.Number, 0, []int64{1}, why)
		if err != nil || !got.Sealed {
			t.Fatalf("%+v: %v", got, err)
		}
		if _, err := d.Attach(ctx, d.ana, in.UID, []string{second.UID}); err != nil {
			t.Fatal(err)
		}
		for _, by := range []access.Actor{other, d.Person(3, "Root", access.Admin), d.Person(4, "Claire", access.Auditor), d.Person(5, "Duarte", access.Duty)} {
			if seen := everything(by); len(seen) != 0 {
				t.Errorf("%v of a sealed case: %v", by.Roles, seen)
			}
			rows, err := d.House.Audit.List(ctx, d.House.DB, d.Person(6, "Bruno", access.Lead), 0, 100)
			if err != nil || slices.ContainsFunc(rows, func(r audit.Row) bool { return r.On == in.Ref }) {
				t.Errorf("the record shows it: %v", err)
			}
		}
		for _, by := range []access.Actor{d.ana, d.lead} {
			if seen := everything(by); !slices.Contains(seen, "incident") || !slices.Contains(seen, "parties") || !slices.Contains(seen, "what was passed on") || len(seen) < 10 {
				t.Errorf("%s, who is named, sees %v", by.Name, seen)
			}
		}
		// Who is taken out of the names sees nothing from then on; who opens it proves afresh who it is.
		if _, err := d.Seal(ctx, d.lead, in.UID, 0, nil, why); err != nil {
			t.Fatal(err)
		}
		if seen := everything(d.ana); len(seen) != 0 {
			t.Errorf("no longer named: %v", seen)
		}
		stale := d.lead
		stale.ProvedAt = stale.ProvedAt.Add(-time.Hour)
		if _, err := d.Unseal(ctx, stale, in.UID, 0, why); !errs.Is(err, errs.Unauthenticated) {
			t.Errorf("opened without a fresh proof: %v", err)
		}
		if _, err := d.Unseal(ctx, other, in.UID, 0, why); !errs.Is(err, errs.NotFound) {
			t.Errorf("another lead opened it: %v", err)
		}
		if _, err := d.Unseal(ctx, d.lead, in.UID, 0, why); err != nil {
			t.Fatal(err)
		}
		if seen := everything(other); len(seen) < 10 {
			t.Errorf("opened again, and %s sees %v", other.Name, seen)
		}
		if _, err := d.Unseal(ctx, d.lead, in.UID, 0, why); !errs.Is(err, errs.Conflict) {
			t.Errorf("opened twice: %v", err)
		}
	})
}

// The duty officer breaks the glass: four hours, with a reason and a fresh proof; the lead, the auditor and the handler are told at once, and the
// one who did it cannot look at it as done (rules A12, T4).
func TestBrokenGlassIsAlarmedAndEnds(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		in, err := d.Open(ctx, d.ana, incident.NewIncident{Title: "a case under seal", Handler: 1})
		if err != nil {
			t.Fatal(err)
		}
		duty, auditor := d.Person(7, "Duarte", access.Duty), d.Person(4, "Claire", access.Auditor)
		if _, err := d.BreakGlass(ctx, duty, in.Number, why); !errs.Is(err, errs.Conflict) {
			t.Fatalf("a case without a seal: %v", err)
		}
		if _, err := d.Seal(ctx, d.lead, in.UID, 0, []int64{1}, why); err != nil {
			t.Fatal(err)
		}
		stale := duty
		stale.ProvedAt = stale.ProvedAt.Add(-time.Hour)
		byToken := duty
		byToken.Origin, byToken.ProvedAt = access.ByAPI, time.Time{}
		for _, x := range []struct {
			by        access.Actor
			name, why string
			kind      errs.Kind
		}{
			{d.Person(8, "Ines", access.Analyst), in.Number, why, errs.Forbidden},
			{d.Person(3, "Root", access.Admin), in.Number, why, errs.Forbidden},
			{auditor, in.Number, why, errs.Forbidden},
			{stale, in.Number, why, errs.Unauthenticated},
			{byToken, in.Number, why, errs.Unauthenticated},
			{duty, in.Number, " ", errs.Invalid},
			{duty, "INC-2026-000999", why, errs.NotFound},
			{access.Stranger(access.ByPage, "en"), in.Number, why, errs.Unauthenticated},
		} {
			if _, err := d.BreakGlass(ctx, x.by, x.name, x.why); errs.Of(err) != x.kind {
				t.Errorf("%v broke it: %v", x.by.Roles, err)
			}
		}
		if list, err := d.Alarms.List(ctx, auditor); err != nil || len(list) != 0 {
			t.Fatalf("alarms before: %v %v", list, err)
		}
		if _, err := d.BreakGlass(ctx, duty, in.Number, why); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Get(ctx, d.House.DB, duty, in.UID); err != nil || got.Title != "a case under seal" {
			t.Fatalf("the glass is broken: %v", err)
		}
		other := d.Person(6, "Bruno", access.Lead)
		for _, by := range []access.Actor{other, auditor, d.ana} {
			list, err := d.Alarms.List(ctx, by)
			if err != nil || len(list) != 1 || list[0].Kind != alarm.BrokenGlass || list[0].Named != in.Number || list[0].Why != why || list[0].Name != "Duarte" {
				t.Errorf("%s was told %+v: %v", by.Name, list, err)
			}
		}
		for _, by := range []access.Actor{duty, d.Person(8, "Ines", access.Analyst)} {
			if list, err := d.Alarms.List(ctx, by); err != nil || len(list) != 0 {
				t.Errorf("%s reads %d alarms of others: %v", by.Name, len(list), err)
			}
		}
		if _, err := d.Alarms.List(ctx, d.Person(3, "Root", access.Admin)); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an administrator: %v", err)
		}
		list, _ := d.Alarms.List(ctx, auditor)
		if err := d.Alarms.Review(ctx, duty, list[0].UID, why); !errs.Is(err, errs.Forbidden) {
			t.Errorf("the duty officer reviewed: %v", err)
		}
		if err := d.Alarms.Review(ctx, d.Person(3, "Root", access.Admin), list[0].UID, why); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an administrator reviewed: %v", err)
		}
		both := d.Person(7, "Duarte", access.Lead) // made a lead meanwhile: still not of one's own
		if err := d.Alarms.Review(ctx, both, list[0].UID, why); !errs.Is(err, errs.Forbidden) {
			t.Errorf("reviewed one of its own: %v", err)
		}
		if err := d.Alarms.Review(ctx, auditor, list[0].UID, "spoke with Duarte, it was needed"); err != nil {
			t.Fatal(err)
		}
		if err := d.Alarms.Review(ctx, other, list[0].UID, why); !errs.Is(err, errs.Conflict) {
			t.Errorf("reviewed twice: %v", err)
		}
		if n, err := d.Alarms.Open(ctx, other); err != nil || n != 0 {
			t.Errorf("%d open: %v", n, err)
		}
		d.House.Clock.Advance(incident.GlassFor + time.Second)
		duty.AskedAt = d.House.Clock.Now()
		if _, err := d.Get(ctx, d.House.DB, duty, in.UID); !errs.Is(err, errs.NotFound) {
			t.Errorf("four hours later: %v", err)
		}
		if _, err := access.Load(ctx, d.House.DB, access.Actor{Account: 7, Roles: []access.Role{access.Duty}}, ref.Ref{Kind: ref.Incident, ID: in.Ref.ID}); !errs.Is(err, errs.NotFound) {
			t.Errorf("an actor that does not say when it asks: %v", err)
		}
	})
}

// The scripted snooper: who opens many cases outside the own work is reported once, and what is RED or sealed is in the record before it is shown
// (rule T4).
func TestASnooperIsNoticed(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		watch := &alarm.Watch{Alarms: d.Alarms}
		open := func(n int) (list []incident.Incident) {
			for range n {
				in, err := d.Open(ctx, d.lead, incident.NewIncident{Title: "case"})
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, in)
			}
			return list
		}
		read := func(by access.Actor, list ...incident.Incident) {
			t.Helper()
			for _, in := range list {
				if err := watch.Read(ctx, by, in.Object); err != nil {
					t.Fatal(err)
				}
			}
		}
		alarms := func() int {
			list, err := d.Alarms.List(ctx, d.Person(4, "Claire", access.Auditor))
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		cases := open(alarm.Bulk + 1)
		read(d.ana, cases[:alarm.Bulk]...)
		read(d.ana, cases[:alarm.Bulk]...) // the same again
		mine := cases[alarm.Bulk]
		mine.Handler = d.ana.Account
		read(d.ana, mine)
		if n := alarms(); n != 0 {
			t.Fatalf("%d alarms for %d cases", n, alarm.Bulk)
		}
		read(d.ana, cases[alarm.Bulk])
		read(d.ana, cases...)
		if n := alarms(); n != 1 {
			t.Fatalf("%d alarms for %d cases", n, alarm.Bulk+1)
		}
		read(d.Person(8, "Ines", access.Analyst), cases[:alarm.Bulk]...) // each person counts alone
		d.House.Clock.Advance(time.Hour)
		read(d.ana, cases[:alarm.Bulk]...) // an hour later they are no longer many
		if n := alarms(); n != 1 {
			t.Fatalf("%d alarms an hour later", n)
		}

		red, err := d.Open(ctx, d.lead, incident.NewIncident{Title: "red", TLP: 5})
		if err != nil {
			t.Fatal(err)
		}
		recorded := func(in incident.Incident) (n int) {
			rows, err := d.House.Audit.About(ctx, d.House.DB, in.Ref.ID, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if r.Verb == alarm.VerbRead && r.Actor == d.ana.Account {
					n++
				}
			}
			return n
		}
		read(d.ana, red, red, cases[0])
		if n := recorded(red); n != 1 || recorded(cases[0]) != 0 {
			t.Errorf("recorded %d times", n)
		}
		d.House.Clock.Advance(time.Hour)
		read(d.ana, red)
		if n := recorded(red); n != 2 {
			t.Errorf("recorded %d times an hour later", n)
		}
	})
}
