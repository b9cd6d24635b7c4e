package api_test

import (
	"context"
	"testing"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
)

// A program of an organisation says what is its own, reads what is to be done, hands in the object of a registry, and confirms its entry; one of the team reads
// what is to do and judges it; another organisation's sees nothing of it.
func TestAnOrganisationProvesWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := context.Background()
		own, other, ana := h.as("constituent"), h.as("other"), h.as("analyst")
		p, err := own.BeginProof(ctx, h.one.UID, client.NewProof{Value: "one.example", Way: "dns"})
		h.must(err)
		if p.Place != "_tocsin-challenge.one.example" || p.Line == "" || p.State != "waiting" {
			t.Errorf("%+v", p)
		}
		h.must(own.LookForProof(ctx, p.ID))
		_, err = own.BeginProof(ctx, h.one.UID, client.NewProof{Value: "one.example", Way: "file"})
		refused(t, "a file for a domain", err, 422)
		q, err := own.BeginProof(ctx, h.one.UID, client.NewProof{Value: "AS64500", Way: "registry", Evidence: "aut-num: AS64500"})
		h.must(err)
		for what, err := range map[string]error{"read": third(other.Proof(ctx, q.ID)), "end": other.WithdrawProof(ctx, q.ID), "list": third(other.Proofs(ctx, h.one.UID))} {
			refused(t, "another organisation: "+what, err, 404)
		}
		todo, err := ana.RegisterTodo(ctx, "judge")
		h.must(err)
		if len(todo.Items) != 1 || todo.Items[0].Proof != q.ID {
			t.Errorf("%+v", todo)
		}
		refused(t, "judged by itself", third(own.JudgeProof(ctx, q.ID, true, "ours")), 403)
		is, err := ana.JudgeProof(ctx, q.ID, true, "RIPE says so")
		h.must(err)
		if is.State != "proved" || is.Until.IsZero() {
			t.Errorf("%+v", is)
		}
		refused(t, "a code for what needs none", third(own.GiveCode(ctx, p.ID, "00000-00000")), 409)
		h.must(own.WithdrawProof(ctx, p.ID))
		list, err := own.Proofs(ctx, "")
		h.must(err)
		if len(list.Items) != 2 || list.Items[0].State != "proved" || list.Items[1].State != "withdrawn" {
			t.Errorf("%+v", list)
		}
		h.must(own.ConfirmEntry(ctx))
		entitled, err := own.Entitlements(ctx, h.one.UID)
		h.must(err)
		if len(entitled.Items) != 7 || entitled.Items[0].Service != "incident_response" || entitled.Items[0].Level == "" {
			t.Errorf("%+v", entitled)
		}
		refused(t, "what another is entitled to", third(other.Entitlements(ctx, h.one.UID)), 404)
		refused(t, "an analyst confirms", ana.ConfirmEntry(ctx), 403)
	})
}

func third[T any](_ T, err error) error { return err }

func refused(t *testing.T, what string, err error, status int) {
	t.Helper()
	var p *client.Problem
	if !asProblem(err, &p) || p.Status != status {
		t.Errorf("%s: %v, want %d", what, err, status)
	}
}
