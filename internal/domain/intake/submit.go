package intake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// MaxAffected bounds the organisations that one submission names.
const MaxAffected = 500

// SubmitInput is a stage to be filed.
type SubmitInput struct {
	Set       string
	Stage     string
	ToldAt    time.Time // when we were first told; zero: when its message came, or now. The team alone says so
	Message   string    // uid of the message of the report's thread that it was in; "" for none
	Channel   correspondence.Channel
	Corrects  int      // number of the submission that it corrects; 0 for none
	Completes int      // number of the submission whose gaps the answers fill: a correction that keeps all else; 0 for none
	Affected  []string // uids of organisations; none: the reporter's own. The team alone names others
	Class     string   // of entity; "" leaves what is known
	Answers   law.Answers

	own *Obligation // an affected organisation files for itself, on a report that somebody else made
}

// Submit files a stage under a law, for each affected organisation, and brings its clocks to what is owed now. What comes late or incomplete is
// filed all the same. A correction names the submission that it corrects and is for the same organisations. The actor needs access.Triage, or
// access.FileReport and to see the report, and then files for himself and as of now. Refused: Invalid with all problems, NotFound.
func (s *Service) Submit(ctx context.Context, by access.Actor, report string, in SubmitInput) (Submission, error) {
	team := by.Can(access.Triage)
	if !team {
		if err := by.Need(access.FileReport); err != nil {
			return Submission{}, err
		}
		in.ToldAt, in.Message, in.Affected = time.Time{}, "", nil
		in.Channel = correspondence.ByPortal
		if by.Origin == access.ByAPI {
			in.Channel = correspondence.ByAPI
		}
	}
	set, err := s.validSubmission(in)
	if err != nil {
		return Submission{}, err
	}
	var out Submission
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		if in.Message != "" {
			m, err := s.messageOf(ctx, tx, by, &r, in.Message)
			if err != nil {
				return err
			}
			in.Channel = m.Channel
			if in.ToldAt.IsZero() {
				in.ToldAt = m.At
			}
		}
		affected, err := s.affected(ctx, tx, by, &r, in.Affected)
		if err != nil {
			return err
		}
		if out, _, err = s.submitTx(ctx, tx, by, &r, set, in, affected); err != nil {
			return err
		}
		if err := s.oweAnswer(ctx, tx, by, &r, set.Code); err != nil {
			return err
		}
		return s.afterStage(ctx, tx, by, &r, team)
	})
	return out, err
}

// afterStage brings a report up to a stage that was filed: one that did not come from the team is an answer that somebody reads.
func (s *Service) afterStage(ctx context.Context, tx *db.Tx, by access.Actor, r *row, team bool) error {
	if !team && r.State != New {
		r.AnswerCame = true
		if err := s.requeue(ctx, tx, r); err != nil {
			return err
		}
		if err := s.update(ctx, tx, r); err != nil {
			return err
		}
	}
	if err := access.Touch(ctx, tx, r.Ref.ID, s.Clock.Now()); err != nil {
		return err
	}
	return s.showTx(ctx, tx, r.Ref.ID)
}

func (s *Service) validSubmission(in SubmitInput) (law.Set, error) {
	var p errs.Problems
	var set law.Set
	var err error
	if s.Laws == nil {
		return set, errs.ErrNotFound
	}
	if set, err = s.Laws.Set(in.Set); err != nil || set.Nature == law.Pointer {
		p.Add("rule_set", "error.choice")
		return set, p.Err()
	}
	if !s.Laws.Has(set.Code, in.Stage) {
		p.Add("stage", "error.choice")
	}
	if in.Class != "" && !slices.ContainsFunc(set.Classes, func(c law.Class) bool { return c.Code == in.Class }) {
		p.Add("class", "error.choice")
	}
	if !channels[in.Channel] && in.Message == "" {
		p.Add("channel", "error.choice")
	}
	now := s.Clock.Now()
	if in.ToldAt.After(now.Add(slack)) {
		p.Add("told_at", "error.past")
	} else if !in.ToldAt.IsZero() && in.ToldAt.Year() < 1990 {
		p.Add("told_at", "error.date")
	}
	if in.Corrects != 0 && in.Completes != 0 {
		p.Add("completes", "error.choice")
	}
	if len(in.Affected) > MaxAffected {
		p.Add("affected", "error.too_many", "most", MaxAffected)
	}
	s.Laws.Check(&p, in.Answers, now)
	return set, p.Err()
}

