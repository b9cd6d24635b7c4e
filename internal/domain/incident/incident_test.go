package incident_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// desk is a house with every duty that incident stands on.
type desk struct {
	*coretest.House
	*incident.Service
	ana, lead access.Actor
}

func onEach(t *testing.T, story func(ctx context.Context, t *testing.T, d *desk)) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		texts, err := text.Load()
		if err != nil {
			t.Fatal(err)
		}
		types, err := taxonomy.New()
		if err != nil {
			t.Fatal(err)
		}
		words := search.New(h.Ring)
		orgs := &constituency.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit}
		clocks := &deadline.Service{DB: h.DB, Clock: h.Clock, Audit: h.Audit}
		post := &correspondence.Service{
			DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Blobs: h.Blobs, Egress: &egress.Gate{DB: h.DB, Clock: h.Clock, Ring: h.Ring},
			Constituency: orgs, Text: texts, Team: correspondence.Team{Name: "CERT.EX", Address: "report@cert.example", URL: "https://cert.example"}, Hold: 20 * time.Second,
		}
		laws, err := law.New()
		if err != nil {
			t.Fatal(err)
		}
		in := &intake.Service{Laws: laws, DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Constituency: orgs, Correspondence: post, Deadlines: clocks, Words: search.NewTexts(h.Ring)}
		co := &coordination.Service{
			DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Search: words, Constituency: orgs, Correspondence: post, Deadlines: clocks, Texts: texts,
		}
		s := &incident.Service{
			DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Constituency: orgs, Correspondence: post, Intake: in, Coordination: co,
			Deadlines: clocks, Search: words, TypeKnown: types.Known, Zone: time.UTC, Lang: "en",
			Alarms: &alarm.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit},
			Staff:  func(context.Context) ([]int64, error) { return []int64{1, 2, 6}, nil },
		}
		d := &desk{House: h, Service: s, ana: h.Person(1, "Ana Duarte", access.Analyst), lead: h.Person(2, "Helena Prado", access.Lead)}
		story(context.Background(), t, d)
	})
}

func (d *desk) report(ctx context.Context, t *testing.T, summary string) intake.Report {
	t.Helper()
	out, err := d.Intake.Receive(ctx, access.Stranger(access.ByPage, "en"), intake.ReceiveInput{
		Channel: correspondence.ByForm, Lang: "en", TLP: "TLP:AMBER", Seal: correspondence.Plain,
		Body: intake.Body{Summary: summary, Description: "Two servers encrypted overnight.", Name: "Rui Tavares", Email: "rui@aguas.example", Ongoing: "yes"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Report
}

func ptr[T any](v T) *T { return &v }

// A report is accepted: it is linked, its reporter is a party, the title is the reporter's, the label the report's; undone, it waits again.
func TestAcceptedReportBecomesAnIncidentAndCanBeTakenBack(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		r := d.report(ctx, t, "Ransomware on billing servers")
		in, err := d.Open(ctx, d.ana, incident.NewIncident{Reports: []string{r.UID}, Handler: 1})
		if err != nil {
			t.Fatal(err)
		}
		if in.Number != "INC-2026-000001" || in.Title != "Ransomware on billing servers" || in.TLP != tlp.Amber || in.State != incident.Open {
			t.Fatalf("opened %+v", in)
		}
		rows, err := d.Coordination.Matrix(ctx, d.ana, in.UID)
		if err != nil || len(rows) != 1 || rows[0].Party.Name != "Rui Tavares" {
			t.Fatalf("%d parties: %v", len(rows), err)
		}
		if got, err := d.Intake.Get(ctx, d.House.DB, d.ana, r.UID); err != nil || got.State != intake.Linked || len(got.Incidents) != 1 {
			t.Fatalf("report is %s: %v", got.State, err)
		}
		if _, err := d.Detach(ctx, d.ana, in.UID, r.UID); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Intake.Get(ctx, d.House.DB, d.ana, r.UID); err != nil || got.State != intake.New {
			t.Fatalf("report is %s: %v", got.State, err)
		}
		if _, err := d.Attach(ctx, d.ana, in.Number, []string{r.Reference}); err != nil {
			t.Fatal(err)
		}
	})
}

// At our own initiative, without a report; all problems are told at once, and nobody without the right opens anything (rule A4).
func TestOpenAtOurOwnInitiative(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		_, err := d.Open(ctx, d.ana, incident.NewIncident{Type: "no:such", Severity: "awful"})
		if f := errs.Fields(err); len(f) != 3 {
			t.Fatalf("problems %v", f)
		}
		for _, by := range []access.Actor{d.Person(3, "Root", access.Admin), d.Person(4, "Claire", access.Auditor), d.Constituent(5, "Rui", 77), access.Stranger(access.ByAPI, "en")} {
			if _, err := d.Open(ctx, by, incident.NewIncident{Title: "x"}); !errs.Is(err, errs.Forbidden) && !errs.Is(err, errs.Unauthenticated) {
				t.Errorf("%v opened one: %v", by.Roles, err)
			}
		}
		in, err := d.Open(ctx, d.ana, incident.NewIncident{Title: "NetPort 7 exploited in the country", Severity: "high", TLP: tlp.Green})
		if err != nil || in.TLP != tlp.Green || in.Severity != "high" {
			t.Fatalf("%+v: %v", in, err)
		}
		// The type that a rule, or its sender, proposed is taken over; one that we do not know, or another that was chosen, is not.
		for class, want := range map[string][2]string{"fraud:phishing": {"", "fraud:phishing"}, "no:such": {"", ""}, "availability:ddos": {"fraud:phishing", "fraud:phishing"}} {
			got, err := d.Intake.Receive(ctx, access.System("intake"), intake.ReceiveInput{Channel: correspondence.ByMail, Lang: "en", Body: intake.Body{Summary: "Parcel " + class, Class: class}})
			if err != nil {
				t.Fatal(err)
			}
			in, err := d.Open(ctx, d.ana, incident.NewIncident{Reports: []string{got.Report.UID}, Type: want[0]})
			if err != nil || in.Type != want[1] {
				t.Errorf("proposed %q, chosen %q: %q %v", class, want[0], in.Type, err)
			}
		}
	})
}

