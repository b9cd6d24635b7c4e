package correspondence

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Colleague is somebody of the team who is told by mail that something waits on the desk.
type Colleague struct {
	Account     int64
	Name        string
	Email, Lang string
}

// NoticeFor is what a colleague is told: which letter of the catalogue, and the number of what it is about. It has no room for anything else (rule O9).
type NoticeFor struct {
	Letter AutoLetter // AutoAlarm, AutoTask, AutoLate, AutoHealth, AutoSpam or AutoPage
	Number Number     // zero for what must not be named outside
	Count  int        // of AutoSpam: how many
}

// Of the automatic mail that one address may get, deadlines leave the rest to alarms: a flood of them keeps no alarm back.
const (
	hourlyLate = hourlyToAddress - 1
	dailyLate  = dailyToAddress - 4
)

// NoticeTx tells colleagues, each in its language and on a thread of its own, by the road and within the limits of all automatic mail. Who was told
// as often as the limits allow is left out: the desk shows the rest. It gives how many letters were written.
func (s *Service) NoticeTx(ctx context.Context, tx *db.Tx, to []Colleague, n NoticeFor) (int, error) {
	auto := &Auto{Letter: n.Letter, At: s.Clock.Now(), Number: n.Number, Count: n.Count}
	if err := auto.check(); err != nil {
		return 0, err
	}
	to = slices.Clone(to)
	slices.SortFunc(to, func(a, b Colleague) int { return cmp.Compare(a.Account, b.Account) }) // one order of locks
	to = slices.CompactFunc(to, func(a, b Colleague) bool { return a.Account == b.Account })
	told := 0
	for _, c := range to {
		if c.Account == 0 || c.Email == "" {
			continue
		}
		full, err := s.toldEnough(ctx, tx, c.Email, n.Letter == AutoLate)
		if err != nil {
			return told, err
		}
		if full && n.Letter != AutoPage {
			continue
		}
		thread, err := s.colleagueThread(ctx, tx, c)
		if err != nil {
			return told, fmt.Errorf("tell a colleague: %w", err)
		}
		if _, err := s.SendTx(ctx, tx, access.System("sender"), thread, Outgoing{Kind: Notice, Auto: auto}); err != nil {
			return told, fmt.Errorf("tell a colleague: %w", err)
		}
		told++
	}
	return told, nil
}

// colleagueThread gives the thread of a colleague, made at the first notice and kept at its present address.
func (s *Service) colleagueThread(ctx context.Context, tx *db.Tx, c Colleague) (int64, error) {
	is := Correspondent{Name: c.Name, Email: c.Email, Lang: c.Lang}
	about := ref.Ref{Kind: ref.Account, ID: c.Account}
	list, err := s.ThreadsAbout(ctx, tx, c.Account)
	if err != nil {
		return 0, err
	}
	if len(list) == 0 {
		t, err := s.OpenThreadTx(ctx, tx, access.System("sender"), NewThread{About: about, TLP: tlp.Green, Prefix: "N", Correspondent: is})
		return t.Ref.ID, err
	}
	t := list[0]
	if t.Correspondent == is {
		return t.Ref.ID, nil
	}
	return t.Ref.ID, s.AmendTx(ctx, tx, access.System("sender"), t.Ref.ID, is)
}

// toldEnough tells whether an address got as many automatic letters as it may.
func (s *Service) toldEnough(ctx context.Context, tx *db.Tx, email string, late bool) (bool, error) {
	most, mostToday := hourlyToAddress, dailyToAddress
	if late {
		most, mostToday = hourlyLate, dailyLate
	}
	known, err := s.automatic(ctx, tx, []string{email}, s.Clock.Now())
	if err != nil {
		return false, err
	}
	address, _ := s.counted(email)
	to := known.sent[string(address)]
	return to.hour >= most || to.day >= mostToday, nil
}
