package mailroom

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/handover"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// cases gives a house its incidents, and lets its jobs run.
func (h *house) cases() *incident.Service {
	h.Helper()
	for _, domain := range []string{"cert.example", "csirt-b.example"} {
		h.zone.Texts[domain] = []string{"v=spf1 ip4:127.0.0.1 -all"}
	}
	r := h.room
	s := &incident.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Constituency: r.Constituency, Correspondence: r.Correspondence, Intake: r.Intake, Coordination: r.Coordination,
		Deadlines: r.Coordination.Deadlines, Search: search.New(h.Ring), TypeKnown: func(c string) bool { return c == "" || c == "fraud:phishing" }, Zone: time.UTC, Lang: "en",
	}
	r.Correspondence.Follow = r.Coordination
	r.Intake.Answer = func(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, in correspondence.Incoming) (correspondence.Message, bool, error) {
		p, err := r.Coordination.PartyOfThread(ctx, tx, thread)
		if errs.Is(err, errs.NotFound) {
			return correspondence.Message{}, false, nil
		}
		must(h.T, err)
		m, err := r.Coordination.AnswerTx(ctx, tx, by, p, in)
		return m, true, err
	}
	r.Correspondence.Work(h.Registry)
	h.Work(h.T)
	return s
}

// peer enters another team.
func (h *house) peer(name, address string) constituency.Organisation {
	h.Helper()
	o, err := h.room.Constituency.Create(h.ctx, h.ana, organisation(name))
	must(h.T, err)
	_, err = h.room.Constituency.AddContact(h.ctx, h.ana, o.UID, contact(address))
	must(h.T, err)
	must(h.T, h.room.Constituency.SetLiaison(h.ctx, h.ana, o.UID, constituency.Liaison{Kind: constituency.CSIRT, Country: "BE", Basis: "CSIRTs network"}))
	return o
}

func (h *house) handed(party string) coordination.Handover {
	h.Helper()
	list, err := h.room.Coordination.Handovers(h.ctx, h.DB, h.ana, party)
	must(h.T, err)
	if len(list) != 1 {
		h.Fatalf("%d hand-overs", len(list))
	}
	return list[0]
}

