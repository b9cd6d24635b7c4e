package correspondence

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Reach is how far what somebody told us may go beyond the team, by its own word. A larger one goes further.
type Reach uint8

// The reaches.
const (
	Unsaid     Reach = iota // nothing was said: as far as the label lets it, without saying whose it is
	TeamOnly                // it stays with the team
	Anonymous               // to parties of the same matter, without saying whose it is
	WithName                // to them, and they may know whose it is
	AsLabelled              // wherever its label lets it
)

var reachNames = [...]string{"", "team", "anonymous", "named", "label"}

func (r Reach) String() string { return reachNames[r] }

// Reaches lists what can be said, narrowest first.
func Reaches() []Reach { return []Reach{TeamOnly, Anonymous, WithName, AsLabelled} }

// ParseReach reads the name of a reach; "" is Unsaid.
func ParseReach(s string) (Reach, bool) {
	i := slices.Index(reachNames[:], s)
	return Reach(max(i, 0)), i >= 0
}

// Width is how much a word is about.
type Width uint8

// The widths.
const (
	OfAll     Width = iota // all that an organisation tells us
	OfThread               // all of one thread
	OfMessage              // one message
)

// Word is what somebody said of how far its information may go. The zero Word says nothing.
type Word struct {
	Reach   Reach
	Width   Width
	At      time.Time
	Account int64   // who said it; 0 for nobody of an account
	Channel Channel // ByPhone: one of us took it down
}

// Words are the words that count for one thread.
type Words struct {
	All, Thread Word
	Messages    map[string]Word // by uid
}

// Of gives the word that holds for a message, "" for the thread: the nearest one, but a later and wider one that is narrower in reach goes before it. What was
// said last to keep something in is obeyed.
func (w Words) Of(message string) Word {
	var out Word
	for _, x := range []Word{w.Messages[message], w.Thread, w.All} {
		if x.Reach != Unsaid && (out.Reach == Unsaid || x.Reach < out.Reach && x.At.After(out.At)) {
			out = x
		}
	}
	return out
}

// WordsOf gives the words that count for threads, which the caller has checked.
func (s *Service) WordsOf(ctx context.Context, h db.Handle, threads ...Thread) (map[int64]Words, error) {
	out := make(map[int64]Words, len(threads))
	if len(threads) == 0 {
		return out, nil
	}
	var ids, compartments []int64
	for _, t := range threads {
		ids = append(ids, t.Ref.ID)
		if !slices.Contains(compartments, t.Compartment) {
			compartments = append(compartments, t.Compartment)
		}
	}
	const columns = `SELECT compartment, thread, message, reach, at, account, channel FROM correspondence_reach WHERE latest = TRUE AND `
	q := db.In(new(db.Query).Add(columns+`thread <> 0 AND thread IN `), ids)
	q = db.In(q.Add(` UNION ALL `+columns+`thread = 0 AND compartment IN `), compartments)
	all := map[int64]Word{}
	rows, err := q.Query(ctx, h)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var compartment, thread int64
		var message string
		var w Word
		if err := r.Scan(&compartment, &thread, &message, &w.Reach, &w.At, &w.Account, &w.Channel); err != nil {
			return err
		}
		x := out[thread]
		switch {
		case thread == 0:
			all[compartment] = w
			return nil
		case message == "":
			w.Width = OfThread
			x.Thread = w
		default:
			w.Width = OfMessage
			if x.Messages == nil {
				x.Messages = map[string]Word{}
			}
			x.Messages[message] = w
		}
		out[thread] = x
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read how far threads may go: %w", err)
	}
	for _, t := range threads {
		x := out[t.Ref.ID]
		x.All = all[t.Compartment]
		out[t.Ref.ID] = x
	}
	return out, nil
}

// StandingWord gives what an organisation says of all that it tells us. The caller has checked that the reader may know.
func (s *Service) StandingWord(ctx context.Context, h db.Handle, organisation int64) (Word, error) {
	all, err := s.WordsOf(ctx, h, Thread{Object: access.Object{Compartment: organisation}})
	return all[0].All, err
}

// Saying is a word as it is said.
type Saying struct {
	Thread  string // uid; "" for all that the organisation tells us
	Message string // uid, of that thread; "" for all of it
	Reach   Reach  // Unsaid takes the word of this width back
	Under   ref.Ref
	// Organisation is the uid of whose word one of us takes down, where Thread is "". Its own people speak for their own.
	Organisation string
}

