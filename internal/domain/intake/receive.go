package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Receive takes a report: anybody may. It is on disk when Receive returns; the receipt is queued with it when the sender is proved.
func (s *Service) Receive(ctx context.Context, by access.Actor, in ReceiveInput) (Received, error) {
	in = asWho(by, in)
	if err := Validate(in, s.Clock.Now()); err != nil {
		return Received{}, err
	}
	files, err := s.keep(ctx, in.Files)
	if err != nil {
		return Received{}, err
	}
	var out Received
	in = s.Ready(by, in, files)
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		out, err = s.receive(ctx, tx, by, in, files)
		return err
	})
	return out, err
}

// ReceiveTx is Receive inside a transaction, with files stored before (correspondence.StoreFiles, owner 0 or the arrival); the mailroom calls
// it with SortedTx.
func (s *Service) ReceiveTx(ctx context.Context, tx *db.Tx, by access.Actor, in ReceiveInput, files []correspondence.File) (Received, error) {
	in = asWho(by, in)
	if err := Validate(in, s.Clock.Now()); err != nil {
		return Received{}, err
	}
	return s.receive(ctx, tx, by, in, files)
}

// keep stores the files of a form or an API post before the transaction.
func (s *Service) keep(ctx context.Context, files []correspondence.FileIn) ([]correspondence.File, error) {
	return s.keepUpTo(ctx, MaxUploadBytes, files)
}

func (s *Service) keepUpTo(ctx context.Context, most int64, files []correspondence.FileIn) ([]correspondence.File, error) {
	var total int64
	for _, f := range files {
		n, err := f.Content.Seek(0, io.SeekEnd)
		if errs.Fields(err) != nil { // it was not taken, and says why
			return nil, err
		}
		if err != nil {
			return nil, errs.Wrap(errs.Invalid, "a file cannot be read", err)
		}
		total += n
	}
	if total > most {
		var p errs.Problems
		p.Add("files", "error.files_too_large", "most", most>>20)
		return nil, p.Err()
	}
	return s.Correspondence.StoreFiles(ctx, 0, files)
}

// asWho lets nobody say more about himself than he proved: a stranger claims, who signed in is himself, one of us took it down. Only the
// house's own "intake" hands on what it checked.
func asWho(by access.Actor, in ReceiveInput) ReceiveInput {
	if by.System == "" {
		in.Body.Reported, in.Body.Handed, in.Body.Mail, in.Body.Class, in.Aside, in.Same, in.Placed, in.Unlisted = nil, nil, nil, "", "", "", Placed{}, false
	}
	switch {
	case by.System != "":
	case by.Account == 0:
		in.Proof, in.Organisation, in.Contact, in.Arrival = min(in.Proof, correspondence.Claimed), 0, 0, 0
	case by.Can(access.Triage):
		in.Proof, in.Arrival = correspondence.ByHand, 0
	default:
		in.Proof, in.Organisation, in.Contact, in.Arrival = correspondence.SignedIn, by.Organisation, 0, 0
	}
	if !by.Can(access.Triage) || in.Channel != correspondence.ByPhone {
		in.CalledAt, in.Offline, in.Crime = time.Time{}, "", false
	}
	if in.Seal == "" {
		in.Seal = correspondence.Plain
	}
	if in.Lang == "" {
		in.Lang = by.Lang
	}
	if in.Lang == "" {
		in.Lang = "en"
	}
	return in
}

// visible shows control and bidirectional characters as what they are, as in a mail (rule M11): a summary that turns the line around could pass for
// what we say beside it. What was sent stays as it was in the original.
func (b Body) visible() Body {
	for _, s := range []*string{&b.Summary, &b.Name, &b.Email, &b.Phone, &b.OrgText, &b.Ongoing, &b.Kind, &b.Type} {
		*s = mail.Visible(*s)
	}
	b.Description = mail.FormText(b.Description)
	fields := b.Fields
	b.Fields = nil
	for k, v := range fields {
		if b.Fields == nil {
			b.Fields = map[string]string{}
		}
		b.Fields[mail.Visible(k)] = mail.FormText(v)
	}
	b.Affected = slices.Clone(b.Affected)
	for i, name := range b.Affected {
		b.Affected[i] = mail.Visible(name)
	}
	b.Observables = slices.Clone(b.Observables)
	for i, o := range b.Observables {
		b.Observables[i] = Observable{mail.Visible(o.Type), mail.Visible(o.Value)}
	}
	return b
}

