package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/once"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/rate"
)

// call is a request with who makes it and how to speak to it. It goes from the pipeline to the handler's frame, which hands the actor on as
// a parameter.
type call struct {
	by      access.Actor
	printer *text.Printer
	line    Operation
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// bodyTime is how long a body may take to arrive.
const bodyTime = 30 * time.Second

// ServeHTTP sets the headers of every answer, also of those that no operation gives.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Authorization, Accept-Language")
	if _, pattern := a.mux.Handler(r); pattern == "" {
		a.nowhere(w, r)
		return
	}
	a.turns.Serve(w, r.WithContext(db.On(r.Context(), db.API)), a.mux.ServeHTTP)
}

// nowhere answers for a path without an operation, or a method that its path has not.
func (a *API) nowhere(w http.ResponseWriter, r *http.Request) {
	p := a.plain(a.speak(r, access.Actor{}), errs.NotFound)
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPatch} {
		other := &http.Request{Method: m, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(other); pattern != "" {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		p.Status = http.StatusMethodNotAllowed
	}
	a.refuse(w, p)
}

func (a *API) speak(r *http.Request, by access.Actor) *text.Printer {
	if accept := r.Header.Get("Accept-Language"); accept != "" || by.Lang == "" {
		return a.Text.For(a.Text.Match(accept))
	}
	return a.Text.For(text.Lang(by.Lang))
}

// around is the pipeline of every operation.
func (a *API) around(hc huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(hc)
	op := hc.Operation()
	c := &call{printer: a.speak(r, access.Actor{}), line: op.Metadata["line"].(Operation)}
	by, err := a.actor(r, c)
	if err == nil {
		c.by, c.printer = by, a.speak(r, by)
		c.by.Lang = string(c.printer.Lang())
		err = a.admit(r, c)
	}
	var body []byte
	if err == nil {
		body, err = a.body(w, r)
	}
	if err != nil {
		a.refuse(w, a.problem(r.Context(), c.printer, c.line.line(), err))
		return
	}
	run := func(ctx context.Context, w http.ResponseWriter) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // the documented sentinel of net/http
					panic(p)
				}
				a.refuse(w, a.problem(ctx, c.printer, c.line.line(), errs.Panic(p)))
			}
		}()
		inner := r.WithContext(context.WithValue(ctx, callKey{}, c))
		inner.Body = io.NopCloser(bytes.NewReader(body))
		next(humago.NewContext(op, inner, w))
	}
	key := r.Header.Values("Idempotency-Key")
	if r.Method != http.MethodPost || len(key) == 0 {
		run(r.Context(), w)
		return
	}
	a.once(w, r, c, key, body, run)
}

// actor proves who asks: a bearer token, or nobody. Cookies mean nothing.
func (a *API) actor(r *http.Request, c *call) (access.Actor, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		if !c.line.Open {
			return access.Actor{}, errToken
		}
		return access.Stranger(access.ByAPI, string(c.printer.Lang())), nil
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if len(values) == 1 && strings.EqualFold(scheme, "Bearer") && len(token) <= 200 && token != "" {
		by, err := a.Tokens.ByToken(r.Context(), token, a.Network(r))
		if err == nil && by.Account != 0 {
			by.Origin = access.ByAPI
			return by, nil
		}
		if k := errs.Of(err); err != nil && (k == errs.Internal || k == errs.Unavailable) {
			return access.Actor{}, err
		}
	}
	// Whatever was wrong with it: one answer (rule A5). Who holds a token is not kept out by a neighbour who guesses (rule I3).
	if wait, ok := a.limits.refused.Take(rate.Network(a.Network(r))); !ok {
		return access.Actor{}, limited{wait}
	}
	return access.Actor{}, errToken
}

