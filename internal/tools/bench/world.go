package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/schema"
)

// world is a filled house on one engine, with its handlers behind a real listener, and who reads in it.
type world struct {
	engine string
	options

	once  sync.Once
	err   error
	house *app.House
	site  *httptest.Server
	pg    *pgtest.Server
	temp  string

	analyst     *http.Cookie // of the desk
	constituent *http.Cookie // of the portal
	peers       []string     // tokens
	liaisons    []string
	newest      incident.Incident
	large       incident.Incident // with the most parties
	word        string
	by          access.Actor
}

func (w *world) open(ctx context.Context) error {
	w.once.Do(func() { w.err = w.make(ctx) })
	return w.err
}

func (w *world) end() {
	if w.site != nil {
		w.site.Close()
	}
	if w.house != nil {
		w.house.Close()
	}
	if w.pg != nil {
		_ = w.pg.Stop()
	}
	if w.temp != "" {
		_ = os.RemoveAll(w.temp)
	}
}

func (w *world) make(ctx context.Context) error {
	dir := w.data
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "tocsin-bench-"); err != nil {
			return err
		}
		w.temp = dir
	}
	s := w.size
	dir = filepath.Join(dir, fmt.Sprintf("%s-%d-%d-%d-%d-%s", w.engine, s.Incidents, s.Reports, s.Organisations, s.Seed, schema.Version()))
	c := conf.Config{Data: filepath.Join(dir, "data"), RootKey: filepath.Join(dir, "root.key"), Zone: "UTC", HTTP: "127.0.0.1:0", SMTP: "127.0.0.1:0"}
	if w.engine == "postgres" {
		address, err := w.postgres(ctx, dir)
		if err != nil {
			return err
		}
		c.Database = conf.EndpointOf(address)
	}
	var err error
	if w.house, err = app.Open(ctx, c, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))); err != nil {
		return err
	}
	done := filepath.Join(dir, "filled")
	if _, err := os.Stat(done); err != nil {
		if err := w.fill(ctx); err != nil {
			return err
		}
		if err := os.WriteFile(done, nil, 0o600); err != nil {
			return err
		}
	}
	// A house that lives has destroyed what is over; this one would do so while it is measured.
	for ended := 1; ended > 0; {
		if ended, err = w.house.Intake.End(ctx); err != nil {
			return err
		}
	}
	return w.people(ctx)
}

// postgres starts a server of its own that is as careful with the disk as a real one.
func (w *world) postgres(ctx context.Context, dir string) (string, error) {
	data := ""
	if w.data != "" {
		data = filepath.Join(dir, "postgres")
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return "", err
		}
	}
	var err error
	if w.pg, err = pgtest.StartIn(ctx, data, "fsync = on", "synchronous_commit = on", "full_page_writes = on"); err != nil {
		return "", err
	}
	return w.pg.DSN, nil
}

func (w *world) fill(ctx context.Context) error {
	secret, err := keyd.Generate(app.CountryProfile().Name, []string{app.CountryProfile().Address}, time.Now())
	if err != nil {
		return err
	}
	ring, err := keyd.NewRing(secret)
	if err != nil {
		return err
	}
	if err := w.house.Setup(ctx, app.CountryProfile(), ring); err != nil {
		return err
	}
	began := time.Now()
	if err := w.house.Fill(ctx, w.size, os.Stderr); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s filled in %v\n", w.engine, time.Since(began).Round(time.Second))
	return nil
}

