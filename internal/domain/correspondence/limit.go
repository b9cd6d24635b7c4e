package correspondence

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
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
	address, domain := s.counted(t.Correspondent.Email)
	constituent := t.Correspondent.Organisation != 0 || t.Correspondent.Contact != 0 || letter == AutoThanks // thanks go to proved addresses only
	if err := tx.Hold(ctx, address); err != nil {
		return false, fmt.Errorf("count automatic mail: %w", err)
	}
	hour, day, ofDomain, err := s.sentLately(ctx, tx, address, domain, now)
	if err != nil {
		return false, err
	}
	if hour >= hourlyToAddress || day >= dailyToAddress || (!constituent && ofDomain >= hourlyToDomain) {
		return false, nil
	}
	return true, tx.Later(ctx, `INSERT INTO correspondence_automatic (address, domain, at) VALUES ($1, $2, $3)`, address, domain, now)
}

// counted gives the names under which automatic mail to an address is counted: of the address and of its domain.
func (s *Service) counted(email string) (address, domain []byte) {
	key := s.Ring.Derive("correspondence automatic/v1")
	email = strings.ToLower(email)
	return hashed(key, "address", email), hashed(key, "domain", email[strings.LastIndexByte(email, '@')+1:])
}

// sentLately counts the automatic mails to an address within an hour and a day, and to its domain within an hour.
func (s *Service) sentLately(ctx context.Context, tx *db.Tx, address, domain []byte, now time.Time) (hour, day, ofDomain int, err error) {
	err = tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM correspondence_automatic WHERE address = $1 AND at > $3),
		(SELECT count(*) FROM correspondence_automatic WHERE address = $1 AND at > $4),
		(SELECT count(*) FROM correspondence_automatic WHERE domain = $2 AND at > $3)`,
		address, domain, now.Add(-time.Hour), now.Add(-24*time.Hour)).Scan(&hour, &day, &ofDomain)
	if err != nil {
		err = fmt.Errorf("count automatic mail: %w", err)
	}
	return hour, day, ofDomain, err
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
