package correspondence

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A code is 25 digits, 83 bits: digits are said and understood in every language over a bad line, and whoever types them needs no other keyboard. Read in five
// groups of five.
const (
	codeDigits = 25
	codeGroup  = 5
	maxTold    = 20 // tellings that are kept of one letter
	// CodeWithin is how long after a locked file left its code is to be told.
	CodeWithin = 4 * time.Hour
	// mostCodes is how many letters a list of codes names.
	mostCodes = 500
)

// The verbs under which the record has who looked at a code and who told it. The code itself stands in no record.
const (
	VerbCodeRead = "correspondence.code_read"
	VerbCodeTold = "correspondence.code_told"
)

// lockCode is what is sealed of a code.
type lockCode struct {
	Code string    `json:"code"`
	Seed []byte    `json:"seed"` // of the file
	Told []Telling `json:"told,omitempty"`
}

// Telling is one call in which a code was told.
type Telling struct {
	At     time.Time `json:"at"`
	By     int64     `json:"by"`
	Name   string    `json:"name"`   // who of us told it
	To     string    `json:"to"`     // who heard it
	Number string    `json:"number"` // that we called
}

func newCode() lockCode {
	c := lockCode{Seed: make([]byte, 32)}
	_, _ = rand.Read(c.Seed)
	n, err := rand.Int(rand.Reader, new(big.Int).Exp(big.NewInt(10), big.NewInt(codeDigits), nil))
	if err != nil {
		panic(err) // the system's source of random numbers never fails
	}
	c.Code = fmt.Sprintf("%0*d", codeDigits, n)
	return c
}

// SpacedCode writes a code in groups, as it is read aloud.
func SpacedCode(code string) string {
	var groups []string
	for g := range slices.Chunk([]byte(code), codeGroup) {
		groups = append(groups, string(g))
	}
	return strings.Join(groups, " ")
}

func codePlace(message int64) string { return fmt.Sprintf("correspondence_code.body:%d", message) }

func (s *Service) openCode(ctx context.Context, h db.Handle, thread, message int64, body []byte) (c lockCode, err error) {
	key, err := s.Ring.Get(ctx, h, thread)
	if err != nil {
		return c, err
	}
	plain, err := key.Open(codePlace(message), body)
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(plain, &c)
}

func (s *Service) sealCode(ctx context.Context, h db.Handle, thread, message int64, c lockCode) ([]byte, error) {
	key, err := s.Ring.Get(ctx, h, thread)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return key.Seal(codePlace(message), b), nil
}

