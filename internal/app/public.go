package app

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/lifecycle"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/public"
)

// publicProcess is the public site as a process of its own: it reads no root key and no private key. It seals what it takes to the drop key,
// and shows of a report only what was sealed to the code in the reporter's hand.
func publicProcess(ctx context.Context, c conf.Config, log *slog.Logger, started func(team string)) error {
	d, err := db.Open(ctx, db.Config{URL: c.Database.Reveal(), Path: filepath.Join(c.Data, "tocsin.db"), Conns: 8})
	if err != nil {
		return err
	}
	defer d.Close()
	profile, err := ReadProfile(ctx, d)
	if err != nil {
		return err
	}
	texts, err := text.Load()
	if err != nil {
		return err
	}
	build := func() (http.Handler, error) {
		now, err := ReadProfile(ctx, d)
		if err != nil {
			return nil, err
		}
		return publicHandler(ctx, c, d, now, texts, log)
	}
	var handler refreshed
	if err := handler.build(build); err != nil {
		return err
	}
	defer followKeys(ctx, d, func() error { return handler.build(build) })()
	return lifecycle.Run(ctx, stopWithin, lifecycle.Part{Name: "pages on " + c.Main().Addr, Run: func(ctx context.Context, ready func()) error {
		return listenHTTP(ctx, c.Main(), &handler, c, log, func() {
			ready()
			started(profile.Name)
		})
	}})
}

func publicHandler(ctx context.Context, c conf.Config, d *db.DB, profile Profile, texts *text.Catalogue, log *slog.Logger) (http.Handler, error) {
	keys, err := TeamKeys(ctx, d)
	if err != nil {
		return nil, err
	}
	pub := &public.Public{
		DB: d, Clock: clock.System(), Zone: c.Location(), Text: texts, Site: siteOf(profile, keys), URL: c.PublicURL(), Address: profile.Address, Suspicious: func() string { return profile.Public },
		Keys:         func(ctx context.Context) ([]pgp.Key, error) { return TeamKeys(ctx, d) },
		Certificates: func(ctx context.Context) ([]smime.Certificate, error) { return TeamCertificates(ctx, d) },
		SecurityTxt:  func(ctx context.Context) (string, error) { return securityTxt(ctx, d) },
		DocumentKeys: func(ctx context.Context) (string, error) { return documentList(ctx, d) },
	}
	if pub.Laws, err = law.New(); err != nil {
		return nil, err
	}
	if pub.Annexes, err = scope.Load(); err != nil {
		return nil, err
	}
	days, err := calendarOf(profile, c)
	if err != nil {
		return nil, err
	}
	pub.Patience = 1500 * time.Millisecond
	pub.Country, pub.Count = profile.Country, intake.Counting(days)
	s := &page.Surface{Name: "public", Lane: db.Public, Routes: pub.Routes(), Clock: pub.Clock, Text: texts, Zone: pub.Zone, Log: log, Fail: pub.Fail}
	handler, err := s.Mux()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", absent(handler, pub, texts, log))
	mux.HandleFunc("GET /healthz", alive)
	checks := new(lately)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		answerReady(w, checks.get(func() []Check { return publicReady(context.WithoutCancel(r.Context()), d) }))
	})
	return page.Guard(mux, hostsOf(c), refusing(page.ErrForeign, pub, texts, log))
}

// publicReady looks whether the public process can take a report: it asks for no more than its database role may.
func publicReady(ctx context.Context, d *db.DB) []Check {
	ctx, stop := context.WithTimeout(ctx, 2*time.Second)
	defer stop()
	_, err := intake.PublicDropKey(ctx, d)
	c := Check{Name: "database", OK: err == nil}
	if err != nil {
		c.Note = "the database does not answer, or the house has not served yet"
	}
	return []Check{c}
}
