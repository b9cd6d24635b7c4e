package intake_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// desk is a team with a small constituency.
type desk struct {
	*coretest.House
	*testing.T
	s        *intake.Service
	ana      access.Actor
	hospital constituency.Organisation
	rui      constituency.Contact
	port     constituency.Organisation
}

func engines(t *testing.T, story func(ctx context.Context, d *desk)) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) { story(t.Context(), newDesk(t, h)) })
}

func newDesk(t *testing.T, h *coretest.House) *desk {
	t.Helper()
	ctx := t.Context()
	words, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	c := &constituency.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit}
	laws, err := law.New()
	if err != nil {
		t.Fatal(err)
	}
	deadlines := &deadline.Service{DB: h.DB, Clock: h.Clock, Audit: h.Audit}
	d := &desk{House: h, T: t, ana: h.Person(1, "Ana", access.Analyst)}
	d.s = &intake.Service{
		DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Constituency: c, Deadlines: deadlines, Words: search.NewTexts(h.Ring), Laws: laws,
		Correspondence: &correspondence.Service{
			DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit, Jobs: h.Jobs, Blobs: h.Blobs, Constituency: c, Text: words,
			Egress: &egress.Gate{DB: h.DB, Clock: h.Clock, Ring: h.Ring}, Hold: 20 * time.Second,
			Team: correspondence.Team{Name: "CERT.EX", Address: "report@cert.example", URL: "https://cert.example"},
		},
	}
	d.s.Correspondence.Adds = d.s.PoliceTx
	if d.hospital, err = c.Create(ctx, d.ana, constituency.NewOrganisation{Name: "Hospital de São Braz", Communities: []string{"essential_services"}, Lang: "pt"}); err != nil {
		t.Fatal(err)
	}
	if d.port, err = c.Create(ctx, d.ana, constituency.NewOrganisation{Name: "Portos do Sul", Communities: []string{"general_public"}, Lang: "pt"}); err != nil {
		t.Fatal(err)
	}
	if d.rui, err = c.AddContact(ctx, d.ana, d.hospital.UID, constituency.NewContact{Name: "Rui Tavares", Role: "security", Email: "rui@hospital.example"}); err != nil {
		t.Fatal(err)
	}
	return d
}

// form is a report as a stranger files it.
func form(summary, email string) intake.ReceiveInput {
	return intake.ReceiveInput{Channel: correspondence.ByForm, Lang: "pt", Body: intake.Body{
		Summary: summary, Description: "Two servers are encrypted since this morning, and a note asks for money.", Email: email, Name: "Rui",
	}}
}

// mailed is a report as the mailroom hands it on.
func mailed(summary, email string, proof correspondence.Proof) intake.ReceiveInput {
	in := form(summary, email)
	in.Channel, in.Proof, in.MessageID = correspondence.ByMail, proof, summary+"@mail.example"
	return in
}

func (d *desk) receive(ctx context.Context, by access.Actor, in intake.ReceiveInput) intake.Received {
	d.Helper()
	got, err := d.s.Receive(ctx, by, in)
	if err != nil {
		d.Fatalf("receive: %v", err)
	}
	return got
}

func (d *desk) refused(what string, err error, k errs.Kind) {
	d.Helper()
	if !errs.Is(err, k) {
		d.Errorf("%s: %v, want %s", what, err, k)
	}
}

func (d *desk) messages(ctx context.Context, r intake.Report) []correspondence.Message {
	d.Helper()
	all, err := d.s.Correspondence.Messages(ctx, d.DB, d.ana, r.Thread)
	if err != nil {
		d.Fatal(err)
	}
	return all
}

func (d *desk) incident(ctx context.Context, number string) ref.Ref {
	d.Helper()
	o := access.Object{Ref: ref.Ref{Kind: ref.Incident}, Realm: access.Team, TLP: tlp.Amber, Number: number}
	d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := access.Protect(ctx, tx, &o, d.Clock.Now()); err != nil {
			return err
		}
		_, err := d.Ring.Create(ctx, tx, o.Ref.ID, d.Clock.Now())
		return err
	})
	return o.Ref
}

