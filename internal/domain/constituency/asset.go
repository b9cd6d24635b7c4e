package constituency

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

const assetColumns = `a.id, a.uid, a.organisation, a.kind, a.value, a.since, a.until, a.ended_why, a.proved_at, a.proved_how, a.proved_until`

func (a *Asset) dst() []any {
	return []any{&a.ID, &a.UID, &a.Organisation, &a.Kind, &a.Value, &a.Since, &a.Until, &a.EndedWhy, &a.ProvedAt, &a.ProvedHow, &a.ProvedUntil}
}

func scanAsset(r *db.Rows) (Asset, error) {
	var a Asset
	return a, r.Scan(a.dst()...)
}

// valid appends the condition that the asset a is somebody's at a moment.
func valid(q *db.Query, at time.Time) *db.Query {
	return q.Add(` AND (a.since IS NULL OR a.since <= ?) AND (a.until IS NULL OR a.until > ?)`, at, at)
}

// AssetKinds are the kinds of assets.
var AssetKinds = []string{"prefix", "asn", "domain", "host", "url"}

// NewAsset is an asset as it was typed. Kind "" is told from the value; a host is then taken for a domain.
type NewAsset struct {
	Kind  string
	Value string
	Since time.Time // zero: as long as we know
	Until time.Time // zero: no end yet
}

// normal gives kind, normal form, and the span of a prefix.
func (in NewAsset) normal() (kind, value string, first, last []byte, ok bool) {
	v := strings.TrimSpace(in.Value)
	is := func(kind string) bool { return in.Kind == "" || in.Kind == kind }
	if is("prefix") {
		// A prefix that covers most of the internet is a slip of the hand.
		if p, ok := network(v); ok && p.Bits() >= 8 {
			first, last = span(p)
			return "prefix", p.String(), first, last, true
		}
	}
	if is("asn") {
		if in.Kind == "asn" && strings.Trim(v, "0123456789") == "" {
			v = "AS" + v
		}
		if n, ok := asn(v); ok {
			return "asn", n, nil, nil, true
		}
	}
	if is("domain") {
		if d, ok := domain(strings.TrimPrefix(v, "*.")); ok {
			return "domain", d, nil, nil, true
		}
	}
	if in.Kind == "host" {
		if d, ok := domain(v); ok {
			return "host", d, nil, nil, true
		}
	}
	if is("url") && strings.Contains(v, "/") {
		if u, ok := place(v); ok {
			return "url", u, nil, nil, true
		}
	}
	return "", "", nil, nil, false
}

// ReadAsset brings what was typed to an asset of the register: a prefix or an address, an AS number, a domain, or a place of a URL; false for what is none.
func ReadAsset(typed string) (NewAsset, bool) {
	kind, value, _, _, ok := NewAsset{Value: typed}.normal()
	return NewAsset{Kind: kind, Value: value}, ok
}

// place gives host and path of a URL in normal form, without scheme, port, query and final slash; false for what has no path.
func place(s string) (string, bool) {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > 1000 || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", false
	}
	d, ok := domain(u.Hostname())
	path := strings.TrimRight(u.EscapedPath(), "/")
	return d + path, ok && path != ""
}

// above gives a URL's place and all that hold it, longest first, without the host itself.
func above(place string) []string {
	var out []string
	for strings.Contains(place, "/") && len(out) < 64 {
		out = append(out, place)
		place = place[:strings.LastIndexByte(place, '/')]
	}
	return out
}

// AddAsset enters what an organisation, given by uid, answers for. Prefixes are masked, domains are brought to ASCII, an address is the
// prefix of all its bits. Two organisations may have the same asset. It needs WriteRegistry.
func (s *Service) AddAsset(ctx context.Context, by access.Actor, organisation string, in NewAsset) (Asset, error) {
	var a Asset
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		a, err = s.AddAssetTx(ctx, tx, by, organisation, in)
		return err
	})
	return a, err
}

