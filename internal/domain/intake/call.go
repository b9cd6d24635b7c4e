package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Call is what is known of a report that was told on the telephone, beside the report.
type Call struct {
	Report     int64
	CalledAt   time.Time
	NotedAt    time.Time
	NotedBy    int64
	Offline    bool // noted while Tocsin was down
	FinishedAt time.Time
	FinishedBy int64
}

// ErrNoted is the Conflict of a note that was taken before.
var ErrNoted = &errs.Error{Kind: errs.Conflict, Key: "error.call_noted", Text: "this call note was taken before"}

// noteCallTx keeps beside a new report that it was a call.
func (s *Service) noteCallTx(ctx context.Context, tx *db.Tx, by access.Actor, r *row, offline string) error {
	n, err := tx.Exec(ctx, `INSERT INTO intake_call (report, called_at, noted_at, noted_by, offline) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		r.Ref.ID, r.ReceivedAt, s.Clock.Now(), by.Account, offline)
	if err != nil {
		return fmt.Errorf("note call: %w", err)
	}
	if n == 0 {
		return ErrNoted
	}
	return nil
}

// Calls gives what is known of calls by the ids of their reports, which the caller has checked.
func (s *Service) Calls(ctx context.Context, h db.Handle, reports ...int64) (map[int64]Call, error) {
	out := map[int64]Call{}
	if len(reports) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT report, called_at, noted_at, noted_by, offline, finished_at, finished_by FROM intake_call WHERE report IN `)
	_, err := db.List(ctx, h, db.In(q, reports), func(r *db.Rows) (c Call, err error) {
		var offline string
		if err = r.Scan(&c.Report, &c.CalledAt, &c.NotedAt, &c.NotedBy, &offline, &c.FinishedAt, &c.FinishedBy); err == nil {
			c.Offline = offline != ""
			out[c.Report] = c
		}
		return c, err
	})
	return out, err
}

// FinishInput is a call note as it is when somebody had time. Empty fields stay empty: it is the whole text.
type FinishInput struct {
	Body       Body
	OccurredAt time.Time
	AwareAt    time.Time
	Version    int64 // 0 takes what is stored
}

// Finish completes a call note: what stands in the queue is the finished text, the note as it was typed stays the first message of the thread and the
// finished text becomes a further one. It may be done again. The actor needs access.Triage. Refused: Invalid with all problems, NotFound, Conflict for
// another version or a report that was not told on the telephone.
func (s *Service) Finish(ctx context.Context, by access.Actor, report string, in FinishInput) (Report, error) {
	if err := by.Need(access.Triage); err != nil {
		return Report{}, err
	}
	whole := ReceiveInput{Channel: correspondence.ByPhone, Body: in.Body, OccurredAt: in.OccurredAt, AwareAt: in.AwareAt}
	if err := Validate(whole, s.Clock.Now()); err != nil {
		return Report{}, err
	}
	whole.Body = in.Body.visible()
	var out Report
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		if r.Channel != correspondence.ByPhone {
			return ErrMove
		}
		if err := current(&r, in.Version); err != nil {
			return err
		}
		if err := s.finish(ctx, tx, by, &r, whole); err != nil {
			return err
		}
		out = r.Report
		return nil
	})
	return out, err
}

