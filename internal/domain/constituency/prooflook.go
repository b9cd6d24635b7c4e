package constituency

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Names answers what text records stand under a name; one that does not exist is NotFound, any other error means that nobody answered.
type Names interface {
	TXT(ctx context.Context, name string) ([]string, error)
}

// Files reads what stands at an address, at most so many bytes.
type Files interface {
	Get(ctx context.Context, address string, most int) (status int, body []byte, err error)
}

// LookJob asks for a look at one proof, or at all that are due when Proof is "".
type LookJob struct {
	Proof string `json:"proof,omitempty"` // uid
}

// Kind names the job.
func (LookJob) Kind() string { return "constituency.look" }

const (
	looksAtOnce = 40
	looksFor    = time.Minute
	mostFile    = 4 << 10
)

// Work registers the jobs of this duty.
func (s *Service) Work(r *job.Registry) {
	job.Handle(r, job.House, func(ctx context.Context, j LookJob) error {
		if j.Proof != "" {
			return s.lookFor(ctx, j.Proof)
		}
		return errors.Join(s.Look(ctx), s.EndProofs(ctx), s.AskAll(ctx))
	})
	r.Every("constituency.look", 10*time.Minute, job.House, LookJob{})
}

// nextLook says how long after so many looks without success we look again.
func nextLook(tries int) time.Duration { return min(lookAtMost, 10*time.Minute<<min(tries, 8)) }

// Look looks for the records and files that are due, the longest due first, within a minute: a host that keeps us waiting delays the others by that at most.
func (s *Service) Look(ctx context.Context) error {
	if s.Names == nil || s.Files == nil {
		return nil
	}
	due, err := db.All(ctx, s.DB, scanProof, `SELECT `+proofColumns+` FROM constituency_proof f WHERE f.look_at IS NOT NULL AND f.look_at <= $1 ORDER BY f.look_at, f.id LIMIT $2`,
		s.Clock.Now(), looksAtOnce)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, p := range due {
		if time.Since(began) > looksFor {
			return nil
		}
		if err := s.look(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) lookFor(ctx context.Context, uid string) error {
	if s.Names == nil || s.Files == nil {
		return nil
	}
	p, err := db.One(ctx, s.DB, scanProof, `SELECT `+proofColumns+` FROM constituency_proof f WHERE f.uid = $1 AND f.look_at IS NOT NULL AND f.look_at <= $2`, uid, s.Clock.Now())
	if errs.Is(err, errs.NotFound) {
		return nil // somebody else looked, or it is over
	}
	if err != nil {
		return err
	}
	return s.look(ctx, p)
}

// look asks outside, holding nothing, and then notes what was found.
func (s *Service) look(ctx context.Context, p Proof) error {
	said := s.ask(ctx, p)
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.Locked(ctx, tx, p.Organisation)
		if err != nil {
			return err
		}
		is, err := db.One(ctx, tx, scanProof, `SELECT `+proofColumns+` FROM constituency_proof f WHERE f.id = $1`, p.ID)
		if err != nil || is.LookAt.IsZero() {
			return err
		}
		now := s.Clock.Now()
		if said == SaidFound {
			if _, err := tx.Exec(ctx, `UPDATE constituency_proof SET looked_at = $1, said = $2, tries = 0 WHERE id = $3`, now, said, is.ID); err != nil {
				return err
			}
			return s.provedTx(ctx, tx, access.System("clocks"), o.Ref, is, now)
		}
		next := now.Add(nextLook(is.Tries + 1))
		_, err = tx.Exec(ctx, `UPDATE constituency_proof SET looked_at = $1, said = $2, tries = tries + 1, look_at = $3 WHERE id = $4`, now, said, next, is.ID)
		return err
	})
}

// ask looks for the line of a proof where it must stand.
func (s *Service) ask(ctx context.Context, p Proof) string {
	if p.Way == ByDNS {
		got, err := s.Names.TXT(ctx, p.Place)
		switch {
		case errs.Is(err, errs.NotFound) || err == nil && len(got) == 0:
			return SaidAbsent
		case err != nil:
			return SaidSilent
		case slices.ContainsFunc(got, func(t string) bool { return strings.TrimSpace(t) == p.Line() }):
			return SaidFound
		}
		return SaidOther
	}
	status, body, err := s.Files.Get(ctx, p.Place, mostFile)
	switch {
	case err != nil:
		return SaidSilent
	case status == http.StatusNotFound || status == http.StatusGone:
		return SaidAbsent
	case status != http.StatusOK:
		return SaidStatus
	}
	for line := range strings.Lines(string(body)) {
		if strings.TrimSpace(line) == p.Line() {
			return SaidFound
		}
	}
	return SaidOther
}