// reporter is who reports, as far as it is proved.
type reporter struct {
	organisation constituency.Organisation
	contact      constituency.Contact
	known        bool // the contact's own address wrote, or it is the contact of who signed in
}

// match finds the organisation and contact. An address alone never makes a known contact (rule M4).
func (s *Service) match(ctx context.Context, h db.Handle, by access.Actor, in ReceiveInput) (reporter, error) {
	var who reporter
	if in.Contact != 0 {
		c, err := s.Constituency.ContactByID(ctx, h, in.Contact)
		if err != nil {
			return who, err
		}
		who.contact, who.known = c, true
		if in.Organisation != 0 && in.Organisation != c.Organisation {
			return who, errs.ErrNotFound
		}
		in.Organisation = c.Organisation
	} else if in.Body.Email != "" && in.Proof.Proved() && !in.Unlisted {
		c, err := s.Constituency.ContactByEmail(ctx, h, in.Body.Email)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return who, err
		}
		if err == nil && (in.Organisation == 0 || in.Organisation == c.Organisation) && (by.System != "" || by.Team() || by.Organisation == c.Organisation) {
			who.contact, who.known, in.Organisation = c, true, c.Organisation
		}
	}
	if in.Organisation == 0 {
		return who, nil
	}
	if in.Organisation != by.Organisation { // the id came with the input: whoever names an organisation must be able to see it (rule A3)
		if _, err := access.Load(ctx, h, by, ref.Ref{Kind: ref.Organisation, ID: in.Organisation}); err != nil {
			return who, err
		}
	}
	all, err := s.Constituency.ByID(ctx, h, in.Organisation)
	if err != nil {
		return who, err
	}
	who.organisation = all[in.Organisation]
	return who, nil
}

// begin writes the object, its data key and its thread.
func (s *Service) begin(ctx context.Context, tx *db.Tx, by access.Actor, in ReceiveInput, who reporter) (o access.Object, t correspondence.Thread, err error) {
	now := s.Clock.Now()
	reference := in.Reference
	if reference == "" {
		if reference, err = drawReference(ctx, tx, now.Year()); err != nil {
			return o, t, err
		}
	}
	label := tlp.Unlabelled
	if in.TLP != "" {
		if label, err = tlp.Parse(in.TLP); err != nil {
			return o, t, err
		}
	}
	o = access.Object{Ref: ref.Ref{Kind: ref.Report}, Number: reference, Realm: access.Team, TLP: label, Compartment: who.organisation.Ref.ID}
	if o.Compartment == 0 {
		o.Compartment = access.Apart // a lone reporter: nobody but the holder of its code
	}
	if err := access.Protect(ctx, tx, &o, now); err != nil {
		return o, t, err
	}
	if _, err := s.Ring.Create(ctx, tx, o.Ref.ID, now); err != nil {
		return o, t, err
	}
	c := correspondence.Correspondent{
		Name: in.Body.Name, Email: in.Body.Email, Phone: in.Body.Phone, Lang: in.Lang,
		Organisation: who.organisation.Ref.ID, Contact: who.contact.ID,
	}
	if who.known && c.Email == "" {
		c.Email = who.contact.Email
	}
	if who.known && c.Name == "" {
		c.Name = who.contact.Name
	}
	if who.known && who.contact.Lang != "" {
		c.Lang = who.contact.Lang
	}
	t, err = s.Correspondence.OpenThreadTx(ctx, tx, by, correspondence.NewThread{
		About: o.Ref, Fresh: true, Compartment: o.Compartment, TLP: label, Prefix: "R", Reference: reference, Correspondent: c,
	})
	return o, t, err
}

// foreseen are references that a transaction has taken for the reports that it files.
type foreseen struct{}

