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
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// question is what a text asks for, in the words of the register.
type question struct {
	network netip.Prefix
	asn     string
	domain  string
	place   string // of a URL with a path; its host is the domain
}

// ask reads an address, a prefix, a domain, an AS number, a URL, host:port or a mail address; defanged text too. It tells false when it is none.
func ask(what string) (question, bool) {
	what = mail.Refang(what)
	q := question{}
	if p, ok := place(what); ok {
		q.place = p
	}
	what = host(what)
	var ok bool
	if q.network, ok = network(what); ok {
		q.place = ""
		return q, true
	}
	if q.asn, ok = asn(what); ok {
		return q, true
	}
	q.domain, ok = domain(what)
	return q, ok
}

// provedFirst is the order among those who have the same: who has proved it, then who was entered first.
const provedFirst = `CASE WHEN a.proved_at IS NULL THEN 1 ELSE 0 END, a.id`

// Owners answers "who answers for this address, domain, AS number or URL, and why?" at a moment (zero: now), most specific first: the smallest network;
// the longest URL, then the host itself, then the longest domain. A constituent learns of its own organisation only. What names nothing of the kind has
// no owner; at most 100 are given.
func (s *Service) Owners(ctx context.Context, h db.Handle, by access.Actor, what string, at time.Time) ([]Match, error) {
	if err := needRead(by); err != nil {
		return nil, err
	}
	asked, ok := ask(what)
	if !ok {
		return nil, nil
	}
	if at.IsZero() {
		at = s.Clock.Now()
	}
	q := new(db.Query).Add(`SELECT ` + access.Columns + `, ` + ownColumns + `, ` + assetColumns + ` FROM `)
	access.Sees(by).From(q, ref.Organisation)
	q.Add(` JOIN constituency_organisation c ON c.id = o.id JOIN constituency_asset a ON a.organisation = c.id WHERE `)
	order := ` ORDER BY ` + provedFirst
	switch {
	case asked.network.IsValid():
		covering(q, asked.network)
		order = ` ORDER BY a.first DESC, a.last ASC, ` + provedFirst
	case asked.asn != "":
		q.Add(`a.kind = 'asn' AND a.value = ?`, asked.asn)
	default:
		q.Add(`((a.kind = 'host' AND a.value = ?) OR (a.kind = 'domain' AND a.value IN `, asked.domain)
		db.In(q, parents(asked.domain)).Add(`)`)
		if asked.place != "" {
			db.In(q.Add(` OR (a.kind = 'url' AND a.value IN `), above(asked.place)).Add(`)`)
		}
		q.Add(`)`)
		order = ` ORDER BY CASE a.kind WHEN 'url' THEN 0 WHEN 'host' THEN 1 ELSE 2 END, LENGTH(a.value) DESC, ` + provedFirst
	}
	valid(q, at)
	type found struct {
		listed
		asset Asset
	}
	list, err := db.List(ctx, h, q.Add(order+` LIMIT 100`), func(r *db.Rows) (found, error) {
		var f found
		return f, r.Scan(append(f.dst(), f.asset.dst()...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("find who answers: %w", err)
	}
	ids := make([]int64, 0, len(list))
	for _, f := range list {
		ids = append(ids, f.Ref.ID)
	}
	full, err := s.ByID(ctx, h, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]Match, 0, len(list))
	for _, f := range list {
		why := f.asset.Kind
		if why == "domain" && f.asset.Value != asked.domain {
			why = "parent domain"
		}
		out = append(out, Match{Organisation: full[f.Ref.ID], Asset: f.asset, Why: why})
	}
	return out, nil
}

// mostOverlaps is how many overlaps are shown of an organisation.
const mostOverlaps = 100

// Overlaps gives the assets of an organisation that others have too, hold or are held by, now, those that are the same first. Networks inside networks are
// usual (a provider and its customers); the same asset of two is a conflict, unless one stands under the other. It needs ReadRegistry.
func (s *Service) Overlaps(ctx context.Context, h db.Handle, by access.Actor, organisation int64) ([]Overlap, error) {
	if err := by.Need(access.ReadRegistry); err != nil {
		return nil, err
	}
	orgs, err := s.ByID(ctx, h, organisation)
	if err != nil {
		return nil, err
	}
	mine, ok := orgs[organisation]
	if !ok {
		return nil, errs.ErrNotFound
	}
	now := s.Clock.Now()
	pairs := func(on string) ([]Overlap, error) {
		q := new(db.Query).Add(`SELECT `+assetColumns+`, b.id, b.uid, b.organisation, b.kind, b.value, b.since, b.until, b.ended_why, b.proved_at, b.proved_how, b.proved_until
			FROM constituency_asset a JOIN constituency_asset b ON b.organisation <> a.organisation AND b.kind = a.kind AND `+on+` WHERE a.organisation = ?`, organisation)
		valid(q, now).Add(` AND (b.since IS NULL OR b.since <= ?) AND (b.until IS NULL OR b.until > ?) ORDER BY a.kind, a.value, b.id LIMIT ?`, now, now, mostOverlaps)
		return db.List(ctx, h, q, func(r *db.Rows) (Overlap, error) {
			var o Overlap
			return o, r.Scan(append(o.Asset.dst(), o.Other.dst()...)...)
		})
	}
	out, err := pairs(`b.value = a.value`)
	if err != nil {
		return nil, fmt.Errorf("find the same assets: %w", err)
	}
	// Networks lie in each other or apart: one that begins within another lies in it.
	within, err := pairs(`a.kind = 'prefix' AND b.first >= a.first AND b.first <= a.last AND b.last <= a.last AND b.value <> a.value`)
	if err != nil {
		return nil, fmt.Errorf("find networks within: %w", err)
	}
	around, err := s.around(ctx, h, organisation, now)
	if err != nil {
		return nil, fmt.Errorf("find networks around: %w", err)
	}
	out = append(append(out, within...), around...)
	ids := make([]int64, len(out))
	for i, o := range out {
		ids[i] = o.Other.Organisation
	}
	if orgs, err = s.ByID(ctx, h, ids...); err != nil {
		return nil, err
	}
	for i := range out {
		o := &out[i]
		o.Organisation = orgs[o.Other.Organisation]
		o.How = how(o.Asset, o.Other)
		if o.How == "same" && (mine.Parent == o.Other.Organisation || o.Organisation.Parent == organisation) {
			o.How = "shared"
		}
	}
	return out, nil
}

// around gives the networks of others that hold one of an organisation, by the few places where such a network can begin.
func (s *Service) around(ctx context.Context, h db.Handle, organisation int64, now time.Time) (out []Overlap, err error) {
	q := valid(new(db.Query).Add(`SELECT `+assetColumns+` FROM constituency_asset a WHERE a.organisation = ? AND a.kind = 'prefix'`, organisation), now)
	mine, err := db.List(ctx, h, q.Add(` ORDER BY a.value, a.id LIMIT ?`, mostOverlaps), scanAsset)
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(mine, 10) {
		var begins [][]byte
		for _, a := range part {
			if p, err := netip.ParsePrefix(a.Value); err == nil {
				begins = append(begins, starts(p)...)
			}
		}
		q := db.In(new(db.Query).Add(`SELECT `+assetColumns+` FROM constituency_asset a WHERE a.organisation <> ? AND a.kind = 'prefix' AND a.first IN `, organisation), begins)
		others, err := db.List(ctx, h, valid(q, now).Add(` ORDER BY a.first, a.id LIMIT ?`, 10*mostOverlaps), scanAsset)
		if err != nil {
			return nil, err
		}
		for _, a := range part {
			for _, b := range others {
				if len(out) < mostOverlaps && how(a, b) == "inside" {
					out = append(out, Overlap{Asset: a, Other: b})
				}
			}
		}
	}
	return out, nil
}

// how says how one asset stands to another: "" for networks that are apart.
func how(a, b Asset) string {
	if a.Value == b.Value {
		return "same"
	}
	p, err1 := netip.ParsePrefix(a.Value)
	q, err2 := netip.ParsePrefix(b.Value)
	switch {
	case err1 != nil || err2 != nil || !p.Overlaps(q):
		return ""
	case p.Bits() > q.Bits():
		return "inside"
	}
	return "around"
}
