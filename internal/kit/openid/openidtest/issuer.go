// Package openidtest is a provider of identities for tests, that also lies.
package openidtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
)

// The client that the issuer knows.
const (
	Client = "tocsin"
	Secret = "a secret of the client: 100% %2B"
)

// Issuer signs in whoever asks, as Subject.
type Issuer struct {
	*httptest.Server
	t   testing.TB
	now func() time.Time

	mu      sync.Mutex
	key     *rsa.PrivateKey
	kid     string
	Subject string
	More    map[string]any                // further claims
	Lie     func(claims map[string]any)   // changes a token before it is signed
	Forge   func(token string) string     // changes it after
	Says    func(metadata map[string]any) // changes what it publishes
	Back    func(answer url.Values)       // changes the answer
	codes   map[string]url.Values         // what was asked for, by code
	used    map[string]bool
	Asked   []string // paths
}

// New starts one.
func New(t testing.TB, now func() time.Time) *Issuer {
	i := &Issuer{t: t, now: now, Subject: "248289761001", codes: map[string]url.Values{}, used: map[string]bool{}}
	i.Rotate("k1")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.metadata)
	mux.HandleFunc("GET /keys", i.keys)
	mux.HandleFunc("GET /authorize", i.authorize)
	mux.HandleFunc("POST /token", i.token)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.Asked = append(i.Asked, r.URL.Path)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

// Reach is a way to hosts that reaches this machine, as an operator may allow it.
func Reach() *fetch.Client {
	return fetch.New(fetch.Config{Inside: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

// Rotate puts another key in force.
func (i *Issuer) Rotate(kid string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key, i.kid = key, kid
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (i *Issuer) metadata(w http.ResponseWriter, _ *http.Request) {
	m := map[string]any{
		"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256", "none", "HS256"},
		"authorization_response_iss_parameter_supported": true,
	}
	if i.Says != nil {
		i.Says(m)
	}
	write(w, m)
}

func (i *Issuer) keys(w http.ResponseWriter, _ *http.Request) {
	write(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": i.kid, "n": b64(i.key.N.Bytes()), "e": b64(big.NewInt(int64(i.key.E)).Bytes())}}})
}

// authorize sends the browser back at once.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	code := b64([]byte(q.Get("state")))
	i.codes[code] = q
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {i.URL}}
	if i.Back != nil {
		i.Back(back)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

// Visit goes to an address of the issuer as a browser does, and gives what it brings back.
func (i *Issuer) Visit(address string) url.Values {
	i.t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := c.Get(address)
	if err != nil {
		i.t.Fatal(err)
	}
	defer got.Body.Close()
	to, err := got.Location()
	if err != nil {
		i.t.Fatal(err)
	}
	return to.Query()
}

func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	code := r.PostFormValue("code")
	asked, ok := i.codes[code]
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || i.used[code] || id != Client || secret != Secret || asked.Get("code_challenge_method") != "S256" || asked.Get("code_challenge") != b64(sum[:]) || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		write(w, map[string]any{"error": "invalid_grant"})
		return
	}
	i.used[code] = true
	now := i.now()
	claims := map[string]any{"iss": i.URL, "sub": i.Subject, "aud": Client, "exp": now.Add(5 * time.Minute).Unix(), "iat": now.Unix(), "nonce": asked.Get("nonce")}
	if asked.Get("max_age") == "0" {
		claims["auth_time"] = now.Unix()
	}
	for k, v := range i.More {
		claims[k] = v
	}
	if i.Lie != nil {
		i.Lie(claims)
	}
	token := i.sign(claims)
	if i.Forge != nil {
		token = i.Forge(token)
	}
	write(w, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": token})
}

// sign makes a token (RFC 7515, RS256).
func (i *Issuer) sign(claims map[string]any) string {
	head, err := json.Marshal(map[string]string{"alg": "RS256", "kid": i.kid})
	if err != nil {
		i.t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	text := b64(head) + "." + b64(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		i.t.Fatal(err)
	}
	return text + "." + b64(signature)
}

// Unsigned says "alg none" of a token.
func Unsigned(token string) string {
	return b64([]byte(`{"alg":"none"}`)) + "." + strings.Split(token, ".")[1] + "."
}
