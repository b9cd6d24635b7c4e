package registration

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// errDecided says that somebody has decided already.
var errDecided = &errs.Error{Kind: errs.Conflict, Key: "error.registration.decided", Text: "this registration was decided already"}

// openFor loads one that can still be decided, at the version that was read; 0 takes any.
func (s *Service) openFor(ctx context.Context, tx *db.Tx, by access.Actor, name string, version int64) (Registration, error) {
	r, err := s.forChange(ctx, tx, by, name)
	switch {
	case err != nil:
		return r, err
	case !r.State.Open():
		return r, errDecided
	case version != 0 && version != r.Version:
		return r, access.ErrChanged
	}
	return r, nil
}

// Tick sets which checks were made, all that are ticked; what was ticked before and is not now is taken back. It needs WriteRegistry. Refused: NotFound,
// Invalid, Conflict for one that was decided.
func (s *Service) Tick(ctx context.Context, by access.Actor, name string, checks []string) (Registration, error) {
	var r Registration
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if err := by.Need(access.WriteRegistry); err != nil {
			return err
		}
		if slices.ContainsFunc(checks, func(c string) bool { return !slices.Contains(Checks, c) }) {
			var p errs.Problems
			p.Add("checks", "error.choice")
			return p.Err()
		}
		if r, err = s.openFor(ctx, tx, by, name, 0); err != nil {
			return err
		}
		was := strings.Join(r.Checks, " ")
		r.Checks = slices.Compact(slices.Sorted(slices.Values(checks)))
		now := strings.Join(r.Checks, " ")
		if was == now {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE registration_registration SET checks = $1 WHERE id = $2`, now, r.Ref.ID); err != nil {
			return err
		}
		if err := access.Update(ctx, tx, &r.Object, s.Clock.Now()); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "registration.tick", &r, audit.Change{Field: "checks", From: was, To: now})
	})
	return r, err
}

// Ask asks something back: it stands on the page of the registration, and a letter without content says so. It needs WriteRegistry. Refused: NotFound,
// Invalid, Conflict for one that was decided or changed since version (0: any).
func (s *Service) Ask(ctx context.Context, by access.Actor, name string, version int64, text string) (Registration, error) {
	var r Registration
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if err := by.Need(access.WriteRegistry); err != nil {
			return err
		}
		if err := CheckAnswer(text); err != nil {
			return err
		}
		if r, err = s.openFor(ctx, tx, by, name, version); err != nil {
			return err
		}
		if err := s.putWord(ctx, tx, &r, true, by.Account, s.Clock.Now(), strings.TrimSpace(text)); err != nil {
			return err
		}
		if r.State == Second { // who approved did so before this was asked
			if _, err := tx.Exec(ctx, `UPDATE registration_registration SET first_by = 0 WHERE id = $1`, r.Ref.ID); err != nil {
				return err
			}
			r.FirstBy = 0
		}
		if err := s.move(ctx, tx, &r, Asked); err != nil {
			return err
		}
		return s.told(ctx, tx, by, &r, "registration.ask")
	})
	return r, err
}

// told ends a verb that the applicant hears of: version, page, letter, entry.
func (s *Service) told(ctx context.Context, tx *db.Tx, by access.Actor, r *Registration, verb string, list ...audit.Change) error {
	if err := access.Update(ctx, tx, &r.Object, s.Clock.Now()); err != nil {
		return err
	}
	if err := s.showTx(ctx, tx, r); err != nil {
		return err
	}
	if err := s.write(ctx, tx, by, r); err != nil {
		return err
	}
	return s.record(ctx, tx, by, verb, r, list...)
}

// write sends the letter that says that there is something on the page. It names the reference and nothing else: the address is proved by nothing.
func (s *Service) write(ctx context.Context, tx *db.Tx, by access.Actor, r *Registration) error {
	thread := r.thread
	if thread == 0 {
		t, err := s.Correspondence.OpenThreadTx(ctx, tx, by, correspondence.NewThread{
			About: r.Ref, Apart: true, TLP: tlp.Green, Reference: r.Reference, Prefix: "REG",
			Correspondent: correspondence.Correspondent{Name: r.Said.Security.Name, Email: r.Said.Security.Email, Lang: r.Lang},
		})
		if err != nil {
			return err
		}
		thread, r.thread = t.Ref.ID, t.Ref.ID
		if _, err := tx.Exec(ctx, `UPDATE registration_registration SET thread = $1 WHERE id = $2`, thread, r.Ref.ID); err != nil {
			return err
		}
	}
	_, err := s.Correspondence.SendTx(ctx, tx, by, thread, correspondence.Outgoing{
		Kind: correspondence.Notice, TLP: tlp.Green, Auto: &correspondence.Auto{Letter: correspondence.AutoRegistration, At: s.Clock.Now()},
	})
	return err
}

// Refusal is why somebody is not registered, and who helps instead.
type Refusal struct {
	Reason  string // in words, for the applicant
	Pointer string
	Version int64 // as it was read; 0 takes any
}

// Refuse refuses a registration with its reason. It needs WriteRegistry. Refused: NotFound, Invalid, Conflict for one that was decided or changed.
func (s *Service) Refuse(ctx context.Context, by access.Actor, name string, in Refusal) (Registration, error) {
	var r Registration
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if err := by.Need(access.WriteRegistry); err != nil {
			return err
		}
		var p errs.Problems
		for _, f := range []struct {
			name, text string
			required   bool
		}{{"reason", in.Reason, true}, {"pointer", in.Pointer, false}} {
			if strings.TrimSpace(f.text) == "" && !f.required {
				continue
			}
			for _, x := range errs.Fields(CheckAnswer(f.text)) {
				x.Name = f.name
				p = append(p, x)
			}
		}
		if err := p.Err(); err != nil {
			return err
		}
		if r, err = s.openFor(ctx, tx, by, name, in.Version); err != nil {
			return err
		}
		r.Decision = Decision{Reason: strings.TrimSpace(in.Reason), Pointer: strings.TrimSpace(in.Pointer)}
		if err := s.decided(ctx, tx, by, &r, Refused); err != nil {
			return err
		}
		return s.told(ctx, tx, by, &r, "registration.refuse", audit.Change{Field: "reason", To: r.Decision.Reason})
	})
	return r, err
}

// decided writes a decision.
func (s *Service) decided(ctx context.Context, tx *db.Tx, by access.Actor, r *Registration, to State) error {
	r.DecidedBy, r.DecidedAt = by.Account, s.Clock.Now()
	if err := s.putDecision(ctx, tx, r); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE registration_registration SET decided_by = $1, decided_at = $2, organisation = $3, class = $4 WHERE id = $5`,
		r.DecidedBy, r.DecidedAt, r.Organisation, string(r.Class), r.Ref.ID)
	if err != nil {
		return err
	}
	return s.move(ctx, tx, r, to)
}

