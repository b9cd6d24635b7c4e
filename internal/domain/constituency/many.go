package constituency

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Asked is an address, a prefix, a domain or a URL, and when it was seen; zero is now.
type Asked struct {
	What string
	At   time.Time
}

// Answer says who answered for what was asked, and by which asset of theirs. Read is false for what is neither address, prefix, domain nor URL; of
// what nobody answered for the organisation is 0.
type Answer struct {
	Organisation int64
	By           string // the prefix, or the host or domain
	Read         bool
}

// AnsweringAt gives for each of many things who answered for it at its own time, in their order: the smallest network, the host itself or the longest
// domain; of several, who has proved it, then who was entered first. A URL is asked for by its host. It asks nobody's right: the caller shows of
// the organisations those that its reader may see (Visible).
func (s *Service) AnsweringAt(ctx context.Context, list []Asked) ([]Answer, error) {
	now, first := s.Clock.Now(), int64(0)
	for _, a := range list {
		if t := a.At.UnixMicro(); !a.At.IsZero() && a.At.Before(now) && (first == 0 || t < first) {
			first = t
		}
	}
	held := s.memory.fresh()
	if held == nil {
		var err error
		if held, err = s.readHolders(ctx, 0); err != nil {
			return nil, fmt.Errorf("read all assets: %w", err)
		}
	}
	past := &holders{claims: make([]claim, 1), names: map[string]int32{}}
	if first != 0 {
		var err error
		if past, err = s.readEnded(ctx, time.UnixMicro(first), now); err != nil {
			return nil, fmt.Errorf("read assets of the past: %w", err)
		}
	}
	out := make([]Answer, len(list))
	for i, a := range list {
		q, ok := ask(a.What)
		if !ok || q.asn != "" {
			continue
		}
		at := now.UnixMicro()
		if !a.At.IsZero() && a.At.Before(now) {
			at = a.At.UnixMicro()
		}
		out[i] = answer(held, past, q, at)
	}
	return out, nil
}

// readEnded reads what somebody answered for at some time from a moment on, and no longer does.
func (s *Service) readEnded(ctx context.Context, from, now time.Time) (*holders, error) {
	out := &holders{claims: make([]claim, 1), names: map[string]int32{}}
	rows, err := s.DB.Query(ctx, `SELECT a.id, a.organisation, a.kind, a.value, a.since, a.until, a.proved_at IS NOT NULL FROM constituency_asset a
		WHERE a.until > $1 AND a.until <= $2 ORDER BY a.id`, from, now)
	return out, db.Each(rows, err, func(r *db.Rows) error {
		var c claim
		var kind, value string
		var since, until time.Time
		if err := r.Scan(&c.asset, &c.organisation, &kind, &value, &since, &until, &c.proved); err != nil {
			return err
		}
		if !since.IsZero() {
			c.since = since.UnixMicro()
		}
		c.until = until.UnixMicro()
		out.add(kind, value, c)
		return nil
	})
}

// found is a claim and how narrow it is.
type found struct {
	claim
	by     string
	narrow int
}

func (f found) over(g found) bool {
	if f.asset == 0 || g.asset == 0 || f.narrow != g.narrow {
		return f.narrow > g.narrow
	}
	return better(f.proved, f.asset, g.proved, g.asset)
}

func answer(held, past *holders, q question, at int64) Answer {
	look := func(h *holders) found {
		if q.network.IsValid() {
			return h.network(q.network, at)
		}
		return h.name(q.domain, at)
	}
	f, g := look(held), look(past)
	if g.over(f) {
		f = g
	}
	return Answer{Organisation: f.organisation, By: f.by, Read: true}
}

func (h *holders) network(p netip.Prefix, at int64) found {
	for net, first := range h.networks.Supernets(p) {
		if c := h.bestClaim(first, at); c.asset != 0 {
			return found{c, net.String(), 1 + net.Bits()}
		}
	}
	return found{}
}

func (h *holders) name(host string, at int64) found {
	if c := h.bestClaim(h.names[":"+host], at); c.asset != 0 {
		return found{c, host, 1000}
	}
	for _, d := range parents(host) {
		if c := h.bestClaim(h.names[d], at); c.asset != 0 {
			return found{c, d, 1 + len(d)}
		}
	}
	return found{}
}

// Choice names organisations by what they have in common, or one by one. Who fulfils any of it is chosen.
type Choice struct {
	Communities []string
	Sectors     []string
	UIDs        []string
}

// Chosen is an organisation that a choice found, and by what.
type Chosen struct {
	ID        int64
	UID       string
	By, Value string // "community", "sector" and its code; "organisation"
}

// MostChosen is how many organisations one choice takes.
const MostChosen = 20_000

