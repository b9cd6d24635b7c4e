package incident_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/abuse"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// story is a case to which a mail, its table of events and our timeline lead, and what is told elsewhere.
type story struct {
	*testing.T
	ctx  context.Context
	d    *desk
	orgs map[string]constituency.Organisation
	file []byte
}

func (s *story) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *story) org(name string, assets ...string) {
	s.Helper()
	o, err := s.d.Constituency.Create(s.ctx, s.d.ana, constituency.NewOrganisation{Name: name, Lang: "en"})
	s.must(err)
	for _, a := range assets {
		_, err := s.d.Constituency.AddAsset(s.ctx, s.d.ana, o.UID, constituency.NewAsset{Value: a})
		s.must(err)
	}
	s.orgs[name] = o
}

// mail files one as the mailroom does.
func (s *story) mail(label string, proof correspondence.Proof, from string, org string, body intake.Body, file bool) intake.Report {
	s.Helper()
	in := intake.ReceiveInput{Channel: correspondence.ByMail, Lang: "en", TLP: label, Proof: proof, Seal: correspondence.Plain, Body: body}
	in.Body.Email = from
	if org != "" {
		in.Organisation = s.orgs[org].Ref.ID
	}
	if file {
		in.Files = []correspondence.FileIn{{Name: "invoice.exe", Type: "application/octet-stream", Content: bytes.NewReader(s.file)}}
	}
	out, err := s.d.Intake.Receive(s.ctx, access.System("intake"), in)
	s.must(err)
	return out.Report
}

// whom writes down to whom a list leads: by what, from where, with which evidence.
func (s *story) whom(list []coordination.Correlation) []string {
	out := []string{}
	for _, c := range list {
		line := c.Organisation.Name
		for _, w := range c.Why {
			line += fmt.Sprintf(" | %s %s", w.By, w.Value)
			if w.Claimed {
				line += " claimed"
			}
			if w.Stays {
				line += " stays"
			}
		}
		for _, l := range c.Lines {
			line += " > " + l.What
			if !l.At.IsZero() {
				line += l.At.Format("@15:04")
			}
		}
		out = append(out, line)
	}
	return out
}

