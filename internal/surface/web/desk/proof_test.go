package desk_test

import (
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// provingOffice is an office in whose register something is to be done.
func provingOffice(t *testing.T) (*office, person, string) {
	h := openOffice(t)
	ana := h.as("Ana")
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lead := access.System("sample")
	a, err := h.country.Create(ctx, lead, constituency.NewOrganisation{Name: "Águas do Vale e do Norte, empresa intermunicipal", Lang: "pt", Communities: []string{"essential_services"}})
	must(err)
	b, err := h.country.Create(ctx, lead, constituency.NewOrganisation{Name: "Provider <b>", Lang: "en"})
	must(err)
	for _, o := range []constituency.Organisation{a, b} {
		_, err := h.country.AddAsset(ctx, lead, o.UID, constituency.NewAsset{Value: "vale.example"})
		must(err)
	}
	p, err := h.country.Claim(ctx, lead, a.UID, constituency.Claim{Value: "192.0.0.0/22", Way: constituency.ByRegistry, Evidence: "inetnum:   192.0.0.0 - 192.0.3.255\nnetname:   VALE\norg-name:  Aguas do Vale e do Norte, empresa intermunicipal\nmnt-by:    VALE-MNT\nremarks:   <script>alert(1)</script>\nsource:    RIPE"})
	must(err)
	_, err = h.country.Claim(ctx, lead, a.UID, constituency.Claim{Value: "aguas.example", Way: constituency.ByDNS})
	must(err)
	return h, ana, p.UID
}

// What is to be done in the register leads to the proof; a machine says what it sees in it, a person judges it with a reason.
func TestAProofIsJudgedOnItsPage(t *testing.T) {
	_, ana, p := provingOffice(t)
	at := "/desk/proofs/" + p
	ana.sees(ana.get("/desk/constituency/todo"), 200, "Proof to judge", at, "Conflict", "vale.example", "Provider &lt;b&gt;")
	ana.sees(ana.get("/desk/constituency/todo?kind=conflict"), 200, "vale.example")
	ana.sees(ana.get("/desk/constituency/todo?kind=none"), 404)
	ana.sees(ana.get(at), 200, "Is about this asset", "VALE-MNT", "&lt;script&gt;", "Accept the proof")
	ana.sees(ana.do("POST", at, "holds", "yes", "why", ""), 422, "Accept the proof")
	ana.goes(ana.do("POST", at, "holds", "yes", "why", "RIPE shows the same"), at+"?done=saved")
	ana.sees(ana.get(at), 200, "RIPE shows the same")
	ana.sees(ana.do("POST", at, "holds", "no", "why", "after all"), 409)
}

func TestBrowserProofs(t *testing.T) {
	h, ana, p := provingOffice(t)
	pagetest.Look(t, "proof-judge", pagetest.Desk, ana.shown("GET", "/desk/proofs/"+p))
	pagetest.Glance(t, "proof-judge-wrong", pagetest.Desk, ana.shown("POST", "/desk/proofs/"+p, "holds", "yes", "why", ""))
	pagetest.Look(t, "register-todo", pagetest.Desk, ana.shown("GET", "/desk/constituency/todo"))
	page, err := h.country.Find(t.Context(), access.System("sample"), constituency.Filter{Text: "vale"})
	if err != nil || len(page.Items) == 0 {
		t.Fatal(err)
	}
	pagetest.Glance(t, "organisation-proofs", pagetest.Desk, ana.shown("GET", "/desk/constituency/"+page.Items[0].UID))
	lea := h.as("Lea")
	pagetest.Glance(t, "entitlements-edit", pagetest.Desk, lea.shown("GET", "/desk/admin/entitlements/general_public"))
}
