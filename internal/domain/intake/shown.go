package intake

import (
	"context"
	"crypto/hpke"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/codebox"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// What a status link shows is made by the house whenever something changes, and sealed to the key that the code makes. So a page that holds
// no key of the house shows it to the holder of the code and can read nothing else.

const shownInfo = "tocsin intake shown v1"

func statusSuite() (hpke.KDF, hpke.AEAD) { return codebox.Suite() }

func sealTo(public []byte, info string, plain []byte) ([]byte, error) {
	return boxFor(public, info).seal(plain)
}

// Look gives what a status link shows, with nothing but the code: for processes without keys. It is at most a second behind the house. An
// unknown, ended or mistyped code is errs.ErrNotFound.
func Look(ctx context.Context, h db.Handle, c clock.Clock, code id.Secret) (StatusView, error) {
	var view StatusView
	if !id.Valid(code.Reveal()) {
		return view, errs.ErrNotFound
	}
	var sealed []byte
	var ends time.Time
	if err := h.QueryRow(ctx, `SELECT sealed, ends_at FROM intake_shown WHERE hash = $1`, code.Hash()).Scan(&sealed, &ends); err != nil {
		return view, err
	}
	if !ends.IsZero() && !c.Now().Before(ends) {
		return view, errs.ErrNotFound
	}
	raw, err := codebox.Open(code, codePurpose, shownInfo, sealed)
	if err != nil {
		return view, fmt.Errorf("open what a status link shows: %w", err)
	}
	return view, json.Unmarshal(raw, &view)
}

// showTx writes anew what the links of a report show.
func (s *Service) showTx(ctx context.Context, tx *db.Tx, report int64) error {
	codes, err := db.All(ctx, tx, scanCode, `SELECT hash, public_key, report, entire, ends_at FROM intake_code WHERE report = $1 ORDER BY hash`, report)
	if err != nil {
		return err
	}
	if err := s.showViewsTx(ctx, tx, report, codes, map[bool]StatusView{}); err != nil {
		return err
	}
	return s.showSheets(ctx, tx, report)
}

// showFreshTx is showTx for a report that was filed in this transaction: what a link shows that travelled in clear mail is known without reading.
func (s *Service) showFreshTx(ctx context.Context, tx *db.Tx, r *row, first correspondence.Message, clocks []Clock) error {
	v := StatusView{Reference: r.Reference, State: r.status(), ReceivedAt: r.ReceivedAt, Clocks: clocks}
	if r.Crime {
		v.Crime = crimeHere
	}
	if first.Seal != correspondence.Encrypted && first.Seal != correspondence.SignedEncrypted {
		v.Files = len(first.Body.Files)
	}
	return s.showViewsTx(ctx, tx, r.Ref.ID, r.codes, map[bool]StatusView{false: v})
}

func (s *Service) showViewsTx(ctx context.Context, tx *db.Tx, report int64, codes []linkCode, views map[bool]StatusView) error {
	now := s.Clock.Now()
	for _, c := range codes {
		if _, ok := views[c.entire]; !ok {
			r, err := s.byID(ctx, tx, report)
			if err != nil {
				return err
			}
			if views[c.entire], err = s.view(ctx, tx, &r, c.entire); err != nil {
				return err
			}
		}
		raw, err := json.Marshal(views[c.entire])
		if err != nil {
			return err
		}
		b := c.box
		if b == nil {
			b = boxFor(c.public, shownInfo)
		}
		sealed, err := b.seal(raw)
		if err != nil {
			return err
		}
		if err := tx.Later(ctx, `INSERT INTO intake_shown (hash, sealed, shown_at, ends_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (hash) DO UPDATE SET sealed = excluded.sealed, shown_at = excluded.shown_at, ends_at = excluded.ends_at`,
			c.hash, sealed, now, c.endsAt); err != nil {
			return err
		}
	}
	return nil
}

// The states that a reporter reads.
const (
	StatusReceived  = "received"
	StatusLooking   = "looking"
	StatusHandling  = "handling"
	StatusPassedOn  = "passed_on"
	StatusConcluded = "concluded"
)

func (r *Report) status() string {
	switch {
	case r.State == Rejected || !r.ConcludedAt.IsZero():
		return StatusConcluded
	case r.State == PassedOn:
		return StatusPassedOn
	case r.State == Linked || r.State == Answered:
		return StatusHandling
	case r.Handler != 0:
		return StatusLooking
	}
	return StatusReceived
}

// view is what the reporter may see of a report. Texts and files only when the code never travelled in clear mail (rule I9).
func (s *Service) view(ctx context.Context, h db.Handle, r *row, entire bool) (StatusView, error) {
	v := StatusView{Reference: r.Reference, State: r.status(), ReceivedAt: r.ReceivedAt, Full: entire}
	if entire {
		v.PassedOnTo = r.Decision.To
	}
	clocks, err := s.Deadlines.Of(ctx, h, r.Ref.ID)
	if err != nil {
		return v, err
	}
	for _, c := range clocks[r.Ref.ID] {
		if c.Open() {
			v.Clocks = append(v.Clocks, Clock{Kind: c.Kind, Owes: map[string]string{"us": "us", "them": "reporter"}[c.OwedBy], DueAt: c.DueAt, RuleSet: c.RuleSet})
		}
	}
	if r.Crime {
		v.Crime = crimeHere
	}
	v.Behalf, v.Personal = r.Behalf, r.Body.Fields["personal_data"]
	if err := s.stagesFor(ctx, h, r, &v, entire && !r.withheld()); err != nil {
		return v, err
	}
	if entire && !r.withheld() {
		if v.Sheets, err = s.sheets(ctx, h, r.Ref.ID); err != nil {
			return v, err
		}
	}
	threads, err := s.Correspondence.Threads(ctx, h, r.Thread)
	if err != nil {
		return v, err
	}
	if entire {
		if v.Address, err = s.address(ctx, h, r, threads[r.Thread]); err != nil {
			return v, err
		}
	}
	// As the holder of a link reads it: what travelled encrypted stays withheld (rule P6).
	reader := access.Actor{Origin: access.ByLink, Strength: access.Link, Compartments: []int64{threads[r.Thread].Compartment}}
	all, err := s.Correspondence.Messages(ctx, h, reader, r.Thread)
	if err != nil {
		return v, err
	}
	answered := map[int64]bool{}
	var asked []int64
	for _, m := range all {
		if m.Direction == correspondence.In && m.State == correspondence.Filed {
			answered[m.Refers] = true
			v.Files += len(m.Body.Files)
		}
		if m.Direction == correspondence.Out && m.Kind == correspondence.Ask && m.Refers != 0 {
			asked = append(asked, m.Refers)
		}
	}
	due, err := s.Deadlines.About(ctx, h, asked...)
	if err != nil {
		return v, err
	}
	for _, m := range all {
		out := m.Direction == correspondence.Out && m.State == correspondence.Sent && m.Kind != correspondence.Receipt
		if out && m.Kind == correspondence.Ask && !answered[m.Refers] {
			q := Question{Request: m.Refers, UID: m.UID, AskedAt: m.SentAt}
			for _, c := range due[m.Refers] {
				q.DueAt = c.DueAt
			}
			if entire {
				q.Text = m.Body.Text
			}
			v.Questions = append(v.Questions, q)
		}
		if entire && (out || (m.Direction == correspondence.In && m.State == correspondence.Filed)) {
			v.Messages = append(v.Messages, outward(m))
		}
	}
	return v, nil
}

// outward is a message as its correspondent reads it: no name of ours, no place of storage.
func outward(m correspondence.Message) correspondence.Message {
	out := correspondence.Message{
		UID: m.UID, Direction: m.Direction, Channel: m.Channel, Kind: m.Kind, State: m.State, At: m.At, SentAt: m.SentAt, Seal: m.Seal, Withheld: m.Withheld, WithdrawnAt: m.WithdrawnAt,
		Body: correspondence.Body{Subject: m.Body.Subject, Text: m.Body.Text},
	}
	for _, f := range m.Body.Files {
		f.Blob = ""
		out.Body.Files = append(out.Body.Files, f)
	}
	return out
}
