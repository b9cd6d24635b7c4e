package smtpd

import (
	"net/netip"
	"sync"
	"time"
)

// networks counts connections and messages by network, so that one neighbour's flood leaves the others their share.
type networks struct {
	cfg  *Config
	mu   sync.Mutex
	seen map[netip.Prefix]*network
}

type network struct {
	open   int
	minute time.Time
	count  int
}

func (n *networks) trusted(a netip.Addr) bool {
	if !a.IsValid() {
		return true // a Unix socket
	}
	for _, p := range n.cfg.Trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func prefixOf(a netip.Addr) netip.Prefix {
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits)
	return p
}

func (n *networks) of(a netip.Addr) *network {
	p := prefixOf(a)
	w := n.seen[p]
	if w == nil {
		if len(n.seen) > 10_000 {
			n.sweep()
		}
		w = &network{}
		n.seen[p] = w
	}
	return w
}

func (n *networks) sweep() {
	now := n.cfg.Clock.Now()
	for p, w := range n.seen {
		if w.open == 0 && now.Sub(w.minute) > time.Minute {
			delete(n.seen, p)
		}
	}
}

func (n *networks) enter(a netip.Addr) bool {
	if n.trusted(a) {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	w := n.of(a)
	if w.open >= n.cfg.Connections {
		return false
	}
	w.open++
	return true
}

func (n *networks) leave(a netip.Addr) {
	if n.trusted(a) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.of(a).open--
}

// message counts one more message, and tells whether it is within the limit.
func (n *networks) message(a netip.Addr) bool {
	if n.trusted(a) {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	w := n.of(a)
	if now := n.cfg.Clock.Now(); now.Sub(w.minute) >= time.Minute {
		w.minute, w.count = now, 0
	}
	if w.count >= n.cfg.MessagesPerMinute {
		return false
	}
	w.count++
	return true
}
