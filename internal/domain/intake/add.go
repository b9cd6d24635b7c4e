package intake

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Addition is something more for a report from somebody who signed in: text, files, or both.
type Addition struct {
	Channel  correspondence.Channel // ByPortal, ByAPI or ByPhone
	Text     string
	Stage    string // of a law, as a code; "" for none
	Files    []correspondence.FileIn
	Apart    bool   // its writer says that it answers no open request
	Original []byte // as it was submitted
}

// Add files something more on a report, by uid or reference: from the people of its compartment as their own word, from the team as what the
// reporter told it. The actor needs access.FileReport or access.Triage. Refused: Invalid without text and file, NotFound.
func (s *Service) Add(ctx context.Context, by access.Actor, report string, in Addition) (correspondence.Message, error) {
	if !by.Can(access.FileReport) {
		if err := by.Need(access.Triage); err != nil {
			return correspondence.Message{}, err
		}
	}
	if err := ValidateAddition(in.Text, len(in.Files)); err != nil {
		return correspondence.Message{}, err
	}
	if _, err := s.load(ctx, s.DB, by, report); err != nil {
		return correspondence.Message{}, err // before anything is stored
	}
	kept, err := s.keep(ctx, in.Files)
	if err != nil {
		return correspondence.Message{}, err
	}
	proof := correspondence.SignedIn
	if by.Team() {
		proof = correspondence.ByHand
	}
	body := correspondence.Body{Text: in.Text, Files: kept}
	if in.Stage != "" {
		body.Fields = map[string]string{"stage": in.Stage}
	}
	var m correspondence.Message
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		m, err = s.AddTx(ctx, tx, by, r.Ref.ID, correspondence.Incoming{
			Channel: in.Channel, Kind: correspondence.Told, State: correspondence.Filed, At: s.Clock.Now(), TLP: r.TLP, Proof: proof,
			Seal: correspondence.Plain, Apart: in.Apart, Original: in.Original, Author: by.Account, Body: body,
		})
		return err
	})
	return m, err
}

// Outward gives the state as its reporter reads it: StatusReceived and so on.
func (r Report) Outward() string { return r.status() }
