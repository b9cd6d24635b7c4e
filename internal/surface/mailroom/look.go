package mailroom

import (
	"context"
	"net/http"
	"strings"

	"golang.org/x/net/idna"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// LookJob asks the key directory of a contact's domain for its key.
type LookJob struct {
	Contact int64 `json:"contact"`
}

// Kind names the job.
func (LookJob) Kind() string { return "mailroom.look" }

// maxPublished is the most that is read of a published key, with the signatures of others that flooded ones carry.
const maxPublished = 1 << 20

// lookTx has the directory asked for a contact of whom we have no key. Only a proved mail of the contact is a reason: else a stranger could have us call at
// domains of its choice.
func (m *Room) lookTx(ctx context.Context, tx *db.Tx, l *letter) error {
	if m.Fetch == nil || l.sender.contact.ID == 0 || !l.sender.proof.Proved() || m.Constituency.Jobs == nil {
		return nil
	}
	look, err := m.Constituency.LookTx(ctx, tx, l.sender.contact.ID)
	if err != nil || !look {
		return err
	}
	return m.Constituency.Jobs.Insert(ctx, tx, LookJob{Contact: l.sender.contact.ID}, job.Options{Unique: true})
}

// Look asks the two places of a web key directory, the advanced one first, and offers what is there to a person (rule P9). A directory that does not answer
// is asked again by a later mail.
func (m *Room) Look(ctx context.Context, args LookJob) error {
	if m.Fetch == nil {
		return nil
	}
	c, err := m.Constituency.ContactByID(ctx, m.DB, args.Contact)
	if errs.Is(err, errs.NotFound) || err == nil && c.Email == "" {
		return nil
	}
	if err != nil {
		return err
	}
	found := m.published(ctx, c.Email)
	if found == nil {
		return nil
	}
	return m.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return m.offerKeys(ctx, tx, c.ID, c.Email, found, "wkd")
	})
}

// published gives what the directory of the address's domain holds, or nil.
func (m *Room) published(ctx context.Context, address string) []byte {
	at := strings.LastIndexByte(address, '@')
	host, err := idna.Lookup.ToASCII(address[at+1:])
	if at < 1 || err != nil || !strings.Contains(host, ".") {
		return nil
	}
	advanced, direct, err := pgp.WKDPaths(address[:at+1] + host)
	if err != nil {
		return nil
	}
	for _, place := range []string{"https://openpgpkey." + host + advanced, "https://" + host + direct} {
		status, key, err := m.Fetch.Get(ctx, place, maxPublished)
		if err != nil {
			continue // there may be no such host
		}
		if status == http.StatusOK && len(key) <= maxPublished {
			return key
		}
		if status < http.StatusInternalServerError {
			return nil // the host of a directory has the last word
		}
	}
	return nil
}
