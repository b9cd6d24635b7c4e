//go:build !race

package confine

const racing = false
