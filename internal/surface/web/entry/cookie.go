package entry

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Cookie names the cookie of a door.
func Cookie(door account.Door) string { return "__Host-" + string(door) }

// half names the cookie that a password earned and a code turns into a session; known marks a browser that signed in before (rule I3).
const (
	half  = "__Host-half"
	known = "__Host-known"
)

const knownFor = 365 * 24 * 3600

func set(w http.ResponseWriter, name string, value id.Secret, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value.Reveal(), Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: seconds})
}

func drop(w http.ResponseWriter, name string) { set(w, name, id.Secret{}, -1) }

// cookie gives the value of a cookie that the request carries exactly once.
func cookie(r *http.Request, name string) string {
	list := r.CookiesNamed(name)
	if len(list) != 1 {
		return ""
	}
	return list[0].Value
}

// Who gives the actor of the door's own cookie, for page.Surface.Who. A request that carries a bearer token or no cookie of this door is
// nobody's (rule I12).
func Who(door account.Door, accounts *account.Service) func(*http.Request) (access.Actor, string, error) {
	return func(r *http.Request) (access.Actor, string, error) {
		if page.Unattended(r) {
			return who(r, door, accounts.Unattended)
		}
		return who(r, door, accounts.BySession)
	}
}

// Still is Who for a stream that was opened before: it never keeps the session alive.
func Still(door account.Door, accounts *account.Service) func(*http.Request) (access.Actor, error) {
	return func(r *http.Request) (access.Actor, error) {
		by, _, err := who(r, door, accounts.Unattended)
		return by, err
	}
}

func who(r *http.Request, door account.Door, ask func(context.Context, account.Door, string) (access.Actor, account.Session, error)) (access.Actor, string, error) {
	secret := cookie(r, Cookie(door))
	if secret == "" {
		return access.Actor{}, "", errs.New(errs.Unauthenticated, "sign in first")
	}
	by, session, err := ask(r.Context(), door, secret)
	return by, session.UID, err
}

// from tells the account service where a request comes from. Addresses that proxies claim count only where the listener put them into
// RemoteAddr.
func from(r *http.Request, door account.Door) account.From {
	f := account.From{Door: door, Device: deviceName(r.UserAgent()), Known: cookie(r, known)}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if a, err := netip.ParseAddr(host); err == nil {
		f.Address = a
	}
	return f
}

// deviceName shortens what a browser calls itself to what its owner recognises: "Firefox, Linux".
func deviceName(agent string) string {
	pick := func(pairs ...string) string {
		for i := 0; i+1 < len(pairs); i += 2 {
			if strings.Contains(agent, pairs[i]) {
				return pairs[i+1]
			}
		}
		return ""
	}
	browser := pick("Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari", "curl/", "curl")
	system := pick("Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "Mac OS X", "macOS", "CrOS", "ChromeOS", "Linux", "Linux")
	switch {
	case browser != "" && system != "":
		return browser + ", " + system
	case browser+system != "":
		return browser + system
	}
	return ""
}
