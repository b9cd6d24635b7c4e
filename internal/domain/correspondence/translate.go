package correspondence

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/tongue"
)

// Limits of translations.
const (
	MaxTranslation  = 100_000 // characters
	maxTranslations = 20      // of one message
)

// Translate puts what a message from outside says in another language beside it, with the name of who wrote it; the original is not touched, and an
// earlier translation stays. It is for the team. It needs access.WorkCases. Refused: Invalid for an empty or longer text or no language, NotFound,
// Conflict for a message of ours or one whose content is closed or destroyed, Limit after twenty.
func (s *Service) Translate(ctx context.Context, by access.Actor, message, lang, text string) (Message, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Message{}, err
	}
	var p errs.Problems
	text = strings.TrimSpace(mail.FormText(text))
	switch {
	case text == "":
		p.Add("text", "error.required")
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		p.Add("text", "error.characters")
	case utf8.RuneCountInString(text) > MaxTranslation:
		p.Add("text", "error.too_long", "most", MaxTranslation)
	}
	if !tongue.Known(lang) {
		p.Add("lang", "error.choice")
	}
	if err := p.Err(); err != nil {
		return Message{}, err
	}
	var out Message
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		m, t, err := s.forChange(ctx, tx, by, message)
		if err != nil {
			return fmt.Errorf("translate message: %w", err)
		}
		switch {
		case m.Direction != In || m.Erased || m.Body.Unreadable != "":
			return &errs.Error{Kind: errs.Conflict, Key: "error.translate.nothing", Text: "there is nothing of another to translate"}
		case len(m.content.Meanings) >= maxTranslations:
			return &errs.Error{Kind: errs.Limit, Key: "error.translate.many", Text: "this message has twenty translations"}
		}
		now := s.Clock.Now()
		m.content.Meanings = append(m.content.Meanings, Translation{Lang: lang, Text: text, By: by.Account, Name: by.Name, At: now})
		key, err := s.Ring.Get(ctx, tx, m.Thread)
		if err != nil {
			return fmt.Errorf("translate message: %w", err)
		}
		body, err := sealContent(key, m.UID, m.content)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE correspondence_message SET body = $1 WHERE id = $2`, body, m.ID); err != nil {
			return fmt.Errorf("translate message: %w", err)
		}
		if err := access.Touch(ctx, tx, m.Thread, now); err != nil {
			return err
		}
		m.Body = m.content.Body
		out = m.Message
		return s.Audit.Write(ctx, tx, audit.Entry{
			At: now, By: by, Verb: "correspondence.translate", On: t.Ref, About: t.About, Owner: t.Ref.ID,
			Changes: []audit.Change{{Field: "lang", From: m.Body.Language, To: lang}},
			Data:    noted{Message: m.UID, Kind: m.Kind, Channel: m.Channel, State: m.State, TLP: m.TLP},
		})
	})
	return out, err
}
