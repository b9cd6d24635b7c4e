package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

type auditCommands struct {
	Verify     auditVerify     `cmd:"" help:"Read the whole record and hold it against its signed checkpoints."`
	Key        auditKey        `cmd:"" help:"Print the public key that verifies checkpoints."`
	Checkpoint auditCheckpoint `cmd:"" help:"Print the newest signed checkpoint, for others to keep."`
}

type auditVerify struct {
	conf.Config
	Checkpoint []string `type:"existingfile" placeholder:"FILE" help:"Checkpoint that somebody else kept; may be given again."`
	JSON       bool     `help:"Answer in JSON."`
}

// Run verifies the record; with any problem the status is 1.
func (c *auditVerify) Run(e *env) error {
	older, err := files(c.Checkpoint)
	if err != nil {
		return err
	}
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	proof, err := audit.Verify(e.ctx, h.DB, h.Ring, h.Verifier, older...)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d entries, %d checkpoints match, %d without details because they were erased, %d wait for their number\n", proof.Size, proof.Checkpoints, proof.Erased, proof.Waiting)
	for _, p := range proof.Problems {
		fmt.Fprintf(&b, "PROBLEM: %s\n", p)
	}
	if len(proof.Problems) == 0 {
		b.WriteString("The record is as it was written.\n")
	}
	if err := e.answer(c.JSON, proof, b.String()); err != nil {
		return err
	}
	if len(proof.Problems) > 0 {
		return errSaid
	}
	return nil
}

// files reads small text files.
func files(names []string) ([]string, error) {
	var out []string
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil || len(b) > 1<<20 {
			return nil, usage{errs.Newf(errs.Invalid, "%s cannot be read", n)}
		}
		out = append(out, string(b))
	}
	return out, nil
}

type auditKey struct {
	conf.Config
	JSON bool `help:"Answer in JSON."`
}

// Run prints the public key.
func (c *auditKey) Run(e *env) error {
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	key, err := h.AuditKey()
	if err != nil {
		return err
	}
	return e.answer(c.JSON, map[string]string{"key": key}, key+"\n")
}

type auditCheckpoint struct {
	conf.Config
	JSON bool `help:"Answer in JSON."`
}

// Run prints the newest checkpoint, exactly as it was signed.
func (c *auditCheckpoint) Run(e *env) error {
	h, err := e.house(c.Config)
	if err != nil {
		return err
	}
	defer h.Close()
	if err := h.Settle(e.ctx); err != nil {
		return err
	}
	note, err := h.Checkpoint(e.ctx)
	if err != nil {
		return err
	}
	return e.answer(c.JSON, map[string]string{"checkpoint": note}, note)
}
