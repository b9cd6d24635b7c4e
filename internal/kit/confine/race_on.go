//go:build race

package confine

const racing = true
