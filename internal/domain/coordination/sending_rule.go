package coordination

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// SecondRule says from where a sending waits for a second person: for more parties than these, or from a label on. It is never looser than the brake on all mail
// (rule O5), which is asked too.
type SecondRule struct {
	Parties int       `json:"parties"`
	From    tlp.Level `json:"from"`
}

// VerbSecond is the verb under which the record has changes of that rule.
const VerbSecond = "coordination.second_rule"

const settingSecond = "coordination.second"

// UsualSecond is the rule that a house begins with.
func UsualSecond() SecondRule {
	return SecondRule{Parties: correspondence.MassReaders, From: tlp.AmberStrict}
}

// Second gives the rule.
func (s *Service) Second(ctx context.Context, h db.Handle) (SecondRule, error) {
	r := UsualSecond()
	return r, setting.Get(ctx, h, settingSecond, &r)
}

// SetSecond changes the rule from what the person read. It needs access.ChangeRules and a fresh proof. Refused: Invalid for more parties than the brake on all mail
// lets pass, Conflict when somebody else changed it meanwhile.
func (s *Service) SetSecond(ctx context.Context, by access.Actor, was, want SecondRule) error {
	if err := by.Need(access.ChangeRules); err != nil {
		return err
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return err
	}
	var p errs.Problems
	if want.Parties < 1 || want.Parties > correspondence.MassReaders {
		p.Add("parties", "error.range", "least", 1, "most", correspondence.MassReaders)
	}
	if !want.From.Valid() {
		p.Add("from", "error.choose")
	}
	if err := p.Err(); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := s.Second(ctx, tx)
		switch {
		case err != nil:
			return err
		case now != was:
			return access.ErrChanged
		case now == want:
			return nil
		}
		at := s.Clock.Now()
		if err := setting.Put(ctx, tx, by.Account, at, settingSecond, want); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: at, By: by, Verb: VerbSecond, Changes: []audit.Change{
			{Field: "parties", From: now.Parties, To: want.Parties}, {Field: "tlp", From: now.From.String(), To: want.From.String()},
		}})
	})
}

// asksSecond tells why a second person is asked before a sending leaves, as a catalogue key; "" when nobody is.
func (s *Service) asksSecond(ctx context.Context, h db.Handle, by access.Actor, d DryRun) (string, error) {
	r, err := s.Second(ctx, h)
	if err != nil {
		return "", err
	}
	switch {
	case d.Readers > r.Parties:
		return "desk.sending.second.many", nil
	case d.Strictest >= r.From:
		return "desk.sending.second.label", nil
	}
	brake, err := s.Correspondence.AsksSecond(ctx, h, by, d.Readers, d.Strictest)
	if err != nil || !brake {
		return "", err
	}
	return "desk.sending.second.rate", nil
}
