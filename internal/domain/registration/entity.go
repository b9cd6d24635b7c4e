package registration

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Entity is the entry of a registered entity beside its organisation.
type Entity struct {
	Organisation int64
	Registration int64 // the newest that was approved
	Sector       string
	Kind         string
	Class        scope.Class
	Size         scope.Size
	Entry        Entry
	RegisteredAt time.Time
	ReviewedAt   time.Time
	ReviewDue    time.Time
}

// Entry is what Art. 27 and the form ask beyond what the register of organisations holds.
type Entry struct {
	Said Said `json:"said"`
}

const entityColumns = `e.organisation, e.registration, e.sector, e.kind, e.class, e.size, e.entry, e.registered_at, e.reviewed_at, e.review_due, k.wrapped`

func entryPlace(organisation int64) string {
	return fmt.Sprintf("registration_entity.entry:%d", organisation)
}

func (s *Service) scanEntity(r *db.Rows, more ...any) (Entity, error) {
	var e Entity
	var sealed, wrapped []byte
	err := r.Scan(append([]any{
		&e.Organisation, &e.Registration, &e.Sector, &e.Kind, (*string)(&e.Class), (*string)(&e.Size), &sealed, &e.RegisteredAt, &e.ReviewedAt, &e.ReviewDue, &wrapped,
	}, more...)...)
	if err != nil {
		return e, err
	}
	key, err := s.Ring.Unwrap(e.Organisation, wrapped)
	if err != nil {
		return e, err
	}
	raw, err := key.Open(entryPlace(e.Organisation), sealed)
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(raw, &e.Entry)
}

// entity reads one past any scope.
func (s *Service) entity(ctx context.Context, h db.Handle, organisation int64) (Entity, error) {
	return db.One(ctx, h, func(r *db.Rows) (Entity, error) { return s.scanEntity(r) }, `SELECT `+entityColumns+` FROM registration_entity e LEFT JOIN keyring_key k ON k.owner = e.organisation WHERE e.organisation = $1`, organisation)
}

// Entity gives the entry of an organisation, given by uid. It needs ReadRegistry, or OwnRegistry for the own organisation. Refused: NotFound, also for one that
// is not registered.
func (s *Service) Entity(ctx context.Context, h db.Handle, by access.Actor, organisation string) (Entity, error) {
	if err := by.Need(access.ReadRegistry); err != nil && !by.Can(access.OwnRegistry) {
		return Entity{}, err
	}
	o, err := access.Find(ctx, h, by, ref.Organisation, organisation)
	if err != nil {
		return Entity{}, err
	}
	return s.entity(ctx, h, o.Ref.ID)
}

// Own gives the entry of the actor's own organisation and its newest registration, sent from the portal or approved by us; NotFound errors stand as zero
// values. It needs OwnRegistry.
func (s *Service) Own(ctx context.Context, h db.Handle, by access.Actor) (*Entity, *Registration, error) {
	if err := by.Need(access.OwnRegistry); err != nil {
		return nil, nil, err
	}
	if by.Organisation == 0 {
		return nil, nil, errs.ErrNotFound
	}
	var entity *Entity
	e, err := s.entity(ctx, h, by.Organisation)
	switch {
	case err == nil:
		entity = &e
	case !errs.Is(err, errs.NotFound):
		return nil, nil, err
	}
	list, err := db.All(ctx, h, s.scan, `SELECT `+columns+` FROM object o`+tables+` WHERE g.organisation = $1 AND g.channel = 'portal' ORDER BY g.id DESC LIMIT 1`, by.Organisation)
	if err != nil || len(list) == 0 {
		return entity, nil, err
	}
	return entity, &list[0], nil
}

// own gives a registration that the actor's organisation sent from the portal.
func (s *Service) own(ctx context.Context, h db.Handle, by access.Actor, uid string) (Registration, error) {
	if by.Organisation == 0 {
		return Registration{}, errs.ErrNotFound
	}
	return db.One(ctx, h, s.scan, `SELECT `+columns+` FROM object o`+tables+` WHERE o.uid = $1 AND g.organisation = $2 AND g.channel = 'portal'`, uid, by.Organisation)
}