// Two people edit: the second is told, nothing is overwritten; an edit can be undone while nothing else changed the field.
func TestTwoPeopleEditingLoseNothing(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		in, err := d.Open(ctx, d.ana, incident.NewIncident{Title: "DDoS on the tax portal", TLP: tlp.Amber})
		if err != nil {
			t.Fatal(err)
		}
		one, err := d.Edit(ctx, d.ana, in.UID, incident.Change{Version: in.Version, Severity: ptr("high"), State: ptr(incident.Analysing)})
		if err != nil || one.Severity != "high" || one.Version != in.Version+1 {
			t.Fatalf("%+v: %v", one, err)
		}
		if _, err := d.Edit(ctx, d.lead, in.UID, incident.Change{Version: in.Version, Severity: ptr("low")}); !errs.Is(err, errs.Conflict) {
			t.Fatalf("the second edit: %v", err)
		}
		rows, err := d.House.Audit.About(ctx, d.House.DB, in.Ref.ID, 0, 50)
		if err != nil || rows[len(rows)-1].Verb != "incident.edit" {
			t.Fatalf("record: %v", err)
		}
		undone, err := d.Undo(ctx, d.lead, in.UID, rows[len(rows)-1].ID)
		if err != nil || undone.Severity != "" || undone.State != incident.Open {
			t.Fatalf("undone %+v: %v", undone, err)
		}
		if _, err := d.Undo(ctx, d.lead, in.UID, rows[len(rows)-1].ID); !errs.Is(err, errs.Conflict) {
			t.Fatalf("undone twice: %v", err)
		}
	})
}

// A marking is relaxed by a lead who does not handle the case, with a fresh proof and the recorded consent of its source (rules I5, T5).
func TestAnAnalystDoesNotRelaxAMarking(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		in, err := d.Open(ctx, d.ana, incident.NewIncident{Title: "x", TLP: tlp.Red})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Edit(ctx, d.ana, in.UID, incident.Change{TLP: ptr(tlp.Green)}); !errs.Is(err, errs.Forbidden) {
			t.Fatalf("relaxed: %v", err)
		}
		const consent = "Rui Tavares agreed by telephone"
		relax := incident.Change{TLP: ptr(tlp.Amber), Consent: consent}
		stale, token := d.lead, d.lead
		stale.ProvedAt = stale.ProvedAt.Add(-11 * time.Minute)
		token.Origin, token.ProvedAt = access.ByAPI, time.Time{}
		for _, by := range []access.Actor{stale, token} {
			if _, err := d.Edit(ctx, by, in.UID, relax); !errs.Is(err, errs.Unauthenticated) {
				t.Errorf("relaxed without a fresh proof: %v", err)
			}
		}
		if _, err := d.Edit(ctx, d.lead, in.UID, incident.Change{TLP: ptr(tlp.Amber)}); !errs.Is(err, errs.Invalid) {
			t.Errorf("relaxed without the consent of its source: %v", err)
		}
		if _, err := d.Edit(ctx, d.ana, in.UID, incident.Change{Handler: ptr(d.lead.Account), PAP: ptr(tlp.PAPRed)}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Edit(ctx, d.lead, in.UID, relax); !errs.Is(err, errs.Forbidden) {
			t.Errorf("a lead relaxed what it handles itself: %v", err)
		}
		if _, err := d.Edit(ctx, d.ana, in.UID, incident.Change{Handler: ptr(d.ana.Account)}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Edit(ctx, d.ana, in.UID, incident.Change{PAP: ptr(tlp.PAPGreen)}); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an analyst relaxed PAP: %v", err)
		}
		if got, err := d.Edit(ctx, d.lead, in.UID, relax); err != nil || got.TLP != tlp.Amber {
			t.Fatalf("the lead: %v", err)
		}
		rows, err := d.House.Audit.About(ctx, d.House.DB, in.Ref.ID, 0, 50)
		if err != nil || !slices.ContainsFunc(rows[len(rows)-1].Changes, func(c audit.Change) bool { return c.Field == "consent" && c.To == consent }) {
			t.Errorf("the record does not have the consent: %+v %v", rows[len(rows)-1].Changes, err)
		}
	})
}

