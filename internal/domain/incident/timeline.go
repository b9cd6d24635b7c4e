package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

const maxEntry = 64 << 10

type entryBody struct {
	Text   string `json:"text"`
	Author string `json:"author"`
}

func entryPlace(uid string) string { return "incident_entry.body:" + uid }

// AddEntry writes into the timeline. Refused: Invalid for an empty text, an unknown kind or a time in the future.
func (s *Service) AddEntry(ctx context.Context, by access.Actor, incident string, e Entry) (Entry, error) {
	now := s.Clock.Now()
	var p errs.Problems
	switch e.Kind {
	case Note, AttackEvent, Event:
	default:
		p.Add("kind", "error.choose")
	}
	if strings.TrimSpace(e.Text) == "" {
		p.Add("text", "error.required")
	} else if len(e.Text) > maxEntry {
		p.Add("text", "error.too_long", "most", maxEntry)
	}
	if e.HappenedAt.IsZero() {
		e.HappenedAt = now
	} else if e.HappenedAt.After(now.Add(5 * time.Minute)) {
		p.Add("happened_at", "error.past")
	}
	if err := p.Err(); err != nil {
		return e, err
	}
	e.UID, e.LearntAt, e.Author, e.AuthorName, e.Version = id.New(), now, by.Account, by.Name, 1
	return e, s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		in, k, err := s.forChange(ctx, tx, by, access.WorkCases, incident, 0)
		if err != nil {
			return err
		}
		plain, err := json.Marshal(entryBody{e.Text, by.Name})
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `INSERT INTO incident_entry (uid, incident, kind, happened_at, learnt_at, author, version, body)
			VALUES ($1, $2, $3, $4, $5, $6, 1, $7) RETURNING id`, e.UID, in.Ref.ID, string(e.Kind), e.HappenedAt, now, by.Account, k.Seal(entryPlace(e.UID), plain)).Scan(&e.ID)
		if err != nil {
			return fmt.Errorf("write timeline: %w", err)
		}
		if err := access.Touch(ctx, tx, in.Ref.ID, now); err != nil {
			return err
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "incident.entry", On: in.Ref, Data: map[string]string{"entry": e.UID, "kind": string(e.Kind)}})
		return err
	})
}

// WithdrawEntry hides an entry behind a line that says so; it stays in the record. Its writer or a lead may.
func (s *Service) WithdrawEntry(ctx context.Context, by access.Actor, incident, entry, reason string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		in, _, err := s.forChange(ctx, tx, by, access.WorkCases, incident, 0)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		var author int64
		if err := tx.QueryRow(ctx, `SELECT author FROM incident_entry WHERE uid = $1 AND incident = $2`, entry, in.Ref.ID).Scan(&author); err != nil {
			return err
		}
		if author != by.Account && !by.Can(access.Approve) {
			return &errs.Error{Kind: errs.Forbidden, Key: "error.not_writer", Text: "only its writer or a lead withdraws an entry"}
		}
		n, err := tx.Exec(ctx, `UPDATE incident_entry SET withdrawn_at = $1, version = version + 1 WHERE uid = $2 AND withdrawn_at IS NULL`, now, entry)
		if err != nil {
			return err
		}
		if n == 0 {
			return errs.New(errs.Conflict, "the entry is withdrawn already")
		}
		if err := access.Touch(ctx, tx, in.Ref.ID, now); err != nil {
			return err
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "incident.entry_withdrawn", On: in.Ref, Note: reason, Data: map[string]string{"entry": entry}})
		return err
	})
}

// Entries gives the written timeline entries of an incident, by the time they happened.
func (s *Service) Entries(ctx context.Context, h db.Handle, by access.Actor, incident string) ([]Entry, error) {
	o, err := find(ctx, h, by, incident)
	if err != nil {
		return nil, err
	}
	k, err := s.Ring.Get(ctx, h, o.Ref.ID)
	if err != nil {
		return nil, err
	}
	return db.All(ctx, h, func(r *db.Rows) (Entry, error) {
		var e Entry
		var withdrawn time.Time
		var sealed []byte
		if err := r.Scan(&e.ID, &e.UID, &e.Kind, &e.HappenedAt, &e.LearntAt, &e.Author, &withdrawn, &e.Version, &sealed); err != nil {
			return e, err
		}
		var b entryBody
		if err := open(k, entryPlace(e.UID), sealed, &b); err != nil {
			return e, err
		}
		e.Text, e.AuthorName, e.Withdrawn = b.Text, b.Author, !withdrawn.IsZero()
		if e.Withdrawn {
			e.Text = ""
		}
		return e, nil
	}, `SELECT id, uid, kind, happened_at, learnt_at, author, withdrawn_at, version, body FROM incident_entry
		WHERE incident = $1 ORDER BY happened_at, id LIMIT 2000`, o.Ref.ID)
}

// EntryText gives an entry of the timeline by uid, with when it happened. One that was withdrawn is not found.
func (s *Service) EntryText(ctx context.Context, h db.Handle, by access.Actor, incident, entry string) (string, time.Time, error) {
	all, err := s.Entries(ctx, h, by, incident)
	for _, e := range all {
		if e.UID == entry && !e.Withdrawn {
			return e.Text, e.HappenedAt, err
		}
	}
	if err == nil {
		err = errs.ErrNotFound
	}
	return "", time.Time{}, err
}

func open(k keyring.Key, place string, sealed []byte, into any) error {
	plain, err := k.Open(place, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, into)
}
