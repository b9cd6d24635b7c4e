package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/rate"
)

// reply is what a handler gives back.
type reply[O any] struct {
	body     O
	version  int64  // of the object that body shows, 0 for lists
	location string // path below /api/v1 of what was made
}

// out is a reply as huma writes it.
type out[O any] struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     O
}

// on binds a handler to its line of the table.
func on[I, O any](a *API, line string, serve func(ctx context.Context, by access.Actor, in *I) (reply[O], error)) {
	op, ok := a.operation(line)
	if !ok {
		return
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*out[O], error) {
		c := callOf(ctx)
		if b, ok := any(in).(interface{ problem() error }); ok {
			if err := b.problem(); err != nil {
				return nil, a.problem(ctx, c.printer, line, err)
			}
		}
		rep, err := serve(ctx, c.by, in)
		if err == nil {
			var o *out[O]
			if o, err = answer(c.by, op, in, rep); err == nil {
				return o, nil
			}
		} else if match, ok := any(in).(matcher); ok && match.given() && errors.Is(err, access.ErrChanged) {
			err = errMismatch
		}
		return nil, a.headed(a.problem(ctx, c.printer, line, err))
	})
}

// operation describes a line to huma.
func (a *API) operation(line string) (huma.Operation, bool) {
	l, ok := a.lines[line]
	if !ok || a.bound[line] {
		a.broken = append(a.broken, line+" has no line in the table, or is bound twice")
		return huma.Operation{}, false
	}
	a.bound[line] = true
	op := huma.Operation{
		OperationID: operationID(l), Method: l.Method, Path: Prefix + "/v1" + l.Path, Summary: l.What, Tags: []string{strings.Split(l.Path, "/")[1]},
		Metadata: map[string]any{"line": l}, MaxBodyBytes: -1, BodyReadTimeout: -1, SkipValidateBody: true, // the pipeline has read the body
		RejectUnknownQueryParameters: true, DefaultStatus: http.StatusOK,
		Responses: map[string]*huma.Response{"default": a.refusals()},
	}
	if l.Method == http.MethodPost {
		if strings.Count(l.Path, "/") == 1 {
			op.DefaultStatus = http.StatusCreated
		}
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: "string"},
			Description: "The same key and body take effect once within 24 hours; the first answer is given again.",
		})
	}
	if !l.Open {
		op.Security = []map[string][]string{{"token": {}}}
		var names []string
		for _, r := range l.Rights {
			names = append(names, r.String())
		}
		op.Description = "Needs one of: " + strings.Join(names, ", ") + "."
	}
	return op, true
}

func operationID(l Operation) string {
	words := []string{strings.ToLower(l.Method)}
	for w := range strings.SplitSeq(l.Path, "/") {
		if w = strings.Trim(w, "{}"); w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, "-")
}

func (a *API) refusals() *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")
	return &huma.Response{Description: "Refused", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}}
}

// answer gives a reply its status and ETag.
func answer[O any](by access.Actor, op huma.Operation, in any, rep reply[O]) (*out[O], error) {
	o := &out[O]{Status: op.DefaultStatus, Body: rep.body}
	if rep.location != "" {
		o.Location = Prefix + "/v1" + rep.location
	}
	if rep.version == 0 && op.Method != http.MethodGet {
		return o, nil
	}
	var err error
	o.ETag, err = tagOf(by, rep.version, rep.body)
	if m, ok := in.(interface{ known(string) bool }); ok && m.known(o.ETag) {
		o.Status = http.StatusNotModified
	}
	return o, err
}

// headed gives a problem the headers that belong to it.
func (a *API) headed(p *Problem) error {
	if p.retry > 0 {
		return &headed{p, http.Header{"Retry-After": {rate.Seconds(p.retry)}}}
	}
	return p
}

type headed struct {
	*Problem
	header http.Header
}

func (h *headed) GetHeaders() http.Header { return h.header }

func (h *headed) Unwrap() error { return h.Problem }

// IfMatch is a precondition on a change.
type IfMatch struct {
	IfMatch string `header:"If-Match" doc:"The ETag that was read; another stored version is refused"`
}