// admit asks the rate, then the line of the table.
func (a *API) admit(r *http.Request, c *call) error {
	if c.by.Account == 0 {
		if wait, ok := a.limits.report.Take(rate.Network(a.Network(r))); !ok {
			return limited{wait}
		}
	} else if wait, ok := a.limits.account.Take(fmt.Sprint(c.by.Account)); !ok {
		return limited{wait}
	}
	if !c.line.Admits(c.by) {
		return c.by.Need(c.line.Rights[0])
	}
	for name := range strings.SplitSeq(c.line.Path, "{") {
		if name, _, ok := strings.Cut(name, "}"); ok && !named(r.PathValue(name)) {
			return errs.ErrNotFound
		}
	}
	return query(r.URL)
}

// named tells whether a path value can be a uid, a number or a reference. All else is not looked up.
func named(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

// query refuses parameters with two readings: repeated ones, broken escapes, bytes that are no text.
func query(u *url.URL) error {
	values, err := url.ParseQuery(u.RawQuery)
	var p errs.Problems
	if err != nil {
		p.Add("query", "error.parameter")
	}
	for name, list := range values {
		if len(list) > 1 || !utf8.ValidString(list[0]) || strings.ContainsRune(list[0], 0) || len(list[0]) > 2000 || !utf8.ValidString(name) {
			p.Add(shortName(strings.ToValidUTF8(name, ".")), "error.parameter")
		}
	}
	return p.Err()
}

// body reads the whole body of a request that has one, within its limits.
func (a *API) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPost && r.Method != http.MethodPatch {
		return nil, nil
	}
	if ct := r.Header.Get("Content-Type"); ct != "" {
		media, params, err := mime.ParseMediaType(ct)
		if err != nil || media != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
			return nil, errMedia
		}
		r.Header.Set("Content-Type", "application/json")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, errMedia
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime)) // a recorder of tests has none
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MostBody))
	_ = control.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, errTooLarge
	case err != nil:
		return nil, errs.Wrap(errs.Unavailable, "the body did not arrive whole", err)
	}
	return raw, nil
}

// leastOpenKey is how long the key of somebody without a token must be: it stands between two strangers with the same body.
const leastOpenKey = 16

// once lets a request with an idempotency key take effect once (package core/once).
func (a *API) once(w http.ResponseWriter, r *http.Request, c *call, keys []string, body []byte, run func(context.Context, http.ResponseWriter)) {
	req := once.Request{
		Actor: fmt.Sprintf("account:%d", c.by.Account), Key: keys[0],
		Hash: once.Hash([]byte(r.Method), []byte(r.URL.Path), []byte(r.URL.RawQuery), body, []byte(r.Header.Get("If-Match"))),
	}
	if len(keys) != 1 || !once.ValidKey(keys[0]) || c.by.Account == 0 && len(keys[0]) < leastOpenKey {
		var p errs.Problems
		p.Add("Idempotency-Key", "error.once_key")
		a.refuse(w, a.problem(r.Context(), c.printer, c.line.line(), p.Err()))
		return
	}
	if c.by.Account == 0 {
		// Strangers share no account: who does not know the whole request learns nothing of another's.
		req.Actor = fmt.Sprintf("open:%x", req.Hash)
	}
	answer, again, err := a.Once.Do(r.Context(), req, func(ctx context.Context) once.Answer {
		rec := &recorder{header: http.Header{}}
		run(ctx, rec)
		return rec.answer()
	})
	if err != nil && answer.Status == 0 {
		a.refuse(w, a.problem(r.Context(), c.printer, c.line.line(), err))
		return
	}
	if err != nil { // the act is done; only its answer could not be kept for a second time
		a.Log.Error("answer not kept", "surface", "api", "operation", c.line.line(), "error", err)
	}
	h := w.Header()
	for name, value := range answer.Header {
		h.Set(name, value)
	}
	if again {
		h.Set("Idempotency-Replayed", "true")
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body)
}

// recorder keeps an answer that is not sent yet.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

func (r *recorder) answer() once.Answer {
	out := once.Answer{Status: r.status, Header: map[string]string{}, Body: r.body.Bytes()}
	if out.Status == 0 {
		out.Status = http.StatusOK
	}
	for name := range r.header {
		out.Header[name] = r.header.Get(name)
	}
	return out
}
