package suspicion

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// featured is a feature as this transaction saw it.
type featured struct {
	token       int64
	kind        Kind
	value       featureValue
	seen        int
	first, last time.Time
}

type featureValue struct {
	Value string `json:"v"`
	Name  string `json:"n,omitempty"`
}

func featurePlace(campaign, token int64) string {
	return fmt.Sprintf("suspicion_feature.body:%d:%d", campaign, token)
}

// features counts what the members have in them, and gives how many features are new. A campaign has no more than maxFeatures: whoever draws a link for
// each message makes no rows without end.
func (s *Service) features(ctx context.Context, tx *db.Tx, g *group, list []member) (int, error) {
	at := map[int64]*featured{}
	add := func(m member, kind Kind, v featureValue) {
		if v.Value == "" {
			return
		}
		sum := s.hash("feature", append([]byte{byte(kind)}, v.Value...))
		token := int64(binary.BigEndian.Uint64(sum) >> 1) //nolint:gosec // 63 bits
		f := at[token]
		if f == nil {
			f = &featured{token: token, kind: kind, value: v, first: m.at, last: m.at}
			at[token] = f
		}
		f.seen++
		if m.at.After(f.last) {
			f.last = m.at
		}
	}
	for _, m := range list {
		add(m, Sender, featureValue{Value: m.own.Domain})
		hosts := map[string]bool{}
		for _, l := range m.own.Links {
			host, _, _ := strings.Cut(l, "/")
			if !hosts[host] {
				hosts[host] = true
				add(m, Host, featureValue{Value: host})
			}
			add(m, Link, featureValue{Value: l})
		}
		for _, f := range m.own.Files {
			add(m, File, featureValue{f.Sum, f.Name})
		}
	}
	if len(at) == 0 {
		return 0, nil
	}
	all := make([]*featured, 0, len(at))
	tokens := make([]int64, 0, len(at))
	for _, f := range at {
		all = append(all, f)
		tokens = append(tokens, f.token)
	}
	slices.SortFunc(all, func(a, b *featured) int { // links come last: each message may have one of its own
		return cmp.Or(cmp.Compare(b.kind, a.kind), cmp.Compare(a.token, b.token))
	})
	slices.Sort(tokens)
	known := map[int64]bool{}
	for some := range slices.Chunk(tokens, 64) {
		q := db.In(new(db.Query).Add(`SELECT token FROM suspicion_feature WHERE campaign = ? AND token IN `, g.id), some)
		got, err := db.List(ctx, tx, q, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) })
		if err != nil {
			return 0, err
		}
		for _, t := range got {
			known[t] = true
		}
	}
	fresh := 0
	var rows [][]any
	for _, f := range all {
		if known[f.token] {
			if err := tx.Later(ctx, `UPDATE suspicion_feature SET seen = seen + $3, last_at = CASE WHEN last_at < $4 THEN $4 ELSE last_at END WHERE campaign = $1 AND token = $2`, g.id, f.token, f.seen, f.last); err != nil {
				return 0, err
			}
			continue
		}
		if g.features+fresh >= maxFeatures {
			continue
		}
		fresh++
		raw, err := json.Marshal(f.value)
		if err != nil {
			return 0, err
		}
		rows = append(rows, []any{g.id, f.token, int64(f.kind), f.seen, f.first, f.last, g.key.Seal(featurePlace(g.id, f.token), raw)})
	}
	return fresh, db.InsertMany(ctx, tx, "suspicion_feature", []string{"campaign", "token", "kind", "seen", "first_at", "last_at", "body"}, rows)
}
