package cli

import (
	"net/http"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// TestLiveSignalsEndWithRights opens live streams, on PostgreSQL at another process than the one at which the act is done: whose role is taken,
// whose sign-in or account is ended or who chooses a new password hears nothing after five seconds, and for whom a seal hides a case hears
// nothing of it (rule A11).
func TestLiveSignalsEndWithRights(t *testing.T) {
	for _, engine := range pgtest.Engines(t) {
		t.Run(engine, func(t *testing.T) { liveEnds(t, engine) })
	}
}

func liveEnds(t *testing.T, engine string) {
	i := install(t, engine)
	ctx := t.Context()
	lea := i.person(access.Lead, "lea@cert.valmora.example", "")
	people := map[string]account.Account{}
	names := []string{"role", "out", "others", "password", "disabled", "watcher"}
	for _, name := range names {
		people[name] = i.person(access.Analyst, name+"@cert.valmora.example", "")
	}
	all := i.serve("all")
	here, there := i.c.HTTP, i.c.HTTP
	running := []*program{all}
	if engine == "postgres" {
		there = freePort(t)
		running = append(running, i.serve("desk", "TOCSIN_DESK_HTTP="+there, "TOCSIN_PORTAL_HTTP=off,http://"+there))
	}
	lead := access.Actor{Account: lea.ID, Name: lea.Name, Roles: []access.Role{access.Lead}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: time.Now(), AskedAt: time.Now(), Lang: "en"}

	// What a seal hides makes no signal; what it does not hide goes on.
	watcher, leader := i.browser(here), i.browser(here)
	watcher.signIn("watcher@cert.valmora.example")
	leader.signIn("lea@cert.valmora.example")
	var in incident.Incident
	i.inside(func(h *app.House) {
		var err error
		in, err = h.Incidents.Open(ctx, lead, incident.NewIncident{Title: "Ministry", TLP: tlp.Amber})
		i.must(err)
	})
	hears, leads := watcher.at(there).stream(), leader.at(there).stream()
	note := func(text string) {
		i.inside(func(h *app.House) {
			_, err := h.Incidents.AddEntry(ctx, lead, in.Number, incident.Entry{Kind: incident.Note, Text: text, HappenedAt: time.Now()})
			i.must(err)
		})
	}
	note("before")
	hears.hears("event: incident")
	i.mail("a@away.example", "First mark")
	hears.hears("event: triage")
	i.inside(func(h *app.House) {
		now, err := h.Incidents.Get(ctx, h.DB, lead, in.Number)
		i.must(err)
		_, err = h.Incidents.Seal(ctx, lead, in.Number, now.Version, nil, "the minister")
		i.must(err)
	})
	leads.drain()
	note("after")
	leads.hears("event: incident")
	i.mail("a@away.example", "Second mark")
	for _, line := range hears.until("event: triage") {
		if line == "event: incident" {
			t.Error("a sealed case makes a signal for somebody who is not named")
		}
	}

	// Each loses what it came by, and its stream ends.
	browsers, streams := map[string]*browser{}, map[string]*stream{}
	for _, name := range names[:5] {
		browsers[name] = i.browser(here)
		browsers[name].signIn(name + "@cert.valmora.example")
		streams[name] = browsers[name].at(there).stream()
	}
	second := i.browser(here)
	second.signIn("others@cert.valmora.example")
	for name, act := range map[string]func(){
		"role": func() {
			i.inside(func(h *app.House) {
				_, err := h.Accounts.RevokeRole(ctx, access.System("setup"), people["role"].UID, access.Analyst)
				i.must(err)
			})
		},
		"disabled": func() {
			i.inside(func(h *app.House) {
				_, err := h.Accounts.Disable(ctx, access.System("setup"), people["disabled"].UID)
				i.must(err)
			})
		},
		"out":    func() { browsers["out"].sees(http.StatusSeeOther, "/logout") },
		"others": func() { second.sees(http.StatusSeeOther, "/desk/account/sessions/end-others") },
		"password": func() {
			i.inside(func(h *app.House) {
				p := people["password"]
				by := access.Actor{Account: p.ID, Name: p.Name, Roles: []access.Role{access.Analyst}, Origin: access.ByPage, Strength: access.TwoFactor, ProvedAt: time.Now(), AskedAt: time.Now()}
				i.must(h.Accounts.SetPassword(ctx, by, "another horse battery 8", ""))
			})
		},
	} {
		began := time.Now()
		act()
		done := time.Since(began)
		if took := streams[name].ends(); took > 5*time.Second+done {
			t.Errorf("%s: the stream lived on for %v", name, took)
		}
		stale := browsers[name].at(there)
		if a := stale.get("/desk/live"); a.status == http.StatusOK {
			t.Errorf("%s: a new stream opens", name)
		}
	}
	for n := len(running) - 1; n >= 0; n-- {
		running[n].stop()
	}
}

// sees posts an empty form and wants the status.
func (b *browser) sees(status int, path string) {
	b.i.t.Helper()
	kept := map[string]string{}
	for name, value := range b.cookies {
		kept[name] = value
	}
	if a := b.do(http.MethodPost, path); a.status != status {
		b.i.t.Errorf("POST %s: %d to %q, want %d", path, a.status, a.to, status)
	}
	b.cookies = kept // whoever copied the cookie still has it
}

// until gives what is heard before a line.
func (s *stream) until(line string) (before []string) {
	s.i.t.Helper()
	end := time.After(patience)
	for {
		select {
		case got, on := <-s.lines:
			if !on {
				s.i.t.Fatalf("the stream ended before %q", line)
			}
			if got == line {
				return before
			}
			before = append(before, got)
		case <-end:
			s.i.t.Fatalf("never heard %q", line)
		}
	}
}

// drain forgets what was heard.
func (s *stream) drain() {
	for {
		select {
		case <-s.lines:
		default:
			return
		}
	}
}
