package desk_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/handover"
	"github.com/tocsin-csirt/tocsin/internal/format/teams"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/rdap"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// registry answers as one does that names who takes complaints, with a stranger's text in it.
type registry struct{}

func (registry) Look(context.Context, rdap.Question) (rdap.Answer, error) {
	return rdap.Answer{
		Kind: rdap.Domain, Name: "example.be", Registry: "rdap.registry.example", States: []string{"active"}, Servers: []string{"ns1.example.be"},
		Entities: []rdap.Entity{{Roles: []string{"abuse"}, Name: "<b>Abuse</b> desk", Mails: []string{"abuse@example.be"}, Phones: []string{"+32 2 000 00 00"}}, {Roles: []string{"registrar"}, Name: "Registrar One"}},
	}, nil
}

// The pages of authorities, of whom to tell and of handing over have no finding.
func TestBrowserLiaison(t *testing.T) {
	h, _ := readyOffice(t)
	ctx, ana := t.Context(), h.as("Ana")
	list, err := teams.New()
	h.must(err)
	h.country.Teams, h.country.Registries = list, registry{}
	orgs := map[string]constituency.Organisation{}
	for name, l := range map[string]constituency.Liaison{
		"CERT-EX Belgium":        {Kind: constituency.CSIRT, Country: "BE", Basis: "Art. 15 NIS2: the network of CSIRTs"},
		"National Crisis Centre": {Kind: constituency.CrisisCentre, Country: "BE", Basis: "Law of 26 April 2024, Art. 34"}, "Polícia Judiciária": {Kind: constituency.Police},
	} {
		o, err := h.country.Create(ctx, ana.actor(), constituency.NewOrganisation{Name: name, Lang: "en"})
		h.must(err)
		_, err = h.country.AddContact(ctx, ana.actor(), o.UID, constituency.NewContact{Name: "Desk", Role: "security", Email: "desk@" + o.UID + ".example"})
		h.must(err)
		h.must(h.country.SetLiaison(ctx, ana.actor(), o.UID, l))
		orgs[name] = o
	}
	got, err := h.cases.Intake.Receive(ctx, access.System("intake"), intake.ReceiveInput{
		Channel: correspondence.ByPhone, Lang: "en", TLP: "GREEN", Body: intake.Body{Summary: "The provider is down", Name: "Ops", OrgText: "Provider", Fields: map[string]string{"law": "be-nis2", "stage": "early_warning"}},
	})
	h.must(err)
	in, err := h.cases.Open(ctx, ana.actor(), incident.NewIncident{Title: "Mailboxes are stolen", TLP: tlp.Green, Reports: []string{got.Report.UID}})
	h.must(err)
	all, err := h.cases.Intake.Obligations(ctx, h.DB, ana.actor(), got.Report.Ref.ID)
	h.must(err)
	_, err = h.cases.Intake.NameStates(ctx, ana.actor(), all[got.Report.Ref.ID][0].UID, []string{"FR", "DE"}, "")
	h.must(err)
	parties, err := h.cases.Coordination.Add(ctx, ana.actor(), in.UID, []string{orgs["CERT-EX Belgium"].UID, orgs["Polícia Judiciária"].UID}, "", "")
	h.must(err)
	at := "/desk/incidents/" + in.Number
	pagetest.Look(t, "authorities", pagetest.Desk, ana.shown("GET", at+"/authorities"))
	pagetest.Glance(t, "liaisons", pagetest.Desk, ana.shown("GET", "/desk/constituency/liaisons"))
	pagetest.Glance(t, "liaison-organisation", pagetest.Desk, ana.shown("GET", "/desk/constituency/"+orgs["Polícia Judiciária"].UID))
	pagetest.Glance(t, "liaison-ask", pagetest.Desk, ana.shown("POST", at+"/ask", "party", parties[1].UID, "request", "What do you know?", "due", "2030-01-01T12:00", "preview", "1"))
	pagetest.Glance(t, "liaison-add", pagetest.Desk, ana.shown("GET", at+"/parties/add?kind=crisis_centre"))
	pagetest.Look(t, "look-up", pagetest.Desk, ana.shown("POST", "/desk/constituency/owners", "what", "www.example.be", "pap", "PAP:AMBER"))
	pagetest.Glance(t, "look-up-wrong", pagetest.Desk, ana.shown("POST", "/desk/constituency/owners", "what", "www.example.be", "pap", "PAP:RED", "incident", "INC-1"))
	to := "/desk/parties/" + parties[0].UID
	what := []string{"title", "Stolen mailboxes", "summary", "Forty mailboxes send from your addresses.", "observables", "ip 198.51.100.7\nurl http://bank.example/<b>", "asked", "Tell the owners.", "due", "2030-01-01T12:00", "tlp", "TLP:GREEN", "type", "fraud:phishing", "severity", "high"}
	pagetest.Look(t, "hand-over", pagetest.Desk, ana.shown("POST", to+"/hand-over", append(what, "act", "preview")...))
	pagetest.Glance(t, "hand-over-wrong", pagetest.Desk, ana.shown("POST", to+"/hand-over", "title", "", "act", "preview"))
	ana.do("POST", to+"/hand-over", what...)
	pagetest.Glance(t, "hand-over-party", pagetest.Desk, ana.shown("GET", to))
	// One that comes: read, taken over by one press; and one that is not acted on.
	good, bad := h.handedBy(orgs["CERT-EX Belgium"], "First", ""), h.handedBy(orgs["CERT-EX Belgium"], "Second", `"later": 1, `)
	pagetest.Look(t, "handed", pagetest.Desk, ana.shown("GET", "/desk/triage?report="+good.UID))
	pagetest.Glance(t, "handed-de", pagetest.Desk, ana.shown("GET", "/desk/reports/"+good.UID+"?lang=de"))
	pagetest.Glance(t, "handed-refused", pagetest.Desk, ana.shown("GET", "/desk/triage?report="+bad.UID))
	h.takeOver(ana, good, bad)
}

