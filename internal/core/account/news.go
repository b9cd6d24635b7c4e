package account

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// News is something of which a person of an organisation may be told by mail.
type News string

// The news. What a law asks, and letters to the organisation's contacts, are none: they leave whatever is chosen.
const (
	Asked   News = "asked"   // requests and measures
	Written News = "written" // what the team writes to the organisation
	Stands  News = "stands"  // how own reports stand
)

// AllNews lists them in the order of the page.
var AllNews = []News{Asked, Written, Stands}

// Often is when a person is told.
type Often int64

// The times.
const (
	Never Often = iota
	Daily       // one letter in the morning, when something is new
	AtOnce
)

// morning is the hour of the person's zone from which the letter of the day leaves.
const morning = 7

// Settings are a person's own.
type Settings struct {
	Lang string
	Zone string // one of Zones; "" for the house's
	News map[News]Often
}

// Zones are the ones that can be chosen: of the European Union's capitals and outer regions, and UTC.
var Zones = []string{
	"UTC", "Atlantic/Azores", "Atlantic/Canary", "Atlantic/Madeira", "Europe/Amsterdam", "Europe/Athens", "Europe/Berlin", "Europe/Bratislava", "Europe/Brussels", "Europe/Bucharest",
	"Europe/Budapest", "Europe/Copenhagen", "Europe/Dublin", "Europe/Helsinki", "Europe/Lisbon", "Europe/Ljubljana", "Europe/London", "Europe/Luxembourg", "Europe/Madrid", "Europe/Malta",
	"Europe/Oslo", "Europe/Paris", "Europe/Prague", "Europe/Riga", "Europe/Rome", "Europe/Sofia", "Europe/Stockholm", "Europe/Tallinn", "Europe/Vienna", "Europe/Vilnius", "Europe/Warsaw",
	"Europe/Zagreb", "Europe/Zurich", "Asia/Nicosia",
}

// located are the zones by name; one that the machine does not know is left out.
var located = sync.OnceValue(func() map[string]*time.Location {
	out := map[string]*time.Location{}
	for _, name := range Zones {
		if z, err := time.LoadLocation(name); err == nil {
			out[name] = z
		}
	}
	return out
})

// OwnSettings gives the actor's own settings.
func (s *Service) OwnSettings(ctx context.Context, h db.Handle, by access.Actor) (Settings, error) {
	if by.Account == 0 {
		return Settings{}, errNobody
	}
	out := Settings{News: map[News]Often{}}
	if err := h.QueryRow(ctx, `SELECT lang, zone FROM account_person WHERE id = $1`, by.Account).Scan(&out.Lang, &out.Zone); err != nil {
		return out, err
	}
	rows, err := h.Query(ctx, `SELECT kind, often FROM account_news WHERE account = $1`, by.Account)
	return out, db.Each(rows, err, func(r *db.Rows) error {
		var kind string
		var often Often
		err := r.Scan(&kind, &often)
		out.News[News(kind)] = often
		return err
	})
}

// SaveSettings changes the actor's own settings. What is not named of the news is never told. News are for people of an organisation alone.
func (s *Service) SaveSettings(ctx context.Context, by access.Actor, in Settings) error {
	if by.Account == 0 {
		return errNobody
	}
	var p errs.Problems
	if !slices.Contains(langs, in.Lang) {
		p.Add("lang", "error.choice")
	}
	if in.Zone != "" && located()[in.Zone] == nil {
		p.Add("zone", "error.choice")
	}
	for k, often := range in.News {
		if !slices.Contains(AllNews, k) || often < Never || often > AtOnce {
			p.Add(string(k), "error.choice")
		}
	}
	if err := p.Err(); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		a, err := lockedID(ctx, tx, by.Account)
		if err != nil {
			return err
		}
		if a.Machine || !a.Active {
			return errNobody
		}
		was, err := s.OwnSettings(ctx, tx, by)
		if err != nil {
			return err
		}
		list := []audit.Change{{Field: "lang", From: was.Lang, To: in.Lang}, {Field: "zone", From: was.Zone, To: in.Zone}}
		if _, err := tx.Exec(ctx, `UPDATE account_person SET lang = $1, zone = $2 WHERE id = $3`, in.Lang, in.Zone, a.ID); err != nil {
			return err
		}
		for _, k := range AllNews {
			often := in.News[k]
			if a.Organisation == 0 {
				often = Never
			}
			list = append(list, audit.Change{Field: string(k), From: int64(was.News[k]), To: int64(often)})
			q := `INSERT INTO account_news (account, kind, often) VALUES ($1, $2, $3) ON CONFLICT (account, kind) DO UPDATE SET often = excluded.often`
			if often == Never {
				q = `DELETE FROM account_news WHERE account = $1 AND kind = $2 AND $3 = 0`
			}
			if _, err := tx.Exec(ctx, q, a.ID, string(k), int64(often)); err != nil {
				return err
			}
		}
		return s.record(ctx, tx, by, "account.settings", a, slices.DeleteFunc(list, func(c audit.Change) bool { return c.From == c.To })...)
	})
}

