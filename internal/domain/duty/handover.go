package duty

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Event is one thing of a shift: its number and when, never its words. Who reads it sees what it is about as far as it may.
type Event struct {
	Number string    `json:"number"`
	Object int64     `json:"object,omitempty"`
	Kind   string    `json:"kind,omitempty"` // of a clock or a page: a code
	At     time.Time `json:"at"`
}

// Events are what a shift leaves behind.
type Events struct {
	New     []Event `json:"new,omitempty"`     // incidents opened
	Closed  []Event `json:"closed,omitempty"`  // incidents closed
	Waiting []Event `json:"waiting,omitempty"` // reports in the queue
	Clocks  []Event `json:"clocks,omitempty"`  // overdue, or that end in the next shift
	Calls   []Event `json:"calls,omitempty"`   // taken
	Paged   []Event `json:"paged,omitempty"`
	More    bool    `json:"more,omitempty"` // there were more than are listed
}

// MostEvents is how many of one sort a hand-over lists.
const MostEvents = 100

// Handover is what one shift leaves to the next.
type Handover struct {
	ID          int64
	UID         string
	Outgoing    int64
	Incoming    int64
	From, To    time.Time // of the shift
	Version     int64
	OutSignedAt time.Time
	InSignedAt  time.Time
	Sum         []byte // of what was signed
	Events      Events
	Words       string // corrections and what no event tells
}

// Frozen tells whether somebody signed: then nothing changes any more.
func (h Handover) Frozen() bool { return !h.OutSignedAt.IsZero() || !h.InSignedAt.IsZero() }

type handoverBody struct {
	Events Events `json:"events"`
	Words  string `json:"words"`
}

// content is what is signed, as canonical JSON.
func (h Handover) content() ([]byte, error) {
	return json.Marshal(map[string]any{
		"outgoing": h.Outgoing, "incoming": h.Incoming, "from": h.From.UTC(), "to": h.To.UTC(), "events": h.Events, "words": h.Words,
	})
}

func handoverPlace(uid string) string { return "duty_handover.body:" + uid }

const handoverColumns = `id, uid, outgoing, incoming, starts_at, ends_at, version, out_signed_at, in_signed_at, sum, body`

func (s *Service) scanHandover(ctx context.Context, h db.Handle) func(r *db.Rows) (Handover, error) {
	key, err := s.Ring.Get(ctx, h, 0) // before the rows: PostgreSQL answers one question at a time
	return func(r *db.Rows) (Handover, error) {
		var o Handover
		var sealed []byte
		if err := r.Scan(&o.ID, &o.UID, &o.Outgoing, &o.Incoming, &o.From, &o.To, &o.Version, &o.OutSignedAt, &o.InSignedAt, &o.Sum, &sealed); err != nil {
			return o, err
		}
		if err != nil {
			return o, err
		}
		raw, err := key.Open(handoverPlace(o.UID), sealed)
		if err != nil {
			return o, err
		}
		var b handoverBody
		err = json.Unmarshal(raw, &b)
		o.Events, o.Words = b.Events, b.Words
		return o, err
	}
}

// Handovers gives the newest hand-overs, at most limit. The actor needs ReadCases.
func (s *Service) Handovers(ctx context.Context, h db.Handle, by access.Actor, limit int) ([]Handover, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	return db.All(ctx, h, s.scanHandover(ctx, h), `SELECT `+handoverColumns+` FROM duty_handover ORDER BY ends_at DESC, id DESC LIMIT $1`, min(max(limit, 1), 200))
}

// HandoverByUID gives one hand-over. The actor needs ReadCases.
func (s *Service) HandoverByUID(ctx context.Context, h db.Handle, by access.Actor, uid string) (Handover, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return Handover{}, err
	}
	return db.One(ctx, h, s.scanHandover(ctx, h), `SELECT `+handoverColumns+` FROM duty_handover WHERE uid = $1`, uid)
}

// early is how long before its end a shift may be handed over.
const early = 12 * time.Hour

