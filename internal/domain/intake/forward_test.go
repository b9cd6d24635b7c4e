package intake_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// followed hears of stopped letters as the house does.
type followed struct{ *intake.Service }

func (followed) MessageSentTx(context.Context, *db.Tx, correspondence.Message, time.Time) error {
	return nil
}

func (followed) CodesLeftTx(context.Context, *db.Tx, access.Actor, correspondence.Thread, int) error {
	return nil
}

func (followed) ReturnedTx(context.Context, *db.Tx, correspondence.Message) error { return nil }

func (followed) ReleasedTx(context.Context, *db.Tx, access.Actor, correspondence.Message) error {
	return nil
}

// authority is an organisation that a law names, with somebody at the portal.
func (d *desk) authority(ctx context.Context, name, email string) (constituency.Organisation, access.Actor) {
	d.Helper()
	o, err := d.s.Constituency.Create(ctx, d.ana, constituency.NewOrganisation{Name: name, Lang: "fr"})
	if err != nil {
		d.Fatal(err)
	}
	if email != "" {
		if _, err := d.s.Constituency.AddContact(ctx, d.ana, o.UID, constituency.NewContact{Name: "Guichet", Role: "security", Email: email}); err != nil {
			d.Fatal(err)
		}
	}
	return o, d.Constituent(40+o.Ref.ID, "Guichet", o.Ref.ID)
}

func passing(o intake.Obligation, code string) law.Owed {
	for _, x := range o.Owed {
		if x.Team && x.Code == code {
			return x
		}
	}
	return law.Owed{}
}

// leave lets the letters that are held leave, as a postman without a network does.
func (d *desk) leave(ctx context.Context, f intake.Forward) {
	d.Helper()
	d.Clock.Advance(time.Minute)
	if _, err := d.DB.Exec(ctx, `UPDATE correspondence_message SET state = 'sent', sent_at = $1 WHERE uid = $2`, d.Clock.Now(), f.Message); err != nil {
		d.Fatal(err)
	}
}