func (m *IfMatch) given() bool { return m.IfMatch != "" && m.IfMatch != "*" }

type matcher interface{ given() bool }

// version gives the version that If-Match names, 0 for none. A reader who is not of the team has ETags made of what it sees, so its object is
// read and compared.
func (m *IfMatch) version(by access.Actor, read func() (any, int64, error)) (int64, error) {
	if !m.given() {
		return 0, nil
	}
	if by.Team() {
		var v int64
		if _, err := fmt.Sscanf(m.IfMatch, `"v%d"`, &v); err != nil || v <= 0 || m.IfMatch != fmt.Sprintf(`"v%d"`, v) {
			return 0, errMismatch
		}
		return v, nil
	}
	body, v, err := read()
	if err != nil {
		return 0, err
	}
	tag, err := contentTag(body)
	if err == nil && tag != m.IfMatch {
		err = errMismatch
	}
	return v, err
}

// IfNoneMatch lets a reader ask whether anything is new.
type IfNoneMatch struct {
	IfNoneMatch string `header:"If-None-Match" doc:"An ETag that was read; 304 when nothing is new"`
}

func (m *IfNoneMatch) known(tag string) bool {
	return tag != "" && slices.Contains(strings.Split(strings.ReplaceAll(m.IfNoneMatch, " ", ""), ","), tag)
}

// tagOf gives the ETag of an answer: the object's version for the team, the content alone for all others (rule A6).
func tagOf(by access.Actor, version int64, body any) (string, error) {
	if by.Team() && version > 0 {
		return fmt.Sprintf(`"v%d"`, version), nil
	}
	return contentTag(body)
}

func contentTag(body any) (string, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, nil
}

// content is bytes that are not JSON: an original, a file.
type content struct {
	open   io.ReadCloser
	media  string // "message/rfc822" and "application/json" for originals, else always application/octet-stream (rule F3)
	name   string
	sha256 []byte
}

// bytesOut is how huma writes them.
type bytesOut struct {
	Body func(huma.Context)
}

// onBytes binds a handler that gives bytes.
func onBytes[I any](a *API, line string, serve func(ctx context.Context, by access.Actor, in *I) (content, error)) {
	op, ok := a.operation(line)
	if !ok {
		return
	}
	op.Responses["200"] = &huma.Response{
		Description: "The bytes", Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
		Headers: map[string]*huma.Param{"X-Content-SHA256": {Schema: &huma.Schema{Type: "string"}, Description: "SHA-256 of the bytes, hexadecimal"}},
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*bytesOut, error) {
		c := callOf(ctx)
		f, err := serve(ctx, c.by, in)
		if err != nil {
			return nil, a.headed(a.problem(ctx, c.printer, line, err))
		}
		return &bytesOut{func(hc huma.Context) { a.send(hc, line, f) }}, nil
	})
}

func (a *API) send(hc huma.Context, line string, f content) {
	defer f.open.Close()
	hc.SetHeader("Content-Type", f.media)
	hc.SetHeader("Content-Disposition", disposition(f.name))
	hc.SetHeader("X-Content-SHA256", fmt.Sprintf("%x", f.sha256))
	hc.SetHeader("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(f.sha256)+":")
	hc.SetStatus(http.StatusOK)
	if _, err := io.Copy(hc.BodyWriter(), f.open); err != nil && hc.Context().Err() == nil {
		a.Log.Error("bytes broke off", "surface", "api", "operation", line, "error", err)
		panic(http.ErrAbortHandler) // the length is already promised: the reader must see that it broke
	}
}

// disposition names a download. The name is made safe: it never holds a path, a quote or a control character (rule F1).
func disposition(name string) string {
	safe := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || strings.ContainsRune(`"\/:*?<>|%`, r) {
			return '_'
		}
		return r
	}, name)
	if safe = strings.Trim(safe, ". "); safe == "" {
		safe = "file"
	}
	if len(safe) > 120 {
		safe = safe[len(safe)-120:]
	}
	return `attachment; filename="` + safe + `"`
}
