package rdap

import (
	"cmp"
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// list is one of the lists that say which registry answers (RFC 9224 section 3).
type list struct {
	entries []entry
	until   time.Time // asked for again after that
}

type entry struct {
	key   string // "2001:db8::/32", "64496-64511", "org"
	bases []string
}

const mostEntries = 20000

// readList reads a list. Entries that are none are left out.
func readList(b []byte) ([]entry, error) {
	var tree struct {
		Services []json.RawMessage `json:"services"`
	}
	if len(b) > mostList || json.Unmarshal(b, &tree) != nil || len(tree.Services) == 0 {
		return nil, ErrUnread
	}
	var out []entry
	for _, raw := range tree.Services {
		var s [][]string
		if json.Unmarshal(raw, &s) != nil || len(s) != 2 {
			continue
		}
		var bases []string
		for _, u := range s[1] {
			if strings.HasPrefix(u, "https://") && strings.HasSuffix(u, "/") && len(u) < 300 {
				bases = append(bases, u)
			}
		}
		for _, k := range s[0] {
			if len(bases) > 0 && len(out) < mostEntries {
				out = append(out, entry{strings.ToLower(k), bases})
			}
		}
	}
	return out, nil
}

// bases gives where to ask, for the narrowest entry that holds what is asked.
func (c *Client) bases(ctx context.Context, q Question) ([]string, error) {
	name, width := "dns", domainWidth
	switch q.Kind {
	case Address:
		ip, err := netip.ParseAddr(q.Value)
		if err != nil {
			return nil, ErrQuestion
		}
		name, width = "ipv4", addressWidth
		if ip.Is6() {
			name = "ipv6"
		}
	case Number:
		name, width = "asn", numberWidth
	}
	entries, err := c.list(ctx, name)
	if err != nil {
		return nil, err
	}
	best, found := -1, entry{}
	for _, e := range entries {
		if w := width(e.key, q.Value); w > best {
			best, found = w, e
		}
	}
	if best < 0 {
		return nil, ErrNobody
	}
	return found.bases, nil
}

// The widths say how narrowly a key holds a value, -1 when it does not.
func domainWidth(key, name string) int {
	if key != "" && (name == key || strings.HasSuffix(name, "."+key)) {
		return len(key)
	}
	return -1
}

func addressWidth(key, value string) int {
	p, err := netip.ParsePrefix(key)
	ip, err2 := netip.ParseAddr(value)
	if err != nil || err2 != nil || !p.Contains(ip) {
		return -1
	}
	return p.Bits()
}

func numberWidth(key, value string) int {
	from, to, ok := strings.Cut(key, "-")
	if !ok {
		to = from
	}
	a, err := strconv.ParseUint(from, 10, 32)
	b, err2 := strconv.ParseUint(to, 10, 32)
	n, err3 := strconv.ParseUint(value, 10, 32)
	if err != nil || err2 != nil || err3 != nil || n < a || n > b {
		return -1
	}
	return int(1<<32 - (b - a))
}

// list gives one of the lists, fresh or the last that was read.
func (c *Client) list(ctx context.Context, name string) ([]entry, error) {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	c.mu.Lock()
	kept := c.lists[name]
	c.mu.Unlock()
	if kept != nil && now().Before(kept.until) {
		return kept.entries, nil
	}
	fresh := &list{until: now().Add(listFor)}
	status, body, _, err := c.Fetch.Ask(ctx, cmp.Or(c.Root, Root)+name+".json", "application/json", mostList)
	if err == nil && status == 200 {
		fresh.entries, err = readList(body)
	} else {
		err = ErrSilent
	}
	if err != nil {
		if kept == nil {
			return nil, ErrSilent
		}
		fresh.entries, fresh.until = slices.Clone(kept.entries), now().Add(listAgain)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lists == nil {
		c.lists = map[string]*list{}
	}
	c.lists[name] = fresh
	return fresh.entries, nil
}
