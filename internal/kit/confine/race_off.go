//go:build !race

package confine

// Racing tells that this program has the race detector, with which nothing is run apart.
const Racing = false
