package intake

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
)

// RuleJob does what a rule has to do with a report.
type RuleJob struct {
	Rule   int64 `json:"rule"`
	Report int64 `json:"report"`
}

// Kind names the job.
func (RuleJob) Kind() string { return "intake.rule" }

// WorkRule does what a rule has to do with a report, as who saved it last and with the rights that person has now. A report that a person was at first is
// left alone. What cannot be stands on the rule, and the report waits in the queue; only what may pass is an error. It may run twice and does not mind.
func (s *Service) WorkRule(ctx context.Context, j RuleJob) error {
	rule, err := s.ruleOf(ctx, s.DB, `WHERE id = $1`, j.Rule)
	if errs.Is(err, errs.NotFound) || err == nil && !rule.On {
		return nil
	}
	if err == nil {
		err = s.workRule(ctx, rule, j.Report)
	}
	if err == nil || ctx.Err() != nil || errs.Is(err, errs.Unavailable) || errs.Is(err, errs.Limit) {
		return err
	}
	return s.noteProblem(ctx, j.Rule, errs.Of(err).String(), s.Clock.Now())
}

func (s *Service) workRule(ctx context.Context, rule Rule, report int64) error {
	by, err := s.Who(ctx, s.DB, rule.ChangedBy)
	if err != nil {
		return err
	}
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	seen, err := s.ByID(ctx, s.DB, by, report)
	if err != nil {
		return err
	}
	r, ok := seen[report]
	if !ok || r.State != New || r.Destroyed {
		return nil
	}
	do := rule.Do
	if !rule.fits(&r, r.never()) { // it was changed since
		return nil
	}
	if do.Handler != 0 && r.Handler == 0 {
		if _, err := s.Assign(ctx, by, r.UID, do.Handler); err != nil {
			return err
		}
	}
	if len(do.Letters) > 0 {
		if err := s.answerByRule(ctx, by, rule, r); err != nil {
			return err
		}
	}
	switch {
	case do.Incident != "" && s.AttachTo != nil:
		return s.AttachTo(ctx, by, do.Incident, []string{r.UID})
	case do.Place == PlaceReject:
		_, err := s.reject(ctx, by, []string{r.UID}, Rejection{Reason: do.Reason, Note: rule.Name, Tell: do.Tell, rule: rule.UID})
		return err
	}
	return nil
}

// answerByRule writes the letter of a rule. It goes to proved people only, is automatic mail by the road of its label, and meets no clock: where we owe the answer of a person the
// report waits on, else it is answered.
func (s *Service) answerByRule(ctx context.Context, by access.Actor, rule Rule, r Report) error {
	if !r.Proof.Proved() || r.Body.Mail == nil || r.Body.Mail.Silent || len(r.Body.Mail.Kinds) > 0 {
		return nil
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		row, err := s.loadForChange(ctx, tx, by, r.UID)
		if err != nil || row.State != New {
			return err
		}
		done, err := s.ruleWrote(ctx, tx, row.Thread)
		if err != nil || done {
			return err
		}
		// Its words are about the mails that the rule fits, and perhaps the incident that it attaches them to: no receipt.
		m, err := s.letterTx(ctx, tx, by, &row, rule.Do.Letters, correspondence.Outgoing{ByRule: true, Worded: true})
		if err != nil {
			return err
		}
		clocks, err := s.Deadlines.Running(ctx, tx, FirstAnswer, row.Ref.ID)
		if err != nil {
			return err
		}
		from := row.State
		if _, owed := clocks[row.Ref.ID]; !owed && rule.Do.Incident == "" {
			if err := row.move(Answered); err != nil {
				return err
			}
		}
		e := moved("intake.reply", from, &row, "")
		e.Data = map[string]any{"message": m, "rule": rule.UID}
		return s.change(ctx, tx, by, &row, e)
	})
}

