package app

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Settle numbers what waits in the record and signs a checkpoint, as the sequencer of a running house does.
func (h *House) Settle(ctx context.Context) error {
	for {
		n, err := h.Sequencer.Number(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			return h.Sequencer.Checkpoint(ctx)
		}
	}
}

// Checkpoint gives the newest signed checkpoint of the record, for others to keep.
func (h *House) Checkpoint(ctx context.Context) (string, error) {
	var note string
	err := h.DB.QueryRow(ctx, `SELECT note FROM audit_checkpoint ORDER BY size DESC LIMIT 1`).Scan(&note)
	if errs.Is(err, errs.NotFound) {
		err = errs.New(errs.NotFound, "nothing was recorded yet")
	}
	return note, err
}

// AuditKey is the public key with which anybody verifies a checkpoint (signed note, C2SP).
func (h *House) AuditKey() (string, error) {
	_, key, err := audit.SignerOf(h.Ring.Derive(CheckpointPurpose))
	return key, err
}
