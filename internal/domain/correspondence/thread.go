package correspondence

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// NewThread is the input of OpenThreadTx.
type NewThread struct {
	About         ref.Ref
	Fresh         bool  // the same transaction has made what it is about: not sealed, and an exercise as Exercise says
	Compartment   int64 // 0: the thread's own About object
	Apart         bool  // it lies in a compartment of its own: no organisation ever sees it
	TLP           tlp.Level
	Exercise      bool
	Prefix        string // "R" for a reporter, "P" for a party
	Reference     string // "" draws one
	Correspondent Correspondent
}

// sealedThread is the sealed part of a thread.
type sealedThread struct {
	Tag           string        `json:"tag"`
	Correspondent Correspondent `json:"correspondent"`
}

func threadPlace(object int64) string { return fmt.Sprintf("correspondence_thread.body:%d", object) }

func (s *Service) sealThread(key keyring.Key, t Thread) ([]byte, error) {
	b, err := json.Marshal(sealedThread{t.Tag, t.Correspondent})
	if err != nil {
		return nil, err
	}
	return key.Seal(threadPlace(t.Ref.ID), b), nil
}

func tagHash(tag string) []byte { return id.SecretOf("tag_" + tag).Hash() }

// OpenThreadTx makes a thread with its data key, reference and tag. The caller has checked that the actor may do so to the About object.
// A reference that is given and in use already is a Conflict.
func (s *Service) OpenThreadTx(ctx context.Context, tx *db.Tx, by access.Actor, in NewThread) (Thread, error) {
	var t Thread
	if in.About.IsZero() {
		return t, fmt.Errorf("open thread: about nothing")
	}
	if in.TLP == 0 {
		in.TLP = tlp.Unlabelled
	}
	if in.Compartment == 0 {
		in.Compartment = in.About.ID
	}
	if in.Apart {
		in.Compartment = access.Apart
	}
	now := s.Clock.Now()
	reference, err := s.reference(ctx, tx, in, now.Year())
	if err != nil {
		return t, err
	}
	t = Thread{
		Object: access.Object{Ref: ref.Ref{Kind: ref.Thread}, Realm: access.Team, Compartment: in.Compartment, TLP: in.TLP, Exercise: in.Exercise},
		About:  in.About, Reference: reference, Tag: id.New(), Correspondent: in.Correspondent, fresh: tx,
	}
	if in.Fresh {
		t.above = &above{exercise: in.Exercise}
	}
	if err := access.Protect(ctx, tx, &t.Object, now); err != nil {
		return t, err
	}
	key, err := s.Ring.Create(ctx, tx, t.Ref.ID, now)
	if err != nil {
		return t, err
	}
	body, err := s.sealThread(key, t)
	if err != nil {
		return t, err
	}
	err = tx.Later(ctx, `INSERT INTO correspondence_thread (object, about, about_kind, reference, tag, body) VALUES ($1, $2, $3, $4, $5, $6)`,
		t.Ref.ID, t.About.ID, int64(t.About.Kind), t.Reference, tagHash(t.Tag), body)
	if err != nil {
		return t, fmt.Errorf("open thread: %w", err)
	}
	err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "correspondence.open", On: t.Ref, About: t.About, Compartment: t.Compartment, Owner: t.Ref.ID})
	return t, err
}

// reference draws a reference that nobody has, or takes the given one: when it is in use the unique index refuses it.
func (s *Service) reference(ctx context.Context, tx *db.Tx, in NewThread, year int) (string, error) {
	if in.Reference != "" {
		return in.Reference, nil
	}
	free := func(r string) (bool, error) {
		var n int64
		err := tx.QueryRow(ctx, `SELECT object FROM correspondence_thread WHERE reference = $1`, r).Scan(&n)
		if errs.Is(err, errs.NotFound) {
			return true, nil
		}
		return false, err
	}
	for range 20 {
		r := id.Reference(in.Prefix, year)
		if ok, err := free(r); err != nil || ok {
			return r, err
		}
	}
	return "", errs.New(errs.Unavailable, "no free reference was found")
}

const threadColumns = access.Columns + `, t.about, t.about_kind, t.reference, t.encrypted, t.body, k.wrapped`

const threadTables = ` FROM correspondence_thread t JOIN object o ON o.id = t.object LEFT JOIN keyring_key k ON k.owner = t.object `

// scanThread reads a row of threadColumns. A thread whose content was destroyed has neither correspondent nor tag.
func (s *Service) scanThread(r *db.Rows) (Thread, error) {
	var t Thread
	var body, wrapped []byte
	if err := r.Scan(append(t.Dst(), &t.About.ID, &t.About.Kind, &t.Reference, &t.Encrypted, &body, &wrapped)...); err != nil {
		return t, err
	}
	return t, s.openThread(&t, body, wrapped)
}

func (s *Service) openThread(t *Thread, body, wrapped []byte) error {
	if len(wrapped) == 0 {
		return nil
	}
	key, err := s.Ring.Unwrap(t.Ref.ID, wrapped)
	if err != nil {
		return err
	}
	plain, err := key.Open(threadPlace(t.Ref.ID), body)
	if err != nil {
		return err
	}
	var sealed sealedThread
	if err := json.Unmarshal(plain, &sealed); err != nil {
		return err
	}
	t.Tag, t.Correspondent = sealed.Tag, sealed.Correspondent
	return nil
}

