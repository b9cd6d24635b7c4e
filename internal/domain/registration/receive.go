package registration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/strictjson"
)

// checkSaid tells what is wrong with what somebody says; files are how many proofs of authority come with it.
func (s *Service) checkSaid(said Said, files int) error {
	again, err := Read(s.Annexes, said.Boxes(), 0)
	if err != nil {
		return err
	}
	if again.Statement == "" && files == 0 {
		var p errs.Problems
		p.Add("statement", "error.registration.authority")
		return p.Err()
	}
	return nil
}

// FromBox takes a registration that came by the public form; also runs in its transaction.
func (s *Service) FromBox(ctx context.Context, in intake.Registered, also Box) error {
	var said Said
	if err := strictjson.Decode(in.Said, &said); err != nil {
		return err
	}
	if err := s.checkSaid(said, len(in.Files)); err != nil {
		return err
	}
	r := Registration{Reference: in.Reference, Channel: "form", Lang: in.Lang, Said: said, ReceivedAt: in.At, code: in.CodeHash, public: in.CodeKey}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := also(ctx, tx); err != nil {
			return err
		}
		return s.put(ctx, tx, access.Stranger(access.ByPage, in.Lang), &r, in.Files)
	})
}

// Submit takes a registration of the actor's own organisation, or the review of one that is registered. It needs OwnRegistry. Refused: Invalid with all
// problems; Conflict while another of it is open.
func (s *Service) Submit(ctx context.Context, by access.Actor, said Said, files []correspondence.FileIn) (Registration, error) {
	r := Registration{Channel: "portal", Lang: by.Lang, Said: said, Organisation: by.Organisation, Account: by.Account}
	if err := by.Need(access.OwnRegistry); err != nil {
		return r, err
	}
	if by.Organisation == 0 {
		return r, errs.ErrNotFound
	}
	if err := s.checkSaid(said, max(len(files), 1)); err != nil { // who signs in is known: a statement is enough, and none is asked
		return r, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := access.Locked(ctx, tx, by.Organisation); err != nil { // two at once wait for each other
			return err
		}
		var open int64
		err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM registration_registration WHERE organisation = $1 AND state IN ('new', 'asked', 'second')`, by.Organisation).Scan(&open)
		if err != nil {
			return err
		}
		if open > 0 {
			return &errs.Error{Kind: errs.Conflict, Key: "error.registration.open", Text: "a registration of this organisation is being checked"}
		}
		r.ReceivedAt = s.Clock.Now()
		if r.Reference, err = intake.DrawRegistration(ctx, tx, r.ReceivedAt.Year()); err != nil {
			return err
		}
		if _, err := s.entity(ctx, tx, by.Organisation); err == nil {
			r.Review = true
		} else if !errs.Is(err, errs.NotFound) {
			return err
		}
		return s.put(ctx, tx, by, &r, files)
	})
	return r, err
}

// put writes a registration.
func (s *Service) put(ctx context.Context, tx *db.Tx, by access.Actor, r *Registration, files []correspondence.FileIn) error {
	now := s.Clock.Now()
	clean(&r.Said)
	r.State = New
	r.Class, r.Reasons = s.Annexes.Assess(r.Said.Scope())
	r.Object = access.Object{Ref: ref.Ref{Kind: ref.Registration}, Realm: access.Registry, Number: r.Reference, Compartment: access.Apart, TLP: tlp.Amber}
	if err := access.Protect(ctx, tx, &r.Object, now); err != nil {
		return err
	}
	key, err := s.Ring.Create(ctx, tx, r.Ref.ID, now)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(r.Said)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO registration_registration (id, reference, state, channel, review, organisation, account, sector, class, lang, said, code, public_key, received_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`, r.Ref.ID, r.Reference, string(r.State), r.Channel, r.Review, r.Organisation, r.Account, r.Said.Sector,
		string(r.Class), r.Lang, key.Seal(saidPlace(r.Ref.ID), raw), r.code, r.public, r.ReceivedAt)
	if err != nil {
		return fmt.Errorf("keep a registration: %w", err)
	}
	room := int64(intake.MaxRegistrationFiles)
	for _, f := range files {
		if room, err = s.putFile(ctx, tx, r.Ref.ID, f, room); err != nil {
			return err
		}
	}
	if err := s.show(ctx, tx, r, nil); err != nil {
		return err
	}
	return s.record(ctx, tx, by, "registration.receive", r, audit.Change{Field: "reference", To: r.Reference}, audit.Change{Field: "class", To: string(r.Class)})
}

// clean makes what a stranger wrote harmless to read.
func clean(said *Said) {
	for _, t := range said.texts() {
		*t = mail.FormText(*t)
	}
}

