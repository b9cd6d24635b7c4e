package correspondence

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// The brake on masses (rule O5): what goes to more readers than these, or faster than the house usually writes, waits for a second person.
const (
	MassReaders  = 50 // whatever the label, in one act or in one hour
	MassLabelled = 20 // under a label above TLP:GREEN, in one act
	// AloneAfter is how long the second person has to answer before the duty officer may go on alone.
	AloneAfter = 30 * time.Minute
	// unusual times the mean hour of the last month is a rate at which the brake holds too.
	unusual = 3
)

// reasonSecond is why a letter of a mass waits.
const reasonSecond = "mail.reason.second_person"

// MassState is where a mass stands.
type MassState string

// The states of a mass.
const (
	MassWaiting  MassState = "waiting"
	MassReleased MassState = "released"
	MassAlone    MassState = "alone" // released by one person, alarmed
	MassRefused  MassState = "refused"
)

// Mass is letters that leave together when a second person releases them, or not at all.
type Mass struct {
	ID        int64
	UID       string
	Subject   ref.Ref
	AskedBy   int64
	AskedAt   time.Time
	Readers   int
	TLP       tlp.Level // the strictest
	Hash      string    // of all that would leave: who releases names it, so that it is what that person saw
	State     MassState
	DecidedBy int64
	DecidedAt time.Time
}

