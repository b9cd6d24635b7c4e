package correspondence

import (
	"context"
	"fmt"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// CodeTx mails a code to a role of a domain that an organisation says is its own, by the road and within the limits of all automatic mail for an address. Its
// thread lies apart: who asked for the code must not read it anywhere else. It gives the uid of the letter. Refused: Limit for an address that got enough.
func (s *Service) CodeTx(ctx context.Context, tx *db.Tx, organisation ref.Ref, address, lang, code string) (string, error) {
	c, ok := TypedOf(code)
	if !ok {
		return "", errs.New(errs.Invalid, "this is no code")
	}
	full, err := s.toldEnough(ctx, tx, address, false)
	if err != nil {
		return "", err
	}
	if full {
		return "", &errs.Error{Kind: errs.Limit, Key: "error.proof.told", Text: "this address got as many letters as it may: try again tomorrow"}
	}
	by := access.System("sender")
	t, err := s.OpenThreadTx(ctx, tx, by, NewThread{About: organisation, Apart: true, TLP: tlp.Green, Prefix: "A", Correspondent: Correspondent{Email: address, Lang: lang}})
	if err != nil {
		return "", fmt.Errorf("mail a code: %w", err)
	}
	m, err := s.SendFirstTx(ctx, tx, by, &t, Outgoing{Kind: Notice, TLP: tlp.Green, Auto: &Auto{Letter: AutoProve, At: s.Clock.Now(), Typed: c}})
	if err != nil {
		return "", fmt.Errorf("mail a code: %w", err)
	}
	return m.UID, nil
}

// LetterState gives where a letter stands, by uid, "" when there is none; its text stays unread. It is for duties that have checked what the letter belongs to.
func (s *Service) LetterState(ctx context.Context, h db.Handle, uids ...string) (map[string]State, error) {
	out := map[string]State{}
	if len(uids) == 0 {
		return out, nil
	}
	_, err := db.List(ctx, h, db.In(new(db.Query).Add(`SELECT uid, state FROM correspondence_message WHERE uid IN `), uids), func(r *db.Rows) (uid string, err error) {
		var state string
		if err = r.Scan(&uid, &state); err == nil {
			out[uid] = State(state)
		}
		return uid, err
	})
	return out, err
}