func (s *Service) putFile(ctx context.Context, tx *db.Tx, registration int64, f correspondence.FileIn, room int64) (int64, error) {
	if _, err := f.Content.Seek(0, io.SeekStart); err != nil {
		return room, err
	}
	raw, err := io.ReadAll(io.LimitReader(f.Content, room+1))
	if err != nil {
		return room, err
	}
	if room -= int64(len(raw)); room < 0 {
		var p errs.Problems
		p.Add("files", "error.files_too_large", "most", intake.MaxRegistrationFiles>>20)
		return room, p.Err()
	}
	key, err := s.Ring.Get(ctx, tx, registration)
	if err != nil {
		return room, err
	}
	uid := id.New()
	inner, err := json.Marshal(sealedFile{f.Name, f.Type, raw})
	if err != nil {
		return room, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO registration_file (uid, registration, size, sealed) VALUES ($1, $2, $3, $4)`, uid, registration, int64(len(raw)), key.Seal(filePlace(uid), inner))
	return room, err
}

type sealedFile struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content []byte `json:"content"`
}

func saidPlace(registration int64) string {
	return fmt.Sprintf("registration_registration.said:%d", registration)
}

func decisionPlace(registration int64) string {
	return fmt.Sprintf("registration_registration.decision:%d", registration)
}
func filePlace(uid string) string { return "registration_file.sealed:" + uid }
func wordPlace(uid string) string { return "registration_word.sealed:" + uid }

// record writes the entry of a verb. Details are sealed under the registration's key.
func (s *Service) record(ctx context.Context, tx *db.Tx, by access.Actor, verb string, r *Registration, list ...audit.Change) error {
	return s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: verb, On: r.Ref, Compartment: r.Ref.ID, Changes: list})
}

// answer is what the holder of a code sends: words.
type answer struct {
	Text string `json:"text"`
}

// Answer is what the page of a registration puts into the box.
func Answer(text string) any { return answer{text} }

// CheckAnswer tells what is wrong with such words.
func CheckAnswer(text string) error {
	var p errs.Problems
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		p.Add("text", "error.required")
	case bad(strings.ReplaceAll(text, "\r\n", "\n"), true):
		p.Add("text", "error.characters")
	case utf8.RuneCountInString(text) > mostText:
		p.Add("text", "error.too_long", "most", mostText)
	}
	return p.Err()
}

// mostWords is how many words one registration holds: who holds the code does not fill the table.
const mostWords = 50

// FromCode takes what the holder of a code answered; false when the code is of no registration. Also runs in the transaction.
func (s *Service) FromCode(ctx context.Context, hash, raw []byte, at time.Time, also Box) (bool, error) {
	var n int64
	err := s.DB.QueryRow(ctx, `SELECT id FROM registration_registration WHERE code = $1`, hash).Scan(&n)
	if errs.Is(err, errs.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var in answer
	if err := strictjson.Decode(raw, &in); err != nil {
		return true, err
	}
	if err := CheckAnswer(in.Text); err != nil {
		return true, err
	}
	return true, s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := also(ctx, tx); err != nil {
			return err
		}
		if _, err := access.Locked(ctx, tx, n); err != nil {
			return err
		}
		r, err := s.byID(ctx, tx, n)
		if err != nil {
			return err
		}
		return s.answered(ctx, tx, access.Actor{Origin: access.ByLink, Strength: access.Link, Lang: r.Lang}, &r, in.Text, at)
	})
}

// answered keeps what an applicant said; what we waited for is here, so it waits for us. What comes after the decision is kept, and decides nothing.
func (s *Service) answered(ctx context.Context, tx *db.Tx, by access.Actor, r *Registration, text string, at time.Time) error {
	var n int64
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM registration_word WHERE registration = $1`, r.Ref.ID).Scan(&n); err != nil || n >= mostWords {
		return err
	}
	if err := s.putWord(ctx, tx, r, false, by.Account, at, mail.FormText(strings.TrimSpace(text))); err != nil {
		return err
	}
	if r.State == Asked {
		if err := s.move(ctx, tx, r, New); err != nil {
			return err
		}
	}
	if err := access.Touch(ctx, tx, r.Ref.ID, s.Clock.Now()); err != nil {
		return err
	}
	if err := s.showTx(ctx, tx, r); err != nil {
		return err
	}
	return s.record(ctx, tx, by, "registration.answer", r)
}

// AnswerOwn answers what we asked about the registration of the actor's own organisation. It needs OwnRegistry. Refused: Invalid; NotFound for another's.
func (s *Service) AnswerOwn(ctx context.Context, by access.Actor, uid, text string) error {
	if err := by.Need(access.OwnRegistry); err != nil {
		return err
	}
	if err := CheckAnswer(text); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.own(ctx, tx, by, uid)
		if err != nil {
			return err
		}
		if _, err := access.Locked(ctx, tx, r.Ref.ID); err != nil {
			return err
		}
		if r, err = s.byID(ctx, tx, r.Ref.ID); err != nil {
			return err
		}
		return s.answered(ctx, tx, by, &r, text, s.Clock.Now())
	})
}

func (s *Service) putWord(ctx context.Context, tx *db.Tx, r *Registration, ours bool, by int64, at time.Time, text string) error {
	key, err := s.Ring.Get(ctx, tx, r.Ref.ID)
	if err != nil {
		return err
	}
	uid := id.New()
	_, err = tx.Exec(ctx, `INSERT INTO registration_word (uid, registration, ours, by_account, at, sealed) VALUES ($1, $2, $3, $4, $5, $6)`,
		uid, r.Ref.ID, ours, by, at, key.Seal(wordPlace(uid), []byte(text)))
	return err
}

func (s *Service) move(ctx context.Context, tx *db.Tx, r *Registration, to State) error {
	r.State = to
	_, err := tx.Exec(ctx, `UPDATE registration_registration SET state = $1 WHERE id = $2`, string(to), r.Ref.ID)
	return err
}
