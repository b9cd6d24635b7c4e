// Package access is the one decision on who may see and do what.
//
// An Actor is a parameter of every verb. What it may do is its roles' rights (table Rights, printed in docs/rights.md). What it may see is
// an SQL scope that only this package makes: staff by realm, constituents by compartment, everybody else by grant. What one may not see
// answers "not found", in the same words as what does not exist.
//
// Each object has one row in the table object: kind, uid, inner number, realm, compartment, TLP, PAP, handler, seal, exercise mark,
// version. A compartment is the id of the organisation, or of the lone reporter's report, that the object concerns; 0 is the team's alone.
// Tables: object, object_counter (with package ref), access_grant.
package access

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Realm separates worlds that never mix.
type Realm int64

// The realms.
const (
	Team     Realm = 1 // the team's cases
	Registry Realm = 2 // the constituency: organisations, contacts, assets
)

// Origin is the way an actor came in.
type Origin uint8

// The origins.
const (
	ByPage Origin = iota + 1
	ByAPI
	ByMail
	ByLink
	ByCLI
	ByJob
)

// Strength is how well an actor proved who it is.
type Strength uint8

// The strengths, weakest first.
const (
	Unproved  Strength = iota
	Link               // a code from a mail or a page
	Mail               // an aligned or signed mail
	Password           // one factor
	TwoFactor          // password and TOTP, or an API token of an account that has both
	Passkey
)

// Actor is who does something. The zero Actor may do nothing.
type Actor struct {
	Account      int64  // 0 for a stranger or the system
	Name         string // shown in the audit record
	Roles        []Role
	Organisation int64   // the organisation it speaks for, 0 for none
	Compartments []int64 // whose objects a constituent sees: its organisation, or the report of a status link
	Origin       Origin
	Strength     Strength
	ProvedAt     time.Time // last proof of identity
	AskedAt      time.Time // when it asks: what it was given until then has ended; without it nothing that ends counts
	Scopes       []Right   // an API token's rights; nil means all rights of the roles
	Lang         string
	Zone         *time.Location // in which it reads times; nil for the house's
	Owes         bool           // its organisation asks for a second factor that it has not: it has no roles until it sets one up
	System       string         // the name of a system actor: "intake", "clocks", …
}

// System makes a named actor for work that nobody in particular asked for. Its rights are the closed list in systemRights.
func System(name string) Actor {
	if _, ok := systemRights[name]; !ok {
		panic("access: unknown system actor " + name)
	}
	return Actor{Name: name, System: name, Origin: ByJob, Strength: Passkey}
}

// Stranger is somebody who proved nothing.
func Stranger(o Origin, lang string) Actor {
	return Actor{Name: "", Origin: o, Lang: lang}
}

// Is tells whether the actor has the role.
func (a Actor) Is(r Role) bool {
	for _, x := range a.Roles {
		if x == r {
			return true
		}
	}
	return false
}

// Team tells whether the actor belongs to the team's staff that read cases.
func (a Actor) Team() bool { return a.Can(ReadCases) }

// Can tells whether the actor has the right at all; objects have their own say (Scope, Load).
func (a Actor) Can(r Right) bool {
	if a.System != "" {
		return systemRights[a.System].has(r)
	}
	if a.Scopes != nil {
		ok := false
		for _, s := range a.Scopes {
			ok = ok || s == r
		}
		if !ok {
			return false
		}
	}
	for _, role := range a.Roles {
		if rights[role].has(r) {
			return true
		}
	}
	return false
}

// Need refuses an actor without the right: Unauthenticated when it is nobody, Forbidden when it is somebody.
func (a Actor) Need(r Right) error {
	if a.Can(r) {
		return nil
	}
	if a.Account == 0 && a.System == "" {
		return errs.New(errs.Unauthenticated, "sign in first")
	}
	return &errs.Error{Kind: errs.Forbidden, Key: "error.forbidden", Text: "your role does not include this"}
}

// FreshFor is how long a proof of identity counts as fresh.
const FreshFor = 10 * time.Minute

// NeedFresh refuses an actor whose last proof is older than FreshFor (rule I5).
func (a Actor) NeedFresh(now time.Time) error {
	if a.System != "" || (a.Strength >= Password && now.Sub(a.ProvedAt) <= FreshFor) {
		return nil
	}
	return ErrProof
}

// ErrProof asks for a fresh proof of identity.
var ErrProof = &errs.Error{Kind: errs.Unauthenticated, Key: "error.fresh_proof", Text: "prove again who you are: this act asks for a fresh sign-in"}
