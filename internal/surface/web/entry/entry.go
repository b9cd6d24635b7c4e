// Package entry is the door of the house: signing in and out, and what a person keeps of its own account. This file is its map:
//
//	cookie.go     a cookie for each door, and Who: the actor of a request
//	routes.go     every address, and what the handlers need
//	login         password, then code; sign out
//	welcome       the page behind a link: choose a password
//	account       my sessions, password, second factor, recovery codes; proving again who one is
//	passkey       keys in a person's device: sign in, prove, make, end
//	elsewhere     going to a provider outside and coming back; what is linked
//	settings      language, zone, of what one is told by mail
//	next.go       where to go on: names of routes, never addresses
//	qr.go         a QR code as SVG
//
// One account signs in at the door that its roles open: the desk for the team, the portal for all others. Each door has a cookie of its own,
// and what one gave is worth nothing at the other (rule W7). Refusals are one answer; who has an account cannot be asked here (rule I2).
package entry
