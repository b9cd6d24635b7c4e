package egress

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const noKeySetting = "egress.no_key"

// NoKey gives the table as it is when nobody changed it: what may leave for each label when we hold no key of the reader.
func NoKey() map[tlp.Level]Road {
	return map[tlp.Level]Road{tlp.Clear: Signed, tlp.Green: Signed, tlp.Amber: Notice, tlp.AmberStrict: Notice, tlp.Red: Refused}
}

// Policy gives the table in force. A value that cannot be read refuses rather than falling back.
func (g *Gate) Policy(ctx context.Context, h db.Handle) (map[tlp.Level]Road, error) {
	var stored map[tlp.Level]Road
	if err := setting.Get(ctx, h, noKeySetting, &stored); err != nil {
		return nil, fmt.Errorf("read what may leave without a key: %w", err)
	}
	if stored == nil {
		return NoKey(), nil
	}
	return stored, CheckPolicy(stored)
}

// SetPolicyTx changes the table. The caller checks the right to change rules and writes the audit record.
func (g *Gate) SetPolicyTx(ctx context.Context, tx *db.Tx, account int64, now time.Time, policy map[tlp.Level]Road) error {
	if err := CheckPolicy(policy); err != nil {
		return err
	}
	return setting.Put(ctx, tx, account, now, noKeySetting, policy)
}

// CheckPolicy asks for a road for each label: signed, locked, notice or refused, never better for a stricter label, and no clear text for RED.
func CheckPolicy(policy map[tlp.Level]Road) error {
	var p errs.Problems
	order := map[Road]int{Signed: 1, Locked: 2, Notice: 3, Refused: 4}
	least := 0
	for _, l := range tlp.Levels() {
		n := order[policy[l]]
		if _, there := policy[l]; !there || n == 0 || n < least || (l == tlp.Red && policy[l] == Signed) {
			p.Add(l.String(), "error.egress.policy")
		}
		least = max(least, n)
	}
	return p.Err()
}

// MarshalText writes the name of a road.
func (r Road) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the name of a road.
func (r *Road) UnmarshalText(b []byte) error {
	for i, n := range roadNames {
		if n == string(b) {
			*r = Road(i)
			return nil
		}
	}
	return errs.New(errs.Invalid, "no such road")
}
