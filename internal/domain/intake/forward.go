package intake

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// ForwardInput is what is passed on, and to whom.
type ForwardInput struct {
	Recipient    string // code, of the rule set
	Organisation string // uid of the authority in the register; "" for one that is written in
	Name, Email  string // of one that is not in the register
	Lang         string // in which it is written to; "" is English
	Checked      string // how the address was checked, and by what
	Note         string // of who passes it on, for the authority
}

// Forward is a letter that passed submissions on to a recipient by law.
type Forward struct {
	UID          string
	Obligation   int64
	Recipient    string
	Organisation int64
	Name         string // of the organisation, or of the authority as it was written in
	Email        string // of one that was written in; "" for one of the register
	Thread       int64
	ThreadUID    string // where Handed gave it
	Message      string // uid of the letter
	At           time.Time
	SentBy       int64
	StoppedAt    time.Time // the letter was stopped before it left
	SentAt       time.Time // it left
	ReadAt       time.Time // portal: by mail alone it is not known
	ConfirmedAt  time.Time
	ConfirmedBy  string // ByPortal, ByMail, ByPhone; "" while nobody did
	messages     []correspondence.Message
}

// Messages gives what was written on its thread, as far as the reader may see it, oldest first.
func (f Forward) Messages() []correspondence.Message { return f.messages }

// ForwardPreview is exactly what the authority would get.
type ForwardPreview struct {
	Name    string // of who reads it
	Email   string
	Subject string
	Text    string
	Road    egress.Decision
	Of      access.Object // the report whose words it quotes, where PreviewPassOn gave it
	Inside  string        // what waits on a page of ours, when the mail is a notice without content
}

// within shows what was written, where the mail itself would not say it or does not leave.
func (x *ForwardPreview) within(out correspondence.Outgoing) {
	switch x.Road.Road {
	case egress.Notice:
		x.Inside = out.Text
	case egress.Refused:
		x.Subject, x.Text = out.Subject, out.Text
	}
}

// forwarding is a letter to an authority before it is written into the outbox.
type forwarding struct {
	addressee
	out     correspondence.Outgoing
	checked string // how the address was checked, of one that is not in the register
}

// PreviewForward shows what Forward would send. The actor needs access.Triage. Refused: Invalid with all problems, NotFound.
func (s *Service) PreviewForward(ctx context.Context, by access.Actor, obligation string, in ForwardInput) (ForwardPreview, error) {
	var out ForwardPreview
	if err := by.Need(access.Triage); err != nil {
		return out, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { // it changes nothing: the obligation is read as Forward reads it
		o, r, err := s.obligation(ctx, tx, by, obligation)
		if err != nil {
			return err
		}
		f, err := s.forwarding(ctx, tx, by, r, o, in)
		if err != nil {
			return err
		}
		t := correspondence.Thread{Object: access.Object{TLP: r.TLP, Compartment: cmp.Or(f.org.Ref.ID, r.Ref.ID), Sealed: o.Sealed, Exercise: o.Exercise}, About: o.Ref, Reference: "P-…", Correspondent: f.to} // drawn when it is opened
		seen, err := s.Correspondence.Preview(ctx, tx, t, f.out)
		out = ForwardPreview{Name: f.to.Name, Email: f.to.Email, Subject: seen.Subject, Text: seen.Text, Road: f.road(seen.Road)}
		out.within(f.out)
		return err
	})
	return out, err
}