// Threads gives threads by object id, for duties that have checked the object that names them.
func (s *Service) Threads(ctx context.Context, h db.Handle, ids ...int64) (map[int64]Thread, error) {
	out := make(map[int64]Thread, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT ` + threadColumns + threadTables + `WHERE t.object IN `)
	list, err := db.List(ctx, h, db.In(q, ids), s.scanThread)
	if err != nil {
		return nil, fmt.Errorf("read threads: %w", err)
	}
	for _, t := range list {
		out[t.Ref.ID] = t
	}
	return out, nil
}

// ThreadsAbout gives the threads about an object that the caller has checked.
func (s *Service) ThreadsAbout(ctx context.Context, h db.Handle, about int64) ([]Thread, error) {
	return db.All(ctx, h, s.scanThread, `SELECT `+threadColumns+threadTables+`WHERE t.about = $1 ORDER BY t.object`, about)
}

// ByReference finds a thread by its outward reference. A reference never files and never grants (rule M6): it is for proposals and for the
// telephone.
func (s *Service) ByReference(ctx context.Context, h db.Handle, reference string) (Thread, error) {
	r, ok := id.ParseReference(reference)
	if !ok {
		return Thread{}, errs.ErrNotFound
	}
	return db.One(ctx, h, s.scanThread, `SELECT `+threadColumns+threadTables+`WHERE t.reference = $1`, r)
}

// Match tells to which thread the recipients of a mail lead by their tag; errs.ErrNotFound when none does, or when two tags lead to different
// threads: then a person decides. A thread whose content was destroyed takes nothing more. Tags of another spelling than the exact one never match.
func (s *Service) Match(ctx context.Context, h db.Handle, recipients []string) (Thread, error) {
	var hashes [][]byte
	for _, r := range recipients {
		if tag, ok := s.tagOf(r); ok && len(hashes) < 100 {
			hashes = append(hashes, tagHash(tag))
		}
	}
	if len(hashes) == 0 {
		return Thread{}, errs.ErrNotFound
	}
	q := new(db.Query).Add(`SELECT ` + threadColumns + threadTables + `WHERE k.owner IS NOT NULL AND t.tag IN `)
	list, err := db.List(ctx, h, db.In(q, hashes).Add(` ORDER BY t.object LIMIT 2`), s.scanThread)
	if err != nil {
		return Thread{}, fmt.Errorf("match thread: %w", err)
	}
	if len(list) != 1 {
		return Thread{}, errs.ErrNotFound
	}
	return list[0], nil
}

// tagOf reads local+TAG@domain strictly: our own local part, one plus, 26 characters in the spelling we gave out. Only the domain has no case.
func (s *Service) tagOf(recipient string) (string, bool) {
	local, domain, ok := strings.Cut(s.Team.Address, "@")
	at := strings.LastIndexByte(recipient, '@')
	if !ok || at < 0 || !strings.EqualFold(recipient[at+1:], domain) {
		return "", false
	}
	tag, ok := strings.CutPrefix(recipient[:at], local+"+")
	return tag, ok && id.Valid(tag) && strings.ToLower(tag) == tag
}

// lockThread loads a thread and locks its object until commit. Who may do so was asked before.
func (s *Service) lockThread(ctx context.Context, tx *db.Tx, object int64) (Thread, error) {
	return db.One(ctx, tx, s.scanThread, `SELECT `+threadColumns+threadTables+`WHERE t.object = $1`+tx.ForUpdate("o", "t"), object)
}

// MoveTx lets a thread go on under another object (its reporter became a party) and in another compartment (0 keeps it). The caller has
// checked both.
func (s *Service) MoveTx(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, about ref.Ref, compartment int64) error {
	t, err := s.lockThread(ctx, tx, thread)
	if err != nil {
		return fmt.Errorf("move thread: %w", err)
	}
	from := t.Compartment
	if compartment != 0 {
		t.Compartment = compartment
	}
	now := s.Clock.Now()
	if err := access.Update(ctx, tx, &t.Object, now); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE correspondence_thread SET about = $1, about_kind = $2 WHERE object = $3`, about.ID, int64(about.Kind), thread); err != nil {
		return fmt.Errorf("move thread: %w", err)
	}
	err = s.Audit.Write(ctx, tx, audit.Entry{
		At: now, By: by, Verb: "correspondence.move", On: t.Ref, About: about, Owner: thread,
		Changes: []audit.Change{{Field: "about", From: t.About.String(), To: about.String()}, {Field: "compartment", From: from, To: t.Compartment}},
	})
	return err
}

// AmendTx changes name, address or language of the correspondent. The caller has checked the object that names the thread. What is held
// already goes to the address for which it was written.
func (s *Service) AmendTx(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, c Correspondent) error {
	t, err := s.lockThread(ctx, tx, thread)
	if err != nil {
		return fmt.Errorf("amend correspondent: %w", err)
	}
	was := t.Correspondent
	t.Correspondent = c
	key, err := s.Ring.Get(ctx, tx, thread)
	if err != nil {
		return err
	}
	body, err := s.sealThread(key, t)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	if _, err := tx.Exec(ctx, `UPDATE correspondence_thread SET body = $1 WHERE object = $2`, body, thread); err != nil {
		return fmt.Errorf("amend correspondent: %w", err)
	}
	if err := access.Touch(ctx, tx, thread, now); err != nil {
		return err
	}
	var changes []audit.Change
	for _, f := range []struct {
		name     string
		from, to any
	}{
		{"name", was.Name, c.Name},
		{"email", was.Email, c.Email},
		{"phone", was.Phone, c.Phone},
		{"lang", was.Lang, c.Lang},
		{"organisation", was.Organisation, c.Organisation},
		{"contact", was.Contact, c.Contact},
	} {
		if f.from != f.to {
			changes = append(changes, audit.Change{Field: f.name, From: f.from, To: f.to})
		}
	}
	err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "correspondence.amend", On: t.Ref, About: t.About, Owner: thread, Changes: changes})
	return err
}
