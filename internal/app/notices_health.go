package app

import (
	"context"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

const settingUnwell = "health.told"

// lasting are the checks that are no matter of a moment.
var lasting = []string{"disk", "root key", "key process", "OpenPGP key", "backup"}

// tellHealth tells administrators and leads once when a lasting check fails, and again only when it has been well in between.
func (h *House) tellHealth(ctx context.Context) error {
	var bad []string
	for _, c := range append(h.Ready(ctx), h.Doctor(ctx)...) {
		if !c.OK && slices.Contains(lasting, c.Name) {
			bad = append(bad, c.Name)
		}
	}
	slices.Sort(bad)
	var told []string
	if err := setting.Get(ctx, h.DB, settingUnwell, &told); err != nil || slices.Equal(told, bad) {
		return err
	}
	return h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := setting.Get(ctx, tx, settingUnwell, &told); err != nil {
			return err
		}
		fresh := slices.DeleteFunc(slices.Clone(bad), func(s string) bool { return slices.Contains(told, s) })
		now := h.Clock.Now()
		if err := setting.Put(ctx, tx, 0, now, settingUnwell, bad); err != nil || len(fresh) == 0 {
			return err
		}
		who, err := h.Accounts.Reached(ctx, tx, []access.Role{access.Admin, access.Lead})
		if err != nil {
			return err
		}
		if _, err := h.Correspondence.NoticeTx(ctx, tx, colleagues(who, 0), correspondence.NoticeFor{Letter: correspondence.AutoHealth}); err != nil {
			return err
		}
		return h.Audit.Write(ctx, tx, audit.Entry{At: now, By: access.System("clocks"), Verb: "house.unwell", Data: map[string]any{"checks": fresh}})
	})
}