// AddAssetTx is AddAsset inside a transaction.
func (s *Service) AddAssetTx(ctx context.Context, tx *db.Tx, by access.Actor, organisation string, in NewAsset) (Asset, error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return Asset{}, err
	}
	var wrong errs.Problems
	kind, value, _, _, ok := in.normal()
	switch {
	case strings.TrimSpace(in.Value) == "":
		wrong.Add("value", "error.required")
	case !ok:
		wrong.Add("value", "error.asset")
	}
	if !in.Until.IsZero() && !in.Until.After(in.Since) {
		wrong.Add("until", "error.asset.until")
	}
	if err := wrong.Err(); err != nil {
		return Asset{}, err
	}
	o, err := access.LoadForChange(ctx, tx, by, ref.Organisation, organisation)
	if err != nil {
		return Asset{}, err
	}
	a := Asset{Organisation: o.Ref.ID, Kind: kind, Value: value, Since: in.Since, Until: in.Until}
	was, err := db.All(ctx, tx, scanAsset, `SELECT `+assetColumns+` FROM constituency_asset a WHERE a.organisation = $1 AND a.kind = $2 AND a.value = $3`, a.Organisation, a.Kind, a.Value)
	if err != nil {
		return Asset{}, err
	}
	for _, b := range was {
		if (b.Until.IsZero() || b.Until.After(a.Since)) && (a.Until.IsZero() || a.Until.After(b.Since)) {
			return Asset{}, taken(errs.New(errs.Conflict, ""), "value")
		}
	}
	if a, err = s.insertAsset(ctx, tx, o.Ref.ID, NewAsset{Kind: kind, Value: value, Since: in.Since, Until: in.Until}); err != nil {
		return Asset{}, err
	}
	changes := []audit.Change{{Field: "asset", To: a.Value}}
	if !a.Since.IsZero() {
		changes = append(changes, audit.Change{Field: "since", To: a.Since})
	}
	if !a.Until.IsZero() {
		changes = append(changes, audit.Change{Field: "until", To: a.Until})
	}
	return a, s.assetChanged(ctx, tx, by, "constituency.add_asset", o.Ref, changes, a.UID)
}

