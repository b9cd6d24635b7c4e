package mailroom

import (
	"context"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// public tells whether a mail is for the public lane alone.
func (m *Room) public(l *letter) bool { return m.Suspicion != nil && l.arrival.Public }

// fileOrCount files a mail, or tells that it is to be counted in the public lane. What a program answers to a letter of ours belongs to that letter, and what was
// filed as a report is none of the lane's.
func (m *Room) fileOrCount(ctx context.Context, tx *db.Tx, l *letter) (under ref.Ref, counted bool, err error) {
	if !m.public(l) {
		if under, err = m.file(ctx, tx, l); err == nil && m.Suspicion != nil && l.outer != nil && m.named(l.outer, m.Correspondence.Suspicious()) {
			err = m.Suspicion.TakeBackTx(ctx, tx, slices.Concat(written(l.arrival.Raw)))
		}
		return under, false, err
	}
	if l.outer == nil { // nobody could read it: it is counted as what it is, and kept
		return ref.Ref{}, true, nil
	}
	if id := l.answered(); id != "" {
		if _, err := m.Correspondence.ByMessageID(ctx, tx, id); err == nil {
			under, err = m.file(ctx, tx, l)
			return under, false, err
		}
	}
	if m.named(l.outer, m.Correspondence.Team.Address) {
		if before, twice, err := m.reportedBefore(ctx, tx, l); err != nil || twice {
			return before, false, err
		}
	}
	return ref.Ref{}, true, nil
}

// named tells whether the visible recipients of a mail are a mailbox of ours among others.
func (m *Room) named(msg *mail.Message, mailbox string) bool {
	if mailbox == "" {
		return false
	}
	for _, field := range []string{"To", "Cc"} {
		list, _ := msg.Header().Addresses(field)
		for _, a := range list {
			if correspondence.Takes(mailbox, a.Addr) {
				return true
			}
		}
	}
	return false
}

// count hands mails of the public lane to the duty. Thanks go to who is proved and seems to be a person.
func (m *Room) count(ctx context.Context, tx *db.Tx, letters []*letter) error {
	if len(letters) == 0 {
		return nil
	}
	list := make([]suspicion.Message, len(letters))
	for i, l := range letters {
		in := suspicion.Message{Arrival: l.arrival.ID, At: l.arrival.ReceivedAt}
		if l.outer != nil {
			in.Same, in.Reading = slices.Concat(written(l.arrival.Raw)), l.attack
			in.Sender, in.Lang = l.sender.address, m.languageOf(l)
			in.Proved = l.sender.proof == correspondence.Aligned || l.sender.proof == correspondence.SignedByKey
			in.Proved = in.Proved && len(l.automatic) == 0 && !l.bounce && l.sender.address != ""
			if in.Proved {
				in.Contact, in.Org = l.sender.contact.ID, l.sender.contact.Organisation
			}
		}
		list[i] = in
	}
	return m.Suspicion.TakeTx(ctx, tx, by(), list)
}