// messageOf gives a message that came in on the report's thread.
func (s *Service) messageOf(ctx context.Context, tx *db.Tx, by access.Actor, r *row, uid string) (correspondence.Message, error) {
	all, err := s.Correspondence.Messages(ctx, tx, by, r.Thread)
	if err != nil {
		return correspondence.Message{}, err
	}
	i := slices.IndexFunc(all, func(m correspondence.Message) bool { return m.UID == uid && m.Direction == correspondence.In })
	if i < 0 {
		return correspondence.Message{}, errs.ErrNotFound
	}
	return all[i], nil
}

// affected gives the organisations that are named, as far as the actor sees them (rule A3); none is the reporter's own.
func (s *Service) affected(ctx context.Context, tx *db.Tx, by access.Actor, r *row, uids []string) ([]int64, error) {
	if len(uids) == 0 {
		return []int64{r.Organisation}, nil
	}
	var out []int64
	for _, uid := range uids {
		o, err := access.Find(ctx, tx, by, ref.Organisation, uid)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, o.Ref.ID) {
			out = append(out, o.Ref.ID)
		}
	}
	return out, nil
}

// submitTx files a stage on a report that the transaction holds.
func (s *Service) submitTx(ctx context.Context, tx *db.Tx, by access.Actor, r *row, set law.Set, in SubmitInput, affected []int64) (Submission, []deadline.Clock, error) {
	now := s.Clock.Now()
	if in.ToldAt.IsZero() {
		in.ToldAt = now
	}
	before, err := s.submissions(ctx, tx, `s.report = $1`, r.Ref.ID)
	if err != nil {
		return Submission{}, nil, err
	}
	x := Submission{
		UID: id.New(), Report: r.Ref.ID, Number: len(before) + 1, Set: set.Code, Version: set.Version, Stage: in.Stage, ToldAt: in.ToldAt.UTC(), FiledAt: now, FiledBy: by.Account,
		Channel: in.Channel, Message: in.Message,
	}
	if in.own != nil {
		x.Organisation = in.own.Organisation
	}
	if err := s.follows(&x, set, in, before); err != nil {
		return x, nil, err
	}
	var opened []Obligation
	switch {
	case x.Corrects != 0:
	case in.own != nil:
		x.For = []int64{in.own.Ref.ID}
	default:
		var err error
		if x.For, opened, err = s.beginObligations(ctx, tx, r, set, affected, in.Class); err != nil {
			return x, nil, err
		}
	}
	if err := s.insertSubmission(ctx, tx, &x); err != nil {
		return x, nil, err
	}
	if x.Organisation == 0 { // a receipt is drawn for who made the report
		if err := s.askSheet(ctx, tx, by, r, x.Number); err != nil {
			return x, nil, err
		}
	}
	for _, o := range opened {
		if err := s.obligationChanged(ctx, tx, by, r, o, audit.Entry{Verb: "intake.oblige", Changes: []audit.Change{
			{Field: "rule_set", To: o.Set.Code}, {Field: "version", To: o.Set.Version}, {Field: "class", To: o.Class},
		}}); err != nil {
			return x, nil, err
		}
	}
	told := x.Answers
	if x.Corrects != 0 { // what it says as before is not said anew: it would undo what the team corrected since
		last := LastOf(before, x.Corrects).Answers
		told = maps.Clone(told)
		maps.DeleteFunc(told, func(code, v string) bool { return last[code] == v })
	}
	if err := s.crimeTold(ctx, tx, r, told); err != nil {
		return x, nil, err
	}
	clocks, err := s.submitted(ctx, tx, by, r, x, s.Laws.Facts(told))
	return x, clocks, err
}

// follows fills in the answers of a submission and, where it corrects or completes one of the same filer, which that is. To complete keeps what was said
// and is not said anew.
func (s *Service) follows(x *Submission, set law.Set, in SubmitInput, before []Submission) error {
	x.Answers = law.Answers{}
	for code, v := range in.Answers {
		if v != "" {
			x.Answers[code] = v
		}
	}
	number := max(in.Corrects, in.Completes)
	if number == 0 {
		return nil
	}
	i := slices.IndexFunc(before, func(b Submission) bool {
		return b.Number == number && b.Set == set.Code && b.Stage == x.Stage && b.Organisation == x.Organisation
	})
	if i < 0 {
		return errs.ErrNotFound
	}
	x.Corrects, x.corrects, x.For = number, before[i].id, before[i].For
	if in.Completes == 0 {
		return nil
	}
	stage, _ := set.Stage(x.Stage)
	told, more := s.Laws.Complete(stage, LastOf(before, number).Answers, x.Answers)
	if !more {
		return ErrNothingNew
	}
	x.Answers = told
	return nil
}

// ErrNothingNew is the Conflict of completing what was handed in with nothing that was not there.
var ErrNothingNew = &errs.Error{Kind: errs.Conflict, Key: "error.nothing_new", Text: "the answers tell nothing that is not there already"}

