package desk_test

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// opened is an incident that Ana handles.
func (h *office) opened() incident.Incident {
	h.Helper()
	by := h.as("Ana").actor()
	in, err := h.cases.Open(h.Context(), by, incident.NewIncident{Title: "A minister's telephone", Type: "intrusions:privileged-account-compromise", Severity: "high", TLP: tlp.Amber, Handler: by.Account})
	h.must(err)
	return in
}

// A case is sealed on its page; whom the seal does not name finds nothing, breaks the glass with a reason, and somebody else reviews it.
func TestASealOnItsPage(t *testing.T) {
	h := openOffice(t)
	in := h.opened()
	ana, lea, leo, iris := h.as("Ana"), h.as("Lea"), h.as("Leo"), h.as("Iris")
	at := "/desk/incidents/" + in.Number
	ana.sees(ana.get(at+"/seal"), http.StatusForbidden)
	ana.sees(ana.get(at+"/files"), http.StatusOK, "No files yet")
	ana.sees(ana.get(at+"/measures"), http.StatusOK, "No measures yet")
	ana.sees(ana.get(at+"/report"), http.StatusOK, "No closing report yet", "Download case file")
	version := strconv.FormatInt(in.Version, 10)
	lea.sees(lea.do("POST", at+"/seal", "version", version), http.StatusUnprocessableEntity, "Say why in a sentence")
	lea.goes(lea.do("POST", at+"/seal", "version", version, "reason", "The suspect is one of us"), at+"?done=sealed")
	absent := leo.get("/desk/incidents/INC-2026-999999/seal")
	for _, p := range []person{leo, ana} {
		for _, tab := range []string{"", "/files", "/measures", "/report"} {
			if got := p.get(at + tab); got.status != http.StatusNotFound || got.body != absent.body {
				t.Errorf("%s: %d %q, and what does not exist %q", tab, got.status, got.body, absent.body)
			}
		}
	}
	leo.sees(leo.do("POST", "/desk/break-glass", "incident", in.Number), http.StatusUnprocessableEntity)
	leo.goes(leo.do("POST", "/desk/break-glass", "incident", " "+in.Number+" ", "reason", "She is on a plane and it burns"), at+"?done=glass")
	leo.sees(leo.get(at+"/seal"), http.StatusOK, in.Number)

	iris.sees(iris.get("/desk/alarms"), http.StatusOK, "Leo", in.Number, "She is on a plane and it burns", "note-")
	leo.sees(leo.get("/desk/alarms"), http.StatusOK, in.Number, "!note-")           // nobody reviews their own
	iris.sees(iris.get("/desk/alarms"), http.StatusOK, `id="bell"`, "1 open alarm") // above every page of whom it concerns
	review := regexp.MustCompile(`/desk/alarms/[^"]+/review`).FindString(iris.get("/desk/alarms").body)
	leo.sees(leo.do("POST", review, "note", "All is well"), http.StatusForbidden)
	iris.goes(iris.do("POST", review, "note", "Called Leo: it did burn"), "/desk/alarms?done=reviewed")
	iris.sees(iris.get("/desk/alarms"), http.StatusOK, "Called Leo: it did burn", "!note-")
	iris.sees(iris.get("/desk/alarms"), http.StatusOK, `id="bell"`, "!1 open alarm")
}

// mass is a letter to more readers than one person may write to, under AMBER.
func (h *office) mass(by access.Actor) {
	h.Helper()
	h.must(h.DB.Write(h.Context(), func(ctx context.Context, tx *db.Tx) error {
		var list []correspondence.Addressed
		for i := range correspondence.MassLabelled + 1 {
			about := access.Object{Ref: ref.Ref{Kind: ref.Report}, Realm: access.Team, TLP: tlp.Amber}
			if err := access.Protect(ctx, tx, &about, h.Clock.Now()); err != nil {
				return err
			}
			if _, err := h.Ring.Create(ctx, tx, about.Ref.ID, h.Clock.Now()); err != nil {
				return err
			}
			thread, err := h.letters.OpenThreadTx(ctx, tx, access.System("intake"), correspondence.NewThread{
				About: about.Ref, TLP: tlp.Amber, Prefix: "R", Correspondent: correspondence.Correspondent{Name: "Reader " + strconv.Itoa(i), Email: "reader" + strconv.Itoa(i) + "@example.org", Lang: "en"},
			})
			if err != nil {
				return err
			}
			list = append(list, correspondence.Addressed{Thread: thread.Ref.ID, Outgoing: correspondence.Outgoing{Subject: "A warning", Text: "Patch it today.", TLP: tlp.Amber}})
		}
		_, err := h.letters.SendManyTx(ctx, tx, by, list)
		return err
	}))
}

