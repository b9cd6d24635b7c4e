package coordination

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// NoteComing takes down what a party said of whether it comes to a call, for one of us who was told. The actor needs access.WorkCases. Refused: NotFound,
// Conflict for a party that is not asked any more, Limit after two hundred answers.
func (s *Service) NoteComing(ctx context.Context, by access.Actor, call, party string, coming bool, who, note string) (Call, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Call{}, err
	}
	c, _, err := s.callOf(ctx, s.DB, by, call)
	if err != nil {
		return c, err
	}
	i := slices.IndexFunc(c.Invited, func(x Invited) bool { return x.Party.UID == party && x.In() && x.Request != "" })
	if i < 0 {
		return c, errs.ErrNotFound
	}
	in := ReplyInput{Answers: Answers{"coming": {Value: map[bool]string{true: "yes", false: "no"}[coming]}}, Note: note}
	if who = strings.TrimSpace(who); who != "" {
		in.Answers["who"] = Said{Value: who}
	}
	if _, err := s.AnswerQuestions(ctx, by, c.Invited[i].Request, in); err != nil {
		return c, err
	}
	return s.CallOf(ctx, by, call)
}

// MinutesInput is what was written down of a call.
type MinutesInput struct {
	People  []Present
	Text    string
	Finish  bool  // they are frozen: from then on they can only be added to
	Version int64 // of the call as it was read; 0 takes the stored one
}

// WriteMinutes notes who came to a call and what was said; the first time says that it was held, and ends what still asks who comes. What was finished is
// frozen. The actor needs access.WorkCases. Refused: Invalid with all problems, NotFound, Conflict for a call that was called off, minutes that are frozen, or
// a version that is old.
func (s *Service) WriteMinutes(ctx context.Context, by access.Actor, call string, in MinutesInput) (Call, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Call{}, err
	}
	in.Text = strings.TrimSpace(mail.FormText(in.Text))
	var p errs.Problems
	words(&p, "text", in.Text, maxWords, in.Finish)
	var people []Present
	for _, x := range in.People {
		x.Name, x.Function = strings.TrimSpace(mail.Visible(x.Name)), strings.TrimSpace(mail.Visible(x.Function))
		if x.Name == "" && x.Function == "" {
			continue
		}
		words(&p, "people", x.Name, 200, true)
		words(&p, "people", x.Function, 200, false)
		people = append(people, x)
	}
	if len(people) > mostPresent {
		p.Add("people", "error.too_many", "most", mostPresent)
	}
	if err := p.Err(); err != nil {
		return Call{}, err
	}
	return s.changeCall(ctx, by, call, in.Version, func(ctx context.Context, tx *db.Tx, c *Call) error {
		switch {
		case c.State == CallOff:
			return errCallOver()
		case !c.FrozenAt.IsZero():
			return &errs.Error{Kind: errs.Conflict, Key: "error.call.frozen", Text: "these minutes are finished: add to them"}
		}
		for _, x := range people {
			if x.Party != "" && !slices.ContainsFunc(c.Invited, func(i Invited) bool { return i.Party.UID == x.Party }) {
				var p errs.Problems
				p.Add("people", "error.choose")
				return p.Err()
			}
		}
		now := s.Clock.Now()
		if c.State == CallPlanned {
			c.State, c.HeldAt = CallHeld, now
			for _, i := range c.Invited {
				if i.request != 0 {
					if err := s.takeBack(ctx, tx, by, i.request, string(CallHeld)); err != nil {
						return err
					}
				}
			}
			if err := s.called(ctx, tx, by, *c, VerbCallHeld, "", audit.Change{Field: "people", To: len(people)}); err != nil {
				return err
			}
		}
		c.People, c.Said = people, in.Text
		if in.Finish {
			c.FrozenAt, c.FrozenBy = now, by.Name
		}
		return s.called(ctx, tx, by, *c, VerbCallFreeze, "", audit.Change{Field: "people", To: len(people)}, audit.Change{Field: "finished", To: in.Finish})
	})
}

// AddToMinutes adds to minutes that are finished. The actor needs access.WorkCases. Refused: Invalid, NotFound, Conflict for minutes that are not finished,
// Limit.
func (s *Service) AddToMinutes(ctx context.Context, by access.Actor, call, text string) (Call, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Call{}, err
	}
	text = strings.TrimSpace(mail.FormText(text))
	var p errs.Problems
	words(&p, "text", text, maxWords, true)
	if err := p.Err(); err != nil {
		return Call{}, err
	}
	return s.changeCall(ctx, by, call, 0, func(ctx context.Context, tx *db.Tx, c *Call) error {
		if c.FrozenAt.IsZero() {
			return &errs.Error{Kind: errs.Conflict, Key: "error.call.not_frozen", Text: "these minutes are not finished yet: write them there"}
		}
		if len(c.Added) >= mostAdded {
			return &errs.Error{Kind: errs.Limit, Key: "error.call.added", Text: "minutes take a hundred additions"}
		}
		if n := len(c.Added); n > 0 && c.Added[n-1].Text == text { // pressed twice
			return nil
		}
		c.Added = append(c.Added, Addition{s.Clock.Now(), by.Name, text})
		return s.called(ctx, tx, by, *c, VerbCallAdd, "")
	})
}