// SayTx takes down how far what somebody told us may go: by its own people, in the portal or by API (of one matter access.OwnCases, of all their
// organisation tells us access.OwnPeople), or by one of us who was told on the telephone (access.WorkCases). It holds for what is shared from then on.
// Refused: Invalid for a reach that is none, NotFound.
func (s *Service) SayTx(ctx context.Context, tx *db.Tx, by access.Actor, in Saying) error {
	if int(in.Reach) >= len(reachNames) {
		var p errs.Problems
		p.Add("reach", "error.choose")
		return p.Err()
	}
	w := saying{reach: in.Reach, message: in.Message, account: by.Account, channel: ByPortal}
	switch {
	case by.Can(access.WorkCases):
		w.channel = ByPhone
	case by.Origin == access.ByAPI:
		w.channel = ByAPI
	}
	if in.Thread == "" {
		return s.sayStanding(ctx, tx, by, in, w)
	}
	if !by.Can(access.WorkCases) {
		if err := by.Need(access.OwnCases); err != nil {
			return err
		}
	}
	o, err := access.LoadForChange(ctx, tx, by, ref.Thread, in.Thread)
	if err != nil {
		return err
	}
	if in.Message != "" {
		var n int64
		err := tx.QueryRow(ctx, `SELECT id FROM correspondence_message WHERE thread = $1 AND uid = $2 AND direction = $3 AND state = 'filed'`, o.Ref.ID, in.Message, int64(In)).Scan(&n)
		if err != nil {
			return err
		}
	}
	w.on, w.compartment, w.thread, w.under = o.Ref, o.Compartment, o.Ref.ID, in.Under
	return s.sayTx(ctx, tx, by, w)
}

func (s *Service) sayStanding(ctx context.Context, tx *db.Tx, by access.Actor, in Saying, w saying) error {
	if in.Message != "" {
		return errs.ErrNotFound
	}
	var org int64
	if by.Can(access.WorkCases) {
		o, err := s.Constituency.Get(ctx, tx, by, in.Organisation)
		if err != nil {
			return err
		}
		org = o.Ref.ID
	} else {
		if err := by.Need(access.OwnPeople); err != nil {
			return err
		}
		if org = by.Organisation; org == 0 || in.Organisation != "" {
			return errs.ErrNotFound
		}
	}
	if _, err := access.Locked(ctx, tx, org); err != nil {
		return err
	}
	w.on, w.compartment = ref.Ref{Kind: ref.Organisation, ID: org}, org
	return s.sayTx(ctx, tx, by, w)
}

// saying is a word before it is written.
type saying struct {
	on, under   ref.Ref
	compartment int64
	thread      int64
	message     string
	reach       Reach
	account     int64
	channel     Channel
}

// sayTx writes a word. What it is about is locked.
func (s *Service) sayTx(ctx context.Context, tx *db.Tx, by access.Actor, w saying) error {
	const ofThread, ofAll = ` WHERE latest = TRUE AND thread <> 0 AND thread = $1 AND message = $2`, ` WHERE latest = TRUE AND thread = 0 AND compartment = $1 AND message = $2`
	which, of := ofThread, w.thread // whoever had the thread before
	if of == 0 {
		which, of = ofAll, w.compartment
	}
	var was Reach
	err := tx.QueryRow(ctx, `SELECT reach FROM correspondence_reach`+which, of, w.message).Scan(&was)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	if was == w.reach { // said before, or nothing to take back
		return nil
	}
	now := s.Clock.Now()
	if _, err := tx.Exec(ctx, `UPDATE correspondence_reach SET latest = FALSE`+which, of, w.message); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO correspondence_reach (compartment, thread, message, reach, at, account, channel, latest) VALUES ($1, $2, $3, $4, $5, $6, $7, TRUE)`,
		w.compartment, w.thread, w.message, int64(w.reach), now, w.account, string(w.channel))
	if err != nil {
		return fmt.Errorf("say how far it may go: %w", err)
	}
	return s.Audit.Write(ctx, tx, audit.Entry{
		At: now, By: by, Verb: VerbReach, On: w.on, About: w.under, Compartment: w.compartment,
		Changes: []audit.Change{{Field: "reach", From: was.String(), To: w.reach.String()}}, Data: map[string]string{"message": w.message, "channel": string(w.channel)},
	})
}

// VerbReach is the verb under which the record has how far somebody lets its information go.
const VerbReach = "correspondence.reach"