// ForeseeTx prepares the filing of n mails in this transaction: what each would wait for is asked once.
func (s *Service) ForeseeTx(ctx context.Context, tx *db.Tx, n int) error {
	if tx.Engine() != db.Postgres {
		return nil
	}
	// A report and its thread, what came and its receipt, and the pass of that.
	err := tx.Reserve(ctx, db.Wanted{Table: "object", N: 2 * n}, db.Wanted{Table: "correspondence_message", N: 2 * n}, db.Wanted{Table: "egress_pass", N: n})
	if err != nil {
		return err
	}
	q := new(db.Query).Add(`INSERT INTO intake_reference (reference) VALUES `)
	for i := range n {
		if i > 0 {
			q.Add(`, `)
		}
		q.Add(`(?)`, id.Reference("R", s.Clock.Now().Year()))
	}
	free := db.Gather[[]string](tx, foreseen{}, nil)
	*free, err = db.List(ctx, tx, q.Add(` ON CONFLICT (reference) DO NOTHING RETURNING reference`), func(r *db.Rows) (name string, err error) { return name, r.Scan(&name) })
	return err
}

// drawReference draws a reference that nobody has. The public process draws its own through Drop and Store.
func drawReference(ctx context.Context, tx *db.Tx, year int) (string, error) {
	if free := db.Gather[[]string](tx, foreseen{}, nil); len(*free) > 0 {
		r := (*free)[0]
		*free = (*free)[1:]
		return r, nil
	}
	return drawName(ctx, tx, "R", year)
}

// drawName draws a reference with a prefix that nobody has.
func drawName(ctx context.Context, tx *db.Tx, prefix string, year int) (string, error) {
	for range 20 {
		r := id.Reference(prefix, year)
		ok, err := takeReference(ctx, tx, r)
		if err != nil || ok {
			return r, err
		}
	}
	return "", errs.New(errs.Unavailable, "no reference is free")
}