// What a law says is passed on goes as a letter to an authority, in its language and under the reporter's label; it meets our clock, is read and
// confirmed in the portal, and neither the reporter nor another organisation learns of it.
func TestWhatALawNamesARecipientForIsPassedOn(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.s.Correspondence.Follow = followed{d.s}
		sector, at := d.authority(ctx, "Autorité de santé", "garde@sante.example")
		in := form("Encrypted servers", "")
		in.Channel, in.TLP = correspondence.ByPortal, "GREEN"
		in.Body.Fields = map[string]string{"law": "be-nis2", "stage": "early_warning", "cross_border": "unknown"}
		r := d.receive(ctx, d.Constituent(2, "Rui", d.hospital.Ref.ID), in).Report
		o := d.obligations(ctx, d.ana, r)[0]
		if x := passing(o, "sector_authority"); x.State != law.Running {
			t.Fatalf("before: %+v", o.Owed)
		}
		pass := intake.ForwardInput{Recipient: "sector_authority", Organisation: sector.UID, Note: "Call us first."}
		seen, err := d.s.PreviewForward(ctx, d.ana, o.UID, pass)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"loi vous désigne comme destinataire", "Call us first.", "Hospital de São Braz", "Two servers are encrypted", "vous lie aussi : TLP:GREEN", r.Reference, "Pas encore connu"} {
			if !strings.Contains(seen.Text, want) {
				t.Errorf("the preview lacks %q:\n%s", want, seen.Text)
			}
		}
		if len(d.obligations(ctx, d.ana, r)[0].Facts) != len(o.Facts) {
			t.Error("looking noted something")
		}
		f, err := d.s.Forward(ctx, d.ana, o.UID, pass)
		if err != nil {
			t.Fatal(err)
		}
		if x := passing(d.obligations(ctx, d.ana, r)[0], "sector_authority"); x.State != law.Met {
			t.Errorf("our clock after: %+v", x)
		}
		// While it is held nobody there sees it.
		if all, err := d.s.PassedToUs(ctx, at, "", 0); err != nil || len(all.Items) != 0 {
			t.Errorf("held and seen: %v %v", all.Items, err)
		}
		d.refused("confirmed while held", d.s.ConfirmPassed(ctx, at, f.UID), errs.NotFound)
		// Stopped in the outbox it was not passed on; sent again it is.
		if err := d.s.Correspondence.Stop(ctx, d.ana, f.Message); err != nil {
			t.Fatal(err)
		}
		if x := passing(d.obligations(ctx, d.ana, r)[0], "sector_authority"); x.State != law.Running {
			t.Errorf("our clock after the stop: %+v", x)
		}
		first := f
		if f, err = d.s.Forward(ctx, d.ana, o.UID, pass); err != nil {
			t.Fatal(err)
		}
		if f.Thread != first.Thread {
			t.Error("a second thread with the same authority")
		}
		d.leave(ctx, f)
		list, err := d.s.PassedToUs(ctx, at, "", 0)
		if err != nil || len(list.Items) != 1 || list.Items[0].UID != f.UID || list.Items[0].SentBy != 0 {
			t.Fatalf("%+v %v", list.Items, err)
		}
		read, err := d.s.ReadPassed(ctx, at, f.UID)
		if err != nil || len(read.Messages()) != 1 || !strings.Contains(read.Messages()[0].Body.Text, "Two servers") {
			t.Fatalf("read %+v %v", read, err)
		}
		if err := d.s.ConfirmPassed(ctx, at, f.UID); err != nil {
			t.Fatal(err)
		}
		confirmed := d.Clock.Now()
		d.Clock.Advance(time.Hour)
		if err := d.s.ConfirmPassed(ctx, d.ana, f.UID); err != nil {
			t.Fatal(err)
		}
		all, err := d.s.Forwards(ctx, d.DB, d.ana, o.UID)
		if err != nil || len(all) != 2 || all[0].StoppedAt.IsZero() || all[1].ReadAt.IsZero() || !all[1].ConfirmedAt.Equal(confirmed) || all[1].ConfirmedBy != "portal" {
			t.Fatalf("%+v %v", all, err)
		}
		if usual, err := d.s.Usual(ctx, d.DB, d.ana, "be-nis2", "sector_authority"); err != nil || usual != "Autorité de santé" {
			t.Errorf("usual %q %v", usual, err)
		}
		// Nobody else.
		rui, other := d.Constituent(2, "Rui", d.hospital.Ref.ID), d.Constituent(3, "Port", d.port.Ref.ID)
		for _, who := range []access.Actor{rui, other} {
			if _, err := d.s.ReadPassed(ctx, who, f.UID); !errs.Is(err, errs.NotFound) {
				t.Errorf("%s reads it: %v", who.Name, err)
			}
			d.refused(who.Name+" confirms it", d.s.ConfirmPassed(ctx, who, f.UID), errs.NotFound)
			if all, _ := d.s.PassedToUs(ctx, who, "", 0); len(all.Items) != 0 {
				t.Errorf("%s lists it", who.Name)
			}
			if _, err := d.s.Forwards(ctx, d.DB, who, o.UID); !errs.Is(err, errs.NotFound) {
				t.Errorf("%s lists what was passed on: %v", who.Name, err)
			}
		}
		if mine, err := d.s.Get(ctx, d.DB, at, r.UID); !errs.Is(err, errs.NotFound) {
			t.Errorf("the authority reads the report itself: %+v %v", mine, err)
		}
		// What it writes there comes back to the desk.
		threads, err := d.s.Correspondence.Threads(ctx, d.DB, f.Thread)
		if err != nil {
			t.Fatal(err)
		}
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := d.s.PassedAnswerTx(ctx, tx, access.System("intake"), threads[f.Thread], correspondence.Incoming{
				Channel: correspondence.ByMail, Kind: correspondence.Told, State: correspondence.Filed, At: d.Clock.Now(), Proof: correspondence.Aligned, Body: correspondence.Body{Text: "Bien reçu"},
			})
			return err
		})
		if all, _ = d.s.Forwards(ctx, d.DB, d.ana, o.UID); len(all[1].Messages()) != 3 || all[1].ConfirmedBy != "portal" {
			t.Errorf("after the answer %+v", all[1])
		}
		if len(d.messages(ctx, r)) != 1 {
			t.Error("the authority's words lie on the reporter's thread")
		}
	})
}

