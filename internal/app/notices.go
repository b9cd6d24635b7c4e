package app

import (
	"context"
	"maps"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Who is told of what by mail (rule O9: reference and urgency, no content): leads, auditors and whose case it is of an alarm, never who caused it, and
// the duty officer when there is none of them; the duty officer and the handler of a deadline that has passed, leads when there is neither. Each is
// told once, in the transaction in which it happened.

func colleagues(list []account.Account, but int64) []correspondence.Colleague {
	var out []correspondence.Colleague
	for _, a := range list {
		if a.ID != but {
			out = append(out, correspondence.Colleague{Account: a.ID, Name: a.Name, Email: a.Email, Lang: a.Lang})
		}
	}
	return out
}

// tellAlarm tells who must look at an alarm. A sealed case is not named outside.
func (h *House) tellAlarm(ctx context.Context, tx *db.Tx, a alarm.Alarm) error {
	n := correspondence.NoticeFor{Letter: correspondence.AutoAlarm}
	roles := []access.Role{access.Lead, access.Auditor}
	if a.Kind == alarm.KeyEnds {
		n.Letter, roles = correspondence.AutoTask, []access.Role{access.Lead}
	}
	if a.Kind == alarm.TargetBack {
		roles = nil // the handler's business
	}
	list, err := h.Accounts.Reached(ctx, tx, roles, a.Owner)
	if err != nil {
		return err
	}
	who := colleagues(list, a.Account)
	if len(who) == 0 { // nobody else to look at it: the duty officer learns that it waits
		if list, err = h.Accounts.Reached(ctx, tx, []access.Role{access.Duty}); err != nil {
			return err
		}
		who = colleagues(list, a.Account)
	}
	_, err = h.Correspondence.NoticeTx(ctx, tx, who, n)
	return err
}

// tellLate tells that a deadline has passed. A sealed case is not named outside, and only those who are named in it are told.
func (h *House) tellLate(ctx context.Context, tx *db.Tx, c deadline.Clock) error {
	on := c.Under
	if on.IsZero() {
		on = c.About
	}
	whose, err := access.WhoseTx(ctx, tx, on.ID)
	if err != nil {
		return err
	}
	n := correspondence.NoticeFor{Letter: correspondence.AutoLate}
	var roles []access.Role
	who := []int64{whose.Handler}
	if whose.Sealed {
		named, err := access.Named(ctx, tx, ref.Ref{ID: whose.Under}, h.Clock.Now())
		if err != nil {
			return err
		}
		who = slices.Collect(maps.Keys(named))
	} else {
		roles = []access.Role{access.Duty}
		n.Number, _ = correspondence.NumberOf(whose.Number)
	}
	list, err := h.Accounts.Reached(ctx, tx, roles, who...)
	if err == nil && len(list) == 0 && !whose.Sealed {
		list, err = h.Accounts.Reached(ctx, tx, []access.Role{access.Lead})
	}
	if err != nil {
		return err
	}
	_, err = h.Correspondence.NoticeTx(ctx, tx, colleagues(list, 0), n)
	return err
}

// clocks are what happens when a clock is over: parties are reminded by coordination, which says when ours are told; the clocks that
// are nobody else's are told of here.
func (h *House) clocks() map[string]deadline.Due {
	all := h.Coordination.Handlers()
	maps.Copy(all, h.Registration.Handlers())
	for _, kind := range []string{intake.FirstAnswer, deadline.OfLaw, coordination.LateWord} {
		if _, ok := all[kind]; !ok {
			all[kind] = func(ctx context.Context, tx *db.Tx, c deadline.Clock, escalate bool) error {
				if !escalate {
					return nil
				}
				return h.tellLate(ctx, tx, c)
			}
		}
	}
	return all
}

// keysEnding raises an alarm for each contact's key that ends soon and that no other replaces (rule P9).
func (h *House) keysEnding(ctx context.Context) error {
	_, err := h.Constituency.KeysEnding(ctx, func(ctx context.Context, tx *db.Tx, k constituency.EndingKey) error {
		return h.Alarms.RaiseTx(ctx, tx, access.System("clocks"), alarm.Alarm{Kind: alarm.KeyEnds, On: k.Organisation, Named: k.Name, Many: k.Days})
	})
	return err
}