func (d *desk) write(ctx context.Context, do func(ctx context.Context, tx *db.Tx) error) {
	d.Helper()
	if err := d.DB.Write(ctx, do); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) queue(ctx context.Context, f intake.QueueFilter) []intake.Line {
	d.Helper()
	p, err := d.s.Queue(ctx, d.ana, f)
	if err != nil {
		d.Fatal(err)
	}
	return p.Items
}

var stranger = access.Stranger(access.ByPage, "pt")

// A stranger fills the form: the report is kept whole, waits as new, has a reference and a link, and its receipt is held (M9). The address
// alone makes nobody a contact, although it is Rui's (M4).
func TestAStrangerReports(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		in := form("Servers encrypted", "rui@hospital.example")
		in.Files = []correspondence.FileIn{{Name: "note.txt", Type: "text/plain", Content: strings.NewReader("pay")}}
		in.Proof, in.Organisation = correspondence.SignedByKey, d.hospital.Ref.ID // what one claims of oneself counts nothing
		got := d.receive(ctx, stranger, in)
		r := got.Report
		if !strings.HasPrefix(got.Reference, "R-2026-") || got.Code.Reveal() == "" || len(got.Clocks) != 0 {
			t.Errorf("told %+v", got)
		}
		if r.Organisation != 0 || r.Contact != 0 || r.Compartment != r.Ref.ID || r.Proof != correspondence.Claimed {
			t.Errorf("the address made somebody known: %+v", r)
		}
		if r.TLP != tlp.Unlabelled || r.State != intake.New || r.Receipt != intake.ReceiptHeld {
			t.Errorf("kept as %s, %s, receipt %s", r.TLP, r.State, r.Receipt)
		}
		read, err := d.s.Get(ctx, d.DB, d.ana, got.Reference)
		if err != nil || read.Body.Description != in.Body.Description || read.UID != r.UID {
			t.Errorf("read back %+v, %v", read, err)
		}
		all := d.messages(ctx, r)
		if len(all) != 2 || all[0].Direction != correspondence.In || len(all[0].Body.Files) != 1 || all[1].State != correspondence.Waiting {
			t.Fatalf("the thread holds %+v", all)
		}
		if strings.Contains(all[1].Body.Text, "encrypted") || strings.Contains(all[1].Body.Text, "note.txt") || !strings.Contains(all[1].Body.Text, got.Reference) {
			t.Errorf("the receipt says %q (M8)", all[1].Body.Text)
		}
		if strings.Contains(all[1].Body.Text, got.Code.Reveal()) {
			t.Error("the code shown on screen also travels by mail (I9)")
		}
		thread, err := d.s.Correspondence.Threads(ctx, d.DB, r.Thread)
		if err != nil {
			t.Fatal(err)
		}
		rd, kind, _, err := d.s.Correspondence.Original(ctx, d.ana, thread[r.Thread].UID, all[0].UID)
		if err != nil || kind != "application/json" {
			t.Fatalf("original: %s, %v", kind, err)
		}
		_ = rd.Close()
		if err := d.s.SendReceipt(ctx, d.ana, r.UID); err != nil {
			t.Fatal(err)
		}
		if read, _ = d.s.Get(ctx, d.DB, d.ana, r.UID); read.Receipt != intake.ReceiptSent {
			t.Errorf("receipt %s", read.Receipt)
		}
		d.refused("a receipt twice", d.s.SendReceipt(ctx, d.ana, r.UID), errs.Conflict)
		d.refused("a receipt by the auditor", d.s.SendReceipt(ctx, d.Person(9, "Aud", access.Auditor), r.UID), errs.Forbidden)
	})
}

