package desk_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
)

// Ana takes a call, keeps the note, finishes it later and calls back on a number that she checked.
func TestTheTelephoneOnThePages(t *testing.T) {
	h := openOffice(t)
	ana, iris := h.as("Ana"), h.as("Iris")
	by := h.Person(9, "Somebody", "analyst")
	o, err := h.country.Create(h.Context(), by, constituency.NewOrganisation{Name: "Hospital de São Braz", Communities: []string{"essential_services"}, Lang: "pt"})
	h.must(err)
	c, err := h.country.AddContact(h.Context(), by, o.UID, constituency.NewContact{Name: "Rui Tavares", Role: "security", Email: "rui@hospital.example", Phone: "+999 234 559 111"})
	h.must(err)

	ana.sees(ana.get("/desk/triage"), 200, `data-key="P"`, `href="/desk/phone"`)
	ana.sees(ana.get("/desk/phone"), 200, `autofocus`, `value="2026-11-21T12:26"`, "UTC")
	ana.sees(ana.get("/desk/phone?contact="+c.UID), 200, `value="Rui Tavares"`, `value="Hospital de São Braz"`)
	iris.sees(iris.get("/desk/triage"), 200, `!data-key="P"`)
	iris.sees(iris.get("/desk/phone"), 403)

	// Everything that is wrong is said at once, and nothing typed is lost.
	ana.sees(ana.do("POST", "/desk/phone", "name", "Somebody<b>", "called", "yesterday", "email", "nobody"), 422, "Somebody&lt;b&gt;", `href="#called"`, `href="#email"`, `href="#summary"`)
	kept := ana.do("POST", "/desk/phone", "name", "Rui", "phone", "00999234559111", "summary", "Two servers encrypted", "called", "2026-11-21T11:50", "tlp", "TLP:AMBER")
	at, err := url.Parse(kept.location)
	h.must(err)
	report := at.Query().Get("report")
	ana.sees(ana.get("/desk/triage"), 200, "Call note not finished", "36\u00a0min", "Two servers encrypted")
	page := "/desk/reports/" + report + "/call"
	ana.sees(ana.get(page), 200, "The note is not finished", "+999 234 559 111 · Not checked · Rui Tavares · Hospital de São Braz")
	iris.sees(iris.get(page), 403)

	organisation := "/desk/constituency/" + o.UID
	body := ana.get(organisation).body
	_, rest, ok := strings.Cut(body, `action="/desk/numbers/`)
	number, _, _ := strings.Cut(rest, "/verify")
	if !ok || number == "" {
		t.Fatalf("no number to verify:\n%s", body)
	}
	if to := ana.do("POST", "/desk/numbers/"+number+"/verify", "how", "asked the city", "organisation", o.UID).location; !strings.HasPrefix(to, organisation) {
		t.Errorf("verified, and then to %q", to)
	}
	ana.sees(ana.get(organisation), 200, "Checked 21 November 2026: asked the city")
	if to := ana.do("POST", "/desk/numbers/"+number+"/verify", "how", "again", "organisation", "../../elsewhere").location; !strings.HasPrefix(to, "/desk/constituency?") {
		t.Errorf("led away to %q", to)
	}
	iris.sees(iris.do("POST", "/desk/numbers/"+number+"/retire", "organisation", o.UID), 403)

	ana.sees(ana.do("POST", page+"-back", "number", number, "outcome", "perhaps"), 422, "Rui Tavares")
	ana.do("POST", page+"-back", "number", number, "outcome", "theirs", "note", "Rui himself")
	ana.sees(ana.get("/desk/triage?report="+report), 200, "Called back, checked number", "Proved: Ana called back +999 234 559 111", "Note: Rui himself")
	ana.sees(ana.do("POST", page, "summary", "", "description", "", "aware", "2026-11-25T10:00"), 422, `href="#summary"`, `href="#aware"`)
	if to := ana.do("POST", page, "summary", "Two servers encrypted", "description", "Since ten", "aware", "2026-11-21T10:00").location; !strings.Contains(to, "call_finished") {
		t.Errorf("finished, and then to %q", to)
	}
	ana.sees(ana.get("/desk/triage"), 200, "!Call note not finished")
	ana.sees(ana.get("/desk/reports/nothing/call"), 404)
}
