package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/once"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/conf"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/lifecycle"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
	"github.com/tocsin-csirt/tocsin/internal/surface/api"
	"github.com/tocsin-csirt/tocsin/internal/surface/casefile"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/desk"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/entry"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/portal"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/public"
)

// door is one listener with what it serves. A desk or portal with a listener of its own is not reachable through another.
type door struct {
	listener             conf.Listener
	public, desk, portal bool
}

// doors says what each listener of a role serves.
func doors(c conf.Config, role Role) []door {
	main := door{listener: c.Main(), public: role == All}
	desk, portal := c.ServesDesk(), c.ServesPortal()
	var out []door
	if l := c.Desk(); l.On() {
		out = append(out, door{listener: l, desk: true})
	} else {
		main.desk = desk
	}
	if l := c.Portal(); l.On() {
		out = append(out, door{listener: l, portal: true})
	} else {
		main.portal = portal
	}
	if main.public || main.desk || main.portal {
		out = append([]door{main}, out...)
	}
	return out
}

// Listens names what a role listens on, for people.
func Listens(c conf.Config, role Role) (list []string) {
	if role == Public {
		list = append(list, c.Main().Addr)
	}
	if role == All || role == Desk {
		for _, d := range doors(c, role) {
			list = append(list, d.listener.Addr)
		}
	}
	if role == All || role == Mail {
		for _, l := range []conf.Listener{c.Mail(), c.LocalMail()} {
			if l.On() {
				list = append(list, l.Addr)
			}
		}
	}
	return list
}

func (h *House) web(role Role) []lifecycle.Part {
	var parts []lifecycle.Part
	for _, d := range doors(h.Config, role) {
		var handler refreshed
		parts = append(parts, lifecycle.Part{Name: "pages on " + d.listener.Addr, Run: func(ctx context.Context, ready func()) error {
			build := func() error {
				return handler.build(func() (http.Handler, error) { return h.Handler(ctx, d.public, d.desk, d.portal) })
			}
			if err := build(); err != nil {
				return err
			}
			defer followKeys(ctx, h.DB, build)()
			return listenHTTP(ctx, d.listener, &handler, h.Config, h.Log, ready)
		}})
	}
	if l := h.Config.Measures(); l.On() {
		parts = append(parts, lifecycle.Part{Name: "metrics", Run: h.metrics(l)})
	}
	return parts
}

// site is how the pages name us.
func (h *House) site(keys []pgp.Key) page.Site { return siteOf(h.Profile, keys) }

func siteOf(p Profile, keys []pgp.Key) page.Site {
	s := page.Site{Name: p.Name, Kind: p.Kind, Authority: p.Authority, Phone: p.Phone, Mail: p.Address}
	if len(keys) > 0 {
		s.Fingerprint = id.Grouped(keys[0].Fingerprint())
	}
	return s
}

// Handler builds everything that one listener serves.
func (h *House) Handler(ctx context.Context, withPublic, withDesk, withPortal bool) (http.Handler, error) {
	return h.handler(ctx, withPublic, withDesk, withPortal, func(string, []page.Route) {})
}

