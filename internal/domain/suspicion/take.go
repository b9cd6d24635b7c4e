package suspicion

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Message is what somebody handed on: the mail as it arrived, and what it tells.
type Message struct {
	Arrival int64
	At      time.Time
	Same    []byte // what makes a second copy the same mail; nil is compared with nothing
	Sender  string // address of who handed it on; "" is nobody's
	Proved  bool   // that address is proved, and a person wrote from it: it may be thanked
	Lang    string // of the thanks
	Contact int64  // of the sender, when known
	Org     int64
	Reading
}

// kept is what is sealed of a message beside its mail, under the mail's key.
type kept struct {
	Title  string     `json:"title,omitempty"`
	Domain string     `json:"domain,omitempty"`
	Links  []string   `json:"links,omitempty"`
	Files  []keptFile `json:"files,omitempty"`
	Names  int64      `json:"names,omitempty"` // organisation that it touches
}

type keptFile struct {
	Name string `json:"name,omitempty"`
	Sum  string `json:"sum"`
}

func messagePlace(arrival int64) string { return fmt.Sprintf("suspicion_message.body:%d", arrival) }

// hash is a keyed hash for one purpose.
func (s *Service) hash(purpose string, value []byte) []byte {
	m := hmac.New(sha256.New, s.Ring.Derive("suspicion "+purpose+"/v1"))
	m.Write(value)
	return m.Sum(nil)
}

// TakeTx counts messages, in the transaction that files their mails; it is called once in a transaction. Senders who are proved are thanked, at most once
// in a day. The same mail again is kept and not counted.
func (s *Service) TakeTx(ctx context.Context, tx *db.Tx, by access.Actor, list []Message) error {
	if err := by.Need(access.FileReport); err != nil {
		return err
	}
	arrivals := make([]int64, len(list))
	for i, in := range list {
		arrivals[i] = in.Arrival
	}
	keys, err := s.Ring.Many(ctx, tx, arrivals)
	if err != nil {
		return fmt.Errorf("count suspicious messages: %w", err)
	}
	all := make([]*taken, 0, len(list))
	for _, in := range list {
		t := &taken{Message: in, own: s.read(in), key: keys[in.Arrival]}
		if _, ok := keys[in.Arrival]; !ok {
			return fmt.Errorf("count suspicious messages: %w", keyring.ErrDestroyed)
		}
		if in.Same != nil {
			t.same = s.hash("same", in.Same)
		}
		if in.Sender != "" {
			t.sender = s.hash("sender", []byte(strings.ToLower(in.Sender)))
		}
		all = append(all, t)
	}
	return s.count(ctx, tx, by, all)
}

// taken is a message on its way through count.
type taken struct {
	Message
	own          kept
	traits       []intake.Trait
	same, sender []byte
	key          keyring.Key
	thanked      int64
	again        bool // it is the same mail as one before
	founder      int64
	why          intake.Why
}

// read makes of a reading what is kept.
func (s *Service) read(in Message) kept {
	title := in.Subject
	if title == "" {
		first, _, _ := strings.Cut(strings.TrimSpace(in.Text), "\n")
		title = cutText(first, maxTitle/2)
	}
	own := kept{Title: cutText(mask(mail.Visible(strings.ToValidUTF8(title, "\uFFFD"))), maxTitle), Domain: in.Domain}
	_, house, _ := strings.Cut(strings.ToLower(in.Sender), "@")
	if own.Domain == house && !in.Inner {
		own.Domain = ""
	}
	own.Links = s.Intake.Telling(in.Links, in.Sender)
	own.Links = own.Links[:min(len(own.Links), maxOfOne-maxFiles)]
	for i, l := range own.Links {
		own.Links[i] = mask(l)
	}
	for _, f := range in.Files {
		own.Files = append(own.Files, keptFile{f.Name, f.SHA256})
	}
	return own
}

// count writes the messages of a transaction: which are new, who is thanked, what is alike.
func (s *Service) count(ctx context.Context, tx *db.Tx, by access.Actor, all []*taken) error {
	if err := s.repeated(ctx, tx, all); err != nil {
		return err
	}
	fresh := slices.DeleteFunc(slices.Clone(all), func(t *taken) bool { return t.again })
	if err := s.touched(ctx, tx, fresh); err != nil {
		return err
	}
	byWho := slices.Clone(fresh)
	slices.SortStableFunc(byWho, func(a, b *taken) int { return bytes.Compare(a.sender, b.sender) }) // one order of locks for all
	for _, t := range byWho {
		if err := s.thank(ctx, tx, t); err != nil {
			return err
		}
	}
	for _, t := range fresh {
		t.traits = intake.Likeness(s.Ring.Derive("suspicion trait/v1"), t.Subject, t.Text, t.own.Links, t.Files)
	}
	rows := make([][]any, len(all))
	for i, t := range all {
		raw, err := json.Marshal(t.own)
		if err != nil {
			return err
		}
		rows[i] = []any{t.Arrival, t.At, t.same, t.sender, t.thanked, !t.again, t.key.Seal(messagePlace(t.Arrival), raw)}
	}
	if err := db.InsertMany(ctx, tx, "suspicion_message", []string{"id", "at", "same", "sender", "thanked", "alone", "body"}, rows); err != nil {
		return fmt.Errorf("count suspicious messages: %w", err)
	}
	return s.fold(ctx, tx, by, fresh)
}

