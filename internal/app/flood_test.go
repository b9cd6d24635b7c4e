package app

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// surfaces are a house that serves, and one request to each of its surfaces that asks the database.
type surfaces struct {
	*house
	ask map[db.Lane]func(ctx context.Context) int // gives the status
}

func newSurfaces(h *house) *surfaces {
	t := h.t
	hospital, _ := h.organisation("Hospital", "en", "Rui", "rui@hospital.example", nil)
	ana := h.account(access.Analyst, "ana@cert.valmora.example", "")
	_, token, err := h.Accounts.CreateToken(t.Context(), sample(), account.NewToken{Name: "script", Role: access.Analyst, Owner: ana.UID})
	h.must(err)
	h.serve()
	desk, portal := h.browser(), h.person(access.Constituent, "rui@hospital.example", hospital.UID)
	desk.signIn("ana@cert.valmora.example")
	status := func(b *browser, method, path, body string, set func(*http.Request)) func(context.Context) int {
		return func(ctx context.Context) int {
			r, err := http.NewRequestWithContext(ctx, method, b.base+path, strings.NewReader(body))
			if err != nil {
				return 0
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			for name, value := range b.cookies {
				r.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			set(r)
			res, err := b.client.Do(r)
			if err != nil {
				return 0
			}
			_ = res.Body.Close()
			return res.StatusCode
		}
	}
	as := func(*http.Request) {}
	stranger := h.browser()
	stranger.cookies["status"] = id.New()
	return &surfaces{h, map[db.Lane]func(context.Context) int{
		db.Public: status(stranger, http.MethodGet, "/r/report", "", as),
		db.Entry:  status(h.browser(), http.MethodPost, "/login", values("email", "nobody@away.example", "password", "x").Encode(), as),
		db.Portal: status(portal, http.MethodGet, "/portal", "", as),
		db.Desk:   status(desk, http.MethodGet, "/desk/triage", "", as),
		db.API:    status(desk, http.MethodGet, "/api/v1/reports", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.Reveal()) }),
	}}
}

// flood fills a lane with readers who do not go away, until it is let go.
func (s *surfaces) flood(l db.Lane) (release func()) {
	s.t.Helper()
	ctx, stop := context.WithCancel(db.On(s.t.Context(), l))
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			rows, err := s.DB.Query(ctx, `SELECT 1 UNION SELECT 2`)
			if err == nil {
				<-ctx.Done()
				rows.Close()
			}
		})
	}
	s.eventually("a flood of "+l.String(), func() bool { return s.DB.Waiting(l) > 20 })
	return func() {
		stop()
		all.Wait()
	}
}

// TestAFloodOfOneSurface fills the lane of each surface in turn: what comes to that surface waits, all others answer, mail is taken, and reports
// are filed (rule D1).
func TestAFloodOfOneSurface(t *testing.T) {
	onEach(t, func(h *house) {
		s := newSurfaces(h)
		for l, ask := range s.ask {
			if got := ask(t.Context()); got == 0 || got >= 500 {
				t.Fatalf("%s answers %d before any flood", l, got)
			}
		}
		filed := 0
		for _, l := range []db.Lane{db.Public, db.Entry, db.Portal, db.Desk, db.API, db.Worker} {
			release := s.flood(l)
			for other, ask := range s.ask {
				if other == l {
					continue
				}
				if got := ask(t.Context()); got == 0 || got >= 500 {
					t.Errorf("%s answers %d in a flood of %s", other, got, l)
				}
			}
			h.mail("a@away.example", teamAddress, head("a@away.example", teamAddress, "In a flood of "+l.String())+"\r\nText\r\n")
			filed++
			if l != db.Worker {
				h.eventually("what came in a flood of "+l.String(), func() bool { return len(h.dump(t.Context(), "intake_report")) == filed })
				s.waits(l)
			}
			release()
		}
		h.eventually("what waited", func() bool { return len(h.dump(t.Context(), "intake_report")) == filed })
		for l, ask := range s.ask {
			if got := ask(t.Context()); got == 0 || got >= 500 {
				t.Errorf("%s answers %d after the floods", l, got)
			}
		}
	})
}

// waits asks a surface in its own flood.
func (s *surfaces) waits(l db.Lane) {
	s.t.Helper()
	if l == db.Public { // its patience is short enough for a test
		if got := s.ask[l](s.t.Context()); got != http.StatusServiceUnavailable {
			s.t.Errorf("%s answers %d in its own flood", l, got)
		}
		return
	}
	before := s.DB.Waiting(l)
	ctx, leave := context.WithCancel(s.t.Context())
	ended := make(chan int, 1)
	go func() { ended <- s.ask[l](ctx) }()
	s.eventually(l.String()+" waits in its own flood", func() bool { return s.DB.Waiting(l) > before })
	leave()
	if got := <-ended; got != 0 {
		s.t.Errorf("%s answers %d in its own flood", l, got)
	}
}

// TestAFloodOfForms lets two hundred writers of the public pages stand in line before the desk writes, and a mail comes: both are through when a few
// of the two hundred are (rule D1). On PostgreSQL, where many write at once, none of them has to end.
func TestAFloodOfForms(t *testing.T) {
	onEach(t, func(h *house) {
		const flood = 200
		analyst := newSurfaces(h).house.person(access.Analyst, "eva@cert.valmora.example", "")
		ends := make(chan struct{})
		var all sync.WaitGroup
		for range flood {
			all.Go(func() {
				_ = h.DB.Write(db.On(context.Background(), db.Public), func(context.Context, *db.Tx) error {
					<-ends
					return nil
				})
			})
		}
		h.eventually("a flood of forms", func() bool { return h.DB.Waiting(db.Public) > flood/2 })
		written := make(chan string, 2)
		go func() {
			a := analyst.send("/desk/incidents", values("title", "Written in a flood", "summary", "Text", "tlp", "TLP:AMBER", "pap", ""))
			written <- a.to()
		}()
		go func() {
			if err := deliver(h.Config.SMTP, "a@away.example", teamAddress, head("a@away.example", teamAddress, "In a flood")+"\r\nText\r\n"); err != nil {
				written <- err.Error()
			}
			written <- ""
		}()
		ended := 0
		look := time.NewTicker(time.Millisecond)
		defer look.Stop()
		for through := 0; through < 2; {
			select {
			case to := <-written:
				if through++; to != "" && !strings.HasPrefix(to, "/desk/incidents/") {
					t.Errorf("the desk was led to %q", to)
				}
			case <-look.C:
				if h.DB.Engine() == db.SQLite && h.DB.Waiting(db.Desk)+h.DB.Waiting(db.Mail) > 0 {
					select {
					case ends <- struct{}{}:
						ended++
					default: // somebody else has the turn
					}
				}
			}
		}
		if ended > flood/4 || h.DB.Engine() == db.Postgres && ended > 0 {
			t.Errorf("%d forms had to end before the desk and a mail were through", ended)
		}
		close(ends)
		all.Wait()
	})
}