// LastOf gives a submission of a report as its last correction left it.
func LastOf(all []Submission, number int) Submission {
	root := map[int]int{}
	var out Submission
	for _, x := range all {
		root[x.Number] = x.Number
		if r, ok := root[x.Corrects]; ok && x.Corrects != 0 {
			root[x.Number] = r
		}
		if root[x.Number] == root[number] || x.Number == number {
			out = x
		}
	}
	return out
}

func (s *Service) insertSubmission(ctx context.Context, tx *db.Tx, x *Submission) error {
	raw, err := json.Marshal(x.Answers)
	if err != nil {
		return err
	}
	key, err := s.Ring.Get(ctx, tx, x.Report)
	if err != nil {
		return err
	}
	x.sealed = key.Seal(submissionPlace(x.UID), raw)
	sum := sha256.Sum256(x.sealed) // of what is kept: short answers could be guessed from a hash of their own, which outlives them
	x.Sum = sum[:]
	err = tx.QueryRow(ctx, `INSERT INTO intake_submission (uid, report, number, rule_set, rule_version, stage, told_at, filed_at, filed_by, channel, message, corrects, sum, body, organisation, shared)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id`, x.UID, x.Report, x.Number, x.Set, x.Version, x.Stage, x.ToldAt, x.FiledAt,
		x.FiledBy, string(x.Channel), x.Message, x.corrects, x.Sum, x.sealed, x.Organisation, x.Shared).Scan(&x.id)
	if err != nil {
		return err
	}
	rows := make([][]any, len(x.For))
	for i, o := range x.For {
		rows[i] = []any{x.id, o}
	}
	return db.Copy(ctx, tx, "intake_submitted", []string{"submission", "obligation"}, rows)
}

// submitted writes the moments that a submission told, records it, and brings the clocks of each of its obligations up to it.
func (s *Service) submitted(ctx context.Context, tx *db.Tx, by access.Actor, r *row, x Submission, told []law.Fact) ([]deadline.Clock, error) {
	list, err := s.within(ctx, tx, `b.report = $1`, r.Ref.ID)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(o Obligation) bool { return !slices.Contains(x.For, o.Ref.ID) })
	if err := s.fill(ctx, tx, list); err != nil {
		return nil, err
	}
	moments, err := s.tellMoments(ctx, tx, by, list, told, x.id)
	if err != nil {
		return nil, err
	}
	if moments {
		for i := range list {
			list[i].Facts, list[i].Handed = nil, nil
		}
		if err := s.fill(ctx, tx, list); err != nil {
			return nil, err
		}
	}
	for _, o := range list {
		e := audit.Entry{Verb: "intake.submit", Changes: []audit.Change{
			{Field: "stage", To: x.Stage}, {Field: "rule_set", To: x.Set}, {Field: "told_at", To: x.ToldAt}, {Field: "sha256", To: hex.EncodeToString(x.Sum)},
		}, Data: map[string]any{"submission": x.UID, "number": x.Number}}
		if x.Corrects != 0 {
			e.Verb = "intake.correct"
			e.Changes = append(e.Changes, audit.Change{Field: "corrects", To: x.Corrects})
		}
		if owed, ok := o.Find(x.Stage); ok && x.Corrects == 0 && owed.State == law.Met && owed.Late(time.Time{}) {
			e.Changes = append(e.Changes, audit.Change{Field: "late", To: true})
		}
		if err := s.obligationChanged(ctx, tx, by, r, o, e); err != nil {
			return nil, err
		}
	}
	return s.keepClocks(ctx, tx, by, r, list...)
}

// tellMoments notes what a submission tells of moments, for each of its obligations that does not know it so; false when there is nothing new.
func (s *Service) tellMoments(ctx context.Context, tx *db.Tx, by access.Actor, list []Obligation, told []law.Fact, submission int64) (bool, error) {
	var rows [][]any
	now := s.Clock.Now()
	for _, f := range told {
		var ids []int64
		for _, o := range list {
			if had := inForce(o.Facts, OfMoment, string(f.Moment)); had == nil || !had.At.Equal(f.At) {
				ids = append(ids, o.Ref.ID)
				rows = append(rows, []any{id.New(), o.Ref.ID, string(OfMoment), string(f.Moment), f.At.UTC(), now, by.Account, submission})
			}
		}
		if len(ids) == 0 {
			continue
		}
		q := new(db.Query).Add(`UPDATE intake_fact SET ended_at = ? WHERE kind = ? AND code = ? AND ended_at IS NULL AND obligation IN `, now, string(OfMoment), string(f.Moment))
		if _, err := db.In(q, ids).Exec(ctx, tx); err != nil {
			return false, err
		}
	}
	return len(rows) > 0, db.Copy(ctx, tx, "intake_fact", []string{"uid", "obligation", "kind", "code", "at", "said_at", "said_by", "submission"}, rows)
}

