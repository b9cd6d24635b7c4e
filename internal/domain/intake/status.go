package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// ByCode gives the actor that a status code makes: it sees the compartment of that one report, unless the compartment is an organisation's,
// where the link shows no more than the report itself. An unknown or ended code is errs.ErrNotFound.
func (s *Service) ByCode(ctx context.Context, code id.Secret) (access.Actor, Report, error) {
	by, _, r, err := s.byCode(ctx, s.DB, code)
	return by, r.Report, err
}

func (s *Service) byCode(ctx context.Context, h db.Handle, code id.Secret) (access.Actor, linkCode, row, error) {
	if !id.Valid(code.Reveal()) {
		return access.Actor{}, linkCode{}, row{}, errs.ErrNotFound
	}
	return s.byHash(ctx, h, code.Hash())
}

func (s *Service) byHash(ctx context.Context, h db.Handle, hash []byte) (access.Actor, linkCode, row, error) {
	c, err := s.codeOf(ctx, h, hash)
	if err != nil {
		return access.Actor{}, c, row{}, err
	}
	r, err := s.byID(ctx, h, c.report)
	if err != nil {
		return access.Actor{}, c, r, err
	}
	if r.Sealed || r.Destroyed {
		return access.Actor{}, c, row{}, errs.ErrNotFound
	}
	by := access.Actor{Origin: access.ByLink, Strength: access.Link, Lang: r.Lang}
	if r.Compartment == r.Ref.ID {
		by.Compartments = []int64{r.Ref.ID}
	}
	return by, c, r, nil
}

// Status gives what the status link shows, as it stands now.
func (s *Service) Status(ctx context.Context, code id.Secret) (StatusView, error) {
	_, c, r, err := s.byCode(ctx, s.DB, code)
	if err != nil {
		return StatusView{}, err
	}
	return s.view(ctx, s.DB, &r, c.entire)
}

// AddByLink takes text and files from the status page. What a link adds is marked so, verifies nothing, and, when the code travelled in clear
// mail, is filed as unverified: whoever read that mail may have written it.
func (s *Service) AddByLink(ctx context.Context, code id.Secret, text string, files []correspondence.FileIn) (correspondence.Message, error) {
	if !id.Valid(code.Reveal()) {
		return correspondence.Message{}, errs.ErrNotFound
	}
	return s.addByHash(ctx, code.Hash(), text, files, nil, nil)
}

// ValidateAddition tells what is wrong with what somebody adds by link.
func ValidateAddition(text string, files int) error {
	var p errs.Problems
	if strings.TrimSpace(text) == "" && files == 0 {
		p.Add("text", "error.required")
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		p.Add("text", "error.characters")
	} else if utf8.RuneCountInString(text) > MaxDescription {
		p.Add("text", "error.too_long", "most", MaxDescription)
	}
	if files > MaxFiles {
		p.Add("files", "error.too_many", "most", MaxFiles)
	}
	return p.Err()
}

// addByHash files an addition; also, when given, takes its drop in the same transaction and tells false when another process has it.
func (s *Service) addByHash(ctx context.Context, hash []byte, text string, files []correspondence.FileIn, later *Later, also func(context.Context, *db.Tx) error) (correspondence.Message, error) {
	if err := ValidateAddition(text, len(files)); err != nil {
		return correspondence.Message{}, err
	}
	if _, _, _, err := s.byHash(ctx, s.DB, hash); err != nil {
		return correspondence.Message{}, err // before anything is stored
	}
	kept, err := s.keepUpTo(ctx, MaxFileBytes+MaxUploadBytes, files)
	if err != nil {
		return correspondence.Message{}, err
	}
	original, err := json.Marshal(map[string]any{"channel": correspondence.ByLink, "text": text})
	if err != nil {
		return correspondence.Message{}, err
	}
	var m correspondence.Message
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		by, c, r, err := s.byHash(ctx, tx, hash)
		if err != nil {
			return err
		}
		if also != nil {
			if err := also(ctx, tx); err != nil {
				return err
			}
		}
		state := correspondence.Unverified
		if c.entire {
			state = correspondence.Filed
		}
		m, err = s.AddTx(ctx, tx, by, r.Ref.ID, correspondence.Incoming{
			Channel: correspondence.ByLink, Kind: correspondence.Told, State: state, At: s.Clock.Now(), TLP: r.TLP, Proof: correspondence.Claimed,
			Seal: correspondence.Plain, Original: bytes.TrimSpace(original), Body: correspondence.Body{Text: text, Files: kept},
		})
		if err != nil || later == nil {
			return err
		}
		if !c.entire { // by a link that travelled in clear mail it stays a message that a person files
			if later.Completes == 0 || r.status() == StatusConcluded {
				return nil
			}
			return s.offerTx(ctx, tx, r.Ref.ID, *later, m)
		}
		return s.laterTx(ctx, tx, by, r.Ref.ID, *later, m)
	})
	return m, err
}
