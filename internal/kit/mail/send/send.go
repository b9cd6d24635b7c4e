// Package send hands a finished message on: to a relay by SMTP, or into a folder as a file.
//
//   - [Transport] is the door; [Relay] and [Folder] are the two behind it.
//   - [Result] says what became of the mail: delivered, deferred or refused, and why as a class.
//
// The bytes go out as they are, since they may be signed. TLS is always verified; only a relay on the loopback address may go without (O4).
// What the relay says is not passed on as text, because it repeats addresses. Retries, the outbox and the right to send are others' work.
package send

import (
	"context"
	"errors"

	"github.com/emersion/go-smtp"
)

// Mail is a message with its one recipient.
type Mail struct {
	From string // reverse path, "" for null
	To   string
	Raw  []byte // CRLF line ends
	Name string // of the file in a folder: lower-case letters, digits, "-"; drawn at random when empty
}

// State says what became of a mail.
type State uint8

// The states. Deferred may be tried again; Refused may not.
const (
	Deferred State = iota
	Delivered
	Refused
)

func (s State) String() string { return [...]string{"deferred", "delivered", "refused"}[s] }

// Class says why. Upstairs it is a key of the message catalogue.
type Class string

// The classes.
const (
	Accepted Class = "accepted"
	Network  Class = "network" // no connection, or it broke
	TLS      Class = "tls"     // no TLS, or a certificate that does not verify
	Login    Class = "login"   // the relay does not take our name and password
	Busy     Class = "busy"    // the relay asks to come back
	Mailbox  Class = "mailbox" // no such mailbox, or full
	Size     Class = "size"
	Policy   Class = "policy"
	Protocol Class = "protocol" // any other answer
	Disk     Class = "disk"
	Value    Class = "value" // the mail itself is not fit to send
)

// Result is what became of a mail.
type Result struct {
	State State
	Class Class
	Code  int // of the relay's reply, 0 when there was none
	// Uncertain: the whole message went out and the answer did not come; another try may deliver it twice.
	Uncertain bool
}

// Transport hands mails on. It is safe for concurrent use.
type Transport interface {
	Send(ctx context.Context, m Mail) Result
	Close() error
}

// ofError classes what the SMTP client said.
func ofError(err error) Result {
	var reply *smtp.SMTPError
	if !errors.As(err, &reply) {
		return Result{State: Deferred, Class: Network}
	}
	r := Result{State: Deferred, Class: Protocol, Code: reply.Code}
	if reply.Code >= 500 {
		r.State = Refused
	}
	switch e := reply.EnhancedCode; {
	case reply.Code == 421:
		r.State, r.Class = Deferred, Busy
	case reply.Code == 530 || reply.Code == 535 || reply.Code == 454:
		r.State, r.Class = Deferred, Login // ours to mend, not the recipient's
	case reply.Code == 552 || e[1] == 3 && e[2] == 4:
		r.Class = Size
	case e[1] == 1 || e[1] == 2:
		r.Class = Mailbox
	case e[1] == 7:
		r.Class = Policy
	case e == smtp.EnhancedCodeNotSet && (reply.Code == 550 || reply.Code == 551 || reply.Code == 553):
		r.Class = Mailbox
	case reply.Code < 500:
		r.Class = Busy
	}
	return r
}
