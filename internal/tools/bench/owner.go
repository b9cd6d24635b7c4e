package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/schema"
)

const (
	ownerLook = 2 * time.Microsecond
	ownerRead = 5 * time.Second
)

// register is how much one country has.
type register struct{ organisations, networks, domains int }

// owners measures "who answers for this?" over a large register in memory: how long it takes to be read, and to be asked about a hundred at once.
func owners(size register) func(context.Context) (string, bool, error) {
	return func(ctx context.Context) (string, bool, error) {
		dir, err := os.MkdirTemp("", "tocsin-bench-")
		if err != nil {
			return "", false, err
		}
		defer os.RemoveAll(dir)
		d, err := db.Open(ctx, db.Config{Path: filepath.Join(dir, "tocsin.db")})
		if err != nil {
			return "", false, err
		}
		defer d.Close()
		if err := schema.Migrate(ctx, d); err != nil {
			return "", false, err
		}
		hosts, err := size.fill(ctx, d)
		if err != nil {
			return "", false, err
		}
		s := &constituency.Service{DB: d, Clock: clock.System()}
		before := heap()
		began := time.Now()
		if err := s.ReadAssets(ctx); err != nil {
			return "", false, err
		}
		read, bytes := time.Since(began), heap()-before
		asked, found := 0, 0
		began = time.Now()
		for range 20 {
			for at := 0; at+100 <= len(hosts); at += 100 {
				got, err := s.Answering(ctx, d, hosts[at:at+100])
				if err != nil {
					return "", false, err
				}
				asked += 100
				found += len(got)
			}
		}
		each := time.Since(began) / time.Duration(asked)
		value := fmt.Sprintf("%v a look-up (%d of %d answered), read in %v, %d MB", each.Round(10*time.Nanosecond), found, asked, read.Round(10*time.Millisecond), bytes>>20)
		return value, each < ownerLook && read < ownerRead && found > asked/4, nil
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // far below
}

// fill writes the register and gives hosts and addresses to ask for, half of them somebody's.
func (size register) fill(ctx context.Context, d *db.DB) (hosts []string, err error) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a sample
	now := time.Now().UnixMicro()
	var objects, organisations [][]any
	for i := range size.organisations {
		n := int64(i + 1)
		objects = append(objects, []any{n, 1, id.New(), int64(access.Registry), n, 0, now, now})
		organisations = append(organisations, []any{n, fmt.Sprint("Organisation ", n), fmt.Sprint("organisation ", n), "en"})
	}
	write := func(table string, columns []string, rows [][]any) error {
		return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return db.Copy(ctx, tx, table, columns, rows) })
	}
	if err := write("object", []string{"id", "kind", "uid", "realm", "compartment", "tlp", "created_at", "updated_at"}, objects); err != nil {
		return nil, err
	}
	if err := write("constituency_organisation", []string{"id", "name", "folded", "lang"}, organisations); err != nil {
		return nil, err
	}
	var rows [][]any
	flush := func(least int) error {
		if len(rows) < least {
			return nil
		}
		err := write("constituency_asset", []string{"uid", "organisation", "kind", "value"}, rows)
		rows = rows[:0]
		return err
	}
	add := func(kind, value string) error {
		rows = append(rows, []any{id.New(), int64(1 + r.IntN(size.organisations)), kind, value})
		return flush(10_000)
	}
	for i := range size.networks {
		a := netip.AddrFrom4([4]byte{byte(11 + r.IntN(180)), byte(r.IntN(256)), byte(r.IntN(256)), 0})
		p, _ := a.Prefix(12 + r.IntN(13))
		if err := add("prefix", p.String()); err != nil {
			return nil, err
		}
		if i%50 == 0 {
			hosts = append(hosts, a.Next().String(), netip.AddrFrom4([4]byte{byte(r.IntN(256)), byte(r.IntN(256)), 1, 1}).String())
		}
	}
	for i := range size.domains {
		name := fmt.Sprintf("organisation-%d.example", i)
		if err := add("domain", name); err != nil {
			return nil, err
		}
		if i%500 == 0 {
			hosts = append(hosts, "www."+name, fmt.Sprintf("mail.nobody-%d.example", i))
		}
	}
	return hosts, flush(1)
}