// A case leads to its parties by itself: the owners of what it names, and who told of the same. Each gets its own lines alone; what a source keeps is in no
// letter; and what the reader may not see changes neither who is found, nor how many, nor in which order.
func TestACaseLeadsToItsParties(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		s := &story{t, ctx, d, map[string]constituency.Organisation{}, bytes.Repeat([]byte("MZ evil "), 40)}
		d.Coordination.Tells = d.Tells
		s.org("Bank", "bank.example")
		s.org("Water", "198.51.100.0/24")
		s.org("Clinic", "clinic.example")
		s.org("School", "school.example")
		s.org("Port", "port.example")
		seen := d.House.Clock.Now().Add(-3 * time.Hour)
		// Water's network belonged to the clinic until two hours ago: who answered then is written to.
		assets, err := d.Constituency.Assets(ctx, d.House.DB, s.orgs["Water"].Ref.ID)
		s.must(err)
		s.must(d.Constituency.EndAsset(ctx, d.ana, assets[0].UID, d.House.Clock.Now().Add(-4*time.Hour), "moved"))
		_, err = d.Constituency.AddAsset(ctx, d.ana, s.orgs["Clinic"].UID, constituency.NewAsset{Value: "198.51.100.0/24", Since: d.House.Clock.Now().Add(-4 * time.Hour), Until: d.House.Clock.Now().Add(-2 * time.Hour)})
		s.must(err)

		hidden := func(n int) { // a sealed twin of everything, before the rest: nobody may learn of it
			s.org(fmt.Sprintf("Hidden %d", n), fmt.Sprintf("hidden%d.example", n))
			r := s.mail("TLP:GREEN", correspondence.Aligned, "x@far.example", fmt.Sprintf("Hidden %d", n), intake.Body{Summary: "Invoice", Description: fmt.Sprintf("hidden%d.example got the same as https://drop.bad.example/kit", n)}, true)
			s.must(d.House.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				return access.SealTx(ctx, tx, r.Ref, d.House.Clock.Now(), r.Ref.ID)
			}))
		}
		hidden(1)
		first := s.mail("TLP:GREEN", correspondence.Claimed, "eva@reporter.example", "", intake.Body{
			Summary: "Stolen mailboxes", Description: "hxxps://www.bank[.]example/login?user=tom@clinic.example leads to https://drop.bad.example/kit. Regards, Eva, www.reporter.example, report@cert.example",
			Reported: &intake.Reported{Events: []intake.Event{{Format: "xarf4", At: seen, Sources: []abuse.Source{{Text: "198.51.100.7", Addr: addr("198.51.100.7")}}}}},
		}, true)
		// The same file came to the school, which says so itself and keeps what it says; the same link to one who names the port.
		s.mail("TLP:RED", correspondence.Aligned, "it@school.example", "School", intake.Body{Summary: "A file", Description: "Also sent to clerk@port.example"}, true)
		s.mail("TLP:GREEN", correspondence.Claimed, "z@else.example", "", intake.Body{Summary: "Other words", Description: "See https://drop.bad.example/kit and http://port.example/x"}, false)
		s.mail("TLP:GREEN", correspondence.Claimed, "q@else.example", "", intake.Body{Summary: "Something else", Description: "https://clinic.example/unrelated"}, false)

		in, err := d.Open(ctx, d.ana, incident.NewIncident{Reports: []string{first.UID}})
		s.must(err)
		_, err = d.AddEntry(ctx, d.ana, in.UID, incident.Entry{Kind: incident.AttackEvent, HappenedAt: seen, Text: "Data leaves vpn.school.example"})
		s.must(err)
		_, err = d.AddEntry(ctx, d.ana, in.UID, incident.Entry{Kind: incident.Note, HappenedAt: seen, Text: "The port is silent: port.example"})
		s.must(err)
		x, err := d.Coordination.NewSending(ctx, d.ana, in.UID)
		s.must(err)
		look := func() (named, alike []string) {
			s.Helper()
			c, err := d.Coordination.Correlate(ctx, d.ana, x.UID)
			s.must(err)
			return s.whom(c.Named), s.whom(c.Alike)
		}
		at := seen.Format("@15:04")
		named, alike := look()
		wantNamed := []string{"Bank | named bank.example claimed > https://www.bank.example/login", "Clinic | named 198.51.100.0/24 claimed > 198.51.100.7" + at, "School | named school.example > vpn.school.example" + at}
		wantAlike := []string{"Port | alike_named port.example stays | alike_named port.example claimed > http://port.example/x", "School | alike same_file"}
		if !slices.Equal(named, wantNamed) || !slices.Equal(alike, wantAlike) {
			t.Fatalf("named\n%s\nalike\n%s", strings.Join(named, "\n"), strings.Join(alike, "\n"))
		}
		// More that is hidden, and an incident of it, changes nothing.
		hidden(2)
		if n, a := look(); !slices.Equal(n, named) || !slices.Equal(a, alike) {
			t.Fatalf("what is hidden changes what is found:\n%s\n%s", strings.Join(n, "\n"), strings.Join(a, "\n"))
		}
		// An incident elsewhere tells of the same: who is hit there, but not when it is sealed.
		other := s.mail("TLP:GREEN", correspondence.Aligned, "soc@clinic.example", "Clinic", intake.Body{Summary: "Kit", Description: "We saw https://drop.bad.example/kit too"}, false)
		there, err := d.Open(ctx, d.lead, incident.NewIncident{Reports: []string{other.UID}, Handler: 2})
		s.must(err)
		if _, a := look(); !slices.ContainsFunc(a, func(l string) bool {
			return strings.HasPrefix(l, "Clinic | alike same_link | alike same_link")
		}) {
			t.Errorf("an incident alike: %s", strings.Join(a, "\n"))
		}
		_, err = d.Seal(ctx, d.lead, there.UID, 0, nil, "very quiet")
		s.must(err)
		if n, a := look(); !slices.Equal(n, named) || !slices.Equal(a, alike) {
			t.Errorf("a sealed case is told:\n%s\n%s", strings.Join(n, "\n"), strings.Join(a, "\n"))
		}

		// What was seen is what is added; pressed again it stays as it is.
		for range 2 {
			x, err = d.Coordination.Choose(ctx, d.ana, x.UID, coordination.Choose{Named: true, Alike: true})
			s.must(err)
		}
		_, lines, _, err := d.Coordination.Lines(ctx, d.ana, x.UID)
		s.must(err)
		var got []string
		for _, l := range lines {
			got = append(got, fmt.Sprintf("%s %d", l.Organisation.Name, l.Lines))
			for _, w := range l.Why {
				if w.Count > 1 {
					t.Errorf("%s is counted again: %+v", l.Organisation.Name, w)
				}
			}
		}
		if want := []string{"Bank 1", "Clinic 1", "Port 1", "School 1"}; !slices.Equal(got, want) {
			t.Errorf("chosen %q, want %q", got, want)
		}
		if c, err := d.Coordination.Correlate(ctx, d.ana, x.UID); err != nil || !c.Named[0].There || c.Things[0] == 0 {
			t.Errorf("%+v %v", c, err)
		}
		for name, by := range map[string]access.Actor{"a constituent": d.Constituent(9, "Rui", s.orgs["Bank"].Ref.ID), "an auditor": d.Person(8, "Aud", access.Auditor)} {
			if _, err := d.Coordination.Correlate(ctx, by, x.UID); !errs.Is(err, errs.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		s.must(d.House.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return access.SealTx(ctx, tx, ref.Ref{Kind: ref.Incident, ID: in.Ref.ID}, d.House.Clock.Now(), in.Ref.ID)
		}))
		if _, err := d.Coordination.Correlate(ctx, d.lead, x.UID); !errs.Is(err, errs.NotFound) {
			t.Errorf("a sealed case is correlated: %v", err)
		}
	})
}

// A hostile mail names the whole country: so many are taken and no more, and the page says so.
func TestAHostileMailNamesNotTheWholeCountry(t *testing.T) {
	onEach(t, func(ctx context.Context, t *testing.T, d *desk) {
		s := &story{t, ctx, d, map[string]constituency.Organisation{}, nil}
		d.Coordination.Tells = d.Tells
		s.org("All", "20.0.0.0/8")
		var text strings.Builder
		for i := range 400 {
			fmt.Fprintf(&text, "20.1.%d.%d ", i/200, i%200+1)
		}
		r := s.mail("TLP:GREEN", correspondence.Claimed, "eva@reporter.example", "", intake.Body{Summary: "All of them", Description: text.String()}, false)
		in, err := d.Open(ctx, d.ana, incident.NewIncident{Reports: []string{r.UID}})
		s.must(err)
		x, err := d.Coordination.NewSending(ctx, d.ana, in.UID)
		s.must(err)
		c, err := d.Coordination.Correlate(ctx, d.ana, x.UID)
		if err != nil || !c.More || c.Things[0] != coordination.MostNamed {
			t.Errorf("%d things, more %v: %v", c.Things[0], c.More, err)
		}
	})
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
