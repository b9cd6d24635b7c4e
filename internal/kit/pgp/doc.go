// Package pgp reads and writes OpenPGP for mail and publications: public keys, PGP/MIME and inline messages, signatures, WKD paths.
//
//	key.go, parse.go, policy.go   public keys: what they are, minimal form, what they may still do
//	wkd.go                        where a key is published
//	agent.go                      the two calls to the key process: sign and unwrap
//	sign.go, encrypt.go           outgoing: multipart/signed, multipart/encrypted, clear-signed, detached
//	open.go, inline.go, part.go   incoming: what the outermost layers of a mail are
//	message.go, packets.go        the packets inside, under limits
//	verify.go                     one signature, its key, its time
//
// It holds no private key: whoever signs or decrypts has an Agent, and behind it is the key process of package keyd. Trust is not
// decided here: a signature is good when the bytes, the key and the times agree; whose key that is the caller knows.
//
// Only this package and keyd use the OpenPGP library, because its defaults have no limits: it hands out plaintext before the integrity check
// and decompresses without end.
package pgp
