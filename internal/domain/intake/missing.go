package intake

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Missing is what a submission left open, and when that was asked for.
type Missing struct {
	Number  int
	Set     law.Set
	Stage   law.Stage
	Fields  []law.Field
	AskedAt time.Time // zero while nobody asked
	Letter  string    // uid of the last letter; "" where a code was read out
}

// ErrNothingMissing is the Conflict of asking for what is there.
var ErrNothingMissing = &errs.Error{Kind: errs.Conflict, Key: "error.nothing_missing", Text: "nothing is missing in what was handed in"}

// ErrConcluded is the Conflict of asking a reporter whose report is concluded: its links take nothing more.
var ErrConcluded = &errs.Error{Kind: errs.Conflict, Key: "error.concluded", Text: "the report is concluded, and its links take nothing more"}

// Gaps lists what the submissions of a report that the actor sees left open, by their numbers: each as its corrections and what came later leave it.
// What an affected organisation handed in itself is its own matter.
func (s *Service) Gaps(ctx context.Context, h db.Handle, by access.Actor, report string) (map[int]Missing, error) {
	r, err := s.load(ctx, h, by, report)
	if err != nil || s.Laws == nil || r.Withheld {
		return nil, err
	}
	handed, err := s.submissions(ctx, h, `s.report = $1`, r.Ref.ID)
	if err != nil {
		return nil, err
	}
	return s.gaps(ctx, h, r.Ref.ID, handed)
}

func (s *Service) gaps(ctx context.Context, h db.Handle, report int64, handed []Submission) (map[int]Missing, error) {
	out := map[int]Missing{}
	told := common(handed)
	for _, x := range told {
		set, err := s.Laws.Set(x.Set)
		if err != nil || x.Corrects != 0 || x.Answers == nil || len(x.For) == 0 {
			continue
		}
		stage, _ := set.Stage(x.Stage)
		if fields := s.Laws.Missing(stage, Known(told, x.For[0])); len(fields) > 0 {
			out[x.Number] = Missing{Number: x.Number, Set: set, Stage: stage, Fields: fields}
		}
	}
	if len(out) == 0 {
		return out, nil
	}
	rows, err := h.Query(ctx, `SELECT number, message, at FROM intake_missing WHERE report = $1 ORDER BY id DESC LIMIT 200`, report)
	return out, db.Each(rows, err, func(r *db.Rows) error {
		var n int
		var message string
		var at time.Time
		if err := r.Scan(&n, &message, &at); err != nil {
			return err
		}
		if m, ok := out[n]; ok && m.AskedAt.IsZero() {
			m.AskedAt, m.Letter = at, message
			out[n] = m
		}
		return nil
	})
}

// gapViews is what a link shows of them: what was asked for, and of each law what was handed in last.
func gapViews(gaps map[int]Missing) []GapView {
	last := map[string]int{}
	for n, m := range gaps {
		last[m.Set.Code] = max(last[m.Set.Code], n)
	}
	var out []GapView
	for n, m := range gaps {
		if m.AskedAt.IsZero() && last[m.Set.Code] != n {
			continue
		}
		g := GapView{Number: n, AskedAt: m.AskedAt}
		for _, f := range m.Fields {
			g.Missing = append(g.Missing, f.Code)
		}
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b GapView) int { return a.Number - b.Number })
	return out
}

// MissingLetter is what AskMissing would send. The link in it is drawn when it is sent.
type MissingLetter struct {
	Missing
	Name    string // of who reads it
	To      string // the address
	Subject string
	Text    string
	Road    egress.Decision
	Answers bool // the link files what it takes at once; else a person looks at it first
}

// PreviewMissing shows what AskMissing would send, for a submission by its number. The actor needs access.Triage. Refused: NotFound, Conflict with
// nothing missing or a concluded report, Invalid where nobody can be written to.
func (s *Service) PreviewMissing(ctx context.Context, by access.Actor, report string, number int) (MissingLetter, error) {
	var out MissingLetter
	if err := by.Need(access.Triage); err != nil {
		return out, err
	}
	r, err := s.load(ctx, s.DB, by, report)
	if err != nil {
		return out, err
	}
	if out.Missing, err = s.missing(ctx, s.DB, &r, number); err != nil {
		return out, err
	}
	t, entire, err := s.asked(ctx, s.DB, &r)
	if err != nil {
		return out, err
	}
	var code id.Secret
	if t.Correspondent.Email != "" {
		code = id.SecretOf(shownCode)
	}
	seen, err := s.Correspondence.Preview(ctx, s.DB, t, missingLetter(out.Missing, code))
	out.Name, out.To, out.Subject, out.Text, out.Road, out.Answers = t.Correspondent.Name, t.Correspondent.Email, seen.Subject, seen.Text, seen.Road, entire
	return out, err
}

// shownCode stands in a preview where the code of the link will be. It opens nothing: nobody draws it.
const shownCode = "00000000000000000000000000"

