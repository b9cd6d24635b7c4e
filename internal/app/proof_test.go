package app

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
)

// In a whole house: a record is looked for by a worker and proves a domain; a host inside is not reached and nothing is told of it; a code leaves for the
// postmaster, signed, and what he answers by mail is news.
func TestAnAssetIsProvedInAWholeHouse(t *testing.T) {
	h := newHouse(t, pgtest.Engine(t))
	zone := auth.Zone{Texts: map[string][]string{}}
	h.DNS = zone
	org, _ := h.organisation("Water", "en", "Eva", "eva@water.example", nil)
	h.serve()
	b := h.person(access.Constituent, "eva@water.example", org.UID)
	begin := func(pairs ...string) string {
		t.Helper()
		at, _, _ := strings.Cut(b.post("/portal/assets/new", pairs...), "?")
		return strings.TrimPrefix(at, "/portal/proofs/")
	}
	state := func(uid string) constituency.Proof {
		t.Helper()
		p, err := h.Constituency.Proof(t.Context(), h.DB, sample(), uid)
		h.must(err)
		return p
	}
	uid := begin("value", "water.example", "way", "dns")
	p := state(uid)
	zone.Texts[p.Place] = []string{p.Line()}
	b.post("/portal/proofs/"+uid+"/look", "pressed", "1")
	h.eventually("the record is found", func() bool { return state(uid).State == constituency.ProofProved })

	inside := begin("value", "localhost.localdomain", "host", "1", "way", "file")
	b.post("/portal/proofs/"+inside+"/look", "pressed", "1")
	h.eventually("somebody looked", func() bool { return !state(inside).LookedAt.IsZero() })
	if is := state(inside); is.Said != constituency.SaidSilent || is.State != constituency.ProofWaiting {
		t.Errorf("inside: %s, %s", is.Said, is.State)
	}

	code := begin("value", "pond.example", "way", "mail", "role", "postmaster")
	letter := state(code).Message
	h.eventually("the letter left", func() bool {
		states, err := h.Correspondence.LetterState(t.Context(), h.DB, letter)
		h.must(err)
		return states[letter] == correspondence.Sent
	})
	if a := b.get("/portal/proofs/" + code); !strings.Contains(a.Body, "We mailed a code to postmaster@pond.example") {
		t.Error("the page does not say that it left")
	}
	// Once a year its contact is asked whether all is still right: the letter leads to the portal and says nothing of what stands there.
	h.must(h.Constituency.SetAskRule(t.Context(), access.Actor{Account: 1, Roles: []access.Role{access.Lead}, Strength: access.TwoFactor, ProvedAt: h.Clock.Now()}, constituency.AskRule{}, constituency.AskRule{Days: 30}))
	_, err := h.DB.Exec(t.Context(), `UPDATE constituency_organisation SET confirmed_at = $1`, h.Clock.Now().AddDate(0, 0, -340))
	h.must(err)
	_, err = h.DB.Exec(t.Context(), `UPDATE constituency_contact SET verified_at = $1`, h.Clock.Now())
	h.must(err)
	h.must(errors.Join(h.Constituency.AskAll(t.Context()), h.Constituency.AskAll(t.Context())))
	asked := h.letter("eva@water.example")
	if !strings.Contains(asked, "Once a year") || !strings.Contains(asked, "/portal/organisation") || strings.Contains(asked, "pond.example") || strings.Contains(asked, "own people") || len(h.sent("eva@water.example")) != 1 {
		t.Errorf("%s", asked)
	}
	h.must(errors.Join(h.Constituency.Look(t.Context()), h.Constituency.EndProofs(t.Context())))
	if got, err := h.Constituency.Owners(t.Context(), h.DB, sample(), "www.water.example", time.Time{}); err != nil || len(got) != 1 || got[0].Organisation.Name != "Water" {
		t.Errorf("%+v, %v", got, err)
	}
}