// handler is Handler; it tells the map of every surface that it builds.
func (h *House) handler(ctx context.Context, withPublic, withDesk, withPortal bool, tell func(surface string, routes []page.Route)) (http.Handler, error) {
	keys, err := TeamKeys(ctx, h.DB)
	if err != nil {
		return nil, err
	}
	site := h.site(keys)
	around := func(v *page.Visit) page.PublicView {
		return page.PublicView{Frame: page.Frame{P: v.P, Site: site, Now: v.Now, Path: v.R.URL.RequestURI(), Footer: public.Footer(v.P)}, Nav: public.Nav(v.P, "")}
	}
	pub := h.public(site)
	mux := http.NewServeMux()
	surface := func(name string, lane db.Lane, door account.Door, who func(*http.Request) (access.Actor, string, error), fail func(*page.Visit, errs.Kind, string, string) error, routes []page.Route) (http.Handler, error) {
		tell(name, routes)
		s := &page.Surface{Name: name, Lane: lane, Routes: routes, Clock: h.Clock, Text: h.Text, Zone: h.Config.Location(), Log: h.Log, Who: who, Fail: fail}
		if door != "" {
			s.Login, s.Owing = "/login", entry.Factor(door)
			s.Prove, s.AskProof = entry.ProofOf(entry.Deps{DB: h.DB, Accounts: h.Accounts, Around: around}, door)
		}
		return s.Mux()
	}
	ent := entry.Deps{DB: h.DB, Accounts: h.Accounts, Around: around}
	if withDesk {
		ent.Doors = append(ent.Doors, account.Desk)
		d := h.desk(site)
		fail := func(v *page.Visit, kind errs.Kind, said, reference string) error {
			if v.By.Account == 0 { // nobody is at the desk: the frame of the workbench is for who is
				return ent.Fail(v, kind, said, reference)
			}
			return d.Fail(v, kind, said, reference)
		}
		handler, err := surface("desk", db.Desk, account.Desk, entry.Who(account.Desk, h.Accounts), fail, append(d.Routes(), entry.AccountRoutes(ent, account.Desk)...))
		if err != nil {
			return nil, err
		}
		mux.Handle("/desk", handler)
		mux.Handle("/desk/", handler)
		a, err := h.api()
		if err != nil {
			return nil, err
		}
		mux.Handle(api.Prefix+"/", a)
	}
	if withPortal {
		ent.Doors = append(ent.Doors, account.Portal)
		d := portal.Deps{
			DB: h.DB, Constituency: h.Constituency, Registration: h.Registration, Correspondence: h.Correspondence, Intake: h.Intake, Coordination: h.Coordination, Deadlines: h.Deadlines,
			Accounts: h.Accounts, Once: &once.Keeper{DB: h.DB, Clock: h.Clock, Ring: h.Ring}, Around: around,
		}
		handler, err := surface("portal", db.Portal, account.Portal, entry.Who(account.Portal, h.Accounts), d.Fail, append(append(portal.Routes(d), h.inside(site, d).InsideRoutes()...), entry.AccountRoutes(ent, account.Portal)...))
		if err != nil {
			return nil, err
		}
		mux.Handle("/portal", handler)
		mux.Handle("/portal/", handler)
	}
	if withDesk || withPortal {
		handler, err := surface("entry", db.Entry, "", nil, ent.Fail, entry.Routes(ent))
		if err != nil {
			return nil, err
		}
		mux.Handle("/login", handler)
		mux.Handle("/login/", handler)
		mux.Handle("/logout", handler)
		mux.Handle("/welcome/", handler)
	}
	if withPublic {
		handler, err := surface("public", db.Public, "", nil, pub.Fail, pub.Routes())
		if err != nil {
			return nil, err
		}
		mux.Handle("/", absent(handler, pub, h.Text, h.Log))
	} else {
		mux.Handle("/", absent(http.NotFoundHandler(), pub, h.Text, h.Log))
	}
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", h.ready)
	return page.Guard(mux, h.hosts(), refusing(page.ErrForeign, pub, h.Text, h.Log))
}

// refusing shows our own page of a refusal, whatever was asked.
func refusing(why error, pub *public.Public, texts *text.Catalogue, log *slog.Logger) http.Handler {
	s := &page.Surface{Name: "absent", Lane: db.Public, Clock: pub.Clock, Text: texts, Zone: pub.Zone, Log: log, Fail: pub.Fail, Routes: []page.Route{
		{Pattern: "/", Need: page.Open, Serve: func(*page.Visit) error { return why }},
	}}
	handler, err := s.Mux()
	if err != nil {
		return http.NotFoundHandler()
	}
	return handler
}

