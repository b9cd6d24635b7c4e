package country

import (
	"cmp"
	"slices"
)

// byAge joins lists, oldest first: the order in which they are played.
func byAge[T any](age func(T) Ago, lists ...[]T) []T {
	out := slices.Concat(lists...)
	slices.SortStableFunc(out, func(a, b T) int { return cmp.Compare(age(b), age(a)) })
	return out
}