// Two houses: what one hands over the other reads in fields, takes over with one act, and the first knows it by itself: its clock stands, and it has the other's reference.
func TestACaseGoesFromOneHouseToAnother(t *testing.T) {
	engines(t, func(a *house) {
		b := open(a.T, coretest.Open(a.T, a.DB.Engine().String()), "csirt-b.example")
		ours, theirs := a.cases(), b.cases()
		ours.Coordination.Country, theirs.Coordination.Country = "PT", "BE"
		peer := a.peer("CSIRT B", "report@csirt-b.example")
		from := b.peer("CERT", "report@cert.example")
		in, err := ours.Open(a.ctx, a.ana, incident.NewIncident{Title: "Stolen mailboxes", TLP: tlp.Green, Severity: "high"})
		must(t, err)
		parties, err := a.room.Coordination.Add(a.ctx, a.ana, in.UID, []string{peer.UID, a.hospital.UID}, "", "")
		must(t, err)
		x, err := a.room.Coordination.HandOver(a.ctx, a.ana, parties[0].UID, coordination.HandOverInput{
			Title: "Stolen mailboxes of a bank", Summary: "Forty mailboxes send from your addresses.", Type: "fraud:phishing", Severity: "high", Asked: "Tell the owners.", DueAt: a.Clock.Now().Add(48 * time.Hour),
			StartedAt: a.Clock.Now().Add(-24 * time.Hour), Observables: []handover.Observable{{Type: "ip", Value: "198.51.100.7"}, {Type: "url", Value: "http://bank.example/login"}},
		})
		must(t, err)
		a.until("the letter", func() bool { return len(a.left()) == 1 })
		b.mail("report@cert.example", "report@csirt-b.example", a.left()[0])
		b.sort()
		r := b.one()
		if r.Body.Handed == nil || r.Body.Handed.Refused != "" || r.TLP != tlp.Green || len(r.Body.Observables) != 2 || r.Organisation != from.Ref.ID || r.OccurredAt.IsZero() {
			t.Fatalf("read as %+v, %s, %+v", r.Body.Handed, r.TLP, r.Body.Observables)
		}
		for name, by := range map[string]access.Actor{"an auditor": b.Person(8, "Aud", access.Auditor), "a constituent": b.Constituent(9, "Rui", b.hospital.Ref.ID)} {
			if _, err := theirs.TakeOver(b.ctx, by, r.UID); !errs.Is(err, errs.Forbidden) {
				t.Errorf("%s takes over: %v", name, err)
			}
		}
		got, err := theirs.TakeOver(b.ctx, b.ana, r.UID)
		must(t, err)
		if got.Title != "Stolen mailboxes of a bank" || got.TLP != tlp.Green || got.Type != "fraud:phishing" || got.Severity != "high" || got.StartedAt.IsZero() || !strings.Contains(got.Summary, "Tell the owners.") {
			t.Errorf("opened %+v", got)
		}
		if _, err := theirs.TakeOver(b.ctx, b.ana, r.UID); !errs.Is(err, errs.Conflict) {
			t.Errorf("taken twice: %v", err)
		}
		all, err := b.room.Coordination.PartiesOf(b.ctx, b.DB, b.ana, got.Ref)
		if err != nil || len(all) != 1 || all[0].Role != coordination.Peer {
			t.Fatalf("parties %+v %v", all, err)
		}
		taken, err := b.room.Coordination.TakenOf(b.ctx, b.DB, b.ana, got.Ref)
		if err != nil || len(taken) != 1 || !strings.HasPrefix(taken[0].Reference, "P-") || taken[0].Team != "CERT" || taken[0].Sum != a.handed(parties[0].UID).Sum {
			t.Errorf("what they call it: %+v %v", taken, err)
		}
		if o, err := b.room.Coordination.TakenAs(b.ctx, b.DB, b.ana, from.Ref.ID, x.UID); err != nil || o.UID != got.UID {
			t.Errorf("taken as %+v %v", o, err)
		}
		// The answer goes back to where the case is.
		ack := ""
		b.until("the answer", func() bool {
			i := slices.IndexFunc(b.left(), func(m string) bool { return strings.Contains(m, handover.AckFile) })
			if i >= 0 {
				ack = b.left()[i]
			}
			return i >= 0
		})
		to := mail.Parse([]byte(ack)).Header().Get("To")
		if want := a.room.Correspondence.Team.ReplyTo(a.thread(parties[0].Thread).Tag); to != want {
			t.Fatalf("the answer goes to %q, want %q", to, want)
		}
		// Who is not that team says the same, with the tag: it waits unproved, and nothing is settled.
		a.mail("rui@hospital.example", to, strings.Replace(ack, "report@csirt-b.example", "rui@hospital.example", 1))
		a.sort()
		if h := a.handed(parties[0].UID); h.State != coordination.HandedOver {
			t.Fatalf("settled by a stranger: %+v", h)
		}
		own := a.room.Correspondence.Team.ReplyTo(a.thread(parties[1].Thread).Tag)
		a.mail("rui@hospital.example", own, strings.NewReplacer("report@csirt-b.example", "rui@hospital.example", to, own, "Message-ID: <", "Message-ID: <y.").Replace(ack))
		a.sort()
		if h := a.handed(parties[0].UID); h.State != coordination.HandedOver || len(a.messages(parties[1].Thread, a.ana)) != 1 {
			t.Fatalf("settled by another party: %+v", h)
		}
		a.mail("report@csirt-b.example", to, ack)
		a.sort()
		if h := a.handed(parties[0].UID); h.State != coordination.HandoverTaken || h.Reference != r.Reference {
			t.Errorf("what became of it: %+v", h)
		}
		clocks, err := a.room.Coordination.Deadlines.Under(a.ctx, a.DB, in.Ref.ID)
		if err != nil || len(clocks[in.Ref.ID]) != 1 || clocks[in.Ref.ID][0].Open() {
			t.Errorf("the clock: %+v %v", clocks, err)
		}
		if n := len(a.reports()); n != 0 {
			t.Errorf("%d reports at the first", n)
		}
	})
}

