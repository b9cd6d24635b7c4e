package intake_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// box lets the house make the key under which pages seal what they take.
func (d *desk) box(ctx context.Context) {
	d.Helper()
	if _, err := d.s.DropKey(ctx); err != nil {
		d.Fatal(err)
	}
}

// filed is a report of a stranger under two laws.
func filed() intake.ReceiveInput {
	in := form("Encrypted servers", "")
	in.Channel = correspondence.ByForm
	in.Filings = []intake.Filing{{Set: "be-nis2", Stage: "early_warning", Class: "essential"}, {Set: "pt-dl-125-2025", Stage: "initial", Class: "no such"}}
	in.Answers = law.Answers{"summary": "Encrypted", "aware_at": "2026-06-30T08:00:00Z", "determined_at": "2026-06-30T09:00:00Z", "malicious": "yes", "cause": "no choice"}
	in.Body.Behalf, in.Body.Affected = "provider", []string{"Town of Abel", "Town of Bela"}
	return in
}

// One form hands in a stage under each of two laws; each gets what it asks, counted from when it was told and not from when the house woke up.
func TestAFormUnderTwoLaws(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.Clock.Set(time.Date(2026, 7, 1, 7, 0, 0, 0, time.UTC))
		d.box(ctx)
		code, told := id.NewCode(), d.Clock.Now()
		if _, err := d.drop(ctx, intake.Drop{Input: filed(), Code: code}); err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(3 * time.Hour) // the house was down
		if n, err := d.s.OpenDrops(ctx); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		r := d.queue(ctx, intake.QueueFilter{})[0].Report
		all, err := d.s.Submissions(ctx, d.DB, d.ana, r.UID)
		if err != nil || len(all) != 2 {
			t.Fatalf("%d submissions, %v", len(all), err)
		}
		if a := all[0]; a.Set != "be-nis2" || !a.ToldAt.Equal(told) || a.Answers["malicious"] != "yes" || a.Answers["determined_at"] != "" {
			t.Errorf("Belgium: %+v", a)
		}
		if a := all[1]; a.Set != "pt-dl-125-2025" || a.Answers["determined_at"] == "" || a.Answers["malicious"] != "" || a.Answers["cause"] != "" {
			t.Errorf("Portugal: %+v", a)
		}
		os := d.obligations(ctx, d.ana, r)
		if len(os) != 2 || os[0].Class != "essential" || os[1].Class != "" {
			t.Errorf("obligations: %+v", os)
		}
		look, err := intake.Look(ctx, d.DB, d.Clock, code)
		if err != nil || look.Crime != "be-nis2" || look.Behalf != intake.Unconfirmed || len(look.Handed) != 2 || len(look.Recipients) != 2 {
			t.Errorf("the link shows %+v, %v", look, err)
		}
	})
}

// A later stage comes by the code that was shown; by one that travelled in clear mail it is a message that a person files.
func TestALaterStageByTheLink(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.Clock.Set(time.Date(2026, 7, 1, 7, 0, 0, 0, time.UTC))
		d.box(ctx)
		code := id.NewCode()
		if _, err := d.drop(ctx, intake.Drop{Input: filed(), Code: code}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.s.OpenDrops(ctx); err != nil {
			t.Fatal(err)
		}
		r := d.queue(ctx, intake.QueueFilter{})[0].Report
		later := func(code id.Secret, l intake.Later) {
			t.Helper()
			d.Clock.Advance(time.Hour)
			if _, err := d.drop(ctx, intake.Drop{Add: true, Code: code, Once: id.New(), Text: "What I hand in", Later: &l}); err != nil {
				t.Fatal(err)
			}
			if n, err := d.s.OpenDrops(ctx); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		count := func() int {
			t.Helper()
			all, err := d.s.Submissions(ctx, d.DB, d.ana, r.UID)
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}
		later(code, intake.Later{Filings: []intake.Filing{{Set: "be-nis2", Stage: "notification"}}, Answers: law.Answers{"status": "Contained"}})
		if count() != 3 {
			t.Fatalf("%d submissions", count())
		}
		for what, l := range map[string]intake.Later{
			"no such law":        {Filings: []intake.Filing{{Set: "xx-law", Stage: "a"}}},
			"no such stage":      {Filings: []intake.Filing{{Set: "be-nis2", Stage: "a"}}},
			"a pointer":          {Filings: []intake.Filing{{Set: "eu-gdpr-33", Stage: "authority"}}},
			"no such submission": {Corrects: 77},
		} {
			later(code, l)
			if count() != 3 {
				t.Errorf("%s was filed", what)
			}
		}
		if n := len(d.messages(ctx, r)); n != 6 {
			t.Errorf("%d messages: what could not be filed stands there", n)
		}
		if _, err := d.DB.Exec(ctx, `UPDATE intake_code SET entire = FALSE`); err != nil {
			t.Fatal(err)
		}
		later(code, intake.Later{Corrects: 1, Answers: law.Answers{"summary": "Forged"}})
		if count() != 3 {
			t.Error("a link that travelled in clear mail handed something in")
		}
		_, err := d.drop(ctx, intake.Drop{Add: true, Code: code, Text: "x", Later: &intake.Later{Answers: law.Answers{"summary": strings.Repeat("x", law.MaxAnswer+1)}}})
		d.refused("an endless answer", err, errs.Invalid)
	})
}

