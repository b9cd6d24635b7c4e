package page

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/turn"
)

// Need says who may come to a route. The zero Need does not start: a route without a line is a mistake.
type Need struct {
	open, signedIn, named bool
	right                 access.Right
}

// Open lets everybody in.
var Open = Need{open: true}

// SignedIn lets everybody in who has signed in on this surface.
var SignedIn = Need{signedIn: true}

// Needs lets those in who have the right on this surface; what they see there is the verb's decision.
func Needs(r access.Right) Need { return Need{named: true, right: r} }

// IsOpen tells whether no sign-in is needed.
func (n Need) IsOpen() bool { return n.open }

// Right gives the right that is needed, and whether one is.
func (n Need) Right() (access.Right, bool) { return n.right, n.named }

// Visit is a request with who makes it and how to speak to it.
type Visit struct {
	W       http.ResponseWriter
	R       *http.Request
	By      access.Actor
	Session string // names the session of the visitor, "" without one
	P       *text.Printer
	Now     time.Time
	Refused Refusal // set before Fail is asked
	log     *slog.Logger
}

// Without logs why a part of a page is left out; the page itself stands without it.
func (v *Visit) Without(err error) {
	if v.R.Context().Err() == nil {
		v.log.Error("a part of a page is left out", "pattern", v.R.Pattern, "error", err)
	}
}

// Ctx gives the request's context.
func (v *Visit) Ctx() context.Context { return v.R.Context() }

// Show renders a page.
func (v *Visit) Show(c templ.Component) error { return Write(v.W, v.R, http.StatusOK, c) }

// ShowStatus renders a page with a status.
func (v *Visit) ShowStatus(status int, c templ.Component) error { return Write(v.W, v.R, status, c) }

// See sends the visitor on after a POST (303).
func (v *Visit) See(path string) error {
	http.Redirect(v.W, v.R, path, http.StatusSeeOther)
	return nil
}

// Route is one line of a surface's map.
type Route struct {
	Pattern string // "GET /desk/triage"
	Need    Need
	MaxBody int64 // bytes of a request body; 0 means 1 MiB
	Serve   func(v *Visit) error
}

// Surface is what a mux of pages needs to know.
type Surface struct {
	Name   string // "public", "portal", "desk"
	Lane   db.Lane
	Routes []Route
	Clock  clock.Clock
	Text   *text.Catalogue
	Zone   *time.Location
	Log    *slog.Logger
	// Who gives the actor of the surface's own cookie; an Unauthenticated error means nobody.
	Who func(r *http.Request) (by access.Actor, session string, err error)
	// Prove takes the proof that came with a form whose act asks for a fresh one, and gives who the visitor is now. Without it such an act is
	// refused as if nobody had signed in.
	Prove func(v *Visit, proof Proof) error
	// AskProof shows the page that asks for the proof and sends the kept fields to the same address again. wrong is why the last proof was
	// refused, nil at first.
	AskProof func(v *Visit, keep []Hid, wrong error) error
	// Owing is where a visitor goes who must set up a second factor first.
	Owing string
	// Login is where a visitor goes who must sign in first.
	Login string
	// Fail shows an error page of the surface.
	Fail func(v *Visit, kind errs.Kind, said, reference string) error

	turns *turn.Line
}

// Mux builds the handler of a surface. It refuses a route without Need, and one that appears twice.
func (s *Surface) Mux() (http.Handler, error) {
	mux := http.NewServeMux()
	s.turns = turn.New()
	seen := map[string]bool{}
	for _, r := range s.Routes {
		switch {
		case r.Need == (Need{}):
			return nil, fmt.Errorf("route %q of %s says nobody may come", r.Pattern, s.Name)
		case seen[r.Pattern]:
			return nil, fmt.Errorf("route %q of %s appears twice", r.Pattern, s.Name)
		}
		seen[r.Pattern] = true
		mux.HandleFunc(r.Pattern, s.serve(r))
	}
	return mux, nil
}

const defaultBody = 1 << 20

func (s *Surface) serve(route Route) http.HandlerFunc {
	limit := route.MaxBody
	if limit == 0 {
		limit = defaultBody
	}
	serve := func(w http.ResponseWriter, r *http.Request) {
		v := &Visit{W: w, R: r, Now: s.Clock.Now(), log: s.Log}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		v.P = s.Text.For(s.language(w, r)).In(s.Zone)
		err := s.admit(v, route)
		if err == nil && (!utf8.ValidString(r.URL.Path) || strings.ContainsRune(r.URL.Path, 0)) {
			err = errs.ErrNotFound // no address of ours has these (rule W4)
		}
		if err == nil {
			err = s.proved(v, route)
		}
		if err != nil {
			s.fail(v, err)
		}
	}
	return func(w http.ResponseWriter, r *http.Request) {
		s.turns.Serve(w, r.WithContext(db.On(r.Context(), s.Lane)), serve)
	}
}

