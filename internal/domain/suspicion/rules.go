package suspicion

import (
	"context"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Rules say when a campaign becomes a line of the queue.
type Rules struct {
	Grows int `json:"grows"` // from how many senders on; 0 never by growing
}

const settingRules = "suspicion.rules"

// RulesNow gives the rules in force.
func (s *Service) RulesNow(ctx context.Context, h db.Handle) (Rules, error) {
	r := Rules{Grows: 50}
	return r, setting.Get(ctx, h, settingRules, &r)
}

// Address is the setting of the address at which the public hands on suspicious messages; "" for none.
type Address struct {
	Address string `json:"address"`
}

// SetAddress changes the address: who may change rules may. It is none, or one without a plus sign that is neither the intake address nor a postmaster's.
// Mail to an address that is none any more is refused. Processes that serve take it within seconds.
func (s *Service) SetAddress(ctx context.Context, by access.Actor, address string) error {
	if err := by.Need(access.ChangeRules); err != nil {
		return err
	}
	address = strings.TrimSpace(address)
	if problem := s.Correspondence.Team.CheckSuspicious(address); problem != "" {
		var p errs.Problems
		p.Add("address", problem)
		return p.Err()
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		was := Address{s.Correspondence.Suspicious()}
		if err := setting.Get(ctx, tx, SettingAddress, &was); err != nil {
			return err
		}
		if was.Address == address {
			return nil
		}
		now := s.Clock.Now()
		if err := setting.Put(ctx, tx, by.Account, now, SettingAddress, Address{address}); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: VerbAddress, Changes: []audit.Change{{Field: "address", From: was.Address, To: address}}})
	})
	if err == nil {
		s.Correspondence.HandedOnAt(address)
	}
	return err
}

// VerbAddress is the entry of the record of a changed address.
const VerbAddress = "suspicion.address"

// SetRules changes the rules: who may change rules may. From 2 to 100,000 senders, or 0 for never.
func (s *Service) SetRules(ctx context.Context, by access.Actor, r Rules) error {
	if err := by.Need(access.ChangeRules); err != nil {
		return err
	}
	if r.Grows != 0 && (r.Grows < 2 || r.Grows > 100_000) {
		var p errs.Problems
		p.Add("grows", "error.suspicious.grows")
		return p.Err()
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		was, err := s.RulesNow(ctx, tx)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		if err := setting.Put(ctx, tx, by.Account, now, settingRules, r); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "suspicion.rules", Changes: []audit.Change{{Field: "grows", From: was.Grows, To: r.Grows}}})
	})
}
