package intake

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Why a report goes beyond those whom its label names.
const (
	BasisConsent = "consent" // its reporter agreed
	BasisLaw     = "law"     // a law asks us to
)

// PassLetter is the letter with which reports are passed on to another team or authority: to an organisation of the register, or to an address.
type PassLetter struct {
	Organisation string // uid; then Name, Email and Lang are what the register says
	Name         string
	Email        string
	Lang         string // in which it is written; "" is English
	Note         string // stands above what was reported
	Reporter     bool   // who reported is named
	Basis        string // one of the bases, where the label lets nobody else read
}

// PassOnInput is to whom reports are passed on.
type PassOnInput struct {
	To      string // as the reporter reads it: a code of the page, or a name
	Note    string // seen by the team alone
	Version int64  // of a single report, 0 for what is stored
	Letter  PassLetter
}

// mostListed is how many reports a letter lists; the others it counts.
const mostListed = 200

// maxQuoted is how much of the reporter's words a letter quotes, in characters.
const maxQuoted = 8000

// passing is such a letter before it is written into the outbox.
type passing struct {
	addressee
	rows []row // those that it passes on: they wait
	out  correspondence.Outgoing
	seal bool
	play bool // an exercise
}

// PreviewPassOn shows what PassOnByLetter, or a run that passes on, would send. The actor needs access.Triage. Refused: Invalid with all problems,
// NotFound when one of the reports is not seen.
func (s *Service) PreviewPassOn(ctx context.Context, by access.Actor, reports []string, in PassOnInput) (ForwardPreview, error) {
	var out ForwardPreview
	if err := by.Need(access.Triage); err != nil {
		return out, err
	}
	rows, err := s.named(ctx, s.DB, by, reports)
	if err != nil {
		return out, err
	}
	x, err := s.passing(ctx, s.DB, by, rows, in)
	if err != nil {
		return out, err
	}
	lead := x.rows[0].Report
	t := correspondence.Thread{
		Object: access.Object{TLP: x.out.TLP, Compartment: lead.Ref.ID, Sealed: x.seal, Exercise: x.play}, About: lead.Ref, Reference: "P-…", Correspondent: x.to,
	}
	seen, err := s.Correspondence.Preview(ctx, s.DB, t, x.out)
	out = ForwardPreview{Of: lead.Object, Name: x.to.Name, Email: x.to.Email, Subject: seen.Subject, Text: seen.Text, Road: x.road(seen.Road)}
	out.within(x.out)
	return out, err
}

// PassOnByLetter passes one report on with a letter, in one transaction. The letter is held like any other: stopped, or the report taken back while it
// is, and nothing was passed on. The actor needs access.Triage and access.SendOutside. Refused: Invalid with all problems, NotFound, Conflict when the
// report does not wait or is another version, Forbidden with the reason of egress.
func (s *Service) PassOnByLetter(ctx context.Context, by access.Actor, report string, in PassOnInput) (Forward, error) {
	var out Forward
	if err := by.Need(access.SendOutside); err != nil {
		return out, err
	}
	_, err := s.each(ctx, by, []string{report}, nil, in.Version, func(ctx context.Context, tx *db.Tx, r *row) (audit.Entry, error) {
		x, err := s.passing(ctx, tx, by, []row{*r}, in)
		if err != nil {
			return audit.Entry{}, err
		}
		e, err := s.passOnRow(ctx, tx, by, r, in.To, in.Note)
		if err != nil {
			return e, err
		}
		if out, err = s.handTx(ctx, tx, by, x); err != nil {
			return e, err
		}
		e.Changes = append(e.Changes, basisChange(in.Letter.Basis)...)
		e.Data = map[string]any{"message": out.Message, "forward": out.UID}
		return e, nil
	})
	return out, err
}

func basisChange(basis string) []audit.Change {
	if basis == "" {
		return nil
	}
	return []audit.Change{{Field: "basis", To: basis}}
}

