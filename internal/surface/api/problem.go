package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/rate"
)

// Problem is a refusal as RFC 9457 writes it. It never quotes what is stored, nor what was sent but for names of fields.
type Problem struct {
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Kind      string         `json:"kind" enum:"internal,invalid,unauthenticated,forbidden,not_found,conflict,limit,unavailable" doc:"Stable name of the kind of refusal"`
	Code      string         `json:"code,omitempty" doc:"Stable name of the very refusal, where it has one"`
	Detail    string         `json:"detail,omitempty"`
	Errors    []FieldProblem `json:"errors,omitempty" doc:"All problems of fields at once"`
	Reference string         `json:"reference,omitempty" doc:"Tell us this when something failed on our side"`

	retry time.Duration
}

// FieldProblem is one problem of one field.
type FieldProblem struct {
	Field  string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// Error makes a problem an error that huma hands through.
func (p *Problem) Error() string { return p.Title }

// GetStatus gives the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

var (
	errMedia    = &errs.Error{Kind: errs.Invalid, Key: "error.media_type", Text: "send application/json"}
	errNoMatch  = &errs.Error{Kind: errs.Invalid, Key: "error.if_match_missing", Text: "send If-Match with the ETag that you read"}
	errMismatch = &errs.Error{Kind: errs.Conflict, Key: "error.if_match", Text: "it was changed since you read it: read it again and compare"}
	errToken    = errs.New(errs.Unauthenticated, "a valid token is needed")
	errTooLarge = errors.New("the body is too large")
)

// limited is a Limit that tells when to come back.
type limited struct{ wait time.Duration }

func (limited) Error() string { return "too many requests" }

// statuses are where a refusal has a more telling status than its kind.
var statuses = map[error]int{errMedia: http.StatusUnsupportedMediaType, errNoMatch: http.StatusPreconditionRequired, errMismatch: http.StatusPreconditionFailed}

// problem turns an error into what its reader may know of it.
func (a *API) problem(ctx context.Context, pr *text.Printer, where string, err error) *Problem {
	var wait limited
	if errors.As(err, &wait) {
		p := a.plain(pr, errs.Limit)
		p.retry = max(wait.wait, time.Second)
		return p
	}
	if errors.Is(err, errTooLarge) {
		p := a.plain(pr, errs.Limit)
		p.Status, p.Code, p.Detail = http.StatusRequestEntityTooLarge, "body_large", pr.T("error.body_large", "most", MostBody>>20)
		return p
	}
	kind := errs.Of(err)
	p := a.plain(pr, kind)
	var e *errs.Error
	switch {
	case kind == errs.Internal:
		p.Reference = id.New()[:10]
		if ctx.Err() == nil {
			a.Log.Error("request failed", "surface", "api", "operation", where, "reference", p.Reference, "error", err)
		}
		return p
	case kind == errs.NotFound || kind == errs.Unauthenticated && !errors.As(err, &e): // one wording whatever the cause (rule A5)
		return p
	case errors.As(err, &e):
		p.Code = code(e.Key)
		p.Detail = a.say(pr, e.Key, values(e), e.Text)
		for _, f := range e.Fields {
			p.Errors = append(p.Errors, FieldProblem{Field: f.Name, Code: code(f.Key), Detail: a.say(pr, f.Key, f.Args, "")})
		}
		if s, ok := statuses[e]; ok {
			p.Status = s
		}
	}
	if kind == errs.Unavailable || kind == errs.Limit {
		p.retry = 5 * time.Second
	}
	return p
}

func (a *API) plain(pr *text.Printer, kind errs.Kind) *Problem {
	return &Problem{Title: pr.T("error.kind." + kind.String()), Status: kind.HTTP(), Kind: kind.String()}
}

// code gives the stable name that stands in problems: the catalogue key without its area.
func code(key string) string { return strings.TrimPrefix(key, "error.") }

// say writes a sentence of the catalogue; where it has none, the English one of the error. A value that names a text is written as that text.
func (a *API) say(pr *text.Printer, key string, args map[string]any, otherwise string) string {
	e, ok := a.Text.Entry(key)
	if !ok {
		return otherwise
	}
	list := make([]any, 0, 2*len(args))
	for k, v := range args {
		if s, ok := v.(string); ok {
			v = a.say(pr, s, nil, s)
		}
		list = append(list, k, v)
	}
	if count, ok := args["count"].(int); ok && e[text.EN].Plural() {
		return pr.N(key, count, list...)
	}
	return pr.T(key, list...)
}

// values are those of a refusal's own sentence: they stand with the field that has the same key.
func values(e *errs.Error) map[string]any {
	for _, f := range e.Fields {
		if f.Key == e.Key {
			return f.Args
		}
	}
	return nil
}

// transform turns huma's own refusals (parameters, missing body) into ours.
func (a *API) transform(hc huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	c := callOf(hc.Context())
	if m.Status == http.StatusInternalServerError {
		return a.problem(hc.Context(), c.printer, hc.Operation().Path, errors.New(m.Detail)), nil
	}
	var p errs.Problems
	for _, e := range m.Errors {
		where, name, _ := strings.Cut(e.Location, ".")
		switch {
		case e.Message == "unknown query parameter":
			p.Add(shortName(name), "error.unknown_parameter")
		case where == "query" || where == "header" || where == "path":
			p.Add(shortName(name), "error.parameter")
		}
	}
	err := p.Err()
	if err == nil {
		err = strictEmpty
	}
	out := a.problem(hc.Context(), c.printer, hc.Operation().Path, err)
	out.Status = m.Status // huma has written the status line of its own refusal
	return out, nil
}

var strictEmpty = &errs.Error{Kind: errs.Invalid, Key: "error.json", Text: "a body is required"}

func shortName(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60])
	}
	return s
}

// refuse writes a problem outside of huma.
func (a *API) refuse(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if p.retry > 0 {
		h.Set("Retry-After", rate.Seconds(p.retry))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="tocsin"`)
	}
	w.WriteHeader(p.Status)
	body, err := json.Marshal(p)
	if err == nil {
		_, _ = w.Write(append(body, '\n'))
	}
}
