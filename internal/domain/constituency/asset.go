package constituency

import (
	"context"
	"net/url"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

const assetColumns = `a.id, a.uid, a.organisation, a.kind, a.value, a.proved_at, a.proved_how`

func (a *Asset) dst() []any {
	return []any{&a.ID, &a.UID, &a.Organisation, &a.Kind, &a.Value, &a.ProvedAt, &a.ProvedHow}
}

func scanAsset(r *db.Rows) (Asset, error) {
	var a Asset
	return a, r.Scan(a.dst()...)
}

// NewAsset is an asset as it was typed. Kind "" is told from the value.
type NewAsset struct {
	Kind  string
	Value string
}

// normal gives kind, normal form, and the span of a prefix.
func (in NewAsset) normal() (kind, value string, first, last []byte, ok bool) {
	v := strings.TrimSpace(in.Value)
	if in.Kind == "" || in.Kind == "prefix" {
		// A prefix that covers most of the internet is a slip of the hand.
		if p, ok := network(v); ok && p.Bits() >= 8 {
			first, last = span(p)
			return "prefix", p.String(), first, last, true
		}
	}
	if in.Kind == "" || in.Kind == "asn" {
		if in.Kind == "asn" && strings.Trim(v, "0123456789") == "" {
			v = "AS" + v
		}
		if n, ok := asn(v); ok {
			return "asn", n, nil, nil, true
		}
	}
	if in.Kind == "" || in.Kind == "domain" {
		if d, ok := domain(strings.TrimPrefix(v, "*.")); ok {
			return "domain", d, nil, nil, true
		}
	}
	return "", "", nil, nil, false
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
	kind, value, first, last, ok := in.normal()
	if !ok {
		var p errs.Problems
		if strings.TrimSpace(in.Value) == "" {
			p.Add("value", "error.required")
		} else {
			p.Add("value", "error.asset")
		}
		return Asset{}, p.Err()
	}
	o, err := access.LoadForChange(ctx, tx, by, ref.Organisation, organisation)
	if err != nil {
		return Asset{}, err
	}
	a := Asset{UID: id.New(), Organisation: o.Ref.ID, Kind: kind, Value: value}
	err = tx.QueryRow(ctx, `INSERT INTO constituency_asset (uid, organisation, kind, value, first, last) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (organisation, kind, value) DO NOTHING RETURNING id`, a.UID, a.Organisation, a.Kind, a.Value, first, last).Scan(&a.ID)
	if errs.Is(err, errs.NotFound) {
		return Asset{}, taken(errs.New(errs.Conflict, ""), "value")
	}
	if err != nil {
		return Asset{}, err
	}
	return a, s.changed(ctx, tx, by, "constituency.add_asset", o.Ref, []audit.Change{{Field: "asset", To: a.Value}}, a.UID)
}

// ProveAsset records that the organisation really answers for the asset, and how we know ("RIPE inetnum", "DNS record"). WriteRegistry.
func (s *Service) ProveAsset(ctx context.Context, by access.Actor, asset, how string) (Asset, error) {
	var a Asset
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		var p errs.Problems
		how = text(&p, "how", how, 200, true)
		var o access.Object
		if a, o, err = s.assetForChange(ctx, tx, by, asset, p.Err()); err != nil {
			return err
		}
		a.ProvedAt, a.ProvedHow = s.Clock.Now(), how
		if _, err := tx.Exec(ctx, `UPDATE constituency_asset SET proved_at = $1, proved_how = $2 WHERE id = $3`, a.ProvedAt, how, a.ID); err != nil {
			return err
		}
		return s.changed(ctx, tx, by, "constituency.prove_asset", o.Ref, []audit.Change{{Field: "asset", To: a.Value}, {Field: "proved_how", To: how}}, a.UID)
	})
	return a, err
}

// RemoveAsset ends that an organisation answers for an asset. It needs WriteRegistry.
func (s *Service) RemoveAsset(ctx context.Context, by access.Actor, asset string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		a, o, err := s.assetForChange(ctx, tx, by, asset, nil)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM constituency_asset WHERE id = $1`, a.ID); err != nil {
			return err
		}
		return s.changed(ctx, tx, by, "constituency.remove_asset", o.Ref, []audit.Change{{Field: "asset", From: a.Value}}, a.UID)
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

// Assets gives the assets of an organisation. The caller has checked that the reader may see it.
func (s *Service) Assets(ctx context.Context, h db.Handle, organisation int64) ([]Asset, error) {
	return db.All(ctx, h, scanAsset, `SELECT `+assetColumns+` FROM constituency_asset a WHERE a.organisation = $1 ORDER BY a.kind, a.value`, organisation)
}

// Owners answers "who answers for this address, domain, AS number or URL, and why?", most specific first: the longest prefix, the longest
// domain. A constituent learns of its own organisation only. What names nothing of the kind has no owner; at most 100 are given.
func (s *Service) Owners(ctx context.Context, h db.Handle, by access.Actor, what string) ([]Match, error) {
	if err := needRead(by); err != nil {
		return nil, err
	}
	q := new(db.Query).Add(`SELECT ` + access.Columns + `, ` + ownColumns + `, ` + assetColumns + ` FROM `)
	access.Sees(by).From(q, ref.Organisation)
	q.Add(` JOIN constituency_organisation c ON c.id = o.id JOIN constituency_asset a ON a.organisation = c.id WHERE `)
	why := func(a Asset) string { return a.Kind }
	what = host(what)
	if p, ok := network(what); ok {
		covering(q, p)
		q.Add(` ORDER BY a.first DESC, a.last ASC, a.id`)
	} else if n, ok := asn(what); ok {
		q.Add(`a.kind = 'asn' AND a.value = ? ORDER BY a.id`, n)
	} else if d, ok := domain(what); ok {
		q.Add(`a.kind = 'domain' AND a.value IN `)
		db.In(q, parents(d)).Add(` ORDER BY LENGTH(a.value) DESC, a.id`)
		why = func(a Asset) string {
			if a.Value != d {
				return "parent domain"
			}
			return a.Kind
		}
	} else {
		return nil, nil
	}
	type found struct {
		listed
		asset Asset
	}
	list, err := db.List(ctx, h, q.Add(` LIMIT 100`), func(r *db.Rows) (found, error) {
		var f found
		return f, r.Scan(append(f.dst(), f.asset.dst()...)...)
	})
	if err != nil {
		return nil, err
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
		out = append(out, Match{Organisation: full[f.Ref.ID], Asset: f.asset, Why: why(f.asset)})
	}
	return out, nil
}

// host gives the host of a URL, of host:port and of a mail address; anything else stays as it is. Defanged text is read too.
func host(s string) string {
	s = strings.NewReplacer("[.]", ".", "(.)", ".", "hxxp", "http").Replace(strings.TrimSpace(s))
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
