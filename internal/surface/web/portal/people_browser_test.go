package portal_test

import (
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
)

// Eva invites somebody, changes a role, makes a key and reads who did what; every page on the way is fit to be seen.
func TestBrowserKeepingPeople(t *testing.T) {
	h := open(t)
	h.keeper()
	p := browsertest.New(t)
	e := eye{t, p, h.url}
	p.Open(h.url + "/door?email=" + eva)
	p.Open(h.url + "/portal/people/invite")
	e.look("invite", "")
	p.Type("#name", "Ivo Lima")
	p.Type("#email", "ivo.lima@aguasdovale.example")
	p.Click("main form .btn-primary")
	p.Wait(".toast")
	_, _, err := h.accounts.CreateKey(t.Context(), h.as(eva), account.NewKey{Name: "SIEM of the water works", Scopes: []access.Right{access.OwnCases, access.FileReport}, Networks: []string{"192.0.2.0/24"}})
	h.must(err)
	old, _, err := h.accounts.CreateKey(t.Context(), h.as(eva), account.NewKey{Name: "Test", Scopes: []access.Right{access.OwnCases}, Life: 24 * time.Hour})
	h.must(err)
	h.must(h.accounts.EndKey(t.Context(), h.as(eva), old.UID))
	h.Clock.Advance(time.Minute)
	e.look("people", "/portal/people")
	for _, x := range h.own(eva) {
		switch {
		case x.Invited != nil:
			e.look("invited", "/portal/people/"+x.UID)
		case x.Email == "rui.tavares@aguasdovale.example":
			e.look("person", "/portal/people/"+x.UID)
			e.look("remove", "/portal/people/"+x.UID+"/remove")
		}
	}
	e.look("keys", "/portal/people/keys")
	e.look("key-new", "/portal/people/keys/new")
	p.Open(h.url + "/portal/people/keys/new")
	p.Type("#name", "Ticket system")
	p.Click("label[for=may-own_cases]")
	p.Click("main form .btn-primary")
	p.Wait(".secret")
	e.look("key-made", "")
	e.look("activity", "/portal/people/activity")
	e.look("people-de", "/portal/people?lang=de")
	e.look("activity-fr", "/portal/people/activity?lang=fr")
	p.Quiet()
	p.Open(h.url + "/portal/people/invite?lang=en")
	p.Click("main form .btn-primary")
	p.Wait(".problems")
	e.look("invite-wrong", "")
}
