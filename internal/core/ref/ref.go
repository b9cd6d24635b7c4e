// Package ref names objects across the house without knowing what they are: a kind and an integer id. Inside, numbers count per year
// (INC-2026-000123); outside, each reader has a random reference and a random uid (package id).
package ref

import (
	"context"
	"fmt"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Kind says what sort of object a ref names. The numbers are stored and never change.
type Kind uint8

// The kinds of objects that have a row in the object table.
const (
	None         Kind = 0
	Report       Kind = 1
	Incident     Kind = 2
	Party        Kind = 3
	Thread       Kind = 4
	Request      Kind = 5
	Measure      Kind = 6
	Organisation Kind = 7
	Account      Kind = 8
	Arrival      Kind = 9 // a mail as it came, before it is filed
	Key          Kind = 10
	Obligation   Kind = 11 // one law, one affected organisation, one report
	Suspicion    Kind = 12 // suspicious messages of the public that are alike
	Registration Kind = 13 // what an entity says of itself so that it stands in the register
)

var names = [...]string{"", "report", "incident", "party", "thread", "request", "measure", "organisation", "account", "arrival", "key", "obligation", "suspicion", "registration"}

func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("kind%d", k)
}

// ParseKind reads the name of a kind.
func ParseKind(s string) (Kind, bool) {
	for i, n := range names {
		if i > 0 && n == s {
			return Kind(i), true
		}
	}
	return None, false
}

// Ref names one object. The zero value names none.
type Ref struct {
	Kind Kind
	ID   int64
}

func (r Ref) String() string { return fmt.Sprintf("%s:%d", r.Kind, r.ID) }

// IsZero tells whether r names nothing.
func (r Ref) IsZero() bool { return r.ID == 0 }

// Number draws the next inner number of the year, such as INC-2026-000123. Numbers may have gaps after a rollback on no engine: the
// counter is part of the transaction.
func Number(ctx context.Context, tx *db.Tx, prefix string, year int) (string, error) {
	var n int64
	err := tx.QueryRow(ctx, `INSERT INTO object_counter (name, year, value) VALUES ($1, $2, 1)
		ON CONFLICT (name, year) DO UPDATE SET value = object_counter.value + 1 RETURNING value`, prefix, year).Scan(&n)
	if err != nil {
		return "", fmt.Errorf("draw number: %w", err)
	}
	return fmt.Sprintf("%s-%04d-%06d", prefix, year, n), nil
}