// how says by what something was proved, for who reads it later.
func (p Proof) how() string {
	switch p.Way {
	case ByDNS:
		return "TXT " + p.Place
	case ByRegistry:
		return p.Why
	}
	return p.Place
}

// provedTx notes that something is proved: it is the organisation's from now on, until the proof ends. The caller holds the organisation.
func (s *Service) provedTx(ctx context.Context, tx *db.Tx, by access.Actor, on ref.Ref, p Proof, now time.Time) error {
	again := p.State == ProofProved
	until := now.Add(ProofHolds)
	look := time.Time{}
	if p.Way == ByDNS || p.Way == ByFile {
		look = until.Add(-proofAgain)
	}
	asset, err := s.assetNow(ctx, tx, p, now)
	if err != nil {
		return err
	}
	if asset == 0 && again { // it was ended meanwhile
		return s.endProof(ctx, tx, p, ProofWithdrawn, 0, p.Why)
	}
	if asset == 0 {
		a, err := s.insertAsset(ctx, tx, p.Organisation, NewAsset{Kind: p.Kind, Value: p.Value, Since: now})
		if err != nil {
			return err
		}
		asset = a.ID
	}
	_, err = tx.Exec(ctx, `UPDATE constituency_proof SET state = 'proved', asset = $1, until = $2, look_at = $3, code = NULL, decided_at = $4, decided_by = $5, why = $6 WHERE id = $7`,
		asset, until, look, now, by.Account, p.Why, p.ID)
	if err != nil {
		return err
	}
	how := cut200(p.how())
	if _, err := tx.Exec(ctx, `UPDATE constituency_asset SET proved_at = $1, proved_how = $2, proved_until = $3 WHERE id = $4`, now, how, until, asset); err != nil {
		return err
	}
	verb := "constituency.prove_asset"
	if again {
		verb = "constituency.prove_again"
	}
	return s.assetChanged(ctx, tx, by, verb, on, []audit.Change{{Field: "asset", To: p.Value}, {Field: "way", To: string(p.Way)}, {Field: "proved_how", To: how}}, p.UID)
}

func cut200(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200])
	}
	return s
}

// EndProofs ends what waited long enough, and proofs whose time is over: the asset stays, and is not proved any more. Of each at most 200; who calls it
// again goes on.
func (s *Service) EndProofs(ctx context.Context) error {
	now := s.Clock.Now()
	over, err := db.All(ctx, s.DB, scanProof, `SELECT `+proofColumns+` FROM constituency_proof f WHERE f.until IS NOT NULL AND f.until <= $1 AND f.state IN ('waiting', 'proved')
		ORDER BY f.until, f.id LIMIT 200`, now)
	if err != nil {
		return err
	}
	for _, p := range over {
		if err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.overTx(ctx, tx, p.ID, p.Organisation, now) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) overTx(ctx context.Context, tx *db.Tx, proof, organisation int64, now time.Time) error {
	o, err := access.Locked(ctx, tx, organisation)
	if err != nil {
		return err
	}
	p, err := db.One(ctx, tx, scanProof, `SELECT `+proofColumns+` FROM constituency_proof f WHERE f.id = $1`, proof)
	if err != nil || p.Until.After(now) || p.State != ProofWaiting && p.State != ProofProved {
		return err
	}
	clocks := access.System("clocks")
	if p.State == ProofWaiting {
		if err := s.endProof(ctx, tx, p, ProofFailed, 0, ""); err != nil {
			return err
		}
		return s.changed(ctx, tx, clocks, "constituency.claim_failed", o.Ref, []audit.Change{{Field: "asset", From: p.Value}, {Field: "way", From: string(p.Way)}}, p.UID)
	}
	if err := s.endProof(ctx, tx, p, ProofLapsed, 0, p.Why); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE constituency_asset SET proved_at = NULL, proved_how = '', proved_until = NULL WHERE id = $1 AND proved_until <= $2`, p.Asset, now)
	if err != nil || n == 0 { // proved in another way since
		return err
	}
	return s.assetChanged(ctx, tx, clocks, "constituency.proof_lapsed", o.Ref, []audit.Change{{Field: "asset", From: p.Value}, {Field: "way", From: string(p.Way)}}, p.UID)
}
