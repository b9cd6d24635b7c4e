// Package api is the REST surface: /api/v1 for machines and people with a token, described by /api/openapi.json.
//
//	operation.go      the map of the surface: one line for each operation, with who may come; without its line none starts
//	api.go            what the surface needs, New
//	pipeline.go       what happens around every operation, in this order: headers, token, rate, right, body, idempotency
//	register.go       how a handler becomes an operation of huma, ETags
//	body.go           bodies through kit/strictjson
//	problem.go        one place for refusals: RFC 9457, in the reader's language
//	limit.go          token buckets
//	follow.go         ?updated_after=
//	report*.go, law.go, incident*.go, party.go, measure.go, registry.go, look.go   the operations
//
// It has no rules and no SQL: a handler reads input, calls one verb, writes out a type of its own. Input types have only settable fields,
// output types are written by hand; outside stand uids and references, never inner ids. Who is not of the team gets types without the
// team's fields, and an ETag made of what it sees alone (rule A6). "Not yours", "sealed" and "absent" are the same bytes (rule A5).
// Authentication is a bearer token and nothing else; a cookie means nothing here (rule I12).
package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/once"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/rate"
	"github.com/tocsin-csirt/tocsin/internal/kit/strictjson"
	"github.com/tocsin-csirt/tocsin/internal/kit/turn"
)

// Tokens tells whose token it is and what it may do. Any error means that the token opens nothing.
type Tokens interface {
	ByToken(ctx context.Context, secret string, from netip.Addr) (access.Actor, error)
}

// Deps is what the surface needs.
type Deps struct {
	Tokens  Tokens
	Once    *once.Keeper
	Text    *text.Catalogue
	Clock   clock.Clock
	Log     *slog.Logger
	URL     string                           // public address without a final slash, for status links
	Network func(r *http.Request) netip.Addr // who connects, behind trusted proxies; nil takes the peer's address
	Limits  Limits                           // the zero Limits are the usual ones
	Version string

	Constituency   *constituency.Service
	Correspondence *correspondence.Service
	Intake         *intake.Service
	Coordination   *coordination.Service
	Incident       *incident.Service
	Deadlines      *deadline.Service
	Search         *search.Index
	Audit          *audit.Log
	Watch          *alarm.Watch
	Retain         *retain.Service
	Duty           *duty.Service
	Suspicion      *suspicion.Service
	Registration   *registration.Service
	Takedown       *takedown.Service

	Staff func(ctx context.Context, by access.Actor) ([]Person, error) // the people who work on cases
}

// Prefix is the path below which the surface lives.
const Prefix = "/api"

// MostBody is the largest body in bytes.
const MostBody = 10 << 20

// API is the surface.
type API struct {
	Deps
	mux    *http.ServeMux
	turns  *turn.Line
	huma   huma.API
	lines  map[string]Operation
	bound  map[string]bool
	broken []string
	limits *limiters
	spec   []byte
}

// New builds the surface. It refuses to start when an operation has no line in Operations, a line has no operation, or a line lets nobody in.
func New(d Deps) (*API, error) {
	if d.Network == nil {
		d.Network = rate.Peer
	}
	a := &API{Deps: d, mux: http.NewServeMux(), turns: turn.New(), lines: map[string]Operation{}, bound: map[string]bool{}, limits: newLimiters(d.Limits, d.Clock)}
	for _, op := range Operations() {
		switch _, twice := a.lines[op.line()]; {
		case twice:
			return nil, fmt.Errorf("operation %s appears twice", op.line())
		case op.Open == (len(op.Rights) > 0):
			return nil, fmt.Errorf("operation %s says nobody may come, or everybody and somebody", op.line())
		}
		a.lines[op.line()] = op
	}
	a.huma = humago.NewWithPrefix(a.mux, "", a.config())
	a.huma.UseMiddleware(a.around)
	a.reports()
	a.laws()
	a.routine()
	a.duties()
	a.suspicious()
	a.incidents()
	a.parties()
	a.sendings()
	a.sharing()
	a.targets()
	a.measures()
	a.questions()
	a.ladders()
	a.differences()
	a.registry()
	a.looks()
	for line := range a.lines {
		if !a.bound[line] {
			a.broken = append(a.broken, line+" has a line and no operation")
		}
	}
	if len(a.broken) > 0 {
		return nil, fmt.Errorf("the table of operations does not hold: %v", a.broken)
	}
	// huma documents a type of errors that is never sent.
	delete(a.huma.OpenAPI().Components.Schemas.Map(), "ErrorModel")
	delete(a.huma.OpenAPI().Components.Schemas.Map(), "ErrorDetail")
	var err error
	if a.spec, err = json.MarshalIndent(a.huma.OpenAPI(), "", " "); err != nil {
		return nil, fmt.Errorf("write OpenAPI: %w", err)
	}
	a.mux.HandleFunc("GET "+Prefix+"/openapi.json", a.openAPI)
	return a, nil
}

func (a *API) config() huma.Config {
	format := huma.Format{Marshal: marshal, Unmarshal: unmarshal}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Tocsin", Version: cmp.Or(a.Version, "v1"), Description: "The interface of a national CSIRT's one program. " +
				"Times are RFC 3339 with zone; lists have limit, after and next; every POST honours Idempotency-Key; refusals are RFC 9457 problems."},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{a.transform},
	}
}

func marshal(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// unmarshal hands the bytes to the body, which keeps its problems for the handler's frame: huma would turn them into English text.
func unmarshal(data []byte, v any) error {
	if b, ok := v.(interface{ read([]byte) }); ok {
		b.read(data)
		return nil
	}
	return strictjson.Decode(data, v)
}

func (a *API) openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/openapi+json")
	_, _ = w.Write(a.spec)
}
