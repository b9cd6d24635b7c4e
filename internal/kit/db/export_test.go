package db

import (
	"testing"
	"time"
)

// LastingTogether lets writers join a shared transaction however slow the machine is.
func LastingTogether(t *testing.T) {
	was := longestTogether
	longestTogether = time.Hour
	t.Cleanup(func() { longestTogether = was })
}
