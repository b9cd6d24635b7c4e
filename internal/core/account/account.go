// Package account knows who may sign in: people of the team, of constituents, of peers, and machines; their roles, factors, sessions and
// tokens. Package access says what a role may do; this package says who has it.
//
//	create.go    an account is entered, edited, listed
//	role.go      a role is given, confirmed by a lead, ended (rule I11: an administrator alone makes no reader of cases)
//	password.go  argon2id, two at once; what a password must be
//	link.go      a link with which its owner chooses a password
//	invite.go    an organisation's own administrator asks somebody in by a letter with a link
//	own.go       the people of one's own organisation: their roles, what is asked of all, the keys of its programs
//	totp.go      the second factor and its recovery codes
//	signin.go    password, then code, then a session; throttle.go counts the failures
//	session.go   a session becomes an actor, is listed and ended
//	token.go     a token becomes an actor
//	news.go      a person's own settings: language, zone, of what it is told by mail
//	passkey.go   keys in a person's device: made, named, used to sign in and to prove oneself
//	provider.go  providers outside by which people may sign in, as an administrator enters them
//	elsewhere.go going to one and coming back; identity.go is what an answer does, and what is linked
//	leave.go     one verb ends everything that a leaver has
//
// Secrets are shown once and stored as hashes; the TOTP secret is sealed for its row. An account is an object (kind account) so that its
// id means one thing in the audit record; its inner id is Actor.Account. Tables: account_….
package account

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid"
)

// Service owns accounts.
type Service struct {
	DB     *db.DB
	Clock  clock.Clock
	Ring   *keyring.Ring
	Audit  *audit.Log
	Hash   *Hasher
	Sites  map[Door]string // the address of each door, for which passkeys are made: "https://cert.example"
	Issuer string          // the team's name, shown in authenticator apps
	// Elsewhere asks providers outside who somebody is; nil: nobody signs in by one.
	Elsewhere *openid.Client
	// Post has a letter written that carries the link of an account; the link itself is put in when the letter leaves (Opening). Nil: no letters.
	Post func(ctx context.Context, tx *db.Tx, a Account, letter Letter) error
}

// Account is a person or machine that may sign in.
type Account struct {
	ID           int64
	UID          string
	Version      int64
	Email        string
	Name         string
	Lang         string
	Organisation int64 // object id, 0 for the team and for nobody's people
	Machine      bool  // has tokens only
	Active       bool
	TwoFactor    bool // a TOTP secret is confirmed, or there is a passkey
	App          bool // a TOTP secret is confirmed
	SeenAt       time.Time
	Zone         string // of Zones, "" for the house's
	Roles        []Given
}

// Given is a role that an account has or waits for.
type Given struct {
	Role        access.Role
	State       State
	By          int64
	At          time.Time
	ConfirmedBy int64
	ConfirmedAt time.Time
}

// State is where a role or token stands.
type State int64

// The states: pending waits for a lead; only active gives rights.
const (
	Pending State = iota + 1
	Active
	Ended
)

func (s State) String() string { return [...]string{"", "pending", "active", "ended"}[s] }

// Has tells whether the account has the role, active.
func (a Account) Has(r access.Role) bool {
	for _, g := range a.Roles {
		if g.Role == r && g.State == Active {
			return true
		}
	}
	return false
}

// Door is the surface that a session belongs to; a cookie of one is refused by the other (rule W7).
type Door string

// The doors.
const (
	Desk   Door = "desk"
	Portal Door = "portal"
)

// limits of a session (rule I4).
var limits = map[Door]struct{ idle, absolute time.Duration }{
	Desk:   {4 * time.Hour, 16 * time.Hour},
	Portal: {30 * time.Minute, 12 * time.Hour},
}

// doors says which roles open which door. Reporter and machine use neither: they come by link and by token.
var doors = map[access.Role]Door{
	access.Duty: Desk, access.Analyst: Desk, access.Lead: Desk, access.Admin: Desk, access.Auditor: Desk,
	access.Liaison: Portal, access.Constituent: Portal, access.ConstituentAdmin: Portal, access.Peer: Portal, access.Reporter: Portal,
}

// one is an actor with nothing but a role, to ask the table of rights.
func one(r access.Role) access.Actor { return access.Actor{Roles: []access.Role{r}} }

// waits tells whether what who may do needs a lead's word when by gives it (rule I11). Reading the team's cases, or approving, always does;
// reading the cases of an organisation does when the giver reads neither: an administrator does not become a party either.
func waits(by, who access.Actor) bool {
	if by.System != "" && by.Can(access.Approve) {
		return false // the sample country
	}
	if who.Can(access.ReadCases) || who.Can(access.WorkCases) || who.Can(access.Approve) {
		return true
	}
	reads := who.Can(access.OwnCases) || who.Can(access.ReadGranted)
	return reads && !by.Can(access.ReadCases) && !by.Can(access.OwnCases)
}

// ofOrganisation tells whether a role is for people of an organisation, and of it only.
func ofOrganisation(r access.Role) bool { return one(r).Can(access.OwnCases) }

// lacks gives a right that the role has and the actor has not.
func lacks(by access.Actor, r access.Role) bool {
	for _, right := range access.AllRights() {
		if one(r).Can(right) && !by.Can(right) {
			return true
		}
	}
	return false
}