func (s *Surface) admit(v *Visit, route Route) error {
	v.By = access.Stranger(access.ByPage, string(v.P.Lang()))
	if s.Who != nil {
		by, session, err := s.Who(v.R)
		switch {
		case err == nil:
			v.By, v.Session = by, session
			if l := text.Lang(by.Lang); by.Lang != "" && s.Text.Has(l) && v.R.URL.Query().Get("lang") == "" && langCookie(v.R) == "" {
				v.P = s.Text.For(l).In(s.Zone)
			}
			if by.Zone != nil {
				v.P = v.P.In(by.Zone)
			}
			v.By.Lang = string(v.P.Lang())
		case !errs.Is(err, errs.Unauthenticated):
			return err
		}
	}
	if route.Need.open {
		return nil
	}
	if v.By.Account == 0 {
		return errs.New(errs.Unauthenticated, "sign in first")
	}
	if right, ok := route.Need.Right(); ok {
		if v.By.Owes {
			return errOwes
		}
		return v.By.Need(right)
	}
	return nil
}

// errOwes sends somebody whose organisation asks for a second factor to set one up.
var errOwes = &errs.Error{Kind: errs.Forbidden, Key: "error.factor_owed", Text: "set up a second factor first"}

// guarded runs the handler; a panic is an error of ours with a reference, not the end of the process.
func (s *Surface) guarded(v *Visit, route Route) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // the documented sentinel of net/http
				panic(p)
			}
			err = errs.Panic(p)
		}
	}()
	return route.Serve(v)
}

func (s *Surface) fail(v *Visit, err error) {
	kind := errs.Of(err)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		kind = errs.Limit
	}
	if errors.Is(err, context.Canceled) && v.R.Context().Err() != nil {
		return
	}
	if kind == errs.Unauthenticated && s.Login != "" && !Fragment(v.R) {
		http.Redirect(v.W, v.R, s.Login, http.StatusSeeOther)
		return
	}
	if s.Owing != "" && errors.Is(err, errOwes) && !Fragment(v.R) {
		http.Redirect(v.W, v.R, s.Owing, http.StatusSeeOther)
		return
	}
	said, reference := "", ""
	var e *errs.Error
	switch {
	case kind == errs.Internal:
		reference = id.New()[:10]
		s.Log.Error("request failed", "surface", s.Name, "pattern", v.R.Pattern, "reference", reference, "error", err)
	case errors.As(err, &e) && kind != errs.NotFound:
		said = Say(v.P, e)
	}
	v.Refused = s.refusal(v, kind, e)
	if err := s.Fail(v, kind, said, reference); err != nil {
		s.Log.Error("error page failed", "surface", s.Name, "error", err)
		http.Error(v.W, http.StatusText(kind.HTTP()), kind.HTTP())
	}
}

// Say gives the sentence of a refusal in the printer's language: by its key when the catalogue has it, else in English.
func Say(p *text.Printer, e *errs.Error) string {
	if len(e.Fields) > 0 && e.Fields[0].Key == e.Key { // the sentence needs the values that stand in its fields
		var all []string
		for _, f := range e.Fields {
			all = append(all, SayField(p, f))
		}
		return strings.Join(all, " ")
	}
	if e.Key != "" {
		return p.T(e.Key)
	}
	return e.Text
}

// SayField gives the sentence of one field problem.
func SayField(p *text.Printer, f errs.Field) string {
	args := make([]any, 0, 2*len(f.Args))
	for k, v := range f.Args {
		if why, ok := v.(string); ok && strings.HasPrefix(why, "error.") {
			v = strings.TrimSuffix(p.T(why), ".") // a reason is a sentence of the catalogue itself
		}
		args = append(args, k, v)
	}
	return p.T(f.Key, args...)
}

const langName = "lang"

// ForgetLang takes back the language that a link of a page chose: what the person set for itself counts again.
func ForgetLang(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: langName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func langCookie(r *http.Request) string {
	c, err := r.Cookie(langName)
	if err != nil {
		return ""
	}
	return c.Value
}

// language chooses: the link that was pressed (and remembers it), the remembered one, the browser's.
func (s *Surface) language(w http.ResponseWriter, r *http.Request) text.Lang {
	if l := text.Lang(r.URL.Query().Get("lang")); s.Text.Has(l) {
		http.SetCookie(w, &http.Cookie{Name: langName, Value: string(l), Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		return l
	}
	if l := text.Lang(langCookie(r)); s.Text.Has(l) {
		return l
	}
	return s.Text.Match(r.Header.Get("Accept-Language"))
}

// ErrForeign refuses a form that a page of another site sent, or a browser that does not say whose page it was.
var ErrForeign = &errs.Error{Kind: errs.Forbidden, Key: "error.foreign_form", Text: "this form did not come from a page of ours"}

// Guard is what stands around all surfaces of one listener: headers, known hosts (421), no cross-site posts (foreign answers them; nil: in plain
// words), bounded time.
func Guard(next http.Handler, hosts []string, foreign http.Handler) (http.Handler, error) {
	assets, err := Assets()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+Prefix, assets)
	own := http.NewCrossOriginProtection()
	if foreign != nil {
		own.SetDenyHandler(foreign)
	}
	mux.Handle("/", own.Handler(next))
	return Secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(hosts) > 0 && !slices.Contains(hosts, strings.ToLower(r.Host)) {
			w.WriteHeader(http.StatusMisdirectedRequest)
			_, _ = io.WriteString(w, "This address is not served here.\n")
			return
		}
		mux.ServeHTTP(w, r)
	})), nil
}
