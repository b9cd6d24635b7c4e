package registration

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const columns = access.Columns + `, g.reference, g.state, g.channel, g.review, g.organisation, g.account, g.class, g.lang, g.said, g.decision, g.checks, g.code, g.public_key, g.thread,
	g.received_at, g.first_by, g.decided_by, g.decided_at, k.wrapped`

const tables = ` JOIN registration_registration g ON g.id = o.id LEFT JOIN keyring_key k ON k.owner = o.id`

// scan reads a row and opens what is sealed in it. What was destroyed has nothing in it.
func (s *Service) scan(r *db.Rows) (Registration, error) {
	var x Registration
	var said, decision, wrapped []byte
	var checks string
	err := r.Scan(append(x.Dst(), &x.Reference, (*string)(&x.State), &x.Channel, &x.Review, &x.Organisation, &x.Account, (*string)(&x.Class), &x.Lang, &said, &decision, &checks,
		&x.code, &x.public, &x.thread, &x.ReceivedAt, &x.FirstBy, &x.DecidedBy, &x.DecidedAt, &wrapped)...)
	if err != nil {
		return x, err
	}
	x.Checks = strings.Fields(checks)
	if x.Destroyed = wrapped == nil; x.Destroyed {
		return x, nil
	}
	key, err := s.Ring.Unwrap(x.Ref.ID, wrapped)
	if err != nil {
		return x, err
	}
	for _, part := range []struct {
		sealed []byte
		place  string
		into   any
	}{{said, saidPlace(x.Ref.ID), &x.Said}, {decision, decisionPlace(x.Ref.ID), &x.Decision}} {
		if part.sealed == nil {
			continue
		}
		raw, err := key.Open(part.place, part.sealed)
		if err == nil {
			err = json.Unmarshal(raw, part.into)
		}
		if err != nil {
			return x, err
		}
	}
	_, x.Reasons = s.Annexes.Assess(x.Said.Scope())
	return x, nil
}

// byID reads one past any scope: the caller has checked what it follows from.
func (s *Service) byID(ctx context.Context, h db.Handle, n int64) (Registration, error) {
	return db.One(ctx, h, s.scan, `SELECT `+columns+` FROM object o`+tables+` WHERE o.id = $1`, n)
}

// needDesk refuses who does not read the register as one of us.
func needDesk(by access.Actor) error { return by.Need(access.ReadRegistry) }

// Get reads one by uid or reference. It needs ReadRegistry. Refused: NotFound.
func (s *Service) Get(ctx context.Context, h db.Handle, by access.Actor, name string) (Registration, error) {
	if err := needDesk(by); err != nil {
		return Registration{}, err
	}
	o, err := access.Find(ctx, h, by, ref.Registration, name)
	if err != nil {
		return Registration{}, err
	}
	return s.byID(ctx, h, o.Ref.ID)
}

// forChange loads one under the actor's scope and holds it until commit.
func (s *Service) forChange(ctx context.Context, tx *db.Tx, by access.Actor, name string) (Registration, error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return Registration{}, err
	}
	o, err := access.LoadForChange(ctx, tx, by, ref.Registration, name)
	if err != nil {
		return Registration{}, err
	}
	return s.byID(ctx, tx, o.Ref.ID)
}

// Filter narrows the queue.
type Filter struct {
	State State // "" for all that are open
	Limit int   // 50 when 0, 200 at most
	After string
}

// List gives registrations: open ones that wait longest first, decided ones the newest first. It needs ReadRegistry. Refused: Invalid for a cursor that is
// none.
func (s *Service) List(ctx context.Context, h db.Handle, by access.Actor, f Filter) (constituency.Page[Registration], error) {
	var page constituency.Page[Registration]
	if err := needDesk(by); err != nil {
		return page, err
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 200)
	states, newest := []string{string(New), string(Asked), string(Second)}, false
	if f.State != "" {
		if !slices.Contains(States, f.State) {
			var p errs.Problems
			p.Add("state", "error.choice")
			return page, p.Err()
		}
		states, newest = []string{string(f.State)}, !f.State.Open()
	}
	q := new(db.Query).Add(`SELECT ` + columns + ` FROM `)
	access.Sees(by).From(q, ref.Registration).Add(tables + ` WHERE g.state IN `)
	db.In(q, states)
	order, past := `g.id`, ` AND g.id > ?`
	if newest {
		order, past = `g.id DESC`, ` AND g.id < ?`
	}
	if f.After != "" {
		n, err := strconv.ParseInt(f.After, 36, 64)
		if err != nil {
			var p errs.Problems
			p.Add("after", "error.cursor")
			return page, p.Err()
		}
		q.Add(past, n)
	}
	list, err := db.List(ctx, h, q.Add(` ORDER BY `+order+` LIMIT ?`, int64(f.Limit+1)), s.scan)
	if len(list) > f.Limit {
		list = list[:f.Limit]
		page.Next = strconv.FormatInt(list[f.Limit-1].Ref.ID, 36)
	}
	page.Items = list
	return page, err
}

