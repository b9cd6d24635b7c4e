package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
)

func (a *API) proofs() {
	on(a, "GET /proofs", a.listProofs)
	on(a, "POST /organisations/{id}/proofs", a.claim)
	on(a, "GET /proofs/{id}", a.getProof)
	on(a, "POST /proofs/{id}/look", a.lookNow)
	on(a, "POST /proofs/{id}/code", a.giveCode)
	on(a, "POST /proofs/{id}/withdraw", a.withdrawProof)
	on(a, "POST /proofs/{id}/judge", a.judgeProof)
	on(a, "GET /register/todo", a.registerTodo)
	on(a, "POST /register/confirm", a.confirmEntry)
}

// AssetProof is one way in which an organisation proves, or proved, that something is its own.
type AssetProof struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind" enum:"prefix,asn,domain,host,url"`
	Value     string    `json:"value"`
	Way       string    `json:"way" enum:"dns,file,mail,registry,hand"`
	State     string    `json:"state" enum:"waiting,asked,proved,refused,failed,lapsed,withdrawn"`
	Place     string    `json:"place,omitempty" doc:"Name of the record (TXT), address of the file, or mail address"`
	Line      string    `json:"line,omitempty" doc:"What the record or the file must hold"`
	BegunAt   time.Time `json:"begun_at"`
	Until     time.Time `json:"until,omitzero" doc:"Of a proof: until when it holds; else until when we wait"`
	LookAt    time.Time `json:"look_at,omitzero" doc:"When we look next"`
	LookedAt  time.Time `json:"looked_at,omitzero"`
	Said      string    `json:"said,omitempty" enum:"found,absent,other,silent,status" doc:"What the last look found"`
	DecidedAt time.Time `json:"decided_at,omitzero"`
	Why       string    `json:"why,omitempty" doc:"Of who judged it"`
}

func assetProofView(by access.Actor, x constituency.Proof) AssetProof {
	v := AssetProof{
		ID: x.UID, Kind: x.Kind, Value: x.Value, Way: string(x.Way), State: string(x.State), Place: x.Place, BegunAt: x.MadeAt, Until: x.Until, LookAt: x.LookAt, LookedAt: x.LookedAt,
		Said: x.Said, DecidedAt: x.DecidedAt,
	}
	if x.Token != "" {
		v.Line = x.Line()
	}
	if by.Can(access.ReadRegistry) || x.Way == constituency.ByRegistry {
		v.Why = x.Why
	}
	return v
}

func (a *API) listProofs(ctx context.Context, by access.Actor, in *OfInput) (reply[List[AssetProof]], error) {
	o, err := a.organisation(ctx, by, in.Organisation)
	if err != nil {
		return reply[List[AssetProof]]{}, err
	}
	all, err := a.Constituency.Proofs(ctx, a.Intake.DB, o.Ref.ID)
	return reply[List[AssetProof]]{body: list(mapped(all, func(x constituency.Proof) AssetProof { return assetProofView(by, x) }), "")}, err
}

// NewProof is what POST /organisations/{id}/proofs takes.
type NewProof struct {
	Asset    string `json:"asset,omitempty" doc:"Id of one that stands in the register; else kind and value"`
	Kind     string `json:"kind,omitempty" enum:"prefix,asn,domain,host,url" doc:"Told from the value when left out"`
	Value    string `json:"value,omitempty"`
	Way      string `json:"way" enum:"dns,file,mail,registry"`
	Role     string `json:"role,omitempty" enum:"postmaster,hostmaster,security,abuse" doc:"For mail: to which address of the domain the code goes"`
	Evidence string `json:"evidence,omitempty" doc:"For registry: the object as the registry gives it"`
}

// NewProofInput names the organisation.
type NewProofInput struct {
	ID
	With[NewProof]
}