// repeated finds the mails that came before. Two transactions with the same mail meet at the unique index: one of them is tried again and finds it here.
func (s *Service) repeated(ctx context.Context, tx *db.Tx, all []*taken) error {
	at := map[string]bool{}
	var sums [][]byte
	for _, t := range all {
		if t.same == nil {
			continue
		}
		if at[string(t.same)] {
			t.again, t.same = true, nil
			continue
		}
		at[string(t.same)] = true
		sums = append(sums, t.same)
	}
	if len(sums) == 0 {
		return nil
	}
	before, err := db.List(ctx, tx, db.In(new(db.Query).Add(`SELECT same FROM suspicion_message WHERE same IN `), sums), func(r *db.Rows) (b []byte, err error) { return b, r.Scan(&b) })
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, b := range before {
		known[string(b)] = true
	}
	for _, t := range all {
		if t.same != nil && known[string(t.same)] {
			t.again, t.same = true, nil
		}
	}
	return nil
}

// thanksRest is how long after its thanks a sender is not thanked again.
const thanksRest = 24 * time.Hour

func (s *Service) thank(ctx context.Context, tx *db.Tx, t *taken) error {
	if !t.Proved || t.sender == nil {
		return nil
	}
	now := s.Clock.Now()
	n, err := tx.Exec(ctx, `INSERT INTO suspicion_thanks (sender, at) VALUES ($1, $2) ON CONFLICT (sender) DO UPDATE SET at = excluded.at WHERE suspicion_thanks.at <= $3`,
		t.sender, now, now.Add(-thanksRest))
	if err != nil || n == 0 {
		return err
	}
	t.thanked, err = s.Correspondence.ThankTx(ctx, tx, t.Arrival, correspondence.Correspondent{Email: t.Sender, Lang: t.Lang, Contact: t.Contact, Organisation: t.Org}, t.At)
	return err
}

// touched says which of the messages touch a domain or an address of an organisation: by where their links lead and by where they say to come from. The
// house of who handed it on does not count.
func (s *Service) touched(ctx context.Context, tx *db.Tx, all []*taken) error {
	var hosts []string
	of := make([][]string, len(all))
	for i, t := range all {
		_, house, _ := strings.Cut(strings.ToLower(t.Sender), "@")
		add := func(host string) {
			if host != "" && !mail.Under(host, house) && !slices.Contains(of[i], host) {
				of[i] = append(of[i], host)
			}
		}
		add(t.own.Domain)
		for _, l := range t.own.Links {
			host, _, _ := strings.Cut(l, "/")
			add(host)
		}
		hosts = append(hosts, of[i]...)
	}
	owners, err := s.Constituency.Answering(ctx, tx, hosts)
	if err != nil {
		return err
	}
	for i, t := range all {
		for _, h := range of[i] {
			if org := owners[h]; org != 0 && t.own.Names == 0 {
				t.own.Names = org
			}
		}
	}
	return nil
}

// TakeBackTx uncounts a mail that turned out to be a report: it came to both addresses, and here first.
func (s *Service) TakeBackTx(ctx context.Context, tx *db.Tx, same []byte) error {
	var arrival, campaign int64
	var at time.Time
	all, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&arrival, &campaign, &at) },
		`SELECT id, campaign, at FROM suspicion_message WHERE same = $1`, s.hash("same", same))
	if err != nil || len(all) == 0 {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE suspicion_message SET campaign = 0, why = 0, alone = FALSE WHERE id = $1`, arrival); err != nil {
		return err
	}
	for _, q := range []struct {
		text string
		args []any
	}{
		{`UPDATE suspicion_campaign SET messages = messages - 1 WHERE id = $1 AND messages > 0`, []any{campaign}},
		{`UPDATE suspicion_hour SET messages = messages - 1 WHERE campaign IN (0, $1) AND hour = $2 AND messages > 0`, []any{campaign, hourOf(at)}},
	} {
		if _, err := tx.Exec(ctx, q.text, q.args...); err != nil {
			return err
		}
	}
	return nil
}

func hourOf(at time.Time) int64 { return at.Unix() / 3600 }