// absent shows our own page for what is not there, whatever mux would have answered.
func absent(next http.Handler, pub *public.Public, texts *text.Catalogue, log *slog.Logger) http.Handler {
	missing := refusing(errs.ErrNotFound, pub, texts, log)
	mux, ok := next.(*http.ServeMux)
	if !ok {
		return missing
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			missing.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// hosts are the names under which this house may be called; any other is answered 421 (rule W3).
func (h *House) hosts() []string { return hostsOf(h.Config) }

func hostsOf(c conf.Config) []string {
	var out []string
	add := func(host string) {
		if host != "" && !slices.Contains(out, strings.ToLower(host)) {
			out = append(out, strings.ToLower(host))
		}
	}
	if _, host, ok := strings.Cut(c.PublicURL(), "://"); ok {
		add(host)
	}
	for _, l := range []conf.Listener{c.Main(), c.Desk(), c.Portal()} {
		if l.URL != nil {
			add(l.URL.Host)
		}
		add(l.Addr)
		if port := l.Addr[strings.LastIndexByte(l.Addr, ':')+1:]; conf.Loopback(l.Addr) && l.Network == "tcp" {
			add("localhost:" + port)
		}
	}
	return out
}

func (h *House) public(site page.Site) *public.Public {
	return &public.Public{
		DB: h.DB, Clock: h.Clock, Zone: h.Config.Location(), Text: h.Text, Site: site, URL: h.publicURL(), Address: h.Profile.Address, Suspicious: h.Correspondence.Suspicious,
		Keys:         func(ctx context.Context) ([]pgp.Key, error) { return TeamKeys(ctx, h.DB) },
		Certificates: func(ctx context.Context) ([]smime.Certificate, error) { return TeamCertificates(ctx, h.DB) },
		SecurityTxt:  func(ctx context.Context) (string, error) { return securityTxt(ctx, h.DB) },
		DocumentKeys: func(ctx context.Context) (string, error) { return documentList(ctx, h.DB) },
		Wake:         h.wakeDrops,
		Laws:         h.Intake.Laws, Country: h.Profile.Country, Count: intake.Counting(h.Calendar), Patience: time.Second, Annexes: h.Registration.Annexes,
	}
}

// inside is the report form where it stands in the portal.
func (h *House) inside(site page.Site, d portal.Deps) *public.Public {
	x := h.public(site)
	x.In = &public.Inside{
		Frame: d.FormFrame, Short: "/portal/reports/new", Draft: h.Intake.OwnDraft,
		Me: func(v *page.Visit) (public.Own, error) {
			org, c, err := d.Me(v)
			own := public.Own{Known: law.Answers{}, Boxes: map[string]string{}}
			if org != "" {
				own.Known["entity"] = org
			}
			for name, s := range map[string]string{"contact_name": v.By.Name, "contact_email": c.Email, "contact_phone": c.Phone} {
				if s != "" {
					own.Boxes["q-"+name] = s
				}
			}
			return own, err
		},
		Send: func(ctx context.Context, by access.Actor, in intake.ReceiveInput) (string, error) {
			in.Channel = correspondence.ByPortal
			got, err := h.Intake.SendOwn(ctx, by, in)
			return "/portal/reports/" + got.Report.UID + "?done=reported", err
		},
	}
	return x
}

func (h *House) desk(site page.Site) *desk.Desk {
	return &desk.Desk{
		DB: h.DB, Clock: h.Clock, Audit: h.Audit, Intake: h.Intake, Correspondence: h.Correspondence, Incidents: h.Incidents, Coordination: h.Coordination,
		Constituency: h.Constituency, Registration: h.Registration, Deadlines: h.Deadlines, Drafts: h.Drafts, Playbook: h.Playbook, Taxonomy: h.Taxonomy, Rating: h.Rating, Newest: h.Newest,
		Zone: h.Config.Location(), Site: site, Accounts: h.Accounts, Alarms: h.Alarms, Watch: h.Watch, Retain: h.Retain, Duty: h.Duty, Suspicion: h.Suspicion, Takedown: h.Takedown, Presence: h.Presence, Health: h.healthLines,
		TeamKeys: func(ctx context.Context) ([]pgp.Key, error) { return TeamKeys(ctx, h.DB) },
		Welcome:  h.WelcomeURL,
		Sheet: func(p *text.Printer, c incident.Case, by access.Actor) templ.Component {
			return casefile.Sheet(p, casefile.Of(c, h.Profile.Name, by.Name, h.Clock.Now()))
		},
		Names: func(ctx context.Context, ids ...int64) (map[int64]string, error) {
			return h.Accounts.Names(ctx, h.DB, ids...)
		},
		Staff: func(ctx context.Context, by access.Actor) ([]desk.Colleague, error) {
			all, err := h.Accounts.Staff(ctx, h.DB, by)
			out := make([]desk.Colleague, len(all))
			for i, a := range all {
				out[i] = desk.Colleague{Account: a.ID, Name: a.Name}
			}
			return out, err
		},
		Still: entry.Still(account.Desk, h.Accounts),
	}
}

// healthLines are the checks of Ready and Doctor for the desk.
func (h *House) healthLines(ctx context.Context) []desk.HealthLine {
	var out []desk.HealthLine
	for _, c := range append(h.Ready(ctx), h.Doctor(ctx)...) {
		out = append(out, desk.HealthLine{Name: strings.ReplaceAll(strings.ToLower(c.Name), " ", "_"), OK: c.OK, Note: c.Note})
	}
	return out
}

func (h *House) api() (http.Handler, error) {
	a, err := api.New(api.Deps{
		Tokens: h.Accounts, Once: &once.Keeper{DB: h.DB, Clock: h.Clock, Ring: h.Ring}, Text: h.Text, Clock: h.Clock, Log: h.Log, URL: h.publicURL(), Version: Version,
		Constituency: h.Constituency, Correspondence: h.Correspondence, Intake: h.Intake, Coordination: h.Coordination, Incident: h.Incidents,
		Deadlines: h.Deadlines, Search: h.Search, Audit: h.Audit, Watch: h.Watch, Retain: h.Retain, Duty: h.Duty, Suspicion: h.Suspicion, Registration: h.Registration, Takedown: h.Takedown,
		Staff: func(ctx context.Context, by access.Actor) ([]api.Person, error) {
			all, err := h.Accounts.Staff(ctx, h.DB, by)
			out := make([]api.Person, len(all))
			for i, x := range all {
				out[i] = api.Person{Account: x.ID, ID: x.UID, Name: x.Name}
			}
			return out, err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("build API: %w", err)
	}
	return a, nil
}

// Version is the version of this program.
const Version = "0.1.0"