// insertAsset stores what was brought to its normal form.
func (s *Service) insertAsset(ctx context.Context, tx *db.Tx, organisation int64, in NewAsset) (Asset, error) {
	kind, value, first, last, ok := in.normal()
	a := Asset{UID: id.New(), Organisation: organisation, Kind: kind, Value: value, Since: in.Since, Until: in.Until}
	if !ok {
		return a, fmt.Errorf("an asset that is none")
	}
	return a, tx.QueryRow(ctx, `INSERT INTO constituency_asset (uid, organisation, kind, value, first, last, since, until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
		a.UID, a.Organisation, a.Kind, a.Value, first, last, a.Since, a.Until).Scan(&a.ID)
}

// assetChanged is changed for assets: who holds them in memory reads them again.
func (s *Service) assetChanged(ctx context.Context, tx *db.Tx, by access.Actor, verb string, o ref.Ref, changes []audit.Change, uid string) error {
	db.Gather(tx, assetsChanged{}, func(ctx context.Context, _ *struct{}) error {
		_, err := tx.Exec(ctx, `INSERT INTO constituency_version (id, assets) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET assets = constituency_version.assets + 1`)
		return err
	})
	tx.AfterCommit(s.memory.old)
	return s.changed(ctx, tx, by, verb, o, changes, uid)
}

type assetsChanged struct{}

// ProveAsset records that the organisation really answers for the asset, and how we know ("RIPE inetnum", "DNS record"). It holds for ProofHolds.
// It needs WriteRegistry.
func (s *Service) ProveAsset(ctx context.Context, by access.Actor, asset, how string) (Asset, error) {
	var a Asset
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		a, err = s.ProveAssetTx(ctx, tx, by, asset, how)
		return err
	})
	return a, err
}

// ProveAssetTx is ProveAsset in the caller's transaction.
func (s *Service) ProveAssetTx(ctx context.Context, tx *db.Tx, by access.Actor, asset, how string) (a Asset, err error) {
	var p errs.Problems
	how = text(&p, "how", how, 200, true)
	var o access.Object
	if a, o, err = s.assetForChange(ctx, tx, by, asset, p.Err()); err != nil {
		return a, err
	}
	now := s.Clock.Now()
	a.ProvedAt, a.ProvedHow, a.ProvedUntil = now, how, now.Add(ProofHolds)
	if _, err := tx.Exec(ctx, `UPDATE constituency_asset SET proved_at = $1, proved_how = $2, proved_until = $3 WHERE id = $4`, a.ProvedAt, how, a.ProvedUntil, a.ID); err != nil {
		return a, err
	}
	if err := s.byHandTx(ctx, tx, by, a, how); err != nil {
		return a, err
	}
	return a, s.assetChanged(ctx, tx, by, "constituency.prove_asset", o.Ref, []audit.Change{{Field: "asset", To: a.Value}, {Field: "proved_how", To: how}}, a.UID)
}

// EndAsset ends that an organisation answers for an asset, at a moment (zero: now) and for a reason that people read later. What was so before stays,
// and is found for its time. It needs WriteRegistry; Conflict for one that has ended.
func (s *Service) EndAsset(ctx context.Context, by access.Actor, asset string, at time.Time, why string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var p errs.Problems
		why = text(&p, "why", why, 200, false)
		now := s.Clock.Now()
		if at.IsZero() {
			at = now
		}
		a, o, err := s.assetForChange(ctx, tx, by, asset, p.Err())
		if err != nil {
			return err
		}
		if !a.Until.IsZero() && !a.Until.After(now) {
			return errs.New(errs.Conflict, "this has ended")
		}
		if !at.After(a.Since) {
			p.Add("until", "error.asset.until")
			return p.Err()
		}
		if _, err := tx.Exec(ctx, `UPDATE constituency_asset SET until = $1, ended_why = $2 WHERE id = $3`, at, why, a.ID); err != nil {
			return err
		}
		if !at.After(now) {
			if _, err := tx.Exec(ctx, `UPDATE constituency_proof SET state = 'withdrawn', look_at = NULL, code = NULL, decided_at = $1, decided_by = $2
				WHERE asset = $3 AND asset <> 0 AND state IN ('waiting', 'asked', 'proved')`, now, by.Account, a.ID); err != nil {
				return err
			}
		}
		return s.assetChanged(ctx, tx, by, "constituency.end_asset", o.Ref, []audit.Change{{Field: "asset", From: a.Value}, {Field: "until", To: at}, {Field: "why", To: why}}, a.UID)
	})
}

func (s *Service) assetForChange(ctx context.Context, tx *db.Tx, by access.Actor, uid string, invalid error) (Asset, access.Object, error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return Asset{}, access.Object{}, err
	}
	if invalid != nil {
		return Asset{}, access.Object{}, invalid
	}
	a, err := db.One(ctx, tx, scanAsset, `SELECT `+assetColumns+` FROM constituency_asset a WHERE a.uid = $1`, uid)
	if err != nil {
		return a, access.Object{}, err
	}
	o, err := access.Load(ctx, tx, by, ref.Ref{Kind: ref.Organisation, ID: a.Organisation})
	if err != nil {
		return a, o, err
	}
	o, err = access.Locked(ctx, tx, o.Ref.ID)
	return a, o, err
}

// Assets gives what an organisation answers for now or will. The caller has checked that the reader may see it.
func (s *Service) Assets(ctx context.Context, h db.Handle, organisation int64) ([]Asset, error) {
	return db.All(ctx, h, scanAsset, `SELECT `+assetColumns+` FROM constituency_asset a WHERE a.organisation = $1 AND (a.until IS NULL OR a.until > $2)
		ORDER BY a.kind, a.value, a.id`, organisation, s.Clock.Now())
}

// EndedAssets gives what an organisation answered for once, what ended last first, at most 200.
func (s *Service) EndedAssets(ctx context.Context, h db.Handle, organisation int64) ([]Asset, error) {
	return db.All(ctx, h, scanAsset, `SELECT `+assetColumns+` FROM constituency_asset a WHERE a.organisation = $1 AND a.until <= $2
		ORDER BY a.until DESC, a.id DESC LIMIT 200`, organisation, s.Clock.Now())
}

// host gives the host of a URL, of host:port and of a mail address; anything else stays as it is.
func host(s string) string {
	if _, ok := network(s); ok {
		return s // the colons of IPv6 are no port
	}
	if strings.Contains(s, "://") {
		if u, err := url.Parse(s); err == nil && u.Hostname() != "" {
			return u.Hostname()
		}
		return s
	}
	if _, d, ok := strings.Cut(s, "@"); ok {
		return d
	}
	if u, err := url.Parse("//" + s); err == nil && u.Port() != "" {
		return u.Hostname()
	}
	return s
}
