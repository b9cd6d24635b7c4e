package coordination

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/codebox"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// A letter that asks carries a link by which it is answered without an account (decision 0031). The house keeps the hash of its code and the public key
// that the code makes; what the link shows is sealed to that key, as with status links (decision 0007), and what is answered comes through the box of
// decision 0006. A link whose code travelled in clear mail shows no more than the letter said.

const (
	linkPurpose = "tocsin answer link v1"
	linkInfo    = "tocsin coordination shown v1"
)

// shownCode stands in a preview where the code of the link will be. It opens nothing: nobody draws it.
const shownCode = "00000000000000000000000000"

func previewCode() id.Secret { return id.SecretOf(shownCode) }

// LinkAct is what somebody says by a link about a whole letter.
type LinkAct string

// The acts of a link.
const (
	ActFixed      LinkAct = "fixed"
	ActWorking    LinkAct = "working"
	ActNotOurs    LinkAct = "not_ours"
	ActFalseAlarm LinkAct = "false_alarm"
	ActHelp       LinkAct = "help"
	ActWords      LinkAct = "words" // only what is typed
)

// LinkMeasure is a measure as a link shows it.
type LinkMeasure struct {
	UID        string       `json:"uid"`
	Title      string       `json:"title"`
	Text       string       `json:"text,omitempty"`
	State      MeasureState `json:"state"`
	PlannedFor time.Time    `json:"planned_for,omitzero"`
}

// LinkReply is an answer as a link shows it: what was said only to whom the code came unread.
type LinkReply struct {
	At    time.Time   `json:"at"`
	Reply *ReplyInput `json:"reply,omitempty"`
}

// LinkView is what a link shows of a letter.
type LinkView struct {
	Reference string        `json:"reference"`
	Lang      string        `json:"lang,omitempty"`
	TLP       string        `json:"tlp"` // without "TLP:"
	AskedAt   time.Time     `json:"asked_at"`
	DueAt     time.Time     `json:"due_at,omitzero"`
	Entire    bool          `json:"entire,omitempty"`
	Text      string        `json:"text,omitempty"` // the request
	Asks      bool          `json:"asks,omitempty"` // there is a request
	Answered  bool          `json:"answered,omitempty"`
	Set       *LinkSet      `json:"set,omitempty"`
	Replies   []LinkReply   `json:"replies,omitempty"` // newest first
	Known     []string      `json:"known,omitempty"`   // codes of the questions that have an answer
	Measures  []LinkMeasure `json:"measures,omitempty"`
	Own       bool          `json:"own,omitempty"` // an invitation or a decision: nothing in it can be somebody else's
}

// LinkSet are the typed questions of a letter.
type LinkSet struct {
	Title     Wording    `json:"title"`
	Questions []Question `json:"questions"`
}

// LinkInput is what somebody answers by a link: an act, answers to the typed questions, or both.
type LinkInput struct {
	Act        LinkAct     `json:"act,omitempty"`
	Measures   []string    `json:"measures,omitempty"` // uids; those that the act is about
	PlannedFor time.Time   `json:"planned_for,omitzero"`
	Note       string      `json:"note,omitempty"`
	Reply      *ReplyInput `json:"reply,omitempty"`
}

// Acts are what the link may say of the letter as it stands.
func (v LinkView) Acts() []LinkAct {
	var out []LinkAct
	if v.Own {
		return []LinkAct{ActHelp, ActWords}
	}
	if slices.ContainsFunc(v.Measures, func(m LinkMeasure) bool { return m.State.Owed() || m.State == Declined }) {
		out = append(out, ActFixed, ActWorking)
	}
	out = append(out, ActNotOurs)
	if slices.ContainsFunc(v.Measures, func(m LinkMeasure) bool { return m.State.Owed() }) {
		out = append(out, ActFalseAlarm)
	}
	return append(out, ActHelp, ActWords)
}

// Check tells what is wrong with an answer by a link.
func (v LinkView) Check(in LinkInput, now time.Time) error {
	var p errs.Problems
	if in.Reply != nil {
		if v.Set == nil {
			return errs.New(errs.Invalid, "this letter has no typed questions")
		}
		before := Answers{}
		for _, code := range v.Known {
			before[code] = Said{NotLooked: true} // that there is one is what counts here
		}
		p = append(p, errs.Fields(QuestionSet{Questions: v.Set.Questions}.Check(*in.Reply, before))...)
	}
	if in.Act == "" && in.Reply != nil {
		return p.Err()
	}
	if !slices.Contains(v.Acts(), in.Act) {
		p.Add("act", "error.link.act")
	}
	if !utf8.ValidString(in.Note) || strings.ContainsRune(in.Note, 0) {
		p.Add("note", "error.characters")
	} else if utf8.RuneCountInString(in.Note) > maxWords {
		p.Add("note", "error.too_long", "most", maxWords)
	}
	if in.Act == ActWords && strings.TrimSpace(in.Note) == "" {
		p.Add("note", "error.required")
	}
	if in.Act == ActFixed || in.Act == ActWorking {
		if len(in.Measures) == 0 {
			p.Add("measures", "error.link.measures")
		}
		for _, uid := range in.Measures {
			if !slices.ContainsFunc(v.Measures, func(m LinkMeasure) bool { return m.UID == uid }) {
				p.Add("measures", "error.choose")
				break
			}
		}
	}
	if in.Act == ActWorking {
		switch {
		case in.PlannedFor.IsZero():
			p.Add("planned_for", "error.required")
		case !in.PlannedFor.After(now):
			p.Add("planned_for", "error.future")
		case in.PlannedFor.After(now.AddDate(10, 0, 0)):
			p.Add("planned_for", "error.question.date")
		}
	}
	return p.Err()
}

