package correspondence

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/build"
)

// Outgoing is a message to the correspondent of a thread.
type Outgoing struct {
	Kind    Kind      // Letter when empty
	TLP     tlp.Level // 0 takes the thread's
	Subject string
	Text    string
	Files   []File    // of the same thread
	DueAt   time.Time // by when an answer is asked
	Refers  int64
	Under   ref.Ref // the incident or report on whose timeline it is shown; zero: what the thread is about
	// Auto, when set, is an automatic letter: Subject, Text and Files stay empty, it is not held for second thoughts, carries Auto-Submitted
	// and obeys the limits of rule M9.
	Auto *Auto
	// HoldBack leaves an automatic letter in state Waiting for a person (receipt held), for Reason, a catalogue key.
	HoldBack  bool
	ByRule    bool // a letter in the words of the team that a rule or a ladder sends: automatic, so that it meets no clock and obeys the limits of rule M9
	Worded    bool // beside ByRule: its words are for this case or such cases, so that its label has its usual road
	Reason    string
	InReplyTo string // Message-ID of what it answers
	AnswerTo  string // the mailbox of the correspondent with the tag that its own house gave it: what is another mailbox is left out
	mass      int64  // the mass that it belongs to, whose second person releases it
	Lowered   bool   // two people approved a label below the thread's (rule T5)
	ready     bool   // its hold for second thoughts is over: that of the act it belongs to
}

// Addressed is an outgoing message and the thread it goes to.
type Addressed struct {
	Thread int64
	Outgoing
	opened *Thread // by the same transaction; nil when it is to be read
}

// Limits of a letter.
const (
	maxSubject = 200
	maxText    = 256 << 10
	MaxFiles   = 20 << 20 // bytes, all files of a letter together, before encoding
)

// SendJob sends what is held. Ids only; whether a message still is to be sent is its state.
type SendJob struct {
	Messages []int64 `json:"messages"`
}

// Kind names the job.
func (SendJob) Kind() string { return "correspondence.send" }

// Why a message waits or failed, beside the reasons of core/egress.
const (
	reasonLimit     = "mail.reason.limit"     // too much automatic mail to this address (rule M9)
	reasonChanged   = "mail.reason.changed"   // what may leave changed while it was held
	reasonUnsure    = "mail.reason.unsure"    // it may have left: a person decides whether it goes again
	reasonRestored  = "mail.reason.restored"  // it comes from a backup: it may have left since
	reasonTries     = "mail.reason.tries"     // tried too often
	reasonLetter    = "mail.reason.letter"    // it cannot be written as mail
	reasonErased    = "mail.reason.erased"    // its content was destroyed
	reasonWithdrawn = "mail.reason.withdrawn" // it was taken back while it was tried
	reasonRefused   = "mail.reason."          // and the class in which the transport refused
)

// SendTx puts a message into the outbox: held for s.Hold, then sent by a job. A road that is refused is Forbidden with the reason as its key;
// an automatic letter that may not leave waits for a person instead, so that it never undoes what caused it. The actor needs access.SendOutside
// and must see the thread, unless the letter is automatic. Too little or too much text, and foreign files, are refused.
func (s *Service) SendTx(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, out Outgoing) (Message, error) {
	return s.sendOne(ctx, tx, by, Addressed{Thread: thread, Outgoing: out})
}

// SendFirstTx is SendTx for a thread that the transaction has opened.
func (s *Service) SendFirstTx(ctx context.Context, tx *db.Tx, by access.Actor, t *Thread, out Outgoing) (Message, error) {
	return s.sendOne(ctx, tx, by, Addressed{Thread: t.Ref.ID, Outgoing: out, opened: t})
}

func (s *Service) sendOne(ctx context.Context, tx *db.Tx, by access.Actor, a Addressed) (Message, error) {
	list, err := s.SendManyTx(ctx, tx, by, []Addressed{a})
	if err != nil {
		return Message{}, err
	}
	return list[0], nil
}

