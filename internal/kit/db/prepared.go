package db

import (
	"context"
	"database/sql"
	"sync"
)

// prepared keeps compiled statements of SQLite: its engine compiles a text anew each time otherwise, which costs as much as running it. A text is
// compiled for keeping when it is seen the second time, until there is no more room: what a house runs often comes soon. PostgreSQL's driver
// keeps its own.
type prepared struct {
	db *sql.DB

	mu     sync.Mutex
	kept   map[string]*sql.Stmt
	seen   map[string]bool
	closed bool
}

const (
	keptTexts   = 500     // statements of a pool; each connection compiles those that it runs
	keptLongest = 4 << 10 // bytes of a text: beyond are lists of values, of many lengths
)

func newPrepared(d *sql.DB) *prepared {
	return &prepared{db: d, kept: map[string]*sql.Stmt{}, seen: map[string]bool{}}
}

// get gives the kept statement, and whether the text is worth keeping now.
func (p *prepared) get(text string) (s *sql.Stmt, keep bool) {
	if len(text) > keptLongest {
		return nil, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.kept[text]; s != nil || len(p.kept) >= keptTexts {
		return s, false
	}
	if p.seen[text] {
		return nil, true
	}
	if len(p.seen) > 4*keptTexts {
		clear(p.seen) // texts with lists of many lengths
	}
	p.seen[text] = true
	return nil, false
}

// keep compiles a text. It takes a connection of the pool, so it is not for use inside a transaction of a pool of one.
func (p *prepared) keep(ctx context.Context, text string) (*sql.Stmt, error) {
	s, err := p.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.kept[text]; other != nil || p.closed {
		_ = s.Close()
		return other, nil
	}
	p.kept[text] = s
	return s, nil
}

// close lets all statements go, before their connections.
func (p *prepared) close() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for text, s := range p.kept {
		delete(p.kept, text)
		_ = s.Close()
	}
}