// The refusals of a hand-over.
var (
	errNoShift  = &errs.Error{Kind: errs.Conflict, Key: "error.duty.no_shift", Text: "there is no shift to hand over: nobody is on duty now, or nobody comes next"}
	errFrozen   = &errs.Error{Kind: errs.Conflict, Key: "error.duty.frozen", Text: "somebody signed this hand-over: nothing in it changes any more"}
	errNotParty = &errs.Error{Kind: errs.Forbidden, Key: "error.duty.not_yours", Text: "only who leaves and who comes sign a hand-over, each for themselves"}
	errSigned   = &errs.Error{Kind: errs.Conflict, Key: "error.duty.signed", Text: "you signed this already"}
)

// Write writes the hand-over of the shift that ends next, or again one that nobody signed yet: the events are taken anew, the words stay. From half the
// length of a shift, twelve hours at most, before its end, and after it until the next one ends, it is of that shift. The actor needs Triage.
func (s *Service) Write(ctx context.Context, by access.Actor) (Handover, error) {
	if err := by.Need(access.Triage); err != nil {
		return Handover{}, err
	}
	roster, err := s.roster(ctx, s.DB)
	if err != nil {
		return Handover{}, err
	}
	out, in, ok := s.ending(ctx, roster)
	if !ok {
		return Handover{}, errNoShift
	}
	till := in.Till
	now := s.Clock.Now()
	to := out.Till
	if now.Before(to) {
		to = now
	}
	events, err := s.Events(ctx, by, out.From, to, till)
	if err != nil {
		return Handover{}, err
	}
	var o Handover
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		had, err := db.All(ctx, tx, s.scanHandover(ctx, tx), `SELECT `+handoverColumns+` FROM duty_handover WHERE ends_at = $1 AND outgoing = $2`+tx.ForUpdate(), out.Till, out.Account)
		if err != nil {
			return err
		}
		o = Handover{UID: id.New(), Outgoing: out.Account, Incoming: in.Account, From: out.From.UTC(), To: out.Till.UTC(), Events: events, Version: 1}
		if len(had) > 0 {
			if had[0].Frozen() {
				o = had[0]
				return errFrozen
			}
			o, o.Events, o.Incoming = had[0], events, in.Account
			if err := s.store(ctx, tx, &o); err != nil {
				return err
			}
			return s.record(ctx, tx, by, "duty.write_handover", audit.Change{Field: "handover", To: o.UID})
		}
		body, err := s.sealHandover(ctx, tx, o)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `INSERT INTO duty_handover (uid, outgoing, incoming, starts_at, ends_at, made_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
			o.UID, o.Outgoing, o.Incoming, o.From, o.To, now, body).Scan(&o.ID); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "duty.write_handover", audit.Change{Field: "handover", To: o.UID})
	})
	return o, err
}

// ending gives the shift that is handed over now and the one that follows: the one before, while its hand-over is not signed by both and the present one has
// some time to go; else the present one.
func (s *Service) ending(ctx context.Context, roster Roster) (out, in Shift, ok bool) {
	now := s.Clock.Now()
	all := roster.Shifts(now.Add(-2*span), now.Add(span))
	at := -1
	for i, x := range all {
		if !now.Before(x.From) && now.Before(x.Till) {
			at = i
		}
	}
	if at < 0 {
		return out, in, false
	}
	present := all[at]
	soon := min(present.Till.Sub(present.From)/2, early)
	if at > 0 && present.Till.Sub(now) > soon && all[at-1].Account != 0 && present.Account != 0 && all[at-1].Account != present.Account {
		return all[at-1], present, true
	}
	for _, x := range all[at+1:] {
		if x.Account != 0 && x.Account != present.Account && present.Account != 0 {
			return present, x, true
		}
	}
	return out, in, false
}

func (s *Service) sealHandover(ctx context.Context, tx *db.Tx, o Handover) ([]byte, error) {
	key, err := s.Ring.House(ctx, tx, s.Clock.Now())
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(handoverBody{o.Events, o.Words})
	if err != nil {
		return nil, err
	}
	return key.Seal(handoverPlace(o.UID), raw), nil
}

func (s *Service) store(ctx context.Context, tx *db.Tx, o *Handover) error {
	body, err := s.sealHandover(ctx, tx, *o)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE duty_handover SET incoming = $3, body = $4, out_signed_at = $5, in_signed_at = $6, sum = $7, version = version + 1 WHERE id = $1 AND version = $2`,
		o.ID, o.Version, o.Incoming, body, o.OutSignedAt, o.InSignedAt, o.Sum)
	if err == nil && n == 0 {
		err = access.ErrChanged
	}
	o.Version++
	return err
}

