// Package constituency knows the country: organisations, their communities and what those are entitled to, contacts with their keys, assets,
// who answers for an address or a domain, and how they proved it.
//
// An organisation is an object of realm access.Registry whose compartment is itself: staff see all, its own people see theirs. Contacts,
// keys and assets belong to one organisation and are reached through it. Tables: constituency_….
package constituency

import (
	"cmp"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
)

// Organisation is a member of the constituency, or another team or authority that we write to.
type Organisation struct {
	access.Object
	Name        string
	External    string // the key under which a register outside knows it
	Sector      string // code, such as "drinking_water"
	Class       string // NIS2: "essential", "important", ""
	Criticality int    // 0 to 3
	Size        int    // people served or employed, 0 unknown
	Lang        string
	Parent      int64 // object id, 0 for none
	Communities []string
}

// Contact is a person or desk at an organisation.
type Contact struct {
	ID           int64
	UID          string
	Organisation int64
	Name         string
	Role         string // "security", "technical", "management", "duty"
	Email        string
	Phone        string
	Lang         string
	OnCall       bool      // reachable day and night
	VerifiedAt   time.Time // zero: never verified
	VerifiedHow  string
	FailedAt     time.Time // when a letter to its address came back or was refused for good; zero once it was proved or changed
	FailedHow    string    // "bounced", "refused"
}

// Key is an OpenPGP certificate of a contact. Only approved keys encrypt or prove anything.
type Key struct {
	ID          int64
	UID         string
	Contact     int64
	Fingerprint string // upper-case hexadecimal
	Certificate []byte // minimal binary certificate
	State       KeyState
	Source      string // "attached", "wkd", "portal", "hand"
	ExpiresAt   time.Time
	OfferedAt   time.Time
	ApprovedAt  time.Time
	ApprovedBy  int64
	ApprovedHow string // how it was checked
}

// KeyState is where a key stands.
type KeyState uint8

// The states of a key.
const (
	Offered KeyState = iota + 1
	Approved
	Rejected
	Replaced
)

// Asset is what an organisation answers for, for a time.
type Asset struct {
	ID           int64
	UID          string
	Organisation int64
	Kind         string    // "prefix", "asn", "domain", "host", "url"
	Value        string    // normal form: 192.0.2.0/24, AS64500, example.org, www.example.org, www.example.org/shop
	Since        time.Time // zero: as long as we know
	Until        time.Time // zero: it has no end yet; from that moment on it answers for it no longer
	EndedWhy     string
	ProvedAt     time.Time
	ProvedHow    string
	ProvedUntil  time.Time // zero: its proof was given no end
}

// ValidAt tells whether the organisation answers for the asset at a moment.
func (a Asset) ValidAt(at time.Time) bool {
	return !a.Since.After(at) && (a.Until.IsZero() || a.Until.After(at))
}

// Match says which organisation answers for something, and why.
type Match struct {
	Organisation Organisation
	Asset        Asset
	Why          string // "prefix", "asn", "url", "host", "domain", "parent domain"
}

// Overlap is an asset that another organisation says is its own too, or part of its own.
type Overlap struct {
	Asset, Other Asset
	Organisation Organisation // of the other
	How          string       // "same": a conflict; "shared" by parent and child; "inside" the other; "around" the other
}

// Entitlement is what a community may ask of us: one row of the fixed table.
type Entitlement struct {
	Community   string
	Service     string            // "incident_response", "alerts", …
	Level       string            // "full", "advice", "pointer", "none"
	FirstAnswer time.Duration     // within which a person answers; 0 for best effort
	Priority    int               // 1 highest
	Ground      string            // law or mandate on which it stands; "" for none
	Pointers    map[string]string // by language: to whom who is not entitled turns; none: the words of the program
}

// Refused tells whether the service is not given: there is a letter that says so, with a pointer to who helps.
func (e Entitlement) Refused() bool { return e.Level == "pointer" || e.Level == "none" }

// Pointer gives to whom we point in a language, "" for the words of the program.
func (e Entitlement) Pointer(lang string) string { return cmp.Or(e.Pointers[lang], e.Pointers["en"]) }