// passing checks who receives what, and writes the letter about those of the reports that wait.
func (s *Service) passing(ctx context.Context, h db.Handle, by access.Actor, rows []row, in PassOnInput) (x passing, err error) {
	var p errs.Problems
	checkPassOn(&p, in.To)
	l := in.Letter
	for _, x := range []struct{ name, value string }{{"note", in.Note}, {"words", l.Note}} {
		if utf8.RuneCountInString(x.value) > maxNote {
			p.Add(x.name, "error.too_long", "most", maxNote)
		} else if !utf8.ValidString(x.value) || strings.ContainsRune(x.value, 0) {
			p.Add(x.name, "error.characters")
		}
	}
	for _, r := range rows {
		if r.State == New && !r.Destroyed {
			x.rows = append(x.rows, r)
			x.seal, x.play = x.seal || r.Sealed, x.play || r.Exercise
			x.out.TLP = tlp.Max(x.out.TLP, r.TLP)
		}
	}
	if len(x.rows) == 0 {
		return x, ErrMove
	}
	switch {
	case !slices.Contains([]string{"", BasisConsent, BasisLaw}, l.Basis):
		p.Add("basis", "error.choose")
	case l.Basis == "" && x.out.TLP >= tlp.AmberStrict:
		p.Add("basis", "error.pass_on.basis", "label", "TLP:"+x.out.TLP.Name())
	}
	switch {
	case l.Organisation != "":
		x.addressee, err = s.fromRegister(ctx, h, by, &p, l.Organisation)
	case strings.TrimSpace(l.Email) == "":
		p.Add("organisation", "error.pass_on.reader")
	default:
		x.addressee, err = s.writtenIn(ctx, h, &p, l.Name, l.Email, l.Lang)
	}
	if err == nil {
		err = p.Err()
	}
	if err != nil {
		return x, err
	}
	x.out.Kind, x.out.Under = correspondence.Letter, x.rows[0].Ref
	x.out.Subject, x.out.Text = s.passText(x, l)
	return x, nil
}

// passText is the letter in the language of who reads it. What a stranger wrote is quoted, line by line, and its links lead nowhere.
func (s *Service) passText(x passing, l PassLetter) (subject, body string) {
	p, lead := s.Correspondence.Text.For(text.Lang(x.to.Lang)).In(s.zone()), &x.rows[0]
	var b strings.Builder
	b.WriteString(p.N("mail.pass_on.why", len(x.rows), "reference", lead.Reference) + "\n")
	if note := strings.TrimSpace(l.Note); note != "" {
		b.WriteString("\n" + note + "\n")
	}
	quote := func(label, value string) {
		value = inert(value)
		if value == "" {
			return
		}
		b.WriteString("\n" + label + "\n" + mail.Quote(value) + "\n")
	}
	b.WriteString("\n" + p.T("mail.pass_on.came", "when", lead.ReceivedAt) + "\n")
	if l.Reporter {
		quote(p.T("mail.pass_on.reporter"), strings.TrimSpace(lead.Body.Name+"\n"+lead.Body.Email+"\n"+lead.Body.Phone))
		quote(p.T("mail.forward.affected"), lead.Body.OrgText)
	}
	quote(p.T("mail.pass_on.subject_was"), lead.Body.Summary)
	quote(p.T("mail.pass_on.words"), lead.Body.Description)
	var found []string
	for i, o := range lead.Body.Observables {
		if i == mostListed {
			break
		}
		found = append(found, o.Type+" "+strings.ReplaceAll(o.Value, ".", "[.]"))
	}
	quote(p.T("mail.pass_on.found"), strings.Join(found, "\n"))
	if len(x.rows) > 1 {
		b.WriteString("\n" + p.T("mail.pass_on.all") + "\n")
		for i, r := range x.rows {
			if i == mostListed {
				b.WriteString(p.N("mail.pass_on.more", len(x.rows)-mostListed) + "\n")
				break
			}
			b.WriteString("- " + r.Reference + ", " + p.DateTime(r.ReceivedAt) + "\n")
		}
	}
	b.WriteString("\n" + p.T("mail.forward.binds", "tlp", "TLP:"+x.out.TLP.Name()) + "\n")
	if !x.apart() {
		b.WriteString(p.T("mail.forward.confirm") + "\n")
	} else {
		b.WriteString(p.T("mail.pass_on.confirm") + "\n")
	}
	return p.N("mail.pass_on.subject", len(x.rows), "reference", lead.Reference), b.String()
}

