package entry

import (
	"net/url"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// ways are the named routes that a sign-in or a fresh proof may lead to. An address is never taken from outside (rule W3).
var ways = map[account.Door]map[string]string{
	account.Desk: {
		"triage": "/desk/triage", "my": "/desk/my", "incidents": "/desk/incidents", "outbox": "/desk/outbox",
		"admin": "/desk/admin", "people": "/desk/admin/people", "people_new": "/desk/admin/people/new", "waiting": "/desk/admin/waiting",
		"confirmations": "/desk/admin/confirmations", "ladders": "/desk/admin/ladders", "elsewhere": "/desk/admin/sign-in", "tokens": "/desk/admin/tokens", "tokens_new": "/desk/admin/tokens/new", "person": "/desk/admin/people/{id}",
		"account": "/desk/account", "password": "/desk/account/password", "factor": "/desk/account/factor", "passkeys": "/desk/account/passkeys", "codes": "/desk/account/codes",
	},
	account.Portal: {
		"overview": "/portal/", "requests": "/portal/requests", "measures": "/portal/measures", "reports": "/portal/reports", "messages": "/portal/messages",
		"organisation": "/portal/organisation", "report": "/portal/reports/new", "people": "/portal/people",
		"account": "/portal/account", "password": "/portal/account/password", "factor": "/portal/account/factor", "passkeys": "/portal/account/passkeys", "codes": "/portal/account/codes",
	},
}

// Home gives the first page behind a door.
func Home(door account.Door) string {
	if door == account.Desk {
		return "/desk" // it knows which room is the first of whom
	}
	return "/portal/"
}

// next gives the address of a named route, or the first page. A route to one of many is named with its random id: "person.5x…".
func next(door account.Door, name string) string {
	name, one, _ := strings.Cut(name, ".")
	to, ok := ways[door][name]
	if !ok || strings.Contains(to, "{id}") != (one != "") || one != "" && !id.Valid(one) {
		return Home(door)
	}
	return strings.Replace(to, "{id}", one, 1)
}

// Login gives the address of the sign-in that leads on to a named route.
func Login(name string) string {
	if name == "" {
		return "/login"
	}
	return "/login?next=" + url.QueryEscape(name)
}

// Prove gives the address at which a person proves again who it is and then goes on to a named route of the door.
func Prove(door account.Door, name string) string {
	return base(door) + "/prove?next=" + url.QueryEscape(name)
}

// Factor gives the address at which a person sets up a second factor.
func Factor(door account.Door) string { return base(door) + "/factor" }

func base(door account.Door) string { return "/" + string(door) + "/account" }