// people makes the four readers: a wide analyst, a constituent, peers and liaisons who see what they were granted.
func (w *world) people(ctx context.Context) error {
	h := w.house
	h.Accounts.Hash = account.NewHasher(8<<10, 1)
	sample := access.System("sample")
	w.by = access.Actor{Account: 1, Name: "bench", Roles: []access.Role{access.Lead}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: time.Now().Add(time.Hour), Lang: "en"}
	page, err := h.Incidents.List(ctx, w.by, incident.Filter{State: "all", Limit: 200})
	if err != nil || len(page.Items) < 10 {
		return fmt.Errorf("%d incidents: %w", len(page.Items), err)
	}
	crowded, most := map[int64]bool{}, 0
	rows, err := h.DB.Query(ctx, `SELECT subject, COUNT(*) FROM coordination_party GROUP BY subject`)
	err = db.Each(rows, err, func(r *db.Rows) error {
		var subject int64
		var n int
		err := r.Scan(&subject, &n)
		if crowded[subject] = n > 50; n > most {
			w.large.Ref.ID, most = subject, n
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, in := range page.Items[5:] { // those of an earlier run have a thousand notes
		if w.newest = in; !strings.HasPrefix(in.Title, verbTitle) && !crowded[in.Ref.ID] {
			break
		}
	}
	found, err := h.Incidents.ByID(ctx, h.DB, w.by, w.large.Ref.ID)
	if err != nil {
		return err
	}
	w.large = found[w.large.Ref.ID]
	w.word, _, _ = strings.Cut(w.large.Title, " ")
	fmt.Fprintf(os.Stderr, "%s: %s has %d parties\n", w.engine, w.large.Number, most)
	enter := func(role access.Role, organisation string) (account.Account, string, error) {
		secret := make([]byte, 12)
		_, _ = rand.Read(secret)
		password := hex.EncodeToString(secret)
		a, _, err := h.Accounts.Create(ctx, sample, account.NewAccount{
			Email: id.New() + "@bench.example", Name: "Bench " + string(role), Roles: []access.Role{role}, Organisation: organisation, Password: password,
		})
		return a, password, err
	}
	signIn := func(role access.Role, organisation string, door account.Door) (*http.Cookie, error) {
		a, password, err := enter(role, organisation)
		if err != nil {
			return nil, err
		}
		in, err := h.Accounts.SignIn(ctx, account.From{Door: door, Address: netip.MustParseAddr("127.0.0.1"), Device: "bench"}, account.Credentials{Email: a.Email, Password: password})
		return &http.Cookie{Name: "__Host-" + string(door), Value: in.Secret.Reveal()}, err
	}
	if w.analyst, err = signIn(access.Analyst, "", account.Desk); err != nil {
		return err
	}
	orgs, err := h.Constituency.Find(ctx, w.by, constituency.Filter{Limit: 1})
	if err != nil {
		return err
	}
	if w.constituent, err = signIn(access.Constituent, orgs.Items[0].UID, account.Portal); err != nil {
		return err
	}
	for range 8 {
		for _, x := range []struct {
			role access.Role
			into *[]string
			most int
		}{{access.Peer, &w.peers, 500}, {access.Liaison, &w.liaisons, 20}} {
			a, _, err := enter(x.role, "")
			if err != nil {
				return err
			}
			if err := w.grant(ctx, a.ID, x.most); err != nil {
				return err
			}
			_, token, err := h.Accounts.CreateToken(ctx, sample, account.NewToken{Name: "bench", Role: x.role, Owner: a.UID})
			if err != nil {
				return err
			}
			*x.into = append(*x.into, token.Reveal())
		}
	}
	handler, err := h.Handler(ctx, true, true, true)
	if err != nil {
		return err
	}
	w.site = httptest.NewUnstartedServer(handler)
	w.site.Start()
	return nil
}

// grant gives an account reports and requests to see.
func (w *world) grant(ctx context.Context, to int64, most int) error {
	return w.house.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, kind := range []ref.Kind{ref.Report, ref.Request} {
			ids, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
				`SELECT id FROM object WHERE kind = $1 ORDER BY updated_at DESC, id DESC LIMIT $2`, int64(kind), int64(most))
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := access.Grant(ctx, tx, w.by, to, ref.Ref{Kind: kind, ID: id}, time.Now(), time.Time{}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
