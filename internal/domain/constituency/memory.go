package constituency

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// claim is an asset of somebody, as the register in memory has it. Times are microseconds; an until of 0 is none.
type claim struct {
	asset, organisation int64
	since, until        int64
	proved              bool
	next                int32 // another claim to the same, 0 for none
}

// holders is the whole register of assets in memory, for the questions that come by the million: who answers for this? It never changes; a new one
// takes its place.
type holders struct {
	version  int64
	claims   []claim // the first stands for none
	networks bart.Table[int32]
	names    map[string]int32 // of domains, and of hosts behind a colon
}

// memory is the newest register in memory. It counts only while nothing has changed since it was read.
type memory struct {
	now     atomic.Pointer[holders]
	read    atomic.Int64 // how many changes it knows
	changes atomic.Int64 // that this process has committed
}

// old tells that an asset changed.
func (h *memory) old() { h.changes.Add(1) }

// fresh gives the register in memory, nil while there is none that knows all that this process changed.
func (h *memory) fresh() *holders {
	if n := h.now.Load(); n != nil && h.read.Load() == h.changes.Load() {
		return n
	}
	return nil
}

// lookAgain is how often a process asks whether an asset changed. For what another process changed it answers so long by the register as it was.
const lookAgain = 2 * time.Second

// HoldAssets keeps all assets in memory until ctx ends, and reads them again when they have changed: a large register, that takes long, less often. Without it,
// and between a change of this process and the next reading, the database answers.
func (s *Service) HoldAssets(ctx context.Context) error {
	for {
		began := time.Now()
		if err := s.ReadAssets(ctx); err != nil && ctx.Err() == nil {
			s.memory.now.Store(nil) // the database answers until it can be read again
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(lookAgain, 10*time.Since(began))):
		}
	}
}

// ReadAssets reads all assets into memory if they have changed since they were read. Those who ask meanwhile have the former ones.
func (s *Service) ReadAssets(ctx context.Context) error {
	changes := s.memory.changes.Load()
	var version int64
	if err := s.DB.QueryRow(ctx, `SELECT COALESCE(MAX(assets), 0) FROM constituency_version`).Scan(&version); err != nil {
		return fmt.Errorf("read the register's version: %w", err)
	}
	if was := s.memory.now.Load(); was == nil || was.version != version {
		next, err := s.readHolders(ctx, version)
		if err != nil {
			return fmt.Errorf("read all assets: %w", err)
		}
		s.memory.now.Store(next)
	}
	s.memory.read.Store(changes)
	return nil
}

