package desk_test

import (
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// The pages of what a law asks have no finding: the sets, the stages of a report, a form that was refused, an obligation.
func TestBrowserStages(t *testing.T) {
	h, root := readyOffice(t)
	ana := h.as("Ana")
	got, err := h.cases.Intake.Receive(t.Context(), access.System("intake"), intake.ReceiveInput{
		Channel: correspondence.ByPhone, Lang: "en", TLP: "GREEN", Body: intake.Body{Summary: "The provider is down", Name: "Ops", OrgText: "Provider"},
	})
	h.must(err)
	at := "/desk/reports/" + got.Report.UID
	pagetest.Glance(t, "rules", pagetest.Desk, root.shown("GET", "/desk/admin/rules"))
	pagetest.Glance(t, "rules-set", pagetest.Desk, root.shown("GET", "/desk/admin/rules/pt-dl-125-2025"))
	pagetest.Glance(t, "significance", pagetest.Desk, ana.shown("GET", "/desk/significance/eu-2024-2690"))
	pagetest.Glance(t, "stages-none", pagetest.Desk, ana.shown("GET", at+"/stages"))
	ana.do("POST", at+"/stages/file", "set", "be-nis2", "stage", "early_warning", "q-summary", "Nothing works", "q-malicious", "no")
	all, err := h.cases.Intake.Obligations(t.Context(), h.DB, ana.actor(), got.Report.Ref.ID)
	h.must(err)
	if len(all[got.Report.Ref.ID]) != 1 {
		t.Fatalf("%d obligations", len(all[got.Report.Ref.ID]))
	}
	one := at + "/obligations/" + all[got.Report.Ref.ID][0].UID
	pagetest.Look(t, "stages", pagetest.Desk, ana.shown("GET", at+"/stages"))
	pagetest.Look(t, "obligation", pagetest.Desk, ana.shown("GET", one))
	authority, err := h.cases.Constituency.Create(t.Context(), ana.actor(), constituency.NewOrganisation{Name: "Health authority", Lang: "en"})
	h.must(err)
	_, err = h.cases.Constituency.AddContact(t.Context(), ana.actor(), authority.UID, constituency.NewContact{Name: "Desk", Role: "security", Email: "desk@authority.example"})
	h.must(err)
	pagetest.Look(t, "forward", pagetest.Desk, ana.shown("POST", one+"/forward", "act", "preview", "recipient", "sector_authority", "organisation", "Health authority", "note", "Call us"))
	pagetest.Glance(t, "forward-wrong", pagetest.Desk, ana.shown("POST", one+"/forward", "act", "preview", "organisation", "Nowhere"))
	ana.do("POST", one+"/forward", "recipient", "sector_authority", "organisation", authority.Name)
	pagetest.Look(t, "obligation-passed", pagetest.Desk, ana.shown("GET", one))
	group := "/desk/triage/group?like=" + got.Report.UID
	pagetest.Look(t, "group", pagetest.Desk, ana.shown("GET", group))
	pagetest.Glance(t, "group-wrong", pagetest.Desk, ana.shown("POST", "/desk/triage/group", "like", got.Report.UID, "report", got.Report.UID, "action", "answer"))
	pagetest.Look(t, "pass-on", pagetest.Desk, ana.shown("GET", at+"/pass-on"))
	letter := []string{"act", "preview", "to", "police", "organisation", authority.Name, "basis", "consent", "words", "Call us"}
	pagetest.Look(t, "pass-on-letter", pagetest.Desk, ana.shown("POST", at+"/pass-on", letter...))
	pagetest.Glance(t, "pass-on-wrong", pagetest.Desk, ana.shown("POST", at+"/pass-on", "act", "preview", "to", "police", "organisation", "Nowhere"))
	pagetest.Glance(t, "group-letter", pagetest.Desk, ana.shown("POST", "/desk/triage/group", "like", got.Report.UID, "report", got.Report.UID, "action", "answer", "act", "template", "template", "tpl-known-wave"))
	run, err := h.cases.Intake.StartRun(t.Context(), ana.actor(), intake.RunInput{Action: intake.RunReject, Reports: []string{got.Report.UID}, Reason: "spam"})
	h.must(err)
	pagetest.Look(t, "run", pagetest.Desk, ana.shown("GET", "/desk/triage/runs/"+run.UID))
	pagetest.Glance(t, "obligation-wrong", pagetest.Desk, ana.shown("POST", one+"/moment", "moment", "awareness"))
	names := []string{"set", "be-nis2", "stage", "notification", "affected", "Nowhere\nhealth authority\nNo <b>one"}
	if a := ana.do("POST", at+"/stages/file", names...); !strings.Contains(a.body, "Not in the register: Nowhere · No &lt;b&gt;one.") {
		t.Error("it is not said which names are unknown")
	}
	pagetest.Glance(t, "stage-form-wrong", pagetest.Desk, ana.shown("POST", at+"/stages/file", names...))
}