// An answer by mail that is proved confirms the receipt; one that is not confirms nothing.
func TestAnAnswerConfirmsTheReceipt(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		sector, _ := d.authority(ctx, "Autorité de santé", "garde@sante.example")
		in := form("Encrypted servers", "")
		in.Channel, in.TLP = correspondence.ByPortal, "GREEN"
		in.Body.Fields = map[string]string{"law": "be-nis2", "stage": "early_warning"}
		r := d.receive(ctx, d.Constituent(2, "Rui", d.hospital.Ref.ID), in).Report
		o := d.obligations(ctx, d.ana, r)[0]
		f, err := d.s.Forward(ctx, d.ana, o.UID, intake.ForwardInput{Recipient: "sector_authority", Organisation: sector.UID})
		if err != nil {
			t.Fatal(err)
		}
		d.leave(ctx, f)
		threads, err := d.s.Correspondence.Threads(ctx, d.DB, f.Thread)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			state correspondence.State
			by    string
		}{{correspondence.Unverified, ""}, {correspondence.Filed, "mail"}} {
			d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := d.s.PassedAnswerTx(ctx, tx, access.System("intake"), threads[f.Thread], correspondence.Incoming{
					Channel: correspondence.ByMail, Kind: correspondence.Told, State: c.state, At: d.Clock.Now(), Body: correspondence.Body{Text: "Bien reçu"},
				})
				return err
			})
			all, err := d.s.Forwards(ctx, d.DB, d.ana, o.UID)
			if err != nil || string(all[0].ConfirmedBy) != c.by {
				t.Errorf("%s: %+v %v", c.state, all, err)
			}
		}
	})
}

// Each thing that is refused, and that nothing was noted then.
func TestWhatIsNotPassedOn(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		sector, _ := d.authority(ctx, "Autorité de santé", "garde@sante.example")
		silent, _ := d.authority(ctx, "Bureau sans adresse", "")
		r := d.under(ctx, "be-nis2", "early_warning", time.Time{}) // its label wants a key
		o := d.obligations(ctx, d.ana, r)[0]
		forward := func(by access.Actor, in intake.ForwardInput) error {
			_, err := d.s.Forward(ctx, by, o.UID, in)
			return err
		}
		good := intake.ForwardInput{Recipient: "sector_authority", Organisation: sector.UID}
		d.refused("an auditor", forward(d.Person(8, "Olga", access.Auditor), good), errs.Forbidden)
		d.refused("a constituent", forward(d.Constituent(2, "Rui", d.hospital.Ref.ID), good), errs.Forbidden)
		seen, err := d.s.PreviewForward(ctx, d.ana, o.UID, good)
		if err != nil || seen.Road.Road != egress.Notice || strings.Contains(seen.Text, "Two servers") {
			t.Errorf("without a key of theirs: %+v %v", seen, err)
		}
		for what, in := range map[string]intake.ForwardInput{
			"a recipient that the law does not name": {Recipient: "nobody", Organisation: sector.UID},
			"nobody":                                 {Recipient: "sector_authority"},
			"an organisation without an address":     {Recipient: "sector_authority", Organisation: silent.UID},
			"too long a note":                        {Recipient: "sector_authority", Organisation: sector.UID, Note: strings.Repeat("x", 4001)},
			"a note that is no text":                 {Recipient: "sector_authority", Organisation: sector.UID, Note: "a\x00b"},
		} {
			d.refused(what, forward(d.ana, in), errs.Invalid)
			_, err := d.s.PreviewForward(ctx, d.ana, o.UID, in)
			d.refused(what+", looked at", err, errs.Invalid)
		}
		if all, err := d.s.Forwards(ctx, d.DB, d.ana, o.UID); err != nil || len(all) != 0 || passing(d.obligations(ctx, d.ana, r)[0], "sector_authority").State != law.Running {
			t.Errorf("something was noted: %+v %v", all, err)
		}
	})
}

