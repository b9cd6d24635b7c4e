// Package keyd is the key process: it alone holds the team's private OpenPGP and S/MIME keys, and the one that signs documents, and answers three
// calls on a Unix socket, sign, unwrap and sign a document (K1).
//
//	secret.go, generate.go   one private key: made, imported, renewed, revoked
//	document.go              the key whose signatures stand inside documents
//	ring.go                  the team's keys: one current, old ones for decryption only; signs and unwraps
//	identity.go              the S/MIME keys and their certificates
//	file.go                  the ring sealed in a file under a root secret (K2)
//	wire.go                  messages on the socket
//	server.go, client.go     the two ends; InProcess is an Agent without a socket, for tests and tools
//
// There is no call that gives a key out, and no call that signs another key. Private keys leave only through Secret.Export, at the
// ceremony that made them (K3), before they are in a ring.
package keyd