// codesFor gives letters that are to leave as locked files their codes, in the transaction before they are written: one that was tried before has the code that
// it had, and so the same file. A letter whose reader has a key by now needs none.
func (s *Service) codesFor(ctx context.Context, tx *db.Tx, letters []*outbound, now time.Time) error {
	need := map[int64]*outbound{}
	var ids []int64
	for _, l := range letters {
		if l.goes() && l.Channel == ByMail && l.Road == egress.Locked && !l.ask.HasKey {
			need[l.ID] = l
			ids = append(ids, l.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := db.In(new(db.Query).Add(`SELECT message, body FROM correspondence_code WHERE message IN `), ids).Query(ctx, tx)
	sealed := map[int64][]byte{}
	err = db.Each(rows, err, func(r *db.Rows) error {
		var message int64
		var body []byte
		err := r.Scan(&message, &body)
		sealed[message] = body
		return err
	})
	if err != nil {
		return fmt.Errorf("read codes: %w", err)
	}
	for _, id := range ids {
		l := need[id]
		if body := sealed[id]; body != nil {
			if l.code, err = s.openCode(ctx, tx, l.Thread, id, body); err != nil {
				return fmt.Errorf("read code: %w", err)
			}
			continue
		}
		l.code = newCode()
		body, err := s.sealCode(ctx, tx, l.Thread, id, l.code)
		if err != nil {
			return fmt.Errorf("make code: %w", err)
		}
		if err := tx.Later(ctx, `INSERT INTO correspondence_code (message, thread, made_at, body) VALUES ($1, $2, $3, $4)`, id, l.Thread, now, body); err != nil {
			return fmt.Errorf("make code: %w", err)
		}
	}
	return nil
}

// codeUnused destroys the code of a letter that left encrypted after all: a key had come.
func (s *Service) codeUnused(ctx context.Context, tx *db.Tx, l *outbound) error {
	if l.Road != egress.Encrypted || !l.locked {
		return nil
	}
	return tx.Later(ctx, `DELETE FROM correspondence_code WHERE message = $1`, l.ID)
}

// CodeState is how it stands with the code of a letter that left as a locked file.
type CodeState struct {
	Message Message
	Thread  Thread
	MadeAt  time.Time
	ToldAt  time.Time // the first time; zero while nobody was told
	Times   int
}

// Waits tells whether the code is still to be told.
func (c CodeState) Waits() bool { return c.ToldAt.IsZero() && c.Message.WithdrawnAt.IsZero() }

// leftLocked is what a letter that left as a locked file is.
var leftLocked = `m.state = 'sent' AND m.road = ` + strconv.Itoa(int(egress.Locked))

// codesOf reads letters that left as locked files with their codes, of threads that the actor may see. CROSS JOIN holds SQLite to the few that have a code: it
// would read every thread there is.
func codesOf(by access.Actor, columns string) *db.Query {
	q := new(db.Query).Add(`SELECT ` + columns + ` FROM correspondence_code c CROSS JOIN correspondence_message m CROSS JOIN `)
	return access.Sees(by).From(q, ref.Thread).Add(` LEFT JOIN keyring_key k ON k.owner = c.thread
		WHERE m.id = c.message AND o.id = c.thread AND ` + leftLocked + ` AND k.wrapped IS NOT NULL`)
}

// untold are those whose codes are still to be told.
const untold = ` AND c.told_at IS NULL AND m.withdrawn_at IS NULL`

func (s *Service) scanCode(r *db.Rows) (CodeState, error) {
	var c CodeState
	m, _, err := s.scanWith(r, &c.MadeAt, &c.ToldAt, &c.Times)
	c.Message = m.Message
	return c, err
}

// needCodes asks who may know of codes: one of the team who may write to parties.
func needCodes(by access.Actor) error {
	if !by.Team() {
		return errs.ErrNotFound
	}
	return by.Need(access.SendOutside)
}

// Codes lists letters that left as locked files, of threads that the actor may see: those whose codes are still to be told, oldest first, or with told all,
// newest first; at most 500. Without threads it gives those of all. It gives no code. The actor needs access.SendOutside.
func (s *Service) Codes(ctx context.Context, by access.Actor, told bool, threads ...int64) ([]CodeState, error) {
	if err := needCodes(by); err != nil {
		return nil, err
	}
	q := codesOf(by, messageColumns+`, c.made_at, c.told_at, c.times`)
	if len(threads) > 0 {
		db.In(q.Add(` AND c.thread IN `), threads)
	}
	order := ` ORDER BY m.sent_at, m.id`
	if told {
		order = ` ORDER BY m.sent_at DESC, m.id DESC`
	} else {
		q.Add(untold)
	}
	list, err := db.List(ctx, s.DB, q.Add(order+` LIMIT ?`, mostCodes), s.scanCode)
	if err != nil {
		return nil, fmt.Errorf("list codes: %w", err)
	}
	ids := make([]int64, len(list))
	for i, c := range list {
		ids[i] = c.Message.Thread
	}
	read, err := s.Threads(ctx, s.DB, ids...)
	for i := range list {
		list[i].Thread = read[list[i].Message.Thread]
	}
	return list, err
}

// CodesOf says how it stands with the codes of threads whose reader the caller has checked: by message. It is for the team, and gives no code.
func (s *Service) CodesOf(ctx context.Context, h db.Handle, by access.Actor, threads ...int64) (map[int64]CodeState, error) {
	out := map[int64]CodeState{}
	if len(threads) == 0 || !by.Team() {
		return out, nil
	}
	for some := range slices.Chunk(threads, 500) {
		q := new(db.Query).Add(`SELECT m.id, m.uid, m.thread, m.sent_at, m.withdrawn_at, c.made_at, c.told_at, c.times FROM correspondence_code c JOIN correspondence_message m ON m.id = c.message
			WHERE ` + leftLocked + ` AND c.thread IN `)
		list, err := db.List(ctx, h, db.In(q, some).Add(` ORDER BY m.id`), func(r *db.Rows) (c CodeState, err error) {
			return c, r.Scan(&c.Message.ID, &c.Message.UID, &c.Message.Thread, &c.Message.SentAt, &c.Message.WithdrawnAt, &c.MadeAt, &c.ToldAt, &c.Times)
		})
		if err != nil {
			return nil, fmt.Errorf("read codes: %w", err)
		}
		for _, c := range list {
			out[c.Message.ID] = c
		}
	}
	return out, nil
}

// CountCodes counts the codes that are still to be told, of threads that the actor may see; 0 for who may not tell them.
func (s *Service) CountCodes(ctx context.Context, h db.Handle, by access.Actor) (n int, err error) {
	if needCodes(by) != nil {
		return 0, nil
	}
	q := codesOf(by, `COUNT(*)`).Add(untold)
	return n, h.QueryRow(ctx, q.Text(), q.Args()...).Scan(&n)
}

// ToTell is a code, as it is read to somebody.
type ToTell struct {
	CodeState
	Code    string                // 25 digits
	Numbers []constituency.Number // verified ones of the contact that was written to
	Told    []Telling             // oldest first
}

// CodeOf gives the code of a letter that left as a locked file, and the numbers to which it may be read. That somebody looked at it is recorded. The actor needs
// access.SendOutside; a letter without a code is NotFound.
func (s *Service) CodeOf(ctx context.Context, by access.Actor, message string) (ToTell, error) {
	var out ToTell
	if err := needCodes(by); err != nil {
		return out, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var m stored
		var err error
		if out, m, _, err = s.codeForChange(ctx, tx, by, message); err != nil {
			return err
		}
		return s.record(ctx, tx, by, VerbCodeRead, out.Thread, teamOnly(m.Message), ref.Ref{}, nil)
	})
	if err != nil {
		return ToTell{}, fmt.Errorf("read code: %w", err)
	}
	return out, nil
}

// teamOnly is a message as the record shows it to the team alone: who looked at a code, and who told it, is not the correspondent's.
func teamOnly(m Message) Message {
	m.State = ""
	return m
}

// codeForChange loads a code under the actor's scope, with its thread locked.
func (s *Service) codeForChange(ctx context.Context, tx *db.Tx, by access.Actor, message string) (out ToTell, m stored, c lockCode, err error) {
	m, t, err := s.forChange(ctx, tx, by, message)
	if err != nil {
		return out, m, c, err
	}
	if m.Direction != Out || m.State != Sent || m.Road != egress.Locked || m.Erased || !m.WithdrawnAt.IsZero() {
		return out, m, c, errs.ErrNotFound
	}
	var body []byte
	out.Message, out.Thread = m.Message, t
	if err := tx.QueryRow(ctx, `SELECT made_at, told_at, times, body FROM correspondence_code WHERE message = $1`, m.ID).Scan(&out.MadeAt, &out.ToldAt, &out.Times, &body); err != nil {
		return out, m, c, err
	}
	if c, err = s.openCode(ctx, tx, m.Thread, m.ID, body); err != nil {
		return out, m, c, err
	}
	out.Code, out.Told = c.Code, c.Told
	numbers, err := s.Constituency.Numbers(ctx, tx, t.Correspondent.Contact)
	for _, n := range numbers[t.Correspondent.Contact] {
		if !n.VerifiedAt.IsZero() {
			out.Numbers = append(out.Numbers, n)
		}
	}
	return out, m, c, err
}

// TellInput says that a code was told.
type TellInput struct {
	Number string // uid of a verified number of the contact
	To     string // who heard it; "" for the contact
	Times  int    // how often it had been told when the person saw the page: a press repeated is no second call
}

// CodeTold records that a code was told: to whom, at which number, by whom. The actor needs access.SendOutside. Refused: Invalid for a number that is no verified
// one of the contact, NotFound, Conflict where somebody recorded a call meanwhile.
func (s *Service) CodeTold(ctx context.Context, by access.Actor, message string, in TellInput) (CodeState, error) {
	var out ToTell
	if err := needCodes(by); err != nil {
		return out.CodeState, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var m stored
		var c lockCode
		var err error
		if out, m, c, err = s.codeForChange(ctx, tx, by, message); err != nil {
			return err
		}
		to := strings.TrimSpace(in.To)
		if to == "" {
			to = out.Thread.Correspondent.Name
		}
		var p errs.Problems
		at := slices.IndexFunc(out.Numbers, func(n constituency.Number) bool { return n.UID == in.Number })
		if at < 0 {
			p.Add("number", "error.code.number")
		}
		switch {
		case utf8.RuneCountInString(to) > maxSubject:
			p.Add("to", "error.too_long", "most", maxSubject)
		case !utf8.ValidString(to) || strings.ContainsFunc(to, func(r rune) bool { return r < ' ' }):
			p.Add("to", "error.characters")
		}
		if err := p.Err(); err != nil {
			return err
		}
		if in.Times != out.Times {
			return access.ErrChanged
		}
		now := s.Clock.Now()
		c.Told = append(c.Told, Telling{At: now, By: by.Account, Name: by.Name, To: to, Number: out.Numbers[at].Number})
		c.Told = c.Told[max(0, len(c.Told)-maxTold):]
		body, err := s.sealCode(ctx, tx, m.Thread, m.ID, c)
		if err != nil {
			return err
		}
		if out.ToldAt.IsZero() {
			out.ToldAt = now
		}
		out.Times++
		if _, err := tx.Exec(ctx, `UPDATE correspondence_code SET told_at = $1, times = $2, body = $3 WHERE message = $4`, out.ToldAt, out.Times, body, m.ID); err != nil {
			return err
		}
		if err := access.Touch(ctx, tx, m.Thread, now); err != nil {
			return err
		}
		if err := s.tellLeft(ctx, tx, by, out.Thread); err != nil {
			return err
		}
		return s.record(ctx, tx, by, VerbCodeTold, out.Thread, teamOnly(m.Message), ref.Ref{}, []audit.Change{{Field: "to", To: to}, {Field: "phone", To: out.Numbers[at].Number}})
	})
	if err != nil {
		return CodeState{}, fmt.Errorf("record that a code was told: %w", err)
	}
	return out.CodeState, nil
}

// tellLeft says to who follows how many codes of a thread are still to be told.
func (s *Service) tellLeft(ctx context.Context, tx *db.Tx, by access.Actor, t Thread) error {
	if s.Follow == nil {
		return nil
	}
	left, err := s.CodesLeft(ctx, tx, t.Ref.ID)
	if err != nil {
		return err
	}
	return s.Follow.CodesLeftTx(ctx, tx, by, t, left)
}

// CodesLeft counts the codes of a thread that are still to be told.
func (s *Service) CodesLeft(ctx context.Context, h db.Handle, thread int64) (n int, err error) {
	return n, h.QueryRow(ctx, `SELECT COUNT(*) FROM correspondence_code c JOIN correspondence_message m ON m.id = c.message
		WHERE c.thread = $1 AND c.told_at IS NULL AND `+leftLocked+` AND m.withdrawn_at IS NULL`, thread).Scan(&n)
}
