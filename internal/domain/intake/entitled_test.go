package intake_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// Every row of the table of entitlements holds: a report of an organisation of that community alone starts the clock of the row, waits at the place that its
// priority gives, and who is not entitled is pointed to who helps, in the words of the row or else in ours, in each language. The rows are those of the program
// and those of a team that wrote two communities of its own; so a row that the program does not obey fails here, whatever is written into the table.
func TestEachEntitlementIsObeyed(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		lead := d.Person(9, "Lea", access.Lead)
		for i, level := range constituency.Levels() {
			var rows []constituency.Entitlement
			for _, svc := range constituency.Services() {
				rows = append(rows, constituency.Entitlement{Service: svc, Level: level, FirstAnswer: time.Duration(i%2) * 90 * time.Minute, Priority: 9 - 2*i, Ground: "Law 1", Pointers: map[string]string{"en": "Ask " + svc, "de": "Fragen Sie " + svc}})
			}
			if err := d.s.Constituency.SetEntitlements(ctx, lead, []string{"general_public", "schools", "embassies", "shops"}[i], rows); err != nil {
				t.Fatal(err)
			}
		}
		rows, err := d.s.Constituency.Entitlements(ctx, d.DB)
		if err != nil || len(rows) != (8+3)*len(constituency.Services()) {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		catalogue, err := text.Load()
		if err != nil {
			t.Fatal(err)
		}
		began := d.Clock.Now()
		type filed struct {
			row constituency.Entitlement
			got intake.Received
		}
		var all []filed
		for i, row := range rows {
			got, err := d.s.Constituency.Entitlement(ctx, d.DB, []string{row.Community}, row.Service)
			if err != nil || got.Level != row.Level || got.Priority != row.Priority || got.FirstAnswer != row.FirstAnswer || got.Ground != row.Ground || got.Refused() != slices.Contains([]string{"pointer", "none"}, row.Level) {
				t.Errorf("%s, %s: %+v, want %+v, %v", row.Community, row.Service, got, row, err)
			}
			kind := map[string]string{"incident_response": "incident", "vulnerability": "vulnerability"}[row.Service]
			if kind == "" {
				continue // no report asks for it
			}
			lang := string(text.Langs()[i%5])
			o, err := d.s.Constituency.Create(ctx, d.ana, constituency.NewOrganisation{Name: row.Community + " " + row.Service, Communities: []string{row.Community}, Lang: lang})
			if err != nil {
				t.Fatal(err)
			}
			mail := fmt.Sprintf("contact%d@member%d.example", i, i)
			if _, err := d.s.Constituency.AddContact(ctx, d.ana, o.UID, constituency.NewContact{Name: "Eva", Email: mail, Lang: lang}); err != nil {
				t.Fatal(err)
			}
			in := mailed(o.Name, mail, correspondence.Aligned)
			in.Lang, in.Body.Kind, in.Body.Mail = lang, kind, &intake.Mail{}
			all = append(all, filed{row, d.receive(ctx, access.System("intake"), in)})
		}
		place := map[string]int{}
		queue, err := d.s.Queue(ctx, d.ana, intake.QueueFilter{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range queue.Items {
			place[l.UID] = i + 1
		}
		if len(all) == 0 || len(place) != len(all) {
			t.Fatalf("%d reports, %d of them wait", len(all), len(place))
		}
		for _, f := range all {
			what := f.row.Community + ", " + f.row.Service
			var due time.Time
			for _, c := range f.got.Clocks {
				if c.Kind == intake.FirstAnswer {
					due = c.DueAt
				}
			}
			switch {
			case f.row.FirstAnswer > 0 && !due.Equal(began.Add(f.row.FirstAnswer)):
				t.Errorf("%s: first answer due %v, want %v", what, due, began.Add(f.row.FirstAnswer))
			case f.row.FirstAnswer == 0 && !f.row.Refused() && due.IsZero(), f.row.FirstAnswer == 0 && f.row.Refused() && !due.IsZero():
				t.Errorf("%s: first answer due %v", what, due)
			}
			for _, other := range all {
				if before := comesBefore(f.row, other.row); before && place[f.got.Report.UID] > place[other.got.Report.UID] {
					t.Errorf("%s stands behind %s, %s", what, other.row.Community, other.row.Service)
				}
			}
			if _, err := d.s.RejectWith(ctx, d.ana, f.got.Report.UID, intake.Rejection{Reason: intake.NotEntitled, Tell: true}); err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			letters := d.messages(ctx, f.got.Report)
			body, lang := letters[len(letters)-1].Body.Text, f.got.Report.Lang
			want := f.row.Pointer(lang)
			if want == "" {
				want = catalogue.For(text.Lang(lang)).T("mail.pointer." + f.row.Service)
			}
			if !strings.Contains(body, want) || strings.Contains(body, "{") || strings.Contains(body, "⟦") {
				t.Errorf("%s, %s: the letter does not point to %q:\n%s", what, lang, want, body)
			}
		}
	})
}

// comesBefore tells whether a report under one row must stand before one under another that came at the same moment: who was promised an answer sooner; and of
// those to whom none was, who has priority.
func comesBefore(a, b constituency.Entitlement) bool {
	if a.FirstAnswer > 0 && b.FirstAnswer > 0 {
		return a.FirstAnswer < b.FirstAnswer
	}
	return a.FirstAnswer == 0 && b.FirstAnswer == 0 && a.Refused() && b.Refused() && a.Priority < b.Priority
}

// Of law and agreement the one that ends first binds us; a step of priority is worth an hour, and no more.
func TestTheEarlierOfLawAndAgreementBinds(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		in := form("Early warning", "")
		in.Channel, in.TLP = correspondence.ByPortal, "GREEN"
		in.Filings = []intake.Filing{{Set: "eu-nis2", Stage: "early_warning"}}
		r := d.receive(ctx, d.Constituent(20, "Rui", d.hospital.Ref.ID), in)
		if got := r.Clocks[0]; got.Kind != intake.FirstAnswer || !got.DueAt.Equal(d.Clock.Now().Add(2*time.Hour)) {
			t.Errorf("%+v", got)
		}
		early := d.receive(ctx, access.System("intake"), mailed("A stranger's", "a@x.example", correspondence.Claimed))
		d.Clock.Advance(30 * time.Minute)
		late := d.receive(ctx, d.Constituent(21, "Tom", d.port.Ref.ID), form("The public's", ""))
		queue, err := d.s.Queue(ctx, d.ana, intake.QueueFilter{Group: "new"})
		if err != nil || len(queue.Items) != 2 || queue.Items[0].UID != early.Report.UID || queue.Items[1].UID != late.Report.UID {
			t.Errorf("%+v, %v", queue.Items, err)
		}
	})
}