// Letters to many wait in the outbox for a second person, who sees them and releases them; who asked cannot.
func TestAMassOnItsPage(t *testing.T) {
	h := openOffice(t)
	ana, lea := h.as("Ana"), h.as("Lea")
	h.mass(ana.actor())
	at := regexp.MustCompile(`/desk/outbox/masses/[^"]+`).FindString(lea.get("/desk/outbox").body)
	ana.sees(ana.get(at), http.StatusOK, `class="admin-up" href="/desk/outbox"`, "Patch it today.", "A lead who did not ask for it must release it.", "!"+at+"/release")
	shown := lea.get(at)
	lea.sees(shown, http.StatusOK, "Patch it today.", "reader3@example.org", at+"/release")
	hash := regexp.MustCompile(`name="hash" value="([^"]+)"`).FindStringSubmatch(shown.body)[1]
	ana.sees(ana.do("POST", at+"/release", "hash", hash), http.StatusForbidden)
	if a := lea.do("POST", at+"/release", "hash", hash); a.status != http.StatusSeeOther {
		t.Errorf("released: %d %s", a.status, a.body)
	}
	lea.sees(lea.get("/desk/outbox"), http.StatusOK, "!"+at)
}

func TestBrowserGuard(t *testing.T) {
	h := openOffice(t)
	in := h.opened()
	ana, lea, leo, iris := h.as("Ana"), h.as("Lea"), h.as("Leo"), h.as("Iris")
	at := "/desk/incidents/" + in.Number + "/seal"
	h.mass(ana.actor())
	mass := regexp.MustCompile(`/desk/outbox/masses/[^"]+`).FindString(lea.get("/desk/outbox").body)
	pagetest.Look(t, "mass", pagetest.Desk, lea.shown("GET", mass))
	pagetest.Glance(t, "mass-own", pagetest.Desk, ana.shown("GET", mass))
	pagetest.Look(t, "seal", pagetest.Desk, lea.shown("GET", at))
	pagetest.Glance(t, "seal-wrong-de", pagetest.Desk, lea.shown("POST", at+"?lang=de"))
	lea.do("POST", at, "version", strconv.FormatInt(in.Version, 10), "reason", "The suspect is one of us")
	pagetest.Glance(t, "sealed", pagetest.Desk, lea.shown("GET", at))
	pagetest.Look(t, "glass", pagetest.Desk, leo.shown("GET", "/desk/break-glass"))
	leo.do("POST", "/desk/break-glass", "incident", in.Number, "reason", "She is on a plane and it burns")
	h.Clock.Advance(time.Minute)
	pagetest.Look(t, "alarms", pagetest.Desk, iris.shown("GET", "/desk/alarms"))
}

// The numbers beside the rooms are those of now, and each person's own, however often the page was looked at a moment ago.
func TestTheNumbersBesideTheRoomsAreOfNow(t *testing.T) {
	h := openOffice(t)
	ana, leo := h.as("Ana"), h.as("Leo")
	incidents := func(p person) string {
		h.Helper()
		shown := p.get("/desk/outbox")
		p.sees(shown, http.StatusOK, `href="/desk/incidents"`)
		link := regexp.MustCompile(`(?s)href="/desk/incidents".*?</a>`).FindString(shown.body)
		if n := regexp.MustCompile(`class="count[^>]*>(\d+)`).FindStringSubmatch(link); n != nil {
			return n[1]
		}
		return ""
	}
	for _, p := range []person{ana, leo} {
		if n := incidents(p); n != "" {
			t.Fatalf("an empty house has %q incidents", n)
		}
	}
	in := h.opened()
	if a, b := incidents(ana), incidents(leo); a != "1" || b != "1" {
		t.Errorf("one incident was opened; they are shown %q and %q", a, b)
	}
	lea := h.as("Lea")
	lea.goes(lea.do("POST", "/desk/incidents/"+in.Number+"/seal", "version", strconv.FormatInt(in.Version, 10), "reason", "The suspect is one of us"), "/desk/incidents/"+in.Number+"?done=sealed")
	if n := incidents(leo); n != "" {
		t.Errorf("a sealed incident is counted for somebody whom the seal does not name: %q", n)
	}
}