// Forward passes what was handed in under an obligation on to a recipient by law: a letter to an organisation of the register, on a thread of its
// compartment, under the reporter's label. It meets our clock for that recipient; stopping the letter in the outbox lets the clock run again. The
// actor needs access.Triage and access.SendOutside. Refused: Invalid with all problems, NotFound, Forbidden with the reason of egress.
func (s *Service) Forward(ctx context.Context, by access.Actor, obligation string, in ForwardInput) (Forward, error) {
	var out Forward
	if err := by.Need(access.SendOutside); err != nil {
		return out, err
	}
	_, err := s.fact(ctx, by, obligation, "", nil, func(ctx context.Context, tx *db.Tx, r *row, o *Obligation) (audit.Entry, error) {
		f, err := s.forwarding(ctx, tx, by, *r, *o, in)
		if err != nil {
			return audit.Entry{}, err
		}
		thread, err := s.forwardThread(ctx, tx, by, *r, *o, f)
		if err != nil {
			return audit.Entry{}, err
		}
		m, err := s.sendTo(ctx, tx, by, f.addressee, thread, f.out)
		if err != nil {
			return audit.Entry{}, err
		}
		now := s.Clock.Now()
		out = Forward{UID: id.New(), Obligation: o.Ref.ID, Recipient: in.Recipient, Organisation: f.org.Ref.ID, Name: f.org.Name, Thread: thread, Message: m.UID, At: now, SentBy: by.Account}
		_, err = tx.Exec(ctx, `INSERT INTO intake_forward (uid, obligation, recipient, organisation, thread, message, at, sent_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			out.UID, out.Obligation, out.Recipient, out.Organisation, out.Thread, out.Message, out.At, out.SentBy)
		if err != nil {
			return audit.Entry{}, err
		}
		e := audit.Entry{Verb: "intake.forward", Changes: []audit.Change{{Field: "recipient", To: law.Base(in.Recipient)}, {Field: "organisation", To: f.org.Name}}, Data: map[string]any{"message": m.UID, "forward": out.UID}}
		if f.checked != "" {
			e.Changes = append(e.Changes, audit.Change{Field: "email", To: f.to.Email}, audit.Change{Field: "checked", To: f.checked})
		}
		if inForce(o.Facts, OfPassing, in.Recipient) != nil { // once more: the first time counts
			return e, nil
		}
		return e, s.say(ctx, tx, by, o, Fact{Kind: OfPassing, Code: in.Recipient, At: now}, 0)
	})
	return out, err
}

// forwarding checks who receives what, and writes the letter.
func (s *Service) forwarding(ctx context.Context, tx *db.Tx, by access.Actor, r row, o Obligation, in ForwardInput) (f forwarding, err error) {
	var p errs.Problems
	if !slices.ContainsFunc(o.Owed, func(x law.Owed) bool { return x.Team && x.Key() == in.Recipient }) {
		p.Add("recipient", "error.choice")
	}
	if utf8.RuneCountInString(in.Note) > maxNote {
		p.Add("note", "error.too_long", "most", maxNote)
	} else if !utf8.ValidString(in.Note) || strings.ContainsRune(in.Note, 0) {
		p.Add("note", "error.characters")
	}
	if in.Organisation == "" && in.Name+in.Email+in.Checked != "" { // a person says how the address was checked
		if f.addressee, err = s.writtenIn(ctx, tx, &p, in.Name, in.Email, in.Lang); strings.TrimSpace(in.Name) == "" {
			p.Add("name", "error.required")
		}
		if f.checked = checkLine(&p, "checked", in.Checked); f.checked == "" {
			p.Add("checked", "error.required")
		}
	} else {
		f.addressee, err = s.fromRegister(ctx, tx, by, &p, in.Organisation)
	}
	if err == nil {
		err = p.Err()
	}
	if err != nil {
		return f, err
	}
	handed, err := s.submissions(ctx, tx, `s.report = $1`, o.Report)
	if err != nil {
		return f, err
	}
	affected := r.Body.OrgText
	if o.Organisation != 0 {
		named, err := s.Constituency.ByID(ctx, tx, o.Organisation)
		if err != nil {
			return f, err
		}
		affected = first(named[o.Organisation].Name, affected)
	}
	f.out = correspondence.Outgoing{Kind: correspondence.Letter, TLP: r.TLP, Under: r.Ref}
	f.out.Subject, f.out.Text = s.forwardText(f.to.Lang, r.Report, o, in, affected, handed)
	return f, nil
}

func first(s ...string) string {
	for _, x := range s {
		if x != "" {
			return x
		}
	}
	return ""
}

// forwardText is the letter in the language of who reads it: why it comes, what was handed in, and what binds its reader.
func (s *Service) forwardText(lang string, r Report, o Obligation, in ForwardInput, affected string, handed []Submission) (subject, body string) {
	p := s.Correspondence.Text.For(text.Lang(lang)).In(s.zone())
	recipient, _ := o.Set.Recipient(in.Recipient)
	var b strings.Builder
	b.WriteString(p.T("mail.forward.why", "law", o.Set.Cites(recipient.Article), "name", o.Set.Name.In(lang), "reference", r.Reference) + "\n")
	if note := strings.TrimSpace(in.Note); note != "" {
		b.WriteString("\n" + note + "\n")
	}
	line := func(label, value string) {
		b.WriteString(label + "\n  " + strings.ReplaceAll(strings.TrimSpace(value), "\n", "\n  ") + "\n")
	}
	b.WriteString("\n")
	line(p.T("mail.forward.affected"), first(affected, p.T("common.not_known_yet")))
	for _, x := range handed {
		if !slices.Contains(x.For, o.Ref.ID) {
			continue
		}
		stage, _ := o.Set.Stage(x.Stage)
		b.WriteString("\n" + p.T("mail.forward.stage", "stage", stage.Name.In(lang), "when", p.DateTime(x.ToldAt), "sum", x.UID[:8]) + "\n")
		if x.Corrects != 0 {
			b.WriteString(p.T("mail.forward.corrects", "number", strconv.Itoa(x.Corrects)) + "\n")
		}
		for _, f := range s.Laws.Asked(stage) {
			if a := x.Answers[f.Code]; a != "" {
				line(f.Label.In(lang), first(AnswerWords(p, f, a), p.T("common.not_known_yet")))
			}
		}
	}
	b.WriteString("\n" + p.T("mail.forward.binds", "tlp", "TLP:"+r.TLP.Name()) + "\n" + p.T("mail.forward.confirm") + "\n")
	return p.T("mail.forward.subject", "reference", r.Reference, "law", o.Set.Short), b.String()
}

func (s *Service) zone() *time.Location {
	if s.Calendar != nil {
		return s.Calendar.Zone()
	}
	return time.UTC
}

// forwardThread gives the thread on which this authority was written to before, or opens one.
func (s *Service) forwardThread(ctx context.Context, tx *db.Tx, by access.Actor, r row, o Obligation, f forwarding) (int64, error) {
	there, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT thread FROM intake_forward WHERE obligation = $1 AND organisation = $2 ORDER BY id LIMIT 100`, o.Ref.ID, f.org.Ref.ID)
	if err != nil {
		return 0, err
	}
	if f.apart() && len(there) > 0 { // of those that were written in, the one with this address
		threads, err := s.Correspondence.Threads(ctx, tx, there...)
		if err != nil {
			return 0, err
		}
		there = slices.DeleteFunc(there, func(n int64) bool { return !strings.EqualFold(threads[n].Correspondent.Email, f.to.Email) })
	}
	if len(there) > 0 {
		return there[0], nil
	}
	t, err := s.Correspondence.OpenThreadTx(ctx, tx, by, correspondence.NewThread{
		About: o.Ref, Compartment: f.org.Ref.ID, Apart: f.apart(), TLP: r.TLP, Exercise: o.Exercise, Prefix: "P", Correspondent: f.to,
	})
	if err != nil || !o.Sealed {
		return t.Ref.ID, err
	}
	under := o.Ref
	if o.SealedUnder != 0 {
		under.ID = o.SealedUnder
	}
	return t.Ref.ID, access.SealTx(ctx, tx, under, s.Clock.Now(), t.Ref.ID)
}

const forwardColumns = `f.uid, f.obligation, f.recipient, f.organisation, f.thread, f.message, f.at, f.sent_by, f.stopped_at, f.confirmed_at, f.confirmed_by`

func scanForward(r *db.Rows) (f Forward, err error) {
	return f, r.Scan(&f.UID, &f.Obligation, &f.Recipient, &f.Organisation, &f.Thread, &f.Message, &f.At, &f.SentBy, &f.StoppedAt, &f.ConfirmedAt, &f.ConfirmedBy)
}

// followed fills what became of the letters.
func (s *Service) followed(ctx context.Context, h db.Handle, by access.Actor, all []Forward) error {
	if len(all) == 0 {
		return nil
	}
	var threads, orgs []int64
	for _, f := range all {
		threads, orgs = append(threads, f.Thread), append(orgs, f.Organisation)
	}
	slices.Sort(threads)
	named, err := s.Constituency.ByID(ctx, h, orgs...)
	if err != nil {
		return err
	}
	opened, err := s.Correspondence.Threads(ctx, h, slices.Compact(slices.Clone(threads))...)
	if err != nil {
		return err
	}
	messages, err := s.Correspondence.Messages(ctx, h, by, slices.Compact(threads)...)
	if err != nil {
		return err
	}
	for i := range all {
		f := &all[i]
		if f.Name = named[f.Organisation].Name; f.Organisation == 0 {
			f.Name, f.Email = opened[f.Thread].Correspondent.Name, opened[f.Thread].Correspondent.Email
		}
		for _, m := range messages {
			if m.Thread != f.Thread {
				continue
			}
			f.messages = append(f.messages, m)
			if m.UID == f.Message {
				f.SentAt, f.ReadAt = m.SentAt, m.SeenAt
			}
		}
	}
	return nil
}

// obliged gives an obligation and its report, locked, past any scope: whoever calls has found what leads there.
func (s *Service) obliged(ctx context.Context, tx *db.Tx, obligation int64) (Obligation, row, error) {
	all, err := s.within(ctx, tx, `b.id = $1`, obligation)
	if err != nil || len(all) == 0 {
		return Obligation{}, row{}, orNotFound(err)
	}
	if _, err := access.Locked(ctx, tx, all[0].Report); err != nil {
		return Obligation{}, row{}, err
	}
	r, err := s.byID(ctx, tx, all[0].Report)
	return all[0], r, err
}
