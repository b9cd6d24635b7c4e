package incident

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// GlassFor is how long a sealed case stays open to who broke the glass.
const GlassFor = 4 * time.Hour

// Seal makes an incident, with its reports, parties, threads, requests and measures, vanish for everybody but the named accounts and the actor:
// leads and administrators too. On a sealed one it changes who is named. Nothing leaves a sealed case. The actor needs access.Seal. Refused:
// Invalid without a reason or for somebody who reads no cases, NotFound, access.ErrChanged.
func (s *Service) Seal(ctx context.Context, by access.Actor, incident string, version int64, named []int64, why string) (Incident, error) {
	if err := by.Need(access.Seal); err != nil {
		return Incident{}, err
	}
	var p errs.Problems
	alarm.Reason(&p, "reason", why)
	named = slices.DeleteFunc(slices.Clone(named), func(a int64) bool { return a == by.Account })
	ok, err := s.readers(ctx, named)
	if err != nil {
		return Incident{}, err
	}
	if !ok {
		p.Add("named", "error.choose")
	}
	if err := p.Err(); err != nil {
		return Incident{}, err
	}
	var out Incident
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		in, _, err := s.forChange(ctx, tx, by, access.Seal, incident, version)
		if err != nil {
			return err
		}
		now, verb := s.Clock.Now(), "incident.seal"
		before, err := access.Named(ctx, tx, in.Ref, now)
		if err != nil {
			return err
		}
		if in.Sealed {
			verb = "incident.reseal"
			if err := access.EndNamed(ctx, tx, in.Ref); err != nil {
				return err
			}
		}
		for _, account := range append(named, by.Account) {
			if err := access.Grant(ctx, tx, by, account, in.Ref, now, time.Time{}); err != nil {
				return err
			}
		}
		if in.Sealed {
			err = access.Touch(ctx, tx, in.Ref.ID, now)
		} else {
			err = s.sealAll(ctx, tx, in.Ref, now)
		}
		if err != nil {
			return err
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: verb, On: in.Ref, Note: strings.TrimSpace(why), Changes: []audit.Change{
			{Field: "named", From: len(before), To: len(named) + 1},
		}})
		if err != nil {
			return err
		}
		out, err = s.byID(ctx, tx, in.Ref.ID)
		return err
	})
	return out, err
}

// readers tells whether all accounts are people who read cases.
func (s *Service) readers(ctx context.Context, named []int64) (bool, error) {
	if len(named) == 0 {
		return true, nil
	}
	staff, err := s.Staff(ctx)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(named, func(a int64) bool { return !slices.Contains(staff, a) }), nil
}

// sealAll puts everything of an incident under its seal.
func (s *Service) sealAll(ctx context.Context, tx *db.Tx, in ref.Ref, now time.Time) error {
	ids := []int64{in.ID}
	reports, err := s.Intake.ObjectsOf(ctx, tx, in.ID)
	if err != nil {
		return err
	}
	ids = append(ids, reports...)
	more, err := s.Coordination.ObjectsOf(ctx, tx, in)
	if err != nil {
		return err
	}
	return access.SealTx(ctx, tx, in, now, append(ids, more...)...)
}

// kept puts what joined a sealed incident under its seal.
func (s *Service) kept(ctx context.Context, tx *db.Tx, in Incident) error {
	if !in.Sealed {
		return nil
	}
	return s.sealAll(ctx, tx, in.Ref, s.Clock.Now())
}

// Unseal opens an incident to everybody who reads cases. The actor needs access.Seal, must be named in it, and proves afresh who it is. Refused:
// Invalid without a reason, NotFound, Conflict for one that is not sealed.
func (s *Service) Unseal(ctx context.Context, by access.Actor, incident string, version int64, why string) (Incident, error) {
	if err := by.Need(access.Seal); err != nil {
		return Incident{}, err
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return Incident{}, err
	}
	var p errs.Problems
	alarm.Reason(&p, "reason", why)
	if err := p.Err(); err != nil {
		return Incident{}, err
	}
	var out Incident
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		in, _, err := s.forChange(ctx, tx, by, access.Seal, incident, version)
		if err != nil {
			return err
		}
		if !in.Sealed {
			return errNotSealed
		}
		now := s.Clock.Now()
		if err := access.UnsealTx(ctx, tx, in.Ref, now); err != nil {
			return err
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "incident.unseal", On: in.Ref, Note: strings.TrimSpace(why)})
		if err != nil {
			return err
		}
		out, err = s.byID(ctx, tx, in.Ref.ID)
		return err
	})
	return out, err
}

var errNotSealed = &errs.Error{Kind: errs.Conflict, Key: "error.not_sealed", Text: "this incident is not sealed, or open to you already"}

// BreakGlass opens a sealed incident to the actor for GlassFor, in an emergency. It needs access.BreakGlass, a fresh proof and a reason; the lead,
// the auditor and the handler are told at once, and the alarm cannot be kept from them. Refused: Invalid, NotFound, Conflict for what is not
// sealed or is open to the actor.
func (s *Service) BreakGlass(ctx context.Context, by access.Actor, incident, why string) (Incident, error) {
	if err := by.Need(access.BreakGlass); err != nil {
		return Incident{}, err
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return Incident{}, err
	}
	var p errs.Problems
	if strings.TrimSpace(incident) == "" {
		p.Add("incident", "error.required")
	}
	alarm.Reason(&p, "reason", why)
	if err := p.Err(); err != nil {
		return Incident{}, err
	}
	var out Incident
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.Unseen(ctx, tx, ref.Incident, strings.TrimSpace(incident))
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		named, err := access.Named(ctx, tx, o.Ref, now)
		if err != nil {
			return err
		}
		if _, there := named[by.Account]; there || !o.Sealed {
			return errNotSealed
		}
		if err := access.Grant(ctx, tx, by, by.Account, o.Ref, now, now.Add(GlassFor)); err != nil {
			return err
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "incident.break_glass", On: o.Ref, Note: strings.TrimSpace(why), Changes: []audit.Change{{Field: "until", To: now.Add(GlassFor).UTC().Format(time.RFC3339)}}})
		if err != nil {
			return err
		}
		if err := s.Alarms.RaiseTx(ctx, tx, by, alarm.Alarm{Kind: alarm.BrokenGlass, On: o.Ref, Named: o.Number, Owner: o.Handler, Why: strings.TrimSpace(why)}); err != nil {
			return err
		}
		out, err = s.byID(ctx, tx, o.Ref.ID)
		return err
	})
	return out, err
}

// Named tells who is named in the seal of an incident, and until when; zero is for good.
func (s *Service) Named(ctx context.Context, h db.Handle, by access.Actor, in Incident) (map[int64]time.Time, error) {
	if _, err := access.Load(ctx, h, by, in.Ref); err != nil {
		return nil, err
	}
	return access.Named(ctx, h, in.Ref, s.Clock.Now())
}