// LookLink gives what a link shows, with nothing but the code: for processes without keys. A link that is unknown, mistyped or has ended is
// errs.ErrNotFound.
func LookLink(ctx context.Context, h db.Handle, code id.Secret) (LinkView, error) {
	var v LinkView
	if !id.Valid(code.Reveal()) {
		return v, errs.ErrNotFound
	}
	var sealed []byte
	if err := h.QueryRow(ctx, `SELECT sealed FROM coordination_shown WHERE hash = $1`, code.Hash()).Scan(&sealed); err != nil {
		return v, err
	}
	raw, err := codebox.Open(code, linkPurpose, linkInfo, sealed)
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(raw, &v)
}

// asked is a letter with what it asks.
type asked struct {
	party    Party
	thread   correspondence.Thread
	message  int64
	requests []Request
	measures []Measure
	set      *QuestionSet
}

// closed tells whether nothing in the letter can be answered any more.
func (l asked) closed() bool {
	if !l.party.WithdrawnAt.IsZero() {
		return true
	}
	return !slices.ContainsFunc(l.requests, func(r Request) bool { return r.State == Asked || r.State == Replied }) &&
		!slices.ContainsFunc(l.measures, func(m Measure) bool { return m.State.Owed() || m.State == Done || m.State == Declined })
}

// view is what a link shows of it. Replies stand in the requests.
func (l asked) view(entire bool) LinkView {
	v := LinkView{Reference: l.thread.Reference, Lang: l.thread.Correspondent.Lang, Entire: entire}
	label := tlp.Level(0)
	for _, r := range l.requests {
		v.Asks, v.Text, v.AskedAt, v.DueAt, v.Answered = true, r.Text, r.AskedAt, r.DueAt, r.State != Asked
		label = tlp.Max(label, r.TLP)
		if l.set != nil {
			v.Set, v.Own = &LinkSet{l.set.Title, l.set.Questions}, ownSet(l.set.Code)
		}
		for i, a := range r.Replies {
			x := LinkReply{At: a.At}
			if entire {
				x.Reply = &ReplyInput{NotConcerned: !a.Concerns, Answers: a.Whole, Note: a.Note}
			}
			v.Replies = append(v.Replies, x)
			if i == 0 {
				for code := range a.Whole {
					v.Known = append(v.Known, code)
				}
				slices.Sort(v.Known)
			}
		}
	}
	for _, m := range l.measures {
		if m.State == Recalled || m.State == Expired {
			continue
		}
		v.AskedAt, v.DueAt = m.GivenAt, m.DueAt
		label = tlp.Max(label, m.TLP)
		v.Measures = append(v.Measures, LinkMeasure{m.UID, m.Title, m.Text, m.State, m.PlannedFor})
	}
	v.TLP = label.Name()
	return v
}

// putLink stores a link to a letter and what it shows.
func (s *Service) putLink(ctx context.Context, tx *db.Tx, code id.Secret, l asked, entire bool) error {
	hash, public := codebox.Halves(code, linkPurpose)
	_, err := tx.Exec(ctx, `INSERT INTO coordination_link (hash, public_key, message, party, subject, entire, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		hash, public, l.message, l.party.Ref.ID, l.party.Subject.ID, entire, s.Clock.Now())
	if err != nil {
		return err
	}
	return s.shown(ctx, tx, linkRow{hash, public, l.message, l.party.Ref.ID, entire}, l.view(entire))
}

func (s *Service) shown(ctx context.Context, tx *db.Tx, row linkRow, v LinkView) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sealed, err := codebox.Seal(row.public, linkInfo, raw)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO coordination_shown (hash, sealed, shown_at) VALUES ($1, $2, $3)
		ON CONFLICT (hash) DO UPDATE SET sealed = excluded.sealed, shown_at = excluded.shown_at`, row.hash, sealed, s.Clock.Now())
	return err
}

type linkRow struct {
	hash, public   []byte
	message, party int64
	entire         bool
}

func (s *Service) links(ctx context.Context, h db.Handle, which string, arg any) ([]linkRow, error) {
	return db.All(ctx, h, func(r *db.Rows) (x linkRow, err error) {
		return x, r.Scan(&x.hash, &x.public, &x.message, &x.party, &x.entire)
	}, `SELECT hash, public_key, message, party, entire FROM coordination_link WHERE `+which+` ORDER BY made_at, hash`, arg)
}

