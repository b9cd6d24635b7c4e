package correspondence

import (
	"context"
	"fmt"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A letter with the link of an account is kept without it: where the link stands, it says so. Who reads the outbox reads no link; it is made when the letter
// leaves, and a letter whose link is dead by then does not leave.

// OpeningTx writes a letter that carries the link of an account to its owner, AutoInvitation or AutoPassword, by the road of all automatic mail. A letter
// over its limits waits for a person.
func (s *Service) OpeningTx(ctx context.Context, tx *db.Tx, to Colleague, letter AutoLetter, organisation int64) error {
	if letter != AutoInvitation && letter != AutoPassword {
		return fmt.Errorf("write to the owner of an account: letter %d carries no link", letter)
	}
	thread, err := s.accountThread(ctx, tx, to.Account, Correspondent{Name: to.Name, Email: to.Email, Lang: to.Lang, Organisation: organisation})
	if err == nil {
		_, err = s.SendTx(ctx, tx, access.System("sender"), thread, Outgoing{Kind: Notice, Auto: &Auto{Letter: letter, At: s.Clock.Now()}})
	}
	if err != nil {
		return fmt.Errorf("write to the owner of an account: %w", err)
	}
	return nil
}

// NewsTx tells a person of an organisation, who chose to be told, that something is new in the portal: the catalogue's words and the way there. Who was told as
// often as the limits of automatic mail allow is not told now; it gives whether a letter was written.
func (s *Service) NewsTx(ctx context.Context, tx *db.Tx, to Colleague, organisation int64) (bool, error) {
	full, err := s.toldEnough(ctx, tx, to.Email, false)
	if err != nil || full || organisation == 0 {
		return false, err
	}
	thread, err := s.accountThread(ctx, tx, to.Account, Correspondent{Name: to.Name, Email: to.Email, Lang: to.Lang, Organisation: organisation})
	if err == nil {
		_, err = s.SendTx(ctx, tx, access.System("sender"), thread, Outgoing{Kind: Notice, Auto: &Auto{Letter: AutoNews, At: s.Clock.Now()}})
	}
	if err != nil {
		return false, fmt.Errorf("tell news: %w", err)
	}
	return true, nil
}

// opened puts the link into a letter that leaves.
func (s *Service) opened(ctx context.Context, l *outbound, body string) (string, error) {
	if !l.content.Opens {
		return body, nil
	}
	mark := s.printer(l.content.Lang).T("mail.opening.here")
	if s.Opening == nil || !strings.Contains(body, mark) {
		return "", errs.ErrNotFound
	}
	link, err := s.Opening(ctx, l.thread.About.ID)
	if err != nil {
		return "", err
	}
	return strings.Replace(body, mark, link, 1), nil
}