// An authority that is not in the register is written in by a person who checked its address. Its letter lies apart, its answer confirms, and no portal shows it.
func TestAnAuthorityIsWrittenIn(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.s.Correspondence.Follow = followed{d.s}
		in := form("Encrypted servers", "")
		in.Channel, in.TLP = correspondence.ByPortal, "GREEN"
		in.Body.Fields = map[string]string{"law": "be-nis2", "stage": "early_warning"}
		rui := d.Constituent(2, "Rui", d.hospital.Ref.ID)
		r := d.receive(ctx, rui, in).Report
		o := d.obligations(ctx, d.ana, r)[0]
		pass := intake.ForwardInput{Recipient: "sector_authority", Name: "Autorité rare", Email: "garde@rare.example", Lang: "fr", Checked: "Read on its site, and called"}
		for what, change := range map[string]func(*intake.ForwardInput){
			"no check":            func(f *intake.ForwardInput) { f.Checked = " " },
			"no address":          func(f *intake.ForwardInput) { f.Email = "garde" },
			"two lines":           func(f *intake.ForwardInput) { f.Name = "a\r\nBcc: x@y.example" },
			"no such language":    func(f *intake.ForwardInput) { f.Lang = "xx" },
			"nobody":              func(f *intake.ForwardInput) { f.Name = "" },
			"of the register":     func(f *intake.ForwardInput) { f.Email = "RUI@hospital.example" },
			"nothing written":     func(f *intake.ForwardInput) { *f = intake.ForwardInput{Recipient: "sector_authority"} },
			"no recipient by law": func(f *intake.ForwardInput) { f.Recipient = "crisis_centre" },
		} {
			bad := pass
			change(&bad)
			if _, err := d.s.Forward(ctx, d.ana, o.UID, bad); !errs.Is(err, errs.Invalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		seen, err := d.s.PreviewForward(ctx, d.ana, o.UID, pass)
		if err != nil || seen.Name != "Autorité rare" || seen.Email != "garde@rare.example" || !strings.Contains(seen.Text, "loi vous désigne") || seen.Road.Road != egress.Signed {
			t.Fatalf("%+v, %v", seen, err)
		}
		d.refused("by its reporter", second(d.s.Forward(ctx, rui, o.UID, pass)), errs.Forbidden)
		label := func(level tlp.Level) {
			if _, err := d.DB.Exec(ctx, `UPDATE object SET tlp = $1 WHERE id = $2`, int64(level), r.Ref.ID); err != nil {
				t.Fatal(err)
			}
		}
		label(tlp.Amber) // a notice without content would lead to a page that nobody there can open
		if seen, err = d.s.PreviewForward(ctx, d.ana, o.UID, pass); err != nil || seen.Road.Road != egress.Refused || !strings.Contains(seen.Text, "loi vous désigne") {
			t.Errorf("beyond its label without a key: %+v, %v", seen, err)
		}
		d.refused("a notice of nothing", second(d.s.Forward(ctx, d.ana, o.UID, pass)), errs.Forbidden)
		if x := passing(d.obligations(ctx, d.ana, r)[0], "sector_authority"); x.State != law.Running {
			t.Errorf("our clock, and nothing left: %+v", x)
		}
		label(tlp.Green)
		f, err := d.s.Forward(ctx, d.ana, o.UID, pass)
		if err != nil {
			t.Fatal(err)
		}
		if x := passing(d.obligations(ctx, d.ana, r)[0], "sector_authority"); x.State != law.Met {
			t.Errorf("our clock: %+v", x)
		}
		again, err := d.s.Forward(ctx, d.ana, o.UID, pass)
		if err != nil || again.Thread != f.Thread {
			t.Errorf("once more: %+v, %v", again, err)
		}
		other := pass
		other.Email = "other@rare.example"
		if f2, err := d.s.Forward(ctx, d.ana, o.UID, other); err != nil || f2.Thread == f.Thread {
			t.Errorf("to another address: %+v, %v", f2, err)
		}
		d.leave(ctx, f)
		for who, by := range map[string]access.Actor{"its reporter": rui, "another organisation": d.Constituent(8, "Port", d.port.Ref.ID), "of no organisation": d.Constituent(9, "Nobody", 0)} {
			if all, err := d.s.PassedToUs(ctx, by, "", 0); len(all.Items) != 0 {
				t.Errorf("%s reads %+v, %v", who, all.Items, err)
			}
			if _, err := d.s.ReadPassed(ctx, by, f.UID); !errs.Is(err, errs.NotFound) {
				t.Errorf("%s opens it: %v", who, err)
			}
		}
		threads, err := d.s.Correspondence.Threads(ctx, d.DB, f.Thread)
		if err != nil || threads[f.Thread].Compartment != f.Thread {
			t.Errorf("it lies in %d: %v", threads[f.Thread].Compartment, err)
		}
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := d.s.PassedAnswerTx(ctx, tx, access.System("intake"), threads[f.Thread], correspondence.Incoming{
				Channel: correspondence.ByMail, Kind: correspondence.Told, State: correspondence.Filed, At: d.Clock.Now(), Proof: correspondence.Aligned, Seal: correspondence.Plain,
				Original: []byte("Reçu"), Body: correspondence.Body{Text: "Reçu", From: "garde@rare.example"},
			})
			return err
		})
		all, err := d.s.Forwards(ctx, d.DB, d.ana, o.UID)
		if err != nil || len(all) != 3 || all[0].Name != "Autorité rare" || all[0].Email != "garde@rare.example" || all[0].ConfirmedAt.IsZero() || !all[2].ConfirmedAt.IsZero() {
			t.Errorf("%+v, %v", all, err)
		}
	})
}