// say writes a fact; one of the same kind and code that was in force ends, but for what may stand several times.
func (s *Service) say(ctx context.Context, tx *db.Tx, by access.Actor, o *Obligation, f Fact, submission int64) error {
	f.UID, f.SaidAt, f.SaidBy = id.New(), s.Clock.Now(), by.Account
	if !(f.Kind == OfRequest || f.Kind == OfMoment && (f.Code == string(law.Suspended) || f.Code == string(law.Resumed))) {
		if _, err := tx.Exec(ctx, `UPDATE intake_fact SET ended_at = $4 WHERE obligation = $1 AND kind = $2 AND code = $3 AND ended_at IS NULL`,
			o.Ref.ID, string(f.Kind), f.Code, f.SaidAt); err != nil {
			return err
		}
	}
	var note []byte
	if f.Note != "" {
		key, err := s.Ring.Get(ctx, tx, o.Report)
		if err != nil {
			return err
		}
		note = key.Seal(factPlace(f.UID), []byte(f.Note))
	}
	_, err := tx.Exec(ctx, `INSERT INTO intake_fact (uid, obligation, kind, code, at, due_at, said_at, said_by, submission, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		f.UID, o.Ref.ID, string(f.Kind), f.Code, f.At.UTC(), f.DueAt, f.SaidAt, f.SaidBy, submission, note)
	return err
}

// inForce gives the fact of a kind and code that holds now.
func inForce(facts []Fact, kind FactKind, code string) *Fact {
	for i := range slices.Backward(facts) {
		if f := &facts[i]; f.Kind == kind && f.Code == code && f.EndedAt.IsZero() {
			return f
		}
	}
	return nil
}

// lawOf gives the set and stage under which a report is handed in, by what it says of itself; false for none. "NIS2" is the national act where there
// is one here, else the directive. A stage that the set does not have is taken as its first: early and incomplete beats refused.
func (s *Service) lawOf(b Body) (set law.Set, stage string, ok bool) {
	name := strings.TrimSpace(b.Fields["law"])
	if s.Laws == nil || name == "" {
		return set, "", false
	}
	set, err := s.Laws.Set(strings.ToLower(name))
	if err != nil {
		if !strings.EqualFold(name, "NIS2") {
			return set, "", false
		}
		for _, x := range s.Laws.Sets() {
			if x.Nature == law.Mandatory && (x.Code == "eu-nis2" || x.Country == strings.ToUpper(s.Country)) {
				set = x // the Union's come first
			}
		}
	}
	if set.Code == "" || set.Nature == law.Pointer {
		return set, "", false
	}
	stage = b.Fields["stage"]
	if _, known := set.Stage(stage); !known {
		stage = set.Stages[0].Code
	}
	return set, stage, true
}

// answersOf gives the answers that a report tells, by the codes of their fields.
func (s *Service) answersOf(in ReceiveInput) law.Answers {
	b := in.Body
	out := law.Answers{
		"entity": b.OrgText, "contact_name": b.Name, "contact_email": b.Email, "contact_phone": b.Phone, "summary": cmp.Or(b.Description, b.Summary),
		"malicious": b.Fields["suspected_malicious"], "cross_border": b.Fields["cross_border"], "root_cause": b.Fields["root_cause"], "determined_at": b.Fields["determined_at"],
		"started_at": b.Fields["impact_started_at"], "ended_at": b.Fields["impact_ended_at"], "users_affected": b.Fields["impact.users"],
	}
	for name, at := range map[string]time.Time{"aware_at": in.AwareAt, "detected_at": in.DetectedAt} {
		if !at.IsZero() {
			out[name] = at.UTC().Format(time.RFC3339)
		}
	}
	for code := range b.Fields {
		if _, ok := s.Laws.Field(code); ok && out[code] == "" {
			out[code] = b.Fields[code]
		}
	}
	for code, v := range out { // what a question does not take stays in the original
		var p errs.Problems
		if s.Laws.Check(&p, law.Answers{code: v}, s.Clock.Now()); v == "" || len(p) > 0 || utf8.RuneCountInString(v) > law.MaxAnswer {
			delete(out, code)
		}
	}
	return out
}

// StageName gives the words for what a clock of a rule set asks, with the number of its round; false for other clocks.
func (s *Service) StageName(set, kind, lang string) (string, bool) {
	if s.Laws == nil {
		return "", false
	}
	return s.Laws.Names(set, kind, lang)
}
