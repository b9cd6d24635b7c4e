package coordination

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Decision is one that was taken. It never changes: another follows it.
type Decision struct {
	UID        string
	Number     int
	Joint      bool
	Follows    int // 0 for none
	FollowedBy int
	At         time.Time
	Account    int64
	decisionBody
	Asked      []Agreement // of a joint one
	JointSince time.Time   // when the last of them agreed; zero while one has not

	id int64
}

type decisionBody struct {
	Text   string `json:"text"`
	ByName string `json:"by"`
}

// Agreement is what one authority said of a joint decision.
type Agreement struct {
	Party   Party
	Letter  correspondence.State
	Request string // uid
	Agrees  string // "yes", "no", "" while it has not said
	Who     string // who decided it there, in its words
	Note    string
	SaidAt  time.Time
	SaidBy  string
	Noted   bool // one of us took it down

	request, message int64
	open             bool
}

// Refused tells whether somebody does not agree.
func (d Decision) Refused() bool {
	return slices.ContainsFunc(d.Asked, func(a Agreement) bool { return a.Agrees == "no" })
}

// Agreed counts who agrees.
func (d Decision) Agreed() (n int) {
	for _, a := range d.Asked {
		if a.Agrees == "yes" {
			n++
		}
	}
	return n
}

// closeDecision takes back what a decision still asks.
func (s *Service) closeDecision(ctx context.Context, tx *db.Tx, by access.Actor, d Decision, why string) error {
	for _, a := range d.Asked {
		if a.request != 0 {
			if err := s.takeBack(ctx, tx, by, a.request, why); err != nil {
				return err
			}
		}
	}
	return nil
}

// NewDecision is a decision as it is taken.
type NewDecision struct {
	Text    string
	Joint   bool      // it needs each member to agree
	Follows int       // number of the decision whose place it takes, 0 for none
	DueAt   time.Time // by when they agree, of a joint one
	Looked  bool      // a person looked at what the letters name of other parties
}

