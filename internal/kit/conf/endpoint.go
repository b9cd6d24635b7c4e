package conf

import (
	"net/url"
	"strings"
)

const hidden = "•••"

// Endpoint is an address that may hold a password or key. It prints without them, whatever prints it.
type Endpoint struct{ text string }

// EndpointOf takes an address.
func EndpointOf(s string) Endpoint { return Endpoint{strings.TrimSpace(s)} }

// UnmarshalText takes an address as flags, environment and file give it; off is none.
func (e *Endpoint) UnmarshalText(b []byte) error {
	*e = EndpointOf(string(b))
	if e.text == "off" {
		e.text = ""
	}
	return nil
}

// Set tells whether there is one.
func (e Endpoint) Set() bool { return e.text != "" }

// Reveal gives the address with its password, for the one who connects.
func (e Endpoint) Reveal() string { return e.text }

// String gives the address with user, password and query hidden; what cannot be read as an address is hidden whole.
func (e Endpoint) String() string {
	if e.text == "" {
		return ""
	}
	u, err := url.Parse(e.text)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return hidden
	}
	s := u.Scheme + "://"
	if u.User != nil {
		s += hidden + "@"
	}
	s += u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		s += "?" + hidden
	}
	return s
}

// GoString is String, so that %#v hides too.
func (e Endpoint) GoString() string { return e.String() }

// MarshalText is String, for JSON and logs.
func (e Endpoint) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// secret tells whether the address holds a password: one behind the user's name, or one in the query.
func (e Endpoint) secret() bool {
	u, err := url.Parse(e.text)
	if err != nil {
		return true
	}
	if _, has := u.User.Password(); has {
		return true
	}
	for name := range u.Query() {
		for _, word := range []string{"password", "passwd", "secret", "key", "token"} {
			if strings.Contains(strings.ToLower(name), word) && !strings.HasSuffix(strings.ToLower(name), "file") && name != "sslkey" {
				return true
			}
		}
	}
	return false
}