// Notes and attack events stand where they happened; a withdrawn one stays as a line; tasks are done and opened again.
func TestTimelineAndTasks(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		in, err := d.Open(ctx, d.ana, incident.NewIncident{Title: "x", TLP: tlp.Amber})
		if err != nil {
			t.Fatal(err)
		}
		note, err := d.AddEntry(ctx, d.ana, in.UID, incident.Entry{Kind: incident.Note, Text: "called the plant"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.AddEntry(ctx, d.ana, in.UID, incident.Entry{Kind: incident.AttackEvent, Text: "VPN login", HappenedAt: d.House.Clock.Now().Add(-10 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.AddEntry(ctx, d.ana, in.UID, incident.Entry{Kind: "gossip", Text: " ", HappenedAt: d.House.Clock.Now().Add(time.Hour)}); len(errs.Fields(err)) != 3 {
			t.Fatalf("problems: %v", err)
		}
		list, err := d.Entries(ctx, d.House.DB, d.ana, in.UID)
		if err != nil || len(list) != 2 || list[0].Kind != incident.AttackEvent || list[1].AuthorName != "Ana Duarte" {
			t.Fatalf("%+v: %v", list, err)
		}
		if err := d.WithdrawEntry(ctx, d.Person(9, "João", access.Analyst), in.UID, note.UID, "not mine"); !errs.Is(err, errs.Forbidden) {
			t.Fatalf("another's note: %v", err)
		}
		if err := d.WithdrawEntry(ctx, d.ana, in.UID, note.UID, "wrong incident"); err != nil {
			t.Fatal(err)
		}
		if list, err = d.Entries(ctx, d.House.DB, d.ana, in.UID); err != nil || !list[1].Withdrawn || list[1].Text != "" {
			t.Fatalf("%+v: %v", list, err)
		}
		task, err := d.AddTask(ctx, d.ana, in.UID, incident.Task{Title: "Get VPN logs"})
		if err != nil {
			t.Fatal(err)
		}
		for _, done := range []bool{true, false, true} {
			if got, err := d.SetTask(ctx, d.ana, in.UID, task.UID, done, nil); err != nil || got.DoneAt.IsZero() == done {
				t.Fatalf("done %v: %+v %v", done, got, err)
			}
		}
		other, err := d.Open(ctx, d.ana, incident.NewIncident{Title: "y", TLP: tlp.Amber})
		if err != nil {
			t.Fatal(err)
		}
		// Rule A3: a child of another incident does not exist here.
		if _, err := d.SetTask(ctx, d.ana, other.UID, task.UID, false, nil); !errs.Is(err, errs.NotFound) {
			t.Fatalf("a foreign task: %v", err)
		}
		if err := d.WithdrawEntry(ctx, d.ana, other.UID, list[0].UID, "x"); !errs.Is(err, errs.NotFound) {
			t.Fatalf("a foreign entry: %v", err)
		}
	})
}

// Closing asks for what the statistics need; the reporter is told by a held letter; reopening takes a reason.
func TestCloseAndReopen(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		r := d.report(ctx, t, "Mailbox taken over")
		in, err := d.Open(ctx, d.ana, incident.NewIncident{Reports: []string{r.UID}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Close(ctx, d.ana, in.UID, 0, incident.Closing{}); len(errs.Fields(err)) != 7 {
			t.Fatalf("problems: %v", errs.Fields(err))
		}
		in, err = d.Edit(ctx, d.ana, in.UID, incident.Change{Type: ptr("intrusions:unprivileged-account-compromise"), Severity: ptr("medium")})
		if err != nil {
			t.Fatal(err)
		}
		c := incident.Closing{Outcome: "resolved", RootCause: "malicious_action", Impact: "minor", CrossBorder: "no", Report: "Sessions ended, rules removed.", TellReporter: true}
		closed, err := d.Close(ctx, d.ana, in.UID, in.Version, c)
		if err != nil || closed.State != incident.Closed || closed.ClosedAt.IsZero() {
			t.Fatalf("%+v: %v", closed, err)
		}
		messages, err := d.Correspondence.Messages(ctx, d.House.DB, d.ana, r.Thread)
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, m := range messages {
			if m.Kind == correspondence.Closing {
				told++
			}
		}
		if told != 1 {
			t.Fatalf("the reporter was told %d times", told)
		}
		if _, err := d.Edit(ctx, d.ana, in.UID, incident.Change{Severity: ptr("low")}); !errs.Is(err, errs.Conflict) {
			t.Fatalf("a closed incident was edited: %v", err)
		}
		if _, err := d.Reopen(ctx, d.ana, in.UID, " "); !errs.Is(err, errs.Invalid) {
			t.Fatalf("without a reason: %v", err)
		}
		if again, err := d.Reopen(ctx, d.ana, in.UID, "a second mailbox"); err != nil || again.State != incident.Analysing || !again.ClosedAt.IsZero() {
			t.Fatalf("%+v: %v", again, err)
		}
	})
}

// Rules A5, A12: what one may not see is not found, in lists, by name, by search and in counts; four readers.
func TestWhoSeesAnIncident(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		open := func(title string, sealed bool) incident.Incident {
			in, err := d.Open(ctx, d.lead, incident.NewIncident{Title: title, TLP: tlp.Amber})
			if err != nil {
				t.Fatal(err)
			}
			if sealed {
				err = d.House.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
					o := in.Object
					o.Sealed = true
					return access.Update(ctx, tx, &o, d.House.Clock.Now())
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			return in
		}
		seen, hidden := open("phishing wave", false), open("phishing inside the ministry", true)
		granted := d.Person(8, "Ruben", access.Liaison)
		if _, err := d.House.DB.Exec(ctx, `INSERT INTO access_grant (account, object, kind, granted_by, granted_at) VALUES ($1, $2, 2, 2, $3)`, int64(8), seen.Ref.ID, d.House.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			by   access.Actor
			want int
		}{
			{d.ana, 1}, {d.lead, 1}, {granted, 1}, {d.Person(9, "Ingrid", access.Peer), 0}, {d.Constituent(5, "Rui", 77), 0}, {d.Person(3, "Root", access.Admin), 0}, {access.Actor{}, 0},
		} {
			list, err := d.List(ctx, x.by, incident.Filter{})
			if err != nil || len(list.Items) != x.want {
				t.Errorf("%v lists %d, want %d: %v", x.by.Roles, len(list.Items), x.want, err)
			}
			found, err := d.List(ctx, x.by, incident.Filter{Text: "phishing"})
			if err != nil || len(found.Items) != x.want {
				t.Errorf("%v finds %d, want %d: %v", x.by.Roles, len(found.Items), x.want, err)
			}
			if n, _, err := d.Counts(ctx, x.by); err != nil || int(n) != x.want {
				t.Errorf("%v counts %d, want %d: %v", x.by.Roles, n, x.want, err)
			}
			if _, err := d.Get(ctx, d.House.DB, x.by, hidden.UID); !errs.Is(err, errs.NotFound) {
				t.Errorf("%v gets the sealed one: %v", x.by.Roles, err)
			}
		}
	})
}

// Pages follow each other without a gap or a repeat.
func TestPagesOfTheList(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		for range 25 {
			d.House.Clock.Advance(time.Second)
			if _, err := d.Open(ctx, d.ana, incident.NewIncident{Title: "a case", TLP: tlp.Amber}); err != nil {
				t.Fatal(err)
			}
		}
		for _, text := range []string{"", "case"} {
			seen, after := map[string]bool{}, ""
			for {
				page, err := d.List(ctx, d.ana, incident.Filter{Limit: 10, After: after, Text: text})
				if err != nil {
					t.Fatal(err)
				}
				for _, in := range page.Items {
					if seen[in.Number] {
						t.Fatalf("%s twice", in.Number)
					}
					seen[in.Number] = true
				}
				if after = page.Next; after == "" {
					break
				}
			}
			if len(seen) != 25 {
				t.Fatalf("%d of 25 for %q", len(seen), text)
			}
		}
		if _, err := d.List(ctx, d.ana, incident.Filter{After: "nonsense"}); !errs.Is(err, errs.Invalid) {
			t.Fatalf("a forged mark: %v", err)
		}
	})
}
