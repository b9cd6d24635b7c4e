package blob

import (
	"crypto/rand"
	"encoding/hex"
)

func nonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
