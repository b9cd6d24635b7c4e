package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// A run is one act of triage over many reports. It is decided in one transaction and done by a job in small ones, each of which notes what it did: killed
// anywhere, it goes on where it was, and does nothing twice.

// RunState is where a run stands.
type RunState string

// The states of a run.
const (
	Running   RunState = "running"
	RunDone   RunState = "done"
	Cancelled RunState = "cancelled" // what was done stays done
	Undoing   RunState = "undoing"
	Undone    RunState = "undone"
)

// What a run does.
const (
	RunReject = "reject"
	RunAnswer = "answer"
	RunAttach = "attach"
	RunPassOn = "pass_on"
)

// Words is a letter in one language. {name} stands for the reporter's name, {reference} for the reference of the report.
type Words struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// RunInput is one act over many reports, by uid: rejecting them for a reason, or answering each reporter in its language.
type RunInput struct {
	Action   string
	Reports  []string
	Reason   string           // of a rejection
	Note     string           // seen by the team alone
	Incident string           // number of the one that they are attached to
	To       string           // to whom they are passed on; their reporters read it
	Pass     *PassLetter      // the letter that passes them on; nil records it alone
	Letters  map[string]Words // of an answer, by language; English for every other language
	Unproved bool             // answer those too whose sender is not proved
}

// Run is how far an act over many reports came.
type Run struct {
	ID        int64
	UID       string
	Lead      int64
	Action    string
	State     RunState
	Account   int64
	StartedAt time.Time
	EndedAt   time.Time
	All       int
	Done      int
	Left      int // for a reason of their own
	Undone    int
	Why       map[string]int // how many were left for which reason, a catalogue key

	lang    string
	mass    int64
	forward string // uid of the letter that passes them on
	sealed  []byte
}

// Waits tells whether its letters wait for a second person (rule O5).
func (r Run) Waits() bool { return r.mass != 0 }

type runBody struct {
	Reason  string           `json:"reason,omitempty"`
	Note    string           `json:"note,omitempty"`
	Letters map[string]Words `json:"letters,omitempty"`

	Incident string `json:"incident,omitempty"`
	To       string `json:"to,omitempty"`
}

// RunJob does what is left of a run.
type RunJob struct {
	Run int64 `json:"run"`
}

// Kind names the job.
func (RunJob) Kind() string { return "intake.run" }

// mostRun is how many reports a run takes.
const mostRun = 5000

// runBatch is how many reports one transaction of a run takes: few enough that mail is filed in between.
const runBatch = 20

// Reader is one reporter of an answer to many, and what becomes of it.
type Reader struct {
	Report Report
	Name   string
	Lang   string
	Why    string // why it gets none, as a catalogue key; "" gets the letter
}

// Readers says who would get an answer to these reports, in which language, and who none and why: the preview of a run. The actor needs access.Triage.
func (s *Service) Readers(ctx context.Context, by access.Actor, reports []string, unproved bool) ([]Reader, error) {
	if err := by.Need(access.Triage); err != nil {
		return nil, err
	}
	rows, err := s.named(ctx, s.DB, by, reports)
	if err != nil {
		return nil, err
	}
	return s.readers(ctx, s.DB, rows, unproved)
}