// letterOf reads a letter with what it asks, whoever looks.
func (s *Service) letterOf(ctx context.Context, h db.Handle, message, party int64) (asked, error) {
	l := asked{message: message}
	var err error
	if l.party, err = s.loadParty(ctx, h, party); err != nil {
		return l, err
	}
	threads, err := s.Correspondence.Threads(ctx, h, l.party.Thread)
	if err != nil {
		return l, err
	}
	l.thread = threads[l.party.Thread]
	if l.requests, err = db.All(ctx, h, s.scanRequest, `SELECT `+requestColumns+` FROM object o`+requestTables+` WHERE r.message = $1 ORDER BY r.id`, message); err != nil {
		return l, err
	}
	for i := range l.requests {
		r := &l.requests[i]
		if r.QuestionSet == "" {
			continue
		}
		set, err := s.questionSet(ctx, h, r.QuestionSet, r.QuestionVersion)
		if err != nil {
			return l, err
		}
		l.set = &set
		if r.Replies, err = s.replies(ctx, h, r.Ref.ID); err != nil {
			return l, err
		}
	}
	l.measures, err = db.All(ctx, h, s.scanMeasure, `SELECT `+measureColumns+` FROM object o`+measureTables+` WHERE r.message = $1 ORDER BY r.id`, message)
	return l, err
}

// showLetter writes anew what the links of a letter show; those of a letter that can be answered no more show nothing.
func (s *Service) showLetter(ctx context.Context, tx *db.Tx, message int64) error {
	return s.showAfter(ctx, tx, message, s.over)
}

func (s *Service) showAfter(ctx context.Context, tx *db.Tx, message int64, over func(context.Context, *db.Tx, asked) (bool, error)) error {
	links, err := s.links(ctx, tx, `message = $1`, message)
	if err != nil || len(links) == 0 {
		return err
	}
	l, err := s.letterOf(ctx, tx, message, links[0].party)
	if err != nil {
		return err
	}
	ended, err := over(ctx, tx, l)
	if err != nil {
		return err
	}
	if ended {
		return s.hide(ctx, tx, `message = $1`, message)
	}
	if _, err := tx.Exec(ctx, `UPDATE coordination_link SET ended_at = NULL WHERE message = $1 AND ended_at IS NOT NULL`, message); err != nil {
		return err
	}
	for _, x := range links {
		if err := s.shown(ctx, tx, x, l.view(x.entire)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) over(ctx context.Context, tx *db.Tx, l asked) (bool, error) {
	if l.closed() {
		return true, nil
	}
	return s.rests(ctx, tx, l.party.Subject)
}

// hide ends links.
func (s *Service) hide(ctx context.Context, tx *db.Tx, which string, arg int64) error {
	if _, err := tx.Exec(ctx, `DELETE FROM coordination_shown WHERE hash IN (SELECT hash FROM coordination_link WHERE `+which+`)`, arg); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE coordination_link SET ended_at = $2 WHERE `+which+` AND ended_at IS NULL`, arg, s.Clock.Now())
	return err
}

// SubjectMovedTx lets the links of the letters about a subject end when it was closed, and open again when it was
// reopened. Who climbs a ladder leaves it.
func (s *Service) SubjectMovedTx(ctx context.Context, tx *db.Tx, subject ref.Ref, closed bool) error {
	if closed {
		if err := s.leaveAll(ctx, tx, subject); err != nil {
			return err
		}
		return s.hide(ctx, tx, `subject = $1`, subject.ID)
	}
	letters, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT DISTINCT message FROM coordination_link WHERE subject = $1 ORDER BY message`, subject.ID)
	for _, m := range letters {
		if err == nil {
			err = s.showAfter(ctx, tx, m, func(_ context.Context, _ *db.Tx, l asked) (bool, error) { return l.closed(), nil })
		}
	}
	return err
}

// againLink draws a link for a reminder of what a letter asked: only where that letter carried one, and never by a weaker road than it took.
func (s *Service) againLink(ctx context.Context, tx *db.Tx, p Party, message int64, entire bool) (id.Secret, error) {
	links, err := s.links(ctx, tx, `ended_at IS NULL AND message = $1`, message)
	if err != nil || len(links) == 0 || len(links) > mostLinks || (links[0].entire && !entire) {
		return id.Secret{}, err
	}
	l, err := s.letterOf(ctx, tx, message, p.Ref.ID)
	if err != nil {
		return id.Secret{}, err
	}
	code := id.NewCode()
	return code, s.putLink(ctx, tx, code, l, entire)
}

// mostLinks is how many links one letter has: its own, and those of reminders.
const mostLinks = 20

// End removes links that ended long ago. It gives how many.
func (s *Service) End(ctx context.Context) (int, error) {
	var n int64
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		n, err = tx.Exec(ctx, `DELETE FROM coordination_link WHERE ended_at IS NOT NULL AND ended_at < $1`, s.Clock.Now().Add(-retain.LinksFor))
		return err
	})
	return int(n), err
}

// linkActor is who acts by a link: nobody we know, for this party alone. The verbs of this file narrow it to one letter.
func linkActor(p Party, lang string) access.Actor {
	return access.Actor{Origin: access.ByLink, Strength: access.Link, Compartments: []int64{p.Compartment}, Lang: lang}
}
