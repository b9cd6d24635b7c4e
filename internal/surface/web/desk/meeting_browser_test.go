package desk_test

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// The pages of coordination calls and of the shared situation have no finding, and what is pressed on them does what it says.
func TestBrowserMeetings(t *testing.T) {
	h, _ := readyOffice(t)
	ctx, ana := t.Context(), h.as("Lea")
	h.cases.Coordination.NewTask = func(ctx context.Context, tx *db.Tx, by access.Actor, subject ref.Ref, title string, due time.Time) (string, error) {
		task, err := h.cases.TaskTx(ctx, tx, by, subject.ID, incident.Task{Title: title, DueAt: due})
		return task.UID, err
	}
	var orgs []string
	for _, x := range []struct {
		name string
		kind constituency.LiaisonKind
	}{{"National Crisis Centre", constituency.CrisisCentre}, {"Polícia Judiciária", constituency.Police}, {"Hospital do Mar", ""}} {
		o, err := h.country.Create(ctx, ana.actor(), constituency.NewOrganisation{Name: x.name, Lang: "en"})
		h.must(err)
		_, err = h.country.AddContact(ctx, ana.actor(), o.UID, constituency.NewContact{Name: "Desk", Role: "security", Email: "desk@" + o.UID + ".example"})
		h.must(err)
		h.must(h.country.SetLiaison(ctx, ana.actor(), o.UID, constituency.Liaison{Kind: x.kind}))
		orgs = append(orgs, o.UID)
	}
	in, err := h.cases.Open(ctx, ana.actor(), incident.NewIncident{Title: "Water works are down", TLP: tlp.Green})
	h.must(err)
	parties, err := h.cases.Coordination.Add(ctx, ana.actor(), in.UID, orgs, "", "")
	h.must(err)
	a, b, c := parties[0].UID, parties[1].UID, parties[2].UID
	at := "/desk/incidents/" + in.Number
	starts := h.Clock.Now().Add(26 * time.Hour).Format("2006-01-02T15:04")
	pagetest.Glance(t, "calls-none", pagetest.Desk, ana.shown("GET", at+"/calls"))
	pagetest.Glance(t, "calls-wrong", pagetest.Desk, ana.shown("POST", at+"/calls", "title", "", "minutes", "2"))
	ana.do("POST", at+"/calls", "title", "State of the clean-up", "starts", starts, "minutes", "45", "how", "https://meet.example/room, code 1234")
	calls, err := h.cases.Coordination.Calls(ctx, ana.actor(), in.UID)
	h.must(err)
	call := "/desk/meetings/" + calls[0].UID
	ana.do("POST", call+"/invite", "party", a)
	pagetest.Look(t, "call-invite", pagetest.Desk, ana.shown("POST", call+"/invite", "act", "preview", "party", c))
	ana.do("POST", call+"/invite", "party", c, "confirm", "1", "together", a, "together", c)
	ana.do("POST", call+"/coming", "party", a, "coming", "yes")
	pagetest.Look(t, "call", pagetest.Desk, ana.shown("GET", call))
	ana.do("POST", call+"/minutes", "act", "finish", "came-", "Ana Silva, analyst", "came-"+a, "Eva Costa, duty officer\nRui", "text", "They agreed on what follows.")
	ana.do("POST", call+"/minutes", "act", "add", "text", "The hospital joined late.")
	ana.do("POST", call+"/agreed", "title", "Ask the provider for its logs")
	ana.do("POST", call+"/agreed", "title", "Keep the old pumps running", "party", c, "due", starts)
	ana.do("POST", call+"/agreed", "title", "Keep the old pumps running", "party", c, "due", starts) // pressed twice: still one
	pagetest.Glance(t, "call-held", pagetest.Desk, ana.shown("GET", call))
	pagetest.Glance(t, "calls", pagetest.Desk, ana.shown("GET", at+"/calls"))
	held, err := h.cases.Coordination.CallOf(ctx, ana.actor(), calls[0].UID)
	h.must(err)
	if held.State != coordination.CallHeld || len(held.People) != 3 || len(held.Added) != 1 || len(held.Actions) != 2 || held.Invited[0].Coming != "yes" {
		t.Errorf("the call: %+v", held)
	}

	pagetest.Glance(t, "situation-open", pagetest.Desk, ana.shown("POST", at+"/situation", "ground", "need", "reasons", "Two regions without water.", "member", a, "member", b))
	ana.do("POST", at+"/situation", "ground", "force_majeure", "reasons", "Two regions without water.", "member", a, "member", b, "leader", a, "confirm", "1")
	all, err := h.cases.Coordination.Situations(ctx, ana.actor(), in.UID)
	h.must(err)
	x := "/desk/situations/" + all[0].UID
	ana.do("POST", x+"/telling", "who", a, "circle", "the public", "what", "Boil the water.", "due", starts)
	ana.do("POST", x+"/telling", "circle", "the parties")
	ana.do("POST", x+"/decide", "decision", "The crisis centre speaks for all.", "joint", "1", "due", starts)
	ana.do("POST", x+"/agreed", "number", "1", "party", a, "agrees", "yes", "who", "The director")
	ana.do("POST", x+"/decide", "decision", "We pause the scans.")
	pagetest.Look(t, "situation", pagetest.Desk, ana.shown("GET", x))
	pagetest.Glance(t, "situation-tell", pagetest.Desk, ana.shown("POST", x+"/tell", "act", "preview"))
	ana.do("POST", x+"/tell", "act", "send")
	ana.do("POST", x+"/end", "reason", "The water is back.")
	pagetest.Glance(t, "situation-ended", pagetest.Desk, ana.shown("GET", x))
}
