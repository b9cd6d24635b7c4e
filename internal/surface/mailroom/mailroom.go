// Package mailroom turns received mail into verbs: it takes what the SMTP or LMTP server hands over to disk, then opens, checks and files it.
//
//	backend.go  what the server asks: which recipients we have, and keeping a mail before "250"
//	mailbox.go  the same for mail that is fetched
//	sort.go     the job: each arrival is filed once, or set aside for a person; one that breaks the reader stops no other
//	read.go     one mail: its tree, its outermost layers of OpenPGP or S/MIME, its text, its attachments
//	sender.go   who wrote it, and how sure we are
//	bounce.go   a letter of ours that came back
//	understand.go what it is about: reports in fields, mails within, its language
//	sift.go     what speaks for spam, and which rule is for it: where it lies among the reports
//	twice.go    the same mail again
//	language.go the language of an answer
//	verify.go   signatures are checked again when a key is approved
//	look.go     a key that the domain of a proved contact publishes is offered to a person
//	public.go   what is for the public lane: counted there, and no report
//	file.go     where it belongs: the tag says where, the sender says how far
//
// It decides nothing that a duty decides and has no table. Fields of a mail that look like commands have no effect (rule M7).
package mailroom

import (
	"log/slog"
	"sync"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// Room files mail.
type Room struct {
	DB             *db.DB // for the one transaction that the duties share
	Clock          clock.Clock
	Log            *slog.Logger // ids, kinds and durations only
	Constituency   *constituency.Service
	Correspondence *correspondence.Service
	Intake         *intake.Service
	Coordination   *coordination.Service
	Suspicion      *suspicion.Service // nil files what is for the public lane as reports
	Checker        *auth.Checker
	Agent          pgp.Agent        // the key process; nil leaves encrypted mail closed, kept and shown as such
	SMIME          smime.Agent      // the key process too; nil leaves S/MIME closed
	Authorities    *smime.TrustFile // of certificates that the house trusts; nil is none
	Fetch          *fetch.Client    // asks key directories for the keys of proved contacts; nil asks nobody
	Lang           string           // of reporters whose language we do not know; "en" when empty

	read  func(raw []byte) *mail.Message // mail.Parse; a test breaks it
	large sync.Mutex                     // held while a large mail is in memory
	hands hands
}

// Work registers the workers that file arrivals and check signatures again.
func (m *Room) Work(r *job.Registry) {
	job.Handle(r, job.Mail, m.Sort)
	job.Handle(r, job.House, m.Verify)
	job.Handle(r, job.House, m.Look)
}
