package takedown

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/netaddr"
)

// mostThing is how long a target may be, in bytes.
const mostThing = 2000

// Thing is what is to be ended, in its normal form.
type Thing struct {
	Form string // "url", "domain", "address"
	Text string // https://bad.example/login, bad.example, 192.0.2.7, 192.0.2.7:443
	Host string // the name or the address in it
	Port uint16 // of an address, 0 for none
}

// Addr gives the address, false for a name.
func (t Thing) Addr() (netip.Addr, bool) {
	a, err := netip.ParseAddr(t.Host)
	return a, err == nil
}

// Shown is the thing as it is shown and written: no program makes a link of it.
func (t Thing) Shown() string { return coordination.Harmless(t.Text) }

// Read reads a URL, a domain, an address or an address with its port, also defanged. What everybody has at home (loopback, private networks) is none.
func Read(s string) (Thing, bool) {
	s = mail.Refang(s)
	if s == "" || len(s) > mostThing || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || r == '\\' || r >= 0x2000 && r <= 0x206f
	}) {
		return Thing{}, false
	}
	if strings.Contains(s, "://") {
		return readURL(s)
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		a = a.Unmap()
		return Thing{"address", a.String(), a.String(), 0}, netaddr.Global(a)
	}
	if a, err := netip.ParseAddrPort(s); err == nil {
		ip := a.Addr().Unmap()
		at := netip.AddrPortFrom(ip, a.Port())
		return Thing{"address", at.String(), ip.String(), a.Port()}, netaddr.Global(ip) && a.Port() > 0
	}
	if strings.ContainsAny(s, "/?#") {
		return readURL("http://" + s)
	}
	name, ok := name(s)
	return Thing{"domain", name, name, 0}, ok
}

func readURL(s string) (Thing, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" {
		return Thing{}, false
	}
	u.Scheme, u.User, u.Fragment, u.RawFragment = strings.ToLower(u.Scheme), nil, "", ""
	if u.Scheme != "http" && u.Scheme != "https" {
		return Thing{}, false
	}
	host, port := u.Hostname(), u.Port()
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
		return Thing{}, false
	}
	if a, err := netip.ParseAddr(host); err == nil {
		host = a.Unmap().String()
		if !netaddr.Global(a) {
			return Thing{}, false
		}
	} else if n, ok := name(host); ok {
		host = n
	} else {
		return Thing{}, false
	}
	u.Host = host
	if strings.Contains(host, ":") {
		u.Host = "[" + host + "]"
	}
	if port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		u.Host += ":" + port
	}
	if u.Path == "" {
		u.Path = "/"
	}
	text := u.String()
	return Thing{"url", text, host, 0}, len(text) <= mostThing
}

// name gives a name in the form of the network; one without a dot, or that some programs read as an address, is none.
func name(s string) (string, bool) {
	n, err := idna.Lookup.ToASCII(strings.TrimSuffix(s, "."))
	n = strings.ToLower(n)
	if err != nil || len(n) > 253 || !strings.Contains(n, ".") || strings.Contains("."+n, "..") {
		return "", false
	}
	last := n[strings.LastIndexByte(n, '.')+1:]
	_, err = strconv.ParseUint(last, 0, 64)
	return n, err != nil && last != ""
}
