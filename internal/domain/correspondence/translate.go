package correspondence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
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
		if err := s.writeMeanings(ctx, tx, m, now); err != nil {
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

// TakeBack removes a translation that the actor wrote, known by its time; the record keeps that it was there and in which language. It needs
// access.WorkCases. Refused: NotFound for one of somebody else, or that is gone.
func (s *Service) TakeBack(ctx context.Context, by access.Actor, message string, written time.Time) error {
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		m, t, err := s.forChange(ctx, tx, by, message)
		if err != nil {
			return fmt.Errorf("take translation back: %w", err)
		}
		i := slices.IndexFunc(m.content.Meanings, func(x Translation) bool { return x.By == by.Account && x.At.UnixMicro() == written.UnixMicro() })
		if m.Erased || i < 0 {
			return fmt.Errorf("take translation back: %w", errs.ErrNotFound)
		}
		now, lang := s.Clock.Now(), m.content.Meanings[i].Lang
		m.content.Meanings = slices.Delete(slices.Clone(m.content.Meanings), i, i+1)
		if err := s.writeMeanings(ctx, tx, m, now); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{
			At: now, By: by, Verb: "correspondence.untranslate", On: t.Ref, About: t.About, Owner: t.Ref.ID, Changes: []audit.Change{{Field: "lang", From: lang, To: ""}},
			Data: noted{Message: m.UID, Kind: m.Kind, Channel: m.Channel, State: m.State, TLP: m.TLP},
		})
	})
}

// writeMeanings seals the message again with its translations as they are now.
func (s *Service) writeMeanings(ctx context.Context, tx *db.Tx, m stored, now time.Time) error {
	key, err := s.Ring.Get(ctx, tx, m.Thread)
	if err != nil {
		return fmt.Errorf("write translations: %w", err)
	}
	body, err := sealContent(key, m.UID, m.content)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE correspondence_message SET body = $1 WHERE id = $2`, body, m.ID); err != nil {
		return fmt.Errorf("write translations: %w", err)
	}
	return access.Touch(ctx, tx, m.Thread, now)
}
