package cli

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
)

// password is that of everybody in the case.
const password = "orchard-lantern-42-quay"

// makeCase fills a house: an administrator and an analyst who may sign in, a report, an incident with an organisation. Hashes are cheap: what a hash costs is in the hash. It sets INCIDENT.
func makeCase(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 1)
	ctx := context.Background()
	h, err := app.Open(ctx, conf.Config{Data: filepath.Join(ts.MkAbs(args[0]), "data"), HTTP: "127.0.0.1:8080"}, slog.New(slog.DiscardHandler))
	ts.Check(err)
	defer h.Close()
	h.Accounts.Hash = account.NewHasher(64, 1)
	setup := access.System("setup")
	var ana account.Account
	for _, in := range []account.NewAccount{
		{Email: "root@cert.example", Name: "Root", Roles: []access.Role{access.Admin}},
		{Email: "ana@cert.example", Name: "Ana Lima", Roles: []access.Role{access.Analyst}},
	} {
		in.Password = password
		ana, _, err = h.Accounts.Create(ctx, setup, in)
		ts.Check(err)
	}
	by := access.Actor{Account: ana.ID, Name: ana.Name, Roles: []access.Role{access.Analyst}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: h.Clock.Now(), Lang: "en"}
	o, err := h.Constituency.Create(ctx, by, constituency.NewOrganisation{Name: "Águas do Vale", Lang: "pt"})
	ts.Check(err)
	_, err = h.Constituency.AddContact(ctx, by, o.UID, constituency.NewContact{Name: "Rui Tavares", Role: "security", Email: "rui@aguas.example"})
	ts.Check(err)
	got, err := h.Intake.Receive(ctx, access.System("intake"), intake.ReceiveInput{Channel: correspondence.ByForm, Lang: "pt", Body: intake.Body{
		Summary: "Servers <encrypted> since this morning", Description: "A note asks for money.", Name: "Rui", Email: "rui@aguas.example",
		Observables: []intake.Observable{{Type: "ip", Value: "192.0.2.9"}},
	}})
	ts.Check(err)
	in, err := h.Incidents.Open(ctx, by, incident.NewIncident{Title: "Ransomware at a water utility", Summary: "Pumps run by hand.", TLP: tlp.Amber, Reports: []string{got.Report.UID}})
	ts.Check(err)
	_, err = h.Incidents.AddEntry(ctx, by, in.UID, incident.Entry{Kind: incident.Note, Text: "Backups are <safe>."})
	ts.Check(err)
	_, err = h.Coordination.Add(ctx, by, in.UID, []string{o.UID}, coordination.Affected, "it reported")
	ts.Check(err)
	ts.Setenv("INCIDENT", in.Number)
}
