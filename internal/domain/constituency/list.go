package constituency

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const ownColumns = `c.name, c.folded, c.external, c.sector, c.class, c.criticality, c.size, c.lang, c.parent`

type listed struct {
	Organisation
	folded string
}

func (l *listed) dst() []any {
	return append(l.Object.Dst(), &l.Name, &l.folded, &l.External, &l.Sector, &l.Class, &l.Criticality, &l.Size, &l.Lang, &l.Parent)
}

func scan(r *db.Rows) (listed, error) {
	var l listed
	return l, r.Scan(l.dst()...)
}

// needRead lets in who reads the register, its own part of it, or what it was given.
func needRead(by access.Actor) error {
	if by.Can(access.OwnRegistry) || by.Can(access.ReadGranted) {
		return nil
	}
	return by.Need(access.ReadRegistry)
}

// Get gives one organisation by uid.
func (s *Service) Get(ctx context.Context, h db.Handle, by access.Actor, uid string) (Organisation, error) {
	if err := needRead(by); err != nil {
		return Organisation{}, err
	}
	o, err := access.Find(ctx, h, by, ref.Organisation, uid)
	if err != nil {
		return Organisation{}, err
	}
	return s.one(ctx, h, o)
}

func (s *Service) one(ctx context.Context, h db.Handle, o access.Object) (Organisation, error) {
	all, err := s.ByID(ctx, h, o.Ref.ID)
	if err != nil {
		return Organisation{}, err
	}
	x, ok := all[o.Ref.ID]
	if !ok {
		return Organisation{}, errs.ErrNotFound
	}
	x.Object = o
	return x, nil
}

