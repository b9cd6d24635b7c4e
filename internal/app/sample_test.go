package app_test

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
	"github.com/tocsin-csirt/tocsin/internal/sample/play"
)

// The country is played once; each test looks at another side of it.
func played(t *testing.T) (*app.House, play.Cast, access.Actor) {
	t.Helper()
	ctx := context.Background()
	h, err := app.Open(ctx, conf.Config{Data: filepath.Join(t.TempDir(), "data")}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	began := time.Now()
	cast, err := h.PlayCountry(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("played in %v", time.Since(began))
	by := access.Actor{Account: 1, Name: "Marta", Roles: []access.Role{access.Lead}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: h.Clock.Now(), Lang: "en"}
	return h, cast, by
}

func TestTheCountryIsThere(t *testing.T) {
	ctx := context.Background()
	h, cast, by := played(t)
	now := h.Clock.Now()

	t.Run("queue", func(t *testing.T) {
		page, err := h.Intake.Queue(ctx, by, intake.QueueFilter{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		groups, channels := map[string]int{}, map[correspondence.Channel]int{}
		unreadable, same := 0, 0
		for _, l := range page.Items {
			groups[l.Group]++
			channels[l.Channel]++
			same = max(same, l.SameCount)
			if l.Unreadable {
				unreadable++
			}
			t.Logf("%-6s %-6s %-28s %-20s proof %d %-16s receipt %-5s due %v  %s", l.Group, l.Channel, l.OrgName, l.Body.Email, l.Proof, l.Seal, l.Receipt, l.DueAt.Sub(now).Round(time.Minute), l.Body.Summary)
		}
		if groups["clock"] < 4 || groups["new"] < 3 || groups["answer"] < 4 {
			t.Errorf("groups %v", groups)
		}
		for _, c := range []correspondence.Channel{correspondence.ByMail, correspondence.ByForm, correspondence.ByPhone, correspondence.ByAPI} {
			if channels[c] == 0 {
				t.Errorf("nothing came by %s", c)
			}
		}
		if unreadable != 1 {
			t.Errorf("%d cannot be read", unreadable)
		}
	})
	t.Run("what the public hands on", func(t *testing.T) {
		list, err := h.Suspicion.List(ctx, by, suspicion.Filter{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		lines, named, judged := 0, 0, 0
		for _, c := range list.Items {
			t.Logf("%-36s %-8s %3d messages of %3d people, names %q, line %v", c.Title, c.State, c.Messages, c.Senders, c.Named, c.Report != 0)
			if c.Report != 0 {
				lines++
			}
			if c.Named == "Banco Mercante, S.A." {
				named++
			}
			if c.State != suspicion.Open {
				judged++
			}
		}
		alone, err := h.Suspicion.Singles(ctx, by, "", 100)
		if err != nil || len(list.Items) != 5 || lines != 2 || named != 1 || judged != 2 || len(alone.Items) != 3 {
			t.Errorf("%d campaigns, %d lines, %d named, %d judged, %d alone, %v", len(list.Items), lines, named, judged, len(alone.Items), err)
		}
	})
	t.Run("take-down", func(t *testing.T) {
		list, err := h.Takedown.Targets(ctx, by, takedown.Filter{All: true})
		if err != nil {
			t.Fatal(err)
		}
		states, told := map[takedown.State]int{}, 0
		for _, x := range list {
			states[x.State]++
			if !x.ToldAt.IsZero() {
				told++
			}
		}
		if states[takedown.Down] != 2 || states[takedown.Back] != 1 || states[takedown.Up] != 1 || told != 4 {
			t.Errorf("%v, %d told", states, told)
		}
	})
	t.Run("registrations", func(t *testing.T) {
		n, err := h.Registration.Counts(ctx, h.DB, by)
		if err != nil || n[registration.New] != 1 || n[registration.Asked] != 1 {
			t.Errorf("%v, %v", n, err)
		}
	})
	t.Run("reports", func(t *testing.T) {
		states, seals, proofs := map[intake.State]int{}, map[correspondence.Seal]int{}, map[correspondence.Proof]int{}
		total := 0
		for _, s := range []intake.State{intake.New, intake.Linked, intake.Answered, intake.Rejected, intake.PassedOn} {
			page, err := h.Intake.List(ctx, by, intake.QueueFilter{State: s, Limit: 200})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Items {
				total++
				states[r.State]++
				seals[r.Seal]++
				proofs[r.Proof]++
			}
		}
		if total != 32 || len(states) != 5 { // two of them are lines of the public lane
			t.Errorf("%d reports: %v", total, states)
		}
		t.Log(states, seals, proofs)
		for _, s := range []correspondence.Seal{correspondence.Plain, correspondence.Signed, correspondence.SignedEncrypted, correspondence.Encrypted} {
			if seals[s] == 0 {
				t.Errorf("none is %s: %v", s, seals)
			}
		}
		if proofs[correspondence.SignedByKey] < 3 || proofs[correspondence.Aligned] < 5 || proofs[correspondence.Claimed] < 3 {
			t.Errorf("proofs %v", proofs)
		}
	})
	t.Run("incidents", func(t *testing.T) {
		page, err := h.Incidents.List(ctx, by, incident.Filter{State: "all", Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) != 13 {
			t.Errorf("%d incidents", len(page.Items))
		}
		measures, requests, states := map[coordination.MeasureState]int{}, map[coordination.RequestState]int{}, map[incident.State]int{}
		for _, in := range page.Items {
			states[in.State]++
			rows, err := h.Coordination.Matrix(ctx, by, in.UID)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s %-12s %-8s %s (%d parties, opened %v ago)", in.Number, in.State, in.Severity, in.Title, len(rows), now.Sub(in.OpenedAt).Round(time.Minute))
			if in.Severity == "critical" && len(rows) != 9 {
				t.Errorf("%s has %d parties", in.Title, len(rows))
			}
			for _, r := range rows {
				for _, m := range r.Measures {
					measures[m.State]++
				}
				for _, q := range r.Requests {
					requests[q.State]++
				}
				if in.Severity == "critical" {
					ago := func(at time.Time) any {
						if at.IsZero() {
							return "-"
						}
						return now.Sub(at).Round(time.Minute)
					}
					t.Logf("   %-32s told %v seen %v (%v) answered %v done %v verified %v silent %v due %v", r.Party.Name, ago(r.ToldAt), ago(r.SeenAt), r.SeenKnown, ago(r.AnsweredAt), ago(r.DoneAt), ago(r.VerifiedAt), ago(r.SilentSince), ago(r.DueAt))
				}
			}
		}
		t.Log(states, measures, requests)
		for s := range coordination.MeasureMoves {
			if measures[s] == 0 {
				t.Errorf("no measure is %s", s)
			}
		}
		for _, s := range []coordination.MeasureState{coordination.Verified, coordination.Expired, coordination.Recalled} {
			if measures[s] == 0 {
				t.Errorf("no measure is %s", s)
			}
		}
		for _, s := range []coordination.RequestState{coordination.Asked, coordination.Replied, coordination.Accepted, coordination.Withdrawn} {
			if requests[s] == 0 {
				t.Errorf("no request is %s", s)
			}
		}
	})
	t.Run("together", func(t *testing.T) {
		page, err := h.Incidents.List(ctx, by, incident.Filter{State: "all", Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		in := page.Items[slices.IndexFunc(page.Items, func(in incident.Incident) bool { return in.Severity == "critical" })]
		calls, err := h.Coordination.Calls(ctx, by, in.UID)
		if err != nil || len(calls) != 2 {
			t.Fatalf("%d calls, %v", len(calls), err)
		}
		for _, c := range calls {
			if past := c.StartsAt.Before(now); len(c.Invited) != 2 || past != (c.State == coordination.CallHeld) || past != (len(c.People) == 3 && len(c.Actions) == 2 && !c.FrozenAt.IsZero()) {
				t.Errorf("%s: %s, %d invited, %d came, %d agreed", c.Title, c.State, len(c.Invited), len(c.People), len(c.Actions))
			}
		}
		all, err := h.Coordination.Situations(ctx, by, in.UID)
		if err != nil || len(all) != 1 || len(all[0].Members) != 2 || len(all[0].Tellings) != 3 || len(all[0].Decisions) != 2 || all[0].Decisions[1].Agreed() != 1 || !all[0].Decisions[1].JointSince.IsZero() {
			t.Errorf("%+v, %v", all, err)
		}
		shares, err := h.Coordination.Shares(ctx, by, in.UID)
		if err != nil || len(shares) != 1 || shares[0].Source == 0 || shares[0].Named || len(shares[0].Readers) != 1 || shares[0].Readers[0].State != correspondence.Sent {
			t.Errorf("%+v, %v", shares, err)
		}
		waiting, err := h.Correspondence.Codes(ctx, by, false) // of Hidrotec, since a quarter of an hour
		listed, err2 := h.Correspondence.Codes(ctx, by, true)
		if err != nil || err2 != nil || len(waiting) != 1 || len(listed) != 3 {
			t.Errorf("%d codes wait, of %d: %v %v", len(waiting), len(listed), err, err2)
		}
	})
	t.Run("campaign", func(t *testing.T) {
		page, err := h.Incidents.List(ctx, by, incident.Filter{State: "all", Limit: 50})
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(page.Items, func(in incident.Incident) bool { return in.Title == "Blackgull: who fetched the false update" })
		sums, table, err := h.Coordination.SumsOf(ctx, by, page.Items[at].UID)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int{} // of the first question, as each of them says in the end
		for _, c := range country.Blackgull(500).Customers {
			switch {
			case c.Answered == 0:
				want[coordination.AnswerNone]++
			case !c.Concerned || c.Act == "not_ours":
				want[coordination.AnswerNotOurs]++
			case c.Answers["runs"] == "":
				want[coordination.AnswerLater]++
			default:
				want[c.Answers["runs"]]++
			}
		}
		got := map[string]int{}
		for _, q := range sums.Questions {
			if q.Question == "runs" {
				got = q.Whole
			}
		}
		if len(table.Rows) != 500 || sums.Parties != 500 || !maps.Equal(got, want) {
			t.Errorf("%d parties, %v, want %v", len(table.Rows), got, want)
		}
		t.Log(got)
		if list, err := h.Correspondence.Masses(ctx, by); err != nil || len(list) != 0 {
			t.Errorf("%d letters to many wait, %v", len(list), err)
		}
	})
	t.Run("outbox", func(t *testing.T) {
		var letters []correspondence.Outgoings
		for after := ""; ; {
			page, err := h.Correspondence.Outbox(ctx, by, correspondence.OutboxFilter{Limit: 500, After: after})
			if err != nil {
				t.Fatal(err)
			}
			letters = append(letters, page.Items...)
			if after = page.Next; after == "" {
				break
			}
		}
		files, err := filepath.Glob(filepath.Join(app.OutboxFolder(h.Config), "*.eml"))
		if err != nil {
			t.Fatal(err)
		}
		states, mails := map[correspondence.State]int{}, 0
		for _, m := range letters {
			states[m.State]++
			if m.State == correspondence.Sent && m.Channel == correspondence.ByMail {
				mails++
			}
			if m.State != correspondence.Sent {
				t.Logf("%s %s %s %s: %s", m.State, m.Kind, m.Reason, m.Name, m.Body.Subject)
			}
		}
		t.Log(states, len(files))
		if mails < 80 || len(files) != mails {
			t.Errorf("%d mails are sent, %d lie in the folder", mails, len(files))
		}
		for s := range states {
			if !slices.Contains([]correspondence.State{correspondence.Sent, correspondence.Waiting}, s) {
				t.Errorf("%d letters are %s", states[s], s)
			}
		}
	})
	t.Run("sign in", func(t *testing.T) {
		if len(cast.People) != 13 || len(cast.Tokens) != 7 || len(cast.Keys) != 2 {
			t.Errorf("%d people, %d tokens, %d keys", len(cast.People), len(cast.Tokens), len(cast.Keys))
		}
		for name, secret := range cast.Tokens {
			if _, err := h.Accounts.ByToken(ctx, secret, netip.MustParseAddr("127.0.0.1")); err != nil {
				t.Errorf("token %s: %v", name, err)
			}
		}

		for _, f := range cast.Keys {
			if st, err := os.Stat(f); err != nil || st.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v %v", f, st, err)
			}
		}
	})
	t.Run("audit", func(t *testing.T) {
		for {
			n, err := h.Sequencer.Number(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
		if err := h.Sequencer.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Verify(ctx, h.DB, h.Ring, h.Verifier); err != nil {
			t.Errorf("the record does not hold: %v", err)
		}
	})
}
