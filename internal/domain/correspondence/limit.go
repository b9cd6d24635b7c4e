package correspondence

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// The limits of automatic mail (rule M9).
const (
	hourlyToAddress = 3
	dailyToAddress  = 10
	hourlyToDomain  = 30 // of a domain that is no constituent's
)

// underLimit tells whether an automatic mail to the thread's correspondent is within the limits, and counts it when it is. Two transactions
// that write to the same address wait for each other. Those of a domain do not, for half of a country's mail may be of one: its limit may be
// passed by what is written at the same moment.
func (s *Service) underLimit(ctx context.Context, tx *db.Tx, t Thread, letter AutoLetter, now time.Time) (bool, error) {
	constituent := t.Correspondent.Organisation != 0 || t.Correspondent.Contact != 0 || letter == AutoThanks // thanks go to proved addresses only
	known, err := s.automatic(ctx, tx, []string{t.Correspondent.Email}, now)
	if err != nil {
		return false, err
	}
	address, domain := s.counted(t.Correspondent.Email)
	to, of := known.sent[string(address)], known.sent[string(domain)]
	if to.hour >= hourlyToAddress || to.day >= dailyToAddress || (!constituent && of.hour >= hourlyToDomain) {
		return false, nil
	}
	to.hour++
	to.day++
	of.hour++
	known.rows = append(known.rows, []any{address, domain, now})
	return true, nil
}

// lately is what a transaction knows of the automatic mails to addresses and domains, its own among them.
type lately struct {
	sent map[string]*sent // by the names that counted gives
	rows [][]any          // to be inserted
}

// sent counts automatic mails of an hour, and of a day where that matters.
type sent struct{ hour, day int }

// ofAutomatic is the key of what a transaction knows.
type ofAutomatic struct{ s *Service }

// ForeseeAutomaticTx looks up the limits of all who will be written to in this transaction at once.
func (s *Service) ForeseeAutomaticTx(ctx context.Context, tx *db.Tx, emails []string) error {
	_, err := s.automatic(ctx, tx, emails, s.Clock.Now())
	return err
}

// automatic counts the automatic mails to addresses within an hour and a day, and to their domains within an hour, those that it does not know yet.
func (s *Service) automatic(ctx context.Context, tx *db.Tx, emails []string, now time.Time) (*lately, error) {
	known := db.Gather(tx, ofAutomatic{s}, func(ctx context.Context, all *lately) error {
		return db.InsertMany(ctx, tx, "correspondence_automatic", []string{"address", "domain", "at"}, all.rows)
	})
	if known.sent == nil {
		known.sent = map[string]*sent{}
	}
	var addresses, domains [][]byte
	for _, email := range emails {
		address, domain := s.counted(email)
		for _, x := range []struct {
			name []byte
			list *[][]byte
		}{{address, &addresses}, {domain, &domains}} {
			if known.sent[string(x.name)] == nil {
				known.sent[string(x.name)] = new(sent)
				*x.list = append(*x.list, x.name)
			}
		}
	}
	slices.SortFunc(addresses, bytes.Compare) // in one order: nobody waits in a circle
	for _, a := range addresses {
		if err := tx.Hold(ctx, a); err != nil {
			return nil, fmt.Errorf("count automatic mail: %w", err)
		}
	}
	q := new(db.Query)
	if len(addresses) > 0 {
		q.Add(`SELECT address, COUNT(CASE WHEN at > ? THEN 1 END), COUNT(*) FROM correspondence_automatic WHERE at > ? AND address IN `, now.Add(-time.Hour), now.Add(-24*time.Hour))
		db.In(q, addresses).Add(` GROUP BY address`)
	}
	if len(domains) > 0 {
		if len(addresses) > 0 {
			q.Add(` UNION ALL `)
		}
		q.Add(`SELECT domain, COUNT(*), 0 FROM correspondence_automatic WHERE at > ? AND domain IN `, now.Add(-time.Hour))
		db.In(q, domains).Add(` GROUP BY domain`)
	}
	if len(addresses)+len(domains) == 0 {
		return known, nil
	}
	_, err := db.List(ctx, tx, q, func(r *db.Rows) (name []byte, err error) {
		var n sent
		err = r.Scan(&name, &n.hour, &n.day)
		if err == nil {
			*known.sent[string(name)] = n
		}
		return name, err
	})
	if err != nil {
		return nil, fmt.Errorf("count automatic mail: %w", err)
	}
	return known, nil
}

// counted gives the names under which automatic mail to an address is counted: of the address and of its domain.
func (s *Service) counted(email string) (address, domain []byte) {
	key := s.Ring.Derive("correspondence automatic/v1")
	email = strings.ToLower(email)
	return hashed(key, "address", email), hashed(key, "domain", email[strings.LastIndexByte(email, '@')+1:])
}

func hashed(key []byte, purpose, value string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(purpose + ":" + value))
	return m.Sum(nil)
}

// sweepLimits forgets what counts no more.
func (s *Service) sweepLimits(ctx context.Context) error {
	old := s.Clock.Now().Add(-retain.CountersFor)
	_, err := s.DB.Exec(ctx, `DELETE FROM correspondence_automatic WHERE at < $1`, old)
	return err
}