func (s *Service) readHolders(ctx context.Context, version int64) (*holders, error) {
	next := &holders{version: version, claims: make([]claim, 1, 1024), names: map[string]int32{}}
	now := s.Clock.Now()
	for after := int64(0); ; {
		n := 0
		rows, err := s.DB.Query(ctx, `SELECT a.id, a.organisation, a.kind, a.value, a.since, a.until, a.proved_at IS NOT NULL FROM constituency_asset a
			WHERE a.id > $1 AND (a.until IS NULL OR a.until > $2) ORDER BY a.id LIMIT 2000`, after, now)
		err = db.Each(rows, err, func(r *db.Rows) error {
			n++
			var c claim
			var kind, value string
			var since, until time.Time
			if err := r.Scan(&c.asset, &c.organisation, &kind, &value, &since, &until, &c.proved); err != nil {
				return err
			}
			after = c.asset
			if !since.IsZero() {
				c.since = since.UnixMicro()
			}
			if !until.IsZero() {
				c.until = until.UnixMicro()
			}
			next.add(kind, value, c)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if n < 2000 {
			return next, nil
		}
	}
}

func (h *holders) add(kind, value string, c claim) {
	at := int32(len(h.claims)) //nolint:gosec // fewer than two milliards
	switch kind {
	case "prefix":
		p, err := netip.ParsePrefix(value)
		if err != nil {
			return
		}
		h.networks.Modify(p, func(first int32, _ bool) (int32, bool) {
			c.next = first
			return at, false
		})
	case "domain", "host":
		if kind == "host" {
			value = ":" + value
		}
		c.next = h.names[value]
		h.names[value] = at
	default:
		return
	}
	h.claims = append(h.claims, c)
}

// better tells which of two claims to the same thing answers: the proved one, then the older.
func better(proved bool, asset int64, thanProved bool, than int64) bool {
	if proved != thanProved {
		return proved
	}
	return asset < than
}

// best gives the organisation whose claim in a chain is valid and best, 0 for none.
func (h *holders) best(at int32, now int64) int64 { return h.bestClaim(at, now).organisation }

func (h *holders) bestClaim(at int32, now int64) claim {
	best := claim{}
	for ; at != 0; at = h.claims[at].next {
		c := h.claims[at]
		if c.since <= now && (c.until == 0 || c.until > now) && (best.asset == 0 || better(c.proved, c.asset, best.proved, best.asset)) {
			best = c
		}
	}
	return best
}

// ofAddress gives the organisation that answers for an address: by the smallest network that is somebody's now; 0 for none.
func (h *holders) ofAddress(a netip.Addr, now int64) int64 {
	a = a.Unmap()
	at, ok := h.networks.Lookup(a)
	if !ok {
		return 0
	}
	if org := h.best(at, now); org != 0 {
		return org
	}
	p := netip.PrefixFrom(a, a.BitLen()) // the smallest is somebody's at another time: the next
	for _, at := range h.networks.Supernets(p) {
		if org := h.best(at, now); org != 0 {
			return org
		}
	}
	return 0
}

// ofName gives the organisation that answers for a host in normal form: by the host itself, then by the longest domain; 0 for none.
func (h *holders) ofName(host string, now int64) int64 {
	if org := h.best(h.names[":"+host], now); org != 0 {
		return org
	}
	for {
		if org := h.best(h.names[host], now); org != 0 {
			return org
		}
		i := 0
		for i < len(host) && host[i] != '.' {
			i++
		}
		if i == len(host) {
			return 0
		}
		host = host[i+1:]
	}
}

// Answering gives for host names and addresses, as links have them, the organisation that answers for each: by the host itself or the longest domain, or the
// smallest network; of several, who has proved it, then who was entered first. What nobody answers for is not in it. It asks nobody's right: it is for
// duties that file what came in. Where assets are held in memory (HoldAssets) it asks them.
func (s *Service) Answering(ctx context.Context, h db.Handle, hosts []string) (map[string]int64, error) {
	mem, now := s.memory.fresh(), s.Clock.Now()
	out := map[string]int64{}
	put := func(host string, org int64) {
		if org != 0 {
			out[host] = org
		}
	}
	names := map[string]string{}
	for _, host := range hosts {
		if a, err := netip.ParseAddr(host); err == nil {
			if mem != nil {
				put(host, mem.ofAddress(a, now.UnixMicro()))
				continue
			}
			org, err := s.ofAddress(ctx, h, a, now)
			if err != nil {
				return nil, err
			}
			put(host, org)
			continue
		}
		d, ok := domain(host)
		switch {
		case ok && mem != nil:
			put(host, mem.ofName(d, now.UnixMicro()))
		case ok:
			names[host] = d
		}
	}
	return out, s.ofNames(ctx, h, names, now, put)
}

// ofNames asks the database for several hosts, given with their normal forms.
func (s *Service) ofNames(ctx context.Context, h db.Handle, names map[string]string, now time.Time, put func(host string, org int64)) error {
	var values []string
	for _, d := range names {
		values = append(values, parents(d)...)
	}
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	values = slices.Compact(values)
	best := map[string]Asset{}
	q := db.In(new(db.Query).Add(`SELECT `+assetColumns+` FROM constituency_asset a WHERE a.kind IN ('domain', 'host') AND a.value IN `), values)
	rows, err := valid(q, now).Query(ctx, h)
	err = db.Each(rows, err, func(r *db.Rows) error {
		a, err := scanAsset(r)
		key := a.Value
		if a.Kind == "host" {
			key = ":" + key
		}
		if b, ok := best[key]; !ok || better(!a.ProvedAt.IsZero(), a.ID, !b.ProvedAt.IsZero(), b.ID) {
			best[key] = a
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("find who answers: %w", err)
	}
	for host, d := range names {
		for _, key := range append([]string{":" + d}, parents(d)...) {
			if a, ok := best[key]; ok {
				put(host, a.Organisation)
				break
			}
		}
	}
	return nil
}

func (s *Service) ofAddress(ctx context.Context, h db.Handle, a netip.Addr, now time.Time) (int64, error) {
	q := new(db.Query).Add(`SELECT a.organisation FROM constituency_asset a WHERE `)
	valid(covering(q, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())), now)
	orgs, err := db.List(ctx, h, q.Add(` ORDER BY a.first DESC, a.last ASC, `+provedFirst+` LIMIT 1`),
		func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) })
	if err != nil || len(orgs) == 0 {
		if err != nil {
			err = fmt.Errorf("find who answers: %w", err)
		}
		return 0, err
	}
	return orgs[0], nil
}
