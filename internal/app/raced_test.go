//go:build race

package app

// raced tells that the race detector watches: everything takes ten times as long.
const raced = true
