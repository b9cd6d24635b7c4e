// Package client speaks to the REST interface of Tocsin, the program of a national CSIRT.
//
//	c := client.New("https://cert.example", token)
//	made, err := c.CreateReport(ctx, client.NewReport{Summary: "…"})
//
// Refusals are *Problem. Each changing call carries an Idempotency-Key of its own, and is sent again with the same key when the connection
// broke or the server was not available, so that it takes effect once. Lists are read page by page with Next.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client calls one server with one token.
type Client struct {
	base  string
	token string

	// HTTP does the requests. New sets one that waits a minute and follows no redirects.
	HTTP *http.Client
	// Lang is the language of refusals: en, pt, fr, nl, de; "" for that of the account.
	Lang string
	// Tries is how often a call is sent when there is no answer or the server asks to come back; 3 when 0.
	Tries int
	// Wait waits between tries. New sets one that ends with the context.
	Wait func(ctx context.Context, d time.Duration) error
}

// New makes a client for a server, given by its address without a path. An empty token calls without one.
func New(base, token string) *Client {
	return &Client{
		base: strings.TrimSuffix(base, "/") + "/api/v1", token: token,
		HTTP: &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Wait: wait,
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Problem is a refusal (RFC 9457).
type Problem struct {
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Kind      string  `json:"kind"`
	Code      string  `json:"code"`
	Detail    string  `json:"detail"`
	Errors    []Field `json:"errors"`
	Reference string  `json:"reference"`

	RetryAfter time.Duration `json:"-"`
}

// Field is one problem of one field.
type Field struct {
	Field  string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (p *Problem) Error() string {
	text := p.Title
	if p.Detail != "" {
		text = p.Detail
	}
	for _, f := range p.Errors {
		text += "; " + f.Field + ": " + f.Detail
	}
	return fmt.Sprintf("%s (%d)", text, p.Status)
}

// Is tells whether err is a refusal with the status.
func Is(err error, status int) bool {
	var p *Problem
	return errors.As(err, &p) && p.Status == status
}

// Option changes one call.
type Option func(*http.Request)

// Key gives a changing call an Idempotency-Key of the caller's, so that it takes effect once across restarts of the caller too.
func Key(key string) Option {
	return func(r *http.Request) { r.Header.Set("Idempotency-Key", key) }
}

// IfMatch lets a change happen only to what was read with this ETag.
func IfMatch(etag string) Option { return func(r *http.Request) { r.Header.Set("If-Match", etag) } }

// Answer is an answer as it came.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// ETag gives the ETag of the answer.
func (a *Answer) ETag() string { return a.Header.Get("ETag") }

// Do makes any call below /api/v1. In is sent as JSON when it is not nil; out is filled from JSON when it is not nil. A refusal is *Problem.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, opts ...Option) (*Answer, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, fmt.Errorf("write request: %w", err)
		}
	}
	key := rand.Text()
	tries := c.Tries
	if tries == 0 {
		tries = 3
	}
	for try := 1; ; try++ {
		a, err := c.once(ctx, method, path, body, key, opts)
		pause, again := retry(method, a, err)
		if again && try < tries && ctx.Err() == nil {
			if err := c.Wait(ctx, max(pause, time.Duration(try)*500*time.Millisecond)); err != nil {
				return a, err
			}
			continue
		}
		if err == nil && out != nil && a.Status < 300 {
			err = json.Unmarshal(a.Body, out)
		}
		return a, err
	}
}

// retry tells whether the same call may succeed when it is sent again: no answer, or one that says so. A change without its key is not
// repeated; POST always has one.
func retry(method string, a *Answer, err error) (time.Duration, bool) {
	var p *Problem
	switch {
	case err == nil:
		return 0, false
	case errors.As(err, &p):
		return p.RetryAfter, p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests && p.RetryAfter <= 10*time.Second
	default:
		return 0, a == nil && method != http.MethodPatch
	}
}

func (c *Client) once(ctx context.Context, method, path string, body []byte, key string, opts []Option) (*Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.Lang != "" {
		req.Header.Set("Accept-Language", c.Lang)
	}
	if method == http.MethodPost {
		req.Header.Set("Idempotency-Key", key)
	}
	for _, o := range opts {
		o(req)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer res.Body.Close()
	const most = 256 << 20
	raw, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	a := &Answer{res.StatusCode, res.Header, raw}
	if res.StatusCode < 400 {
		return a, nil
	}
	p := &Problem{Status: res.StatusCode, Title: res.Status}
	_ = json.Unmarshal(raw, p) // an answer of something in between stays its status
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		p.RetryAfter = time.Duration(s) * time.Second
	}
	return a, p
}

// Page narrows a list.
type Page struct {
	Limit        int
	After        string
	UpdatedAfter *int64            // follow the record: what changed after this number, for tokens of the team
	Filter       map[string]string // further parameters of the list
}

func (p Page) query() string {
	q := url.Values{}
	for k, v := range p.Filter {
		q.Set(k, v)
	}
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.After != "" {
		q.Set("after", p.After)
	}
	if p.UpdatedAfter != nil {
		q.Set("updated_after", strconv.FormatInt(*p.UpdatedAfter, 10))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// List is one page.
type List[T any] struct {
	Items        []T    `json:"items"`
	Next         string `json:"next"`
	UpdatedAfter *int64 `json:"updated_after"`
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var out T
	_, err := c.Do(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

func post[T any](ctx context.Context, c *Client, path string, in any, opts ...Option) (T, error) {
	var out T
	_, err := c.Do(ctx, http.MethodPost, path, in, &out, opts...)
	return out, err
}

func seg(s string) string { return url.PathEscape(s) }