// AskMissing writes to the reporter, on the thread of the report, that something is missing in a submission, with a link that asks for the rest. The
// letter is the catalogue's and quotes nothing. A link that travels in clear mail, or to an address that nobody proved, shows nothing of what was told,
// and a person looks at what comes by it (rule I9). The actor needs access.Triage and access.SendOutside. Refused: as PreviewMissing.
func (s *Service) AskMissing(ctx context.Context, by access.Actor, report string, number int) (correspondence.Message, error) {
	var m correspondence.Message
	if err := by.Need(access.Triage); err != nil {
		return m, err
	}
	if err := by.Need(access.SendOutside); err != nil {
		return m, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		gap, err := s.missing(ctx, tx, &r, number)
		if err != nil {
			return err
		}
		t, entire, err := s.asked(ctx, tx, &r)
		if err != nil {
			return err
		}
		var code id.Secret // who has no address reads it in the portal, and goes on there
		if t.Correspondent.Email != "" {
			if code, err = s.newCode(ctx, tx, &r, nil, entire); err != nil {
				return err
			}
		}
		if m, err = s.Correspondence.SendTx(ctx, tx, by, r.Thread, missingLetter(gap, code)); err != nil {
			return err
		}
		return s.askedFor(ctx, tx, by, &r, gap, m.UID)
	})
	return m, err
}

// MissingCode draws a code with which a caller goes on where something is missing in a submission, to be read out: for a report that came by telephone,
// or whose reporter left no address. To whom it is read out is for the reader to be sure of. The actor needs access.Triage. Refused: NotFound, Conflict
// with nothing missing, a concluded report, or a reporter who can be written to.
func (s *Service) MissingCode(ctx context.Context, by access.Actor, report string, number int) (id.Secret, error) {
	var code id.Secret
	if err := by.Need(access.Triage); err != nil {
		return code, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		gap, err := s.missing(ctx, tx, &r, number)
		if err != nil {
			return err
		}
		if !r.ReadOut() {
			return &errs.Error{Kind: errs.Conflict, Key: "error.read_out", Text: "a code is read out where the report came by telephone, or its reporter has no address"}
		}
		if code, err = s.newCode(ctx, tx, &r, nil, r.Channel == correspondence.ByPhone); err != nil {
			return err
		}
		return s.askedFor(ctx, tx, by, &r, gap, "")
	})
	return code, err
}

// ReadOut tells whether a code for what is missing may be read out.
func (r Report) ReadOut() bool {
	return r.Channel == correspondence.ByPhone || r.Body.Email == "" && r.Organisation == 0
}

// askedFor notes that it was asked for.
func (s *Service) askedFor(ctx context.Context, tx *db.Tx, by access.Actor, r *row, gap Missing, message string) error {
	_, err := tx.Exec(ctx, `INSERT INTO intake_missing (report, number, message, at, asked_by) VALUES ($1, $2, $3, $4, $5)`, r.Ref.ID, int64(gap.Number), message, s.Clock.Now(), by.Account)
	if err != nil {
		return err
	}
	how := "letter"
	if message == "" {
		how = "read_out"
	}
	return s.change(ctx, tx, by, r, audit.Entry{Verb: "intake.ask_missing", Changes: []audit.Change{
		{Field: "number", To: gap.Number}, {Field: "stage", To: gap.Stage.Code}, {Field: "questions", To: len(gap.Fields)}, {Field: "by", To: how},
	}, Data: map[string]any{"message": message}})
}

// missing gives what one submission left open.
func (s *Service) missing(ctx context.Context, h db.Handle, r *row, number int) (Missing, error) {
	if s.Laws == nil || r.Destroyed {
		return Missing{}, errs.ErrNotFound
	}
	handed, err := s.submissions(ctx, h, `s.report = $1`, r.Ref.ID)
	if err != nil {
		return Missing{}, err
	}
	if !slices.ContainsFunc(handed, func(x Submission) bool { return x.Number == number && x.Corrects == 0 && x.Organisation == 0 }) {
		return Missing{}, errs.ErrNotFound
	}
	if r.status() == StatusConcluded {
		return Missing{}, ErrConcluded
	}
	gaps, err := s.gaps(ctx, h, r.Ref.ID, handed)
	if err != nil {
		return Missing{}, err
	}
	gap, ok := gaps[number]
	if !ok {
		return gap, ErrNothingMissing
	}
	return gap, nil
}

// asked gives the thread on which the reporter is asked, and whether a link in the letter may open everything: it goes encrypted, to an address that
// is proved to be the reporter's. Who cannot be written to is a problem of the field "reporter".
func (s *Service) asked(ctx context.Context, h db.Handle, r *row) (correspondence.Thread, bool, error) {
	threads, err := s.Correspondence.Threads(ctx, h, r.Thread)
	if err != nil {
		return correspondence.Thread{}, false, err
	}
	t := threads[r.Thread]
	if t.Correspondent.Email == "" && t.Correspondent.Organisation == 0 {
		var p errs.Problems
		p.Add("reporter", "error.reporter_no_address")
		return t, false, p.Err()
	}
	road, err := s.Correspondence.RoadOf(ctx, h, &t, receiptLabel)
	proved := r.Proof == correspondence.Aligned || r.Proof == correspondence.SignedByKey || r.Proof.Proved() && t.Correspondent.Contact != 0 || !r.AddressProvedAt.IsZero()
	return t, road.Road == egress.Encrypted && proved, err
}