// inert is what a stranger wrote, as words that lead nowhere and hide nothing.
func inert(s string) string {
	s = mail.VisibleText(strings.ReplaceAll(strings.TrimSpace(s), "\r\n", "\n"))
	if r := []rune(s); len(r) > maxQuoted {
		s = string(r[:maxQuoted]) + " …"
	}
	return mail.NoLinks(s)
}

// handTx opens the thread with who receives the reports, sends the letter, and notes which reports it passes on.
func (s *Service) handTx(ctx context.Context, tx *db.Tx, by access.Actor, x passing) (Forward, error) {
	if x.seal {
		return Forward{}, &errs.Error{Kind: errs.Forbidden, Key: egress.Sealed, Text: "what is sealed may not leave"}
	}
	lead, now := &x.rows[0], s.Clock.Now()
	t, err := s.Correspondence.OpenThreadTx(ctx, tx, by, correspondence.NewThread{
		About: lead.Ref, Compartment: x.org.Ref.ID, Apart: x.apart(), TLP: x.out.TLP, Exercise: x.play, Prefix: "P", Correspondent: x.to,
	})
	if err != nil {
		return Forward{}, err
	}
	m, err := s.sendTo(ctx, tx, by, x.addressee, t.Ref.ID, x.out)
	if err != nil {
		return Forward{}, err
	}
	f := Forward{UID: id.New(), Obligation: lead.Ref.ID, Organisation: x.org.Ref.ID, Name: x.org.Name, Thread: t.Ref.ID, Message: m.UID, At: now, SentBy: by.Account}
	if _, err := tx.Exec(ctx, `INSERT INTO intake_forward (uid, obligation, recipient, organisation, thread, message, at, sent_by) VALUES ($1, $2, '', $3, $4, $5, $6, $7)`,
		f.UID, f.Obligation, f.Organisation, f.Thread, f.Message, f.At, f.SentBy); err != nil {
		return f, err
	}
	handed := make([][]any, len(x.rows))
	for i := range x.rows {
		handed[i] = []any{f.UID, x.rows[i].Ref.ID}
	}
	return f, db.InsertMany(ctx, tx, "intake_handed", []string{"forward", "report"}, handed)
}

// Handed lists the letters with which a report was passed on that no law asks for, as far as the team sees them, oldest first.
func (s *Service) Handed(ctx context.Context, h db.Handle, by access.Actor, report string) ([]Forward, error) {
	if !by.Team() {
		return nil, errs.ErrNotFound
	}
	r, err := access.Find(ctx, h, by, ref.Report, report)
	if err != nil {
		return nil, err
	}
	q := new(db.Query).Add(`SELECT ` + forwardColumns + ` FROM intake_handed g JOIN intake_forward f ON f.uid = g.forward JOIN `)
	access.Sees(by).From(q, ref.Thread).Add(` ON o.id = f.thread WHERE g.report = ? ORDER BY f.id LIMIT 50`, r.Ref.ID)
	all, err := db.List(ctx, h, q, scanForward)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if err := s.followed(ctx, h, by, all); err != nil {
		return nil, err
	}
	var threads []int64
	for _, f := range all {
		threads = append(threads, f.Thread)
	}
	named, err := s.Correspondence.Threads(ctx, h, threads...)
	for i := range all {
		t := named[all[i].Thread]
		all[i].ThreadUID, all[i].Name = t.UID, first(all[i].Name, t.Correspondent.Name, t.Correspondent.Email)
	}
	return all, err
}

