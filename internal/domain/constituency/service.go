package constituency

import (
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Service owns the constituency.
type Service struct {
	DB    *db.DB
	Clock clock.Clock
	Ring  *keyring.Ring
	Audit *audit.Log
}

// Filter narrows a list of organisations. Text matches name, domain, mail address, network address or AS number.
type Filter struct {
	Text      string
	Community string
	Sector    string
	Limit     int    // 50 when 0, 500 at most
	After     string // cursor of the page before
}

// Page is a page of a list; Next is "" on the last one.
type Page[T any] struct {
	Items []T
	Next  string
}