// maxWords is the longest text of a hand-over, in characters.
const maxWords = 20000

// Correct changes the words of a hand-over that nobody signed yet. Who leaves and who comes may, with Triage. Refused: Invalid, NotFound, Forbidden,
// Conflict for another version and for what was signed.
func (s *Service) Correct(ctx context.Context, by access.Actor, uid, words string, version int64) (Handover, error) {
	var p errs.Problems
	if words = strings.TrimSpace(words); !utf8.ValidString(words) || utf8.RuneCountInString(words) > maxWords {
		p.Add("words", "error.too_long", "most", maxWords)
	}
	return s.party(ctx, by, uid, version, p, func(_ context.Context, _ *db.Tx, o *Handover) (string, error) {
		if o.Frozen() {
			return "", errFrozen
		}
		o.Words = words
		return "duty.correct_handover", nil
	})
}

// Sign signs a hand-over for the actor itself: who leaves says that this is what it leaves, who comes that it has taken it over. The first signature
// freezes the content. Refused: Forbidden for anybody else, Conflict for another version and for who signed.
func (s *Service) Sign(ctx context.Context, by access.Actor, uid string, version int64) (Handover, error) {
	return s.party(ctx, by, uid, version, nil, func(_ context.Context, _ *db.Tx, o *Handover) (string, error) {
		raw, err := o.content()
		if err != nil {
			return "", err
		}
		sum := sha256.Sum256(raw)
		if o.Frozen() && hex.EncodeToString(sum[:]) != hex.EncodeToString(o.Sum) {
			return "", errs.New(errs.Internal, "a signed hand-over is not what was signed")
		}
		o.Sum = sum[:]
		at := &o.InSignedAt
		if by.Account == o.Outgoing {
			at = &o.OutSignedAt
		}
		if !at.IsZero() {
			return "", errSigned
		}
		*at = s.Clock.Now()
		return "duty.sign_handover", nil
	})
}

// party is the frame of the verbs of the two people of a hand-over.
func (s *Service) party(ctx context.Context, by access.Actor, uid string, version int64, p errs.Problems, do func(ctx context.Context, tx *db.Tx, o *Handover) (string, error)) (Handover, error) {
	var o Handover
	if err := by.Need(access.Triage); err != nil {
		return o, err
	}
	if err := p.Err(); err != nil {
		return o, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if o, err = db.One(ctx, tx, s.scanHandover(ctx, tx), `SELECT `+handoverColumns+` FROM duty_handover WHERE uid = $1`+tx.ForUpdate(), uid); err != nil {
			return err
		}
		if by.Account == 0 || by.Account != o.Outgoing && by.Account != o.Incoming {
			return errNotParty
		}
		if version != 0 && version != o.Version {
			return access.ErrChanged
		}
		verb, err := do(ctx, tx, &o)
		if err != nil {
			return err
		}
		if err := s.store(ctx, tx, &o); err != nil {
			return err
		}
		changes := []audit.Change{{Field: "handover", To: o.UID}}
		if verb == "duty.sign_handover" {
			changes = append(changes, audit.Change{Field: "sum", To: fmt.Sprintf("%x", o.Sum)})
		}
		return s.record(ctx, tx, by, verb, changes...)
	})
	return o, err
}
