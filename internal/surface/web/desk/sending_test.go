package desk_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// towns enters organisations with a network each; every fifth has nobody to write to.
func (h *office) towns(n int) {
	h.Helper()
	langs := []string{"en", "pt", "fr", "nl", "de"}
	for i := range n {
		o, err := h.country.Create(h.Context(), access.System("sample"), constituency.NewOrganisation{
			Name: fmt.Sprintf("Town of Ford %02d", i), Lang: langs[i%5], Sector: []string{"energy", "health", "drinking_water"}[i%3], Communities: []string{[]string{"public_administration", "essential_services"}[i%2]},
		})
		h.must(err)
		if i%5 != 4 {
			_, err = h.country.AddContact(h.Context(), access.System("sample"), o.UID, constituency.NewContact{Name: "Rui Tavares", Role: "security", Email: fmt.Sprintf("soc@ford%02d.example", i)})
			h.must(err)
		}
		_, err = h.country.AddAsset(h.Context(), access.System("sample"), o.UID, constituency.NewAsset{Value: fmt.Sprintf("198.51.%d.0/24", i)})
		h.must(err)
	}
}

func seenAt(n int) string {
	var b strings.Builder
	b.WriteString("address,time,note\n")
	for i := range n {
		for j := range 1 + i%3 {
			fmt.Fprintf(&b, "198.51.%d.%d,2026-03-01T0%d:15:00Z,talks to the controller on port 443\n", i, 7+j, j)
		}
	}
	return b.String() + "203.0.113.9,2026-03-01T01:00:00Z,nobody has it\n"
}

// prepared is a sending of 12 with its letter, ready to be sent.
func (h *office) prepared(ana person, n int) (at string, in incident.Incident) {
	h.Helper()
	h.towns(n)
	in, err := h.cases.Open(h.Context(), ana.actor(), incident.NewIncident{Title: "A botnet in our towns", TLP: tlp.Green})
	h.must(err)
	_, err = h.cases.AddEntry(h.Context(), ana.actor(), in.UID, incident.Entry{Kind: incident.AttackEvent, HappenedAt: h.Clock.Now().Add(-time.Hour), Text: "198.51.0.77 and hxxp://198[.]51[.]1[.]78/gate?who=x call out"})
	h.must(err)
	began := ana.do("POST", "/desk/incidents/"+in.Number+"/sendings")
	at = strings.TrimSuffix(began.location, "/choose")
	got := ana.do("POST", at+"/choose", "list", seenAt(n))
	ana.goes(got, at+"/parties?done=saved")
	got = ana.do("POST", at+"/letter", "text", "To {name}: {lines} of your machines call out.", "request", "Are they clean?", "due", h.Clock.Now().Add(48*time.Hour).Format("2006-01-02T15:04"), "tlp", "TLP:GREEN", "text-pt", "Para {name}: {lines} das suas máquinas ligam para fora.")
	ana.goes(got, at+"?done=saved")
	return at, in
}

