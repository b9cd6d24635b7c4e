package desk_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// The pages of the duty room have no finding: with a roster, a hand-over and a page, and each form as it is refused.
func TestBrowserDuty(t *testing.T) {
	h := openOffice(t)
	lea, ana := h.as("Lea"), h.as("Ana")
	first := h.Clock.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	person := func(p person) string { return strconv.FormatInt(p.actor().Account, 10) }
	lea.goes(lea.do("POST", "/desk/duty/rotation", "every", "daily", "first_day", first, "at", "08:00", "person", person(ana), "person", person(lea)), "/desk/duty?done=duty_saved")
	handover := lea.do("POST", "/desk/duty/handovers").location
	test := lea.do("POST", "/desk/duty/test").location
	lea.sees(lea.get("/desk/duty"), 200, handover, test, "Waits for an answer")
	pagetest.Look(t, "duty", pagetest.Desk, lea.shown("GET", "/desk/duty"))
	pagetest.Glance(t, "duty-change-wrong", pagetest.Desk, lea.shown("POST", "/desk/duty/changes", "kind", "away", "from", "", "till", ""))
	pagetest.Glance(t, "duty-plan-wrong", pagetest.Desk, lea.shown("POST", "/desk/duty/rotation", "every", "weekly"))
	pagetest.Glance(t, "duty-ways-wrong", pagetest.Desk, lea.shown("POST", "/desk/duty/ways", "kind", "webhook", "address", "nowhere"))
	pagetest.Glance(t, "duty-channels", pagetest.Desk, lea.shown("GET", "/desk/duty/channels"))
	pagetest.Glance(t, "duty-down", pagetest.Desk, lea.shown("GET", "/desk/duty/down"))
	pagetest.Glance(t, "duty-handover", pagetest.Desk, lea.shown("GET", handover))
	pagetest.Glance(t, "duty-page", pagetest.Desk, lea.shown("GET", test))
}