func missingLetter(gap Missing, code id.Secret) correspondence.Outgoing {
	return correspondence.Outgoing{Kind: correspondence.Ask, TLP: receiptLabel, Auto: &correspondence.Auto{Letter: correspondence.AutoMissing, Count: len(gap.Fields), Code: code}}
}

// Offered are answers that came by a link which travelled in clear mail: whoever read that mail may have written them.
type Offered struct {
	Message string // uid of the message in which they stand
	Number  int    // of the submission that they complete
	At      time.Time
	Answers law.Answers
}

func offeredPlace(message string) string { return "intake_offered.body:" + message }

// offerTx keeps answers for a person to file.
func (s *Service) offerTx(ctx context.Context, tx *db.Tx, report int64, in Later, m correspondence.Message) error {
	handed, err := s.submissions(ctx, tx, `s.report = $1 AND s.number = $2`, report, int64(in.Completes))
	if err != nil || len(handed) == 0 || handed[0].Organisation != 0 || s.Laws == nil {
		return err
	}
	raw, err := json.Marshal(s.taken(in.Answers))
	if err != nil {
		return err
	}
	key, err := s.Ring.Get(ctx, tx, report)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO intake_offered (message, report, number, at, body) VALUES ($1, $2, $3, $4, $5)`, m.UID, report, int64(in.Completes), m.At, key.Seal(offeredPlace(m.UID), raw))
	return err
}

// OfferedAnswers lists those that wait on a report that the team sees, oldest first, at most fifty.
func (s *Service) OfferedAnswers(ctx context.Context, h db.Handle, by access.Actor, report string) ([]Offered, error) {
	if !by.Team() {
		return nil, errs.ErrNotFound
	}
	r, err := s.load(ctx, h, by, report)
	if err != nil || r.Destroyed {
		return nil, err
	}
	return s.offered(ctx, h, r.Ref.ID, "")
}

func (s *Service) offered(ctx context.Context, h db.Handle, report int64, message string) ([]Offered, error) {
	key, err := s.Ring.Get(ctx, h, report)
	if err != nil {
		return nil, err
	}
	return db.All(ctx, h, func(r *db.Rows) (o Offered, err error) {
		var sealed []byte
		if err := r.Scan(&o.Message, &o.Number, &o.At, &sealed); err != nil {
			return o, err
		}
		raw, err := key.Open(offeredPlace(o.Message), sealed)
		if err != nil {
			return o, err
		}
		return o, json.Unmarshal(raw, &o.Answers)
	}, `SELECT message, number, at, body FROM intake_offered WHERE report = $1 AND settled_at IS NULL AND ($2 = '' OR message = $2) ORDER BY at LIMIT 50`, report, message)
}

// TakeOffered files offered answers as what completes the submission that they are for, as of when they came, and lets their message count as the
// reporter's; or, with take false, sets them aside: the message stays as it is. The actor needs access.Triage and access.WorkCases. Refused: NotFound,
// Conflict when they tell nothing new.
func (s *Service) TakeOffered(ctx context.Context, by access.Actor, report, message string, take bool) error {
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		if message == "" || !clean(message) {
			return errs.ErrNotFound
		}
		all, err := s.offered(ctx, tx, r.Ref.ID, message)
		if err != nil {
			return err
		}
		if len(all) != 1 {
			return errs.ErrNotFound
		}
		if _, err := tx.Exec(ctx, `UPDATE intake_offered SET settled_at = $2 WHERE message = $1`, message, s.Clock.Now()); err != nil {
			return err
		}
		if !take {
			return s.change(ctx, tx, by, &r, audit.Entry{Verb: "intake.set_aside", Data: map[string]any{"message": message}})
		}
		if err := s.Correspondence.ReleaseTx(ctx, tx, by, message); err != nil && !errs.Is(err, errs.Conflict) {
			return err // a Conflict: somebody let it count before
		}
		handed, err := s.submissions(ctx, tx, `s.report = $1`, r.Ref.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(handed, func(x Submission) bool { return x.Number == all[0].Number })
		if i < 0 {
			return errs.ErrNotFound
		}
		set, err := s.Laws.Set(handed[i].Set)
		if err != nil {
			return err
		}
		in := SubmitInput{Stage: handed[i].Stage, ToldAt: all[0].At, Message: message, Channel: correspondence.ByLink, Completes: all[0].Number, Answers: all[0].Answers}
		if _, _, err := s.submitTx(ctx, tx, by, &r, set, in, nil); err != nil {
			return err
		}
		return s.afterStage(ctx, tx, by, &r, true)
	})
}