// ruleWrote tells whether a rule has written on a thread already.
func (s *Service) ruleWrote(ctx context.Context, tx *db.Tx, thread int64) (bool, error) {
	var n int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE thread = $1 AND direction = 2 AND automatic = TRUE AND kind = $2`, thread, string(correspondence.Letter)).Scan(&n)
	return n > 0, err
}

// letterTx writes the reporter a letter in its language, English for every other; it gives the uid, "" when nobody can be written to. A rule fills in no
// name: that is the reporter's own word, and nobody reads the letter before it leaves.
func (s *Service) letterTx(ctx context.Context, tx *db.Tx, by access.Actor, r *row, letters map[string]Words, out correspondence.Outgoing) (string, error) {
	threads, err := s.Correspondence.Threads(ctx, tx, r.Thread)
	if err != nil {
		return "", err
	}
	t := threads[r.Thread]
	if t.Correspondent.Email == "" && t.Compartment == r.Ref.ID {
		return "", nil
	}
	words, ok := letters[t.Correspondent.Lang]
	if !ok || strings.TrimSpace(words.Text) == "" || strings.TrimSpace(words.Subject) == "" {
		words = letters["en"]
	}
	name := t.Correspondent.Name
	if name == "" {
		name = t.Correspondent.Email
	}
	if out.ByRule {
		name = ""
	}
	pointer := ""
	if strings.Contains(words.Text, "{pointer}") {
		if pointer, err = s.pointer(ctx, tx, r.Report, t.Correspondent.Lang); err != nil {
			return "", err
		}
	}
	fill := strings.NewReplacer("{name}", strings.Join(strings.Fields(name), " "), "{reference}", r.Reference, "{pointer}", pointer)
	out.Kind, out.TLP, out.Subject, out.Text = correspondence.Letter, r.TLP, strings.ReplaceAll(words.Subject, "{reference}", r.Reference), fill.Replace(words.Text)
	list, err := s.Correspondence.SendPlannedTx(ctx, tx, by, 0, []correspondence.Addressed{{Thread: r.Thread, Outgoing: out}})
	if err != nil {
		return "", err
	}
	return list[0].UID, nil
}

// pointer gives to whom somebody turns who is not entitled to what a report asks of us, in the words of the table or else in ours.
func (s *Service) pointer(ctx context.Context, h db.Handle, r Report, lang string) (string, error) {
	e, err := s.Entitled(ctx, h, r)
	if err != nil || e.Pointer(lang) != "" {
		return e.Pointer(lang), err
	}
	p := s.Correspondence.Text.For(text.Lang(lang))
	if e.Service == "vulnerability" {
		return p.T("mail.pointer.vulnerability"), nil
	}
	return p.T("mail.pointer.incident_response"), nil
}

// TrialLine is a mail of the past that a rule would have fitted.
type TrialLine struct {
	Report  Report
	Before  string // name of a rule before it that would have acted instead
	Differs bool   // what became of it is something else than what the rule would have done
}

// Trial is what a rule would have done.
type Trial struct {
	From    time.Time
	Looked  int           // mails that the reader sees
	More    bool          // there were more than are looked at
	Fits    int           // of those
	Differs int           // of those
	Kept    int           // would fit, but nobody sets them aside: known, encrypted, signed
	States  map[State]int // what became of those that fit
	Lines   []TrialLine   // the newest, those that differ first
}

const (
	trialDays  = 90
	trialMails = 5000
	trialLines = 100
)

// TryRule says what a rule would have done with the mails of the last days, 90 at most: as far as the reader may see them. Nothing changes. The actor needs
// access.ReadCases and access.ChangeRules. Refused: Invalid as by SaveRule.
func (s *Service) TryRule(ctx context.Context, by access.Actor, x Rule, days int) (Trial, error) {
	var out Trial
	if err := by.Need(access.ReadCases); err != nil {
		return out, err
	}
	if err := by.Need(access.ChangeRules); err != nil {
		return out, err
	}
	x, err := s.CheckRule(ctx, s.DB, x)
	if err != nil {
		return out, err
	}
	sieve, err := s.Sieve(ctx, s.DB)
	if err != nil {
		return out, err
	}
	before := sieve.rules
	if i := slices.IndexFunc(before, func(r Rule) bool { return r.UID == x.UID }); i >= 0 {
		before = before[:i]
	}
	out.From, out.States = s.Clock.Now().AddDate(0, 0, -min(max(days, 1), trialDays)), map[State]int{}
	domains := map[string]bool{}
	f := QueueFilter{Limit: 200}
	for out.Looked < trialMails {
		page, err := s.List(ctx, by, f)
		if err != nil {
			return out, err
		}
		for i := range page.Items {
			r := &page.Items[i]
			if r.CreatedAt.Before(out.From) {
				return out.sorted(), nil
			}
			if r.Channel != correspondence.ByMail || r.Destroyed {
				continue
			}
			out.Looked++
			if err := s.try(ctx, &out, x, before, r, domains); err != nil {
				return out, err
			}
		}
		if f.After = page.Next; f.After == "" {
			return out.sorted(), nil
		}
	}
	out.More = true
	return out.sorted(), nil
}

func (s *Service) try(ctx context.Context, out *Trial, x Rule, before []Rule, r *Report, domains map[string]bool) error {
	l := lookAt(r)
	if !x.fitsLook(&l, "") {
		return nil
	}
	never := r.never()
	if _, domain, ok := strings.Cut(strings.ToLower(r.Body.Email), "@"); ok && never == "" && x.Do.aside() && r.Proof.Proved() {
		ours, known := domains[domain]
		if !known {
			owners, err := s.Constituency.Owners(ctx, s.DB, access.System("intake"), domain, time.Time{})
			if err != nil {
				return err
			}
			ours = len(owners) > 0
			domains[domain] = ours
		}
		if ours {
			never = NeverDomain
		}
	}
	if x.Do.aside() && never != "" {
		out.Kept++
		return nil
	}
	line := TrialLine{Report: *r}
	if i := slices.IndexFunc(before, func(b Rule) bool { return b.fitsLook(&l, never) }); i >= 0 {
		line.Before = before[i].Name
	} else {
		out.Fits++
		out.States[r.State]++
		line.Differs = x.differs(r)
		if line.Differs {
			out.Differs++
		}
	}
	out.Lines = append(out.Lines, line)
	return nil
}

// differs tells whether a person, or another rule, did something else with a mail than this rule would have done.
func (x *Rule) differs(r *Report) bool {
	switch {
	case x.Do.Place == PlaceReject:
		return r.State == Linked || r.State == Answered || r.State == PassedOn || r.State == Rejected && r.Reason != x.Do.Reason
	case x.Do.Place == PlaceSpam:
		return r.State == Linked || r.State == Answered || r.State == PassedOn
	case x.Do.Place == PlaceKeep:
		return r.State == Spam || r.State == Rejected
	case x.Do.Incident != "":
		return r.State == Rejected || r.State == PassedOn
	case len(x.Do.Letters) > 0:
		return r.State == Rejected || r.State == PassedOn
	}
	return false
}

func (t Trial) sorted() Trial {
	slices.SortStableFunc(t.Lines, func(a, b TrialLine) int {
		switch {
		case a.Differs == b.Differs:
			return 0
		case a.Differs:
			return -1
		}
		return 1
	})
	t.Lines = t.Lines[:min(len(t.Lines), trialLines)]
	return t
}

// ruled names the rule in the entry of an act.
func ruled(e audit.Entry, rule string) audit.Entry {
	if rule != "" {
		e.Data = map[string]any{"rule": rule}
	}
	return e
}