func (s *Service) putDecision(ctx context.Context, tx *db.Tx, r *Registration) error {
	key, err := s.Ring.Get(ctx, tx, r.Ref.ID)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(r.Decision)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE registration_registration SET decision = $1 WHERE id = $2`, key.Seal(decisionPlace(r.Ref.ID), raw), r.Ref.ID)
	return err
}

// End destroys what was refused once its period is over (retain.RejectedFor after the decision): keys, files, words and what its code shows. The row
// stays as a tombstone. It gives how many; a run every hour calls it.
func (s *Service) End(ctx context.Context) (int, error) {
	ids, err := db.All(ctx, s.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT id FROM registration_registration WHERE state = 'refused' AND decided_at < $1 AND said IS NOT NULL ORDER BY decided_at, id LIMIT 500`, s.Clock.Now().Add(-retain.RejectedFor))
	done := 0
	for _, n := range ids {
		if e := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.end(ctx, tx, n) }); e != nil {
			return done, e
		}
		done++
	}
	return done, err
}

func (s *Service) end(ctx context.Context, tx *db.Tx, n int64) error {
	if _, err := access.Locked(ctx, tx, n); err != nil {
		return err
	}
	for _, q := range []string{
		`DELETE FROM registration_shown WHERE hash = (SELECT code FROM registration_registration WHERE id = $1)`,
		`DELETE FROM registration_file WHERE registration = $1`,
		`DELETE FROM registration_word WHERE registration = $1`,
		`UPDATE registration_registration SET said = NULL, decision = NULL, code = NULL, public_key = NULL WHERE id = $1`,
	} {
		if _, err := tx.Exec(ctx, q, n); err != nil {
			return err
		}
	}
	now := s.Clock.Now()
	var thread int64
	if err := tx.QueryRow(ctx, `SELECT thread FROM registration_registration WHERE id = $1`, n).Scan(&thread); err != nil {
		return err
	}
	if thread != 0 { // who was written to, and what
		if err := s.Ring.Destroy(ctx, tx, thread, now, string(retain.Refused)); err != nil && !errors.Is(err, keyring.ErrDestroyed) {
			return err
		}
	}
	if err := s.Ring.Destroy(ctx, tx, n, now, string(retain.Refused)); err != nil {
		return err
	}
	return access.Touch(ctx, tx, n, now)
}
