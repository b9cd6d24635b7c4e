package correspondence

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/blob"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Team is how we appear outside.
type Team struct {
	Name        string // "CERT.EX"
	Address     string // the intake address, "report@cert.example"; reply addresses are report+TAG@cert.example
	Suspicious  string // the address for suspicious messages of the public when the house began; "" for none
	Phone       string
	URL         string         // public address of the pages, without a final slash
	Desk        string         // where the team signs in, when it is not URL
	Portal      string         // where organisations sign in, when it is not URL
	Fingerprint string         // of the team's OpenPGP key, for the foot of every letter
	Zone        *time.Location // in which letters write times; UTC when nil
}

// ReplyTo gives the address whose tag files an answer.
func (t Team) ReplyTo(tag string) string {
	local, domain, _ := strings.Cut(t.Address, "@")
	return local + "+" + tag + "@" + domain
}

// Takes tells whether mail for a recipient comes to one of our mailboxes: the address with any tag or none.
func Takes(mailbox, recipient string) bool {
	local, domain, ok := strings.Cut(mailbox, "@")
	at := strings.LastIndexByte(recipient, '@')
	if !ok || at < 0 || !strings.EqualFold(strings.TrimSuffix(recipient[at+1:], "."), domain) {
		return false
	}
	name, _, _ := strings.Cut(recipient[:at], "+")
	return strings.EqualFold(name, local)
}

// Public tells whether a mail came to the address for suspicious messages and to no other of ours.
func (t Team) Public(recipients []string) bool {
	lane := false
	for _, r := range recipients {
		if !Takes(t.Suspicious, r) {
			return false
		}
		lane = true
	}
	return lane
}

// CheckSuspicious says what is wrong with an address for suspicious messages, as a key of the catalogue; "" for nothing. None is an address too. Reply
// addresses are made with a plus sign.
func (t Team) CheckSuspicious(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	switch {
	case address == "":
		return ""
	case !ok || local == "" || domain == "" || len(address) > 254 || strings.ContainsAny(address, "+,;:<>()[]\"\\") || strings.Contains(domain, "@") ||
		strings.IndexFunc(address, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0:
		return "error.email"
	case strings.EqualFold(address, t.Address) || strings.EqualFold(local, "postmaster"):
		return "error.address.same"
	}
	return ""
}

// domain gives the part of our address behind the @.
func (t Team) domain() string {
	_, domain, _ := strings.Cut(t.Address, "@")
	return domain
}

// Service owns threads and messages.
type Service struct {
	DB           *db.DB
	Clock        clock.Clock
	Ring         *keyring.Ring
	Audit        *audit.Log
	Jobs         *job.Queue
	Blobs        blob.Store
	Egress       *egress.Gate
	Constituency *constituency.Service
	Text         *text.Catalogue
	Team         Team
	Hold         time.Duration // how long what a person sends is held; 20 s
	// Follow hears in the same transaction what became of messages; nil when nobody asks.
	Follow Follower
	// Adds gives what a letter of a person to a reporter says besides, in the reader's language, "" for nothing. It stands where the letter has HoleAdded, or at its end.
	Adds func(ctx context.Context, tx *db.Tx, t Thread) (string, error)
	// Postman signs, encrypts and sends; only processes with the worker role have one.
	Postman *Postman
	// Brake is from where a second person is asked (rule O5); a zero number takes MassReaders, MassLabelled.
	Brake struct{ Readers, Labelled int }
	// Opening gives the link of an account for a letter that leaves now; errs.ErrNotFound when it is dead. Nil: letters with such a link do not leave.
	Opening func(ctx context.Context, account int64) (string, error)
	// Alarms hears of masses that left on the word of one person.
	Alarms *alarm.Service

	published atomic.Pointer[string]    // fingerprint of the team's key as it is now
	certEnds  atomic.Pointer[time.Time] // when the team's S/MIME certificate ends; nil for none
	lane      atomic.Pointer[string]    // the address for suspicious messages as it is now
	read      readings
}

// HandedOnAt tells the address for suspicious messages from now on; "" for none.
func (s *Service) HandedOnAt(address string) { s.lane.Store(&address) }

// Suspicious gives the address for suspicious messages; "" for none.
func (s *Service) Suspicious() string {
	if now := s.lane.Load(); now != nil {
		return *now
	}
	return s.Team.Suspicious
}

// toLane tells whether a mail came to the address for suspicious messages and to no other of ours.
func (s *Service) toLane(recipients []string) bool {
	t := s.Team
	t.Suspicious = s.Suspicious()
	return t.Public(recipients)
}

// Certified tells until when the team signs with S/MIME; the zero time is never.
func (s *Service) Certified(until time.Time) { s.certEnds.Store(&until) }

func (s *Service) certified(now time.Time) bool {
	until := s.certEnds.Load()
	return until != nil && now.Before(*until)
}

// Published tells the fingerprint of the key that the team has published, for the foot of letters from now on.
func (s *Service) Published(fingerprint string) { s.published.Store(&fingerprint) }

// Work registers the jobs of this duty. A process without a Postman leaves the letters to another.
func (s *Service) Work(r *job.Registry) {
	if s.Postman != nil {
		job.Handle(r, job.Send, s.send)
	}
	job.Handle(r, job.House, s.sweep)
	job.Handle(r, job.House, s.unlink)
	r.Every("correspondence.sweep", time.Minute, job.House, SweepJob{})
}

// Follower is a duty above that acts on what became of messages.
type Follower interface {
	// MessageStoppedTx hears of an outgoing message that a person stopped.
	MessageStoppedTx(ctx context.Context, tx *db.Tx, by access.Actor, m Message) error
	// MessageSentTx hears of a message that left.
	MessageSentTx(ctx context.Context, tx *db.Tx, m Message, at time.Time) error
	// CodesLeftTx hears how many codes of locked files on a thread are still to be told, when one was told or its letter taken back.
	CodesLeftTx(ctx context.Context, tx *db.Tx, by access.Actor, t Thread, left int) error
	// ReturnedTx hears of a letter that came back, or that was refused for good for its address.
	ReturnedTx(ctx context.Context, tx *db.Tx, m Message) error
	// ReleasedTx hears of an unverified message that a person let count as the correspondent's.
	ReleasedTx(ctx context.Context, tx *db.Tx, by access.Actor, m Message) error
}