// SendManyTx is SendTx for many messages with one job for all of them; one refusal refuses all. They leave in shuffled order (rule A7). So many
// that the brake of rule O5 holds wait for a second person (Mass): who sends them then proves afresh who it is.
func (s *Service) SendManyTx(ctx context.Context, tx *db.Tx, by access.Actor, list []Addressed) ([]Message, error) {
	mass, err := s.mass(ctx, tx, by, list, s.Clock.Now())
	if err != nil {
		return nil, err
	}
	out, err := s.putAll(ctx, tx, by, mass, list)
	if err != nil || mass == 0 {
		return out, err
	}
	return out, s.settleMass(ctx, tx, mass)
}

// putAll writes letters under a mass, 0 for none, and schedules those that are held, in shuffled order.
func (s *Service) putAll(ctx context.Context, tx *db.Tx, by access.Actor, mass int64, list []Addressed) ([]Message, error) {
	now := s.Clock.Now()
	out := make([]Message, len(list))
	jobs := map[time.Time][]int64{}
	for i, a := range list {
		if a.Auto == nil {
			a.mass = mass
		}
		m, err := s.put(ctx, tx, by, a, now)
		if err != nil {
			return nil, err
		}
		if out[i] = m; m.State == Held {
			jobs[m.SendAfter] = append(jobs[m.SendAfter], m.ID)
		}
	}
	for at, ids := range jobs {
		mathrand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		if err := s.schedule(ctx, tx, at, now, ids); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// mass notes that letters wait for a second person, when they do, and gives the id.
func (s *Service) mass(ctx context.Context, tx *db.Tx, by access.Actor, list []Addressed, now time.Time) (int64, error) {
	hold, err := s.brakes(ctx, tx, by, list, now)
	if err != nil || !hold {
		return 0, err
	}
	return s.askSecond(ctx, tx, by, list, now)
}

// gathered names the letters of a transaction that may leave at once.
type gathered struct{ s *Service }

// schedule inserts the job that sends letters. Those that leave at once share one job a transaction: a job for each receipt would cost as much
// as the receipt.
func (s *Service) schedule(ctx context.Context, tx *db.Tx, at, now time.Time, ids []int64) error {
	if !at.After(now) {
		all := db.Gather(tx, gathered{s}, func(ctx context.Context, all *[]int64) error {
			mathrand.Shuffle(len(*all), func(i, j int) { (*all)[i], (*all)[j] = (*all)[j], (*all)[i] })
			return s.Jobs.Insert(ctx, tx, SendJob{Messages: *all}, job.Options{Lane: job.Send})
		})
		*all = append(*all, ids...)
		return nil
	}
	// The queue has the machine's clock.
	return s.Jobs.Insert(ctx, tx, SendJob{Messages: ids}, job.Options{Lane: job.Send, At: time.Now().Add(at.Sub(now))})
}

// put writes one message into the outbox.
func (s *Service) put(ctx context.Context, tx *db.Tx, by access.Actor, a Addressed, now time.Time) (Message, error) {
	if a.Auto == nil {
		if err := by.Need(access.SendOutside); err != nil {
			return Message{}, err
		}
		if _, err := access.Load(ctx, tx, by, ref.Ref{Kind: ref.Thread, ID: a.Thread}); err != nil {
			return Message{}, fmt.Errorf("send message: %w", err)
		}
	}
	if err := a.check(); err != nil {
		return Message{}, err
	}
	t := a.opened
	if t == nil || t.fresh != tx {
		read, err := s.lockThread(ctx, tx, a.Thread)
		if err != nil {
			return Message{}, fmt.Errorf("send message: %w", err)
		}
		t = &read
	}
	if a.Auto != nil && a.Auto.Letter.ofAccount() != (t.About.Kind == ref.Account) {
		return Message{}, fmt.Errorf("send message: notices go to colleagues, and nothing else does")
	}
	if err := s.addWords(ctx, tx, *t, &a.Outgoing); err != nil {
		return Message{}, err
	}
	m := s.outgoing(by, *t, a.Outgoing, now)
	pass, err := s.decide(ctx, tx, &m, t, a, now)
	if err != nil {
		return m.Message, err
	}
	m.mass = a.mass
	if err := s.insertOut(ctx, tx, &m, pass, now); err != nil {
		return m.Message, fmt.Errorf("send message: %w", err)
	}
	if err := s.bindFiles(ctx, tx, *t, m.ID, 0, a.Files); err != nil {
		return m.Message, err
	}
	var changes []audit.Change
	if m.Reason != "" {
		changes = []audit.Change{{Field: "reason", To: m.Reason}}
	}
	return m.Message, s.record(ctx, tx, by, "correspondence.send", *t, m.Message, a.Under, changes)
}

// HoleAdded is where a letter to a reporter says what Adds gives; a paragraph that is nothing else goes when there is nothing to say.
const HoleAdded = "{police}"

// addWords puts into a letter on the thread of a report what it says besides. What was approved leaves as it was approved.
func (s *Service) addWords(ctx context.Context, tx *db.Tx, t Thread, out *Outgoing) error {
	if s.Adds == nil || out.Auto != nil || out.ready || !strings.HasPrefix(t.Reference, "R-") || (out.Kind != "" && out.Kind != Letter && out.Kind != Ask && out.Kind != Closing) {
		return nil
	}
	words, err := s.Adds(ctx, tx, t)
	if err != nil {
		return err
	}
	if words == "" {
		out.Text = strings.ReplaceAll(strings.ReplaceAll(out.Text, HoleAdded+"\n\n", ""), HoleAdded, "")
		return nil
	}
	if !strings.Contains(out.Text, HoleAdded) {
		out.Text = strings.TrimRight(out.Text, " \r\n") + "\n\n" + HoleAdded
	}
	out.Text = strings.ReplaceAll(out.Text, HoleAdded, words)
	return nil
}

// check finds all problems of a letter at once.
func (o Outgoing) check() error {
	if o.Auto != nil {
		if o.Subject != "" || o.Text != "" || len(o.Files) > 0 || o.InReplyTo != "" {
			return fmt.Errorf("send automatic letter: it has no room for text, files or a foreign id (rule M8)")
		}
		return o.Auto.check()
	}
	var p errs.Problems
	switch {
	case strings.TrimSpace(o.Subject) == "":
		p.Add("subject", "error.required")
	case utf8.RuneCountInString(o.Subject) > maxSubject:
		p.Add("subject", "error.too_long", "most", maxSubject)
	default:
		if _, err := build.NewLine(o.Subject); err != nil {
			p.Add("subject", "error.characters")
		}
	}
	switch {
	case strings.TrimSpace(o.Text) == "":
		p.Add("text", "error.required")
	case len(o.Text) > maxText:
		p.Add("text", "error.too_long", "most", maxText)
	case !utf8.ValidString(o.Text) || strings.ContainsRune(o.Text, 0):
		p.Add("text", "error.characters")
	}
	var size int64
	for _, f := range o.Files {
		size += f.Size
	}
	if size > MaxFiles {
		p.Add("files", "error.too_large", "most", MaxFiles)
	}
	if o.TLP != 0 && !o.TLP.Valid() {
		p.Add("tlp", "error.tlp")
	}
	return p.Err()
}

// outgoing makes the message as it will be sent, but for the road.
func (s *Service) outgoing(by access.Actor, t Thread, o Outgoing, now time.Time) stored {
	m := stored{Message: Message{
		UID: id.New(), Thread: t.Ref.ID, Direction: Out, Channel: ByMail, Kind: o.Kind, State: Held, At: now, SendAfter: now, Author: by.Account,
		TLP: o.TLP, Seal: Plain, Refers: o.Refers, Automatic: o.Auto != nil || o.ByRule,
	}}
	m.AuthorName = by.Name
	if by.System != "" {
		m.AuthorName = ""
	}
	if m.TLP == 0 {
		m.TLP = t.TLP
	}
	body := Body{Subject: o.Subject, Text: o.Text, To: t.Correspondent.Email, From: s.Team.Address, Files: o.Files}
	opens := false
	if o.Auto != nil {
		m.Author, m.AuthorName = 0, ""
		body.Subject, body.Text = o.Auto.write(s.printer(t.Correspondent.Lang), t, s.link(t, o.Auto))
		opens = autoKeys[o.Auto.Letter].opens
		if m.Kind == "" {
			m.Kind = Receipt
		}
	} else {
		if !o.ready {
			m.SendAfter = now.Add(s.Hold)
		}
		if o.ByRule {
			m.Author, m.AuthorName = 0, ""
		}
	}
	if m.Kind == "" {
		m.Kind = Letter
	}
	if body.To == "" {
		m.Channel = ByPortal
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	m.Body = body
	m.content = content{AnswerTo: sameMailbox(t.Correspondent.Email, o.AnswerTo), Body: body, AuthorName: m.AuthorName, InReplyTo: o.InReplyTo, Lang: t.Correspondent.Lang, Salt: salt, Opens: opens, Worded: o.Worded}
	if !o.DueAt.IsZero() {
		m.content.DueAt = &o.DueAt
	}
	return m
}

func (s *Service) printer(lang string) *text.Printer {
	p := s.Text.For(text.Lang(lang))
	if s.Team.Zone != nil {
		p = p.In(s.Team.Zone)
	}
	return p
}

// decide asks core/egress for a pass. An automatic letter without one, over its limits or held back waits for a person.
func (s *Service) decide(ctx context.Context, tx *db.Tx, m *stored, t *Thread, a Addressed, now time.Time) (pass int64, err error) {
	ask, _, err := s.ask(ctx, tx, *m, t, now)
	if err != nil {
		return 0, err
	}
	ask.Lowered = a.Lowered
	wait := func(reason string) (int64, error) {
		m.State, m.Reason, m.SendAfter = Waiting, reason, time.Time{}
		return 0, nil
	}
	if a.HoldBack {
		policy, err := s.Egress.Policy(ctx, tx)
		m.Road = egress.Decide(policy, ask).Road
		if err != nil {
			return 0, err
		}
		return wait(a.Reason)
	}
	if a.mass != 0 {
		policy, err := s.Egress.Policy(ctx, tx)
		if err != nil {
			return 0, err
		}
		d := egress.Decide(policy, ask)
		if m.Road = d.Road; d.Road == egress.Refused {
			return 0, &errs.Error{Kind: errs.Forbidden, Key: d.Reason, Text: "this may not leave"}
		}
		return wait(reasonSecond)
	}
	if m.Automatic && m.Channel == ByMail && (a.Auto == nil || a.Auto.Letter != AutoPage) { // pages have their own measure: one cause, one page
		letter := AutoLetter(0)
		if a.Auto != nil {
			letter = a.Auto.Letter
		}
		ok, err := s.underLimit(ctx, tx, *t, letter, now)
		if err != nil {
			return 0, err
		}
		if !ok {
			return wait(reasonLimit)
		}
	}
	p, err := s.Egress.PassTx(ctx, tx, ask, m.rendition())
	if m.Automatic && errs.Is(err, errs.Forbidden) {
		return wait(keyOf(err))
	}
	if err != nil {
		return 0, err
	}
	m.Road = p.Road()
	return p.ID(), nil
}

func keyOf(err error) string {
	var e *errs.Error
	if errors.As(err, &e) {
		return e.Key
	}
	return ""
}

// ask says what wants to leave, and gives the key that it would be encrypted to. What the thread is about lends it its seal and its exercise mark.
func (s *Service) ask(ctx context.Context, h db.Handle, m stored, t *Thread, now time.Time) (egress.Ask, readerKey, error) {
	if t.above == nil {
		if err := s.lookAbove(ctx, h, []*Thread{t}); err != nil {
			return egress.Ask{}, readerKey{}, err
		}
	}
	a := asking(m, t)
	key, err := s.keyOf(ctx, h, *t, m.Body.To, now)
	if a.HasKey = !key.isZero(); err == nil && !a.HasKey && !a.Automatic && m.Channel == ByMail {
		var phones map[int64]bool
		phones, err = s.Constituency.Telephoned(ctx, h, t.Correspondent.Contact)
		a.HasPhone = phones[t.Correspondent.Contact]
	}
	return a, key, err
}

// lookAbove reads the marks of what threads are about. They hold for the transaction, or the page, that read the thread.
func (s *Service) lookAbove(ctx context.Context, h db.Handle, threads []*Thread) error {
	of := map[int64][]*Thread{}
	var ids []int64
	for _, t := range threads {
		if of[t.About.ID] == nil {
			ids = append(ids, t.About.ID)
		}
		of[t.About.ID] = append(of[t.About.ID], t)
	}
	rows, err := db.In(new(db.Query).Add(`SELECT o.id, o.sealed, o.exercise FROM object o WHERE o.id IN `), ids).Query(ctx, h)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var about int64
		marks := new(above)
		err := r.Scan(&about, &marks.sealed, &marks.exercise)
		for _, t := range of[about] {
			t.above = marks
		}
		delete(of, about)
		return err
	})
	if err == nil && len(of) > 0 {
		err = errs.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("read what the thread is about: %w", err)
	}
	return nil
}

// rendition is the hash of what leaves, before signing and encrypting. The salt keeps it from telling anything.
func (m *stored) rendition() []byte {
	b, err := json.Marshal(struct {
		Content content
		TLP     tlp.Level
		Kind    Kind
		Auto    bool
	}{m.content, m.TLP, m.Kind, m.Automatic})
	if err != nil {
		panic(err) // strings, times and numbers
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

func (s *Service) insertOut(ctx context.Context, tx *db.Tx, m *stored, pass int64, now time.Time) error {
	key, err := s.Ring.Get(ctx, tx, m.Thread)
	if err != nil {
		return err
	}
	body, err := sealContent(key, m.UID, m.content)
	if err != nil {
		return err
	}
	m.ID, err = insertMessage(ctx, tx, `uid, thread, direction, channel, kind, state, at, send_after, author, tlp, seal, road, refers, reason, automatic, pass, line, body, mass`,
		`$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19`,
		m.UID, m.Thread, int64(m.Direction), string(m.Channel), string(m.Kind), string(m.State), m.At, m.SendAfter, m.Author, int64(m.TLP), string(m.Seal), int64(m.Road),
		m.Refers, m.Reason, m.Automatic, pass, line(m.State, now), body, m.mass)
	return err
}

// insertMessage inserts a row and gives its id. On PostgreSQL it costs no round trip when the transaction has reserved ids.
func insertMessage(ctx context.Context, tx *db.Tx, columns, values string, args ...any) (id int64, err error) {
	if id = tx.Reserved("correspondence_message"); id != 0 {
		return id, tx.Later(ctx, fmt.Sprintf(`INSERT INTO correspondence_message (%s, id) VALUES (%s, $%d)`, columns, values, len(args)+1), append(args, id)...)
	}
	err = tx.QueryRow(ctx, `INSERT INTO correspondence_message (`+columns+`) VALUES (`+values+`) RETURNING id`, args...).Scan(&id)
	return id, err
}

// sameMailbox gives an address that somebody asks to be answered at, when it is the mailbox that we write to anyway with a tag; else "".
func sameMailbox(mailbox, asked string) string {
	if asked == "" || len(asked) > 254 || !Takes(mailbox, asked) {
		return ""
	}
	if _, err := build.NewAddress("", asked); err != nil {
		return ""
	}
	return asked
}