// One question to many is chosen, written, looked at letter by letter, approved by somebody else and sent.
func TestManyAreAskedOnPages(t *testing.T) {
	h := openOffice(t)
	ana, lea, iris := h.as("Ana"), h.as("Lea"), h.as("Iris")
	at, in := h.prepared(ana, 12)
	ana.sees(ana.get("/desk/incidents/"+in.Number+"/sendings"), http.StatusOK, at, "In preparation")
	ana.sees(ana.get("/desk/incidents/"+in.Number+"/parties"), http.StatusOK, "/desk/incidents/"+in.Number+"/sendings")
	ana.sees(ana.get(at), http.StatusOK, "Leaves signed, in clear", "Read in the portal alone", "1 line", "Send 12 letters", "Português 3")
	ana.sees(ana.get(at+"/parties?sector=health"), http.StatusOK, "Town of Ford 01", "!Town of Ford 00", " in 198.51.1.0/24", "Take out all 4 within this filter")
	ana.sees(ana.get(at+"/choose"), http.StatusOK, "Who answers for what this case names: 2 organisations", "2 addresses, domains and links", "1 thing that the timeline names lies in 198.51.0.0/24", "hxxp://198[.]51[.]1[.]78/gate", "In this sending already", "Nothing that you may read tells of the same.", "!who=x")
	ana.goes(ana.do("POST", at+"/choose", "named", "1", "alike", "1"), at+"/parties?done=saved")
	ana.sees(ana.get(at+"/parties?q=Ford+00"), http.StatusOK, "1 thing that the timeline names lies in 198.51.0.0/24", "1 line of a list lies in 198.51.0.0/24")
	ana.sees(ana.get(at+"/aside.csv"), http.StatusOK, `"203.0.113.9","2026-03-01T01:00:00Z","Nobody answers for it; nobody has it"`)
	letter := regexp.MustCompile(at + `/letters/[0-9a-z]+`).FindString(ana.get(at + "/parties?q=Ford+01").body)
	ana.sees(ana.get(letter), http.StatusOK, "Para Town of Ford 01: 3 das suas", "198[.]51[.]1[.]7", "!198[.]51[.]2[.]", "evidence.csv", "198[.]51[.]1[.]8", "!198.51.1.8")
	uid := letter[strings.LastIndexByte(letter, '/')+1:]
	ana.sees(ana.do("POST", at+"/exclude"), http.StatusUnprocessableEntity)
	ana.goes(ana.do("POST", at+"/exclude", "organisation", uid, "do", "out"), at+"/parties?done=saved")
	ana.goes(ana.do("POST", at+"/exclude", "sector", "energy", "do", "out"), at+"?done=saved")
	ana.sees(ana.get(at), http.StatusOK, "Send 7 letters")
	wrong := ana.do("POST", at+"/choose", "organisations", "Nobody at all", "list", "kept words")
	ana.sees(wrong, http.StatusUnprocessableEntity, "Nobody at all", "kept words")
	ana.sees(ana.do("POST", at+"/letter", "text", "Dear {sir}"), http.StatusUnprocessableEntity, "Dear {sir}", "{sir}")
	ana.sees(ana.do("POST", at+"/submit", "version", "1"), http.StatusConflict)
	for _, way := range []string{"choose", "exclude", "letter", "submit", "back", "recall"} {
		iris.sees(iris.do("POST", at+"/"+way, "reason", "because it is so"), http.StatusForbidden)
	}
	iris.sees(iris.get(at), http.StatusOK, "!/submit")
	// Three are too many for one.
	lea.sees(lea.do("POST", "/desk/admin/second", "was_parties", "50", "was_from", "TLP:AMBER+STRICT", "parties", "900", "from", "TLP:RED"), http.StatusUnprocessableEntity)
	lea.goes(lea.do("POST", "/desk/admin/second", "was_parties", "50", "was_from", "TLP:AMBER+STRICT", "parties", "3", "from", "TLP:RED"), "/desk/admin/second?done=saved")
	ana.sees(ana.get(at), http.StatusOK, "Ask a second person", "the number of parties")
	ana.goes(ana.do("POST", at+"/submit"), at+"?done=second")
	ana.sees(ana.get(at), http.StatusOK, "A lead who had no hand in it must approve it", "!/approve")
	lea.sees(lea.get("/desk/outbox"), http.StatusOK, at)
	shown := lea.get(at)
	hash := regexp.MustCompile(`name="hash" value="([0-9a-f]+)"`).FindStringSubmatch(shown.body)
	if hash == nil {
		t.Fatalf("nothing to approve: %s", shown.body)
	}
	ana.sees(ana.do("POST", at+"/approve", "hash", hash[1]), http.StatusForbidden)
	lea.sees(lea.do("POST", at+"/approve", "hash", "00"), http.StatusConflict)
	lea.goes(lea.do("POST", at+"/approve", "hash", hash[1]), at+"?done=sending_held")
	ana.sees(ana.get(at), http.StatusOK, "Undo the sending", "Held until", "Approved by")
	ana.sees(ana.get(at+"/progress"), http.StatusOK, "Held until", "!<html")
	ana.goes(ana.do("POST", at+"/back"), at+"?done=sending_back")
	ana.sees(ana.get(at), http.StatusOK, "Ask a second person")
	ana.sees(ana.do("POST", at+"/recall", "reason", ""), http.StatusUnprocessableEntity)
	ana.goes(ana.do("POST", at+"/recall", "reason", "It was all a mistake."), at+"?done=stopped")
	ana.sees(ana.get(at), http.StatusOK, "Withdrawn: It was all a mistake.")
}

func TestBrowserSending(t *testing.T) {
	h := openOffice(t)
	ana, lea := h.as("Ana"), h.as("Lea")
	at, in := h.prepared(ana, 30)
	pagetest.Look(t, "sending", pagetest.Desk, ana.shown("GET", at))
	pagetest.Look(t, "sending-parties", pagetest.Desk, ana.shown("GET", at+"/parties"))
	pagetest.Glance(t, "sending-parties-de", pagetest.Desk, ana.shown("GET", at+"/parties?sector=health&lang=de"))
	pagetest.Look(t, "sending-choose", pagetest.Desk, ana.shown("GET", at+"/choose"))
	pagetest.Glance(t, "sending-choose-wrong", pagetest.Desk, ana.shown("POST", at+"/choose", "organisations", "Nobody at all"))
	pagetest.Glance(t, "sending-letter", pagetest.Desk, ana.shown("GET", at+"/letter"))
	letter := regexp.MustCompile(at + `/letters/[0-9a-z]+`).FindString(ana.get(at + "/parties?q=Ford+01").body)
	pagetest.Look(t, "sending-letter-of", pagetest.Desk, ana.shown("GET", letter))
	pagetest.Glance(t, "sendings", pagetest.Desk, ana.shown("GET", "/desk/incidents/"+in.Number+"/sendings"))
	lea.do("POST", "/desk/admin/second", "was_parties", "50", "was_from", "TLP:AMBER+STRICT", "parties", "3", "from", "TLP:RED")
	pagetest.Glance(t, "second-rule", pagetest.Desk, lea.shown("GET", "/desk/admin/second"))
	ana.goes(ana.do("POST", at+"/submit"), at+"?done=second")
	pagetest.Glance(t, "sending-waits", pagetest.Desk, lea.shown("GET", at))
	pagetest.Glance(t, "sending-waits-de", pagetest.Desk, lea.shown("GET", at+"?lang=de"))
	hash := regexp.MustCompile(`name="hash" value="([0-9a-f]+)"`).FindStringSubmatch(lea.get(at).body)
	lea.do("POST", at+"/approve", "hash", hash[1])
	pagetest.Glance(t, "sending-held", pagetest.Desk, ana.shown("GET", at))
}