// A proved mail of a known contact: its organisation, its clock, a receipt at once, and the link of the receipt opens no texts, because it
// travels in clear (I9).
func TestAProvedContactReports(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		house := access.System("intake")
		got := d.receive(ctx, house, mailed("Ransomware", "Rui@Hospital.example", correspondence.Aligned))
		r := got.Report
		if r.Organisation != d.hospital.Ref.ID || r.Contact != d.rui.ID || r.Compartment != d.hospital.Ref.ID || r.Receipt != intake.ReceiptSent {
			t.Errorf("kept as %+v", r)
		}
		if got.Code.Reveal() != "" {
			t.Error("a mail has no screen to show a code on")
		}
		if len(got.Clocks) != 1 || got.Clocks[0].Kind != intake.FirstAnswer || !got.Clocks[0].DueAt.Equal(d.Clock.Now().Add(2*time.Hour)) {
			t.Errorf("clocks %+v: essential services are answered within two hours", got.Clocks)
		}
		lines := d.queue(ctx, intake.QueueFilter{})
		if len(lines) != 1 || lines[0].Group != "clock" || lines[0].OrgName != d.hospital.Name || lines[0].DueAt.IsZero() {
			t.Errorf("queued as %+v", lines)
		}
		for _, m := range d.messages(ctx, r) {
			if m.Kind == correspondence.Receipt && m.State != correspondence.Held {
				t.Errorf("the receipt is %s", m.State)
			}
		}
		// The same words under another proof: not the contact.
		for _, proof := range []correspondence.Proof{correspondence.Unknown, correspondence.Claimed, correspondence.Forged} {
			r := d.receive(ctx, house, mailed("Ransomware", "rui@hospital.example", proof)).Report
			if r.Organisation != 0 || r.Receipt != intake.ReceiptHeld {
				t.Errorf("proof %d makes %+v", proof, r)
			}
		}
		in := mailed("Newsletter", "list@lists.example", correspondence.Aligned)
		in.NoReceipt = true
		if r := d.receive(ctx, house, in).Report; r.Receipt != intake.NoReceipt {
			t.Errorf("a list gets a receipt: %s (M9)", r.Receipt)
		}
	})
}

// A constituent who signed in reports for its own organisation and no other (A3); one of us takes down a call.
func TestWhoSignedInReportsForItself(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		rui := d.Constituent(20, "Rui", d.hospital.Ref.ID)
		in := form("Phishing", "rui@hospital.example")
		in.Channel, in.Organisation = correspondence.ByPortal, d.port.Ref.ID
		r := d.receive(ctx, rui, in).Report
		if r.Organisation != d.hospital.Ref.ID || r.Proof != correspondence.SignedIn || r.Contact != d.rui.ID || r.Receipt != intake.ReceiptSent {
			t.Errorf("kept as %+v", r)
		}
		in.Body.Email = "victim@elsewhere.example"
		if r := d.receive(ctx, rui, in).Report; r.Receipt != intake.ReceiptHeld {
			t.Error("a signed-in person has receipts sent to whom it likes (M9)")
		}
		if _, err := d.s.Get(ctx, d.DB, rui, r.UID); err != nil {
			t.Errorf("it cannot see its own report: %v", err)
		}
		_, err := d.s.Get(ctx, d.DB, d.Constituent(21, "Inês", d.port.Ref.ID), r.UID)
		d.refused("another organisation", err, errs.NotFound)
		page, err := d.s.List(ctx, rui, intake.QueueFilter{})
		if err != nil || len(page.Items) != 2 {
			t.Errorf("its list: %d, %v", len(page.Items), err)
		}
		call := form("A caller says that mail is down", "")
		call.Channel, call.Organisation = correspondence.ByPhone, d.port.Ref.ID
		if r := d.receive(ctx, d.ana, call).Report; r.Proof != correspondence.ByHand || r.Organisation != d.port.Ref.ID || r.Receipt != intake.NoReceipt {
			t.Errorf("a call is kept as %+v", r)
		}
		call.Organisation = 1 << 40
		_, err = d.s.Receive(ctx, d.ana, call)
		d.refused("an organisation that is none", err, errs.NotFound)
	})
}