// ByID gives organisations by object id, for duties that have checked the object that names them. An id that names none is missing.
func (s *Service) ByID(ctx context.Context, h db.Handle, ids ...int64) (map[int64]Organisation, error) {
	out := make(map[int64]Organisation, len(ids))
	for len(ids) > 0 {
		some := ids[:min(len(ids), 500)]
		ids = ids[len(some):]
		q := new(db.Query).Add(`SELECT ` + access.Columns + `, ` + ownColumns + ` FROM constituency_organisation c JOIN object o ON o.id = c.id WHERE c.id IN `)
		list, err := db.List(ctx, h, db.In(q, some), scan)
		if err != nil {
			return nil, err
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

// Labels gives name, sector and criticality alone of organisations by object id, for long lists. The caller has checked the objects that name them.
func (s *Service) Labels(ctx context.Context, h db.Handle, ids ...int64) (map[int64]Organisation, error) {
	out := make(map[int64]Organisation, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT c.id, c.name, c.sector, c.criticality FROM constituency_organisation c WHERE c.id IN `)
	_, err := db.List(ctx, h, db.In(q, ids), func(r *db.Rows) (o Organisation, err error) {
		if err = r.Scan(&o.Ref.ID, &o.Name, &o.Sector, &o.Criticality); err == nil {
			out[o.Ref.ID] = o
		}
		return o, err
	})
	return out, err
}

func fillCommunities(ctx context.Context, h db.Handle, list []listed) error {
	if len(list) == 0 {
		return nil
	}
	at := make(map[int64]*listed, len(list))
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].Ref.ID
		at[ids[i]] = &list[i]
	}
	q := new(db.Query).Add(`SELECT organisation, community FROM constituency_membership WHERE organisation IN `)
	rows, err := db.In(q, ids).Add(` ORDER BY organisation, community`).Query(ctx, h)
	return db.Each(rows, err, func(r *db.Rows) error {
		var id int64
		var c string
		if err := r.Scan(&id, &c); err != nil {
			return err
		}
		at[id].Communities = append(at[id].Communities, c)
		return nil
	})
}

// cursor is where a page ended.
type cursor struct {
	Name string `json:"n"`
	ID   int64  `json:"i"`
}

func (c cursor) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // a string and a number
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string) (cursor, error) {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		var p errs.Problems
		p.Add("after", "error.cursor")
		return c, p.Err()
	}
	return c, nil
}

// Find lists organisations that the actor may see, by name.
func (s *Service) Find(ctx context.Context, by access.Actor, f Filter) (Page[Organisation], error) {
	var page Page[Organisation]
	if err := needRead(by); err != nil {
		return page, err
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 500)
	q, ok, err := s.find(ctx, by, f)
	if err != nil || !ok {
		return page, err
	}
	list, err := db.List(ctx, s.DB, q, scan)
	if err != nil {
		return page, err
	}
	if len(list) > f.Limit {
		list = list[:f.Limit]
		last := list[f.Limit-1]
		page.Next = cursor{last.folded, last.Ref.ID}.String()
	}
	if err := fillCommunities(ctx, s.DB, list); err != nil {
		return page, err
	}
	for _, l := range list {
		page.Items = append(page.Items, l.Organisation)
	}
	return page, nil
}

// find builds the list query, one row longer than the page; false when nothing can match.
//
// What few organisations have is asked for first; what many have is checked while walking in the order of names, which ends with the page.
// A narrow reader's few organisations are always walked, so that how long it takes does not depend on what it may not see (rule A10).
func (s *Service) find(ctx context.Context, by access.Actor, f Filter) (*db.Query, bool, error) {
	// CROSS JOIN says the same on both engines, and keeps SQLite from walking all objects before it knows the names.
	q := new(db.Query).Add(`SELECT ` + access.Columns + `, ` + ownColumns + ` FROM `)
	wide := access.Sees(by).Wide()
	if wide {
		q.Add(`constituency_organisation c CROSS JOIN `)
		access.Sees(by).From(q, ref.Organisation)
	} else {
		access.Sees(by).From(q, ref.Organisation).Add(` CROSS JOIN constituency_organisation c`)
	}
	q.Add(` WHERE c.id = o.id`)
	conditions, ok := match(f.Text, s.Clock.Now())
	if !ok {
		return nil, false, nil
	}
	if f.Community != "" {
		conditions = append(conditions, func(q *db.Query) {
			q.Add(`FROM constituency_membership m WHERE m.community = ?`, f.Community)
		})
	}
	var only []int64 // those that fulfil what few do
	narrowed := false
	for _, c := range conditions {
		if wide {
			have, rare, err := s.rare(ctx, c)
			if err != nil {
				return nil, false, err
			}
			if rare {
				if narrowed {
					have = slices.DeleteFunc(have, func(id int64) bool { return !slices.Contains(only, id) })
				}
				only, narrowed = have, true
				continue
			}
		}
		c(q.Add(` AND EXISTS (SELECT 1 `))
		q.Add(` AND organisation = c.id LIMIT 1 OFFSET 0)`) // OFFSET keeps PostgreSQL from making a join of it
	}
	if narrowed {
		if len(only) == 0 {
			return nil, false, nil
		}
		db.In(q.Add(` AND c.id IN `), only)
	}
	if f.Sector != "" {
		q.Add(` AND c.sector = ? AND c.sector <> ''`, f.Sector)
	}
	if f.After != "" {
		c, err := parseCursor(f.After)
		if err != nil {
			return nil, false, err
		}
		q.Add(` AND (c.folded, c.id) > (?, ?)`, c.Name, c.ID)
	}
	return q.Add(` ORDER BY c.folded, c.id LIMIT ?`, int64(f.Limit+1)), true, nil
}

// few is up to how many organisations that fulfil a condition are named one by one.
const few = 200

// rare gives the organisations that fulfil a condition, and false when they are not few.
func (s *Service) rare(ctx context.Context, c condition) (have []int64, rare bool, err error) {
	q := new(db.Query).Add(`SELECT organisation `)
	c(q)
	q.Add(` LIMIT ?`, int64(few+1))
	have, err = db.List(ctx, s.DB, q, func(r *db.Rows) (id int64, err error) { return id, r.Scan(&id) })
	if len(have) > few {
		return nil, false, err
	}
	slices.Sort(have)
	return slices.Compact(have), true, err
}

// condition appends "FROM … WHERE …" over a table, or over a set named so, that has a column organisation; all conditions hold.
type condition func(q *db.Query)

// match gives what a text asks for: a network address or prefix, an AS number, a mail address, a domain, or the beginnings of words of the
// name. It tells false when the text can match nothing.
func match(s string, at time.Time) ([]condition, bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 1000 {
		return nil, s == ""
	}
	if p, ok := network(s); ok {
		return []condition{func(q *db.Query) {
			q.Add(`FROM constituency_asset a WHERE `)
			valid(covering(q, p), at)
		}}, true
	}
	if n, ok := asn(s); ok {
		return []condition{func(q *db.Query) {
			valid(q.Add(`FROM constituency_asset a WHERE a.kind = 'asn' AND a.value = ?`, n), at)
		}}, true
	}
	if a, ok := email(s); ok {
		_, host, _ := strings.Cut(a, "@")
		return []condition{func(q *db.Query) {
			q.Add(`FROM (SELECT k.organisation FROM constituency_contact k WHERE k.folded = ? AND k.folded <> '' AND k.retired_at IS NULL
				UNION SELECT a.organisation FROM constituency_asset a WHERE a.kind = 'domain' AND a.value IN `, a)
			valid(db.In(q, parents(host)), at).Add(`) x WHERE 1 = 1`)
		}}, true
	}
	list := words(s)
	if d, ok := domain(s); ok {
		return []condition{func(q *db.Query) {
			q.Add(`FROM (SELECT a.organisation FROM constituency_asset a WHERE a.kind IN ('domain', 'host') AND a.value IN `)
			valid(db.In(q, parents(d)), at).Add(` UNION SELECT w0.organisation FROM constituency_word w0`)
			for i := range list[1:] {
				q.Add(fmt.Sprintf(` JOIN constituency_word w%d ON w%d.organisation = w0.organisation`, i+1, i+1))
			}
			for i, w := range list {
				q.Add([]string{` WHERE `, ` AND `}[min(i, 1)]+fmt.Sprintf(`w%d.word >= ? AND w%d.word < ?`, i, i), w, w+"\U0010ffff")
			}
			q.Add(`) x WHERE 1 = 1`)
		}}, true
	}
	var out []condition
	for _, w := range list {
		out = append(out, func(q *db.Query) {
			q.Add(`FROM constituency_word w WHERE w.word >= ? AND w.word < ?`, w, w+"\U0010ffff")
		})
	}
	return out, len(out) > 0
}

// asn reads AS64500 or 64500 as people write it and gives AS64500. A bare number is none: it may be part of a name.
func asn(s string) (string, bool) {
	t := strings.ToUpper(strings.TrimSpace(s))
	if !strings.HasPrefix(t, "AS") {
		return "", false
	}
	t = strings.TrimSpace(strings.TrimPrefix(t, "AS"))
	n, err := strconv.ParseUint(t, 10, 32)
	if err != nil || n == 0 || t[0] == '+' {
		return "", false
	}
	return "AS" + strconv.FormatUint(n, 10), true
}

// network reads an address or a prefix; an address is the prefix of all its bits. An IPv4 address inside IPv6 is the IPv4 address.
func network(s string) (netip.Prefix, bool) {
	s = strings.TrimSpace(s)
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return p, false
		}
		if p.Addr().Is4In6() {
			if p.Bits() < 96 {
				return p, false
			}
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

// span gives the first and last address of a prefix, 16 bytes each.
func span(p netip.Prefix) (first, last []byte) {
	a := p.Masked().Addr().As16()
	b := a
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	for i := bits; i < 128; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	return a[:], b[:]
}

// covering appends the condition for prefixes that hold p, and start at one of few places, however prefixes are nested.
func covering(q *db.Query, p netip.Prefix) *db.Query {
	_, last := span(p)
	q.Add(`a.kind = 'prefix' AND a.first IN `)
	return db.In(q, starts(p)).Add(` AND a.first IS NOT NULL AND a.last >= ?`, last)
}

// starts gives where prefixes that hold p may start: where p would start if it were as short; at most 33 places (IPv4) or 129.
func starts(p netip.Prefix) (out [][]byte) {
	for bits := p.Bits(); bits >= 0; bits-- {
		wide, err := p.Addr().Prefix(bits)
		if err != nil {
			panic(err) // bits are within the address
		}
		first, _ := span(wide)
		if n := len(out); n == 0 || string(out[n-1]) != string(first) {
			out = append(out, first)
		}
	}
	return out
}
