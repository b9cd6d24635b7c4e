package coordination

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Telling is who tells whom.
type Telling struct {
	ID     string    `json:"id"`
	Who    string    `json:"who,omitempty"` // uid of a member; "" for us
	Circle string    `json:"circle"`        // whom: the public, a sector, the parties
	What   string    `json:"what,omitempty"`
	DueAt  time.Time `json:"due_at,omitzero"`
	DoneAt time.Time `json:"done_at,omitzero"`
	DoneBy string    `json:"done_by,omitempty"` // who of us noted it
}

// TellingInput is a line as it is written or noted as done.
type TellingInput struct {
	ID      string // "" for a new one
	Who     string // uid of a member; "" for us
	Circle  string
	What    string
	DueAt   time.Time
	Done    bool
	DoneAt  time.Time // zero takes now
	Version int64     // of the situation as it was read; 0 takes the stored one
}

// SetTelling writes who tells whom, or notes that it was done. The actor needs access.WorkCases. Refused: Invalid with all problems, NotFound, Conflict.
func (s *Service) SetTelling(ctx context.Context, by access.Actor, situation string, in TellingInput) (Situation, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Situation{}, err
	}
	in.Circle, in.What = strings.TrimSpace(mail.Visible(in.Circle)), strings.TrimSpace(mail.FormText(in.What))
	now := s.Clock.Now()
	var p errs.Problems
	words(&p, "circle", in.Circle, 200, in.ID == "" || !in.Done)
	words(&p, "what", in.What, 2000, false)
	if in.DoneAt.After(now) {
		p.Add("done_at", "error.past")
	}
	if err := p.Err(); err != nil {
		return Situation{}, err
	}
	return s.changeSituation(ctx, by, situation, in.Version, func(ctx context.Context, tx *db.Tx, x *Situation, _ access.Object) error {
		i := slices.IndexFunc(x.Tellings, func(l Telling) bool { return l.ID == in.ID })
		switch {
		case in.ID == "" && len(x.Tellings) >= mostLines:
			return &errs.Error{Kind: errs.Limit, Key: "error.situation.lines", Text: "a shared situation has a hundred lines at most"}
		case in.ID == "":
			x.Tellings = append(x.Tellings, Telling{ID: id.New()})
			i = len(x.Tellings) - 1
		case i < 0:
			return errs.ErrNotFound
		}
		l := &x.Tellings[i]
		if in.Circle != "" {
			if in.Who != "" && x.Name(in.Who) == "" {
				var p errs.Problems
				p.Add("who", "error.choose")
				return p.Err()
			}
			l.Who, l.Circle, l.What, l.DueAt = in.Who, in.Circle, in.What, in.DueAt
		}
		l.DoneAt, l.DoneBy = time.Time{}, ""
		if in.Done {
			if l.DoneAt, l.DoneBy = in.DoneAt, by.Name; in.DoneAt.IsZero() {
				l.DoneAt = now
			}
		}
		return s.situated(ctx, tx, by, *x, VerbSituationLine, "", audit.Change{Field: "who", To: x.Name(l.Who)}, audit.Change{Field: "circle", To: l.Circle}, audit.Change{Field: "done", To: in.Done})
	})
}

// live gives the members that are parties still.
func (x Situation) live() []Member {
	return slices.DeleteFunc(slices.Clone(x.Members), func(m Member) bool { return !m.Party.WithdrawnAt.IsZero() })
}

// letterTo begins a letter to the members: the names of who takes part may stand in it, and nobody else's.
func (x Situation) letterTo(looked bool) Give {
	g := Give{outside: true, Looked: looked, subjects: map[string]string{}, Words: map[string]Words{}, known: x.Names()}
	for _, m := range x.live() {
		g.Parties = append(g.Parties, m.Party.UID)
	}
	return g
}

// PreviewSituation shows the letters that say to each member how the situation stands. The actor needs access.WorkCases. Refused: NotFound.
func (s *Service) PreviewSituation(ctx context.Context, by access.Actor, situation string) ([]Preview, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return nil, err
	}
	x, o, err := s.situationOf(ctx, s.DB, by, situation)
	if err != nil {
		return nil, err
	}
	parcels, err := s.parcels(ctx, s.DB, by, o, s.stateGive(x, false), previewCode)
	out := make([]Preview, len(parcels))
	for i, p := range parcels {
		out[i] = p.Preview
	}
	return out, err
}