// putEntity writes the entry and lets the next review run.
func (s *Service) putEntity(ctx context.Context, tx *db.Tx, by access.Actor, r *Registration, o constituency.Organisation, kind scope.Kind) error {
	now := s.Clock.Now()
	key, err := s.Ring.Get(ctx, tx, o.Ref.ID)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(Entry{r.Said})
	if err != nil {
		return err
	}
	size := scope.SizeOf(r.Said.Staff, r.Said.Turnover, r.Said.Balance)
	_, err = tx.Exec(ctx, `INSERT INTO registration_entity (organisation, registration, sector, kind, class, size, entry, registered_at, reviewed_at, review_due)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) ON CONFLICT (organisation) DO UPDATE SET registration = excluded.registration, sector = excluded.sector, kind = excluded.kind,
		class = excluded.class, size = excluded.size, entry = excluded.entry, reviewed_at = excluded.reviewed_at, review_due = excluded.review_due`,
		o.Ref.ID, r.Ref.ID, kind.Sector, kind.Code, string(r.Decision.Class), string(size), key.Seal(entryPlace(o.Ref.ID), raw), now, now.Add(ReviewEvery))
	if err != nil {
		return err
	}
	return s.nextReview(ctx, tx, by, o.Ref)
}

// nextReview meets the clock of this review and starts the next.
func (s *Service) nextReview(ctx context.Context, tx *db.Tx, by access.Actor, o ref.Ref) error {
	now := s.Clock.Now()
	if err := s.Deadlines.MeetTx(ctx, tx, by, o, ReviewClock, now); err != nil {
		return err
	}
	due := now.Add(ReviewEvery)
	_, err := s.Deadlines.StartTx(ctx, tx, by, deadline.Clock{
		About: o, Compartment: o.ID, Kind: ReviewClock, OwedBy: deadline.Them, DueAt: due, RemindAt: due.Add(-remindBefore), Law: "NIS2 Art. 3(3)",
	})
	return err
}

// Handlers are what the clocks of this duty do: a letter to the entity before its review is due and when it is. The work item is there by itself.
func (s *Service) Handlers() map[string]deadline.Due {
	quiet := func(context.Context, *db.Tx, deadline.Clock, bool) error { return nil }
	return map[string]deadline.Due{ReviewClock: s.remind, ChangeClock: quiet}
}

// remind writes to the contact whom we write to anyway. Who has none is a work item of ours when the review is overdue.
func (s *Service) remind(ctx context.Context, tx *db.Tx, c deadline.Clock, _ bool) error {
	to, err := s.Constituency.WriteTo(ctx, tx, c.About.ID)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	lang, err := s.Constituency.Lang(ctx, tx, to.ID)
	if err != nil {
		return err
	}
	by := access.System("clocks")
	t, err := s.Correspondence.OpenThreadTx(ctx, tx, by, correspondence.NewThread{
		About: c.About, Apart: true, TLP: tlp.Green, Prefix: "A", Correspondent: correspondence.Correspondent{Name: to.Name, Email: to.Email, Lang: lang},
	})
	if err != nil {
		return err
	}
	_, err = s.Correspondence.SendFirstTx(ctx, tx, by, &t, correspondence.Outgoing{
		Kind: correspondence.Notice, TLP: tlp.Green, Auto: &correspondence.Auto{Letter: correspondence.AutoReview, At: s.Clock.Now(), DueAt: c.DueAt},
	})
	return err
}

// Owing is an entity that owes something.
type Owing struct {
	Organisation constituency.Organisation
	What         string // ReviewClock or ChangeClock
	Kind         string // of a change
	DueAt        time.Time
}

const mostOwing = 200

// Overdue lists entities whose review, or whose announced change, is overdue, at most 200 of each, the longest first. It needs ReadRegistry.
func (s *Service) Overdue(ctx context.Context, h db.Handle, by access.Actor) ([]Owing, error) {
	if err := needDesk(by); err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	var out []Owing
	var ids []int64
	for _, what := range []string{ReviewClock, ChangeClock} {
		q := new(db.Query)
		if what == ReviewClock {
			q.Add(`SELECT e.organisation, '', e.review_due FROM registration_entity e JOIN `)
			access.Sees(by).From(q, ref.Organisation).Add(` ON o.id = e.organisation WHERE e.review_due <= ? ORDER BY e.review_due, e.organisation LIMIT ?`, now, int64(mostOwing))
		} else {
			q.Add(`SELECT e.organisation, e.kind, e.due FROM registration_change e JOIN `)
			access.Sees(by).From(q, ref.Organisation).Add(` ON o.id = e.organisation WHERE e.told_at IS NULL AND e.due <= ? ORDER BY e.due, e.id LIMIT ?`, now, int64(mostOwing))
		}
		list, err := db.List(ctx, h, q, func(r *db.Rows) (x Owing, err error) {
			x.What = what
			return x, r.Scan(&x.Organisation.Ref.ID, &x.Kind, &x.DueAt)
		})
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			ids = append(ids, x.Organisation.Ref.ID)
		}
		out = append(out, list...)
	}
	all, err := s.Constituency.ByID(ctx, h, slices.Compact(slices.Sorted(slices.Values(ids)))...)
	for i := range out {
		out[i].Organisation = all[out[i].Organisation.Ref.ID]
	}
	return out, err
}
