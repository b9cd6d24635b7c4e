package coordination

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

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
		raw, err := json.Marshal(d.decisionBody)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `INSERT INTO coordination_decision (uid, situation, number, joint, follows, at, account, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
			d.UID, x.ID, d.Number, d.Joint, d.Follows, d.At, d.Account, k.Seal(decisionPlace(d.UID), raw)).Scan(&d.id)
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

// live gives the members that are parties still.
func (x Situation) live() []Member {
	return slices.DeleteFunc(slices.Clone(x.Members), func(m Member) bool { return !m.Party.WithdrawnAt.IsZero() })
}

// letterTo begins a letter to the members: the names of who takes part may stand in it, and nobody else's.
func (x Situation) letterTo(looked bool) Give {
	g := Give{outside: true, Looked: looked, subjects: map[string]string{}, Words: map[string]Words{}, known: x.names()}
	for _, m := range x.live() {
		g.Parties = append(g.Parties, m.Party.UID)
	}
	return g
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
// situation and nothing of the incident's other parties. The actor needs access.WorkCases and access.SendOutside. Refused: NotFound, Conflict for one that has
// ended, a member without a road, or a letter that names another party, unless looked.
func (s *Service) TellSituation(ctx context.Context, by access.Actor, situation string, looked bool) (Situation, error) {
	if err := needPrepare(by); err != nil {
		return Situation{}, err
	}
	return s.changeSituation(ctx, by, situation, 0, func(ctx context.Context, tx *db.Tx, x *Situation, o access.Object) error {
		g := s.stateGive(*x, looked)
		if len(g.Parties) == 0 {
			return &errs.Error{Kind: errs.Conflict, Key: "error.situation.nobody", Text: "nobody takes part in this shared situation any more"}
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

// Situations lists the shared situations of an incident, newest first. They are the team's: the actor needs access.ReadCases. Refused: NotFound.
func (s *Service) Situations(ctx context.Context, by access.Actor, subject string) ([]Situation, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	if !team(by) {
		return nil, errs.ErrNotFound
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return nil, err
	}
	return s.situationsOf(ctx, s.DB, by, o.Ref)
}

// SituationOf gives one. The actor needs access.ReadCases. Refused: NotFound.
func (s *Service) SituationOf(ctx context.Context, by access.Actor, situation string) (Situation, error) {
	x, _, err := s.situationOf(ctx, s.DB, by, situation)
	return x, err
}

func (s *Service) situationOf(ctx context.Context, h db.Handle, by access.Actor, uid string) (Situation, access.Object, error) {
	o, err := s.subjectOf(ctx, h, by, "coordination_situation", uid)
	if err != nil {
		return Situation{}, o, err
	}
	all, err := s.readSituations(ctx, h, by, o.Ref, `uid = $1`, uid)
	if err != nil {
		return Situation{}, o, err
	}
	return all[0], o, nil
}

func (s *Service) situationsOf(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref) ([]Situation, error) {
	return s.readSituations(ctx, h, by, subject, `subject = $1 ORDER BY id DESC LIMIT `+strconv.Itoa(mostSituations), subject.ID)
}

func decisionPlace(uid string) string { return "coordination_decision.body:" + uid }

func (s *Service) readSituations(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref, which string, arg any) ([]Situation, error) {
	k, err := s.keyOf(ctx, h, subject.ID)
	if err != nil {
		return nil, err
	}
	all, err := db.All(ctx, h, func(r *db.Rows) (Situation, error) {
		x := Situation{Subject: subject}
		var sealed []byte
		if err := r.Scan(&x.ID, &x.UID, &x.OpenedAt, &x.OpenedBy, &x.EndedAt, &x.Version, &sealed); err != nil {
			return x, err
		}
		return x, unseal(k, situationPlace(x.UID), sealed, &x.situationBody)
	}, `SELECT id, uid, opened_at, opened_by, ended_at, version, body FROM coordination_situation WHERE `+which, arg)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	parties, err := s.partiesByID(ctx, h, by, subject)
	if err != nil {
		return nil, err
	}
	ids, at := make([]int64, len(all)), map[int64]int{}
	for i, x := range all {
		ids[i], at[x.ID] = x.ID, i
	}
	var asked []ask
	if err := s.readMembers(ctx, h, all, ids, at, parties, &asked); err != nil {
		return nil, err
	}
	of, err := s.readDecisions(ctx, h, k, all, ids, at, parties, &asked)
	if err != nil {
		return nil, err
	}
	heard, err := s.saidOf(ctx, h, by, subject, asked)
	if err != nil {
		return nil, err
	}
	for i := range all {
		for j := range all[i].Members {
			m := &all[i].Members[j]
			m.Letter = heard[m.message].message.State
		}
	}
	for _, d := range of {
		d.settle(heard)
	}
	return all, nil
}

func unseal(k *keyring.Key, place string, sealed []byte, into any) error {
	if k == nil { // its content was destroyed
		return nil
	}
	raw, err := k.Open(place, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read %s: %w", place, err)
	}
	return nil
}

func (s *Service) readMembers(ctx context.Context, h db.Handle, all []Situation, ids []int64, at map[int64]int, parties map[int64]Party, asked *[]ask) error {
	q := db.In(new(db.Query).Add(`SELECT situation, party, kind, joined_at, told_at, message FROM coordination_member WHERE situation IN `), ids)
	rows, err := q.Add(` ORDER BY situation, joined_at, party`).Query(ctx, h)
	return db.Each(rows, err, func(r *db.Rows) error {
		var m Member
		var situation, party int64
		var kind string
		if err := r.Scan(&situation, &party, &kind, &m.JoinedAt, &m.ToldAt, &m.message); err != nil {
			return err
		}
		p, ok := parties[party]
		if !ok { // not for this reader
			return nil
		}
		m.Party, m.Kind = p, constituency.LiaisonKind(kind)
		*asked = append(*asked, ask{party: p, message: m.message})
		all[at[situation]].Members = append(all[at[situation]].Members, m)
		return nil
	})
}

func (s *Service) readDecisions(ctx context.Context, h db.Handle, k *keyring.Key, all []Situation, ids []int64, at map[int64]int, parties map[int64]Party, asked *[]ask) (map[int64]*Decision, error) {
	q := db.In(new(db.Query).Add(`SELECT id, uid, situation, number, joint, follows, at, account, body FROM coordination_decision WHERE situation IN `), ids)
	rows, err := q.Add(` ORDER BY situation, number`).Query(ctx, h)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var d Decision
		var situation int64
		var sealed []byte
		if err := r.Scan(&d.id, &d.UID, &situation, &d.Number, &d.Joint, &d.Follows, &d.At, &d.Account, &sealed); err != nil {
			return err
		}
		x := &all[at[situation]]
		x.Decisions = append(x.Decisions, d)
		return unseal(k, decisionPlace(d.UID), sealed, &x.Decisions[len(x.Decisions)-1].decisionBody)
	})
	if err != nil {
		return nil, err
	}
	of := map[int64]*Decision{}
	for i := range all {
		list := all[i].Decisions
		for j := range list {
			of[list[j].id] = &list[j]
			if f := list[j].Follows; f > 0 && f <= len(list) {
				list[f-1].FollowedBy = list[j].Number
			}
		}
	}
	q = db.In(new(db.Query).Add(`SELECT a.decision, a.party, a.request, a.message FROM coordination_agreement a JOIN coordination_decision d ON d.id = a.decision WHERE d.situation IN `), ids)
	rows, err = q.Add(` ORDER BY a.decision, a.party`).Query(ctx, h)
	return of, db.Each(rows, err, func(r *db.Rows) error {
		var a Agreement
		var decision, party int64
		if err := r.Scan(&decision, &party, &a.request, &a.message); err != nil {
			return err
		}
		p, ok := parties[party]
		if !ok {
			return nil
		}
		a.Party = p
		*asked = append(*asked, ask{p, a.request, a.message})
		of[decision].Asked = append(of[decision].Asked, a)
		return nil
	})
}

// settle fills what each said, and since when the decision is joint: since the last of them agreed.
func (d *Decision) settle(heard map[int64]heardOf) {
	last := time.Time{}
	for i := range d.Asked {
		a := &d.Asked[i]
		x := heard[a.message]
		a.Letter, a.Request, a.open = x.message.State, x.request, x.state == Asked || x.state == Replied
		if !x.said {
			continue
		}
		if a.Agrees = x.value("agrees"); a.Agrees == "no" && !x.reply.Concerns {
			a.Agrees = "" // who says that it does not concern it agrees to nothing and refuses nothing
		}
		a.Who, a.Note, a.SaidAt, a.SaidBy, a.Noted = x.reply.Whole["who"].Value, x.reply.Note, x.reply.At, x.reply.By, x.reply.Ours
		if a.Agrees == "yes" && a.SaidAt.After(last) {
			last = a.SaidAt
		}
	}
	if d.Joint && len(d.Asked) > 0 && d.Agreed() == len(d.Asked) {
		d.JointSince = last
	}
}

// Open tells whether the authority can still be asked.
func (a Agreement) Open() bool { return a.open && a.Letter != correspondence.Stopped }