// handedBy files a letter of a team with its document, as the mailroom does.
func (h *office) handedBy(team constituency.Organisation, title, more string) intake.Report {
	h.Helper()
	raw, err := handover.Document{
		ID: title, From: handover.From{Team: "CERT-EX", Country: "BE"}, Reference: "P-2026-<b>", TLP: "TLP:GREEN", Title: title + " <b>case</b>", Summary: "Forty mailboxes.", Severity: "high", Asked: "Tell the owners.", AnswerBy: h.Clock.Now().Add(48 * time.Hour),
		StartedAt: h.Clock.Now().Add(-48 * time.Hour), Observables: []handover.Observable{{Type: "ip", Value: "198.51.100.7"}},
	}.Write()
	h.must(err)
	contacts, err := h.country.Contacts(h.Context(), h.DB, team.Ref.ID)
	h.must(err)
	got, err := h.cases.Intake.Receive(h.Context(), access.System("intake"), intake.ReceiveInput{
		Channel: correspondence.ByMail, Lang: "en", TLP: "GREEN", Proof: correspondence.Aligned, Organisation: team.Ref.ID, Contact: contacts[0].ID,
		Body: intake.Body{Summary: title, Description: "We hand this over to you.", Email: contacts[0].Email, Handed: intake.HandedOver([][]byte{[]byte(strings.Replace(string(raw), `"id"`, more+`"id"`, 1))}, true)},
	})
	h.must(err)
	return got.Report
}

func (h *office) takeOver(ana person, good, bad intake.Report) {
	h.Helper()
	ana.sees(ana.do("POST", "/desk/reports/"+bad.UID+"/take-over"), http.StatusConflict)
	got := ana.do("POST", "/desk/reports/"+good.UID+"/take-over")
	at, done, _ := strings.Cut(got.location, "?")
	if !strings.HasPrefix(at, "/desk/incidents/INC-") || done != "done=taken_over" {
		h.Fatalf("%d %s", got.status, got.location)
	}
	ana.sees(ana.get("/desk/reports/"+good.UID), http.StatusOK, "Taken over as", "!/take-over")
	ana.sees(ana.do("POST", "/desk/reports/"+good.UID+"/take-over"), http.StatusConflict)
}