func takeReference(ctx context.Context, tx *db.Tx, reference string) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO intake_reference (reference) VALUES ($1) ON CONFLICT (reference) DO NOTHING`, reference)
	return n == 1, err
}

func (s *Service) receive(ctx context.Context, tx *db.Tx, by access.Actor, in ReceiveInput, files []correspondence.File) (Received, error) {
	in = s.Ready(by, in, files)
	now := s.Clock.Now()
	who, err := s.match(ctx, tx, by, in)
	if err != nil {
		return Received{}, err
	}
	o, t, err := s.begin(ctx, tx, by, in, who)
	if err != nil {
		return Received{}, err
	}
	told := now
	if !in.CalledAt.IsZero() {
		told = in.CalledAt.UTC() // a call counts from when it was, not from when somebody noted it
	}
	r := row{queue: isNew, queueAt: told}
	r.Report = Report{
		Object: o, Reference: t.Reference, Channel: in.Channel, State: New, Lang: in.Lang, ReceivedAt: told, OccurredAt: in.OccurredAt,
		DetectedAt: in.DetectedAt, AwareAt: in.AwareAt, Organisation: who.organisation.Ref.ID, Contact: who.contact.ID, Thread: t.Ref.ID,
		Proof: in.Proof, Seal: in.Seal, Receipt: NoReceipt, Unreadable: in.Message.Unreadable != "", Body: in.Body, Crime: suspects(in),
	}
	if in.Body.Behalf != "" {
		r.Behalf = Unconfirmed
	}
	r.sender, r.message, r.words = in.ready.sender, in.ready.message, in.ready.words
	s.foldTx(tx, &r, in.ready.traits)
	if r.Body.Class == "" {
		r.Body.Class = in.Placed.Class
	}
	var clocks []Clock
	if in.Aside != "" {
		r.State, r.Reason, r.queue = Rejected, in.Aside, notWaiting
	} else if clocks, err = s.start(ctx, tx, by, &r, who, in); err != nil {
		return Received{}, err
	}
	if in.Placed.Spam { // its clocks run: brought back, it waits since it came
		r.State, r.queue, r.queueAt, in.NoReceipt = Spam, notWaiting, told, true
		if r.Body.Mail != nil {
			r.Body.Mail.Lane = true
		}
	}
	if err := s.Words.AppendTx(ctx, tx, r.Ref, in.ready.tokens); err != nil {
		return Received{}, err
	}
	first, err := s.firstMessage(ctx, tx, by, &t, &r, in, files)
	if err != nil {
		return Received{}, err
	}
	owed, err := s.submitFirst(ctx, tx, by, &r, in, first.UID)
	if err != nil {
		return Received{}, err
	}
	clocks = append(clocks, owed...)
	if filings, _ := s.filingsOf(in); len(filings) == 0 && (in.Channel == correspondence.ByForm || in.Channel == correspondence.ByPortal) && in.Body.Kind != "threat" {
		if err := s.askSheet(ctx, tx, by, &r, 0); err != nil {
			return Received{}, err
		}
	}
	if err := s.Audit.Write(ctx, tx, audit.Entry{
		At: now, By: by, Verb: "intake.receive", On: r.Ref, Compartment: r.Compartment,
		Changes: []audit.Change{{Field: "channel", To: string(r.Channel)}, {Field: "proof", To: int(r.Proof)}, {Field: "state", To: string(r.State)}},
		Data:    map[string]any{"message": first.UID, "clocks": clocks},
	}); err != nil {
		return Received{}, err
	}
	out := Received{Reference: r.Reference, Clocks: clocks}
	if out.Code, err = s.firstCode(ctx, tx, &r, in); err != nil {
		return Received{}, err
	}
	if err := s.receipt(ctx, tx, &r, &t, who, in, firstAnswer(clocks)); err != nil {
		return Received{}, err
	}
	key, err := s.Ring.Get(ctx, tx, r.Ref.ID)
	if err != nil {
		return Received{}, err
	}
	if err := s.insert(ctx, tx, key, &r); err != nil {
		return Received{}, err
	}
	out.Report = r.Report
	if err := s.ruleHit(ctx, tx, in.Placed, r.Ref.ID); err != nil {
		return Received{}, err
	}
	if in.Channel == correspondence.ByPhone {
		if err := s.noteCallTx(ctx, tx, by, &r, in.Offline); err != nil {
			return Received{}, err
		}
	}
	if len(owed) > 0 {
		return out, s.showTx(ctx, tx, r.Ref.ID)
	}
	return out, s.showFreshTx(ctx, tx, &r, first, clocks)
}

// firstMessage files what was submitted, with its original: the mail, or the submission as canonical JSON.
func (s *Service) firstMessage(ctx context.Context, tx *db.Tx, by access.Actor, t *correspondence.Thread, r *row, in ReceiveInput, files []correspondence.File) (correspondence.Message, error) {
	body := in.Message
	if body.Text == "" {
		body.Text = in.Body.Description
	}
	if body.Subject == "" {
		body.Subject = in.Body.Summary
	}
	body.Files = append(body.Files, files...)
	if in.Arrival == 0 && in.Original == nil {
		in.Original = Canonical(in)
	}
	m := correspondence.Incoming{
		Channel: in.Channel, Kind: correspondence.Told, State: correspondence.Filed, At: r.ReceivedAt, TLP: r.TLP, Proof: in.Proof, Seal: in.Seal,
		Arrival: in.Arrival, Original: in.Original, MessageID: in.MessageID, Same: in.Same, Author: by.Account, Reach: in.Reach, Body: body,
	}
	return s.Correspondence.ReceiveFirstTx(ctx, tx, by, t, m)
}

// Canonical gives a submission as the JSON that is kept as its original: fixed order of names, times in UTC, no blanks.
func Canonical(in ReceiveInput) []byte {
	out := map[string]any{"channel": in.Channel, "lang": in.Lang, "tlp": in.TLP, "body": in.Body}
	if !in.OccurredAt.IsZero() {
		out["occurred_at"] = in.OccurredAt.UTC()
	}
	if !in.DetectedAt.IsZero() {
		out["detected_at"] = in.DetectedAt.UTC()
	}
	if !in.AwareAt.IsZero() {
		out["aware_at"] = in.AwareAt.UTC()
	}
	if len(in.Filings) > 0 {
		out["filings"], out["answers"] = in.Filings, in.Answers
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil {
		panic(fmt.Sprintf("intake: a submission is always JSON: %T", err)) // maps, texts and times only
	}
	return bytes.TrimSpace(b.Bytes())
}