func (s *Service) changeCall(ctx context.Context, by access.Actor, call string, version int64, change func(context.Context, *db.Tx, *Call) error) (Call, error) {
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, _, err := s.callFor(ctx, tx, by, call, version)
		if err != nil {
			return err
		}
		if err := change(ctx, tx, &c); err != nil {
			return err
		}
		return s.saveCall(ctx, tx, &c)
	})
	if err != nil {
		return Call{}, err
	}
	return s.CallOf(ctx, by, call)
}

// CallTask makes a task of ours of what was agreed in a call. The actor needs access.WorkCases. Refused: Invalid, NotFound, Conflict for a call that was not
// held, or what was agreed in it already.
func (s *Service) CallTask(ctx context.Context, by access.Actor, call, title string, due time.Time) (Call, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Call{}, err
	}
	title = strings.TrimSpace(mail.Visible(title))
	var p errs.Problems
	words(&p, "title", title, maxCallTitle, true)
	if err := p.Err(); err != nil {
		return Call{}, err
	}
	if s.NewTask == nil {
		return Call{}, errs.ErrNotFound
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, _, err := s.heldCall(ctx, tx, by, call)
		if err != nil {
			return err
		}
		if err := c.newAction(title, ""); err != nil {
			return err
		}
		task, err := s.NewTask(ctx, tx, by, c.Subject, title, due)
		if err != nil {
			return err
		}
		return s.agreed(ctx, tx, by, c, CallAction{Title: title, Task: task})
	})
	if err != nil {
		return Call{}, err
	}
	return s.CallOf(ctx, by, call)
}

func (s *Service) heldCall(ctx context.Context, tx *db.Tx, by access.Actor, call string) (Call, access.Object, error) {
	c, o, err := s.callFor(ctx, tx, by, call, 0)
	if err == nil && c.State != CallHeld {
		err = &errs.Error{Kind: errs.Conflict, Key: "error.call.not_held", Text: "this call was not held yet: write down who came first"}
	}
	return c, o, err
}

// CallMeasure is a measure of a party that was agreed in a call.
type CallMeasure struct {
	Party  string // uid
	Title  string
	Text   string
	DueAt  time.Time
	Looked bool // a person looked at what the letter names of others
}

// CallMeasure gives a party a measure that was agreed in a call: the usual letter, clock and link. The actor needs access.WorkCases and access.SendOutside.
// Refused: what Send refuses, Conflict for a call that was not held, or what was agreed in it already.
func (s *Service) CallMeasure(ctx context.Context, by access.Actor, call string, in CallMeasure) (Call, error) {
	if err := needPrepare(by); err != nil {
		return Call{}, err
	}
	g := Give{Parties: []string{in.Party}, Own: []Advice{{Title: strings.TrimSpace(mail.Visible(in.Title)), Text: strings.TrimSpace(mail.FormText(in.Text))}}, DueAt: in.DueAt, Looked: in.Looked}.trimmed()
	if err := g.check(s); err != nil {
		return Call{}, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, o, err := s.heldCall(ctx, tx, by, call)
		if err != nil {
			return err
		}
		if err := c.newAction(g.Own[0].Title, in.Party); err != nil {
			return err
		}
		g.least = c.TLP
		parcels, err := s.parcels(ctx, tx, by, o, g, id.NewCode)
		if err != nil {
			return err
		}
		if err := stop(parcels, in.Looked); err != nil {
			return err
		}
		sent, err := s.put(ctx, tx, by, g, parcels, s.Correspondence.SendManyTx)
		if err != nil {
			return err
		}
		x := CallAction{Title: g.Own[0].Title, Party: parcels[0].Party}
		if err := tx.QueryRow(ctx, `SELECT id FROM coordination_measure WHERE message = $1`, sent[0].ID).Scan(&x.measure); err != nil {
			return err
		}
		return s.agreed(ctx, tx, by, c, x)
	})
	if err != nil {
		return Call{}, err
	}
	return s.CallOf(ctx, by, call)
}

// newAction refuses what stands among the actions of the call already: a second letter or task of it is a form that was sent twice.
func (c Call) newAction(title, party string) error {
	if !slices.ContainsFunc(c.Actions, func(x CallAction) bool { return x.Title == title && x.Party.UID == party }) {
		return nil
	}
	return &errs.Error{Kind: errs.Conflict, Key: "error.call.agreed", Text: "this was agreed in this call already", Fields: []errs.Field{{Name: "title", Key: "error.call.agreed"}}}
}

// agreed keeps what was agreed in a call.
func (s *Service) agreed(ctx context.Context, tx *db.Tx, by access.Actor, c Call, x CallAction) error {
	k, err := s.Ring.Get(ctx, tx, c.Subject.ID)
	if err != nil {
		return err
	}
	x.UID = id.New()
	body, err := sealIn(k, actionPlace(x.UID), x.Title)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO coordination_call_action (uid, call, at, account, task, measure, party, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		x.UID, c.ID, s.Clock.Now(), by.Account, x.Task, x.measure, x.Party.Ref.ID, body)
	if err != nil {
		return err
	}
	return s.called(ctx, tx, by, c, VerbCallAction, "", audit.Change{Field: "action", To: x.Title}, audit.Change{Field: "party", To: x.Party.Name})
}