// Decide takes the next decision of a shared situation. A joint one asks each member by a letter with a link and a clock, and is joint when each has agreed. One
// that follows another ends what that one still asked. The actor needs access.Approve, and access.SendOutside for a joint one. Refused: Invalid with all
// problems, NotFound, Conflict for a decision that is followed already, a member without a road, or a letter that names another party, unless in.Looked.
func (s *Service) Decide(ctx context.Context, by access.Actor, situation string, in NewDecision) (Situation, error) {
	if err := by.Need(access.Approve); err != nil {
		return Situation{}, err
	}
	if in.Joint {
		if err := by.Need(access.SendOutside); err != nil {
			return Situation{}, err
		}
	}
	in.Text = strings.TrimSpace(mail.FormText(in.Text))
	now := s.Clock.Now()
	var p errs.Problems
	words(&p, "text", in.Text, maxWords, true)
	switch {
	case in.Joint && in.DueAt.IsZero():
		p.Add("due_at", "error.required")
	case in.Joint && !in.DueAt.After(now):
		p.Add("due_at", "error.future")
	}
	if err := p.Err(); err != nil {
		return Situation{}, err
	}
	return s.changeSituation(ctx, by, situation, 0, func(ctx context.Context, tx *db.Tx, x *Situation, o access.Object) error {
		if len(x.Decisions) >= mostDecisions {
			return &errs.Error{Kind: errs.Limit, Key: "error.situation.decisions", Text: "a shared situation has three hundred decisions at most"}
		}
		if n := len(x.Decisions); n > 0 && x.Decisions[n-1].Text == in.Text { // pressed twice: what is taken cannot be taken back
			return &errs.Error{Kind: errs.Conflict, Key: "error.situation.same", Text: "the newest decision says the same", Fields: []errs.Field{{Name: "text", Key: "error.situation.same", Args: map[string]any{"number": n}}}}
		}
		d := Decision{UID: id.New(), Number: len(x.Decisions) + 1, Joint: in.Joint, Follows: in.Follows, At: now, Account: by.Account, decisionBody: decisionBody{in.Text, by.Name}}
		if in.Follows != 0 {
			i := slices.IndexFunc(x.Decisions, func(y Decision) bool { return y.Number == in.Follows })
			if i < 0 {
				var p errs.Problems
				p.Add("follows", "error.choose")
				return p.Err()
			}
			if y := x.Decisions[i]; y.FollowedBy != 0 {
				return &errs.Error{Kind: errs.Conflict, Key: "error.situation.followed", Text: "another decision follows that one already", Fields: []errs.Field{{Name: "follows", Key: "error.situation.followed", Args: map[string]any{"number": y.FollowedBy}}}}
			}
			if err := s.closeDecision(ctx, tx, by, x.Decisions[i], "followed"); err != nil {
				return err
			}
		}
		k, err := s.Ring.Get(ctx, tx, x.Subject.ID)
		if err != nil {
			return err
		}
		body, err := sealIn(k, decisionPlace(d.UID), d.decisionBody)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `INSERT INTO coordination_decision (uid, situation, number, joint, follows, at, account, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
			d.UID, x.ID, d.Number, d.Joint, d.Follows, d.At, d.Account, body).Scan(&d.id)
		if err != nil {
			return err
		}
		if in.Joint {
			if err := s.askAgreement(ctx, tx, by, o, *x, d, in); err != nil {
				return err
			}
		}
		return s.situated(ctx, tx, by, *x, VerbDecide, in.Text, audit.Change{Field: "number", To: d.Number}, audit.Change{Field: "joint", To: d.Joint}, audit.Change{Field: "follows", To: d.Follows})
	})
}

func (s *Service) askAgreement(ctx context.Context, tx *db.Tx, by access.Actor, o access.Object, x Situation, d Decision, in NewDecision) error {
	g := x.letterTo(in.Looked)
	if len(g.Parties) == 0 {
		return &errs.Error{Kind: errs.Conflict, Key: "error.situation.nobody", Text: "nobody takes part in this shared situation any more"}
	}
	g.Questions, g.QuestionVersion, g.frozen, g.DueAt = decisionSet, 1, true, in.DueAt
	for _, lang := range text.Langs() {
		p := s.localPrinter(string(lang))
		g.subjects[string(lang)] = p.T("mail.situation.subject_decision", "number", d.Number)
		words := Words{Text: p.T("mail.situation.decision", "number", d.Number), Request: p.T("mail.situation.number", "number", d.Number) + "\n\n" + mail.NoLinks(d.Text)}
		if d.Follows != 0 {
			words.Text += " " + p.T("mail.situation.follows", "number", d.Follows)
		}
		g.Words[string(lang)] = words
	}
	g.Text, g.Request = g.Words["en"].Text, g.Words["en"].Request
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
	for i, p := range parcels {
		_, err := tx.Exec(ctx, `INSERT INTO coordination_agreement (decision, party, request, message) SELECT $1, $2, id, $3 FROM coordination_request WHERE message = $3`, d.id, p.Party.Ref.ID, sent[i].ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// NoteAgreement takes down what a member said of a joint decision, for one of us who was told, and by whom. The actor needs access.WorkCases. Refused: Invalid
// without who said it, NotFound, Conflict for a decision that asks no more.
func (s *Service) NoteAgreement(ctx context.Context, by access.Actor, situation string, number int, party string, agrees bool, who, note string) (Situation, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Situation{}, err
	}
	if who = strings.TrimSpace(who); who == "" {
		return Situation{}, required("who")
	}
	x, _, err := s.situationOf(ctx, s.DB, by, situation)
	if err != nil {
		return x, err
	}
	for _, d := range x.Decisions {
		for _, a := range d.Asked {
			if d.Number != number || a.Party.UID != party || a.Request == "" {
				continue
			}
			in := ReplyInput{Answers: Answers{"agrees": {Value: map[bool]string{true: "yes", false: "no"}[agrees]}, "who": {Value: who}}, Note: note}
			if _, err := s.AnswerQuestions(ctx, by, a.Request, in); err != nil {
				return x, err
			}
			return s.SituationOf(ctx, by, situation)
		}
	}
	return x, errs.ErrNotFound
}

// Open tells whether the authority can still be asked.
func (a Agreement) Open() bool { return a.open && a.Letter != correspondence.Stopped }
