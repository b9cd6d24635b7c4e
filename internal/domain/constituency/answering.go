package constituency

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Answering gives for host names and addresses, as links have them, the organisation that answers for each: by the longest domain, or the smallest network.
// What nobody answers for is not in it. It asks nobody's right: it is for duties that file what came in.
func (s *Service) Answering(ctx context.Context, h db.Handle, hosts []string) (map[string]int64, error) {
	above := map[string][]string{}
	var values []string
	out := map[string]int64{}
	for _, host := range hosts {
		if a, err := netip.ParseAddr(host); err == nil {
			if err := s.ofAddress(ctx, h, host, a, out); err != nil {
				return nil, err
			}
			continue
		}
		if d, ok := domain(host); ok && above[host] == nil {
			above[host] = parents(d)
			values = append(values, above[host]...)
		}
	}
	if len(values) == 0 {
		return out, nil
	}
	owner := map[string]int64{}
	rows, err := db.In(new(db.Query).Add(`SELECT a.value, MIN(a.organisation) FROM constituency_asset a WHERE a.kind = 'domain' AND a.value IN `), values).Add(` GROUP BY a.value`).Query(ctx, h)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var value string
		var org int64
		err := r.Scan(&value, &org)
		owner[value] = org
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find who answers: %w", err)
	}
	for host, names := range above {
		for _, n := range names {
			if org := owner[n]; org != 0 {
				out[host] = org
				break
			}
		}
	}
	return out, nil
}

func (s *Service) ofAddress(ctx context.Context, h db.Handle, host string, a netip.Addr, out map[string]int64) error {
	q := new(db.Query).Add(`SELECT a.organisation FROM constituency_asset a WHERE `)
	covering(q, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
	orgs, err := db.List(ctx, h, q.Add(` ORDER BY a.first DESC, a.last ASC, a.id LIMIT 1`), func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) })
	if err != nil {
		return fmt.Errorf("find who answers: %w", err)
	}
	if len(orgs) > 0 {
		out[host] = orgs[0]
	}
	return nil
}