// brakes decides whether letters go too far to leave on the word of one person. Automatic mail has limits of its own (rule M9).
func (s *Service) brakes(ctx context.Context, h db.Handle, by access.Actor, list []Addressed, now time.Time) (bool, error) {
	if by.System != "" {
		return false, nil
	}
	readers, label := map[int64]bool{}, tlp.Level(0)
	var unlabelled []int64
	for _, a := range list {
		if a.Auto != nil || a.ByRule {
			continue
		}
		readers[a.Thread] = true
		if label = tlp.Max(label, a.TLP); a.TLP == 0 {
			unlabelled = append(unlabelled, a.Thread)
		}
	}
	most, labelled := cmp.Or(s.Brake.Readers, MassReaders), cmp.Or(s.Brake.Labelled, MassLabelled)
	switch n := len(readers); {
	case n == 0:
		return false, nil
	case n > most:
		return true, nil
	case n > labelled:
		if len(unlabelled) > 0 { // they take the label of their thread
			threads, err := s.Threads(ctx, h, unlabelled...)
			if err != nil {
				return false, err
			}
			for _, t := range threads {
				label = tlp.Max(label, t.TLP)
			}
		}
		if label > tlp.Green {
			return true, nil
		}
	}
	count := func(since time.Time, most int) (n int, err error) {
		return n, h.QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM correspondence_message WHERE author <> 0 AND at > $1 AND direction = $2 LIMIT $3) t`, since, int64(Out), most).Scan(&n)
	}
	hour, err := count(now.Add(-time.Hour), 100_000)
	if err != nil || hour+len(readers) <= most {
		return false, err
	}
	const month = 30 * 24
	before, err := count(now.Add(-month*time.Hour), 1_000_000)
	return (hour+len(readers))*month > unusual*before, err
}

// askSecond notes a mass and gives its id; the letters are then put under it. Who asks proves afresh who it is, so no token does it.
func (s *Service) askSecond(ctx context.Context, tx *db.Tx, by access.Actor, list []Addressed, now time.Time) (int64, error) {
	if err := by.NeedFresh(now); err != nil {
		return 0, err
	}
	subject := list[0].Under
	if subject.IsZero() {
		subject = ref.Ref{Kind: ref.Thread, ID: list[0].Thread}
	}
	var n int64
	return n, tx.QueryRow(ctx, `INSERT INTO correspondence_mass (uid, subject, subject_kind, asked_by, asked_at, readers, tlp, hash, state) VALUES ($1, $2, $3, $4, $5, 0, 0, $6, $7) RETURNING id`,
		id.New(), subject.ID, int64(subject.Kind), by.Account, now, []byte{}, string(MassWaiting)).Scan(&n)
}

// settleMass fixes what was put under a mass.
func (s *Service) settleMass(ctx context.Context, tx *db.Tx, mass int64) error {
	list, err := s.lettersOf(ctx, tx, mass)
	if err != nil {
		return err
	}
	var label tlp.Level
	for _, l := range list {
		label = tlp.Max(label, l.TLP)
	}
	_, err = tx.Exec(ctx, `UPDATE correspondence_mass SET readers = $1, tlp = $2, hash = $3 WHERE id = $4`, len(list), int64(label), massHash(list), mass)
	return err
}

func (s *Service) lettersOf(ctx context.Context, h db.Handle, mass int64) ([]stored, error) {
	return db.All(ctx, h, s.scanMessage, `SELECT `+messageColumns+` FROM correspondence_message m LEFT JOIN keyring_key k ON k.owner = m.thread
		WHERE m.mass = $1 AND m.state = 'waiting' ORDER BY m.id`, mass)
}

// massHash covers who reads what under which label, by which road.
func massHash(list []stored) []byte {
	h := sha256.New()
	for _, m := range list {
		b, err := json.Marshal(struct {
			UID, To   string
			Road      int64
			Rendition []byte
		}{m.UID, m.Body.To, int64(m.Road), m.rendition()})
		if err != nil {
			panic(err) // strings and numbers
		}
		h.Write(b)
	}
	return h.Sum(nil)
}

const massColumns = `x.id, x.uid, x.subject, x.subject_kind, x.asked_by, x.asked_at, x.readers, x.tlp, x.hash, x.state, x.decided_by, x.decided_at`

func scanMass(r *db.Rows) (Mass, error) {
	var m Mass
	var hash []byte
	err := r.Scan(&m.ID, &m.UID, &m.Subject.ID, &m.Subject.Kind, &m.AskedBy, &m.AskedAt, &m.Readers, &m.TLP, &hash, (*string)(&m.State), &m.DecidedBy, &m.DecidedAt)
	m.Hash = hex.EncodeToString(hash)
	return m, err
}

// Masses lists what waits for a second person, oldest first, of subjects that the actor may see. At most 100. It is for who reads cases.
func (s *Service) Masses(ctx context.Context, by access.Actor) ([]Mass, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	var out []Mass
	for _, kind := range []ref.Kind{ref.Incident, ref.Report, ref.Thread} {
		q := access.Sees(by).From(new(db.Query).Add(`SELECT `+massColumns+` FROM correspondence_mass x JOIN `), kind)
		list, err := db.List(ctx, s.DB, q.Add(` ON o.id = x.subject WHERE x.state = 'waiting' ORDER BY x.id LIMIT 100`), scanMass)
		if err != nil {
			return nil, fmt.Errorf("list masses: %w", err)
		}
		out = append(out, list...)
	}
	return out, nil
}

// Mass gives one mass and each of its letters that still waits, exactly as it would leave. Hash is that of these letters. A mass with a letter
// that the actor may not see is NotFound.
func (s *Service) Mass(ctx context.Context, by access.Actor, uid string) (Mass, []Outgoings, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return Mass{}, nil, err
	}
	m, list, err := s.massOf(ctx, s.DB, by, uid, "")
	if err != nil {
		return m, nil, err
	}
	ids := make([]int64, len(list))
	for i, l := range list {
		ids[i] = l.Thread
	}
	threads, err := s.Threads(ctx, s.DB, ids...)
	out := make([]Outgoings, len(list))
	for i, l := range list {
		t := threads[l.Thread]
		out[i] = Outgoings{l.Message, t, t.Correspondent.Name}
		if out[i].Name == "" {
			out[i].Name = t.Correspondent.Email
		}
	}
	m.Hash = hex.EncodeToString(massHash(list))
	return m, out, err
}

// massOf loads a mass under the actor's scope, and all its letters.
func (s *Service) massOf(ctx context.Context, h db.Handle, by access.Actor, uid, lock string) (Mass, []stored, error) {
	m, err := db.One(ctx, h, scanMass, `SELECT `+massColumns+` FROM correspondence_mass x WHERE x.uid = $1`+lock, uid)
	if err != nil {
		return m, nil, err
	}
	if _, err := access.Load(ctx, h, by, m.Subject); err != nil {
		return Mass{}, nil, err
	}
	list, err := s.lettersOf(ctx, h, m.ID)
	if err != nil {
		return m, nil, err
	}
	q := s.visible(by, `COUNT(*)`).Add(` AND m.mass = ? AND m.state = 'waiting'`, m.ID)
	var seen int
	if err := h.QueryRow(ctx, q.Text(), q.Args()...).Scan(&seen); err != nil {
		return m, nil, err
	}
	if seen != len(list) {
		return Mass{}, nil, errs.ErrNotFound
	}
	return m, list, nil
}

var (
	errMassDecided = &errs.Error{Kind: errs.Conflict, Key: "error.mass.decided", Text: "this was decided already"}
	errMassChanged = &errs.Error{Kind: errs.Conflict, Key: "error.mass.changed", Text: "what would leave has changed: look at it again"}
	errTooEarly    = &errs.Error{Kind: errs.Conflict, Key: "error.mass.early", Text: "the second person still has time to answer"}
)

// ReleaseMass lets a mass leave. It needs access.Approve, a fresh proof, and another person than the one who asked; hash is that of Mass, so that what
// leaves is what that person saw (rule T5). Refused: Forbidden, NotFound, Conflict for a mass that changed or was decided.
func (s *Service) ReleaseMass(ctx context.Context, by access.Actor, mass, hash string) (Mass, error) {
	if err := by.Need(access.Approve); err != nil {
		return Mass{}, err
	}
	return s.decideMass(ctx, by, mass, hash, MassReleased, "", func(m Mass, _ time.Time) error {
		if m.AskedBy == by.Account {
			return &errs.Error{Kind: errs.Forbidden, Key: "error.second_person", Text: "another lead must confirm this"}
		}
		return nil
	})
}

// GoAlone lets a mass leave on the word of the duty officer when nobody answered within AloneAfter: with a reason and a fresh proof, alarmed, and
// looked at afterwards. It needs access.BreakGlass and access.SendOutside.
func (s *Service) GoAlone(ctx context.Context, by access.Actor, mass, hash, why string) (Mass, error) {
	for _, r := range []access.Right{access.BreakGlass, access.SendOutside} {
		if err := by.Need(r); err != nil {
			return Mass{}, err
		}
	}
	var p errs.Problems
	alarm.Reason(&p, "reason", why)
	if err := p.Err(); err != nil {
		return Mass{}, err
	}
	return s.decideMass(ctx, by, mass, hash, MassAlone, strings.TrimSpace(why), func(m Mass, now time.Time) error {
		if now.Sub(m.AskedAt) < AloneAfter {
			return errTooEarly
		}
		return nil
	})
}

func (s *Service) decideMass(ctx context.Context, by access.Actor, mass, hash string, to MassState, why string, may func(Mass, time.Time) error) (Mass, error) {
	now := s.Clock.Now()
	if err := by.NeedFresh(now); err != nil {
		return Mass{}, err
	}
	var out Mass
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		m, list, err := s.massOf(ctx, tx, by, mass, tx.ForUpdate())
		if err != nil {
			return err
		}
		switch {
		case m.State != MassWaiting:
			return errMassDecided
		case len(list) == 0 || hash != hex.EncodeToString(massHash(list)):
			return errMassChanged
		}
		if err := may(m, now); err != nil {
			return err
		}
		if err := s.letGo(ctx, tx, by, list, now); err != nil {
			return err
		}
		if err := s.closeMass(ctx, tx, by, &m, to, why, len(list), now); err != nil {
			return err
		}
		if to == MassAlone {
			var number string
			if err := tx.QueryRow(ctx, `SELECT ref FROM object WHERE id = $1`, m.Subject.ID).Scan(&number); err != nil {
				return err
			}
			err = s.Alarms.RaiseTx(ctx, tx, by, alarm.Alarm{Kind: alarm.Alone, On: m.Subject, Named: number, Many: len(list), Why: why})
		}
		out = m
		return err
	})
	return out, err
}

// letGo holds the letters of a mass as a person's letters are held, each with a pass of its own for what may leave now.
func (s *Service) letGo(ctx context.Context, tx *db.Tx, by access.Actor, list []stored, now time.Time) error {
	at := now.Add(s.Hold)
	ids := make([]int64, len(list))
	for i := range list {
		m := &list[i]
		t, err := s.lockThread(ctx, tx, m.Thread)
		if err != nil {
			return err
		}
		ask, _, err := s.ask(ctx, tx, *m, &t, now)
		if err != nil {
			return err
		}
		p, err := s.Egress.PassTx(ctx, tx, ask, m.rendition())
		if err != nil {
			return err
		}
		if p.Road() != m.Road {
			return errMassChanged
		}
		m.pass, m.SendAfter, ids[i] = p.ID(), at, m.ID
		if err := s.move(ctx, tx, m, Held, ""); err != nil {
			return err
		}
		if err := s.record(ctx, tx, by, "correspondence.send_now", t, m.Message, ref.Ref{}, stateChange(Waiting, Held)); err != nil {
			return err
		}
	}
	mathrand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return s.schedule(ctx, tx, at, now, ids)
}

func (s *Service) closeMass(ctx context.Context, tx *db.Tx, by access.Actor, m *Mass, to MassState, why string, letters int, now time.Time) error {
	m.State, m.DecidedBy, m.DecidedAt = to, by.Account, now
	if _, err := tx.Exec(ctx, `UPDATE correspondence_mass SET state = $1, decided_by = $2, decided_at = $3 WHERE id = $4`, string(to), by.Account, now, m.ID); err != nil {
		return err
	}
	err := s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "correspondence.mass_" + string(to), On: m.Subject, Note: why, Changes: []audit.Change{{Field: "letters", To: letters}}})
	return err
}

// RefuseMass stops all letters of a mass, with a reason. The second person may, and the one who asked.
func (s *Service) RefuseMass(ctx context.Context, by access.Actor, mass, why string) (Mass, error) {
	if err := by.Need(access.StopMail); err != nil {
		return Mass{}, err
	}
	var p errs.Problems
	alarm.Reason(&p, "reason", why)
	if err := p.Err(); err != nil {
		return Mass{}, err
	}
	var out Mass
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		m, list, err := s.massOf(ctx, tx, by, mass, tx.ForUpdate())
		if err != nil {
			return err
		}
		if m.State != MassWaiting {
			return errMassDecided
		}
		if m.AskedBy != by.Account && !by.Can(access.Approve) {
			return by.Need(access.Approve)
		}
		for i := range list {
			t, err := s.lockThread(ctx, tx, list[i].Thread)
			if err != nil {
				return err
			}
			if err := s.stopTx(ctx, tx, by, &list[i], t); err != nil {
				return err
			}
		}
		out = m
		return s.closeMass(ctx, tx, by, &out, MassRefused, strings.TrimSpace(why), len(list), s.Clock.Now())
	})
	return out, err
}

// braked tells whether a letter waits for a second person.
func (s *Service) braked(ctx context.Context, h db.Handle, message int64) (bool, error) {
	var n int
	err := h.QueryRow(ctx, `SELECT COUNT(*) FROM correspondence_message m JOIN correspondence_mass x ON x.id = m.mass WHERE m.id = $1 AND x.state IN ('waiting', 'filling')`, message).Scan(&n)
	return n > 0, err
}
