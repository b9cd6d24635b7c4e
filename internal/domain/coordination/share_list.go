package coordination

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// SubjectOfShare gives what a share belongs to, as far as the actor may see it. The actor needs access.ReadCases.
func (s *Service) SubjectOfShare(ctx context.Context, h db.Handle, by access.Actor, share string) (ref.Ref, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return ref.Ref{}, err
	}
	var on ref.Ref
	if err := h.QueryRow(ctx, `SELECT subject, subject_kind FROM coordination_share WHERE uid = $1`, share).Scan(&on.ID, &on.Kind); err != nil {
		return ref.Ref{}, err
	}
	_, err := access.Load(ctx, h, by, on)
	return on, err
}

// mostShares is how many shares of one subject are shown.
const mostShares = 500

// Shares lists what was shared of an incident, newest first, with what became of each copy. It is the team's: the actor needs access.ReadCases.
func (s *Service) Shares(ctx context.Context, by access.Actor, subject string) ([]Share, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return nil, err
	}
	all, err := s.readShares(ctx, o.Ref)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	parties, err := s.PartiesOf(ctx, s.DB, by, o.Ref)
	if err != nil {
		return nil, err
	}
	byID := map[int64]Party{}
	for _, p := range parties {
		byID[p.Ref.ID] = p
	}
	if err := s.readers(ctx, by, all, byID); err != nil {
		return nil, err
	}
	return all, s.beyond(ctx, all)
}

func (s *Service) readShares(ctx context.Context, subject ref.Ref) ([]Share, error) {
	key, kerr := s.Ring.Get(ctx, s.DB, subject.ID)
	return db.All(ctx, s.DB, func(r *db.Rows) (Share, error) {
		x := Share{Subject: subject}
		var body []byte
		if err := r.Scan(&x.ID, &x.UID, &x.Item.Kind, &x.Source, &x.thread, &x.Item.ID, &x.Item.File, &x.Named, &x.At, &x.By, &body); err != nil {
			return x, err
		}
		if kerr != nil { // its content was destroyed
			return x, nil
		}
		b, err := openShare(key, x.UID, body)
		x.ByName, x.Text, x.Note, x.FileName, x.Label, x.Faithful = b.ByName, b.Text, b.Note, b.FileName, b.Label, b.Faithful
		return x, err
	}, `SELECT id, uid, kind, source, thread, item, file, named, at, account, body FROM coordination_share WHERE subject = $1 ORDER BY id DESC LIMIT $2`, subject.ID, mostShares)
}

// readers fills with whom things were shared, and where each copy stands.
func (s *Service) readers(ctx context.Context, by access.Actor, all []Share, parties map[int64]Party) error {
	of := map[int64]*Share{}
	ids := make([]int64, len(all))
	for i := range all {
		of[all[i].ID], ids[i] = &all[i], all[i].ID
	}
	type line struct {
		Shared
		share int64
	}
	q := db.In(new(db.Query).Add(`SELECT share, party, message, tlp, withdrawn_at FROM coordination_shared WHERE share IN `), ids)
	lines, err := db.List(ctx, s.DB, q.Add(` ORDER BY share, party`), func(r *db.Rows) (l line, err error) {
		return l, r.Scan(&l.share, &l.Party.Ref.ID, &l.message, &l.TLP, &l.WithdrawnAt)
	})
	if err != nil {
		return err
	}
	var threads []int64
	for _, l := range lines {
		if p := parties[l.Party.Ref.ID]; p.Thread != 0 && !slices.Contains(threads, p.Thread) {
			threads = append(threads, p.Thread)
		}
	}
	messages, err := s.Correspondence.Passed(ctx, s.DB, by, threads...)
	if err != nil {
		return err
	}
	for _, l := range lines {
		p, ok := parties[l.Party.Ref.ID]
		if !ok { // not for this reader
			continue
		}
		l.Party = p
		if i := slices.IndexFunc(messages, func(m correspondence.Message) bool { return m.ID == l.message }); i >= 0 {
			l.State, l.SentAt, l.SeenAt, l.Road = messages[i].State, messages[i].SentAt, messages[i].SeenAt, messages[i].Road
		}
		of[l.share].Readers = append(of[l.share].Readers, l.Shared)
	}
	return nil
}

// beyond marks what its source would not let go any more, and names the threads that things came on.
func (s *Service) beyond(ctx context.Context, all []Share) error {
	var ids []int64
	for _, x := range all {
		if x.thread != 0 && !slices.Contains(ids, x.thread) {
			ids = append(ids, x.thread)
		}
	}
	threads, err := s.Correspondence.Threads(ctx, s.DB, ids...)
	if err != nil {
		return err
	}
	words, err := s.Correspondence.WordsOf(ctx, s.DB, slices.Collect(maps.Values(threads))...)
	if err != nil {
		return err
	}
	for i := range all {
		x := &all[i]
		if x.thread == 0 {
			continue
		}
		x.Item.Thread = threads[x.thread].UID
		named, why := mayShare(x.Label, words[x.thread].Of(x.Item.ID))
		out := slices.ContainsFunc(x.Readers, Shared.Out)
		x.Beyond = out && (why != "" || x.Named && !named)
	}
	return nil
}

func sharePlace(uid string) string { return "coordination_share.body:" + uid }

func sealShare(k keyring.Key, uid string, b shareBody) ([]byte, error) {
	plain, err := json.Marshal(b)
	return k.Seal(sharePlace(uid), plain), err
}

func openShare(k keyring.Key, uid string, sealed []byte) (b shareBody, err error) {
	plain, err := k.Open(sharePlace(uid), sealed)
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(plain, &b)
}
