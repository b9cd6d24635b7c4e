package correspondence

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/blob"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// AsksSecond tells whether the brake of rule O5 asks for a second person before letters under a label go to so many readers. It is for a duty that asks
// for that person itself, before it writes the letters.
func (s *Service) AsksSecond(ctx context.Context, h db.Handle, by access.Actor, readers int, label tlp.Level) (bool, error) {
	list := make([]Addressed, readers)
	for i := range list {
		list[i] = Addressed{Thread: int64(i + 1), Outgoing: Outgoing{TLP: label}}
	}
	return s.brakes(ctx, h, by, list, s.Clock.Now())
}

// SendApprovedTx is SendManyTx for letters of an act that was held for second thoughts itself and asked for its second person where AsksSecond does: they
// are neither braked nor held again. Everything else is asked as of every letter.
func (s *Service) SendApprovedTx(ctx context.Context, tx *db.Tx, by access.Actor, list []Addressed) ([]Message, error) {
	for i := range list {
		list[i].ready = true
	}
	return s.putAll(ctx, tx, by, 0, list)
}

// RoadsTo says which road a letter would take on each of many threads, under the label of the same place, in a number of statements that grows with thousands.
// A thread need not stand yet: what it would be about, its compartment and its correspondent do. Whether a key in force can be encrypted to is looked at when
// the letter is written.
func (s *Service) RoadsTo(ctx context.Context, h db.Handle, threads []Thread, labels []tlp.Level) ([]egress.Decision, error) {
	now := s.Clock.Now()
	at := make([]*Thread, len(threads))
	var contacts []int64
	for i := range threads {
		at[i] = &threads[i]
		if c := threads[i].Correspondent.Contact; c != 0 {
			contacts = append(contacts, c)
		}
	}
	if len(at) == 0 {
		return nil, nil
	}
	if err := s.lookAbove(ctx, h, at); err != nil {
		return nil, err
	}
	openpgp, certificates, err := s.Constituency.KeyKinds(ctx, h, now, contacts...)
	if err != nil {
		return nil, err
	}
	phones, err := s.Constituency.Telephoned(ctx, h, contacts...)
	if err != nil {
		return nil, err
	}
	policy, err := s.Egress.Policy(ctx, h)
	if err != nil {
		return nil, err
	}
	certified := s.certified(now)
	out := make([]egress.Decision, len(threads))
	for i, t := range at {
		m := stored{Message: Message{TLP: labels[i], Channel: ByMail, Body: Body{To: t.Correspondent.Email}}}
		if m.Body.To == "" {
			m.Channel = ByPortal
		}
		ask := asking(m, t)
		c := t.Correspondent.Contact
		ask.HasKey, ask.HasPhone = m.Body.To != "" && (openpgp[c] || certified && certificates[c]), phones[c]
		out[i] = egress.Decide(policy, ask)
	}
	return out, nil
}

// asking is ask but for the key, for a thread whose marks from above were read.
func asking(m stored, t *Thread) egress.Ask {
	a := egress.Ask{Object: t.Object, TLP: m.TLP, Compartment: t.Compartment, Reader: m.Body.To, Channel: egress.Mail, OnceSealed: t.Encrypted, Automatic: m.Automatic && !m.content.Worded}
	if m.Channel == ByPortal {
		a.Channel, a.Reader = egress.Portal, fmt.Sprintf("compartment %d", t.Compartment)
	}
	a.Object.Sealed = a.Object.Sealed || t.above.sealed
	a.Object.Exercise = a.Object.Exercise || t.above.exercise
	return a
}

// FileOf is a file and the thread that it is for.
type FileOf struct {
	Thread     int64
	Name, Type string
	Content    io.ReadSeeker
}

// StoreFilesOf stores one file for each of many threads, in their order, as StoreFiles does for one. What a rolled back transaction leaves is swept after a day.
func (s *Service) StoreFilesOf(ctx context.Context, files []FileOf) ([]File, error) {
	out := make([]File, len(files))
	for i, f := range files {
		key, err := s.ownerKey(ctx, f.Thread)
		if err != nil {
			return nil, fmt.Errorf("store files: %w", err)
		}
		b, err := s.Blobs.Put(ctx, blob.Key{Owner: key.owner, Bytes: key.bytes}, f.Content)
		if err != nil {
			return nil, fmt.Errorf("store files: %w", err)
		}
		out[i] = File{UID: id.New(), Name: mail.Visible(f.Name), Type: mail.Visible(f.Type), Size: b.Size, SHA256: id.Hex(b.SHA256), Blob: b.Name}
	}
	if len(files) == 0 {
		return nil, nil
	}
	now := s.Clock.Now()
	return out, s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows := make([][]any, len(out))
		for i, f := range out {
			rows[i] = []any{f.UID, files[i].Thread, f.Blob, now}
		}
		return db.InsertMany(ctx, tx, "correspondence_file", []string{"uid", "owner", "blob", "stored_at"}, rows)
	})
}

// CountStates says how many of some messages, by uid, stand where. The caller has checked what names them.
func (s *Service) CountStates(ctx context.Context, h db.Handle, uids []string) (map[State]int, error) {
	out := map[State]int{}
	for some := range slices.Chunk(uids, 500) {
		rows, err := db.In(new(db.Query).Add(`SELECT m.state, COUNT(*) FROM correspondence_message m WHERE m.uid IN `), some).Add(` GROUP BY m.state`).Query(ctx, h)
		err = db.Each(rows, err, func(r *db.Rows) error {
			var state string
			var n int
			err := r.Scan(&state, &n)
			out[State(state)] += n
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("count messages: %w", err)
		}
	}
	return out, nil
}
