package constituency

import (
	"context"
	"crypto/hmac"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// GiveCode takes the code that was mailed to a role of a domain: who has it reads the domain's mail. Ten wrong ones end it. It needs OwnRegistry in the
// organisation: a code that somebody of ours types proves nothing. Refused: Invalid for a wrong code, Conflict for what does not wait for one, NotFound.
func (s *Service) GiveCode(ctx context.Context, by access.Actor, proof, code string) (Proof, error) {
	var p Proof
	wrong := false
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		wrong = false
		if err := by.Need(access.OwnRegistry); err != nil {
			return err
		}
		was, on, err := s.proofForChange(ctx, tx, by, proof)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		if was.Way != ByMail || was.State != ProofWaiting || !was.Until.After(now) {
			return errProofOver
		}
		var kept []byte
		if err := tx.QueryRow(ctx, `SELECT code FROM constituency_proof WHERE id = $1`, was.ID).Scan(&kept); err != nil {
			return err
		}
		if !hmac.Equal(kept, s.codeHash(was.UID, code)) {
			wrong = true // the try counts: the transaction is kept
			return s.wrongCode(ctx, tx, by, was)
		}
		if err := s.provedTx(ctx, tx, by, on, was, now); err != nil {
			return err
		}
		p, err = s.proof(ctx, tx, by, proof)
		return err
	})
	if err == nil && wrong {
		var no errs.Problems
		no.Add("code", "error.proof.code")
		err = no.Err()
	}
	return p, err
}

func (s *Service) wrongCode(ctx context.Context, tx *db.Tx, by access.Actor, p Proof) error {
	if _, err := tx.Exec(ctx, `UPDATE constituency_proof SET tries = tries + 1 WHERE id = $1`, p.ID); err != nil || p.Tries+1 < maxCodeTries {
		return err
	}
	if err := s.endProof(ctx, tx, p, ProofFailed, 0, ""); err != nil {
		return err
	}
	on, err := access.Locked(ctx, tx, p.Organisation)
	if err != nil {
		return err
	}
	return s.changed(ctx, tx, by, "constituency.claim_failed", on.Ref, []audit.Change{{Field: "asset", From: p.Value}, {Field: "way", From: string(p.Way)}}, p.UID)
}

// JudgeProof says whether the object of a registry proves what was claimed, and why; the organisation reads the reason. It needs WriteRegistry. Refused:
// Invalid without a reason, Conflict for what does not wait for it, NotFound.
func (s *Service) JudgeProof(ctx context.Context, by access.Actor, proof string, holds bool, why string) (Proof, error) {
	var p Proof
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := by.Need(access.WriteRegistry); err != nil {
			return err
		}
		var wrong errs.Problems
		why = text(&wrong, "why", why, 500, true)
		if err := wrong.Err(); err != nil {
			return err
		}
		was, on, err := s.proofForChange(ctx, tx, by, proof)
		if err != nil {
			return err
		}
		if was.State != ProofAsked {
			return errProofOver
		}
		if was.Why = why; holds {
			err = s.provedTx(ctx, tx, by, on, was, s.Clock.Now())
		} else if err = s.endProof(ctx, tx, was, ProofRefused, by.Account, why); err == nil {
			err = s.changed(ctx, tx, by, "constituency.refuse_claim", on, []audit.Change{{Field: "asset", From: was.Value}, {Field: "way", From: string(was.Way)}, {Field: "why", To: why}}, was.UID)
		}
		if err == nil {
			p, err = s.proof(ctx, tx, by, proof)
		}
		return err
	})
	return p, err
}

// byHandTx keeps a proof that a person of ours noted beside the others.
func (s *Service) byHandTx(ctx context.Context, tx *db.Tx, by access.Actor, a Asset, how string) error {
	now := s.Clock.Now()
	p := Proof{
		UID: id.New(), Organisation: a.Organisation, Asset: a.ID, Kind: a.Kind, Value: a.Value, Way: ByHand, State: ProofProved, MadeAt: now, MadeBy: by.Account,
		Until: now.Add(ProofHolds), DecidedAt: now, DecidedBy: by.Account, Why: how,
	}
	return s.insertProof(ctx, tx, &p, nil, nil)
}