func (s *Service) finish(ctx context.Context, tx *db.Tx, by access.Actor, r *row, in ReceiveInput) error {
	was := r.Body
	in.Lang, in.TLP = r.Lang, r.TLP.String()
	r.Body, r.OccurredAt, r.AwareAt = in.Body, in.OccurredAt.UTC(), in.AwareAt.UTC()
	if in.OccurredAt.IsZero() {
		r.OccurredAt = time.Time{}
	}
	if in.AwareAt.IsZero() {
		r.AwareAt = time.Time{}
	}
	key, err := s.Ring.Get(ctx, tx, r.Ref.ID)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(r.Body)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE intake_report SET body = $2, occurred_at = $3, aware_at = $4, sender = $5, words = $6 WHERE id = $1`,
		r.Ref.ID, key.Seal(place("body", r.Ref.ID), raw), r.OccurredAt, r.AwareAt, s.mac("sender", strings.ToLower(r.Body.Email)),
		s.mac("words", normal(r.Body.Summary, r.Body.Description)))
	if err != nil {
		return fmt.Errorf("finish call note: %w", err)
	}
	now := s.Clock.Now()
	if _, err := tx.Exec(ctx, `UPDATE intake_call SET finished_at = $2, finished_by = $3 WHERE report = $1`, r.Ref.ID, now, by.Account); err != nil {
		return err
	}
	if err := s.Words.AmendTx(ctx, tx, r.Ref, r.Lang, append(was.texts(), r.Body.texts()...)...); err != nil {
		return err
	}
	threads, err := s.Correspondence.Threads(ctx, tx, r.Thread)
	if err != nil {
		return err
	}
	t := threads[r.Thread]
	if c := t.Correspondent; t.About == r.Ref && (c.Name != r.Body.Name || c.Email != r.Body.Email || c.Phone != r.Body.Phone) {
		c.Name, c.Email, c.Phone = r.Body.Name, r.Body.Email, r.Body.Phone
		if err := s.Correspondence.AmendTx(ctx, tx, by, r.Thread, c); err != nil {
			return err
		}
	}
	m, err := s.Correspondence.ReceiveTx(ctx, tx, by, r.Thread, correspondence.Incoming{
		Channel: correspondence.ByPhone, Kind: correspondence.Told, State: correspondence.Filed, At: now, TLP: r.TLP, Proof: correspondence.ByHand,
		Seal: correspondence.Plain, Original: Canonical(in), Author: by.Account, Body: correspondence.Body{Subject: r.Body.Summary, Text: r.Body.Description},
	})
	if err != nil {
		return err
	}
	return s.change(ctx, tx, by, r, audit.Entry{Verb: "intake.finish_call", Compartment: r.Compartment, Data: map[string]any{"message": m.UID}})
}

// Outcome is what calling back showed.
type Outcome string

// The outcomes.
const (
	Theirs     Outcome = "theirs"      // who answered had called, or knows that somebody of theirs did
	NotTheirs  Outcome = "not_theirs"  // nobody there knows of the call
	NotReached Outcome = "not_reached" // nobody answered
)

// Outcomes are all outcomes.
var Outcomes = []Outcome{Theirs, NotTheirs, NotReached}

// CallBackInput is a call that we made.
type CallBackInput struct {
	Number  string // uid
	At      time.Time
	Outcome Outcome
	Note    string
}

// CallBack is a call that we made, as it is kept.
type CallBack struct {
	UID      string
	Number   int64
	Verified bool // the number was verified when we called it
	Outcome  Outcome
	At       time.Time
	By       int64
	Note     string
}

func callBackPlace(uid string) string { return "intake_callback.note:" + uid }

// CalledBack records that we called a number of a contact about a report that was told on the telephone. A verified number whose owner says that the
// call was theirs proves the caller; one who knows nothing of it makes the report look forged; an unverified number proves nothing. The actor needs
// access.Triage. Refused: Invalid with all problems, NotFound, Conflict for what was not told on the telephone.
func (s *Service) CalledBack(ctx context.Context, by access.Actor, report string, in CallBackInput) (Report, error) {
	if err := by.Need(access.Triage); err != nil {
		return Report{}, err
	}
	var p errs.Problems
	now := s.Clock.Now()
	if !slices.Contains(Outcomes, in.Outcome) {
		p.Add("outcome", "error.choice")
	}
	if in.Number == "" {
		p.Add("number", "error.choice")
	}
	if in.At.IsZero() {
		in.At = now
	}
	if in.At.After(now.Add(slack)) {
		p.Add("at", "error.past")
	}
	if in.Note = strings.TrimSpace(in.Note); !utf8.ValidString(in.Note) || utf8.RuneCountInString(in.Note) > maxNote {
		p.Add("note", "error.too_long", "most", maxNote)
	}
	if err := p.Err(); err != nil {
		return Report{}, err
	}
	var out Report
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		if r.Channel != correspondence.ByPhone {
			return ErrMove
		}
		n, _, err := s.Constituency.NumberByUID(ctx, tx, by, in.Number)
		if err != nil {
			return err
		}
		key, err := s.Ring.Get(ctx, tx, r.Ref.ID)
		if err != nil {
			return err
		}
		uid, verified := id.New(), !n.VerifiedAt.IsZero()
		if _, err := tx.Exec(ctx, `INSERT INTO intake_callback (uid, report, number, verified, outcome, called_at, called_by, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			uid, r.Ref.ID, n.ID, verified, string(in.Outcome), in.At.UTC(), by.Account, key.Seal(callBackPlace(uid), []byte(in.Note))); err != nil {
			return fmt.Errorf("record call back: %w", err)
		}
		from := r.Proof
		switch {
		case in.Outcome == Theirs && verified:
			r.Proof = correspondence.CalledBack
		case in.Outcome == NotTheirs && verified:
			r.Proof = correspondence.Forged
		}
		e := audit.Entry{Verb: "intake.call_back", Compartment: r.Compartment, Changes: []audit.Change{{Field: "outcome", To: string(in.Outcome)}, {Field: "verified", To: verified}}}
		if r.Proof != from {
			e.Changes = append(e.Changes, audit.Change{Field: "proof", From: int(from), To: int(r.Proof)})
			if _, err := tx.Exec(ctx, `UPDATE intake_report SET proof = $2 WHERE id = $1`, r.Ref.ID, int64(r.Proof)); err != nil {
				return err
			}
		}
		err = s.change(ctx, tx, by, &r, e)
		out = r.Report
		return err
	})
	return out, err
}