// takeBackLetter stops the letter with which this report alone was passed on, while it is held.
func (s *Service) takeBackLetter(ctx context.Context, tx *db.Tx, by access.Actor, report int64) error {
	held, err := db.All(ctx, tx, func(r *db.Rows) (x [2]string, err error) { return x, r.Scan(&x[0], &x[1]) },
		`SELECT f.uid, f.message FROM intake_forward f JOIN correspondence_message m ON m.uid = f.message
		WHERE f.obligation = $1 AND f.recipient = '' AND f.stopped_at IS NULL AND m.state IN ('held', 'waiting')
			AND NOT EXISTS (SELECT 1 FROM intake_run x WHERE x.forward = f.uid) ORDER BY f.id`, report)
	if err != nil {
		return err
	}
	for _, x := range held {
		if err := s.letterBack(ctx, tx, by, x[0], x[1]); err != nil {
			return err
		}
	}
	return nil
}

// letterBack stops a held letter whose reports the caller takes back.
func (s *Service) letterBack(ctx context.Context, tx *db.Tx, by access.Actor, forward, message string) error {
	if _, err := tx.Exec(ctx, `UPDATE intake_forward SET stopped_at = $2 WHERE uid = $1`, forward, s.Clock.Now()); err != nil {
		return err
	}
	return s.Correspondence.StopTx(ctx, tx, by, message)
}

// runLetterBack stops the letter of a run that is taken back, while it is held.
func (s *Service) runLetterBack(ctx context.Context, tx *db.Tx, by access.Actor, forward string) error {
	held, err := db.All(ctx, tx, func(r *db.Rows) (m string, err error) { return m, r.Scan(&m) },
		`SELECT f.message FROM intake_forward f JOIN correspondence_message m ON m.uid = f.message WHERE f.uid = $1 AND f.stopped_at IS NULL AND m.state IN ('held', 'waiting')`, forward)
	if err != nil || len(held) == 0 {
		return err
	}
	return s.letterBack(ctx, tx, by, forward, held[0])
}

// handedStoppedTx hears that such a letter was stopped in the outbox: what it passed on was not passed on, and waits again.
func (s *Service) handedStoppedTx(ctx context.Context, tx *db.Tx, by access.Actor, f Forward) error {
	runs, err := db.All(ctx, tx, scanRun, `SELECT `+runColumns+` FROM intake_run x WHERE x.forward = $1`+tx.ForUpdate(), f.UID)
	if err != nil {
		return err
	}
	if len(runs) > 0 {
		return s.turnTx(ctx, tx, by, runs[0], []RunState{Running, RunDone, Cancelled}, Undoing)
	}
	if _, err := access.Locked(ctx, tx, f.Obligation); err != nil {
		return err
	}
	r, err := s.byID(ctx, tx, f.Obligation)
	if err != nil || r.State != PassedOn || r.Destroyed {
		return err
	}
	e, err := s.restoreRow(ctx, tx, by, &r)
	if err != nil {
		return err
	}
	e.Data = map[string]any{"forward": f.UID}
	return s.change(ctx, tx, by, &r, e)
}

// handedConfirmed notes that who was passed a report has received it.
func (s *Service) handedConfirmed(ctx context.Context, tx *db.Tx, by access.Actor, f Forward, how correspondence.Channel, at time.Time) error {
	if _, err := access.Locked(ctx, tx, f.Obligation); err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE intake_forward SET confirmed_at = $2, confirmed_by = $3 WHERE uid = $1 AND confirmed_at IS NULL`, f.UID, at, string(how))
	if err != nil || n == 0 {
		return err
	}
	return s.Audit.Write(ctx, tx, audit.Entry{
		At: at, By: by, Verb: "intake.forward_confirmed", On: ref.Ref{Kind: ref.Report, ID: f.Obligation}, Changes: []audit.Change{{Field: "channel", To: string(how)}}, Data: map[string]any{"forward": f.UID},
	})
}