func (a *API) claim(ctx context.Context, by access.Actor, in *NewProofInput) (reply[AssetProof], error) {
	x := in.Body.Value
	made, err := a.Constituency.Claim(ctx, by, in.ID.ID, constituency.Claim{Asset: x.Asset, Kind: x.Kind, Value: x.Value, Way: constituency.Way(x.Way), Role: x.Role, Evidence: x.Evidence})
	return reply[AssetProof]{body: assetProofView(by, made)}, err
}

func (a *API) getProof(ctx context.Context, by access.Actor, in *OneIDInput) (reply[AssetProof], error) {
	x, err := a.Constituency.Proof(ctx, a.Intake.DB, by, in.ID.ID)
	return reply[AssetProof]{body: assetProofView(by, x)}, err
}

// ProofInput names a proof.
type ProofInput struct {
	ID
	With[Nothing]
}

func (a *API) lookNow(ctx context.Context, by access.Actor, in *ProofInput) (reply[Nothing], error) {
	return reply[Nothing]{}, a.Constituency.LookNow(ctx, by, in.ID.ID)
}

func (a *API) withdrawProof(ctx context.Context, by access.Actor, in *ProofInput) (reply[Nothing], error) {
	return reply[Nothing]{}, a.Constituency.WithdrawProof(ctx, by, in.ID.ID)
}

// GivenCode is what POST /proofs/{id}/code takes.
type GivenCode struct {
	Code string `json:"code"`
}

// GiveCodeInput names the proof.
type GiveCodeInput struct {
	ID
	With[GivenCode]
}

func (a *API) giveCode(ctx context.Context, by access.Actor, in *GiveCodeInput) (reply[AssetProof], error) {
	x, err := a.Constituency.GiveCode(ctx, by, in.ID.ID, in.Body.Value.Code)
	return reply[AssetProof]{body: assetProofView(by, x)}, err
}

// Judgement is what POST /proofs/{id}/judge takes.
type Judgement struct {
	Holds bool   `json:"holds"`
	Why   string `json:"why" doc:"The organisation reads it"`
}

// JudgeInput names the proof.
type JudgeInput struct {
	ID
	With[Judgement]
}

func (a *API) judgeProof(ctx context.Context, by access.Actor, in *JudgeInput) (reply[AssetProof], error) {
	x, err := a.Constituency.JudgeProof(ctx, by, in.ID.ID, in.Body.Value.Holds, in.Body.Value.Why)
	return reply[AssetProof]{body: assetProofView(by, x)}, err
}

// RegisterTask is one thing to do in the register.
type RegisterTask struct {
	Kind         string    `json:"kind" enum:"judge,failed,conflict,ends,lapsed,stale"`
	Organisation string    `json:"organisation"`
	Name         string    `json:"name"`
	What         string    `json:"what,omitempty" doc:"The asset"`
	Other        string    `json:"other,omitempty" doc:"Of a conflict: the other organisation"`
	Proof        string    `json:"proof,omitempty"`
	Since        time.Time `json:"since,omitzero"`
}

// TodoInput narrows what is to be done.
type TodoInput struct {
	IfNoneMatch
	Kind string `query:"kind" enum:"judge,failed,conflict,ends,lapsed,stale" doc:"All when left out; at most 100 of each"`
}

func (a *API) registerTodo(ctx context.Context, by access.Actor, in *TodoInput) (reply[List[RegisterTask]], error) {
	all, _, err := a.Constituency.Todo(ctx, a.Intake.DB, by, constituency.TaskKind(in.Kind))
	return reply[List[RegisterTask]]{body: list(mapped(all, func(t constituency.Task) RegisterTask {
		return RegisterTask{Kind: string(t.Kind), Organisation: t.Organisation, Name: t.Name, What: t.What, Other: t.Other, Proof: t.Proof, Since: t.Since}
	}), "")}, err
}

// ConfirmInput is empty.
type ConfirmInput struct{ With[Nothing] }

func (a *API) confirmEntry(ctx context.Context, by access.Actor, _ *ConfirmInput) (reply[Nothing], error) {
	return reply[Nothing]{}, a.Constituency.Confirm(ctx, by)
}