// Choose gives the organisations that the actor may see and the choice names, once for each thing by which it does, by id. At most MostChosen are given.
func (s *Service) Choose(ctx context.Context, h db.Handle, by access.Actor, c Choice) ([]Chosen, error) {
	if err := needRead(by); err != nil {
		return nil, err
	}
	var out []Chosen
	pick := func(kind, value string, where func(q *db.Query)) error {
		q := new(db.Query).Add(`SELECT o.id, o.uid, ` + value + ` FROM `)
		access.Sees(by).From(q, ref.Organisation).Add(` JOIN constituency_organisation c ON c.id = o.id`)
		where(q)
		_, err := db.List(ctx, h, q.Add(` ORDER BY o.id LIMIT ?`, int64(MostChosen)), func(r *db.Rows) (x Chosen, err error) {
			x.By = kind
			err = r.Scan(&x.ID, &x.UID, &x.Value)
			out = append(out, x)
			return x, err
		})
		return err
	}
	if len(c.Communities) > 0 {
		if err := pick("community", "m.community", func(q *db.Query) {
			db.In(q.Add(` JOIN constituency_membership m ON m.organisation = c.id WHERE m.community IN `), c.Communities)
		}); err != nil {
			return nil, fmt.Errorf("choose by community: %w", err)
		}
	}
	if len(c.Sectors) > 0 {
		if err := pick("sector", "c.sector", func(q *db.Query) {
			db.In(q.Add(` WHERE c.sector <> '' AND c.sector IN `), c.Sectors)
		}); err != nil {
			return nil, fmt.Errorf("choose by sector: %w", err)
		}
	}
	for some := range slices.Chunk(c.UIDs, 500) {
		if err := pick("organisation", "''", func(q *db.Query) { db.In(q.Add(` WHERE o.uid IN `), some) }); err != nil {
			return nil, fmt.Errorf("choose by name: %w", err)
		}
	}
	return out, nil
}

// Externals gives the uids of organisations that the actor may see, by the key that a register outside has for each.
func (s *Service) Externals(ctx context.Context, h db.Handle, by access.Actor, keys ...string) (map[string]string, error) {
	out := map[string]string{}
	for some := range slices.Chunk(keys, 500) {
		q := new(db.Query).Add(`SELECT c.external, o.uid FROM `)
		access.Sees(by).From(q, ref.Organisation).Add(` JOIN constituency_organisation c ON c.id = o.id WHERE c.external <> '' AND c.external IN `)
		_, err := db.List(ctx, h, db.In(q, some), func(r *db.Rows) (key string, err error) {
			var uid string
			err = r.Scan(&key, &uid)
			out[key] = uid
			return key, err
		})
		if err != nil {
			return nil, fmt.Errorf("find by the key of a register: %w", err)
		}
	}
	return out, nil
}

// Visible gives of organisations, by object id, those that the actor may see, with their names, sectors and communities.
func (s *Service) Visible(ctx context.Context, h db.Handle, by access.Actor, ids ...int64) (map[int64]Organisation, error) {
	out := make(map[int64]Organisation, len(ids))
	for some := range slices.Chunk(ids, 500) {
		q := new(db.Query).Add(`SELECT ` + access.Columns + `, ` + ownColumns + ` FROM `)
		access.Sees(by).From(q, ref.Organisation).Add(` JOIN constituency_organisation c ON c.id = o.id WHERE o.id IN `)
		list, err := db.List(ctx, h, db.In(q, some), scan)
		if err != nil {
			return nil, fmt.Errorf("read organisations: %w", err)
		}
		if err := fillCommunities(ctx, h, list); err != nil {
			return nil, err
		}
		for _, l := range list {
			out[l.Ref.ID] = l.Organisation
		}
	}
	return out, nil
}

// WriteToMany is WriteTo for many organisations, in a number of statements that grows with thousands. Who cannot be written to is not in it.
func (s *Service) WriteToMany(ctx context.Context, h db.Handle, organisations ...int64) (map[int64]Contact, error) {
	out := make(map[int64]Contact, len(organisations))
	for some := range slices.Chunk(organisations, 500) {
		q := db.In(new(db.Query).Add(`SELECT `+contactColumns+` FROM constituency_contact k WHERE k.retired_at IS NULL AND k.email <> '' AND k.organisation IN `), some)
		_, err := db.List(ctx, h, q.Add(byUse), func(r *db.Rows) (c Contact, err error) {
			if c, err = scanContact(r); err == nil {
				if _, have := out[c.Organisation]; !have {
					out[c.Organisation] = c
				}
			}
			return c, err
		})
		if err != nil {
			return nil, fmt.Errorf("choose whom to write to: %w", err)
		}
	}
	return out, nil
}

// KeyKinds tells for contacts what approved keys they have that are in force, without reading the keys: OpenPGP, and certificates.
func (s *Service) KeyKinds(ctx context.Context, h db.Handle, at time.Time, contacts ...int64) (openpgp, certificates map[int64]bool, err error) {
	openpgp, certificates = map[int64]bool{}, map[int64]bool{}
	for some := range slices.Chunk(contacts, 500) {
		q := new(db.Query).Add(`SELECT y.contact, SUBSTR(y.certificate, 1, 1) FROM constituency_key y JOIN constituency_contact k ON k.id = y.contact
			WHERE y.state = ? AND (y.expires_at IS NULL OR y.expires_at > ?) AND k.retired_at IS NULL AND y.contact IN `, int64(Approved), at)
		_, err := db.List(ctx, h, db.In(q, some), func(r *db.Rows) (contact int64, err error) {
			var first []byte
			err = r.Scan(&contact, &first)
			if (Key{Certificate: first}).SMIME() {
				certificates[contact] = true
			} else {
				openpgp[contact] = true
			}
			return contact, err
		})
		if err != nil {
			return nil, nil, fmt.Errorf("look for keys: %w", err)
		}
	}
	return openpgp, certificates, nil
}

// Sectors gives the sectors that organisations have, in their order. It needs access.ReadRegistry.
func (s *Service) Sectors(ctx context.Context, by access.Actor) ([]string, error) {
	if err := by.Need(access.ReadRegistry); err != nil {
		return nil, err
	}
	return db.All(ctx, s.DB, func(r *db.Rows) (code string, err error) { return code, r.Scan(&code) },
		`SELECT DISTINCT sector FROM constituency_organisation WHERE sector <> '' ORDER BY sector LIMIT 200`)
}