// Who reports for somebody else is marked until a person notes how the organisation confirmed it.
func TestWhoSpeaksForSomebodyElseIsMarked(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		in := filed()
		r := d.receive(ctx, access.Stranger(access.ByPage, "en"), in).Report
		if r.Behalf != intake.Unconfirmed || len(r.Body.Affected) != 2 {
			t.Fatalf("%+v", r)
		}
		d.refused("no word of how", d.s.Confirm(ctx, d.ana, r.UID, "  "), errs.Invalid)
		d.refused("a constituent of another organisation", d.s.Confirm(ctx, d.Constituent(2, "Rui", d.hospital.Ref.ID), r.UID, ""), errs.NotFound)
		d.refused("a stranger", d.s.Confirm(ctx, access.Stranger(access.ByPage, "en"), r.UID, "me"), errs.Unauthenticated)
		if err := d.s.Confirm(ctx, d.ana, r.UID, "Called the town hall by its known number"); err != nil {
			t.Fatal(err)
		}
		if r := d.queue(ctx, intake.QueueFilter{})[0]; r.Behalf != intake.Confirmed {
			t.Error("still marked")
		}
		d.refused("twice", d.s.Confirm(ctx, d.ana, r.UID, "again"), errs.Conflict)
		in.Body.Behalf = "king"
		_, err := d.s.Receive(ctx, access.Stranger(access.ByPage, "en"), in)
		d.refused("no such role", err, errs.Invalid)
		in = filed()
		for n := range intake.MaxAffected + 1 {
			in.Body.Affected = append(in.Body.Affected, fmt.Sprint("Town ", n))
		}
		_, err = d.s.Receive(ctx, access.Stranger(access.ByPage, "en"), in)
		d.refused("too many organisations", err, errs.Invalid)
	})
}

// A draft opens for nobody but who holds its code, and a full house begins no new ones while it keeps what it has.
func TestDrafts(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		code, now := id.NewCode(), d.Clock.Now()
		save := func(code id.Secret, s string) error {
			_, err := intake.SaveDraft(ctx, d.DB, now, code, func(x *intake.Draft) error {
				x.Boxes["q"] += s
				return nil
			})
			return err
		}
		for _, s := range []string{"a", "b"} {
			if err := save(code, s); err != nil {
				t.Fatal(err)
			}
		}
		if x, err := intake.OpenDraft(ctx, d.DB, now, code); err != nil || x.Boxes["q"] != "ab" {
			t.Errorf("%+v, %v", x, err)
		}
		_, err := intake.OpenDraft(ctx, d.DB, now, id.NewCode())
		d.refused("another code", err, errs.NotFound)
		d.refused("no code", save(id.SecretOf("x"), ""), errs.Invalid)
		d.refused("too large", save(code, strings.Repeat("x", 1<<20)), errs.Limit)
		if _, err := d.DB.Exec(ctx, `INSERT INTO intake_draft (key, sealed, size, saved_at) VALUES ($1, $2, $3, $4)`, []byte("other"), []byte("x"), int64(600<<20), now); err != nil {
			t.Fatal(err)
		}
		d.refused("a new one in a full house", save(id.NewCode(), "x"), errs.Unavailable)
		if err := save(code, "c"); err != nil {
			t.Errorf("one that is there: %v", err)
		}
	})
}
