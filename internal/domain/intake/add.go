package intake

import (
	"context"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Addition is something more for a report from somebody who signed in: text, files, or both.
type Addition struct {
	Channel  correspondence.Channel // ByPortal, ByAPI or ByPhone
	Text     string
	Stage    string // of a law, as a code; "" for none
	Files    []correspondence.FileIn
	Apart    bool                 // its writer says that it answers no open request
	Original []byte               // as it was submitted
	Reach    correspondence.Reach // how far it may go, as its writer says with it
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
			Seal: correspondence.Plain, Apart: in.Apart, Reach: in.Reach, Original: in.Original, Author: by.Account, Body: body,
		})
		if err != nil || in.Stage == "" {
			return err
		}
		return s.addStage(ctx, tx, by, &r, in, m.UID)
	})
	return m, err
}

// addStage files what was added as the stage that it names, under each law that asks the reporter's own organisation for one of that name.
func (s *Service) addStage(ctx context.Context, tx *db.Tx, by access.Actor, r *row, in Addition, message string) error {
	if s.Laws == nil {
		return nil
	}
	asked, err := s.within(ctx, tx, `b.report = $1 AND b.organisation = $2`, r.Ref.ID, r.Organisation)
	if err != nil {
		return err
	}
	for _, o := range asked {
		if _, ok := o.Set.Stage(in.Stage); !ok {
			continue
		}
		x := SubmitInput{Set: o.Set.Code, Stage: in.Stage, Message: message, Channel: in.Channel, Answers: law.Answers{"status": mail.FormText(in.Text)}}
		if utf8.RuneCountInString(in.Text) > law.MaxAnswer {
			x.Answers = nil // it stands in the message
		}
		if _, _, err := s.submitTx(ctx, tx, by, r, o.Set, x, []int64{r.Organisation}); err != nil {
			return err
		}
	}
	return s.showTx(ctx, tx, r.Ref.ID)
}

// Outward gives the state as its reporter reads it: StatusReceived and so on.
func (r Report) Outward() string { return r.status() }