// What is hostile is refused with its reason, and the letter is a report like any other; an answer about what was handed to somebody else settles nothing.
func TestAHostileHandOverIsAReport(t *testing.T) {
	engines(t, func(h *house) {
		s := h.cases()
		h.peer("CSIRT B", "report@csirt-b.example")
		good, err := handover.Document{ID: "d1", From: handover.From{Team: "B"}, TLP: "TLP:RED", Title: "A case", Summary: "x", Reference: "INC-2026-000001", AnswerTo: "root@bank.example"}.Write()
		must(t, err)
		part := func(name, content string) string {
			return "Content-Type: application/json; name=" + name + "\nContent-Disposition: attachment; filename=" + name + "\n\n" + content
		}
		send := func(from, subject string, parts ...string) intake.Report {
			h.Helper()
			h.mail(from, "report@cert.example", h.mixed(from, subject, "", append([]string{"Content-Type: text/plain\n\nWe hand this over."}, parts...)...))
			h.sort()
			all := h.reports()
			i := slices.IndexFunc(all, func(l intake.Line) bool { return l.Report.Body.Summary == subject })
			if i < 0 {
				t.Fatalf("%s is no report", subject)
			}
			return all[i].Report
		}
		b := "report@csirt-b.example"
		for want, r := range map[string]intake.Report{
			handover.OtherForm:    send(b, "unknown", part(handover.File, strings.Replace(string(good), `"id"`, `"later": 1, "id"`, 1))),
			handover.OtherKind:    send(b, "kind", part(handover.File, `{"format":"misp","version":1}`)),
			handover.TooLarge:     send(b, "large", part(handover.File, "{"+strings.Repeat("\n", handover.MostBytes)+"}")),
			intake.HandedMany:     send(b, "many", part(handover.File, string(good)), part("Handover.json", string(good))),
			intake.HandedUnproved: send("nobody@far.example", "unproved", part(handover.File, string(good))),
		} {
			if r.Body.Handed == nil || r.Body.Handed.Refused != want || r.State != intake.New || r.Body.Handed.Document.Title != "" {
				t.Errorf("%s: %+v, want %s", r.Body.Summary, r.Body.Handed, want)
			}
			if _, err := s.TakeOver(h.ctx, h.ana, r.UID); !errs.Is(err, errs.Conflict) {
				t.Errorf("%s is taken over: %v", r.Body.Summary, err)
			}
		}
		// A proved contact that is no team hands over nothing; one that is names no other mailbox to be answered at, and no case of ours.
		if _, err := s.TakeOver(h.ctx, h.ana, send("rui@hospital.example", "hospital", part(handover.File, string(good))).UID); !errs.Is(err, errs.Conflict) {
			t.Errorf("a hospital hands over: %v", err)
		}
		// Without a key no word of what is RED goes back, so nothing is taken over; accepted by hand it can be.
		red := send(b, "red", part(handover.File, string(good)))
		if _, err := s.TakeOver(h.ctx, h.ana, red.UID); !errs.Is(err, errs.Forbidden) || red.TLP != tlp.Red {
			t.Errorf("%s without a key: %v", red.TLP, err)
		}
		if r, err := s.Intake.Get(h.ctx, h.DB, h.ana, red.UID); err != nil || r.State != intake.New {
			t.Errorf("what was refused is %s: %v", r.State, err)
		}
		good = []byte(strings.Replace(string(good), "TLP:RED", "TLP:GREEN", 1))
		in, err := s.TakeOver(h.ctx, h.ana, send(b, "TLP:CLEAR good", part(handover.File, string(good))).UID)
		must(t, err)
		if in.TLP != tlp.Green {
			t.Errorf("opened under %s", in.TLP)
		}
		h.until("the answer", func() bool {
			return slices.ContainsFunc(h.left(), func(m string) bool { return strings.Contains(m, handover.AckFile) })
		})
		for _, m := range h.left() {
			if strings.Contains(mail.Parse([]byte(m)).Header().Get("To"), "bank.example") {
				t.Errorf("a letter goes to whom a stranger names:\n%s", m)
			}
		}
		if _, err := s.TakeOver(h.ctx, h.ana, send(b, "again", part(handover.File, string(good))).UID); !errs.Is(err, errs.Conflict) {
			t.Errorf("the same document twice: %v", err)
		}
	})
}