// All problems are told at once, and nothing is kept of a refused report.
func TestAReportThatCannotBeIsRefused(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		for _, c := range []struct {
			why  string
			edit func(*intake.ReceiveInput)
			want string
		}{
			{"nothing said", func(in *intake.ReceiveInput) { in.Body = intake.Body{Email: "not an address"} }, "summary email"},
			{"in the future", func(in *intake.ReceiveInput) {
				in.AwareAt, in.OccurredAt = d.Clock.Now().Add(time.Hour), time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
			}, "occurred_at aware_at"},
			{"too long", func(in *intake.ReceiveInput) {
				in.Body.Summary, in.Body.Name = strings.Repeat("é", 501), strings.Repeat("n", 321)
			}, "summary name"},
			{"not text", func(in *intake.ReceiveInput) { in.Body.Description = "a\x00b"; in.Body.Phone = "\xff" }, "description phone"},
			{"no such label", func(in *intake.ReceiveInput) { in.TLP = "PURPLE"; in.Channel = "pigeon" }, "channel tlp"},
			{"a reference of another kind", func(in *intake.ReceiveInput) { in.Reference = "P-2026-8F3KQM" }, "reference"},
			{"an empty observable", func(in *intake.ReceiveInput) { in.Body.Observables = []intake.Observable{{Type: "url"}} }, "observables"},
			{"half a code", func(in *intake.ReceiveInput) { in.CodeHash = make([]byte, 32) }, "code"},
		} {
			in := form("x", "a@b.example")
			c.edit(&in)
			_, err := d.s.Receive(ctx, stranger, in)
			var names []string
			for _, f := range errs.Fields(err) {
				names = append(names, f.Name)
			}
			if got := strings.Join(names, " "); got != c.want || !errs.Is(err, errs.Invalid) {
				t.Errorf("%s: problems of %q, want %q (%v)", c.why, got, c.want, err)
			}
		}
		big := form("x", "")
		for range 3 {
			big.Files = append(big.Files, correspondence.FileIn{Name: "f", Content: io.NewSectionReader(zero{}, 0, 67<<20)})
		}
		_, err := d.s.Receive(ctx, stranger, big)
		d.refused("201 MiB of files", err, errs.Invalid)
		if n := len(d.queue(ctx, intake.QueueFilter{})); n != 0 {
			t.Errorf("%d refused reports are in the queue", n)
		}
	})
	var p errs.Problems
	for s, want := range map[string]string{"2026-11-21T12:00:00+01:00": "", "": "", "2026-11-21T12:00": "error.zone", "2026-11-21 12:00:00": "error.zone", "yesterday": "error.date"} {
		p = nil
		intake.ParseTime("t", s, &p)
		if (want == "") != (len(p) == 0) || (len(p) == 1 && p[0].Key != want) {
			t.Errorf("time %q: %+v, want %q", s, p, want)
		}
	}
}

// The law's clocks start with the stage that the reporter names.
func TestTheLawStartsItsClocks(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		in := form("Early warning", "")
		in.Body.Fields = map[string]string{"law": "NIS2", "stage": "early_warning"}
		in.AwareAt = d.Clock.Now().Add(-5 * time.Hour)
		got := d.receive(ctx, stranger, in)
		if len(got.Clocks) != 2 || !got.Clocks[0].DueAt.Equal(d.Clock.Now().Add(24*time.Hour)) || !got.Clocks[1].DueAt.Equal(in.AwareAt.Add(72*time.Hour)) ||
			got.Clocks[0].Owes != "us" || got.Clocks[1].Owes != "reporter" {
			t.Errorf("clocks %+v", got.Clocks)
		}
		in.Body.Fields["stage"] = "notification"
		got = d.receive(ctx, stranger, in)
		if len(got.Clocks) != 2 || got.Clocks[1].DueAt.Format(time.DateTime) != d.Clock.Now().AddDate(0, 1, 0).Format(time.DateOnly)+" 23:59:59" {
			t.Errorf("clocks %+v", got.Clocks)
		}
	})
}