// Counts gives how many registrations stand in each open state. It needs ReadRegistry.
func (s *Service) Counts(ctx context.Context, h db.Handle, by access.Actor) (map[State]int, error) {
	out := map[State]int{}
	if err := needDesk(by); err != nil {
		return out, err
	}
	q := new(db.Query).Add(`SELECT g.state, COUNT(*) FROM `)
	access.Sees(by).From(q, ref.Registration).Add(` JOIN registration_registration g ON g.id = o.id WHERE g.state IN ('new', 'asked', 'second') GROUP BY g.state`)
	_, err := db.List(ctx, h, q, func(r *db.Rows) (n int, err error) {
		var state string
		if err = r.Scan(&state, &n); err == nil {
			out[State(state)] = n
		}
		return n, err
	})
	return out, err
}

// Words gives what was asked and answered. The caller has read the registration.
func (s *Service) Words(ctx context.Context, h db.Handle, r Registration) ([]Word, error) {
	return s.words(ctx, h, r.Ref.ID)
}

func (s *Service) words(ctx context.Context, h db.Handle, registration int64) ([]Word, error) {
	key, err := s.Ring.Get(ctx, h, registration)
	if errors.Is(err, keyring.ErrDestroyed) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return db.All(ctx, h, func(r *db.Rows) (Word, error) {
		var w Word
		var sealed []byte
		if err := r.Scan(&w.UID, &w.Ours, &w.By, &w.At, &sealed); err != nil {
			return w, err
		}
		raw, err := key.Open(wordPlace(w.UID), sealed)
		w.Text = string(raw)
		return w, err
	}, `SELECT uid, ours, by_account, at, sealed FROM registration_word WHERE registration = $1 ORDER BY id LIMIT 200`, registration)
}

// Files lists the proofs of authority. The caller has read the registration.
func (s *Service) Files(ctx context.Context, h db.Handle, r Registration) ([]File, error) {
	all, err := s.files(ctx, h, r, "")
	out := make([]File, len(all))
	for i, f := range all {
		out[i] = f.File
	}
	return out, err
}

// Content gives one file of a registration. It needs ReadRegistry. Refused: NotFound.
func (s *Service) Content(ctx context.Context, h db.Handle, by access.Actor, name, file string) (File, []byte, error) {
	r, err := s.Get(ctx, h, by, name)
	if err != nil {
		return File{}, nil, err
	}
	all, err := s.files(ctx, h, r, file)
	if err != nil || len(all) != 1 {
		return File{}, nil, cmp.Or(err, error(errs.ErrNotFound))
	}
	return all[0].File, all[0].content, nil
}

type openFile struct {
	File
	content []byte
}

func (s *Service) files(ctx context.Context, h db.Handle, r Registration, only string) ([]openFile, error) {
	key, err := s.Ring.Get(ctx, h, r.Ref.ID)
	if errors.Is(err, keyring.ErrDestroyed) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return db.All(ctx, h, func(rows *db.Rows) (openFile, error) {
		var f openFile
		var sealed []byte
		if err := rows.Scan(&f.UID, &f.Size, &sealed); err != nil {
			return f, err
		}
		raw, err := key.Open(filePlace(f.UID), sealed)
		var in sealedFile
		if err == nil {
			err = json.Unmarshal(raw, &in)
		}
		f.Name, f.Type, f.content = in.Name, in.Type, in.Content
		return f, err
	}, `SELECT uid, size, sealed FROM registration_file WHERE registration = $1 AND ($2 = '' OR uid = $2) ORDER BY id LIMIT 50`, r.Ref.ID, only)
}

// Match is an organisation of the register that may be the same, and by what.
type Match struct {
	Organisation constituency.Organisation
	By           []string // "identifier", "name", "email", "network"
	Proved       []string // networks of what was said that it has proved
	People       bool     // it has people who sign in: none is invited
}

const mostMatches = 20

// Matches gives the organisations that the register knows by the same identifier, name, mail address or network. It needs ReadRegistry.
func (s *Service) Matches(ctx context.Context, by access.Actor, r Registration) ([]Match, error) {
	if err := needDesk(by); err != nil {
		return nil, err
	}
	traces, err := s.Constituency.Same(ctx, s.DB, by, constituency.Told{
		External: r.Said.Identifier, Name: r.Said.Name, Assets: r.Said.Networks,
		Emails: []string{r.Said.Security.Email, r.Said.Duty.Email, r.Said.Management.Email, r.Said.Admin.Email},
	})
	if err != nil {
		return nil, err
	}
	if r.Organisation != 0 {
		traces = append([]constituency.Trace{{Organisation: r.Organisation, By: "account"}}, traces...)
	}
	found := map[int64]*Match{}
	var ids []int64
	for _, t := range traces {
		m := found[t.Organisation]
		if m == nil {
			if len(ids) >= mostMatches {
				continue
			}
			m = &Match{}
			found[t.Organisation], ids = m, append(ids, t.Organisation)
		}
		if !slices.Contains(m.By, t.By) {
			m.By = append(m.By, t.By)
		}
		if t.Proved {
			m.Proved = append(m.Proved, t.Value)
		}
	}
	all, err := s.Constituency.ByID(ctx, s.DB, ids...)
	if err != nil {
		return nil, err
	}
	people, err := s.Accounts.HavePeople(ctx, s.DB, ids...)
	if err != nil {
		return nil, err
	}
	for _, n := range ids {
		found[n].Organisation, found[n].People = all[n], people[n]
	}
	var out []Match
	for _, m := range found {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Match) int {
		return cmp.Or(-cmp.Compare(len(a.By), len(b.By)), strings.Compare(a.Organisation.Name, b.Organisation.Name), cmp.Compare(a.Organisation.Ref.ID, b.Organisation.Ref.ID))
	})
	return out, nil
}