// NewsTx notes something new in a thread for the people of the organisation whose compartment it lies in, and gives those who want to be told at once. All
// of them wait until Told.
func (s *Service) NewsTx(ctx context.Context, tx *db.Tx, thread int64, kind News) ([]Account, error) {
	const who = ` FROM account_news n JOIN account_person p ON p.id = n.account JOIN object t ON t.id = $1 AND t.exercise = FALSE
		WHERE p.organisation = t.compartment AND p.organisation <> 0 AND p.active = TRUE AND p.folded <> '' AND n.kind = $2`
	list, err := db.All(ctx, tx, func(r *db.Rows) (a Account, err error) {
		var often Often
		if err := r.Scan(&a.ID, &a.Name, &a.Email, &a.Lang, &a.Organisation, &often); err != nil {
			return a, err
		}
		a.Active = often == AtOnce
		return a, nil
	}, `SELECT p.id, p.name, p.email, p.lang, p.organisation, n.often`+who+` ORDER BY p.id LIMIT 1000`, thread, string(kind))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	ids := make([]int64, len(list))
	for i, a := range list {
		ids[i] = a.ID
	}
	q := new(db.Query).Add(`UPDATE account_news SET waiting_at = COALESCE(waiting_at, ?) WHERE kind = ? AND account IN `, s.Clock.Now(), string(kind))
	if _, err := db.In(q, ids).Exec(ctx, tx); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(a Account) bool { return !a.Active }), nil
}

// ToldTx notes that somebody was told: nothing waits any more.
func (s *Service) ToldTx(ctx context.Context, tx *db.Tx, account int64) error {
	_, err := tx.Exec(ctx, `UPDATE account_news SET waiting_at = NULL, told_at = $1 WHERE account = $2 AND waiting_at IS NOT NULL`, s.Clock.Now(), account)
	return err
}

// NewsOfTheDay gives the people for whom something waits and whose morning has come, when they were told nothing that day, and forgets what somebody has
// looked at since: who came to the portal need not be told. house is the zone of who chose none.
func (s *Service) NewsOfTheDay(ctx context.Context, tx *db.Tx, house *time.Location) ([]Account, error) {
	_, err := tx.Exec(ctx, `UPDATE account_news SET waiting_at = NULL WHERE waiting_at IS NOT NULL
		AND EXISTS (SELECT 1 FROM account_session s WHERE s.account = account_news.account AND s.half = FALSE AND s.seen_at > account_news.waiting_at)`)
	if err != nil {
		return nil, err
	}
	type waiting struct {
		Account
		zone string
		told time.Time
	}
	list, err := db.All(ctx, tx, func(r *db.Rows) (w waiting, err error) {
		return w, r.Scan(&w.ID, &w.Name, &w.Email, &w.Lang, &w.Organisation, &w.Active, &w.zone, &w.told)
	}, `SELECT p.id, p.name, p.email, p.lang, p.organisation, p.active, p.zone, MAX(all_of.told_at) FROM account_person p JOIN account_news all_of ON all_of.account = p.id
		WHERE p.id IN (SELECT n.account FROM account_news n WHERE n.waiting_at IS NOT NULL) AND p.active = TRUE AND p.folded <> ''
		GROUP BY p.id, p.name, p.email, p.lang, p.organisation, p.active, p.zone ORDER BY p.id LIMIT 2000`)
	var out []Account
	now := s.Clock.Now()
	for _, w := range list {
		zone := located()[w.zone]
		if zone == nil {
			zone = house
		}
		local := now.In(zone)
		if local.Hour() >= morning && (w.told.IsZero() || w.told.In(zone).Format(time.DateOnly) != local.Format(time.DateOnly)) {
			out = append(out, w.Account)
		}
	}
	return out, err
}