// CallBacks gives the calls that we made about a report that the caller has checked, the newest first.
func (s *Service) CallBacks(ctx context.Context, h db.Handle, report int64) ([]CallBack, error) {
	type stored struct {
		CallBack
		sealed []byte
	}
	all, err := db.All(ctx, h, func(r *db.Rows) (c stored, err error) {
		return c, r.Scan(&c.UID, &c.Number, &c.Verified, &c.Outcome, &c.At, &c.By, &c.sealed)
	}, `SELECT uid, number, verified, outcome, called_at, called_by, note FROM intake_callback WHERE report = $1 ORDER BY id DESC LIMIT 100`, report)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	key, err := s.Ring.Get(ctx, h, report)
	gone := errs.Is(err, errs.NotFound) // destroyed with the report
	if err != nil && !gone {
		return nil, err
	}
	out := make([]CallBack, len(all))
	for i, c := range all {
		out[i] = c.CallBack
		if gone {
			continue
		}
		raw, err := key.Open(callBackPlace(c.UID), c.sealed)
		if err != nil {
			return nil, err
		}
		out[i].Note = string(raw)
	}
	return out, nil
}

// CallsBetween gives the ids of reports whose call was noted in a time, the oldest first, at most limit. The caller reads them under its reader's scope.
func (s *Service) CallsBetween(ctx context.Context, h db.Handle, from, to time.Time, limit int) ([]int64, error) {
	return db.All(ctx, h, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT report FROM intake_call WHERE noted_at >= $1 AND noted_at < $2 ORDER BY noted_at, report LIMIT $3`, from, to, limit)
}

// Came gives the first report by a channel in each hour from since on, and its last. Mail is no channel of reports: correspondence tells its roads.
func (s *Service) Came(ctx context.Context, h db.Handle, channel correspondence.Channel, since time.Time) (hours []time.Time, last time.Time, err error) {
	if channel != correspondence.ByForm && channel != correspondence.ByAPI {
		return nil, last, nil
	}
	return db.Steps(ctx, h, "intake_report", "received_at", "channel <> 'mail' AND channel = '"+string(channel)+"'", since, time.Hour)
}