// TellSituation writes to each member how the situation stands: a letter on its own thread in its language, held like every letter. It says what concerns the
// situation and nothing of the incident's other parties. The actor needs access.WorkCases and access.SendOutside. Version is that of the
// situation as it was read, 0 takes the stored one. Refused: NotFound, Conflict for one that has ended, a version that is old, a member that said since that it
// stays unnamed or has no road, or a letter that names another party, unless looked.
func (s *Service) TellSituation(ctx context.Context, by access.Actor, situation string, version int64, looked bool) (Situation, error) {
	if err := needPrepare(by); err != nil {
		return Situation{}, err
	}
	return s.changeSituation(ctx, by, situation, version, func(ctx context.Context, tx *db.Tx, x *Situation, o access.Object) error {
		g := s.stateGive(*x, looked)
		if len(g.Parties) == 0 {
			return &errs.Error{Kind: errs.Conflict, Key: "error.situation.nobody", Text: "nobody takes part in this shared situation any more"}
		}
		var all []Party
		for _, m := range x.live() {
			all = append(all, m.Party)
		}
		if err := s.mayBeTogether(ctx, tx, all); err != nil { // each is named to the others, and one may have said since that it is not to be
			return err
		}
		parcels, err := s.parcels(ctx, tx, by, o, g, id.NewCode)
		if err != nil {
			return err
		}
		if err := stop(parcels, looked); err != nil {
			return err
		}
		sent, err := s.put(ctx, tx, by, g, parcels, s.Correspondence.SendManyTx)
		if err != nil {
			return err
		}
		for i, p := range parcels {
			_, err := tx.Exec(ctx, `UPDATE coordination_member SET told_at = $1, message = $2 WHERE situation = $3 AND party = $4`, s.Clock.Now(), sent[i].ID, x.ID, p.Party.Ref.ID)
			if err != nil {
				return err
			}
		}
		return s.situated(ctx, tx, by, *x, VerbSituationTell, "", audit.Change{Field: "parties", To: len(parcels)})
	})
}

// stateGive is the letter that says how the situation stands, in every language.
func (s *Service) stateGive(x Situation, looked bool) Give {
	g := x.letterTo(looked)
	for _, lang := range text.Langs() {
		p := s.localPrinter(string(lang))
		g.subjects[string(lang)] = p.T("mail.situation.subject")
		g.Words[string(lang)] = Words{Text: s.stateWords(p, x)}
	}
	g.Text = g.Words["en"].Text
	return g
}

func (s *Service) stateWords(p *text.Printer, x Situation) string {
	team := s.Correspondence.Team.Name
	name := func(uid string) string {
		if n := x.Name(uid); n != "" {
			return mail.NoLinks(n)
		}
		return team
	}
	ground := p.T("mail.situation.need")
	if x.Ground == ForceMajeure {
		ground = p.T("mail.situation.force_majeure")
	}
	parts := []string{p.T("mail.situation.intro", "since", x.OpenedAt), ground, mail.NoLinks(x.Reasons), p.T("mail.situation.leads", "who", name(x.Leader))}
	members := "- " + team
	for _, m := range x.live() {
		members += "\n- " + mail.NoLinks(m.Party.Name)
	}
	parts = append(parts, heading(p.T("mail.situation.members"))+"\n\n"+members)
	if len(x.Tellings) > 0 {
		b := heading(p.T("mail.situation.lines")) + "\n"
		for _, l := range x.Tellings {
			b += "\n- " + p.T("mail.situation.line", "who", name(l.Who), "circle", mail.NoLinks(l.Circle))
			if l.What != "" {
				b += ": " + indented(mail.NoLinks(l.What))
			}
			switch {
			case !l.DoneAt.IsZero():
				b += "\n  " + p.T("mail.situation.done", "when", l.DoneAt)
			case !l.DueAt.IsZero():
				b += "\n  " + p.T("mail.situation.planned", "when", l.DueAt)
			default:
				b += "\n  " + p.T("mail.situation.open")
			}
		}
		parts = append(parts, b)
	}
	if len(x.Decisions) > 0 {
		b := heading(p.T("mail.situation.decisions"))
		for _, d := range x.Decisions {
			b += "\n\n" + p.T("mail.situation.number", "number", d.Number) + " · " + p.Text(d.At) + " · " + s.stands(p, d)
			b += "\n" + mail.NoLinks(d.Text)
		}
		parts = append(parts, b)
	}
	return strings.Join(parts, "\n\n")
}

func indented(s string) string { return strings.ReplaceAll(s, "\n", "\n  ") }

// stands says where a decision stands, without who has not answered.
func (s *Service) stands(p *text.Printer, d Decision) string {
	var out string
	switch {
	case !d.Joint:
		out = p.T("mail.situation.ours", "who", s.Correspondence.Team.Name)
	case !d.JointSince.IsZero():
		out = p.T("mail.situation.joint", "when", d.JointSince)
	case d.Refused():
		out = p.T("mail.situation.refused")
	default:
		out = p.T("mail.situation.asked", "agreed", d.Agreed(), "of", len(d.Asked))
	}
	if d.FollowedBy != 0 {
		out += " · " + p.T("mail.situation.followed", "number", d.FollowedBy)
	}
	return out
}
