package app

import (
	"os"
	"runtime/debug"
)

// Tune sets what the measured house runs best with, unless the operator's GOGC says otherwise: a page makes and drops much and keeps little, so
// the heap may grow to three times what lives.
func Tune() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}
