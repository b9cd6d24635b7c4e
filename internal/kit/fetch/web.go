package fetch

import "net/http"

// Web is a client for a library that speaks a protocol over HTTP by itself.
type Web = http.Client

// Web gives a client that keeps the rules of this package: each address is checked, no redirect is followed, an answer longer than so many bytes is an
// error, and an error names no address.
func (c *Client) Web(most int64) *Web {
	return &Web{Transport: guarded{c, most}, Timeout: Within, CheckRedirect: c.http.CheckRedirect}
}

type guarded struct {
	client *Client
	most   int64
}

// RoundTrip sends one request.
func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.client.config.Check(r.URL.String()); err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "Tocsin")
	got, err := g.client.http.Transport.RoundTrip(r)
	if err != nil {
		return nil, why(err)
	}
	got.Body = http.MaxBytesReader(nil, got.Body, g.most)
	return got, nil
}