func (s *Service) readers(ctx context.Context, h db.Handle, rows []row, unproved bool) ([]Reader, error) {
	var ids []int64
	for i := range rows {
		ids = append(ids, rows[i].Thread)
	}
	out := make([]Reader, 0, len(rows))
	for some := range slices.Chunk(ids, 500) {
		threads, err := s.Correspondence.Threads(ctx, h, some...)
		if err != nil {
			return nil, err
		}
		for i := range some {
			r := &rows[len(out)]
			t := threads[some[i]]
			x := Reader{Report: r.Report, Name: t.Correspondent.Name, Lang: t.Correspondent.Lang}
			if x.Name == "" {
				x.Name = t.Correspondent.Email
			}
			switch {
			case r.Destroyed:
				x.Why = "desk.run.left.destroyed"
			case r.State != New:
				x.Why = "desk.run.left.settled"
			case t.Correspondent.Email == "" && t.Compartment == r.Ref.ID:
				x.Why = "desk.run.left.no_address"
			case r.Proof == correspondence.Forged:
				x.Why = "desk.run.left.forged"
			case !r.Proof.Proved() && !unproved:
				x.Why = "desk.run.left.unproved"
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// named reads reports by uid under the actor's scope, in the order in which they came; one that is not seen is NotFound for all.
func (s *Service) named(ctx context.Context, h db.Handle, by access.Actor, uids []string) ([]row, error) {
	uids = slices.Compact(slices.Sorted(slices.Values(uids)))
	var out []row
	for some := range slices.Chunk(uids, 64) {
		q := new(db.Query).Add(`SELECT ` + reportColumns + ` FROM `)
		access.Sees(by).From(q, ref.Report).Add(joins).Add(` WHERE o.uid IN `)
		rows, err := db.List(ctx, h, db.In(q, some), scanRow)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	if len(out) != len(uids) {
		return nil, errs.ErrNotFound
	}
	slices.SortFunc(out, func(a, b row) int { return int(a.Ref.ID - b.Ref.ID) })
	for i := range out {
		if err := s.open(&out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// letterHole is something in a letter that was to be filled in.
var letterHole = regexp.MustCompile(`\{[a-z_]{1,40}\}`)

func (in *RunInput) check(reasons []Reason) error {
	var p errs.Problems
	if len(in.Reports) == 0 || len(in.Reports) > mostRun {
		p.Add("reports", "error.too_many", "most", mostRun)
	}
	if utf8.RuneCountInString(in.Note) > maxNote {
		p.Add("note", "error.too_long", "most", maxNote)
	}
	switch in.Action {
	case RunReject:
		checkReason(&p, reasons, in.Reason, in.Note)
	case RunAnswer:
		if w := in.Letters["en"]; strings.TrimSpace(w.Text) == "" || strings.TrimSpace(w.Subject) == "" {
			p.Add("text", "error.required")
		}
		for _, lang := range slices.Sorted(maps.Keys(in.Letters)) {
			for _, hole := range letterHole.FindAllString(in.Letters[lang].Subject+in.Letters[lang].Text, -1) {
				if hole != "{name}" && hole != "{reference}" && hole != correspondence.HoleAdded {
					p.Add("text-"+lang, "error.run.hole", "hole", hole)
					break
				}
			}
		}
	case RunAttach:
		if strings.TrimSpace(in.Incident) == "" {
			p.Add("incident", "error.required")
		}
	case RunPassOn:
		checkPassOn(&p, in.To)
	default:
		p.Add("action", "error.choose")
	}
	return p.Err()
}

// StartRun begins an act over many reports. The actor needs access.Triage, and access.SendOutside for an answer and for a letter that passes them on; where the brake of rule O5 holds, it proves
// afresh who it is and a second person releases the letters. Refused: Invalid with all fields, NotFound when one of the reports is not seen.
func (s *Service) StartRun(ctx context.Context, by access.Actor, in RunInput) (Run, error) {
	if err := by.Need(access.Triage); err != nil {
		return Run{}, err
	}
	if in.Action != RunPassOn {
		in.Pass = nil
	}
	if in.Action == RunAnswer || in.Pass != nil {
		if err := by.Need(access.SendOutside); err != nil {
			return Run{}, err
		}
	}
	reasons, err := s.Reasons(ctx, s.DB)
	if err != nil {
		return Run{}, err
	}
	if err := in.check(reasons); err != nil {
		return Run{}, err
	}
	rows, err := s.named(ctx, s.DB, by, in.Reports)
	if err != nil {
		return Run{}, err
	}
	run := Run{UID: id.New(), Lead: rows[0].Ref.ID, Action: in.Action, State: Running, Account: by.Account, StartedAt: s.Clock.Now(), All: len(rows)}
	why := make([]string, len(rows))
	var threads []int64
	var label tlp.Level
	if in.Action == RunAnswer {
		readers, err := s.readers(ctx, s.DB, rows, in.Unproved)
		if err != nil {
			return Run{}, err
		}
		for i, r := range readers {
			if why[i] = r.Why; r.Why == "" {
				threads, label = append(threads, r.Report.Thread), tlp.Max(label, r.Report.TLP)
			}
		}
		if len(threads) == 0 {
			var p errs.Problems
			p.Add("unproved", "error.run.nobody")
			return Run{}, p.Err()
		}
	}
	raw, err := json.Marshal(runBody{in.Reason, in.Note, in.Letters, in.Incident, in.To})
	if err != nil {
		return Run{}, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if len(threads) > 0 {
			if run.mass, err = s.Correspondence.PlanTx(ctx, tx, by, rows[0].Ref, threads, label); err != nil {
				return err
			}
		}
		if in.Pass != nil {
			if run.forward, err = s.passRun(ctx, tx, by, rows, in); err != nil {
				return err
			}
		}
		key, err := s.Ring.Get(ctx, tx, run.Lead)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `INSERT INTO intake_run (uid, lead, action, state, account, lang, mass, forward, started_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`,
			run.UID, run.Lead, run.Action, string(run.State), run.Account, by.Lang, run.mass, run.forward, run.StartedAt, key.Seal(runPlace(run.UID), raw)).Scan(&run.ID); err != nil {
			return err
		}
		items := make([][]any, len(rows))
		for i := range rows {
			state := 0
			if why[i] != "" {
				state = 2
			}
			items[i] = []any{run.ID, i, rows[i].Ref.ID, state, why[i]}
		}
		if err := db.InsertMany(ctx, tx, "intake_run_item", []string{"run", "place", "report", "state", "reason"}, items); err != nil {
			return err
		}
		if err := s.runEntry(ctx, tx, by, run, "intake.run", audit.Change{Field: "action", To: run.Action}, audit.Change{Field: "reports", To: len(rows)}); err != nil {
			return err
		}
		return s.Jobs.Insert(ctx, tx, RunJob{run.ID}, job.Options{Lane: job.House})
	})
	return run, err
}

func (s *Service) runEntry(ctx context.Context, tx *db.Tx, by access.Actor, run Run, verb string, changes ...audit.Change) error {
	return s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: verb, On: ref.Ref{Kind: ref.Report, ID: run.Lead}, Changes: changes, Data: map[string]any{"run": run.UID}})
}

func runPlace(uid string) string { return "intake_run.body:" + uid }

func scanRun(r *db.Rows) (x Run, err error) {
	return x, r.Scan(&x.ID, &x.UID, &x.Lead, &x.Action, (*string)(&x.State), &x.Account, &x.StartedAt, &x.EndedAt, &x.lang, &x.mass, &x.forward, &x.sealed)
}

const runColumns = `x.id, x.uid, x.lead, x.action, x.state, x.account, x.started_at, x.ended_at, x.lang, x.mass, x.forward, x.body`

// GetRun says how far a run is. Who may not see its lead does not find it.
func (s *Service) GetRun(ctx context.Context, by access.Actor, uid string) (Run, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return Run{}, err
	}
	run, err := s.run(ctx, s.DB, by, uid, "")
	if err != nil {
		return run, err
	}
	rows, err := s.DB.Query(ctx, `SELECT state, reason, COUNT(*) FROM intake_run_item WHERE run = $1 GROUP BY state, reason`, run.ID)
	run.Why = map[string]int{}
	return run, db.Each(rows, err, func(r *db.Rows) error {
		var state, n int
		var reason string
		if err := r.Scan(&state, &reason, &n); err != nil {
			return err
		}
		run.All += n
		switch state {
		case 1:
			run.Done += n
		case 2:
			run.Left += n
			run.Why[reason] += n
		case 3:
			run.Undone += n
		}
		return nil
	})
}

func (s *Service) run(ctx context.Context, h db.Handle, by access.Actor, uid, lock string) (Run, error) {
	run, err := db.One(ctx, h, scanRun, `SELECT `+runColumns+` FROM intake_run x WHERE x.uid = $1`+lock, uid)
	if err == nil {
		_, err = access.Load(ctx, h, by, ref.Ref{Kind: ref.Report, ID: run.Lead})
	}
	return run, err
}

// WorkRun does what is left of a run, as the person who asked for it and with the rights it has now. It may run twice and does not mind.
func (s *Service) WorkRun(ctx context.Context, n int64) error {
	for {
		more, err := s.runSome(ctx, n)
		if err != nil || !more {
			return err
		}
	}
}

type item struct {
	place, report int64
	message       string
}

// runSome does a batch in one transaction; when one of its reports cannot be, each has its own.
func (s *Service) runSome(ctx context.Context, n int64) (more bool, err error) {
	more, err = s.runBatch(ctx, n, runBatch, false)
	if err == nil || ctx.Err() != nil || errs.Is(err, errs.Unavailable) {
		return more, err
	}
	return s.runBatch(ctx, n, 1, true)
}

func (s *Service) runBatch(ctx context.Context, n int64, size int, alone bool) (more bool, err error) {
	var failed error
	var at item
	var todo []item
	var link linking
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		more, failed, todo = false, nil, nil
		run, err := db.One(ctx, tx, scanRun, `SELECT `+runColumns+` FROM intake_run x WHERE x.id = $1`+tx.ForUpdate(), n)
		if err != nil || (run.State != Running && run.State != Undoing) {
			return err
		}
		from := int64(0)
		if run.State == Undoing {
			from = 1
		}
		items, err := db.All(ctx, tx, func(r *db.Rows) (i item, err error) { return i, r.Scan(&i.place, &i.report, &i.message) },
			`SELECT place, report, message FROM intake_run_item WHERE run = $1 AND state = $2 ORDER BY place LIMIT $3`, run.ID, from, size)
		if err != nil {
			return err
		}
		by, err := s.Who(ctx, tx, run.Account)
		if err != nil {
			return err
		}
		if len(items) == 0 {
			return s.endRun(ctx, tx, by, run)
		}
		more = true
		if alone {
			at = items[0]
		}
		body, err := s.runBody(ctx, tx, run)
		if err != nil {
			return err
		}
		if run.Action == RunAttach {
			todo, link = items, linking{run: run, by: by, incident: body.Incident}
			return nil
		}
		for _, i := range items {
			if failed = s.runOne(ctx, tx, by, run, body, i); failed != nil {
				return failed
			}
		}
		return nil
	})
	if err == nil && len(todo) > 0 {
		failed = s.runLinks(ctx, link, todo)
		err = failed
	}
	if failed == nil || !alone || ctx.Err() != nil || errs.Is(failed, errs.Unavailable) || errs.Of(failed) == errs.Internal {
		return more, err
	}
	// This one cannot be: it is left, for the reason, and stops no other.
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE intake_run_item SET state = 2, reason = $3 WHERE run = $1 AND place = $2`, n, at.place, "desk.run.left."+errs.Of(failed).String())
		return err
	})
	return true, err
}

func (s *Service) endRun(ctx context.Context, tx *db.Tx, by access.Actor, run Run) error {
	to := RunDone
	if run.State == Undoing {
		to = Undone
	}
	if err := s.Correspondence.PlannedTx(ctx, tx, run.mass); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE intake_run SET state = $2, ended_at = $3 WHERE id = $1`, run.ID, string(to), s.Clock.Now()); err != nil {
		return err
	}
	return s.runEntry(ctx, tx, by, run, "intake.run", audit.Change{Field: "state", From: string(run.State), To: string(to)})
}

func (s *Service) runBody(ctx context.Context, tx *db.Tx, run Run) (b runBody, err error) {
	key, err := s.Ring.Get(ctx, tx, run.Lead)
	if err != nil {
		return b, err
	}
	raw, err := key.Open(runPlace(run.UID), run.sealed)
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return b, fmt.Errorf("read run: %w", err)
	}
	return b, nil
}
