package app

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

const (
	settingSpamTold = "intake.lane_told"
	spamToldAt      = 7 // o'clock, where the team is
)

// tellSpam tells the duty officer once a day how much came to the lane of probable spam since it was told last, or since somebody looked: nothing when
// nothing did.
func (h *House) tellSpam(ctx context.Context) error {
	now := h.Clock.Now()
	here := now.In(h.Config.Location())
	today := time.Date(here.Year(), here.Month(), here.Day(), spamToldAt, 0, 0, 0, here.Location())
	var told time.Time
	if err := setting.Get(ctx, h.DB, settingSpamTold, &told); err != nil || here.Before(today) || !told.Before(today) {
		return err
	}
	n, err := h.Intake.LaneFresh(ctx, access.System("intake"), told)
	if err != nil {
		return err
	}
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := setting.Get(ctx, tx, settingSpamTold, &told); err != nil || !told.Before(today) {
			return err
		}
		if err := setting.Put(ctx, tx, 0, now, settingSpamTold, now); err != nil || n == 0 {
			return err
		}
		list, err := h.Accounts.Reached(ctx, tx, []access.Role{access.Duty})
		if err == nil && len(list) == 0 {
			list, err = h.Accounts.Reached(ctx, tx, []access.Role{access.Lead})
		}
		if err != nil {
			return err
		}
		if _, err := h.Correspondence.NoticeTx(ctx, tx, colleagues(list, 0), correspondence.NoticeFor{Letter: correspondence.AutoSpam, Count: n}); err != nil {
			return err
		}
		return h.Audit.Write(ctx, tx, audit.Entry{At: now, By: access.System("clocks"), Verb: "house.spam_told", Data: map[string]any{"count": n}})
	})
}
